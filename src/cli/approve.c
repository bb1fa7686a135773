/*
 * The verbs about names that a rule says to ask about: what waits, what was decided, and deciding.
 */
#include "config.h"
#include "cli/control_client.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: namegate pending [SANDBOX]\n"
	"       namegate approve ID [--for TIME] [--scope sandbox|global]\n"
	"       namegate refuse ID [--for TIME] [--scope sandbox|global]\n"
	"       namegate approvals\n"
	"       namegate withdraw ID\n"
	"\n"
	"Names under a rule such as \"?*.example.com\" are denied until somebody approves "
	"them.\n"
	"pending shows those that were asked for; approve and refuse decide on one by the ID\n"
	"that pending shows; approvals shows what was decided; withdraw takes a decision back, "
	"by\n"
	"the ID that approvals shows. What any rule denies stays denied.\n"
	"\n"
	"  --for TIME          end it after TIME: 90s, 30m, 1h, 7d; without it never\n"
	"  --scope SCOPE       for that sandbox (default), or global: for all of them\n"
	"  --json              print JSON\n"
	"  --control SOCKET    namegated's control socket\n"
	"\n"
	"Exit code: 0, 1 refused (stderr says why), 2 wrong command line, 3 namegated cannot "
	"be\n"
	"reached.\n";

static const struct option long_options[] = {
	CLIENT_LONG_OPTIONS,
	{"for", required_argument, NULL, 'f'},
	{"scope", required_argument, NULL, 's'},
	{NULL, 0, NULL, 0},
};

static const char *text(const json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));
	return value ? value : "-";
}

static void number_text(const json_t *row, const char *key, char to[static 24])
{
	snprintf(to, 24, "%lld", (long long)json_integer_value(json_object_get(row, key)));
}

static void print_pending(const json_t *reply)
{
	struct client_table table = {
		.heads = {"ID", "SANDBOX", "COUNT", "FIRST", "LAST", "RULE", "NAME"}};
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(reply, "pending"), i, row)
	{
		char id[24], count[24];
		number_text(row, "id", id);
		number_text(row, "count", count);
		client_table_row(&table,
				 (const char *const[]){id, text(row, "sandbox"), count,
						       text(row, "first"), text(row, "last"),
						       text(row, "rule"), text(row, "name")});
	}
	client_table_print(&table);
	client_table_finish(&table);
}

static void print_approvals(const json_t *reply)
{
	struct client_table table = {
		.heads = {"ID", "DECISION", "SANDBOX", "UNTIL", "UID", "MADE", "NAME"}};
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(reply, "approvals"), i, row)
	{
		char id[24], uid[24];
		number_text(row, "id", id);
		number_text(row, "uid", uid);
		client_table_row(&table, (const char *const[]){
						 id, text(row, "decision"),
						 text(row, "sandbox"), text(row, "until"), uid,
						 text(row, "made"), text(row, "name")});
	}
	client_table_print(&table);
	client_table_finish(&table);
}

static void print_one(const json_t *reply)
{
	const json_t *row = json_object_get(reply, "approval");
	const char *until = json_string_value(json_object_get(row, "until"));
	printf("%s %s for %s, %s%s (approval %lld)\n", text(row, "decision"), text(row, "name"),
	       text(row, "sandbox"), until ? "until " : "without end", until ? until : "",
	       (long long)json_integer_value(json_object_get(row, "id")));
}

static void print_withdrawn(const json_t *reply)
{
	const json_t *row = json_object_get(reply, "approval");
	printf("withdrawn: %s %s for %s\n", text(row, "decision"), text(row, "name"),
	       text(row, "sandbox"));
}

/* "90s", "30m", "1h", "7d": digits and one letter. 0 for anything else. */
static json_int_t seconds_of(const char *given)
{
	static const struct {
		char letter;
		json_int_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	errno = 0;
	long value = strtol(given, &end, 10);
	if (given[0] < '0' || given[0] > '9' || errno || value > 1000000 || !end[0] || end[1])
		return 0;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (*end == units[i].letter)
			return value * units[i].seconds;
	return 0;
}

#define TAKES_PENDING "it takes ID, a number that namegate pending shows"

static const struct subject {
	const char *verb;
	const char *argument; /* the key that it goes under; NULL: takes none */
	bool number, must, options;
	const char *takes;
	void (*print)(const json_t *reply);
} subjects[] = {
	{"pending", "sandbox", false, false, false, "it takes one SANDBOX at most",
	 print_pending},
	{"approve", "id", true, true, true, TAKES_PENDING, print_one},
	{"refuse", "id", true, true, true, TAKES_PENDING, print_one},
	{"approvals", NULL, false, false, false, "it takes no argument", print_approvals},
	{"withdraw", "id", true, true, false,
	 "it takes ID, a number that namegate approvals shows", print_withdrawn},
};

/* Puts one option into the request; false when it is none of ours, or wrong. */
static bool take(const struct subject *subject, json_t *request, int option)
{
	if (!subject->options)
		return false;
	if (option == 's')
		return !json_object_set_new(request, "scope", json_string(optarg));
	if (option != 'f')
		return false;
	json_int_t seconds = seconds_of(optarg);
	if (!seconds)
		fprintf(stderr, "namegate: --for %s: write 90s, 30m, 1h or 7d\n", optarg);
	return seconds && !json_object_set_new(request, "for_s", json_integer(seconds));
}

static bool take_argument(const struct subject *subject, json_t *request, char *const *argv,
			  int argc)
{
	if (argc == 0)
		return !subject->must;
	if (argc > 1 || !subject->argument)
		return false;
	if (!subject->number)
		return !json_object_set_new(request, subject->argument, json_string(argv[0]));
	char *end;
	errno = 0;
	long long id = strtoll(argv[0], &end, 10);
	return !errno && id > 0 && !*end &&
	       !json_object_set_new(request, subject->argument, json_integer(id));
}

static int run(const struct subject *subject, int argc, char **argv)
{
	struct client_options options = {0};
	json_t *request = json_pack("{s:s}", "verb", subject->verb);
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (client_option(&options, option) || take(subject, request, option))
			continue;
		json_decref(request);
		return client_usage(usage, option);
	}
	if (!take_argument(subject, request, argv + optind, argc - optind)) {
		json_decref(request);
		return output_usage(subject->verb, subject->takes);
	}
	return client_show(&options, request, subject->print);
}

int verb_approve(int argc, char **argv)
{
	size_t i = 0;
	while (strcmp(argv[0], subjects[i].verb))
		i++;
	return run(&subjects[i], argc, argv);
}
