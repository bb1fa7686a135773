/*
 * What a scene expects to stay open: policy said once more, in its own words and from what replies
 * showed, so that an engine that keeps too much or too little is noticed.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <string.h>

/* ---- what rules bound ---- */

static bool port_in(const struct ng_bounds *bounds, struct ng_port port)
{
	for (size_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port.proto && bounds->ports[i].port == port.port)
			return true;
	}
	return !bounds->n_ports;
}

/* 1: everybody's, 2: of the sandbox's group, 3: its own, 0: somebody else's. */
static int nearness(const struct scene *scene, const struct box *box, size_t route)
{
	const char *owner = scene->route_of[route];

	if (strcmp(owner, box->spec.name) == 0)
		return 3;
	return *owner ? 2 * (strcmp(owner, box->member) == 0) : 1;
}

/* The forward zone that answers for a name of the sandbox: the nearest, and of those the longest. */
static const struct ng_route *route_for(const struct scene *scene, const struct box *box,
					const struct ng_name *name)
{
	const struct ng_route *found = NULL;
	int best = 0;

	for (size_t i = 0; i < scene->n_routes; i++) {
		const struct ng_route *route = &scene->routes[i];
		const int near = nearness(scene, box, i);

		if (!near || near < best || !ng_name_within(name, &route->zone) ||
		    (near == best && found->zone.len > route->zone.len))
			continue;
		found = route;
		best = near;
	}
	return found;
}

/* Whoever may open a private address: the rule, the sandbox, or the forward zone of its owner. */
static bool openable(const struct scene *scene, const struct box *box,
		     const struct ng_bounds *bounds, const struct ng_name *owner,
		     const struct ng_addr *addr)
{
	const struct ng_route *route = route_for(scene, box, owner);

	return ng_addr_openable(addr, bounds->opened, bounds->n_opened) ||
	       ng_addr_openable(addr, box->spec.opened, box->spec.n_opened) ||
	       (route && ng_addr_openable(addr, route->opened, route->n_opened));
}

/* Does an alias lead from one name into a forward zone of its own, at the other? */
static bool crosses(const struct scene *scene, const struct box *box,
		    const struct ng_name *from, const struct ng_name *to)
{
	for (size_t i = 0; i < scene->n_routes; i++) {
		const struct ng_name *zone = &scene->routes[i].zone;

		if (zone->len > 1 && ng_name_within(to, zone) && !ng_name_within(from, zone) &&
		    route_for(scene, box, zone) == &scene->routes[i])
			return true;
	}
	return false;
}

static bool type_in(const struct ng_bounds *bounds, const struct ng_addr *addr)
{
	for (size_t i = 0; i < bounds->n_types; i++) {
		if (bounds->types[i] == (addr->family == NG_IPV4 ? NG_TYPE_A : NG_TYPE_AAAA))
			return true;
	}
	return !bounds->n_types;
}

struct along { /* what the rules along a chain of names open */
	struct ng_bounds bounds;
	bool ruled;  /* every name that needs a rule has one */
	bool typed;  /* the asked name's rule opens the type */
	bool served; /* a rule for an alias target has data of its own instead */
	bool shut;   /* a target's rule does not open the type, or none of the ports */
};

/* What the target's own rule does not open is not open either. */
static void along_narrow(struct along *along, const struct ng_bounds *own,
			 const struct ng_addr *addr)
{
	const struct ng_bounds asked = along->bounds;
	size_t n = 0;

	along->shut |= !type_in(own, addr);
	along->bounds = *own;
	if (!asked.n_ports)
		return;
	for (size_t i = 0; i < asked.n_ports; i++) {
		if (port_in(own, asked.ports[i]))
			along->bounds.ports[n++] = asked.ports[i];
	}
	along->bounds.n_ports = (uint8_t)n;
	along->shut |= !n;
}

/* What is only observed has no bounds: nothing narrows it, nothing opens more. */
static void judge_one(const struct box *box, const struct ng_subject *subject,
		      struct ng_decision *decision, struct ng_bounds *bounds)
{
	*bounds = (struct ng_bounds){0};
	ng_policy_judge(&box->spec.policy, subject, decision);
	if (decision->verdict == NG_ALLOW)
		ng_policy_bounds(&box->spec.policy, subject, bounds);
}

static bool is_local(const struct ng_decision *decision)
{
	return decision->verdict == NG_ALLOW && decision->match.action == NG_ACTION_LOCAL;
}

/* subject from its name number `link` on, as if that were asked */
static struct ng_subject subject_at(const struct ng_subject *subject, size_t link, size_t end)
{
	struct ng_subject at = *subject;

	at.names += link;
	at.n_names = end - link;
	return at;
}

