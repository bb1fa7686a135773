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
 * Sockets live one try, so ports are as fresh as the kernel's choice. They hang on an epoll
 * descriptor of this edge, which hangs on the loop: adding one is one system call, closing it
 * removes it, and no handle has to outlive its question.
 */
#include "config.h"
#include "edge/upstream.h"
#include "edge/upstream_try.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BUDGET      4 /* times the time-out of one try */
#define PARSE_LIMIT (512u << 10)

/* ---- the loop ---- */

static void on_event(struct upstream *upstream, const struct epoll_event *event)
{
	uint32_t place = (uint32_t)event->data.u64;
	struct exchange *exchange = &upstream->places[place];

	if (place >= upstream->fresh ||
	    exchange->generation != (uint32_t)(event->data.u64 >> 32))
		return;
	if (exchange->stage == STAGE_DATAGRAM)
		exchange_datagram(exchange);
	else if (exchange->stage == STAGE_WRITE)
		exchange_write(exchange);
	else if (exchange->stage == STAGE_READ)
		exchange_read(exchange);
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
	exchange = exchange_take(upstream);
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
	exchange->end_ms = exchange_clock_ms(upstream) + (uint64_t)BUDGET * route->timeout_ms;
	if (!exchange_next(exchange)) {
		exchange_hang_up(exchange);
		uv_timer_start(&exchange->timer, exchange_on_timer, 0, 0);
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
		exchange_hang_up(&upstream->places[i]);
		uv_close((uv_handle_t *)&upstream->places[i].timer, timer_closed);
	}
	uv_close((uv_handle_t *)&upstream->poll, poll_closed);
}
