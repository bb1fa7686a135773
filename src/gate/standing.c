/*
 * Leases that stand while the world changes: policy, the warden, the process itself.
 *
 * A lease lives on exactly as long as one of its holders would be answered so again.
 */
#include "gate/engine.h"

#include <stdlib.h>
#include <string.h>

/*
 * Who uses the lease: the one client that it is for, or the sandbox's source number i. A client that
 * no rule can be about, where that source is a range of which another client may have asked.
 */
struct ng_addr lease_client(const struct lease *lease, size_t i)
{
	const struct ng_prefix *source = &lease->sandbox->spec.sources[i];

	if (lease->key.client.family)
		return lease->key.client;
	return ng_prefix_is_host(source) ? source->addr : (struct ng_addr){0};
}

/* A lease for the whole sandbox stays while any of its sources may have it. */
bool holder_stays(const struct ng_gate *gate, const struct lease *lease,
		  const struct ng_trail *trail, struct ng_bounds *bounds)
{
	size_t n = lease->key.client.family ? 1 : lease->sandbox->spec.n_sources;

	for (size_t i = 0; i < n; i++) {
		const struct ng_addr client = lease_client(lease, i);

		if (lease_allowed(gate, lease, trail, &client, bounds))
			return true;
	}
	return false;
}

static void release(struct ng_gate *gate, const struct lease *lease,
		    const struct ng_trail *trail, const struct ng_name *name)
{
	action_add(gate, NG_RELEASE)->lease = (struct ng_lease_order){
		.sandbox = lease->key.sandbox,
		.client = lease->key.client,
		.addr = lease->key.addr,
		.port = lease->key.port,
		.name = word_name(gate, name),
		.rule = "",
		.way = trail_way(trail),
	};
}

/* Takes out the holders that policy no longer allows; false when none is left. */
static bool lease_judge(struct ng_gate *gate, struct lease *lease, struct ng_name *last)
{
	struct trail_view view;
	struct ng_bounds bounds;
	size_t n = 0;

	for (size_t i = 0; i < lease->n_holders; i++) {
		struct holder *holder = &lease->holders[i];

		trail_read(holder->trail, &view);
		if (holder_stays(gate, lease, &view.trail, &bounds)) {
			lease->holders[n++] = *holder;
			continue;
		}
		*last = trail_name(holder->trail);
		release(gate, lease, &view.trail, last);
		trail_release(lease->sandbox, holder->trail);
	}
	lease->n_holders = (uint8_t)n;
	if (n) {
		flow_judge(gate, lease);
		heap_move(&gate->due, &lease->due, lease_end(lease));
	}
	return n > 0;
}

void leases_judge(struct ng_gate *gate, struct sandbox *sandbox)
{
	struct lease *lease, *spare;
	struct ng_name last = {0};

	DL_FOREACH_SAFE (sandbox->leases, lease, spare) {
		if (!lease_judge(gate, lease, &last))
			lease_revoke(gate, lease, &last);
	}
}

/* ---- the warden's comings and goings, and an earlier life ---- */

void ng_gate_warden_lost(struct ng_gate *gate, uint64_t now_us)
{
	struct order *order, *spare;

	actions_begin(gate, now_us);
	gate->warden_lost = true;
	HASH_ITER (hh, gate->orders, order, spare) {
		gate->counters.leases_refused++;
		order_resolve(gate, order, NG_E_CLOSED);
	}
}

void ng_gate_warden_back(struct ng_gate *gate, uint64_t now_us)
{
	struct lease *lease, *spare;
	struct trail_view view;

	actions_begin(gate, now_us);
	leases_tick(gate);
	gate->warden_lost = false;
	HASH_ITER (hh, gate->leases, lease, spare) {
		const uint64_t end_us = lease_end(lease);

		lease->confirmed_us = lease->sure_us = lease->ordered_us = 0;
		trail_read(lease_longest(lease)->trail, &view);
		order_send(gate, lease, (uint32_t)((end_us - gate->now_us) / SECOND_US), end_us,
			   &view.trail, 0);
	}
}

static void table_record(struct ng_gate *gate, enum ng_event event, const char *reason)
{
	struct ng_record *record = &action_add(gate, NG_RECORD)->record;

	record->event = event;
	record->sandbox_name = "";
	record->version = gate->version;
	record->reason = reason;
}

