/* Policy sources on disk: a source as the configuration names it, to a compiled image. */
#pragma once

#include "conf/conf.h"

#include <namegate/policy.h>

#define SOURCE_SIZE_MAX (256u << 20)

/* Where presets are, unless the environment says otherwise. */
#define SOURCE_PRESETS_ENV "NAMEGATE_ZONES"
#define SOURCE_PRESETS     PKGDATADIR "/zones"

/*
 * Reads and compiles one source with all that it includes. name is
 *   preset:NAME  a list that ships: from $NAMEGATE_ZONES if set, else from SOURCE_PRESETS or, for a
 *                program that runs from its build, from zones beside the build,
 *   zone:NAME    the file of that zone section of conf (may be NULL: there are none),
 *   a path       against base_dir when relative; base_dir NULL: conf's folder, else the working one.
 * Diagnostics and records show presets and paths as given, a zone as its file. Not a regular file,
 * empty, unreadable, too large, with a NUL octet: an error in diags, never an empty ruleset.
 * NG_E_SYNTAX, NG_E_IO, NG_E_NOMEM.
 */
int source_compile(const char *name, const char *base_dir, const struct conf *conf,
		   struct ng_diags *diags, struct ng_image *out) NG_MUST_CHECK;
/* The same as of another wall time: what would be left out then? */
int source_compile_at(const char *name, const char *base_dir, const struct conf *conf,
		      uint64_t now_s, struct ng_diags *diags,
		      struct ng_image *out) NG_MUST_CHECK;

/* The texts that a source was read from: its own file, then what that includes, each once. */
struct source_text {
	char path[NG_PATH_MAX]; /* as diagnostics show it */
	uint64_t digest;        /* of its octets */
	bool unread;            /* it could not be read; digest is 0 */
};
struct source_texts {
	struct source_text *items;
	size_t n;
};
/* The same as source_compile(), which also notes the texts, on failure those that it came to. */
int source_compile_noting(const char *name, const char *base_dir, const struct conf *conf,
			  struct ng_diags *diags, struct source_texts *texts,
			  struct ng_image *out) NG_MUST_CHECK;
const struct source_text *source_texts_find(const struct source_texts *texts, const char *path);
void source_texts_finish(struct source_texts *texts); /* takes NULL and the zero value */
/* Is name the path of a file, and no preset and no zone? */
bool source_is_path(const char *name);
