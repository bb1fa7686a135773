/* What the files of the lease store share. */
#pragma once

#include "edge/lease_store_rows.h"

#include "base/index.h"
#include "base/slab.h"
#include <limits.h>
#include <lmdb.h>

struct lease_tables {
	MDB_dbi live, shared, ended, of_sandbox, per_sandbox, waiting, spent;
};

struct lease_shared {
	uint32_t sandbox, number;
	uint64_t name; /* an answer's; 0: it is a text */
	uint32_t uses; /* 0: it is not there yet, and would have this number */
};

#define LEASE_CHANGED_MAX 512 /* names that a transaction may bring, or give up */

struct lease_names { /* numbers of the names and ways that have rows */
	struct slab places;
	struct index by_hash;
	uint64_t next;
	uint64_t changed[LEASE_CHANGED_MAX]; /* hashes of what this transaction has changed */
	size_t n_changed;
};

/* What was looked for last: the rows of an answer are put one behind the other. */
struct lease_held {
	struct lease_content content;
	struct lease_shared which;
	bool known;
	bool unwritten; /* `uses` is not in the file yet */
};

struct lease_store {
	MDB_env *env;
	struct lease_tables tables;
	MDB_txn *txn; /* the changes of this turn, or NULL */
	bool failed;  /* of this txn; sticky until the commit */
	bool said;
	uint32_t changed;    /* rows, by this txn */
	uint32_t page, rest; /* rest: commits until the disk is asked for more again */
	uint64_t
		room; /* octets of the file that have their place; 0: it is written, not mapped */
	uint32_t history_max;
	uint64_t next; /* number of the next row of the history */
	struct {       /* the same for budgets */
		size_t len;
		uint8_t octets[NG_SANDBOX_NAME_MAX + NG_NAME_MAX];
	} spent_swept;
	struct lease_key swept; /* where the sweep goes on */
	uint64_t sweep_left;    /* rows that are still to be looked at in this second */
	uint64_t seed;          /* of the numbers of what is shared, and of the names' hashes */
	struct lease_names names;
	MDB_cursor *cursor; /* of the leases, for those that this turn puts; or NULL */
	struct lease_held text, answer; /* of the last row that was put */
	char folder[PATH_MAX], path[PATH_MAX + 88], lock[PATH_MAX + 104], mark[PATH_MAX + 104];
};

/* lease_store.c */
void lease_store_say(struct lease_store *store, int code); /* spoils the transaction */
/* The transaction of this turn; NULL when it is spoilt or cannot be begun. */
MDB_txn *lease_store_changing(struct lease_store *store);
/* lease_store_open.c */
#define LEASE_STARTS_MAX 3
void lease_store_name(struct lease_store *store, const char *name); /* sets the paths */
void lease_store_set_aside(const struct lease_store *store, const char *why);
/* A start begins to read. How many before it did not come to the end of that. */
long lease_store_mark(const struct lease_store *store);

/* lease_store_room.c: while there is no transaction */
/* How much to begin with; 0: pages are to be written. Before the file is opened. */
uint64_t lease_room_first(const struct lease_store *store);
uint64_t lease_room_max(void);
bool lease_room_is_out(
	int code); /* the disk is full, or a quota: nothing is wrong with the file */
/* Gets it for the file of readers, which is always mapped. Before the file is opened. LMDB's code. */
int lease_room_lock(const struct lease_store *store);
/* Gets it for the file that has just been opened with a map of that length. LMDB's code. */
int lease_room_take(struct lease_store *store, uint64_t room);
/* So that some transactions of the usual size have what they may need. */
void lease_room_keep(struct lease_store *store);
uint64_t lease_room_used(MDB_env *env); /* octets of its file, or 0 */
/* For one that needs so many octets more than are in use. Where the disk has none, the transaction will fail. */
void lease_room_want(struct lease_store *store, uint64_t more);

/* lease_store_earlier.c */
/* Where nothing was taken over yet; a start that ended in the middle of it has taken nothing. */
void lease_store_take_over(struct lease_store *store);
/* A row that the machine took with it had ended by now, unless its time was up before that. */
void lease_end_with_boot(struct lease_row *row, uint64_t boot_s);

