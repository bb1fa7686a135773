/*
 * The warden's whole state, and the parts that work on it. One thread, one loop; nothing waits but
 * in poll(). Times are microseconds of CLOCK_MONOTONIC.
 */
#pragma once

#include "base/awake.h"
#include "warden/conntrack.h"
#include "warden/declared.h"
#include "warden/fence.h"
#include "warden/flows.h"
#include "warden/kernel.h"
#include "warden/leftovers.h"
#include "warden/nflog.h"
#include "warden/ports.h"
#include "warden/sandboxes.h"
#include "warden/tally.h"
#include "warden/watch.h"
#include "warden/workers.h"

#define TICK_US      100000u   /* ends are worked off in steps of this */
#define IDLE_TICK_MS 1000      /* how long a foreign change can go unseen */
#define LEFTOVERS_US 60000000u /* main has registered its sandboxes again by then */
#define TALK_US      60000000u /* so long a source that was reported takes a place */
#define RETRY_US     1000000u  /* until a delete that failed is tried again */

struct order { /* WALL_LEASE, and from whom */
	uint32_t worker;
	int code;
	struct wall_lease lease;
};
struct orders {
	struct order *items; /* owned */
	size_t n, room;
};

struct adoption {     /* of more leases than are read (adopt.c) */
	bool blind;   /* more stands in the kernel than the mirror knows */
	bool claimed; /* the worker has said all: what is not in the mirror by now is to go */
	bool copying, complained;
	bool again;      /* some were refused: another pass is needed */
	unsigned passes; /* that were not enough */
	int system;      /* why */
	uint64_t again_us;
	struct ops ops; /* on their way into the copy */
};

struct warden {
	struct kernel kernel;
	struct netlink reader; /* for reading leases; closed when that was cut short */
	struct adoption adoption;
	struct conntrack
		conntrack; /* its own sockets: their replies do not mix with the batches' */
	struct watch watch;
	struct fence fence;
	struct ports ports;
	struct mirror mirror;
	struct declared declared; /* of no sets: a table is owned */
	struct sandboxes sandboxes;
	struct leftovers leftovers;
	struct workers workers;
	struct flows flows;
	struct nflog nflog;
	struct tally tally;
	struct ops ops; /* room for the round at hand */
	struct cuts cuts;
	struct orders orders;
	struct wall_packet packet; /* as received */
	int main_fd;
	bool suspect; /* a commit failed: look soon */
	bool crowded; /* few elements are left */
	bool dirty;   /* kernel and mirror differ: rebuild before anything else is believed */
	bool unguarded_told; /* that the guard table cannot be made */
	bool lost_told;      /* the workers were told of it, and not yet that all is back */
	uint64_t now_us, looked_us, complained_us, strange_us;
	uint64_t cutting_us; /* so long the flows of the last changes took to cut */
	uint64_t talk_us; /* when the sources that were reported are next forgotten; 0: none */
	uint64_t leftovers_us; /* when they go; 0: there are none */
	struct awake awake;    /* for the next order, see wall_table */
	bool over;             /* what stands cannot be vouched for: main starts another one */
};

/* One line on standard error: "namegate-warden: what, why, what to do". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t warden_clock_us(void);

/* ---- table (setup.c) ---- */

/* WALL_TABLE: builds or adopts the table, or changes it at a reload. takes: of declared sets. */
int setup_table(struct warden *warden, const struct wall_table *table, uint32_t *system,
		uint32_t *takes) NG_MUST_CHECK;
/* A commit failed: look at the table before the next one. */
void setup_suspect(struct warden *warden);
/*
 * The table was changed by us, and somebody else may have committed meanwhile: what was done to this table
 * we are told. doubted: was it before?
 */
void setup_heard(struct warden *warden, bool doubted);
/* Looks whether the table is still ours, and rebuilds it from the mirror when it is not. */
void setup_look(struct warden *warden);

/* When it is time: what an earlier life left and nobody claimed goes. */
void setup_clear_leftovers(struct warden *warden);

