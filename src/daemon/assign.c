/*
 * The hash is this file's own and never changes: what workers have stored stands where it says. It
 * is FNV-1a, whose low bits alone are poor, with its halves mixed at the end.
 */
#include "daemon/assign.h"

#define BASIS UINT64_C(0xcbf29ce484222325)
#define PRIME UINT64_C(0x100000001b3)

uint32_t assign_worker(const char *name, uint32_t workers)
{
	uint64_t hash = BASIS;
	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * PRIME;
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	return workers > 1 ? (uint32_t)(hash % workers) : 0;
}
