/*
 * The synthetic upstream: it knows every name. Each question for A gets the addresses that are
 * computed from its name, every other type an empty answer, at nearly the price of an echo.
 */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>

struct settings {
	uint32_t ttl_s;
	unsigned addresses;
};

static size_t answer(const void *settings, const uint8_t *message, size_t len,
		     uint8_t out[static DNS_PACKET])
{
	const struct settings *set = settings;

	return dns_answer(message, len, set->addresses, set->ttl_s, out);
}

int main(int argc, char **argv)
{
	struct settings set;

	if (argc != 4) {
		fprintf(stderr, "usage: upstream ADDRESS:PORT TTL ADDRESSES\n");
		return 2;
	}
	set.ttl_s = (uint32_t)strtoul(argv[2], NULL, 10);
	set.addresses = (unsigned)strtoul(argv[3], NULL, 10);
	if (set.addresses > DNS_ADDRESSES) {
		fprintf(stderr, "upstream: a name has at most %d addresses\n", DNS_ADDRESSES);
		return 2;
	}
	return serve("upstream", argv[1], answer, &set);
}
