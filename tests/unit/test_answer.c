/* Answers: what is kept, with names written out; what is malformed; what belongs to a question. */
#include "message_maker.h"

#include "base/arena.h"

static struct maker maker;
static struct arena arena;
static struct ng_answer answer;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 4 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

static int parse_cut(size_t n)
{
	uint8_t *copy = exact(maker.octets, n);
	arena_reset(&arena);
	int error = ng_answer_parse(copy, n, &arena, &answer);
	free(copy);
	return error;
}

static int parse(void)
{
	return parse_cut(maker.n);
}

static void start(unsigned int flags, unsigned int answers, unsigned int authority,
		  unsigned int additional)
{
	make_header(&maker, flags, 1, answers, authority, additional);
	make_question(&maker, "www.Example.com", NG_TYPE_A);
}

static void addresses(void **state)
{
	(void)state;
	start(0x81a0, 3, 0, 0);
	make_rr(&maker, "@", NG_TYPE_A, 30, "\xc0\0\2\1", 4);
	make_rr(&maker, "WWW.example.COM", NG_TYPE_A, 0x7fffffff, "\xc0\0\2\2", 4);
	make_rr(&maker, "other.example", NG_TYPE_AAAA, 0x80000000, "0123456789abcdef", 16);
	assert_int_equal(parse(), NG_OK);
	struct ng_name want = name_of("www.example.com"), other = name_of("other.example");
	assert_int_equal(answer.id, 0x1234);
	assert_int_equal(answer.n, 3);
	assert_true(answer.authentic && answer.has_question);
	assert_false(answer.truncated);
	assert_null(answer.soa);
	for (int i = 0; i < 2; i++) {
		assert_true(ng_name_same(answer.rrs[i].owner, &want)); /* lower case */
		assert_int_equal(answer.rrs[i].rdlen, 4);
		assert_int_equal(answer.rrs[i].rdata[3], i + 1);
	}
	assert_true(ng_name_same(answer.rrs[2].owner, &other));
	assert_int_equal(answer.rrs[0].ttl, 30);
	assert_int_equal(answer.rrs[1].ttl, 0x7fffffff);
	assert_int_equal(answer.rrs[2].ttl, 0); /* RFC 2181 8 */
}

static void cut_anywhere_fails(void **state)
{
	(void)state;
	start(0x8180, 2, 1, 1);
	make_rr(&maker, "@", NG_TYPE_CNAME, 30, "\3cdn\xc0\x10", 6);
	make_rr(&maker, "cdn.example.com", NG_TYPE_A, 30, "1234", 4);
	make_rr(&maker, "example.com", NG_TYPE_SOA, 30, "\xc0\x10\xc0\x10....................",
		24);
	make_opt(&maker, 1232, 0, "\0\3\0\1x", 5);
	for (size_t n = 0; n < maker.n; n++) {
		memset(&answer, 0xee, sizeof(answer));
		assert_int_not_equal(parse_cut(n), NG_OK);
		assert_int_equal(answer.id, 0xeeee); /* untouched */
	}
	assert_int_equal(parse(), NG_OK);
	make_octets(&maker, "x", 1);
	assert_int_equal(parse(), NG_E_FORMAT);
}

static void expect_rdata(unsigned int type, const void *packed, size_t n, const void *flat,
			 size_t flat_n)
{
	start(0x8180, 1, 0, 0);
	make_rr(&maker, "@", type, 30, packed, n);
	assert_int_equal(parse(), NG_OK);
	assert_int_equal(answer.rrs[0].rdlen, flat_n);
	assert_memory_equal(answer.rrs[0].rdata, flat, flat_n);
	/* One octet less, or one more, and it is malformed: the form leaves nothing open. */
	start(0x8180, 1, 0, 0);
	make_rr(&maker, "@", type, 30, packed, n - 1);
	assert_int_not_equal(parse(), NG_OK);
	uint8_t longer[256] = {0};
	memcpy(longer, packed, n);
	start(0x8180, 1, 0, 0);
	make_rr(&maker, "@", type, 30, longer, n + 1);
	assert_int_equal(parse(), NG_E_FORMAT);
}

