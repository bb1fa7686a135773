/*
 * The octets of a connection: messages with two octets of length before each (RFC 1035 4.2.2),
 * wherever the segments fall.
 *
 * Answering a message may close this very connection, or give its place to another; the generation
 * tells.
 */
#include "config.h"
#include "edge/upstream_try.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define OUT_MAX     (256u << 10) /* octets that the server may leave untaken */
#define STRANGE_MAX 16           /* messages in a row that answer nobody */
#define READS       64           /* of the socket in one turn; others wait too */
#define TOLD_MS     60000
#define GONE        (-2) /* not even the connection is there any more */

static uint64_t mark_of(const struct conn *stream)
{
	return (uint64_t)stream->generation << 32 |
	       (stream->upstream->n_places * LEGS + stream->place);
}

/* ---- out ---- */

static bool want_write(struct conn *stream, bool wanted)
{
	if (stream->writing == wanted)
		return true;
	stream->writing = wanted;
	return upstream_watch(stream->upstream, stream->fd, EPOLL_CTL_MOD,
			      wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, mark_of(stream));
}

/* How much of it the socket took; all is gone when *pos is len. False: it is of no use any more. */
static bool send_some(struct conn *stream, const uint8_t *octets, size_t len, size_t *pos)
{
	while (*pos < len) {
		ssize_t sent = send(stream->fd, octets + *pos, len - *pos, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		*pos += (size_t)sent;
	}
	return true;
}

static bool flush_sealed(struct conn *stream)
{
	for (;;) {
		if (!send_some(stream, stream->sealed, stream->sealed_len, &stream->sealed_pos))
			return false;
		if (stream->sealed_pos < stream->sealed_len)
			return want_write(stream, true);
		stream->sealed_pos = 0;
		stream->sealed_len =
			tls_pull(stream->tls, stream->sealed, sizeof(stream->sealed));
		if (!stream->sealed_len)
			return want_write(stream, false);
	}
}

/* False: the connection is of no use any more. */
static bool flush(struct conn *stream)
{
	size_t left = stream->ready ? stream->out_len - stream->out_pos : 0;

	if (stream->tls) {
		if (left && tls_write(stream->tls, stream->out + stream->out_pos, left))
			return false;
		stream->out_pos += left;
	} else if (!send_some(stream, stream->out, stream->out_len, &stream->out_pos)) {
		return false;
	}
	if (stream->out_pos == stream->out_len)
		stream->out_pos = stream->out_len = 0;
	return stream->tls ? flush_sealed(stream) : want_write(stream, stream->out_len > 0);
}

static int make_room(struct conn *stream, size_t n)
{
	size_t room = stream->out_room ? stream->out_room : 1024;
	uint8_t *out;

	if (stream->out_len + n > OUT_MAX)
		return NG_E_FULL;
	while (room < stream->out_len + n)
		room *= 2;
	if (room == stream->out_room)
		return NG_OK;
	out = realloc(stream->out, room);
	if (!out)
		return NG_E_NOMEM;
	stream->out = out;
	stream->out_room = room;
	return NG_OK;
}

/* A connection that breaks here says so in an event of its own. */
int conn_write(struct conn *stream, const uint8_t *octets, size_t n)
{
	int code = make_room(stream, n);

	if (code)
		return code;
	memcpy(stream->out + stream->out_len, octets, n);
	stream->out_len += n;
	if (stream->ready)
		(void)flush(stream);
	return NG_OK;
}

/* ---- in ---- */

/* Where the next octets belong: first the two of the length, then the message. */
static uint8_t *room_for(struct conn *stream, size_t *n)
{
	if (stream->prefix_pos < 2) {
		*n = 2u - stream->prefix_pos;
		return stream->prefix + stream->prefix_pos;
	}
	if (!stream->in) {
		stream->in_len = (size_t)stream->prefix[0] << 8 | stream->prefix[1];
		stream->in_pos = 0;
		if (stream->in_len < NG_HEADER_LEN)
			return NULL;
		stream->in = malloc(stream->in_len);
		if (!stream->in)
			return NULL;
	}
	*n = stream->in_len - stream->in_pos;
	return stream->in + stream->in_pos;
}

static void got_octets(struct conn *stream, size_t n)
{
	stream->heard_ms = upstream_now_ms(stream->upstream);
	if (stream->prefix_pos < 2)
		stream->prefix_pos = (uint8_t)(stream->prefix_pos + n);
	else
		stream->in_pos += n;
}

/* False: nothing more is to be read from it. */
static bool got_message(struct conn *stream)
{
	uint32_t generation = stream->generation;
	uint8_t *wire = stream->in;
	bool good;

	stream->in = NULL;
	stream->prefix_pos = 0;
	good = conn_message(stream, wire, stream->in_len);
	free(wire);
	if (stream->generation != generation)
		return false;
	stream->strange = good ? 0 : stream->strange + 1;
	if (stream->strange < STRANGE_MAX)
		return true;
	conn_close(stream, NG_NO_MATCH, false);
	return false;
}

static void hung_up(struct conn *stream)
{
	conn_close(stream, stream->strange ? NG_NO_MATCH : NG_NO_NETWORK, !stream->open);
}

/* Told once in a while for each server; whoever asked gets its SERVFAIL each time. */
static void report_stranger(struct conn *stream)
{
	struct server_route *route =
		stream->legs ? exchange_route(stream->legs->exchange) : NULL;
	struct server *server = route ? &route->servers[stream->legs->index] : NULL;
	uint64_t now_ms = upstream_now_ms(stream->upstream);
	char text[NG_ADDR_TEXT];

	stream->upstream->counters.untrusted++;
	if (stream->legs)
		leg_count(stream->legs, UPSTREAM_UNTRUSTED);
	if (!server || (server->told_ms && now_ms < server->told_ms + TOLD_MS))
		return;
	server->told_ms = now_ms ? now_ms : 1;
	fprintf(stderr,
		"namegated: upstream server %s port %u is asked nothing, since it does not "
		"prove "
		"by TLS that it is %s: %s. Compare the name and pin-sha256 in the forward zone "
		"with its certificate, and tls-trust with who signed that.\n",
		ng_addr_format(&stream->server.addr, text), stream->server.port,
		server->who.name[0] ? server->who.name : "the owner of the pinned key",
		tls_why(stream->tls));
}

static void note_resumed(const struct conn *stream)
{
	if (!stream->tls || !tls_resumed(stream->tls))
		return;
	stream->upstream->counters.resumed++;
	if (stream->legs)
		leg_count(stream->legs, UPSTREAM_RESUMED);
}

/* False: the connection is gone. */
static bool shake(struct conn *stream)
{
	int code = stream->tls ? tls_shake(stream->tls) : NG_OK;

	if (code == NG_OK) {
		stream->ready = true;
		note_resumed(stream);
	} else if (code != NG_E_NOTFOUND) {
		(void)flush(stream); /* the alert */
		report_stranger(stream);
		conn_close(stream, NG_NO_TRUST, true);
		return false;
	}
	if (flush(stream))
		return true;
	hung_up(stream);
	return false;
}

/* As recv(2), so often a turn; what the socket still holds brings the next turn by itself. */
static ssize_t receive_some(const struct conn *stream, uint8_t *room, size_t n, int *reads)
{
	if (!*reads) {
		errno = EAGAIN;
		return -1;
	}
	--*reads;
	return recv(stream->fd, room, n, MSG_DONTWAIT);
}

/*
 * The same with TLS taken off. What TLS holds, a record and the octets of one read at most, is taken
 * to its end whatever the reads: no event tells of it any more.
 */
static ssize_t receive(struct conn *stream, uint8_t *room, size_t n, int *reads)
{
	uint8_t octets[4096];
	ssize_t got;

	if (!stream->tls)
		return receive_some(stream, room, n, reads);
	for (;;) {
		got = stream->ready ? tls_read(stream->tls, room, n) : -1;
		if (got >= 0)
			return got;
		got = receive_some(stream, octets, sizeof(octets), reads);
		if (got <= 0)
			return got;
		if (tls_feed(stream->tls, octets, (size_t)got))
			return 0;
		if (!stream->ready) {
			if (!shake(stream))
				return GONE;
			errno = EAGAIN; /* TLS keeps none */
			return -1;
		}
	}
}

static void take(struct conn *stream)
{
	int reads = READS;

	for (;;) {
		size_t n = 0;
		uint8_t *room = room_for(stream, &n);
		ssize_t got = room ? receive(stream, room, n, &reads) : 0;

		if (got == GONE || (got < 0 && (errno == EAGAIN || errno == EINTR)))
			return;
		if (got <= 0) {
			hung_up(stream);
			return;
		}
		got_octets(stream, (size_t)got);
		if (stream->in && stream->in_pos == stream->in_len && !got_message(stream))
			return;
	}
}

static bool connected(struct conn *stream)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
		hung_up(stream);
		return false;
	}
	stream->open = true;
	return shake(stream);
}

void conn_event(struct conn *stream, uint32_t events)
{
	if (!stream->open && !connected(stream))
		return;
	if (events & EPOLLOUT && !flush(stream))
		hung_up(stream);
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		take(stream);
}
