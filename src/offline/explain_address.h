/*
 * What could open one address of one sandbox, with all reasons. It borrows from its set-up as an
 * explanation of a name does.
 */
#pragma once

#include "offline/explain.h"

struct explain_way { /* a rule that bears on the address */
	enum ng_scope scope;
	uint8_t source; /* its place in the scope's order, from 0 */
	struct ng_match match;
	struct ng_name owner; /* of a rule for names; without the asterisk */
};
struct explain_ways {
	struct explain_way *items;
	size_t n, room;
	bool failed;
};
struct explain_static {
	enum ng_scope scope;
	struct ng_static item;
};
struct explain_statics {
	struct explain_static *items;
	size_t n;
	bool failed;
};

struct explain_resolved { /* a name of the world that has the address */
	struct ng_name name;
	struct ng_place place;
	bool opens;
	char *reason; /* by which rule, or why not; owned */
};

struct explained_address {
	const struct setup *setup;
	const struct setup_sandbox *sandbox;
	struct ng_addr addr;
	struct ng_addr client; /* of no family: not known */
	enum ng_reach reach;
	bool source;             /* the sandbox has one of that family, or none is known */
	bool may;                /* something could open it, or has */
	bool open;               /* at some port, without a question */
	bool neighbour;          /* it is another sandbox's, or its own */
	char own[EXPLAIN_OWNER]; /* whose own address it is; "": nobody's */
	struct explain_statics statics; /* that open it for good */
	struct explain_openeds opened;  /* prefixes that hold it */
	struct explain_ways judged; /* rules about addresses that hold it, as they are heard */
	bool followed;              /* there is a world: */
	struct explain_resolved *resolved;
	size_t n_resolved;
	struct explain_ways rules; /* by whose names it may open; by scope, source, line */
	char reason[EXPLAIN_TEXT];
};
/* world may be NULL. NG_E_NOMEM. */
int explain_address_make(const struct setup *setup, const struct setup_sandbox *sandbox,
			 const struct ng_addr *addr, const struct world *world,
			 struct explained_address **out) NG_MUST_CHECK;
int explain_address_follow(struct explained_address *explained,
			   const struct world *world) NG_MUST_CHECK;
void explain_address_free(struct explained_address *explained); /* takes NULL */
void explain_address_text(const struct explained_address *explained, FILE *to);
/* NULL when memory is out. */
json_t *explain_address_json(const struct explained_address *explained);
