/*
 * A host list has one entry a line: `name` is that name alone, `*.name` all names below it at any
 * depth, `.name` both; `!` before any of them denies. `#` begins a comment, at the start of a line
 * or after a blank.
 *
 * Lists in the wild hold more than a name policy can say. Guessing what an entry meant would open
 * more, or less, than its author wrote; so an entry is taken with its exact meaning or refused
 * with its place, and the refusals below name what they saw. They are a table, asked in order: the
 * first that recognises an entry speaks.
 */
#include "config.h"

#include "policy/list.h"

#include <namegate/addr.h>
#include <stdio.h>
#include <string.h>

#define SHOWN  80 /* octets of an entry that a message repeats */
#define ADVICE 160

struct entry {
	const char *text; /* without "!" */
	size_t len;
	bool deny;
	struct ng_place place;
};

/* A copy fit for a terminal, cut where it gets long. */
static const char *shown(const char *text, size_t len, char buf[static SHOWN])
{
	size_t n = len < SHOWN - 4 ? len : SHOWN - 4;
	for (size_t i = 0; i < n; i++)
		buf[i] = text[i] > ' ' && text[i] < 0x7f ? text[i] : '?';
	strcpy(buf + n, n < len ? "..." : "");
	return buf;
}

static bool holds(const struct entry *entry, const char *set)
{
	for (size_t i = 0; i < entry->len; i++) {
		if (entry->text[i] != '\0' && strchr(set, entry->text[i]) != NULL)
			return true;
	}
	return false;
}

/* The host part of an entry that is too long by something: without scheme, port and path. */
static struct entry host_of(const struct entry *entry)
{
	struct entry host = *entry;
	const char *scheme = memmem(host.text, host.len, "://", 3);
	if (scheme != NULL) {
		host.len -= (size_t)(scheme + 3 - host.text);
		host.text = scheme + 3;
	}
	size_t n = 0;
	while (n < host.len && strchr("/:?#", host.text[n]) == NULL)
		n++;
	host.len = n;
	return host;
}

static const char *advise_host(const struct entry *entry, char buf[static ADVICE])
{
	char text[SHOWN];
	struct entry host = host_of(entry);
	if (host.len == 0)
		return "write the host name alone";
	snprintf(buf, ADVICE, "to name the whole host, write %s",
		 shown(host.text, host.len, text));
	return buf;
}

/* ---- what is recognised, and refused ---- */

static bool is_unicode(const struct entry *entry)
{
	for (size_t i = 0; i < entry->len; i++) {
		if ((unsigned char)entry->text[i] > 0x7f)
			return true;
	}
	return false;
}

static bool is_url(const struct entry *entry)
{
	return memmem(entry->text, entry->len, "://", 3) != NULL;
}

/* An address: bare, in brackets, with a port, or with a prefix length. */
static bool is_address(const struct entry *entry)
{
	char text[NG_PREFIX_TEXT + 8];
	struct ng_prefix prefix;
	struct ng_addr addr;
	if (entry->len >= sizeof(text))
		return false;
	memcpy(text, entry->text, entry->len);
	text[entry->len] = '\0';
	if (text[0] == '[' && strchr(text, ':') != NULL)
		return true;
	if (ng_prefix_parse(text, &prefix) != NG_E_FORMAT)
		return true;
	char *colon = strchr(text, ':');
	if (colon == NULL || strchr(colon + 1, ':') != NULL)
		return false;
	*colon = '\0';
	return ng_addr_parse(text, &addr) == NG_OK;
}

static bool is_path(const struct entry *entry)
{
	return holds(entry, "/?");
}

static bool is_placeholder(const struct entry *entry)
{
	return holds(entry, "{}<>$%");
}

static bool is_port(const struct entry *entry)
{
	return holds(entry, ":");
}

/* An asterisk anywhere but alone or as the whole first label. */
static bool is_inner_wildcard(const struct entry *entry)
{
	struct entry rest = *entry;
	if (rest.len == 1 && rest.text[0] == '*')
		return false;
	if (rest.len > 2 && memcmp(rest.text, "*.", 2) == 0) {
		rest.text += 2;
		rest.len -= 2;
	}
	return holds(&rest, "*");
}

static bool is_strange(const struct entry *entry)
{
	for (size_t i = 0; i < entry->len; i++) {
		unsigned char c = (unsigned char)entry->text[i];
		bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			    (c >= 'a' && c <= 'z');
		if (!word && strchr("-_.*", c) == NULL)
			return true;
		if (c == '\0')
			return true;
	}
	return false;
}

