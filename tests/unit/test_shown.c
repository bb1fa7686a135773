/* What main remembers of the names that it has shown. */
#include "daemon/shown.h"

#include "unit.h"

#include <string.h>

static struct wall_waiting_row row_of(uint64_t id, uint32_t sandbox, const char *name)
{
	struct wall_waiting_row row = {
		.id = id, .sandbox = sandbox, .name_len = (uint8_t)(strlen(name) + 1)};
	memcpy(row.name, name, row.name_len);
	return row;
}

static void show(struct shown *shown, uint64_t id, const char *name)
{
	const struct wall_waiting_row row = row_of(id, 1, name);
	shown_note(shown, &row);
}

static enum shown_as as(const struct shown *shown, uint64_t id, const char *name)
{
	const struct wall_waiting_row row = row_of(id, 1, name);
	return shown_as(shown, &row);
}

static void the_first_name_stands(void **state)
{
	(void)state;
	struct shown shown = {0};
	struct wall_waiting_row row = row_of(7, 2, "\1a");
	assert_int_equal(as(&shown, 7, "\1a"), SHOWN_SO);
	show(&shown, 7, "\1a");
	show(&shown, 7, "\1b");
	assert_int_equal(as(&shown, 7, "\1a"), SHOWN_SO);
	assert_int_equal(as(&shown, 7, "\1b"), SHOWN_OTHERWISE);
	assert_int_equal(as(&shown, 7, "\2aa"), SHOWN_OTHERWISE);
	assert_int_equal(shown_as(&shown, &row), SHOWN_OTHERWISE);
	assert_int_equal(as(&shown, 8, "\1b"), SHOWN_SO);
	shown_finish(&shown);
}

/* Else a name could be put in another's place once its number was forgotten. */
static void a_number_that_was_forgotten_is_nobody_s(void **state)
{
	(void)state;
	struct shown shown = {0};
	show(&shown, 7, "\1a");
	for (uint64_t i = 0; i < SHOWN_MAX; i++)
		show(&shown, 100 + i, "\1c");
	assert_int_equal(as(&shown, 7, "\1b"), SHOWN_FORGOTTEN);
	assert_int_equal(as(&shown, 7, "\1a"), SHOWN_FORGOTTEN);
	show(&shown, 7, "\1b");
	assert_int_equal(as(&shown, 7, "\1b"), SHOWN_FORGOTTEN);
	assert_int_equal(as(&shown, 8, "\1b"), SHOWN_SO);
	assert_int_equal(as(&shown, 100, "\1c"), SHOWN_SO);
	assert_int_equal(as(&shown, 100, "\1b"), SHOWN_OTHERWISE);
	shown_finish(&shown);
}

/* However many were shown and forgotten: all of these, and next to none of those that never were. */
static void a_number_that_was_never_shown_may_be(void **state)
{
	enum { MANY = 100000 };
	(void)state;
	struct shown shown = {.seed = 42};
	unsigned refused = 0;
	for (uint64_t i = 1; i <= MANY; i++)
		show(&shown, 2 * i, "\1c");
	for (uint64_t i = 1; i <= MANY - SHOWN_MAX; i++) {
		assert_int_equal(as(&shown, 2 * i, "\1b"), SHOWN_FORGOTTEN);
		refused += as(&shown, 2 * i + 1, "\1b") != SHOWN_SO;
	}
	assert_true(shown.forgotten > MANY);
	assert_true(refused < MANY / 20);
	for (uint64_t id = 1; id < 2 * MANY; id += 2) {
		if (as(&shown, id, "\1b") != SHOWN_SO)
			continue;
		show(&shown, id, "\1b");
		assert_int_equal(as(&shown, id, "\1b"), SHOWN_SO);
		assert_int_equal(as(&shown, id, "\1a"), SHOWN_OTHERWISE);
		break;
	}
	assert_int_equal(as(&shown, 2 * MANY, "\1c"), SHOWN_SO);
	shown_finish(&shown);
}

/* What is shown again and again is not forgotten for what came after it. */
static void the_last_list_is_known_whole(void **state)
{
	(void)state;
	struct shown shown = {0};
	for (uint64_t i = 0; i < 4 * SHOWN_MAX; i++) {
		if (i % NG_WAITING_MAX == 0)
			show(&shown, 7, "\1a");
		show(&shown, 100 + i, "\1c");
	}
	assert_int_equal(as(&shown, 7, "\1a"), SHOWN_SO);
	assert_int_equal(as(&shown, 7, "\1b"), SHOWN_OTHERWISE);
	assert_int_equal(as(&shown, 100, "\1c"), SHOWN_FORGOTTEN);
	shown_finish(&shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_name_stands),
		cmocka_unit_test(a_number_that_was_forgotten_is_nobody_s),
		cmocka_unit_test(a_number_that_was_never_shown_may_be),
		cmocka_unit_test(the_last_list_is_known_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
