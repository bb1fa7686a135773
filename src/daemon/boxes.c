/*
 * The table of sandboxes. Sources of one address, nearly all of them, are found by hash; wider
 * ones stand in a list, so that registration stays cheap with ten thousand sandboxes.
 */
#include "daemon/boxes.h"

#include "conf/host.h"
#include "daemon/assign.h"

#include <stdlib.h>
#include <string.h>

/* The octets that make an address one key: the zero padding of struct ng_addr is part of it. */
static struct box_source *host_find(const struct boxes *boxes, const struct ng_addr *addr)
{
	struct box_source *found = NULL;
	HASH_FIND(hh, boxes->hosts, addr, sizeof *addr, found);
	return found;
}

static struct box *clash_of_prefix(const struct boxes *boxes, const struct ng_prefix *prefix,
				   const struct box *but)
{
	struct box_source *host, *next;
	for (struct box_source *wide = boxes->wide; wide; wide = wide->next)
		if (wide->box != but && ng_prefix_overlaps(&wide->prefix, prefix))
			return wide->box;
	if (ng_prefix_is_host(prefix)) {
		host = host_find(boxes, &prefix->addr);
		return host && host->box != but ? host->box : NULL;
	}
	HASH_ITER (hh, boxes->hosts, host, next)
		if (host->box != but && ng_prefix_overlaps(&host->prefix, prefix))
			return host->box;
	return NULL;
}

static struct box *clash_of_host(const struct boxes *boxes, const struct conf_sandbox *conf,
				 const struct box *but)
{
	struct box *box, *next;
	if (conf_who(conf) == WALL_BY_INTERFACE)
		return NULL;
	HASH_ITER (by_host, boxes->by_host, box, next)
		if (box != but && conf_same_host(&box->conf, conf))
			return box;
	return NULL;
}

struct box *boxes_clash(const struct boxes *boxes, const struct conf_sandbox *conf,
			const struct box *but)
{
	struct box *box = boxes_find(boxes, conf->name);
	if (box && box != but)
		return box;
	box = clash_of_host(boxes, conf, but);
	for (size_t i = 0; !box && i < conf->n_sources; i++)
		box = clash_of_prefix(boxes, &conf->sources[i], but);
	return box;
}

/* ---- what a box owns ---- */

static void policies_free(struct conf_sandbox *conf)
{
	for (size_t i = 0; i < conf->n_policies; i++)
		free(conf->policies[i]);
	conf->n_policies = 0;
}

static int conf_copy(const struct conf_sandbox *from, struct conf_sandbox *to)
{
	struct conf_sandbox copy = *from;
	copy.n_policies = 0;
	copy.place = (struct ng_place){0};
	for (size_t i = 0; i < from->n_policies; i++) {
		copy.policies[i] = strdup(from->policies[i]);
		if (!copy.policies[i]) {
			policies_free(&copy);
			return NG_E_NOMEM;
		}
		copy.n_policies++;
	}
	*to = copy;
	return NG_OK;
}

static void sources_link(struct boxes *boxes, struct box *box, struct box_source *sources)
{
	box->sources = sources;
	for (size_t i = 0; i < box->conf.n_sources; i++) {
		struct box_source *source = &sources[i];
		source->prefix = box->conf.sources[i];
		source->box = box;
		if (ng_prefix_is_host(&source->prefix)) {
			HASH_ADD(hh, boxes->hosts, prefix.addr, sizeof source->prefix.addr,
				 source);
		} else {
			source->next = boxes->wide;
			boxes->wide = source;
		}
	}
}

static void wide_unlink(struct boxes *boxes, const struct box_source *source)
{
	struct box_source **at = &boxes->wide;
	while (*at && *at != source)
		at = &(*at)->next;
	if (*at)
		*at = source->next;
}

static void sources_unlink(struct boxes *boxes, struct box *box)
{
	for (size_t i = 0; i < box->conf.n_sources; i++) {
		struct box_source *source = &box->sources[i];
		if (ng_prefix_is_host(&source->prefix))
			HASH_DELETE(hh, boxes->hosts, source);
		else
			wide_unlink(boxes, source);
	}
	free(box->sources);
	box->sources = NULL;
}

static void host_link(struct boxes *boxes, struct box *box)
{
	if (conf_who(&box->conf) != WALL_BY_INTERFACE)
		HASH_ADD(by_host, boxes->by_host, id, sizeof box->id, box);
}

static void host_unlink(struct boxes *boxes, struct box *box)
{
	if (conf_who(&box->conf) != WALL_BY_INTERFACE)
		HASH_DELETE(by_host, boxes->by_host, box);
}

static struct box_source *sources_make(const struct conf_sandbox *conf)
{
	return calloc(conf->n_sources ? conf->n_sources : 1, sizeof(struct box_source));
}

/* ---- the table ---- */

