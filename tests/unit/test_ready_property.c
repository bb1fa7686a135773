/*
 * Two gates that are told the same, one of which never has an answer ready: whatever happens, both do the
 * same. Every action is compared octet by octet, and after each step all leases and counters are.
 */
#include "message_maker.h"

#include "gate/engine.h"

#define SEQUENCES 400
#define STEPS     400
#define BOXES     3
#define TEXT      (1u << 18)
#define OPEN_MAX  256

static const char *const names[] = {"a.t", "b.t", "x.a.t", "d.corp", "www.b.t"};
static const char *const addresses[] = {"198.51.100.1", "198.51.100.2", "203.0.113.3",
					"10.20.0.4", "10.20.0.5"};
static const char *const sources[BOXES] = {"10.0.0.2", "10.0.0.3", "10.1.0.0/24"};

/* Rules that bound what is open in every way. */
static const char *const lists[] = {
	"a.t\nb.t\n.corp\n",
	"*.t\n*.corp lease-max=10s\n",
	"a.t:443,80\nb.t:443\nx.a.t types=A,AAAA,TXT\n",
	"a.t lease-max=2s\nb.t:443 lease-max=60s\nd.corp\n",
	"*.t types=A,AAAA,TXT,MX\n!b.t\n*.corp:22\n",
	"a.t cname=strict\n*.b.t\nb.t\n.corp private=10.20.0.0/16\n",
};

struct twin {
	struct ng_gate *gate;
	char *said; /* of the last input */
	size_t len;
};

struct world {
	struct twin twins[2];
	struct ng_image images[COUNT(lists)];
	struct ng_ruleset *rules[COUNT(lists)];
	struct ng_sandbox boxes[BOXES];
	bool gone[BOXES];
	uint64_t random, now_us, version;
	unsigned int sequence, step, n_clients;
	uint64_t asks[OPEN_MAX], orders[OPEN_MAX];
	struct ng_question asked[OPEN_MAX];
	size_t n_asks, n_orders;
	unsigned int box, name, type, form; /* that were asked for last */
};

static unsigned int below(struct world *world, unsigned int n)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (unsigned int)(world->random >> 33) % n;
}

static struct ng_addr addr_of(const char *text)
{
	struct ng_addr addr;

	assert_int_equal(ng_addr_parse(text, &addr), NG_OK);
	return addr;
}

/* ---- what each of them says ---- */

static void say(struct twin *twin, const char *what, const void *octets, size_t n)
{
	twin->len += (size_t)snprintf(twin->said + twin->len, TEXT - twin->len, " %s=", what);
	for (size_t i = 0; i < n; i++)
		twin->len += (size_t)snprintf(twin->said + twin->len, TEXT - twin->len, "%02x",
					      ((const uint8_t *)octets)[i]);
	assert_true(twin->len < TEXT - 64);
}

static void say_number(struct twin *twin, const char *what, uint64_t number)
{
	twin->len += (size_t)snprintf(twin->said + twin->len, TEXT - twin->len, " %s=%llu",
				      what, (unsigned long long)number);
}

static void say_text(struct twin *twin, const char *what, const char *text)
{
	say(twin, what, text ? text : "(none)", strlen(text ? text : "(none)"));
}

static void say_name(struct twin *twin, const struct ng_name *name)
{
	if (name)
		say(twin, "name", name->wire, name->len);
}

static void say_order(struct twin *twin, const struct ng_lease_order *order)
{
	say_number(twin, "number", order->number);
	say_number(twin, "sandbox", order->sandbox);
	say(twin, "client", &order->client, sizeof(order->client));
	say(twin, "addr", &order->addr, sizeof(order->addr));
	say_number(twin, "port", (uint64_t)order->port.proto << 16 | order->port.port);
	say_number(twin, "hold", order->hold_s);
	say_number(twin, "until", order->until_us);
	say_number(twin, "ends", order->ends_us);
	say_number(twin, "way", order->way);
	say_text(twin, "rule", order->rule);
	say_name(twin, order->name);
	for (size_t i = 0; i < order->trail.n_names; i++)
		say_name(twin, &order->trail.names[i]);
	say(twin, "addrs", order->trail.addrs,
	    order->trail.n_addrs * sizeof(*order->trail.addrs));
}

