/*
 * namegate test: plays scenes to the engine, offline. The same engine answers in the daemon, so
 * what a scene shows is what the gate does.
 */
#include "config.h"

#include "cli/scene.h"
#include "cli/test.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct options {
	bool tap, trace;
};

/* Diagnostics in TAP are comments. */
static void print_report(FILE *out, const char *report, const char *prefix)
{
	while (*report) {
		size_t len = strcspn(report, "\n");

		fprintf(out, "%s%.*s\n", prefix, (int)len, report);
		report += len + (report[len] == '\n');
	}
}

static enum scene_outcome test_file(const char *path, size_t number,
				    const struct options *options)
{
	char *report = NULL, *title = NULL;
	size_t len;
	FILE *out = open_memstream(&report, &len);
	enum scene_outcome outcome;

	if (!out)
		return SCENE_UNUSABLE;
	outcome = scene_play(path, out, options->trace ? stderr : NULL, &title);
	fclose(out);
	if (options->tap) {
		printf("%s %zu - %s\n", outcome == SCENE_PASSED ? "ok" : "not ok", number,
		       title ? title : path);
		print_report(stdout, report, "# ");
	} else {
		print_report(stderr, report, "");
	}
	free(report);
	free(title);
	return outcome;
}

static int test_usage(FILE *out, int status)
{
	fputs("usage: namegate test [--tap] [--trace] FILE.scene...\n"
	      "Plays scenes to the engine, offline. \"-\" is standard input.\n"
	      "  --tap    print results as the Test Anything Protocol\n"
	      "  --trace  print everything that comes out of the engine, as it comes\n"
	      "Exit codes: 0 all passed, 1 one failed, 2 one cannot be played.\n"
	      "namegate-scene(5) tells the language.\n",
	      out);
	return status;
}

int test_main(int argc, char **argv)
{
	static const struct option long_options[] = {{"tap", no_argument, NULL, 't'},
						     {"trace", no_argument, NULL, 'x'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	struct options options = {0};
	size_t failed = 0, unusable = 0, n;
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		if (option == 'h')
			return test_usage(stdout, 0);
		if (option == '?')
			return test_usage(stderr, 2);
		options.tap |= option == 't';
		options.trace |= option == 'x';
	}
	if (optind >= argc)
		return test_usage(stderr, 2);
	n = (size_t)(argc - optind);
	if (options.tap)
		printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		enum scene_outcome outcome = test_file(argv[optind + (int)i], i + 1, &options);

		failed += outcome == SCENE_FAILED;
		unusable += outcome == SCENE_UNUSABLE;
	}
	if (!options.tap)
		printf("scenes: %zu, passed %zu, failed %zu, unusable %zu\n", n,
		       n - failed - unusable, failed, unusable);
	return failed ? 1 : unusable ? 2 : 0;
}
