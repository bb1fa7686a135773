/*
 * One pass from front to back, in a buffer of the caller or, for the question whether a reply
 * would overflow, in no buffer at all: the same steps only count then.
 *
 * Names are compressed against a small table of the names written so far, the question and alias
 * targets: a name that is one of them, or an ancestor of one, becomes a pointer. That catches what
 * replies of the gate consist of and costs a comparison or two a record. Since the question is
 * the first entry, owners come back in the client's own case.
 *
 * Room for the OPT is set aside before the records are written; the EXTRA-TEXT takes what is left,
 * and of it the end that may not be cut comes first.
 */
#include "dns/fold.h"
#include "dns/wire.h"

#define SPOTS_MAX     (NG_CHAIN_MAX + 2)
#define POINTER       0xc000u
#define POINTER_REACH 0x3fffu
#define RR_HEAD       10u /* type, class, TTL, length: what follows an owner */
#define OPT_LEN       (1u + RR_HEAD)
#define EDE_LEN       6u /* option head and INFO-CODE, RFC 8914 2 */
#define KEEPALIVE_LEN 6u /* option head and TIMEOUT, RFC 7828 3.1 */
#define SOA_REFRESH   3600u
#define SOA_RETRY     600u
#define SOA_EXPIRE    86400u

struct spot { /* a name that was written, and where */
	const uint8_t *wire;
	size_t at;
	uint8_t len;
};

struct build {
	uint8_t *out; /* NULL: count only */
	size_t pos, limit;
	bool full;
	const struct ng_name *owner; /* of the record before, if a pointer stands for it: */
	size_t owner_at;
	unsigned int n_spots;
	struct spot spots[SPOTS_MAX];
};

static void put(struct build *build, const void *octets, size_t n)
{
	if (build->full || n > build->limit - build->pos) {
		build->full = true;
		return;
	}
	if (build->out && n)
		memcpy(build->out + build->pos, octets, n);
	build->pos += n;
}

static void set_u16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void set_u32(uint8_t *at, uint32_t value)
{
	set_u16(at, value >> 16);
	set_u16(at + 2, value & 0xffff);
}

static void put_u16(struct build *build, unsigned int value)
{
	uint8_t octets[2];
	set_u16(octets, value);
	put(build, octets, sizeof(octets));
}

static void put_rr_head(struct build *build, uint16_t type, uint16_t class, uint32_t ttl,
			size_t rdlen)
{
	uint8_t octets[RR_HEAD];
	set_u16(octets, type);
	set_u16(octets + 2, class);
	set_u32(octets + 4, ttl);
	set_u16(octets + 8, (unsigned int)rdlen);
	put(build, octets, sizeof(octets));
}

/* ---- names ---- */

/* Remembers a name that goes to the present place. */
static void spot_add(struct build *build, const uint8_t *wire, uint8_t len)
{
	if (build->n_spots < SPOTS_MAX)
		build->spots[build->n_spots++] =
			(struct spot){.wire = wire, .at = build->pos, .len = len};
}

/* Where this name was written, or 0: a pointer never leads into the header. */
static size_t spot_find(const struct build *build, const uint8_t *wire, size_t len)
{
	for (unsigned int i = 0; i < build->n_spots; i++) {
		const struct spot *spot = &build->spots[i];
		if (spot->len < len)
			continue;
		size_t suffix = spot->len - len, at = 0;
		while (at < suffix)
			at += 1u + spot->wire[at];
		if (at == suffix && spot->at + at <= POINTER_REACH &&
		    fold_equal(spot->wire + at, wire, len))
			return spot->at + at;
	}
	return 0;
}

static void put_owner(struct build *build, const struct ng_name *name)
{
	size_t at = build->owner_at;
	if (name != build->owner)
		at = name->len > 1 ? spot_find(build, name->wire, name->len) : 0;
	build->owner = at ? name : NULL;
	build->owner_at = at;
	if (at)
		put_u16(build, POINTER | (unsigned int)at);
	else
		put(build, name->wire, name->len);
}

/* ---- sections ---- */

static void put_rr(struct build *build, const struct ng_rr *rr, uint32_t ttl)
{
	put_owner(build, rr->owner);
	bool alias = rr->type == NG_TYPE_CNAME;
	size_t at = alias && rr->rdlen > 1 ? spot_find(build, rr->rdata, rr->rdlen) : 0;
	if (at) {
		put_rr_head(build, rr->type, NG_CLASS_IN, ttl, 2);
		put_u16(build, POINTER | (unsigned int)at);
		return;
	}
	put_rr_head(build, rr->type, NG_CLASS_IN, ttl, rr->rdlen);
	if (alias)
		spot_add(build, rr->rdata, (uint8_t)rr->rdlen);
	put(build, rr->rdata, rr->rdlen);
}

