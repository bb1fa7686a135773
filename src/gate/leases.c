/*
 * Leases: what the kernel is known to hold open, for whom, and because of which names.
 *
 * A lease is one address for one sandbox. Its holders are the names that were resolved to it; it
 * lasts as long as the longest of them. An order asks the kernel for a further end; queries wait
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

static struct lease *lease_find(const struct ng_gate *gate, const struct lease_key *key)
{
	struct lease *lease;

	HASH_FIND_BYHASHVALUE(hh, gate->leases, key, sizeof(*key), lease_hash(gate, key),
			      lease);
	return lease;
}

static struct lease_key key_make(const struct sandbox *sandbox, const struct ng_addr *client,
				 const struct ng_addr *addr, struct ng_port port)
{
	const struct source *source = sandbox_source(sandbox, client);
	struct lease_key key;

	memset(&key, 0, sizeof(key));
	key.sandbox = sandbox->spec.id;
	key.addr = *addr;
	key.port.proto = port.proto;
	key.port.port = port.port;
	if (source && !ng_prefix_is_host(&source->prefix) && client->family == addr->family)
		key.client = *client;
	return key;
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
	if (!lease->hh.tbl || heap_put(&gate->due, &lease->due, 0)) {
		if (lease->hh.tbl)
			HASH_DEL(gate->leases, lease);
		free(lease);
		return NULL;
	}
	DL_APPEND(sandbox->leases, lease);
	sandbox->n_leases++;
	gate->counters.leases++;
	return lease;
}

static uint64_t lease_end(const struct lease *lease)
{
	uint64_t end = 0;

	for (size_t i = 0; i < lease->n_holders; i++) {
		if (lease->holders[i].until_us > end)
			end = lease->holders[i].until_us;
	}
	return end;
}

static struct holder *holder_of(struct lease *lease, const struct ng_name *name)
{
	struct holder *least = NULL, *more;

	for (size_t i = 0; i < lease->n_holders; i++) {
		if (ng_name_equal(&lease->holders[i].name, name))
			return &lease->holders[i];
		if (!least || lease->holders[i].until_us < least->until_us)
			least = &lease->holders[i];
	}
	if (lease->n_holders == NG_HOLDERS_MAX) {
		*least = (struct holder){.name = *name};
		return least;
	}
	more = realloc(lease->holders, (lease->n_holders + 1u) * sizeof(*more));
	if (!more)
		return NULL;
	lease->holders = more;
	more[lease->n_holders] = (struct holder){.name = *name};
	return &more[lease->n_holders++];
}

static int lease_hold(struct ng_gate *gate, struct lease *lease, const struct ng_name *name,
		      uint64_t until_us)
{
	struct holder *holder = holder_of(lease, name);

	if (!holder)
		return NG_E_NOMEM;
	if (until_us > holder->until_us)
		holder->until_us = until_us;
	heap_move(&gate->due, &lease->due, lease_end(lease));
	return NG_OK;
}

/*
 * Who uses the lease: the one client that it is for, or the sandbox's source number i. A client that
 * no rule can be about, where that source is a range of which another client may have asked.
 */
static struct ng_addr lease_client(const struct lease *lease, size_t i)
{
	const struct ng_prefix *source = &lease->sandbox->spec.sources[i];

	if (lease->key.client.family)
		return lease->key.client;
	return ng_prefix_is_host(source) ? source->addr : (struct ng_addr){0};
}

/* ---- orders ---- */

static void order_free(struct ng_gate *gate, struct order *order)
{
	HASH_DEL(gate->orders, order);
	DL_DELETE(order->lease->orders, order);
	free(order);
}

static struct order *order_make(struct ng_gate *gate, struct lease *lease, uint64_t until_us,
				const struct ng_name *name)
{
	struct order *order = calloc(1, sizeof(*order));

	if (!order)
		return NULL;
	order->number = gate->last_order + 1;
	order->until_us = until_us;
	order->lease = lease;
	order->name = *name;
	HASH_ADD(hh, gate->orders, number, sizeof(order->number), order);
	if (!order->hh.tbl) {
		free(order);
		return NULL;
	}
	gate->last_order++;
	DL_APPEND(lease->orders, order);
	if (until_us > lease->ordered_us)
		lease->ordered_us = until_us;
	return order;
}

