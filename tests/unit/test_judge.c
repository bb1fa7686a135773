/* Verdicts on questions and answers: each row of RPZ's table, scopes, bounds, approvals. */
#include "policy_world.h"

#include <namegate/message.h>

#define APEX                                                                                   \
	"$TTL 300\n$ORIGIN rpz.example.\n@ SOA localhost. root.localhost. 1 2 3 4 5\n@ NS "    \
	"localhost.\n"

/* Scopes are written as texts; "" ends a scope. A text that begins with $TTL is a zone. */
struct world {
	struct source sources[8];
	size_t n;
	struct ng_policy policy;
	struct ng_decision decision;
	char said[256];
};

static void add_from(struct world *world, enum ng_scope scope, const struct ng_source *from)
{
	struct source *source = &world->sources[world->n++];
	uint8_t *n = &world->policy.scopes[scope].n;
	source_compile_from(source, from);
	assert_int_equal(source->code, NG_OK);
	world->policy.scopes[scope].sources[(*n)++] = source->ruleset;
}

static void add(struct world *world, enum ng_scope scope, const char *text)
{
	const struct ng_source from = {.format = ng_source_sniff(text, strlen(text)),
				       .path = "test",
				       .text = text,
				       .len = strlen(text)};
	add_from(world, scope, &from);
}

static void add_zone(struct world *world, const char *text, enum ng_override override,
		     const char *target)
{
	const struct ng_source from = {.format = NG_FORMAT_RPZ,
				       .path = "zone",
				       .text = text,
				       .len = strlen(text),
				       .override = override,
				       .override_target = target};
	add_from(world, NG_SCOPE_GLOBAL, &from);
}

static void finish(struct world *world)
{
	for (size_t i = 0; i < world->n; i++)
		source_finish(&world->sources[i]);
}

static const char *const actions[] = {"nxdomain", "nodata",   "passthru", "ask",
				      "drop",     "tcp-only", "local"};
static const char *const verdicts[] = {"deny", "ask", "allow"};

/*
 * What is decided of "NAME[>ALIAS…] [=ADDRESS…]", asked by client (NULL: unknown): "allow passthru
 * 5", with "open" before the answer and the shadow's line when there is one. "=" alone: answered.
 */
static const char *judge(struct world *world, const char *client, const char *question)
{
	struct ng_name names[4];
	struct ng_addr addrs[4], from;
	struct ng_subject subject = {.names = names, .addrs = addrs};
	struct ng_decision *decision = &world->decision;
	char copy[256], *save, *word;
	strcpy(copy, question);
	subject.answered = strchr(question, '=') != NULL;
	char *after = strchr(copy, '=');
	if (after != NULL)
		*after++ = '\0';
	for (word = strtok_r(copy, "> ", &save); word != NULL;
	     word = strtok_r(NULL, "> ", &save))
		names[subject.n_names++] = name_of(word);
	for (word = after != NULL ? strtok_r(after, " =", &save) : NULL; word != NULL;
	     word = strtok_r(NULL, " =", &save))
		assert_int_equal(ng_addr_parse(word, &addrs[subject.n_addrs++]), NG_OK);
	if (client != NULL) {
		assert_int_equal(ng_addr_parse(client, &from), NG_OK);
		subject.client = &from;
	}
	ng_policy_judge(&world->policy, &subject, decision);
	size_t n = (size_t)snprintf(world->said, sizeof(world->said), "%s",
				    verdicts[decision->verdict]);
	if (decision->matched)
		n += (size_t)snprintf(world->said + n, sizeof(world->said) - n, " %s %u",
				      actions[decision->match.action], decision->match.line);
	if (decision->open)
		n += (size_t)snprintf(world->said + n, sizeof(world->said) - n, " open");
	if (decision->shadowed)
		snprintf(world->said + n, sizeof(world->said) - n, " shadow %s %u",
			 actions[decision->shadow.action], decision->shadow.line);
	return world->said;
}

