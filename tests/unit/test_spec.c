/* A sandbox's description: what is taken, and that everything else is turned down with a reason. */
#include "daemon/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static int parse(const char *text, struct spec *spec, char *why)
{
	json_t *object = json_loads(text, JSON_ALLOW_NUL, NULL);
	assert_non_null(object);
	int code = spec_parse(object, spec, why);
	json_decref(object);
	return code;
}

static void test_everything(void **state)
{
	(void)state;
	struct spec spec = {0};
	char why[SPEC_WHY] = "";
	assert_int_equal(parse("{\"verb\":\"sandbox-add\", \"name\":\"ci-7\", "
			       "\"sources\":[\"10.7.0.2\", "
			       "\"fd00::/64\"], \"interface\":\"sb7\", \"mode\":\"lockdown\", "
			       "\"policies\":[\"/a\", \"/b\"], \"allow\":[\"example.com\", "
			       "\"*.x.net\"], "
			       "\"private\":[\"10.9.0.0/16\"], \"masquerade\":true, "
			       "\"group\":\"build\", \"bridge\":\"br0\", \"budget\":64, "
			       "\"aaaa\":false, \"snat\":[\"192.0.2.10\"]}",
			       &spec, why),
			 NG_OK);
	assert_string_equal(spec.sandbox.name, "ci-7");
	assert_string_equal(spec.sandbox.interface, "sb7");
	assert_string_equal(spec.sandbox.bridge, "br0");
	assert_int_equal(spec.sandbox.mode, NG_LOCKDOWN);
	assert_int_equal(spec.sandbox.n_sources, 2);
	assert_int_equal(spec.sandbox.sources[0].bits, 32);
	assert_int_equal(spec.sandbox.sources[1].bits, 64);
	assert_int_equal(spec.sandbox.n_opened, 1);
	assert_int_equal(spec.sandbox.n_policies, 2);
	assert_string_equal(spec.sandbox.policies[1], "/b");
	assert_string_equal(spec.allow, "example.com\n*.x.net\n");
	assert_true(spec.sandbox.masquerade);
	assert_string_equal(spec.sandbox.group, "build");
	assert_int_equal(spec.sandbox.n_snat, 1);
	assert_int_equal(spec.sandbox.budget, 64);
	assert_int_equal(spec.sandbox.aaaa, CONF_OFF);
	spec_finish(&spec);
}

static void test_least(void **state)
{
	(void)state;
	struct spec spec = {0};
	char why[SPEC_WHY] = "";
	assert_int_equal(parse("{\"name\":\"a\", \"sources\":[\"10.0.0.1\"]}", &spec, why),
			 NG_OK);
	assert_int_equal(spec.sandbox.mode, NG_ENFORCE);
	assert_false(spec.sandbox.masquerade);
	assert_null(spec.allow);
	spec_finish(&spec);
}

static void test_without_an_interface(void **state)
{
	(void)state;
	struct spec spec = {0};
	char why[SPEC_WHY] = "";
	assert_int_equal(parse("{\"name\":\"a\", \"uid\":\"build\"}", &spec, why), NG_OK);
	assert_string_equal(spec.sandbox.uid, "build");
	assert_int_equal(parse("{\"name\":\"a\", \"uid\":1000}", &spec, why), NG_OK);
	assert_string_equal(spec.sandbox.uid, "1000");
	assert_int_equal(parse("{\"name\":\"a\", \"cgroup\":\"/ci.slice/job\"}", &spec, why),
			 NG_OK);
	assert_string_equal(spec.sandbox.cgroup, "/ci.slice/job");
	assert_int_equal(parse("{\"name\":\"a\", \"sidecar\":true}", &spec, why), NG_OK);
	assert_true(spec.sandbox.sidecar);
}

#define GOOD "\"name\":\"a\", \"sources\":[\"10.0.0.1\"]"

