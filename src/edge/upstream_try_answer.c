/*
 * What servers say, held against what they were asked. Everything that does not match in every
 * respect is worth nothing; what remains to decide is whether to wait on, to change to TCP, or to
 * ask another server.
 */
#include "config.h"
#include "edge/upstream_try.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#define STRANGE_MAX 8 /* packets at one socket that do not belong there: somebody is guessing */

enum match {
	MATCH_NONE = 0,
	MATCH_ID,
	MATCH_CASE,
	MATCH_COOKIE, /* without ours */
	MATCH_CUT,
	MATCH_CHOKED,    /* it does not take the form of the question */
	MATCH_BADCOOKIE, /* it wants its own of now, which it has sent along */
	MATCH_REFUSAL,
	MATCH_GOOD
};

static void report(const struct leg *leg, const char *what)
{
	char text[NG_ADDR_TEXT];

	fprintf(stderr, "namegated: upstream server %s %s\n",
		ng_addr_format(&leg->server.addr, text), what);
}

/* What its datagrams lack protects against forged ones. */
static void doubt(const struct leg *leg, const char *what)
{
	struct server_route *route = exchange_route(leg->exchange);

	if (route && leg->server.transport == WALL_UDP &&
	    server_doubt(route, leg->index, upstream_now_ms(leg->exchange->upstream)))
		report(leg, what);
}

static bool same_but_case(const struct ng_answer *answer, const struct ng_question *asked)
{
	return answer->has_question && answer->question.type == asked->type &&
	       answer->question.class == asked->class &&
	       ng_name_equal(&answer->question.name, &asked->name);
}

static bool says_choked(uint8_t rcode)
{
	return rcode == NG_RCODE_FORMERR || rcode == NG_RCODE_NOTIMP;
}

/*
 * Does it not take options, or not even EDNS (RFC 6891 7)? One that has sent cookies does, and whoever
 * says otherwise in its name is no better than any other who lacks them.
 */
static bool is_choked(const struct leg *leg, const struct ng_answer *answer)
{
	return says_choked(answer->rcode) && !leg->expects && !answer->cookie &&
	       (leg->form == FORM_COOKIE || (leg->form == FORM_EDNS && !answer->edns));
}

/* Theirs comes with ours of this moment, or it would tell them that another address is ours too. */
static void learn_cookie(const struct leg *leg, const struct ng_answer *answer)
{
	struct upstream *upstream = leg->exchange->upstream;
	struct server_route *route = exchange_route(leg->exchange);
	struct server *server = route ? &route->servers[leg->index] : NULL;
	bool expected = server && server->cookie.expected;

	upstream->counters.cookies++;
	leg_count(leg, UPSTREAM_COOKIES);
	if (server && memcmp(server->cookie.ours, leg->cookie, COOKIE_LEN) == 0)
		cookie_learn(&server->cookie, answer->cookie + COOKIE_LEN,
			     answer->cookie_len - (size_t)COOKIE_LEN);
	if (server && !expected && server->cookie.expected)
		servers_expect(&upstream->servers, server);
}

/* Of a datagram that is all right so far. */
static bool cookie_matches(const struct leg *leg, const struct ng_answer *answer)
{
	if (leg->stage != LEG_DATAGRAM)
		return true;
	if (!answer->cookie || leg->form != FORM_COOKIE)
		return !leg->expects;
	if (memcmp(answer->cookie, leg->cookie, COOKIE_LEN) != 0)
		return false;
	learn_cookie(leg, answer);
	return true;
}

static enum match judge_rcode(const struct leg *leg, const struct ng_answer *answer)
{
	if (answer->rcode == NG_RCODE_NOERROR || answer->rcode == NG_RCODE_NXDOMAIN)
		return MATCH_GOOD;
	if (answer->rcode == NG_RCODE_BADCOOKIE && leg->stage == LEG_DATAGRAM && answer->cookie)
		return MATCH_BADCOOKIE;
	return is_choked(leg, answer) ? MATCH_CHOKED : MATCH_REFUSAL;
}

