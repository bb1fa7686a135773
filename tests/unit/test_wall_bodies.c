/* The check at the walls, of what a packet holds: one that passes, and then with each field bent. */

#include "wall_world.h"

/* Makes a good packet, bends one thing, and wants a verdict. */
#define BENT(kind, want, ...)                                                                  \
	do {                                                                                   \
		const struct good *good_ = good_make(kind);                                    \
		__VA_ARGS__;                                                                   \
		assert_int_equal(check(good_), want);                                          \
	} while (0)
#define REFUSED(kind, ...)  BENT(kind, NG_E_FORMAT, __VA_ARGS__)
#define ACCEPTED(kind, ...) BENT(kind, NG_OK, __VA_ARGS__)

static void codes(void **state)
{
	(void)state;
	ACCEPTED(WALL_DONE, packet.done.code = NG_E_UNSUPPORTED; packet.done.system = 4095);
	REFUSED(WALL_DONE, packet.done.code = 1);
	REFUSED(WALL_DONE, packet.done.code = NG_E_UNSUPPORTED - 1);
	REFUSED(WALL_DONE, packet.done.system = 4096);
	ACCEPTED(WALL_DONE, packet.done.takes = WALL_TAKES(NG_IPV6, true) | 7);
	REFUSED(WALL_DONE, packet.done.takes = 16);
	ACCEPTED(WALL_DONE, packet.done.code = NG_E_FULL; packet.done.held = 1);
	REFUSED(WALL_DONE, packet.done.held = 2);
	static const enum wall_kind empty[] = {
		WALL_READY,   WALL_COMMIT,      WALL_CLAIMED,   WALL_STATUS,
		WALL_LEASES,  WALL_LEASES_END,  WALL_WAITINGS,  WALL_WAITINGS_END,
		WALL_TALLIES, WALL_TALLIES_END, WALL_TARGETS,   WALL_TARGETS_END,
		WALL_LIMITS,  WALL_LIMITS_END,  WALL_UPSTREAMS, WALL_UPSTREAMS_END};
	for (size_t i = 0; i < COUNT(empty); i++) {
		REFUSED(empty[i], packet.done.code = NG_E_IO);
		REFUSED(empty[i], packet.done.system = 1);
		REFUSED(empty[i], packet.done.takes = 1);
		REFUSED(empty[i], packet.done.held = 1);
	}
	REFUSED(WALL_LEASED, packet.leased[1].code = 1);
	REFUSED(WALL_LEASED, packet.leased[0].number = 0);
}

