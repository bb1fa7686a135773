/*
 * Rows of leases that stand.
 *
 * A row's key is its element and the number of its answer, so that all rows of an element stand beside
 * each other. What tells rows of an element apart is name and way, and those are in the answer: the
 * same name with another answer is the same lease, and its row moves.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <string.h>

static MDB_val val(const struct lease_key *key)
{
	return (MDB_val){key->len, (void *)(uintptr_t)key->octets};
}

static struct lease_octets octets(const MDB_val *val)
{
	return (struct lease_octets){val->mv_data, val->mv_size};
}

struct view { /* for the callback */
	struct lease_store *store;
	MDB_txn *txn;
};

static struct lease_octets find_shared(const void *who, const struct lease_key *key)
{
	const struct view *view = who;

	return lease_shared_get(view->store, view->txn, key);
}

bool lease_live_read(struct lease_store *store, MDB_txn *txn, const MDB_val *key,
		     const MDB_val *value, struct lease_read *place, struct lease_row *out)
{
	struct view view = {store, txn};

	return lease_read_live(octets(key), octets(value), find_shared, &view, place, out);
}

/* Is the answer that the key tells of, of that name and way? */
static bool is_row(struct lease_store *store, MDB_txn *txn, const MDB_val *key,
		   const struct lease_row *row)
{
	struct lease_key answer;
	uint32_t sandbox, number;

	if (!lease_key_parts(octets(key), &sandbox, &number))
		return false;
	lease_key_sandbox(&answer, sandbox);
	lease_key_number(&answer, number);
	return lease_answer_is(lease_shared_get(store, txn, &answer), row->name, row->way);
}

static bool is_key(const MDB_val *key, const struct lease_key *wanted)
{
	return wanted && key->mv_size == wanted->len &&
	       !memcmp(key->mv_data, wanted->octets, wanted->len);
}

/* From the element's first row on; likely: the key that it has if its answer is still the same. */
static int find_from(struct lease_store *store, MDB_txn *txn, MDB_cursor *cursor,
		     const struct lease_row *row, const struct lease_key *likely,
		     struct lease_key *out, MDB_val *value)
{
	struct lease_key owner;
	MDB_val key;
	int code;

	lease_key_owner(&owner, row);
	key = val(&owner);
	code = mdb_cursor_get(cursor, &key, value, MDB_SET_RANGE);
	while (!code && key.mv_size == owner.len + LEASE_NUMBER &&
	       !memcmp(key.mv_data, owner.octets, owner.len)) {
		if (is_key(&key, likely) || is_row(store, txn, &key, row)) {
			out->len = key.mv_size;
			memcpy(out->octets, key.mv_data, key.mv_size);
			return 0;
		}
		code = mdb_cursor_get(cursor, &key, value, MDB_NEXT);
	}
	return code ? code : MDB_NOTFOUND;
}

static int find(struct lease_store *store, MDB_txn *txn, const struct lease_row *row,
		const struct lease_key *likely, struct lease_key *key, struct lease_row *out)
{
	MDB_cursor *cursor;
	MDB_val value;
	struct lease_row found = *row;
	int code = mdb_cursor_open(txn, store->tables.live, &cursor);

	if (code)
		return code;
	code = find_from(store, txn, cursor, row, likely, key, &value);
	if (!code && lease_value_read(octets(&value), &found))
		*out = found;
	else if (!code)
		code = MDB_NOTFOUND;
	mdb_cursor_close(cursor);
	return code;
}

int lease_live_find(struct lease_store *store, MDB_txn *txn, const struct lease_row *row,
		    struct lease_key *key, struct lease_row *out)
{
	return find(store, txn, row, NULL, key, out);
}

static int write_row(struct lease_store *store, MDB_txn *txn, const struct lease_key *key,
		     const struct lease_row *row)
{
	uint8_t octets[LEASE_VALUE_MAX];
	MDB_val at = val(key), value = {lease_value_make(row, octets), octets};

	return mdb_put(txn, store->tables.live, &at, &value, 0);
}

