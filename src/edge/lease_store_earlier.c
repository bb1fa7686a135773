/*
 * What an earlier boot left, or a program of the layout before this one: its history is copied into
 * the new file, row by row, with what still stood open when the machine went. Where the file is of
 * this boot, its leases go on.
 *
 * All of a file is copied, or nothing. It stays until the next one has been copied, so that the history
 * is not older than a boot should that turn out damaged; but one of this boot goes, since it would
 * tell an older program of leases that have been revoked since.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 8 /* that are tried */

/*
 * Of the layouts before the third, which had no history, of the fourth, whose rows had two forms, and of the
 * fifth, whose rows stood by their addresses: no program that was given to anybody has written the two.
 */
static const char *const old_prefixes[] = {"leases", LEASE_FILE_PREFIX "4-",
					   LEASE_FILE_PREFIX "5-"};

static uint64_t booted_s(void)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return now.tv_sec > up.tv_sec ? (uint64_t)(now.tv_sec - up.tv_sec) : 0;
}

void lease_end_with_boot(struct lease_row *row, uint64_t boot_s)
{
	row->ended = row->until_s <= boot_s ? LEASE_TIME : LEASE_REBOOT;
	if (row->until_s > boot_s)
		row->until_s = boot_s > row->last_s ? boot_s : row->last_s;
}

/* A file of an earlier boot, or of the layout before this one. */
struct source {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi shared;
	uint64_t boot_s;
	bool before, same_boot;
};

static struct lease_octets find_shared(const void *who, const struct lease_key *key)
{
	const struct source *from = who;
	MDB_val at = {key->len, (void *)(uintptr_t)key->octets}, found;
	const size_t uses = sizeof(uint32_t);

	if (mdb_get(from->txn, from->shared, &at, &found) || found.mv_size <= uses)
		return (struct lease_octets){0};
	return (struct lease_octets){(const uint8_t *)found.mv_data + uses,
				     found.mv_size - uses};
}

