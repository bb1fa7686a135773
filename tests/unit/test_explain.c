/*
 * Why a policy says what it says: each outcome in a case of its own, and, for random policies and
 * questions, the rule that the explanation lets win is the one that the judgement names.
 */
#include "policy_world.h"

#include <namegate/explain.h>

#define SOURCES_MAX 10
#define ROUNDS      4000
#define QUESTIONS   12
#define APEX                                                                                   \
	"$TTL 300\n$ORIGIN rpz.example.\n@ SOA localhost. root.localhost. 1 2 3 4 5\n@ NS "    \
	"localhost.\n"

struct world {
	struct source sources[SOURCES_MAX], approvals;
	size_t n;
	struct ng_policy policy;
	struct ng_explanation why;
	char said[1024];
};

static void add(struct world *world, enum ng_scope scope, const char *text,
		enum ng_override override)
{
	const struct ng_source from = {.format = ng_source_sniff(text, strlen(text)),
				       .path = "test",
				       .text = text,
				       .len = strlen(text),
				       .override = override};
	struct source *source = &world->sources[world->n++];
	uint8_t *n = &world->policy.scopes[scope].n;
	source_compile_from(source, &from);
	assert_int_equal(source->code, NG_OK);
	world->policy.scopes[scope].sources[(*n)++] = source->ruleset;
}

static void approve(struct world *world, const char *text)
{
	if (world->policy.approvals != NULL)
		source_finish(&world->approvals);
	source_make(&world->approvals, NG_FORMAT_LIST, text);
	world->policy.approvals = world->approvals.ruleset;
}

static void finish(struct world *world)
{
	for (size_t i = 0; i < world->n; i++)
		source_finish(&world->sources[i]);
	if (world->policy.approvals != NULL)
		source_finish(&world->approvals);
	ng_explanation_finish(&world->why);
}

struct question {
	struct ng_name names[4];
	struct ng_addr addrs[4], client;
	struct ng_subject subject;
};

/* "NAME[>ALIAS…] [=ADDRESS…]", as client asks it (NULL: unknown). "=" alone: answered. */
static void ask(struct question *question, const char *client, const char *text)
{
	char copy[256], *save, *word;
	strcpy(copy, text);
	*question = (struct question){0};
	struct ng_subject *subject = &question->subject;
	subject->names = question->names;
	subject->addrs = question->addrs;
	subject->answered = strchr(text, '=') != NULL;
	char *after = strchr(copy, '=');
	if (after != NULL)
		*after++ = '\0';
	for (word = strtok_r(copy, "> ", &save); word != NULL;
	     word = strtok_r(NULL, "> ", &save))
		question->names[subject->n_names++] = name_of(word);
	for (word = after != NULL ? strtok_r(after, " =", &save) : NULL; word != NULL;
	     word = strtok_r(NULL, " =", &save))
		assert_int_equal(ng_addr_parse(word, &question->addrs[subject->n_addrs++]),
				 NG_OK);
	if (client == NULL)
		return;
	assert_int_equal(ng_addr_parse(client, &question->client), NG_OK);
	subject->client = &question->client;
}

/* "allow: sandbox 2 decides, sandbox 1 labels<0": line and outcome of each, and who outdid it. */
static const char *explain(struct world *world, const char *client, const char *text)
{
	static const char *const verdicts[] = {"deny", "ask", "allow"};
	static const char *const outcomes[NG_OUTCOMES] = {
		"decides", "joins",  "overruled", "approved", "refused", "unasked", "disabled",
		"link",    "source", "denied",    "trigger",  "labels",  "exact",   "prefix"};
	struct question question;
	ask(&question, client, text);
	ng_explanation_finish(&world->why);
	assert_int_equal(ng_explain(&world->policy, &question.subject, &world->why), NG_OK);
	size_t n = (size_t)sprintf(world->said, "%s:", verdicts[world->why.decision.verdict]);
	for (size_t i = 0; i < world->why.n_candidates; i++) {
		const struct ng_candidate *item = &world->why.candidates[i];
		n += (size_t)sprintf(world->said + n, "%s %d/%s%u %s", i > 0 ? "," : "",
				     item->scope, item->approval ? "ok" : "", item->match.line,
				     outcomes[item->outcome]);
		if (item->by != i)
			n += (size_t)sprintf(world->said + n, "<%zu", item->by);
		assert_true(n < sizeof(world->said) - 64);
	}
	return world->said;
}

