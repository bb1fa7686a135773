/* Which names are special, and that those which look like them are not. */
#include "unit.h"

#include <namegate/special.h>

static enum ng_special kind_of(const char *text)
{
	struct ng_name name;

	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	return ng_special_of(&name);
}

static void names_and_all_below_are_special(void **state)
{
	static const struct {
		const char *zone;
		enum ng_special kind;
	} zones[] = {
		{"localhost", NG_SPECIAL_LOOPBACK},
		{"invalid", NG_SPECIAL_INSIDE},
		{"test", NG_SPECIAL_INSIDE},
		{"local", NG_SPECIAL_INSIDE},
		{"onion", NG_SPECIAL_INSIDE},
		{"home.arpa", NG_SPECIAL_INSIDE},
		{"alt", NG_SPECIAL_INSIDE},
		{"resolver.arpa", NG_SPECIAL_NODATA},
		{"use-application-dns.net", NG_SPECIAL_NXDOMAIN},
		{"mask.icloud.com", NG_SPECIAL_NXDOMAIN},
		{"mask-h2.icloud.com", NG_SPECIAL_NXDOMAIN},
		{"10.in-addr.arpa", NG_SPECIAL_INSIDE},
		{"d.f.ip6.arpa", NG_SPECIAL_INSIDE},
	};
	char text[100];
	(void)state;

	for (size_t i = 0; i < COUNT(zones); i++) {
		assert_int_equal(kind_of(zones[i].zone), zones[i].kind);
		snprintf(text, sizeof(text), "a.%s", zones[i].zone);
		assert_int_equal(kind_of(text), zones[i].kind);
		snprintf(text, sizeof(text), "a\\.%s", zones[i].zone);
		if (strchr(zones[i].zone, '.') == NULL)
			assert_int_equal(kind_of(text), NG_SPECIAL_NONE);
		snprintf(text, sizeof(text), "%s.example", zones[i].zone);
		assert_int_equal(kind_of(text), NG_SPECIAL_NONE);
	}
	assert_int_equal(kind_of("_dns.resolver.example"), NG_SPECIAL_NODATA);
}

static void others_are_not(void **state)
{
	static const char *const names[] = {
		".",
		"a",
		"st",
		"al",
		"com",
		"net",
		"arpa",
		"xlocal",
		"latest",
		"icloud.com",
		"ip6.arpa",
		"in-addr.arpa",
		"8.in-addr.arpa",
		"6.2.ip6.arpa",
		"application-dns.net",
		"a_dns.example",
		"salt",
	};
	(void)state;

	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(kind_of(names[i]), NG_SPECIAL_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_all_below_are_special),
		cmocka_unit_test(others_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
