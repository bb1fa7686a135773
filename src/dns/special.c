/*
 * Which names are special, by a table of zones and, for reverse names, by the address they are about.
 */
#include <namegate/special.h>

#include <namegate/addr.h>
#include <string.h>

struct special_zone {
	enum ng_special kind;
	uint16_t tail;
	uint8_t len;
	const char *wire;
};
/* The last two octets before the root: they alone tell nearly all names from the zones'. */
#define TAIL(wire, len) (uint16_t)((wire)[(len)-3] << 8 | (wire)[(len)-2])
/* The root label is the string's end. */
#define ZONE(kind, wire)                                                                       \
	{                                                                                      \
		kind, TAIL(wire, sizeof(wire)), sizeof(wire), wire                             \
	}

static const struct special_zone zones[] = {
	ZONE(NG_SPECIAL_LOOPBACK, "\11localhost"),    /* RFC 6761 6.3 */
	ZONE(NG_SPECIAL_INSIDE, "\7invalid"),         /* RFC 6761 6.4 */
	ZONE(NG_SPECIAL_INSIDE, "\4test"),            /* RFC 6761 6.2 */
	ZONE(NG_SPECIAL_INSIDE, "\5local"),           /* RFC 6762 22.1 */
	ZONE(NG_SPECIAL_INSIDE, "\5onion"),           /* RFC 7686 2 */
	ZONE(NG_SPECIAL_INSIDE, "\4home\4arpa"),      /* RFC 8375 4 */
	ZONE(NG_SPECIAL_INSIDE, "\3alt"),             /* RFC 9476 */
	ZONE(NG_SPECIAL_NODATA, "\10resolver\4arpa"), /* RFC 9462 6.4 */
	ZONE(NG_SPECIAL_NXDOMAIN, "\23use-application-dns\3net"),
	ZONE(NG_SPECIAL_NXDOMAIN, "\4mask\6icloud\3com"), /* Private Relay */
	ZONE(NG_SPECIAL_NXDOMAIN, "\7mask-h2\6icloud\3com"),
};

/* Does a name that ends in that letter need a look at the zones? "arpa" is one of their ends. */
static bool may_be_zone(unsigned last)
{
	switch (last) {
	case 'a':
	case 'd':
	case 'l':
	case 'm':
	case 'n':
	case 't':
		return true;
	default:
		return false;
	}
}

/* name is lower case. */
static bool is_within(const struct ng_name *name, const struct special_zone *zone)
{
	size_t at = 0, before;

	if (name->len < zone->len)
		return false;
	before = (size_t)name->len - zone->len;
	/* The length octet alone tells most names apart. */
	if (name->wire[before] != (uint8_t)zone->wire[0] ||
	    memcmp(name->wire + before, zone->wire, zone->len) != 0)
		return false;
	while (at < before)
		at += 1u + name->wire[at];
	return at == before; /* not in the middle of a label */
}

/* ---- reverse zones (RFC 6303, 7793): those of addresses that mean nothing outside ---- */

/* A label of a reverse name: a number from 0 to 255, or one hexadecimal digit. */
static bool octet_read(const uint8_t *label, uint8_t *out)
{
	unsigned value = 0;

	if (label[0] < 1 || label[0] > 3)
		return false;
	for (size_t i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return false;
		value = value * 10 + (unsigned)(label[i] - '0');
	}
	*out = (uint8_t)value;
	return value <= 255;
}

static bool digit_read(const uint8_t *label, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = label[0] == 1 && label[1] ? strchr(digits, label[1]) : NULL;

	if (found)
		*out = (uint8_t)(found - digits);
	return found != NULL;
}

/* The labels before the zone, the one next to it first: that is where the address begins. */
static size_t labels_before(const struct ng_name *name, size_t zone_len,
			    const uint8_t *out[static NG_NAME_MAX / 2])
{
	size_t n = 0, at = 0;

	while (at + zone_len < name->len) {
		out[n++] = name->wire + at;
		at += 1u + name->wire[at];
	}
	for (size_t i = 0; i < n / 2; i++) {
		const uint8_t *other = out[i];

		out[i] = out[n - 1 - i];
		out[n - 1 - i] = other;
	}
	return n;
}

/*
 * The first and the last of the addresses that a reverse name is about; false when it is no such name.
 */
static bool reverse_range(const struct ng_name *name, struct ng_addr *first,
			  struct ng_addr *last)
{
	static const struct special_zone in4 = ZONE(NG_SPECIAL_INSIDE, "\7in-addr\4arpa"),
					 in6 = ZONE(NG_SPECIAL_INSIDE, "\3ip6\4arpa");
	const uint8_t *labels[NG_NAME_MAX / 2];
	enum ng_family family = is_within(name, &in4) ? NG_IPV4 : NG_IPV6;
	uint8_t low[16], high[16], digit;
	size_t n, i = 0;

	if (family == NG_IPV6 && !is_within(name, &in6))
		return false;
	memset(low, 0, sizeof(low));
	memset(high, 0xff, sizeof(high));
	n = labels_before(name, family == NG_IPV4 ? in4.len : in6.len, labels);
	for (; family == NG_IPV4 && i < n && i < 4 && octet_read(labels[i], &low[i]); i++)
		high[i] = low[i];
	for (; family == NG_IPV6 && i < n && i < 32 && digit_read(labels[i], &digit); i++) {
		low[i / 2] |= (uint8_t)(i % 2 ? digit : digit << 4);
		high[i / 2] = i % 2 ? low[i / 2] : (uint8_t)(low[i / 2] | 0x0f);
	}
	*first = ng_addr_make(family, low);
	*last = ng_addr_make(family, high);
	return i > 0;
}

bool ng_reverse_addr(const struct ng_name *name, struct ng_addr *out)
{
	struct ng_addr last;
	size_t labels = 0;

	for (size_t at = 0; name->wire[at]; at += 1u + name->wire[at]) {
		if (name->wire[at] > 1 && name->wire[at + 1] == '0')
			return false; /* "07" is no octet */
		labels++;
	}
	return reverse_range(name, out, &last) && ng_addr_equal(out, &last) &&
	       labels == (out->family == NG_IPV4 ? 4 : 32) + 2u;
}

/* Of addresses that mean nothing outside (RFC 6303, 7793)? */
static bool is_inside(const struct ng_name *name)
{
	struct ng_addr first, last;

	return reverse_range(name, &first, &last) && ng_addr_reach(&first) != NG_REACH_PUBLIC &&
	       ng_addr_reach(&last) != NG_REACH_PUBLIC;
}

enum ng_special ng_special_of(const struct ng_name *name)
{
	static const uint8_t discovery[] = {4, '_', 'd', 'n', 's'}; /* RFC 9461 */
	const unsigned tail = name->len < 3 ? 0 : TAIL(name->wire, name->len);

	if (name->len > sizeof(discovery) &&
	    memcmp(name->wire, discovery, sizeof(discovery)) == 0)
		return NG_SPECIAL_NODATA;
	if (!may_be_zone(tail & 0xff))
		return NG_SPECIAL_NONE;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (zones[i].tail == tail && is_within(name, &zones[i]))
			return zones[i].kind;
	}
	return tail == ('p' << 8 | 'a') && is_inside(name) ? NG_SPECIAL_INSIDE
							   : NG_SPECIAL_NONE;
}

bool ng_special_stays(const struct ng_name *name, const struct ng_name *zone)
{
	enum ng_special kind;

	if (zone->len > 1)
		return false;
	kind = ng_special_of(name);
	return kind == NG_SPECIAL_INSIDE || kind == NG_SPECIAL_LOOPBACK;
}