/* The SOA of a denial, which no zone stands behind: owner and names are the root. */
static void put_own_soa(struct build *build, uint32_t serial, uint32_t ttl)
{
	uint8_t data[22] = {0}; /* MNAME and RNAME are its first two octets */
	const uint32_t times[] = {serial, SOA_REFRESH, SOA_RETRY, SOA_EXPIRE, ttl};
	for (size_t i = 0; i < 5; i++)
		set_u32(data + 2 + 4 * i, times[i]);
	put(build, "", 1);
	put_rr_head(build, NG_TYPE_SOA, NG_CLASS_IN, ttl, sizeof(data));
	put(build, data, sizeof(data));
}

static void put_question(struct build *build, const struct ng_query *query)
{
	if (!query->has_question)
		return;
	spot_add(build, query->question.name.wire, query->question.name.len);
	put(build, query->question.name.wire, query->question.name.len);
	put_u16(build, query->question.type);
	put_u16(build, query->question.class);
}

static void put_records(struct build *build, const struct ng_reply_spec *spec)
{
	for (size_t i = 0; i < spec->n && !build->full; i++)
		put_rr(build, &spec->answers[i], spec->answers[i].ttl);
	if (!spec->negative_soa)
		return;
	if (spec->soa)
		put_rr(build, spec->soa, spec->soa_ttl);
	else
		put_own_soa(build, spec->serial, spec->soa_ttl);
}

/* ---- EDNS ---- */

/* Octets of the OPT without EXTRA-TEXT. */
static size_t opt_size(const struct ng_reply_spec *spec)
{
	if (!spec->query->edns)
		return 0;
	return OPT_LEN + (spec->keepalive ? KEEPALIVE_LEN : 0) + (spec->ede >= 0 ? EDE_LEN : 0);
}

/* Where text may be cut so that at most n octets stay: behind a word, or at least a character. */
static size_t text_cut(const char *text, size_t n)
{
	size_t at = n;
	while (at && text[at] != ' ')
		at--;
	if (at)
		return at;
	for (at = n; at && ((uint8_t)text[at] & 0xc0) == 0x80;)
		at--;
	return at;
}

struct extra { /* EXTRA-TEXT that we send, in octets */
	size_t text, end;
};

static struct extra extra_fit(const struct ng_reply_spec *spec, size_t room)
{
	struct extra extra = {0};
	if (spec->ede < 0)
		return extra;
	if (room > NG_EDE_TEXT_MAX)
		room = NG_EDE_TEXT_MAX;
	extra.end = spec->ede_end ? strnlen(spec->ede_end, room + 1) : 0;
	if (extra.end > room)
		return (struct extra){0};
	room -= extra.end;
	extra.text = spec->ede_text ? strnlen(spec->ede_text, room + 1) : 0;
	if (extra.text > room)
		extra.text = text_cut(spec->ede_text, room);
	return extra;
}

static void put_opt(struct build *build, const struct ng_reply_spec *spec)
{
	if (!spec->query->edns)
		return;
	struct extra extra = extra_fit(spec, build->limit - build->pos - opt_size(spec));
	size_t text = extra.text + extra.end;
	uint32_t ttl = (uint32_t)(spec->rcode >> 4) << 24;
	if (spec->query->dnssec_ok)
		ttl |= WIRE_DO;
	put(build, "", 1);
	put_rr_head(build, NG_TYPE_OPT, NG_UDP_ADVERTISED, ttl,
		    opt_size(spec) - OPT_LEN + text);
	if (spec->keepalive) {
		put_u16(build, NG_OPTION_KEEPALIVE);
		put_u16(build, 2);
		put_u16(build, spec->keepalive_ds);
	}
	if (spec->ede < 0)
		return;
	put_u16(build, NG_OPTION_EDE);
	put_u16(build, (unsigned int)(2 + text));
	put_u16(build, (unsigned int)spec->ede);
	put(build, spec->ede_text, extra.text);
	put(build, spec->ede_end, extra.end);
}

/* ---- the header ---- */

static size_t limit_of(const struct ng_reply_spec *spec)
{
	if (spec->limit < NG_UDP_FLOOR)
		return NG_UDP_FLOOR;
	return spec->limit > NG_MESSAGE_MAX ? NG_MESSAGE_MAX : spec->limit;
}

/* What the client sees in the header's four bits; without OPT, a larger RCODE would look like success. */
static unsigned int rcode_low(const struct ng_reply_spec *spec)
{
	if (spec->rcode > 0x0f && !spec->query->edns)
		return NG_RCODE_SERVFAIL;
	return spec->rcode & 0x0f;
}

