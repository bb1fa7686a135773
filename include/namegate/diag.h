/*
 * Findings about text that a person wrote: configuration, host lists, zones, scenes.
 *
 * A list owns copies of all its strings. Adding never fails: when memory or the bound is out the
 * finding is counted in `dropped` and, if it was an error, still in `errors`, so that nothing
 * unreadable can pass for readable.
 */
#pragma once

#include <namegate/error.h>
#include <stddef.h>
#include <stdint.h>

#define NG_DIAGS_MAX 256

enum ng_severity { NG_ERROR = 0, NG_WARNING, NG_NOTE };

struct ng_place {
	const char *path;      /* as the user wrote it */
	uint32_t line, column; /* from 1; 0 when there is none */
};

struct ng_diag {
	enum ng_severity severity;
	char *path;
	uint32_t line, column;
	const char *code; /* stable, for programs: "list-url", "rpz-origin"; static */
	char *reason;     /* one sentence, no full stop */
	char *suggestion; /* what to do or write instead; may be NULL */
};

struct ng_diags {
	struct ng_diag *items;
	size_t n, room;
	size_t errors, warnings, dropped;
};

void ng_diags_init(struct ng_diags *diags);
void ng_diags_finish(struct ng_diags *diags); /* takes NULL */
void ng_diag_add(struct ng_diags *diags, enum ng_severity severity,
		 const struct ng_place *place, const char *code, const char *suggestion,
		 const char *reason, ...) __attribute__((format(printf, 6, 7)));
/* "path:line:column: error: reason (suggestion) [code]", without a line end; returns buf. */
const char *ng_diag_format(const struct ng_diag *diag, char *buf, size_t size);
