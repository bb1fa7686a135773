/*
 * namegate test: plays scenes and expectation files to the engine, offline. The same engine answers
 * in the daemon, so what they show is what the gate does.
 */
#include "config.h"

#include "cli/test.h"

#include "cli/output.h"
#include "cli/test_report.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fts.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
	"usage: namegate test [--format human|tap|junit|json] [--trace] PATH...\n"
	"Plays scenes (*.scene) and expectation files (*.expect), offline. A PATH that is a "
	"folder\n"
	"means all of them below it; \"-\" is a scene on standard input.\n"
	"  --format F  how to print: human (the default), tap, junit, json\n"
	"  --json      the same as --format json\n"
	"  --trace     print everything that comes out of the engine in a scene, as it comes\n"
	"Exit codes: 0 all hold, 1 one does not, 2 one cannot be used.\n"
	"namegate-expect(5) and namegate-scene(5) tell the languages.\n";

static const struct test_format *const formats[] = {&test_human, &test_tap, &test_junit,
						    &test_json};

struct test_run {
	struct test_report *report;
	bool trace;
	char **paths;
	size_t n, room;
};

/* ---- paths ---- */

static bool ends_in(const char *path, const char *end)
{
	size_t len = strlen(path), n = strlen(end);
	return len > n && strcmp(path + len - n, end) == 0;
}

static int path_add(struct test_run *run, const char *path)
{
	if (run->n == run->room) {
		size_t room = run->room > 0 ? 2 * run->room : 64;
		char **more = reallocarray(run->paths, room, sizeof(*more));
		if (more == NULL)
			return EXIT_UNUSABLE;
		run->paths = more;
		run->room = room;
	}
	run->paths[run->n] = strdup(path);
	return run->paths[run->n++] != NULL ? EXIT_DONE : EXIT_UNUSABLE;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int complain(const char *path, const char *what)
{
	fprintf(stderr, "namegate test: %s: %s\n", path, what);
	return EXIT_UNUSABLE;
}

/* One thing found below a folder. */
static int entry_add(struct test_run *run, const FTSENT *entry)
{
	switch (entry->fts_info) {
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return complain(entry->fts_path, strerror(entry->fts_errno));
	case FTS_F:
	case FTS_SL:
	case FTS_SLNONE:
		if (ends_in(entry->fts_name, ".scene") || ends_in(entry->fts_name, ".expect"))
			return path_add(run, entry->fts_path);
	}
	return EXIT_DONE;
}

static int folder_add(struct test_run *run, char *folder)
{
	char *const roots[] = {folder, NULL};
	size_t before = run->n;
	int code = EXIT_DONE;
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	for (const FTSENT *entry;
	     tree != NULL && code == EXIT_DONE && (entry = fts_read(tree)) != NULL;)
		code = entry_add(run, entry);
	if (tree == NULL)
		return complain(folder, strerror(errno));
	fts_close(tree);
	if (code == EXIT_DONE && run->n == before)
		return complain(folder, "there is no *.scene and no *.expect below it");
	return code;
}

static int paths_gather(struct test_run *run, char **given, size_t n)
{
	int code = EXIT_DONE;
	for (size_t i = 0; i < n && code == EXIT_DONE; i++) {
		struct stat status;
		bool folder = stat(given[i], &status) == 0 && S_ISDIR(status.st_mode);
		code = folder ? folder_add(run, given[i]) : path_add(run, given[i]);
	}
	return code;
}

/* ---- playing ---- */

static void take_fact(void *context, const struct expect_fact *fact)
{
	const struct test_case *file = ((void **)context)[1];
	struct test_report *report = ((void **)context)[0];
	report->format->fact(report, file->path, fact);
}

static void play_expectations(struct test_report *report, struct test_case *file)
{
	struct expect_count count;
	void *context[] = {report, file};
	file->outcome = expect_play(file->path, take_fact, context, &count);
	file->facts = count.facts;
	file->failed = count.failed;
	report->facts += count.facts;
	report->facts_failed += count.failed;
	file->title = count.title;
	report->format->end_file(report, file);
}

static void play_scene(struct test_report *report, struct test_case *file, bool trace)
{
	static const enum expect_outcome outcomes[] = {[SCENE_UNUSABLE] = EXPECT_UNUSABLE,
						       [SCENE_FAILED] = EXPECT_FAILED,
						       [SCENE_PASSED] = EXPECT_PASSED};
	char *text = NULL, *title = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (out == NULL)
		return;
	file->outcome = outcomes[scene_play(file->path, out, trace ? stderr : NULL, &title)];
	fclose(out);
	file->title = title;
	report->scenes++;
	report->format->scene(report, file, text);
	report->format->end_file(report, file);
	free(text);
	free(title);
}

static void play(struct test_run *run, const char *path)
{
	struct test_report *report = run->report;
	struct test_case file = {.path = path, .scene = !ends_in(path, ".expect")};
	report->n++;
	report->format->file(report, path);
	if (file.scene)
		play_scene(report, &file, run->trace);
	else
		play_expectations(report, &file);
	report->passed += file.outcome == EXPECT_PASSED;
	report->failed += file.outcome == EXPECT_FAILED;
	report->unusable += file.outcome == EXPECT_UNUSABLE;
}

static int play_all(struct test_run *run)
{
	struct test_report *report = run->report;
	report->format->begin(report, run->n);
	for (size_t i = 0; i < run->n; i++)
		play(run, run->paths[i]);
	return report->format->end(report, report->failed > 0     ? EXIT_DENIED
					   : report->unusable > 0 ? EXIT_UNUSABLE
								  : EXIT_DONE);
}

static int gather_and_play(struct test_run *run, char **given, size_t n)
{
	int code = paths_gather(run, given, n);
	if (code == EXIT_DONE)
		code = play_all(run);
	for (size_t i = 0; i < run->n; i++)
		free(run->paths[i]);
	free(run->paths);
	return code;
}

int test_play(struct test_report *report, char **given, size_t n)
{
	struct test_run run = {.report = report};
	return gather_and_play(&run, given, n);
}

/* ---- the call ---- */

static const struct option long_options[] = {{"format", required_argument, NULL, 'f'},
					     {"json", no_argument, NULL, 'j'},
					     {"trace", no_argument, NULL, 'x'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

static const struct test_format *format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	return NULL;
}

/* EXIT_DONE to go on; -1 when help was all that was wanted. */
static int read_options(struct test_run *run, int argc, char **argv)
{
	run->report->format = &test_human;
	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "+h", long_options, NULL)) != -1;) {
		if (c == 'h')
			return -1;
		if (c == '?')
			return output_usage("test", "that is not an option of it");
		if (c == 'f')
			run->report->format = format_find(optarg);
		if (c == 'j')
			run->report->format = &test_json;
		run->trace |= c == 'x';
		if (run->report->format == NULL)
			return output_usage("test", "a format is human, tap, junit or json");
	}
	return optind < argc ? EXIT_DONE
			     : output_usage("test", "it takes scenes, expectation files and "
						    "folders of them");
}

int test_main(int argc, char **argv)
{
	struct test_report report = {0};
	struct test_run run = {.report = &report};
	int code = read_options(&run, argc, argv);
	if (code < 0) {
		fputs(help, stdout);
		return output_end(EXIT_DONE);
	}
	return code == EXIT_DONE ? gather_and_play(&run, argv + optind, (size_t)(argc - optind))
				 : code;
}
