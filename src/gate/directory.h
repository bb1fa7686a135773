/*
 * Who asks: the sandboxes of one generation, by id and by source address.
 *
 * Sources never overlap between sandboxes, whatever their interfaces: the kernel's lease elements
 * are keyed by source address, so a shared one would open for a neighbour. Single addresses have an
 * index: each address of an answer is looked for among them as well, and mostly is not there, which is
 * to be known without a look at any of them. Wider prefixes, of which there are few, stand in a list.
 */
#pragma once

#include <namegate/gate.h>
#include "base/index.h"
#include "base/slab.h"
#include "gate/idle.h"
#include "gate/ready.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct spending; /* budget.c */
struct route;    /* engine.h */

struct source {
	struct ng_prefix prefix;
	struct sandbox *sandbox;
	struct source *next, *prev; /* of the wide ones, or of the single addresses */
};

/*
 * The last text for a client that only sandbox and rule were filled into (texts.c): most denials say
 * the same as the one before. It goes with the sandbox, so no rule changes behind its back.
 */
struct phrase {
	int text; /* enum text; TEXT_NONE: none yet */
	uint32_t line;
	const char *path; /* of the rule; NULL: no rule matched */
	uint16_t len;
	char octets[NG_EDE_TEXT_MAX];
};

struct routes { /* of one place, the longest zone first; borrowed */
	const struct route *first;
	size_t n;
};

enum { ROUTES_OWN = 0, ROUTES_GROUP, ROUTES_ALL, ROUTES };

struct sandbox {
	struct ng_sandbox spec;
	struct routes routes[ROUTES];
	struct source *sources; /* spec.n_sources of them */
	uint32_t n_pending, n_waiting, n_ahead;
	uint32_t n_events;           /* ids given out */
	char mark[16];               /* of the last id; event.c */
	uint32_t n_elements;         /* in the kernel, of its leases */
	uint64_t trail_octets;       /* that its leases' trails take */
	uint64_t limited[NG_LIMITS]; /* what was refused it */
	bool limits_untold;          /* and since the last record of that */
	uint64_t asked_ns;           /* when all its questions of late will be forgotten */
	struct spending *spending;   /* by names; NULL: none yet */
	struct query *queries;
	uint32_t first_lease, last_lease; /* references; 0: none */
	uint32_t owner;                   /* 1 + its number in the book, while it has leases */
	struct phrase phrase;
	struct idle *idle; /* NULL until it has as many leases as it may */
	struct readies_of readies;
	UT_hash_handle hh;
};

struct directory {
	uint64_t seed;
	struct sandbox *by_id;
	struct source *exact, *wide;
	struct slab numbers;  /* of exact ones: pointers to them */
	struct index by_addr; /* those numbers */
	uint32_t n;
};

void directory_init(struct directory *directory, uint64_t seed);
/* All that is in from is in to, which had nothing; from is as after its end. */
void directory_move(struct directory *from, struct directory *to);

/*
 * Adds a copy of spec. NG_E_EXISTS: the id is there, or a source overlaps another's. NG_E_RANGE: no
 * id, no or non-canonical sources. NG_E_NOMEM. On failure nothing has changed.
 */
int directory_add(struct directory *directory, const struct ng_sandbox *spec,
		  struct sandbox **out) NG_MUST_CHECK;
/* Takes it out and frees it; its queries and leases must be gone or moved. */
void directory_remove(struct directory *directory, struct sandbox *sandbox);
void directory_finish(struct directory *directory);
struct sandbox *directory_by_id(const struct directory *directory, uint32_t id);
/* Whose source is addr, when it came in on interface (NULL: not known)? NULL: nobody's. */
struct sandbox *directory_by_source(const struct directory *directory,
				    const struct ng_addr *addr, const char *interface);
/* The source prefix of sandbox that holds addr, or NULL. */
const struct source *sandbox_source(const struct sandbox *sandbox, const struct ng_addr *addr);
