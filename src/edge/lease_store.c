/*
 * The lease store: one LMDB file for one boot of the machine.
 *
 * Deadlines are monotonic times, and the kernel's elements go when the machine does, so nothing
 * in the store means anything to another boot. The boot's id is part of the file's name: what a
 * crashed machine left half-written is never opened, and no write ever has to be waited for to
 * reach the disk (MDB_NOSYNC). The format of the rows is part of the name as well: a file of
 * another format is dropped as another boot's is, and costs the names of the leases that stand. What a killed process has committed is in the page cache and safe.
 *
 * Reading a damaged file through a memory map can end the process. So the first thing done to a
 * file is to grow a mark beside it by one octet, the second to walk all rows, the third to remove
 * the mark. A file whose mark shows that several starts in a row got no further is thrown away.
 *
 * The folder must be ours alone: the store is opened before privileges go, and whoever else could
 * write there could lead us elsewhere with a symbolic link.
 */
#include "config.h"
#include "edge/lease_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_SIZE    (1u << 30)
#define BOOT_ID     37 /* the text and its NUL */
#define STARTS_MAX  3
#define SWEEP_MIN   256
#define SWEEP_ROUND 60
#define ADDR_OCTETS 17
#define PORT_OCTETS 3
#define OWNER       (4 + 2 * ADDR_OCTETS + PORT_OCTETS) /* of a key: all but the name */
#define FILE_PREFIX "leases"
#define FILE_FORMAT FILE_PREFIX "2-" /* 2: with ports; before it the boot's id came at once */
#define KEY_MAX     (OWNER + NG_NAME_MAX)
#define RULE_MAX    (NG_PATH_MAX + 16)

struct key {
	size_t len;
	uint8_t octets[KEY_MAX];
};

struct value {
	uint64_t until_us;
	char rule[RULE_MAX]; /* stored as long as it is, NUL included */
};

struct lease_store {
	MDB_env *env;
	MDB_dbi rows;
	MDB_txn *txn; /* the changes of this turn, or NULL */
	bool failed;  /* of this txn; sticky until the commit */
	bool said;
	struct key swept; /* where the sweep goes on */
	char folder[PATH_MAX], path[PATH_MAX + 64], lock[PATH_MAX + 80], mark[PATH_MAX + 80];
};

/* ---- keys and values ---- */

static void key_add(struct key *key, const void *octets, size_t n)
{
	memcpy(key->octets + key->len, octets, n);
	key->len += n;
}

static void key_add_addr(struct key *key, const struct ng_addr *addr)
{
	key_add(key, &addr->family, 1);
	key_add(key, addr->bytes, sizeof(addr->bytes));
}

static void key_sandbox(struct key *key, uint32_t sandbox)
{
	uint8_t octets[4] = {(uint8_t)(sandbox >> 24), (uint8_t)(sandbox >> 16),
			     (uint8_t)(sandbox >> 8), (uint8_t)sandbox};

	key->len = 0;
	key_add(key, octets, sizeof(octets));
}

static void key_owner(struct key *key, const struct lease_row *row)
{
	const uint8_t port[PORT_OCTETS] = {row->port.proto, (uint8_t)(row->port.port >> 8),
					   (uint8_t)row->port.port};

	key_sandbox(key, row->sandbox);
	key_add_addr(key, &row->client);
	key_add_addr(key, &row->addr);
	key_add(key, port, sizeof(port));
}

static bool addr_read(const uint8_t *octets, struct ng_addr *out)
{
	*out = ng_addr_make((enum ng_family)octets[0], octets + 1);
	return out->family == octets[0];
}

static bool port_read(const uint8_t *octets, struct ng_port *out)
{
	*out = (struct ng_port){.proto = octets[0],
				.port = (uint16_t)(octets[1] << 8 | octets[2])};
	if (out->proto == 0)
		return out->port == 0;
	return (out->proto == IPPROTO_TCP || out->proto == IPPROTO_UDP) && out->port;
}

