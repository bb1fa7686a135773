/*
 * Zone text to records. ldns reads a record from one line; what makes one line of several
 * (parentheses, quotes, comments) is resolved here, because only so is the place of every word known.
 *
 * Zones in the wild lack an SOA, an NS set or a TTL; none of these changes what a policy zone says,
 * so they are warned of and taken. Another origin than configured would move every rule to other
 * names, so that is refused.
 */
#include "dns/zone.h"

#include "dns/zone_plain.h"
#include <ldns/ldns.h>
#include <namegate/message.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_OCTETS 65536
#define TTL_UNSAID                                                                             \
	0x7fffffffu /* told to ldns as the default, to see whether a record has its own */
#define TTL_FALLBACK 3600u

struct zone_reader {
	const char *path, *text;
	size_t len, at;
	uint32_t row; /* of text[at], from 1 */
	size_t row_start;
	struct ng_diags *diags;
	size_t faults; /* errors reported */
	ldns_rdf *origin, *previous;
	struct ng_name apex;
	bool apex_known, configured, soa, ns, ttl_warned, ended;
	bool medley; /* records of any zones */
	bool ttl_known;
	uint32_t ttl;
	ldns_rr *rr;
	uint8_t *rdata;
	char *line;                  /* the record at hand, on one line */
	struct ng_place first, last; /* of its words */
	struct zone_plain plain;     /* the last record that was read without ldns */
	struct ng_name plain_owner;  /* the previous owner, when ldns does not know it yet */
	bool plain_never;
};

static int report(struct zone_reader *reader, const struct ng_place *place, const char *code,
		  const char *suggestion, const char *reason)
{
	reader->faults++;
	ng_diag_add(reader->diags, NG_ERROR, place, code, suggestion, "%s", reason);
	return NG_E_SYNTAX;
}

void zone_reader_destroy(struct zone_reader *reader)
{
	if (reader == NULL)
		return;
	ldns_rdf_deep_free(reader->origin);
	ldns_rdf_deep_free(reader->previous);
	ldns_rr_free(reader->rr);
	free(reader->rdata);
	free(reader->line);
	free(reader);
}

static void origin_set(struct zone_reader *reader, ldns_rdf *origin)
{
	ldns_rdf_deep_free(reader->origin);
	reader->origin = origin;
}

static int apex_set(struct zone_reader *reader, const ldns_rdf *name)
{
	int code = ng_name_from_wire(ldns_rdf_data(name), ldns_rdf_size(name), &reader->apex);
	if (code != NG_OK)
		return code;
	ng_name_lower(&reader->apex);
	reader->apex_known = true;
	return NG_OK;
}

static int origin_configured(struct zone_reader *reader, const char *text)
{
	struct ng_place place = {reader->path, 0, 0};
	ldns_rdf *origin = NULL;
	if (ldns_str2rdf_dname(&origin, text) != LDNS_STATUS_OK ||
	    apex_set(reader, origin) != NG_OK) {
		ldns_rdf_deep_free(origin);
		return report(reader, &place, "zone-origin", "configure the zone's name",
			      "the configured origin is not a domain name");
	}
	origin_set(reader, origin);
	reader->configured = true;
	return NG_OK;
}

