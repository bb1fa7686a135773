/*
 * Listening sockets.
 *
 * UDP sockets report the address and interface that a packet came to: a reply must leave from
 * there, and the interface is half of a sandbox's identity. They get no SO_REUSEADDR, with which
 * another process could bind beside us and take queries; TCP needs it to come back while old
 * connections linger. Path MTU discovery is off, so that a forged "fragmentation needed" cannot
 * make us send fragments.
 */
#include "config.h"
#include "daemon/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define UDP_BUFFER  (4 << 20)
#define TCP_BACKLOG 512
#define BUSY_TRIES  40 /* our former self may be on its way out with the sockets */
#define BUSY_MS     50

union sock {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t sock_make(const struct conf_listen *at, union sock *to)
{
	memset(to, 0, sizeof *to);
	if (at->addr.family == NG_IPV4) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons(at->port);
		memcpy(&to->v4.sin_addr, at->addr.bytes, 4);
		return sizeof to->v4;
	}
	to->v6.sin6_family = AF_INET6;
	to->v6.sin6_port = htons(at->port);
	memcpy(&to->v6.sin6_addr, at->addr.bytes, 16);
	return sizeof to->v6;
}

static int turn(int s, int level, int option, int value)
{
	return setsockopt(s, level, option, &value, sizeof value);
}

static int set_udp(int s, bool v6)
{
	if (turn(s, SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER))
		(void)turn(s, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER);
	if (v6)
		return turn(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) ||
		       turn(s, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	return turn(s, IPPROTO_IP, IP_PKTINFO, 1) ||
	       turn(s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
}

static int bind_soon(int s, const union sock *to, socklen_t len)
{
	const struct timespec pause = {.tv_nsec = BUSY_MS * 1000000};

	for (int i = 0; i < BUSY_TRIES; i++) {
		if (!bind(s, &to->any, len))
			return 0;
		if (errno != EADDRINUSE)
			return -1;
		nanosleep(&pause, NULL);
	}
	return bind(s, &to->any, len);
}

static int set_up(int s, const struct conf_listen *at, bool tcp)
{
	union sock to;
	socklen_t len = sock_make(at, &to);
	bool v6 = to.any.sa_family == AF_INET6;
	if (v6 && turn(s, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		return -1;
	if (tcp ? turn(s, SOL_SOCKET, SO_REUSEADDR, 1) : set_udp(s, v6))
		return -1;
	if (bind_soon(s, &to, len))
		return -1;
	return tcp ? listen(s, TCP_BACKLOG) : 0;
}

static void explain(const struct conf_listen *at, bool tcp, int error, char *why)
{
	char text[NG_ADDR_TEXT];
	const char *hint =
		error == EADDRINUSE ? "another server has that port; stop it, or set another "
				      "\"listen\""
		: error == EACCES
			? "ports below 1024 need CAP_NET_BIND_SERVICE; start with sudo "
			  "or the systemd unit"
		: error == EADDRNOTAVAIL
			? "no interface has that address; add it, or listen on 0.0.0.0 "
			  "or ::"
			: "see \"listen\" in the configuration";
	snprintf(why, LISTEN_WHY, "cannot listen on %s port %u, %s: %s; %s",
		 ng_addr_format(&at->addr, text), at->port, tcp ? "TCP" : "UDP",
		 strerror(error), hint);
}

static int open_one(const struct conf_listen *at, bool tcp, struct listeners *to, char *why)
{
	int family = at->addr.family == NG_IPV4 ? AF_INET : AF_INET6;
	int s = socket(family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0);
	if (s >= 0 && !set_up(s, at, tcp)) {
		to->items[to->n++] = (struct listener){.fd = s, .stream = tcp};
		return NG_OK;
	}
	explain(at, tcp, errno, why);
	if (s >= 0)
		close(s);
	return NG_E_IO;
}

int listeners_open(const struct conf_listen *at, size_t n, struct listeners *out,
		   char why[static LISTEN_WHY])
{
	static struct listeners open; /* too large for the stack */
	int code = NG_OK;
	open.n = 0;
	for (size_t i = 0; i < n && !code; i++) {
		code = open_one(&at[i], false, &open, why);
		if (!code)
			code = open_one(&at[i], true, &open, why);
	}
	if (code)
		listeners_close(&open);
	else
		*out = open;
	return code;
}

void listener_close(struct listener *listener)
{
	if (listener->path[0])
		unlink(listener->path);
	close(listener->fd);
}

void listeners_close(struct listeners *listeners)
{
	if (!listeners)
		return;
	for (size_t i = 0; i < listeners->n; i++)
		listener_close(&listeners->items[i]);
	listeners->n = 0;
}
