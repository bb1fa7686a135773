/* Images: what a look-up finds, what a large one costs, and that no strange one does harm. */
#include "policy_world.h"

#include <namegate/message.h>

#include "policy/image.h"

#define MANY 100000

static const char text[] = "a.example\n*.b.example\n.c.example\n!d.c.example\n!*.no.example\n"
			   "deep.one.two.three.example\n*.wild.two.three.example\nonly\n";

static void ancestors_of_allowed_names_are_known(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST, text);
	const char *const above[] = {".",
				     "example",
				     "b.example",
				     "c.example",
				     "two.three.example",
				     "one.two.three.example",
				     "wild.two.three.example",
				     "three.example"};
	const char *const not [] = {"a.example",
				    "x.b.example",
				    "d.c.example",
				    "no.example",
				    "x.no.example",
				    "only",
				    "deep.one.two.three.example",
				    "net",
				    "xample"};
	for (size_t i = 0; i < COUNT(above); i++)
		assert_true(source_below(&list, above[i]));
	for (size_t i = 0; i < COUNT(not ); i++)
		assert_false(source_below(&list, not [i]));
	source_finish(&list);
	source_make(&list, NG_FORMAT_LIST, "!a.b.example\n!*.c.example\n");
	assert_false(source_below(&list, "."));
	assert_false(source_below(&list, "example"));
	source_finish(&list);
}

static void the_same_source_has_the_same_digest(void **state)
{
	(void)state;
	struct source a, b;
	source_make(&a, NG_FORMAT_LIST, text);
	source_make(&b, NG_FORMAT_LIST, text);
	assert_true(ng_ruleset_digest(a.ruleset) == ng_ruleset_digest(b.ruleset));
	assert_int_equal(a.image.len, b.image.len);
	assert_memory_equal(a.image.octets, b.image.octets, a.image.len);
	source_finish(&b);
	source_make(&b, NG_FORMAT_LIST, "a.example\n");
	assert_true(ng_ruleset_digest(a.ruleset) != ng_ruleset_digest(b.ruleset));
	source_finish(&b);
	struct ng_image image;
	struct ng_ruleset *ruleset;
	ng_diags_init(&b.diags);
	assert_int_equal(
		ng_compile(
			&(struct ng_source){.path = "other", .text = text, .len = strlen(text)},
			&b.diags, &image),
		NG_OK);
	assert_int_equal(ng_ruleset_open(image.octets, image.len, &ruleset), NG_OK);
	assert_string_equal(ng_ruleset_path(ruleset), "other");
	assert_true(ng_ruleset_digest(a.ruleset) != ng_ruleset_digest(ruleset));
	ng_ruleset_close(ruleset);
	ng_image_finish(&image);
	ng_diags_finish(&b.diags);
	source_finish(&a);
}

static void an_image_needs_no_alignment(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST, text);
	for (size_t shift = 1; shift < 8; shift++) {
		uint8_t *moved = malloc(list.image.len + shift);
		assert_non_null(moved);
		memcpy(moved + shift, list.image.octets, list.image.len);
		struct ng_ruleset *ruleset, *kept = list.ruleset;
		assert_int_equal(ng_ruleset_open(moved + shift, list.image.len, &ruleset),
				 NG_OK);
		list.ruleset = ruleset;
		assert_string_equal(source_says(&list, "x.b.example"), "allow *2");
		assert_true(source_below(&list, "example"));
		list.ruleset = kept;
		ng_ruleset_close(ruleset);
		free(moved);
	}
	source_finish(&list);
}

/* What hangs on a match stays in its bounds. */
static void probe_match(const struct ng_match *match)
{
	struct ng_bounds bounds;
	struct ng_local local;
	uint32_t cursor = 0;
	size_t sum = 0;
	ng_match_bounds(match, &bounds);
	assert_true(bounds.n_ports <= NG_PORTS_MAX && bounds.n_types <= NG_TYPES_MAX &&
		    bounds.n_opened <= NG_RULE_PRIVATE_MAX);
	while (ng_match_local(match, &cursor, &local)) {
		for (uint16_t i = 0; i < local.rdlen; i++)
			sum += local.rdata[i];
		assert_true(local.type != NG_TYPE_A || local.rdlen == 4);
	}
	assert_true(sum <= (size_t)255 * UINT16_MAX * cursor);
}

