/* The rows of the lease store: what they share, how small they are, and files of the layout before. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/lease_store_rows.h"
#include "offline/history.h"
#include <endian.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOM   100000 /* of the history */
#define BEFORE "store3-"

struct world {
	char folder[64], boot[40];
	struct lease_store *store;
};

static void close_store(struct world *world)
{
	lease_store_close(world->store);
	world->store = NULL;
}

static void open_store(struct world *world)
{
	char why[LEASE_STORE_WHY] = "";

	close_store(world);
	assert_int_equal(lease_store_open(world->folder, ROOM, &world->store, why), NG_OK);
}

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	FILE *boot = fopen("/proc/sys/kernel/random/boot_id", "re");

	assert_non_null(boot);
	assert_non_null(fgets(world->boot, LEASE_BOOT_ID, boot));
	fclose(boot);
	snprintf(world->folder, sizeof(world->folder), "/tmp/namegate-rows-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;
	char command[128];

	lease_store_close(world->store);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
	free(world);
	return system(command);
}

static void path_of(const struct world *world, const char *layout, const char *boot,
		    char out[static 200])
{
	snprintf(out, 200, "%s/worker/%s%s", world->folder, layout, boot);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct ng_addr addr_of(uint32_t number)
{
	const uint32_t big = htobe32(number);

	return ng_addr_make(NG_IPV4, (const uint8_t *)&big);
}

static struct ng_name name_of(const char *text)
{
	struct ng_name name;

	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	return name;
}

/* ---- how much there is ---- */

struct size {
	size_t rows, octets;
};

static struct size size_of(const struct world *world, const char *table)
{
	struct size size = {0};
	char path[200];
	MDB_env *env;
	MDB_txn *txn;
	MDB_stat stat;
	MDB_dbi dbi;

	path_of(world, LEASE_FILE_LAYOUT, world->boot, path);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, LEASE_TABLES), 0);
	assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0600),
			 0);
	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	assert_int_equal(mdb_stat(txn, dbi, &stat), 0);
	size.rows = stat.ms_entries;
	size.octets = (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) *
		      stat.ms_psize;
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return size;
}

#define ANSWER 4 /* addresses of one */

/* One answer of that sandbox, each of its addresses a lease. */
static void put_answer(struct world *world, uint32_t sandbox, uint32_t number)
{
	struct ng_addr addrs[ANSWER];
	struct ng_name name;
	char text[64], box[16];

	snprintf(text, sizeof(text), "x%u.cdn.example.com", number);
	snprintf(box, sizeof(box), "box%u", sandbox);
	name = name_of(text);
	for (uint32_t i = 0; i < ANSWER; i++)
		addrs[i] = addr_of((number * ANSWER + i + 1) * 2654435761u);
	for (uint32_t i = 0; i < ANSWER; i++)
		lease_store_put(world->store,
				&(struct lease_row){
					.sandbox = sandbox,
					.sandbox_name = box,
					.addr = addrs[i],
					.name = &name,
					.trail = {.names = &name,
						  .n_names = 1,
						  .addrs = addrs,
						  .n_addrs = ANSWER},
					.type = 1,
					.rule = "/etc/namegate/lists/base.list:1234",
					.until_us = 900000000000 + number,
					.last_s = 1795000000,
					.until_s = 1795003600,
				});
}

static void check_size(struct world *world, size_t rows)
{
	struct size live, shared;

	lease_store_commit(world->store);
	live = size_of(world, LEASE_TABLE_LIVE);
	shared = size_of(world, LEASE_TABLE_SHARED);
	assert_int_equal(live.rows, rows);
	if ((live.octets + shared.octets) / rows > 120)
		fail_msg("%zu octets a lease", (live.octets + shared.octets) / rows);
}

/* Pages are left half empty where rows come in the order of the keys: the worst there is. */
static void a_hundred_thousand_one_sandbox_after_the_other(void **state)
{
	struct world *world = *state;

	open_store(world);
	for (uint32_t i = 0; i < 25000; i++)
		put_answer(world, 1 + i / 25, i % 25);
	check_size(world, 100000);
}

static void a_hundred_thousand_in_turn(void **state)
{
	struct world *world = *state;

	open_store(world);
	for (uint32_t i = 0; i < 25000; i++)
		put_answer(world, 1 + i % 1000, i / 1000);
	check_size(world, 100000);
	for (uint32_t i = 1; i <= 1000; i++)
		lease_store_drop_sandbox(world->store, i, 1795000100);
	lease_store_commit(world->store);
	assert_int_equal(size_of(world, LEASE_TABLE_LIVE).rows, 0);
	assert_int_equal(size_of(world, LEASE_TABLE_SHARED).rows, 0);
}

/* ---- what is shared ---- */

