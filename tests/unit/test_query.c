/* Queries: what is answered and how, what is met with silence, and what we ask upstreams. */
#include "message_maker.h"

static struct maker maker;
static struct ng_query query;

static enum ng_fate parse_cut(size_t n)
{
	uint8_t *copy = exact(maker.octets, n);
	memset(&query, 0xee, sizeof(query));
	enum ng_fate fate = ng_query_parse(copy, n, &query);
	free(copy);
	return fate;
}

static enum ng_fate parse(void)
{
	return parse_cut(maker.n);
}

static void expect_error(enum ng_rcode rcode)
{
	assert_int_equal(parse(), NG_FATE_ERROR);
	assert_int_equal(query.rcode, rcode);
}

static void plain(void **state)
{
	(void)state;
	make_header(&maker, 0x0110, 1, 0, 0, 0);
	make_question(&maker, "WwW.Example.COM", NG_TYPE_AAAA);
	assert_int_equal(parse(), NG_FATE_ASKED);
	struct ng_name want = name_of("WwW.Example.COM");
	assert_int_equal(query.id, 0x1234);
	assert_true(query.rd && query.cd && query.has_question);
	assert_false(query.edns || query.dnssec_ok);
	assert_int_equal(query.opcode, 0);
	assert_int_equal(query.rcode, 0);
	assert_int_equal(query.udp_size, 512);
	assert_true(ng_name_same(&query.question.name, &want));
	assert_int_equal(query.question.type, NG_TYPE_AAAA);
	assert_int_equal(query.question.class, NG_CLASS_IN);
}

static void every_header_bit_but_qr_and_opcode_is_harmless(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 16; bit++) {
		bool opcode = bit >= 11 && bit <= 14;
		make_header(&maker, 1u << bit, 1, 0, 0, 0);
		make_question(&maker, "a", NG_TYPE_A);
		enum ng_fate want = bit == 15 ? NG_FATE_SILENCE
				    : opcode  ? NG_FATE_ERROR
					      : NG_FATE_ASKED;
		assert_int_equal(parse(), want);
		if (want == NG_FATE_ASKED) {
			assert_int_equal(query.rd, bit == 8);
			assert_int_equal(query.cd, bit == 4);
		}
	}
}

static void silence(void **state)
{
	(void)state;
	make_header(&maker, 0x8100, 1, 0, 0, 0);
	make_question(&maker, "a", NG_TYPE_A);
	for (size_t n = 0; n <= maker.n; n++)
		assert_int_equal(parse_cut(n), NG_FATE_SILENCE);
	make_header(&maker, 0x0100, 1, 0, 0, 0);
	for (size_t n = 0; n < NG_HEADER_LEN; n++)
		assert_int_equal(parse_cut(n), NG_FATE_SILENCE);
	assert_int_equal(ng_query_parse(NULL, 0, &query), NG_FATE_SILENCE);
}

static void cut_anywhere_is_formerr(void **state)
{
	(void)state;
	make_header(&maker, 0x0100, 1, 0, 0, 1);
	make_question(&maker, "www.example.com", NG_TYPE_A);
	size_t question_end = maker.n;
	make_opt(&maker, 1232, 0,
		 "\0\x0a\0\x08"
		 "cookie..",
		 12);
	for (size_t n = NG_HEADER_LEN; n < maker.n; n++) {
		assert_int_equal(parse_cut(n), NG_FATE_ERROR);
		assert_int_equal(query.rcode, NG_RCODE_FORMERR);
		assert_int_equal(query.has_question, n >= question_end);
	}
	assert_int_equal(parse(), NG_FATE_ASKED);
	make_octets(&maker, "x", 1);
	expect_error(NG_RCODE_FORMERR);
}

static void question_counts(void **state)
{
	(void)state;
	static const unsigned int counts[] = {0, 2, 3, 0xffff}; /* RFC 9619 */
	for (size_t i = 0; i < COUNT(counts); i++) {
		make_header(&maker, 0x0100, counts[i], 0, 0, 0);
		for (unsigned int j = 0; j < 2; j++)
			make_question(&maker, "a.example", NG_TYPE_A);
		expect_error(NG_RCODE_FORMERR);
		assert_false(query.has_question);
		assert_int_equal(query.question.name.len, 0);
	}
}

static void records_where_none_belong(void **state)
{
	(void)state;
	for (int section = 0; section < 2; section++) {
		make_header(&maker, 0x0100, 1, section == 0, section == 1, 0);
		make_question(&maker, "a.example", NG_TYPE_A);
		make_rr(&maker, "@", NG_TYPE_A, 1, "1234", 4);
		expect_error(NG_RCODE_FORMERR);
		assert_true(query.has_question);
	}
	make_header(&maker, 0x0100, 1, 0, 0, 2); /* one of two is there */
	make_question(&maker, "a.example", NG_TYPE_A);
	make_opt(&maker, 1232, 0, "", 0);
	expect_error(NG_RCODE_FORMERR);
	make_header(&maker, 0x0100, 1, 0, 0, 1); /* a signature is looked over and ignored */
	make_question(&maker, "a.example", NG_TYPE_A);
	make_rr(&maker, "key.example", 250, 0, "signature", 9);
	assert_int_equal(parse(), NG_FATE_ASKED);
	assert_false(query.edns);
}

