/*
 * The proof that a strange image is safe to ask.
 *
 * An image comes through a process wall, so the reader believes nothing: the sections must fill the
 * block exactly, the groups must fill the rules without gaps, and every rule must have a well-formed
 * lower-case name of its length, that name's tag, and stand in the group that a look-up
 * would search. A filter must be what its rules make it, bit by bit: a bit that is missing would
 * turn a rule off.
 *
 * Linear probing puts an ancestor at its home or behind it with no free slot between; so one walk
 * with a count of the occupied slots behind us proves reachability, and a free slot anywhere
 * proves that probing ends.
 */
#include "policy/image.h"

#include <namegate/message.h>
#include <string.h>

/* The length of the name at wire, root included; 0 when it is not a lower-case name within room. */
static size_t name_length(const uint8_t *wire, size_t room)
{
	size_t at = 0;
	while (at < room && at < NG_NAME_MAX) {
		size_t n = wire[at];
		if (n == 0)
			return at + 1;
		if (n > NG_LABEL_MAX || n > room - at - 1)
			return 0;
		for (size_t i = at + 1; i <= at + n; i++) {
			if (wire[i] >= 'A' && wire[i] <= 'Z')
				return 0;
		}
		at += n + 1;
	}
	return 0;
}

static bool local_sound(const struct ng_local *local)
{
	struct ng_name name;
	switch (local->type) {
	case NG_TYPE_A:
		return local->rdlen == 4;
	case NG_TYPE_AAAA:
		return local->rdlen == 16;
	case NG_TYPE_CNAME:
		return ng_name_from_wire(local->rdata, local->rdlen, &name) == NG_OK &&
		       name.len == local->rdlen;
	case NG_TYPE_SVCB:
	case NG_TYPE_HTTPS:
		return false;
	default:
		return true;
	}
}

static bool denies(unsigned action)
{
	return action == NG_ACTION_NXDOMAIN + 1 || action == NG_ACTION_NODATA + 1 ||
	       action == NG_ACTION_DROP + 1;
}

/* Local data is what a rule of that action has, and no other; a denial's TTL is a denial's. */
static bool extra_sound(const struct image_view *view, uint32_t extra, unsigned action)
{
	struct ng_bounds bounds;
	struct ng_local local;
	uint32_t n = 0;
	if (extra == 0)
		return action != NG_ACTION_LOCAL + 1;
	if (!image_bounds(view, extra, &bounds) ||
	    (!denies(action) && image_denial_ttl(view, extra) != 0))
		return false;
	while (image_local(view, extra, &n, &local)) {
		if (!local_sound(&local))
			return false;
	}
	return n == image_locals(view, extra) && (n > 0) == (action == NG_ACTION_LOCAL + 1);
}

/* Is the rule what the compiler would have written? */
static bool rule_sound(const struct image_view *view, const struct image_rule *rule,
		       const uint8_t *name, uint64_t *hash)
{
	unsigned action = rule->kind & ~IMAGE_WILDCARD;
	if (action == 0 || action > NG_ACTION_LOCAL + 1 ||
	    !extra_sound(view, rule->extra, action) || rule->len == 0 ||
	    name_length(name, rule->len) != rule->len)
		return false;
	*hash = image_hash_name(name, rule->len);
	return rule->tag == (uint32_t)*hash;
}

/* The rules of one group; *used counts them, *filter has their bits. */
static bool group_sound(const struct image_view *view, uint32_t index, uint32_t *used,
			uint64_t *filter)
{
	struct image_group group = image_group_at(view, index);
	uint32_t at = group.start, end = image_group_at(view, index + 1).start, more = 0;
	struct image_rule rule;
	const uint8_t *name;
	uint64_t hash;
	if (end < at || end > view->head.rules_len)
		return false;
	for (; image_rule(view, &at, end, &rule, &name); ++*used) {
		if (!rule_sound(view, &rule, name, &hash) ||
		    image_group_of(view, hash) != index)
			return false;
		*filter |= image_bits(hash);
		more |= image_more_bits(hash);
	}
	return at == end && more == group.filter;
}

static int rules_check(const struct image_view *view)
{
	uint32_t used = 0, groups = image_groups(&view->head);
	uint64_t filter = 0;
	struct image_group first = image_group_at(view, 0), last = image_group_at(view, groups);
	if (first.start != 0 || last.start != view->head.rules_len || last.filter != 0)
		return NG_E_FORMAT;
	for (uint32_t i = 0; i < groups; i++) {
		if (i % IMAGE_FILTERED == 0)
			filter = 0;
		if (!group_sound(view, i, &used, &filter))
			return NG_E_FORMAT;
		if (i % IMAGE_FILTERED == IMAGE_FILTERED - 1 &&
		    filter != image_filter_at(view, i))
			return NG_E_FORMAT;
	}
	return used == view->head.rules ? NG_OK : NG_E_FORMAT;
}

