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
		{"api.example.com:443/x", "1:1 list-path",
		 "to name the whole host, write api.example.com"},
		{"api.example.com:8443/", "1:1 list-path", NULL},
		{"api.example.com:", "1:1 list-port", NULL},
		{"api.example.com:0", "1:1 list-port", NULL},
		{"api.example.com:65536", "1:1 list-port", NULL},
		{"api.example.com:443,", "1:1 list-port", NULL},
		{"api.example.com:https", "1:1 list-port", NULL},
		{"api.example.com:443/tcpx", "1:1 list-port", NULL},
		{"api.example.com:443/udp/tcp", "1:1 list-port", NULL},
		{"a.example:1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "1:1 list-port", NULL},
		{"a:b:c", "1:1 list-port", NULL},
		{"127.0.0.1", "1:1 list-never", NULL},
		{"127.0.0.1:80", "1:1 list-never", NULL},
		{"169.254.169.254", "1:1 list-never", NULL},
		{"0.0.0.0/0", "1:1 list-never", NULL},
		{"::1", "1:1 list-never", NULL},
		{"[::1]:443", "1:1 list-never", NULL},
		{"::ffff:10.0.0.1", "1:1 list-never", NULL},
		{"10.0.0.1/8", "1:1 list-address", NULL},
		{"10.0.0.0/33", "1:1 list-address", NULL},
		{"[10.0.0.1]:80", "1:1 list-address", NULL},
		{"[2001:db8::1]443", "1:1 list-address", NULL},
		{"[2001:db8::1", "1:1 list-address", NULL},
		{"10.1", "1:1 list-address", NULL},
		{"1.2.3.4.5.", "1:1 list-address", NULL},
		{"!172.18.0.1", "1:1 list-address", NULL},
		{"?172.18.0.1", "1:1 list-address", NULL},
		{"10.0.0.0/8 types=A", "1:1 list-option", NULL},
		{"!a.example:443", "1:1 list-deny", NULL},
		{"!a.example types=A", "1:1 list-deny", NULL},
		{"a.example types=", "1:11 list-option", NULL},
		{"a.example types=A,", "1:11 list-option", NULL},
		{"a.example types=ANY", "1:11 list-option", NULL},
		{"a.example types=A,QUX", "1:11 list-option", NULL},
		{"a.example lease-max=0", "1:11 list-option", NULL},
		{"a.example lease-max=2d", "1:11 list-option", NULL},
		{"a.example lease-max=5min", "1:11 list-option", NULL},
		{"a.example private=10.0.0.1/8", "1:11 list-option", NULL},
		{"a.example private=169.254.0.0/16", "1:11 list-option", NULL},
		{"a.example cname=maybe", "1:11 list-option", NULL},
		{"a.example until=2026-02-29", "1:11 list-option", NULL},
		{"a.example until=tomorrow", "1:11 list-option", NULL},
		{"a.example until=2026-12-31T18", "1:11 list-option", NULL},
		{"a.example until=2026-12-31T18:00", "1:11 list-option", NULL},
		{"a.example until=2026-12-31T18:00+01:00", "1:11 list-option", NULL},
		{"a.example until=2026-12-31T24:00Z", "1:11 list-option", NULL},
		{"a.example until=2026-12-31T23:59:60Z", "1:11 list-option", NULL},
		{"a.example until=1970-01-01T00:00Z", "1:11 list-option", NULL},
		{"a.example types=A  types=A", "1:20 list-option", NULL},
		{"a.example port=443", "1:11 list-option",
		 "options are types, lease-max, private, cname and until"},
		{"@include other.list", "1:1 list-include", NULL},
		{"127.0.0.1 localhost", "1:11 list-words", NULL},
		{"a.example, b.example", "1:12 list-words", NULL},
		{"! a.example", "1:3 list-words", NULL},
		{"||ads.example^", "1:1 list-character", NULL},
		{"a.example,", "1:1 list-character", NULL},
		{"a.example#b", "1:1 list-character", NULL},
		{"a\\.b.example", "1:1 list-character", NULL},
		{"b\xc3"
		 "cher.example",
		 "1:1 list-unicode", NULL},
		{"\xe2\x98\x95\xef\xb8\x8e\xe2\x80\x8d.example", "1:1 list-unicode", NULL},
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
		    "good.example\nbad.example/x\n  also.example:0 # c\nb\001d.example\n");
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

