/*
 * From what was seen to a host list: which names are proposed, which are not and why, and the lines.
 * A list owns its names and lines; its wish, and the learn in it, are borrowed.
 */
#pragma once

#include "offline/learn.h"

#include <namegate/lint.h>

/* Why a name is proposed, or is not. */
enum learn_why {
	LEARN_SILENT = 0, /* asked for, and no answer was recorded */
	LEARN_USED,       /* answered with data: the list covers it */
	LEARN_BARRED,     /* a rule denies it, by the record of whoever answered */
	LEARN_DENIED,     /* denied, and no rule is known that says so */
	LEARN_EMPTY,      /* there is no such name, or no such data */
	LEARN_FAILED,
	LEARN_PRIVATE,     /* all that it was answered with are private addresses */
	LEARN_KNOWN,       /* a baseline allows it */
	LEARN_REFUSED,     /* a baseline denies it, or asks first */
	LEARN_UNCONNECTED, /* no packet to its addresses is known; with `strict` */
	LEARN_UNWRITABLE,  /* a host list has no form for it */
	LEARN_ODD,         /* the lint would warn of it */
	LEARN_WHYS
};
/* A word for programs, and a phrase for people. */
const char *learn_why_name(enum learn_why why);
const char *learn_why_text(enum learn_why why);

struct learn_baseline {
	const char *title;
	const struct ng_policy *policy; /* NULL: the sandbox's own */
	uint64_t left_out;              /* names that it allows already */
};

struct learn_wish {
	const struct learn *learn;
	uint32_t person; /* 0: all together */
	size_t wildcard; /* names that make one; 0: none is made */
	bool strict;     /* leave out what nobody is known to have connected to */
	const struct ng_lint_hosting *hosting;
	struct learn_baseline *baselines; /* in order: the first that speaks counts */
	size_t n_baselines;
};

struct learn_name {
	struct ng_name name;
	struct learn_evidence evidence;
	enum learn_why why;
	char *rule; /* owned: of LEARN_BARRED and LEARN_REFUSED where, of LEARN_ODD what; or NULL */
	uint32_t who[LEARN_WHO_MAX]; /* people */
	uint32_t n_who;              /* all of them */
	uint8_t registered;          /* octets of the registered domain; 0: there is none */
};

/* What is done with a line; of a proposal TAKE. */
enum learn_state { LEARN_LEAVE = 0, LEARN_TAKE, LEARN_OPEN };

struct learn_line {
	struct ng_name owner;
	bool wildcard, apex; /* apex: owner itself as well */
	bool portless;       /* its ports are not to be written */
	enum learn_state state;
	size_t begin, end; /* the names that it covers */
};

struct learn_list {
	const struct learn_wish *wish;
	struct learn_name *names; /* the used ones first, in the order of the tree */
	size_t n, n_used;
	/* In the same order: no wildcard may cover them, nor what rules denied to anybody. */
	struct ng_name *bars;
	size_t n_bars;
	bool bars_lost;
	struct learn_line *lines; /* each used name is in exactly one */
	size_t n_lines;
};

/* Errors: NG_E_NOMEM. wish is borrowed; its baselines are counted in. */
int learn_list_make(struct learn_wish *wish, struct learn_list *out) NG_MUST_CHECK;
void learn_list_finish(struct learn_list *list); /* takes the zero value */

/* What a line opens, as it would be written. */
struct learn_bounds {
	struct ng_port ports[NG_PORTS_MAX];
	uint16_t types[NG_TYPES_MAX];
	size_t n_ports, n_types; /* 0: not bounded, or the default types */
	bool types_cut;          /* there are more than a rule may name */
};
void learn_line_bounds(const struct learn_list *list, const struct learn_line *line,
		       struct learn_bounds *out);
/* The evidence of all names of the line as one; its people in who, returns how many. */
uint32_t learn_line_evidence(const struct learn_list *list, const struct learn_line *line,
			     struct learn_evidence *out, uint32_t who[static LEARN_WHO_MAX]);
#define LEARN_LINE_TEXT (NG_NAME_TEXT_MAX + 16 * (NG_PORTS_MAX + NG_TYPES_MAX))
/* ".example.com:443,80 types=A,AAAA,HTTPS"; returns buf. */
const char *learn_line_text(const struct learn_list *list, const struct learn_line *line,
			    char buf[static LEARN_LINE_TEXT]);

/*
 * The wildcard one step above the line, in place of all lines that it covers; i is then its place. False:
 * none is allowed there, whatever the number of names, or it covers what a rule denied.
 */
bool learn_widen(struct learn_list *list, size_t *i);
/* The names that a wildcard covers, each by itself, from the same place on. NG_E_NOTFOUND, NG_E_NOMEM. */
int learn_narrow(struct learn_list *list, size_t i) NG_MUST_CHECK;
