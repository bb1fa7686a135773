/*
 * Lines to words, and words to what they mean. Names are written as in host lists, and read by the
 * same code, so that what is refused there is refused here with the same advice.
 */
#include "config.h"

#include "offline/expect_inside.h"

#include "policy/idn.h"
#include "policy/list_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS_MAX 4096
#define BLANKS    " \t\r"

/* ---- lines ---- */

static void title_take(struct expect *expect, const char *raw)
{
	const char *at = raw + strspn(raw, "# \t");
	if (expect->count.title[0] == '\0' && raw[0] == '#')
		snprintf(expect->count.title, sizeof(expect->count.title), "%s", at);
}

static bool word_add(struct expect *expect, char *begin, size_t len, uint32_t column)
{
	struct line *line = &expect->line;
	char *text = arena_alloc(&expect->words, len + 1);
	if (line->n == WORDS_MAX) {
		expect_stop(expect, &line->words[0], "a line has at most %d words", WORDS_MAX);
		return false;
	}
	if (text == NULL)
		return false;
	memcpy(text, begin, len);
	line->words[line->n++] = (struct word){.text = text, .column = column};
	return true;
}

/* `config = FILE` says what `config FILE` does. */
static void equals_drop(struct expect *expect)
{
	struct line *line = &expect->line;
	char *equals = line->n > 0 ? strchr(line->words[0].text, '=') : NULL;
	if (equals != NULL) {
		uint32_t column =
			line->words[0].column + (uint32_t)(equals - line->words[0].text) + 1;
		*equals = '\0';
		if (equals[1] != '\0' && line->n <= WORDS_MAX) {
			memmove(&line->words[2], &line->words[1],
				(line->n - 1) * sizeof(line->words[0]));
			line->words[1] = (struct word){equals + 1, column};
			line->n++;
		}
	} else if (line->n > 1 && line->words[1].text[0] == '=') {
		line->words[1].text++;
		line->words[1].column++;
		if (line->words[1].text[0] == '\0') {
			line->n--;
			memmove(&line->words[1], &line->words[2],
				(line->n - 1) * sizeof(line->words[0]));
		}
	}
}

static void line_split(struct expect *expect)
{
	struct line *line = &expect->line;
	char *at = line->raw + strspn(line->raw, BLANKS);
	line->words =
		arena_alloc(&expect->words, (strlen(line->raw) / 2 + 4) * sizeof(*line->words));
	while (*at != '\0' && *at != '#' && line->words != NULL) {
		bool quoted = *at == '"';
		char *begin = quoted ? at + 1 : at;
		size_t len = strcspn(begin, quoted ? "\"" : BLANKS);
		if (!word_add(expect, begin, len, (uint32_t)(at - line->raw) + 1))
			return;
		if (quoted && begin[len] == '\0') {
			expect_stop(expect, &line->words[line->n - 1],
				    "the quote is not closed");
			return;
		}
		at = begin + len + (quoted ? 1 : 0);
		at += strspn(at, BLANKS);
	}
	equals_drop(expect);
}

bool expect_line(struct expect *expect, const char *text, size_t len, size_t *at)
{
	if (*at >= len || expect->stopped)
		return false;
	const char *end = memchr(text + *at, '\n', len - *at);
	size_t n = end != NULL ? (size_t)(end - text) - *at : len - *at;
	arena_reset(&expect->words);
	expect->line = (struct line){.number = expect->line.number + 1};
	expect->line.raw = arena_alloc(&expect->words, n + 1);
	if (expect->line.raw == NULL) {
		expect_stop(expect, NULL, "the line is too long");
		return false;
	}
	memcpy(expect->line.raw, text + *at, n);
	if (strlen(expect->line.raw) < n) {
		expect_stop(expect, NULL, "a NUL octet stands in it: it is no text");
		return false;
	}
	*at += n + 1;
	if (n > 0 && expect->line.raw[n - 1] == '\r')
		expect->line.raw[n - 1] = '\0';
	title_take(expect, expect->line.raw);
	line_split(expect);
	if (expect->words.failed)
		expect_stop(expect, NULL, "the line is too long");
	return !expect->stopped;
}

/* ---- targets ---- */

static bool address_read(struct expect *expect, const struct word *word, struct target *out)
{
	int code = ng_prefix_parse(word->text, &out->prefix);
	out->address = code == NG_OK;
	if (code != NG_E_RANGE)
		return out->address;
	expect_stop(expect, word,
		    "%s has a prefix length that is too large, or bits set beyond it; shorten "
		    "the prefix, or clear the bits",
		    word->text);
	return false;
}

/* Says what the reader of host lists said. */
static bool refused(struct expect *expect, const struct word *word,
		    const struct ng_diags *diags)
{
	const struct ng_diag *diag = diags->n > 0 ? &diags->items[0] : NULL;
	if (diag == NULL)
		expect_stop(expect, word, "%s is no name", word->text);
	else
		expect_stop(expect, word, "%s%s%s%s", diag->reason,
			    diag->suggestion != NULL ? " (" : "",
			    diag->suggestion != NULL ? diag->suggestion : "",
			    diag->suggestion != NULL ? ")" : "");
	return false;
}

