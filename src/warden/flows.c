/*
 * A step, as main gives it, is the time for which the worker keeps a lease open. A walk begins each
 * third of it, if it has to, and looks for leases that end within two thirds: so each lease is
 * looked for twice, and what the first walk finds is ordered and confirmed before it ends. Nothing
 * depends on that: whatever nobody orders in time ends, as it would without all this.
 *
 * A flow counts while the kernel calls it assured; of TCP while it is established in both directions,
 * which it is not any more from the first FIN on; of UDP until it has been quiet for the kernel's own
 * time for streams. Newer kernels leave the others out by themselves (CTA_STATUS_MASK), older ones
 * take no notice of that and list everything.
 */
#include "warden/warden.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

#define READS           8  /* of up to 32 KiB in one turn */
#define CTA_STATUS_MASK 26 /* newer than Debian 12's kernel headers */

static uint64_t step_us(const struct warden *warden)
{
	return (uint64_t)warden->kernel.table.flow_step_ms * 1000;
}

/* ---- telling ---- */

static void hand_out(struct warden *warden)
{
	struct flows *flows = &warden->flows;
	struct worker *worker = workers_find(&warden->workers, flows->worker);

	if (flows->n && worker)
		worker_tell_flows(&warden->workers, worker, flows->told, flows->n);
	flows->n = 0;
}

static void tell(struct warden *warden, struct lease *lease)
{
	const struct sandbox *sandbox = mirror_group_of(&warden->mirror, lease)->owner;
	const struct lease_key key = mirror_key(&warden->mirror, lease);
	struct flows *flows = &warden->flows;
	struct wall_flow *flow;

	lease->walk = flows->walk;
	if (flows->n == FLOWS_TOLD || flows->worker != workers_of(&sandbox->is))
		hand_out(warden);
	flows->worker = workers_of(&sandbox->is);
	flow = &flows->told[flows->n++];
	*flow = (struct wall_flow){
		.sandbox = sandbox->is.id,
		.addr = key.to,
		.proto = key.proto,
		.port = key.port,
	};
	if (sandbox_has(&sandbox->is, &key.source, true))
		flow->client = key.source;
}

static void look_up(struct warden *warden, const struct flow *flow, uint8_t proto,
		    uint16_t port)
{
	struct lease_key key = lease_key_make(&flow->source, &flow->to, proto, port);
	struct lease *lease = mirror_find(&warden->mirror, &key);

	if (lease && !lease->fixed && lease->until_us > warden->now_us &&
	    lease->until_us <= warden->flows.ends_us && lease->walk != warden->flows.walk &&
	    mirror_group_of(&warden->mirror, lease)->owner)
		tell(warden, lease);
}

/* ---- the walk ---- */

static bool tcp_established(const struct nlattr *protoinfo)
{
	const struct nlattr *tcp, *attr;

	mnl_attr_for_each_nested(tcp, protoinfo)
	{
		if (mnl_attr_get_type(tcp) != CTA_PROTOINFO_TCP)
			continue;
		mnl_attr_for_each_nested(attr, tcp)
		{
			if (mnl_attr_get_type(attr) == CTA_PROTOINFO_TCP_STATE &&
			    mnl_attr_get_payload_len(attr) >= 1)
				return mnl_attr_get_u8(attr) == TCP_CONNTRACK_ESTABLISHED;
		}
	}
	return false;
}

