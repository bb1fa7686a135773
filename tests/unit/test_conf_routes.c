/* Forward zones: of all, of a group, of a sandbox; whose is asked, what tells them apart, and what cannot be. */
#include "conf_world.h"

#include "conf/grants.h"

static const char nested[] = "group \"g\" {\n"
			     "  policies = {\"g.list\"}\n"
			     "  forward \"corp.internal\" { servers = {\"192.0.2.3\"}\n"
			     "    private = {\"10.3.0.0/16\"} }\n"
			     "}\n"
			     "sandbox \"a\" {\n"
			     "  sources = {\"10.0.0.1\"}\n"
			     "  group = \"g\"\n"
			     "  forward \"corp.internal\" { servers = {\"192.0.2.4\"}\n"
			     "    private = {\"10.4.0.0/16\"} }\n"
			     "  forward \"x.dev.corp.internal\" {\n"
			     "    servers = {\"192.0.2.5\"} }\n"
			     "}\n"
			     "sandbox \"b\" { sources = {\"10.0.0.2\"} group = \"g\" }\n"
			     "sandbox \"c\" { sources = {\"10.0.0.3\"} }\n"
			     "sandbox \"d\" { sources = {\"10.0.0.4\"} forward \".\" { servers "
			     "= {\"192.0.2.6\"} } }\n"
			     "forward \"dev.corp.internal\" { servers = {\"192.0.2.2\"}\n"
			     "  private = {\"10.2.0.0/16\"} }\n" RESOLV;

static const struct conf_sandbox *sandbox_of(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_sandboxes; i++)
		if (strcmp(conf->sandboxes[i].name, name) == 0)
			return &conf->sandboxes[i];
	return NULL;
}

static const struct conf_route *route_for(const struct conf *conf, const char *sandbox,
					  const char *text)
{
	struct ng_name name;
	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	return &conf->routes[conf_route_of(conf, sandbox_of(conf, sandbox), &name)];
}

static void the_longest_zone_routes(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t route;
	} cases[] = {{"x", 1},
		     {"a.internal", 0},
		     {"corp.internal", 2},
		     {"a.corp.internal", 2},
		     {"xinternal", 1},
		     {".", 1}};
	struct file file;
	load(&file, "forward \"internal\" { servers = {\"192.0.2.1\"} }\n" RESOLV
		    "forward \"corp.internal\" { servers = {\"192.0.2.2\"} }\n");
	assert_int_equal(file.code, NG_OK);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_ptr_equal(route_for(file.conf, "", cases[i].name),
				 &file.conf->routes[cases[i].route]);
	done(&file);
}

/* The last octet of the server says which one it is. */
static void the_closest_goes_ahead(void **state)
{
	(void)state;
	static const struct {
		const char *sandbox, *name;
		uint8_t server;
	} cases[] = {
		{"a", "corp.internal", 4},         {"a", "y.dev.corp.internal", 4},
		{"a", "z.x.dev.corp.internal", 5}, {"a", "www.example", 53},
		{"b", "corp.internal", 3},         {"b", "y.dev.corp.internal", 3},
		{"c", "corp.internal", 53},        {"c", "y.dev.corp.internal", 2},
		{"d", "y.dev.corp.internal", 6},   {"d", "www.example", 6},
		{"", "y.dev.corp.internal", 2},
	};
	struct file file;
	load(&file, nested);
	assert_string_equal(file.said, "");
	assert_int_equal(file.code, NG_OK);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(route_for(file.conf, cases[i].sandbox, cases[i].name)
					 ->servers[0]
					 .addr.bytes[3],
				 cases[i].server);
	done(&file);
}

/* What a sandbox's zones open is opened to it alone; what it never asks opens nothing. */
static void only_what_is_asked_opens(void **state)
{
	(void)state;
	static const struct {
		const char *sandbox;
		uint8_t n, second;
	} cases[] = {{"a", 1, 4}, {"b", 1, 3}, {"c", 1, 2}, {"d", 0, 0}};
	struct file file;
	load(&file, nested);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct grants grants;
		assert_int_equal(grants_begin(file.conf,
					      sandbox_of(file.conf, cases[i].sandbox), &grants),
				 NG_OK);
		assert_int_equal(grants.n_opened, cases[i].n);
		assert_int_equal(grants.n_named, 0);
		if (cases[i].n > 0)
			assert_int_equal(grants.opened[0].addr.bytes[1], cases[i].second);
		grants_finish(&grants);
	}
	done(&file);
}

