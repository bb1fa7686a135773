/*
 * What servers say, held against what they were asked. Everything that does not match in every
 * respect is worth nothing; what remains to decide is whether to wait on, to change to TCP, or to
 * ask another server.
 */
#include "config.h"
#include "edge/upstream_try.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum match { MATCH_NONE = 0, MATCH_ID, MATCH_CASE, MATCH_CUT, MATCH_REFUSAL, MATCH_GOOD };

/* How well this message answers the question of this try. */
static enum match judge(struct exchange *exchange, const uint8_t *wire, size_t len)
{
	struct upstream *upstream = exchange->upstream;
	const struct ng_question *asked = &exchange->question;
	struct ng_answer answer;
	uint16_t id;

	if (len < NG_HEADER_LEN || !(wire[2] & 0x80))
		return MATCH_NONE;
	id = (uint16_t)(wire[0] << 8 | wire[1]);
	if (id != exchange->id)
		return MATCH_ID;
	arena_reset(&upstream->arena);
	if (ng_answer_parse(wire, len, &upstream->arena, &answer) != NG_OK)
		return MATCH_NONE;
	if (!ng_answer_matches(&answer, asked)) {
		bool same = answer.has_question && answer.question.type == asked->type &&
			    answer.question.class == asked->class &&
			    ng_name_equal(&answer.question.name, &asked->name);
		return same ? MATCH_CASE : MATCH_NONE;
	}
	if (answer.truncated)
		return MATCH_CUT;
	if (answer.rcode != NG_RCODE_NOERROR && answer.rcode != NG_RCODE_NXDOMAIN)
		return MATCH_REFUSAL;
	return MATCH_GOOD;
}

/* A server that refuses or fails is given up for the next one, while there is one not yet asked. */
static bool worth_another(const struct exchange *exchange)
{
	const struct server_route *route = exchange_route(exchange);

	return route && exchange->tries < TRIES_MAX && exchange->tries < route->n_servers &&
	       exchange_clock_ms(exchange->upstream) < exchange->end_ms;
}

/* wire outlives the exchange: it is the shared datagram buffer, or was taken out of it. */
static void deliver(struct exchange *exchange, const uint8_t *wire, size_t len)
{
	struct upstream *upstream = exchange->upstream;
	struct ng_addr server = exchange->server.addr;
	uint64_t ask = exchange->ask.id;

	exchange_mark(exchange, true);
	exchange_give(exchange);
	upstream->events.answer(upstream->events.context, ask, &server, wire, len);
}

static void report_case(struct exchange *exchange)
{
	struct server_route *route = exchange_route(exchange);
	char text[NG_ADDR_TEXT];

	exchange->upstream->counters.case_lost++;
	if (!route)
		return;
	if (!route->servers[exchange->index].no_case_until_ms)
		fprintf(stderr,
			"namegated: upstream server %s does not echo the letter case of "
			"questions, which protects against forged answers; it is asked by TCP "
			"now. Replace it if you can.\n",
			ng_addr_format(&exchange->server.addr, text));
	server_no_case(route, exchange->index, exchange_clock_ms(exchange->upstream));
}

/* False: the exchange is not on this socket any more. */
static bool take_datagram(struct exchange *exchange, size_t len)
{
	struct upstream *upstream = exchange->upstream;

	switch (judge(exchange, upstream->octets, len)) {
	case MATCH_NONE:
		upstream->counters.strange++;
		return true;
	case MATCH_CASE:
	case MATCH_ID:
		upstream->counters.strange++;
		if (exchange->no_stream)
			return true;
		exchange_to_stream(exchange);
		return false;
	case MATCH_CUT:
		exchange_to_stream(exchange);
		return false;
	case MATCH_REFUSAL:
		if (worth_another(exchange)) {
			exchange_go_on(exchange);
			return false;
		}
		break;
	case MATCH_GOOD:
		break;
	}
	deliver(exchange, upstream->octets, len);
	return false;
}

void exchange_datagram(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;

	for (int i = 0; i < EVENTS; i++) {
		ssize_t got = recv(exchange->fd, upstream->octets, sizeof(upstream->octets),
				   MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && errno == EAGAIN)
			return;
		/* ICMP errors arrive here; whoever sent them does not end the wait. */
		if (got < 0)
			continue;
		if ((size_t)got > sizeof(upstream->octets)) {
			upstream->counters.strange++;
			continue;
		}
		if (!take_datagram(exchange, (size_t)got))
			return;
	}
}

/* ---- TCP ---- */

static void stream_failed(struct exchange *exchange, enum ng_no_answer why)
{
	exchange->why = why;
	exchange->no_stream |= exchange->stage == STAGE_WRITE;
	exchange_mark(exchange, false);
	exchange_go_on(exchange);
}

static void stream_whole(struct exchange *exchange)
{
	uint8_t *wire = exchange->in;
	size_t len = exchange->in_len;
	enum match match = judge(exchange, wire, len);

	/* On a connection of our own the case adds little, and some servers drop it: see above. */
	if (match == MATCH_CASE) {
		report_case(exchange);
		match = MATCH_GOOD;
	}
	if (match < MATCH_REFUSAL) {
		exchange->upstream->counters.strange++;
		stream_failed(exchange, NG_NO_MATCH);
		return;
	}
	if (match == MATCH_REFUSAL && worth_another(exchange)) {
		exchange_go_on(exchange);
		return;
	}
	exchange->in = NULL;
	deliver(exchange, wire, len);
	free(wire);
}

void exchange_write(struct exchange *exchange)
{
	ssize_t sent = send(exchange->fd, exchange->out + exchange->out_pos,
			    exchange->out_len - exchange->out_pos, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		stream_failed(exchange, NG_NO_NETWORK);
		return;
	}
	exchange->out_pos += sent > 0 ? (size_t)sent : 0;
	if (exchange->out_pos < exchange->out_len)
		return;
	exchange->stage = STAGE_READ;
	if (!exchange_watch(exchange, EPOLL_CTL_MOD, EPOLLIN))
		stream_failed(exchange, NG_NO_NETWORK);
}

/* Where the next octets belong: first the two of the length, then the message. */
static bool stream_room(struct exchange *exchange, struct iovec *out)
{
	if (exchange->prefix_pos < 2) {
		*out = (struct iovec){.iov_base = exchange->prefix + exchange->prefix_pos,
				      .iov_len = 2u - exchange->prefix_pos};
		return true;
	}
	if (!exchange->in) {
		exchange->in_len = (size_t)exchange->prefix[0] << 8 | exchange->prefix[1];
		if (exchange->in_len < NG_HEADER_LEN)
			return false;
		exchange->in = malloc(exchange->in_len);
		if (!exchange->in)
			return false;
	}
	*out = (struct iovec){.iov_base = exchange->in + exchange->in_pos,
			      .iov_len = exchange->in_len - exchange->in_pos};
	return true;
}

void exchange_read(struct exchange *exchange)
{
	struct iovec room;

	for (;;) {
		ssize_t got;

		if (!stream_room(exchange, &room)) {
			stream_failed(exchange, NG_NO_MATCH);
			return;
		}
		got = recv(exchange->fd, room.iov_base, room.iov_len, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			stream_failed(exchange, NG_NO_NETWORK);
			return;
		}
		if (exchange->prefix_pos < 2)
			exchange->prefix_pos = (uint8_t)(exchange->prefix_pos + got);
		else
			exchange->in_pos += (size_t)got;
		if (exchange->in && exchange->in_pos == exchange->in_len) {
			stream_whole(exchange);
			return;
		}
	}
}
