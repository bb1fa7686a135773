/*
 * Whose packets were dropped, and how many. The kernel counts each packet in its sandbox's counter
 * (counts.h), while its log is limited: so the log says that there is something to tell and where
 * packets went, and the counter says how many there were. A sandbox is looked at as long as it talks,
 * and a little longer, so that the last packets of a flood are told as well. What has been told
 * stands in the kernel too: whoever comes after us goes on from there. No clock in here.
 */
#pragma once

#include "warden/counts.h"
#include "warden/kernel.h"

#define SAMPLES_MAX 16

struct sample {
	struct wall_blocked packet;
	uint32_t heard;
};
struct talk { /* what the log said of one kind since the last report */
	struct sample samples[SAMPLES_MAX];
	size_t n;
	struct wall_blocked last;
	uint64_t mark, marked_us; /* what was counted then; 0: not looked yet */
};
struct talker { /* a sandbox, or COUNT_NOBODY */
	uint32_t sandbox;
	bool claimed; /* in this life */
	bool framed;  /* it has a counter of COUNT_FRAMES */
	struct {
		uint64_t base, kernel; /* counted by tables that are gone, and by this one */
		uint64_t told;
		bool due;
		struct talk *talk; /* owned; NULL: it is quiet */
	} kinds[COUNT_KINDS];
	uint64_t awake_us; /* looked at until then */
	bool awake;
	struct talker *prev, *next; /* of those */
	UT_hash_handle hh;
};

struct tally {
	struct talker *by_sandbox, *awake;
	size_t n, n_awake;
	uint64_t looked_us;
};

void tally_finish(struct tally *tally); /* takes NULL and the zero value */
/* Reads what an earlier life has counted and told. NG_E_KERNEL, NG_E_NOMEM. */
int tally_adopt(struct tally *tally, struct kernel *kernel, const char *table) NG_MUST_CHECK;
/* The sandbox is registered: its counters are to be there. framed: on a port of a bridge. NG_E_NOMEM. */
int tally_enrol(struct tally *tally, uint32_t sandbox, bool framed, uint64_t now_us,
		struct ops *ops) NG_MUST_CHECK;
bool tally_framed(const struct tally *tally, uint32_t sandbox);
/* It is no more. Its counters go after whatever points to them. */
void tally_forget(struct tally *tally, uint32_t sandbox, struct ops *ops, uint32_t tag);
/* What an earlier life counted for sandboxes that did not come again. */
void tally_drop_unclaimed(struct tally *tally, struct ops *ops, uint32_t tag);

/* A table is built anew: its counters begin where the old ones were when they were last read. */
void tally_refill(struct tally *tally, struct kernel *kernel, struct ops *ops);
void tally_rebuilt(struct tally *tally); /* and it stands */
/* Reads all of them. */
int tally_refresh(struct tally *tally, struct kernel *kernel) NG_MUST_CHECK;
uint64_t talker_counted(const struct talker *talker, enum count_kind kind);

/* A packet was logged; packet's sandbox says whose it is. */
void tally_hear(struct tally *tally, enum count_kind kind, const struct wall_blocked *packet,
		uint64_t now_us);
/* Looks, at most once a second, what those who talked have done since. */
void tally_look(struct tally *tally, struct kernel *kernel, uint64_t now_us);
/* The one that is to be served next goes behind the others. */
struct talker *tally_next(struct tally *tally);
/*
 * Takes out reports that are due of a talker, `room` at most; returns how many. Each that was handed
 * out is to be given to talker_told(); what is not is due again. Where room is scarce, the last of
 * them stands for all that is left.
 */
size_t tally_take(struct kernel *kernel, struct talker *talker, enum count_kind kind,
		  uint64_t now_us, struct wall_blocked *out, size_t room, bool scarce);
void talker_told(struct talker *talker, enum count_kind kind,
		 const struct wall_blocked *report);
/* Has the kernel keep how much of that kind was told. */
void talker_keep(const struct talker *talker, enum count_kind kind, struct ops *ops);
