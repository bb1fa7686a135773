/* The lease store: what comes back after a restart, and what damage does. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/lease_store.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

struct world {
	char folder[64];
	uint32_t bound; /* of the history */
	struct lease_store *store;
};

static void reopen(struct world *world)
{
	char why[LEASE_STORE_WHY] = "";

	lease_store_close(world->store);
	world->store = NULL;
	assert_int_equal(lease_store_open(world->folder, world->bound, &world->store, why),
			 NG_OK);
}

/* What the store is on: one that it may be mapped from to be changed, or another. */
static bool trusted;

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	trusted = *state == &trusted;
	world->bound = 1000;
	snprintf(world->folder, sizeof(world->folder), "/tmp/namegate-store-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	reopen(world);
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

static struct ng_addr addr(const char *text)
{
	struct ng_addr out;

	assert_int_equal(ng_addr_parse(text, &out), NG_OK);
	return out;
}

static void put_port(struct world *world, uint32_t sandbox, const char *address,
		     struct ng_port port, const char *name, uint64_t until_us)
{
	struct ng_name owner;
	struct lease_row row = {
		.sandbox = sandbox,
		.addr = addr(address),
		.port = port,
		.name = &owner,
		.trail = {.names = &owner, .n_names = 1},
		.until_us = until_us,
		.sandbox_name = "box",
		.type = 28,
		.last_s = 5000,
		.until_s = 5000 + until_us,
		.rule = "box.list:3",
	};

	assert_int_equal(ng_name_from_text(name, strlen(name), &owner), NG_OK);
	lease_store_put(world->store, &row);
}

static void put(struct world *world, uint32_t sandbox, const char *address, const char *name,
		uint64_t until_us)
{
	put_port(world, sandbox, address, (struct ng_port){0}, name, until_us);
}

struct seen {
	uint64_t n, until_us, ends_us;
	uint32_t sandbox;
	struct ng_addr addr;
	struct ng_port port;
	char name[NG_NAME_TEXT_MAX], rule[64];
	bool forget;
};

static bool note(void *context, const struct lease_row *row)
{
	struct seen *seen = context;

	seen->n++;
	seen->until_us = row->until_us;
	seen->ends_us = row->ends_us;
	seen->sandbox = row->sandbox;
	seen->addr = row->addr;
	seen->port = row->port;
	ng_name_to_text(row->name, seen->name);
	snprintf(seen->rule, sizeof(seen->rule), "%s", row->rule);
	return !seen->forget;
}

static struct seen rows(struct world *world, uint64_t now_us)
{
	struct seen seen = {0};

	uint64_t kept = lease_store_each(world->store, now_us, 6000, note, &seen);

	assert_int_equal(kept, seen.n);
	return seen;
}

static void row_comes_back_whole(void **state)
{
	struct world *world = *state;
	struct ng_addr wanted = addr("2a04:4e42::223");
	struct seen seen;

	put_port(world, 7, "2a04:4e42::223", (struct ng_port){17, 8443}, "www.good.example",
		 900);
	lease_store_commit(world->store);
	reopen(world);
	seen = rows(world, 100);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.sandbox, 7);
	assert_int_equal(seen.until_us, 900);
	assert_true(ng_addr_equal(&seen.addr, &wanted));
	assert_int_equal(seen.port.proto, 17);
	assert_int_equal(seen.port.port, 8443);
	assert_string_equal(seen.name, "www.good.example");
	assert_string_equal(seen.rule, "box.list:3");
}

