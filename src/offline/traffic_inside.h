/*
 * What the readers of recorded traffic share: the way from a file to packets, from packets to
 * messages and flows, and from those to observations. Private to the traffic files.
 */
#pragma once

#include "base/arena.h"
#include "offline/traffic.h"

struct flows;
struct fragments;
struct streams;

struct traffic {
	struct traffic_wish wish;
	struct traffic_counts counts;
	struct flows *flows;
	struct fragments *fragments;
	struct streams *streams;
	struct arena arena; /* of the message that is being read */
	uint64_t told;      /* octets, when progress was told last */
	uint64_t names_us;  /* when the last section of names ended */
};

/* One IP packet behind its headers; of fragments, all of it. */
struct packet {
	uint64_t wall_us;
	struct ng_addr from, to;
	uint16_t from_port, to_port; /* 0 where there are none */
	uint8_t proto;
	const uint8_t *octets; /* what the capture holds of the payload */
	size_t len;
	size_t sent; /* what there was of it: at least len */
};

static inline void traffic_count(struct traffic *traffic, enum traffic_count what)
{
	traffic->counts.n[what]++;
}
void traffic_read_octets(struct traffic *traffic, size_t n); /* for count and progress */
void traffic_tell(struct traffic *traffic, const struct traffic_observation *observation);

/*
 * The formats. The file is positioned at its start; each closes it. Errors as of
 * traffic_read_from().
 */
int traffic_pcap(struct traffic *traffic, FILE *file, const char *path, struct ng_diags *diags);
int traffic_dnstap(struct traffic *traffic, FILE *file, const char *path,
		   struct ng_diags *diags);
int traffic_records(struct traffic *traffic, FILE *file, const char *path,
		    struct ng_diags *diags);
int traffic_names(struct traffic *traffic, FILE *file, const char *path,
		  struct ng_diags *diags);
/* A warning that a file ends, or breaks, before its end. */
void traffic_file_cut(struct traffic *traffic, const char *path, const char *why,
		      struct ng_diags *diags);

/* traffic_packet.c: one packet from its IP header on, and a datagram that was put together */
void packet_take(struct traffic *traffic, uint64_t wall_us, const uint8_t *octets, size_t len);
void packet_assembled(struct traffic *traffic, struct packet *packet);
static inline uint16_t octets_u16(const uint8_t *octets)
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}
static inline uint32_t octets_u32(const uint8_t *octets)
{
	return (uint32_t)octets_u16(octets) << 16 | octets_u16(octets + 2);
}

/* traffic_dns.c: a whole message; from and to are those of the packet that ended it */
void message_take(struct traffic *traffic, const struct packet *of, const uint8_t *octets,
		  size_t len);

/* traffic_fragments.c: pieces of datagrams until they are whole */
struct piece {
	struct packet packet; /* payload: this piece */
	uint32_t id;
	uint16_t offset; /* in octets */
	bool last;
};
struct fragments *fragments_create(void);
void fragments_destroy(struct fragments *fragments); /* takes NULL */
void fragments_take(struct traffic *traffic, const struct piece *piece);
void fragments_end(struct traffic *traffic);

/* traffic_flows.c: who sends to whom */
struct flows *flows_create(void);
void flows_destroy(struct flows *flows); /* takes NULL */
/* tcp_flags are those of the header; 0 for other protocols. */
void flows_take(struct traffic *traffic, const struct packet *packet, uint8_t tcp_flags);
void flows_end(struct traffic *traffic);

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* traffic_streams.c: DNS over TCP, put together; to_server says which way the packet went */
struct streams *streams_create(void);
void streams_destroy(struct streams *streams); /* takes NULL */
/* The packet's payload begins with the TCP header, which is whole. */
void streams_take(struct traffic *traffic, const struct packet *packet, bool to_server);
void streams_end(struct traffic *traffic);
