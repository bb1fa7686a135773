/*
 * Answers of a world: the chain from the asked name, link by link, as a resolver would meet it.
 */
#include "config.h"

#include "offline/world_inside.h"

#include <string.h>

#define LINKS_MAX      (NG_CHAIN_MAX + 2) /* one more than the gate follows, so that it sees it */
#define NEGATIVE_TTL   60
#define RCODE_YXDOMAIN 6

struct saying { /* one answer on its way */
	const struct world *world;
	uint16_t type;
	uint8_t rcode;
	bool negative;
	struct ng_name names[LINKS_MAX]; /* the asked one, and where aliases led */
	size_t links;
	struct ng_rr rrs[NG_ANSWER_RRS_MAX];
	size_t n;
};

/* The node that speaks for a name: its own, or the wildcard of the nearest name above that is there. */
static const struct node *speaker(const struct world *world, const struct ng_name *name)
{
	const struct node *node = world_find(world, name);
	struct ng_name above = *name, star = {.len = 2, .wire = {1, '*'}};
	if (node != NULL)
		return node;
	while (ng_name_parent(&above) && world_find(world, &above) == NULL)
		;
	if (above.len > NG_NAME_MAX - 2)
		return NULL;
	memcpy(star.wire + 2, above.wire, above.len);
	star.len = (uint8_t)(above.len + 2);
	return world_find(world, &star);
}

static const struct ng_rr *rr_of(const struct node *node, uint16_t type)
{
	for (size_t i = 0; node != NULL && i < node->n; i++) {
		if (node->rrs[i].type == type)
			return &node->rrs[i];
	}
	return NULL;
}

/* The DNAME above a name; of several the highest, where a resolver would meet it first. */
static const struct ng_rr *dname_above(const struct world *world, const struct ng_name *name)
{
	const struct ng_rr *found = NULL;
	struct ng_name above = *name;
	while (ng_name_parent(&above)) {
		const struct ng_rr *rr = rr_of(world_find(world, &above), NG_TYPE_DNAME);
		found = rr != NULL ? rr : found;
	}
	return found;
}

static void say(struct saying *saying, const struct ng_rr *rr, struct ng_name *owner)
{
	if (saying->n == NG_ANSWER_RRS_MAX)
		return;
	saying->rrs[saying->n] = *rr;
	saying->rrs[saying->n++].owner = owner;
}

/* Goes on at the target; false when the chain ends here: too long, or back where it was. */
static bool move(struct saying *saying, const struct ng_name *target)
{
	struct ng_name *next = &saying->names[saying->links + 1];
	*next = *target;
	ng_name_lower(next);
	for (size_t i = 0; i <= saying->links; i++) {
		if (ng_name_equal(&saying->names[i], next))
			return false;
	}
	saying->links++;
	return saying->links + 1 < LINKS_MAX;
}

static bool say_alias(struct saying *saying, const struct ng_rr *cname)
{
	struct ng_name target;
	say(saying, cname, &saying->names[saying->links]);
	return ng_name_from_wire(cname->rdata, cname->rdlen, &target) == NG_OK &&
	       move(saying, &target);
}

/* RFC 6672 3.1: the DNAME, and the CNAME made of it. */
static bool say_dname(struct saying *saying, const struct ng_rr *dname)
{
	struct ng_name *name = &saying->names[saying->links], target = *name;
	size_t prefix = (size_t)(name->len - dname->owner->len);
	if (prefix + dname->rdlen > NG_NAME_MAX) {
		saying->rcode = RCODE_YXDOMAIN;
		return false;
	}
	memcpy(target.wire + prefix, dname->rdata, dname->rdlen);
	target.len = (uint8_t)(prefix + dname->rdlen);
	say(saying, dname, dname->owner);
	struct ng_name *next = &saying->names[saying->links + 1];
	bool more = move(saying, &target);
	const struct ng_rr cname = {.type = NG_TYPE_CNAME,
				    .ttl = dname->ttl,
				    .rdlen = next->len,
				    .rdata = next->wire};
	say(saying, &cname, name);
	return more;
}