static bool note_trail(void *context, const struct lease_row *row)
{
	struct lease_row *wanted = context;

	while (wanted->way != row->way)
		wanted++;
	assert_true(wanted->trail.n_names > 0); /* and only once */
	assert_int_equal(wanted->trail.n_names, row->trail.n_names);
	assert_int_equal(wanted->trail.n_addrs, row->trail.n_addrs);
	assert_int_equal(wanted->trail.local, row->trail.local);
	assert_int_equal(wanted->trail.replaces, row->trail.replaces);
	for (size_t i = 0; i < row->trail.n_names; i++)
		assert_true(ng_name_same(&wanted->trail.names[i], &row->trail.names[i]));
	if (row->trail.n_addrs)
		assert_memory_equal(wanted->trail.addrs, row->trail.addrs,
				    row->trail.n_addrs * sizeof(*row->trail.addrs));
	wanted->trail.n_names = 0;
	return true;
}

static void each_way_is_a_row_of_its_own(void **state)
{
	struct world *world = *state;
	struct ng_name names[NG_CHAIN_MAX + 1];
	const struct ng_addr addrs[] = {addr("1.2.3.4"), addr("2a04:4e42::223")};
	const struct ng_trail trails[] = {
		{.names = names, .n_names = 1, .addrs = addrs, .n_addrs = 2},
		{.names = names, .n_names = 2, .addrs = addrs, .n_addrs = 1},
		{.names = names, .n_names = 2, .addrs = addrs, .n_addrs = 1, .local = 1},
		{.names = names,
		 .n_names = 2,
		 .addrs = addrs,
		 .n_addrs = 1,
		 .local = 2,
		 .replaces = true},
		{.names = names, .n_names = NG_CHAIN_MAX + 1}};
	struct lease_row wanted[5];
	char text[32];

	for (size_t i = 0; i <= NG_CHAIN_MAX; i++) {
		snprintf(text, sizeof(text), "link%zu.example", i);
		assert_int_equal(ng_name_from_text(text, strlen(text), &names[i]), NG_OK);
	}
	for (size_t i = 0; i < 5; i++) {
		wanted[i] = (struct lease_row){.sandbox = 7,
					       .addr = addrs[0],
					       .name = names,
					       .way = i,
					       .trail = trails[i],
					       .until_us = 900};
		lease_store_put(world->store, &wanted[i]);
	}
	lease_store_commit(world->store);
	reopen(world);
	assert_int_equal(lease_store_each(world->store, 100, 100, note_trail, wanted), 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(rows(world, 100).n, 5 - i);
		lease_store_end(world->store, &wanted[i], LEASE_REVOKED, 100);
	}
	assert_int_equal(rows(world, 100).n, 0);
}

static bool note_waiting(void *context, const struct ng_waiting *waiting)
{
	char text[NG_NAME_TEXT_MAX], *said = context;

	snprintf(said + strlen(said), 256 - strlen(said), "%llu %u %s %s:%u %llu..%llu x%llu;",
		 (unsigned long long)waiting->id, waiting->sandbox,
		 ng_name_to_text(waiting->name, text), waiting->path, waiting->line,
		 (unsigned long long)waiting->first_us / 1000000,
		 (unsigned long long)waiting->last_us / 1000000,
		 (unsigned long long)waiting->count);
	return waiting->id != 41;
}

static void waiting_names_come_back(void **state)
{
	struct world *world = *state;
	struct ng_name name;
	struct ng_waiting waiting = {.id = 41,
				     .sandbox = 7,
				     .name = &name,
				     .path = "box.list",
				     .line = 3,
				     .first_us = 90000000,
				     .last_us = 95000000,
				     .count = 1};
	char said[256] = "";

	assert_int_equal(ng_name_from_text("a.example", 9, &name), NG_OK);
	lease_store_waiting(world->store, &waiting, 100000000, 5000);
	waiting.id = 42;
	lease_store_waiting(world->store, &waiting, 100000000, 5000);
	waiting.count = 6;
	lease_store_waiting(world->store, &waiting, 100000000, 5000);
	waiting.id = 43;
	waiting.count = 1;
	lease_store_waiting(world->store, &waiting, 100000000, 5000);
	waiting.gone = true;
	lease_store_waiting(world->store, &waiting, 100000000, 5000);
	lease_store_commit(world->store);
	reopen(world);
	assert_int_equal(
		lease_store_waitings(world->store, 103000000, 5003, note_waiting, said), 43);
	assert_string_equal(said, "41 7 a.example box.list:3 90..95 x1;"
				  "42 7 a.example box.list:3 90..95 x6;");
	said[0] = '\0';
	assert_int_equal(
		lease_store_waitings(world->store, 103000000, 5003, note_waiting, said), 43);
	assert_string_equal(said, "42 7 a.example box.list:3 90..95 x6;");
	assert_int_equal(lease_store_waitings(NULL, 1, 1, note_waiting, said), 0);
}

