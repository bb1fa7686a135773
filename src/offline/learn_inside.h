/*
 * The inside of learning, shared by its files: who was seen and what they asked for (learn.c),
 * evidence (learn_evidence.c), whose it is (learn_people.c), which name a packet was for (learn_flows.c), which names are proposed
 * (learn_list.c) and in which lines (learn_lines.c, learn_lint.c).
 */
#pragma once

#define HASH_NONFATAL_OOM 1 /* before anything that includes uthash.h */
#include "offline/learn_list.h"

struct seen { /* one name, of one person; lives as long as the learn */
	struct learn_evidence evidence;
	char *rule; /* owned: that denied it; NULL: none */
	UT_hash_handle hh;
	struct seen_key { /* hashed as far as the name goes */
		uint32_t person;
		struct ng_name name;
	} key;
};

struct opening;
struct alias { /* whose address it is */
	struct ng_addr addr;
	uint32_t person;
	UT_hash_handle hh;
};

struct learn {
	const struct who *who;
	const char *only;
	struct learn_person *people[LEARN_PEOPLE_MAX];
	uint32_t n_people;
	struct learn_person *by_name;
	struct alias *aliases;
	struct seen *seen;
	struct opening *openings; /* in order of use */
	struct learn_place *places;
	const struct learn_place **ranked; /* the same, the most frequent first */
	/* behind the end: */
	const struct seen **sorted; /* by person, then in the order of the tree */
	struct ng_name *bars;       /* what rules denied to anybody, in that order */
	size_t n_sorted, n_bars;
	uint64_t places_lost, strangers;
	struct ng_addr stranger_addrs[8];
	size_t n_stranger_addrs;
	bool failed; /* memory was out */
};

/* ---- learn_people.c ---- */

struct learn_person *person_at(const struct learn *learn, uint32_t id);
/* Whose it is; 0: of nobody who was asked for. A flow may be turned round, see who_is(). */
uint32_t person_of(struct learn *learn, struct traffic_observation *observation);
void people_finish(struct learn *learn);

/* ---- learn_evidence.c ---- */

void evidence_type(struct learn_evidence *evidence, uint16_t type, uint64_t count);
void evidence_port(struct learn_evidence *evidence, struct ng_port port, uint64_t count,
		   uint64_t back);
struct learn_port *evidence_port_find(struct learn_evidence *evidence, struct ng_port port);
void evidence_time(struct learn_evidence *evidence, uint64_t wall_us);
/* An address of an answer. */
void evidence_addr(struct learn_evidence *evidence, const struct ng_addr *addr);
void evidence_merge(struct learn_evidence *into, const struct learn_evidence *from);

/* ---- learn_flows.c ---- */

/* What an answer gave. */
void learn_given(struct learn *learn, uint32_t person, struct seen *seen,
		 const struct traffic_observation *answer);
void learn_flow(struct learn *learn, uint32_t person, struct seen *named,
		const struct traffic_observation *flow);
void learn_rank(struct learn *learn);
void learn_flows_finish(struct learn *learn);

/* ---- learn_tree.c: names in the order of the tree ---- */

/* Names with their ancestors before them, and what is below a name together. */
int tree_order(const struct ng_name *a, const struct ng_name *b);
/* How many of the n names (sorted) stand before all that are at or below name. */
size_t tree_seek(const struct ng_name *names, size_t stride, size_t n,
		 const struct ng_name *name);
void tree_sort(struct ng_name *names, size_t n);
/* Is one of the n names (sorted) strictly below name? */
bool tree_has_below(const struct ng_name *names, size_t n, const struct ng_name *name);

/* ---- learn_lint.c ---- */

/* Lines that the gate takes without a warning; what it would warn of becomes LEARN_ODD. */
int lines_make(struct learn_list *list) NG_MUST_CHECK;
/* Used names first, then by reason. */
void list_sort(struct learn_list *list);

/* ---- learn_lines.c ---- */

/* Lines for the names of the list, sorted; in place of those that it has. NG_E_NOMEM. */
int lines_plan(struct learn_list *list) NG_MUST_CHECK;
