/*
 * Room for the store's file, so that LMDB may change it in memory (MDB_WRITEMAP).
 *
 * The rows of an answer lie all over the file. Copying each page that one of them is in, and writing it by a call
 * of its own, is half of what the store costs otherwise, and more the more leases stand.
 *
 * But a page of a mapped file for which a full disk has no place ends the process. So none is used
 * that was not given its place before: the map is as long as what fallocate() has got for the file, and a
 * transaction that needs more fails, like one that finds the disk full. The file is given more
 * between transactions, long before they need it. And only file systems are trusted that keep
 * that promise: one that puts what changes elsewhere may have no place for it then. Everywhere else
 * LMDB writes pages as it does by itself.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ROOM_MAX  (UINT64_C(1) << 30)
#define ROOM_STEP (UINT64_C(8) << 20)
#define LOCK_ROOM 8192 /* what LMDB makes it for as many readers as it has by itself */
#define REST      256  /* commits before the next try after a disk had no more */

static bool keeps_place(const char *folder)
{
	struct statfs info;

	if (statfs(folder, &info))
		return false;
	return info.f_type == EXT4_SUPER_MAGIC || info.f_type == XFS_SUPER_MAGIC ||
	       info.f_type == TMPFS_MAGIC;
}

static uint64_t whole_pages(const struct lease_store *store, uint64_t octets)
{
	return octets / store->page * store->page;
}

bool lease_room_is_out(int code)
{
	return code == ENOSPC || code == EDQUOT;
}

static int allocate_in(int fd, uint64_t from, uint64_t to)
{
	int code;

	do
		code = fallocate(fd, 0, (off_t)from, (off_t)(to - from)) ? errno : 0;
	while (code == EINTR);
	return code;
}

static int allocate(const struct lease_store *store, uint64_t from, uint64_t to)
{
	mdb_filehandle_t fd;
	int code = mdb_env_get_fd(store->env, &fd);

	return code ? code : allocate_in(fd, from, to);
}

int lease_room_lock(const struct lease_store *store)
{
	int fd = open(store->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), code;

	if (fd < 0)
		return errno;
	code = allocate_in(fd, 0, LOCK_ROOM);
	close(fd);
	return code == EOPNOTSUPP ? 0 : code;
}

uint64_t lease_room_first(const struct lease_store *store)
{
	struct stat info;

	if (!keeps_place(store->folder))
		return 0;
	if (stat(store->path, &info) || (uint64_t)info.st_size < ROOM_STEP)
		return ROOM_STEP;
	return (uint64_t)info.st_size < ROOM_MAX ? (uint64_t)info.st_size : ROOM_MAX;
}

uint64_t lease_room_max(void)
{
	return ROOM_MAX;
}

int lease_room_take(struct lease_store *store, uint64_t room)
{
	MDB_stat stat;
	int code = mdb_env_stat(store->env, &stat);

	if (!code)
		code = allocate(store, 0, room);
	if (code)
		return code;
	store->page = stat.ms_psize;
	store->room = room;
	lease_room_keep(store);
	return store->env ? 0 : ENOMEM;
}

/* Without its map there is no store any more. */
static void lengthen(struct lease_store *store, uint64_t room)
{
	int code = allocate(store, store->room, room);

	if (code) {
		store->rest = REST;
		return;
	}
	code = mdb_env_set_mapsize(store->env, room);
	if (!code) {
		store->room = room;
		return;
	}
	mdb_env_close(store->env);
	store->env = NULL;
	lease_store_say(store, code);
}

uint64_t lease_room_used(MDB_env *env)
{
	MDB_envinfo info;
	MDB_stat stat;

	if (mdb_env_info(env, &info) || mdb_env_stat(env, &stat))
		return 0;
	return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

void lease_room_want(struct lease_store *store, uint64_t more)
{
	uint64_t room;

	if (!store->room || !store->env || store->txn)
		return;
	room = lease_room_used(store->env) + more;
	room = whole_pages(store, room < ROOM_MAX ? room : ROOM_MAX);
	if (room > store->room)
		lengthen(store, room);
}

void lease_room_keep(struct lease_store *store)
{
	uint64_t used, spare;

	if (!store->room || !store->env || (store->rest && store->rest--))
		return;
	used = lease_room_used(store->env);
	spare = used / 2 + ROOM_STEP;
	if (store->room < used + spare / 2)
		lease_room_want(store, spare);
}