static void note_spent(void *context, const struct ng_spent *spent)
{
	char text[NG_NAME_TEXT_MAX], *said = context;

	snprintf(said + strlen(said), 256 - strlen(said), "%s %s %llu;", spent->sandbox_name,
		 ng_name_to_text(spent->owner, text), (unsigned long long)spent->until_us);
}

static void count_spent(void *context, const struct ng_spent *spent)
{
	(void)spent;
	++*(size_t *)context;
}

/* Without a commit of the caller's: a kill may come next. */
static void budgets_come_back(void **state)
{
	struct world *world = *state;
	struct ng_name owner;
	struct ng_spent spent = {"ci", &owner, 5000};
	char said[256] = "", name[8];
	size_t n = 0;

	assert_int_equal(ng_name_from_text("wild.example", 12, &owner), NG_OK);
	lease_store_spent(world->store, &spent, 1000, 100);
	spent.until_us = 7000;
	lease_store_spent(world->store, &spent, 1000, 100);
	spent = (struct ng_spent){"lab", &(struct ng_name){.len = 1}, 4000};
	lease_store_spent(world->store, &spent, 1000, 100);
	lease_store_spents(world->store, 2000, note_spent, said);
	assert_string_equal(said, "ci wild.example 7000;lab . 4000;");
	reopen(world);
	said[0] = '\0';
	lease_store_spents(world->store, 4000, note_spent, said);
	assert_string_equal(said, "ci wild.example 7000;");
	said[0] = '\0';
	lease_store_spents(world->store, 2000, note_spent, said); /* the other one has gone */
	assert_string_equal(said, "ci wild.example 7000;");
	/* What is over goes as others come, however many there are. */
	spent.sandbox_name = name;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "b%u", i);
		spent.until_us = 8010 + i;
		lease_store_spent(world->store, &spent, 8000 + i, 100);
	}
	lease_store_spents(world->store, 0, count_spent, &n);
	assert_in_range(n, 10, 100);
	lease_store_spent(NULL, &spent, 1, 1);
	lease_store_spents(NULL, 1, note_spent, said);
}

static void end_only_moves_out(void **state)
{
	struct world *world = *state;

	put(world, 7, "1.2.3.4", "good.example", 900);
	put(world, 7, "1.2.3.4", "good.example", 500);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).until_us, 900);
	put(world, 7, "1.2.3.4", "good.example", 1900);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).until_us, 1900);
	assert_int_equal(rows(world, 100).n, 1);
}

/* What a flow keeps open has two ends; one that a look-up renews after that has its own again. */
static void the_end_before_a_flow_is_kept(void **state)
{
	struct world *world = *state;
	struct ng_addr addrs[2] = {addr("1.2.3.4"), addr("2001:db8::4")};
	struct ng_name owner;
	struct lease_row row = {.sandbox = 7,
				.addr = addrs[0],
				.name = &owner,
				.trail = {&owner, 1, addrs, 2, 0, false},
				.sandbox_name = "box",
				.rule = "box.list:3"};

	assert_int_equal(ng_name_from_text("good.example", 12, &owner), NG_OK);
	put(world, 7, "1.2.3.4", "good.example", 900);
	row.until_us = 1200;
	row.ends_us = 900;
	lease_store_put(world->store, &row);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 1000).until_us, 1200);
	assert_int_equal(rows(world, 1000).ends_us, 900);
	assert_string_equal(rows(world, 1000).rule, "box.list:3");
	put(world, 7, "1.2.3.4", "good.example", 2000);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 1000).until_us, 2000);
	assert_int_equal(rows(world, 1000).ends_us, 0);
}

