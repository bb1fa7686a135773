/*
 * Datagrams in pieces. A piece's place is in units of eight octets, so one bit for each unit tells what
 * is there; the datagram is whole when as many units are there as its last piece says it has.
 *
 * Pieces that overlap are how filters are deceived (RFC 5722, RFC 1858): unless it is the same
 * piece again, the datagram is dropped and counted. The table is small and fixed, the datagram that
 * waited longest makes room, and thirty seconds of captured time end the waiting (RFC 791 has 15, RFC 8200 has 60).
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include <stdlib.h>
#include <string.h>

#define DATAGRAMS_MAX 128
#define DATAGRAM_MAX  65536u
#define UNIT          8u
#define UNITS_MAX     (DATAGRAM_MAX / UNIT)
#define WAIT_US       30000000u

struct datagram {
	struct packet packet; /* of its first piece to come; family none: the place is free */
	uint32_t id;
	uint64_t began_us;
	uint32_t units, whole; /* there, and in all; whole 0: not known yet */
	uint32_t len;          /* in octets, once whole is known */
	uint32_t reach;        /* units behind the furthest piece */
	uint8_t there[UNITS_MAX / 8];
	uint8_t *octets; /* DATAGRAM_MAX of them; stays with the place */
};

struct fragments {
	size_t n; /* places in use */
	struct datagram datagrams[DATAGRAMS_MAX];
};

struct fragments *fragments_create(void)
{
	return calloc(1, sizeof(struct fragments));
}

void fragments_destroy(struct fragments *fragments)
{
	if (!fragments)
		return;
	for (size_t i = 0; i < DATAGRAMS_MAX; i++)
		free(fragments->datagrams[i].octets);
	free(fragments);
}

static void datagram_free(struct fragments *fragments, struct datagram *datagram)
{
	datagram->packet.from.family = NG_NOFAMILY;
	fragments->n--;
}

static void datagram_drop(struct traffic *traffic, struct datagram *datagram,
			  enum traffic_count why)
{
	traffic_count(traffic, why);
	datagram_free(traffic->fragments, datagram);
}

static bool is_used(const struct datagram *datagram)
{
	return datagram->packet.from.family != NG_NOFAMILY;
}

static bool is_of(const struct datagram *datagram, const struct piece *piece)
{
	return is_used(datagram) && datagram->id == piece->id &&
	       datagram->packet.proto == piece->packet.proto &&
	       ng_addr_equal(&datagram->packet.from, &piece->packet.from) &&
	       ng_addr_equal(&datagram->packet.to, &piece->packet.to);
}

/* The datagram of this piece, else a free place, else that of the oldest. */
static struct datagram *place_of(struct traffic *traffic, const struct piece *piece)
{
	struct datagram *free_one = NULL, *oldest = NULL;

	for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
		struct datagram *datagram = &traffic->fragments->datagrams[i];

		if (is_used(datagram) && piece->packet.wall_us > datagram->began_us + WAIT_US)
			datagram_drop(traffic, datagram, TRAFFIC_N_UNFINISHED);
		if (is_of(datagram, piece))
			return datagram;
		if (!is_used(datagram))
			free_one = free_one ? free_one : datagram;
		else if (!oldest || datagram->began_us < oldest->began_us)
			oldest = datagram;
	}
	if (free_one)
		return free_one;
	datagram_drop(traffic, oldest, TRAFFIC_N_UNFINISHED);
	return oldest;
}

static struct datagram *datagram_of(struct traffic *traffic, const struct piece *piece)
{
	struct datagram *datagram = place_of(traffic, piece);

	if (is_used(datagram))
		return datagram;
	if (!datagram->octets)
		datagram->octets = malloc(DATAGRAM_MAX);
	if (!datagram->octets)
		return NULL;
	datagram->packet = piece->packet;
	datagram->id = piece->id;
	datagram->began_us = piece->packet.wall_us;
	datagram->units = datagram->whole = datagram->len = datagram->reach = 0;
	memset(datagram->there, 0, sizeof(datagram->there));
	traffic->fragments->n++;
	return datagram;
}

/* How many of the units [first, first + n) are there already. */
static uint32_t units_there(const struct datagram *datagram, uint32_t first, uint32_t n)
{
	uint32_t found = 0;

	for (uint32_t unit = first; unit < first + n; unit++)
		found += datagram->there[unit / 8] >> (unit % 8) & 1u;
	return found;
}

static void units_put(struct datagram *datagram, const struct piece *piece, uint32_t first,
		      uint32_t n)
{
	memcpy(datagram->octets + piece->offset, piece->packet.octets, piece->packet.len);
	for (uint32_t unit = first; unit < first + n; unit++)
		datagram->there[unit / 8] |= (uint8_t)(1u << (unit % 8));
	datagram->units += n;
	if (first + n > datagram->reach)
		datagram->reach = first + n;
	if (!piece->last)
		return;
	datagram->whole = first + n;
	datagram->len = (uint32_t)(piece->offset + piece->packet.len);
}

/* The same octets again, as a network that repeats a packet brings them. */
static bool is_repeated(const struct datagram *datagram, const struct piece *piece, uint32_t n,
			uint32_t there)
{
	return there == n && memcmp(datagram->octets + piece->offset, piece->packet.octets,
				    piece->packet.len) == 0;
}

static bool is_sound(const struct piece *piece)
{
	return piece->packet.len > 0 && piece->offset + piece->packet.len <= DATAGRAM_MAX - 1 &&
	       (piece->last || piece->packet.len % UNIT == 0);
}

static void datagram_whole(struct traffic *traffic, struct datagram *datagram, uint64_t wall_us)
{
	struct packet packet = datagram->packet;

	packet.wall_us = wall_us;
	packet.octets = datagram->octets;
	packet.len = packet.sent = datagram->len;
	datagram_free(traffic->fragments, datagram);
	packet_assembled(traffic, &packet);
}

void fragments_take(struct traffic *traffic, const struct piece *piece)
{
	uint32_t first = piece->offset / UNIT, n, there;
	struct datagram *datagram;

	if (piece->packet.len < piece->packet.sent || !is_sound(piece)) {
		traffic_count(traffic, piece->packet.len < piece->packet.sent
					       ? TRAFFIC_N_CUT
					       : TRAFFIC_N_BROKEN);
		return;
	}
	n = (uint32_t)((piece->packet.len + UNIT - 1) / UNIT);
	datagram = datagram_of(traffic, piece);
	if (!datagram) {
		traffic_count(traffic, TRAFFIC_N_UNFINISHED);
		return;
	}
	there = units_there(datagram, first, n);
	if (is_repeated(datagram, piece, n, there))
		return;
	if (there || (piece->last && (datagram->whole || first + n < datagram->reach)) ||
	    (datagram->whole && first + n > datagram->whole)) {
		datagram_drop(traffic, datagram, TRAFFIC_N_BROKEN);
		return;
	}
	units_put(datagram, piece, first, n);
	if (datagram->units == datagram->whole)
		datagram_whole(traffic, datagram, piece->packet.wall_us);
}

void fragments_end(struct traffic *traffic)
{
	for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
		if (is_used(&traffic->fragments->datagrams[i]))
			datagram_drop(traffic, &traffic->fragments->datagrams[i],
				      TRAFFIC_N_UNFINISHED);
	}
}
