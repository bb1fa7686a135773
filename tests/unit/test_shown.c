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

static bool otherwise(const struct shown *shown, uint64_t id, const char *name)
{
	const struct wall_waiting_row row = row_of(id, 1, name);
	return shown_otherwise(shown, &row);
}

static void the_first_name_stands(void **state)
{
	(void)state;
	struct shown shown = {0};
	struct wall_waiting_row row = row_of(7, 2, "\1a");
	assert_false(otherwise(&shown, 7, "\1a"));
	show(&shown, 7, "\1a");
	show(&shown, 7, "\1b");
	assert_false(otherwise(&shown, 7, "\1a"));
	assert_true(otherwise(&shown, 7, "\1b"));
	assert_true(otherwise(&shown, 7, "\2aa"));
	assert_true(shown_otherwise(&shown, &row));
	assert_false(otherwise(&shown, 8, "\1b"));
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
	assert_true(otherwise(&shown, 7, "\1b"));
	assert_true(otherwise(&shown, 3, "\1b")); /* as far as is known */
	show(&shown, 7, "\1b");
	assert_true(otherwise(&shown, 7, "\1b"));
	assert_false(otherwise(&shown, 8, "\1b"));
	assert_false(otherwise(&shown, 100, "\1c"));
	assert_true(otherwise(&shown, 100, "\1b"));
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
	assert_false(otherwise(&shown, 7, "\1a"));
	assert_true(otherwise(&shown, 7, "\1b"));
	assert_true(otherwise(&shown, 100, "\1c"));
	shown_finish(&shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_name_stands),
		cmocka_unit_test(a_number_that_was_forgotten_is_nobody_s),
		cmocka_unit_test(the_last_list_is_known_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