static void marks_and_ports_have_their_meaning(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{"a.example:443", "a.example", "allow 2 6/443"},
		{"a.example:443/udp", "a.example", "allow 2 17/443"},
		{"a.example:80,443,443/udp", "a.example", "allow 2 6/80 6/443 17/443"},
		{"a.example:443/tcp,443", "a.example", "allow 2 6/443"},
		{"*.a.example:443", "x.a.example", "allow *2 6/443"},
		{".a.example:443", "a.example", "allow 2 6/443"},
		{".a.example:443", "x.a.example", "allow *2 6/443"},
		{"?a.example", "a.example", "ask 2"},
		{"?*.a.example:22", "x.a.example", "ask *2 6/22"},
		{"*:443", "a.example", "allow *0 6/443"},
		{"a.example types=A,HTTPS", "a.example", "allow 2 type 1 type 65"},
		{"a.example types=TYPE65", "a.example", "allow 2 type 65"},
		{"a.example lease-max=5m", "a.example", "allow 2 lease 300"},
		{"a.example lease-max=90", "a.example", "allow 2 lease 90"},
		{"a.example private=10.0.0.0/8,fd00::/8", "a.example",
		 "allow 2 private 10.0.0.0/8 private fd00::/8"},
		{"a.example cname=strict", "a.example", "allow 2 strict"},
		{"a.example cname=follow", "a.example", "allow 2"},
		{"a.example:443 types=A lease-max=1h cname=strict", "a.example",
		 "allow 2 6/443 type 1 lease 3600 strict"},
		{"localhost:1234", "localhost", "allow 1 6/1234"},
		{"b\xc3\xbc"
		 "cher.example",
		 "xn--bcher-kva.example", "allow 2"},
		{"*.B\xc3\x9c"
		 "cher.example:443",
		 "x.xn--bcher-kva.example", "allow *2 6/443"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", "allow 2"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct source list;
		source_make(&list, NG_FORMAT_LIST, cases[i][0]);
		assert_int_equal(list.code, NG_OK);
		assert_string_equal(source_tells(&list, cases[i][1]), cases[i][2]);
		source_finish(&list);
	}
}

static void addresses_are_opened_as_they_stand(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"10.20.0.0/16:5432", "10.20.0.0/16 6/5432"},
		{"192.0.2.7", "192.0.2.7/32"},
		{"[2001:db8::1]:443", "2001:db8::1/128 6/443"},
		{"[2001:db8::/32]:443/udp", "2001:db8::/32 17/443"},
		{"2001:db8::7", "2001:db8::7/128"},
		{"[2001:db8::7]", "2001:db8::7/128"},
		{"10.0.0.1:80,443/udp", "10.0.0.1/32 6/80, 10.0.0.1/32 17/443"},
		{"10.0.0.2\n10.0.0.1\n10.0.0.2\n", "10.0.0.1/32, 10.0.0.2/32"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct source list;
		char text[256] = "";
		size_t n = 0;
		uint32_t cursor = 0;
		struct ng_static item;
		source_make(&list, NG_FORMAT_LIST, cases[i][0]);
		assert_int_equal(list.code, NG_OK);
		while (ng_ruleset_static(list.ruleset, &cursor, &item)) {
			char prefix[NG_PREFIX_TEXT];
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
					      n > 0 ? ", " : "",
					      ng_prefix_format(&item.prefix, prefix));
			if (item.port.proto != 0)
				n += (size_t)snprintf(text + n, sizeof(text) - n, " %u/%u",
						      item.port.proto, item.port.port);
		}
		assert_string_equal(text, cases[i][1]);
		assert_int_equal(ng_ruleset_count(list.ruleset), cursor);
		source_finish(&list);
	}
	struct source list;
	source_make(&list, NG_FORMAT_LIST, "100.64.0.0/10\n10.0.0.2\n10.0.0.2\n");
	assert_string_equal(list.said, "1:1 list-never?, 3:1 rule-repeat?");
	source_finish(&list);
}