/* Rows are checked like any input: a disk is a stranger too. */
static bool row_read(const MDB_val *key, const MDB_val *value, struct ng_name *name,
		     struct value *copy, struct lease_row *out)
{
	const uint8_t *octets = key->mv_data;
	size_t fixed = offsetof(struct value, rule);

	if (key->mv_size <= OWNER || key->mv_size > KEY_MAX)
		return false;
	if (value->mv_size <= fixed || value->mv_size > sizeof(*copy))
		return false;
	memcpy(copy, value->mv_data, value->mv_size);
	if (copy->rule[value->mv_size - fixed - 1] != '\0')
		return false;
	out->sandbox = (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 |
		       (uint32_t)octets[2] << 8 | octets[3];
	if (!addr_read(octets + 4, &out->client) ||
	    !addr_read(octets + 4 + ADDR_OCTETS, &out->addr) || !out->addr.family ||
	    !port_read(octets + 4 + 2 * ADDR_OCTETS, &out->port))
		return false;
	if (ng_name_from_wire(octets + OWNER, key->mv_size - OWNER, name) != NG_OK ||
	    name->len != key->mv_size - OWNER)
		return false;
	out->name = name;
	out->until_us = copy->until_us;
	out->rule = copy->rule;
	return true;
}

/* ---- changes ---- */

static void say(struct lease_store *store, int code)
{
	store->failed = true;
	if (store->said)
		return;
	store->said = true;
	fprintf(stderr,
		"namegated: the lease store %s does not take changes (%s); leases stay in "
		"force, but a restart will not know their names. Make room on its disk, or "
		"remove the file and restart.\n",
		store->path, mdb_strerror(code));
}

static MDB_txn *changing(struct lease_store *store)
{
	int code;

	if (!store || store->failed)
		return NULL;
	if (store->txn)
		return store->txn;
	code = mdb_txn_begin(store->env, NULL, 0, &store->txn);
	if (code) {
		store->txn = NULL;
		say(store, code);
	}
	return store->txn;
}

static bool lasts_longer(MDB_txn *txn, MDB_dbi rows, MDB_val *key, uint64_t until_us)
{
	uint64_t stored_us;
	MDB_val found;

	if (mdb_get(txn, rows, key, &found) || found.mv_size < sizeof(stored_us))
		return false;
	memcpy(&stored_us, found.mv_data, sizeof(stored_us));
	return stored_us >= until_us;
}

void lease_store_put(struct lease_store *store, const struct lease_row *row)
{
	MDB_txn *txn = changing(store);
	struct value value = {.until_us = row->until_us};
	struct key key;
	MDB_val at, what;
	int code;

	if (!txn)
		return;
	key_owner(&key, row);
	key_add(&key, row->name->wire, row->name->len);
	snprintf(value.rule, sizeof(value.rule), "%s", row->rule ? row->rule : "");
	at = (MDB_val){.mv_size = key.len, .mv_data = key.octets};
	what = (MDB_val){.mv_size = offsetof(struct value, rule) + strlen(value.rule) + 1,
			 .mv_data = &value};
	if (lasts_longer(txn, store->rows, &at, row->until_us))
		return;
	code = mdb_put(txn, store->rows, &at, &what, 0);
	if (code)
		say(store, code);
}

static void drop_below(struct lease_store *store, struct key *prefix)
{
	MDB_txn *txn = changing(store);
	MDB_val key = {.mv_size = prefix->len, .mv_data = prefix->octets}, value;
	MDB_cursor *cursor;
	int code;

	if (!txn)
		return;
	code = mdb_cursor_open(txn, store->rows, &cursor);
	if (code) {
		say(store, code);
		return;
	}
	code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (!code && key.mv_size >= prefix->len &&
	       !memcmp(key.mv_data, prefix->octets, prefix->len)) {
		code = mdb_cursor_del(cursor, 0);
		if (!code)
			code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	if (code && code != MDB_NOTFOUND)
		say(store, code);
}

void lease_store_drop(struct lease_store *store, const struct lease_row *row)
{
	struct key key;

	key_owner(&key, row);
	drop_below(store, &key);
}

void lease_store_drop_sandbox(struct lease_store *store, uint32_t sandbox)
{
	struct key key;

	key_sandbox(&key, sandbox);
	drop_below(store, &key);
}

void lease_store_commit(struct lease_store *store)
{
	int code;

	if (!store)
		return;
	if (store->txn && !store->failed) {
		code = mdb_txn_commit(store->txn);
		store->txn = NULL;
		if (code)
			say(store, code);
	}
	/* Half a turn is not kept: its rows are intents, and the next orders write them again. */
	mdb_txn_abort(store->txn);
	store->txn = NULL;
	store->failed = false;
}

/* ---- walks ---- */

struct walk {
	uint64_t now_us;
	lease_store_fn *visit;
	void *context;
	uint64_t kept, limit; /* limit: rows to look at */
};

static bool keep(struct walk *walk, const MDB_val *key, const MDB_val *value)
{
	struct lease_row row;
	struct ng_name name;
	struct value copy;

	if (!row_read(key, value, &name, &copy, &row) || row.until_us <= walk->now_us)
		return false;
	return !walk->visit || walk->visit(walk->context, &row);
}

/* From the cursor's row on, removes what is not to be kept. 0 at the limit, MDB_NOTFOUND at the end. */
static int walk_rows(MDB_cursor *cursor, struct walk *walk, MDB_val *key, int first)
{
	MDB_val value;
	int code = mdb_cursor_get(cursor, key, &value, (MDB_cursor_op)first);

	for (; !code && walk->limit; walk->limit--) {
		if (keep(walk, key, &value))
			walk->kept++;
		else
			code = mdb_cursor_del(cursor, 0);
		if (!code)
			code = mdb_cursor_get(cursor, key, &value, MDB_NEXT);
	}
	return code;
}

static int walk_store(struct lease_store *store, struct walk *walk, MDB_val *key, int first)
{
	MDB_cursor *cursor;
	MDB_txn *txn = changing(store);
	int code;

	if (!txn)
		return MDB_PANIC;
	code = mdb_cursor_open(txn, store->rows, &cursor);
	if (code)
		return code;
	code = walk_rows(cursor, walk, key, first);
	mdb_cursor_close(cursor);
	return code;
}

uint64_t lease_store_each(struct lease_store *store, uint64_t now_us, lease_store_fn *visit,
			  void *context)
{
	struct walk walk = {
		.now_us = now_us, .visit = visit, .context = context, .limit = UINT64_MAX};
	MDB_val key = {0};
	int code;

	if (!store)
		return 0;
	code = walk_store(store, &walk, &key, MDB_FIRST);
	if (code && code != MDB_NOTFOUND)
		say(store, code);
	lease_store_commit(store);
	return walk.kept;
}

void lease_store_sweep(struct lease_store *store, uint64_t now_us)
{
	struct walk walk = {.now_us = now_us};
	MDB_val key;
	MDB_stat stat;
	int code;

	if (!store || mdb_env_stat(store->env, &stat) || !stat.ms_entries)
		return;
	walk.limit = stat.ms_entries / SWEEP_ROUND + SWEEP_MIN;
	key = (MDB_val){.mv_size = store->swept.len, .mv_data = store->swept.octets};
	code = walk_store(store, &walk, &key, store->swept.len ? MDB_SET_RANGE : MDB_FIRST);
	store->swept.len = 0;
	if (!code && key.mv_size <= KEY_MAX)
		key_add(&store->swept, key.mv_data, key.mv_size);
	if (code && code != MDB_NOTFOUND)
		say(store, code);
	lease_store_commit(store);
}

/* ---- opening ---- */

static int boot_id(char out[static BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, BOOT_ID - 1);

	if (fd >= 0)
		close(fd);
	if (got != BOOT_ID - 1)
		return NG_E_IO;
	out[BOOT_ID - 1] = '\0';
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

/* Whatever is not of this boot and of this format goes. */
static void remove_others(const char *folder, const char *boot)
{
	const size_t prefix = sizeof(FILE_PREFIX) - 1, format = sizeof(FILE_FORMAT) - 1;
	DIR *entries = opendir(folder);
	struct dirent *entry;

	if (!entries)
		return;
	while ((entry = readdir(entries))) {
		const char *name = entry->d_name;
		bool ours = !strncmp(name, FILE_FORMAT, format) &&
			    !strncmp(name + format, boot, BOOT_ID - 1);
		if (!ours && !strncmp(name, FILE_PREFIX, prefix))
			(void)unlinkat(dirfd(entries), name, 0);
	}
	closedir(entries);
}

static void discard(struct lease_store *store, const char *why)
{
	fprintf(stderr,
		"namegated: the lease store %s cannot be read (%s); it is begun anew, and "
		"leases from before this start have lost their names.\n",
		store->path, why);
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

static int open_env(struct lease_store *store)
{
	MDB_txn *txn;
	int code = mdb_env_create(&store->env), dead;

	if (code)
		return code;
	code = mdb_env_set_mapsize(store->env, MAP_SIZE);
	if (!code)
		code = mdb_env_open(store->env, store->path,
				    MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS, 0600);
	if (!code)
		code = mdb_reader_check(store->env, &dead);
	if (!code)
		code = mdb_txn_begin(store->env, NULL, 0, &txn);
	if (code)
		return code;
	code = mdb_dbi_open(txn, NULL, 0, &store->rows);
	if (code) {
		mdb_txn_abort(txn);
		return code;
	}
	return mdb_txn_commit(txn);
}

/* Touches every row. Ended ones go; what is no row of ours goes with them. */
static int open_and_read(struct lease_store *store)
{
	struct walk walk = {.limit = UINT64_MAX};
	MDB_val key = {0};
	int code = open_env(store);

	if (code)
		return code;
	code = walk_store(store, &walk, &key, MDB_FIRST);
	lease_store_commit(store);
	return code == MDB_NOTFOUND ? 0 : code;
}

static int open_or_renew(struct lease_store *store, char why[static LEASE_STORE_WHY])
{
	int code;

	if (mark_grow(store) >= STARTS_MAX)
		discard(store, "earlier starts ended while reading it");
	code = open_and_read(store);
	if (code && code != ENOSPC && code != EACCES && code != ENOMEM) {
		mdb_env_close(store->env);
		store->env = NULL;
		discard(store, mdb_strerror(code));
		code = open_and_read(store);
	}
	(void)unlink(store->mark);
	if (!code)
		return NG_OK;
	snprintf(why, LEASE_STORE_WHY, "cannot open %.200s: %s", store->path,
		 mdb_strerror(code));
	return code == ENOMEM ? NG_E_NOMEM : NG_E_IO;
}

int lease_store_open(const char *folder, struct lease_store **out,
		     char why[static LEASE_STORE_WHY])
{
	struct lease_store *store = calloc(1, sizeof(*store));
	char boot[BOOT_ID];
	int code;

	if (!store || boot_id(boot)) {
		free(store);
		snprintf(why, LEASE_STORE_WHY, "out of memory, or no /proc");
		return store ? NG_E_IO : NG_E_NOMEM;
	}
	snprintf(store->folder, sizeof(store->folder), "%s/worker", folder);
	snprintf(store->path, sizeof(store->path), "%s/" FILE_FORMAT "%s", store->folder, boot);
	snprintf(store->lock, sizeof(store->lock), "%s-lock", store->path);
	snprintf(store->mark, sizeof(store->mark), "%s-opening", store->path);
	code = folder_check(store->folder, why);
	if (!code) {
		remove_others(store->folder, boot);
		code = open_or_renew(store, why);
	}
	if (code) {
		lease_store_close(store);
		return code;
	}
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
