/*
 * The kernel's set as the warden would leave it: an element stands from its confirmation to its
 * end, and a later end replaces an earlier one. Against this every reply is held, whatever the
 * scene expects: no address is shown that does not stand for that sandbox, on every port that its
 * rules name, beyond TTL and grace, and none that was promised goes before its time.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_US 1000000u

static bool same_port(struct ng_port a, struct ng_port b)
{
	return a.proto == b.proto && a.port == b.port;
}

static struct element *element_find(const struct scene *scene, uint32_t sandbox,
				    const struct ng_addr *client, const struct ng_addr *addr,
				    struct ng_port port)
{
	struct element *element;

	DL_FOREACH (scene->elements, element) {
		if (element->sandbox == sandbox && ng_addr_equal(&element->client, client) &&
		    ng_addr_equal(&element->addr, addr) && same_port(element->port, port) &&
		    element->until_us > scene->now_us)
			return element;
	}
	return NULL;
}

static void element_free(struct scene *scene, struct element *element)
{
	struct promise *promise, *spare;

	DL_FOREACH_SAFE (element->promises, promise, spare) {
		free(promise);
	}
	DL_DELETE(scene->elements, element);
	free(element);
}

void kernel_order(struct scene *scene, const struct ng_lease_order *order)
{
	struct pending_order *pending = scene_alloc(sizeof(*pending));

	*pending = (struct pending_order){
		.number = order->number,
		.until_us = order->until_us,
		.sandbox = order->sandbox,
		.client = order->client,
		.addr = order->addr,
		.port = order->port,
	};
	DL_APPEND(scene->orders, pending);
}

void kernel_put(struct scene *scene, const struct pending_order *order)
{
	struct element *element =
		element_find(scene, order->sandbox, &order->client, &order->addr, order->port);

	if (!element) {
		element = scene_alloc(sizeof(*element));
		element->sandbox = order->sandbox;
		element->client = order->client;
		element->addr = order->addr;
		element->port = order->port;
		DL_APPEND(scene->elements, element);
	}
	if (order->until_us > element->until_us)
		element->until_us = order->until_us;
}

void kernel_settle(struct scene *scene, const struct line *line)
{
	struct pending_order *order = scene->orders;

	DL_DELETE(scene->orders, order);
	kernel_put(scene, order);
	ng_gate_lease_result(scene->gate, scene->now_us, order->number, NG_OK);
	free(order);
	seen_drain(scene, line); /* and so on, until nothing is ordered */
}

/* The warden works in order: what was ordered before a revocation does not outlive it. */
static void orders_drop(struct scene *scene, uint32_t sandbox,
			const struct ng_lease_order *revoked)
{
	struct pending_order *order, *spare;

	DL_FOREACH_SAFE (scene->orders, order, spare) {
		if (order->sandbox != sandbox)
			continue;
		if (revoked && (!ng_addr_equal(&order->addr, &revoked->addr) ||
				!same_port(order->port, revoked->port)))
			continue;
		DL_DELETE(scene->orders, order);
		free(order);
	}
}

void kernel_revoke(struct scene *scene, const struct ng_lease_order *order,
		   const struct line *line)
{
	struct element *element =
		element_find(scene, order->sandbox, &order->client, &order->addr, order->port);
	const struct promise *promise;
	char addr[NG_ADDR_TEXT], until[32];

	orders_drop(scene, order->sandbox, order);
	if (!element)
		return;
	DL_FOREACH (element->promises, promise) {
		if (promise->until_us > scene->now_us)
			scene_stop(scene, SCENE_FAILED, line, 1,
				   "a lease outlives its TTL: %s is closed, but a reply "
				   "promised it until %s",
				   ng_addr_format(&order->addr, addr),
				   time_text(promise->until_us, until));
	}
	element_free(scene, element);
}

static bool port_in(const struct ng_bounds *bounds, struct ng_port port)
{
	for (size_t i = 0; i < bounds->n_ports; i++) {
		if (same_port(bounds->ports[i], port))
			return true;
	}
	return !bounds->n_ports;
}

