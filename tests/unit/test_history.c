/* The history of leases: what ends up in it, who may fill it, and that others can read it. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/lease_store.h"
#include "offline/history.h"
#include <dirent.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BOUND   100
#define ASKED_S 5000 /* wall time of every first order here */
#define LATER_S 5030

struct world {
	char folder[64];
	struct lease_store *store;
	struct history *history;
};

static void open_store(struct world *world)
{
	char why[LEASE_STORE_WHY] = "";

	lease_store_close(world->store);
	world->store = NULL;
	assert_int_equal(lease_store_open(world->folder, BOUND, &world->store, why), NG_OK);
}

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	snprintf(world->folder, sizeof(world->folder), "/tmp/namegate-history-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	open_store(world);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;
	char command[128];

	lease_store_close(world->store);
	history_free(world->history);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
	free(world);
	return system(command);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct lease {
	struct ng_name name;
	struct lease_row row;
};

/* A lease of sandbox on 10.x for that name, until then (monotonic). */
static struct lease *lease(uint32_t sandbox, uint32_t number, uint64_t until_us)
{
	static struct lease lease;
	char text[64];
	const uint8_t octets[4] = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
				   (uint8_t)number};
	static char box[16];

	snprintf(text, sizeof(text), "n%u.example", number);
	snprintf(box, sizeof(box), "box%u", sandbox);
	assert_int_equal(ng_name_from_text(text, strlen(text), &lease.name), NG_OK);
	lease.row = (struct lease_row){
		.sandbox = sandbox,
		.sandbox_name = box,
		.addr = ng_addr_make(NG_IPV4, octets),
		.port = {6, 443},
		.name = &lease.name,
		.trail = {.names = &lease.name, .n_names = 1},
		.type = 1,
		.rule = "box.list:3",
		.until_us = until_us,
		.last_s = ASKED_S,
		.until_s = ASKED_S + 60,
	};
	return &lease;
}

static void put(struct world *world, uint32_t sandbox, uint32_t number, uint64_t until_us)
{
	lease_store_put(world->store, &lease(sandbox, number, until_us)->row);
}

static void put_and_end(struct world *world, uint32_t sandbox, uint32_t number)
{
	put(world, sandbox, number, 100);
	lease_store_sweep(world->store, 200);
}

/* ---- what is read ---- */

static void read_store(struct world *world)
{
	char why[HISTORY_WHY] = "";

	history_free(world->history);
	world->history = NULL;
	if (history_read(world->folder, &world->history, why) != NG_OK)
		fail_msg("%s", why);
}

static size_t count(struct world *world, uint32_t sandbox, enum lease_end ended)
{
	struct history_cursor cursor = {0};
	struct lease_row row;
	size_t n = 0;

	while (history_next(world->history, &cursor, &row))
		n += row.sandbox == sandbox && row.ended == ended;
	return n;
}

/* The only row there is, with its texts. */
static struct lease_row only_row(struct world *world, struct history_cursor *cursor)
{
	struct history_cursor look = {0};
	struct lease_row row;
	size_t n = 0;

	read_store(world);
	while (history_next(world->history, &look, &row))
		n++;
	assert_int_equal(n, 1);
	assert_true(history_next(world->history, cursor, &row));
	return row;
}

static void a_row_tells_all(void **state)
{
	struct world *world = *state;
	struct history_cursor cursor = {0};
	struct lease *wanted = lease(7, 1, now_us() + 1000000000);
	struct lease_row row;
	char name[NG_NAME_TEXT_MAX];

	wanted->row.type = 28;
	lease_store_put(world->store, &wanted->row);
	wanted->row.type = 65;
	wanted->row.until_us += 1000000;
	wanted->row.last_s = LATER_S;
	wanted->row.until_s = LATER_S + 60;
	lease_store_put(world->store, &wanted->row);
	lease_store_commit(world->store);
	row = only_row(world, &cursor);
	assert_int_equal(row.ended, LEASE_STANDS);
	assert_int_equal(row.first_s, ASKED_S);
	assert_int_equal(row.last_s, LATER_S);
	assert_int_equal(row.until_s, LATER_S + 60);
	assert_int_equal(row.type, 28);
	assert_false(row.refused);

	lease_store_end(world->store, &wanted->row, LEASE_REVOKED, LATER_S + 10);
	lease_store_commit(world->store);
	cursor = (struct history_cursor){0};
	row = only_row(world, &cursor);
	assert_int_equal(row.ended, LEASE_REVOKED);
	assert_int_equal(row.until_s, LATER_S + 10);
	assert_int_equal(row.first_s, ASKED_S);
	assert_int_equal(row.sandbox, 7);
	assert_string_equal(row.sandbox_name, "box7");
	assert_string_equal(row.rule, "box.list:3");
	assert_int_equal(row.port.proto, 6);
	assert_int_equal(row.port.port, 443);
	ng_name_to_text(row.name, name);
	assert_string_equal(name, "n1.example");
	assert_true(ng_addr_equal(&row.addr, &wanted->row.addr));
}

