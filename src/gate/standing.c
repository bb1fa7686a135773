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
struct ng_addr lease_client(const struct ng_gate *gate, const struct lease *lease, size_t i)
{
	const struct sandbox *sandbox = lease_sandbox(&gate->book, lease);
	const struct ng_prefix *source = &sandbox->spec.sources[i];

	const struct ng_addr alone = lease_alone(lease);

	if (alone.family)
		return alone;
	return ng_prefix_is_host(source) ? source->addr : (struct ng_addr){0};
}

/* A lease for the whole sandbox stays while any of its sources may have it. */
bool holder_stays(const struct ng_gate *gate, const struct lease *lease,
		  const struct ng_trail *trail, struct ng_bounds *bounds)
{
	size_t n = lease_alone(lease).family
			   ? 1
			   : lease_sandbox(&gate->book, lease)->spec.n_sources;

	for (size_t i = 0; i < n; i++) {
		const struct ng_addr client = lease_client(gate, lease, i);

		if (lease_allowed(gate, lease, trail, &client, bounds))
			return true;
	}
	return false;
}

/* Takes out the holders that policy no longer allows; false, and all are left, when it allows none. */
static bool lease_judge(struct ng_gate *gate, struct lease *lease, struct ng_name *last)
{
	struct trail_view view;
	struct ng_bounds bounds;
	bool stays[NG_HOLDERS_MAX];
	size_t n = 0, n_before;
	struct holder *holders = lease_holders(lease, &n_before);

	for (size_t i = 0; i < n_before; i++) {
		trail_read(holders[i].trail, &view);
		stays[i] = holder_stays(gate, lease, &view.trail, &bounds);
		n += stays[i];
		if (!stays[i])
			*last = trail_name(holders[i].trail);
	}
	if (!n)
		return false;
	n = 0;
	for (size_t i = 0; i < n_before; i++) {
		if (stays[i]) {
			holders[n++] = holders[i];
			continue;
		}
		holder_release(gate, lease, holders[i].trail);
		trail_release(gate, lease_sandbox(&gate->book, lease), holders[i].trail);
	}
	lease_holders_cut(lease, n);
	flow_judge(gate, lease);
	book_move(&gate->book, lease);
	lease_narrow(&gate->book, lease);
	return true;
}

void leases_judge(struct ng_gate *gate, struct sandbox *sandbox)
{
	struct lease *lease, *next;
	struct ng_name last = {0};

	for (lease = lease_after(gate, sandbox, NULL); lease; lease = next) {
		next = lease_after(gate, sandbox, lease);
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
	DL_FOREACH_SAFE2(gate->orders, order, spare, newer)
	{
		gate->counters.leases_refused++;
		order_resolve(gate, order, NG_E_CLOSED);
	}
}

static void order_again(struct ng_gate *gate, struct lease *lease)
{
	const uint64_t end_us = lease_end(lease);
	struct trail_view view;

	lease_doubt(lease);
	lease->confirmed_us = 0;
	trail_read(lease_longest(lease)->trail, &view);
	order_send(gate, lease, lease_longest(lease)->trail, &view.trail, NULL,
		   &(struct order_wish){
			   .hold_s = (uint32_t)((end_us - gate->now_us) / SECOND_US),
			   .ends_us = lease_longest(lease)->until_us,
			   .until_us = end_us,
		   });
}

void ng_gate_warden_back(struct ng_gate *gate, uint64_t now_us)
{
	struct sandbox *sandbox, *spare;

	actions_begin(gate, now_us);
	leases_tick(gate);
	gate->warden_lost = false;
	HASH_ITER (hh, gate->directory.by_id, sandbox, spare) {
		struct lease *lease = NULL;

		while ((lease = lease_after(gate, sandbox, lease)))
			order_again(gate, lease);
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
	struct lease *lease;
	size_t cursor = 0;

	actions_begin(gate, now_us);
	while ((lease = book_each(&gate->book, &cursor)))
		lease_doubt(lease);
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
	trail_release(gate, sandbox, shared);
	if (error)
		return error;
	holder->told_us = until_us;
	if (ends_us && until_us > lease_flow_us(lease)) {
		if (lease_widen(&gate->book, lease))
			return NG_E_NOMEM;
		lease->more->flow_us = until_us;
		book_move(&gate->book, lease);
	}
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
	size_t place = (size_t)*cursor;
	const struct lease *lease = book_each(&gate->book, &place);
	struct lease_key key;
	uint64_t until_us;

	if (!lease)
		return false;
	key = lease_key(&gate->book, lease);
	until_us = lease_end(lease);
	*cursor = place;
	*out = (struct ng_lease_view){
		.sandbox = key.sandbox,
		.client = key.client,
		.addr = key.addr,
		.port = key.port,
		.name = trail_name(lease_longest(lease)->trail),
		.until_us = lease->confirmed_us && lease->confirmed_us < until_us
				    ? lease->confirmed_us
				    : until_us,
		.kept_us =
			lease_flow_us(lease) == until_us ? lease_longest(lease)->until_us : 0,
		.confirmed = lease->confirmed_us > 0,
	};
	return true;
}
