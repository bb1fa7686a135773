/* The formats for people at a terminal and for the Test Anything Protocol: a line as soon as it is known. */
#include "config.h"

#include "cli/test_report.h"

#include "base/text.h"
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

char *test_clean(const char *text)
{
	char *copy = strdup(text);
	return copy != NULL ? text_clean(copy, "\n\t") : NULL;
}

/* Each line of text behind a prefix. */
static void print_lines(FILE *to, const char *text, const char *prefix)
{
	char *clean = test_clean(text);
	for (const char *at = clean; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, "\n");
		fprintf(to, "%s%.*s\n", prefix, (int)len, at);
		at += len + (at[len] == '\n');
	}
	free(clean);
}

static void print_clean(FILE *to, const char *text)
{
	char *clean = test_clean(text);
	fputs(clean != NULL ? clean : "", to);
	free(clean);
}

/* The line, and a caret under the character at that octet. */
static void print_caret(FILE *to, const char *line, uint32_t column)
{
	fprintf(to, "    %s\n    ", line);
	for (const char *at = line; *at != '\0' && at + 1 < line + column; at++) {
		if ((*at & 0xc0) != 0x80)
			fputc(*at == '\t' ? '\t' : ' ', to);
	}
	fputs("^\n", to);
}

/* "path:line:column: message", the line, and a caret under the word. */
static void print_fact(FILE *to, const char *path, const struct expect_fact *fact)
{
	print_clean(to, path);
	if (fact->line > 0)
		fprintf(to, ":%u:%u", fact->line, fact->column);
	fputs(": ", to);
	if (fact->claim != NULL) {
		print_clean(to, fact->claim);
		fputs(": ", to);
	}
	print_clean(to, fact->message);
	fputc('\n', to);
	if (fact->text == NULL)
		return;
	char *clean = test_clean(fact->text);
	if (clean != NULL)
		print_caret(to, clean, fact->column);
	free(clean);
}

/* ---- human ---- */

static void no_begin(struct test_report *report, size_t n_files)
{
	(void)report;
	(void)n_files;
}

static void no_file(struct test_report *report, const char *path)
{
	(void)report;
	(void)path;
}

static void no_end_file(struct test_report *report, const struct test_case *file)
{
	(void)report;
	(void)file;
}

static void human_fact(struct test_report *report, const char *path,
		       const struct expect_fact *fact)
{
	(void)report;
	if (fact->message != NULL)
		print_fact(stderr, path, fact);
}

static void human_scene(struct test_report *report, const struct test_case *file,
			const char *text)
{
	(void)report;
	(void)file;
	print_lines(stderr, text, "");
}

static int human_end(struct test_report *report, int exit_code)
{
	printf("files: %zu, passed %zu, failed %zu, unusable %zu", report->n, report->passed,
	       report->failed, report->unusable);
	if (report->facts > 0)
		printf("; facts: %zu, failed %zu", report->facts, report->facts_failed);
	putchar('\n');
	return output_end(exit_code);
}

const struct test_format test_human = {"human",     no_begin,    no_file,  human_fact,
				       human_scene, no_end_file, human_end};

/* ---- tap ---- */

static void tap_begin(struct test_report *report, size_t n_files)
{
	(void)report;
	printf("1..%zu\n", n_files);
}

/* Diagnostics are comments, and stand behind the result that they are about. */
static void tap_file(struct test_report *report, const char *path)
{
	(void)path;
	report->waiting = open_memstream(&report->text, &report->text_len);
}

static void tap_fact(struct test_report *report, const char *path,
		     const struct expect_fact *fact)
{
	if (fact->message != NULL && report->waiting != NULL)
		print_fact(report->waiting, path, fact);
}

static void tap_scene(struct test_report *report, const struct test_case *file,
		      const char *text)
{
	(void)file;
	if (report->waiting != NULL)
		fputs(text, report->waiting);
}

static void tap_end_file(struct test_report *report, const struct test_case *file)
{
	bool titled = file->title != NULL && file->title[0] != '\0';
	printf("%s %zu - %s\n", file->outcome == EXPECT_PASSED ? "ok" : "not ok", report->n,
	       titled ? file->title : file->path);
	if (report->waiting == NULL)
		return;
	fclose(report->waiting);
	print_lines(stdout, report->text, "# ");
	free(report->text);
	report->waiting = NULL;
}

static int tap_end(struct test_report *report, int exit_code)
{
	(void)report;
	return output_end(exit_code);
}

const struct test_format test_tap = {"tap",     tap_begin,    tap_file, tap_fact,
				     tap_scene, tap_end_file, tap_end};
