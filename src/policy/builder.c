/*
 * Rules are kept as drafts, the slots of the image to be, with an index over them that finds a
 * repeat while its line is still at hand. The image is written at the end, when the counts are
 * known and every table can have its final size at once.
 */
#include "policy/builder.h"

#include <stdlib.h>
#include <string.h>

void builder_init(struct builder *builder, const char *path, struct ng_diags *diags)
{
	*builder = (struct builder){.path = path, .diags = diags};
}

void builder_finish(struct builder *builder)
{
	if (builder == NULL)
		return;
	free(builder->drafts);
	free(builder->names);
	free(builder->index);
}

static uint32_t slots_for(size_t n)
{
	return (uint32_t)(n + n / 2 + 1);
}

static uint32_t next(uint32_t index, uint32_t slots)
{
	return index + 1 == slots ? 0 : index + 1;
}

/* Room for one more item of that size, by doubling. */
static bool grow(void *items, size_t *room, size_t need, size_t size)
{
	if (need <= *room)
		return true;
	size_t wanted = *room == 0 ? 256 : *room;
	while (wanted < need)
		wanted *= 2;
	void *old, *grown;
	memcpy(&old, items, sizeof(old));
	grown = realloc(old, wanted * size);
	if (grown == NULL)
		return false;
	memcpy(items, &grown, sizeof(grown));
	*room = wanted;
	return true;
}

static bool reindex(struct builder *builder)
{
	uint32_t slots = slots_for(builder->n * 2 + 64);
	uint32_t *index = malloc(slots * sizeof(*index));
	if (index == NULL)
		return false;
	memset(index, 0xff, slots * sizeof(*index));
	for (uint32_t i = 0; i < builder->n; i++) {
		uint32_t at = image_home(builder->drafts[i].hash, slots);
		while (index[at] != IMAGE_NONE)
			at = next(at, slots);
		index[at] = i;
	}
	free(builder->index);
	builder->index = index;
	builder->index_slots = slots;
	return true;
}

static bool draft_is(const struct builder *builder, const struct draft *draft,
		     const struct builder_rule *rule, uint64_t hash)
{
	return draft->hash == hash &&
	       ((draft->slot.kind & IMAGE_WILDCARD) != 0) == rule->wildcard &&
	       builder->names_len - draft->slot.name >= rule->name.len &&
	       memcmp(builder->names + draft->slot.name, rule->name.wire, rule->name.len) == 0;
}

/* The index slot that holds the rule's draft, or the free one where it belongs. */
static uint32_t *locate(const struct builder *builder, const struct builder_rule *rule,
			uint64_t hash)
{
	uint32_t slots = builder->index_slots, at = image_home(hash, slots);
	while (builder->index[at] != IMAGE_NONE &&
	       !draft_is(builder, &builder->drafts[builder->index[at]], rule, hash))
		at = next(at, slots);
	return &builder->index[at];
}

static void report_repeat(struct builder *builder, const struct draft *draft,
			  const struct builder_rule *rule)
{
	char text[NG_NAME_TEXT_MAX];
	struct ng_place place = {builder->path, rule->line, rule->column};
	bool same = (draft->slot.kind & ~IMAGE_WILDCARD) == rule->action + 1u;
	const char *star = rule->wildcard ? "*." : "";
	ng_name_to_text(&rule->name, text);
	if (same) {
		ng_diag_add(builder->diags, NG_WARNING, &place, "rule-repeat",
			    "remove one of the two", "%s%s is said already at %s:%u:%u", star,
			    text, builder->path, draft->slot.line, draft->slot.column);
	} else {
		ng_diag_add(builder->diags, NG_ERROR, &place, "rule-contradiction",
			    "keep the one that is meant",
			    "%s%s contradicts what %s:%u:%u says of it", star, text,
			    builder->path, draft->slot.line, draft->slot.column);
	}
}

/* Where the name's octets stand; a name is stored once when an exact rule and its wildcard follow each other. */
static bool name_place(struct builder *builder, const struct ng_name *name, uint32_t *out)
{
	size_t len = builder->names_len;
	if (len >= name->len && builder->n > 0 &&
	    builder->drafts[builder->n - 1].slot.name == len - name->len &&
	    memcmp(builder->names + len - name->len, name->wire, name->len) == 0) {
		*out = (uint32_t)(len - name->len);
		return true;
	}
	if (len + name->len > IMAGE_NAMES_MAX ||
	    !grow(&builder->names, &builder->names_room, len + name->len, 1))
		return false;
	memcpy(builder->names + len, name->wire, name->len);
	builder->names_len += name->len;
	*out = (uint32_t)len;
	return true;
}

void builder_add(struct builder *builder, const struct builder_rule *rule)
{
	uint64_t hash = image_hash_name(rule->name.wire, rule->name.len);
	if (rule->wildcard)
		hash ^= IMAGE_STAR;
	if (builder->error != NG_OK)
		return;
	if (slots_for(builder->n + 1) > builder->index_slots && !reindex(builder)) {
		builder->error = NG_E_NOMEM;
		return;
	}
	uint32_t *slot = locate(builder, rule, hash), name;
	if (*slot != IMAGE_NONE) {
		report_repeat(builder, &builder->drafts[*slot], rule);
		return;
	}
	if (builder->n == IMAGE_RULES_MAX) {
		struct ng_place place = {builder->path, rule->line, rule->column};
		ng_diag_add(builder->diags, NG_ERROR, &place, "source-size",
			    "split the source into several", "a source holds at most %u rules",
			    IMAGE_RULES_MAX);
		builder->error = NG_E_SYNTAX;
		return;
	}
	if (!grow(&builder->drafts, &builder->room, builder->n + 1, sizeof(struct draft)) ||
	    !name_place(builder, &rule->name, &name)) {
		builder->error = NG_E_NOMEM;
		return;
	}
	*slot = (uint32_t)builder->n;
	builder->drafts[builder->n++] = (struct draft){
		hash,
		{.tag = (uint32_t)hash,
		 .name = name,
		 .line = rule->line,
		 .column = rule->column > UINT16_MAX ? UINT16_MAX : (uint16_t)rule->column,
		 .labels = ng_name_labels(&rule->name),
		 .kind = (uint8_t)((rule->wildcard ? IMAGE_WILDCARD : 0) |
				   (rule->action + 1u))},
	};
}

