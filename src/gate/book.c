/* See book.h. A reference is twice the number in a slab, two added, and one more for IPv6. */
#include "gate/book.h"

#include "base/hash.h"
#include "gate/directory.h"
#include <stdlib.h>
#include <string.h>

#define V4_OCTETS      4
#define V6_OCTETS      16
#define DEADLINE_STEPS 8
#define SPARES_MAX     64
#define ENDS_NEXT      7  /* the uppermost three floors of the heap */
#define ENDS_EXPECTED  31 /* and two more */

/* ---- one lease ---- */

static void addr_put(const struct lease *lease, struct ng_addr *to)
{
	to->family = lease->v6 ? NG_IPV6 : NG_IPV4;
	if (lease->v6)
		memcpy(to->bytes, lease->addr, V6_OCTETS);
	else
		memcpy(to->bytes, lease->addr, V4_OCTETS);
}

struct ng_addr lease_addr(const struct lease *lease)
{
	struct ng_addr addr = {0};

	addr_put(lease, &addr);
	return addr;
}

struct ng_addr lease_alone(const struct lease *lease)
{
	return lease->wide ? lease->more->client : (struct ng_addr){0};
}

struct ng_port lease_port(const struct lease *lease)
{
	return (struct ng_port){.proto = lease->proto, .port = lease->port};
}

static struct owner *owner_of(const struct book *book, const struct lease *lease)
{
	return slab_at(&book->owners, lease->owner);
}

/* Where it is wanted from the first: what was just written in parts is slow to be read as one. */
struct lease_key lease_key(const struct book *book, const struct lease *lease)
{
	struct lease_key key;

	memset(&key, 0, sizeof(key)); /* it is compared with its holes */
	key.sandbox = owner_of(book, lease)->id;
	if (lease->wide)
		key.client = lease->more->client;
	addr_put(lease, &key.addr);
	key.port.proto = lease->proto;
	key.port.port = lease->port;
	return key;
}

static size_t more_size(size_t n_holders)
{
	return sizeof(struct more) + n_holders * sizeof(struct holder);
}

static struct more *more_take(struct book *book)
{
	struct more *more = book->spares;

	if (!more)
		return malloc(more_size(1));
	book->spares = more->spare;
	book->n_spares--;
	return more;
}

size_t book_octets(const struct book *book)
{
	return book->v4.octets + book->v6.octets + book->owners.octets +
	       leads_octets(&book->leads) + index_octets(&book->by_key) +
	       book->due.room * sizeof(*book->due.items) + book->wide_octets +
	       book->n_spares * more_size(1);
}

int lease_widen(struct book *book, struct lease *lease)
{
	struct more *more;

	if (lease->wide)
		return NG_OK;
	more = more_take(book);
	if (!more)
		return NG_E_NOMEM;
	*more = (struct more){.room = 1, .n_holders = lease->holder.trail ? 1 : 0};
	more->holders[0] = lease->holder;
	lease->more = more;
	lease->wide = 1;
	book->n_wide++;
	book->wide_octets += more_size(1);
	return NG_OK;
}

static void more_free(struct book *book, struct lease *lease)
{
	struct more *more = lease->more;

	book->n_wide--;
	book->wide_octets -= more_size(more->room);
	lease->wide = 0;
	if (more->room > 1 || book->n_spares >= SPARES_MAX) {
		free(more);
		return;
	}
	more->spare = book->spares;
	book->spares = more;
	book->n_spares++;
}

void lease_narrow(struct book *book, struct lease *lease)
{
	struct more *more = lease->more;
	struct holder holder;

	if (!lease->wide || more->orders || more->flow_us || more->sure_us ||
	    more->client.family || more->n_holders > 1)
		return;
	holder = more->n_holders ? more->holders[0] : (struct holder){0};
	more_free(book, lease);
	lease->holder = holder;
}

/* ---- holders ---- */

struct holder *lease_holders(const struct lease *lease, size_t *n)
{
	if (lease->wide) {
		*n = lease->more->n_holders;
		return lease->more->holders;
	}
	*n = lease->holder.trail ? 1 : 0;
	return (struct holder *)&lease->holder;
}

struct holder *lease_holder_add(struct book *book, struct lease *lease)
{
	struct more *more;

