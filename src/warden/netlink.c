/*
 * Batches and their acknowledgement.
 *
 * The kernel works a whole nftables batch off inside sendto(): when that returns, the replies are
 * queued, so they are read without waiting. One refused message undoes all of the batch, but each
 * refused message gets its own error, and so does the flagged last message its "0" even when an
 * earlier one was refused: only the sum of the replies tells, and silence is failure. The
 * acknowledgement is asked once only: one on each message would overflow the receive buffer. It is
 * asked on the end marker, since that alone is answered when, and only when, all has been committed.
 * Kernels before 6.10 or so acknowledge no end: there it is asked on the last message, which a batch
 * that lost its end would get as well, while a commit that failed is an error of the end everywhere.
 */
#include "warden/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BUFFER    (64 << 20)
#define RECEIVE_BUFFER (16 << 20)
#define REPLIES        65536
#define FIRST_ROOM     (1 << 20)
#define LOT                                                                                    \
	128 /* requests sent at once: all of them may be refused, and the replies must fit the buffer */
#define HEADROOM    32768 /* more than any single message of ours */
#define ASK_WAIT_MS 2000
#define AGAIN_MAX   4 /* times that a batch is sent which somebody else outdid */

static int bind_socket(struct netlink *netlink)
{
	struct sockaddr_nl own = {.nl_family = AF_NETLINK};
	socklen_t len = sizeof(own);
	int one = 1, send_size = SEND_BUFFER, receive_size = RECEIVE_BUFFER;

	if (bind(netlink->fd, (struct sockaddr *)&own, sizeof(own)) ||
	    getsockname(netlink->fd, (struct sockaddr *)&own, &len))
		return NG_E_IO;
	netlink->port = own.nl_pid;
	/* Without these, large batches are sent in halves: slower, still right. */
	(void)setsockopt(netlink->fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_size,
			 sizeof(send_size));
	(void)setsockopt(netlink->fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_size,
			 sizeof(receive_size));
	(void)setsockopt(netlink->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return NG_OK;
}

static int open_protocol(int protocol, struct netlink *out)
{
	struct netlink netlink = {.fd = -1, .seq = 1};
	int code;

	netlink.replies = malloc(REPLIES);
	if (!netlink.replies)
		return NG_E_NOMEM;
	netlink.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	code = netlink.fd < 0 ? NG_E_IO : bind_socket(&netlink);
	if (code != NG_OK) {
		netlink_close(&netlink);
		return code;
	}
	*out = netlink;
	return NG_OK;
}

int netlink_open(struct netlink *out)
{
	return open_protocol(NETLINK_NETFILTER, out);
}

int netlink_open_route(struct netlink *out)
{
	return open_protocol(NETLINK_ROUTE, out);
}

void netlink_close(struct netlink *netlink)
{
	if (!netlink)
		return;
	free(netlink->replies);
	netlink->replies = NULL;
	if (netlink->fd >= 0)
		close(netlink->fd);
	netlink->fd = -1;
}

int batch_init(struct batch *batch)
{
	*batch = (struct batch){.octets = malloc(FIRST_ROOM), .room = FIRST_ROOM};
	return batch->octets ? NG_OK : NG_E_NOMEM;
}

void batch_finish(struct batch *batch)
{
	if (!batch)
		return;
	free(batch->octets);
	*batch = (struct batch){0};
}

/* After a failure the room is written over from its start: nothing of it will be sent. */
static void batch_reserve(struct batch *batch)
{
	char *wider;

	if (batch->room - batch->len >= HEADROOM)
		return;
	wider = realloc(batch->octets, batch->room * 2);
	if (!wider) {
		batch->failed = true;
		batch->len = 0;
		return;
	}
	batch->octets = wider;
	batch->room *= 2;
}

static void batch_seal(struct batch *batch)
{
	if (batch->open)
		batch->len += MNL_ALIGN(batch->open->nlmsg_len);
	batch->open = NULL;
}

static struct nlmsghdr *batch_put(struct batch *batch, uint16_t type, uint16_t flags,
				  uint32_t seq, uint8_t family, uint16_t res)
{
	struct nfgenmsg *body;

	batch_seal(batch);
	batch_reserve(batch);
	batch->open = mnl_nlmsg_put_header(batch->octets + batch->len);
	batch->open->nlmsg_type = type;
	batch->open->nlmsg_flags = NLM_F_REQUEST | flags;
	batch->open->nlmsg_seq = seq;
	body = mnl_nlmsg_put_extra_header(batch->open, sizeof(*body));
	body->nfgen_family = family;
	body->version = NFNETLINK_V0;
	body->res_id = htons(res);
	return batch->open;
}

void batch_begin(struct batch *batch, struct netlink *netlink)
{
	batch->len = 0;
	batch->open = NULL;
	batch->failed = false;
	batch->messages = 0;
	batch->family = NFPROTO_INET;
	batch->first = batch->last = netlink->seq++;
	batch_put(batch, NFNL_MSG_BATCH_BEGIN, 0, batch->first, AF_UNSPEC,
		  NFNL_SUBSYS_NFTABLES);
}

struct nlmsghdr *batch_message(struct batch *batch, struct netlink *netlink, uint16_t type,
			       uint16_t flags)
{
	batch->last = netlink->seq++;
	batch->messages++;
	return batch_put(batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags,
			 batch->last, batch->family, 0);
}

struct outcome {
	const struct batch *batch;
	refused_fn *refused;
	void *who;
	uint32_t flagged,
		end; /* sequence numbers: where the acknowledgement is asked, and the last */
	bool acknowledged;
	int first_error;
};

static void take_reply(const struct nlmsghdr *reply, struct outcome *outcome)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(reply);

	if (reply->nlmsg_type != NLMSG_ERROR ||
	    mnl_nlmsg_get_payload_len(reply) < sizeof(*error))
		return;
	if (reply->nlmsg_seq - outcome->batch->first > outcome->end - outcome->batch->first)
		return; /* of an earlier batch */
	if (error->error == 0) {
		outcome->acknowledged |= reply->nlmsg_seq == outcome->flagged;
		return;
	}
	if (!outcome->first_error)
		outcome->first_error = -error->error;
	if (outcome->refused)
		outcome->refused(outcome->who, reply->nlmsg_seq, -error->error);
}

