/*
 * The world as a table of names. Names without records of their own between those that have some
 * (empty non-terminals) are in it as well: by them a wildcard knows where it ends.
 */
#include "config.h"

#include "offline/world.h"

#include "base/hash.h"
#include "conf/files.h"
#include "dns/zone.h"

#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define WORLD_SIZE_MAX (256u << 20)
#define LINKS_MAX      (NG_CHAIN_MAX + 2) /* one more than the gate follows, so that it sees it */
#define NEGATIVE_TTL   60
#define RCODE_YXDOMAIN 6

struct node {
	struct ng_name name;
	struct ng_rr *rrs; /* their owner is the node's name */
	size_t n, room;
	struct ng_place place;
	UT_hash_handle hh;
};

struct world {
	struct node *nodes;
	struct node **named; /* those with records, in the order of the text */
	size_t n, room;
	char **paths; /* of the texts; places point there */
	size_t n_paths;
};

int world_create(struct world **out)
{
	struct world *world = calloc(1, sizeof(*world));
	if (world == NULL)
		return NG_E_NOMEM;
	*out = world;
	return NG_OK;
}

static void node_free(struct node *node)
{
	for (size_t i = 0; i < node->n; i++)
		free(node->rrs[i].rdata);
	free(node->rrs);
	free(node);
}

void world_free(struct world *world)
{
	struct node *node, *next;
	if (world == NULL)
		return;
	HASH_ITER (hh, world->nodes, node, next) {
		HASH_DEL(world->nodes, node);
		node_free(node);
	}
	for (size_t i = 0; i < world->n_paths; i++)
		free(world->paths[i]);
	free(world->paths);
	free(world->named);
	free(world);
}

/* ---- reading ---- */

static unsigned key_of(const uint8_t *wire, size_t len)
{
	return (unsigned)hash_octets(wire, len, 0);
}

static struct node *find(const struct world *world, const struct ng_name *name)
{
	struct node *node;
	HASH_FIND_BYHASHVALUE(hh, world->nodes, name->wire, name->len,
			      key_of(name->wire, name->len), node);
	return node;
}

static struct node *node_make(struct world *world, const struct ng_name *name)
{
	struct node *node = calloc(1, sizeof(*node));
	if (node == NULL)
		return NULL;
	node->name = *name;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, world->nodes, node->name.wire, node->name.len,
				    key_of(name->wire, name->len), node);
	if (node->hh.tbl == NULL) {
		free(node);
		return NULL;
	}
	return node;
}

/* The node of a name, with all those above it. */
static struct node *node_need(struct world *world, const struct ng_name *name)
{
	struct node *node = find(world, name);
	struct ng_name above = *name;
	if (node == NULL)
		node = node_make(world, name);
	while (node != NULL && ng_name_parent(&above) && find(world, &above) == NULL) {
		if (node_make(world, &above) == NULL)
			return NULL;
	}
	return node;
}

static int name_list(struct world *world, struct node *node, const struct ng_place *place)
{
	if (world->n == world->room) {
		size_t room = world->room > 0 ? 2 * world->room : 64;
		struct node **more = reallocarray(world->named, room, sizeof(*more));
		if (more == NULL)
			return NG_E_NOMEM;
		world->named = more;
		world->room = room;
	}
	world->named[world->n++] = node;
	node->place = *place;
	return NG_OK;
}

static int node_add(struct node *node, const struct zone_record *record)
{
	if (node->n == node->room) {
		size_t room = node->room > 0 ? 2 * node->room : 2;
		struct ng_rr *more = reallocarray(node->rrs, room, sizeof(*more));
		if (more == NULL)
			return NG_E_NOMEM;
		node->rrs = more;
		node->room = room;
	}
	uint8_t *rdata = malloc(record->rdlen + 1u);
	if (rdata == NULL)
		return NG_E_NOMEM;
	memcpy(rdata, record->rdata, record->rdlen);
	node->rrs[node->n++] = (struct ng_rr){.owner = &node->name,
					      .type = record->type,
					      .ttl = record->ttl,
					      .rdlen = record->rdlen,
					      .rdata = rdata};
	return NG_OK;
}

