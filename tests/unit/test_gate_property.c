/*
 * The engine against the invariants: random policies, questions, answers, refusals and passing
 * time, a set that behaves as the kernel's does, and a plain re-implementation of policy beside it.
 *
 * 1 no question leaves that no waiting, entitled client caused; 2 no address is shown that the set
 * does not hold for that client, at every port that its rules name; 3 it holds it beyond TTL and
 * grace; 4 nothing is ordered but for an entitled client of that sandbox, at a port that some rule
 * names, and never in a private range; 5 without the kernel's word nothing is shown. Each client is
 * told exactly once, and what waits for approval is what a rule asks about. When a lease is closed, nothing is
 * left of what a caller was told to keep for it.
 */
#include "gate_model.h"

/* ---- the kernel's set ---- */

static bool same_port(struct ng_port a, struct ng_port b)
{
	return a.proto == b.proto && a.port == b.port;
}

static struct element *element_find(struct world *world, uint32_t sandbox,
				    const struct ng_addr *client, const struct ng_addr *addr,
				    struct ng_port port)
{
	for (size_t i = 0; i < world->n_elements; i++) {
		struct element *element = &world->elements[i];

		if (element->sandbox == sandbox && ng_addr_equal(&element->addr, addr) &&
		    ng_addr_equal(&element->client, client) && same_port(element->port, port) &&
		    element->until_us > world->now_us)
			return element;
	}
	return NULL;
}

/* ---- what is kept ---- */

static bool same_element(const struct ng_lease_order *a, const struct ng_lease_order *b)
{
	return a->sandbox == b->sandbox && ng_addr_equal(&a->addr, &b->addr) &&
	       ng_addr_equal(&a->client, &b->client) && same_port(a->port, b->port);
}

static void kept_forget(struct world *world, const struct ng_lease_order *order,
			const struct ng_name *name, uint64_t way)
{
	for (size_t i = world->n_kept; i-- > 0;) {
		const struct kept *kept = &world->kept[i];

		if (same_element(&kept->of, order) && ng_name_same(&kept->name, name) &&
		    kept->of.way == way)
			world->kept[i] = world->kept[--world->n_kept];
	}
}

static void keep(struct world *world, const struct ng_lease_order *order)
{
	kept_forget(world, order, order->trail.names, order->way);
	for (size_t i = world->n_kept; i-- > 0;)
		if (world->kept[i].of.until_us <= world->now_us)
			world->kept[i] = world->kept[--world->n_kept];
	assert_true(world->n_kept < OPEN_MAX);
	world->kept[world->n_kept++] = (struct kept){*order, order->trail.names[0], false};
}

static void kept_close(struct world *world, const struct ng_lease_order *order)
{
	for (size_t i = 0; i < order->n_held; i++)
		kept_forget(world, order, order->held[i].name, order->held[i].way);
	for (size_t i = 0; i < world->n_kept; i++)
		hold(world, !same_element(&world->kept[i].of, order) ||
				    world->kept[i].of.until_us <= world->now_us ||
				    world->kept[i].refused);
}

/* ---- the set ---- */

static void set_put(struct world *world, const struct ng_lease_order *order)
{
	struct element *element =
		element_find(world, order->sandbox, &order->client, &order->addr, order->port);

	if (!element) {
		assert_true(world->n_elements < OPEN_MAX);
		element = &world->elements[world->n_elements++];
		*element = (struct element){.sandbox = order->sandbox,
					    .client = order->client,
					    .addr = order->addr,
					    .port = order->port};
	}
	if (order->until_us > element->until_us)
		element->until_us = order->until_us;
}

static void set_take(struct world *world, const struct ng_lease_order *order)
{
	struct element *element =
		element_find(world, order->sandbox, &order->client, &order->addr, order->port);

	for (size_t i = world->n_orders; i-- > 0;) {
		const struct ng_lease_order *open = &world->orders[i];

		if (open->sandbox == order->sandbox &&
		    ng_addr_equal(&open->addr, &order->addr) &&
		    same_port(open->port, order->port) &&
		    ng_addr_equal(&open->client, &order->client))
			world->orders[i] = world->orders[--world->n_orders];
	}
	if (!element)
		return;
	hold(world, element->promised_us <= world->now_us || world->policed);
	*element = world->elements[--world->n_elements];
}

