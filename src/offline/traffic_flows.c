/*
 * Who sends to whom, by client, server, protocol and ports. A flow is told when its first packet is
 * seen, for that is the moment at which a gate would have let it in or not, and once more
 * at its end with what came since.
 *
 * The table is fixed: sets of eight places, found by a hash that is the same for both directions. In a full
 * set the flow that was silent longest is told and gives way. A flow that was silent for as long as
 * the kernel's connection tracking keeps one by default begins anew.
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include "base/hash.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SETS          8192u /* a power of two */
#define PLACES        8u
#define SILENT_UDP_US 120000000u
#define SILENT_US     600000000u

struct end {
	struct ng_addr addr;
	uint8_t pad;
	uint16_t port;
};

struct flow {
	struct end client, server;
	uint8_t proto;
	bool began, over; /* a SYN was seen; a FIN or RST was */
	uint64_t last_us;
	uint64_t packets, back; /* since it was told last */
};

struct set {
	uint32_t tags[PLACES]; /* 0: the place is free */
	struct flow flows[PLACES];
};

struct flows {
	uint64_t touched[SETS / 64]; /* bits of the sets that have, or had, a flow */
	struct set sets[SETS];
};

struct flows *flows_create(void)
{
	return calloc(1, sizeof(struct flows));
}

void flows_destroy(struct flows *flows)
{
	free(flows);
}

static void flow_tell(struct traffic *traffic, struct flow *flow, bool more)
{
	const struct traffic_observation observation = {
		.kind = TRAFFIC_FLOW,
		.wall_us = flow->last_us,
		.client = flow->client.addr,
		.server = flow->server.addr,
		.proto = flow->proto,
		.client_port = flow->client.port,
		.port = flow->server.port,
		.began = flow->began,
		.more = more,
		.packets = flow->packets,
		.back = flow->back,
	};

	flow->packets = flow->back = 0;
	traffic_tell(traffic, &observation);
}

/* Takes the flow out of the table. */
static void place_free(struct traffic *traffic, struct set *set, size_t place)
{
	struct flow *flow = &set->flows[place];

	if (flow->packets || flow->back)
		flow_tell(traffic, flow, true);
	set->tags[place] = 0;
}

static bool end_equal(const struct end *a, const struct end *b)
{
	return a->port == b->port && ng_addr_equal(&a->addr, &b->addr);
}

static uint64_t hash_of(const struct end *from, const struct end *to, uint8_t proto)
{
	return hash_octets(from, sizeof(*from), proto) + hash_octets(to, sizeof(*to), proto);
}

/* The place of the flow between these ends, or PLACES. */
static size_t place_find(const struct set *set, uint32_t tag, const struct end *from,
			 const struct end *to, uint8_t proto)
{
	for (size_t i = 0; i < PLACES; i++) {
		const struct flow *flow = &set->flows[i];

		if (set->tags[i] != tag || flow->proto != proto)
			continue;
		if ((end_equal(&flow->client, from) && end_equal(&flow->server, to)) ||
		    (end_equal(&flow->client, to) && end_equal(&flow->server, from)))
			return i;
	}
	return PLACES;
}

static size_t place_make(struct traffic *traffic, struct set *set)
{
	size_t oldest = 0;

	for (size_t i = 0; i < PLACES; i++) {
		if (!set->tags[i])
			return i;
		if (set->flows[i].last_us < set->flows[oldest].last_us)
			oldest = i;
	}
	place_free(traffic, set, oldest);
	return oldest;
}

/* Has this flow's time passed, so that the packet begins another one? */
static bool is_past(const struct flow *flow, const struct packet *packet, uint8_t tcp_flags)
{
	uint64_t silent_us =
		packet->wall_us > flow->last_us ? packet->wall_us - flow->last_us : 0;

	if (flow->proto == IPPROTO_TCP) /* a SYN that is repeated begins nothing new */
		return (tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
		       (flow->over || flow->back || !flow->began);
	return silent_us > (flow->proto == IPPROTO_UDP ? SILENT_UDP_US : SILENT_US);
}

/*
 * Who of the two is the client? The sender of a SYN, or of the first packet; in the middle of
 * a connection nobody can tell, and services have the lower port more often than not.
 */
static bool sender_is_client(const struct packet *packet, uint8_t tcp_flags)
{
	if (packet->proto != IPPROTO_TCP)
		return true;
	if (tcp_flags & TCP_SYN)
		return !(tcp_flags & TCP_ACK);
	return packet->from_port >= packet->to_port;
}

static void flow_count(struct flow *flow, const struct packet *packet, const struct end *from,
		       uint8_t tcp_flags)
{
	if (end_equal(&flow->client, from))
		flow->packets++;
	else if (!(tcp_flags & TCP_RST))
		flow->back++;
	flow->last_us = packet->wall_us;
	flow->over |= (tcp_flags & (TCP_FIN | TCP_RST)) != 0;
}

static void flow_begin(struct traffic *traffic, struct set *set, uint32_t tag,
		       const struct packet *packet, const struct end *from,
		       const struct end *to, uint8_t tcp_flags)
{
	bool forth = sender_is_client(packet, tcp_flags);
	size_t place = place_make(traffic, set);
	struct flow *flow = &set->flows[place];

	set->tags[place] = tag;
	*flow = (struct flow){
		.client = forth ? *from : *to,
		.server = forth ? *to : *from,
		.proto = packet->proto,
		.began = packet->proto != IPPROTO_TCP || (tcp_flags & TCP_SYN),
	};
	flow_count(flow, packet, from, tcp_flags);
	flow_tell(traffic, flow, false);
}

void flows_take(struct traffic *traffic, const struct packet *packet, uint8_t tcp_flags)
{
	const struct end from = {.addr = packet->from, .port = packet->from_port};
	const struct end to = {.addr = packet->to, .port = packet->to_port};
	uint64_t hash = hash_of(&from, &to, packet->proto);
	size_t at = hash % SETS;
	struct set *set = &traffic->flows->sets[at];
	uint32_t tag = (uint32_t)(hash >> 32) | 1u;
	size_t place = place_find(set, tag, &from, &to, packet->proto);

	if (place < PLACES && is_past(&set->flows[place], packet, tcp_flags)) {
		place_free(traffic, set, place);
		place = PLACES;
	}
	traffic->flows->touched[at / 64] |= (uint64_t)1 << (at % 64);
	if (place < PLACES)
		flow_count(&set->flows[place], packet, &from, tcp_flags);
	else if (!(tcp_flags & TCP_RST)) /* it refuses, and begins nothing */
		flow_begin(traffic, set, tag, packet, &from, &to, tcp_flags);
}

static void set_end(struct traffic *traffic, struct set *set)
{
	for (size_t i = 0; i < PLACES; i++) {
		if (set->tags[i])
			place_free(traffic, set, i);
	}
}

void flows_end(struct traffic *traffic)
{
	struct flows *flows = traffic->flows;

	for (size_t i = 0; i < SETS; i++) {
		if (flows->touched[i / 64] >> (i % 64) & 1)
			set_end(traffic, &flows->sets[i]);
	}
	memset(flows->touched, 0, sizeof(flows->touched));
}