static void tables(void **state)
{
	(void)state;
	REFUSED(WALL_TABLE, packet.table.table[0] = '\0');
	REFUSED(WALL_TABLE, memset(packet.table.table, 'a', 32));
	ACCEPTED(WALL_TABLE, memset(packet.table.table, 'a', 31));
	REFUSED(WALL_TABLE, packet.table.table[1] = '\n');
	REFUSED(WALL_TABLE, packet.table.dns_port = 0);
	REFUSED(WALL_TABLE, packet.table.workers = NG_WORKERS_MAX + 1);
	ACCEPTED(WALL_TABLE, packet.table.workers = NG_WORKERS_MAX);
	REFUSED(WALL_TABLE, packet.table.pad_hosts = 1);
	ACCEPTED(WALL_TABLE,
		 packet.table.hosts = WALL_HOST_UID | WALL_HOST_LEVEL(NG_CGROUP_LEVELS));
	REFUSED(WALL_TABLE, packet.table.hosts = WALL_HOST_LEVEL(NG_CGROUP_LEVELS + 1));
	REFUSED(WALL_TABLE, packet.table.hosts = WALL_HOST_SIDECAR); /* root's would pass too */
	ACCEPTED(WALL_TABLE, packet.table.hosts = WALL_HOST_SIDECAR;
		 packet.table.worker_uid = 9);
	ACCEPTED(WALL_TABLE, packet.table.again = 1);
	REFUSED(WALL_TABLE, packet.table.again = 2);
	REFUSED(WALL_TABLE, packet.table.n_sets = 1); /* and it is empty */
	REFUSED(WALL_TABLE, packet.table.n_sets = WALL_SETS_MAX + 1);
#define SET(...)                                                                               \
	packet.table.n_sets = 1;                                                               \
	packet.table.sets[0] = (struct wall_set){__VA_ARGS__}
	ACCEPTED(WALL_TABLE, SET("inet", "filter", "allowed4"));
	ACCEPTED(WALL_TABLE, SET("netdev", "_a-b.c", "A9"));
	REFUSED(WALL_TABLE, SET("arp", "filter", "allowed4"));
	REFUSED(WALL_TABLE, SET("", "filter", "allowed4"));
	REFUSED(WALL_TABLE, SET("inet", "", "allowed4"));
	REFUSED(WALL_TABLE, SET("inet", "filter", "4allowed"));
	REFUSED(WALL_TABLE, SET("inet", "fil'ter", "allowed4"));
	REFUSED(WALL_TABLE, SET("inet", "filter", "allowed 4"));
	REFUSED(WALL_TABLE, SET("inet", "filter", "a\n"));
	REFUSED(WALL_TABLE, SET("inet", "filter", "a");
		memset(packet.table.sets[0].name, 'a', WALL_NFT_NAME_MAX));
	REFUSED(WALL_TABLE, SET("inet", "filter", "a");
		memset(packet.table.sets[0].family, 'i', sizeof(packet.table.sets[0].family)));
#undef SET
	REFUSED(WALL_TABLE, packet.table.n_interfaces = NG_IFPATTERNS_MAX + 1);
	REFUSED(WALL_TABLE, packet.table.n_interfaces = 3); /* the third is empty */
	REFUSED(WALL_TABLE, memset(packet.table.interfaces[1], 'a', NG_IFNAME_MAX));
	static const char bad[] = {' ', '/', ':', '\t', '\x7f', '\x80'};
	for (size_t i = 0; i < sizeof(bad); i++)
		REFUSED(WALL_TABLE, packet.table.interfaces[0][1] = bad[i]);
	REFUSED(WALL_TABLE, packet.table.lease_ceiling_s = 0);
	REFUSED(WALL_TABLE, packet.table.lease_ceiling_s = NG_LEASE_CEILING_S + 1);
	REFUSED(WALL_TABLE, packet.table.leases = 0);
	REFUSED(WALL_TABLE, packet.table.leases_sandbox = 0);
	ACCEPTED(WALL_TABLE, packet.table.busy_us = NG_BUSY_CEILING_US);
	REFUSED(WALL_TABLE, packet.table.busy_us = NG_BUSY_CEILING_US + 1);
	REFUSED(WALL_TABLE, packet.table.queries_sandbox = 0);
	REFUSED(WALL_TABLE, packet.table.queries_sandbox = NG_QUERIES_SANDBOX_MAX + 1);
}

static void prefix_arrays(void **state)
{
	(void)state;
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.snat[1] = addr("192.0.2.10"));
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.snat[0].bytes[5] = 1);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.n_sources++);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.n_opened++);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.n_opened = 255);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.sources[NG_SOURCES_MAX - 1].bits = 30);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.sources[0].addr.family = 0);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.sources[0].addr.bytes[15] = 1);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.opened[0].bits = 129);
	REFUSED(WALL_MEMBER, packet.member.n_sources = NG_SOURCES_MAX + 1);
	REFUSED(WALL_MEMBER, packet.member.n_sources = 2); /* the second is none */
	REFUSED(WALL_MEMBER, packet.member.n_opened = NG_PRIVATE_MAX + 1);
	REFUSED(WALL_MEMBER, packet.member.opened[0].bits = 6);
	REFUSED(WALL_ROUTE, packet.route.n_opened = NG_PRIVATE_MAX + 1);
	REFUSED(WALL_ROUTE, packet.route.opened[0].addr.bytes[1] = 1);
	REFUSED(WALL_OWN, packet.own.prefix.bits = 22);
	REFUSED(WALL_OWN, packet.own.prefix.addr.family = 7);
}