static int take_entry(const struct nlmsghdr *entry, void *who)
{
	const struct nlattr *tuple = NULL, *protoinfo = NULL, *label = NULL;
	struct warden *warden = who;
	struct flow flow = {0};
	struct nlattr *attr;
	uint32_t status = 0;

	mnl_attr_for_each(attr, entry, sizeof(struct nfgenmsg))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == CTA_TUPLE_ORIG)
			tuple = attr;
		else if (type == CTA_PROTOINFO)
			protoinfo = attr;
		else if (type == CTA_LABELS)
			label = attr;
		else if (type == CTA_STATUS && mnl_attr_get_payload_len(attr) >= 4)
			status = ntohl(mnl_attr_get_u32(attr));
	}
	if (!tuple || !(status & IPS_ASSURED))
		return MNL_CB_OK;
	flow_read(tuple, label, &flow);
	if (flow.proto == IPPROTO_TCP ? !protoinfo || !tcp_established(protoinfo)
				      : flow.proto != IPPROTO_UDP)
		return MNL_CB_OK;
	look_up(warden, &flow, 0, 0);
	look_up(warden, &flow, flow.proto, flow.port);
	return MNL_CB_OK;
}

static void begin(struct warden *warden)
{
	struct flows *flows = &warden->flows;
	char buf[256];
	struct nlmsghdr *request = netlink_request(&flows->netlink, buf, NFNL_SUBSYS_CTNETLINK,
						   IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);

	mnl_attr_put_u32(request, CTA_STATUS, htonl(IPS_ASSURED));
	mnl_attr_put_u32(request, CTA_STATUS_MASK, htonl(IPS_ASSURED));
	flows->next_us = warden->now_us + step_us(warden) / 3;
	if (netlink_begin(&flows->netlink, request))
		return;
	flows->walking = true;
	flows->walk++;
	flows->seq = request->nlmsg_seq;
	flows->begun_us = warden->now_us;
	flows->ends_us = warden->now_us + step_us(warden) * 2 / 3;
}

/* Where the table is so large that this takes too long, walks take half of the time and no more. */
static void finish(struct warden *warden)
{
	struct flows *flows = &warden->flows;
	uint64_t taken_us = warden->now_us - flows->begun_us;

	flows->walking = false;
	if (flows->next_us < warden->now_us + taken_us)
		flows->next_us = warden->now_us + taken_us;
	if (taken_us <= step_us(warden) * 2 / 3)
		return;
	flows->late++;
	if (workers_tell_late(&warden->workers, flows->late))
		flows->late = 0;
	if (flows->complained)
		return;
	flows->complained = true;
	say("walking through the connection tracking table took %llu ms, and leases ended "
	    "meanwhile that flows may still use; a longer lease-min gives it more time, "
	    "flow-lease = 0 is without all this; this is said once",
	    (unsigned long long)(taken_us / 1000));
}

/* Is there somebody to tell of a flow, and a table to keep its lease in? */
static bool is_wanted(const struct warden *warden)
{
	return warden->kernel.table.flow_step_ms && warden->workers.n && warden->kernel.ready &&
	       !warden->dirty;
}

static bool is_due(const struct warden *warden)
{
	const struct lease *first = mirror_first(&warden->mirror);

	return is_wanted(warden) && first &&
	       first->until_us <= warden->now_us + step_us(warden) * 2 / 3;
}

void flows_walk(struct warden *warden)
{
	struct flows *flows = &warden->flows;
	int state = MNL_CB_OK;

	if (!flows->walking && warden->now_us >= flows->next_us && is_due(warden))
		begin(warden);
	for (int i = 0; flows->walking && i < READS && state == MNL_CB_OK; i++) {
		state = netlink_more(&flows->netlink, flows->seq, take_entry, warden);
		if (state != MNL_CB_OK && errno != EAGAIN)
			finish(warden);
	}
	hand_out(warden);
}

int flows_wait_ms(const struct warden *warden)
{
	const struct lease *first = mirror_first(&warden->mirror);
	uint64_t at_us;

	if (!is_wanted(warden) || !first || warden->flows.walking)
		return -1;
	at_us = first->until_us - step_us(warden) * 2 / 3;
	if (first->until_us < step_us(warden) || at_us < warden->flows.next_us)
		at_us = warden->flows.next_us;
	if (at_us <= warden->now_us)
		return 0;
	return at_us - warden->now_us > IDLE_TICK_MS * 1000u
		       ? IDLE_TICK_MS
		       : (int)((at_us - warden->now_us) / 1000) + 1;
}
