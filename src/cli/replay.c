/*
 * `namegate replay`: what would change if this draft were in force? Asked of traffic that was
 * recorded, so that a policy is tried on what sandboxes do before it is tried on them.
 */
#include "config.h"

#include "cli/output.h"
#include "cli/replay.h"
#include "cli/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: namegate replay [OPTION]... [-c FILE | --policy FILE...] CAPTURE...\n\n"
	"Judges recorded traffic by a draft and tells what it would change: names that it "
	"would "
	"deny,\n"
	"answers that it would refuse or shorten, destinations that it would not have opened, "
	"and "
	"what it\n"
	"would newly allow. CAPTURE is pcap, pcapng, dnstap, namegated's records (also as "
	"journalctl\n"
	"-o json gives them), or names with times; - is standard input. Several are read in "
	"order, as one.\n\n"
	"  -c, --config FILE          the draft; " CONF_PATH " when left out\n"
	"  -p, --policy FILE          judge by this list or zone alone, and take all traffic "
	"for "
	"one\n"
	"                             sandbox's; may be given several times\n"
	"  -s, --sandbox NAME         take all traffic for that sandbox's; when left out, go "
	"by "
	"the\n"
	"                             names in records and the sources in the draft\n"
	"  -m, --map ADDRESS=SANDBOX  take that address for the sandbox's; may be given "
	"several "
	"times\n"
	"  -l, --limits               tell how far each sandbox comes to its quota of "
	"questions "
	"and its\n"
	"                             budget of names, too\n"
	"      --port PORT            a port of DNS besides 53; may be given several times\n"
	"      --json                 one JSON object instead of text\n\n"
	"Exit codes: 0 nothing would be worse, 1 something in use would be refused, 2 the "
	"draft "
	"or a\n"
	"capture cannot be used.\n";

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"policy", required_argument, NULL, 'p'},
	{"sandbox", required_argument, NULL, 's'},
	{"map", required_argument, NULL, 'm'},
	{"port", required_argument, NULL, 'P'},
	{"json", no_argument, NULL, 'j'},
	{"limits", no_argument, NULL, 'l'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* ---- the call ---- */

static int take_policy(struct replay_call *call, const char *path)
{
	if (call->wish.n_policies == NG_RULESETS_MAX)
		return output_usage("replay", "that is too many policies");
	call->policies[call->wish.n_policies++] = path;
	return EXIT_DONE;
}

static int take_map(struct replay_call *call, const char *text)
{
	if (call->n_maps == REPLAY_MAPS_MAX)
		return output_usage("replay", "that is too many addresses");
	call->maps[call->n_maps++] = text;
	return EXIT_DONE;
}

static int take_port(struct replay_call *call, const char *text)
{
	const char *wrong = captures_port(&call->captures.wish, text);
	return wrong == NULL ? EXIT_DONE : output_usage("replay", wrong);
}

static int take_option(struct replay_call *call, int c)
{
	switch (c) {
	case 'c':
		call->wish.config = optarg;
		return EXIT_DONE;
	case 'p':
		return take_policy(call, optarg);
	case 's':
		call->wish.sandbox = optarg;
		return EXIT_DONE;
	case 'm':
		return take_map(call, optarg);
	case 'P':
		return take_port(call, optarg);
	case 'l':
		call->limits = true;
		return EXIT_DONE;
	case 'j':
		call->json = true;
		return EXIT_DONE;
	default:
		return output_usage("replay", "that is not an option of it");
	}
}

/* EXIT_DONE to go on; -1 when help was all that was wanted. */
static int read_options(struct replay_call *call, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "c:p:s:m:lh", options, NULL)) != -1;) {
		if (c == 'h')
			return -1;
		int code = take_option(call, c);
		if (code != EXIT_DONE)
			return code;
	}
	call->captures.paths = argv + optind;
	call->captures.n = (size_t)(argc - optind);
	if (call->captures.n == 0)
		return output_usage("replay", "it takes a CAPTURE");
	if (call->wish.config != NULL && call->wish.n_policies > 0)
		return output_usage("replay", "give a configuration or policies, not both");
	if (call->wish.sandbox != NULL && call->n_maps > 0)
		return output_usage("replay", "with --sandbox all traffic is of that sandbox; "
					      "leave --map out");
	if (call->wish.n_policies == 0 && call->wish.config == NULL)
		call->wish.config = CONF_PATH;
	call->wish.policies = call->policies;
	return EXIT_DONE;
}

/* ---- whose ---- */

static int map_fault(struct replay_call *call, const char *text, const char *suggestion,
		     const char *what)
{
	const struct ng_place place = {"--map", 0, 0};
	ng_diag_add(&call->diags, NG_ERROR, &place, "replay-map", suggestion, "%s: %s", text,
		    what);
	return NG_E_SYNTAX;
}

