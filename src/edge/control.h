/*
 * The control socket: local administrators, one JSON object a line in, one a line out.
 *
 * A client may send many lines before it reads; the answers come in the order of the lines,
 * whenever the owner has them. The control owns its clients and their requests; a request is
 * given back by control_reply(), exactly once, also when its client has gone meanwhile.
 */
#pragma once

#include <jansson.h>
#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#define CONTROL_LINE_MAX    65536 /* octets of one line, its end included */
#define CONTROL_CLIENTS_MAX 64
#define CONTROL_QUEUE_MAX   512 /* unanswered lines of one client; then we stop reading it */
#define CONTROL_WHY         256

/*
 * A Unix stream socket at path with that mode, not listening yet. One that nobody listens on is what a
 * killed daemon leaves behind, and is replaced; nothing else is. NG_E_EXISTS, NG_E_IO, with one line in
 * why that names the setting.
 */
int control_bind(const char *path, mode_t mode, const char *setting, int *out,
		 char why[static CONTROL_WHY]) NG_MUST_CHECK;

struct control;
struct control_request;

/* object is borrowed for the call. The owner answers now or later. */
typedef void control_handler(void *owner, struct control_request *request, json_t *object);

/*
 * Listens on path (mode 0660, our group); SIGPIPE must be ignored. A stale socket is replaced; one that answers is not.
 * NG_E_EXISTS (somebody serves there), NG_E_IO, NG_E_NOMEM; why is one line.
 */
int control_open(uv_loop_t *loop, const char *path, control_handler *handler, void *owner,
		 struct control **out, char why[static CONTROL_WHY]) NG_MUST_CHECK;
/* Stops listening, drops the clients, removes the socket; the loop must run on. Takes NULL. */
void control_close(struct control *control);

/* Takes the reference to reply. NULL stands for "out of memory". */
void control_reply(struct control_request *request, json_t *reply);
/* Did root, or our own user, ask? Others are members of our group. */
bool control_request_trusted(const struct control_request *request);
/* Whose socket it came through, by the kernel's word. */
uid_t control_request_uid(const struct control_request *request);
