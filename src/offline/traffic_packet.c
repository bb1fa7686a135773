/*
 * One packet from its IP header on: whose, to whom, and which part of DNS or of the rest it is.
 *
 * Length before content: what the header says is held against what was captured, and what was
 * captured is the most that is read. Padding behind the packet is left out; a total length of zero,
 * which segmentation offload leaves in captures, means all of it.
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include <netinet/in.h>

#define IPV4_HEAD       20
#define IPV6_HEAD       40
#define UDP_HEAD        8
#define TCP_HEAD        20
#define EXTENSIONS_MAX  8
#define DNS_PORT        53
#define MORE_FRAGMENTS  0x2000
#define FRAGMENT_OFFSET 0x1fff
#define ICMP4_ECHO      8
#define ICMP6_ECHO      128

/* ---- transport ---- */

static bool is_dns(const struct traffic *traffic, uint16_t port)
{
	if (port == DNS_PORT)
		return true;
	for (size_t i = 0; i < traffic->wish.n_ports; i++) {
		if (traffic->wish.ports[i] == port)
			return true;
	}
	return false;
}

/* Ports stand at the same place in UDP and TCP. False, and counted, when the head is not whole. */
static bool ports_take(struct traffic *traffic, struct packet *packet, size_t head)
{
	if (packet->len < head) {
		traffic_count(traffic, packet->sent < head ? TRAFFIC_N_BROKEN : TRAFFIC_N_CUT);
		return false;
	}
	packet->from_port = octets_u16(packet->octets);
	packet->to_port = octets_u16(packet->octets + 2);
	return true;
}

static void udp_message(struct traffic *traffic, const struct packet *packet)
{
	size_t said = octets_u16(packet->octets + 4);

	if (said < UDP_HEAD || said > packet->sent)
		traffic_count(traffic, TRAFFIC_N_BROKEN);
	else if (said > packet->len)
		traffic_count(traffic, TRAFFIC_N_CUT);
	else
		message_take(traffic, packet, packet->octets + UDP_HEAD, said - UDP_HEAD);
}

static void udp_take(struct traffic *traffic, struct packet *packet)
{
	if (!ports_take(traffic, packet, UDP_HEAD))
		return;
	if (is_dns(traffic, packet->to_port) || is_dns(traffic, packet->from_port))
		udp_message(traffic, packet);
	else
		flows_take(traffic, packet, 0);
}

static void tcp_take(struct traffic *traffic, struct packet *packet)
{
	if (!ports_take(traffic, packet, TCP_HEAD))
		return;
	if (is_dns(traffic, packet->to_port))
		streams_take(traffic, packet, true);
	else if (is_dns(traffic, packet->from_port))
		streams_take(traffic, packet, false);
	else
		flows_take(traffic, packet, packet->octets[13]);
}

/* Errors, echo replies and what keeps the link going begin nothing. */
static void icmp_take(struct traffic *traffic, struct packet *packet, uint8_t echo)
{
	if (packet->len == 0 || packet->octets[0] != echo)
		traffic_count(traffic, TRAFFIC_N_OTHER);
	else
		flows_take(traffic, packet, 0);
}

static void packet_transport(struct traffic *traffic, struct packet *packet)
{
	switch (packet->proto) {
	case IPPROTO_UDP:
		udp_take(traffic, packet);
		break;
	case IPPROTO_TCP:
		tcp_take(traffic, packet);
		break;
	case IPPROTO_ICMP:
		icmp_take(traffic, packet, ICMP4_ECHO);
		break;
	case IPPROTO_ICMPV6:
		icmp_take(traffic, packet, ICMP6_ECHO);
		break;
	case IPPROTO_IGMP:
	case IPPROTO_NONE:
		traffic_count(traffic, TRAFFIC_N_OTHER);
		break;
	default:
		flows_take(traffic, packet, 0);
	}
}

/* ---- IPv4 ---- */

