/*
 * `namegate diff`: what does the new policy let through that the old one did not, and the reverse?
 * Both sides are read as the daemon would read them, from files or from a repository's revisions,
 * and asked with the engine's own functions.
 */
#include "config.h"

#include "cli/diff.h"
#include "cli/diff_git.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "conf/files.h"
#include "conf/sources.h"
#include "offline/history.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"usage: namegate diff [--sandbox NAME] [--names FILE | --store FOLDER] [--fail-on "
	"WHAT]\n"
	"                     [--format FORMAT] OLD NEW\n\n"
	"Tells which names, addresses and ports NEW makes reachable that OLD does not, and "
	"which\n"
	"no longer, with the rules that decide. OLD and NEW are two configurations (files "
	"that end\n"
	"in .conf) with the policies that they name, or two lists, zones or presets. "
	"REV:PATH reads\n"
	"the file, and all that it names or includes, from that git revision; :PATH from the "
	"index.\n"
	"What only a running gate has is in no file and left out: approvals, modes set since, "
	"and\n"
	"sandboxes registered at run time.\n\n"
	"  -s, --sandbox NAME   only this sandbox of the configurations\n"
	"      --names FILE     judge these names, one a line, or those of a list or zone; "
	"without\n"
	"                       it every name in a rule, and names below each wildcard\n"
	"      --store FOLDER   judge the names that sandboxes had addresses by, as the store "
	"of a\n"
	"                       namegated remembers them\n"
	"      --fail-on WHAT   exit with 1 when something is wider (widen), narrower "
	"(narrow), or\n"
	"                       different in any way (any)\n"
	"      --format FORMAT  human, markdown (for a review comment) or json (one object)\n"
	"      --json           the same as --format json\n\n"
	"Exit codes: 0 compared, 1 what --fail-on names was found, 2 a side cannot be read.\n";

/* ---- reading ---- */

static bool is_conf(const char *word)
{
	size_t n = strlen(word);
	return n >= 5 && strcmp(word + n - 5, ".conf") == 0;
}

static int read_side(struct diff_call *call, int side, uint64_t now_s)
{
	const char *word = call->words[side];
	struct setup_wish wish = {.now_s = now_s};
	int code = git_names(word) ? git_take(word, &call->diags) : NG_OK;
	if (code != NG_OK)
		return code;
	if (is_conf(word))
		wish.config = word;
	else {
		wish.policies = &call->words[side];
		wish.n_policies = 1;
	}
	return setup_read(&wish, &call->diags, &call->setups[side]);
}

/* ---- names to judge ---- */

/* As a list or zone; what it is not, it may still be as names alone, so this says nothing. */
static int read_owners(struct diff_call *call)
{
	struct ng_diags quiet;
	struct ng_image image = {0};
	struct ng_ruleset *ruleset = NULL;
	ng_diags_init(&quiet);
	int code = source_compile(call->names, NULL, NULL, &quiet, &image);
	if (code == NG_OK)
		code = ng_ruleset_open(image.octets, image.len, &ruleset);
	if (code == NG_OK)
		code = diff_corpus_take(&call->corpus, ruleset);
	ng_ruleset_close(ruleset);
	ng_image_finish(&image);
	ng_diags_finish(&quiet);
	return code;
}

static int read_name(struct diff_call *call, const struct ng_place *line, const char *text,
		     size_t len)
{
	struct ng_name name;
	if (ng_name_from_text(text, len, &name) != NG_OK) {
		ng_diag_add(&call->diags, NG_ERROR, line, "diff-name",
			    "write one domain name a line, or give a list or zone that "
			    "namegate check accepts",
			    "this is no domain name");
		return NG_E_SYNTAX;
	}
	ng_name_lower(&name);
	return diff_corpus_add(&call->corpus, &name, false);
}

static int read_lines(struct diff_call *call)
{
	struct ng_place place = {call->names, 0, 0};
	char *text;
	size_t len;
	int worst = file_read(call->names, SOURCE_SIZE_MAX, &place, &call->diags, &text, &len);
	if (worst != NG_OK)
		return worst;
	for (size_t at = 0; at < len && worst != NG_E_NOMEM;) {
		size_t n = strcspn(text + at, "\n"), blank = strspn(text + at, " \t\r");
		size_t end = blank + strcspn(text + at + blank, " \t\r\n#");
		place.line++;
		place.column = (uint32_t)blank + 1;
		if (blank < n && end > blank) {
			int code = read_name(call, &place, text + at + blank, end - blank);
			worst = code != NG_OK ? code : worst;
		}
		at += n + 1;
	}
	free(text);
	return worst;
}

struct history_reading {
	struct diff_call *call;
	int code;
};

static void see_name(void *context, const char *sandbox, const struct ng_name *name)
{
	struct history_reading *reading = context;
	const char *only = reading->call->sandbox;
	if (reading->code == NG_OK && (only == NULL || strcmp(only, sandbox) == 0))
		reading->code = diff_corpus_add(&reading->call->corpus, name, false);
}

static int read_store(struct diff_call *call)
{
	struct ng_place place = {call->store, 0, 0};
	struct history_reading reading = {call, NG_OK};
	struct history *history = NULL;
	char why[HISTORY_WHY];
	int code = history_read(call->store, &history, why);
	if (code != NG_OK) {
		ng_diag_add(&call->diags, NG_ERROR, &place, "diff-store",
			    "give the store of a namegated, or leave it out", "%s", why);
		return code == NG_E_NOTFOUND ? NG_E_IO : code;
	}
	if (history_gap(history) != NULL)
		ng_diag_add(&call->diags, NG_WARNING, &place, "diff-store-part",
			    "names that one worker let through are not compared", "%s",
			    history_gap(history));
	code = history_each_name(history, see_name, &reading);
	history_free(history);
	return code != NG_OK ? code : reading.code;
}

