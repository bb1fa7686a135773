/*
 * Giving up privileges: users, capabilities, no-new-privileges, seccomp.
 *
 * The order is the argument. First the user and the groups, because that takes CAP_SETUID and
 * CAP_SETGID; with the same step the capability sets and the bounding set; then
 * no-new-privileges, so that no exec can bring anything back; last the system calls, because the
 * steps before it need calls that the list leaves out. Capabilities belong to threads, not to
 * processes, so all of this happens while there is one thread only: threads that start later
 * inherit what is left, and the lists of calls let threads start and no process.
 */
#include "config.h"
#include "edge/confine.h"
#include "edge/confine_calls.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define NO_CAPABILITY (-1)

struct identity {
	bool self;
	uid_t uid;
	gid_t gid;
};

static int fail(char why[static CONFINE_WHY], int code, const char *what)
{
	snprintf(why, CONFINE_WHY, "%s: %s", what, strerror(errno));
	return code;
}

/* A number counts as the user's id; its group is the passwd entry's, else the same number. */
static const struct passwd *find_user(const char *user, struct passwd *unlisted)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(user, &end, 10);
	if (!*user || *end || errno || number >= (uid_t)-1)
		return getpwnam(user);
	const struct passwd *entry = getpwuid((uid_t)number);
	if (entry)
		return entry;
	unlisted->pw_uid = (uid_t)number;
	unlisted->pw_gid = (gid_t)number;
	return unlisted;
}

static int identity_of(const char *user, struct identity *out, char why[static CONFINE_WHY])
{
	struct passwd unlisted = {0};
	if (!strcmp(user, "self")) {
		*out = (struct identity){.self = true, .uid = geteuid(), .gid = getegid()};
		return NG_OK;
	}
	const struct passwd *entry = find_user(user, &unlisted);
	if (!entry) {
		snprintf(why, CONFINE_WHY,
			 "user \"%.32s\" does not exist; make it: useradd --system "
			 "--no-create-home --shell /usr/sbin/nologin %.32s",
			 user, user);
		return NG_E_PERM;
	}
	if (entry->pw_uid == 0) {
		snprintf(
			why, CONFINE_WHY,
			"user \"%.32s\" is root; name an unprivileged user, or \"self\" inside "
			"a user namespace",
			user);
		return NG_E_PERM;
	}
	*out = (struct identity){.uid = entry->pw_uid, .gid = entry->pw_gid};
	/* Started as that user already: there is nobody to become. */
	out->self = out->uid == getuid() && out->uid == geteuid();
	return NG_OK;
}

int confine_identity(const char *user, uid_t *uid, gid_t *gid, char why[static CONFINE_WHY])
{
	struct identity who = {0};
	int code = identity_of(user, &who, why);
	if (code)
		return code;
	*uid = who.uid;
	*gid = who.gid;
	return NG_OK;
}

static int one_thread_only(char why[static CONFINE_WHY])
{
	DIR *tasks = opendir("/proc/self/task");
	if (!tasks)
		return fail(why, NG_E_IO, "cannot count threads in /proc/self/task");
	size_t n = 0;
	for (struct dirent *entry; (entry = readdir(tasks));)
		n += entry->d_name[0] != '.';
	closedir(tasks);
	if (n == 1)
		return NG_OK;
	snprintf(why, CONFINE_WHY,
		 "%zu threads run already, which would keep their capabilities; confine first",
		 n);
	return NG_E_PERM;
}

static bool have_effective(int capability)
{
	return capng_have_capability(CAPNG_EFFECTIVE, (unsigned)capability) == 1;
}

/* Leaves keep (or nothing, NO_CAPABILITY) permitted and effective, and the bounding set empty. */
static int drop_as_self(int keep, char why[static CONFINE_WHY])
{
	/* Refused in a user namespace that froze its groups; they are the starter's own then. */
	if (setgroups(0, NULL) && errno != EPERM)
		return fail(why, NG_E_PERM, "cannot give up the supplementary groups");
	bool bounding = have_effective(CAP_SETPCAP);
	capng_clear(CAPNG_SELECT_ALL);
	if (keep != NO_CAPABILITY)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned)keep);
	int sets = bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT;
	if (capng_apply((capng_select_t)sets))
		return fail(why, NG_E_PERM, "cannot give up capabilities");
	return NG_OK;
}

