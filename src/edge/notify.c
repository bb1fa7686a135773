/*
 * sd_notify(3): one datagram of NAME=VALUE lines to the socket that the manager named. The
 * protocol is fixed and small, so libsystemd is not needed for it. A name that begins with "@"
 * is in the abstract namespace (unix(7)).
 */
#include "edge/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	if (len < 2 || len >= sizeof to.sun_path || (name[0] != '/' && name[0] != '@'))
		return -1;
	memcpy(to.sun_path, name, len);
	if (name[0] == '@')
		to.sun_path[0] = '\0';
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (s >= 0 && connect(s, (const struct sockaddr *)&to, size)) {
		close(s);
		return -1;
	}
	return s;
}

/* WATCHDOG_PID names the process that is watched, when it is there. */
static uint64_t watchdog_interval(void)
{
	const char *interval_us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (!interval_us || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(interval_us, NULL, 10) / 2000; /* twice as often as asked */
}

struct notify notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct notify notify = {.socket = name ? connect_to(name) : -1,
				.watchdog_ms = watchdog_interval()};
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return notify;
}

void notify_send(const struct notify *notify, const char *state)
{
	if (notify->socket >= 0)
		(void)!send(notify->socket, state, strlen(state), MSG_NOSIGNAL);
}

void notify_close(struct notify *notify)
{
	if (!notify || notify->socket < 0)
		return;
	close(notify->socket);
	notify->socket = -1;
}
