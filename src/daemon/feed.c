/*
 * What the children are told, packet by packet.
 *
 * An image goes over once: the worker holds it as long as one of its members names it, and we
 * count with it. A generation names everything anew, so the count starts again there, but images
 * that the worker holds are not sent again.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/host.h"
#include "daemon/log.h"
#include "edge/sealed.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct waiter nobody;

static uint32_t or_default(uint32_t value, uint32_t standard)
{
	return value ? value : standard;
}

/* ---- to the warden ---- */

void feed_table(struct daemon *daemon)
{
	const struct conf *conf = daemon->conf;
	const struct ng_limits *limits = &conf->settings.limits;
	struct wall_packet packet;
	packet_clear(&packet, WALL_TABLE);
	struct wall_table *table = &packet.table;
	memcpy(table->table, conf->table, sizeof table->table);
	memcpy(table->interfaces, conf->interfaces, sizeof table->interfaces);
	table->n_interfaces = conf->n_interfaces;
	table->dns_port = conf->listen[0].port;
	table->lease_ceiling_s = NG_LEASE_CEILING_S;
	table->leases = or_default(limits->leases, NG_LEASES_DEFAULT);
	table->leases_sandbox = or_default(limits->leases_sandbox, NG_LEASES_SANDBOX_DEFAULT);
	table->queries_sandbox =
		or_default(limits->queries_sandbox, NG_QUERIES_SANDBOX_DEFAULT);
	table->block_reports_per_s = conf->block_reports_per_s;
	if (conf->settings.flow_lease_s)
		table->flow_step_ms = (uint32_t)(ng_flow_step_us(&conf->settings) / 1000);
	table->n_sets = conf->n_declared;
	memcpy(table->sets, conf->declared, sizeof table->sets);
	table->again = daemon->table_refused;
	table->workers = (uint8_t)daemon->n_seats;
	table->hosts = daemon->hosts = hosts_kinds(daemon);
	table->worker_uid = daemon->worker_uid;
	table->busy_us = conf->busy_us;
	daemon->gates++;
	child_send(&daemon->warden, &packet, -1,
		   (struct waiter){.what = CHILD_WAIT_TABLE, .gate = true});
}

/* As many packets as the statics need, each with the number of the sandbox's own. */
static void feed_statics(struct daemon *daemon, const struct grants *grants)
{
	static struct wall_packet packet; /* too large for the stack */
	size_t most = wall_count_max(WALL_STATIC);
	for (size_t done = 0; done < grants->n_statics;) {
		size_t n = grants->n_statics - done < most ? grants->n_statics - done : most;
		packet_clear(&packet, WALL_STATIC);
		packet.head.count = (uint16_t)n;
		memcpy(packet.statics, grants->statics + done, n * sizeof packet.statics[0]);
		child_send_more(&daemon->warden, &packet);
		done += n;
	}
}

void feed_sandbox(struct daemon *daemon, struct box *box, bool gate)
{
	struct wall_packet packet;
	packet_clear(&packet, WALL_SANDBOX_ADD);
	struct wall_sandbox *sandbox = &packet.sandbox;
	sandbox->id = box->id;
	sandbox->mode = (uint8_t)box_mode(box);
	sandbox->flags = box->conf.masquerade ? WALL_MASQUERADE : 0;
	sandbox->n_sources = box->conf.n_sources;
	sandbox->who = (uint8_t)conf_who(&box->conf);
	sandbox->uid = box->conf.host.uid;
	sandbox->cgroup = box->conf.host.cgroup;
	sandbox->level = box->conf.host.level;
	sandbox->worker = (uint16_t)box->worker;
	memcpy(sandbox->interface, box->conf.interface, sizeof sandbox->interface);
	memcpy(sandbox->bridge, box->conf.bridge, sizeof sandbox->bridge);
	memcpy(sandbox->sources, box->conf.sources, sizeof sandbox->sources);
	sandbox->n_opened = box->grants.n_opened;
	memcpy(sandbox->opened, box->grants.opened, sizeof sandbox->opened);
	memcpy(sandbox->snat, box->grants.snat, sizeof sandbox->snat);
	sandbox->n_statics = (uint32_t)box->grants.n_statics;
	box->at_warden = SIDE_SENT;
	steering_put(daemon, box);
	if (!box->link)
		box->link = links_index(box);
	daemon->gates += gate;
	child_send(&daemon->warden, &packet, -1,
		   (struct waiter){.what = CHILD_WAIT_ADD, .sandbox = box->id, .gate = gate});
	feed_statics(daemon, &box->grants);
}