/* ---- sets of the operator's instead of a table (integrate.c) ---- */

/* WALL_TABLE with sets: all of them fit and those of an earlier life are known, or none is used. */
int integrate_table(struct warden *warden, const struct wall_table *table,
		    uint32_t *system) NG_MUST_CHECK;
/* Looks whether sets and elements are still there, and puts back what is not. */
void integrate_look(struct warden *warden);
/* The ops at hand, into the declared sets. */
int integrate_commit(struct warden *warden) NG_MUST_CHECK;
/* What nobody has claimed goes, with its flows. */
void integrate_claimed(struct warden *warden);
/* Removes our elements, and nothing else. Says how it went; NG_OK or not. */
int integrate_teardown(struct kernel *kernel, const struct wall_set *set) NG_MUST_CHECK;

/* ---- sandboxes (enrol.c) ---- */

struct change { /* WALL_SANDBOX_ADD, or WALL_SANDBOX_REMOVE when only the id is set */
	uint32_t seq;
	bool remove;
	struct wall_sandbox wanted;
	struct statics statics; /* of it; enrol() takes them over, or frees them */
	bool unchanged;         /* refused before anything was touched */
	int code;               /* the outcome */
	bool held;              /* refused; its processes are told apart, with no rights */
};
/* Commits all of them together; each has its code afterwards. */
void enrol(struct warden *warden, struct change *changes, size_t n);
/* Writes identity, masquerade and leases of everything that is registered, for a rebuild. */
void enrol_refill(struct warden *warden, struct ops *ops);

/* ---- sandboxes on ports of bridges (enrol_bridge.c) ---- */

/* May it come, to that place? NG_E_NOTFOUND: its interface is no port of its bridge. */
int bridge_admit(struct warden *warden, const struct wall_sandbox *was,
		 const struct wall_sandbox *wanted) NG_MUST_CHECK;
/* It has come, moved or gone: its bridge is guarded, and no more held by it. */
int bridge_move(struct warden *warden, const struct wall_sandbox *was,
		const struct wall_sandbox *is, uint32_t tag) NG_MUST_CHECK;
/* Puts into the ops at hand what has changed with the ports; the second commits it. */
void bridge_look(struct warden *warden);
void bridge_watch(struct warden *warden);

/* ---- what a sandbox has in the kernel (enrol_rights.c) ---- */

/* What of `from` is not in `to`, to be removed; with the two swapped, to be added. */
void enrol_difference(struct warden *warden, const struct wall_sandbox *from,
		      const struct wall_sandbox *to, bool remove, uint32_t tag);
/* What tells processes of the host apart. */
void enrol_host(struct warden *warden, const struct wall_sandbox *sandbox, bool remove,
		uint32_t tag);
/* The sandbox that alone is on the interface, or COUNT_NOBODY: what is forged there is its. */
uint32_t enrol_alone_on(const struct warden *warden, const char *interface);
/* The interface's counters were one sandbox's, or COUNT_NOBODY's, and are to be another's. */
void enrol_forged(struct warden *warden, const char *interface, uint32_t was, uint32_t is,
		  uint32_t tag);
bool has_source(const struct wall_sandbox *sandbox, const struct ng_prefix *source);
/* The op that was added last is wanted: leftovers in its way go before it. */
void claim_last(struct warden *warden);

/* ---- its leases (enrol_leases.c) ---- */

/* It has changed: its leases are told anew; what it may not keep is closed, and its flows cut. */
void enrol_settle(struct warden *warden, const struct wall_sandbox *was,
		  struct sandbox *sandbox);
/* It goes, with all leases and flows. */
void enrol_close(struct warden *warden, const struct wall_sandbox *was);
/* Flows of the source are to be cut; with weigh, those alone that nothing justifies. */
void enrol_cut(struct warden *warden, const struct ng_prefix *source, bool weigh);
/* What has come into the mirror meanwhile: has it owned and counted, or puts its removal into the ops. */
void enrol_prune(struct warden *warden);

