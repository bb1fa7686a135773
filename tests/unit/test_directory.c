/* Who asks: sources never overlap, whatever the interface, and a failed addition leaves no trace. */
#include "gate/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct ng_sandbox spec_make(uint32_t id, const char *interface, size_t n, ...)
{
	struct ng_sandbox spec = {.id = id, .mode = NG_ENFORCE, .n_sources = (uint8_t)n};
	va_list list;

	snprintf(spec.name, sizeof(spec.name), "box%u", id);
	snprintf(spec.interface, sizeof(spec.interface), "%s", interface);
	va_start(list, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ng_prefix_parse(va_arg(list, const char *), &spec.sources[i]),
				 NG_OK);
	va_end(list);
	return spec;
}

static uint32_t who(const struct directory *directory, const char *text, const char *interface)
{
	struct ng_addr addr;
	const struct sandbox *found;

	assert_int_equal(ng_addr_parse(text, &addr), NG_OK);
	found = directory_by_source(directory, &addr, interface);
	return found ? found->spec.id : 0;
}

static int add(struct directory *directory, struct ng_sandbox spec)
{
	struct sandbox *sandbox;

	return directory_add(directory, &spec, &sandbox);
}

static void finds_by_source(void **state)
{
	struct directory directory;

	(void)state;
	directory_init(&directory, 5);
	assert_int_equal(add(&directory, spec_make(1, "sb1", 2, "10.0.0.2", "fd00::2")), NG_OK);
	assert_int_equal(add(&directory, spec_make(2, "sb2", 1, "10.1.0.0/16")), NG_OK);
	assert_int_equal(add(&directory, spec_make(3, "", 1, "192.0.2.7")), NG_OK);
	assert_int_equal(who(&directory, "10.0.0.2", "sb1"), 1);
	assert_int_equal(who(&directory, "10.0.0.2", NULL), 1);
	assert_int_equal(who(&directory, "10.0.0.2", "sb2"), 0);
	assert_int_equal(who(&directory, "fd00::2", "sb1"), 1);
	assert_int_equal(who(&directory, "fd00::3", "sb1"), 0);
	assert_int_equal(who(&directory, "10.1.255.9", "sb2"), 2);
	assert_int_equal(who(&directory, "10.2.0.1", "sb2"), 0);
	assert_int_equal(who(&directory, "192.0.2.7", "eth9"), 3);
	directory_finish(&directory);
}

static void refuses_overlap(void **state)
{
	struct directory directory;

	(void)state;
	directory_init(&directory, 5);
	assert_int_equal(add(&directory, spec_make(1, "sb1", 1, "10.0.0.2")), NG_OK);
	assert_int_equal(add(&directory, spec_make(2, "sb2", 1, "10.1.0.0/16")), NG_OK);
	assert_int_equal(add(&directory, spec_make(1, "sb9", 1, "10.9.0.2")), NG_E_EXISTS);
	assert_int_equal(add(&directory, spec_make(3, "sb3", 1, "10.0.0.2")), NG_E_EXISTS);
	assert_int_equal(add(&directory, spec_make(3, "sb3", 1, "10.0.0.0/24")), NG_E_EXISTS);
	assert_int_equal(add(&directory, spec_make(3, "sb3", 1, "10.1.2.3")), NG_E_EXISTS);
	assert_int_equal(add(&directory, spec_make(3, "sb3", 1, "10.0.0.0/8")), NG_E_EXISTS);
	assert_int_equal(add(&directory, spec_make(3, "sb3", 2, "10.5.0.1", "10.5.0.1")),
			 NG_E_EXISTS);
	directory_finish(&directory);
}