static void say_record(struct twin *twin, const struct ng_record *record)
{
	const uint64_t numbers[] = {record->event,   record->sandbox,       record->mode,
				    record->type,    record->verdict,       record->observed,
				    record->rcode,   (uint64_t)record->ede, record->line,
				    record->version, record->n_addrs,       record->n_ports,
				    record->ttl_s,   record->upstream_us,   record->commit_us,
				    record->cached,  record->lease_until_us};

	for (size_t i = 0; i < COUNT(numbers); i++)
		say_number(twin, "r", numbers[i]);
	say_text(twin, "id", record->id);
	say_text(twin, "box", record->sandbox_name);
	say_text(twin, "reason", record->reason);
	say_text(twin, "path", record->path);
	say_name(twin, record->name);
	say(twin, "client", &record->client, sizeof(record->client));
	say(twin, "upstream", &record->upstream, sizeof(record->upstream));
	say(twin, "addrs", record->addrs, record->n_addrs * sizeof(*record->addrs));
	for (size_t i = 0; i < record->n_ports; i++)
		say_number(twin, "port",
			   (uint64_t)record->ports[i].proto << 16 | record->ports[i].port);
}

static void say_ask(struct twin *twin, const struct ng_ask *ask)
{
	say_number(twin, "id", ask->id);
	say_number(twin, "route", ask->route);
	say_number(twin, "type", ask->question.type);
	say_name(twin, &ask->question.name);
	say_number(twin, "do", ask->dnssec_ok);
	say_number(twin, "cd", ask->cd);
}

static void say_action(struct twin *twin, const struct ng_action *action)
{
	say_number(twin, "\nkind", action->kind);
	if (action->kind == NG_ASK_UPSTREAM) {
		say_ask(twin, &action->ask);
	} else if (action->kind == NG_REPLY) {
		say_number(twin, "to", action->reply.client);
		say(twin, "wire", action->reply.wire, action->reply.len);
	} else if (action->kind == NG_RECORD) {
		say_record(twin, &action->record);
	} else if (action->kind == NG_DROP) {
		say_number(twin, "drop", action->drop);
	} else if (action->kind == NG_LEASE || action->kind == NG_REVOKE ||
		   action->kind == NG_EVICT || action->kind == NG_HOLD ||
		   action->kind == NG_RELEASE) {
		say_order(twin, &action->lease);
	}
}

/* What no view shows, and later answers, ends and records come from. */
static void say_inside(struct twin *twin)
{
	const struct lease *lease;
	size_t cursor = 0, n;

	while ((lease = book_each(&twin->gate->book, &cursor))) {
		const struct holder *holders = lease_holders(lease, &n);
		const struct lease_key key = lease_key(&twin->gate->book, lease);
		struct ng_name name;
		uint64_t at_us;

		say_number(twin, "\npromised", lease->promised_us);
		say_number(twin, "sure", lease_sure(lease));
		for (size_t i = 0; i < n; i++) {
			say_number(twin, "until", holders[i].until_us);
			say_number(twin, "need", holders[i].need_us);
			say_number(twin, "told", holders[i].told_us);
		}
		if (history_name(twin->gate, key.sandbox, &key.addr, &name, &at_us)) {
			say_name(twin, &name);
			say_number(twin, "at", at_us);
		}
	}
}

static void say_state(struct twin *twin)
{
	struct ng_lease_view lease;
	struct ng_counters counters;
	uint64_t cursor = 0;

	while (ng_gate_lease_at(twin->gate, &cursor, &lease)) {
		say_number(twin, "\nlease", lease.sandbox);
		say(twin, "client", &lease.client, sizeof(lease.client));
		say(twin, "addr", &lease.addr, sizeof(lease.addr));
		say_name(twin, &lease.name);
		say_number(twin, "until", lease.until_us);
		say_number(twin, "kept", lease.kept_us);
		say_number(twin, "confirmed", lease.confirmed);
	}
	ng_gate_counters(twin->gate, &counters);
	counters.cache_octets -= counters.ready_octets;
	counters.ready_hits = counters.ready_answers = counters.ready_octets = 0;
	say(twin, "\ncounters", &counters, sizeof(counters));
	say_number(twin, "deadline", ng_gate_deadline(twin->gate));
	say_inside(twin);
}

/* ---- both at once ---- */

static void note_action(struct world *world, const struct ng_action *action)
{
	if (action->kind == NG_ASK_UPSTREAM) {
		assert_true(world->n_asks < OPEN_MAX);
		world->asked[world->n_asks] = action->ask.question;
		world->asks[world->n_asks++] = action->ask.id;
	} else if (action->kind == NG_LEASE) {
		assert_true(world->n_orders < OPEN_MAX);
		world->orders[world->n_orders++] = action->lease.number;
	}
}

