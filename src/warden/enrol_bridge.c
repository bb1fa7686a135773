/*
 * Sandboxes behind the port of a bridge: whether one may come, and what comes and goes with it.
 */
#include "warden/warden.h"

#include <string.h>

static bool same_name(const char *a, const char *b)
{
	return !strncmp(a, b, NG_IFNAME_MAX);
}

/* A bridge is one interface to a sandbox, or has its ports told apart, never both. */
static bool is_plain(const struct warden *warden, const char *bridge)
{
	struct sandbox *sandbox, *next;

	HASH_ITER (hh, warden->sandboxes.by_id, sandbox, next)
		if (!sandbox->is.bridge[0] && same_name(sandbox->is.interface, bridge))
			return true;
	return false;
}

static int admit_plain(struct warden *warden, const struct wall_sandbox *wanted)
{
	int64_t sandboxes = ports_sandboxes(&warden->ports, wanted->interface);

	if (sandboxes > 0) {
		say("sandbox %u is to have all of bridge %s, which has sandboxes on its ports; "
		    "name its port as the interface, and %s as its bridge",
		    wanted->id, wanted->interface, wanted->interface);
		return NG_E_EXISTS;
	}
	if (sandboxes == 0)
		ports_forget(&warden->ports, wanted->interface, &warden->ops);
	return NG_OK;
}

static int admit_port(struct warden *warden, const struct wall_sandbox *wanted)
{
	const bool doubted = warden->kernel.doubted;
	int system = 0, code;

	if (warden->declared.n) /* only our own tables tell ports apart */
		return NG_E_UNSUPPORTED;
	code = ports_check(&warden->ports, wanted->interface, wanted->bridge);
	if (code == NG_E_NOTFOUND)
		say("sandbox %u: interface %s is no port of bridge %s; ip link set %s master "
		    "%s "
		    "makes it one",
		    wanted->id, wanted->interface, wanted->bridge, wanted->interface,
		    wanted->bridge);
	if (code != NG_OK)
		return code;
	if (ports_sandboxes(&warden->ports, wanted->bridge) < 0 &&
	    is_plain(warden, wanted->bridge)) {
		say("sandbox %u is to be on a port of bridge %s, which another sandbox has as "
		    "its "
		    "interface; give that one its port as well",
		    wanted->id, wanted->bridge);
		return NG_E_EXISTS;
	}
	code = table_need_bridge(&warden->kernel, &system);
	setup_heard(warden, doubted);
	if (code == NG_E_UNSUPPORTED)
		say("sandbox %u: this kernel has no nftables for bridges; it needs "
		    "CONFIG_NF_TABLES_BRIDGE",
		    wanted->id);
	else if (code != NG_OK)
		say("sandbox %u: the table for bridges could not be made: %s", wanted->id,
		    strerror(system));
	return code;
}

int bridge_admit(struct warden *warden, const struct wall_sandbox *was,
		 const struct wall_sandbox *wanted)
{
	if (same_name(was->interface, wanted->interface) &&
	    same_name(was->bridge, wanted->bridge))
		return NG_OK;
	return wanted->bridge[0] ? admit_port(warden, wanted) : admit_plain(warden, wanted);
}

/* What the ports have put into the ops at hand is wanted. */
static void claim_from(struct warden *warden, size_t first)
{
	const size_t end = warden->ops.n;

	for (size_t i = first; i < end; i++)
		if (!warden->ops.items[i].remove)
			leftovers_claim(&warden->leftovers, &warden->ops.items[i],
					&warden->ops);
}

int bridge_move(struct warden *warden, const struct wall_sandbox *was,
		const struct wall_sandbox *is, uint32_t tag)
{
	size_t first = warden->ops.n;
	int code = NG_OK;

	if (same_name(was->bridge, is->bridge))
		return NG_OK;
	if (is->bridge[0])
		code = ports_hold(&warden->ports, is->bridge, &warden->ops, tag);
	if (was->bridge[0])
		ports_release(&warden->ports, was->bridge);
	claim_from(warden, first);
	return code;
}

void bridge_look(struct warden *warden)
{
	size_t first = warden->ops.n;

	if (!warden->kernel.ready || warden->dirty)
		return;
	ports_news(&warden->ports);
	ports_look(&warden->ports, &warden->ops);
	claim_from(warden, first);
}

void bridge_watch(struct warden *warden)
{
	bridge_look(warden);
	if (!warden->ops.n)
		return;
	if (!ops_settle(warden))
		warden->dirty = true;
	ops_sweep(warden);
}