static void each_name_is_a_row_of_its_own(void **state)
{
	struct world *world = *state;
	struct ng_name name;
	const struct lease_row one = {.sandbox = 7, .addr = addr("1.2.3.4"), .name = &name};

	assert_int_equal(ng_name_from_text("a.example", 9, &name), NG_OK);
	put(world, 7, "1.2.3.4", "a.example", 900);
	put(world, 7, "1.2.3.4", "b.example", 900);
	put(world, 7, "1.2.3.5", "a.example", 900);
	put(world, 8, "1.2.3.4", "a.example", 900);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 4);
	lease_store_end(world->store, &one, LEASE_REVOKED, 6000);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 3);
	lease_store_drop_sandbox(world->store, 7, 6000);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 1);
	assert_int_equal(rows(world, 100).sandbox, 8);
}

/* Of names that begin alike, and of ways of one name, the one that was meant ends. */
static void one_name_of_several_is_released(void **state)
{
	static const char *const texts[] = {"a.example", "aa.example", "a.example.net"};
	struct world *world = *state;
	struct ng_name name;
	struct lease_row row = {.sandbox = 7, .addr = addr("1.2.3.4"), .name = &name};

	for (size_t i = 0; i < 3; i++)
		put(world, 7, "1.2.3.4", texts[i], 900);
	assert_int_equal(ng_name_from_text("a.example", 9, &name), NG_OK);
	row.way = 1;
	lease_store_end(world->store, &row, LEASE_REVOKED, 6000); /* it has no such way */
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 3);
	row.way = 0;
	lease_store_end(world->store, &row, LEASE_REVOKED, 6000);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 2);
	lease_store_end(world->store, &row, LEASE_REVOKED, 6000);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 2);
}

/* Forward zones that come or go change which name of a chain the row is shown by, and nothing else. */
static void shown_by_another_name_it_is_the_same_row(void **state)
{
	struct world *world = *state;
	struct ng_name names[2];
	struct lease_row row = {.sandbox = 7,
				.addr = addr("1.2.3.4"),
				.way = 77,
				.trail = {.names = names, .n_names = 2},
				.name = &names[1],
				.until_us = 900};
	struct seen seen;

	assert_int_equal(ng_name_from_text("a.example", 9, &names[0]), NG_OK);
	assert_int_equal(ng_name_from_text("b.internal", 10, &names[1]), NG_OK);
	lease_store_put(world->store, &row);
	reopen(world);
	row.name = &names[0];
	row.until_us = 950;
	lease_store_put(world->store, &row);
	seen = rows(world, 100);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.name, "a.example");
	row.trail = (struct ng_trail){0};
	lease_store_end(world->store, &row, LEASE_REVOKED, 100);
	assert_int_equal(rows(world, 100).n, 0);
}

static void each_port_is_a_lease_of_its_own(void **state)
{
	struct world *world = *state;
	const struct ng_port https = {6, 443}, quic = {17, 443}, none = {0};
	struct ng_name name;
	const struct lease_row first = {
		.sandbox = 7, .addr = addr("1.2.3.4"), .port = https, .name = &name};

	assert_int_equal(ng_name_from_text("b.example", 9, &name), NG_OK);
	put_port(world, 7, "1.2.3.4", none, "a.example", 900);
	put_port(world, 7, "1.2.3.4", https, "a.example", 900);
	put_port(world, 7, "1.2.3.4", https, "b.example", 900);
	put_port(world, 7, "1.2.3.4", quic, "a.example", 900);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 4);
	lease_store_end(world->store, &first, LEASE_REVOKED, 6000);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 3);
	assert_int_equal(ng_name_from_text("a.example", 9, &name), NG_OK);
	lease_store_end(world->store, &first, LEASE_REVOKED, 6000);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 2);
}

