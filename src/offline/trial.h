/*
 * A gate on trial: the engine with a set-up, in invented time, between a world that answers for
 * upstream and a kernel that confirms each order at once.
 *
 * trial_ask() asks as the sandbox would and gives back all that came of it; trial_reaches() says
 * whether a packet to an address would pass, by the rules of the warden's table: never-open ranges
 * and the ports of encrypted DNS first, then leases, then static rules, then whether the sandbox is
 * only observed. What it cannot know is what the kernel alone knows: addresses of the host itself,
 * flows that stand, and the sets of another ruleset.
 *
 * A trial borrows its set-up and its world; both must outlive it. Time begins at 0.
 */
#pragma once

#include "offline/setup.h"
#include "offline/world.h"

struct trial;

struct trial_wish {
	const struct setup *setup;
	const struct world *world; /* NULL: no upstream answers anything */
	/* Asked when there is no world: writes a response without an ID, returns its length. */
	size_t (*upstream)(void *context, const struct ng_question *question,
			   uint8_t out[static NG_MESSAGE_MAX]);
	/* Told what each wildcard has of its budget out, after a question that changed it; may be NULL. */
	void (*spent)(void *context, const struct ng_spent *spent);
	void *context;  /* of the upstream, and of spent */
	bool unbounded; /* no quota of leases: to see all that names could open, together */
	bool timed; /* what a second and a minute allow counts: the caller lets time pass as it does */
};
/* NG_E_NOMEM, NG_E_RANGE, NG_E_EXISTS: see ng_gate_apply(). */
int trial_create(const struct trial_wish *wish, struct trial **out) NG_MUST_CHECK;
void trial_free(struct trial *trial); /* takes NULL */
/*
 * A reload: another set-up with the same sandboxes in the same order. What it does not justify any
 * more is revoked. The set-up before it may go afterwards.
 */
int trial_apply(struct trial *trial, const struct setup *setup) NG_MUST_CHECK;

uint64_t trial_now_us(const struct trial *trial);
/* Lets time pass: leases end when their time is up. */
void trial_advance(struct trial *trial, uint64_t to_us);

/* What limits have refused the sandbox so far. */
void trial_limits(const struct trial *trial, const struct setup_sandbox *sandbox,
		  uint64_t out[static NG_LIMITS]);

/* ---- asking ---- */

struct trial_asked {    /* a question that went upstream */
	uint32_t route; /* the n-th of the set-up, from 1 */
	struct ng_name name;
	uint16_t type;
	bool answered;
	struct ng_answer answer;
};

/* What came of one question; good until the next question, advance or reload. */
struct trial_reply {
	bool dropped; /* no reply at all: the next two are then unset */
	bool tcp;     /* the one over UDP was truncated, so this is the one over TCP */
	struct ng_answer answer;
	struct ng_record record;        /* of the decision */
	const struct ng_record *rebind; /* addresses taken out of the answer; NULL: none */
	struct trial_asked *asked;
	size_t n_asked;
	struct ng_lease_order *leases; /* all confirmed */
	size_t n_leases;
};
/*
 * The sandbox asks, from its first source of the family that the type is of, else from its first.
 * A set-up made of policies alone gives it one of each family. NG_E_NOMEM.
 */
int trial_ask(struct trial *trial, const struct setup_sandbox *sandbox,
	      const struct ng_name *name, uint16_t type, struct trial_reply *out) NG_MUST_CHECK;

/* The addresses it may ask from, one of each source. Returns how many, at least one. */
size_t trial_clients(const struct setup *setup, const struct setup_sandbox *sandbox,
		     struct ng_addr out[static NG_SOURCES_MAX]);

/* ---- reaching ---- */

enum trial_how {                 /* why a packet passes; up to TRIAL_OPEN, why it does not */
		 TRIAL_SHUT = 0, /* nothing opens it */
		 TRIAL_NEVER,    /* a never-open range */
		 TRIAL_DNS,      /* port 53 anywhere is redirected to the gate */
		 TRIAL_HIDDEN,   /* a port of encrypted DNS */
		 TRIAL_LOCKDOWN,
		 TRIAL_FAMILY, /* the sandbox has no source of that family */
		 TRIAL_OPEN,
		 TRIAL_LEASED = TRIAL_OPEN,
		 TRIAL_STATIC,
		 TRIAL_OBSERVED /* the sandbox is only observed, so it passes unleased */
};

struct trial_element { /* what stands in the kernel's set */
	uint32_t sandbox;
	struct ng_addr client, addr;
	struct ng_port port;         /* protocol 0: all of them */
	uint64_t until_us;           /* grace included */
	struct ng_name name;         /* that opened it; of several the one that lasts longest */
	char rule[NG_PATH_MAX + 16]; /* "path:line" */
};

struct trial_way {
	enum trial_how how;
	struct ng_addr addr;                 /* the one that passes, or does not */
	const struct trial_element *element; /* of TRIAL_LEASED */
	const struct wall_static *fixed;     /* of TRIAL_STATIC */
	struct ng_place rule;                /* of TRIAL_STATIC */
};
/* What a port is whatever the address: closed, or TRIAL_OPEN. */
enum trial_how trial_port_how(struct ng_port port);
/* Would a packet to that port pass? Protocol 0: to any port at all. */
bool trial_reaches(const struct trial *trial, const struct setup_sandbox *sandbox,
		   const struct ng_addr *to, struct ng_port port, struct trial_way *out);
/* Is there an address within the prefix to which one would? out tells of the first found. */
bool trial_reaches_within(const struct trial *trial, const struct setup_sandbox *sandbox,
			  const struct ng_prefix *prefix, struct ng_port port,
			  struct trial_way *out);
/* Would a packet to every address within the prefix? Only a static rule, or being observed, does that. */
bool trial_reaches_all(const struct trial *trial, const struct setup_sandbox *sandbox,
		       const struct ng_prefix *prefix, struct ng_port port,
		       struct trial_way *out);
/* What stands for the sandbox, behind *cursor (start with NULL); NULL at the end. */
const struct trial_element *trial_element(const struct trial *trial,
					  const struct setup_sandbox *sandbox,
					  const struct trial_element *after);
