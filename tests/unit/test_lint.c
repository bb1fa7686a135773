/* Lint: each code is found where it should be, and not on the nearest thing that is right. */
#include "policy_world.h"

#include <namegate/lint.h>

static const char hosting_text[] = "# hosts\nblob.core.windows.net   # Azure\npages.example\n";

struct world {
	struct source sources[4];
	struct ng_lint_table *tables[4];
	const struct ng_lint_table *borrowed[4];
	size_t n;
	struct ng_lint_hosting *hosting;
	struct ng_diags diags;
	char said[4096];
};

static void world_make(struct world *world)
{
	*world = (struct world){0};
	ng_diags_init(&world->diags);
	assert_int_equal(
		ng_lint_hosting_create(hosting_text, sizeof(hosting_text) - 1, &world->hosting),
		NG_OK);
}

static void world_finish(struct world *world)
{
	for (size_t i = 0; i < world->n; i++) {
		ng_lint_table_destroy(world->tables[i]);
		source_finish(&world->sources[i]);
	}
	ng_lint_hosting_destroy(world->hosting);
	ng_diags_finish(&world->diags);
}

static void world_table(struct world *world)
{
	struct source *source = &world->sources[world->n];
	assert_int_equal(source->code, NG_OK);
	assert_int_equal(ng_lint_table_create(source->ruleset, &world->tables[world->n]),
			 NG_OK);
	world->borrowed[world->n] = world->tables[world->n];
	world->n++;
}

static void world_add(struct world *world, const char *text)
{
	source_make(&world->sources[world->n], ng_source_sniff(text, strlen(text)), text);
	world_table(world);
}

/* A zone whose rules are only recorded. */
static void world_add_disabled(struct world *world, const char *text)
{
	struct source *source = &world->sources[world->n];
	const struct ng_source from = {.format = NG_FORMAT_RPZ,
				       .path = "test",
				       .text = text,
				       .len = strlen(text),
				       .override = NG_OVERRIDE_DISABLED};
	*source = (struct source){0};
	ng_diags_init(&source->diags);
	source->code = ng_compile(&from, &source->diags, &source->image);
	assert_int_equal(source->code, NG_OK);
	assert_int_equal(
		ng_ruleset_open(source->image.octets, source->image.len, &source->ruleset),
		NG_OK);
	world_table(world);
}

/* "LINE apex, LINE dead": the findings since the last time, without "lint-". */
static const char *said(struct world *world)
{
	size_t n = 0;
	world->said[0] = '\0';
	for (size_t i = 0; i < world->diags.n; i++) {
		const struct ng_diag *diag = &world->diags.items[i];
		assert_memory_equal(diag->code, "lint-", 5);
		n += (size_t)snprintf(world->said + n, sizeof(world->said) - n, "%s%u %s",
				      n > 0 ? ", " : "", diag->line, diag->code + 5);
		assert_true(n < sizeof(world->said));
	}
	ng_diags_finish(&world->diags);
	ng_diags_init(&world->diags);
	return world->said;
}

/* What a source by itself gives. */
static void expect(const char *text, const char *expected)
{
	struct world world;
	world_make(&world);
	world_add(&world, text);
	assert_int_equal(ng_lint_source(world.tables[0], world.hosting, &world.diags), NG_OK);
	assert_string_equal(said(&world), expected);
	world_finish(&world);
}

/* What the last of several sources of a scope gives; NULL ends them. */
static void expect_scope(const char *first, const char *second, const char *expected)
{
	struct world world;
	world_make(&world);
	world_add(&world, first);
	world_add(&world, second);
	ng_lint_scope(world.borrowed, 2, &world.diags);
	assert_string_equal(said(&world), expected);
	world_finish(&world);
}

static void expect_across(const char *wide, const char *narrow, const char *expected)
{
	struct world world;
	world_make(&world);
	world_add(&world, wide);
	world_add(&world, narrow);
	ng_lint_across(world.borrowed, 1, world.borrowed[1], &world.diags);
	assert_string_equal(said(&world), expected);
	world_finish(&world);
}

#define ZONE                                                                                   \
	"$TTL 60\n$ORIGIN rpz.test.\n@ SOA localhost. root.localhost. 1 2 3 4 5\n@ NS "        \
	"localhost.\n"

