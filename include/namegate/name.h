/*
 * Domain names as wire labels.
 *
 * A name is its uncompressed wire form, root label included; comparison is by label and
 * ASCII case-insensitive (RFC 4343), so a label that holds 0x2E or 0x00 never looks like a dot.
 * Values only: nothing here allocates or owns.
 */
#pragma once

#include <namegate/bounds.h>
#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ng_name {
	uint8_t len; /* octets in use, 1 (the root) to 255; 0 is "no name" */
	uint8_t wire[NG_NAME_MAX];
};

/*
 * Text (RFC 1035 5.1 presentation, \DDD and \X escapes) to name. A missing final dot is taken as
 * there. Only ASCII: a caller with Unicode converts first. NG_E_FORMAT (empty label, bad escape,
 * octet above 0x7E unescaped), NG_E_RANGE (label over 63, name over 255).
 */
int ng_name_from_text(const char *text, size_t len, struct ng_name *out) NG_MUST_CHECK;
/* Presentation form without the final dot ("." for the root); returns buf. */
const char *ng_name_to_text(const struct ng_name *name, char buf[static NG_NAME_TEXT_MAX]);

/* An uncompressed name at the start of wire. NG_E_SHORT, NG_E_FORMAT (pointer, label type), NG_E_RANGE. */
int ng_name_from_wire(const uint8_t *wire, size_t len, struct ng_name *out) NG_MUST_CHECK;
/*
 * A possibly compressed name at *pos of a message; *pos moves behind it. Pointers must lead
 * strictly backwards (RFC 9267). NG_E_SHORT, NG_E_FORMAT, NG_E_RANGE.
 */
int ng_name_unpack(const uint8_t *message, size_t len, size_t *pos,
		   struct ng_name *out) NG_MUST_CHECK;

void ng_name_lower(struct ng_name *name);
/* The same into out, which is not name; what is behind its end is not written. */
void ng_name_lowered(const struct ng_name *name, struct ng_name *out);
bool ng_name_equal(const struct ng_name *a, const struct ng_name *b);
/* The same, for the case as well: what 0x20 compares. */
bool ng_name_same(const struct ng_name *a, const struct ng_name *b);
/* Is name equal to, or below, ancestor? The root is everybody's ancestor. */
bool ng_name_within(const struct ng_name *name, const struct ng_name *ancestor);
uint8_t ng_name_labels(const struct ng_name *name); /* the root label not counted */
/* Takes the first label off; false when name is the root. */
bool ng_name_parent(struct ng_name *name);
