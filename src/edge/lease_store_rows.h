/*
 * The rows of the lease store as they stand in its file, for the store and for those who read it
 * from outside.
 *
 * A file holds five tables: the leases that stand (or did a moment ago), the history of those that
 * ended, in the order in which they did, two that the history's bounds are kept by, and names that wait
 * for approval. Its name
 * says layout and boot. What comes out of a file is checked like any input: a disk is a stranger.
 */
#pragma once

#include "edge/lease_store.h"

#include <stddef.h>

#define LEASE_FILE_PREFIX "store"
#define LEASE_FILE_LAYOUT LEASE_FILE_PREFIX "3-" /* the boot's id follows */
#define LEASE_BOOT_ID     37                     /* the text and its NUL */

#define LEASE_TABLES            5
#define LEASE_TABLE_LIVE        "leases"
#define LEASE_TABLE_ENDED       "history"
#define LEASE_TABLE_OF_SANDBOX  "history-of-sandbox"  /* sandbox and number, without a value */
#define LEASE_TABLE_PER_SANDBOX "history-per-sandbox" /* how many rows it has */
#define LEASE_TABLE_WAITING     "waiting"             /* names that wait for approval, by id */

#define LEASE_ADDR_OCTETS 17
#define LEASE_PORT_OCTETS 3
/* of a key: all but name and way */
#define LEASE_OWNER    (4 + 2 * LEASE_ADDR_OCTETS + LEASE_PORT_OCTETS)
#define LEASE_WAY      sizeof(uint64_t)
#define LEASE_KEY_MAX  (LEASE_OWNER + NG_NAME_MAX + LEASE_WAY)
#define LEASE_RULE     (NG_PATH_MAX + 16)
#define LEASE_TEXT     (NG_SANDBOX_NAME_MAX + LEASE_RULE)
#define LEASE_LED      0x7f   /* of `local`: names that led to the policy's own data */
#define LEASE_REPLACES 0x80   /* and those stand instead of the answer */
#define LEASE_KEPT     0x8000 /* of `n_addrs`: ends_us stands behind them */
#define LEASE_TRAIL                                                                            \
	((NG_CHAIN_MAX + 1) * NG_NAME_MAX + NG_ADDRS_MAX * LEASE_ADDR_OCTETS + sizeof(uint64_t))

struct lease_octets {
	const void *octets;
	size_t len;
};

struct lease_key {
	size_t len;
	uint8_t octets[LEASE_KEY_MAX];
};

/*
 * Of a lease that stands. The text is the sandbox's name and the rule, each with its NUL, then the
 * names of its trail in wire form and the addresses; and the end that its names gave it, where a
 * flow keeps it open beyond that.
 */
struct lease_value {
	uint64_t until_us, first_s, last_s, until_s;
	uint16_t type;
	uint8_t refused, renewed, local, n_names;
	uint16_t n_addrs;
	char text[LEASE_TEXT + LEASE_TRAIL]; /* stored as long as it is */
};

/* Of one that ended; its key was a number. The text begins with that of the lease's key. */
struct lease_ended_value {
	uint64_t first_s, last_s, end_s;
	uint16_t type, key_len;
	uint8_t refused, why, pad[2];
	uint8_t text[LEASE_KEY_MAX + LEASE_TEXT];
};

void lease_key_sandbox(struct lease_key *key, uint32_t sandbox);
/* All that names an element: sandbox, client, address, port. */
void lease_key_owner(struct lease_key *key, const struct lease_row *row);
void lease_key_row(struct lease_key *key, const struct lease_row *row);

/* Both return how many octets of the value are to be stored. */
size_t lease_value_make(const struct lease_row *row, struct lease_value *out);
size_t lease_ended_make(const struct lease_row *row, struct lease_ended_value *out);

struct lease_read { /* what a row that was read points to */
	struct ng_name name;
	struct ng_name names[NG_CHAIN_MAX + 1];
	struct ng_addr addrs[NG_ADDRS_MAX];
	char sandbox_name[NG_SANDBOX_NAME_MAX], rule[LEASE_RULE];
};
/* False: this is no row of ours. */
bool lease_read_live(struct lease_octets key, struct lease_octets value,
		     struct lease_read *place, struct lease_row *out);
bool lease_read_ended(struct lease_octets value, struct lease_read *place,
		      struct lease_row *out);
