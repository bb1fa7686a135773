/*
 * Another number of workers than at the last start: their stores are shared out anew, before any of
 * them runs.
 *
 * The stores are written by workers, any of which may have been taken over, so main does not read
 * them: a process under the workers' user does. It is told whose each sandbox was and is. Answers that
 * were saved are forgotten: those of one worker would be another's, who did not ask for them.
 *
 * Two steps, and STORE/workers says which are done: stores are freed of what their own worker cannot have
 * written in good faith, then rows are moved. A start that ends in between is gone on with by the next,
 * before it turns to the number of workers that it wants itself.
 */
#include "config.h"
#include "daemon/reshare.h"
#include "daemon/assign.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "edge/cache_store.h"
#include "edge/confine.h"
#include "edge/lease_store.h"
#include "edge/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_MS 60000 /* so long it may take */
#define TRIES   4     /* of a process that a signal ends */

struct owner { /* of sandbox id; in the order of the ids */
	uint32_t id, was, is;
};

static int by_id(const void *a, const void *b)
{
	const struct owner *one = a, *other = b;
	return (one->id > other->id) - (one->id < other->id);
}

/* ---- the process ---- */

struct owners {
	const struct owner *items;
	size_t n;
	uint32_t was, is; /* numbers of workers */
};

static bool find_id(const void *who, uint32_t sandbox, struct lease_owner *out)
{
	const struct owners *owners = who;
	const struct owner key = {.id = sandbox}, *found = NULL;
	if (owners->n)
		found = bsearch(&key, owners->items, owners->n, sizeof key, by_id);
	if (found)
		*out = (struct lease_owner){.was = found->was, .is = found->is};
	return found != NULL;
}

static bool find_name(const void *who, const char *sandbox, struct lease_owner *out)
{
	const struct owners *owners = who;
	*out = (struct lease_owner){.was = assign_worker(sandbox, owners->was),
				    .is = assign_worker(sandbox, owners->is)};
	return true;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "namegated: sharing the stores out: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

/* Those of workers that there are no more are read only where they stand. */
static int open_stores(const char *folder, struct lease_store **stores, uint32_t n, uint32_t is)
{
	char store[PATH_MAX], path[PATH_MAX + 16], why[LEASE_STORE_WHY];
	int status = EXIT_SUCCESS;
	struct cache_store *cache = NULL;
	for (uint32_t i = 0; i < n; i++) {
		int len = i ? snprintf(store, sizeof store, "%s/%u", folder, (unsigned)i + 1)
			    : snprintf(store, sizeof store, "%s", folder);
		if (len < 0 || (size_t)len >= sizeof store)
			return fail(folder, "the path is too long");
		snprintf(path, sizeof path, "%s/worker", store);
		if (i >= is && access(path, F_OK))
			continue;
		if (lease_store_open(store, NG_HISTORY_MAX, &stores[i], why))
			status = fail(store, why);
		if (cache_store_open(store, &cache))
			status = fail(store, "the answers of before cannot be forgotten");
		else
			cache_store_void(cache);
		cache_store_close(cache);
		cache = NULL;
	}
	return status;
}

static int share_out(const char *user, const char *folder, const struct owners *owners)
{
	static struct lease_store *stores[NG_WORKERS_MAX];
	bool sift = owners->was == owners->is;
	uint32_t n = owners->was > owners->is ? owners->was : owners->is;
	if (sift)
		n = NG_WORKERS_MAX; /* also what workers left that are long gone */
	int status = open_stores(folder, stores, n, owners->is);
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	const struct lease_sharing how = {
		.stores = stores,
		.n_stores = n,
		.now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000,
		.who = owners,
		.by_id = find_id,
		.by_name = find_name,
	};
	char why[CONFINE_WHY];
	int code = confine_worker(user, why);
	if (code)
		return fail("cannot give up system calls", why);
	code = sift ? lease_store_sift(&how) : lease_store_share(&how);
	for (uint32_t i = 0; i < n; i++)
		lease_store_close(stores[i]);
	return code ? fail(folder, ng_strerror(code)) : status;
}

int reshare_main(const char *user, const char *store, const char *numbers, int fd)
{
	struct owners owners = {0};
	char why[CONFINE_WHY];
	uint8_t *octets = NULL;
	struct stat about;
	if (sscanf(numbers, "%u:%u", &owners.was, &owners.is) != 2 || !owners.was ||
	    !owners.is || owners.was > NG_WORKERS_MAX || owners.is > NG_WORKERS_MAX)
		return fail(numbers, "these are no numbers of workers");
	if (confine_user(user, why))
		return fail("cannot give up privileges", why);
	if (fstat(fd, &about) || about.st_size <= 0 ||
	    !sealed_is(fd, (uint64_t)about.st_size) ||
	    sealed_map(fd, (size_t)about.st_size, &octets))
		return fail("cannot be told whose the sandboxes are", strerror(errno));
	owners.items =
		(const struct owner *)(const void *)octets + 1; /* the first is nobody's */
	owners.n = (size_t)about.st_size / sizeof *owners.items - 1;
	return share_out(user, store, &owners);
}

/* ---- main ---- */

static void name_file(const struct daemon *daemon, const char *end, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/workers%s", daemon->store, end);
}

/* Of workers: the same, unless a start ended while rows were moved from the one to the other. */
struct number {
	uint32_t was, is;
};

/* A store of before this knows of one. */
static struct number read_number(const struct daemon *daemon)
{
	char path[PATH_MAX];
	unsigned was = 1, is = 1;
	int n;
	name_file(daemon, "", path);
	FILE *file = fopen(path, "re");
	if (!file)
		return (struct number){1, 1};
	n = fscanf(file, "%u %u", &was, &is);
	fclose(file);
	if (n < 2)
		is = was;
	if (n < 1 || !was || !is || was > NG_WORKERS_MAX || is > NG_WORKERS_MAX)
		return (struct number){1, 1};
	return (struct number){was, is};
}

static void write_number(const struct daemon *daemon, struct number number)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	name_file(daemon, "", path);
	name_file(daemon, ".new", fresh);
	FILE *file = fopen(fresh, "we");
	bool written = file && fprintf(file, number.was == number.is ? "%u\n" : "%u %u\n",
				       (unsigned)number.was, (unsigned)number.is) > 0;
	written = file && !fclose(file) && written && !rename(fresh, path);
	if (!written)
		log_say(LOG_AS_ERROR,
			"%s cannot be written: %s; with another number of workers at the next "
			"start, leases would be closed for want of their names",
			path, strerror(errno));
}

