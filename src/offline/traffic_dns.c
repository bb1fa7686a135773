/*
 * A DNS message as an observation. Messages are read by the parsers of the gate itself, so what they
 * would not read is malformed here too. Of an answer the chain of aliases from the asked name is
 * followed, as the gate follows it, and only the addresses at its end count.
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include <string.h>

#define RESPONSE_BIT 0x80 /* of the third octet */

static void query_take(struct traffic *traffic, const struct packet *of, const uint8_t *octets,
		       size_t len)
{
	struct ng_query query;
	struct traffic_observation observation = {
		.kind = TRAFFIC_QUERY,
		.wall_us = of->wall_us,
		.client = of->from,
		.server = of->to,
		.proto = of->proto,
	};

	if (ng_query_parse(octets, len, &query) != NG_FATE_ASKED) {
		traffic_count(traffic, TRAFFIC_N_MALFORMED);
		return;
	}
	ng_name_lower(&query.question.name);
	observation.name = &query.question.name;
	observation.type = query.question.type;
	traffic_tell(traffic, &observation);
}

/* ---- answers ---- */

struct chain {
	struct ng_name names[NG_CHAIN_MAX + 1]; /* the asked one and its targets */
	size_t n;
	bool data; /* something of the asked type stands at its end */
	struct traffic_address addrs[NG_ANSWER_RRS_MAX];
	size_t n_addrs;
};

static const struct ng_rr *alias_of(const struct ng_answer *answer, const struct ng_name *name)
{
	for (size_t i = 0; i < answer->n; i++) {
		if (answer->rrs[i].type == NG_TYPE_CNAME &&
		    ng_name_equal(answer->rrs[i].owner, name))
			return &answer->rrs[i];
	}
	return NULL;
}

/* Owners in an answer are lower case; so are targets here. A loop ends with the room for names. */
static void chain_follow(const struct ng_answer *answer, struct chain *chain)
{
	const struct ng_rr *alias;

	ng_name_lower(&chain->names[0]);
	chain->n = 1;
	if (answer->question.type == NG_TYPE_CNAME)
		return;
	while (chain->n <= NG_CHAIN_MAX &&
	       (alias = alias_of(answer, &chain->names[chain->n - 1])) != NULL) {
		if (ng_name_from_wire(alias->rdata, alias->rdlen, &chain->names[chain->n]))
			return;
		ng_name_lower(&chain->names[chain->n++]);
	}
}

static void chain_addresses(const struct ng_answer *answer, struct chain *chain)
{
	const struct ng_name *last = &chain->names[chain->n - 1];
	uint16_t type = answer->question.type;

	for (size_t i = 0; i < answer->n; i++) {
		const struct ng_rr *rr = &answer->rrs[i];
		bool address = rr->type == NG_TYPE_A || rr->type == NG_TYPE_AAAA;

		if ((rr->type != type && type != NG_TYPE_ANY) ||
		    !ng_name_equal(rr->owner, last))
			continue;
		chain->data = true;
		if (address)
			chain->addrs[chain->n_addrs++] = (struct traffic_address){
				ng_addr_make(rr->type == NG_TYPE_A ? NG_IPV4 : NG_IPV6,
					     rr->rdata),
				rr->ttl};
	}
}

static enum traffic_fate fate_of(const struct ng_answer *answer, const struct chain *chain,
				 const uint8_t *octets, size_t len)
{
	bool exists = answer->rcode == NG_RCODE_NOERROR;

	if (answer->truncated || (!exists && answer->rcode != NG_RCODE_NXDOMAIN))
		return TRAFFIC_FAILED;
	if (exists && chain->data)
		return TRAFFIC_ANSWERED;
	return ng_ede_find(octets, len) == NG_EDE_BLOCKED ? TRAFFIC_DENIED : TRAFFIC_EMPTY;
}

static void response_take(struct traffic *traffic, const struct packet *of,
			  const uint8_t *octets, size_t len)
{
	struct ng_answer answer;
	struct chain chain;
	struct traffic_observation observation = {
		.kind = TRAFFIC_RESPONSE,
		.wall_us = of->wall_us,
		.client = of->to,
		.server = of->from,
		.proto = of->proto,
	};

	arena_reset(&traffic->arena);
	if (ng_answer_parse(octets, len, &traffic->arena, &answer) != NG_OK ||
	    !answer.has_question || answer.question.class != NG_CLASS_IN) {
		traffic_count(traffic, TRAFFIC_N_MALFORMED);
		return;
	}
	chain.names[0] = answer.question.name;
	chain.n_addrs = 0;
	chain.data = false;
	chain_follow(&answer, &chain);
	chain_addresses(&answer, &chain);
	observation.fate = fate_of(&answer, &chain, octets, len);
	observation.rcode = answer.rcode;
	observation.name = &chain.names[0];
	observation.type = answer.question.type;
	observation.aliases = &chain.names[1];
	observation.n_aliases = chain.n - 1;
	observation.addrs = chain.addrs;
	observation.n_addrs = chain.n_addrs;
	traffic_tell(traffic, &observation);
}

void message_take(struct traffic *traffic, const struct packet *of, const uint8_t *octets,
		  size_t len)
{
	if (len < NG_HEADER_LEN)
		traffic_count(traffic, TRAFFIC_N_MALFORMED);
	else if (octets[2] & RESPONSE_BIT)
		response_take(traffic, of, octets, len);
	else
		query_take(traffic, of, octets, len);
}
