/*
 * The book of leases: where they stand, how they are found, and which ends first.
 *
 * There may be very many, and nearly all of them are alike: one name holds the address for the whole
 * sandbox, the kernel has confirmed what was asked of it, and that is all. Such a lease is one small
 * record. What few leases have stands beside it, in struct more, for as long as there is any of it.
 *
 * A reference is a lease's number in the book, 0 being none; a pointer is good until the lease is
 * struck out. Pointers to holders are good until the lease is widened or narrowed, or has another.
 */
#pragma once

#include <namegate/addr.h>
#include <namegate/policy.h>
#include "base/index.h"
#include "base/slab.h"
#include "gate/due.h"
#include "gate/leads.h"

struct sandbox;
struct order;
struct trail; /* trail.c */

struct holder { /* a way from a name that keeps a lease */
	struct trail *trail;
	uint64_t until_us;
	uint64_t need_us; /* the end of what replies by it have promised, grace included */
	uint64_t told_us; /* the end that the caller was told of, to be kept */
};

struct lease_key {
	uint32_t sandbox;
	struct ng_addr client, addr;
	struct ng_port port;
};

struct more {
	union {
		struct order *orders; /* in flight */
		struct more *spare;   /* the next one */
	};
	uint64_t flow_us; /* a flow keeps it open until then; 0: none ever has */
	uint64_t sure_us; /* what the kernel is sure to have, when that is not all it had */
	struct ng_addr client; /* the one it is for; none: the whole sandbox */
	uint8_t n_holders, room;
	struct holder holders[];
};

struct lease {
	uint64_t confirmed_us; /* the kernel has it until then; 0: not known to have it */
	uint64_t promised_us;  /* until when replies have said that it may be used, and grace */
	union {
		struct holder holder; /* no trail: there is none */
		struct more *more;    /* when wide */
	};
	uint32_t next, prev; /* of the sandbox, as references */
	uint32_t owner;      /* number of its sandbox in the book */
	uint32_t due;        /* place in the heap of ends */
	uint16_t port;
	uint8_t proto;
	uint8_t v6 : 1, wide : 1;
	uint8_t sure : 1;       /* confirmed_us holds: nobody has changed the table since */
	uint8_t n_elements : 4; /* one for each source address of the sandbox */
	uint8_t addr[];         /* 4 octets or 16 */
};

struct owner { /* a sandbox that has leases */
	struct sandbox *sandbox;
	uint32_t id, n;
};

struct book {
	uint64_t seed;
	struct slab v4, v6, owners;
	struct index by_key;
	struct due due; /* by lease_end(), or a time before it */
	struct leads leads;
	size_t n_wide, wide_octets;
	struct more *spares; /* every order needs one for a while */
	size_t n_spares;
};

void book_init(struct book *book, uint64_t seed);
void book_finish(struct book *book); /* the leases must be gone */

/*
 * Zero but for its key, without a holder, and to end not before until_us. NULL when memory is out, or
 * the key's address is none.
 */
struct lease *book_enter(struct book *book, struct sandbox *sandbox,
			 const struct lease_key *key, uint64_t until_us);
/* Out of everything but memory, and then of that too: between the two nobody finds it. */
uint32_t book_strike(struct book *book, struct lease *lease);
void book_forget(struct book *book, uint32_t reference);
/* All leases of from are to's. */
void book_hand_over(struct book *book, struct sandbox *from, struct sandbox *to);
struct lease *book_find(const struct book *book, const struct lease_key *key);
/* It will be looked for soon; see index_expect(). */
void book_expect(const struct book *book, const struct lease_key *key);
/* The same, when the lease under that key had that reference once, and mostly has it still. */
struct lease *book_still(const struct book *book, uint32_t reference,
			 const struct lease_key *key);
/* Its end may have come nearer. */
void book_move(const struct book *book, const struct lease *lease);
/* The first lease to end, if that is not after now_us; else NULL. */
struct lease *book_ended(const struct book *book, uint64_t now_us);
/* The next of those that have ended by now_us are to be struck out. */
void book_expect_ends(const struct book *book, uint64_t now_us);
/* What it has taken of memory in all. */
size_t book_octets(const struct book *book);
/* When the next lease ends, or somewhat before that; UINT64_MAX: there is none. */
uint64_t book_deadline(const struct book *book);
/* The one behind *cursor (start with 0) in no particular order; NULL at the end. */
struct lease *book_each(const struct book *book, size_t *cursor);

/*
 * The one behind *cursor (start with 0) that leads into the prefix, in no particular order; NULL at the end.
 * That it was struck out is no matter. It looks at all leases of that family, unless there is surely none.
 */
struct lease *book_leading(const struct book *book, const struct ng_prefix *prefix,
			   uint32_t *cursor);

static inline uint32_t book_reference(const struct book *book, const struct lease *lease)
{
	return book->due.items[lease->due - 1].item;
}

static inline struct lease *book_at(const struct book *book, uint32_t reference)
{
	return slab_at(reference & 1 ? &book->v6 : &book->v4, (reference >> 1) - 1);
}

/* Of any reference that there was once: that lease, or another that has its place now; NULL: no such place. */
static inline struct lease *book_peek(const struct book *book, uint32_t reference)
{
	const struct slab *slab = reference & 1 ? &book->v6 : &book->v4;
	const uint32_t number = (reference >> 1) - 1;

	return slab->chunks[number / SLAB_CHUNK] ? slab_at(slab, number) : NULL;
}

/* ---- one lease ---- */

static inline struct sandbox *lease_sandbox(const struct book *book, const struct lease *lease)
{
	return ((const struct owner *)slab_at(&book->owners, lease->owner))->sandbox;
}

struct lease_key lease_key(const struct book *book, const struct lease *lease);
struct ng_addr lease_addr(const struct lease *lease);
/* The one client that it is for; none when it is for the whole sandbox. */
struct ng_addr lease_alone(const struct lease *lease);
struct ng_port lease_port(const struct lease *lease);

/* The array of all its holders. */
struct holder *lease_holders(const struct lease *lease, size_t *n);
struct holder *lease_holder_add(struct book *book,
				struct lease *lease);  /* zero; NULL: no memory */
void lease_holders_cut(struct lease *lease, size_t n); /* to the first n */

/* Gives it a struct more, if it has none. NG_E_NOMEM. */
int lease_widen(struct book *book, struct lease *lease) NG_MUST_CHECK;
/* Takes it away, if nothing of it is needed. */
void lease_narrow(struct book *book, struct lease *lease);

static inline struct order *lease_orders(const struct lease *lease)
{
	return lease->wide ? lease->more->orders : NULL;
}

static inline uint64_t lease_flow_us(const struct lease *lease)
{
	return lease->wide ? lease->more->flow_us : 0;
}

/* Of the holders, the one that lasts longest; NULL without any. */
const struct holder *lease_longest(const struct lease *lease);
uint64_t more_end(const struct more *more);
/* Of its last holder, or beyond it of what flows have brought. */
static inline uint64_t lease_end(const struct lease *lease)
{
	return lease->wide ? more_end(lease->more) : lease->holder.until_us;
}
/* Until when the kernel is known to have it now; 0: it is not known to. */
uint64_t lease_sure(const struct lease *lease);
/* The kernel has it until then. An order for it is in flight, so it is wide. */
void lease_confirm(struct lease *lease, uint64_t until_us);
/* Not known to have it any more, whatever it had. */
void lease_doubt(struct lease *lease);
