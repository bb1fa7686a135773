/*
 * Wall packets on SOCK_SEQPACKET descriptors.
 *
 * The kernel keeps packet borders, so a packet is whole or it is wrong: there is no half-arrived
 * state to put back. Whatever comes is taken as hostile until wall_check() has passed it; the
 * descriptors that came along are closed on every path but the good one, or a taken-over peer
 * could fill our descriptor table.
 */
#include "config.h"
#include "edge/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNEL_BUFFER (4 << 20)
/* More than any kind carries: a surplus is seen, counted and closed instead of cut off unseen. */
#define CHANNEL_FDS 8

union control {
	struct cmsghdr align;
	char octets[CMSG_SPACE(CHANNEL_FDS * sizeof(int))];
};

static void widen(int end)
{
	int size = CHANNEL_BUFFER;

	/* Beyond net.core.wmem_max only with CAP_NET_ADMIN; without it we take what we get. */
	if (setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int channel_pair(int ends[static 2])
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return NG_E_IO;
	widen(pair[0]);
	widen(pair[1]);
	ends[0] = pair[0];
	ends[1] = pair[1];
	return NG_OK;
}

static void attach(struct msghdr *message, union control *control, int fd)
{
	struct cmsghdr *head;

	memset(control, 0, sizeof(*control));
	message->msg_control = control->octets;
	message->msg_controllen = CMSG_SPACE(sizeof(int));
	head = CMSG_FIRSTHDR(message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
}

int channel_send(int channel, const struct wall_packet *packet, int fd)
{
	struct iovec part = {
		.iov_base = (void *)packet,
		.iov_len =
			wall_packet_size((enum wall_kind)packet->head.kind, packet->head.count),
	};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union control control;
	ssize_t sent;

	if (fd >= 0)
		attach(&message, &control, fd);
	do
		sent = sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return NG_OK;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)
		return NG_E_FULL;
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return NG_E_CLOSED;
	return NG_E_IO;
}

/* Takes the descriptors out of a received message; returns how many there are. */
static size_t collect(struct msghdr *message, int fds[static CHANNEL_FDS])
{
	size_t n = 0;

	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head;
	     head = CMSG_NXTHDR(message, head)) {
		size_t held;

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		held = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (held > CHANNEL_FDS - n)
			held = CHANNEL_FDS - n;
		memcpy(fds + n, CMSG_DATA(head), held * sizeof(int));
		n += held;
	}
	return n;
}

static int refuse(const int *fds, size_t n, int code)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	return code;
}

int channel_receive(int channel, enum wall_way way, struct wall_packet *packet, int *fd)
{
	union control control;
	struct iovec part = {.iov_base = packet, .iov_len = sizeof(*packet)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof(control.octets),
	};
	int fds[CHANNEL_FDS];
	ssize_t got;
	size_t n;

	do
		got = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return NG_E_NOTFOUND;
	if (got < 0)
		return errno == ECONNRESET || errno == ENOTCONN ? NG_E_CLOSED : NG_E_IO;
	n = collect(&message, fds);
	if (got == 0)
		return refuse(fds, n, NG_E_CLOSED);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return refuse(fds, n, NG_E_FORMAT);
	if (n > 1 || wall_check(way, packet, (size_t)got, n) != NG_OK)
		return refuse(fds, n, NG_E_FORMAT);
	*fd = n ? fds[0] : -1;
	return NG_OK;
}
