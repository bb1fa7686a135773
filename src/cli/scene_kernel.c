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
	char addr[NG_ADDR_TEXT], until[32];

	orders_drop(scene, order->sandbox, &order->addr);
	if (!element)
		return;
	if (element->promised_us > scene->now_us && !scene->revoking)
		scene_stop(scene, SCENE_FAILED, line, 1,
			   "a lease outlives its TTL: %s is closed, but a reply promised it "
			   "until %s",
			   ng_addr_format(&order->addr, addr),
			   time_text(element->promised_us, until));
	DL_DELETE(scene->elements, element);
	free(element);
}

void kernel_flush(struct scene *scene, uint32_t sandbox)
{
	struct element *element, *spare;

	orders_drop(scene, sandbox, NULL);
	DL_FOREACH_SAFE (scene->elements, element, spare) {
		if (element->sandbox != sandbox)
			continue;
		DL_DELETE(scene->elements, element);
		free(element);
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
		if (need_us > element->promised_us)
			element->promised_us = need_us;
	}
}

void kernel_finish(struct scene *scene)
{
	struct element *element, *next;
	struct pending_order *order, *after;

	DL_FOREACH_SAFE (scene->elements, element, next) {
		free(element);
	}
	DL_FOREACH_SAFE (scene->orders, order, after) {
		free(order);
	}
}
