/*
 * An answer, as the draft's gate would have handled it: the name is asked of a gate on trial, whose
 * upstream is the recorded answer. What it takes out, refuses and leases is what the draft would
 * have. The trial lives in a time of its own, which after each question moves on for so long that
 * nothing of it is left.
 *
 * Equal answers come again and again, so what came of one is kept, by a digest of all that the
 * gate looks at. Times to live are left out of it: they only move the end of the lease, which is
 * computed for each from the longest that the gate gave.
 */
#include "config.h"
#include "offline/replay_inside.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define EXCHANGES_MAX 32768
#define LONG_TTL_S    NG_LEASE_CEILING_S
#define FORGET_US     ((uint64_t)4 * NG_LEASE_CEILING_S * SECOND_US)
#define RECORDS_MAX   (NG_CHAIN_MAX + NG_ANSWER_RRS_MAX)

/* ---- the upstream ---- */

static struct ng_rr record_make(struct ng_name *owner, uint16_t type, const void *rdata,
				size_t rdlen)
{
	return (struct ng_rr){.owner = owner,
			      .type = type,
			      .ttl = LONG_TTL_S,
			      .rdlen = (uint16_t)rdlen,
			      .rdata = (uint8_t *)rdata};
}

/* The name's place in the recorded chain; n_aliases + 1 when it is not on it. */
static size_t link_of(const struct traffic_observation *now, const struct ng_name *name)
{
	if (ng_name_equal(name, now->name))
		return 0;
	for (size_t i = 0; i < now->n_aliases; i++) {
		if (ng_name_equal(name, &now->aliases[i]))
			return i + 1;
	}
	return now->n_aliases + 1;
}

/* The chain behind link, and the addresses at its end that the question is for. */
static size_t records_fill(const struct traffic_observation *now, size_t link, uint16_t type,
			   struct ng_name owners[static NG_CHAIN_MAX + 2],
			   struct ng_rr records[static RECORDS_MAX])
{
	size_t n = 0, last = now->n_aliases;

	for (size_t i = link; i <= last; i++)
		owners[i] = i ? now->aliases[i - 1] : *now->name;
	for (size_t i = link; i < last; i++)
		records[n++] = record_make(&owners[i], NG_TYPE_CNAME, now->aliases[i].wire,
					   now->aliases[i].len);
	for (size_t i = 0; i < now->n_addrs && n < RECORDS_MAX; i++) {
		const struct ng_addr *addr = &now->addrs[i].addr;
		uint16_t of = addr->family == NG_IPV4 ? NG_TYPE_A : NG_TYPE_AAAA;

		if (of == type)
			records[n++] =
				record_make(&owners[last], of, addr->bytes, ng_addr_len(addr));
	}
	return n;
}

size_t answer_given(void *context, const struct ng_question *question,
		    uint8_t out[static NG_MESSAGE_MAX])
{
	const struct traffic_observation *now = ((struct replay *)context)->now;
	const struct ng_query query = {.question = *question, .has_question = true};
	struct ng_reply_spec spec = {
		.query = &query, .ede = NG_EDE_NONE, .limit = NG_MESSAGE_MAX};
	struct ng_name owners[NG_CHAIN_MAX + 2];
	struct ng_rr records[RECORDS_MAX];
	size_t link = link_of(now, &question->name);

	spec.answers = records;
	if (link <= now->n_aliases)
		spec.n = records_fill(now, link, question->type, owners, records);
	else
		spec.rcode = NG_RCODE_SERVFAIL;
	return ng_reply_build(&spec, out);
}

/* ---- the judgement ---- */

static bool policy_allows(const struct asked *asked, const struct traffic_observation *now)
{
	struct ng_name names[NG_CHAIN_MAX + 2];
	struct ng_addr addrs[NG_ANSWER_RRS_MAX];
	const struct ng_subject subject = {.names = names,
					   .n_names = now->n_aliases + 1,
					   .addrs = addrs,
					   .n_addrs = now->n_addrs,
					   .answered = true};
	struct ng_decision decision;

	names[0] = *now->name;
	for (size_t i = 0; i < now->n_aliases; i++)
		names[i + 1] = now->aliases[i];
	for (size_t i = 0; i < now->n_addrs; i++)
		addrs[i] = now->addrs[i].addr;
	ng_policy_judge(&asked->sandbox->spec->policy, &subject, &decision);
	return decision.verdict == NG_ALLOW;
}

/* The first alias that has no rule of its own. */
static bool bare_alias(const struct asked *asked, const struct traffic_observation *now,
		       struct ng_name *out)
{
	for (size_t i = 0; i < now->n_aliases; i++) {
		struct ng_decision decision;

		ng_policy_decide(&asked->sandbox->spec->policy, &now->aliases[i], &decision);
		if (decision.verdict == NG_ALLOW)
			continue;
		*out = now->aliases[i];
		return true;
	}
	return false;
}

static enum replay_kind kind_of(const struct asked *asked, const struct trial_reply *reply,
				const struct traffic_observation *now)
{
	const struct ng_record *record = &reply->record;

	if (asked->decision.match.action == NG_ACTION_LOCAL)
		return REPLAY_OWN;
	if (reply->dropped ||
	    (record->verdict == NG_ALLOW && record->rcode != NG_RCODE_NOERROR))
		return REPLAY_ANSWER;
	if (record->verdict != NG_ALLOW)
		return policy_allows(asked, now) ? REPLAY_ALIAS : REPLAY_ANSWER;
	if (reply->rebind)
		return REPLAY_FILTERED;
	if (record->ede == NG_EDE_BLOCKED)
		return reply->n_asked ? REPLAY_FILTERED : REPLAY_TYPE;
	return now->n_aliases ? REPLAY_STRICT : REPLAY_KINDS;
}

