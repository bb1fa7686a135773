/*
 * Sandboxes come, change and go: the difference between what is wanted and what is there, as ops.
 *
 * Many changes are committed in one batch. A sandbox that could not be written whole is shut out:
 * better none than half of one. One with an interface is taken out again, which closes it. Processes
 * of the host are free when nothing tells them apart: so what tells them apart is committed first, in
 * a batch of its own, and stands without any rights when those are refused. Only a removal takes it
 * out. Removal is final for us whatever the kernel says; should it refuse, the table is rebuilt
 * without the sandbox.
 */
#include "warden/warden.h"

#include <string.h>

/* ---- one change ---- */

static const struct wall_sandbox nobody;
static const struct statics nothing;
static const struct rights no_rights = {&nobody, &nothing};

static void forget(struct warden *warden, struct sandbox *sandbox, uint32_t tag)
{
	struct wall_sandbox was = sandbox->is;
	struct rights rights = {&was, &sandbox->statics};
	uint32_t had = enrol_alone_on(warden, was.interface);

	enrol_difference(warden, &was, &nobody, true, tag);
	(void)!bridge_move(warden, &was, &nobody, tag);
	fixed_ranges(warden, &rights, &no_rights, true, tag);
	enrol_close(warden, &was);
	sandboxes_remove(&warden->sandboxes, sandbox);
	enrol_forged(warden, was.interface, had, enrol_alone_on(warden, was.interface), tag);
	tally_forget(&warden->tally, was.id, &warden->ops, tag);
}

/* It is new, and no earlier life of ours knew it: what it began by then was judged by nobody. */
static void cut_earlier(struct warden *warden, const struct wall_sandbox *sandbox)
{
	if (warden->declared.n || sandbox->who != WALL_BY_INTERFACE)
		return;
	for (size_t i = 0; i < sandbox->n_sources; i++)
		enrol_cut(warden, &sandbox->sources[i], true);
}

/* The kernel's side of a sandbox that has changed from what it was. */
static int put_rights(struct warden *warden, const struct rights *was, struct sandbox *sandbox,
		      uint32_t tag)
{
	struct rights is = {&sandbox->is, &sandbox->statics};
	size_t left;
	int code;

	enrol_difference(warden, was->sandbox, is.sandbox, true, tag);
	fixed_ranges(warden, was, &is, true, tag);
	code = bridge_move(warden, was->sandbox, is.sandbox, tag);
	left = warden->leftovers.n;
	enrol_difference(warden, is.sandbox, was->sandbox, false, tag);
	if (!was->sandbox->n_sources && warden->leftovers.n == left)
		cut_earlier(warden, is.sandbox);
	fixed_ranges(warden, &is, was, false, tag);
	leftovers_purge(&warden->leftovers, is.sandbox, &warden->ops, &warden->cuts);
	fixed_pairs(warden, sandbox, tag);
	enrol_settle(warden, was->sandbox, sandbox);
	return warden->ops.failed ? NG_E_NOMEM : code;
}

/* Would the rules that stand know its packets? Those of an operator's own ruleset know addresses. */
static bool has_rules(const struct warden *warden, const struct wall_sandbox *wanted)
{
	const struct wall_table *table = &warden->kernel.table;

	if (warden->declared.n)
		return wanted->who == WALL_BY_INTERFACE;
	switch (wanted->who) {
	case WALL_BY_UID:
		return table->hosts & WALL_HOST_UID;
	case WALL_BY_CGROUP:
		return table->hosts & WALL_HOST_LEVEL(wanted->level);
	case WALL_BY_NAMESPACE:
		return table->hosts & WALL_HOST_SIDECAR;
	default:
		return true;
	}
}

