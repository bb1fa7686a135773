/*
 * The check at the walls, of the frame: a packet that passes, and then with its way, size, count or
 * descriptors bent.
 */

#include "wall_world.h"

static void every_kind_has_its_example(void **state)
{
	(void)state;
	for (unsigned int kind = 1; kind < WALL_KINDS; kind++) {
		assert_int_equal(check(good_make(kind)), NG_OK);
		assert_true(wall_body_size(kind) > 0);
		assert_true(wall_count_max(kind) >= 1);
	}
}

static void each_kind_goes_its_ways_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		good_make(goods[i].kind);
		size_t len = wall_packet_size(goods[i].kind, goods[i].count);
		for (unsigned int way = 0; way < 40; way++) {
			bool may = way < 32 && goods[i].ways & WAY(way);
			assert_int_equal(check_len(way, len, goods[i].fds),
					 may ? NG_OK : NG_E_FORMAT);
		}
	}
}

static void only_the_exact_length_passes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		const struct good *good = good_make(goods[i].kind);
		size_t len = wall_packet_size(good->kind, good->count);
		unsigned int way = (unsigned int)__builtin_ctz(good->ways);
		for (size_t n = 0; n < len + 9; n++)
			assert_int_equal(check_len(way, n, good->fds),
					 n == len ? NG_OK : NG_E_FORMAT);
	}
}

static void descriptors_come_exactly_with_their_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		const struct good *good = good_make(goods[i].kind);
		size_t len = wall_packet_size(good->kind, good->count);
		unsigned int way = (unsigned int)__builtin_ctz(good->ways);
		for (size_t fds = 0; fds < 3; fds++)
			assert_int_equal(check_len(way, len, fds),
					 fds == good->fds ? NG_OK : NG_E_FORMAT);
	}
}

static void counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		const struct good *good = good_make(goods[i].kind);
		packet.head.count = 0;
		assert_int_equal(check(good), NG_E_FORMAT);
		if (wall_count_max(good->kind) > 1)
			continue;
		packet.head.count = 2;
		assert_int_equal(check(good), NG_E_FORMAT);
	}
}

static void full_packets(void **state)
{
	(void)state;
	const struct good *good = good_make(WALL_LEASED);
	size_t most = wall_count_max(WALL_LEASED);
	for (size_t i = 0; i < most; i++)
		packet.leased[i] = (struct wall_leased){.number = i + 1};
	packet.head.count = (uint16_t)most;
	assert_in_range(wall_packet_size(WALL_LEASED, most), 1, WALL_PACKET_MAX);
	assert_int_equal(check(good), NG_OK);
	packet.leased[most - 1].number = 0; /* the last body is looked at too */
	assert_int_equal(check(good), NG_E_FORMAT);
	for (unsigned int kind = 1; kind < WALL_KINDS; kind++)
		assert_true(wall_packet_size(kind, wall_count_max(kind)) <= sizeof(packet));
	struct wall_packet *head = exact(&(struct wall_head){WALL_LEASED, UINT16_MAX, 0}, 8);
	assert_int_equal(wall_check(WALL_WARDEN_TO_WORKER, head, 8, 0), NG_E_FORMAT);
	free(head);
}

static void kinds_that_do_not_exist(void **state)
{
	(void)state;
	static const unsigned int kinds[] = {WALL_NONE, WALL_KINDS, WALL_KINDS + 1, UINT16_MAX};
	for (size_t i = 0; i < COUNT(kinds); i++) {
		memset(&packet, 0, sizeof(packet));
		packet.head = (struct wall_head){(uint16_t)kinds[i], 1, 0};
		assert_int_equal(wall_body_size(kinds[i]), 0);
		assert_int_equal(wall_count_max(kinds[i]), 0);
		for (unsigned int way = 0; way < 8; way++)
			assert_int_equal(check_len(way, 8, 0), NG_E_FORMAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_its_example),
		cmocka_unit_test(each_kind_goes_its_ways_alone),
		cmocka_unit_test(only_the_exact_length_passes),
		cmocka_unit_test(descriptors_come_exactly_with_their_kinds),
		cmocka_unit_test(counts),
		cmocka_unit_test(full_packets),
		cmocka_unit_test(kinds_that_do_not_exist),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