static struct lease_row row_of(const struct ng_name *name, const struct ng_addr *addrs,
			       size_t n_addrs, uint64_t until_us)
{
	return (struct lease_row){
		.sandbox = 7,
		.sandbox_name = "box7",
		.addr = addrs[0],
		.name = name,
		.trail = {.names = name, .n_names = 1, .addrs = addrs, .n_addrs = n_addrs},
		.type = 1,
		.rule = "box.list:3",
		.until_us = until_us,
		.last_s = 5000,
		.until_s = 5060,
	};
}

struct seen {
	size_t n, n_addrs;
	uint64_t until_us, first_s;
	char rule[64];
};

static bool note(void *context, const struct lease_row *row)
{
	struct seen *seen = context;

	seen->n++;
	seen->n_addrs = row->trail.n_addrs;
	seen->until_us = row->until_us;
	seen->first_s = row->first_s;
	snprintf(seen->rule, sizeof(seen->rule), "%s", row->rule);
	return true;
}

static struct seen look(struct world *world)
{
	struct seen seen = {0};

	(void)lease_store_each(world->store, 100, 5001, note, &seen);
	return seen;
}

/* Another answer of the same name, or another line of the list: the row is the same, and moves. */
static void a_lease_follows_its_answer(void **state)
{
	struct world *world = *state;
	const struct ng_name name = name_of("a.example");
	const struct ng_addr addrs[] = {addr_of(1), addr_of(2)};
	struct lease_row row = row_of(&name, addrs, 2, 900);
	struct seen seen;

	open_store(world);
	lease_store_put(world->store, &row);
	row = row_of(&name, addrs, 1, 800); /* it does not last longer */
	lease_store_put(world->store, &row);
	assert_int_equal(look(world).n_addrs, 2);
	row.until_us = 1000;
	row.last_s = 5030;
	row.rule = "box.list:4";
	lease_store_put(world->store, &row);
	lease_store_commit(world->store);
	open_store(world);
	seen = look(world);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.n_addrs, 1);
	assert_int_equal(seen.until_us, 1000);
	assert_int_equal(seen.first_s, 5000);
	assert_string_equal(seen.rule, "box.list:4");
	assert_int_equal(size_of(world, LEASE_TABLE_SHARED).rows, 2);
}

/* The last user takes it along, over restarts too: each process has numbers of its own. */
static void what_nobody_shares_goes(void **state)
{
	struct world *world = *state;
	const struct ng_name name = name_of("a.example");
	const struct ng_addr addrs[] = {addr_of(1), addr_of(2), addr_of(3)};
	struct lease_row row = row_of(&name, addrs, 3, 900);

	for (size_t i = 0; i < 3; i++) {
		open_store(world);
		row.addr = addrs[i];
		lease_store_put(world->store, &row);
		lease_store_commit(world->store);
	}
	assert_int_equal(look(world).n, 3);
	for (size_t i = 0; i < 3; i++) {
		open_store(world);
		row.addr = addrs[i];
		lease_store_end(world->store, &row, LEASE_REVOKED, 5001);
		lease_store_commit(world->store);
		assert_int_equal(look(world).n, 2 - i);
	}
	assert_int_equal(size_of(world, LEASE_TABLE_SHARED).rows, 0);
}

