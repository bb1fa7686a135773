/*
 * What the engine wants done, done: each kind of action by the edge that it belongs to. Orders and
 * replies gather there, and leave at the end of the loop turn (see worker.c).
 */
#include "daemon/worker_parts.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_HANDLE (UINT64_C(1) << 63)
#define SECOND_US     UINT64_C(1000000)

/* The engine is in the middle of its actions then, and must not be told anything. */
static void refuse_later(struct worker *worker, bool lease, uint64_t number, int code)
{
	struct refusals *refusals = &worker->refusals;

	if (refusals->n == refusals->room) {
		size_t room = refusals->room ? 2 * refusals->room : 64;
		void *items = realloc(refusals->items, room * sizeof(*refusals->items));
		if (!items) { /* it would wait for ever; a fresh start is better */
			worker_stop(worker, EXIT_FAILURE);
			return;
		}
		refusals->items = items;
		refusals->room = room;
	}
	refusals->items[refusals->n++] =
		(struct refusal){.lease = lease, .number = number, .code = code};
}

static void act_ask(struct worker *worker, const struct ng_action *action)
{
	int code = upstream_ask(worker->upstream, &action->ask);

	if (code)
		refuse_later(worker, false, action->ask.id, code);
}

/* The intent. Wall times are for people: to the second, and rounded up where something ends. */
static void keep_lease(struct worker *worker, const struct ng_lease_order *order)
{
	uint64_t now_s = worker_wall_s();
	uint64_t left_us =
		order->until_us > worker->now_us ? order->until_us - worker->now_us : 0;

	lease_store_put(worker->store,
			&(struct lease_row){
				.sandbox = order->sandbox,
				.sandbox_name = order->sandbox_name,
				.client = order->client,
				.addr = order->addr,
				.port = order->port,
				.name = order->name,
				.way = order->way,
				.trail = order->trail,
				.type = order->type,
				.rule = order->rule,
				.until_us = order->until_us,
				.ends_us = order->ends_us,
				.last_s = now_s,
				.until_s = now_s + (left_us + SECOND_US - 1) / SECOND_US,
			});
}

static void act_lease(struct worker *worker, const struct ng_action *action)
{
	const struct ng_lease_order *order = &action->lease;
	int code = orders_add(worker, order, WALL_LEASE);

	if (code) {
		worker->orders.claim = false; /* not all was said */
		refuse_later(worker, true, order->number, code);
	} else if (order->name && order->trail.n_names) {
		keep_lease(worker, order);
	}
}

static void act_hold(struct worker *worker, const struct ng_action *action)
{
	if (action->lease.name && action->lease.trail.n_names)
		keep_lease(worker, &action->lease);
}

static void end_lease(struct worker *worker, const struct ng_lease_order *order,
		      const struct ng_held *held, enum lease_end why)
{
	if (held->name)
		lease_store_end(worker->store,
				&(struct lease_row){
					.sandbox = order->sandbox,
					.client = order->client,
					.addr = order->addr,
					.port = order->port,
					.name = held->name,
					.way = held->way,
				},
				why, worker_wall_s());
}

static void act_release(struct worker *worker, const struct ng_action *action)
{
	const struct ng_lease_order *order = &action->lease;

	end_lease(worker, order, &(struct ng_held){order->name, order->way}, LEASE_REVOKED);
}

static void act_shut(struct worker *worker, const struct ng_action *action)
{
	const struct ng_lease_order *order = &action->lease;
	bool evict = action->kind == NG_EVICT;

	/* It stays open until its end then; the successor's adoption finds it again and revokes. */
	if (orders_add(worker, order, evict ? WALL_EVICT : WALL_REVOKE)) {
		fputs("namegated: too many leases to revoke at once; starting again\n", stderr);
		worker_stop(worker, EXIT_FAILURE);
		return;
	}
	for (size_t i = 0; i < order->n_held; i++)
		end_lease(worker, order, &order->held[i],
			  evict ? LEASE_EVICTED : LEASE_REVOKED);
}

static void act_reply(struct worker *worker, const struct ng_action *action)
{
	const struct ng_reply *reply = &action->reply;

	if (reply->client & STREAM_HANDLE)
		stream_reply(worker->streams, reply->client, reply->wire, reply->len);
	else
		udp_reply(worker->udp, reply->client, reply->wire, reply->len);
}

static void act_drop(struct worker *worker, const struct ng_action *action)
{
	if (action->drop & STREAM_HANDLE)
		stream_drop(worker->streams, action->drop);
	else
		udp_drop(worker->udp, action->drop);
}

static bool is_told_to_all(const struct ng_record *record)
{
	return record->event == NG_EVENT_TABLE_LOST || record->event == NG_EVENT_TABLE_BACK;
}

static void act_record(struct worker *worker, const struct ng_action *action)
{
	if (!worker->speaks && is_told_to_all(&action->record))
		return;
	record_put(worker->records, worker->now_us, &action->record);
	if (action->record.event == NG_EVENT_BLOCKED)
		targets_note(&worker->targets, worker->now_us, &action->record);
}

static void act_waiting(struct worker *worker, const struct ng_action *action)
{
	lease_store_waiting(worker->store, &action->waiting, worker->now_us, worker_wall_s());
}

static void act_spent(struct worker *worker, const struct ng_action *action)
{
	lease_store_spent(worker->store, &action->spent, worker->now_us, worker_wall_s());
}

static void act(struct worker *worker)
{
	static void (*const acts[])(struct worker *, const struct ng_action *) = {
		[NG_ASK_UPSTREAM] = act_ask, [NG_LEASE] = act_lease, [NG_REVOKE] = act_shut,
		[NG_REPLY] = act_reply,      [NG_DROP] = act_drop,   [NG_RECORD] = act_record,
		[NG_WAITING] = act_waiting,  [NG_HOLD] = act_hold,   [NG_RELEASE] = act_release,
		[NG_EVICT] = act_shut,       [NG_SPENT] = act_spent,
	};
	struct ng_action action;

	while (ng_gate_next(worker->gate, &action))
		acts[action.kind](worker, &action);
}

void worker_drain(struct worker *worker)
{
	act(worker);
	while (worker->refusals.n) {
		struct refusal refusal = worker->refusals.items[--worker->refusals.n];

		if (refusal.lease)
			ng_gate_lease_result(worker->gate, worker->now_us, refusal.number,
					     refusal.code);
		else
			ng_gate_no_answer(worker->gate, worker->now_us, refusal.number,
					  refusal.code == NG_E_NOTFOUND ? NG_NO_LISTED
									: NG_NO_SERVER);
		act(worker);
	}
}
