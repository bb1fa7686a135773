/*
 * Multiply two 64-bit words into 128 bits and fold the halves: one multiplication mixes sixteen octets.
 * The seed goes into every word before the multiplication, so who does not know it
 * cannot choose operands that make a product of zero, nor prepare collisions.
 */
#include "base/hash.h"

#include <string.h>

#define K0                                                                                     \
	0x9e3779b97f4a7c15u /* 2^64 / golden ratio; the others: odd, half of their bits set */
#define K1 0xc2b2ae3d27d4eb4fu
#define K2 0xa0761d6478bd642fu

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* n octets, at most 8, as a number; host order, since no hash leaves this machine. */
static uint64_t load(const uint8_t *at, size_t n)
{
	uint64_t word = 0;
	memcpy(&word, at, n);
	return word;
}

static uint64_t load8(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	return word;
}

uint64_t hash_octets(const void *octets, size_t n, uint64_t seed)
{
	const uint8_t *at = octets;
	size_t left = n;
	uint64_t key = fold(seed ^ K0, K1), state = key ^ n;

	for (; left > 16; left -= 16, at += 16)
		state = fold(load8(at) ^ key ^ K1, load8(at + 8) ^ state);
	uint64_t head = 0, tail = 0;
	if (left >= 8) {
		head = load8(at);
		tail = load8(at + left - 8);
	} else if (left) {
		head = load(at, left);
	}
	state = fold(head ^ key ^ K2, tail ^ state);
	return fold(state ^ K0, key ^ K1);
}