/* ---- static rules (fixed.c) ---- */

struct rights { /* of one sandbox, as it was or is to be */
	const struct wall_sandbox *sandbox;
	const struct statics *statics;
};
/* Has each pair of single addresses stand without an end. */
void fixed_pairs(struct warden *warden, struct sandbox *sandbox, uint32_t tag);
/* Ranges of `from` that are not in `to`: to be removed, or with the two swapped, to be added. */
void fixed_ranges(struct warden *warden, const struct rights *from, const struct rights *to,
		  bool remove, uint32_t tag);
/* The rule is gone: the element gets the end that leases gave it. False when there is none. */
bool fixed_fall_back(struct warden *warden, struct lease *lease);
/* What an earlier life left and no sandbox claimed. */
void fixed_drop_unclaimed(struct warden *warden);
/* ---- reports (reports.c) ---- */

/* Hands reports of refused packets to the workers, as far as the rate allows. */
void reports_hand_out(struct warden *warden);
/* Tells each sandbox's numbers, in packets of rows without a seq. Codes as tell's. */
typedef int tell_fn(struct warden *warden, struct wall_packet *packet);
int reports_tell_numbers(struct warden *warden, tell_fn *tell) NG_MUST_CHECK;

spare_fn flow_justified; /* who is the warden */

/* ---- flows of leases that end soon (flows.c) ---- */

void flows_walk(struct warden *warden);         /* a little of it, when it is due */
int flows_wait_ms(const struct warden *warden); /* until then; -1: nothing is going to be due */

/* ---- leases (leases.c, ends.c) ---- */

/* Drains the workers' packets, commits, answers. */
void leases_serve(struct warden *warden);
/* A new life of that worker: what the one before it ordered is not known to be wanted any more. */
void leases_unclaim(struct warden *warden, uint32_t number);
/* Removes what has ended. */
void leases_end_due(struct warden *warden);
/* Says when the sets become full, and when they are not any more. */
void leases_look_at_room(struct warden *warden);

/* ---- leases of an earlier life (adopt.c) ---- */

/* Reads those that stand in the kernel's sets; unless it is to be the whole, only if they are few. */
int adopt_leases(struct warden *warden, const char *table, bool whole) NG_MUST_CHECK;
/* Reads them all after all, and takes out what their sandboxes may not keep. */
void adopt_whole(struct warden *warden, const char *why);
/* A lease that the mirror does not know may stand all the same: puts its removal into the ops. */
void adopt_revoke(struct warden *warden, const struct lease_key *key);
/* The workers have said all. */
void adopt_claimed(struct warden *warden);
/* A little of what is left to do then, and how long until the next. */
void adopt_step(struct warden *warden);
int adopt_wait_ms(const struct warden *warden); /* -1: nothing is left to do */
/* After each commit of the ops at hand. */
void adopt_follow(struct warden *warden);
/* The table is what the mirror says: nothing is left to do. */
void adopt_forget(struct warden *warden);

/* A new lease that the sandbox owns, or NULL. */
struct lease *lease_open(struct warden *warden, const struct lease_key *key,
			 struct sandbox *owner);
/* Puts its removal into the ops at hand. */
void lease_close(struct warden *warden, struct lease *lease);
/* The op that writes its pair, new in that list; NULL when memory is out. */
struct op *lease_op(const struct warden *warden, const struct lease *lease, struct ops *ops);
/* The same in the ops at hand, and it is the lease's in this round. */
struct op *lease_fly(struct warden *warden, struct lease *lease);
/* Puts ends that have come into the ops at hand. */
void leases_collect_due(struct warden *warden);
/* Commits the ops at hand; true when all went well. The leases behind them then say how it is. */
bool ops_settle(struct warden *warden);
/* Forgets leases that were never confirmed, and empties the ops at hand. */
void ops_sweep(struct warden *warden);
uint64_t kernel_timeout_ms(uint64_t until_us, uint64_t now_us);
#define TAG_OTHER UINT32_MAX /* of an op that belongs to no change */
