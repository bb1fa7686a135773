/*
 * Which name was a packet for? The one whose answer gave its address, to the same sandbox, and still
 * stood when the packets began; several names may have it, and then the port counts for each.
 * When none stands any more, the last that did is taken: programs keep addresses for longer than they may.
 * A sandbox that asks by one address and connects from another is found by what was given to anybody.
 */
#include "config.h"
#include "offline/learn_inside.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define OPENINGS_MAX 131072
#define HOLDERS_MAX  8
#define SECOND_US    1000000u

struct opening {
	struct opening_key {     /* no padding that is not zero: see key_make() */
		uint32_t person; /* 0: anybody */
		struct ng_addr addr;
	} key;
	struct {
		struct seen *seen;
		uint64_t until_us;
	} holders[HOLDERS_MAX];
	size_t n;
	UT_hash_handle hh;
};

/* ---- what answers gave ---- */

static struct opening_key key_make(uint32_t person, const struct ng_addr *addr)
{
	struct opening_key key;

	memset(&key, 0, sizeof(key)); /* hashed whole */
	key.person = person;
	key.addr = *addr;
	return key;
}

static struct opening *opening_find(const struct learn *learn, uint32_t person,
				    const struct ng_addr *addr)
{
	const struct opening_key key = key_make(person, addr);
	struct opening *opening;

	HASH_FIND(hh, learn->openings, &key, sizeof(key), opening);
	return opening;
}

/* Packets that come now are no longer known to be for these names. */
static void opening_forget(struct learn *learn, struct opening *opening, uint64_t now_us)
{
	for (size_t i = 0; i < opening->n; i++) {
		if (opening->holders[i].until_us > now_us)
			opening->holders[i].seen->evidence.unseen = true;
	}
	HASH_DEL(learn->openings, opening);
	free(opening);
}

static struct opening *opening_make(struct learn *learn, uint32_t person,
				    const struct ng_addr *addr, uint64_t now_us)
{
	struct opening *opening = calloc(1, sizeof(*opening));

	if (HASH_COUNT(learn->openings) >= OPENINGS_MAX)
		opening_forget(learn, learn->openings, now_us);
	if (opening)
		opening->key = key_make(person, addr);
	return opening;
}

/* Behind all others in the order of use. NULL when memory is out. */
static struct opening *opening_of(struct learn *learn, uint32_t person,
				  const struct ng_addr *addr, uint64_t now_us)
{
	struct opening *opening = opening_find(learn, person, addr);

	if (opening)
		HASH_DEL(learn->openings, opening);
	else
		opening = opening_make(learn, person, addr, now_us);
	if (opening)
		HASH_ADD(hh, learn->openings, key, sizeof(opening->key), opening);
	if (opening && opening->hh.tbl)
		return opening;
	free(opening);
	learn->failed = true;
	return NULL;
}

static void opening_hold(struct opening *opening, struct seen *seen, uint64_t now_us,
			 uint64_t until_us)
{
	size_t i = 0, oldest = 0;

	for (; i < opening->n && opening->holders[i].seen != seen; i++) {
		if (opening->holders[i].until_us < opening->holders[oldest].until_us)
			oldest = i;
	}
	if (i == HOLDERS_MAX) {
		i = oldest;
		if (opening->holders[i].until_us > now_us)
			opening->holders[i].seen->evidence.unseen = true;
		opening->holders[i].until_us = 0;
	}
	if (i == opening->n)
		opening->n++;
	opening->holders[i].seen = seen;
	if (opening->holders[i].until_us < until_us)
		opening->holders[i].until_us = until_us;
}

static uint64_t until_of(const struct traffic_observation *answer, uint32_t ttl_s)
{
	const struct ng_settings none = {0}, settings = ng_settings_full(&none);
	const struct ng_terms terms = ng_terms_of(&settings, 0, ttl_s);

	return answer->wall_us +
	       ((uint64_t)terms.hold_s + terms.slack_s + terms.grace_s) * SECOND_US;
}

void learn_given(struct learn *learn, uint32_t person, struct seen *seen,
		 const struct traffic_observation *answer)
{
	const uint32_t keys[] = {person, 0};

	for (size_t i = 0; i < answer->n_addrs; i++) {
		const struct traffic_address *given = &answer->addrs[i];

		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			struct opening *opening =
				opening_of(learn, keys[k], &given->addr, answer->wall_us);

			if (!opening)
				return;
			opening_hold(opening, seen, answer->wall_us,
				     until_of(answer, given->ttl_s));
		}
	}
}

/* ---- where packets went ---- */

static struct learn_place *place_make(struct learn *learn, const struct learn_place *like)
{
	struct learn_place *place;

