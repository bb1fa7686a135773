/*
 * Listening sockets.
 *
 * UDP sockets report the address and interface that a packet came to: a reply must leave from
 * there, and the interface is half of a sandbox's identity. They get no SO_REUSEADDR, with which
 * another process could bind beside us and take queries (one of root's that joins the sockets of several
 * workers is never chosen by the program that steers them); TCP needs it to come back while old
 * connections linger. Path MTU discovery is off, so that a forged "fragmentation needed" cannot
 * make us send fragments. What was sent to be cut into many datagrams only here (UDP_SEGMENT) is taken
 * whole: whatever counts packets on the way has counted it once, and cut it would fill the buffer. Then
 * network devices put together what comes to that port, too (edge/udp.c takes both apart).
 */
#include "config.h"
#include "daemon/listen.h"
#include "edge/program_steer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
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
	if (turn(s, SOL_UDP, UDP_GRO, 1))
		return -1;
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

struct group { /* the sockets of one address and protocol */
	const struct listen_plan *plan;
	const struct conf_listen *at;
	bool tcp;
	int sockets; /* the kernel's table of them; -1: there is one only */
};

static int make_socket(const struct conf_listen *at, bool tcp)
{
	return socket(at->addr.family == NG_IPV4 ? AF_INET : AF_INET6,
		      (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/*
 * Sockets that share a port also share it with others of the same user, such as those of our former
 * self, whose steering would then hold. So the address is taken alone first.
 */
static int is_free(const struct group *group, char *why)
{
	int s = make_socket(group->at, group->tcp), code = NG_OK;
	if (s < 0 || set_up(s, group->at, group->tcp)) {
		explain(group->at, group->tcp, errno, why);
		code = NG_E_IO;
	}
	if (s >= 0)
		close(s);
	return code;
}

/* The first of a group has it steered before any packet can come. */
static int join(struct group *group, uint32_t worker, int s, char *why)
{
	const struct listen_plan *plan = group->plan;
	if (plan->workers <= 1)
		return NG_OK;
	if (turn(s, SOL_SOCKET, SO_REUSEPORT, 1)) {
		snprintf(why, LISTEN_WHY, "the kernel shares no port: %s", strerror(errno));
		return NG_E_UNSUPPORTED;
	}
	return worker ? NG_OK
		      : steer_group(plan->steer, s, plan->workers, &group->sockets, why);
}

static int open_one(struct group *group, uint32_t worker, struct listeners *to, char *why)
{
	const struct conf_listen *at = group->at;
	const bool tcp = group->tcp;
	int s = make_socket(at, tcp);
	int code = s < 0 ? NG_E_IO : join(group, worker, s, why);
	if (code == NG_OK && set_up(s, at, tcp))
		code = NG_E_IO;
	if (code == NG_E_IO)
		explain(at, tcp, errno, why);
	if (code == NG_OK && group->sockets >= 0)
		code = steer_member(group->sockets, worker, s, why);
	if (code == NG_OK) {
		to->items[to->n++] =
			(struct listener){.fd = s, .stream = tcp, .worker = worker};
		return NG_OK;
	}
	if (s >= 0)
		close(s);
	return code;
}

static int open_group(const struct listen_plan *plan, const struct conf_listen *at, bool tcp,
		      struct listeners *to, char *why)
{
	struct group group = {.plan = plan, .at = at, .tcp = tcp, .sockets = -1};
	int code = plan->workers > 1 ? is_free(&group, why) : NG_OK;
	for (uint32_t worker = 0; worker < plan->workers && !code; worker++)
		code = open_one(&group, worker, to, why);
	if (group.sockets >= 0)
		close(group.sockets); /* the program has it, as long as there is a socket */
	return code;
}

int listeners_open(const struct listen_plan *plan, struct listeners *out,
		   char why[static LISTEN_WHY])
{
	int code = NG_OK;
	_Static_assert(LISTEN_WHY >= PROGRAM_WHY, "one for all");
	out->n = 0;
	for (size_t i = 0; i < plan->n && !code; i++) {
		code = open_group(plan, &plan->at[i], false, out, why);
		if (!code)
			code = open_group(plan, &plan->at[i], true, out, why);
	}
	if (code)
		listeners_close(out);
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
