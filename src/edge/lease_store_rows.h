/*
 * The rows of the lease store as they stand in its file, for the store and for those who read it
 * from outside.
 *
 * A file holds seven tables: the leases that stand (or did a moment ago), what several of them have in
 * common, the history of those that ended, in the order in which they did, two that the history's
 * bounds are kept by, names that wait for approval, and what was spent of budgets. Its name says layout and boot. What comes
 * out of a file is checked like any input: a disk is a stranger.
 *
 * A lease's row has what is its own: element, times, and the number of an answer. The answer has
 * the names and addresses that led there, and the number of a text, which has the sandbox's name and
 * the rule. Numbers mean something within a sandbox only. Names have numbers in the order in which they came,
 * one for each way, and those stand in the keys: what is written together is together.
 */
#pragma once

#include "edge/lease_store.h"

#include <stddef.h>

#define LEASE_FILE_PREFIX "store"
#define LEASE_FILE_LAYOUT LEASE_FILE_PREFIX "6-" /* the boot's id follows */
#define LEASE_FILE_BEFORE LEASE_FILE_PREFIX "3-" /* the layout that is taken over */
#define LEASE_BOOT_ID     37                     /* the text and its NUL */

#define LEASE_TABLES            7
#define LEASE_TABLE_LIVE        "leases"
#define LEASE_TABLE_SHARED      "shared"
#define LEASE_TABLE_ENDED       "history"
#define LEASE_TABLE_OF_SANDBOX  "history-of-sandbox"  /* sandbox and number, without a value */
#define LEASE_TABLE_PER_SANDBOX "history-per-sandbox" /* how many rows it has */
#define LEASE_TABLE_WAITING     "waiting"             /* names that wait for approval, by id */
#define LEASE_TABLE_SPENT       "spent"               /* of budgets: lease_store_spent.c */

#define LEASE_ADDR_MAX   17 /* family and address */
#define LEASE_NUMBER     4
#define LEASE_NAME       6                    /* the number of a name; 0 is none */
#define LEASE_OWNER_MAX  (4 + 1 + 2 * 16 + 3) /* sandbox, shape, client, address, port */
#define LEASE_KEY_MAX    (LEASE_OWNER_MAX + LEASE_NAME)
#define LEASE_VALUE_MAX  64
#define LEASE_RULE       (NG_PATH_MAX + 16)
#define LEASE_TEXT_MAX   (1 + NG_SANDBOX_NAME_MAX + LEASE_RULE)
#define LEASE_SHARED_KEY (4 + LEASE_NAME + LEASE_NUMBER)
#define LEASE_SHARED_MAX (32 + (NG_CHAIN_MAX + 2) * NG_NAME_MAX + NG_ADDRS_MAX * LEASE_ADDR_MAX)
#define LEASE_ENDED_MAX  (64 + LEASE_OWNER_MAX + NG_NAME_MAX + LEASE_TEXT_MAX)

struct lease_octets {
	const void *octets;
	size_t len;
};

struct lease_key {
	size_t len;
	uint8_t octets[LEASE_KEY_MAX];
};

struct lease_content { /* of a shared row, behind its count of users */
	size_t len;
	uint8_t octets[LEASE_SHARED_MAX];
};

void lease_key_sandbox(struct lease_key *key, uint32_t sandbox);
/* All rows of a name and way. */
void lease_key_name(struct lease_key *key, uint32_t sandbox, uint64_t name);
/* Of a lease: sandbox, name, client, address, port. */
void lease_key_live(struct lease_key *key, const struct lease_row *row, uint64_t name);
/* Of what is shared: an answer is of a name, a text of none. */
void lease_key_shared(struct lease_key *key, uint32_t sandbox, uint64_t name, uint32_t number);
/* Of which sandbox and name a row is, of a lease or of what is shared. False: it is none of ours. */
bool lease_key_read(struct lease_octets key, uint32_t *sandbox, uint64_t *name);

/* Both return how many octets there are. answer: its number. */
size_t lease_value_make(const struct lease_row *row, uint32_t answer,
			uint8_t out[static LEASE_VALUE_MAX]);
size_t lease_ended_make(const struct lease_row *row, uint8_t out[static LEASE_ENDED_MAX]);
void lease_text_make(const struct lease_row *row, struct lease_content *out);
void lease_answer_make(const struct lease_row *row, uint32_t text, struct lease_content *out);

/* False: this is none of ours. */
/* Times and flags, and the number of its answer. */
bool lease_value_read(struct lease_octets value, uint32_t *answer, struct lease_row *out);
bool lease_answer_text(struct lease_octets content, uint32_t *text); /* which one it has */

struct lease_read { /* what a row that was read points to */
	struct ng_name name;
	struct ng_name names[NG_CHAIN_MAX + 1];
	struct ng_addr addrs[NG_ADDRS_MAX];
	char sandbox_name[NG_SANDBOX_NAME_MAX], rule[LEASE_RULE];
};
/* The content of what is shared under that key; no octets: there is none. */
typedef struct lease_octets lease_shared_fn(const void *who, const struct lease_key *key);
bool lease_read_live(struct lease_octets key, struct lease_octets value, lease_shared_fn *find,
		     const void *who, struct lease_read *place, struct lease_row *out);
bool lease_read_ended(struct lease_octets value, struct lease_read *place,
		      struct lease_row *out);
