/* A gate on trial opens what the daemon would, for as long, and lets nothing else pass. */
#include "unit.h"

#include "folder.h"

#include "offline/trial.h"

#include <unistd.h>

static const char zone[] = "$TTL 30\n"
			   "files.example. CNAME cdn.example.\n"
			   "cdn.example. A 198.51.100.7\n"
			   "cdn.example. AAAA 2001:db8:7::7\n"
			   "web.example. A 198.51.100.8\n"
			   "rebind.example. A 10.1.2.3\n"
			   "rebind.example. A 198.51.100.9\n"
			   "db.corp.internal. A 10.1.0.5\n"
			   "evil.example. A 203.0.113.66\n";

static int make_folder(void **state)
{
	(void)state;
	if (folder_make() != 0)
		return -1;
	put("ci.list", "files.example\nweb.example:443\nrebind.example\ndb.corp.internal\n"
		       "10.9.0.0/16:5432\n126.0.0.0/7:8443\n");
	put("cut.list", "web.example:443\n");
	put("watch.list", "files.example\n");
	put("namegate.conf",
	    "forward \"corp.internal\" { servers = {\"10.1.0.53\"} private = {\"10.1.0.0/16\"} "
	    "}\n"
	    "sandbox \"ci\" { sources = {\"10.77.1.2\", \"fd00:77::/64\"} interface = \"sb1\"\n"
	    "  policies = {\"ci.list\"} }\n"
	    "sandbox \"watch\" { sources = {\"10.77.1.3\"} interface = \"sb2\"\n"
	    "  policies = {\"watch.list\"} mode = \"observe\" }\n"
	    "sandbox \"shut\" { sources = {\"10.77.1.4\"} interface = \"sb3\"\n"
	    "  policies = {\"ci.list\"} mode = \"lockdown\" }\n");
	return 0;
}

struct stage {
	struct setup *setup;
	struct world *world;
	struct trial *trial;
	struct trial_reply reply;
	struct trial_way way;
};

static struct setup *read_setup(const struct setup_wish *wish)
{
	struct setup *setup;
	struct ng_diags diags;
	ng_diags_init(&diags);
	assert_int_equal(setup_read(wish, &diags, &setup), NG_OK);
	ng_diags_finish(&diags);
	return setup;
}

static void stage_make(struct stage *stage, const struct setup_wish *wish)
{
	struct ng_diags diags;
	*stage = (struct stage){.setup = read_setup(wish)};
	ng_diags_init(&diags);
	assert_int_equal(world_create(&stage->world), NG_OK);
	assert_int_equal(world_add(stage->world, "w", zone, strlen(zone), &diags), NG_OK);
	ng_diags_finish(&diags);
	const struct trial_wish trial = {.setup = stage->setup, .world = stage->world};
	assert_int_equal(trial_create(&trial, &stage->trial), NG_OK);
}

static void stage_begin(struct stage *stage)
{
	const struct setup_wish wish = {.config = path_of("namegate.conf")};
	stage_make(stage, &wish);
}

static void stage_end(struct stage *stage)
{
	trial_free(stage->trial);
	world_free(stage->world);
	setup_free(stage->setup);
}

static const struct trial_reply *ask(struct stage *stage, const char *box, const char *text,
				     uint16_t type)
{
	struct ng_name name;
	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	assert_int_equal(trial_ask(stage->trial, setup_find(stage->setup, box), &name, type,
				   &stage->reply),
			 NG_OK);
	return &stage->reply;
}

static enum trial_how reach(struct stage *stage, const char *box, const char *text,
			    uint8_t proto, uint16_t port)
{
	const struct setup_sandbox *sandbox = setup_find(stage->setup, box);
	const struct ng_port at = {proto, port};
	struct ng_prefix prefix;
	bool open;
	assert_int_equal(ng_prefix_parse(text, &prefix), NG_OK);
	if (ng_prefix_is_host(&prefix))
		open = trial_reaches(stage->trial, sandbox, &prefix.addr, at, &stage->way);
	else
		open = trial_reaches_within(stage->trial, sandbox, &prefix, at, &stage->way);
	assert_int_equal(open, stage->way.how >= TRIAL_OPEN);
	return stage->way.how;
}

