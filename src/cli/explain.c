/*
 * `namegate explain`: what would the gate decide, and why? From the files alone, with the same
 * compiler, the same decision and the same numbers as the daemon's, so that the two cannot disagree.
 */
#include "config.h"

#include "base/text.h"
#include "cli/explain_running.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "offline/explain_address.h"

#include <getopt.h>
#include <namegate/message.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: namegate explain [OPTION]... SANDBOX NAME [TYPE]\n"
	"       namegate explain [OPTION]... SANDBOX ADDRESS\n\n"
	"Tells from the files alone what the gate would make of it when SANDBOX asks for "
	"NAME:\n"
	"every rule that matches, in order, and why it won or lost; the verdict; where the\n"
	"question would go; which addresses may be opened, by whom, and for how long. NAME may "
	"be\n"
	"in Unicode; TYPE is A when it is left out. Of an ADDRESS it tells what could open "
	"it.\n\n"
	"  -c, --config FILE     the configuration; " CONF_PATH " when left out\n"
	"  -p, --policy FILE     judge by this list or zone instead of a configuration; "
	"SANDBOX\n"
	"                        may then be any name; may be given several times, the first\n"
	"                        speaks first\n"
	"      --client ADDRESS  which of the sandbox's addresses asks, for rules about "
	"clients;\n"
	"                        its first single source when left out\n"
	"      --answers FILE    zone text of what upstream would answer: follows the question "
	"to\n"
	"                        the reply and the addresses that it opens\n"
	"      --control SOCKET  of a running gate: its mode of the sandbox, and the names "
	"that "
	"were\n"
	"                        approved and refused, count as well\n"
	"      --json            one JSON object instead of text\n\n"
	"Exit codes: 0 allowed, 1 denied, 2 the files or the question cannot be used, 3 "
	"namegated\n"
	"cannot be reached.\n";