static void set_flush(struct world *world, uint32_t sandbox)
{
	for (size_t i = world->n_kept; i-- > 0;) {
		if (world->kept[i].of.sandbox == sandbox)
			world->kept[i] = world->kept[--world->n_kept];
	}
	for (size_t i = world->n_elements; i-- > 0;) {
		if (world->elements[i].sandbox == sandbox)
			world->elements[i] = world->elements[--world->n_elements];
	}
	for (size_t i = world->n_orders; i-- > 0;) {
		if (world->orders[i].sandbox == sandbox)
			world->orders[i] = world->orders[--world->n_orders];
	}
}

/* ---- what comes out ---- */

static const char *name_text(const struct ng_name *name, char buf[static NG_NAME_TEXT_MAX])
{
	return ng_name_to_text(name, buf);
}

static bool is_target(const struct world *world, const char *name)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		if (world->target[i] && strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/*
 * May an alias lead this client into the private zone? Only by a target that it may ask itself;
 * from there on the zone's own aliases count as the zone's word.
 */
static bool may_enter(const struct world *world, const struct client *client)
{
	if (ends_below(names[client->name], "corp"))
		return true;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (world->target[i] && ends_below(names[i], "corp") &&
		    may_ask(world, client->box, names[i]))
			return true;
	}
	return false;
}

/* Does a client wait that is entitled to its own question, and by it to this one? */
static bool entitled(const struct world *world, const char *name)
{
	for (size_t i = 0; i < world->n_clients; i++) {
		const struct client *client = &world->clients[i];

		if (client->told || !may_ask(world, client->box, names[client->name]))
			continue;
		if (strcmp(names[client->name], name) == 0)
			return true;
		if (is_target(world, name) &&
		    (!ends_below(name, "corp") || may_enter(world, client)))
			return true;
	}
	return false;
}

static bool waits(const struct world *world, uint32_t sandbox)
{
	for (size_t i = 0; i < world->n_clients; i++) {
		const struct client *client = &world->clients[i];

		if (!client->told && world->boxes[client->box].id == sandbox &&
		    may_ask(world, client->box, names[client->name]))
			return true;
	}
	return false;
}

static void see_ask(struct world *world, const struct ng_ask *ask)
{
	char name[NG_NAME_TEXT_MAX];

	hold(world, entitled(world, name_text(&ask->question.name, name)));
	hold(world, ask->route == (ends_below(name, "corp") ? 2u : 1u));
	assert_true(world->n_asks < OPEN_MAX);
	world->asks[world->n_asks++] = *ask;
	world->asked++;
}

/* Does a rule for the name, or for something that it was aliased to, open this port? */
static bool port_named(const struct world *world, unsigned int box, const char *name,
		       struct ng_port port)
{
	bool open[COUNT(ports)];
	struct chain chain = {{name}, 1};

	for (size_t i = 0; i <= COUNT(names); i++) {
		if (i < COUNT(names) && !world->target[i])
			continue;
		chain.names[1] = i < COUNT(names) ? names[i] : NULL;
		chain.n = i < COUNT(names) ? 2 : 1;
		ports_said(world, box, &chain, open);
		if (open[0])
			return true;
		for (size_t j = 0; j < COUNT(ports); j++) {
			if (open[j] && same_port(ports[j], port))
				return true;
		}
	}
	return false;
}

static void see_order(struct world *world, const struct ng_lease_order *order)
{
	char name[NG_NAME_TEXT_MAX];

	hold(world, order->sandbox >= 1 && order->sandbox <= BOXES);
	hold(world, may_ask(world, order->sandbox - 1, name_text(order->name, name)));
	hold(world, port_named(world, order->sandbox - 1, name, order->port));
	world->bound += order->port.proto > 0;
	hold(world, world->back || waits(world, order->sandbox));
	hold(world, world->back || order->until_us >= world->now_us + GRACE_S * SECOND_US);
	hold(world, !world->lost);
	for (size_t i = PRIVATE_FROM; i < COUNT(addresses); i++) {
		const struct ng_addr addr = addr_of(addresses[i]);

		hold(world, !ng_addr_equal(&order->addr, &addr));
	}
	assert_true(world->n_orders < OPEN_MAX);
	world->orders[world->n_orders++] = *order;
	world->ordered++;
}

