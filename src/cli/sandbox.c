/*
 * The verb `sandbox`: registration at run time. Relative paths of policies are made absolute here,
 * because namegated runs elsewhere.
 */
#include "config.h"
#include "cli/control_client.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "conf/sources.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: namegate sandbox add NAME --source PREFIX...|--uid USER|--cgroup "
	"PATH|--sidecar\n"
	"                            [option...]\n"
	"       namegate sandbox remove NAME\n"
	"       namegate sandbox mode NAME enforce|observe|lockdown\n"
	"       namegate sandbox list\n"
	"\n"
	"Registers, removes, changes and lists sandboxes of a running namegated. A "
	"registration\n"
	"outlives restarts; a removal closes the sandbox's addresses and cuts its flows.\n"
	"\n"
	"  --source PREFIX     an address or prefix that the sandbox sends from (again for "
	"more)\n"
	"  --interface NAME    the host-side interface that it sends through\n"
	"  --bridge NAME       the bridge that the interface is a port of\n"
	"  --uid USER          instead: it is the processes of this user, on this host\n"
	"  --cgroup PATH       or of this cgroup, such as /ci.slice/job-1.scope\n"
	"  --sidecar           or all that shares namegated's network namespace\n"
	"  --policy FILE       a host list or RPZ zone, preset:NAME or zone:NAME (again for "
	"more;\n"
	"                      root only)\n"
	"  --group NAME        a group of the configuration, whose policies hold for it too\n"
	"  --allow ENTRY       one line of a host list, such as *.example.com (again for "
	"more)\n"
	"  --private PREFIX    a private prefix that its answers may open (again for more)\n"
	"  --mode MODE         enforce (default), observe or lockdown\n"
	"  --masquerade        let it reach the world under the host's address\n"
	"  --snat ADDRESS      or under this one, which the host must have (again for the "
	"other\n"
	"                      family)\n"
	"  --budget OCTETS     what new names below a wildcard may carry out a minute, or off\n"
	"  --no-aaaa           IPv6 addresses are not told\n"
	"  --json              print JSON\n"
	"  --control SOCKET    namegated's control socket\n"
	"\n"
	"Exit code: 0, 1 refused (stderr says why), 2 wrong command line, 3 namegated cannot "
	"be\n"
	"reached.\n";

static const struct option long_options[] = {
	CLIENT_LONG_OPTIONS,
	{"source", required_argument, NULL, 's'},
	{"interface", required_argument, NULL, 'i'},
	{"bridge", required_argument, NULL, 'b'},
	{"uid", required_argument, NULL, 'u'},
	{"cgroup", required_argument, NULL, 'C'},
	{"sidecar", no_argument, NULL, 'k'},
	{"policy", required_argument, NULL, 'p'},
	{"group", required_argument, NULL, 'g'},
	{"allow", required_argument, NULL, 'a'},
	{"private", required_argument, NULL, 'P'},
	{"mode", required_argument, NULL, 'm'},
	{"masquerade", no_argument, NULL, 'M'},
	{"snat", required_argument, NULL, 'S'},
	{"budget", required_argument, NULL, 'B'},
	{"no-aaaa", no_argument, NULL, 'A'},
	{NULL, 0, NULL, 0},
};

static void append(json_t *object, const char *key, json_t *value)
{
	json_t *list = json_object_get(object, key);
	if (!list) {
		json_object_set_new(object, key, json_array());
		list = json_object_get(object, key);
	}
	json_array_append_new(list, value);
}

static bool append_path(json_t *object, const char *path)
{
	if (!source_is_path(path)) {
		append(object, "policies", json_string(path));
		return true;
	}
	char *absolute = realpath(path, NULL);
	if (!absolute) {
		fprintf(stderr, "namegate: --policy %s: %s\n", path, strerror(errno));
		return false;
	}
	append(object, "policies", json_string(absolute));
	free(absolute);
	return true;
}

/* What is no number goes over as it is: namegated says what is wrong with it. */
static json_t *budget_value(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);
	return *text && !*end ? json_integer(value) : json_string(text);
}

/* Puts one option into the request; false when it is none of ours, or wrong. */
static bool take(json_t *request, int option)
{
	switch (option) {
	case 's':
		append(request, "sources", json_string(optarg));
		return true;
	case 'i':
		return !json_object_set_new(request, "interface", json_string(optarg));
	case 'b':
		return !json_object_set_new(request, "bridge", json_string(optarg));
	case 'u':
		return !json_object_set_new(request, "uid", json_string(optarg));
	case 'C':
		return !json_object_set_new(request, "cgroup", json_string(optarg));
	case 'k':
		return !json_object_set_new(request, "sidecar", json_true());
	case 'p':
		return append_path(request, optarg);
	case 'g':
		return !json_object_set_new(request, "group", json_string(optarg));
	case 'a':
		append(request, "allow", json_string(optarg));
		return true;
	case 'P':
		append(request, "private", json_string(optarg));
		return true;
	case 'm':
		return !json_object_set_new(request, "mode", json_string(optarg));
	case 'S':
		append(request, "snat", json_string(optarg));
		return true;
	case 'B':
		return !json_object_set_new(request, "budget", budget_value(optarg));
	case 'A':
		return !json_object_set_new(request, "aaaa", json_false());
	case 'M':
		return !json_object_set_new(request, "masquerade", json_true());
	default:
		return false;
	}
}