int zone_reader_create(const char *path, const char *text, size_t len, const char *origin,
		       struct ng_diags *diags, struct zone_reader **out)
{
	struct zone_reader *reader = calloc(1, sizeof(*reader));
	int code = NG_E_NOMEM;
	if (reader == NULL)
		return code;
	*reader = (struct zone_reader){
		.path = path, .text = text, .len = len, .row = 1, .diags = diags};
	reader->line = malloc(LINE_MAX_OCTETS);
	reader->rdata = malloc(NG_MESSAGE_MAX);
	if (reader->line != NULL && reader->rdata != NULL)
		code = origin != NULL ? origin_configured(reader, origin) : NG_OK;
	if (code != NG_OK) {
		zone_reader_destroy(reader);
		return code;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		reader->at = reader->row_start = 3;
	*out = reader;
	return NG_OK;
}

int zone_medley_create(const char *path, const char *text, size_t len, struct ng_diags *diags,
		       struct zone_reader **out)
{
	int code = zone_reader_create(path, text, len, ".", diags, out);
	if (code == NG_OK)
		(*out)->medley = true;
	return code;
}

const struct ng_name *zone_origin(const struct zone_reader *reader)
{
	return reader->apex_known ? &reader->apex : NULL;
}

void zone_reader_by_ldns(struct zone_reader *reader)
{
	reader->plain_never = true;
}

/* ---- one record on one line ---- */

struct gather {
	size_t n;
	bool quoted, in_word, full, strange;
	unsigned depth;
	size_t words;
};

static void put(struct zone_reader *reader, struct gather *gather, char c)
{
	if (gather->n + 1 < LINE_MAX_OCTETS)
		reader->line[gather->n++] = c;
	else
		gather->full = true;
}

/* Quoted or escaped text; ldns would take these for syntax wherever they stand, so it gets their numbers. */
static void put_text(struct zone_reader *reader, struct gather *gather, char c)
{
	if (strchr(";()", c) == NULL) {
		put(reader, gather, c);
		return;
	}
	put(reader, gather, '\\');
	put(reader, gather, '0');
	put(reader, gather, (char)('0' + c / 10));
	put(reader, gather, (char)('0' + c % 10));
}

static void word_begins(struct zone_reader *reader, struct gather *gather)
{
	if (gather->in_word)
		return;
	gather->in_word = true;
	reader->last = (struct ng_place){reader->path, reader->row,
					 (uint32_t)(reader->at - reader->row_start) + 1};
	if (gather->words++ == 0)
		reader->first = reader->last;
}

static void row_ends(struct zone_reader *reader)
{
	reader->row++;
	reader->row_start = reader->at + 1;
}

/* One octet outside of quotes and escapes. False: the record ends before it. */
static bool gather_plain(struct zone_reader *reader, struct gather *gather, char c)
{
	switch (c) {
	case '\n':
		if (gather->depth == 0)
			return false;
		row_ends(reader);
		break;
	case ';':
		while (reader->at + 1 < reader->len && reader->text[reader->at + 1] != '\n')
			reader->at++;
		break;
	case '(':
		gather->depth++;
		break;
	case ')':
		gather->strange |= gather->depth == 0;
		gather->depth -= gather->depth > 0;
		break;
	case ' ':
	case '\t':
	case '\r':
		break;
	default:
		word_begins(reader, gather);
		put(reader, gather, c);
		return true;
	}
	gather->in_word = false;
	put(reader, gather, ' ');
	return true;
}

static bool gather_octet(struct zone_reader *reader, struct gather *gather)
{
	char c = reader->text[reader->at];
	if (c == '\0')
		gather->strange = true;
	if (c == '\\' && reader->at + 1 < reader->len && reader->text[reader->at + 1] != '\n') {
		char next = reader->text[reader->at + 1];
		word_begins(reader, gather);
		gather->strange |= next == '\0';
		if (strchr(";()", next) == NULL)
			put(reader, gather, c);
		put_text(reader, gather, next);
		reader->at++;
		return true;
	}
	if (c == '"') {
		word_begins(reader, gather);
		gather->quoted = !gather->quoted;
		put(reader, gather, c);
		return true;
	}
	if (!gather->quoted)
		return gather_plain(reader, gather, c);
	if (c == '\n')
		return false;
	put_text(reader, gather, c);
	return true;
}

/* Fills reader->line with the next record. NG_E_NOTFOUND at the end of the text. */
static int next_line(struct zone_reader *reader)
{
	while (reader->at < reader->len) {
		struct gather gather = {0};
		struct ng_place start = {reader->path, reader->row, 1};
		for (; reader->at < reader->len && gather_octet(reader, &gather); reader->at++)
			;
		if (reader->at < reader->len)
			row_ends(reader);
		reader->at++;
		if (gather.depth > 0 || gather.quoted || gather.strange)
			return report(reader, &start, "zone-syntax",
				      "close what is open, and keep to text",
				      gather.depth > 0 ? "a parenthesis is not closed"
				      : gather.quoted  ? "a quote is not closed"
						       : "a parenthesis closes nothing, or a "
							 "NUL octet stands here");
		if (gather.full)
			return report(reader, &start, "zone-syntax", "split the record",
				      "the record is too long");
		reader->line[gather.n] = '\0';
		if (gather.words > 0)
			return NG_OK;
	}
	return NG_E_NOTFOUND;
}

/* ---- directives ---- */

static int directive_ttl(struct zone_reader *reader, const char *value)
{
	const char *end;
	uint32_t ttl = ldns_str2period(value, &end);
	if (*value < '0' || *value > '9' || *end != '\0')
		return report(reader, &reader->last, "zone-ttl", "write a number of seconds",
			      "$TTL takes a time");
	reader->ttl = ttl;
	reader->ttl_known = true;
	return NG_OK;
}

static bool is_absolute(const char *name)
{
	size_t n = strlen(name), slashes = 0;
	while (n > 1 + slashes && name[n - 2 - slashes] == '\\')
		slashes++;
	return n > 0 && name[n - 1] == '.' && slashes % 2 == 0;
}

static int directive_origin(struct zone_reader *reader, const char *value)
{
	ldns_rdf *origin = NULL;
	bool absolute = is_absolute(value);
	if ((!absolute && reader->origin == NULL) ||
	    ldns_str2rdf_dname(&origin, value) != LDNS_STATUS_OK)
		return report(reader, &reader->last, "zone-origin",
			      "write a whole name with its final dot",
			      "$ORIGIN takes a domain name");
	if (!absolute && ldns_dname_cat(origin, reader->origin) != LDNS_STATUS_OK) {
		ldns_rdf_deep_free(origin);
		return report(reader, &reader->last, "zone-origin", "write a shorter name",
			      "the name is too long");
	}
	origin_set(reader, origin);
	return NG_OK;
}

static int directive_refused(struct zone_reader *reader, const char *value)
{
	(void)value;
	return report(reader, &reader->first, "zone-directive",
		      "put the records themselves into this file",
		      "only $ORIGIN and $TTL are read; a zone is one text");
}

/* A line that begins with "$" is a directive, known or not. */
static int directive(struct zone_reader *reader)
{
	static const struct {
		const char *name;
		int (*read)(struct zone_reader *reader, const char *value);
	} known[] = {{"$TTL", directive_ttl}, {"$ORIGIN", directive_origin}};
	char *save, *word = strtok_r(reader->line, " ", &save);
	const char *value = strtok_r(NULL, " ", &save);
	bool more = strtok_r(NULL, " ", &save) != NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcasecmp(word, known[i].name) == 0 && value != NULL && !more)
			return known[i].read(reader, value);
	}
	return directive_refused(reader, value);
}

