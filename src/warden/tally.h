/*
 * Who was refused how often. The kernel counts each packet in an element of its source, while its
 * log is limited: so the log says that there is something to tell and what it was last, and the
 * counter says how much. A source is looked at as long as it talks, and a little longer, so that the
 * last packets of a flood are told as well. No clock in here.
 */
#pragma once

#include "warden/kernel.h"
#include "warden/sandboxes.h"

enum tally_kind { TALLY_REFUSED = 0, TALLY_OBSERVED, TALLY_KINDS };

struct talker {
	struct ng_addr source;
	struct {
		uint64_t told;            /* packets by the kernel's counter */
		uint64_t heard;           /* logged since the last report */
		struct wall_blocked last; /* of those */
		bool due;
	} kinds[TALLY_KINDS];
	uint64_t awake_us; /* looked at until then */
	bool awake;
	struct talker *prev, *next; /* of those */
	UT_hash_handle hh;
};

struct tally {
	struct talker *by_source, *awake;
	size_t n;
	uint64_t looked_us;
};

void tally_finish(struct tally *tally); /* takes NULL and the zero value */
/* What the table has counted before there was this tally is told already. NG_E_KERNEL, NG_E_NOMEM. */
int tally_adopt(struct tally *tally, struct kernel *kernel, const char *table) NG_MUST_CHECK;
/* A packet was logged. */
void tally_hear(struct tally *tally, const struct wall_blocked *packet, uint64_t now_us);
/* Looks, at most once a second, what those who talked have done since. */
void tally_look(struct tally *tally, struct kernel *kernel, uint64_t now_us);
/*
 * The report that is due of a talker, or false; it is told then, so the caller must hand it out or
 * give it back.
 */
bool tally_take(struct kernel *kernel, const struct sandboxes *sandboxes, struct talker *talker,
		enum tally_kind kind, struct wall_blocked *out);
void tally_give_back(struct talker *talker, enum tally_kind kind,
		     const struct wall_blocked *report);