static void take_replies(struct netlink *netlink, struct outcome *outcome)
{
	ssize_t got;

	while ((got = recv(netlink->fd, netlink->replies, REPLIES, MSG_DONTWAIT)) != 0) {
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) { /* replies were lost; any may have said no */
			outcome->first_error = ENOBUFS;
			continue;
		}
		if (got < 0)
			return;
		for (const struct nlmsghdr *reply = (const void *)netlink->replies;
		     mnl_nlmsg_ok(reply, left); reply = mnl_nlmsg_next(reply, &left))
			take_reply(reply, outcome);
	}
}

static int send_octets(struct netlink *netlink, const void *octets, size_t len)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t sent;

	do
		sent = sendto(netlink->fd, octets, len, 0, (const struct sockaddr *)&kernel,
			      sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)len ? 0 : errno ? errno : EIO;
}

static int commit_code(int system)
{
	if (system == EPERM)
		return NG_E_PERM;
	return system == ENOMEM ? NG_E_NOMEM : NG_E_KERNEL;
}

/* Somebody else's commit, or a signal, came between; nothing of the batch has happened. */
static bool outdone(int error)
{
	return error == ERESTART || error == EINTR || error == EAGAIN;
}

int batch_commit(struct batch *batch, struct netlink *netlink, refused_fn *refused, void *who,
		 int *system)
{
	struct outcome outcome = {.batch = batch, .refused = refused, .who = who};
	int error = 0;

	if (!batch->messages)
		return NG_OK;
	if (!netlink->acks_end)
		batch->open->nlmsg_flags |= NLM_F_ACK;
	outcome.end = netlink->seq++;
	outcome.flagged = netlink->acks_end ? outcome.end : batch->last;
	batch_put(batch, NFNL_MSG_BATCH_END, netlink->acks_end ? NLM_F_ACK : 0, outcome.end,
		  AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	batch_seal(batch);
	if (batch->failed) {
		*system = ENOMEM;
		return NG_E_NOMEM;
	}
	for (unsigned again = 0; again == 0 || (outdone(error) && again < AGAIN_MAX); again++) {
		outcome.acknowledged = false;
		outcome.first_error = 0;
		error = send_octets(netlink, batch->octets, batch->len);
		if (!error) {
			take_replies(netlink, &outcome);
			error = outcome.first_error;
		}
	}
	if (!error && outcome.acknowledged) {
		netlink->commits++;
		return NG_OK;
	}
	*system = error;
	return commit_code(error);
}

struct nlmsghdr *netlink_request(struct netlink *netlink, char *buf, uint8_t subsystem,
				 uint8_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *body;

	request->nlmsg_type = (uint16_t)(subsystem << 8 | type);
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = netlink->seq++;
	body = mnl_nlmsg_put_extra_header(request, sizeof(*body));
	body->nfgen_family = family;
	body->version = NFNETLINK_V0;
	body->res_id = 0;
	return request;
}

/* One datagram of replies; MNL_CB_OK when more are to come. */
static int take_answers(struct netlink *netlink, const struct nlmsghdr *request, mnl_cb_t each,
			void *who)
{
	struct pollfd wait = {.fd = netlink->fd, .events = POLLIN};
	ssize_t got;

	do
		got = recv(netlink->fd, netlink->replies, REPLIES, MSG_DONTWAIT);
	while ((got < 0 && errno == EINTR) ||
	       (got < 0 && errno == EAGAIN && poll(&wait, 1, ASK_WAIT_MS) > 0));
	if (got < 0)
		return MNL_CB_ERROR;
	if (((const struct nlmsghdr *)netlink->replies)->nlmsg_seq != request->nlmsg_seq)
		return MNL_CB_OK; /* of an earlier request */
	return mnl_cb_run(netlink->replies, (size_t)got, request->nlmsg_seq, netlink->port,
			  each, who);
}

int netlink_begin(struct netlink *netlink, struct nlmsghdr *request)
{
	return send_octets(netlink, request, request->nlmsg_len);
}

int netlink_more(struct netlink *netlink, uint32_t seq, mnl_cb_t each, void *who)
{
	const struct nlmsghdr *first = (const void *)netlink->replies;
	ssize_t got = recv(netlink->fd, netlink->replies, REPLIES, MSG_DONTWAIT);

	if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
		errno = EAGAIN;
		return MNL_CB_OK;
	}
	if (got < 0)
		return MNL_CB_ERROR;
	errno = 0;
	if (first->nlmsg_seq != seq)
		return MNL_CB_OK; /* of an earlier request */
	return mnl_cb_run(netlink->replies, (size_t)got, seq, netlink->port, each, who);
}

