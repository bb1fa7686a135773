/*
 * Rows that are to be in another worker's store, since there are more workers now, or fewer. Nobody
 * else has the stores open meanwhile. What arrives is in its file before it leaves the other: a
 * start that ends in the middle of this has lost nothing, and the next one goes on.
 *
 * A worker that was taken over could write anything into its store, also about sandboxes of others,
 * that would be believed once such a sandbox is its own. So what does not stand in the store of whom the
 * sandbox was is removed before anything is moved; afterwards it cannot be told from what was moved.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <endian.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct sharing {
	const struct lease_sharing *how;
	struct lease_store *from;
	uint32_t index; /* of from */
	bool sift;      /* nothing is moved: what cannot be the store's own is removed */
};

/* Where a row of that owner is to be; the store itself: it stays. NULL: nowhere. */
static struct lease_store *target(const struct sharing *sharing, bool known,
				  const struct lease_owner *owner)
{
	const struct lease_sharing *how = sharing->how;

	if (sharing->sift)
		return known && owner->was != sharing->index ? NULL : sharing->from;
	if (!known || owner->was != sharing->index || owner->is >= how->n_stores)
		return sharing->from;
	return how->stores[owner->is] ? how->stores[owner->is] : sharing->from;
}

static int move_lease(const struct sharing *sharing, MDB_txn *txn, MDB_cursor *cursor,
		      const MDB_val *key, const MDB_val *value)
{
	struct lease_owner owner;
	struct lease_store *to;
	struct lease_read place;
	struct lease_row row;
	MDB_txn *into;
	int code;

	if (!lease_live_read(sharing->from, txn, key, value, &place, &row))
		return 0;
	to = target(sharing, sharing->how->by_id(sharing->how->who, row.sandbox, &owner),
		    &owner);
	if (to == sharing->from)
		return 0;
	if (!to)
		return lease_live_delete(sharing->from, txn, cursor, &row);
	if (row.until_us <= sharing->how->now_us)
		return 0; /* it ends where it is */
	into = lease_store_changing(to);
	code = into ? lease_live_copy(to, into, &row) : MDB_PANIC;
	return code ? code : lease_live_delete(sharing->from, txn, cursor, &row);
}

/* to: a store and its table; NULL: nowhere. */
static int move_raw(const struct sharing *sharing, MDB_cursor *cursor, MDB_val *key,
		    MDB_val *value, struct lease_store *to, MDB_dbi table)
{
	MDB_txn *into;
	int code = 0;

	if (to == sharing->from)
		return 0;
	if (to) {
		into = lease_store_changing(to);
		code = into ? mdb_put(into, table, key, value, MDB_NOOVERWRITE) : MDB_PANIC;
	}
	return code && code != MDB_KEYEXIST ? code : mdb_cursor_del(cursor, 0);
}

static int move_waiting(const struct sharing *sharing, MDB_cursor *cursor, MDB_val *key,
			MDB_val *value)
{
	struct lease_owner owner = {0};
	struct lease_store *to;
	uint32_t sandbox;

	if (!lease_waiting_sandbox(key, value, &sandbox))
		return 0;
	to = target(sharing, sharing->how->by_id(sharing->how->who, sandbox, &owner), &owner);
	return move_raw(sharing, cursor, key, value, to, to ? to->tables.waiting : 0);
}

static int move_spent(const struct sharing *sharing, MDB_cursor *cursor, MDB_val *key,
		      MDB_val *value)
{
	char name[NG_SANDBOX_NAME_MAX];
	struct lease_owner owner = {0};
	struct lease_store *to;

	if (!lease_spent_sandbox(key, name))
		return 0;
	to = target(sharing, sharing->how->by_name(sharing->how->who, name, &owner), &owner);
	return move_raw(sharing, cursor, key, value, to, to ? to->tables.spent : 0);
}

enum table { LIVE, WAITING, SPENT, TABLES };

static int move_table(const struct sharing *sharing, MDB_txn *txn, enum table table)
{
	const struct lease_tables *tables = &sharing->from->tables;
	const MDB_dbi all[TABLES] = {tables->live, tables->waiting, tables->spent};
	MDB_cursor *cursor;
	MDB_val key, value;
	int code = mdb_cursor_open(txn, all[table], &cursor);

	if (code)
		return code;
	while (!code && !(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		if (table == LIVE)
			code = move_lease(sharing, txn, cursor, &key, &value);
		else
			code = (table == WAITING ? move_waiting : move_spent)(sharing, cursor,
									      &key, &value);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

/* All rows may have to go to one of the others. */
static void make_room(const struct sharing *sharing)
{
	const uint64_t octets = lease_room_used(sharing->from->env);

	for (uint32_t i = 0; i < sharing->how->n_stores; i++)
		if (sharing->how->stores[i])
			lease_room_want(sharing->how->stores[i], 2 * octets);
}

static int move_all(const struct sharing *sharing)
{
	const struct lease_sharing *how = sharing->how;
	MDB_txn *txn;
	int code;

	if (!sharing->sift)
		make_room(sharing);
	txn = lease_store_changing(sharing->from);
	code = txn ? 0 : MDB_PANIC;

	for (int table = 0; table < TABLES && !code; table++)
		code = move_table(sharing, txn, (enum table)table);
	if (code)
		lease_store_say(sharing->from, code);
	for (uint32_t i = 0; i < how->n_stores; i++) {
		struct lease_store *to = how->stores[i];

		if (!to || to == sharing->from)
			continue;
		to->failed |= code != 0;
		lease_store_commit(to);
	}
	lease_store_commit(sharing->from);
	return code;
}

static int each(const struct lease_sharing *how, bool sift)
{
	int code = 0;

	for (uint32_t i = 0; i < how->n_stores && !code; i++) {
		const struct sharing sharing = {how, how->stores[i], i, sift};

		if (how->stores[i])
			code = move_all(&sharing);
	}
	return code;
}

int lease_store_sift(const struct lease_sharing *how)
{
	return each(how, true) ? NG_E_IO : NG_OK;
}

int lease_store_share(const struct lease_sharing *how)
{
	uint64_t last = 0;
	int code = each(how, false);

	for (uint32_t i = 0; i < how->n_stores && !code; i++)
		if (how->stores[i])
			last = lease_waiting_last(how->stores[i], last);
	for (uint32_t i = 0; i < how->n_stores && !code; i++)
		if (how->stores[i])
			(void)lease_waiting_last(how->stores[i], last);
	return code ? NG_E_IO : NG_OK;
}