/* ---- to the worker: images and members ---- */

void feed_forget_images(struct daemon *daemon, const struct seat *seat)
{
	struct image *image, *next;
	HASH_ITER (hh, daemon->images.by_digest, image, next)
		image->at_worker[seat->index] = 0;
}

static void feed_image(struct daemon *daemon, struct seat *seat, struct image *image)
{
	struct wall_packet packet;
	int fd;
	if (images_seal(&daemon->images, image, &fd)) {
		child_kill(&seat->child, "cannot be sent a policy, no memory or descriptors");
		return;
	}
	packet_clear(&packet, WALL_RULESET);
	packet.ruleset.id = image->digest;
	packet.ruleset.len = image->octets.len;
	child_send(&seat->child, &packet, fd, nobody);
}

/* Counts one member's uses; images that the worker does not hold yet go ahead of it. */
static void hold_images(struct daemon *daemon, struct seat *seat, struct image *const *images,
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (images[i]->at_worker[seat->index]++ == 0 && !images[i]->held)
			feed_image(daemon, seat, images[i]);
}

/* Too few counted costs a packet that was not needed, too many would cost the policy. */
void feed_forget_image(struct image *image, uint32_t worker)
{
	if (image)
		image->at_worker[worker] -= image->at_worker[worker] > 0;
}

void feed_forget_member(struct daemon *daemon, struct box *box)
{
	feed_forget_image(box->approvals, box->worker);
	for (size_t i = 0; i < box->n_group; i++)
		feed_forget_image(box->group[i], box->worker);
	for (size_t i = 0; i < box->n_images; i++)
		feed_forget_image(box->images[i], box->worker);
	for (size_t i = 0; i < daemon->policies.n_globals; i++)
		feed_forget_image(daemon->policies.globals[i], box->worker);
}

static void name_images(struct wall_member *member, enum ng_scope scope,
			struct image *const *images, size_t n)
{
	member->n_rulesets[scope] = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		member->rulesets[(size_t)scope * NG_RULESETS_MAX + i] = images[i]->digest;
}

void feed_member(struct daemon *daemon, struct box *box, bool alone)
{
	struct wall_packet packet;
	struct seat *seat = daemon_seat(daemon, box);
	const struct policy_set *policies = &daemon->policies;
	if (box->at_worker == SIDE_ABSENT) {
		hold_images(daemon, seat, policies->globals, policies->n_globals);
		hold_images(daemon, seat, box->group, box->n_group);
		hold_images(daemon, seat, box->images, box->n_images);
	}
	if (box->approvals && (box->at_worker == SIDE_ABSENT || box->approvals_new))
		hold_images(daemon, seat, &box->approvals, 1);
	box->approvals_new = false;
	packet_clear(&packet, WALL_MEMBER);
	struct wall_member *member = &packet.member;
	member->id = box->id;
	memcpy(member->name, box->conf.name, sizeof member->name);
	if (conf_who(&box->conf) == WALL_BY_INTERFACE)
		memcpy(member->interface, conf_sandbox_link(&box->conf),
		       sizeof member->interface);
	else /* a token is of this host, or false */
		memcpy(member->interface, "lo", sizeof "lo");
	member->mode = (uint8_t)box_mode(box);
	member->n_sources = box->conf.n_sources;
	member->n_opened = box->grants.n_named;
	memcpy(member->sources, box->conf.sources, sizeof member->sources);
	memcpy(member->opened, box->grants.opened,
	       (size_t)member->n_opened * sizeof member->opened[0]);
	name_images(member, NG_SCOPE_GLOBAL, policies->globals, policies->n_globals);
	name_images(member, NG_SCOPE_GROUP, box->group, box->n_group);
	name_images(member, NG_SCOPE_SANDBOX, box->images, box->n_images);
	member->group = conf_group_number(daemon->conf, box->conf.group);
	member->budget = conf_sandbox_budget(daemon->conf, &box->conf);
	member->no_aaaa = conf_sandbox_no_aaaa(daemon->conf, &box->conf);
	member->approvals = box->approvals ? box->approvals->digest : 0;
	box->at_worker = SIDE_SENT;
	box->asked = box->asked || alone;
	struct waiter answered = {.what = CHILD_WAIT_MEMBER, .sandbox = box->id};
	child_send(&seat->child, &packet, -1, alone ? answered : nobody);
}

