/*
 * The comparison says that nothing changed exactly when both policies decide alike on every name:
 * random policies over few labels, and every name there is over those labels and one more. And what
 * widens one way narrows the other way.
 */
#include "policy_world.h"

#include "offline/diff_inside.h"

#define ROUNDS  3000
#define DEPTH   4 /* labels of the names that are tried; rules have one less */
#define SOURCES 3 /* of one scope at most */

static unsigned rolled;

static unsigned roll(unsigned sides)
{
	rolled = rolled * 1103515245u + 12345u;
	return (rolled >> 16) % sides;
}

/* ---- a side: one sandbox with sources of text ---- */

struct side {
	struct setup setup;
	struct setup_sandbox sandbox;
	struct ng_sandbox spec;
	struct source sources[NG_SCOPES * SOURCES];
	struct setup_source entries[NG_SCOPES * SOURCES];
	bool denials[NG_SCOPES * SOURCES];
	enum ng_scope scopes[NG_SCOPES * SOURCES];
	enum ng_source_format formats[NG_SCOPES * SOURCES];
	char texts[NG_SCOPES * SOURCES][1024];
	size_t n;
};

static void side_begin(struct side *side)
{
	*side = (struct side){.spec = {.id = 1, .name = "box", .mode = NG_ENFORCE}};
	side->sandbox.spec = &side->spec;
	side->setup.sandboxes = &side->sandbox;
	side->setup.specs = &side->spec;
	side->setup.n_sandboxes = 1;
}

static void side_add(struct side *side, enum ng_scope scope, enum ng_source_format format,
		     const char *text, bool denials)
{
	struct source *source = &side->sources[side->n];
	struct setup_source *entry = &side->entries[side->n];
	uint8_t *n = &side->spec.policy.scopes[scope].n;
	source_make(source, format, text);
	if (source->code != NG_OK)
		fail_msg("%s\nin\n%s", source->said, text);
	side->scopes[side->n] = scope;
	side->formats[side->n] = format;
	strcpy(side->texts[side->n], text);
	side->denials[side->n++] = denials;
	entry->ruleset = source->ruleset;
	HASH_ADD_PTR(side->setup.sources, ruleset, entry);
	side->spec.policy.scopes[scope].sources[(*n)++] = source->ruleset;
}

static void side_finish(struct side *side)
{
	HASH_CLEAR(hh, side->setup.sources);
	for (size_t i = 0; i < side->n; i++)
		source_finish(&side->sources[i]);
}

static struct diff *compare(const struct side *old, const struct side *new)
{
	struct diff *diff = NULL;
	assert_int_equal(diff_make(&old->setup, &new->setup, NULL, NULL, &diff), NG_OK);
	assert_int_equal(diff->n_groups, 1);
	return diff;
}

/* ---- random policies ---- */

static void roll_name(unsigned labels, char *out)
{
	for (unsigned i = roll(labels) + 1; i > 0; i--)
		out += sprintf(out, "%c.", (int)('a' + roll(3)));
	out[-1] = '\0';
}

static bool roll_list(char *text)
{
	static const char *const bounds[] = {
		"", "",           ":443", ":80,443",       " types=A",
		"", " types=TXT", "",     " lease-max=60", " cname=strict"};
	bool denials = true;
	char said[16][40];
	size_t n = 0, wanted = 1 + roll(4);
	while (n < wanted) {
		const char *mark = roll(3) == 0 ? "!" : roll(5) == 0 ? "?" : "";
		char name[32];
		size_t i = 0;
		roll_name(DEPTH - 1, name);
		const char *star = roll(2) == 0 ? "*." : "";
		snprintf(said[n], sizeof(said[n]), "%s%s", star, name);
		while (i < n && strcmp(said[i], said[n]) != 0)
			i++;
		if (i < n)
			continue; /* said twice is another test */
		n++;
		denials &= mark[0] == '!';
		text += sprintf(text, "%s%s%s%s\n", mark, star, name,
				mark[0] == '!' ? "" : bounds[roll(COUNT(bounds))]);
	}
	return denials;
}

