/*
 * The image is a head and chunks of rows behind it. Each chunk is hashed together with those before,
 * and the head is written last: an image that a kill left half-written, or that another boot made,
 * is none. The file is written in place by a descriptor that was opened before the worker lost all
 * paths, so nothing is renamed, and nothing waits for the disk.
 */
#include "config.h"
#include "edge/cache_store.h"

#include "base/hash.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK   (4u * CACHE_STORE_ROW)
#define BOOT_ID 36
#define MAGIC   "ngcache2"

struct head {
	char magic[8];
	char boot[BOOT_ID + 4];
	uint64_t chunks, hash;
};

struct cache_store {
	int fd;
	struct head head; /* of the image being written */
	off_t at;
	bool failed;
	size_t len;
	uint8_t chunk[CHUNK];
};

static int boot_read(char out[static BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, BOOT_ID);

	if (fd >= 0)
		close(fd);
	return got == BOOT_ID ? NG_OK : NG_E_IO;
}

static void image_begin(struct cache_store *store)
{
	store->head.chunks = store->head.hash = 0;
	store->at = sizeof(store->head);
	store->failed = false;
	store->len = 0;
}

int cache_store_open(const char *folder, struct cache_store **out)
{
	struct cache_store *store = calloc(1, sizeof(*store));
	char path[4096];

	if (!store)
		return NG_E_NOMEM;
	snprintf(path, sizeof(path), "%s/worker/cache", folder);
	memcpy(store->head.magic, MAGIC, sizeof(store->head.magic));
	store->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->fd < 0 || boot_read(store->head.boot)) {
		cache_store_close(store);
		return NG_E_IO;
	}
	image_begin(store);
	*out = store;
	return NG_OK;
}

void cache_store_close(struct cache_store *store)
{
	if (!store)
		return;
	if (store->fd >= 0)
		close(store->fd);
	free(store);
}

/* ---- reading ---- */

static bool whole(const struct cache_store *store, const struct head *head)
{
	return memcmp(head->magic, store->head.magic, sizeof(head->magic)) == 0 &&
	       memcmp(head->boot, store->head.boot, sizeof(head->boot)) == 0;
}

static bool read_all(const struct cache_store *store, void *to, size_t n, off_t *at)
{
	ssize_t got = pread(store->fd, to, n, *at);

	*at += (off_t)n;
	return got >= 0 && (size_t)got == n;
}

static void rows_give(const struct cache_store *store, size_t len, cache_store_row row,
		      void *context)
{
	for (size_t at = 0; len - at > sizeof(uint32_t);) {
		uint32_t n;

		memcpy(&n, store->chunk + at, sizeof(n));
		at += sizeof(n);
		if (n > len - at)
			return;
		row(context, store->chunk + at, n);
		at += n;
	}
}

/* Twice over the chunks: nothing is believed before all of it has the hash that it should have. */
static bool chunks_read(struct cache_store *store, const struct head *head, cache_store_row row,
			void *context)
{
	uint64_t hash = 0;
	off_t at = sizeof(*head);

	for (uint64_t i = 0; i < head->chunks; i++) {
		uint32_t len;

		/* An empty one is never written: a hole in the file could be read as very many of them. */
		if (!read_all(store, &len, sizeof(len), &at) || !len || len > CHUNK ||
		    !read_all(store, store->chunk, len, &at))
			return false;
		hash = hash_octets(store->chunk, len, hash);
		if (row)
			rows_give(store, len, row, context);
	}
	return hash == head->hash;
}

void cache_store_each(struct cache_store *store, cache_store_row row, void *context)
{
	static const struct head none;
	struct head head;
	off_t at = 0;

	if (!store)
		return;
	if (read_all(store, &head, sizeof(head), &at) && whole(store, &head) &&
	    chunks_read(store, &head, NULL, NULL))
		(void)chunks_read(store, &head, row, context);
	/* What is flushed or ends from now on must not come back when this life ends by a kill. */
	if (pwrite(store->fd, &none, sizeof(none), 0) != sizeof(none)) {
		close(store->fd);
		store->fd = -1;
	}
	image_begin(store);
}

/* ---- writing ---- */

static void write_all(struct cache_store *store, const void *from, size_t n)
{
	ssize_t put = store->failed ? -1 : pwrite(store->fd, from, n, store->at);

	store->failed = put < 0 || (size_t)put != n;
	store->at += (off_t)n;
}

static void chunk_write(struct cache_store *store)
{
	const uint32_t len = (uint32_t)store->len;

	if (!len)
		return;
	store->head.hash = hash_octets(store->chunk, len, store->head.hash);
	store->head.chunks++;
	write_all(store, &len, sizeof(len));
	write_all(store, store->chunk, len);
	store->len = 0;
}

void cache_store_add(struct cache_store *store, const uint8_t *octets, size_t len)
{
	const uint32_t n = (uint32_t)len;

	if (!store || len > CACHE_STORE_ROW)
		return;
	if (store->len + sizeof(n) + len > CHUNK)
		chunk_write(store);
	memcpy(store->chunk + store->len, &n, sizeof(n));
	memcpy(store->chunk + store->len + sizeof(n), octets, len);
	store->len += sizeof(n) + len;
}

void cache_store_end(struct cache_store *store)
{
	if (!store)
		return;
	chunk_write(store);
	store->at = 0;
	write_all(store, &store->head, sizeof(store->head));
}