/* ---- ancestors of what is allowed ---- */

struct ancestors {
	const uint8_t *names;
	size_t names_len;
	uint32_t *places; /* where in the names; open-addressed, IMAGE_NONE is free */
	uint32_t slots, n;
};

/* The slot of the name at an offset, or the free one where it belongs. */
static uint32_t *ancestors_locate(const struct ancestors *set, uint32_t offset)
{
	size_t room = set->names_len - offset, len;
	const uint8_t *wire = set->names + offset;
	uint8_t starts[NG_LABELS_MAX];
	size_t n = image_labels(wire, room, starts);
	len = n == 0 ? 1 : (size_t)starts[n - 1] + wire[starts[n - 1]] + 2;
	uint32_t at = image_home(image_hash_name(wire, len), set->slots);
	for (; set->places[at] != IMAGE_NONE; at = next(at, set->slots)) {
		uint32_t there = set->places[at];
		if (set->names_len - there >= len && memcmp(set->names + there, wire, len) == 0)
			break;
	}
	return &set->places[at];
}

static bool ancestors_resize(struct ancestors *set, uint32_t slots)
{
	struct ancestors old = *set;
	uint32_t *places = malloc(slots * sizeof(*places));
	if (places == NULL)
		return false;
	memset(places, 0xff, slots * sizeof(*places));
	set->places = places;
	set->slots = slots;
	for (uint32_t i = 0; i < old.slots; i++) {
		if (old.places[i] != IMAGE_NONE)
			*ancestors_locate(set, old.places[i]) = old.places[i];
	}
	free(old.places);
	return true;
}

/* Adds what stands above one allowed owner; when an ancestor is there, so are all above it. */
static bool ancestors_above(struct ancestors *set, const struct image_slot *slot)
{
	uint32_t offset = slot->name;
	if (!(slot->kind & IMAGE_WILDCARD)) {
		if (set->names[offset] == 0)
			return true;
		offset += 1u + set->names[offset];
	}
	for (;; offset += 1u + set->names[offset]) {
		if (slots_for(set->n + 1) > set->slots &&
		    !ancestors_resize(set, slots_for((size_t)set->n * 2 + 64)))
			return false;
		uint32_t *place = ancestors_locate(set, offset);
		if (*place != IMAGE_NONE)
			return true;
		*place = offset;
		set->n++;
		if (set->names[offset] == 0)
			return true;
	}
}

static bool ancestors_make(const struct builder *builder, struct ancestors *set)
{
	*set = (struct ancestors){.names = builder->names, .names_len = builder->names_len};
	for (size_t i = 0; i < builder->n; i++) {
		const struct image_slot *slot = &builder->drafts[i].slot;
		if ((slot->kind & ~IMAGE_WILDCARD) == NG_ACTION_PASSTHRU + 1 &&
		    !ancestors_above(set, slot))
			return false;
	}
	return ancestors_resize(set, slots_for(set->n));
}

/* ---- writing ---- */

static void write_slots(const struct builder *builder, uint8_t *octets, uint32_t slots)
{
	for (size_t i = 0; i < builder->n; i++) {
		const struct draft *draft = &builder->drafts[i];
		uint32_t at = image_home(draft->hash, slots);
		while (image_slot_at(octets, at).kind != 0)
			at = next(at, slots);
		memcpy(octets + at * sizeof(draft->slot), &draft->slot, sizeof(draft->slot));
	}
}

static void write_image(const struct builder *builder, const struct ancestors *set,
			const struct image_head *head, uint8_t *octets)
{
	memcpy(octets, head, sizeof(*head));
	octets += sizeof(*head);
	write_slots(builder, octets, head->slots);
	octets += head->slots * sizeof(struct image_slot);
	memcpy(octets, set->places, set->slots * sizeof(*set->places));
	octets += set->slots * sizeof(*set->places);
	if (builder->names_len > 0)
		memcpy(octets, builder->names, builder->names_len);
	memcpy(octets + builder->names_len, builder->path, head->path_len);
}

int builder_image(struct builder *builder, struct ng_image *out)
{
	struct ancestors set;
	if (builder->error != NG_OK)
		return builder->error;
	bool made = ancestors_make(builder, &set);
	struct image_head head = {
		.magic = IMAGE_MAGIC,
		.digest = builder->digest,
		.rules = (uint32_t)builder->n,
		.slots = slots_for(builder->n),
		.ancestors = set.n,
		.ancestor_slots = set.slots,
		.names_len = (uint32_t)builder->names_len,
		.path_len = (uint32_t)strlen(builder->path) + 1,
	};
	head.len = image_size(&head);
	uint8_t *octets = made ? calloc(1, head.len) : NULL;
	if (octets != NULL) {
		write_image(builder, &set, &head, octets);
		*out = (struct ng_image){octets, head.len};
	}
	free(set.places);
	return octets != NULL ? NG_OK : NG_E_NOMEM;
}
