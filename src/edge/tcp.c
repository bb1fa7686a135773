/*
 * TCP listeners and their connections.
 *
 * A stream is cut into messages by its two length octets, wherever the segments fall. What one
 * client can hold is bounded on every side: connections per source and in all, one partial query
 * per connection, the octets of replies it has not read, the time it may be idle, and the time
 * one message may take to arrive (a dribble of single octets must not look like activity).
 *
 * When all places are taken, the connection that has been idle longest makes room (RFC 7766
 * 6.2.3 lets a server close idle ones at any time); one with questions under way is never cut for
 * a newcomer. A source is an interface and an address, of IPv6 the first 64 bits: more would let
 * one sandbox be as many sources as it likes.
 */
#include "config.h"
#include "edge/tcp.h"
#include "edge/tcp_who.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#define QUERY_MAX   4096
#define READ_MAX    8192
#define QUEUE_MAX   (256u << 10) /* octets of replies that one client may leave unread */
#define IDLE_MS     10000
#define WHOLE_MS    5000
#define ANSWER_MS   60000 /* longer than any question may take */
#define SWEEP_MS    500
#define BACKLOG     256
#define CLIENTS_MAX 65535 /* the handle's width */
#define TCP_HANDLE  (UINT64_C(1) << 63)

struct source_key {
	uint32_t ifindex;
	uint8_t family, bytes[8];
	uint8_t pad[3];
};

struct source {
	struct source_key key;
	uint32_t clients;
	UT_hash_handle hh;
};

struct client {
	uv_tcp_t stream;
	struct tcp *tcp;
	struct source *source;
	struct client *prev, *next; /* by last activity, the oldest first */
	struct ng_addr addr;
	char interface[NG_IFNAME_MAX];
	uint64_t active_ms,
		begun_ms; /* accepted, or last reply; first octet of a partial one */
	uint32_t outstanding, generation;
	uint16_t index;
	uint16_t have; /* octets of a partial message, length octets included */
	bool ended, closing;
	uint8_t partial[2 + QUERY_MAX];
};

struct listener {
	uv_tcp_t stream;
	struct tcp *tcp;
	bool listening;
	bool refused; /* somebody at the door, and no memory for a client */
};

struct tcp {
	uv_loop_t *loop;
	tcp_query_fn *query;
	void *context;
	uv_timer_t sweep;
	uv_tcp_t turned_away; /* takes a connection that there is no memory for, to end it */
	bool turning_away;
	struct listener *listeners[NG_LISTENERS_MAX];
	uint8_t n_listeners;
	bool started, ended;
	uint32_t handles; /* open libuv handles: the last one to close frees everything */
	struct tcp_limits limits;
	struct client *clients; /* list */
	struct source *sources; /* table */
	struct client **places; /* by index */
	uint32_t n_places, generation;
	struct tcp_counters counters;
	uint8_t octets[READ_MAX];
};

struct sending {
	uv_write_t request;
	uint8_t octets[];
};

/* ---- life of the whole ---- */

static void tcp_released(struct tcp *tcp)
{
	if (--tcp->handles || !tcp->ended)
		return;
	free(tcp->places);
	free(tcp);
}

static void sweep_closed(uv_handle_t *handle)
{
	tcp_released(handle->data);
}

static void listener_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;
	struct tcp *tcp = listener->tcp;

	free(listener);
	tcp_released(tcp);
}

/* ---- ends of a connection ---- */

static void source_release(struct tcp *tcp, struct source *source)
{
	if (--source->clients)
		return;
	HASH_DEL(tcp->sources, source);
	free(source);
}

static void client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;
	struct tcp *tcp = client->tcp;

	free(client);
	tcp_released(tcp);
}

static void client_close(struct client *client)
{
	struct tcp *tcp = client->tcp;

	if (client->closing)
		return;
	client->closing = true;
	if (client->source) {
		DL_DELETE(tcp->clients, client);
		source_release(tcp, client->source);
		tcp->places[client->index] = NULL;
		tcp->counters.clients--;
	}
	uv_close((uv_handle_t *)&client->stream, client_closed);
}

/* A client that has said all it wants gets what is still under way, then the end. */
static void client_settle(struct client *client)
{
	if (client->ended && !client->outstanding &&
	    !uv_stream_get_write_queue_size((uv_stream_t *)&client->stream))
		client_close(client);
}

static void client_touch(struct client *client)
{
	client->active_ms = uv_now(client->tcp->loop);
	DL_DELETE(client->tcp->clients, client);
	DL_APPEND(client->tcp->clients, client);
}

