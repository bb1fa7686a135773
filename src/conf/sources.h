/* Policy sources on disk: a path as the user wrote it to a compiled image. */
#pragma once

#include <namegate/policy.h>

#define SOURCE_SIZE_MAX (256u << 20)

/*
 * Reads and compiles one source; path is resolved against base_dir when relative (NULL: the
 * working directory) and shown in diagnostics and records as given. Not a regular file, empty,
 * unreadable, too large, with a NUL octet: an error in diags, never an empty ruleset.
 * NG_E_SYNTAX, NG_E_IO, NG_E_NOMEM.
 */
int source_compile(const char *path, const char *base_dir, struct ng_diags *diags,
		   struct ng_image *out) NG_MUST_CHECK;
/* The same as of another wall time: what would be left out then? */
int source_compile_at(const char *path, const char *base_dir, uint64_t now_s,
		      struct ng_diags *diags, struct ng_image *out) NG_MUST_CHECK;
