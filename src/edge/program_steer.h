/*
 * Which of several sockets of one address a packet is for: a program on the group of sockets (that
 * SO_REUSEPORT makes) looks its source up and chooses the socket of the worker that the source's sandbox
 * belongs to. UDP and TCP alike; of a connection the first packet decides.
 *
 * A source that nobody put there is the first worker's. What cannot be handed to the socket that was
 * chosen is dropped: nothing ever reaches another one, nor a socket of somebody else's that has joined.
 *
 * It takes what programs take (program.h). The caller is main, while it still has that; the table may
 * need it again.
 */
#pragma once

#include "edge/program.h"

#include <namegate/addr.h>

struct steer;

/* The table of sources. NG_E_PERM, NG_E_UNSUPPORTED, NG_E_NOMEM; see why. */
int steer_create(struct steer **out, char why[static PROGRAM_WHY]) NG_MUST_CHECK;
void steer_destroy(struct steer *steer); /* takes NULL; the groups stay as they are */

/*
 * Has a group of n sockets steered: `first` is its first one, with SO_REUSEPORT and not bound yet. The
 * members are named in *map, once they are bound (and listen), by steer_member(); the caller closes it.
 */
int steer_group(const struct steer *steer, int first, uint32_t n, int *map,
		char why[static PROGRAM_WHY]) NG_MUST_CHECK;
int steer_member(int map, uint32_t worker, int fd, char why[static PROGRAM_WHY]) NG_MUST_CHECK;

/* That source is the worker's from now on. NG_E_PERM, NG_E_FULL, NG_E_IO. */
int steer_put(const struct steer *steer, const struct ng_prefix *source,
	      uint32_t worker) NG_MUST_CHECK;
int steer_take(const struct steer *steer, const struct ng_prefix *source) NG_MUST_CHECK;
