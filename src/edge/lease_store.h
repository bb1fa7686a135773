/*
 * Leases on disk, so that a restarted worker knows why each open element is open, and anybody can
 * tell later which name opened which address.
 *
 * Rows are told apart by sandbox, the first name of the trail, way, client, address and port. They are intents: written before the
 * order goes out, or the reply where none is needed because another name has the address open. When one ends it moves to the history, in the same transaction; the history is
 * bounded, survives restarts and reboots, and is read from outside (offline/history.h). All
 * functions take NULL for "there is no store": losing it costs warmth, not safety, so trouble is
 * said once on stderr and never returned after the opening.
 */
#pragma once

#include <namegate/gate.h>

#define LEASE_STORE_WHY 512

struct lease_store;

enum lease_end { /* why a lease is in the history */
		 LEASE_STANDS = 0,
		 LEASE_TIME,    /* its time was up */
		 LEASE_REVOKED, /* no rule justified it any more */
		 LEASE_REMOVED, /* its sandbox went */
		 LEASE_REBOOT,  /* the machine went, and the kernel's elements with it */
		 LEASE_EVICTED, /* it gave way to another, and nobody was promised it */
		 LEASE_ENDS
};

struct lease_row {
	uint32_t sandbox;
	const char *sandbox_name;
	struct ng_addr client, addr;
	struct ng_port port;        /* proto 0: every protocol and port */
	const struct ng_name *name; /* whose rule opened it; without a trail: the first of it */
	uint64_t way;               /* tells rows of one name apart */
	struct ng_trail trail;      /* none in rows that ended */
	uint16_t type;     /* that was asked; 0: not known, the order renewed a lease */
	const char *rule;  /* "path:line" */
	uint64_t until_us; /* CLOCK_MONOTONIC of this boot */
	uint64_t
		ends_us; /* the same: when its name's time is up, where a flow keeps it open; or 0 */
	uint64_t last_s;  /* wall time of the last order for it */
	uint64_t until_s; /* wall time of the end */
	/* Of rows that are read: */
	uint64_t first_s; /* wall time of the first order */
	bool renewed;     /* by a later order; not told of rows that ended */
	bool refused;     /* the kernel confirmed none of its orders */
	enum lease_end ended;
};

/*
 * Opens, or makes, the store in folder/worker. The history of an earlier boot is taken over, and
 * what stood open then joins it; what cannot be read is set aside and begun anew (said on stderr).
 * history: how many rows it may have. NG_E_IO, NG_E_PERM, NG_E_NOMEM with the reason in `why`.
 */
int lease_store_open(const char *folder, uint32_t history, struct lease_store **out,
		     char why[static LEASE_STORE_WHY]) NG_MUST_CHECK;
void lease_store_close(struct lease_store *store);

/* Changes are gathered and take effect together at the commit. A row's end only ever moves out. */
void lease_store_put(struct lease_store *store, const struct lease_row *row);
/* The kernel did not confirm the last order for that row's element, name and way. It has no trail. */
void lease_store_refused(struct lease_store *store, const struct lease_row *row);
/*
 * The row of that element, name and way has ended at now_s (wall time), if there is one; its times,
 * trail and rule are not looked at.
 */
void lease_store_end(struct lease_store *store, const struct lease_row *row, enum lease_end why,
		     uint64_t now_s);
void lease_store_drop_sandbox(struct lease_store *store, uint32_t sandbox, uint64_t now_s);
void lease_store_commit(struct lease_store *store);

/* ---- budgets (lease_store_spent.c) ---- */

/* In the file when it returns: what asks behind it can be killed at any moment. Takes no store as well. */
void lease_store_spent(struct lease_store *store, const struct ng_spent *spent, uint64_t now_us,
		       uint64_t now_s);
typedef void lease_store_spent_fn(void *context, const struct ng_spent *spent);
/* Those of which something is still to come back; what is visited is good during the visit only. */
void lease_store_spents(struct lease_store *store, uint64_t now_us, lease_store_spent_fn *visit,
			void *context);

/* ---- names that wait for approval (lease_store_waiting.c) ---- */

/* Keeps it under its id, or when it is gone takes it out. Counts among the changes of the turn. */
void lease_store_waiting(struct lease_store *store, const struct ng_waiting *waiting,
			 uint64_t now_us, uint64_t now_s);
/* False: forget it. The pointers are good during the call. Must not call the store. */
typedef bool lease_store_waiting_fn(void *context, const struct ng_waiting *waiting);
/*
 * Each in the order of the ids, with times as of the clock that says now_us. Returns the highest id that
 * was ever kept in this file; 0: none, or there is no store.
 */
uint64_t lease_store_waitings(struct lease_store *store, uint64_t now_us, uint64_t now_s,
			      lease_store_waiting_fn *visit, void *context);

/* ---- several stores, one for each worker (lease_store_share.c) ---- */

struct lease_owner { /* whose a sandbox was, and is now: indexes of stores */
	uint32_t was, is;
};
struct lease_sharing {
	struct lease_store **stores; /* NULL: there is none of that index */
	uint32_t n_stores;
	uint64_t now_us;
	const void *who;
	/* False: nobody knows it, and it stays where it is. */
	bool (*by_id)(const void *who, uint32_t sandbox, struct lease_owner *out);
	bool (*by_name)(const void *who, const char *sandbox, struct lease_owner *out);
};
/*
 * Before lease_store_share(), and never after a part of it: removes the rows that stand in another store
 * than that of whom their sandbox was, which only a worker that was taken over can have put there. NG_E_IO:
 * some may be left.
 */
int lease_store_sift(const struct lease_sharing *how) NG_MUST_CHECK;
/*
 * Puts leases, waiting names and spent budgets into the stores of whose they are now; the history stays
 * where it is. NG_E_IO: some are where they were.
 */
int lease_store_share(const struct lease_sharing *how) NG_MUST_CHECK;

/*
 * Moves some of the rows that have ended to the history. What is done each second gets round in a
 * minute, and in steps of a millisecond or two: true when another step is due before the second is out.
 */
bool lease_store_sweep(struct lease_store *store, uint64_t now_us);

/* What the row points to is good during the call; false: its sandbox is gone. Must not call the store. */
typedef bool lease_store_fn(void *context, const struct lease_row *row);
/* Every row that has not ended at now_us; now_s is the same moment. Returns how many were kept. */
uint64_t lease_store_each(struct lease_store *store, uint64_t now_us, uint64_t now_s,
			  lease_store_fn *visit, void *context);
