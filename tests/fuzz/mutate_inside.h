/* Where names, records and options stand in a DNS message, found as far as it can be read. */
#pragma once

#include "mutate.h"

#define HEADER     12
#define MARKS_MAX  512
#define LABELS_MAX 128

enum mark_kind { LABEL, POINTER, QUESTION, RECORD, OPTION };
struct mark {
	enum mark_kind kind;
	uint8_t section; /* of a record: 1 to 3 */
	size_t at;       /* a record's is its owner */
	size_t fixed;    /* of a question or record: its type */
	size_t end;
};

struct survey {
	struct edit *edit;
	struct mark marks[MARKS_MAX];
	size_t n, at;
	size_t opt; /* where the record of an OPT is among the marks; SIZE_MAX */
};

/* Of a message of HEADER octets at least. */
void survey_make(struct edit *edit, struct survey *out);
/* A mark of that kind, any of them; NULL without one. */
const struct mark *survey_any(struct survey *survey, enum mark_kind kind);
