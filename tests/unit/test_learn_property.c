/*
 * Of drawn sets of names and denials, what must hold of any proposal. It is read back by the gate's own
 * compiler, so that what counts is what the lines mean and not what made them.
 */
#include "learn_world.h"

#include "policy/suffix.h"

static uint32_t dice;

static uint32_t draw(uint32_t n)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % n;
}

/* Names of a small tree with all kinds of suffixes, so that they meet. */
static struct ng_name draw_name(void)
{
	static const char *const tops[] = {
		"example.com",      "example.co.uk", "github.io", "co.uk",
		"core.cloud.test",  "pages.test",    "other.org", "corp",
		"s3.amazonaws.com", "amazonaws.com"};
	char text[96] = "";
	for (uint32_t labels = draw(4); labels > 0; labels--)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c%s.",
			 'a' + (int)draw(4), draw(6) == 0 ? "x" : "");
	strcat(text, tops[draw(COUNT(tops))]);
	return name_of(text);
}

static void read_back(struct world *world)
{
	struct ng_diags diags;
	struct ng_source source = {.path = "proposal", .text = lines_of(&world->list)};
	struct ng_lint_table *table;
	source.len = strlen(source.text);
	ng_diags_init(&diags);
	assert_int_equal(ng_compile(&source, &diags, &world->image), NG_OK);
	assert_int_equal(
		ng_ruleset_open(world->image.octets, world->image.len, &world->ruleset), NG_OK);
	assert_int_equal(ng_lint_table_create(world->ruleset, &table), NG_OK);
	assert_int_equal(ng_lint_source(table, world->hosting, &diags), NG_OK);
	assert_int_equal(diags.errors, 0);
	assert_int_equal(diags.warnings, 0);
	ng_lint_table_destroy(table);
	ng_diags_finish(&diags);
}

/* Any octets, as a sandbox may send them: beginning with what a list would read as more than a name. */
static struct ng_name draw_hostile(void)
{
	static const char starts[] = "*!?@.#:/\n\r\t 0\"\\";
	struct ng_name name = draw_name(), out = {.len = 0};
	uint8_t n = (uint8_t)(1 + draw(6));
	out.wire[0] = n;
	out.wire[1] = (uint8_t)starts[draw(sizeof(starts))]; /* or NUL */
	for (uint8_t i = 2; i <= n; i++)
		out.wire[i] = (uint8_t)draw(256);
	memcpy(out.wire + 1 + n, name.wire, name.len);
	out.len = (uint8_t)(name.len + 1 + n);
	ng_name_lower(&out);
	return out;
}

static bool allowed(const struct world *world, const struct ng_name *name)
{
	struct ng_match match;
	return ng_ruleset_match(world->ruleset, name, &match) &&
	       match.action == NG_ACTION_PASSTHRU;
}

static void check_wildcard(const struct world *world, const struct ng_name *owner,
			   const struct ng_name *used, size_t n)
{
	struct ng_name taken, registered;
	size_t below = 0;
	for (size_t i = 0; i < n; i++)
		below += ng_name_within(&used[i], owner) && !ng_name_equal(&used[i], owner);
	assert_true(world->wish.wildcard > 0 && below >= world->wish.wildcard);
	assert_int_equal(suffix_of_wildcard(owner, world->hosting, &taken), SUFFIX_NONE);
	assert_false(suffix_hosted(owner, world->hosting));
	assert_true(suffix_registered(owner, &registered));
}

static bool is_among(const struct ng_name *name, const struct ng_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ng_name_equal(name, &names[i]))
			return true;
	}
	return false;
}

/* Wildcards where they may stand, names that were used, and nothing else. */
static void check_rules(const struct world *world, const struct ng_name *used, size_t n)
{
	struct ng_name owner;
	struct ng_match match;
	struct ng_static address;
	uint32_t cursor = 0;
	assert_false(ng_ruleset_static(world->ruleset, &cursor, &address));
	for (cursor = 0; ng_ruleset_rule(world->ruleset, &cursor, &owner, &match);) {
		if (match.wildcard)
			check_wildcard(world, &owner, used, n);
		else
			assert_true(is_among(&owner, used, n));
	}
}