/* ---- records ---- */

/* Without an origin a relative owner has no meaning yet. */
static bool owner_is_open(const struct zone_reader *reader)
{
	const char *line = reader->line;
	size_t n = strcspn(line, " ");
	if (n == 0)
		return reader->previous == NULL;
	if (reader->origin != NULL)
		return false;
	char word[NG_NAME_TEXT_MAX];
	if (n >= sizeof(word))
		return true;
	memcpy(word, line, n);
	word[n] = '\0';
	return !is_absolute(word);
}

/* RFC 1035 5.1 has TTL and class in either order, ldns in one: "IN 5" becomes "5 IN". */
static void class_behind_ttl(char *line)
{
	char ttl[16];
	char *class = line + strcspn(line, " ");
	class += strspn(class, " ");
	size_t n = strcspn(class, " "), gap = strspn(class + n, " ");
	size_t len = strcspn(class + n + gap, " ");
	if (n != 2 || strncasecmp(class, "IN", 2) != 0 || gap == 0 || len == 0 ||
	    len >= sizeof(ttl) || class[n + gap] < '0' || class[n + gap] > '9')
		return;
	memcpy(ttl, class + n + gap, len);
	memset(class, ' ', n + gap + len);
	memcpy(class, ttl, len);
	memcpy(class + len + gap, "IN", 2);
}

