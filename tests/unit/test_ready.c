/*
 * Ready answers: that they are given, what is put into them, and each thing of which the header says that
 * it ends one, by itself. A test that takes the thing away expects what the usual way says then, and
 * that nothing was given from ready octets.
 */
#include "ready_world.h"

/* ---- what is put in ---- */

static uint32_t ttl_at(const struct world *world, const char *name)
{
	const struct ng_name asked = name_of(name);
	const uint8_t *ttl = wire(world) + NG_HEADER_LEN + asked.len + 4 + 2 + 4;

	return (uint32_t)ttl[0] << 24 | (uint32_t)ttl[1] << 16 | (uint32_t)ttl[2] << 8 | ttl[3];
}

static void octets_of_the_question(void **state)
{
	struct world *world = *state;
	const struct ng_name odd = name_of("A.gOOD.example");
	size_t len;

	warm(world, "a.good.example");
	len = find(world, NG_REPLY)->reply.len;
	assert_int_equal(wire(world)[11], 0);
	ask_so(world, &(struct form){.name = "A.gOOD.example",
				     .id = 0xbeef,
				     .flags = 0x0100,
				     .udp_size = 1232});
	assert_int_equal(world->ready, 2);
	assert_int_equal(wire(world)[0] << 8 | wire(world)[1], 0xbeef);
	assert_int_equal(wire(world)[2] << 8 | wire(world)[3], 0x8180);
	assert_memory_equal(wire(world) + NG_HEADER_LEN, odd.wire, odd.len);
	assert_int_equal(wire(world)[11], 1);
	assert_int_equal(find(world, NG_REPLY)->reply.len, len + 11);
	assert_memory_equal(wire(world) + len, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
	assert_string_equal(record(world)->path, "team.list");
	assert_int_equal(record(world)->line, 1);
	assert_true(record(world)->cached);
	assert_int_equal(record(world)->n_addrs, 1);
}

static void ttl_counts_down(void **state)
{
	struct world *world = *state;

	warm(world, "a.good.example");
	assert_int_equal(ttl_at(world, "a.good.example"), 300);
	world->now_us = 100 * SECOND;
	ask(world, "a.good.example");
	assert_int_equal(world->ready, 2);
	assert_int_equal(ttl_at(world, "a.good.example"), 200);
	assert_int_equal(record(world)->ttl_s, 200);
}

/* Type, DO, CD, who and from where: each has its own. */
static void others_have_their_own(void **state)
{
	struct world *world = *state;
	const struct form forms[] = {
		{.name = "a.good.example", .udp_size = 1232, .dnssec_ok = true},
		{.name = "a.good.example", .flags = 0x0010},
		{.name = "a.good.example", .type = NG_TYPE_TXT},
		{.name = "a.good.example", .from = "10.0.0.3"},
		{.name = "a.good.example", .from = "fd00::2"},
	};

	warm(world, "a.good.example");
	for (size_t i = 0; i < COUNT(forms); i++) {
		ask_so(world, &forms[i]);
		assert_int_equal(world->ready, 1);
	}
	ask(world, "a.good.example");
	assert_int_equal(world->ready, 2);
}

/* What a client does not take is cut as ever, though it is ready for others. */
static void longer_than_the_client_takes(void **state)
{
	struct world *world = *state;
	const struct form large = {.name = "a.good.example", .udp_size = 1232};
	static char texts[31][16];
	const char *addrs[31];

	for (unsigned int i = 0; i < COUNT(addrs); i++) {
		snprintf(texts[i], sizeof(texts[i]), "198.51.100.%u", i);
		addrs[i] = texts[i];
	}
	ask_so(world, &large);
	answer_all(world, addrs, COUNT(addrs), 300);
	ask_so(world, &large);
	ask_so(world, &large);
	assert_int_equal(world->ready, 1);
	assert_int_equal(answers(world), COUNT(addrs));
	ask_usual(world, "a.good.example");
	assert_int_equal(wire(world)[2] & 2, 2);
	assert_int_equal(answers(world), 0);
	ask_so(world, &large);
	assert_int_equal(world->ready, 2);
}

/* ---- what ends one ---- */

static void entry_ends(void **state)
{
	struct world *world = *state;

	warm(world, "a.good.example");
	world->now_us = 300 * SECOND;
	ask_usual(world, "a.good.example");
	assert_non_null(find(world, NG_ASK_UPSTREAM));
}

static uint64_t ready_answers(const struct world *world)
{
	struct ng_counters counters;

	ng_gate_counters(world->gate, &counters);
	return counters.ready_answers;
}

static void entry_is_dropped(void **state)
{
	struct world *world = *state;

	warm(world, "a.good.example");
	assert_int_equal(ready_answers(world), 1);
	assert_int_equal(ng_gate_flush(world->gate, world->now_us, NULL, false), 1);
	assert_int_equal(ready_answers(world), 0);
	ask_usual(world, "a.good.example");
	assert_non_null(find(world, NG_ASK_UPSTREAM));
}

static void policy_of_a_generation(void **state)
{
	struct world *world = *state;
	struct ng_image image;
	struct ng_ruleset *rules;

	warm(world, "a.good.example");
	rules_load("other.example\n", &image, &rules);
	world->boxes[0].policy.scopes[NG_SCOPE_SANDBOX].sources[0] = rules;
	apply(world);
	ask_usual(world, "a.good.example");
	assert_int_equal(rcode(world), NG_RCODE_NXDOMAIN);
	world->boxes[0].policy.scopes[NG_SCOPE_SANDBOX].sources[0] = world->rules;
	apply(world);
	ng_ruleset_close(rules);
	ng_image_finish(&image);
}

static void settings_of_a_generation(void **state)
{
	struct world *world = *state;

	warm(world, "a.good.example");
	world->generation.settings.ttl_max_s = 20;
	apply(world);
	ask_usual(world, "a.good.example");
	assert_int_equal(ttl_at(world, "a.good.example"), 20);
}

static void addresses_of_the_gate(void **state)
{
	struct world *world = *state;

	warm(world, "a.good.example");
	assert_int_equal(ng_prefix_parse("203.0.113.9", &world->own), NG_OK);
	world->generation.n_own = 1;
	apply(world);
	ask_usual(world, "a.good.example");
	assert_int_equal(answers(world), 0);
}

static void put(struct world *world, const struct ng_sandbox *box)
{
	assert_int_equal(ng_gate_sandbox_put(world->gate, world->now_us, box), NG_OK);
	take(world);
}

static void sandbox_alone(void **state)
{
	struct world *world = *state;
	struct ng_sandbox box = world->boxes[0];

	warm(world, "a.good.example");
	box.mode = NG_LOCKDOWN;
	put(world, &box);
	ask_usual(world, "a.good.example");
	assert_int_equal(rcode(world), NG_RCODE_NXDOMAIN);
	box.mode = NG_OBSERVE;
	put(world, &box);
	ask_usual(world, "a.good.example");
	assert_non_null(find(world, NG_LEASE)); /* lockdown took it */
}

static void observed_and_not(void **state)
{
	struct world *world = *state;
	struct ng_sandbox box = world->boxes[0];

	warm(world, "a.good.example");
	assert_false(record(world)->observed);
	box.mode = NG_OBSERVE;
	put(world, &box);
	ask_usual(world, "a.good.example");
	assert_true(record(world)->observed);
	ask(world, "a.good.example");
	assert_int_equal(world->ready, 2);
	assert_true(record(world)->observed);
}

static void family_switched_off(void **state)
{
	struct world *world = *state;
	const struct form form = {.name = "a.good.example", .type = NG_TYPE_AAAA};
	struct ng_sandbox box = world->boxes[0];

	warm_so(world, &form, "2001:db8:9::1", 300);
	box.no_aaaa = true;
	put(world, &box);
	ask_so(world, &form);
	assert_int_equal(world->ready, 1);
	assert_int_equal(answers(world), 0);
}

static void approval_withdrawn(void **state)
{
	struct world *world = *state;
	struct ng_image images[2];
	struct ng_ruleset *rules[2];
	struct ng_sandbox box = world->boxes[0];

	rules_load("?a.good.example\n", &images[0], &rules[0]);
	rules_load("a.good.example\n", &images[1], &rules[1]);
	box.policy.scopes[NG_SCOPE_SANDBOX].sources[0] = rules[0];
	box.policy.approvals = rules[1];
	put(world, &box);
	warm(world, "a.good.example");
	box.policy.approvals = NULL;
	put(world, &box);
	ask_usual(world, "a.good.example");
	assert_int_equal(rcode(world), NG_RCODE_NXDOMAIN);
	put(world, &world->boxes[0]);
	for (size_t i = 0; i < 2; i++) {
		ng_ruleset_close(rules[i]);
		ng_image_finish(&images[i]);
	}
}

/* Whoever comes under its id has nothing of it. */
static void sandbox_goes(void **state)
{
	struct world *world = *state;

	warm(world, "a.good.example");
	ng_gate_sandbox_remove(world->gate, world->now_us, 1);
	take(world);
	assert_int_equal(ready_answers(world), 0);
	put(world, &world->boxes[0]);
	ask_usual(world, "a.good.example");
	assert_non_null(find(world, NG_LEASE));
}

/* What one was answered with comes to be another's own, whether that one is new or moves. */
static void neighbour_takes_the_address(void **state)
{
	struct world *world = *state;
	struct ng_sandbox box = world->boxes[1];

	warm_so(world, &(struct form){.name = "a.corp.internal"}, "10.20.0.4", 300);
	warm_so(world, &(struct form){.name = "b.corp.internal"}, "10.20.0.5", 300);
	assert_int_equal(ng_prefix_parse("10.20.0.4", &box.sources[0]), NG_OK);
	put(world, &box);
	ask_usual(world, "a.corp.internal");
	assert_int_equal(answers(world), 0);
	ask(world, "b.corp.internal");
	ask(world, "b.corp.internal");
	assert_int_equal(world->ready, 3);
	box.id = 3;
	box.n_sources = 1;
	assert_int_equal(ng_prefix_parse("10.20.0.5", &box.sources[0]), NG_OK);
	put(world, &box);
	ask_usual(world, "b.corp.internal");
	assert_int_equal(answers(world), 0);
}

static void table_lost(void **state)
{
	struct world *world = *state;

	warm(world, "a.good.example");
	ng_gate_table_lost(world->gate, world->now_us);
	take(world);
	ask_usual(world, "a.good.example");
	assert_non_null(find(world, NG_LEASE));
	assert_null(find(world, NG_REPLY));
}

static void warden_away(void **state)
{
	struct world *world = *state;

	warm(world, "a.good.example");
	ng_gate_warden_lost(world->gate, world->now_us);
	take(world);
	ask_usual(world, "a.good.example");
	assert_int_equal(rcode(world), NG_RCODE_SERVFAIL);
	ng_gate_warden_back(world->gate, world->now_us);
	take(world);
	ask_usual(world, "a.good.example"); /* it waits for the order that was given again */
	assert_null(find(world, NG_REPLY));
}

/* A TTL that does not come down with the answer's asks for more of the lease than it was given for. */
static void lease_to_be_renewed(void **state)
{
	struct world *world = *state;

	warm(world, "a.brief.example");
	world->now_us += SECOND;
	ask(world, "a.brief.example");
	assert_int_equal(world->ready, 2);
	world->now_us += SECOND;
	ask_usual(world, "a.brief.example");
	assert_non_null(find(world, NG_LEASE));
}

/* One name more needs the lease for longer than the store was told of. */
static void holder_to_be_told_of(void **state)
{
	struct world *world = *state;

	warm(world, "a.good.example");
	ask(world, "a.brief.example");
	answer(world, "203.0.113.9", 300);
	ask(world, "a.brief.example");
	ask(world, "a.brief.example");
	assert_int_equal(world->ready, 2);
	world->now_us += 5 * SECOND;
	ask_usual(world, "a.brief.example");
	assert_non_null(find(world, NG_HOLD));
	assert_int_equal(answers(world), 1);
}

/* Another answer to the same name stands for it now, until this one is given again. */
static void other_trail(void **state)
{
	struct world *world = *state;
	static const char *const both[] = {"203.0.113.9", "203.0.113.10"};

	warm(world, "a.good.example");
	ask_so(world,
	       &(struct form){.name = "a.good.example", .udp_size = 1232, .dnssec_ok = true});
	answer_all(world, both, 2, 300);
	ask_usual(world, "a.good.example");
	ask(world, "a.good.example");
	assert_int_equal(world->ready, 2);
}

/* By the name that came last, PTR finds the ports. */
static void address_has_another_name(void **state)
{
	struct world *world = *state;
	const struct form reverse = {.name = "9.113.0.203.in-addr.arpa", .type = NG_TYPE_PTR};
	const struct ng_name a = name_of("a.port.example");

	warm(world, "a.port.example");
	ask(world, "b.port.example");
	answer(world, "203.0.113.9", 30);
	ask_usual(world, "a.port.example");
	ask_so(world, &reverse);
	assert_int_equal(answers(world), 1);
	assert_memory_equal(wire(world) + find(world, NG_REPLY)->reply.len - a.len, a.wire,
			    a.len);
}

/* The usual way would ask nobody: it has the name itself, as long as the address is open. */
static void address_gets_a_name(void **state)
{
	struct world *world = *state;
	const struct form reverse = {.name = "9.113.0.203.in-addr.arpa", .type = NG_TYPE_PTR};
	const struct ng_name other = name_of("other.example");
	const struct ng_addr server = addr_of("192.0.2.53");
	struct maker maker;

	ask_so(world, &reverse);
	make_header(&maker, 0x8180, 1, 1, 0, 0);
	make_question(&maker, reverse.name, NG_TYPE_PTR);
	make_rr(&maker, "@", NG_TYPE_PTR, 300, other.wire, other.len);
	ng_gate_answer(world->gate, world->now_us, find(world, NG_ASK_UPSTREAM)->ask.id,
		       &server, maker.octets, maker.n);
	take(world);
	assert_int_equal(answers(world), 1);
	ask_so(world, &reverse);
	assert_string_equal(record(world)->path, "team.list");
	ask(world, "a.good.example");
	answer(world, "203.0.113.9", 300);
	ask_so(world, &reverse);
	assert_int_equal(world->ready, 0);
	assert_null(record(world)->path);
}

static void quota_of_all_pending(void **state)
{
	struct world *world = *state;

	world->generation.settings.limits.pending = 1;
	apply(world);
	warm(world, "a.good.example");
	ask_so(world, &(struct form){.name = "slow.good.example", .from = "10.0.0.3"});
	ask_usual(world, "a.good.example");
	assert_int_equal(rcode(world), NG_RCODE_REFUSED);
}

static void quota_of_pending(void **state)
{
	struct world *world = *state;

	world->generation.settings.limits.pending_sandbox = 1;
	apply(world);
	warm(world, "a.good.example");
	ask(world, "slow.good.example");
	ask_usual(world, "a.good.example");
	assert_int_equal(rcode(world), NG_RCODE_REFUSED);
}

static void time_to_ask_ahead(void **state)
{
	struct world *world = *state;

	world->generation.settings.prefetch = true;
	apply(world);
	warm(world, "a.good.example");
	world->now_us = 269 * SECOND;
	ask(world, "a.good.example");
	assert_int_equal(world->ready, 2);
	world->now_us = 271 * SECOND;
	ask_usual(world, "a.good.example");
	assert_non_null(find(world, NG_ASK_UPSTREAM));
	assert_int_equal(answers(world), 1);
	ask(world, "a.good.example");
	assert_int_equal(world->ready, 3);
}

static void port_of_the_rule(void **state)
{
	struct world *world = *state;

	warm(world, "a.port.example");
	assert_int_equal(record(world)->n_ports, 1);
	assert_int_equal(record(world)->ports[0].port, 443);
}

/* ---- bounds ---- */

static uint64_t octets(const struct world *world, uint64_t *all)
{
	struct ng_counters counters;

	ng_gate_counters(world->gate, &counters);
	*all = counters.cache_octets;
	return counters.ready_octets;
}

/* A quarter of the cache is theirs; who has most of it loses its oldest, and the neighbour nothing. */
static void bounded(void **state)
{
	struct world *world = *state;
	const struct form neighbour = {.name = "n.good.example", .from = "10.0.0.3"};
	uint64_t all, most = 0;
	char name[32];

	world->generation.settings.limits.cache_octets = 16384;
	apply(world);
	warm_so(world, &neighbour, "203.0.113.7", 300);
	for (unsigned int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "a%u.good.example", i);
		ask(world, name);
		answer(world, "203.0.113.9", 300);
		ask(world, name);
		assert_int_equal(answers(world), 1);
		if (octets(world, &all) > most)
			most = octets(world, &all);
		assert_true(all <= 16384);
	}
	assert_true(most > 3000 && most <= 4096);
	world->ready = 0;
	ask_so(world, &neighbour);
	assert_int_equal(world->ready, 2);
}

