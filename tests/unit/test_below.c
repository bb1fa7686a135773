/* The tree's order against a plain search: the same owners stand below every name. */
#include "unit.h"

#include "offline/below.h"

#define RULES 400

static struct ng_name name_of(const char *text)
{
	struct ng_name name;
	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	return name;
}

static struct ng_image image;

static struct ng_ruleset *ruleset_of(const char *text)
{
	const struct ng_source source = {.path = "t.list", .text = text, .len = strlen(text)};
	struct ng_ruleset *ruleset;
	struct ng_diags diags;
	ng_diags_init(&diags);
	assert_int_equal(ng_compile(&source, &diags, &image), NG_OK);
	ng_diags_finish(&diags);
	assert_int_equal(ng_ruleset_open(image.octets, image.len, &ruleset), NG_OK);
	return ruleset;
}

static size_t plain(const struct ng_ruleset *ruleset, const struct ng_name *top)
{
	struct ng_name owner;
	struct ng_match match;
	size_t n = 0;
	for (uint32_t cursor = 0; ng_ruleset_rule(ruleset, &cursor, &owner, &match);)
		n += ng_name_within(&owner, top);
	return n;
}

static void compare(const struct ng_ruleset *ruleset, const struct below *below,
		    const char *text)
{
	const struct ng_name top = name_of(text);
	struct ng_name name;
	size_t first, end = below_range(below, &top, &first);
	assert_int_equal(end - first, plain(ruleset, &top));
	for (size_t i = first; i < end; i++) {
		below_name(below, i, &name);
		assert_true(ng_name_within(&name, &top));
	}
}

static void what_is_below_stands_together(void **state)
{
	static char text[RULES * 64];
	char name[64];
	int n = 0;
	(void)state;
	/* Labels that are beginnings of each other, and names deep and shallow. */
	for (unsigned i = 0; i < RULES; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%.*s%u.%.*s.l%u.test%s\n",
			      i % 7 == 0 ? "*." : "", (int)(i % 3), "aa", i, (int)(i % 4) + 1,
			      "bbbb", i % 5, i % 11 == 0 ? "er" : "");
	struct ng_ruleset *ruleset = ruleset_of(text);
	struct below *below;
	assert_int_equal(below_create(ruleset, &below), NG_OK);
	for (unsigned i = 0; i < 5; i++) {
		static const char *const forms[][2] = {{"l", ".test"},    {"b.l", ".test"},
						       {"bb.l", ".test"}, {"bbb.l", ".tester"},
						       {"l", ".teste"},   {"", ".test"}};
		for (size_t j = 0; j < COUNT(forms); j++) {
			snprintf(name, sizeof(name), "%s%u%s", forms[j][0], i, forms[j][1]);
			compare(ruleset, below, name);
		}
	}
	compare(ruleset, below, ".");
	compare(ruleset, below, "test");
	compare(ruleset, below, "zz.test");
	compare(ruleset, below, "tes");
	compare(ruleset, below, "0.b.l0.tester");
	below_free(below);
	ng_ruleset_close(ruleset);
	ng_image_finish(&image);
}

static void long_names_keep_all_their_labels(void **state)
{
	char text[256] = "";
	struct ng_name name, top;
	struct below *below;
	size_t first;
	(void)state;
	for (int i = 0; i < 126; i++)
		strcat(text, i == 0 ? "x" : ".y");
	struct ng_ruleset *ruleset = ruleset_of(text);
	assert_int_equal(below_create(ruleset, &below), NG_OK);
	top = name_of("y.y");
	assert_int_equal(below_range(below, &top, &first), 1);
	assert_int_equal(first, 0);
	below_name(below, 0, &name);
	top = name_of(text);
	assert_true(ng_name_same(&name, &top));
	below_free(below);
	ng_ruleset_close(ruleset);
	ng_image_finish(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_below_stands_together),
		cmocka_unit_test(long_names_keep_all_their_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
