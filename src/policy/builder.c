/*
 * Rules are kept as drafts of those in the image to be, with an index over them that finds a
 * repeat while its line is still at hand. The image is written at the end (writer.c), when the
 * counts are known and every table can have its final size at once. What few rules have stands on
 * shelves beside the drafts.
 */
#include "policy/builder.h"

#include <stdlib.h>
#include <string.h>

void builder_init(struct builder *builder, struct ng_diags *diags)
{
	*builder = (struct builder){.diags = diags};
}

void builder_finish(struct builder *builder)
{
	if (builder == NULL)
		return;
	struct builder_local *locals = builder->locals.items;
	for (size_t i = 0; i < builder->locals.n; i++)
		free((void *)(uintptr_t)locals[i].local.rdata);
	for (uint32_t i = 0; i < builder->n_files; i++)
		free(builder->files[i].path);
	free(builder->locals.items);
	free(builder->bounds.items);
	free(builder->prefixes.items);
	free(builder->statics.items);
	free(builder->drafts);
	free(builder->names);
	free(builder->index);
}

uint32_t builder_slots_for(size_t n)
{
	return (uint32_t)(n + n / 2 + 1);
}

static uint32_t next(uint32_t index, uint32_t slots)
{
	return index + 1 == slots ? 0 : index + 1;
}

void *shelf_add(struct shelf *shelf, const void *item, size_t size)
{
	if (!grow(&shelf->items, &shelf->room, shelf->n + 1, size))
		return NULL;
	return memcpy((char *)shelf->items + shelf->n++ * size, item, size);
}

/* ---- files ---- */

static uint32_t count_lines(const char *text, size_t len)
{
	uint32_t n = 1;
	for (size_t at = 0; at < len; n++) {
		const char *end = memchr(text + at, '\n', len - at);
		if (end == NULL)
			break;
		at = (size_t)(end - text) + 1;
	}
	return n;
}

bool builder_file(struct builder *builder, const char *path, const char *text, size_t len)
{
	struct builder_file file = {strdup(path), builder->lines};
	if (file.path == NULL || builder->n_files == IMAGE_FILES_MAX) {
		free(file.path);
		builder->error = file.path == NULL ? NG_E_NOMEM : NG_E_FULL;
		return false;
	}
	builder->file = builder->n_files;
	builder->files[builder->n_files++] = file;
	builder->lines += count_lines(text, len);
	return true;
}

const char *builder_path(const struct builder *builder)
{
	return builder->files[builder->file].path;
}

struct ng_place builder_place(const struct builder *builder, uint32_t line, uint32_t column)
{
	uint32_t file = builder->n_files - 1;
	while (file > 0 && builder->files[file].before >= line)
		file--;
	return (struct ng_place){builder->files[file].path, line - builder->files[file].before,
				 column};
}

/* ---- the index ---- */