/* What the input that was just given to both has led to. */
static void same(struct world *world)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct twin *twin = &world->twins[i];
		struct ng_action action;

		twin->len = 0;
		while (ng_gate_next(twin->gate, &action)) {
			say_action(twin, &action);
			if (!i)
				note_action(world, &action);
		}
		say_state(twin);
	}
	if (world->twins[0].len != world->twins[1].len ||
	    memcmp(world->twins[0].said, world->twins[1].said, world->twins[0].len) != 0)
		fail_msg("sequence %u, step %u:\n%.*s\n---- without ready answers:\n%.*s",
			 world->sequence, world->step, (int)world->twins[0].len,
			 world->twins[0].said, (int)world->twins[1].len, world->twins[1].said);
}

#define both(world, call)                                                                      \
	do {                                                                                   \
		for (unsigned int twin_ = 0; twin_ < 2; twin_++) {                             \
			struct ng_gate *gate = (world)->twins[twin_].gate;                     \
			call;                                                                  \
		}                                                                              \
		same(world);                                                                   \
	} while (0)

/* ---- what happens ---- */

static void time_passes(struct world *world)
{
	static const uint32_t spans_ms[] = {1, 30, 400, 999, 1000, 2500, 9000, 45000};
	const uint64_t to_us =
		world->now_us + spans_ms[below(world, COUNT(spans_ms))] * 1000ull;
	uint64_t due_us;

	while ((due_us = ng_gate_deadline(world->twins[0].gate)) <= to_us) {
		if (due_us > world->now_us)
			world->now_us = due_us;
		both(world, ng_gate_tick(gate, world->now_us));
	}
	world->now_us = to_us;
}

static void message_draw(struct world *world, struct maker *maker)
{
	char text[32];

	snprintf(text, sizeof(text), "%s", names[world->name]);
	for (char *at = text; *at; at++)
		*at = (char)(*at >= 'a' && below(world, 2) ? *at - 32 : *at);
	make_header(maker, below(world, 4) ? 0x0100 : 0, 1, 0, 0, world->form ? 1 : 0);
	maker->octets[1] = (uint8_t)world->n_clients;
	maker->octets[3] |= world->form == 4 ? 0x10 : 0; /* CD */
	make_question(maker, text, world->type);
	if (!world->form)
		return;
	make_octets(maker, "", 1);
	make_u16(maker, NG_TYPE_OPT);
	make_u16(maker, world->form == 1 ? 1232 : 512);
	make_u32(maker, world->form == 2 ? 0x8000 : 0);
	make_u16(maker, 0);
}

/* Mostly much like the question before. */
static void ask(struct world *world)
{
	static const uint16_t types[] = {NG_TYPE_A, NG_TYPE_A,    NG_TYPE_A,
					 NG_TYPE_A, NG_TYPE_AAAA, NG_TYPE_TXT};
	struct maker maker;
	struct ng_client from = {.handle = ++world->n_clients, .tcp = !below(world, 12)};

	if (!below(world, 8)) {
		world->box = below(world, BOXES);
		world->name = below(world, COUNT(names));
		world->type = types[below(world, COUNT(types))];
		world->form = below(world, 8) < 6 ? below(world, 2) : below(world, 5);
	}
	from.addr = world->box < 2    ? addr_of(sources[world->box])
		    : below(world, 2) ? addr_of("10.1.0.5")
				      : addr_of("10.1.0.6");
	message_draw(world, &maker);
	both(world, ng_gate_query(gate, world->now_us, &from, maker.octets, maker.n));
}

static void make_answer(struct world *world, const struct ng_question *asked,
			struct maker *maker)
{
	static const uint32_t ttls[] = {1, 2, 5, 59, 60, 61, 300, 4000};
	const unsigned int n = below(world, 5), links = !below(world, 3);
	const bool soa = !n && below(world, 4);
	const char *target = names[below(world, COUNT(names))];
	char name[NG_NAME_TEXT_MAX];
	uint32_t ttl = ttls[below(world, COUNT(ttls))];

	ng_name_to_text(&asked->name, name);
	make_header(maker, n || links || below(world, 2) ? 0x8180 : 0x8183, 1, links + n, soa,
		    0);
	make_question(maker, name, asked->type);
	if (links) {
		const struct ng_name to = name_of(target);

		make_rr(maker, name, NG_TYPE_CNAME, ttl, to.wire, to.len);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct ng_addr addr = addr_of(addresses[below(world, COUNT(addresses))]);

		if (!below(world, 4))
			ttl = ttls[below(world, COUNT(ttls))];
		addr.bytes[15] = asked->type == NG_TYPE_AAAA;
		make_rr(maker, links ? target : name, asked->type, ttl,
			asked->type == NG_TYPE_TXT ? (const void *)"\5hello" : addr.bytes,
			asked->type == NG_TYPE_A     ? 4
			: asked->type == NG_TYPE_TXT ? 6
						     : 16);
	}
	if (soa) {
		static const uint8_t data[22] = {[21] = 30};

		make_rr(maker, ".", NG_TYPE_SOA, ttl, data, sizeof(data));
	}
}

