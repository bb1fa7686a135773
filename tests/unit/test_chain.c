/* Alias chains: what is followed, where they stop, and what is never taken out of an answer. */
#include "gate_world.h"

#define MAX 24

struct chain {
	struct ng_gate *gate;
	struct query *query;
	struct arena arena;
	struct question_key key;
	struct ng_rr rrs[MAX];
	struct ng_answer answer;
};

static void chain_begin(struct chain *chain, const char *name, uint32_t route)
{
	memset(chain, 0, sizeof(*chain));
	chain->gate = gate_make();
	chain->query = query_make(chain->gate, name, "10.66.0.2");
	arena_init(&chain->arena, 1u << 20);
	chain->key = (struct question_key){
		.route = route, .type = NG_TYPE_A, .name = chain->query->name};
	chain->answer.rrs = chain->rrs;
}

static void chain_add(struct chain *chain, const char *owner, uint16_t type, const char *data)
{
	assert_true(chain->answer.n < MAX);
	rr_make(&chain->arena, owner, type, 60, data, &chain->rrs[chain->answer.n++]);
}

static void chain_expect(struct chain *chain, enum chain_step step, size_t n,
			 const char *target)
{
	const struct ng_name want = name_of(target);
	const struct ng_addr server = addr_of("192.0.2.53");
	struct entry *entry;

	assert_int_equal(entry_make(chain->gate, &chain->key, &chain->answer, &server, &entry),
			 NG_OK);
	assert_int_equal(chain_follow(chain->gate, chain->query, entry), step);
	entry_free(entry);
	assert_int_equal(chain->query->n, n);
	assert_true(ng_name_equal(&chain->query->target, &want));
	query_end(chain->gate, chain->query);
	ng_gate_destroy(chain->gate);
	arena_finish(&chain->arena);
}

static void any_order(void **state)
{
	struct chain chain;

	(void)state;
	chain_begin(&chain, "a.example", 1);
	chain_add(&chain, "c.example", NG_TYPE_A, "203.0.113.1");
	chain_add(&chain, "b.example", NG_TYPE_CNAME, "c.example");
	chain_add(&chain, "x.example", NG_TYPE_A, "203.0.113.66");
	chain_add(&chain, "a.example", NG_TYPE_CNAME, "B.Example");
	chain_add(&chain, "c.example", NG_TYPE_A, "203.0.113.2");
	chain_expect(&chain, CHAIN_DONE, 4, "c.example");
}

static void loop(void **state)
{
	struct chain chain;

	(void)state;
	chain_begin(&chain, "a.example", 1);
	chain_add(&chain, "a.example", NG_TYPE_CNAME, "b.example");
	chain_add(&chain, "b.example", NG_TYPE_CNAME, "a.example");
	chain_expect(&chain, CHAIN_FAIL, NG_CHAIN_MAX + 1, "a.example");
}

static void links(struct chain *chain, unsigned n)
{
	char from[32], to[32];

	chain_begin(chain, "l0.example", 1);
	for (unsigned i = 0; i < n; i++) {
		snprintf(from, sizeof(from), "l%u.example", i);
		snprintf(to, sizeof(to), "l%u.example", i + 1);
		chain_add(chain, from, NG_TYPE_CNAME, to);
	}
	chain_add(chain, to, NG_TYPE_A, "203.0.113.1");
}

static void sixteen_links_and_no_more(void **state)
{
	struct chain chain;

	(void)state;
	links(&chain, 16);
	chain_expect(&chain, CHAIN_DONE, 17, "l16.example");
	links(&chain, 17);
	chain_expect(&chain, CHAIN_FAIL, 17, "l16.example");
}

static void stops_where_the_route_ends(void **state)
{
	struct chain chain;

	(void)state;
	chain_begin(&chain, "app.corp.internal", 2);
	chain_add(&chain, "app.corp.internal", NG_TYPE_CNAME, "www.bank.example");
	chain_add(&chain, "www.bank.example", NG_TYPE_A, "203.0.113.1");
	chain_expect(&chain, CHAIN_MORE, 1, "www.bank.example");
}

static void stops_in_the_middle(void **state)
{
	struct chain chain;

	(void)state;
	chain_begin(&chain, "a.example", 1);
	chain_add(&chain, "a.example", NG_TYPE_CNAME, "b.example");
	chain_expect(&chain, CHAIN_MORE, 1, "b.example");
}

static void second_cname_of_one_owner(void **state)
{
	struct chain chain;

	(void)state;
	chain_begin(&chain, "a.example", 1);
	chain_add(&chain, "a.example", NG_TYPE_CNAME, "b.example");
	chain_add(&chain, "a.example", NG_TYPE_CNAME, "evil.example");
	chain_add(&chain, "b.example", NG_TYPE_A, "203.0.113.1");
	chain_add(&chain, "evil.example", NG_TYPE_A, "203.0.113.66");
	chain_expect(&chain, CHAIN_DONE, 2, "b.example");
}

static void dname(void **state)
{
	struct chain chain;

	(void)state;
	chain_begin(&chain, "a.old.example", 1);
	chain_add(&chain, "old.example", NG_TYPE_DNAME, "new.example");
	chain_add(&chain, "a.old.example", NG_TYPE_CNAME, "a.new.example");
	chain_add(&chain, "a.new.example", NG_TYPE_A, "203.0.113.1");
	chain_expect(&chain, CHAIN_DONE, 2, "a.new.example");
	chain_begin(&chain, "a.old.example", 1);
	chain_add(&chain, "old.example", NG_TYPE_DNAME, "new.example");
	chain_add(&chain, "a.old.example", NG_TYPE_CNAME, "evil.example");
	chain_add(&chain, "evil.example", NG_TYPE_A, "203.0.113.1");
	chain_expect(&chain, CHAIN_FAIL, 0, "a.old.example");
	chain_begin(&chain, "a.old.example", 1);
	chain_add(&chain, "old.example", NG_TYPE_DNAME, "new.example");
	chain_expect(&chain, CHAIN_FAIL, 0, "a.old.example");
}

static void no_records_and_no_soa(void **state)
{
	struct chain chain;

	(void)state;
	chain_begin(&chain, "a.example", 1);
	chain.answer.rcode = NG_RCODE_NXDOMAIN;
	chain_expect(&chain, CHAIN_DONE, 0, "a.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
		cmocka_unit_test(loop),
		cmocka_unit_test(sixteen_links_and_no_more),
		cmocka_unit_test(stops_where_the_route_ends),
		cmocka_unit_test(stops_in_the_middle),
		cmocka_unit_test(second_cname_of_one_owner),
		cmocka_unit_test(dname),
		cmocka_unit_test(no_records_and_no_soa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
