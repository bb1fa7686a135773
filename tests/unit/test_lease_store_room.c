/* The lease store on a disk that is full, and in a process that is killed: its file is changed in memory. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/lease_store.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOREVER_US UINT64_C(1000000000000)
#define TURN       64 /* rows */
#define HISTORY    1000

struct world {
	char folder[64];
	struct lease_store *store;
};

static struct lease_store *open_at(const char *folder)
{
	char why[LEASE_STORE_WHY] = "";
	struct lease_store *store = NULL;

	assert_int_equal(lease_store_open(folder, HISTORY, &store, why), NG_OK);
	return store;
}

typedef void act_fn(struct lease_store *store, const struct lease_row *row);

/* Every number has an address, a name and an answer of its own; they lie all over the tables. */
static void act(struct lease_store *store, uint32_t number, uint64_t until_us, act_fn *what)
{
	const uint32_t scattered = number * 2654435761u;
	struct lease_row row = {.sandbox = 1,
				.sandbox_name = "box",
				.type = NG_TYPE_A,
				.rule = "box.list:3",
				.until_us = until_us,
				.last_s = 5000,
				.until_s = 6000};
	struct ng_name name;
	char text[64];
	int len = snprintf(text, sizeof(text), "host%u.of-a-name-that-takes-room.example",
			   number);

	assert_int_equal(ng_name_from_text(text, (size_t)len, &name), NG_OK);
	row.addr = ng_addr_make(NG_IPV4, (const uint8_t *)&scattered);
	row.name = &name;
	row.trail = (struct ng_trail){
		.names = &name, .n_names = 1, .addrs = &row.addr, .n_addrs = 1};
	what(store, &row);
}

static void put(struct lease_store *store, uint32_t number)
{
	act(store, number, FOREVER_US, lease_store_put);
}

static void act_turn(struct lease_store *store, uint32_t turn, uint64_t until_us, act_fn *what)
{
	for (uint32_t i = 0; i < TURN; i++)
		act(store, turn * TURN + i, until_us, what);
	lease_store_commit(store);
}

static void put_turn(struct lease_store *store, uint32_t turn)
{
	act_turn(store, turn, FOREVER_US, lease_store_put);
}

static void end_row(struct lease_store *store, const struct lease_row *row)
{
	lease_store_end(store, row, LEASE_REVOKED, 5000);
}

static bool count_whole(void *context, const struct lease_row *row)
{
	uint64_t *n = context;

	*n += row->sandbox == 1 && row->trail.n_names == 1 && row->trail.n_addrs == 1 &&
	      ng_addr_equal(&row->trail.addrs[0], &row->addr) &&
	      !strcmp(row->sandbox_name, "box") && !strcmp(row->rule, "box.list:3");
	return true;
}

static uint64_t rows(struct lease_store *store)
{
	uint64_t whole = 0, n = lease_store_each(store, 1, 5000, count_whole, &whole);

	assert_int_equal(n, whole);
	return n;
}

/* ---- a full disk ---- */

static int begin_full(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	snprintf(world->folder, sizeof(world->folder), "/tmp/namegate-room-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	*state = world;
	return 0;
}

static bool mount_disk(const struct world *world)
{
	if (unshare(CLONE_NEWNS))
		return false;
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("room", world->folder, "tmpfs", 0, "size=12m"), 0);
	return true;
}

static uint64_t disk_left(const struct world *world)
{
	struct statfs info;

	assert_int_equal(statfs(world->folder, &info), 0);
	return (uint64_t)info.f_bavail * (uint64_t)info.f_bsize;
}

