/*
 * What a sandbox has in the kernel, as ops: what tells it apart, where it leaves from, its counters.
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

void enrol_host(struct warden *warden, const struct wall_sandbox *sandbox, bool remove,
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
	put_op(warden, op_identity(&warden->ops, first, interface, source), remove, tag);
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

/* Who asks for all of a wider source: what the limit of its questions is kept for. */
static void put_wide(struct warden *warden, const struct ng_prefix *source, bool remove,
		     uint32_t tag)
{
	const size_t at = warden->ops.n, len = ng_addr_len(&source->addr);

	op_plain(&warden->ops, source->addr.family == NG_IPV4 ? SET_WIDE4 : SET_WIDE6, source,
		 remove, tag);
	if (remove || warden->ops.failed)
		return;
	memcpy(warden->ops.items[at].value + 4, source->addr.bytes, len);
	warden->ops.items[at].value_len = (uint8_t)(4 + len);
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

void enrol_forged(struct warden *warden, const char *interface, uint32_t was, uint32_t is,
		  uint32_t tag)
{
	const uint32_t framed_was = tally_framed(&warden->tally, was) ? was : COUNT_NOBODY;
	const uint32_t framed_is = tally_framed(&warden->tally, is) ? is : COUNT_NOBODY;

	put_counter(warden, COUNT_FORGED, interface, was, is, tag);
	put_counter(warden, COUNT_FRAMES, interface, framed_was, framed_is, tag);
}

uint32_t enrol_alone_on(const struct warden *warden, const char *interface)
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

void enrol_difference(struct warden *warden, const struct wall_sandbox *from,
		      const struct wall_sandbox *to, bool remove, uint32_t tag)
{
	bool same_interface = !strncmp(from->interface, to->interface, NG_IFNAME_MAX) &&
			      !strncmp(from->bridge, to->bridge, NG_IFNAME_MAX);
	bool by_interface = from->who == WALL_BY_INTERFACE;

	if (!by_interface && !same_host(from, to))
		enrol_host(warden, from, remove, tag);
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
		if (!stays && by_interface && !ng_prefix_is_host(source))
			put_wide(warden, source, remove, tag);
		if (from->mode == MODE_OBSERVE && !(stays && to->mode == MODE_OBSERVE)) {
			put_source(warden, SET_OBSERVE4, source, remove, tag);
			put_count(warden, SET_SEEN4, source, from->id, remove, tag);
		}
	}
}