static int copy_table(struct lease_store *to, MDB_txn *into, struct source *from,
		      const char *table)
{
	const bool live = !strcmp(table, LEASE_TABLE_LIVE);
	MDB_cursor *cursor;
	MDB_dbi dbi;
	MDB_val key, value;
	int code = mdb_dbi_open(from->txn, table, 0, &dbi);

	if (!code)
		code = mdb_cursor_open(from->txn, dbi, &cursor);
	if (code)
		return code;
	while (!code && !(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		const struct lease_octets what = {value.mv_data, value.mv_size};
		const struct lease_octets at = {key.mv_data, key.mv_size};
		struct lease_read place;
		struct lease_row row;

		if (!(live ? lease_read_live(at, what, find_shared, from, &place, &row)
			   : lease_read_ended(what, &place, &row)))
			continue;
		if (live)
			lease_end_with_boot(&row, from->boot_s);
		code = lease_history_add(to, into, &row);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

static int copy_rows(struct lease_store *to, MDB_txn *into, struct source *from)
{
	int code;

	if (from->before)
		return lease_before_copy(to, into, from->txn, from->same_boot, from->boot_s);
	code = mdb_dbi_open(from->txn, LEASE_TABLE_SHARED, 0, &from->shared);
	if (!code)
		code = copy_table(to, into, from, LEASE_TABLE_ENDED);
	if (!code)
		code = lease_spent_copy(to, into, from->txn, from->same_boot);
	return code ? code : copy_table(to, into, from, LEASE_TABLE_LIVE);
}

static int copy_from(struct lease_store *to, struct source *from, const char *path)
{
	MDB_txn *into;
	int code = mdb_env_set_maxdbs(from->env, LEASE_TABLES);

	if (!code)
		code = mdb_env_open(from->env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOTLS,
				    0600);
	if (!code)
		code = mdb_txn_begin(from->env, NULL, MDB_RDONLY, &from->txn);
	if (!code)
		lease_room_want(to, 2 * lease_room_used(from->env));
	into = code ? NULL : lease_store_changing(to);
	if (into)
		code = copy_rows(to, into, from);
	mdb_txn_abort(from->txn);
	to->failed |= code != 0; /* all of it or nothing */
	lease_store_commit(to);
	return code;
}

/* ---- one file ---- */

struct found {
	char name[64];
	struct timespec changed;
	bool before; /* of the layout before this one */
	bool same_boot;
};

/* Is it a store's name, of this layout or the one before it? */
static bool is_store(const char *name, bool *before)
{
	const size_t prefix = sizeof(LEASE_FILE_LAYOUT) - 1;

	_Static_assert(sizeof(LEASE_FILE_LAYOUT) == sizeof(LEASE_FILE_BEFORE), "one length");
	*before = !strncmp(name, LEASE_FILE_BEFORE, prefix);
	return (*before || !strncmp(name, LEASE_FILE_LAYOUT, prefix)) &&
	       strlen(name) == prefix + LEASE_BOOT_ID - 1;
}

static const char *boot_of(const char *name)
{
	return name + sizeof(LEASE_FILE_LAYOUT) - 1;
}

static const char *file_of(const struct lease_store *store)
{
	return strrchr(store->path, '/') + 1;
}

/* Is there no more to be had of it? What only wants for room is left for another start. */
static bool take_over(struct lease_store *to, const struct found *found)
{
	struct lease_store other = *to;
	struct source from = {
		.boot_s = booted_s(), .before = found->before, .same_boot = found->same_boot};
	int code;

	lease_store_name(&other, found->name);
	if (lease_store_mark(&other) >= LEASE_STARTS_MAX) {
		lease_store_set_aside(&other, "earlier starts ended while reading it");
		return false;
	}
	code = lease_room_lock(&other);
	if (!code)
		code = mdb_env_create(&from.env);
	if (!code)
		code = copy_from(to, &from, other.path);
	mdb_env_close(from.env);
	(void)unlink(other.mark);
	if (!code && from.same_boot && to->env && !mdb_env_sync(to->env, 1)) {
		(void)unlink(other.path);
		(void)unlink(other.lock);
	}
	if (!code || lease_room_is_out(code) || code == ENOMEM || code == MDB_MAP_FULL)
		return true;
	lease_store_set_aside(&other, mdb_strerror(code));
	return false;
}

/* ---- the folder ---- */

static bool later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* What stands in this boot's is lost with it; what others have is history. */
static bool is_better(const struct found *a, const struct found *b)
{
	if (!b->name[0] || a->same_boot != b->same_boot)
		return !b->name[0] || a->same_boot;
	return later(&a->changed, &b->changed);
}

/* Of this boot, or the store that was written to last, of those that are not ours; false: there is none. */
static bool find_latest(const struct lease_store *store, struct found *out)
{
	DIR *entries = opendir(store->folder);
	struct found best = {0};
	struct dirent *entry;
	struct stat info;

	while (entries && (entry = readdir(entries))) {
		struct found found = {0};

		if (!is_store(entry->d_name, &found.before) ||
		    !strcmp(entry->d_name, file_of(store)) ||
		    fstatat(dirfd(entries), entry->d_name, &info, AT_SYMLINK_NOFOLLOW))
			continue;
		snprintf(found.name, sizeof(found.name), "%s", entry->d_name);
		found.changed = info.st_mtim;
		found.same_boot = !strcmp(boot_of(found.name), boot_of(file_of(store)));
		if (is_better(&found, &best))
			best = found;
	}
	if (entries)
		closedir(entries);
	*out = best;
	return best.name[0] != '\0';
}

static bool is_old(const char *name)
{
	for (size_t i = 0; i < sizeof(old_prefixes) / sizeof(old_prefixes[0]); i++)
		if (!strncmp(name, old_prefixes[i], strlen(old_prefixes[i])))
			return true;
	return false;
}

/* Of this layout and the one before only this boot's file stays and the one it took over; of older ones nothing. */
static void remove_others(const struct lease_store *store, const char *before)
{
	const char *ours = file_of(store);
	DIR *entries = opendir(store->folder);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		const char *name = entry->d_name;
		bool known = !strncmp(name, ours, strlen(ours)) ||
			     (before[0] && !strncmp(name, before, strlen(before)));
		bool store_file =
			!strncmp(name, LEASE_FILE_LAYOUT, sizeof(LEASE_FILE_LAYOUT) - 1) ||
			!strncmp(name, LEASE_FILE_BEFORE, sizeof(LEASE_FILE_BEFORE) - 1);

		if ((store_file && !known) || is_old(name))
			(void)unlinkat(dirfd(entries), name, 0);
	}
	if (entries)
		closedir(entries);
}

void lease_store_take_over(struct lease_store *store)
{
	struct found before = {0};

	for (int i = 0; i < FILES_MAX && find_latest(store, &before); i++)
		if (take_over(store, &before))
			break;
	remove_others(store, before.name);
}
