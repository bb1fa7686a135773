/*
 * Rounds. The mirror's ops are translated into what each element is to be after them: holders are
 * added, moved or marked as going, then every element that was touched is written once, if at all,
 * and what the kernel says of the elements is handed back to the ops that needed them.
 *
 * An op that failed leaves its holders as they were. A holder that was new goes again, and an element
 * that stands for it alone is taken out. Where the kernel's word was lost it stays noted, for the
 * mirror closes such a lease a moment later.
 *
 * Before an element is written for the first time the kernel is asked whether one stands there: a
 * second "add" would give an element without an end a time-out, on newer kernels.
 */
#include "warden/declared.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define NO_OP    SIZE_MAX
#define MAYBE    1 /* as an end: whether it is there is not known, so the next word is written */
#define SLACK_US 1000000u /* between the kernel's clock and ours */

/* ---- keys ---- */

uint8_t shape_key(const struct shape *shape, const struct lease_key *lease,
		  uint8_t out[static KEY_MAX])
{
	const size_t len = shape->family == NG_IPV4 ? 4 : 16;
	size_t at = 0;

	memset(out, 0, KEY_MAX);
	if (shape->source) {
		memcpy(out, lease->source.bytes, len);
		at = len;
	}
	memcpy(out + at, lease->to.bytes, len);
	at += len;
	if (shape->port) {
		out[at] = lease->proto;
		out[at + 4] = (uint8_t)(lease->port >> 8);
		out[at + 5] = (uint8_t)lease->port;
		at += 8;
	}
	return (uint8_t)at;
}

/* ---- elements and holders ---- */

static struct stand *stand_find(const struct declared *declared, const struct stand_key *key)
{
	struct stand *found;

	HASH_FIND(hh, declared->stands, key, sizeof(*key), found);
	return found;
}

static struct stand *stand_add(struct declared *declared, const struct stand_key *key)
{
	struct stand *stand = calloc(1, sizeof(*stand));

	if (!stand)
		return NULL;
	stand->key = *key;
	HASH_ADD(hh, declared->stands, key, sizeof(stand->key), stand);
	if (stand->hh.tbl)
		return stand;
	free(stand);
	return NULL;
}

static void stand_drop(struct declared *declared, struct stand *stand)
{
	HASH_DELETE(hh, declared->stands, stand);
	free(stand);
}

static void holder_drop(struct declared *declared, struct holder *holder)
{
	HASH_DELETE(hh, declared->holders, holder);
	DL_DELETE(holder->stand->holders, holder);
	free(holder);
}

void declared_finish(struct declared *declared)
{
	struct stand *stand, *next;
	struct holder *holder, *later;

	if (!declared)
		return;
	HASH_ITER (hh, declared->holders, holder, later) {
		holder_drop(declared, holder);
	}
	HASH_ITER (hh, declared->stands, stand, next) {
		stand_drop(declared, stand);
	}
	free(declared->touches);
	ops_finish(&declared->ops);
	*declared = (struct declared){0};
}

static uint64_t end_of(const struct element *element, uint64_t now_us)
{
	return element->permanent ? FOREVER : now_us + element->expires_ms * 1000;
}

/* The element that is there already, ours or not, is known from now on. */
static int stand_look(struct declared *declared, struct stand *stand,
		      const struct writer *writer)
{
	struct element element;
	int code = set_at_element(writer->netlink, &declared->sets[stand->key.set].at,
				  stand->key.key, &element);

	if (code != NG_OK)
		return code == NG_E_NOTFOUND ? NG_OK : code;
	stand->until_us = end_of(&element, writer->now_us);
	if (!element.marked)
		stand->theirs_us = stand->until_us;
	return NG_OK;
}

static struct stand *stand_of(struct declared *declared, const struct stand_key *key,
			      const struct writer *writer)
{
	struct stand *stand = stand_find(declared, key);

	if (stand)
		return stand;
	stand = stand_add(declared, key);
	if (!stand || stand_look(declared, stand, writer) == NG_OK)
		return stand;
	stand_drop(declared, stand);
	return NULL;
}

