/*
 * The worker: the one place where the edges meet.
 *
 * A loop turn is: packets in, each fed to the engine and what came out acted on at once; then, at
 * the end of the turn, what was gathered leaves together. First the leases' intents go to the
 * store, then the orders to the warden, then replies and records. Replies with addresses are
 * never among those of the turn in which they were ordered: the engine gives them only after the
 * warden's word.
 *
 * Nothing is read from a client before there is a policy and a warden, and nothing at all before
 * privileges are gone. When main is gone the worker ends; the kernel keeps what it has.
 */
#include "config.h"
#include "daemon/worker_parts.h"

#include "edge/cache_store.h"
#include "edge/channel.h"
#include "edge/confine.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS         256 /* packets taken from main in one turn */
#define PLACES_MAX     16384u
#define FDS_ELSEWHERE  (64u + NG_SOCKETS_MAX)
#define SWEEP_PAUSE_MS 2
#define NEVER_US       UINT64_MAX

uint64_t worker_clock_us(struct worker *worker)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	worker->now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	return worker->now_us;
}

uint64_t worker_wall_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec;
}

void worker_stop(struct worker *worker, int status)
{
	if (worker->stopping)
		return;
	worker->stopping = true;
	worker->status = status;
	uv_stop(&worker->loop);
}

/* ---- what comes in ---- */

static void on_query(void *context, const struct ng_client *client, const uint8_t *wire,
		     size_t len)
{
	struct worker *worker = context;

	ng_gate_query(worker->gate, worker_clock_us(worker), client, wire, len);
	busy_news(worker);
	worker_drain(worker);
}

/* Questions that came together came at the same time. */
static void on_batch(void *context)
{
	worker_clock_us(context);
	busy_news(context);
}

static void on_datagram(void *context, const struct ng_client *client, const uint8_t *wire,
			size_t len)
{
	struct worker *worker = context;

	ng_gate_query(worker->gate, worker->now_us, client, wire, len);
	worker_drain(worker);
}

static uint32_t on_who(void *context, const struct ng_client *client)
{
	const struct worker *worker = context;

	return ng_gate_sandbox_of(worker->gate, client);
}

static void on_limited(void *context, uint32_t sandbox, enum ng_limit limit)
{
	const struct worker *worker = context;

	ng_gate_limited(worker->gate, sandbox, limit);
}

static void on_answer(void *context, uint64_t ask, const struct ng_addr *server,
		      const uint8_t *wire, size_t len)
{
	struct worker *worker = context;

	worker->saving.news = true;
	ng_gate_answer(worker->gate, worker_clock_us(worker), ask, server, wire, len);
	busy_news(worker);
	worker_drain(worker);
}

static void on_no_answer(void *context, uint64_t ask, enum ng_no_answer why)
{
	struct worker *worker = context;

	ng_gate_no_answer(worker->gate, worker_clock_us(worker), ask, why);
	worker_drain(worker);
}

static void on_deadline(uv_timer_t *timer)
{
	struct worker *worker = timer->data;

	worker->deadline_us = NEVER_US;
	ng_gate_tick(worker->gate, worker_clock_us(worker));
	worker_drain(worker);
}

static void on_sweep(uv_timer_t *timer);

/* A step of it, and the next when questions that came meanwhile have had their turn. */
static void sweep(struct worker *worker)
{
	if (lease_store_sweep(worker->store, worker->now_us))
		uv_timer_start(&worker->sweeping, on_sweep, SWEEP_PAUSE_MS, 0);
}

static void on_sweep(uv_timer_t *timer)
{
	struct worker *worker = timer->data;

	worker_clock_us(worker);
	lease_store_commit(worker->store);
	sweep(worker);
}

static void on_second(uv_timer_t *timer)
{
	struct worker *worker = timer->data;
	uint64_t now_us = worker_clock_us(worker);

	record_second(worker->records, now_us);
	ng_gate_limits_tell(worker->gate, now_us);
	worker_drain(worker);
	ng_gate_waiting_tell(worker->gate, now_us);
	worker_drain(worker);
	lease_store_commit(worker->store);
	sweep(worker);
}

static void on_term(uv_signal_t *signal, int number)
{
	(void)number;
	worker_stop(signal->data, EXIT_SUCCESS);
}

