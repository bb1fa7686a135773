/*
 * Tests of the policy, run for the report by what `namegate test` runs them with; the report is one
 * more format of its results.
 */
#include "config.h"
#include "cli/report.h"

#include "cli/verbs.h"

#include <stdlib.h>
#include <string.h>

struct gathering {
	struct test_report report; /* first: the format is given a pointer to it */
	struct report_tests *into;
	bool full; /* memory is out */
};

static struct gathering *gathering_of(struct test_report *report)
{
	return (struct gathering *)(void *)report;
}

/* A zeroed slot at the end of items; NULL when memory is out. */
static void *slot(struct gathering *gathering, void **items, size_t *n, size_t *room,
		  size_t size)
{
	if (*n == *room) {
		size_t more = *room > 0 ? 2 * *room : 64;
		void *moved = reallocarray(*items, more, size);
		if (moved == NULL) {
			gathering->full = true;
			return NULL;
		}
		*items = moved;
		*room = more;
	}
	void *place = (char *)*items + (*n)++ * size;
	memset(place, 0, size);
	return place;
}

static char *copy(struct gathering *gathering, const char *text)
{
	char *made = strdup(text != NULL ? text : "");
	gathering->full |= made == NULL;
	return made;
}

/* ---- the format ---- */

static void on_begin(struct test_report *report, size_t n_files)
{
	(void)report, (void)n_files;
}

static void on_file(struct test_report *report, const char *path)
{
	(void)report, (void)path;
}

static void on_fact(struct test_report *report, const char *path,
		    const struct expect_fact *fact)
{
	struct gathering *gathering = gathering_of(report);
	struct report_tests *into = gathering->into;
	struct report_fact *made = slot(gathering, (void **)&into->facts, &into->n_facts,
					&into->room_facts, sizeof(*into->facts));
	if (made == NULL)
		return;
	made->path = copy(gathering, path);
	made->claim = copy(gathering, fact->claim != NULL ? fact->claim : fact->text);
	made->message = copy(gathering, fact->message);
	made->policy = copy(gathering, fact->policy);
	made->after_s = fact->after_s;
	made->line = fact->line;
	made->outcome = fact->outcome;
}

static struct report_fact scene_fact(struct gathering *gathering, const struct test_case *file,
				     const char *text)
{
	return (struct report_fact){.path = copy(gathering, file->path),
				    .claim = copy(gathering, file->title),
				    .message = copy(gathering, text),
				    .policy = copy(gathering, NULL),
				    .outcome = file->outcome};
}

/* A scene that holds is told by its file alone. */
static void on_scene(struct test_report *report, const struct test_case *file, const char *text)
{
	struct gathering *gathering = gathering_of(report);
	struct report_tests *into = gathering->into;
	if (file->outcome == EXPECT_PASSED)
		return;
	struct report_fact *made = slot(gathering, (void **)&into->facts, &into->n_facts,
					&into->room_facts, sizeof(*into->facts));
	if (made != NULL)
		*made = scene_fact(gathering, file, text);
}

static void on_end_file(struct test_report *report, const struct test_case *file)
{
	struct gathering *gathering = gathering_of(report);
	struct report_tests *into = gathering->into;
	struct report_file *made = slot(gathering, (void **)&into->files, &into->n_files,
					&into->room_files, sizeof(*into->files));
	if (made == NULL)
		return;
	*made = (struct report_file){.path = copy(gathering, file->path),
				     .title = copy(gathering, file->title),
				     .outcome = file->outcome,
				     .scene = file->scene,
				     .facts = file->facts,
				     .failed = file->failed};
}

static int on_end(struct test_report *report, int exit_code)
{
	(void)report;
	return exit_code;
}

static const struct test_format format = {.name = "report",
					  .begin = on_begin,
					  .file = on_file,
					  .fact = on_fact,
					  .scene = on_scene,
					  .end_file = on_end_file,
					  .end = on_end};

int report_tests_run(struct report *report)
{
	struct gathering gathering = {.report = {.format = &format}, .into = &report->results};
	if (report->n_tests == 0)
		return NG_OK;
	int code = test_play(&gathering.report, report->tests, report->n_tests);
	report->results.passed = gathering.report.passed;
	report->results.failed = gathering.report.failed;
	report->results.unusable = gathering.report.unusable;
	if (gathering.full)
		return NG_E_NOMEM;
	/* nothing was played: a path is not there, and that was said */
	return code == EXIT_UNUSABLE && gathering.report.n == 0 ? NG_E_NOTFOUND : NG_OK;
}

void report_tests_free(struct report_tests *results)
{
	for (size_t i = 0; i < results->n_facts; i++) {
		free(results->facts[i].path);
		free(results->facts[i].claim);
		free(results->facts[i].message);
		free(results->facts[i].policy);
	}
	for (size_t i = 0; i < results->n_files; i++) {
		free(results->files[i].path);
		free(results->files[i].title);
	}
	free(results->facts);
	free(results->files);
	*results = (struct report_tests){0};
}

/* ---- printing ---- */

