/*
 * Orders of the workers.
 *
 * A worker may have been taken over, so each order is judged again by what main has registered:
 * known sandbox, one of that worker's own, openable address that is no sandbox's, of which a worker knows
 * its own alone, own client, end within bounds, number of elements within bounds.
 * All orders that wait, of all workers, go into one batch. After it the mirror is asked whether
 * every pair of an order is confirmed to its end; nothing else makes an NG_OK.
 */
#include "warden/warden.h"

#include "edge/channel.h"

#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX 64       /* of one worker in one go */
#define ORDERS_MAX  16384    /* in one batch */
#define COMPLAIN_US 1000000u /* at most one line in so long a time */
#define AHEAD       4        /* orders: their places come while those before them are seen to */

/* The source addresses for which an order opens its destination. */
struct pairs {
	struct ng_addr sources[NG_SOURCES_MAX + 1];
	size_t n;
};

static void expand(const struct sandbox *sandbox, const struct wall_lease *order,
		   struct pairs *pairs)
{
	pairs->n = 0;
	for (size_t i = 0; i < sandbox->is.n_sources; i++) {
		const struct ng_prefix *source = &sandbox->is.sources[i];

		if (source->addr.family == order->addr.family && ng_prefix_is_host(source))
			pairs->sources[pairs->n++] = source->addr;
	}
	/* A client of the other family cannot send to this address. */
	if (order->client.family == order->addr.family &&
	    sandbox_has(&sandbox->is, &order->client, true))
		pairs->sources[pairs->n++] = order->client;
}

/* Main alone says whose a sandbox is. */
static bool is_foreign(struct warden *warden, const struct sandbox *sandbox, uint32_t worker)
{
	if (workers_of(&sandbox->is) == worker)
		return false;
	if (warden->now_us - warden->strange_us >= COMPLAIN_US) {
		warden->strange_us = warden->now_us;
		say("worker %u gave an order for sandbox %u, which is not one of its own; it "
		    "is not obeyed",
		    (unsigned)worker, (unsigned)sandbox->is.id);
	}
	return true;
}

static int judge(struct warden *warden, const struct wall_lease *order, uint32_t worker)
{
	const struct sandbox *sandbox = sandboxes_find(&warden->sandboxes, order->sandbox);
	uint64_t ceiling_us = (uint64_t)warden->kernel.table.lease_ceiling_s * 1000000u;

	if (!warden->kernel.ready || warden->dirty)
		return NG_E_KERNEL;
	if (!sandbox)
		return NG_E_NOTFOUND;
	if (is_foreign(warden, sandbox, worker))
		return NG_E_PERM;
	if (sandbox->is.mode == MODE_LOCKDOWN)
		return NG_E_PERM;
	if (!ng_addr_openable(&order->addr, sandbox->is.opened, sandbox->is.n_opened))
		return NG_E_PERM;
	if (sandboxes_owner(&warden->sandboxes, &order->addr))
		return NG_E_PERM;
	if (order->client.family && !sandbox_has(&sandbox->is, &order->client, false))
		return NG_E_PERM;
	if (warden->declared.n &&
	    !(warden->declared.takes & WALL_TAKES(order->addr.family, order->proto != 0)))
		return NG_E_UNSUPPORTED;
	if (order->until_us <= warden->now_us || order->until_us - warden->now_us > ceiling_us)
		return NG_E_RANGE;
	return NG_OK;
}

/* Finds those of the pairs that are there; is there room for the others? */
static int find_all(const struct warden *warden, const struct sandbox *sandbox,
		    const struct wall_lease *order, const struct pairs *pairs,
		    struct lease *out[static NG_SOURCES_MAX + 1])
{
	size_t missing = 0;

	for (size_t i = 0; i < pairs->n; i++) {
		struct lease_key key = lease_key_make(&pairs->sources[i], &order->addr,
						      order->proto, order->port);

		out[i] = mirror_find(&warden->mirror, &key);
		missing += !out[i];
	}
	if (missing && (sandbox->leases + missing > warden->kernel.table.leases_sandbox ||
			warden->mirror.n + missing > warden->kernel.table.leases))
		return NG_E_FULL;
	return NG_OK;
}

