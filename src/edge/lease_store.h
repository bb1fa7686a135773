/*
 * Leases on disk, so that a restarted worker knows why each open element is open.
 *
 * Rows are keyed by sandbox, client, address, port and name. They are intents: written before the order
 * goes out. All functions take NULL for "there is no store": losing it costs warmth, not safety,
 * so trouble is said once on stderr and never returned after the opening.
 */
#pragma once

#include <namegate/addr.h>
#include <namegate/name.h>
#include <namegate/policy.h>

#define LEASE_STORE_WHY 512

struct lease_store;

struct lease_row {
	uint32_t sandbox;
	struct ng_addr client, addr;
	struct ng_port port; /* proto 0: every protocol and port */
	const struct ng_name *name;
	uint64_t until_us; /* CLOCK_MONOTONIC of this boot */
	const char *rule;  /* "path:line" */
};

/*
 * Opens, or makes, the store in folder/worker. What another boot of the machine left is removed, what cannot be read is begun
 * anew (said on stderr). NG_E_IO, NG_E_PERM, NG_E_NOMEM with the reason in `why`.
 */
int lease_store_open(const char *folder, struct lease_store **out,
		     char why[static LEASE_STORE_WHY]) NG_MUST_CHECK;
void lease_store_close(struct lease_store *store);

/* Changes are gathered and take effect together at the commit. A row's end only ever moves out. */
void lease_store_put(struct lease_store *store, const struct lease_row *row);
/* All names of the element that row describes; its name, end and rule are not looked at. */
void lease_store_drop(struct lease_store *store, const struct lease_row *row);
void lease_store_drop_sandbox(struct lease_store *store, uint32_t sandbox);
void lease_store_commit(struct lease_store *store);

/* Removes some of the rows that have ended; called once a second it gets round in a minute. */
void lease_store_sweep(struct lease_store *store, uint64_t now_us);

/* What the row points to is good during the call; false: forget this row. Must not call the store. */
typedef bool lease_store_fn(void *context, const struct lease_row *row);
/* Every row that has not ended at now_us. Returns how many were kept. */
uint64_t lease_store_each(struct lease_store *store, uint64_t now_us, lease_store_fn *visit,
			  void *context);
