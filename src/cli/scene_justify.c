/*
 * What a scene expects to stay open: policy said once more, in its own words and from what replies
 * showed, so that an engine that keeps too much or too little is noticed.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <string.h>

static bool port_in(const struct ng_bounds *bounds, struct ng_port port)
{
	for (size_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port.proto && bounds->ports[i].port == port.port)
			return true;
	}
	return !bounds->n_ports;
}

/* The forward zone that answers for a name: the longest. */
static const struct ng_route *route_for(const struct scene *scene, const struct ng_name *name)
{
	const struct ng_route *found = NULL;

	for (size_t i = 0; i < scene->n_routes; i++) {
		const struct ng_route *route = &scene->routes[i];

		if (ng_name_within(name, &route->zone) &&
		    (!found || route->zone.len > found->zone.len))
			found = route;
	}
	return found;
}

/* Whoever may open a private address: the rule, the sandbox, or the forward zone of its owner. */
static bool openable(const struct scene *scene, const struct box *box,
		     const struct ng_bounds *bounds, const struct ng_name *owner,
		     const struct ng_addr *addr)
{
	const struct ng_route *route = route_for(scene, owner);

	return ng_addr_openable(addr, bounds->opened, bounds->n_opened) ||
	       ng_addr_openable(addr, box->spec.opened, box->spec.n_opened) ||
	       (route && ng_addr_openable(addr, route->opened, route->n_opened));
}

/* Does an alias lead from one name into a forward zone of its own, at the other? */
static bool crosses(const struct scene *scene, const struct ng_name *from,
		    const struct ng_name *to)
{
	for (size_t i = 0; i < scene->n_routes; i++) {
		const struct ng_name *zone = &scene->routes[i].zone;

		if (zone->len > 1 && ng_name_within(to, zone) && !ng_name_within(from, zone))
			return true;
	}
	return false;
}

/* What the target's own rule does not open is not open either. */
static void bounds_narrow(struct ng_bounds *bounds, const struct ng_bounds *own)
{
	const struct ng_bounds asked = *bounds;
	size_t n = 0;

	*bounds = *own;
	if (!asked.n_ports)
		return;
	for (size_t i = 0; i < asked.n_ports; i++) {
		if (port_in(own, asked.ports[i]))
			bounds->ports[n++] = asked.ports[i];
	}
	bounds->n_ports = (uint8_t)n;
}

/* Does a rule allow it? What is only observed has no bounds: nothing narrows it, nothing opens more. */
static bool judge_one(const struct box *box, const struct ng_subject *subject,
		      struct ng_bounds *bounds)
{
	struct ng_decision decision;

	*bounds = (struct ng_bounds){0};
	ng_policy_judge(&box->spec.policy, subject, &decision);
	if (decision.verdict != NG_ALLOW)
		return false;
	ng_policy_bounds(&box->spec.policy, subject, bounds);
	return true;
}

/*
 * The bounds of a chain of names, of which n_links came from upstream's answers; false when one of
 * these lacks a rule that it needs.
 */
static bool bounds_along(const struct scene *scene, const struct box *box,
			 const struct ng_subject *subject, size_t n_links,
			 struct ng_bounds *out)
{
	struct ng_bounds own;
	bool strict, ruled;
	size_t held = 0;

	ruled = judge_one(box, subject, out);
	strict = out->strict;
	for (size_t i = 1; i < n_links; i++) {
		const struct ng_subject link = {
			.names = &subject->names[i], .n_names = 1, .client = subject->client};
		bool crossing = crosses(scene, &subject->names[held], &subject->names[i]);

		if (!crossing && !strict)
			continue;
		ruled = judge_one(box, &link, &own) && ruled;
		if (!crossing)
			continue;
		bounds_narrow(out, &own);
		strict = strict || own.strict;
		held = i;
	}
	return ruled;
}

static bool type_in(const struct ng_bounds *bounds, uint16_t type)
{
	for (size_t i = 0; i < bounds->n_types; i++) {
		if (bounds->types[i] == type)
			return true;
	}
	return !bounds->n_types;
}

/* Does this record of the policy, at the name behind `led`, lead where the promise's answer did? */
static bool record_leads(const struct promise *promise, size_t led, const struct ng_addr *addr,
			 const struct ng_local *record)
{
	const struct ng_name *asked = &promise->names[led - 1], *target = &promise->names[led];
	size_t before = record->rdlen > 2 && record->rdata[1] == '*' ? asked->len - 1u : 0;
	size_t skipped = before > 0 ? 2 : 0;

	if (promise->n_names == led)
		return ng_addr_len(addr) == record->rdlen &&
		       memcmp(addr->bytes, record->rdata, record->rdlen) == 0;
	return record->type == NG_TYPE_CNAME &&
	       target->len == before + record->rdlen - skipped &&
	       memcmp(target->wire, asked->wire, before) == 0 &&
	       memcmp(target->wire + before, record->rdata + skipped,
		      record->rdlen - skipped) == 0;
}

static bool local_leads(const struct promise *promise, size_t led, const struct ng_addr *addr,
			const struct ng_match *match)
{
	struct ng_local record;

	for (uint32_t cursor = 0; ng_match_local(match, &cursor, &record);) {
		if (record_leads(promise, led, addr, &record))
			return true;
	}
	return false;
}