static struct holder *holder_add(struct declared *declared, struct stand *stand,
				 const struct lease_key *key)
{
	struct holder *holder = calloc(1, sizeof(*holder));

	if (!holder)
		return NULL;
	*holder = (struct holder){.key = *key, .fresh = true, .stand = stand};
	HASH_ADD(hh, declared->holders, key, sizeof(holder->key), holder);
	if (!holder->hh.tbl) {
		free(holder);
		return NULL;
	}
	DL_APPEND(stand->holders, holder);
	return holder;
}

static void stand_touch(struct declared *declared, struct stand *stand)
{
	if (stand->touched)
		return;
	stand->touched = true;
	stand->next = declared->touched;
	declared->touched = stand;
}

/* ---- what the ops mean ---- */

static bool reserve_touch(struct declared *declared)
{
	size_t room = declared->room ? 2 * declared->room : 64;
	struct touch *wider;

	if (declared->n_touches < declared->room)
		return true;
	wider = reallocarray(declared->touches, room, sizeof(*declared->touches));
	if (!wider)
		return false;
	declared->touches = wider;
	declared->room = room;
	return true;
}

/* False: memory is out, or the kernel does not say what stands there. */
static bool plan_in_set(struct declared *declared, size_t set, const struct op *op, size_t i,
			const struct writer *writer)
{
	const struct pair pair = set_pair((enum set_id)op->set, op->key);
	struct lease_key lease = lease_key_make(&pair.source, &pair.to, pair.proto, pair.port);
	struct stand_key key = {.set = (uint8_t)set};
	struct holder *holder;
	struct stand *stand;

	key.len = shape_key(&declared->sets[set].shape, &lease, key.key);
	lease.pad = (uint8_t)set;
	HASH_FIND(hh, declared->holders, &lease, sizeof(lease), holder);
	if (!holder && op->remove)
		return true;
	if (!reserve_touch(declared))
		return false;
	stand = holder ? holder->stand : stand_of(declared, &key, writer);
	if (!stand)
		return false;
	stand_touch(declared, stand); /* also without a holder: it may have to go again */
	if (!holder)
		holder = holder_add(declared, stand, &lease);
	if (!holder)
		return false;
	declared->touches[declared->n_touches++] = (struct touch){i, holder};
	holder->wanted_us = op->timeout_ms ? writer->now_us + op->timeout_ms * 1000 : FOREVER;
	if (op->remove)
		holder->wanted_us = 0;
	return true;
}

/* Of a set that there is none of here. What shuts somebody in or out of nothing does no harm. */
static int elsewhere(const struct op *op)
{
	bool changes = op->set >= SET_MASQ4 && op->set <= SET_OBSERVE6NET;

	return !op->remove && (changes || SET_IS_CIDR(op->set)) ? EPROTONOSUPPORT : 0;
}

static void plan(struct declared *declared, struct op *op, size_t i,
		 const struct writer *writer)
{
	bool v4 = op->set == SET_ALLOW4 || op->set == SET_ALLOW4P;
	bool ports = op->set == SET_ALLOW4P || op->set == SET_ALLOW6P;
	bool fits = false;

	if (!SET_IS_LEASE(op->set) || !op->lease) {
		op->error = elsewhere(op);
		return;
	}
	for (size_t set = 0; set < declared->n; set++) {
		if (!shape_takes(&declared->sets[set].shape, v4 ? NG_IPV4 : NG_IPV6, ports))
			continue;
		fits = true;
		if (!plan_in_set(declared, set, op, i, writer)) {
			op->error = ENOMEM;
			return;
		}
	}
	if (!fits)
		op->error = op->remove ? 0 : EPROTONOSUPPORT;
}

/* ---- what each element is to be ---- */

static uint64_t longest(const struct stand *stand)
{
	const struct holder *holder;
	uint64_t until_us = stand->adopted_us;

	DL_FOREACH (stand->holders, holder)
		if (holder->wanted_us > until_us)
			until_us = holder->wanted_us;
	return until_us;
}

