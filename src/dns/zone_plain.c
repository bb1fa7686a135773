/*
 * A line is plain when its names are of letters, digits, hyphens, underscores, asterisks and dots, its
 * TTL is a number of seconds, TTL stands before class, and the class is IN. All else (quotes, escapes,
 * parentheses, "@", an owner left out, other types) is for ldns, and so is every line that has a fault:
 * only one reader reports. A relative target of one octet is left to ldns too, whose versions
 * differ in what they make of it.
 */
#include "dns/zone_plain.h"

#include <string.h>
#include <strings.h>

#define LINE_PLAIN 1024 /* octets up to the comment; room for both names at their longest */
#define TTL_DIGITS 9

struct plain_cursor {
	const char *at, *end;
};

enum { OTHER = 0, LETTER, DOT };

static const uint8_t octets[256] = {
	['-'] = LETTER,         ['_'] = LETTER,         ['*'] = LETTER, ['0' ... '9'] = LETTER,
	['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER, ['.'] = DOT,
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Over blanks; false when there is none, or nothing behind them. */
static bool blanks(struct plain_cursor *cursor)
{
	const char *start = cursor->at;
	while (cursor->at < cursor->end && is_blank(*cursor->at))
		cursor->at++;
	return cursor->at > start && cursor->at < cursor->end;
}

static uint8_t octet_at(const struct plain_cursor *cursor)
{
	return cursor->at < cursor->end ? octets[(uint8_t)*cursor->at] : OTHER;
}

/* One label at the cursor, to wire with its length before it; 0 when there is none that fits room. */
static size_t label_read(struct plain_cursor *cursor, uint8_t *wire, size_t room)
{
	size_t n = 0, most = room <= NG_LABEL_MAX ? room - 1 : NG_LABEL_MAX;
	if (room == 0)
		return 0;
	for (; octet_at(cursor) == LETTER; cursor->at++) {
		if (n == most)
			return 0;
		wire[++n] = (uint8_t)*cursor->at;
	}
	wire[0] = (uint8_t)n;
	return n;
}

/* A name with its final dot is whole, any other gets the origin. */
static bool name_read(struct plain_cursor *cursor, const uint8_t *origin, size_t origin_len,
		      struct ng_name *out)
{
	size_t n = 0;
	while (octet_at(cursor) == LETTER) {
		size_t label = label_read(cursor, out->wire + n, NG_NAME_MAX - 1 - n);
		if (label == 0)
			return false;
		n += label + 1;
		if (octet_at(cursor) != DOT) {
			if (origin == NULL || origin_len > NG_NAME_MAX - n)
				return false;
			memcpy(out->wire + n, origin, origin_len);
			out->len = (uint8_t)(n + origin_len);
			return true;
		}
		cursor->at++;
	}
	out->wire[n] = 0;
	out->len = (uint8_t)(n + 1);
	return n > 0;
}

static bool target_read(struct plain_cursor *cursor, const uint8_t *origin, size_t origin_len,
			struct ng_name *out)
{
	const char *start = cursor->at;
	if (octet_at(cursor) == DOT) { /* the root; ".x" ends in no blank */
		cursor->at++;
		out->wire[0] = 0;
		out->len = 1;
		return true;
	}
	return name_read(cursor, origin, origin_len, out) && cursor->at - start > 1;
}

static bool word_is(struct plain_cursor *cursor, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(cursor->end - cursor->at) <= n || strncasecmp(cursor->at, word, n) != 0 ||
	    !is_blank(cursor->at[n]))
		return false;
	cursor->at += n;
	return blanks(cursor);
}

/* A TTL, where one stands; false when it is not a number of few digits. */
static bool ttl_read(struct plain_cursor *cursor, struct zone_plain *out)
{
	uint32_t ttl = 0;
	size_t n = 0;
	for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; n++) {
		if (n == TTL_DIGITS)
			return false;
		ttl = ttl * 10 + (uint32_t)(*cursor->at++ - '0');
	}
	out->ttl = ttl;
	out->has_ttl = n > 0;
	return n == 0 || blanks(cursor);
}

/* Behind the last word: nothing but blanks and a comment. */
static bool line_ends(struct plain_cursor *cursor)
{
	blanks(cursor);
	return cursor->at == cursor->end || *cursor->at == '\n' || *cursor->at == ';';
}

bool zone_plain_read(const char *text, size_t len, const uint8_t *origin, size_t origin_len,
		     struct zone_plain *out)
{
	struct plain_cursor cursor = {text, text + (len < LINE_PLAIN ? len : LINE_PLAIN)};
	if (!name_read(&cursor, origin, origin_len, &out->owner) || !blanks(&cursor) ||
	    !ttl_read(&cursor, out))
		return false;
	word_is(&cursor, "IN");
	if (!word_is(&cursor, "CNAME"))
		return false;
	out->data = (size_t)(cursor.at - text);
	if (!target_read(&cursor, origin, origin_len, &out->target) || !line_ends(&cursor) ||
	    (cursor.at == cursor.end && len > LINE_PLAIN))
		return false;
	const char *end = memchr(cursor.at, '\n', len - (size_t)(cursor.at - text));
	out->len = end != NULL ? (size_t)(end - text) + 1 : len;
	return true;
}
