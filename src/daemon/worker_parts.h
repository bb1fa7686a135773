/*
 * The inside of the worker, shared by the files worker*.c and by nobody else.
 *
 * struct worker owns everything. Every input to the engine is followed by worker_drain(), which
 * acts on what came out; what can wait until the end of the loop turn (orders, replies, records)
 * is gathered and leaves in worker_turn().
 */
#pragma once

#include "base/awake.h"
#include "base/wall.h"
#include "daemon/worker.h"
#include "daemon/worker_rulesets.h"
#include "daemon/worker_targets.h"
#include "edge/lease_store.h"
#include "edge/record.h"
#include "edge/stream.h"
#include "edge/udp.h"
#include "edge/upstream.h"

#include <namegate/gate.h>
#include <uv.h>

struct worker;

/* ---- worker_orders.c: to the warden and back ---- */

#define SENT_REVOKES 256

struct order {
	enum wall_kind kind; /* WALL_LEASE, WALL_REVOKE, WALL_EVICT */
	struct wall_lease lease;
};

struct orders { /* a ring of what waits to be sent */
	struct order *ring;
	size_t room, first, n, leases;
	struct { /* what was sent last: the warden may have died with it unread */
		struct order order;
		uint64_t at_us;
	} sent[SENT_REVOKES];
	size_t n_sent;
	bool claim; /* say that this was all, once what waits has gone */
};

struct warden { /* the channel to it */
	uv_poll_t poll;
	struct worker *worker;
	int fd;
	size_t unsaid; /* leases that were ordered, and it has said nothing of them yet */
	bool writable; /* waiting for that */
	bool slow;     /* was waited for in vain, and has said nothing since */
};

void orders_finish(struct orders *orders); /* takes NULL */
/* Queues one of that kind. NG_E_FULL, NG_E_NOMEM: then it is not going to be sent. */
int orders_add(struct worker *worker, const struct ng_lease_order *order,
	       enum wall_kind kind) NG_MUST_CHECK;
void orders_flush(struct worker *worker);
/* Waits for the warden's word when very much waits for it already: on one core it has had no turn yet. */
void orders_give_way(struct worker *worker);
/* What is queued now is all that the engine knows of: to be said behind it. */
void orders_claim(struct worker *worker);
/* Takes over a channel to a new warden; the old one, if any, is lost. */
void warden_connect(struct worker *worker, int fd);
/* Reads what it says from now on, if there is one. */
void warden_listen(struct worker *worker);
void warden_close(struct worker *worker);

/* ---- worker_wall.c: what main says ---- */

struct stage { /* between WALL_BEGIN and WALL_COMMIT */
	bool open;
	int error; /* first; the commit answers with it */
	struct wall_begin begin;
	struct ng_route *routes;
	struct upstream_route *upstreams;
	struct ng_prefix *own;
	struct ng_sandbox *sandboxes;
	size_t n_routes, n_own, n_sandboxes;
	size_t room_routes, room_upstreams, room_own, room_sandboxes;
};

void stage_finish(struct stage *stage); /* takes NULL */
/* One packet from main, already checked; fd is -1 or now ours. False: main broke the rules. */
bool wall_take(struct worker *worker, const struct wall_packet *packet, int fd);

/* ---- worker_report.c: what main is told ---- */

#define OWED_MAX 1024

struct owed { /* one thing that main is to be told */
	enum wall_kind kind;
	uint32_t seq;
	int32_t code; /* of WALL_FLUSHED: how many */
};

struct report { /* a ring; the first of it may be a listing under way */
	struct owed ring[OWED_MAX];
	size_t first, n;
	uint64_t cursor;
};

/* False when main does not listen any more: more is owed than it could ever ask for. */
bool report_owe(struct worker *worker, enum wall_kind kind, uint32_t seq, int code);
/* Sends what the channel takes now. False when main is gone. */
bool report_flush(struct worker *worker);

/* ---- worker_busy.c: not to sleep yet ---- */

struct busy {
	uv_idle_t look; /* runs while the loop is not to sleep */
	struct awake awake;
};

int busy_init(struct worker *worker) NG_MUST_CHECK;
/* A question, an answer, or the warden's word has come, at worker->now_us. */
void busy_news(struct worker *worker);

/* ---- worker.c ---- */

struct refusals { /* asks and orders that could not go out: told to the engine after the drain */
	struct refusal {
		bool lease;
		uint64_t number; /* of the ask or the order */
		int code;
	} * items;
	size_t n, room;
};

struct saving { /* of answers, into the store */
	uv_timer_t timer;
	uint64_t cursor, octets;
	bool open; /* under way */
	bool news; /* there are others than the last image has */
};

struct worker {
	uv_loop_t loop;
	uv_poll_t main;
	struct warden *warden; /* NULL: none */
	uv_prepare_t before;
	uv_check_t after;
	uv_timer_t deadline, second, sweeping;
	struct busy busy;
	uv_signal_t term;
	bool committed, adopted, stopping;
	bool speaks; /* for all workers: what they are all told is recorded by this one */
	int main_events;
	uint32_t places, streams_max; /* descriptors for questions under way, and for clients */
	int status;

	struct ng_gate *gate;
	struct udp *udp;
	struct streams *streams;
	struct upstream *upstream;
	struct record_log *records;
	struct lease_store *store;
	struct cache_store *cache; /* NULL: every life begins without answers */
	struct saving saving;
	struct rulesets rulesets;
	struct targets targets;
	struct stage stage;
	struct orders orders;
	struct report report;
	struct refusals refusals;
	uint64_t now_us;
	uint64_t deadline_us; /* what the timer is set to */
	struct wall_packet in, out;
};

/* Reads the clock; the result is the time of the input that follows. */
uint64_t worker_clock_us(struct worker *worker);
uint64_t worker_wall_s(void);
/* worker_acts.c: acts on what the last input brought about. */
void worker_drain(struct worker *worker);
/* worker_adopt.c: what a life that ends in order leaves of its answers. */
void worker_save(struct worker *worker);
/* What one that ends otherwise has left by then. */
void worker_save_now_and_then(struct worker *worker);
/* Some were flushed: none that was saved before comes back. */
void worker_forget_saved(struct worker *worker);
/* The engine has policy and a warden: adopt what an earlier life left, and begin to serve. */
void worker_ready(struct worker *worker);
void worker_stop(struct worker *worker, int status);