/* Has the lease stand until then; writes only what the kernel does not have yet. */
static void want(struct warden *warden, struct lease *lease, uint64_t until_us)
{
	struct op *op;

	if (lease->fixed && until_us > lease->leased_us)
		lease->leased_us = until_us & FOREVER;
	if (until_us <= lease->until_us)
		return;
	op = lease->in_flight ? &warden->ops.items[lease->op] : NULL;
	if (op && until_us <= op->until_us)
		return;
	if (!op)
		op = lease_fly(warden, lease);
	if (!op)
		return;
	op->until_us = until_us;
	op->timeout_ms = kernel_timeout_ms(until_us, warden->now_us);
}

/* Nothing is judged here. */
static void expect(const struct warden *warden, const struct wall_lease *order)
{
	const struct sandbox *sandbox = sandboxes_find(&warden->sandboxes, order->sandbox);
	struct pairs pairs;

	if (!sandbox)
		return;
	expand(sandbox, order, &pairs);
	for (size_t i = 0; i < pairs.n; i++) {
		const struct lease_key key = lease_key_make(&pairs.sources[i], &order->addr,
							    order->proto, order->port);

		mirror_expect(&warden->mirror, &key);
	}
}

static int prepare(struct warden *warden, const struct order *order)
{
	struct lease *leases[NG_SOURCES_MAX + 1];
	struct sandbox *sandbox;
	struct pairs pairs;
	int code = judge(warden, &order->lease, order->worker);

	if (code != NG_OK)
		return code;
	sandbox = sandboxes_find(&warden->sandboxes, order->lease.sandbox);
	expand(sandbox, &order->lease, &pairs);
	code = find_all(warden, sandbox, &order->lease, &pairs, leases);
	for (size_t i = 0; code == NG_OK && i < pairs.n; i++) {
		struct lease_key key = lease_key_make(&pairs.sources[i], &order->lease.addr,
						      order->lease.proto, order->lease.port);

		if (!leases[i])
			leases[i] = lease_open(warden, &key, sandbox);
		if (!leases[i])
			return NG_E_NOMEM;
		leases[i]->claimed = true;
		want(warden, leases[i], order->lease.until_us);
	}
	return code;
}

/* What the mirror says of an order after the commit. */
static int verify(const struct warden *warden, const struct wall_lease *order)
{
	const struct sandbox *sandbox = sandboxes_find(&warden->sandboxes, order->sandbox);
	struct pairs pairs;

	if (!sandbox)
		return NG_E_NOTFOUND;
	expand(sandbox, order, &pairs);
	for (size_t i = 0; i < pairs.n; i++) {
		struct lease_key key = lease_key_make(&pairs.sources[i], &order->addr,
						      order->proto, order->port);
		const struct lease *lease = mirror_find(&warden->mirror, &key);

		if (!lease || lease->until_us < order->until_us)
			return lease && lease->code ? lease->code : NG_E_KERNEL;
	}
	return NG_OK;
}

static void answer(struct warden *warden, const struct order *order, int code)
{
	struct worker *worker = workers_find(&warden->workers, order->worker);

	if (worker)
		worker_answer(worker, order->lease.number, code);
}

static void commit_round(struct warden *warden, struct orders *round)
{
	bool well;

	if (!round->n)
		return;
	for (size_t i = 0; i < round->n && i < AHEAD; i++)
		expect(warden, &round->items[i].lease);
	for (size_t i = 0; i < round->n; i++) {
		if (i + AHEAD < round->n)
			expect(warden, &round->items[i + AHEAD].lease);
		round->items[i].code = prepare(warden, &round->items[i]);
	}
	leases_collect_due(warden);
	well = ops_settle(warden);
	for (size_t i = 0; i < round->n; i++) {
		struct order *order = &round->items[i];

		if (order->code == NG_OK)
			order->code = verify(warden, &order->lease);
		answer(warden, order, order->code);
	}
	ops_sweep(warden);
	round->n = 0;
	if (well)
		return;
	if (warden->now_us - warden->complained_us >= COMPLAIN_US) {
		warden->complained_us = warden->now_us;
		say("the kernel refused leases; the questions behind them are answered with "
		    "SERVFAIL");
	}
	setup_suspect(warden);
}