/* Only a reply counts as activity: messages that deserve none keep no connection open. */
static bool client_overdue(const struct client *client, uint64_t now_ms)
{
	if (client->have && now_ms - client->begun_ms >= WHOLE_MS)
		return true;
	return now_ms - client->active_ms >= (client->outstanding ? ANSWER_MS : IDLE_MS);
}

static void sweep(uv_timer_t *timer)
{
	struct tcp *tcp = timer->data;
	uint64_t now_ms = uv_now(tcp->loop);
	struct client *client, *next;

	DL_FOREACH_SAFE (tcp->clients, client, next) {
		if (!client_overdue(client, now_ms))
			continue;
		tcp->counters.late++;
		client_close(client);
	}
	if (!tcp->clients)
		uv_timer_stop(&tcp->sweep);
}

/* ---- queries ---- */

static void deliver(struct client *client, const uint8_t *wire, size_t len)
{
	struct tcp *tcp = client->tcp;
	struct ng_client who = {
		.handle = TCP_HANDLE | (uint64_t)client->generation << 16 | client->index,
		.addr = client->addr,
		.interface = client->interface,
		.tcp = true,
	};

	tcp->counters.received++;
	client->outstanding++;
	tcp->query(tcp->context, &who, wire, len);
}

/* Octets that the message at `octets` takes with its length in front, as far as n octets tell. */
static size_t message_size(const uint8_t *octets, size_t n)
{
	return n < 2 ? 2 : 2 + ((size_t)octets[0] << 8 | octets[1]);
}

/* Adds to the partial message; returns how many octets that took, 0 when it is too long. */
static size_t feed_partial(struct client *client, const uint8_t *octets, size_t n)
{
	size_t want = message_size(client->partial, client->have), more;

	if (want > sizeof(client->partial))
		return 0;
	if (!client->have)
		client->begun_ms = uv_now(client->tcp->loop);
	more = want - client->have < n ? want - client->have : n;
	memcpy(client->partial + client->have, octets, more);
	client->have = (uint16_t)(client->have + more);
	if (client->have >= 2 && client->have == message_size(client->partial, client->have)) {
		size_t len = client->have - 2u;
		client->have = 0;
		deliver(client, client->partial + 2, len);
	}
	return more;
}

/*
 * Octets in, messages out. Whole messages are read where they lie; only the rest of a segment is
 * copied. False: the client announced a message that no query is, and must go.
 */
static bool feed(struct client *client, const uint8_t *octets, size_t n)
{
	while (n && !client->closing) {
		size_t size = message_size(octets, n), taken = size;

		if (!client->have && n >= 2 && size <= n && size <= sizeof(client->partial))
			deliver(client, octets + 2, size - 2);
		else
			taken = feed_partial(client, octets, n);
		if (!taken)
			return false;
		octets += taken;
		n -= taken;
	}
	return true;
}

/* The octets are worked through before the next read, so all connections share one place. */
static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct client *client = handle->data;

	(void)suggested;
	*out = uv_buf_init((char *)client->tcp->octets, READ_MAX);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = stream->data;

	if (n == 0)
		return;
	if (n == UV_EOF && !client->have) {
		client->ended = true;
		uv_read_stop(stream);
		client_settle(client);
		return;
	}
	if (n < 0) {
		client_close(client);
		return;
	}
	if (!feed(client, (const uint8_t *)buf->base, (size_t)n)) {
		client->tcp->counters.oversize++;
		client_close(client);
	}
}

/* ---- replies ---- */

static void on_written(uv_write_t *request, int status)
{
	struct client *client = request->data;

	free(request);
	if (client->closing)
		return;
	if (status < 0) {
		client_close(client);
		return;
	}
	client_touch(client);
	client_settle(client);
}

/* What the socket did not take at once waits in a copy of its own. */
static void write_later(struct client *client, const uint8_t head[static 2],
			const uint8_t *wire, size_t len, size_t taken)
{
	size_t left = 2 + len - taken, of_head = taken < 2 ? 2 - taken : 0;
	uv_stream_t *stream = (uv_stream_t *)&client->stream;
	struct sending *sending = NULL;
	uv_buf_t buf;

	if (uv_stream_get_write_queue_size(stream) + left <= QUEUE_MAX)
		sending = malloc(sizeof(*sending) + left);
	if (!sending) {
		client->tcp->counters.late++;
		client_close(client);
		return;
	}
	memcpy(sending->octets, head + 2 - of_head, of_head);
	memcpy(sending->octets + of_head, wire + len - (left - of_head), left - of_head);
	sending->request.data = client;
	buf = uv_buf_init((char *)sending->octets, (unsigned)left);
	if (uv_write(&sending->request, stream, &buf, 1, on_written)) {
		free(sending);
		client_close(client);
	}
}

