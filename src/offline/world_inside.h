/* The inside of a world, shared by its files: the table of names, and what reads it. */
#pragma once

#include "offline/world.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

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

/* NULL: neither the name nor one below it is there. */
struct node *world_find(const struct world *world, const struct ng_name *name);
