/*
 * Leases that established flows keep open.
 *
 * A client that pools its connections, or that remembers a name for longer than its TTL, opens new
 * flows to an address that it uses all along. The flow itself outlives its lease, so the address is
 * within reach anyhow; what is kept is that another flow may begin. That is done in steps, so
 * that it ends soon after the last flow has, and has a ceiling, counted from the end that the names
 * gave: a flow that is never closed keeps nothing open for ever.
 */
#include "gate/engine.h"

#define STEP_MOST_US (30u * SECOND_US)

uint64_t ng_flow_step_us(const struct ng_settings *settings)
{
	uint64_t step_us = (uint64_t)settings->lease_min_s * SECOND_US / 2;

	if (step_us < SECOND_US)
		return SECOND_US;
	return step_us < STEP_MOST_US ? step_us : STEP_MOST_US;
}

/* Would policy give it again, for a time that no rule bounds? */
static bool may_keep(const struct ng_gate *gate, const struct lease *lease,
		     const struct holder *holder, struct trail_view *view)
{
	struct ng_bounds bounds;

	trail_read(holder->trail, view);
	return holder_stays(gate, lease, &view->trail, &bounds) && !bounds.lease_max_s;
}

/* The one of them that lasts longest; NULL when there is none. */
static struct holder *keeper(const struct ng_gate *gate, const struct lease *lease)
{
	size_t n;
	struct holder *holders = lease_holders(lease, &n), *found = NULL;
	struct trail_view view;

	for (size_t i = 0; i < n; i++) {
		struct holder *holder = &holders[i];

		if (found && holder->until_us <= found->until_us)
			continue;
		if (may_keep(gate, lease, holder, &view))
			found = holder;
	}
	return found;
}

/* The others hold it as long: a rule that goes leaves it to those that stay. */
static void tell_others(struct ng_gate *gate, struct lease *lease, const struct holder *keeper)
{
	struct trail_view view;
	size_t n;
	struct holder *holders = lease_holders(lease, &n);

	for (size_t i = 0; i < n; i++) {
		struct holder *holder = &holders[i];

		if (holder == keeper || !may_keep(gate, lease, holder, &view))
			continue;
		order_words(gate, lease, &view.trail, NULL, holder->until_us,
			    lease->more->flow_us, &action_add(gate, NG_HOLD)->lease);
		holder->told_us = lease->more->flow_us;
	}
}

static void keep(struct ng_gate *gate, struct lease *lease, struct holder *holder,
		 uint64_t until_us)
{
	const struct ng_name name = trail_name(holder->trail);
	bool first = lease_flow_us(lease) <= lease_longest(lease)->until_us;
	struct trail_view view;

	lease->more->flow_us = until_us;
	book_move(&gate->book, lease);
	trail_read(holder->trail, &view);
	order_send(gate, lease, holder->trail, &view.trail, NULL,
		   &(struct order_wish){
			   .hold_s = (uint32_t)((until_us - gate->now_us) / SECOND_US),
			   .ends_us = holder->until_us,
			   .until_us = until_us,
		   });
	holder->told_us = until_us;
	tell_others(gate, lease, holder);
	if (!first)
		return;
	gate->counters.leases_kept++;
	lease_record(gate, lease, NG_EVENT_LEASE_KEPT, &name);
}

void flow_judge(struct ng_gate *gate, struct lease *lease)
{
	const struct holder *holder = lease_flow_us(lease) ? keeper(gate, lease) : NULL;
	uint64_t most_us = 0;

	if (holder)
		most_us = holder->until_us + (uint64_t)gate->settings.flow_lease_s * SECOND_US;
	if (lease_flow_us(lease) > most_us)
		lease->more->flow_us = most_us;
}

void ng_gate_flows_late(struct ng_gate *gate, uint64_t count)
{
	gate->counters.flow_walks_late += count;
}

/* The lease is wide. */
static void flow_keep(struct ng_gate *gate, struct lease *lease, uint64_t until_us)
{
	struct holder *holder = keeper(gate, lease);
	uint64_t most_us;

	if (!holder)
		return;
	most_us = holder->until_us + (uint64_t)gate->settings.flow_lease_s * SECOND_US;
	if (most_us <= lease_end(lease))
		return;
	if (until_us >= most_us)
		gate->counters.kept_to_ceiling++;
	keep(gate, lease, holder, until_us < most_us ? until_us : most_us);
}

void ng_gate_flow(struct ng_gate *gate, uint64_t now_us, const struct ng_flow *flow)
{
	const struct lease_key key =
		lease_key_of(flow->sandbox, &flow->client, &flow->addr, flow->port);
	struct lease *lease;
	uint64_t until_us;

	actions_begin(gate, now_us);
	leases_tick(gate); /* what has ended by now is kept by nothing */
	lease = book_find(&gate->book, &key);
	if (!lease || !gate->settings.flow_lease_s || gate->warden_lost)
		return;
	until_us = gate->now_us + ng_flow_step_us(&gate->settings);
	if (until_us <= lease_end(lease) || lease_widen(&gate->book, lease))
		return;
	flow_keep(gate, lease, until_us);
	lease_narrow(&gate->book, lease);
}
