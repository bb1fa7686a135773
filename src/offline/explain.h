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
#include <namegate/special.h>
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
		     EXPLAIN_LOOPBACK, /* the sandbox's own address */
		     EXPLAIN_LOCAL,    /* the rule's own records */
		     EXPLAIN_REPLACED, /* the same, of a rule for what upstream answered */
		     EXPLAIN_TCP,      /* upstream's, over TCP only */
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
	bool passes;             /* as the sandbox's mode has it */
	bool allowed;            /* by the policy, and with a world by what came of it */
	enum ng_special special; /* where that decides, or keeps the question from upstream */
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
/* Do new names cost the sandbox octets there? *out: how many it has a minute. */
bool explain_budget(const struct explained *explained, uint32_t *out);
/* Has the first rule that speaks for the last of these names records of its own? */
bool explain_serves(const struct explained *explained, size_t n_names);
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
