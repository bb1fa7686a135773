/*
 * A link is the kernel's word for a program that hangs somewhere (Linux 5.7). Other programs that hang
 * on the same cgroup, such as systemd's, stay as they are, and all of them have to agree.
 */
#include "edge/program_pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MOUNT  "/sys/fs/bpf"
#define PARENT MOUNT "/namegate"

static int fail(char why[static PROGRAM_WHY], const char *what)
{
	const int code = errno == EPERM || errno == EACCES    ? NG_E_PERM
			 : errno == EINVAL || errno == ENOSYS ? NG_E_UNSUPPORTED
							      : NG_E_IO;

	snprintf(why, PROGRAM_WHY, "%s: %s%s", what, strerror(errno),
		 code == NG_E_UNSUPPORTED ? " (it needs Linux 5.7 with CONFIG_CGROUP_BPF)"
					  : "");
	return code;
}

/* ---- where the files are ---- */

/* In that file system no name has a dot. A table's name has no "+". */
static int name_folder(const char *table, char out[static PINS_PATH],
		       char why[static PROGRAM_WHY])
{
	struct stat netns;
	int n;

	if (stat("/proc/self/ns/net", &netns))
		return fail(why, "cannot tell the network namespace");
	n = snprintf(out, PINS_PATH, PARENT "/%s-%ju", table, (uintmax_t)netns.st_ino);
	for (char *dot = out; (dot = strchr(dot, '.'));)
		*dot = '+';
	errno = ENAMETOOLONG;
	return n < PINS_PATH ? NG_OK : fail(why, "cannot name a folder below " MOUNT);
}

static bool is_mounted(void)
{
	struct statfs in;

	return statfs(MOUNT, &in) == 0 && in.f_type == BPF_FS_MAGIC;
}

/* Whoever else can write there takes programs off, and that file system is often open to everybody. */
static int check_folder(const char *path, char why[static PROGRAM_WHY])
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), code = NG_OK;
	struct stat is;

	if (fd < 0 && errno == ENOENT)
		return NG_OK;
	if (fd < 0 || fstat(fd, &is)) {
		code = fail(why, "cannot open a folder of programs below " MOUNT);
	} else if (is.st_uid != geteuid() || (is.st_mode & (S_IRWXG | S_IRWXO))) {
		snprintf(why, PROGRAM_WHY,
			 "%.90s is user %u's, mode %03o, and not ours alone; remove it, and so "
			 "that nobody makes it again: mount -t bpf -o mode=0700 bpf " MOUNT,
			 path, (unsigned)is.st_uid, (unsigned)is.st_mode & 0777);
		errno = EPERM;
		code = NG_E_PERM;
	}
	if (fd >= 0)
		close(fd);
	return code;
}

static int make_folder(const char *path, char why[static PROGRAM_WHY])
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return fail(why, "cannot make a folder below " MOUNT);
	return check_folder(path, why);
}

int pins_find(const char *table, struct pins *out, char why[static PROGRAM_WHY])
{
	struct pins pins = {0};
	int code;

	*out = pins;
	if (!is_mounted())
		return NG_OK;
	code = name_folder(table, pins.folder, why);
	if (code == NG_OK)
		code = check_folder(PARENT, why);
	if (code == NG_OK)
		code = check_folder(pins.folder, why);
	if (code == NG_OK)
		*out = pins;
	return code;
}

static void file_of(const struct pins *pins, const struct pin *pin, char out[static PINS_PATH])
{
	if (pin->uid)
		snprintf(out, PINS_PATH, "%.90s/uid-%" PRIu32, pins->folder, pin->uid);
	else
		snprintf(out, PINS_PATH, "%.90s/cgroup-%" PRIu64, pins->folder, pin->cgroup);
}

static bool pin_of(const char *file, struct pin *out)
{
	struct pin pin = {0};
	char rest;

	if (sscanf(file, "uid-%" SCNu32 "%c", &pin.uid, &rest) != 1 &&
	    sscanf(file, "cgroup-%" SCNu64 "%c", &pin.cgroup, &rest) != 1)
		return false;
	*out = pin;
	return true;
}

/* ---- opening ---- */

