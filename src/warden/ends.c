/*
 * Ops with leases behind them: how a lease opens, closes, comes to its end, and what a commit made
 * of it.
 *
 * A lease has at most one op in a round. It keeps the end that the kernel has confirmed until a
 * newer one is confirmed, so a refused renewal shortens nothing. A removal that was refused is
 * tried again soon; should that never succeed, the kernel's own time-out ends the element.
 */
#include "warden/warden.h"

#include <stdlib.h>
#include <string.h>

#define DUE_MAX 20000 /* ends in one batch */

uint64_t kernel_timeout_ms(uint64_t until_us, uint64_t now_us)
{
	return (until_us - now_us) / 1000 + 1 + NG_BACKSTOP_S * 1000u;
}

struct lease *lease_open(struct warden *warden, const struct lease_key *key,
			 struct sandbox *owner)
{
	struct lease *lease = mirror_add(&warden->mirror, key, owner);

	if (lease && owner)
		owner->leases++;
	return lease;
}

static void lease_forget(struct warden *warden, struct lease *lease)
{
	if (lease->group->owner)
		lease->group->owner->leases--;
	mirror_drop(&warden->mirror, lease);
}

void lease_close(struct warden *warden, struct lease *lease)
{
	struct op *op;

	if (lease->in_flight)
		return;
	op = op_pair(&warden->ops, &lease->key.source, &lease->key.to, lease->key.proto,
		     lease->key.port);
	if (!op) {
		mirror_confirm(&warden->mirror, lease, warden->now_us + RETRY_US);
		return;
	}
	op->remove = true;
	op->tag = TAG_OTHER;
	op->lease = lease;
	lease->op = warden->ops.n - 1;
	lease->in_flight = true;
	mirror_unschedule(&warden->mirror, lease);
}

void leases_collect_due(struct warden *warden)
{
	struct lease *lease;

	for (size_t i = 0; i < DUE_MAX; i++) {
		lease = mirror_first(&warden->mirror);
		if (!lease || lease->until_us > warden->now_us)
			return;
		if (lease->in_flight) /* being renewed in this very round */
			mirror_unschedule(&warden->mirror, lease);
		else
			lease_close(warden, lease);
	}
}

static void settle_one(struct warden *warden, const struct op *op)
{
	struct lease *lease = op->lease;

	lease->in_flight = false;
	if (op->remove && op->error == 0)
		lease_forget(warden, lease);
	else if (op->remove)
		mirror_confirm(&warden->mirror, lease, warden->now_us + RETRY_US);
	else if (op->error == 0)
		mirror_confirm(&warden->mirror, lease, lease->wanted_us);
	else if (lease->until_us == FOREVER &&
		 !lease->fixed) /* the lease's end will close it */
		mirror_confirm(&warden->mirror, lease, lease->wanted_us);
	else if (lease->until_us && !lease->heap) /* its old end still holds */
		mirror_confirm(&warden->mirror, lease, lease->until_us);
	if (!op->remove && op->error)
		lease->code = op_code(op->error);
}

bool ops_settle(struct warden *warden)
{
	struct ops *ops = &warden->ops;
	bool well = kernel_commit(&warden->kernel, ops) == NG_OK;

	for (size_t i = 0; i < ops->n; i++)
		if (ops->items[i].lease)
			settle_one(warden, &ops->items[i]);
	return well;
}

void ops_sweep(struct warden *warden)
{
	struct ops *ops = &warden->ops;

	for (size_t i = 0; i < ops->n; i++) {
		struct op *op = &ops->items[i];

		if (op->lease && !op->remove && op->error && !op->lease->until_us)
			lease_forget(warden, op->lease);
	}
	ops_clear(ops);
}

void leases_end_due(struct warden *warden)
{
	struct lease *first = mirror_first(&warden->mirror);

	if (!warden->kernel.ready || warden->dirty || !first ||
	    first->until_us > warden->now_us)
		return;
	leases_collect_due(warden);
	if (!ops_settle(warden)) {
		say("some ended leases could not be deleted, the kernel refused; trying again "
		    "in "
		    "a second");
		setup_suspect(warden);
	}
	ops_sweep(warden);
}

/* ---- adopting ---- */

static bool read_key(enum set_id set, const struct element *element, struct lease_key *out)
{
	bool v4 = set == SET_ALLOW4 || set == SET_ALLOW4P;
	bool ports = set == SET_ALLOW4P || set == SET_ALLOW6P;
	enum ng_family family = v4 ? NG_IPV4 : NG_IPV6;
	size_t len = v4 ? 4 : 16;
	const uint8_t *tail = element->key + 2 * len;
	struct ng_addr source = ng_addr_make(family, element->key);
	struct ng_addr to = ng_addr_make(family, element->key + len);

	if (element->len != set_shapes[set].key_len)
		return false;
	*out = lease_key_make(&source, &to, ports ? tail[0] : 0,
			      ports ? (uint16_t)(tail[4] << 8 | tail[5]) : 0);
	return true;
}

static void adopt_one(void *who, enum set_id set, const struct element *element)
{
	struct warden *warden = who;
	const uint64_t backstop_ms = NG_BACKSTOP_S * 1000u;
	uint64_t left_ms =
		element->expires_ms > backstop_ms ? element->expires_ms - backstop_ms : 0;
	struct lease_key key;
	struct lease *lease;

	if (!read_key(set, element, &key) || mirror_find(&warden->mirror, &key))
		return;
	lease = lease_open(warden, &key, sandboxes_owner(&warden->sandboxes, &key.source));
	if (!lease)
		return;
	lease->fixed = element->permanent;
	if (element->permanent)
		mirror_confirm(&warden->mirror, lease, FOREVER);
	else
		mirror_confirm(&warden->mirror, lease, warden->now_us + left_ms * 1000);
}

int leases_adopt(struct warden *warden, const char *table)
{
	int code = NG_OK;

	for (int set = SET_ALLOW4; code == NG_OK && set <= SET_ALLOW6P; set++)
		code = set_dump(&warden->kernel.netlink, table, (enum set_id)set, adopt_one,
				warden);
	return code;
}