static bool roll_zone(char *text)
{
	static const char *const actions[] = {".", "*.", "rpz-drop.", "rpz-passthru.",
					      "rpz-tcp-only."};
	bool denials = true;
	char name[32];
	unsigned action = roll(COUNT(actions));
	roll_name(DEPTH - 1, name);
	denials = action < 3;
	sprintf(text, "$TTL 60\n$ORIGIN rpz.\n@ SOA x. y. 1 2 3 4 5\n@ NS x.\n%s%s CNAME %s\n",
		roll(2) == 0 ? "*." : "", name, actions[action]);
	return denials;
}

/* first: a comment that every list begins with, so that lines differ where rules do not. */
static void roll_side(struct side *side, const char *first)
{
	char text[1024];
	side_begin(side);
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		for (unsigned i = roll(SOURCES); i > 0; i--) {
			bool zone = roll(3) == 0;
			strcpy(text, zone ? "" : first);
			char *rest = text + strlen(text);
			bool denials = zone ? roll_zone(rest) : roll_list(rest);
			side_add(side, scope, zone ? NG_FORMAT_RPZ : NG_FORMAT_LIST, text,
				 denials);
		}
	}
}

/* The same sources, but for one or two of them. */
static void roll_change(struct side *side, const struct side *from)
{
	char text[1024];
	size_t changed = from->n > 0 ? roll((unsigned)from->n) : 0;
	size_t another = from->n > 0 ? roll((unsigned)from->n) : 0;
	side_begin(side);
	for (size_t i = 0; i < from->n; i++) {
		if (i != changed && i != another) {
			side_add(side, from->scopes[i], from->formats[i], from->texts[i],
				 from->denials[i]);
			continue;
		}
		bool zone = roll(3) == 0;
		bool denials = zone ? roll_zone(text) : roll_list(text);
		side_add(side, from->scopes[i], zone ? NG_FORMAT_RPZ : NG_FORMAT_LIST, text,
			 denials);
	}
}

/* ---- an own opinion on whether two sides decide alike ---- */

static bool guarded(const struct side *side, const struct ng_decision *decision)
{
	if (decision->verdict != NG_DENY || !decision->matched)
		return false;
	for (size_t i = 0; i < side->n; i++) {
		if (side->sources[i].ruleset == decision->match.ruleset)
			return decision->scope != NG_SCOPE_SANDBOX || side->denials[i];
	}
	return false;
}

static bool has_port(const struct ng_bounds *bounds, uint8_t proto, uint16_t port)
{
	for (uint8_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == proto && bounds->ports[i].port == port)
			return true;
	}
	return bounds->n_ports == 0;
}

static bool has_type(const struct ng_bounds *bounds, uint16_t type)
{
	for (uint8_t i = 0; i < bounds->n_types; i++) {
		if (bounds->types[i] == type)
			return true;
	}
	return bounds->n_types == 0 && (type == 1 || type == 28);
}

static bool bounds_alike(const struct ng_bounds *a, const struct ng_bounds *b)
{
	static const uint16_t ports[] = {80, 443, 8080}, types[] = {1, 28, 16, 65};
	for (size_t i = 0; i < COUNT(ports); i++) {
		if (has_port(a, 6, ports[i]) != has_port(b, 6, ports[i]))
			return false;
	}
	for (size_t i = 0; i < COUNT(types); i++) {
		if (has_type(a, types[i]) != has_type(b, types[i]))
			return false;
	}
	return a->lease_max_s == b->lease_max_s && a->strict == b->strict;
}

