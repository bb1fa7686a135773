/* Host lists: what each entry means, and that every other line is refused at its place. */
#include "policy_world.h"

static void each_form_has_its_meaning(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST,
		    "exact.example\n*.below.example\n.both.example\n!no.both.example\n"
		    "!*.never.example\n!.gone.example\n");
	assert_string_equal(list.said, "");
	assert_int_equal(ng_ruleset_count(list.ruleset), 8);
	const char *const asked[][2] = {
		{"exact.example", "allow 2"},
		{"a.exact.example", "none"},
		{"below.example", "none"},
		{"a.below.example", "allow *2"},
		{"a.b.below.example", "allow *2"},
		{"evilbelow.example", "none"},
		{"below.example.evil.net", "none"},
		{"both.example", "allow 2"},
		{"x.both.example", "allow *2"},
		{"no.both.example", "nxdomain 3"},
		{"a.no.both.example", "allow *2"},
		{"never.example", "none"},
		{"x.never.example", "nxdomain *2"},
		{"gone.example", "nxdomain 2"},
		{"x.gone.example", "nxdomain *2"},
		{"example", "none"},
		{".", "none"},
	};
	for (size_t i = 0; i < COUNT(asked); i++)
		assert_string_equal(source_says(&list, asked[i][0]), asked[i][1]);
	source_finish(&list);
}

static void a_dot_inside_a_label_is_no_border(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST, "*.x.com\na.b.com\n");
	assert_string_equal(source_says(&list, "a\\.x.com"), "none");
	assert_string_equal(source_says(&list, "a\\.b.com"), "none");
	assert_string_equal(source_says(&list, "y.a\\.x.com"), "none");
	assert_string_equal(source_says(&list, "x.com\\000"), "none");
	source_finish(&list);
}

static void lines_may_end_and_begin_as_they_like(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST,
		    "\xef\xbb\xbf# a list\r\nOne.Example.\r\n\r\n  two.example\t# why\r\n"
		    "\t# nothing\n*.three.example.   \nfour.example");
	assert_string_equal(list.said, "");
	assert_string_equal(source_says(&list, "one.example"), "allow 2");
	assert_string_equal(source_says(&list, "two.example"), "allow 2");
	assert_string_equal(source_says(&list, "x.three.example"), "allow *2");
	assert_string_equal(source_says(&list, "four.example"), "allow 2");
	struct ng_name name = name_of("two.example");
	struct ng_match match;
	assert_true(ng_ruleset_match(list.ruleset, &name, &match));
	assert_string_equal(match.path, "test");
	assert_int_equal(match.line, 4);
	assert_int_equal(match.column, 3);
	source_finish(&list);
}

