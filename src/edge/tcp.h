/*
 * The TCP side of the listeners (RFC 7766): framing, pipelining, replies in any order.
 *
 * main binds and listens; this edge owns the descriptors it is given and every connection. All
 * queries of a connection share its handle's front part, and handles of this edge have bit 63 set.
 * A reply to a connection that is gone hits nothing.
 */
#pragma once

#include <namegate/gate.h>
#include <uv.h>

struct tcp;

/* client and wire are good during the call; client->interface is NULL when the kernel does not know it. */
typedef void tcp_query_fn(void *context, const struct ng_client *client, const uint8_t *wire,
			  size_t len);

struct tcp_limits { /* 0 means the default of bounds.h */
	uint32_t clients, clients_source;
};

struct tcp_counters {
	uint64_t received, sent;
	uint64_t refused; /* connections closed at once: a cap is reached */
	uint64_t late;    /* connections closed: idle, dribbling, or not reading */
	uint64_t oversize;
	uint64_t clients; /* now */
};

int tcp_create(uv_loop_t *loop, tcp_query_fn *query, void *context,
	       struct tcp **out) NG_MUST_CHECK;
/* Closes listeners and connections; takes NULL. Memory goes when the loop has run once more. */
void tcp_destroy(struct tcp *tcp);

/* Takes a listening socket over, also on failure. NG_E_FULL, NG_E_FORMAT, NG_E_NOMEM, NG_E_IO. */
int tcp_listen(struct tcp *tcp, int fd) NG_MUST_CHECK;
/* Nobody is accepted before this. */
void tcp_start(struct tcp *tcp);
/* Holds for connections to come; those that exist stay. */
void tcp_limit(struct tcp *tcp, const struct tcp_limits *limits);

void tcp_reply(struct tcp *tcp, uint64_t handle, const uint8_t *wire, size_t len);
void tcp_drop(struct tcp *tcp, uint64_t handle);
struct tcp_counters tcp_counters(const struct tcp *tcp);
