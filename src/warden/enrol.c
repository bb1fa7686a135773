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
#include "base/token.h"
#include "warden/warden.h"

#include <string.h>

void claim_last(struct warden *warden)
{
	struct op copy;

	if (!warden->leftovers.n || !warden->ops.n)
		return;
	copy = warden->ops.items[warden->ops.n - 1];
	warden->ops.n--; /* what it overlaps goes before it */
	leftovers_claim(&warden->leftovers, &copy, &warden->ops);
	(void)op_append(&warden->ops, &copy);
}

/* In one of the four sets that begin there, which hold sources alone. */
static void put_source(struct warden *warden, enum set_id first, const struct ng_prefix *source,
		       bool remove, uint32_t tag)
{
	op_plain(&warden->ops, set_for(first, source), source, remove, tag);
	if (ng_prefix_is_host(source) && !remove)
		claim_last(warden);
}

static void put_op(struct warden *warden, struct op *op, bool remove, uint32_t tag)
{
	if (!op)
		return;
	op->remove = remove;
	op->tag = tag;
	if (!remove)
		claim_last(warden);
}

/* One way in which it is told: to which label, and flows with that label. */
static void put_way(struct warden *warden, enum set_id set, const void *key,
		    const uint8_t *label, bool remove, uint32_t tag)
{
	const size_t len = set_shapes[set].key_len;
	enum set_id flows = set - SET_HOST_UID + SET_HOST_UID_FLOW;
	uint8_t flow[KEY_MAX] = {0};
	struct op *op = op_octets(&warden->ops, set, key, (uint8_t)len);

	if (op && !remove) {
		op->value_len = TOKEN_LABEL;
		memcpy(op->value, label, TOKEN_LABEL);
	}
	put_op(warden, op, remove, tag);
	memcpy(flow, label + TOKEN_AT4, 4);
	memcpy(flow + 4, key, len);
	put_op(warden, op_octets(&warden->ops, flows, flow, set_shapes[flows].key_len), remove,
	       tag);
}

static void put_host(struct warden *warden, const struct wall_sandbox *sandbox, bool remove,
		     uint32_t tag)
{
	static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
	uint8_t label[TOKEN_LABEL];

	token_label(sandbox->sources, label);
	if (sandbox->who == WALL_BY_UID)
		put_way(warden, SET_HOST_UID, &sandbox->uid, label, remove, tag);
	if (sandbox->who == WALL_BY_CGROUP)
		put_way(warden, SET_HOST_CGROUP, &sandbox->cgroup, label, remove, tag);
	for (size_t i = 0; sandbox->who == WALL_BY_NAMESPACE && i < sizeof(families); i++)
		put_way(warden, SET_HOST_SIDECAR, &families[i], label, remove, tag);
	put_op(warden, op_octets(&warden->ops, SET_HOST_LABEL, label, TOKEN_LABEL), remove,
	       tag);
}

static bool same_host(const struct wall_sandbox *a, const struct wall_sandbox *b)
{
	return a->who == b->who && a->uid == b->uid && a->cgroup == b->cgroup;
}

static void put_link(struct warden *warden, enum set_id first, const char *interface,
		     const struct ng_prefix *source, bool remove, uint32_t tag)
{
	struct op *op = op_identity(&warden->ops, first, interface, source);

	if (!op)
		return;
	op->remove = remove;
	op->tag = tag;
	if (!remove)
		claim_last(warden);
}

static void put_identity(struct warden *warden, const struct wall_sandbox *sandbox,
			 const struct ng_prefix *source, bool remove, uint32_t tag)
{
	if (!sandbox->interface[0]) {
		put_source(warden, SET_ANY4, source, remove, tag);
		return;
	}
	if (!sandbox->bridge[0]) {
		put_link(warden, SET_SBX4, sandbox->interface, source, remove, tag);
		return;
	}
	put_link(warden, SET_SBX4, sandbox->bridge, source, remove, tag);
	put_link(warden, SET_PORT4, sandbox->interface, source, remove, tag);
}

