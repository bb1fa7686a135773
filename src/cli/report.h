/*
 * What the files of `report` share: what was read and run, and the document that comes of it.
 *
 * Every figure is of something that was read or run in this call, and says of what.
 */
#pragma once

#include "cli/doc.h"
#include "cli/test_report.h"
#include "offline/ledger.h"
#include "offline/setup.h"

#define REPORT_SHOWN 20   /* rows that are shown before the rest is folded */
#define REPORT_MOST  1000 /* and rows that are printed at all */

struct report_fact { /* of an expectation file */
	char *path, *claim, *message, *policy;
	uint32_t line;
	uint64_t after_s;
	enum expect_outcome outcome;
};

struct report_file { /* that was played */
	char *path, *title;
	enum expect_outcome outcome;
	bool scene;
	size_t facts, failed;
};

struct report_tests {
	struct report_fact *facts;
	struct report_file *files;
	size_t n_facts, n_files, room_facts, room_files;
	size_t passed, failed, unusable; /* files */
};

struct report {
	const char *config, *store, *since; /* as given; the last two may be NULL */
	uint64_t since_s, now_s;
	char **tests;
	size_t n_tests;
	struct setup *setup;
	struct ledger *ledger; /* NULL: no store was asked for */
	struct report_tests results;
	struct doc doc;
};

/* report_tests.c; NG_E_NOMEM, NG_E_NOTFOUND (a path that cannot be played was said on stderr). */
int report_tests_run(struct report *report) NG_MUST_CHECK;
void report_tests_free(struct report_tests *results);
void report_tests_print(struct report *report);
/* Those facts that say what can never be reached. */
void report_denials_print(struct report *report);

void report_policies_print(struct report *report); /* report_policies.c */
void report_reach_print(struct report *report);    /* report_reach.c */
void report_ceilings_print(struct report *report); /* report_ceilings.c */
/* What one sandbox may do in all: octets that the names below its wildcards can carry out in a day. */
struct report_ceiling {
	size_t wildcards;
	uint64_t octets_day;
	uint32_t queries_s, leases;
	bool bounded; /* by a budget; else by the questions that may be asked */
};
struct report_ceiling report_ceiling_of(const struct setup *setup, size_t i);
void report_never_print(struct report *report);   /* report_never.c */
void report_changes_print(struct report *report); /* report_changes.c */

/* ---- report_lines.c, report_reach.c ---- */

/* A table of which only the first rows are shown, the others folded, and those beyond REPORT_MOST counted. */
struct report_lines {
	struct doc *doc;
	const char *const *heads;
	const char *what; /* "names", for what is folded */
	size_t total, n;  /* total is known before the first row */
};
void report_lines_row(struct report_lines *lines, const char *const *cells);
void report_lines_end(struct report_lines *lines);

/* "github.com" or "*.example.com" */
#define REPORT_OWNER (NG_NAME_TEXT_MAX + 2)
const char *report_owner(const struct ng_name *owner, bool wildcard,
			 char out[static REPORT_OWNER]);
const char *report_ports(const struct ng_port *ports, size_t n, char *out, size_t size);

/*
 * The rules on names, or on wildcards, by which the whole policy comes to that verdict; visit may be
 * NULL. asked is a name that the rule decides. Returns how many.
 */
typedef void report_rule_fn(void *context, const struct ng_name *owner,
			    const struct ng_match *match, const struct ng_name *asked);
size_t report_each_rule(const struct setup_sandbox *sandbox, enum ng_verdict verdict,
			bool wildcards, report_rule_fn *visit, void *context);

/*
 * The rule about clients that decides on names which no other rule speaks of, for the sandbox's first
 * single source. False: there is none.
 */
bool report_client_rule(const struct setup_sandbox *sandbox, struct ng_decision *out);

/*
 * Sandboxes with the same policy, mode, and grants are told as one: the first stands for them.
 * of[i] is the sandbox that stands for sandbox i. NULL when memory is out.
 */
size_t *report_alike(const struct setup *setup);
/* The names of those that i stands for, "a, b and 7 more". */
const char *report_names(const struct setup *setup, const size_t *of, size_t i, char *out,
			 size_t size);
