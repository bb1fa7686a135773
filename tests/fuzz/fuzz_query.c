/* Whatever a client sends: it is read, and what must be answered gets a reply that we can read. */
#include "base/arena.h"
#include "fuzz.h"

#include <namegate/message.h>

static void reply_check(const struct ng_query *query, enum ng_fate fate, size_t limit)
{
	static uint8_t out[NG_UDP_ADVERTISED];
	struct ng_reply_spec spec = {
		.query = query,
		.rcode = fate == NG_FATE_ERROR ? query->rcode : NG_RCODE_NXDOMAIN,
		.negative_soa = fate == NG_FATE_ASKED,
		.soa_ttl = 10,
		.serial = 1,
		.ede = fate == NG_FATE_ASKED ? NG_EDE_BLOCKED : NG_EDE_NONE,
		.ede_text = "a.list:1",
		.limit = limit,
	};
	size_t len = ng_reply_build(&spec, out);
	fuzz_must(len >= NG_HEADER_LEN && len <= limit);
	fuzz_must(ng_reply_overflows(&spec) == ((out[2] & 0x02) != 0));
	if (query->opcode != 0)
		return;

	struct arena arena;
	struct ng_answer answer;
	arena_init(&arena, 1 << 16);
	fuzz_must(ng_answer_parse(out, len, &arena, &answer) == NG_OK);
	fuzz_must(answer.id == query->id && answer.rcode == spec.rcode);
	fuzz_must(answer.has_question == query->has_question);
	fuzz_must(!query->has_question || ng_answer_matches(&answer, &query->question));
	fuzz_must(!spec.negative_soa || answer.soa);
	arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ng_query query;
	enum ng_fate fate = ng_query_parse(data, size, &query);
	if (fate == NG_FATE_SILENCE) {
		fuzz_must(size < NG_HEADER_LEN || data[2] & 0x80);
		return 0;
	}
	fuzz_must((fate == NG_FATE_ERROR) == (query.rcode != NG_RCODE_NOERROR));
	fuzz_must(fate == NG_FATE_ERROR || (query.has_question && query.question.name.len));
	fuzz_must(query.udp_size >= NG_UDP_FLOOR && query.udp_size <= NG_UDP_ADVERTISED);
	reply_check(&query, fate, NG_UDP_FLOOR);
	reply_check(&query, fate, query.udp_size);
	return 0;
}
