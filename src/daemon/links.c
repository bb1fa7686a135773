/*
 * Interfaces that come and go.
 *
 * A sandbox whose interface was there and is gone must not leave its addresses open for whoever gets
 * that name next. One that was registered at run time is unregistered, as its owner would have
 * done it; one of the configuration is withdrawn, and stands again when the interface does. An
 * interface of the same name with another number is another interface. One that was never there is
 * waited for.
 *
 * The kernel tells of every change; what is looked at then is how things are, so that news which
 * was lost, or which came in another order, does no harm.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/log.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS 50 /* changes come in flocks */

unsigned links_index(const struct box *box)
{
	return box->conf.interface[0] ? if_nametoindex(box->conf.interface) : 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct if_nameindex *)a)->if_name,
		      ((const struct if_nameindex *)b)->if_name);
}

static unsigned find(const struct if_nameindex *all, size_t n, const char *name)
{
	const struct if_nameindex key = {.if_name = (char *)(uintptr_t)name};
	const struct if_nameindex *found = bsearch(&key, all, n, sizeof(*all), compare);
	return found ? found->if_index : 0;
}

static void note(const struct daemon *daemon, const struct box *box, const char *what,
		 const char *event)
{
	json_t *line = json_pack("{s:o, s:s, s:s, s:s}", "time", approvals_when(), "event",
				 event, "sandbox", box->conf.name, "reason", what);
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	if (!text || !approvals_record(daemon, text))
		log_say(LOG_AS_WARNING, "sandbox %s: the record could not be written",
			box->conf.name);
	free(text);
	json_decref(line);
}

void links_gone(struct daemon *daemon, struct box *box, const char *what)
{
	note(daemon, box, what, "sandbox-gone");
	if (!box->runtime) {
		log_say(LOG_AS_WARNING,
			"sandbox %s: %s; it is withdrawn until that is there again",
			box->conf.name, what);
		sync_withdraw(daemon, box);
		return;
	}
	log_say(LOG_AS_WARNING, "sandbox %s: %s; it is unregistered", box->conf.name, what);
	if (registry_remove(daemon->registry, box->conf.name))
		log_say(LOG_AS_ERROR, "sandbox %s: cannot be taken out of the registry",
			box->conf.name);
	approvals_forget(daemon, box->id);
	sync_remove(daemon, box);
}

static void look_at(struct daemon *daemon, struct box *box, unsigned now)
{
	if (box->removing || box->stale)
		return;
	if (box->absent && now) {
		log_say(LOG_AS_NOTICE, "sandbox %s: interface %s is there again",
			box->conf.name, box->conf.interface);
		note(daemon, box, "its interface is there again", "sandbox-back");
		box->link = now;
		sync_return(daemon, box);
	} else if (!box->absent && box->link && box->link != now) {
		char what[64 + NG_IFNAME_MAX];
		snprintf(what, sizeof what, "its interface %s is gone", box->conf.interface);
		box->link = 0;
		links_gone(daemon, box, what);
	} else if (now) {
		box->link = now;
	}
}

static void look(struct daemon *daemon)
{
	struct if_nameindex *all = if_nameindex();
	struct box *box, *next;
	size_t n = 0;
	if (!all) {
		links_look_soon(daemon);
		return;
	}
	while (all[n].if_index)
		n++;
	qsort(all, n, sizeof *all, compare);
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		if (box->conf.interface[0] && !daemon->stopping)
			look_at(daemon, box, find(all, n, box->conf.interface));
	if_freenameindex(all);
}

static void on_pause(uv_timer_t *timer)
{
	look(timer->data);
}

void links_look_soon(struct daemon *daemon)
{
	if (!uv_is_active((uv_handle_t *)&daemon->links_timer))
		uv_timer_start(&daemon->links_timer, on_pause, PAUSE_MS, 0);
}

static void on_news(uv_poll_t *poll, int status, int events)
{
	char news[8192];
	struct daemon *daemon = poll->data;
	(void)status;
	(void)events;
	while (recv(daemon->links_fd, news, sizeof news, MSG_DONTWAIT) >= 0)
		;
	links_look_soon(daemon);
}

void links_start(struct daemon *daemon)
{
	const struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	uv_timer_init(&daemon->loop, &daemon->links_timer);
	daemon->links_timer.data = daemon->links_poll.data = daemon;
	daemon->links_fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (daemon->links_fd >= 0 &&
	    !bind(daemon->links_fd, (const struct sockaddr *)&group, sizeof group) &&
	    !uv_poll_init(&daemon->loop, &daemon->links_poll, daemon->links_fd)) {
		uv_poll_start(&daemon->links_poll, UV_READABLE, on_news);
		return;
	}
	log_say(LOG_AS_WARNING, "interfaces that vanish are not noticed: %s", strerror(errno));
	if (daemon->links_fd >= 0)
		close(daemon->links_fd);
	daemon->links_fd = -1;
}

void links_stop(struct daemon *daemon)
{
	if (uv_is_closing((uv_handle_t *)&daemon->links_timer))
		return;
	if (daemon->links_fd >= 0) {
		uv_close((uv_handle_t *)&daemon->links_poll, NULL);
		close(daemon->links_fd);
	}
	uv_close((uv_handle_t *)&daemon->links_timer, NULL);
}
