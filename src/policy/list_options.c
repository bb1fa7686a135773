/*
 * What follows an entry on its line: words of the form KEY=VALUE. A table has them; a key or value
 * that it does not know is refused at its own column, since an option that is passed over in
 * silence opens more than was written.
 */
#include "config.h"

#include "policy/list_entry.h"

#include <namegate/message.h>
#include <stdio.h>
#include <string.h>

#define DAY_S 86400u

/* One item of a value that is a list, as text with its NUL; false at the end or when it is too long. */
static bool next_item(const char **value, char *out, size_t room)
{
	size_t n = strcspn(*value, ",");
	if (**value == '\0' || n >= room)
		return false;
	memcpy(out, *value, n);
	out[n] = '\0';
	*value += n + ((*value)[n] == ',' && (*value)[n + 1] != '\0');
	return true;
}

/* NULL, or what is wrong; a reader eats the whole value. */
typedef const char *option_reader(struct entry *entry, const char *value);

bool entry_type_fits(uint16_t type)
{
	static const uint16_t never[] = {
		0, NG_TYPE_OPT, 249, 250, NG_TYPE_IXFR, NG_TYPE_AXFR, 253, 254, NG_TYPE_ANY};
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (never[i] == type)
			return false;
	}
	return true;
}

static const char *read_types(struct entry *entry, const char *value)
{
	struct ng_bounds *bounds = &entry->bounds;
	char text[24];
	while (next_item(&value, text, sizeof(text))) {
		uint16_t type;
		bool known = false;
		if (ng_type_parse(text, &type) != NG_OK || !entry_type_fits(type))
			return "has a query type that nobody can ask for by a rule";
		for (uint8_t i = 0; i < bounds->n_types; i++)
			known |= bounds->types[i] == type;
		if (!known && bounds->n_types == NG_TYPES_MAX)
			return "has more types than a rule may name";
		if (!known)
			bounds->types[bounds->n_types++] = type;
		if (*value == '\0')
			return NULL;
	}
	return "is no list of query types";
}