static bool entry_read(struct entry *entry, struct ng_diags *diags)
{
	return entry_split(entry, diags) && !entry_refused(entry, diags) &&
	       entry_ports(entry, diags);
}

/* The name of the entry, behind what makes it a wildcard. */
static bool name_read(struct expect *expect, const struct word *word, const struct entry *entry,
		      struct target *out)
{
	char ascii[NG_NAME_TEXT_MAX];
	const char *text = entry->text, *wrong;
	size_t len = entry->len;
	bool star = len > 0 && text[0] == '*', dot = len > 1 && text[0] == '.';
	out->exact = !star;
	out->below = star || dot;
	if (len == 1 && star) {
		out->name = (struct ng_name){.len = 1};
		return true;
	}
	text += star ? 2 : dot;
	len -= star ? 2 : dot;
	wrong = idn_to_ascii(text, len, ascii, sizeof(ascii));
	if (wrong == NULL && ng_name_from_text(ascii, strlen(ascii), &out->name) == NG_OK &&
	    out->name.len > 1) {
		ng_name_lower(&out->name);
		return true;
	}
	expect_stop(expect, word, "%s is no domain name%s%s", word->text,
		    wrong != NULL ? ": " : "", wrong != NULL ? wrong : "");
	return false;
}

bool expect_target(struct expect *expect, const struct word *word, struct target *out)
{
	struct entry entry = {.text = word->text, .len = strlen(word->text)};
	struct ng_diags diags;
	*out = (struct target){0};
	if (address_read(expect, word, out) || expect->stopped)
		return !expect->stopped;
	if (word->text[0] == '!' || word->text[0] == '?') {
		expect_stop(expect, word, "%s has a mark; say `deny` or `ask` of the name",
			    word->text);
		return false;
	}
	ng_diags_init(&diags);
	bool good = entry_read(&entry, &diags);
	if (!good)
		refused(expect, word, &diags);
	else if (entry.address)
		expect_stop(expect, word,
			    "%s is an address with ports; write them behind it, as in `reach "
			    "192.0.2.7 tcp/443`",
			    word->text);
	ng_diags_finish(&diags);
	if (expect->stopped || !name_read(expect, word, &entry, out))
		return false;
	out->n_ports = entry.bounds.n_ports;
	memcpy(out->ports, entry.bounds.ports, sizeof(out->ports));
	return true;
}

/* ---- ports, times, rules ---- */

bool expect_is_port(const char *text)
{
	return strncmp(text, "tcp/", 4) == 0 || strncmp(text, "udp/", 4) == 0;
}

bool expect_port(const char *text, struct ng_port *out)
{
	const char *digits = text + 4;
	size_t n = strspn(digits, "0123456789");
	unsigned long number = strtoul(digits, NULL, 10);
	if (n == 0 || n > 5 || digits[n] != '\0' || number == 0 || number > UINT16_MAX)
		return false;
	*out = (struct ng_port){text[0] == 't' ? 6 : 17, (uint16_t)number};
	return true;
}

const char *expect_port_text(struct ng_port port, char buf[static 16])
{
	if (port.proto == 0)
		return "any port";
	snprintf(buf, 16, "%s/%u", port.proto == 17 ? "udp" : "tcp", (unsigned)port.port);
	return buf;
}

bool expect_time(const char *text, uint64_t *us)
{
	static const struct {
		const char *name;
		uint64_t us;
	} units[] = {{"ms", 1000},
		     {"s", 1000000},
		     {"m", 60 * 1000000ull},
		     {"h", 3600 * 1000000ull},
		     {"d", 86400 * 1000000ull}};
	uint64_t sum = 0;
	do {
		size_t n = strspn(text, "0123456789"), unit = 0;
		uint64_t number = strtoull(text, NULL, 10);
		if (n == 0 || n > 8)
			return false;
		text += n;
		while (unit < sizeof(units) / sizeof(units[0]) &&
		       strncmp(text, units[unit].name, strlen(units[unit].name)) != 0)
			unit++;
		if (unit == sizeof(units) / sizeof(units[0]))
			return false;
		sum += number * units[unit].us;
		text += strlen(units[unit].name);
	} while (*text != '\0' && sum < UINT64_MAX / 16);
	*us = sum;
	return *text == '\0';
}

bool expect_clock(const char *text, uint64_t *s)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ",
					    "%Y-%m-%d"};
	size_t digits = strspn(text, "0123456789");
	if (digits > 0 && digits < 12 && text[digits] == '\0') {
		*s = strtoull(text, NULL, 10);
		return *s > 0;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);
		if (end == NULL || *end != '\0')
			continue;
		time_t moment = timegm(&tm);
		*s = (uint64_t)moment;
		return moment > 0;
	}
	return false;
}

const char *expect_rule_text(const struct ng_decision *decision, char *buf, size_t size)
{
	static const char *const scopes[] = {[NG_SCOPE_GLOBAL] = "global",
					     [NG_SCOPE_GROUP] = "group",
					     [NG_SCOPE_SANDBOX] = "sandbox"};
	if (!decision->matched)
		snprintf(buf, size, "no rule names it");
	else
		snprintf(buf, size, "%s:%u:%u, %s scope", decision->match.path,
			 (unsigned)decision->match.line, (unsigned)decision->match.column,
			 scopes[decision->scope]);
	return buf;
}