#define EXAMPLE "\7Example\3com" /* with the literal's own NUL as the root */
#define LOWER   "\7example\3com" /* our question's random case is not handed on */

static void names_in_data_are_written_out(void **state)
{
	(void)state;
	static const unsigned int bare[] = {NG_TYPE_NS, 3, 4,           NG_TYPE_CNAME, 7,
					    8,          9, NG_TYPE_PTR, NG_TYPE_DNAME};
	for (size_t i = 0; i < COUNT(bare); i++) {
		expect_rdata(bare[i], "\1x\xc0\x10", 4, "\1x" LOWER, 15);
		expect_rdata(bare[i], EXAMPLE, 13, LOWER, 13);
	}
	static const unsigned int preferred[] = {NG_TYPE_MX, 18, 21, 36};
	for (size_t i = 0; i < COUNT(preferred); i++)
		expect_rdata(preferred[i], "\0\5\xc0\x10", 4, "\0\5" LOWER, 15);
	expect_rdata(NG_TYPE_SRV, "\0\1\0\2\1\xbb\xc0\x10", 8, "\0\1\0\2\1\xbb" LOWER, 19);
}

static void two_names_in_data(void **state)
{
	(void)state;
	uint8_t flat[64];
	memcpy(flat, LOWER, 13);
	memcpy(flat + 13, "\3com", 5);
	memcpy(flat + 18, "12345678901234567890", 20);
	expect_rdata(NG_TYPE_SOA,
		     "\xc0\x10\xc0\x18"
		     "12345678901234567890",
		     24, flat, 38);
	expect_rdata(14, "\xc0\x10\xc0\x18", 4, flat, 18);
	expect_rdata(17, "\xc0\x10\xc0\x18", 4, flat, 18);
	memmove(flat + 2, flat, 18);
	memcpy(flat, "\0\1", 2);
	expect_rdata(26, "\0\1\xc0\x10\xc0\x18", 6, flat, 20);
}

static void strings_before_a_name(void **state)
{
	(void)state;
	uint8_t flat[64];
	memcpy(flat, "\0\1\0\2\1u\3sip\0", 11);
	memcpy(flat + 11, LOWER, 13);
	expect_rdata(35, "\0\1\0\2\1u\3sip\0\xc0\x10", 13, flat, 24);
}

static void addresses_have_their_size(void **state)
{
	(void)state;
	expect_rdata(NG_TYPE_A, "1234", 4, "1234", 4);
	expect_rdata(NG_TYPE_AAAA, "0123456789abcdef", 16, "0123456789abcdef", 16);
	start(0x8180, 1, 0, 0);
	make_rr(&maker, "@", NG_TYPE_A, 30, "", 0);
	assert_int_equal(parse(), NG_E_FORMAT);
}

static void unknown_types_are_opaque(void **state)
{
	(void)state;
	start(0x8180, 2, 0, 0);
	make_rr(&maker, "@", 65280, 30, "\xc0\x0c\xc0\xff", 4);
	make_rr(&maker, "@", NG_TYPE_TXT, 30, "", 0);
	assert_int_equal(parse(), NG_OK);
	assert_int_equal(answer.rrs[0].rdlen, 4);
	assert_memory_equal(answer.rrs[0].rdata, "\xc0\x0c\xc0\xff", 4);
	assert_int_equal(answer.rrs[1].rdlen, 0);
	uint8_t large[60000] = {0};
	start(0x8180, 1, 0, 0);
	make_rr(&maker, "@", 65280, 30, large, sizeof(large));
	assert_int_equal(parse(), NG_OK);
	assert_int_equal(answer.rrs[0].rdlen, sizeof(large));
	start(0x8180, 1, 0, 0); /* a SIG, whose name is followed by anything */
	memcpy(large + 18, "\xc0\x0c", 2);
	make_rr(&maker, "@", 24, 30, large, sizeof(large));
	assert_int_equal(parse(), NG_OK);
	assert_int_equal(answer.rrs[0].rdlen, sizeof(large) + 15);
}