static bool gone(void *context, const struct lease_row *row)
{
	(void)context;
	return row->sandbox != 8;
}

static void each_end_has_its_reason(void **state)
{
	struct world *world = *state;
	struct lease_row revoked;

	put(world, 6, 1, 100);
	put(world, 7, 2, 900);
	put(world, 7, 3, 900);
	put(world, 8, 4, 900);
	put(world, 9, 5, 900);
	revoked = lease(7, 2, 900)->row;
	lease_store_end(world->store, &revoked, LEASE_REVOKED, LATER_S);
	lease_store_drop_sandbox(world->store, 9, LATER_S);
	lease_store_sweep(world->store, 200);
	assert_int_equal(lease_store_each(world->store, 200, LATER_S, gone, NULL), 1);
	lease_store_sweep(world->store, 1000);
	read_store(world);
	assert_int_equal(count(world, 6, LEASE_TIME), 1);
	assert_int_equal(count(world, 7, LEASE_REVOKED), 1);
	assert_int_equal(count(world, 7, LEASE_TIME), 1);
	assert_int_equal(count(world, 8, LEASE_REMOVED), 1);
	assert_int_equal(count(world, 9, LEASE_REMOVED), 1);
}

/* What the kernel did not take is told apart; a later order that it took makes it good. */
static void refused_orders_are_told(void **state)
{
	struct world *world = *state;
	struct history_cursor cursor = {0};
	struct lease *one = lease(7, 1, now_us() + 1000000000);

	lease_store_put(world->store, &one->row);
	lease_store_refused(world->store, &one->row);
	lease_store_commit(world->store);
	assert_true(only_row(world, &cursor).refused);
	one->row.until_us += 1;
	one->row.last_s = LATER_S;
	lease_store_put(world->store, &one->row);
	lease_store_commit(world->store);
	cursor = (struct history_cursor){0};
	assert_false(only_row(world, &cursor).refused);
	cursor = (struct history_cursor){0};
	assert_int_equal(only_row(world, &cursor).first_s, LATER_S);
	one->row.until_us += 1;
	lease_store_put(world->store, &one->row);
	lease_store_refused(world->store, &one->row);
	lease_store_commit(world->store);
	cursor = (struct history_cursor){0};
	assert_false(only_row(world, &cursor).refused);
}

/* ---- bounds ---- */

static void oldest_goes_first(void **state)
{
	struct world *world = *state;
	struct history_cursor cursor = {0};
	struct lease_row row;
	char name[NG_NAME_TEXT_MAX];

	for (uint32_t i = 0; i < BOUND + 20; i++)
		put_and_end(world, 7, i);
	read_store(world);
	assert_int_equal(count(world, 7, LEASE_TIME), BOUND);
	assert_true(history_next(world->history, &cursor, &row));
	ng_name_to_text(row.name, name);
	assert_string_equal(name, "n20.example");
}

static void nobody_pushes_out_all_others(void **state)
{
	struct world *world = *state;

	for (uint32_t i = 0; i < 10; i++)
		put_and_end(world, 1, i);
	for (uint32_t i = 0; i < 10; i++)
		put_and_end(world, 2, i);
	for (uint32_t i = 0; i < 10 * BOUND; i++)
		put_and_end(world, 3, i);
	read_store(world);
	assert_int_equal(count(world, 1, LEASE_TIME), 10);
	assert_int_equal(count(world, 2, LEASE_TIME), 10);
	assert_int_equal(count(world, 3, LEASE_TIME), BOUND - 20);
}

