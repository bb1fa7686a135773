/*
 * The name of an address that the asking sandbox holds open now (PTR): so that logs and tools inside of it
 * read well. It is told what it was told before, nothing leaves and nothing opens. A denial of policy, or
 * its own data, comes first; for all other addresses the question goes its usual way.
 */
#include "gate/engine.h"

#include <namegate/special.h>

/* By the name that had the address last: its rule says at which ports a lease may stand. */
static const struct lease *standing(const struct ng_gate *gate, const struct told *told,
				    const struct ng_addr *addr)
{
	const struct sandbox *sandbox = told->sandbox;
	struct ng_name name;
	const struct ng_subject subject = {.names = &name, .n_names = 1, .client = &told->from};
	const struct lease *lease =
		lease_at(gate, sandbox, &told->from, addr, (struct ng_port){0});
	struct ng_bounds bounds = {0};
	struct ng_decision decision;
	uint64_t at_us;

	if (lease || !history_name(gate, sandbox->spec.id, addr, &name, &at_us))
		return lease;
	ng_policy_judge(&sandbox->spec.policy, &subject, &decision);
	if (decision.bounded)
		ng_policy_bounds(&sandbox->spec.policy, &subject, &bounds);
	for (size_t i = 0; i < bounds.n_ports && !lease; i++)
		lease = lease_at(gate, sandbox, &told->from, addr, bounds.ports[i]);
	return lease;
}

/* Of what replies have promised of it, what is left: no more than the TTL that they had. */
static uint32_t ttl_of(const struct ng_gate *gate, const struct lease *lease)
{
	uint64_t end_us = lease->promised_us, most_us = gate->settings.ttl_max_s;
	uint64_t floor_us = gate->now_us + (uint64_t)gate->settings.grace_s * SECOND_US;

	if (lease_sure(lease) < end_us)
		end_us = lease_sure(lease);
	if (end_us <= floor_us)
		return 0;
	end_us = (end_us - floor_us) / SECOND_US;
	return (uint32_t)(end_us < most_us ? end_us : most_us);
}

bool reverse_answer(struct ng_gate *gate, const struct told *told, const struct ng_name *name)
{
	const struct lease *lease;
	struct ng_name opened_by;
	struct ng_addr addr;
	struct ng_rr rr = {.owner = (struct ng_name *)name, .type = NG_TYPE_PTR};
	struct ng_reply_spec spec = {.answers = &rr, .n = 1, .ede = NG_EDE_NONE};

	if (gate->warden_lost || !ng_reverse_addr(name, &addr))
		return false;
	lease = standing(gate, told, &addr);
	if (!lease || lease_sure(lease) <= gate->now_us)
		return false;
	opened_by = lease_name(lease);
	rr.ttl = ttl_of(gate, lease);
	rr.rdata = opened_by.wire;
	rr.rdlen = opened_by.len;
	reply_send(gate, told, &spec, NG_ALLOW)->reason = text_word(gate, TEXT_OPENED, told);
	return true;
}
