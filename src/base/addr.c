/*
 * Where an address leads is read from two tables, one for each family, and the strictest line that
 * holds it wins. IPv6 has many ways to write an IPv4 address inside itself, and a translator
 * or tunnel near the sandbox may take it out again; so what is embedded is judged as well, and a
 * line of the table says where it sits.
 */
#include <namegate/addr.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct ng_addr ng_addr_make(enum ng_family family, const uint8_t *bytes)
{
	struct ng_addr addr = {.family = (uint8_t)family};
	size_t len = ng_addr_len(&addr);
	if (len == 0)
		return (struct ng_addr){0};
	memcpy(addr.bytes, bytes, len);
	return addr;
}

size_t ng_addr_len(const struct ng_addr *addr)
{
	return addr->family == NG_IPV4 ? 4 : addr->family == NG_IPV6 ? 16 : 0;
}

bool ng_addr_equal(const struct ng_addr *a, const struct ng_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int ng_addr_parse(const char *text, struct ng_addr *out)
{
	uint8_t bytes[16];
	if (inet_pton(AF_INET, text, bytes) == 1)
		*out = ng_addr_make(NG_IPV4, bytes);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*out = ng_addr_make(NG_IPV6, bytes);
	else
		return NG_E_FORMAT;
	return NG_OK;
}

const char *ng_addr_format(const struct ng_addr *addr, char buf[static NG_ADDR_TEXT])
{
	int family = addr->family == NG_IPV4 ? AF_INET : AF_INET6;
	if (ng_addr_len(addr) == 0 || !inet_ntop(family, addr->bytes, buf, NG_ADDR_TEXT))
		strcpy(buf, "none");
	return buf;
}

/* Do the first `bits` bits of a and b agree? The first octet tells nearly always. */
static bool bits_agree(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	for (; bits >= 8; bits -= 8)
		if (*a++ != *b++)
			return false;
	return bits == 0 || (*a ^ *b) >> (8 - bits) == 0;
}

static bool zero_from(const uint8_t bytes[static 16], unsigned int bit)
{
	for (unsigned int i = bit; i < 128; i++)
		if (bytes[i / 8] & 0x80u >> i % 8)
			return false;
	return true;
}

bool ng_prefix_valid(const struct ng_prefix *prefix)
{
	size_t len = ng_addr_len(&prefix->addr);
	return len && prefix->bits <= 8 * len && zero_from(prefix->addr.bytes, prefix->bits);
}

/* The digits behind the slash: one to three, without a leading zero. */
static int bits_parse(const char *text, unsigned int *out)
{
	unsigned int value = 0;
	size_t n = strlen(text);
	if (n < 1 || n > 3 || (n > 1 && text[0] == '0'))
		return NG_E_FORMAT;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return NG_E_FORMAT;
		value = 10 * value + (unsigned int)(*text - '0');
	}
	*out = value;
	return NG_OK;
}

int ng_prefix_parse(const char *text, struct ng_prefix *out)
{
	char host[NG_ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(host))
		return NG_E_FORMAT;
	memcpy(host, text, n);
	host[n] = '\0';

	struct ng_prefix prefix = {0};
	if (ng_addr_parse(host, &prefix.addr) != NG_OK)
		return NG_E_FORMAT;
	unsigned int bits = (unsigned int)(8 * ng_addr_len(&prefix.addr));
	unsigned int most = bits;
	if (slash && bits_parse(slash + 1, &bits) != NG_OK)
		return NG_E_FORMAT;
	if (bits > most)
		return NG_E_RANGE;
	prefix.bits = (uint8_t)bits;
	if (!ng_prefix_valid(&prefix))
		return NG_E_RANGE;
	*out = prefix;
	return NG_OK;
}

const char *ng_prefix_format(const struct ng_prefix *prefix, char buf[static NG_PREFIX_TEXT])
{
	char host[NG_ADDR_TEXT];
	ng_addr_format(&prefix->addr, host);
	if (ng_addr_len(&prefix->addr) == 0)
		strcpy(buf, host);
	else
		snprintf(buf, NG_PREFIX_TEXT, "%s/%u", host, prefix->bits);
	return buf;
}

