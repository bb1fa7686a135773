/*
 * Connections to servers, each used for many questions at once (RFC 7766 6.2.1): sent one behind
 * the other without waiting, and answered in any order. A connection is opened when a question needs
 * it, another one to the same server only when the first is full, and it is closed when nobody has
 * waited on it for a while. What one may hold is bounded: questions, octets not taken yet, and
 * messages that answer nobody.
 *
 * When a server closes, which it may do at any time, whoever waits is woken from the loop and not
 * from here: a question that ends may start others, and they may come to this same connection.
 */
#include "config.h"
#include "edge/upstream_try.h"

#include "base/hash.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define ASKS_MAX   256 /* questions under way on one connection */
#define SHARED_MAX 64  /* connections to one server: for all that may be under way at once */
#define IDLE_MS    10000
#define SWEEP_MS   1000

bool upstream_server_same(const struct upstream_server *a, const struct upstream_server *b)
{
	return a->port == b->port && a->transport == b->transport && a->who == b->who &&
	       a->mark == b->mark && ng_addr_equal(&a->addr, &b->addr) &&
	       ng_addr_equal(&a->source, &b->source);
}

/* ---- places ---- */

static void conn_end(struct conn *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	tls_end(stream->tls);
	stream->tls = NULL;
	stream->fd = -1;
	stream->generation++;
	free(stream->out);
	free(stream->in);
	stream->out = stream->in = NULL;
	stream->open = stream->ready = stream->writing = false;
	stream->sealed_pos = stream->sealed_len = 0;
	stream->out_pos = stream->out_len = stream->out_room = 0;
	stream->in_pos = stream->in_len = 0;
	stream->prefix_pos = 0;
	stream->strange = 0;
}

void conn_close(struct conn *stream, enum ng_no_answer why, bool refused)
{
	struct leg *leg, *spare;

	DL_FOREACH_SAFE (stream->legs, leg, spare) {
		DL_DELETE(stream->legs, leg);
		leg->stream = NULL;
		leg->stage = LEG_LOST;
		leg->refused = refused;
		leg->exchange->why = why;
		leg_wake(leg);
	}
	stream->n_legs = 0;
	conn_end(stream);
}

static struct conn *longest_idle(const struct upstream *upstream)
{
	struct conn *found = NULL;

	for (uint32_t i = 0; i < upstream->n_streams; i++) {
		struct conn *stream = &upstream->streams[i];

		if (stream->fd >= 0 && !stream->n_legs &&
		    (!found || stream->idle_ms < found->idle_ms))
			found = stream;
	}
	return found;
}

/* A free place, if need be that of the connection that nobody has used for longest. */
static struct conn *place_for(struct upstream *upstream)
{
	struct conn *idle;

	for (uint32_t i = 0; i < upstream->n_streams; i++)
		if (upstream->streams[i].fd < 0)
			return &upstream->streams[i];
	idle = longest_idle(upstream);
	if (idle)
		conn_end(idle);
	return idle;
}

/* ---- finding and opening ---- */

static int connect_to(struct conn *stream, const struct upstream_server *server)
{
	struct upstream *upstream = stream->upstream;
	int yes = 1, code = upstream_stream(server, &stream->fd);

	if (code)
		return code;
	(void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return upstream_watch(upstream, stream->fd, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT,
			      (uint64_t)stream->generation << 32 |
				      (upstream->n_places * LEGS + stream->place))
		       ? NG_OK
		       : NG_E_IO;
}

/* What its sessions are kept under: the server in every respect. */
static uint64_t session_key(const struct upstream_server *server)
{
	return hash_octets(server->addr.bytes, sizeof(server->addr.bytes),
			   server->who ^ server->port);
}

static int shake_with(struct conn *stream, const struct leg *leg)
{
	struct server_route *route = exchange_route(leg->exchange);

	if (leg->server.transport != WALL_TLS)
		return NG_OK;
	if (!route)
		return NG_E_NOTFOUND;
	return tls_begin(stream->upstream->trust, &route->servers[leg->index].who,
			 session_key(&leg->server), &stream->tls);
}

static int conn_open(struct upstream *upstream, const struct leg *leg, struct conn **out)
{
	const struct upstream_server *server = &leg->server;
	struct conn *stream = place_for(upstream);
	int code;

	if (!stream)
		return NG_E_FULL;
	code = shake_with(stream, leg);
	if (code)
		return code;
	stream->server = *server;
	stream->heard_ms = stream->idle_ms = upstream_now_ms(upstream);
	stream->writing = true;
	code = connect_to(stream, server);
	if (code) {
		conn_end(stream);
		return code;
	}
	upstream->counters.connections++;
	leg_count(leg, UPSTREAM_CONNECTED);
	if (!uv_is_active((uv_handle_t *)&upstream->sweeping))
		uv_timer_start(&upstream->sweeping, conns_on_timer, SWEEP_MS, SWEEP_MS);
	*out = stream;
	return NG_OK;
}

static int conn_for(struct upstream *upstream, const struct leg *leg, struct conn **out)
{
	const struct upstream_server *server = &leg->server;
	uint32_t shared = 0;

	for (uint32_t i = 0; i < upstream->n_streams; i++) {
		struct conn *stream = &upstream->streams[i];

		if (stream->fd < 0 || !upstream_server_same(&stream->server, server))
			continue;
		if (stream->n_legs < ASKS_MAX) {
			*out = stream;
			return NG_OK;
		}
		shared++;
	}
	return shared < SHARED_MAX ? conn_open(upstream, leg, out) : NG_E_FULL;
}

/* ---- questions on it ---- */

static bool id_taken(const struct conn *stream, uint16_t id)
{
	const struct leg *leg;

	DL_FOREACH (stream->legs, leg) {
		if (leg->id == id)
			return true;
	}
	return false;
}

int conn_ask(struct leg *leg)
{
	struct upstream *upstream = leg->exchange->upstream;
	uint8_t out[2 + ASK_MAX];
	struct conn *stream;
	int code = conn_for(upstream, leg, &stream);

	if (code)
		return code;
	do {
		if (!leg_renew(leg))
			return NG_E_IO;
	} while (id_taken(stream, leg->id));
	code = conn_write(stream, out, leg_compose(leg, out));
	if (code)
		return code;
	leg->stage = LEG_STREAM;
	leg->stream = stream;
	DL_APPEND(stream->legs, leg);
	stream->n_legs++;
	upstream->counters.over_tcp++;
	leg_count(leg, UPSTREAM_OVER_TCP);
	return NG_OK;
}

void conn_leave(struct leg *leg)
{
	struct conn *stream = leg->stream;

	DL_DELETE(stream->legs, leg);
	leg->stream = NULL;
	if (!--stream->n_legs)
		stream->idle_ms = upstream_now_ms(stream->upstream);
}

void conn_silent(struct leg *leg)
{
	struct conn *stream = leg->stream;

	if (stream->heard_ms > leg->sent_ms)
		return;
	conn_leave(leg);
	leg->stage = LEG_IDLE;
	conn_close(stream, NG_NO_TIME, false);
}

/* ---- idle ones ---- */

void conns_on_timer(uv_timer_t *timer)
{
	struct upstream *upstream = timer->data;
	uint64_t now_ms = upstream_now_ms(upstream);
	bool any = false;

	for (uint32_t i = 0; i < upstream->n_streams; i++) {
		struct conn *stream = &upstream->streams[i];

		if (stream->fd < 0)
			continue;
		if (!stream->n_legs && stream->idle_ms + IDLE_MS <= now_ms)
			conn_end(stream);
		else
			any = true;
	}
	if (!any)
		uv_timer_stop(timer);
}
