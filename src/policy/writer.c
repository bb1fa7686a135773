/*
 * From drafts to the image. All counts are known here, so every section is written once at its
 * final place; the digest is taken of the octets themselves, so that images of one digest say the same.
 */
#include "policy/builder.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

static uint32_t next(uint32_t index, uint32_t slots)
{
	return index + 1 == slots ? 0 : index + 1;
}

/* ---- rules in their groups ---- */

struct rules {
	uint64_t *filters;
	struct image_group *groups; /* n, and one for the end */
	uint8_t *octets;
	uint32_t filtered, n, len;
};

static uint32_t rule_size(const struct draft *draft)
{
	return (uint32_t)sizeof(draft->rule) + draft->rule.len;
}

/* The filters and starts of all groups. */
static bool rules_measure(const struct builder *builder, struct rules *rules)
{
	uint64_t len = 0;
	for (size_t i = 0; i < builder->n; i++) {
		const struct draft *draft = &builder->drafts[i];
		if (draft->prefix != 0)
			continue;
		uint32_t group = image_home(draft->hash, rules->n);
		rules->filters[group / IMAGE_FILTERED] |= image_bits(draft->hash);
		rules->groups[group].filter |= image_more_bits(draft->hash);
		rules->groups[group + 1].start += rule_size(draft);
		len += rule_size(draft);
	}
	for (uint32_t i = 0; i < rules->n; i++)
		rules->groups[i + 1].start += rules->groups[i].start;
	rules->len = (uint32_t)len;
	return len <= IMAGE_NAMES_MAX;
}

/* Each group's start moves on with its rules, to where the next one starts; at the end all move back. */
static void rules_write(struct builder *builder, struct rules *rules)
{
	for (size_t i = 0; i < builder->n; i++) {
		struct draft *draft = &builder->drafts[i];
		if (draft->prefix != 0)
			continue;
		struct image_group *group = &rules->groups[image_home(draft->hash, rules->n)];
		uint8_t *at = rules->octets + group->start;
		draft->at = group->start;
		memcpy(at, &draft->rule, sizeof(draft->rule));
		memcpy(at + sizeof(draft->rule), builder->names + draft->name, draft->rule.len);
		group->start += rule_size(draft);
	}
	for (uint32_t i = rules->n; i > 0; i--)
		rules->groups[i].start = rules->groups[i - 1].start;
	rules->groups[0].start = 0;
}

/* Behind extras_make(): what a rule says of its extra is written with it. */
static bool rules_make(struct builder *builder, struct rules *rules)
{
	uint32_t filters = image_filters_for((uint32_t)(builder->n - builder->prefixes.n));
	*rules = (struct rules){.filtered = filters, .n = filters * IMAGE_FILTERED};
	rules->filters = calloc(filters, sizeof(*rules->filters));
	rules->groups = calloc(rules->n + 1u, sizeof(*rules->groups));
	if (rules->filters == NULL || rules->groups == NULL || !rules_measure(builder, rules))
		return false;
	rules->octets = malloc(rules->len > 0 ? rules->len : 1);
	if (rules->octets == NULL)
		return false;
	rules_write(builder, rules);
	return true;
}

static void rules_finish(struct rules *rules)
{
	free(rules->filters);
	free(rules->groups);
	free(rules->octets);
}

/* ---- ancestors of what is not denied ---- */

struct ancestor {
	uint32_t
		name; /* where it begins in the builder's names; IMAGE_NONE: the slot is free */
	uint32_t draft; /* whose name it is the end of */
};

struct ancestors {
	const uint8_t *names;
	size_t names_len;
	struct ancestor *items; /* open-addressed */
	uint32_t slots, n;
};