/* A row that the kernel never confirmed begins anew. */
static struct lease_row continued(const struct lease_row *row, const struct lease_row *was)
{
	struct lease_row wanted = *row;

	wanted.renewed = !was->refused;
	wanted.first_s = was->refused ? row->last_s : was->first_s;
	wanted.type = was->type ? was->type : row->type;
	return wanted;
}

static int take_out(struct lease_store *store, MDB_txn *txn, const struct lease_key *key)
{
	uint32_t sandbox, number;
	MDB_val at = val(key);
	int code = mdb_del(txn, store->tables.live, &at, NULL);

	if (code || !lease_key_parts(octets(&at), &sandbox, &number))
		return code;
	return lease_shared_release(store, txn, sandbox, number);
}

/* A row that is not there yet needs text and answer. */
static int put_new(struct lease_store *store, MDB_txn *txn, const struct lease_row *row,
		   const struct lease_key *key)
{
	int code = 0;

	if (!store->answer.which.uses)
		code = lease_shared_hold(store, txn, &store->text);
	if (!code)
		code = lease_shared_hold(store, txn, &store->answer);
	return code ? code : write_row(store, txn, key, row);
}

/* Looks for what the row shares; *key is the one that it so has. */
static int look(struct lease_store *store, MDB_txn *txn, const struct lease_row *row,
		struct lease_key *key)
{
	struct lease_content content;
	int code;

	lease_text_make(row, &content);
	code = lease_shared_look(store, txn, row->sandbox, &content, &store->text);
	if (code)
		return code;
	lease_answer_make(row, store->text.which.number, &content);
	code = lease_shared_look(store, txn, row->sandbox, &content, &store->answer);
	lease_key_owner(key, row);
	lease_key_number(key, store->answer.which.number);
	return code;
}

int lease_live_put(struct lease_store *store, MDB_txn *txn, const struct lease_row *row)
{
	struct lease_row wanted = *row, was;
	struct lease_key key, old;
	int code = look(store, txn, row, &key);

	if (code)
		return code;
	wanted.first_s = row->last_s;
	wanted.refused = wanted.renewed = false;
	code = find(store, txn, row, &key, &old, &was);
	if (code == MDB_NOTFOUND)
		return put_new(store, txn, &wanted, &key);
	if (code || was.until_us >= row->until_us)
		return code;
	wanted = continued(&wanted, &was);
	if (is_key(&(MDB_val){old.len, old.octets}, &key))
		return write_row(store, txn, &key, &wanted);
	code = put_new(store, txn, &wanted, &key);
	return code ? code : take_out(store, txn, &old);
}

int lease_live_copy(struct lease_store *store, MDB_txn *txn, const struct lease_row *row)
{
	struct lease_key key;
	MDB_val at, value;
	int code = look(store, txn, row, &key);

	at = val(&key);
	if (code || !mdb_get(txn, store->tables.live, &at, &value))
		return code;
	return put_new(store, txn, row, &key);
}

int lease_live_refuse(struct lease_store *store, MDB_txn *txn, const struct lease_row *row)
{
	struct lease_row was;
	struct lease_key key;
	int code = lease_live_find(store, txn, row, &key, &was);

	if (code || was.renewed)
		return code == MDB_NOTFOUND ? 0 : code;
	was.refused = true;
	return write_row(store, txn, &key, &was);
}

int lease_live_delete(struct lease_store *store, MDB_txn *txn, MDB_cursor *cursor)
{
	uint32_t sandbox, number;
	MDB_val key, value;
	bool ours;
	int code = mdb_cursor_get(cursor, &key, &value, MDB_GET_CURRENT);

	if (code)
		return code;
	ours = lease_key_parts(octets(&key), &sandbox, &number);
	code = mdb_cursor_del(cursor, 0);
	return code || !ours ? code : lease_shared_release(store, txn, sandbox, number);
}
