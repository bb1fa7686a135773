/*
 * The inside of a replay, shared by its files: the tables of what was asked (replay.c), the
 * judgement of answers (replay_answers.c), where packets went (replay_flows.c), and the findings
 * that all of it comes to (replay_findings.c). Entries of tables live as long as the replay.
 */
#pragma once

#define HASH_NONFATAL_OOM 1 /* before anything that includes uthash.h */
#include "offline/replay.h"
#include "offline/trial.h"

#define SECOND_US 1000000u

struct note { /* one kind of finding on one name */
	uint64_t count, used;
	struct ng_name alias; /* len 0: none */
	uint16_t type;
	struct ng_addr addr;
	char *path; /* owned; NULL: no rule */
	uint32_t line;
	char *reason; /* owned; may be NULL */
};

struct asked { /* one name, of one sandbox */
	struct ng_decision decision;
	uint64_t queries, responses, answered, denied;
	uint32_t ttl_s;                   /* of the last answer that was seen; 0: none yet */
	struct note *notes[REPLAY_KINDS]; /* NULL: nothing of that kind */
	const struct setup_sandbox *sandbox;
	UT_hash_handle hh;
	struct asked_key { /* hashed as far as the name goes */
		uint32_t sandbox;
		struct ng_name name;
	} key;
};

struct exchange_key {       /* no padding */
	uint64_t digest[2]; /* of name, aliases and addresses */
	uint32_t sandbox, type;
};
struct exchange { /* an answer, judged */
	struct exchange_key key;
	enum replay_kind kind; /* REPLAY_KINDS: it passes */
	struct note note;      /* of that kind */
	struct ng_addr *open;  /* addresses that it opens */
	size_t n_open;
	struct ng_port ports[NG_PORTS_MAX]; /* for these; none: all */
	size_t n_ports;
	uint32_t hold_most_s;
	UT_hash_handle hh; /* in order of use */
};

struct place_key { /* no padding: see place_key_make() */
	uint32_t sandbox;
	struct ng_addr addr;
	uint8_t proto;
	uint16_t port;
};
struct opening { /* an address that answers gave; proto and port of its key are 0 */
	struct place_key key;
	uint64_t until_us; /* for all ports */
	struct {
		struct ng_port port;
		uint64_t until_us;
	} ports[NG_PORTS_MAX];
	size_t n_ports;
	const struct asked *asked;   /* that opened it last; NULL: not known */
	const struct asked *refused; /* whose answer did not open it */
	bool was_refused, own;       /* own: because the rule has other addresses */
	UT_hash_handle hh;           /* in order of use */
};

struct reached { /* a destination of flows */
	struct place_key key;
	const struct setup_sandbox *sandbox;
	enum trial_how how; /* whatever the names */
	uint64_t shut[REPLAY_SHUTS];
	uint64_t packets, back; /* of flows that would be shut; of all of them */
	bool redirected;        /* the draft leads its name elsewhere */
	const struct asked *asked;
	UT_hash_handle hh;
};

struct replay {
	struct setup *setup;
	const struct who *who;
	struct trial *trial;
	struct trial *timed; /* with the limits as they are; NULL: they are not looked at */
	bool timed_begun;
	uint64_t timed_from_us;
	struct replay_second { /* of a sandbox, by its number less 1 */
		uint64_t begun_us;
		uint32_t n;
	} * seconds;
	uint32_t timed_ttl_s;         /* of what is answered to it now */
	struct ng_settings settings;  /* full */
	struct replay_totals *totals; /* by sandbox */
	struct asked *asked;
	struct exchange *exchanges;
	struct opening *openings;
	struct reached *reached;
	struct asked spare; /* of the name that the table had no room for */
	struct reached spare_reached;
	const struct traffic_observation *now; /* what the trial's upstream answers with */
	struct replay_finding *findings;
	size_t n_findings;
	uint64_t strangers;
	struct ng_addr stranger_addrs[8];
	size_t n_stranger_addrs;
	bool failed; /* memory was out */
};

static inline struct replay_totals *totals_of(struct replay *replay,
					      const struct setup_sandbox *sandbox)
{
	return &replay->totals[sandbox->spec->id - 1];
}

/* replay.c */
struct note *note_take(struct replay *replay, struct asked *asked, enum replay_kind kind);
bool note_say(struct note *note, const char *path, uint32_t line, const char *reason);
void note_finish(struct note *note);
struct place_key place_key_make(const struct setup_sandbox *sandbox, const struct ng_addr *addr,
				uint8_t proto, uint16_t port);

/* replay_answers.c: an answer with data, of a name that the draft allows */
void answer_take(struct replay *replay, struct asked *asked,
		 const struct traffic_observation *observation);
/* The trial's upstream. */
size_t answer_given(void *context, const struct ng_question *question,
		    uint8_t out[static NG_MESSAGE_MAX]);
void exchanges_finish(struct replay *replay);

/* replay_flows.c */
/* An answer that is not to be had any more: what it gave is shut. */
void openings_refuse(struct replay *replay, const struct asked *asked, bool own,
		     const struct traffic_observation *observation);
void openings_open(struct replay *replay, const struct asked *asked,
		   const struct exchange *exchange,
		   const struct traffic_observation *observation);
void flow_take(struct replay *replay, const struct setup_sandbox *sandbox,
	       const struct traffic_observation *observation);
void flows_finish(struct replay *replay);

/* replay_limits.c: a question at its time, asked of a gate that has quotas and budgets */
int limits_create(struct replay *replay) NG_MUST_CHECK;
void limits_take(struct replay *replay, const struct asked *asked,
		 const struct traffic_observation *observation);
void limits_end(struct replay *replay);

/* replay_findings.c */
int findings_make(struct replay *replay) NG_MUST_CHECK;
