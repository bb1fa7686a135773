/* Names: text, wire and compressed forms at every border, and comparison by wire labels. */
#include "message_maker.h"

#define LABEL63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define THREE63 LABEL63 "." LABEL63 "." LABEL63 "."

static int from_text(const char *text, struct ng_name *out)
{
	size_t n = strlen(text);
	char *copy = exact(text, n);
	int error = ng_name_from_text(copy, n, out);
	free(copy);
	return error;
}

static void text_to_wire(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wire;
		size_t n;
	} cases[] = {
		{".", "", 1},
		{"com", "\3com", 5},
		{"com.", "\3com", 5},
		{"a.B", "\1a\1B", 5},
		{"a\\.b", "\3a.b", 5},
		{"\\000\\255", "\2\0\xff", 4},
		{"\\\\\\@", "\2\\@", 4},
		{"*.x", "\1*\1x", 5},
		{"_443._tcp", "\4_443\4_tcp", 11},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ng_name name;
		if (from_text(cases[i].text, &name) != NG_OK || name.len != cases[i].n)
			fail_msg("%s", cases[i].text);
		assert_memory_equal(name.wire, cases[i].wire, cases[i].n);
	}
}

static void bad_text(void **state)
{
	(void)state;
	static const char *const texts[] = {"",        "..",   ".a",       "a..b",  "a..",
					    "a\\",     "a\\2", "a\\25",    "\\256", "\\2a5",
					    "a b",     "a\tb", "\xc3\xbc", "a\x7f", "\\\n",
					    "a\\\xc3", "\\1"};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct ng_name name = {.len = 77};
		if (from_text(texts[i], &name) != NG_E_FORMAT)
			fail_msg("case %zu passed", i);
		assert_int_equal(name.len, 77);
	}
	struct ng_name name;
	assert_int_equal(ng_name_from_text("a\0b", 3, &name), NG_E_FORMAT);
}

static void text_length_borders(void **state)
{
	(void)state;
	struct ng_name name;
	char text[400];
	assert_int_equal(from_text(LABEL63, &name), NG_OK);
	assert_int_equal(name.len, 65);
	assert_int_equal(from_text(LABEL63 "a", &name), NG_E_RANGE);
	assert_int_equal(from_text(LABEL63 "\\097", &name), NG_E_RANGE);
	for (int last = 60; last <= 63; last++) { /* the whole: 192 + 1 + last + 1 */
		snprintf(text, sizeof(text), "%s%.*s", THREE63, last, LABEL63);
		assert_int_equal(from_text(text, &name), last <= 61 ? NG_OK : NG_E_RANGE);
		if (last <= 61)
			assert_int_equal(name.len, 194 + last);
		strcat(text, ".");
		assert_int_equal(from_text(text, &name), last <= 61 ? NG_OK : NG_E_RANGE);
	}
	for (size_t i = 0; i < 127; i++)
		memcpy(text + 2 * i, "a.", 3);
	assert_int_equal(from_text(text, &name), NG_OK);
	assert_int_equal(ng_name_labels(&name), 127);
	strcat(text, "b");
	assert_int_equal(from_text(text, &name), NG_E_RANGE);
}

static void every_octet_round_trips_in_text(void **state)
{
	(void)state;
	for (unsigned int octet = 0; octet < 256; octet++) {
		struct ng_name name = {.len = 5, .wire = {3, 'x', (uint8_t)octet, 'y', 0}},
			       again;
		char buf[NG_NAME_TEXT_MAX];
		ng_name_to_text(&name, buf);
		assert_int_equal(from_text(buf, &again), NG_OK);
		assert_true(ng_name_same(&name, &again));
	}
}

static void longest_text_fits(void **state)
{
	(void)state;
	struct ng_name name = {.len = 255}, again;
	for (size_t i = 0; i < 254; i++)
		name.wire[i] = i % 64 ? 0xff : (uint8_t)(i < 192 ? 63 : 61);
	char *buf = malloc(NG_NAME_TEXT_MAX);
	ng_name_to_text(&name, buf);
	assert_int_equal(strlen(buf), 4 * 250 + 3);
	assert_int_equal(from_text(buf, &again), NG_OK);
	assert_true(ng_name_same(&name, &again));
	free(buf);
	char root[NG_NAME_TEXT_MAX];
	assert_string_equal(ng_name_to_text(&(struct ng_name){.len = 1}, root), ".");
	assert_string_equal(ng_name_to_text(&(struct ng_name){0}, root), "");
}

