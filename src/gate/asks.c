/*
 * Questions on their way to an upstream. Identical ones to one route share one ask; the whole
 * question is compared, not its hash alone.
 */
#include "gate/engine.h"

#include "base/hash.h"
#include "dns/svcb.h"
#include <string.h>

unsigned question_len(const struct question_key *key)
{
	return (unsigned)(offsetof(struct question_key, name) + 1u + key->name.len);
}

uint64_t question_hash(const struct ng_gate *gate, const struct question_key *key)
{
	return hash_octets(key, question_len(key), gate->seed);
}

/* Of all questions that may wait, one in so many may be one that nobody waits for. */
#define AHEAD_PART 8

static void ahead_end(struct ng_gate *gate, const struct ask *ask)
{
	struct sandbox *sandbox = directory_by_id(&gate->directory, ask->sandbox);

	gate->n_ahead--;
	if (sandbox && sandbox->n_ahead)
		sandbox->n_ahead--;
}

static void ask_free(struct ng_gate *gate, struct ask *ask)
{
	const uint32_t place = number_place(ask->id);
	uint32_t taken;

	if (ask->ahead)
		ahead_end(gate, ask);
	index_take(&gate->ask_index, ask->hash, &ask->key, &taken);
	DL_DELETE(gate->asks, ask);
	ask->id = 0;
	slab_give(&gate->ask_slab, place);
}

static struct ask *ask_make(struct ng_gate *gate, const struct question_key *key,
			    uint32_t sandbox)
{
	const uint64_t hash = question_hash(gate, key);
	uint32_t place;
	struct ask *ask =
		gate->ask_slab.items < PLACES_MAX ? slab_take(&gate->ask_slab, &place) : NULL;

	if (!ask)
		return NULL;
	if (index_put(&gate->ask_index, hash, place)) {
		slab_give(&gate->ask_slab, place);
		return NULL;
	}
	ask->id = number_make(&gate->last_ask, place);
	ask->hash = hash;
	ask->key = *key;
	ask->sandbox = sandbox;
	ask->sent_us = gate->now_us;
	DL_APPEND(gate->asks, ask);
	return ask;
}

static void ask_send(struct ng_gate *gate, const struct ask *ask)
{
	action_add(gate, NG_ASK_UPSTREAM)->ask = (struct ng_ask){
		.id = ask->id,
		.route = ask->key.route,
		.question = {.name = ask->key.name,
			     .type = ask->key.type,
			     .class = NG_CLASS_IN},
		.dnssec_ok = ask->key.dnssec_ok,
		.cd = ask->key.cd,
	};
	gate->counters.asks++;
}

struct ask *ask_same(const struct ng_gate *gate, const struct question_key *key)
{
	uint32_t place;

	if (!index_find(&gate->ask_index, question_hash(gate, key), key, &place))
		return NULL;
	return slab_at(&gate->ask_slab, place);
}

void ask_ahead(struct ng_gate *gate, const struct entry *entry, const struct query *query)
{
	const struct question_key key = entry_key(entry);
	const struct ng_limits *limits = &gate->settings.limits;
	struct sandbox *sandbox = query->sandbox;
	uint32_t left_s;
	struct ask *ask;

	if (sandbox->n_ahead > limits->pending_sandbox / AHEAD_PART ||
	    gate->n_ahead > limits->pending / AHEAD_PART || ask_same(gate, &key) ||
	    failure_find(gate, &key, &left_s) || !budget_allows_ahead(gate, query))
		return;
	ask = ask_make(gate, &key, sandbox->spec.id);
	if (!ask)
		return;
	ask->ahead = true;
	sandbox->n_ahead++;
	gate->n_ahead++;
	gate->counters.prefetched++;
	ask_send(gate, ask);
}

void ask_join(struct ng_gate *gate, struct query *query, const struct question_key *key,
	      struct ask *same)
{
	struct ask *ask = same;

	if (!ask) {
		ask = ask_make(gate, key, query->sandbox->spec.id);
		if (!ask) {
			query_fail(gate, query, TEXT_ASK_MEMORY);
			return;
		}
		ask_send(gate, ask);
	}
	query->state = QUERY_ASKING;
	query->asked_us = gate->now_us;
	query->ask = ask;
	DL_APPEND2(ask->queries, query, ask_prev, ask_next);
}

/* The ask itself stays until its answer comes, which is then cached for others. */
void ask_leave(struct query *query)
{
	if (!query->ask)
		return;
	DL_DELETE2(query->ask->queries, query, ask_prev, ask_next);
	query->ask = NULL;
	query->state = QUERY_RESOLVING;
}

static struct ask *ask_find(const struct ng_gate *gate, uint64_t id)
{
	struct ask *ask = slab_peek(&gate->ask_slab, number_place(id));

	return ask && ask->id == id ? ask : NULL;
}

/* Takes the ask out of the table: a query may need the same question again, and must then be able to send it. */
static struct query *ask_end(struct ng_gate *gate, struct ask *ask)
{
	struct query *queries = ask->queries, *query;

	DL_FOREACH2(queries, query, ask_next)
	{
		query->ask = NULL;
		query->state = QUERY_RESOLVING;
		query->upstream_us += (uint32_t)(gate->now_us - query->asked_us);
	}
	ask_free(gate, ask);
	return queries;
}