static struct client *tell(struct world *world, uint64_t handle)
{
	hold(world, handle >= 1 && handle <= world->n_clients);
	hold(world, !world->clients[handle - 1].told);
	world->clients[handle - 1].told = true;
	return &world->clients[handle - 1];
}

static void see_address(struct world *world, const struct client *client,
			const struct ng_rr *rr, struct ng_port port)
{
	const struct ng_addr addr = ng_addr_make(NG_IPV4, rr->rdata), whole = {0};
	uint64_t need_us = world->now_us + (rr->ttl + (uint64_t)GRACE_S) * SECOND_US;
	uint32_t sandbox = world->boxes[client->box].id;
	struct element *element = element_find(world, sandbox, &whole, &addr, port);

	if (!element)
		element = element_find(world, sandbox, &client->addr, &addr, port);
	hold(world, !world->lost);
	hold(world, element != NULL);
	hold(world, element->until_us >= need_us);
	if (need_us > element->promised_us)
		element->promised_us = need_us;
	world->shown++;
}

/* The asked name and the aliases of the reply; text has room for their names. */
static struct chain chain_of(struct world *world, const struct client *client,
			     const struct ng_answer *answer,
			     char text[COUNT(names)][NG_NAME_TEXT_MAX])
{
	struct chain chain = {{names[client->name]}, 1};
	struct ng_name target;

	for (size_t i = 0; i < answer->n; i++) {
		if (answer->rrs[i].type != NG_TYPE_CNAME)
			continue;
		hold(world, chain.n < COUNT(chain.names));
		assert_int_equal(
			ng_name_from_wire(answer->rrs[i].rdata, answer->rrs[i].rdlen, &target),
			NG_OK);
		chain.names[chain.n] = ng_name_to_text(&target, text[chain.n - 1]);
		chain.n++;
	}
	return chain;
}

static void see_answers(struct world *world, const struct client *client,
			const struct ng_answer *answer)
{
	char text[COUNT(names)][NG_NAME_TEXT_MAX];
	struct chain chain = chain_of(world, client, answer, text);
	bool open[COUNT(ports)];

	hold(world, may_show(world, client->box, &chain));
	world->observed += world->boxes[client->box].mode == NG_OBSERVE;
	ports_of(world, client->box, &chain, open);
	for (size_t i = 0; i < answer->n; i++) {
		bool address = answer->rrs[i].type == NG_TYPE_A;

		hold(world, address || answer->rrs[i].type == NG_TYPE_CNAME);
		hold(world, !address || answer->rcode == NG_RCODE_NOERROR);
		for (size_t j = 0; address && j < COUNT(ports); j++) {
			if (open[j])
				see_address(world, client, &answer->rrs[i], ports[j]);
		}
	}
}

static void see_reply(struct world *world, const struct ng_reply *reply)
{
	const struct client *client = tell(world, reply->client);
	bool may = may_ask(world, client->box, names[client->name]);
	struct ng_answer answer;

	arena_reset(&world->arena);
	hold(world, ng_answer_parse(reply->wire, reply->len, &world->arena, &answer) == NG_OK);
	hold(world, answer.id == (uint16_t)reply->client);
	hold(world, may || answer.n == 0);
	if (!may && !world->gone[client->box]) {
		hold(world, answer.rcode == NG_RCODE_NXDOMAIN);
		world->denied++;
	}
	if (answer.n)
		see_answers(world, client, &answer);
}

/* Does a rule ask about the name, or about something that it was aliased to? */
static bool asks_about(const struct world *world, unsigned int box, const char *name)
{
	struct chain chain = {{name}, 1};
	bool asks = verdict(world, box, &chain) == ASKS;

	chain.n = 2;
	for (size_t i = 0; i < COUNT(names) && !asks; i++) {
		chain.names[1] = names[i];
		asks = world->target[i] && verdict(world, box, &chain) == ASKS;
	}
	return asks;
}

/* What waits is what a rule asks about at this moment, and nobody approved. */
static void see_waiting(struct world *world)
{
	struct ng_waiting waiting;
	uint64_t cursor = 0;

	while (ng_gate_waiting_at(world->gate, &cursor, &waiting)) {
		char name[NG_NAME_TEXT_MAX];
		unsigned int box = waiting.sandbox - 1;

		hold(world, !world->gone[box]);
		hold(world, asks_about(world, box, ng_name_to_text(waiting.name, name)));
		world->waited++;
	}
}

