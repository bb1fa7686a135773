/*
 * Which name main has shown to administrators under which number.
 *
 * Workers give names that wait their numbers, and an administrator decides by the number. So a worker that was taken
 * over must not put another name under one that has been shown.
 */
#pragma once

#include "base/wall.h"

#define SHOWN_MAX 8192 /* rows; then the first ones are forgotten */

struct shown;

/* Remembers the row, unless another one with its number has been. Without memory it is not remembered. */
void shown_note(struct shown **all, const struct wall_waiting_row *row);
/* Has another name, or another sandbox, been shown under its number? */
bool shown_otherwise(const struct shown *all, const struct wall_waiting_row *row);
void shown_finish(struct shown **all);
