/*
 * What an upstream said. The whole message is walked, so that a lying count or length anywhere is
 * found, but only the answer section and the first SOA of the authority section are kept.
 *
 * Names inside data are written out, or a pointer would lead into another message. Which types hold names,
 * and where, is a table; RFC 3597 4 names the types whose data senders did compress, and
 * all others are opaque. Of a truncated message nothing but the question is read: it will be
 * asked again over TCP, and what was cut may well end in the middle of a record.
 */
#include "base/arena.h"
#include "dns/wire.h"

#include <string.h>

#define TAIL_ANY 0xff

struct layout { /* octets, character-strings, names, octets to the end */
	uint16_t type;
	uint8_t head, strings, names, tail;
};

static const struct layout layouts[] = {
	{NG_TYPE_A, 4, 0, 0, 0},
	{NG_TYPE_NS, 0, 0, 1, 0},
	{3, 0, 0, 1, 0}, /* MD */
	{4, 0, 0, 1, 0}, /* MF */
	{NG_TYPE_CNAME, 0, 0, 1, 0},
	{NG_TYPE_SOA, 0, 0, 2, 20},
	{7, 0, 0, 1, 0}, /* MB */
	{8, 0, 0, 1, 0}, /* MG */
	{9, 0, 0, 1, 0}, /* MR */
	{NG_TYPE_PTR, 0, 0, 1, 0},
	{14, 0, 0, 2, 0}, /* MINFO */
	{NG_TYPE_MX, 2, 0, 1, 0},
	{17, 0, 0, 2, 0},         /* RP */
	{18, 2, 0, 1, 0},         /* AFSDB */
	{21, 2, 0, 1, 0},         /* RT */
	{24, 18, 0, 1, TAIL_ANY}, /* SIG */
	{26, 2, 0, 2, 0},         /* PX */
	{NG_TYPE_AAAA, 16, 0, 0, 0},
	{30, 0, 0, 1, TAIL_ANY}, /* NXT */
	{NG_TYPE_SRV, 6, 0, 1, 0},
	{35, 4, 3, 1, 0}, /* NAPTR */
	{36, 2, 0, 1, 0}, /* KX */
	{NG_TYPE_DNAME, 0, 0, 1, 0},
};
/* What the longest of them may grow to: two names beside fixed octets and what stood there. */
#define GROWTH (2 * NG_NAME_MAX)

static const struct layout *layout_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].type == type)
			return &layouts[i];
	return NULL;
}

static void octets_copy(struct reader *from, struct writer *to, size_t n)
{
	const uint8_t *octets = reader_octets(from, n);
	if (octets)
		writer_octets(to, octets, n);
}

/* Copies data of a known form from its message, names written out. */
static void rdata_expand(const struct layout *layout, struct reader *from, struct writer *to)
{
	octets_copy(from, to, layout->head);
	for (unsigned int i = 0; i < layout->strings; i++) {
		uint8_t n = reader_u8(from);
		writer_u8(to, n);
		octets_copy(from, to, n);
	}
	for (unsigned int i = 0; i < layout->names && !from->error; i++) {
		struct ng_name name;
		from->error = ng_name_unpack(from->octets, from->len, &from->pos, &name);
		if (from->error)
			break;
		/* A pointer to our question brings its random letter case along (0x20). */
		ng_name_lower(&name);
		writer_octets(to, name.wire, name.len);
	}
	octets_copy(from, to, layout->tail == TAIL_ANY ? reader_left(from) : layout->tail);
}

static int rdata_take(const uint8_t *message, const struct wire_record *record,
		      struct arena *arena, struct ng_rr *rr)
{
	const struct layout *layout = layout_of(record->type);
	if (!layout || layout->names == 0) {
		if (layout && record->rdlen != layout->head)
			return NG_E_FORMAT;
		rr->rdlen = record->rdlen;
		rr->rdata = arena_copy(arena, message + record->rdata, record->rdlen);
		return rr->rdata ? NG_OK : NG_E_NOMEM;
	}
	/* Names may lead backwards out of the data, but nothing may be read behind it. */
	struct reader from = reader_make(message, record->rdata + record->rdlen);
	from.pos = record->rdata;
	size_t room = record->rdlen + GROWTH;
	uint8_t *octets = arena_alloc(arena, room);
	if (!octets)
		return NG_E_NOMEM;
	struct writer to = writer_make(octets, room);
	rdata_expand(layout, &from, &to);
	if (from.error || to.error || reader_left(&from) || to.pos > UINT16_MAX)
		return NG_E_FORMAT;
	rr->rdlen = (uint16_t)to.pos;
	rr->rdata = octets;
	return NG_OK;
}

struct walk { /* one message being read */
	struct reader reader;
	struct arena *arena;
	struct ng_answer *answer;
	uint16_t rcode_high;
	uint16_t pointer; /* what the owner before was, if it was a pointer and no more; or 0 */
	struct ng_name *owner; /* that one in the arena; NULL: it was not taken there */
};

/* The owner in the arena; the records of one set share it with the record before them. */
static struct ng_name *owner_take(struct walk *walk, struct ng_name *owner,
				  const struct ng_rr *before)
{
	if (walk->owner)
		return walk->owner;
	ng_name_lower(owner);
	walk->owner = before && ng_name_same(owner, before->owner)
			      ? before->owner
			      : arena_copy(walk->arena, owner, sizeof(*owner));
	return walk->owner;
}

