/*
 * What replies promise. Every reply is held against the kernel's set, whatever the scene expects: no
 * address is shown that does not stand for that sandbox, on every port that its rules name, beyond
 * TTL and grace, and none that was promised is out of reach before its time.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_US 1000000u

/* ---- making ---- */

static bool same_way(const struct way *a, const struct way *b)
{
	if (a->n_names != b->n_names || a->led != b->led || a->replaced != b->replaced)
		return false;
	for (size_t i = 0; i < a->n_names; i++) {
		if (!ng_name_equal(&a->names[i], &b->names[i]))
			return false;
	}
	return true;
}

/* The same thing, to the same client where it has it for itself. */
static bool same_promise(const struct promise *a, const struct promise *b)
{
	return a->sandbox == b->sandbox && a->own == b->own &&
	       (!a->own || ng_addr_equal(&a->asker, &b->asker)) &&
	       ng_addr_equal(&a->addr, &b->addr) && a->port.proto == b->port.proto &&
	       a->port.port == b->port.port;
}

/* Of what came by the same names, the newest answer says what would be answered now. */
static void promise_keep(struct scene *scene, const struct promise *made)
{
	struct promise *promise;

	DL_FOREACH (scene->promises, promise) {
		if (same_promise(promise, made) && same_way(promise->way, made->way))
			break;
	}
	if (!promise) {
		promise = scene_alloc(sizeof(*promise));
		*promise = *made;
		DL_APPEND(scene->promises, promise);
		return;
	}
	promise->way = made->way;
	if (made->until_us > promise->until_us)
		promise->until_us = made->until_us;
}

static void promise_make(struct scene *scene, struct promise *made, uint32_t ttl,
			 const struct line *line)
{
	uint32_t grace_s = scene->settings.grace_s ? scene->settings.grace_s : NG_GRACE_S;
	const struct box *box = box_by_id(scene, made->sandbox);
	const struct element *element =
		kernel_reach(scene, made->sandbox, &made->asker, &made->addr, made->port);
	char text[NG_ADDR_TEXT], at[16], until[32], end[32];

	made->until_us = scene->now_us + ((uint64_t)ttl + grace_s) * SECOND_US;
	made->own = kernel_element(scene, made->sandbox, &made->asker, &made->addr,
				   made->port) != NULL;
	ng_addr_format(&made->addr, text);
	port_text(made->port, at);
	if (is_sandbox(scene, &made->addr))
		scene_stop(scene, SCENE_FAILED, line, 1,
			   "no way between sandboxes: %s%s is shown to %s, and a sandbox's own",
			   text, at, box ? box->spec.name : "a stranger");
	else if (!element)
		scene_stop(scene, SCENE_FAILED, line, 1,
			   "commit before reply: %s%s is shown to %s but does not stand "
			   "in the kernel's set for it",
			   text, at, box ? box->spec.name : "a stranger");
	else if (element->until_us < made->until_us)
		scene_stop(scene, SCENE_FAILED, line, 1,
			   "a lease outlives its TTL: %s%s is shown with TTL %u, with "
			   "grace until %s, but ends at %s",
			   text, at, ttl, time_text(made->until_us, until),
			   time_text(element->until_us, end));
	else
		promise_keep(scene, made);
}

/* localhost and what is below it, with the one address that leaves no host (RFC 6761 6.3)? */
static bool shows_loopback(const struct asker *asker, const struct reply_view *view)
{
	static const char localhost[] = "\11localhost";
	static const uint8_t one[16] = {[15] = 1}, one4[4] = {127, 0, 0, 1};
	const struct ng_addr *addr = &view->addrs[0];
	struct ng_name name;

	if (view->n_addrs != 1 || view->n_cnames ||
	    ng_name_from_wire(asker->wire + NG_HEADER_LEN, asker->len - NG_HEADER_LEN, &name))
		return false;
	ng_name_lower(&name);
	while (ng_name_labels(&name) > 1)
		(void)ng_name_parent(&name);
	return memcmp(name.wire, localhost, sizeof(localhost)) == 0 &&
	       memcmp(addr->bytes, addr->family == NG_IPV4 ? one4 : one, ng_addr_len(addr)) ==
		       0;
}

void promises_make(struct scene *scene, const struct asker *asker,
		   const struct reply_view *view, const struct line *line)
{
	struct way *way;
	struct ng_bounds bounds;

	if (!view->n_addrs || shows_loopback(asker, view))
		return;
	way = scene_alloc(sizeof(*way));
	DL_APPEND(scene->ways, way);
	way_read(scene, asker, view, way);
	way_bounds(scene, asker, way, &bounds);
	for (size_t i = 0; i < view->n_addrs; i++) {
		for (size_t j = 0; j < bounds.n_ports || j == 0; j++) {
			struct promise made = {
				.sandbox = asker->box ? asker->box->spec.id : 0,
				.asker = asker->addr,
				.addr = view->addrs[i],
				.way = way,
			};

			if (bounds.n_ports)
				made.port = bounds.ports[j];
			promise_make(scene, &made, view->ttls[i], line);
		}
	}
}

/* ---- keeping ---- */

void promises_check(struct scene *scene, uint32_t sandbox, const struct ng_addr *addr,
		    const struct line *line)
{
	const struct promise *promise;
	char text[NG_ADDR_TEXT], at[16], until[32];

	DL_FOREACH (scene->promises, promise) {
		const struct element *element;

		if (promise->sandbox != sandbox || !ng_addr_equal(&promise->addr, addr) ||
		    promise->until_us <= scene->now_us)
			continue;
		element = kernel_reach(scene, sandbox, &promise->asker, addr, promise->port);
		if (!element || element->until_us < promise->until_us)
			scene_stop(scene, SCENE_FAILED, line, 1,
				   "a lease outlives its TTL: %s%s is closed, but a reply "
				   "promised it until %s",
				   ng_addr_format(addr, text), port_text(promise->port, at),
				   time_text(promise->until_us, until));
	}
}

static void promise_end(struct scene *scene, struct promise *promise)
{
	DL_DELETE(scene->promises, promise);
	free(promise);
}

void promises_judge(struct scene *scene)
{
	struct promise *promise, *spare;

	DL_FOREACH_SAFE (scene->promises, promise, spare) {
		const struct box *box = box_by_id(scene, promise->sandbox);

		if (promise->until_us <= scene->now_us || !box ||
		    !promise_stands(scene, box, promise))
			promise_end(scene, promise);
	}
}

void promises_forget(struct scene *scene, uint32_t sandbox)
{
	struct promise *promise, *spare;

	DL_FOREACH_SAFE (scene->promises, promise, spare) {
		if (promise->sandbox == sandbox)
			promise_end(scene, promise);
	}
}

void promises_finish(struct scene *scene)
{
	struct promise *promise, *spare;
	struct way *way, *next;

	DL_FOREACH_SAFE (scene->promises, promise, spare) {
		free(promise);
	}
	DL_FOREACH_SAFE (scene->ways, way, next) {
		free(way);
	}
}
