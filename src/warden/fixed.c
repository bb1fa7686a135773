/*
 * Static rules into the kernel.
 *
 * Where a single source reaches a single address, the element stands in the same set as leases do,
 * without a time-out, and the mirror knows it as a fixed lease: a lease of the same pair finds it
 * there, needs no write, and is remembered, so that the element falls back to the lease's end when
 * the rule goes. What has a prefix on either side is a range in one of the cidr sets, which no lease
 * ever touches.
 *
 * An element cannot gain or lose its time-out in place. It is taken out and put in again within one
 * batch, which no packet sees but by the rarest chance.
 */
#include "warden/warden.h"

#include "base/token.h"

#include <string.h>

static struct lease_key key_of(const struct ng_prefix *source, const struct wall_static *item)
{
	return lease_key_make(&source->addr, &item->prefix.addr, item->proto, item->port);
}

/* The op that the lease has in this round, or a new one. */
static struct op *op_of(struct warden *warden, struct lease *lease)
{
	struct op *op;

	if (lease->in_flight) {
		op = &warden->ops.items[lease->op];
		op->remove = false;
		return op;
	}
	return lease_fly(warden, lease);
}

static void write_end(struct warden *warden, struct lease *lease, uint64_t until_us,
		      uint32_t tag)
{
	struct op *op = op_of(warden, lease);

	if (!op)
		return;
	op->anew = true;
	op->tag = tag;
	op->timeout_ms = until_us == FOREVER ? 0 : kernel_timeout_ms(until_us, warden->now_us);
	op->until_us = until_us;
}

static void fix(struct warden *warden, struct sandbox *sandbox, const struct lease_key *key,
		uint32_t tag)
{
	struct lease *lease = mirror_find(&warden->mirror, key);

	if (!lease)
		lease = lease_open(warden, key, sandbox);
	if (!lease) {
		warden->ops.failed = true;
		return;
	}
	if (!lease->fixed && lease->until_us != FOREVER)
		lease->leased_us = lease->until_us;
	lease->fixed = true;
	if (lease->until_us == FOREVER && !lease->in_flight)
		return;
	mirror_unschedule(&warden->mirror, lease); /* it has no end to be waited for */
	write_end(warden, lease, FOREVER, tag);
}

bool fixed_fall_back(struct warden *warden, struct lease *lease)
{
	lease->fixed = false;
	if (lease->leased_us <= warden->now_us || lease->in_flight)
		return false;
	write_end(warden, lease, lease->leased_us, TAG_OTHER);
	return true;
}

static bool is_pair(const struct ng_prefix *source, const struct wall_static *item)
{
	return ng_prefix_is_host(source) && ng_prefix_is_host(&item->prefix);
}

void fixed_pairs(struct warden *warden, struct sandbox *sandbox, uint32_t tag)
{
	for (size_t i = 0; i < sandbox->is.n_sources; i++)
		for (size_t k = 0; k < sandbox->statics.n; k++) {
			const struct ng_prefix *source = &sandbox->is.sources[i];
			const struct wall_static *item = &sandbox->statics.items[k];
			struct lease_key key = key_of(source, item);

			if (source->addr.family == item->prefix.addr.family &&
			    is_pair(source, item))
				fix(warden, sandbox, &key, tag);
		}
}

static void put_range(struct warden *warden, const struct ng_prefix *source,
		      const struct wall_static *item, bool remove, uint32_t tag)
{
	struct op *op = op_range(&warden->ops, source, &item->prefix, item->proto, item->port);
	struct cut cut = {.source = *source,
			  .to = item->prefix,
			  .proto = item->proto,
			  .port = item->port,
			  .weigh = true};

	if (!op)
		return;
	op->remove = remove;
	op->tag = tag;
	if (remove)
		cuts_add(&warden->cuts, &cut);
	else
		claim_last(warden);
}

void fixed_ranges(struct warden *warden, const struct rights *from, const struct rights *to,
		  bool remove, uint32_t tag)
{
	for (size_t i = 0; i < from->sandbox->n_sources; i++) {
		const struct ng_prefix *source = &from->sandbox->sources[i];
		bool stays = has_source(to->sandbox, source);

		for (size_t k = 0; k < from->statics->n; k++) {
			const struct wall_static *item = &from->statics->items[k];

			if (source->addr.family == item->prefix.addr.family &&
			    !is_pair(source, item) &&
			    !(stays && statics_has(to->statics, item)))
				put_range(warden, source, item, remove, tag);
		}
	}
}

/* A lease that stands, of this pair, whose port is that or every one. */
static bool is_leased(const struct warden *warden, const struct flow *flow, uint8_t proto,
		      uint16_t port)
{
	struct lease_key key = lease_key_make(&flow->source, &flow->to, proto, port);
	const struct lease *lease = mirror_find(&warden->mirror, &key);

	return lease && lease->until_us > warden->now_us;
}

/* Whether a flow of such a sandbox to port 53 was turned to the gate, cannot be told from here. */
static bool is_token(const struct ng_addr *source)
{
	struct ng_prefix prefix = {*source, source->family == NG_IPV4 ? 32 : 128};

	return token_within(&prefix);
}

bool flow_justified(const void *who, const struct flow *flow)
{
	const struct warden *warden = who;
	const struct sandbox *sandbox = sandboxes_owner(&warden->sandboxes, &flow->source);

	if (!sandbox || sandbox->is.mode == MODE_LOCKDOWN)
		return false;
	return sandbox->is.mode == MODE_OBSERVE ||
	       (flow->port == 53 && !is_token(&flow->source)) || /* that is the gate */
	       statics_open(&sandbox->statics, &flow->to, flow->proto, flow->port) ||
	       is_leased(warden, flow, 0, 0) ||
	       is_leased(warden, flow, flow->proto, flow->port);
}

void fixed_drop_unclaimed(struct warden *warden)
{
	struct lease *lease = NULL;

	while ((lease = mirror_next(&warden->mirror, lease))) {
		if (!lease->fixed || mirror_group_of(&warden->mirror, lease)->owner)
			continue;
		lease->fixed = false;
		lease_close(warden, lease);
	}
}
