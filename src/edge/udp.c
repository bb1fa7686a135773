/*
 * UDP listeners, batched.
 *
 * One recvmmsg() takes up to a batch of queries, the engine answers most of them on the spot, and
 * one sendmmsg() at the end of the loop turn carries the answers: two system calls for 64 queries.
 * Each packet brings IP_PKTINFO: the address that was asked, so that the reply leaves from it, and
 * the interface it came in by, which is half of a sandbox's identity and the way back to it.
 *
 * Datagrams that are to be cut apart only here come as one, with the length of each (UDP_GRO, see
 * daemon/listen.c). Whatever limits packets has counted one, so of each no more than two are taken, of a
 * client that asks for both kinds of addresses. But network devices put together what one client asks in
 * a burst, too: so now and then more are taken, of all clients only so many in a second.
 *
 * Where a query came from is kept in a table of slots; the handle is the slot's number and its
 * generation, so a handle used twice or too late hits nothing. The table is bounded: when it is
 * full the packet is dropped, as it would be by a full socket buffer.
 */
#include "config.h"
#include "edge/udp.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH         64
#define MANY          8 /* of a batch: worth two system calls not to wait on the socket meanwhile */
#define QUERY_MAX     4096
#define SLOTS         (1u << 17)
#define NO_SLOT       UINT32_MAX
#define GLUED         2    /* taken of each packet; and of all together beyond that: */
#define SPARE_MOST    1024 /* at once */
#define SPARE_PER_MS  1
#define NAMES         1024 /* interfaces remembered; a collision costs one more system call */
#define NAME_FRESH_MS 1000

union peer {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

union control {
	struct cmsghdr align;
	char octets[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

struct way {               /* that a packet came by */
	uint8_t asked[16]; /* the address of ours that was asked; IPv4 uses four octets */
	uint32_t ifindex;
	int piece; /* the length of each datagram that is glued into it; 0: it is one */
};

struct slot {
	union peer peer;
	struct way way;
	uint32_t generation; /* odd while in use */
	uint32_t next;
	uint8_t listener;
};

struct batch {
	struct mmsghdr heads[BATCH];
	struct iovec parts[BATCH];
	union peer peers[BATCH];
	union control controls[BATCH];
};

struct intake {
	struct batch batch;
	uint8_t octets[BATCH][QUERY_MAX];
};

struct outlet { /* [first, n) are waiting */
	struct batch batch;
	unsigned first, n;
	uint8_t octets[BATCH][NG_UDP_ADVERTISED];
};

struct listener {
	uv_poll_t poll;
	struct udp *udp;
	struct outlet outlet;
	int fd, events;
	uint8_t index;
	bool v6;
	bool away; /* not waited on until the answers have left */
};

struct interface_name {
	uint32_t ifindex;
	uint64_t until_ms;
	char name[NG_IFNAME_MAX];
};

struct udp {
	uv_loop_t *loop;
	struct udp_calls calls;
	struct listener *listeners[NG_LISTENERS_MAX];
	uint8_t n_listeners;
	bool started;
	uint32_t free, fresh; /* head of the free list; first slot never used */
	struct slot *slots;
	struct interface_name names[NAMES];
	struct udp_counters counters;
	size_t spare; /* datagrams that may still be taken out of packets beyond GLUED, at spare_ms */
	uint64_t spare_ms;
	struct intake intake;
};

/* ---- who asked: slots and names ---- */

static uint32_t slot_take(struct udp *udp)
{
	uint32_t index = udp->free;

	if (index != NO_SLOT)
		udp->free = udp->slots[index].next;
	else if (udp->fresh < SLOTS)
		index = udp->fresh++;
	else
		return NO_SLOT;
	udp->slots[index].generation++;
	return index;
}

/* The slot behind a handle, given back; NULL when the handle is not in use (any more). */
static const struct slot *slot_give(struct udp *udp, uint64_t handle)
{
	uint32_t index = (uint32_t)handle;
	struct slot *slot;

	if (index >= udp->fresh)
		return NULL;
	slot = &udp->slots[index];
	if (!(slot->generation & 1) || slot->generation != (uint32_t)(handle >> 32))
		return NULL;
	/* 31 bits travel in the handle: bit 63 is the mark of another edge. */
	slot->generation = (slot->generation + 1) & INT32_MAX;
	slot->next = udp->free;
	udp->free = index;
	return slot;
}

/* "": it is not known, and no sandbox's. */
static const char *name_of(struct udp *udp, int fd, uint32_t ifindex)
{
	struct interface_name *known = &udp->names[ifindex % NAMES];
	uint64_t now_ms = uv_now(udp->loop);
	struct ifreq request = {.ifr_ifindex = (int)ifindex};

	if (!ifindex)
		return "";
	if (known->ifindex == ifindex && now_ms < known->until_ms)
		return known->name;
	if (ioctl(fd, SIOCGIFNAME, &request) < 0)
		return "";
	known->ifindex = ifindex;
	known->until_ms = now_ms + NAME_FRESH_MS;
	memcpy(known->name, request.ifr_name, sizeof(known->name));
	known->name[sizeof(known->name) - 1] = '\0';
	return known->name;
}

static struct ng_addr address_of(const union peer *peer)
{
	if (peer->any.sa_family == AF_INET)
		return ng_addr_make(NG_IPV4, (const uint8_t *)&peer->v4.sin_addr);
	if (IN6_IS_ADDR_V4MAPPED(&peer->v6.sin6_addr))
		return ng_addr_make(NG_IPV4, peer->v6.sin6_addr.s6_addr + 12);
	return ng_addr_make(NG_IPV6, peer->v6.sin6_addr.s6_addr);
}

/* ---- in ---- */

static void listener_event(uv_poll_t *poll, int status, int events);

static void way_note(const struct cmsghdr *head, struct way *way)
{
	if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;
		memcpy(&info, CMSG_DATA(head), sizeof(info));
		way->ifindex = (uint32_t)info.ipi_ifindex;
		memcpy(way->asked, &info.ipi_spec_dst, sizeof(info.ipi_spec_dst));
	} else if (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(head), sizeof(info));
		way->ifindex = info.ipi6_ifindex;
		memcpy(way->asked, &info.ipi6_addr, sizeof(info.ipi6_addr));
	} else if (head->cmsg_level == SOL_UDP && head->cmsg_type == UDP_GRO) {
		memcpy(&way->piece, CMSG_DATA(head), sizeof(way->piece));
	}
}

static struct way way_of(struct msghdr *message)
{
	struct way way = {0};

	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head;
	     head = CMSG_NXTHDR(message, head))
		way_note(head, &way);
	return way;
}