/* Does the kernel take one that compares network namespaces, or at least one that does not? */
static int try_program(uint64_t *cookie, char why[static PROGRAM_WHY])
{
	int fd, code = NG_E_UNSUPPORTED;

	if (*cookie)
		code = program_held(0, *cookie, &fd, why);
	if (code == NG_E_UNSUPPORTED) {
		*cookie = 0;
		code = program_held(0, 0, &fd, why);
	}
	if (code == NG_OK)
		close(fd);
	return code;
}

int pins_open(const char *table, struct pins *out, char why[static PROGRAM_WHY])
{
	struct pins pins = {.cookie = program_namespace()};
	int code = try_program(&pins.cookie, why);

	if (code != NG_OK)
		return code;
	if (!is_mounted()) {
		snprintf(why, PROGRAM_WHY,
			 "programs have no place to stay in: mount -t bpf -o mode=0700 "
			 "bpf " MOUNT);
		return NG_E_UNSUPPORTED;
	}
	code = name_folder(table, pins.folder, why);
	if (code == NG_OK)
		code = make_folder(PARENT, why);
	if (code == NG_OK)
		code = make_folder(pins.folder, why);
	if (code == NG_OK)
		*out = pins;
	return code;
}

/* ---- one of them ---- */

static int pinned(const char *file)
{
	union bpf_attr attr = {.pathname = (uint64_t)(uintptr_t)file};

	return program_call(BPF_OBJ_GET, &attr);
}

/* False when there is none, or one that hangs on nothing any more. */
static bool replace(const char *file, int program)
{
	int link = pinned(file);
	bool replaced = false;

	if (link >= 0) {
		union bpf_attr attr = {.link_update = {.link_fd = (uint32_t)link,
						       .new_prog_fd = (uint32_t)program}};

		replaced = program_call(BPF_LINK_UPDATE, &attr) == 0;
		close(link);
	}
	if (!replaced)
		unlink(file);
	return replaced;
}

static int hang(const char *file, int program, int cgroup, char why[static PROGRAM_WHY])
{
	union bpf_attr attr = {.link_create = {.prog_fd = (uint32_t)program,
					       .target_fd = (uint32_t)cgroup,
					       .attach_type = BPF_CGROUP_INET_EGRESS}};
	int link = program_call(BPF_LINK_CREATE, &attr), code = NG_OK;

	if (link < 0)
		return fail(why, "the kernel hangs no program on its cgroup");
	attr = (union bpf_attr){.pathname = (uint64_t)(uintptr_t)file,
				.bpf_fd = (uint32_t)link};
	if (program_call(BPF_OBJ_PIN, &attr))
		code = fail(why, "a program cannot be kept below " MOUNT);
	close(link);
	return code;
}

int pins_put(const struct pins *pins, const struct pin *pin, int cgroup,
	     char why[static PROGRAM_WHY])
{
	char file[PINS_PATH];
	int program, code;

	if (pin->uid && !pins->cookie) {
		snprintf(
			why, PROGRAM_WHY,
			"this kernel tells no network namespaces to programs of a cgroup, and "
			"the user may be one of containers as well (it needs Linux 6.15); tell "
			"the sandbox by its cgroup");
		return NG_E_UNSUPPORTED;
	}
	code = program_held(pin->uid, pins->cookie, &program, why);
	if (code != NG_OK)
		return code;
	file_of(pins, pin, file);
	if (!replace(file, program))
		code = hang(file, program, cgroup, why);
	close(program);
	return code;
}

void pins_take(const struct pins *pins, const struct pin *pin)
{
	char file[PINS_PATH];

	if (!pins->folder[0])
		return;
	file_of(pins, pin, file);
	unlink(file);
}

/* ---- all of them ---- */

void pins_sweep(const struct pins *pins, pins_keep_fn *keep, void *who)
{
	DIR *folder = opendir(pins->folder);
	struct dirent *entry;
	struct pin pin;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (pin_of(entry->d_name, &pin) && !keep(who, &pin))
			pins_take(pins, &pin);
	closedir(folder);
}

static bool keep_none(void *who, const struct pin *pin)
{
	(void)who;
	(void)pin;
	return false;
}

int pins_remove(const char *table)
{
	char unused[PROGRAM_WHY];
	struct pins pins;
	int code = pins_find(table, &pins, unused);

	if (code != NG_OK || !pins.folder[0])
		return code;
	pins_sweep(&pins, keep_none, NULL);
	if (rmdir(pins.folder) && errno != ENOENT)
		return NG_E_IO;
	(void)rmdir(PARENT); /* unless it is another gate's, too */
	return NG_OK;
}