/* ---- to the worker: a generation ---- */

static uint32_t begin_flags(const struct daemon *daemon, const struct seat *seat)
{
	const unsigned v4 = WALL_TAKES(NG_IPV4, false) | WALL_TAKES(NG_IPV4, true);
	const unsigned v6 = WALL_TAKES(NG_IPV6, false) | WALL_TAKES(NG_IPV6, true);
	uint32_t flags = daemon->conf->settings.ancestor_nodata ? WALL_ANCESTOR_NODATA : 0;
	if (daemon->conf->settings.prefetch)
		flags |= WALL_PREFETCH;
	if (daemon->conf->settings.drop_low_ports)
		flags |= WALL_DROP_LOW_PORTS;
	if (seat->child.starts > 1)
		flags |= WALL_RESUMED;
	if (daemon->conf->n_declared && !(daemon->takes & v4))
		flags |= WALL_NO_IPV4;
	if (daemon->conf->n_declared && !(daemon->takes & v6))
		flags |= WALL_NO_IPV6;
	return flags;
}

/*
 * What one worker may have of a bound for all sandboxes together: never less than one of them may have,
 * whose worker it is alone. The warden keeps the bound of leases for all of them.
 */
static uint32_t share(const struct daemon *daemon, uint32_t all, uint32_t one)
{
	uint32_t part = all / daemon->n_seats + (all % daemon->n_seats != 0);
	return part > one ? part : one < all ? one : all;
}

static void feed_begin(struct daemon *daemon, struct seat *seat)
{
	const struct conf *conf = daemon->conf;
	const struct ng_settings *settings = &conf->settings;
	struct wall_packet packet;
	packet_clear(&packet, WALL_BEGIN);
	packet.begin = (struct wall_begin){
		.version = daemon->version,
		.lease_min_s = settings->lease_min_s,
		.grace_s = settings->grace_s,
		.ttl_max_s = settings->ttl_max_s,
		.deny_ttl_s = settings->deny_ttl_s,
		.flow_lease_s = settings->flow_lease_s,
		.stale_s = settings->stale_s,
		.pending = share(daemon, settings->limits.pending,
				 settings->limits.pending_sandbox),
		.pending_sandbox = settings->limits.pending_sandbox,
		.queries_sandbox = settings->limits.queries_sandbox,
		.budget = settings->budget,
		.leases = settings->limits.leases,
		.leases_sandbox = settings->limits.leases_sandbox,
		.cache_octets =
			share(daemon, settings->limits.cache_octets, NG_CACHE_OCTETS_FLOOR),
		.tcp_clients = share(daemon, conf->tcp_clients, conf->tcp_clients_sandbox),
		.tcp_clients_sandbox = conf->tcp_clients_sandbox,
		.records_per_s = conf->records_per_s,
		.flags = begin_flags(daemon, seat),
		.busy_us = conf->busy_us,
	};
	child_send(&seat->child, &packet, -1, nobody);
}

/* Who asks by it; that of a sandbox that is gone is nobody's. */
static void name_owner(const struct daemon *daemon, const struct conf_route *from,
		       struct wall_route *route)
{
	const struct box *box = boxes_find(&daemon->boxes, from->owner);
	if (from->scope == NG_SCOPE_SANDBOX)
		route->sandbox = box ? box->id : UINT32_MAX;
	if (from->scope == NG_SCOPE_GROUP)
		route->group = conf_group_number(daemon->conf, from->owner);
}

