/*
 * Whatever an upstream sends: it is read within its bounds, and what was kept can be sent on to a
 * client, and read again there with the same records.
 */
#include "base/arena.h"
#include "fuzz.h"

#include <namegate/message.h>
#include <string.h>

static void name_check(const uint8_t *wire, size_t len)
{
	struct ng_name name;
	fuzz_must(ng_name_from_wire(wire, len, &name) == NG_OK && name.len <= len);
}

static void rr_check(const struct ng_rr *rr)
{
	struct ng_name lower = *rr->owner;
	ng_name_lower(&lower);
	fuzz_must(ng_name_same(&lower, rr->owner));
	name_check(rr->owner->wire, rr->owner->len);
	fuzz_must(rr->ttl <= INT32_MAX);
	fuzz_must(rr->type != NG_TYPE_A || rr->rdlen == 4);
	fuzz_must(rr->type != NG_TYPE_AAAA || rr->rdlen == 16);
	if (rr->type == NG_TYPE_CNAME)
		name_check(rr->rdata, rr->rdlen);
}

static void rr_compare(const struct ng_rr *a, const struct ng_rr *b)
{
	fuzz_must(ng_name_equal(a->owner, b->owner) && a->type == b->type && a->ttl == b->ttl);
	struct ng_name x = {0}, y = {0};
	if (a->type != NG_TYPE_CNAME) {
		fuzz_must(a->rdlen == b->rdlen && memcmp(a->rdata, b->rdata, a->rdlen) == 0);
		return;
	}
	/* A pointer to a name that was written before may bring that one's case along. */
	fuzz_must(ng_name_from_wire(a->rdata, a->rdlen, &x) == NG_OK);
	fuzz_must(ng_name_from_wire(b->rdata, b->rdlen, &y) == NG_OK);
	fuzz_must(ng_name_equal(&x, &y));
}

static void send_on(const struct ng_answer *answer, struct arena *arena)
{
	static uint8_t out[NG_MESSAGE_MAX];
	struct ng_query query = {.id = 7, .edns = true, .has_question = answer->has_question};
	query.question = answer->question;
	struct ng_reply_spec spec = {
		.query = &query,
		.rcode = answer->rcode,
		.answers = answer->rrs,
		.n = answer->n,
		.negative_soa = answer->soa,
		.soa = answer->soa,
		.soa_ttl = answer->soa ? answer->soa->ttl : 0,
		.ede = NG_EDE_NONE,
		.limit = sizeof(out),
	};
	size_t len = ng_reply_build(&spec, out);
	if (answer->n + 2 > NG_ANSWER_RRS_MAX) /* with SOA and OPT more than a reader takes */
		return;
	struct ng_answer again;
	fuzz_must(ng_reply_overflows(&spec) == ((out[2] & 0x02) != 0));
	if (ng_answer_parse(out, len, arena, &again) != NG_OK)
		fuzz_must(!"a reply of ours can be read");
	if (again.truncated)
		return;
	fuzz_must(again.n == answer->n && again.rcode == answer->rcode);
	for (size_t i = 0; i < answer->n; i++)
		rr_compare(&answer->rrs[i], &again.rrs[i]);
	fuzz_must(!again.soa == !answer->soa);
	if (answer->soa)
		rr_compare(answer->soa, again.soa);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct ng_answer answer;
	arena_init(&arena, 8 << 20);
	if (ng_answer_parse(data, size, &arena, &answer) == NG_OK) {
		fuzz_must(answer.n <= NG_ANSWER_RRS_MAX);
		for (size_t i = 0; i < answer.n; i++)
			rr_check(&answer.rrs[i]);
		if (answer.soa)
			rr_check(answer.soa);
		send_on(&answer, &arena);
	}
	arena_finish(&arena);
	return 0;
}
