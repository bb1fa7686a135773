/*
 * What names look like: whose they are, and in which letters they are written.
 *
 * Below a public suffix (com, co.uk) anybody registers names; below a hosting suffix (github.io)
 * every customer has one. libpsl has both kinds built in, the second kind is completed by a list
 * of ours. Letters: names arrive in punycode (RFC 3492). A label that mixes Latin with Cyrillic or
 * Greek has no honest use; a label wholly of the others is honest, unless all of its letters have
 * Latin twins and the name that these spell stands in the same source.
 */
#include "config.h"

#include "policy/idn.h"
#include "policy/lint_inside.h"

#include <idn2.h>
#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

/* ---- suffixes ---- */

struct ng_lint_hosting {
	struct hosting_entry {
		struct ng_name name;
		struct lint_key key;
		uint8_t octets[LINT_KEY_MAX];
	} * entries;
	size_t n, room;
};

static int hosting_order(const void *left, const void *right)
{
	const struct hosting_entry *a = left, *b = right;
	return lint_key_order(a->key, b->key);
}

static int hosting_add(struct ng_lint_hosting *hosting, const char *text, size_t len)
{
	struct ng_name name;
	int code = ng_name_from_text(text, len, &name);
	if (code != NG_OK)
		return NG_E_FORMAT;
	if (hosting->n == hosting->room) {
		size_t room = hosting->room > 0 ? 2 * hosting->room : 64;
		struct hosting_entry *grown =
			realloc(hosting->entries, room * sizeof(*hosting->entries));
		if (grown == NULL)
			return NG_E_NOMEM;
		hosting->entries = grown;
		hosting->room = room;
	}
	ng_name_lower(&name);
	hosting->entries[hosting->n++].name = name;
	return NG_OK;
}

/* The blocks have their final place only now, and keys point into them. */
static void hosting_sort(struct ng_lint_hosting *hosting)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < hosting->n; i++) {
			struct hosting_entry *entry = &hosting->entries[i];
			entry->key = lint_key_of(&entry->name, entry->octets);
		}
		if (pass == 0 && hosting->n > 0)
			qsort(hosting->entries, hosting->n, sizeof(*hosting->entries),
			      hosting_order);
	}
}

int ng_lint_hosting_create(const char *text, size_t len, struct ng_lint_hosting **out)
{
	struct ng_lint_hosting *hosting = calloc(1, sizeof(*hosting));
	int code = hosting != NULL ? NG_OK : NG_E_NOMEM;
	for (size_t at = 0; at < len && code == NG_OK;) {
		const char *line = text + at, *end = memchr(line, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - line) : len - at, word = 0;
		while (word < n && strchr(" \t\r#", line[word]) == NULL)
			word++;
		if (word > 0)
			code = hosting_add(hosting, line, word);
		at += n + 1;
	}
	if (code != NG_OK) {
		ng_lint_hosting_destroy(hosting);
		return code;
	}
	hosting_sort(hosting);
	*out = hosting;
	return NG_OK;
}

void ng_lint_hosting_destroy(struct ng_lint_hosting *hosting)
{
	if (hosting == NULL)
		return;
	free(hosting->entries);
	free(hosting);
}

