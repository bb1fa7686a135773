/*
 * One entry of the cache, in one block of memory: the question, what was said of it, and behind that
 * the octets of names and data, which the records point into.
 *
 * An entry holds the aliases of the answer section, the records of the wanted type (with their
 * signatures when the client asked for them) and the SOA of a negative answer, unfiltered: what a
 * sandbox may see of it is decided each time it is served. So one entry serves all sandboxes, and
 * a route that opts private ranges in never serves another route.
 */
#include "gate/engine.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX 65535u /* octets of names and data: what an offset reaches */
/* What an entry takes besides its own octets: the allocator's head and grain, and its part of the buckets. */
#define ENTRY_HEAD    8u
#define ENTRY_GRAIN   16u
#define ENTRY_BESIDES 16u
#define ENTRY_NEAR    1024u /* made on the stack up to that size, as nearly all are */

static uint8_t *octets_of(const struct entry *entry)
{
	return (uint8_t *)(entry->rrs + entry->n + entry->has_soa);
}

void entry_free(struct entry *entry)
{
	free(entry);
}

/* ---- reading ---- */

static bool name_is(const uint8_t *at, const struct ng_name *name)
{
	return at[0] == name->len && memcmp(at + 1, name->wire, name->len) == 0;
}

static struct ng_name name_at(const uint8_t *at)
{
	struct ng_name name;

	name.len = at[0];
	memcpy(name.wire, at + 1, name.len);
	return name;
}

bool entry_asks(const struct entry *entry, const struct question_key *key)
{
	return entry->route == key->route && entry->type == key->type &&
	       entry->dnssec_ok == key->dnssec_ok && entry->cd == key->cd &&
	       name_is(octets_of(entry), &key->name);
}

struct ng_name entry_name(const struct entry *entry)
{
	return name_at(octets_of(entry));
}

struct question_key entry_key(const struct entry *entry)
{
	return (struct question_key){.route = entry->route,
				     .type = entry->type,
				     .dnssec_ok = entry->dnssec_ok,
				     .cd = entry->cd,
				     .name = entry_name(entry)};
}

bool entry_owns(const struct entry *entry, size_t i, const struct ng_name *name)
{
	return name_is(octets_of(entry) + entry->rrs[i].owner, name);
}

struct ng_name entry_owner(const struct entry *entry, size_t i)
{
	return name_at(octets_of(entry) + entry->rrs[i].owner);
}

uint8_t *entry_rdata(const struct entry *entry, size_t i)
{
	return octets_of(entry) + entry->rrs[i].rdata;
}

/* ---- how long it holds ---- */