static void sandboxes(void **state)
{
	(void)state;
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.id = 0);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.flags = 2);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.mode = NG_OBSERVE + 1);
	ACCEPTED(WALL_SANDBOX_ADD, packet.sandbox.mode = NG_OBSERVE);
	ACCEPTED(WALL_SANDBOX_ADD, packet.sandbox.n_statics = 0);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.n_statics = NG_STATICS_MAX + 1);
	REFUSED(WALL_SANDBOX_ADD, memset(packet.sandbox.interface, 'a', NG_IFNAME_MAX));
	ACCEPTED(WALL_SANDBOX_ADD, packet.sandbox.interface[0] = '\0');
	ACCEPTED(WALL_SANDBOX_ADD, strcpy(packet.sandbox.bridge, "br0"));
	REFUSED(WALL_SANDBOX_ADD, strcpy(packet.sandbox.bridge, "br/0"));
	REFUSED(WALL_SANDBOX_ADD, strcpy(packet.sandbox.bridge, "sb1"));
	REFUSED(WALL_SANDBOX_ADD, memset(packet.sandbox.bridge, 'a', NG_IFNAME_MAX));
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.interface[0] = '\0';
		strcpy(packet.sandbox.bridge, "br0"));
	ACCEPTED(WALL_SANDBOX_ADD, packet.sandbox.mode = NG_LOCKDOWN);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.uid = 1);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.cgroup = 1);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.level = 1);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.worker = NG_WORKERS_MAX);
	ACCEPTED(WALL_SANDBOX_ADD, packet.sandbox.worker = NG_WORKERS_MAX - 1);
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.sources[7] = prefix("127.64.0.3"));
	REFUSED(WALL_SANDBOX_ADD, packet.sandbox.sources[7] = prefix("fd6e::/16"));
	REFUSED(WALL_SANDBOX_REMOVE, packet.id.id = 0);
	REFUSED(WALL_CHANNEL, packet.channel.worker = 0);
	REFUSED(WALL_CHANNEL, packet.channel.worker = NG_WORKERS_MAX + 1);
	REFUSED(WALL_LISTENER, packet.listener.stream = 2);
	ACCEPTED(WALL_LISTENER, packet.listener.stream = 1);
	REFUSED(WALL_LISTENER, packet.listener.sandbox = 7);
	ACCEPTED(WALL_LISTENER, packet.listener.stream = 1; packet.listener.sandbox = 7);
	REFUSED(WALL_RULESET, packet.ruleset.len = 0);
}

/* The same sandbox without an interface, told by its user. */
static void by_user(struct wall_sandbox *sandbox)
{
	memset(sandbox->interface, 0, sizeof sandbox->interface);
	memset(sandbox->sources, 0, sizeof sandbox->sources);
	token_sources(sandbox->id, sandbox->sources);
	sandbox->n_sources = 2;
	sandbox->flags = 0;
	sandbox->who = WALL_BY_UID;
	sandbox->uid = 1000;
}

static void by_cgroup(struct wall_sandbox *sandbox)
{
	by_user(sandbox);
	sandbox->who = WALL_BY_CGROUP;
	sandbox->uid = 0;
	sandbox->cgroup = 7;
	sandbox->level = NG_CGROUP_LEVELS;
}

static void sandboxes_without_an_interface(void **state)
{
	(void)state;
#define USER(...)   by_user(&packet.sandbox), __VA_ARGS__
#define CGROUP(...) by_cgroup(&packet.sandbox), __VA_ARGS__
	ACCEPTED(WALL_SANDBOX_ADD, by_user(&packet.sandbox));
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.uid = 0)); /* root is nobody's sandbox */
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.id = 4));  /* a neighbour's token */
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.n_sources = 1));
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.sources[1].bits = 64));
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.sources[0] = prefix("10.1.0.2")));
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.interface[0] = 'a'));
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.flags = WALL_MASQUERADE));
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.cgroup = 7));
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.who = WALL_BYS));
	ACCEPTED(WALL_SANDBOX_ADD, by_cgroup(&packet.sandbox));
	REFUSED(WALL_SANDBOX_ADD, CGROUP(packet.sandbox.cgroup = 0));
	REFUSED(WALL_SANDBOX_ADD, CGROUP(packet.sandbox.level = 0)); /* the root is everybody */
	REFUSED(WALL_SANDBOX_ADD, CGROUP(packet.sandbox.level = NG_CGROUP_LEVELS + 1));
	REFUSED(WALL_SANDBOX_ADD, CGROUP(packet.sandbox.uid = 1000));
	REFUSED(WALL_SANDBOX_ADD, USER(packet.sandbox.who = WALL_BY_NAMESPACE));
	ACCEPTED(WALL_SANDBOX_ADD,
		 USER(packet.sandbox.who = WALL_BY_NAMESPACE, packet.sandbox.uid = 0));
}