/* ---- each outcome ---- */

static void in_a_source_labels_and_exact_owners_come_first(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_SANDBOX, "*\n*.example\n!*.b.example\na.b.example\nb.example\n",
	    0);
	assert_string_equal(explain(&world, NULL, "a.b.example"),
			    "allow: 2/4 decides, 2/3 exact<0, 2/2 exact<0, 2/1 exact<0");
	assert_string_equal(explain(&world, NULL, "c.b.example"),
			    "deny: 2/3 decides, 2/2 labels<0, 2/1 labels<0");
	assert_string_equal(explain(&world, NULL, "b.example"),
			    "allow: 2/5 decides, 2/2 exact<0, 2/1 exact<0");
	assert_int_equal(world.why.decider, 0);
	finish(&world);
	world = (struct world){0};
	add(&world, NG_SCOPE_SANDBOX, "other.example\n", 0);
	assert_string_equal(explain(&world, NULL, "a.example"), "deny:");
	assert_int_equal(world.why.decider, world.why.n_candidates);
	finish(&world);
}

static void sources_and_scopes_overrule(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL, "!*.bad.example\nboth.example\n", 0);
	add(&world, NG_SCOPE_GROUP, "?ask.example\n", 0);
	add(&world, NG_SCOPE_SANDBOX, "a.bad.example\nask.example\nboth.example:443\n", 0);
	add(&world, NG_SCOPE_SANDBOX, "!both.example\n", 0);
	assert_string_equal(explain(&world, NULL, "a.bad.example"),
			    "deny: 0/1 decides, 2/1 overruled<0");
	assert_string_equal(explain(&world, NULL, "ask.example"),
			    "ask: 1/1 decides, 2/2 overruled<0");
	assert_string_equal(explain(&world, NULL, "both.example"),
			    "allow: 0/2 decides, 2/3 joins<0, 2/1 source<1");
	assert_int_equal(world.why.bounds.n_ports, 0); /* the wider one opens all */
	approve(&world, "ask.example\n");
	assert_string_equal(explain(&world, NULL, "ask.example"),
			    "allow: 1/1 approved<2, 2/2 overruled<0, 1/ok1 decides");
	assert_int_equal(world.why.decider, 2);
	approve(&world, "!ask.example\n");
	assert_string_equal(explain(&world, NULL, "ask.example"),
			    "deny: 1/1 refused<2, 2/2 overruled<0, 1/ok1 decides");
	finish(&world);
}

static void what_looks_at_addresses(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL,
	    APEX "24.0.2.0.192.rpz-ip CNAME .\n32.7.2.0.192.rpz-ip CNAME rpz-passthru.\n"
		 "32.2.0.1.10.rpz-client-ip CNAME rpz-passthru.\n"
		 "16.0.0.1.10.rpz-client-ip CNAME .\n",
	    0);
	add(&world, NG_SCOPE_GLOBAL, "ok.example\n!no.example\n", 0);
	assert_string_equal(explain(&world, NULL, "ok.example = 192.0.2.7 192.0.2.9"),
			    "allow: 0/6 decides, 0/5 prefix<0, 0/1 source<0");
	assert_string_equal(explain(&world, NULL, "no.example = 192.0.2.9"),
			    "deny: 0/5 denied<1, 0/2 decides");
	assert_string_equal(explain(&world, "10.1.0.2", "ok.example = 192.0.2.9"),
			    "allow: 0/7 decides, 0/8 prefix<0, 0/5 trigger<0, 0/1 source<0");
	assert_string_equal(explain(&world, NULL, "none.example = 192.0.2.7"),
			    "deny: 0/6 unasked, 0/5 prefix<0");
	assert_int_equal(world.why.decider, world.why.n_candidates);
	finish(&world);
}

