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

struct stand { /* all of one sandbox */
	struct standing *list;
	size_t n;
	struct standing **sorted; /* by address; NULL: not made, or out of date */
	bool looked;              /* since the last change */
};

struct trial {
	const struct setup *setup;
	struct trial_wish wish;
	struct ng_sandbox only; /* of a set-up without a configuration, with sources */
	struct ng_gate *gate;
	uint64_t now_us, version;
	bool telling; /* what was spent, exactly */
	struct spot *spots;
	struct stand *stands; /* by sandbox: its number less 1 */
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

/* trial_sets.c: the sets as the warden would leave them */
int trial_sets_put(struct trial *trial, const struct ng_lease_order *order) NG_MUST_CHECK;
void trial_sets_remove(struct trial *trial, const struct ng_lease_order *order);
void trial_sets_expire(struct trial *trial);
void trial_sets_finish(struct trial *trial);
/* All elements of that address; NULL: there are none. */
struct spot *trial_sets_find(const struct trial *trial, uint32_t sandbox,
			     const struct ng_addr *addr);
struct trial_within { /* a walk over those within a prefix; set the first two, the rest to 0 */
	struct stand *stand;
	const struct ng_prefix *prefix;
	bool begun;
	size_t at;
	const struct standing *next;
};
/* The next one, or NULL. Nothing may change meanwhile. */
const struct standing *trial_sets_within(struct trial_within *within);