int boxes_add(struct boxes *boxes, uint32_t id, const struct conf_sandbox *conf,
	      struct box **other, struct box **out)
{
	struct box *clash = boxes_clash(boxes, conf, NULL);
	if (clash) {
		*other = clash;
		return NG_E_EXISTS;
	}
	struct box *box = calloc(1, sizeof *box);
	struct box_source *sources = sources_make(conf);
	if (!box || !sources || conf_copy(conf, &box->conf)) {
		free(sources);
		free(box);
		return NG_E_NOMEM;
	}
	box->id = id;
	box->worker = assign_worker(conf->name, boxes->workers);
	sources_link(boxes, box, sources);
	HASH_ADD_KEYPTR(by_name, boxes->by_name, box->conf.name, strlen(box->conf.name), box);
	HASH_ADD(by_id, boxes->by_id, id, sizeof box->id, box);
	host_link(boxes, box);
	*out = box;
	return NG_OK;
}

int boxes_replace(struct boxes *boxes, struct box *box, const struct conf_sandbox *conf)
{
	struct conf_sandbox copy;
	struct box_source *sources = sources_make(conf);
	if (!sources || conf_copy(conf, &copy)) {
		free(sources);
		return NG_E_NOMEM;
	}
	sources_unlink(boxes, box);
	host_unlink(boxes, box);
	policies_free(&box->conf);
	if (strcmp(copy.interface, box->conf.interface) != 0) {
		box->absent = false; /* another is waited for */
		box->link = 0;
	}
	box->conf = copy; /* the name, and with it the key, is the same */
	sources_link(boxes, box, sources);
	host_link(boxes, box);
	return NG_OK;
}

void boxes_remove(struct boxes *boxes, struct images *images, struct box *box)
{
	HASH_DELETE(by_name, boxes->by_name, box);
	HASH_DELETE(by_id, boxes->by_id, box);
	host_unlink(boxes, box);
	sources_unlink(boxes, box);
	policies_free(&box->conf);
	images_release(images, box->inlined);
	images_release(images, box->spare);
	images_release(images, box->approvals);
	grants_finish(&box->grants);
	json_decref(box->answer);
	free(box);
}

struct box *boxes_owner(const struct boxes *boxes, const struct ng_prefix *source,
			const struct box *but)
{
	const struct box_source *host =
		ng_prefix_is_host(source) ? host_find(boxes, &source->addr) : NULL;
	/* Two have it while a reload is under way; they are in one chain, in any order. */
	for (const UT_hash_handle *at = host ? &host->hh : NULL; at; at = at->hh_next) {
		host = ELMT_FROM_HH(boxes->hosts->hh.tbl, at);
		if (host->box != but && ng_addr_equal(&host->prefix.addr, &source->addr))
			return host->box;
	}
	for (const struct box_source *wide = boxes->wide; wide; wide = wide->next)
		if (wide->box != but && wide->prefix.bits == source->bits &&
		    ng_addr_equal(&wide->prefix.addr, &source->addr))
			return wide->box;
	return NULL;
}

struct box *boxes_find(const struct boxes *boxes, const char *name)
{
	struct box *box = NULL;
	HASH_FIND(by_name, boxes->by_name, name, strlen(name), box);
	return box;
}

struct box *boxes_find_id(const struct boxes *boxes, uint32_t id)
{
	struct box *box = NULL;
	HASH_FIND(by_id, boxes->by_id, &id, sizeof id, box);
	return box;
}

enum ng_mode box_mode(const struct box *box)
{
	return box->closed ? NG_LOCKDOWN : box->conf.mode;
}

size_t boxes_count(const struct boxes *boxes)
{
	return HASH_CNT(by_id, boxes->by_id);
}

void boxes_finish(struct boxes *boxes, struct images *images)
{
	struct box *box, *next;
	HASH_ITER (by_id, boxes->by_id, box, next)
		boxes_remove(boxes, images, box);
}

static bool prefixes_differ(const struct ng_prefix *a, size_t n_a, const struct ng_prefix *b,
			    size_t n_b)
{
	if (n_a != n_b)
		return true;
	for (size_t i = 0; i < n_a; i++)
		if (a[i].bits != b[i].bits || !ng_addr_equal(&a[i].addr, &b[i].addr))
			return true;
	return false;
}

bool boxes_differ(const struct conf_sandbox *a, const struct conf_sandbox *b)
{
	return strcmp(a->interface, b->interface) || strcmp(a->bridge, b->bridge) ||
	       conf_who(a) != conf_who(b) || a->host.uid != b->host.uid ||
	       a->host.cgroup != b->host.cgroup || a->mode != b->mode ||
	       a->masquerade != b->masquerade || a->budget != b->budget || a->aaaa != b->aaaa ||
	       prefixes_differ(a->sources, a->n_sources, b->sources, b->n_sources) ||
	       prefixes_differ(a->opened, a->n_opened, b->opened, b->n_opened);
}
