/*
 * Questions to upstream servers.
 *
 * Off the path, an attacker has to guess port, ID and letter case at once. So a packet that fails
 * in any respect is ignored and the wait goes on: it must not be able to end the question. Two
 * signs are taken as an attack under way, a wrong ID or a wrong case from the right address: the
 * question then moves to TCP, where guessing needs the sequence numbers too; with a server that
 * takes no connection the next try waits past such packets. ICMP errors are ignored for the same
 * reason. Only what our own kernel says (no route) ends a try early.
 *
 * Ports of datagrams live one try, and are as fresh as the kernel's choice. Their sockets may live longer
 * (upstream_try_send.c). They hang on an epoll descriptor of this edge, which hangs on the loop: adding
 * one is one system call, closing it removes it, and no handle has to outlive its question.
 */
#include "config.h"
#include "edge/upstream.h"
#include "edge/upstream_try.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BUDGET      4 /* times the time-out of one try */
#define PARSE_LIMIT (512u << 10)
#define SHARE       8 /* of the places that are left */
#define SHARE_DEAD  4 /* a part of them */
#define STREAMS_MAX 256
#define ROUNDS      4 /* of EVENTS answers before others get their turn */

/* ---- the loop ---- */

static void on_leg(struct upstream *upstream, uint32_t number, uint32_t generation)
{
	uint32_t place = number / LEGS;
	struct leg *leg = &upstream->places[place].legs[number % LEGS];

	if (place >= upstream->fresh || leg->generation != generation)
		return;
	if (leg->rests) /* it came before the port was given back, or is an error */
		datagram_close(leg);
	else if (leg->stage == LEG_DATAGRAM)
		leg_datagram(leg);
}

static void on_event(struct upstream *upstream, const struct epoll_event *event)
{
	uint32_t number = (uint32_t)event->data.u64;
	uint32_t generation = (uint32_t)(event->data.u64 >> 32);
	struct conn *stream;

	if (number < upstream->n_places * LEGS) {
		on_leg(upstream, number, generation);
		return;
	}
	stream = &upstream->streams[number - upstream->n_places * LEGS];
	if (stream->fd >= 0 && stream->generation == generation)
		conn_event(stream, event->events);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct upstream *upstream = poll->data;
	struct epoll_event ready[EVENTS];
	int n = EVENTS;

	(void)events;
	if (status < 0)
		return;
	for (int round = 0; round < ROUNDS && n == EVENTS; round++) {
		n = epoll_wait(upstream->epoll, ready, EVENTS, 0);
		for (int i = 0; i < n; i++)
			on_event(upstream, &ready[i]);
	}
}

/*
 * A route may have so many questions under way as it leaves places free, times its share: one that
 * answers may use nearly all, and still leaves some to every other; one whose servers are all dead
 * keeps few.
 */
static bool has_place(const struct upstream *upstream, const struct server_route *route)
{
	uint64_t left = upstream->n_places - upstream->counters.asking;

	return route_dead(route) ? route->asking < 1 + left / SHARE_DEAD
				 : route->asking < left * SHARE;
}

static void begin(struct exchange *exchange, struct server_route *route,
		  const struct ng_ask *ask)
{
	struct upstream *upstream = exchange->upstream;

	route->asking++;
	route_save(route);
	exchange->ask = *ask;
	exchange->version = upstream->version;
	exchange->why = NG_NO_TIME;
	exchange->tried = exchange->tries = exchange->no_stream = exchange->unheard = 0;
	exchange->hedged = false;
	exchange->hedge_ms = 0;
	exchange->begun_us = upstream_now_us();
	exchange->end_ms = upstream_now_ms(upstream) + (uint64_t)BUDGET * route->timeout_ms;
	if (!exchange_next(exchange))
		uv_timer_start(&exchange->timer, exchange_on_timer, 0, 0);
}

int upstream_ask(struct upstream *upstream, const struct ng_ask *ask)
{
	struct server_route *route = servers_route(&upstream->servers, ask->route);
	struct exchange *exchange;

	if (!route || !route->n_servers)
		return NG_E_NOTFOUND;
	exchange = has_place(upstream, route) ? exchange_take(upstream) : NULL;
	if (!exchange) {
		upstream->counters.crowded++;
		return NG_E_FULL;
	}
	begin(exchange, route, ask);
	return NG_OK;
}

int upstream_routes(struct upstream *upstream, const struct upstream_route *routes, size_t n)
{
	int code = servers_replace(&upstream->servers, routes, n);

	if (!code)
		upstream->version++;
	return code;
}

int upstream_trust(struct upstream *upstream, const char *pem, size_t len)
{
	int code;

	if (tls_trust_is(upstream->trust, pem, len))
		return NG_OK;
	code = tls_trust_set(upstream->trust, pem, len);
	for (uint32_t i = 0; i < upstream->n_streams; i++)
		if (upstream->streams[i].tls)
			conn_close(&upstream->streams[i], NG_NO_NETWORK, false);
	return code;
}

