/* What the files of `namegate learn` share: the call, and its lists. */
#pragma once

#include "cli/captures.h"
#include "offline/learn_list.h"

#include <jansson.h>

#define LEARN_BASELINES_MAX 16

struct learn_call {
	struct captures captures;
	const char *config, *sandbox, *output;
	const char *baselines[LEARN_BASELINES_MAX];
	size_t n_baselines;
	struct learn_wish wish; /* of each list */
	bool split, review, force, json;
	/* what comes of it */
	struct ng_diags diags;
	struct setup *setup; /* of the configuration */
	struct setup *allowed[LEARN_BASELINES_MAX];
	struct learn_baseline
		judged[LEARN_BASELINES_MAX + 1]; /* the sandbox's own comes last */
	struct ng_lint_hosting *hosting;
	struct who *who;
	struct learn *learn;
	struct traffic *traffic;
	struct learn_list *lists; /* one, or one for each sandbox that has names */
	size_t n_lists;
};

/* Lines to be written, in all lists. */
size_t learn_lines(const struct learn_call *call);
/* The proposal as a host list. */
void learn_print(const struct learn_call *call, FILE *to);
json_t *learn_json(const struct learn_call *call);

/* "12 answers, 2026-... to ...; ci, dev and 3 more; 443/tcp 9 times": for a comment or a terminal. */
void learn_print_evidence(const struct learn_call *call, const struct learn_list *list,
			  const struct learn_line *line, FILE *to);
/* Notes on a line that a person must read, one a line, each behind before. */
void learn_print_notes(const struct learn_list *list, const struct learn_line *line,
		       const char *before, FILE *to);
void learn_print_name(const struct ng_name *name, FILE *to);
void learn_print_count(uint64_t n, const char *one, const char *many, FILE *to);
void learn_print_times(const struct learn_evidence *evidence, FILE *to);
void learn_print_who(const struct learn *learn, const uint32_t *who, uint32_t n, FILE *to);
void learn_print_private(const struct learn_evidence *evidence, FILE *to);
/* Text of elsewhere: printable ASCII as it is, every other octet as \DDD. */
void learn_print_plain(const char *text, FILE *to);

/* Asks a person about each line. False: the input ended before the word to write. */
bool learn_review(const struct learn_call *call);

/*
 * Writes text to path as one step: it is there as a whole or not at all, and what stood there stays unless
 * force is set. 0, or what errno says.
 */
int learn_write(const char *path, bool force, const char *text, size_t len);
