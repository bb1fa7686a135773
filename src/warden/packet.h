/*
 * Reading the head of a refused packet: written by a sandbox, cut off by the kernel, and trusted in
 * nothing.
 */
#pragma once

#include <namegate/addr.h>

enum packet_oddity { PACKET_PLAIN = 0, PACKET_OPTIONS, PACKET_EXTENSION, PACKET_FRAGMENT };

struct packet_head {
	struct ng_addr from, to;
	uint8_t proto;
	uint8_t oddity; /* enum packet_oddity: what the network header has beyond the plain one */
	uint16_t port; /* destination port of TCP, UDP, SCTP, DCCP, UDP-Lite; else 0 */
};
/* NG_E_SHORT, NG_E_FORMAT. A transport header that is cut off or not the first fragment: port 0. */
int packet_read(const uint8_t *octets, size_t len, struct packet_head *out) NG_MUST_CHECK;
