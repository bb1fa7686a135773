/* Verdicts: which source speaks in a scope, and which scope wins. */
#include "policy_world.h"

#define SOURCES_MAX 8

struct world {
	struct source sources[SOURCES_MAX];
	size_t n;
	struct ng_policy policy;
	struct ng_decision decision;
};

static void add(struct world *world, enum ng_scope scope, const char *text)
{
	struct source *source = &world->sources[world->n++];
	source_make(source, ng_source_sniff(text, strlen(text)), text);
	assert_int_equal(source->code, NG_OK);
	world->policy.scopes[scope].sources[world->policy.scopes[scope].n++] = source->ruleset;
}

static enum ng_verdict verdict(struct world *world, const char *text)
{
	struct ng_name name = name_of(text);
	ng_policy_decide(&world->policy, &name, &world->decision);
	return world->decision.verdict;
}

static bool below(struct world *world, const char *text)
{
	struct ng_name name = name_of(text);
	return ng_policy_has_below(&world->policy, &name);
}

static void finish(struct world *world)
{
	for (size_t i = 0; i < world->n; i++)
		source_finish(&world->sources[i]);
}

static void no_rule_is_deny(void **state)
{
	(void)state;
	struct world world = {0};
	assert_int_equal(verdict(&world, "a.example"), NG_DENY);
	assert_false(world.decision.matched);
	assert_false(below(&world, "."));
	add(&world, NG_SCOPE_SANDBOX, "b.example\n");
	assert_int_equal(verdict(&world, "a.example"), NG_DENY);
	assert_false(world.decision.matched);
	finish(&world);
}

static void any_scope_may_allow(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL, "g.example\n");
	add(&world, NG_SCOPE_GROUP, "m.example\n");
	add(&world, NG_SCOPE_SANDBOX, "g.example\ns.example\n");
	assert_int_equal(verdict(&world, "g.example"), NG_ALLOW);
	assert_int_equal(world.decision.scope, NG_SCOPE_GLOBAL);
	assert_int_equal(verdict(&world, "m.example"), NG_ALLOW);
	assert_int_equal(world.decision.scope, NG_SCOPE_GROUP);
	assert_int_equal(verdict(&world, "s.example"), NG_ALLOW);
	assert_int_equal(world.decision.scope, NG_SCOPE_SANDBOX);
	assert_int_equal(world.decision.match.line, 2);
	finish(&world);
}

static void a_denial_wins_from_whatever_scope(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL, "!*.bad.example\nx.example\n");
	add(&world, NG_SCOPE_SANDBOX, "exact.bad.example\n!x.example\n*.y.example\n");
	/* More labels count inside a source only. */
	assert_int_equal(verdict(&world, "exact.bad.example"), NG_DENY);
	assert_true(world.decision.matched);
	assert_int_equal(world.decision.scope, NG_SCOPE_GLOBAL);
	assert_true(world.decision.match.wildcard);
	assert_int_equal(verdict(&world, "x.example"), NG_DENY);
	assert_int_equal(world.decision.scope, NG_SCOPE_SANDBOX);
	assert_int_equal(verdict(&world, "a.y.example"), NG_ALLOW);
	finish(&world);
}

static void in_a_scope_the_first_source_speaks(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_SANDBOX, "*.example\n");
	add(&world, NG_SCOPE_SANDBOX, "!exact.example\n!only.second\n");
	assert_int_equal(verdict(&world, "exact.example"), NG_ALLOW);
	assert_int_equal(world.decision.match.labels, 1);
	assert_int_equal(verdict(&world, "only.second"), NG_DENY);
	assert_true(world.decision.matched);
	finish(&world);
}

static void in_a_source_more_labels_win_and_exact_beats_wildcard(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_SANDBOX,
	    "*.example\n!*.b.example\n*.c.b.example\n!d.c.b.example\n!example\n");
	assert_int_equal(verdict(&world, "b.example"), NG_ALLOW);
	assert_int_equal(verdict(&world, "x.b.example"), NG_DENY);
	assert_int_equal(verdict(&world, "x.y.b.example"), NG_DENY);
	assert_int_equal(verdict(&world, "x.c.b.example"), NG_ALLOW);
	assert_int_equal(verdict(&world, "d.c.b.example"), NG_DENY);
	assert_int_equal(verdict(&world, "x.d.c.b.example"), NG_ALLOW);
	assert_int_equal(verdict(&world, "example"), NG_DENY);
	finish(&world);
}

static void nodata_is_a_denial_that_says_its_action(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_SANDBOX,
	    "$TTL 5\n$ORIGIN r.\n@ SOA . . 1 2 3 4 5\n@ NS .\na.example CNAME *.\n"
	    "b.example CNAME rpz-passthru.\n");
	assert_int_equal(verdict(&world, "a.example"), NG_DENY);
	assert_int_equal(world.decision.match.action, NG_ACTION_NODATA);
	assert_int_equal(verdict(&world, "b.example"), NG_ALLOW);
	finish(&world);
}

static void a_descendant_that_some_scope_allows_is_seen(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL, "!x.one.example\n");
	add(&world, NG_SCOPE_SANDBOX, "a.two.example\n");
	assert_true(below(&world, "example"));
	assert_true(below(&world, "two.example"));
	assert_false(below(&world, "one.example"));
	assert_false(below(&world, "a.two.example"));
	finish(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rule_is_deny),
		cmocka_unit_test(any_scope_may_allow),
		cmocka_unit_test(a_denial_wins_from_whatever_scope),
		cmocka_unit_test(in_a_scope_the_first_source_speaks),
		cmocka_unit_test(in_a_source_more_labels_win_and_exact_beats_wildcard),
		cmocka_unit_test(nodata_is_a_denial_that_says_its_action),
		cmocka_unit_test(a_descendant_that_some_scope_allows_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
