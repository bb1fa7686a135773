/*
 * What main opens while it still has all its rights: folders, the store's lock, the registry, and
 * the descriptor that records go to.
 *
 * STORE may be passed through by all, STORE/main is ours alone, STORE/worker the worker's alone. Of
 * several, the second has STORE/2/worker, and so on.
 * The lock is on a file in STORE and goes with the process, however it ends.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "edge/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* ---- folders ---- */

static int make_folder(const char *path, mode_t mode)
{
	if (!mkdir(path, mode) || errno == EEXIST)
		return NG_OK;
	log_say(LOG_AS_ERROR, "cannot make folder %s: %s; make it, or start as root", path,
		strerror(errno));
	return NG_E_IO;
}

/* All folders above the last slash of path, as mkdir -p makes them. */
static int make_parents(const char *path)
{
	char part[PATH_MAX];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		int code = make_folder(part, 0755);
		if (code)
			return code;
	}
	return NG_OK;
}

static int below_store(const struct daemon *daemon, const char *name, char *to, size_t size)
{
	int n = snprintf(to, size, "%s/%s", daemon->store, name);
	return n < 0 || (size_t)n >= size ? NG_E_RANGE : NG_OK;
}

/* The first worker's is what the only one's is. */
char *prepare_store(const struct daemon *daemon, uint32_t worker)
{
	char *path = NULL;
	if (worker == 0)
		return strdup(daemon->store);
	return asprintf(&path, "%s/%u", daemon->store, (unsigned)worker + 1) < 0 ? NULL : path;
}

static int make_worker_folder(const struct daemon *daemon, const char *store)
{
	char path[PATH_MAX], why[CONFINE_WHY];
	uid_t uid;
	gid_t gid;
	int code = confine_identity(daemon->worker_user, &uid, &gid, why);
	int n = snprintf(path, sizeof path, "%s/worker", store);
	if (code == NG_OK)
		code = n < 0 || (size_t)n >= sizeof path ? NG_E_RANGE
							 : make_folder(store, 0711);
	if (code == NG_OK)
		code = make_folder(path, 0700);
	if (code)
		return code;
	/* The link itself, should somebody have put one there. */
	if (lchown(path, uid, gid) && geteuid() != uid) {
		log_say(LOG_AS_ERROR, "cannot give %s to user %s: %s; start as root", path,
			daemon->worker_user, strerror(errno));
		return NG_E_IO;
	}
	return NG_OK;
}

int prepare_workers(const struct daemon *daemon)
{
	int code = NG_OK;
	for (uint32_t i = 0; i < daemon->n_seats && code == NG_OK; i++) {
		char *store = prepare_store(daemon, i);
		code = store ? make_worker_folder(daemon, store) : NG_E_NOMEM;
		free(store);
	}
	return code;
}

static int make_folders(const struct daemon *daemon)
{
	char path[PATH_MAX];
	int code = make_parents(daemon->store);
	if (code == NG_OK)
		code = make_folder(daemon->store, 0711);
	if (code == NG_OK)
		code = below_store(daemon, "main", path, sizeof path);
	if (code == NG_OK)
		code = make_folder(path, 0700);
	if (code == NG_OK)
		code = make_parents(daemon->conf->control);
	for (size_t i = 0; code == NG_OK && i < daemon->conf->n_sandboxes; i++)
		if (daemon->conf->sandboxes[i].socket[0])
			code = make_parents(daemon->conf->sandboxes[i].socket);
	return code;
}

static int take_lock(struct daemon *daemon)
{
	char path[PATH_MAX];
	int code = below_store(daemon, "lock", path, sizeof path);
	if (code)
		return code;
	daemon->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (daemon->lock >= 0 && !flock(daemon->lock, LOCK_EX | LOCK_NB))
		return NG_OK;
	if (daemon->lock >= 0 && errno == EWOULDBLOCK)
		log_say(LOG_AS_ERROR,
			"store %s is in use by another namegated; stop that one, or set "
			"another "
			"\"store\"",
			daemon->store);
	else
		log_say(LOG_AS_ERROR, "cannot lock %s: %s", path, strerror(errno));
	return NG_E_EXISTS;
}

