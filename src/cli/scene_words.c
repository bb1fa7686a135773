/*
 * Values from words. Each of these names what it wanted when the word is something else; the caller
 * goes on with a zero and finds the scene stopped.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define HEX_MAX 65535u

const struct word *word_peek(const struct reader *reader)
{
	return reader->at < reader->end ? &reader->line->words[reader->at] : NULL;
}

const struct word *word_next(struct reader *reader)
{
	const struct word *word = word_peek(reader);

	if (word)
		reader->at++;
	return word;
}

bool word_accept(struct reader *reader, const char *text)
{
	const struct word *word = word_peek(reader);

	if (!word || word->quoted || strcmp(word->text, text) != 0)
		return false;
	reader->at++;
	return true;
}

uint32_t word_column(const struct reader *reader)
{
	const struct word *last;

	if (word_peek(reader))
		return word_peek(reader)->column;
	if (!reader->line->n)
		return 1;
	last = &reader->line->words[(reader->at ? reader->at : 1) - 1];
	return last->column + (uint32_t)strlen(last->text);
}

static void bad_at(struct reader *reader, uint32_t column, const char *format, va_list list)
{
	char *text = NULL;

	if (vasprintf(&text, format, list) < 0)
		return;
	scene_stop(reader->scene, SCENE_UNUSABLE, reader->line, column, "%s", text);
	free(text);
}

void word_bad(struct reader *reader, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	bad_at(reader, word_column(reader), format, list);
	va_end(list);
}

void words_done(struct reader *reader)
{
	const struct word *word = word_peek(reader);

	if (word)
		word_bad(reader, "`%s` means nothing here; see namegate-scene(5)", word->text);
}

const char *need_word(struct reader *reader, const char *what)
{
	const struct word *word = word_peek(reader);

	if (!word) {
		word_bad(reader, "%s is missing here", what);
		return "";
	}
	reader->at++;
	return word->text;
}

/* The word that was just taken is no good. */
static void taken_bad(struct reader *reader, const char *what)
{
	if (reader->scene->stopped)
		return;
	reader->at--;
	word_bad(reader, "`%s` is not %s", reader->line->words[reader->at].text, what);
}

static const struct {
	const char *text;
	double us;
} units[] = {
	{"us", 1},     {"ms", 1e3},   {"s", 1e6},     {"m", 60e6},
	{"min", 60e6}, {"h", 3600e6}, {"d", 86400e6},
};

static bool time_parse(const char *text, uint64_t *us)
{
	char *rest;
	double value;

	if (!isdigit((unsigned char)text[0]))
		return false;
	value = strtod(text, &rest);
	if (value == 0 && !*rest) {
		*us = 0;
		return true;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].text) != 0 || value * units[i].us > 1e15)
			continue;
		*us = (uint64_t)(value * units[i].us + 0.5);
		return true;
	}
	return false;
}

uint64_t need_time(struct reader *reader)
{
	uint64_t us = 0;

	if (!time_parse(need_word(reader, "a time"), &us))
		taken_bad(reader, "a time, such as 0, 250us, 20ms, 1.5s, 2m, 1h or 1d");
	return us;
}

uint32_t need_number(struct reader *reader, const char *what)
{
	const char *text = need_word(reader, what);
	char *rest;
	unsigned long long value = strtoull(text, &rest, 0);

	if (!isdigit((unsigned char)text[0]) || *rest || value > UINT32_MAX) {
		taken_bad(reader, what);
		return 0;
	}
	return (uint32_t)value;
}

uint32_t need_seconds(struct reader *reader)
{
	const struct word *word = word_peek(reader);
	uint64_t us;

	if (word && strspn(word->text, "0123456789") == strlen(word->text))
		return need_number(reader, "a number of seconds");
	us = need_time(reader);
	if (us % 1000000)
		taken_bad(reader, "a whole number of seconds");
	return (uint32_t)(us / 1000000);
}

struct ng_addr need_addr(struct reader *reader)
{
	struct ng_addr addr = {0};

	if (ng_addr_parse(need_word(reader, "an address"), &addr))
		taken_bad(reader, "an address");
	return addr;
}

