/*
 * Which addresses the draft would have opened, until when, and for which ports; and where packets
 * went. A flow is judged by its first packet, as the kernel does: what stands goes on.
 */
#include "config.h"
#include "offline/replay_inside.h"

#include <netinet/in.h>
#include <stdlib.h>

#define OPENINGS_MAX 262144

/* ---- what answers open ---- */

static void opening_free(struct replay *replay, struct opening *opening)
{
	HASH_DEL(replay->openings, opening);
	free(opening);
}

void flows_finish(struct replay *replay)
{
	struct opening *opening, *next;
	struct reached *reached, *after;

	HASH_ITER (hh, replay->openings, opening, next)
		opening_free(replay, opening);
	HASH_ITER (hh, replay->reached, reached, after) {
		HASH_DEL(replay->reached, reached);
		free(reached);
	}
}

static struct opening *opening_find(const struct replay *replay,
				    const struct setup_sandbox *sandbox,
				    const struct ng_addr *addr)
{
	const struct place_key key = place_key_make(sandbox, addr, 0, 0);
	struct opening *opening;

	HASH_FIND(hh, replay->openings, &key, sizeof(key), opening);
	return opening;
}

/* Out of room, the one that was given longest ago goes. NULL when memory is out. */
static struct opening *opening_of(struct replay *replay, const struct setup_sandbox *sandbox,
				  const struct ng_addr *addr)
{
	struct opening *opening = opening_find(replay, sandbox, addr);

	if (opening) {
		HASH_DEL(replay->openings, opening);
	} else {
		opening = calloc(1, sizeof(*opening));
		if (opening)
			opening->key = place_key_make(sandbox, addr, 0, 0);
		if (HASH_COUNT(replay->openings) >= OPENINGS_MAX)
			opening_free(replay, replay->openings);
	}
	if (opening)
		HASH_ADD(hh, replay->openings, key, sizeof(opening->key), opening);
	if (opening && opening->hh.tbl)
		return opening;
	free(opening);
	replay->failed = true;
	return NULL;
}

/* The spare entry is another name's soon: then the name is not known. */
static const struct asked *lasting(const struct replay *replay, const struct asked *asked)
{
	return asked == &replay->spare ? NULL : asked;
}

void openings_refuse(struct replay *replay, const struct asked *asked, bool own,
		     const struct traffic_observation *observation)
{
	for (size_t i = 0; i < observation->n_addrs; i++) {
		struct opening *opening =
			opening_of(replay, asked->sandbox, &observation->addrs[i].addr);

		if (!opening)
			return;
		opening->was_refused = true;
		opening->own = own;
		opening->refused = lasting(replay, asked);
	}
}

/* How long the address would stand, grace included. */
static uint64_t stands_us(const struct replay *replay, const struct exchange *exchange,
			  const struct traffic_observation *observation,
			  const struct ng_addr *addr)
{
	uint32_t ttl_s = exchange->hold_most_s;
	struct ng_terms terms;

	for (size_t i = 0; i < observation->n_addrs; i++) {
		if (ng_addr_equal(&observation->addrs[i].addr, addr))
			ttl_s = observation->addrs[i].ttl_s;
	}
	terms = ng_terms_of(&replay->settings, exchange->hold_most_s, ttl_s);
	return ((uint64_t)terms.hold_s + terms.slack_s + terms.grace_s) * SECOND_US;
}

static void opening_port(struct opening *opening, struct ng_port port, uint64_t until_us)
{
	size_t i = 0, oldest = 0;

	for (; i < opening->n_ports; i++) {
		if (opening->ports[i].port.proto == port.proto &&
		    opening->ports[i].port.port == port.port)
			break;
		if (opening->ports[i].until_us < opening->ports[oldest].until_us)
			oldest = i;
	}
	if (i == NG_PORTS_MAX)
		i = oldest;
	else if (i == opening->n_ports)
		opening->n_ports++;
	if (opening->ports[i].port.port == port.port && until_us < opening->ports[i].until_us)
		return;
	opening->ports[i].port = port;
	opening->ports[i].until_us = until_us;
}

static void opening_open(struct opening *opening, const struct exchange *exchange,
			 uint64_t until_us)
{
	if (!exchange->n_ports && until_us > opening->until_us)
		opening->until_us = until_us;
	for (size_t i = 0; i < exchange->n_ports; i++)
		opening_port(opening, exchange->ports[i], until_us);
}