static struct op *stand_op(struct declared *declared, struct stand *stand)
{
	struct op *op = op_octets(&declared->ops, SET_ALLOW4, stand->key.key, stand->key.len);

	if (!op)
		return NULL;
	op->len = stand->key.len;
	op->at = &declared->sets[stand->key.set].at;
	stand->op = declared->ops.n - 1;
	return op;
}

static uint64_t left_ms(uint64_t until_us, uint64_t now_us)
{
	return until_us > now_us ? (until_us - now_us) / 1000 + 1 : 1;
}

/* Has the element stand until then; 0: it goes. */
static void stand_write(struct declared *declared, struct stand *stand, uint64_t until_us,
			const struct writer *writer)
{
	struct op *op = stand_op(declared, stand);

	if (!op)
		return;
	op->remove = !until_us;
	op->bare = until_us && until_us == stand->theirs_us;
	op->anew = stand->until_us &&
		   ((until_us == FOREVER) != (stand->until_us == FOREVER) || op->bare);
	if (until_us && until_us != FOREVER)
		op->timeout_ms = left_ms(until_us, writer->now_us);
}

/* Nothing is written that stands so already, and nothing at all where the operator opens it for good. */
static void stand_settle(struct declared *declared, struct stand *stand,
			 const struct writer *writer)
{
	bool theirs = stand->theirs_us > writer->now_us;

	stand->op = NO_OP;
	stand->error = 0;
	stand->wanted_us = longest(stand);
	if (theirs && stand->theirs_us > stand->wanted_us)
		stand->wanted_us = stand->theirs_us;
	if (stand->theirs_us == FOREVER) /* not ours to write */
		return;
	if (stand->wanted_us != stand->until_us)
		stand_write(declared, stand, stand->wanted_us, writer);
}

/* ---- a round ---- */

static int commit_ops(struct declared *declared, const struct writer *writer)
{
	return ops_commit(&declared->ops, "", writer->ability, writer->batch, writer->netlink);
}

static int commit_touched(struct declared *declared, const struct writer *writer)
{
	struct stand *stand;
	int code;

	ops_clear(&declared->ops);
	LL_FOREACH (declared->touched, stand)
		stand_settle(declared, stand, writer);
	code = commit_ops(declared, writer);
	LL_FOREACH (declared->touched, stand) {
		if (declared->ops.failed)
			stand->error = ENOMEM;
		else if (stand->op != NO_OP)
			stand->error = declared->ops.items[stand->op].error;
		if (!stand->error)
			stand->until_us = stand->wanted_us;
		else if (!stand->until_us && op_in_doubt(stand->error))
			stand->until_us = MAYBE;
	}
	return code;
}

static void answer_ops(struct declared *declared, struct ops *ops)
{
	for (size_t i = 0; i < declared->n_touches; i++) {
		const struct touch *touch = &declared->touches[i];
		struct op *op = &ops->items[touch->op];

		if (op->error == OP_WAITS && touch->holder->stand->error)
			op->error = touch->holder->stand->error;
	}
	for (size_t i = 0; i < ops->n; i++)
		if (ops->items[i].error == OP_WAITS)
			ops->items[i].error = 0;
}

static void settle_holders(struct declared *declared, const struct ops *ops)
{
	for (size_t i = 0; i < declared->n_touches; i++) {
		struct holder *holder = declared->touches[i].holder;
		int error = ops->items[declared->touches[i].op].error;
		bool done = error == 0;

		if (done && holder->wanted_us) {
			holder->until_us = holder->wanted_us;
			holder->fresh = false;
		} else if (done || (holder->fresh && !op_in_doubt(error))) {
			holder_drop(declared, holder);
		} else {
			holder->wanted_us = holder->until_us;
		}
	}
	declared->n_touches = 0;
}