void ng_gate_table_lost(struct ng_gate *gate, uint64_t now_us)
{
	actions_begin(gate, now_us);
	gate->round++;
	table_record(gate, NG_EVENT_TABLE_LOST,
		     "another program has changed the table in the kernel");
}

void ng_gate_table_back(struct ng_gate *gate, uint64_t now_us, uint64_t elements,
			uint32_t took_us)
{
	actions_begin(gate, now_us);
	table_record(gate, NG_EVENT_TABLE_BACK,
		     word_format(gate, "rebuilt with %llu open addresses in %u.%u ms",
				 (unsigned long long)elements, took_us / 1000,
				 took_us / 100 % 10));
}

/* The names in lower case, and the address among those of the answer. */
static struct ng_trail trail_adopted(const struct ng_trail *from, const struct ng_addr *addr,
				     struct ng_name names[static NG_CHAIN_MAX + 1])
{
	struct ng_trail trail = *from;

	for (size_t i = 0; i < from->n_names; i++) {
		names[i] = from->names[i];
		ng_name_lower(&names[i]);
	}
	trail.names = names;
	if (!trail.n_addrs) {
		trail.addrs = addr;
		trail.n_addrs = 1;
	}
	return trail;
}

int ng_gate_adopt(struct ng_gate *gate, uint64_t now_us, uint32_t id,
		  const struct ng_addr *client, const struct ng_addr *addr,
		  const struct ng_port *port, const struct ng_trail *from, uint64_t until_us,
		  uint64_t ends_us)
{
	const struct lease_key key = lease_key_of(id, client, addr, *port);
	struct sandbox *sandbox = directory_by_id(&gate->directory, id);
	struct ng_name names[NG_CHAIN_MAX + 1];
	struct trail *shared = NULL;
	struct holder *holder;
	struct ng_trail trail;
	struct lease *lease;
	int error;

	actions_begin(gate, now_us);
	if (!sandbox || (client->family && !sandbox_source(sandbox, client)))
		return NG_E_NOTFOUND;
	if (!from->n_names || from->n_names > NG_CHAIN_MAX + 1 || from->local > from->n_names ||
	    (from->replaces && !from->local))
		return NG_E_RANGE;
	if (until_us <= gate->now_us)
		return NG_OK;
	trail = trail_adopted(from, addr, names);
	error = lease_hold(gate, sandbox, &key, &trail, &shared, ends_us ? ends_us : until_us,
			   &lease, &holder);
	trail_release(sandbox, shared);
	if (error)
		return error;
	holder->told_us = until_us;
	if (ends_us && until_us > lease->flow_us)
		lease->flow_us = until_us;
	heap_move(&gate->due, &lease->due, lease_end(lease));
	if (!ends_us)
		ends_us = until_us;
	if (ends_us > lease->promised_us) /* what that life promised is not known */
		lease->promised_us = ends_us;
	return NG_OK;
}

void ng_gate_adopted(struct ng_gate *gate, uint64_t now_us)
{
	struct sandbox *sandbox, *spare;

	actions_begin(gate, now_us);
	HASH_ITER (hh, gate->directory.by_id, sandbox, spare) {
		leases_judge(gate, sandbox);
	}
}

bool ng_gate_lease_at(const struct ng_gate *gate, uint64_t *cursor, struct ng_lease_view *out)
{
	const struct lease *lease;
	uint64_t until_us;

	if (*cursor >= gate->due.n)
		return false;
	lease = (const struct lease *)((const char *)gate->due.nodes[*cursor] -
				       offsetof(struct lease, due));
	until_us = lease_end(lease);
	(*cursor)++;
	*out = (struct ng_lease_view){
		.sandbox = lease->key.sandbox,
		.client = lease->key.client,
		.addr = lease->key.addr,
		.port = lease->key.port,
		.name = trail_name(lease_longest(lease)->trail),
		.until_us = lease->confirmed_us && lease->confirmed_us < until_us
				    ? lease->confirmed_us
				    : until_us,
		.kept_us = lease->flow_us == until_us ? lease_longest(lease)->until_us : 0,
		.confirmed = lease->confirmed_us > 0,
	};
	return true;
}
