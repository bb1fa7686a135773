/* A set-up is the configuration as the daemon would have it: every scope, route and grant. */
#include "unit.h"

#include "folder.h"

#include "offline/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int make_folder(void **state)
{
	(void)state;
	if (folder_make() != 0)
		return -1;
	put("wide.list", "!bad.example\n");
	put("build.list", ".deb.example private=10.8.0.0/16\n");
	put("own.list", "www.example\n10.9.0.1:5432\n");
	put("namegate.conf",
	    "policies = {\"wide.list\"}\n"
	    "forward \"corp.internal\" { servers = {\"10.1.0.53\"} private = {\"10.1.0.0/16\"} "
	    "}\n"
	    "group \"build\" { policies = {\"build.list\"} }\n"
	    "sandbox \"ci\" { sources = {\"10.77.1.2\"} interface = \"sb1\" group = \"build\"\n"
	    "  policies = {\"own.list\"} private = {\"10.7.0.0/16\"} mode = \"observe\" }\n"
	    "sandbox \"two\" { sources = {\"10.77.1.3\"} interface = \"sb2\"\n"
	    "  policies = {\"own.list\"} }\n");
	return 0;
}

static enum ng_verdict verdict(const struct setup_sandbox *sandbox, const char *text)
{
	struct ng_decision decision;
	struct ng_name name;
	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	ng_policy_decide(&sandbox->spec->policy, &name, &decision);
	return decision.verdict;
}

static struct setup *read_conf(const char *only, int expected, const char *code)
{
	struct setup_wish wish = {.config = path_of("namegate.conf"), .sandbox = only};
	struct setup *setup = NULL;
	struct ng_diags diags;
	ng_diags_init(&diags);
	assert_int_equal(setup_read(&wish, &diags, &setup), expected);
	assert_int_equal(diags.errors, code != NULL);
	if (code != NULL)
		assert_string_equal(diags.items[0].code, code);
	ng_diags_finish(&diags);
	return setup;
}

static void a_sandbox_has_all_its_scopes(void **state)
{
	(void)state;
	struct setup *setup = read_conf(NULL, NG_OK, NULL);
	const struct setup_sandbox *ci = setup_find(setup, "ci"),
				   *two = setup_find(setup, "two");
	assert_int_equal(setup->n_sandboxes, 2);
	assert_int_equal(verdict(ci, "www.example"), NG_ALLOW);
	assert_int_equal(verdict(ci, "a.deb.example"), NG_ALLOW);
	assert_int_equal(verdict(two, "a.deb.example"), NG_DENY);
	assert_int_equal(verdict(two, "bad.example"), NG_DENY);
	assert_int_equal(ci->spec->mode, NG_OBSERVE);
	assert_string_equal(ci->spec->interface, "sb1");
	assert_int_equal(ci->grants.n_statics, 1);
	assert_int_equal(ci->spec->n_opened, 1);  /* its own; a rule's is the rule's */
	assert_int_equal(ci->grants.n_opened, 3); /* and the zone's, and the rule's */
	assert_int_equal(HASH_COUNT(setup->sources), 3);
	assert_null(setup_find(setup, "three"));
	setup_free(setup);
}

static void the_engine_takes_it(void **state)
{
	struct ng_gate *gate;
	(void)state;
	struct setup *setup = read_conf(NULL, NG_OK, NULL);
	struct ng_generation generation = setup_generation(setup, 1);
	assert_true(generation.n_own >= 1);
	assert_int_equal(ng_gate_create(7, &gate), NG_OK);
	assert_int_equal(ng_gate_apply(gate, 0, &generation), NG_OK);
	ng_gate_destroy(gate);
	setup_free(setup);
}

static void one_sandbox_is_read_alone(void **state)
{
	(void)state;
	struct setup *setup = read_conf("two", NG_OK, NULL);
	assert_int_equal(setup->n_sandboxes, 1);
	assert_non_null(setup_find(setup, "two"));
	assert_null(setup_source(setup, "build.list"));
	assert_non_null(setup_source(setup, "own.list"));
	setup_free(setup);
	assert_null(read_conf("three", NG_E_NOTFOUND, "setup-sandbox"));
}

static void policies_need_no_configuration(void **state)
{
	static const char *const names[] = {"wide.list", "own.list"};
	struct setup_wish wish = {.policies = names, .n_policies = 2, .folder = folder};
	struct setup *setup = NULL;
	struct ng_diags diags;
	(void)state;
	ng_diags_init(&diags);
	assert_int_equal(setup_read(&wish, &diags, &setup), NG_OK);
	assert_int_equal(verdict(setup_find(setup, "sandbox"), "www.example"), NG_ALLOW);
	assert_int_equal(verdict(setup_find(setup, "sandbox"), "bad.example"), NG_DENY);
	assert_int_equal(setup->n_routes, 1);
	setup_free(setup);
	wish.policies = (const char *const[]){"none.list", "neither.list"};
	assert_int_equal(setup_read(&wish, &diags, &setup), NG_E_IO);
	assert_int_equal(diags.errors, 2); /* each is told, not the first alone */
	ng_diags_finish(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sandbox_has_all_its_scopes),
		cmocka_unit_test(the_engine_takes_it),
		cmocka_unit_test(one_sandbox_is_read_alone),
		cmocka_unit_test(policies_need_no_configuration),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