static void names_in_data_do_not_leave_it(void **state)
{
	(void)state;
	start(0x8180, 2, 0, 0);
	/* The label runs into the next record, whose owner would complete the name. */
	make_rr(&maker, "@", NG_TYPE_CNAME, 30, "\5a", 2);
	make_rr(&maker, "@", NG_TYPE_A, 30, "1234", 4);
	assert_int_equal(parse(), NG_E_FORMAT);
	start(0x8180, 1, 0, 0);
	size_t here = maker.n + 12;
	make_rr(&maker, "@", NG_TYPE_CNAME, 30, (uint8_t[]){0xc0, (uint8_t)here},
		2); /* a pointer to itself */
	assert_int_equal(parse(), NG_E_FORMAT);
	start(0x8180, 1, 0, 0);
	make_rr(&maker, "@", NG_TYPE_CNAME, 30,
		(uint8_t[]){0xc0, (uint8_t)(here + 2), 1, 'a', 0}, 5); /* forward, but inside */
	assert_int_equal(parse(), NG_E_FORMAT);
}

static void lying_counts(void **state)
{
	(void)state;
	for (int section = 0; section < 3; section++) {
		start(0x8180, section == 0 ? 2 : 0, section == 1 ? 2 : 0, section == 2 ? 2 : 0);
		make_rr(&maker, "@", NG_TYPE_A, 30, "1234", 4);
		assert_int_equal(parse(), NG_E_SHORT);
	}
	start(0x8180, 0, 0, 0); /* more records than the counts say */
	make_rr(&maker, "@", NG_TYPE_A, 30, "1234", 4);
	assert_int_equal(parse(), NG_E_FORMAT);
	start(0x8180, 1, 0, 0);
	make_u16(&maker, 0xc00c);
	make_octets(&maker,
		    "\0\1\0\1\0\0\0\1\xff\xff"
		    "1234",
		    14);
	assert_int_equal(parse(), NG_E_SHORT);
}

static void record_bound(void **state)
{
	(void)state;
	for (unsigned int n = NG_ANSWER_RRS_MAX; n <= NG_ANSWER_RRS_MAX + 1; n++) {
		start(0x8180, n, 0, 0);
		for (unsigned int i = 0; i < n; i++)
			make_rr(&maker, "@", NG_TYPE_A, 30, "1234", 4);
		assert_int_equal(parse(), n > NG_ANSWER_RRS_MAX ? NG_E_RANGE : NG_OK);
	}
	start(0x8180, 0xffff, 0xffff, 0xffff);
	assert_int_equal(parse(), NG_E_RANGE);
}

static void only_responses(void **state)
{
	(void)state;
	start(0x0180, 0, 0, 0);
	assert_int_equal(parse(), NG_E_FORMAT);
	start(0x8980, 0, 0, 0); /* opcode 1 */
	assert_int_equal(parse(), NG_E_FORMAT);
	make_header(&maker, 0x8180, 2, 0, 0, 0);
	make_question(&maker, "a", NG_TYPE_A);
	make_question(&maker, "b", NG_TYPE_A);
	assert_int_equal(parse(), NG_E_FORMAT);
	make_header(&maker, 0x8182, 0, 0, 0, 0);
	assert_int_equal(parse(), NG_OK);
	assert_false(answer.has_question);
	assert_int_equal(answer.rcode, NG_RCODE_SERVFAIL);
}

static void truncated_is_not_read_further(void **state)
{
	(void)state;
	start(0x8380, 5, 5, 5);
	make_octets(&maker, "\xc0\x0c\0", 3);
	assert_int_equal(parse(), NG_OK);
	assert_true(answer.truncated);
	assert_int_equal(answer.n, 0);
	assert_null(answer.soa);
}

static void negative_soa(void **state)
{
	(void)state;
	start(0x8183, 0, 3, 0);
	make_rr(&maker, "example.com", NG_TYPE_NS, 30, EXAMPLE, 13);
	make_rr(&maker, "Example.com", NG_TYPE_SOA, 77,
		"\0\0"
		"12345678901234567890",
		22);
	make_rr(&maker, "evil.example", NG_TYPE_SOA, 30,
		"\0\0"
		"12345678901234567890",
		22);
	assert_int_equal(parse(), NG_OK);
	struct ng_name want = name_of("example.com");
	assert_non_null(answer.soa);
	assert_true(ng_name_same(answer.soa->owner, &want));
	assert_int_equal(answer.soa->ttl, 77);
	assert_int_equal(answer.n, 0);
	start(0x8183, 0, 1, 0);
	make_rr(&maker, "@", NG_TYPE_SOA, 30, "\0\0short", 7);
	assert_int_not_equal(parse(), NG_OK);
}