static int put(struct warden *warden, struct change *change, uint32_t tag)
{
	const struct wall_sandbox *wanted = &change->wanted;
	struct sandbox *sandbox = sandboxes_find(&warden->sandboxes, wanted->id);
	struct wall_sandbox was = sandbox ? sandbox->is : nobody;
	struct statics had = {0};
	struct rights rights = {&was, &had};
	uint32_t left = enrol_alone_on(warden, was.interface);
	uint32_t met = enrol_alone_on(warden, wanted->interface);
	int code = sandboxes_check(&warden->sandboxes, wanted);

	if (code == NG_OK && !has_rules(warden, wanted))
		code = NG_E_UNSUPPORTED;
	if (code == NG_OK)
		code = bridge_admit(warden, &was, wanted);
	if (code == NG_OK)
		code = statics_settle(&change->statics);
	change->unchanged = code != NG_OK;
	if (code == NG_OK)
		code = tally_enrol(&warden->tally, wanted->id, wanted->bridge[0],
				   warden->now_us, &warden->ops);
	if (code == NG_OK)
		code = sandboxes_put(&warden->sandboxes, wanted, &sandbox);
	if (code != NG_OK)
		return code;
	had = sandbox->statics;
	sandbox->statics = change->statics;
	change->statics = (struct statics){0};
	if (wanted->mode == MODE_LOCKDOWN)
		sandbox->statics.n = 0;
	code = put_rights(warden, &rights, sandbox, tag);
	if (strncmp(was.interface, wanted->interface, NG_IFNAME_MAX) != 0)
		enrol_forged(warden, was.interface, left, enrol_alone_on(warden, was.interface),
			     tag);
	enrol_forged(warden, wanted->interface, met, enrol_alone_on(warden, wanted->interface),
		     tag);
	statics_finish(&had);
	return code;
}

/* A sandbox of the host's processes, which the rules that stand can tell apart. */
static bool can_hold(const struct warden *warden, const struct change *change)
{
	return !change->remove && change->wanted.who != WALL_BY_INTERFACE &&
	       warden->kernel.ready && !warden->dirty && has_rules(warden, &change->wanted) &&
	       sandboxes_check(&warden->sandboxes, &change->wanted) == NG_OK;
}

static int begin(struct warden *warden, struct change *change, uint32_t tag)
{
	struct sandbox *sandbox;

	if (!warden->kernel.ready || warden->dirty)
		return NG_E_KERNEL;
	if (!change->remove && change->wanted.mode == MODE_LOCKDOWN)
		adopt_whole(warden, "a sandbox is locked down");
	if (!change->remove)
		return put(warden, change, tag);
	sandbox = sandboxes_find(&warden->sandboxes, change->wanted.id);
	change->unchanged = !sandbox;
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

/* Ahead of all rights, so that no full set and no bad element can leave the processes free. */
static void hold_first(struct warden *warden, struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (can_hold(warden, &changes[i]))
			enrol_host(warden, &changes[i].wanted, false, TAG_OTHER);
	if (!warden->ops.n)
		return;
	if (!ops_settle(warden)) /* tried again with the rights, and told then */
		setup_suspect(warden);
	ops_sweep(warden);
}

/* Its processes are told apart, and nothing is open to them. */
static void shut(struct warden *warden, struct change *change, uint32_t tag)
{
	struct change closed = {.wanted = change->wanted};

	closed.wanted.mode = MODE_LOCKDOWN;
	closed.wanted.flags = 0;
	closed.wanted.n_opened = 0;
	memset(closed.wanted.snat, 0, sizeof(closed.wanted.snat));
	change->held = begin(warden, &closed, tag) == NG_OK;
	enrol_host(warden, &closed.wanted, false, tag);
}

/* Refused with the sandbox as it was before, or with none that could be left half? */
static bool is_settled(const struct warden *warden, const struct change *change)
{
	return change->code == NG_OK ||
	       (change->unchanged && (!can_hold(warden, change) ||
				      sandboxes_find(&warden->sandboxes, change->wanted.id)));
}

static void say_undone(const struct change *change)
{
	say("sandbox %u could not be %s: %s", change->wanted.id,
	    change->remove ? "removed" : "registered, and is shut out",
	    change->code == NG_E_UNSUPPORTED
		    ? "none of the declared sets takes what its rules open by address"
		    : ng_strerror(change->code));
}

/* Shuts out what could not be written whole. */
static void undo(struct warden *warden, struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sandbox *sandbox;

		if (is_settled(warden, &changes[i]))
			continue;
		sandbox = sandboxes_find(&warden->sandboxes, changes[i].wanted.id);
		say_undone(&changes[i]);
		if (can_hold(warden, &changes[i]))
			shut(warden, &changes[i], (uint32_t)i);
		else if (sandbox && sandbox->is.who == WALL_BY_INTERFACE)
			forget(warden, sandbox, TAG_OTHER);
	}
	if (!ops_settle(warden))
		warden->dirty = true;
	for (size_t i = 0; i < warden->ops.n; i++)
		if (warden->ops.items[i].error && warden->ops.items[i].tag < n)
			changes[warden->ops.items[i].tag].held = false;
	ops_sweep(warden);
}

