/*
 * The lists that ship: each compiles without a word, opens with what a reader must know, says
 * nothing twice, and gives nobody a wildcard over strangers' names. What a list permits is judged
 * by the engine itself, against a table of names that real tools look up and of names that only
 * look like them. The checks are functions from text to findings, and are shown to find what is
 * planted.
 */
#include "presets_world.h"

#include <glob.h>
#include <libpsl.h>

#define PRESETS_MAX 128

static struct world {
	struct preset presets[PRESETS_MAX];
	size_t n;
	struct suffixes shared;
	char *table, *readme, *page;
} world;

static bool is_template(const struct preset *preset)
{
	return strstr(preset->text, "# Purpose: template") == preset->text;
}

/* ---- checks: text in, findings out ---- */

static bool is_date(const char *text)
{
	static const char form[] = "dddd-dd-dd";
	for (size_t i = 0; form[i] != '\0'; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';
		if (form[i] == 'd' ? !digit : text[i] != form[i])
			return false;
	}
	return text[sizeof(form) - 1] == '\n';
}

static void check_head(const char *text, struct findings *findings)
{
	static const char *const fields[] = {"Permits", "Withholds", "Source", "Left out",
					     "Date"};
	char field[32];
	const char *date = strstr(text, "\n# Date: ");
	if (strncmp(text, "# Purpose: ", 11) != 0)
		found(findings, "the first line is not its purpose");
	for (size_t i = 0; i < COUNT(fields); i++) {
		snprintf(field, sizeof(field), "\n# %s: ", fields[i]);
		const char *at = strstr(text, field);
		if (at == NULL || at[strlen(field)] == '\n')
			found(findings, "the head does not say: %s", fields[i]);
	}
	if (date != NULL && !is_date(date + 9))
		found(findings, "the date is not YYYY-MM-DD");
}

/* Does a say all that b says? Other ports are another thing to say. */
static bool covers(const struct entry *a, const struct entry *b)
{
	if (a->deny != b->deny || strcmp(a->ports, b->ports) != 0 ||
	    !ng_name_within(&b->name, &a->name))
		return false;
	if (!ng_name_equal(&a->name, &b->name))
		return a->wildcard;
	return a->exact >= b->exact && a->wildcard >= b->wildcard;
}

static void check_repeats(const char *text, struct findings *findings)
{
	struct entries entries;
	entries_read(text, &entries);
	for (size_t i = 0; i < entries.n; i++) {
		for (size_t j = 0; j < entries.n; j++) {
			if (i != j && covers(&entries.items[i], &entries.items[j]))
				found(findings, "line %u says again what line %u says",
				      entries.items[j].line, entries.items[i].line);
		}
	}
}

static void check_wildcard(const struct entry *entry, struct findings *findings)
{
	char text[NG_NAME_TEXT_MAX];
	const psl_ctx_t *psl = psl_builtin();
	assert_non_null(psl);
	ng_name_to_text(&entry->name, text);
	if (psl_is_public_suffix(psl, text))
		found(findings, "line %u: a wildcard on the public suffix %s", entry->line,
		      text);
	for (size_t i = 0; i < world.shared.n; i++) {
		if (ng_name_within(&world.shared.names[i], &entry->name))
			found(findings, "line %u: a wildcard over shared hosting, %s",
			      entry->line, ng_name_to_text(&world.shared.names[i], text));
	}
}

/* A whole shared host by its own name: only with the reason beside it. */
static void check_shared(const struct entry *entry, struct findings *findings)
{
	for (size_t i = 0; i < world.shared.n; i++) {
		if (!entry->reasoned && ng_name_equal(&world.shared.names[i], &entry->name))
			found(findings, "line %u: a shared host without a reason", entry->line);
	}
}

static void check_width(const char *text, struct findings *findings)
{
	struct entries entries;
	entries_read(text, &entries);
	for (size_t i = 0; i < entries.n; i++) {
		const struct entry *entry = &entries.items[i];
		if (entry->deny)
			continue;
		if (entry->wildcard)
			check_wildcard(entry, findings);
		if (entry->exact)
			check_shared(entry, findings);
	}
}