static void nested_ones_print_and_have_places(void **state)
{
	(void)state;
	struct file file, again;
	char text[CONF_ROUTE_TEXT];
	load(&file, nested);
	assert_int_equal(file.conf->n_routes, 6);
	const struct conf_route *own = route_for(file.conf, "a", "corp.internal");
	assert_int_equal(own->place.line, 9);
	assert_int_equal(own->place.column, 3);
	assert_string_equal(conf_route_text(own, text), "corp.internal of sandbox a");
	const struct conf_route *groups = route_for(file.conf, "b", "corp.internal");
	assert_int_equal(groups->place.line, 3);
	assert_string_equal(conf_route_text(groups, text), "corp.internal of group g");
	assert_int_equal(route_for(file.conf, "c", "dev.corp.internal")->place.line, 17);
	char *first = printed(file.conf);
	load(&again, first);
	assert_string_equal(again.said, "");
	assert_int_equal(again.code, NG_OK);
	char *second = printed(again.conf);
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "\n\tforward \"corp.internal\" {\n\t\tservers"));
	free(first);
	free(second);
	done(&again);
	done(&file);
}

static void nested_faults_have_their_places(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} cases[] = {
		{RESOLV "sandbox \"a\" { sources = {\"10.0.0.1\"}\n"
			"  forward \"corp\" { private = {\"10.0.0.0/8\"} }\n}\n",
		 "3:3 conf-servers"},
		{RESOLV
		 "group \"a\" {\n  forward \"corp\" {\n"
		 "    servers = {\"192.0.2.1\"}\n    private = {\"224.0.0.0/4\"}\n  }\n}\n",
		 "5:17 conf-never"},
		{RESOLV "group \"a\" {\n  forward \"corp\" { servers = {\"192.0.2.1\"} }\n"
			"  forward \"CORP\" { servers = {\"192.0.2.2\"} }\n}\n",
		 "4:3 conf-repeat"},
		{RESOLV "group \"a\" {\n  forward \"corp\" { servers = {\"192.0.2.1\"} }\n"
			"  forward \"corp\" { servers = {\"192.0.2.2\"} }\n}\n",
		 "4:3 conf-repeat"},
		{RESOLV "group \"a\" {\n"
			"  forward \"corp\" { servers = {\"127.0.0.1:1053\"} }\n}\n",
		 "3:32 conf-loop"},
		{RESOLV "group \"a\" {\n  forward \"corp\" { severs = {\"192.0.2.1\"} }\n}\n",
		 "3:20 conf-syntax"},
		{RESOLV "sandbox \"a\" {\n sources = {\"10.0.0.1\"}\n"
			" forward \"corp\" {\n  forward \"x\" { }\n }\n}\n",
		 "5:3 conf-syntax"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct file file;
		load(&file, cases[i].text);
		assert_int_equal(file.code, NG_E_SYNTAX);
		assert_string_equal(file.said, cases[i].said);
		done(&file);
	}
}

/* What an answer is worth changes with who gave it and for whom, and with nothing else. */
static void what_an_answer_is_worth(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool same;
	} cases[] = {
		{"forward \"corp\" { servers = {\"192.0.2.1\"} }\n" RESOLV, true},
		{RESOLV "forward \"corp\" { servers = {\"192.0.2.1\"} timeout = 900 }\n", true},
		{"forward \"corp\" { servers = {\"192.0.2.1\"} private = {\"10.0.0.0/8\"} "
		 "}\n" RESOLV,
		 true},
		{"forward \"corp\" { servers = {\"192.0.2.2\"} }\n" RESOLV, false},
		{"forward \"corp\" { servers = {\"192.0.2.1:54\"} }\n" RESOLV, false},
		{"forward \"corp\" { servers = {\"tcp://192.0.2.1\"} }\n" RESOLV, false},
		{"forward \"corp\" { servers = {\"192.0.2.1\", \"192.0.2.2\"} }\n" RESOLV,
		 false},
		{"forward \"corq\" { servers = {\"192.0.2.1\"} }\n" RESOLV, false},
		{"forward \"corp\" { servers = {\"192.0.2.1\"} source = {\"192.0.2.9\"} "
		 "}\n" RESOLV,
		 false},
		{"forward \"corp\" { servers = {\"192.0.2.1\"} mark = 16 }\n" RESOLV, false},
		{"forward \"corp\" { servers = {\"192.0.2.1\"} trust-ad = true }\n" RESOLV,
		 false},
		{"group \"g\" { forward \"corp\" { servers = {\"192.0.2.1\"} } }\n" RESOLV,
		 false},
		{"group \"h\" { forward \"corp\" { servers = {\"192.0.2.1\"} } }\n" RESOLV,
		 false},
		{"sandbox \"g\" { sources = {\"10.0.0.1\"}\n"
		 " forward \"corp\" { servers = {\"192.0.2.1\"} } }\n" RESOLV,
		 false},
	};
	uint64_t origins[COUNT(cases)];
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct file file;
		size_t at = 0;
		load(&file, cases[i].text);
		assert_int_equal(file.code, NG_OK);
		while (file.conf->routes[at].zone.len == 1)
			at++;
		origins[i] = conf_route_origin(&file.conf->routes[at]);
		assert_int_not_equal(origins[i], 0);
		for (size_t j = 0; j < i; j++)
			assert_true((origins[i] == origins[j]) ==
				    (cases[i].same && cases[j].same));
		done(&file);
	}
}

