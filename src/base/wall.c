/*
 * One table says what may come through the walls: for each kind the size of a body, the ways it
 * may go, the descriptors that come with it, how many bodies one packet may hold, and the
 * function that judges a body. A kind that is not in the table does not exist.
 *
 * A body is judged field by field. Elements of an array behind its count are not read by anybody
 * and not judged. Pads that have a name must be zero; the holes that the compiler leaves have no
 * meaning, and C does not keep them through an assignment.
 */
#include "base/wall.h"

#include "base/token.h"

#include <string.h>

#define MODE_MAX           2u  /* NG_OBSERVE; the engine's header is above this floor */
#define WHY_MAX            16u /* NG_WHYS - 1, of the same header */
#define UPSTREAM_STATE_MAX 2u  /* UPSTREAM_PROBED, of an edge */
#define PROTO_TCP          6u
#define PROTO_UDP          17u
#define ERRNO_MAX          4095u   /* MAX_ERRNO of Linux */
#define TIMEOUT_MS_MAX     600000u /* four times that still fits everywhere */
#define FLOW_STEP_MS_MAX   (NG_LEASE_CEILING_S * 1000u)
#define WAY(way)           (1u << (way))

/* ---- parts of bodies ---- */

/* Terminated, and without control characters. */
static bool text_good(const char *text, size_t size, size_t shortest)
{
	size_t len = strnlen(text, size);
	if (len == size || len < shortest)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

/* What the kernel takes for an interface (dev_valid_name), in printable ASCII. */
static bool interface_good(const char *name, size_t shortest)
{
	if (!text_good(name, NG_IFNAME_MAX, shortest))
		return false;
	for (; *name; name++)
		if (*name == ' ' || *name == '/' || *name == ':' || (uint8_t)*name > 0x7e)
			return false;
	return true;
}

static bool addr_good(const struct ng_addr *addr)
{
	struct ng_prefix host = {.addr = *addr, .bits = (uint8_t)(8 * ng_addr_len(addr))};
	return ng_prefix_valid(&host);
}

static bool addr_good_or_none(const struct ng_addr *addr)
{
	static const struct ng_addr none;
	return addr_good(addr) || memcmp(addr, &none, sizeof(none)) == 0;
}

static bool prefixes_good(const struct ng_prefix *prefixes, size_t n, size_t most)
{
	if (n > most)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!ng_prefix_valid(&prefixes[i]))
			return false;
	return true;
}

/* Labels that fill exactly len octets, lower case, the root at the end. */
static bool name_good(const uint8_t *wire, size_t len)
{
	size_t at = 0;
	while (at < len && wire[at] != 0) {
		size_t label = wire[at];
		if (label > NG_LABEL_MAX || label >= len - at)
			return false;
		for (size_t i = at + 1; i <= at + label; i++)
			if (wire[i] >= 'A' && wire[i] <= 'Z')
				return false;
		at += 1 + label;
	}
	return at + 1 == len;
}

/* Every port of every protocol, or one port of a protocol that the kernel's sets know ports of. */
static bool port_good(uint8_t proto, uint16_t port)
{
	if (proto == 0)
		return port == 0;
	return (proto == PROTO_TCP || proto == PROTO_UDP) && port != 0;
}

static bool code_good(int32_t code)
{
	return code <= NG_OK && code >= NG_E_UNSUPPORTED;
}

/* ---- bodies ---- */

static bool empty_good(const void *body)
{
	const struct wall_done *done = body;
	return done->code == NG_OK && done->system == 0 && done->takes == 0 && done->held == 0;
}

static bool done_good(const void *body)
{
	const struct wall_done *done = body;
	return code_good(done->code) && done->system <= ERRNO_MAX &&
	       done->takes <= WALL_TAKES(NG_IPV6, true) * 2 - 1 && done->held <= 1;
}

bool wall_nft_name_good(const char *name)
{
	size_t len = strnlen(name, WALL_NFT_NAME_MAX);
	if (!len || len == WALL_NFT_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (!i || !((c >= '0' && c <= '9') || c == '-' || c == '.')))
			return false;
	}
	return true;
}

bool wall_set_family_good(const char *family)
{
	static const char *const families[] = {"inet", "ip", "ip6", "bridge", "netdev"};
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strcmp(families[i], family) == 0)
			return true;
	return false;
}

