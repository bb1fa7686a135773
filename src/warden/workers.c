/*
 * Answers are queued per worker and sent in packets as large as they come. A full socket leaves
 * them queued and poll() tells when there is room again; reports of blocked packets are not queued
 * here, since their sender counts on.
 */
#include "warden/workers.h"

#include "edge/channel.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void workers_drop(struct workers *workers, struct worker *worker)
{
	close(worker->fd);
	free(worker->answers);
	*worker = workers->items[--workers->n];
}

void workers_finish(struct workers *workers)
{
	if (!workers)
		return;
	while (workers->n)
		workers_drop(workers, &workers->items[0]);
}

struct worker *workers_find(struct workers *workers, uint32_t number)
{
	for (size_t i = 0; i < workers->n; i++)
		if (workers->items[i].number == number)
			return &workers->items[i];
	return NULL;
}

uint32_t workers_of(const struct wall_sandbox *sandbox)
{
	return sandbox->worker + 1u;
}

bool workers_claimed(const struct workers *workers, uint32_t n)
{
	uint32_t claimed = 0;

	for (size_t i = 0; i < workers->n; i++)
		claimed += workers->items[i].claimed && workers->items[i].number <= n;
	return claimed == n;
}

int workers_add(struct workers *workers, uint32_t number, int fd)
{
	struct worker *old = workers_find(workers, number);

	if (old)
		workers_drop(workers, old);
	if (workers->n == WORKERS_MAX) {
		close(fd);
		return NG_E_FULL;
	}
	workers->items[workers->n++] = (struct worker){.number = number, .fd = fd};
	return NG_OK;
}

int worker_owe(struct worker *worker, size_t more)
{
	size_t room = worker->n + worker->owed + more;

	if (room > worker->room) {
		struct wall_leased *wider =
			reallocarray(worker->answers, room * 2, sizeof(*wider));

		if (!wider)
			return NG_E_NOMEM;
		worker->answers = wider;
		worker->room = room * 2;
	}
	worker->owed += more;
	return NG_OK;
}

void worker_answer(struct worker *worker, uint64_t number, int code)
{
	if (!worker->owed) /* of a channel that was replaced meanwhile */
		return;
	worker->owed--;
	worker->answers[worker->n++] = (struct wall_leased){.number = number, .code = code};
}

bool worker_waits(const struct worker *worker)
{
	return worker->n || worker->lost_due || worker->back_due;
}

bool worker_reads(const struct worker *worker)
{
	return worker->n < ANSWERS_MAX;
}

/* One after the other, and neither before the answers of the time before. */
static int flush_news(struct workers *workers, struct worker *worker)
{
	int code = NG_OK;

	if (worker->lost_due) {
		workers->packet.head = (struct wall_head){
			.kind = WALL_TABLE_LOST, .count = 1, .seq = ++worker->seq};
		workers->packet.done = (struct wall_done){0};
		code = channel_send(worker->fd, &workers->packet, -1);
		worker->lost_due = code != NG_OK;
	}
	if (code == NG_OK && worker->back_due) {
		workers->packet.head = (struct wall_head){
			.kind = WALL_TABLE_BACK, .count = 1, .seq = ++worker->seq};
		workers->packet.rebuilt = worker->rebuilt;
		code = channel_send(worker->fd, &workers->packet, -1);
		worker->back_due = code != NG_OK;
	}
	return code;
}

static int flush_answers(struct workers *workers, struct worker *worker)
{
	const size_t most = wall_count_max(WALL_LEASED);
	size_t sent = 0;
	int code = NG_OK;

	if (!worker->n)
		return NG_OK;
	while (sent < worker->n && code == NG_OK) {
		size_t n = worker->n - sent < most ? worker->n - sent : most;

		workers->packet.head = (struct wall_head){
			.kind = WALL_LEASED, .count = (uint16_t)n, .seq = ++worker->seq};
		memcpy(workers->packet.leased, worker->answers + sent,
		       n * sizeof(*worker->answers));
		code = channel_send(worker->fd, &workers->packet, -1);
		if (code == NG_OK)
			sent += n;
	}
	memmove(worker->answers, worker->answers + sent,
		(worker->n - sent) * sizeof(*worker->answers));
	worker->n -= sent;
	return code;
}

int worker_flush(struct workers *workers, struct worker *worker)
{
	int code = flush_answers(workers, worker);

	if (code == NG_OK)
		code = flush_news(workers, worker);
	return code == NG_E_FULL ? NG_OK : code;
}

void workers_tell_table(struct workers *workers, const struct wall_rebuilt *back)
{
	for (size_t i = 0; i < workers->n; i++) {
		struct worker *worker = &workers->items[i];

		worker->lost_due |= !back;
		worker->back_due = back != NULL;
		if (back)
			worker->rebuilt = *back;
		/* A channel that is of no use is dropped by whoever serves it next. */
		(void)!worker_flush(workers, worker);
	}
}

bool worker_report(struct workers *workers, struct worker *worker,
		   const struct wall_blocked *blocked)
{
	workers->packet.head =
		(struct wall_head){.kind = WALL_BLOCKED, .count = 1, .seq = ++worker->seq};
	workers->packet.blocked[0] = *blocked;
	return channel_send(worker->fd, &workers->packet, -1) == NG_OK;
}

void worker_tell_flows(struct workers *workers, struct worker *worker,
		       const struct wall_flow *flows, size_t n)
{
	workers->packet.head = (struct wall_head){
		.kind = WALL_FLOW, .count = (uint16_t)n, .seq = ++worker->seq};
	memcpy(workers->packet.flow, flows, n * sizeof(*flows));
	(void)!channel_send(worker->fd, &workers->packet, -1);
}

bool workers_tell_late(struct workers *workers, uint64_t count)
{
	if (!workers->n)
		return false;
	workers->packet.head = (struct wall_head){
		.kind = WALL_FLOWS_LATE, .count = 1, .seq = ++workers->items[0].seq};
	workers->packet.late = (struct wall_late){.count = count};
	return channel_send(workers->items[0].fd, &workers->packet, -1) == NG_OK;
}