/* The slot of the name at an offset, or the free one where it belongs. */
static struct ancestor *ancestors_locate(const struct ancestors *set, uint32_t offset)
{
	size_t room = set->names_len - offset, len;
	const uint8_t *wire = set->names + offset;
	uint8_t starts[NG_LABELS_MAX];
	size_t n = image_labels(wire, room, starts);
	len = n == 0 ? 1 : (size_t)starts[n - 1] + wire[starts[n - 1]] + 2;
	uint32_t at = image_home(image_hash_name(wire, len), set->slots);
	for (; set->items[at].name != IMAGE_NONE; at = next(at, set->slots)) {
		uint32_t there = set->items[at].name;
		if (set->names_len - there >= len && memcmp(set->names + there, wire, len) == 0)
			break;
	}
	return &set->items[at];
}

static bool ancestors_resize(struct ancestors *set, uint32_t slots)
{
	struct ancestors old = *set;
	struct ancestor *items = malloc(slots * sizeof(*items));
	if (items == NULL)
		return false;
	memset(items, 0xff, slots * sizeof(*items));
	set->items = items;
	set->slots = slots;
	for (uint32_t i = 0; i < old.slots; i++) {
		if (old.items[i].name != IMAGE_NONE)
			*ancestors_locate(set, old.items[i].name) = old.items[i];
	}
	free(old.items);
	return true;
}

/* Adds what stands above one owner; when an ancestor is there, so are all above it. */
static bool ancestors_above(struct ancestors *set, const struct draft *drafts, uint32_t draft)
{
	uint32_t offset = drafts[draft].name;
	if (!(drafts[draft].rule.kind & IMAGE_WILDCARD)) {
		if (set->names[offset] == 0)
			return true;
		offset += 1u + set->names[offset];
	}
	for (;; offset += 1u + set->names[offset]) {
		if (builder_slots_for(set->n + 1) > set->slots &&
		    !ancestors_resize(set, builder_slots_for((size_t)set->n * 2 + 64)))
			return false;
		struct ancestor *item = ancestors_locate(set, offset);
		if (item->name != IMAGE_NONE)
			return true;
		*item = (struct ancestor){offset, draft};
		set->n++;
		if (set->names[offset] == 0)
			return true;
	}
}

static bool denies(const struct image_rule *rule)
{
	unsigned action = (rule->kind & ~IMAGE_WILDCARD) - 1u;
	return action == NG_ACTION_NXDOMAIN || action == NG_ACTION_NODATA ||
	       action == NG_ACTION_DROP;
}

static bool ancestors_make(const struct builder *builder, struct ancestors *set)
{
	*set = (struct ancestors){.names = builder->names, .names_len = builder->names_len};
	for (size_t i = 0; i < builder->n && !builder->disabled; i++) {
		const struct draft *draft = &builder->drafts[i];
		if (draft->prefix == 0 && !denies(&draft->rule) &&
		    !ancestors_above(set, builder->drafts, (uint32_t)i))
			return false;
	}
	return ancestors_resize(set, builder_slots_for(set->n));
}

/* Where the ancestors begin in the image's rules, which are laid out by now. */
static uint8_t *ancestors_write(const struct builder *builder, const struct ancestors *set,
				uint8_t *to)
{
	for (uint32_t i = 0; i < set->slots; i++, to += sizeof(uint32_t)) {
		const struct ancestor *item = &set->items[i];
		uint32_t place = IMAGE_NONE;
		if (item->name != IMAGE_NONE) {
			const struct draft *draft = &builder->drafts[item->draft];
			place = draft->at + (uint32_t)sizeof(draft->rule) +
				(item->name - draft->name);
		}
		memcpy(to, &place, sizeof(place));
	}
	return to;
}

/* ---- extras ---- */

struct extras {
	uint8_t *octets;
	size_t len, room;
	size_t last; /* where the one before begins; most rules with bounds have the same as it */
	bool nomem;
};

static void put(struct extras *extras, const void *item, size_t size)
{
	if (!grow(&extras->octets, &extras->room, extras->len + size, 1)) {
		extras->nomem = true;
		return;
	}
	memcpy(extras->octets + extras->len, item, size);
	extras->len += size;
}

static struct image_opened opened_of(const struct ng_prefix *prefix)
{
	struct image_opened item = {.family = prefix->addr.family, .bits = prefix->bits};
	memcpy(item.addr, prefix->addr.bytes, sizeof(item.addr));
	return item;
}

