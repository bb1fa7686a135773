/* Error phrases: each code has its own, and codes that do not exist have one too. */
#include "unit.h"

#include <namegate/error.h>

static void each_code_has_its_phrase(void **state)
{
	(void)state;
	for (int a = NG_E_UNSUPPORTED; a <= NG_OK; a++) {
		assert_non_null(ng_strerror(a));
		for (int b = a + 1; b <= NG_OK; b++)
			assert_string_not_equal(ng_strerror(a), ng_strerror(b));
	}
}

static void unknown_codes(void **state)
{
	(void)state;
	assert_string_equal(ng_strerror(1), "unknown error");
	assert_string_equal(ng_strerror(NG_E_UNSUPPORTED - 1), "unknown error");
	assert_string_equal(ng_strerror(INT32_MIN), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_code_has_its_phrase),
		cmocka_unit_test(unknown_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
