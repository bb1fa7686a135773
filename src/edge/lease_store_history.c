/*
 * The history of leases: what opened which address, and why it ended.
 *
 * Rows are numbered in the order in which they came, so the first is the oldest. When there are
 * too many one goes for each that comes: the oldest of all, unless the sandbox that adds has more
 * than its share; then its own oldest. A share is the whole divided among the sandboxes that have
 * rows, but never less than the whole by NG_HISTORY_SHARES: a sandbox that opens a thousand
 * addresses a second pushes out what is its own, and rows of sandboxes that are long gone do not
 * starve those that live.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <endian.h>
#include <string.h>

static MDB_val val(const void *octets, size_t len)
{
	return (MDB_val){len, (void *)(uintptr_t)octets};
}

/* ---- the count of each sandbox ---- */

static uint32_t count_of(struct lease_store *store, MDB_txn *txn, uint32_t sandbox)
{
	struct lease_key key;
	uint32_t count = 0;
	MDB_val at, found;

	lease_key_sandbox(&key, sandbox);
	at = val(key.octets, key.len);
	if (!mdb_get(txn, store->tables.per_sandbox, &at, &found) &&
	    found.mv_size == sizeof(count))
		memcpy(&count, found.mv_data, sizeof(count));
	return count;
}

static int count_set(struct lease_store *store, MDB_txn *txn, uint32_t sandbox, uint32_t count)
{
	struct lease_key key;
	MDB_val at, value = val(&count, sizeof(count));
	int code;

	lease_key_sandbox(&key, sandbox);
	at = val(key.octets, key.len);
	if (count)
		return mdb_put(txn, store->tables.per_sandbox, &at, &value, 0);
	code = mdb_del(txn, store->tables.per_sandbox, &at, NULL);
	return code == MDB_NOTFOUND ? 0 : code;
}

/* ---- rows by sandbox ---- */

static void key_numbered(struct lease_key *key, uint32_t sandbox, uint64_t number)
{
	const uint64_t big = htobe64(number);

	lease_key_sandbox(key, sandbox);
	memcpy(key->octets + key->len, &big, sizeof(big));
	key->len += sizeof(big);
}

static int index_add(struct lease_store *store, MDB_txn *txn, uint32_t sandbox, uint64_t number)
{
	struct lease_key key;
	MDB_val at, none = val("", 0);

	key_numbered(&key, sandbox, number);
	at = val(key.octets, key.len);
	return mdb_put(txn, store->tables.of_sandbox, &at, &none, 0);
}

static int index_remove(struct lease_store *store, MDB_txn *txn, uint32_t sandbox,
			uint64_t number)
{
	struct lease_key key;
	MDB_val at;
	int code;

	key_numbered(&key, sandbox, number);
	at = val(key.octets, key.len);
	code = mdb_del(txn, store->tables.of_sandbox, &at, NULL);
	return code == MDB_NOTFOUND ? 0 : code;
}

static bool number_read(const MDB_val *key, size_t before, uint64_t *out)
{
	uint64_t big;

	if (key->mv_size != before + sizeof(big))
		return false;
	memcpy(&big, (const uint8_t *)key->mv_data + before, sizeof(big));
	*out = be64toh(big);
	return true;
}

/* The number of the sandbox's oldest row. */
static int oldest_of(struct lease_store *store, MDB_txn *txn, uint32_t sandbox, uint64_t *out)
{
	struct lease_key prefix;
	MDB_cursor *cursor;
	MDB_val key, none;
	int code = mdb_cursor_open(txn, store->tables.of_sandbox, &cursor);

	if (code)
		return code;
	lease_key_sandbox(&prefix, sandbox);
	key = val(prefix.octets, prefix.len);
	code = mdb_cursor_get(cursor, &key, &none, MDB_SET_RANGE);
	if (!code && (!number_read(&key, prefix.len, out) ||
		      memcmp(key.mv_data, prefix.octets, prefix.len) != 0))
		code = MDB_NOTFOUND;
	mdb_cursor_close(cursor);
	return code;
}

/* ---- rows ---- */

