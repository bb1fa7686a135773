/*
 * Sandboxes without an interface, as the warden hears of them, and whether their cgroups stand.
 *
 * The rules about them stand only as long as there is one: other hosts' own packets shall cost
 * nothing. So the table is sent again, ahead of the sandbox, when a kind is new, and when one is gone.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/host.h"
#include "daemon/log.h"

#include <stdio.h>

uint16_t hosts_kinds(const struct daemon *daemon)
{
	struct box *box, *next;
	uint16_t kinds = 0;
	HASH_ITER (by_host, daemon->boxes.by_host, box, next)
		if (!box->removing || box->at_warden != SIDE_ABSENT)
			kinds |= host_kind(&box->conf);
	return kinds;
}

void hosts_tell(struct daemon *daemon)
{
	if (daemon->warden.up && hosts_kinds(daemon) != daemon->hosts)
		feed_table(daemon);
}

static void look_at(struct daemon *daemon, struct box *box)
{
	char what[NG_CGROUP_MAX + 32], why[HOST_WHY];
	if (box->absent) {
		if (host_look_up(daemon->conf, &box->conf, why))
			return;
		log_say(LOG_AS_NOTICE, "sandbox %s: cgroup %s is there again", box->conf.name,
			box->conf.cgroup);
		sync_return(daemon, box);
	} else if (!host_stands(&box->conf)) {
		snprintf(what, sizeof what, "its cgroup %s is gone", box->conf.cgroup);
		links_gone(daemon, box, what);
	}
}

void hosts_tick(struct daemon *daemon)
{
	struct box *box, *next;
	if (!daemon->hosts || daemon->stopping)
		return;
	HASH_ITER (by_host, daemon->boxes.by_host, box, next)
		if (conf_who(&box->conf) == WALL_BY_CGROUP && !box->removing && !box->stale &&
		    !box->waiting)
			look_at(daemon, box);
}