/* ldns takes the owner that a record leaves out from the record before it, whoever read that. */
static int previous_known(struct zone_reader *reader)
{
	struct ng_name *owner = &reader->plain_owner;
	if (owner->len == 0)
		return NG_OK;
	ldns_rdf *previous = ldns_dname_new_frm_data(owner->len, owner->wire);
	if (previous == NULL)
		return NG_E_NOMEM;
	ldns_rdf_deep_free(reader->previous);
	reader->previous = previous;
	owner->len = 0;
	return NG_OK;
}

static uint32_t ttl_default(const struct zone_reader *reader)
{
	return reader->ttl_known ? reader->ttl : TTL_UNSAID;
}

static int parse(struct zone_reader *reader)
{
	if (previous_known(reader) != NG_OK)
		return NG_E_NOMEM;
	if (owner_is_open(reader))
		return report(
			reader, &reader->first, "zone-origin",
			"begin the zone with $ORIGIN, or write whole names with final dots",
			"the record's owner is relative, and the zone's name is not known");
	class_behind_ttl(reader->line);
	ldns_rr_free(reader->rr);
	reader->rr = NULL;
	ldns_status status = ldns_rr_new_frm_str(&reader->rr, reader->line, ttl_default(reader),
						 reader->origin, &reader->previous);
	if (status == LDNS_STATUS_OK && ldns_rr_owner(reader->rr) != NULL)
		return NG_OK;
	ldns_rr_free(reader->rr);
	reader->rr = NULL;
	return report(reader, &reader->first, "zone-record",
		      "see RFC 1035, section 5, for the form", ldns_get_errorstr_by_id(status));
}