/*
 * How well this message answers the question of this leg; rcode is set from MATCH_REFUSAL on. MATCH_CASE
 * and MATCH_COOKIE are said of datagrams alone: on a connection such a message is held against all
 * the rest.
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
	/* Who cannot read the rest may give back the header alone. */
	if (!answer.has_question && !answer.n && is_choked(leg, &answer))
		return MATCH_CHOKED;
	if (!ng_answer_matches(&answer, asked)) {
		bool same = same_but_case(&answer, asked);

		if (!same || leg->stage != LEG_STREAM)
			return same ? MATCH_CASE : MATCH_NONE;
		/* On a connection of our own the case adds little, and some servers drop it. */
		upstream->counters.case_lost++;
		leg_count(leg, UPSTREAM_CASE_LOST);
		doubt(leg, "does not echo the letter case of questions, which protects against "
			   "forged answers; it is asked by TCP now. Replace it if you can.");
	}
	if (answer.truncated)
		return MATCH_CUT;
	return cookie_matches(leg, &answer) ? judge_rcode(leg, &answer) : MATCH_COOKIE;
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

/* In which form it answers; a connection says nothing of cookies. */
static void learn_form(const struct leg *leg)
{
	struct server_route *route = exchange_route(leg->exchange);
	bool plain = leg->form == FORM_PLAIN;

	if (route && (leg->stage == LEG_DATAGRAM || plain) &&
	    server_formed(route, leg->index, leg->form,
			  upstream_now_ms(leg->exchange->upstream)))
		report(leg,
		       plain ? "does not take EDNS, by which long answers and cookies come; it "
			       "is asked without for a while. Replace it if you can."
			     : "does not take cookies, which protect against forged answers; "
			       "it is asked without for a while. Replace it if you can.");
	if (route && leg->deaf && leg->stage == LEG_STREAM && server_deaf(route, leg->index))
		doubt(leg,
		      "does not answer by UDP when it is sent its own cookie back, but does by "
		      "TCP; without a cookie an answer may be forged, and it is asked by TCP "
		      "for a while.");
	if (leg->doubtful)
		doubt(leg,
		      "answers by UDP without the cookie that it was sent, or with another; "
		      "such an answer may be forged, and it is asked by TCP for a while.");
}

/* Also of the one that was asked beside it and has said nothing yet. */
static void learn(const struct leg *leg)
{
	const struct exchange *exchange = leg->exchange;
	struct server_route *route = exchange_route(exchange);
	uint64_t now_us = upstream_now_us();

	if (!route)
		return;
	leg_count(leg, UPSTREAM_ANSWERED);
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
	if (leg->stage == LEG_DATAGRAM)
		datagram_rest(leg);
	exchange_give(exchange);
	upstream->events.answer(upstream->events.context, ask, &server, wire, len);
}

/* It has a cookie of now for the next try; where that does not help, its peers make others (RFC 7873 5.3). */
static void ask_with_new_cookie(struct leg *leg)
{
	enum way way = leg->bad ? WAY_STREAM : WAY_DATAGRAM;

	leg->exchange->upstream->counters.cookies_bad++;
	leg->bad = true;
	leg_again(leg, way);
}

/* What was asked for is there, or the server's word that it does not give it, or not so. */
static void settle(struct leg *leg, enum match match, uint8_t rcode, const uint8_t *wire,
		   size_t len)
{
	if (match == MATCH_CHOKED) {
		leg->form++;
		leg_again(leg, leg_way(leg));
	} else if (match == MATCH_BADCOOKIE) {
		ask_with_new_cookie(leg);
	} else if (match == MATCH_REFUSAL && worth_another(leg)) {
		leg_failed(leg, NG_NO_NETWORK, rcode == NG_RCODE_REFUSED);
	} else {
		if (!says_choked(rcode))
			learn_form(leg);
		deliver(leg, wire, len);
	}
}

/* ---- datagrams ---- */

/* False: the leg is not on this socket any more. */
static bool take_datagram(struct leg *leg, size_t len)
{
	struct upstream *upstream = leg->exchange->upstream;
	uint8_t rcode = 0;
	enum match match = judge(leg, upstream->octets, len, &rcode);

	if (match >= MATCH_CHOKED) {
		settle(leg, match, rcode, upstream->octets, len);
		return false;
	}
	if (match == MATCH_CUT) {
		leg_again(leg, WAY_STREAM);
		return false;
	}
	if (match == MATCH_COOKIE) {
		leg->doubtful = true;
		upstream->counters.cookies_lost++;
		leg_count(leg, UPSTREAM_COOKIES_LOST);
	}
	upstream->counters.strange++;
	leg->strange = leg->strange < UINT8_MAX ? leg->strange + 1 : UINT8_MAX;
	if (leg->exchange->no_stream & 1u << leg->index ||
	    (match == MATCH_NONE && leg->strange < STRANGE_MAX))
		return true;
	leg_again(leg, WAY_STREAM);
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

	if (match < MATCH_CHOKED) {
		stream->upstream->counters.strange++;
		return false;
	}
	settle(leg, match, rcode, wire, len);
	return true;
}