static int end_of(struct lease_store *store, MDB_txn *txn, MDB_cursor_op which, uint64_t *out)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int code = mdb_cursor_open(txn, store->tables.ended, &cursor);

	if (code)
		return code;
	code = mdb_cursor_get(cursor, &key, &value, which);
	if (!code && !number_read(&key, 0, out))
		code = MDB_CORRUPTED;
	mdb_cursor_close(cursor);
	return code;
}

static int remove_row(struct lease_store *store, MDB_txn *txn, uint64_t number)
{
	const uint64_t big = htobe64(number);
	MDB_val key = val(&big, sizeof(big)), value;
	struct lease_read place;
	struct lease_row row;
	uint32_t count;
	int code = mdb_get(txn, store->tables.ended, &key, &value);

	if (code)
		return code;
	if (!lease_read_ended((struct lease_octets){value.mv_data, value.mv_size}, &place,
			      &row))
		return mdb_del(txn, store->tables.ended, &key, NULL);
	code = mdb_del(txn, store->tables.ended, &key, NULL);
	if (!code)
		code = index_remove(store, txn, row.sandbox, number);
	count = count_of(store, txn, row.sandbox);
	return code || !count ? code : count_set(store, txn, row.sandbox, count - 1);
}

static size_t entries(MDB_txn *txn, MDB_dbi table)
{
	MDB_stat stat;

	return mdb_stat(txn, table, &stat) ? 0 : stat.ms_entries;
}

static bool over_share(struct lease_store *store, MDB_txn *txn, uint32_t count)
{
	size_t sharers = entries(txn, store->tables.per_sandbox);

	if (sharers > NG_HISTORY_SHARES)
		sharers = NG_HISTORY_SHARES;
	return sharers && count > store->history_max / sharers;
}

static int make_room(struct lease_store *store, MDB_txn *txn, uint32_t sandbox)
{
	uint64_t number = 0;
	int code = MDB_NOTFOUND;

	if (entries(txn, store->tables.ended) <= store->history_max)
		return 0;
	if (over_share(store, txn, count_of(store, txn, sandbox)))
		code = oldest_of(store, txn, sandbox, &number);
	if (code == MDB_NOTFOUND)
		code = end_of(store, txn, MDB_FIRST, &number);
	if (code)
		return code;
	code = remove_row(store, txn, number);
	return code == MDB_NOTFOUND ? index_remove(store, txn, sandbox, number) : code;
}

int lease_history_add(struct lease_store *store, MDB_txn *txn, const struct lease_row *row)
{
	uint8_t value[LEASE_ENDED_MAX];
	const uint64_t number = store->next++, big = htobe64(number);
	MDB_val key = val(&big, sizeof(big)), what = val(value, lease_ended_make(row, value));
	int code = mdb_put(txn, store->tables.ended, &key, &what, MDB_APPEND);

	if (!code)
		code = index_add(store, txn, row->sandbox, number);
	if (!code)
		code = count_set(store, txn, row->sandbox,
				 count_of(store, txn, row->sandbox) + 1);
	return code ? code : make_room(store, txn, row->sandbox);
}

int lease_history_open(struct lease_store *store, MDB_txn *txn)
{
	struct lease_tables *tables = &store->tables;
	uint64_t last = 0;
	int code = mdb_dbi_open(txn, LEASE_TABLE_ENDED, MDB_CREATE, &tables->ended);

	if (!code)
		code = mdb_dbi_open(txn, LEASE_TABLE_OF_SANDBOX, MDB_CREATE,
				    &tables->of_sandbox);
	if (!code)
		code = mdb_dbi_open(txn, LEASE_TABLE_PER_SANDBOX, MDB_CREATE,
				    &tables->per_sandbox);
	if (!code)
		code = end_of(store, txn, MDB_LAST, &last);
	store->next = last + 1;
	return code == MDB_NOTFOUND ? 0 : code;
}

int lease_touch(MDB_txn *txn, MDB_dbi table)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int code = mdb_cursor_open(txn, table, &cursor);

	if (code)
		return code;
	do
		code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	while (!code);
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}
