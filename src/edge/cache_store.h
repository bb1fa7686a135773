/*
 * What the cache holds, in two files of the store's folder that are written in turn, so that the last
 * whole image stands while the next one is made. It is of one boot of the machine, whose monotonic clock
 * its times are of. Loss of it costs warmth and nothing else.
 */
#pragma once

#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_STORE_ROW 70000 /* octets of one row at the most */

struct cache_store;

/* In the folder `worker` of folder, which the lease store has made and looked at. NG_E_IO, NG_E_NOMEM. */
int cache_store_open(const char *folder, struct cache_store **out) NG_MUST_CHECK;
void cache_store_close(struct cache_store *store); /* takes NULL */

typedef void (*cache_store_row)(void *context, const uint8_t *octets, size_t len);
/* All rows of the newest image that is whole, as far as its octets are. Takes NULL. */
void cache_store_each(struct cache_store *store, cache_store_row row, void *context);
/* No image that there is is ever read again, nor the one that is being made. Takes NULL. */
void cache_store_void(struct cache_store *store);

/* A new image: its begin, rows, then the end, which makes it whole. All take NULL. */
void cache_store_begin(struct cache_store *store);
void cache_store_add(struct cache_store *store, const uint8_t *octets, size_t len);
/* Returns its size in octets, which is its file's. */
uint64_t cache_store_end(struct cache_store *store);