static bool alike(const struct side *old, const struct side *new, const struct ng_name *name)
{
	const struct ng_subject subject = {.names = name, .n_names = 1};
	struct ng_decision was, is;
	struct ng_bounds before, after;
	ng_policy_decide(&old->spec.policy, name, &was);
	ng_policy_decide(&new->spec.policy, name, &is);
	if (was.verdict != is.verdict || guarded(old, &was) != guarded(new, &is) ||
	    (was.matched ? was.match.action : NG_ACTION_NXDOMAIN) !=
		    (is.matched ? is.match.action : NG_ACTION_NXDOMAIN))
		return false;
	if (was.verdict == NG_DENY)
		return true;
	ng_policy_bounds(&old->spec.policy, &subject, &before);
	ng_policy_bounds(&new->spec.policy, &subject, &after);
	return bounds_alike(&before, &after);
}

/* Is that name one of the rows, or below one that speaks for what is below it? */
static bool told(const struct diff *diff, const struct ng_name *name)
{
	for (size_t i = 0; i < diff->groups[0]->n_names; i++) {
		struct diff_name_row row;
		diff_name_at(diff, diff->groups[0], i, &row);
		if (row.depth == 0 ? ng_name_equal(&row.owner, name)
				   : ng_name_within(name, &row.owner))
			return true;
	}
	return false;
}

/* Every name over a, b, c and d, which no rule has, up to that many labels; returns how many differ. */
static size_t try_names(const struct side *old, const struct side *new, const struct diff *diff,
			const char *below, unsigned depth)
{
	size_t differ = 0;
	char text[64];
	struct ng_name name = name_of(below[0] != '\0' ? below : ".");
	if (!alike(old, new, &name)) {
		differ++;
		if (!told(diff, &name))
			fail_msg("%s changed and nothing tells", below);
	}
	for (char label = 'a'; depth > 0 && label <= 'd'; label++) {
		snprintf(text, sizeof(text), "%c%s%s", label, below[0] != '\0' ? "." : "",
			 below);
		differ += try_names(old, new, diff, text, depth - 1);
	}
	return differ;
}

static unsigned mirrored(unsigned sense)
{
	return (sense & DIFF_OTHER) | ((sense & DIFF_WIDENS) != 0 ? DIFF_NARROWS : 0u) |
	       ((sense & DIFF_NARROWS) != 0 ? DIFF_WIDENS : 0u);
}

/* The other way round the same names are told, with the other sense. */
static void check_mirror(const struct diff *there, const struct diff *back)
{
	const struct diff_group *one = there->groups[0], *other = back->groups[0];
	assert_int_equal(one->n_names, other->n_names);
	assert_int_equal(one->n_rules, other->n_rules);
	for (size_t i = 0; i < one->n_names; i++) {
		struct diff_name_row row, mirror = {.depth = 99};
		diff_name_at(there, one, i, &row);
		for (size_t j = 0; j < other->n_names; j++) {
			struct diff_name_row candidate;
			diff_name_at(back, other, j, &candidate);
			if (candidate.depth == row.depth &&
			    ng_name_equal(&candidate.owner, &row.owner))
				mirror = candidate;
		}
		assert_int_equal(mirror.depth, row.depth);
		assert_int_equal(mirror.sense, mirrored(row.sense));
	}
}

static void no_change_means_that_both_decide_alike(void **state)
{
	size_t same = 0, different = 0;
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct side old, new;
		rolled = round / 2 * 7919;
		roll_side(&old, "");
		switch (round % 4) {
		case 0:
			roll_side(&new, "");
			break;
		case 1: /* the same rules on other lines, and one more */
			rolled = round / 2 * 7919;
			roll_side(&new, "# moved\n");
			side_add(&new, NG_SCOPE_SANDBOX, NG_FORMAT_LIST, "c.b.a\n", false);
			break;
		case 2:
			roll_change(&new, &old);
			break;
		default:
			rolled = round / 2 * 7919;
			roll_side(&new, "# moved\n");
		}
		struct diff *diff = compare(&old, &new), *back = compare(&new, &old);
		size_t differ = try_names(&old, &new, diff, "", DEPTH);
		if ((differ > 0) != (diff->groups[0]->n_names > 0))
			fail_msg("round %u: %zu names differ, %zu are told", round, differ,
				 diff->groups[0]->n_names);
		if (diff->groups[0]->n_names > 0)
			different++;
		else
			same++;
		check_mirror(diff, back);
		diff_free(diff);
		diff_free(back);
		side_finish(&old);
		side_finish(&new);
	}
	/* The test says something only when both happen often. */
	assert_true(same > ROUNDS / 20 && different > ROUNDS / 4);
}

