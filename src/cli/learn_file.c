/*
 * A file that is there as a whole or not at all: written beside its place, then linked to it, which the
 * kernel refuses where something stands; or, when that may go, renamed over it.
 */
#include "config.h"

#include "cli/learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

/* As open(2) would have made it: mkstemp(3) lets nobody else read. */
static bool give_mode(int fd)
{
	mode_t mask = umask(0);
	umask(mask);
	return fchmod(fd, 0666 & ~mask) == 0;
}

int learn_write(const char *path, bool force, const char *text, size_t len)
{
	char *beside;
	if (asprintf(&beside, "%s.XXXXXX", path) < 0)
		return ENOMEM;
	int fd = mkstemp(beside), code = 0;
	if (fd < 0) {
		code = errno;
		free(beside);
		return code;
	}
	bool good = give_mode(fd) && write_all(fd, text, len);
	if (!good)
		code = errno;
	if (close(fd) != 0 && good)
		code = errno;
	if (code == 0 && (force ? rename(beside, path) : link(beside, path)) != 0)
		code = errno;
	if (code != 0 || !force)
		unlink(beside);
	free(beside);
	return code;
}
