/*
 * The engine as a whole: made, fed with generations and sandboxes, ticked, looked into.
 *
 * A generation is built beside the running one and swapped in when nothing can fail any more;
 * what is pending moves over to the sandbox of the same id.
 */
#include "gate/engine.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX  (64u << 20)
#define PARSED_MAX (4u << 20)

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

struct ng_settings ng_settings_full(const struct ng_settings *given)
{
	struct ng_settings full = *given;
	struct ng_limits *limits = &full.limits;

	full.lease_min_s = or_default(full.lease_min_s, NG_LEASE_MIN_S);
	full.grace_s = or_default(full.grace_s, NG_GRACE_S);
	full.ttl_max_s = or_default(full.ttl_max_s, NG_TTL_MAX_S);
	full.deny_ttl_s = or_default(full.deny_ttl_s, NG_DENY_TTL_S);
	limits->pending = or_default(limits->pending, NG_PENDING_DEFAULT);
	limits->pending_sandbox =
		or_default(limits->pending_sandbox, NG_PENDING_SANDBOX_DEFAULT);
	limits->leases = or_default(limits->leases, NG_LEASES_DEFAULT);
	limits->leases_sandbox = or_default(limits->leases_sandbox, NG_LEASES_SANDBOX_DEFAULT);
	limits->cache_octets = or_default(limits->cache_octets, NG_CACHE_OCTETS_DEFAULT);
	limits->queries_sandbox =
		or_default(limits->queries_sandbox, NG_QUERIES_SANDBOX_DEFAULT);
	full.budget = or_default(full.budget, NG_BUDGET_DEFAULT);
	return full;
}

int ng_gate_create(uint64_t seed, struct ng_gate **out)
{
	struct ng_gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return NG_E_NOMEM;
	gate->room_actions = 256;
	gate->actions = malloc(gate->room_actions * sizeof(*gate->actions));
	if (!gate->actions) {
		free(gate);
		return NG_E_NOMEM;
	}
	gate->seed = seed;
	directory_init(&gate->directory, seed);
	book_init(&gate->book, seed);
	gate->order_slab.size = sizeof(struct order);
	asks_init(gate);
	gate->settings = ng_settings_full(&(struct ng_settings){0});
	arena_init(&gate->words, WORDS_MAX);
	arena_init(&gate->parsed, PARSED_MAX);
	*out = gate;
	return NG_OK;
}

void sandbox_close(struct ng_gate *gate, struct sandbox *sandbox)
{
	while (sandbox->queries)
		query_refuse(gate, sandbox->queries, TEXT_REMOVED);
	while (sandbox->first_lease)
		lease_free(gate, lease_after(gate, sandbox, NULL), NG_E_CLOSED);
	readies_of_sandbox(gate, sandbox);
	waiting_forget(gate, sandbox->spec.id);
	share_orphan(gate, sandbox->spec.id);
	spending_leave(gate, sandbox);
}

static void sandboxes_close(struct ng_gate *gate)
{
	struct sandbox *sandbox, *spare;

	HASH_ITER (hh, gate->directory.by_id, sandbox, spare) {
		sandbox_close(gate, sandbox);
	}
}

void ng_gate_destroy(struct ng_gate *gate)
{
	if (!gate)
		return;
	sandboxes_close(gate);
	directory_finish(&gate->directory);
	asks_finish(gate);
	waiting_finish(gate);
	queries_finish(gate);
	cache_clear(gate);
	readies_finish(gate);
	failures_clear(gate);
	slab_finish(&gate->order_slab);
	spending_finish(gate);
	book_finish(&gate->book);
	history_finish(gate);
	arena_finish(&gate->words);
	arena_finish(&gate->parsed);
	free(gate->routes);
	free(gate->own);
	free(gate->actions);
	free(gate);
}

/* ---- sandboxes ---- */

static bool same_sources(const struct ng_sandbox *a, const struct ng_sandbox *b)
{
	return a->n_sources == b->n_sources &&
	       memcmp(a->sources, b->sources, a->n_sources * sizeof(a->sources[0])) == 0;
}

/*
 * Hands what is pending and open over from the old sandbox to the new one of the same id. Leases
 * are pairs with a source: when the sources changed, nothing of the old may count as confirmed.
 */
static void sandbox_move(struct ng_gate *gate, struct sandbox *from, struct sandbox *to)
{
	struct query *query;

	readies_of_sandbox(gate, from);
	if (!same_sources(&from->spec, &to->spec)) {
		gate->sources_in = gate->input;
		leases_revoke(gate, from);
	}
	DL_FOREACH2(from->queries, query, sandbox_next)
	{
		query->sandbox = to;
		query->decided = false; /* by a policy that is gone */
		query->repoliced = true;
	}
	to->queries = from->queries;
	book_hand_over(&gate->book, from, to);
	to->n_pending = from->n_pending;
	to->n_elements = from->n_elements;
	to->n_waiting = from->n_waiting;
	to->n_ahead = from->n_ahead;
	to->n_events = from->n_events;
	memcpy(to->limited, from->limited, sizeof(to->limited));
	to->limits_untold = from->limits_untold;
	to->asked_ns = from->asked_ns;
	to->spending = from->spending;
	to->trail_octets = from->trail_octets;
	to->idle = from->idle;
	from->queries = NULL;
	from->spending = NULL;
	from->idle = NULL;
}

