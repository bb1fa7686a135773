/*
 * The world: what upstream would say, from zone text.
 *
 * One text holds records of any zones; names are absolute, or relative to an $ORIGIN. A question is
 * answered from it the way a recursive server would: with the whole alias chain, by wildcards (RFC
 * 4592) and DNAME (RFC 6672), NODATA for a name that has no such type, NXDOMAIN for one that is not
 * there. A world knows no forward zones: the gate picks the route by the name, so each name has one
 * answer. NS records delegate nothing.
 *
 * A world owns its records; it never changes after it was read.
 */
#pragma once

#include <namegate/addr.h>
#include <namegate/diag.h>
#include <namegate/message.h>

struct world;

/* A world without a name; then as many texts as there are. */
int world_create(struct world **out) NG_MUST_CHECK;
void world_free(struct world *world); /* takes NULL */
/* NG_E_SYNTAX with all errors of the text in diags, NG_E_NOMEM: the world is then of no use. */
int world_add(struct world *world, const char *path, const char *text, size_t len,
	      struct ng_diags *diags) NG_MUST_CHECK;
/* The same from a file; place is where its name stands. NG_E_IO besides. */
int world_add_file(struct world *world, const char *path, const struct ng_place *place,
		   struct ng_diags *diags) NG_MUST_CHECK;

/*
 * The message that a recursive server sends for the question: without an ID, RD and RA set, the
 * chain of aliases to its end (a loop is left after one turn). A negative one has the nearest SOA
 * above the name, or one of the root when the text has none. SERVFAIL when the
 * records exceed a message. Returns its length.
 */
size_t world_answer(const struct world *world, const struct ng_question *question,
		    uint8_t out[static NG_MESSAGE_MAX]);

/* Does the text say anything of the name: records, a wildcard or DNAME that covers it? */
bool world_knows(const struct world *world, const struct ng_name *name);
/*
 * The names with records behind *cursor (start with 0), in the order of the text, lower-cased; a
 * wildcard begins with its asterisk label. False at the end. The place is that of its first record.
 */
bool world_name(const struct world *world, size_t *cursor, const struct ng_name **name,
		struct ng_place *place);
/* Does the name, or wildcard, have a DNAME? Then out is its target, lower-cased. */
bool world_dname(const struct world *world, const struct ng_name *name, struct ng_name *out);
/* All addresses, A and AAAA, that the name's chain ends in; at most NG_ADDRS_MAX. Returns how many. */
size_t world_addresses(const struct world *world, const struct ng_name *name,
		       struct ng_addr out[static NG_ADDRS_MAX]);
