/*
 * The sandboxes that main knows, from the configuration and registered at run time.
 *
 * The table owns its boxes and finds them by name, by id and by source; no two boxes may send
 * from one address. What stands on the other sides of the walls is noted in each box, and changed
 * by sync.c alone.
 */
#pragma once

#include "base/wall.h"
#include "conf/grants.h"
#include "daemon/images.h"
#include "edge/program_pins.h"

#include <jansson.h>

struct control_request;
struct box;

enum side {
	SIDE_ABSENT = 0,
	SIDE_SENT,
	SIDE_PRESENT,
	SIDE_SHUT, /* refused, and shut out until it is taken or removed; of the warden alone */
	SIDE_REMOVING
};

struct box_source {
	struct ng_prefix prefix;
	struct box *box;
	struct box_source *next; /* of those wider than one address */
	UT_hash_handle hh;
};

struct box {
	uint32_t id;
	bool runtime;  /* registered over the control socket; else from the configuration */
	bool removing; /* on its way out: nothing new is sent for it */
	bool stale;    /* a reload left it out; it goes when the new generation stands */
	bool changed;  /* was replaced while it stood: a failure must not remove it */
	bool asked;    /* a member of its own is unanswered */
	bool absent; /* its interface or cgroup is gone; it stands nowhere until that is back */
	unsigned link; /* number of its interface when last seen; 0: never */
	bool closed;   /* a source of its policy has neither a good nor a last good form */
	struct conf_sandbox conf;              /* owns its policies */
	struct image *inlined;                 /* a use of its own; NULL: none */
	struct image *spare;                   /* its predecessor, while that is still in use */
	struct image *images[NG_RULESETS_MAX]; /* the inline list first; borrowed */
	uint8_t n_images;
	struct image *group[NG_RULESETS_MAX]; /* those of its group; borrowed */
	uint8_t n_group;
	struct image *approvals; /* a use of its own; NULL: none */
	bool approvals_new;      /* the worker was not told of them yet */
	struct grants grants;
	struct ng_prefix steered[NG_SOURCES_MAX]; /* as the kernel has them (steering.c) */
	uint8_t n_steered;
	uint32_t worker; /* the index of its worker, for good */
	struct box_source *sources;
	enum side at_warden, at_worker;
	struct pin pin;                  /* what is to hang for it, or may (holds.c) */
	struct wall_tally tally;         /* as the warden told last (views.c) */
	struct control_request *waiting; /* who is told when it stands, or is gone */
	json_t *answer;                  /* and what, when there is more to say than that */
	UT_hash_handle by_name, by_id, by_host;
};

/* How it is treated: as it is set to, but for one that nothing is known about. */
enum ng_mode box_mode(const struct box *box);

struct boxes {
	uint32_t workers; /* that boxes are given to; 0 is one */
	struct box *by_name, *by_id;
	struct box
		*by_host; /* by id, those alone that have no interface: few beside the others */
	struct box_source *hosts, *wide;
};

/*
 * Adds a box with copies of conf. NG_E_NOMEM; NG_E_EXISTS with the box whose name or source it
 * would take in *other.
 */
int boxes_add(struct boxes *boxes, uint32_t id, const struct conf_sandbox *conf,
	      struct box **other, struct box **out) NG_MUST_CHECK;
/* The box that has this name, or a source that overlaps with one of conf's; but is not `but`. */
struct box *boxes_clash(const struct boxes *boxes, const struct conf_sandbox *conf,
			const struct box *but);
/* Gives an existing box a new configuration of the same name. NG_E_NOMEM: it is as it was. */
int boxes_replace(struct boxes *boxes, struct box *box,
		  const struct conf_sandbox *conf) NG_MUST_CHECK;
void boxes_remove(struct boxes *boxes, struct images *images, struct box *box);
/* The box, other than `but`, that has exactly this source; NULL: none. */
struct box *boxes_owner(const struct boxes *boxes, const struct ng_prefix *source,
			const struct box *but);
struct box *boxes_find(const struct boxes *boxes, const char *name);
struct box *boxes_find_id(const struct boxes *boxes, uint32_t id);
size_t boxes_count(const struct boxes *boxes);
void boxes_finish(struct boxes *boxes, struct images *images);
/* Do the two differ in anything that the warden is told? */
bool boxes_differ(const struct conf_sandbox *a, const struct conf_sandbox *b);
