/*
 * One question and its tries.
 *
 * A try by datagram has a fresh port, ID and letter case, so nothing learned from an
 * earlier one helps to forge an answer to it. TCP is a second half of a try, with a time-out of its
 * own; the sum of all stays within the budget that the question began with. When the first try takes
 * longer than nearly all questions of its zone do, another server is asked beside it, and the first
 * good answer counts.
 */
#include "config.h"
#include "edge/upstream_try.h"

/* ---- places ---- */

struct exchange *exchange_take(struct upstream *upstream)
{
	uint32_t place = upstream->free;
	struct exchange *exchange;

	if (place != NO_PLACE)
		upstream->free = upstream->places[place].next;
	else if (upstream->fresh < upstream->n_places)
		place = upstream->fresh++;
	else
		return NULL;
	exchange = &upstream->places[place];
	if (!exchange->timer_ready) {
		uv_timer_init(upstream->loop, &exchange->timer);
		exchange->timer.data = exchange;
		exchange->timer_ready = true;
		exchange->upstream = upstream;
		exchange->place = place;
		upstream->handles++;
		for (size_t i = 0; i < LEGS; i++) {
			exchange->legs[i].exchange = exchange;
			exchange->legs[i].fd = -1;
		}
	}
	exchange->busy = true;
	upstream->counters.asking++;
	return exchange;
}

/*
 * Its route; NULL after a reload. The number may then stand for another zone, and a question
 * must never go to another zone's servers: it ends with the tries that are under way.
 */
struct server_route *exchange_route(const struct exchange *exchange)
{
	if (exchange->version != exchange->upstream->version)
		return NULL;
	return servers_route(&exchange->upstream->servers, exchange->ask.route);
}

void leg_count(const struct leg *leg, enum upstream_count which)
{
	struct server_route *route = exchange_route(leg->exchange);

	if (route)
		route->servers[leg->index].counts[which]++;
}

void leg_drop(struct leg *leg)
{
	struct server_route *route = exchange_route(leg->exchange);

	if (!leg->rests)
		datagram_close(leg);
	if (leg->stage == LEG_STREAM)
		conn_leave(leg);
	if (leg->probe && route)
		route->servers[leg->index].probed = false;
	leg->probe = false;
	leg->stage = LEG_IDLE;
}

void exchange_give(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;
	struct server_route *route = exchange_route(exchange);

	for (size_t i = 0; i < LEGS; i++)
		leg_drop(&exchange->legs[i]);
	uv_timer_stop(&exchange->timer);
	if (route)
		route->asking--;
	exchange->busy = false;
	exchange->next = upstream->free;
	upstream->free = exchange->place;
	upstream->counters.asking--;
}

/* ---- one try ---- */

uint64_t upstream_now_ms(const struct upstream *upstream)
{
	return uv_now(upstream->loop);
}

uint64_t upstream_now_us(void)
{
	return uv_hrtime() / 1000;
}

enum way leg_way(const struct leg *leg)
{
	return leg->stage == LEG_STREAM ? WAY_STREAM : WAY_DATAGRAM;
}

