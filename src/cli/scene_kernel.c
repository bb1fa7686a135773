/*
 * The kernel's set as the warden would leave it: an element stands from its confirmation to its
 * end, and a later end replaces an earlier one.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdlib.h>
#include <string.h>

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

/* It stands no longer; that it did, a look from outside may still show. */
void kernel_revoke(struct scene *scene, const struct ng_lease_order *order,
		   const struct line *line)
{
	struct element *element =
		element_find(scene, order->sandbox, &order->client, &order->addr, order->port);

	orders_drop(scene, order->sandbox, order);
	if (!element)
		return;
	element->until_us = scene->now_us;
	element->revoked = true;
	promises_check(scene, order->sandbox, &order->addr, line);
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

const struct element *kernel_element(const struct scene *scene, uint32_t sandbox,
				     const struct ng_addr *client, const struct ng_addr *addr,
				     struct ng_port port)
{
	return element_find(scene, sandbox, client, addr, port);
}

static const struct element *longer(const struct element *a, const struct element *b)
{
	return !a || (b && b->until_us > a->until_us) ? b : a;
}

const struct element *kernel_reach(const struct scene *scene, uint32_t sandbox,
				   const struct ng_addr *client, const struct ng_addr *addr,
				   struct ng_port port)
{
	const struct ng_addr whole = {0};
	const struct ng_port all = {0};
	const struct element *found = longer(element_find(scene, sandbox, &whole, addr, port),
					     element_find(scene, sandbox, client, addr, port));

	return port.proto ? longer(found, kernel_reach(scene, sandbox, client, addr, all))
			  : found;
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