static void failed_addition_leaves_no_trace(void **state)
{
	struct directory directory;

	(void)state;
	directory_init(&directory, 5);
	assert_int_equal(add(&directory, spec_make(1, "", 1, "10.0.0.9")), NG_OK);
	assert_int_equal(add(&directory, spec_make(2, "", 2, "10.0.0.2", "10.0.0.9")),
			 NG_E_EXISTS);
	assert_int_equal(who(&directory, "10.0.0.2", NULL), 0);
	assert_null(directory_by_id(&directory, 2));
	assert_int_equal(directory.n, 1);
	assert_int_equal(add(&directory, spec_make(2, "", 1, "10.0.0.2")), NG_OK);
	directory_finish(&directory);
}

static void refuses_what_is_not_canonical(void **state)
{
	struct directory directory;
	struct ng_sandbox spec = spec_make(1, "", 1, "10.0.0.0/8");

	(void)state;
	directory_init(&directory, 5);
	spec.sources[0].addr.bytes[3] = 1;
	assert_int_equal(add(&directory, spec), NG_E_RANGE);
	assert_int_equal(add(&directory, spec_make(0, "", 1, "10.0.0.1")), NG_E_RANGE);
	assert_int_equal(add(&directory, spec_make(1, "", 0)), NG_E_RANGE);
	directory_finish(&directory);
}

static void removal_frees_the_source(void **state)
{
	struct directory directory;

	(void)state;
	directory_init(&directory, 5);
	assert_int_equal(add(&directory, spec_make(1, "", 2, "10.0.0.2", "10.7.0.0/16")),
			 NG_OK);
	directory_remove(&directory, directory_by_id(&directory, 1));
	assert_int_equal(who(&directory, "10.0.0.2", NULL), 0);
	assert_int_equal(who(&directory, "10.7.0.2", NULL), 0);
	assert_int_equal(add(&directory, spec_make(2, "", 1, "10.0.0.0/8")), NG_OK);
	directory_finish(&directory);
}

static struct ng_sandbox numbered(uint32_t i)
{
	char text[2][32];

	snprintf(text[0], sizeof(text[0]), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
	snprintf(text[1], sizeof(text[1]), "fd00::%x", i);
	return spec_make(i, "", 2, text[0], text[1]);
}

/* Every third is gone. */
static void check_numbered(const struct directory *directory, uint32_t many)
{
	for (uint32_t i = 1; i <= many; i++) {
		const struct ng_sandbox spec = numbered(i);

		for (size_t k = 0; k < spec.n_sources; k++) {
			const struct sandbox *found =
				directory_by_source(directory, &spec.sources[k].addr, NULL);

			assert_int_equal(found ? found->spec.id : 0, i % 3 ? i : 0);
		}
	}
}

static void each_of_many_is_found_and_nobody_else(void **state)
{
	struct directory directory, other;
	const uint32_t many = 3000;

	(void)state;
	directory_init(&directory, 5);
	directory_init(&other, 5);
	for (uint32_t i = 1; i <= many; i++)
		assert_int_equal(add(&directory, numbered(i)), NG_OK);
	for (uint32_t i = 3; i <= many; i += 3)
		directory_remove(&directory, directory_by_id(&directory, i));
	check_numbered(&directory, many);
	directory_move(&directory, &other);
	check_numbered(&other, many);
	assert_int_equal(who(&directory, "10.0.0.1", NULL), 0);
	assert_int_equal(add(&directory, numbered(1)), NG_OK);
	assert_int_equal(add(&other, numbered(1)), NG_E_EXISTS);
	assert_int_equal(add(&other, numbered(3)), NG_OK);
	assert_int_equal(who(&other, "10.0.0.3", NULL), 3);
	assert_int_equal(who(&directory, "10.0.0.3", NULL), 0);
	directory_finish(&directory);
	directory_finish(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_source),
		cmocka_unit_test(refuses_overlap),
		cmocka_unit_test(failed_addition_leaves_no_trace),
		cmocka_unit_test(refuses_what_is_not_canonical),
		cmocka_unit_test(removal_frees_the_source),
		cmocka_unit_test(each_of_many_is_found_and_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