static void other_classes_are_left_out(void **state)
{
	(void)state;
	start(0x8180, 2, 0, 0);
	make_octets(&maker,
		    "\xc0\x0c\0\1\0\3\0\0\0\1\0\4"
		    "1234",
		    16);
	make_rr(&maker, "@", NG_TYPE_A, 30, "5678", 4);
	assert_int_equal(parse(), NG_OK);
	assert_int_equal(answer.n, 1);
	assert_memory_equal(answer.rrs[0].rdata, "5678", 4);
}

static void owner_at(unsigned int pointer, unsigned int class, unsigned int last)
{
	make_u16(&maker, 0xc000 | pointer);
	make_u16(&maker, NG_TYPE_A);
	make_u16(&maker, class);
	make_u32(&maker, 30);
	make_u16(&maker, 4);
	make_u32(&maker, last);
}

/* The same pointer again is the same name, whatever came between, and another one is another. */
static void each_pointer_is_followed(void **state)
{
	static const char *owners[] = {"www.example.com", "www.example.com", "example.com",
				       "www.example.com", "other.example",   "www.example.com",
				       "www.example.com", "example.com"};
	const unsigned int www = NG_HEADER_LEN, example = NG_HEADER_LEN + 4;

	(void)state;
	start(0x8180, 9, 1, 1);
	owner_at(www, 3, 0); /* of a class that is left out */
	owner_at(www, NG_CLASS_IN, 1);
	owner_at(www, NG_CLASS_IN, 2);
	owner_at(example, NG_CLASS_IN, 3);
	owner_at(www, NG_CLASS_IN, 4);
	make_rr(&maker, "other.example", NG_TYPE_A, 30, "\0\0\0\5", 4);
	owner_at(www, NG_CLASS_IN, 6);
	make_rr(&maker, "WWW.example.com", NG_TYPE_A, 30, "\0\0\0\7", 4);
	owner_at(example, NG_CLASS_IN, 8);
	make_u16(&maker, 0xc000 | example);
	make_u16(&maker, NG_TYPE_SOA);
	make_u16(&maker, NG_CLASS_IN);
	make_u32(&maker, 30);
	make_u16(&maker, 22);
	make_octets(&maker, (uint8_t[22]){0}, 22);
	owner_at(example, NG_CLASS_IN, 9);
	assert_int_equal(parse(), NG_OK);
	assert_int_equal(answer.n, 8);
	for (unsigned int i = 0; i < 8; i++) {
		const struct ng_name owner = name_of(owners[i]);

		assert_true(ng_name_same(answer.rrs[i].owner, &owner));
		assert_int_equal(answer.rrs[i].rdata[3], i + 1);
	}
	assert_non_null(answer.soa);
	assert_true(ng_name_same(answer.soa->owner, answer.rrs[2].owner));
}

static void extended_rcodes(void **state)
{
	(void)state;
	start(0x8187, 0, 0, 1);
	make_opt(&maker, 1232, 0x01000000, "", 0);
	assert_int_equal(parse(), NG_OK);
	assert_int_equal(answer.rcode, 23);
	start(0x8187, 0, 0, 1);
	make_opt(&maker, 1232, 0x10000000, "", 0); /* above 255 */
	assert_int_equal(parse(), NG_E_FORMAT);
}

static void opt_in_its_place_and_once(void **state)
{
	(void)state;
	start(0x8180, 0, 0, 2);
	make_opt(&maker, 1232, 0, "", 0);
	make_opt(&maker, 1232, 0, "", 0);
	assert_int_equal(parse(), NG_E_FORMAT);
	start(0x8180, 1, 0, 0);
	make_opt(&maker, 1232, 0, "", 0);
	assert_int_equal(parse(), NG_E_FORMAT);
	start(0x8180, 0, 1, 0);
	make_opt(&maker, 1232, 0, "", 0);
	assert_int_equal(parse(), NG_E_FORMAT);
	start(0x8180, 0, 0, 1);
	make_rr(&maker, "x", NG_TYPE_OPT, 0, "", 0);
	assert_int_equal(parse(), NG_E_FORMAT);
}