/*
 * They are in the way of no entry: what is remembered is what would be without them. And in a cache that is full of
 * entries, an eighth is theirs.
 */
static void full_of_entries(void **state)
{
	struct world *world = *state;
	const uint64_t most = 32768, theirs = most / 8;
	struct ng_counters counters;
	uint64_t all, entries;
	char name[32];

	world->generation.settings.limits.cache_octets = (uint32_t)most;
	apply(world);
	for (unsigned int i = 0; i < 200; i++) {
		struct form form = {.name = name, .from = i < 190 ? "10.0.0.3" : NULL};

		snprintf(name, sizeof(name), "n%u.good.example", i);
		ask_so(world, &form);
		answer(world, "203.0.113.9", 300);
	}
	assert_int_equal(octets(world, &all), 0);
	assert_true(all <= most - theirs && all > most - theirs - 512);
	ng_gate_counters(world->gate, &counters);
	entries = counters.cache_entries;
	for (unsigned int i = 0; i < 40; i++) {
		struct form form = {.name = name, .from = i % 2 ? "fd00::2" : NULL};

		snprintf(name, sizeof(name), "n%u.good.example", 190 + i / 2 % 3);
		ask_so(world, &form);
		assert_int_equal(answers(world), 1);
	}
	assert_true(octets(world, &all) > theirs / 4 && octets(world, &all) <= most / 4);
	assert_true(all <= most);
	ng_gate_counters(world->gate, &counters);
	assert_int_equal(counters.cache_entries, entries);
	assert_true(counters.ready_hits > 30);
	ask(world, "b.good.example");
	answer(world, "203.0.113.9", 300);
	ng_gate_counters(world->gate, &counters);
	assert_int_equal(counters.cache_entries, entries);
	assert_true(counters.cache_octets <= most);
}