static int rr_take(struct walk *walk, struct wire_record *record, const struct ng_rr *before,
		   struct ng_rr *out)
{
	out->owner = owner_take(walk, &record->owner, before);
	out->type = record->type;
	out->ttl = record->ttl > INT32_MAX ? 0 : record->ttl;
	return out->owner ? rdata_take(walk->reader.octets, record, walk->arena, out)
			  : NG_E_NOMEM;
}

static int answer_record(struct walk *walk, struct wire_record *record)
{
	struct ng_answer *answer = walk->answer;
	if (record->type == NG_TYPE_OPT)
		return NG_E_FORMAT;
	if (record->class != NG_CLASS_IN)
		return NG_OK;
	struct ng_rr *rr = &answer->rrs[answer->n];
	int error = rr_take(walk, record, answer->n ? rr - 1 : NULL, rr);
	if (!error)
		answer->n++;
	return error;
}

static int authority_record(struct walk *walk, struct wire_record *record)
{
	struct ng_answer *answer = walk->answer;
	if (record->type == NG_TYPE_OPT)
		return NG_E_FORMAT;
	if (record->type != NG_TYPE_SOA || record->class != NG_CLASS_IN || answer->soa)
		return NG_OK;
	answer->soa = arena_alloc(walk->arena, sizeof(*answer->soa));
	if (!answer->soa)
		return NG_E_NOMEM;
	return rr_take(walk, record, NULL, answer->soa);
}

static int additional_record(struct walk *walk, struct wire_record *record)
{
	struct wire_opt opt;
	if (record->type != NG_TYPE_OPT)
		return NG_OK;
	if (walk->answer->edns || wire_opt_read(record, walk->reader.octets, &opt) != NG_OK)
		return NG_E_FORMAT;
	walk->answer->edns = true;
	walk->rcode_high = opt.rcode_high;
	walk->answer->cookie_len = opt.cookie_len;
	walk->answer->cookie = opt.cookie_len ? walk->reader.octets + opt.cookie : NULL;
	return NG_OK;
}

static int (*const record_takes[])(struct walk *, struct wire_record *) = {
	[WIRE_ANSWER] = answer_record,
	[WIRE_AUTHORITY] = authority_record,
	[WIRE_ADDITIONAL] = additional_record,
};

/*
 * Nearly all answers point to the question's name from each of their records. The same pointer as in the
 * record before is the same name, which record->owner still holds.
 */
static void record_read(struct walk *walk, struct wire_record *record)
{
	struct reader *reader = &walk->reader;
	const uint8_t *at = reader->octets + reader->pos;
	uint16_t pointer = reader_left(reader) >= 2 && at[0] >= WIRE_POINTER ? wire_u16(at) : 0;

	if (pointer && pointer == walk->pointer) {
		reader_octets(reader, 2);
		wire_record_rest(reader, record);
		return;
	}
	wire_record_read(reader, record);
	walk->pointer = pointer;
	walk->owner = NULL;
}

static int sections_walk(struct walk *walk, const struct wire_header *header)
{
	struct wire_record record;

	for (int section = WIRE_ANSWER; section < WIRE_SECTIONS; section++) {
		for (unsigned int i = 0; i < header->counts[section]; i++) {
			record_read(walk, &record);
			if (walk->reader.error)
				return walk->reader.error;
			int error = record_takes[section](walk, &record);
			if (error)
				return error;
		}
	}
	/* RCODEs above 255 exist in no registry, and have no place in our answers. */
	if (reader_left(&walk->reader) || walk->rcode_high > 0x0f)
		return NG_E_FORMAT;
	walk->answer->rcode |= (uint8_t)(walk->rcode_high << 4);
	return NG_OK;
}

/* Header and question; whether the sections may be read at all. */
static int head_take(struct walk *walk, const struct wire_header *header)
{
	struct ng_answer *answer = walk->answer;
	if (walk->reader.error)
		return walk->reader.error;
	if (!(header->flags & WIRE_QR) || wire_opcode(header) != WIRE_OPCODE_QUERY ||
	    header->counts[WIRE_QUESTION] > 1)
		return NG_E_FORMAT;
	if (header->counts[WIRE_ANSWER] + header->counts[WIRE_AUTHORITY] +
		    header->counts[WIRE_ADDITIONAL] >
	    NG_ANSWER_RRS_MAX)
		return NG_E_RANGE;
	answer->id = header->id;
	answer->rcode = header->flags & 0x0f;
	answer->truncated = header->flags & WIRE_TC;
	answer->authentic = header->flags & WIRE_AD;
	answer->has_question = header->counts[WIRE_QUESTION] == 1;
	if (answer->has_question)
		wire_question_read(&walk->reader, &answer->question);
	return walk->reader.error;
}

int ng_answer_parse(const uint8_t *wire, size_t len, struct arena *arena, struct ng_answer *out)
{
	struct ng_answer answer = {0};
	struct walk walk = {
		.reader = reader_make(wire, len), .arena = arena, .answer = &answer};
	struct wire_header header = wire_header_read(&walk.reader);
	int error = head_take(&walk, &header);
	if (!error && !answer.truncated) {
		answer.rrs =
			arena_alloc(arena, header.counts[WIRE_ANSWER] * sizeof(*answer.rrs));
		error = answer.rrs ? sections_walk(&walk, &header) : NG_E_NOMEM;
	}
	if (error)
		return error;
	*out = answer;
	return NG_OK;
}

bool ng_answer_matches(const struct ng_answer *answer, const struct ng_question *asked)
{
	return answer->has_question && answer->question.type == asked->type &&
	       answer->question.class == asked->class &&
	       ng_name_same(&answer->question.name, &asked->name);
}
