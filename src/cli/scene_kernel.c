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

/* It stands no longer; that it did, a look from outside may still show. */
static void element_revoke(struct scene *scene, struct element *element)
{
	struct promise *promise, *spare;

	DL_FOREACH_SAFE (element->promises, promise, spare) {
		DL_DELETE(element->promises, promise);
		free(promise);
	}
	element->until_us = scene->now_us;
	element->revoked = true;
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
	element_revoke(scene, element);
}

void kernel_judge(struct scene *scene)
{
	struct element *element;
	struct promise *promise, *spare;

	DL_FOREACH (scene->elements, element) {
		const struct box *box = box_by_id(scene, element->sandbox);

		DL_FOREACH_SAFE (element->promises, promise, spare) {
			if (box && promise_stands(scene, box, promise, element))
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

static struct element *longer(struct element *a, struct element *b)
{
	return !a || (b && b->until_us > a->until_us) ? b : a;
}

/* What lets this client reach addr at port longest: its own, the sandbox's, or for all ports. */
static struct element *element_for(const struct scene *scene, const struct asker *asker,
				   const struct ng_addr *addr, struct ng_port port)
{
	const struct ng_addr whole = {0};
	const struct ng_port all = {0};
	uint32_t id = asker->box ? asker->box->spec.id : 0;
	struct element *found = longer(element_find(scene, id, &whole, addr, port),
				       element_find(scene, id, &asker->addr, addr, port));

	return port.proto ? longer(found, element_for(scene, asker, addr, all)) : found;
}

static void promise_make(struct element *element, const struct promise *made, uint64_t until_us)
{
	struct promise *promise = scene_alloc(sizeof(*promise));

	*promise = *made;
	promise->until_us = until_us;
	DL_APPEND(element->promises, promise);
}

static void promise_one(struct scene *scene, const struct asker *asker,
			const struct promise *promise, const struct ng_addr *addr,
			struct ng_port port, uint32_t ttl, const struct line *line)
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
		promise_make(element, promise, need_us);
}

void kernel_promise(struct scene *scene, const struct asker *asker,
		    const struct reply_view *view, const struct line *line)
{
	struct promise promise;
	struct ng_bounds bounds;
	const struct ng_port all = {0};

	promise_read(asker, view, &promise);
	promise_bounds(scene, asker, &promise, &bounds);
	for (size_t i = 0; i < view->n_addrs; i++) {
		for (size_t j = 0; j < bounds.n_ports; j++)
			promise_one(scene, asker, &promise, &view->addrs[i], bounds.ports[j],
				    view->ttls[i], line);
		if (!bounds.n_ports)
			promise_one(scene, asker, &promise, &view->addrs[i], all, view->ttls[i],
				    line);
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
