/*
 * DNS over TCP, put together from segments that may be repeated, overlap, come out of order, or be
 * missing from the capture.
 *
 * Each direction knows the sequence number it waits for. What is older is cut off, what is newer is
 * kept in order, within a bound. When the bound is reached, or the connection ends, what is missing
 * will not come: a gap. If it lies inside a message whose length is known, reading goes on
 * exactly behind that message; else the next segments are tried for one that begins like a message,
 * and after some without success the direction is given up until its next SYN.
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#define STREAMS_MAX     512
#define SEGMENTS_MAX    16 /* that wait behind a gap, in one direction */
#define WAITING_MAX     (64u << 10)
#define TRIES_MAX       16
#define PREFIX          2u /* octets of a message's length (RFC 1035 4.2.2) */
#define WINDOW_MAX      (1u << 30)
#define QUESTION_LEAST  (NG_HEADER_LEN + 5u) /* the root, a type and a class */
#define HEADER_QUESTION 4

struct segment { /* waits; its octets follow it */
	struct segment *next, *prev;
	uint64_t wall_us;
	uint32_t seq;
	size_t len;
	uint8_t octets[];
};

struct side { /* one direction */
	bool known, searching, given_up;
	uint32_t next; /* the sequence number that is waited for */
	uint32_t skip; /* octets of a message that a gap has spoilt, still to come */
	unsigned int tries;
	struct segment *segments; /* in order */
	size_t n_segments, waiting;
	uint8_t *message; /* prefix and what came so far; room for the longest */
	size_t have;
};

struct stream_key { /* no padding */
	struct ng_addr client, server;
	uint16_t client_port, server_port;
};

struct stream {
	struct stream_key key;
	struct side sides[2];       /* from the client, from the server */
	struct stream *next, *prev; /* the one that was silent longest first */
	UT_hash_handle hh;
};

struct streams {
	struct stream *table, *order;
};

struct streams *streams_create(void)
{
	return calloc(1, sizeof(struct streams));
}

static void side_clear(struct side *side)
{
	struct segment *segment, *spare;

	DL_FOREACH_SAFE (side->segments, segment, spare)
		free(segment);
	free(side->message);
	*side = (struct side){0};
}

static void stream_free(struct streams *streams, struct stream *stream)
{
	HASH_DEL(streams->table, stream);
	DL_DELETE(streams->order, stream);
	side_clear(&stream->sides[0]);
	side_clear(&stream->sides[1]);
	free(stream);
}

void streams_destroy(struct streams *streams)
{
	struct stream *stream, *spare;

	if (!streams)
		return;
	HASH_ITER (hh, streams->table, stream, spare)
		stream_free(streams, stream);
	free(streams);
}

/* ---- octets in order ---- */

struct arrival { /* octets of one side, with the packet that brought them */
	struct traffic *traffic;
	struct side *side;
	bool response; /* the side is the server's */
	struct packet packet;
};

static size_t message_len(const uint8_t *prefix)
{
	return PREFIX + octets_u16(prefix);
}

/* Moves octets into the buffer until it holds want of them; false until it does. */
static bool side_fill(struct side *side, size_t want, const uint8_t **octets, size_t *len)
{
	size_t n = want > side->have ? want - side->have : 0;

	if (n > *len)
		n = *len;
	memcpy(side->message + side->have, *octets, n);
	side->have += n;
	*octets += n;
	*len -= n;
	return side->have >= want;
}

static bool side_room(struct arrival *arrival)
{
	struct side *side = arrival->side;

	if (!side->message)
		side->message = malloc(PREFIX + NG_MESSAGE_MAX);
	if (side->message)
		return true;
	traffic_count(arrival->traffic, TRAFFIC_N_GIVEN_UP);
	side->given_up = true;
	return false;
}

static void side_feed(struct arrival *arrival, const uint8_t *octets, size_t len)
{
	struct side *side = arrival->side;
	size_t skip = side->skip < len ? side->skip : len;

	side->skip -= (uint32_t)skip;
	octets += skip;
	len -= skip;
	while (len > 0) {
		if (!side->have && len >= PREFIX && len >= message_len(octets)) {
			size_t whole = message_len(octets);

			message_take(arrival->traffic, &arrival->packet, octets + PREFIX,
				     whole - PREFIX);
			octets += whole;
			len -= whole;
			continue;
		}
		if (!side_room(arrival) || !side_fill(side, PREFIX, &octets, &len) ||
		    !side_fill(side, message_len(side->message), &octets, &len))
			return;
		message_take(arrival->traffic, &arrival->packet, side->message + PREFIX,
			     side->have - PREFIX);
		side->have = 0;
	}
}

