/*
 * `namegate report`: one page for those who audit a policy.
 *
 * It reads the configuration, runs the tests that it is given, reads the store if that is wanted, and
 * writes down what it found. It says nothing that it has not read or run, and of each figure
 * where it is from.
 */
#include "config.h"
#include "base/text.h"
#include "cli/report.h"

#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/when.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
	"usage: namegate report [-c FILE] [--tests PATH]... [--store FOLDER] [--since DATE]\n"
	"                       [--format markdown|html] [-o FILE]\n\n"
	"Writes one page for auditors: policies and their versions, test results, what each\n"
	"sandbox can reach, what can never be reached, what names can carry out, and what\n"
	"changed. Every figure is of something that was read or run in this call.\n\n"
	"  -c, --config FILE    the configuration; " CONF_PATH " when left out\n"
	"      --tests PATH     scenes and expectation files to run, or a folder of them; may "
	"be\n"
	"                       given several times\n"
	"      --store FOLDER   read what is in force, and since when, from this store\n"
	"      --since DATE     tell the changes since then: 2026-11-21, 2026-11-21T09:30Z; "
	"the\n"
	"                       store is that of the configuration unless it is given\n"
	"      --format FORMAT  markdown (the default) or html, which needs nothing from "
	"elsewhere\n"
	"  -o, --output FILE    write there instead of to standard output\n\n"
	"Exit codes: 0 written, 1 written, and a test failed, 2 something cannot be used.\n"
	"namegate-report(1) tells more.\n";

struct options {
	struct report report;
	const char *output;
};

/* ---- the call ---- */

static int add_test(struct report *report, char *path)
{
	char **more = reallocarray(report->tests, report->n_tests + 1, sizeof(*more));
	if (more == NULL)
		return EXIT_UNUSABLE;
	report->tests = more;
	report->tests[report->n_tests++] = path;
	return EXIT_DONE;
}

static int take_format(struct options *options, const char *text)
{
	if (strcmp(text, "markdown") != 0 && strcmp(text, "html") != 0)
		return output_usage("report", "a format is markdown or html");
	options->report.doc.format = strcmp(text, "html") == 0 ? DOC_HTML : DOC_MARKDOWN;
	return EXIT_DONE;
}

static int take_since(struct options *options, const char *text)
{
	if (!when_parse(text, &options->report.since_s))
		return output_usage("report",
				    "a date is as in 2026-11-21 or 2026-11-21T09:30Z");
	options->report.since = text;
	return EXIT_DONE;
}

static int take_option(struct options *options, int option)
{
	switch (option) {
	case 'c':
		options->report.config = optarg;
		return EXIT_DONE;
	case 't':
		return add_test(&options->report, optarg);
	case 's':
		options->report.store = optarg;
		return EXIT_DONE;
	case 'd':
		return take_since(options, optarg);
	case 'f':
		return take_format(options, optarg);
	case 'o':
		options->output = optarg;
		return EXIT_DONE;
	default:
		return output_usage("report", "the options cannot be used");
	}
}

