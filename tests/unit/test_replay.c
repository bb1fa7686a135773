/* What a draft would change: each kind of finding from observations made by hand. */
#include "unit.h"

#include "folder.h"

#include "offline/replay.h"

#include <netinet/in.h>
#include <unistd.h>

static int make_folder(void **state)
{
	(void)state;
	if (folder_make() != 0)
		return -1;
	put("ci.list", "ok.example\n"
		       "!bad.example\n"
		       "?ask.example\n"
		       "web.example:443\n"
		       "strict.example cname=strict\n"
		       "rebind.example\n"
		       "short.example lease-max=20\n"
		       "198.51.100.99:25\n");
	put("watch.list", "ok.example\n");
	put("rpz.zone", "$TTL 300\n@ SOA ns.example. h.example. 1 2 3 4 5\n"
			"own.example A 203.0.113.1\n"
			"bad-answer.example CNAME rpz-passthru.\n"
			"32.66.113.0.203.rpz-ip CNAME .\n"
			"32.67.113.0.203.rpz-ip CNAME rpz-passthru.\n");
	put("namegate.conf",
	    "forward \"corp.internal\" { servers = {\"10.1.0.53\"} private = {\"10.1.0.0/16\"} "
	    "}\n"
	    "zone \"rpz\" { file = \"rpz.zone\" origin = \"rpz.test\" }\n"
	    "sandbox \"ci\" { sources = {\"10.77.1.2\"} interface = \"sb1\"\n"
	    "  policies = {\"zone:rpz\", \"ci.list\"} }\n"
	    "sandbox \"watch\" { sources = {\"10.77.1.3\"} interface = \"sb2\"\n"
	    "  policies = {\"watch.list\"} mode = \"observe\" }\n"
	    "sandbox \"shut\" { sources = {\"10.77.1.4\"} interface = \"sb3\"\n"
	    "  policies = {\"ci.list\"} mode = \"lockdown\" }\n");
	return 0;
}

/* ---- the world ---- */

struct draft {
	struct ng_diags diags;
	struct setup *setup;
	struct who *who;
	struct replay *replay;
	uint64_t now_us;
	const char *client;
};

static struct ng_addr addr_of(const char *text)
{
	struct ng_addr addr;
	if (ng_addr_parse(text, &addr) != NG_OK)
		fail_msg("%s is no address", text);
	return addr;
}

static struct ng_name name_of(const char *text)
{
	struct ng_name name;
	if (ng_name_from_text(text, strlen(text), &name) != NG_OK)
		fail_msg("%s is no name", text);
	return name;
}

static void draft_begin(struct draft *draft)
{
	struct setup_wish wish = {.config = path_of("namegate.conf")};
	*draft = (struct draft){.now_us = 1700000000000000, .client = "10.77.1.2"};
	ng_diags_init(&draft->diags);
	int code = setup_read(&wish, &draft->diags, &draft->setup);
	if (code != NG_OK)
		fail_msg("%s", draft->diags.n > 0 ? draft->diags.items[0].reason : "?");
	assert_int_equal(who_create(draft->setup, NULL, &draft->who), NG_OK);
	assert_int_equal(replay_create(draft->setup, draft->who, false, &draft->replay), NG_OK);
}

static void draft_end(struct draft *draft)
{
	replay_destroy(draft->replay);
	who_destroy(draft->who);
	setup_free(draft->setup);
	ng_diags_finish(&draft->diags);
}

/* An answer of the fate; alias and addresses may be NULL. */
static void answer(struct draft *draft, const char *name, uint16_t type, enum traffic_fate fate,
		   const char *alias, const char *one, const char *two)
{
	struct ng_name asked = name_of(name), target;
	struct traffic_address addrs[2];
	struct traffic_observation seen = {.kind = TRAFFIC_RESPONSE,
					   .wall_us = draft->now_us,
					   .client = addr_of(draft->client),
					   .name = &asked,
					   .type = type,
					   .fate = fate,
					   .addrs = addrs};
	if (alias != NULL) {
		target = name_of(alias);
		seen.aliases = &target;
		seen.n_aliases = 1;
	}
	if (one != NULL)
		addrs[seen.n_addrs++] = (struct traffic_address){addr_of(one), 60};
	if (two != NULL)
		addrs[seen.n_addrs++] = (struct traffic_address){addr_of(two), 60};
	replay_take(draft->replay, &seen);
}

static void given(struct draft *draft, const char *name, const char *addr)
{
	answer(draft, name, NG_TYPE_A, TRAFFIC_ANSWERED, NULL, addr, NULL);
}

