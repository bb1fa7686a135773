/*
 * A name that comes from a message or from text is rebuilt label by label under the bounds of 63
 * and 255 octets, so that no later function has to doubt it: all others may walk from length octet
 * to length octet and will end at the root.
 */
#include "dns/fold.h"

#include <namegate/name.h>

#define POINTER_MASK 0xc0u /* RFC 1035 4.1.4: both top bits; one alone is reserved */

static void lower8(const uint8_t *from, uint8_t *to)
{
	uint64_t word = fold8(fold_load8(from));
	memcpy(to, &word, sizeof(word));
}

/* The last eight octets overlap what is done: small letters stay small. */
static void lower(const uint8_t *from, uint8_t *to, size_t len)
{
	size_t i = 0;
	for (; i + 8 <= len; i += 8)
		lower8(from + i, to + i);
	if (i == len)
		return;
	if (i)
		lower8(from + len - 8, to + len - 8);
	for (; !i && len; len--)
		to[len - 1] = fold1(from[len - 1]);
}

void ng_name_lower(struct ng_name *name)
{
	lower(name->wire, name->wire, name->len);
}

void ng_name_lowered(const struct ng_name *name, struct ng_name *out)
{
	out->len = name->len;
	lower(name->wire, out->wire, name->len);
}

bool ng_name_equal(const struct ng_name *a, const struct ng_name *b)
{
	return a->len == b->len && fold_equal(a->wire, b->wire, a->len);
}