/* Of several the first counts (RFC 7873 5.3); one of a wrong length spoils the message. */
static void cookies(void **state)
{
	(void)state;
	start(0x8180, 0, 0, 0);
	assert_int_equal(parse(), NG_OK);
	assert_true(!answer.edns && !answer.cookie);
	start(0x8180, 0, 0, 1);
	make_opt(&maker, 1232, 0, "", 0);
	assert_int_equal(parse(), NG_OK);
	assert_true(answer.edns && !answer.cookie);
	start(0x8180, 0, 0, 1);
	make_opt(&maker, 1232, 0,
		 "\0\3\0\1x\0\x0a\0\x10"
		 "0123456789abcdef"
		 "\0\x0a\0\x08"
		 "another!",
		 37);
	arena_reset(&arena);
	assert_int_equal(ng_answer_parse(maker.octets, maker.n, &arena, &answer), NG_OK);
	assert_int_equal(answer.cookie_len, 16);
	assert_memory_equal(answer.cookie, "0123456789abcdef", 16);
	start(0x8180, 0, 0, 1);
	make_opt(&maker, 1232, 0, "\0\x0a\0\1x", 5);
	assert_int_equal(parse(), NG_E_FORMAT);
}

static void memory_out(void **state)
{
	(void)state;
	struct arena small;
	start(0x8180, 1, 1, 0);
	make_rr(&maker, "@", NG_TYPE_CNAME, 30, EXAMPLE, 13);
	make_rr(&maker, "@", NG_TYPE_SOA, 30,
		"\0\0"
		"12345678901234567890",
		22);
	int error = NG_E_NOMEM;
	size_t limit = 0;
	for (; error == NG_E_NOMEM && limit < 4096; limit += 16) {
		arena_init(&small, limit);
		error = ng_answer_parse(maker.octets, maker.n, &small, &answer);
		arena_finish(&small);
	}
	assert_int_equal(error, NG_OK);
	assert_in_range(limit, 500, 4096);
}

static void matching(void **state)
{
	(void)state;
	struct ng_question asked = {.name = name_of("www.Example.com"), .type = 1, .class = 1};
	start(0x8180, 0, 0, 0);
	assert_int_equal(parse(), NG_OK);
	assert_true(ng_answer_matches(&answer, &asked));
	asked.type = NG_TYPE_AAAA;
	assert_false(ng_answer_matches(&answer, &asked));
	asked.type = NG_TYPE_A;
	asked.class = 3;
	assert_false(ng_answer_matches(&answer, &asked));
	asked.class = 1;
	asked.name = name_of("www.example.com"); /* the case counts */
	assert_false(ng_answer_matches(&answer, &asked));
	asked.name = name_of("www.Example.co");
	assert_false(ng_answer_matches(&answer, &asked));
	asked.name = answer.question.name;
	answer.has_question = false;
	assert_false(ng_answer_matches(&answer, &asked));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(cut_anywhere_fails),
		cmocka_unit_test(names_in_data_are_written_out),
		cmocka_unit_test(two_names_in_data),
		cmocka_unit_test(strings_before_a_name),
		cmocka_unit_test(addresses_have_their_size),
		cmocka_unit_test(unknown_types_are_opaque),
		cmocka_unit_test(names_in_data_do_not_leave_it),
		cmocka_unit_test(lying_counts),
		cmocka_unit_test(record_bound),
		cmocka_unit_test(only_responses),
		cmocka_unit_test(truncated_is_not_read_further),
		cmocka_unit_test(negative_soa),
		cmocka_unit_test(other_classes_are_left_out),
		cmocka_unit_test(each_pointer_is_followed),
		cmocka_unit_test(extended_rcodes),
		cmocka_unit_test(opt_in_its_place_and_once),
		cmocka_unit_test(cookies),
		cmocka_unit_test(memory_out),
		cmocka_unit_test(matching),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
