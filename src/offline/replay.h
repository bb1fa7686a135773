/*
 * What a draft would change for traffic that was recorded.
 *
 * Each name that was asked is judged by the draft's policy, each answer by the draft's whole gate (a
 * trial: alias chains, types, the answer filter, leases), and each flow by the leases that
 * those answers would have given at the time of its first packet. Equal answers are judged once.
 *
 * A sandbox in observe mode is judged as if it enforced: that is what one wants to know of it.
 * Memory: at most REPLAY_NAMES_MAX names and as many destinations are kept; what comes beyond is
 * judged and counted, but not listed.
 */
#pragma once

#include "offline/setup.h"
#include "offline/traffic.h"
#include "offline/who.h"

#define REPLAY_NAMES_MAX 262144

/* What would change, in the order in which it is reported. */
enum replay_kind {
	REPLAY_DENIED = 0, /* the draft denies the name */
	REPLAY_ANSWER,     /* it denies the answer: an address trigger, a rule for an alias */
	REPLAY_ALIAS,      /* an alias has no rule where the draft wants one */
	REPLAY_TYPE,       /* the name is allowed, the type is not */
	REPLAY_FILTERED,   /* addresses of the answer would be taken out */
	REPLAY_OWN,        /* the rule answers with records of its own */
	REPLAY_FLOW,       /* the destination would not have been open */
	REPLAY_LAST_WORSE = REPLAY_FLOW,
	REPLAY_ALLOWED, /* recorded as denied; the draft allows it */
	REPLAY_STRICT,  /* fine as it is; with cname=strict this alias would be refused */
	REPLAY_KINDS
};

enum replay_shut { /* why a destination would not have been open */
		   REPLAY_OPEN = 0,
		   REPLAY_UNNAMED, /* no recorded answer gave the address */
		   REPLAY_REFUSED, /* the answer that gave it would be refused, or the address taken out */
		   REPLAY_LATE,   /* the lease had ended */
		   REPLAY_PORT,   /* the rule does not open that port */
		   REPLAY_CLOSED, /* closed whatever the names: see the reason */
		   REPLAY_SHUTS
};

struct replay_finding {
	enum replay_kind kind;
	bool used; /* it had an answer with data, or packets came back */
	const struct setup_sandbox *sandbox;
	const struct ng_name *name;  /* NULL: none */
	const struct ng_name *alias; /* that it is about; NULL: none */
	uint16_t type;               /* of REPLAY_TYPE */
	struct ng_addr addr;         /* of REPLAY_FILTERED and REPLAY_FLOW; none: none */
	uint8_t proto;
	uint16_t port;
	enum replay_shut shut;
	uint64_t count; /* questions, answers or flows */
	uint64_t packets;
	bool ask;         /* the denying rule says to ask */
	const char *path; /* of the rule; NULL: none spoke */
	uint32_t line;
	const char *reason; /* one phrase */
};

struct replay_limits { /* how far one sandbox came to what it is allowed */
	uint32_t queries,
		queries_most; /* allowed in a second, and the most that there were in one */
	uint32_t budget;      /* octets a minute; NG_BUDGET_OFF */
	uint64_t store,
		out_most; /* octets that a wildcard may have out, and the most that one had */
	struct ng_name owner;            /* which; len 0: none had any */
	uint64_t over_rate, over_budget; /* questions that would be refused */
};

struct replay_totals { /* of one sandbox */
	uint64_t questions, answers, flows;
	uint64_t flows_before; /* begun before the capture: not judged */
	uint64_t names;        /* different ones */
	uint64_t stay_denied;  /* of them: denied when it was recorded, and by the draft */
	uint64_t unlisted;     /* refusals of what there was no room to list */
	uint64_t worse[REPLAY_LAST_WORSE + 1]; /* findings that were in use */
	struct replay_limits limits;           /* of a replay with limits; else 0 */
};

struct replay;
/*
 * Borrows who and setup; sets sandboxes that observe to enforce. limits: has a second gate asked each question
 * at its time, with quotas and budgets. Errors as of trial_create().
 */
int replay_create(struct setup *setup, const struct who *who, bool limits,
		  struct replay **out) NG_MUST_CHECK;
void replay_destroy(struct replay *replay); /* takes NULL */
/* A traffic_wish's take; context is the replay. */
void replay_take(void *context, const struct traffic_observation *observation);
/* Behind the last observation; then the findings are in order. NG_E_NOMEM: some are missing. */
int replay_end(struct replay *replay) NG_MUST_CHECK;

/* Those of one sandbox after the other, by kind, the most frequent first. */
const struct replay_finding *replay_findings(const struct replay *replay, size_t *n);
/* Does it count against the draft? */
bool replay_is_worse(const struct replay_finding *finding);
const struct replay_totals *replay_totals(const struct replay *replay,
					  const struct setup_sandbox *sandbox);
/* Observations of nobody in the set-up, and of whom: at most n addresses; returns how many. */
uint64_t replay_strangers(const struct replay *replay);
size_t replay_stranger_addrs(const struct replay *replay, const struct ng_addr **out);
