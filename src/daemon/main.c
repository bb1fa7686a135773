/*
 * namegated: options, and which of its three lives this process is to live: the daemon, a check of
 * the configuration, or (started by the daemon itself) a worker.
 */
#include "config.h"
#include "conf/conf.h"
#include "conf/sources.h"
#include "daemon/daemon.h"
#include "daemon/host.h"
#include "daemon/log.h"
#include "daemon/own.h"
#include "daemon/reshare.h"
#include "daemon/worker.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	const char *conf;
	bool check, worker;
	const char *reshare;
	struct worker_options for_worker;
};

static const char usage_text[] =
	"usage: namegated [-c FILE] [-t]\n"
	"\n"
	"Answers the DNS queries of sandboxes and opens what policy allows.\n"
	"\n"
	"  -c, --config FILE  read FILE instead of " CONF_PATH "\n"
	"  -t, --check        check the configuration and all policies, print what is in\n"
	"                     force, and exit: 0 when it is good, 1 when not\n"
	"  -V, --version      print the version\n"
	"      --help         print this\n"
	"\n"
	"SIGHUP reloads; SIGTERM stops and leaves the rules in the kernel.\n";

enum {
	OPTION_HELP = 256,
	OPTION_WORKER,
	OPTION_USER,
	OPTION_STORE,
	OPTION_RECORDS,
	OPTION_SHARE,
	OPTION_RESHARE
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, 't'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, OPTION_HELP},
	/* for the daemon's own use */
	{"worker", no_argument, NULL, OPTION_WORKER},
	{"user", required_argument, NULL, OPTION_USER},
	{"store", required_argument, NULL, OPTION_STORE},
	{"records", required_argument, NULL, OPTION_RECORDS},
	{"share", required_argument, NULL, OPTION_SHARE},
	{"reshare", required_argument, NULL, OPTION_RESHARE},
	{NULL, 0, NULL, 0},
};

static bool take_option(int option, struct options *options)
{
	switch (option) {
	case 'c':
		options->conf = optarg;
		return true;
	case 't':
		options->check = true;
		return true;
	case OPTION_WORKER:
		options->worker = true;
		return true;
	case OPTION_USER:
		options->for_worker.user = optarg;
		return true;
	case OPTION_STORE:
		options->for_worker.store = optarg;
		return true;
	case OPTION_RECORDS:
		options->for_worker.record =
			strcmp(optarg, "journal") ? WORKER_RECORD_LINES : WORKER_RECORD_JOURNAL;
		return true;
	case OPTION_SHARE:
		return sscanf(optarg, "%u/%u", &options->for_worker.number,
			      &options->for_worker.workers) == 2;
	case OPTION_RESHARE:
		options->reshare = optarg;
		return true;
	default:
		return false;
	}
}

/* Every path of the configuration is tried, so that one look shows all that is wrong. */
static void check_paths(const struct conf *conf, char *const *paths, size_t n,
			struct ng_diags *diags)
{
	for (size_t i = 0; i < n; i++) {
		struct ng_image image = {0};
		if (source_compile(paths[i], NULL, conf, diags, &image) == NG_OK)
			ng_image_finish(&image);
	}
}

/* Who is not root is not who starts it, and may not try. */
static void check_steering(const struct conf *conf, struct ng_diags *diags)
{
	const struct ng_place place = {.path = conf->path ? conf->path : "defaults"};
	char why[PROGRAM_WHY];
	struct steer *steer;
	if (conf->workers <= 1 || geteuid() != 0)
		return;
	if (steer_create(&steer, why) == NG_OK) {
		steer_destroy(steer);
		return;
	}
	ng_diag_add(diags, NG_WARNING, &place, "conf-workers", "workers = 1",
		    "sandboxes cannot be shared out between workers here, and there will be "
		    "one: %s",
		    why);
}

static int check(const char *path)
{
	struct conf *conf = NULL;
	struct ng_diags diags;
	char line[1024];
	ng_diags_init(&diags);
	int code = conf_load(path, &diags, &conf);
	if (code == NG_OK)
		code = host_look_up_all(conf, &diags);
	if (code == NG_OK)
		code = own_check_loops(conf, &diags);
	if (code == NG_OK) {
		check_paths(conf, conf->policies, conf->n_policies, &diags);
		for (size_t i = 0; i < conf->n_groups; i++)
			check_paths(conf, conf->groups[i].policies, conf->groups[i].n_policies,
				    &diags);
		for (size_t i = 0; i < conf->n_sandboxes; i++)
			check_paths(conf, conf->sandboxes[i].policies,
				    conf->sandboxes[i].n_policies, &diags);
		check_steering(conf, &diags);
	}
	for (size_t i = 0; i < diags.n; i++)
		fprintf(stderr, "%s\n", ng_diag_format(&diags.items[i], line, sizeof line));
	bool good = code == NG_OK && !diags.errors;
	if (good)
		conf_print(conf, stdout);
	conf_free(conf);
	ng_diags_finish(&diags);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Descriptors that the starter left open are none of ours; 0 to 2 must be something. */
static void clean_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	(void)close_range(STDERR_FILENO + 1, ~0u, 0);
}

static int run_worker(struct options *options)
{
	struct worker_options *worker = &options->for_worker;
	worker->record_fd = WALL_FD + 1;
	if (worker->user && worker->store && options->reshare)
		return reshare_main(worker->user, worker->store, options->reshare, WALL_FD);
	if (worker->user && worker->store)
		return worker_main(worker);
	log_say(LOG_AS_ERROR, "--worker is for namegated's own use");
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	int option;
	while ((option = getopt_long(argc, argv, "c:tV", long_options, NULL)) != -1) {
		if (option == 'V') {
			puts("namegated " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		}
		if (option == OPTION_HELP) {
			fputs(usage_text, stdout);
			return EXIT_SUCCESS;
		}
		if (!take_option(option, &options)) {
			fputs(usage_text, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "namegated: unexpected argument \"%s\"\n%s", argv[optind],
			usage_text);
		return 2;
	}
	if (options.worker)
		return run_worker(&options);
	clean_descriptors();
	if (!options.conf && !access(CONF_PATH, F_OK))
		options.conf = CONF_PATH;
	return options.check ? check(options.conf) : daemon_run(options.conf);
}