static bool take_from_main(struct worker *worker)
{
	for (int i = 0; i < ROUNDS && !worker->stopping; i++) {
		int fd, code = channel_receive(WALL_FD, WALL_MAIN_TO_WORKER, &worker->in, &fd);

		if (code == NG_E_NOTFOUND)
			return true;
		if (code == NG_E_CLOSED) {
			worker_stop(worker, EXIT_SUCCESS);
			return true;
		}
		if (code || !wall_take(worker, &worker->in, fd))
			return false;
	}
	return true;
}

static void on_main(uv_poll_t *poll, int status, int events)
{
	struct worker *worker = poll->data;

	(void)events;     /* a writable channel is used at the end of the turn */
	if (status < 0) { /* main is gone, and has left something unread */
		worker_stop(worker, EXIT_SUCCESS);
		return;
	}
	if (take_from_main(worker))
		return;
	fputs("namegated: the channel to the main process broke the wall's rules\n", stderr);
	worker_stop(worker, EXIT_FAILURE);
}

/* ---- a turn and its end ---- */

static void arm_deadline(struct worker *worker)
{
	uint64_t due_us = ng_gate_deadline(worker->gate), now_us;

	if (due_us == worker->deadline_us)
		return;
	worker->deadline_us = due_us;
	if (due_us == NEVER_US) {
		uv_timer_stop(&worker->deadline);
		return;
	}
	/* The loop counts whole milliseconds, from a time that may be some behind. */
	now_us = worker_clock_us(worker);
	uv_update_time(&worker->loop);
	uv_timer_start(&worker->deadline, on_deadline,
		       due_us > now_us ? (due_us - now_us + 999) / 1000 : 0, 0);
}

static void arm_main(struct worker *worker)
{
	int events = UV_READABLE | (worker->report.n ? UV_WRITABLE : 0);

	if (events == worker->main_events)
		return;
	worker->main_events = events;
	uv_poll_start(&worker->main, events, on_main);
}

static void turn(struct worker *worker)
{
	lease_store_commit(worker->store);
	orders_flush(worker);
	udp_flush(worker->udp);
	record_flush(worker->records);
	if (!report_flush(worker))
		worker_stop(worker, EXIT_SUCCESS);
	arm_main(worker);
	arm_deadline(worker);
	orders_give_way(worker);
}

/* Timers fire before the one, packets come before the other. */
static void on_before(uv_prepare_t *handle)
{
	turn(handle->data);
}

static void on_after(uv_check_t *handle)
{
	turn(handle->data);
}

/* ---- life ---- */

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "namegated: worker: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

/*
 * Descriptors are shared out once: for questions under way and for clients of streams, with a rest for
 * everything else. An accept() that fails for want of one would spin, so nobody may have too many.
 */
static void share_descriptors(struct worker *worker)
{
	struct rlimit limit = {0};
	uint64_t left;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	left = limit.rlim_cur > 2 * FDS_ELSEWHERE ? limit.rlim_cur - FDS_ELSEWHERE
						  : FDS_ELSEWHERE;
	/* Beside each four places there may be a connection or a second query. */
	worker->places = left * 2 / 5 < PLACES_MAX ? (uint32_t)(left * 2 / 5) : PLACES_MAX;
	left -= worker->places + worker->places / 4;
	worker->streams_max = left < UINT16_MAX ? (uint32_t)left : UINT16_MAX;
}

/* The wall time when our clock was zero: read once, so that a step of the wall clock moves no event's id. */
static uint64_t zero_ms(struct worker *worker)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 -
	       worker_clock_us(worker) / 1000;
}

static int make_edges(struct worker *worker)
{
	const struct upstream_events events = {
		.context = worker, .answer = on_answer, .no_answer = on_no_answer};
	uint64_t drawn[2];
	const struct udp_calls datagrams = {
		.context = worker, .batch = on_batch, .query = on_datagram};
	const struct stream_calls streams = {
		.context = worker, .query = on_query, .sandbox = on_who, .limited = on_limited};
	int code;

	share_descriptors(worker);
	if (getrandom(drawn, sizeof(drawn), 0) != sizeof(drawn))
		return NG_E_IO;
	code = ng_gate_create(drawn[0], &worker->gate);
	if (!code)
		ng_gate_events(worker->gate, zero_ms(worker), drawn[1]);
	if (!code)
		code = udp_create(&worker->loop, &datagrams, &worker->udp);
	if (!code)
		code = stream_create(&worker->loop, &streams, &worker->streams);
	if (!code)
		code = upstream_create(&worker->loop, worker->places, &events,
				       &worker->upstream);
	if (!code)
		ng_gate_warden_lost(worker->gate, worker_clock_us(worker));
	return code;
}

