/*
 * Orders: what the kernel is asked for, and who waits for its word. A lease may have several in
 * flight, each for a further end; only what was confirmed counts.
 */
#include "gate/engine.h"

#include <stdlib.h>

static void order_free(struct ng_gate *gate, struct order *order)
{
	const uint32_t place = number_place(order->number);

	DL_DELETE2(gate->orders, order, older, newer);
	DL_DELETE(order->lease->more->orders, order);
	lease_narrow(&gate->book, order->lease);
	trail_release(gate, lease_sandbox(&gate->book, order->lease), order->trail);
	order->number = 0;
	slab_give(&gate->order_slab, place);
}

/* Without memory for all of it there is none: then the lease is told without one, and not kept. */
static struct ng_trail trail_words(struct ng_gate *gate, const struct ng_trail *trail)
{
	struct ng_trail out = *trail;

	out.names = arena_copy(&gate->words, out.names, out.n_names * sizeof(*out.names));
	out.addrs = arena_copy(&gate->words, out.addrs, out.n_addrs * sizeof(*out.addrs));
	return out.names && out.addrs ? out : (struct ng_trail){0};
}

static bool is_said(const struct ng_gate *gate, const struct said *said,
		    const struct ng_trail *trail, const struct ng_addr *alone)
{
	const struct ng_trail *of = &said->of;

	return said->input == gate->input && ng_addr_equal(&said->alone, alone) &&
	       of->names == trail->names && of->n_names == trail->n_names &&
	       of->addrs == trail->addrs && of->n_addrs == trail->n_addrs &&
	       of->local == trail->local && of->replaces == trail->replaces;
}

/* "path:line" of the rule that the held name of the trail stands under. */
static const char *rule_words(struct ng_gate *gate, const struct sandbox *sandbox,
			      const struct ng_trail *trail, size_t held,
			      const struct ng_addr *client, const struct said *said)
{
	const struct ng_decision *decision = said->decided;
	struct ng_decision anew;

	if (!decision || held || trail->local || !ng_addr_equal(said->asker, client)) {
		trail_decide(sandbox, trail, &trail->names[held], client, &anew);
		decision = &anew;
	}
	return decision->matched ? word_place(gate, decision->match.path, decision->match.line)
				 : "";
}

static void say(struct ng_gate *gate, const struct lease *lease, const struct ng_trail *trail,
		struct said *out)
{
	const struct sandbox *sandbox = lease_sandbox(&gate->book, lease);
	const struct ng_addr alone = lease_alone(lease);
	struct ng_addr client;
	size_t held;

	if (is_said(gate, out, trail, &alone))
		return;
	client = lease_client(gate, lease, 0);
	held = path_held(sandbox, trail);
	out->input = gate->input;
	out->of = *trail;
	out->alone = alone;
	out->trail = trail_words(gate, trail);
	out->name = out->trail.names ? &out->trail.names[held]
				     : word_name(gate, &trail->names[held]);
	out->rule = rule_words(gate, sandbox, trail, held, &client, out);
	out->sandbox_name = word_text(gate, sandbox->spec.name);
	out->way = trail_way(trail);
}

void order_words(struct ng_gate *gate, const struct lease *lease, const struct ng_trail *trail,
		 struct said *said, uint64_t ends_us, uint64_t until_us,
		 struct ng_lease_order *out)
{
	bool kept = until_us > ends_us; /* what its name does not ask for, a flow does */
	struct said here = {0};

	said = said ? said : &here;
	say(gate, lease, trail, said);
	*out = (struct ng_lease_order){
		.sandbox = lease_sandbox(&gate->book, lease)->spec.id,
		.client = said->alone,
		.addr = lease_addr(lease),
		.port = lease_port(lease),
		.grace_s = kept ? 0 : gate->settings.grace_s,
		.until_us = until_us,
		.ends_us = kept ? ends_us : 0,
		.name = said->name,
		.rule = said->rule,
		.sandbox_name = said->sandbox_name,
		.type = lease->v6 ? NG_TYPE_AAAA : NG_TYPE_A,
		.way = said->way,
		.trail = said->trail,
	};
}

static struct order *order_make(struct ng_gate *gate, struct lease *lease, struct trail *trail,
				uint64_t until_us)
{
	uint32_t place;
	struct order *order;

	if (gate->order_slab.items >= PLACES_MAX || lease_widen(&gate->book, lease))
		return NULL;
	order = slab_take(&gate->order_slab, &place);
	if (!order)
		return NULL;
	order->number = number_make(&gate->last_order, place);
	order->until_us = until_us;
	order->lease = lease;
	order->trail = trail_share(trail);
	DL_APPEND2(gate->orders, order, older, newer);
	DL_APPEND(lease->more->orders, order);
	return order;
}

struct order *order_send(struct ng_gate *gate, struct lease *lease, struct trail *by,
			 const struct ng_trail *trail, struct said *said,
			 const struct order_wish *wish)
{
	struct order *order = order_make(gate, lease, by, wish->until_us);
	struct ng_lease_order *words;

	if (!order)
		return NULL;
	words = &action_add(gate, NG_LEASE)->lease;
	order_words(gate, lease, trail, said, wish->ends_us, wish->until_us, words);
	words->number = order->number;
	words->hold_s = wish->hold_s;
	words->type = wish->type;
	gate->counters.leases_ordered++;
	return order;
}

struct order *order_reaching(const struct lease *lease, uint64_t need_us)
{
	struct order *order;

	DL_FOREACH (lease_orders(lease), order) {
		if (order->until_us >= need_us)
			return order;
	}
	return NULL;
}

void order_await(struct order *order, struct wait *wait)
{
	wait->order = order;
	wait->query->open_waits++;
	DL_APPEND(order->waits, wait);
}

void order_resolve(struct ng_gate *gate, struct order *order, int code)
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
	struct order *order = slab_peek(&gate->order_slab, number_place(number));

	return order && order->number == number ? order : NULL;
}

bool ng_gate_order(const struct ng_gate *gate, uint64_t number, struct ng_name *name,
		   struct ng_lease_order *out)
{
	const struct order *order = order_find(gate, number);
	struct trail_view view;
	struct lease_key key;

	if (!order)
		return false;
	key = lease_key(&gate->book, order->lease);
	trail_read(order->trail, &view);
	*name = view.names[0];
	*out = (struct ng_lease_order){
		.number = number,
		.sandbox = key.sandbox,
		.client = key.client,
		.addr = key.addr,
		.port = key.port,
		.name = name,
		.way = trail_way(&view.trail),
	};
	return true;
}

bool ng_gate_holds(const struct ng_gate *gate, const struct ng_lease_order *order)
{
	const struct lease_key key =
		lease_key_of(order->sandbox, &order->client, &order->addr, order->port);

	return book_find(&gate->book, &key) != NULL;
}

void ng_gate_lease_result(struct ng_gate *gate, uint64_t now_us, uint64_t number, int code)
{
	struct order *order = order_find(gate, number);
	struct holder *holders;
	struct lease *lease;
	size_t n;

	actions_begin(gate, now_us);
	if (!order)
		return;
	lease = order->lease;
	if (code == NG_OK)
		lease_confirm(lease, order->until_us);
	holders = lease_holders(lease, &n);
	for (size_t i = 0; code == NG_OK && i < n; i++) /* who waited as well */
		holder_tell(gate, lease, &holders[i]);
	if (code != NG_OK)
		gate->counters.leases_refused++;
	order_resolve(gate, order, code);
	if (!lease->confirmed_us && !lease_orders(lease)) /* it never came to be */
		lease_free(gate, lease, code);
}