static bool has(const struct node *node, const struct zone_record *record)
{
	for (size_t i = 0; i < node->n; i++) {
		const struct ng_rr *rr = &node->rrs[i];
		if (rr->type == record->type && rr->rdlen == record->rdlen &&
		    memcmp(rr->rdata, record->rdata, rr->rdlen) == 0)
			return true;
	}
	return false;
}

static bool is_alias(uint16_t type)
{
	return type == NG_TYPE_CNAME;
}

static int refuse(const struct zone_record *record, struct ng_diags *diags, const char *code,
		  const char *suggestion, const char *reason)
{
	ng_diag_add(diags, NG_ERROR, &record->place, code, suggestion, "%s", reason);
	return NG_E_SYNTAX;
}

static int record_take(struct world *world, const struct zone_record *record,
		       struct ng_diags *diags)
{
	struct ng_name owner = record->owner;
	ng_name_lower(&owner);
	struct node *node = node_need(world, &owner);
	if (node == NULL)
		return NG_E_NOMEM;
	if (has(node, record))
		return NG_OK;
	if (node->n > 0 && (is_alias(record->type) || is_alias(node->rrs[0].type)))
		return refuse(record, diags, "world-alias",
			      "keep the CNAME, or the other records",
			      "a name with a CNAME has no other record (RFC 2181 10.1)");
	if (node->n == NG_ANSWER_RRS_MAX / 2)
		return refuse(record, diags, "world-many", "keep fewer records of the name",
			      "no answer holds so many records");
	int code = node->n == 0 ? name_list(world, node, &record->place) : NG_OK;
	return code == NG_OK ? node_add(node, record) : code;
}

static const char *path_keep(struct world *world, const char *path)
{
	char **more = reallocarray(world->paths, world->n_paths + 1, sizeof(*more));
	char *kept = strdup(path);
	if (more != NULL)
		world->paths = more;
	if (more == NULL || kept == NULL) {
		free(kept);
		return NULL;
	}
	return world->paths[world->n_paths++] = kept;
}

int world_add(struct world *world, const char *path, const char *text, size_t len,
	      struct ng_diags *diags)
{
	struct zone_reader *reader;
	struct zone_record record;
	int worst = NG_OK, code;
	const char *kept = path_keep(world, path);
	if (kept == NULL)
		return NG_E_NOMEM;
	code = zone_medley_create(kept, text, len, diags, &reader);
	if (code != NG_OK)
		return code;
	while ((code = zone_next(reader, &record)) != NG_E_NOTFOUND && worst != NG_E_NOMEM) {
		if (code == NG_OK)
			code = record_take(world, &record, diags);
		worst = code != NG_OK ? code : worst;
	}
	zone_reader_destroy(reader);
	return worst;
}

int world_add_file(struct world *world, const char *path, const struct ng_place *place,
		   struct ng_diags *diags)
{
	size_t len;
	char *text;
	int code = file_read(path, WORLD_SIZE_MAX, place, diags, &text, &len);
	if (code != NG_OK)
		return code;
	code = world_add(world, path, text, len, diags);
	free(text);
	return code;
}

/* ---- answering ---- */

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
	const struct node *node = find(world, name);
	struct ng_name above = *name, star = {.len = 2, .wire = {1, '*'}};
	if (node != NULL)
		return node;
	while (ng_name_parent(&above) && find(world, &above) == NULL)
		;
	if (above.len > NG_NAME_MAX - 2)
		return NULL;
	memcpy(star.wire + 2, above.wire, above.len);
	star.len = (uint8_t)(above.len + 2);
	return find(world, &star);
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
		const struct ng_rr *rr = rr_of(find(world, &above), NG_TYPE_DNAME);
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
		const struct ng_rr *soa = rr_of(find(saying->world, &name), NG_TYPE_SOA);
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

bool world_name(const struct world *world, size_t *cursor, const struct ng_name **name,
		struct ng_place *place)
{
	if (*cursor >= world->n)
		return false;
	const struct node *node = world->named[(*cursor)++];
	*name = &node->name;
	*place = node->place;
	return true;
}

bool world_dname(const struct world *world, const struct ng_name *name, struct ng_name *out)
{
	const struct ng_rr *dname = rr_of(find(world, name), NG_TYPE_DNAME);
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
