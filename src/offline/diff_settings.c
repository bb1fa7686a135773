/*
 * What the configuration says beside its policies: of one sandbox, and of all. A sandbox that is
 * added opens, one that is removed closes; a setting that keeps addresses open for longer opens.
 */
#include "config.h"

#include "offline/diff_inside.h"

#include <stdlib.h>
#include <string.h>

/* Adds a change unless both texts are the same; takes them over. */
static int add(struct diff_list *list, enum diff_noun noun, unsigned sense, const char *what,
	       char *old, char *new)
{
	if (old == NULL || new == NULL || strcmp(old, new) == 0) {
		int code = old == NULL || new == NULL ? NG_E_NOMEM : NG_OK;
		free(old);
		free(new);
		return code;
	}
	struct diff_change change = {
		.noun = noun, .sense = sense, .what = strdup(what), .texts = {old, new}};
	return diff_change_add(list, &change);
}

static unsigned sense_of(bool more, bool less)
{
	return more ? DIFF_WIDENS : less ? DIFF_NARROWS : 0u;
}

/* ---- a sandbox ---- */

static const char *const modes[] = {
	[NG_LOCKDOWN] = "lockdown", [NG_ENFORCE] = "enforce", [NG_OBSERVE] = "observe"};

static int add_presence(struct diff_list *list, const struct setup_sandbox *sandbox, int side)
{
	struct diff_change change = {
		.noun = DIFF_A_SANDBOX,
		.sense = side == DIFF_NEW ? DIFF_WIDENS : DIFF_NARROWS,
		.what = strdup("sandbox"),
	};
	change.texts[side] = strdup(modes[sandbox->spec->mode]);
	if (sandbox->conf != NULL) {
		change.paths[side] = sandbox->conf->place.path;
		change.lines[side] = sandbox->conf->place.line;
	}
	if (change.texts[side] == NULL) {
		free(change.what);
		return NG_E_NOMEM;
	}
	return diff_change_add(list, &change);
}

static int add_mode(struct diff_list *list, const struct ng_sandbox *old,
		    const struct ng_sandbox *new)
{
	return add(list, DIFF_A_MODE, sense_of(new->mode > old->mode, new->mode < old->mode),
		   "mode", strdup(modes[old->mode]), strdup(modes[new->mode]));
}

/* Without an interface a neighbour's forged addresses pass for the sandbox's. */
static int add_interface(struct diff_list *list, const struct ng_sandbox *old,
			 const struct ng_sandbox *new)
{
	bool was = old->interface[0] != '\0', is = new->interface[0] != '\0';
	return add(list, DIFF_A_SETTING, was == is ? DIFF_OTHER : sense_of(was, is),
		   "interface", strdup(was ? old->interface : "any"),
		   strdup(is ? new->interface : "any"));
}

static char *join(char *const *names, size_t n)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	if (to == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%s%s", i > 0 ? ", " : "", names[i]);
	if (n == 0)
		fputs("none", to);
	return fclose(to) == 0 ? text : NULL;
}

