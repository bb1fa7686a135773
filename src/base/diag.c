/*
 * A list of findings that owns its strings. A list that is full, or a machine that is out of memory,
 * must not turn an unreadable file into a readable one; so the counts are kept first, and the
 * text is what may be lost.
 */
#include <namegate/diag.h>

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_MAX 512

static const char *const severities[] = {
	[NG_ERROR] = "error", [NG_WARNING] = "warning", [NG_NOTE] = "note"};

void ng_diags_init(struct ng_diags *diags)
{
	*diags = (struct ng_diags){0};
}

static void diag_finish(struct ng_diag *diag)
{
	free(diag->path);
	free(diag->reason);
	free(diag->suggestion);
}

void ng_diags_finish(struct ng_diags *diags)
{
	if (!diags)
		return;
	for (size_t i = 0; i < diags->n; i++)
		diag_finish(&diags->items[i]);
	free(diags->items);
	*diags = (struct ng_diags){0};
}

/* The slot for one more, or NULL when the bound or memory is out. */
static struct ng_diag *diags_slot(struct ng_diags *diags)
{
	if (diags->n == NG_DIAGS_MAX)
		return NULL;
	if (diags->n == diags->room) {
		size_t room = diags->room ? 2 * diags->room : 8;
		struct ng_diag *items = realloc(diags->items, room * sizeof(*items));
		if (!items)
			return NULL;
		diags->items = items;
		diags->room = room;
	}
	return &diags->items[diags->n];
}

void ng_diag_add(struct ng_diags *diags, enum ng_severity severity,
		 const struct ng_place *place, const char *code, const char *suggestion,
		 const char *reason, ...)
{
	char text[REASON_MAX];
	va_list args;
	va_start(args, reason);
	vsnprintf(text, sizeof(text), reason, args);
	va_end(args);

	diags->errors += severity == NG_ERROR;
	diags->warnings += severity == NG_WARNING;
	struct ng_diag *slot = diags_slot(diags);
	if (!slot) {
		diags->dropped++;
		return;
	}
	const char *path = place && place->path ? place->path : "";
	*slot = (struct ng_diag){
		.severity = severity,
		.path = strdup(path),
		.line = place ? place->line : 0,
		.column = place ? place->column : 0,
		.code = code,
		.reason = strdup(text),
		.suggestion = suggestion ? strdup(suggestion) : NULL,
	};
	if (!slot->path || !slot->reason || (suggestion && !slot->suggestion)) {
		diag_finish(slot);
		diags->dropped++;
		return;
	}
	diags->n++;
}

const char *ng_diag_format(const struct ng_diag *diag, char *buf, size_t size)
{
	char where[32] = "";
	if (diag->line && diag->column)
		snprintf(where, sizeof(where), ":%u:%u", diag->line, diag->column);
	else if (diag->line)
		snprintf(where, sizeof(where), ":%u", diag->line);
	snprintf(buf, size, "%s%s%s%s: %s%s%s%s [%s]", diag->path, where,
		 *diag->path ? ": " : "", severities[diag->severity], diag->reason,
		 diag->suggestion ? " (" : "", diag->suggestion ? diag->suggestion : "",
		 diag->suggestion ? ")" : "", diag->code);
	return text_clean(buf, "");
}