/* The octets of the record's data; false when they do not fit a message. */
static bool flatten(struct zone_reader *reader, struct zone_record *record)
{
	size_t n = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(reader->rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(reader->rr, i);
		if (ldns_rdf_size(rdf) > NG_MESSAGE_MAX - n)
			return false;
		memcpy(reader->rdata + n, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
		n += ldns_rdf_size(rdf);
	}
	record->rdata = reader->rdata;
	record->rdlen = (uint16_t)n;
	return true;
}

static uint32_t ttl_of(struct zone_reader *reader, uint32_t ttl)
{
	if (reader->ttl_known || ttl != TTL_UNSAID)
		return ttl;
	if (!reader->ttl_warned && !reader->medley) {
		ng_diag_add(reader->diags, NG_WARNING, &reader->first, "zone-ttl",
			    "put $TTL at the top of the zone",
			    "the zone has records without a TTL; they get %u seconds",
			    TTL_FALLBACK);
	}
	reader->ttl_warned = true;
	return TTL_FALLBACK;
}

/* An SOA names the zone: for the first time, or again with the same name. */
static int check_soa(struct zone_reader *reader, const struct zone_record *record)
{
	if (!reader->apex_known) {
		int code = apex_set(reader, ldns_rr_owner(reader->rr));
		if (code == NG_OK && reader->origin == NULL)
			origin_set(reader, ldns_rdf_clone(ldns_rr_owner(reader->rr)));
		if (code != NG_OK || reader->origin == NULL)
			return NG_E_NOMEM;
	}
	if (!ng_name_equal(&record->owner, &reader->apex))
		return report(reader, &record->place, "zone-origin",
			      reader->configured ? "configure the name that the zone has"
						 : "keep one SOA, at the zone's own name",
			      "the SOA names another zone");
	if (reader->soa)
		return report(reader, &record->place, "zone-soa", "keep one of them",
			      "the zone has two SOA records");
	reader->soa = true;
	return NG_OK;
}

static int check_zone(struct zone_reader *reader, const struct zone_record *record)
{
	if (record->class != NG_CLASS_IN)
		return report(reader, &record->place, "zone-class", "write IN",
			      "the record is not of class IN");
	if (reader->medley)
		return NG_OK;
	if (record->type == NG_TYPE_SOA)
		return check_soa(reader, record);
	if (!reader->apex_known)
		return report(reader, &record->place, "zone-origin",
			      "begin the zone with its SOA, or configure its name",
			      "the record stands before the zone's name is known");
	if (!ng_name_within(&record->owner, &reader->apex))
		return report(reader, &record->place, "zone-outside",
			      "mind the final dot, and $ORIGIN",
			      "the record stands outside of the zone");
	if (record->type == NG_TYPE_NS && ng_name_equal(&record->owner, &reader->apex))
		reader->ns = true;
	return NG_OK;
}

static void check_end(struct zone_reader *reader)
{
	struct ng_place place = {reader->path, 1, 1};
	if (reader->ended || reader->medley || !reader->apex_known || reader->faults > 0)
		return;
	reader->ended = true;
	if (!reader->soa) {
		ng_diag_add(reader->diags, NG_WARNING, &place, "zone-soa",
			    "add one, other readers need it", "the zone has no SOA record");
	}
	if (!reader->ns) {
		ng_diag_add(reader->diags, NG_WARNING, &place, "zone-ns",
			    "add one, such as @ NS localhost.", "the zone has no NS record");
	}
}

/* The next record by ldns. */
static int next_parsed(struct zone_reader *reader, struct zone_record *record)
{
	int code;
	do {
		code = next_line(reader);
		if (code == NG_OK && reader->line[0] == '$')
			code = directive(reader);
		else if (code == NG_OK)
			break;
	} while (code == NG_OK);
	if (code == NG_E_NOTFOUND)
		check_end(reader);
	if (code == NG_OK)
		code = parse(reader);
	if (code != NG_OK)
		return code;
	const ldns_rdf *owner = ldns_rr_owner(reader->rr);
	record->type = (uint16_t)ldns_rr_get_type(reader->rr);
	record->class = (uint16_t)ldns_rr_get_class(reader->rr);
	record->ttl = ttl_of(reader, ldns_rr_ttl(reader->rr));
	record->place = reader->first;
	record->data = reader->last;
	if (ng_name_from_wire(ldns_rdf_data(owner), ldns_rdf_size(owner), &record->owner) !=
		    NG_OK ||
	    !flatten(reader, record))
		return report(reader, &record->place, "zone-record", "shorten it",
			      "the record does not fit a message");
	return NG_OK;
}

/* The next record without ldns; false when that is not the one to read it. */
static bool next_plain(struct zone_reader *reader, struct zone_record *record)
{
	struct zone_plain *plain = &reader->plain;
	const ldns_rdf *origin = reader->origin;
	if (reader->at >= reader->len || reader->plain_never ||
	    !zone_plain_read(reader->text + reader->at, reader->len - reader->at,
			     origin != NULL ? ldns_rdf_data(origin) : NULL,
			     origin != NULL ? ldns_rdf_size(origin) : 0, plain) ||
	    (!plain->has_ttl && ttl_default(reader) == 0)) /* ldns has a default of its own */
		return false;
	uint32_t column = (uint32_t)(reader->at - reader->row_start) + 1;
	reader->first = (struct ng_place){reader->path, reader->row, column};
	reader->last = reader->first;
	reader->last.column += (uint32_t)plain->data;
	reader->at += plain->len;
	reader->row_start = reader->at;
	reader->row++;
	reader->plain_owner = plain->owner;
	record->owner = plain->owner;
	record->type = NG_TYPE_CNAME;
	record->class = NG_CLASS_IN;
	record->ttl = ttl_of(reader, plain->has_ttl ? plain->ttl : ttl_default(reader));
	record->place = reader->first;
	record->data = reader->last;
	record->rdata = plain->target.wire;
	record->rdlen = plain->target.len;
	return true;
}

int zone_next(struct zone_reader *reader, struct zone_record *out)
{
	struct zone_record record;
	int code = next_plain(reader, &record) ? NG_OK : next_parsed(reader, &record);
	if (code == NG_OK)
		code = check_zone(reader, &record);
	if (code == NG_OK)
		*out = record;
	return code;
}
