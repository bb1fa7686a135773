/* For each kind at the walls a packet that passes, and what the check says of it. */
#pragma once

#include "unit.h"

#include "base/token.h"
#include "base/wall.h"

#include <namegate/gate.h>

static struct ng_addr addr(const char *text)
{
	struct ng_addr out = {0};
	assert_int_equal(ng_addr_parse(text, &out), NG_OK);
	return out;
}

static struct ng_prefix prefix(const char *text)
{
	struct ng_prefix out = {0};
	assert_int_equal(ng_prefix_parse(text, &out), NG_OK);
	return out;
}

/* ---- one good packet of each kind ---- */

static void fill_table(struct wall_packet *packet)
{
	struct wall_table *table = &packet->table;
	strcpy(table->table, "namegate");
	table->dns_port = 5353;
	table->n_interfaces = 2;
	strcpy(table->interfaces[0], "sb*");
	strcpy(table->interfaces[1], "veth-0123456789");
	table->lease_ceiling_s = NG_LEASE_CEILING_S;
	table->leases_sandbox = table->leases = table->queries_sandbox = 1;
}

static void fill_sandbox(struct wall_packet *packet)
{
	struct wall_sandbox *sandbox = &packet->sandbox;
	sandbox->id = 3;
	sandbox->mode = NG_ENFORCE;
	sandbox->flags = WALL_MASQUERADE;
	strcpy(sandbox->interface, "sb1");
	sandbox->snat[0] = addr("192.0.2.10");
	sandbox->n_statics = NG_STATICS_MAX;
	sandbox->n_sources = NG_SOURCES_MAX;
	for (int i = 0; i < NG_SOURCES_MAX; i++)
		sandbox->sources[i] = prefix("10.1.0.2");
	sandbox->n_opened = NG_PRIVATE_MAX;
	for (int i = 0; i < NG_PRIVATE_MAX; i++)
		sandbox->opened[i] = prefix("fd00::/8");
}

static void fill_static(struct wall_packet *packet)
{
	packet->statics[0] =
		(struct wall_static){.sandbox = 3, .prefix = prefix("10.20.0.0/16")};
	packet->statics[1] = (struct wall_static){
		.sandbox = 3, .prefix = prefix("2001:db8::1"), .proto = 6, .port = 443};
}

static void fill_tally(struct wall_packet *packet)
{
	packet->tally[0] = (struct wall_tally){.forged = 9};
	packet->tally[1] = (struct wall_tally){.sandbox = 3, .refused = UINT64_MAX};
}

static void fill_upstream(struct wall_packet *packet)
{
	packet->upstream.addr = (struct ng_addr){NG_IPV4, {192, 0, 2, 53}};
	packet->upstream.port = 53;
	packet->upstream.zone_len = 1;
}

static void fill_limits(struct wall_packet *packet)
{
	packet->limits = (struct wall_limit_row){.sandbox = 3, .values = {7}};
}

static void fill_target(struct wall_packet *packet)
{
	packet->target = (struct wall_target){.sandbox = 3,
					      .to = addr("203.0.113.9"),
					      .proto = 6,
					      .port = 443,
					      .why = NG_WHYS - 1,
					      .name_len = 3,
					      .name = "\1a",
					      .packets = 7,
					      .over = 7,
					      .first_us = 10,
					      .last_us = 10,
					      .reason = "why"};
}

static void fill_id(struct wall_packet *packet)
{
	packet->id.id = 1;
}

static void fill_channel(struct wall_packet *packet)
{
	packet->channel.worker = 1;
}

static void fill_route(struct wall_packet *packet)
{
	struct wall_route *route = &packet->route;
	route->id = 2;
	route->origin = 7;
	route->zone_len = 6;
	memcpy(route->zone, "\4corp", 6);
	route->n_opened = 1;
	route->opened[0] = prefix("10.0.0.0/8");
	route->n_servers = NG_SERVERS_MAX;
	for (int i = 0; i < NG_SERVERS_MAX; i++)
		route->servers[i] = (struct wall_server){.addr = addr("127.0.0.1"), .port = 53};
	route->servers[1].transport = WALL_TLS;
	strcpy(route->servers[1].name, "dns.example");
	route->n_pins = NG_PINS_MAX;
	route->n_source = 1;
	route->source[0] = addr("192.0.2.1");
	route->timeout_ms = 800;
}

static void fill_own(struct wall_packet *packet)
{
	packet->own.prefix = prefix("192.0.2.0/24");
}

static void fill_ruleset(struct wall_packet *packet)
{
	packet->ruleset.len = 1;
}

static void fill_trust(struct wall_packet *packet)
{
	packet->trust.len = WALL_TRUST_MAX;
}