static void statics(void **state)
{
	(void)state;
	REFUSED(WALL_STATIC, packet.statics[1].sandbox = 0);
	REFUSED(WALL_STATIC, packet.statics[1].pad = 1);
	REFUSED(WALL_STATIC, packet.statics[0].prefix.bits = 12); /* 10.20 has bits beyond it */
	REFUSED(WALL_STATIC, packet.statics[0].prefix = (struct ng_prefix){0});
	REFUSED(WALL_STATIC, packet.statics[0].port = 443); /* of no protocol */
	REFUSED(WALL_STATIC, packet.statics[1].port = 0);
	REFUSED(WALL_STATIC, packet.statics[1].proto = 1);
	REFUSED(WALL_STATIC, packet.statics[1].proto = 132);
	ACCEPTED(WALL_STATIC, packet.statics[1].proto = 17);
	ACCEPTED(WALL_STATIC, packet.statics[1].port = UINT16_MAX);
	assert_true(wall_count_max(WALL_STATIC) >= NG_STATICS_MAX); /* one packet is enough */
}

static void members(void **state)
{
	(void)state;
	REFUSED(WALL_MEMBER, packet.member.id = 0);
	REFUSED(WALL_MEMBER, packet.member.name[0] = '\0');
	REFUSED(WALL_MEMBER, memset(packet.member.name, 'a', NG_SANDBOX_NAME_MAX));
	ACCEPTED(WALL_MEMBER, memset(packet.member.name, 'a', NG_SANDBOX_NAME_MAX - 1));
	REFUSED(WALL_MEMBER, packet.member.name[1] = '\x1b');
	REFUSED(WALL_MEMBER, packet.member.mode = NG_OBSERVE + 1);
	ACCEPTED(WALL_MEMBER, packet.member.mode = NG_OBSERVE);
	ACCEPTED(WALL_MEMBER, packet.member.approvals = 0);
	for (int i = 0; i < 3; i++)
		REFUSED(WALL_MEMBER, packet.member.n_rulesets[i] = NG_RULESETS_MAX + 1);
	REFUSED(WALL_MEMBER, memset(packet.member.interface, 'a', NG_IFNAME_MAX));
}

static void settings(void **state)
{
	(void)state;
	ACCEPTED(WALL_BEGIN, packet.begin.flags = WALL_ANCESTOR_NODATA);
	ACCEPTED(WALL_BEGIN, packet.begin.flags = WALL_NO_IPV4 | WALL_NO_IPV6);
	ACCEPTED(WALL_BEGIN, packet.begin.flags = WALL_PREFETCH);
	ACCEPTED(WALL_BEGIN, packet.begin.flags = WALL_RESUMED);
	ACCEPTED(WALL_MEMBER, packet.member.no_aaaa = 1);
	REFUSED(WALL_MEMBER, packet.member.no_aaaa = 2);
	ACCEPTED(WALL_BEGIN, packet.begin.flags = WALL_DROP_LOW_PORTS);
	REFUSED(WALL_BEGIN, packet.begin.flags = 64);
	ACCEPTED(WALL_BEGIN, packet.begin.stale_s = NG_STALE_CEILING_S);
	REFUSED(WALL_BEGIN, packet.begin.stale_s = NG_STALE_CEILING_S + 1);
	ACCEPTED(WALL_BEGIN, packet.begin.busy_us = NG_BUSY_CEILING_US);
	REFUSED(WALL_BEGIN, packet.begin.busy_us = NG_BUSY_CEILING_US + 1);
	ACCEPTED(WALL_BEGIN, packet.begin.lease_min_s = NG_LEASE_CEILING_S);
	REFUSED(WALL_BEGIN, packet.begin.lease_min_s = NG_LEASE_CEILING_S + 1);
	REFUSED(WALL_BEGIN, packet.begin.grace_s = NG_LEASE_CEILING_S + 1);
	REFUSED(WALL_BEGIN, packet.begin.ttl_max_s = UINT32_MAX);
	REFUSED(WALL_BEGIN, packet.begin.deny_ttl_s = UINT32_MAX);
}

