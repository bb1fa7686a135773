/*
 * What the files of `check` share: the findings, and the sources that were read, each of them once.
 * A source stays open to the end, because others are held against it.
 */
#pragma once

#include "conf/conf.h"

#include <jansson.h>
#include <namegate/lint.h>
#include <namegate/policy.h>
#include <uthash.h>

enum check_format { CHECK_HUMAN = 0, CHECK_JSON, CHECK_SARIF };

struct check_source {
	char *path; /* the key, with the folder that it is relative to */
	bool good;
	struct ng_image image;
	struct ng_ruleset *ruleset;
	struct ng_lint_table *table;
	bool held;                      /* against the global scope */
	const struct conf_group *under; /* the group whose sources it was last held against */
	UT_hash_handle hh;
};

struct check {
	struct ng_diags diags;
	enum check_format format;
	bool werror, unreadable;
	uint64_t now_s;
	const struct conf *conf; /* whose policies are read; NULL: files by themselves */
	json_t *ceilings;        /* what each sandbox may do at most */
	json_t *files;           /* what was read, with what is in it */
	struct check_source *sources;
	struct ng_lint_hosting *hosting;
	struct ng_lint_alias *aliases; /* what --answers gave */
	size_t n_aliases, aliases_room;
};

/* Remembers that something could not even be read. */
void check_note(struct check *check, int code);
void check_add_file(struct check *check, const char *kind, const char *path, bool good,
		    size_t count);

/* The source behind a path, read and looked at when it is asked for first; NULL when it is not good. */
struct check_source *check_source(struct check *check, const char *path, const char *base_dir);
void check_sources_free(struct check *check);

/* check_policies.c: the sources of a configuration held against each other, and a source by itself. */
void check_policies(struct check *check, const struct conf *conf, const char *folder);
void check_alone(struct check *check, const char *path);

/* check_ceilings.c: of a configuration that is right. */
void check_ceilings(struct check *check, const char *path);
void check_ceilings_print(const struct check *check);

/* check_answers.c: records or zone text with aliases. */
void check_answers(struct check *check, const char *path);

/* check_sarif.c: SARIF 2.1.0; the caller owns it. NULL when memory is out. */
json_t *check_sarif(const struct check *check, int exit_code);