/* With weigh set, flows that something else justifies are spared, which takes longer. */
static void cut_flows(struct warden *warden, const struct lease_key *key, bool weigh)
{
	const uint8_t bits = (uint8_t)(8 * ng_addr_len(&key->source));
	struct cut cut = {.source = {.addr = key->source, .bits = bits},
			  .to = {.addr = key->to, .bits = bits},
			  .proto = key->proto,
			  .port = key->port,
			  .weigh = weigh};

	cuts_add(&warden->cuts, &cut);
}

/* Leases of ports may go on at the same address. */
static bool has_ported(const struct warden *warden, const struct ng_addr *source)
{
	const struct group *group = mirror_group(&warden->mirror, source);

	return group && group->ported;
}

static void revoke_one(struct warden *warden, const struct wall_lease *order, uint32_t worker,
		       bool cut)
{
	const struct sandbox *sandbox = sandboxes_find(&warden->sandboxes, order->sandbox);
	struct pairs pairs;
	bool weigh;

	/* Without one, its leases went with it. */
	if (!sandbox || is_foreign(warden, sandbox, worker))
		return;
	weigh = order->proto || sandbox->statics.n || sandbox->is.mode == MODE_OBSERVE;
	expand(sandbox, order, &pairs);
	for (size_t i = 0; i < pairs.n; i++) {
		struct lease_key key = lease_key_make(&pairs.sources[i], &order->addr,
						      order->proto, order->port);
		struct lease *lease = mirror_find(&warden->mirror, &key);

		if (lease && lease->fixed) { /* a static rule holds it, with its flows */
			lease->leased_us = 0;
			continue;
		}
		if (lease)
			lease_close(warden, lease);
		else
			adopt_revoke(warden, &key);
		if (cut)
			cut_flows(warden, &key, weigh || has_ported(warden, &key.source));
	}
}

static void settle_closed(struct warden *warden)
{
	if (!ops_settle(warden)) {
		say("a lease could not be revoked, the kernel refused; trying again in a "
		    "second");
		setup_suspect(warden);
	}
	ops_sweep(warden);
	if (conntrack_cut(&warden->conntrack, &warden->cuts) != NG_OK)
		say("flows of a revoked lease could not be cut; conntrack -D -s SOURCE cuts "
		    "them by hand");
}

static void close_revoked(struct warden *warden, const struct wall_packet *packet,
			  uint32_t worker)
{
	for (size_t i = 0; i < packet->head.count; i++)
		revoke_one(warden, &packet->lease[i], worker, packet->head.kind == WALL_REVOKE);
	settle_closed(warden);
}

static bool is_of(const struct warden *warden, struct lease *lease, uint32_t number)
{
	const struct sandbox *owner = mirror_group_of(&warden->mirror, lease)->owner;

	return owner && workers_of(&owner->is) == number;
}

void leases_unclaim(struct warden *warden, uint32_t number)
{
	struct lease *lease = NULL;

	while ((lease = mirror_next(&warden->mirror, lease)))
		if (is_of(warden, lease, number))
			lease->claimed = false;
}

/* As many as main wants; what no sandbox owns, the last of them can explain no more than the others. */
static bool all_claimed(const struct warden *warden)
{
	const uint32_t n = warden->kernel.table.workers;

	return workers_claimed(&warden->workers, n ? n : 1);
}

/*
 * The worker has ordered all that it can explain, and main had registered its sandboxes before it
 * made the channel. What is left belongs to a sandbox, a rule or a store that is gone. What is no
 * sandbox's, or is not known, waits until all workers have said so. A channel's second word changes nothing,
 * and is not worth a walk over all leases.
 */
