/*
 * Collecting the rules of one source, and writing its image.
 *
 * A builder belongs to one compilation. Adding reports repeats and contradictions by itself; the
 * first shortage of memory or room sticks in `error`, and builder_image() returns it.
 */
#pragma once

#include "base/grow.h"
#include "policy/image.h"

struct draft {
	uint64_t hash;
	uint32_t name; /* where its name begins in the names */
	uint32_t at;   /* where it begins in the image's rules, once they are laid out */
	struct image_rule rule;
	uint32_t bounds;     /* one more than the index of its bounds; 0: none */
	uint32_t local;      /* the same, of its last local record */
	uint32_t prefix;     /* the same, of its prefix: an address trigger */
	uint32_t denial_ttl; /* as in struct builder_rule */
	bool plain;          /* said without ports as well */
};

struct builder_bounds {
	struct ng_bounds bounds;
	uint64_t until_s;
};

struct builder_local {
	struct ng_local local; /* rdata is the builder's own */
	uint32_t before;       /* the record before it, as draft.local counts */
};

struct builder_prefix {
	enum ng_trigger trigger;
	struct ng_prefix prefix;
};

struct builder_file {
	char *path;
	uint32_t before; /* lines of the files before it */
};

/* Items of one size, grown by doubling. */
struct shelf {
	void *items;
	size_t n, room;
};

struct builder {
	struct ng_diags *diags;
	struct draft *drafts;
	size_t n, room;
	uint8_t *names;
	size_t names_len, names_room;
	uint32_t *index; /* of drafts, open-addressed; IMAGE_NONE is free */
	uint32_t index_slots;
	struct shelf bounds, locals, prefixes, statics; /* builder_bounds, …, image_static */
	struct builder_file files[IMAGE_FILES_MAX];
	uint32_t n_files, file; /* file: the one that is being read */
	uint32_t lines;         /* of all files so far */
	bool ports_bound; /* RPZ: ports bound what is also said without them; a list: the union */
	bool overridden; /* every rule says the same, so repeats are nothing to tell */
	bool disabled;
	uint64_t expires_s; /* the first `until`, or 0 */
	int error;
};

struct builder_rule {
	struct ng_name
		name; /* lower-cased; the asterisk taken off; of an address trigger its owner */
	bool wildcard;
	enum ng_trigger trigger;
	struct ng_prefix prefix; /* of an address trigger */
	enum ng_rule_action action;
	struct ng_bounds bounds;
	uint64_t until_s;      /* 0: none */
	uint32_t denial_ttl;   /* of a zone's denial, one more than its TTL; 0: none is said */
	struct ng_local local; /* of NG_ACTION_LOCAL: one of its records, borrowed */
	uint32_t line, column;
};

void builder_init(struct builder *builder, struct ng_diags *diags);
void builder_finish(struct builder *builder); /* takes NULL */
/*
 * The file whose rules come next, with its number of lines. False when there are too many files,
 * or memory is out; both stick.
 */
bool builder_file(struct builder *builder, const char *path, const char *text, size_t len);
const char *builder_path(const struct builder *builder); /* of the file that is being read */
void builder_add(struct builder *builder, const struct builder_rule *rule);
void builder_static(struct builder *builder, const struct ng_static *item, uint64_t until_s);
/* An `until` that the image knows of. */
void builder_expires(struct builder *builder, uint64_t until_s);
/* Rules, static addresses and all, so far. */
size_t builder_count(const struct builder *builder);
int builder_image(struct builder *builder, struct ng_image *out) NG_MUST_CHECK;

/* ---- for the builder's own files ---- */

void *shelf_add(struct shelf *shelf, const void *item, size_t size); /* NULL: memory is out */
uint32_t builder_slots_for(size_t n);
struct ng_place builder_place(const struct builder *builder, uint32_t line, uint32_t column);
/* A rule whose owner has a draft already: it adds to it, repeats it, or contradicts it. */
void builder_merge(struct builder *builder, struct draft *draft,
		   const struct builder_rule *rule);
/* One local record more for the draft. */
bool builder_local(struct builder *builder, struct draft *draft, const struct ng_local *local);
const struct ng_bounds *builder_bounds_of(const struct builder *builder,
					  const struct draft *draft); /* NULL: none */
