/*
 * The mirror against a plain list: whatever is added, renewed and dropped, the earliest end, the
 * groups and the finds are those of the list.
 */
#include "warden/mirror.h"

#include <namegate/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct lease_key key_of(unsigned source, unsigned to, uint16_t port)
{
	uint8_t from_octets[4] = {10, 0, 0, (uint8_t)source};
	uint8_t to_octets[4] = {44, 0, (uint8_t)(to >> 8), (uint8_t)to};
	struct ng_addr from = ng_addr_make(NG_IPV4, from_octets);
	struct ng_addr there = ng_addr_make(NG_IPV4, to_octets);

	return lease_key_make(&from, &there, port ? 6 : 0, port);
}

static void finds_by_whole_key(void **state)
{
	struct mirror mirror = {0};
	struct lease_key key = key_of(1, 1, 0), other = key_of(1, 1, 443);
	struct lease *lease = mirror_add(&mirror, &key, NULL);

	(void)state;
	assert_non_null(lease);
	assert_ptr_equal(mirror_find(&mirror, &key), lease);
	assert_null(mirror_find(&mirror, &other));
	assert_null(mirror_first(&mirror));
	mirror_confirm(&mirror, lease, 5);
	assert_ptr_equal(mirror_first(&mirror), lease);
	mirror_finish(&mirror);
	assert_null(mirror.by_key);
	mirror_finish(NULL);
}

/* What stands for good is found like any other, and never the first to end. */
static void permanent_ones_never_end(void **state)
{
	struct mirror mirror = {0};
	struct lease_key a = key_of(1, 1, 0), b = key_of(1, 2, 0);
	struct lease *fixed = mirror_add(&mirror, &a, NULL);
	struct lease *timed = mirror_add(&mirror, &b, NULL);

	(void)state;
	mirror_confirm(&mirror, fixed, FOREVER);
	assert_null(mirror_first(&mirror));
	mirror_confirm(&mirror, timed, FOREVER - 1);
	assert_ptr_equal(mirror_first(&mirror), timed);
	mirror_confirm(&mirror, timed, FOREVER); /* a rule came: its end is not waited for */
	assert_null(mirror_first(&mirror));
	assert_int_equal(mirror.n, 2);
	mirror_confirm(&mirror, fixed, 7); /* the rule went, a name holds it */
	assert_ptr_equal(mirror_first(&mirror), fixed);
	mirror_unschedule(&mirror, timed); /* is in no heap: harmless */
	mirror_drop(&mirror, timed);
	assert_ptr_equal(mirror_find(&mirror, &a), fixed);
	mirror_finish(&mirror);
}

static void groups_by_source(void **state)
{
	struct mirror mirror = {0};
	struct lease_key a = key_of(1, 1, 0), b = key_of(1, 2, 0), c = key_of(2, 1, 0);
	struct lease *first = mirror_add(&mirror, &a, NULL);
	struct lease *second = mirror_add(&mirror, &b, NULL);

	(void)state;
	assert_non_null(mirror_add(&mirror, &c, NULL));
	assert_ptr_equal(first->group, second->group);
	assert_ptr_equal(mirror_group(&mirror, &a.source), first->group);
	mirror_drop(&mirror, first);
	assert_ptr_equal(mirror_group(&mirror, &a.source), second->group);
	mirror_drop(&mirror, second);
	assert_null(mirror_group(&mirror, &a.source));
	assert_int_equal(mirror.n, 1);
	mirror_finish(&mirror);
}

#define N 400

static uint64_t earliest(const uint64_t *ends, size_t n)
{
	uint64_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (ends[i] && (!found || ends[i] < found))
			found = ends[i];
	return found;
}

static void keeps_the_earliest_first(void **state)
{
	struct mirror mirror = {0};
	uint64_t ends[N] = {0};
	uint32_t chance = 12345;

	(void)state;
	for (size_t step = 0; step < 20000; step++) {
		unsigned i = (chance = chance * 1103515245u + 12345u) >> 8;
		struct lease_key key = key_of(i % 7, i % N, (uint16_t)0);
		struct lease *lease;

		i %= N;
		key = key_of(i % 7, i, 0);
		lease = mirror_find(&mirror, &key);
		assert_int_equal(lease != NULL, ends[i] != 0);
		if (lease && (chance >> 4) % 3 == 0) {
			mirror_drop(&mirror, lease);
			ends[i] = 0;
		} else {
			if (!lease)
				lease = mirror_add(&mirror, &key, NULL);
			assert_non_null(lease);
			ends[i] = 1 + (chance >> 12) % 1000;
			mirror_confirm(&mirror, lease, ends[i]);
		}
		lease = mirror_first(&mirror);
		assert_int_equal(lease ? lease->until_us : 0, earliest(ends, N));
	}
	mirror_finish(&mirror);
}

static void an_unscheduled_one_is_not_first(void **state)
{
	struct mirror mirror = {0};
	struct lease_key a = key_of(1, 1, 0), b = key_of(1, 2, 0);
	struct lease *early = mirror_add(&mirror, &a, NULL);
	struct lease *late = mirror_add(&mirror, &b, NULL);

	(void)state;
	mirror_confirm(&mirror, early, 1);
	mirror_confirm(&mirror, late, 2);
	mirror_unschedule(&mirror, early);
	mirror_unschedule(&mirror, early);
	assert_ptr_equal(mirror_first(&mirror), late);
	mirror_confirm(&mirror, early, 3);
	assert_ptr_equal(mirror_first(&mirror), late);
	mirror_finish(&mirror);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_whole_key),
		cmocka_unit_test(permanent_ones_never_end),
		cmocka_unit_test(groups_by_source),
		cmocka_unit_test(keeps_the_earliest_first),
		cmocka_unit_test(an_unscheduled_one_is_not_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