/* A flow that was answered with as many packets. */
static void flow(struct draft *draft, const char *to, uint8_t proto, uint16_t port,
		 uint64_t back)
{
	struct traffic_observation seen = {.kind = TRAFFIC_FLOW,
					   .wall_us = draft->now_us,
					   .client = addr_of(draft->client),
					   .server = addr_of(to),
					   .proto = proto,
					   .client_port = 40000,
					   .port = port,
					   .began = true,
					   .packets = 1};
	replay_take(draft->replay, &seen);
	seen.more = true;
	seen.packets = 0;
	seen.back = back;
	replay_take(draft->replay, &seen);
}

static const struct replay_finding *findings(struct draft *draft, size_t n)
{
	size_t seen;
	assert_int_equal(replay_end(draft->replay), NG_OK);
	const struct replay_finding *list = replay_findings(draft->replay, &seen);
	assert_int_equal(seen, n);
	return list;
}

/* The only finding there is. */
static const struct replay_finding *the_finding(struct draft *draft, enum replay_kind kind,
						bool worse)
{
	const struct replay_finding *finding = findings(draft, 1);
	assert_int_equal(finding->kind, kind);
	assert_int_equal(replay_is_worse(finding), worse);
	return finding;
}

static void expect_name(const struct replay_finding *finding, const char *text)
{
	char name[NG_NAME_TEXT_MAX];
	assert_non_null(finding->name);
	assert_string_equal(ng_name_to_text(finding->name, name), text);
}

/* ---- names ---- */

static void what_stays_is_no_finding(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	given(&draft, "ok.example", "198.51.100.1");
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	flow(&draft, "198.51.100.99", IPPROTO_TCP, 25, 3); /* static */
	answer(&draft, "bad.example", NG_TYPE_A, TRAFFIC_DENIED, NULL, NULL, NULL);
	findings(&draft, 0);
	assert_int_equal(
		replay_totals(draft.replay, setup_find(draft.setup, "ci"))->stay_denied, 1);
	draft_end(&draft);
}

static void names_denied(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	given(&draft, "bad.example", "198.51.100.1");
	given(&draft, "bad.example", "198.51.100.1");
	given(&draft, "ask.example", "198.51.100.1");
	answer(&draft, "none.example", NG_TYPE_A, TRAFFIC_EMPTY, NULL, NULL, NULL);
	const struct replay_finding *list = findings(&draft, 3);
	expect_name(&list[0], "bad.example");
	assert_int_equal(list[0].count, 2);
	assert_int_equal(list[0].line, 2);
	assert_true(replay_is_worse(&list[0]));
	expect_name(&list[1], "ask.example");
	assert_true(list[1].ask);
	expect_name(&list[2], "none.example");
	assert_null(list[2].path);
	assert_false(replay_is_worse(&list[2])); /* there was nothing to lose */
	draft_end(&draft);
}

static void names_allowed_anew(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	answer(&draft, "ok.example", NG_TYPE_A, TRAFFIC_DENIED, NULL, NULL, NULL);
	expect_name(the_finding(&draft, REPLAY_ALLOWED, false), "ok.example");
	draft_end(&draft);
}

static void a_sandbox_in_observe_is_judged(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	draft.client = "10.77.1.3";
	given(&draft, "other.example", "198.51.100.1");
	expect_name(the_finding(&draft, REPLAY_DENIED, true), "other.example");
	draft_end(&draft);
}

static void lockdown_denies_all(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	draft.client = "10.77.1.4";
	given(&draft, "ok.example", "198.51.100.1");
	flow(&draft, "198.51.100.99", IPPROTO_TCP, 25, 3);
	const struct replay_finding *list = findings(&draft, 2);
	assert_string_equal(list[0].reason, "the sandbox is in lockdown");
	assert_int_equal(list[1].shut, REPLAY_CLOSED);
	draft_end(&draft);
}

static void strangers(void **state)
{
	struct draft draft;
	const struct ng_addr *addrs;
	(void)state;
	draft_begin(&draft);
	draft.client = "10.77.9.9";
	given(&draft, "bad.example", "198.51.100.1");
	given(&draft, "bad.example", "198.51.100.1");
	findings(&draft, 0);
	assert_int_equal(replay_strangers(draft.replay), 2);
	assert_int_equal(replay_stranger_addrs(draft.replay, &addrs), 1);
	struct ng_addr addr = addr_of("10.77.9.9");
	assert_int_equal(who_map(draft.who, &addr, setup_find(draft.setup, "ci")), NG_OK);
	assert_int_equal(who_map(draft.who, &addr, setup_find(draft.setup, "shut")),
			 NG_E_EXISTS);
	given(&draft, "bad.example", "198.51.100.1");
	the_finding(&draft, REPLAY_DENIED, true);
	draft_end(&draft);
}