static void t1_names_and_alias_targets(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "bad.example CNAME .\n*.ok.example CNAME rpz-passthru.\n");
	add(&world, NG_SCOPE_SANDBOX, "*\n");
	assert_string_equal(judge(&world, NULL, "Bad.Example"), "deny nxdomain 5");
	assert_string_equal(judge(&world, NULL, "a.example"), "allow passthru 1 open");
	assert_string_equal(judge(&world, NULL, "a.example>bad.example"), "deny nxdomain 5");
	assert_string_equal(judge(&world, NULL, "a.example>b.example>bad.example = 192.0.2.1"),
			    "deny nxdomain 5");
	assert_string_equal(judge(&world, NULL, "a.example>b.example = 192.0.2.1"),
			    "allow passthru 1");
	finish(&world);
	/* An alias never permits what no rule speaks for. */
	world = (struct world){0};
	add(&world, NG_SCOPE_SANDBOX, "good.example\n");
	assert_string_equal(judge(&world, NULL, "evil.example>good.example"), "deny");
	assert_string_equal(judge(&world, NULL, "evil.example>good.example = 192.0.2.1"),
			    "deny");
	assert_string_equal(judge(&world, NULL, "good.example>evil.example = 192.0.2.1"),
			    "allow passthru 1");
	finish(&world);
}

static void t2_wildcards_are_shadowed_by_nothing(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX
	    "*.x.example CNAME .\na.b.x.example CNAME rpz-passthru.\n* CNAME rpz-passthru.\n");
	assert_string_equal(judge(&world, NULL, "x.example"), "allow passthru 7");
	assert_string_equal(judge(&world, NULL, "b.x.example"), "deny nxdomain 5");
	assert_string_equal(judge(&world, NULL, "c.b.x.example"), "deny nxdomain 5");
	assert_string_equal(judge(&world, NULL, "a.b.x.example"), "allow passthru 6");
	assert_string_equal(judge(&world, NULL, "q.a.b.x.example"), "deny nxdomain 5");
	finish(&world);
}

static void t3_t4_addresses_of_the_answer(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "24.0.2.0.192.rpz-ip CNAME .\n32.zz.db8.2001.rpz-ip CNAME *.\n"
		 "32.7.2.0.192.rpz-ip CNAME rpz-passthru.\n"
		 "128.1.zz.db8.2001.rpz-ip CNAME rpz-passthru.\n"
		 "1.0.0.0.128.rpz-ip CNAME rpz-drop.\n");
	add(&world, NG_SCOPE_GLOBAL, "*\n");
	assert_string_equal(judge(&world, NULL, "a.example"), "allow passthru 1 open");
	assert_string_equal(judge(&world, NULL, "a.example ="), "allow passthru 1");
	assert_string_equal(judge(&world, NULL, "a.example = 192.0.2.1"), "deny nxdomain 5");
	assert_string_equal(judge(&world, NULL, "a.example = 192.0.2.7"), "allow passthru 7");
	assert_string_equal(judge(&world, NULL, "a.example = 192.0.3.1"), "deny drop 9");
	assert_string_equal(judge(&world, NULL, "a.example = 10.0.0.1"), "allow passthru 1");
	assert_string_equal(judge(&world, NULL, "a.example = 2001:db8::1"), "allow passthru 8");
	assert_string_equal(judge(&world, NULL, "a.example = 2001:db8::2"), "deny nodata 6");
	assert_string_equal(judge(&world, NULL, "a.example = 2001:db9::2"), "allow passthru 1");
	finish(&world);
}