static int from_wire(const void *wire, size_t n, struct ng_name *out)
{
	uint8_t *copy = exact(wire, n);
	int error = ng_name_from_wire(copy, n, out);
	free(copy);
	return error;
}

static void wire_cut_anywhere_is_short(void **state)
{
	(void)state;
	const uint8_t wire[] = "\3www\7example\3com";
	struct ng_name name = {.len = 77};
	for (size_t n = 0; n < sizeof(wire); n++) {
		assert_int_equal(from_wire(wire, n, &name), NG_E_SHORT);
		assert_int_equal(name.len, 77);
	}
	assert_int_equal(from_wire(wire, sizeof(wire), &name), NG_OK);
	assert_int_equal(name.len, sizeof(wire));
	assert_int_equal(from_wire("\0tail", 5, &name), NG_OK);
	assert_int_equal(name.len, 1);
}

static void wire_label_types(void **state)
{
	(void)state;
	uint8_t wire[300] = {0};
	struct ng_name name;
	for (unsigned int length = 62; length < 256; length++) {
		wire[0] = (uint8_t)length;
		assert_int_equal(from_wire(wire, sizeof(wire), &name),
				 length <= 63 ? NG_OK : NG_E_FORMAT);
	}
}

/* A wire name of n octets in all, of 63-octet labels and a rest. */
static size_t wire_fill(uint8_t *wire, size_t n)
{
	size_t at = 0;
	while (n - at > 1) {
		size_t label = n - at - 2 < 63 ? n - at - 2 : 63;
		if (n - at - 1 - label - 1 == 1) /* no room for a label of none */
			label--;
		wire[at] = (uint8_t)label;
		memset(wire + at + 1, 'a', label);
		at += 1 + label;
	}
	wire[at++] = 0;
	return at;
}

static void wire_length_borders(void **state)
{
	(void)state;
	for (size_t n = 250; n < 260; n++) {
		uint8_t wire[300];
		struct ng_name name;
		assert_int_equal(wire_fill(wire, n), n);
		assert_int_equal(from_wire(wire, n, &name), n <= 255 ? NG_OK : NG_E_RANGE);
		if (n <= 255)
			assert_int_equal(name.len, n);
	}
}

/* ---- compressed ---- */

static int unpack(const void *message, size_t len, size_t *pos, struct ng_name *out)
{
	uint8_t *copy = exact(message, len);
	int error = ng_name_unpack(copy, len, pos, out);
	free(copy);
	return error;
}

static void unpacks_back_pointers(void **state)
{
	(void)state;
	const uint8_t message[] = "hhhhhhhhhhhh"
				  "\7example\3com\0"
				  "\3www\xc0\x0c"
				  "\xc0\x19"
				  "!";
	struct ng_name name, want = name_of("www.example.com");
	size_t pos = 25;
	assert_int_equal(unpack(message, sizeof(message), &pos, &name), NG_OK);
	assert_true(ng_name_same(&name, &want));
	assert_int_equal(pos, 31);
	assert_int_equal(unpack(message, sizeof(message), &pos, &name), NG_OK);
	assert_true(ng_name_same(&name, &want)); /* a pointer to a name with a pointer */
	assert_int_equal(pos, 33);
	pos = 12;
	assert_int_equal(unpack(message, sizeof(message), &pos, &name), NG_OK);
	assert_int_equal(pos, 25);
}

static void refuses_pointers_that_do_not_go_back(void **state)
{
	(void)state;
	static const struct {
		const char *what, *message;
		size_t n, pos;
	} cases[] = {
		{"self", "hhhhhhhhhhhh\xc0\x0c", 14, 12},
		{"own label", "hhhhhhhhhhhh\1a\xc0\x0c", 16, 12},
		{"into own label", "hhhhhhhhhhhh\2\1a\xc0\x0d\0", 18, 12},
		{"forward", "hhhhhhhhhhhh\xc0\x0e\1a", 17, 12},
		{"pair", "hhhhhhhhhhhh\xc0\x0e\xc0\x0c", 16, 14},
		{"past the end", "hhhhhhhhhhhh\xc0\xff", 14, 12},
		{"header", "hhhhhhhhhhh\0\xc0\x0b", 14, 12},
		{"header start", "\0hhhhhhhhhhh\1a\xc0\x00", 16, 12},
		{"type 01",
		 "hhhhhhhhhhhh\x40"
		 "a",
		 14, 12},
		{"type 10",
		 "hhhhhhhhhhhh\x80"
		 "a",
		 14, 12},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ng_name name = {.len = 77};
		size_t pos = cases[i].pos;
		if (unpack(cases[i].message, cases[i].n, &pos, &name) != NG_E_FORMAT)
			fail_msg("%s", cases[i].what);
		assert_int_equal(pos, cases[i].pos);
		assert_int_equal(name.len, 77);
	}
}

