/*
 * What main must remember beyond its life: sandboxes, their ids, the version of the policy,
 * approvals, and the last good form of each policy source.
 *
 * An LMDB environment in a folder of its own. Writes are committed at once and without waiting
 * for the disk; the flush follows in a thread. Meant for one loop and one thread. Values are the
 * caller's octets; what comes back from the disk must be parsed like anything hostile.
 */
#pragma once

#include <namegate/bounds.h>
#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define REGISTRY_VALUE_MAX 65536

struct registry;

/*
 * Opens, or makes, the registry in folder (which must exist).
 * NG_E_IO, NG_E_NOMEM, NG_E_FORMAT (it is there but broken); *why then holds one phrase (static).
 */
int registry_open(const char *folder, uv_loop_t *loop, struct registry **out,
		  const char **why) NG_MUST_CHECK;
/* Closes when the flush under way has ended; the loop must run until then. Takes NULL. */
void registry_close(struct registry *registry);

/* The next id, never given out before in the life of this registry. NG_E_IO, NG_E_FULL. */
int registry_take_id(struct registry *registry, uint32_t *out) NG_MUST_CHECK;
/* One more than the last time, starting with 1. NG_E_IO. */
int registry_next_version(struct registry *registry, uint64_t *out) NG_MUST_CHECK;

/* Adds or replaces; len up to REGISTRY_VALUE_MAX, 0 for a sandbox that stands in the configuration. */
int registry_put(struct registry *registry, const char *name, uint32_t id, const char *value,
		 size_t len) NG_MUST_CHECK;
/* NG_E_NOTFOUND, NG_E_IO. */
int registry_find(struct registry *registry, const char *name, uint32_t *id) NG_MUST_CHECK;
/* The value is copied to buf, with a NUL behind it. NG_E_NOTFOUND, NG_E_IO. */
int registry_value(struct registry *registry, const char *name,
		   char buf[static REGISTRY_VALUE_MAX + 1], size_t *len) NG_MUST_CHECK;
int registry_remove(struct registry *registry, const char *name) NG_MUST_CHECK;

/* Visits all in the order of their names; the pointers are good during the visit only. NG_E_IO. */
typedef void registry_visit(void *owner, const char *name, uint32_t id, const char *value,
			    size_t len);
int registry_each(struct registry *registry, registry_visit *visit, void *owner) NG_MUST_CHECK;

/* ---- approvals, by number (registry_kept.c) ---- */

/* The next number, never given out before. NG_E_IO. */
int registry_take_approval(struct registry *registry, uint64_t *out) NG_MUST_CHECK;
/* Adds or replaces; len up to REGISTRY_VALUE_MAX. NG_E_IO, NG_E_FULL. */
int registry_approval_put(struct registry *registry, uint64_t id, const char *value,
			  size_t len) NG_MUST_CHECK;
/* NG_E_NOTFOUND, NG_E_IO. */
int registry_approval_remove(struct registry *registry, uint64_t id) NG_MUST_CHECK;
/* Visits all in the order of their numbers; the value is good during the visit only. NG_E_IO. */
typedef void registry_approval_visit(void *owner, uint64_t id, const char *value, size_t len);
int registry_approvals_each(struct registry *registry, registry_approval_visit *visit,
			    void *owner) NG_MUST_CHECK;

/* ---- compiled sources, by path (registry_kept.c) ---- */

struct registry_image {
	uint64_t made_s; /* wall time of the compilation */
	uint64_t digest; /* ng_ruleset_digest() */
	uint8_t *octets;
	size_t len;
};
/* Adds or replaces; path is shorter than NG_PATH_MAX. NG_E_IO, NG_E_FULL, NG_E_RANGE. */
int registry_image_put(struct registry *registry, const char *path,
		       const struct registry_image *image) NG_MUST_CHECK;
/*
 * With copies of the octets, which the caller frees; still to be checked like anything from
 * outside. NG_E_NOTFOUND, NG_E_FORMAT, NG_E_IO, NG_E_NOMEM.
 */
int registry_image_get(struct registry *registry, const char *path,
		       struct registry_image *out) NG_MUST_CHECK;
/* The same without the octets (NULL, 0). */
int registry_image_look(struct registry *registry, const char *path,
			struct registry_image *out) NG_MUST_CHECK;
/*
 * What the compiled source was made of, in the caller's words; beside the image, under the same
 * path. The text that is got has a NUL, and the caller frees it. NG_E_IO, NG_E_FULL, NG_E_RANGE;
 * NG_E_NOTFOUND, NG_E_NOMEM.
 */
int registry_texts_put(struct registry *registry, const char *path,
		       const char *text) NG_MUST_CHECK;
int registry_texts_get(struct registry *registry, const char *path, char **out) NG_MUST_CHECK;
/* Removes those that wanted() says are not, with their texts. NG_E_IO. */
typedef bool registry_image_wanted(void *owner, const char *path);
int registry_images_prune(struct registry *registry, registry_image_wanted *wanted,
			  void *owner) NG_MUST_CHECK;
