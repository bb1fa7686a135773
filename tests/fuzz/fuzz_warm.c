/*
 * The file of the cache as a worker finds it. The first octet says what is put right in the rest, so
 * that chunks are reached: 1, magic and boot; 2, the number of chunks and their hash; without 1 the rest is
 * one row, with no file around it. What was taken in is well-formed, ends in time, and can be written and
 * taken in again.
 */
#include "config.h"
#include "edge/cache_store.h"
#include "gate/engine.h"

#include "base/hash.h"
#include "fuzz.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW  (100 * SECOND_US)
#define HEAD 64 /* magic, boot, number of chunks, hash */

static struct ng_name name_of(const char *text)
{
	struct ng_name name;

	fuzz_must(ng_name_from_text(text, strlen(text), &name) == NG_OK);
	return name;
}

static struct ng_gate *gate_make(uint32_t octets)
{
	struct ng_route routes[2] = {{.id = 1, .origin = 11, .zone = name_of(".")},
				     {.id = 2, .origin = 22, .zone = name_of("corp.internal")}};
	struct ng_sandbox box = {.id = 1, .name = "box1", .mode = NG_ENFORCE, .n_sources = 1};
	struct ng_generation generation = {.version = 1,
					   .routes = routes,
					   .n_routes = 2,
					   .sandboxes = &box,
					   .n_sandboxes = 1};
	struct ng_gate *gate;

	fuzz_must(ng_prefix_parse("10.66.0.2", &box.sources[0]) == NG_OK);
	generation.settings.limits.cache_octets = octets;
	fuzz_must(ng_gate_create(3, &gate) == NG_OK);
	fuzz_must(ng_gate_apply(gate, 0, &generation) == NG_OK);
	return gate;
}

/* ---- the file ---- */