static bool any_refused(const struct warden *warden, const struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].code != NG_OK && can_hold(warden, &changes[i]) &&
		    !is_settled(warden, &changes[i]))
			return true;
	return false;
}

static void cut(struct warden *warden)
{
	uint64_t start_us = warden_clock_us();

	if (warden->cuts.n && conntrack_cut(&warden->conntrack, &warden->cuts) != NG_OK)
		say("flows of a removed sandbox could not be cut; conntrack -D -s SOURCE cuts "
		    "them by hand");
	warden->cutting_us = warden_clock_us() - start_us;
}

void enrol(struct warden *warden, struct change *changes, size_t n)
{
	bool well;

	hold_first(warden, changes, n);
	bridge_look(warden);
	for (size_t i = 0; i < n; i++) {
		changes[i].code = begin(warden, &changes[i], (uint32_t)i);
		statics_finish(&changes[i].statics);
	}
	well = ops_settle(warden);
	if (!well)
		blame(warden, changes, n);
	ops_sweep(warden);
	if (!well || any_refused(warden, changes, n))
		undo(warden, changes, n);
	if (!well)
		setup_suspect(warden);
	cut(warden);
}

/* ---- all over again ---- */

static void refill_leases(struct warden *warden, struct ops *ops, enum ng_family family,
			  bool ported)
{
	struct lease *lease = NULL;

	while ((lease = mirror_next(&warden->mirror, lease))) {
		const struct group *group = mirror_group_of(&warden->mirror, lease);
		struct op *op;

		if (lease->until_us <= warden->now_us || (lease->proto != 0) != ported ||
		    group->source.family != family)
			continue;
		op = lease_op(warden, lease, ops);
		if (!op)
			return;
		op->tag = TAG_OTHER;
		op->lease = lease;
		if (lease->until_us != FOREVER)
			op->timeout_ms = kernel_timeout_ms(lease->until_us, warden->now_us);
		op->until_us = lease->until_us;
	}
}

void enrol_refill(struct warden *warden, struct ops *ops)
{
	struct sandbox *sandbox, *next_sandbox;

	ports_refill(&warden->ports, ops);
	HASH_ITER (hh, warden->sandboxes.by_id, sandbox, next_sandbox) {
		struct rights rights = {&sandbox->is, &sandbox->statics};

		enrol_difference(warden, &sandbox->is, &nobody, false, TAG_OTHER);
		fixed_ranges(warden, &rights, &no_rights, false, TAG_OTHER);
		if (enrol_alone_on(warden, sandbox->is.interface) == sandbox->is.id)
			enrol_forged(warden, sandbox->is.interface, COUNT_NOBODY,
				     sandbox->is.id, TAG_OTHER);
	}
	/* One set after the other: elements that follow each other in one share messages. */
	for (int set = 0; set < 4; set++)
		refill_leases(warden, ops, set & 1 ? NG_IPV6 : NG_IPV4, set & 2);
}