/* ---- answers ---- */

static void types(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	answer(&draft, "ok.example", NG_TYPE_TXT, TRAFFIC_ANSWERED, NULL, NULL, NULL);
	assert_int_equal(the_finding(&draft, REPLAY_TYPE, true)->type, NG_TYPE_TXT);
	draft_end(&draft);
	draft_begin(&draft);
	answer(&draft, "ok.example", NG_TYPE_HTTPS, TRAFFIC_ANSWERED, NULL, NULL, NULL);
	the_finding(&draft, REPLAY_TYPE, false);
	draft_end(&draft);
}

static void aliases(void **state)
{
	struct draft draft;
	char name[NG_NAME_TEXT_MAX];
	(void)state;
	draft_begin(&draft);
	answer(&draft, "strict.example", NG_TYPE_A, TRAFFIC_ANSWERED, "cdn.example",
	       "198.51.100.1", NULL);
	const struct replay_finding *finding = the_finding(&draft, REPLAY_ALIAS, true);
	assert_string_equal(ng_name_to_text(finding->alias, name), "cdn.example");
	draft_end(&draft);
	draft_begin(&draft);
	answer(&draft, "ok.example", NG_TYPE_A, TRAFFIC_ANSWERED, "cdn.example", "198.51.100.1",
	       NULL);
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	finding = the_finding(&draft, REPLAY_STRICT, false);
	assert_string_equal(ng_name_to_text(finding->alias, name), "cdn.example");
	draft_end(&draft);
}

/* A public name that leads into a private forward zone. */
static void aliases_that_cross(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	answer(&draft, "ok.example", NG_TYPE_A, TRAFFIC_ANSWERED, "db.corp.internal",
	       "10.1.0.5", NULL);
	the_finding(&draft, REPLAY_ALIAS, true);
	draft_end(&draft);
}

static void addresses_taken_out(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	answer(&draft, "rebind.example", NG_TYPE_A, TRAFFIC_ANSWERED, NULL, "198.51.100.1",
	       "10.9.9.9");
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	flow(&draft, "10.9.9.9", IPPROTO_TCP, 443, 3);
	const struct replay_finding *list = findings(&draft, 2);
	struct ng_addr taken = addr_of("10.9.9.9");
	assert_int_equal(list[0].kind, REPLAY_FILTERED);
	assert_true(ng_addr_equal(&list[0].addr, &taken));
	assert_int_equal(list[1].kind, REPLAY_FLOW);
	assert_true(ng_addr_equal(&list[1].addr, &taken));
	assert_int_equal(list[1].shut, REPLAY_REFUSED);
	draft_end(&draft);
}

static void answers_denied_by_their_address(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	given(&draft, "ok.example", "203.0.113.66");
	const struct replay_finding *finding = the_finding(&draft, REPLAY_ANSWER, true);
	assert_non_null(strstr(finding->path, "rpz.zone"));
	assert_int_equal(finding->line, 5);
	draft_end(&draft);
}

/* Where the draft leads elsewhere, the old destination is no loss. */
static void answers_of_the_rule(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	given(&draft, "own.example", "198.51.100.1");
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	flow(&draft, "203.0.113.1", IPPROTO_TCP, 443, 3);
	const struct replay_finding *list = findings(&draft, 2);
	assert_int_equal(list[0].kind, REPLAY_OWN);
	assert_false(replay_is_worse(&list[0]));
	assert_int_equal(list[1].kind, REPLAY_FLOW);
	assert_false(replay_is_worse(&list[1]));
	draft_end(&draft);
}

/* ---- flows ---- */

static void expect_shut(struct draft *draft, enum replay_shut shut, bool worse)
{
	assert_int_equal(the_finding(draft, REPLAY_FLOW, worse)->shut, shut);
	draft_end(draft);
}

static void flows_without_a_name(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	flow(&draft, "198.51.100.7", IPPROTO_TCP, 443, 3);
	expect_shut(&draft, REPLAY_UNNAMED, true);
	draft_begin(&draft);
	flow(&draft, "198.51.100.7", IPPROTO_TCP, 443, 0); /* refused when it was recorded */
	expect_shut(&draft, REPLAY_UNNAMED, false);
	draft_begin(&draft);
	flow(&draft, "198.51.100.7", IPPROTO_UDP, 443, 0);
	expect_shut(&draft, REPLAY_UNNAMED, true);
}

