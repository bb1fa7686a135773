/*
 * What one life of the worker leaves to the next, and takes over from the one before: leases, names that
 * wait for approval, what was spent of budgets, and answers.
 */
#include "config.h"
#include "daemon/worker_parts.h"

#include "edge/cache_store.h"
#include <sys/random.h>

#define FIRST_WAITING 0xfffffu

/* Answers are saved in small steps, so that questions need not wait, and the larger the rarer. */
#define SAVE_MS            5000
#define SAVE_PAUSE_MS      1
#define SAVE_STEP          4096 /* octets of answers */
#define SAVE_LOOKS         16
#define SAVE_OCTETS_PER_MS 256 /* of all the time: what the disk is given to do at the most */

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

/* ---- answers, for the next life ---- */

/* A step of it; false when that was the last. */
static bool save_step(struct worker *worker)
{
	static uint8_t row[NG_CACHED_MAX];
	size_t len;
	bool more = ng_gate_cached_at(worker->gate, &worker->saving.cursor, row, &len);

	if (len)
		cache_store_add(worker->cache, row, len);
	worker->saving.octets += len;
	return more;
}

static void save_begin(struct worker *worker)
{
	cache_store_begin(worker->cache);
	worker->saving.cursor = worker->saving.octets = 0;
	worker->saving.news = false;
}

/* A life that ends in order leaves all of its answers to the next. */
void worker_save(struct worker *worker)
{
	if (!worker->adopted)
		return;
	save_begin(worker);
	while (save_step(worker))
		;
	(void)cache_store_end(worker->cache);
}

static void on_saving(uv_timer_t *timer)
{
	struct worker *worker = timer->data;
	struct saving *saving = &worker->saving;
	uint64_t wait_ms = SAVE_MS;

	if (!saving->open && !saving->news) {
		uv_timer_start(timer, on_saving, wait_ms, 0);
		return;
	}
	if (!saving->open)
		save_begin(worker);
	saving->open = true;
	for (uint64_t most = saving->octets + SAVE_STEP, i = 0;
	     saving->open && saving->octets < most && i < SAVE_LOOKS; i++)
		saving->open = save_step(worker);
	if (saving->open)
		wait_ms = SAVE_PAUSE_MS;
	else
		wait_ms += cache_store_end(worker->cache) / SAVE_OCTETS_PER_MS;
	uv_timer_start(timer, on_saving, wait_ms, 0);
}

void worker_save_now_and_then(struct worker *worker)
{
	if (worker->cache)
		uv_timer_start(&worker->saving.timer, on_saving, SAVE_MS, 0);
}

void worker_forget_saved(struct worker *worker)
{
	cache_store_void(worker->cache);
	worker->saving.open = false;
	worker->saving.news = true;
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
		worker_save_now_and_then(worker);
	}
	worker->adopted = true;
	worker_drain(worker);
	ng_gate_warden_back(worker->gate, now_us);
	orders_claim(worker);
	worker_drain(worker);
	udp_start(worker->udp);
	stream_start(worker->streams);
}
