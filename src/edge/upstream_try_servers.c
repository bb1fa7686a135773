/*
 * Which server of a route to ask.
 *
 * The fastest is asked, and now and then another, so that what is known of it stays true. One lost
 * packet says nothing about a server, and one slow name neither (a sandbox may choose such names):
 * only several failures in a row put it aside. Then a real question at a time finds out whether it
 * is back, at intervals that double; that question does not wait for it long.
 *
 * Where all servers of a route are aside, they are asked as if none were. Refusing at once would be
 * cheaper, but whoever knows names that their owners let nobody resolve could then have a zone
 * refused to everybody else. What a dead zone may cost is bounded by its places instead.
 */
#include "edge/upstream_try_servers.h"

#include <stdlib.h>
#include <string.h>

#define SERVER_FAILURES 3
#define ASIDE_MIN_MS    1000
#define ASIDE_MAX_MS    60000
#define DOUBT_MS        600000
#define FORM_MS         600000
#define UNHEARD_MAX     2
#define EXPLORE         4 /* of 256 questions go to another than the fastest */
#define SAMPLES_MIN     16
#define PATIENCE_MIN_MS 5
#define PROBE_MS        100
#define SAVED           5 /* hundredths: one second query for twenty questions */
#define COST            100
#define CREDIT_MAX      1000

/* ---- the choice ---- */

enum way server_way(const struct server *server, uint64_t now_ms)
{
	bool stream = server->at.transport != WALL_UDP || now_ms < server->doubt_until_ms;

	return stream ? WAY_STREAM : WAY_DATAGRAM;
}

static bool healthy(const struct server *server)
{
	return server->failures < SERVER_FAILURES;
}

bool route_dead(const struct server_route *route)
{
	for (uint8_t i = 0; i < route->n_servers; i++)
		if (healthy(&route->servers[i]))
			return false;
	return true;
}

static bool open_to(const struct server_route *route, const struct server_turn *turn, uint8_t i,
		    bool anyone)
{
	return !(turn->tried & 1u << i) && (anyone || healthy(&route->servers[i]));
}

/* One that was never measured counts as the fastest, and is so for one answer. */
static bool fastest(const struct server_route *route, struct server_turn *turn, bool anyone)
{
	uint32_t best_us = UINT32_MAX;
	bool found = false;

	for (uint8_t i = 0; i < route->n_servers; i++) {
		const struct server *server = &route->servers[i];
		uint32_t us = server->srtt_us[server_way(server, turn->now_ms)];

		if (!open_to(route, turn, i, anyone) || (found && us >= best_us))
			continue;
		best_us = us;
		turn->index = i;
		found = true;
	}
	return found;
}

static void another(const struct server_route *route, struct server_turn *turn)
{
	for (uint8_t step = 1; step < route->n_servers; step++) {
		uint8_t i = (uint8_t)((turn->index + step) % route->n_servers);

		if (!open_to(route, turn, i, false))
			continue;
		turn->index = i;
		return;
	}
}

/* One that was aside long enough, and that nobody is looking at yet. */
static bool due(struct server_route *route, struct server_turn *turn)
{
	for (uint8_t i = 0; i < route->n_servers; i++) {
		struct server *server = &route->servers[i];

		if (healthy(server) || server->probed || turn->now_ms < server->aside_until_ms)
			continue;
		server->probed = true;
		turn->index = i;
		return true;
	}
	return false;
}

void server_pick(struct server_route *route, struct server_turn *turn)
{
	turn->probe = !turn->tried && !route_dead(route) && due(route, turn);
	if (!turn->probe && fastest(route, turn, false)) {
		if (turn->dice < EXPLORE)
			another(route, turn);
	} else if (!turn->probe && !fastest(route, turn, true)) {
		turn->tried = 0; /* all had their turn: round again */
		if (!fastest(route, turn, false))
			(void)fastest(route, turn, true);
	}
	turn->tried |= (uint8_t)(1u << turn->index);
}

bool server_beside(const struct server_route *route, struct server_turn *turn)
{
	turn->probe = false;
	if (!fastest(route, turn, false))
		return false;
	turn->tried |= (uint8_t)(1u << turn->index);
	return true;
}

/* ---- what is learned ---- */

/* RFC 6298 2.3: an eighth of each new one. */
static void smooth(uint32_t *srtt_us, uint32_t us)
{
	uint32_t known_us = us ? us : 1;

	*srtt_us = *srtt_us ? *srtt_us - *srtt_us / 8 + known_us / 8 : known_us;
	if (!*srtt_us)
		*srtt_us = 1;
}

void server_good(struct server_route *route, uint8_t index, enum way way, uint32_t us)
{
	struct server *server = &route->servers[index];

	server->failures = 0;
	server->aside_ms = 0;
	smooth(&server->srtt_us[way], us);
}