static void fill_member(struct wall_packet *packet)
{
	struct wall_member *member = &packet->member;
	member->id = 3;
	strcpy(member->name, "ci");
	member->mode = NG_ENFORCE;
	member->n_sources = 1;
	member->sources[0] = prefix("10.1.0.0/24");
	member->n_opened = 1;
	member->opened[0] = prefix("10.0.0.0/8");
	for (int i = 0; i < 3; i++)
		member->n_rulesets[i] = NG_RULESETS_MAX;
	member->approvals = UINT64_MAX;
}

static void fill_row(struct wall_packet *packet)
{
	struct wall_lease_row *row = &packet->row;
	row->sandbox = 1;
	row->client = addr("10.0.0.1");
	row->addr = addr("2001:db8::1");
	row->proto = 17;
	row->port = 443;
	row->confirmed = 1;
	row->name_len = 3;
	memcpy(row->name, "\1a", 3);
}

static void fill_waiting(struct wall_packet *packet)
{
	packet->waiting = (struct wall_waiting_row){.id = 1,
						    .sandbox = 3,
						    .name_len = 3,
						    .name = "\1a",
						    .path = "team.list",
						    .line = 4,
						    .first_us = 10,
						    .last_us = 10,
						    .count = 1};
}

static void fill_lease(struct wall_packet *packet)
{
	packet->lease[0] = (struct wall_lease){
		.number = 1, .sandbox = 2, .addr = addr("192.0.2.1"), .until_us = 1};
	packet->lease[1] = packet->lease[0];
	packet->lease[1].client = addr("10.0.0.1");
	packet->lease[1].proto = 6;
	packet->lease[1].port = 443;
}

static void fill_revoke(struct wall_packet *packet)
{
	fill_lease(packet);
	packet->lease[0].until_us = packet->lease[1].until_us = 0;
	packet->lease[0].number = 0;
}

static void fill_leased(struct wall_packet *packet)
{
	packet->leased[0].number = packet->leased[1].number = 9;
	packet->leased[1].code = NG_E_KERNEL;
}

static void fill_blocked(struct wall_packet *packet)
{
	packet->blocked[0] = (struct wall_blocked){
		.from = addr("10.0.0.1"), .to = addr("1.1.1.1"), .count = 1};
	packet->blocked[1] = packet->blocked[0];
	packet->blocked[1].observed = 1;
}

static void fill_late(struct wall_packet *packet)
{
	packet->late.count = 1;
}

static void fill_flow(struct wall_packet *packet)
{
	packet->flow[0] = (struct wall_flow){.sandbox = 2, .addr = addr("192.0.2.1")};
	packet->flow[1] = packet->flow[0];
	packet->flow[1].client = addr("10.0.0.1");
	packet->flow[1].proto = 17;
	packet->flow[1].port = 443;
}