/* The address it leaves with, of the family of that source; none: the host's, or its own. */
static const struct ng_addr *snat_of(const struct wall_sandbox *sandbox,
				     const struct ng_prefix *source)
{
	return &sandbox->snat[source->addr.family == NG_IPV6];
}

static void put_snat(struct warden *warden, const struct wall_sandbox *sandbox,
		     const struct ng_prefix *source, bool remove, uint32_t tag)
{
	op_mapped(&warden->ops, set_for(SET_SNAT4, source), source, snat_of(sandbox, source),
		  remove, tag);
	if (ng_prefix_is_host(source) && !remove)
		claim_last(warden);
}

static void put_count(struct warden *warden, enum set_id first, const struct ng_prefix *source,
		      uint32_t sandbox, bool remove, uint32_t tag)
{
	size_t at = warden->ops.n;

	op_plain(&warden->ops, set_for(first, source), source, remove, tag);
	if (remove || warden->ops.failed)
		return;
	op_count_value(&warden->ops.items[at], sandbox,
		       first == SET_SEEN4 ? COUNT_OBSERVED : COUNT_REFUSED);
	if (ng_prefix_is_host(source))
		claim_last(warden);
}

/* The interface's counter was that of one sandbox, or nobody's, and is to be another's. */
static void put_counter(struct warden *warden, enum count_kind kind, const char *interface,
			uint32_t was, uint32_t is, uint32_t tag)
{
	const enum set_id set = kind == COUNT_FRAMES ? SET_FRAMES : SET_FORGED;
	uint8_t key[NG_IFNAME_MAX] = {0};
	struct op *op;

	if (was == is)
		return;
	memcpy(key, interface, strnlen(interface, NG_IFNAME_MAX));
	op = was != COUNT_NOBODY ? op_octets(&warden->ops, set, key, sizeof(key)) : NULL;
	if (op) {
		op->remove = true;
		op->tag = tag;
	}
	op = is != COUNT_NOBODY ? op_octets(&warden->ops, set, key, sizeof(key)) : NULL;
	if (!op)
		return;
	op->tag = tag;
	op_count_value(op, is, kind);
	claim_last(warden);
}

static void put_forged(struct warden *warden, const char *interface, uint32_t was, uint32_t is,
		       uint32_t tag)
{
	const uint32_t framed_was = tally_framed(&warden->tally, was) ? was : COUNT_NOBODY;
	const uint32_t framed_is = tally_framed(&warden->tally, is) ? is : COUNT_NOBODY;

	put_counter(warden, COUNT_FORGED, interface, was, is, tag);
	put_counter(warden, COUNT_FRAMES, interface, framed_was, framed_is, tag);
}

static uint32_t alone_on(const struct warden *warden, const char *interface)
{
	const struct sandbox *sandbox = sandboxes_alone(&warden->sandboxes, interface);

	return sandbox ? sandbox->is.id : COUNT_NOBODY;
}

bool has_source(const struct wall_sandbox *sandbox, const struct ng_prefix *source)
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
	bool same_interface = !strncmp(from->interface, to->interface, NG_IFNAME_MAX) &&
			      !strncmp(from->bridge, to->bridge, NG_IFNAME_MAX);
	bool by_interface = from->who == WALL_BY_INTERFACE;

	if (!by_interface && !same_host(from, to))
		put_host(warden, from, remove, tag);
	for (size_t i = 0; i < from->n_sources; i++) {
		const struct ng_prefix *source = &from->sources[i];
		bool stays = has_source(to, source);

		if (by_interface && (!stays || !same_interface))
			put_identity(warden, from, source, remove, tag);
		if ((from->flags & WALL_MASQUERADE) &&
		    !(stays && (to->flags & WALL_MASQUERADE)))
			put_source(warden, SET_MASQ4, source, remove, tag);
		if (snat_of(from, source)->family &&
		    !(stays && ng_addr_equal(snat_of(from, source), snat_of(to, source))))
			put_snat(warden, from, source, remove, tag);
		if (!stays)
			put_count(warden, SET_REFUSED4, source, from->id, remove, tag);
		if (from->mode == MODE_OBSERVE && !(stays && to->mode == MODE_OBSERVE)) {
			put_source(warden, SET_OBSERVE4, source, remove, tag);
			put_count(warden, SET_SEEN4, source, from->id, remove, tag);
		}
	}
}