/* No port without a protocol, no protocol without a port, none but TCP and UDP. */
static void rows_with_impossible_ports_are_no_rows(void **state)
{
	struct world *world = *state;

	put_port(world, 7, "1.2.3.4", (struct ng_port){0, 443}, "a.example", 900);
	put_port(world, 7, "1.2.3.4", (struct ng_port){6, 0}, "a.example", 900);
	put_port(world, 7, "1.2.3.4", (struct ng_port){1, 443}, "a.example", 900);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 0);
}

static void ended_and_unwanted_rows_go(void **state)
{
	struct world *world = *state;
	struct seen seen = {.forget = true};

	put(world, 7, "1.2.3.4", "a.example", 100);
	put(world, 7, "1.2.3.5", "a.example", 900);
	lease_store_commit(world->store);
	assert_int_equal(rows(world, 100).n, 1);
	assert_int_equal(lease_store_each(world->store, 100, 6000, note, &seen), 0);
	assert_int_equal(rows(world, 0).n, 0);
}

static void sweep_gets_round(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 2000; i++) {
		char text[32];
		snprintf(text, sizeof(text), "1.2.%d.%d", i / 250, i % 250);
		put(world, 7, text, "a.example", i % 2 ? 900 : 100);
	}
	lease_store_commit(world->store);
	for (int i = 0; i < 10; i++)
		while (lease_store_sweep(world->store, 500))
			;
	assert_int_equal(rows(world, 0).n, 1000);
}

/* The file of this boot, found by its name. */
static void store_file(const struct world *world, char out[static 400])
{
	char folder[100];
	DIR *entries;
	struct dirent *entry;

	snprintf(folder, sizeof(folder), "%s/worker", world->folder);
	entries = opendir(folder);
	assert_non_null(entries);
	out[0] = '\0';
	while ((entry = readdir(entries)))
		if (!strncmp(entry->d_name, "store6-", 7) && strlen(entry->d_name) == 7 + 36)
			snprintf(out, 400, "%s/%s", folder, entry->d_name);
	closedir(entries);
	assert_true(out[0]);
}

static void garbage_is_begun_anew(void **state)
{
	struct world *world = *state;
	char path[400];
	int fd;

	put(world, 7, "1.2.3.4", "a.example", 900);
	lease_store_close(world->store);
	world->store = NULL;
	store_file(world, path);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(write(fd, "garbage!", 8), 8);
	close(fd);
	reopen(world);
	assert_int_equal(rows(world, 0).n, 0);
	put(world, 7, "1.2.3.4", "a.example", 900);
	lease_store_commit(world->store);
	reopen(world);
	assert_int_equal(rows(world, 0).n, 1);
}

static void file_that_ends_every_start_is_thrown_away(void **state)
{
	struct world *world = *state;
	char path[400], mark[420];
	int fd;

	put(world, 7, "1.2.3.4", "a.example", 900);
	lease_store_commit(world->store);
	store_file(world, path);
	snprintf(mark, sizeof(mark), "%s-opening", path);
	fd = open(mark, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "!", 1), 1);
	reopen(world);
	assert_int_equal(rows(world, 0).n, 1);
	close(fd);
	fd = open(mark, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "!!!", 3), 3);
	close(fd);
	reopen(world);
	assert_int_equal(rows(world, 0).n, 0);
}

