/*
 * Leases: what the kernel is known to hold open, for whom, and because of which names.
 *
 * A lease is one address for one sandbox. Its holders are the names that were resolved to it, each
 * along its chain of aliases; it lasts as long as the longest of them. An order asks the kernel for a further end; queries wait
 * for orders, and only a confirmed order counts. When the last holder's time is up the lease is
 * forgotten: the warden deletes the element at that same moment by itself. Where a rule went and
 * a shorter holder remains, the kernel would keep it too long, and a revoke ends it.
 */
#include "gate/engine.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

static unsigned lease_hash(const struct ng_gate *gate, const struct lease_key *key)
{
	return (unsigned)hash_octets(key, sizeof(*key), gate->seed);
}

struct lease *lease_find(const struct ng_gate *gate, const struct lease_key *key)
{
	struct lease *lease;

	HASH_FIND_BYHASHVALUE(hh, gate->leases, key, sizeof(*key), lease_hash(gate, key),
			      lease);
	return lease;
}

struct lease_key lease_key_of(uint32_t sandbox, const struct ng_addr *client,
			      const struct ng_addr *addr, struct ng_port port)
{
	struct lease_key key;

	memset(&key, 0, sizeof(key)); /* it is hashed with its holes */
	key.sandbox = sandbox;
	key.client = *client;
	key.addr = *addr;
	key.port.proto = port.proto;
	key.port.port = port.port;
	return key;
}

static struct lease_key key_make(const struct sandbox *sandbox, const struct ng_addr *client,
				 const struct ng_addr *addr, struct ng_port port)
{
	const struct source *source = sandbox_source(sandbox, client);
	bool alone =
		source && !ng_prefix_is_host(&source->prefix) && client->family == addr->family;

	return lease_key_of(sandbox->spec.id, alone ? client : &(struct ng_addr){0}, addr,
			    port);
}

/* The kernel's sets pair single addresses: how many pairs the lease is (as the warden has it). */
static uint8_t elements_of(const struct sandbox *sandbox, const struct lease_key *key)
{
	uint8_t n = key->client.family != NG_NOFAMILY;

	for (size_t i = 0; i < sandbox->spec.n_sources; i++) {
		const struct ng_prefix *source = &sandbox->spec.sources[i];

		n += source->addr.family == key->addr.family && ng_prefix_is_host(source);
	}
	return n ? n : 1;
}

static struct lease *lease_make(struct ng_gate *gate, struct sandbox *sandbox,
				const struct lease_key *key)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	lease->key = *key;
	lease->sandbox = sandbox;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, gate->leases, &lease->key, sizeof(lease->key),
				    lease_hash(gate, key), lease);
	if (!lease->hh.tbl || heap_put(&gate->due, &lease->due, 0) ||
	    heap_put(&sandbox->idle, &lease->idle, 0)) {
		heap_take(&gate->due, &lease->due);
		if (lease->hh.tbl)
			HASH_DEL(gate->leases, lease);
		free(lease);
		return NULL;
	}
	DL_APPEND(sandbox->leases, lease);
	lease->n_elements = elements_of(sandbox, key);
	sandbox->n_elements += lease->n_elements;
	gate->n_elements += lease->n_elements;
	leases_crowd(gate);
	gate->counters.leases++;
	return lease;
}

const struct holder *lease_longest(const struct lease *lease)
{
	const struct holder *longest = &lease->holders[0];

	for (size_t i = 1; i < lease->n_holders; i++) {
		if (lease->holders[i].until_us > longest->until_us)
			longest = &lease->holders[i];
	}
	return longest;
}

uint64_t lease_end(const struct lease *lease)
{
	uint64_t until_us = lease_longest(lease)->until_us;

	return lease->flow_us > until_us ? lease->flow_us : until_us;
}

/* ---- holders ---- */

static struct holder *holder_find(const struct lease *lease, const struct ng_trail *trail)
{
	for (size_t i = 0; i < lease->n_holders; i++) {
		if (trail_leads(lease->holders[i].trail, trail))
			return &lease->holders[i];
	}
	return NULL;
}

/* An empty one; when the lease has as many as it may, the one that would end first gives way. */
static struct holder *holder_add(struct lease *lease)
{
	struct holder *least = lease->holders, *more;