static void put_bounds(struct extras *extras, const struct builder_bounds *item,
		       uint32_t n_locals, uint32_t denial_ttl)
{
	const struct ng_bounds *bounds = &item->bounds;
	struct image_extra head = {
		.until_s = item->until_s,
		.lease_max_s = bounds->lease_max_s,
		.n_ports = bounds->n_ports,
		.n_types = bounds->n_types,
		.n_opened = bounds->n_opened,
		.strict = bounds->strict,
		.n_locals = n_locals,
		.denial_ttl = denial_ttl,
	};
	put(extras, &head, sizeof(head));
	for (uint8_t i = 0; i < bounds->n_ports; i++) {
		struct image_port port = {bounds->ports[i].port, bounds->ports[i].proto, 0};
		put(extras, &port, sizeof(port));
	}
	put(extras, bounds->types, bounds->n_types * sizeof(bounds->types[0]));
	for (uint8_t i = 0; i < bounds->n_opened; i++) {
		struct image_opened opened = opened_of(&bounds->opened[i]);
		put(extras, &opened, sizeof(opened));
	}
}

/* Local records in the order in which they were read: the last one knows the one before it. */
static uint32_t locals_of(const struct builder *builder, const struct draft *draft,
			  uint32_t order[static IMAGE_LOCALS_MAX])
{
	const struct builder_local *locals = builder->locals.items;
	uint32_t n = 0, at = IMAGE_LOCALS_MAX;
	for (uint32_t i = draft->local; i != 0 && at > 0; i = locals[i - 1].before, n++)
		order[--at] = i - 1;
	memmove(order, order + at, n * sizeof(order[0]));
	return n;
}

static void put_locals(struct extras *extras, const struct builder *builder,
		       const uint32_t *order, uint32_t n)
{
	const struct builder_local *locals = builder->locals.items;
	for (uint32_t i = 0; i < n; i++) {
		const struct ng_local *local = &locals[order[i]].local;
		struct image_local head = {local->ttl, local->type, local->rdlen};
		put(extras, &head, sizeof(head));
		put(extras, local->rdata, local->rdlen);
	}
}

/* Writes a draft's extra, or finds that the one before it says the same. */
static uint32_t put_extra(struct extras *extras, const struct builder *builder,
			  const struct draft *draft)
{
	static const struct builder_bounds none;
	const struct builder_bounds *all = builder->bounds.items;
	const struct builder_bounds *bounds =
		draft->bounds != 0 ? &all[draft->bounds - 1] : &none;
	uint32_t order[IMAGE_LOCALS_MAX], n = locals_of(builder, draft, order);
	size_t at = extras->len;
	if (draft->bounds == 0 && n == 0 && draft->denial_ttl == 0)
		return 0;
	put_bounds(extras, bounds, n, draft->denial_ttl);
	put_locals(extras, builder, order, n);
	size_t size = extras->len - at;
	if (!extras->nomem && at - extras->last == size &&
	    memcmp(extras->octets + extras->last, extras->octets + at, size) == 0) {
		extras->len = at;
		at = extras->last;
	}
	extras->last = at;
	return (uint32_t)at + 1;
}

static bool extras_make(struct builder *builder, struct extras *extras)
{
	*extras = (struct extras){0};
	for (size_t i = 0; i < builder->n && extras->len < IMAGE_NAMES_MAX; i++)
		builder->drafts[i].rule.extra = put_extra(extras, builder, &builder->drafts[i]);
	return !extras->nomem && extras->len < IMAGE_NAMES_MAX;
}

/* ---- sections of address triggers, static addresses, opened prefixes ---- */

struct sections {
	struct shelf prefixes[IMAGE_PREFIXES], statics, opened;
};

static int prefix_order(const void *a, const void *b)
{
	return image_prefix_order(a, b);
}

