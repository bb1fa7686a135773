/*
 * The life of a pending query: counted against its sandbox and the whole from the first step to
 * the last, and linked to whatever it waits for, so that it can end at any moment.
 */
#include "gate/engine.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_MEMORY (256u << 10)
#define SPARES_MAX   256
#define SPARE_ROOM   64 /* records, and octets of its arena: one that had more gives them back */
#define SPARE_OCTETS 4096

/*
 * Most queries end in the input that began them, and the others many at once. So the last ones that ended
 * wait, with their arenas and their tables, to be the next ones: then the cache answers without a call
 * for memory, and so do servers.
 */
static struct query *query_take(struct ng_gate *gate)
{
	struct query *query = gate->spares;
	struct arena arena;
	struct ng_rr *rrs;
	size_t room;

	if (!query) {
		query = calloc(1, sizeof(*query));
		if (query)
			arena_init(&query->arena, QUERY_MEMORY);
		return query;
	}
	gate->spares = query->ask_next;
	gate->n_spares--;
	arena = query->arena;
	rrs = query->rrs;
	room = query->room;
	memset(query, 0, offsetof(struct query, asked));
	query->arena = arena;
	query->rrs = rrs;
	query->room = room;
	return query;
}

static void query_free(struct query *query)
{
	arena_finish(&query->arena);
	free(query->rrs);
	free(query);
}

void queries_finish(struct ng_gate *gate)
{
	struct query *query;

	while ((query = gate->spares)) {
		gate->spares = query->ask_next;
		query_free(query);
	}
}

static void query_give(struct ng_gate *gate, struct query *query)
{
	if (gate->n_spares >= SPARES_MAX || query->room > SPARE_ROOM ||
	    query->arena.used > SPARE_OCTETS) {
		query_free(query);
		return;
	}
	arena_reset(&query->arena);
	query->ask_next = gate->spares;
	gate->spares = query;
	gate->n_spares++;
}

struct query *query_begin(struct ng_gate *gate, const struct told *told,
			  const struct ng_name *name, const struct ng_bounds *bounds)
{
	struct sandbox *sandbox = told->sandbox;
	struct query *query;

	if (gate->n_pending >= gate->settings.limits.pending ||
	    sandbox->n_pending >= gate->settings.limits.pending_sandbox)
		return NULL;
	query = query_take(gate);
	if (!query)
		return NULL;
	query->client = told->client;
	query->from = told->from;
	query->peer = told->peer;
	query->keepalive_ds = told->keepalive_ds;
	query->tcp = told->tcp;
	query->sandbox = sandbox;
	query->asked = *told->asked;
	query->name = query->target = *name;
	query->decision = *told->decision;
	query->decided = true;
	query->given = query->bounds = *bounds;
	query->began_us = gate->now_us;
	DL_APPEND2(sandbox->queries, query, sandbox_prev, sandbox_next);
	sandbox->n_pending++;
	gate->n_pending++;
	return query;
}

static void query_unwait(struct query *query)
{
	for (size_t i = 0; i < query->n_waits; i++) {
		struct wait *wait = &query->waits[i];

		if (wait->order)
			DL_DELETE(wait->order->waits, wait);
	}
	query->waits = NULL;
	query->n_waits = query->open_waits = 0;
}

void query_end(struct ng_gate *gate, struct query *query)
{
	ask_leave(query);
	query_unwait(query);
	trail_release(gate, query->sandbox, query->trail);
	if (query->state == QUERY_COMMITTING)
		DL_DELETE2(gate->committing, query, commit_prev, commit_next);
	DL_DELETE2(query->sandbox->queries, query, sandbox_prev, sandbox_next);
	query->sandbox->n_pending--;
	gate->n_pending--;
	query_give(gate, query);
}

/* The budget is the same for all, so the list stays in the order of its deadlines. */
void query_commit_wait(struct ng_gate *gate, struct query *query)
{
	query->state = QUERY_COMMITTING;
	query->commit_us = gate->now_us;
	DL_APPEND2(gate->committing, query, commit_prev, commit_next);
}

void queries_tick(struct ng_gate *gate)
{
	while (gate->committing &&
	       gate->committing->commit_us + COMMIT_BUDGET_US <= gate->now_us)
		query_fail(gate, gate->committing, TEXT_UNCONFIRMED);
}