int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t each, void *who,
		int *system)
{
	int error, state = MNL_CB_OK;

	/* Either kind of request ends: a dump by its end mark, the others by an acknowledgement. */
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	error = send_octets(netlink, request, request->nlmsg_len);
	while (!error && state == MNL_CB_OK) {
		errno = 0;
		state = take_answers(netlink, request, each, who);
		if (state == MNL_CB_ERROR)
			error = errno ? errno : EIO;
	}
	if (!error)
		return NG_OK;
	*system = error;
	return commit_code(error);
}

/* Of a lot of requests: their refusals, and the answer of the last one, which ends it. */
struct telling {
	uint32_t first, last;
	int harmless, error;
	bool ended;
};

static void take_outcome(const struct nlmsghdr *reply, struct telling *telling)
{
	const struct nlmsgerr *outcome = mnl_nlmsg_get_payload(reply);

	if (reply->nlmsg_type != NLMSG_ERROR ||
	    mnl_nlmsg_get_payload_len(reply) < sizeof(*outcome) ||
	    reply->nlmsg_seq - telling->first > telling->last - telling->first)
		return;
	if (outcome->error && -outcome->error != telling->harmless && !telling->error)
		telling->error = -outcome->error;
	telling->ended |= reply->nlmsg_seq == telling->last;
}

static int take_outcomes(struct netlink *netlink, struct telling *telling)
{
	struct pollfd wait = {.fd = netlink->fd, .events = POLLIN};

	while (!telling->ended) {
		ssize_t got = recv(netlink->fd, netlink->replies, REPLIES, MSG_DONTWAIT);
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN && poll(&wait, 1, ASK_WAIT_MS) > 0)
			continue;
		if (got < 0)
			return errno;
		for (const struct nlmsghdr *reply = (const void *)netlink->replies;
		     mnl_nlmsg_ok(reply, left); reply = mnl_nlmsg_next(reply, &left))
			take_outcome(reply, telling);
	}
	return telling->error;
}

int netlink_tell(struct netlink *netlink, char *requests, size_t len, int harmless)
{
	int left = (int)len, first_error = 0;
	struct nlmsghdr *request = (struct nlmsghdr *)(void *)requests;

	while (mnl_nlmsg_ok(request, left)) {
		struct nlmsghdr *first = request, *last = request;
		struct telling telling = {.first = first->nlmsg_seq, .harmless = harmless};
		int error;

		for (size_t n = 0; n < LOT && mnl_nlmsg_ok(request, left); n++) {
			last = request;
			request = mnl_nlmsg_next(request, &left);
		}
		last->nlmsg_flags |= NLM_F_ACK;
		telling.last = last->nlmsg_seq;
		error = send_octets(netlink, first, (size_t)((char *)request - (char *)first));
		if (!error)
			error = take_outcomes(netlink, &telling);
		if (!first_error)
			first_error = error;
	}
	return first_error;
}

static int take_generation(const struct nlmsghdr *reply, void *who)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, reply, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			*(uint32_t *)who = ntohl(mnl_attr_get_u32(attr));
	}
	return MNL_CB_OK;
}

int netlink_generation(struct netlink *netlink, uint32_t *out)
{
	char buf[256];
	uint32_t generation = 0;
	int code, system;
	struct nlmsghdr *request = netlink_request(netlink, buf, NFNL_SUBSYS_NFTABLES,
						   NFT_MSG_GETGEN, 0, AF_UNSPEC);

	code = netlink_ask(netlink, request, take_generation, &generation, &system);
	if (code == NG_OK)
		*out = generation;
	return code;
}
