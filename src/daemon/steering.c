/*
 * The kernel's table of sources, kept as the boxes are: main alone writes it. A box's sources are
 * there from when the warden is told of it until it is gone. What cannot be written is said; such a
 * sandbox meets the first worker, which does not know it and answers it nothing.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "edge/confine.h"
#include "edge/program_steer.h"

static int write_one(const struct daemon *daemon, const struct ng_prefix *source,
		     const struct box *owner)
{
	return owner ? steer_put(daemon->steer, source, owner->worker)
		     : steer_take(daemon->steer, source);
}

/* Kernels before 5.19 want the rights again. owner NULL: nobody's. */
static int change(const struct daemon *daemon, const struct ng_prefix *source,
		  const struct box *owner)
{
	int code = write_one(daemon, source, owner);
	if (code != NG_E_PERM)
		return code;
	confine_raise(true);
	code = write_one(daemon, source, owner);
	confine_raise(false);
	return code;
}

static bool has(const struct ng_prefix *prefixes, size_t n, const struct ng_prefix *wanted)
{
	for (size_t i = 0; i < n; i++)
		if (prefixes[i].bits == wanted->bits &&
		    ng_addr_equal(&prefixes[i].addr, &wanted->addr))
			return true;
	return false;
}

static void tell(const struct box *box, int code)
{
	if (code)
		log_say(LOG_AS_ERROR,
			"sandbox %s: its worker cannot be made known to the kernel (%s); its "
			"queries are refused until a reload",
			box->conf.name, ng_strerror(code));
}

/* A source that another box has taken over meanwhile stays that one's. */
static void let_go(struct daemon *daemon, struct box *box, const struct box *keep)
{
	for (size_t i = 0; i < box->n_steered; i++) {
		const struct ng_prefix *source = &box->steered[i];
		if (keep && has(keep->conf.sources, keep->conf.n_sources, source))
			continue;
		tell(box, change(daemon, source, boxes_owner(&daemon->boxes, source, box)));
	}
	box->n_steered = 0;
}

void steering_put(struct daemon *daemon, struct box *box)
{
	if (!daemon->steer)
		return;
	let_go(daemon, box, box);
	for (size_t i = 0; i < box->conf.n_sources; i++) {
		box->steered[box->n_steered++] = box->conf.sources[i];
		tell(box, change(daemon, &box->conf.sources[i], box));
	}
}

void steering_take(struct daemon *daemon, struct box *box)
{
	if (daemon->steer)
		let_go(daemon, box, NULL);
}
