/*
 * The lease store: what changes, and the walks.
 *
 * Deadlines are monotonic times, and the kernel's elements go when the machine does, so a lease
 * means nothing to another boot, and its row then only says what was. No write ever has to be
 * waited for to reach the disk (MDB_NOSYNC): what a killed process has committed is in the page
 * cache and safe, and what a crashed machine left half-written is only ever read, with care, to take its
 * history over (lease_store_open.c).
 *
 * A row leaves the table of leases in one way only: into the history, in the same transaction.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX    256 /* of leases, changed in one transaction */
#define SWEEP_MIN   256
#define SWEEP_ROUND 60
#define SWEEP_STEP  256

/* ---- changes ---- */

void lease_store_say(struct lease_store *store, int code)
{
	store->failed = true;
	if (store->said)
		return;
	store->said = true;
	if (code == MDB_MAP_FULL && store->room && store->room < lease_room_max())
		code = ENOSPC;
	fprintf(stderr,
		"namegated: the lease store %s does not take changes (%s); leases stay in "
		"force, but a restart will not know their names, and the history has a gap. "
		"Make room on its disk, or remove the file and restart.\n",
		store->path, mdb_strerror(code));
}

MDB_txn *lease_store_changing(struct lease_store *store)
{
	int code;

	if (!store || !store->env || store->failed)
		return NULL;
	if (store->txn)
		return store->txn;
	code = mdb_txn_begin(store->env, NULL, 0, &store->txn);
	if (code) {
		store->txn = NULL;
		lease_store_say(store, code);
	}
	return store->txn;
}

static bool settle(struct lease_store *store)
{
	bool well = !store->failed;
	int code;

	store->cursor = NULL; /* it ends with its transaction */
	if (store->txn && well) {
		code = lease_shared_settle(store, store->txn);
		if (code)
			mdb_txn_abort(store->txn);
		else
			code = mdb_txn_commit(store->txn);
		store->txn = NULL;
		well = !code;
		if (code)
			lease_store_say(store, code);
	}
	/* Half a turn is not kept: its rows are intents, and the next orders write them again. */
	mdb_txn_abort(store->txn);
	lease_shared_forget(store);
	lease_names_settle(store, well);
	store->txn = NULL;
	store->failed = false;
	store->changed = 0;
	lease_room_keep(store);
	return well;
}

/*
 * That changes are there early does no harm, and no turn needs more than the file has room for. False: they
 * could not be made.
 */
static bool keep_small(struct lease_store *store)
{
	return !store || store->changed < ROWS_MAX || settle(store);
}

void lease_store_put(struct lease_store *store, const struct lease_row *row)
{
	MDB_txn *txn = lease_store_changing(store);
	int code = txn ? lease_live_put(store, txn, row) : 0;

	if (code)
		lease_store_say(store, code);
	if (store)
		store->changed++;
	(void)keep_small(store);
}

void lease_store_refused(struct lease_store *store, const struct lease_row *row)
{
	MDB_txn *txn = lease_store_changing(store);
	int code = txn ? lease_live_refuse(store, txn, row) : 0;

	if (code)
		lease_store_say(store, code);
	if (store)
		store->changed++;
	(void)keep_small(store);
}

/* The cursor's row becomes one of the history. What is no row of ours just goes. */
static int row_end(struct lease_store *store, MDB_txn *txn, MDB_cursor *cursor,
		   const MDB_val *key, const MDB_val *value, enum lease_end why, uint64_t now_s)
{
	struct lease_read place;
	struct lease_row row;
	const bool ours = lease_live_read(store, txn, key, value, &place, &row);
	int code = 0;

	if (ours) {
		row.ended = why;
		if (why != LEASE_TIME && row.until_s > now_s)
			row.until_s = now_s;
		code = lease_history_add(store, txn, &row);
	}
	return code ? code : lease_live_delete(store, txn, cursor, ours ? &row : NULL);
}

/* What goes away under a cursor that waits for the next put is none of its worries. */
static void cursor_finish(struct lease_store *store)
{
	mdb_cursor_close(store->cursor);
	store->cursor = NULL;
}

/* As many as one transaction has room for; MDB_NOTFOUND: that was the last. */
static int end_some(struct lease_store *store, MDB_txn *txn, const struct lease_key *prefix,
		    enum lease_end why, uint64_t now_s)
{
	MDB_val key = {prefix->len, (void *)(uintptr_t)prefix->octets}, value;
	MDB_cursor *cursor;
	int code = lease_shared_settle(store, txn);

	cursor_finish(store);
	if (!code)
		code = mdb_cursor_open(txn, store->tables.live, &cursor);
	if (code)
		return code;
	code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (!code && store->changed < ROWS_MAX) {
		if (key.mv_size < prefix->len ||
		    memcmp(key.mv_data, prefix->octets, prefix->len) != 0)
			code = MDB_NOTFOUND;
		else
			code = row_end(store, txn, cursor, &key, &value, why, now_s);
		store->changed++;
		if (!code)
			code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return code;
}

static void end_below(struct lease_store *store, const struct lease_key *prefix,
		      enum lease_end why, uint64_t now_s)
{
	MDB_txn *txn;
	bool well = true;
	int code = 0;

