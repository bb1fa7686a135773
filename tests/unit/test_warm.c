/* Answers taken out of the cache and put back in a later life: the same, for no longer, and nothing else. */
#include "gate_world.h"

#include "edge/cache_store.h"

#include "folder.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct entry *keep(struct ng_gate *gate, const char *name, struct ng_answer *answer)
{
	const struct question_key key = {.route = 1, .type = NG_TYPE_A, .name = name_of(name)};
	const struct ng_addr server = addr_of("192.0.2.53");
	struct entry *entry;

	assert_int_equal(entry_make(gate, &key, answer, &server, &entry), NG_OK);
	assert_true(cache_keep(gate, entry, 1));
	return entry;
}

static struct entry *look(struct ng_gate *gate, const char *name)
{
	const struct question_key key = {.route = 1, .type = NG_TYPE_A, .name = name_of(name)};

	return cache_find(gate, &key);
}

/* An alias with two addresses behind it, and a name that does not exist. */
static void fill(struct ng_gate *gate)
{
	struct ng_rr rrs[3], soa;
	struct ng_answer answer = {.rrs = rrs, .n = 3};
	struct ng_answer gone = {.rcode = NG_RCODE_NXDOMAIN, .soa = &soa};
	uint8_t data[22] = {0};
	struct arena arena;

	arena_init(&arena, 1u << 16);
	rr_make(&arena, "a.example", NG_TYPE_CNAME, 100, "B.example", &rrs[0]);
	rr_make(&arena, "b.example", NG_TYPE_A, 60, "203.0.113.1", &rrs[1]);
	rr_make(&arena, "b.example", NG_TYPE_A, 60, "203.0.113.2", &rrs[2]);
	keep(gate, "a.example", &answer);
	rr_make(&arena, "example", NG_TYPE_CNAME, 50, "x", &soa);
	soa.type = NG_TYPE_SOA;
	soa.rdata = data;
	soa.rdlen = sizeof(data);
	data[21] = 40;
	keep(gate, "gone.example", &gone);
	arena_finish(&arena);
}

struct rows {
	uint8_t octets[8][NG_CACHED_MAX];
	size_t len[8], n;
};

static void rows_take(struct ng_gate *gate, struct rows *rows)
{
	uint64_t cursor = 0;

	rows->n = 0;
	while (ng_gate_cached_at(gate, &cursor, rows->octets[rows->n], &rows->len[rows->n]))
		if (rows->len[rows->n])
			assert_true(++rows->n < 8);
}

static struct rows rows;

static void the_same_for_the_rest_of_its_time(void **state)
{
	struct ng_gate *gate = gate_make(), *next = gate_make();
	struct entry *entry;

	(void)state;
	ng_gate_tick(gate, 10 * SECOND_US);
	fill(gate);
	rows_take(gate, &rows);
	assert_int_equal(rows.n, 2);
	for (size_t i = 0; i < rows.n; i++)
		assert_int_equal(
			ng_gate_cached_put(next, 40 * SECOND_US, rows.octets[i], rows.len[i]),
			NG_OK);
	entry = look(next, "a.example");
	assert_non_null(entry);
	assert_int_equal(entry->until_us, 70 * SECOND_US);
	assert_int_equal(entry->stored_us, 10 * SECOND_US);
	assert_int_equal(entry->n, 3);
	assert_memory_equal(entry_rdata(entry, 0), "\1b\7example", 11);
	assert_memory_equal(entry_rdata(entry, 2), "\313\0\161\2", 4);
	assert_int_equal(entry->share->sandbox, 1);
	entry = look(next, "gone.example");
	assert_non_null(entry);
	assert_int_equal(entry->rcode, NG_RCODE_NXDOMAIN);
	assert_int_equal(entry->until_us, 50 * SECOND_US);
	assert_int_equal(ng_gate_cached_put(next, 70 * SECOND_US, rows.octets[0], rows.len[0]),
			 NG_E_RANGE);
	ng_gate_destroy(gate);
	ng_gate_destroy(next);
}

/* Whatever an image says, what is kept is well-formed, ends in time, and is found by its own question. */
static void hostile_images(void **state)
{
	struct ng_gate *gate = gate_make(), *next = gate_make();
	uint64_t random = 88172645463325252u;
	static uint8_t octets[NG_CACHED_MAX];

	(void)state;
	fill(gate);
	rows_take(gate, &rows);
	for (size_t i = 0; i < rows.n; i++) {
		for (size_t len = 0; len < rows.len[i]; len++)
			assert_int_not_equal(ng_gate_cached_put(next, 1, rows.octets[i], len),
					     NG_OK);
	}
	for (unsigned round = 0; round < 20000; round++) {
		size_t i = round % rows.n;

		memcpy(octets, rows.octets[i], rows.len[i]);
		for (unsigned flips = 0; flips < 1 + round % 3; flips++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			octets[random % rows.len[i]] ^= (uint8_t)(random >> 40);
		}
		(void)!ng_gate_cached_put(next, 1, octets, rows.len[i]);
	}
	for (size_t i = 0; i < next->cache.room; i++) {
		for (struct entry *entry = next->cache.buckets[i]; entry; entry = entry->next) {
			const struct question_key key = entry_key(entry);

			assert_ptr_equal(cache_find(next, &key), entry);
			assert_true(entry->until_us <=
				    entry->stored_us + (uint64_t)NG_TTL_MAX_S * SECOND_US);
		}
	}
	ng_gate_destroy(gate);
	ng_gate_destroy(next);
}