/* No top-level name is a number: "10.1" and "0x7f.1" are ways to write an address. */
static bool is_numeric(const struct entry *entry)
{
	size_t end = entry->len;
	if (end > 0 && entry->text[end - 1] == '.')
		end--;
	size_t at = end;
	while (at > 0 && entry->text[at - 1] >= '0' && entry->text[at - 1] <= '9')
		at--;
	return at < end && (at == 0 || entry->text[at - 1] == '.');
}

static const char *advise_wildcard(const struct entry *entry, char buf[static ADVICE])
{
	char text[SHOWN];
	const char *dot = memchr(entry->text, '.', entry->len);
	struct entry rest = *entry;
	if (dot != NULL) {
		rest.len -= (size_t)(dot + 1 - entry->text);
		rest.text = dot + 1;
	}
	if (dot == NULL || rest.len == 0 || holds(&rest, "*"))
		return "list the names one by one";
	snprintf(buf, ADVICE, "list the names one by one, or write *.%s for all below it",
		 shown(rest.text, rest.len, text));
	return buf;
}

struct refusal {
	bool (*recognises)(const struct entry *entry);
	const char *code, *reason; /* reason: what the entry is */
	const char *suggestion;    /* NULL: advise() says it */
	const char *(*advise)(const struct entry *entry, char buf[static ADVICE]);
};

static const struct refusal refusals[] = {
	{is_unicode, "list-unicode", "has characters beyond ASCII",
	 "write its labels in punycode (xn--...), as `idn2 NAME` prints them", NULL},
	{is_url, "list-url", "is a URL; a name policy knows neither schemes nor paths", NULL,
	 advise_host},
	{is_address, "list-address",
	 "is an address; addresses are not supported yet by this version",
	 "write the name that clients look up", NULL},
	{is_path, "list-path", "has a path; a name policy sees the host name only", NULL,
	 advise_host},
	{is_placeholder, "list-placeholder", "holds a placeholder",
	 "put the name that is meant in its place", NULL},
	{is_port, "list-port", "has a port; ports are not supported yet by this version", NULL,
	 advise_host},
	{is_inner_wildcard, "list-wildcard",
	 "has an asterisk that is not the whole first label", NULL, advise_wildcard},
	{is_strange, "list-character", "has a character that no host name has",
	 "write letters, digits, hyphens, underscores and dots", NULL},
	{is_numeric, "list-address",
	 "ends in a number, as addresses do; addresses are not supported yet by this version",
	 "write the name that clients look up", NULL},
};

static bool refuse(struct builder *builder, const struct entry *entry)
{
	char text[SHOWN], advice[ADVICE];
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *refusal = &refusals[i];
		if (!refusal->recognises(entry))
			continue;
		ng_diag_add(builder->diags, NG_ERROR, &entry->place, refusal->code,
			    refusal->advise != NULL ? refusal->advise(entry, advice)
						    : refusal->suggestion,
			    "%s %s", shown(entry->text, entry->len, text), refusal->reason);
		return true;
	}
	return false;
}

/* ---- what is taken ---- */

static bool all_capitals(const char *label, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (label[i] < 'A' || label[i] > 'Z')
			return false;
	}
	return n > 2;
}

/* SUBDOMAIN.example.com is a name like any other, but most likely not the one that was meant. */
static void warn_capitals(struct builder *builder, const struct entry *entry)
{
	char text[SHOWN];
	size_t at = 0;
	bool small = false, capital = false;
	while (at < entry->len) {
		const char *dot = memchr(entry->text + at, '.', entry->len - at);
		size_t n = dot != NULL ? (size_t)(dot - entry->text) - at : entry->len - at;
		bool is_capital = all_capitals(entry->text + at, n);
		capital |= is_capital;
		small |= !is_capital && n > 1;
		at += n + 1;
	}
	if (small && capital) {
		ng_diag_add(builder->diags, NG_WARNING, &entry->place, "list-capitals",
			    "put the name that is meant in its place",
			    "%s looks like it holds a placeholder; it is taken as written",
			    shown(entry->text, entry->len, text));
	}
}