static void ports_add_up_and_options_must_agree(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST, "a.example:80\na.example:443\na.example:443\n");
	assert_string_equal(list.said, "3:1 rule-repeat?");
	assert_string_equal(source_tells(&list, "a.example"), "allow 2 6/80 6/443");
	source_finish(&list);
	source_make(&list, NG_FORMAT_LIST, "a.example\na.example:443\n");
	assert_string_equal(list.said, "2:1 rule-all-ports?");
	assert_string_equal(source_tells(&list, "a.example"), "allow 2");
	source_finish(&list);
	source_make(&list, NG_FORMAT_LIST, "a.example:443\na.example\n");
	assert_string_equal(source_tells(&list, "a.example"), "allow 2");
	source_finish(&list);
	source_make(&list, NG_FORMAT_LIST,
		    "a.example types=A\n.a.example types=AAAA\nb.example\n?b.example\n");
	assert_int_equal(list.code, NG_E_SYNTAX);
	assert_string_equal(list.said, "2:1 rule-contradiction, 4:1 rule-contradiction");
	assert_string_equal(list.diags.items[0].reason,
			    "a.example has other options than at test:1:1");
	source_finish(&list);
}

static uint64_t end_of(struct source *list, const char *text)
{
	struct ng_name name = name_of(text);
	struct ng_match match;
	assert_true(ng_ruleset_match(list->ruleset, &name, &match));
	return ng_match_until(&match);
}

static void a_rule_ends_with_its_last_day(void **state)
{
	(void)state;
	const char text[] = "a.example until=2026-11-21\n!b.example until=2026-12-31\n"
			    "10.0.0.1 until=2026-11-20\nc.example\n";
	const uint64_t end_s = 1795305600; /* 2026-11-22, midnight UTC */
	struct source list;
	source_make_at(&list, text, end_s - 1);
	assert_string_equal(list.said, "3:1 list-expired?");
	assert_string_equal(source_says(&list, "a.example"), "allow 2");
	assert_true(ng_ruleset_expires(list.ruleset) == end_s);
	source_finish(&list);
	source_make_at(&list, text, end_s);
	assert_string_equal(list.said, "1:1 list-expired?, 3:1 list-expired?");
	assert_string_equal(source_says(&list, "a.example"), "none");
	assert_string_equal(source_says(&list, "b.example"), "nxdomain 2");
	assert_true(ng_ruleset_expires(list.ruleset) == end_s + (uint64_t)40 * 86400);
	source_finish(&list);
	source_make_at(&list, "c.example\n", end_s);
	assert_true(ng_ruleset_expires(list.ruleset) == 0);
	source_finish(&list);
}

static void a_rule_ends_at_its_moment(void **state)
{
	(void)state;
	const char text[] = "a.example until=2026-11-21T18:00Z\n"
			    "!b.example until=2026-11-21T18:00:01Z\n";
	const uint64_t end_s = 1795284000; /* 2026-11-21, 18:00 UTC */
	struct source list;
	source_make_at(&list, text, end_s - 1);
	assert_string_equal(list.said, "");
	assert_true(ng_ruleset_expires(list.ruleset) == end_s);
	source_finish(&list);
	source_make_at(&list, text, end_s);
	assert_string_equal(list.said, "1:1 list-expired?");
	assert_true(ng_ruleset_expires(list.ruleset) == end_s + 1);
	source_finish(&list);
}

static void a_rule_knows_its_end(void **state)
{
	(void)state;
	struct source list;
	struct ng_static item;
	uint32_t cursor = 0;
	source_make_at(&list,
		       "a.example until=2999-12-31\n!b.example until=2026-11-21T18:00Z\n"
		       "c.example\n10.0.0.1 until=2026-11-21\n10.0.0.2\n",
		       1);
	assert_true(end_of(&list, "a.example") == 32503680000);
	assert_true(end_of(&list, "b.example") == 1795284000);
	assert_true(end_of(&list, "c.example") == 0);
	assert_true(ng_ruleset_static(list.ruleset, &cursor, &item));
	assert_true(item.until_s == 1795305600 && item.line == 4);
	assert_string_equal(item.path, "test");
	assert_true(ng_ruleset_static(list.ruleset, &cursor, &item) && item.until_s == 0);
	source_finish(&list);
}

static void letters_of_several_scripts_are_warned_of(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST,
		    "p\xd0\xb0ypal.example\nxn--pypal-4ve.example\n"
		    "\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0.example\n");
	assert_int_equal(list.code, NG_OK);
	assert_string_equal(list.said,
			    "1:1 list-mixed-script?, 2:1 list-mixed-script?, 2:1 rule-repeat?");
	source_finish(&list);
}

