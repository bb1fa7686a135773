/*
 * Where the sections of a configuration begin, which libconfuse does not remember. An opening points
 * into the text that it was found in.
 */
#pragma once

#include <namegate/diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opening {                  /* forward "corp.internal" { */
	const char *kind, *title; /* not ended; title NULL: none, else without its quotes */
	size_t kind_len, title_len;
	uint32_t line, column;
	uint32_t depth; /* 0: it stands in no other */
};

struct openings { /* in their order; the zero value has none */
	struct opening *items;
	size_t n, room;
};

/* NG_E_NOMEM; the openings are to be finished all the same. */
int openings_read(const char *text, struct openings *out) NG_MUST_CHECK;
void openings_finish(struct openings *openings); /* takes NULL */
/* The first of that kind and depth from *at on, which then is behind it; NULL: there is none. */
const struct opening *openings_next(const struct openings *openings, const char *kind,
				    uint32_t depth, size_t *at);
/*
 * The last one with that title up to a line, and in *before the one of its kind and title that stands
 * before it in the same section; NULL each: there is none.
 */
const struct opening *openings_twice(const struct openings *openings, const char *title,
				     uint32_t line, const struct opening **before);