static struct order *order_send(struct ng_gate *gate, struct lease *lease, uint32_t hold_s,
				uint64_t until_us, const struct ng_name *name, uint16_t type)
{
	struct order *order = order_make(gate, lease, until_us, name);
	const struct ng_addr client = lease_client(lease, 0);
	const struct ng_subject subject = {.names = name, .n_names = 1, .client = &client};
	struct ng_decision decision;

	if (!order)
		return NULL;
	ng_policy_judge(&lease->sandbox->spec.policy, &subject, &decision);
	action_add(gate, NG_LEASE)->lease = (struct ng_lease_order){
		.number = order->number,
		.sandbox = lease->key.sandbox,
		.client = lease->key.client,
		.addr = lease->key.addr,
		.port = lease->key.port,
		.hold_s = hold_s,
		.grace_s = gate->settings.grace_s,
		.until_us = until_us,
		.name = word_name(gate, name),
		.rule = decision.matched ? word_format(gate, "%s:%u", decision.match.path,
						       decision.match.line)
					 : "",
		.sandbox_name = word_text(gate, lease->sandbox->spec.name),
		.type = type,
	};
	gate->counters.leases_ordered++;
	return order;
}

static struct order *order_reaching(const struct lease *lease, uint64_t need_us)
{
	struct order *order;

	DL_FOREACH (lease->orders, order) {
		if (order->until_us >= need_us)
			return order;
	}
	return NULL;
}

static void order_await(struct order *order, struct query *query)
{
	struct wait *wait = &query->waits[query->n_waits++];

	wait->query = query;
	wait->order = order;
	query->open_waits++;
	DL_APPEND(order->waits, wait);
}

static void order_resolve(struct ng_gate *gate, struct order *order, int code)
{
	struct wait *wait, *spare, *waits = order->waits;

	order->waits = NULL;
	order_free(gate, order);
	DL_FOREACH_SAFE (waits, wait, spare) {
		struct query *query = wait->query;

		wait->order = NULL;
		query->failed = query->failed ? query->failed : code;
		if (--query->open_waits == 0)
			query_committed(gate, query);
	}
}

static struct order *order_find(const struct ng_gate *gate, uint64_t number)
{
	struct order *order;

	HASH_FIND(hh, gate->orders, &number, sizeof(number), order);
	return order;
}

bool ng_gate_order(const struct ng_gate *gate, uint64_t number, struct ng_lease_order *out)
{
	const struct order *order = order_find(gate, number);

	if (!order)
		return false;
	*out = (struct ng_lease_order){
		.number = number,
		.sandbox = order->lease->key.sandbox,
		.client = order->lease->key.client,
		.addr = order->lease->key.addr,
		.port = order->lease->key.port,
		.name = &order->name,
	};
	return true;
}

void ng_gate_lease_result(struct ng_gate *gate, uint64_t now_us, uint64_t number, int code)
{
	struct order *order = order_find(gate, number);
	struct lease *lease;

	actions_begin(gate, now_us);
	if (!order)
		return;
	lease = order->lease;
	if (code == NG_OK && order->until_us > lease->confirmed_us)
		lease->confirmed_us = order->until_us;
	if (code != NG_OK)
		gate->counters.leases_refused++;
	order_resolve(gate, order, code);
	if (!lease->confirmed_us && !lease->orders) /* it never came to be */
		lease_free(gate, lease, code);
}

/* ---- the query's side ---- */

bool lease_name(const struct ng_gate *gate, const struct sandbox *sandbox,
		const struct ng_addr *client, const struct ng_addr *addr, struct ng_name *out)
{
	struct lease_key key = key_make(sandbox, client, addr, (struct ng_port){0});
	const struct lease *lease = lease_find(gate, &key);

	if (!lease)
		return false;
	*out = lease->holders[0].name;
	return true;
}

static int lease_room(const struct ng_gate *gate, const struct sandbox *sandbox)
{
	if (sandbox->n_leases >= gate->settings.limits.leases_sandbox ||
	    gate->counters.leases >= gate->settings.limits.leases)
		return NG_E_FULL;
	return NG_OK;
}

