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

#define EXPECTED_MAX 8 /* of the addresses of an answer */
#define ENDS_AHEAD   4 /* the next that end are expected before so many of them */

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
				const struct lease_key *key, uint64_t until_us)
{
	struct lease *lease = book_enter(&gate->book, sandbox, key, until_us);

	if (!lease)
		return NULL;
	if (evict_note(gate, sandbox, lease)) {
		book_forget(&gate->book, book_strike(&gate->book, lease));
		return NULL;
	}
	lease->n_elements = elements_of(sandbox, key) & 15;
	sandbox->n_elements += lease->n_elements;
	gate->n_elements += lease->n_elements;
	leases_crowd(gate);
	gate->counters.leases++;
	return lease;
}

struct lease *lease_after(const struct ng_gate *gate, const struct sandbox *sandbox,
			  const struct lease *lease)
{
	uint32_t next = lease ? lease->next : sandbox->first_lease;

	return next ? book_at(&gate->book, next) : NULL;
}

/* ---- holders ---- */

struct holder *holder_find(const struct lease *lease, const struct ng_trail *trail)
{
	size_t n;
	struct holder *holders = lease_holders(lease, &n);

	for (size_t i = 0; i < n; i++) {
		if (trail_leads(holders[i].trail, trail))
			return &holders[i];
	}
	return NULL;
}

/* An empty one; when the lease has as many as it may, the one that would end first gives way. */
static struct holder *holder_add(struct ng_gate *gate, struct lease *lease)
{
	size_t n;
	struct holder *least = lease_holders(lease, &n), *holders = least;

	if (n < NG_HOLDERS_MAX)
		return lease_holder_add(&gate->book, lease);
	for (size_t i = 1; i < n; i++) {
		if (holders[i].until_us < least->until_us)
			least = &holders[i];
	}
	holder_release(gate, lease, least->trail);
	trail_release(gate, lease_sandbox(&gate->book, lease), least->trail);
	*least = (struct holder){0};
	return least;
}

void holder_release(struct ng_gate *gate, const struct lease *lease, const struct trail *trail)
{
	const struct lease_key key = lease_key(&gate->book, lease);
	struct trail_view view;

	trail_read(trail, &view);
	action_add(gate, NG_RELEASE)->lease = (struct ng_lease_order){
		.sandbox = key.sandbox,
		.client = key.client,
		.addr = key.addr,
		.port = key.port,
		.name = word_name(gate, &view.names[0]),
		.rule = "",
		.way = trail_way(&view.trail),
	};
}

static void holder_follow(struct ng_gate *gate, const struct lease *lease,
			  struct holder *holder, struct trail *trail)
{
	trail_release(gate, lease_sandbox(&gate->book, lease), holder->trail);
	holder->trail = trail_share(trail);
}

void holder_tell(struct ng_gate *gate, const struct lease *lease, struct holder *holder)
{
	struct trail_view view;

	if (holder->told_us >= holder->need_us)
		return;
	trail_read(holder->trail, &view);
	order_words(gate, lease, &view.trail, NULL, holder->until_us, holder->until_us,
		    &action_add(gate, NG_HOLD)->lease);
	holder->told_us = holder->until_us;
}

/* The newest answer to one name along one chain stands for those before it. */
static int holder_note(struct ng_gate *gate, struct lease *lease, const struct ng_trail *trail,
		       struct trail **shared, uint64_t until_us, struct holder **out)
{
	struct holder *holder = holder_find(lease, trail);
	int error = NG_OK;