struct ng_prefix need_prefix(struct reader *reader)
{
	struct ng_prefix prefix = {0};

	if (ng_prefix_parse(need_word(reader, "an address or a prefix"), &prefix))
		taken_bad(reader, "an address or a prefix");
	return prefix;
}

struct ng_name need_name(struct reader *reader)
{
	const char *text = need_word(reader, "a domain name");
	struct ng_name name = {0};

	if (ng_name_from_text(text, strlen(text), &name))
		taken_bad(reader, "a domain name");
	return name;
}

struct ng_port accept_port(struct reader *reader)
{
	const struct word *word = word_peek(reader);
	struct ng_port port = {0};
	unsigned long number;
	char *rest;

	if (!word || word->quoted ||
	    (strncmp(word->text, "tcp/", 4) != 0 && strncmp(word->text, "udp/", 4) != 0))
		return port;
	reader->at++;
	number = strtoul(word->text + 4, &rest, 10);
	if (!isdigit((unsigned char)word->text[4]) || *rest || !number || number > UINT16_MAX) {
		taken_bad(reader, "a port, such as tcp/443");
		return port;
	}
	port.proto = word->text[0] == 't' ? 6 : 17;
	port.port = (uint16_t)number;
	return port;
}

const char *port_text(struct ng_port port, char buf[static 16])
{
	buf[0] = 0;
	if (port.proto)
		snprintf(buf, 16, " %s/%u", port.proto == 6 ? "tcp" : "udp", port.port);
	return buf;
}

uint16_t need_type(struct reader *reader)
{
	uint16_t type = 0;

	if (ng_type_parse(need_word(reader, "a query type"), &type))
		taken_bad(reader, "a query type, such as A, AAAA or HTTPS");
	return type;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return found ? (int)(found - digits) : -1;
}

uint8_t *need_hex(struct reader *reader, size_t *len)
{
	uint8_t *octets = scene_alloc(HEX_MAX);
	const struct word *word;

	*len = 0;
	while ((word = word_next(reader))) {
		for (const char *at = word->text; *at; at += 2) {
			int high = hex_digit(at[0]), low = high < 0 ? -1 : hex_digit(at[1]);

			if (low < 0 || *len == HEX_MAX) {
				taken_bad(reader, "pairs of hexadecimal digits");
				return octets;
			}
			octets[(*len)++] = (uint8_t)(high << 4 | low);
		}
	}
	return octets;
}

size_t accept_addrs(struct reader *reader, struct ng_addr *out, size_t room)
{
	const struct word *word = word_peek(reader);
	const char *dots = word ? strstr(word->text, "..") : NULL;
	char text[NG_ADDR_TEXT];
	struct ng_addr addr;
	unsigned long last;
	size_t n = 0;

	if (!word || word->quoted || strlen(word->text) >= sizeof(text))
		return 0;
	snprintf(text, sizeof(text), "%.*s", dots ? (int)(dots - word->text) : NG_ADDR_TEXT,
		 word->text);
	if (ng_addr_parse(text, &addr))
		return 0;
	reader->at++;
	last = dots ? strtoul(dots + 2, NULL, 10) : addr.bytes[ng_addr_len(&addr) - 1];
	if (last > 255 || last < addr.bytes[ng_addr_len(&addr) - 1]) {
		taken_bad(reader, "a range of addresses: its end is the last octet, up to 255");
		return 0;
	}
	for (; n < room && addr.bytes[ng_addr_len(&addr) - 1] <= last; n++) {
		out[n] = addr;
		if (addr.bytes[ng_addr_len(&addr) - 1]++ == 255)
			return n + 1;
	}
	return n;
}

const char *time_text(uint64_t us, char buf[static 32])
{
	if (us % 1000)
		snprintf(buf, 32, "%lluus", (unsigned long long)us);
	else if (us % 1000000)
		snprintf(buf, 32, "%llums", (unsigned long long)(us / 1000));
	else if (us)
		snprintf(buf, 32, "%llus", (unsigned long long)(us / 1000000));
	else
		snprintf(buf, 32, "0");
	return buf;
}
