/*
 * Committing ops, so that one bad element fails alone.
 *
 * The kernel names every message that it refuses, and nothing of the batch has happened then: so
 * the named ones are taken out and the others sent again. Where it names none (the batch as a
 * whole was too large, memory, no word at all) the batch is cut in halves. A failed batch costs
 * every writer of the namespace some milliseconds, so the number of tries is bounded; what is left
 * then has failed.
 *
 * Of many ops, those that only add an element share messages as far as they follow each other in one
 * set: finding the set by its name costs the kernel as much as half an element. A refusal then names
 * no op, so the batch is sent again with a message for each.
 */
#include "warden/sets.h"

#include "warden/counts.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_OPS 100000 /* about 12 MiB of messages */
#define TRIES     48     /* failed batches in one commit */
#define MANY      64     /* ops that are worth sharing messages */
#define SHARED    16384  /* octets of a shared message; its list may have 65535 */

static void write_key(struct nlmsghdr *message, const struct op *op)
{
	struct nlattr *key = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);

	mnl_attr_put(message, NFTA_DATA_VALUE, op->len, op->key);
	mnl_attr_nest_end(message, key);
	if (!op->has_end)
		return;
	key = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY_END);
	mnl_attr_put(message, NFTA_DATA_VALUE, op->len, op->key_end);
	mnl_attr_nest_end(message, key);
}

static void write_value(struct nlmsghdr *message, const struct op *op)
{
	struct nlattr *value;

	if (!op->value_len)
		return;
	if (set_shapes[op->set].flags & NFT_SET_OBJECT) {
		char name[COUNT_NAME_MAX];

		count_value_text(op->value, name);
		mnl_attr_put_strz(message, NFTA_SET_ELEM_OBJREF, name);
		return;
	}
	value = mnl_attr_nest_start(message, NFTA_SET_ELEM_DATA);
	mnl_attr_put(message, NFTA_DATA_VALUE, op->value_len, op->value);
	mnl_attr_nest_end(message, value);
}

static struct nlmsghdr *op_message(struct batch *batch, struct netlink *netlink,
				   const struct op *op, uint16_t type, uint16_t flags)
{
	batch->family = op->at        ? op->at->family
			: op->bridged ? NFPROTO_BRIDGE
				      : set_family((enum set_id)op->set);
	return batch_message(batch, netlink, type, flags);
}

static struct nlattr *begin_list(struct nlmsghdr *message, const struct op *op,
				 const char *table)
{
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, op->at ? op->at->table : table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET,
			  op->at ? op->at->name : set_shapes[op->set].name);
	return mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void put_element(struct nlmsghdr *message, const struct op *op, bool times)
{
	struct nlattr *element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);

	if (op->interval_end)
		mnl_attr_put_u32(message, NFTA_SET_ELEM_FLAGS,
				 htobe32(NFT_SET_ELEM_INTERVAL_END));
	write_key(message, op);
	write_value(message, op);
	if (times && op->timeout_ms) { /* both, or a live element keeps its old end */
		mnl_attr_put_u64(message, NFTA_SET_ELEM_TIMEOUT, htobe64(op->timeout_ms));
		mnl_attr_put_u64(message, NFTA_SET_ELEM_EXPIRATION, htobe64(op->timeout_ms));
	} else if (times && op->at) { /* or it gets the one that its set has for all */
		mnl_attr_put_u64(message, NFTA_SET_ELEM_TIMEOUT, 0);
	}
	if (times && op->at && !op->bare)
		mnl_attr_put(message, NFTA_SET_ELEM_USERDATA, sizeof(set_mark), set_mark);
	mnl_attr_nest_end(message, element);
}

static void write_element(struct nlmsghdr *message, const struct op *op, const char *table,
			  bool times)
{
	struct nlattr *list = begin_list(message, op, table);

	put_element(message, op, times);
	mnl_attr_nest_end(message, list);
}

static void write_counter(struct op *op, const char *table, struct batch *batch,
			  struct netlink *netlink)
{
	struct op removal = *op;

	removal.remove = true;
	if (!op->remove)
		counter_write(op, op_message(batch, netlink, op, NFT_MSG_NEWOBJ, NLM_F_CREATE),
			      table);
	if (op->remove || op->anew)
		counter_write(&removal, op_message(batch, netlink, op, NFT_MSG_DELOBJ, 0),
			      table);
	if (!op->remove && op->anew)
		counter_write(op, op_message(batch, netlink, op, NFT_MSG_NEWOBJ, NLM_F_CREATE),
			      table);
	op->seq_last = batch->last;
}

static void write_op(struct op *op, const char *table, const struct ability *ability,
		     struct batch *batch, struct netlink *netlink)
{
	uint16_t gone = ability->destroy ? NFT_DESTROYSETELEM : NFT_MSG_DELSETELEM;

	op->seq_first = netlink->seq;
	if (op->set == SET_COUNT) {
		write_counter(op, table, batch, netlink);
		return;
	}
	if (op->remove) {
		write_element(op_message(batch, netlink, op, gone, 0), op, table, false);
		op->seq_last = batch->last;
		return;
	}
	write_element(op_message(batch, netlink, op, NFT_MSG_NEWSETELEM, NLM_F_CREATE), op,
		      table, true);
	if (op->anew || (op->timeout_ms && !ability->in_place)) {
		/* The first makes sure that there is something to delete. */
		write_element(op_message(batch, netlink, op, NFT_MSG_DELSETELEM, 0), op, table,
			      false);
		write_element(op_message(batch, netlink, op, NFT_MSG_NEWSETELEM, NLM_F_CREATE),
			      op, table, true);
	}
	op->seq_last = batch->last;
}