static void close_unclaimed(struct warden *warden, struct worker *worker)
{
	const uint32_t number = worker->number;
	struct lease *lease = NULL;
	struct lease_key key;
	bool all;
	size_t n = 0;

	if (worker->claimed)
		return;
	worker->claimed = true;
	all = all_claimed(warden);
	while ((lease = mirror_next(&warden->mirror, lease))) {
		if (lease->claimed || lease->until_us <= warden->now_us)
			continue; /* one that has just ended cuts nothing */
		if (!all && !is_of(warden, lease, number))
			continue;
		if (lease->fixed) { /* main's, and as long as its sandbox is there */
			lease->leased_us = 0;
			continue;
		}
		lease_close(warden, lease);
		key = mirror_key(&warden->mirror, lease);
		cut_flows(warden, &key, true);
		n++;
	}
	if (all) {
		warden->leftovers_us = warden->now_us;
		adopt_claimed(warden);
	}
	if (!n)
		return;
	say("%zu leases of an earlier life are closed: no sandbox, rule or stored name "
	    "explains them",
	    n);
	settle_closed(warden);
}

static int take_orders(struct orders *round, struct worker *worker,
		       const struct wall_packet *packet)
{
	size_t n = packet->head.count;

	if (worker_owe(worker, n) != NG_OK)
		return NG_E_NOMEM;
	if (round->n + n > round->room) {
		size_t room = (round->n + n) * 2;
		struct order *wider = reallocarray(round->items, room, sizeof(*wider));

		if (!wider)
			return NG_E_NOMEM;
		round->items = wider;
		round->room = room;
	}
	for (size_t i = 0; i < n; i++)
		round->items[round->n++] =
			(struct order){.worker = worker->number, .lease = packet->lease[i]};
	return NG_OK;
}

/* Reads what one worker has sent. Not NG_OK: its channel is to be dropped. */
static int drain(struct warden *warden, struct worker *worker, struct orders *round)
{
	struct wall_packet *packet = &warden->packet;
	int code = NG_OK, fd;

	for (size_t i = 0; i < PACKETS_MAX && worker_reads(worker); i++) {
		code = channel_receive(worker->fd, WALL_WORKER_TO_WARDEN, packet, &fd);
		if (code != NG_OK)
			return code == NG_E_NOTFOUND ? NG_OK : code;
		if (packet->head.kind == WALL_LEASE) {
			code = take_orders(round, worker, packet);
		} else { /* what was ordered before it comes first */
			commit_round(warden, round);
			if (packet->head.kind == WALL_CLAIMED)
				close_unclaimed(warden, worker);
			else
				close_revoked(warden, packet, worker->number);
		}
		/* A walk over the flows, as a rule: before the next one others have their turn. */
		if (code != NG_OK || packet->head.kind == WALL_REVOKE)
			return code;
		/* Their answers must have room beside each other. */
		if (round->n >= ORDERS_MAX)
			commit_round(warden, round);
	}
	return NG_OK;
}

static void drop(struct warden *warden, struct worker *worker, int code)
{
	if (code != NG_E_CLOSED)
		say("channel to worker %u dropped: %s", worker->number, ng_strerror(code));
	workers_drop(&warden->workers, worker);
}

void leases_serve(struct warden *warden)
{
	struct orders *round = &warden->orders;
	struct workers *workers = &warden->workers;

	for (size_t i = 0; i < workers->n;) {
		int code = drain(warden, &workers->items[i], round);

		if (code == NG_OK) {
			i++;
			continue;
		}
		commit_round(warden, round); /* its last orders count all the same */
		drop(warden, &workers->items[i], code);
	}
	commit_round(warden, round);
	for (size_t i = 0; i < workers->n;) {
		int code = worker_flush(workers, &workers->items[i]);

		if (code == NG_OK)
			i++;
		else
			drop(warden, &workers->items[i], code);
	}
}
