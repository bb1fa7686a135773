/*
 * libnamegate for those who embed it, a sandbox manager say: what would the gate decide, and why?
 *
 * A set-up is a configuration with its policies, or policies alone, read once. It never changes
 * afterwards, so any number of threads may ask it at once; free it when none does any more. All
 * else that is handed out belongs to the caller, as each function says. There is no process-wide
 * state but a lock around the parser of configurations, and nothing here prints, exits, or changes
 * what belongs to the process.
 *
 * What a running gate alone knows is not in a set-up: approvals, sandboxes registered at run time,
 * the host's own addresses. `until` of a rule is held against the time of reading.
 *
 *     cc decide.c $(pkg-config --cflags --libs namegate)
 */
#pragma once

#include <namegate/diag.h>
#include <namegate/explain.h>

struct ng_setup;

/* A host list or RPZ zone in memory, under the name that findings and rules will show. */
struct ng_text {
	const char *name, *text;
	size_t len;
};

/*
 * Readers. NG_E_SYNTAX and NG_E_IO come with errors in diags, NG_E_NOMEM without. diags is the
 * caller's, between ng_diags_init() and ng_diags_finish(), and gets warnings of what is read too.
 */
/* A configuration file, see namegate.conf(5). */
int ng_setup_conf(const char *path, struct ng_diags *diags,
		  struct ng_setup **out) NG_MUST_CHECK;
/* Lists and zones from files (or "preset:NAME"), the first speaks first; one sandbox, "sandbox". */
int ng_setup_files(const char *const *paths, size_t n, struct ng_diags *diags,
		   struct ng_setup **out) NG_MUST_CHECK;
/* The same from memory; nothing is included. Texts are not needed any more afterwards. */
int ng_setup_texts(const struct ng_text *texts, size_t n, struct ng_diags *diags,
		   struct ng_setup **out) NG_MUST_CHECK;
void ng_setup_free(struct ng_setup *setup); /* takes NULL */

/* The name of sandbox i, from 0; NULL behind the last. Borrowed from the set-up. */
const char *ng_setup_sandbox(const struct ng_setup *setup, size_t i);

#define NG_REASON_MAX 512

struct ng_ruling {
	enum ng_verdict verdict; /* of the policy */
	bool passes;             /* the sandbox's mode lets it through: what the client sees */
	bool matched; /* a rule decides; else path is "" and the next three are unset */
	char path[NG_PATH_MAX];
	uint32_t line, column;
	enum ng_scope scope;
	char reason
		[NG_REASON_MAX]; /* a sentence for people, cut at the end when it is longer */
};
/*
 * Would the gate let sandbox have name? In any case and in Unicode; asked by the first of the
 * sandbox's sources that is a single address. NG_E_NOTFOUND: no such sandbox. NG_E_FORMAT: not a
 * name.
 */
int ng_decide(const struct ng_setup *setup, const char *sandbox, const char *name,
	      struct ng_ruling *out) NG_MUST_CHECK;

/*
 * The whole way of a name: what namegate-explain(1) tells. type as in <namegate/message.h>, 0 for A.
 * The codes of ng_decide(), and NG_E_NOMEM. The set-up must outlive the answer.
 */
struct ng_explained;
int ng_explain_name(const struct ng_setup *setup, const char *sandbox, const char *name,
		    uint16_t type, struct ng_explained **out) NG_MUST_CHECK;
void ng_explained_free(struct ng_explained *explained); /* takes NULL */
/* Verdict and candidates; borrowed. */
const struct ng_explanation *ng_explained_why(const struct ng_explained *explained);
/* Text for people, or one JSON object, with its NUL: to be given to free(). NULL: out of memory. */
char *ng_explained_text(const struct ng_explained *explained);
char *ng_explained_json(const struct ng_explained *explained);
