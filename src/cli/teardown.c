/*
 * The verb `teardown`: takes the rules out of the kernel, which nothing else does. The table is
 * removed by namegate-warden, the one program that may touch it.
 */
#include "config.h"
#include "base/wall.h"
#include "cli/control_client.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: namegate teardown [--table NAME | --set SET...] [--force] [--control SOCKET]\n"
	"\n"
	"Removes namegate's nftables table with all its rules and open addresses. Sandboxes "
	"are\n"
	"then not guarded any more, unless something else does. Needs root.\n"
	"\n"
	"  --table NAME      the table's name (default: namegate)\n"
	"  --set SET         instead, the elements that namegate put into a set of another\n"
	"                    ruleset (integrate), as in \"inet filter allowed4\"; repeat it\n"
	"  --force           also while namegated runs, which makes the table again\n"
	"\n"
	"Exit code: 0 it is gone, 1 it is not.\n";

static const struct option long_options[] = {
	CLIENT_LONG_OPTIONS,
	{"table", required_argument, NULL, 't'},
	{"force", no_argument, NULL, 'f'},
	{"set", required_argument, NULL, 'e'},
	{NULL, 0, NULL, 0},
};

/* Beside ourselves first, so that a build tree runs its own. */
static void find_warden(char path[static PATH_MAX])
{
	static const char name[] = "namegate-warden";
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(path, '/');
	if (slash && (size_t)(slash + 1 - path) + sizeof name <= PATH_MAX) {
		memcpy(slash + 1, name, sizeof name);
		if (!access(path, X_OK))
			return;
	}
	snprintf(path, PATH_MAX, "%s/%s", PKGLIBEXECDIR, name);
}

int verb_teardown(int argc, char **argv)
{
	struct client_options options = {0};
	/* What the warden is called with: one table, or as many sets as are filled. */
	char *call[WALL_SETS_MAX + 3] = {(char *)"namegate-warden", (char *)"--teardown",
					 (char *)"namegate"};
	size_t n_sets = 0;
	bool force = false;
	char path[PATH_MAX];
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 't')
			call[2] = optarg;
		else if (option == 'f')
			force = true;
		else if (option == 'e' && n_sets < WALL_SETS_MAX)
			call[2 + n_sets++] = optarg;
		else if (!client_option(&options, option))
			return client_usage(usage, option);
	}
	if (optind != argc)
		return output_usage("teardown", "it takes no argument");
	if (!force && client_reachable(&options)) {
		fprintf(stderr,
			"namegate: namegated runs at %s and would be without its table; stop "
			"it "
			"first, or give --force\n",
			client_control(&options));
		return EXIT_DENIED;
	}
	if (n_sets)
		call[1] = (char *)"--teardown-sets";
	find_warden(path);
	execv(path, call);
	fprintf(stderr, "namegate: cannot run %s: %s\n", path, strerror(errno));
	return EXIT_DENIED;
}
