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
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define OUT_MAX     (256u << 10) /* octets that the server may leave untaken */
#define STRANGE_MAX 16           /* messages in a row that answer nobody */
#define READS       64           /* of one turn; others wait too */

static uint64_t mark_of(const struct stream *stream)
{
	return (uint64_t)stream->generation << 32 |
	       (stream->upstream->n_places * LEGS + stream->place);
}

/* ---- out ---- */

static bool want_write(struct stream *stream, bool wanted)
{
	if (stream->writing == wanted)
		return true;
	stream->writing = wanted;
	return upstream_watch(stream->upstream, stream->fd, EPOLL_CTL_MOD,
			      wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, mark_of(stream));
}

/* False: the connection is of no use any more. */
static bool flush(struct stream *stream)
{
	while (stream->out_pos < stream->out_len) {
		ssize_t sent = send(stream->fd, stream->out + stream->out_pos,
				    stream->out_len - stream->out_pos, MSG_NOSIGNAL);

		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			return want_write(stream, true);
		if (sent < 0)
			return false;
		stream->out_pos += (size_t)sent;
	}
	stream->out_pos = stream->out_len = 0;
	return want_write(stream, false);
}

static int make_room(struct stream *stream, size_t n)
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
int stream_write(struct stream *stream, const uint8_t *octets, size_t n)
{
	int code = make_room(stream, n);

	if (code)
		return code;
	memcpy(stream->out + stream->out_len, octets, n);
	stream->out_len += n;
	if (stream->open)
		(void)flush(stream);
	return NG_OK;
}

/* ---- in ---- */

/* Where the next octets belong: first the two of the length, then the message. */
static uint8_t *room_for(struct stream *stream, size_t *n)
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

static void got_octets(struct stream *stream, size_t n)
{
	stream->heard_ms = upstream_now_ms(stream->upstream);
	if (stream->prefix_pos < 2)
		stream->prefix_pos = (uint8_t)(stream->prefix_pos + n);
	else
		stream->in_pos += n;
}

/* False: nothing more is to be read from it. */
static bool got_message(struct stream *stream)
{
	uint32_t generation = stream->generation;
	uint8_t *wire = stream->in;
	bool good;

	stream->in = NULL;
	stream->prefix_pos = 0;
	good = stream_message(stream, wire, stream->in_len);
	free(wire);
	if (stream->generation != generation)
		return false;
	stream->strange = good ? 0 : stream->strange + 1;
	if (stream->strange < STRANGE_MAX)
		return true;
	stream_close(stream, NG_NO_MATCH, false);
	return false;
}

static void hung_up(struct stream *stream)
{
	stream_close(stream, stream->strange ? NG_NO_MATCH : NG_NO_NETWORK, !stream->open);
}

static void take(struct stream *stream)
{
	for (int i = 0; i < READS; i++) {
		size_t n = 0;
		uint8_t *room = room_for(stream, &n);
		ssize_t got = room ? recv(stream->fd, room, n, MSG_DONTWAIT) : 0;

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
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

void stream_event(struct stream *stream, uint32_t events)
{
	if (!stream->open) {
		int error = 0;
		socklen_t len = sizeof(error);

		if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
			hung_up(stream);
			return;
		}
		stream->open = true;
	}
	if (events & EPOLLOUT && !flush(stream))
		hung_up(stream);
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		take(stream);
}
