/*
 * The channels to the workers, and the answers that wait to be taken. A worker that does not read
 * its answers is not read from either.
 */
#pragma once

#include "base/wall.h"

#define WORKERS_MAX NG_WORKERS_MAX
#define ANSWERS_MAX 65536 /* a worker that leaves so many unread is not read from */

struct worker {
	uint32_t number;
	int fd;
	struct wall_leased *answers; /* owned */
	size_t n, room, owed; /* waiting to be sent; room for; orders without an answer yet */
	uint32_t seq;
	bool lost_due, back_due; /* to be told, behind the answers */
	bool claimed;            /* it has ordered all that it can explain */
	struct wall_rebuilt rebuilt;
};
struct workers {
	struct worker items[WORKERS_MAX];
	size_t n;
	struct wall_packet packet; /* for sending */
};

void workers_finish(struct workers *workers); /* takes NULL */
/* Takes the descriptor over, also on failure. A worker of that number is replaced. NG_E_FULL. */
int workers_add(struct workers *workers, uint32_t number, int fd) NG_MUST_CHECK;
void workers_drop(struct workers *workers, struct worker *worker);
struct worker *workers_find(struct workers *workers, uint32_t number);
/* The only worker that may order for that sandbox, and is told of it: its number. */
uint32_t workers_of(const struct wall_sandbox *sandbox);
/* Have all of them ordered all that they can explain? n: how many there are to be. */
bool workers_claimed(const struct workers *workers, uint32_t n);
/* So many more orders: makes room for their answers. NG_E_NOMEM: drop the worker. */
int worker_owe(struct worker *worker, size_t more) NG_MUST_CHECK;
/* Of an order that is owed. */
void worker_answer(struct worker *worker, uint64_t number, int code);
bool worker_waits(const struct worker *worker); /* is there anything to be sent? */
bool worker_reads(const struct worker *worker); /* is it to be read from? */
/* Sends what it can. NG_E_CLOSED, NG_E_IO: the channel is of no use any more. */
int worker_flush(struct workers *workers, struct worker *worker) NG_MUST_CHECK;
/*
 * The table is lost: at once where the channel takes it, else with the next flush. back: NULL, or it
 * stands again.
 */
void workers_tell_table(struct workers *workers, const struct wall_rebuilt *back);
/* True when it took the report. */
bool worker_report(struct workers *workers, struct worker *worker,
		   const struct wall_blocked *blocked);
/* So many walks were late: the first worker is told. True when it took that. */
bool workers_tell_late(struct workers *workers, uint64_t count);
/* As far as it takes them now; n is at most wall_count_max(WALL_FLOW). */
void worker_tell_flows(struct workers *workers, struct worker *worker,
		       const struct wall_flow *flows, size_t n);