	for (size_t i = 1; i < lease->n_holders; i++) {
		if (lease->holders[i].until_us < least->until_us)
			least = &lease->holders[i];
	}
	if (lease->n_holders == NG_HOLDERS_MAX) {
		trail_release(lease->sandbox, least->trail);
		*least = (struct holder){0};
		return least;
	}
	more = realloc(lease->holders, (lease->n_holders + 1u) * sizeof(*more));
	if (!more)
		return NULL;
	lease->holders = more;
	more[lease->n_holders] = (struct holder){0};
	return &more[lease->n_holders++];
}

static void holder_follow(const struct lease *lease, struct holder *holder, struct trail *trail)
{
	trail_release(lease->sandbox, holder->trail);
	holder->trail = trail_share(trail);
}

void holder_tell(struct ng_gate *gate, const struct lease *lease, struct holder *holder)
{
	struct trail_view view;

	if (holder->told_us >= holder->need_us)
		return;
	trail_read(holder->trail, &view);
	action_add(gate, NG_HOLD)->lease =
		order_words(gate, lease, &view.trail, holder->until_us);
	holder->told_us = holder->until_us;
}

/* The newest answer to one name along one chain stands for those before it. */
static int holder_note(const struct ng_gate *gate, struct lease *lease,
		       const struct ng_trail *trail, struct trail **shared, uint64_t until_us,
		       struct holder **out)
{
	struct holder *holder = holder_find(lease, trail);
	int error = NG_OK;

	if (!holder || !trail_answers(holder->trail, trail)) {
		if (!*shared)
			error = trail_make(gate, lease->sandbox, trail, shared);
		if (!error && !holder)
			holder = holder_add(lease);
		if (error || !holder)
			return error ? error : NG_E_NOMEM;
		holder_follow(lease, holder, *shared);
	}
	if (until_us > holder->until_us)
		holder->until_us = until_us;
	*out = holder;
	return NG_OK;
}

/* ---- the query's side ---- */

int lease_hold(struct ng_gate *gate, struct sandbox *sandbox, const struct lease_key *key,
	       const struct ng_trail *trail, struct trail **shared, uint64_t until_us,
	       struct lease **out, struct holder **held)
{
	struct lease *lease = lease_find(gate, key);
	int error;

	if (!lease && lease_room(gate, sandbox, elements_of(sandbox, key)))
		return NG_E_FULL;
	if (!lease)
		lease = lease_make(gate, sandbox, key);
	if (!lease)
		return NG_E_NOMEM;
	error = holder_note(gate, lease, trail, shared, until_us, held);
	if (error) {
		if (!lease->n_holders)
			lease_free(gate, lease, error);
		return error;
	}
	history_note(gate, key, &trail->names[path_held(gate, trail)]);
	heap_move(&gate->due, &lease->due, lease_end(lease));
	*out = lease;
	return NG_OK;
}

uint64_t lease_sure(const struct ng_gate *gate, const struct lease *lease)
{
	return lease->round == gate->round ? lease->sure_us : 0;
}

void lease_confirm(const struct ng_gate *gate, struct lease *lease, uint64_t until_us)
{
	if (until_us > lease_sure(gate, lease))
		lease->sure_us = until_us;
	lease->round = gate->round;
	if (until_us > lease->confirmed_us)
		lease->confirmed_us = until_us;
}

int lease_want(struct ng_gate *gate, struct query *query, const struct want *want)
{
	struct lease_key key = key_make(query->sandbox, &query->from, &want->addr, want->port);
	const struct ng_trail trail = query_trail(query);
	struct holder *holder;
	struct lease *lease;
	struct order *order;
	int error;

	if (gate->warden_lost)
		return NG_E_CLOSED;
	error = lease_hold(gate, query->sandbox, &key, &trail, &query->trail, want->until_us,
			   &lease, &holder);
	if (error)
		return error;
	if (want->need_us > holder->need_us)
		holder->need_us = want->need_us;
	if (want->need_us > lease->promised_us)
		lease->promised_us = want->need_us;
	if (lease_sure(gate, lease) >= want->need_us) {
		holder_tell(gate, lease, holder);
		if (lease->sure_us < query->sure_us)
			query->sure_us = lease->sure_us;
		return NG_OK;
	}
	order = order_reaching(lease, want->need_us);
	if (!order) {
		order = order_send(gate, lease, want->hold_s, want->until_us, &trail,
				   query->asked.question.type);
		holder->told_us = want->until_us;
	}
	if (!order)
		return NG_E_NOMEM;
	order_await(order, query);
	return NG_OK;
}

