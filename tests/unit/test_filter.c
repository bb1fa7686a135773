/* The answer filter: which addresses a sandbox may be handed, range by range. */
#include "gate_world.h"

struct verdict {
	const char *owner, *addr;
	size_t kept, removed, unreachable;
};

static void judge(struct ng_gate *gate, const struct verdict *verdict)
{
	struct query *query = query_make(gate, "a.example", "10.66.0.2");
	const struct ng_addr addr = addr_of(verdict->addr);
	struct filtered filtered;

	free(query->rrs); /* a query inherits the table of the one before */
	query->rrs = calloc(1, sizeof(*query->rrs));
	assert_non_null(query->rrs);
	rr_make(&query->arena, verdict->owner,
		addr.family == NG_IPV4 ? NG_TYPE_A : NG_TYPE_AAAA, 60, verdict->addr,
		query->rrs);
	query->n = query->room = 1;
	filter_apply(gate, query, &filtered);
	if (filtered.n_addrs != verdict->kept || filtered.n_removed != verdict->removed ||
	    filtered.n_unreachable != verdict->unreachable || query->n != verdict->kept)
		fail_msg("%s %s: kept %zu removed %zu unreachable %zu", verdict->owner,
			 verdict->addr, filtered.n_addrs, filtered.n_removed,
			 filtered.n_unreachable);
	query_end(gate, query);
}

static void ranges(void **state)
{
	static const struct verdict verdicts[] = {
		{"a.example", "203.0.113.1", 1, 0, 0},
		{"a.example", "10.1.2.3", 0, 1, 0},
		{"db.corp.internal", "10.1.2.3", 1, 0, 0}, /* its route opts in */
		{"db.corp.internal", "192.168.1.1", 0, 1, 0},
		{"db.corp.internal", "127.0.0.1", 0, 1, 0},
		{"db.corp.internal", "10.66.0.2", 0, 1, 0}, /* a sandbox's own address */
		{"a.example", "169.254.169.254", 0, 1, 0},
		{"a.example", "168.63.129.16", 0, 1, 0},
		{"a.example", "100.100.100.200", 0, 1, 0},
		{"a.example", "198.51.100.1", 0, 1, 0}, /* the gate's */
		{"a.example", "0.0.0.0", 0, 1, 0},
		{"a.example", "224.0.0.1", 0, 1, 0},
		{"a.example", "255.255.255.255", 0, 1, 0},
		{"a.example", "::1", 0, 1, 0},
		{"a.example", "fe80::1", 0, 1, 0},
		{"a.example", "fd00:ec2::254", 0, 1, 0},
		{"a.example", "::ffff:127.0.0.1", 0, 1, 0},
		{"a.example", "64:ff9b::10.0.0.1", 0, 1, 0},
		{"a.example", "2002:7f00:1::", 0, 1, 0},
		/* the sandbox's only IPv6 source is a wide prefix, and the client is not in it */
		{"a.example", "2001:db8::1", 0, 0, 1},
	};
	struct ng_gate *gate = gate_make();

	(void)state;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		judge(gate, &verdicts[i]);
	ng_gate_destroy(gate);
}

static void a_family_that_no_set_takes(void **state)
{
	struct ng_gate *gate = gate_make();

	(void)state;
	gate->settings.no_ipv6 = true;
	judge(gate, &(struct verdict){"a.example", "203.0.113.1", 1, 0, 0});
	gate->settings.no_ipv4 = true;
	judge(gate, &(struct verdict){"a.example", "203.0.113.1", 0, 0, 1});
	ng_gate_destroy(gate);
}

static void client_in_the_wide_source(void **state)
{
	struct ng_gate *gate = gate_make();
	struct query *query = query_make(gate, "a.example", "fd00:1::77");
	struct filtered filtered;

	(void)state;
	query->rrs = calloc(3, sizeof(*query->rrs));
	assert_non_null(query->rrs);
	rr_make(&query->arena, "a.example", NG_TYPE_AAAA, 60, "2001:db8::1", &query->rrs[0]);
	rr_make(&query->arena, "a.example", NG_TYPE_AAAA, 60, "2001:db8::1", &query->rrs[1]);
	rr_make(&query->arena, "a.example", NG_TYPE_AAAA, 60, "fd00:1::78", &query->rrs[2]);
	query->n = query->room = 3;
	filter_apply(gate, query, &filtered);
	assert_int_equal(filtered.n_addrs, 1); /* once */
	assert_int_equal(filtered.n_removed, 1);
	query_end(gate, query);
	ng_gate_destroy(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(a_family_that_no_set_takes),
		cmocka_unit_test(client_in_the_wide_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
