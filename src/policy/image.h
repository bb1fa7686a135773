/*
 * The compiled form of one policy source, as the compiler writes it and the ruleset reads it.
 *
 * One block of octets, in this order: head, rule slots, ancestor slots, names, path with its NUL.
 * Every section's place follows from the counts in the head, so there is no offset to mistrust but
 * those of the names. Nothing in it needs alignment, and nothing in it is a pointer: a descriptor
 * or a store carries it as it is. Numbers are in host order; an image never leaves its machine.
 *
 * Rules stand in an open-addressed table keyed by the hash of their owner name, lower-cased, the
 * asterisk of a wildcard taken off and folded into the hash. The hash of a name grows label by
 * label from the root, so that one pass over a name has the hashes of all its suffixes. At a load
 * of two thirds a rule costs 24 octets and its name. The second table holds the ancestors of all
 * names that some rule allows; its slots point into the same names, at the label where the
 * ancestor begins.
 */
#pragma once

#include <namegate/policy.h>

#define IMAGE_MAGIC     0x31656c7572676e01u
#define IMAGE_ROOT      0x6e616d6567617465u /* hash of the root name */
#define IMAGE_STAR      0x9e3779b97f4a7c15u /* what a wildcard's hash differs by */
#define IMAGE_NONE      UINT32_MAX          /* an ancestor slot that is free */
#define IMAGE_WILDCARD  0x80u
#define IMAGE_RULES_MAX (1u << 24)
#define IMAGE_NAMES_MAX (1u << 31)

struct image_head {
	uint64_t magic, digest, len; /* len: of the whole image */
	uint32_t rules, slots;       /* slots > rules */
	uint32_t ancestors, ancestor_slots;
	uint32_t names_len, path_len; /* path_len: with the NUL */
};

struct image_slot {
	uint32_t tag;  /* low half of the hash */
	uint32_t name; /* where the owner name begins in the names */
	uint32_t line;
	uint16_t column;
	uint8_t labels;
	uint8_t kind; /* 0: free; else enum ng_rule_action + 1, and IMAGE_WILDCARD */
};

/* What the octets of an image are, with the sections found. */
struct image_view {
	struct image_head head;
	const uint8_t *slots, *ancestors, *names;
	const char *path;
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
struct image_slot image_slot_at(const uint8_t *slots, uint32_t index);
uint32_t image_ancestor_at(const uint8_t *ancestors, uint32_t index);
/* Finds the sections, without a look at what is in them: NG_E_FORMAT when they do not fit. */
int image_view(const uint8_t *octets, size_t len, struct image_view *out) NG_MUST_CHECK;
/* Checks every slot, name and chain of a view: NG_E_FORMAT. */
int image_check(const struct image_view *view) NG_MUST_CHECK;