	if (!lease->wide && !lease->holder.trail)
		return &lease->holder;
	if (lease_widen(book, lease))
		return NULL;
	more = lease->more;
	if (more->n_holders == more->room) {
		more = realloc(more, more_size(more->room + 1u));
		if (!more)
			return NULL;
		more->room++;
		book->wide_octets += sizeof(struct holder);
		lease->more = more;
	}
	more->holders[more->n_holders] = (struct holder){0};
	return &more->holders[more->n_holders++];
}

void lease_holders_cut(struct lease *lease, size_t n)
{
	if (lease->wide)
		lease->more->n_holders = (uint8_t)n;
	else if (!n)
		lease->holder = (struct holder){0};
}

const struct holder *lease_longest(const struct lease *lease)
{
	const struct holder *longest;
	size_t n;

	longest = lease_holders(lease, &n);
	for (size_t i = 1; i < n; i++) {
		const struct holder *holder = &lease->more->holders[i];

		if (holder->until_us > longest->until_us)
			longest = holder;
	}
	return n ? longest : NULL;
}

uint64_t more_end(const struct more *more)
{
	uint64_t end_us = more->flow_us;

	for (size_t i = 0; i < more->n_holders; i++) {
		if (more->holders[i].until_us > end_us)
			end_us = more->holders[i].until_us;
	}
	return end_us;
}

/* ---- what the kernel has ---- */

uint64_t lease_sure(const struct lease *lease)
{
	if (lease->sure)
		return lease->confirmed_us;
	return lease->wide ? lease->more->sure_us : 0;
}

void lease_confirm(struct lease *lease, uint64_t until_us)
{
	if (until_us <= lease_sure(lease))
		return;
	if (until_us < lease->confirmed_us) {
		lease->more->sure_us = until_us;
		return;
	}
	lease->confirmed_us = until_us;
	lease->sure = 1;
	lease->more->sure_us = 0;
}

void lease_doubt(struct lease *lease)
{
	lease->sure = 0;
	if (lease->wide)
		lease->more->sure_us = 0;
}

/* ---- the book ---- */

/* In parts as large as they were written. As in hash_octets(), the seed is in each of them. */
static uint64_t key_hash(const struct book *book, const struct lease_key *key)
{
	const uint64_t seed = hash_fold(book->seed ^ HASH_K0, HASH_K1);
	const uint64_t form = key->sandbox | (uint64_t)key->port.port << 32 |
			      (uint64_t)key->port.proto << 48 |
			      (uint64_t)key->addr.family << 56;
	const uint8_t *addr = key->addr.bytes, *client = key->client.bytes;
	uint64_t state = form ^ seed ^ HASH_K1;

	if (key->addr.family == NG_IPV6)
		state = hash_fold(state, hash_load8(addr) ^ seed) ^ hash_load8(addr + 8);
	else
		state = hash_fold(state, hash_load4(addr) ^ seed);
	if (key->client.family)
		state = hash_fold(state ^ HASH_K2, hash_load8(client) ^ seed) ^
			hash_load8(client + 8);
	return hash_fold(state ^ HASH_K0, seed ^ HASH_K2);
}

static bool same_as(const void *of, uint32_t item, const void *as)
{
	const struct lease *lease = book_at(of, item);
	const struct lease_key *key = as;

	if (memcmp(lease->addr, key->addr.bytes, lease->v6 ? V6_OCTETS : V4_OCTETS) != 0 ||
	    key->addr.family != (lease->v6 ? NG_IPV6 : NG_IPV4) ||
	    owner_of(of, lease)->id != key->sandbox || lease->proto != key->port.proto ||
	    lease->port != key->port.port)
		return false;
	if (!lease->wide)
		return !key->client.family;
	return memcmp(&lease->more->client, &key->client, sizeof(key->client)) == 0;
}

static uint32_t *due_place(const void *of, uint32_t item)
{
	return &book_at(of, item)->due;
}

static size_t size_of(size_t addr)
{
	const size_t step = _Alignof(struct lease);

	return (offsetof(struct lease, addr) + addr + step - 1) / step * step;
}

void book_init(struct book *book, uint64_t seed)
{
	*book = (struct book){
		.seed = seed,
		.v4 = {.size = size_of(V4_OCTETS)},
		.v6 = {.size = size_of(V6_OCTETS)},
		.owners = {.size = sizeof(struct owner)},
		.by_key = {.of = book, .same = same_as},
		.leads = {.seed = seed},
		.due = {.of = book, .place = due_place},
	};
}

