/*
 * What main says.
 *
 * Between WALL_BEGIN and WALL_COMMIT a whole generation is gathered, and the first thing wrong
 * with it spoils it as a whole: the old generation stays, and the commit's answer says why. What
 * the packets hold was checked by the wall's table; what is checked here is what the table cannot
 * know, such as whether a named ruleset has been handed over.
 */
#include "daemon/worker_parts.h"

#include "base/hash.h"
#include "edge/sealed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWN_MAX 65536u

/* ---- gathering ---- */

void stage_finish(struct stage *stage)
{
	if (!stage)
		return;
	free(stage->routes);
	free(stage->upstreams);
	free(stage->own);
	free(stage->sandboxes);
	*stage = (struct stage){0};
}

/* Room for one more of size octets; grows by doubling, up to most. */
static int room_for(void **items, size_t *room, size_t n, size_t size, size_t most)
{
	size_t more = *room ? 2 * *room : 16;
	void *moved;

	if (n < *room)
		return NG_OK;
	if (n >= most)
		return NG_E_FULL;
	moved = realloc(*items, more * size);
	if (!moved)
		return NG_E_NOMEM;
	*items = moved;
	*room = more;
	return NG_OK;
}

static void spoil(struct stage *stage, int code)
{
	if (code && !stage->error)
		stage->error = code;
}

static void begin(struct worker *worker, const struct wall_begin *begin)
{
	struct stage *stage = &worker->stage;

	stage_finish(stage);
	stage->open = true;
	stage->begin = *begin;
}

static void add_server(struct upstream_route *route, const struct wall_route *from, uint8_t i)
{
	const struct wall_server *server = &from->servers[i];
	struct upstream_who *who = &route->who[i];

	route->servers[i] = (struct upstream_server){
		.addr = server->addr,
		.port = server->port,
		.transport = (enum wall_transport)server->transport,
		.mark = from->mark,
	};
	for (uint8_t j = 0; j < from->n_source; j++)
		if (from->source[j].family == server->addr.family)
			route->servers[i].source = from->source[j];
	if (server->transport != WALL_TLS)
		return;
	snprintf(who->name, sizeof(who->name), "%s", server->name);
	who->n_pins = from->n_pins;
	memcpy(who->pins, from->pins, from->n_pins * sizeof(*from->pins));
	route->servers[i].who = hash_octets(who, sizeof(*who), server->port);
}

static int add_route(struct stage *stage, const struct wall_route *from)
{
	struct ng_route *route;
	struct upstream_route *upstream;
	int code = room_for((void **)&stage->routes, &stage->room_routes, stage->n_routes,
			    sizeof(*route), NG_ROUTES_MAX);

	if (!code)
		code = room_for((void **)&stage->upstreams, &stage->room_upstreams,
				stage->n_routes, sizeof(*upstream), NG_ROUTES_MAX);
	if (code)
		return code;
	route = &stage->routes[stage->n_routes];
	upstream = &stage->upstreams[stage->n_routes];
	*route = (struct ng_route){.id = from->id,
				   .origin = from->origin,
				   .sandbox = from->sandbox,
				   .group = from->group,
				   .n_opened = from->n_opened,
				   .trust_ad = from->trust_ad};
	memcpy(route->opened, from->opened, from->n_opened * sizeof(*from->opened));
	code = ng_name_from_wire(from->zone, from->zone_len, &route->zone);
	if (code)
		return code;
	*upstream = (struct upstream_route){
		.id = from->id,
		.zone = route->zone,
		.sandbox = from->sandbox,
		.group = from->group,
		.timeout_ms = from->timeout_ms,
		.trust_ad = from->trust_ad,
		.n_servers = from->n_servers,
	};
	for (uint8_t i = 0; i < from->n_servers; i++)
		add_server(upstream, from, i);
	stage->n_routes++;
	return NG_OK;
}

