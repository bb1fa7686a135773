/*
 * The inside of the upstream edge, shared by the files upstream*.c and by nobody else.
 *
 * An exchange is one question under way, from its first try to its end; each of its legs is that
 * question at one server. Exchanges and streams belong to struct upstream, legs to their exchange;
 * a stream only lists the legs that wait on it. Whoever calls exchange_give() or a function that
 * says that it may must not touch the exchange any more.
 */
#pragma once

#include "edge/upstream_try_chance.h"
#include "edge/upstream_try_cookie.h"
#include "edge/upstream_tls.h"
#include "edge/upstream_try_servers.h"

#include "base/arena.h"

#define TRIES_MAX 8
#define LEGS      2 /* servers that are asked the same question at once */
#define EVENTS    64
#define NO_PLACE  UINT32_MAX
#define ASK_MAX   512
#define UDP_MAX   4096

enum stage {
	LEG_IDLE = 0,
	LEG_DATAGRAM,
	LEG_STREAM,
	LEG_LOST /* its connection ended without an answer */
};

struct leg {
	struct exchange *exchange;
	struct ng_question question; /* with the case of this try */
	struct upstream_server server;
	struct conn *stream;
	struct leg *next, *prev; /* of the stream */
	uint64_t sent_us, sent_ms, end_ms;
	uint32_t generation; /* of its socket */
	int fd;              /* for datagrams, or -1; also one that rests */
	struct ng_addr from; /* what that was bound to, of the family that it is for */
	uint32_t mark;       /* that it was made for */
	bool rests;          /* it has no port, and waits for the next question */
	enum stage stage;
	uint16_t id;
	uint8_t index, strange;
	uint8_t cookie[COOKIE_LEN]; /* ours, that it went with in FORM_COOKIE */
	enum form form;
	bool expects;  /* the server has sent cookies: by datagram it is not believed without */
	bool bad;      /* it has once said BADCOOKIE */
	bool doubtful; /* its datagram brought no cookie, or not ours */
	bool deaf;     /* the server has not answered it by datagram, with a cookie */
	bool probe;    /* only to see whether the server is back */
	bool resent;   /* its connection ended once, and it went to another */
	bool refused;  /* LEG_LOST: the server takes no connection */
};

struct exchange {
	uv_timer_t timer;
	struct upstream *upstream;
	struct ng_ask ask;
	struct leg legs[LEGS];
	uint64_t begun_us, end_ms, hedge_ms; /* hedge_ms 0: no second query */
	uint32_t place, next;
	uint32_t version; /* of the routes it was asked under */
	enum ng_no_answer why;
	uint8_t tried, tries;
	uint8_t no_stream; /* bits of servers that took no connection: nothing moves there any more */
	uint8_t unheard; /* of those that send cookies, and have not answered the last one */
	bool busy, timer_ready, hedged;
};

/* upstream_conn.c and upstream_conn_io.c: a connection to a server, and who waits on it */
struct conn {
	struct upstream *upstream;
	struct upstream_server server;
	struct leg *legs;
	uint64_t heard_ms; /* when it last said something */
	uint64_t idle_ms;  /* since when nobody waits on it */
	uint32_t place, generation, n_legs, strange;
	int fd; /* -1: the place is free */
	bool open, writing;
	bool ready; /* messages may be sent: it is open, and the server has proved who it is */
	struct tls *tls; /* NULL: in the clear */
	uint8_t *out;    /* messages that have not been taken yet */
	size_t out_pos, out_len, out_room;
	uint8_t sealed[4096]; /* what TLS made of them, and of its own */
	size_t sealed_pos, sealed_len;
	uint8_t *in; /* the message as far as it has come */
	size_t in_len, in_pos;
	uint8_t prefix[2], prefix_pos;
};

struct upstream {
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t sweeping; /* of idle streams */
	int epoll;
	struct upstream_events events;
	struct servers servers;
	struct tls_trust *trust;
	struct exchange *places;
	struct conn *streams;
	uint32_t n_places, fresh, free, n_streams, handles, version;
	uint32_t resting; /* sockets */
	struct arena arena;
	struct chance chance;
	struct cookies cookies;
	struct upstream_counters counters;
	uint8_t octets[UDP_MAX];
};

/* ---- upstream_try.c: a question and its legs ---- */

struct exchange *exchange_take(struct upstream *upstream); /* NULL: all places in use */
void exchange_give(struct exchange *exchange);
/* The leg ends, and whatever it had; nothing is learned from that. */
void leg_drop(struct leg *leg);
uint64_t upstream_now_ms(const struct upstream *upstream);
uint64_t upstream_now_us(void);
struct server_route *exchange_route(const struct exchange *exchange);
/* One more of those of the leg's server. */
void leg_count(const struct leg *leg, enum upstream_count which);
/* Starts the next try that can be started; false when there is none left. */
bool exchange_next(struct exchange *exchange);
/* The leg came to nothing: the other one, the next try, or the end. May give the exchange. */
void leg_failed(struct leg *leg, enum ng_no_answer why, bool blame);
/* The same try once more, by that way. May give the exchange. */
void leg_again(struct leg *leg, enum way way);
/* Has the leg looked at again once the loop turns. */
void leg_wake(struct leg *leg);
void exchange_on_timer(uv_timer_t *timer);
enum way leg_way(const struct leg *leg); /* by which it is under way */

/* ---- upstream_try_send.c: what is sent, and from where ---- */

/* Sends the leg's question from a port of its own. Codes as upstream_stream()'s. */
int datagram_ask(struct leg *leg) NG_MUST_CHECK;
/* The leg was answered: its socket gives back the port and rests, unless enough do. */
void datagram_rest(struct leg *leg);
void datagram_close(struct leg *leg); /* takes one that has no socket */
/* Writes the leg's question with its ID; two length octets first. The length of all. */
size_t leg_compose(struct leg *leg, uint8_t out[static 2 + ASK_MAX]);
/* A new letter case: nothing of an earlier try helps to guess this one. */
bool leg_renew(struct leg *leg);
/*
 * A stream that begins to be connected to the server, from the address that it is to be asked from and
 * with its mark. NG_E_PERM: the kernel gives none, or another; NG_E_IO.
 */
int upstream_stream(const struct upstream_server *server, int *out) NG_MUST_CHECK;
bool upstream_watch(const struct upstream *upstream, int fd, int operation, uint32_t events,
		    uint64_t mark);

/* ---- upstream_try_answer.c: what was said, held against what was asked ---- */

void leg_datagram(struct leg *leg);
/* A whole message on a connection. False: it answers nobody who waits there. */
bool conn_message(struct conn *stream, const uint8_t *wire, size_t len);

/* ---- upstream_conn.c: connections ---- */

/* The same on a connection to its server. Also NG_E_FULL, NG_E_NOMEM. */
int conn_ask(struct leg *leg) NG_MUST_CHECK;
void conn_leave(struct leg *leg);
/* Nobody answered the leg in time. A connection that has been silent all the while is given up. */
void conn_silent(struct leg *leg);
/* Whoever waits on it is woken and told why; refused: it never came to be. */
void conn_close(struct conn *stream, enum ng_no_answer why, bool refused);
void conns_on_timer(uv_timer_t *timer);

/* ---- upstream_conn_io.c: octets ---- */

/* Queues a message and sends what the socket takes. */
int conn_write(struct conn *stream, const uint8_t *octets, size_t n) NG_MUST_CHECK;
void conn_event(struct conn *stream, uint32_t events);