static void flushes(void **state)
{
	(void)state;
	ACCEPTED(WALL_FLUSH, packet.flush.name_len = 0);
	ACCEPTED(WALL_FLUSH, packet.flush.below = 1);
	REFUSED(WALL_FLUSH, packet.flush.below = 2);
	REFUSED(WALL_FLUSH, packet.flush.name_len = 5); /* of a name that is not there */
	ACCEPTED(WALL_FLUSHED, packet.flushed.entries = UINT64_MAX);
}

static void upstreams(void **state)
{
	(void)state;
	ACCEPTED(WALL_UPSTREAM_ROW, packet.upstream.state = 2);
	REFUSED(WALL_UPSTREAM_ROW, packet.upstream.state = 3);
	REFUSED(WALL_UPSTREAM_ROW, packet.upstream.transport = WALL_TRANSPORTS);
	REFUSED(WALL_UPSTREAM_ROW, packet.upstream.port = 0);
	REFUSED(WALL_UPSTREAM_ROW, packet.upstream.addr = (struct ng_addr){0});
	REFUSED(WALL_UPSTREAM_ROW, packet.upstream.zone_len = 0);
	REFUSED(WALL_UPSTREAM_ROW, packet.upstream.zone[0] = 3);
}

static void routes(void **state)
{
	(void)state;
	ACCEPTED(WALL_ROUTE, packet.route.trust_ad = 1);
	REFUSED(WALL_ROUTE, packet.route.trust_ad = 2);
	REFUSED(WALL_ROUTE, packet.route.zone_len = 0);
	REFUSED(WALL_ROUTE, packet.route.zone_len = 5);
	REFUSED(WALL_ROUTE, packet.route.zone_len = 7);
	REFUSED(WALL_ROUTE, packet.route.zone[1] = 'C');
	REFUSED(WALL_ROUTE, packet.route.zone[0] = 0xc0);
	REFUSED(WALL_ROUTE, packet.route.zone[0] = 0x40);
	REFUSED(WALL_ROUTE, packet.route.zone[0] = 3);
	ACCEPTED(WALL_ROUTE, packet.route.zone_len = 1; packet.route.zone[0] = 0);
	REFUSED(WALL_ROUTE, packet.route.zone_len = 255; memset(packet.route.zone, 1, 255));
	REFUSED(WALL_ROUTE, packet.route.n_servers++);
	REFUSED(WALL_ROUTE, packet.route.servers[NG_SERVERS_MAX - 1].port = 0);
	REFUSED(WALL_ROUTE, packet.route.servers[0].addr = (struct ng_addr){0});
	REFUSED(WALL_ROUTE, packet.route.servers[0].addr.bytes[4] = 1);
	REFUSED(WALL_ROUTE, packet.route.servers[0].transport = WALL_TRANSPORTS);
	REFUSED(WALL_ROUTE, strcpy(packet.route.servers[0].name, "dns.example"));
	REFUSED(WALL_ROUTE, packet.route.servers[1].name[3] = '/');
	REFUSED(WALL_ROUTE, memset(packet.route.servers[1].name, 'a', NG_HOST_MAX));
	REFUSED(WALL_ROUTE, strcpy(packet.route.servers[1].name, "dns..example"));
	REFUSED(WALL_ROUTE, strcpy(packet.route.servers[1].name, "dns.example."));
	ACCEPTED(WALL_ROUTE, packet.route.servers[1].name[0] = '\0');
	REFUSED(WALL_ROUTE, packet.route.servers[1].name[0] = '\0'; packet.route.n_pins = 0);
	REFUSED(WALL_ROUTE, packet.route.n_pins = NG_PINS_MAX + 1);
	REFUSED(WALL_ROUTE, packet.route.n_source = NG_UPSOURCES_MAX + 1);
	REFUSED(WALL_ROUTE, packet.route.source[0] = (struct ng_addr){0});
	REFUSED(WALL_TRUST, packet.trust.len = 0);
	REFUSED(WALL_TRUST, packet.trust.len = WALL_TRUST_MAX + 1);
	REFUSED(WALL_ROUTE, packet.route.timeout_ms = 0);
	REFUSED(WALL_ROUTE, packet.route.timeout_ms = UINT32_MAX / 4);
}

