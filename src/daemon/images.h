/*
 * Compiled policy sources in main: counted by who uses them, handed to the worker as sealed memory.
 *
 * `struct images` owns every image, found by digest, so that equal sources are held once.
 * `struct sources` maps the paths of one generation to images and holds a use of each; a path that
 * cannot be compiled may stand for its last good image, or for none.
 */
#pragma once

#include "conf/sources.h"

#include <namegate/policy.h>
#include <stdbool.h>
#include <uthash.h>

struct image {
	uint64_t digest;
	struct ng_image octets;
	struct ng_ruleset *ruleset; /* over the octets */
	uint32_t uses;
	bool held;  /* while a generation is told: the worker held it before */
	int sealed; /* the memory that workers map together; -1: each gets a copy */
	UT_hash_handle hh;
	uint32_t at_worker[]; /* members of each that name it; it holds the image while > 0 */
};

struct conf;
struct images {
	struct image *by_digest;
	uint32_t workers; /* that images are handed to; 0 is one */
	uint32_t n_sealed;
};

struct source {
	char *path;
	struct image *image; /* NULL: there is neither a good nor a last good one */
	uint64_t made_s;     /* wall time of the last good one; 0: the image is of this load */
	char *why;           /* why it is not; NULL when it is */
	struct source_texts texts; /* what this load read of it */
	UT_hash_handle hh;
};

/* The last good octets of path and their time. NG_E_NOTFOUND, and all that reading may say. */
typedef int last_good_find(void *owner, const char *path, struct ng_image *out,
			   uint64_t *made_s);
struct sources {
	struct source *by_path;
	const struct conf *conf;   /* for its zones and folder; outlives them, or NULL */
	last_good_find *last_good; /* NULL: what cannot be compiled is an error */
	void *owner;
};

/* Takes octets over (also on failure) and one use of the image. NG_E_NOMEM, NG_E_FORMAT, NG_E_EXISTS. */
int images_intern(struct images *images, struct ng_image *octets,
		  struct image **out) NG_MUST_CHECK;
/* A list made of text, shown as path. Takes one use. NG_E_SYNTAX, NG_E_NOMEM. */
int images_list(struct images *images, const char *path, const char *text,
		struct ng_diags *diags, struct image **out) NG_MUST_CHECK;
/* The same for the inline lines of a sandbox. */
int images_inline(struct images *images, const char *sandbox, const char *text,
		  struct ng_diags *diags, struct image **out) NG_MUST_CHECK;
/* The earliest wall time at which a rule of any image ends; 0: none does. */
uint64_t images_expire(const struct images *images);
/* Gives one use back; the last one frees it. Takes NULL. */
void images_release(struct images *images, struct image *image);

/*
 * The image of path, compiled when this generation has not seen it yet; borrowed. NG_E_SYNTAX …
 * Where there is a last_good, what cannot be compiled is no failure (but without memory): *out is
 * then that image or NULL, and the source says why.
 */
int sources_load(struct sources *sources, struct images *images, const char *path,
		 struct ng_diags *diags, struct image **out) NG_MUST_CHECK;
struct source *sources_find(const struct sources *sources, const char *path);
void sources_finish(struct sources *sources, struct images *images);

/*
 * A descriptor of sealed memory with the image in it; the caller closes it. Several workers are handed
 * the same memory, where the image is large enough to matter. NG_E_IO.
 */
int images_seal(struct images *images, struct image *image, int *fd) NG_MUST_CHECK;
