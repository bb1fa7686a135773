/*
 * Which name main has shown to administrators under which number of a worker's.
 *
 * Workers give names that wait their numbers, and an administrator decides by the number. So a worker that was taken
 * over must not put another name under one that has been shown; neither after it has shown so many that not
 * all are remembered. Of those that are not, a blurred picture of their numbers is kept: one that is not in it
 * was never shown, and may be shown and decided however many others were. Showing a number again that is in it
 * helps nobody: whoever knows the name of before would decide about the one of now.
 *
 * Each worker has a memory of its own, so that it moves nothing in another's.
 */
#pragma once

#include "base/wall.h"

#define SHOWN_BLUR_BITS (1u << 20) /* of that picture; it is made when the first row goes */
#define SHOWN_MAX                                                                              \
	(2 * NG_WAITING_MAX) /* rows; then those that were not shown for the longest time go */

struct shown_row;

struct shown { /* of one worker; all zero: nothing */
	struct shown_row *rows;
	uint64_t forgotten; /* no number above that is */
	uint64_t *
		blur; /* of the numbers that are; NULL: there is none, and any up to that may be */
	uint64_t seed; /* of both: a worker chooses its numbers */
};

enum shown_as {
	SHOWN_FORGOTTEN = 0, /* another name may have been shown under the number */
	SHOWN_OTHERWISE,     /* another name, or another sandbox, was */
	SHOWN_SO             /* no other was */
};

/* Remembers the row, unless another one with its number has been, or may have been. */
void shown_note(struct shown *shown, const struct wall_waiting_row *row);
enum shown_as shown_as(const struct shown *shown, const struct wall_waiting_row *row);
void shown_finish(struct shown *shown);
