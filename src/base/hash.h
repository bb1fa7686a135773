/* A 64-bit hash for tables and digests. Not cryptographic: tables keyed by strangers take a seed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t hash_octets(const void *octets, size_t n, uint64_t seed);