/* An answer whose aliases lead from each name to the one above it: few octets, and a long way. */
static void answer_upwards(struct world *world, const char *text, size_t links)
{
	const struct ng_addr addr = addr_of("203.0.113.9"), server = addr_of("192.0.2.53");
	struct maker maker;

	make_header(&maker, 0x8180, 1, (unsigned int)links + 1, 0, 0);
	make_question(&maker, text, NG_TYPE_A);
	for (size_t i = 0; i < links; i++, text += 2) {
		const struct ng_name above = name_of(text + 2);

		make_rr(&maker, text, NG_TYPE_CNAME, 300, above.wire, above.len);
	}
	make_rr(&maker, text, NG_TYPE_A, 300, addr.bytes, 4);
	ng_gate_answer(world->gate, world->now_us, find(world, NG_ASK_UPSTREAM)->ask.id,
		       &server, maker.octets, maker.n);
	take(world);
	ng_gate_lease_result(world->gate, world->now_us, find(world, NG_LEASE)->lease.number,
			     NG_OK);
	take(world);
}

/* What is watched may be kept by the ready answer alone, when its lease is gone: it pays for that. */
static void trails_count(void **state)
{
	struct world *world = *state;
	struct ng_counters counters;
	char name[NG_NAME_TEXT_MAX] = "";

	for (size_t i = 0; i < 16; i++)
		strcat(name, "a.");
	for (size_t i = 0; i < 3; i++)
		strcat(name, "a-long-label-that-is-the-same-in-all-of-the-names-of-this.");
	strcat(name, "good.example");
	ask(world, name);
	answer_upwards(world, name, 16);
	ask(world, name);
	assert_int_equal(answers(world), 17);
	ng_gate_counters(world->gate, &counters);
	assert_int_equal(counters.ready_answers, 1);
	assert_true(counters.trail_octets > 3000);
	assert_true(counters.ready_octets > counters.trail_octets);
}