static void unpack_cut_anywhere_is_short(void **state)
{
	(void)state;
	const uint8_t message[] = "hhhhhhhhhhhh"
				  "\3com\0"
				  "\3www\xc0\x0c";
	size_t whole = sizeof(message) - 1;
	for (size_t n = 0; n < whole; n++) {
		struct ng_name name;
		size_t pos = 17;
		assert_int_equal(unpack(message, n, &pos, &name), NG_E_SHORT);
		assert_int_equal(pos, 17);
	}
	struct ng_name name;
	size_t pos = SIZE_MAX;
	assert_int_equal(unpack(message, whole, &pos, &name), NG_E_SHORT);
}

static void pointers_do_not_pass_255(void **state)
{
	(void)state;
	for (size_t suffix = 190; suffix <= 193; suffix++) {
		struct maker maker = {.n = 12};
		struct ng_name name;
		maker.n += wire_fill(maker.octets + 12, suffix);
		size_t start = maker.n, pos = start;
		make_octets(&maker, "\x3e" LABEL63,
			    63); /* one label of 62, its length with it */
		make_u16(&maker, 0xc00c);
		int error = unpack(maker.octets, maker.n, &pos, &name);
		assert_int_equal(error, suffix + 63 <= 255 ? NG_OK : NG_E_RANGE);
		assert_int_equal(pos, error ? start : maker.n);
	}
}

static void ladders_of_pointers_are_bounded(void **state)
{
	(void)state;
	for (unsigned int rungs = 127; rungs <= 129; rungs++) {
		struct maker maker = {.n = 12};
		struct ng_name name;
		make_octets(&maker, "\1a", 3);
		size_t to = 12;
		for (unsigned int i = 0; i < rungs; i++) {
			size_t here = maker.n;
			make_u16(&maker, 0xc000u | (unsigned int)to);
			to = here;
		}
		size_t pos = to;
		assert_int_equal(unpack(maker.octets, maker.n, &pos, &name),
				 rungs <= 128 ? NG_OK : NG_E_FORMAT);
	}
}

/* ---- comparison ---- */

static void case_folds_ascii_alone(void **state)
{
	(void)state;
	for (unsigned int a = 0; a < 256; a++) {
		for (unsigned int b = 0; b < 256; b++) {
			/* The octet stands in a block of eight and in the rest. */
			struct ng_name x = {.len = 13, .wire = {11, 1, 2, (uint8_t)a}};
			struct ng_name y = {.len = 13, .wire = {11, 1, 2, (uint8_t)b}};
			x.wire[10] = (uint8_t)a;
			y.wire[10] = (uint8_t)b;
			bool letter = (a | 0x20) >= 'a' && (a | 0x20) <= 'z';
			bool want = a == b || (letter && (a ^ b) == 0x20);
			if (ng_name_equal(&x, &y) != want)
				fail_msg("%u and %u", a, b);
			assert_int_equal(ng_name_same(&x, &y), a == b);
		}
	}
}

static void lower(void **state)
{
	(void)state;
	struct ng_name name = name_of("WwW.EXAMPLE-9.\\065\\200[@`{.Z"), want;
	struct ng_name expected = name_of("www.example-9.a\\200[@`{.z");
	want = name;
	ng_name_lower(&name);
	assert_true(ng_name_same(&name, &expected));
	assert_true(ng_name_equal(&name, &want));
	assert_false(ng_name_same(&name, &want));
	struct ng_name full = {.len = 255};
	for (size_t i = 0; i < 254; i++)
		full.wire[i] = i % 64 ? 'Q' : (uint8_t)(i < 192 ? 63 : 61);
	ng_name_lower(&full);
	for (size_t i = 0; i < 254; i++)
		assert_int_equal(full.wire[i], i % 64 ? 'q' : (i < 192 ? 63 : 61));
}

