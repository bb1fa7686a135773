/*
 * `namegate learn`: from what sandboxes did, the smallest list that lets them do it again. What it
 * writes is a proposal with its evidence, made to be read by a person before it is used.
 */
#include "config.h"

#include "cli/hosting.h"
#include "cli/learn.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WILDCARD_DEFAULT 5

static const char help[] =
	"usage: namegate learn [OPTION]... CAPTURE...\n\n"
	"Proposes the smallest host list that covers the names that were used, with the "
	"evidence for\n"
	"each line in a comment, and what is not proposed with the reason. CAPTURE is pcap, "
	"pcapng,\n"
	"dnstap, or namegated's records (also as journalctl -o json gives them); - is standard "
	"input.\n\n"
	"  -o, --output FILE      write the list there, not to standard output\n"
	"      --force            even over a file that is there\n"
	"  -w, --wildcard N       a wildcard where at least N names stand below one; 5 when "
	"left out,\n"
	"                         0: never. None covers a public suffix, shared hosting, or "
	"what\n"
	"                         a rule denied\n"
	"      --ports strict     leave names out that nothing is known to have connected to\n"
	"  -b, --baseline SOURCE  leave out what this list, zone or preset allows already; "
	"may be\n"
	"                         given several times\n"
	"  -c, --config FILE      know sandboxes by their sources, and leave out what the "
	"policy of\n"
	"                         each allows already\n"
	"  -s, --sandbox NAME     of that sandbox alone\n"
	"      --split            a list for each sandbox, not one for all\n"
	"      --review           ask about each line, on a terminal\n"
	"      --port PORT        a port of DNS besides 53; may be given several times\n"
	"      --json             the evidence as one JSON object on standard output\n\n"
	"Exit codes: 0 there is a proposal, 1 there is nothing to propose, 2 something given "
	"cannot be\n"
	"used.\n";

static const struct option options[] = {
	{"output", required_argument, NULL, 'o'},
	{"force", no_argument, NULL, 'f'},
	{"wildcard", required_argument, NULL, 'w'},
	{"ports", required_argument, NULL, 'p'},
	{"baseline", required_argument, NULL, 'b'},
	{"config", required_argument, NULL, 'c'},
	{"sandbox", required_argument, NULL, 's'},
	{"split", no_argument, NULL, 'S'},
	{"review", no_argument, NULL, 'r'},
	{"port", required_argument, NULL, 'P'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* ---- the call ---- */

static int take_wildcard(struct learn_call *call, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || n > LEARN_ALL_MAX)
		return output_usage("learn", "--wildcard takes a number of names; 0: never");
	call->wish.wildcard = n;
	return EXIT_DONE;
}

static int take_ports(struct learn_call *call, const char *text)
{
	if (strcmp(text, "strict") != 0)
		return output_usage("learn", "--ports takes the word strict");
	call->wish.strict = true;
	return EXIT_DONE;
}

static int take_baseline(struct learn_call *call, const char *text)
{
	if (call->n_baselines == LEARN_BASELINES_MAX)
		return output_usage("learn", "that is too many baselines");
	call->baselines[call->n_baselines++] = text;
	return EXIT_DONE;
}

static int take_port(struct learn_call *call, const char *text)
{
	const char *wrong = captures_port(&call->captures.wish, text);
	return wrong == NULL ? EXIT_DONE : output_usage("learn", wrong);
}

static int take_option(struct learn_call *call, int c)
{
	switch (c) {
	case 'w':
		return take_wildcard(call, optarg);
	case 'p':
		return take_ports(call, optarg);
	case 'b':
		return take_baseline(call, optarg);
	case 'P':
		return take_port(call, optarg);
	case 'o':
		call->output = optarg;
		return EXIT_DONE;
	case 'c':
		call->config = optarg;
		return EXIT_DONE;
	case 's':
		call->sandbox = optarg;
		return EXIT_DONE;
	case 'f':
		return call->force = true, EXIT_DONE;
	case 'S':
		return call->split = true, EXIT_DONE;
	case 'r':
		return call->review = true, EXIT_DONE;
	case 'j':
		return call->json = true, EXIT_DONE;
	default:
		return output_usage("learn", "that is not an option of it");
	}
}

static int check_call(const struct learn_call *call)
{
	if (call->captures.n == 0)
		return output_usage("learn", "it takes a CAPTURE");
	if (call->review && (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)))
		return output_usage("learn", "--review needs a terminal to ask on");
	if (call->output != NULL && !call->force && access(call->output, F_OK) == 0) {
		fprintf(stderr,
			"namegate learn: %s is there already; choose another file, or give "
			"--force\n",
			call->output);
		return EXIT_UNUSABLE;
	}
	return EXIT_DONE;
}