static bool sets_good(const struct wall_table *table)
{
	if (table->n_sets > WALL_SETS_MAX || table->again > 1)
		return false;
	for (size_t i = 0; i < table->n_sets; i++) {
		const struct wall_set *set = &table->sets[i];
		if (strnlen(set->family, sizeof(set->family)) == sizeof(set->family) ||
		    !wall_set_family_good(set->family) || !wall_nft_name_good(set->table) ||
		    !wall_nft_name_good(set->name))
			return false;
	}
	return true;
}

static bool table_good(const void *body)
{
	const struct wall_table *table = body;
	if (!text_good(table->table, sizeof(table->table), 1) ||
	    table->n_interfaces > NG_IFPATTERNS_MAX)
		return false;
	for (size_t i = 0; i < table->n_interfaces; i++)
		if (!interface_good(table->interfaces[i], 1))
			return false;
	return sets_good(table) && table->dns_port && table->workers <= NG_WORKERS_MAX &&
	       table->pad_hosts == 0 && table->hosts < WALL_HOST_LEVEL(NG_CGROUP_LEVELS + 1) &&
	       (!(table->hosts & WALL_HOST_SIDECAR) || table->worker_uid) &&
	       table->lease_ceiling_s && table->lease_ceiling_s <= NG_LEASE_CEILING_S &&
	       table->leases_sandbox && table->leases && table->queries_sandbox &&
	       table->queries_sandbox <= NG_QUERIES_SANDBOX_MAX &&
	       table->flow_step_ms <= FLOW_STEP_MS_MAX && table->busy_us <= NG_BUSY_CEILING_US;
}

static bool snat_good(const struct ng_addr snat[static NG_SNAT_MAX])
{
	return addr_good_or_none(&snat[0]) && snat[0].family != NG_IPV6 &&
	       addr_good_or_none(&snat[1]) && snat[1].family != NG_IPV4;
}

/* Its sources are its token, and nobody else has one. */
static bool sources_good(const struct wall_sandbox *sandbox)
{
	struct ng_prefix token[2];
	if (!prefixes_good(sandbox->sources, sandbox->n_sources, NG_SOURCES_MAX))
		return false;
	for (size_t i = 0; sandbox->who == WALL_BY_INTERFACE && i < sandbox->n_sources; i++)
		if (token_within(&sandbox->sources[i]))
			return false;
	if (sandbox->who == WALL_BY_INTERFACE)
		return true;
	if (sandbox->n_sources != 2 || sandbox->interface[0])
		return false;
	token_sources(sandbox->id, token);
	for (size_t i = 0; i < 2; i++)
		if (sandbox->sources[i].bits != token[i].bits ||
		    !ng_addr_equal(&sandbox->sources[i].addr, &token[i].addr))
			return false;
	return true;
}

static bool who_good(const struct wall_sandbox *sandbox)
{
	bool cgroup = sandbox->who == WALL_BY_CGROUP;
	return sandbox->who < WALL_BYS && sandbox->worker < NG_WORKERS_MAX &&
	       (sandbox->uid != 0) == (sandbox->who == WALL_BY_UID) &&
	       (sandbox->cgroup != 0) == cgroup && (sandbox->level != 0) == cgroup &&
	       sandbox->level <= NG_CGROUP_LEVELS &&
	       (sandbox->who == WALL_BY_INTERFACE || !(sandbox->flags & WALL_MASQUERADE));
}

/* A port is never its own bridge. */
static bool bridge_good(const struct wall_sandbox *sandbox)
{
	return interface_good(sandbox->bridge, 0) &&
	       (!sandbox->bridge[0] ||
		(sandbox->interface[0] && strcmp(sandbox->interface, sandbox->bridge) != 0));
}

static bool sandbox_good(const void *body)
{
	const struct wall_sandbox *sandbox = body;
	return sandbox->id && who_good(sandbox) && sources_good(sandbox) &&
	       (sandbox->flags & ~WALL_MASQUERADE) == 0 && sandbox->mode <= MODE_MAX &&
	       sandbox->n_statics <= NG_STATICS_MAX && interface_good(sandbox->interface, 0) &&
	       bridge_good(sandbox) &&
	       prefixes_good(sandbox->opened, sandbox->n_opened, NG_PRIVATE_MAX) &&
	       snat_good(sandbox->snat);
}

