/* What the files of the lease store share. */
#pragma once

#include "edge/lease_store_rows.h"

#include <limits.h>
#include <lmdb.h>

struct lease_tables {
	MDB_dbi live, ended, of_sandbox, per_sandbox, waiting;
};

struct lease_store {
	MDB_env *env;
	struct lease_tables tables;
	MDB_txn *txn; /* the changes of this turn, or NULL */
	bool failed;  /* of this txn; sticky until the commit */
	bool said;
	uint32_t history_max;
	uint64_t next;          /* number of the next row of the history */
	struct lease_key swept; /* where the sweep goes on */
	uint64_t sweep_left;    /* rows that are still to be looked at in this second */
	char folder[PATH_MAX], path[PATH_MAX + 88], lock[PATH_MAX + 104], mark[PATH_MAX + 104];
};

/* lease_store.c */
void lease_store_say(struct lease_store *store, int code); /* spoils the transaction */
/* The transaction of this turn; NULL when it is spoilt or cannot be begun. */
MDB_txn *lease_store_changing(struct lease_store *store);
/* Walks all rows that stand and moves what ended by now_us; LMDB's code, 0 at the end. */
int lease_store_touch(struct lease_store *store);

/* lease_store_history.c; both return LMDB's code. */
int lease_history_open(struct lease_store *store, MDB_txn *txn);
/* Adds a row whose `ended` is set; one that is too many goes for it. */
int lease_history_add(struct lease_store *store, MDB_txn *txn, const struct lease_row *row);
/* Reads every row of the history once. */
int lease_history_touch(struct lease_store *store, MDB_txn *txn);
