/* Arenas: what is handed out is zeroed, aligned and apart; the limit holds and its failure sticks. */
#include "unit.h"

#include "base/arena.h"

static void zeroed_aligned_and_apart(void **state)
{
	(void)state;
	struct arena arena;
	uint8_t *taken[200];
	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < COUNT(taken); i++) {
		taken[i] = arena_alloc(&arena, i + 1);
		assert_non_null(taken[i]);
		assert_int_equal((uintptr_t)taken[i] % _Alignof(max_align_t), 0);
		for (size_t j = 0; j <= i; j++)
			assert_int_equal(taken[i][j], 0);
		memset(taken[i], (int)i, i + 1);
	}
	for (size_t i = 0; i < COUNT(taken); i++)
		for (size_t j = 0; j <= i; j++)
			assert_int_equal(taken[i][j], (uint8_t)i);
	arena_finish(&arena);
}

static void limit_is_exact_and_sticks(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 64);
	assert_non_null(arena_alloc(&arena, 48));
	assert_non_null(arena_alloc(&arena, 16));
	assert_int_equal(arena.used, 64);
	assert_null(arena_alloc(&arena, 1));
	assert_true(arena.failed);
	arena_reset(&arena);
	assert_false(arena.failed);
	assert_null(arena_alloc(&arena, 65));
	assert_null(arena_alloc(&arena, 1)); /* would fit, but the failure sticks */
	arena_finish(&arena);
}

static void sizes_that_wrap_are_refused(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, SIZE_MAX);
	assert_non_null(arena_alloc(&arena, 1));
	assert_null(arena_alloc(&arena, SIZE_MAX));
	arena_reset(&arena);
	assert_null(arena_alloc(&arena, SIZE_MAX - 14));
	arena_finish(&arena);
}

static void nothing_gets_an_address_of_its_own(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 64);
	void *a = arena_alloc(&arena, 0), *b = arena_alloc(&arena, 0);
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	arena_finish(&arena);
}

static void larger_than_a_block(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 8 << 20);
	uint8_t *small = arena_alloc(&arena, 10), *large = arena_alloc(&arena, 3 << 20);
	assert_non_null(small);
	assert_non_null(large);
	large[0] = large[(3 << 20) - 1] = 1;
	assert_non_null(arena_alloc(&arena, 100));
	arena_finish(&arena);
}

static void reset_gives_clean_memory_again(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1 << 20);
	uint8_t *before = arena_alloc(&arena, 100);
	memset(before, 0xff, 100);
	assert_non_null(arena_alloc(&arena, 100000));
	arena_reset(&arena);
	assert_int_equal(arena.used, 0);
	uint8_t *after = arena_alloc(&arena, 100);
	assert_ptr_equal(before, after);
	for (int i = 0; i < 100; i++)
		assert_int_equal(after[i], 0);
	arena_finish(&arena);
}

static void copies(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 64);
	assert_string_equal(arena_copy(&arena, "names", 6), "names");
	assert_non_null(arena_copy(&arena, NULL, 0));
	assert_null(arena_copy(&arena, "does not fit any more", 60));
	arena_finish(&arena);
}

static void enders_take_null_and_the_fresh(void **state)
{
	(void)state;
	struct arena arena;
	arena_finish(NULL);
	arena_init(&arena, 10);
	arena_reset(&arena);
	arena_finish(&arena);
	arena_finish(&arena);
	assert_null(arena.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_aligned_and_apart),
		cmocka_unit_test(limit_is_exact_and_sticks),
		cmocka_unit_test(sizes_that_wrap_are_refused),
		cmocka_unit_test(nothing_gets_an_address_of_its_own),
		cmocka_unit_test(larger_than_a_block),
		cmocka_unit_test(reset_gives_clean_memory_again),
		cmocka_unit_test(copies),
		cmocka_unit_test(enders_take_null_and_the_fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