/* Nobody holds it: it is no concern of ours any more, as far as the kernel has let go of it. */
static void forget_touched(struct declared *declared, uint64_t now_us)
{
	while (declared->touched) {
		struct stand *stand = declared->touched;

		declared->touched = stand->next;
		stand->touched = false;
		if (!stand->holders && !stand->adopted_us &&
		    (!stand->until_us || stand->until_us == stand->theirs_us ||
		     stand->until_us <= now_us))
			stand_drop(declared, stand);
	}
}

/* What a failed op has left behind in other sets goes again; if not now, at the next look. */
static void take_back(struct declared *declared, const struct writer *writer)
{
	struct stand *stand;

	(void)!commit_touched(declared, writer);
	LL_FOREACH (declared->touched, stand)
		if (!stand->holders && !stand->adopted_us && !stand->error)
			stand->until_us = 0;
}

int declared_commit(struct declared *declared, struct ops *ops, const struct writer *writer)
{
	int code = NG_OK;

	for (size_t i = 0; i < ops->n; i++)
		plan(declared, &ops->items[i], i, writer);
	(void)!commit_touched(declared, writer);
	answer_ops(declared, ops);
	settle_holders(declared, ops);
	for (size_t i = 0; code == NG_OK && i < ops->n; i++)
		code = op_code(ops->items[i].error);
	if (code != NG_OK)
		take_back(declared, writer);
	forget_touched(declared, writer->now_us);
	return code;
}

/* ---- an earlier life's ---- */

int declared_adopt(struct declared *declared, size_t set, const struct element *element,
		   uint64_t now_us)
{
	struct stand_key key = {.set = (uint8_t)set, .len = element->len};
	struct stand *stand;

	if (!element->marked)
		return NG_OK;
	memcpy(key.key, element->key, element->len);
	stand = stand_find(declared, &key);
	if (!stand)
		stand = stand_add(declared, &key);
	if (!stand)
		return NG_E_NOMEM;
	stand->until_us = stand->adopted_us = end_of(element, now_us);
	return NG_OK;
}

int declared_drop_unclaimed(struct declared *declared, const struct writer *writer,
			    dropped_fn *dropped, void *who)
{
	struct stand *stand, *next;
	int code;

	HASH_ITER (hh, declared->stands, stand, next) {
		if (!stand->adopted_us)
			continue;
		stand->adopted_us = 0;
		stand_touch(declared, stand);
		if (!stand->holders)
			dropped(who, &declared->sets[stand->key.set], stand->key.key);
	}
	code = commit_touched(declared, writer);
	forget_touched(declared, writer->now_us);
	return code;
}

/* ---- after somebody else's change ---- */

/* What the kernel has of it now; true when that is less than what is wanted. */
static bool stand_lost(struct declared *declared, struct stand *stand,
		       const struct writer *writer)
{
	const uint64_t had_us = stand->until_us;

	if (had_us <= writer->now_us)
		return false;
	stand->until_us = stand->theirs_us = 0;
	if (stand_look(declared, stand, writer) != NG_OK || stand->until_us < had_us - SLACK_US)
		return true;
	if (stand->theirs_us != FOREVER) { /* the one that we wrote over theirs, or ours */
		stand->theirs_us = 0;
		stand->until_us = had_us;
	}
	return false;
}

size_t declared_look(struct declared *declared, const struct writer *writer)
{
	struct stand *stand, *next;
	size_t n = 0;

	HASH_ITER (hh, declared->stands, stand, next) {
		if (!stand->holders && !stand->adopted_us) { /* it was to go */
			stand_touch(declared, stand);
			continue;
		}
		if (!stand_lost(declared, stand, writer))
			continue;
		if (!stand->until_us)
			stand->adopted_us = 0; /* somebody took it out: so be it */
		stand_touch(declared, stand);
		n += stand->holders != NULL;
	}
	return n;
}

int declared_mend(struct declared *declared, const struct writer *writer)
{
	int code = commit_touched(declared, writer);

	forget_touched(declared, writer->now_us);
	return code;
}