static void probe_rest(struct ng_ruleset *ruleset)
{
	static const char *const addrs[] = {"192.0.2.1", "192.0.2.9", "10.1.2.3", "2001:db8::1",
					    "::"};
	struct ng_name names[1] = {name_of("other.test")};
	struct ng_policy policy = {.scopes = {{.sources = {ruleset}, .n = 1}}};
	struct ng_static item;
	struct ng_prefix opened;
	uint32_t cursor = 0;
	for (size_t i = 0; i < COUNT(addrs); i++) {
		struct ng_addr addr;
		struct ng_decision decision;
		assert_int_equal(ng_addr_parse(addrs[i], &addr), NG_OK);
		const struct ng_subject subject = {.names = names,
						   .n_names = 1,
						   .client = &addr,
						   .addrs = &addr,
						   .n_addrs = 1,
						   .answered = true};
		ng_policy_judge(&policy, &subject, &decision);
		if (decision.matched)
			probe_match(&decision.match);
	}
	while (ng_ruleset_static(ruleset, &cursor, &item))
		assert_true(ng_addr_reach(&item.prefix.addr) != NG_REACH_NEVER);
	cursor = 0;
	while (ng_ruleset_opened(ruleset, &cursor, &opened))
		assert_true(ng_prefix_valid(&opened));
}

/* Opens octets as an image; when that is let in, asks it for all that the list names. */
static bool probe(const uint8_t *octets, size_t len)
{
	static const char *const names[] = {".",         "a.example",     "x.b.example",
					    "c.example", "x.d.c.example", "two.three.example",
					    "only"};
	uint8_t *copy = exact(octets, len);
	struct ng_ruleset *ruleset = NULL;
	int code = ng_ruleset_open(copy, len, &ruleset);
	for (size_t i = 0; code == NG_OK && i < COUNT(names); i++) {
		struct ng_name name = name_of(names[i]);
		struct ng_match match = {.path = ""};
		if (ng_ruleset_match(ruleset, &name, &match)) {
			assert_true(match.action <= NG_ACTION_LOCAL);
			assert_true(match.labels <= ng_name_labels(&name));
			assert_true(strlen(match.path) < NG_PATH_MAX);
		}
		ng_ruleset_has_below(ruleset, &name);
		if (match.ruleset != NULL)
			probe_match(&match);
	}
	if (code == NG_OK)
		probe_rest(ruleset);
	ng_ruleset_close(ruleset);
	free(copy);
	return code == NG_OK;
}

static void each_octet_wrong(struct source *list, size_t *let_in, size_t *refused)
{
	static const uint8_t flips[] = {0x01, 0x02, 0x10, 0x20, 0x40, 0x80, 0xff};
	*let_in = *refused = 0;
	for (size_t i = 0; i < list->image.len; i++) {
		for (size_t j = 0; j < COUNT(flips); j++) {
			list->image.octets[i] ^= flips[j];
			if (probe(list->image.octets, list->image.len))
				(*let_in)++;
			else
				(*refused)++;
			list->image.octets[i] ^= flips[j];
		}
	}
	assert_true(probe(list->image.octets, list->image.len));
}

static void any_octet_may_be_wrong(void **state)
{
	(void)state;
	struct source list;
	size_t let_in, refused;
	source_make(&list, NG_FORMAT_LIST, text);
	each_octet_wrong(&list, &let_in, &refused);
	/* Lines, columns, the digest and the path may change; names, tables and counts may not. */
	assert_true(refused > let_in);
	source_finish(&list);
	source_make(&list, NG_FORMAT_LIST,
		    "a.example:443,53/udp types=A,TXT private=10.0.0.0/8 until=2999-01-01\n"
		    "?x.b.example lease-max=5m cname=strict\n10.0.0.0/8:5432\n192.0.2.1\n");
	assert_int_equal(list.code, NG_OK);
	each_octet_wrong(&list, &let_in, &refused);
	assert_true(refused > 0);
	source_finish(&list);
	source_make(&list, NG_FORMAT_RPZ,
		    "$TTL 5\n$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n"
		    "a.example A 192.0.2.1\na.example TXT text\nb.example CNAME *.garden.\n"
		    "24.0.2.0.192.rpz-ip CNAME .\n32.1.2.0.192.rpz-ip AAAA 2001:db8::1\n"
		    "8.0.0.0.10.rpz-client-ip CNAME rpz-drop.\n"
		    "32.zz.db8.2001.rpz-ip CNAME *.\n");
	assert_int_equal(list.code, NG_OK);
	each_octet_wrong(&list, &let_in, &refused);
	assert_true(refused > 0);
	source_finish(&list);
}

