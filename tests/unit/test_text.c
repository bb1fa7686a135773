/* Mnemonics: each type reads back what it prints, and only exact forms are read. */
#include "unit.h"

#include <namegate/message.h>

static void every_type_round_trips(void **state)
{
	(void)state;
	for (unsigned int type = 0; type <= UINT16_MAX; type++) {
		char buf[16];
		uint16_t again = 0;
		assert_int_equal(ng_type_parse(ng_type_text((uint16_t)type, buf), &again),
				 NG_OK);
		assert_int_equal(again, type);
	}
}

static void known_types(void **state)
{
	(void)state;
	char buf[16];
	assert_string_equal(ng_type_text(NG_TYPE_A, buf), "A");
	assert_string_equal(ng_type_text(NG_TYPE_AAAA, buf), "AAAA");
	assert_string_equal(ng_type_text(NG_TYPE_HTTPS, buf), "HTTPS");
	assert_string_equal(ng_type_text(NG_TYPE_ANY, buf), "ANY");
	assert_string_equal(ng_type_text(65280, buf), "TYPE65280");
	uint16_t type = 0;
	assert_int_equal(ng_type_parse("aAaA", &type), NG_OK);
	assert_int_equal(type, NG_TYPE_AAAA);
	assert_int_equal(ng_type_parse("type28", &type), NG_OK);
	assert_int_equal(type, NG_TYPE_AAAA);
	assert_int_equal(ng_type_parse("TYPE0", &type), NG_OK);
	assert_int_equal(type, 0);
}

static void unknown_texts(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",          "AA",         "AAAAA",     "TYPE",   "TYPE-1",
		"TYPE65536", "TYPE028",    "TYPE99999", "TYPE1x", "TYPE000000",
		"A ",        "TYPE655360", "TYPE00",    " A",     "TYPE4294967297"};
	for (size_t i = 0; i < COUNT(texts); i++) {
		uint16_t type = 77;
		char *copy = exact(texts[i], strlen(texts[i]) + 1);
		if (ng_type_parse(copy, &type) != NG_E_NOTFOUND)
			fail_msg("%s passed", texts[i]);
		assert_int_equal(type, 77);
		free(copy);
	}
}

static void rcodes(void **state)
{
	(void)state;
	assert_string_equal(ng_rcode_text(NG_RCODE_NOERROR), "NOERROR");
	assert_string_equal(ng_rcode_text(NG_RCODE_NXDOMAIN), "NXDOMAIN");
	assert_string_equal(ng_rcode_text(NG_RCODE_BADVERS), "BADVERS");
	for (unsigned int rcode = 0; rcode < 256; rcode++)
		assert_non_null(ng_rcode_text((uint8_t)rcode));
	assert_string_equal(ng_rcode_text(12), "RCODE?");
	assert_string_equal(ng_rcode_text(255), "RCODE?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_round_trips),
		cmocka_unit_test(known_types),
		cmocka_unit_test(unknown_texts),
		cmocka_unit_test(rcodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
