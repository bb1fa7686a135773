/* Zone text: records, their places, and what makes one record of several lines. */
#include "unit.h"

#include "zone_twice.h"

#include "dns/zone_plain.h"
#include <namegate/message.h>

#define ROUNDS     4000 /* generated zones */
#define LINES      12   /* of one */
#define ZONE_ROOM  8192
#define OWNER_ROOM 300

struct walk {
	struct ng_diags diags;
	struct zone_reader *reader;
	struct zone_record record;
	char *text;
};

static void walk_begin(struct walk *walk, const char *text, const char *origin)
{
	size_t len = strlen(text);
	walk->text = exact(text, len);
	ng_diags_init(&walk->diags);
	assert_int_equal(
		zone_reader_create("z", walk->text, len, origin, &walk->diags, &walk->reader),
		NG_OK);
}

static void walk_end(struct walk *walk)
{
	zone_reader_destroy(walk->reader);
	ng_diags_finish(&walk->diags);
	free(walk->text);
}

static void expect_record(struct walk *walk, const char *owner, uint16_t type, uint32_t ttl,
			  uint32_t line, uint32_t column)
{
	char text[NG_NAME_TEXT_MAX];
	assert_int_equal(zone_next(walk->reader, &walk->record), NG_OK);
	assert_string_equal(ng_name_to_text(&walk->record.owner, text), owner);
	assert_int_equal(walk->record.type, type);
	assert_int_equal(walk->record.ttl, ttl);
	assert_int_equal(walk->record.place.line, line);
	assert_int_equal(walk->record.place.column, column);
}

static void records_come_with_their_places(void **state)
{
	(void)state;
	struct walk walk;
	walk_begin(&walk,
		   "; a zone\n$ORIGIN example.\n$TTL 1h\n"
		   "@ IN SOA ns root ( 1 ; serial\n  2 3 4 5 )\n  NS ns\n\n"
		   "a 60 A 192.0.2.1 ; one\r\n\t  A 192.0.2.2\n"
		   "$ORIGIN sub\nb TXT \"a;(b\" c\nc.other.example. IN 5 CNAME .\n",
		   NULL);
	expect_record(&walk, "example", NG_TYPE_SOA, 3600, 4, 1);
	assert_int_equal(walk.record.data.line, 5);
	assert_int_equal(walk.record.data.column, 9);
	expect_record(&walk, "example", NG_TYPE_NS, 3600, 6, 3);
	expect_record(&walk, "a.example", NG_TYPE_A, 60, 8, 1);
	assert_int_equal(walk.record.rdlen, 4);
	assert_memory_equal(walk.record.rdata, "\xc0\x00\x02\x01", 4);
	assert_int_equal(walk.record.data.column, 8);
	expect_record(&walk, "a.example", NG_TYPE_A, 3600, 9, 4);
	expect_record(&walk, "b.sub.example", NG_TYPE_TXT, 3600, 11, 1);
	assert_memory_equal(walk.record.rdata,
			    "\x04"
			    "a;(b\x01"
			    "c",
			    7);
	expect_record(&walk, "c.other.example", NG_TYPE_CNAME, 5, 12, 1);
	assert_int_equal(walk.record.rdlen, 1);
	assert_int_equal(zone_next(walk.reader, &walk.record), NG_E_NOTFOUND);
	assert_int_equal(zone_next(walk.reader, &walk.record), NG_E_NOTFOUND);
	assert_int_equal(walk.diags.n, 0);
	walk_end(&walk);
}

static void the_soa_names_the_zone(void **state)
{
	(void)state;
	struct walk walk;
	walk_begin(&walk, "Z.Example. 5 SOA . . 1 2 3 4 5\n 5 NS .\nx 5 A 192.0.2.1\n", NULL);
	assert_null(zone_origin(walk.reader));
	expect_record(&walk, "Z.Example", NG_TYPE_SOA, 5, 1, 1);
	char text[NG_NAME_TEXT_MAX];
	assert_string_equal(ng_name_to_text(zone_origin(walk.reader), text), "z.example");
	expect_record(&walk, "Z.Example", NG_TYPE_NS, 5, 2, 2);
	expect_record(&walk, "x.Z.Example", NG_TYPE_A, 5, 3, 1);
	assert_int_equal(zone_next(walk.reader, &walk.record), NG_E_NOTFOUND);
	assert_int_equal(walk.diags.n, 0);
	walk_end(&walk);
}

