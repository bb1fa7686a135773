/*
 * What one life of the worker leaves to the next, and takes over from the one before: leases, names that
 * wait for approval, what was spent of budgets, and answers.
 */
#include "config.h"
#include "daemon/worker_parts.h"

#include "edge/cache_store.h"
#include <sys/random.h>

#define FIRST_WAITING 0xfffffu

static bool adopt_row(void *context, const struct lease_row *row)
{
	struct worker *worker = context;
	int code =
		ng_gate_adopt(worker->gate, worker_clock_us(worker), row->sandbox, &row->client,
			      &row->addr, &row->port, &row->trail, row->until_us, row->ends_us);

	return code != NG_E_NOTFOUND;
}

static bool adopt_waiting(void *context, const struct ng_waiting *waiting)
{
	struct worker *worker = context;

	return ng_gate_waiting_adopt(worker->gate, worker_clock_us(worker), waiting) !=
	       NG_E_NOTFOUND;
}

/*
 * Without a store, or with one that was begun anew, the numbers begin somewhere: one that was shown
 * before must not come to mean another name.
 */
static void adopt_waitings(struct worker *worker)
{
	uint64_t last = lease_store_waitings(worker->store, worker->now_us, worker_wall_s(),
					     adopt_waiting, worker);
	uint32_t first = 0;

	if (!last && getrandom(&first, sizeof(first), GRND_NONBLOCK) == sizeof(first))
		last = first & FIRST_WAITING;
	ng_gate_waiting_from(worker->gate, last);
}

static void adopt_spent(void *context, const struct ng_spent *spent)
{
	struct worker *worker = context;

	/* Without memory for it there is none for what it would pay for. */
	(void)!ng_gate_spent_adopt(worker->gate, worker_clock_us(worker), spent);
}

static void cached_put(void *context, const uint8_t *octets, size_t len)
{
	struct worker *worker = context;

	/* One that does not fit any more is asked for anew. */
	(void)!ng_gate_cached_put(worker->gate, worker_clock_us(worker), octets, len);
}

/* A life that ended in order leaves its answers to the next. */
void worker_save(struct worker *worker)
{
	static uint8_t row[NG_CACHED_MAX];
	uint64_t cursor = 0;
	size_t len;

	if (!worker->adopted)
		return;
	while ((len = ng_gate_cached_at(worker->gate, &cursor, row)) > 0)
		cache_store_add(worker->cache, row, len);
	cache_store_end(worker->cache);
}

void worker_ready(struct worker *worker)
{
	uint64_t now_us = worker_clock_us(worker);

	if (!worker->committed || !worker->warden)
		return;
	warden_listen(worker);
	if (!worker->adopted) {
		lease_store_each(worker->store, now_us, worker_wall_s(), adopt_row, worker);
		ng_gate_adopted(worker->gate, now_us);
		adopt_waitings(worker);
		lease_store_spents(worker->store, now_us, adopt_spent, worker);
		cache_store_each(worker->cache, cached_put, worker);
	}
	worker->adopted = true;
	worker_drain(worker);
	ng_gate_warden_back(worker->gate, now_us);
	orders_claim(worker);
	worker_drain(worker);
	udp_start(worker->udp);
	stream_start(worker->streams);
}