/* One name of the chain; false at its end. */
static bool say_name(struct saying *saying)
{
	struct ng_name *name = &saying->names[saying->links];
	const struct ng_rr *dname = dname_above(saying->world, name);
	if (dname != NULL)
		return say_dname(saying, dname);
	const struct node *node = speaker(saying->world, name);
	const struct ng_rr *cname = rr_of(node, NG_TYPE_CNAME);
	if (cname != NULL && saying->type != NG_TYPE_CNAME)
		return say_alias(saying, cname);
	size_t before = saying->n;
	for (size_t i = 0; node != NULL && i < node->n; i++) {
		if (node->rrs[i].type == saying->type)
			say(saying, &node->rrs[i], name);
	}
	saying->negative = saying->n == before;
	if (node == NULL)
		saying->rcode = NG_RCODE_NXDOMAIN;
	return false;
}

static void say_all(struct saying *saying, const struct world *world,
		    const struct ng_name *name, uint16_t type)
{
	saying->world = world;
	saying->type = type;
	saying->rcode = NG_RCODE_NOERROR;
	saying->negative = false;
	saying->links = saying->n = 0;
	saying->names[0] = *name;
	ng_name_lower(&saying->names[0]);
	while (say_name(saying))
		;
}

static const struct ng_rr *soa_above(const struct saying *saying)
{
	struct ng_name name = saying->names[saying->links];
	do {
		const struct ng_rr *soa = rr_of(world_find(saying->world, &name), NG_TYPE_SOA);
		if (soa != NULL)
			return soa;
	} while (ng_name_parent(&name));
	return NULL;
}

size_t world_answer(const struct world *world, const struct ng_question *question,
		    uint8_t out[static NG_MESSAGE_MAX])
{
	struct ng_query query = {.rd = true, .has_question = true, .question = *question};
	struct ng_reply_spec spec = {
		.query = &query, .ede = NG_EDE_NONE, .limit = NG_MESSAGE_MAX};
	struct saying saying;
	say_all(&saying, world, &question->name, question->type);
	spec.rcode = saying.rcode;
	spec.answers = saying.rrs;
	spec.n = saying.n;
	spec.negative_soa = saying.negative;
	spec.soa = saying.negative ? soa_above(&saying) : NULL;
	spec.soa_ttl = spec.soa != NULL ? spec.soa->ttl : NEGATIVE_TTL;
	if (ng_reply_overflows(&spec)) {
		spec.rcode = NG_RCODE_SERVFAIL;
		spec.n = 0;
		spec.negative_soa = false;
	}
	return ng_reply_build(&spec, out);
}

/* ---- looking in ---- */

bool world_knows(const struct world *world, const struct ng_name *name)
{
	struct ng_name lower = *name;
	ng_name_lower(&lower);
	const struct node *node = speaker(world, &lower);
	return (node != NULL && node->n > 0) || dname_above(world, &lower) != NULL;
}

bool world_dname(const struct world *world, const struct ng_name *name, struct ng_name *out)
{
	const struct ng_rr *dname = rr_of(world_find(world, name), NG_TYPE_DNAME);
	if (dname == NULL || ng_name_from_wire(dname->rdata, dname->rdlen, out) != NG_OK)
		return false;
	ng_name_lower(out);
	return true;
}

size_t world_addresses(const struct world *world, const struct ng_name *name,
		       struct ng_addr out[static NG_ADDRS_MAX])
{
	static const uint16_t types[] = {NG_TYPE_A, NG_TYPE_AAAA};
	struct saying saying;
	size_t n = 0;
	for (size_t t = 0; t < 2; t++) {
		say_all(&saying, world, name, types[t]);
		for (size_t i = 0; i < saying.n && n < NG_ADDRS_MAX; i++) {
			if (saying.rrs[i].type == types[t])
				out[n++] = ng_addr_make(t == 0 ? NG_IPV4 : NG_IPV6,
							saying.rrs[i].rdata);
		}
	}
	return n;
}