/* Of aliases that were seen, those that cname=strict would refuse. */
static void expect_aliases(const char *text, const char *const (*pairs)[2], size_t n,
			   const char *expected)
{
	struct ng_lint_alias aliases[8];
	struct world world;
	world_make(&world);
	world_add(&world, text);
	struct ng_policy policy = {0};
	policy.scopes[NG_SCOPE_SANDBOX].sources[0] = world.sources[0].ruleset;
	policy.scopes[NG_SCOPE_SANDBOX].n = 1;
	for (size_t i = 0; i < n; i++)
		aliases[i] = (struct ng_lint_alias){name_of(pairs[i][0]), name_of(pairs[i][1])};
	assert_int_equal(ng_lint_aliases(&policy, "s", aliases, n, &world.diags), NG_OK);
	assert_string_equal(said(&world), expected);
	world_finish(&world);
}

static void aliases(void **state)
{
	(void)state;
	static const char *const one[][2] = {{"a.example", "x.test"}};
	static const char *const loop[][2] = {{"y.test", "x.test"},
					      {"a.example", "y.test"},
					      {"x.test", "y.test"},
					      {"a.example", "z.test"}};
	expect_aliases("b.example\na.example cname=strict\n", one, 1, "2 alias");
	expect_aliases("a.example cname=strict\nx.test\n", one, 1, "");
	expect_aliases("a.example cname=strict\n!x.test\n", one, 1, "1 alias");
	expect_aliases("a.example cname=strict\n?x.test\n", one, 1, "1 alias");
	expect_aliases("a.example\n", one, 1, "");
	expect_aliases("!a.example\n", one, 1, "");
	expect_aliases("a.example cname=strict\n", NULL, 0, "");
	expect_aliases("a.example cname=strict\ny.test\n", loop, 4, "1 alias, 1 alias");
}

static void bounds_tell_rules_apart(void **state)
{
	(void)state;
	expect(".x.example\na.x.example:443\n", "");
	expect(".x.example:443\na.x.example:443\n", "2 superfluous");
	expect(".x.example\na.x.example types=A\n", "");
	expect(".x.example\n?a.x.example\n", "");
	expect_scope("a.example:443\n", "a.example\n", "1 shadowed");
}

static void superfluous(void **state)
{
	(void)state;
	expect(".x.example\na.x.example\n", "2 superfluous");
	expect(".x.example\n*.a.x.example\n.b.x.example\n", "2 superfluous, 3 superfluous");
	expect(".x.example\n!a.x.example\n", "");
	expect(".x.example\n!.a.x.example\nb.a.x.example\n", "");
	expect("x.example\na.x.example\n", "");
	expect(".x.example\nax.example\n", "");
	expect(ZONE "*.x.example CNAME .\nx.example CNAME .\na.x.example CNAME *.\n", "");
	expect(ZONE "*.x.example CNAME .\nx.example CNAME .\na.x.example CNAME .\n",
	       "7 superfluous");
}

static void apex(void **state)
{
	(void)state;
	expect("*.x.example\n", "1 apex");
	expect("*.x.example\nx.example\n", "");
	expect(".x.example\n", "");
	expect("*.x.example\n!x.example\n", "");
	expect("!*.x.example\n", "1 apex");
	expect("*\n", "");
}

static void suffixes(void **state)
{
	(void)state;
	expect("*.com\n*.co.uk\n", "1 public-suffix, 2 public-suffix");
	expect(".co.uk\n", "1 public-suffix");
	expect("co.uk\n!.com\n.example.co.uk\n", "");
	expect(".corp\n.internal\n", "");
	expect("*.github.io\n", "1 shared-hosting");
	expect(".me.github.io\n", "");
	expect("*.blob.core.windows.net\n.pages.example\n",
	       "1 shared-hosting, 2 shared-hosting");
	expect(".core.windows.net\n", "1 shared-hosting");
	expect(".mine.blob.core.windows.net\n.xpages.example\npages.example\n", "");
}

