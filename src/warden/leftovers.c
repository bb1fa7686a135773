/*
 * A hash over set and key. Only ranges (of wide sources) are ever compared with each other; there
 * are few of them, so that walk is short.
 */
#include "warden/leftovers.h"

#include <stdlib.h>
#include <string.h>

struct leftover_key {
	uint8_t set, len;
	uint8_t key[KEY_MAX], key_end[KEY_MAX];
};
struct leftover {
	struct leftover_key key;
	UT_hash_handle hh;
};

static const enum set_id kept[] = {SET_SBX4,    SET_SBX6,  SET_SBX4NET,
				   SET_SBX6NET, SET_MASQ4, SET_MASQ6};

static void drop(struct leftovers *leftovers, struct leftover *leftover)
{
	HASH_DELETE(hh, leftovers->all, leftover);
	leftovers->n--;
	free(leftover);
}

void leftovers_finish(struct leftovers *leftovers)
{
	struct leftover *leftover, *next;

	if (!leftovers)
		return;
	HASH_ITER (hh, leftovers->all, leftover, next) {
		drop(leftovers, leftover);
	}
}

static void take(void *who, enum set_id set, const struct element *element)
{
	struct leftovers *leftovers = who;
	struct leftover *leftover = calloc(1, sizeof(*leftover));

	if (!leftover) {
		leftovers->failed = true;
		return;
	}
	leftover->key.set = (uint8_t)set;
	leftover->key.len = element->len;
	memcpy(leftover->key.key, element->key, element->len);
	if (element->has_end)
		memcpy(leftover->key.key_end, element->key_end, element->len);
	HASH_ADD(hh, leftovers->all, key, sizeof(leftover->key), leftover);
	if (leftover->hh.tbl) {
		leftovers->n++;
		return;
	}
	leftovers->failed = true;
	free(leftover);
}

int leftovers_read(struct leftovers *leftovers, struct kernel *kernel, const char *table)
{
	int code = NG_OK;

	for (size_t i = 0; code == NG_OK && i < sizeof(kept) / sizeof(kept[0]); i++)
		code = set_dump(&kernel->netlink, table, kept[i], take, leftovers);
	return code;
}

/* Do the ranges of one field meet? */
static bool meets(const uint8_t *a, const uint8_t *a_end, const uint8_t *b,
		  const uint8_t *b_end, size_t len)
{
	return memcmp(a, b_end, len) <= 0 && memcmp(b, a_end, len) <= 0;
}

static bool overlaps(const struct leftover_key *old, const struct op *op)
{
	size_t at = NG_IFNAME_MAX;

	return old->set == op->set && meets(old->key, old->key_end, op->key, op->key_end, at) &&
	       meets(old->key + at, old->key_end + at, op->key + at, op->key_end + at,
		     (size_t)op->len - at);
}

static void remove_op(const struct leftover_key *key, struct ops *ops, uint32_t tag)
{
	struct op *op = op_octets(ops, (enum set_id)key->set, key->key, key->len);

	if (!op)
		return;
	op->remove = true;
	op->tag = tag;
	op->has_end = key->set == SET_SBX4NET || key->set == SET_SBX6NET;
	memcpy(op->key_end, key->key_end, key->len);
}

void leftovers_claim(struct leftovers *leftovers, const struct op *op, struct ops *ops)
{
	struct leftover_key key = {.set = op->set, .len = op->len};
	struct leftover *found, *next;
	uint32_t tag = op->tag;

	if (!leftovers->all)
		return;
	memcpy(key.key, op->key, op->len);
	if (op->has_end)
		memcpy(key.key_end, op->key_end, op->len);
	HASH_FIND(hh, leftovers->all, &key, sizeof(key), found);
	if (found)
		drop(leftovers, found);
	if (!op->has_end)
		return;
	struct op wanted = *op; /* op moves when ops grows */
	HASH_ITER (hh, leftovers->all, found, next) {
		if (!overlaps(&found->key, &wanted))
			continue;
		remove_op(&found->key, ops, tag);
		drop(leftovers, found);
	}
}

void leftovers_clear(struct leftovers *leftovers, struct ops *ops, uint32_t tag)
{
	struct leftover *leftover, *next;

	HASH_ITER (hh, leftovers->all, leftover, next) {
		remove_op(&leftover->key, ops, tag);
		drop(leftovers, leftover);
	}
}