static int directory_build(const struct ng_generation *generation, const struct route *routes,
			   struct directory *out)
{
	for (size_t i = 0; i < generation->n_sandboxes; i++) {
		struct sandbox *sandbox;
		int error = directory_add(out, &generation->sandboxes[i], &sandbox);

		if (error)
			return error;
		routes_bind(routes, generation->n_routes, sandbox);
	}
	return NG_OK;
}

static void directory_swap(struct ng_gate *gate, struct directory *next)
{
	struct sandbox *sandbox, *spare, *to;

	HASH_ITER (hh, gate->directory.by_id, sandbox, spare) {
		to = directory_by_id(next, sandbox->spec.id);
		if (to)
			sandbox_move(gate, sandbox, to);
		else
			sandbox_close(gate, sandbox);
	}
	directory_finish(&gate->directory);
	directory_move(next, &gate->directory);
}

static int bound_add(const struct ng_gate *gate, struct directory *directory,
		     const struct ng_sandbox *spec, struct sandbox **out)
{
	int error = directory_add(directory, spec, out);

	if (!error)
		routes_bind(gate->routes, gate->n_routes, *out);
	return error;
}

int ng_gate_sandbox_put(struct ng_gate *gate, uint64_t now_us, const struct ng_sandbox *spec)
{
	struct sandbox *old = directory_by_id(&gate->directory, spec->id), *sandbox;
	struct directory alone;
	int error;

	actions_begin(gate, now_us);
	if (!old) {
		gate->sources_in = gate->input;
		error = bound_add(gate, &gate->directory, spec, &sandbox);
		if (!error)
			leases_taken(gate, sandbox);
		return error;
	}
	directory_init(&alone, gate->seed);
	/* Out with the old one first, for its sources; back in with it should the new one not fit. */
	error = bound_add(gate, &alone, &old->spec, &sandbox);
	if (error)
		return error;
	sandbox_move(gate, old, sandbox);
	directory_remove(&gate->directory, old);
	error = bound_add(gate, &gate->directory, spec, &old);
	if (error && bound_add(gate, &gate->directory, &sandbox->spec, &old))
		sandbox_close(gate, sandbox);
	else
		sandbox_move(gate, sandbox, old);
	directory_finish(&alone);
	if (error)
		return error;
	if (gate->sources_in == gate->input)
		leases_taken(gate, old);
	routes_resend(gate, old);
	leases_judge(gate, old);
	waiting_judge(gate);
	return NG_OK;
}

void ng_gate_sandbox_remove(struct ng_gate *gate, uint64_t now_us, uint32_t id)
{
	struct sandbox *sandbox = directory_by_id(&gate->directory, id);

	actions_begin(gate, now_us);
	if (!sandbox)
		return;
	sandbox_close(gate, sandbox);
	directory_remove(&gate->directory, sandbox);
}

/* ---- generations ---- */

static void sandboxes_judge(struct ng_gate *gate)
{
	struct sandbox *sandbox, *spare;

	HASH_ITER (hh, gate->directory.by_id, sandbox, spare) {
		leases_judge(gate, sandbox);
	}
	waiting_judge(gate);
}

int ng_gate_apply(struct ng_gate *gate, uint64_t now_us, const struct ng_generation *generation)
{
	struct directory next;
	struct route *routes = NULL;
	struct ng_prefix *own = malloc((generation->n_own + 1) * sizeof(*own));
	int error = own ? routes_build(generation, &routes) : NG_E_NOMEM;

	directory_init(&next, gate->seed);
	if (!error)
		error = directory_build(generation, routes, &next);
	if (error) {
		directory_finish(&next);
		free(routes);
		free(own);
		return error;
	}
	actions_begin(gate, now_us);
	if (generation->n_own)
		memcpy(own, generation->own, generation->n_own * sizeof(*own));
	free(gate->own);
	gate->own = own;
	gate->n_own = generation->n_own;
	gate->version = generation->version;
	gate->settings = ng_settings_full(&generation->settings);
	shares_shrink(gate, 0);
	directory_swap(gate, &next);
	leases_crowd(gate);
	failures_clear(gate);
	if (!gate->routes)
		gate->born_us = gate->now_us;
	routes_swap(gate, routes, generation->n_routes);
	sandboxes_judge(gate);
	return NG_OK;
}

/* ---- time, and looking in ---- */

void ng_gate_tick(struct ng_gate *gate, uint64_t now_us)
{
	actions_begin(gate, now_us);
	queries_tick(gate);
	leases_tick(gate);
}

uint64_t ng_gate_deadline(const struct ng_gate *gate)
{
	uint64_t due_us = book_deadline(&gate->book), commit_us;

	if (!gate->committing)
		return due_us;
	commit_us = gate->committing->commit_us + COMMIT_BUDGET_US;
	return commit_us < due_us ? commit_us : due_us;
}

void ng_gate_counters(const struct ng_gate *gate, struct ng_counters *out)
{
	*out = gate->counters;
	out->pending = gate->n_pending;
	out->sandboxes = gate->directory.n;
	out->cache_entries = gate->cache.n;
	out->cache_octets = gate->cache.octets + gate->ready.octets;
	out->ready_answers = gate->ready.n;
	out->ready_octets = gate->ready.octets;
	out->lease_octets = book_octets(&gate->book);
}