/* Who filled all of it while alone makes room for those that come. */
static void who_comes_later_has_a_share(void **state)
{
	struct world *world = *state;

	for (uint32_t i = 0; i < 2 * BOUND; i++)
		put_and_end(world, 3, i);
	for (uint32_t i = 0; i < 2 * BOUND; i++)
		put_and_end(world, 4, i);
	read_store(world);
	assert_int_equal(count(world, 3, LEASE_TIME), BOUND / 2);
	assert_int_equal(count(world, 4, LEASE_TIME), BOUND / 2);
}

/* Rows of sandboxes that are long gone make room as they get old. */
static void the_dead_do_not_starve_the_living(void **state)
{
	struct world *world = *state;

	for (uint32_t i = 0; i < 20 * BOUND; i++)
		put_and_end(world, 1000 + i, i);
	read_store(world);
	assert_int_equal(count(world, 1000 + 20 * BOUND - 1, LEASE_TIME), 1);
	assert_int_equal(count(world, 1000 + 19 * BOUND, LEASE_TIME), 1);
	assert_int_equal(count(world, 1000 + 19 * BOUND - 1, LEASE_TIME), 0);
}

static void bounds_hold_over_a_restart(void **state)
{
	struct world *world = *state;

	for (uint32_t i = 0; i < BOUND; i++)
		put_and_end(world, i % 2, i);
	for (uint32_t i = 0; i < BOUND; i++) {
		open_store(world);
		put_and_end(world, 1, BOUND + i);
	}
	read_store(world);
	assert_int_equal(count(world, 0, LEASE_TIME) + count(world, 1, LEASE_TIME), BOUND);
	assert_int_equal(count(world, 0, LEASE_TIME), BOUND / 2);
}

/* ---- ends of processes and machines ---- */

static void run_and_die(struct world *world, void (*act)(struct world *))
{
	int status;
	pid_t pid;

	lease_store_close(world->store);
	world->store = NULL;
	pid = fork();
	if (pid == 0) {
		open_store(world);
		act(world);
		raise(SIGKILL);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	open_store(world);
	read_store(world);
}

static void die_before_commit(struct world *world)
{
	put(world, 7, 1, now_us() + 1000000000);
	lease_store_commit(world->store);
	lease_store_end(world->store, &lease(7, 1, 0)->row, LEASE_REVOKED, LATER_S);
}

static void die_after_commit(struct world *world)
{
	die_before_commit(world);
	lease_store_commit(world->store);
}

/* A row is in one table or in the other, at every moment. */
static void a_crash_in_between_loses_and_doubles_nothing(void **state)
{
	struct world *world = *state;

	run_and_die(world, die_before_commit);
	assert_int_equal(count(world, 7, LEASE_STANDS), 1);
	assert_int_equal(count(world, 7, LEASE_REVOKED), 0);
	run_and_die(world, die_after_commit);
	assert_int_equal(count(world, 7, LEASE_STANDS), 0);
	assert_int_equal(count(world, 7, LEASE_REVOKED), 1);
}

/* The file of this boot. */
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
		if (!strncmp(entry->d_name, "store6-", 7) && strlen(entry->d_name) == 7 + 36 &&
		    strncmp(entry->d_name + 7, "00000000", 8))
			snprintf(out, 400, "%s/%s", folder, entry->d_name);
	closedir(entries);
	assert_true(out[0]);
}

/* As if the machine had been started anew: what we wrote is another boot's. */
static void reboot(struct world *world, int boot)
{
	char path[400], lock[420], other[420];

	lease_store_close(world->store);
	world->store = NULL;
	store_file(world, path);
	snprintf(lock, sizeof(lock), "%s-lock", path);
	snprintf(other, sizeof(other), "%s/worker/store6-00000000-0000-0000-0000-%012d",
		 world->folder, boot);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(unlink(lock), 0);
}