/* Could a message begin here? A plain query or response with one question. */
static bool looks_like_message(const uint8_t *octets, size_t len, bool response)
{
	const uint8_t *header = octets + PREFIX;

	return len >= PREFIX + NG_HEADER_LEN && octets_u16(octets) >= QUESTION_LEAST &&
	       (header[2] & 0xf8) == (response ? 0x80 : 0) &&
	       octets_u16(header + HEADER_QUESTION) == 1;
}

static void side_search(struct arrival *arrival, const uint8_t *octets, size_t len)
{
	struct side *side = arrival->side;

	if (looks_like_message(octets, len, arrival->response)) {
		side->searching = false;
		side->tries = 0;
		side_feed(arrival, octets, len);
	} else if (++side->tries == TRIES_MAX) {
		side->given_up = true;
		traffic_count(arrival->traffic, TRAFFIC_N_GIVEN_UP);
	}
}

/* Octets that begin at side->next: the sequence number moves on, whatever they turn out to be. */
static void side_read(struct arrival *arrival, const uint8_t *octets, size_t len)
{
	arrival->side->next += (uint32_t)len;
	if (arrival->side->searching)
		side_search(arrival, octets, len);
	else
		side_feed(arrival, octets, len);
}

/* ---- order ---- */

static int32_t distance(uint32_t from, uint32_t to)
{
	return (int32_t)(to - from);
}

static void segment_free(struct side *side, struct segment *segment)
{
	DL_DELETE(side->segments, segment);
	side->n_segments--;
	side->waiting -= segment->len;
	free(segment);
}

/* Reads the first waiting segment, which begins at or before side->next. */
static void segment_read(struct arrival *arrival, struct segment *segment)
{
	size_t known = (size_t)distance(segment->seq, arrival->side->next);
	uint64_t wall_us = arrival->packet.wall_us;

	if (known < segment->len) {
		arrival->packet.wall_us = segment->wall_us;
		side_read(arrival, segment->octets + known, segment->len - known);
		arrival->packet.wall_us = wall_us;
	}
	segment_free(arrival->side, segment);
}

static void side_drain(struct arrival *arrival)
{
	struct side *side = arrival->side;

	while (side->segments && distance(side->segments->seq, side->next) >= 0)
		segment_read(arrival, side->segments);
}

/* What is missing before the first waiting segment will not come. */
static void side_gap(struct arrival *arrival)
{
	struct side *side = arrival->side;
	uint32_t missing = (uint32_t)distance(side->next, side->segments->seq);
	size_t rest = side->skip;

	if (side->have >= PREFIX)
		rest = message_len(side->message) - side->have;
	side->searching = side->searching || rest < missing;
	side->skip = side->searching ? 0 : (uint32_t)(rest - missing);
	side->have = 0;
	side->next += missing;
	traffic_count(arrival->traffic, TRAFFIC_N_GAPS);
	side_drain(arrival);
}

static void segment_keep(struct arrival *arrival, uint32_t seq, const uint8_t *octets,
			 size_t len)
{
	struct side *side = arrival->side;
	struct segment *segment = malloc(sizeof(*segment) + len), *later;

	if (!segment)
		return; /* it is missing, then */
	*segment = (struct segment){.seq = seq, .len = len, .wall_us = arrival->packet.wall_us};
	memcpy(segment->octets, octets, len);
	for (later = side->segments; later; later = later->next) {
		if (distance(seq, later->seq) > 0)
			break;
	}
	if (later)
		DL_PREPEND_ELEM(side->segments, later, segment);
	else
		DL_APPEND(side->segments, segment);
	side->n_segments++;
	side->waiting += len;
	if (side->n_segments > SEGMENTS_MAX || side->waiting > WAITING_MAX)
		side_gap(arrival);
}

static void side_take(struct arrival *arrival, uint32_t seq, const uint8_t *octets, size_t len)
{
	struct side *side = arrival->side;
	int32_t ahead;

	if (side->given_up || len == 0)
		return;
	if (!side->known) { /* the capture begins in the middle */
		side->known = side->searching = true;
		side->next = seq;
	}
	ahead = distance(side->next, seq);
	if (ahead > (int32_t)WINDOW_MAX || ahead < -(int32_t)WINDOW_MAX) {
		traffic_count(arrival->traffic, TRAFFIC_N_BROKEN);
	} else if (ahead > 0) {
		segment_keep(arrival, seq, octets, len);
	} else if ((size_t)-ahead < len) {
		side_read(arrival, octets - ahead, len - (size_t)-ahead);
		side_drain(arrival);
	}
}

