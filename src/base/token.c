/* The id lies in the last 22 bits of the IPv4 token. */
#include "base/token.h"

#include <string.h>

static const uint8_t head[TOKEN_AT6] = {TOKEN_HEAD};
static const struct ng_prefix tokens4 = {{NG_IPV4, {TOKEN_NET4}}, 10};
static const struct ng_prefix tokens6 = {{NG_IPV6, {TOKEN_NET6}}, 64};

static struct ng_addr six_of(const uint8_t four[static 4])
{
	struct ng_addr six = tokens6.addr;

	memcpy(six.bytes + TOKEN_AT4 - TOKEN_AT6, four, 4);
	return six;
}

void token_sources(uint32_t id, struct ng_prefix out[static 2])
{
	const uint8_t four[] = {127, (uint8_t)(64 | (id >> 16 & 63)), (uint8_t)(id >> 8),
				(uint8_t)id};

	out[0] = (struct ng_prefix){ng_addr_make(NG_IPV4, four), 32};
	out[1] = (struct ng_prefix){six_of(four), 128};
}

void token_label(const struct ng_prefix sources[static 2], uint8_t out[static TOKEN_LABEL])
{
	memcpy(out, head, TOKEN_AT6);
	memcpy(out + TOKEN_AT6, sources[1].addr.bytes, TOKEN_LABEL - TOKEN_AT6);
}

bool token_within(const struct ng_prefix *prefix)
{
	return ng_prefix_overlaps(prefix, &tokens4) || ng_prefix_overlaps(prefix, &tokens6);
}

bool token_of_octets(const uint8_t octets[static 4], enum ng_family family, struct ng_addr *out)
{
	const struct ng_addr four = ng_addr_make(NG_IPV4, octets);

	if (!ng_prefix_contains(&tokens4, &four))
		return false;
	*out = family == NG_IPV4 ? four : six_of(octets);
	return true;
}

bool token_of_label(const uint8_t label[static TOKEN_LABEL], enum ng_family family,
		    struct ng_addr *out)
{
	const uint8_t net[] = {TOKEN_NET6};

	return memcmp(label, head, TOKEN_AT6) == 0 &&
	       memcmp(label + TOKEN_AT6, net, sizeof(net)) == 0 &&
	       token_of_octets(label + TOKEN_AT4, family, out);
}
