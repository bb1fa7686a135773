/*
 * One try after another: a place, a socket, a question nobody can foresee, and a time-out.
 *
 * A try is a fresh socket with a fresh ID and letter case, so nothing learned from an earlier one
 * helps to forge an answer to it. TCP is a second half of a try, with a time-out of its own; the
 * sum of all stays within the budget that the question began with.
 */
#include "config.h"
#include "edge/upstream_try.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAMS_MAX 256 /* TCP exchanges at once: each may hold a whole message */

/* ---- places ---- */

struct exchange *exchange_take(struct upstream *upstream)
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
void exchange_hang_up(struct exchange *exchange)
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

void exchange_give(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;

	exchange_hang_up(exchange);
	uv_timer_stop(&exchange->timer);
	exchange->stage = STAGE_FREE;
	exchange->next = upstream->free;
	upstream->free = exchange->place;
	upstream->counters.asking--;
}

/* ---- one try ---- */

uint64_t exchange_clock_ms(const struct upstream *upstream)
{
	return uv_now(upstream->loop);
}

/*
 * Its route; NULL after a reload. The number may then stand for another zone, and a question
 * must never go to another zone's servers: it ends with the try that is under way.
 */
struct server_route *exchange_route(const struct exchange *exchange)
{
	if (exchange->version != exchange->upstream->version)
		return NULL;
	return servers_route(&exchange->upstream->servers, exchange->ask.route);
}

void exchange_mark(const struct exchange *exchange, bool good)
{
	struct server_route *route = exchange_route(exchange);

	if (!route)
		return;
	if (good)
		server_good(route, exchange->index);
	else
		server_bad(route, exchange->index, exchange_clock_ms(exchange->upstream));
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

bool exchange_watch(struct exchange *exchange, int operation, uint32_t events)
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
	return exchange_watch(exchange, EPOLL_CTL_ADD, type == SOCK_DGRAM ? EPOLLIN : EPOLLOUT);
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

static void arm(struct exchange *exchange)
{
	uint64_t now_ms = exchange_clock_ms(exchange->upstream);
	uint64_t left = exchange->end_ms > now_ms ? exchange->end_ms - now_ms : 0;

	uv_timer_start(&exchange->timer, exchange_on_timer,
		       left < exchange->timeout_ms ? left : exchange->timeout_ms, 0);
}

static bool begin_stream(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;

	exchange_hang_up(exchange);
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

bool exchange_next(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;
	uint64_t now_ms = exchange_clock_ms(upstream);

	while (exchange->tries < TRIES_MAX && now_ms < exchange->end_ms) {
		struct server_route *route = exchange_route(exchange);
		bool begun;

		exchange_hang_up(exchange);
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

	exchange_give(exchange);
	upstream->events.no_answer(upstream->events.context, ask, why);
}

void exchange_go_on(struct exchange *exchange)
{
	if (!exchange_next(exchange))
		finish_without(exchange);
}

void exchange_to_stream(struct exchange *exchange)
{
	if (!begin_stream(exchange))
		exchange_go_on(exchange);
}

void exchange_on_timer(uv_timer_t *timer)
{
	struct exchange *exchange = timer->data;

	if (exchange->stage == STAGE_OVER) {
		finish_without(exchange);
		return;
	}
	exchange->upstream->counters.timeouts++;
	exchange->why = NG_NO_TIME;
	exchange_mark(exchange, false);
	exchange_go_on(exchange);
}
