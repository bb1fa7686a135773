/*
 * The image is a head and chunks of rows behind it. Each chunk is hashed together with those before,
 * and the head is voided before an image is made and written last: one that a kill left half-written,
 * or that another boot made, is none, and the one before it is the newest then. The files are written in
 * place by descriptors that were opened before the worker lost all paths, so nothing is renamed, and
 * nothing waits for the disk.
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
#define WRITTEN (16u << 10) /* octets that are enough for a chunk */
#define FILES   2
#define BOOT_ID 36
#define MAGIC   "ngcache2"

struct head {
	char magic[8];
	char boot[BOOT_ID];
	uint32_t generation; /* the higher one is the newer */
	uint64_t chunks, hash;
};

struct cache_store {
	int fds[FILES];   /* -1: lost */
	int newest;       /* of the files; -1: neither is whole */
	int at_work;      /* that is being written; -1: none */
	struct head head; /* of the image there */
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

static int file_open(const char *folder, int file)
{
	static const char *const names[FILES] = {"cache", "cache2"};
	char path[4096];

	snprintf(path, sizeof(path), "%s/worker/%s", folder, names[file]);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int cache_store_open(const char *folder, struct cache_store **out)
{
	struct cache_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NG_E_NOMEM;
	memcpy(store->head.magic, MAGIC, sizeof(store->head.magic));
	store->newest = store->at_work = -1;
	for (int i = 0; i < FILES; i++)
		store->fds[i] = file_open(folder, i);
	if (store->fds[0] < 0 || store->fds[1] < 0 || boot_read(store->head.boot)) {
		cache_store_close(store);
		return NG_E_IO;
	}
	*out = store;
	return NG_OK;
}

static void file_close(struct cache_store *store, int file)
{
	if (store->fds[file] >= 0)
		close(store->fds[file]);
	store->fds[file] = -1;
}

void cache_store_close(struct cache_store *store)
{
	if (!store)
		return;
	for (int i = 0; i < FILES; i++)
		file_close(store, i);
	free(store);
}

/* ---- reading ---- */

static bool read_all(int fd, void *to, size_t n, off_t *at)
{
	ssize_t got = pread(fd, to, n, *at);

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
static bool chunks_read(struct cache_store *store, int fd, const struct head *head,
			cache_store_row row, void *context)
{
	uint64_t hash = 0;
	off_t at = sizeof(*head);

	for (uint64_t i = 0; i < head->chunks; i++) {
		uint32_t len;

		/* An empty one is never written: a hole in the file could be read as very many of them. */
		if (!read_all(fd, &len, sizeof(len), &at) || !len || len > CHUNK ||
		    !read_all(fd, store->chunk, len, &at))
			return false;
		hash = hash_octets(store->chunk, len, hash);
		if (row)
			rows_give(store, len, row, context);
	}
	return hash == head->hash;
}

/* Is there an image of this boot's, all of it as it was written? */
static bool is_whole(struct cache_store *store, int fd, struct head *head)
{
	off_t at = 0;

	return read_all(fd, head, sizeof(*head), &at) &&
	       memcmp(head->magic, store->head.magic, sizeof(head->magic)) == 0 &&
	       memcmp(head->boot, store->head.boot, sizeof(head->boot)) == 0 &&
	       chunks_read(store, fd, head, NULL, NULL);
}

void cache_store_each(struct cache_store *store, cache_store_row row, void *context)
{
	struct head heads[FILES];

	if (!store)
		return;
	store->newest = store->at_work = -1;
	store->len = 0;
	for (int i = 0; i < FILES; i++) {
		if (!is_whole(store, store->fds[i], &heads[i]))
			continue;
		if (store->newest < 0 || heads[i].generation > heads[store->newest].generation)
			store->newest = i;
	}
	if (store->newest < 0)
		return;
	store->head.generation = heads[store->newest].generation;
	(void)chunks_read(store, store->fds[store->newest], &heads[store->newest], row,
			  context);
}

/* ---- writing ---- */

/* One that cannot be made void is not used any more, and its octets go with it. */
static void file_void(struct cache_store *store, int file)
{
	static const struct head none;
	const int fd = store->fds[file];

	if (fd >= 0 && pwrite(fd, &none, sizeof(none), 0) != sizeof(none)) {
		(void)!ftruncate(fd, 0);
		file_close(store, file);
	}
}

void cache_store_void(struct cache_store *store)
{
	if (!store)
		return;
	store->newest = store->at_work = -1;
	for (int i = 0; i < FILES; i++)
		file_void(store, i);
}

void cache_store_begin(struct cache_store *store)
{
	if (!store)
		return;
	store->at_work = store->newest == 0 ? 1 : 0;
	file_void(store, store->at_work);
	store->head.chunks = store->head.hash = 0;
	store->at = sizeof(store->head);
	store->failed = store->fds[store->at_work] < 0;
	store->len = 0;
}

static void write_all(struct cache_store *store, const void *from, size_t n)
{
	ssize_t put =
		store->failed ? -1 : pwrite(store->fds[store->at_work], from, n, store->at);

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

	if (!store || store->at_work < 0 || len > CACHE_STORE_ROW)
		return;
	memcpy(store->chunk + store->len, &n, sizeof(n));
	memcpy(store->chunk + store->len + sizeof(n), octets, len);
	store->len += sizeof(n) + len;
	if (store->len >= WRITTEN)
		chunk_write(store);
}

uint64_t cache_store_end(struct cache_store *store)
{
	uint64_t size;

	if (!store || store->at_work < 0)
		return 0;
	chunk_write(store);
	size = (uint64_t)store->at;
	/* Of a longer one before it nothing is left, which may be what was flushed. */
	store->failed = store->failed || ftruncate(store->fds[store->at_work], store->at);
	store->head.generation++;
	store->at = 0;
	write_all(store, &store->head, sizeof(store->head));
	if (!store->failed)
		store->newest = store->at_work;
	store->at_work = -1;
	return size;
}