static char *join(const json_t *list)
{
	size_t i, len = 1;
	json_t *item;
	json_array_foreach(list, i, item) len += json_string_length(item) + 1;
	char *text = calloc(1, len);
	json_array_foreach(list, i, item)
	{
		if (text && i)
			strcat(text, " ");
		if (text)
			strcat(text, json_string_value(item));
	}
	return text;
}

/* Packets that were dropped; "?" while the warden is down. */
static void print_blocked(const json_t *row, char *out, size_t size)
{
	const json_t *refused = json_object_get(row, "refused");
	const json_t *forged = json_object_get(row, "forged");
	if (json_is_integer(refused) && json_is_integer(forged))
		snprintf(out, size, "%lld",
			 (long long)(json_integer_value(refused) + json_integer_value(forged)));
	else
		snprintf(out, size, "?");
}

/* What it is told by: its interface ("tap1", "tap1 on br0"), or what it has in its place. The caller's. */
static char *told_by(const json_t *row)
{
	const char *uid = json_string_value(json_object_get(row, "uid"));
	const char *cgroup = json_string_value(json_object_get(row, "cgroup"));
	const char *interface = json_string_value(json_object_get(row, "interface"));
	const char *bridge = json_string_value(json_object_get(row, "bridge"));
	char *text = NULL;
	if (json_is_true(json_object_get(row, "sidecar")))
		return strdup("sidecar");
	if (uid && *uid)
		return asprintf(&text, "user %s", uid) < 0 ? NULL : text;
	if (interface && bridge && *bridge)
		return asprintf(&text, "%s on %s", interface, bridge) < 0 ? NULL : text;
	return strdup(cgroup && *cgroup ? cgroup : interface ? interface : "");
}

static void print_list(const json_t *reply)
{
	struct client_table table = {.heads = {"SANDBOX", "STATE", "MODE", "BY", "GROUP",
					       "SOURCES", "BLOCKED", "POLICIES"}};
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(reply, "sandboxes"), i, row)
	{
		bool lines = json_is_true(json_object_get(row, "inline"));
		char *sources = join(json_object_get(row, "sources"));
		char *policies = join(json_object_get(row, "policies"));
		char *shown = NULL, blocked[64], *who = told_by(row);
		if (asprintf(&shown, "%s%s%s", lines ? "(inline)" : "",
			     lines && policies && *policies ? " " : "",
			     policies ? policies : "") < 0)
			shown = NULL;
		print_blocked(row, blocked, sizeof blocked);
		client_table_row(
			&table,
			(const char *const[]){json_string_value(json_object_get(row, "name")),
					      json_string_value(json_object_get(row, "state")),
					      json_string_value(json_object_get(row, "mode")),
					      who ? who : "",
					      json_string_value(json_object_get(row, "group")),
					      sources, blocked, shown});
		free(sources);
		free(policies);
		free(shown);
		free(who);
	}
	client_table_print(&table);
	client_table_finish(&table);
}

static const struct {
	const char *name, *verb;
	int arguments; /* behind the verb: NAME, or NAME MODE */
	bool options;  /* takes those of a registration */
	const char *takes;
	void (*print)(const json_t *reply); /* NULL: nothing to show */
} subverbs[] = {
	{"add", "sandbox-add", 1, true, "add takes one NAME, and options", NULL},
	{"remove", "sandbox-remove", 1, false, "remove takes one NAME", NULL},
	{"mode", "sandbox-mode", 2, false, "mode takes NAME, and enforce, observe or lockdown",
	 NULL},
	{"list", "sandbox-list", 0, false, "list takes no argument", print_list},
};

static int run(size_t which, int argc, char **argv)
{
	struct client_options options = {0};
	json_t *request = json_pack("{s:s}", "verb", subverbs[which].verb);
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (client_option(&options, option) ||
		    (subverbs[which].options && take(request, option)))
			continue;
		json_decref(request);
		return option == 'p' ? EXIT_UNUSABLE : client_usage(usage, option);
	}
	if (argc - optind != subverbs[which].arguments) {
		json_decref(request);
		return output_usage("sandbox", subverbs[which].takes);
	}
	if (subverbs[which].arguments > 0)
		json_object_set_new(request, "name", json_string(argv[optind]));
	if (subverbs[which].arguments > 1)
		json_object_set_new(request, "mode", json_string(argv[optind + 1]));
	return client_show(&options, request, subverbs[which].print);
}

int verb_sandbox(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof subverbs / sizeof subverbs[0]; i++)
		if (!strcmp(argv[1], subverbs[i].name))
			return run(i, argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "--help"))
		return client_usage(usage, CLIENT_OPTION_HELP);
	return output_usage("sandbox", "it takes add, remove, mode or list");
}
