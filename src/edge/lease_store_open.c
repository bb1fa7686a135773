/*
 * Opening the lease store: one LMDB file for one boot of the machine.
 *
 * The boot's id is part of the file's name, and so is the layout of the rows. A start under a new
 * boot makes a new file and copies the history of the last one into it, row by row, with what still
 * stood open when the machine went; a file that a crash left half-written is so never written to.
 * The file that was copied stays until the next one has been: should that turn out damaged, the
 * history is not older than a boot.
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAP_SIZE   (1u << 30)
#define STARTS_MAX 3
#define FILES_MAX  8         /* of earlier boots that are tried */
#define OLD_PREFIX "leases"  /* of the layouts before the third, which had no history */
#define ASIDE      "damaged" /* what a file that cannot be read is renamed to; one is kept */

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

static void name_file(struct lease_store *store, const char *name)
{
	snprintf(store->path, sizeof(store->path), "%s/%.80s", store->folder, name);
	snprintf(store->lock, sizeof(store->lock), "%s-lock", store->path);
	snprintf(store->mark, sizeof(store->mark), "%s-opening", store->path);
}

static void set_aside(const struct lease_store *store, const char *why)
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

/* How many starts before this one did not come to the end of reading. */
static long mark_grow(const struct lease_store *store)
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
		code = mdb_dbi_open(txn, LEASE_TABLE_WAITING, MDB_CREATE,
				    &store->tables.waiting);
	if (!code)
		code = lease_history_open(store, txn);
	if (code) {
		mdb_txn_abort(txn);
		return code;
	}
	return mdb_txn_commit(txn);
}

static int open_env(struct lease_store *store)
{
	int code = mdb_env_create(&store->env), dead;

	if (!code)
		code = mdb_env_set_maxdbs(store->env, LEASE_TABLES);
	if (!code)
		code = mdb_env_set_mapsize(store->env, MAP_SIZE);
	if (!code)
		code = mdb_env_open(store->env, store->path,
				    MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS, 0600);
	if (!code)
		code = mdb_reader_check(store->env, &dead);
	return code ? code : open_tables(store);
}

/* Touches every row; what is no row of ours goes. */
static int open_and_read(struct lease_store *store)
{
	MDB_txn *txn;
	int code = open_env(store);

	if (!code)
		code = lease_store_touch(store);
	if (!code && (txn = lease_store_changing(store)))
		code = lease_history_touch(store, txn);
	lease_store_commit(store);
	return code;
}

static int open_or_renew(struct lease_store *store)
{
	int code;

	if (mark_grow(store) >= STARTS_MAX)
		set_aside(store, "earlier starts ended while reading it");
	code = open_and_read(store);
	if (code && code != ENOSPC && code != EACCES && code != ENOMEM) {
		mdb_env_close(store->env);
		store->env = NULL;
		set_aside(store, mdb_strerror(code));
		code = open_and_read(store);
	}
	(void)unlink(store->mark);
	return code;
}

/* ---- what an earlier boot left ---- */

static uint64_t booted_s(void)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return now.tv_sec > up.tv_sec ? (uint64_t)(now.tv_sec - up.tv_sec) : 0;
}

/* A row that the machine took with it had ended by now, unless its time was up before that. */
static void end_with_boot(struct lease_row *row, uint64_t boot_s)
{
	row->ended = row->until_s <= boot_s ? LEASE_TIME : LEASE_REBOOT;
	if (row->until_s > boot_s)
		row->until_s = boot_s > row->last_s ? boot_s : row->last_s;
}