void server_bad(struct server_route *route, uint8_t index, uint64_t now_ms)
{
	struct server *server = &route->servers[index];

	if (server->failures < SERVER_FAILURES)
		server->failures++;
	if (healthy(server) || now_ms < server->aside_until_ms)
		return;
	server->aside_ms = server->aside_ms ? 2 * server->aside_ms : ASIDE_MIN_MS;
	if (server->aside_ms > ASIDE_MAX_MS)
		server->aside_ms = ASIDE_MAX_MS;
	server->aside_until_ms = now_ms + server->aside_ms;
}

void server_slower(struct server_route *route, uint8_t index, enum way way, uint32_t us)
{
	uint32_t *srtt_us = &route->servers[index].srtt_us[way];

	if (us > *srtt_us)
		smooth(srtt_us, us);
}

bool server_doubt(struct server_route *route, uint8_t index, uint64_t now_ms)
{
	bool first = !route->servers[index].doubt_until_ms;

	route->servers[index].doubt_until_ms = now_ms + DOUBT_MS;
	return first;
}

/* ---- forms ---- */

/*
 * A server that has sent cookies is asked with them whatever comes, and for good: nobody who can make it look old
 * fashioned, or have it not heard, is to be able to talk us out of what protects against him. When it has
 * really changed its ways, TCP is the way to ask it without. Of others there are some that
 * do not even answer a question with a cookie.
 */
enum form server_form(const struct server *server, uint64_t now_ms)
{
	if (server->cookie.expected)
		return FORM_COOKIE;
	if (now_ms < server->form_until_ms)
		return server->form;
	return server->unheard < UNHEARD_MAX ? FORM_COOKIE : FORM_EDNS;
}

bool server_formed(struct server_route *route, uint8_t index, enum form form, uint64_t now_ms)
{
	struct server *server = &route->servers[index];
	bool first = !server->form_until_ms;

	server->unheard = 0;
	if (form == FORM_COOKIE || (now_ms < server->form_until_ms && server->form >= form))
		return false;
	server->form = form;
	server->form_until_ms = now_ms + FORM_MS;
	return first;
}

void server_unheard(struct server_route *route, uint8_t index)
{
	struct server *server = &route->servers[index];

	if (server->unheard < UNHEARD_MAX)
		server->unheard++;
}

bool server_deaf(struct server_route *route, uint8_t index)
{
	server_unheard(route, index);
	return route->servers[index].unheard == UNHEARD_MAX;
}

/* ---- what is shown ---- */

static enum upstream_state state_of(const struct server *server)
{
	if (healthy(server))
		return UPSTREAM_GOOD;
	return server->probed ? UPSTREAM_PROBED : UPSTREAM_ASIDE;
}

bool servers_at(const struct servers *servers, uint64_t now_ms, uint64_t *cursor,
		struct upstream_view *out)
{
	for (; *cursor / NG_SERVERS_MAX < servers->n; ++*cursor) {
		const struct server_route *route = &servers->routes[*cursor / NG_SERVERS_MAX];
		const struct server *server = &route->servers[*cursor % NG_SERVERS_MAX];

		if (*cursor % NG_SERVERS_MAX >= route->n_servers ||
		    !server->counts[UPSTREAM_ASKED])
			continue;
		*out = (struct upstream_view){
			.zone = &route->zone,
			.sandbox = route->sandbox,
			.group = route->group,
			.at = server->at,
			.state = state_of(server),
			.srtt_us = server->srtt_us[WAY_DATAGRAM],
			.tcp_us = server->srtt_us[WAY_STREAM],
			.counts = server->counts,
		};
		if (out->state != UPSTREAM_GOOD && server->aside_until_ms > now_ms)
			out->aside_ms = (uint32_t)(server->aside_until_ms - now_ms);
		++*cursor;
		return true;
	}
	return false;
}

/* ---- second queries ---- */

static int by_length(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

void route_sample(struct server_route *route, uint32_t us)
{
	uint32_t sorted[SERVER_SAMPLES];
	uint32_t n;

	route->samples[route->n_samples++ % SERVER_SAMPLES] = us;
	if (route->n_samples % SAMPLES_MIN)
		return;
	n = route->n_samples < SERVER_SAMPLES ? route->n_samples : SERVER_SAMPLES;
	memcpy(sorted, route->samples, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_length);
	route->p95_us = sorted[n * 95 / 100];
}

void route_save(struct server_route *route)
{
	route->credit = route->credit + SAVED < CREDIT_MAX ? route->credit + SAVED : CREDIT_MAX;
}

uint32_t route_patience_ms(const struct server_route *route, bool probe)
{
	uint32_t ms = route->p95_us ? route->p95_us / 1000 + 1 : 0;

	if (ms && ms < PATIENCE_MIN_MS)
		ms = PATIENCE_MIN_MS;
	if (probe && (!ms || ms > PROBE_MS))
		ms = PROBE_MS;
	return ms < route->timeout_ms ? ms : 0;
}

bool route_spend(struct server_route *route)
{
	if (route->credit < COST)
		return false;
	route->credit -= COST;
	return true;
}