#define WAY(way) (1u << (way))
static const struct good {
	enum wall_kind kind;
	uint16_t count;
	unsigned int ways;
	size_t fds;
	void (*fill)(struct wall_packet *packet);
} goods[] = {
	{WALL_READY, 1, WAY(WALL_WARDEN_TO_MAIN) | WAY(WALL_WORKER_TO_MAIN), 0, NULL},
	{WALL_DONE, 1, WAY(WALL_WARDEN_TO_MAIN) | WAY(WALL_WORKER_TO_MAIN), 0, NULL},
	{WALL_TABLE, 1, WAY(WALL_MAIN_TO_WARDEN), 0, fill_table},
	{WALL_SANDBOX_ADD, 1, WAY(WALL_MAIN_TO_WARDEN), 0, fill_sandbox},
	{WALL_SANDBOX_REMOVE, 1, WAY(WALL_MAIN_TO_WARDEN) | WAY(WALL_MAIN_TO_WORKER), 0,
	 fill_id},
	{WALL_CHANNEL, 1, WAY(WALL_MAIN_TO_WARDEN) | WAY(WALL_MAIN_TO_WORKER), 1, fill_channel},
	{WALL_BEGIN, 1, WAY(WALL_MAIN_TO_WORKER), 0, NULL},
	{WALL_ROUTE, 1, WAY(WALL_MAIN_TO_WORKER), 0, fill_route},
	{WALL_OWN, 1, WAY(WALL_MAIN_TO_WORKER), 0, fill_own},
	{WALL_RULESET, 1, WAY(WALL_MAIN_TO_WORKER), 1, fill_ruleset},
	{WALL_TRUST, 1, WAY(WALL_MAIN_TO_WORKER), 1, fill_trust},
	{WALL_MEMBER, 1, WAY(WALL_MAIN_TO_WORKER), 0, fill_member},
	{WALL_COMMIT, 1, WAY(WALL_MAIN_TO_WORKER), 0, NULL},
	{WALL_LISTENER, 1, WAY(WALL_MAIN_TO_WORKER), 1, NULL},
	{WALL_STATUS, 1, WAY(WALL_MAIN_TO_WORKER), 0, NULL},
	{WALL_LEASES, 1, WAY(WALL_MAIN_TO_WORKER), 0, NULL},
	{WALL_COUNTERS, 1, WAY(WALL_WORKER_TO_MAIN), 0, NULL},
	{WALL_LEASE_ROW, 1, WAY(WALL_WORKER_TO_MAIN), 0, fill_row},
	{WALL_LEASES_END, 1, WAY(WALL_WORKER_TO_MAIN), 0, NULL},
	{WALL_LEASE, 2, WAY(WALL_WORKER_TO_WARDEN), 0, fill_lease},
	{WALL_REVOKE, 2, WAY(WALL_WORKER_TO_WARDEN), 0, fill_revoke},
	{WALL_EVICT, 2, WAY(WALL_WORKER_TO_WARDEN), 0, fill_revoke},
	{WALL_CLAIMED, 1, WAY(WALL_WORKER_TO_WARDEN), 0, NULL},
	{WALL_LEASED, 2, WAY(WALL_WARDEN_TO_WORKER), 0, fill_leased},
	{WALL_BLOCKED, 2, WAY(WALL_WARDEN_TO_WORKER), 0, fill_blocked},
	{WALL_STATIC, 2, WAY(WALL_MAIN_TO_WARDEN), 0, fill_static},
	{WALL_WAITINGS, 1, WAY(WALL_MAIN_TO_WORKER), 0, NULL},
	{WALL_WAITING_ROW, 1, WAY(WALL_WORKER_TO_MAIN), 0, fill_waiting},
	{WALL_WAITINGS_END, 1, WAY(WALL_WORKER_TO_MAIN), 0, NULL},
	{WALL_FLOW, 2, WAY(WALL_WARDEN_TO_WORKER), 0, fill_flow},
	{WALL_TALLIES, 1, WAY(WALL_MAIN_TO_WARDEN), 0, NULL},
	{WALL_TALLY_ROW, 2, WAY(WALL_WARDEN_TO_MAIN), 0, fill_tally},
	{WALL_TALLIES_END, 1, WAY(WALL_WARDEN_TO_MAIN), 0, NULL},
	{WALL_TARGETS, 1, WAY(WALL_MAIN_TO_WORKER), 0, NULL},
	{WALL_TARGET_ROW, 1, WAY(WALL_WORKER_TO_MAIN), 0, fill_target},
	{WALL_TARGETS_END, 1, WAY(WALL_WORKER_TO_MAIN), 0, NULL},
	{WALL_LIMITS, 1, WAY(WALL_MAIN_TO_WORKER), 0, NULL},
	{WALL_LIMIT_ROW, 1, WAY(WALL_WORKER_TO_MAIN), 0, fill_limits},
	{WALL_LIMITS_END, 1, WAY(WALL_WORKER_TO_MAIN), 0, NULL},
	{WALL_UPSTREAMS, 1, WAY(WALL_MAIN_TO_WORKER), 0, NULL},
	{WALL_UPSTREAM_ROW, 1, WAY(WALL_WORKER_TO_MAIN), 0, fill_upstream},
	{WALL_UPSTREAMS_END, 1, WAY(WALL_WORKER_TO_MAIN), 0, NULL},
	{WALL_FLUSH, 1, WAY(WALL_MAIN_TO_WORKER), 0, NULL},
	{WALL_FLUSHED, 1, WAY(WALL_WORKER_TO_MAIN), 0, NULL},
	{WALL_FLOWS_LATE, 1, WAY(WALL_WARDEN_TO_WORKER), 0, fill_late},
	{WALL_TABLE_LOST, 1, WAY(WALL_WARDEN_TO_WORKER), 0, NULL},
	{WALL_TABLE_BACK, 1, WAY(WALL_WARDEN_TO_WORKER), 0, NULL},
};

static struct wall_packet packet;

static const struct good *good_make(enum wall_kind kind)
{
	for (size_t i = 0; i < COUNT(goods); i++) {
		if (goods[i].kind != kind)
			continue;
		memset(&packet, 0, sizeof(packet));
		packet.head = (struct wall_head){(uint16_t)kind, goods[i].count, 7};
		if (goods[i].fill)
			goods[i].fill(&packet);
		return &goods[i];
	}
	fail_msg("kind %d has no example", kind);
	return NULL;
}

static int check_len(enum wall_way way, size_t len, size_t fds)
{
	struct wall_packet *copy = exact(&packet, len);
	int error = wall_check(way, copy, len, fds);
	free(copy);
	return error;
}

static int check(const struct good *good)
{
	unsigned int way = 1;
	while (!(good->ways & WAY(way)))
		way++;
	return check_len(way, wall_packet_size(packet.head.kind, packet.head.count), good->fds);
}
