/*
 * Marks of forward zones: which server's packets get which, told to the kernel by main alone. The
 * worker is told the same, and sends nothing by a socket that has not got its mark from there. So what
 * cannot be set, or goes missing, ends in SERVFAIL and never in a packet by another way.
 *
 * The kernel holds the list as long as we have its links open, and the worker does not outlive us.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/host.h"
#include "daemon/log.h"
#include "edge/confine.h"
#include "edge/program_marks.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	struct mark *items; /* that are in the kernel */
	size_t n;
	int links[MARKS_LINKS];
} set = {.links = {-1, -1}};

static int order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct mark));
}

/* Each server once, sorted: two lists of the same are equal. NULL: memory is out. */
static struct mark *wanted(const struct conf *conf, size_t *n)
{
	struct mark *marks = calloc(conf->n_routes * NG_SERVERS_MAX + 1, sizeof *marks);
	size_t all = 0;
	for (size_t i = 0; marks && i < conf->n_routes; i++) {
		const struct conf_route *route = &conf->routes[i];
		for (size_t j = 0; route->mark && j < route->n_servers; j++) {
			marks[all].addr = route->servers[j].addr;
			marks[all].port = route->servers[j].port;
			marks[all++].mark = route->mark;
		}
	}
	*n = 0;
	if (all)
		qsort(marks, all, sizeof *marks, order);
	for (size_t i = 0; i < all; i++)
		if (!*n || order(&marks[*n - 1], &marks[i]))
			marks[(*n)++] = marks[i];
	return marks;
}

static void close_links(const int links[static MARKS_LINKS])
{
	for (size_t i = 0; i < MARKS_LINKS; i++)
		if (links[i] >= 0)
			close(links[i]);
}

static int hang(const struct daemon *daemon, const struct mark *marks, size_t n,
		int links[static MARKS_LINKS], char why[static HOST_WHY])
{
	int cgroup = -1, code = host_open_all(&cgroup, why);
	_Static_assert(HOST_WHY >= PROGRAM_WHY, "one for both");
	if (code)
		return code;
	confine_raise(true);
	code = marks_hang(cgroup, daemon->worker_uid, marks, n, links, why);
	confine_raise(false);
	close(cgroup);
	return code;
}

/* The new list hangs beside the old one, and behind it, before that one goes. */
static void replace(struct mark *marks, size_t n, const int links[static MARKS_LINKS])
{
	close_links(set.links);
	free(set.items);
	set.items = marks;
	set.n = n;
	memcpy(set.links, links, sizeof set.links);
}

void marks_settle(struct daemon *daemon)
{
	int links[MARKS_LINKS] = {-1, -1};
	char why[HOST_WHY] = "memory is out";
	size_t n;
	struct mark *marks = wanted(daemon->conf, &n);
	if (marks && n == set.n && (!n || !memcmp(marks, set.items, n * sizeof *marks))) {
		free(marks);
		return;
	}
	if (marks && (!n || hang(daemon, marks, n, links, why) == NG_OK)) {
		replace(marks, n, links);
		return;
	}
	log_say(LOG_AS_ERROR,
		"marks of forward zones cannot be set: %s; names of those zones fail until "
		"they are, and a reload tries it again",
		why);
	free(marks);
}

void marks_finish(void)
{
	static const int none[MARKS_LINKS] = {-1, -1};
	replace(NULL, 0, none);
}
