/*
 * A cgroup is known by its number, which is the inode number of its folder in the cgroup2 hierarchy;
 * a folder that is made again at the same path has another one. The hierarchy is found in mountinfo,
 * since on machines with both versions it stands somewhere else.
 */
#include "daemon/host.h"

#include "base/token.h"
#include "edge/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define PLACE_MAX 4096
#define ROOT_NODE 1 /* of the root of all cgroups */

static int fail(char *why, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(char *why, int code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, HOST_WHY, format, arguments);
	va_end(arguments);
	return code;
}

/* ---- users ---- */

/* A text of digits is a number, whatever users are called. */
static int user_number(const char *text, uint32_t *out, char *why)
{
	const bool digits = text[strspn(text, "0123456789")] == '\0';
	const struct passwd *user;
	unsigned long long number;
	if (!digits) {
		errno = 0;
		user = getpwnam(text);
		if (!user)
			return fail(why, NG_E_NOTFOUND,
				    "there is no user \"%s\"; make one (useradd), or name one "
				    "that is there",
				    text);
		*out = user->pw_uid;
		return NG_OK;
	}
	number = strtoull(text, NULL, 10);
	if (strlen(text) > 10 || number >= UINT32_MAX)
		return fail(why, NG_E_RANGE, "%s is no user's number", text);
	*out = (uint32_t)number;
	return NG_OK;
}

static bool is_ours(const char *user, uint32_t uid)
{
	char unused[CONFINE_WHY];
	uid_t own;
	gid_t group;
	return !confine_identity(user, &own, &group, unused) && own == uid;
}

static int look_up_user(const struct conf *conf, struct conf_sandbox *sandbox, char *why)
{
	uint32_t uid = 0;
	int code = user_number(sandbox->uid, &uid, why);
	if (code)
		return code;
	if (uid == 0)
		return fail(
			why, NG_E_RANGE,
			"root cannot be a sandbox: it could take the rules away; run what is "
			"to be held as another user, or by its cgroup");
	if (is_ours(conf->worker_user, uid) || is_ours(conf->warden_user, uid))
		return fail(why, NG_E_RANGE,
			    "user \"%s\" is one of namegated's own, whose packets must pass; "
			    "take another",
			    sandbox->uid);
	sandbox->host = (struct conf_host){.uid = uid};
	return NG_OK;
}

/* A line is "user:first:number", with the user's name or number. */
bool host_subordinate(const struct conf_sandbox *sandbox, char why[static HOST_WHY])
{
	FILE *file = conf_who(sandbox) == WALL_BY_UID ? fopen("/etc/subuid", "re") : NULL;
	char line[256], number[16];
	bool found = false;
	snprintf(number, sizeof number, "%u", (unsigned)sandbox->host.uid);
	while (file && !found && fgets(line, sizeof line, file)) {
		const struct passwd *user;
		line[strcspn(line, ":")] = '\0';
		user = getpwnam(line);
		found = !strcmp(line, number) || (user && user->pw_uid == sandbox->host.uid);
	}
	if (file)
		fclose(file);
	if (found)
		snprintf(
			why, HOST_WHY,
			"/etc/subuid gives user %.32s other uids, and what runs under those in "
			"a user namespace is not held; take its line out, tell the sandbox by "
			"its cgroup, or set user.max_user_namespaces to 0",
			line);
	return found;
}

/* ---- cgroups ---- */

/*
 * One line of /proc/self/mountinfo: "id parent device root point options … - type source options".
 * True for the cgroup2 hierarchy; its root within that and its mount point are left in line.
 */
static bool read_mount(char *line, char **root, char **point)
{
	char *type = strstr(line, " - "), *save = NULL;
	if (!type || strncmp(type + 3, "cgroup2 ", 8) != 0)
		return false;
	*type = '\0';
	for (int field = 0; field < 3; field++)
		if (!strtok_r(field ? NULL : line, " ", &save))
			return false;
	*root = strtok_r(NULL, " ", &save);
	*point = strtok_r(NULL, " ", &save);
	return *root && *point;
}