/* ---- single cases ---- */

/* "+name -other": the rows of two lists, in their order. */
static const char *rows(const char *old_text, const char *new_text)
{
	static char told_rows[1024];
	struct side old, new;
	size_t n = 0;
	side_begin(&old);
	side_add(&old, NG_SCOPE_SANDBOX, NG_FORMAT_LIST, old_text, false);
	side_begin(&new);
	side_add(&new, NG_SCOPE_SANDBOX, NG_FORMAT_LIST, new_text, false);
	struct diff *diff = compare(&old, &new);
	told_rows[0] = '\0';
	for (size_t i = 0; i < diff->groups[0]->n_names; i++) {
		struct diff_name_row row;
		char name[NG_NAME_TEXT_MAX];
		diff_name_at(diff, diff->groups[0], i, &row);
		n += (size_t)snprintf(
			told_rows + n, sizeof(told_rows) - n, "%s%s%s%s%s", n > 0 ? " " : "",
			(row.sense & DIFF_WIDENS) != 0 ? "+" : "",
			(row.sense & DIFF_NARROWS) != 0 ? "-" : "", row.depth > 0 ? "*." : "",
			ng_name_to_text(&row.owner, name));
	}
	diff_free(diff);
	side_finish(&old);
	side_finish(&new);
	return told_rows;
}

static void what_bounds_an_allow_widens_and_narrows(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{"a.example", "a.example\n# more", ""},
		{"a.example", "b.example", "+b.example -a.example"},
		{"?a.example", "a.example", "+a.example"},
		{"a.example", "!a.example", "-a.example"},
		{"b.example", "b.example\n!a.example", ""},
		{"a.example:443", "a.example", "+a.example"},
		{"a.example:443", "a.example:443,80", "+a.example"},
		{"a.example:443", "a.example:80", "+-a.example"},
		{"a.example:443", "a.example:443/udp", "+-a.example"},
		{"a.example", "a.example types=A", "-a.example"},
		{"a.example", "a.example types=AAAA,A", ""},
		{"a.example", "a.example types=A,AAAA,TXT", "+a.example"},
		{"a.example lease-max=60", "a.example lease-max=61", "+a.example"},
		{"a.example lease-max=60", "a.example", "+a.example"},
		{"a.example cname=strict", "a.example", "+a.example"},
		{"a.example private=10.0.0.0/9,10.128.0.0/9", "a.example private=10.0.0.0/8",
		 ""},
		{"a.example private=10.1.0.0/16", "a.example private=10.0.0.0/8", "+a.example"},
		{"?a.example:443", "?a.example", "+a.example"},
		{"*.example", "*.example\n.a.example", ""},
		{".example", "*.example", "-example"},
		{"*.example\n!any-name.example", "any-name.example",
		 "+any-name.example -*.example"},
		{"a.example", "*", "+*.."},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *seen = rows(cases[i][0], cases[i][1]);
		if (strcmp(seen, cases[i][2]) != 0)
			fail_msg("%s -> %s: %s, not %s", cases[i][0], cases[i][1], seen,
				 cases[i][2]);
	}
}

