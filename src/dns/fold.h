/*
 * ASCII case folding of wire names (RFC 4343), eight octets at a time. Private to this floor.
 *
 * It is applied to whole wire forms, length octets included: a length is at most 63, below 'A', so
 * folding never touches it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FOLD_EACH(octet) (0x0101010101010101u * (octet))

/* Capitals to small letters; octets above 0x7F stay. */
static inline uint64_t fold8(uint64_t word)
{
	uint64_t low = word & FOLD_EACH(0x7fu);
	uint64_t from_a = low + FOLD_EACH(0x80u - 'A');
	uint64_t above_z = low + FOLD_EACH(0x7fu - 'Z');
	uint64_t capitals = (from_a ^ above_z) & ~word & FOLD_EACH(0x80u);
	return word | capitals >> 2;
}

static inline uint8_t fold1(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
}

static inline uint64_t fold_load8(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	return word;
}

static inline bool fold_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (; n >= 8; n -= 8, a += 8, b += 8)
		if (fold8(fold_load8(a)) != fold8(fold_load8(b)))
			return false;
	for (; n; n--)
		if (fold1(*a++) != fold1(*b++))
			return false;
	return true;
}