void book_finish(struct book *book)
{
	struct more *more;

	index_finish(&book->by_key);
	due_finish(&book->due);
	slab_finish(&book->v4);
	slab_finish(&book->v6);
	slab_finish(&book->owners);
	leads_finish(&book->leads);
	while ((more = book->spares)) {
		book->spares = more->spare;
		free(more);
	}
}

/* ---- of which sandbox ---- */

static int owner_use(struct book *book, struct sandbox *sandbox, uint32_t *number)
{
	struct owner *owner;

	if (sandbox->owner) {
		*number = sandbox->owner - 1;
		((struct owner *)slab_at(&book->owners, *number))->n++;
		return NG_OK;
	}
	owner = slab_take(&book->owners, number);
	if (!owner)
		return NG_E_NOMEM;
	*owner = (struct owner){.sandbox = sandbox, .id = sandbox->spec.id, .n = 1};
	sandbox->owner = *number + 1;
	return NG_OK;
}

static void owner_leave(struct book *book, uint32_t number)
{
	struct owner *owner = slab_at(&book->owners, number);

	if (--owner->n)
		return;
	owner->sandbox->owner = 0;
	slab_give(&book->owners, number);
}

void book_hand_over(struct book *book, struct sandbox *from, struct sandbox *to)
{
	to->first_lease = from->first_lease;
	to->last_lease = from->last_lease;
	to->owner = from->owner;
	if (to->owner)
		((struct owner *)slab_at(&book->owners, to->owner - 1))->sandbox = to;
	from->first_lease = from->last_lease = from->owner = 0;
}

static void list_append(struct book *book, struct lease *lease, uint32_t reference)
{
	struct sandbox *sandbox = owner_of(book, lease)->sandbox;

	lease->prev = sandbox->last_lease;
	if (lease->prev)
		book_at(book, lease->prev)->next = reference;
	else
		sandbox->first_lease = reference;
	sandbox->last_lease = reference;
}

static void list_delete(struct book *book, struct lease *lease)
{
	struct sandbox *sandbox = owner_of(book, lease)->sandbox;

	if (lease->next)
		book_at(book, lease->next)->prev = lease->prev;
	else
		sandbox->last_lease = lease->prev;
	if (lease->prev)
		book_at(book, lease->prev)->next = lease->next;
	else
		sandbox->first_lease = lease->next;
}

/* ---- in and out ---- */

static struct lease *record_make(struct book *book, struct sandbox *sandbox,
				 const struct lease_key *key, uint32_t *reference)
{
	const bool v6 = key->addr.family == NG_IPV6;
	uint32_t number, owner;
	struct lease *lease;

	if (owner_use(book, sandbox, &owner))
		return NULL;
	lease = slab_take(v6 ? &book->v6 : &book->v4, &number);
	if (!lease) {
		owner_leave(book, owner);
		return NULL;
	}
	lease->owner = owner;
	lease->port = key->port.port;
	lease->proto = key->port.proto;
	lease->v6 = v6;
	memcpy(lease->addr, key->addr.bytes, v6 ? V6_OCTETS : V4_OCTETS);
	*reference = (number + 1) * 2 + v6;
	return lease;
}

/* False also when what it reads as is not the key: an address that is none. */
static bool client_note(struct book *book, struct lease *lease, const struct lease_key *key)
{
	struct lease_key own;

	if (key->client.family) {
		if (lease_widen(book, lease))
			return false;
		lease->more->client = key->client;
	}
	own = lease_key(book, lease);
	return memcmp(&own, key, sizeof(own)) == 0;
}

struct lease *book_enter(struct book *book, struct sandbox *sandbox,
			 const struct lease_key *key, uint64_t until_us)
{
	uint32_t reference;
	struct lease *lease = record_make(book, sandbox, key, &reference);

	if (!lease)
		return NULL;
	if (!client_note(book, lease, key) ||
	    index_put(&book->by_key, key_hash(book, key), reference)) {
		book_forget(book, reference);
		return NULL;
	}
	if (due_put(&book->due, reference, until_us)) {
		index_take(&book->by_key, key_hash(book, key), key, &reference);
		book_forget(book, reference);
		return NULL;
	}
	list_append(book, lease, reference);
	leads_add(&book->leads, &key->addr);
	return lease;
}

