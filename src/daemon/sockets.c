/*
 * The Unix sockets of sandboxes.
 *
 * They are made while main may still give files away, so a socket that a reload brings has to wait
 * for a restart, as a listener does. The folder must be root's and written by nobody else: who could
 * put something in the socket's place would be given that.
 */
#include "config.h"
#include "daemon/assign.h"
#include "daemon/listen.h"
#include "edge/control.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_BACKLOG 128

static int number_of(const char *text, unsigned *out)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	if (!*text || *end || number >= UINT32_MAX)
		return NG_E_SYNTAX;
	*out = (unsigned)number;
	return NG_OK;
}

/* "user" has the user's own group. -1 stays as it is. */
static int owner_of(const char *owner, uid_t *uid, gid_t *gid, char why[static LISTEN_WHY])
{
	char user[2 * NG_USER_MAX];
	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (!owner[0])
		return NG_OK;
	snprintf(user, sizeof user, "%.*s", (int)strcspn(owner, ":"), owner);
	const char *group = strchr(owner, ':');
	const struct passwd *account = getpwnam(user);
	if (account) {
		*uid = account->pw_uid;
		*gid = account->pw_gid;
	} else if (number_of(user, uid)) {
		snprintf(why, LISTEN_WHY, "there is no user %.32s", user);
		return NG_E_NOTFOUND;
	}
	if (!group)
		return NG_OK;
	const struct group *named = getgrnam(group + 1);
	if (named) {
		*gid = named->gr_gid;
	} else if (number_of(group + 1, gid)) {
		snprintf(why, LISTEN_WHY, "there is no group %.32s", group + 1);
		return NG_E_NOTFOUND;
	}
	return NG_OK;
}

static bool folder_safe(const char *path, char why[static LISTEN_WHY])
{
	char folder[NG_SOCKET_MAX];
	struct stat about;
	snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	slash[slash == folder] = '\0';
	if (stat(folder, &about)) {
		snprintf(why, LISTEN_WHY, "%s: %s", folder, strerror(errno));
		return false;
	}
	if ((about.st_uid == 0 || about.st_uid == geteuid()) && !(about.st_mode & 022))
		return true;
	snprintf(why, LISTEN_WHY,
		 "others than root may write to %s, and put something else in its place; use a "
		 "folder such as " RUNSTATEDIR "/namegate",
		 folder);
	return false;
}

static int open_one(const struct conf_sandbox *sandbox, struct listener *out,
		    char why[static LISTEN_WHY])
{
	_Static_assert(LISTEN_WHY >= CONTROL_WHY, "one for all");
	uid_t uid;
	gid_t gid;
	int code = owner_of(sandbox->socket_owner, &uid, &gid, why);
	if (code == NG_OK && !folder_safe(sandbox->socket, why))
		code = NG_E_PERM;
	if (code)
		return code;
	*out = (struct listener){.fd = -1, .stream = true};
	code = control_bind(sandbox->socket, sandbox->socket_mode, "socket", &out->fd, why);
	if (code)
		return code;
	snprintf(out->path, sizeof out->path, "%s", sandbox->socket);
	snprintf(out->sandbox, sizeof out->sandbox, "%s", sandbox->name);
	if (!lchown(sandbox->socket, uid, gid) && !listen(out->fd, SOCKET_BACKLOG))
		return NG_OK;
	snprintf(why, LISTEN_WHY, "cannot give %s to %.65s: %s; see \"socket-owner\"",
		 sandbox->socket, sandbox->socket_owner, strerror(errno));
	listener_close(out);
	return NG_E_IO;
}

int sockets_open(const struct conf *conf, uint32_t workers, struct listeners *to,
		 char why[static LISTEN_WHY])
{
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		const struct conf_sandbox *sandbox = &conf->sandboxes[i];
		char reason[LISTEN_WHY];
		if (!sandbox->socket[0])
			continue;
		int code = open_one(sandbox, &to->items[to->n], reason);
		if (code) {
			snprintf(why, LISTEN_WHY, "sandbox %s: %.180s", sandbox->name, reason);
			return code;
		}
		to->items[to->n++].worker = assign_worker(sandbox->name, workers);
	}
	return NG_OK;
}