/* Both families keep it in the same place. */
static uint16_t port_of(const union peer *peer)
{
	return ntohs(peer->v4.sin_port);
}

static void take_query(struct listener *listener, const union peer *peer, const struct way *way,
		       const uint8_t *octets, size_t len)
{
	struct udp *udp = listener->udp;
	struct ng_client client = {.port = port_of(peer)};
	struct slot *slot;
	uint32_t index;

	udp->counters.received++;
	if (!client.port) { /* no answer can go there */
		udp->counters.portless++;
		return;
	}
	index = slot_take(udp);
	if (index == NO_SLOT) {
		udp->counters.crowded++;
		return;
	}
	slot = &udp->slots[index];
	slot->peer = *peer;
	slot->listener = listener->index;
	slot->way = *way;
	client.handle = (uint64_t)slot->generation << 32 | index;
	client.addr = address_of(&slot->peer);
	client.interface = name_of(udp, listener->fd, way->ifindex);
	udp->calls.query(udp->calls.context, &client, octets, len);
}

/* How many of the n that are glued into one packet may be taken. */
static size_t taken_of(struct udp *udp, size_t n)
{
	const uint64_t now_ms = uv_now(udp->loop);
	const uint64_t more = (now_ms - udp->spare_ms) * SPARE_PER_MS;
	size_t beyond;

	if (n <= GLUED)
		return n;
	udp->spare = more < SPARE_MOST - udp->spare ? udp->spare + more : SPARE_MOST;
	udp->spare_ms = now_ms;
	beyond = n - GLUED < udp->spare ? n - GLUED : udp->spare;
	udp->spare -= beyond;
	udp->counters.received += n - GLUED - beyond;
	udp->counters.crowded += n - GLUED - beyond;
	return GLUED + beyond;
}

static void take_packet(struct listener *listener, unsigned i)
{
	struct udp *udp = listener->udp;
	struct mmsghdr *head = &udp->intake.batch.heads[i];
	const union peer *peer = &udp->intake.batch.peers[i];
	const uint8_t *octets = udp->intake.octets[i];
	const struct way way = way_of(&head->msg_hdr);
	const size_t len = head->msg_len, piece = way.piece > 0 ? (size_t)way.piece : len;
	size_t n;

	if (head->msg_hdr.msg_flags & MSG_TRUNC) {
		udp->counters.received++;
		udp->counters.oversize++;
		return;
	}
	n = piece < len ? taken_of(udp, (len + piece - 1) / piece) : 1;
	for (size_t at = 0; n > 0; n--, at += piece)
		take_query(listener, peer, &way, octets + at,
			   len - at < piece ? len - at : piece);
}