static void marks_are_numbers_and_print_as_hexadecimal(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t mark; /* 0: refused */
	} cases[] = {{"1", 1},
		     {"16", 16},
		     {"0x10", 16},
		     {"0xFFFFFFFF", UINT32_MAX},
		     {"4294967295", UINT32_MAX},
		     {"4294967296", 0},
		     {"0x100000000", 0},
		     {"0", 0},
		     {"0x", 0},
		     {"0x0", 0},
		     {"ten", 0},
		     {"1a", 0},
		     {"0x6a7e", 0},
		     {"0x6a7f", 0},
		     {"27261", 0}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct file file, again;
		char text[128];
		snprintf(text, sizeof(text),
			 "forward \".\" { servers = {\"192.0.2.1\"} mark = %s }\n",
			 cases[i].text);
		load(&file, text);
		assert_int_equal(file.code, cases[i].mark ? NG_OK : NG_E_SYNTAX);
		if (cases[i].mark) {
			assert_int_equal(file.conf->routes[0].mark, cases[i].mark);
			char *out = printed(file.conf);
			snprintf(text, sizeof(text), "\tmark = 0x%x\n", cases[i].mark);
			assert_non_null(strstr(out, text));
			load(&again, out);
			assert_int_equal(again.conf->routes[0].mark, cases[i].mark);
			done(&again);
			free(out);
		}
		done(&file);
	}
}

static void a_server_has_one_mark(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"forward \".\" { servers = {\"192.0.2.1\"} mark = 1 }\n"
		 "forward \"a\" { servers = {\"192.0.2.1\"} mark = 1 }\n"
		 "forward \"b\" { servers = {\"192.0.2.1:54\"} mark = 2 }\n"
		 "forward \"c\" { servers = {\"192.0.2.2\"} }\n",
		 ""},
		{"forward \".\" { servers = {\"192.0.2.1\"} mark = 1 }\n"
		 "forward \"a\" { servers = {\"192.0.2.2\", \"192.0.2.1\"} mark = 2 }\n",
		 "2:59 conf-mark"},
		{"forward \".\" { servers = {\"192.0.2.1\"} mark = 1 }\n"
		 "forward \"a\" { servers = {\"tcp://192.0.2.1\"} }\n",
		 "2:1 conf-mark"},
		{"forward \".\" { servers = {\"192.0.2.1\"} }\n"
		 "group \"g\" {\n  forward \"a\" { mark = 3\n"
		 "    servers = {\"192.0.2.1\"} }\n}\n",
		 "3:24 conf-mark"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct file file;
		load(&file, cases[i].text);
		assert_string_equal(file.said, cases[i].said);
		assert_int_equal(file.code, cases[i].said[0] ? NG_E_SYNTAX : NG_OK);
		done(&file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_zone_routes),
		cmocka_unit_test(the_closest_goes_ahead),
		cmocka_unit_test(only_what_is_asked_opens),
		cmocka_unit_test(nested_ones_print_and_have_places),
		cmocka_unit_test(nested_faults_have_their_places),
		cmocka_unit_test(what_an_answer_is_worth),
		cmocka_unit_test(marks_are_numbers_and_print_as_hexadecimal),
		cmocka_unit_test(a_server_has_one_mark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