/* The lease under that key with that holder, made when there is none. */
static int lease_held(struct ng_gate *gate, struct sandbox *sandbox,
		      const struct lease_key *key, const struct ng_name *name,
		      uint64_t until_us, struct lease **out)
{
	struct lease *lease = lease_find(gate, key);

	if (!lease && lease_room(gate, sandbox))
		return NG_E_FULL;
	if (!lease)
		lease = lease_make(gate, sandbox, key);
	if (!lease)
		return NG_E_NOMEM;
	history_note(gate, key, name);
	if (lease_hold(gate, lease, name, until_us)) {
		if (!lease->n_holders)
			lease_free(gate, lease, NG_E_NOMEM);
		return NG_E_NOMEM;
	}
	*out = lease;
	return NG_OK;
}

int lease_want(struct ng_gate *gate, struct query *query, const struct want *want)
{
	struct lease_key key = key_make(query->sandbox, &query->from, &want->addr, want->port);
	struct lease *lease;
	struct order *order;
	int error;

	if (gate->warden_lost)
		return NG_E_CLOSED;
	error = lease_held(gate, query->sandbox, &key, &query->holder, want->until_us, &lease);
	if (error)
		return error;
	if (lease->confirmed_us >= want->need_us) {
		if (lease->confirmed_us < query->sure_us)
			query->sure_us = lease->confirmed_us;
		return NG_OK;
	}
	order = order_reaching(lease, want->need_us);
	if (!order)
		order = order_send(gate, lease, want->hold_s, want->until_us, &query->holder,
				   query->asked.question.type);
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

	return lease && !gate->warden_lost ? lease->confirmed_us : 0;
}

/* ---- ends ---- */

static void lease_unlink(struct ng_gate *gate, struct lease *lease)
{
	HASH_DEL(gate->leases, lease);
	heap_take(&gate->due, &lease->due);
	DL_DELETE(lease->sandbox->leases, lease);
	lease->sandbox->n_leases--;
	gate->counters.leases--;
}

void lease_free(struct ng_gate *gate, struct lease *lease, int code)
{
	struct order *order, *spare;

	lease_unlink(gate, lease);
	DL_FOREACH_SAFE (lease->orders, order, spare) {
		order_resolve(gate, order, code);
	}
	free(lease->holders);
	free(lease);
}

static void lease_record(struct ng_gate *gate, const struct lease *lease, enum ng_event event,
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
	if (!lease->key.port.proto)
		return;
	record->ports = arena_copy(&gate->words, &lease->key.port, sizeof(lease->key.port));
	record->n_ports = record->ports ? 1 : 0;
}

static void lease_revoke(struct ng_gate *gate, struct lease *lease, const struct ng_name *name)
{
	history_note(gate, &lease->key, name);
	action_add(gate, NG_REVOKE)->lease = (struct ng_lease_order){
		.number = ++gate->last_order,
		.sandbox = lease->key.sandbox,
		.client = lease->key.client,
		.addr = lease->key.addr,
		.port = lease->key.port,
		.name = word_name(gate, name),
		.rule = "",
	};
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
		struct ng_name name =
			lease->n_holders ? lease->holders[0].name : (struct ng_name){0};

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

/*
 * May this sandbox still have the address? The route that answered is not remembered: any route
 * that opts the range in will do, as it does for the warden.
 */
static bool lease_fits(const struct ng_gate *gate, const struct lease *lease)
{
	const struct ng_sandbox *spec = &lease->sandbox->spec;

	if (ng_addr_openable(&lease->key.addr, spec->opened, spec->n_opened))
		return true;
	for (size_t i = 0; i < gate->n_routes; i++) {
		const struct ng_route *route = &gate->routes[i].spec;

		if (ng_addr_openable(&lease->key.addr, route->opened, route->n_opened))
			return true;
	}
	return false;
}

static bool port_open(const struct ng_bounds *bounds, struct ng_port port)
{
	if (!bounds->n_ports)
		return true;
	for (size_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port.proto && bounds->ports[i].port == port.port)
			return true;
	}
	return false;
}

/* Would this name be given this address, with these ports, if that client asked now? */
static bool holder_judge(const struct ng_gate *gate, const struct lease *lease,
			 const struct ng_name *name, const struct ng_addr *client)
{
	const struct ng_sandbox *spec = &lease->sandbox->spec;
	const struct ng_subject subject = {
		.names = name,
		.n_names = 1,
		.client = client,
		.addrs = &lease->key.addr,
		.n_addrs = 1,
		.answered = true,
	};
	struct ng_bounds bounds = {0};
	struct ng_decision decision;

	ng_policy_judge(&spec->policy, &subject, &decision);
	if (!verdict_passes(lease->sandbox, decision.verdict))
		return false;
	if (decision.bounded)
		ng_policy_bounds(&spec->policy, &subject, &bounds);
	return port_open(&bounds, lease->key.port) &&
	       (ng_addr_openable(&lease->key.addr, bounds.opened, bounds.n_opened) ||
		lease_fits(gate, lease));
}

