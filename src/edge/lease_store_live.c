/*
 * Rows of leases that stand.
 *
 * A row's key is the number of name and way, and the element; the answer is in its value: the same name with
 * another answer is the same lease. The rows of an answer so lie in one page, and one cursor puts them one
 * behind the other.
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

/* As it is in the file; MDB_NOTFOUND also where that is none of ours. */
static int find(struct lease_store *store, MDB_txn *txn, const struct lease_key *key,
		uint32_t *answer, struct lease_row *out)
{
	MDB_val at = val(key), value;
	int code = mdb_get(txn, store->tables.live, &at, &value);

	if (!code && !lease_value_read(octets(&value), answer, out))
		code = MDB_NOTFOUND;
	return code;
}

/* With MDB_NOOVERWRITE: MDB_KEYEXIST, and what stands there in *found. */
static int write_row(struct lease_store *store, MDB_txn *txn, const struct lease_key *key,
		     uint32_t answer, const struct lease_row *row, unsigned flags,
		     struct lease_octets *found)
{
	uint8_t made[LEASE_VALUE_MAX];
	MDB_val at = val(key), value = {lease_value_make(row, answer, made), made};
	int code = 0;

	if (!store->cursor)
		code = mdb_cursor_open(txn, store->tables.live, &store->cursor);
	if (!code)
		code = mdb_cursor_put(store->cursor, &at, &value, flags);
	if (code == MDB_KEYEXIST)
		*found = octets(&value);
	return code;
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

/* One row more has the answer that was looked for. */
static void hold(struct lease_store *store)
{
	if (!store->answer.which.uses)
		lease_shared_hold(&store->text);
	lease_shared_hold(&store->answer);
}

/* Looks for what the row shares; *key is the one that it has. */
static int look(struct lease_store *store, MDB_txn *txn, const struct lease_row *row,
		struct lease_key *key)
{
	const uint64_t name = lease_names_make(store, row);
	struct lease_content content;
	int code;

	lease_key_live(key, row, name);
	lease_text_make(row, &content);
	code = lease_shared_look(store, txn, row->sandbox, 0, &content, &store->text);
	if (code)
		return code;
	lease_answer_make(row, store->text.which.number, &content);
	return lease_shared_look(store, txn, row->sandbox, name, &content, &store->answer);
}

/* Over the one that stands there. */
static int renew(struct lease_store *store, MDB_txn *txn, const struct lease_key *key,
		 struct lease_octets found, const struct lease_row *row)
{
	struct lease_shared before = store->answer.which;
	const uint32_t answer = before.number;
	struct lease_row was = *row, wanted = *row;
	const bool ours = lease_value_read(found, &before.number, &was);
	int code;

	if (ours && was.until_us >= row->until_us)
		return 0;
	if (ours)
		wanted = continued(row, &was);
	code = write_row(store, txn, key, answer, &wanted, 0, NULL);
	if (code || (ours && before.number == answer))
		return code;
	hold(store);
	return ours ? lease_shared_release(store, txn, &before) : 0;
}

static int put_new(struct lease_store *store, MDB_txn *txn, const struct lease_row *row,
		   const struct lease_key *key, struct lease_octets *found)
{
	int code = write_row(store, txn, key, store->answer.which.number, row, MDB_NOOVERWRITE,
			     found);

	if (!code)
		hold(store);
	return code;
}

int lease_live_put(struct lease_store *store, MDB_txn *txn, const struct lease_row *row)
{
	struct lease_row wanted = *row;
	struct lease_octets found;
	struct lease_key key;
	int code = look(store, txn, row, &key);

	if (code)
		return code;
	wanted.first_s = row->last_s;
	wanted.refused = wanted.renewed = false;
	code = put_new(store, txn, &wanted, &key, &found);
	return code == MDB_KEYEXIST ? renew(store, txn, &key, found, &wanted) : code;
}

int lease_live_copy(struct lease_store *store, MDB_txn *txn, const struct lease_row *row)
{
	struct lease_octets found;
	struct lease_key key;
	int code = look(store, txn, row, &key);

	if (!code)
		code = put_new(store, txn, row, &key, &found);
	return code == MDB_KEYEXIST ? 0 : code;
}

int lease_live_refuse(struct lease_store *store, MDB_txn *txn, const struct lease_row *row)
{
	struct lease_row was = *row;
	struct lease_key key;
	uint32_t answer;
	int code;

	lease_key_live(&key, row, lease_names_find(store, row));
	code = find(store, txn, &key, &answer, &was);
	if (code || was.renewed)
		return code == MDB_NOTFOUND ? 0 : code;
	was.refused = true;
	return write_row(store, txn, &key, answer, &was, 0, NULL);
}

/* Has the name any row left? */
static int forget_name(struct lease_store *store, MDB_txn *txn, uint64_t name,
		       const struct lease_row *row)
{
	struct lease_key prefix;
	MDB_cursor *cursor;
	MDB_val key, value;
	int code = mdb_cursor_open(txn, store->tables.live, &cursor);

	if (code)
		return code;
	lease_key_name(&prefix, row->sandbox, name);
	key = val(&prefix);
	code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	if (code == MDB_NOTFOUND || (!code && (key.mv_size < prefix.len ||
					       memcmp(key.mv_data, prefix.octets, prefix.len))))
		lease_names_forget(store, row, name);
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

int lease_live_delete(struct lease_store *store, MDB_txn *txn, MDB_cursor *cursor,
		      const struct lease_row *row)
{
	struct lease_shared answer = {0};
	struct lease_row was = {0};
	MDB_val key, value;
	bool ours;
	int code = mdb_cursor_get(cursor, &key, &value, MDB_GET_CURRENT);

	if (code)
		return code;
	ours = lease_key_read(octets(&key), &answer.sandbox, &answer.name) &&
	       lease_value_read(octets(&value), &answer.number, &was);
	code = mdb_cursor_del(cursor, 0);
	if (!code && ours)
		code = lease_shared_release(store, txn, &answer);
	return code || !row ? code : forget_name(store, txn, answer.name, row);
}
