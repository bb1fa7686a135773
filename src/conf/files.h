/* Whole files into memory, with findings that say what was wrong. The caller owns what comes out. */
#pragma once

#include <namegate/diag.h>

/*
 * Reads a regular file of at most max octets; *text ends with a NUL that *len does not count.
 * NG_E_IO and NG_E_SYNTAX (empty, too large) come with an error at place; NG_E_NOMEM.
 */
int file_read(const char *path, size_t max, const struct ng_place *place,
	      struct ng_diags *diags, char **text, size_t *len) NG_MUST_CHECK;
/*
 * path, or path in folder dir when it is relative and dir is not NULL; NULL when memory is out. In a
 * folder that is elsewhere (see below) every path is elsewhere, and an absolute one keeps its slash.
 */
char *file_beside(const char *path, const char *dir);
/* The folder of a path, "." when it names none; NULL when memory is out. */
char *file_folder(const char *path);

/*
 * Files that are not on the disk, such as those of a repository's revision: their paths begin with a
 * prefix that says where they are, "main:policy/ci.list". Only the command names such a place.
 */
struct file_elsewhere {
	/* How many octets of the path are its prefix; 0: it is on the disk. */
	size_t (*prefix)(const char *path);
	/* As file_read() does it. */
	int (*read)(const char *path, size_t max, const struct ng_place *place,
		    struct ng_diags *diags, char **text, size_t *len);
};
/* NG_E_SYNTAX with an error when a file of that size is not for reading: empty, or over max. */
int file_judge_size(size_t size, size_t max, const struct ng_place *place,
		    struct ng_diags *diags) NG_MUST_CHECK;
void file_look_elsewhere(const struct file_elsewhere *elsewhere); /* NULL: no longer */
size_t file_prefix(const char *path); /* as elsewhere->prefix() says; 0 when there is none */