static void bad_names(void **state)
{
	(void)state;
	static const struct {
		const char *what, *wire;
		size_t n;
	} cases[] = {
		{"pointer to itself", "\xc0\x0c\0\1\0\1", 6},
		{"pointer into the header", "\1a\xc0\x00\0\1\0\1", 8},
		{"pointer forward", "\xc0\x0e\1a\0\0\1\0\1", 9},
		{"label type 01",
		 "\x41"
		 "a\0\0\1\0\1",
		 7},
		{"label type 10",
		 "\x81"
		 "a\0\0\1\0\1",
		 7},
		{"label past the end",
		 "\x3f"
		 "a\0\0\1\0\1",
		 7},
		{"nothing", "", 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		make_header(&maker, 0x0100, 1, 0, 0, 0);
		make_octets(&maker, cases[i].wire, cases[i].n);
		if (parse() != NG_FATE_ERROR || query.rcode != NG_RCODE_FORMERR)
			fail_msg("%s", cases[i].what);
		assert_false(query.has_question);
	}
}

static void long_names(void **state)
{
	(void)state;
	for (size_t last = 60; last <= 63; last++) {
		make_header(&maker, 0x0100, 1, 0, 0, 0);
		uint8_t label[64];
		memset(label, 'a', sizeof(label));
		label[0] = 63;
		for (int i = 0; i < 3; i++)
			make_octets(&maker, label, 64);
		label[0] = (uint8_t)last;
		make_octets(&maker, label, 1 + last);
		make_octets(&maker, "\0\0\1\0\1", 5);
		if (last <= 61)
			assert_int_equal(parse(), NG_FATE_ASKED);
		else
			expect_error(NG_RCODE_FORMERR);
	}
}

static void operations_and_classes(void **state)
{
	(void)state;
	for (unsigned int opcode = 1; opcode < 16; opcode++) {
		make_header(&maker, opcode << 11, 1, 3, 3,
			    3); /* sections are not ours to read */
		make_question(&maker, "a.example", NG_TYPE_SOA);
		expect_error(opcode == 5 ? NG_RCODE_REFUSED : NG_RCODE_NOTIMP);
		assert_int_equal(query.opcode, opcode);
		assert_true(query.has_question);
		make_header(&maker, opcode << 11, 0, 0, 0, 0);
		expect_error(opcode == 5 ? NG_RCODE_REFUSED : NG_RCODE_NOTIMP);
		assert_false(query.has_question);
	}
	static const unsigned int classes[] = {0, 2, 3, 4, 254, 255, 0xffff};
	for (size_t i = 0; i < COUNT(classes); i++) {
		make_header(&maker, 0x0100, 1, 0, 0, 0);
		make_name(&maker, "version.bind");
		make_u16(&maker, NG_TYPE_TXT);
		make_u16(&maker, classes[i]);
		expect_error(NG_RCODE_REFUSED);
		assert_int_equal(query.question.class, classes[i]);
	}
}

static void transfers(void **state)
{
	(void)state;
	make_header(&maker, 0, 1, 0, 0, 0);
	make_question(&maker, "example", NG_TYPE_AXFR);
	expect_error(NG_RCODE_REFUSED);
	make_header(&maker, 0, 1, 0, 1, 0); /* RFC 1995 3: with an SOA in authority */
	make_question(&maker, "example", NG_TYPE_IXFR);
	make_rr(&maker, "@", NG_TYPE_SOA, 1, "\0\0....................", 22);
	expect_error(NG_RCODE_REFUSED);
}

static void edns_of(unsigned int size, uint32_t ttl)
{
	make_header(&maker, 0x0100, 1, 0, 0, 1);
	make_question(&maker, "a.example", NG_TYPE_A);
	make_opt(&maker, size, ttl, "", 0);
}

static void edns_sizes(void **state)
{
	(void)state;
	static const unsigned int sizes[][2] = {{0, 512},     {511, 512},   {512, 512},
						{513, 513},   {1231, 1231}, {1232, 1232},
						{1233, 1232}, {65535, 1232}};
	for (size_t i = 0; i < COUNT(sizes); i++) {
		edns_of(sizes[i][0], 0);
		assert_int_equal(parse(), NG_FATE_ASKED);
		assert_true(query.edns);
		assert_int_equal(query.udp_size, sizes[i][1]);
	}
}

static void edns_versions_and_flags(void **state)
{
	(void)state;
	edns_of(1232, 0x8000);
	assert_int_equal(parse(), NG_FATE_ASKED);
	assert_true(query.dnssec_ok);
	edns_of(1232, 0xff007fff); /* what a query has no say in */
	assert_int_equal(parse(), NG_FATE_ASKED);
	assert_false(query.dnssec_ok);
	for (uint32_t version = 1; version < 256; version += 127) {
		edns_of(1232, version << 16);
		expect_error(NG_RCODE_BADVERS);
		assert_true(query.edns && query.has_question);
	}
}

/* RFC 7828 3.2.1: from a client without a time. Otherwise it is an option like any unknown one. */
static void edns_keepalive(void **state)
{
	(void)state;
	for (unsigned int size = 0; size <= 3; size++) {
		const char option[] = {0, 11, 0, (char)size, 1, 2, 3};
		make_header(&maker, 0x0100, 1, 0, 0, 1);
		make_question(&maker, "a", NG_TYPE_A);
		make_opt(&maker, 1232, 0, option, 4 + size);
		assert_int_equal(parse(), NG_FATE_ASKED);
		assert_int_equal(query.keepalive, size == 0);
	}
	make_header(&maker, 0x0100, 1, 0, 0, 0);
	make_question(&maker, "a", NG_TYPE_A);
	assert_int_equal(parse(), NG_FATE_ASKED);
	assert_false(query.keepalive);
}

static void edns_malformed(void **state)
{
	(void)state;
	make_header(&maker, 0x0100, 1, 0, 0, 2);
	make_question(&maker, "a.example", NG_TYPE_A);
	make_opt(&maker, 1232, 0, "", 0);
	make_opt(&maker, 1232, 0, "", 0);
	expect_error(NG_RCODE_FORMERR);
	assert_true(query.edns);
	make_header(&maker, 0x0100, 1, 0, 0, 1);
	make_question(&maker, "a.example", NG_TYPE_A);
	make_rr(&maker, "x", NG_TYPE_OPT, 0, "", 0);
	expect_error(NG_RCODE_FORMERR);
	make_header(&maker, 0x0100, 1, 0, 0, 1);
	make_question(&maker, "a.example", NG_TYPE_A);
	make_opt(&maker, 1232, 0,
		 "\0\x0a\0\7"
		 "1234567",
		 11);
	expect_error(NG_RCODE_FORMERR);
	assert_true(query.edns && query.has_question);
}

static void what_we_ask_can_be_read(void **state)
{
	(void)state;
	struct ng_question question = {.name = name_of("wWw.eXample"), .type = 1, .class = 1};
	for (unsigned int bits = 0; bits < 4; bits++) {
		uint8_t out[512];
		maker.n = ng_ask_build(&question, 0xbeef, bits & 1, bits & 2, out);
		memcpy(maker.octets, out, maker.n);
		assert_int_equal(parse(), NG_FATE_ASKED);
		assert_int_equal(query.id, 0xbeef);
		assert_true(query.rd && query.edns);
		assert_int_equal(query.dnssec_ok, bits & 1);
		assert_int_equal(query.cd, (bits & 2) != 0);
		assert_int_equal(query.udp_size, 1232);
		assert_true(ng_name_same(&query.question.name, &question.name));
	}
	question.name.len = 255;
	memset(question.name.wire, 1, 254);
	question.name.wire[254] = 0;
	assert_int_equal(ng_ask_build(&question, 1, true, true, maker.octets), 12 + 259 + 11);
}

static void what_we_ask_takes_options(void **state)
{
	(void)state;
	struct ng_question question = {.name = name_of("www.example"), .type = 1, .class = 1};
	uint8_t cookie[40], out[512];
	size_t len = ng_ask_build(&question, 7, true, false, out), plain;
	memset(cookie, 'c', sizeof(cookie));
	plain = len - 11;
	len = ng_ask_option(out, len, NG_OPTION_COOKIE, cookie, 24);
	len = ng_ask_option(out, len, 12, NULL, 3);
	assert_int_equal(len, plain + 11 + 4 + 24 + 4 + 3);
	maker.n = len;
	memcpy(maker.octets, out, len);
	assert_int_equal(parse(), NG_FATE_ASKED);
	assert_true(query.edns && query.dnssec_ok);
	assert_memory_equal(out + len - 7, "\0\x0c\0\3\0\0\0", 7);
	/* No room: it stays as it is. */
	assert_int_equal(ng_ask_option(out, len, 12, NULL, 500), len);
	assert_memory_equal(out, maker.octets, len);
	len = ng_ask_build(&question, 7, true, false, out);
	maker.n = ng_ask_plain(out, len);
	assert_int_equal(maker.n, plain);
	memcpy(maker.octets, out, maker.n);
	assert_int_equal(parse(), NG_FATE_ASKED);
	assert_false(query.edns);
	assert_false(query.dnssec_ok);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(every_header_bit_but_qr_and_opcode_is_harmless),
		cmocka_unit_test(silence),
		cmocka_unit_test(cut_anywhere_is_formerr),
		cmocka_unit_test(question_counts),
		cmocka_unit_test(records_where_none_belong),
		cmocka_unit_test(bad_names),
		cmocka_unit_test(long_names),
		cmocka_unit_test(operations_and_classes),
		cmocka_unit_test(transfers),
		cmocka_unit_test(edns_sizes),
		cmocka_unit_test(edns_versions_and_flags),
		cmocka_unit_test(edns_keepalive),
		cmocka_unit_test(edns_malformed),
		cmocka_unit_test(what_we_ask_can_be_read),
		cmocka_unit_test(what_we_ask_takes_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
