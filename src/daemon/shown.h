/*
 * Which name main has shown to administrators under which number of a worker's.
 *
 * Workers give names that wait their numbers, and an administrator decides by the number. So a worker that was taken
 * over must not put another name under one that has been shown; neither after it has shown so many that not
 * all are remembered. Each has a memory of its own, so that it moves nothing in another's.
 */
#pragma once

#include "base/wall.h"

#define SHOWN_MAX                                                                              \
	(2 * NG_WAITING_MAX) /* rows; then those that were not shown for the longest time go */

struct shown_row;

struct shown { /* of one worker; all zero: nothing */
	struct shown_row *rows;
	uint64_t forgotten; /* no number above that is */
	uint64_t seed;      /* of the table: a worker chooses its numbers */
};

/* Remembers the row, unless another one with its number has been, or may have been. */
void shown_note(struct shown *shown, const struct wall_waiting_row *row);
/* Has another name, or another sandbox, been shown under its number, or may it have been? */
bool shown_otherwise(const struct shown *shown, const struct wall_waiting_row *row);
void shown_finish(struct shown *shown);