static const char *const outcomes[] = {
	[EXPECT_UNUSABLE] = "unusable", [EXPECT_FAILED] = "FAILED", [EXPECT_PASSED] = "passed"};

static const char *place(const struct report_fact *fact, char *out, size_t size)
{
	if (fact->line != 0)
		snprintf(out, size, "%s:%u", fact->path, fact->line);
	else
		snprintf(out, size, "%s", fact->path);
	return out;
}

static void print_failures(struct report *report)
{
	static const char *const heads[] = {"place", "what", "outcome", "instead", NULL};
	const struct report_tests *results = &report->results;
	struct report_lines lines = {.doc = &report->doc, .heads = heads, .what = "failures"};
	for (size_t i = 0; i < results->n_facts; i++)
		lines.total += results->facts[i].outcome != EXPECT_PASSED;
	if (lines.total == 0)
		return;
	doc_heading(&report->doc, 3, "What does not hold");
	for (size_t i = 0; i < results->n_facts; i++) {
		const struct report_fact *fact = &results->facts[i];
		char at[NG_PATH_MAX + 32];
		if (fact->outcome != EXPECT_PASSED)
			report_lines_row(
				&lines,
				(const char *const[]){place(fact, at, sizeof(at)), fact->claim,
						      outcomes[fact->outcome], fact->message});
	}
	report_lines_end(&lines);
}

void report_tests_print(struct report *report)
{
	static const char *const heads[] = {"file", "kind", "facts", "outcome", "title", NULL};
	const struct report_tests *results = &report->results;
	struct report_lines lines = {.doc = &report->doc,
				     .heads = heads,
				     .what = "files",
				     .total = results->n_files};
	doc_heading(&report->doc, 2, "Tests");
	if (report->n_tests == 0) {
		doc_paragraph(&report->doc, "None were run: no paths were given with --tests.");
		return;
	}
	doc_paragraph(
		&report->doc,
		"Run for this report by the gate's own engine: %zu files, %zu passed, %zu "
		"failed, %zu unusable.",
		results->n_files, results->passed, results->failed, results->unusable);
	for (size_t i = 0; i < results->n_files; i++) {
		const struct report_file *file = &results->files[i];
		char facts[64] = "";
		if (!file->scene)
			snprintf(facts, sizeof(facts), "%zu, %zu failed", file->facts,
				 file->failed);
		report_lines_row(&lines,
				 (const char *const[]){
					 file->path, file->scene ? "scene" : "expectations",
					 facts, outcomes[file->outcome], file->title});
	}
	report_lines_end(&lines);
	print_failures(report);
}

/* "ci: deny evil.example": what is said of the sandbox, behind its name, begins with that word. */
static bool says(const struct report_fact *fact, const char *word)
{
	const char *text = strstr(fact->claim, ": ");
	size_t len = strlen(word);
	text = text != NULL ? text + 2 : fact->claim;
	return strncmp(text, word, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

static bool is_denial(const struct report_fact *fact)
{
	return fact->line != 0 && (says(fact, "deny") || says(fact, "no-reach"));
}

static bool same_file(const char *a, const char *b)
{
	char *left = realpath(a, NULL), *right = realpath(b, NULL);
	bool same = left != NULL && right != NULL && strcmp(left, right) == 0;
	free(left);
	free(right);
	return same;
}

/* The place, and what makes the fact say less of this page's policy than it seems to. */
static const char *evidence(const struct report *report, const struct report_fact *fact,
			    char *out, size_t size)
{
	char at[NG_PATH_MAX + 32], later[64] = "";
	bool same = same_file(fact->policy, report->config);
	if (fact->after_s > 0)
		snprintf(later, sizeof(later), ", when %llu s have passed",
			 (unsigned long long)fact->after_s);
	snprintf(out, size, "%s%s%s%s", place(fact, at, sizeof(at)), later,
		 same ? "" : ", of another policy: ", same ? "" : fact->policy);
	return out;
}

void report_denials_print(struct report *report)
{
	static const char *const heads[] = {"assertion", "outcome", "evidence", NULL};
	const struct report_tests *results = &report->results;
	struct report_lines lines = {.doc = &report->doc, .heads = heads, .what = "assertions"};
	for (size_t i = 0; i < results->n_facts; i++)
		lines.total += is_denial(&results->facts[i]);
	doc_heading(&report->doc, 3, "Assertions");
	doc_paragraph(&report->doc,
		      lines.total > 0
			      ? "The facts with deny and no-reach of the expectation files "
				"that were run, each with its place, and with its time and "
				"policy where these are not the beginning and the one above."
			      : "No expectation file with a deny or no-reach fact was run, so "
				"nothing is asserted here.");
	for (size_t i = 0; i < results->n_facts; i++) {
		const struct report_fact *fact = &results->facts[i];
		char at[2 * NG_PATH_MAX + 128];
		if (is_denial(fact))
			report_lines_row(
				&lines,
				(const char *const[]){fact->claim, outcomes[fact->outcome],
						      evidence(report, fact, at, sizeof(at))});
	}
	report_lines_end(&lines);
}