static void history_outlives_the_machine(void **state)
{
	struct world *world = *state;
	struct timespec wall;

	put_and_end(world, 7, 1);
	put(world, 8, 2, 900);
	reboot(world, 1);
	read_store(world); /* before namegated runs again, too */
	assert_int_equal(count(world, 7, LEASE_TIME), 1);
	assert_int_equal(count(world, 8, LEASE_REBOOT), 1);
	open_store(world);
	clock_gettime(CLOCK_REALTIME, &wall);
	struct lease *lasts = lease(9, 3, 900);
	lasts->row.until_s = (uint64_t)wall.tv_sec + 60;
	lease_store_put(world->store, &lasts->row);
	reboot(world, 2);
	open_store(world);
	open_store(world); /* nothing is taken over twice */
	read_store(world);
	assert_int_equal(count(world, 7, LEASE_TIME), 1);
	assert_int_equal(count(world, 8, LEASE_TIME), 1); /* its time was up before the boot */
	assert_int_equal(count(world, 9, LEASE_REBOOT), 1);
	assert_int_equal(lease_store_each(world->store, 0, 0, NULL, NULL), 0);
}

static void damage(const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(write(fd, "garbage!", 8), 8);
	close(fd);
}

/* The file of a machine that crashed is damaged: the one before it is still there. */
static void damage_costs_one_boot(void **state)
{
	struct world *world = *state;
	char path[400];

	put_and_end(world, 7, 1);
	reboot(world, 1);
	open_store(world);
	put_and_end(world, 8, 2);
	reboot(world, 2);
	snprintf(path, sizeof(path), "%s/worker/store6-00000000-0000-0000-0000-000000000002",
		 world->folder);
	damage(path);
	open_store(world);
	read_store(world);
	assert_int_equal(count(world, 7, LEASE_TIME), 1);
	assert_int_equal(count(world, 8, LEASE_TIME), 0);
}

/* ---- readers ---- */

static int read_code(const char *folder, char why[static HISTORY_WHY])
{
	struct history *history = NULL;
	int code = history_read(folder, &history, why);

	history_free(history);
	return code;
}

static void what_cannot_be_read_is_said(void **state)
{
	struct world *world = *state;
	char path[400], other[400], why[HISTORY_WHY] = "";

	store_file(world, path);
	damage(path);
	assert_int_equal(read_code(world->folder, why), NG_E_FORMAT);
	assert_non_null(strstr(why, "damaged"));
	lease_store_close(world->store);
	world->store = NULL;
	snprintf(other, sizeof(other), "%s/worker/store9-x", world->folder);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(read_code(world->folder, why), NG_E_FORMAT);
	assert_non_null(strstr(why, "another layout"));
	assert_int_equal(unlink(other), 0);
	assert_int_equal(read_code(world->folder, why), NG_E_NOTFOUND);
	assert_non_null(strstr(why, "holds no leases"));
	assert_int_equal(read_code("/nonexistent", why), NG_E_NOTFOUND);
	open_store(world); /* another layout's file is neither read nor removed */
}

/* A file of another layout is not ours to remove. */
static void other_layouts_stay(void **state)
{
	struct world *world = *state;
	char other[400];
	int fd;

	snprintf(other, sizeof(other), "%s/worker/store9-x", world->folder);
	fd = open(other, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	open_store(world);
	assert_int_equal(access(other, F_OK), 0);
}

static void strangers_read_nothing(void **state)
{
	struct world *world = *state;
	char why[HISTORY_WHY] = "";
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(world->folder, 0711), 0);
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(9);
		_exit(read_code(world->folder, why) == NG_E_PERM && strstr(why, "as root") ? 0
											   : 1);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Root reads a folder of the worker's as the worker: its file is not parsed with root's rights. */
static void root_reads_as_the_owner(void **state)
{
	struct world *world = *state;
	char command[200];

	if (geteuid() != 0)
		skip();
	put_and_end(world, 7, 1);
	lease_store_close(world->store);
	world->store = NULL;
	snprintf(command, sizeof(command), "chmod 711 %s && chown -R 65534:65534 %s/worker",
		 world->folder, world->folder);
	assert_int_equal(system(command), 0);
	read_store(world);
	assert_int_equal(count(world, 7, LEASE_TIME), 1);
	snprintf(command, sizeof(command), "chown 0:0 %s/worker/store6-*[0-9a-f]",
		 world->folder);
	assert_int_equal(system(command), 0);
	char why[HISTORY_WHY] = "";
	assert_int_equal(read_code(world->folder, why), NG_E_PERM);
	snprintf(command, sizeof(command), "chown -R 0:0 %s/worker", world->folder);
	assert_int_equal(system(command), 0);
}

/* Readers take their copies while the writer writes; each sees whole rows of one moment. */
static void a_live_store_can_be_read(void **state)
{
	struct world *world = *state;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		lease_store_close(world->store);
		world->store = NULL;
		open_store(world);
		for (uint32_t i = 0;; i++) { /* pairs come and go together */
			put(world, 1, i % 1000, now_us() + 1000000000);
			put(world, 2, i % 1000, now_us() + 1000000000);
			lease_store_commit(world->store);
			lease_store_end(world->store, &lease(1, i % 1000, 0)->row,
					LEASE_REVOKED, LATER_S);
			lease_store_end(world->store, &lease(2, i % 1000, 0)->row,
					LEASE_REVOKED, LATER_S);
			lease_store_commit(world->store);
		}
	}
	for (int i = 0; i < 50; i++) {
		read_store(world);
		assert_int_equal(count(world, 1, LEASE_STANDS), count(world, 2, LEASE_STANDS));
		assert_true(count(world, 1, LEASE_REVOKED) + count(world, 2, LEASE_REVOKED) <=
			    BOUND);
	}
	kill(pid, SIGKILL);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(count(world, 1, LEASE_REVOKED) > 0);
}

