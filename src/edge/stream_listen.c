/*
 * Listeners, and who comes in by them. A TCP client is known by its address and the interface of its
 * SYN, a client of a Unix socket by the socket: whoever may open it is that sandbox, and the
 * kernel's word on the process is only recorded.
 */
#include "config.h"
#include "edge/stream_inside.h"
#include "edge/stream_who.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG   256
#define SEND_ROOM (128 << 10)

static void handle_init(uv_loop_t *loop, bool unix_socket, union stream_handle *to)
{
	if (unix_socket)
		uv_pipe_init(loop, &to->pipe, 0);
	else
		uv_tcp_init(loop, &to->tcp);
}

/* ---- accepting ---- */

static bool identify(struct stream_client *client)
{
	struct stream_who who;
	int fd;

	if (uv_fileno(&client->uv.handle, &fd))
		return false;
	if (client->sandbox)
		return stream_peer(fd, &client->peer) == NG_OK;
	if (stream_who(fd, &who))
		return false;
	client->addr = who.addr;
	client->ifindex = who.ifindex;
	memcpy(client->interface, who.interface, sizeof(client->interface));
	return true;
}

static struct share_key key_of(const struct stream_client *client)
{
	const struct stream_calls *calls = &client->streams->calls;
	const struct ng_client who = {
		.addr = client->addr,
		.interface = client->interface,
		.sandbox = client->sandbox,
		.tcp = true,
	};
	struct share_key key;

	memset(&key, 0, sizeof(key));
	key.sandbox = calls->sandbox(calls->context, &who);
	if (key.sandbox)
		return key;
	key.ifindex = client->ifindex;
	key.family = client->addr.family;
	memcpy(key.bytes, client->addr.bytes, sizeof(key.bytes));
	return key;
}

static bool admit(struct stream_client *client)
{
	struct share_key key;

	if (!identify(client))
		return false;
	key = key_of(client);
	return place_take(client, &key);
}

static void turn_away(struct streams *streams);

static void turned_away(uv_handle_t *handle)
{
	struct streams *streams = handle->data;

	streams->turning_away = false;
	if (!streams->ended)
		turn_away(streams);
	streams_released(streams);
}

/*
 * libuv listens no more until a connection that it announced is accepted. Without memory for a
 * client it is accepted all the same, into the one handle that is always there, and ended.
 */
static void turn_away(struct streams *streams)
{
	for (uint32_t i = 0; i < streams->n_listeners && !streams->turning_away; i++) {
		struct stream_listener *listener = streams->listeners[i];

		if (!listener->refused)
			continue;
		listener->refused = false;
		streams->turning_away = true;
		streams->counters.refused++;
		handle_init(streams->loop, listener->unix_socket, &streams->turned_away);
		streams->handles++;
		streams->turned_away.handle.data = streams;
		(void)uv_accept(&listener->uv.stream, &streams->turned_away.stream);
		uv_close(&streams->turned_away.handle, turned_away);
	}
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct stream_listener *listener = stream->data;
	struct streams *streams = listener->streams;
	struct stream_client *client;

	if (status < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (!client) {
		listener->refused = true;
		turn_away(streams);
		return;
	}
	client->streams = streams;
	client->sandbox = listener->sandbox;
	handle_init(streams->loop, listener->unix_socket, &client->uv);
	streams->handles++;
	client->uv.handle.data = client;
	if (uv_accept(stream, &client->uv.stream)) {
		client_close(client);
		return;
	}
	if (!admit(client)) {
		streams->counters.refused++;
		client_close(client);
		return;
	}
	if (!listener->unix_socket)
		uv_tcp_nodelay(&client->uv.tcp, 1);
	client_begin(client);
	streams_watch(streams);
}

/* ---- listeners ---- */

static void listener_closed(uv_handle_t *handle)
{
	struct stream_listener *listener = handle->data;
	struct streams *streams = listener->streams;

	free(listener);
	streams_released(streams);
}

void stream_doors_close(struct streams *streams)
{
	for (uint32_t i = 0; i < streams->n_listeners; i++)
		uv_close(&streams->listeners[i]->uv.handle, listener_closed);
	streams->n_listeners = 0;
}

void stream_doors_open(struct streams *streams)
{
	for (uint32_t i = 0; streams->started && i < streams->n_listeners; i++) {
		struct stream_listener *listener = streams->listeners[i];

		if (!listener->listening)
			listener->listening =
				!uv_listen(&listener->uv.stream, BACKLOG, on_connection);
	}
}

static int prepare(int fd, bool unix_socket)
{
	int type, family, on = 1, room = SEND_ROOM;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM)
		return NG_E_FORMAT;
	len = sizeof(family);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
		return NG_E_FORMAT;
	/*
	 * What a client leaves unread is to show here, and not to fill megabytes of the kernel's.
	 * Inherited by the accepted sockets.
	 */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (unix_socket)
		return family == AF_UNIX ? NG_OK : NG_E_FORMAT;
	/* Inherited by the accepted sockets; see ifindex_of(). */
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else if (family == AF_INET)
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	else
		return NG_E_FORMAT;
	return NG_OK;
}

static int open_handle(struct stream_listener *listener, int fd)
{
	return listener->unix_socket ? uv_pipe_open(&listener->uv.pipe, fd)
				     : uv_tcp_open(&listener->uv.tcp, fd);
}

int stream_listen(struct streams *streams, int fd, uint32_t sandbox)
{
	struct stream_listener *listener = NULL;
	size_t most = sizeof(streams->listeners) / sizeof(*streams->listeners);
	int code = streams->n_listeners < most ? prepare(fd, sandbox != 0) : NG_E_FULL;

	if (!code) {
		listener = calloc(1, sizeof(*listener));
		code = listener ? NG_OK : NG_E_NOMEM;
	}
	if (code) {
		close(fd);
		return code;
	}
	listener->streams = streams;
	listener->sandbox = sandbox;
	listener->unix_socket = sandbox != 0;
	handle_init(streams->loop, listener->unix_socket, &listener->uv);
	streams->handles++;
	listener->uv.handle.data = listener;
	if (open_handle(listener, fd)) {
		close(fd);
		uv_close(&listener->uv.handle, listener_closed);
		return NG_E_IO;
	}
	streams->listeners[streams->n_listeners++] = listener;
	stream_doors_open(streams);
	return NG_OK;
}