static char *addresses(const struct ng_prefix *prefixes, size_t n)
{
	char *text = NULL, addr[NG_ADDR_TEXT];
	size_t len;
	FILE *to = open_memstream(&text, &len);
	if (to == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%s%s", i > 0 ? ", " : "", ng_addr_format(&prefixes[i].addr, addr));
	if (n == 0)
		fputs("none", to);
	return fclose(to) == 0 ? text : NULL;
}

static int add_conf(struct diff_list *list, const struct conf_sandbox *old,
		    const struct conf_sandbox *new)
{
	int code = add(list, DIFF_A_SETTING, DIFF_OTHER, "masquerade",
		       strdup(old->masquerade ? "true" : "false"),
		       strdup(new->masquerade ? "true" : "false"));
	if (code == NG_OK)
		code = add(list, DIFF_A_SETTING, DIFF_OTHER, "snat",
			   addresses(old->snat, old->n_snat),
			   addresses(new->snat, new->n_snat));
	if (code == NG_OK)
		code = add(list, DIFF_A_SETTING, 0, "group",
			   strdup(old->group[0] != '\0' ? old->group : "none"),
			   strdup(new->group[0] != '\0' ? new->group : "none"));
	return code == NG_OK ? add(list, DIFF_A_SETTING, 0, "policies",
				   join(old->policies, old->n_policies),
				   join(new->policies, new->n_policies))
			     : code;
}

static size_t n_opened(const struct ng_sandbox *spec)
{
	return spec->mode == NG_LOCKDOWN ? 0 : spec->n_opened;
}

int diff_sandbox(struct diff_list *list, const struct diff_group *group)
{
	static const struct ng_sandbox none = {.mode = NG_LOCKDOWN};
	const struct setup_sandbox *before = group->sides[DIFF_OLD],
				   *after = group->sides[DIFF_NEW];
	const struct ng_sandbox *old = before != NULL ? before->spec : &none,
				*new = after != NULL ? after->spec : &none;
	int code = NG_OK;
	if (before == NULL || after == NULL)
		code = add_presence(list, before == NULL ? after : before,
				    before == NULL ? DIFF_NEW : DIFF_OLD);
	else
		code = add_mode(list, old, new);
	if (code == NG_OK && before != NULL && after != NULL) {
		code = diff_prefixes(list, DIFF_AN_ADDRESS, "source address", old->sources,
				     old->n_sources, new->sources, new->n_sources);
		if (code == NG_OK)
			code = add_interface(list, old, new);
		if (code == NG_OK && before->conf != NULL && after->conf != NULL)
			code = add_conf(list, before->conf, after->conf);
	}
	return code == NG_OK ? diff_prefixes(list, DIFF_A_PREFIX, "private range", old->opened,
					     n_opened(old), new->opened, n_opened(new))
			     : code;
}

/* ---- forward zones ---- */

static char *servers_text(const struct conf_route *route)
{
	char *text = NULL, server[CONF_SERVER_TEXT];
	size_t len;
	FILE *to = open_memstream(&text, &len);
	if (to == NULL)
		return NULL;
	for (uint8_t i = 0; i < route->n_servers; i++)
		fprintf(to, "%s%s", i > 0 ? ", " : "",
			conf_server_text(&route->servers[i], server));
	return fclose(to) == 0 ? text : NULL;
}

static bool same_zone(const struct conf_route *a, const struct conf_route *b)
{
	return a->scope == b->scope && strcmp(a->owner, b->owner) == 0 &&
	       ng_name_equal(&a->zone, &b->zone);
}

static bool has_zone(const struct conf *conf, const struct conf_route *route)
{
	for (size_t i = 0; i < conf->n_routes; i++) {
		if (same_zone(&conf->routes[i], route))
			return true;
	}
	return false;
}

/* By which route that side asks for the names of the zone, for whom it is: closer ones may be gone. */
static const struct conf_route *route_for(const struct conf *conf,
					  const struct conf_route *route)
{
	struct conf_sandbox who = {0};
	if (route->scope == NG_SCOPE_GROUP)
		strcpy(who.group, route->owner);
	for (size_t i = 0; route->scope == NG_SCOPE_SANDBOX && i < conf->n_sandboxes; i++) {
		if (strcmp(conf->sandboxes[i].name, route->owner) == 0)
			who = conf->sandboxes[i];
	}
	return &conf->routes[conf_route_of(conf, &who, &route->zone)];
}

/* Who answers for the zone on each side, and what its answers may open. */
static int compare_zone(struct diff_list *list, const struct conf *old, const struct conf *new,
			const struct conf_route *route)
{
	const struct conf_route *before = route_for(old, route);
	const struct conf_route *after = route_for(new, route);
	char text[CONF_ROUTE_TEXT], what[CONF_ROUTE_TEXT + 32];
	conf_route_text(route, text);
	snprintf(what, sizeof(what), "servers of zone %s", text);
	int code = add(list, DIFF_A_ZONE, DIFF_OTHER, what, servers_text(before),
		       servers_text(after));
	snprintf(what, sizeof(what), "private range of zone %s", text);
	return code == NG_OK ? diff_prefixes(list, DIFF_A_PREFIX, what, before->opened,
					     before->n_opened, after->opened, after->n_opened)
			     : code;
}

static int compare_zones(struct diff_list *list, const struct conf *old, const struct conf *new)
{
	int code = NG_OK;
	for (size_t i = 0; i < old->n_routes && code == NG_OK; i++)
		code = compare_zone(list, old, new, &old->routes[i]);
	for (size_t i = 0; i < new->n_routes &&code == NG_OK; i++) {
		if (!has_zone(old, &new->routes[i]))
			code = compare_zone(list, old, new, &new->routes[i]);
	}
	return code;
}

/* ---- settings ---- */

static char *seconds(uint32_t s)
{
	char *text;
	return asprintf(&text, "%u s", (unsigned)s) < 0 ? NULL : text;
}

static int compare_settings(struct diff_list *list, const struct ng_settings *old,
			    const struct ng_settings *new)
{
	const struct {
		const char *what;
		uint32_t old_s, new_s;
		bool opens; /* the longer, the longer addresses are open */
	} times[] = {
		{"lease-min", old->lease_min_s, new->lease_min_s, true},
		{"grace", old->grace_s, new->grace_s, true},
		{"flow-lease", old->flow_lease_s, new->flow_lease_s, true},
		{"ttl-max", old->ttl_max_s, new->ttl_max_s, true},
		{"deny-ttl", old->deny_ttl_s, new->deny_ttl_s, false},
	};
	int code = NG_OK;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]) && code == NG_OK; i++)
		code = add(list, DIFF_A_SETTING,
			   !times[i].opens ? DIFF_OTHER
					   : sense_of(times[i].new_s > times[i].old_s,
						      times[i].new_s < times[i].old_s),
			   times[i].what, seconds(times[i].old_s), seconds(times[i].new_s));
	return code == NG_OK ? add(list, DIFF_A_SETTING, DIFF_OTHER, "ancestor-answer",
				   strdup(old->ancestor_nodata ? "nodata" : "nxdomain"),
				   strdup(new->ancestor_nodata ? "nodata" : "nxdomain"))
			     : code;
}

int diff_whole(struct diff_list *list, const struct setup *old, const struct setup *new)
{
	if (old->conf == NULL || new->conf == NULL)
		return NG_OK;
	int code = compare_zones(list, old->conf, new->conf);
	if (code == NG_OK)
		code = compare_settings(list, &old->settings, &new->settings);
	return code == NG_OK ? add(list, DIFF_A_SETTING, 0, "policies",
				   join(old->conf->policies, old->conf->n_policies),
				   join(new->conf->policies, new->conf->n_policies))
			     : code;
}