/* How many names lead to the first whose rule has data; *out: its decision. 0: none does. */
static size_t led_to(const struct box *box, const struct promise *promise,
		     const struct ng_addr *client, struct ng_decision *out)
{
	for (size_t n = 1; n <= promise->n_names; n++) {
		const struct ng_subject subject = {
			.names = promise->names, .n_names = n, .client = client};

		ng_policy_judge(&box->spec.policy, &subject, out);
		if (out->verdict == NG_ALLOW && out->match.action == NG_ACTION_LOCAL)
			return n;
	}
	return 0;
}

static struct ng_subject subject_of(const struct promise *promise, const struct ng_addr *client)
{
	return (struct ng_subject){.names = promise->names,
				   .n_names = promise->led ? promise->led : promise->n_names,
				   .client = client,
				   .addrs = promise->addrs,
				   .n_addrs = promise->led ? 0 : promise->n_addrs,
				   .answered = true};
}

/* How many names of the promise are upstream's, and judged as its aliases are. */
static size_t links_of(const struct promise *promise)
{
	return promise->led ? promise->led - 1 : promise->n_names;
}

/* Is no name of it denied, also of those that the policy's own data led to? */
static bool permitted(const struct box *box, const struct promise *promise,
		      const struct ng_addr *client)
{
	struct ng_subject subject = subject_of(promise, client);
	struct ng_decision decision;

	subject.n_names = promise->n_names;
	ng_policy_judge(&box->spec.policy, &subject, &decision);
	return decision.verdict == NG_ALLOW;
}

/* Would this client, as policy is now, be given the same answer with that address and port? */
static bool justified_for(const struct scene *scene, const struct box *box,
			  const struct promise *promise, const struct element *element,
			  const struct ng_addr *client)
{
	const struct ng_subject subject = subject_of(promise, client);
	const struct ng_name *owner =
		&promise->names[promise->n_names ? promise->n_names - 1u : 0];
	struct ng_decision decision;
	struct ng_bounds bounds;
	bool ruled = bounds_along(scene, box, &subject, links_of(promise), &bounds) &&
		     permitted(box, promise, client);
	size_t led = led_to(box, promise, client, &decision);

	if (led != promise->led ||
	    (led && !local_leads(promise, led, &element->addr, &decision.match)))
		return false;
	ng_policy_judge(&box->spec.policy, &subject, &decision);
	if (!led && decision.verdict == NG_ALLOW && decision.match.action == NG_ACTION_LOCAL)
		return false;
	return port_in(&bounds, element->port) &&
	       type_in(&bounds, element->addr.family == NG_IPV4 ? NG_TYPE_A : NG_TYPE_AAAA) &&
	       openable(scene, box, &bounds, owner, &element->addr) &&
	       (ruled || box->spec.mode == NG_OBSERVE);
}

bool promise_stands(const struct scene *scene, const struct box *box,
		    const struct promise *promise, const struct element *element)
{
	bool paired = false, given = false;

	if (promise->replaced) /* for addresses that nobody saw */
		return false;
	for (size_t i = 0; i < box->spec.n_sources; i++) {
		const struct ng_addr *source = &box->spec.sources[i].addr;
		const struct ng_addr *client =
			element->client.family ? &element->client : source;

		paired |= source->family == element->addr.family;
		given |= justified_for(scene, box, promise, element, client);
	}
	return paired && given && box->spec.mode != NG_LOCKDOWN;
}

/* Has some rule for addresses data that lead from the asked name to this one, or to the alias shown? */
static bool replaced_by(const struct ng_ruleset *source, const struct promise *promise,
			const struct ng_addr *addr)
{
	struct ng_match match;

	for (uint32_t cursor = 0; ng_ruleset_address(source, &cursor, &match);) {
		if (match.trigger == NG_TRIGGER_ANSWER && match.action == NG_ACTION_LOCAL &&
		    local_leads(promise, 1, addr, &match))
			return true;
	}
	return false;
}

static bool may_be_replaced(const struct ng_policy *policy, const struct promise *promise)
{
	for (size_t scope = 0; scope < NG_SCOPES; scope++) {
		for (size_t i = 0; i < policy->scopes[scope].n; i++) {
			for (size_t j = 0; j < promise->n_addrs; j++) {
				if (replaced_by(policy->scopes[scope].sources[i], promise,
						&promise->addrs[j]))
					return true;
			}
		}
	}
	return false;
}

/* By which names the client came to which addresses. */
void promise_read(const struct asker *asker, const struct reply_view *view, struct promise *out)
{
	struct ng_decision decision;

	*out = (struct promise){0};
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
	out->n_addrs = view->n_addrs < NG_ADDRS_MAX ? view->n_addrs : NG_ADDRS_MAX;
	memcpy(out->addrs, view->addrs, out->n_addrs * sizeof(*out->addrs));
	out->led = led_to(asker->box, out, &asker->addr, &decision);
	out->replaced = !out->led && may_be_replaced(&asker->box->spec.policy, out);
}

/* What policy bounds the reply to: by its names, its client and its addresses. */
void promise_bounds(const struct scene *scene, const struct asker *asker,
		    const struct promise *promise, struct ng_bounds *out)
{
	const struct ng_subject subject = subject_of(promise, &asker->addr);

	*out = (struct ng_bounds){0};
	if (promise->n_names)
		(void)bounds_along(scene, asker->box, &subject, links_of(promise), out);
}
