/*
 * A reply of any records and any texts: it keeps to its limit, is read again with the same records, and
 * its EXTRA-TEXT is cut where it may be. Two octets of flags, the rcode, the info code, two octets of
 * limit, the two texts behind an octet of length each, the name that was asked; then records: an octet of
 * form, four of TTL, the owner, data. A name is one in its wire form, or else the root.
 */
#include "base/arena.h"
#include "fuzz.h"

#include <namegate/message.h>
#include <string.h>

#define RECORDS_MAX 40
#define DATA_MAX    600

struct input {
	const uint8_t *octets;
	size_t len;
};

static uint8_t take(struct input *from)
{
	if (!from->len)
		return 0;
	from->len--;
	return *from->octets++;
}

static uint32_t take_number(struct input *from, int octets)
{
	uint32_t number = 0;

	while (octets--)
		number = number << 8 | take(from);
	return number;
}

static struct ng_name take_name(struct input *from)
{
	struct ng_name name = {.len = 1};

	if (ng_name_from_wire(from->octets, from->len, &name))
		return (struct ng_name){.len = 1};
	from->octets += name.len;
	from->len -= name.len;
	return name;
}

static uint16_t take_octets(struct input *from, size_t most, uint8_t *out)
{
	size_t n = take_number(from, 2) % (most + 1);

	n = n < from->len ? n : from->len;
	memcpy(out, from->octets, n);
	from->octets += n;
	from->len -= n;
	return (uint16_t)n;
}

/* As a C string, whatever is in it. */
static char *take_text(struct input *from)
{
	size_t n = take(from);
	char *text;

	n = n < from->len ? n : from->len;
	text = malloc(n + 1);
	fuzz_must(text != NULL);
	memcpy(text, from->octets, n);
	text[n] = '\0';
	from->octets += n;
	from->len -= n;
	return text;
}

struct record {
	struct ng_name owner;
	uint8_t data[DATA_MAX];
};

struct reply {
	struct ng_query query;
	struct record records[RECORDS_MAX + 1];
	struct ng_rr rrs[RECORDS_MAX], soa;
	struct ng_reply_spec spec;
};

static void take_data(struct input *from, struct record *record, struct ng_rr *out)
{
	static const uint16_t types[] = {NG_TYPE_A,  NG_TYPE_AAAA, NG_TYPE_CNAME, NG_TYPE_PTR,
					 NG_TYPE_MX, NG_TYPE_TXT,  65280,         NG_TYPE_NULL};
	struct ng_name name = take_name(from);

	ng_name_lower(&name); /* as the reader does with names in data */
	out->type = types[take(from) % 8];
	out->rdlen = out->type == NG_TYPE_A ? 4 : out->type == NG_TYPE_AAAA ? 16 : 0;
	if (out->rdlen) {
		for (size_t i = 0; i < out->rdlen; i++)
			record->data[i] = take(from);
	} else if (out->type == NG_TYPE_CNAME || out->type == NG_TYPE_PTR) {
		memcpy(record->data, name.wire, name.len);
		out->rdlen = name.len;
	} else if (out->type == NG_TYPE_MX) {
		memcpy(record->data + 2, name.wire, name.len);
		out->rdlen = (uint16_t)(2 + name.len);
	} else {
		out->rdlen = take_octets(from, DATA_MAX, record->data);
	}
}

static void take_soa(struct input *from, struct reply *reply)
{
	struct record *record = &reply->records[RECORDS_MAX];
	struct ng_name name = take_name(from);

	ng_name_lower(&name);
	record->owner = take_name(from);
	ng_name_lower(&record->owner);
	memcpy(record->data, name.wire, name.len);
	memcpy(record->data + name.len, name.wire, name.len);
	memset(record->data + 2u * name.len, 7, 20);
	reply->soa = (struct ng_rr){.owner = &record->owner,
				    .type = NG_TYPE_SOA,
				    .rdata = record->data,
				    .rdlen = (uint16_t)(2u * name.len + 20)};
	reply->spec.soa = &reply->soa;
}

static void take_records(struct input *from, struct reply *reply)
{
	struct ng_reply_spec *spec = &reply->spec;

	spec->answers = reply->rrs;
	while (from->len && spec->n < RECORDS_MAX) {
		struct record *record = &reply->records[spec->n];
		struct ng_rr *rr = &reply->rrs[spec->n];
		bool again = take(from) & 1 && spec->n;

		rr->ttl = take_number(from, 4) & INT32_MAX;
		record->owner = again ? record[-1].owner : take_name(from);
		ng_name_lower(&record->owner);
		rr->owner = &record->owner;
		rr->rdata = record->data;
		take_data(from, record, rr);
		spec->n++;
	}
}