static int read_names(struct diff_call *call)
{
	struct ng_place place = {call->names, 0, 0};
	int code = read_owners(call);
	if (code == NG_E_SYNTAX)
		code = read_lines(call);
	else if (code == NG_E_IO)
		code = read_lines(call); /* it says what is wrong with the file */
	if (code != NG_OK || call->corpus.len > 0)
		return code;
	ng_diag_add(&call->diags, NG_ERROR, &place, "diff-name", "write one domain name a line",
		    "the file has no names");
	return NG_E_SYNTAX;
}

/* ---- comparing ---- */

static int compare(struct diff_call *call)
{
	uint64_t now_s = (uint64_t)time(NULL);
	int code = read_side(call, DIFF_OLD, now_s);
	int other = read_side(call, DIFF_NEW, now_s);
	if (call->names != NULL && code == NG_OK && other == NG_OK)
		code = read_names(call);
	if (call->store != NULL && code == NG_OK && other == NG_OK)
		code = read_store(call);
	if (code != NG_OK || other != NG_OK)
		return code != NG_OK ? code : other;
	code = diff_make(call->setups[DIFF_OLD], call->setups[DIFF_NEW], call->sandbox,
			 call->names != NULL || call->store != NULL ? &call->corpus : NULL,
			 &call->diff);
	struct ng_place place = {call->words[DIFF_NEW], 0, 0};
	if (code == NG_E_NOTFOUND)
		ng_diag_add(&call->diags, NG_ERROR, &place, "setup-sandbox",
			    "name one that it has", "neither side has a sandbox %s",
			    call->sandbox);
	return code;
}

static int exit_code(const struct diff_call *call)
{
	bool fails = (call->diff->sense & call->fail_on) != 0 ||
		     (call->fail_on_any && !call->diff->same);
	return fails ? EXIT_DENIED : EXIT_DONE;
}

static int tell(const struct diff_call *call, int code)
{
	if (code != NG_OK && call->format == DIFF_JSON)
		return output_json(json_pack("{s:s, s:o}", "error", "a side cannot be read",
					     "findings", output_diags_json(&call->diags)),
				   EXIT_UNUSABLE);
	if (call->format != DIFF_JSON)
		output_diags(&call->diags, stderr);
	if (code == NG_E_NOMEM)
		fprintf(stderr, "namegate diff: memory is out\n");
	if (code != NG_OK)
		return EXIT_UNUSABLE;
	if (call->format == DIFF_JSON)
		return diff_print_json(call, exit_code(call));
	if (call->format == DIFF_MARKDOWN)
		diff_print_markdown(call);
	else
		diff_print_human(call);
	return output_end(exit_code(call));
}

/* ---- the call ---- */

static const struct option options[] = {
	{"sandbox", required_argument, NULL, 's'}, {"names", required_argument, NULL, 'n'},
	{"store", required_argument, NULL, 'd'},   {"fail-on", required_argument, NULL, 'o'},
	{"format", required_argument, NULL, 'f'},  {"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

static bool read_format(struct diff_call *call, const char *word)
{
	static const char *const formats[] = {
		[DIFF_HUMAN] = "human", [DIFF_MARKDOWN] = "markdown", [DIFF_JSON] = "json"};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(word, formats[i]) != 0)
			continue;
		call->format = (enum diff_format)i;
		return true;
	}
	return false;
}

static bool read_fail_on(struct diff_call *call, const char *word)
{
	call->fail_on = strcmp(word, "widen") == 0    ? DIFF_WIDENS
			: strcmp(word, "narrow") == 0 ? DIFF_NARROWS
						      : 0u;
	call->fail_on_any = strcmp(word, "any") == 0;
	return call->fail_on != 0 || call->fail_on_any;
}

/* EXIT_DONE to go on; -1 when help was all that was wanted. */
static int read_options(struct diff_call *call, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "s:h", options, NULL)) != -1;) {
		if (c == 'h')
			return -1;
		if (c == '?')
			return output_usage("diff", "that is not an option of it");
		if (c == 'f' && !read_format(call, optarg))
			return output_usage("diff", "--format is human, markdown or json");
		if (c == 'o' && !read_fail_on(call, optarg))
			return output_usage("diff", "--fail-on is widen, narrow or any");
		if (c == 'j')
			call->format = DIFF_JSON;
		if (c == 's')
			call->sandbox = optarg;
		if (c == 'n')
			call->names = optarg;
		if (c == 'd')
			call->store = optarg;
	}
	if (call->names != NULL && call->store != NULL)
		return output_usage("diff", "give --names or --store, not both");
	if (argc - optind != DIFF_SIDES)
		return output_usage("diff", "it takes OLD and NEW");
	for (int side = 0; side < DIFF_SIDES; side++)
		call->words[side] = argv[optind + side];
	if (is_conf(call->words[DIFF_OLD]) != is_conf(call->words[DIFF_NEW]))
		return output_usage("diff", "OLD and NEW are two configurations, or two lists, "
					    "zones or presets, not one of each");
	return EXIT_DONE;
}

int verb_diff(int argc, char **argv)
{
	struct diff_call call = {0};
	int code = read_options(&call, argc, argv);
	if (code < 0) {
		fputs(help, stdout);
		return output_end(EXIT_DONE);
	}
	if (code != EXIT_DONE)
		return code;
	ng_diags_init(&call.diags);
	code = tell(&call, compare(&call));
	git_end();
	diff_free(call.diff);
	diff_corpus_finish(&call.corpus);
	for (int side = 0; side < DIFF_SIDES; side++)
		setup_free(call.setups[side]);
	ng_diags_finish(&call.diags);
	return code;
}