static void faults_have_places_and_do_not_end_the_reading(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"a A 192.0.2.300", "zone-record"},
		{"a A", "zone-record"},
		{"a NOSUCHTYPE x", "zone-record"},
		{"a TXT \"open", "zone-syntax"},
		{"a TXT ) x", "zone-syntax"},
		{"$TTL soon", "zone-ttl"},
		{"$TTL", "zone-directive"},
		{"$TTL 5 6", "zone-directive"},
		{"$ORIGIN a..b", "zone-origin"},
		{"$GENERATE 1-2 a$ A 192.0.2.$", "zone-directive"},
		{"$include x", "zone-directive"},
		{"a.example.org. A 192.0.2.1", "zone-outside"},
		{"a HS A 192.0.2.1", "zone-class"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct walk walk;
		char text[256];
		snprintf(text, sizeof(text), "$TTL 5\n%s\nlast A 192.0.2.1\n", cases[i][0]);
		walk_begin(&walk, text, "example");
		assert_int_equal(zone_next(walk.reader, &walk.record), NG_E_SYNTAX);
		assert_int_equal(walk.diags.n, 1);
		assert_string_equal(walk.diags.items[0].code, cases[i][1]);
		assert_int_equal(walk.diags.items[0].line, 2);
		expect_record(&walk, "last.example", NG_TYPE_A, 5, 3, 1);
		walk_end(&walk);
	}
}

static void an_open_parenthesis_swallows_the_rest_and_is_said(void **state)
{
	(void)state;
	struct walk walk;
	walk_begin(&walk, "a SOA . . ( 1 2\nb A 192.0.2.1\n", "example");
	assert_int_equal(zone_next(walk.reader, &walk.record), NG_E_SYNTAX);
	assert_string_equal(walk.diags.items[0].code, "zone-syntax");
	assert_int_equal(zone_next(walk.reader, &walk.record), NG_E_NOTFOUND);
	walk_end(&walk);
}

static void relative_owners_need_an_origin(void **state)
{
	(void)state;
	static const char *const texts[] = {"a 5 A 192.0.2.1\n", "@ 5 A 192.0.2.1\n",
					    " 5 A 192.0.2.1\n", "a\\. 5 A 192.0.2.1\n",
					    "$ORIGIN a\n"};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct walk walk;
		walk_begin(&walk, texts[i], NULL);
		assert_int_equal(zone_next(walk.reader, &walk.record), NG_E_SYNTAX);
		assert_string_equal(walk.diags.items[0].code, "zone-origin");
		walk_end(&walk);
	}
}

static void long_records_are_refused(void **state)
{
	(void)state;
	struct walk walk;
	char *text = malloc(100000);
	assert_non_null(text);
	memset(text, 'a', 99998);
	strcpy(text + 99990, "\n");
	walk_begin(&walk, text, "example");
	assert_int_equal(zone_next(walk.reader, &walk.record), NG_E_SYNTAX);
	assert_int_equal(zone_next(walk.reader, &walk.record), NG_E_NOTFOUND);
	walk_end(&walk);
	free(text);
}

/* ---- the direct reading against ldns ---- */

static void expect_same(const char *text, size_t len, const char *origin)
{
	char *copy = exact(text, len);
	const char *differ = zone_twice(copy, len, origin);
	if (differ != NULL)
		fail_msg("%s, origin %s, in:\n%.*s", differ, origin ? origin : "none", (int)len,
			 text);
	free(copy);
}

static bool is_plain(const char *line)
{
	struct zone_plain plain;
	char *copy = exact(line, strlen(line));
	bool is = zone_plain_read(copy, strlen(line), (const uint8_t *)"\1z", 3, &plain);
	free(copy);
	return is;
}