static void a_denial_that_guarded_is_missed(void **state)
{
	(void)state;
	struct side old, new;
	side_begin(&old);
	side_add(&old, NG_SCOPE_GLOBAL, NG_FORMAT_LIST, "!evil.example\n", true);
	side_add(&old, NG_SCOPE_SANDBOX, NG_FORMAT_LIST, "good.example\n", false);
	side_begin(&new);
	side_add(&new, NG_SCOPE_SANDBOX, NG_FORMAT_LIST, "good.example\n", false);
	struct diff *diff = compare(&old, &new);
	assert_int_equal(diff->sense, DIFF_WIDENS);
	assert_int_equal(diff->tally.widens[DIFF_A_NAME], 1);
	assert_int_equal(diff->groups[0]->n_rules, 1);
	diff_free(diff);
	/* A sandbox in lockdown has nothing that a guard could guard. */
	old.spec.mode = NG_LOCKDOWN;
	diff = compare(&old, &new);
	assert_int_equal(diff->tally.widens[DIFF_A_NAME], 1); /* good.example */
	assert_int_equal(diff->tally.widens[DIFF_A_MODE], 1);
	diff_free(diff);
	side_finish(&old);
	side_finish(&new);
}

static void rules_about_clients_open_by_being_there(void **state)
{
	(void)state;
	static const char zone[] = "$TTL 60\n$ORIGIN rpz.\n@ SOA x. y. 1 2 3 4 5\n@ NS x.\n"
				   "32.1.0.0.10.rpz-client-ip CNAME rpz-passthru.\n"
				   "24.0.2.0.192.rpz-ip CNAME .\n";
	struct side old, new;
	side_begin(&old);
	side_begin(&new);
	side_add(&new, NG_SCOPE_SANDBOX, NG_FORMAT_RPZ, zone, false);
	struct diff *diff = compare(&old, &new);
	const struct diff_group *group = diff->groups[0];
	assert_int_equal(group->n_addresses, 2);
	assert_int_equal(group->addresses[0].sense, DIFF_WIDENS);
	assert_int_equal(group->addresses[1].sense, DIFF_NARROWS);
	assert_int_equal(group->n_names, 0);
	diff_free(diff);
	/* When the sandbox is that client, every name is open to it. */
	assert_int_equal(ng_prefix_parse("10.0.0.1", &new.spec.sources[0]), NG_OK);
	new.spec.n_sources = 1;
	old.spec.sources[0] = new.spec.sources[0];
	old.spec.n_sources = 1;
	diff = compare(&old, &new);
	assert_int_equal(diff->groups[0]->n_names, 1);
	assert_int_equal(diff->groups[0]->names[0].sense, DIFF_WIDENS);
	diff_free(diff);
	side_finish(&old);
	side_finish(&new);
}

static struct ng_prefix prefix_of(const char *text)
{
	struct ng_prefix prefix;
	assert_int_equal(ng_prefix_parse(text, &prefix), NG_OK);
	return prefix;
}

static void a_prefix_is_covered_by_its_parts(void **state)
{
	(void)state;
	struct ng_prefix parts[] = {prefix_of("10.0.0.0/25"), prefix_of("10.0.0.192/26"),
				    prefix_of("10.0.0.128/26"), prefix_of("::/1"),
				    prefix_of("8000::/1")};
	struct ng_prefix whole = prefix_of("10.0.0.0/24"), wider = prefix_of("10.0.0.0/23"),
			 all = prefix_of("::/0"), host = prefix_of("10.0.0.255");
	assert_true(diff_covered(&whole, parts, COUNT(parts)));
	assert_false(diff_covered(&whole, parts, 2));
	assert_false(diff_covered(&wider, parts, COUNT(parts)));
	assert_true(diff_covered(&all, parts, COUNT(parts)));
	assert_false(diff_covered(&all, parts, 4));
	assert_true(diff_covered(&host, parts, 2));
	assert_false(diff_covered(&host, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_change_means_that_both_decide_alike),
		cmocka_unit_test(what_bounds_an_allow_widens_and_narrows),
		cmocka_unit_test(a_denial_that_guarded_is_missed),
		cmocka_unit_test(rules_about_clients_open_by_being_there),
		cmocka_unit_test(a_prefix_is_covered_by_its_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