static bool add_prefix(const struct builder *builder, const struct draft *draft,
		       struct sections *sections)
{
	const struct builder_prefix *all = builder->prefixes.items;
	const struct builder_prefix *from = &all[draft->prefix - 1];
	size_t section = (from->trigger == NG_TRIGGER_CLIENT ? IMAGE_CLIENT4 : IMAGE_ANSWER4) +
			 (from->prefix.addr.family == NG_IPV6);
	struct image_prefix item = {
		.line = draft->rule.line,
		.extra = draft->rule.extra,
		.column = draft->rule.column,
		.bits = from->prefix.bits,
		.kind = draft->rule.kind,
	};
	memcpy(item.addr, from->prefix.addr.bytes, sizeof(item.addr));
	return shelf_add(&sections->prefixes[section], &item, sizeof(item)) != NULL;
}

/* By address, port and place, so that of two that say the same the first is kept. */
static int static_order(const void *a, const void *b)
{
	const struct image_static *one = a, *two = b;
	int order = memcmp(one->addr, two->addr, sizeof(one->addr));
	if (order == 0)
		order = (int)one->family - two->family;
	if (order == 0)
		order = (int)one->bits - two->bits;
	if (order == 0)
		order = (int)one->proto - two->proto;
	if (order == 0)
		order = (int)one->port - two->port;
	return order != 0 ? order : (one->line > two->line) - (one->line < two->line);
}

static void report_static(const struct builder *builder, const struct image_static *first,
			  const struct image_static *again)
{
	char text[NG_PREFIX_TEXT];
	struct ng_prefix prefix = image_prefix_of(again->addr, again->family, again->bits);
	struct ng_place place = builder_place(builder, again->line, again->column);
	struct ng_place before = builder_place(builder, first->line, first->column);
	ng_diag_add(builder->diags, NG_WARNING, &place, "rule-repeat", "remove one of the two",
		    "%s is opened already at %s:%u:%u", ng_prefix_format(&prefix, text),
		    before.path, before.line, before.column);
}

static bool add_statics(const struct builder *builder, struct sections *sections)
{
	struct image_static *items = builder->statics.items;
	size_t n = builder->statics.n;
	if (n > 0)
		qsort(items, n, sizeof(*items), static_order);
	for (size_t i = 0; i < n; i++) {
		const struct image_static *before = i > 0 ? &items[i - 1] : NULL;
		if (before != NULL && before->proto == items[i].proto &&
		    before->port == items[i].port && before->family == items[i].family &&
		    before->bits == items[i].bits &&
		    memcmp(before->addr, items[i].addr, sizeof(items[i].addr)) == 0)
			report_static(builder, before, &items[i]);
		else if (shelf_add(&sections->statics, &items[i], sizeof(items[i])) == NULL)
			return false;
	}
	return true;
}

static bool add_opened(const struct builder *builder, struct sections *sections)
{
	const struct builder_bounds *bounds = builder->bounds.items;
	for (size_t i = 0; i < builder->bounds.n; i++) {
		for (uint8_t j = 0; j < bounds[i].bounds.n_opened; j++) {
			struct image_opened item = opened_of(&bounds[i].bounds.opened[j]);
			const struct image_opened *known = sections->opened.items;
			size_t k = 0;
			while (k < sections->opened.n &&
			       memcmp(&known[k], &item, sizeof(item)) != 0)
				k++;
			if (k == sections->opened.n &&
			    shelf_add(&sections->opened, &item, sizeof(item)) == NULL)
				return false;
		}
	}
	return true;
}

static bool sections_make(const struct builder *builder, struct sections *sections)
{
	for (size_t i = 0; i < builder->n; i++) {
		if (builder->drafts[i].prefix != 0 &&
		    !add_prefix(builder, &builder->drafts[i], sections))
			return false;
	}
	for (size_t i = 0; i < IMAGE_PREFIXES; i++) {
		struct shelf *shelf = &sections->prefixes[i];
		if (shelf->n > 0)
			qsort(shelf->items, shelf->n, sizeof(struct image_prefix),
			      prefix_order);
	}
	return add_statics(builder, sections) && add_opened(builder, sections);
}