bool lint_hosting_find(const struct ng_lint_hosting *hosting, const struct ng_name *name,
		       struct ng_name *out)
{
	uint8_t octets[LINT_KEY_MAX];
	struct lint_key key = lint_key_of(name, octets);
	size_t low = 0, high = hosting != NULL ? hosting->n : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lint_key_order(hosting->entries[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (hosting == NULL || low == hosting->n ||
	    !lint_key_within(hosting->entries[low].key, key))
		return false;
	*out = hosting->entries[low].name;
	return true;
}

static void tell_hosting(const struct lint_rule *rule, const struct ng_name *suffix,
			 struct lint_report *report)
{
	char text[NG_NAME_TEXT_MAX], host[NG_NAME_TEXT_MAX];
	struct ng_place place = lint_rule_place(rule);
	struct ng_name name = lint_rule_name(rule);
	if (!lint_report_wants(report, NG_LINT_SHARED_HOSTING, &place))
		return;
	ng_name_to_text(&name, text);
	ng_name_to_text(suffix, host);
	if (ng_name_equal(&name, suffix))
		ng_lint_tell(NG_LINT_SHARED_HOSTING, &place, report->diags,
			     "name the account, bucket or site that is needed",
			     "*.%s allows what any customer of that provider puts there", text);
	else
		ng_lint_tell(NG_LINT_SHARED_HOSTING, &place, report->diags,
			     "name the account, bucket or site that is needed",
			     "*.%s takes in %s, where any customer of that provider has a name",
			     text, host);
}

bool lint_suffix(const struct lint_rule *rule, const struct ng_lint_hosting *hosting,
		 struct lint_report *report)
{
	char text[NG_NAME_TEXT_MAX];
	struct ng_place place = lint_rule_place(rule);
	struct ng_name name = lint_rule_name(rule), suffix;
	const psl_ctx_t *psl = psl_builtin();
	bool allows = rule->action == NG_ACTION_PASSTHRU || rule->action == NG_ACTION_TCP_ONLY;
	if (!rule->wildcard || !allows || name.len <= 1)
		return false;
	ng_name_to_text(&name, text);
	if (psl != NULL &&
	    psl_is_public_suffix2(psl, text, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE)) {
		if (lint_report_wants(report, NG_LINT_PUBLIC_SUFFIX, &place))
			ng_lint_tell(NG_LINT_PUBLIC_SUFFIX, &place, report->diags,
				     "name the domains that are needed",
				     "*.%s allows every domain that anybody registers there",
				     text);
	} else if (psl != NULL &&
		   psl_is_public_suffix2(psl, text, PSL_TYPE_PRIVATE | PSL_TYPE_NO_STAR_RULE)) {
		tell_hosting(rule, &name, report);
	} else if (lint_hosting_find(hosting, &name, &suffix)) {
		tell_hosting(rule, &suffix, report);
	} else {
		return false;
	}
	return true;
}

/* ---- letters ---- */

/* Lower-case letters that no font tells from Latin ones, or hardly (Unicode TR 39, confusables). */
static const struct {
	uint32_t letter;
	char twin;
} twins[] = {
	{0x430, 'a'}, {0x435, 'e'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x443, 'y'},
	{0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}, {0x43a, 'k'}, {0x4bb, 'h'},
	{0x501, 'd'}, {0x51b, 'q'}, {0x51d, 'w'}, {0x475, 'v'}, {0x4cf, 'l'}, {0x433, 'r'},
	{0x43f, 'n'}, {0x442, 't'}, {0x43c, 'm'}, {0x432, 'b'}, {0x3b1, 'a'}, {0x3bf, 'o'},
	{0x3bd, 'v'}, {0x3c1, 'p'}, {0x3c5, 'u'}, {0x3b9, 'i'}, {0x3ba, 'k'}, {0x3c7, 'x'},
	{0x3b3, 'y'}, {0x3c9, 'w'}, {0x3f2, 'c'}, {0x3f3, 'j'}, {0x3c4, 't'}, {0x3b7, 'n'},
	{0x261, 'g'}, {0x131, 'i'}, {0x251, 'a'},
};

/* The ASCII letter that a letter looks like; 0 when there is none. */
static uint8_t twin_of(uint32_t letter)
{
	if (letter < 0x80)
		return (uint8_t)letter;
	for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
		if (twins[i].letter == letter)
			return (uint8_t)twins[i].twin;
	}
	return 0;
}

struct letters {
	bool foreign;        /* some label is in punycode */
	struct ng_name twin; /* what the name looks like; len 0: like nothing in ASCII */
	bool nomem;
};

static void twin_label(struct letters *letters, const uint32_t *label, size_t n)
{
	struct ng_name *twin = &letters->twin;
	if (twin->len == 0 || n > NG_LABEL_MAX || twin->len + n + 1 > NG_NAME_MAX) {
		twin->len = 0;
		return;
	}
	uint8_t *at = twin->wire + twin->len - 1;
	*at = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		at[1 + i] = twin_of(label[i]);
		if (at[1 + i] == 0) {
			twin->len = 0;
			return;
		}
	}
	at[1 + n] = 0;
	twin->len = (uint8_t)(twin->len + n + 1);
}

