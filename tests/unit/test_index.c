/* The index: against a plain array under random puts and takes, grown, shrunk, and with bad hashes. */
#include "base/index.h"

#include "base/hash.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define MANY 70000

enum quality { GOOD = 0, IN_ORDER, LAST_PLACES, FEW, ALL_THE_SAME };

struct owner { /* item i has the key keys[i] */
	enum quality quality;
	uint64_t keys[MANY];
	bool in[MANY];
};

static uint64_t hash_key(enum quality quality, uint64_t key)
{
	switch (quality) {
	case IN_ORDER:
		return key << 40;
	case LAST_PLACES: /* probing runs over the end */
		return UINT64_MAX << 8 | (key & 255);
	case FEW:
		return (key % 7) * 0x2493000000000000u;
	case ALL_THE_SAME:
		return 42;
	default:
		return hash_octets(&key, sizeof(key), 11);
	}
}

static uint64_t hash_item(const struct owner *owner, uint32_t item)
{
	assert_true(item < MANY);
	return hash_key(owner->quality, owner->keys[item]);
}

static bool same(const void *of, uint32_t item, const void *key)
{
	const struct owner *owner = of;

	assert_true(owner->in[item]); /* it never looks at what is not in it */
	return memcmp(&owner->keys[item], key, sizeof(uint64_t)) == 0;
}

static struct owner owner;

static struct index index_of(enum quality quality)
{
	memset(&owner, 0, sizeof(owner));
	owner.quality = quality;
	for (size_t i = 0; i < MANY; i++)
		owner.keys[i] = i * 3;
	return (struct index){.of = &owner, .same = same};
}

static void put(struct index *index, uint32_t item)
{
	assert_int_equal(index_put(index, hash_item(&owner, item), item), NG_OK);
	owner.in[item] = true;
}

static void take(struct index *index, uint32_t item)
{
	uint32_t found = UINT32_MAX;

	assert_true(index_take(index, hash_item(&owner, item), &owner.keys[item], &found));
	assert_int_equal(found, item);
	owner.in[item] = false;
}

static void assert_has(const struct index *index, uint32_t item)
{
	uint32_t found = UINT32_MAX;

	assert_int_equal(index_find(index, hash_item(&owner, item), &owner.keys[item], &found),
			 owner.in[item]);
	if (owner.in[item])
		assert_int_equal(found, item);
}

static void random_steps(enum quality quality, uint32_t items, size_t steps)
{
	struct index index = index_of(quality);
	uint64_t seed = 5;
	size_t n = 0;

	for (size_t step = 0; step < steps; step++) {
		uint32_t item;

		seed = hash_octets(&step, sizeof(step), seed);
		item = (uint32_t)(seed % items);
		if (!owner.in[item] && (step / items % 2 == 0 || seed >> 62)) {
			put(&index, item);
			n++;
		} else if (owner.in[item]) {
			take(&index, item);
			n--;
		}
		assert_has(&index, item);
		assert_has(&index, (item + 1) % items);
		assert_int_equal(index.n, n);
	}
	for (uint32_t i = 0; i < items; i++)
		assert_has(&index, i);
	index_finish(&index);
}

static void behaves_like_an_array(void **state)
{
	(void)state;
	random_steps(GOOD, 3000, 60000);
	random_steps(IN_ORDER, 3000, 60000);
	random_steps(LAST_PLACES, 200, 20000);
	random_steps(FEW, 200, 20000);
	random_steps(ALL_THE_SAME, 100, 10000);
}

/* Every item is found at every moment of growing, and at every moment of shrinking. */
static void finds_all_while_it_moves(void **state)
{
	struct index index = index_of(GOOD);
	const uint32_t n = 2000;

	(void)state;
	for (uint32_t i = 0; i < n; i++) {
		put(&index, i);
		for (uint32_t j = 0; j <= i; j++)
			assert_has(&index, j);
		assert_has(&index, i + 1);
	}
	for (uint32_t i = 0; i < n; i++) {
		take(&index, i);
		for (uint32_t j = i; j < n; j++)
			assert_has(&index, j);
	}
	index_finish(&index);
}

static void keeps_its_size_in_bounds(void **state)
{
	struct index index = index_of(GOOD);
	size_t moved = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		size_t before = index.old.at ? index.moved : 0;

		put(&index, i);
		if (index.old.at)
			moved = index.moved - before > moved ? index.moved - before : moved;
		/* a place is used for at least seven sixteenths; what is moved lies there twice */
		assert_true(index.n * 32 + 1024 > index_octets(&index));
	}
	assert_true(moved > 0 && moved <= 16); /* no put takes long */
	for (uint32_t i = 0; i < MANY; i++)
		take(&index, i);
	assert_true(index_octets(&index) <= 2048);
	assert_int_equal(index_put(&index, 1, INDEX_ITEM_MAX + 1), NG_E_RANGE);
	index_finish(&index);
	assert_int_equal(index_octets(&index), 0);
}

static void is_empty_at_first(void **state)
{
	struct index index = index_of(GOOD);
	uint32_t item = 3;

	(void)state;
	assert_false(index_find(&index, 1, &owner.keys[1], &item));
	assert_false(index_take(&index, 1, &owner.keys[1], &item));
	assert_int_equal(item, 3);
	index_finish(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behaves_like_an_array),
		cmocka_unit_test(finds_all_while_it_moves),
		cmocka_unit_test(keeps_its_size_in_bounds),
		cmocka_unit_test(is_empty_at_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