static void check_listed(const struct preset *preset, struct findings *findings)
{
	char purpose[256] = "", row[512];
	sscanf(preset->text, "# Purpose: %255[^\n]", purpose);
	snprintf(row, sizeof(row), "\n| `%s` | %s |\n", preset->name, purpose);
	if (strstr(world.readme, row) == NULL)
		found(findings, "zones/README.md lacks the row:%s", row);
	snprintf(row, sizeof(row), "\n.It Cm %s\n%s\n", preset->name, purpose);
	if (strstr(world.page, row) == NULL)
		found(findings, "man/namegate-presets.7 lacks the item:%s", row);
}

/* ---- each preset ---- */

static void compiles(const struct preset *preset, struct findings *findings)
{
	char line[512];
	const struct ng_diags *diags = &preset->diags;
	bool empty = is_template(preset);
	if (preset->code != NG_OK)
		found(findings, "it does not compile");
	if (empty && (diags->n != 1 || strcmp(diags->items[0].code, "list-no-rule") != 0))
		found(findings, "a template is to hold no rule");
	for (size_t i = 0; i < diags->n && !empty; i++)
		found(findings, "%s", ng_diag_format(&diags->items[i], line, sizeof(line)));
}

static void is_sound(void **state)
{
	struct preset *preset = *state;
	struct findings findings = {0};
	compiles(preset, &findings);
	check_head(preset->text, &findings);
	check_repeats(preset->text, &findings);
	check_width(preset->text, &findings);
	check_listed(preset, &findings);
	findings_none(preset->name, &findings);
}

/* The example repeats names of the lines above it: that is only a warning. */
static void templates_compile_when_filled_in(void **state)
{
	(void)state;
	struct findings findings = {0};
	size_t templates = 0;
	for (size_t i = 0; i < world.n; i++) {
		struct preset filled;
		if (!is_template(&world.presets[i]))
			continue;
		preset_fill(&filled, &world.presets[i]);
		if (filled.code != NG_OK || ng_ruleset_count(filled.ruleset) < 2)
			found(&findings, "%s filled in does not compile",
			      world.presets[i].name);
		preset_finish(&filled);
		templates++;
	}
	assert_int_equal(templates, 3);
	findings_none("templates", &findings);
}

/* ---- the table of names ---- */

static struct preset *preset_named(const char *name, size_t len)
{
	for (size_t i = 0; i < world.n; i++) {
		if (strlen(world.presets[i].name) == len &&
		    memcmp(world.presets[i].name, name, len) == 0)
			return &world.presets[i];
	}
	fail_msg("the table names %.*s, which does not ship", (int)len, name);
	return NULL;
}

/* "[pypi npm]": those presets as the sources of one scope. */
static void section_begin(struct section *section, const char *line)
{
	*section = (struct section){0};
	for (const char *at = line + 1; *at != ']' && *at != '\n';) {
		size_t len = strcspn(at, " ]\n");
		struct preset *preset = preset_named(at, len);
		uint8_t n = section->policy.scopes[NG_SCOPE_SANDBOX].n++;
		section->policy.scopes[NG_SCOPE_SANDBOX].sources[n] = preset->ruleset;
		section->only = n == 0 ? preset : NULL;
		section->denies = strncmp(preset->name, "deny-", 5) == 0;
		at += len + strspn(at + len, " ");
	}
}

static bool port_is_open(const struct section *section, const struct ng_name *name,
			 uint16_t port)
{
	struct ng_subject subject = {.names = name, .n_names = 1};
	struct ng_bounds bounds;
	ng_policy_bounds(&section->policy, &subject, &bounds);
	for (size_t i = 0; i < bounds.n_ports; i++) {
		if (bounds.ports[i].proto == 6 && bounds.ports[i].port == port)
			return true;
	}
	return bounds.n_ports == 0;
}