bool ng_name_same(const struct ng_name *a, const struct ng_name *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

bool ng_name_within(const struct ng_name *name, const struct ng_name *ancestor)
{
	if (ancestor->len == 0 || ancestor->len > name->len)
		return false;
	size_t suffix = (size_t)name->len - ancestor->len, at = 0;
	while (at < suffix)
		at += 1u + name->wire[at];
	return at == suffix && fold_equal(name->wire + at, ancestor->wire, ancestor->len);
}

uint8_t ng_name_labels(const struct ng_name *name)
{
	uint8_t labels = 0;
	for (size_t at = 0; at < name->len && name->wire[at]; at += 1u + name->wire[at])
		labels++;
	return labels;
}

bool ng_name_parent(struct ng_name *name)
{
	if (name->len <= 1)
		return false;
	size_t first = 1u + name->wire[0];
	memmove(name->wire, name->wire + first, name->len - first);
	name->len = (uint8_t)(name->len - first);
	return true;
}

/* ---- wire ---- */

int ng_name_from_wire(const uint8_t *wire, size_t len, struct ng_name *out)
{
	size_t at = 0;
	for (;;) {
		if (at >= len)
			return NG_E_SHORT;
		size_t label = wire[at];
		if (label > NG_LABEL_MAX)
			return NG_E_FORMAT;
		if (at + 1 + label > NG_NAME_MAX)
			return NG_E_RANGE;
		at += 1 + label;
		if (label == 0)
			break;
	}
	memcpy(out->wire, wire, at);
	out->len = (uint8_t)at;
	return NG_OK;
}

/*
 * A stretch of labels that ends in the root or a pointer. Every pointer must lead to before the start of the
 * stretch that it ends, so the stretches move towards the header and the walk must end;
 * the number of stretches is bounded besides, or chains of bare pointers would make a
 * short message expensive (RFC 9267 2).
 */
static int name_follow(const uint8_t *message, size_t len, size_t *pos, struct ng_name *out)
{
	uint8_t wire[NG_NAME_MAX];
	size_t n = 0, at = *pos, start = at, after = 0;
	for (unsigned int jumps = 0;;) {
		if (at >= len)
			return NG_E_SHORT;
		size_t label = message[at];
		if (label <= NG_LABEL_MAX) {
			if (label >= len - at)
				return NG_E_SHORT;
			if (n + 1 + label > NG_NAME_MAX)
				return NG_E_RANGE;
			memcpy(wire + n, message + at, 1 + label);
			n += 1 + label;
			at += 1 + label;
			if (label == 0)
				break;
			continue;
		}
		if (label < POINTER_MASK)
			return NG_E_FORMAT;
		if (len - at < 2)
			return NG_E_SHORT;
		size_t target = (label & ~POINTER_MASK) << 8 | message[at + 1];
		if (target >= start || target < NG_HEADER_LEN || ++jumps > NG_LABELS_MAX)
			return NG_E_FORMAT;
		if (after == 0)
			after = at + 2;
		at = start = target;
	}
	memcpy(out->wire, wire, n);
	out->len = (uint8_t)n;
	*pos = after ? after : at;
	return NG_OK;
}

/* Without a pointer in it, as nearly all are, a name is copied at once. */
int ng_name_unpack(const uint8_t *message, size_t len, size_t *pos, struct ng_name *out)
{
	size_t start = *pos, at = start;
	while (at < len && message[at] && message[at] <= NG_LABEL_MAX)
		at += 1u + message[at];
	if (at >= len || message[at] || at - start >= NG_NAME_MAX)
		return name_follow(message, len, pos, out);
	memcpy(out->wire, message + start, at + 1 - start);
	out->len = (uint8_t)(at + 1 - start);
	*pos = at + 1;
	return NG_OK;
}

/* ---- text ---- */

/* The octet that an escape stands for; *text is behind the backslash and moves behind the escape. */
static int escape_read(const char **text, const char *end, uint8_t *out)
{
	const char *at = *text;
	if (at == end || (uint8_t)*at < 0x20 || (uint8_t)*at > 0x7e)
		return NG_E_FORMAT;
	if (*at < '0' || *at > '9') {
		*out = (uint8_t)*at;
		*text = at + 1;
		return NG_OK;
	}
	if (end - at < 3)
		return NG_E_FORMAT;
	unsigned int value = 0;
	for (int i = 0; i < 3; i++, at++) {
		if (*at < '0' || *at > '9')
			return NG_E_FORMAT;
		value = 10 * value + (unsigned int)(*at - '0');
	}
	if (value > 255)
		return NG_E_FORMAT;
	*out = (uint8_t)value;
	*text = at;
	return NG_OK;
}

/* One octet of a label; *text moves behind it. */
static int octet_read(const char **text, const char *end, uint8_t *out)
{
	uint8_t octet = (uint8_t) * (*text)++;
	if (octet == '\\')
		return escape_read(text, end, out);
	if (octet <= 0x20 || octet > 0x7e)
		return NG_E_FORMAT;
	*out = octet;
	return NG_OK;
}

/* One label at *text, which moves behind it and its dot; written with its length to wire. */
static int label_read(const char **text, const char *end, uint8_t *wire, size_t room)
{
	size_t n = 0;
	while (*text < end && **text != '.') {
		uint8_t octet;
		if (octet_read(text, end, &octet) != NG_OK)
			return NG_E_FORMAT;
		if (n == NG_LABEL_MAX || n + 2 > room)
			return NG_E_RANGE;
		wire[++n] = octet;
	}
	if (n == 0)
		return NG_E_FORMAT;
	if (*text < end)
		(*text)++;
	wire[0] = (uint8_t)n;
	return NG_OK;
}

int ng_name_from_text(const char *text, size_t len, struct ng_name *out)
{
	uint8_t wire[NG_NAME_MAX];
	size_t n = 0;
	const char *at = text, *end = text + len;
	if (len == 0)
		return NG_E_FORMAT;
	if (len == 1 && *text == '.')
		at = end;
	while (at < end) {
		/* One octet is always kept for the root. */
		int error = label_read(&at, end, wire + n, NG_NAME_MAX - 1 - n);
		if (error)
			return error;
		n += 1u + wire[n];
	}
	wire[n++] = 0;
	memcpy(out->wire, wire, n);
	out->len = (uint8_t)n;
	return NG_OK;
}

/* Writes one octet in presentation form and returns the place behind it. */
static char *octet_write(char *at, uint8_t octet)
{
	if (octet <= 0x20 || octet > 0x7e) {
		*at++ = '\\';
		*at++ = (char)('0' + octet / 100);
		*at++ = (char)('0' + octet / 10 % 10);
		*at++ = (char)('0' + octet % 10);
		return at;
	}
	if (strchr(".\\\"();@$", octet))
		*at++ = '\\';
	*at++ = (char)octet;
	return at;
}

const char *ng_name_to_text(const struct ng_name *name, char buf[static NG_NAME_TEXT_MAX])
{
	char *to = buf;
	size_t at = 0;
	while (at < name->len && name->wire[at]) {
		size_t end = at + 1u + name->wire[at];
		if (at)
			*to++ = '.';
		while (++at < end)
			to = octet_write(to, name->wire[at]);
	}
	if (to == buf && name->len)
		*to++ = '.';
	*to = '\0';
	return buf;
}
