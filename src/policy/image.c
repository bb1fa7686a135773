/*
 * Finding and reading the parts of an image. The proof that a strange image is safe to ask
 * (image_check.c) reads extras by the same functions, so that what was proved is what is used.
 */
#include "policy/image.h"

uint64_t image_hash_name(const uint8_t *wire, size_t len)
{
	uint8_t starts[NG_LABELS_MAX];
	uint64_t hash = IMAGE_ROOT;
	for (size_t i = image_labels(wire, len, starts); i-- > 0;)
		hash = image_hash_label(hash, wire + starts[i]);
	return hash;
}

uint32_t image_filters_for(uint32_t rules)
{
	return rules / (IMAGE_GROUP * IMAGE_FILTERED) + 1;
}

uint64_t image_size(const struct image_head *head)
{
	uint64_t prefixes = 0;
	for (size_t i = 0; i < IMAGE_PREFIXES; i++)
		prefixes += head->prefixes[i];
	return sizeof(*head) + (uint64_t)head->filters * sizeof(uint64_t) +
	       ((uint64_t)head->filters * IMAGE_FILTERED + 1) * sizeof(struct image_group) +
	       (uint64_t)head->ancestor_slots * sizeof(uint32_t) +
	       prefixes * sizeof(struct image_prefix) +
	       (uint64_t)head->statics * sizeof(struct image_static) +
	       (uint64_t)head->opened * sizeof(struct image_opened) +
	       (uint64_t)head->files * sizeof(struct image_file) + head->extras_len +
	       head->rules_len + head->paths_len;
}

void image_item(const uint8_t *section, uint32_t index, void *item, size_t size)
{
	memcpy(item, section + index * size, size);
}

uint32_t image_ancestor_at(const uint8_t *ancestors, uint32_t index)
{
	uint32_t name;
	memcpy(&name, ancestors + (size_t)index * sizeof(name), sizeof(name));
	return name;
}

const char *image_path(const struct image_view *view, uint32_t index)
{
	struct image_file file;
	image_item(view->files, index, &file, sizeof(file));
	return view->paths + file.path;
}

uint32_t image_file_of(const struct image_view *view, uint32_t *line)
{
	uint32_t low = 0, high = view->head.files;
	struct image_file file;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		image_item(view->files, middle, &file, sizeof(file));
		if (file.before < *line)
			low = middle;
		else
			high = middle;
	}
	image_item(view->files, low, &file, sizeof(file));
	*line -= file.before;
	return low;
}

/* ---- finding the sections ---- */

static bool head_sound(const struct image_head *head, size_t len)
{
	return head->magic == IMAGE_MAGIC && head->len == len && image_size(head) == len &&
	       head->filters > 0 && head->filters <= IMAGE_RULES_MAX &&
	       head->ancestor_slots > head->ancestors && head->files > 0 &&
	       head->files <= IMAGE_FILES_MAX && head->paths_len > 1 &&
	       (head->flags & ~IMAGE_DISABLED) == 0 && head->zero == 0;
}

int image_view(const uint8_t *octets, size_t len, struct image_view *out)
{
	struct image_view view;
	if (len < sizeof(view.head))
		return NG_E_FORMAT;
	memcpy(&view.head, octets, sizeof(view.head));
	const struct image_head *head = &view.head;
	if (!head_sound(head, len))
		return NG_E_FORMAT;
	const uint8_t *at = octets + sizeof(*head);
	view.filters = at;
	view.groups = at += (size_t)head->filters * sizeof(uint64_t);
	view.ancestors = at += ((size_t)image_groups(head) + 1) * sizeof(struct image_group);
	at += (size_t)head->ancestor_slots * sizeof(uint32_t);
	for (size_t i = 0; i < IMAGE_PREFIXES; i++) {
		view.prefixes[i] = at;
		at += (size_t)head->prefixes[i] * sizeof(struct image_prefix);
	}
	view.statics = at;
	view.opened = at += (size_t)head->statics * sizeof(struct image_static);
	view.files = at += (size_t)head->opened * sizeof(struct image_opened);
	view.extras = at += (size_t)head->files * sizeof(struct image_file);
	view.rules = at += head->extras_len;
	view.paths = (const char *)at + head->rules_len;
	*out = view;
	return NG_OK;
}

/* ---- extras ---- */

/* Where the parts of an extra begin; false when it does not lie in the extras. */
static bool extra_find(const struct image_view *view, uint32_t extra, struct image_extra *head,
		       const uint8_t **at, size_t *room)
{
	if (extra == 0 || extra > view->head.extras_len ||
	    view->head.extras_len - (extra - 1) < sizeof(*head))
		return false;
	*at = view->extras + (extra - 1);
	*room = view->head.extras_len - (extra - 1) - sizeof(*head);
	memcpy(head, *at, sizeof(*head));
	*at += sizeof(*head);
	return true;
}

