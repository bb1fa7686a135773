/*
 * One connection: octets in, questions out; replies in, octets out.
 *
 * A client that does not read is not read from either: what it asked for waits in its own kernel
 * buffers then, and not in ours. It goes when a reply is not taken in time.
 *
 * Our own end is said first and waited upon: closing a socket that holds unread octets would have
 * the kernel reset it, and a reset takes replies along that are still on their way.
 */
#include "config.h"
#include "edge/stream_inside.h"

#include <stdlib.h>
#include <string.h>

struct sending {
	uv_write_t request;
	uint8_t octets[];
};

static uint64_t now_of(const struct stream_client *client)
{
	return uv_now(client->streams->loop);
}

static size_t unread(const struct stream_client *client)
{
	return uv_stream_get_write_queue_size(&client->uv.stream);
}

/* ---- ends ---- */

static void closed(uv_handle_t *handle)
{
	struct stream_client *client = handle->data;
	struct streams *streams = client->streams;

	free(client);
	streams_released(streams);
}

void client_close(struct stream_client *client)
{
	if (client->closing)
		return;
	client->closing = true;
	place_leave(client);
	uv_close(&client->uv.handle, closed);
}

static void on_farewell(uv_shutdown_t *request, int status)
{
	struct stream_client *client = request->data;

	if (status < 0)
		client_close(client);
}

static void read_on(struct stream_client *client);

/* Our end now; the client's own, or the sweep, closes it. */
static void client_leave(struct stream_client *client)
{
	if (client->closing || client->leaving)
		return;
	client->leaving = client->ended = true;
	client->left_ms = now_of(client);
	client->farewell.data = client;
	if (uv_shutdown(&client->farewell, &client->uv.stream, on_farewell))
		client_close(client);
	else
		read_on(client);
}

/* One that has said all it wants gets what is still under way, then the end. */
void client_settle(struct stream_client *client)
{
	if (client->closing || !client->ended || client->outstanding || unread(client))
		return;
	if (client->hung_up)
		client_close(client);
	else
		client_leave(client);
}

/* Only a reply counts as activity: messages that deserve none keep no connection open. */
void client_overdue(struct stream_client *client, uint64_t now_ms)
{
	bool idle = !client->outstanding && !unread(client);
	bool dribbles = !client->full && !client->ended &&
			stream_frame_partial(&client->frame) &&
			now_ms - client->begun_ms >= STREAM_WHOLE_MS;
	bool stuck = unread(client) && now_ms - client->stuck_ms >= STREAM_UNREAD_MS;

	if (client->leaving && now_ms - client->left_ms >= STREAM_LINGER_MS) {
		client_close(client);
	} else if (dribbles || stuck ||
		   (client->outstanding && now_ms - client->active_ms >= STREAM_ANSWER_MS)) {
		client->streams->counters.late++;
		client_close(client);
	} else if (idle && !client->leaving && now_ms - client->active_ms >= STREAM_IDLE_MS) {
		client->streams->counters.late++;
		client_leave(client);
	}
}

/* ---- questions ---- */

/* RFC 7828: in tenths of a second; 0, where places are scarce, asks the client to close. */
static uint16_t keepalive_of(const struct stream_client *client)
{
	return place_scarce(client) ? 0 : STREAM_IDLE_MS / 100;
}

static void deliver(struct stream_client *client, const uint8_t *wire, size_t len)
{
	struct streams *streams = client->streams;
	struct ng_client who = {
		.handle = STREAM_HANDLE | (uint64_t)client->generation << 16 | client->index,
		.addr = client->addr,
		.interface = client->interface,
		.sandbox = client->sandbox,
		.peer = client->peer,
		.tcp = true,
		.keepalive_ds = keepalive_of(client),
	};

	streams->counters.received++;
	client->outstanding++;
	streams->calls.query(streams->calls.context, &who, wire, len);
}

static void feed(struct stream_client *client)
{
	enum stream_framed framed = STREAM_MESSAGE;
	const uint8_t *wire;
	size_t len;

	while (!client->full && !client->closing) {
		framed = stream_frame_next(&client->frame, &wire, &len);
		if (framed != STREAM_MESSAGE)
			break;
		deliver(client, wire, len);
	}
	if (client->closing)
		return;
	client->begun_ms = now_of(client);
	if (framed == STREAM_TOO_LONG) {
		client->streams->counters.oversize++;
		client->ended = true;
		uv_read_stop(&client->uv.stream);
		client_settle(client);
	}
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct stream_client *client = handle->data;
	size_t n;
	uint8_t *at;

	(void)suggested;
	if (client->ended) /* read to be thrown away */
		client->frame = (struct stream_frame){0};
	at = stream_frame_room(&client->frame, &n);
	*out = uv_buf_init((char *)at, (unsigned)n);
}