static void plain_lines_are_read_without_ldns(void **state)
{
	(void)state;
	static const char *const plain[] = {"a CNAME .",
					    "a CNAME .\n",
					    "a.b. CNAME rpz-passthru.\n",
					    "*.a 5 CNAME *.\r\n",
					    "a\tIN\tcname\tb.c.\n",
					    "_443._tcp.a 060 in CNAME ab ; x",
					    "A.b CNAME . ; \"(\n",
					    "CNAME CNAME CNAME.;\n",
					    "5 5 IN CNAME 5.\n"};
	static const char *const other[] = {"",
					    "\n",
					    " CNAME .",
					    "; a CNAME .",
					    "@ CNAME .",
					    "a CNAME @",
					    "a CNAME b",
					    "a CNAME",
					    "a CNAME ",
					    "a CNAME \n.",
					    "a CNAME . x",
					    "a CNAME .x",
					    "a CNAME ..",
					    "a..b CNAME .",
					    ".a CNAME .",
					    "a IN 5 CNAME .",
					    "a 1h CNAME .",
					    "a 1234567890 CNAME .",
					    "a CH CNAME .",
					    "a CNAME (.)",
					    "a\\. CNAME .",
					    "\"a\" CNAME .",
					    "a CNAMEX .",
					    "a INCNAME .",
					    "a A 192.0.2.1",
					    "\xc3\xa4 CNAME .",
					    "a;b CNAME ."};
	for (size_t i = 0; i < COUNT(plain); i++) {
		assert_true(is_plain(plain[i]));
		expect_same(plain[i], strlen(plain[i]), "z");
	}
	for (size_t i = 0; i < COUNT(other); i++) {
		assert_false(is_plain(other[i]));
		expect_same(other[i], strlen(other[i]), "z");
	}
}

/* Random enough, and the same in every run. */
static uint32_t draw(uint32_t below)
{
	static uint64_t seed = 0x9e3779b97f4a7c15u;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(((seed >> 32) * below) >> 32);
}

static const char *one_of(const char *const *words, size_t n)
{
	return words[draw((uint32_t)n)];
}

/* Labels of any length up to one too many; some names are too long. */
static const char *any_name(char out[OWNER_ROOM])
{
	size_t n = 0, labels = 1 + draw(4), long_ones = draw(8) == 0 ? 4 : 0;
	for (size_t i = 0; i < labels + long_ones; i++) {
		size_t length = i < labels ? 1 + draw(9) : 58 + draw(7);
		for (; length > 0 && n < OWNER_ROOM - 3; length--)
			out[n++] = "abcxyzABC019-_*"[draw(15)];
		out[n++] = '.';
		if (n >= OWNER_ROOM - 3)
			break;
	}
	n -= draw(2);
	out[n] = '\0';
	return out;
}

/* A line of the words that records are made of, most in the right order. */
static size_t any_line(char *out, size_t room)
{
	static const char *const owners[] = {
		"@",    "",        "a..b",           ".",  "a\\.b", "a\\046b.", "\"q\"",
		"$TTL", "$ORIGIN", "\xc3\xa4",       "(",  ";",     "a@b",      "IN",
		"5",    "CNAME",   "other.example.", "a/b"};
	static const char *const ttls[] = {"",           "",   "5",    "0",
					   "007",        "1h", "3600", "2147483647",
					   "4294967296", "-5", "IN 5", "5x"};
	static const char *const classes[] = {"", "", "IN", "in", "CH", "CLASS1", "IN IN"};
	static const char *const types[] = {"CNAME",   "CNAME",  "CNAME",  "CNAME", "cname",
					    "CNAME (", "TYPE5",  "A",      "NS",    "DNAME",
					    "SOA",     "CNAMES", "CNAME\\"};
	static const char *const targets[] = {
		".",     ".",   "*.",  "rpz-passthru.", "@",     "a",         "*",
		"",      "..",  ".x",  "a b",           "\"a\"", "192.0.2.1", "x\\.",
		"( . )", ".\\", "x )", "a. . 1 2 3 4 5"};
	static const char *const gaps[] = {" ", " ", "\t", "  ", " \t ", "\r "};
	static const char *const ends[] = {"\n",     "\n",   "\n",   "\r\n", " \n",
					   " ; c\n", ";c\n", "\n\n", "",     " ( \n ) \n"};
	char owner[OWNER_ROOM], target[OWNER_ROOM];
	int n = snprintf(
		out, room, "%s%s%s%s%s%s%s%s%s%s",
		draw(5) ? any_name(owner) : one_of(owners, COUNT(owners)),
		one_of(gaps, COUNT(gaps)), one_of(ttls, draw(3) ? 4 : COUNT(ttls)),
		one_of(gaps, COUNT(gaps)), one_of(classes, draw(3) ? 4 : COUNT(classes)),
		one_of(gaps, COUNT(gaps)), one_of(types, draw(3) ? 5 : COUNT(types)),
		one_of(gaps, COUNT(gaps)),
		draw(2) ? any_name(target) : one_of(targets, draw(3) ? 5 : COUNT(targets)),
		one_of(ends, draw(3) ? 7 : COUNT(ends)));
	assert_true(n > 0 && (size_t)n < room);
	return (size_t)n;
}