/*
 * The fewest lines, by trying every set of wildcards: those that may stand are few, so each set is a
 * number. A set costs a line for each of its wildcards and for each name that none covers.
 */
static size_t fewest(const struct world *world, const struct ng_name *used, size_t n,
		     const struct ng_name *barred, size_t n_barred)
{
	struct ng_name owners[12], up, taken, registered;
	size_t n_owners = 0, best = n;
	for (size_t i = 0; i < n; i++) {
		up = used[i];
		do {
			size_t below = 0, wrong = 0;
			for (size_t k = 0; k < n; k++) {
				bool under = ng_name_within(&used[k], &up);
				below += under && !ng_name_equal(&used[k], &up);
				wrong += under && (!suffix_registered(&used[k], &registered) ||
						   registered.len > up.len);
			}
			for (size_t k = 0; k < n_barred; k++)
				wrong += ng_name_within(&barred[k], &up) &&
					 !ng_name_equal(&barred[k], &up);
			if (up.len > 1 && world->wish.wildcard > 0 && !wrong &&
			    below >= world->wish.wildcard &&
			    suffix_of_wildcard(&up, world->hosting, &taken) == SUFFIX_NONE &&
			    !suffix_hosted(&up, world->hosting) &&
			    !is_among(&up, owners, n_owners)) {
				if (n_owners == COUNT(owners))
					return SIZE_MAX; /* too many to try */
				owners[n_owners++] = up;
			}
		} while (ng_name_parent(&up));
	}
	for (size_t set = 0; set < (size_t)1 << n_owners; set++) {
		size_t lines = 0;
		for (size_t k = 0; k < n_owners; k++)
			lines += set >> k & 1;
		for (size_t i = 0; i < n; i++) {
			bool covered = false; /* .owner has the owner itself as well */
			for (size_t k = 0; k < n_owners; k++)
				covered |=
					(set >> k & 1) && ng_name_within(&used[i], &owners[k]);
			lines += !covered;
		}
		if (lines < best)
			best = lines;
	}
	return best;
}

/* The few of them that are names like others. */
static bool is_host(const struct ng_name *name)
{
	for (uint8_t i = 1; i <= name->wire[0]; i++) {
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", name->wire[i]) == NULL)
			return false;
	}
	return strlen((const char *)name->wire) >= name->wire[0];
}

static size_t tried;

static void check_drawn(uint32_t seed)
{
	struct ng_name used[24], barred[8], name;
	struct world world;
	size_t n = 0, n_barred = 0, least;
	dice = seed;
	begin(&world);
	world.sandbox = "ci";
	world.wish.wildcard = draw(5);
	for (uint32_t left = draw(COUNT(barred)); left > 0; left--) {
		barred[n_barred++] = name = draw_name();
		see_name(&world, &name, NG_TYPE_A, draw(2) ? TRAFFIC_ANSWERED : TRAFFIC_DENIED,
			 NULL, "ban.list:1");
	}
	for (uint32_t left = 1 + draw(COUNT(used)); left > 0; left--) {
		name = draw_name();
		see_name(&world, &name, NG_TYPE_A, TRAFFIC_ANSWERED, "192.0.2.1", NULL);
		if (!is_among(&name, barred, n_barred) && !is_among(&name, used, n))
			used[n++] = name;
	}
	for (uint32_t left = draw(4); left > 0; left--) {
		name = draw_hostile();
		if (!is_host(&name))
			see_name(&world, &name, NG_TYPE_A, TRAFFIC_ANSWERED, "192.0.2.1", NULL);
	}
	propose(&world);
	if (n > 0) {
		read_back(&world);
		for (size_t i = 0; i < n; i++)
			assert_true(allowed(&world, &used[i]));
		for (size_t i = 0; i < n_barred; i++)
			assert_false(allowed(&world, &barred[i]));
		check_rules(&world, used, n);
	}
	least = fewest(&world, used, n, barred, n_barred);
	if (least != SIZE_MAX) {
		assert_int_equal(world.list.n_lines, least);
		tried++;
	}
	finish(&world);
}

static void any_proposal(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 3000; seed++)
		check_drawn(seed);
	assert_true(tried > 2500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_proposal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