static struct client *client_of(const struct tcp *tcp, uint64_t handle)
{
	uint16_t index = (uint16_t)handle;
	struct client *client;

	if (!(handle & TCP_HANDLE) || index >= tcp->n_places)
		return NULL;
	client = tcp->places[index];
	if (!client || client->generation != (uint32_t)((handle & ~TCP_HANDLE) >> 16))
		return NULL;
	if (!client->outstanding)
		return NULL;
	client->outstanding--;
	return client;
}

void tcp_reply(struct tcp *tcp, uint64_t handle, const uint8_t *wire, size_t len)
{
	struct client *client = client_of(tcp, handle);
	uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	uv_buf_t bufs[2];
	int taken;

	if (!client)
		return;
	if (len > NG_MESSAGE_MAX) {
		client_close(client);
		return;
	}
	bufs[0] = uv_buf_init((char *)head, sizeof(head));
	bufs[1] = uv_buf_init((char *)wire, (unsigned)len);
	taken = uv_try_write((uv_stream_t *)&client->stream, bufs, 2);
	if (taken < 0 && taken != UV_EAGAIN) {
		client_close(client);
		return;
	}
	tcp->counters.sent++;
	client_touch(client);
	if (taken < 0 || (size_t)taken < 2 + len)
		write_later(client, head, wire, len, taken < 0 ? 0 : (size_t)taken);
	if (!client->closing)
		client_settle(client);
}

void tcp_drop(struct tcp *tcp, uint64_t handle)
{
	struct client *client = client_of(tcp, handle);

	if (client)
		client_settle(client);
}

/* ---- accepting ---- */

/* Who is at the other end, and the source it counts for. */
static bool identify(struct client *client, struct source_key *key)
{
	struct tcp_who who;
	int fd;

	if (uv_fileno((uv_handle_t *)&client->stream, &fd) || tcp_who(fd, &who))
		return false;
	client->addr = who.addr;
	memcpy(client->interface, who.interface, sizeof(client->interface));
	memset(key, 0, sizeof(*key));
	key->ifindex = who.ifindex;
	key->family = who.addr.family;
	memcpy(key->bytes, who.addr.bytes, sizeof(key->bytes));
	return true;
}

static struct source *source_find(struct tcp *tcp, const struct source_key *key)
{
	struct source *source;

	HASH_FIND(hh, tcp->sources, key, sizeof(*key), source);
	if (source)
		return source;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->key = *key;
	HASH_ADD(hh, tcp->sources, key, sizeof(source->key), source);
	if (!source->hh.tbl) {
		free(source);
		return NULL;
	}
	return source;
}

/* Makes a place when all are taken; false when nobody is idle. */
static bool make_room(struct tcp *tcp)
{
	struct client *client;

	if (tcp->counters.clients < tcp->limits.clients)
		return true;
	DL_FOREACH (tcp->clients, client) {
		if (client->outstanding || client->have)
			continue;
		client_close(client);
		return true;
	}
	return false;
}

static bool take_place(struct client *client)
{
	struct tcp *tcp = client->tcp;

	for (uint32_t i = 0; i < tcp->n_places; i++) {
		if (tcp->places[i])
			continue;
		tcp->places[i] = client;
		client->index = (uint16_t)i;
		client->generation = ++tcp->generation;
		return true;
	}
	return false;
}

static bool admit(struct client *client)
{
	struct tcp *tcp = client->tcp;
	struct source_key key;
	struct source *source;

	if (!identify(client, &key))
		return false;
	source = source_find(tcp, &key);
	if (!source)
		return false;
	source->clients++;
	if (source->clients > tcp->limits.clients_source || !make_room(tcp) ||
	    !take_place(client)) {
		source_release(tcp, source);
		return false;
	}
	client->source = source;
	client->active_ms = uv_now(tcp->loop);
	DL_APPEND(tcp->clients, client);
	tcp->counters.clients++;
	return true;
}

static void turn_away(struct tcp *tcp);

static void turned_away(uv_handle_t *handle)
{
	struct tcp *tcp = handle->data;

	tcp->turning_away = false;
	if (!tcp->ended)
		turn_away(tcp);
	tcp_released(tcp);
}

/*
 * libuv listens no more until a connection that it announced is accepted. Without memory for a
 * client it is accepted all the same, into the one handle that is always there, and ended.
 */
