/*
 * Captures made octet by octet, right and wrong, and what is seen in them as lines of text:
 *
 *     query 10.0.0.2 a.example A
 *     answer 10.0.0.2 a.example A answered x.example 192.0.2.1/60
 *     flow 10.0.0.2:4000 > 192.0.2.1:443/6 1+0
 */
#pragma once

#include "message_maker.h"
#include "offline/traffic.h"

#include <netinet/in.h>

#define CLIENT   "10.0.0.2"
#define SERVER   "10.0.0.1"
#define CLIENT_6 "fd00::2"
#define SERVER_6 "fd00::1"
#define TCP_FIN  0x01
#define TCP_SYN  0x02
#define TCP_RST  0x04
#define TCP_ACK  0x10

/* ---- what is seen ---- */

struct world {
	struct traffic *traffic;
	struct ng_diags diags;
	char seen[65536]; /* what did not fit is not there, and then no comparison holds */
	size_t n, taken;
};

__attribute__((format(printf, 2, 3))) static inline void see(struct world *world,
							     const char *format, ...)
{
	va_list list;
	va_start(list, format);
	int len =
		vsnprintf(world->seen + world->n, sizeof(world->seen) - world->n, format, list);
	va_end(list);
	if ((size_t)len < sizeof(world->seen) - world->n)
		world->n += (size_t)len;
}

static inline void see_flow(struct world *world, const struct traffic_observation *seen)
{
	char client[NG_ADDR_TEXT], server[NG_ADDR_TEXT];
	see(world, "%s %s:%u > %s:%u/%u %llu+%llu%s%s", seen->more ? "more" : "flow",
	    ng_addr_format(&seen->client, client), seen->client_port,
	    ng_addr_format(&seen->server, server), seen->port, seen->proto,
	    (unsigned long long)seen->packets, (unsigned long long)seen->back,
	    seen->began ? "" : " begun before", seen->blocked ? " blocked" : "");
}

static inline void see_message(struct world *world, const struct traffic_observation *seen)
{
	static const char *const fates[] = {
		[TRAFFIC_DENIED] = "denied",
		[TRAFFIC_ANSWERED] = "answered",
		[TRAFFIC_EMPTY] = "empty",
		[TRAFFIC_FAILED] = "failed",
	};
	char client[NG_ADDR_TEXT], name[NG_NAME_TEXT_MAX], type[16];
	static const char *const kinds[] = {[TRAFFIC_QUERY] = "query",
					    [TRAFFIC_RESPONSE] = "answer",
					    [TRAFFIC_REMOVED] = "removed"};
	see(world, "%s %s %s %s", kinds[seen->kind], ng_addr_format(&seen->client, client),
	    ng_name_to_text(seen->name, name), ng_type_text(seen->type, type));
	if (seen->kind == TRAFFIC_RESPONSE)
		see(world, " %s", fates[seen->fate]);
	for (size_t i = 0; i < seen->n_aliases; i++)
		see(world, " %s", ng_name_to_text(&seen->aliases[i], name));
	for (size_t i = 0; i < seen->n_addrs; i++)
		see(world, " %s/%u", ng_addr_format(&seen->addrs[i].addr, client),
		    seen->addrs[i].ttl_s);
	if (seen->denied_by != NULL)
		see(world, " by %s", seen->denied_by);
}

static inline void world_take(void *context, const struct traffic_observation *seen)
{
	struct world *world = context;
	world->taken++;
	if (seen->sandbox != NULL)
		see(world, "[%s] ", seen->sandbox);
	if (seen->kind == TRAFFIC_FLOW)
		see_flow(world, seen);
	else
		see_message(world, seen);
	see(world, "\n");
}

static inline struct world *world_begin(void)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	const struct traffic_wish wish = {.take = world_take, .context = world};
	ng_diags_init(&world->diags);
	assert_int_equal(traffic_create(&wish, &world->traffic), NG_OK);
	return world;
}

static inline void world_end(struct world *world)
{
	traffic_destroy(world->traffic);
	ng_diags_finish(&world->diags);
	free(world);
}

/* The code of the reading. */
static inline int world_read(struct world *world, const void *octets, size_t n)
{
	void *copy = exact(octets, n);
	FILE *file = n > 0 ? fmemopen(copy, n, "rb") : fopen("/dev/null", "rb");
	assert_non_null(file);
	int code = traffic_read_from(world->traffic, file, "test.file", &world->diags);
	free(copy);
	return code;
}

static inline uint64_t counted(const struct world *world, enum traffic_count what)
{
	return traffic_counts(world->traffic)->n[what];
}

static inline void expect_seen(struct world *world, const char *lines)
{
	traffic_end(world->traffic);
	assert_string_equal(world->seen, lines);
}

/* ---- captures ---- */

struct capture {
	uint8_t *octets;
	size_t n, room;
	uint64_t now_us;
	int link;
	uint16_t id;        /* of IPv4 packets */
	uint32_t snap;      /* the most of a packet that is kept; 0: all */
	const char *before; /* octets between EtherType and IP, from the type on; NULL: none */
	size_t n_before;
};

static inline void capture_octets(struct capture *capture, const void *octets, size_t n)
{
	if (capture->n + n > capture->room) {
		capture->room = 2 * (capture->n + n);
		capture->octets = realloc(capture->octets, capture->room);
		assert_non_null(capture->octets);
	}
	if (n > 0)
		memcpy(capture->octets + capture->n, octets, n);
	capture->n += n;
}

static inline void capture_word(struct capture *capture, uint32_t word) /* host order */
{
	capture_octets(capture, &word, sizeof(word));
}

