/*
 * What the gate would make of one name of one sandbox, or what could open one address, with all
 * reasons: the facts that `namegate explain` and libnamegate tell, as text and as JSON.
 *
 * An explanation borrows from its set-up, which must outlive it. Nothing here decides anything: the
 * verdict is the policy's, the numbers are the engine's, the order of rules is <namegate/explain.h>'s.
 */
#pragma once

#include "offline/trial.h"

#include <jansson.h>
#include <namegate/explain.h>
#include <stdio.h>

#define EXPLAIN_OWNER (NG_NAME_TEXT_MAX + 16)
#define EXPLAIN_TEXT  (4 * NG_NAME_TEXT_MAX + NG_PATH_MAX + 128)

/* A prefix that is otherwise never opened, and who opens it. */
enum explain_opener {
	EXPLAIN_BY_SANDBOX = 0,
	EXPLAIN_BY_GROUP,
	EXPLAIN_BY_FORWARD,
	EXPLAIN_BY_RULE
};
struct explain_opened {
	struct ng_prefix prefix;
	enum explain_opener by;
	struct ng_place place;      /* of the section, or of the rule */
	const char *name;           /* of sandbox or group */
	const struct ng_name *zone; /* of forward */
};
struct explain_openeds { /* owns its items */
	struct explain_opened *items;
	size_t n;
	bool failed; /* memory */
};

/* ---- a name ---- */

struct explain_question {
	const char *written; /* any case, Unicode; borrowed */
	uint16_t type;
	const struct ng_addr *client; /* NULL: the sandbox's first single source */
	const struct world *world;    /* what upstream would answer; NULL: not known */
};

enum explain_reply { /* what the sandbox gets */
		     EXPLAIN_NXDOMAIN = 0,
		     EXPLAIN_NODATA,
		     EXPLAIN_SILENCE,
		     EXPLAIN_LOCAL, /* the rule's own records */
		     EXPLAIN_TCP,   /* upstream's, over TCP only */
		     EXPLAIN_UPSTREAM
};

struct explained {
	const struct setup *setup;
	const struct setup_sandbox *sandbox;
	const char *written;
	struct ng_name names[NG_CHAIN_MAX + 1]; /* the asked one, lower-cased, in A-labels;
						   then its aliases */
	char text[NG_NAME_TEXT_MAX];
	uint16_t type;
	struct ng_addr client; /* of no family: not known */
	bool client_wanted;    /* some rules look at the client, and it is not known */
	struct ng_addr addrs[NG_ADDRS_MAX]; /* of the answer */
	struct ng_subject subject;
	struct ng_explanation why;
	bool passes;  /* as the sandbox's mode has it */
	bool allowed; /* by the policy, and with a world by what came of it */
	enum explain_reply reply;
	bool asks;                   /* a question goes upstream */
	struct ng_settings settings; /* full */
	const struct ng_route *route;
	const struct conf_route *route_conf; /* NULL: made of policies alone */
	struct explain_openeds opened;
	struct trial *trial;                           /* with a world: what came of asking */
	struct trial_reply result;                     /* its own */
	char reason[EXPLAIN_TEXT], hint[EXPLAIN_TEXT]; /* hint may be "" */
};
/*
 * The name as the gate would see it: lower case, in A-labels. NULL, or what is wrong with it; static.
 */
const char *explain_name(const char *written, struct ng_name *out);
/* NG_E_FORMAT: not a name; NG_E_RANGE: the client is none of the sandbox's; NG_E_NOMEM. */
int explain_make(const struct setup *setup, const struct setup_sandbox *sandbox,
		 const struct explain_question *question, struct explained **out) NG_MUST_CHECK;
/*
 * With a world: asks for real, and judges the aliases and addresses of the answer as well. Called by
 * explain_make(). NG_E_NOMEM.
 */
int explain_follow(struct explained *explained, const struct world *world) NG_MUST_CHECK;
void explain_followed_text(const struct explained *explained, FILE *to);
json_t *explain_followed_json(const struct explained *explained);
void explain_free(struct explained *explained); /* takes NULL */
void explain_text(const struct explained *explained, FILE *to);
/* NULL when memory is out. */
json_t *explain_json(const struct explained *explained);

/* ---- an address ---- */

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
	bool may;                /* something could open it */
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

json_t *explain_opened_json(const struct explain_openeds *openeds);
json_t *explain_ports_json(const struct ng_bounds *bounds);

/* ---- words that both forms share ---- */

extern const char *const explain_verdicts[],
	*const explain_scopes[],
		*const explain_modes[],
			*const explain_actions[],
				*const explain_says[],
					*const explain_triggers[],
						*const explain_openers[],
							*const explain_outcomes[],
								*const explain_replies[];
/* The address that asks unless another is named; no family: which of many is not known. */
struct ng_addr explain_client(const struct ng_sandbox *spec);
/* "*.example.com", "answer 192.0.2.0/24"; name is the one that a name rule matched. */
const char *explain_owner(const struct ng_match *match, const struct ng_name *name,
			  char out[static EXPLAIN_OWNER]);
/* The owner name of the rule that decides; there must be one. */
const char *explain_decider(const struct explained *explained, char out[static EXPLAIN_OWNER]);
/* Why it is so, in a sentence; owner is that of the rule that decides, if one does. */
void explain_reason(const struct ng_sandbox *spec, const struct ng_decision *decision,
		    const char *owner, char out[static EXPLAIN_TEXT]);
/* One clause: what became of that candidate, and by which rule. */
const char *explain_fate(const struct explained *explained, size_t candidate,
			 char out[static EXPLAIN_TEXT]);
/* "tcp/443" */
const char *explain_port(struct ng_port port, char out[static 16]);
/* "192.0.2.53:53", "[2001:db8::53]:53" */
const char *explain_server(const struct conf_listen *server, char out[static NG_ADDR_TEXT + 8]);
/* "forward corp.internal", "rule build.list:1" */
const char *explain_opener(const struct explain_opened *opened, char out[static EXPLAIN_TEXT]);
void explain_open(struct explain_openeds *openeds, const struct explain_opened *one);
/* Everything that opens prefixes for the sandbox whatever the name: itself and its group. */
void explain_open_sandbox(struct explain_openeds *openeds, const struct setup *setup,
			  const struct setup_sandbox *sandbox);
/* And the route with that index. */
void explain_open_route(struct explain_openeds *openeds, const struct setup *setup,
			size_t route);