/* kept: it is the answer for a while, not only for those who wait. */
static void ask_failed(struct ng_gate *gate, struct ask *ask, enum text text, bool kept)
{
	const struct question_key key = ask->key;
	struct query *queries, *query, *spare;

	if (kept)
		failure_note(gate, &key, text);
	queries = ask_end(gate, ask);
	DL_FOREACH_SAFE2(queries, query, spare, ask_next)
	{
		if (text == TEXT_UPSTREAM_BUSY)
			limited(gate, query->sandbox, NG_LIMIT_UPSTREAM);
		if (!query_stale(gate, query, &key))
			query_fail(gate, query, text);
	}
}

/* Each waiting query goes on with what was said. */
static void ask_answered(struct ng_gate *gate, struct ask *ask, struct entry *entry)
{
	bool kept = cache_keep(gate, entry, ask->sandbox);
	struct query *queries, *query, *spare;

	failure_forget(gate, &ask->key);
	queries = ask_end(gate, ask);
	DL_FOREACH_SAFE2(queries, query, spare, ask_next)
	{
		query->upstream = entry->server;
		query_with_entry(gate, query, entry);
	}
	if (!kept)
		entry_free(entry);
}

/* Address hints and ech go before anybody can see them; so do signatures over what was changed. */
static int service_strip(struct ng_gate *gate, struct ng_rr *rr, bool *usable)
{
	uint8_t *out = arena_alloc(&gate->parsed, rr->rdlen);
	struct svcb svcb;
	int error;

	if (!out)
		return NG_E_NOMEM;
	error = svcb_strip(rr->rdata, rr->rdlen, out, &svcb);
	if (error)
		return error;
	rr->rdata = out;
	rr->rdlen = (uint16_t)svcb.len;
	*usable = svcb.usable;
	return NG_OK;
}

static bool is_service(uint16_t type)
{
	return type == NG_TYPE_SVCB || type == NG_TYPE_HTTPS;
}

int services_strip(struct ng_gate *gate, struct ng_answer *answer)
{
	size_t n = 0;

	for (size_t i = 0; i < answer->n; i++) {
		struct ng_rr *rr = &answer->rrs[i];
		bool usable = true;
		int error = is_service(rr->type) ? service_strip(gate, rr, &usable) : NG_OK;

		if (error)
			return error;
		answer->authentic &= !is_service(rr->type);
		if (usable && !(rr->type == NG_TYPE_RRSIG && rr->rdlen > 2 &&
				is_service((uint16_t)(rr->rdata[0] << 8 | rr->rdata[1]))))
			answer->rrs[n++] = *rr;
	}
	answer->n = n;
	return NG_OK;
}

void ng_gate_answer(struct ng_gate *gate, uint64_t now_us, uint64_t id,
		    const struct ng_addr *server, const uint8_t *wire, size_t len)
{
	struct ng_answer answer;
	struct entry *entry;
	struct ask *ask;
	int error;

	actions_begin(gate, now_us);
	ask = ask_find(gate, id);
	if (!ask)
		return;
	arena_reset(&gate->parsed);
	error = ng_answer_parse(wire, len, &gate->parsed, &answer);
	if (!error)
		error = services_strip(gate, &answer);
	if (!error)
		answer_trust(gate, ask->key.route, &answer);
	if (!error)
		error = entry_make(gate, &ask->key, &answer, server, &entry);
	if (error == NG_E_NOTFOUND)
		ask_failed(gate, ask, TEXT_UPSTREAM_FAILS, true);
	else if (error == NG_E_NOMEM)
		ask_failed(gate, ask, TEXT_ASK_MEMORY, false);
	else if (error)
		ask_failed(gate, ask, TEXT_UPSTREAM_FORM, true);
	else
		ask_answered(gate, ask, entry);
}

void ng_gate_no_answer(struct ng_gate *gate, uint64_t now_us, uint64_t id,
		       enum ng_no_answer why)
{
	static const enum text whys[] = {
		[NG_NO_TIME] = TEXT_UPSTREAM_TIME,   [NG_NO_NETWORK] = TEXT_UPSTREAM_NETWORK,
		[NG_NO_MATCH] = TEXT_UPSTREAM_MATCH, [NG_NO_TRUST] = TEXT_UPSTREAM_TRUST,
		[NG_NO_SERVER] = TEXT_UPSTREAM_BUSY, [NG_NO_LISTED] = TEXT_UPSTREAM_NONE,
		[NG_NO_MARK] = TEXT_UPSTREAM_MARK,
	};
	struct ask *ask;

	actions_begin(gate, now_us);
	ask = ask_find(gate, id);
	if (!ask)
		return;
	if (why < NG_NO_TIME || why > NG_NO_MARK)
		why = NG_NO_NETWORK;
	/* Without a free server nobody was asked. */
	ask_failed(gate, ask, whys[why],
		   why != NG_NO_SERVER && why != NG_NO_LISTED && why != NG_NO_MARK);
}

void ask_drop(struct ng_gate *gate, struct ask *ask)
{
	while (ask->queries)
		ask_leave(ask->queries);
	ask_free(gate, ask);
}

static bool same_question(const void *of, uint32_t place, const void *as)
{
	const struct ng_gate *gate = of;
	const struct ask *ask = slab_at(&gate->ask_slab, place);
	const struct question_key *key = as;

	return ask->key.name.len == key->name.len &&
	       memcmp(&ask->key, key, question_len(key)) == 0;
}

void asks_init(struct ng_gate *gate)
{
	gate->ask_slab.size = sizeof(struct ask);
	gate->ask_index.of = gate;
	gate->ask_index.same = same_question;
}

void asks_finish(struct ng_gate *gate)
{
	while (gate->asks)
		ask_free(gate, gate->asks);
	index_finish(&gate->ask_index);
	slab_finish(&gate->ask_slab);
}
