/*
 * What servers say, held against what they were asked. Everything that does not match in every
 * respect is worth nothing; what remains to decide is whether to wait on, to change to TCP, or to
 * ask another server.
 */
#include "config.h"
#include "edge/upstream_try.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <utlist.h>

#define STRANGE_MAX 8 /* packets at one socket that do not belong there: somebody is guessing */

enum match { MATCH_NONE = 0, MATCH_ID, MATCH_CASE, MATCH_CUT, MATCH_REFUSAL, MATCH_GOOD };

static void report_case(const struct leg *leg)
{
	struct server_route *route = exchange_route(leg->exchange);
	char text[NG_ADDR_TEXT];

	leg->exchange->upstream->counters.case_lost++;
	if (!route || leg->server.transport != WALL_UDP)
		return;
	if (!route->servers[leg->index].no_case_until_ms)
		fprintf(stderr,
			"namegated: upstream server %s does not echo the letter case of "
			"questions, which protects against forged answers; it is asked by TCP "
			"now. Replace it if you can.\n",
			ng_addr_format(&leg->server.addr, text));
	server_no_case(route, leg->index, upstream_now_ms(leg->exchange->upstream));
}

/*
 * How well this message answers the question of this leg; rcode is set from MATCH_REFUSAL on. MATCH_CASE is said
 * of datagrams alone: on a connection such a message is held against all the rest.
 */
static enum match judge(const struct leg *leg, const uint8_t *wire, size_t len, uint8_t *rcode)
{
	struct upstream *upstream = leg->exchange->upstream;
	const struct ng_question *asked = &leg->question;
	struct ng_answer answer;
	uint16_t id;

	if (len < NG_HEADER_LEN || !(wire[2] & 0x80))
		return MATCH_NONE;
	id = (uint16_t)(wire[0] << 8 | wire[1]);
	if (id != leg->id)
		return MATCH_ID;
	arena_reset(&upstream->arena);
	if (ng_answer_parse(wire, len, &upstream->arena, &answer) != NG_OK)
		return MATCH_NONE;
	*rcode = (uint8_t)answer.rcode;
	if (!ng_answer_matches(&answer, asked)) {
		bool same = answer.has_question && answer.question.type == asked->type &&
			    answer.question.class == asked->class &&
			    ng_name_equal(&answer.question.name, &asked->name);
		if (!same || leg->stage != LEG_STREAM)
			return same ? MATCH_CASE : MATCH_NONE;
		/* On a connection of our own the case adds little, and some servers drop it. */
		report_case(leg);
	}
	if (answer.truncated)
		return MATCH_CUT;
	if (answer.rcode != NG_RCODE_NOERROR && answer.rcode != NG_RCODE_NXDOMAIN)
		return MATCH_REFUSAL;
	return MATCH_GOOD;
}

/* A server that refuses or fails is given up for the next one, while there is one not yet asked. */
static bool worth_another(const struct leg *leg)
{
	const struct exchange *exchange = leg->exchange;
	const struct server_route *route = exchange_route(exchange);

	for (size_t i = 0; i < LEGS; i++)
		if (&exchange->legs[i] != leg && exchange->legs[i].stage != LEG_IDLE)
			return true;
	return route && exchange->tries < TRIES_MAX && exchange->tries < route->n_servers &&
	       upstream_now_ms(exchange->upstream) < exchange->end_ms;
}

/* Also of the one that was asked beside it and has said nothing yet. */
static void learn(const struct leg *leg)
{
	const struct exchange *exchange = leg->exchange;
	struct server_route *route = exchange_route(exchange);
	uint64_t now_us = upstream_now_us();

	if (!route)
		return;
	server_good(route, leg->index, leg_way(leg), (uint32_t)(now_us - leg->sent_us));
	route_sample(route, (uint32_t)(now_us - exchange->begun_us));
	for (size_t i = 0; i < LEGS; i++) {
		const struct leg *other = &exchange->legs[i];

		if (other == leg || other->stage == LEG_IDLE || other->stage == LEG_LOST)
			continue;
		server_slower(route, other->index, leg_way(other),
			      (uint32_t)(now_us - other->sent_us));
		if (other->probe)
			server_bad(route, other->index, upstream_now_ms(exchange->upstream));
	}
}

/* wire outlives the exchange: it is the shared datagram buffer, or was taken out of its stream. */
static void deliver(struct leg *leg, const uint8_t *wire, size_t len)
{
	struct exchange *exchange = leg->exchange;
	struct upstream *upstream = exchange->upstream;
	struct ng_addr server = leg->server.addr;
	uint64_t ask = exchange->ask.id;

	learn(leg);
	exchange_give(exchange);
	upstream->events.answer(upstream->events.context, ask, &server, wire, len);
}

/* What was asked for is there, or the server's word that it does not give it. */
static void settle(struct leg *leg, enum match match, uint8_t rcode, const uint8_t *wire,
		   size_t len)
{
	if (match == MATCH_REFUSAL && worth_another(leg))
		leg_failed(leg, NG_NO_NETWORK, rcode == NG_RCODE_REFUSED);
	else
		deliver(leg, wire, len);
}

/* ---- datagrams ---- */

/* False: the leg is not on this socket any more. */
static bool take_datagram(struct leg *leg, size_t len)
{
	struct upstream *upstream = leg->exchange->upstream;
	uint8_t rcode = 0;
	enum match match = judge(leg, upstream->octets, len, &rcode);

	if (match >= MATCH_REFUSAL) {
		settle(leg, match, rcode, upstream->octets, len);
		return false;
	}
	if (match == MATCH_CUT) {
		leg_to_stream(leg);
		return false;
	}
	upstream->counters.strange++;
	leg->strange = leg->strange < UINT8_MAX ? leg->strange + 1 : UINT8_MAX;
	if (leg->exchange->no_stream & 1u << leg->index ||
	    (match == MATCH_NONE && leg->strange < STRANGE_MAX))
		return true;
	leg_to_stream(leg);
	return false;
}

void leg_datagram(struct leg *leg)
{
	struct upstream *upstream = leg->exchange->upstream;

	for (int i = 0; i < EVENTS; i++) {
		ssize_t got = recv(leg->fd, upstream->octets, sizeof(upstream->octets),
				   MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && errno == EAGAIN)
			return;
		/* ICMP errors arrive here; whoever sent them does not end the wait. */
		if (got < 0)
			continue;
		if ((size_t)got > sizeof(upstream->octets)) {
			upstream->counters.strange++;
			continue;
		}
		if (!take_datagram(leg, (size_t)got))
			return;
	}
}

/* ---- connections ---- */

static struct leg *waiting_for(const struct conn *stream, const uint8_t *wire, size_t len)
{
	struct leg *leg;

	if (len < NG_HEADER_LEN)
		return NULL;
	DL_FOREACH (stream->legs, leg) {
		if (leg->id == (wire[0] << 8 | wire[1]))
			return leg;
	}
	return NULL;
}

bool conn_message(struct conn *stream, const uint8_t *wire, size_t len)
{
	struct leg *leg = waiting_for(stream, wire, len);
	uint8_t rcode = 0;
	enum match match = leg ? judge(leg, wire, len, &rcode) : MATCH_NONE;

	if (match < MATCH_REFUSAL) {
		stream->upstream->counters.strange++;
		return false;
	}
	settle(leg, match, rcode, wire, len);
	return true;
}