static int map_one(struct replay_call *call, const char *text)
{
	const char *equals = strchr(text, '=');
	char addr_text[NG_ADDR_TEXT];
	struct ng_addr addr;
	size_t len = equals != NULL ? (size_t)(equals - text) : sizeof(addr_text);
	if (len >= sizeof(addr_text))
		return map_fault(call, text, "write it as 172.17.0.2=ci",
				 "there is no ADDRESS=SANDBOX in it");
	memcpy(addr_text, text, len);
	addr_text[len] = '\0';
	if (ng_addr_parse(addr_text, &addr) != NG_OK)
		return map_fault(call, text, "write it as 172.17.0.2=ci",
				 "what stands before = is no address");
	const struct setup_sandbox *sandbox = setup_find(call->setup, equals + 1);
	if (sandbox == NULL)
		return map_fault(call, text, "name one that the draft has",
				 "there is no such sandbox");
	int code = who_map(call->who, &addr, sandbox);
	return code == NG_E_EXISTS ? map_fault(call, text, "give each address once",
					       "the address is another sandbox's already")
				   : code;
}

static int prepare(struct replay_call *call)
{
	int code = setup_read(&call->wish, &call->diags, &call->setup);
	bool alone = call->wish.n_policies > 0 || call->wish.sandbox != NULL;
	if (code == NG_OK)
		code = who_create(call->setup, alone ? &call->setup->sandboxes[0] : NULL,
				  &call->who);
	for (size_t i = 0; i < call->n_maps && code == NG_OK; i++)
		code = map_one(call, call->maps[i]);
	if (code == NG_OK)
		code = replay_create(call->setup, call->who, call->limits, &call->replay);
	call->captures.wish.take = replay_take;
	call->captures.wish.context = call->replay;
	return code;
}

/* ---- the work ---- */

/* A replay of which nothing was judged says nothing, and must not look like a good one. */
static int check_judged(struct replay_call *call)
{
	const struct ng_place place = {call->captures.paths[0], 0, 0};
	const struct ng_addr *addrs;
	char list[16 * NG_ADDR_TEXT], text[NG_ADDR_TEXT];
	size_t n = replay_stranger_addrs(call->replay, &addrs), len = 0;
	for (size_t i = 0; i < call->setup->n_sandboxes; i++) {
		const struct replay_totals *totals =
			replay_totals(call->replay, &call->setup->sandboxes[i]);
		if (totals->questions + totals->answers + totals->flows > 0)
			return NG_OK;
	}
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					i > 0 ? ", " : "", ng_addr_format(&addrs[i], text));
	ng_diag_add(&call->diags, NG_ERROR, &place, "replay-nobody",
		    n > 0 ? "say whose they are with --map ADDRESS=SANDBOX, or --sandbox NAME"
			  : "record DNS and the packets behind it",
		    n > 0 ? "it has no traffic of a sandbox of the draft, only of %s"
			  : "it has neither questions nor flows%s",
		    n > 0 ? list : "");
	return NG_E_NOTFOUND;
}

uint64_t replay_worse(const struct replay_call *call, const struct setup_sandbox *sandbox)
{
	const struct replay_totals *totals = replay_totals(call->replay, sandbox);
	uint64_t worse =
		totals->unlisted + totals->limits.over_rate + totals->limits.over_budget;
	for (int kind = 0; kind <= REPLAY_LAST_WORSE; kind++)
		worse += totals->worse[kind];
	return worse;
}

static int tell_unusable(const struct replay_call *call, int code)
{
	if (call->diags.errors == 0)
		fprintf(stderr, "namegate replay: %s\n", ng_strerror(code));
	if (call->json)
		return output_json(json_pack("{s:s, s:o}", "error",
					     "the draft or a capture cannot be used",
					     "findings", output_diags_json(&call->diags)),
				   EXIT_UNUSABLE);
	output_diags(&call->diags, stderr);
	return EXIT_UNUSABLE;
}

static int run(struct replay_call *call, int argc, char **argv)
{
	int code = read_options(call, argc, argv), exit_code = EXIT_DONE;
	if (code < 0) {
		fputs(help, stdout);
		return output_end(EXIT_DONE);
	}
	if (code != EXIT_DONE)
		return code;
	code = prepare(call);
	if (code == NG_OK)
		code = captures_read(&call->captures, &call->diags, &call->traffic);
	if (code == NG_OK)
		code = replay_end(call->replay);
	if (code == NG_OK)
		code = check_judged(call);
	if (code != NG_OK)
		return tell_unusable(call, code);
	for (size_t i = 0; i < call->setup->n_sandboxes; i++) {
		if (replay_worse(call, &call->setup->sandboxes[i]) > 0)
			exit_code = EXIT_DENIED;
	}
	if (call->json)
		return output_json(replay_json(call), exit_code);
	output_diags(&call->diags, stderr);
	replay_print(call);
	return output_end(exit_code);
}

int verb_replay(int argc, char **argv)
{
	struct replay_call *call = calloc(1, sizeof(*call));
	if (call == NULL)
		return EXIT_UNUSABLE;
	ng_diags_init(&call->diags);
	int code = run(call, argc, argv);
	traffic_destroy(call->traffic);
	replay_destroy(call->replay);
	who_destroy(call->who);
	setup_free(call->setup);
	ng_diags_finish(&call->diags);
	free(call);
	return code;
}
