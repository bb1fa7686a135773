/*
 * The control socket.
 *
 * Who may connect is decided twice: by the mode of the socket (0660) and by the peer's
 * credentials, which the kernel vouches for. A line is cut at 64 KiB, a client at 512 unanswered
 * lines or a mebibyte of unread answers: then it is not read from until it has caught up, so a
 * client that never reads costs a bounded amount and slows nobody else. When all places are taken, the
 * client that waits for no answer and has said nothing for longest gives up its place. A line that is not a
 * JSON object is answered with an error; one that is too long ends the connection, because where
 * the next line starts is then anybody's guess.
 */
#include "config.h"
#include "edge/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNREAD_MAX ((size_t)1 << 20)
#define GROUPS_MAX 256

struct control_request {
	struct client *client; /* NULL: it has gone */
	struct control_request *next;
	char *text; /* the reply, its line end included */
	size_t len;
	bool trusted;
	uid_t uid;
};

struct client {
	uv_pipe_t pipe;
	struct control *control;
	struct client *next;
	bool trusted, paused, ending;
	uid_t uid;
	bool in_lines; /* answers given at once must not start on the lines again */
	size_t used, queued;
	uint64_t moved; /* when it last said something, in order of all clients */
	struct control_request *first, *last;
	char line[CONTROL_LINE_MAX];
};

struct control {
	uv_pipe_t pipe;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	control_handler *handler;
	void *owner;
	struct client *clients;
	size_t n_clients;
	uint64_t moves;
};

struct write {
	uv_write_t request;
	char *text;
};

/* ---- clients ---- */

static void client_unlink(struct client *client)
{
	struct client **at = &client->control->clients;
	while (*at && *at != client)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = client->next;
	client->control->n_clients--;
}

/* An unanswered request outlives its client: its owner still holds it. */
static void request_orphan(struct control_request *request)
{
	request->client = NULL;
	if (!request->text)
		return;
	free(request->text);
	free(request);
}

static void client_free(uv_handle_t *handle)
{
	free(handle->data);
}

static void client_close(struct client *client)
{
	if (uv_is_closing((uv_handle_t *)&client->pipe))
		return;
	client_unlink(client);
	while (client->first) {
		struct control_request *next = client->first->next;
		request_orphan(client->first);
		client->first = next;
	}
	uv_close((uv_handle_t *)&client->pipe, client_free);
}

static void client_settle(struct client *client);

static void on_written(uv_write_t *request, int status)
{
	struct write *write = (struct write *)request;
	struct client *client = request->handle->data;
	free(write->text);
	free(write);
	if (status)
		client_close(client);
	else if (!uv_is_closing((uv_handle_t *)&client->pipe))
		client_settle(client);
}

/* Takes text over. */
static void client_write(struct client *client, char *text, size_t len)
{
	struct write *write = calloc(1, sizeof *write);
	uv_buf_t part = uv_buf_init(text, (unsigned)len);
	if (write) {
		write->text = text;
		if (!uv_write(&write->request, (uv_stream_t *)&client->pipe, &part, 1,
			      on_written))
			return;
	}
	free(write);
	free(text);
	client_close(client);
}

/* Sends what is answered, up to the first line that is not. */
static void client_flush(struct client *client)
{
	while (client->first && client->first->text) {
		struct control_request *done = client->first;
		client->first = done->next;
		if (!client->first)
			client->last = NULL;
		client->queued--;
		char *text = done->text;
		size_t len = done->len;
		free(done);
		client_write(client, text, len);
		if (uv_is_closing((uv_handle_t *)&client->pipe))
			return;
	}
}

/* ---- requests ---- */

static struct control_request *request_make(struct client *client)
{
	struct control_request *request = calloc(1, sizeof *request);
	if (!request)
		return NULL;
	request->client = client;
	request->trusted = client->trusted;
	request->uid = client->uid;
	if (client->last)
		client->last->next = request;
	else
		client->first = request;
	client->last = request;
	client->queued++;
	return request;
}

static char *reply_text(json_t *reply, size_t *len)
{
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	json_decref(reply);
	if (!text)
		text = strdup("{\"ok\":false,\"error\":\"out of memory\"}");
	if (!text)
		return NULL;
	*len = strlen(text) + 1;
	text[*len - 1] = '\n'; /* in the place of the NUL: the length goes along */
	return text;
}