static void an_allowed_name_opens_its_addresses_until_the_lease_ends(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	assert_int_equal(reach(&stage, "ci", "198.51.100.7", 0, 0), TRIAL_SHUT);
	const struct trial_reply *reply = ask(&stage, "ci", "files.example", NG_TYPE_A);
	assert_int_equal(reply->answer.rcode, NG_RCODE_NOERROR);
	assert_int_equal(reply->answer.n, 2);
	assert_int_equal(reply->record.verdict, NG_ALLOW);
	assert_int_equal(reply->record.line, 1);
	assert_int_equal(reply->n_asked, 1);
	assert_true(reply->asked[0].answered);
	assert_int_equal(reply->asked[0].answer.n, 2);
	assert_int_equal(reply->n_leases, 1);
	assert_int_equal(reach(&stage, "ci", "198.51.100.7", 6, 443), TRIAL_LEASED);
	assert_non_null(strstr(stage.way.element->rule, "ci.list:1"));
	assert_int_equal(stage.way.element->until_us, 90000000); /* lease-min and grace */
	assert_int_equal(reach(&stage, "ci", "198.51.100.0/24", 0, 0), TRIAL_LEASED);
	assert_int_equal(reach(&stage, "watch", "2001:db8:7::7", 0, 0), TRIAL_FAMILY);
	assert_int_equal(reach(&stage, "shut", "198.51.100.7", 0, 0), TRIAL_LOCKDOWN);
	assert_non_null(trial_element(stage.trial, setup_find(stage.setup, "ci"), NULL));
	assert_null(trial_element(stage.trial, setup_find(stage.setup, "watch"), NULL));
	trial_advance(stage.trial, 89999999);
	assert_int_equal(reach(&stage, "ci", "198.51.100.7", 6, 443), TRIAL_LEASED);
	trial_advance(stage.trial, 90000000);
	assert_int_equal(trial_now_us(stage.trial), 90000000);
	assert_int_equal(reach(&stage, "ci", "198.51.100.7", 6, 443), TRIAL_SHUT);
	stage_end(&stage);
}

static void each_family_is_asked_from_its_own_source(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	const struct trial_reply *reply = ask(&stage, "ci", "files.example", NG_TYPE_AAAA);
	assert_int_equal(reply->n_leases, 1);
	assert_int_equal(reply->leases[0].client.family, NG_IPV6); /* of a prefix: one client */
	assert_int_equal(reach(&stage, "ci", "2001:db8:7::7", 17, 443), TRIAL_LEASED);
	reply = ask(&stage, "watch", "files.example", NG_TYPE_AAAA);
	assert_int_equal(reply->n_leases, 0);
	stage_end(&stage);
}

static void ports_bound_what_a_name_opens(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	ask(&stage, "ci", "web.example", NG_TYPE_A);
	assert_int_equal(reach(&stage, "ci", "198.51.100.8", 6, 443), TRIAL_LEASED);
	assert_int_equal(reach(&stage, "ci", "198.51.100.8", 6, 22), TRIAL_SHUT);
	assert_int_equal(reach(&stage, "ci", "198.51.100.8", 0, 0), TRIAL_LEASED);
	ask(&stage, "ci", "files.example", NG_TYPE_A);
	assert_int_equal(reach(&stage, "ci", "198.51.100.7", 6, 22), TRIAL_LEASED);
	assert_int_equal(reach(&stage, "ci", "198.51.100.7", 17, 53), TRIAL_DNS);
	assert_int_equal(reach(&stage, "ci", "198.51.100.7", 6, 853), TRIAL_HIDDEN);
	stage_end(&stage);
}

static void a_denied_name_opens_nothing(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	const struct trial_reply *reply = ask(&stage, "ci", "evil.example", NG_TYPE_A);
	assert_int_equal(reply->answer.rcode, NG_RCODE_NXDOMAIN);
	assert_int_equal(reply->record.verdict, NG_DENY);
	assert_int_equal(reply->n_asked, 0); /* silence */
	assert_int_equal(reply->n_leases, 0);
	assert_int_equal(reach(&stage, "ci", "203.0.113.66", 0, 0), TRIAL_SHUT);
	stage_end(&stage);
}

