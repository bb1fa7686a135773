/*
 * Questions to upstream servers.
 *
 * Off the path, an attacker has to guess port, ID and letter case at once. So a packet that fails
 * in any respect is ignored and the wait goes on: it must not be able to end the question. Two
 * signs are taken as an attack under way, a wrong ID or a wrong case from the right address: the
 * question then moves to TCP, where guessing needs the sequence numbers too; with a server that
 * takes no connection the next try waits past such packets. ICMP errors are ignored for the same reason. Only what our own kernel says (no route) ends a try early.
 *
 * Sockets live one try, so ports are as fresh as the kernel's choice. They hang on an epoll
 * descriptor of this edge, which hangs on the loop: adding one is one system call, closing it
 * removes it, and no handle has to outlive its question.
 */
#include "config.h"
#include "edge/upstream.h"
#include "edge/upstream_chance.h"
#include "edge/upstream_servers.h"

#include "base/arena.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ASK_MAX     512
#define UDP_MAX     4096
#define TRIES_MAX   8
#define BUDGET      4   /* times the time-out of one try */
#define STREAMS_MAX 256 /* TCP exchanges at once: each may hold a whole message */
#define EVENTS      64
#define NO_PLACE    UINT32_MAX
#define PARSE_LIMIT (512u << 10)

enum stage { STAGE_FREE = 0, STAGE_DATAGRAM, STAGE_WRITE, STAGE_READ, STAGE_OVER };

struct exchange {
	uv_timer_t timer;
	struct upstream *upstream;
	struct ng_ask ask;
	struct ng_question question; /* with the case of this try */
	struct upstream_server server;
	uint64_t end_ms;
	uint32_t timeout_ms, place, generation, next;
	uint32_t version; /* of the routes it was asked under */
	int fd;
	enum stage stage;
	enum ng_no_answer why;
	uint16_t id;
	uint8_t index, tried, tries;
	bool timer_ready;
	bool no_stream; /* a connection was refused: nothing moves there any more */
	uint8_t *in;    /* TCP: the message as far as it has come */
	size_t in_len, in_pos;
	uint8_t prefix[2], prefix_pos;
	size_t out_len, out_pos;
	uint8_t out[2 + ASK_MAX]; /* length octets first; a datagram leaves them out */
};

struct upstream {
	uv_loop_t *loop;
	uv_poll_t poll;
	int epoll;
	struct upstream_events events;
	struct servers servers;
	struct exchange *places;
	uint32_t n_places, fresh, free, streams, handles, version;
	struct arena arena;
	struct chance chance;
	struct upstream_counters counters;
	uint8_t octets[UDP_MAX];
};

/* ---- places ---- */

static struct exchange *place_take(struct upstream *upstream)
{
	uint32_t place = upstream->free;
	struct exchange *exchange;

	if (place != NO_PLACE)
		upstream->free = upstream->places[place].next;
	else if (upstream->fresh < upstream->n_places)
		place = upstream->fresh++;
	else
		return NULL;
	exchange = &upstream->places[place];
	if (!exchange->timer_ready) {
		uv_timer_init(upstream->loop, &exchange->timer);
		exchange->timer.data = exchange;
		exchange->timer_ready = true;
		exchange->upstream = upstream;
		exchange->place = place;
		exchange->fd = -1;
		upstream->handles++;
	}
	upstream->counters.asking++;
	return exchange;
}

/* Closing takes the socket off the epoll descriptor; events already fetched see the generation. */
static void socket_close(struct exchange *exchange)
{
	if (exchange->fd >= 0)
		close(exchange->fd);
	exchange->fd = -1;
	exchange->generation++;
	if (exchange->stage == STAGE_WRITE || exchange->stage == STAGE_READ)
		exchange->upstream->streams--;
	free(exchange->in);
	exchange->in = NULL;
	exchange->stage = STAGE_OVER;
}