/* Wakes at whatever comes first: the end of a leg, or the time for a second query. */
static void arm(struct exchange *exchange)
{
	uint64_t now_ms = upstream_now_ms(exchange->upstream), next_ms = exchange->end_ms;

	for (size_t i = 0; i < LEGS; i++) {
		const struct leg *leg = &exchange->legs[i];

		if (leg->stage == LEG_LOST)
			next_ms = now_ms;
		else if (leg->stage != LEG_IDLE && leg->end_ms < next_ms)
			next_ms = leg->end_ms;
	}
	if (exchange->hedge_ms && exchange->hedge_ms < next_ms)
		next_ms = exchange->hedge_ms;
	uv_timer_start(&exchange->timer, exchange_on_timer,
		       next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

void leg_wake(struct leg *leg)
{
	arm(leg->exchange);
}

/* As of now: an earlier send of the same try may have brought the first. */
static bool expects_cookie(const struct leg *leg)
{
	const struct server_route *route = exchange_route(leg->exchange);

	return route && route->servers[leg->index].cookie.expected;
}

/* Sends it by the given way; false when that could not even begin. */
static bool leg_send(struct leg *leg, enum way way, uint32_t timeout_ms)
{
	struct exchange *exchange = leg->exchange;
	int code;

	if (way == WAY_STREAM && leg->form == FORM_COOKIE)
		leg->form = FORM_EDNS;
	leg->expects = expects_cookie(leg);
	leg->sent_us = upstream_now_us();
	leg->sent_ms = upstream_now_ms(exchange->upstream);
	leg->end_ms = leg->sent_ms + timeout_ms;
	if (leg->end_ms > exchange->end_ms)
		leg->end_ms = exchange->end_ms;
	code = way == WAY_STREAM ? conn_ask(leg) : datagram_ask(leg);
	if (!code)
		return true;
	exchange->why = code == NG_E_FULL   ? NG_NO_SERVER
			: code == NG_E_PERM ? NG_NO_MARK
					    : NG_NO_NETWORK;
	exchange->upstream->counters.crowded += code == NG_E_FULL;
	leg_drop(leg);
	return false;
}

static bool leg_begin(struct leg *leg, struct server_route *route,
		      const struct server_turn *turn)
{
	struct exchange *exchange = leg->exchange;
	const struct server *server = &route->servers[turn->index];
	const uint8_t bit = (uint8_t)(1u << turn->index);

	exchange->tried = turn->tried;
	exchange->upstream->counters.tries++;
	leg->index = turn->index;
	leg->server = server->at;
	leg->probe = turn->probe;
	leg->resent = leg->refused = leg->bad = leg->doubtful = false;
	leg->form = server_form(server, turn->now_ms);
	/* Without a cookie it is never asked again; by TCP it needs none. */
	leg->deaf = exchange->unheard & bit && !(exchange->no_stream & bit);
	exchange->unheard &= (uint8_t)~bit;
	leg_count(leg, UPSTREAM_ASKED);
	return leg_send(leg, leg->deaf ? WAY_STREAM : server_way(server, turn->now_ms),
			route->timeout_ms);
}

static struct server_turn turn_of(struct exchange *exchange)
{
	struct server_turn turn = {.now_ms = upstream_now_ms(exchange->upstream),
				   .tried = exchange->tried,
				   .dice = UINT8_MAX};

	(void)!chance_draw(&exchange->upstream->chance, &turn.dice, sizeof(turn.dice));
	return turn;
}

static struct leg *leg_free(struct exchange *exchange)
{
	for (size_t i = 0; i < LEGS; i++)
		if (exchange->legs[i].stage == LEG_IDLE)
			return &exchange->legs[i];
	return NULL;
}

static bool under_way(const struct exchange *exchange)
{
	for (size_t i = 0; i < LEGS; i++)
		if (exchange->legs[i].stage != LEG_IDLE)
			return true;
	return false;
}

static void set_patience(struct exchange *exchange, const struct server_route *route,
			 bool probe)
{
	uint32_t ms =
		route->n_servers > 1 && !exchange->hedged ? route_patience_ms(route, probe) : 0;

	exchange->hedge_ms = ms ? upstream_now_ms(exchange->upstream) + ms : 0;
}

bool exchange_next(struct exchange *exchange)
{
	struct leg *leg = leg_free(exchange);

	while (leg && exchange->tries < TRIES_MAX &&
	       upstream_now_ms(exchange->upstream) < exchange->end_ms) {
		struct server_route *route = exchange_route(exchange);
		struct server_turn turn = turn_of(exchange);

		if (!route || !route->n_servers) {
			exchange->why = NG_NO_SERVER;
			return false;
		}
		/* Who is not who it should be will not become so by the next handshake, and no mark comes. */
		if ((exchange->why == NG_NO_TRUST || exchange->why == NG_NO_MARK) &&
		    exchange->tries >= route->n_servers)
			return false;
		exchange->tries++;
		server_pick(route, &turn);
		if (!leg_begin(leg, route, &turn))
			continue;
		set_patience(exchange, route, turn.probe);
		arm(exchange);
		return true;
	}
	return false;
}

/* ---- its end ---- */

static void finish_without(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;
	uint64_t ask = exchange->ask.id;
	enum ng_no_answer why = exchange->why;

	exchange_give(exchange);
	upstream->events.no_answer(upstream->events.context, ask, why);
}

static void go_on(struct exchange *exchange)
{
	if (under_way(exchange))
		arm(exchange);
	else if (!exchange_next(exchange))
		finish_without(exchange);
}

static void blame(const struct leg *leg)
{
	struct server_route *route = exchange_route(leg->exchange);

	if (route)
		server_bad(route, leg->index, upstream_now_ms(leg->exchange->upstream));
}

void leg_failed(struct leg *leg, enum ng_no_answer why, bool guilty)
{
	struct exchange *exchange = leg->exchange;

	if (guilty) {
		blame(leg);
		leg_count(leg, UPSTREAM_FAILED);
	}
	leg_drop(leg);
	exchange->why = why;
	go_on(exchange);
}

void leg_again(struct leg *leg, enum way way)
{
	struct server_route *route = exchange_route(leg->exchange);
	uint32_t timeout_ms = route ? route->timeout_ms : 0;
	bool probe = leg->probe;

	leg->probe = false; /* still the same look at the server */
	leg_drop(leg);
	leg->probe = probe;
	if (route && leg_send(leg, way, timeout_ms))
		arm(leg->exchange);
	else
		go_on(leg->exchange);
}

/* A connection that ended is no failure of the question: it is asked again once. */
static void leg_lost(struct leg *leg)
{
	bool refused = leg->refused, again = !refused && !leg->resent;

	leg->stage = LEG_IDLE;
	if (refused)
		leg->exchange->no_stream |= (uint8_t)(1u << leg->index);
	leg->resent = true;
	if (again)
		leg_again(leg, WAY_STREAM);
	else
		leg_failed(leg, leg->exchange->why, true);
}

static void leg_late(struct leg *leg)
{
	struct server_route *route = exchange_route(leg->exchange);

	leg->exchange->upstream->counters.timeouts++;
	leg_count(leg, UPSTREAM_LATE);
	leg->exchange->why = NG_NO_TIME;
	blame(leg);
	if (route) {
		server_slower(route, leg->index, leg_way(leg),
			      (uint32_t)(upstream_now_us() - leg->sent_us));
		if (leg->form == FORM_COOKIE && leg->expects)
			leg->exchange->unheard |= (uint8_t)(1u << leg->index);
		else if (leg->form == FORM_COOKIE)
			server_unheard(route, leg->index);
	}
	if (leg->stage == LEG_STREAM)
		conn_silent(leg);
	leg_drop(leg);
}

/* Another server beside the first: what a slow answer is worth was saved up before. */
static void hedge(struct exchange *exchange)
{
	struct server_route *route = exchange_route(exchange);
	struct leg *first = &exchange->legs[0], *leg = leg_free(exchange);
	struct server_turn turn = turn_of(exchange);

	exchange->hedge_ms = 0;
	exchange->hedged = true;
	if (!route || !leg || !server_beside(route, &turn))
		return;
	if (!(first->stage != LEG_IDLE && first->probe) && !route_spend(route))
		return;
	if (!leg_begin(leg, route, &turn))
		return;
	exchange->upstream->counters.hedged++;
	leg_count(leg, UPSTREAM_HEDGED);
}

void exchange_on_timer(uv_timer_t *timer)
{
	struct exchange *exchange = timer->data;
	uint64_t now_ms = upstream_now_ms(exchange->upstream);

	for (size_t i = 0; i < LEGS; i++) {
		struct leg *leg = &exchange->legs[i];

		if (leg->stage == LEG_LOST) {
			leg_lost(leg); /* may have given the exchange */
			return;
		}
		if (leg->stage != LEG_IDLE && leg->end_ms <= now_ms)
			leg_late(leg);
	}
	if (exchange->hedge_ms && exchange->hedge_ms <= now_ms && under_way(exchange))
		hedge(exchange);
	go_on(exchange);
}