static const char *read_lease(struct entry *entry, const char *value)
{
	static const char units[] = "smhd";
	static const uint32_t seconds[] = {1, 60, 3600, DAY_S};
	uint64_t n = 0;
	const char *at = value;
	for (; *at >= '0' && *at <= '9' && n <= NG_LEASE_CEILING_S; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	if (at == value)
		return "is no duration";
	const char *unit = *at != '\0' ? strchr(units, *at) : units;
	if (unit == NULL || (*at != '\0' && at[1] != '\0'))
		return "is no duration";
	n *= seconds[unit - units];
	if (n == 0 || n > NG_LEASE_CEILING_S)
		return "is not from 1s to 1d";
	entry->bounds.lease_max_s = (uint32_t)n;
	return NULL;
}

static bool prefix_known(const struct ng_bounds *bounds, const struct ng_prefix *prefix)
{
	for (uint8_t i = 0; i < bounds->n_opened; i++) {
		if (bounds->opened[i].bits == prefix->bits &&
		    ng_addr_equal(&bounds->opened[i].addr, &prefix->addr))
			return true;
	}
	return false;
}

static const char *read_private(struct entry *entry, const char *value)
{
	struct ng_bounds *bounds = &entry->bounds;
	char text[NG_PREFIX_TEXT];
	while (next_item(&value, text, sizeof(text))) {
		struct ng_prefix prefix;
		if (ng_prefix_parse(text, &prefix) != NG_OK)
			return "has something that is no prefix, or bits beyond its length";
		if (ng_addr_reach(&prefix.addr) == NG_REACH_NEVER)
			return "begins with addresses that no setting opens";
		if (!prefix_known(bounds, &prefix) && bounds->n_opened == NG_RULE_PRIVATE_MAX)
			return "has more prefixes than a rule may open";
		if (!prefix_known(bounds, &prefix))
			bounds->opened[bounds->n_opened++] = prefix;
		if (*value == '\0')
			return NULL;
	}
	return "is no list of prefixes";
}

static const char *read_cname(struct entry *entry, const char *value)
{
	entry->bounds.strict = strcmp(value, "strict") == 0;
	return entry->bounds.strict || strcmp(value, "follow") == 0 ? NULL
								    : "is no such choice";
}

/* Days since 1970 of a date of the Gregorian calendar. */
static uint64_t day_of(unsigned year, unsigned month, unsigned day)
{
	static const uint16_t before[] = {0,   31,  59,  90,  120, 151,
					  181, 212, 243, 273, 304, 334};
	unsigned last = year - 1, leaps = last / 4 - last / 100 + last / 400;
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return (uint64_t)365 * (year - 1970) + leaps - 477 + before[month - 1] + day - 1 +
	       (leap && month > 2);
}

static bool date_exists(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (leap && month == 2 ? 1u : 0u);
}

/* The digits of one part of a date. */
static unsigned digits(const char *at, size_t n)
{
	unsigned value = 0;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (unsigned)(at[i] - '0');
	return value;
}

/* Has value the shape of pattern, in which 0 stands for any digit? */
static bool shaped(const char *value, const char *pattern)
{
	for (; *pattern != '\0'; value++, pattern++) {
		bool digit = *value >= '0' && *value <= '9';
		if (*pattern == '0' ? !digit : *value != *pattern)
			return false;
	}
	return *value == '\0';
}

/* A day holds to its end, a time of RFC 3339 in UTC (seconds may be left out) to that moment. */
static const char *read_until(struct entry *entry, const char *value)
{
	bool second = shaped(value, "0000-00-00T00:00:00Z");
	bool minute = second || shaped(value, "0000-00-00T00:00Z");
	if (!minute && !shaped(value, "0000-00-00"))
		return "is neither a date nor a time in UTC";
	unsigned year = digits(value, 4), month = digits(value + 5, 2),
		 day = digits(value + 8, 2);
	if (!date_exists(year, month, day))
		return "is a day that there is not";
	uint64_t day_s = day_of(year, month, day) * DAY_S;
	if (!minute) {
		entry->until_s = day_s + DAY_S;
		return NULL;
	}
	unsigned hours = digits(value + 11, 2), minutes = digits(value + 14, 2),
		 seconds = second ? digits(value + 17, 2) : 0;
	if (hours > 23 || minutes > 59 || seconds > 59)
		return "is a time that there is not";
	entry->until_s = day_s + hours * 3600 + minutes * 60 + seconds;
	return entry->until_s != 0 ? NULL : "is a time that there is not";
}

static const struct {
	const char *key;
	enum entry_option option;
	option_reader *read;
	const char *advice;
} options[] = {
	{"types", OPTION_TYPES, read_types, "write types=A,AAAA,HTTPS, 8 types at most"},
	{"lease-max", OPTION_LEASE, read_lease, "write lease-max=5m, with s, m, h or d"},
	{"private", OPTION_PRIVATE, read_private,
	 "write private=10.0.0.0/8,fd00::/8, 4 prefixes at most"},
	{"cname", OPTION_CNAME, read_cname, "write cname=strict or cname=follow"},
	{"until", OPTION_UNTIL, read_until,
	 "write until=2026-12-31, the last day it holds, or until=2026-12-31T18:00Z"},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static void refuse(struct ng_diags *diags, const struct ng_place *place, const char *word,
		   const char *code, const char *suggestion, const char *reason)
{
	char text[LIST_SHOWN];
	ng_diag_add(diags, NG_ERROR, place, code, suggestion, "%s %s",
		    entry_shown(word, strlen(word), text), reason);
}

/* One word, with its NUL. */
static bool read_word(struct entry *entry, const char *word, const struct ng_place *place,
		      struct ng_diags *diags)
{
	const char *equals = strchr(word, '=');
	if (equals == NULL) {
		refuse(diags, place, word, "list-words",
		       "write one name a line, and comments after #",
		       "follows another word on its line");
		return false;
	}
	for (size_t i = 0; i < OPTIONS; i++) {
		size_t n = strlen(options[i].key);
		if (n != (size_t)(equals - word) || strncmp(word, options[i].key, n) != 0)
			continue;
		const char *wrong = (entry->options & options[i].option) != 0
					    ? "is the second of its kind"
					    : options[i].read(entry, equals + 1);
		entry->options |= options[i].option;
		if (wrong != NULL)
			refuse(diags, place, word, "list-option", options[i].advice, wrong);
		return wrong == NULL;
	}
	refuse(diags, place, word, "list-option",
	       "options are types, lease-max, private, cname and until",
	       "is an option that does not exist");
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool entry_options(struct entry *entry, const char *words, size_t len, uint32_t column,
		   struct ng_diags *diags)
{
	struct ng_place place = entry->place;
	char word[512];
	for (size_t at = 0; at < len;) {
		size_t n = 0;
		while (at + n < len && !is_blank(words[at + n]))
			n++;
		place.column = column + (uint32_t)at;
		size_t kept = n < sizeof(word) ? n : sizeof(word) - 1;
		memcpy(word, words + at, kept);
		word[kept] = '\0';
		if (strlen(word) != n) {
			refuse(diags, &place, word, "list-option", "write a shorter one",
			       "is too long, or has a NUL octet");
			return false;
		}
		if (n > 0 && !read_word(entry, word, &place, diags))
			return false;
		at += n + 1;
	}
	return true;
}