static void place_give(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;

	socket_close(exchange);
	uv_timer_stop(&exchange->timer);
	exchange->stage = STAGE_FREE;
	exchange->next = upstream->free;
	upstream->free = exchange->place;
	upstream->counters.asking--;
}

/* ---- one try ---- */

static uint64_t clock_ms(const struct upstream *upstream)
{
	return uv_now(upstream->loop);
}

/*
 * Its route; NULL after a reload. The number may then stand for another zone, and a question
 * must never go to another zone's servers: it ends with the try that is under way.
 */
static struct server_route *route_of(const struct exchange *exchange)
{
	if (exchange->version != exchange->upstream->version)
		return NULL;
	return servers_route(&exchange->upstream->servers, exchange->ask.route);
}

static void mark(const struct exchange *exchange, bool good)
{
	struct server_route *route = route_of(exchange);

	if (!route)
		return;
	if (good)
		server_good(route, exchange->index);
	else
		server_bad(route, exchange->index, clock_ms(exchange->upstream));
}

static socklen_t socket_address(const struct upstream_server *server, struct sockaddr_in6 *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(server->port)};

	memset(out, 0, sizeof(*out));
	if (server->addr.family == NG_IPV4) {
		memcpy(&v4.sin_addr, server->addr.bytes, 4);
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	out->sin6_family = AF_INET6;
	out->sin6_port = htons(server->port);
	memcpy(&out->sin6_addr, server->addr.bytes, 16);
	return sizeof(*out);
}

static bool watch(struct exchange *exchange, int operation, uint32_t events)
{
	struct epoll_event event = {
		.events = events,
		.data.u64 = (uint64_t)exchange->generation << 32 | exchange->place,
	};

	return epoll_ctl(exchange->upstream->epoll, operation, exchange->fd, &event) == 0;
}