static bool can_share(const struct op *op, const struct ability *ability)
{
	return op->set != SET_COUNT && op->error == OP_WAITS && !op->remove && !op->anew &&
	       (!op->timeout_ms || ability->in_place);
}

/* One message for the ops from there on, as far as they can share it; returns where they end. */
static size_t write_shared(struct ops *ops, size_t from, size_t to, const char *table,
			   const struct ability *ability, struct batch *batch,
			   struct netlink *netlink)
{
	struct nlmsghdr *message =
		op_message(batch, netlink, &ops->items[from], NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	struct nlattr *list = begin_list(message, &ops->items[from], table);
	size_t i = from;

	for (; i < to && message->nlmsg_len < SHARED; i++) {
		struct op *op = &ops->items[i];

		if (op->set != ops->items[from].set || op->at != ops->items[from].at ||
		    !can_share(op, ability))
			break;
		put_element(message, op, true);
		op->seq_first = op->seq_last = batch->last;
	}
	mnl_attr_nest_end(message, list);
	return i;
}

void ops_write_shared(struct ops *ops, size_t from, size_t to, const char *table,
		      const struct ability *ability, struct batch *batch,
		      struct netlink *netlink)
{
	while (from < to) {
		struct op *op = &ops->items[from];

		if (can_share(op, ability)) {
			from = write_shared(ops, from, to, table, ability, batch, netlink);
			continue;
		}
		if (op->error == OP_WAITS)
			write_op(op, table, ability, batch, netlink);
		from++;
	}
}

void ops_write(struct ops *ops, size_t from, size_t to, const char *table,
	       const struct ability *ability, struct batch *batch, struct netlink *netlink)
{
	for (size_t i = from; i < to; i++)
		if (ops->items[i].error == OP_WAITS)
			write_op(&ops->items[i], table, ability, batch, netlink);
}

struct commit {
	struct ops *ops;
	const char *table;
	const struct ability *ability;
	struct batch *batch;
	struct netlink *netlink;
	unsigned tries;
	bool shared; /* messages hold several ops: a refusal names none of them */
	/* of the batch on its way: the kernel reports in the order of the messages */
	size_t cursor, to, named;
};

static void take_refusal(void *who, uint32_t seq, int error)
{
	struct commit *commit = who;

	if (commit->shared) {
		commit->named++;
		return;
	}
	while (commit->cursor < commit->to) {
		struct op *op = &commit->ops->items[commit->cursor];

		if (op->seq_last >= seq && op->seq_first <= seq) {
			if (op->error == OP_WAITS)
				commit->named++;
			/* What is gone already needs no deleting. */
			op->error = op->remove && error == ENOENT ? 0 : error;
			return;
		}
		if (op->seq_last > seq)
			return;
		commit->cursor++;
	}
}

static size_t settle(struct commit *commit, size_t from, size_t to, int error)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++) {
		struct op *op = &commit->ops->items[i];

		if (op->error == OP_WAITS) {
			op->error = error;
			n++;
		}
	}
	return n;
}

/* One batch of what waits in [from, to). True when nothing waits there any more. */
static bool try_batch(struct commit *commit, size_t from, size_t to, int *system)
{
	int code;

	commit->cursor = from;
	commit->to = to;
	commit->named = 0;
	batch_begin(commit->batch, commit->netlink);
	(commit->shared ? ops_write_shared : ops_write)(commit->ops, from, to, commit->table,
							commit->ability, commit->batch,
							commit->netlink);
	code = batch_commit(commit->batch, commit->netlink, take_refusal, commit, system);
	if (code == NG_OK) {
		settle(commit, from, to, 0);
		return true;
	}
	return false;
}

static void commit_range(struct commit *commit, size_t from, size_t to)
{
	int system = 0;

	while (!try_batch(commit, from, to, &system)) {
		bool whole = !commit->named;

		if (commit->shared && !whole) {
			commit->shared = false;
			continue;
		}
		if (++commit->tries > TRIES || to - from == 1 ||
		    (whole && (system == EPERM || system == ENOMEM))) {
			settle(commit, from, to, system ? system : EIO);
			return;
		}
		if (whole) {
			size_t middle = from + (to - from) / 2;

			commit_range(commit, from, middle);
			from = middle;
		}
	}
}

int ops_commit(struct ops *ops, const char *table, const struct ability *ability,
	       struct batch *batch, struct netlink *netlink)
{
	struct commit commit = {.ops = ops,
				.table = table,
				.ability = ability,
				.batch = batch,
				.netlink = netlink,
				.shared = ops->n >= MANY};

	if (ops->failed) {
		settle(&commit, 0, ops->n, ENOMEM);
		return NG_E_NOMEM;
	}
	for (size_t from = 0; from < ops->n; from += BATCH_OPS) {
		size_t to = ops->n - from > BATCH_OPS ? from + BATCH_OPS : ops->n;

		commit_range(&commit, from, to);
	}
	for (size_t i = 0; i < ops->n; i++)
		if (ops->items[i].error)
			return op_code(ops->items[i].error);
	return NG_OK;
}

bool op_in_doubt(int error)
{
	return error == ENOBUFS || error == EIO;
}

int op_code(int error)
{
	switch (error) {
	case 0:
		return NG_OK;
	case EPERM:
		return NG_E_PERM;
	case ENOMEM:
		return NG_E_NOMEM;
	case ENFILE:
	case ENOSPC:
		return NG_E_FULL;
	case ERANGE:
		return NG_E_RANGE;
	case EPROTONOSUPPORT:
		return NG_E_UNSUPPORTED;
	default:
		return NG_E_KERNEL;
	}
}
