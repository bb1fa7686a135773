/*
 * The inside of the upstream edge, shared by the files upstream*.c and by nobody else: one
 * question under way, from its first try to its end. Places belong to struct upstream; whoever
 * calls exchange_give() must not touch the exchange any more.
 */
#pragma once

#include "edge/upstream_try_chance.h"
#include "edge/upstream_try_servers.h"

#include "base/arena.h"

#define TRIES_MAX 8
#define EVENTS    64
#define NO_PLACE  UINT32_MAX
#define ASK_MAX   512
#define UDP_MAX   4096

enum stage { STAGE_FREE = 0, STAGE_DATAGRAM, STAGE_WRITE, STAGE_READ, STAGE_OVER };

struct exchange {
	uv_timer_t timer;
	struct upstream *upstream;
	struct ng_ask ask;
	struct ng_question question; /* with the case of this try */
	struct upstream_server server;
	uint64_t end_ms;
	uint32_t timeout_ms, place, generation, next;
	uint32_t version; /* of the routes it was asked under */
	int fd;
	enum stage stage;
	enum ng_no_answer why;
	uint16_t id;
	uint8_t index, tried, tries;
	bool timer_ready;
	bool no_stream; /* a connection was refused: nothing moves there any more */
	uint8_t *in;    /* TCP: the message as far as it has come */
	size_t in_len, in_pos;
	uint8_t prefix[2], prefix_pos;
	size_t out_len, out_pos;
	uint8_t out[2 + ASK_MAX]; /* length octets first; a datagram leaves them out */
};

struct upstream {
	uv_loop_t *loop;
	uv_poll_t poll;
	int epoll;
	struct upstream_events events;
	struct servers servers;
	struct exchange *places;
	uint32_t n_places, fresh, free, streams, handles, version;
	struct arena arena;
	struct chance chance;
	struct upstream_counters counters;
	uint8_t octets[UDP_MAX];
};

/* ---- upstream_try.c ---- */

struct exchange *exchange_take(struct upstream *upstream); /* NULL: all places in use */
void exchange_give(struct exchange *exchange);
/* Closes the socket of the try; its events count no more. */
void exchange_hang_up(struct exchange *exchange);
uint64_t exchange_clock_ms(const struct upstream *upstream);
struct server_route *exchange_route(const struct exchange *exchange);
void exchange_mark(const struct exchange *exchange, bool good);
bool exchange_watch(struct exchange *exchange, int operation, uint32_t events);
/* Starts the next try that can be started; false when there is none left. */
bool exchange_next(struct exchange *exchange);
/* The next try, or the end. */
void exchange_go_on(struct exchange *exchange);
/* The same try by TCP, or the next. */
void exchange_to_stream(struct exchange *exchange);
void exchange_on_timer(uv_timer_t *timer);

/* ---- upstream_try_answer.c: something can be read or written ---- */

void exchange_datagram(struct exchange *exchange);
void exchange_write(struct exchange *exchange);
void exchange_read(struct exchange *exchange);