static void port_add(struct exchange *exchange, struct ng_port port)
{
	for (size_t i = 0; i < exchange->n_ports; i++) {
		if (exchange->ports[i].proto == port.proto &&
		    exchange->ports[i].port == port.port)
			return;
	}
	if (port.proto && exchange->n_ports < NG_PORTS_MAX)
		exchange->ports[exchange->n_ports++] = port;
}

static bool leases_take(struct exchange *exchange, const struct trial_reply *reply)
{
	const struct ng_record *record = &reply->record;

	exchange->open = calloc(record->n_addrs + 1, sizeof(*exchange->open));
	if (!exchange->open)
		return false;
	for (size_t i = 0; i < record->n_addrs; i++)
		exchange->open[exchange->n_open++] = record->addrs[i];
	for (size_t i = 0; i < reply->n_leases; i++) {
		port_add(exchange, reply->leases[i].port);
		exchange->hold_most_s = reply->leases[i].hold_s;
	}
	return true;
}

static bool judge(struct replay *replay, const struct asked *asked, struct exchange *exchange,
		  const struct traffic_observation *now)
{
	const struct ng_record *record;
	struct trial_reply reply;
	bool good;

	replay->now = now;
	if (trial_ask(replay->trial, asked->sandbox, now->name, now->type, &reply) != NG_OK)
		return false;
	record = reply.rebind ? reply.rebind : &reply.record;
	exchange->kind = kind_of(asked, &reply, now);
	exchange->note.type = now->type;
	if (exchange->kind == REPLAY_FILTERED && record->n_addrs)
		exchange->note.addr = record->addrs[0];
	if ((exchange->kind == REPLAY_ALIAS || exchange->kind == REPLAY_STRICT) &&
	    !bare_alias(asked, now, &exchange->note.alias) && exchange->kind == REPLAY_STRICT)
		exchange->kind = REPLAY_KINDS;
	good = note_say(&exchange->note, record->path, record->line, record->reason) &&
	       leases_take(exchange, &reply);
	trial_advance(replay->trial, trial_now_us(replay->trial) + FORGET_US);
	return good;
}

/* ---- what was judged ---- */

static void exchange_free(struct replay *replay, struct exchange *exchange)
{
	if (exchange->hh.tbl)
		HASH_DEL(replay->exchanges, exchange);
	note_finish(&exchange->note);
	free(exchange->open);
	free(exchange);
}

void exchanges_finish(struct replay *replay)
{
	struct exchange *exchange, *next;

	HASH_ITER (hh, replay->exchanges, exchange, next)
		exchange_free(replay, exchange);
}

static struct exchange_key key_of(const struct asked *asked,
				  const struct traffic_observation *now)
{
	struct exchange_key key = {.sandbox = asked->key.sandbox, .type = now->type};

	for (uint64_t seed = 0; seed < 2; seed++) {
		uint64_t digest = hash_octets(now->name->wire, now->name->len, seed);

		for (size_t i = 0; i < now->n_aliases; i++)
			digest = hash_octets(now->aliases[i].wire, now->aliases[i].len, digest);
		for (size_t i = 0; i < now->n_addrs; i++) /* servers rotate them */
			digest += hash_octets(&now->addrs[i].addr, sizeof(now->addrs[i].addr),
					      seed);
		key.digest[seed] = digest;
	}
	return key;
}

static struct exchange *exchange_make(struct replay *replay, const struct asked *asked,
				      const struct exchange_key *key,
				      const struct traffic_observation *now)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	if (HASH_COUNT(replay->exchanges) >= EXCHANGES_MAX)
		exchange_free(replay, replay->exchanges);
	exchange->key = *key;
	if (judge(replay, asked, exchange, now))
		HASH_ADD(hh, replay->exchanges, key, sizeof(exchange->key), exchange);
	if (exchange->hh.tbl)
		return exchange;
	exchange_free(replay, exchange);
	return NULL;
}

static struct exchange *exchange_of(struct replay *replay, const struct asked *asked,
				    const struct traffic_observation *now)
{
	struct exchange_key key = key_of(asked, now);
	struct exchange *exchange;

	HASH_FIND(hh, replay->exchanges, &key, sizeof(key), exchange);
	return exchange ? exchange : exchange_make(replay, asked, &key, now);
}

/* ---- what it comes to ---- */

static void note_exchange(struct replay *replay, struct asked *asked,
			  const struct exchange *exchange)
{
	const struct note *from = &exchange->note;
	struct note *note = note_take(replay, asked, exchange->kind);

	if (!note)
		return;
	if (!note->count) {
		note->alias = from->alias;
		note->type = from->type;
		note->addr = from->addr;
	}
	note->count++;
	note->used++;
	if (!note_say(note, from->path, from->line, from->reason))
		replay->failed = true;
}

void answer_take(struct replay *replay, struct asked *asked,
		 const struct traffic_observation *observation)
{
	const struct exchange *exchange = exchange_of(replay, asked, observation);

	if (!exchange) {
		replay->failed = true;
		return;
	}
	if (exchange->kind != REPLAY_KINDS)
		note_exchange(replay, asked, exchange);
	if (asked == &replay->spare && exchange->kind <= REPLAY_LAST_WORSE)
		totals_of(replay, asked->sandbox)->unlisted++;
	openings_refuse(replay, asked, exchange->kind == REPLAY_OWN, observation);
	openings_open(replay, asked, exchange, observation);
}