static void answer(struct world *world)
{
	static const struct ng_addr server = {NG_IPV4, {192, 0, 2, 53}};
	const size_t i = world->n_asks ? below(world, (unsigned int)world->n_asks) : 0;
	const uint64_t id = world->asks[i];
	struct maker maker;

	if (!world->n_asks)
		return;
	make_answer(world, &world->asked[i], &maker);
	world->n_asks--;
	world->asks[i] = world->asks[world->n_asks];
	world->asked[i] = world->asked[world->n_asks];
	if (below(world, 12))
		both(world,
		     ng_gate_answer(gate, world->now_us, id, &server, maker.octets, maker.n));
	else
		both(world, ng_gate_no_answer(gate, world->now_us, id, NG_NO_TIME));
}

static void kernel_speaks(struct world *world)
{
	const size_t i = world->n_orders ? below(world, (unsigned int)world->n_orders) : 0;
	const uint64_t number = world->orders[i];
	const int code = below(world, 30) ? NG_OK : NG_E_KERNEL;

	if (!world->n_orders)
		return;
	world->orders[i] = world->orders[--world->n_orders];
	both(world, ng_gate_lease_result(gate, world->now_us, number, code));
}

static void policy_draw(struct world *world, struct ng_policy *policy)
{
	*policy = (struct ng_policy){0};
	policy->scopes[NG_SCOPE_SANDBOX].n = 1;
	policy->scopes[NG_SCOPE_SANDBOX].sources[0] = world->rules[below(world, COUNT(lists))];
}

static void box_changes(struct world *world)
{
	static const enum ng_mode modes[] = {NG_ENFORCE, NG_ENFORCE, NG_ENFORCE, NG_OBSERVE,
					     NG_LOCKDOWN};
	const unsigned int i = below(world, BOXES);
	struct ng_sandbox *box = &world->boxes[i];

	if (!world->gone[i] && !below(world, 5)) {
		world->gone[i] = true;
		both(world, ng_gate_sandbox_remove(gate, world->now_us, box->id));
		return;
	}
	world->gone[i] = false;
	box->mode = modes[below(world, COUNT(modes))];
	box->no_aaaa = !below(world, 4);
	/* The second may come to have what others were answered with as its own. */
	if (i == 1)
		assert_int_equal(ng_prefix_parse(below(world, 3) ? sources[i] : addresses[3],
						 &box->sources[0]),
				 NG_OK);
	policy_draw(world, &box->policy);
	both(world, assert_int_equal(ng_gate_sandbox_put(gate, world->now_us, box), NG_OK));
}

static void apply(struct world *world)
{
	struct ng_sandbox present[BOXES];
	struct ng_route routes[] = {{.id = 1, .zone = name_of(".")},
				    {.id = 2, .zone = name_of("corp"), .n_opened = 1}};
	const struct ng_prefix own = {.addr = addr_of(addresses[2]), .bits = 32};
	struct ng_generation generation = {.version = ++world->version,
					   .routes = routes,
					   .n_routes = COUNT(routes),
					   .own = &own,
					   .n_own = !below(world, 3),
					   .sandboxes = present};

	generation.settings = (struct ng_settings){.prefetch = below(world, 2),
						   .stale_s = below(world, 2) * 100,
						   .flow_lease_s = below(world, 2) * 3600,
						   .lease_min_s = below(world, 2) * 5,
						   .ttl_max_s = below(world, 3) ? 0 : 40};
	generation.settings.limits.leases_sandbox = below(world, 3) ? 0 : 3;
	generation.settings.limits.pending_sandbox = below(world, 6) ? 0 : 2;
	generation.settings.limits.cache_octets = below(world, 3) ? 0 : 2048;
	assert_int_equal(ng_prefix_parse("10.20.0.0/16", &routes[1].opened[0]), NG_OK);
	for (unsigned int i = 0; i < BOXES; i++) {
		if (below(world, 2))
			policy_draw(world, &world->boxes[i].policy);
		if (!world->gone[i])
			present[generation.n_sandboxes++] = world->boxes[i];
	}
	both(world, assert_int_equal(ng_gate_apply(gate, world->now_us, &generation), NG_OK));
}

