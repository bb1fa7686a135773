/*
 * The kernel gives interface, addresses and the first octets of each refused packet. The source is
 * genuine, but for those that were dropped as forged: these belong to whoever is on the interface.
 * The rest is whatever the sandbox wrote.
 */
#include "warden/nflog.h"

#include "base/token.h"
#include "warden/packet.h"
#include "warden/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define QUEUE_THRESHOLD 16
#define FLUSH_10MS      10 /* the kernel hands over at least so often */
#define DATAGRAMS_MAX   64 /* read in one go */
#define GROUPS_TRIED    64 /* so many gates run beside each other in one network namespace */

static struct nlmsghdr *config_request(struct nflog *nflog, char *buf)
{
	struct nlmsghdr *request = netlink_request(&nflog->netlink, buf, NFNL_SUBSYS_ULOG,
						   NFULNL_MSG_CONFIG, 0, AF_UNSPEC);

	((struct nfgenmsg *)mnl_nlmsg_get_payload(request))->res_id = htons(nflog->group);
	return request;
}

static int bind_group(struct nflog *nflog)
{
	char buf[256];
	const struct nfulnl_msg_config_cmd bind_command = {.command = NFULNL_CFG_CMD_BIND};
	const struct nfulnl_msg_config_mode mode = {.copy_range = htonl(BLOCKED_SNAP),
						    .copy_mode = NFULNL_COPY_PACKET};
	struct nlmsghdr *request = config_request(nflog, buf);
	int code, system;

	mnl_attr_put(request, NFULA_CFG_CMD, sizeof(bind_command), &bind_command);
	code = netlink_ask(&nflog->netlink, request, NULL, NULL, &system);
	if (code != NG_OK)
		return code;
	request = config_request(nflog, buf);
	mnl_attr_put(request, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(request, NFULA_CFG_QTHRESH, htonl(QUEUE_THRESHOLD));
	mnl_attr_put_u32(request, NFULA_CFG_TIMEOUT, htonl(FLUSH_10MS));
	return netlink_ask(&nflog->netlink, request, NULL, NULL, &system);
}

int nflog_open(struct nflog *nflog)
{
	int code = netlink_open(&nflog->netlink);

	if (code != NG_OK)
		return code;
	/* Gates beside each other: a group that is taken is refused as if by a lack of privilege. */
	for (uint16_t i = 0; i < GROUPS_TRIED; i++) {
		nflog->group = (uint16_t)(BLOCKED_GROUP + i);
		code = bind_group(nflog);
		if (code == NG_OK)
			return NG_OK;
	}
	nflog_close(nflog);
	return code;
}

void nflog_close(struct nflog *nflog)
{
	if (nflog)
		netlink_close(&nflog->netlink);
}

struct hearing {
	struct nflog *nflog;
	struct tally *tally;
	const struct sandboxes *sandboxes;
	uint64_t now_us;
};

/* The only sandbox on the interface that the packet came in by, or nobody. */
static uint32_t owner_of(const struct hearing *hearing, uint32_t index)
{
	struct ifreq request = {.ifr_ifindex = (int)index};
	const struct sandbox *sandbox;

	if (!index || ioctl(hearing->nflog->netlink.fd, SIOCGIFNAME, &request) < 0)
		return COUNT_NOBODY;
	sandbox = sandboxes_alone(hearing->sandboxes, request.ifr_name);
	return sandbox ? sandbox->is.id : COUNT_NOBODY;
}

static uint8_t trick_of(const struct packet_head *head)
{
	static const uint8_t tricks[] = {[PACKET_PLAIN] = WALL_TRICK_SOURCE,
					 [PACKET_OPTIONS] = WALL_TRICK_OPTIONS,
					 [PACKET_EXTENSION] = WALL_TRICK_EXTENSION,
					 [PACKET_FRAGMENT] = WALL_TRICK_FRAGMENT};

	return tricks[head->oddity];
}

/* Whose it is and of which kind; false when it is nobody's that we know. */
static bool attribute(const struct hearing *hearing, const char *prefix, uint32_t index,
		      const struct packet_head *head, struct wall_blocked *packet,
		      enum count_kind *kind)
{
	const struct sandbox *sandbox;

	if (!strcmp(prefix, PREFIX_FORGED) || !strcmp(prefix, PREFIX_FRAME)) {
		*kind = !strcmp(prefix, PREFIX_FRAME) ? COUNT_FRAMES : COUNT_FORGED;
		packet->trick = *kind == COUNT_FRAMES ? WALL_TRICK_FRAME : trick_of(head);
		packet->sandbox = owner_of(hearing, index);
		return true;
	}
	sandbox = sandboxes_owner(hearing->sandboxes, &head->from);
	packet->observed =
		!strcmp(prefix, PREFIX_OBSERVED) || !strcmp(prefix, PREFIX_HOST_SEEN);
	packet->trick = !strcmp(prefix, PREFIX_STRAY)   ? WALL_TRICK_STRAY
			: !strcmp(prefix, PREFIX_FLOOD) ? WALL_TRICK_FLOOD
							: WALL_TRICK_NONE;
	packet->sandbox = sandbox ? sandbox->is.id : COUNT_NOBODY;
	*kind = packet->observed ? COUNT_OBSERVED : COUNT_REFUSED;
	return sandbox != NULL;
}

/* The mark is the IPv4 token as it lay in a register; the packet's source is only the host. */
static bool name_host(uint32_t mark, struct packet_head *head)
{
	uint8_t octets[4];

	memcpy(octets, &mark, sizeof(mark));
	return token_of_octets(octets, (enum ng_family)head->from.family, &head->from);
}

static int take_packet(const struct nlmsghdr *message, void *who)
{
	struct hearing *hearing = who;
	const char *prefix = "";
	bool readable = false, host, frame;
	uint32_t index = 0, port = 0, mark = 0;
	struct nlattr *attr;
	struct packet_head head = {0};
	struct wall_blocked packet;
	enum count_kind kind;

	if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, message, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFULA_PREFIX &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			prefix = mnl_attr_get_str(attr);
		else if (mnl_attr_get_type(attr) == NFULA_IFINDEX_INDEV &&
			 mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			index = ntohl(mnl_attr_get_u32(attr));
		else if (mnl_attr_get_type(attr) == NFULA_IFINDEX_PHYSINDEV &&
			 mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			port = ntohl(mnl_attr_get_u32(attr));
		else if (mnl_attr_get_type(attr) == NFULA_MARK &&
			 mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			mark = ntohl(mnl_attr_get_u32(attr));
		else if (mnl_attr_get_type(attr) == NFULA_PAYLOAD)
			readable = packet_read(mnl_attr_get_payload(attr),
					       mnl_attr_get_payload_len(attr), &head) == NG_OK;
	}
	host = !strcmp(prefix, PREFIX_HOST) || !strcmp(prefix, PREFIX_HOST_SEEN);
	frame = !strcmp(prefix, PREFIX_FRAME); /* ARP and others have no address that we read */
	if ((!readable && !frame) || (host && !name_host(mark, &head)))
		return MNL_CB_OK;
	packet = (struct wall_blocked){
		.from = head.from, .to = head.to, .proto = head.proto, .port = head.port};
	if (attribute(hearing, prefix, frame && port ? port : index, &head, &packet, &kind))
		tally_hear(hearing->tally, kind, &packet, hearing->now_us);
	return MNL_CB_OK;
}

void nflog_read(struct nflog *nflog, struct tally *tally, const struct sandboxes *sandboxes,
		uint64_t now_us)
{
	struct hearing hearing = {nflog, tally, sandboxes, now_us};
	const size_t room = 65536;

	for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
		ssize_t got =
			recv(nflog->netlink.fd, nflog->netlink.replies, room, MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			nflog->lost++;
			continue;
		}
		if (got <= 0)
			return;
		(void)mnl_cb_run(nflog->netlink.replies, (size_t)got, 0, 0, take_packet,
				 &hearing);
	}
}
