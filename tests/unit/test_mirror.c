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

static struct mirror mirror;

static int begin(void **state)
{
	(void)state;
	mirror_init(&mirror, 12345);
	return 0;
}

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
	assert_int_equal(mirror.n, 0);
	assert_null(mirror_find(&mirror, &key));
	mirror_finish(NULL);
}

/* What stands for good is found like any other, and never the first to end. */
static void permanent_ones_never_end(void **state)
{
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
	struct lease_key a = key_of(1, 1, 0), b = key_of(1, 2, 0), c = key_of(2, 1, 0);
	struct lease *first = mirror_add(&mirror, &a, NULL);
	struct lease *second = mirror_add(&mirror, &b, NULL);

	(void)state;
	assert_non_null(mirror_add(&mirror, &c, NULL));
	assert_int_equal(first->group, second->group);
	assert_ptr_equal(mirror_group(&mirror, &a.source), mirror_group_of(&mirror, first));
	mirror_drop(&mirror, first);
	assert_ptr_equal(mirror_group(&mirror, &a.source), mirror_group_of(&mirror, second));
	mirror_drop(&mirror, second);
	assert_null(mirror_group(&mirror, &a.source));
	assert_int_equal(mirror.n, 1);
	mirror_finish(&mirror);
}

/* Each is met once, whoever goes meanwhile; the one who stands before the next goes on from there. */
static void a_walk_meets_each(void **state)
{
	struct lease *lease = NULL;
	struct group *group = NULL;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		struct lease_key key = key_of(i % 6, i, i % 2 ? 443 : 0);

		assert_non_null(mirror_add(&mirror, &key, NULL));
	}
	while ((lease = mirror_next(&mirror, lease))) {
		const struct lease_key key = mirror_key(&mirror, lease);

		assert_ptr_equal(mirror_find(&mirror, &key), lease);
		n++;
	}
	assert_int_equal(n, 60);
	while ((group = mirror_next_group(&mirror, group))) {
		n = 0;
		while ((lease = mirror_next_of(&mirror, group, lease)))
			n++;
		assert_int_equal(n, 10);
	}
	mirror.walk = mirror_next(&mirror, NULL);
	for (n = 0; mirror.walk; n++) {
		struct lease *met = mirror.walk;

		if (n % 3 == 0)
			mirror_drop(&mirror, met); /* the walk steps over it */
		else
			mirror.walk = mirror_next(&mirror, met);
	}
	assert_int_equal(n, 60);
	assert_int_equal(mirror.n, 40);
	while ((lease = mirror_next(&mirror, NULL)))
		mirror_drop(&mirror, lease);
	assert_null(mirror_next_group(&mirror, NULL));
	mirror_finish(&mirror);
}

/* What the warden's memory for many leases rests on. */
static void a_lease_is_small(void **state)
{
	const size_t many = 100000;
	size_t octets;

	(void)state;
	for (unsigned i = 0; i < many; i++) {
		struct lease_key key = key_of(i % 100, i / 100, 0);

		mirror_confirm(&mirror, mirror_add(&mirror, &key, NULL), 1 + i);
	}
	octets = mirror.leases[0].octets + mirror.leases[1].octets + mirror.groups.octets +
		 index_octets(&mirror.by_key) + index_octets(&mirror.by_source) +
		 mirror.heap_room * sizeof(*mirror.heap);
	assert_int_equal(mirror.n, many);
	assert_true(sizeof(struct lease) <= 40);
	assert_true(octets / many <= 60);
	mirror_finish(&mirror);
}

/* Addresses of both families, alike in their first octets. */
static void families_are_told_apart(void **state)
{
	const uint8_t octets[16] = {44, 0, 0, 1};
	struct ng_addr source[2], to[2];
	struct lease *leases[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lease_key key;

		source[i] = ng_addr_make(i ? NG_IPV6 : NG_IPV4, octets);
		to[i] = source[i];
		to[i].bytes[i ? 15 : 3] = 9;
		key = lease_key_make(&source[i], &to[i], 17, 53);
		leases[i] = mirror_add(&mirror, &key, NULL);
		mirror_confirm(&mirror, leases[i], 2 - (uint64_t)i);
	}
	for (int i = 0; i < 2; i++) {
		const struct lease_key key = mirror_key(&mirror, leases[i]);

		assert_memory_equal(&key.source, &source[i], sizeof(source[i]));
		assert_memory_equal(&key.to, &to[i], sizeof(to[i]));
		assert_int_equal(key.port, 53);
		assert_ptr_equal(mirror_find(&mirror, &key), leases[i]);
	}
	assert_ptr_equal(mirror_first(&mirror), leases[1]);
	mirror_drop(&mirror, leases[1]);
	assert_ptr_equal(mirror_first(&mirror), leases[0]);
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
		cmocka_unit_test_setup(finds_by_whole_key, begin),
		cmocka_unit_test_setup(permanent_ones_never_end, begin),
		cmocka_unit_test_setup(groups_by_source, begin),
		cmocka_unit_test_setup(a_walk_meets_each, begin),
		cmocka_unit_test_setup(a_lease_is_small, begin),
		cmocka_unit_test_setup(families_are_told_apart, begin),
		cmocka_unit_test_setup(keeps_the_earliest_first, begin),
		cmocka_unit_test_setup(an_unscheduled_one_is_not_first, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