static void a_short_image_is_refused(void **state)
{
	(void)state;
	struct source list;
	source_make(&list, NG_FORMAT_LIST, text);
	for (size_t len = 0; len < list.image.len; len++)
		assert_false(probe(list.image.octets, len));
	uint8_t *longer = malloc(list.image.len + 1);
	assert_non_null(longer);
	memcpy(longer, list.image.octets, list.image.len);
	longer[list.image.len] = 0;
	assert_false(probe(longer, list.image.len + 1));
	free(longer);
	source_finish(&list);
}

/* A head that claims other counts, with a length that fits the claim. */
static void counts_that_lie_are_refused(void **state)
{
	(void)state;
	struct source list;
	struct image_head head;
	source_make(&list, NG_FORMAT_LIST, text);
	memcpy(&head, list.image.octets, sizeof(head));
	const struct {
		size_t at;
		uint32_t value;
	} lies[] = {
		{offsetof(struct image_head, rules), head.rules - 1},
		{offsetof(struct image_head, rules), head.rules + 1},
		{offsetof(struct image_head, rules), UINT32_MAX},
		{offsetof(struct image_head, filters), 0},
		{offsetof(struct image_head, filters), head.filters + 1},
		{offsetof(struct image_head, filters), UINT32_MAX / 2 + 2},
		{offsetof(struct image_head, filters), UINT32_MAX},
		{offsetof(struct image_head, ancestors), head.ancestors + 1},
		{offsetof(struct image_head, ancestor_slots), 0},
		{offsetof(struct image_head, ancestor_slots), UINT32_MAX},
		{offsetof(struct image_head, rules_len), 0},
		{offsetof(struct image_head, rules_len), UINT32_MAX},
		{offsetof(struct image_head, paths_len), 0},
		{offsetof(struct image_head, paths_len), UINT32_MAX},
	};
	for (size_t i = 0; i < COUNT(lies); i++) {
		uint8_t *copy = exact(list.image.octets, list.image.len);
		struct image_head lie;
		memcpy(copy + lies[i].at, &lies[i].value, sizeof(lies[i].value));
		memcpy(&lie, copy, sizeof(lie));
		lie.len = image_size(&lie);
		memcpy(copy, &lie, sizeof(lie));
		assert_false(probe(copy, list.image.len));
		memcpy(copy + offsetof(struct image_head, len), &head.len, sizeof(head.len));
		assert_false(probe(copy, list.image.len));
		free(copy);
	}
	source_finish(&list);
}

/* A table without a free slot would let a look-up run in a circle for ever. */
static void a_full_table_is_refused(void **state)
{
	(void)state;
	struct source list;
	struct image_view view;
	source_make(&list, NG_FORMAT_LIST, "a.example\n");
	assert_int_equal(image_view(list.image.octets, list.image.len, &view), NG_OK);
	uint8_t *slots = list.image.octets + (view.ancestors - list.image.octets);
	uint32_t name = IMAGE_NONE;
	for (uint32_t i = 0; i < view.head.ancestor_slots && name == IMAGE_NONE; i++)
		name = image_ancestor_at(slots, i);
	assert_true(name != IMAGE_NONE);
	for (uint32_t i = 0; i < view.head.ancestor_slots; i++)
		memcpy(slots + i * sizeof(name), &name, sizeof(name));
	assert_false(probe(list.image.octets, list.image.len));
	source_finish(&list);
}

/* Sixty rules, so that filters and groups are several and of several rules. */
static void some_make(struct source *list, int denied_of_three)
{
	char lines[60 * 24];
	size_t n = 0;
	for (int i = 0; i < 60; i++)
		n += (size_t)sprintf(lines + n, "%shost%d.zone%d\n",
				     i % 3 < denied_of_three ? "!" : "", i, i % 4);
	source_make(list, NG_FORMAT_LIST, lines);
	assert_int_equal(list->code, NG_OK);
}

/* A bit that is missing turns a rule off, a deny too; one too many is no compiler's work either. */
static void a_filter_is_what_its_rules_make_it(void **state)
{
	(void)state;
	struct source list;
	struct image_view view;
	size_t cleared = 0;
	some_make(&list, 1);
	assert_int_equal(image_view(list.image.octets, list.image.len, &view), NG_OK);
	assert_true(view.head.filters > 1);
	size_t from = (size_t)(view.filters - list.image.octets),
	       end = (size_t)(view.ancestors - list.image.octets);
	for (size_t i = from; i < end; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			cleared += list.image.octets[i] >> bit & 1;
			list.image.octets[i] ^= (uint8_t)(1u << bit);
			assert_false(probe(list.image.octets, list.image.len));
			list.image.octets[i] ^= (uint8_t)(1u << bit);
		}
	}
	assert_true(cleared > 100);
	assert_true(probe(list.image.octets, list.image.len));
	source_finish(&list);
}