/* ---- the leases of a prefix ---- */

typedef void group_fn(struct warden *warden, struct group *group, struct sandbox *sandbox);

static void each_group(struct warden *warden, const struct ng_prefix *source, group_fn *act,
		       struct sandbox *sandbox)
{
	struct group *group;

	if (ng_prefix_is_host(source)) {
		group = mirror_group(&warden->mirror, &source->addr);
		if (group)
			act(warden, group, sandbox);
		return;
	}
	for (group = mirror_next_group(&warden->mirror, NULL); group;
	     group = mirror_next_group(&warden->mirror, group))
		if (ng_prefix_contains(source, &group->source))
			act(warden, group, sandbox);
}

static void disown(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	(void)warden;
	(void)sandbox;
	group->owner = NULL;
}

static void own(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	const struct lease *lease = NULL;

	group->owner = sandbox;
	while ((lease = mirror_next_of(&warden->mirror, group, lease)))
		sandbox->leases++;
}

static bool is_static(const struct sandbox *sandbox, const struct lease_key *key)
{
	struct wall_static item = {
		.prefix = {.addr = key->to, .bits = (uint8_t)(8 * ng_addr_len(&key->to))},
		.proto = key->proto,
		.port = key->port};

	return statics_has(&sandbox->statics, &item);
}

/* May the sandbox as it is now keep this one? */
static bool stays(struct warden *warden, struct lease *lease, const struct sandbox *sandbox)
{
	const struct lease_key key = mirror_key(&warden->mirror, lease);
	const struct wall_sandbox *is = &sandbox->is;
	bool leasable = is->mode != MODE_LOCKDOWN &&
			ng_addr_openable(&key.to, is->opened, is->n_opened);

	if (!lease->fixed)
		return leasable;
	return is_static(sandbox, &key) || (leasable && fixed_fall_back(warden, lease));
}

static void prune(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	const uint8_t bits = (uint8_t)(8 * ng_addr_len(&group->source));
	struct lease *lease = NULL;

	while ((lease = mirror_next_of(&warden->mirror, group, lease))) {
		const struct lease_key key = mirror_key(&warden->mirror, lease);
		struct cut cut = {.source = {.addr = key.source, .bits = bits},
				  .to = {.addr = key.to, .bits = bits},
				  .proto = key.proto,
				  .port = key.port,
				  .weigh = true};

		if (group->owner && stays(warden, lease, sandbox))
			continue;
		lease->fixed = false;
		lease_close(warden, lease);
		cuts_add(&warden->cuts, &cut);
	}
}

static void close_group(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	struct lease *lease = NULL;

	(void)sandbox;
	while ((lease = mirror_next_of(&warden->mirror, group, lease))) {
		lease->fixed = false;
		lease_close(warden, lease);
	}
}

static void cut_source(struct warden *warden, const struct ng_prefix *source, bool weigh)
{
	struct cut cut = {.source = *source, .weigh = weigh};

	cuts_add(&warden->cuts, &cut);
}

/* ---- one change ---- */

static const struct wall_sandbox nobody;
static const struct statics nothing;
static const struct rights no_rights = {&nobody, &nothing};