static void t5_the_asking_client(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX
	    "16.0.0.1.10.rpz-client-ip CNAME .\n32.7.0.1.10.rpz-client-ip CNAME rpz-passthru.\n"
	    "64.zz.1.fd00.rpz-client-ip CNAME rpz-drop.\n");
	add(&world, NG_SCOPE_SANDBOX, "*\n");
	assert_string_equal(judge(&world, "10.1.0.2", "a.example"), "deny nxdomain 5");
	assert_string_equal(judge(&world, "10.1.0.7", "a.example ="), "allow passthru 6");
	assert_string_equal(judge(&world, "10.2.0.2", "a.example ="), "allow passthru 1");
	assert_string_equal(judge(&world, "fd00:1::9", "a.example"), "deny drop 7");
	assert_string_equal(judge(&world, NULL, "a.example ="), "allow passthru 1");
	finish(&world);
}

static void a1_to_a7_the_actions(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "a1.example CNAME .\na2.example CNAME *.\na3.example CNAME rpz-passthru.\n"
		 "a4.example CNAME rpz-drop.\na5.example CNAME rpz-tcp-only.\n"
		 "a6.example 60 A 192.0.2.1\na6.example MX 10 mail.example.\na6.example A "
		 "192.0.2.2\n*.a7.example CNAME *.garden.example.\n");
	const char *const cases[][2] = {
		{"a1.example", "deny nxdomain 5"},  {"a2.example", "deny nodata 6"},
		{"a3.example", "allow passthru 7"}, {"a4.example", "deny drop 8"},
		{"a5.example", "allow tcp-only 9"}, {"x.a7.example", "allow local 13"},
		{"a6.example", "allow local 10"},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(judge(&world, NULL, cases[i][0]), cases[i][1]);
	struct ng_local local;
	uint32_t cursor = 0;
	assert_true(ng_match_local(&world.decision.match, &cursor, &local));
	assert_int_equal(local.type, NG_TYPE_A);
	assert_int_equal(local.ttl, 60); /* O2: the rule's own */
	assert_memory_equal(local.rdata, "\300\0\2\1", 4);
	assert_true(ng_match_local(&world.decision.match, &cursor, &local));
	assert_int_equal(local.type, NG_TYPE_MX);
	assert_int_equal(local.ttl, 300);
	assert_true(ng_match_local(&world.decision.match, &cursor, &local));
	assert_memory_equal(local.rdata, "\300\0\2\2", 4);
	assert_false(ng_match_local(&world.decision.match, &cursor, &local));
	judge(&world, NULL, "x.a7.example");
	cursor = 0;
	assert_true(ng_match_local(&world.decision.match, &cursor, &local));
	assert_int_equal(local.type, NG_TYPE_CNAME);
	assert_memory_equal(local.rdata, "\1*\6garden\7example", 18);
	judge(&world, NULL, "a3.example");
	cursor = 0;
	assert_false(ng_match_local(&world.decision.match, &cursor, &local));
	finish(&world);
}

static void p1_an_earlier_link_beats_a_later_one(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL, APEX "late.example CNAME .\n");
	add(&world, NG_SCOPE_GLOBAL, APEX "early.example CNAME rpz-passthru.\n");
	assert_string_equal(judge(&world, NULL, "early.example>late.example = 192.0.2.1"),
			    "allow passthru 5");
	assert_string_equal(judge(&world, NULL, "late.example>early.example"),
			    "deny nxdomain 5");
	finish(&world);
}

static void p2_the_zone_listed_first(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "both.example CNAME rpz-passthru.\n24.0.2.0.192.rpz-ip CNAME rpz-passthru.\n"
		 "24.0.3.0.192.rpz-ip CNAME .\n");
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "both.example CNAME .\nno.example CNAME .\nyes.example CNAME rpz-passthru.\n");
	assert_string_equal(judge(&world, NULL, "both.example"), "allow passthru 5");
	/* A later denial of the name does not wait for an earlier rule about addresses. */
	assert_string_equal(judge(&world, NULL, "no.example"), "deny nxdomain 6");
	assert_string_equal(judge(&world, NULL, "no.example = 192.0.2.1"), "deny nxdomain 6");
	/* A later permission does. */
	assert_string_equal(judge(&world, NULL, "yes.example"), "allow passthru 7 open");
	assert_string_equal(judge(&world, NULL, "yes.example = 192.0.3.1"), "deny nxdomain 7");
	assert_string_equal(judge(&world, NULL, "yes.example = 192.0.2.1"), "allow passthru 6");
	finish(&world);
}