/* Entries from lists that people publish, and others that look alike. */
static void what_a_name_cannot_say_is_refused_at_its_place(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{"uploads.github.com/copilot/chat/attachments/", "1:1 list-path",
		 "to name the whole host, write uploads.github.com"},
		{"storage.googleapis.com/chrome-for-testing-public", "1:1 list-path", NULL},
		{"https://example.com", "1:1 list-url",
		 "to name the whole host, write example.com"},
		{"https://example.com:8443/x", "1:1 list-url",
		 "to name the whole host, write example.com"},
		{"*vstmrblob.vsassets.io", "1:1 list-wildcard",
		 "list the names one by one, or write *.vsassets.io for all below it"},
		{"copilot-reports-*.b01.azurefd.net", "1:1 list-wildcard", NULL},
		{"a.*.b.example", "1:1 list-wildcard", "list the names one by one"},
		{"*.*.example", "1:1 list-wildcard", NULL},
		{"**.example", "1:1 list-wildcard", NULL},
		{"*example", "1:1 list-wildcard", "list the names one by one"},
		{"{organization_name}.visualstudio.com", "1:1 list-placeholder", NULL},
		{"<host>.example", "1:1 list-placeholder", NULL},
		{"api.example.com:443", "1:1 list-port",
		 "to name the whole host, write api.example.com"},
		{"*.storage.example.com:443", "1:1 list-port",
		 "to name the whole host, write *.storage.example.com"},
		{"localhost:1234", "1:1 list-port", NULL},
		{"127.0.0.1", "1:1 list-address", NULL},
		{"127.0.0.1:80", "1:1 list-address", NULL},
		{"::1", "1:1 list-address", NULL},
		{"[::1]:443", "1:1 list-address", NULL},
		{"10.0.0.0/8", "1:1 list-address", NULL},
		{"10.1", "1:1 list-address", NULL},
		{"1.2.3.4.5.", "1:1 list-address", NULL},
		{"!172.18.0.1", "1:1 list-address", NULL},
		{"127.0.0.1 localhost", "1:11 list-words", NULL},
		{"a.example, b.example", "1:12 list-words", NULL},
		{"! a.example", "1:3 list-words", NULL},
		{"||ads.example^", "1:1 list-character", NULL},
		{"a.example,", "1:1 list-character", NULL},
		{"a.example#b", "1:1 list-character", NULL},
		{"a\\.b.example", "1:1 list-character", NULL},
		{"b\xc3\xbc"
		 "cher.example",
		 "1:1 list-unicode", NULL},
		{"a..example", "1:1 list-name", NULL},
		{"..example", "1:1 list-name", NULL},
		{"..", "1:1 list-name", NULL},
		{".", "1:1 list-name", NULL},
		{"*.", "1:1 list-wildcard", NULL},
		{"!", "1:1 list-name", NULL},
		{"!!a.example", "1:1 list-character", NULL},
		{"a.example..", "1:1 list-name", NULL},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
		 "1:1 list-name", "a label has at most 63 octets, a name at most 255"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct source list;
		source_make(&list, NG_FORMAT_LIST, cases[i][0]);
		assert_int_equal(list.code, NG_E_SYNTAX);
		assert_string_equal(list.said, cases[i][1]);
		if (cases[i][2] != NULL)
			assert_string_equal(list.diags.items[0].suggestion, cases[i][2]);
		source_finish(&list);
	}
}

static void one_bad_line_refuses_the_list_and_names_all_bad_lines(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST,
		    "good.example\nbad.example/x\n  also.example:80 # c\nb\001d.example\n");
	assert_int_equal(list.code, NG_E_SYNTAX);
	assert_string_equal(list.said, "2:1 list-path, 3:3 list-port, 4:1 list-character");
	assert_null(list.image.octets);
	assert_string_equal(list.diags.items[2].reason,
			    "b?d.example has a character that no host name has");
	source_finish(&list);
	source_make_n(&list, NG_FORMAT_LIST, "a.exa\0mple\n", 11, NULL);
	assert_string_equal(list.said, "1:1 list-character");
	source_finish(&list);
}

static void repeats_are_warned_of_and_contradictions_refused(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST, "a.example\nb.example\nA.Example.\n.b.example\n");
	assert_int_equal(list.code, NG_OK);
	assert_string_equal(list.said, "3:1 rule-repeat?, 4:1 rule-repeat?");
	assert_string_equal(list.diags.items[0].reason,
			    "a.example is said already at test:1:1");
	assert_string_equal(source_says(&list, "x.b.example"), "allow *2");
	source_finish(&list);

	source_make(&list, NG_FORMAT_LIST, "*.a.example\n  !*.a.example\n");
	assert_int_equal(list.code, NG_E_SYNTAX);
	assert_string_equal(list.said, "2:3 rule-contradiction");
	assert_string_equal(list.diags.items[0].reason,
			    "*.a.example contradicts what test:1:1 says of it");
	source_finish(&list);
}

static void everything_must_be_said_and_is_warned_of(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST, "*\n!evil.example\n");
	assert_int_equal(list.code, NG_OK);
	assert_string_equal(list.said, "1:1 list-everything?");
	assert_string_equal(source_says(&list, "a.example"), "allow *0");
	assert_string_equal(source_says(&list, "example"), "allow *0");
	assert_string_equal(source_says(&list, "evil.example"), "nxdomain 2");
	assert_string_equal(source_says(&list, "."), "none");
	source_finish(&list);
}