/* Whoever may open a private address: the rule, the sandbox, or a forward zone. */
static bool openable(const struct scene *scene, const struct box *box,
		     const struct ng_bounds *bounds, const struct ng_addr *addr)
{
	bool opened = ng_addr_openable(addr, bounds->opened, bounds->n_opened) ||
		      ng_addr_openable(addr, box->spec.opened, box->spec.n_opened);

	for (size_t i = 0; i < scene->n_routes; i++)
		opened |= ng_addr_openable(addr, scene->routes[i].opened,
					   scene->routes[i].n_opened);
	return opened;
}

/* Would this client, as policy is now, be given the name with that address and port? */
static bool justified_for(const struct scene *scene, const struct box *box,
			  const struct ng_name *name, const struct element *element,
			  const struct ng_addr *client)
{
	const struct ng_subject subject = {.names = name,
					   .n_names = 1,
					   .client = client,
					   .addrs = &element->addr,
					   .n_addrs = 1,
					   .answered = true};
	struct ng_decision decision;
	struct ng_bounds bounds;

	ng_policy_judge(&box->spec.policy, &subject, &decision);
	ng_policy_bounds(&box->spec.policy, &subject, &bounds);
	return port_in(&bounds, element->port) &&
	       openable(scene, box, &bounds, &element->addr) &&
	       (decision.verdict == NG_ALLOW || box->spec.mode == NG_OBSERVE);
}

static bool justified(const struct scene *scene, const struct box *box,
		      const struct ng_name *name, const struct element *element)
{
	bool paired = false, given = false;

	for (size_t i = 0; i < box->spec.n_sources; i++) {
		const struct ng_addr *source = &box->spec.sources[i].addr;
		const struct ng_addr *client =
			element->client.family ? &element->client : source;

		paired |= source->family == element->addr.family;
		given |= justified_for(scene, box, name, element, client);
	}
	return paired && given && box->spec.mode != NG_LOCKDOWN;
}

void kernel_judge(struct scene *scene)
{
	struct element *element;
	struct promise *promise, *spare;

	DL_FOREACH (scene->elements, element) {
		const struct box *box = box_by_id(scene, element->sandbox);

		DL_FOREACH_SAFE (element->promises, promise, spare) {
			if (box && justified(scene, box, &promise->name, element))
				continue;
			DL_DELETE(element->promises, promise);
			free(promise);
		}
	}
}

void kernel_forget(struct scene *scene, uint32_t sandbox)
{
	struct element *element;
	struct promise *promise, *spare;

	DL_FOREACH (scene->elements, element) {
		if (element->sandbox != sandbox)
			continue;
		DL_FOREACH_SAFE (element->promises, promise, spare) {
			DL_DELETE(element->promises, promise);
			free(promise);
		}
	}
}

void kernel_flush(struct scene *scene, uint32_t sandbox)
{
	struct element *element, *spare;

	orders_drop(scene, sandbox, NULL);
	DL_FOREACH_SAFE (scene->elements, element, spare) {
		if (element->sandbox == sandbox)
			element_free(scene, element);
	}
}

bool kernel_open(const struct scene *scene, uint32_t sandbox, const struct ng_addr *addr,
		 struct ng_port port)
{
	const struct element *element;

	DL_FOREACH (scene->elements, element) {
		if (element->sandbox == sandbox && ng_addr_equal(&element->addr, addr) &&
		    (!port.proto || !element->port.proto || same_port(element->port, port)) &&
		    element->until_us > scene->now_us)
			return true;
	}
	return false;
}

/* The element that lets this client reach addr at port: its own, or the whole sandbox's. */
static struct element *element_for(const struct scene *scene, const struct asker *asker,
				   const struct ng_addr *addr, struct ng_port port)
{
	const struct ng_addr whole = {0};
	const struct ng_port all = {0};
	uint32_t id = asker->box ? asker->box->spec.id : 0;
	struct element *found = element_find(scene, id, &whole, addr, port);

	if (!found)
		found = element_find(scene, id, &asker->addr, addr, port);
	if (!found && port.proto)
		found = element_for(scene, asker, addr, all);
	return found;
}

static void promise_make(struct element *element, const struct asker *asker, uint64_t until_us)
{
	struct promise *promise = scene_alloc(sizeof(*promise));

	promise->until_us = until_us;
	if (ng_name_from_wire(asker->wire + NG_HEADER_LEN, asker->len - NG_HEADER_LEN,
			      &promise->name) == NG_OK)
		ng_name_lower(&promise->name);
	DL_APPEND(element->promises, promise);
}