/* A look-up compares tag, length and name: a rule with another of these would be passed over. */
static void a_rule_that_is_passed_over_is_refused(void **state)
{
	(void)state;
	struct source list;
	struct image_view view;
	struct image_rule rule;
	const uint8_t *name;
	uint32_t at = 0, rules = 0;
	some_make(&list, 1);
	assert_int_equal(image_view(list.image.octets, list.image.len, &view), NG_OK);
	for (; image_rule(&view, &at, view.head.rules_len, &rule, &name); rules++) {
		uint8_t *octets = list.image.octets + (name - list.image.octets);
		uint8_t *fixed = octets - sizeof(rule);
		for (size_t i = 0; i < sizeof(rule.tag); i++) {
			fixed[offsetof(struct image_rule, tag) + i] ^= 0x10;
			assert_false(probe(list.image.octets, list.image.len));
			fixed[offsetof(struct image_rule, tag) + i] ^= 0x10;
		}
		for (uint8_t len = 0; len < rule.len + 3; len++) {
			fixed[offsetof(struct image_rule, len)] = len;
			assert_true(probe(list.image.octets, list.image.len) ==
				    (len == rule.len));
		}
		fixed[offsetof(struct image_rule, len)] = rule.len;
		for (uint8_t i = 0; i < rule.len; i++) {
			octets[i] ^= 0x01;
			assert_false(probe(list.image.octets, list.image.len));
			octets[i] ^= 0x01;
		}
	}
	assert_int_equal(rules, 60);
	source_finish(&list);
}

/* Where no look-up would find it a rule is no rule: groups in another order, with filters that fit. */
static void rules_in_another_group_are_refused(void **state)
{
	(void)state;
	struct source list;
	struct image_view view;
	some_make(&list, 3); /* denies have no ancestors, which would point astray */
	assert_int_equal(image_view(list.image.octets, list.image.len, &view), NG_OK);
	uint8_t *filters = list.image.octets + (view.filters - list.image.octets);
	uint8_t *groups = list.image.octets + (view.groups - list.image.octets);
	uint64_t first = image_filter_at(&view, 0), second = image_filter_at(&view, 2);
	struct image_group at[5];
	memcpy(at, groups, sizeof(at));
	uint32_t one = at[2].start, two = at[4].start - one;
	uint8_t *rules = list.image.octets + (view.rules - list.image.octets);
	uint8_t *moved = exact(rules, at[4].start);
	assert_true(one > 0 && two > 0);
	memcpy(rules, moved + one, two);
	memcpy(rules + two, moved, one);
	free(moved);
	const struct image_group swapped[4] = {{0, at[2].filter},
					       {at[3].start - one, at[3].filter},
					       {two, at[0].filter},
					       {two + at[1].start, at[1].filter}};
	memcpy(groups, swapped, sizeof(swapped));
	memcpy(filters, &second, sizeof(second));
	memcpy(filters + sizeof(first), &first, sizeof(first));
	assert_false(probe(list.image.octets, list.image.len));
	source_finish(&list);
}

/* What was kept by another version is no image; whoever asked compiles its source again. */
static void an_image_of_another_layout_is_refused(void **state)
{
	(void)state;
	static const uint64_t before[] = {0x32656c7572676e01u, 0x32656c7572676e02u};
	struct source list;
	struct ng_ruleset *ruleset;
	source_make(&list, NG_FORMAT_LIST, text);
	for (size_t i = 0; i < COUNT(before); i++) {
		memcpy(list.image.octets, &before[i], sizeof(before[i]));
		assert_int_equal(ng_ruleset_open(list.image.octets, list.image.len, &ruleset),
				 NG_E_FORMAT);
	}
	source_finish(&list);
}

static char *many_lines(size_t *len)
{
	char *lines = malloc(MANY * 40);
	size_t n = 0;
	assert_non_null(lines);
	for (int i = 0; i < MANY; i++)
		n += (size_t)sprintf(lines + n, "%shost%d.zone%d.example%d\n",
				     i % 5 == 4   ? "*."
				     : i % 7 == 6 ? "!"
						  : "",
				     i, i % 1000, i % 10);
	*len = n;
	return lines;
}