/* What the engine says of "name" or "name:port": allow, deny, or pass when no rule speaks. */
static const char *judged(const struct section *section, const char *word, size_t len)
{
	struct ng_name name;
	struct ng_decision decision;
	const char *colon = memchr(word, ':', len);
	size_t end = colon != NULL ? (size_t)(colon - word) : len;
	assert_int_equal(ng_name_from_text(word, end, &name), NG_OK);
	ng_name_lower(&name);
	ng_policy_decide(&section->policy, &name, &decision);
	if (section->denies)
		return decision.matched && decision.verdict == NG_DENY ? "deny" : "pass";
	if (decision.verdict != NG_ALLOW)
		return "deny";
	if (colon != NULL && !port_is_open(section, &name, (uint16_t)atoi(colon + 1)))
		return "deny";
	return "allow";
}

/* "allow NAME ...": counts the words and judges each. */
static void judge_line(struct section *section, const char *line, size_t len,
		       struct findings *findings)
{
	size_t verb = strcspn(line, " \n");
	for (size_t at = verb; at < len;) {
		at += strspn(line + at, " ");
		size_t n = strcspn(line + at, " \n");
		if (at >= len || n == 0)
			return;
		const char *verdict = judged(section, line + at, n);
		bool same = strlen(verdict) == verb && memcmp(verdict, line, verb) == 0;
		if (!same)
			found(findings, "%s: wanted %.*s %.*s, judged %s",
			      section->only != NULL ? section->only->name : "together",
			      (int)verb, line, (int)n, line + at, verdict);
		section->judged[line[0] == 'd']++;
		at += n;
	}
}

static void section_end(struct section *section, struct findings *findings)
{
	struct preset *preset = section->only;
	if (preset == NULL)
		return;
	size_t rules = ng_ruleset_count(preset->ruleset);
	size_t wanted = rules < 5 ? rules : 5;
	if (section->judged[0] < (section->denies ? 5 : wanted) ||
	    section->judged[1] < (section->denies ? wanted : 5))
		found(findings, "%s: too few names to judge it by", preset->name);
	preset->judged = true;
}

static void table_judge(const char *table, struct findings *findings)
{
	struct section section = {0};
	for (const char *line = table; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		if (line[0] == '[') {
			section_end(&section, findings);
			section_begin(&section, line);
		} else if (line[0] != '#' && len > 0) {
			judge_line(&section, line, len, findings);
		}
		line += len + (line[len] == '\n');
	}
	section_end(&section, findings);
}

static void names_are_judged_as_the_table_says(void **state)
{
	(void)state;
	struct findings findings = {0};
	for (size_t i = 0; i < world.n; i++)
		world.presets[i].judged = false; /* plants count for nothing */
	table_judge(world.table, &findings);
	for (size_t i = 0; i < world.n; i++) {
		if (!world.presets[i].judged)
			found(&findings, "%s: not in the table", world.presets[i].name);
	}
	findings_none("the table", &findings);
}

/* ---- the suffixes, and what else lists the presets ---- */