static bool socket_open(struct exchange *exchange, int type)
{
	struct sockaddr_in6 to;
	socklen_t len = socket_address(&exchange->server, &to);

	exchange->fd = socket(exchange->server.addr.family == NG_IPV4 ? AF_INET : AF_INET6,
			      type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (exchange->fd < 0)
		return false;
	if (connect(exchange->fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
		return false;
	return watch(exchange, EPOLL_CTL_ADD, type == SOCK_DGRAM ? EPOLLIN : EPOLLOUT);
}

/* A new ID and a new case; nothing of an earlier try helps to guess this one. */
static bool compose(struct exchange *exchange)
{
	struct chance *chance = &exchange->upstream->chance;
	const struct ng_ask *ask = &exchange->ask;
	size_t len;

	exchange->question = ask->question;
	if (!chance_draw(chance, &exchange->id, sizeof(exchange->id)) ||
	    !chance_mix_case(chance, &exchange->question.name))
		return false;
	len = ng_ask_build(&exchange->question, exchange->id, ask->dnssec_ok, ask->cd,
			   exchange->out + 2);
	exchange->out[0] = (uint8_t)(len >> 8);
	exchange->out[1] = (uint8_t)len;
	exchange->out_len = 2 + len;
	exchange->out_pos = 0;
	return true;
}

static void on_timer(uv_timer_t *timer);

static void arm(struct exchange *exchange)
{
	uint64_t now_ms = clock_ms(exchange->upstream);
	uint64_t left = exchange->end_ms > now_ms ? exchange->end_ms - now_ms : 0;

	uv_timer_start(&exchange->timer, on_timer,
		       left < exchange->timeout_ms ? left : exchange->timeout_ms, 0);
}

static bool begin_stream(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;

	socket_close(exchange);
	if (upstream->streams >= STREAMS_MAX) {
		upstream->counters.crowded++;
		exchange->why = NG_NO_SERVER;
		return false;
	}
	upstream->counters.over_tcp++;
	upstream->streams++;
	exchange->stage = STAGE_WRITE;
	exchange->prefix_pos = 0;
	exchange->in_pos = exchange->in_len = 0;
	if (!compose(exchange) || !socket_open(exchange, SOCK_STREAM)) {
		exchange->why = NG_NO_NETWORK;
		return false;
	}
	arm(exchange);
	return true;
}

static bool begin_datagram(struct exchange *exchange)
{
	exchange->stage = STAGE_DATAGRAM;
	if (!compose(exchange) || !socket_open(exchange, SOCK_DGRAM) ||
	    send(exchange->fd, exchange->out + 2, exchange->out_len - 2, MSG_NOSIGNAL) < 0) {
		exchange->why = NG_NO_NETWORK;
		return false;
	}
	arm(exchange);
	return true;
}

/* Starts the next try that can be started; false when there is none left. */
static bool try_next(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;
	uint64_t now_ms = clock_ms(upstream);

	while (exchange->tries < TRIES_MAX && now_ms < exchange->end_ms) {
		struct server_route *route = route_of(exchange);
		bool begun;

		socket_close(exchange);
		if (!route || !route->n_servers) {
			exchange->why = NG_NO_SERVER;
			return false;
		}
		exchange->tries++;
		upstream->counters.tries++;
		exchange->index = server_pick(route, now_ms, &exchange->tried);
		exchange->server = route->servers[exchange->index].at;
		exchange->timeout_ms = route->timeout_ms;
		begun = now_ms < route->servers[exchange->index].no_case_until_ms
				? begin_stream(exchange)
				: begin_datagram(exchange);
		if (begun)
			return true;
	}
	return false;
}

static void finish_without(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;
	uint64_t ask = exchange->ask.id;
	enum ng_no_answer why = exchange->why;

	place_give(exchange);
	upstream->events.no_answer(upstream->events.context, ask, why);
}

static void go_on(struct exchange *exchange)
{
	if (!try_next(exchange))
		finish_without(exchange);
}

static void to_stream(struct exchange *exchange)
{
	if (!begin_stream(exchange))
		go_on(exchange);
}

static void on_timer(uv_timer_t *timer)
{
	struct exchange *exchange = timer->data;

	if (exchange->stage == STAGE_OVER) {
		finish_without(exchange);
		return;
	}
	exchange->upstream->counters.timeouts++;
	exchange->why = NG_NO_TIME;
	mark(exchange, false);
	go_on(exchange);
}

/* ---- answers ---- */

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
	const struct server_route *route = route_of(exchange);

	return route && exchange->tries < TRIES_MAX && exchange->tries < route->n_servers &&
	       clock_ms(exchange->upstream) < exchange->end_ms;
}

/* wire outlives the exchange: it is the shared datagram buffer, or was taken out of it. */
static void deliver(struct exchange *exchange, const uint8_t *wire, size_t len)
{
	struct upstream *upstream = exchange->upstream;
	struct ng_addr server = exchange->server.addr;
	uint64_t ask = exchange->ask.id;

	mark(exchange, true);
	place_give(exchange);
	upstream->events.answer(upstream->events.context, ask, &server, wire, len);
}

static void report_case(struct exchange *exchange)
{
	struct server_route *route = route_of(exchange);
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
	server_no_case(route, exchange->index, clock_ms(exchange->upstream));
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
		to_stream(exchange);
		return false;
	case MATCH_CUT:
		to_stream(exchange);
		return false;
	case MATCH_REFUSAL:
		if (worth_another(exchange)) {
			go_on(exchange);
			return false;
		}
		break;
	case MATCH_GOOD:
		break;
	}
	deliver(exchange, upstream->octets, len);
	return false;
}

static void on_datagram(struct exchange *exchange)
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
	mark(exchange, false);
	go_on(exchange);
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
		go_on(exchange);
		return;
	}
	exchange->in = NULL;
	deliver(exchange, wire, len);
	free(wire);
}

static void stream_write(struct exchange *exchange)
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
	if (!watch(exchange, EPOLL_CTL_MOD, EPOLLIN))
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

static void stream_read(struct exchange *exchange)
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

/* ---- the loop ---- */