static void turn_away(struct tcp *tcp)
{
	for (uint8_t i = 0; i < tcp->n_listeners && !tcp->turning_away; i++) {
		struct listener *listener = tcp->listeners[i];

		if (!listener->refused)
			continue;
		listener->refused = false;
		tcp->turning_away = true;
		tcp->counters.refused++;
		uv_tcp_init(tcp->loop, &tcp->turned_away);
		tcp->handles++;
		tcp->turned_away.data = tcp;
		(void)uv_accept((uv_stream_t *)&listener->stream,
				(uv_stream_t *)&tcp->turned_away);
		uv_close((uv_handle_t *)&tcp->turned_away, turned_away);
	}
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct listener *listener = stream->data;
	struct tcp *tcp = listener->tcp;
	struct client *client;

	if (status < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (!client) {
		listener->refused = true;
		turn_away(tcp);
		return;
	}
	client->tcp = tcp;
	uv_tcp_init(tcp->loop, &client->stream);
	tcp->handles++;
	client->stream.data = client;
	if (uv_accept(stream, (uv_stream_t *)&client->stream)) {
		client_close(client);
		return;
	}
	if (!admit(client)) {
		tcp->counters.refused++;
		client_close(client);
		return;
	}
	uv_tcp_nodelay(&client->stream, 1);
	uv_read_start((uv_stream_t *)&client->stream, give_room, on_read);
	if (!uv_is_active((uv_handle_t *)&tcp->sweep))
		uv_timer_start(&tcp->sweep, sweep, SWEEP_MS, SWEEP_MS);
}

/* ---- life ---- */

void tcp_limit(struct tcp *tcp, const struct tcp_limits *limits)
{
	uint32_t clients = limits->clients ? limits->clients : NG_TCP_CLIENTS_DEFAULT;

	tcp->limits.clients = clients < tcp->n_places ? clients : tcp->n_places;
	tcp->limits.clients_source = limits->clients_source ? limits->clients_source
							    : NG_TCP_CLIENTS_SANDBOX_DEFAULT;
}

int tcp_create(uv_loop_t *loop, tcp_query_fn *query, void *context, struct tcp **out)
{
	struct tcp *tcp = calloc(1, sizeof(*tcp));

	if (!tcp)
		return NG_E_NOMEM;
	tcp->n_places = CLIENTS_MAX;
	tcp->places = calloc(tcp->n_places, sizeof(struct client *));
	if (!tcp->places) {
		free(tcp);
		return NG_E_NOMEM;
	}
	tcp->loop = loop;
	tcp->query = query;
	tcp->context = context;
	tcp_limit(tcp, &(struct tcp_limits){0});
	uv_timer_init(loop, &tcp->sweep);
	tcp->sweep.data = tcp;
	tcp->handles = 1;
	*out = tcp;
	return NG_OK;
}

void tcp_destroy(struct tcp *tcp)
{
	struct client *client, *next;

	if (!tcp)
		return;
	tcp->ended = true;
	DL_FOREACH_SAFE (tcp->clients, client, next)
		client_close(client);
	for (uint8_t i = 0; i < tcp->n_listeners; i++)
		uv_close((uv_handle_t *)&tcp->listeners[i]->stream, listener_closed);
	uv_close((uv_handle_t *)&tcp->sweep, sweep_closed);
}

static int prepare(int fd)
{
	int type, family, on = 1;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM)
		return NG_E_FORMAT;
	len = sizeof(family);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
		return NG_E_FORMAT;
	if (family != AF_INET && family != AF_INET6)
		return NG_E_FORMAT;
	/* Inherited by the accepted sockets; see ifindex_of(). */
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	return NG_OK;
}

static void listener_start(struct listener *listener)
{
	if (listener->listening || !listener->tcp->started)
		return;
	listener->listening =
		!uv_listen((uv_stream_t *)&listener->stream, BACKLOG, on_connection);
}

int tcp_listen(struct tcp *tcp, int fd)
{
	struct listener *listener = NULL;
	int code = tcp->n_listeners < NG_LISTENERS_MAX ? prepare(fd) : NG_E_FULL;

	if (!code) {
		listener = calloc(1, sizeof(*listener));
		code = listener ? NG_OK : NG_E_NOMEM;
	}
	if (code) {
		close(fd);
		return code;
	}
	uv_tcp_init(tcp->loop, &listener->stream);
	tcp->handles++;
	listener->stream.data = listener;
	listener->tcp = tcp;
	if (uv_tcp_open(&listener->stream, fd)) {
		close(fd);
		uv_close((uv_handle_t *)&listener->stream, listener_closed);
		return NG_E_IO;
	}
	tcp->listeners[tcp->n_listeners++] = listener;
	listener_start(listener);
	return NG_OK;
}

void tcp_start(struct tcp *tcp)
{
	tcp->started = true;
	for (uint8_t i = 0; i < tcp->n_listeners; i++)
		listener_start(tcp->listeners[i]);
}

struct tcp_counters tcp_counters(const struct tcp *tcp)
{
	return tcp->counters;
}