static const char *folder_of(void)
{
	static char folder[64];
	char path[80];

	if (folder[0])
		return folder;
	snprintf(folder, sizeof(folder), "/tmp/namegate-fuzz-XXXXXX");
	fuzz_must(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/worker", folder);
	fuzz_must(mkdir(path, 0700) == 0);
	return folder;
}

static void folder_remove(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/worker", folder_of());
	rmdir(path);
	rmdir(folder_of());
}

/* Whole chunks are hashed as the reader does; what follows them is never read. */
static void chunks_sign(uint8_t *octets, size_t size)
{
	uint64_t chunks = 0, hash = 0;
	uint32_t len;

	for (size_t at = HEAD; size - at >= sizeof(len); at += len) {
		memcpy(&len, octets + at, sizeof(len));
		at += sizeof(len);
		if (len > size - at)
			break;
		hash = hash_octets(octets + at, len, hash);
		chunks++;
	}
	memcpy(octets + 48, &chunks, sizeof(chunks));
	memcpy(octets + 56, &hash, sizeof(hash));
}

static void head_sign(uint8_t *octets, int flags, size_t size)
{
	static char boot[36];
	FILE *file = boot[0] ? NULL : fopen("/proc/sys/kernel/random/boot_id", "re");

	if (file) {
		fuzz_must(fread(boot, 1, sizeof(boot), file) == sizeof(boot));
		fclose(file);
	}
	memcpy(octets, "ngcache2", 8);
	memcpy(octets + 8, boot, sizeof(boot));
	if (flags & 2)
		chunks_sign(octets, size);
}

static void put(void *context, const uint8_t *octets, size_t len)
{
	fuzz_must(len <= 4u * CACHE_STORE_ROW);
	(void)!ng_gate_cached_put(context, NOW, octets, len);
}

static void never(void *context, const uint8_t *octets, size_t len)
{
	(void)context, (void)octets, (void)len;
	fuzz_must(!"a file that was made void is");
}

static void file_read(struct ng_gate *gate, int flags, const uint8_t *data, size_t size)
{
	uint8_t *octets = malloc(size ? size : 1);
	struct cache_store *store;
	char path[80];
	int fd;

	fuzz_must(octets != NULL);
	memcpy(octets, data, size);
	if (size >= HEAD)
		head_sign(octets, flags, size);
	snprintf(path, sizeof(path), "%s/worker/cache", folder_of());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_must(fd >= 0 && write(fd, octets, size) == (ssize_t)size);
	close(fd);
	fuzz_must(cache_store_open(folder_of(), &store) == NG_OK);
	cache_store_each(store, put, gate);
	cache_store_void(store);
	cache_store_each(store, never, NULL);
	cache_store_close(store);
	unlink(path);
	snprintf(path, sizeof(path), "%s/worker/cache2", folder_of());
	unlink(path);
	free(octets);
}

/* ---- what was taken in ---- */

static void entry_check(struct ng_gate *gate, struct entry *entry)
{
	const struct question_key key = entry_key(entry);
	struct ng_name name;

	fuzz_must(cache_find(gate, &key) == entry);
	fuzz_must(key.route == 1 || key.route == 2);
	fuzz_must(entry->until_us > NOW && entry->stored_us <= NOW);
	fuzz_must(entry->until_us <= entry->stored_us + (uint64_t)NG_TTL_MAX_S * SECOND_US);
	fuzz_must(entry->rcode == NG_RCODE_NOERROR || entry->rcode == NG_RCODE_NXDOMAIN);
	for (size_t i = 0; i < (size_t)entry->n + entry->has_soa; i++) {
		const struct ng_name owner = entry_owner(entry, i);

		fuzz_must(ng_name_from_wire(owner.wire, owner.len, &name) == NG_OK);
		fuzz_must(entry->rrs[i].type != NG_TYPE_A || entry->rrs[i].rdlen == 4);
		fuzz_must(entry->rrs[i].type != NG_TYPE_CNAME ||
			  ng_name_from_wire(entry_rdata(entry, i), entry->rrs[i].rdlen,
					    &name) == NG_OK);
	}
}

static void same(const struct entry *a, const struct entry *b)
{
	fuzz_must(b != NULL);
	fuzz_must(a->n == b->n && a->has_soa == b->has_soa && a->rcode == b->rcode);
	fuzz_must(a->stored_us == b->stored_us && a->until_us == b->until_us);
	fuzz_must(a->share->sandbox == b->share->sandbox && a->negative == b->negative);
	for (size_t i = 0; i < (size_t)a->n + a->has_soa; i++) {
		fuzz_must(a->rrs[i].type == b->rrs[i].type && a->rrs[i].ttl == b->rrs[i].ttl);
		/* A pointer to a name that was written before may bring that one's case along. */
		if (a->rrs[i].type == NG_TYPE_CNAME)
			continue;
		fuzz_must(a->rrs[i].rdlen == b->rrs[i].rdlen &&
			  !memcmp(entry_rdata(a, i), entry_rdata(b, i), a->rrs[i].rdlen));
	}
}

/* Written, and taken in by the next: all that fits into messages is the same there. */
static void once_more(struct ng_gate *gate)
{
	static uint8_t octets[NG_CACHED_MAX];
	struct ng_gate *next = gate_make(0);
	uint64_t cursor = 0;
	size_t len;

	while (ng_gate_cached_at(gate, &cursor, octets, &len))
		fuzz_must(!len || ng_gate_cached_put(next, NOW, octets, len) == NG_OK);
	for (size_t i = 0; i < next->cache.room; i++)
		for (struct entry *entry = next->cache.buckets[i]; entry; entry = entry->next) {
			const struct question_key key = entry_key(entry);

			same(entry, cache_find(gate, &key));
		}
	ng_gate_destroy(next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ng_gate *gate;

	if (!size)
		return 0;
	gate = gate_make(data[0] & 4 ? 2048 : 0);
	if (data[0] & 1)
		file_read(gate, data[0], data + 1, size - 1);
	else
		put(gate, data + 1, size - 1);
	for (size_t i = 0; i < gate->cache.room; i++)
		for (struct entry *entry = gate->cache.buckets[i]; entry; entry = entry->next)
			entry_check(gate, entry);
	once_more(gate);
	ng_gate_destroy(gate);
	return 0;
}

__attribute__((destructor)) static void finish(void)
{
	folder_remove();
}