static int make_handles(struct worker *worker)
{
	uv_loop_t *loop = &worker->loop;
	int bad = uv_poll_init(loop, &worker->main, WALL_FD);

	bad |= uv_prepare_init(loop, &worker->before);
	bad |= uv_check_init(loop, &worker->after);
	bad |= uv_timer_init(loop, &worker->deadline);
	bad |= uv_timer_init(loop, &worker->second);
	bad |= uv_timer_init(loop, &worker->sweeping);
	bad |= uv_timer_init(loop, &worker->saving.timer);
	bad |= uv_signal_init(loop, &worker->term);
	bad |= busy_init(worker);
	worker->main.data = worker->before.data = worker->after.data = worker;
	worker->deadline.data = worker->second.data = worker->term.data = worker;
	worker->sweeping.data = worker->saving.timer.data = worker;
	if (!bad)
		bad = uv_signal_start(&worker->term, on_term, SIGTERM);
	if (bad)
		return NG_E_IO;
	uv_prepare_start(&worker->before, on_before);
	uv_check_start(&worker->after, on_after);
	uv_timer_start(&worker->second, on_second, 1000, 1000);
	return NG_OK;
}

/* Everything that needs a privilege or a path; then there is no way back. */
static int open_and_confine(struct worker *worker, const struct worker_options *options)
{
	enum record_kind kind =
		options->record == WORKER_RECORD_JOURNAL ? RECORD_JOURNAL : RECORD_LINES;
	char why[CONFINE_WHY], store_why[LEASE_STORE_WHY];
	int code = record_create(options->record_fd, kind, &worker->records);

	if (code)
		return fail("cannot write records", ng_strerror(code));
	code = confine_user(options->user, why);
	if (code)
		return fail("cannot give up privileges", why);
	if (lease_store_open(options->store, NG_HISTORY_MAX, &worker->store, store_why))
		fprintf(stderr,
			"namegated: worker: no lease store: %s; leases work, but a restart "
			"will not know their names\n",
			store_why);
	if (worker->store && cache_store_open(options->store, &worker->cache))
		fprintf(stderr,
			"namegated: worker: the answers of an earlier life cannot be "
			"kept in %s; they are asked for anew after a restart\n",
			options->store);
	code = make_edges(worker);
	worker->speaks = options->number <= 1;
	if (!code && options->workers)
		ng_gate_waiting_share(worker->gate, options->number - 1, options->workers);
	if (!code)
		code = make_handles(worker);
	if (code)
		return fail("cannot start", ng_strerror(code));
	code = confine_worker(options->user, why);
	if (code)
		return fail("cannot give up privileges", why);
	return EXIT_SUCCESS;
}

static void finish(struct worker *worker)
{
	worker_save(worker);
	cache_store_close(worker->cache);
	lease_store_close(worker->store);
	record_destroy(worker->records);
	targets_finish(&worker->targets);
	ng_gate_destroy(worker->gate);
	stage_finish(&worker->stage);
	orders_finish(&worker->orders);
	rulesets_finish(&worker->rulesets);
	free(worker->refusals.items);
	free(worker);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Handles first, then what they point to: closing happens in the loop. */
static void close_all(struct worker *worker)
{
	worker->stopping = true;
	ng_gate_limits_tell(worker->gate, worker_clock_us(worker));
	worker_drain(worker);
	ng_gate_spent_tell(worker->gate, worker->now_us);
	worker_drain(worker);
	record_flush(worker->records);
	warden_close(worker);
	udp_destroy(worker->udp);
	stream_destroy(worker->streams);
	upstream_destroy(worker->upstream);
	uv_walk(&worker->loop, close_handle, NULL);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&worker->loop);
}

int worker_main(const struct worker_options *options)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int status;

	if (!worker || uv_loop_init(&worker->loop)) {
		free(worker);
		return fail("cannot start", "out of memory or descriptors");
	}
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "namegated-work"); /* fifteen octets is what the kernel keeps */
	worker->deadline_us = NEVER_US;
	status = open_and_confine(worker, options);
	if (status == EXIT_SUCCESS) {
		(void)report_owe(worker, WALL_READY, 0, NG_OK);
		uv_run(&worker->loop, UV_RUN_DEFAULT);
		status = worker->status;
		close_all(worker);
	}
	finish(worker);
	return status;
}
