/*
 * Sets that an operator's own ruleset declares: instead of owning a table, the warden fills these.
 *
 * What a set takes is read from the kernel: a destination, with or without the source, with or without
 * protocol and port. A lease goes into every set of its family that takes its kind. Where the key
 * has no source several leases need one element, so each lease is noted as a holder of the
 * elements that it needs: an element stands as long as the longest of its holders, and goes with the
 * last. The mirror (mirror.h) stays what it is; this is what lies between it and the kernel.
 *
 * Our elements bear a mark, so that they are told from the operator's own. Those without an end are
 * never touched; those with one are lengthened where a lease needs it, and get the rest of their
 * own time back when the last lease goes.
 */
#pragma once

#include "warden/mirror.h"
#include "warden/sets.h"

struct shape { /* of a set's key; the zero value fits nothing */
	uint8_t family;
	bool source, port;
};

struct declared_set {
	struct set_at at;
	struct shape shape;
};

struct stand_key { /* no holes: hashed as octets */
	uint8_t set, len;
	uint8_t key[KEY_MAX];
};
struct stand { /* an element that leases need */
	struct stand_key key;
	uint64_t until_us; /* when the kernel ends it, as confirmed; 0: it is not there */
	uint64_t wanted_us,
		theirs_us;   /* after this round; of the operator's own, FOREVER too */
	uint64_t adopted_us; /* an earlier life left it, and nobody has claimed it yet; 0: no */
	struct holder *holders;
	size_t op; /* of this round */
	int error;
	bool touched;
	struct stand *next; /* of the touched */
	UT_hash_handle hh;
};
struct holder {
	struct lease_key key; /* of the lease; its pad is the number of the set */
	uint64_t until_us, wanted_us;
	bool fresh; /* not confirmed yet */
	struct stand *stand;
	struct holder *prev, *next; /* of the stand */
	UT_hash_handle hh;
};

struct touch { /* an op of the mirror's needs this holder, or needs it no more */
	size_t op;
	struct holder *holder;
};

struct declared {
	struct declared_set sets[WALL_SETS_MAX];
	size_t n; /* 0: a table is owned */
	uint32_t takes;
	struct stand *stands;
	struct holder *holders;
	struct stand *touched; /* in this round */
	struct touch *touches; /* owned */
	size_t n_touches, room;
	struct ops ops;
	bool late;   /* a commit failed: the elements are to be looked at soon */
	bool unread; /* an earlier life left more than was read */
};

void declared_finish(struct declared *declared); /* takes NULL */

/* ---- what the kernel has (detect.c) ---- */

/* The shape that a key of nft's type numbers, six bits a field, has. All zero: none of ours. */
struct shape shape_of(uint32_t key_type);
bool shape_takes(const struct shape *shape, enum ng_family family, bool ports);
uint32_t shape_key_type(const struct shape *shape);
#define REFUSAL_MAX 960
/*
 * Asks for the set. NG_OK; NG_E_NOTFOUND, NG_E_UNSUPPORTED with why and the nft line that would fit;
 * NG_E_KERNEL when it could not be asked.
 */
int declared_detect(struct netlink *netlink, const struct wall_set *set, uint32_t size,
		    struct declared_set *out, char why[static REFUSAL_MAX]) NG_MUST_CHECK;

/* ---- elements (declared.c) ---- */

/* The key that an element of this shape has for a lease. Returns its length. */
uint8_t shape_key(const struct shape *shape, const struct lease_key *lease,
		  uint8_t out[static KEY_MAX]);

struct writer { /* with what to write, and when it is */
	struct netlink *netlink;
	struct batch *batch;
	const struct ability *ability;
	uint64_t now_us;
};
/*
 * Commits what the mirror's ops mean to the declared sets; each op then carries its result. Those of
 * other sets than the leases' do nothing, or fail with EPROTONOSUPPORT where something would
 * be open or changed by them. NG_OK when every op is done.
 */
int declared_commit(struct declared *declared, struct ops *ops,
		    const struct writer *writer) NG_MUST_CHECK;
/* Notes an element of an earlier life, which stands until it is claimed or dropped. */
int declared_adopt(struct declared *declared, size_t set, const struct element *element,
		   uint64_t now_us) NG_MUST_CHECK;
/* Told of each that is dropped. */
typedef void dropped_fn(void *who, const struct declared_set *set, const uint8_t *key);
/* What nobody has claimed goes. Codes as ops_commit(). */
int declared_drop_unclaimed(struct declared *declared, const struct writer *writer,
			    dropped_fn *dropped, void *who) NG_MUST_CHECK;
/* How many are not there any more, or not for long enough; declared_mend() is to follow. */
size_t declared_look(struct declared *declared, const struct writer *writer);
/* Puts them back. Codes as ops_commit(). */
int declared_mend(struct declared *declared, const struct writer *writer) NG_MUST_CHECK;
