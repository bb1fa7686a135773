/* What the two files of the registry share. */
#pragma once

#include "edge/registry_history.h"

#include <lmdb.h>
#include <stdbool.h>

struct registry {
	MDB_env *env;
	MDB_dbi sandboxes, numbers, approvals, images, versions, sources, past_images,
		sandbox_events, approval_events, texts;
	uv_loop_t *loop;
	uv_work_t flush;
	bool flushing, dirty, closing;
};

/* LMDB's error as one of ours. */
int registry_code(int error);
/* Ends the transaction: commits and starts the flush, or aborts when error is not 0. */
int registry_commit(struct registry *registry, MDB_txn *txn, int error);
/* Adds an event of this moment, in that transaction; LMDB's code. */
int registry_event(MDB_txn *txn, MDB_dbi table, enum registry_event what, uint32_t id,
		   const char *text);
/* Calls row with every pair of a table, in the order of its keys; both are good during the call only. */
typedef void registry_row(const void *context, const MDB_val *key, const MDB_val *value);
int registry_walk(struct registry *registry, MDB_dbi table, registry_row *row,
		  const void *context);
