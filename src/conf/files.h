/* Whole files into memory, with findings that say what was wrong. The caller owns what comes out. */
#pragma once

#include <namegate/diag.h>

/*
 * Reads a regular file of at most max octets; *text ends with a NUL that *len does not count.
 * NG_E_IO and NG_E_SYNTAX (empty, too large) come with an error at place; NG_E_NOMEM.
 */
int file_read(const char *path, size_t max, const struct ng_place *place,
	      struct ng_diags *diags, char **text, size_t *len) NG_MUST_CHECK;
/* path, or path in folder dir when it is relative and dir is not NULL; NULL when memory is out. */
char *file_beside(const char *path, const char *dir);
/* The folder of a path, "." when it names none; NULL when memory is out. */
char *file_folder(const char *path);
