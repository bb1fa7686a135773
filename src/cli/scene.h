/*
 * A scene: a text file of questions, answers, passing time and what must come of them, played to
 * the engine. The language is told in namegate-scene(5).
 *
 * struct scene owns everything that its file brings into being. Parsing and playing are one walk
 * over the lines; the first thing that is wrong stops it, and everything after that does nothing.
 */
#pragma once

#include <namegate/gate.h>
#include <stdio.h>

enum scene_outcome { SCENE_UNUSABLE = 0, SCENE_FAILED, SCENE_PASSED };

struct word {
	char *text;
	uint32_t column; /* from 1 */
	bool quoted;
};

struct line {
	uint32_t number; /* from 1 */
	char *raw;
	struct word *words; /* none in an empty line or a comment */
	size_t n;
};

/* The words of one statement, or of one clause behind an arrow. */
struct reader {
	struct scene *scene;
	const struct line *line;
	size_t at, end;
};

struct list { /* one policy source */
	char *name, *text;
	struct ng_source source; /* how the text is read; its strings are the three beside it */
	char *origin, *target;
	struct ng_image image;
	struct ng_ruleset *rules;
	struct list *next, *prev;
};

struct box { /* one sandbox */
	struct ng_sandbox spec;
	char *lists[NG_SCOPES][NG_RULESETS_MAX];
	uint8_t n_lists[NG_SCOPES];
	char member[NG_SANDBOX_NAME_MAX]; /* the group whose routes it has; "": none */
	const struct line *line; /* where it is declared; NULL for the one by default */
	struct list *approvals;  /* the names approved, as a source; NULL without any */
	bool gone;
	struct box *next, *prev;
};

struct asker { /* one client message, and what its reply must look like whatever it says */
	uint64_t handle;
	const struct box *box; /* NULL: a stranger */
	struct ng_addr addr;
	uint8_t *wire;
	uint16_t port;     /* 0: not said */
	size_t len, limit; /* limit: the largest reply that the transport takes */
	bool tcp, edns, raw, told;
	struct asker *next, *prev;
};

struct pending_ask {
	struct ng_ask ask;
	struct pending_ask *next, *prev;
};

struct pending_order {
	uint64_t number, until_us;
	uint32_t sandbox;
	struct ng_addr client, addr;
	struct ng_port port;
	struct pending_order *next, *prev;
};

struct fed { /* the addresses of one name, in an upstream's answer to that question */
	struct ng_ask ask;
	struct ng_name owner;
	struct ng_addr addrs[NG_ADDRS_MAX];
	size_t n;
	struct fed *next, *prev;
};

#define WAY_FED_MAX 8
struct way {                                    /* how one reply came to its addresses */
	struct ng_name names[NG_CHAIN_MAX + 1]; /* the asked name and its aliases */
	size_t n_names;
	struct ng_addr addrs[NG_ADDRS_MAX]; /* all that it showed */
	size_t n_addrs;
	const struct fed *fed[WAY_FED_MAX]; /* the answers that it can have been made of */
	size_t n_fed;
	size_t led;    /* so many names led to data that stood in the policy; 0: none did */
	bool replaced; /* or data of a rule for addresses, which the reply does not show */
	struct way *next, *prev;
};

struct promise { /* a reply showed the address to that client */
	uint32_t sandbox;
	struct ng_addr asker, addr;
	struct ng_port port;
	bool own; /* the asker has it for itself alone */
	const struct way *way;
	uint64_t until_us; /* TTL and grace */
	struct promise *next, *prev;
};

struct element { /* what stands in the kernel's set */
	uint32_t sandbox;
	struct ng_addr client, addr;
	struct ng_port port; /* protocol 0: all of them */
	uint64_t until_us;
	bool revoked; /* at until_us, before its time */
	struct element *next, *prev;
};

struct reply_view { /* a reply as an independent reader understood it */
	uint16_t rcode;
	bool truncated, authentic, signatures, soa;
	uint32_t soa_ttl;
	struct ng_addr addrs[NG_ADDRS_MAX];
	uint32_t ttls[NG_ADDRS_MAX];
	size_t n_addrs;
	char cnames[NG_CHAIN_MAX + 1][NG_NAME_TEXT_MAX];
	size_t n_cnames, n_answers;
	char *others[NG_CHAIN_MAX]; /* records of other types: "TXT hello" */
	size_t n_others;
	char *records[NG_ANSWER_RRS_MAX]; /* the whole answer section, a line each */
	size_t n_records;
	int ede;
	char ede_text[NG_EDE_TEXT_MAX + 1]; /* without the end that follows */
	char event[NG_EVENT_ID];
};

struct seen { /* one action of the engine, copied */
	enum ng_action_kind kind;
	uint64_t at_us;
	bool named; /* by a clause */
	const struct box *box;
	struct ng_ask ask;
	struct ng_lease_order order; /* name and rule unset: they are below */
	struct ng_record record;     /* its pointers unset: they are below */
	struct reply_view *reply;
	struct ng_addr addrs[NG_ADDRS_MAX];
	size_t n_addrs;
	struct ng_port ports[NG_PORTS_MAX];
	size_t n_ports;
	char *name, *rule, *reason;
	char *text; /* in the words of a scene */
	struct seen *next, *prev;
};

struct scene {
	const char *path;
	FILE *report, *trace; /* trace may be NULL */
	struct line *lines;
	size_t n_lines, next; /* next: the line to be read next */
	bool stopped;
	enum scene_outcome outcome;
	char *title; /* its first comment */

	struct list *lists;
	struct box *boxes;
	uint32_t last_box;
	struct ng_route routes[16];
	char route_of[16][NG_SANDBOX_NAME_MAX]; /* the sandbox or group that has it; "": all */
	uint32_t last_route;
	size_t n_routes;
	struct ng_prefix own[16];
	size_t n_own;
	struct ng_settings settings;
	uint32_t clock_s; /* wall time at time 0 */
	uint64_t version;
	bool gathering;        /* changes wait for `apply` */
	struct list *replaced; /* sources that go then */

	struct ng_gate *gate;
	uint64_t now_us;
	struct asker *askers;
	uint64_t last_handle;
	struct pending_ask *asks;
	struct pending_order *orders;
	struct element *elements;
	struct fed *fed;
	struct way *ways;
	struct promise *promises;
	char event[NG_EVENT_ID]; /* of the last reply */
	bool prompt;             /* the kernel confirms whatever is ordered, at once */
	struct seen *seen;
	const struct ng_name *asked; /* by the statement of the moment */
	struct ng_name asked_name;
	size_t n_checks;
	const char *misfit; /* why the nearest candidate did not fit a clause */
	char misfit_text[256];
	uint32_t misfit_column;
};

/* Plays one file ("-" is standard input); what went wrong is written to report. */
enum scene_outcome scene_play(const char *path, FILE *report, FILE *trace, char **title);