static void intake_ready(struct intake *intake, unsigned i)
{
	struct msghdr *message = &intake->batch.heads[i].msg_hdr;

	message->msg_namelen = sizeof(union peer);
	message->msg_controllen = sizeof(union control);
	message->msg_flags = 0;
}

static void poll_on(struct listener *listener)
{
	const bool reads = listener->udp->started && !listener->away;
	const int events = (reads ? UV_READABLE : 0) | (listener->outlet.n ? UV_WRITABLE : 0);

	if (events == listener->events)
		return;
	listener->events = events;
	uv_poll_start(&listener->poll, events, listener_event);
}

/* Who waits on a socket is woken to look at each datagram that has left it, even for what comes in alone. */
static void leave(struct listener *listener)
{
	listener->away = true;
	poll_on(listener);
}

/*
 * One a turn: a question that is taken before those under way have had their answers waits here instead of in the
 * socket, and counts against the bounds of what may wait.
 */
static void take_batch(struct listener *listener)
{
	struct udp *udp = listener->udp;
	struct intake *intake = &udp->intake;
	int got = recvmmsg(listener->fd, intake->batch.heads, BATCH, MSG_DONTWAIT, NULL);

	if (got > 0)
		udp->calls.batch(udp->calls.context);
	if (got >= MANY && !listener->away)
		leave(listener);
	for (int i = 0; i < got; i++) {
		take_packet(listener, (unsigned)i);
		intake_ready(intake, (unsigned)i);
	}
}

/* ---- out ---- */

/*
 * EAGAIN keeps the rest for when the socket is writable again. Any other error belongs to the
 * first packet alone (its route is gone, a firewall forbids it): that one is given up.
 */
static void outlet_flush(struct listener *listener)
{
	struct outlet *outlet = &listener->outlet;
	struct udp_counters *counters = &listener->udp->counters;

	while (outlet->first < outlet->n) {
		int sent = sendmmsg(listener->fd, outlet->batch.heads + outlet->first,
				    outlet->n - outlet->first, MSG_DONTWAIT);
		if (sent > 0) {
			outlet->first += (unsigned)sent;
			counters->sent += (unsigned)sent;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			return;
		} else if (errno != EINTR) {
			outlet->first++;
			counters->unsent++;
		}
	}
	outlet->first = outlet->n = 0;
}

static void listener_event(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = poll->data;

	if (status < 0)
		return; /* the next poll says it again if it matters; a dead socket reads nothing */
	if (events & UV_WRITABLE) {
		outlet_flush(listener);
		poll_on(listener);
	}
	if (events & UV_READABLE)
		take_batch(listener);
}

static void write_way(const struct listener *listener, const struct slot *slot,
		      struct cmsghdr *head)
{
	if (listener->v6) {
		struct in6_pktinfo info = {.ipi6_ifindex = slot->way.ifindex};
		memcpy(&info.ipi6_addr, slot->way.asked, sizeof(info.ipi6_addr));
		head->cmsg_level = IPPROTO_IPV6;
		head->cmsg_type = IPV6_PKTINFO;
		head->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(head), &info, sizeof(info));
	} else {
		struct in_pktinfo info = {.ipi_ifindex = (int)slot->way.ifindex};
		memcpy(&info.ipi_spec_dst, slot->way.asked, sizeof(info.ipi_spec_dst));
		head->cmsg_level = IPPROTO_IP;
		head->cmsg_type = IP_PKTINFO;
		head->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(head), &info, sizeof(info));
	}
}

void udp_reply(struct udp *udp, uint64_t handle, const uint8_t *wire, size_t len)
{
	const struct slot *slot = slot_give(udp, handle);
	struct listener *listener;
	struct outlet *outlet;
	unsigned i;

	if (!slot)
		return;
	listener = udp->listeners[slot->listener];
	outlet = &listener->outlet;
	if (outlet->n == BATCH)
		outlet_flush(listener);
	if (outlet->n == BATCH || len > NG_UDP_ADVERTISED) {
		udp->counters.unsent++;
		return;
	}
	i = outlet->n++;
	memcpy(outlet->octets[i], wire, len);
	outlet->batch.parts[i].iov_len = len;
	outlet->batch.peers[i] = slot->peer;
	write_way(listener, slot, &outlet->batch.controls[i].align);
}

