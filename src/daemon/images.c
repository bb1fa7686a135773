/*
 * Compiled policy sources.
 *
 * Main keeps the octets and makes a descriptor only for as long as it takes to hand it over: ten
 * thousand sandboxes with a list each would otherwise need as many open files. Where there are several
 * workers it keeps those of large images, which they map together. The seals (no
 * shrinking, growing, writing) are what lets the worker map what it got and be sure that it stays.
 */
#include "config.h"
#include "daemon/images.h"
#include "conf/sources.h"
#include "edge/sealed.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Two sources of one digest must be one source: the digest is no cryptographic one. */
static int use_known(struct image *known, struct ng_image *octets, struct image **out)
{
	bool same = known->octets.len == octets->len &&
		    !memcmp(known->octets.octets, octets->octets, octets->len);
	ng_image_finish(octets);
	if (!same)
		return NG_E_EXISTS;
	known->uses++;
	*out = known;
	return NG_OK;
}

/* Octets that nobody knows yet, with the ruleset over them. */
static int make(struct images *images, struct ng_image *octets, struct ng_ruleset *ruleset,
		struct image **out)
{
	const size_t workers = images->workers ? images->workers : 1;
	struct image *image = calloc(1, sizeof *image + workers * sizeof image->at_worker[0]);
	if (!image)
		return NG_E_NOMEM;
	image->digest = ng_ruleset_digest(ruleset);
	image->octets = *octets;
	image->ruleset = ruleset;
	image->uses = 1;
	image->sealed = -1;
	*octets = (struct ng_image){0};
	HASH_ADD(hh, images->by_digest, digest, sizeof image->digest, image);
	*out = image;
	return NG_OK;
}

int images_intern(struct images *images, struct ng_image *octets, struct image **out)
{
	struct ng_ruleset *ruleset = NULL;
	struct image *image = NULL;
	int code = ng_ruleset_open(octets->octets, octets->len, &ruleset);
	if (code == NG_OK) {
		uint64_t digest = ng_ruleset_digest(ruleset);
		HASH_FIND(hh, images->by_digest, &digest, sizeof digest, image);
	}
	if (code == NG_OK && !image) {
		code = make(images, octets, ruleset, out);
		ruleset = code ? ruleset : NULL; /* the image has it now */
	}
	ng_ruleset_close(ruleset);
	if (code)
		ng_image_finish(octets);
	return code || !image ? code : use_known(image, octets, out);
}

int images_list(struct images *images, const char *path, const char *text,
		struct ng_diags *diags, struct image **out)
{
	const struct ng_source source = {
		.format = NG_FORMAT_LIST,
		.path = path,
		.text = text,
		.len = strlen(text),
		.now_s = (uint64_t)time(NULL),
	};
	struct ng_image octets = {0};
	int code = ng_compile(&source, diags, &octets);
	return code ? code : images_intern(images, &octets, out);
}

int images_inline(struct images *images, const char *sandbox, const char *text,
		  struct ng_diags *diags, struct image **out)
{
	char path[NG_PATH_MAX];
	snprintf(path, sizeof path, "sandbox %s", sandbox);
	return images_list(images, path, text, diags, out);
}

uint64_t images_expire(const struct images *images)
{
	struct image *image, *next;
	uint64_t earliest = 0;
	HASH_ITER (hh, images->by_digest, image, next) {
		uint64_t at = ng_ruleset_expires(image->ruleset);
		if (at && (!earliest || at < earliest))
			earliest = at;
	}
	return earliest;
}

void images_release(struct images *images, struct image *image)
{
	if (!image || --image->uses > 0)
		return;
	HASH_DELETE(hh, images->by_digest, image);
	if (image->sealed >= 0) {
		close(image->sealed);
		images->n_sealed--;
	}
	ng_ruleset_close(image->ruleset);
	ng_image_finish(&image->octets);
	free(image);
}

/* ---- the sources of one generation ---- */

static void source_free(struct source *source)
{
	if (!source)
		return;
	free(source->path);
	free(source->why);
	source_texts_finish(&source->texts);
	free(source);
}

static int source_make(const char *path, struct source **out)
{
	struct source *source = calloc(1, sizeof *source);
	if (source)
		source->path = strdup(path);
	if (!source || !source->path) {
		source_free(source);
		return NG_E_NOMEM;
	}
	*out = source;
	return NG_OK;
}

/* Why the source could not be compiled: the first error that is said about it. */
static char *first_error(const struct ng_diags *diags, size_t from, int code)
{
	char line[512];
	for (size_t i = from; i < diags->n; i++)
		if (diags->items[i].severity == NG_ERROR)
			return strdup(ng_diag_format(&diags->items[i], line, sizeof line));
	return strdup(ng_strerror(code));
}

static int fall_back(struct sources *sources, struct images *images, struct source *source)
{
	struct ng_image octets = {0};
	int code = sources->last_good(sources->owner, source->path, &octets, &source->made_s);
	if (code == NG_OK)
		code = images_intern(images, &octets, &source->image);
	if (!source->image)
		source->made_s = 0;
	return code == NG_E_NOMEM ? code : NG_OK;
}

static int source_fill(struct sources *sources, struct images *images, struct source *source,
		       struct ng_diags *diags)
{
	struct ng_image octets = {0};
	size_t before = diags->n;
	int code = source_compile_noting(source->path, NULL, sources->conf, diags,
					 &source->texts, &octets);
	if (code == NG_OK)
		code = images_intern(images, &octets, &source->image);
	if (code == NG_OK || code == NG_E_NOMEM || !sources->last_good)
		return code;
	source->why = first_error(diags, before, code);
	return source->why ? fall_back(sources, images, source) : NG_E_NOMEM;
}

struct source *sources_find(const struct sources *sources, const char *path)
{
	struct source *known = NULL;
	HASH_FIND_STR(sources->by_path, path, known);
	return known;
}

int sources_load(struct sources *sources, struct images *images, const char *path,
		 struct ng_diags *diags, struct image **out)
{
	struct source *source = sources_find(sources, path);
	if (source) {
		*out = source->image;
		return NG_OK;
	}
	int code = source_make(path, &source);
	if (code)
		return code;
	code = source_fill(sources, images, source, diags);
	if (code) {
		source_free(source);
		return code;
	}
	HASH_ADD_KEYPTR(hh, sources->by_path, source->path, strlen(source->path), source);
	*out = source->image;
	return NG_OK;
}

void sources_finish(struct sources *sources, struct images *images)
{
	struct source *source, *next;
	HASH_ITER (hh, sources->by_path, source, next) {
		HASH_DELETE(hh, sources->by_path, source);
		images_release(images, source->image);
		source_free(source);
	}
}

/* ---- over the wall ---- */

#define SHARE_MIN  65536u /* octets: less is not worth a descriptor that stays open */
#define SHARES_MAX 256u

int images_seal(struct images *images, struct image *image, int *fd)
{
	int made = image->sealed, copy, code;
	bool shared = images->workers > 1 && image->octets.len >= SHARE_MIN &&
		      images->n_sealed < SHARES_MAX;
	if (made < 0) {
		code = sealed_make(image->octets.octets, image->octets.len, &made);
		if (code)
			return code;
		if (!shared) {
			*fd = made;
			return NG_OK;
		}
		image->sealed = made;
		images->n_sealed++;
	}
	copy = fcntl(made, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return NG_E_IO;
	*fd = copy;
	return NG_OK;
}