static int list_owners(const struct daemon *daemon, struct number number, int *fd)
{
	struct box *box, *next;
	size_t n = 1;
	struct owner *all = calloc(boxes_count(&daemon->boxes) + 1, sizeof *all);
	if (!all)
		return NG_E_NOMEM;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		all[n++] = (struct owner){box->id, assign_worker(box->conf.name, number.was),
					  assign_worker(box->conf.name, number.is)};
	qsort(all, n, sizeof *all, by_id); /* no sandbox has id 0 */
	int code = sealed_make((const uint8_t *)all, n * sizeof *all, fd);
	free(all);
	return code;
}

/* A worker's file can make who reads it run without end. */
static int wait_for(pid_t pid)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int status = -1;
	pid_t got = 0;
	for (int left_ms = MOST_MS; left_ms > 0; left_ms -= 5) {
		got = waitpid(pid, &status, WNOHANG);
		if (got == pid || (got < 0 && errno != EINTR))
			break;
		nanosleep(&pause, NULL);
	}
	if (got != pid) {
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	return status;
}

static int run_once(const struct daemon *daemon, const char *numbers, int fd)
{
	const char *arguments[] = {"namegated",         "--worker", "--user",
				   daemon->worker_user, "--store",  daemon->store,
				   "--reshare",         numbers,    NULL};
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(fd, WALL_FD) == WALL_FD && fcntl(WALL_FD, F_SETFD, 0) == 0)
			execv("/proc/self/exe", (char **)(uintptr_t)arguments);
		_exit(EXIT_FAILURE);
	}
	return pid > 0 ? wait_for(pid) : -1;
}

/* A store that has ended who opened it several times is set aside by the next who does. */
static bool run(const struct daemon *daemon, struct number number)
{
	char numbers[32];
	int status = -1, fd;
	if (list_owners(daemon, number, &fd))
		return false;
	snprintf(numbers, sizeof numbers, "%u:%u", (unsigned)number.was, (unsigned)number.is);
	for (int i = 0; i < TRIES; i++) {
		status = run_once(daemon, numbers, fd);
		if (!WIFSIGNALED(status))
			break;
	}
	close(fd);
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

static bool move(const struct daemon *daemon, struct number number)
{
	bool moved = run(daemon, number);
	write_number(daemon, (struct number){number.is, number.is});
	return moved;
}

int reshare(struct daemon *daemon)
{
	struct number was = read_number(daemon);
	const struct number is = {was.is, daemon->n_seats};
	bool well = was.was == was.is || move(daemon, was);
	if (is.was != is.is) {
		well = run(daemon, (struct number){is.was, is.was}) && well;
		write_number(daemon, is);
		well = move(daemon, is) && well;
	}
	if (!well)
		log_say(LOG_AS_ERROR,
			"there were %u workers and are %u now, and their stores could not all "
			"be shared out anew; leases whose names are not found are closed",
			(unsigned)was.was, (unsigned)daemon->n_seats);
	return NG_OK;
}
