/*
 * A configuration with all its policies, read from files and ready to be asked: what `explain`,
 * `test`, `diff`, `replay`, `learn`, `report` and libnamegate judge by.
 *
 * It is what the daemon would have after a start from the same files, but for what a start finds on
 * its machine: the host's own addresses, sandboxes registered at run time, and approvals.
 */
#pragma once

#include "conf/conf.h"
#include "conf/grants.h"

#include <namegate/gate.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct setup_source { /* one policy source, compiled once, whoever uses it */
	char *name;   /* as the configuration names it */
	struct ng_image image;
	struct ng_ruleset *ruleset;
	UT_hash_handle hh;
};

struct setup_sandbox {
	const struct conf_sandbox *conf; /* NULL: made of policies alone */
	struct ng_sandbox *spec;         /* id and policy filled in */
	struct grants grants;            /* static addresses, and what is opened besides */
};

struct setup {
	struct conf *conf; /* NULL: made of policies alone */
	struct setup_source *sources;
	struct setup_sandbox *sandboxes; /* in the order of the configuration */
	struct ng_sandbox *specs;        /* theirs, in the same order */
	size_t n_sandboxes;
	struct ng_route
		*routes; /* ids are 1 and up, in the order of conf->routes; never empty */
	size_t n_routes;
	struct ng_prefix *own; /* addresses of the upstream servers */
	size_t n_own;
	struct ng_settings settings;
};

/* A list or zone in memory, under the name that findings and rules show. */
struct setup_text {
	const char *name, *text;
	size_t len;
};

/* What to read: a configuration, or the policies of one sandbox without one. */
struct setup_wish {
	const char *config;             /* its path; NULL: policies */
	const struct setup_text *texts; /* of policies, in their place: no file is read */
	size_t n_texts;
	const char *const *policies; /* paths, presets */
	size_t n_policies;
	const char
		*folder; /* what relative paths of policies are beside; NULL: the working one */
	const char *sandbox; /* with a configuration: only this one is made ready; NULL: all.
				With policies: what the sandbox is called; NULL: "sandbox" */
	uint64_t now_s;      /* wall time that `until` is held against; 0: now */
};

/*
 * NG_E_SYNTAX, NG_E_IO, NG_E_NOTFOUND (there is no such sandbox), each with an error in diags;
 * NG_E_NOMEM.
 */
int setup_read(const struct setup_wish *wish, struct ng_diags *diags,
	       struct setup **out) NG_MUST_CHECK;
/*
 * What a running gate has beside its files for a sandbox: the names that were approved and refused, as lines of a
 * host list, under the name that rules show. NG_E_SYNTAX with an error in diags, NG_E_NOMEM.
 */
int setup_approve(struct setup *setup, const struct setup_sandbox *sandbox,
		  const struct setup_text *lines, struct ng_diags *diags) NG_MUST_CHECK;
void setup_free(struct setup *setup); /* takes NULL */
/* NULL: there is none of that name. */
const struct setup_sandbox *setup_find(const struct setup *setup, const char *name);
/* The place in routes of the one by which the sandbox asks for name. */
size_t setup_route_of(const struct setup *setup, const struct setup_sandbox *sandbox,
		      const struct ng_name *name);
/* May it ask by that one at all? */
bool setup_route_reaches(const struct setup *setup, const struct setup_sandbox *sandbox,
			 size_t route);
/* "corp.internal", "corp.internal of group build" */
const char *setup_route_text(const struct setup *setup, size_t route,
			     char out[static CONF_ROUTE_TEXT]);
/* The source that an image's ruleset belongs to is known by its name; NULL: not one of these. */
const struct setup_source *setup_source(const struct setup *setup, const char *name);
/* Everything as the engine takes it; borrowed from the set-up. */
struct ng_generation setup_generation(const struct setup *setup, uint64_t version);
