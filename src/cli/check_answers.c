/*
 * Aliases that were seen: in namegate's own records, where an answer was refused for one, or in zone
 * text, such as dig prints. The file is somebody's protocol and not a policy, so that only what cannot
 * be read at all is an error.
 */
#include "config.h"

#include "cli/check.h"
#include "conf/files.h"
#include "dns/zone.h"

#include <namegate/message.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS_SIZE_MAX (256u << 20)

static const char refused[] = "alias without a rule for "; /* in a record's reason */

static int add_alias(struct check *check, const struct ng_name *owner,
		     const struct ng_name *target)
{
	if (check->n_aliases == check->aliases_room) {
		size_t room = check->aliases_room > 0 ? 2 * check->aliases_room : 64;
		struct ng_lint_alias *grown =
			realloc(check->aliases, room * sizeof(*check->aliases));
		if (grown == NULL)
			return NG_E_NOMEM;
		check->aliases = grown;
		check->aliases_room = room;
	}
	struct ng_lint_alias *alias = &check->aliases[check->n_aliases++];
	*alias = (struct ng_lint_alias){*owner, *target};
	ng_name_lower(&alias->owner);
	ng_name_lower(&alias->target);
	return NG_OK;
}

/* ---- records ---- */

/* The name ends the reason, but for a bracket. One that is cut lacks it, and is not to be trusted. */
static int read_record(struct check *check, const json_t *record)
{
	const char *name = json_string_value(json_object_get(record, "name"));
	const char *reason = json_string_value(json_object_get(record, "reason"));
	const char *target = reason != NULL ? strstr(reason, refused) : NULL;
	size_t len = target != NULL ? strcspn(target += sizeof(refused) - 1, " ") : 0;
	struct ng_name owner, alias;
	if (name == NULL || len == 0 || target[len] != '\0' || target[--len] != ')')
		return NG_OK;
	if (ng_name_from_text(name, strlen(name), &owner) != NG_OK ||
	    ng_name_from_text(target, len, &alias) != NG_OK)
		return NG_OK;
	return add_alias(check, &owner, &alias);
}

static int read_records(struct check *check, const char *path, const char *text, size_t len)
{
	struct ng_place place = {path, 0, 1};
	int code = NG_OK;
	for (size_t at = 0; at < len && code == NG_OK;) {
		const char *line = text + at, *end = memchr(line, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - line) : len - at;
		json_error_t error;
		json_t *record = json_loadb(line, n, 0, &error);
		place.line++;
		at += n + 1;
		if (json_is_object(record))
			code = read_record(check, record);
		else if (strspn(line, " \t\r") < n)
			ng_diag_add(&check->diags, NG_ERROR, &place, "answers-record",
				    "give the lines that namegated writes, or zone text",
				    "the line is no JSON object");
		json_decref(record);
	}
	return code;
}

/* ---- zone text ---- */

/* What a zone as such lacks does not matter here. */
static void keep_errors(struct check *check, const struct ng_diags *said)
{
	for (size_t i = 0; i < said->n; i++) {
		const struct ng_diag *diag = &said->items[i];
		struct ng_place place = {diag->path, diag->line, diag->column};
		if (diag->severity == NG_ERROR)
			ng_diag_add(&check->diags, NG_ERROR, &place, diag->code,
				    diag->suggestion, "%s", diag->reason);
	}
}

static int read_zone(struct check *check, const char *path, const char *text, size_t len)
{
	struct ng_diags said;
	struct zone_reader *reader = NULL;
	struct zone_record record;
	struct ng_name target;
	ng_diags_init(&said);
	int code = zone_reader_create(path, text, len, ".", &said, &reader);
	while (code == NG_OK) {
		code = zone_next(reader, &record);
		if (code == NG_OK && record.type == NG_TYPE_CNAME &&
		    ng_name_from_wire(record.rdata, record.rdlen, &target) == NG_OK)
			code = add_alias(check, &record.owner, &target);
		else if (code == NG_E_SYNTAX)
			code = NG_OK;
	}
	keep_errors(check, &said);
	zone_reader_destroy(reader);
	ng_diags_finish(&said);
	return code == NG_E_NOTFOUND ? NG_OK : code;
}

void check_answers(struct check *check, const char *path)
{
	struct ng_place place = {path, 0, 0};
	char *text;
	size_t len, before = check->n_aliases;
	int code = file_read(path, ANSWERS_SIZE_MAX, &place, &check->diags, &text, &len);
	if (code == NG_OK) {
		code = text[strspn(text, " \t\r\n")] == '{'
			       ? read_records(check, path, text, len)
			       : read_zone(check, path, text, len);
		free(text);
	}
	check_note(check, code);
	check_add_file(check, "answers", path, code == NG_OK, check->n_aliases - before);
}