static void forget(struct warden *warden, struct sandbox *sandbox, uint32_t tag)
{
	struct wall_sandbox was = sandbox->is;
	struct rights rights = {&was, &sandbox->statics};
	uint32_t had = alone_on(warden, was.interface);

	put_difference(warden, &was, &nobody, true, tag);
	(void)!bridge_move(warden, &was, &nobody, tag);
	fixed_ranges(warden, &rights, &no_rights, true, tag);
	for (size_t i = 0; i < was.n_sources; i++) {
		each_group(warden, &was.sources[i], disown, NULL);
		each_group(warden, &was.sources[i], close_group, NULL);
		cut_source(warden, &was.sources[i], false);
	}
	sandboxes_remove(&warden->sandboxes, sandbox);
	put_forged(warden, was.interface, had, alone_on(warden, was.interface), tag);
	tally_forget(&warden->tally, was.id, &warden->ops, tag);
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
			cut_source(warden, &was->sources[i], false);
	}
	for (size_t i = 0; i < sandbox->is.n_sources; i++) {
		each_group(warden, &sandbox->is.sources[i], prune, sandbox);
		/* What passed unleased stops passing; in lockdown nothing is spared. */
		if (sandbox->is.mode == MODE_LOCKDOWN ||
		    (was->mode == MODE_OBSERVE && sandbox->is.mode != MODE_OBSERVE))
			cut_source(warden, &sandbox->is.sources[i],
				   sandbox->is.mode != MODE_LOCKDOWN);
	}
}

void enrol_prune(struct warden *warden)
{
	struct sandbox *sandbox, *next;

	HASH_ITER (hh, warden->sandboxes.by_id, sandbox, next) {
		settle_sources(warden, &sandbox->is, sandbox);
	}
}

/* It is new, and no earlier life of ours knew it: what it began by then was judged by nobody. */
static void cut_earlier(struct warden *warden, const struct wall_sandbox *sandbox)
{
	if (warden->declared.n || sandbox->who != WALL_BY_INTERFACE)
		return;
	for (size_t i = 0; i < sandbox->n_sources; i++)
		cut_source(warden, &sandbox->sources[i], true);
}

/* The kernel's side of a sandbox that has changed from what it was. */
static int put_rights(struct warden *warden, const struct rights *was, struct sandbox *sandbox,
		      uint32_t tag)
{
	struct rights is = {&sandbox->is, &sandbox->statics};
	size_t left;
	int code;

	put_difference(warden, was->sandbox, is.sandbox, true, tag);
	fixed_ranges(warden, was, &is, true, tag);
	code = bridge_move(warden, was->sandbox, is.sandbox, tag);
	left = warden->leftovers.n;
	put_difference(warden, is.sandbox, was->sandbox, false, tag);
	if (!was->sandbox->n_sources && warden->leftovers.n == left)
		cut_earlier(warden, is.sandbox);
	fixed_ranges(warden, &is, was, false, tag);
	leftovers_purge(&warden->leftovers, is.sandbox, &warden->ops, &warden->cuts);
	fixed_pairs(warden, sandbox, tag);
	settle_sources(warden, was->sandbox, sandbox);
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
	uint32_t left = alone_on(warden, was.interface);
	uint32_t met = alone_on(warden, wanted->interface);
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
		put_forged(warden, was.interface, left, alone_on(warden, was.interface), tag);
	put_forged(warden, wanted->interface, met, alone_on(warden, wanted->interface), tag);
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
			put_host(warden, &changes[i].wanted, false, TAG_OTHER);
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
	put_host(warden, &closed.wanted, false, tag);
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

		put_difference(warden, &sandbox->is, &nobody, false, TAG_OTHER);
		fixed_ranges(warden, &rights, &no_rights, false, TAG_OTHER);
		if (alone_on(warden, sandbox->is.interface) == sandbox->is.id)
			put_forged(warden, sandbox->is.interface, COUNT_NOBODY, sandbox->is.id,
				   TAG_OTHER);
	}
	/* One set after the other: elements that follow each other in one share messages. */
	for (int set = 0; set < 4; set++)
		refill_leases(warden, ops, set & 1 ? NG_IPV6 : NG_IPV4, set & 2);
}
