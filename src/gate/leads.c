/* See leads.h. The hashes are seeded: strangers choose where leases lead. */
#include "gate/leads.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

#define BLOCKS_BITS 8 /* a range that is so much wider than a block, its blocks are looked at */

static unsigned block_len(enum ng_family family)
{
	return family == NG_IPV4 ? 24 : 64;
}

static uint8_t *count_of(const struct leads *leads, uint64_t a, uint64_t b)
{
	const uint64_t seed = leads->seed ^ HASH_K0;

	return &leads->counts[hash_fold(hash_fold(a ^ seed, HASH_K1) ^ b, seed ^ HASH_K2) >>
			      (64 - LEADS_BITS)];
}

static uint8_t *count_of_addr(const struct leads *leads, const struct ng_addr *addr)
{
	if (addr->family == NG_IPV4)
		return count_of(leads, hash_load4(addr->bytes), NG_IPV4);
	return count_of(leads, hash_load8(addr->bytes), hash_load8(addr->bytes + 8));
}

/* Whatever follows the block's octets in addr. */
static uint8_t *count_of_block(const struct leads *leads, const struct ng_addr *addr)
{
	if (addr->family == NG_IPV4)
		return count_of(leads, hash_load(addr->bytes, 3), ~(uint64_t)NG_IPV4);
	return count_of(leads, hash_load8(addr->bytes), ~(uint64_t)NG_IPV6);
}

void leads_add(struct leads *leads, const struct ng_addr *addr)
{
	uint8_t *counts[2];

	if (!leads->counts && !leads->blind)
		leads->counts = calloc(1u << LEADS_BITS, 1);
	if (!leads->counts) {
		leads->blind = true;
		return;
	}
	counts[0] = count_of_addr(leads, addr);
	counts[1] = count_of_block(leads, addr);
	for (size_t i = 0; i < 2; i++)
		*counts[i] += *counts[i] < UINT8_MAX;
}

void leads_take(struct leads *leads, const struct ng_addr *addr)
{
	uint8_t *counts[2];

	if (!leads->counts)
		return;
	counts[0] = count_of_addr(leads, addr);
	counts[1] = count_of_block(leads, addr);
	for (size_t i = 0; i < 2; i++)
		*counts[i] -= *counts[i] && *counts[i] < UINT8_MAX;
}

/* The next block: the octets of a block's number, the last one first. */
static void block_next(struct ng_addr *addr)
{
	for (size_t i = block_len(addr->family) / 8; i-- > 0;)
		if (++addr->bytes[i])
			return;
}

static bool blocks_may(const struct leads *leads, const struct ng_prefix *prefix)
{
	const unsigned len = block_len(prefix->addr.family);
	const unsigned wider = prefix->bits < len ? len - prefix->bits : 0;
	struct ng_addr block = prefix->addr;

	if (wider > BLOCKS_BITS)
		return true;
	for (unsigned i = 0; i < 1u << wider; i++) {
		if (*count_of_block(leads, &block))
			return true;
		block_next(&block);
	}
	return false;
}

bool leads_may(const struct leads *leads, const struct ng_prefix *prefix)
{
	if (!leads->counts)
		return leads->blind;
	if (ng_prefix_is_host(prefix) && !*count_of_addr(leads, &prefix->addr))
		return false;
	return blocks_may(leads, prefix);
}

size_t leads_octets(const struct leads *leads)
{
	return leads->counts ? 1u << LEADS_BITS : 0;
}

void leads_finish(struct leads *leads)
{
	free(leads->counts);
	leads->counts = NULL;
}