static void links_and_disabled_zones(void **state)
{
	(void)state;
	struct world world = {0};
	add(&world, NG_SCOPE_GLOBAL, APEX "a.example CNAME .\n", NG_OVERRIDE_DISABLED);
	add(&world, NG_SCOPE_GLOBAL, "a.example\n!b.example\n", 0);
	assert_string_equal(explain(&world, NULL, "a.example>b.example"),
			    "allow: 0/5 disabled, 0/1 decides, 0/2 link<1");
	assert_string_equal(explain(&world, NULL, "c.example>a.example"),
			    "deny: 0/5 disabled, 0/1 unasked");
	assert_string_equal(explain(&world, NULL, "c.example>b.example"), "deny: 0/2 decides");
	finish(&world);
}

static void a_near_miss_is_found(void **state)
{
	(void)state;
	struct world world = {0};
	struct ng_near near = {0};
	struct ng_name name = name_of("github.com");
	add(&world, NG_SCOPE_SANDBOX, "*.github.com\npypi.org\n!gone.example\n", 0);
	assert_true(ng_explain_near(&world.policy, &name, &near));
	assert_int_equal(near.kind, NG_NEAR_APEX);
	assert_int_equal(near.match.line, 1);
	name = name_of("a.b.pypi.org");
	assert_true(ng_explain_near(&world.policy, &name, &near));
	assert_int_equal(near.kind, NG_NEAR_ABOVE);
	assert_int_equal(near.match.line, 2);
	name = name_of("pypi.org");
	assert_true(ng_name_equal(&near.owner, &name));
	name = name_of("a.gone.example");
	assert_false(ng_explain_near(&world.policy, &name, &near));
	name = name_of("x.example");
	assert_false(ng_explain_near(&world.policy, &name, &near));
	finish(&world);
}

/* ---- any policy ---- */

static uint64_t random_state = 0x1d872b41;

static unsigned draw(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 24) % below);
}

static const char *pick(const char *const *words, size_t n)
{
	return words[draw((unsigned)n)];
}

static void random_list(char *text)
{
	static const char *const owners[] = {"a.t", "*.a.t", "b.a.t", "c.b.a.t", "*.b.a.t",
					     "*.t", "*",     "d.u",   "*.u"};
	static const char *const kinds[] = {"", "", "", "!", "?"};
	static const char *const ends[] = {"", "", ":443", " lease-max=10m", " cname=strict"};
	unsigned used = 0;
	for (unsigned i = draw(5) + 1; i > 0; i--) {
		unsigned owner = draw(COUNT(owners));
		const char *kind = pick(kinds, COUNT(kinds));
		if (used & 1u << owner)
			continue;
		used |= 1u << owner;
		text += sprintf(text, "%s%s%s\n", kind, owners[owner],
				kind[0] == '\0' ? pick(ends, COUNT(ends)) : "");
	}
}

static void random_zone(char *text)
{
	static const char *const owners[] = {"a.t",
					     "*.a.t",
					     "b.a.t",
					     "*.t",
					     "d.u",
					     "24.0.2.0.192.rpz-ip",
					     "32.1.2.0.192.rpz-ip",
					     "8.0.0.0.192.rpz-ip",
					     "64.zz.db8.2001.rpz-ip",
					     "128.1.zz.db8.2001.rpz-ip",
					     "8.0.0.0.10.rpz-client-ip",
					     "32.2.0.1.10.rpz-client-ip"};
	static const char *const actions[] = {"CNAME .",
					      "CNAME *.",
					      "CNAME rpz-passthru.",
					      "CNAME rpz-passthru.",
					      "CNAME rpz-drop.",
					      "CNAME rpz-tcp-only.",
					      "A 192.0.2.80"};
	unsigned used = 0;
	text = stpcpy(text, APEX);
	for (unsigned i = draw(6) + 1; i > 0; i--) {
		unsigned owner = draw(COUNT(owners));
		if (used & 1u << owner)
			continue;
		used |= 1u << owner;
		text += sprintf(text, "%s %s\n", owners[owner], pick(actions, COUNT(actions)));
	}
}

static void random_policy(struct world *world)
{
	char text[2048];
	for (unsigned n = draw(6); n > 0; n--) {
		bool zone = draw(2) == 0;
		if (zone)
			random_zone(text);
		else
			random_list(text);
		add(world, draw(NG_SCOPES), text,
		    zone && draw(4) == 0 ? NG_OVERRIDE_DISABLED : NG_OVERRIDE_GIVEN);
	}
	if (draw(3) == 0)
		approve(world, draw(2) ? "a.t\nb.a.t\n" : "!a.t\nd.u\n");
}