static void warden_changes(struct world *world)
{
	world->n_orders = 0;
	both(world, ng_gate_warden_lost(gate, world->now_us));
	for (unsigned int i = below(world, 4); i > 0; i--)
		ask(world);
	both(world, ng_gate_warden_back(gate, world->now_us));
}

static void table_changes(struct world *world)
{
	both(world, ng_gate_table_lost(gate, world->now_us));
}

static void flow_goes_on(struct world *world)
{
	const struct ng_flow flow = {.sandbox = 1 + below(world, 2),
				     .addr = addr_of(addresses[below(world, 3)])};

	both(world, ng_gate_flow(gate, world->now_us, &flow));
}

static void packet_is_refused(struct world *world)
{
	const struct ng_blocked blocked = {.sandbox = 1 + below(world, 2),
					   .from = addr_of("10.0.0.2"),
					   .to = addr_of(addresses[below(world, 5)]),
					   .proto = 6,
					   .port = 443,
					   .count = 1,
					   .logged = 1};

	both(world, ng_gate_blocked(gate, world->now_us, &blocked));
}

static void flush(struct world *world)
{
	const struct ng_name name = name_of(names[below(world, COUNT(names))]);

	both(world, (void)ng_gate_flush(gate, world->now_us, &name, false));
}

static void something_happens(struct world *world)
{
	static const struct {
		void (*happen)(struct world *);
		unsigned int weight;
	} events[] = {{ask, 52},           {answer, 13},
		      {kernel_speaks, 17}, {time_passes, 8},
		      {box_changes, 2},    {apply, 1},
		      {warden_changes, 1}, {table_changes, 1},
		      {flow_goes_on, 2},   {packet_is_refused, 2},
		      {flush, 1}};
	unsigned int drawn = below(world, 100);

	for (size_t i = 0; i < COUNT(events); drawn -= events[i++].weight) {
		if (drawn < events[i].weight) {
			events[i].happen(world);
			return;
		}
	}
}

/* ---- the run ---- */

static void list_compile(struct world *world, size_t i)
{
	struct ng_diags diags;

	ng_diags_init(&diags);
	assert_int_equal(ng_compile(&(struct ng_source){.path = "drawn.list",
							.text = lists[i],
							.len = strlen(lists[i])},
				    &diags, &world->images[i]),
			 NG_OK);
	ng_diags_finish(&diags);
	assert_int_equal(ng_ruleset_open(world->images[i].octets, world->images[i].len,
					 &world->rules[i]),
			 NG_OK);
}

static void world_begin(struct world *world)
{
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ng_gate_create(world->random, &world->twins[i].gate), NG_OK);
		world->twins[i].said = malloc(TEXT);
		assert_non_null(world->twins[i].said);
	}
	ng_gate_ready(world->twins[1].gate, NG_READY_OFF);
	for (size_t i = 0; i < COUNT(lists); i++)
		list_compile(world, i);
	for (unsigned int i = 0; i < BOXES; i++) {
		struct ng_sandbox *box = &world->boxes[i];

		*box = (struct ng_sandbox){.id = i + 1, .mode = NG_ENFORCE, .n_sources = 1};
		snprintf(box->name, sizeof(box->name), "box%u", i + 1);
		assert_int_equal(ng_prefix_parse(sources[i], &box->sources[0]), NG_OK);
		policy_draw(world, &box->policy);
	}
	apply(world);
}

/* How many answers of the first were ready. */
static uint64_t world_end(struct world *world)
{
	struct ng_counters counters;

	ng_gate_counters(world->twins[0].gate, &counters);
	for (size_t i = 0; i < 2; i++) {
		ng_gate_destroy(world->twins[i].gate);
		free(world->twins[i].said);
	}
	for (size_t i = 0; i < COUNT(lists); i++) {
		ng_ruleset_close(world->rules[i]);
		ng_image_finish(&world->images[i]);
	}
	return counters.ready_hits;
}

static void nobody_can_tell(void **state)
{
	const char *given = getenv("NAMEGATE_SEED");
	const uint64_t seed = given ? strtoull(given, NULL, 0) : 0x7265616479u;
	uint64_t asked = 0, ready = 0;

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
		asked += world->n_clients;
		ready += world_end(world);
		free(world);
	}
	print_message("# %llu asked, %llu were ready\n", (unsigned long long)asked,
		      (unsigned long long)ready);
	assert_true(ready > asked / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_can_tell)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