/* The rules for a chain of names, of which n_links came from upstream's answers, to addr. */
static void along_read(const struct scene *scene, const struct box *box,
		       const struct ng_subject *subject, size_t n_links,
		       const struct ng_addr *addr, struct along *out)
{
	struct ng_decision decision;
	struct ng_bounds own;
	size_t held = 0;
	bool strict;

	*out = (struct along){0};
	judge_one(box, subject, &decision, &out->bounds);
	out->ruled = decision.verdict == NG_ALLOW;
	out->typed = type_in(&out->bounds, addr);
	strict = out->bounds.strict;
	for (size_t i = 1; i < n_links; i++) {
		const struct ng_subject link = subject_at(subject, i, n_links);
		bool crossing = crosses(scene, box, &subject->names[held], &subject->names[i]);

		if (!crossing && !strict)
			continue;
		judge_one(box, &link, &decision, &own);
		out->ruled &= decision.verdict == NG_ALLOW;
		out->served |= is_local(&decision);
		if (!crossing)
			continue;
		along_narrow(out, &own, addr);
		strict |= own.strict;
		held = i;
	}
}

/* ---- data of the policy's own ---- */

/* Does this record of the policy, at the name behind `led`, lead where the way does? */
static bool record_leads(const struct way *way, size_t led, const struct ng_addr *addr,
			 const struct ng_local *record)
{
	const struct ng_name *asked = &way->names[led - 1], *target = &way->names[led];
	size_t before = record->rdlen > 2 && record->rdata[1] == '*' ? asked->len - 1u : 0;
	size_t skipped = before > 0 ? 2 : 0;

	if (way->n_names == led)
		return ng_addr_len(addr) == record->rdlen &&
		       memcmp(addr->bytes, record->rdata, record->rdlen) == 0;
	return record->type == NG_TYPE_CNAME &&
	       target->len == before + record->rdlen - skipped &&
	       memcmp(target->wire, asked->wire, before) == 0 &&
	       memcmp(target->wire + before, record->rdata + skipped,
		      record->rdlen - skipped) == 0;
}

static bool local_leads(const struct way *way, size_t led, const struct ng_addr *addr,
			const struct ng_match *match)
{
	struct ng_local record;

	for (uint32_t cursor = 0; ng_match_local(match, &cursor, &record);) {
		if (record_leads(way, led, addr, &record))
			return true;
	}
	return false;
}

/* How many names lead to the first whose rule has data; *out: its decision. 0: none does. */
static size_t led_to(const struct box *box, const struct way *way, const struct ng_addr *client,
		     struct ng_decision *out)
{
	for (size_t n = 1; n <= way->n_names; n++) {
		const struct ng_subject subject = {
			.names = way->names, .n_names = n, .client = client};

		ng_policy_judge(&box->spec.policy, &subject, out);
		if (is_local(out))
			return n;
	}
	return 0;
}

/* ---- would it be given again? ---- */

struct answered { /* the addresses of one answer, before the filter */
	const struct ng_addr *addrs;
	size_t n;
};

static struct ng_subject subject_of(const struct way *way, const struct answered *answered,
				    const struct ng_addr *client)
{
	return (struct ng_subject){.names = way->names,
				   .n_names = way->led ? way->led : way->n_names,
				   .client = client,
				   .addrs = answered->addrs,
				   .n_addrs = way->led ? 0 : answered->n,
				   .answered = true};
}

/* How many of the names are upstream's, and judged as its aliases are. */
static size_t links_of(const struct way *way)
{
	return way->led ? way->led - 1 : way->n_names;
}

/* Is no name of it denied, also of those that the policy's own data led to? */
static bool permitted(const struct box *box, const struct way *way,
		      const struct ng_subject *subject)
{
	struct ng_subject whole = *subject;
	struct ng_decision decision;

	whole.n_names = way->n_names;
	ng_policy_judge(&box->spec.policy, &whole, &decision);
	return decision.verdict == NG_ALLOW;
}

/* Would an answer still come from where this one did: upstream, or the policy itself? */
static bool same_origin(const struct box *box, const struct promise *promise,
			const struct ng_subject *subject)
{
	const struct way *way = promise->way;
	struct ng_decision decision;
	size_t led = led_to(box, way, subject->client, &decision);

	if (led != way->led)
		return false;
	if (led)
		return local_leads(way, led, &promise->addr, &decision.match);
	ng_policy_judge(&box->spec.policy, subject, &decision);
	return !is_local(&decision);
}

/* May that type be asked for? Of data in the policy only the rule for the question says so. */
static bool type_stands(const struct box *box, const struct promise *promise,
			const struct ng_subject *subject, const struct along *along)
{
	const struct ng_subject asked = {
		.names = subject->names, .n_names = 1, .client = subject->client};
	struct ng_decision decision;
	struct ng_bounds bounds;

	if (!promise->way->led)
		return along->typed;
	judge_one(box, &asked, &decision, &bounds);
	return is_local(&decision) || type_in(&bounds, &promise->addr);
}