static size_t levels(const char *path)
{
	size_t n = 0;
	for (; *path; path++)
		n += path[0] == '/' && path[1] && path[1] != '/';
	return n;
}

/* The folder of a cgroup, and how many levels below the root of all cgroups it lies. */
static int find_folder(const char *cgroup, char place[static PLACE_MAX], uint8_t *level,
		       char *why)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char line[PLACE_MAX], *root, *point;
	int code = NG_E_NOTFOUND;
	if (!mounts)
		return fail(why, NG_E_IO, "cannot read /proc/self/mountinfo: %s",
			    strerror(errno));
	while (code && fgets(line, sizeof line, mounts)) {
		if (!read_mount(line, &root, &point))
			continue;
		size_t deep = levels(root) + levels(cgroup);
		int n = snprintf(place, PLACE_MAX, "%s%s", point, cgroup);
		*level = (uint8_t)deep;
		code = n < PLACE_MAX && deep <= NG_CGROUP_LEVELS
			       ? NG_OK
			       : fail(why, NG_E_RANGE, "%s lies too deep", cgroup);
		if (code)
			break;
	}
	fclose(mounts);
	return code == NG_E_NOTFOUND
		       ? fail(why, code,
			      "no cgroup2 hierarchy is mounted; mount -t cgroup2 none "
			      "/sys/fs/cgroup")
		       : code;
}

static int number_of(const char *place, uint64_t *out)
{
	struct stat stat_of;
	struct statfs in;
	if (statfs(place, &in) || stat(place, &stat_of))
		return NG_E_NOTFOUND;
	if (in.f_type != CGROUP2_SUPER_MAGIC || !S_ISDIR(stat_of.st_mode))
		return NG_E_RANGE;
	*out = stat_of.st_ino;
	return NG_OK;
}

/* Our own packets must not be the sandbox's. */
static bool holds_us(const char *cgroup)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PLACE_MAX];
	size_t len = strlen(cgroup);
	bool holds = false;
	while (file && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		holds |= !strncmp(line, "0::", 3) && !strncmp(line + 3, cgroup, len) &&
			 (line[3 + len] == '\0' || line[3 + len] == '/');
	}
	if (file)
		fclose(file);
	return holds;
}

static int look_up_cgroup(struct conf_sandbox *sandbox, char *why)
{
	char place[PLACE_MAX];
	struct conf_host host = {0};
	int code = find_folder(sandbox->cgroup, place, &host.level, why);
	if (code)
		return code;
	code = number_of(place, &host.cgroup);
	if (code == NG_E_NOTFOUND)
		return fail(
			why, code,
			"there is no cgroup %s (%.150s: %s); make it first, and register the "
			"sandbox before anything runs in it",
			sandbox->cgroup, place, strerror(errno));
	if (code)
		return fail(why, code, "%.200s is no cgroup's folder", place);
	if (holds_us(sandbox->cgroup))
		return fail(why, NG_E_RANGE,
			    "namegated itself runs in %s; run it, or the sandbox, in another",
			    sandbox->cgroup);
	sandbox->host = host;
	return NG_OK;
}

bool host_stands(const struct conf_sandbox *sandbox)
{
	char place[PLACE_MAX], why[HOST_WHY];
	uint64_t number;
	uint8_t level;
	if (conf_who(sandbox) != WALL_BY_CGROUP)
		return true;
	int code = find_folder(sandbox->cgroup, place, &level, why);
	if (code == NG_OK)
		code = number_of(place, &number);
	if (code == NG_OK)
		return number == sandbox->host.cgroup;
	return code != NG_E_NOTFOUND; /* that we cannot look is no reason to let go */
}