/* Does an alias lead from the first name into a forward zone of its own, at this one? */
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
static void bounds_narrow(const struct box *box, const struct ng_name *target,
			  struct ng_bounds *bounds)
{
	const struct ng_subject subject = {.names = target, .n_names = 1};
	struct ng_bounds own;
	size_t n = 0;

	ng_policy_bounds(&box->spec.policy, &subject, &own);
	if (!bounds->n_ports) {
		*bounds = own;
		return;
	}
	for (size_t i = 0; i < bounds->n_ports; i++) {
		if (port_in(&own, bounds->ports[i]))
			bounds->ports[n++] = bounds->ports[i];
	}
	bounds->n_ports = (uint8_t)n;
}

/* What policy bounds the reply to: by its names, its client and its addresses. */
static void bounds_of(const struct scene *scene, const struct asker *asker,
		      const struct reply_view *view, struct ng_bounds *out)
{
	struct ng_name names[NG_CHAIN_MAX + 2];
	struct ng_subject subject = {.names = names,
				     .n_names = 1,
				     .client = &asker->addr,
				     .addrs = view->addrs,
				     .n_addrs = view->n_addrs,
				     .answered = true};
	struct ng_decision decision;

	*out = (struct ng_bounds){0};
	if (!asker->box || ng_name_from_wire(asker->wire + NG_HEADER_LEN,
					     asker->len - NG_HEADER_LEN, &names[0]))
		return;
	ng_name_lower(&names[0]);
	ng_policy_decide(&asker->box->spec.policy, &names[0], &decision);
	for (size_t i = 0; i < view->n_cnames; i++) {
		struct ng_name *name = &names[subject.n_names];

		if (decision.match.action == NG_ACTION_LOCAL ||
		    ng_name_from_text(view->cnames[i], strlen(view->cnames[i]), name))
			break;
		ng_name_lower(name);
		subject.n_names++;
	}
	ng_policy_bounds(&asker->box->spec.policy, &subject, out);
	for (size_t i = 1; i < subject.n_names; i++) {
		if (!crosses(scene, &names[0], &names[i]))
			continue;
		bounds_narrow(asker->box, &names[i], out);
		return;
	}
}

static void promise_one(struct scene *scene, const struct asker *asker,
			const struct ng_addr *addr, struct ng_port port, uint32_t ttl,
			const struct line *line)
{
	uint32_t grace_s = scene->settings.grace_s ? scene->settings.grace_s : NG_GRACE_S;
	uint64_t need_us = scene->now_us + ((uint64_t)ttl + grace_s) * SECOND_US;
	struct element *element = element_for(scene, asker, addr, port);
	char text[NG_ADDR_TEXT], at[16], until[32], end[32];

	ng_addr_format(addr, text);
	port_text(port, at);
	if (!element)
		scene_stop(scene, SCENE_FAILED, line, 1,
			   "commit before reply: %s%s is shown to %s but does not stand "
			   "in the kernel's set for it",
			   text, at, asker->box ? asker->box->spec.name : "a stranger");
	else if (element->until_us < need_us)
		scene_stop(scene, SCENE_FAILED, line, 1,
			   "a lease outlives its TTL: %s%s is shown with TTL %u, with "
			   "grace until %s, but ends at %s",
			   text, at, ttl, time_text(need_us, until),
			   time_text(element->until_us, end));
	else
		promise_make(element, asker, need_us);
}

void kernel_promise(struct scene *scene, const struct asker *asker,
		    const struct reply_view *view, const struct line *line)
{
	struct ng_bounds bounds;
	const struct ng_port all = {0};

	bounds_of(scene, asker, view, &bounds);
	for (size_t i = 0; i < view->n_addrs; i++) {
		for (size_t j = 0; j < bounds.n_ports; j++)
			promise_one(scene, asker, &view->addrs[i], bounds.ports[j],
				    view->ttls[i], line);
		if (!bounds.n_ports)
			promise_one(scene, asker, &view->addrs[i], all, view->ttls[i], line);
	}
}

void kernel_finish(struct scene *scene)
{
	struct element *element, *next;
	struct pending_order *order, *after;

	DL_FOREACH_SAFE (scene->elements, element, next) {
		element_free(scene, element);
	}
	DL_FOREACH_SAFE (scene->orders, order, after) {
		free(order);
	}
}