/* A lease for the whole sandbox stays while any of its sources may have it. */
static bool holder_stays(const struct ng_gate *gate, const struct lease *lease,
			 const struct ng_name *name)
{
	size_t n = lease->key.client.family ? 1 : lease->sandbox->spec.n_sources;

	for (size_t i = 0; i < n; i++) {
		const struct ng_addr client = lease_client(lease, i);

		if (holder_judge(gate, lease, name, &client))
			return true;
	}
	return false;
}

/* Takes out the holders that policy no longer allows; false when none is left. */
static bool lease_judge(struct ng_gate *gate, struct lease *lease, struct ng_name *last)
{
	size_t n = 0;

	for (size_t i = 0; i < lease->n_holders; i++) {
		*last = lease->holders[i].name;
		if (holder_stays(gate, lease, last))
			lease->holders[n++] = lease->holders[i];
	}
	lease->n_holders = (uint8_t)n;
	if (n)
		heap_move(&gate->due, &lease->due, lease_end(lease));
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

void leases_revoke(struct ng_gate *gate, struct sandbox *sandbox)
{
	struct lease *lease, *spare;

	DL_FOREACH_SAFE (sandbox->leases, lease, spare) {
		struct ng_name name = lease->holders[0].name;

		lease_revoke(gate, lease, &name);
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

	actions_begin(gate, now_us);
	leases_tick(gate);
	gate->warden_lost = false;
	HASH_ITER (hh, gate->leases, lease, spare) {
		uint64_t end = lease_end(lease);

		lease->confirmed_us = lease->ordered_us = 0;
		order_send(gate, lease, (uint32_t)((end - gate->now_us) / SECOND_US), end,
			   &lease->holders[0].name, 0);
	}
}

int ng_gate_adopt(struct ng_gate *gate, uint64_t now_us, uint32_t id,
		  const struct ng_addr *client, const struct ng_addr *addr,
		  const struct ng_port *port, const struct ng_name *name, uint64_t until_us)
{
	struct sandbox *sandbox = directory_by_id(&gate->directory, id);
	struct ng_name lower = *name, last;
	struct lease_key key;
	struct lease *lease;
	int error;

	actions_begin(gate, now_us);
	if (!sandbox || (client->family && !sandbox_source(sandbox, client)))
		return NG_E_NOTFOUND;
	if (until_us <= gate->now_us)
		return NG_OK;
	ng_name_lower(&lower);
	memset(&key, 0, sizeof(key));
	key.sandbox = id;
	key.client = *client;
	key.addr = *addr;
	key.port.proto = port->proto;
	key.port.port = port->port;
	error = lease_held(gate, sandbox, &key, &lower, until_us, &lease);
	if (error)
		return error;
	if (!lease_judge(gate, lease, &last))
		lease_revoke(gate, lease, &last);
	return NG_OK;
}

bool ng_gate_lease_at(const struct ng_gate *gate, uint64_t *cursor, struct ng_lease_view *out)
{
	const struct lease *lease;
	const struct holder *longest;

	if (*cursor >= gate->due.n)
		return false;
	lease = (const struct lease *)((const char *)gate->due.nodes[*cursor] -
				       offsetof(struct lease, due));
	longest = &lease->holders[0];
	for (size_t i = 1; i < lease->n_holders; i++) {
		if (lease->holders[i].until_us > longest->until_us)
			longest = &lease->holders[i];
	}
	(*cursor)++;
	*out = (struct ng_lease_view){
		.sandbox = lease->key.sandbox,
		.client = lease->key.client,
		.addr = lease->key.addr,
		.port = lease->key.port,
		.name = &longest->name,
		.until_us = lease->confirmed_us && lease->confirmed_us < longest->until_us
				    ? lease->confirmed_us
				    : longest->until_us,
		.confirmed = lease->confirmed_us > 0,
	};
	return true;
}
