/*
 * The identity of a TCP client: its address, and the interface that its SYN came in by, which a
 * sandbox cannot choose.
 */
#include "config.h"
#include "edge/stream_who.h"

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Linux keeps the interface of the SYN with the connection and tells it as an old-style option. */
static uint32_t ifindex_of(int fd)
{
	union {
		struct cmsghdr align;
		char octets[256];
	} control;
	struct msghdr message = {.msg_control = control.octets};
	socklen_t len = sizeof(control);

	if (getsockopt(fd, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, control.octets, &len) < 0 ||
	    !len) {
		len = sizeof(control);
		if (getsockopt(fd, IPPROTO_IP, IP_PKTOPTIONS, control.octets, &len) < 0)
			return 0;
	}
	message.msg_controllen = len;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head;
	     head = CMSG_NXTHDR(&message, head)) {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;

		if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(head), sizeof(v4));
			return (uint32_t)v4.ipi_ifindex;
		}
		if (head->cmsg_level == IPPROTO_IPV6 &&
		    (head->cmsg_type == IPV6_PKTINFO || head->cmsg_type == IPV6_2292PKTINFO)) {
			memcpy(&v6, CMSG_DATA(head), sizeof(v6));
			return v6.ipi6_ifindex;
		}
	}
	return 0;
}

static struct ng_addr address_of(const struct sockaddr_in6 *peer)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;

	if (peer->sin6_family == AF_INET)
		return ng_addr_make(NG_IPV4, (const uint8_t *)&v4->sin_addr);
	if (IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr))
		return ng_addr_make(NG_IPV4, peer->sin6_addr.s6_addr + 12);
	return ng_addr_make(NG_IPV6, peer->sin6_addr.s6_addr);
}

int stream_who(int fd, struct stream_who *out)
{
	struct sockaddr_in6 peer = {0};
	socklen_t len = sizeof(peer);
	struct ifreq request = {0};
	struct stream_who who = {0};

	if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
		return NG_E_CLOSED;
	who.addr = address_of(&peer);
	who.ifindex = ifindex_of(fd);
	request.ifr_ifindex = (int)who.ifindex;
	if (who.ifindex && ioctl(fd, SIOCGIFNAME, &request) == 0)
		memcpy(who.interface, request.ifr_name, sizeof(who.interface) - 1);
	*out = who;
	return NG_OK;
}

int stream_peer(int fd, struct ng_peer *out)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return NG_E_CLOSED;
	*out = (struct ng_peer){
		.known = true,
		.pid = (uint32_t)peer.pid,
		.uid = peer.uid,
		.gid = peer.gid,
	};
	return NG_OK;
}