void openings_open(struct replay *replay, const struct asked *asked,
		   const struct exchange *exchange,
		   const struct traffic_observation *observation)
{
	for (size_t i = 0; i < exchange->n_open; i++) {
		const struct ng_addr *addr = &exchange->open[i];
		struct opening *opening = opening_of(replay, asked->sandbox, addr);

		if (!opening)
			return;
		opening->was_refused = opening->own = false;
		opening->asked = lasting(replay, asked);
		opening_open(opening, exchange,
			     observation->wall_us +
				     stands_us(replay, exchange, observation, addr));
	}
}

/* ---- where packets went ---- */

static enum replay_shut opening_shut(const struct opening *opening, struct ng_port port,
				     uint64_t now_us)
{
	bool stands = false;

	if (opening->until_us >= now_us)
		return REPLAY_OPEN;
	for (size_t i = 0; i < opening->n_ports; i++) {
		if (opening->ports[i].until_us < now_us)
			continue;
		stands = true;
		if (opening->ports[i].port.proto == port.proto &&
		    opening->ports[i].port.port == port.port)
			return REPLAY_OPEN;
	}
	if (opening->was_refused)
		return REPLAY_REFUSED;
	return stands ? REPLAY_PORT : REPLAY_LATE;
}

static void reached_judge(const struct replay *replay, struct reached *reached,
			  const struct setup_sandbox *sandbox, const struct place_key *key)
{
	const struct ng_port port = {.proto = key->proto, .port = key->port};
	struct trial_way way;

	*reached = (struct reached){.key = *key, .sandbox = sandbox};
	trial_reaches(replay->trial, sandbox, &key->addr, port, &way);
	reached->how = way.how;
}

/* Without room, an entry that is good until the next one. */
static struct reached *reached_make(struct replay *replay, const struct setup_sandbox *sandbox,
				    const struct place_key *key)
{
	struct reached *reached = NULL;

	if (HASH_COUNT(replay->reached) < REPLAY_NAMES_MAX)
		reached = calloc(1, sizeof(*reached));
	if (reached) {
		reached_judge(replay, reached, sandbox, key);
		HASH_ADD(hh, replay->reached, key, sizeof(reached->key), reached);
	}
	if (reached && reached->hh.tbl)
		return reached;
	free(reached);
	reached_judge(replay, &replay->spare_reached, sandbox, key);
	return &replay->spare_reached;
}

static struct reached *reached_of(struct replay *replay, const struct setup_sandbox *sandbox,
				  const struct traffic_observation *flow)
{
	const struct place_key key =
		place_key_make(sandbox, &flow->server, flow->proto, flow->port);
	struct reached *reached;

	HASH_FIND(hh, replay->reached, &key, sizeof(key), reached);
	return reached ? reached : reached_make(replay, sandbox, &key);
}

/* The table passes nothing but TCP and UDP. */
static bool is_carried(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

static enum replay_shut shut_of(const struct reached *reached, const struct opening *opening,
				const struct traffic_observation *flow)
{
	const struct ng_port port = {.proto = flow->proto, .port = flow->port};

	if (!is_carried(flow->proto))
		return REPLAY_CLOSED;
	if (reached->how == TRIAL_STATIC || reached->how == TRIAL_DNS)
		return REPLAY_OPEN;
	if (reached->how != TRIAL_SHUT)
		return REPLAY_CLOSED;
	if (!opening)
		return REPLAY_UNNAMED;
	return opening_shut(opening, port, flow->wall_us);
}

static void flow_begin(struct replay *replay, struct reached *reached,
		       const struct traffic_observation *flow)
{
	const struct opening *opening = opening_find(replay, reached->sandbox, &flow->server);
	enum replay_shut shut = shut_of(reached, opening, flow);

	if (shut == REPLAY_OPEN || flow->blocked)
		return;
	if (reached == &replay->spare_reached)
		totals_of(replay, reached->sandbox)->unlisted++;
	reached->shut[shut]++;
	reached->packets += flow->packets;
	if (!opening)
		return;
	reached->redirected = opening->own;
	reached->asked = opening->was_refused ? opening->refused : opening->asked;
}

void flow_take(struct replay *replay, const struct setup_sandbox *sandbox,
	       const struct traffic_observation *observation)
{
	struct replay_totals *totals = totals_of(replay, sandbox);
	struct reached *reached;

	if (!observation->more)
		totals->flows++;
	if (!observation->began) {
		totals->flows_before += !observation->more;
		return;
	}
	reached = reached_of(replay, sandbox, observation);
	reached->back += observation->back;
	if (!observation->more)
		flow_begin(replay, reached, observation);
	else
		reached->packets += observation->packets;
}