static void flows_to_closed_places(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	given(&draft, "ok.example", "198.51.100.1");
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 853, 3);
	expect_shut(&draft, REPLAY_CLOSED, true);
	draft_begin(&draft);
	given(&draft, "ok.example", "198.51.100.1");
	flow(&draft, "198.51.100.1", IPPROTO_ICMP, 0, 3);
	expect_shut(&draft, REPLAY_CLOSED, true);
	draft_begin(&draft);
	flow(&draft, "169.254.169.254", IPPROTO_TCP, 80, 3);
	expect_shut(&draft, REPLAY_CLOSED, true);
}

static void flows_to_other_ports(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	given(&draft, "web.example", "198.51.100.1");
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 80, 3);
	assert_int_equal(findings(&draft, 1)->port, 80);
	expect_shut(&draft, REPLAY_PORT, true);
}

/* TTL 60 and grace 30: at 90 s it stands, at 92 s it does not; a new answer opens it again. */
static void flows_that_come_late(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	given(&draft, "ok.example", "198.51.100.1");
	draft.now_us += 90000000;
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	findings(&draft, 0);
	draft.now_us += 2000000;
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	given(&draft, "ok.example", "198.51.100.1");
	draft.now_us += 80000000;
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	assert_int_equal(findings(&draft, 1)->count, 1);
	expect_shut(&draft, REPLAY_LATE, true);
}

/* lease-max=20 and grace 30. */
static void leases_that_a_rule_shortens(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	given(&draft, "short.example", "198.51.100.1");
	draft.now_us += 45000000;
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	findings(&draft, 0);
	draft.now_us += 15000000;
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	expect_shut(&draft, REPLAY_LATE, true);
}

/* One sandbox's look-ups open nothing for another. */
static void flows_of_a_neighbour(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	given(&draft, "ok.example", "198.51.100.1");
	draft.client = "10.77.1.3";
	flow(&draft, "198.51.100.1", IPPROTO_TCP, 443, 3);
	expect_shut(&draft, REPLAY_UNNAMED, true);
}

/* The first packet decides; what was there before the capture is nobody's fault. */
static void flows_begun_before(void **state)
{
	struct draft draft;
	(void)state;
	draft_begin(&draft);
	struct traffic_observation seen = {.kind = TRAFFIC_FLOW,
					   .wall_us = draft.now_us,
					   .client = addr_of("198.51.100.1"),
					   .server = addr_of("10.77.1.2"),
					   .proto = IPPROTO_TCP,
					   .client_port = 8443,
					   .port = 4000,
					   .packets = 1};
	replay_take(draft.replay, &seen); /* the guess was wrong: who_is() turns it round */
	findings(&draft, 0);
	assert_int_equal(
		replay_totals(draft.replay, setup_find(draft.setup, "ci"))->flows_before, 1);
	draft_end(&draft);
}

/* More names than are kept: they are judged all the same. */
static void names_without_end(void **state)
{
	struct draft draft;
	char name[64];
	(void)state;
	draft_begin(&draft);
	for (unsigned int i = 0; i < REPLAY_NAMES_MAX + 500; i++) {
		snprintf(name, sizeof(name), "x%u.bad.example", i);
		given(&draft, name, "198.51.100.1");
	}
	const struct replay_totals *totals =
		replay_totals(draft.replay, setup_find(draft.setup, "ci"));
	findings(&draft, REPLAY_NAMES_MAX);
	assert_int_equal(totals->unlisted, 500);
	assert_int_equal(totals->answers, REPLAY_NAMES_MAX + 500);
	draft_end(&draft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stays_is_no_finding),
		cmocka_unit_test(names_denied),
		cmocka_unit_test(names_allowed_anew),
		cmocka_unit_test(a_sandbox_in_observe_is_judged),
		cmocka_unit_test(lockdown_denies_all),
		cmocka_unit_test(strangers),
		cmocka_unit_test(types),
		cmocka_unit_test(aliases),
		cmocka_unit_test(aliases_that_cross),
		cmocka_unit_test(addresses_taken_out),
		cmocka_unit_test(answers_denied_by_their_address),
		cmocka_unit_test(answers_of_the_rule),
		cmocka_unit_test(flows_without_a_name),
		cmocka_unit_test(flows_to_closed_places),
		cmocka_unit_test(flows_to_other_ports),
		cmocka_unit_test(flows_that_come_late),
		cmocka_unit_test(leases_that_a_rule_shortens),
		cmocka_unit_test(flows_of_a_neighbour),
		cmocka_unit_test(flows_begun_before),
		cmocka_unit_test(names_without_end),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