void control_reply(struct control_request *request, json_t *reply)
{
	struct client *client = request->client;
	if (!client) {
		json_decref(reply);
		free(request);
		return;
	}
	request->text = reply_text(reply, &request->len);
	if (!request->text) { /* nothing can be said, so the order cannot be kept either */
		client_close(client);
		free(request);
		return;
	}
	client_flush(client);
	if (!uv_is_closing((uv_handle_t *)&client->pipe))
		client_settle(client);
}

bool control_request_trusted(const struct control_request *request)
{
	return request->trusted;
}

uid_t control_request_uid(const struct control_request *request)
{
	return request->uid;
}

static void refuse(struct control_request *request, const char *why)
{
	control_reply(request, json_pack("{s:b, s:s}", "ok", 0, "error", why));
}

static void client_line(struct client *client, const char *line, size_t len)
{
	struct control_request *request = request_make(client);
	if (!request) {
		client_close(client);
		return;
	}
	char why[JSON_ERROR_TEXT_LENGTH + 64];
	json_error_t error;
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(object)) {
		client->control->handler(client->control->owner, request, object);
	} else {
		snprintf(why, sizeof why, "not a JSON object in one line: %s",
			 object ? "another type" : error.text);
		refuse(request, why);
	}
	json_decref(object);
}

/* ---- reading ---- */

static bool client_full(const struct client *client)
{
	return client->queued >= CONTROL_QUEUE_MAX ||
	       uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe) > UNREAD_MAX;
}

/* Hands over the whole lines that are there, as long as the client is not too far ahead. */
static void client_lines(struct client *client)
{
	size_t start = 0;
	client->in_lines = true;
	while (!uv_is_closing((uv_handle_t *)&client->pipe) && !client_full(client)) {
		char *end = memchr(client->line + start, '\n', client->used - start);
		if (!end)
			break;
		size_t len = (size_t)(end - client->line) - start;
		client_line(client, client->line + start, len);
		start += len + 1;
	}
	memmove(client->line, client->line + start, client->used - start);
	client->used -= start;
	client->in_lines = false;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct client *client = handle->data;
	(void)suggested;
	*buf = uv_buf_init(client->line + client->used,
			   (unsigned)(CONTROL_LINE_MAX - client->used));
}

static void on_too_long(struct client *client)
{
	static const char too_long[] =
		"{\"ok\":false,\"error\":\"a line is longer than 64 KiB\"}\n";
	uv_buf_t part = uv_buf_init((char *)(uintptr_t)too_long, sizeof too_long - 1);
	(void)uv_try_write((uv_stream_t *)&client->pipe, &part, 1);
	client_close(client);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct client *client = stream->data;
	(void)buf;
	if (got < 0) {
		/* A client that shut down its side may still wait for its answers. */
		client->ending = true;
		client->paused = true;
		uv_read_stop(stream);
		client_settle(client);
		return;
	}
	client->used += (size_t)got;
	client->moved = ++client->control->moves;
	client_settle(client);
}

/* After anything has moved: more lines, reading on or not, or the end. */
static void client_settle(struct client *client)
{
	uv_stream_t *stream = (uv_stream_t *)&client->pipe;
	if (client->in_lines)
		return;
	client_lines(client);
	if (uv_is_closing((uv_handle_t *)stream))
		return;
	bool full = client_full(client);
	if (client->ending && !full) {
		if (!client->queued && uv_stream_get_write_queue_size(stream) == 0)
			client_close(client);
		return;
	}
	if (!full && client->used == CONTROL_LINE_MAX) {
		on_too_long(client);
		return;
	}
	if (full && !client->paused)
		uv_read_stop(stream);
	else if (!full && client->paused && !client->ending)
		uv_read_start(stream, on_room, on_read);
	client->paused = full || client->ending;
}

/* ---- who may ask ---- */

static bool in_our_group(int s, const struct ucred *peer)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof groups;
	if (peer->gid == getegid())
		return true;
	if (getsockopt(s, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof groups[0]; i++)
		if (groups[i] == getegid())
			return true;
	return false;
}