/* Octets of all that stands before the local records. */
static size_t bounds_size(const struct image_extra *head)
{
	return head->n_ports * sizeof(struct image_port) + head->n_types * sizeof(uint16_t) +
	       head->n_opened * sizeof(struct image_opened);
}

bool image_port_sound(const struct image_port *port)
{
	return (port->proto == 6 || port->proto == 17) && port->port != 0 && port->zero == 0;
}

struct ng_prefix image_prefix_of(const uint8_t addr[static 16], uint8_t family, uint8_t bits)
{
	struct ng_prefix prefix = {.addr.family = family, .bits = bits};
	memcpy(prefix.addr.bytes, addr, sizeof(prefix.addr.bytes));
	return prefix;
}

bool image_bounds(const struct image_view *view, uint32_t extra, struct ng_bounds *out)
{
	struct ng_bounds bounds = {0};
	struct image_extra head;
	const uint8_t *at;
	size_t room;
	if (!extra_find(view, extra, &head, &at, &room) || room < bounds_size(&head) ||
	    head.n_ports > NG_PORTS_MAX || head.n_types > NG_TYPES_MAX ||
	    head.n_opened > NG_RULE_PRIVATE_MAX || head.strict > 1)
		return false;
	for (uint8_t i = 0; i < head.n_ports; i++, at += sizeof(struct image_port)) {
		struct image_port port;
		memcpy(&port, at, sizeof(port));
		if (!image_port_sound(&port))
			return false;
		bounds.ports[i] = (struct ng_port){port.proto, port.port};
	}
	memcpy(bounds.types, at, head.n_types * sizeof(uint16_t));
	at += head.n_types * sizeof(uint16_t);
	for (uint8_t i = 0; i < head.n_opened; i++, at += sizeof(struct image_opened)) {
		struct image_opened opened;
		memcpy(&opened, at, sizeof(opened));
		bounds.opened[i] = image_prefix_of(opened.addr, opened.family, opened.bits);
		if (!ng_prefix_valid(&bounds.opened[i]))
			return false;
	}
	bounds.n_ports = head.n_ports;
	bounds.n_types = head.n_types;
	bounds.n_opened = head.n_opened;
	bounds.lease_max_s = head.lease_max_s;
	bounds.strict = head.strict;
	*out = bounds;
	return true;
}

uint64_t image_until(const struct image_view *view, uint32_t extra)
{
	struct image_extra head;
	const uint8_t *at;
	size_t room;
	return extra_find(view, extra, &head, &at, &room) ? head.until_s : 0;
}

uint32_t image_denial_ttl(const struct image_view *view, uint32_t extra)
{
	struct image_extra head;
	const uint8_t *at;
	size_t room;
	return extra_find(view, extra, &head, &at, &room) ? head.denial_ttl : 0;
}

uint32_t image_locals(const struct image_view *view, uint32_t extra)
{
	struct image_extra head;
	const uint8_t *at;
	size_t room;
	return extra_find(view, extra, &head, &at, &room) ? head.n_locals : 0;
}

/* The cursor counts records; a rule has few, so each call walks from the first. */
bool image_local(const struct image_view *view, uint32_t extra, uint32_t *cursor,
		 struct ng_local *out)
{
	struct image_extra head;
	struct image_local local;
	const uint8_t *at;
	size_t room;
	uint32_t index = *cursor;
	if (!extra_find(view, extra, &head, &at, &room) || index >= head.n_locals ||
	    index >= IMAGE_LOCALS_MAX || room < bounds_size(&head))
		return false;
	room -= bounds_size(&head);
	at += bounds_size(&head);
	for (uint32_t i = 0;; i++) {
		if (room < sizeof(local))
			return false;
		memcpy(&local, at, sizeof(local));
		room -= sizeof(local);
		at += sizeof(local);
		if (room < local.rdlen)
			return false;
		if (i == index)
			break;
		room -= local.rdlen;
		at += local.rdlen;
	}
	*out = (struct ng_local){local.type, local.ttl, at, local.rdlen};
	*cursor = index + 1;
	return true;
}

int image_prefix_order(const struct image_prefix *a, const struct image_prefix *b)
{
	int order = (int)b->bits - (int)a->bits;
	return order != 0 ? order : memcmp(a->addr, b->addr, sizeof(a->addr));
}