static void includes_take_the_place_of_their_line(void **state)
{
	(void)state;
	const char main_text[] = "a.example\n@include sub/one.list # why\nb.example\n"
				 "@include  two.list\nb.example:80\n",
		   one_text[] = "\n  one.example\n@include two.list",
		   two_text[] = "two.example\n";
	const struct ng_source two = {
		.path = "two.list", .text = two_text, .len = strlen(two_text)};
	const struct ng_source inner[] = {{.path = "sub/one.list",
					   .text = one_text,
					   .len = strlen(one_text),
					   .includes = &two,
					   .n_includes = 1},
					  two};
	const struct ng_source source = {.path = "main.list",
					 .text = main_text,
					 .len = strlen(main_text),
					 .includes = inner,
					 .n_includes = 2};
	static const struct {
		const char *name, *path;
		uint32_t line, column;
	} rules[] = {{"a.example", "main.list", 1, 1},
		     {"one.example", "sub/one.list", 2, 3},
		     {"two.example", "two.list", 1, 1},
		     {"b.example", "main.list", 3, 1}};
	struct source list;
	source_compile_from(&list, &source);
	assert_int_equal(list.code, NG_OK);
	assert_string_equal(list.said, "5:1 rule-all-ports?");
	assert_string_equal(ng_ruleset_path(list.ruleset), "main.list");
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct ng_name name = name_of(rules[i].name);
		struct ng_match match;
		assert_true(ng_ruleset_match(list.ruleset, &name, &match));
		assert_string_equal(match.path, rules[i].path);
		assert_int_equal(match.line, rules[i].line);
		assert_int_equal(match.column, rules[i].column);
	}
	source_finish(&list);
	char path[NG_PATH_MAX];
	struct ng_place place;
	size_t cursor = 0;
	assert_true(ng_source_includes(main_text, strlen(main_text), &cursor, path, &place));
	assert_string_equal(path, "sub/one.list");
	assert_true(ng_source_includes(main_text, strlen(main_text), &cursor, path, &place));
	assert_string_equal(path, "two.list");
	assert_int_equal(place.line, 4);
	assert_false(ng_source_includes(main_text, strlen(main_text), &cursor, path, &place));
}

static void includes_that_cannot_be_are_refused(void **state)
{
	(void)state;
	struct ng_source chain[NG_INCLUDE_DEPTH + 3];
	char paths[COUNT(chain)][8];
	const char text[] = "@include next\n";
	struct source list;
	for (size_t i = COUNT(chain); i-- > 0;) {
		snprintf(paths[i], sizeof(paths[i]), "l%zu", i);
		chain[i] =
			(struct ng_source){.path = paths[i], .text = text, .len = strlen(text)};
		if (i + 1 < COUNT(chain)) {
			chain[i].includes = &chain[i + 1];
			chain[i].n_includes = 1;
		}
	}
	source_compile_from(&list, &chain[0]);
	assert_string_equal(list.said, "1:1 list-include");
	assert_string_equal(list.diags.items[0].path, "l8");
	source_finish(&list);
	/* In a circle: the second is the first again. */
	paths[1][1] = '0';
	source_compile_from(&list, &chain[0]);
	assert_string_equal(list.said, "1:1 list-include");
	assert_string_equal(list.diags.items[0].reason,
			    "l0 includes itself, through this line");
	source_finish(&list);
	paths[1][1] = '1';
	chain[1].format = NG_FORMAT_RPZ;
	source_compile_from(&list, &chain[0]);
	assert_string_equal(list.said, "1:1 list-include");
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
		cmocka_unit_test(marks_and_ports_have_their_meaning),
		cmocka_unit_test(addresses_are_opened_as_they_stand),
		cmocka_unit_test(ports_add_up_and_options_must_agree),
		cmocka_unit_test(a_rule_ends_with_its_last_day),
		cmocka_unit_test(a_rule_ends_at_its_moment),
		cmocka_unit_test(a_rule_knows_its_end),
		cmocka_unit_test(letters_of_several_scripts_are_warned_of),
		cmocka_unit_test(includes_take_the_place_of_their_line),
		cmocka_unit_test(includes_that_cannot_be_are_refused),
		cmocka_unit_test(everything_must_be_said_and_is_warned_of),
		cmocka_unit_test(capitals_that_look_like_a_placeholder_are_warned_of),
		cmocka_unit_test(nothing_is_an_error_and_comments_alone_a_warning),
		cmocka_unit_test(a_path_that_cannot_be_shown_is_refused),
		cmocka_unit_test(a_text_is_known_for_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