static int copy_table(struct lease_store *to, MDB_txn *into, MDB_txn *from, const char *table)
{
	const bool live = !strcmp(table, LEASE_TABLE_LIVE);
	const uint64_t boot_s = booted_s();
	MDB_cursor *cursor;
	MDB_dbi dbi;
	MDB_val key, value;
	int code = mdb_dbi_open(from, table, 0, &dbi);

	if (!code)
		code = mdb_cursor_open(from, dbi, &cursor);
	if (code)
		return code;
	while (!code && !(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		const struct lease_octets what = {value.mv_data, value.mv_size};
		const struct lease_octets at = {key.mv_data, key.mv_size};
		struct lease_read place;
		struct lease_row row;

		if (!(live ? lease_read_live(at, what, &place, &row)
			   : lease_read_ended(what, &place, &row)))
			continue;
		if (live)
			end_with_boot(&row, boot_s);
		code = lease_history_add(to, into, &row);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

static int copy_from(struct lease_store *to, MDB_env *env, const char *path)
{
	MDB_txn *from = NULL, *into;
	int code = mdb_env_set_maxdbs(env, LEASE_TABLES);

	if (!code)
		code = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOTLS, 0600);
	if (!code)
		code = mdb_txn_begin(env, NULL, MDB_RDONLY, &from);
	into = code ? NULL : lease_store_changing(to);
	if (into)
		code = copy_table(to, into, from, LEASE_TABLE_ENDED);
	if (into && !code)
		code = copy_table(to, into, from, LEASE_TABLE_LIVE);
	mdb_txn_abort(from);
	to->failed |= code != 0; /* all of it or nothing */
	lease_store_commit(to);
	return code;
}

/* Is there no more to be had of it? What only wants for room is left for another start. */
static bool take_over(struct lease_store *to, const char *name)
{
	struct lease_store other = *to;
	MDB_env *env = NULL;
	int code;

	name_file(&other, name);
	if (mark_grow(&other) >= STARTS_MAX) {
		set_aside(&other, "earlier starts ended while reading it");
		return false;
	}
	code = mdb_env_create(&env);
	if (!code)
		code = copy_from(to, env, other.path);
	mdb_env_close(env);
	(void)unlink(other.mark);
	if (!code || code == ENOSPC || code == ENOMEM || code == MDB_MAP_FULL)
		return true;
	set_aside(&other, mdb_strerror(code));
	return false;
}

/* ---- the folder ---- */

struct found {
	char name[64];
	struct timespec changed;
};

static bool is_store(const char *name)
{
	const size_t prefix = sizeof(LEASE_FILE_LAYOUT) - 1;

	return !strncmp(name, LEASE_FILE_LAYOUT, prefix) &&
	       strlen(name) == prefix + LEASE_BOOT_ID - 1;
}

static bool later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The store that was written to last, of those of other boots; false: there is none. */
static bool find_latest(const struct lease_store *store, struct found *out)
{
	DIR *entries = opendir(store->folder);
	struct found best = {0};
	struct dirent *entry;
	struct stat info;

	while (entries && (entry = readdir(entries))) {
		if (!is_store(entry->d_name) ||
		    !strcmp(entry->d_name, strrchr(store->path, '/') + 1) ||
		    fstatat(dirfd(entries), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) ||
		    (best.name[0] && !later(&info.st_mtim, &best.changed)))
			continue;
		snprintf(best.name, sizeof(best.name), "%s", entry->d_name);
		best.changed = info.st_mtim;
	}
	if (entries)
		closedir(entries);
	*out = best;
	return best.name[0] != '\0';
}

/* Of our layout only this boot's file stays and the one it took over; of older ones nothing. */
static void remove_others(const struct lease_store *store, const char *before)
{
	const char *ours = strrchr(store->path, '/') + 1;
	DIR *entries = opendir(store->folder);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		const char *name = entry->d_name;
		bool known = !strncmp(name, ours, strlen(ours)) ||
			     (before[0] && !strncmp(name, before, strlen(before)));
		bool store_file =
			!strncmp(name, LEASE_FILE_LAYOUT, sizeof(LEASE_FILE_LAYOUT) - 1);
		if ((store_file && !known) ||
		    !strncmp(name, OLD_PREFIX, sizeof(OLD_PREFIX) - 1))
			(void)unlinkat(dirfd(entries), name, 0);
	}
	if (entries)
		closedir(entries);
}

/* Where nothing was taken over yet, and a start that ended in the middle of it has taken nothing. */
static void take_history(struct lease_store *store)
{
	struct found before = {0};

	for (int i = 0; i < FILES_MAX && find_latest(store, &before); i++)
		if (take_over(store, before.name))
			break;
	remove_others(store, before.name);
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
	snprintf(store->folder, sizeof(store->folder), "%s/worker", folder);
	snprintf(name, sizeof(name), LEASE_FILE_LAYOUT "%s", boot);
	name_file(store, name);
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
		take_history(store);
	*out = store;
	return NG_OK;
}

void lease_store_close(struct lease_store *store)
{
	if (!store)
		return;
	lease_store_commit(store);
	mdb_env_close(store->env);
	free(store);
}
