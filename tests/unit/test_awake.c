/* When to look again instead of sleeping. */
#include "base/awake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define LONG (AWAKE_GIVEN_US + 1)

static void without_a_window_it_sleeps(void **state)
{
	struct awake awake = {0};

	(void)state;
	assert_false(awake_looks(&awake, 0));
	awake_news(&awake, 5000);
	assert_false(awake_looks(&awake, 5000));
	awake.window_us = 200;
	assert_false(awake_looks(&awake, 5000)); /* nothing has come since */
	awake_news(&awake, 5000);
	awake.window_us = 0; /* a reload */
	assert_false(awake_looks(&awake, 5001));
}

static void it_looks_for_the_window_after_the_last_news(void **state)
{
	struct awake awake = {.window_us = 200};

	(void)state;
	assert_false(awake_looks(&awake, 1000));
	awake_news(&awake, 1000);
	assert_true(awake_looks(&awake, 1199));
	awake_news(&awake, 1150);
	assert_true(awake_looks(&awake, 1349));
	assert_false(awake_looks(&awake, 1350));
}

static void a_core_that_others_want_is_left_to_them(void **state)
{
	struct awake awake = {.window_us = 1000};

	(void)state;
	awake_news(&awake, 1000);
	awake_gave_way(&awake, 1000, 1000 + AWAKE_GIVEN_US);
	assert_true(awake_looks(&awake, 1500));
	awake_gave_way(&awake, 1500, 1500 + LONG);
	assert_false(awake_looks(&awake, 1500 + LONG));
	awake_news(&awake, 1500 + LONG + AWAKE_REST_US - 1);
	assert_false(awake_looks(&awake, 1500 + LONG + AWAKE_REST_US - 1));
	awake_news(&awake, 1500 + LONG + AWAKE_REST_US);
	assert_true(awake_looks(&awake, 1500 + LONG + AWAKE_REST_US));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_window_it_sleeps),
		cmocka_unit_test(it_looks_for_the_window_after_the_last_news),
		cmocka_unit_test(a_core_that_others_want_is_left_to_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