static void random_question(char *text)
{
	static const char *const names[] = {"a.t", "b.a.t", "c.b.a.t", "x.t", "d.u", "e.d.u"};
	static const char *const addrs[] = {"192.0.2.1",   "192.0.2.9",   "192.9.9.9",
					    "2001:db8::1", "2001:db8::2", "203.0.113.1"};
	text = stpcpy(text, pick(names, COUNT(names)));
	for (unsigned i = draw(3); i > 0; i--)
		text += sprintf(text, ">%s", pick(names, COUNT(names)));
	if (draw(3) == 0)
		return;
	text = stpcpy(text, " =");
	for (unsigned i = draw(4); i > 0; i--)
		text += sprintf(text, " %s", pick(addrs, COUNT(addrs)));
}

static bool same_rule(const struct ng_match *a, const struct ng_match *b)
{
	return a->ruleset == b->ruleset && a->line == b->line && a->column == b->column &&
	       a->action == b->action && a->trigger == b->trigger &&
	       a->wildcard == b->wildcard && a->extra == b->extra;
}

static bool stands_alone(enum ng_outcome outcome)
{
	return outcome == NG_OUTCOME_DECIDES || outcome == NG_OUTCOME_DISABLED ||
	       outcome == NG_OUTCOME_UNASKED;
}

/* One decides at most; everyone else was outdone by a rule that speaks. */
static void check_outcomes(const struct ng_explanation *why)
{
	size_t deciders = 0;
	for (size_t i = 0; i < why->n_candidates; i++) {
		const struct ng_candidate *item = &why->candidates[i];
		const struct ng_candidate *by = &why->candidates[item->by];
		deciders += item->outcome == NG_OUTCOME_DECIDES;
		assert_int_equal(item->by == i, stands_alone(item->outcome));
		assert_true(item->by == i || by->outcome <= NG_OUTCOME_UNASKED);
		assert_int_equal(item->match.disabled, item->outcome == NG_OUTCOME_DISABLED);
		if (i == 0 || item->approval)
			continue;
		assert_true(why->candidates[i - 1].scope < item->scope ||
			    (why->candidates[i - 1].scope == item->scope &&
			     why->candidates[i - 1].link <= item->link));
	}
	assert_int_equal(deciders, why->decider < why->n_candidates);
}

static void the_winner_is_the_rule_that_the_judgement_names(void **state)
{
	static const char *const clients[] = {"10.1.0.2", "10.9.9.9", "172.16.0.1"};
	unsigned seen[NG_OUTCOMES] = {0};
	char text[256];
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct world world = {0};
		random_policy(&world);
		for (unsigned i = 0; i < QUESTIONS; i++) {
			const char *client = draw(2) ? NULL : pick(clients, COUNT(clients));
			struct ng_decision decision;
			struct question question;
			random_question(text);
			explain(&world, client, text);
			ask(&question, client, text);
			ng_policy_judge(&world.policy, &question.subject, &decision);
			const struct ng_explanation *why = &world.why;
			check_outcomes(why);
			for (size_t k = 0; k < why->n_candidates; k++)
				seen[why->candidates[k].outcome]++;
			if (decision.matched != (why->decider < why->n_candidates))
				fail_msg("%s: %s", text, world.said);
			if (!decision.matched) {
				assert_int_equal(decision.verdict, NG_DENY);
				continue;
			}
			const struct ng_candidate *winner = &why->candidates[why->decider];
			if (!same_rule(&decision.match, &winner->match) ||
			    decision.scope != winner->scope ||
			    decision.verdict != ng_action_verdict(winner->match.action))
				fail_msg("%s: %s", text, world.said);
		}
		finish(&world);
	}
	for (size_t i = 0; i < NG_OUTCOMES; i++)
		assert_true(seen[i] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_source_labels_and_exact_owners_come_first),
		cmocka_unit_test(sources_and_scopes_overrule),
		cmocka_unit_test(what_looks_at_addresses),
		cmocka_unit_test(links_and_disabled_zones),
		cmocka_unit_test(a_near_miss_is_found),
		cmocka_unit_test(the_winner_is_the_rule_that_the_judgement_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