uint32_t book_strike(struct book *book, struct lease *lease)
{
	const struct lease_key key = lease_key(book, lease);
	uint32_t reference = 0;

	index_take(&book->by_key, key_hash(book, &key), &key, &reference);
	due_take(&book->due, lease->due);
	list_delete(book, lease);
	leads_take(&book->leads, &key.addr);
	return reference;
}

void book_forget(struct book *book, uint32_t reference)
{
	struct lease *lease = book_at(book, reference);

	owner_leave(book, lease->owner);
	if (lease->wide)
		more_free(book, lease);
	lease->holder = (struct holder){0}; /* for book_peek(): it is nobody's */
	slab_give(reference & 1 ? &book->v6 : &book->v4, (reference >> 1) - 1);
}

struct lease *book_find(const struct book *book, const struct lease_key *key)
{
	uint32_t reference;

	if (!index_find(&book->by_key, key_hash(book, key), key, &reference))
		return NULL;
	return book_at(book, reference);
}

void book_expect(const struct book *book, const struct lease_key *key)
{
	index_expect(&book->by_key, key_hash(book, key));
}

/* One without a holder is gone: what it is compared by may be anybody's by now. */
struct lease *book_still(const struct book *book, uint32_t reference,
			 const struct lease_key *key)
{
	struct lease *lease = book_peek(book, reference);

	if (lease && (lease->wide || lease->holder.trail) && same_as(book, reference, key))
		return lease;
	return book_find(book, key);
}

/* ---- the order of ends ---- */

/* Of the uppermost floors of the heap their places in the index, of those below them they themselves. */
void book_expect_ends(const struct book *book, uint64_t now_us)
{
	const size_t n = book->due.n < ENDS_EXPECTED ? book->due.n : ENDS_EXPECTED;

	for (size_t i = n; i-- > 0;) {
		const struct lease *lease = book_at(book, book->due.items[i].item);

		if (book->due.items[i].at_us > now_us)
			continue;
		if (i >= ENDS_NEXT) {
			__builtin_prefetch(lease);
			__builtin_prefetch(lease->addr);
		} else {
			const struct lease_key key = lease_key(book, lease);

			book_expect(book, &key);
		}
	}
}

void book_move(const struct book *book, const struct lease *lease)
{
	if (lease_end(lease) < book->due.items[lease->due - 1].at_us)
		due_move(&book->due, lease->due, lease_end(lease));
}

/* What stands there too early comes where it belongs, as long as that is not after now_us. */
struct lease *book_ended(const struct book *book, uint64_t now_us)
{
	while (book->due.n && book->due.items[0].at_us <= now_us) {
		struct lease *lease = book_at(book, book->due.items[0].item);

		if (lease_end(lease) == book->due.items[0].at_us)
			return lease;
		due_move(&book->due, 1, lease_end(lease));
	}
	return NULL;
}

/* It does no more than a few steps, since it is asked after every input. */
uint64_t book_deadline(const struct book *book)
{
	for (size_t step = 0; book->due.n && step < DEADLINE_STEPS; step++) {
		const struct lease *lease = book_at(book, book->due.items[0].item);

		if (lease_end(lease) == book->due.items[0].at_us)
			break;
		due_move(&book->due, 1, lease_end(lease));
	}
	return book->due.n ? book->due.items[0].at_us : UINT64_MAX;
}

struct lease *book_each(const struct book *book, size_t *cursor)
{
	if (*cursor >= book->due.n)
		return NULL;
	return book_at(book, book->due.items[(*cursor)++].item);
}

static bool prefix_has(const struct ng_prefix *prefix, const struct lease *lease)
{
	const struct ng_addr addr = lease_addr(lease);

	return ng_prefix_contains(prefix, &addr);
}

struct lease *book_leading(const struct book *book, const struct ng_prefix *prefix,
			   uint32_t *cursor)
{
	const bool v6 = prefix->addr.family == NG_IPV6;
	const struct slab *slab = v6 ? &book->v6 : &book->v4;
	const uint32_t end = (uint32_t)(slab->n_chunks * SLAB_CHUNK);

	if (!leads_may(&book->leads, prefix))
		return NULL;
	while (*cursor < end) {
		struct lease *lease = slab_peek(slab, (*cursor)++);

		if (!lease || (!lease->wide && !lease->holder.trail) ||
		    memcmp(lease->addr, prefix->addr.bytes, prefix->bits / 8) != 0)
			continue;
		if (prefix_has(prefix, lease))
			return lease;
	}
	return NULL;
}
