/* The formats for people at a terminal and for the Test Anything Protocol: a line as soon as it is known. */
#include "config.h"

#include "cli/test_report.h"

#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

/* Octets of the UTF-8 character at text, or 0. */
static size_t utf8_len(const unsigned char *text)
{
	size_t n = text[0] < 0x80    ? 1
		   : text[0] < 0xc2  ? 0
		   : text[0] < 0xe0  ? 2
		   : text[0] < 0xf0  ? 3
		   : text[0] <= 0xf4 ? 4
				     : 0;
	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return n;
}

char *test_clean(const char *text)
{
	char *copy = strdup(text);
	for (size_t at = 0; copy != NULL && copy[at] != '\0';) {
		size_t n = utf8_len((const unsigned char *)copy + at);
		bool control =
			(unsigned char)copy[at] < ' ' && copy[at] != '\n' && copy[at] != '\t';
		if (n == 0 || control || copy[at] == 0x7f)
			copy[at] = '?';
		at += n > 0 ? n : 1;
	}
	return copy;
}

/* Each line of text behind a prefix. */
static void print_lines(FILE *to, const char *text, const char *prefix)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		fprintf(to, "%s%.*s\n", prefix, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* "path:line:column: message", the line, and a caret under the word. */
static void print_fact(FILE *to, const char *path, const struct expect_fact *fact)
{
	fputs(path, to);
	if (fact->line > 0)
		fprintf(to, ":%u:%u", fact->line, fact->column);
	fprintf(to, ": %s%s%s\n", fact->claim != NULL ? fact->claim : "",
		fact->claim != NULL ? ": " : "", fact->message);
	if (fact->text == NULL)
		return;
	fprintf(to, "    %s\n    ", fact->text);
	for (uint32_t i = 1; i < fact->column && fact->text[i - 1] != '\0'; i++)
		fputc(fact->text[i - 1] == '\t' ? '\t' : ' ', to);
	fputs("^\n", to);
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
