/*
 * What a policy source is made of: the digests of its file and of each that it includes. They are kept
 * beside the compiled form, so that one may tell which of the texts on the disk it still stands for.
 */
#pragma once

#include "daemon/images.h"
#include "edge/registry.h"

#include <jansson.h>

/* Keeps the texts of a source that is in force, when they are not those that are kept. */
int texts_keep(struct registry *registry, const struct source *source) NG_MUST_CHECK;
/*
 * The texts of the image that the source stands for, as a JSON array of path, digest and, where
 * the image is an older one, how it compares with this load: "same", "changed", "unreadable" or
 * "not included".
 */
json_t *texts_json(struct registry *registry, const struct source *source);
/* The same for people: "a.list has changed, b.list cannot be read"; empty when all is the same. */
void texts_differ(struct registry *registry, const struct source *source, char *text,
		  size_t size);
