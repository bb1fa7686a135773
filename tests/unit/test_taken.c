/*
 * Leases to what becomes a sandbox's own address: none is missed, what is not concerned is left alone, and nearly
 * every registration finds at once that there is nothing to look for.
 */
#include "gate_world.h"

#define BOXES   1000
#define EACH    100
#define HOUR_US (3600ull * SECOND_US)

static uint32_t random_next(uint32_t *state)
{
	return *state = *state * 1664525u + 1013904223u;
}

static struct ng_prefix prefix_of(const char *text)
{
	struct ng_prefix prefix;

	assert_int_equal(ng_prefix_parse(text, &prefix), NG_OK);
	return prefix;
}

static struct ng_addr v4_of(uint32_t number)
{
	return ng_addr_make(NG_IPV4,
			    (uint8_t[]){(uint8_t)(number >> 24), (uint8_t)(number >> 16),
					(uint8_t)(number >> 8), (uint8_t)number});
}

/* The block counts as well as the address, and a saturated count stays. */
static void what_is_counted_is_seen(void **state)
{
	struct leads leads = {.seed = 7};
	const struct ng_addr one = addr_of("198.51.100.7"), six = addr_of("2001:db8:1:2::7");
	static const char *const there[] = {
		"198.51.100.7",      "198.51.100.0/24",   "198.51.100.0/28",
		"198.51.64.0/18",    "198.0.0.0/8",       "2001:db8:1:2::7",
		"2001:db8:1:2::/64", "2001:db8:1:0::/56", "2001:db8::/32"};
	static const char *const not_there[] = {"198.51.100.8",      "198.51.101.0/24",
						"198.52.0.0/16",     "2001:db8:1:2::8",
						"2001:db8:1:3::/64", "2001:db8:1:100::/56"};

	(void)state;
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		const struct ng_prefix prefix = prefix_of(there[i]);

		assert_false(leads_may(&leads, &prefix));
	}
	for (int round = 0; round < 1000; round++) {
		leads_add(&leads, &one);
		leads_take(&leads, &one);
	}
	leads_add(&leads, &one);
	leads_add(&leads, &six);
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		const struct ng_prefix prefix = prefix_of(there[i]);

		assert_true(leads_may(&leads, &prefix));
	}
	for (size_t i = 0; i < sizeof(not_there) / sizeof(not_there[0]); i++) {
		const struct ng_prefix prefix = prefix_of(not_there[i]);

		assert_false(leads_may(&leads, &prefix));
	}
	for (int round = 0; round < 1000; round++)
		leads_add(&leads, &six);
	for (int round = 0; round < 1000; round++)
		leads_take(&leads, &six);
	leads_take(&leads, &one);
	assert_true(leads_may(&leads, &(struct ng_prefix){six, 128}));
	assert_false(leads_may(&leads, &(struct ng_prefix){one, 32}));
	leads_finish(&leads);
}

static void sandbox_put(struct ng_gate *gate, uint32_t id, const char *source)
{
	struct ng_sandbox box = {.id = id, .mode = NG_OBSERVE, .n_sources = 1};

	snprintf(box.name, sizeof(box.name), "box%u", id);
	box.sources[0] = prefix_of(source);
	assert_int_equal(ng_gate_sandbox_put(gate, 1, &box), NG_OK);
}

static void drain(struct ng_gate *gate)
{
	struct ng_action action;

	while (ng_gate_next(gate, &action))
		;
}

static void lease_make(struct ng_gate *gate, uint32_t id, const struct ng_addr *addr,
		       const struct ng_addr *client)
{
	struct sandbox *sandbox = directory_by_id(&gate->directory, id);
	const struct ng_name name = name_of("files.example");
	const struct ng_trail trail = {
		.names = &name, .n_names = 1, .addrs = addr, .n_addrs = 1};
	const struct lease_key key = lease_key_of(id, client, addr, (struct ng_port){0});
	struct trail *shared = NULL;
	struct holder *holder;
	struct lease *lease;

	assert_int_equal(
		lease_hold(gate, sandbox, &key, &trail, &shared, HOUR_US, &lease, &holder),
		NG_OK);
	trail_release(gate, sandbox, shared);
}

