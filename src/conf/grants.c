/*
 * Grants of a sandbox. Sources repeat each other, so what is there already is not added again:
 * the bounds count what is different.
 */
#include "conf/grants.h"

#include "conf/host.h"

#include <stdlib.h>
#include <string.h>

static bool prefix_equal(const struct ng_prefix *a, const struct ng_prefix *b)
{
	return a->bits == b->bits && ng_addr_equal(&a->addr, &b->addr);
}

static int open_prefix(struct grants *grants, const struct ng_prefix *prefix)
{
	for (size_t i = 0; i < grants->n_opened; i++)
		if (prefix_equal(&grants->opened[i], prefix))
			return NG_OK;
	if (grants->n_opened == NG_PRIVATE_MAX)
		return NG_E_FULL;
	grants->opened[grants->n_opened++] = *prefix;
	return NG_OK;
}

const char *snat_wrong(const struct ng_prefix *snat, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!ng_prefix_is_host(&snat[i]))
			return "it takes single addresses";
		if (ng_addr_reach(&snat[i].addr) == NG_REACH_NEVER)
			return "nothing can leave with an address of that range";
		for (size_t j = 0; j < i; j++)
			if (snat[j].addr.family == snat[i].addr.family)
				return "it takes one address of each family";
	}
	return NULL;
}

/* The narrower one counts: the sandbox's own address, else its group's. */
static void take_snat(struct grants *grants, const struct ng_prefix *snat, size_t n)
{
	for (size_t i = 0; i < n; i++)
		grants->snat[snat[i].addr.family == NG_IPV6] = snat[i].addr;
}

int grants_begin(const struct conf *conf, const struct conf_sandbox *sandbox,
		 struct grants *out)
{
	struct grants grants = {0};
	int code = NG_OK;
	for (size_t i = 0; i < sandbox->n_opened && !code; i++)
		code = open_prefix(&grants, &sandbox->opened[i]);
	const struct conf_group *group = conf_group_find(conf, sandbox->group);
	for (size_t i = 0; group && i < group->n_opened && !code; i++)
		code = open_prefix(&grants, &group->opened[i]);
	if (group)
		take_snat(&grants, group->snat, group->n_snat);
	take_snat(&grants, sandbox->snat, sandbox->n_snat);
	grants.n_named = grants.n_opened;
	grants.singles = conf->n_declared > 0;
	for (size_t i = 0; i < sandbox->n_sources; i++)
		grants.wide |= !ng_prefix_is_host(&sandbox->sources[i]);
	for (size_t i = 0; i < conf->n_routes && !code; i++)
		for (size_t j = 0; j < conf->routes[i].n_opened && !code &&
				   conf_route_reaches(conf, sandbox, i);
		     j++)
			code = open_prefix(&grants, &conf->routes[i].opened[j]);
	if (code == NG_OK)
		*out = grants;
	return code;
}

const char *integrate_wrong(const struct conf_sandbox *sandbox, const char **why)
{
	*why = "the operator's own ruleset decides under which address a sandbox leaves";
	if (sandbox->masquerade)
		return "masquerade";
	if (sandbox->n_snat)
		return "snat";
	*why = "only namegate's own table knows processes of this host";
	if (conf_who(sandbox) != WALL_BY_INTERFACE)
		return sandbox->sidecar ? "sidecar" : sandbox->uid[0] ? "uid" : "cgroup";
	*why = "only namegate's own tables tell the ports of a bridge apart";
	if (sandbox->bridge[0] != '\0')
		return "bridge";
	*why = "only namegate's own table lets unleased packets pass and reports them";
	return sandbox->mode == NG_OBSERVE ? "mode" : NULL;
}

static bool static_equal(const struct wall_static *a, const struct wall_static *b)
{
	return a->proto == b->proto && a->port == b->port &&
	       prefix_equal(&a->prefix, &b->prefix);
}

static int add_static(struct grants *grants, uint32_t id, const struct ng_static *from)
{
	const struct wall_static wanted = {.sandbox = id,
					   .prefix = from->prefix,
					   .proto = from->port.proto,
					   .port = from->port.port};
	for (size_t i = 0; i < grants->n_statics; i++)
		if (static_equal(&grants->statics[i], &wanted))
			return NG_OK;
	if (grants->n_statics == NG_STATICS_MAX)
		return NG_E_FULL;
	struct wall_static *more =
		realloc(grants->statics, (grants->n_statics + 1) * sizeof *more);
	if (!more)
		return NG_E_NOMEM;
	grants->statics = more;
	grants->statics[grants->n_statics++] = wanted;
	return NG_OK;
}

static int add_statics(struct grants *grants, uint32_t id, const char *name,
		       const struct ng_ruleset *source, struct ng_diags *diags)
{
	struct ng_static one;
	uint32_t cursor = 0;
	int code = NG_OK;
	while (!code && ng_ruleset_static(source, &cursor, &one))
		code = grants->singles && (grants->wide || !ng_prefix_is_host(&one.prefix))
			       ? NG_E_UNSUPPORTED
			       : add_static(grants, id, &one);
	if (code != NG_E_FULL && code != NG_E_UNSUPPORTED)
		return code;
	const struct ng_place place = {ng_ruleset_path(source), one.line, one.column};
	if (code == NG_E_UNSUPPORTED) {
		ng_diag_add(diags, NG_ERROR, &place, "policy-statics-range",
			    "write single addresses, or open the range in your own ruleset",
			    "sandbox \"%s\" would open a range%s, and the declared sets of "
			    "integrate hold no ranges",
			    name, grants->wide ? " of its sources" : "");
		return NG_E_SYNTAX;
	}
	ng_diag_add(diags, NG_ERROR, &place, "policy-statics-many",
		    "write wider prefixes, or names",
		    "sandbox \"%s\" has more than %d static addresses with this one", name,
		    NG_STATICS_MAX);
	return NG_E_SYNTAX;
}

int grants_add(struct grants *grants, uint32_t id, const char *name,
	       const struct ng_ruleset *source, struct ng_diags *diags)
{
	struct ng_prefix prefix;
	uint32_t cursor = 0;
	int code = add_statics(grants, id, name, source, diags);
	while (!code && ng_ruleset_opened(source, &cursor, &prefix))
		code = open_prefix(grants, &prefix);
	if (code != NG_E_FULL)
		return code;
	const struct ng_place place = {ng_ruleset_path(source), 0, 0};
	ng_diag_add(diags, NG_ERROR, &place, "policy-private-many",
		    "open wider prefixes, or fewer",
		    "the rules' private= opens more than %d private prefixes for sandbox "
		    "\"%s\", those of the configuration and of its forward zones counted",
		    NG_PRIVATE_MAX, name);
	return NG_E_SYNTAX;
}

bool grants_equal(const struct grants *a, const struct grants *b)
{
	if (a->n_statics != b->n_statics || a->n_opened != b->n_opened)
		return false;
	for (size_t i = 0; i < NG_SNAT_MAX; i++)
		if (!ng_addr_equal(&a->snat[i], &b->snat[i]))
			return false;
	for (size_t i = 0; i < a->n_statics; i++)
		if (!static_equal(&a->statics[i], &b->statics[i]))
			return false;
	for (size_t i = 0; i < a->n_opened; i++)
		if (!prefix_equal(&a->opened[i], &b->opened[i]))
			return false;
	return true;
}

void grants_finish(struct grants *grants)
{
	if (!grants)
		return;
	free(grants->statics);
	*grants = (struct grants){0};
}