	if (!holder || !trail_answers(holder->trail, trail)) {
		if (!*shared)
			error = trail_make(gate, lease_sandbox(&gate->book, lease), trail,
					   shared);
		if (!error && !holder)
			holder = holder_add(gate, lease);
		if (error || !holder)
			return error ? error : NG_E_NOMEM;
		holder_follow(gate, lease, holder, *shared);
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
	struct lease *lease = book_find(&gate->book, key);
	int error;

	if (!lease && lease_room(gate, sandbox, elements_of(sandbox, key)))
		return NG_E_FULL;
	if (!lease)
		lease = lease_make(gate, sandbox, key, until_us);
	if (!lease)
		return NG_E_NOMEM;
	error = holder_note(gate, lease, trail, shared, until_us, held);
	if (error) {
		if (!lease_longest(lease))
			lease_free(gate, lease, error);
		return error;
	}
	if (key->port.proto) /* which one it is, reverse.c finds by the name */
		history_note(gate, key, &trail->names[path_held(sandbox, trail)]);
	if (lease->wide) /* another holder may have given way */
		book_move(&gate->book, lease);
	*out = lease;
	return NG_OK;
}

/* Who asks is the same for all addresses of an answer, and so is the key but for address and port. */
static void wait_key(const struct query *query, const struct want *want, struct wait *wait)
{
	const struct wait *before = query->n_waits ? wait - 1 : NULL;

	if (!before || before->key.addr.family != want->addr.family) {
		wait->key = key_make(query->sandbox, &query->from, &want->addr, want->port);
		return;
	}
	memcpy(&wait->key, &before->key, sizeof(wait->key)); /* with its holes */
	wait->key.addr = want->addr;
	wait->key.port.proto = want->port.proto;
	wait->key.port.port = want->port.port;
}

int lease_want(struct ng_gate *gate, struct query *query, const struct want *want)
{
	const struct ng_trail trail = query_trail(query);
	struct wait *wait = &query->waits[query->n_waits];
	struct holder *holder;
	struct lease *lease;
	struct order *order;
	int error;

	if (gate->warden_lost)
		return NG_E_CLOSED;
	wait_key(query, want, wait);
	error = lease_hold(gate, query->sandbox, &wait->key, &trail, &query->trail,
			   want->until_us, &lease, &holder);
	if (error)
		return error;
	wait->query = query;
	wait->lease = book_reference(&gate->book, lease);
	query->n_waits++;
	if (want->need_us > holder->need_us)
		holder->need_us = want->need_us;
	if (want->need_us > lease->promised_us)
		lease->promised_us = want->need_us;
	if (lease_sure(lease) >= want->need_us) {
		holder_tell(gate, lease, holder);
		if (lease_sure(lease) < query->sure_us)
			query->sure_us = lease_sure(lease);
		return NG_OK;
	}
	order = order_reaching(lease, want->need_us);
	if (!order) {
		holder->told_us = want->until_us;
		order = order_send(gate, lease, holder->trail, &trail, &query->said,
				   &(struct order_wish){
					   .hold_s = want->hold_s,
					   .ends_us = want->until_us,
					   .until_us = want->until_us,
					   .type = query->asked.question.type,
				   });
	}
	if (!order)
		return NG_E_NOMEM;
	order_await(order, wait);
	return NG_OK;
}

/* They are of one family, but for what policy says instead of an answer. */
void leases_expect(const struct ng_gate *gate, const struct query *query)
{
	struct lease_key key;

	if (!query->n_seen)
		return;
	key = key_make(query->sandbox, &query->from, query->seen,
		       query->bounds.n_ports ? query->bounds.ports[0] : (struct ng_port){0});
	for (size_t i = 0; i < query->n_seen && i < EXPECTED_MAX; i++) {
		key.addr = query->seen[i];
		book_expect(&gate->book, &key);
	}
}

struct lease *lease_at(const struct ng_gate *gate, const struct sandbox *sandbox,
		       const struct ng_addr *client, const struct ng_addr *addr,
		       struct ng_port port)
{
	const struct lease_key key = key_make(sandbox, client, addr, port);

	return book_find(&gate->book, &key);
}

uint64_t lease_confirmed(const struct ng_gate *gate, const struct query *query,
			 const struct ng_addr *addr, struct ng_port port)
{
	const struct lease *lease = lease_at(gate, query->sandbox, &query->from, addr, port);

	return lease && !gate->warden_lost ? lease_sure(lease) : 0;
}

uint64_t wait_confirmed(const struct ng_gate *gate, const struct wait *wait)
{
	const struct lease *lease = book_still(&gate->book, wait->lease, &wait->key);

	return lease && !gate->warden_lost ? lease_sure(lease) : 0;
}

/* ---- ends ---- */

void lease_free(struct ng_gate *gate, struct lease *lease, int code)
{
	struct sandbox *sandbox = lease_sandbox(&gate->book, lease);
	const uint32_t reference = book_strike(&gate->book, lease);
	const struct holder *holders;
	struct order *order;
	size_t n;

	idle_take(sandbox->idle, reference);
	if (!sandbox->first_lease) {
		idle_free(sandbox->idle);
		sandbox->idle = NULL;
	}
	sandbox->n_elements -= lease->n_elements;
	gate->n_elements -= lease->n_elements;
	leases_crowd(gate);
	gate->counters.leases--;
	while ((order = lease_orders(lease)))
		order_resolve(gate, order, code);
	holders = lease_holders(lease, &n);
	for (size_t i = 0; i < n; i++)
		trail_release(gate, sandbox, holders[i].trail);
	book_forget(&gate->book, reference);
}

struct ng_record *lease_record(struct ng_gate *gate, const struct lease *lease,
			       enum ng_event event, const struct ng_name *name)
{
	struct ng_record *record = &action_add(gate, NG_RECORD)->record;
	const struct sandbox *sandbox = lease_sandbox(&gate->book, lease);
	const struct lease_key key = lease_key(&gate->book, lease);
	struct ng_addr *addr = arena_copy(&gate->words, &key.addr, sizeof(*addr));

