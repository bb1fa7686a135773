/*
 * The hash: every octet, the length and the seed count, and each input bit moves about half of the
 * output bits. Nothing here is random, so what passes once passes always.
 */
#include "unit.h"

#include "base/hash.h"

static void same_input_same_hash(void **state)
{
	(void)state;
	uint8_t *a = exact("files.pypi.org", 14), *b = exact("files.pypi.org", 14);
	assert_true(hash_octets(a, 14, 7) == hash_octets(b, 14, 7));
	free(a);
	free(b);
}

static void every_length_is_its_own(void **state)
{
	(void)state;
	uint64_t seen[100];
	for (size_t n = 0; n < COUNT(seen); n++) {
		uint8_t *zeros = calloc(1, n ? n : 1);
		seen[n] = hash_octets(zeros, n, 0);
		free(zeros);
		for (size_t i = 0; i < n; i++)
			assert_true(seen[i] != seen[n]);
	}
}

static void every_octet_counts(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 70; n++) {
		uint8_t octets[70] = {0};
		uint64_t base = hash_octets(octets, n, 1);
		for (size_t i = 0; i < n; i++) {
			octets[i] = 1;
			assert_true(hash_octets(octets, n, 1) != base);
			octets[i] = 0;
		}
	}
}

static void order_counts(void **state)
{
	(void)state;
	uint8_t a[48] = {0}, b[48] = {0};
	a[0] = b[16] = 1;
	assert_true(hash_octets(a, 48, 3) != hash_octets(b, 48, 3));
	memset(a, 1, 16);
	memset(b, 0, 48);
	memset(b + 16, 1, 16);
	assert_true(hash_octets(a, 48, 3) != hash_octets(b, 48, 3));
}

static void seed_counts(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++)
		assert_true(hash_octets("example", 7, 0) !=
			    hash_octets("example", 7, UINT64_C(1) << bit));
}

static void bits_avalanche(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 40; n += 3) {
		uint8_t octets[40] = {0};
		unsigned int moved = 0;
		uint64_t base = hash_octets(octets, n, 42);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
			moved += (unsigned int)__builtin_popcountll(base ^
								    hash_octets(octets, n, 42));
			octets[bit / 8] = 0;
		}
		unsigned int mean = moved / (unsigned int)(8 * n);
		assert_in_range(mean, 28, 36);
	}
}

static void low_bits_fill_a_table_evenly(void **state)
{
	(void)state;
	unsigned int slots[256] = {0};
	for (uint32_t i = 0; i < 25600; i++)
		slots[hash_octets(&i, sizeof(i), 9) & 0xff]++;
	for (size_t i = 0; i < COUNT(slots); i++)
		assert_in_range(slots[i], 50, 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_input_same_hash),
		cmocka_unit_test(every_length_is_its_own),
		cmocka_unit_test(every_octet_counts),
		cmocka_unit_test(order_counts),
		cmocka_unit_test(seed_counts),
		cmocka_unit_test(bits_avalanche),
		cmocka_unit_test(low_bits_fill_a_table_evenly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
