/*
 * Asking an image: which rule decides a name or an address, and does an allowed name stand below?
 *
 * A look-up walks the name once, from the root to its first label, and has the hashes of all its
 * suffixes. The whole name is asked as an exact owner, then every proper suffix as a wildcard, the
 * longest first: the first hit decides (RPZ.md P3). A closer rule of another kind shadows nothing
 * (T2). No allocation, no copy of the name.
 *
 * A large image lies in memory that is far away, and most names of most questions are in no list.
 * So the filters decide first; only where they let a name pass is a group of rules read.
 *
 * Address triggers are sorted by length, the longest first, and within a length by address: each
 * length there is costs two binary searches, one for where it ends, one for the address.
 */
#include "policy/ruleset.h"

#include "policy/image.h"
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE  64
#define GROUP_FETCH 512 /* octets of a group worth fetching ahead */

struct ng_ruleset {
	struct image_view view;
};

int ng_ruleset_open(const uint8_t *octets, size_t len, struct ng_ruleset **out)
{
	struct image_view view;
	int code = image_view(octets, len, &view);
	if (code == NG_OK)
		code = image_check(&view);
	if (code != NG_OK)
		return code;
	struct ng_ruleset *ruleset = malloc(sizeof(*ruleset));
	if (ruleset == NULL)
		return NG_E_NOMEM;
	ruleset->view = view;
	*out = ruleset;
	return NG_OK;
}

void ng_ruleset_close(struct ng_ruleset *ruleset)
{
	free(ruleset);
}

const char *ng_ruleset_path(const struct ng_ruleset *ruleset)
{
	return image_path(&ruleset->view, 0);
}

size_t ng_ruleset_count(const struct ng_ruleset *ruleset)
{
	const struct image_head *head = &ruleset->view.head;
	size_t n = (size_t)head->rules + head->statics;
	for (size_t i = 0; i < IMAGE_PREFIXES; i++)
		n += head->prefixes[i];
	return n;
}

uint64_t ng_ruleset_digest(const struct ng_ruleset *ruleset)
{
	return ruleset->view.head.digest;
}

bool ng_ruleset_equal(const struct ng_ruleset *a, const struct ng_ruleset *b)
{
	const struct image_head *head = &a->view.head, *other = &b->view.head;
	size_t rest = (size_t)head->len - sizeof(*head);
	return head->digest == other->digest && memcmp(head, other, sizeof(*head)) == 0 &&
	       memcmp(a->view.filters, b->view.filters, rest) == 0;
}

uint64_t ng_ruleset_expires(const struct ng_ruleset *ruleset)
{
	return ruleset->view.head.expires;
}

/* ---- names ---- */

/* What one look-up asks for: an owner name, exact or the wildcard's. */
struct question {
	uint64_t hash;
	const uint8_t *wire;
	uint8_t len, star;
};

/* All of the group is fetched before any of it is read: it is one stretch, and may be far away. */
static void group_fetch(const struct image_view *view, uint32_t start, uint32_t end)
{
	for (uint32_t at = start; at < end && at - start < GROUP_FETCH; at += CACHE_LINE)
		__builtin_prefetch(view->rules + at);
}

/* The rule with this owner name. */
static bool rule_find(const struct image_view *view, const struct question *question,
		      struct image_rule *out)
{
	uint32_t index = image_group_of(view, question->hash);
	struct image_group group = image_group_at(view, index);
	uint32_t at = group.start, end, more = image_more_bits(question->hash);
	struct image_rule rule;
	const uint8_t *name;
	if ((group.filter & more) != more)
		return false;
	end = image_group_at(view, index + 1).start;
	group_fetch(view, at, end);
	while (image_rule(view, &at, end, &rule, &name)) {
		if (rule.tag == (uint32_t)question->hash && rule.len == question->len &&
		    (rule.kind & IMAGE_WILDCARD) == question->star &&
		    memcmp(name, question->wire, rule.len) == 0) {
			*out = rule;
			return true;
		}
	}
	return false;
}

