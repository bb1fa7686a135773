/* The never-open destinations as ops on the kernel's own sets. */
#include "warden/never.h"

#include <arpa/inet.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void fixed_ops(struct ops *ops)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	static const uint8_t discovery[] = {133, 135, 136}; /* all but the router's own */

	for (size_t p = 0; p < COUNT(protos); p++)
		for (size_t i = 0; i < NEVER_PORTS; i++) {
			uint8_t key[8] = {protos[p],
					  0,
					  0,
					  0,
					  (uint8_t)(never_ports[i] >> 8),
					  (uint8_t)never_ports[i]};

			op_octets(ops, SET_PRIVATE_DNS, key, sizeof(key));
		}
	for (size_t i = 0; i < COUNT(discovery); i++)
		op_octets(ops, SET_ND, &discovery[i], 1);
}

void never_ops(struct ops *ops)
{
	struct ng_prefix prefixes[NEVER_MAX];
	size_t n = never_prefixes(NG_IPV4, prefixes);

	for (size_t i = 0; i < n; i++)
		op_plain(ops, SET_NEVER4, &prefixes[i], false, 0);
	n = never_prefixes(NG_IPV6, prefixes);
	for (size_t i = 0; i < n; i++)
		op_plain(ops, SET_NEVER6, &prefixes[i], false, 0);
	fixed_ops(ops);
}
