/*
 * The compiled form of one policy source, as the compiler writes it and the ruleset reads it.
 *
 * One block of octets, in this order: head, rule slots, ancestor slots, address triggers, static
 * addresses, opened prefixes, files, extras, names, paths. Every section's place follows from the
 * counts in the head, so there is no offset to mistrust but those of names, paths and extras.
 * Nothing in it needs alignment, and nothing in it is a pointer: a descriptor or a store carries it
 * as it is. Numbers are in host order; an image never leaves its machine.
 *
 * Rules stand in an open-addressed table keyed by the hash of their owner name, lower-cased, the
 * asterisk of a wildcard taken off and folded into the hash. The hash of a name grows label by
 * label from the root, so that one pass over a name has the hashes of all its suffixes. At a load
 * of two thirds a rule costs 30 octets and its name. The second table holds the ancestors of all
 * names that some rule does not deny; its slots point into the same names, at the label where the
 * ancestor begins. Address triggers are sorted, the longest prefixes first, a section for each
 * trigger and family.
 *
 * Lines count on through all files of a source: the files say where each begins, so that a rule of
 * an included file costs no more than any other. What only some rules have, bounds and local data,
 * stands in the extras, and a rule says where.
 */
#pragma once

#include <namegate/policy.h>

#define IMAGE_MAGIC      0x32656c7572676e02u
#define IMAGE_ROOT       0x6e616d6567617465u /* hash of the root name */
#define IMAGE_STAR       0x9e3779b97f4a7c15u /* what a wildcard's hash differs by */
#define IMAGE_NONE       UINT32_MAX          /* an ancestor slot that is free */
#define IMAGE_WILDCARD   0x80u
#define IMAGE_RULES_MAX  (1u << 24)
#define IMAGE_NAMES_MAX  (1u << 31)
#define IMAGE_FILES_MAX  256
#define IMAGE_LOCALS_MAX 64 /* records of one rule's local data */
#define IMAGE_DISABLED   1u /* flag: the source only records */

enum image_prefixes { /* the sections of address triggers */
		      IMAGE_CLIENT4 = 0,
		      IMAGE_CLIENT6,
		      IMAGE_ANSWER4,
		      IMAGE_ANSWER6,
		      IMAGE_PREFIXES
};

struct image_head {
	uint64_t magic, digest, len; /* len: of the whole image */
	uint64_t expires;            /* the first `until` to pass, or 0 */
	uint32_t rules, slots;       /* slots > rules; rules: those with names */
	uint32_t ancestors, ancestor_slots;
	uint32_t prefixes[IMAGE_PREFIXES];
	uint32_t statics, opened, files;
	uint32_t extras_len, names_len, paths_len; /* paths_len: with every NUL */
	uint32_t flags, zero;
};

struct image_slot {
	uint32_t tag;   /* low half of the hash */
	uint32_t name;  /* where the owner name begins in the names */
	uint32_t line;  /* of all files */
	uint32_t extra; /* one more than where it begins in the extras; 0: none */
	uint16_t column;
	uint8_t labels;
	uint8_t kind; /* 0: free; else enum ng_rule_action + 1, and IMAGE_WILDCARD */
};

struct image_prefix { /* an address trigger; the section says which, and the family */
	uint8_t addr[16];
	uint32_t line, extra;
	uint16_t column;
	uint8_t bits, kind;
};

struct image_static {
	uint8_t addr[16];
	uint64_t until_s;
	uint32_t line;
	uint16_t column, port;
	uint8_t family, bits, proto, zero;
	uint32_t nothing; /* 0: what would else be a hole */
};

struct image_opened {
	uint8_t addr[16];
	uint8_t family, bits;
};

struct image_file {
	uint32_t before; /* lines of the files before it */
	uint32_t path;   /* where it begins in the paths */
};

/* The head of an extra; behind it ports, types, prefixes and local records, without gaps. */
struct image_extra {
	uint64_t until_s; /* wall time at which the rule ends; 0: none */
	uint32_t lease_max_s;
	uint8_t n_ports, n_types, n_opened, strict;
	uint32_t n_locals;
	uint32_t denial_ttl; /* of a zone's denial, one more than its TTL; 0: none is said */
};

struct image_port {
	uint16_t port;
	uint8_t proto, zero;
};

struct image_local { /* and rdlen octets */
	uint32_t ttl;
	uint16_t type, rdlen;
};

/* What the octets of an image are, with the sections found. */
struct image_view {
	struct image_head head;
	const uint8_t *slots, *ancestors, *prefixes[IMAGE_PREFIXES], *statics, *opened, *files,
		*extras, *names;
	const char *paths;
};

/* The hash of the name that label (its length octet first) makes with its parent. */
uint64_t image_hash_label(uint64_t parent, const uint8_t *label);
/* Where the labels of a name begin, the root not among them; returns how many. Reads len octets at most. */
size_t image_labels(const uint8_t *wire, size_t len, uint8_t starts[static NG_LABELS_MAX]);
/* The hash of a well-formed name. */
uint64_t image_hash_name(const uint8_t *wire, size_t len);
/* Where a hash belongs in a table of that many slots. */
uint32_t image_home(uint64_t hash, uint32_t slots);
/* Octets that an image with these counts has. */
uint64_t image_size(const struct image_head *head);
/* Copies item index of a section whose items have that size. */
void image_item(const uint8_t *section, uint32_t index, void *item, size_t size);
struct image_slot image_slot_at(const uint8_t *slots, uint32_t index);
uint32_t image_ancestor_at(const uint8_t *ancestors, uint32_t index);
/* The file that a line is in, by its index; *line becomes the line in that file. */
uint32_t image_file_of(const struct image_view *view, uint32_t *line);
const char *image_path(const struct image_view *view, uint32_t file);
/* The bounds of an extra (0: none). False when it does not lie in the extras, or is no bounds. */
bool image_bounds(const struct image_view *view, uint32_t extra, struct ng_bounds *out);
/* What the denial of an extra has for a TTL, one more than it; 0: nothing. */
uint32_t image_denial_ttl(const struct image_view *view, uint32_t extra);
/*
 * The local record at *cursor (0: the first) of an extra; *cursor moves on. False at the end, and
 * where the octets say nothing that could be read.
 */
bool image_local(const struct image_view *view, uint32_t extra, uint32_t *cursor,
		 struct ng_local *out);
/* Wall time in seconds at which the rule of that extra ends; 0: none. */
uint64_t image_until(const struct image_view *view, uint32_t extra);
/* How many local records an extra claims to have. */
uint32_t image_locals(const struct image_view *view, uint32_t extra);
bool image_port_sound(const struct image_port *port);
struct ng_prefix image_prefix_of(const uint8_t addr[static 16], uint8_t family, uint8_t bits);
/* How the prefixes of a section are ordered: longer first, then the smaller address. */
int image_prefix_order(const struct image_prefix *a, const struct image_prefix *b);
/* Finds the sections, without a look at what is in them: NG_E_FORMAT when they do not fit. */
int image_view(const uint8_t *octets, size_t len, struct image_view *out) NG_MUST_CHECK;
/* Checks every slot, name and chain of a view: NG_E_FORMAT. */
int image_check(const struct image_view *view) NG_MUST_CHECK;
