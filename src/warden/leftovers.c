/*
 * Two hashes over set and key. Only ranges are ever compared with each other, and only where the
 * wanted one is not there already: after a restart with the same configuration nearly all are.
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
	uint8_t value[VALUE_MAX]; /* of a map */
	UT_hash_handle hh;
};

static const enum set_id kept[] = {SET_SBX4,
				   SET_SBX6,
				   SET_SBX4NET,
				   SET_SBX6NET,
				   SET_ANY4,
				   SET_ANY6,
				   SET_MASQ4,
				   SET_MASQ6,
				   SET_SNAT4,
				   SET_SNAT6,
				   SET_OBSERVE4,
				   SET_OBSERVE6,
				   SET_REFUSED4,
				   SET_REFUSED6,
				   SET_SEEN4,
				   SET_SEEN6,
				   SET_FORGED,
				   SET_CIDR4,
				   SET_CIDR6,
				   SET_CIDR4P,
				   SET_CIDR6P,
				   SET_BRIDGES,
				   SET_SLAVES,
				   SET_PORTS,
				   SET_PORT4,
				   SET_PORT6,
				   SET_PORT4NET,
				   SET_PORT6NET,
				   SET_FRAMES,
				   SET_HOST_UID,
				   SET_HOST_CGROUP,
				   SET_HOST_SIDECAR,
				   SET_HOST_UID_FLOW,
				   SET_HOST_CGROUP_FLOW,
				   SET_HOST_SIDECAR_FLOW,
				   SET_HOST_LABEL};

static bool is_right(unsigned set)
{
	return SET_IS_CIDR(set) || (set >= SET_ANY4 && set <= SET_ANY6) ||
	       (set >= SET_OBSERVE4 && set <= SET_OBSERVE6);
}

static struct leftover **table_of(struct leftovers *leftovers, unsigned set)
{
	return is_right(set) ? &leftovers->rights : &leftovers->identities;
}

static void drop(struct leftovers *leftovers, struct leftover *leftover)
{
	struct leftover **table = table_of(leftovers, leftover->key.set);

	HASH_DELETE(hh, *table, leftover);
	leftovers->n--;
	free(leftover);
}

void leftovers_finish(struct leftovers *leftovers)
{
	struct leftover *leftover, *next;

	if (!leftovers)
		return;
	HASH_ITER (hh, leftovers->identities, leftover, next) {
		drop(leftovers, leftover);
	}
	HASH_ITER (hh, leftovers->rights, leftover, next) {
		drop(leftovers, leftover);
	}
}

static void take(void *who, enum set_id set, const struct element *element)
{
	struct leftovers *leftovers = who;
	struct leftover **table = table_of(leftovers, set);
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
	memcpy(leftover->value, element->value, sizeof(leftover->value));
	HASH_ADD(hh, *table, key, sizeof(leftover->key), leftover);
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
		if (kernel->bridged || !SET_IS_BRIDGED(kept[i]))
			code = set_dump(&kernel->netlink, table, kept[i], take, leftovers);
	return code;
}

/* Do the ranges of one field meet? */
static bool meets(const uint8_t *a, const uint8_t *a_end, const uint8_t *b,
		  const uint8_t *b_end, size_t len)
{
	return memcmp(a, b_end, len) <= 0 && memcmp(b, a_end, len) <= 0;
}

/* Ranges of several fields overlap where each of the fields does. */
static bool overlaps(const struct leftover_key *old, const struct op *op)
{
	const uint8_t *fields = set_shapes[op->set].fields;
	size_t at = 0;

	if (old->set != op->set)
		return false;
	for (size_t i = 0; i < sizeof(set_shapes->fields) && fields[i]; i++) {
		if (!meets(old->key + at, old->key_end + at, op->key + at, op->key_end + at,
			   fields[i]))
			return false;
		at += (fields[i] + 3u) / 4 * 4;
	}
	return true;
}

static void remove_op(const struct leftover_key *key, struct ops *ops, uint32_t tag)
{
	struct op *op = op_octets(ops, (enum set_id)key->set, key->key, key->len);

	if (!op)
		return;
	op->remove = true;
	op->tag = tag;
	op->has_end = set_shapes[key->set].fields[0] != 0;
	memcpy(op->key_end, key->key_end, key->len);
}

void leftovers_claim(struct leftovers *leftovers, const struct op *op, struct ops *ops)
{
	struct leftover_key key = {.set = op->set, .len = op->len};
	struct leftover **table = table_of(leftovers, op->set), *found, *next;
	struct op wanted = *op; /* op moves when ops grows */

	memcpy(key.key, op->key, op->len);
	if (op->has_end)
		memcpy(key.key_end, op->key_end, op->len);
	HASH_FIND(hh, *table, &key, sizeof(key), found);
	if (found && memcmp(found->value, wanted.value, sizeof(wanted.value)) != 0)
		remove_op(&found->key, ops, wanted.tag); /* a map takes one value for a key */
	if (found)
		drop(leftovers, found);
	if (found || !op->has_end) /* what is there cannot overlap anything else that is */
		return;
	HASH_ITER (hh, *table, found, next) {
		if (!overlaps(&found->key, &wanted))
			continue;
		remove_op(&found->key, ops, wanted.tag);
		drop(leftovers, found);
	}
}

/* The source that a right begins with, from its first address to its last. */
static bool is_of(const struct leftover_key *key, const struct ng_prefix *source)
{
	bool v4 = key->set == SET_ANY4 || key->set == SET_OBSERVE4 || key->set == SET_CIDR4 ||
		  key->set == SET_CIDR4P;
	const uint8_t *end = set_shapes[key->set].fields[0] ? key->key_end : key->key;
	struct ng_addr last = prefix_last(source);

	return v4 == (source->addr.family == NG_IPV4) &&
	       meets(key->key, end, source->addr.bytes, last.bytes, v4 ? 4 : 16);
}

void leftovers_purge(struct leftovers *leftovers, const struct wall_sandbox *sandbox,
		     struct ops *ops, struct cuts *cuts)
{
	struct leftover *found, *next;

	HASH_ITER (hh, leftovers->rights, found, next) {
		for (size_t i = 0; i < sandbox->n_sources; i++) {
			const struct ng_prefix *source = &sandbox->sources[i];
			struct cut cut = {.source = *source, .weigh = true};

			if (!is_of(&found->key, source))
				continue;
			cuts_add(cuts, &cut);
			remove_op(&found->key, ops, UINT32_MAX);
			drop(leftovers, found);
			break;
		}
	}
}

static void clear(struct leftovers *leftovers, struct leftover *first, struct ops *ops,
		  uint32_t tag)
{
	struct leftover *leftover, *next;

	HASH_ITER (hh, first, leftover, next) {
		remove_op(&leftover->key, ops, tag);
		drop(leftovers, leftover);
	}
}

void leftovers_clear(struct leftovers *leftovers, struct ops *ops, uint32_t tag)
{
	clear(leftovers, leftovers->identities, ops, tag);
	clear(leftovers, leftovers->rights, ops, tag);
}