/* Takes them all; each is to be of the prefix, said with its cause, and to be ended in the kernel. */
static size_t revoked(struct ng_gate *gate, const struct ng_prefix *prefix, const char *whose)
{
	struct ng_action action;
	size_t n = 0, said = 0;

	while (ng_gate_next(gate, &action)) {
		if (action.kind == NG_REVOKE) {
			assert_true(ng_prefix_contains(prefix, &action.lease.addr));
			n++;
		} else if (action.kind == NG_RECORD) {
			assert_int_equal(action.record.event, NG_EVENT_REVOKED);
			assert_non_null(strstr(action.record.reason, whose));
			said++;
		}
	}
	assert_int_equal(n, said);
	return n;
}

static size_t leading(const struct ng_gate *gate, const struct ng_prefix *prefix)
{
	size_t n = 0, cursor = 0;
	struct lease *lease;

	while ((lease = book_each(&gate->book, &cursor))) {
		const struct ng_addr addr = lease_addr(lease);

		n += ng_prefix_contains(prefix, &addr);
	}
	return n;
}

static void leases_scatter(struct ng_gate *gate, uint32_t *dice)
{
	const struct ng_addr client = addr_of("10.77.0.1");

	for (uint32_t i = 0; i < 600; i++) {
		const uint32_t draw = random_next(dice) >> 8;
		const uint32_t id = 100 + draw % 20;
		struct ng_addr addr = v4_of(0xc6336400u + draw % 2000);

		if (i % 3 == 0) {
			addr = addr_of("2001:db8::");
			addr.bytes[7] = (uint8_t)(draw % 5);
			addr.bytes[15] = (uint8_t)(draw / 5 % 50);
		}
		lease_make(gate, id, &addr,
			   id == 100 && i % 3 ? &client : &(struct ng_addr){0});
	}
}

/* Against a walk over all of them: which go, and that others stay. */
static void none_is_missed(void **state)
{
	static const char *const sources[] = {
		"198.51.100.9",      "198.51.100.77",     "198.51.101.0/26",
		"198.51.102.0/24",   "198.51.104.0/22",   "2001:db8::7",
		"2001:db8:0:1::/64", "2001:db8:0:2::/63", "2001:db8:0:4::/112"};
	struct ng_gate *gate = gate_make();
	uint32_t dice = 20261122;
	char text[64];

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "10.77.0.%u%s", 8 * i, i ? "" : "/29");
		sandbox_put(gate, 100 + i, text);
	}
	drain(gate);
	for (uint32_t round = 0; round < 50; round++) {
		leases_scatter(gate, &dice);
		drain(gate);
		for (uint32_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
			const struct ng_prefix prefix = prefix_of(sources[i]);
			const size_t n = leading(gate, &prefix), all = gate->counters.leases;

			snprintf(text, sizeof(text), "sandbox box%u now", 500 + i);
			sandbox_put(gate, 500 + i, sources[i]);
			assert_int_equal(revoked(gate, &prefix, text), n);
			assert_int_equal(leading(gate, &prefix), 0);
			assert_int_equal(gate->counters.leases, all - n);
			ng_gate_sandbox_remove(gate, 1, 500 + i);
			drain(gate);
		}
	}
	assert_true(gate->counters.revoked > 1000);
	ng_gate_destroy(gate);
}

/* A hundred thousand leases, and as many addresses: of the registrations that follow most need not look at them. */
static void most_find_nothing_at_once(void **state)
{
	struct ng_gate *gate = gate_make();
	uint32_t dice = 1;
	size_t looked = 0;
	char text[64];

	(void)state;
	for (uint32_t i = 0; i < BOXES; i++) {
		snprintf(text, sizeof(text), "10.78.%u.%u", i / 250, 1 + i % 250);
		sandbox_put(gate, 1000 + i, text);
		for (uint32_t j = 0; j < EACH; j++) {
			const struct ng_addr addr =
				v4_of(0x2d000000u | random_next(&dice) >> 8);

			lease_make(gate, 1000 + i, &addr, &(struct ng_addr){0});
		}
		drain(gate);
	}
	for (uint32_t i = 0; i < BOXES; i++) {
		const struct ng_prefix prefix = {v4_of(0x0a500000u + i), 32};

		looked += leads_may(&gate->book.leads, &prefix);
	}
	assert_true(looked < BOXES / 4);
	ng_gate_destroy(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_counted_is_seen),
		cmocka_unit_test(none_is_missed),
		cmocka_unit_test(most_find_nothing_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
