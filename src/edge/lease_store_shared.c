/*
 * What rows of a sandbox have in common: answers, and texts that answers have.
 *
 * A row's key is the sandbox, for an answer its name, and a number; its value how many rows use it and the
 * content. The number is a hash of the content, or the next that is free; its seed is drawn when the store is
 * opened, so that nobody can choose contents whose numbers meet. Rows keep the number itself, so another seed
 * finds nothing wrong: at worst the same content stands twice until its first users have gone. What was
 * looked for last is written once, when all that use it have been counted.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include "base/hash.h"
#include <endian.h>
#include <string.h>

#define TRIES_MAX 64
#define USES_MAX  UINT32_MAX

static struct lease_key key_of(const struct lease_shared *which)
{
	struct lease_key key;

	lease_key_shared(&key, which->sandbox, which->name, which->number);
	return key;
}

/* The value under that key; uses stays 0 when there is none that could be ours. */
static int get(struct lease_store *store, MDB_txn *txn, struct lease_key *key,
	       struct lease_octets *content, uint32_t *uses)
{
	MDB_val at = {key->len, key->octets}, found;
	uint32_t big;
	int code = mdb_get(txn, store->tables.shared, &at, &found);

	if (code)
		return code;
	if (found.mv_size <= sizeof(big) || found.mv_size - sizeof(big) > LEASE_SHARED_MAX)
		return MDB_CORRUPTED;
	memcpy(&big, found.mv_data, sizeof(big));
	*uses = be32toh(big);
	*content = (struct lease_octets){(const uint8_t *)found.mv_data + sizeof(big),
					 found.mv_size - sizeof(big)};
	return *uses ? 0 : MDB_CORRUPTED;
}

static int set(struct lease_store *store, MDB_txn *txn, struct lease_key *key,
	       struct lease_octets content, uint32_t uses)
{
	uint8_t value[sizeof(uses) + LEASE_SHARED_MAX];
	const uint32_t big = htobe32(uses);
	MDB_val at = {key->len, key->octets}, what = {sizeof(big) + content.len, value};

	memcpy(value, &big, sizeof(big));
	memcpy(value + sizeof(big), content.octets, content.len);
	return mdb_put(txn, store->tables.shared, &at, &what, 0);
}

static int write_held(struct lease_store *store, MDB_txn *txn, struct lease_held *held)
{
	struct lease_key key = key_of(&held->which);

	held->unwritten = false;
	return set(store, txn, &key,
		   (struct lease_octets){held->content.octets, held->content.len},
		   held->which.uses);
}

static int settle(struct lease_store *store, MDB_txn *txn, struct lease_held *held)
{
	held->known = false;
	return held->unwritten ? write_held(store, txn, held) : 0;
}

static bool is_same(const struct lease_content *a, struct lease_octets b)
{
	return a->len == b.len && !memcmp(a->octets, b.octets, b.len);
}

/* Its sandbox and name are set. */
static int search(struct lease_store *store, MDB_txn *txn, const struct lease_content *content,
		  struct lease_shared *out)
{
	struct lease_shared tried = *out;

	tried.number = (uint32_t)hash_octets(content->octets, content->len, store->seed);
	for (unsigned i = 0; i < TRIES_MAX; i++, tried.number++) {
		struct lease_key key = key_of(&tried);
		struct lease_octets found;
		uint32_t uses = 0;
		int code = get(store, txn, &key, &found, &uses);

		if (code == MDB_CORRUPTED) /* and goes when what uses it does */
			continue;
		if (code && code != MDB_NOTFOUND)
			return code;
		if (code || (uses < USES_MAX && is_same(content, found))) {
			*out = tried;
			out->uses = uses;
			return 0;
		}
	}
	return MDB_CORRUPTED;
}

int lease_shared_look(struct lease_store *store, MDB_txn *txn, uint32_t sandbox, uint64_t name,
		      const struct lease_content *content, struct lease_held *held)
{
	const struct lease_octets last = {held->content.octets, held->content.len};
	int code;

	if (held->known && held->which.sandbox == sandbox && held->which.name == name &&
	    held->which.uses < USES_MAX && is_same(content, last))
		return 0;
	code = settle(store, txn, held);
	held->which = (struct lease_shared){.sandbox = sandbox, .name = name};
	if (!code)
		code = search(store, txn, content, &held->which);
	if (code)
		return code;
	held->content.len = content->len;
	memcpy(held->content.octets, content->octets, content->len);
	held->known = true;
	return 0;
}

void lease_shared_hold(struct lease_held *held)
{
	held->which.uses++;
	held->unwritten = true;
}

int lease_shared_settle(struct lease_store *store, MDB_txn *txn)
{
	int code = settle(store, txn, &store->text);

	return code ? code : settle(store, txn, &store->answer);
}

void lease_shared_forget(struct lease_store *store)
{
	store->text.known = store->text.unwritten = false;
	store->answer.known = store->answer.unwritten = false;
}

static int release_one(struct lease_store *store, MDB_txn *txn,
		       const struct lease_shared *which, bool *has_text, uint32_t *text)
{
	struct lease_key key = key_of(which);
	struct lease_octets content;
	MDB_val at = {key.len, key.octets};
	uint32_t uses;
	int code = get(store, txn, &key, &content, &uses);

	*has_text = false;
	if (code == MDB_NOTFOUND)
		return 0;
	if (!code && uses > 1)
		return set(store, txn, &key, content, uses - 1);
	*has_text = !code && lease_answer_text(content, text);
	return mdb_del(txn, store->tables.shared, &at, NULL);
}

int lease_shared_release(struct lease_store *store, MDB_txn *txn,
			 const struct lease_shared *answer)
{
	struct lease_shared text = {.sandbox = answer->sandbox};
	bool has_text = false;
	int code = lease_shared_settle(store, txn);

	if (!code)
		code = release_one(store, txn, answer, &has_text, &text.number);
	if (code || !has_text)
		return code;
	return release_one(store, txn, &text, &has_text, &text.number);
}

struct lease_octets lease_shared_get(struct lease_store *store, MDB_txn *txn,
				     const struct lease_key *key)
{
	struct lease_key at = *key;
	struct lease_octets content = {0};
	uint32_t uses;

	if (get(store, txn, &at, &content, &uses))
		return (struct lease_octets){0};
	return content;
}
