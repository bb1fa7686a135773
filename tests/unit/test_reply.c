/*
 * Replies: read back by our own reader of answers, and at the borders where something is given up:
 * first EXTRA-TEXT, then the sections.
 */
#include "message_maker.h"

#include "base/arena.h"

static struct ng_query query;
static struct ng_reply_spec spec;
static struct arena arena;
static struct ng_answer answer;
static uint8_t out[NG_MESSAGE_MAX];
static size_t len;

static int setup(void **state)
{
	(void)state;
	query = (struct ng_query){.id = 0x1234,
				  .rd = true,
				  .edns = true,
				  .has_question = true,
				  .udp_size = 1232,
				  .question = {name_of("WwW.eXample.com"), NG_TYPE_A, 1}};
	spec = (struct ng_reply_spec){.query = &query, .ede = NG_EDE_NONE, .limit = 1232};
	arena_init(&arena, 4 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

/* Builds into a block of exactly the limit, and reads the result back. */
static void build(void)
{
	size_t room = spec.limit < 512 ? 512 : spec.limit;
	uint8_t *exact_out = malloc(room);
	len = ng_reply_build(&spec, exact_out);
	assert_in_range(len, NG_HEADER_LEN, room);
	memcpy(out, exact_out, len);
	free(exact_out);
	assert_int_equal(ng_reply_overflows(&spec), (out[2] & 0x02) != 0);
	uint8_t *copy = exact(out, len);
	arena_reset(&arena);
	assert_int_equal(ng_answer_parse(copy, len, &arena, &answer), NG_OK);
	free(copy);
}

static bool holds(const char *octets, size_t n)
{
	for (size_t at = 0; at + n <= len; at++)
		if (memcmp(out + at, octets, n) == 0)
			return true;
	return false;
}

static void addresses_make(struct ng_rr *rrs, struct ng_name *owner, size_t n)
{
	static uint8_t four[] = {192, 0, 2, 1};
	for (size_t i = 0; i < n; i++)
		rrs[i] = (struct ng_rr){owner, NG_TYPE_A, 30, 4, four};
	spec.answers = rrs;
	spec.n = n;
}

static void denial(void **state)
{
	(void)state;
	spec.rcode = NG_RCODE_NXDOMAIN;
	spec.negative_soa = true;
	spec.soa_ttl = 10;
	spec.serial = 0x01020304;
	spec.ede = NG_EDE_BLOCKED;
	spec.ede_text = "python.list:3";
	build();
	static const uint8_t want[] =
		"\x12\x34\x81\x83\0\1\0\0\0\1\0\1" /* QR RD RA, no AA, no AD */
		"\3WwW\7eXample\3com\0\0\1\0\1"
		"\0\0\6\0\1\0\0\0\x0a\0\x16" /* SOA of the root */
		"\0\0\1\2\3\4\0\0\x0e\x10\0\0\2\x58\0\1\x51\x80\0\0\0\x0a"
		"\0\0\x29\x04\xd0\0\0\0\0\0\x13\0\x0f\0\x0f\0\x0fpython.list:3";
	assert_int_equal(len, sizeof(want) - 1);
	assert_memory_equal(out, want, len);
}

static void flags(void **state)
{
	(void)state;
	query.rd = false;
	query.cd = true;
	query.dnssec_ok = true;
	spec.authentic = true;
	build();
	assert_int_equal(out[2] << 8 | out[3], 0x80b0);
	assert_true(holds("\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11)); /* DO copied */
	query.opcode = 4;
	query.edns = false;
	len = ng_reply_build(&spec, out);
	assert_int_equal(out[2] << 8 | out[3], 0xa000); /* no query: nothing of these holds */
	assert_int_equal(out[11], 0);                   /* no OPT when none was sent */
	assert_int_equal(len, 12 + 21);
}

static void extended_rcode(void **state)
{
	(void)state;
	spec.rcode = NG_RCODE_BADVERS;
	build();
	assert_int_equal(answer.rcode, NG_RCODE_BADVERS);
	assert_int_equal(out[3] & 0x0f, 0);
	assert_true(holds("\0\0\x29\x04\xd0\1\0\0\0\0\0", 11)); /* in version 0 */
	query.edns = false; /* then it must not look like success */
	build();
	assert_int_equal(answer.rcode, NG_RCODE_SERVFAIL);
}

static void without_question(void **state)
{
	(void)state;
	query.has_question = query.edns = false;
	spec.rcode = NG_RCODE_FORMERR;
	build();
	assert_int_equal(len, NG_HEADER_LEN);
	assert_memory_equal(out, "\x12\x34\x81\x81\0\0\0\0\0\0\0\0", 12);
	assert_false(answer.has_question);
	spec.query = NULL;
	assert_int_equal(ng_reply_build(&spec, out), 0);
	assert_false(ng_reply_overflows(&spec));
}

static void chain_is_compressed(void **state)
{
	(void)state;
	struct ng_name www = name_of("www.example.com"), cdn = name_of("a.cdn.net"),
		       edge = name_of("edge.cdn.net");
	uint8_t four[] = {192, 0, 2, 1};
	struct ng_rr rrs[] = {
		{&www, NG_TYPE_CNAME, 60, cdn.len, cdn.wire},
		{&cdn, NG_TYPE_CNAME, 60, edge.len, edge.wire},
		{&edge, NG_TYPE_A, 60, 4, four},
		{&edge, NG_TYPE_A, 60, 4, four},
	};
	spec.answers = rrs;
	spec.n = COUNT(rrs);
	build();
	size_t names = cdn.len + edge.len, owners = 4 * 2;
	assert_int_equal(len, 12 + 21 + 4 * 10 + owners + names + 8 + 11);
	assert_int_equal(answer.n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(ng_name_equal(answer.rrs[i].owner, rrs[i].owner));
	assert_memory_equal(answer.rrs[0].rdata, cdn.wire, cdn.len);
	assert_memory_equal(answer.rrs[1].rdata, edge.wire, edge.len);

	/* A target that was written before is a pointer; so is an owner above a written name. */
	struct ng_name com = name_of("EXAMPLE.com");
	rrs[1] = (struct ng_rr){&cdn, NG_TYPE_CNAME, 60, www.len, www.wire};
	rrs[2].owner = &com;
	spec.n = 3;
	build();
	assert_int_equal(len, 12 + 21 + 3 * 12 + cdn.len + 2 + 4 + 11);
	assert_int_equal(answer.n, 3);
}

static void only_whole_labels_are_compressed(void **state)
{
	(void)state;
	struct ng_name names[] = {name_of("xwww.example.com"),
				  name_of("ww.example.com"),
				  name_of("xample.com"),
				  name_of("www\\.example.com"),
				  name_of("."),
				  name_of("com.www.example.com")};
	for (size_t i = 0; i < COUNT(names); i++) {
		struct ng_rr rr;
		addresses_make(&rr, &names[i], 1);
		build();
		assert_true(ng_name_same(answer.rrs[0].owner, &names[i]));
		assert_int_equal(len, 12 + 21 + names[i].len + 14 + 11);
	}
}

static void more_targets_than_the_table_remembers(void **state)
{
	(void)state;
	struct ng_name names[41];
	struct ng_rr rrs[40];
	for (size_t i = 0; i < COUNT(names); i++) {
		char text[32];
		snprintf(text, sizeof(text), "n%zu.example.net", i);
		names[i] = name_of(text);
	}
	for (size_t i = 0; i < COUNT(rrs); i++)
		rrs[i] = (struct ng_rr){&names[i], NG_TYPE_CNAME, 1, names[i + 1].len,
					names[i + 1].wire};
	spec.answers = rrs;
	spec.n = COUNT(rrs);
	spec.limit = NG_MESSAGE_MAX;
	build();
	assert_int_equal(answer.n, COUNT(rrs));
	for (size_t i = 0; i < COUNT(rrs); i++)
		assert_true(ng_name_same(answer.rrs[i].owner, &names[i]));
}

/* A target moves over the last offset that 14 bits can say; its owner and the one above must come back. */
static void targets_beyond_the_pointers_reach(void **state)
{
	(void)state;
	static uint8_t large[0x4000];
	struct ng_name www = name_of("www.example.com"), far = name_of("far.example.net"),
		       above = name_of("example.net");
	struct ng_rr rrs[] = {
		{&www, 65280, 1, 0, large},
		{&www, NG_TYPE_CNAME, 1, far.len, far.wire},
		{&far, NG_TYPE_A, 1, 4, large},
		{&above, NG_TYPE_A, 1, 4, large},
	};
	spec.answers = rrs;
	spec.n = COUNT(rrs);
	spec.limit = NG_MESSAGE_MAX;
	for (unsigned int at = 0x3ff0; at < 0x4008; at++) {
		rrs[0].rdlen = (uint16_t)(at - 12 - 21 - 12 - 12);
		build();
		assert_int_equal(answer.n, COUNT(rrs));
		assert_true(ng_name_same(answer.rrs[2].owner, &far));
		assert_true(ng_name_same(answer.rrs[3].owner, &above));
		size_t far_len = at <= 0x3fff ? 2 : far.len;
		size_t above_len = at + 4 <= 0x3fff ? 2 : above.len;
		assert_int_equal(len, at + far.len + far_len + 14 + above_len + 14 + 11);
	}
}

static void upstream_soa(void **state)
{
	(void)state;
	struct ng_name zone = name_of("example.com");
	uint8_t data[22] = {[21] = 99};
	struct ng_rr soa = {&zone, NG_TYPE_SOA, 3600, sizeof(data), data};
	spec.negative_soa = true;
	spec.soa = &soa;
	spec.soa_ttl = 55;
	build();
	assert_non_null(answer.soa);
	assert_int_equal(answer.soa->ttl, 55);
	assert_int_equal(answer.soa->rdata[21], 99);
	assert_true(ng_name_same(answer.soa->owner, &zone));
}

/* The largest number of addresses that fit, and one more, for each of several limits. */
static void limits(void **state)
{
	(void)state;
	static const size_t takes[] = {0, 512, 513, 1231, 1232, 4096, NG_MESSAGE_MAX};
	static struct ng_rr rrs[500];
	struct ng_name www = name_of("www.example.com");
	for (size_t i = 0; i < COUNT(takes); i++) {
		spec.limit = takes[i];
		size_t limit = takes[i] < 512 ? 512 : takes[i];
		size_t fit = (limit - 12 - 21 - 11) / 16;
		if (fit > COUNT(rrs))
			fit = COUNT(rrs);
		addresses_make(rrs, &www, fit);
		build();
		assert_false(answer.truncated);
		assert_int_equal(answer.n, fit);
		assert_int_equal(len, 12 + 21 + 11 + 16 * fit);
		if (fit == COUNT(rrs))
			continue;
		addresses_make(rrs, &www, fit + 1);
		build();
		assert_true(answer.truncated);
		assert_int_equal(len, 12 + 21 + 11);
		assert_int_equal(out[7] + out[9], 0); /* nothing in the sections */
		assert_int_equal(out[11], 1);
	}
}

static void text_takes_what_is_left(void **state)
{
	(void)state;
	struct ng_rr rrs[40];
	struct ng_name www = name_of("www.example.com");
	spec.ede = NG_EDE_STALE;
	spec.ede_text = "0123456789";
	/* 12 + 21 + 17 and the records, then the text as far as there is room */
	for (spec.limit = 512; spec.limit < 540; spec.limit++) {
		size_t fit = (spec.limit - 50) / 16;
		size_t left = spec.limit - 50 - 16 * fit, text = left < 10 ? left : 10;
		addresses_make(rrs, &www, fit);
		build();
		assert_int_equal(answer.n, fit);
		assert_int_equal(len, 50 + 16 * fit + text);
		const uint8_t head[] = {0, 15, 0, (uint8_t)(2 + text), 0, 3};
		assert_true(holds((const char *)head, sizeof(head)));
		assert_true(holds("0123456789", text));
	}
}

/* The end is whole or there is no text; what goes before it is cut behind a word. */
static void end_of_text_is_never_cut(void **state)
{
	(void)state;
	static const char end[] = "; event 01J";
	struct ng_rr rrs[40];
	struct ng_name www = name_of("www.example.com");
	spec.ede = NG_EDE_BLOCKED;
	spec.ede_text = "one two three";
	spec.ede_end = end;
	for (spec.limit = 512; spec.limit < 540; spec.limit++) {
		size_t fit = (spec.limit - 50) / 16, left = (spec.limit - 50) % 16;
		size_t want = left < 11 ? 0 : left < 14 ? 11 + (left - 11) : 11 + 3;
		addresses_make(rrs, &www, fit);
		build();
		assert_int_equal(answer.n, fit);
		assert_int_equal(len, 50 + 16 * fit + want);
		assert_int_equal(holds(end, strlen(end)), left >= 11);
		assert_int_equal(holds("one; event 01J", 14), left >= 14);
	}
	char text[NG_EDE_TEXT_MAX + 40];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[100] = ' ';
	spec.ede_text = text;
	spec.n = 0;
	spec.limit = 1232;
	build();
	assert_int_equal(len, 12 + 21 + 17 + 100 + 11);
	text[100] = 'x';
	build();
	assert_int_equal(len, 12 + 21 + 17 + NG_EDE_TEXT_MAX);
	assert_true(holds("x; event 01J", 12));
}

/* RFC 7828: the option goes before the text, which is given up for it. */
static void time_of_a_connection(void **state)
{
	(void)state;
	spec.keepalive = true;
	spec.keepalive_ds = 0x1234;
	spec.ede = NG_EDE_BLOCKED;
	spec.ede_text = "why";
	build();
	assert_true(holds("\0\x0b\0\2\x12\x34\0\x0f\0\5\0\x0fwhy", 15));
	query.edns = false;
	build();
	assert_false(holds("\0\x0b\0\2", 4));
}

static void text_is_cut_between_characters(void **state)
{
	(void)state;
	for (size_t before = NG_EDE_TEXT_MAX - 5; before <= NG_EDE_TEXT_MAX + 1; before++) {
		char text[NG_EDE_TEXT_MAX + 20] = {0};
		memset(text, 'x', before);
		strcat(text, "\xe2\x82\xac"
			     "y");
		spec.ede = NG_EDE_BLOCKED;
		spec.ede_text = text;
		build();
		size_t want = before + 4 <= NG_EDE_TEXT_MAX   ? before + 4
			      : before + 3 <= NG_EDE_TEXT_MAX ? before + 3
			      : before <= NG_EDE_TEXT_MAX     ? before
							      : NG_EDE_TEXT_MAX;
		assert_int_equal(len, 12 + 21 + 17 + want);
	}
	char *unterminated = malloc(NG_EDE_TEXT_MAX + 1); /* read no further than the bound */
	memset(unterminated, 'z', NG_EDE_TEXT_MAX + 1);
	spec.ede_text = unterminated;
	build();
	assert_int_equal(len, 12 + 21 + 17 + NG_EDE_TEXT_MAX);
	free(unterminated);
}

static void no_ede_without_edns(void **state)
{
	(void)state;
	query.edns = false;
	spec.ede = NG_EDE_BLOCKED;
	spec.ede_text = "secret";
	build();
	assert_int_equal(len, 12 + 21);
	assert_false(holds("secret", 6));
}

static void truncation_on_request(void **state)
{
	(void)state;
	struct ng_rr rr;
	struct ng_name www = name_of("www.example.com");
	addresses_make(&rr, &www, 1);
	spec.truncate = spec.negative_soa = true;
	build();
	assert_true(answer.truncated);
	assert_int_equal(len, 12 + 21 + 11);
}

static void the_longest_question_fits_the_floor(void **state)
{
	(void)state;
	static uint8_t large[600];
	struct ng_rr rr = {&query.question.name, 65280, 1, sizeof(large), large};
	query.question.name.len = 255;
	memset(query.question.name.wire, 'a', 255);
	for (size_t i = 0; i < 254; i += 64)
		query.question.name.wire[i] = i < 192 ? 63 : 61;
	query.question.name.wire[254] = 0;
	spec.answers = &rr;
	spec.n = 1;
	spec.limit = 512;
	spec.ede = NG_EDE_BLOCKED;
	char text[NG_EDE_TEXT_MAX + 1] = {0};
	memset(text, 't', NG_EDE_TEXT_MAX);
	spec.ede_text = text;
	build();
	assert_true(answer.truncated);
	assert_int_equal(len, 12 + 259 + 17 + NG_EDE_TEXT_MAX);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(denial),
		WITH_WORLD(flags),
		WITH_WORLD(extended_rcode),
		WITH_WORLD(without_question),
		WITH_WORLD(chain_is_compressed),
		WITH_WORLD(only_whole_labels_are_compressed),
		WITH_WORLD(more_targets_than_the_table_remembers),
		WITH_WORLD(targets_beyond_the_pointers_reach),
		WITH_WORLD(upstream_soa),
		WITH_WORLD(limits),
		WITH_WORLD(text_takes_what_is_left),
		WITH_WORLD(end_of_text_is_never_cut),
		WITH_WORLD(time_of_a_connection),
		WITH_WORLD(text_is_cut_between_characters),
		WITH_WORLD(no_ede_without_edns),
		WITH_WORLD(truncation_on_request),
		WITH_WORLD(the_longest_question_fits_the_floor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