/* The end of a direction: all gaps are final, and so is a message that has begun. */
static void side_end(struct arrival *arrival)
{
	struct side *side = arrival->side;

	while (side->segments)
		side_gap(arrival);
	if (side->have || side->skip)
		traffic_count(arrival->traffic, TRAFFIC_N_UNFINISHED);
	free(side->message);
	side->message = NULL;
	side->have = side->skip = 0;
}

/* ---- connections ---- */

static struct arrival arrival_make(struct traffic *traffic, struct stream *stream,
				   bool response)
{
	const struct stream_key *key = &stream->key;
	struct arrival arrival = {
		.traffic = traffic, .side = &stream->sides[response], .response = response};

	arrival.packet.proto = IPPROTO_TCP;
	arrival.packet.from = response ? key->server : key->client;
	arrival.packet.to = response ? key->client : key->server;
	arrival.packet.from_port = response ? key->server_port : key->client_port;
	arrival.packet.to_port = response ? key->client_port : key->server_port;
	return arrival;
}

static void stream_end(struct traffic *traffic, struct stream *stream)
{
	for (int response = 0; response < 2; response++) {
		struct arrival arrival = arrival_make(traffic, stream, response);

		side_end(&arrival);
	}
}

static struct stream *stream_make(struct traffic *traffic, const struct stream_key *key)
{
	struct streams *streams = traffic->streams;
	struct stream *stream;

	if (HASH_COUNT(streams->table) >= STREAMS_MAX) {
		stream = streams->order;
		stream_end(traffic, stream);
		stream_free(streams, stream);
	}
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NULL;
	stream->key = *key;
	HASH_ADD(hh, streams->table, key, sizeof(stream->key), stream);
	if (!stream->hh.tbl) {
		free(stream);
		return NULL;
	}
	DL_APPEND(streams->order, stream);
	return stream;
}

/* A packet without octets and without SYN says nothing of a connection that is not known. */
static struct stream *stream_of(struct traffic *traffic, const struct packet *packet,
				bool to_server, bool make)
{
	const struct stream_key key = {
		.client = to_server ? packet->from : packet->to,
		.server = to_server ? packet->to : packet->from,
		.client_port = to_server ? packet->from_port : packet->to_port,
		.server_port = to_server ? packet->to_port : packet->from_port,
	};
	struct stream *stream;

	HASH_FIND(hh, traffic->streams->table, &key, sizeof(key), stream);
	if (!stream)
		return make ? stream_make(traffic, &key) : NULL;
	DL_DELETE(traffic->streams->order, stream);
	DL_APPEND(traffic->streams->order, stream);
	return stream;
}

static void side_begin(struct arrival *arrival, uint32_t seq)
{
	if (arrival->side->known && arrival->side->next == seq + 1)
		return; /* the SYN again */
	side_end(arrival);
	side_clear(arrival->side);
	arrival->side->known = true;
	arrival->side->next = seq + 1;
}

/* Has all been read that the sender had sent with this segment? Else the rest may still come. */
static bool is_read(const struct side *side, uint32_t seq, size_t sent)
{
	int32_t read = distance(seq, side->next);

	return read >= 0 && (size_t)read >= sent;
}

void streams_take(struct traffic *traffic, const struct packet *packet, bool to_server)
{
	size_t head = (packet->octets[12] >> 4) * 4u;
	uint32_t seq = octets_u32(packet->octets + 4);
	uint8_t flags = packet->octets[13];
	struct arrival arrival;
	struct stream *stream;

	if (head < 20 || head > packet->len) {
		traffic_count(traffic, head > packet->len && head <= packet->sent
					       ? TRAFFIC_N_CUT
					       : TRAFFIC_N_BROKEN);
		return;
	}
	if (packet->len < packet->sent)
		traffic_count(traffic, TRAFFIC_N_CUT);
	stream = stream_of(traffic, packet, to_server, (flags & TCP_SYN) || packet->len > head);
	if (!stream)
		return;
	arrival = arrival_make(traffic, stream, !to_server);
	arrival.packet.wall_us = packet->wall_us;
	if (flags & TCP_SYN) {
		side_begin(&arrival, seq);
		seq++;
	}
	side_take(&arrival, seq, packet->octets + head, packet->len - head);
	if (flags & TCP_FIN && is_read(arrival.side, seq, packet->sent - head))
		side_end(&arrival);
	if (flags & TCP_RST)
		stream_end(traffic, stream);
}

void streams_end(struct traffic *traffic)
{
	struct stream *stream;

	DL_FOREACH (traffic->streams->order, stream)
		stream_end(traffic, stream);
}