static int drop_to_user(const struct identity *who, const char *user, int keep,
			char why[static CONFINE_WHY])
{
	if (!have_effective(CAP_SETUID) || !have_effective(CAP_SETGID) ||
	    !have_effective(CAP_SETPCAP)) {
		snprintf(why, CONFINE_WHY,
			 "cannot become user \"%.32s\": CAP_SETUID, CAP_SETGID or CAP_SETPCAP "
			 "is "
			 "missing; start namegated with sudo or by its systemd unit, or set "
			 "this "
			 "user to \"self\"",
			 user);
		return NG_E_PERM;
	}
	capng_clear(CAPNG_SELECT_ALL);
	if (keep != NO_CAPABILITY)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned)keep);
	if (capng_change_id((int)who->uid, (int)who->gid,
			    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT)) {
		snprintf(why, CONFINE_WHY, "cannot become user \"%.32s\" (uid %u): %s", user,
			 (unsigned)who->uid, strerror(errno));
		return NG_E_PERM;
	}
	return NG_OK;
}

/* What the steps before claim to have done, asked from the kernel. */
static int verify_dropped(const struct identity *who, int keep, char why[static CONFINE_WHY])
{
	capng_results_t left = keep == NO_CAPABILITY ? CAPNG_NONE : CAPNG_PARTIAL;
	bool right = !capng_get_caps_process() && geteuid() == who->uid &&
		     getuid() == who->uid && capng_have_capabilities(CAPNG_SELECT_CAPS) == left;
	right = right && (keep == NO_CAPABILITY || have_effective(keep));
	right = right && (who->uid == 0 || setuid(0) != 0);
	if (right)
		return NG_OK;
	snprintf(why, CONFINE_WHY, "the kernel did not take the privileges away as told");
	return NG_E_PERM;
}

static int drop_privileges(const char *user, int keep, char why[static CONFINE_WHY])
{
	struct identity who = {0};
	int code = one_thread_only(why);
	if (code == NG_OK)
		code = identity_of(user, &who, why);
	if (code)
		return code;
	if (capng_get_caps_process())
		return fail(why, NG_E_IO, "cannot read the capabilities");
	if (keep != NO_CAPABILITY && !have_effective(keep)) {
		snprintf(why, CONFINE_WHY,
			 "%s is missing; start namegated with sudo or by its systemd unit, or "
			 "inside unshare -Urn with both users set to \"self\"",
			 keep == CAP_NET_ADMIN ? "CAP_NET_ADMIN" : "a capability");
		return NG_E_PERM;
	}
	code = who.self ? drop_as_self(keep, why) : drop_to_user(&who, user, keep, why);
	return code ? code : verify_dropped(&who, keep, why);
}

static int forbid_more(char why[static CONFINE_WHY])
{
	const struct rlimit none = {0, 0};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fail(why, NG_E_IO, "cannot set no-new-privileges");
	if (setrlimit(RLIMIT_CORE, &none))
		return fail(why, NG_E_IO, "cannot forbid core files");
#ifndef NG_SANITIZED /* the leak checker attaches to its own process at exit */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return fail(why, NG_E_IO, "cannot forbid dumps");
#endif
	return NG_OK;
}

int confine_user(const char *user, char why[static CONFINE_WHY])
{
	return drop_privileges(user, NO_CAPABILITY, why);
}

int confine_worker(const char *user, char why[static CONFINE_WHY])
{
	int code = drop_privileges(user, NO_CAPABILITY, why);
	if (code == NG_OK)
		code = forbid_more(why);
	return code ? code : confine_calls(CONFINE_WORKER, why);
}

int confine_warden(const char *user, char why[static CONFINE_WHY])
{
	int code = drop_privileges(user, CAP_NET_ADMIN, why);
	if (code == NG_OK)
		code = forbid_more(why);
	return code ? code : confine_calls(CONFINE_WARDEN, why);
}

/*
 * What main keeps. "Used" capabilities are effective in main; the others are only permitted, to be
 * handed to a child at exec, and main itself acts without them.
 */