static void shared_suffixes_are_many_and_named_once(void **state)
{
	(void)state;
	assert_true(world.shared.n >= 60);
	assert_int_equal(world.shared.unnamed, 0);
	for (size_t i = 0; i < world.shared.n; i++) {
		for (size_t j = 0; j < i; j++)
			assert_false(
				ng_name_equal(&world.shared.names[i], &world.shared.names[j]));
	}
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static void nothing_is_listed_that_does_not_ship(void **state)
{
	(void)state;
	assert_int_equal(count(world.readme, "\n| `"), world.n);
	assert_int_equal(count(world.page, "\n.It Cm "), world.n);
}

/* ---- the checks find what is planted ---- */

#define HEAD                                                                                   \
	"# Purpose: x\n# Permits: x\n# Withholds: x\n# Source: x\n# Left out: x\n"             \
	"# Date: 2026-01-02\n"

static const struct plant {
	void (*check)(const char *text, struct findings *findings);
	const char *text, *finding;
} plants[] = {
	{check_head, HEAD, ""},
	{check_head, "a.example\n", "the first line is not its purpose"},
	{check_head, "# Purpose: x\n# Source: \n", "the head does not say: Source"},
	{check_head, "# Purpose: x\n# Date: 2026-1-2\n", "the date is not YYYY-MM-DD"},
	{check_repeats, "a.example\nb.a.example\n!a.example\n", ""},
	{check_repeats, "a.example\n\nA.Example.\n", "line 3 says again what line 1 says"},
	{check_repeats, "b.a.example:443\n*.a.example\n", ""},
	{check_repeats, "b.a.example\n*.a.example\n", "line 1 says again what line 2"},
	{check_repeats, "!a.example\n!.a.example\n", "line 1 says again what line 2 says"},
	{check_width, "*.example.com\n!*.com\nb.s3.amazonaws.com\n", ""},
	{check_width, "*.co.uk\n", "a wildcard on the public suffix co.uk"},
	{check_width, ".blob.core.windows.net\n", "shared hosting, blob.core.windows.net"},
	{check_width, "# x\n*.herokudns.com\n", "line 2: a wildcard over shared hosting"},
	{check_width, "*.googleapis.com\n", "shared hosting, storage.googleapis.com"},
	{check_width, "storage.googleapis.com\n", "line 1: a shared host without a reason"},
	{check_width, "storage.googleapis.com # why\n", ""},
	{table_judge, "[mistral]\nallow mistral.ai\n", "wanted allow mistral.ai, judged deny"},
	{table_judge, "[mistral]\ndeny api.mistral.ai\n", "api.mistral.ai, judged allow"},
	{table_judge, "[apt]\nallow deb.debian.org:22\n", "deb.debian.org:22, judged deny"},
	{table_judge, "[deny-telemetry]\ndeny a.example\n", "deny a.example, judged pass"},
	{table_judge, "[mistral]\nallow api.mistral.ai\n", "mistral: too few names"},
};

static void checks_find_what_is_planted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plants); i++) {
		struct findings findings = {0};
		plants[i].check(plants[i].text, &findings);
		bool clean = plants[i].finding[0] == '\0';
		if (clean ? findings.n > 0 : strstr(findings.text, plants[i].finding) == NULL)
			fail_msg("plant %zu: wanted \"%s\", found \"%s\"", i, plants[i].finding,
				 findings.text);
	}
}

/* ---- what all of them look at ---- */

static void world_load(void)
{
	char pattern[512];
	glob_t files;
	snprintf(pattern, sizeof(pattern), "%s/zones/*.list", top());
	if (glob(pattern, 0, NULL, &files) != 0)
		abort();
	for (; world.n < files.gl_pathc && world.n < PRESETS_MAX; world.n++)
		preset_load(&world.presets[world.n], files.gl_pathv[world.n]);
	globfree(&files);
	world.table = file_text("tests/unit/presets.table");
	world.readme = file_text("zones/README.md");
	world.page = file_text("man/namegate-presets.7");
	suffixes_load(&world.shared);
}

static void world_finish(void)
{
	for (size_t i = 0; i < world.n; i++)
		preset_finish(&world.presets[i]);
	free(world.table);
	free(world.readme);
	free(world.page);
}

int main(void)
{
	static struct CMUnitTest tests[PRESETS_MAX + 5] = {
		cmocka_unit_test(checks_find_what_is_planted),
		cmocka_unit_test(names_are_judged_as_the_table_says),
		cmocka_unit_test(shared_suffixes_are_many_and_named_once),
		cmocka_unit_test(nothing_is_listed_that_does_not_ship),
		cmocka_unit_test(templates_compile_when_filled_in),
	};
	world_load();
	for (size_t i = 0; i < world.n; i++)
		tests[5 + i] = (struct CMUnitTest){world.presets[i].name, is_sound, NULL, NULL,
						   &world.presets[i]};
	int failed = _cmocka_run_group_tests("presets", tests, 5 + world.n, NULL, NULL);
	world_finish();
	return failed;
}