static void letters(void **state)
{
	(void)state;
	/* Cyrillic a in "apple"; all of "apple" in Cyrillic; "bücher"; "пример" is honest */
	expect("xn--pple-43d.com\n", "1 mixed-script");
	expect(ZONE "xn--pple-43d.com CNAME .\n", "5 mixed-script");
	expect("xn--80ak6aa92e.com\n", "");
	expect("xn--80ak6aa92e.com\napple.com\n", "1 look-alike");
	expect("www.xn--80ak6aa92e.com\n.apple.com\n", "1 look-alike");
	expect("xn--80ak6aa92e.com\napple.net\n", "");
	expect("xn--bcher-kva.example\nbucher.example\nxn--e1afmkfd.xn--p1ai\n", "");
	expect("xn--0.example\nxn--.example\n", "");
}

static void scopes(void **state)
{
	(void)state;
	expect_scope("a.example\n*.b.example\n", "a.example\n*.b.example\n",
		     "1 duplicate, 2 duplicate");
	expect_scope("*.b.example\n", "x.b.example\n*.y.b.example\n",
		     "1 superfluous, 2 superfluous");
	expect_scope("*.b.example\na.example\n", "!x.b.example\n!a.example\n",
		     "1 shadowed, 2 shadowed");
	expect_scope("x.b.example\n", "*.b.example\nb.example\nx.x.b.example\n", "");
	expect_scope("*.x.b.example\n", "*.b.example\nx.b.example\n", "");
}

static void later_sources_meet_all_before_them(void **state)
{
	(void)state;
	struct world world;
	world_make(&world);
	world_add(&world, "a.example\n");
	world_add(&world, "b.example\n");
	world_add(&world, "b.example\n!a.example\nc.example\n");
	ng_lint_scope(world.borrowed, 3, &world.diags);
	assert_string_equal(said(&world), "1 duplicate, 2 shadowed");
	ng_lint_scope(world.borrowed, 1, &world.diags);
	assert_string_equal(said(&world), "");
	world_finish(&world);
}

static void dead(void **state)
{
	(void)state;
	expect_across("!a.example\n!*.b.example\n",
		      "a.example\nx.b.example\n*.b.example\n*.c.b.example\n",
		      "1 dead, 2 dead, 3 dead, 4 dead");
	expect_across("!a.example\n!*.b.example\n",
		      "b.example\nx.a.example\n*.a.example\n!x.b.example\nab.example\n", "");
	expect_across("!a.example\n", "?a.example\n", "1 dead");
	expect_across("!a.example\n", "a.example:443\n", "1 dead");
	expect_across("!*\n", "a.example\n*.b.example\n", "1 dead, 2 dead");
}

static void dead_below(void **state)
{
	(void)state;
	expect_across("!x.b.example\n!*.y.b.example\n", "*.b.example\n*.a.example\n",
		      "1 dead-below");
	expect_across("!b.example\n!xb.example\n!z.a.example\n", "*.b.example\n", "");
	expect_across("!*.b.example\nok.b.example\n",
		      "*.b.example\nok.b.example\nno.b.example\n", "1 dead-below, 3 dead");
}

static void what_is_only_recorded_decides_nothing(void **state)
{
	(void)state;
	struct ng_place place = {"x.conf", 7, 1};
	struct world world;
	world_make(&world);
	world_add_disabled(&world, ZONE
			   "a.example CNAME .\n*.b.example CNAME .\nx.c.example CNAME .\n");
	world_add(&world, "a.example\n*.b.example\n*.c.example\n");
	ng_lint_across(world.borrowed, 1, world.borrowed[1], &world.diags);
	ng_lint_scope(world.borrowed, 2, &world.diags);
	assert_string_equal(said(&world), "");
	ng_lint_sandbox(world.borrowed, 1, "s", false, &place, &world.diags);
	assert_string_equal(said(&world), "7 no-policy");
	ng_lint_sandbox(world.borrowed, 2, "s", true, &place, &world.diags);
	assert_string_equal(said(&world), "");
	world_finish(&world);
}

static void every_denial_of_a_zone_counts(void **state)
{
	(void)state;
	static const char list[] = "a.example\nb.example\nc.example\nd.example\n";
	expect_across(ZONE "a.example CNAME *.\nb.example CNAME rpz-drop.\n"
			   "c.example CNAME rpz-tcp-only.\nd.example A 192.0.2.1\n",
		      list, "1 dead, 2 dead");
	expect_across(ZONE "*.a.example CNAME rpz-drop.\n", "*.example\n", "1 dead-below");
	expect(ZONE "*.com CNAME rpz-tcp-only.\n*.net CNAME rpz-drop.\n*.org A 192.0.2.1\n",
	       "5 public-suffix, 6 apex, 7 apex");
	expect(ZONE "x.example A 192.0.2.1\n*.x.example A 192.0.2.1\na.x.example A 192.0.2.1\n",
	       "");
}