/* A turn that is not kept leaves counts as they were. */
static void what_is_not_kept_counts_not(void **state)
{
	struct world *world = *state;
	const struct ng_name name = name_of("a.example");
	const struct ng_addr addrs[] = {addr_of(1), addr_of(2)};
	struct lease_row row = row_of(&name, addrs, 2, 900);
	pid_t pid;
	int status;

	open_store(world);
	lease_store_put(world->store, &row);
	lease_store_commit(world->store);
	close_store(world);
	pid = fork();
	if (pid == 0) {
		open_store(world);
		row.addr = addrs[1];
		lease_store_put(world->store, &row);
		_exit(0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	open_store(world);
	assert_int_equal(look(world).n, 1);
	row.addr = addrs[0];
	lease_store_end(world->store, &row, LEASE_REVOKED, 5001);
	lease_store_commit(world->store);
	assert_int_equal(size_of(world, LEASE_TABLE_SHARED).rows, 0);
}

/* ---- the layout before ---- */

/* As that layout's program wrote rows: all of a lease in its own key and value. */
struct old_key {
	uint8_t sandbox[4];
	struct ng_addr client, addr;
	uint8_t port[3];
	uint8_t rest[64];
} __attribute__((packed));

struct old_value {
	uint64_t until_us, first_s, last_s, until_s;
	uint16_t type;
	uint8_t refused, renewed, local, n_names;
	uint16_t n_addrs;
	char text[400];
};

struct old_ended {
	uint64_t first_s, last_s, end_s;
	uint16_t type, key_len;
	uint8_t refused, why, pad[2];
	uint8_t text[400];
};

static size_t old_key(struct old_key *key, uint8_t sandbox, uint32_t addr,
		      const struct ng_name *name)
{
	const uint64_t way = 77;

	*key = (struct old_key){
		.sandbox = {0, 0, 0, sandbox}, .addr = addr_of(addr), .port = {6, 1, 187}};
	memcpy(key->rest, name->wire, name->len);
	memcpy(key->rest + name->len, &way, sizeof(way));
	return offsetof(struct old_key, rest) + name->len + sizeof(way);
}

static void old_put(MDB_txn *txn, const char *table, const void *key, size_t key_len,
		    const void *value, size_t len)
{
	MDB_val at = {key_len, (void *)(uintptr_t)key};
	MDB_val what = {len, (void *)(uintptr_t)value};
	MDB_dbi dbi;

	assert_int_equal(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &at, &what, 0), 0);
}

/* Two names, an address, and the end that they gave it, where a flow keeps it. */
static void old_live(MDB_txn *txn, uint64_t until_us)
{
	const struct ng_name names[] = {name_of("www.good.example"), name_of("cdn.example")};
	const struct ng_addr addr = addr_of(0x01020304);
	const uint64_t ends_us = until_us - 5;
	struct old_value value = {.until_us = until_us,
				  .first_s = 5000,
				  .last_s = 5030,
				  .until_s = 5090,
				  .type = 28,
				  .renewed = 1,
				  .local = 1,
				  .n_names = 2,
				  .n_addrs = 0x8001};
	struct old_key key;
	char *to = value.text;

	memcpy(to, "box7\0box.list:3", 16);
	to += 16;
	for (size_t i = 0; i < 2; i++, to += names[i - 1].len)
		memcpy(to, names[i].wire, names[i].len);
	memcpy(to, &addr, sizeof(addr));
	memcpy(to + sizeof(addr), &ends_us, sizeof(ends_us));
	to += sizeof(addr) + sizeof(ends_us);
	old_put(txn, "leases", &key, old_key(&key, 7, 0x01020304, names), &value,
		(size_t)(to - (char *)&value));
	old_put(txn, "leases", "garbage", 7, "garbage", 7);
}

static void old_history(MDB_txn *txn)
{
	const struct ng_name name = name_of("gone.example");
	struct old_ended value = {.first_s = 4000,
				  .last_s = 4010,
				  .end_s = 4070,
				  .type = 1,
				  .why = LEASE_REVOKED};
	const uint64_t number = htobe64(5);
	const uint32_t count = 1;
	struct old_key key;
	uint8_t index[12] = {0, 0, 0, 8};
	size_t len = old_key(&key, 8, 0x05060708, &name);

	value.key_len = (uint16_t)len;
	memcpy(value.text, &key, len);
	memcpy(value.text + len, "box8\0box.list:9", 16);
	memcpy(index + 4, &number, sizeof(number));
	old_put(txn, "history", &number, sizeof(number), &value,
		offsetof(struct old_ended, text) + len + 16);
	old_put(txn, "history-of-sandbox", index, sizeof(index), "", 0);
	old_put(txn, "history-per-sandbox", index, 4, &count, sizeof(count));
}

static void old_waiting(MDB_txn *txn)
{
	struct {
		uint64_t count, first_s, last_s;
		uint32_t sandbox, line;
		uint8_t name_len, pad[7];
		char text[64];
	} value = {.count = 6, .first_s = 4990, .last_s = 4995, .sandbox = 7, .line = 3};
	const struct ng_name name = name_of("a.example");
	uint64_t id = htobe64(42), last = 43, none = 0;

	value.name_len = name.len;
	memcpy(value.text, name.wire, name.len);
	memcpy(value.text + name.len, "box.list", 9);
	old_put(txn, "waiting", &id, sizeof(id), &value,
		(size_t)(value.text - (char *)&value) + name.len + 9u);
	old_put(txn, "waiting", &none, sizeof(none), &last, sizeof(last));
}

static void make_old(const struct world *world, const char *boot, uint64_t until_us)
{
	char path[200];
	MDB_env *env;
	MDB_txn *txn;

	snprintf(path, sizeof(path), "%s/worker", world->folder);
	(void)mkdir(path, 0700);
	path_of(world, BEFORE, boot, path);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 5), 0);
	assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	old_live(txn, until_us);
	old_history(txn);
	old_waiting(txn);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static bool note_whole(void *context, const struct lease_row *row)
{
	const struct ng_name names[] = {name_of("www.good.example"), name_of("cdn.example")};
	const struct ng_addr addr = addr_of(0x01020304);
	const uint64_t *until_us = context;

	assert_int_equal(row->sandbox, 7);
	assert_string_equal(row->sandbox_name, "box7");
	assert_int_equal(row->client.family, 0);
	assert_true(ng_addr_equal(&row->addr, &addr));
	assert_int_equal(row->port.proto, 6);
	assert_int_equal(row->port.port, 443);
	assert_true(ng_name_same(row->name, &names[0]));
	assert_int_equal(row->way, 77);
	assert_int_equal(row->trail.n_names, 2);
	assert_true(ng_name_same(&row->trail.names[1], &names[1]));
	assert_int_equal(row->trail.n_addrs, 1);
	assert_true(ng_addr_equal(&row->trail.addrs[0], &addr));
	assert_int_equal(row->trail.local, 1);
	assert_false(row->trail.replaces);
	assert_int_equal(row->type, 28);
	assert_string_equal(row->rule, "box.list:3");
	assert_int_equal(row->until_us, *until_us);
	assert_int_equal(row->ends_us, *until_us - 5);
	assert_int_equal(row->first_s, 5000);
	assert_int_equal(row->last_s, 5030);
	assert_int_equal(row->until_s, 5090);
	assert_true(row->renewed);
	return true;
}