/* lease_store_spent.c: what another file has; LMDB's code. */
int lease_spent_copy(struct lease_store *to, MDB_txn *into, MDB_txn *from, bool same_boot);

/* Of which sandbox a row tells. False: it is none of ours. */
bool lease_spent_sandbox(const MDB_val *key, char name[static NG_SANDBOX_NAME_MAX]);
/* lease_store_waiting.c: the same; the row of the last id is no sandbox's. */
bool lease_waiting_sandbox(const MDB_val *key, const MDB_val *value, uint32_t *out);
/* The last id is `last` at the least; what it is. */
uint64_t lease_waiting_last(struct lease_store *store, uint64_t last);

/* lease_store_live.c: the rows of leases; all return LMDB's code. */
/* Decodes a row of the table of leases. False: it is none of ours. */
bool lease_live_read(struct lease_store *store, MDB_txn *txn, const MDB_val *key,
		     const MDB_val *value, struct lease_read *place, struct lease_row *out);
/* An end that is not later than the one that stands changes nothing. */
int lease_live_put(struct lease_store *store, MDB_txn *txn, const struct lease_row *row);
/* As it is, from another file; a row that is there already stays. */
int lease_live_copy(struct lease_store *store, MDB_txn *txn, const struct lease_row *row);
int lease_live_refuse(struct lease_store *store, MDB_txn *txn, const struct lease_row *row);
/* row: what the cursor is at; NULL: it is none of ours. */
int lease_live_delete(struct lease_store *store, MDB_txn *txn, MDB_cursor *cursor,
		      const struct lease_row *row);

/* lease_store_names.c */
void lease_names_init(struct lease_names *names);
void lease_names_finish(struct lease_names *names);
/* All that the file has; LMDB's code. */
int lease_names_read(struct lease_store *store, MDB_txn *txn);
/* The number of the row's name and way in its sandbox; 0: it has none. */
uint64_t lease_names_find(const struct lease_store *store, const struct lease_row *row);
/* The same, or a new one. */
uint64_t lease_names_make(struct lease_store *store, const struct lease_row *row);
/* No row has that number any more. */
void lease_names_forget(struct lease_store *store, const struct lease_row *row,
			uint64_t number);
/* The transaction has ended, well or not. */
void lease_names_settle(struct lease_store *store, bool well);

/* lease_store_shared.c: what several rows have in common; all return LMDB's code. */
/* Looks for that content among what the sandbox's rows share, of an answer its name's; held->which says what was found. */
int lease_shared_look(struct lease_store *store, MDB_txn *txn, uint32_t sandbox, uint64_t name,
		      const struct lease_content *content, struct lease_held *held);
/* One more row uses what was found. It is in the file when it was settled. */
void lease_shared_hold(struct lease_held *held);
/* One less does; the last takes it along, and what it used itself. */
int lease_shared_release(struct lease_store *store, MDB_txn *txn,
			 const struct lease_shared *answer);
/* Before a commit, and before anything else changes what is shared: writes what is not yet, forgets. */
int lease_shared_settle(struct lease_store *store, MDB_txn *txn);
/* The transaction was given up. */
void lease_shared_forget(struct lease_store *store);
/* Its content, good until the next change; no octets: there is none. */
struct lease_octets lease_shared_get(struct lease_store *store, MDB_txn *txn,
				     const struct lease_key *key);

/* lease_store_before.c */
/*
 * Takes over what a file of the layout before this one holds. same_boot: what stands there goes on
 * standing, with the names that wait; else it has ended when the machine did. LMDB's code.
 */
int lease_before_copy(struct lease_store *to, MDB_txn *into, MDB_txn *from, bool same_boot,
		      uint64_t boot_s);

/* lease_store_history.c; all return LMDB's code. */
int lease_history_open(struct lease_store *store, MDB_txn *txn);
/* Adds a row whose `ended` is set; one that is too many goes for it. */
int lease_history_add(struct lease_store *store, MDB_txn *txn, const struct lease_row *row);
/* Reads every row of a table once. */
int lease_touch(MDB_txn *txn, MDB_dbi table);