static void p3_more_labels_and_exact_first(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "*.example CNAME .\n*.a.example CNAME rpz-passthru.\nb.a.example CNAME *.\n");
	assert_string_equal(judge(&world, NULL, "c.a.example"), "allow passthru 6");
	assert_string_equal(judge(&world, NULL, "b.a.example"), "deny nodata 7");
	assert_string_equal(judge(&world, NULL, "a.example"), "deny nxdomain 5");
	finish(&world);
}

static void p4_client_name_answer_in_one_zone(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "32.1.2.0.192.rpz-ip CNAME .\na.example CNAME rpz-passthru.\n"
		 "32.7.0.1.10.rpz-client-ip CNAME rpz-drop.\n");
	assert_string_equal(judge(&world, "10.1.0.7", "a.example = 192.0.2.1"), "deny drop 7");
	assert_string_equal(judge(&world, "10.1.0.8", "a.example = 192.0.2.1"),
			    "allow passthru 6");
	assert_string_equal(judge(&world, "10.1.0.8", "a.example"), "allow passthru 6");
	finish(&world);
}

static void p6_longest_prefix_then_smallest_address(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "24.0.9.0.192.rpz-ip CNAME .\n24.0.2.0.192.rpz-ip CNAME *.\n"
		 "25.0.9.0.192.rpz-ip CNAME rpz-drop.\n");
	add(&world, NG_SCOPE_GLOBAL, "*\n");
	assert_string_equal(judge(&world, NULL, "a = 192.0.9.200 192.0.2.1"), "deny nodata 6");
	assert_string_equal(judge(&world, NULL, "a = 192.0.2.1 192.0.9.200"), "deny nodata 6");
	assert_string_equal(judge(&world, NULL, "a = 192.0.2.1 192.0.9.1"), "deny drop 7");
	assert_int_equal(world.decision.match.prefix.bits, 25);
	assert_int_equal(world.decision.match.trigger, NG_TRIGGER_ANSWER);
	finish(&world);
}