uint64_t lease_confirmed(const struct ng_gate *gate, const struct query *query,
			 const struct ng_addr *addr, struct ng_port port)
{
	struct lease_key key = key_make(query->sandbox, &query->from, addr, port);
	const struct lease *lease = lease_find(gate, &key);

	return lease && !gate->warden_lost ? lease_sure(gate, lease) : 0;
}

/* ---- ends ---- */

static void lease_unlink(struct ng_gate *gate, struct lease *lease)
{
	HASH_DEL(gate->leases, lease);
	heap_take(&gate->due, &lease->due);
	heap_take(&lease->sandbox->idle, &lease->idle);
	DL_DELETE(lease->sandbox->leases, lease);
	lease->sandbox->n_elements -= lease->n_elements;
	gate->n_elements -= lease->n_elements;
	leases_crowd(gate);
	gate->counters.leases--;
}

void lease_free(struct ng_gate *gate, struct lease *lease, int code)
{
	struct order *order, *spare;

	lease_unlink(gate, lease);
	DL_FOREACH_SAFE (lease->orders, order, spare) {
		order_resolve(gate, order, code);
	}
	for (size_t i = 0; i < lease->n_holders; i++)
		trail_release(lease->sandbox, lease->holders[i].trail);
	free(lease->holders);
	free(lease);
}

void lease_record(struct ng_gate *gate, const struct lease *lease, enum ng_event event,
		  const struct ng_name *name)
{
	struct ng_record *record = &action_add(gate, NG_RECORD)->record;
	struct ng_addr *addr = arena_copy(&gate->words, &lease->key.addr, sizeof(*addr));

	record->event = event;
	record->sandbox = lease->key.sandbox;
	record->mode = lease->sandbox->spec.mode;
	record->sandbox_name = word_text(gate, lease->sandbox->spec.name);
	record->client = lease->key.client;
	record->name = word_name(gate, name);
	record->version = gate->version;
	record->addrs = addr;
	record->n_addrs = addr ? 1 : 0;
	if (event == NG_EVENT_LEASE_KEPT)
		record->lease_until_us = lease->flow_us;
	if (!lease->key.port.proto)
		return;
	record->ports = arena_copy(&gate->words, &lease->key.port, sizeof(lease->key.port));
	record->n_ports = record->ports ? 1 : 0;
}

void lease_shut(struct ng_gate *gate, const struct lease *lease, enum ng_action_kind kind,
		const struct ng_name *name)
{
	history_note(gate, &lease->key, name);
	action_add(gate, kind)->lease = (struct ng_lease_order){
		.number = ++gate->last_order,
		.sandbox = lease->key.sandbox,
		.client = lease->key.client,
		.addr = lease->key.addr,
		.port = lease->key.port,
		.name = word_name(gate, name),
		.rule = "",
	};
}

void lease_revoke(struct ng_gate *gate, struct lease *lease, const struct ng_name *name)
{
	lease_shut(gate, lease, NG_REVOKE, name);
	lease_record(gate, lease, NG_EVENT_REVOKED, name);
	gate->counters.revoked++;
	lease_free(gate, lease, NG_E_CLOSED);
}

static struct lease *lease_due(struct ng_gate *gate)
{
	struct heap_node *top = heap_top(&gate->due);

	if (!top || top->at_us > gate->now_us)
		return NULL;
	return (struct lease *)((char *)top - offsetof(struct lease, due));
}

void leases_tick(struct ng_gate *gate)
{
	struct lease *lease;

	while ((lease = lease_due(gate))) {
		const struct ng_name name = trail_name(lease->holders[0].trail);

		if (lease->confirmed_us > gate->now_us) {
			lease_revoke(gate, lease, &name);
			continue;
		}
		history_note(gate, &lease->key, &name);
		lease_record(gate, lease, NG_EVENT_LEASE_END, &name);
		gate->counters.leases_ended++;
		lease_free(gate, lease, NG_E_CLOSED);
	}
}

void leases_revoke(struct ng_gate *gate, struct sandbox *sandbox)
{
	struct lease *lease, *spare;

	DL_FOREACH_SAFE (sandbox->leases, lease, spare) {
		const struct ng_name name = trail_name(lease->holders[0].trail);

		lease_revoke(gate, lease, &name);
	}
}