static void private_addresses_are_taken_out_but_where_a_zone_opens_them(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	const struct trial_reply *reply = ask(&stage, "ci", "rebind.example", NG_TYPE_A);
	assert_non_null(reply->rebind);
	assert_int_equal(reply->rebind->n_addrs, 1);
	assert_int_equal(reply->n_leases, 1);
	assert_int_equal(reach(&stage, "ci", "10.1.2.3", 0, 0), TRIAL_SHUT);
	assert_int_equal(reach(&stage, "ci", "198.51.100.9", 0, 0), TRIAL_LEASED);
	reply = ask(&stage, "ci", "db.corp.internal", NG_TYPE_A);
	assert_null(reply->rebind);
	assert_int_equal(reply->asked[0].route, 1);
	assert_int_equal(reach(&stage, "ci", "10.1.0.5", 0, 0), TRIAL_LEASED);
	stage_end(&stage);
}

static void static_rules_open_all_but_the_never_open(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	assert_int_equal(reach(&stage, "ci", "10.9.3.3", 6, 5432), TRIAL_STATIC);
	assert_int_equal(stage.way.rule.line, 5);
	assert_non_null(strstr(stage.way.rule.path, "ci.list"));
	assert_int_equal(reach(&stage, "ci", "10.9.3.3", 6, 22), TRIAL_SHUT);
	assert_int_equal(reach(&stage, "ci", "10.0.0.0/8", 6, 5432), TRIAL_STATIC);
	assert_int_equal(reach(&stage, "ci", "10.10.0.0/16", 6, 5432), TRIAL_SHUT);
	/* A wide rule holds loopback, where the kernel's own list stands ahead of it. */
	assert_int_equal(reach(&stage, "ci", "127.0.0.1", 6, 8443), TRIAL_NEVER);
	assert_int_equal(reach(&stage, "ci", "127.0.0.0/8", 6, 8443), TRIAL_NEVER);
	assert_int_equal(reach(&stage, "ci", "126.0.0.0/7", 6, 8443), TRIAL_STATIC);
	assert_int_equal(reach(&stage, "ci", "127.128.0.0/9", 6, 8443), TRIAL_NEVER);
	assert_int_equal(reach(&stage, "ci", "0.0.0.0/0", 6, 8443), TRIAL_STATIC);
	assert_int_equal(stage.way.addr.bytes[0], 126);
	assert_int_equal(reach(&stage, "ci", "169.254.169.254", 0, 0), TRIAL_NEVER);
	assert_int_equal(reach(&stage, "ci", "240.0.0.0/4", 0, 0), TRIAL_NEVER);
	assert_int_equal(reach(&stage, "shut", "10.9.3.3", 6, 5432), TRIAL_LOCKDOWN);
	stage_end(&stage);
}

static void an_observed_sandbox_reaches_all_but_the_never_open(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	assert_int_equal(reach(&stage, "watch", "203.0.113.66", 6, 22), TRIAL_OBSERVED);
	assert_int_equal(reach(&stage, "watch", "203.0.113.0/24", 0, 0), TRIAL_OBSERVED);
	assert_int_equal(reach(&stage, "watch", "0.0.0.0/7", 0, 0), TRIAL_OBSERVED);
	assert_int_equal(stage.way.addr.bytes[0], 1); /* 0.0.0.0/8 is never open */
	assert_int_equal(reach(&stage, "watch", "169.254.169.254", 0, 0), TRIAL_NEVER);
	assert_int_equal(reach(&stage, "watch", "203.0.113.66", 6, 853), TRIAL_HIDDEN);
	const struct trial_reply *reply = ask(&stage, "watch", "evil.example", NG_TYPE_A);
	assert_int_equal(reply->record.verdict, NG_DENY);
	assert_true(reply->record.observed);
	assert_int_equal(reach(&stage, "watch", "203.0.113.66", 6, 22), TRIAL_LEASED);
	stage_end(&stage);
}

