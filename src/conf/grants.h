/*
 * What a sandbox has beyond what its names open: static addresses, prefixes that are otherwise
 * never open, and the address that it leaves with. Gathered from the configuration and from every source of the sandbox's
 * policy; the struct owns its statics.
 */
#pragma once

#include "base/wall.h"
#include "conf/conf.h"

struct grants {
	struct wall_static *statics;
	size_t n_statics;
	struct ng_prefix opened[NG_PRIVATE_MAX];
	uint8_t n_opened;
	uint8_t n_named; /* the first of them: from the sandbox and its group, not from zones */
	struct ng_addr snat[NG_SNAT_MAX]; /* the address it leaves with: IPv4, IPv6; or none */
	bool singles;                     /* declared sets hold no ranges */
	bool wide;                        /* one of its sources is a range */
};

/*
 * What sandbox opens by the configuration: its own prefixes and those of its routes.
 * NG_E_FULL when they are more than NG_PRIVATE_MAX: out is then unset.
 */
int grants_begin(const struct conf *conf, const struct conf_sandbox *sandbox,
		 struct grants *out) NG_MUST_CHECK;
/*
 * And what a source adds. NG_E_SYNTAX with an error at the place where it becomes too much,
 * NG_E_NOMEM; the grants are then still to be finished.
 */
int grants_add(struct grants *grants, uint32_t id, const char *name,
	       const struct ng_ruleset *source, struct ng_diags *diags) NG_MUST_CHECK;
/*
 * What a sandbox asks for that only a table of our own can give it: the key, or NULL; and why.
 */
const char *integrate_wrong(const struct conf_sandbox *sandbox, const char **why);
/* What is wrong with the addresses that a sandbox is to leave with: a phrase, or NULL. */
const char *snat_wrong(const struct ng_prefix *snat, size_t n);
bool grants_equal(const struct grants *a, const struct grants *b);
void grants_finish(struct grants *grants); /* takes NULL and the zero value */
