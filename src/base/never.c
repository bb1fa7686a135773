/*
 * The never-open destinations, as prefixes.
 *
 * The same list as ng_addr_reach() has. IPv4 ones appear again where IPv6 carries IPv4 at a fixed
 * place: NAT64 and 6to4. Teredo hides the address behind an exclusive or and a site's own NAT64 is
 * private, so for these the check before the lease has to do. IPv4-compatible addresses were given
 * up in 2006 and are closed as a whole.
 */
#include "base/never.h"

#include <string.h>

static const struct ng_prefix never4[] = {
	{{NG_IPV4, {0}}, 8},                   /* this network */
	{{NG_IPV4, {100, 100, 100, 200}}, 32}, /* metadata of Alibaba Cloud */
	{{NG_IPV4, {127}}, 8},                 /* loopback */
	{{NG_IPV4, {168, 63, 129, 16}}, 32},   /* the wire server of Azure */
	{{NG_IPV4, {169, 254}}, 16},           /* link-local and metadata */
	{{NG_IPV4, {224}}, 3},                 /* multicast, reserved, broadcast */
};

static const struct ng_prefix never6[] = {
	{{NG_IPV6, {0}}, 96},                                       /* compatible */
	{{NG_IPV6, {[10] = 0xff, 0xff}}, 96},                       /* mapped */
	{{NG_IPV6, {0xfd, 0, 0x0e, 0xc2, [14] = 0x02, 0x54}}, 128}, /* metadata of AWS */
	{{NG_IPV6, {0xfe, 0x80}}, 10},                              /* link-local */
	{{NG_IPV6, {0xff}}, 8},                                     /* multicast */
};

/* Where IPv6 carries an IPv4 address: the octets before it. */
static const struct {
	uint8_t octets[12], len;
} carriers[] = {
	{{0x00, 0x64, 0xff, 0x9b}, 12}, /* NAT64, RFC 6052 */
	{{0x20, 0x02}, 2},              /* 6to4, RFC 3056 */
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

size_t never_prefixes(enum ng_family family, struct ng_prefix out[static NEVER_MAX])
{
	size_t n = 0;

	if (family == NG_IPV4) {
		memcpy(out, never4, sizeof(never4));
		return COUNT(never4);
	}
	for (size_t i = 0; i < COUNT(never6); i++)
		out[n++] = never6[i];
	for (size_t c = 0; c < COUNT(carriers); c++)
		for (size_t i = 0; i < COUNT(never4); i++) {
			struct ng_prefix *to = &out[n++];

			*to = (struct ng_prefix){.addr.family = NG_IPV6};
			to->bits = (uint8_t)(carriers[c].len * 8 + never4[i].bits);
			memcpy(to->addr.bytes, carriers[c].octets, carriers[c].len);
			memcpy(to->addr.bytes + carriers[c].len, never4[i].addr.bytes, 4);
		}
	return n;
}

const uint16_t never_ports[NEVER_PORTS] = {853, 784, 8853};