/* ---- the file ---- */

static unsigned seen;

static void row_seen(void *context, const uint8_t *octets, size_t len)
{
	(void)context;
	assert_int_equal(len, 1000 + seen);
	assert_int_equal(octets[len - 1], (uint8_t)seen);
	seen++;
}

static unsigned rows_of(struct cache_store *store)
{
	seen = 0;
	cache_store_each(store, row_seen, NULL);
	return seen;
}

static void image_write(struct cache_store *store, unsigned n, bool whole)
{
	static uint8_t row[CACHE_STORE_ROW];

	cache_store_begin(store);
	for (unsigned i = 0; i < n; i++) {
		row[1000 + i - 1] = (uint8_t)i;
		cache_store_add(store, row, 1000 + i);
	}
	if (whole)
		assert_true(cache_store_end(store) > 1000 * n);
}

/* As the next life finds it. */
static struct cache_store *again(struct cache_store *store)
{
	cache_store_close(store);
	assert_int_equal(cache_store_open(folder, &store), NG_OK);
	return store;
}

static struct cache_store *stage(void)
{
	struct cache_store *store;

	assert_int_equal(mkdir(path_of("worker"), 0700), 0);
	put("worker/cache", "something else");
	assert_int_equal(cache_store_open(folder, &store), NG_OK);
	return store;
}

static void clear(struct cache_store *store)
{
	cache_store_close(store);
	unlink(path_of("worker/cache"));
	unlink(path_of("worker/cache2"));
	rmdir(path_of("worker"));
}

static void images_take_turns(void **state)
{
	struct cache_store *store = stage();

	(void)state;
	assert_int_equal(rows_of(store), 0);
	for (unsigned n = 1; n <= 5; n++) {
		image_write(store, 100 * n, true);
		store = again(store);
		assert_int_equal(rows_of(store), 100 * n);
		assert_int_equal(rows_of(store), 100 * n);
	}
	/* In one life as well, whatever was the newest at its start. */
	for (unsigned n = 1; n <= 3; n++)
		image_write(store, 10 * n, true);
	image_write(store, 900, false);
	store = again(store);
	assert_int_equal(rows_of(store), 30); /* half-written is none */
	image_write(store, 900, false);
	cache_store_begin(store); /* nor is one that was begun and begun again */
	store = again(store);
	assert_int_equal(rows_of(store), 30);
	cache_store_begin(store);
	(void)cache_store_end(store); /* one without rows is one, and the newest */
	assert_int_equal(rows_of(store), 0);
	clear(store);
}

static void void_ones_stay_so(void **state)
{
	struct cache_store *store = stage();
	struct stat file;

	(void)state;
	(void)rows_of(store);
	image_write(store, 10, true);
	image_write(store, 20, true);
	image_write(store, 300, false);
	cache_store_void(store);
	cache_store_add(store, (const uint8_t *)"x", 1); /* of the one that was being made */
	assert_int_equal(cache_store_end(store), 0);
	assert_int_equal(rows_of(store), 0);
	store = again(store);
	assert_int_equal(rows_of(store), 0);
	image_write(store, 7, true);
	assert_int_equal(stat(path_of("worker/cache"), &file), 0);
	assert_true(file.st_size < 10000); /* nothing is left of the three hundred */
	store = again(store);
	assert_int_equal(rows_of(store), 7);
	clear(store);
}

/* Not even what stands before the damage: what an earlier image says is believed then. */
static void damaged_ones_are_none(void **state)
{
	static const struct {
		off_t at, len; /* len 0: it ends there */
	} cases[] = {{0, 1},  {8, 8},      {48, 1},     {60, 1},
		     {64, 4}, {300000, 1}, {400000, 0}, {40, 0}};
	struct cache_store *store = stage();

	(void)state;
	(void)rows_of(store);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd;

		cache_store_void(store);
		image_write(store, 5, true);   /* in the first file */
		image_write(store, 900, true); /* in the other */
		fd = open(path_of("worker/cache2"), O_RDWR);
		if (cases[i].len)
			assert_int_equal(
				pwrite(fd, "????????", (size_t)cases[i].len, cases[i].at),
				cases[i].len);
		else
			assert_int_equal(ftruncate(fd, cases[i].at), 0);
		close(fd);
		store = again(store);
		assert_int_equal(rows_of(store), 5);
		image_write(store, 6, true);
		store = again(store);
		assert_int_equal(rows_of(store), 6);
	}
	clear(store);
}

/* A hole that says it is very many empty chunks: no start waits until they are counted. */
static void holes_are_not_counted(void **state)
{
	const uint64_t chunks = UINT64_C(1) << 34;
	struct cache_store *store = stage();
	int fd = open(path_of("worker/cache"), O_RDWR);

	(void)state;
	(void)rows_of(store);
	image_write(store, 1, true);
	assert_int_equal(pwrite(fd, &chunks, sizeof(chunks), 48), sizeof(chunks));
	assert_int_equal(ftruncate(fd, 64), 0);
	assert_int_equal(ftruncate(fd, 64 + (off_t)(4 * chunks)), 0);
	assert_int_equal(rows_of(store), 0);
	close(fd);
	clear(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_for_the_rest_of_its_time),
		cmocka_unit_test(hostile_images),
		cmocka_unit_test(images_take_turns),
		cmocka_unit_test(void_ones_stay_so),
		cmocka_unit_test(damaged_ones_are_none),
		cmocka_unit_test(holes_are_not_counted),
	};

	if (folder_make())
		return 1;
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