static bool static_good(const void *body)
{
	const struct wall_static *open = body;
	return open->sandbox && open->pad == 0 && ng_prefix_valid(&open->prefix) &&
	       port_good(open->proto, open->port);
}

static bool id_good(const void *body)
{
	const struct wall_id *id = body;
	return id->id != 0;
}

static bool channel_good(const void *body)
{
	const struct wall_channel_body *channel = body;
	return channel->worker != 0 && channel->worker <= NG_WORKERS_MAX;
}

static bool begin_good(const void *body)
{
	const struct wall_begin *begin = body;
	return begin->lease_min_s <= NG_LEASE_CEILING_S &&
	       begin->grace_s <= NG_LEASE_CEILING_S && begin->ttl_max_s <= NG_LEASE_CEILING_S &&
	       begin->deny_ttl_s <= NG_LEASE_CEILING_S &&
	       begin->flow_lease_s <= NG_LEASE_CEILING_S &&
	       begin->stale_s <= NG_STALE_CEILING_S && begin->busy_us <= NG_BUSY_CEILING_US &&
	       (begin->flags & ~(WALL_ANCESTOR_NODATA | WALL_PREFETCH | WALL_RESUMED |
				 WALL_DROP_LOW_PORTS | WALL_NO_IPV4 | WALL_NO_IPV6)) == 0;
}