static int open_folder(const char *cgroup, char place[static PLACE_MAX], int *out, char *why)
{
	uint8_t level;
	int fd, code = find_folder(cgroup, place, &level, why);
	if (code)
		return code;
	fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(why, NG_E_IO, "cannot open %.150s: %s", place, strerror(errno));
	*out = fd;
	return NG_OK;
}

int host_open_all(int *out, char why[static HOST_WHY])
{
	char place[PLACE_MAX];
	return open_folder("/", place, out, why);
}

int host_open(const struct conf_sandbox *sandbox, int *out, char why[static HOST_WHY])
{
	const bool by_cgroup = conf_who(sandbox) == WALL_BY_CGROUP;
	char place[PLACE_MAX];
	struct stat found;
	int fd = -1, code = open_folder(by_cgroup ? sandbox->cgroup : "/", place, &fd, why);
	if (code)
		return code;
	if (fstat(fd, &found) || (by_cgroup && found.st_ino != sandbox->host.cgroup)) {
		close(fd);
		return fail(why, NG_E_NOTFOUND, "%.150s is another cgroup by now", place);
	}
	if (!by_cgroup && found.st_ino != ROOT_NODE) { /* a user's processes may be anywhere */
		close(fd);
		return fail(
			why, NG_E_UNSUPPORTED,
			"namegated sees only its own part of the cgroups at %.150s, and the "
			"user may have processes elsewhere; run it where it sees all (not in "
			"a cgroup namespace of a container's)",
			place);
	}
	*out = fd;
	return NG_OK;
}

/* ---- any of them ---- */

static int look_up_sidecar(const struct conf *conf, char *why)
{
	char unused[CONFINE_WHY];
	uid_t uid;
	gid_t group;
	int code = confine_identity(conf->worker_user, &uid, &group, unused);
	if (code || uid == 0)
		return fail(why, NG_E_RANGE,
			    "beside a sidecar the worker's packets are told by its user, which "
			    "must be one of its own and not root; set worker-user");
	return NG_OK;
}

int host_look_up(const struct conf *conf, struct conf_sandbox *sandbox,
		 char why[static HOST_WHY])
{
	switch (conf_who(sandbox)) {
	case WALL_BY_UID:
		return look_up_user(conf, sandbox, why);
	case WALL_BY_CGROUP:
		return look_up_cgroup(sandbox, why);
	case WALL_BY_NAMESPACE:
		return look_up_sidecar(conf, why);
	default:
		return NG_OK;
	}
}

int host_look_up_all(struct conf *conf, struct ng_diags *diags)
{
	char why[HOST_WHY];
	size_t errors = diags->errors;
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		struct conf_sandbox *sandbox = &conf->sandboxes[i];
		if (conf_who(sandbox) == WALL_BY_INTERFACE)
			continue;
		if (host_look_up(conf, sandbox, why))
			ng_diag_add(diags, NG_ERROR, &sandbox->place, "conf-who", NULL,
				    "sandbox %s: %s", sandbox->name, why);
		else
			conf_report_same(conf, i, diags);
		if (sandbox->host.uid && host_subordinate(sandbox, why))
			ng_diag_add(diags, NG_WARNING, &sandbox->place, "conf-subuid", NULL,
				    "sandbox %s: %s", sandbox->name, why);
	}
	return diags->errors > errors ? NG_E_SYNTAX : NG_OK;
}

void host_sources(struct conf_sandbox *sandbox, uint32_t id)
{
	if (conf_who(sandbox) == WALL_BY_INTERFACE)
		return;
	token_sources(id, sandbox->sources);
	sandbox->n_sources = 2;
}

uint16_t host_kind(const struct conf_sandbox *sandbox)
{
	switch (conf_who(sandbox)) {
	case WALL_BY_UID:
		return WALL_HOST_UID;
	case WALL_BY_CGROUP:
		return (uint16_t)WALL_HOST_LEVEL(sandbox->host.level);
	case WALL_BY_NAMESPACE:
		return WALL_HOST_SIDECAR;
	default:
		return 0;
	}
}
