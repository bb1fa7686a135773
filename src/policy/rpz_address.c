/*
 * Address triggers are written with the prefix length first and then the address backwards: decimal
 * octets for IPv4, hexadecimal words for IPv6 with "zz" for its longest run of zero words. One
 * address has one spelling: readers compare owners as names, and a second spelling would be a
 * second rule for the same address. Where two runs are equally long, either may be the "zz".
 */
#include "policy/rpz_address.h"

#include <stdio.h>
#include <string.h>

#define WORDS 8

struct labels {
	const uint8_t *at[WORDS + 1]; /* behind the length, first the last of the address */
	size_t n;
	bool zz;
};

static bool is_zz(const uint8_t *label)
{
	return label[0] == 2 && memcmp(label + 1, "zz", 2) == 0;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* A number without leading zeros, up to most; false when it is none. */
static bool read_number(const uint8_t *label, unsigned base, unsigned most, unsigned *out)
{
	unsigned value = 0;
	if (label[0] == 0 || label[0] > 4 || (label[0] > 1 && label[1] == '0'))
		return false;
	for (size_t i = 1; i <= label[0]; i++) {
		int d = digit(label[i]);
		if (d >= (int)base)
			return false;
		value = value * base + (unsigned)d;
	}
	*out = value;
	return value <= most;
}

/* The labels between the length and the trigger's own; false when there are too many. */
static bool split(const struct ng_name *owner, struct labels *out)
{
	const uint8_t *label = owner->wire + 1 + owner->wire[0];
	*out = (struct labels){0};
	if (ng_name_labels(owner) < 3 || ng_name_labels(owner) > WORDS + 3)
		return false;
	for (; label[1 + label[0]] != 0; label += 1 + label[0]) {
		if (out->n == WORDS + 1)
			return false;
		out->zz |= is_zz(label);
		out->at[out->n++] = label;
	}
	return true;
}

static const char *read_ipv4(const struct labels *labels, struct ng_addr *out)
{
	uint8_t bytes[4];
	for (size_t i = 0; i < 4; i++) {
		unsigned value;
		if (!read_number(labels->at[3 - i], 10, 255, &value))
			return "has an octet that is no number from 0 to 255 without leading "
			       "zeros";
		bytes[i] = (uint8_t)value;
	}
	*out = ng_addr_make(NG_IPV4, bytes);
	return NULL;
}

/* The longest run of zero words. */
static size_t zero_run(const uint16_t words[static WORDS])
{
	size_t longest = 0, run = 0;
	for (size_t i = 0; i < WORDS; i++) {
		run = words[i] == 0 ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static const char *read_ipv6(const struct labels *labels, struct ng_addr *out)
{
	uint16_t words[WORDS] = {0};
	uint8_t bytes[16];
	size_t gap = labels->zz ? WORDS + 1 - labels->n : 0, at = WORDS, seen = 0;
	for (size_t i = 0; i < labels->n; i++) {
		unsigned value;
		if (is_zz(labels->at[i])) {
			at -= gap;
			if (++seen > 1)
				return "has more than one zz";
			continue;
		}
		if (!read_number(labels->at[i], 16, 0xffff, &value))
			return "has a word that is no hexadecimal number of one to four digits "
			       "without leading zeros";
		words[--at] = (uint16_t)value;
	}
	if (labels->zz ? gap < 2 || zero_run(words) != gap : zero_run(words) > 1)
		return "is not in its one spelling: zz stands for the longest run of two or "
		       "more zero words";
	for (size_t i = 0; i < WORDS; i++) {
		bytes[2 * i] = (uint8_t)(words[i] >> 8);
		bytes[2 * i + 1] = (uint8_t)words[i];
	}
	*out = ng_addr_make(NG_IPV6, bytes);
	return NULL;
}

const char *rpz_prefix_read(const struct ng_name *owner, struct ng_prefix *out)
{
	struct ng_prefix prefix = {0};
	struct labels labels;
	const char *wrong;
	unsigned bits;
	if (!split(owner, &labels))
		return "is no prefix length and address, written backwards";
	if (!labels.zz && labels.n == 4)
		wrong = read_ipv4(&labels, &prefix.addr);
	else if (labels.zz ? labels.n <= WORDS : labels.n == WORDS)
		wrong = read_ipv6(&labels, &prefix.addr);
	else
		wrong = "has neither four octets nor eight words";
	if (wrong != NULL)
		return wrong;
	if (!read_number(owner->wire, 10, prefix.addr.family == NG_IPV4 ? 32 : 128, &bits) ||
	    bits == 0)
		return "has a prefix length that is not from 1 to 32, or to 128 for IPv6";
	prefix.bits = (uint8_t)bits;
	if (!ng_prefix_valid(&prefix))
		return "has bits set beyond its prefix length";
	*out = prefix;
	return NULL;
}

/* Where the first of the longest runs of zero words begins; its length in *n. */
static size_t gap_of(const uint16_t words[static WORDS], size_t *n)
{
	size_t longest = zero_run(words), run = 0;
	*n = longest;
	for (size_t i = 0; i < WORDS; i++) {
		run = words[i] == 0 ? run + 1 : 0;
		if (run == longest)
			return i + 1 - run;
	}
	return 0;
}

static void write_ipv6(const struct ng_addr *addr, char *to, size_t room)
{
	uint16_t words[WORDS];
	size_t n, gap, used = 0;
	for (size_t i = 0; i < WORDS; i++)
		words[i] = (uint16_t)(addr->bytes[2 * i] << 8 | addr->bytes[2 * i + 1]);
	gap = gap_of(words, &n);
	for (size_t i = WORDS; i-- > 0;) {
		bool inside = n > 1 && i >= gap && i < gap + n;
		if (!inside)
			used += (size_t)snprintf(to + used, room - used, ".%x", words[i]);
		else if (i == gap)
			used += (size_t)snprintf(to + used, room - used, ".zz");
	}
}

const char *rpz_prefix_write(const struct ng_prefix *prefix, char buf[static RPZ_PREFIX_TEXT])
{
	const uint8_t *b = prefix->addr.bytes;
	size_t n = (size_t)snprintf(buf, RPZ_PREFIX_TEXT, "%u", prefix->bits);
	if (prefix->addr.family == NG_IPV4)
		snprintf(buf + n, RPZ_PREFIX_TEXT - n, ".%u.%u.%u.%u", b[3], b[2], b[1], b[0]);
	else
		write_ipv6(&prefix->addr, buf + n, RPZ_PREFIX_TEXT - n);
	return buf;
}
