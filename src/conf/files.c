/*
 * Opened without blocking, so that a pipe put in a file's place cannot hold the reader up; judged by
 * the descriptor, so that what was judged is what is read.
 */
#include "config.h"

#include "conf/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct file_elsewhere *elsewhere;

void file_look_elsewhere(const struct file_elsewhere *where)
{
	elsewhere = where;
}

size_t file_prefix(const char *path)
{
	return elsewhere != NULL ? elsewhere->prefix(path) : 0;
}

static int refuse(const struct ng_place *place, struct ng_diags *diags, const char *suggestion,
		  const char *reason)
{
	ng_diag_add(diags, NG_ERROR, place, "file-read", suggestion, "%s", reason);
	return NG_E_IO;
}

/* All octets of a descriptor whose size is known; -1 with errno, or the number read. */
static ssize_t read_whole(int fd, char *text, size_t len)
{
	size_t n = 0;
	while (n < len) {
		ssize_t got = read(fd, text + n, len - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

int file_judge_size(size_t size, size_t max, const struct ng_place *place,
		    struct ng_diags *diags)
{
	if (size > 0 && size <= max)
		return NG_OK;
	ng_diag_add(diags, NG_ERROR, place, "file-size",
		    size == 0 ? "put a comment in if it is meant to say nothing"
			      : "split it into several",
		    size == 0 ? "the file is empty" : "the file is larger than %zu octets",
		    max);
	return NG_E_SYNTAX;
}

static int read_regular(int fd, size_t max, const struct ng_place *place,
			struct ng_diags *diags, char **text, size_t *len)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return refuse(place, diags, "check the file", strerror(errno));
	if (!S_ISREG(status.st_mode))
		return refuse(place, diags, "give the path of a text file",
			      "this is not a regular file");
	size_t size = (size_t)status.st_size;
	int code = file_judge_size(size, max, place, diags);
	if (code != NG_OK)
		return code;
	char *octets = malloc(size + 1);
	if (octets == NULL)
		return NG_E_NOMEM;
	ssize_t got = read_whole(fd, octets, size);
	if (got != (ssize_t)size) {
		free(octets);
		return refuse(place, diags, "try again when nobody writes to it",
			      got < 0 ? strerror(errno) : "the file changed while it was read");
	}
	octets[size] = '\0';
	*text = octets;
	*len = size;
	return NG_OK;
}

int file_read(const char *path, size_t max, const struct ng_place *place,
	      struct ng_diags *diags, char **text, size_t *len)
{
	if (file_prefix(path) > 0)
		return elsewhere->read(path, max, place, diags, text, len);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return refuse(place, diags,
			      errno == EACCES ? "give the reading user access to it"
					      : "check the path",
			      strerror(errno));
	int code = read_regular(fd, max, place, diags, text, len);
	close(fd);
	return code;
}

/* A folder that ends in a slash, or is a prefix alone, needs no slash behind it. */
char *file_beside(const char *path, const char *dir)
{
	char *whole;
	size_t n = dir != NULL ? file_prefix(dir) : 0;
	if (dir == NULL || (n == 0 && path[0] == '/'))
		return strdup(path);
	size_t len = path[0] == '/' ? n : strlen(dir);
	const char *slash = len == n || dir[len - 1] == '/' ? "" : "/";
	return asprintf(&whole, "%.*s%s%s", (int)len, dir, slash, path) < 0 ? NULL : whole;
}

char *file_folder(const char *path)
{
	size_t n = file_prefix(path);
	const char *slash = strrchr(path + n, '/');
	if (slash == NULL)
		return n > 0 ? strndup(path, n) : strdup(".");
	if (slash == path + n)
		slash++;
	return strndup(path, (size_t)(slash - path));
}
