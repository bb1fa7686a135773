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
#define AHEAD   4     /* ops: the places of those to be dropped come while others are settled */

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
	struct sandbox *owner = mirror_group_of(&warden->mirror, lease)->owner;

	if (owner)
		owner->leases--;
	mirror_drop(&warden->mirror, lease);
}

struct op *lease_op(const struct warden *warden, const struct lease *lease, struct ops *ops)
{
	const struct lease_key key = mirror_key(&warden->mirror, lease);

	return op_pair(ops, &key.source, &key.to, key.proto, key.port);
}

struct op *lease_fly(struct warden *warden, struct lease *lease)
{
	struct op *op = lease_op(warden, lease, &warden->ops);

	if (!op)
		return NULL;
	op->tag = TAG_OTHER;
	op->lease = lease;
	lease->op = (uint32_t)warden->ops.n - 1;
	lease->in_flight = true;
	return op;
}

void lease_close(struct warden *warden, struct lease *lease)
{
	struct op *op;

	if (lease->in_flight)
		return;
	op = lease_fly(warden, lease);
	if (!op) {
		mirror_confirm(&warden->mirror, lease, warden->now_us + RETRY_US);
		return;
	}
	op->remove = true;
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
		mirror_confirm(&warden->mirror, lease, op->until_us);
	else if (lease->until_us == FOREVER &&
		 !lease->fixed) /* the lease's end will close it */
		mirror_confirm(&warden->mirror, lease, op->until_us);
	else if (lease->until_us && !lease->heap) /* its old end still holds */
		mirror_confirm(&warden->mirror, lease, lease->until_us);
	else if (!lease->until_us && op_in_doubt(op->error)) /* to be taken out again */
		mirror_confirm(&warden->mirror, lease, warden->now_us + RETRY_US);
	if (!op->remove && op->error)
		lease->code = (int16_t)op_code(op->error);
}

/* Nothing that is settled before it drops its lease: no lease has two ops. */
static void expect_end(const struct warden *warden, const struct op *op)
{
	if (op->lease && op->remove) {
		const struct lease_key key = mirror_key(&warden->mirror, op->lease);

		mirror_expect(&warden->mirror, &key);
	}
}

bool ops_settle(struct warden *warden)
{
	struct ops *ops = &warden->ops;
	bool well = (warden->declared.n ? integrate_commit(warden)
					: kernel_commit(&warden->kernel, ops)) == NG_OK;

	adopt_follow(warden);
	for (size_t i = 0; i < ops->n; i++) {
		if (i + AHEAD < ops->n)
			expect_end(warden, &ops->items[i + AHEAD]);
		if (ops->items[i].lease)
			settle_one(warden, &ops->items[i]);
	}
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

/* Two limits, so that a number that moves about one of them is not told again and again. */
void leases_look_at_room(struct warden *warden)
{
	uint64_t now = 100 * (uint64_t)warden->mirror.n, most = warden->kernel.table.leases;
	bool crowded = warden->crowded ? now > 70 * most : most && now >= 80 * most;

	if (crowded == warden->crowded)
		return;
	warden->crowded = crowded;
	if (crowded)
		say("%zu of %u elements are in use; when none is left, names are answered with "
		    "SERVFAIL: raise limits { leases }, or see by namegate leases who has them",
		    warden->mirror.n, (unsigned)most);
	else
		say("only %zu of %u elements are in use again", warden->mirror.n,
		    (unsigned)most);
}