/* The first source of the wider scope that speaks is the one that counts. */
static void wider_sources_in_their_order(void **state)
{
	(void)state;
	struct world world;
	world_make(&world);
	world_add(&world, "a.example\n*.c.example\n");
	world_add(&world, "!a.example\n!b.example\n!x.c.example\n");
	world_add(&world, "a.example\nb.example\n*.c.example\n");
	ng_lint_across(world.borrowed, 2, world.borrowed[2], &world.diags);
	assert_string_equal(said(&world), "2 dead");
	world_finish(&world);
}

static void sandboxes(void **state)
{
	(void)state;
	struct ng_place place = {"x.conf", 7, 1};
	struct world world;
	world_make(&world);
	world_add(&world, "!a.example\n");
	world_add(&world, "b.example\n");
	ng_lint_sandbox(world.borrowed, 0, "s", false, &place, &world.diags);
	assert_string_equal(said(&world), "7 no-policy");
	ng_lint_sandbox(world.borrowed, 1, "s", false, &place, &world.diags);
	assert_string_equal(said(&world), "7 no-policy");
	ng_lint_sandbox(world.borrowed, 2, "s", false, &place, &world.diags);
	assert_string_equal(said(&world), "");
	ng_lint_sandbox(world.borrowed, 2, "s", true, &place, &world.diags);
	assert_string_equal(said(&world), "7 observe");
	ng_lint_sandbox(world.borrowed + 1, 1, "s", true, &place, &world.diags);
	assert_string_equal(said(&world), "");
	world_finish(&world);
}

/* One code cannot hide the others. */
static void floods_are_counted(void **state)
{
	(void)state;
	struct world world;
	char text[4096];
	size_t n = 0;
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "*.n%d.example\n", i);
	snprintf(text + n, sizeof(text) - n, "*.com\n");
	world_make(&world);
	world_add(&world, text);
	assert_int_equal(ng_lint_source(world.tables[0], world.hosting, &world.diags), NG_OK);
	assert_int_equal(world.diags.n, NG_LINT_EACH_MAX + 2);
	assert_string_equal(world.diags.items[NG_LINT_EACH_MAX].code, "lint-public-suffix");
	assert_non_null(strstr(world.diags.items[NG_LINT_EACH_MAX + 1].reason, "76 more"));
	world_finish(&world);
}

static void codes_are_stable_and_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < NG_LINTS; i++) {
		const struct ng_lint_code *code = &ng_lint_codes[i];
		assert_non_null(code->code);
		assert_memory_equal(code->code, "lint-", 5);
		assert_true(strlen(code->what) > 0 && strlen(code->help) > 0);
		assert_true(code->severity == NG_WARNING || code->severity == NG_NOTE);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(code->code, ng_lint_codes[j].code);
	}
}

static void a_bad_hosting_list_is_refused(void **state)
{
	(void)state;
	struct ng_lint_hosting *hosting = NULL;
	assert_int_equal(ng_lint_hosting_create("a..b\n", 5, &hosting), NG_E_FORMAT);
	assert_null(hosting);
	assert_int_equal(ng_lint_hosting_create("", 0, &hosting), NG_OK);
	ng_lint_hosting_destroy(hosting);
	ng_lint_hosting_destroy(NULL);
	ng_lint_table_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aliases),
		cmocka_unit_test(bounds_tell_rules_apart),
		cmocka_unit_test(superfluous),
		cmocka_unit_test(apex),
		cmocka_unit_test(suffixes),
		cmocka_unit_test(letters),
		cmocka_unit_test(scopes),
		cmocka_unit_test(later_sources_meet_all_before_them),
		cmocka_unit_test(dead),
		cmocka_unit_test(dead_below),
		cmocka_unit_test(what_is_only_recorded_decides_nothing),
		cmocka_unit_test(every_denial_of_a_zone_counts),
		cmocka_unit_test(wider_sources_in_their_order),
		cmocka_unit_test(sandboxes),
		cmocka_unit_test(floods_are_counted),
		cmocka_unit_test(codes_are_stable_and_told_apart),
		cmocka_unit_test(a_bad_hosting_list_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
