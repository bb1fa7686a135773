/*
 * A supervised process on the other side of a wall: started, listened to, started again.
 *
 * The owner makes one struct child a process and gets it called back: up (it said WALL_READY),
 * packet (checked by the wall's rules), down (it is gone; a restart is on its way). What is sent
 * while the channel is full waits in a queue, so order always holds. Whoever sends something that
 * is answered leaves a waiter, which comes back with the answer; waiters die with the process.
 */
#pragma once

#include "base/wall.h"

#include <stdbool.h>
#include <uthash.h>
#include <uv.h>

enum child_wait {
	CHILD_NO_WAIT = 0,
	CHILD_WAIT_TABLE,
	CHILD_WAIT_ADD,
	CHILD_WAIT_REMOVE,
	CHILD_WAIT_MEMBER,
	CHILD_WAIT_COMMIT,
	CHILD_WAIT_STATUS,
	CHILD_WAIT_LEASES,
	CHILD_WAIT_WAITINGS,
	CHILD_WAIT_TALLIES,
	CHILD_WAIT_TARGETS,
	CHILD_WAIT_LIMITS,
	CHILD_WAIT_UPSTREAMS,
	CHILD_WAIT_FLUSH
};

struct waiter {
	uint32_t seq;
	enum child_wait what;
	uint32_t sandbox; /* id, where one is meant */
	bool gate;        /* the next generation waits for it */
	uint64_t since_ms;
	UT_hash_handle hh;
};

struct child;
struct child_calls {
	void (*up)(struct child *child);
	/* waiter: what the packet answers, NULL when it answers nothing we asked. */
	void (*packet)(struct child *child, const struct wall_packet *packet,
		       const struct waiter *waiter);
	void (*down)(struct child *child);
};

#define CHILD_ARGS 12
struct child {
	const char *name;
	const char *path;
	const char *args[CHILD_ARGS]; /* NULL at the end */
	int extra_fds[2];             /* become the descriptors behind WALL_FD; -1: none */
	enum wall_way from;           /* the way of what it says */
	const struct child_calls *calls;
	void *owner;
	uv_loop_t *loop;

	struct life *life; /* NULL: not running */
	bool up, stopping;
	uint32_t starts, seq;
	uint64_t started_ms, quiet_ms, delay_ms;
	uv_timer_t again;
	struct waiter *waiters;
	struct packet_entry *first, *last;
};

/* The owner has filled in name to loop. Starts at once; a failure to start is retried like a death. */
void child_start(struct child *child);
/* Asks it to end (SIGTERM) and does not start it again; `down` is called as always. */
void child_stop(struct child *child);
/* Ends it for good reason, which is logged; it is started again. */
void child_kill(struct child *child, const char *why);
/* Ends it when it owes an answer for longer than any answer may take. */
void child_check(struct child *child);
/*
 * Sends packet, whose kind and body are filled in; takes fd (-1: none) over. what says how the
 * answer is to be taken. Void when the child is not running.
 */
void child_send(struct child *child, struct wall_packet *packet, int fd, struct waiter what);
/* Sends what belongs to the packet sent last, with its number. */
void child_send_more(struct child *child, struct wall_packet *packet);
/* Frees what it holds; it must be down. Takes NULL. */
void child_finish(struct child *child);
pid_t child_pid(const struct child *child); /* 0: not running */

/* How long to wait before a start, after a life of lived_ms that began after a wait of before_ms. */
uint64_t child_delay(uint64_t before_ms, uint64_t lived_ms, bool first);
/* Clears the head and the one body of kind, and sets both. */
void packet_clear(struct wall_packet *packet, enum wall_kind kind);