bool ng_prefix_contains(const struct ng_prefix *prefix, const struct ng_addr *addr)
{
	return ng_addr_len(addr) && prefix->addr.family == addr->family &&
	       bits_agree(prefix->addr.bytes, addr->bytes, prefix->bits);
}

bool ng_prefix_overlaps(const struct ng_prefix *a, const struct ng_prefix *b)
{
	return a->bits <= b->bits ? ng_prefix_contains(a, &b->addr)
				  : ng_prefix_contains(b, &a->addr);
}

bool ng_prefix_is_host(const struct ng_prefix *prefix)
{
	size_t len = ng_addr_len(&prefix->addr);
	return len && prefix->bits == 8 * len;
}

struct place { /* in a table, in the order of their first octets */
	uint8_t bytes[16];
	uint8_t bits;
	enum ng_reach reach;
};

static const struct place places4[] = {
	{{0}, 8, NG_REACH_NEVER},                   /* "this network", RFC 791 */
	{{10}, 8, NG_REACH_PRIVATE},                /* RFC 1918 */
	{{100, 64}, 10, NG_REACH_PRIVATE},          /* shared, RFC 6598 */
	{{100, 100, 100, 200}, 32, NG_REACH_NEVER}, /* metadata of Alibaba Cloud */
	{{127}, 8, NG_REACH_NEVER},                 /* loopback */
	{{168, 63, 129, 16}, 32, NG_REACH_NEVER},   /* the wire server of Azure */
	{{169, 254}, 16, NG_REACH_NEVER},           /* link-local and metadata, RFC 3927 */
	{{172, 16}, 12, NG_REACH_PRIVATE},          /* RFC 1918 */
	{{192, 0, 0}, 24, NG_REACH_PRIVATE},        /* protocol assignments, RFC 6890 */
	{{192, 168}, 16, NG_REACH_PRIVATE},         /* RFC 1918 */
	{{198, 18}, 15, NG_REACH_PRIVATE},          /* benchmarking, RFC 2544 */
	{{224}, 3, NG_REACH_NEVER},                 /* multicast, reserved, broadcast */
};

static const struct place places6[] = {
	{{0}, 127, NG_REACH_NEVER}, /* unspecified and loopback */
	/* Mapped addresses are never seen on a wire (RFC 4942 2.2), so no route needs one. */
	{{[10] = 0xff, 0xff}, 96, NG_REACH_NEVER},
	{{0, 0x64, 0xff, 0x9b, 0, 1}, 48, NG_REACH_PRIVATE}, /* a site's own NAT64, RFC 8215 */
	{{0x01}, 64, NG_REACH_PRIVATE},                      /* discard, RFC 6666 */
	{{0x20, 0x01, 0, 2}, 48, NG_REACH_PRIVATE},          /* benchmarking, RFC 5180 */
	{{0x5f}, 16, NG_REACH_PRIVATE},                      /* segment routing, RFC 9602 */
	{{0xfc}, 7, NG_REACH_PRIVATE},                       /* unique local, RFC 4193 */
	{{0xfd, 0, 0x0e, 0xc2, [14] = 0x02, 0x54}, 128, NG_REACH_NEVER}, /* metadata of AWS */
	{{0xfe, 0x80}, 10, NG_REACH_NEVER},                              /* link-local */
	{{0xfe, 0xc0}, 10, NG_REACH_PRIVATE}, /* site-local, deprecated by RFC 3879 */
	{{0xff}, 8, NG_REACH_NEVER},          /* multicast */
};

/*
 * Where four octets of an IPv4 address sit inside a prefix. A site's own NAT64 prefix may be of any
 * length (RFC 6052 2.2): each reading whose rest is zero counts, but all zero is no reading.
 */
struct inside {
	uint8_t bytes[16];
	uint8_t bits;
	uint8_t at[4];
	uint8_t zero; /* octets from here on must be 0; 16: no such condition */
	uint8_t flip; /* XOR on every octet */
	bool maybe;   /* one of several readings */
};

