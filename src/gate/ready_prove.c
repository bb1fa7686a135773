/*
 * Does a ready answer still hold, and what are its TTLs now? The formulas are those of chain.c and answer.c;
 * here they are asked of the leases that it is known to rest on. See ready.h for what is looked at.
 */
#include "gate/ready_parts.h"

#include <string.h>

/* What the usual way would find in the way before or at the cache. */
static bool entry_serves(const struct ng_gate *gate, const struct ready *ready)
{
	return ready->made_in > gate->sources_in && ready->entry->until_us > gate->now_us &&
	       !cache_ahead_due(gate, ready->entry);
}

static bool may_begin(const struct ng_gate *gate, const struct sandbox *sandbox)
{
	return gate->n_pending < gate->settings.limits.pending &&
	       sandbox->n_pending < gate->settings.limits.pending_sandbox;
}

static struct holder *holder_by(const struct lease *lease, const struct trail *trail)
{
	size_t n;
	struct holder *holders = lease_holders(lease, &n);

	for (size_t i = 0; i < n; i++) {
		if (holders[i].trail == trail)
			return &holders[i];
	}
	return NULL;
}

static bool is_at(const struct lease *lease, const struct ng_addr *addr, struct ng_port port)
{
	return lease->proto == port.proto && lease->port == port.port &&
	       lease->v6 == (addr->family == NG_IPV6) &&
	       memcmp(lease->addr, addr->bytes, lease->v6 ? 16 : 4) == 0;
}

/* The lease and its holder stand, for as long as the TTL needs them, and all was said of that. */
static bool lease_holds(const struct ng_gate *gate, const struct ready_lease *on,
			const struct ng_addr *addr, struct ng_port port, struct proof *proof,
			size_t i)
{
	struct lease *lease = book_peek(&gate->book, on->lease);
	struct holder *holder = lease ? holder_by(lease, on->trail) : NULL;
	uint64_t sure_us;

	if (!holder || !is_at(lease, addr, port) || (on->memory && !history_stands(on->memory)))
		return false;
	sure_us = lease_sure(lease);
	if (sure_us < proof->need_us[i] || holder->told_us < proof->need_us[i] ||
	    holder->told_us < holder->need_us)
		return false;
	if (sure_us < proof->sure_us)
		proof->sure_us = sure_us;
	proof->leases[i] = lease;
	proof->holders[i] = holder;
	return true;
}

static uint32_t ttl_left(uint32_t ttl, uint32_t aged_s)
{
	return ttl > aged_s ? ttl - aged_s : 0;
}

static bool address_holds(const struct ng_gate *gate, const struct ready *ready, size_t nth,
			  const struct ng_terms *terms, struct proof *proof)
{
	static const struct ng_port every = {0};
	const size_t n = ready->n_ports ? ready->n_ports : 1;
	const uint64_t hold_s = (uint64_t)terms->hold_s + terms->slack_s + terms->grace_s,
		       need_s = (uint64_t)terms->ttl_s + terms->grace_s;
	bool holds = true;

	for (size_t j = 0; holds && j < n; j++) {
		const size_t i = nth * n + j;

		proof->need_us[i] = gate->now_us + need_s * SECOND_US;
		proof->until_us[i] = gate->now_us + hold_s * SECOND_US;
		holds = lease_holds(gate, &ready->leases[i], &ready_addrs(ready)[nth],
				    ready->n_ports ? ready_ports(ready)[j] : every, proof, i);
	}
	return holds;
}

static bool records_hold(const struct ng_gate *gate, const struct ready *ready,
			 struct proof *proof)
{
	const struct ready_rr *rrs = ready_rrs(ready);
	const uint32_t aged_s =
			       (uint32_t)((gate->now_us - ready->entry->stored_us) / SECOND_US),
		       most_s = ready->n_addrs ? gate->settings.ttl_max_s : UINT32_MAX;
	const struct ready_rr *before = NULL;
	struct ng_terms terms = {0};
	size_t nth = 0;

	for (size_t i = 0; i < ready->n_rrs; i++) {
		const uint32_t left_s = ttl_left(rrs[i].ttl, aged_s);

		proof->ttls[i] = left_s < most_s ? left_s : most_s;
		if (!rrs[i].address)
			continue;
		if (!before || before->ttl != rrs[i].ttl)
			terms = ng_terms_of(&gate->settings, ready->lease_max_s, left_s);
		before = &rrs[i];
		proof->ttls[i] = terms.ttl_s;
		if (terms.ttl_s < proof->ttl_s || !nth)
			proof->ttl_s = terms.ttl_s;
		if (!address_holds(gate, ready, nth++, &terms, proof))
			return false;
	}
	if (ready->has_soa)
		proof->ttls[ready->n_rrs - 1] =
			(uint32_t)((ready->entry->until_us - gate->now_us) / SECOND_US);
	return true;
}

bool ready_prove(const struct ng_gate *gate, const struct told *told,
		 const struct ng_name *name, struct proof *out)
{
	const struct ready_key key = ready_key_of(told, name);
	struct ready *ready = ready_find(gate, &key, ready_hash(gate, &key));

	if (!ready ||
	    ready->len + (told->asked->edns ? READY_OPT_LEN : 0) > told->asked->udp_size ||
	    !entry_serves(gate, ready) || !may_begin(gate, told->sandbox) ||
	    (ready->n_leases && gate->warden_lost))
		return false;
	out->ready = ready;
	out->sure_us = UINT64_MAX;
	out->ttl_s = 0;
	return records_hold(gate, ready, out);
}
