/* Sandboxes are shared out by their names, for good and evenly. */
#include "daemon/assign.h"

#include "unit.h"

#include <stdio.h>

/* Stores stand where these say: they never change. */
static void fixed(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint32_t workers, worker;
	} cases[] = {{"box1", 2, 1}, {"box1", 3, 2}, {"box1", 7, 3}, {"box1", 64, 15},
		     {"box2", 2, 0}, {"box2", 3, 2}, {"box2", 7, 6}, {"box2", 64, 40},
		     {"ci", 2, 1},   {"ci", 3, 1},   {"ci", 7, 3},   {"ci", 64, 59},
		     {"a", 2, 1},    {"a", 3, 2},    {"a", 7, 0},    {"a", 64, 13},
		     {"", 2, 0},     {"", 3, 2},     {"", 7, 0},     {"", 64, 18}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(assign_worker(cases[i].name, cases[i].workers),
				 cases[i].worker);
}

static void one(void **state)
{
	(void)state;
	assert_int_equal(assign_worker("box1", 0), 0);
	assert_int_equal(assign_worker("box1", 1), 0);
	assert_int_equal(assign_worker("", 1), 0);
}

/* Names that differ in a number alone are shared out evenly, for each number of workers. */
static void even(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 64; workers++) {
		unsigned n[64] = {0};
		for (unsigned i = 0; i < 64000; i++) {
			char name[32];
			snprintf(name, sizeof name, "sandbox-%u", i);
			uint32_t worker = assign_worker(name, workers);
			assert_in_range(worker, 0, workers - 1);
			n[worker]++;
		}
		for (uint32_t i = 0; i < workers; i++)
			assert_in_range(n[i], 64000 / workers * 85 / 100,
					64000 / workers * 115 / 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed),
		cmocka_unit_test(one),
		cmocka_unit_test(even),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