static uint32_t distance(uint32_t home, uint32_t index, uint32_t slots)
{
	return index >= home ? index - home : index + slots - home;
}

/* The hash of the name at an offset of the rules; false when there is none. */
static bool ancestor_hash(const struct image_view *view, uint32_t offset, uint64_t *hash)
{
	if (offset >= view->head.rules_len)
		return false;
	const uint8_t *wire = view->rules + offset;
	size_t len = name_length(wire, view->head.rules_len - offset);
	*hash = image_hash_name(wire, len);
	return len > 0;
}

static int ancestors_check(const struct image_view *view)
{
	uint32_t slots = view->head.ancestor_slots, used = 0, run = 0;
	while (run < slots && image_ancestor_at(view->ancestors, slots - 1 - run) != IMAGE_NONE)
		run++;
	for (uint32_t i = 0; i < slots; i++) {
		uint32_t name = image_ancestor_at(view->ancestors, i);
		uint64_t hash;
		if (name == IMAGE_NONE) {
			run = 0;
			continue;
		}
		if (!ancestor_hash(view, name, &hash) ||
		    distance(image_home(hash, slots), i, slots) > run)
			return NG_E_FORMAT;
		used++;
		run++;
	}
	return used == view->head.ancestors ? NG_OK : NG_E_FORMAT;
}

static int prefixes_check(const struct image_view *view, size_t section)
{
	uint8_t family =
		section == IMAGE_CLIENT4 || section == IMAGE_ANSWER4 ? NG_IPV4 : NG_IPV6;
	struct image_prefix before = {0};
	for (uint32_t i = 0; i < view->head.prefixes[section]; i++) {
		struct image_prefix item;
		image_item(view->prefixes[section], i, &item, sizeof(item));
		struct ng_prefix prefix = image_prefix_of(item.addr, family, item.bits);
		if (!ng_prefix_valid(&prefix) || item.kind == 0 ||
		    item.kind > NG_ACTION_LOCAL + 1 ||
		    !extra_sound(view, item.extra, item.kind) ||
		    (i > 0 && image_prefix_order(&before, &item) >= 0))
			return NG_E_FORMAT;
		before = item;
	}
	return NG_OK;
}

static int statics_check(const struct image_view *view)
{
	for (uint32_t i = 0; i < view->head.statics; i++) {
		struct image_static item;
		image_item(view->statics, i, &item, sizeof(item));
		struct ng_prefix prefix = image_prefix_of(item.addr, item.family, item.bits);
		struct image_port port = {item.port, item.proto, item.zero};
		bool all = item.proto == 0 && item.port == 0 && item.zero == 0;
		if (!ng_prefix_valid(&prefix) || item.nothing != 0 ||
		    ng_addr_reach(&prefix.addr) == NG_REACH_NEVER ||
		    (!all && !image_port_sound(&port)))
			return NG_E_FORMAT;
	}
	for (uint32_t i = 0; i < view->head.opened; i++) {
		struct image_opened item;
		image_item(view->opened, i, &item, sizeof(item));
		struct ng_prefix prefix = image_prefix_of(item.addr, item.family, item.bits);
		if (!ng_prefix_valid(&prefix))
			return NG_E_FORMAT;
	}
	return NG_OK;
}

static int files_check(const struct image_view *view)
{
	uint32_t before = 0;
	for (uint32_t i = 0; i < view->head.files; i++) {
		struct image_file file;
		image_item(view->files, i, &file, sizeof(file));
		if (file.path >= view->head.paths_len ||
		    (i == 0 ? file.before != 0 : file.before <= before))
			return NG_E_FORMAT;
		size_t room = view->head.paths_len - file.path;
		size_t len = strnlen(view->paths + file.path, room);
		if (len == 0 || len == room || len >= NG_PATH_MAX)
			return NG_E_FORMAT;
		before = file.before;
	}
	return NG_OK;
}

int image_check(const struct image_view *view)
{
	int code = rules_check(view);
	if (code == NG_OK)
		code = ancestors_check(view);
	for (size_t i = 0; i < IMAGE_PREFIXES && code == NG_OK; i++)
		code = prefixes_check(view, i);
	if (code == NG_OK)
		code = statics_check(view);
	return code == NG_OK ? files_check(view) : code;
}
