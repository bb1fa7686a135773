/*
 * Ready answers: octets of replies that the cache has given, kept beside its entries, to be given again
 * without deciding anew.
 *
 * One is of one entry, for one client of one sandbox and one form of question. It may be sent again as long
 * as everything that the usual way would look at is as it was. Little of that is remembered as a number that
 * somebody would have to count up; nearly all of it is looked at again, where it stands:
 *
 *   what may change               how it is seen
 *   the entry ends                its end is read; one that is dropped (flushed, evicted, replaced, its
 *                                 routes changed) takes its ready answers along
 *   the sandbox's policy, mode,   a sandbox that is replaced, by a generation or alone, or that goes, takes
 *   types, ranges, approvals;     its ready answers along (sandbox_move(), sandbox_close()): so none outlives
 *   settings, the gate's own      the rules, bounds and settings that it was made under
 *   addresses, routes
 *   another sandbox's sources     gate->sources_in: the last input that made an address a sandbox's own
 *   a lease ends, is revoked,     the lease is read. It is known by its number in the book, and by address,
 *   evicted, doubted (warden or   port and trail; of those only this very lease of this very sandbox can have
 *   table gone), judged, ordered  that trail, since what a ready answer watches is not given to anybody else.
 *   anew; its trail is another    What it is sure of and what its holder was told must do for the TTL shown
 *   the warden is gone            gate->warden_lost is read
 *   an address has another name   the memory of it (history.c) is watched in the same way
 *   it is time to ask ahead       the entry is asked whether it is
 *   quotas                        are read (pending questions), or were applied before
 *
 * Whatever is not as it was: the question goes the usual way, which orders what is to be renewed, and leaves
 * a ready answer again if it can. What a hit notes (leases in use, uses of the entry, history, counters) is
 * noted here as there. So but for the time it takes, nobody can tell which of the two ways was gone.
 *
 * All of them together, with what they watch, take a part of the cache's octets, of
 * those that entries leave free. A smaller part is never an entry's, whether there are ready answers or not:
 * so they are there in a full cache too, and what is remembered is what would be without them. When
 * there is no room, the sandbox that has most of it loses its oldest.
 */
#pragma once

#include <namegate/gate.h>
#include "gate/heap.h"

struct entry;
struct memory;
struct query;
struct ready;
struct sandbox;
struct told;

struct readies_of { /* a sandbox */
	struct ready *newest, *oldest;
	uint64_t octets;
	struct heap_node first; /* the one that is to lose some first is at the top */
};

struct readies {
	struct ready **buckets;
	size_t room, n; /* buckets, a power of two; ready answers */
	uint64_t octets;
	struct heap first;
	enum ng_ready_use use;
	bool held; /* the one that stands is not to be made anew */
	uint64_t faults;
};

struct expected {        /* of the usual way, by a ready answer */
	uint8_t *octets; /* NULL: nothing */
	size_t len, at;  /* at: the number of actions before */
	struct ng_record record;
};

/*
 * Answers told's question for name, in lower case, with its record, if a ready answer holds for it now; else false, and nothing has
 * been done. No memory is allocated but in the words arena.
 */
bool ready_answer(struct ng_gate *gate, const struct told *told, const struct ng_name *name);
/*
 * query has just been answered from the cache, by what stands in the gate's scratch: it is kept to be given
 * again, where that is possible. until_us of its leases was read in this input.
 */
void ready_make(struct ng_gate *gate, const struct query *query);
void ready_drop(struct ng_gate *gate, struct ready *ready);
void readies_shrink(struct ng_gate *gate, uint64_t most);         /* to so many octets */
void readies_of_entry(struct ng_gate *gate, struct entry *entry); /* all of them go */
void readies_of_sandbox(struct ng_gate *gate, struct sandbox *sandbox);
void readies_finish(struct ng_gate *gate); /* the sandboxes must be gone */
/* Before and behind the usual way; they do nothing unless ready answers are to be checked. */
void ready_expect(struct ng_gate *gate, const struct told *told, const struct ng_name *name,
		  struct expected *out);
void ready_compare(struct ng_gate *gate, const struct expected *expected);
