/*
 * The worker process: the one place that parses what strangers send.
 *
 * It is started by main with its channel at WALL_FD and an open descriptor for the records, opens
 * its store, gives up every privilege, says WALL_READY, and then serves until main is gone or
 * SIGTERM comes. What it may answer reaches it over the wall only.
 */
#pragma once

#include <stdint.h>

/* How records are written to the descriptor that main opened. */
enum worker_record {
	WORKER_RECORD_LINES = 0, /* one JSON object a line: a file, a pipe, a terminal */
	WORKER_RECORD_JOURNAL    /* a datagram socket connected to the journal */
};

struct worker_options {
	const char *user; /* as confine_worker() takes it */
	/*
	 * The leases are kept in folder store/worker. Before it gives up its own privileges main makes
	 * that one, owned by the worker's user with mode 0700, in a folder the user may pass through:
	 * the worker becomes its user first, because a file that a taken-over worker wrote must not be
	 * parsed with root's rights at the next start.
	 */
	const char *store;
	unsigned number, workers; /* which of them it is, from 1, and how many there are */
	int record_fd;
	enum worker_record record;
};

/* Serves until told to stop; returns the exit status, after one line on stderr when it is not 0. */
int worker_main(const struct worker_options *options);