static const struct {
	int capability;
	bool used;
} main_keeps[] = {
	{CAP_NET_ADMIN, false},      /* the warden's one capability, and: confine_raise() */
	{CAP_BPF, false},            /* for confine_raise() */
	{CAP_SETUID, false},         /* a started child becomes its own user */
	{CAP_SETGID, false},         /* and its group, and drops the others */
	{CAP_SETPCAP, false},        /* and empties its bounding set */
	{CAP_KILL, true},            /* ends a child, which runs as another user */
	{CAP_DAC_READ_SEARCH, true}, /* reads policy files that belong to their editors */
};

static void choose_main(bool uid_root)
{
	capng_select_t had[sizeof main_keeps / sizeof *main_keeps];
	size_t n = sizeof main_keeps / sizeof *main_keeps;
	for (size_t i = 0; i < n; i++) /* what we were not given we cannot keep */
		had[i] = capng_have_capability(CAPNG_PERMITTED,
					       (unsigned)main_keeps[i].capability)
				 ? CAPNG_SELECT_CAPS
				 : 0;
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < n; i++) {
		int sets = CAPNG_PERMITTED | CAPNG_BOUNDING_SET;
		if (main_keeps[i].used)
			sets |= CAPNG_EFFECTIVE;
		if (!uid_root) /* only uid 0 passes its capabilities on by itself */
			sets |= CAPNG_INHERITABLE | CAPNG_AMBIENT;
		if (had[i])
			capng_update(CAPNG_ADD, (capng_type_t)sets,
				     (unsigned)main_keeps[i].capability);
	}
}

static bool permitted(int capability)
{
	return capng_have_capability(CAPNG_PERMITTED, (unsigned)capability) == 1;
}

static int need_net_admin(char why[static CONFINE_WHY])
{
	if (permitted(CAP_NET_ADMIN))
		return NG_OK;
	snprintf(why, CONFINE_WHY,
		 "CAP_NET_ADMIN is missing, which the warden needs for nftables; start with "
		 "sudo "
		 "or the systemd unit, or setcap cap_net_admin=ep, or unshare -Urn with "
		 "worker-user and warden-user \"self\"");
	return NG_E_PERM;
}

static int need_change_to(const char *setting, const char *user, char why[static CONFINE_WHY])
{
	struct identity who = {0};
	char reason[CONFINE_WHY];
	int code = identity_of(user, &who, reason);
	if (code) {
		snprintf(why, CONFINE_WHY, "%s: %.230s", setting, reason);
		return code;
	}
	if (who.self ||
	    (permitted(CAP_SETUID) && permitted(CAP_SETGID) && permitted(CAP_SETPCAP)))
		return NG_OK;
	snprintf(why, CONFINE_WHY,
		 "%s: becoming \"%.32s\" takes CAP_SETUID, CAP_SETGID and CAP_SETPCAP; start "
		 "with sudo or the systemd unit, or set it to \"self\"",
		 setting, user);
	return NG_E_PERM;
}

int confine_possible(const char *worker, const char *warden, char why[static CONFINE_WHY])
{
	if (capng_get_caps_process())
		return fail(why, NG_E_IO, "cannot read the capabilities");
	int code = need_net_admin(why);
	if (code == NG_OK)
		code = need_change_to("worker-user", worker, why);
	return code ? code : need_change_to("warden-user", warden, why);
}

int confine_main(char why[static CONFINE_WHY])
{
	int code = one_thread_only(why);
	if (code)
		return code;
	if (capng_get_caps_process())
		return fail(why, NG_E_IO, "cannot read the capabilities");
	code = need_net_admin(why);
	if (code)
		return code;
	bool bounding = have_effective(CAP_SETPCAP);
	choose_main(geteuid() == 0);
	int sets = bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT;
	if (capng_apply((capng_select_t)sets))
		return fail(why, NG_E_PERM, "cannot give up capabilities");
	return forbid_more(why);
}

void confine_raise(bool raised)
{
	static const int lent[] = {CAP_NET_ADMIN, CAP_BPF};

	if (capng_get_caps_process())
		return;
	for (size_t i = 0; i < sizeof lent / sizeof *lent; i++)
		if (!raised || permitted(lent[i]))
			capng_update(raised ? CAPNG_ADD : CAPNG_DROP, CAPNG_EFFECTIVE,
				     (unsigned)lent[i]);
	(void)capng_apply(CAPNG_SELECT_CAPS); /* what then fails says so */
}