/* Names that this boot's file had before there was a history, and while its rows had another form. */
static void older_formats_leave_nothing(void **state)
{
	static const char *const layouts[] = {"leases2-", "store4-", "store5-"};
	struct world *world = *state;
	char path[400], old[400];

	for (size_t i = 0; i < 3; i++) {
		store_file(world, path);
		snprintf(old, sizeof(old), "%s/worker/%s%s", world->folder, layouts[i],
			 strstr(path, "store6-") + 7);
		put(world, 7, "1.2.3.4", "a.example", 900);
		lease_store_close(world->store);
		world->store = NULL;
		assert_int_equal(rename(path, old), 0);
		reopen(world);
		assert_int_equal(access(old, F_OK), -1);
		assert_int_equal(rows(world, 0).n, 0);
	}
}

static void folder_of_others_is_refused(void **state)
{
	struct world *world = *state;
	char path[100], why[LEASE_STORE_WHY] = "";
	struct lease_store *store = NULL;

	snprintf(path, sizeof(path), "%s/worker", world->folder);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(lease_store_open(world->folder, 10, &store, why), NG_E_PERM);
	assert_null(store);
	assert_non_null(strstr(why, path));
	assert_int_equal(lease_store_open("/dev/null", 10, &store, why), NG_E_IO);
}

static void no_store_is_no_trouble(void **state)
{
	struct ng_name name = {.len = 1};
	struct lease_row row = {.name = &name, .trail = {.names = &name, .n_names = 1}};

	(void)state;
	lease_store_put(NULL, &row);
	lease_store_end(NULL, &row, LEASE_REVOKED, 1);
	lease_store_drop_sandbox(NULL, 1, 1);
	lease_store_refused(NULL, &row);
	lease_store_commit(NULL);
	assert_false(lease_store_sweep(NULL, 1));
	assert_int_equal(lease_store_each(NULL, 1, 1, note, NULL), 0);
	lease_store_close(NULL);
}

int __wrap_statfs(const char *path, struct statfs *out);

int __wrap_statfs(const char *path, struct statfs *out)
{
	(void)path;
	*out = (struct statfs){.f_type = trusted ? EXT4_SUPER_MAGIC : BTRFS_SUPER_MAGIC};
	return 0;
}

#define TESTS (sizeof(tests) / sizeof(tests[0]))

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(row_comes_back_whole, begin, end),
		cmocka_unit_test_setup_teardown(each_way_is_a_row_of_its_own, begin, end),
		cmocka_unit_test_setup_teardown(waiting_names_come_back, begin, end),
		cmocka_unit_test_setup_teardown(budgets_come_back, begin, end),
		cmocka_unit_test_setup_teardown(end_only_moves_out, begin, end),
		cmocka_unit_test_setup_teardown(the_end_before_a_flow_is_kept, begin, end),
		cmocka_unit_test_setup_teardown(each_name_is_a_row_of_its_own, begin, end),
		cmocka_unit_test_setup_teardown(one_name_of_several_is_released, begin, end),
		cmocka_unit_test_setup_teardown(shown_by_another_name_it_is_the_same_row, begin,
						end),
		cmocka_unit_test_setup_teardown(each_port_is_a_lease_of_its_own, begin, end),
		cmocka_unit_test_setup_teardown(rows_with_impossible_ports_are_no_rows, begin,
						end),
		cmocka_unit_test_setup_teardown(ended_and_unwanted_rows_go, begin, end),
		cmocka_unit_test_setup_teardown(sweep_gets_round, begin, end),
		cmocka_unit_test_setup_teardown(garbage_is_begun_anew, begin, end),
		cmocka_unit_test_setup_teardown(file_that_ends_every_start_is_thrown_away,
						begin, end),
		cmocka_unit_test_setup_teardown(older_formats_leave_nothing, begin, end),
		cmocka_unit_test_setup_teardown(folder_of_others_is_refused, begin, end),
		cmocka_unit_test(no_store_is_no_trouble),
	};

	struct CMUnitTest all[2 * TESTS];

	for (size_t i = 0; i < 2 * TESTS; i++) {
		all[i] = tests[i % TESTS];
		all[i].initial_state = i < TESTS ? NULL : &trusted;
	}
	return cmocka_run_group_tests(all, NULL, NULL);
}