bool wall_host_good(const char *name)
{
	size_t n = strnlen(name, NG_HOST_MAX), label = 0;
	if (n == 0 || n == NG_HOST_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dot = name[i] == '.';
		bool letter = (name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z';
		if (!dot && !letter && !(name[i] >= '0' && name[i] <= '9') && name[i] != '-' &&
		    name[i] != '_')
			return false;
		if ((dot && label == 0) || label > NG_LABEL_MAX)
			return false;
		label = dot ? 0 : label + 1;
	}
	return label > 0 && label <= NG_LABEL_MAX;
}

/* What is asked by TLS is known by something: a name, a key, or both. */
static bool server_good(const struct wall_server *server, size_t n_pins)
{
	bool tls = server->transport == WALL_TLS, named = server->name[0];
	if (!addr_good(&server->addr) || !server->port ||
	    server->transport >= WALL_TRANSPORTS || (named && !wall_host_good(server->name)))
		return false;
	return tls ? named || n_pins : !named;
}

static bool route_good(const void *body)
{
	const struct wall_route *route = body;
	if (!name_good(route->zone, route->zone_len) || route->n_servers > NG_SERVERS_MAX)
		return false;
	if (route->n_pins > NG_PINS_MAX || route->n_source > NG_UPSOURCES_MAX ||
	    route->trust_ad > 1)
		return false;
	for (size_t i = 0; i < route->n_servers; i++)
		if (!server_good(&route->servers[i], route->n_pins))
			return false;
	for (size_t i = 0; i < route->n_source; i++)
		if (!addr_good(&route->source[i]))
			return false;
	return route->id && route->origin && (!route->sandbox || !route->group) &&
	       prefixes_good(route->opened, route->n_opened, NG_PRIVATE_MAX) &&
	       route->timeout_ms && route->timeout_ms <= TIMEOUT_MS_MAX;
}

static bool trust_good(const void *body)
{
	const struct wall_trust *trust = body;
	return trust->len && trust->len <= WALL_TRUST_MAX;
}

static bool own_good(const void *body)
{
	const struct wall_own *own = body;
	return ng_prefix_valid(&own->prefix);
}

static bool ruleset_good(const void *body)
{
	const struct wall_ruleset *ruleset = body;
	return ruleset->len != 0;
}

static bool member_good(const void *body)
{
	const struct wall_member *member = body;
	for (size_t scope = 0; scope < sizeof(member->n_rulesets); scope++)
		if (member->n_rulesets[scope] > NG_RULESETS_MAX)
			return false;
	return member->id && member->mode <= MODE_MAX && member->no_aaaa <= 1 &&
	       text_good(member->name, sizeof(member->name), 1) &&
	       interface_good(member->interface, 0) &&
	       prefixes_good(member->sources, member->n_sources, NG_SOURCES_MAX) &&
	       prefixes_good(member->opened, member->n_opened, NG_PRIVATE_MAX);
}

static bool listener_good(const void *body)
{
	const struct wall_listener *listener = body;
	return listener->stream <= 1 && (listener->stream || !listener->sandbox);
}

static bool flush_good(const void *body)
{
	const struct wall_flush *flush = body;
	return flush->below <= 1 &&
	       (flush->name_len == 0 || name_good(flush->name, flush->name_len));
}

static bool counters_good(const void *body)
{
	(void)body; /* any number is a number */
	return true;
}

static bool row_good(const void *body)
{
	const struct wall_lease_row *row = body;
	return row->sandbox && addr_good_or_none(&row->client) && addr_good(&row->addr) &&
	       row->confirmed <= 1 && row->kept_us <= row->until_us && row->pad == 0 &&
	       port_good(row->proto, row->port) &&
	       (row->name_len == 0 || name_good(row->name, row->name_len));
}

static bool waiting_good(const void *body)
{
	const struct wall_waiting_row *row = body;
	return row->id && row->sandbox && name_good(row->name, row->name_len) &&
	       text_good(row->path, sizeof(row->path), 0) && row->first_us <= row->last_us &&
	       row->count;
}

/* What an element is made of, the same in an order to open it and in one to close it. */
static bool element_good(const struct wall_lease *lease)
{
	return lease->sandbox && addr_good_or_none(&lease->client) && addr_good(&lease->addr) &&
	       lease->pad == 0 && port_good(lease->proto, lease->port);
}

static bool lease_good(const void *body)
{
	const struct wall_lease *lease = body;
	return element_good(lease) && lease->number && lease->until_us;
}

static bool revoke_good(const void *body)
{
	const struct wall_lease *lease = body;
	return element_good(lease) && lease->until_us == 0;
}

static bool leased_good(const void *body)
{
	const struct wall_leased *leased = body;
	return leased->number && code_good(leased->code);
}

static bool blocked_good(const void *body)
{
	const struct wall_blocked *blocked = body;
	bool seen = blocked->from.family != NG_NOFAMILY;
	return addr_good_or_none(&blocked->from) && addr_good_or_none(&blocked->to) &&
	       seen == (blocked->to.family != NG_NOFAMILY) && blocked->observed <= 1 &&
	       blocked->trick < WALL_TRICKS && blocked->pad == 0 && blocked->count &&
	       blocked->logged <= blocked->count && (seen || blocked->logged == 0);
}

static bool tally_good(const void *body)
{
	const struct wall_tally *tally = body;
	return tally->pad == 0;
}

static bool limits_good(const void *body)
{
	const struct wall_limit_row *row = body;
	return row->sandbox != 0 && row->pad == 0;
}

static bool upstream_good(const void *body)
{
	const struct wall_upstream *row = body;
	return addr_good(&row->addr) && row->port && row->transport < WALL_TRANSPORTS &&
	       row->state <= UPSTREAM_STATE_MAX && name_good(row->zone, row->zone_len);
}

static bool target_good(const void *body)
{
	const struct wall_target *target = body;
	return addr_good_or_none(&target->to) && target->observed <= 1 &&
	       target->why <= WHY_MAX && target->pad == 0 &&
	       (target->name_len == 0 || name_good(target->name, target->name_len)) &&
	       target->packets && target->over <= target->packets &&
	       target->first_us <= target->last_us &&
	       text_good(target->reason, sizeof(target->reason), 0);
}

static bool rebuilt_good(const void *body)
{
	(void)body; /* any number is a number */
	return true;
}

static bool flow_good(const void *body)
{
	const struct wall_flow *flow = body;
	return flow->sandbox && addr_good_or_none(&flow->client) && addr_good(&flow->addr) &&
	       flow->pad == 0 && port_good(flow->proto, flow->port);
}

static bool late_good(const void *body)
{
	const struct wall_late *late = body;
	return late->count != 0;
}

/* ---- the table ---- */

#define ROOM(field)                                                                            \
	(sizeof(((struct wall_packet *)0)->field) / sizeof(((struct wall_packet *)0)->field[0]))

struct kind {
	size_t size, most;
	unsigned int ways; /* a bit for each enum wall_way */
	size_t fds;        /* exactly so many */
	bool (*good)(const void *body);
};

static const struct kind kinds[WALL_KINDS] = {
	[WALL_READY] = {sizeof(struct wall_done), 1,
			WAY(WALL_WARDEN_TO_MAIN) | WAY(WALL_WORKER_TO_MAIN), 0, empty_good},
	[WALL_DONE] = {sizeof(struct wall_done), 1,
		       WAY(WALL_WARDEN_TO_MAIN) | WAY(WALL_WORKER_TO_MAIN), 0, done_good},
	[WALL_TABLE] = {sizeof(struct wall_table), 1, WAY(WALL_MAIN_TO_WARDEN), 0, table_good},
	[WALL_SANDBOX_ADD] = {sizeof(struct wall_sandbox), 1, WAY(WALL_MAIN_TO_WARDEN), 0,
			      sandbox_good},
	[WALL_SANDBOX_REMOVE] = {sizeof(struct wall_id), 1,
				 WAY(WALL_MAIN_TO_WARDEN) | WAY(WALL_MAIN_TO_WORKER), 0,
				 id_good},
	[WALL_CHANNEL] = {sizeof(struct wall_channel_body), 1,
			  WAY(WALL_MAIN_TO_WARDEN) | WAY(WALL_MAIN_TO_WORKER), 1, channel_good},
	[WALL_BEGIN] = {sizeof(struct wall_begin), 1, WAY(WALL_MAIN_TO_WORKER), 0, begin_good},
	[WALL_ROUTE] = {sizeof(struct wall_route), 1, WAY(WALL_MAIN_TO_WORKER), 0, route_good},
	[WALL_OWN] = {sizeof(struct wall_own), 1, WAY(WALL_MAIN_TO_WORKER), 0, own_good},
	[WALL_RULESET] = {sizeof(struct wall_ruleset), 1, WAY(WALL_MAIN_TO_WORKER), 1,
			  ruleset_good},
	[WALL_TRUST] = {sizeof(struct wall_trust), 1, WAY(WALL_MAIN_TO_WORKER), 1, trust_good},
	[WALL_MEMBER] = {sizeof(struct wall_member), 1, WAY(WALL_MAIN_TO_WORKER), 0,
			 member_good},
	[WALL_COMMIT] = {sizeof(struct wall_done), 1, WAY(WALL_MAIN_TO_WORKER), 0, empty_good},
	[WALL_LISTENER] = {sizeof(struct wall_listener), 1, WAY(WALL_MAIN_TO_WORKER), 1,
			   listener_good},
	[WALL_STATUS] = {sizeof(struct wall_done), 1, WAY(WALL_MAIN_TO_WORKER), 0, empty_good},
	[WALL_LEASES] = {sizeof(struct wall_done), 1, WAY(WALL_MAIN_TO_WORKER), 0, empty_good},
	[WALL_COUNTERS] = {sizeof(struct wall_counters), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			   counters_good},
	[WALL_LEASE_ROW] = {sizeof(struct wall_lease_row), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			    row_good},
	[WALL_LEASES_END] = {sizeof(struct wall_done), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			     empty_good},
	[WALL_STATIC] = {sizeof(struct wall_static), ROOM(statics), WAY(WALL_MAIN_TO_WARDEN), 0,
			 static_good},
	[WALL_WAITINGS] = {sizeof(struct wall_done), 1, WAY(WALL_MAIN_TO_WORKER), 0,
			   empty_good},
	[WALL_WAITING_ROW] = {sizeof(struct wall_waiting_row), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			      waiting_good},
	[WALL_WAITINGS_END] = {sizeof(struct wall_done), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			       empty_good},
	[WALL_LEASE] = {sizeof(struct wall_lease), ROOM(lease), WAY(WALL_WORKER_TO_WARDEN), 0,
			lease_good},
	[WALL_REVOKE] = {sizeof(struct wall_lease), ROOM(lease), WAY(WALL_WORKER_TO_WARDEN), 0,
			 revoke_good},
	[WALL_EVICT] = {sizeof(struct wall_lease), ROOM(lease), WAY(WALL_WORKER_TO_WARDEN), 0,
			revoke_good},
	[WALL_CLAIMED] = {sizeof(struct wall_done), 1, WAY(WALL_WORKER_TO_WARDEN), 0,
			  empty_good},
	[WALL_LEASED] = {sizeof(struct wall_leased), ROOM(leased), WAY(WALL_WARDEN_TO_WORKER),
			 0, leased_good},
	[WALL_TALLIES] = {sizeof(struct wall_done), 1, WAY(WALL_MAIN_TO_WARDEN), 0, empty_good},
	[WALL_TALLY_ROW] = {sizeof(struct wall_tally), ROOM(tally), WAY(WALL_WARDEN_TO_MAIN), 0,
			    tally_good},
	[WALL_TALLIES_END] = {sizeof(struct wall_done), 1, WAY(WALL_WARDEN_TO_MAIN), 0,
			      empty_good},
	[WALL_TARGETS] = {sizeof(struct wall_done), 1, WAY(WALL_MAIN_TO_WORKER), 0, empty_good},
	[WALL_TARGET_ROW] = {sizeof(struct wall_target), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			     target_good},
	[WALL_TARGETS_END] = {sizeof(struct wall_done), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			      empty_good},
	[WALL_LIMITS] = {sizeof(struct wall_done), 1, WAY(WALL_MAIN_TO_WORKER), 0, empty_good},
	[WALL_LIMIT_ROW] = {sizeof(struct wall_limit_row), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			    limits_good},
	[WALL_LIMITS_END] = {sizeof(struct wall_done), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			     empty_good},
	[WALL_UPSTREAMS] = {sizeof(struct wall_done), 1, WAY(WALL_MAIN_TO_WORKER), 0,
			    empty_good},
	[WALL_UPSTREAM_ROW] = {sizeof(struct wall_upstream), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			       upstream_good},
	[WALL_UPSTREAMS_END] = {sizeof(struct wall_done), 1, WAY(WALL_WORKER_TO_MAIN), 0,
				empty_good},
	[WALL_FLUSH] = {sizeof(struct wall_flush), 1, WAY(WALL_MAIN_TO_WORKER), 0, flush_good},
	[WALL_FLUSHED] = {sizeof(struct wall_flushed), 1, WAY(WALL_WORKER_TO_MAIN), 0,
			  counters_good},
	[WALL_BLOCKED] = {sizeof(struct wall_blocked), ROOM(blocked),
			  WAY(WALL_WARDEN_TO_WORKER), 0, blocked_good},
	[WALL_TABLE_LOST] = {sizeof(struct wall_done), 1, WAY(WALL_WARDEN_TO_WORKER), 0,
			     empty_good},
	[WALL_TABLE_BACK] = {sizeof(struct wall_rebuilt), 1, WAY(WALL_WARDEN_TO_WORKER), 0,
			     rebuilt_good},
	[WALL_FLOW] = {sizeof(struct wall_flow), ROOM(flow), WAY(WALL_WARDEN_TO_WORKER), 0,
		       flow_good},
	[WALL_FLOWS_LATE] = {sizeof(struct wall_late), 1, WAY(WALL_WARDEN_TO_WORKER), 0,
			     late_good},
};

_Static_assert(sizeof(struct wall_packet) <= WALL_PACKET_MAX, "a packet outgrew its bound");

static const struct kind *kind_find(unsigned int kind)
{
	return kind < WALL_KINDS && kinds[kind].good ? &kinds[kind] : NULL;
}

size_t wall_body_size(enum wall_kind kind)
{
	const struct kind *found = kind_find(kind);
	return found ? found->size : 0;
}

const char *wall_lease_set(enum ng_family family, bool ports)
{
	if (family == NG_IPV4)
		return ports ? "allow4p" : "allow4";
	return ports ? "allow6p" : "allow6";
}

size_t wall_packet_size(enum wall_kind kind, size_t count)
{
	return offsetof(struct wall_packet, done) + count * wall_body_size(kind);
}

size_t wall_count_max(enum wall_kind kind)
{
	const struct kind *found = kind_find(kind);
	return found ? found->most : 0;
}

int wall_check(enum wall_way way, const struct wall_packet *packet, size_t len, size_t n_fds)
{
	if (len < sizeof(packet->head))
		return NG_E_FORMAT;
	const struct kind *kind = kind_find(packet->head.kind);
	size_t count = packet->head.count;
	if (!kind || way > WALL_WARDEN_TO_WORKER || !(kind->ways & WAY(way)) ||
	    n_fds != kind->fds || count < 1 || count > kind->most ||
	    len != wall_packet_size(packet->head.kind, count))
		return NG_E_FORMAT;

	const uint8_t *body = (const uint8_t *)packet + offsetof(struct wall_packet, done);
	for (size_t i = 0; i < count; i++)
		if (!kind->good(body + i * kind->size))
			return NG_E_FORMAT;
	return NG_OK;
}