/* What every match has; the trigger's own fields come on top. */
static void match_fill(const struct ng_ruleset *ruleset, uint8_t kind, uint32_t line,
		       uint32_t extra, struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	uint32_t file = image_file_of(view, &line);
	*out = (struct ng_match){
		.action = (enum ng_rule_action)((kind & ~IMAGE_WILDCARD) - 1),
		.trigger = NG_TRIGGER_NAME,
		.wildcard = (kind & IMAGE_WILDCARD) != 0,
		.line = line,
		.path = image_path(view, file),
		.ruleset = ruleset,
		.disabled = (view->head.flags & IMAGE_DISABLED) != 0,
		.extra = extra,
	};
}

/* Hashes of a name's suffixes, from the root on, with their filters asked for. */
static void suffixes_hash(const struct image_view *view, const struct ng_name *name,
			  const uint8_t *starts, size_t n, uint64_t *hashes)
{
	hashes[0] = IMAGE_ROOT;
	for (size_t i = 0;; i++) {
		__builtin_prefetch(image_filter_of(view, image_group_of(view, hashes[i])));
		if (i == n)
			return;
		hashes[i + 1] = image_hash_label(hashes[i], name->wire + starts[n - 1 - i]);
	}
}

static inline bool filter_passes(const struct image_view *view, uint64_t hash)
{
	uint64_t bits = image_bits(hash);
	return (image_filter_at(view, image_group_of(view, hash)) & bits) == bits;
}

/* The n suffixes below the whole name as wildcards, the longest first; which one it was. */
static bool wildcard_find(const struct image_view *view, const struct ng_name *name,
			  const uint8_t *starts, size_t n, const uint64_t *hashes,
			  struct image_rule *out, size_t *labels)
{
	for (size_t i = n; i-- > 0;) {
		uint8_t at = i == 0 ? name->len - 1u : starts[n - i];
		struct question question = {hashes[i], name->wire + at,
					    (uint8_t)(name->len - at), IMAGE_WILDCARD};
		if (filter_passes(view, hashes[i]) && rule_find(view, &question, out)) {
			*labels = i;
			return true;
		}
	}
	return false;
}

bool ng_ruleset_match(const struct ng_ruleset *ruleset, const struct ng_name *name,
		      struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	uint8_t starts[NG_LABELS_MAX];
	uint64_t hashes[NG_LABELS_MAX + 1];
	struct image_rule rule;
	bool passes = false;
	if (name->len == 0)
		return false;
	size_t n = image_labels(name->wire, name->len, starts), labels = n;
	suffixes_hash(view, name, starts, n, hashes);
	for (size_t i = 0; i <= n; i++)
		passes |= filter_passes(view, hashes[i]);
	if (!passes)
		return false;
	struct question question = {hashes[n], name->wire, name->len, 0};
	if (!(filter_passes(view, hashes[n]) && rule_find(view, &question, &rule)) &&
	    !wildcard_find(view, name, starts, n, hashes, &rule, &labels))
		return false;
	match_fill(ruleset, rule.kind, rule.line, rule.extra, out);
	out->labels = (uint8_t)labels;
	out->column = rule.column;
	return true;
}

/* *cursor: how many labels were taken off so far; the whole name is asked as an exact owner. */
bool ruleset_next_name(const struct ng_ruleset *ruleset, const struct ng_name *name,
		       uint32_t *cursor, struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	struct ng_name suffix = *name;
	bool more = name->len > 0;
	for (uint32_t i = 0; i < *cursor && more; i++)
		more = ng_name_parent(&suffix);
	for (; more; more = ng_name_parent(&suffix)) {
		struct question question = {image_hash_name(suffix.wire, suffix.len),
					    suffix.wire, suffix.len,
					    (*cursor)++ > 0 ? IMAGE_WILDCARD : 0};
		struct image_rule rule;
		if (!rule_find(view, &question, &rule))
			continue;
		match_fill(ruleset, rule.kind, rule.line, rule.extra, out);
		out->labels = ng_name_labels(&suffix);
		out->column = rule.column;
		return true;
	}
	return false;
}