static void take_everything(struct builder *builder, const struct entry *entry)
{
	struct builder_rule rule = {
		.name = {.len = 1},
		.wildcard = true,
		.trigger = NG_TRIGGER_NAME,
		.action = entry->deny ? NG_ACTION_NXDOMAIN : NG_ACTION_PASSTHRU,
		.line = entry->place.line,
		.column = entry->place.column,
	};
	if (!entry->deny) {
		ng_diag_add(builder->diags, NG_WARNING, &entry->place, "list-everything",
			    "name what is needed", "* permits every name there is");
	}
	builder_add(builder, &rule);
}

static void report_name(struct builder *builder, const struct entry *entry, int code)
{
	char text[SHOWN];
	ng_diag_add(builder->diags, NG_ERROR, &entry->place, "list-name",
		    code == NG_E_RANGE ? "a label has at most 63 octets, a name at most 255"
				       : "write labels with one dot between them",
		    "%s is not a domain name", shown(entry->text, entry->len, text));
}

/* prefix: the octets of an entry that stand before the name itself. */
static void take(struct builder *builder, const struct entry *entry, size_t prefix, bool exact,
		 bool wildcard)
{
	struct builder_rule rule = {
		.trigger = NG_TRIGGER_NAME,
		.action = entry->deny ? NG_ACTION_NXDOMAIN : NG_ACTION_PASSTHRU,
		.line = entry->place.line,
		.column = entry->place.column,
	};
	int code = ng_name_from_text(entry->text + prefix, entry->len - prefix, &rule.name);
	if (code != NG_OK || rule.name.len == 1) {
		report_name(builder, entry, code);
		return;
	}
	warn_capitals(builder, entry);
	ng_name_lower(&rule.name);
	if (exact)
		builder_add(builder, &rule);
	rule.wildcard = true;
	if (wildcard)
		builder_add(builder, &rule);
}

static void read_entry(struct builder *builder, struct entry *entry)
{
	if (entry->len > 0 && entry->text[0] == '!') {
		entry->deny = true;
		entry->text++;
		entry->len--;
	}
	if (refuse(builder, entry))
		return;
	if (entry->len == 1 && entry->text[0] == '*')
		take_everything(builder, entry);
	else if (entry->len > 0 && entry->text[0] == '*')
		take(builder, entry, 2, false, true);
	else if (entry->len > 0 && entry->text[0] == '.')
		take(builder, entry, 1, true, true);
	else
		take(builder, entry, 0, true, false);
}

/* ---- lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The octets of a line before its comment. */
static size_t before_comment(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (line[i] == '#' && (i == 0 || is_blank(line[i - 1])))
			return i;
	}
	return len;
}

static void read_line(struct builder *builder, const char *line, size_t len, uint32_t number)
{
	char text[SHOWN];
	size_t start = 0, end;
	len = before_comment(line, len);
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	while (start < len && is_blank(line[start]))
		start++;
	if (start == len)
		return;
	for (end = start; end < len && !is_blank(line[end]);)
		end++;
	struct entry entry = {
		.text = line + start,
		.len = end - start,
		.place = {builder_path(builder), number, (uint32_t)start + 1},
	};
	if (end == len) {
		read_entry(builder, &entry);
		return;
	}
	while (is_blank(line[end]))
		end++;
	entry.place.column = (uint32_t)end + 1;
	ng_diag_add(builder->diags, NG_ERROR, &entry.place, "list-words",
		    "write one name a line, and comments after #",
		    "%s follows another word on its line", shown(line + end, len - end, text));
}

void list_read(struct builder *builder, const struct ng_source *source)
{
	const char *text = source->text;
	size_t len = source->len;
	struct ng_place start = {source->path, 1, 1};
	size_t errors = builder->diags->errors;
	bool anything = false;
	uint32_t number = 1;
	if (!builder_file(builder, source->path, text, len))
		return;
	for (size_t at = 0; at < len; number++) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - text) - at : len - at;
		size_t skip =
			number == 1 && n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
		for (size_t i = skip; i < n && !anything; i++)
			anything = !is_blank(text[at + i]);
		read_line(builder, text + at + skip, n - skip, number);
		at += n + 1;
	}
	if (!anything) {
		ng_diag_add(builder->diags, NG_ERROR, &start, "source-empty",
			    "put a comment in if nothing is to be permitted",
			    "the source is empty");
	} else if (builder->n == 0 && builder->diags->errors == errors) {
		ng_diag_add(builder->diags, NG_WARNING, &start, "list-no-rule",
			    "add a name, or take the source out",
			    "the list holds no rule, so it permits nothing");
	}
}