static void a_hundred_thousand_rules_are_found_again(void **state)
{
	(void)state;
	struct source list;
	size_t len;
	char *lines = many_lines(&len), name[64];
	source_make_n(&list, NG_FORMAT_LIST, lines, len, NULL);
	free(lines);
	assert_int_equal(list.code, NG_OK);
	assert_int_equal(ng_ruleset_count(list.ruleset), MANY);
	assert_true(list.image.len <= 52u * MANY);
	for (int i = 0; i < MANY; i++) {
		bool star = i % 5 == 4, deny = !star && i % 7 == 6;
		sprintf(name, "%shost%d.zone%d.example%d", star ? "x.y." : "", i, i % 1000,
			i % 10);
		assert_string_equal(source_says(&list, name), star   ? "allow *3"
							      : deny ? "nxdomain 3"
								     : "allow 3");
	}
	for (int i = 0; i < 1000; i++) {
		sprintf(name, "other%d.zone%d.example%d", i, i, i % 10);
		assert_string_equal(source_says(&list, name), "none");
		assert_false(source_below(&list, name));
		assert_true(source_below(&list, strchr(name, '.') + 1));
	}
	source_finish(&list);
}

static void the_longest_name_is_a_rule_like_others(void **state)
{
	(void)state;
	char line[NG_NAME_MAX * 2] = "*.";
	struct source list;
	for (int i = 0; i < 126; i++)
		strcat(line, "a.");
	source_make(&list, NG_FORMAT_LIST, line);
	assert_int_equal(list.code, NG_OK);
	line[0] = 'x';
	assert_string_equal(source_says(&list, line), "allow *126");
	assert_string_equal(source_says(&list, line + 2), "none");
	assert_true(source_below(&list, line + 2));
	assert_true(source_below(&list, "a"));
	source_finish(&list);
}

static void address_triggers_are_named_one_by_one(void **state)
{
	(void)state;
	static const char zone[] =
		"$ORIGIN rpz.example.\n@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\n"
		"32.1.2.0.192.rpz-client-ip 60 CNAME rpz-passthru.\n"
		"24.0.2.0.192.rpz-ip 60 CNAME .\n"
		"32.zz.db8.2001.rpz-ip 60 CNAME *.\n"
		"name.example 60 CNAME .\n";
	static const char *const expected[] = {"client 192.0.2.1/32 4", "answer 192.0.2.0/24 5",
					       "answer 2001:db8::/32 6"};
	struct source source;
	struct ng_match match;
	uint32_t cursor = 0;
	source_make(&source, NG_FORMAT_RPZ, zone);
	assert_int_equal(source.code, NG_OK);
	for (size_t i = 0; i < COUNT(expected); i++) {
		char told[96], prefix[NG_PREFIX_TEXT];
		assert_true(ng_ruleset_address(source.ruleset, &cursor, &match));
		snprintf(told, sizeof(told), "%s %s %u",
			 match.trigger == NG_TRIGGER_CLIENT ? "client" : "answer",
			 ng_prefix_format(&match.prefix, prefix), match.line);
		assert_string_equal(told, expected[i]);
	}
	assert_false(ng_ruleset_address(source.ruleset, &cursor, &match));
	source_finish(&source);
}

static void what_says_the_same_is_equal(void **state)
{
	(void)state;
	struct source a, b, c;
	source_make(&a, NG_FORMAT_LIST, "a.example\nb.example:443\n");
	source_make(&b, NG_FORMAT_LIST, "a.example\nb.example:443\n");
	source_make(&c, NG_FORMAT_LIST, "a.example\nb.example:444\n");
	assert_true(ng_ruleset_equal(a.ruleset, b.ruleset));
	assert_false(ng_ruleset_equal(a.ruleset, c.ruleset));
	source_finish(&a);
	source_finish(&b);
	source_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ancestors_of_allowed_names_are_known),
		cmocka_unit_test(the_same_source_has_the_same_digest),
		cmocka_unit_test(an_image_needs_no_alignment),
		cmocka_unit_test(any_octet_may_be_wrong),
		cmocka_unit_test(a_short_image_is_refused),
		cmocka_unit_test(counts_that_lie_are_refused),
		cmocka_unit_test(a_full_table_is_refused),
		cmocka_unit_test(a_filter_is_what_its_rules_make_it),
		cmocka_unit_test(a_rule_that_is_passed_over_is_refused),
		cmocka_unit_test(rules_in_another_group_are_refused),
		cmocka_unit_test(an_image_of_another_layout_is_refused),
		cmocka_unit_test(a_hundred_thousand_rules_are_found_again),
		cmocka_unit_test(the_longest_name_is_a_rule_like_others),
		cmocka_unit_test(address_triggers_are_named_one_by_one),
		cmocka_unit_test(what_says_the_same_is_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