/* EXIT_DONE to go on; -1 when help was all that was wanted. */
static int read_options(struct learn_call *call, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "o:w:b:c:s:h", options, NULL)) != -1;) {
		if (c == 'h')
			return -1;
		int code = take_option(call, c);
		if (code != EXIT_DONE)
			return code;
	}
	call->captures.paths = argv + optind;
	call->captures.n = (size_t)(argc - optind);
	return check_call(call);
}

/* ---- what it is held against ---- */

static int read_config(struct learn_call *call)
{
	const struct setup_wish wish = {.config = call->config, .sandbox = call->sandbox};
	if (call->config == NULL)
		return NG_OK;
	int code = setup_read(&wish, &call->diags, &call->setup);
	return code == NG_OK ? who_create(call->setup, NULL, &call->who) : code;
}

static int read_baselines(struct learn_call *call)
{
	struct learn_wish *wish = &call->wish;
	int code = NG_OK;
	for (size_t i = 0; i < call->n_baselines && code == NG_OK; i++) {
		const struct setup_wish source = {.policies = &call->baselines[i],
						  .n_policies = 1};
		code = setup_read(&source, &call->diags, &call->allowed[i]);
		if (code == NG_OK)
			call->judged[wish->n_baselines++] = (struct learn_baseline){
				.title = call->baselines[i],
				.policy = &call->allowed[i]->sandboxes[0].spec->policy};
	}
	if (call->config != NULL)
		call->judged[wish->n_baselines++] =
			(struct learn_baseline){.title = "the sandbox's own policy"};
	wish->baselines = call->judged;
	return code;
}

static int prepare(struct learn_call *call)
{
	int code = read_config(call);
	if (code == NG_OK)
		code = read_baselines(call);
	if (code == NG_OK)
		code = hosting_create(&call->hosting);
	if (code == NG_OK)
		code = learn_create(call->who, call->sandbox, &call->learn);
	call->wish.learn = call->learn;
	call->wish.hosting = call->hosting;
	call->captures.wish.take = learn_take;
	call->captures.wish.context = call->learn;
	return code;
}

/* ---- what comes of it ---- */

static bool anything_seen(const struct learn_call *call)
{
	for (uint32_t id = 1; id <= learn_people(call->learn); id++) {
		const struct learn_person *person = learn_person(call->learn, id);
		if (call->sandbox == NULL || strcmp(person->name, call->sandbox) == 0)
			return true;
	}
	return false;
}

/* Nothing to learn from is no proposal, and must not look like one. */
static int check_seen(struct learn_call *call)
{
	const struct ng_place place = {call->captures.paths[0], 0, 0};
	const struct ng_addr *addrs;
	char list[16 * NG_ADDR_TEXT] = "", text[NG_ADDR_TEXT];
	size_t n = learn_stranger_addrs(call->learn, &addrs), len = 0;
	if (anything_seen(call))
		return NG_OK;
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					i > 0 ? ", " : "", ng_addr_format(&addrs[i], text));
	ng_diag_add(&call->diags, NG_ERROR, &place, "learn-nobody",
		    n > 0 ? "name the sandbox as the records do, or give its configuration, or "
			    "leave both out"
			  : "record DNS and the packets behind it",
		    n > 0 ? "it has nothing of a sandbox that was asked for, only of %s"
			  : "it has nothing of a sandbox that was asked for%s",
		    list);
	return NG_E_NOTFOUND;
}

static int make_list(struct learn_call *call, uint32_t person)
{
	struct learn_wish *wish = malloc(sizeof(*wish));
	if (wish == NULL)
		return NG_E_NOMEM;
	*wish = call->wish;
	wish->person = person;
	int code = learn_list_make(wish, &call->lists[call->n_lists]);
	if (code == NG_OK)
		call->n_lists++;
	else
		free(wish);
	return code;
}