static void on_end(struct stream_client *client, ssize_t why)
{
	bool whole = client->ended || !stream_frame_partial(&client->frame);

	if (why != UV_EOF || !whole || client->leaving) {
		client_close(client);
		return;
	}
	client->ended = client->hung_up = true;
	uv_read_stop(&client->uv.stream);
	client_settle(client);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct stream_client *client = stream->data;
	bool partial = stream_frame_partial(&client->frame);
	uint64_t begun_ms = client->begun_ms;

	(void)buf;
	if (n == 0)
		return;
	if (n < 0) {
		on_end(client, n);
		return;
	}
	if (client->ended) {
		client->thrown += (uint32_t)n;
		if (client->thrown > STREAM_LINGER_MAX)
			client_close(client);
		return;
	}
	stream_frame_add(&client->frame, (size_t)n);
	uint16_t at = client->frame.at;
	feed(client);
	if (partial && client->frame.at == at) /* still the same message */
		client->begun_ms = begun_ms;
}

static void read_on(struct stream_client *client)
{
	uv_read_start(&client->uv.stream, on_room, on_read);
}

void client_begin(struct stream_client *client)
{
	read_on(client);
}

/* ---- replies ---- */

static void client_fill(struct stream_client *client)
{
	if (client->full || client->leaving || unread(client) < STREAM_FULL)
		return;
	client->full = true;
	uv_read_stop(&client->uv.stream);
}

/* It has read: what waits in the buffer first, then more. */
static void client_drain(struct stream_client *client)
{
	if (!client->full || unread(client) >= STREAM_FULL / 2)
		return;
	client->full = false;
	if (client->ended)
		return;
	feed(client);
	if (!client->closing && !client->full && !client->ended)
		read_on(client);
}

static void on_written(uv_write_t *request, int status)
{
	struct stream_client *client = request->data;

	free(request);
	if (client->closing)
		return;
	if (status < 0) {
		client_close(client);
		return;
	}
	client->stuck_ms = now_of(client);
	place_touch(client);
	client_drain(client);
	client_settle(client);
}

/* What the socket did not take at once waits in a copy of its own. */
static void write_later(struct stream_client *client, const uint8_t head[static 2],
			const uint8_t *wire, size_t len, size_t taken)
{
	size_t left = 2 + len - taken, of_head = taken < 2 ? 2 - taken : 0;
	struct sending *sending = NULL;
	uv_buf_t buf;

	if (unread(client) + left <= STREAM_QUEUE_MAX)
		sending = malloc(sizeof(*sending) + left);
	if (!sending) {
		client->streams->counters.late++;
		client_close(client);
		return;
	}
	if (!unread(client))
		client->stuck_ms = now_of(client);
	memcpy(sending->octets, head + 2 - of_head, of_head);
	memcpy(sending->octets + of_head, wire + len - (left - of_head), left - of_head);
	sending->request.data = client;
	buf = uv_buf_init((char *)sending->octets, (unsigned)left);
	if (uv_write(&sending->request, &client->uv.stream, &buf, 1, on_written)) {
		free(sending);
		client_close(client);
		return;
	}
	client_fill(client);
}

void stream_reply(struct streams *streams, uint64_t handle, const uint8_t *wire, size_t len)
{
	struct stream_client *client = place_of(streams, handle);
	uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	uv_buf_t bufs[2];
	int taken;

	if (!client)
		return;
	if (len > NG_MESSAGE_MAX) {
		client_close(client);
		return;
	}
	/* One write: length and message in one segment (RFC 7766 8). */
	bufs[0] = uv_buf_init((char *)head, sizeof(head));
	bufs[1] = uv_buf_init((char *)wire, (unsigned)len);
	taken = uv_try_write(&client->uv.stream, bufs, 2);
	if (taken < 0 && taken != UV_EAGAIN) {
		client_close(client);
		return;
	}
	streams->counters.sent++;
	place_touch(client);
	if (taken < 0 || (size_t)taken < 2 + len)
		write_later(client, head, wire, len, taken < 0 ? 0 : (size_t)taken);
	client_settle(client);
}

void stream_drop(struct streams *streams, uint64_t handle)
{
	struct stream_client *client = place_of(streams, handle);

	if (client)
		client_settle(client);
}
