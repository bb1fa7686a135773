/*
 * Compiled policy sources in main: counted by who uses them, handed to the worker as sealed memory.
 *
 * `struct images` owns every image, found by digest, so that equal sources are held once.
 * `struct sources` maps the paths of one generation to images and holds a use of each.
 */
#pragma once

#include <namegate/policy.h>
#include <stdbool.h>
#include <uthash.h>

struct image {
	uint64_t digest;
	struct ng_image octets;
	uint32_t uses;
	uint32_t
		at_worker; /* members of the worker that name it; it holds the image while > 0 */
	bool held;         /* while a generation is told: the worker held it before */
	UT_hash_handle hh;
};

struct images {
	struct image *by_digest;
};

struct source {
	char *path;
	struct image *image;
	UT_hash_handle hh;
};

struct sources {
	struct source *by_path;
};

/* Takes octets over (also on failure) and one use of the image. NG_E_NOMEM, NG_E_FORMAT, NG_E_EXISTS. */
int images_intern(struct images *images, struct ng_image *octets,
		  struct image **out) NG_MUST_CHECK;
/* A list made of inline lines. Takes one use. NG_E_SYNTAX, NG_E_NOMEM. */
int images_inline(struct images *images, const char *sandbox, const char *text,
		  struct ng_diags *diags, struct image **out) NG_MUST_CHECK;
/* Gives one use back; the last one frees it. Takes NULL. */
void images_release(struct images *images, struct image *image);

/* The image of path, compiled when this generation has not seen it yet; borrowed. NG_E_SYNTAX … */
int sources_load(struct sources *sources, struct images *images, const char *path,
		 struct ng_diags *diags, struct image **out) NG_MUST_CHECK;
void sources_finish(struct sources *sources, struct images *images);

/* A descriptor of sealed memory with the image in it; the caller closes it. NG_E_IO. */
int image_seal(const struct image *image, int *fd) NG_MUST_CHECK;
