/*
 * The world as a table of names. Names without records of their own between those that have some
 * (empty non-terminals) are in it as well: by them a wildcard knows where it ends.
 */
#include "config.h"

#include "offline/world_inside.h"

#include "base/hash.h"
#include "conf/files.h"
#include "dns/zone.h"

#include <stdlib.h>
#include <string.h>

#define WORLD_SIZE_MAX (256u << 20)

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

struct node *world_find(const struct world *world, const struct ng_name *name)
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
	struct node *node = world_find(world, name);
	struct ng_name above = *name;
	if (node == NULL)
		node = node_make(world, name);
	while (node != NULL && ng_name_parent(&above) && world_find(world, &above) == NULL) {
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