static uint32_t soa_minimum(const struct ng_rr *soa)
{
	const uint8_t *last = soa->rdata + soa->rdlen - 4;

	return (uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 | (uint32_t)last[2] << 8 |
	       last[3];
}

/* RFC 2308 5: a negative answer lives for min(SOA TTL, MINIMUM), and not at all without an SOA. */
static uint32_t negative_ttl(const struct ng_rr *soa)
{
	uint32_t minimum;

	if (!soa)
		return 0;
	minimum = soa_minimum(soa);
	return minimum < soa->ttl ? minimum : soa->ttl;
}

static uint32_t entry_ttl(const struct ng_gate *gate, const struct entry *entry,
			  const struct ng_rr *soa)
{
	uint32_t ttl = gate->settings.ttl_max_s;

	for (size_t i = 0; i < entry->n; i++) {
		if (entry->rrs[i].ttl < ttl)
			ttl = entry->rrs[i].ttl;
	}
	/* Aliases alone, without an SOA, deny nothing: their target is asked by itself. */
	if (entry->negative && (soa || entry->rcode != NG_RCODE_NOERROR || !entry->n) &&
	    negative_ttl(soa) < ttl)
		ttl = negative_ttl(soa);
	return ttl;
}

/* ---- making ---- */

struct filling { /* the octets behind the records */
	uint8_t *octets;
	size_t len;
};

static uint16_t octets_put(struct filling *filling, const void *octets, size_t n)
{
	size_t at = filling->len;

	memcpy(filling->octets + at, octets, n);
	filling->len += n;
	return (uint16_t)at;
}

/* Most records stand at the asked name, or at the name of the record before: it is then stored once. */
static uint16_t owner_put(struct filling *filling, const struct entry_rr *before,
			  const struct ng_name *owner)
{
	uint16_t at;

	if (name_is(filling->octets, owner))
		return 0;
	if (before && name_is(filling->octets + before->owner, owner))
		return before->owner;
	at = octets_put(filling, &owner->len, 1);
	octets_put(filling, owner->wire, owner->len);
	return at;
}

static void rr_put(struct filling *filling, const struct ng_rr *from,
		   const struct entry_rr *before, struct entry_rr *to)
{
	*to = (struct entry_rr){.ttl = from->ttl, .type = from->type, .rdlen = from->rdlen};
	to->owner = owner_put(filling, before, from->owner);
	to->rdata = octets_put(filling, from->rdata, from->rdlen);
}

static bool wanted(const struct ng_rr *rr, const struct question_key *key)
{
	if (rr->type == key->type || rr->type == NG_TYPE_CNAME || rr->type == NG_TYPE_DNAME)
		return true;
	return key->dnssec_ok && rr->type == NG_TYPE_RRSIG;
}

static const struct ng_rr *soa_of(const struct ng_answer *answer)
{
	return answer->soa && answer->soa->rdlen >= 22 ? answer->soa : NULL;
}

/* The most that the octets can come to, and the number of records that stay. */
static size_t octets_most(const struct question_key *key, const struct ng_answer *answer,
			  uint16_t *n)
{
	const struct ng_rr *soa = soa_of(answer);
	size_t most = key->name.len + 1u;

	*n = 0;
	for (size_t i = 0; i < answer->n; i++) {
		if (!wanted(&answer->rrs[i], key))
			continue;
		most += answer->rrs[i].owner->len + 1u + answer->rrs[i].rdlen;
		++*n;
	}
	return soa ? most + soa->owner->len + 1u + soa->rdlen : most;
}

static void entry_fill(struct entry *entry, const struct question_key *key,
		       const struct ng_answer *answer, struct filling *filling)
{
	const struct ng_rr *soa = soa_of(answer);
	struct entry_rr *rr = entry->rrs;

	octets_put(filling, &key->name.len, 1);
	octets_put(filling, key->name.wire, key->name.len);
	entry->negative = true;
	for (size_t i = 0; i < answer->n; i++) {
		if (!wanted(&answer->rrs[i], key))
			continue;
		rr_put(filling, &answer->rrs[i], rr > entry->rrs ? rr - 1 : NULL, rr);
		if (rr->type == key->type)
			entry->negative = false;
		rr++;
	}
	if (soa)
		rr_put(filling, soa, NULL, rr);
}

static uint32_t size_of(size_t octets)
{
	size_t grains = (octets + ENTRY_HEAD + ENTRY_GRAIN - 1) / ENTRY_GRAIN;

	return (uint32_t)(grains * ENTRY_GRAIN + ENTRY_BESIDES);
}

/*
 * A block of exactly that size: cutting off what a larger one has too much would leave crumbs between the
 * entries, which keep what is freed around them from being of use to a larger one.
 */
static struct entry *entry_settle(const struct entry *made, size_t octets)
{
	struct entry *entry = malloc(octets);

	if (!entry)
		return NULL;
	memcpy(entry, made, octets);
	entry->size = size_of(octets);
	return entry;
}

int entry_make(const struct ng_gate *gate, const struct question_key *key,
	       const struct ng_answer *answer, const struct ng_addr *server, struct entry **out)
{
	_Alignas(struct entry) uint8_t near[ENTRY_NEAR];
	struct entry *made = (struct entry *)(void *)near, *entry;
	struct filling filling = {0};
	size_t most, head;
	uint16_t n;

	if (answer->rcode != NG_RCODE_NOERROR && answer->rcode != NG_RCODE_NXDOMAIN)
		return NG_E_NOTFOUND;
	most = octets_most(key, answer, &n);
	if (most > ENTRY_MAX)
		return NG_E_RANGE;
	head = sizeof(*entry) + (n + (soa_of(answer) ? 1u : 0u)) * sizeof(entry->rrs[0]);
	if (head + most > sizeof(near))
		made = malloc(head + most);
	if (!made)
		return NG_E_NOMEM;
	*made = (struct entry){.route = key->route,
			       .type = key->type,
			       .dnssec_ok = key->dnssec_ok,
			       .cd = key->cd,
			       .rcode = answer->rcode,
			       .has_soa = soa_of(answer) != NULL,
			       .proved = answer->authentic,
			       .n = n,
			       .server = *server};
	filling.octets = octets_of(made);
	entry_fill(made, key, answer, &filling);
	entry = entry_settle(made, head + filling.len);
	if (made != (struct entry *)(void *)near)
		free(made);
	if (!entry)
		return NG_E_NOMEM;
	entry->stored_us = gate->now_us;
	entry->until_us =
		gate->now_us + (uint64_t)entry_ttl(gate, entry, soa_of(answer)) * SECOND_US;
	*out = entry;
	return NG_OK;
}
