/*
 * Asking the servers of a route, and believing only the answer that belongs to the question.
 *
 * A question by datagram has a socket of its own, connected, with a source port, an ID and a letter
 * case that nobody can guess. By TCP many questions share one connection. Every upstream_ask() that
 * returned NG_OK ends in exactly one call of answer or no_answer, and never from inside
 * upstream_ask() itself.
 */
#pragma once

#include "base/wall.h"

#include <namegate/gate.h>
#include <uv.h>

struct upstream;

struct upstream_server {
	struct ng_addr addr,
		source; /* source: what it is asked from; none: the kernel's choice */
	uint16_t port;
	enum wall_transport transport;
	uint32_t
		mark; /* that the kernel gives what is sent to it, or nothing is sent; 0: any */
	uint64_t who; /* a digest of the below; equal only when that is */
};
/* By what it proves who it is when it is asked by TLS: all that is given must be so. */
struct upstream_who {
	char name[NG_HOST_MAX];
	uint8_t n_pins;
	uint8_t pins[NG_PINS_MAX][NG_PIN_LEN];
};
bool upstream_server_same(const struct upstream_server *a, const struct upstream_server *b);

struct upstream_route {
	uint32_t id;
	struct ng_name zone;     /* only shown, as the next are */
	uint32_t sandbox, group; /* whose it is; 0: everybody's */
	uint32_t timeout_ms; /* of one try; all tries together take at most four times that */
	bool trust_ad;       /* they are asked whether they have validated what they say */
	uint8_t n_servers;
	struct upstream_server servers[NG_SERVERS_MAX];
	struct upstream_who who[NG_SERVERS_MAX];
};

struct upstream_events {
	void *context;
	/* wire is good during the call. It is a whole, matched, untruncated response. */
	void (*answer)(void *context, uint64_t ask, const struct ng_addr *server,
		       const uint8_t *wire, size_t len);
	void (*no_answer)(void *context, uint64_t ask, enum ng_no_answer why);
};

struct upstream_counters {
	uint64_t tries;
	uint64_t strange;  /* packets that did not belong to the question, or were malformed */
	uint64_t over_tcp; /* questions that went by TCP */
	uint64_t connections; /* opened for them */
	uint64_t resumed;     /* and of those, by a TLS session of before */
	uint64_t untrusted;   /* servers that did not prove who they are */
	uint64_t timeouts;    /* tries that nobody answered */
	uint64_t hedged;      /* second queries beside a slow first */
	uint64_t crowded;     /* questions refused: no place for them */
	uint64_t case_lost;   /* answers of servers that do not keep the letter case */
	uint64_t cookies;     /* answers by datagram that brought our cookie back */
	uint64_t
		cookies_lost; /* and those that did not where it was expected, or brought another */
	uint64_t cookies_bad; /* servers did not know their own cookie any more */
	uint64_t asking;      /* now */
};

enum upstream_count { /* of one server */
		      UPSTREAM_ASKED = 0,
		      UPSTREAM_ANSWERED,
		      UPSTREAM_LATE,      /* tries that it did not answer in time */
		      UPSTREAM_FAILED,    /* that it refused, or whose connection ended */
		      UPSTREAM_OVER_TCP,  /* questions on connections, TLS or not */
		      UPSTREAM_CONNECTED, /* connections opened */
		      UPSTREAM_RESUMED,   /* and of those, by a TLS session of before */
		      UPSTREAM_UNTRUSTED, /* times that it did not prove who it is */
		      UPSTREAM_HEDGED,    /* asked beside a slow one */
		      UPSTREAM_COOKIES,   /* answers that brought our cookie back */
		      UPSTREAM_COOKIES_LOST,
		      UPSTREAM_CASE_LOST,
		      UPSTREAM_COUNTS
};
/* "asked", "case_lost": as status has it. */
const char *upstream_count_word(enum upstream_count which);
enum upstream_state {
	UPSTREAM_GOOD = 0,
	UPSTREAM_ASIDE, /* failed often: only seen after for now */
	UPSTREAM_PROBED /* a question is finding out whether it is back */
};
const char *upstream_state_word(enum upstream_state state);

/* places: questions that may be under way at once, each with one descriptor, a few with two. */
int upstream_create(uv_loop_t *loop, uint32_t places, const struct upstream_events *events,
		    struct upstream **out) NG_MUST_CHECK;
/* Ends without telling anybody; takes NULL. The loop must run once more before it is closed. */
void upstream_destroy(struct upstream *upstream);

/* Replaces all routes. What is known about the health of servers that stay is kept. NG_E_NOMEM. */
int upstream_routes(struct upstream *upstream, const struct upstream_route *routes,
		    size_t n) NG_MUST_CHECK;

/*
 * The certificates, as PEM, that vouch for servers. When they are others than before, every TLS
 * connection is closed, and who waits on one is asked again on a new one.
 * NG_E_FORMAT, NG_E_NOMEM: nobody vouches; servers are believed by their pinned keys alone.
 */
int upstream_trust(struct upstream *upstream, const char *pem, size_t len) NG_MUST_CHECK;

/* NG_E_FULL: no place for it. NG_E_NOTFOUND: no such route, or it has no server. */
int upstream_ask(struct upstream *upstream, const struct ng_ask *ask) NG_MUST_CHECK;
struct upstream_counters upstream_counters(const struct upstream *upstream);

struct upstream_view { /* what is known of a server in one route */
	const struct ng_name *zone;
	uint32_t sandbox, group;
	struct upstream_server at;
	enum upstream_state state;
	uint32_t aside_ms; /* how long it is left alone yet */
	uint32_t srtt_us,
		tcp_us; /* smoothed time to answer by datagram, and on connections; 0: not known */
	const uint64_t *counts; /* UPSTREAM_COUNTS of them; a reload keeps them */
};
/* The next that has been asked at all; the first for cursor 0. False: there is none. Good until routes change. */
bool upstream_at(const struct upstream *upstream, uint64_t *cursor, struct upstream_view *out);
