/*
 * Names that wait for approval, in the store of the leases: a worker that takes over from one that
 * died shows them under the numbers that an administrator has seen, and gives none of them out again.
 *
 * The key is the id, big endian; key 0 holds the last id. Times are wall times on the disk.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <endian.h>
#include <string.h>

#define US 1000000u

struct waiting_value {
	uint64_t count, first_s, last_s;
	uint32_t sandbox, line;
	uint8_t name_len, pad[7];
	char text[NG_NAME_MAX + NG_PATH_MAX]; /* the name, then the path with its NUL */
};

static uint64_t wall_of(uint64_t at_us, uint64_t now_us, uint64_t now_s)
{
	uint64_t ago_s = now_us > at_us ? (now_us - at_us) / US : 0;

	return now_s > ago_s ? now_s - ago_s : 0;
}

/* What was before the clock began is when it began. */
static uint64_t clock_of(uint64_t at_s, uint64_t now_us, uint64_t now_s)
{
	uint64_t ago_s = now_s > at_s ? now_s - at_s : 0;

	return now_us / US > ago_s ? now_us - ago_s * US : 0;
}

static size_t value_make(const struct ng_waiting *waiting, uint64_t now_us, uint64_t now_s,
			 struct waiting_value *out)
{
	size_t path = strlen(waiting->path);

	path = path < NG_PATH_MAX ? path : NG_PATH_MAX - 1;
	*out = (struct waiting_value){
		.count = waiting->count,
		.first_s = wall_of(waiting->first_us, now_us, now_s),
		.last_s = wall_of(waiting->last_us, now_us, now_s),
		.sandbox = waiting->sandbox,
		.line = waiting->line,
		.name_len = waiting->name->len,
	};
	memcpy(out->text, waiting->name->wire, waiting->name->len);
	memcpy(out->text + waiting->name->len, waiting->path, path);
	return offsetof(struct waiting_value, text) + waiting->name->len + path + 1;
}

static int put(MDB_txn *txn, MDB_dbi table, uint64_t id, void *octets, size_t len)
{
	uint64_t key = htobe64(id);
	MDB_val at = {sizeof(key), &key}, what = {len, octets};

	return mdb_put(txn, table, &at, &what, 0);
}

void lease_store_waiting(struct lease_store *store, const struct ng_waiting *waiting,
			 uint64_t now_us, uint64_t now_s)
{
	MDB_txn *txn = lease_store_changing(store);
	uint64_t key = htobe64(waiting->id), last = waiting->id;
	MDB_val at = {sizeof(key), &key};
	struct waiting_value value;
	size_t len;
	int code;

	if (!txn || !waiting->name || !waiting->path)
		return;
	if (waiting->gone) {
		code = mdb_del(txn, store->tables.waiting, &at, NULL);
	} else {
		len = value_make(waiting, now_us, now_s, &value);
		code = put(txn, store->tables.waiting, waiting->id, &value, len);
	}
	if (!code && waiting->count == 1 && !waiting->gone)
		code = put(txn, store->tables.waiting, 0, &last, sizeof(last));
	if (code && code != MDB_NOTFOUND)
		lease_store_say(store, code);
}

struct waiting_read {
	struct ng_name name;
	char path[NG_PATH_MAX];
	struct ng_waiting shown;
};

/* A disk is a stranger. */
static bool value_read(const MDB_val *value, uint64_t now_us, uint64_t now_s,
		       struct waiting_read *out)
{
	const size_t fixed = offsetof(struct waiting_value, text);
	struct waiting_value copy;
	size_t path;

	if (value->mv_size <= fixed || value->mv_size > sizeof(copy))
		return false;
	memcpy(&copy, value->mv_data, value->mv_size);
	if (value->mv_size - fixed <= copy.name_len ||
	    ng_name_from_wire((uint8_t *)copy.text, copy.name_len, &out->name) ||
	    out->name.len != copy.name_len)
		return false;
	path = value->mv_size - fixed - copy.name_len;
	if (path > sizeof(out->path) || strnlen(copy.text + copy.name_len, path) != path - 1)
		return false;
	memcpy(out->path, copy.text + copy.name_len, path);
	out->shown = (struct ng_waiting){
		.sandbox = copy.sandbox,
		.name = &out->name,
		.path = out->path,
		.line = copy.line,
		.first_us = clock_of(copy.first_s, now_us, now_s),
		.last_us = clock_of(copy.last_s, now_us, now_s),
		.count = copy.count,
	};
	return true;
}

static bool id_read(const MDB_val *key, uint64_t *out)
{
	if (key->mv_size != sizeof(*out))
		return false;
	memcpy(out, key->mv_data, sizeof(*out));
	*out = be64toh(*out);
	return true;
}

uint64_t lease_store_waitings(struct lease_store *store, uint64_t now_us, uint64_t now_s,
			      lease_store_waiting_fn *visit, void *context)
{
	MDB_txn *txn = lease_store_changing(store);
	struct waiting_read row;
	uint64_t id, last = 0;
	MDB_cursor *cursor;
	MDB_val key, value;
	int code;

	if (!txn)
		return 0;
	code = mdb_cursor_open(txn, store->tables.waiting, &cursor);
	if (code) {
		lease_store_say(store, code);
		return 0;
	}
	while (!(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		bool kept = id_read(&key, &id);

		if (kept && id == 0) {
			if (value.mv_size == sizeof(last))
				memcpy(&last, value.mv_data, sizeof(last));
			continue;
		}
		kept = kept && value_read(&value, now_us, now_s, &row);
		row.shown.id = kept ? id : 0;
		if (!kept || !visit(context, &row.shown))
			code = mdb_cursor_del(cursor, 0);
		if (code)
			break;
		last = kept && id > last ? id : last;
	}
	mdb_cursor_close(cursor);
	if (code && code != MDB_NOTFOUND)
		lease_store_say(store, code);
	lease_store_commit(store);
	return last;
}

/* ---- several stores ---- */

bool lease_waiting_sandbox(const MDB_val *key, const MDB_val *value, uint32_t *out)
{
	struct waiting_read row;
	uint64_t id;

	if (!id_read(key, &id) || !id || !value_read(value, 0, 0, &row))
		return false;
	*out = row.shown.sandbox;
	return true;
}

uint64_t lease_waiting_last(struct lease_store *store, uint64_t last)
{
	MDB_txn *txn = lease_store_changing(store);
	uint64_t zero = 0, was = 0;
	MDB_val key = {sizeof(zero), &zero}, value;
	int code = txn ? mdb_get(txn, store->tables.waiting, &key, &value) : MDB_PANIC;

	if (!code && value.mv_size == sizeof(was))
		memcpy(&was, value.mv_data, sizeof(was));
	if (was < last && (!code || code == MDB_NOTFOUND))
		code = put(txn, store->tables.waiting, 0, &last, sizeof(last));
	if (code && code != MDB_NOTFOUND)
		lease_store_say(store, code);
	lease_store_commit(store);
	return was > last ? was : last;
}
