/*
 * Looking again instead of sleeping, where the configuration wants that: see base/awake.h.
 *
 * While an idle handle is there, libuv's loop polls without waiting; timers, main, signals and the end of the turn come as
 * ever. When it is time to sleep it is gone. It runs first in a turn of the loop, so the warden, if that
 * is on the same core, has what was ordered at the end of the last turn in its hands at once.
 */
#include "daemon/worker_parts.h"

#include <sched.h>

static void on_look(uv_idle_t *look)
{
	struct worker *worker = look->data;
	struct awake *awake = &worker->busy.awake;
	const uint64_t from_us = worker_clock_us(worker);

	if (awake_looks(awake, from_us)) {
		(void)sched_yield();
		awake_gave_way(awake, from_us, worker_clock_us(worker));
	} else {
		uv_idle_stop(look);
	}
}

int busy_init(struct worker *worker)
{
	worker->busy.look.data = worker;
	return uv_idle_init(&worker->loop, &worker->busy.look);
}

void busy_news(struct worker *worker)
{
	struct awake *awake = &worker->busy.awake;

	awake_news(awake, worker->now_us);
	if (awake_looks(awake, worker->now_us))
		uv_idle_start(&worker->busy.look, on_look);
}
