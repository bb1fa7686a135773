/*
 * The formats for programs: JUnit's XML, one test case a fact or scene, and JSON, which lists what
 * did not hold. Both are one document, printed when all is known.
 */
#include "config.h"

#include "cli/test_report.h"

#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

static const char *const outcomes[] = {
	[EXPECT_UNUSABLE] = "unusable", [EXPECT_FAILED] = "failed", [EXPECT_PASSED] = "passed"};

static void no_begin(struct test_report *report, size_t n_files)
{
	(void)report;
	(void)n_files;
}

/* ---- junit ---- */

static void xml_print(FILE *to, const char *text)
{
	char *clean = test_clean(text);
	for (const char *at = clean; at != NULL && *at != '\0'; at++) {
		switch (*at) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		case '\n':
			fputs("&#10;", to);
			break;
		default:
			fputc(*at, to);
		}
	}
	free(clean);
}

static void junit_open(struct test_report *report)
{
	if (report->waiting == NULL)
		report->waiting = open_memstream(&report->text, &report->text_len);
}

static void junit_case(struct test_report *report, const char *path, const char *name,
		       uint32_t line, enum expect_outcome outcome, const char *message)
{
	FILE *to = report->waiting;
	fputs("  <testcase classname=\"", to);
	xml_print(to, path);
	fputs("\" name=\"", to);
	if (line > 0)
		fprintf(to, "line %u: ", line);
	xml_print(to, name);
	if (outcome == EXPECT_PASSED) {
		fputs("\"/>\n", to);
		return;
	}
	const char *kind = outcome == EXPECT_FAILED ? "failure" : "error";
	fprintf(to, "\"><%s message=\"", kind);
	xml_print(to, message);
	fprintf(to, "\"/></testcase>\n");
}

/* A suite's head has its sums, so its cases wait. */
static void junit_file(struct test_report *report, const char *path)
{
	(void)path;
	junit_open(report);
}

static void junit_fact(struct test_report *report, const char *path,
		       const struct expect_fact *fact)
{
	if (report->waiting != NULL)
		junit_case(report, path, fact->claim != NULL ? fact->claim : "the file",
			   fact->line, fact->outcome, fact->message);
}

static void junit_scene(struct test_report *report, const struct test_case *file,
			const char *text)
{
	if (report->waiting != NULL)
		junit_case(report, file->path,
			   file->title != NULL && file->title[0] != '\0' ? file->title
									 : file->path,
			   0, file->outcome, text);
}

static void junit_end_file(struct test_report *report, const struct test_case *file)
{
	bool unusable = file->outcome == EXPECT_UNUSABLE;
	size_t failures = file->scene ? file->outcome == EXPECT_FAILED : file->failed;
	size_t tests = file->scene ? 1 : file->facts + unusable;
	if (report->waiting == NULL)
		return;
	fclose(report->waiting);
	report->waiting = NULL;
	json_t *suite =
		json_pack("{s:s, s:i, s:i, s:i}", "cases", report->text, "tests", (int)tests,
			  "failures", (int)failures, "errors", (int)unusable);
	char *path = test_clean(file->path);
	if (report->files == NULL)
		report->files = json_array();
	if (suite != NULL && path != NULL)
		json_object_set_new(suite, "path", json_string(path));
	json_array_append_new(report->files, suite);
	free(path);
	free(report->text);
	report->text = NULL;
}

static int junit_end(struct test_report *report, int exit_code)
{
	size_t i;
	json_t *suite;
	puts("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>");
	json_array_foreach(report->files, i, suite)
	{
		fputs(" <testsuite name=\"", stdout);
		xml_print(stdout, json_string_value(json_object_get(suite, "path")));
		printf("\" tests=\"%d\" failures=\"%d\" errors=\"%d\">\n%s </testsuite>\n",
		       (int)json_integer_value(json_object_get(suite, "tests")),
		       (int)json_integer_value(json_object_get(suite, "failures")),
		       (int)json_integer_value(json_object_get(suite, "errors")),
		       json_string_value(json_object_get(suite, "cases")));
	}
	puts("</testsuites>");
	json_decref(report->files);
	return output_end(exit_code);
}

const struct test_format test_junit = {"junit",     no_begin,       junit_file, junit_fact,
				       junit_scene, junit_end_file, junit_end};

/* ---- json ---- */

static json_t *text_json(const char *text)
{
	char *clean = text != NULL ? test_clean(text) : NULL;
	json_t *value = clean != NULL ? json_string(clean) : json_null();
	free(clean);
	return value;
}

static void finding_add(struct test_report *report, enum expect_outcome outcome, uint32_t line,
			uint32_t column, const char *claim, const char *message)
{
	json_t *finding = json_pack("{s:s, s:o}", "outcome", outcomes[outcome], "message",
				    text_json(message));
	if (finding != NULL && line > 0) {
		json_object_set_new(finding, "line", json_integer(line));
		json_object_set_new(finding, "column", json_integer(column));
	}
	if (finding != NULL && claim != NULL)
		json_object_set_new(finding, "claim", text_json(claim));
	json_array_append_new(report->findings, finding);
}

static void json_file(struct test_report *report, const char *path)
{
	(void)path;
	report->findings = json_array();
}

static void json_fact(struct test_report *report, const char *path,
		      const struct expect_fact *fact)
{
	(void)path;
	if (fact->message != NULL)
		finding_add(report, fact->outcome, fact->line, fact->column, fact->claim,
			    fact->message);
}

/* A scene says "PATH:LINE:COLUMN: what", and the line behind it. */
static void json_scene(struct test_report *report, const struct test_case *file,
		       const char *text)
{
	size_t path = strlen(file->path);
	unsigned line = 0, column = 0;
	if (file->outcome == EXPECT_PASSED)
		return;
	if (strncmp(text, file->path, path) == 0 &&
	    sscanf(text + path, ":%u:%u:", &line, &column) < 2)
		line = 0;
	finding_add(report, file->outcome, line, column, NULL, text);
}

static void json_end_file(struct test_report *report, const struct test_case *file)
{
	json_t *object = json_pack("{s:o, s:s, s:s, s:o}", "path", text_json(file->path),
				   "kind", file->scene ? "scene" : "expectations", "outcome",
				   outcomes[file->outcome], "findings", report->findings);
	if (object != NULL && file->title != NULL && file->title[0] != '\0')
		json_object_set_new(object, "title", text_json(file->title));
	if (object != NULL && !file->scene) {
		json_object_set_new(object, "facts", json_integer((json_int_t)file->facts));
		json_object_set_new(object, "failed", json_integer((json_int_t)file->failed));
	}
	if (report->files == NULL)
		report->files = json_array();
	json_array_append_new(report->files, object);
}

static int json_end(struct test_report *report, int exit_code)
{
	return output_json(json_pack("{s:s, s:i, s:i, s:i, s:o}", "outcome",
				     outcomes[report->failed > 0     ? EXPECT_FAILED
					      : report->unusable > 0 ? EXPECT_UNUSABLE
								     : EXPECT_PASSED],
				     "passed", (int)report->passed, "failed",
				     (int)report->failed, "unusable", (int)report->unusable,
				     "files", report->files),
			   exit_code);
}

const struct test_format test_json = {"json",     no_begin,      json_file, json_fact,
				      json_scene, json_end_file, json_end};