	record->event = event;
	record->sandbox = key.sandbox;
	record->mode = sandbox->spec.mode;
	record->sandbox_name = word_text(gate, sandbox->spec.name);
	record->client = key.client;
	record->name = word_name(gate, name);
	record->version = gate->version;
	record->addrs = addr;
	record->n_addrs = addr ? 1 : 0;
	if (event == NG_EVENT_LEASE_KEPT)
		record->lease_until_us = lease_flow_us(lease);
	if (!key.port.proto)
		return record;
	record->ports = arena_copy(&gate->words, &key.port, sizeof(key.port));
	record->n_ports = record->ports ? 1 : 0;
	return record;
}

/* Of them, said: the word for that name. Without memory there are none: then rows stand until their time. */
static const struct ng_held *held_words(struct ng_gate *gate, const struct lease *lease,
					const struct ng_name *said, size_t *n)
{
	const struct holder *holders = lease_holders(lease, n);
	struct ng_held *held = *n ? arena_alloc(&gate->words, *n * sizeof(*held)) : NULL;
	struct trail_view view;

	for (size_t i = 0; held && i < *n; i++) {
		trail_read(holders[i].trail, &view);
		held[i].name = said && ng_name_same(said, &view.names[0])
				       ? said
				       : word_name(gate, &view.names[0]);
		held[i].way = trail_way(&view.trail);
	}
	*n = held ? *n : 0;
	return held;
}

void lease_shut(struct ng_gate *gate, const struct lease *lease, enum ng_action_kind kind,
		const struct ng_name *name)
{
	const struct lease_key key = lease_key(&gate->book, lease);
	const struct ng_name *said = word_name(gate, name);
	size_t n_held;
	const struct ng_held *held = held_words(gate, lease, said, &n_held);

	history_note(gate, &key, name);
	action_add(gate, kind)->lease = (struct ng_lease_order){
		.number = number_make(&gate->last_order, 0),
		.sandbox = key.sandbox,
		.client = key.client,
		.addr = key.addr,
		.port = key.port,
		.name = said,
		.rule = "",
		.held = held,
		.n_held = n_held,
	};
}

void lease_revoke(struct ng_gate *gate, struct lease *lease, const struct ng_name *name)
{
	lease_shut(gate, lease, NG_REVOKE, name);
	lease_record(gate, lease, NG_EVENT_REVOKED, name);
	gate->counters.revoked++;
	lease_free(gate, lease, NG_E_CLOSED);
}

struct ng_name lease_name(const struct lease *lease)
{
	size_t n;

	return trail_name(lease_holders(lease, &n)->trail);
}

void leases_tick(struct ng_gate *gate)
{
	struct lease *lease;

	for (unsigned i = 0; (lease = book_ended(&gate->book, gate->now_us)); i++) {
		const struct lease_key key = lease_key(&gate->book, lease);
		const struct ng_name name = lease_name(lease);

		if (i % ENDS_AHEAD == 0)
			book_expect_ends(&gate->book, gate->now_us);
		if (lease->confirmed_us > gate->now_us) {
			lease_revoke(gate, lease, &name);
			continue;
		}
		history_note(gate, &key, &name);
		lease_record(gate, lease, NG_EVENT_LEASE_END, &name);
		gate->counters.leases_ended++;
		lease_free(gate, lease, NG_E_CLOSED);
	}
}

void leases_revoke(struct ng_gate *gate, struct sandbox *sandbox)
{
	struct lease *lease, *next;

	for (lease = lease_after(gate, sandbox, NULL); lease; lease = next) {
		const struct ng_name name = lease_name(lease);

		next = lease_after(gate, sandbox, lease);
		lease_revoke(gate, lease, &name);
	}
}
