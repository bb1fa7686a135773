/*
 * Collecting the rules of one source, and writing its image.
 *
 * A builder belongs to one compilation. Adding reports repeats and contradictions by itself; the
 * first shortage of memory or room sticks in `error`, and builder_image() returns it.
 */
#pragma once

#include "policy/image.h"

struct draft {
	uint64_t hash;
	struct image_slot slot;
};

struct builder {
	const char *path;
	struct ng_diags *diags;
	struct draft *drafts;
	size_t n, room;
	uint8_t *names;
	size_t names_len, names_room;
	uint32_t *index; /* of drafts, open-addressed; IMAGE_NONE is free */
	uint32_t index_slots;
	uint64_t digest;
	int error;
};

struct builder_rule {
	struct ng_name name; /* lower-cased; the asterisk taken off */
	bool wildcard;
	enum ng_rule_action action;
	uint32_t line, column;
};

void builder_init(struct builder *builder, const char *path, struct ng_diags *diags);
void builder_finish(struct builder *builder); /* takes NULL */
void builder_add(struct builder *builder, const struct builder_rule *rule);
int builder_image(struct builder *builder, struct ng_image *out) NG_MUST_CHECK;
