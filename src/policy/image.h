/*
 * The compiled form of one policy source, as the compiler writes it and the ruleset reads it.
 *
 * One block of octets, in this order: head, filters, groups, ancestor slots, address triggers, static
 * addresses, opened prefixes, files, extras, rules, paths. Every section's place follows from the
 * counts in the head, so there is no offset to mistrust but those of rules, names, paths and extras.
 * Nothing in it needs alignment, and nothing in it is a pointer: a descriptor or a store carries it
 * as it is. Numbers are in host order; an image never leaves its machine.
 *
 * Rules with names stand in small groups, by the hash of their owner name, lower-cased, the asterisk
 * of a wildcard taken off. The hash of a name grows label by label from the root, so that one pass
 * over a name has the hashes of all its suffixes. A group says where its first rule begins, and
 * ends where the next one starts; a rule is its fixed part and, behind it, its name. In front of
 * the groups stand filters, words in which each rule sets a few bits. They are small enough to
 * stay in a processor's cache even for a million rules, and tell nearly all names that no rule
 * speaks of; a second filter with the group itself tells most of the others. So only a name
 * that is found costs a look at rules, and that is one stretch of memory. A rule costs its
 * name and 19 octets.
 *
 * The ancestors of all names that some rule does not deny stand in an open-addressed table, whose
 * slots point into the names of rules, at the label where the ancestor begins. Address triggers are
 * sorted, the longest prefixes first, a section for each trigger and family.
 *
 * Lines count on through all files of a source: the files say where each begins, so that a rule of
 * an included file costs no more than any other. What only some rules have, bounds and local data,
 * stands in the extras, and a rule says where.
 */
#pragma once

#include "base/hash.h"
#include <namegate/policy.h>
#include <string.h>

#define IMAGE_MAGIC      0x33656c7572676e01u
#define IMAGE_ROOT       0x6e616d6567617465u /* hash of the root name */
#define IMAGE_NONE       UINT32_MAX          /* an ancestor slot that is free */
#define IMAGE_WILDCARD   0x80u
#define IMAGE_RULES_MAX  (1u << 24)
#define IMAGE_GROUP      4          /* rules of a group, on average */
#define IMAGE_FILTERED   2          /* groups that share a filter */
#define IMAGE_NAMES_MAX  (1u << 31) /* octets of all names, and of all rules */
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
	uint32_t rules, filters;     /* rules: those with names */
	uint32_t ancestors, ancestor_slots;
	uint32_t prefixes[IMAGE_PREFIXES];
	uint32_t statics, opened, files;
	uint32_t extras_len, rules_len, paths_len; /* octets; paths_len: with every NUL */
	uint32_t flags, zero;
};

struct image_group {
	uint32_t start;  /* of its first rule in the rules */
	uint32_t filter; /* the second one */
};

struct image_rule {     /* and its name */
	uint32_t tag;   /* low half of the hash */
	uint32_t line;  /* of all files */
	uint32_t extra; /* one more than where it begins in the extras; 0: none */
	uint16_t column;
	uint8_t len;  /* of the name */
	uint8_t kind; /* enum ng_rule_action + 1, and IMAGE_WILDCARD */
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
	const uint8_t *filters, *groups, *ancestors, *prefixes[IMAGE_PREFIXES], *statics,
		*opened, *files, *extras, *rules;
	const char *paths;
};

/* ---- what a look-up does at every label ---- */

/* The hash of the name that label (its length octet first) makes with its parent. */
static inline uint64_t image_hash_label(uint64_t parent, const uint8_t *label)
{
	return hash_octets(label, 1 + (size_t)label[0], parent);
}

/* Where a hash belongs in a table of that many slots, or groups. */
static inline uint32_t image_home(uint64_t hash, uint32_t slots)
{
	return (uint32_t)(((hash >> 32) * slots) >> 32);
}

/* The bits that a rule sets in the first filter of its group. */
static inline uint64_t image_bits(uint64_t hash)
{
	return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63) |
	       UINT64_C(1) << (hash >> 12 & 63);
}

/* The same, in the second. */
static inline uint32_t image_more_bits(uint64_t hash)
{
	return UINT32_C(1) << (hash >> 18 & 31) | UINT32_C(1) << (hash >> 23 & 31);
}

static inline uint32_t image_groups(const struct image_head *head)
{
	return head->filters * IMAGE_FILTERED;
}

static inline uint32_t image_group_of(const struct image_view *view, uint64_t hash)
{
	return image_home(hash, image_groups(&view->head));
}

/* The first filter, of a group and its neighbours. */
static inline const uint8_t *image_filter_of(const struct image_view *view, uint32_t group)
{
	return view->filters + group / IMAGE_FILTERED * sizeof(uint64_t);
}

static inline uint64_t image_filter_at(const struct image_view *view, uint32_t group)
{
	uint64_t filter;
	memcpy(&filter, image_filter_of(view, group), sizeof(filter));
	return filter;
}

/* The one behind the last has no rules, and says where those of the last end. */
static inline struct image_group image_group_at(const struct image_view *view, uint32_t index)
{
	struct image_group group;
	memcpy(&group, view->groups + (size_t)index * sizeof(group), sizeof(group));
	return group;
}

/*
 * The rule that begins at *at (0: the first), its name behind it; *at moves to the next. False at
 * the end, and where a rule would reach beyond it.
 */
static inline bool image_rule(const struct image_view *view, uint32_t *at, uint32_t end,
			      struct image_rule *out, const uint8_t **name)
{
	if (*at >= end || end - *at < sizeof(*out))
		return false;
	memcpy(out, view->rules + *at, sizeof(*out));
	if (out->len > end - *at - sizeof(*out))
		return false;
	*name = view->rules + *at + sizeof(*out);
	*at += (uint32_t)sizeof(*out) + out->len;
	return true;
}

/* Where the labels of a name begin, the root not among them; returns how many. Reads len octets at most. */
static inline size_t image_labels(const uint8_t *wire, size_t len,
				  uint8_t starts[static NG_LABELS_MAX])
{
	size_t n = 0;
	for (size_t at = 0; at < len && wire[at] != 0 && n < NG_LABELS_MAX;
	     at += 1 + (size_t)wire[at]) {
		starts[n++] = (uint8_t)at;
	}
	return n;
}

/* The hash of a well-formed name. */
uint64_t image_hash_name(const uint8_t *wire, size_t len);
uint32_t image_filters_for(uint32_t rules);

/* Octets that an image with these counts has. */
uint64_t image_size(const struct image_head *head);
/* Copies item index of a section whose items have that size. */
void image_item(const uint8_t *section, uint32_t index, void *item, size_t size);
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
/* Checks every rule, filter, name and chain of a view: NG_E_FORMAT. */
int image_check(const struct image_view *view) NG_MUST_CHECK;
