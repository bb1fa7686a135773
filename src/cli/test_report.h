/*
 * What `namegate test` prints of the files that it plays, in one of four formats. The report counts;
 * the format prints as it goes, or, where its form wants the sums first, at the end.
 */
#pragma once

#include "cli/scene.h"
#include "offline/expect.h"

#include <jansson.h>

struct test_report;

struct test_case { /* one file */
	const char *path;
	const char *title; /* NULL, or "": it has none */
	bool scene;
	enum expect_outcome outcome;
	size_t facts, failed; /* of an expectation file */
};

struct test_format {
	const char *name;
	void (*begin)(struct test_report *report, size_t n_files);
	void (*file)(struct test_report *report, const char *path);
	void (*fact)(struct test_report *report, const char *path,
		     const struct expect_fact *fact);
	void (*scene)(struct test_report *report, const struct test_case *file,
		      const char *text); /* what the scene has said of itself */
	void (*end_file)(struct test_report *report, const struct test_case *file);
	int (*end)(struct test_report *report, int exit_code);
};

struct test_report {
	const struct test_format *format;
	size_t n, scenes, passed, failed, unusable, facts, facts_failed; /* so far */
	char *text; /* what waits for its heading */
	size_t text_len;
	FILE *waiting;
	json_t *files, *findings;
};

/*
 * Plays scenes and expectation files, and those below folders, and tells the report, whose format
 * is set (test.c). What the format's end() says, or EXIT_UNUSABLE after a complaint about a path.
 */
int test_play(struct test_report *report, char **given, size_t n);

extern const struct test_format test_human, test_tap, test_junit, test_json;

/* Text that may be anything as UTF-8: what is not, and control characters, become "?". Freed by the caller; NULL when memory is out. */
char *test_clean(const char *text);
