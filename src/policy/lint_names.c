/*
 * What names look like: whose they are, and in which letters they are written.
 *
 * Below a public suffix or at a provider of hosting (suffix.h) strangers have names. Letters: names
 * arrive in punycode (RFC 3492). A label that mixes Latin with Cyrillic or
 * Greek has no honest use; a label wholly of the others is honest, unless all of its letters have
 * Latin twins and the name that these spell stands in the same source.
 */
#include "config.h"

#include "policy/idn.h"
#include "policy/lint_inside.h"
#include "policy/suffix.h"

#include <idn2.h>
#include <string.h>

/* ---- suffixes ---- */

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
	struct ng_name name = lint_rule_name(rule), taken;
	bool allows = rule->action == NG_ACTION_PASSTHRU || rule->action == NG_ACTION_TCP_ONLY;
	enum suffix kind = rule->wildcard && allows ? suffix_of_wildcard(&name, hosting, &taken)
						    : SUFFIX_NONE;
	if (kind == SUFFIX_HOSTING)
		tell_hosting(rule, &taken, report);
	if (kind == SUFFIX_PUBLIC && lint_report_wants(report, NG_LINT_PUBLIC_SUFFIX, &place))
		ng_lint_tell(NG_LINT_PUBLIC_SUFFIX, &place, report->diags,
			     "name the domains that are needed",
			     "*.%s allows every domain that anybody registers there",
			     ng_name_to_text(&name, text));
	return kind != SUFFIX_NONE;
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
