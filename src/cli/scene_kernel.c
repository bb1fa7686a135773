/*
 * The kernel's set as the warden would leave it: an element stands from its confirmation to its
 * end, and a later end replaces an earlier one. Against this every reply is held, whatever the
 * scene expects: no address is shown that does not stand for that sandbox beyond TTL and grace,
 * and none that was promised goes before its time.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdlib.h>

#define SECOND_US 1000000u

static struct element *element_find(const struct scene *scene, uint32_t sandbox,
				    const struct ng_addr *client, const struct ng_addr *addr)
{
	struct element *element;

	DL_FOREACH (scene->elements, element) {
		if (element->sandbox == sandbox && ng_addr_equal(&element->client, client) &&
		    ng_addr_equal(&element->addr, addr) && element->until_us > scene->now_us)
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
	};
	DL_APPEND(scene->orders, pending);
}

void kernel_put(struct scene *scene, uint32_t sandbox, const struct ng_addr *client,
		const struct ng_addr *addr, uint64_t until_us)
{
	struct element *element = element_find(scene, sandbox, client, addr);

	if (!element) {
		element = scene_alloc(sizeof(*element));
		element->sandbox = sandbox;
		element->client = *client;
		element->addr = *addr;
		DL_APPEND(scene->elements, element);
	}
	if (until_us > element->until_us)
		element->until_us = until_us;
}

void kernel_confirm(struct scene *scene, const struct pending_order *order)
{
	kernel_put(scene, order->sandbox, &order->client, &order->addr, order->until_us);
}

/* The warden works in order: what was ordered before a revocation does not outlive it. */
static void orders_drop(struct scene *scene, uint32_t sandbox, const struct ng_addr *addr)
{
	struct pending_order *order, *spare;

	DL_FOREACH_SAFE (scene->orders, order, spare) {
		if (order->sandbox != sandbox || (addr && !ng_addr_equal(&order->addr, addr)))
			continue;
		DL_DELETE(scene->orders, order);
		free(order);
	}
}

void kernel_revoke(struct scene *scene, const struct ng_lease_order *order,
		   const struct line *line)
{
	struct element *element =
		element_find(scene, order->sandbox, &order->client, &order->addr);
	const struct promise *promise;
	char addr[NG_ADDR_TEXT], until[32];

	orders_drop(scene, order->sandbox, &order->addr);
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

/* Does the sandbox, as it is now, still allow the name and have a source for the address? */
static bool justified(const struct box *box, const struct ng_name *name,
		      const struct ng_addr *addr)
{
	struct ng_decision decision;
	bool paired = false;

	ng_policy_decide(&box->spec.policy, name, &decision);
	for (size_t i = 0; i < box->spec.n_sources; i++)
		paired |= box->spec.sources[i].addr.family == addr->family;
	return paired && decision.verdict == NG_ALLOW && box->spec.mode == NG_ENFORCE;
}

void kernel_judge(struct scene *scene)
{
	struct element *element;
	struct promise *promise, *spare;

	DL_FOREACH (scene->elements, element) {
		const struct box *box = box_by_id(scene, element->sandbox);

		DL_FOREACH_SAFE (element->promises, promise, spare) {
			if (box && justified(box, &promise->name, &element->addr))
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

bool kernel_open(const struct scene *scene, uint32_t sandbox, const struct ng_addr *addr)
{
	const struct element *element;

	DL_FOREACH (scene->elements, element) {
		if (element->sandbox == sandbox && ng_addr_equal(&element->addr, addr) &&
		    element->until_us > scene->now_us)
			return true;
	}
	return false;
}

/* The element that lets this client reach addr: its own, or the whole sandbox's. */
static struct element *element_for(const struct scene *scene, const struct asker *asker,
				   const struct ng_addr *addr)
{
	const struct ng_addr whole = {0};
	struct element *element;

	if (!asker->box)
		return NULL;
	element = element_find(scene, asker->box->spec.id, &whole, addr);
	return element ? element : element_find(scene, asker->box->spec.id, &asker->addr, addr);
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

void kernel_promise(struct scene *scene, const struct asker *asker,
		    const struct reply_view *view, const struct line *line)
{
	uint32_t grace_s = scene->settings.grace_s ? scene->settings.grace_s : NG_GRACE_S;
	char addr[NG_ADDR_TEXT], until[32], end[32];

	for (size_t i = 0; i < view->n_addrs; i++) {
		struct element *element = element_for(scene, asker, &view->addrs[i]);
		uint64_t need_us =
			scene->now_us + ((uint64_t)view->ttls[i] + grace_s) * SECOND_US;

		ng_addr_format(&view->addrs[i], addr);
		if (!element) {
			scene_stop(scene, SCENE_FAILED, line, 1,
				   "commit before reply: %s is shown to %s but does not stand "
				   "in the kernel's set for it",
				   addr, asker->box ? asker->box->spec.name : "a stranger");
			return;
		}
		if (element->until_us < need_us) {
			scene_stop(scene, SCENE_FAILED, line, 1,
				   "a lease outlives its TTL: %s is shown with TTL %u, with "
				   "grace until %s, but ends at %s",
				   addr, view->ttls[i], time_text(need_us, until),
				   time_text(element->until_us, end));
			return;
		}
		promise_make(element, asker, need_us);
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