static bool note_waiting(void *context, const struct ng_waiting *waiting)
{
	uint64_t *count = context;

	assert_int_equal(waiting->id, 42);
	*count += waiting->count;
	return true;
}

static size_t in_history(struct world *world, uint32_t sandbox, enum lease_end ended)
{
	struct history_cursor cursor = {0};
	struct history *history = NULL;
	char why[HISTORY_WHY] = "";
	struct lease_row row;
	size_t n = 0;

	assert_int_equal(history_read(world->folder, &history, why), NG_OK);
	while (history_next(history, &cursor, &row))
		n += row.sandbox == sandbox && row.ended == ended;
	history_free(history);
	return n;
}

/* A program that is replaced by this one: leases keep names and time, and so does all else. */
static void an_upgrade_keeps_all(void **state)
{
	struct world *world = *state;
	uint64_t until_us = now_us() + 1000000000, count = 0;
	char path[200];

	make_old(world, world->boot, until_us);
	open_store(world);
	open_store(world); /* and not twice */
	assert_int_equal(lease_store_each(world->store, 100, 5001, note_whole, &until_us), 1);
	assert_int_equal(
		lease_store_waitings(world->store, 1000000, 5001, note_waiting, &count), 43);
	assert_int_equal(count, 6);
	assert_int_equal(in_history(world, 7, LEASE_STANDS), 1);
	assert_int_equal(in_history(world, 8, LEASE_REVOKED), 1);
	path_of(world, BEFORE, world->boot,
		path); /* it would tell leases that have been revoked */
	assert_int_equal(access(path, F_OK), -1);
}

/* Where the machine was started anew as well, they have ended with it. */
static void an_upgrade_over_a_reboot_keeps_the_history(void **state)
{
	struct world *world = *state;

	make_old(world, "00000000-0000-0000-0000-000000000001", now_us() + 1000000000);
	open_store(world);
	open_store(world);
	assert_int_equal(lease_store_each(world->store, 100, 5001, NULL, NULL), 0);
	assert_int_equal(in_history(world, 7, LEASE_TIME) + in_history(world, 7, LEASE_REBOOT),
			 1);
	assert_int_equal(in_history(world, 8, LEASE_REVOKED), 1);
}

/* One of another boot may look younger: copied by hand, or written while the clock was ahead. */
static void an_upgrade_takes_this_boots(void **state)
{
	struct world *world = *state;
	const struct timespec late[] = {{.tv_sec = 4000000000}, {.tv_sec = 4000000000}};
	uint64_t until_us = now_us() + 1000000000;
	char path[200];

	make_old(world, world->boot, until_us);
	make_old(world, "00000000-0000-0000-0000-000000000001", until_us);
	path_of(world, BEFORE, "00000000-0000-0000-0000-000000000001", path);
	assert_int_equal(utimensat(AT_FDCWD, path, late, 0), 0);
	open_store(world);
	assert_int_equal(lease_store_each(world->store, 100, 5001, note_whole, &until_us), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hundred_thousand_one_sandbox_after_the_other,
						begin, end),
		cmocka_unit_test_setup_teardown(a_hundred_thousand_in_turn, begin, end),
		cmocka_unit_test_setup_teardown(a_lease_follows_its_answer, begin, end),
		cmocka_unit_test_setup_teardown(what_nobody_shares_goes, begin, end),
		cmocka_unit_test_setup_teardown(what_is_not_kept_counts_not, begin, end),
		cmocka_unit_test_setup_teardown(an_upgrade_keeps_all, begin, end),
		cmocka_unit_test_setup_teardown(an_upgrade_over_a_reboot_keeps_the_history,
						begin, end),
		cmocka_unit_test_setup_teardown(an_upgrade_takes_this_boots, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