static int add_own(struct stage *stage, const struct wall_own *own)
{
	int code = room_for((void **)&stage->own, &stage->room_own, stage->n_own,
			    sizeof(own->prefix), OWN_MAX);

	if (!code)
		stage->own[stage->n_own++] = own->prefix;
	return code;
}

/* NG_E_NOTFOUND: it names a ruleset that was not handed over. */
static int member_read(const struct rulesets *rulesets, const struct wall_member *from,
		       struct ng_sandbox *out)
{
	*out = (struct ng_sandbox){
		.id = from->id,
		.mode = (enum ng_mode)from->mode,
		.n_sources = from->n_sources,
		.n_opened = from->n_opened,
		.group = from->group,
		.budget = from->budget,
		.no_aaaa = from->no_aaaa,
	};
	memcpy(out->name, from->name, sizeof(out->name));
	memcpy(out->interface, from->interface, sizeof(out->interface));
	memcpy(out->sources, from->sources, from->n_sources * sizeof(*from->sources));
	memcpy(out->opened, from->opened, from->n_opened * sizeof(*from->opened));
	for (size_t scope = 0; scope < NG_SCOPES; scope++) {
		const uint64_t *ids = from->rulesets + scope * NG_RULESETS_MAX;

		for (uint8_t i = 0; i < from->n_rulesets[scope]; i++) {
			const struct ng_ruleset *ruleset = rulesets_find(rulesets, ids[i]);
			if (!ruleset)
				return NG_E_NOTFOUND;
			out->policy.scopes[scope].sources[i] = ruleset;
		}
		out->policy.scopes[scope].n = from->n_rulesets[scope];
	}
	if (!from->approvals)
		return NG_OK;
	out->policy.approvals = rulesets_find(rulesets, from->approvals);
	return out->policy.approvals ? NG_OK : NG_E_NOTFOUND;
}

static int add_member(struct worker *worker, const struct wall_member *member)
{
	struct stage *stage = &worker->stage;
	int code =
		room_for((void **)&stage->sandboxes, &stage->room_sandboxes, stage->n_sandboxes,
			 sizeof(*stage->sandboxes), NG_SANDBOXES_CEILING);

	if (!code)
		code = member_read(&worker->rulesets, member,
				   &stage->sandboxes[stage->n_sandboxes]);
	if (!code)
		stage->n_sandboxes++;
	return code;
}

/* ---- putting into force ---- */

/* resumed: what the life before has spent is not known. */
static struct ng_generation generation_of(const struct stage *stage, bool resumed)
{
	const struct wall_begin *begin = &stage->begin;

	return (struct ng_generation){
		.version = begin->version,
		.settings =
			{
				.limits =
					{
						.pending = begin->pending,
						.pending_sandbox = begin->pending_sandbox,
						.leases = begin->leases,
						.leases_sandbox = begin->leases_sandbox,
						.cache_octets = begin->cache_octets,
						.queries_sandbox = begin->queries_sandbox,
					},
				.lease_min_s = begin->lease_min_s,
				.grace_s = begin->grace_s,
				.ttl_max_s = begin->ttl_max_s,
				.deny_ttl_s = begin->deny_ttl_s,
				.flow_lease_s = begin->flow_lease_s,
				.budget = begin->budget,
				.resumed = resumed && (begin->flags & WALL_RESUMED),
				.stale_s = begin->stale_s,
				.prefetch = (begin->flags & WALL_PREFETCH) != 0,
				.drop_low_ports = (begin->flags & WALL_DROP_LOW_PORTS) != 0,
				.ancestor_nodata = (begin->flags & WALL_ANCESTOR_NODATA) != 0,
				.no_ipv4 = (begin->flags & WALL_NO_IPV4) != 0,
				.no_ipv6 = (begin->flags & WALL_NO_IPV6) != 0,
			},
		.routes = stage->routes,
		.n_routes = stage->n_routes,
		.own = stage->own,
		.n_own = stage->n_own,
		.sandboxes = stage->sandboxes,
		.n_sandboxes = stage->n_sandboxes,
	};
}