struct call {
	struct setup_wish wish;
	const char *given[NG_RULESETS_MAX + 1]; /* one more than it may be: setup refuses */
	struct ng_addr client;
	struct ng_addr addr; /* what is asked about; of no family: a name is */
	uint16_t type;
	bool json;
	struct ng_diags diags;
	struct setup *setup;
	const struct setup_sandbox *sandbox;
	const char *answers;
	struct client_options client_options; /* its control: NULL, or given */
	struct running running;
	struct world *world; /* NULL: what upstream would answer is not known */
};

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},  {"policy", required_argument, NULL, 'p'},
	{"answers", required_argument, NULL, 'a'}, {"client", required_argument, NULL, 'C'},
	{"control", required_argument, NULL, 'r'}, {"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

/* NULL, or what is wrong with it. */
static const char *read_option(struct call *call, int c, const char *value)
{
	struct setup_wish *wish = &call->wish;
	call->json |= c == 'j';
	call->client_options.json = call->json;
	if (c == 'r')
		call->client_options.control = value;
	if (c == 'c')
		wish->config = value;
	if (c == 'p' && wish->n_policies < sizeof(call->given) / sizeof(call->given[0]))
		call->given[wish->n_policies++] = value;
	if (c == 'a')
		call->answers = value;
	if (c == 'C' && ng_addr_parse(value, &call->client) != NG_OK)
		return "--client takes an IPv4 or IPv6 address";
	return c == '?' ? "that is not an option of it" : NULL;
}

/* EXIT_DONE to go on; -1 when help was all that was wanted. */
static int read_options(struct call *call, int argc, char **argv)
{
	struct setup_wish *wish = &call->wish;
	for (int c; (c = getopt_long(argc, argv, "c:p:h", options, NULL)) != -1;) {
		if (c == 'h')
			return -1;
		const char *wrong = read_option(call, c, optarg);
		if (wrong != NULL)
			return output_usage("explain", wrong);
	}
	if (wish->config != NULL && wish->n_policies > 0)
		return output_usage("explain", "give a configuration or policies, not both");
	if (call->client_options.control != NULL && wish->n_policies > 0)
		return output_usage("explain", "a running gate goes by its configuration: give "
					       "--control or policies, not both");
	if (wish->config == NULL && wish->n_policies == 0)
		wish->config = CONF_PATH;
	if (call->answers != NULL && ng_addr_len(&call->client) > 0)
		return output_usage("explain", "give --answers or --client, not both");
	wish->policies = call->given;
	return EXIT_DONE;
}

/* ---- telling ---- */

static int tell_unusable(const struct call *call)
{
	if (call->json)
		return output_json(json_pack("{s:s, s:o}", "error", "the files cannot be used",
					     "findings", output_diags_json(&call->diags)),
				   EXIT_UNUSABLE);
	output_diags(&call->diags, stderr);
	return EXIT_UNUSABLE;
}

static int tell_json(const struct call *call, json_t *object, int result)
{
	if (object != NULL)
		json_object_set_new(object, "running", running_json(&call->running));
	return output_json(object, result);
}

/* Policies alone are nobody's. */
static void tell_running(const struct call *call)
{
	if (call->wish.config != NULL)
		running_text(&call->running);
}

static int tell_name(const struct call *call, const char *written)
{
	const struct explain_question question = {
		.written = written,
		.type = call->type,
		.client = ng_addr_len(&call->client) > 0 ? &call->client : NULL,
		.world = call->world};
	struct explained *explained;
	int code = explain_make(call->setup, call->sandbox, &question, &explained);
	if (code == NG_E_RANGE)
		return output_usage("explain", "--client is no source of that sandbox");
	if (code != NG_OK)
		return output_usage("explain", ng_strerror(code));
	int result = explained->allowed ? EXIT_DONE : EXIT_DENIED;
	if (call->json) {
		result = tell_json(call, explain_json(explained), result);
	} else {
		explain_text(explained, stdout);
		tell_running(call);
		result = output_end(result);
	}
	explain_free(explained);
	return result;
}

static int tell_address(const struct call *call, const struct ng_addr *addr)
{
	struct explained_address *explained;
	int code =
		explain_address_make(call->setup, call->sandbox, addr, call->world, &explained);
	if (code != NG_OK)
		return output_usage("explain", ng_strerror(code));
	int result = explained->may ? EXIT_DONE : EXIT_DENIED;
	if (call->json) {
		result = tell_json(call, explain_address_json(explained), result);
	} else {
		explain_address_text(explained, stdout);
		tell_running(call);
		result = output_end(result);
	}
	explain_address_free(explained);
	return result;
}

/* ---- the call ---- */

static int read_question(struct call *call, int argc, char **argv)
{
	struct ng_name name;
	if (argc < 2 || argc > 3)
		return output_usage("explain",
				    "it takes SANDBOX NAME [TYPE], or SANDBOX ADDRESS");
	call->type = NG_TYPE_A;
	if (argc == 2 && ng_addr_parse(argv[1], &call->addr) == NG_OK)
		return EXIT_DONE;
	const char *wrong = strpbrk(argv[1], "/:") != NULL && strstr(argv[1], "://") == NULL
				    ? "it has a port, a path or the length of a prefix"
				    : explain_name(argv[1], &name);
	if (wrong != NULL) {
		fprintf(stderr,
			"namegate explain: %s is not a domain name: %s; write a host name "
			"without scheme, port or path\n",
			text_clean(argv[1], ""), wrong);
		return EXIT_UNUSABLE;
	}
	if (argc == 3 && ng_type_parse(argv[2], &call->type) != NG_OK)
		return output_usage("explain", "there is no such TYPE");
	return EXIT_DONE;
}

static int read_world(struct call *call)
{
	const struct ng_place place = {call->answers, 0, 0};
	int code = world_create(&call->world);
	return code == NG_OK ? world_add_file(call->world, call->answers, &place, &call->diags)
			     : code;
}

/* A gate on trial knows all sandboxes: the addresses of the others are never opened. */
static int read_files(struct call *call, const char *sandbox)
{
	struct ng_place place = {call->wish.config, 0, 0};
	bool all = call->answers != NULL && call->wish.config != NULL;
	call->wish.sandbox = all ? NULL : sandbox;
	int code = setup_read(&call->wish, &call->diags, &call->setup);
	if (code != NG_OK)
		return code;
	call->sandbox = all ? setup_find(call->setup, sandbox) : &call->setup->sandboxes[0];
	if (call->sandbox == NULL) {
		ng_diag_add(
			&call->diags, NG_ERROR, &place, "setup-sandbox",
			"name one that it has; those that were registered while the gate runs "
			"are in no file: see namegate sandbox list",
			"the configuration has no sandbox %s", sandbox);
		return NG_E_NOTFOUND;
	}
	if (call->client_options.control != NULL)
		code = running_take(&call->running, call->setup, call->sandbox, &call->diags);
	if (code != NG_OK)
		return code;
	return call->answers != NULL ? read_world(call) : NG_OK;
}

static int run(struct call *call, int argc, char **argv)
{
	int code = read_options(call, argc, argv);
	if (code < 0) {
		fputs(help, stdout);
		return output_end(EXIT_DONE);
	}
	if (code == EXIT_DONE)
		code = read_question(call, argc - optind, argv + optind);
	if (code == EXIT_DONE && call->client_options.control != NULL)
		code = running_ask(&call->client_options, &call->running);
	if (code != EXIT_DONE)
		return code;
	if (read_files(call, argv[optind]) != NG_OK)
		return tell_unusable(call);
	if (ng_addr_len(&call->addr) > 0)
		return tell_address(call, &call->addr);
	return tell_name(call, argv[optind + 1]);
}

int verb_explain(int argc, char **argv)
{
	struct call call = {0};
	ng_diags_init(&call.diags);
	int code = run(&call, argc, argv);
	setup_free(call.setup);
	running_finish(&call.running);
	world_free(call.world);
	ng_diags_finish(&call.diags);
	return code;
}