struct upstream_counters upstream_counters(const struct upstream *upstream)
{
	return upstream->counters;
}

const char *upstream_count_word(enum upstream_count which)
{
	static const char *const words[UPSTREAM_COUNTS] = {
		[UPSTREAM_ASKED] = "asked",
		[UPSTREAM_ANSWERED] = "answered",
		[UPSTREAM_LATE] = "late",
		[UPSTREAM_FAILED] = "failed",
		[UPSTREAM_OVER_TCP] = "over_tcp",
		[UPSTREAM_CONNECTED] = "connected",
		[UPSTREAM_RESUMED] = "resumed",
		[UPSTREAM_UNTRUSTED] = "untrusted",
		[UPSTREAM_HEDGED] = "hedged",
		[UPSTREAM_COOKIES] = "cookies",
		[UPSTREAM_COOKIES_LOST] = "cookies_lost",
		[UPSTREAM_CASE_LOST] = "case_lost",
	};

	return words[which];
}

const char *upstream_state_word(enum upstream_state state)
{
	static const char *const words[] = {
		[UPSTREAM_GOOD] = "good",
		[UPSTREAM_ASIDE] = "aside",
		[UPSTREAM_PROBED] = "probed",
	};

	return words[state];
}

bool upstream_at(const struct upstream *upstream, uint64_t *cursor, struct upstream_view *out)
{
	return servers_at(&upstream->servers, upstream_now_ms(upstream), cursor, out);
}

/* ---- life ---- */

static int make_streams(struct upstream *upstream)
{
	uint32_t n = upstream->n_places / 4 + 4;

	upstream->n_streams = n < STREAMS_MAX ? n : STREAMS_MAX;
	upstream->streams = calloc(upstream->n_streams, sizeof(*upstream->streams));
	if (!upstream->streams)
		return NG_E_NOMEM;
	for (uint32_t i = 0; i < upstream->n_streams; i++) {
		upstream->streams[i].upstream = upstream;
		upstream->streams[i].place = i;
		upstream->streams[i].fd = -1;
	}
	return NG_OK;
}

static int make_handles(struct upstream *upstream)
{
	upstream->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (upstream->epoll < 0 ||
	    uv_poll_init(upstream->loop, &upstream->poll, upstream->epoll))
		return NG_E_IO;
	uv_timer_init(upstream->loop, &upstream->sweeping);
	upstream->poll.data = upstream->sweeping.data = upstream;
	upstream->handles = 2;
	uv_poll_start(&upstream->poll, UV_READABLE, on_poll);
	return NG_OK;
}

static void dispose(struct upstream *upstream)
{
	if (upstream->epoll >= 0)
		close(upstream->epoll);
	servers_finish(&upstream->servers);
	tls_trust_destroy(upstream->trust);
	cookies_finish(&upstream->cookies);
	arena_finish(&upstream->arena);
	free(upstream->streams);
	free(upstream->places);
	free(upstream);
}

int upstream_create(uv_loop_t *loop, uint32_t places, const struct upstream_events *events,
		    struct upstream **out)
{
	struct upstream *upstream = calloc(1, sizeof(*upstream));
	int code;

	if (!upstream)
		return NG_E_NOMEM;
	upstream->loop = loop;
	upstream->events = *events;
	upstream->n_places = places;
	upstream->free = NO_PLACE;
	upstream->epoll = -1;
	arena_init(&upstream->arena, PARSE_LIMIT);
	upstream->places = calloc(places, sizeof(*upstream->places));
	code = upstream->places ? make_streams(upstream) : NG_E_NOMEM;
	if (!code)
		code = tls_trust_create(&upstream->trust);
	if (!code)
		code = cookies_init(&upstream->cookies);
	if (!code)
		code = make_handles(upstream);
	if (code) {
		dispose(upstream);
		return code;
	}
	*out = upstream;
	return NG_OK;
}

static void release(struct upstream *upstream)
{
	if (!--upstream->handles)
		dispose(upstream);
}

static void exchange_closed(uv_handle_t *handle)
{
	struct exchange *exchange = handle->data;

	release(exchange->upstream);
}

static void handle_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void upstream_destroy(struct upstream *upstream)
{
	if (!upstream)
		return;
	for (uint32_t i = 0; i < upstream->fresh; i++) {
		for (size_t j = 0; j < LEGS; j++) {
			leg_drop(&upstream->places[i].legs[j]);
			datagram_close(&upstream->places[i].legs[j]);
		}
		uv_close((uv_handle_t *)&upstream->places[i].timer, exchange_closed);
	}
	for (uint32_t i = 0; i < upstream->n_streams; i++)
		if (upstream->streams[i].fd >= 0)
			conn_close(&upstream->streams[i], NG_NO_NETWORK, false);
	uv_close((uv_handle_t *)&upstream->poll, handle_closed);
	uv_close((uv_handle_t *)&upstream->sweeping, handle_closed);
}