static const struct {
	const char *text, *reason;
} refusals[] = {
	{"{}", "name"},
	{"{\"name\":\"a\"}", "sources"},
	{"{\"name\":\"a\", \"uid\":\"a b\"}", "uid"},
	{"{\"name\":\"a\", \"uid\":0}", "uid"},
	{"{\"name\":\"a\", \"cgroup\":\"/a/../b\"}", "plain form"},
	{"{\"name\":\"a\", \"cgroup\":\"/\"}", "root"},
	{"{\"name\":\"a\", \"cgroup\":\"/a\\u0000b\"}", "no path"},
	{"{\"name\":\"a\", \"sidecar\":1}", "sidecar"},
	{"{\"name\":\"\", \"sources\":[\"10.0.0.1\"]}", "name"},
	{"{\"name\":\"a b\", \"sources\":[\"10.0.0.1\"]}", "letters"},
	{"{\"name\":\"a\\u0000b\", \"sources\":[\"10.0.0.1\"]}", "name"},
	{"{\"name\":\"a\", \"sources\":\"10.0.0.1\"}", "list"},
	{"{\"name\":\"a\", \"sources\":[\"10.0.0.1/24\"]}", "10.0.0.1/24"},
	{"{\"name\":\"a\", \"sources\":[7]}", "prefix"},
	{"{\"name\":\"a\", \"sources\":[\"1.0.0.1\",\"1.0.0.2\",\"1.0.0.3\",\"1.0.0.4\","
	 "\"1.0.0.5\",\"1.0.0.6\",\"1.0.0.7\",\"1.0.0.8\",\"1.0.0.9\"]}",
	 "at most 8"},
	{"{" GOOD ", \"interface\":\"a name that is too long\"}", "interface"},
	{"{" GOOD ", \"interface\":\"sb*\"}", "interface"},
	{"{" GOOD ", \"interface\":\"sb\\u001b[\"}", "interface"},
	{"{" GOOD ", \"interface\":\"sb\\u00e4\"}", "interface"},
	{"{" GOOD ", \"interface\":\"sb:1\"}", "interface"},
	{"{" GOOD ", \"interface\":\"sb\\u0000\"}", "interface"},
	{"{" GOOD ", \"mode\":\"watch\"}", "mode"},
	{"{" GOOD ", \"policies\":[\"relative\"]}", "absolute"},
	{"{" GOOD ", \"policies\":[\"/a\\u0000b\"]}", "absolute"},
	{"{" GOOD ", \"allow\":[\"a\\nb\"]}", "one line"},
	{"{" GOOD ", \"allow\":\"a\"}", "list"},
	{"{" GOOD ", \"bridge\":\"br0\"}", "needs an \"interface\""},
	{"{" GOOD ", \"interface\":\"br0\", \"bridge\":\"br0\"}", "needs an \"interface\""},
	{"{" GOOD ", \"interface\":\"tap1\", \"bridge\":\"br 0\"}", "\"bridge\" must be"},
	{"{" GOOD ", \"masquerade\":1}", "true or false"},
	{"{" GOOD ", \"snat\":[\"10.0.0.0/8\"]}", "single addresses"},
	{"{" GOOD ", \"snat\":[\"10.0.0.1\", \"10.0.0.2\"]}", "one address of each family"},
	{"{" GOOD ", \"snat\":[\"224.0.0.1\"]}", "that range"},
	{"{" GOOD ", \"group\":\"\"}", "name of a group"},
	{"{" GOOD ", \"polices\":[]}", "unknown key \"polices\""},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		struct spec spec = {0};
		char why[SPEC_WHY] = "";
		print_message("# %s\n", refusals[i].text);
		assert_int_equal(parse(refusals[i].text, &spec, why), NG_E_SYNTAX);
		assert_non_null(strstr(why, refusals[i].reason));
		assert_int_equal(spec.sandbox.n_sources, 0); /* untouched */
	}
}

static void test_guarded(void **state)
{
	(void)state;
	const char patterns[2][NG_IFNAME_MAX] = {"sb*", "veth-ci"};
	assert_true(spec_interface_guarded("sb7", patterns, 2));
	assert_true(spec_interface_guarded("veth-ci", patterns, 2));
	assert_false(spec_interface_guarded("veth-ci2", patterns, 2));
	assert_false(spec_interface_guarded("s", patterns, 2));
	assert_false(spec_interface_guarded("eth0", patterns, 2));
	assert_false(spec_interface_guarded("sb7", patterns, 0));
}

static void test_unknown_key(void **state)
{
	(void)state;
	static const char *const known[] = {"name", NULL};
	json_t *object =
		json_loads("{\"verb\":\"x\", \"name\":\"a\", \"force\":true}", 0, NULL);
	assert_string_equal(spec_unknown_key(object, known), "force");
	json_object_del(object, "force");
	assert_null(spec_unknown_key(object, known));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_without_an_interface),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_guarded),
		cmocka_unit_test(test_unknown_key),
	};
	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