static void feed_route(struct daemon *daemon, struct seat *seat,
		       const struct route_number *number, const struct conf_route *from)
{
	struct wall_packet packet;
	struct ng_name zone = from->zone;
	packet_clear(&packet, WALL_ROUTE);
	struct wall_route *route = &packet.route;
	ng_name_lower(&zone);
	route->id = number->id;
	route->origin = number->origin;
	name_owner(daemon, from, route);
	route->zone_len = zone.len;
	memcpy(route->zone, zone.wire, zone.len);
	route->n_opened = from->n_opened;
	memcpy(route->opened, from->opened, sizeof route->opened);
	route->n_servers = from->n_servers;
	for (size_t i = 0; i < from->n_servers; i++) {
		route->servers[i].addr = from->servers[i].addr;
		route->servers[i].port = from->servers[i].port;
		route->servers[i].transport = (uint8_t)from->servers[i].transport;
		strcpy(route->servers[i].name, from->servers[i].name);
	}
	route->n_pins = from->n_pins;
	memcpy(route->pins, from->pins, sizeof route->pins);
	route->n_source = from->n_source;
	memcpy(route->source, from->source, sizeof route->source);
	route->timeout_ms = from->timeout_ms;
	route->mark = from->mark;
	route->trust_ad = from->trust_ad;
	child_send(&seat->child, &packet, -1, nobody);
}

/* Who vouches for servers; the worker opens no file. */
static void feed_trust(struct daemon *daemon, struct seat *seat)
{
	const struct conf *conf = daemon->conf;
	struct wall_packet packet;
	int fd;
	if (!conf->trust)
		return;
	if (sealed_make((const uint8_t *)conf->trust, conf->trust_len, &fd)) {
		child_kill(&seat->child, "cannot be given the certificates of tls-trust");
		return;
	}
	packet_clear(&packet, WALL_TRUST);
	packet.trust.len = conf->trust_len;
	child_send(&seat->child, &packet, fd, nobody);
}

static void feed_own(struct daemon *daemon, struct seat *seat)
{
	struct wall_packet packet;
	for (size_t i = 0; i < daemon->own.n; i++) {
		packet_clear(&packet, WALL_OWN);
		packet.own.prefix = daemon->own.items[i];
		child_send(&seat->child, &packet, -1, nobody);
	}
}

/* Images that the worker holds need not go over again, though the count starts at nothing. */
static void recount(struct daemon *daemon, const struct seat *seat, bool begin)
{
	struct image *image, *next;
	HASH_ITER (hh, daemon->images.by_digest, image, next) {
		image->held = begin && image->at_worker[seat->index] > 0;
		if (begin)
			image->at_worker[seat->index] = 0;
	}
}

void feed_generation(struct daemon *daemon, struct seat *seat)
{
	struct box *box, *next;
	struct wall_packet packet;
	marks_settle(daemon); /* before anybody is asked with them */
	recount(daemon, seat, true);
	feed_begin(daemon, seat);
	feed_trust(daemon, seat);
	for (size_t i = 0; i < daemon->conf->n_routes; i++) {
		const struct conf_route *route = &daemon->conf->routes[i];
		const struct route_number number = route_number(&daemon->numbers, route);
		feed_route(daemon, seat, &number, route);
	}
	route_numbers_end(&daemon->numbers);
	feed_own(daemon, seat);
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		if (box->removing || box->worker != seat->index)
			continue;
		box->at_worker = SIDE_ABSENT;
		if (box->at_warden == SIDE_PRESENT && !box->stale)
			feed_member(daemon, box, false);
	}
	recount(daemon, seat, false);
	packet_clear(&packet, WALL_COMMIT);
	seat->commits++;
	child_send(&seat->child, &packet, -1, (struct waiter){.what = CHILD_WAIT_COMMIT});
}

/* One that the configuration has no more is answered as a stranger. */
static uint32_t listener_sandbox(const struct daemon *daemon, const struct listener *listener)
{
	const struct box *box = boxes_find(&daemon->boxes, listener->sandbox);
	if (!listener->sandbox[0])
		return 0;
	return box ? box->id : UINT32_MAX;
}

void feed_listeners(struct daemon *daemon, struct seat *seat)
{
	struct wall_packet packet;
	for (size_t i = 0; i < daemon->listeners.n; i++) {
		const struct listener *listener = &daemon->listeners.items[i];
		if (listener->worker != seat->index)
			continue;
		int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			child_kill(&seat->child, "cannot be given its sockets");
			return;
		}
		packet_clear(&packet, WALL_LISTENER);
		packet.listener.stream = listener->stream;
		packet.listener.sandbox = listener_sandbox(daemon, listener);
		child_send(&seat->child, &packet, fd, nobody);
	}
}
