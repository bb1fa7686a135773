/*
 * Room for one more lease, where a sandbox has as many as it may.
 *
 * The lease that gives way is the one that nobody was promised for longest: the time of every TTL
 * that was handed out with it is over, and so is the grace behind it. What is left is the floor, for
 * clients that use an address longer than they may, or what a flow keeps open, which counts as use
 * and comes last. A lease that is still promised never gives way, so a sandbox that is promised all
 * it may have gets no more.
 *
 * The heap knows each lease by a last use that it once had. That only grows: the one at the top is
 * brought up to date, until the top is.
 */
#include "gate/engine.h"

static uint64_t last_use(const struct lease *lease)
{
	return lease->flow_us > lease->promised_us ? lease->flow_us : lease->promised_us;
}

static struct lease *least_used(struct sandbox *sandbox)
{
	for (;;) {
		struct heap_node *top = heap_top(&sandbox->idle);
		struct lease *lease;

		if (!top)
			return NULL;
		lease = (struct lease *)((char *)top - offsetof(struct lease, idle));
		if (top->at_us == last_use(lease))
			return lease;
		heap_move(&sandbox->idle, top, last_use(lease));
	}
}

static bool full(const struct ng_gate *gate, const struct sandbox *sandbox, uint8_t n)
{
	return sandbox->n_elements + n > gate->settings.limits.leases_sandbox ||
	       gate->n_elements + n > gate->settings.limits.leases;
}

int lease_room(struct ng_gate *gate, struct sandbox *sandbox, uint8_t n)
{
	while (full(gate, sandbox, n)) {
		struct lease *lease = least_used(sandbox);
		struct ng_name name;

		/* What was promised counts from the reply, which may have waited for the kernel. */
		if (!lease || lease->promised_us + COMMIT_BUDGET_US >= gate->now_us)
			return NG_E_FULL;
		name = trail_name(lease->holders[0].trail);
		lease_shut(gate, lease, NG_EVICT, &name);
		lease_record(gate, lease, NG_EVENT_EVICTED, &name);
		gate->counters.evicted++;
		lease_free(gate, lease, NG_E_CLOSED);
	}
	return NG_OK;
}

/* 80 of 100 raise the alarm and 70 end it, so that a number between is not told again and again. */
void leases_crowd(struct ng_gate *gate)
{
	uint64_t hundredths = 100 * gate->n_elements / gate->settings.limits.leases;
	bool crowded = gate->counters.crowded ? hundredths > 70 : hundredths >= 80;
	struct ng_record *record;

	if (crowded == (gate->counters.crowded > 0))
		return;
	gate->counters.crowded = crowded;
	record = &action_add(gate, NG_RECORD)->record;
	record->event = NG_EVENT_CROWDED;
	record->sandbox_name = "";
	record->version = gate->version;
	record->reason =
		word_format(gate,
			    crowded ? "%llu of %u elements are in use"
				    : "only %llu of %u elements are in use again",
			    (unsigned long long)gate->n_elements, gate->settings.limits.leases);
}
