/*
 * A 64-bit hash for tables and digests. Not cryptographic: tables keyed by strangers take a seed.
 *
 * Multiply two 64-bit words into 128 bits and fold the halves: one multiplication mixes sixteen octets.
 * The seed goes into every word before the multiplication, so who does not know it
 * cannot choose operands that make a product of zero, nor prepare collisions. Inline: every label of
 * every question is hashed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_K0                                                                                \
	0x9e3779b97f4a7c15u /* 2^64 / golden ratio; the others: odd, half of their bits set */
#define HASH_K1 0xc2b2ae3d27d4eb4fu
#define HASH_K2 0xa0761d6478bd642fu

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load8(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint64_t hash_load4(const uint8_t *at)
{
	uint32_t word;
	memcpy(&word, at, sizeof(word));
	return word;
}

/* n octets, 1 to 7, as a number, the first the lowest: by loads that overlap and agree where they do. */
static inline uint64_t hash_load(const uint8_t *at, size_t n)
{
	if (n >= 4)
		return hash_load4(at) | hash_load4(at + n - 4) << 8 * (n - 4);
	return at[0] | (uint64_t)at[n / 2] << 8 * (n / 2) | (uint64_t)at[n - 1] << 8 * (n - 1);
}

static inline uint64_t hash_octets(const void *octets, size_t n, uint64_t seed)
{
	const uint8_t *at = octets;
	size_t left = n;
	uint64_t key = hash_fold(seed ^ HASH_K0, HASH_K1), state = key ^ n;

	for (; left > 16; left -= 16, at += 16)
		state = hash_fold(hash_load8(at) ^ key ^ HASH_K1, hash_load8(at + 8) ^ state);
	uint64_t head = 0, tail = 0;
	if (left >= 8) {
		head = hash_load8(at);
		tail = hash_load8(at + left - 8);
	} else if (left) {
		head = hash_load(at, left);
	}
	state = hash_fold(head ^ key ^ HASH_K2, tail ^ state);
	return hash_fold(state ^ HASH_K0, key ^ HASH_K1);
}
