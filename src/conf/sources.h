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
/* Is name the path of a file, and no preset and no zone? */
bool source_is_path(const char *name);