static void generated_zones_are_read_as_ldns_reads_them(void **state)
{
	(void)state;
	static const char *const origins[] = {NULL, "z", "rpz.example", "."};
	static const char *const heads[] = {"",
					    "$TTL 60\n",
					    "$TTL 0\n",
					    "$ORIGIN sub.z.\n",
					    "\xef\xbb\xbf",
					    "@ SOA a. b. 1 2 3 4 5\n",
					    "z. 5 SOA a. b. 1 2 3 4 5\n@ NS .\n"};
	char text[ZONE_ROOM];
	for (int round = 0; round < ROUNDS; round++) {
		size_t n = (size_t)sprintf(text, "%s", one_of(heads, COUNT(heads)));
		for (uint32_t i = draw(LINES); i > 0; i--)
			n += any_line(text + n, 2 * OWNER_ROOM + 80);
		if (draw(4) == 0 && n > 0) /* one octet is another */
			text[draw((uint32_t)n)] = "\0\n\\\"();. \t\xff"[draw(11)];
		expect_same(text, n, one_of(origins, COUNT(origins)));
	}
}

/* Names and lines around every bound that there is. */
static void names_at_their_bounds_are_read_as_ldns_reads_them(void **state)
{
	(void)state;
	char text[ZONE_ROOM], name[OWNER_ROOM * 2];
	for (size_t len = 1; len < 270; len++) {
		for (size_t label = 1; label < 66; label += label == 1 ? 60 : 1) {
			for (size_t i = 0; i < len; i++)
				name[i] = i % (label + 1) == label ? '.' : 'a';
			name[len] = '\0';
			size_t n =
				(size_t)sprintf(text, "%s CNAME .\n%s. CNAME %s.\nb CNAME %s\n",
						name, name, name, name);
			expect_same(text, n, ".");
			expect_same(text, n, "a.a");
			expect_same(text, n, NULL);
		}
	}
	for (size_t gap = 900; gap < 1100; gap++) {
		size_t n = (size_t)sprintf(text, "a%*sCNAME%*s.%*s;\nb CNAME .", (int)gap / 3,
					   "", (int)gap / 3, "", (int)gap / 3, "");
		expect_same(text, n, "z");
	}
}

/* Each line of the lists that users have, as the owner of a record and as a line of its own. */
static void real_names_are_read_as_ldns_reads_them(void **state)
{
	(void)state;
	static const char *const names[] = {"azure-devops.txt",
					    "azure-package-managers.txt",
					    "claude-code-web-default.txt",
					    "codex-common-dependencies.txt",
					    "github-actions-self-hosted.txt",
					    "github-copilot-agent.txt"};
	const char *top = getenv("srcdir");
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[4096], line[1024], text[2 * sizeof(line) + 80];
		snprintf(path, sizeof(path), "%s/tests/lists/real/%s", top != NULL ? top : "..",
			 names[i]);
		FILE *file = fopen(path, "r");
		assert_non_null(file);
		while (fgets(line, sizeof(line), file) != NULL) {
			size_t n = strcspn(line, "\n");
			n = (size_t)snprintf(text, sizeof(text),
					     "%.*s CNAME rpz-passthru.\n%sb 5 IN CNAME .\n",
					     (int)n, line, line);
			expect_same(text, n, "z");
		}
		fclose(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_with_their_places),
		cmocka_unit_test(the_soa_names_the_zone),
		cmocka_unit_test(faults_have_places_and_do_not_end_the_reading),
		cmocka_unit_test(an_open_parenthesis_swallows_the_rest_and_is_said),
		cmocka_unit_test(relative_owners_need_an_origin),
		cmocka_unit_test(long_records_are_refused),
		cmocka_unit_test(plain_lines_are_read_without_ldns),
		cmocka_unit_test(generated_zones_are_read_as_ldns_reads_them),
		cmocka_unit_test(names_at_their_bounds_are_read_as_ldns_reads_them),
		cmocka_unit_test(real_names_are_read_as_ldns_reads_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
