/*
 * Servers that come from a resolv.conf are followed: what the host asks is what the gate asks, also
 * after another network or VPN came up.
 *
 * The files are looked at once a second by their metadata, so that it does not matter how they are
 * replaced, or which of several links on the way is. A change is a reload like any other: all of it
 * holds, or all stays as it was.
 */
#include "config.h"
#include "base/hash.h"
#include "daemon/daemon.h"
#include "daemon/log.h"

#include <sys/stat.h>

struct seen {
	uint64_t device, number, size, second, nanosecond;
};

/* Never 0, which means that nobody has looked yet. */
static uint64_t look(const struct conf *conf)
{
	uint64_t print = 1;
	for (size_t i = 0; i < conf->n_routes; i++) {
		struct seen seen = {0};
		struct stat at;
		if (!conf->routes[i].resolv_conf)
			continue;
		if (stat(conf->routes[i].resolv_conf, &at) == 0)
			seen = (struct seen){at.st_dev, at.st_ino, (uint64_t)at.st_size,
					     (uint64_t)at.st_mtim.tv_sec,
					     (uint64_t)at.st_mtim.tv_nsec};
		print = hash_octets(&seen, sizeof seen, print);
	}
	return print ? print : 1;
}

void resolv_note(struct daemon *daemon)
{
	daemon->resolv_seen = look(daemon->conf);
}

void resolv_tick(struct daemon *daemon)
{
	if (daemon->stopping || daemon->reload_open ||
	    look(daemon->conf) == daemon->resolv_seen)
		return;
	log_say(LOG_AS_NOTICE, "a resolv.conf that servers are taken from has changed; all is "
			       "read anew");
	/* Before it is read: what changes meanwhile is seen again. A reload that fails stays failed. */
	resolv_note(daemon);
	load_again(daemon, NULL);
}