static void drain(struct world *world)
{
	struct ng_action action;

	while (ng_gate_next(world->gate, &action)) {
		if (action.kind == NG_ASK_UPSTREAM)
			see_ask(world, &action.ask);
		else if (action.kind == NG_LEASE)
			see_order(world, &action.lease);
		else if (action.kind == NG_REVOKE || action.kind == NG_EVICT)
			set_take(world, &action.lease), kept_close(world, &action.lease);
		else if (action.kind == NG_RELEASE)
			kept_forget(world, &action.lease, action.lease.name, action.lease.way);
		if (action.kind == NG_LEASE || action.kind == NG_HOLD)
			keep(world, &action.lease);
		else if (action.kind == NG_REPLY)
			see_reply(world, &action.reply);
		else if (action.kind == NG_DROP)
			tell(world, action.drop);
	}
}

/* ---- what happens ---- */

static void wake(struct world *world, uint64_t to_us)
{
	uint64_t due_us;

	while ((due_us = ng_gate_deadline(world->gate)) <= to_us) {
		if (due_us > world->now_us)
			world->now_us = due_us;
		ng_gate_tick(world->gate, world->now_us);
		drain(world);
		hold(world, ng_gate_deadline(world->gate) > world->now_us);
	}
	world->now_us = to_us;
}

static void time_passes(struct world *world)
{
	static const uint32_t spans_ms[] = {1, 20, 400, 1100, 5000, 45000, 100000};

	wake(world, world->now_us + spans_ms[below(world, COUNT(spans_ms))] * 1000ull);
}

static void ask(struct world *world)
{
	struct client *client = &world->clients[world->n_clients++];
	uint64_t asks = world->asked, ordered = world->ordered;
	struct maker maker = {0};
	struct ng_client from;
	char text[32];

	client->box = below(world, BOXES);
	client->name = below(world, COUNT(names));
	client->type = below(world, 8) ? NG_TYPE_A : NG_TYPE_TXT;
	client->addr = client->box == 2 ? addr_of(below(world, 2) ? "10.1.0.5" : "10.1.0.6")
					: world->boxes[client->box].sources[0].addr;
	snprintf(text, sizeof(text), "%s", names[client->name]);
	for (char *at = text; *at; at++)
		*at = (char)(*at >= 'a' && below(world, 2) ? *at - 32 : *at);
	make_header(&maker, 0x0100, 1, 0, 0, 0);
	maker.octets[0] = (uint8_t)(world->n_clients >> 8);
	maker.octets[1] = (uint8_t)world->n_clients;
	make_question(&maker, text, client->type);
	from = (struct ng_client){
		.handle = world->n_clients, .addr = client->addr, .tcp = below(world, 2)};
	ng_gate_query(world->gate, world->now_us, &from, maker.octets, maker.n);
	drain(world);
	if (!may_ask(world, client->box, names[client->name]))
		hold(world, client->told && world->asked == asks && world->ordered == ordered);
}

/* Perhaps an alias, then some addresses; sometimes something that is no message. */
static void make_answer(struct world *world, struct maker *maker, const char *asked)
{
	static const uint32_t ttls[] = {0, 5, 59, 60, 61, 100, 4000, 0x80000000u};
	unsigned int links = below(world, 3) == 0, n = below(world, 4),
		     to = below(world, COUNT(names));
	uint32_t ttl = ttls[below(world, COUNT(ttls))];
	const char *owner = links ? names[to] : asked;
	struct ng_name target;

	make_header(maker, n || links || below(world, 2) ? 0x8180 : 0x8183, 1, links + n, 0, 0);
	make_question(maker, asked, NG_TYPE_A);
	if (links) {
		world->target[to] = true;
		target = name_of(names[to]);
		make_rr(maker, asked, NG_TYPE_CNAME, ttl, target.wire, target.len);
	}
	for (unsigned int i = 0; i < n; i++) {
		const struct ng_addr addr = addr_of(addresses[below(world, COUNT(addresses))]);

		make_rr(maker, owner, NG_TYPE_A, ttl, addr.bytes, 4);
	}
	if (below(world, 12) == 0)
		maker->n -= below(world, 8);
}