	if (HASH_COUNT(learn->places) >= LEARN_PLACES_MAX) {
		learn->places_lost++;
		return NULL;
	}
	place = malloc(sizeof(*place));
	if (!place) {
		learn->failed = true;
		return NULL;
	}
	*place = *like;
	HASH_ADD(hh, learn->places, key, sizeof(place->key), place);
	if (place->hh.tbl)
		return place;
	free(place);
	learn->failed = true;
	return NULL;
}

static void place_take(struct learn *learn, uint32_t person,
		       const struct traffic_observation *flow)
{
	struct learn_place like, *place;

	if (ng_addr_reach(&flow->server) == NG_REACH_NEVER)
		return;                 /* link upkeep, and nothing that a list could open */
	memset(&like, 0, sizeof(like)); /* hashed whole */
	like.key.person = person;
	like.key.addr = flow->server;
	like.key.proto = flow->proto;
	like.key.port = flow->port;
	HASH_FIND(hh, learn->places, &like.key, sizeof(like.key), place);
	if (!place)
		place = place_make(learn, &like);
	if (!place)
		return;
	place->count += !flow->more && !flow->blocked;
	place->packets += flow->packets;
	place->back += flow->back;
	place->blocked += flow->blocked ? flow->packets : 0;
}

/* A record has no port of the client's, a capture always does. */
static bool is_captured(const struct traffic_observation *flow)
{
	return flow->client_port != 0;
}

static void port_take(struct learn *learn, struct seen *seen,
		      const struct traffic_observation *flow)
{
	const struct ng_port port = {.proto = flow->proto, .port = flow->port};
	struct learn_evidence *evidence = &seen->evidence;

	if (flow->blocked) {
		evidence->blocked += flow->packets;
		return;
	}
	if (is_captured(flow)) {
		evidence->wire = true;
		person_at(learn, seen->key.person)->visible = true;
	}
	/* A record of packets that passed says that they did, not that any came back. */
	evidence_port(evidence, port, flow->more && evidence_port_find(evidence, port) ? 0 : 1,
		      is_captured(flow) ? flow->back : flow->packets);
}

/* The names that stood when the flow began; else the one that stood last. */
static void holders_take(struct learn *learn, struct opening *opening,
			 const struct traffic_observation *flow)
{
	const struct ng_port port = {.proto = flow->proto, .port = flow->port};
	size_t last = 0, taken = 0;

	for (size_t i = 0; i < opening->n; i++) {
		struct seen *seen = opening->holders[i].seen;
		bool known = evidence_port_find(&seen->evidence, port) != NULL;

		if (opening->holders[i].until_us > opening->holders[last].until_us)
			last = i;
		if (flow->more ? !known : opening->holders[i].until_us < flow->wall_us)
			continue;
		port_take(learn, seen, flow);
		taken++;
	}
	if (!taken && opening->n)
		port_take(learn, opening->holders[last].seen, flow);
}

void learn_flow(struct learn *learn, uint32_t person, struct seen *named,
		const struct traffic_observation *flow)
{
	struct opening *opening = opening_find(learn, person, &flow->server);

	if (is_captured(flow))
		person_at(learn, person)->visible = true;
	if (!flow->began || (flow->proto != IPPROTO_TCP && flow->proto != IPPROTO_UDP))
		return;
	if (!opening)
		opening = opening_find(learn, 0, &flow->server);
	if (opening)
		holders_take(learn, opening, flow);
	else if (named)
		port_take(learn, named, flow);
	else
		place_take(learn, person, flow);
}

/* ---- places, for those who ask ---- */

static int by_count(const void *left, const void *right)
{
	const struct learn_place *const *a = left, *const *b = right;
	uint64_t of_a = (*a)->count + (*a)->blocked, of_b = (*b)->count + (*b)->blocked;

	return of_a != of_b ? (of_a < of_b) - (of_a > of_b)
			    : memcmp(&(*a)->key, &(*b)->key, sizeof((*a)->key));
}

void learn_rank(struct learn *learn)
{
	struct learn_place *place;
	size_t n = 0;

	free(learn->ranked);
	learn->ranked = calloc(HASH_COUNT(learn->places) + 1, sizeof(*learn->ranked));
	if (!learn->ranked) {
		learn->failed = true;
		return;
	}
	for (place = learn->places; place; place = place->hh.next)
		learn->ranked[n++] = place;
	qsort(learn->ranked, n, sizeof(*learn->ranked), by_count);
}

void learn_flows_finish(struct learn *learn)
{
	struct opening *opening, *next;
	struct learn_place *place, *after;

	HASH_ITER (hh, learn->openings, opening, next) {
		HASH_DEL(learn->openings, opening);
		free(opening);
	}
	HASH_ITER (hh, learn->places, place, after) {
		HASH_DEL(learn->places, place);
		free(place);
	}
	free(learn->ranked);
}
