/* Zone text: records, their places, and what makes one record of several lines. */
#include "unit.h"

#include "dns/zone.h"
#include <namegate/message.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_with_their_places),
		cmocka_unit_test(the_soa_names_the_zone),
		cmocka_unit_test(faults_have_places_and_do_not_end_the_reading),
		cmocka_unit_test(an_open_parenthesis_swallows_the_rest_and_is_said),
		cmocka_unit_test(relative_owners_need_an_origin),
		cmocka_unit_test(long_records_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