static void answer(struct world *world)
{
	static const struct ng_addr server = {NG_IPV4, {192, 0, 2, 53}};
	unsigned int i = world->n_asks ? below(world, (unsigned int)world->n_asks) : 0;
	const struct ng_ask open = world->asks[i];
	struct maker maker = {0};
	char name[NG_NAME_TEXT_MAX];

	if (!world->n_asks)
		return;
	world->asks[i] = world->asks[--world->n_asks];
	make_answer(world, &maker, name_text(&open.question.name, name));
	if (below(world, 10))
		ng_gate_answer(world->gate, world->now_us, open.id, &server, maker.octets,
			       maker.n);
	else
		ng_gate_no_answer(world->gate, world->now_us, open.id, NG_NO_TIME);
	drain(world);
}

static void kernel_speaks(struct world *world)
{
	unsigned int i = world->n_orders ? below(world, (unsigned int)world->n_orders) : 0;
	const struct ng_lease_order order = world->orders[i];
	int code = below(world, 6) ? NG_OK : NG_E_KERNEL;

	if (!world->n_orders)
		return;
	world->orders[i] = world->orders[--world->n_orders];
	if (code == NG_OK)
		set_put(world, &order);
	for (size_t k = 0; code != NG_OK && k < world->n_kept; k++)
		world->kept[k].refused |= same_element(&world->kept[k].of, &order);
	ng_gate_lease_result(world->gate, world->now_us, order.number, code);
	drain(world);
}

static void apply(struct world *world)
{
	struct ng_sandbox present[BOXES];
	struct ng_route routes[] = {{.id = 1, .zone = name_of(".")},
				    {.id = 2, .zone = name_of("corp"), .n_opened = 1}};
	struct ng_generation generation = {.version = ++world->version,
					   .routes = routes,
					   .n_routes = COUNT(routes),
					   .sandboxes = present};

	if (world->sequence % 2) /* so few that some must give way */
		generation.settings.limits.leases_sandbox = 1 + world->sequence / 2 % 2;
	assert_int_equal(ng_prefix_parse("10.20.0.0/16", &routes[1].opened[0]), NG_OK);
	for (unsigned int i = 0; i < BOXES; i++) {
		struct ng_policy *policy = &world->boxes[i].policy;

		*policy = (struct ng_policy){0};
		policy->scopes[NG_SCOPE_GLOBAL].n = 1;
		policy->scopes[NG_SCOPE_GLOBAL].sources[0] = world->house.compiled;
		policy->scopes[NG_SCOPE_SANDBOX].n = 1;
		policy->scopes[NG_SCOPE_SANDBOX].sources[0] = world->lists[i].compiled;
		policy->approvals = world->approvals[i].compiled;
		if (!world->gone[i])
			present[generation.n_sandboxes++] = world->boxes[i];
		else
			set_flush(world, world->boxes[i].id);
	}
	world->policed = true; /* what was promised may be taken back */
	assert_int_equal(ng_gate_apply(world->gate, world->now_us, &generation), NG_OK);
	drain(world);
	for (size_t i = 0; i < world->n_elements; i++)
		world->elements[i].promised_us = 0;
	world->policed = false;
}

static void policy_changes(struct world *world)
{
	unsigned int i = below(world, BOXES + 1);
	struct list *list = i < BOXES ? &world->lists[i] : &world->house, old = *list;

	*list = list_draw(world, "drawn");
	apply(world);
	list_end(&old);
}

static void somebody_approves(struct world *world)
{
	unsigned int box = below(world, BOXES), name = below(world, COUNT(names));
	struct list old = world->approvals[box];

	world->approved[box][name] = !world->approved[box][name];
	world->approvals[box] = approvals_make(world, box);
	apply(world);
	list_end(&old);
}

static void sandbox_changes(struct world *world)
{
	unsigned int i = below(world, BOXES);

	if (below(world, 2))
		world->gone[i] = !world->gone[i];
	else
		world->boxes[i].mode = (enum ng_mode)below(world, 3);
	apply(world);
}

static void warden_changes(struct world *world)
{
	if (!world->lost) {
		world->lost = true;
		world->n_orders = 0;
		ng_gate_warden_lost(world->gate, world->now_us);
		drain(world);
		return;
	}
	world->lost = false;
	world->back = true;
	ng_gate_warden_back(world->gate, world->now_us);
	drain(world);
	world->back = false;
}