static void leases(void **state)
{
	(void)state;
	static const enum wall_kind both[] = {WALL_LEASE, WALL_REVOKE, WALL_EVICT};
	for (size_t i = 0; i < COUNT(both); i++) {
		REFUSED(both[i], packet.lease[1].sandbox = 0);
		REFUSED(both[i], packet.lease[1].addr = (struct ng_addr){0});
		REFUSED(both[i], packet.lease[1].addr.bytes[9] = 1);
		REFUSED(both[i], packet.lease[0].client.bytes[0] = 1); /* of no family */
		REFUSED(both[i], packet.lease[1].client.family = 5);
		REFUSED(both[i], packet.lease[0].pad = 1);
		REFUSED(both[i], packet.lease[0].port = 443);
		REFUSED(both[i], packet.lease[0].proto = 6);
		REFUSED(both[i], packet.lease[1].proto = 1); /* has no ports */
		ACCEPTED(both[i], packet.lease[1].proto = 17);
	}
	REFUSED(WALL_LEASE, packet.lease[0].number = 0);
	REFUSED(WALL_LEASE, packet.lease[1].until_us = 0);
	REFUSED(WALL_REVOKE, packet.lease[1].until_us = 1);
	REFUSED(WALL_EVICT, packet.lease[1].until_us = 1);
}

static void rows_and_reports(void **state)
{
	(void)state;
	REFUSED(WALL_LEASE_ROW, packet.row.sandbox = 0);
	REFUSED(WALL_LEASE_ROW, packet.row.confirmed = 2);
	REFUSED(WALL_LEASE_ROW, packet.row.name_len = 2);
	REFUSED(WALL_LEASE_ROW, packet.row.name_len = 255);
	REFUSED(WALL_LEASE_ROW, packet.row.name[1] = 'A');
	ACCEPTED(WALL_LEASE_ROW, packet.row.name_len = 0);
	REFUSED(WALL_LEASE_ROW, packet.row.addr.family = 0);
	ACCEPTED(WALL_LEASE_ROW, packet.row.client = (struct ng_addr){0});
	REFUSED(WALL_LEASE_ROW, packet.row.client.bytes[15] = 1);
	REFUSED(WALL_BLOCKED, packet.blocked[1].from = (struct ng_addr){0});
	REFUSED(WALL_BLOCKED, packet.blocked[1].to.family = 3);
	REFUSED(WALL_LEASE_ROW, packet.row.pad = 1);
	REFUSED(WALL_LEASE_ROW, packet.row.proto = 0);
	REFUSED(WALL_LEASE_ROW, packet.row.port = 0);
	REFUSED(WALL_LEASE_ROW, packet.row.proto = 2);
	ACCEPTED(WALL_LEASE_ROW, packet.row.proto = 0; packet.row.port = 0);
	REFUSED(WALL_BLOCKED, packet.blocked[0].observed = 2);
	REFUSED(WALL_BLOCKED, packet.blocked[0].count = 0);
	REFUSED(WALL_LEASE_ROW, packet.row.kept_us = packet.row.until_us + 1);
	REFUSED(WALL_FLOW, packet.flow[1].sandbox = 0);
	REFUSED(WALL_FLOWS_LATE, packet.late.count = 0);
	REFUSED(WALL_FLOW, packet.flow[0].addr = (struct ng_addr){0});
	REFUSED(WALL_FLOW, packet.flow[0].client.bytes[15] = 1);
	REFUSED(WALL_FLOW, packet.flow[1].proto = 1);
	REFUSED(WALL_FLOW, packet.flow[1].port = 0);
	REFUSED(WALL_FLOW, packet.flow[0].pad = 1);
	REFUSED(WALL_TABLE, packet.table.flow_step_ms = NG_LEASE_CEILING_S * 1000u + 1);
	REFUSED(WALL_BEGIN, packet.begin.flow_lease_s = NG_LEASE_CEILING_S + 1);
	ACCEPTED(WALL_COUNTERS, memset(&packet.counters, 0xff, sizeof(packet.counters)));
}