static void limit_streams(struct worker *worker, const struct wall_begin *begin)
{
	struct stream_limits limits = {
		.clients = begin->tcp_clients ? begin->tcp_clients : NG_TCP_CLIENTS_DEFAULT,
		.clients_sandbox = begin->tcp_clients_sandbox,
	};

	if (limits.clients > worker->streams_max)
		limits.clients = worker->streams_max;
	stream_limit(worker->streams, &limits);
}

/*
 * What can fail comes before the engine's swap, all but the copy of the servers. Without memory
 * for that the engine would send questions to servers of another generation: the worker ends, and
 * its successor is told everything again.
 */
static int apply(struct worker *worker)
{
	struct stage *stage = &worker->stage;
	struct ng_generation generation = generation_of(stage, !worker->store);
	struct member *claims;
	int code = rulesets_prepare(&worker->rulesets, stage->sandboxes, stage->n_sandboxes,
				    &claims);

	if (code)
		return code;
	code = ng_gate_apply(worker->gate, worker_clock_us(worker), &generation);
	if (code) {
		rulesets_forget(claims);
		return code;
	}
	rulesets_take(&worker->rulesets, claims, true);
	code = upstream_routes(worker->upstream, stage->upstreams, stage->n_routes);
	if (code)
		worker_stop(worker, EXIT_FAILURE);
	worker_drain(worker);
	limit_streams(worker, &stage->begin);
	worker->busy.awake.window_us = stage->begin.busy_us;
	record_limit(worker->records, stage->begin.records_per_s);
	return code;
}

static int commit(struct worker *worker)
{
	struct stage *stage = &worker->stage;
	int code = stage->open ? stage->error : NG_E_FORMAT;

	if (!code)
		code = apply(worker);
	stage_finish(stage);
	rulesets_collect(&worker->rulesets);
	if (!code && !worker->committed) {
		worker->committed = true;
		worker_ready(worker);
	}
	return code;
}

static int put_member(struct worker *worker, const struct wall_member *from)
{
	struct ng_sandbox sandbox;
	struct member *claim;
	int code = member_read(&worker->rulesets, from, &sandbox);

	if (!code)
		code = rulesets_prepare(&worker->rulesets, &sandbox, 1, &claim);
	if (code)
		return code;
	code = ng_gate_sandbox_put(worker->gate, worker_clock_us(worker), &sandbox);
	if (code) {
		rulesets_forget(claim);
		return code;
	}
	rulesets_take(&worker->rulesets, claim, false);
	worker_drain(worker);
	return NG_OK;
}

/* Its ruleset came just before; a ruleset that nobody used in the end goes again. */
static bool take_member(struct worker *worker, const struct wall_packet *packet)
{
	int code;

	if (worker->stage.open) {
		spoil(&worker->stage, add_member(worker, &packet->member));
		return true;
	}
	code = put_member(worker, &packet->member);
	rulesets_collect(&worker->rulesets);
	return report_owe(worker, WALL_DONE, packet->head.seq, code);
}

static bool remove_sandbox(struct worker *worker, const struct wall_packet *packet)
{
	uint32_t id = packet->id.id;

	ng_gate_sandbox_remove(worker->gate, worker_clock_us(worker), id);
	worker_drain(worker);
	rulesets_release(&worker->rulesets, id);
	if (!worker->stage.open)
		rulesets_collect(&worker->rulesets);
	lease_store_drop_sandbox(worker->store, id, worker_wall_s());
	targets_forget(&worker->targets, id);
	return report_owe(worker, WALL_DONE, packet->head.seq, NG_OK);
}

static void take_ruleset(struct worker *worker, const struct wall_ruleset *ruleset, int fd)
{
	int code = rulesets_add(&worker->rulesets, ruleset->id, ruleset->len, fd);

	if (code)
		fprintf(stderr, "namegated: a compiled policy cannot be used: %s\n",
			ng_strerror(code));
	if (worker->stage.open)
		spoil(&worker->stage, code);
}

