/*
 * The stream side of the listeners (RFC 7766): framing, pipelining, replies in any order. A listener
 * is a TCP socket, or a Unix socket that is one sandbox's.
 *
 * main binds and listens; this edge owns the descriptors it is given and every connection. All
 * queries of a connection share its handle's front part, and handles of this edge have bit 63 set.
 * A reply to a connection that is gone hits nothing.
 */
#pragma once

#include <namegate/gate.h>
#include <uv.h>

struct streams;

struct stream_calls {
	void *context;
	/* client and wire are good during the call; client->interface is "" when the kernel
	 * does not know it. */
	void (*query)(void *context, const struct ng_client *client, const uint8_t *wire,
		      size_t len);
	/* The sandbox that this client would be, and whose share its connection is of; 0: none's. */
	uint32_t (*sandbox)(void *context, const struct ng_client *client);
	/* A connection of that sandbox was closed for want of a place: at once, or to give way. */
	void (*limited)(void *context, uint32_t sandbox, enum ng_limit limit);
};

struct stream_limits { /* 0 means the default of bounds.h */
	uint32_t clients, clients_sandbox;
};

struct stream_counters {
	uint64_t received, sent;
	uint64_t
		refused; /* connections closed at once: a cap is reached and nobody gives way */
	uint64_t gave_way; /* idle connections that were closed for another */
	uint64_t late;     /* connections closed: idle, dribbling, or not reading */
	uint64_t oversize;
	uint64_t clients; /* now */
};

int stream_create(uv_loop_t *loop, const struct stream_calls *calls,
		  struct streams **out) NG_MUST_CHECK;
/* Closes listeners and connections; takes NULL. Memory goes when the loop has run once more. */
void stream_destroy(struct streams *streams);

/*
 * Takes a listening socket over, also on failure. sandbox: whose it is when it is a Unix socket, else
 * 0. NG_E_FULL, NG_E_FORMAT, NG_E_NOMEM, NG_E_IO.
 */
int stream_listen(struct streams *streams, int fd, uint32_t sandbox) NG_MUST_CHECK;
/* Nobody is accepted before this. */
void stream_start(struct streams *streams);
/* Holds for connections to come; those that exist stay. */
void stream_limit(struct streams *streams, const struct stream_limits *limits);

void stream_reply(struct streams *streams, uint64_t handle, const uint8_t *wire, size_t len);
void stream_drop(struct streams *streams, uint64_t handle);
struct stream_counters stream_counters(const struct streams *streams);
