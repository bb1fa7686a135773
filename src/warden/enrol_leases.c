/*
 * The leases of a sandbox that has changed: who owns them, which it may keep, and the flows that end
 * with those that it may not.
 */
#include "warden/warden.h"

typedef void group_fn(struct warden *warden, struct group *group, struct sandbox *sandbox);

static void each_group(struct warden *warden, const struct ng_prefix *source, group_fn *act,
		       struct sandbox *sandbox)
{
	struct group *group;

	if (ng_prefix_is_host(source)) {
		group = mirror_group(&warden->mirror, &source->addr);
		if (group)
			act(warden, group, sandbox);
		return;
	}
	for (group = mirror_next_group(&warden->mirror, NULL); group;
	     group = mirror_next_group(&warden->mirror, group))
		if (ng_prefix_contains(source, &group->source))
			act(warden, group, sandbox);
}

static void disown(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	(void)warden;
	(void)sandbox;
	group->owner = NULL;
}

static void own(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	const struct lease *lease = NULL;

	group->owner = sandbox;
	while ((lease = mirror_next_of(&warden->mirror, group, lease)))
		sandbox->leases++;
}

static bool is_static(const struct sandbox *sandbox, const struct lease_key *key)
{
	struct wall_static item = {
		.prefix = {.addr = key->to, .bits = (uint8_t)(8 * ng_addr_len(&key->to))},
		.proto = key->proto,
		.port = key->port};

	return statics_has(&sandbox->statics, &item);
}

/* May the sandbox as it is now keep this one? */
static bool stays(struct warden *warden, struct lease *lease, const struct sandbox *sandbox)
{
	const struct lease_key key = mirror_key(&warden->mirror, lease);
	const struct wall_sandbox *is = &sandbox->is;
	bool leasable = is->mode != MODE_LOCKDOWN &&
			ng_addr_openable(&key.to, is->opened, is->n_opened);

	if (!lease->fixed)
		return leasable;
	return is_static(sandbox, &key) || (leasable && fixed_fall_back(warden, lease));
}

static void prune(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	const uint8_t bits = (uint8_t)(8 * ng_addr_len(&group->source));
	struct lease *lease = NULL;

	while ((lease = mirror_next_of(&warden->mirror, group, lease))) {
		const struct lease_key key = mirror_key(&warden->mirror, lease);
		struct cut cut = {.source = {.addr = key.source, .bits = bits},
				  .to = {.addr = key.to, .bits = bits},
				  .proto = key.proto,
				  .port = key.port,
				  .weigh = true};

		if (group->owner && stays(warden, lease, sandbox))
			continue;
		lease->fixed = false;
		lease_close(warden, lease);
		cuts_add(&warden->cuts, &cut);
	}
}

static void close_group(struct warden *warden, struct group *group, struct sandbox *sandbox)
{
	struct lease *lease = NULL;

	(void)sandbox;
	while ((lease = mirror_next_of(&warden->mirror, group, lease))) {
		lease->fixed = false;
		lease_close(warden, lease);
	}
}

void enrol_cut(struct warden *warden, const struct ng_prefix *source, bool weigh)
{
	struct cut cut = {.source = *source, .weigh = weigh};

	cuts_add(&warden->cuts, &cut);
}

void enrol_close(struct warden *warden, const struct wall_sandbox *was)
{
	for (size_t i = 0; i < was->n_sources; i++) {
		each_group(warden, &was->sources[i], disown, NULL);
		each_group(warden, &was->sources[i], close_group, NULL);
		enrol_cut(warden, &was->sources[i], false);
	}
}

void enrol_settle(struct warden *warden, const struct wall_sandbox *was,
		  struct sandbox *sandbox)
{
	sandbox->leases = 0;
	for (size_t i = 0; i < was->n_sources; i++)
		each_group(warden, &was->sources[i], disown, NULL);
	for (size_t i = 0; i < sandbox->is.n_sources; i++)
		each_group(warden, &sandbox->is.sources[i], own, sandbox);
	for (size_t i = 0; i < was->n_sources; i++) {
		each_group(warden, &was->sources[i], prune, sandbox);
		if (!has_source(&sandbox->is, &was->sources[i]))
			enrol_cut(warden, &was->sources[i], false);
	}
	for (size_t i = 0; i < sandbox->is.n_sources; i++) {
		each_group(warden, &sandbox->is.sources[i], prune, sandbox);
		/* What passed unleased stops passing; in lockdown nothing is spared. */
		if (sandbox->is.mode == MODE_LOCKDOWN ||
		    (was->mode == MODE_OBSERVE && sandbox->is.mode != MODE_OBSERVE))
			enrol_cut(warden, &sandbox->is.sources[i],
				  sandbox->is.mode != MODE_LOCKDOWN);
	}
}

void enrol_prune(struct warden *warden)
{
	struct sandbox *sandbox, *next;

	HASH_ITER (hh, warden->sandboxes.by_id, sandbox, next) {
		enrol_settle(warden, &sandbox->is, sandbox);
	}
}