bool ng_ruleset_rule(const struct ng_ruleset *ruleset, uint32_t *cursor, struct ng_name *owner,
		     struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	struct image_rule rule;
	const uint8_t *name;
	struct ng_name copy;
	if (!image_rule(view, cursor, view->head.rules_len, &rule, &name) ||
	    ng_name_from_wire(name, rule.len, &copy) != NG_OK)
		return false;
	match_fill(ruleset, rule.kind, rule.line, rule.extra, out);
	out->labels = ng_name_labels(&copy);
	out->column = rule.column;
	*owner = copy;
	return true;
}

/* Do len octets at an offset of the rules equal wire? What stands there is a name, so a shorter one differs. */
static bool name_is(const struct image_view *view, uint32_t offset, const uint8_t *wire,
		    size_t len)
{
	return view->head.rules_len - offset >= len &&
	       memcmp(view->rules + offset, wire, len) == 0;
}

bool ng_ruleset_has_below(const struct ng_ruleset *ruleset, const struct ng_name *name)
{
	const struct image_view *view = &ruleset->view;
	uint32_t slots = view->head.ancestor_slots;
	if (name->len == 0)
		return false;
	uint32_t i = image_home(image_hash_name(name->wire, name->len), slots);
	for (;; i = i + 1 == slots ? 0 : i + 1) {
		uint32_t offset = image_ancestor_at(view->ancestors, i);
		if (offset == IMAGE_NONE)
			return false;
		if (name_is(view, offset, name->wire, name->len))
			return true;
	}
}

/* ---- addresses ---- */

static size_t section_of(enum ng_trigger trigger, uint8_t family)
{
	return (trigger == NG_TRIGGER_CLIENT ? IMAGE_CLIENT4 : IMAGE_ANSWER4) +
	       (family == NG_IPV6);
}

bool ruleset_watches(const struct ng_ruleset *ruleset, enum ng_trigger trigger)
{
	const uint32_t *n = ruleset->view.head.prefixes;
	return n[section_of(trigger, NG_IPV4)] > 0 || n[section_of(trigger, NG_IPV6)] > 0;
}

static struct image_prefix prefix_at(const uint8_t *section, uint32_t index)
{
	struct image_prefix item;
	image_item(section, index, &item, sizeof(item));
	return item;
}