static void read_label(struct letters *letters, const uint8_t *label)
{
	char text[NG_LABEL_MAX + 1];
	uint32_t plain[NG_LABEL_MAX], *decoded;
	size_t n = label[0];
	memcpy(text, label + 1, n);
	text[n] = '\0';
	if (n > 4 && memcmp(text, "xn--", 4) == 0) {
		int code = idn2_to_unicode_8z4z(text, &decoded, 0);
		letters->foreign = true;
		letters->nomem |= code == IDN2_MALLOC;
		if (code == IDN2_OK) {
			for (n = 0; decoded[n] != 0;)
				n++;
			twin_label(letters, decoded, n);
			idn2_free(decoded);
		} else {
			letters->twin.len = 0;
		}
		return;
	}
	for (size_t i = 0; i < n; i++)
		plain[i] = label[1 + i];
	twin_label(letters, plain, n);
}

/* The rule of the same source whose owner is the name, or whose wildcard takes it in. */
static bool has_twin(const struct ng_lint_table *table, const struct ng_name *twin,
		     struct ng_match *out)
{
	return ng_ruleset_match(table->ruleset, twin, out) || lint_cover(table, twin, out);
}

static void tell_twin(const struct lint_rule *rule, const struct ng_name *twin,
		      const struct ng_match *match, struct lint_report *report)
{
	char text[LINT_OWNER_MAX], other[NG_NAME_TEXT_MAX];
	struct ng_name name = lint_rule_name(rule);
	struct ng_place place = lint_rule_place(rule);
	if (!lint_report_wants(report, NG_LINT_LOOK_ALIKE, &place))
		return;
	ng_lint_tell(NG_LINT_LOOK_ALIKE, &place, report->diags,
		     "compare it with the service's own documents, and keep the right one",
		     "%s looks like %s, of which %s:%u speaks",
		     lint_owner_text(&name, rule->wildcard, text), ng_name_to_text(twin, other),
		     match->path, match->line);
}

/* The reader of host lists says it too, and then once is enough. */
static bool told_by_reader(const struct ng_diags *diags, const struct ng_place *place)
{
	for (size_t i = 0; i < diags->n; i++) {
		const struct ng_diag *diag = &diags->items[i];
		if (diag->line == place->line && diag->column == place->column &&
		    strcmp(diag->code, "list-mixed-script") == 0 &&
		    strcmp(diag->path, place->path) == 0)
			return true;
	}
	return false;
}

int lint_scripts(const struct ng_lint_table *table, const struct lint_rule *rule,
		 struct lint_report *report)
{
	char text[NG_NAME_TEXT_MAX];
	struct ng_name name = lint_rule_name(rule);
	struct ng_place place = lint_rule_place(rule);
	struct ng_match match;
	struct letters letters = {.twin = {.len = 1}};
	if (memmem(name.wire, name.len, "xn--", 4) == NULL)
		return NG_OK;
	for (const uint8_t *label = name.wire; *label != 0; label += 1 + *label)
		read_label(&letters, label);
	if (idn_is_mixed(ng_name_to_text(&name, text)) &&
	    !told_by_reader(report->diags, &place) &&
	    lint_report_wants(report, NG_LINT_MIXED_SCRIPT, &place))
		ng_lint_tell(NG_LINT_MIXED_SCRIPT, &place, report->diags,
			     "compare it with the name that was meant",
			     "a label of %s mixes letters of several scripts", text);
	if (letters.foreign && letters.twin.len > 1 && has_twin(table, &letters.twin, &match))
		tell_twin(rule, &letters.twin, &match, report);
	return letters.nomem ? NG_E_NOMEM : NG_OK;
}