static void a_reload_revokes_what_no_rule_justifies(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	ask(&stage, "ci", "files.example", NG_TYPE_A);
	ask(&stage, "ci", "web.example", NG_TYPE_A);
	put("ci.list", "web.example:443\n");
	const struct setup_wish wish = {.config = path_of("namegate.conf")};
	struct setup *next = read_setup(&wish);
	assert_int_equal(trial_apply(stage.trial, next), NG_OK);
	setup_free(stage.setup);
	stage.setup = next;
	assert_int_equal(reach(&stage, "ci", "198.51.100.7", 0, 0), TRIAL_SHUT);
	assert_int_equal(reach(&stage, "ci", "198.51.100.8", 6, 443), TRIAL_LEASED);
	stage_end(&stage);
}

static void policies_alone_have_a_sandbox_with_sources(void **state)
{
	static const char *const policies[] = {"cut.list"};
	const struct setup_wish wish = {
		.policies = policies, .n_policies = 1, .folder = folder};
	struct stage stage;
	(void)state;
	stage_make(&stage, &wish);
	ask(&stage, "sandbox", "web.example", NG_TYPE_A);
	assert_int_equal(reach(&stage, "sandbox", "198.51.100.8", 6, 443), TRIAL_LEASED);
	const struct trial_reply *reply = ask(&stage, "sandbox", "web.example", NG_TYPE_AAAA);
	assert_int_equal(reply->answer.rcode, NG_RCODE_NOERROR);
	stage_end(&stage);
}

/* By address and by prefix the same is found, in whatever order elements came and went. */
static void prefixes_find_what_addresses_find(void **state)
{
	static const char *const asked[] = {"files.example", "web.example", "rebind.example",
					    "db.corp.internal"};
	static const char *const prefixes[] = {
		"198.51.100.7/32", "198.51.100.8/31", "198.51.100.0/24", "198.51.100.0/29",
		"0.0.0.0/0",       "10.1.0.0/16",     "203.0.113.0/24",  "198.51.100.10/31"};
	static const bool found[COUNT(asked) + 1][COUNT(prefixes)] = {
		{false},
		{true, false, true, true, true},
		{true, true, true, true, true},
		{true, true, true, true, true},
		{true, true, true, true, true, true}};
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	for (size_t i = 0; i <= COUNT(asked); i++) {
		for (size_t turn = 0; turn < 3; turn++) /* a walk, then in order */
			for (size_t j = 0; j < COUNT(prefixes); j++)
				assert_int_equal(reach(&stage, "ci", prefixes[j], 6, 443) ==
							 TRIAL_LEASED,
						 found[i][j]);
		if (i < COUNT(asked))
			ask(&stage, "ci", asked[i], NG_TYPE_A);
	}
	trial_advance(stage.trial, 90000000);
	for (size_t turn = 0; turn < 3; turn++)
		assert_int_equal(reach(&stage, "ci", "0.0.0.0/0", 6, 443), TRIAL_SHUT);
	stage_end(&stage);
}

static void without_a_world_nobody_answers(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	trial_free(stage.trial);
	const struct trial_wish wish = {.setup = stage.setup};
	assert_int_equal(trial_create(&wish, &stage.trial), NG_OK);
	const struct trial_reply *reply = ask(&stage, "ci", "files.example", NG_TYPE_A);
	assert_int_equal(reply->answer.rcode, NG_RCODE_SERVFAIL);
	assert_int_equal(reply->n_asked, 1);
	assert_false(reply->asked[0].answered);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allowed_name_opens_its_addresses_until_the_lease_ends),
		cmocka_unit_test(each_family_is_asked_from_its_own_source),
		cmocka_unit_test(ports_bound_what_a_name_opens),
		cmocka_unit_test(a_denied_name_opens_nothing),
		cmocka_unit_test(private_addresses_are_taken_out_but_where_a_zone_opens_them),
		cmocka_unit_test(static_rules_open_all_but_the_never_open),
		cmocka_unit_test(an_observed_sandbox_reaches_all_but_the_never_open),
		cmocka_unit_test(policies_alone_have_a_sandbox_with_sources),
		cmocka_unit_test(prefixes_find_what_addresses_find),
		cmocka_unit_test(without_a_world_nobody_answers),
		cmocka_unit_test(
			a_reload_revokes_what_no_rule_justifies), /* rewrites ci.list */
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
