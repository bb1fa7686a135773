/*
 * Questions of administrators under way: what views.c, which asks, and the files that make answers of
 * what comes back (views_status.c, views_rows.c) share.
 */
#pragma once

#include "daemon/daemon.h"
#include "daemon/shown.h"

enum question {
	ASK_NOTHING = 0,
	ASK_TALLIES,
	ASK_STATUS,
	ASK_LEASES,
	ASK_WAITINGS,
	ASK_TARGETS,
	ASK_LIMITS,
	ASK_UPSTREAMS,
	ASK_FLUSH
};

enum view_kind {
	VIEW_STATUS = 0,
	VIEW_LEASES,
	VIEW_WAITINGS,
	VIEW_BOXES,
	VIEW_BLOCKED,
	VIEW_FLUSH,
	VIEW_KINDS
};

struct view {
	struct view *next;
	struct control_request *request;
	enum view_kind kind;
	size_t step;
	uint32_t at;                 /* the worker that is asked in this step */
	uint32_t sandbox;            /* 0: all */
	bool tallied;                /* the boxes have the kernel's numbers of this moment */
	bool unlimited;              /* what limits refused the only sandbox is not known */
	const struct child *missing; /* a worker that it did without; NULL: none */
	json_t *rows;
	json_t *upstreams; /* of status */
	size_t n_rows;     /* taken in, whatever they came to */
	size_t rows_end;   /* so many may be after the worker that is asked */
	uint64_t left_out, upstreams_left_out;
	struct wish wish;
	struct wall_waiting_row *found; /* of the wish; owned */
	bool disputed;                  /* there is another one */
	bool changed;                   /* or there was, when it was shown */
	bool forgotten;                 /* or there may have been */
	struct wall_flush flush;
	uint64_t flushed;
	struct wall_counters counters;       /* of all workers together that told them */
	bool told[NG_WORKERS_MAX], any_told; /* which did */
};

struct views {
	struct view *first, *last;
	bool asked;
	bool second_look; /* what came while main was busy has been read */
	uint64_t asked_ms;
	uv_timer_t patience;
	/* Of the warden, then of each worker: the answer that it owes and nobody waits for any more. */
	enum question owed[1 + NG_WORKERS_MAX];
	struct wall_tally nobody;           /* packets of no sandbox */
	struct shown shown[NG_WORKERS_MAX]; /* names that wait */
};

/* Does it leave an answer out that it owes? */
bool views_late(const struct daemon *daemon, const struct child *child);

/* views_status.c */
json_t *status_json(struct daemon *daemon, const struct view *view) NG_MUST_CHECK;
/* The answer with a warning where somebody does not answer; takes it over and gives it back. */
json_t *status_warned(const struct daemon *daemon, const struct view *view, json_t *reply);
/* A row about what limits have refused. */
void status_limits(struct daemon *daemon, struct view *view, const struct wall_limit_row *row);

/* views_rows.c: rows of the one kind each. */
void rows_lease(struct daemon *daemon, struct view *view, const struct wall_lease_row *row);
void rows_waiting(struct daemon *daemon, struct view *view, const struct wall_waiting_row *row);
/* Of the view that wishes something of one: is it that? */
void rows_wish(struct daemon *daemon, struct view *view, const struct wall_waiting_row *row);
void rows_tallies(struct daemon *daemon, const struct wall_packet *packet);