/* Of every length, and not an octet beyond. */
static void lowered_copies(void **state)
{
	struct ng_name name, copy, out;
	(void)state;

	for (size_t len = 1; len <= NG_NAME_MAX; len++) {
		memset(&out, 0xee, sizeof(out));
		name.len = (uint8_t)len;
		for (size_t i = 0; i < len; i++)
			name.wire[i] = (uint8_t)('@' + (i * 7 + len) % 29);
		copy = name;
		ng_name_lowered(&name, &out);
		ng_name_lower(&copy);
		assert_int_equal(out.len, len);
		assert_memory_equal(out.wire, copy.wire, len);
		for (size_t i = 0; i < len; i++) {
			bool capital = name.wire[i] >= 'A' && name.wire[i] <= 'Z';

			assert_int_equal(out.wire[i], name.wire[i] + (capital ? 32 : 0));
		}
		for (size_t i = len; i < sizeof(out.wire); i++)
			assert_int_equal(out.wire[i], 0xee);
	}
}

static void within_goes_by_labels(void **state)
{
	(void)state;
	static const struct {
		const char *name, *ancestor;
		bool yes;
	} cases[] = {
		{"x.com", "x.com", true},
		{"a.b.X.com", "x.COM", true},
		{"evilx.com", "x.com", false},
		{"x.com.evil.net", "x.com", false},
		{"com", "x.com", false},
		{"anything", ".", true},
		{".", ".", true},
		{".", "com", false},
		{"a\\.x.com", "x.com", false},
		{"\\003com.a", "com.a", false},
		{"\\001x\\003com", "x.com", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ng_name a = name_of(cases[i].name), b = name_of(cases[i].ancestor);
		if (ng_name_within(&a, &b) != cases[i].yes)
			fail_msg("%s within %s", cases[i].name, cases[i].ancestor);
	}
	struct ng_name root = name_of("."), none = {0};
	assert_false(ng_name_within(&root, &none));
	assert_false(ng_name_within(&none, &root));
}

static void a_dot_in_a_label_is_no_dot(void **state)
{
	(void)state;
	struct ng_name two = name_of("pypi.org"), one = name_of("pypi\\.org");
	struct ng_name nul = name_of("pypi.org\\000.evil"), cut = name_of("pypi.org");
	assert_false(ng_name_equal(&two, &one));
	assert_false(ng_name_equal(&nul, &cut));
	assert_int_equal(ng_name_labels(&one), 1);
}

static void parents(void **state)
{
	(void)state;
	struct ng_name name = name_of("a.bc.def"), want = name_of("bc.def");
	assert_int_equal(ng_name_labels(&name), 3);
	assert_true(ng_name_parent(&name));
	assert_true(ng_name_same(&name, &want));
	assert_true(ng_name_parent(&name));
	assert_true(ng_name_parent(&name));
	assert_int_equal(name.len, 1);
	assert_int_equal(ng_name_labels(&name), 0);
	assert_false(ng_name_parent(&name));
	assert_int_equal(name.len, 1);
	struct ng_name none = {0};
	assert_false(ng_name_parent(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_to_wire),
		cmocka_unit_test(bad_text),
		cmocka_unit_test(text_length_borders),
		cmocka_unit_test(every_octet_round_trips_in_text),
		cmocka_unit_test(longest_text_fits),
		cmocka_unit_test(wire_cut_anywhere_is_short),
		cmocka_unit_test(wire_label_types),
		cmocka_unit_test(wire_length_borders),
		cmocka_unit_test(unpacks_back_pointers),
		cmocka_unit_test(refuses_pointers_that_do_not_go_back),
		cmocka_unit_test(unpack_cut_anywhere_is_short),
		cmocka_unit_test(pointers_do_not_pass_255),
		cmocka_unit_test(ladders_of_pointers_are_bounded),
		cmocka_unit_test(case_folds_ascii_alone),
		cmocka_unit_test(lower),
		cmocka_unit_test(lowered_copies),
		cmocka_unit_test(within_goes_by_labels),
		cmocka_unit_test(a_dot_in_a_label_is_no_dot),
		cmocka_unit_test(parents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