static void on_event(struct upstream *upstream, const struct epoll_event *event)
{
	uint32_t place = (uint32_t)event->data.u64;
	struct exchange *exchange = &upstream->places[place];

	if (place >= upstream->fresh ||
	    exchange->generation != (uint32_t)(event->data.u64 >> 32))
		return;
	if (exchange->stage == STAGE_DATAGRAM)
		on_datagram(exchange);
	else if (exchange->stage == STAGE_WRITE)
		stream_write(exchange);
	else if (exchange->stage == STAGE_READ)
		stream_read(exchange);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct upstream *upstream = poll->data;
	struct epoll_event ready[EVENTS];
	int n;

	(void)events;
	if (status < 0)
		return;
	n = epoll_wait(upstream->epoll, ready, EVENTS, 0);
	for (int i = 0; i < n; i++)
		on_event(upstream, &ready[i]);
}

int upstream_ask(struct upstream *upstream, const struct ng_ask *ask)
{
	const struct server_route *route = servers_route(&upstream->servers, ask->route);
	struct exchange *exchange;

	if (!route || !route->n_servers)
		return NG_E_NOTFOUND;
	exchange = place_take(upstream);
	if (!exchange) {
		upstream->counters.crowded++;
		return NG_E_FULL;
	}
	exchange->ask = *ask;
	exchange->version = upstream->version;
	exchange->why = NG_NO_TIME;
	exchange->tried = exchange->tries = 0;
	exchange->no_stream = false;
	exchange->stage = STAGE_OVER;
	exchange->end_ms = clock_ms(upstream) + (uint64_t)BUDGET * route->timeout_ms;
	if (!try_next(exchange)) {
		socket_close(exchange);
		uv_timer_start(&exchange->timer, on_timer, 0, 0);
	}
	return NG_OK;
}

int upstream_routes(struct upstream *upstream, const struct upstream_route *routes, size_t n)
{
	int code = servers_replace(&upstream->servers, routes, n);

	if (!code)
		upstream->version++;
	return code;
}

struct upstream_counters upstream_counters(const struct upstream *upstream)
{
	return upstream->counters;
}

/* ---- life ---- */

int upstream_create(uv_loop_t *loop, uint32_t places, const struct upstream_events *events,
		    struct upstream **out)
{
	struct upstream *upstream = calloc(1, sizeof(*upstream));
	int code = NG_E_NOMEM;

	if (!upstream)
		return NG_E_NOMEM;
	upstream->loop = loop;
	upstream->events = *events;
	upstream->n_places = places;
	upstream->free = NO_PLACE;
	upstream->epoll = -1;
	arena_init(&upstream->arena, PARSE_LIMIT);
	upstream->places = calloc(places, sizeof(*upstream->places));
	if (!upstream->places)
		goto out;
	code = NG_E_IO;
	upstream->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (upstream->epoll < 0 || uv_poll_init(loop, &upstream->poll, upstream->epoll))
		goto out;
	upstream->poll.data = upstream;
	upstream->handles = 1;
	uv_poll_start(&upstream->poll, UV_READABLE, on_poll);
	*out = upstream;
	return NG_OK;
out:
	if (upstream->epoll >= 0)
		close(upstream->epoll);
	arena_finish(&upstream->arena);
	free(upstream->places);
	free(upstream);
	return code;
}

static void release(struct upstream *upstream)
{
	if (--upstream->handles)
		return;
	close(upstream->epoll);
	servers_finish(&upstream->servers);
	arena_finish(&upstream->arena);
	free(upstream->places);
	free(upstream);
}

static void timer_closed(uv_handle_t *handle)
{
	struct exchange *exchange = handle->data;

	release(exchange->upstream);
}

static void poll_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void upstream_destroy(struct upstream *upstream)
{
	if (!upstream)
		return;
	for (uint32_t i = 0; i < upstream->fresh; i++) {
		socket_close(&upstream->places[i]);
		uv_close((uv_handle_t *)&upstream->places[i].timer, timer_closed);
	}
	uv_close((uv_handle_t *)&upstream->poll, poll_closed);
}
