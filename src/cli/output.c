/*
 * Findings and results go to standard output, complaints about the call itself to standard error.
 * A result that could not be written is not a result: a full disk or a closed pipe shows in the exit code.
 */
#include "cli/output.h"

#include "cli/verbs.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char *const severities[] = {
	[NG_ERROR] = "error", [NG_WARNING] = "warning", [NG_NOTE] = "note"};

void output_diags(const struct ng_diags *diags, FILE *to)
{
	char line[2048];
	for (size_t i = 0; i < diags->n; i++)
		fprintf(to, "%s\n", ng_diag_format(&diags->items[i], line, sizeof(line)));
	if (diags->dropped > 0)
		fprintf(to, "and %zu more findings\n", diags->dropped);
}

/* Text of files may be no UTF-8; then the finding keeps its place and code. */
static json_t *text_json(const char *text)
{
	json_t *value = text != NULL ? json_string(text) : json_null();
	return value != NULL ? value : json_string("(not UTF-8)");
}

json_t *output_diags_json(const struct ng_diags *diags)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < diags->n; i++) {
		const struct ng_diag *diag = &diags->items[i];
		json_t *object =
			json_pack("{s:s, s:o, s:i, s:i, s:s, s:o, s:o}", "severity",
				  severities[diag->severity], "path", text_json(diag->path),
				  "line", (int)diag->line, "column", (int)diag->column, "code",
				  diag->code, "reason", text_json(diag->reason), "suggestion",
				  text_json(diag->suggestion));
		if (json_array_append_new(array, object) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

int output_end(int exit_code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	fprintf(stderr, "namegate: the result could not be written: %s\n", strerror(errno));
	return EXIT_UNUSABLE;
}

int output_json(json_t *object, int exit_code)
{
	bool written = object != NULL &&
		       json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0;
	json_decref(object);
	if (!written) {
		fprintf(stderr, "namegate: the result could not be written as JSON\n");
		return EXIT_UNUSABLE;
	}
	putchar('\n');
	return output_end(exit_code);
}

int output_usage(const char *verb, const char *what)
{
	fprintf(stderr, "namegate %s: %s; see namegate %s --help\n", verb, what, verb);
	return EXIT_UNUSABLE;
}
