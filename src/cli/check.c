/*
 * `namegate check`: are configuration and policies right? It reads exactly what the daemon would
 * read, with the same code, and writes nothing but its findings.
 */
#include "config.h"

#include "cli/output.h"
#include "cli/verbs.h"
#include "conf/conf.h"
#include "conf/files.h"
#include "conf/sources.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: namegate check [--json] [-c FILE] [FILE]...\n\n"
	"Reads a configuration with the policies that it names (-c FILE, or a FILE that ends "
	"in\n"
	".conf), and host lists and RPZ zones (any other FILE). Without arguments it "
	"reads\n" CONF_PATH
	". Findings are FILE:LINE:COLUMN: what is wrong (what to do) [code].\n\n"
	"  -c, --config FILE  a configuration\n"
	"      --json         one JSON object instead of text\n\n"
	"Exit codes: 0 no errors, 1 errors in what was read, 2 a file could not be read.\n";

struct check {
	struct ng_diags diags;
	bool json, unreadable;
	json_t *files; /* what was read, with what is in it */
};

static void note(struct check *check, int code)
{
	check->unreadable |= code == NG_E_IO || code == NG_E_NOMEM;
}

static void add_file(struct check *check, const char *kind, const char *path, bool good,
		     size_t count)
{
	json_t *file = json_pack("{s:s, s:s*, s:b, s:I}", "kind", kind, "path", path, "good",
				 good, strcmp(kind, "policy") == 0 ? "rules" : "sandboxes",
				 (json_int_t)count);
	if (file != NULL)
		json_array_append_new(check->files, file);
}

static void check_source(struct check *check, const char *path, const char *base_dir)
{
	struct ng_image image = {0};
	struct ng_ruleset *ruleset = NULL;
	int code = source_compile(path, base_dir, &check->diags, &image);
	if (code == NG_OK)
		code = ng_ruleset_open(image.octets, image.len, &ruleset);
	note(check, code);
	add_file(check, "policy", path, code == NG_OK,
		 code == NG_OK ? ng_ruleset_count(ruleset) : 0);
	ng_ruleset_close(ruleset);
	ng_image_finish(&image);
}

/* Has an earlier section named the same file? One finding a file is enough. */
static bool named_before(const struct conf *conf, const char *path, size_t sections)
{
	for (uint8_t i = 0; i < conf->n_policies; i++) {
		if (strcmp(conf->policies[i], path) == 0)
			return true;
	}
	for (size_t i = 0; i < sections; i++) {
		for (uint8_t j = 0; j < conf->sandboxes[i].n_policies; j++) {
			if (strcmp(conf->sandboxes[i].policies[j], path) == 0)
				return true;
		}
	}
	return false;
}

static void check_policies(struct check *check, const struct conf *conf, const char *folder)
{
	for (uint8_t i = 0; i < conf->n_policies; i++)
		check_source(check, conf->policies[i], folder);
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		const struct conf_sandbox *sandbox = &conf->sandboxes[i];
		for (uint8_t j = 0; j < sandbox->n_policies; j++) {
			if (!named_before(conf, sandbox->policies[j], i))
				check_source(check, sandbox->policies[j], folder);
		}
	}
}

static void check_conf(struct check *check, const char *path)
{
	struct conf *conf = NULL;
	char *folder = file_folder(path);
	int code = conf_load(path, &check->diags, &conf);
	note(check, folder != NULL ? code : NG_E_NOMEM);
	add_file(check, "configuration", path, code == NG_OK,
		 code == NG_OK ? conf->n_sandboxes : 0);
	if (code == NG_OK && folder != NULL)
		check_policies(check, conf, folder);
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
		json_t *rules = json_object_get(file, "rules");
		if (!json_is_true(json_object_get(file, "good")))
			continue;
		printf("%s: %lld %s\n", json_string_value(json_object_get(file, "path")),
		       (long long)json_integer_value(
			       rules != NULL ? rules : json_object_get(file, "sandboxes")),
		       rules != NULL ? "rules" : "sandboxes");
	}
}

static int finish(struct check *check)
{
	const struct ng_diags *diags = &check->diags;
	int code = check->unreadable   ? EXIT_UNUSABLE
		   : diags->errors > 0 ? EXIT_DENIED
				       : EXIT_DONE;
	if (check->json)
		return output_json(json_pack("{s:O, s:I, s:I, s:I, s:o}", "files", check->files,
					     "errors", (json_int_t)diags->errors, "warnings",
					     (json_int_t)diags->warnings, "dropped",
					     (json_int_t)diags->dropped, "findings",
					     output_diags_json(diags)),
				   code);
	output_diags(diags, stdout);
	print_files(check);
	printf("%zu errors, %zu warnings\n", diags->errors, diags->warnings);
	return output_end(code);
}

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int run(struct check *check, int argc, char **argv)
{
	bool any = false;
	for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(help, stdout);
			return output_end(EXIT_DONE);
		}
		if (c == '?')
			return output_usage("check", "that is not an option of it");
		check->json |= c == 'j';
		any |= c == 'c';
		if (c == 'c')
			check_conf(check, optarg);
	}
	for (int i = optind; i < argc; i++)
		is_conf(argv[i]) ? check_conf(check, argv[i])
				 : check_source(check, argv[i], NULL);
	if (!any && optind == argc)
		check_conf(check, CONF_PATH);
	return finish(check);
}

int verb_check(int argc, char **argv)
{
	struct check check = {.files = json_array()};
	ng_diags_init(&check.diags);
	int code = check.files != NULL ? run(&check, argc, argv) : EXIT_UNUSABLE;
	ng_diags_finish(&check.diags);
	json_decref(check.files);
	return code;
}