static const struct inside insides[] = {
	{{0}, 96, {12, 13, 14, 15}, 16, 0, false},                   /* compatible, RFC 4291 */
	{{[10] = 0xff, 0xff}, 96, {12, 13, 14, 15}, 16, 0, false},   /* mapped, RFC 4291 */
	{{0, 0x64, 0xff, 0x9b}, 96, {12, 13, 14, 15}, 16, 0, false}, /* NAT64, RFC 6052 */
	{{0, 0x64, 0xff, 0x9b, 0, 1}, 48, {12, 13, 14, 15}, 16, 0, true},
	{{0, 0x64, 0xff, 0x9b, 0, 1}, 48, {9, 10, 11, 12}, 13, 0, true},
	{{0, 0x64, 0xff, 0x9b, 0, 1}, 48, {7, 9, 10, 11}, 12, 0, true},
	{{0, 0x64, 0xff, 0x9b, 0, 1}, 48, {6, 7, 9, 10}, 11, 0, true},
	{{0x20, 0x02}, 16, {2, 3, 4, 5}, 16, 0, false},        /* 6to4, RFC 3056 */
	{{0x20, 0x01}, 32, {4, 5, 6, 7}, 16, 0, false},        /* Teredo server, RFC 4380 */
	{{0x20, 0x01}, 32, {12, 13, 14, 15}, 16, 0xff, false}, /* Teredo client */
};

static enum ng_reach places_reach(const struct place *places, size_t n, const uint8_t *bytes)
{
	enum ng_reach reach = NG_REACH_PUBLIC;
	for (size_t i = 0; i < n && places[i].bytes[0] <= bytes[0]; i++)
		if (places[i].reach < reach &&
		    bits_agree(places[i].bytes, bytes, places[i].bits))
			reach = places[i].reach;
	return reach;
}

static enum ng_reach reach4(const uint8_t *bytes)
{
	return places_reach(places4, sizeof(places4) / sizeof(places4[0]), bytes);
}

/* How far the IPv4 address leads that this line finds inside; public when there is none. */
static enum ng_reach inside_reach(const struct inside *inside, const uint8_t *bytes)
{
	uint8_t four[4];
	if (!bits_agree(inside->bytes, bytes, inside->bits) ||
	    !zero_from(bytes, 8u * inside->zero))
		return NG_REACH_PUBLIC;
	for (size_t i = 0; i < 4; i++)
		four[i] = bytes[inside->at[i]] ^ inside->flip;
	if (inside->maybe && (four[0] | four[1] | four[2] | four[3]) == 0)
		return NG_REACH_PUBLIC;
	return reach4(four);
}

static enum ng_reach reach6(const uint8_t *bytes)
{
	enum ng_reach reach =
		places_reach(places6, sizeof(places6) / sizeof(places6[0]), bytes);
	for (size_t i = 0; i < sizeof(insides) / sizeof(insides[0]); i++) {
		enum ng_reach embedded = inside_reach(&insides[i], bytes);
		if (embedded < reach)
			reach = embedded;
	}
	return reach;
}

enum ng_reach ng_addr_reach(const struct ng_addr *addr)
{
	if (addr->family == NG_IPV4)
		return reach4(addr->bytes);
	return addr->family == NG_IPV6 ? reach6(addr->bytes) : NG_REACH_NEVER;
}

bool ng_reach_range(uint32_t *cursor, struct ng_prefix *out, enum ng_reach *reach)
{
	const size_t n4 = sizeof(places4) / sizeof(places4[0]);
	const size_t n6 = sizeof(places6) / sizeof(places6[0]);
	if (*cursor >= n4 + n6)
		return false;
	bool four = *cursor < n4;
	const struct place *place = four ? &places4[*cursor] : &places6[*cursor - n4];
	*out = (struct ng_prefix){.addr = ng_addr_make(four ? NG_IPV4 : NG_IPV6, place->bytes),
				  .bits = place->bits};
	*reach = place->reach;
	++*cursor;
	return true;
}

bool ng_addr_openable(const struct ng_addr *addr, const struct ng_prefix *opened, size_t n)
{
	enum ng_reach reach = ng_addr_reach(addr);
	if (reach != NG_REACH_PRIVATE)
		return reach == NG_REACH_PUBLIC;
	for (size_t i = 0; i < n; i++)
		if (ng_prefix_contains(&opened[i], addr))
			return true;
	return false;
}
