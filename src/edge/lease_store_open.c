/*
 * Opening the lease store: one LMDB file for one boot of the machine.
 *
 * The boot's id is part of the file's name, and so is the layout of the rows. A start under a new
 * boot, or a new layout, makes a new file and copies what the last one held (lease_store_earlier.c); a file
 * that a crash left half-written is so never written to.
 *
 * Reading a damaged file through a memory map can end the process. So the first thing done to a
 * file is to grow a mark beside it by one octet, the second to walk all rows, the third to remove
 * the mark. A file whose mark shows that several starts in a row got no further is set aside.
 *
 * The folder must be ours alone: the store is opened before privileges go, and whoever else could
 * write there could lead us elsewhere with a symbolic link.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE "damaged" /* what a file that cannot be read is renamed to; one is kept */

static int boot_id(char out[static LEASE_BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, LEASE_BOOT_ID - 1);

	if (fd >= 0)
		close(fd);
	if (got != LEASE_BOOT_ID - 1)
		return NG_E_IO;
	out[LEASE_BOOT_ID - 1] = '\0';
	return NG_OK;
}

static int folder_check(const char *folder, char why[static LEASE_STORE_WHY])
{
	struct stat info;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
		snprintf(why, LEASE_STORE_WHY, "cannot make %.200s: %s", folder,
			 strerror(errno));
		return NG_E_IO;
	}
	if (lstat(folder, &info) < 0 || !S_ISDIR(info.st_mode)) {
		snprintf(why, LEASE_STORE_WHY, "%.200s is not a folder", folder);
		return NG_E_IO;
	}
	if (info.st_uid == geteuid() && !(info.st_mode & (S_IWGRP | S_IWOTH)))
		return NG_OK;
	snprintf(why, LEASE_STORE_WHY,
		 "%.200s can be written by others; remove it, and namegated makes it anew",
		 folder);
	return NG_E_PERM;
}

/* ---- one file ---- */

void lease_store_name(struct lease_store *store, const char *name)
{
	snprintf(store->path, sizeof(store->path), "%s/%.80s", store->folder, name);
	snprintf(store->lock, sizeof(store->lock), "%s-lock", store->path);
	snprintf(store->mark, sizeof(store->mark), "%s-opening", store->path);
}

void lease_store_set_aside(const struct lease_store *store, const char *why)
{
	char aside[PATH_MAX + 16];

	snprintf(aside, sizeof(aside), "%s/" ASIDE, store->folder);
	fprintf(stderr,
		"namegated: the lease store %s cannot be read (%s); it is kept as %s. Leases "
		"whose names only it knew have lost them, and the history has a gap.\n",
		store->path, why, aside);
	if (rename(store->path, aside))
		(void)unlink(store->path);
	(void)unlink(store->lock);
	(void)unlink(store->mark);
}