/* ---- the registry ---- */

/* A broken registry is set aside, never repaired by guess: fewer sandboxes are known then. */
static int set_aside(const char *path, const char *why)
{
	char aside[PATH_MAX];
	int n = snprintf(aside, sizeof aside, "%s.broken-%lld", path, (long long)time(NULL));
	if (n < 0 || (size_t)n >= sizeof aside || rename(path, aside) || mkdir(path, 0700))
		return NG_E_IO;
	log_say(LOG_AS_ERROR,
		"the registry %s cannot be read (%s); it is kept as %s, and sandboxes "
		"registered at "
		"run time must be registered again",
		path, why, aside);
	return NG_OK;
}

static int open_registry(struct daemon *daemon)
{
	char path[PATH_MAX];
	const char *why = "the path is too long";
	int code = below_store(daemon, "main", path, sizeof path);
	if (code == NG_OK)
		code = registry_open(path, &daemon->loop, &daemon->registry, &why);
	if (code == NG_E_FORMAT && set_aside(path, why) == NG_OK)
		code = registry_open(path, &daemon->loop, &daemon->registry, &why);
	if (code)
		log_say(LOG_AS_ERROR, "cannot open the registry %s: %s", path, why);
	return code;
}

/* ---- records ---- */

static int open_journal(void)
{
	const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s >= 0 && connect(s, (const struct sockaddr *)&to, sizeof to)) {
		close(s);
		s = -1;
	}
	return s;
}

static int open_records(struct daemon *daemon)
{
	const char *record = daemon->conf->record;
	daemon->journal = !strcmp(record, "journal");
	if (daemon->journal)
		daemon->record_fd = open_journal();
	else if (!strcmp(record, "stdout"))
		daemon->record_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	else
		daemon->record_fd = open(
			record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (daemon->record_fd >= 0)
		return NG_OK;
	log_say(LOG_AS_ERROR,
		"cannot write records to %s: %s; set \"record\" to stdout, journal or a file",
		record, strerror(errno));
	return NG_E_IO;
}

int prepare(struct daemon *daemon)
{
	const struct conf *conf = daemon->conf;
	daemon->lock = daemon->record_fd = daemon->program_fds[0] = -1;
	daemon->program_fds[1] = -1;
	daemon->worker_user = strdup(conf->worker_user);
	daemon->warden_user = strdup(conf->warden_user);
	daemon->store = strdup(conf->store);
	if (!daemon->worker_user || !daemon->warden_user || !daemon->store)
		return NG_E_NOMEM;
	char why[CONFINE_WHY];
	int code = confine_possible(daemon->worker_user, daemon->warden_user, why);
	if (code) {
		log_say(LOG_AS_ERROR, "%s", why);
		return code;
	}
	uid_t uid;
	gid_t gid;
	if (confine_identity(daemon->worker_user, &uid, &gid, why) == NG_OK)
		daemon->worker_uid = uid;
	code = make_folders(daemon);
	if (code == NG_OK)
		code = take_lock(daemon);
	if (code == NG_OK)
		code = open_registry(daemon);
	if (code == NG_OK)
		code = open_records(daemon);
	return code;
}

void prepare_undo(struct daemon *daemon)
{
	for (size_t i = 0; i < sizeof daemon->program_fds / sizeof *daemon->program_fds; i++)
		if (daemon->program_fds[i] >= 0)
			close(daemon->program_fds[i]);
	if (daemon->record_fd >= 0)
		close(daemon->record_fd);
	if (daemon->lock >= 0)
		close(daemon->lock);
	free(daemon->worker_user);
	free(daemon->warden_user);
	free(daemon->store);
}