static void packets_that_were_refused(void **state)
{
	(void)state;
	ACCEPTED(WALL_BLOCKED, packet.blocked[0].sandbox = 0);
	REFUSED(WALL_BLOCKED, packet.blocked[0].trick = WALL_TRICKS);
	REFUSED(WALL_BLOCKED, packet.blocked[0].pad = 1);
	REFUSED(WALL_BLOCKED, packet.blocked[0].logged = UINT32_MAX);
	REFUSED(WALL_BLOCKED, memset(&packet.blocked[0].to, 0, sizeof(struct ng_addr)));
	REFUSED(WALL_BLOCKED, memset(&packet.blocked[0].from, 0, sizeof(struct ng_addr)));
	ACCEPTED(WALL_BLOCKED, (memset(&packet.blocked[0].to, 0, sizeof(struct ng_addr)),
				memset(&packet.blocked[0].from, 0, sizeof(struct ng_addr)),
				packet.blocked[0].logged = 0));
	REFUSED(WALL_BLOCKED, (memset(&packet.blocked[0].to, 0, sizeof(struct ng_addr)),
			       memset(&packet.blocked[0].from, 0, sizeof(struct ng_addr)),
			       packet.blocked[0].logged = 1));
	REFUSED(WALL_TALLY_ROW, packet.tally[1].pad = 1);
	REFUSED(WALL_TARGET_ROW, packet.target.to.family = 3);
	REFUSED(WALL_TARGET_ROW, packet.target.observed = 2);
	REFUSED(WALL_TARGET_ROW, packet.target.why = NG_WHYS);
	REFUSED(WALL_TARGET_ROW, packet.target.pad = 1);
	REFUSED(WALL_TARGET_ROW, packet.target.name_len = 2);
	REFUSED(WALL_TARGET_ROW, packet.target.name[1] = 'A');
	REFUSED(WALL_TARGET_ROW, packet.target.packets = 0);
	REFUSED(WALL_TARGET_ROW, packet.target.over = 8);    /* more than there were */
	REFUSED(WALL_TARGET_ROW, packet.target.last_us = 9); /* before the first */
	REFUSED(WALL_TARGET_ROW, packet.target.reason[0] = '\n');
	REFUSED(WALL_TARGET_ROW, memset(packet.target.reason, 'a', WALL_REASON_MAX));
	REFUSED(WALL_LIMIT_ROW, packet.limits.sandbox = 0);
	REFUSED(WALL_LIMIT_ROW, packet.limits.pad = 1);
}

static void waiting_names(void **state)
{
	(void)state;
	REFUSED(WALL_WAITING_ROW, packet.waiting.id = 0);
	REFUSED(WALL_WAITING_ROW, packet.waiting.sandbox = 0);
	REFUSED(WALL_WAITING_ROW, packet.waiting.name_len = 0);
	REFUSED(WALL_WAITING_ROW, packet.waiting.name_len = 2);
	REFUSED(WALL_WAITING_ROW, packet.waiting.name[1] = 'A');
	REFUSED(WALL_WAITING_ROW, memset(packet.waiting.path, 'a', NG_PATH_MAX));
	REFUSED(WALL_WAITING_ROW, packet.waiting.path[0] = '\n');
	ACCEPTED(WALL_WAITING_ROW, packet.waiting.path[0] = '\0');
	REFUSED(WALL_WAITING_ROW, packet.waiting.last_us = 9); /* before the first */
	REFUSED(WALL_WAITING_ROW, packet.waiting.count = 0);
	ACCEPTED(WALL_WAITING_ROW, packet.waiting.line = 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes),
		cmocka_unit_test(tables),
		cmocka_unit_test(prefix_arrays),
		cmocka_unit_test(sandboxes),
		cmocka_unit_test(sandboxes_without_an_interface),
		cmocka_unit_test(statics),
		cmocka_unit_test(members),
		cmocka_unit_test(settings),
		cmocka_unit_test(flushes),
		cmocka_unit_test(upstreams),
		cmocka_unit_test(routes),
		cmocka_unit_test(leases),
		cmocka_unit_test(rows_and_reports),
		cmocka_unit_test(waiting_names),
		cmocka_unit_test(packets_that_were_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