/* EXIT_DONE to go on; -1 when help was all that was wanted. */
static int read_options(struct options *options, int argc, char **argv)
{
	static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
						     {"tests", required_argument, NULL, 't'},
						     {"store", required_argument, NULL, 's'},
						     {"since", required_argument, NULL, 'd'},
						     {"format", required_argument, NULL, 'f'},
						     {"output", required_argument, NULL, 'o'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	int code = EXIT_DONE;
	optind = 1;
	for (int c; code == EXIT_DONE &&
		    (c = getopt_long(argc, argv, "c:o:h", long_options, NULL)) != -1;) {
		if (c == 'h')
			return -1;
		code = take_option(options, c);
	}
	/* --tests a b c, as a shell gives what it found */
	while (code == EXIT_DONE && optind < argc && options->report.n_tests > 0)
		code = add_test(&options->report, argv[optind++]);
	if (code == EXIT_DONE && optind < argc)
		return output_usage("report", "paths of tests stand behind --tests");
	return code;
}

/* ---- what it is made of ---- */

static int read_setup(struct report *report)
{
	const struct setup_wish wish = {.config = report->config};
	struct ng_diags diags;
	ng_diags_init(&diags);
	int code = setup_read(&wish, &diags, &report->setup);
	if (code != NG_OK)
		output_diags(&diags, stderr);
	if (code != NG_OK && diags.n == 0)
		fprintf(stderr, "namegate report: %s: %s\n", report->config, ng_strerror(code));
	ng_diags_finish(&diags);
	return code == NG_OK ? EXIT_DONE : EXIT_UNUSABLE;
}

static int read_store(struct report *report)
{
	char why[LEDGER_WHY];
	if (report->store == NULL && report->since == NULL)
		return EXIT_DONE;
	if (report->store == NULL)
		report->store = report->setup->conf->store;
	if (ledger_read(report->store, &report->ledger, why) == NG_OK)
		return EXIT_DONE;
	fprintf(stderr, "namegate report: %s\n", why);
	return EXIT_UNUSABLE;
}

static int run_tests(struct report *report)
{
	int code = report_tests_run(report);
	if (code == NG_E_NOMEM)
		fprintf(stderr, "namegate report: out of memory while tests were run\n");
	return code == NG_OK ? EXIT_DONE : EXIT_UNUSABLE;
}

/* ---- the page ---- */

static size_t rules_of(const struct setup *setup)
{
	size_t n = 0;
	for (const struct setup_source *one = setup->sources; one != NULL; one = one->hh.next)
		n += ng_ruleset_count(one->ruleset);
	return n;
}

static void figure(struct report *report, const char *what, size_t value, const char *from)
{
	char text[32];
	snprintf(text, sizeof(text), "%zu", value);
	doc_row(&report->doc, (const char *const[]){what, text, from});
}

static void print_summary(struct report *report)
{
	static const char *const heads[] = {"figure", "value", "from", NULL};
	const struct report_tests *results = &report->results;
	char at[WHEN_TEXT];
	doc_paragraph(&report->doc, "Written %s by %s from %s.", when_text(report->now_s, at),
		      PACKAGE_STRING, report->config);
	doc_heading(&report->doc, 2, "Figures");
	doc_table(&report->doc, heads);
	figure(report, "sandboxes", report->setup->n_sandboxes, report->config);
	figure(report, "policy sources", HASH_COUNT(report->setup->sources), report->config);
	figure(report, "rules", rules_of(report->setup), "the sources, compiled");
	if (report->n_tests > 0) {
		figure(report, "test files passed", results->passed, "the tests, run");
		figure(report, "test files failed", results->failed, "the tests, run");
		figure(report, "test files unusable", results->unusable, "the tests, run");
	}
	doc_table_end(&report->doc);
}

static void print_page(struct report *report)
{
	doc_begin(&report->doc, "What this gate lets out");
	print_summary(report);
	report_policies_print(report);
	report_tests_print(report);
	report_reach_print(report);
	report_never_print(report);
	report_ceilings_print(report);
	report_changes_print(report);
	doc_end(&report->doc);
}

static int cannot_write(const char *path)
{
	int code = errno;
	char shown[NG_PATH_MAX];
	snprintf(shown, sizeof(shown), "%s", path);
	fprintf(stderr, "namegate report: %s cannot be written: %s\n", text_clean(shown, ""),
		strerror(code));
	return EXIT_UNUSABLE;
}

/* A page that is half there would be taken for a whole one: it is written beside and renamed. */
static int write_file(struct report *report, const char *path)
{
	char *beside = NULL;
	if (asprintf(&beside, "%s.tmp-%ld", path, (long)getpid()) < 0)
		return cannot_write(path);
	report->doc.to = fopen(beside, "wxe");
	bool written = report->doc.to != NULL;
	if (written) {
		print_page(report);
		written = !ferror(report->doc.to);
		written = fclose(report->doc.to) == 0 && written;
		written = written && rename(beside, path) == 0;
	}
	int code = written ? EXIT_DONE : cannot_write(path);
	if (!written && report->doc.to != NULL)
		(void)unlink(beside);
	free(beside);
	return code;
}

static int write_page(struct options *options)
{
	struct report *report = &options->report;
	const struct report_tests *results = &report->results;
	int code = EXIT_DONE;
	if (options->output != NULL) {
		code = write_file(report, options->output);
	} else {
		report->doc.to = stdout;
		print_page(report);
		code = output_end(EXIT_DONE);
	}
	if (code != EXIT_DONE || results->unusable > 0)
		return EXIT_UNUSABLE;
	return results->failed > 0 ? EXIT_DENIED : EXIT_DONE;
}

int verb_report(int argc, char **argv)
{
	struct options options = {
		.report = {.config = CONF_PATH, .now_s = (uint64_t)time(NULL)}};
	struct report *report = &options.report;
	int code = read_options(&options, argc, argv);
	if (code == EXIT_DONE)
		code = read_setup(report);
	if (code == EXIT_DONE)
		code = read_store(report);
	if (code == EXIT_DONE)
		code = run_tests(report);
	if (code == EXIT_DONE)
		code = write_page(&options);
	if (code < 0) {
		fputs(help, stdout);
		code = output_end(EXIT_DONE);
	}
	report_tests_free(&report->results);
	ledger_free(report->ledger);
	setup_free(report->setup);
	free(report->tests);
	return code;
}
