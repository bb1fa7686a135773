/*
 * Sandboxes come, change and go: the difference between what is wanted and what is there, as ops.
 *
 * Many changes are committed in one batch. A sandbox that could not be written whole is taken out
 * again: better none than half of one. Removal is final for us whatever the kernel says; should it
 * refuse, the table is rebuilt without the sandbox.
 */
#include "warden/warden.h"

#include <string.h>

static void put_identity(struct warden *warden, const struct wall_sandbox *sandbox,
			 const struct ng_prefix *source, bool remove, uint32_t tag)
{
	struct op copy, *op = op_identity(&warden->ops, sandbox->interface, source);

	if (!op)
		return;
	op->remove = remove;
	op->tag = tag;
	if (remove || !warden->leftovers.n)
		return;
	copy = *op;
	warden->ops.n--; /* what it overlaps goes before it */
	leftovers_claim(&warden->leftovers, &copy, &warden->ops);
	(void)op_append(&warden->ops, &copy);
}

static void put_masquerade(struct warden *warden, const struct ng_prefix *source, bool remove,
			   uint32_t tag)
{
	bool v4 = source->addr.family == NG_IPV4;
	bool host = ng_prefix_is_host(source);
	enum set_id set =
		host ? (v4 ? SET_MASQ4 : SET_MASQ6) : (v4 ? SET_MASQ4NET : SET_MASQ6NET);

	op_plain(&warden->ops, set, source, remove, tag);
	if (host && !remove && warden->ops.n)
		leftovers_claim(&warden->leftovers, &warden->ops.items[warden->ops.n - 1],
				&warden->ops);
}

static bool has_source(const struct wall_sandbox *sandbox, const struct ng_prefix *source)
{
	for (size_t i = 0; i < sandbox->n_sources; i++)
		if (sandbox->sources[i].bits == source->bits &&
		    ng_addr_equal(&sandbox->sources[i].addr, &source->addr))
			return true;
	return false;
}

/* What of `from` is not in `to`, to be removed; with the two swapped, to be added. */
static void put_difference(struct warden *warden, const struct wall_sandbox *from,
			   const struct wall_sandbox *to, bool remove, uint32_t tag)
{
	bool same_interface = !strncmp(from->interface, to->interface, NG_IFNAME_MAX);

	for (size_t i = 0; i < from->n_sources; i++) {
		const struct ng_prefix *source = &from->sources[i];
		bool stays = has_source(to, source);

		if (!stays || !same_interface)
			put_identity(warden, from, source, remove, tag);
		if ((from->flags & WALL_MASQUERADE) &&
		    !(stays && (to->flags & WALL_MASQUERADE)))
			put_masquerade(warden, source, remove, tag);
	}
}

/* ---- the leases of a prefix ---- */

typedef void group_fn(struct warden *warden, struct group *group, struct sandbox *sandbox);

static void each_group(struct warden *warden, const struct ng_prefix *source, group_fn *act,
		       struct sandbox *sandbox)
{
	struct group *group, *next;

	if (ng_prefix_is_host(source)) {
		group = mirror_group(&warden->mirror, &source->addr);
		if (group)
			act(warden, group, sandbox);
		return;
	}
	HASH_ITER (hh, warden->mirror.by_source, group, next) {
		if (ng_prefix_contains(source, &group->source))
			act(warden, group, sandbox);
	}
}

static void disown(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	(void)warden;
	(void)sandbox;
	group->owner = NULL;
}

static void own(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	struct lease *lease;

	(void)warden;
	group->owner = sandbox;
	for (lease = group->leases; lease; lease = lease->next)
		sandbox->leases++;
}

/* Closes what the sandbox as it is now does not justify. */
static void prune(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	struct lease *lease;

	for (lease = group->leases; lease; lease = lease->next)
		if (!group->owner || sandbox->is.mode == 0 ||
		    !ng_addr_openable(&lease->key.to, sandbox->is.opened,
				      sandbox->is.n_opened)) {
			struct cut cut = {
				.source = {.addr = lease->key.source,
					   .bits = (uint8_t)(8 * ng_addr_len(&group->source))},
				.to = lease->key.to};

			lease_close(warden, lease);
			cuts_add(&warden->cuts, &cut);
		}
}

static void close_group(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	struct lease *lease;

	(void)sandbox;
	for (lease = group->leases; lease; lease = lease->next)
		lease_close(warden, lease);
}

static void cut_source(struct warden *warden, const struct ng_prefix *source)
{
	struct cut cut = {.source = *source};

	cuts_add(&warden->cuts, &cut);
}

/* ---- one change ---- */

static void forget(struct warden *warden, struct sandbox *sandbox, uint32_t tag)
{
	static const struct wall_sandbox nothing;
	struct wall_sandbox was = sandbox->is;

	put_difference(warden, &was, &nothing, true, tag);
	for (size_t i = 0; i < was.n_sources; i++) {
		each_group(warden, &was.sources[i], disown, NULL);
		each_group(warden, &was.sources[i], close_group, NULL);
		cut_source(warden, &was.sources[i]);
	}
	sandboxes_remove(&warden->sandboxes, sandbox);
}