void udp_drop(struct udp *udp, uint64_t handle)
{
	(void)slot_give(udp, handle);
}

void udp_flush(struct udp *udp)
{
	for (uint8_t i = 0; i < udp->n_listeners; i++) {
		struct listener *listener = udp->listeners[i];
		if (!listener->outlet.n && !listener->away)
			continue;
		outlet_flush(listener);
		listener->away = false;
		poll_on(listener);
	}
}

/* ---- life ---- */

static void batch_init(struct batch *batch, uint8_t *octets, size_t room, size_t name_len,
		       size_t control_len)
{
	for (unsigned i = 0; i < BATCH; i++) {
		batch->parts[i] =
			(struct iovec){.iov_base = octets + i * room, .iov_len = room};
		batch->heads[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->peers[i],
			.msg_namelen = (socklen_t)name_len,
			.msg_iov = &batch->parts[i],
			.msg_iovlen = 1,
			.msg_control = batch->controls[i].octets,
			.msg_controllen = control_len,
		};
	}
}

int udp_create(uv_loop_t *loop, const struct udp_calls *calls, struct udp **out)
{
	struct udp *udp = calloc(1, sizeof(*udp));

	if (!udp)
		return NG_E_NOMEM;
	udp->slots = calloc(SLOTS, sizeof(*udp->slots));
	if (!udp->slots) {
		free(udp);
		return NG_E_NOMEM;
	}
	udp->loop = loop;
	udp->calls = *calls;
	udp->free = NO_SLOT;
	udp->spare = SPARE_MOST;
	udp->spare_ms = uv_now(loop);
	batch_init(&udp->intake.batch, udp->intake.octets[0], QUERY_MAX, sizeof(union peer),
		   sizeof(union control));
	*out = udp;
	return NG_OK;
}

static void listener_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;

	close(listener->fd);
	free(listener);
}

void udp_destroy(struct udp *udp)
{
	if (!udp)
		return;
	for (uint8_t i = 0; i < udp->n_listeners; i++)
		uv_close((uv_handle_t *)&udp->listeners[i]->poll, listener_closed);
	free(udp->slots);
	free(udp);
}

/* Asks for packet info; tells the family. NG_E_FORMAT when this is no bound UDP socket. */
static int prepare(int fd, bool *v6)
{
	union peer local;
	socklen_t len = sizeof(local), type_len = sizeof(int);
	int type, on = 1, code;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 || type != SOCK_DGRAM)
		return NG_E_FORMAT;
	if (getsockname(fd, &local.any, &len) < 0)
		return NG_E_FORMAT;
	if (local.any.sa_family != AF_INET && local.any.sa_family != AF_INET6)
		return NG_E_FORMAT;
	*v6 = local.any.sa_family == AF_INET6;
	code = *v6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))
		   : setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	return code < 0 ? NG_E_IO : NG_OK;
}

static int listener_open(struct udp *udp, int fd, struct listener **out)
{
	struct listener *listener;
	bool v6;
	int code = prepare(fd, &v6);

	if (code)
		return code;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return NG_E_NOMEM;
	if (uv_poll_init_socket(udp->loop, &listener->poll, fd)) {
		free(listener);
		return NG_E_IO;
	}
	listener->poll.data = listener;
	listener->udp = udp;
	listener->fd = fd;
	listener->v6 = v6;
	batch_init(&listener->outlet.batch, listener->outlet.octets[0], NG_UDP_ADVERTISED,
		   v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
		   v6 ? CMSG_SPACE(sizeof(struct in6_pktinfo))
		      : CMSG_SPACE(sizeof(struct in_pktinfo)));
	*out = listener;
	return NG_OK;
}

int udp_listen(struct udp *udp, int fd)
{
	struct listener *listener;
	int code = NG_E_FULL;

	if (udp->n_listeners < NG_LISTENERS_MAX)
		code = listener_open(udp, fd, &listener);
	if (code) {
		close(fd);
		return code;
	}
	listener->index = udp->n_listeners;
	udp->listeners[udp->n_listeners++] = listener;
	poll_on(listener);
	return NG_OK;
}

void udp_start(struct udp *udp)
{
	udp->started = true;
	for (uint8_t i = 0; i < udp->n_listeners; i++)
		poll_on(udp->listeners[i]);
}

struct udp_counters udp_counters(const struct udp *udp)
{
	return udp->counters;
}
