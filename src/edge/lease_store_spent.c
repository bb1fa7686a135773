/*
 * What sandboxes have spent of their budgets, in the store of the leases: a worker that takes over from
 * one that died, or was stopped, goes on where that was.
 *
 * The key is the sandbox's name, a NUL, and the owner of the wildcard; the value says when all of it will
 * have come back, by the clock of this boot. Only where the boot is another one does the wall clock
 * count. It may have been set meanwhile; the engine believes no more than it could have let be spent.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <string.h>
#include <time.h>

#define US      1000000u
#define SWEEP   8 /* rows that are looked at for each that is put: more go than come */
#define KEY_MAX (NG_SANDBOX_NAME_MAX + NG_NAME_MAX)

struct spent_value {
	uint64_t until_us, until_s;
};

static bool value_read(const MDB_val *value, struct spent_value *out)
{
	if (value->mv_size != sizeof(*out))
		return false;
	memcpy(out, value->mv_data, sizeof(*out));
	return true;
}

static size_t key_make(const struct ng_spent *spent, uint8_t out[static KEY_MAX])
{
	size_t len = strnlen(spent->sandbox_name, NG_SANDBOX_NAME_MAX - 1);

	memcpy(out, spent->sandbox_name, len);
	out[len] = 0;
	memcpy(out + len + 1, spent->owner->wire, spent->owner->len);
	return len + 1 + spent->owner->len;
}

/* A disk is a stranger. */
static bool key_read(const MDB_val *key, char name[static NG_SANDBOX_NAME_MAX],
		     struct ng_name *owner)
{
	const uint8_t *octets = key->mv_data;
	const size_t len = strnlen(key->mv_data, key->mv_size);

	if (!len || len >= NG_SANDBOX_NAME_MAX || len == key->mv_size)
		return false;
	memcpy(name, octets, len + 1);
	return !ng_name_from_wire(octets + len + 1, key->mv_size - len - 1, owner) &&
	       owner->len == key->mv_size - len - 1;
}

/* The next rows behind where the last sweep ended: those that mean nothing any more go. */
static int sweep(struct lease_store *store, MDB_txn *txn, uint64_t now_us)
{
	MDB_val key = {store->spent_swept.len, store->spent_swept.octets}, value;
	struct spent_value row;
	MDB_cursor *cursor;
	int code = mdb_cursor_open(txn, store->tables.spent, &cursor);

	if (code)
		return code;
	code = mdb_cursor_get(cursor, &key, &value, key.mv_size ? MDB_SET_RANGE : MDB_FIRST);
	for (int i = 0; !code && i < SWEEP; i++) {
		if (!value_read(&value, &row) || row.until_us <= now_us)
			code = mdb_cursor_del(cursor, 0);
		if (!code)
			code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	store->spent_swept.len = 0;
	if (!code && key.mv_size <= sizeof(store->spent_swept.octets)) {
		memcpy(store->spent_swept.octets, key.mv_data, key.mv_size);
		store->spent_swept.len = key.mv_size;
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

void lease_store_spent(struct lease_store *store, const struct ng_spent *spent, uint64_t now_us,
		       uint64_t now_s)
{
	MDB_txn *txn = lease_store_changing(store);
	const uint64_t left_us = spent->until_us > now_us ? spent->until_us - now_us : 0;
	struct spent_value row = {spent->until_us, now_s + (left_us + US - 1) / US};
	uint8_t octets[KEY_MAX];
	MDB_val key = {0, octets}, value = {sizeof(row), &row};
	int code;

	if (!txn)
		return;
	key.mv_size = key_make(spent, octets);
	code = mdb_put(txn, store->tables.spent, &key, &value, 0);
	if (!code)
		code = sweep(store, txn, now_us);
	if (code)
		lease_store_say(store, code);
	lease_store_commit(store);
}

void lease_store_spents(struct lease_store *store, uint64_t now_us, lease_store_spent_fn *visit,
			void *context)
{
	MDB_txn *txn = lease_store_changing(store);
	char name[NG_SANDBOX_NAME_MAX];
	struct spent_value row;
	struct ng_name owner;
	MDB_cursor *cursor;
	MDB_val key, value;
	int code;

	if (!txn)
		return;
	code = mdb_cursor_open(txn, store->tables.spent, &cursor);
	if (code) {
		lease_store_say(store, code);
		return;
	}
	while (!(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		if (value_read(&value, &row) && key_read(&key, name, &owner) &&
		    row.until_us > now_us)
			visit(context, &(struct ng_spent){name, &owner, row.until_us});
		else
			code = mdb_cursor_del(cursor, 0);
		if (code)
			break;
	}
	mdb_cursor_close(cursor);
	if (code && code != MDB_NOTFOUND)
		lease_store_say(store, code);
	lease_store_commit(store);
}

bool lease_spent_sandbox(const MDB_val *key, char name[static NG_SANDBOX_NAME_MAX])
{
	struct ng_name owner;

	return key_read(key, name, &owner);
}

/* ---- from another boot ---- */

static uint64_t clock_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * US + (uint64_t)now.tv_nsec / 1000;
}

static int copy_row(struct lease_store *to, MDB_txn *into, MDB_val *key, struct spent_value row,
		    bool same_boot)
{
	const uint64_t now_s = clock_of(CLOCK_REALTIME) / US;
	MDB_val value = {sizeof(row), &row};

	if (!same_boot && row.until_s <= now_s)
		return 0;
	if (!same_boot)
		row.until_us = clock_of(CLOCK_MONOTONIC) + (row.until_s - now_s) * US;
	return mdb_put(into, to->tables.spent, key, &value, 0);
}

int lease_spent_copy(struct lease_store *to, MDB_txn *into, MDB_txn *from, bool same_boot)
{
	struct spent_value row;
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_dbi table;
	int code = mdb_dbi_open(from, LEASE_TABLE_SPENT, 0, &table);

	if (code == MDB_NOTFOUND)
		return 0;
	if (!code)
		code = mdb_cursor_open(from, table, &cursor);
	if (code)
		return code;
	while (!code && !(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))
		if (value_read(&value, &row) && key.mv_size <= KEY_MAX)
			code = copy_row(to, into, &key, row, same_boot);
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}
