/*
 * An address becomes a sandbox's own while there are leases to it: its own names or others', resolved before
 * anybody knew. They end at once, since what the filter takes out of new answers is not to stay in old ones.
 */
#include "gate/engine.h"

static void lease_end_taken(struct ng_gate *gate, struct lease *lease,
			    const struct sandbox *sandbox)
{
	const struct ng_name name = lease_name(lease);

	lease_shut(gate, lease, NG_REVOKE, &name);
	lease_record(gate, lease, NG_EVENT_REVOKED, &name)->reason =
		word_format(gate, "the address is one of sandbox %s now", sandbox->spec.name);
	gate->counters.revoked++;
	lease_free(gate, lease, NG_E_EXISTS);
}

void leases_taken(struct ng_gate *gate, const struct sandbox *sandbox)
{
	for (size_t i = 0; i < sandbox->spec.n_sources; i++) {
		struct lease *lease;
		uint32_t cursor = 0;

		while ((lease = book_leading(&gate->book, &sandbox->spec.sources[i], &cursor)))
			lease_end_taken(gate, lease, sandbox);
	}
}
