/*
 * Compiled policy sources.
 *
 * Main keeps the octets and makes a descriptor only for as long as it takes to hand it over: ten
 * thousand sandboxes with a list each would otherwise need as many open files. The seals (no
 * shrinking, growing, writing) are what lets the worker map what it got and be sure that it stays.
 */
#include "config.h"
#include "daemon/images.h"
#include "conf/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static int digest_of(const struct ng_image *octets, uint64_t *out)
{
	struct ng_ruleset *ruleset;
	int code = ng_ruleset_open(octets->octets, octets->len, &ruleset);
	if (code)
		return code;
	*out = ng_ruleset_digest(ruleset);
	ng_ruleset_close(ruleset);
	return NG_OK;
}

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

int images_intern(struct images *images, struct ng_image *octets, struct image **out)
{
	uint64_t digest = 0;
	struct image *image = NULL;
	int code = digest_of(octets, &digest);
	if (code == NG_OK)
		HASH_FIND(hh, images->by_digest, &digest, sizeof digest, image);
	if (code == NG_OK && image)
		return use_known(image, octets, out);
	if (code == NG_OK && !(image = calloc(1, sizeof *image)))
		code = NG_E_NOMEM;
	if (code) {
		ng_image_finish(octets);
		return code;
	}
	*image = (struct image){.digest = digest, .octets = *octets, .uses = 1};
	*octets = (struct ng_image){0};
	HASH_ADD(hh, images->by_digest, digest, sizeof image->digest, image);
	*out = image;
	return NG_OK;
}

int images_inline(struct images *images, const char *sandbox, const char *text,
		  struct ng_diags *diags, struct image **out)
{
	char path[NG_PATH_MAX];
	struct ng_image octets = {0};
	snprintf(path, sizeof path, "sandbox %s", sandbox);
	const struct ng_source source = {.format = NG_FORMAT_LIST,
					 .path = path,
					 .text = text,
					 .len = strlen(text),
					 .now_s = (uint64_t)time(NULL)};
	int code = ng_compile(&source, diags, &octets);
	return code ? code : images_intern(images, &octets, out);
}

void images_release(struct images *images, struct image *image)
{
	if (!image || --image->uses > 0)
		return;
	HASH_DELETE(hh, images->by_digest, image);
	ng_image_finish(&image->octets);
	free(image);
}

static int sources_add(struct sources *sources, const char *path, struct image *image)
{
	struct source *source = calloc(1, sizeof *source);
	if (source)
		source->path = strdup(path);
	if (!source || !source->path) {
		free(source);
		return NG_E_NOMEM;
	}
	source->image = image;
	HASH_ADD_KEYPTR(hh, sources->by_path, source->path, strlen(source->path), source);
	return NG_OK;
}

int sources_load(struct sources *sources, struct images *images, const char *path,
		 struct ng_diags *diags, struct image **out)
{
	struct source *known = NULL;
	struct ng_image octets = {0};
	struct image *image;
	HASH_FIND_STR(sources->by_path, path, known);
	if (known) {
		*out = known->image;
		return NG_OK;
	}
	int code = source_compile(path, NULL, diags, &octets);
	if (code == NG_OK)
		code = images_intern(images, &octets, &image);
	if (code)
		return code;
	code = sources_add(sources, path, image);
	if (code)
		images_release(images, image);
	else
		*out = image;
	return code;
}

void sources_finish(struct sources *sources, struct images *images)
{
	struct source *source, *next;
	HASH_ITER (hh, sources->by_path, source, next) {
		HASH_DELETE(hh, sources->by_path, source);
		images_release(images, source->image);
		free(source->path);
		free(source);
	}
}

static int fill(int fd, const struct ng_image *octets)
{
	for (size_t done = 0; done < octets->len;) {
		ssize_t n = write(fd, octets->octets + done, octets->len - done);
		if (n <= 0 && errno != EINTR)
			return NG_E_IO;
		done += n > 0 ? (size_t)n : 0;
	}
	return NG_OK;
}

int image_seal(const struct image *image, int *fd)
{
	int memory = memfd_create("namegate-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory < 0)
		return NG_E_IO;
	if (fill(memory, &image->octets) || fcntl(memory, F_ADD_SEALS, SEALS)) {
		close(memory);
		return NG_E_IO;
	}
	*fd = memory;
	return NG_OK;
}
