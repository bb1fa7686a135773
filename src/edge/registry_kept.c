/*
 * The registry's approvals and compiled sources.
 *
 * Both are kept as they are given: keys are the number (eight octets, big endian, so that the order
 * of the keys is the order in time) and the path; an image's value begins with a head of fixed
 * size. What comes back is checked for its length here and for its meaning by whoever reads it.
 */
#include "config.h"
#include "edge/registry_kept.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static MDB_val val(const void *octets, size_t len)
{
	return (MDB_val){len, (void *)(uintptr_t)octets};
}

static int remove_key(struct registry *registry, MDB_dbi table, MDB_val key)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(registry->env, NULL, 0, &txn);
	if (error)
		return registry_code(error);
	return registry_commit(registry, txn, mdb_del(txn, table, &key, NULL));
}

/* The value is head and body, one behind the other. */
static int put_key(struct registry *registry, MDB_dbi table, MDB_val key, MDB_val head,
		   MDB_val body)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(registry->env, NULL, 0, &txn);
	if (error)
		return registry_code(error);
	MDB_val room = {head.mv_size + body.mv_size, NULL};
	error = mdb_put(txn, table, &key, &room, MDB_RESERVE);
	if (!error && head.mv_size)
		memcpy(room.mv_data, head.mv_data, head.mv_size);
	if (!error && body.mv_size)
		memcpy((uint8_t *)room.mv_data + head.mv_size, body.mv_data, body.mv_size);
	return registry_commit(registry, txn, error);
}

/* ---- approvals ---- */

int registry_approval_put(struct registry *registry, uint64_t id, const char *value, size_t len)
{
	const uint64_t key = htobe64(id);
	if (len > REGISTRY_VALUE_MAX)
		return NG_E_RANGE;
	return put_key(registry, registry->approvals, val(&key, sizeof key), val(NULL, 0),
		       val(value, len));
}

int registry_approval_remove(struct registry *registry, uint64_t id)
{
	const uint64_t key = htobe64(id);
	return remove_key(registry, registry->approvals, val(&key, sizeof key));
}

struct visitor {
	registry_approval_visit *visit;
	void *owner;
};

static void visit_approval(const void *context, const MDB_val *key, const MDB_val *value)
{
	const struct visitor *visitor = context;
	uint64_t id;
	if (key->mv_size != sizeof id || value->mv_size > REGISTRY_VALUE_MAX)
		return;
	memcpy(&id, key->mv_data, sizeof id);
	visitor->visit(visitor->owner, be64toh(id), value->mv_data, value->mv_size);
}

int registry_approvals_each(struct registry *registry, registry_approval_visit *visit,
			    void *owner)
{
	const struct visitor visitor = {visit, owner};
	return registry_walk(registry, registry->approvals, visit_approval, &visitor);
}

/* ---- compiled sources ---- */

int registry_image_put(struct registry *registry, const char *path,
		       const struct registry_image *image)
{
	const struct registry_image_head head = {image->made_s, image->digest};
	if (!*path || strlen(path) >= NG_PATH_MAX)
		return NG_E_RANGE;
	return put_key(registry, registry->images, val(path, strlen(path)),
		       val(&head, sizeof head), val(image->octets, image->len));
}

static int read_image(const MDB_val *value, bool octets, struct registry_image *out)
{
	struct registry_image_head head;
	if (value->mv_size <= sizeof head)
		return MDB_CORRUPTED;
	memcpy(&head, value->mv_data, sizeof head);
	*out = (struct registry_image){head.made_s, head.digest, NULL, 0};
	if (!octets)
		return 0;
	out->len = value->mv_size - sizeof head;
	out->octets = malloc(out->len);
	if (!out->octets)
		return ENOMEM;
	memcpy(out->octets, (const uint8_t *)value->mv_data + sizeof head, out->len);
	return 0;
}

static int get_image(struct registry *registry, const char *path, bool octets,
		     struct registry_image *out)
{
	struct registry_image found = {0};
	MDB_txn *txn;
	MDB_val key = val(path, strlen(path)), value;
	if (!*path)
		return NG_E_NOTFOUND;
	int error = mdb_txn_begin(registry->env, NULL, MDB_RDONLY, &txn);
	if (error)
		return registry_code(error);
	error = mdb_get(txn, registry->images, &key, &value);
	if (!error)
		error = read_image(&value, octets, &found);
	mdb_txn_abort(txn);
	if (!error)
		*out = found;
	return registry_code(error);
}

int registry_image_get(struct registry *registry, const char *path, struct registry_image *out)
{
	return get_image(registry, path, true, out);
}

int registry_image_look(struct registry *registry, const char *path, struct registry_image *out)
{
	return get_image(registry, path, false, out);
}

static int prune_one(MDB_cursor *cursor, const MDB_val *key, registry_image_wanted *wanted,
		     void *owner)
{
	char path[NG_PATH_MAX] = "";
	if (key->mv_size < sizeof path)
		memcpy(path, key->mv_data, key->mv_size);
	return *path && wanted(owner, path) ? 0 : mdb_cursor_del(cursor, 0);
}

static int prune_table(MDB_txn *txn, MDB_dbi table, registry_image_wanted *wanted, void *owner)
{
	MDB_cursor *cursor = NULL;
	MDB_val key;
	int error = mdb_cursor_open(txn, table, &cursor);
	while (!error && !(error = mdb_cursor_get(cursor, &key, NULL, MDB_NEXT)))
		error = prune_one(cursor, &key, wanted, owner);
	if (cursor)
		mdb_cursor_close(cursor);
	return error == MDB_NOTFOUND ? 0 : error;
}

int registry_images_prune(struct registry *registry, registry_image_wanted *wanted, void *owner)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(registry->env, NULL, 0, &txn);
	if (error)
		return registry_code(error);
	error = prune_table(txn, registry->images, wanted, owner);
	if (!error)
		error = prune_table(txn, registry->texts, wanted, owner);
	return registry_commit(registry, txn, error);
}

/* ---- what they were made of ---- */

int registry_texts_put(struct registry *registry, const char *path, const char *text)
{
	if (!*path || strlen(path) >= NG_PATH_MAX || !*text)
		return NG_E_RANGE;
	return put_key(registry, registry->texts, val(path, strlen(path)), val(NULL, 0),
		       val(text, strlen(text)));
}

int registry_texts_get(struct registry *registry, const char *path, char **out)
{
	MDB_txn *txn;
	MDB_val key = val(path, strlen(path)), value;
	char *text = NULL;
	if (!*path)
		return NG_E_NOTFOUND;
	int error = mdb_txn_begin(registry->env, NULL, MDB_RDONLY, &txn);
	if (error)
		return registry_code(error);
	error = mdb_get(txn, registry->texts, &key, &value);
	if (!error && !(text = strndup(value.mv_data, value.mv_size)))
		error = ENOMEM;
	mdb_txn_abort(txn);
	if (!error)
		*out = text;
	return registry_code(error);
}