static void sections_finish(struct sections *sections)
{
	for (size_t i = 0; i < IMAGE_PREFIXES; i++)
		free(sections->prefixes[i].items);
	free(sections->statics.items);
	free(sections->opened.items);
}

/* ---- writing ---- */

struct parts {
	struct ancestors ancestors;
	struct extras extras;
	struct rules rules;
	struct sections sections;
};

static uint8_t *write_octets(uint8_t *to, const void *from, size_t n)
{
	if (n > 0)
		memcpy(to, from, n);
	return to + n;
}

static void write_files(const struct builder *builder, uint8_t *files, char *paths)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < builder->n_files; i++) {
		struct image_file file = {builder->files[i].before, at};
		memcpy(files + i * sizeof(file), &file, sizeof(file));
		strcpy(paths + at, builder->files[i].path);
		at += (uint32_t)strlen(builder->files[i].path) + 1;
	}
}

static void write_image(const struct builder *builder, const struct parts *parts,
			struct image_head *head, uint8_t *octets)
{
	uint8_t *at = octets + sizeof(*head), *files;
	at = write_octets(at, parts->rules.filters, head->filters * sizeof(uint64_t));
	at = write_octets(at, parts->rules.groups,
			  (image_groups(head) + 1u) * sizeof(struct image_group));
	at = ancestors_write(builder, &parts->ancestors, at);
	for (size_t i = 0; i < IMAGE_PREFIXES; i++)
		at = write_octets(at, parts->sections.prefixes[i].items,
				  head->prefixes[i] * sizeof(struct image_prefix));
	at = write_octets(at, parts->sections.statics.items,
			  head->statics * sizeof(struct image_static));
	at = write_octets(at, parts->sections.opened.items,
			  head->opened * sizeof(struct image_opened));
	files = at;
	at += head->files * sizeof(struct image_file);
	at = write_octets(at, parts->extras.octets, head->extras_len);
	at = write_octets(at, parts->rules.octets, head->rules_len);
	write_files(builder, files, (char *)at);
	memcpy(octets, head, sizeof(*head));
	head->digest = hash_octets(octets, head->len, IMAGE_MAGIC);
	memcpy(octets, head, sizeof(*head));
}

static struct image_head head_make(const struct builder *builder, const struct parts *parts)
{
	struct image_head head = {
		.magic = IMAGE_MAGIC,
		.expires = builder->expires_s,
		.rules = (uint32_t)(builder->n - builder->prefixes.n),
		.ancestors = parts->ancestors.n,
		.ancestor_slots = parts->ancestors.slots,
		.statics = (uint32_t)parts->sections.statics.n,
		.opened = (uint32_t)parts->sections.opened.n,
		.files = builder->n_files,
		.extras_len = (uint32_t)parts->extras.len,
		.rules_len = parts->rules.len,
		.flags = builder->disabled ? IMAGE_DISABLED : 0,
	};
	head.filters = parts->rules.filtered;
	for (size_t i = 0; i < IMAGE_PREFIXES; i++)
		head.prefixes[i] = (uint32_t)parts->sections.prefixes[i].n;
	for (uint32_t i = 0; i < builder->n_files; i++)
		head.paths_len += (uint32_t)strlen(builder->files[i].path) + 1;
	head.len = image_size(&head);
	return head;
}

int builder_image(struct builder *builder, struct ng_image *out)
{
	struct parts parts = {0};
	uint8_t *octets = NULL;
	if (builder->error != NG_OK)
		return builder->error;
	if (ancestors_make(builder, &parts.ancestors) && extras_make(builder, &parts.extras) &&
	    rules_make(builder, &parts.rules) && sections_make(builder, &parts.sections)) {
		struct image_head head = head_make(builder, &parts);
		octets = calloc(1, head.len);
		if (octets != NULL) {
			write_image(builder, &parts, &head, octets);
			*out = (struct ng_image){octets, head.len};
		}
	}
	sections_finish(&parts.sections);
	rules_finish(&parts.rules);
	free(parts.extras.octets);
	free(parts.ancestors.items);
	return octets != NULL ? NG_OK : NG_E_NOMEM;
}
