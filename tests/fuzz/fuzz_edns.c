/*
 * What stands behind a question: the first octet says how many records, the rest are these. As a query and as a
 * response it is read the same way, and that way is told here once more for records of the root.
 */
#include "base/arena.h"
#include "fuzz.h"

#include <namegate/message.h>
#include <string.h>

#define QUESTION_LEN 20 /* a.good.example, A, IN */
#define BEHIND_MAX   8192

static const uint8_t start[NG_HEADER_LEN + QUESTION_LEN] = {
	0x12, 0x34, 1,   0, 0,   1,   0,   0,   0,   0,   0,   0, 1, 'a', 4, 'g',
	'o',  'o',  'd', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1,   0, 1};

struct model {
	bool known; /* all owners are the root */
	bool good;
	unsigned int opts;
	uint8_t version, rcode_high;
	bool dnssec_ok, keepalive;
	uint16_t size;
	size_t cookie_len;
	const uint8_t *cookie;
	int ede;
};

static unsigned int u16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static void model_option(struct model *model, unsigned int code, const uint8_t *value, size_t n)
{
	if (code == NG_OPTION_COOKIE) {
		model->good &= n == 8 || (n >= 16 && n <= 40);
		if (!model->cookie) {
			model->cookie = value;
			model->cookie_len = n;
		}
	}
	model->keepalive |= code == NG_OPTION_KEEPALIVE && !n;
	if (code == NG_OPTION_EDE && n >= 2 && model->ede == NG_EDE_NONE)
		model->ede = (int)u16(value);
}

static void model_options(struct model *model, const uint8_t *at, size_t n)
{
	while (n >= 4 && u16(at + 2) <= n - 4) {
		size_t size = u16(at + 2);

		model_option(model, u16(at), at + 4, size);
		at += 4 + size;
		n -= 4 + size;
	}
	model->good &= n == 0;
}

/* Fixed part of a record of the root: owner 1, type 2, class 2, TTL 4, length 2. */
static void model_opt(struct model *model, const uint8_t *record, size_t rdlen)
{
	model->opts++;
	model->good &= model->opts == 1;
	model->size = (uint16_t)u16(record + 3);
	model->rcode_high = record[5];
	model->version = record[6];
	model->dnssec_ok = record[7] & 0x80;
	if (!model->version)
		model_options(model, record + 11, rdlen);
}

static struct model model_make(unsigned int count, const uint8_t *at, size_t n)
{
	struct model model = {.known = true, .good = true, .ede = NG_EDE_NONE};

	for (; count && model.good; count--) {
		if (n && at[0]) {
			model.known = false;
			return model;
		}
		if (n < 11 || n - 11 < u16(at + 9)) {
			model.good = false;
			return model;
		}
		if (u16(at + 1) == NG_TYPE_OPT)
			model_opt(&model, at, u16(at + 9));
		n -= 11u + u16(at + 9);
		at += 11u + u16(at + 9);
	}
	model.good &= !n;
	return model;
}

/* ---- as a query ---- */

/* Its refusal is answered in an OPT exactly when it had one, and says what it should. */
static void reply_check(const struct ng_query *query, const uint8_t *text, size_t n)
{
	static uint8_t out[NG_UDP_ADVERTISED];
	char words[NG_NAME_MAX];
	struct ng_reply_spec spec = {.query = query,
				     .rcode = query->rcode,
				     .keepalive = query->keepalive,
				     .keepalive_ds = 300,
				     .ede = NG_EDE_BLOCKED,
				     .ede_text = words,
				     .limit = query->udp_size};
	struct ng_answer answer;
	struct arena arena;
	size_t len;

	n = n < sizeof(words) - 1 ? n : sizeof(words) - 1;
	memcpy(words, text, n);
	words[n] = '\0';
	len = ng_reply_build(&spec, out);
	fuzz_must(len >= NG_HEADER_LEN && len <= query->udp_size);
	arena_init(&arena, 1 << 16);
	fuzz_must(ng_answer_parse(out, len, &arena, &answer) == NG_OK);
	fuzz_must(answer.edns == query->edns && !answer.cookie);
	fuzz_must(ng_ede_find(out, len) == (query->edns ? NG_EDE_BLOCKED : NG_EDE_NONE));
	arena_finish(&arena);
}

static void query_check(const struct model *model, const uint8_t *wire, size_t len)
{
	struct ng_query query;
	enum ng_fate fate = ng_query_parse(wire, len, &query);

	fuzz_must(fate != NG_FATE_SILENCE && query.has_question);
	fuzz_must((fate == NG_FATE_ASKED) == (query.rcode == NG_RCODE_NOERROR));
	fuzz_must(query.udp_size >= NG_UDP_FLOOR && query.udp_size <= NG_UDP_ADVERTISED);
	reply_check(&query, wire + sizeof(start), len - sizeof(start));
	if (!model->known)
		return;
	if (!model->good) {
		fuzz_must(query.rcode == NG_RCODE_FORMERR);
		return;
	}
	fuzz_must(query.rcode == (model->version ? NG_RCODE_BADVERS : NG_RCODE_NOERROR));
	fuzz_must(query.edns == model->opts && query.dnssec_ok == model->dnssec_ok);
	fuzz_must(query.keepalive == model->keepalive);
	if (model->size >= NG_UDP_FLOOR && model->size <= NG_UDP_ADVERTISED)
		fuzz_must(query.udp_size == model->size);
}

/* ---- as a response ---- */

static void answer_check(const struct model *model, const uint8_t *wire, size_t len)
{
	struct ng_answer answer;
	struct arena arena;
	int error;

	arena_init(&arena, 1 << 20);
	error = ng_answer_parse(wire, len, &arena, &answer);
	if (model->known)
		fuzz_must((error == NG_OK) == (model->good && model->rcode_high < 16));
	if (error == NG_OK) {
		fuzz_must(!answer.n && !answer.soa && answer.has_question);
		fuzz_must(!answer.cookie || (answer.cookie > wire && answer.cookie_len >= 8 &&
					     answer.cookie + answer.cookie_len <= wire + len));
	}
	if (error == NG_OK && model->known) {
		fuzz_must(answer.edns == model->opts);
		fuzz_must(answer.cookie_len == model->cookie_len);
		fuzz_must(!model->cookie ||
			  !memcmp(answer.cookie, model->cookie, model->cookie_len));
		fuzz_must(model->version || ng_ede_find(wire, len) == model->ede);
	}
	arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model model;
	uint8_t *wire;
	size_t len;

	if (!size || size > BEHIND_MAX)
		return 0;
	len = sizeof(start) + size - 1;
	wire = malloc(len);
	if (!wire)
		return 0;
	memcpy(wire, start, sizeof(start));
	memcpy(wire + sizeof(start), data + 1, size - 1);
	wire[11] = data[0] % 4;
	model = model_make(wire[11], data + 1, size - 1);
	query_check(&model, wire, len);
	wire[2] |= 0x80;
	(void)ng_ede_find(wire, len);
	answer_check(&model, wire, len);
	free(wire);
	return 0;
}