static void names_of_addresses_count(void **state)
{
	struct world *world = *state;
	const char *const addrs[] = {"203.0.113.1", "203.0.113.2", "203.0.113.3",
				     "203.0.113.4", "203.0.113.5", "203.0.113.6",
				     "203.0.113.7", "203.0.113.8"};
	struct ng_counters counters;
	char name[NG_NAME_TEXT_MAX] = "";

	for (size_t i = 0; i < 3; i++)
		strcat(name, "a-long-label-that-is-the-same-in-all-of-the-names-of-this.");
	strcat(name, "port.example");
	ask(world, name);
	answer_all(world, addrs, COUNT(addrs), 300);
	ask(world, name);
	ng_gate_counters(world->gate, &counters);
	assert_int_equal(counters.ready_answers, 1);
	assert_true(counters.ready_octets >
		    counters.trail_octets + COUNT(addrs) * strlen(name));
}

static void checked(void **state)
{
	struct world *world = *state;

	ng_gate_ready(world->gate, NG_READY_CHECKED);
	warm(world, "a.good.example");
	world->now_us = 100 * SECOND;
	ask(world, "a.good.example");
	assert_int_equal(world->ready, 2);
	assert_int_equal(ng_gate_ready_faults(world->gate), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(octets_of_the_question),
		T(ttl_counts_down),
		T(others_have_their_own),
		T(longer_than_the_client_takes),
		T(entry_ends),
		T(entry_is_dropped),
		T(policy_of_a_generation),
		T(settings_of_a_generation),
		T(addresses_of_the_gate),
		T(sandbox_alone),
		T(observed_and_not),
		T(family_switched_off),
		T(approval_withdrawn),
		T(sandbox_goes),
		T(neighbour_takes_the_address),
		T(table_lost),
		T(warden_away),
		T(lease_to_be_renewed),
		T(holder_to_be_told_of),
		T(other_trail),
		T(address_has_another_name),
		T(quota_of_pending),
		T(quota_of_all_pending),
		T(address_gets_a_name),
		T(time_to_ask_ahead),
		T(port_of_the_rule),
		T(bounded),
		T(full_of_entries),
		T(trails_count),
		T(names_of_addresses_count),
		T(checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
