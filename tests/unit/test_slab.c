/* Slabs: numbers and places of items, and memory given back. */
#include "base/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define MANY (5 * SLAB_CHUNK + 7)

struct item {
	uint64_t words[3];
};

static void fill(struct slab *slab, uint32_t *numbers, struct item **items, size_t n)
{
	const struct item zero = {{0}};

	for (size_t i = 0; i < n; i++) {
		items[i] = slab_take(slab, &numbers[i]);
		assert_non_null(items[i]);
		assert_memory_equal(items[i], &zero, sizeof(zero));
		items[i]->words[0] = items[i]->words[2] = i;
	}
}

static void items_stay_where_they_are(void **state)
{
	struct slab slab = {.size = sizeof(struct item)};
	static struct item *items[MANY];
	static uint32_t numbers[MANY];

	(void)state;
	fill(&slab, numbers, items, MANY);
	assert_int_equal(slab.items, MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_ptr_equal(slab_at(&slab, numbers[i]), items[i]);
		assert_int_equal(items[i]->words[0], i);
		assert_int_equal(items[i]->words[2], i);
		assert_true(numbers[i] < MANY + SLAB_CHUNK);
	}
	slab_finish(&slab);
	assert_int_equal(slab.octets, 0);
}

static void memory_goes_back(void **state)
{
	struct slab slab = {.size = sizeof(struct item)};
	static struct item *items[MANY];
	static uint32_t numbers[MANY];
	size_t full, one;

	(void)state;
	items[0] = slab_take(&slab, &numbers[0]);
	one = slab.octets;
	slab_give(&slab, numbers[0]);
	assert_int_equal(slab.octets, one); /* the chunk that the next comes from */
	for (size_t round = 0; round < 3; round++) {
		fill(&slab, numbers, items, MANY);
		full = slab.octets;
		assert_true(full <= 6 * one);
		for (size_t i = 0; i < MANY; i++) /* from both ends */
			slab_give(&slab, numbers[i % 2 ? i : MANY - 1 - i]);
		assert_int_equal(slab.items, 0);
		assert_int_equal(slab.octets, one);
	}
	slab_finish(&slab);
}

static void numbers_are_used_again(void **state)
{
	struct slab slab = {.size = sizeof(uint32_t)};
	static uint32_t numbers[MANY];

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		assert_non_null(slab_take(&slab, &numbers[i]));
	for (size_t step = 0; step < 50000; step++) {
		size_t i = (step * 7919) % MANY;
		uint32_t *item;

		slab_give(&slab, numbers[i]);
		item = slab_take(&slab, &numbers[i]);
		assert_non_null(item);
		assert_int_equal(*item, 0);
		*item = UINT32_MAX;
		assert_true(numbers[i] < MANY + SLAB_CHUNK);
	}
	assert_int_equal(slab.items, MANY);
	slab_finish(&slab);
}

/* Of a number that nobody has, or that is not any more, nothing is shown that was not written. */
static void any_number_may_be_peeked_at(void **state)
{
	struct slab slab = {.size = sizeof(struct item)};
	uint32_t first, second;
	struct item *item;

	(void)state;
	assert_null(slab_peek(&slab, 0));
	item = slab_take(&slab, &first);
	assert_non_null(item);
	item->words[2] = 7;
	assert_ptr_equal(slab_peek(&slab, first), item);
	assert_null(slab_peek(&slab, first + 1));
	assert_null(slab_peek(&slab, SLAB_CHUNK));
	assert_null(slab_peek(&slab, UINT32_MAX));
	slab_give(&slab, first);
	assert_ptr_equal(slab_peek(&slab, first), item);
	assert_int_equal(item->words[2], 7);
	assert_ptr_equal(slab_take(&slab, &second), item); /* before one that never was */
	assert_int_equal(item->words[2], 0);
	slab_finish(&slab);
	assert_null(slab_peek(&slab, first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_stay_where_they_are),
		cmocka_unit_test(memory_goes_back),
		cmocka_unit_test(numbers_are_used_again),
		cmocka_unit_test(any_number_may_be_peeked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
