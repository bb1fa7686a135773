/*
 * A document for people, as Markdown or as one HTML page that needs nothing from elsewhere.
 *
 * Everything that is given here is text and comes out as text: names, paths and comments are other
 * people's, so each goes through the one function of its format that escapes. Octets that are no
 * printable UTF-8 become "?".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum doc_format { DOC_MARKDOWN = 0, DOC_HTML };

#define DOC_COLUMNS 8

struct doc {
	FILE *to; /* the caller's */
	enum doc_format format;
	size_t columns; /* of the table that is open */
};

void doc_begin(struct doc *doc, const char *title);
void doc_end(struct doc *doc);
void doc_heading(struct doc *doc, unsigned level, const char *text); /* 2 and up */
void doc_paragraph(struct doc *doc, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* heads and cells end with NULL; a row has one cell for each head. */
void doc_table(struct doc *doc, const char *const *heads);
void doc_row(struct doc *doc, const char *const *cells);
void doc_table_end(struct doc *doc);
/* What is between the two is shown when somebody asks for it. */
void doc_fold(struct doc *doc, const char *format, ...) __attribute__((format(printf, 2, 3)));
void doc_fold_end(struct doc *doc);
