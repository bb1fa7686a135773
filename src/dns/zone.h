/*
 * Zone text (RFC 1035 5) read record by record, with the place of each.
 *
 * The reader borrows the text, the path and the diagnostics; records are good until the next call.
 * It reads $ORIGIN and $TTL, refuses $INCLUDE and $GENERATE, and has no access to files. What
 * belongs to a zone as a whole is its business too: a record outside the origin, or an SOA that is
 * not there, is reported here and not by each user.
 */
#pragma once

#include <namegate/diag.h>
#include <namegate/name.h>

struct zone_reader;

struct zone_record {
	struct ng_name owner; /* case as written */
	uint16_t type, class;
	uint32_t ttl;
	struct ng_place place; /* the owner, or the first word of a record without one */
	struct ng_place data;  /* the last word of the record */
	const uint8_t *rdata;  /* wire form, names not compressed */
	uint16_t rdlen;
};

/*
 * origin: text of the zone's name, or NULL for the owner of its SOA. NG_E_SYNTAX when origin is
 * no name (diags says so), NG_E_NOMEM.
 */
int zone_reader_create(const char *path, const char *text, size_t len, const char *origin,
		       struct ng_diags *diags, struct zone_reader **out) NG_MUST_CHECK;
/*
 * A medley: records of any zones in one text. The origin is the root until $ORIGIN says otherwise, an
 * SOA may stand at any name, and nothing is missing. A record without a TTL gets 3600 seconds.
 */
int zone_medley_create(const char *path, const char *text, size_t len, struct ng_diags *diags,
		       struct zone_reader **out) NG_MUST_CHECK;
void zone_reader_destroy(struct zone_reader *reader); /* takes NULL */
/* From here on ldns reads every record: what the direct reading is compared with. */
void zone_reader_by_ldns(struct zone_reader *reader);
/*
 * The next record. NG_E_NOTFOUND at the end (which reports what the zone lacks), NG_E_SYNTAX after
 * a finding, and then the caller may go on with the next; NG_E_NOMEM.
 */
int zone_next(struct zone_reader *reader, struct zone_record *out) NG_MUST_CHECK;
/* The zone's name, lower-cased; NULL while it is not known. */
const struct ng_name *zone_origin(const struct zone_reader *reader);
