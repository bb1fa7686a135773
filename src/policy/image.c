/*
 * The layout of an image, and the proof that a strange one is safe to ask.
 *
 * An image comes through a process wall, so the reader believes nothing: the sections must fill the
 * block exactly, every slot must name a well-formed lower-case name that lies inside the names, its
 * tag must be that name's, and it must stand where a look-up would reach it. Linear probing puts a
 * key at its home or behind it with no free slot between; so one walk with a count of the occupied
 * slots behind us proves reachability, and a free slot anywhere proves that probing ends.
 */
#include "policy/image.h"

#include "base/hash.h"
#include <string.h>

uint64_t image_hash_label(uint64_t parent, const uint8_t *label)
{
	return hash_octets(label, 1 + (size_t)label[0], parent);
}

size_t image_labels(const uint8_t *wire, size_t len, uint8_t starts[static NG_LABELS_MAX])
{
	size_t n = 0;
	for (size_t at = 0; at < len && wire[at] != 0 && n < NG_LABELS_MAX;
	     at += 1 + (size_t)wire[at]) {
		starts[n++] = (uint8_t)at;
	}
	return n;
}

uint64_t image_hash_name(const uint8_t *wire, size_t len)
{
	uint8_t starts[NG_LABELS_MAX];
	uint64_t hash = IMAGE_ROOT;
	for (size_t i = image_labels(wire, len, starts); i-- > 0;)
		hash = image_hash_label(hash, wire + starts[i]);
	return hash;
}

uint32_t image_home(uint64_t hash, uint32_t slots)
{
	return (uint32_t)(((hash >> 32) * slots) >> 32);
}

uint64_t image_size(const struct image_head *head)
{
	return sizeof(*head) + (uint64_t)head->slots * sizeof(struct image_slot) +
	       (uint64_t)head->ancestor_slots * sizeof(uint32_t) + head->names_len +
	       head->path_len;
}

struct image_slot image_slot_at(const uint8_t *slots, uint32_t index)
{
	struct image_slot slot;
	memcpy(&slot, slots + (size_t)index * sizeof(slot), sizeof(slot));
	return slot;
}

uint32_t image_ancestor_at(const uint8_t *ancestors, uint32_t index)
{
	uint32_t name;
	memcpy(&name, ancestors + (size_t)index * sizeof(name), sizeof(name));
	return name;
}

int image_view(const uint8_t *octets, size_t len, struct image_view *out)
{
	struct image_view view;
	if (len < sizeof(view.head))
		return NG_E_FORMAT;
	memcpy(&view.head, octets, sizeof(view.head));
	const struct image_head *head = &view.head;
	if (head->magic != IMAGE_MAGIC || head->len != len || image_size(head) != len)
		return NG_E_FORMAT;
	if (head->slots <= head->rules || head->ancestor_slots <= head->ancestors ||
	    head->path_len < 2 || head->path_len > NG_PATH_MAX)
		return NG_E_FORMAT;
	view.slots = octets + sizeof(*head);
	view.ancestors = view.slots + (size_t)head->slots * sizeof(struct image_slot);
	view.names = view.ancestors + (size_t)head->ancestor_slots * sizeof(uint32_t);
	view.path = (const char *)view.names + head->names_len;
	if (memchr(view.path, '\0', head->path_len) != view.path + head->path_len - 1)
		return NG_E_FORMAT;
	*out = view;
	return NG_OK;
}

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

/* The hash and label count of the name at an offset of the names; false when there is none. */
static bool name_read(const struct image_view *view, uint32_t offset, uint64_t *hash,
		      size_t *labels)
{
	if (offset >= view->head.names_len)
		return false;
	const uint8_t *wire = view->names + offset;
	size_t len = name_length(wire, view->head.names_len - offset);
	if (len == 0)
		return false;
	uint8_t starts[NG_LABELS_MAX];
	*labels = image_labels(wire, len, starts);
	*hash = image_hash_name(wire, len);
	return true;
}

/* A slot in use: is it what the compiler would have written? */
static bool slot_sound(const struct image_view *view, const struct image_slot *slot,
		       uint64_t *hash)
{
	size_t labels;
	unsigned action = slot->kind & ~IMAGE_WILDCARD;
	if (action == 0 || action > NG_ACTION_PASSTHRU + 1)
		return false;
	if (!name_read(view, slot->name, hash, &labels))
		return false;
	if (slot->kind & IMAGE_WILDCARD)
		*hash ^= IMAGE_STAR;
	return slot->labels == labels && slot->tag == (uint32_t)*hash;
}

static uint32_t distance(uint32_t home, uint32_t index, uint32_t slots)
{
	return index >= home ? index - home : index + slots - home;
}

static int slots_check(const struct image_view *view)
{
	uint32_t slots = view->head.slots, used = 0, run = 0;
	while (run < slots && image_slot_at(view->slots, slots - 1 - run).kind != 0)
		run++;
	for (uint32_t i = 0; i < slots; i++) {
		struct image_slot slot = image_slot_at(view->slots, i);
		uint64_t hash;
		if (slot.kind == 0) {
			run = 0;
			continue;
		}
		if (!slot_sound(view, &slot, &hash) ||
		    distance(image_home(hash, slots), i, slots) > run)
			return NG_E_FORMAT;
		used++;
		run++;
	}
	return used == view->head.rules ? NG_OK : NG_E_FORMAT;
}

static int ancestors_check(const struct image_view *view)
{
	uint32_t slots = view->head.ancestor_slots, used = 0, run = 0;
	while (run < slots && image_ancestor_at(view->ancestors, slots - 1 - run) != IMAGE_NONE)
		run++;
	for (uint32_t i = 0; i < slots; i++) {
		uint32_t name = image_ancestor_at(view->ancestors, i);
		uint64_t hash;
		size_t labels;
		if (name == IMAGE_NONE) {
			run = 0;
			continue;
		}
		if (!name_read(view, name, &hash, &labels) ||
		    distance(image_home(hash, slots), i, slots) > run)
			return NG_E_FORMAT;
		used++;
		run++;
	}
	return used == view->head.ancestors ? NG_OK : NG_E_FORMAT;
}

int image_check(const struct image_view *view)
{
	int code = slots_check(view);
	return code != NG_OK ? code : ancestors_check(view);
}