/* Would this client, as policy is now, be given the same answer with that address and port? */
static bool given_to(const struct scene *scene, const struct box *box,
		     const struct promise *promise, const struct answered *answered,
		     const struct ng_addr *client)
{
	const struct way *way = promise->way;
	const struct ng_subject subject = subject_of(way, answered, client);
	struct along along;

	along_read(scene, box, &subject, links_of(way), &promise->addr, &along);
	along.ruled = along.ruled && permitted(box, way, &subject);
	return same_origin(box, promise, &subject) && !along.served && !along.shut &&
	       port_in(&along.bounds, promise->port) &&
	       type_stands(box, promise, &subject, &along) &&
	       openable(scene, box, &along.bounds, &way->names[way->n_names - 1],
			&promise->addr) &&
	       (along.ruled || box->spec.mode == NG_OBSERVE);
}

/* Which of several answers the reply was made of is not known: each must do. */
static bool given_by_all(const struct scene *scene, const struct box *box,
			 const struct promise *promise, const struct ng_addr *client)
{
	const struct way *way = promise->way;
	struct answered answered = {way->addrs, way->n_addrs};

	if (!way->n_fed)
		return given_to(scene, box, promise, &answered, client);
	for (size_t i = 0; i < way->n_fed; i++) {
		answered = (struct answered){way->fed[i]->addrs, way->fed[i]->n};
		if (!given_to(scene, box, promise, &answered, client))
			return false;
	}
	return true;
}

bool is_sandbox(const struct scene *scene, const struct ng_addr *addr)
{
	const struct box *box;

	DL_FOREACH (scene->boxes, box) {
		for (size_t i = 0; !box->gone && i < box->spec.n_sources; i++)
			if (ng_prefix_contains(&box->spec.sources[i], addr))
				return true;
	}
	return false;
}

bool promise_stands(const struct scene *scene, const struct box *box,
		    const struct promise *promise)
{
	bool paired = false, given = false;

	if (is_sandbox(scene, &promise->addr))
		return false;

	if (!promise->way->n_names ||
	    promise->way->replaced) /* for addresses that nobody saw */
		return false;
	for (size_t i = 0; i < box->spec.n_sources; i++) {
		const struct ng_prefix *source = &box->spec.sources[i];
		struct ng_addr client = promise->own ? promise->asker : source->addr;

		if (!promise->own && !ng_prefix_is_host(source))
			client = (struct ng_addr){0}; /* somebody of that range */
		paired |= source->addr.family == promise->addr.family;
		given |= given_by_all(scene, box, promise, &client);
	}
	return paired && given && box->spec.mode != NG_LOCKDOWN;
}

/* Has some rule for addresses data that lead from the asked name to this one, or to the alias shown? */
static bool replaced_by(const struct ng_ruleset *source, const struct way *way,
			const struct ng_addr *addr)
{
	struct ng_match match;

	for (uint32_t cursor = 0; ng_ruleset_address(source, &cursor, &match);) {
		if (match.trigger == NG_TRIGGER_ANSWER && match.action == NG_ACTION_LOCAL &&
		    local_leads(way, 1, addr, &match))
			return true;
	}
	return false;
}

static bool may_be_replaced(const struct ng_policy *policy, const struct way *way)
{
	for (size_t scope = 0; scope < NG_SCOPES; scope++) {
		for (size_t i = 0; i < policy->scopes[scope].n; i++) {
			for (size_t j = 0; j < way->n_addrs; j++) {
				if (replaced_by(policy->scopes[scope].sources[i], way,
						&way->addrs[j]))
					return true;
			}
		}
	}
	return false;
}

/* By which names the client came to which addresses. */
void way_read(const struct scene *scene, const struct asker *asker,
	      const struct reply_view *view, struct way *out)
{
	struct ng_decision decision;

	if (!asker->box || ng_name_from_wire(asker->wire + NG_HEADER_LEN,
					     asker->len - NG_HEADER_LEN, &out->names[0]))
		return;
	ng_name_lower(&out->names[0]);
	out->n_names = 1;
	for (size_t i = 0; i < view->n_cnames; i++) {
		struct ng_name *name = &out->names[out->n_names];

		if (out->n_names > NG_CHAIN_MAX ||
		    ng_name_from_text(view->cnames[i], strlen(view->cnames[i]), name))
			break;
		ng_name_lower(name);
		out->n_names++;
	}
	out->n_addrs = view->n_addrs;
	memcpy(out->addrs, view->addrs, out->n_addrs * sizeof(*out->addrs));
	out->led = led_to(asker->box, out, &asker->addr, &decision);
	out->replaced = !out->led && may_be_replaced(&asker->box->spec.policy, out);
	fed_find(scene, view, out);
}

void way_bounds(const struct scene *scene, const struct asker *asker, const struct way *way,
		struct ng_bounds *out)
{
	const struct answered answered = {way->n_fed ? way->fed[0]->addrs : way->addrs,
					  way->n_fed ? way->fed[0]->n : way->n_addrs};
	const struct ng_subject subject = subject_of(way, &answered, &asker->addr);
	struct along along = {0};

	if (way->n_names)
		along_read(scene, asker->box, &subject, links_of(way), &way->addrs[0], &along);
	*out = along.bounds;
}