static bool may_ask(struct client *client)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	uv_os_fd_t s;
	if (uv_fileno((uv_handle_t *)&client->pipe, &s) ||
	    getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return false;
	client->uid = peer.uid;
	client->trusted = peer.uid == 0 || peer.uid == geteuid();
	return client->trusted || in_our_group(s, &peer);
}

static bool is_idle(const struct client *client)
{
	return !client->queued &&
	       !uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe);
}

/* False: all the others wait for answers. */
static bool make_place(struct control *control, const struct client *fresh)
{
	struct client *quiet = NULL;
	if (control->n_clients <= CONTROL_CLIENTS_MAX)
		return true;
	for (struct client *one = control->clients; one; one = one->next)
		if (one != fresh && is_idle(one) && (!quiet || one->moved < quiet->moved))
			quiet = one;
	if (quiet)
		client_close(quiet);
	return quiet;
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct control *control = stream->data;
	struct client *client = status ? NULL : calloc(1, sizeof *client);
	if (!client)
		return;
	client->control = control;
	client->moved = ++control->moves;
	client->pipe.data = client;
	uv_pipe_init(stream->loop, &client->pipe, 0);
	client->next = control->clients;
	control->clients = client;
	control->n_clients++;
	if (uv_accept(stream, (uv_stream_t *)&client->pipe) || !may_ask(client) ||
	    !make_place(control, client) ||
	    uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read))
		client_close(client);
}

/* ---- the socket ---- */

/* A socket that nobody listens on is what a killed daemon leaves behind. */
static int clear_stale(const struct sockaddr_un *at)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return NG_E_IO;
	int code = NG_OK;
	struct stat about;
	if (!connect(s, (const struct sockaddr *)at, sizeof *at) || errno == EAGAIN)
		code = NG_E_EXISTS;
	else if (errno == ECONNREFUSED && !lstat(at->sun_path, &about) &&
		 S_ISSOCK(about.st_mode) && unlink(at->sun_path)) /* a file refuses as well */
		code = NG_E_IO;
	close(s);
	return code;
}

int control_bind(const char *path, mode_t mode, const char *setting, int *out,
		 char why[static CONTROL_WHY])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof at.sun_path) {
		snprintf(why, CONTROL_WHY, "%.100s: too long for a socket's path", path);
		return NG_E_IO;
	}
	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	if (clear_stale(&at) == NG_E_EXISTS) {
		snprintf(why, CONTROL_WHY,
			 "%.107s: another namegated serves there; stop it, or set another "
			 "\"%s\"",
			 path, setting);
		return NG_E_EXISTS;
	}
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t before = umask(~mode & 0777);
	bool bound = s >= 0 && !bind(s, (const struct sockaddr *)&at, sizeof at);
	umask(before);
	if (bound) {
		*out = s;
		return NG_OK;
	}
	snprintf(why, CONTROL_WHY, "%.107s: cannot listen there: %s; see \"%s\"", path,
		 strerror(errno), setting);
	if (s >= 0)
		close(s);
	return NG_E_IO;
}

int control_open(uv_loop_t *loop, const char *path, control_handler *handler, void *owner,
		 struct control **out, char why[static CONTROL_WHY])
{
	int s = -1;
	struct control *control = calloc(1, sizeof *control);
	int code = control ? control_bind(path, 0660, "control", &s, why) : NG_E_NOMEM;
	if (code) {
		free(control);
		return code;
	}
	snprintf(control->path, sizeof control->path, "%s", path);
	control->handler = handler;
	control->owner = owner;
	control->pipe.data = control;
	uv_pipe_init(loop, &control->pipe, 0);
	if (uv_pipe_open(&control->pipe, s) ||
	    uv_listen((uv_stream_t *)&control->pipe, 128, on_connection)) {
		snprintf(why, CONTROL_WHY, "%.100s: cannot listen there", path);
		control_close(control);
		return NG_E_IO;
	}
	*out = control;
	return NG_OK;
}

static void control_free(uv_handle_t *handle)
{
	free(handle->data);
}

void control_close(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		client_close(control->clients);
	unlink(control->path);
	uv_close((uv_handle_t *)&control->pipe, control_free);
}
