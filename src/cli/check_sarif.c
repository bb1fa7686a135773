/*
 * Findings as SARIF 2.1.0 (OASIS), for code hosts that show them beside the line. Every code of the
 * lint is described, whether it was found or not; codes of the readers when they were. Columns count
 * octets in namegate and characters in SARIF, which is the same wherever a list is ASCII.
 */
#include "config.h"

#include "cli/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SARIF_SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static const char *const levels[] = {
	[NG_ERROR] = "error", [NG_WARNING] = "warning", [NG_NOTE] = "note"};

static json_t *text_of(const char *text)
{
	json_t *value = json_string(text);
	return json_pack("{s:o}", "text", value != NULL ? value : json_string("(not UTF-8)"));
}

/* A path as a relative reference (RFC 3986): every octet that is not plain is written %XX. */
static json_t *uri_of(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	size_t n = 0;
	char *uri = malloc(3 * strlen(path) + 1);
	if (uri == NULL)
		return NULL;
	for (const char *at = path; *at != '\0'; at++) {
		if (strchr(plain, *at) != NULL)
			uri[n++] = *at;
		else
			n += (size_t)snprintf(uri + n, 4, "%%%02X", (unsigned char)*at);
	}
	uri[n] = '\0';
	json_t *value = json_string(uri);
	free(uri);
	return value;
}

static json_t *rule_of(const char *code, enum ng_severity severity, const char *what,
		       const char *help)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:{s:s}}", "id", code, "shortDescription",
			 text_of(what), "fullDescription", text_of(help), "help", text_of(help),
			 "defaultConfiguration", "level", levels[severity]);
}

static size_t index_of(const json_t *rules, const char *code)
{
	size_t i;
	json_t *rule;
	json_array_foreach((json_t *)rules, i, rule)
	{
		if (strcmp(json_string_value(json_object_get(rule, "id")), code) == 0)
			break;
	}
	return i;
}

static json_t *rules_of(const struct ng_diags *diags)
{
	json_t *rules = json_array();
	for (size_t i = 0; i < NG_LINTS; i++) {
		const struct ng_lint_code *code = &ng_lint_codes[i];
		json_array_append_new(
			rules, rule_of(code->code, code->severity, code->what, code->help));
	}
	for (size_t i = 0; i < diags->n; i++) {
		const struct ng_diag *diag = &diags->items[i];
		const char *help = diag->suggestion != NULL ? diag->suggestion : diag->reason;
		if (index_of(rules, diag->code) == json_array_size(rules))
			json_array_append_new(
				rules, rule_of(diag->code, diag->severity, diag->reason, help));
	}
	return rules;
}

static json_t *location_of(const struct ng_diag *diag)
{
	json_t *physical = json_pack("{s:{s:o}}", "artifactLocation", "uri",
				     uri_of(*diag->path != '\0' ? diag->path : "."));
	if (diag->line > 0) {
		json_t *region = json_pack("{s:I}", "startLine", (json_int_t)diag->line);
		if (diag->column > 0)
			json_object_set_new(region, "startColumn",
					    json_integer((json_int_t)diag->column));
		json_object_set_new(physical, "region", region);
	}
	return json_pack("{s:o}", "physicalLocation", physical);
}

static json_t *result_of(const struct ng_diag *diag, const json_t *rules)
{
	char message[2048];
	bool advice = diag->suggestion != NULL;
	snprintf(message, sizeof(message), "%s%s%s%s", diag->reason, advice ? " (" : "",
		 advice ? diag->suggestion : "", advice ? ")" : "");
	return json_pack("{s:s, s:I, s:s, s:o, s:[o]}", "ruleId", diag->code, "ruleIndex",
			 (json_int_t)index_of(rules, diag->code), "level",
			 levels[diag->severity], "message", text_of(message), "locations",
			 location_of(diag));
}

static json_t *run_of(const struct check *check, json_t *rules, json_t *results, int exit_code)
{
	return json_pack("{s:{s:{s:s, s:s, s:o}}, s:s, s:[{s:b, s:i}], s:{s:I}, s:o}", "tool",
			 "driver", "name", "namegate", "version", PACKAGE_VERSION, "rules",
			 rules, "columnKind", "unicodeCodePoints", "invocations",
			 "executionSuccessful", !check->unreadable, "exitCode", exit_code,
			 "properties", "dropped", (json_int_t)check->diags.dropped, "results",
			 results);
}

json_t *check_sarif(const struct check *check, int exit_code)
{
	json_t *rules = rules_of(&check->diags), *results = json_array();
	for (size_t i = 0; rules != NULL && results != NULL && i < check->diags.n; i++)
		json_array_append_new(results, result_of(&check->diags.items[i], rules));
	return json_pack("{s:s, s:s, s:[o]}", "$schema", SARIF_SCHEMA, "version", "2.1.0",
			 "runs", run_of(check, rules, results, exit_code));
}