static void take_trust(struct worker *worker, const struct wall_trust *trust, int fd)
{
	uint8_t *octets = NULL;
	int mapped =
		sealed_is(fd, trust->len) ? sealed_map(fd, trust->len, &octets) : NG_E_FORMAT;
	int code = upstream_trust(worker->upstream, mapped ? "" : (const char *)octets,
				  mapped ? 0 : trust->len);

	close(fd);
	sealed_unmap(octets, trust->len);
	if (mapped || code)
		fprintf(stderr,
			"namegated: tls-trust cannot be used: %s; servers that are asked "
			"by TLS are not believed unless pin-sha256 alone tells them\n",
			ng_strerror(mapped ? mapped : code));
}

static void take_listener(struct worker *worker, const struct wall_listener *listener, int fd)
{
	int code = listener->stream ? stream_listen(worker->streams, fd, listener->sandbox)
				    : udp_listen(worker->udp, fd);

	if (code)
		fprintf(stderr, "namegated: a listening %s socket cannot be used: %s\n",
			listener->sandbox  ? "Unix"
			: listener->stream ? "TCP"
					   : "UDP",
			ng_strerror(code));
}

static bool flush(struct worker *worker, const struct wall_packet *packet)
{
	const struct wall_flush *wanted = &packet->flush;
	struct ng_name name = {.len = wanted->name_len};
	uint64_t entries;

	memcpy(name.wire, wanted->name, name.len);
	entries = ng_gate_flush(worker->gate, worker_clock_us(worker), name.len ? &name : NULL,
				wanted->below != 0);
	worker_forget_saved(worker);
	return report_owe(worker, WALL_FLUSHED, packet->head.seq,
			  entries < INT32_MAX ? (int)entries : INT32_MAX);
}

bool wall_take(struct worker *worker, const struct wall_packet *packet, int fd)
{
	uint32_t seq = packet->head.seq;

	switch (packet->head.kind) {
	case WALL_BEGIN:
		begin(worker, &packet->begin);
		return true;
	case WALL_ROUTE:
		spoil(&worker->stage, add_route(&worker->stage, &packet->route));
		return true;
	case WALL_OWN:
		spoil(&worker->stage, add_own(&worker->stage, &packet->own));
		return true;
	case WALL_RULESET:
		take_ruleset(worker, &packet->ruleset, fd);
		return true;
	case WALL_TRUST:
		take_trust(worker, &packet->trust, fd);
		return true;
	case WALL_MEMBER:
		return take_member(worker, packet);
	case WALL_COMMIT:
		return report_owe(worker, WALL_DONE, seq, commit(worker));
	case WALL_SANDBOX_REMOVE:
		return remove_sandbox(worker, packet);
	case WALL_LISTENER:
		take_listener(worker, &packet->listener, fd);
		return true;
	case WALL_CHANNEL:
		warden_connect(worker, fd);
		return true;
	case WALL_STATUS:
		return report_owe(worker, WALL_COUNTERS, seq, NG_OK);
	case WALL_LEASES:
		return report_owe(worker, WALL_LEASES_END, seq, NG_OK);
	case WALL_WAITINGS:
		return report_owe(worker, WALL_WAITINGS_END, seq, NG_OK);
	case WALL_TARGETS:
		return report_owe(worker, WALL_TARGETS_END, seq, NG_OK);
	case WALL_UPSTREAMS:
		return report_owe(worker, WALL_UPSTREAMS_END, seq, NG_OK);
	case WALL_LIMITS:
		return report_owe(worker, WALL_LIMITS_END, seq, NG_OK);
	case WALL_FLUSH:
		return flush(worker, packet);
	default: /* the wall lets nothing else come this way */
		if (fd >= 0)
			close(fd);
		return false;
	}
}