static bool reindex(struct builder *builder)
{
	uint32_t slots = builder_slots_for(builder->n * 2 + 64);
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
	       ((draft->rule.kind & IMAGE_WILDCARD) != 0) == rule->wildcard &&
	       draft->rule.len == rule->name.len &&
	       memcmp(builder->names + draft->name, rule->name.wire, rule->name.len) == 0;
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

/* Where the name's octets stand; a name is stored once when an exact rule and its wildcard follow each other. */
static bool name_place(struct builder *builder, const struct ng_name *name, uint32_t *out)
{
	size_t len = builder->names_len;
	if (len >= name->len && builder->n > 0 &&
	    builder->drafts[builder->n - 1].name == len - name->len &&
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

/* ---- adding ---- */

static bool bounds_nothing(const struct builder_rule *rule)
{
	const struct ng_bounds *bounds = &rule->bounds;
	return bounds->n_ports == 0 && bounds->n_types == 0 && bounds->lease_max_s == 0 &&
	       bounds->n_opened == 0 && !bounds->strict && rule->until_s == 0;
}

const struct ng_bounds *builder_bounds_of(const struct builder *builder,
					  const struct draft *draft)
{
	const struct builder_bounds *bounds = builder->bounds.items;
	return draft->bounds == 0 ? NULL : &bounds[draft->bounds - 1].bounds;
}

bool builder_local(struct builder *builder, struct draft *draft, const struct ng_local *local)
{
	struct builder_local item = {*local, draft->local};
	uint8_t *rdata = malloc(local->rdlen > 0 ? local->rdlen : 1);
	if (rdata == NULL)
		return false;
	memcpy(rdata, local->rdata, local->rdlen);
	item.local.rdata = rdata;
	if (shelf_add(&builder->locals, &item, sizeof(item)) == NULL) {
		free(rdata);
		return false;
	}
	draft->local = (uint32_t)builder->locals.n;
	return true;
}

/* The parts of a draft that stand on shelves. */
static bool draft_more(struct builder *builder, struct draft *draft,
		       const struct builder_rule *rule)
{
	if (!bounds_nothing(rule)) {
		struct builder_bounds item = {rule->bounds, rule->until_s};
		if (shelf_add(&builder->bounds, &item, sizeof(item)) == NULL)
			return false;
		draft->bounds = (uint32_t)builder->bounds.n;
	}
	if (rule->trigger != NG_TRIGGER_NAME) {
		struct builder_prefix item = {rule->trigger, rule->prefix};
		if (shelf_add(&builder->prefixes, &item, sizeof(item)) == NULL)
			return false;
		draft->prefix = (uint32_t)builder->prefixes.n;
	}
	return rule->action != NG_ACTION_LOCAL || builder_local(builder, draft, &rule->local);
}

static void refuse_size(struct builder *builder, const struct builder_rule *rule)
{
	struct ng_place place = {builder_path(builder), rule->line, rule->column};
	ng_diag_add(builder->diags, NG_ERROR, &place, "source-size",
		    "split the source into several", "a source holds at most %u rules",
		    IMAGE_RULES_MAX);
	builder->error = NG_E_SYNTAX;
}

static void add_draft(struct builder *builder, const struct builder_rule *rule, uint64_t hash,
		      uint32_t *slot)
{
	uint32_t name;
	if (builder->n == IMAGE_RULES_MAX) {
		refuse_size(builder, rule);
		return;
	}
	if (!grow(&builder->drafts, &builder->room, builder->n + 1, sizeof(struct draft)) ||
	    !name_place(builder, &rule->name, &name)) {
		builder->error = NG_E_NOMEM;
		return;
	}
	struct draft draft = {
		.hash = hash,
		.plain = rule->bounds.n_ports == 0,
		.denial_ttl = rule->denial_ttl,
		.name = name,
		.rule = {.tag = (uint32_t)hash,
			 .line = rule->line + builder->files[builder->file].before,
			 .column = rule->column > UINT16_MAX ? UINT16_MAX
							     : (uint16_t)rule->column,
			 .len = rule->name.len,
			 .kind = (uint8_t)((rule->wildcard ? IMAGE_WILDCARD : 0) |
					   (rule->action + 1u))},
	};
	if (!draft_more(builder, &draft, rule)) {
		builder->error = NG_E_NOMEM;
		return;
	}
	*slot = (uint32_t)builder->n;
	builder->drafts[builder->n++] = draft;
}

void builder_expires(struct builder *builder, uint64_t until_s)
{
	if (until_s != 0 && (builder->expires_s == 0 || until_s < builder->expires_s))
		builder->expires_s = until_s;
}

void builder_add(struct builder *builder, const struct builder_rule *rule)
{
	uint64_t hash = image_hash_name(rule->name.wire, rule->name.len);
	if (builder->error != NG_OK)
		return;
	if (builder_slots_for(builder->n + 1) > builder->index_slots && !reindex(builder)) {
		builder->error = NG_E_NOMEM;
		return;
	}
	builder_expires(builder, rule->until_s);
	uint32_t *slot = locate(builder, rule, hash);
	if (*slot != IMAGE_NONE)
		builder_merge(builder, &builder->drafts[*slot], rule);
	else
		add_draft(builder, rule, hash, slot);
}

void builder_static(struct builder *builder, const struct ng_static *item, uint64_t until_s)
{
	struct image_static entry = {
		.line = item->line + builder->files[builder->file].before,
		.until_s = until_s,
		.column = item->column > UINT16_MAX ? UINT16_MAX : (uint16_t)item->column,
		.port = item->port.port,
		.proto = item->port.proto,
		.family = item->prefix.addr.family,
		.bits = item->prefix.bits,
	};
	memcpy(entry.addr, item->prefix.addr.bytes, sizeof(entry.addr));
	builder_expires(builder, until_s);
	if (shelf_add(&builder->statics, &entry, sizeof(entry)) == NULL)
		builder->error = NG_E_NOMEM;
}

size_t builder_count(const struct builder *builder)
{
	return builder->n + builder->statics.n;
}
