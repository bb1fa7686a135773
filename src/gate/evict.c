/*
 * Room for one more lease, where a sandbox has as many as it may.
 *
 * The lease that gives way is the one that nobody was promised for longest: the time of every TTL
 * that was handed out with it is over, and so is the grace behind it. What is left is the floor, for
 * clients that use an address longer than they may, or what a flow keeps open, which counts as use
 * and comes last. A lease that is still promised never gives way, so a sandbox that is promised all
 * it may have gets no more.
 *
 * Who is asked for it first, of a sandbox, has all its leases put in order; from then on they stay so,
 * until the sandbox has none.
 */
#include "gate/engine.h"

static uint64_t last_use(const struct lease *lease)
{
	const uint64_t flow_us = lease_flow_us(lease);

	return flow_us > lease->promised_us ? flow_us : lease->promised_us;
}

int evict_note(const struct ng_gate *gate, struct sandbox *sandbox, const struct lease *lease)
{
	if (!sandbox->idle)
		return NG_OK;
	return idle_put(sandbox->idle, book_reference(&gate->book, lease), last_use(lease));
}

/* All leases of the sandbox into it, when it is asked for the first time. */
static int idle_begin(struct ng_gate *gate, struct sandbox *sandbox)
{
	struct lease *lease = NULL;

	if (sandbox->idle)
		return NG_OK;
	if (idle_make(&sandbox->idle))
		return NG_E_NOMEM;
	while ((lease = lease_after(gate, sandbox, lease))) {
		if (evict_note(gate, sandbox, lease)) {
			idle_free(sandbox->idle);
			sandbox->idle = NULL;
			return NG_E_NOMEM;
		}
	}
	return NG_OK;
}

static struct lease *least_used(struct ng_gate *gate, struct sandbox *sandbox)
{
	uint32_t reference;
	uint64_t at_us;

	if (idle_begin(gate, sandbox))
		return NULL;
	while (idle_top(sandbox->idle, &reference, &at_us)) {
		struct lease *lease = book_at(&gate->book, reference);

		if (at_us == last_use(lease))
			return lease;
		idle_renew(sandbox->idle, last_use(lease));
	}
	return NULL;
}

static bool full(const struct ng_gate *gate, const struct sandbox *sandbox, uint8_t n)
{
	return sandbox->n_elements + n > gate->settings.limits.leases_sandbox ||
	       gate->n_elements + n > gate->settings.limits.leases;
}

int lease_room(struct ng_gate *gate, struct sandbox *sandbox, uint8_t n)
{
	while (full(gate, sandbox, n)) {
		struct lease *lease = least_used(gate, sandbox);
		struct ng_name name;

		/* What was promised counts from the reply, which may have waited for the kernel. */
		if (!lease || lease->promised_us + COMMIT_BUDGET_US >= gate->now_us)
			return NG_E_FULL;
		name = lease_name(lease);
		lease_shut(gate, lease, NG_EVICT, &name);
		lease_record(gate, lease, NG_EVENT_EVICTED, &name);
		gate->counters.evicted++;
		limited(gate, sandbox, NG_LIMIT_EVICTED);
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
