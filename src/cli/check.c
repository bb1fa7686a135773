/*
 * `namegate check`: are configuration and policies right? It reads exactly what the daemon would
 * read, with the same code, and writes nothing but its findings.
 */
#include "config.h"

#include "cli/check.h"
#include "cli/hosting.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "conf/files.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"usage: namegate check [--format FORMAT] [--werror] [--answers FILE] [-c FILE] "
	"[FILE]...\n\n"
	"Reads a configuration with the policies that it names (-c FILE, or a FILE that ends "
	"in\n"
	".conf), and host lists and RPZ zones (any other FILE). Without arguments it "
	"reads\n" CONF_PATH
	". Findings are FILE:LINE:COLUMN: what is wrong (what to do) [code];\n"
	"namegate-check(1) has a table of the codes of its lint.\n\n"
	"  -c, --config FILE    a configuration\n"
	"      --answers FILE   namegate's records, or zone text such as dig prints: aliases\n"
	"                       in it that cname=strict would refuse are warned of\n"
	"      --format FORMAT  human, json (one object) or sarif (2.1.0)\n"
	"      --json           the same as --format json\n"
	"      --werror         warnings count as errors in the exit code\n\n"
	"Exit codes: 0 no errors, 1 errors in what was read, 2 a file could not be read.\n";

struct check_files { /* of the command line */
	char **confs, **answers;
	size_t n_confs, n_answers;
	bool help;
};

void check_note(struct check *check, int code)
{
	check->unreadable |= code == NG_E_IO || code == NG_E_NOMEM;
}

/* What is counted in each kind of file. */
static const char *const kinds[][2] = {
	{"policy", "rules"}, {"configuration", "sandboxes"}, {"answers", "aliases"}};

static const char *counted(const char *kind)
{
	size_t i = 0;
	while (i + 1 < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[i][0], kind) != 0)
		i++;
	return kinds[i][1];
}

void check_add_file(struct check *check, const char *kind, const char *path, bool good,
		    size_t count)
{
	json_t *file = json_pack("{s:s, s:s*, s:b, s:I}", "kind", kind, "path", path, "good",
				 good, counted(kind), (json_int_t)count);
	if (file != NULL)
		json_array_append_new(check->files, file);
}

static void check_conf(struct check *check, const char *path)
{
	struct conf *conf = NULL;
	char *folder = file_folder(path);
	int code = conf_load(path, &check->diags, &conf);
	check_note(check, folder != NULL ? code : NG_E_NOMEM);
	check_add_file(check, "configuration", path, code == NG_OK,
		       code == NG_OK ? conf->n_sandboxes : 0);
	check->conf = conf;
	if (code == NG_OK && folder != NULL)
		check_policies(check, conf, folder);
	if (code == NG_OK && check->diags.errors == 0)
		check_ceilings(check, path);
	/* Names such as zone:ads mean something else in the next configuration. */
	check_sources_free(check);
	check->conf = NULL;
	conf_free(conf);
	free(folder);
}

static bool is_conf(const char *path)
{
	size_t n = strlen(path);
	return n >= 5 && strcmp(path + n - 5, ".conf") == 0;
}

static void print_files(const struct check *check)
{
	size_t i;
	json_t *file;
	json_array_foreach(check->files, i, file)
	{
		const char *kind = json_string_value(json_object_get(file, "kind"));
		if (!json_is_true(json_object_get(file, "good")) || kind == NULL)
			continue;
		printf("%s: %lld %s\n", json_string_value(json_object_get(file, "path")),
		       (long long)json_integer_value(json_object_get(file, counted(kind))),
		       counted(kind));
	}
}

static int exit_code(const struct check *check)
{
	if (check->unreadable)
		return EXIT_UNUSABLE;
	return check->diags.errors > 0 || (check->werror && check->diags.warnings > 0)
		       ? EXIT_DENIED
		       : EXIT_DONE;
}

static int finish(struct check *check)
{
	const struct ng_diags *diags = &check->diags;
	int code = exit_code(check);
	if (check->format == CHECK_SARIF)
		return output_json(check_sarif(check, code), code);
	if (check->format == CHECK_JSON)
		return output_json(json_pack("{s:O, s:O, s:I, s:I, s:I, s:o}", "files",
					     check->files, "ceilings", check->ceilings,
					     "errors", (json_int_t)diags->errors, "warnings",
					     (json_int_t)diags->warnings, "dropped",
					     (json_int_t)diags->dropped, "findings",
					     output_diags_json(diags)),
				   code);
	output_diags(diags, stdout);
	print_files(check);
	check_ceilings_print(check);
	printf("%zu errors, %zu warnings\n", diags->errors, diags->warnings);
	return output_end(code);
}

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"answers", required_argument, NULL, 'a'},
	{"format", required_argument, NULL, 'f'},
	{"json", no_argument, NULL, 'j'},
	{"werror", no_argument, NULL, 'w'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool read_format(struct check *check, const char *word)
{
	static const char *const formats[] = {
		[CHECK_HUMAN] = "human", [CHECK_JSON] = "json", [CHECK_SARIF] = "sarif"};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(word, formats[i]) != 0)
			continue;
		check->format = (enum check_format)i;
		return true;
	}
	return false;
}

/* Reads the options; -c and --answers move into lists. EXIT_DONE: go on. */
static int read_options(struct check *check, int argc, char **argv, struct check_files *files)
{
	for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (c == '?')
			return output_usage("check", "that is not an option of it");
		if (c == 'f' && !read_format(check, optarg))
			return output_usage("check", "--format is human, json or sarif");
		if (c == 'c')
			files->confs[files->n_confs++] = optarg;
		if (c == 'a')
			files->answers[files->n_answers++] = optarg;
		if (c == 'j')
			check->format = CHECK_JSON;
		check->werror |= c == 'w';
		files->help |= c == 'h';
	}
	return EXIT_DONE;
}

static int run(struct check *check, int argc, char **argv, struct check_files *files)
{
	int code = read_options(check, argc, argv, files);
	if (code != EXIT_DONE)
		return code;
	if (files->help) {
		fputs(help, stdout);
		return output_end(EXIT_DONE);
	}
	for (size_t i = 0; i < files->n_answers; i++)
		check_answers(check, files->answers[i]);
	for (size_t i = 0; i < files->n_confs; i++)
		check_conf(check, files->confs[i]);
	for (int i = optind; i < argc; i++)
		is_conf(argv[i]) ? check_conf(check, argv[i]) : check_alone(check, argv[i]);
	if (files->n_confs == 0 && optind == argc)
		check_conf(check, CONF_PATH);
	return finish(check);
}

int verb_check(int argc, char **argv)
{
	struct check check = {
		.files = json_array(), .ceilings = json_array(), .now_s = (uint64_t)time(NULL)};
	struct check_files files = {.confs = calloc((size_t)argc, sizeof(char *)),
				    .answers = calloc((size_t)argc, sizeof(char *))};
	int code = EXIT_UNUSABLE;
	ng_diags_init(&check.diags);
	if (check.files != NULL && check.ceilings != NULL && files.confs != NULL &&
	    files.answers != NULL && hosting_create(&check.hosting) == NG_OK)
		code = run(&check, argc, argv, &files);
	check_sources_free(&check);
	ng_lint_hosting_destroy(check.hosting);
	ng_diags_finish(&check.diags);
	json_decref(check.files);
	json_decref(check.ceilings);
	free(check.aliases);
	free(files.confs);
	free(files.answers);
	return code;
}
