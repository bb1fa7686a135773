/* The inside of an expectation file's walk, shared by its files. */
#pragma once

#include "offline/below.h"
#include "offline/expect.h"
#include "offline/trial.h"

#include "base/arena.h"

#define EXPECT_MESSAGE_MAX 8192

struct word {
	char *text;
	uint32_t column; /* from 1 */
};

struct line {
	uint32_t number; /* from 1 */
	char *raw;
	struct word *words;
	size_t n;
};

struct origin { /* the line that named the policy, to be told when the policy turns out unusable */
	uint32_t number, column;
	char *raw;
};

struct source_tree { /* the rules of a source in the order of names, made when first asked for */
	const struct ng_ruleset *ruleset;
	struct below *below;
	UT_hash_handle hh;
};

struct resolved { /* what a sandbox was given for a name */
	struct resolved_key {
		uint32_t sandbox;
		struct ng_name name;
	} key;
	enum ng_verdict verdict;
	bool failed; /* SERVFAIL: nothing can be said of it */
	struct addresses {
		struct ng_addr *items;
		size_t n;
	} now, ever; /* by the last answers; and by any, and what upstream has for it */
	UT_hash_handle hh;
};

struct expect {
	const char *path;
	char *folder;
	expect_fn *tell;
	void *context;
	struct expect_count count;
	enum expect_outcome outcome; /* so far */
	bool stopped;
	struct arena words; /* of the line at hand */
	struct line line;
	char message[EXPECT_MESSAGE_MAX];

	/* what is judged */
	char **sources; /* of `policies`; or of `config`, and then one */
	size_t n_sources;
	bool configured;
	struct origin origin;
	struct setup *setup; /* NULL until it is needed */
	uint64_t expires_s;  /* wall time at which a rule of it ends; 0: never */
	const struct setup_sandbox *sandbox;
	char label[NG_SANDBOX_NAME_MAX]; /* as the file calls it */
	uint64_t clock_s;                /* wall time at time 0 */
	uint64_t now_us;

	/* what upstream says, and what came of it */
	struct world *world;
	struct trial *trial;      /* of the facts, in order */
	struct trial *everything; /* every name of the world asked, at one moment */
	bool *asked;              /* by sandbox: it asked everything there */
	struct resolved *resolved;
	struct source_tree *trees;
};

/* One word's target: a name with what stands before it, or an address. */
struct target {
	struct ng_name name;
	bool exact, below; /* ".example.com": both */
	struct ng_prefix prefix;
	bool address;
	struct ng_port ports[NG_PORTS_MAX];
	size_t n_ports;
};

/* expect_text.c: words */
bool expect_line(struct expect *expect, const char *text, size_t len, size_t *at);
/* Reads a word as a name, a wildcard or an address. False: told. */
bool expect_target(struct expect *expect, const struct word *word, struct target *out);
bool expect_is_port(const char *text);                   /* "tcp/443" */
bool expect_port(const char *text, struct ng_port *out); /* the same; false: it is not one */
/* "90s", "5m", "1h30m"; false: it is no time. */
bool expect_time(const char *text, uint64_t *us);
/* Seconds since 1970, or a date and time of UTC; false: it is neither. */
bool expect_clock(const char *text, uint64_t *s);
const char *expect_port_text(struct ng_port port, char buf[static 16]);
const char *expect_rule_text(const struct ng_decision *decision, char *buf, size_t size);

/* Tells why the file cannot be used, at that word of the line (NULL: at its first); the walk ends. */
void expect_stop(struct expect *expect, const struct word *word, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Tells of one fact: message NULL, it holds. */
void expect_tell(struct expect *expect, const struct word *verb, const struct word *word,
		 struct ng_port port, const char *message);

/* expect_state.c: configuration, world, sandbox and time */
bool state_ready(struct expect *expect, const struct word *word); /* false: told */
void state_config(struct expect *expect);
void state_answers(struct expect *expect);
void state_sandbox(struct expect *expect);
void state_clock(struct expect *expect);
void state_pass(struct expect *expect, uint64_t us);
bool state_trial(struct expect *expect);  /* makes the trial; false: told */
void state_forget(struct expect *expect); /* all that was resolved */
void state_finish(struct expect *expect);
const struct below *state_tree(struct expect *expect, const struct ng_ruleset *ruleset);

/* expect_classes.c: names that stand for all names below an owner */
typedef bool class_fn(void *context, const struct ng_name *name, bool spelled);
/*
 * Calls visit for each: spelled, a name that a rule spells; not spelled, one that none does, right
 * below the owner or below such a name. visit returns false to end it. False when memory is out.
 */
bool classes_visit(struct expect *expect, const struct ng_name *owner, class_fn *visit,
		   void *context);

/* expect_verdict.c and expect_reach.c: the facts */
void fact_verdict(struct expect *expect, const struct word *verb, const struct word *word,
		  enum ng_verdict wanted);
void fact_reach(struct expect *expect, const struct word *verb, const struct word *word,
		const struct target *target, struct ng_port port);
void fact_no_reach(struct expect *expect, const struct word *verb, const struct word *word,
		   const struct target *target, struct ng_port port);
/* expect_world.c: has the sandbox asked everything that the world knows? False: told. */
bool everything_asked(struct expect *expect, const struct word *word);