static void o1_each_override(void **state)
{
	(void)state;
	static const char text[] =
		APEX "no.example CNAME .\nyes.example CNAME "
		     "rpz-passthru.\n_443._tcp.yes.example CNAME "
		     "rpz-passthru.\ndata.example A 192.0.2.1\ndata.example A 192.0.2.2\n";
	static const struct {
		enum ng_override override;
		const char *no, *yes, *data;
	} cases[] = {
		{NG_OVERRIDE_GIVEN, "deny nxdomain 5", "allow passthru 6", "allow local 8"},
		{NG_OVERRIDE_PASSTHRU, "allow passthru 5", "allow passthru 6",
		 "allow passthru 8"},
		{NG_OVERRIDE_DROP, "deny drop 5", "deny drop 6", "deny drop 8"},
		{NG_OVERRIDE_TCP_ONLY, "allow tcp-only 5", "allow tcp-only 6",
		 "allow tcp-only 8"},
		{NG_OVERRIDE_NXDOMAIN, "deny nxdomain 5", "deny nxdomain 6", "deny nxdomain 8"},
		{NG_OVERRIDE_NODATA, "deny nodata 5", "deny nodata 6", "deny nodata 8"},
		{NG_OVERRIDE_CNAME, "allow local 5", "allow local 6", "allow local 8"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world = {0};
		add_zone(&world, text, cases[i].override, "garden.example.");
		assert_string_equal(world.sources[0].said, "");
		assert_string_equal(judge(&world, NULL, "no.example"), cases[i].no);
		assert_string_equal(judge(&world, NULL, "data.example"), cases[i].data);
		assert_string_equal(judge(&world, NULL, "yes.example"), cases[i].yes);
		bool allowed = world.decision.verdict == NG_ALLOW;
		assert_int_equal(world.decision.bounded, allowed);
		assert_int_equal(ng_match_denial_ttl(&world.decision.match, 1),
				 allowed ? 1 : 300);
		finish(&world);
	}
}

static void o1_a_disabled_zone_only_leaves_its_shadow(void **state)
{
	(void)state;
	struct world world = {0};
	add_zone(&world,
		 APEX "a.example CNAME .\n24.0.2.0.192.rpz-ip CNAME rpz-drop.\n"
		      "only.example CNAME rpz-passthru.\n",
		 NG_OVERRIDE_DISABLED, NULL);
	add(&world, NG_SCOPE_GLOBAL, "a.example\nb.example\n");
	assert_string_equal(judge(&world, NULL, "a.example ="),
			    "allow passthru 1 shadow nxdomain 5");
	assert_string_equal(judge(&world, NULL, "b.example"), "allow passthru 2 open");
	assert_string_equal(judge(&world, NULL, "b.example = 192.0.2.1"),
			    "allow passthru 2 shadow drop 6");
	assert_string_equal(judge(&world, NULL, "only.example"), "deny shadow passthru 7");
	assert_false(ng_policy_has_below(&world.policy,
					 &(struct ng_name){.len = 9, .wire = "\7examplf"}));
	finish(&world);
	/* A wider denial would have been there all the same. */
	world = (struct world){0};
	add(&world, NG_SCOPE_GLOBAL, "a.example\n");
	add_zone(&world, APEX "a.example CNAME rpz-passthru.\n", NG_OVERRIDE_DISABLED, NULL);
	add(&world, NG_SCOPE_SANDBOX, "!a.example\n");
	assert_string_equal(judge(&world, NULL, "a.example"), "deny nxdomain 1");
	finish(&world);
}

static void the_most_severe_scope_wins(void **state)
{
	(void)state;
	static const struct {
		const char *global, *group, *sandbox, *says;
	} cases[] = {
		{"!a.example\n", "a.example\n", "a.example\n", "deny nxdomain 1"},
		{"a.example\n", "?a.example\n", "a.example\n", "ask ask 1"},
		{"?a.example\n", "#\n", "!a.example\n", "deny nxdomain 1"},
		{"a.example\n", "#\n", APEX "a.example CNAME rpz-tcp-only.\n",
		 "allow tcp-only 5"},
		{APEX "a.example CNAME rpz-drop.\n", "!a.example\n", "a.example\n",
		 "deny drop 5"},
		{"b.example\n", "b.example\n", "b.example\n", "deny"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world = {0};
		add(&world, NG_SCOPE_GLOBAL, cases[i].global);
		add(&world, NG_SCOPE_GROUP, cases[i].group);
		add(&world, NG_SCOPE_SANDBOX, cases[i].sandbox);
		judge(&world, NULL, "a.example =");
		assert_string_equal(world.said, cases[i].says);
		finish(&world);
	}
}

static void approvals_answer_an_ask_and_nothing_else(void **state)
{
	(void)state;
	struct world world = {0};
	struct source approvals;
	add(&world, NG_SCOPE_GLOBAL, "!no.example\n");
	add(&world, NG_SCOPE_SANDBOX, "?*.example:443\n?other.test\n");
	source_make(&approvals, NG_FORMAT_LIST, "a.example\nno.example\nb.test\n");
	assert_string_equal(judge(&world, NULL, "a.example"), "ask ask 1");
	world.policy.approvals = approvals.ruleset;
	assert_string_equal(judge(&world, NULL, "a.example ="), "allow passthru 1");
	assert_true(world.decision.bounded);
	struct ng_name name = name_of("a.example");
	const struct ng_subject subject = {.names = &name, .n_names = 1};
	struct ng_bounds bounds;
	ng_policy_bounds(&world.policy, &subject, &bounds);
	assert_int_equal(bounds.n_ports, 1);
	assert_int_equal(bounds.ports[0].port, 443);
	assert_string_equal(judge(&world, NULL, "b.example ="), "ask ask 1");
	assert_string_equal(judge(&world, NULL, "no.example ="), "deny nxdomain 1");
	assert_string_equal(judge(&world, NULL, "b.test ="), "deny");
	source_finish(&approvals);
	finish(&world);
}

static const char *bounds_text(struct world *world, const char *text)
{
	struct ng_name name = name_of(text);
	const struct ng_subject subject = {.names = &name, .n_names = 1};
	struct ng_bounds bounds;
	size_t n = 0;
	ng_policy_bounds(&world->policy, &subject, &bounds);
	world->said[0] = '\0';
	for (uint8_t i = 0; i < bounds.n_ports; i++)
		n += (size_t)snprintf(world->said + n, sizeof(world->said) - n, "%u/%u ",
				      bounds.ports[i].proto, bounds.ports[i].port);
	for (uint8_t i = 0; i < bounds.n_types; i++)
		n += (size_t)snprintf(world->said + n, sizeof(world->said) - n, "t%u ",
				      bounds.types[i]);
	snprintf(world->said + n, sizeof(world->said) - n, "p%u l%u%s", bounds.n_opened,
		 bounds.lease_max_s, bounds.strict ? " strict" : "");
	return world->said;
}

static void bounds_are_joined_across_scopes(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    "a.example:80 types=TXT lease-max=5m private=10.0.0.0/8\nb.example\nc.example:80\n"
	    "d.example types=HTTPS\n");
	add(&world, NG_SCOPE_SANDBOX,
	    "a.example:443,80 types=A lease-max=1m private=10.0.0.0/8,fd00::/8 cname=strict\n"
	    "b.example:443\nd.example\n");
	assert_string_equal(bounds_text(&world, "a.example"),
			    "6/80 6/443 t16 t1 p2 l60 strict");
	assert_string_equal(bounds_text(&world, "b.example"), "p0 l0");
	assert_string_equal(bounds_text(&world, "c.example"), "6/80 p0 l0");
	assert_string_equal(bounds_text(&world, "d.example"), "t65 t1 t28 p0 l0");
	assert_string_equal(bounds_text(&world, "e.example"), "p0 l0");
	judge(&world, NULL, "b.example");
	assert_true(world.decision.bounded);
	finish(&world);
	world = (struct world){0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "a.example CNAME rpz-passthru.\n_443._tcp.a.example CNAME rpz-passthru.\n"
		 "_53._udp.*.b.example CNAME rpz-passthru.\n_443._tcp.a.example CNAME "
		 "rpz-passthru.\n");
	assert_string_equal(bounds_text(&world, "a.example"), "6/443 p0 l0");
	assert_string_equal(bounds_text(&world, "x.b.example"), "17/53 p0 l0");
	assert_string_equal(world.sources[0].said, "8:1 rule-repeat?");
	finish(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t1_names_and_alias_targets),
		cmocka_unit_test(t2_wildcards_are_shadowed_by_nothing),
		cmocka_unit_test(t3_t4_addresses_of_the_answer),
		cmocka_unit_test(t5_the_asking_client),
		cmocka_unit_test(a1_to_a7_the_actions),
		cmocka_unit_test(p1_an_earlier_link_beats_a_later_one),
		cmocka_unit_test(p2_the_zone_listed_first),
		cmocka_unit_test(p3_more_labels_and_exact_first),
		cmocka_unit_test(p4_client_name_answer_in_one_zone),
		cmocka_unit_test(p6_longest_prefix_then_smallest_address),
		cmocka_unit_test(o1_each_override),
		cmocka_unit_test(o1_a_disabled_zone_only_leaves_its_shadow),
		cmocka_unit_test(the_most_severe_scope_wins),
		cmocka_unit_test(approvals_answer_an_ask_and_nothing_else),
		cmocka_unit_test(bounds_are_joined_across_scopes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