/* Behind the last prefix of the length that the one at index has. */
static uint32_t length_end(const uint8_t *section, uint32_t index, uint32_t n)
{
	uint8_t bits = prefix_at(section, index).bits;
	uint32_t low = index, high = n;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (prefix_at(section, middle).bits == bits)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* addr with all bits beyond the length cleared, as a trigger would have it. */
static struct image_prefix network_of(const struct ng_addr *addr, uint8_t bits)
{
	struct image_prefix network = {.bits = bits};
	memcpy(network.addr, addr->bytes, sizeof(network.addr));
	for (size_t i = bits / 8u; i < sizeof(network.addr); i++)
		network.addr[i] &= i == bits / 8u ? (uint8_t)(0xff00u >> (bits % 8)) : 0;
	return network;
}

/* The prefix of one length, from low up to high, that is the address's network. */
static bool length_find(const uint8_t *section, uint32_t low, uint32_t high,
			const struct ng_addr *addr, struct image_prefix *out)
{
	struct image_prefix network = network_of(addr, prefix_at(section, low).bits);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct image_prefix item = prefix_at(section, middle);
		int order = memcmp(network.addr, item.addr, sizeof(item.addr));
		if (order == 0) {
			*out = item;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static void match_fill_prefix(const struct ng_ruleset *ruleset, size_t section,
			      const struct image_prefix *item, struct ng_match *out)
{
	bool four = section == IMAGE_CLIENT4 || section == IMAGE_ANSWER4;
	match_fill(ruleset, item->kind, item->line, item->extra, out);
	out->trigger = section <= IMAGE_CLIENT6 ? NG_TRIGGER_CLIENT : NG_TRIGGER_ANSWER;
	out->prefix = image_prefix_of(item->addr, four ? NG_IPV4 : NG_IPV6, item->bits);
	out->column = item->column;
}

bool ruleset_next_addr(const struct ng_ruleset *ruleset, enum ng_trigger trigger,
		       const struct ng_addr *addr, uint32_t *cursor, struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	size_t section = section_of(trigger, addr->family);
	uint32_t n = ng_addr_len(addr) > 0 ? view->head.prefixes[section] : 0;
	for (uint32_t i = *cursor, end; i < n; i = end) {
		struct image_prefix item;
		end = length_end(view->prefixes[section], i, n);
		if (!length_find(view->prefixes[section], i, end, addr, &item))
			continue;
		match_fill_prefix(ruleset, section, &item, out);
		*cursor = end;
		return true;
	}
	return false;
}

bool ruleset_match_addr(const struct ng_ruleset *ruleset, enum ng_trigger trigger,
			const struct ng_addr *addr, struct ng_match *out)
{
	uint32_t cursor = 0;
	return ruleset_watches(ruleset, trigger) &&
	       ruleset_next_addr(ruleset, trigger, addr, &cursor, out);
}

bool ng_ruleset_address(const struct ng_ruleset *ruleset, uint32_t *cursor,
			struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	uint32_t index = *cursor;
	for (size_t section = 0; section < IMAGE_PREFIXES; section++) {
		uint32_t n = view->head.prefixes[section];
		if (index < n) {
			struct image_prefix item = prefix_at(view->prefixes[section], index);
			match_fill_prefix(ruleset, section, &item, out);
			++*cursor;
			return true;
		}
		index -= n;
	}
	return false;
}

/* ---- what a rule brings with it ---- */

void ng_match_bounds(const struct ng_match *match, struct ng_bounds *out)
{
	*out = (struct ng_bounds){0};
	if (match->extra == 0)
		return;
	/* The image was proved when it was opened; a match of another image opens nothing wider. */
	if (!image_bounds(&match->ruleset->view, match->extra, out))
		*out = (struct ng_bounds){.n_ports = 1, .strict = true};
}

uint64_t ng_match_until(const struct ng_match *match)
{
	return image_until(&match->ruleset->view, match->extra);
}

uint32_t ng_match_denial_ttl(const struct ng_match *match, uint32_t otherwise)
{
	uint32_t ttl = image_denial_ttl(&match->ruleset->view, match->extra);
	return ttl != 0 ? ttl - 1 : otherwise;
}

bool ng_match_local(const struct ng_match *match, uint32_t *cursor, struct ng_local *out)
{
	return match->action == NG_ACTION_LOCAL &&
	       image_local(&match->ruleset->view, match->extra, cursor, out);
}

bool ng_ruleset_static(const struct ng_ruleset *ruleset, uint32_t *cursor,
		       struct ng_static *out)
{
	const struct image_view *view = &ruleset->view;
	struct image_static item;
	if (*cursor >= view->head.statics)
		return false;
	image_item(view->statics, (*cursor)++, &item, sizeof(item));
	uint32_t file = image_file_of(view, &item.line);
	*out = (struct ng_static){
		.prefix = image_prefix_of(item.addr, item.family, item.bits),
		.port = {item.proto, item.port},
		.line = item.line,
		.column = item.column,
		.path = image_path(view, file),
		.until_s = item.until_s,
	};
	return true;
}

bool ng_ruleset_opened(const struct ng_ruleset *ruleset, uint32_t *cursor,
		       struct ng_prefix *out)
{
	const struct image_view *view = &ruleset->view;
	struct image_opened item;
	if (*cursor >= view->head.opened)
		return false;
	image_item(view->opened, (*cursor)++, &item, sizeof(item));
	*out = image_prefix_of(item.addr, item.family, item.bits);
	return true;
}