static inline void capture_begin(struct capture *capture, int link)
{
	*capture = (struct capture){.link = link, .now_us = 1000000};
	const uint16_t version[] = {2, 4};
	capture_word(capture, 0xa1b2c3d4);
	capture_octets(capture, version, sizeof(version));
	capture_word(capture, 0);
	capture_word(capture, 0);
	capture_word(capture, 262144);
	capture_word(capture, (uint32_t)link);
}

static inline void capture_end(struct capture *capture)
{
	free(capture->octets);
}

static inline void capture_frame(struct capture *capture, const void *octets, size_t n)
{
	size_t kept = capture->snap > 0 && n > capture->snap ? capture->snap : n;
	capture->now_us += 1000;
	capture_word(capture, (uint32_t)(capture->now_us / 1000000));
	capture_word(capture, (uint32_t)(capture->now_us % 1000000));
	capture_word(capture, (uint32_t)kept);
	capture_word(capture, (uint32_t)n);
	capture_octets(capture, octets, kept);
}

/* An IP packet, framed as the capture's link wants it. */
static inline void capture_ip(struct capture *capture, const struct maker *packet)
{
	static const uint8_t zeroes[20];
	struct maker frame = {.n = 0};
	bool six = packet->octets[0] >> 4 == 6;
	const uint8_t type[2] = {six ? 0x86 : 0x08, six ? 0xdd : 0x00};
	switch (capture->link) {
	case 1: /* Ethernet */
		make_octets(&frame, zeroes, 12);
		make_octets(&frame, capture->before, capture->n_before);
		make_octets(&frame, type, 2);
		break;
	case 113: /* SLL */
		make_octets(&frame, zeroes, 14);
		make_octets(&frame, type, 2);
		break;
	case 276: /* SLL2 */
		make_octets(&frame, type, 2);
		make_octets(&frame, zeroes, 18);
		break;
	case 0: /* NULL */
		make_octets(&frame, six ? "\x1e\0\0" : "\2\0\0", 4);
		break;
	default: /* RAW */
		break;
	}
	make_octets(&frame, packet->octets, packet->n);
	capture_frame(capture, frame.octets, frame.n);
}

/* ---- packets ---- */

static inline struct ng_addr addr_of(const char *text)
{
	struct ng_addr addr;
	assert_int_equal(ng_addr_parse(text, &addr), NG_OK);
	return addr;
}

/* An IPv4 or IPv6 header and what it carries; fragment: that field, in IPv4 only. */
static inline void make_ip(struct maker *packet, const char *from, const char *to,
			   unsigned int proto, unsigned int id, unsigned int fragment,
			   const void *payload, size_t n)
{
	struct ng_addr source = addr_of(from), target = addr_of(to);
	packet->n = 0;
	if (source.family == NG_IPV6) {
		make_u32(packet, 0x60000000);
		make_u16(packet, (unsigned int)n);
		make_octets(packet, (uint8_t[]){(uint8_t)proto, 64}, 2);
	} else {
		make_u16(packet, 0x4500);
		make_u16(packet, (unsigned int)(n + 20));
		make_u16(packet, id);
		make_u16(packet, fragment);
		make_octets(packet, (uint8_t[]){64, (uint8_t)proto, 0, 0}, 4);
	}
	make_octets(packet, source.bytes, ng_addr_len(&source));
	make_octets(packet, target.bytes, ng_addr_len(&target));
	make_octets(packet, payload, n);
}

static inline void make_udp(struct maker *datagram, unsigned int from, unsigned int to,
			    const void *payload, size_t n)
{
	datagram->n = 0;
	make_u16(datagram, from);
	make_u16(datagram, to);
	make_u16(datagram, (unsigned int)(n + 8));
	make_u16(datagram, 0);
	make_octets(datagram, payload, n);
}

static inline void capture_packet(struct capture *capture, const char *from, const char *to,
				  unsigned int proto, const void *payload, size_t n)
{
	struct maker packet;
	make_ip(&packet, from, to, proto, capture->id++, 0, payload, n);
	capture_ip(capture, &packet);
}

static inline void capture_udp(struct capture *capture, const char *from, unsigned int sport,
			       const char *to, unsigned int dport, const void *payload,
			       size_t n)
{
	struct maker datagram;
	make_udp(&datagram, sport, dport, payload, n);
	capture_packet(capture, from, to, IPPROTO_UDP, datagram.octets, datagram.n);
}

static inline void capture_tcp(struct capture *capture, const char *from, unsigned int sport,
			       const char *to, unsigned int dport, unsigned int flags,
			       uint32_t seq, const void *payload, size_t n)
{
	struct maker segment = {.n = 0};
	make_u16(&segment, sport);
	make_u16(&segment, dport);
	make_u32(&segment, seq);
	make_u32(&segment, 0);
	make_u16(&segment, 0x5000 | flags);
	make_u16(&segment, 65535);
	make_u32(&segment, 0);
	make_octets(&segment, payload, n);
	capture_packet(capture, from, to, IPPROTO_TCP, segment.octets, segment.n);
}

/* ---- messages ---- */

static inline void make_query(struct maker *message, const char *name)
{
	make_header(message, 0x0100, 1, 0, 0, 0);
	make_question(message, name, NG_TYPE_A);
}

/* One address. */
static inline void make_response(struct maker *message, const char *name, const char *addr)
{
	struct ng_addr at = addr_of(addr);
	make_header(message, 0x8180, 1, 1, 0, 0);
	make_question(message, name, NG_TYPE_A);
	make_rr(message, "@", NG_TYPE_A, 60, at.bytes, 4);
}

/* The message with its length before it. */
static inline void make_framed(struct maker *stream, const struct maker *message)
{
	make_u16(stream, (unsigned int)message->n);
	make_octets(stream, message->octets, message->n);
}