static void settle_sources(struct warden *warden, const struct wall_sandbox *was,
			   struct sandbox *sandbox)
{
	sandbox->leases = 0;
	for (size_t i = 0; i < was->n_sources; i++)
		each_group(warden, &was->sources[i], disown, NULL);
	for (size_t i = 0; i < sandbox->is.n_sources; i++)
		each_group(warden, &sandbox->is.sources[i], own, sandbox);
	for (size_t i = 0; i < was->n_sources; i++) {
		each_group(warden, &was->sources[i], prune, sandbox);
		if (!has_source(&sandbox->is, &was->sources[i]))
			cut_source(warden, &was->sources[i]);
	}
	for (size_t i = 0; i < sandbox->is.n_sources; i++) {
		each_group(warden, &sandbox->is.sources[i], prune, sandbox);
		if (sandbox->is.mode == 0)
			cut_source(warden, &sandbox->is.sources[i]);
	}
}

static int put(struct warden *warden, const struct wall_sandbox *wanted, uint32_t tag)
{
	static const struct wall_sandbox nothing;
	struct sandbox *sandbox = sandboxes_find(&warden->sandboxes, wanted->id);
	struct wall_sandbox was = sandbox ? sandbox->is : nothing;
	int code = sandboxes_check(&warden->sandboxes, wanted);

	if (code != NG_OK)
		return code;
	code = sandboxes_put(&warden->sandboxes, wanted, &sandbox);
	if (code != NG_OK)
		return code;
	put_difference(warden, &was, wanted, true, tag);
	put_difference(warden, wanted, &was, false, tag);
	settle_sources(warden, &was, sandbox);
	return NG_OK;
}

static int begin(struct warden *warden, const struct change *change, uint32_t tag)
{
	struct sandbox *sandbox;

	if (!warden->kernel.ready || warden->dirty)
		return NG_E_KERNEL;
	if (!change->remove)
		return put(warden, &change->wanted, tag);
	sandbox = sandboxes_find(&warden->sandboxes, change->wanted.id);
	if (!sandbox)
		return NG_E_NOTFOUND;
	forget(warden, sandbox, tag);
	return NG_OK;
}

/* ---- many changes ---- */

static void blame(struct warden *warden, struct change *changes, size_t n)
{
	for (size_t i = 0; i < warden->ops.n; i++) {
		const struct op *op = &warden->ops.items[i];

		if (op->error && op->tag < n && changes[op->tag].code == NG_OK)
			changes[op->tag].code = op_code(op->error);
	}
}

/* Takes out again what could not be written whole. */
static void undo(struct warden *warden, struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sandbox *sandbox;

		if (changes[i].code == NG_OK || changes[i].code == NG_E_EXISTS ||
		    changes[i].code == NG_E_NOTFOUND)
			continue;
		sandbox = sandboxes_find(&warden->sandboxes, changes[i].wanted.id);
		say("sandbox %u could not be %s: %s", changes[i].wanted.id,
		    changes[i].remove ? "removed" : "registered, and is shut out",
		    ng_strerror(changes[i].code));
		if (sandbox)
			forget(warden, sandbox, TAG_OTHER);
	}
	if (!ops_settle(warden))
		warden->dirty = true;
	ops_sweep(warden);
}

void enrol(struct warden *warden, struct change *changes, size_t n)
{
	bool well;

	for (size_t i = 0; i < n; i++)
		changes[i].code = begin(warden, &changes[i], (uint32_t)i);
	well = ops_settle(warden);
	if (!well)
		blame(warden, changes, n);
	ops_sweep(warden);
	if (!well) {
		undo(warden, changes, n);
		setup_suspect(warden);
	}
	if (warden->cuts.n && conntrack_cut(&warden->conntrack, &warden->cuts) != NG_OK)
		say("flows of a removed sandbox could not be cut; conntrack -D -s SOURCE cuts "
		    "them by hand");
}

/* ---- all over again ---- */

void enrol_refill(struct warden *warden, struct ops *ops)
{
	static const struct wall_sandbox nothing;
	struct sandbox *sandbox, *next_sandbox;
	struct lease *lease, *next;

	HASH_ITER (hh, warden->sandboxes.by_id, sandbox, next_sandbox) {
		put_difference(warden, &sandbox->is, &nothing, false, TAG_OTHER);
	}
	HASH_ITER (hh, warden->mirror.by_key, lease, next) {
		struct op *op;

		if (lease->until_us <= warden->now_us)
			continue;
		op = op_pair(ops, &lease->key.source, &lease->key.to, lease->key.proto,
			     lease->key.port);
		if (!op)
			return;
		op->tag = TAG_OTHER;
		op->lease = lease;
		op->timeout_ms = kernel_timeout_ms(lease->until_us, warden->now_us);
		lease->wanted_us = lease->until_us;
	}
}