long lease_store_mark(const struct lease_store *store)
{
	struct stat info = {0};
	int fd = open(store->mark, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return 0;
	if (fstat(fd, &info) < 0 || write(fd, "!", 1) != 1)
		info.st_size = 0;
	close(fd);
	return (long)info.st_size;
}

static int open_tables(struct lease_store *store)
{
	MDB_txn *txn;
	int code = mdb_txn_begin(store->env, NULL, 0, &txn);

	if (code)
		return code;
	code = mdb_dbi_open(txn, LEASE_TABLE_LIVE, MDB_CREATE, &store->tables.live);
	if (!code)
		code = mdb_dbi_open(txn, LEASE_TABLE_SHARED, MDB_CREATE, &store->tables.shared);
	if (!code)
		code = mdb_dbi_open(txn, LEASE_TABLE_WAITING, MDB_CREATE,
				    &store->tables.waiting);
	if (!code)
		code = mdb_dbi_open(txn, LEASE_TABLE_SPENT, MDB_CREATE, &store->tables.spent);
	if (!code)
		code = lease_history_open(store, txn);
	if (code) {
		mdb_txn_abort(txn);
		return code;
	}
	return mdb_txn_commit(txn);
}

/* room: how much of the file is mapped to be changed; 0: none. */
static int open_file(struct lease_store *store, uint64_t room)
{
	const unsigned flags = MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS;
	int code = mdb_env_create(&store->env), dead;

	if (!code)
		code = mdb_env_set_maxdbs(store->env, LEASE_TABLES);
	if (!code)
		code = mdb_env_set_mapsize(store->env, room ? room : lease_room_max());
	if (!code)
		code = lease_room_lock(store);
	if (!code)
		code = mdb_env_open(store->env, store->path,
				    room ? flags | MDB_WRITEMAP : flags, 0600);
	if (!code)
		code = mdb_reader_check(store->env, &dead);
	return !code && room ? lease_room_take(store, room) : code;
}

static int open_env(struct lease_store *store)
{
	uint64_t room = lease_room_first(store);
	int code;

	store->room = 0;
	code = open_file(store, room);
	if (room && (lease_room_is_out(code) || code == EOPNOTSUPP)) {
		mdb_env_close(store->env);
		code = open_file(store, 0);
	}
	return code ? code : open_tables(store);
}

static int open_and_read(struct lease_store *store)
{
	const struct lease_tables *tables = &store->tables;
	int code = open_env(store);
	MDB_txn *txn = code ? NULL : lease_store_changing(store);
	const MDB_dbi all[] = {tables->shared, tables->ended, tables->of_sandbox,
			       tables->per_sandbox};

	for (size_t i = 0; txn && !code && i < sizeof(all) / sizeof(all[0]); i++)
		code = lease_touch(txn, all[i]);
	if (txn && !code)
		code = lease_names_read(store, txn);
	lease_store_commit(store);
	return code;
}

static int open_or_renew(struct lease_store *store)
{
	int code;

	if (lease_store_mark(store) >= LEASE_STARTS_MAX)
		lease_store_set_aside(store, "earlier starts ended while reading it");
	code = open_and_read(store);
	if (code && !lease_room_is_out(code) && code != EACCES && code != ENOMEM) {
		mdb_env_close(store->env);
		store->env = NULL;
		lease_store_set_aside(store, mdb_strerror(code));
		code = open_and_read(store);
	}
	(void)unlink(store->mark);
	return code;
}

/* ---- the whole ---- */

/* Of numbers that clients could otherwise make meet. Early in a boot there may be nothing to draw from. */
static uint64_t fresh_seed(void)
{
	uint64_t seed;

	return getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed) ? seed : 0;
}

int lease_store_open(const char *folder, uint32_t history, struct lease_store **out,
		     char why[static LEASE_STORE_WHY])
{
	struct lease_store *store = calloc(1, sizeof(*store));
	char boot[LEASE_BOOT_ID], name[64];
	int code;

	if (!store || boot_id(boot)) {
		free(store);
		snprintf(why, LEASE_STORE_WHY, "out of memory, or no /proc");
		return store ? NG_E_IO : NG_E_NOMEM;
	}
	store->history_max = history;
	store->seed = fresh_seed();
	lease_names_init(&store->names);
	snprintf(store->folder, sizeof(store->folder), "%s/worker", folder);
	snprintf(name, sizeof(name), LEASE_FILE_LAYOUT "%s", boot);
	lease_store_name(store, name);
	code = folder_check(store->folder, why);
	if (code) {
		free(store);
		return code;
	}
	code = open_or_renew(store);
	if (code) {
		snprintf(why, LEASE_STORE_WHY, "cannot open %.200s: %s", store->path,
			 mdb_strerror(code));
		lease_store_close(store);
		return code == ENOMEM ? NG_E_NOMEM : NG_E_IO;
	}
	if (store->next == 1)
		lease_store_take_over(store);
	*out = store;
	return NG_OK;
}

void lease_store_close(struct lease_store *store)
{
	if (!store)
		return;
	lease_store_commit(store);
	mdb_env_close(store->env);
	lease_names_finish(&store->names);
	free(store);
}