/* One that reads and is killed: what the store has let go of is used again all the same. */
static void a_killed_reader_costs_no_room(void **state)
{
	struct world *world = *state;
	char path[400];
	struct stat before, after;
	int ready[2], status;
	pid_t pid;

	store_file(world, path);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		MDB_env *env;
		MDB_txn *txn;
		if (mdb_env_create(&env) ||
		    mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOTLS, 0600) ||
		    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &status, 1), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(ready[0]);
	close(ready[1]);
	for (uint32_t i = 0; i < 200; i++)
		put_and_end(world, 7, i);
	assert_int_equal(stat(path, &before), 0);
	for (uint32_t i = 0; i < 2000; i++)
		put_and_end(world, 7, i);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_size <= before.st_size + 64 * 1024);
}

static void count_name(void *context, const char *sandbox, const struct ng_name *name)
{
	char text[NG_NAME_TEXT_MAX], *all = context;

	ng_name_to_text(name, text);
	snprintf(all + strlen(all), 200 - strlen(all), "%s %s;", sandbox, text);
}

static void each_name_comes_once(void **state)
{
	struct world *world = *state;
	char all[200] = "";

	put_and_end(world, 7, 1);
	put_and_end(world, 7, 1);
	put_and_end(world, 8, 1);
	put(world, 7, 1, 900);
	put(world, 7, 2, 900);
	lease_store_commit(world->store);
	read_store(world);
	assert_int_equal(history_each_name(world->history, count_name, all), NG_OK);
	assert_string_equal(all, "box7 n1.example;box7 n2.example;box8 n1.example;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_row_tells_all, begin, end),
		cmocka_unit_test_setup_teardown(each_end_has_its_reason, begin, end),
		cmocka_unit_test_setup_teardown(refused_orders_are_told, begin, end),
		cmocka_unit_test_setup_teardown(oldest_goes_first, begin, end),
		cmocka_unit_test_setup_teardown(nobody_pushes_out_all_others, begin, end),
		cmocka_unit_test_setup_teardown(who_comes_later_has_a_share, begin, end),
		cmocka_unit_test_setup_teardown(the_dead_do_not_starve_the_living, begin, end),
		cmocka_unit_test_setup_teardown(bounds_hold_over_a_restart, begin, end),
		cmocka_unit_test_setup_teardown(a_crash_in_between_loses_and_doubles_nothing,
						begin, end),
		cmocka_unit_test_setup_teardown(history_outlives_the_machine, begin, end),
		cmocka_unit_test_setup_teardown(damage_costs_one_boot, begin, end),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_is_said, begin, end),
		cmocka_unit_test_setup_teardown(other_layouts_stay, begin, end),
		cmocka_unit_test_setup_teardown(strangers_read_nothing, begin, end),
		cmocka_unit_test_setup_teardown(root_reads_as_the_owner, begin, end),
		cmocka_unit_test_setup_teardown(a_live_store_can_be_read, begin, end),
		cmocka_unit_test_setup_teardown(a_killed_reader_costs_no_room, begin, end),
		cmocka_unit_test_setup_teardown(each_name_comes_once, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