static void header_set(uint8_t *out, const struct ng_reply_spec *spec, bool truncated)
{
	const struct ng_query *query = spec->query;
	unsigned int flags =
		WIRE_QR | rcode_low(spec) | (query->opcode & 0x0fu) << WIRE_OPCODE_SHIFT;
	if (truncated)
		flags |= WIRE_TC;
	/* What the others say is said of queries alone (RFC 8906 8.1.4). */
	if (query->opcode == WIRE_OPCODE_QUERY)
		flags |= WIRE_RA | (query->rd ? WIRE_RD : 0) | (query->cd ? WIRE_CD : 0) |
			 (spec->authentic ? WIRE_AD : 0);
	set_u16(out, query->id);
	set_u16(out + 2, flags);
	set_u16(out + 4, query->has_question);
	set_u16(out + 6, truncated ? 0 : (unsigned int)spec->n);
	set_u16(out + 8, !truncated && spec->negative_soa);
	set_u16(out + 10, query->edns);
}

/* ---- without records ---- */

/*
 * Denials and refusals hold no record but our own SOA, and fit the floor whatever the name: at most
 * 12 + 259 + 33 + 23 octets. So they are written straight on, with what never changes as it stands.
 */
static bool is_bare(const struct ng_reply_spec *spec)
{
	return !spec->n && !spec->truncate && (!spec->negative_soa || !spec->soa);
}

static uint8_t *bare_soa(uint8_t *at, const struct ng_reply_spec *spec)
{
	static const uint8_t form[] = {0, 0, NG_TYPE_SOA, 0,  NG_CLASS_IN, 0, 0,
				       0, 0, 0,           22, 0,           0};
	memcpy(at, form, sizeof(form));
	set_u32(at + 5, spec->soa_ttl);
	set_u32(at + 13, spec->serial);
	set_u32(at + 17, SOA_REFRESH);
	set_u32(at + 21, SOA_RETRY);
	set_u32(at + 25, SOA_EXPIRE);
	set_u32(at + 29, spec->soa_ttl);
	return at + 33;
}

static size_t compose_bare(const struct ng_reply_spec *spec, uint8_t *out)
{
	const struct ng_question *question = &spec->query->question;
	uint8_t *at = out + NG_HEADER_LEN;
	header_set(out, spec, false);
	if (spec->query->has_question) {
		memcpy(at, question->name.wire, question->name.len);
		at += question->name.len;
		set_u16(at, question->type);
		set_u16(at + 2, question->class);
		at += 4;
	}
	if (spec->negative_soa)
		at = bare_soa(at, spec);
	if (!spec->query->edns)
		return (size_t)(at - out);
	struct build build;
	build.out = out;
	build.pos = (size_t)(at - out);
	build.limit = limit_of(spec);
	build.full = false;
	put_opt(&build, spec);
	return build.pos;
}

/* ---- the whole ---- */

/* Builds or counts; returns whether it leaves with TC=1. */
static bool compose(const struct ng_reply_spec *spec, uint8_t *out, size_t *len)
{
	size_t limit = limit_of(spec);
	struct build build;
	build.out = out;
	build.pos = NG_HEADER_LEN;
	build.limit = limit - opt_size(spec);
	build.full = false;
	build.owner = NULL;
	build.owner_at = 0;
	build.n_spots = 0;

	/* At most 12 + 259 + 23 octets: header, question and OPT fit the floor always. */
	put_question(&build, spec->query);
	size_t after_question = build.pos;
	if (!spec->truncate)
		put_records(&build, spec);
	bool truncated = spec->truncate || build.full;
	if (truncated) {
		build.pos = after_question;
		build.full = false;
	}
	build.limit = limit;
	put_opt(&build, spec);
	if (out)
		header_set(out, spec, truncated);
	*len = build.pos;
	return truncated;
}

/* Would it fit even if no name were a pointer? Nearly all do, and adding up is cheaper than composing. */
static bool fits_uncompressed(const struct ng_reply_spec *spec)
{
	size_t limit = spec->limit < NG_UDP_FLOOR ? NG_UDP_FLOOR : spec->limit;
	size_t len = NG_HEADER_LEN + NG_NAME_MAX + 4 + opt_size(spec);
	if (spec->truncate || spec->negative_soa)
		return false;
	for (size_t i = 0; i < spec->n && len <= limit; i++)
		len += spec->answers[i].owner->len + RR_HEAD + spec->answers[i].rdlen;
	return len <= limit;
}

size_t ng_reply_build(const struct ng_reply_spec *spec, uint8_t *out)
{
	size_t len = 0;
	if (spec->query && is_bare(spec))
		return compose_bare(spec, out);
	if (spec->query)
		compose(spec, out, &len);
	return len;
}

bool ng_reply_overflows(const struct ng_reply_spec *spec)
{
	size_t len;
	if (!spec->query)
		return false;
	return !fits_uncompressed(spec) && compose(spec, NULL, &len);
}