	while (well && !code && (txn = lease_store_changing(store))) {
		code = end_some(store, txn, prefix, why, now_s);
		well = keep_small(store);
	}
	if (code && code != MDB_NOTFOUND)
		lease_store_say(store, code);
}

void lease_store_end(struct lease_store *store, const struct lease_row *row, enum lease_end why,
		     uint64_t now_s)
{
	const uint64_t name = store ? lease_names_find(store, row) : 0;
	struct lease_key key;

	if (!name)
		return;
	lease_key_live(&key, row, name);
	end_below(store, &key, why, now_s);
}

void lease_store_drop_sandbox(struct lease_store *store, uint32_t sandbox, uint64_t now_s)
{
	struct lease_key key;

	lease_key_sandbox(&key, sandbox);
	end_below(store, &key, LEASE_REMOVED, now_s);
}

void lease_store_commit(struct lease_store *store)
{
	if (store && (store->txn || store->failed))
		(void)settle(store);
}

/* ---- walks ---- */

struct walk {
	struct lease_store *store;
	uint64_t now_us, now_s;
	lease_store_fn *visit;
	void *context;
	uint64_t kept, limit; /* limit: rows to look at */
};

/* LEASE_STANDS, or why not. Where nobody visits, the times alone are looked at. */
static enum lease_end judge(struct walk *walk, MDB_txn *txn, const MDB_val *key,
			    const MDB_val *value)
{
	const struct lease_octets times = {value->mv_data, value->mv_size};
	struct lease_row row = {0};
	struct lease_read place;
	uint32_t answer;

	if (!lease_value_read(times, &answer, &row) || row.until_us <= walk->now_us)
		return LEASE_TIME;
	if (!walk->visit)
		return LEASE_STANDS;
	if (!lease_live_read(walk->store, txn, key, value, &place, &row))
		return LEASE_TIME;
	return walk->visit(walk->context, &row) ? LEASE_STANDS : LEASE_REMOVED;
}

/* From the cursor's row on, ends what is to be ended. 0 at the limit, MDB_NOTFOUND at the end. */
static int walk_rows(MDB_txn *txn, MDB_cursor *cursor, struct walk *walk, MDB_val *key,
		     int first)
{
	MDB_val value;
	int code = mdb_cursor_get(cursor, key, &value, (MDB_cursor_op)first);

	for (; !code && walk->limit; walk->limit--) {
		enum lease_end why = judge(walk, txn, key, &value);

		if (why == LEASE_STANDS)
			walk->kept++;
		else
			code = row_end(walk->store, txn, cursor, key, &value, why, walk->now_s);
		if (!code)
			code = mdb_cursor_get(cursor, key, &value, MDB_NEXT);
	}
	return code;
}

static int walk_store(struct walk *walk, MDB_val *key, int first)
{
	MDB_cursor *cursor;
	MDB_txn *txn = lease_store_changing(walk->store);
	int code;

	if (!txn)
		return MDB_PANIC;
	cursor_finish(walk->store);
	code = lease_shared_settle(walk->store, txn);
	if (code)
		return code;
	code = mdb_cursor_open(txn, walk->store->tables.live, &cursor);
	if (code)
		return code;
	code = walk_rows(txn, cursor, walk, key, first);
	mdb_cursor_close(cursor);
	return code;
}

uint64_t lease_store_each(struct lease_store *store, uint64_t now_us, uint64_t now_s,
			  lease_store_fn *visit, void *context)
{
	struct walk walk = {.store = store,
			    .now_us = now_us,
			    .now_s = now_s,
			    .visit = visit,
			    .context = context,
			    .limit = UINT64_MAX};
	MDB_val key = {0};
	int code;

	if (!store)
		return 0;
	lease_store_commit(store);
	lease_room_want(store, lease_room_used(store->env)); /* all of them may have ended */
	code = walk_store(&walk, &key, MDB_FIRST);
	if (code && code != MDB_NOTFOUND)
		lease_store_say(store, code);
	lease_store_commit(store);
	return walk.kept;
}

/* Where the walk ended, as LMDB says it with code: the next one goes on there, or begins anew. */
static void sweep_note(struct lease_store *store, int code, const MDB_val *key)
{
	int dead;

	store->swept.len = 0;
	if (code)
		store->sweep_left = 0;
	/* Once a round: a reader that was killed would keep every page from being used again. */
	if (code == MDB_NOTFOUND)
		(void)mdb_reader_check(store->env, &dead);
	if (code && code != MDB_NOTFOUND)
		lease_store_say(store, code);
	if (code || key->mv_size > LEASE_KEY_MAX)
		return;
	memcpy(store->swept.octets, key->mv_data, key->mv_size);
	store->swept.len = key->mv_size;
}

bool lease_store_sweep(struct lease_store *store, uint64_t now_us)
{
	struct walk walk = {.store = store, .now_us = now_us, .limit = SWEEP_STEP};
	MDB_txn *txn = lease_store_changing(store);
	MDB_val key;
	MDB_stat stat;

	if (!txn || mdb_stat(txn, store->tables.live, &stat))
		return false;
	if (!store->sweep_left)
		store->sweep_left = stat.ms_entries / SWEEP_ROUND + SWEEP_MIN;
	if (walk.limit > store->sweep_left)
		walk.limit = store->sweep_left;
	store->sweep_left -= walk.limit;
	key = (MDB_val){store->swept.len, store->swept.octets};
	sweep_note(store, walk_store(&walk, &key, store->swept.len ? MDB_SET_RANGE : MDB_FIRST),
		   &key);
	lease_store_commit(store);
	return store->sweep_left > 0;
}