/* What others write takes the rest of the disk. */
static void fill_disk(const struct world *world, char other[static 96])
{
	static const uint8_t zeros[1 << 16];
	int fd;

	snprintf(other, 96, "%s/other", world->folder);
	fd = open(other, O_WRONLY | O_CREAT, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
	assert_int_equal(disk_left(world), 0);
}

/* The store goes on until it has used up its own room. */
static void full_disk_ends_nothing(void **state)
{
	struct world *world = *state;
	char other[96];
	uint64_t before;
	uint32_t turn = 0;

	if (!mount_disk(world)) {
		print_message("# skipped: mounting needs root\n");
		skip();
	}
	world->store = open_at(world->folder);
	fill_disk(world, other);
	while (turn < 2000) /* four times what fits */
		put_turn(world->store, turn++);
	before = rows(world->store);
	assert_in_range(before, 20000, 2000 * TURN / 2);
	lease_store_close(world->store);
	world->store = open_at(world->folder);
	assert_int_equal(rows(world->store), before);
	/* With room again it takes changes again, also without another start. */
	assert_int_equal(unlink(other), 0);
	assert_int_equal(mount("room", world->folder, "tmpfs", MS_REMOUNT, "size=200m"), 0);
	for (uint32_t i = 0; i < 2000; i++)
		put_turn(world->store, i);
	assert_int_equal(rows(world->store), 2000 * TURN);
}

/* Where a change could not be made, the rows stand as they did before it: by the names that they had. */
static void what_could_not_end_is_found_again(void **state)
{
	struct world *world = *state;
	const uint32_t turns = 300;
	char other[96];

	if (!mount_disk(world)) {
		print_message("# skipped: mounting needs root\n");
		skip();
	}
	world->store = open_at(world->folder);
	fill_disk(world, other);
	for (uint32_t i = 0; i < 2000; i++) /* until nothing has room any more */
		put_turn(world->store, i);
	for (uint32_t i = 0; i < turns; i++)
		act_turn(world->store, i, 0, end_row);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(mount("room", world->folder, "tmpfs", MS_REMOUNT, "size=200m"), 0);
	for (uint32_t i = 0; i < 2000; i++)
		act_turn(world->store, i, FOREVER_US + 1, lease_store_put);
	assert_int_equal(rows(world->store), 2000 * TURN);
	for (uint32_t i = 0; i < 2000; i++)
		act_turn(world->store, i, 0, end_row);
	assert_int_equal(rows(world->store), 0);
}

/* Nor does a start on a disk that has nothing left: it says so, and finds all in order when there is room. */
static void start_on_full_disk_ends_nothing(void **state)
{
	struct world *world = *state;
	char why[LEASE_STORE_WHY] = "", other[96];

	if (!mount_disk(world)) {
		print_message("# skipped: mounting needs root\n");
		skip();
	}
	fill_disk(world, other);
	assert_int_equal(lease_store_open(world->folder, HISTORY, &world->store, why), NG_E_IO);
	assert_non_null(strstr(why, "No space left"));
	assert_int_equal(unlink(other), 0);
	world->store = open_at(world->folder);
	put_turn(world->store, 0);
	assert_int_equal(rows(world->store), TURN);
}

static int end_full(void **state)
{
	struct world *world = *state;

	lease_store_close(world->store);
	(void)umount2(world->folder, MNT_DETACH);
	(void)rmdir(world->folder);
	free(world);
	return 0;
}

/* ---- a killed process ---- */

static _Noreturn void write_until_killed(const char *folder, int tell)
{
	struct lease_store *store = open_at(folder);

	for (uint32_t turn = 0;; turn++) {
		put_turn(store, turn);
		if (write(tell, &turn, sizeof(turn)) != sizeof(turn))
			_exit(1);
	}
}

static void what_was_committed_outlives_a_kill(void **state)
{
	char folder[] = "/tmp/namegate-room-XXXXXX", command[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (uint32_t round = 1; round <= 10; round++) {
		struct lease_store *store;
		uint32_t turn = 0;
		int ends[2], status;
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		pid = fork();
		if (!pid)
			write_until_killed(folder, ends[1]);
		close(ends[1]);
		while (turn < 17 * round)
			assert_int_equal(read(ends[0], &turn, sizeof(turn)), sizeof(turn));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(ends[0], &turn, sizeof(turn)) == sizeof(turn))
			;
		close(ends[0]);
		store = open_at(folder);
		assert_true(rows(store) >= (uint64_t)(turn + 1) * TURN);
		lease_store_close(store);
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

/* ---- a walk in the middle of a turn ---- */

/* It asks for room for a change of all that there is, which is not to be had while changes are under way. */
static void walk_takes_the_changes_of_its_turn(void **state)
{
	char folder[] = "/tmp/namegate-room-XXXXXX", command[64];
	struct lease_store *store;

	(void)state;
	assert_non_null(mkdtemp(folder));
	store = open_at(folder);
	for (uint32_t turn = 0; turn < 1000; turn++)
		put_turn(store, turn);
	put(store, 1000 * TURN);
	assert_int_equal(rows(store), 1000 * TURN + 1);
	put(store, 1000 * TURN + 1);
	lease_store_close(store);
	store = open_at(folder);
	assert_int_equal(rows(store), 1000 * TURN + 2);
	lease_store_close(store);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_committed_outlives_a_kill),
		cmocka_unit_test(walk_takes_the_changes_of_its_turn),
		cmocka_unit_test_setup_teardown(full_disk_ends_nothing, begin_full, end_full),
		cmocka_unit_test_setup_teardown(what_could_not_end_is_found_again, begin_full,
						end_full),
		cmocka_unit_test_setup_teardown(start_on_full_disk_ends_nothing, begin_full,
						end_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