static void something_happens(struct world *world)
{
	static const struct {
		void (*happen)(struct world *);
		unsigned int weight;
	} events[] = {{ask, 30},           {answer, 24},          {kernel_speaks, 28},
		      {time_passes, 8},    {policy_changes, 3},   {sandbox_changes, 2},
		      {warden_changes, 3}, {somebody_approves, 2}};
	unsigned int drawn = below(world, 100);

	for (size_t i = 0; i < COUNT(events); i++) {
		if (drawn < events[i].weight) {
			events[i].happen(world);
			see_waiting(world);
			return;
		}
		drawn -= events[i].weight;
	}
}

/* Everything open is answered or runs out: then all must have been told. */
static void settle(struct world *world)
{
	while (world->n_asks) {
		ng_gate_no_answer(world->gate, world->now_us, world->asks[--world->n_asks].id,
				  NG_NO_TIME);
		drain(world);
	}
	wake(world, world->now_us + 2 * SECOND_US);
	for (size_t i = 0; i < world->n_clients; i++)
		hold(world, world->clients[i].told);
}

static void world_begin(struct world *world)
{
	static const char *const sources[BOXES] = {"10.0.0.2", "10.0.0.3", "10.1.0.0/24"};

	arena_init(&world->arena, 1u << 20);
	assert_int_equal(ng_gate_create(draw(world), &world->gate), NG_OK);
	world->house = list_draw(world, "house");
	for (unsigned int i = 0; i < BOXES; i++) {
		world->lists[i] = list_draw(world, "own");
		world->approvals[i] = approvals_make(world, i);
		world->boxes[i] =
			(struct ng_sandbox){.id = i + 1, .mode = NG_ENFORCE, .n_sources = 1};
		snprintf(world->boxes[i].name, sizeof(world->boxes[i].name), "box%u", i + 1);
		assert_int_equal(ng_prefix_parse(sources[i], &world->boxes[i].sources[0]),
				 NG_OK);
	}
	apply(world);
}

static void world_end(struct world *world)
{
	ng_gate_destroy(world->gate);
	list_end(&world->house);
	for (unsigned int i = 0; i < BOXES; i++) {
		list_end(&world->lists[i]);
		list_end(&world->approvals[i]);
	}
	arena_finish(&world->arena);
}

static uint64_t evictions(const struct world *world)
{
	struct ng_counters counters;

	ng_gate_counters(world->gate, &counters);
	return counters.evicted;
}

static void invariants_hold(void **state)
{
	const char *given = getenv("NAMEGATE_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 0x6e616d6567617465u;
	uint64_t asked = 0, ordered = 0, shown = 0, denied = 0, bound = 0, waited = 0,
		 observed = 0, evicted = 0;

	(void)state;
	print_message("# NAMEGATE_SEED=%#llx repeats this run\n", (unsigned long long)seed);
	for (unsigned int i = 0; i < SEQUENCES; i++) {
		struct world *world = calloc(1, sizeof(*world));

		assert_non_null(world);
		world->random = (seed + i * 0x9e3779b97f4a7c15u) | 1;
		world->sequence = i;
		world_begin(world);
		for (; world->step < STEPS; world->step++)
			something_happens(world);
		settle(world);
		asked += world->asked;
		ordered += world->ordered;
		shown += world->shown;
		denied += world->denied;
		bound += world->bound;
		waited += world->waited;
		observed += world->observed;
		evicted += evictions(world);
		world_end(world);
		free(world);
	}
	print_message("# %llu with ports, %llu waiting, %llu observed, %llu evicted\n",
		      (unsigned long long)bound, (unsigned long long)waited,
		      (unsigned long long)observed, (unsigned long long)evicted);
	print_message("# %llu asked, %llu leases, %llu addresses shown, %llu denied\n",
		      (unsigned long long)asked, (unsigned long long)ordered,
		      (unsigned long long)shown, (unsigned long long)denied);
	assert_true(asked > SEQUENCES && ordered > SEQUENCES && shown > SEQUENCES &&
		    denied > SEQUENCES && bound > SEQUENCES / 2 && waited > SEQUENCES &&
		    observed > SEQUENCES / 8 && evicted > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(invariants_hold)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