static void ipv4_take(struct traffic *traffic, uint64_t wall_us, const uint8_t *octets,
		      size_t len)
{
	struct packet packet = {.wall_us = wall_us};
	size_t head, total;
	uint16_t fragment;

	if (len < IPV4_HEAD) {
		traffic_count(traffic, TRAFFIC_N_CUT);
		return;
	}
	head = (octets[0] & 0x0fu) * 4u;
	total = octets_u16(octets + 2);
	if (total == 0)
		total = len;
	if (head < IPV4_HEAD || total < head) {
		traffic_count(traffic, TRAFFIC_N_BROKEN);
		return;
	}
	if (len < head) {
		traffic_count(traffic, TRAFFIC_N_CUT);
		return;
	}
	packet.from = ng_addr_make(NG_IPV4, octets + 12);
	packet.to = ng_addr_make(NG_IPV4, octets + 16);
	packet.proto = octets[9];
	packet.octets = octets + head;
	packet.sent = total - head;
	packet.len = (len < total ? len : total) - head;
	fragment = octets_u16(octets + 6);
	if (fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET))
		fragments_take(
			traffic,
			&(struct piece){.packet = packet,
					.id = octets_u16(octets + 4),
					.offset = (uint16_t)((fragment & FRAGMENT_OFFSET) << 3),
					.last = !(fragment & MORE_FRAGMENTS)});
	else
		packet_transport(traffic, &packet);
}

/* ---- IPv6 ---- */

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_AH || next == IPPROTO_FRAGMENT;
}

static void payload_skip(struct packet *packet, size_t n)
{
	packet->octets += n;
	packet->len -= n;
	packet->sent -= n;
}

/*
 * Takes the extension header off that the payload begins with; packet->proto becomes the next. A fragment
 * that is not all of its datagram is filled into *piece.
 */
static bool extension_take(struct traffic *traffic, struct packet *packet, struct piece *piece)
{
	uint8_t kind = packet->proto;
	size_t size = 8;

	if (packet->len < 8) {
		traffic_count(traffic, packet->sent < 8 ? TRAFFIC_N_BROKEN : TRAFFIC_N_CUT);
		return false;
	}
	if (kind == IPPROTO_AH)
		size = (packet->octets[1] + 2u) * 4u; /* RFC 4302 2.2 */
	else if (kind != IPPROTO_FRAGMENT)
		size = (packet->octets[1] + 1u) * 8u; /* RFC 8200 4.3 */
	if (packet->len < size) {
		traffic_count(traffic, packet->sent < size ? TRAFFIC_N_BROKEN : TRAFFIC_N_CUT);
		return false;
	}
	packet->proto = packet->octets[0];
	if (kind == IPPROTO_FRAGMENT) {
		piece->offset = octets_u16(packet->octets + 2) & 0xfff8u;
		piece->last = !(packet->octets[3] & 1);
		piece->id = octets_u32(packet->octets + 4);
	}
	payload_skip(packet, size);
	return true;
}

/* A datagram that was put together has no fragments inside: whole. */
static void ipv6_payload(struct traffic *traffic, struct packet *packet, bool whole)
{
	struct piece piece = {.last = true};

	for (int i = 0; is_extension(packet->proto); i++) {
		if (i == EXTENSIONS_MAX || (whole && packet->proto == IPPROTO_FRAGMENT)) {
			traffic_count(traffic, TRAFFIC_N_BROKEN);
			return;
		}
		if (!extension_take(traffic, packet, &piece))
			return;
		if (piece.offset || !piece.last) {
			piece.packet = *packet;
			fragments_take(traffic, &piece);
			return;
		}
	}
	packet_transport(traffic, packet);
}

static void ipv6_take(struct traffic *traffic, uint64_t wall_us, const uint8_t *octets,
		      size_t len)
{
	struct packet packet = {.wall_us = wall_us};

	if (len < IPV6_HEAD) {
		traffic_count(traffic, TRAFFIC_N_CUT);
		return;
	}
	packet.from = ng_addr_make(NG_IPV6, octets + 8);
	packet.to = ng_addr_make(NG_IPV6, octets + 24);
	packet.proto = octets[6];
	packet.octets = octets + IPV6_HEAD;
	packet.len = len - IPV6_HEAD;
	packet.sent = octets_u16(octets + 4);
	if (packet.sent == 0)
		packet.sent = packet.len;
	if (packet.len > packet.sent)
		packet.len = packet.sent;
	ipv6_payload(traffic, &packet, false);
}

void packet_assembled(struct traffic *traffic, struct packet *packet)
{
	if (packet->from.family == NG_IPV6)
		ipv6_payload(traffic, packet, true);
	else
		packet_transport(traffic, packet);
}

void packet_take(struct traffic *traffic, uint64_t wall_us, const uint8_t *octets, size_t len)
{
	switch (len ? octets[0] >> 4 : 0) {
	case 4:
		ipv4_take(traffic, wall_us, octets, len);
		break;
	case 6:
		ipv6_take(traffic, wall_us, octets, len);
		break;
	default:
		traffic_count(traffic, TRAFFIC_N_BROKEN);
	}
}
