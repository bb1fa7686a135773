/*
 * The routes' servers and what is known about their health and speed: which one to ask next, and
 * when a second one is worth being asked as well. Times to answer are microseconds.
 */
#pragma once

#include "edge/upstream.h"
#include "edge/upstream_try_cookie.h"

#define SERVER_SAMPLES 64

enum way { WAY_DATAGRAM = 0, WAY_STREAM, WAYS };
enum form { FORM_COOKIE = 0, FORM_EDNS, FORM_PLAIN }; /* each with less than the one before */

struct server {
	struct upstream_server at;
	struct upstream_who who;
	uint32_t srtt_us[WAYS];  /* smoothed time to answer; 0: not known */
	uint32_t failures;       /* in a row; from SERVER_FAILURES on it is put aside */
	uint32_t aside_ms;       /* how long it is left alone; doubles while it fails */
	uint64_t aside_until_ms; /* then one question at a time may see whether it is back */
	uint64_t
		doubt_until_ms; /* its datagrams show less than they should: asked by TCP alone */
	struct cookie cookie;
	enum form form; /* which it takes; until then */
	uint64_t form_until_ms;
	uint8_t unheard; /* questions in a row that it did not answer, it seems for their cookie */
	uint64_t told_ms; /* when somebody was told that it is not who it should be */
	bool probed;      /* that question is under way */
	uint64_t counts[UPSTREAM_COUNTS];
};

struct server_route {
	uint32_t id, timeout_ms, sandbox, group;
	struct ng_name zone;
	bool trust_ad;
	uint8_t n_servers;
	struct server servers[NG_SERVERS_MAX];
	uint32_t asking;                  /* questions under way */
	uint32_t samples[SERVER_SAMPLES]; /* times to answer of the last questions, a ring */
	uint32_t n_samples;               /* ever */
	uint32_t p95_us;                  /* 0: not enough of them yet */
	uint32_t credit;                  /* hundredths of a second query */
};

struct servers {                     /* the zero value has no route */
	struct server_route *routes; /* by id */
	size_t n;
};

void servers_finish(struct servers *servers); /* takes NULL */
/* NG_E_NOMEM; then nothing has changed. */
int servers_replace(struct servers *servers, const struct upstream_route *routes,
		    size_t n) NG_MUST_CHECK;
struct server_route *servers_route(const struct servers *servers, uint32_t id); /* or NULL */
/* It has sent its first cookie: no zone that it serves believes it without any more. */
void servers_expect(const struct servers *servers, const struct server *from);

struct server_turn { /* what a pick is made by, and what it came to */
	uint64_t now_ms;
	uint8_t dice;  /* random: now and then another than the fastest is measured */
	uint8_t tried; /* bits of the servers that had their turn; added to */
	uint8_t index;
	bool probe; /* only to see whether it is back: do not wait for it long */
};
/* The next server to ask. */
void server_pick(struct server_route *route, struct server_turn *turn);
/* One that may be asked beside the others of the turn; false when there is none that is healthy. */
bool server_beside(const struct server_route *route, struct server_turn *turn);
/* By which way it is asked now. */
enum way server_way(const struct server *server, uint64_t now_ms);

void server_good(struct server_route *route, uint8_t index, enum way way, uint32_t us);
void server_bad(struct server_route *route, uint8_t index, uint64_t now_ms);
/* Another was faster: it takes at least so long. True or not, it is asked less. */
void server_slower(struct server_route *route, uint8_t index, enum way way, uint32_t us);
/* By datagram it is not asked for a while. True: somebody should be told. */
bool server_doubt(struct server_route *route, uint8_t index, uint64_t now_ms);
/* In which form it is asked by datagram now; by a connection that one goes without a cookie. */
enum form server_form(const struct server *server, uint64_t now_ms);
/* In that form it has answered; those before it did not do. True: somebody should be told. */
bool server_formed(struct server_route *route, uint8_t index, enum form form, uint64_t now_ms);
void server_unheard(struct server_route *route, uint8_t index);
/*
 * It sends cookies, and a question that it did not answer with one it has answered by TCP. True: it does so
 * always, and is not asked by datagram for a while.
 */
bool server_deaf(struct server_route *route, uint8_t index);
/* All of them fail: the zone is as good as dead. */
bool route_dead(const struct server_route *route);

/* A question was answered after so long. */
void route_sample(struct server_route *route, uint32_t us);
/* A question begins: its share of what second queries may cost. */
void route_save(struct server_route *route);
/* After how long a second query is worth it; 0: never. */
uint32_t route_patience_ms(const struct server_route *route, bool probe);
bool route_spend(struct server_route *route); /* false: they have cost enough */

/* As upstream_at(). */
bool servers_at(const struct servers *servers, uint64_t now_ms, uint64_t *cursor,
		struct upstream_view *out);
