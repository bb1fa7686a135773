/*
 * What the store tells: which names opened which addresses, now and before. It can be read while
 * namegated runs, by root and by the user whom the store's folder belongs to.
 *
 * All rows are copied at one moment; nothing of it changes afterwards.
 */
#pragma once

#include "edge/lease_store_rows.h"

#define HISTORY_WHY 512

struct history;

/*
 * store: the folder that the configuration calls so. NG_E_NOTFOUND, NG_E_PERM, NG_E_FORMAT
 * (damaged, or of another layout), NG_E_IO, NG_E_NOMEM; *why says what, where and what to do.
 */
int history_read(const char *store, struct history **out,
		 char why[static HISTORY_WHY]) NG_MUST_CHECK;
/* Of several workers: why what one of them has stored could not be read and is missing; else NULL. */
const char *history_gap(const struct history *history);
void history_free(struct history *history); /* takes NULL */

struct history_cursor { /* the zero value is the beginning */
	size_t live;    /* how many of those that stand were read */
	size_t at;      /* where in the dump the others are */
	size_t part;    /* of which worker these are */
	struct lease_read place;
};
/*
 * The next row: leases that stand, by sandbox, family and address, then those that ended, oldest first;
 * of several workers, those of one behind those of another.
 * What it points to is good until the next call with that cursor. `ended` is LEASE_STANDS for what
 * is open now. False at the end.
 */
bool history_next(const struct history *history, struct history_cursor *cursor,
		  struct lease_row *out);

/* Each name that each sandbox had an address by, once. Both are good during the call only. */
typedef void history_name_fn(void *context, const char *sandbox, const struct ng_name *name);
int history_each_name(const struct history *history, history_name_fn *visit,
		      void *context) NG_MUST_CHECK; /* NG_E_NOMEM */

/* The word for why a lease ended: "time", "revoked", "removed", "reboot"; "open" when it did not. */
const char *history_end_text(enum lease_end end);