static void take_reply(struct input *from, struct reply *reply)
{
	const uint32_t flags = take_number(from, 2);
	struct ng_reply_spec *spec = &reply->spec;
	struct ng_query *query = &reply->query;

	query->id = 77;
	query->edns = flags & 1;
	query->dnssec_ok = flags & 2;
	query->rd = flags & 4;
	query->cd = flags & 8;
	query->has_question = !(flags & 16);
	spec->query = query;
	spec->keepalive = flags & 32;
	spec->keepalive_ds = (uint16_t)flags;
	spec->negative_soa = flags & 64;
	spec->authentic = flags & 128;
	spec->truncate = (flags & 0xf00) == 0xf00;
	spec->rcode = take(from);
	spec->ede = flags & 0x1000 ? NG_EDE_NONE : take(from);
	spec->limit = take_number(from, 2);
	spec->ede_text = take_text(from);
	spec->ede_end = take_text(from);
	spec->soa_ttl = 10;
	spec->serial = 1;
	query->question = (struct ng_question){
		.name = take_name(from), .type = NG_TYPE_A, .class = NG_CLASS_IN};
	if (flags & 0x2000)
		take_soa(from, reply);
	take_records(from, reply);
}

/* ---- what came of it ---- */

static void rr_check(const struct ng_rr *rr, const struct ng_rr *again, uint32_t ttl)
{
	struct ng_name a, b;

	fuzz_must(ng_name_equal(rr->owner, again->owner));
	fuzz_must(rr->type == again->type && ttl == again->ttl);
	if (rr->type != NG_TYPE_CNAME) {
		fuzz_must(rr->rdlen == again->rdlen);
		fuzz_must(!memcmp(rr->rdata, again->rdata, rr->rdlen));
		return;
	}
	fuzz_must(ng_name_from_wire(rr->rdata, rr->rdlen, &a) == NG_OK);
	fuzz_must(ng_name_from_wire(again->rdata, again->rdlen, &b) == NG_OK);
	fuzz_must(ng_name_equal(&a, &b));
}

static uint8_t rcode_seen(const struct ng_reply_spec *spec, bool truncated)
{
	if (spec->rcode > 15 && !spec->query->edns)
		return NG_RCODE_SERVFAIL;
	return truncated ? spec->rcode % 16 : spec->rcode;
}

static void records_check(const struct ng_reply_spec *spec, const uint8_t *wire, size_t len)
{
	struct ng_answer answer;
	struct arena arena;

	arena_init(&arena, 8 << 20);
	fuzz_must(ng_answer_parse(wire, len, &arena, &answer) == NG_OK);
	fuzz_must(answer.id == spec->query->id);
	/* Of a message that was cut short the reader takes the header and the question alone. */
	fuzz_must(answer.rcode == rcode_seen(spec, answer.truncated));
	fuzz_must(answer.has_question == spec->query->has_question);
	fuzz_must(!answer.has_question || ng_answer_matches(&answer, &spec->query->question));
	fuzz_must(answer.n == (answer.truncated ? 0 : spec->n));
	for (size_t i = 0; i < answer.n; i++)
		rr_check(&spec->answers[i], &answer.rrs[i], spec->answers[i].ttl);
	fuzz_must(!answer.soa == (answer.truncated || !spec->negative_soa));
	if (answer.soa && spec->soa)
		rr_check(spec->soa, answer.soa, spec->soa_ttl);
	arena_finish(&arena);
}

/* The text is what was given, cut behind a word or at least a character, and its end is whole. */
static void text_check(const struct ng_reply_spec *spec, const uint8_t *wire, size_t len)
{
	const size_t all = strlen(spec->ede_text), end = strlen(spec->ede_end);
	uint8_t head[6] = {0, 15, 0, 0, 0, (uint8_t)spec->ede};
	size_t n;

	fuzz_must(ng_ede_find(wire, len) == spec->ede);
	for (n = 0; n <= NG_EDE_TEXT_MAX && n + sizeof(head) < len; n++) {
		head[3] = (uint8_t)(2 + n);
		if (!memcmp(wire + len - n - sizeof(head), head, sizeof(head)))
			break;
	}
	fuzz_must(n <= NG_EDE_TEXT_MAX);
	if (!n)
		return;
	fuzz_must(n >= end && n - end <= all);
	fuzz_must(!memcmp(wire + len - end, spec->ede_end, end));
	n -= end;
	fuzz_must(!memcmp(wire + len - end - n, spec->ede_text, n));
	fuzz_must(n == all || !n || ((uint8_t)spec->ede_text[n] & 0xc0) != 0x80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reply *reply = calloc(1, sizeof(*reply));
	struct input input = {data, size};
	size_t limit, len;
	uint8_t *out;

	fuzz_must(reply != NULL);
	take_reply(&input, reply);
	limit = reply->spec.limit < NG_UDP_FLOOR ? NG_UDP_FLOOR : reply->spec.limit;
	out = malloc(limit);
	fuzz_must(out != NULL);
	len = ng_reply_build(&reply->spec, out);
	fuzz_must(len >= NG_HEADER_LEN && len <= limit);
	fuzz_must(ng_reply_overflows(&reply->spec) == ((out[2] & 0x02) != 0));
	records_check(&reply->spec, out, len);
	if (reply->query.edns && reply->spec.ede >= 0)
		text_check(&reply->spec, out, len);
	else
		fuzz_must(ng_ede_find(out, len) == NG_EDE_NONE);
	free((char *)reply->spec.ede_text);
	free((char *)reply->spec.ede_end);
	free(out);
	free(reply);
	return 0;
}