static void capitals_that_look_like_a_placeholder_are_warned_of(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST,
		    "*.SUBDOMAIN.ghe.com\nEXAMPLE.COM\nUS.example\nplain.example\n");
	assert_string_equal(list.said, "1:1 list-capitals?");
	assert_string_equal(source_says(&list, "a.subdomain.ghe.com"), "allow *3");
	source_finish(&list);
}

static void nothing_is_an_error_and_comments_alone_a_warning(void **state)
{
	(void)state;
	static const char *const empty[] = {"", "\n", " \r\n\t\n", "\xef\xbb\xbf"};
	struct source list;
	for (size_t i = 0; i < COUNT(empty); i++) {
		source_make(&list, NG_FORMAT_LIST, empty[i]);
		assert_int_equal(list.code, NG_E_SYNTAX);
		assert_string_equal(list.said, "1:1 source-empty");
		source_finish(&list);
	}
	source_make(&list, NG_FORMAT_LIST, "# nothing today\n");
	assert_int_equal(list.code, NG_OK);
	assert_string_equal(list.said, "1:1 list-no-rule?");
	assert_int_equal(ng_ruleset_count(list.ruleset), 0);
	assert_string_equal(source_says(&list, "a.example"), "none");
	assert_false(source_below(&list, "."));
	source_finish(&list);
}

static void a_path_that_cannot_be_shown_is_refused(void **state)
{
	(void)state;
	char longer[NG_PATH_MAX + 1];
	const char *const paths[] = {"", "a\nb", longer};
	memset(longer, 'a', NG_PATH_MAX);
	longer[NG_PATH_MAX] = '\0';
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct ng_diags diags;
		struct ng_image image;
		ng_diags_init(&diags);
		assert_int_equal(ng_compile(&(struct ng_source){.path = paths[i],
								.text = "a.example\n",
								.len = 10},
					    &diags, &image),
				 NG_E_SYNTAX);
		assert_string_equal(diags.items[0].code, "source-path");
		ng_diags_finish(&diags);
	}
}

static void a_text_is_known_for_what_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum ng_source_format format;
	} cases[] = {
		{"a.example\n", NG_FORMAT_LIST},
		{"", NG_FORMAT_LIST},
		{"# $TTL 5\na.example\n", NG_FORMAT_LIST},
		{"soa.example\n", NG_FORMAT_LIST},
		{"$TTL 300\n", NG_FORMAT_RPZ},
		{"; zone\n\n$ORIGIN rpz.\n", NG_FORMAT_RPZ},
		{"@ 300 IN SOA localhost. root. 1 2 3 4 5\n", NG_FORMAT_RPZ},
		{"rpz.example.\tsoa\tlocalhost. root. (\n", NG_FORMAT_RPZ},
		{"\xef\xbb\xbf$INCLUDE x\n", NG_FORMAT_RPZ},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(ng_source_sniff(cases[i].text, strlen(cases[i].text)),
				 cases[i].format);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_has_its_meaning),
		cmocka_unit_test(a_dot_inside_a_label_is_no_border),
		cmocka_unit_test(lines_may_end_and_begin_as_they_like),
		cmocka_unit_test(what_a_name_cannot_say_is_refused_at_its_place),
		cmocka_unit_test(one_bad_line_refuses_the_list_and_names_all_bad_lines),
		cmocka_unit_test(repeats_are_warned_of_and_contradictions_refused),
		cmocka_unit_test(everything_must_be_said_and_is_warned_of),
		cmocka_unit_test(capitals_that_look_like_a_placeholder_are_warned_of),
		cmocka_unit_test(nothing_is_an_error_and_comments_alone_a_warning),
		cmocka_unit_test(a_path_that_cannot_be_shown_is_refused),
		cmocka_unit_test(a_text_is_known_for_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