static int make_lists(struct learn_call *call)
{
	uint32_t n = learn_people(call->learn);
	int code = NG_OK;
	call->lists = calloc((size_t)n + 1, sizeof(*call->lists));
	if (call->lists == NULL)
		return NG_E_NOMEM;
	if (!call->split)
		return make_list(call, 0);
	for (uint32_t id = 1; id <= n && code == NG_OK; id++) {
		if (call->sandbox == NULL ||
		    strcmp(learn_person(call->learn, id)->name, call->sandbox) == 0)
			code = make_list(call, id);
	}
	return code;
}

static int work(struct learn_call *call)
{
	int code = prepare(call);
	if (code == NG_OK)
		code = captures_read(&call->captures, &call->diags, &call->traffic);
	if (code == NG_OK)
		code = learn_end(call->learn);
	if (code == NG_OK)
		code = check_seen(call);
	if (code == NG_OK)
		code = make_lists(call);
	return code;
}

size_t learn_lines(const struct learn_call *call)
{
	size_t lines = 0;
	for (size_t i = 0; i < call->n_lists; i++) {
		for (size_t k = 0; k < call->lists[i].n_lines; k++)
			lines += call->lists[i].lines[k].state == LEARN_TAKE;
	}
	return lines;
}

/* ---- out ---- */

static int write_output(const struct learn_call *call)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	if (to != NULL)
		learn_print(call, to);
	int code = to != NULL && fclose(to) == 0
			   ? learn_write(call->output, call->force, text, len)
			   : ENOMEM;
	free(text);
	if (code != 0)
		fprintf(stderr, "namegate learn: %s is not written: %s%s\n", call->output,
			strerror(code),
			code == EEXIST ? "; choose another file, or give --force" : "");
	else
		fprintf(stderr, "%s: %zu lines\n", call->output, learn_lines(call));
	return code == 0 ? EXIT_DONE : EXIT_UNUSABLE;
}

static int finish(const struct learn_call *call)
{
	int code = learn_lines(call) > 0 ? EXIT_DONE : EXIT_DENIED;
	if (call->output != NULL && code == EXIT_DONE)
		code = write_output(call);
	else if (!call->json)
		learn_print(call, stdout);
	if (code == EXIT_DENIED)
		fprintf(stderr, "namegate learn: there is nothing to propose%s\n",
			call->output != NULL ? "; nothing is written" : "");
	return call->json ? output_json(learn_json(call), code) : output_end(code);
}

static int tell_unusable(const struct learn_call *call, int code)
{
	if (call->diags.errors == 0)
		fprintf(stderr, "namegate learn: %s\n", ng_strerror(code));
	if (call->json)
		return output_json(json_pack("{s:s, s:o}", "error",
					     "something that was given cannot be used",
					     "findings", output_diags_json(&call->diags)),
				   EXIT_UNUSABLE);
	output_diags(&call->diags, stderr);
	return EXIT_UNUSABLE;
}

static int run(struct learn_call *call, int argc, char **argv)
{
	int code = read_options(call, argc, argv);
	if (code < 0) {
		fputs(help, stdout);
		return output_end(EXIT_DONE);
	}
	if (code != EXIT_DONE)
		return code;
	code = work(call);
	if (code != NG_OK)
		return tell_unusable(call, code);
	if (!call->json)
		output_diags(&call->diags, stderr);
	if (call->review && learn_lines(call) > 0 && !learn_review(call)) {
		fputs("\nnamegate learn: the input ended, so nothing is written\n", stderr);
		return EXIT_UNUSABLE;
	}
	return finish(call);
}

static void call_finish(struct learn_call *call)
{
	for (size_t i = 0; i < call->n_lists; i++) {
		free((struct learn_wish *)call->lists[i].wish);
		learn_list_finish(&call->lists[i]);
	}
	free(call->lists);
	traffic_destroy(call->traffic);
	learn_destroy(call->learn);
	who_destroy(call->who);
	for (size_t i = 0; i < LEARN_BASELINES_MAX; i++)
		setup_free(call->allowed[i]);
	setup_free(call->setup);
	ng_lint_hosting_destroy(call->hosting);
	ng_diags_finish(&call->diags);
}

int verb_learn(int argc, char **argv)
{
	struct learn_call *call = calloc(1, sizeof(*call));
	if (call == NULL)
		return EXIT_UNUSABLE;
	call->wish.wildcard = WILDCARD_DEFAULT;
	ng_diags_init(&call->diags);
	int code = run(call, argc, argv);
	call_finish(call);
	free(call);
	return code;
}
