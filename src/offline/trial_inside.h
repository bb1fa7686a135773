/* The inside of a trial, shared by its files: the gate's side (trial.c) and the kernel's. */
#pragma once

#include "offline/trial.h"

#include "base/arena.h"

#include <utlist.h>

struct asking { /* a question on its way upstream; in the arena */
	struct ng_ask ask;
	struct trial_asked shown;
	struct asking *next, *prev;
};

struct ordering {
	struct ng_lease_order order;
	struct ordering *next, *prev;
};

struct spot { /* one address of one sandbox in the kernel's sets */
	struct spot_key {
		uint32_t sandbox;
		struct ng_addr addr;
	} key;
	struct standing *standing; /* an element for each client and port */
	UT_hash_handle hh;
};

struct standing {
	struct trial_element shown; /* the first member: one is the other */
	struct spot *spot;
	struct standing *spot_next, *spot_prev;
	struct standing *next, *prev; /* of the sandbox */
};

struct trial {
	const struct setup *setup;
	const struct world *world;
	struct ng_sandbox only; /* of a set-up without a configuration, with sources */
	struct ng_gate *gate;
	bool unbounded;
	uint64_t now_us, version;
	struct spot *spots;
	struct standing **stands; /* by sandbox: its number less 1 */
	size_t n_stands;
	struct arena words; /* what trial.reply points to */
	struct asking *asks;
	struct ordering *orders;
	size_t n_asks, n_orders;
	struct trial_reply reply;
	uint8_t wire[NG_MESSAGE_MAX];
};

const struct ng_sandbox *trial_spec(const struct trial *trial,
				    const struct setup_sandbox *sandbox);

/* trial_kernel.c: the sets as the warden would leave them */
int trial_kernel_put(struct trial *trial, const struct ng_lease_order *order) NG_MUST_CHECK;
void trial_kernel_remove(struct trial *trial, const struct ng_lease_order *order);
void trial_kernel_expire(struct trial *trial);
void trial_kernel_finish(struct trial *trial);
