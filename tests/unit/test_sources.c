/* Policy sources on disk: a file, or a refusal that says why; never an empty ruleset. */
#include "unit.h"

#include "conf/sources.h"
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/ngsourcesXXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int drop_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* Compiles octets as the file "s" of the folder; the code of the first finding, or "". */
static const char *compile(const char *octets, size_t n, int expected)
{
	static char code[32];
	struct ng_diags diags;
	struct ng_image image = {0};
	char path[64];
	snprintf(path, sizeof(path), "%s/s", folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(octets, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	ng_diags_init(&diags);
	assert_int_equal(source_compile("s", folder, NULL, &diags, &image), expected);
	assert_true((image.octets != NULL) == (expected == NG_OK));
	snprintf(code, sizeof(code), "%s", diags.n > 0 ? diags.items[0].code : "");
	if (diags.n > 0)
		assert_string_equal(diags.items[0].path, "s");
	ng_image_finish(&image);
	ng_diags_finish(&diags);
	unlink(path);
	return code;
}

static void a_file_is_read_beside_the_folder(void **state)
{
	(void)state;
	assert_string_equal(compile("a.example\n", 10, NG_OK), "");
	assert_string_equal(compile("a.example/x\n", 12, NG_E_SYNTAX), "list-path");
	assert_string_equal(compile("$TTL 5\nx\n", 9, NG_E_SYNTAX), "zone-origin");
}

static void put(const char *name, const char *text)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void drop(const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static struct source_texts note(const char *name, int expected)
{
	struct source_texts texts = {0};
	struct ng_image image = {0};
	struct ng_diags diags;
	ng_diags_init(&diags);
	assert_int_equal(source_compile_noting(name, folder, NULL, &diags, &texts, &image),
			 expected);
	ng_image_finish(&image);
	ng_diags_finish(&diags);
	return texts;
}

static void all_texts_of_a_source_are_noted(void **state)
{
	(void)state;
	put("one", "a.example\n@include two\n@include three\n");
	put("two", "b.example\n@include three\n");
	put("three", "c.example\n");
	struct source_texts first = note("one", NG_OK), again, other;
	assert_int_equal(first.n, 3);
	assert_string_equal(first.items[0].path, "one");
	assert_non_null(source_texts_find(&first, "two"));
	assert_false(source_texts_find(&first, "three")->unread);
	again = note("one", NG_OK);
	assert_int_equal(again.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(again.items[i].digest == first.items[i].digest);
	put("two", "b.example # the same rules\n@include three\n");
	drop("three");
	other = note("one", NG_E_IO);
	assert_true(source_texts_find(&other, "one")->digest == first.items[0].digest);
	assert_true(source_texts_find(&other, "two")->digest !=
		    source_texts_find(&first, "two")->digest);
	assert_true(source_texts_find(&other, "three")->unread);
	assert_null(source_texts_find(&other, "four"));
	source_texts_finish(&first);
	source_texts_finish(&again);
	source_texts_finish(&other);
	drop("one");
	drop("two");
}

static void what_is_no_text_is_refused(void **state)
{
	(void)state;
	assert_string_equal(compile("", 0, NG_E_SYNTAX), "file-size");
	assert_string_equal(compile("# c\n\0a.example\n", 15, NG_E_SYNTAX), "source-nul");
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	char fifo[64];
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	const char *const paths[] = {folder, fifo, "/dev/zero", "/nonexistent/list"};
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct ng_diags diags;
		struct ng_image image;
		ng_diags_init(&diags);
		assert_int_equal(source_compile(paths[i], "/elsewhere", NULL, &diags, &image),
				 NG_E_IO);
		assert_int_equal(diags.errors, 1);
		assert_string_equal(diags.items[0].code, "file-read");
		ng_diags_finish(&diags);
	}
	unlink(fifo);
}

static void take(const char *name)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(remove(path), 0);
}

/* Compiles a source of that configuration and says "CODE PATH" of the first finding, or the rules. */
static const char *says(const char *name, const struct conf *conf)
{
	static char said[512];
	struct ng_diags diags;
	struct ng_image image = {0};
	struct ng_ruleset *ruleset = NULL;
	ng_diags_init(&diags);
	int code = source_compile(name, NULL, conf, &diags, &image);
	assert_true((code == NG_OK) == (diags.errors == 0));
	if (code == NG_OK) {
		assert_int_equal(ng_ruleset_open(image.octets, image.len, &ruleset), NG_OK);
		snprintf(said, sizeof(said), "%s %zu", ng_ruleset_path(ruleset),
			 ng_ruleset_count(ruleset));
	} else {
		size_t i = 0;
		while (i + 1 < diags.n && diags.items[i].severity != NG_ERROR)
			i++;
		snprintf(said, sizeof(said), "%s %s:%u", diags.items[i].code,
			 diags.items[i].path, diags.items[i].line);
	}
	ng_ruleset_close(ruleset);
	ng_image_finish(&image);
	ng_diags_finish(&diags);
	return said;
}

static void included_lists_are_read_beside_their_lister(void **state)
{
	(void)state;
	char sub[96];
	struct conf conf = {.folder = folder};
	snprintf(sub, sizeof(sub), "%s/sub", folder);
	assert_int_equal(mkdir(sub, 0700), 0);
	put("a.list", "a.example\n@include sub/b.list\n@include sub/c.list\n");
	put("sub/b.list", "b.example\n@include c.list\n");
	put("sub/c.list", "c.example\n");
	assert_string_equal(says("a.list", &conf), "a.list 3");
	put("sub/c.list", "c.example/x\n");
	assert_string_equal(says("a.list", &conf), "list-path sub/c.list:1");
	/* By another path each time; the depth ends it. */
	put("sub/c.list", "@include ../a.list\n");
	assert_true(strncmp(says("a.list", &conf), "list-include sub/../", 20) == 0);
	put("sub/c.list", "@include b.list\n");
	assert_string_equal(says("a.list", &conf), "list-include sub/c.list:1");
	put("sub/c.list", "$TTL 5\n@ SOA a. b. 1 2 3 4 5\n");
	assert_string_equal(says("a.list", &conf), "list-include sub/b.list:2");
	take("sub/c.list");
	assert_string_equal(says("a.list", &conf), "file-read sub/c.list:0");
	take("sub/b.list");
	take("a.list");
	take("sub");
}

static void presets_are_found_by_name(void **state)
{
	(void)state;
	put("pypi.list", "pypi.org\n@include more.list\n");
	put("more.list", "files.pythonhosted.org\n");
	assert_int_equal(setenv(SOURCE_PRESETS_ENV, folder, 1), 0);
	assert_string_equal(says("preset:pypi", NULL), "preset:pypi 2");
	assert_string_equal(says("preset:none", NULL), "preset-name preset:none:0");
	assert_string_equal(says("preset:../pypi", NULL), "preset-name preset:../pypi:0");
	assert_string_equal(says("preset:", NULL), "preset-name preset::0");
	assert_int_equal(unsetenv(SOURCE_PRESETS_ENV), 0);
	take("pypi.list");
	take("more.list");
}

static void zones_are_read_as_their_section_says(void **state)
{
	(void)state;
	char file[] = "ads.rpz", origin[] = "ads.example";
	struct conf_zone zone = {.name = "ads", .file = file};
	struct conf conf = {.folder = folder, .zones = &zone, .n_zones = 1};
	put("ads.rpz", "a CNAME .\n");
	assert_string_equal(says("zone:ads", &conf), "zone-origin ads.rpz:1");
	zone.origin = origin;
	assert_string_equal(says("zone:ads", &conf), "ads.rpz 1");
	zone.override = NG_OVERRIDE_CNAME;
	assert_string_equal(says("zone:ads", &conf), "rpz-override ads.rpz:0");
	assert_string_equal(says("zone:more", &conf), "zone-unknown zone:more:0");
	assert_string_equal(says("zone:ads", NULL), "zone-unknown zone:ads:0");
	take("ads.rpz");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_beside_the_folder),
		cmocka_unit_test(all_texts_of_a_source_are_noted),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(included_lists_are_read_beside_their_lister),
		cmocka_unit_test(presets_are_found_by_name),
		cmocka_unit_test(zones_are_read_as_their_section_says),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
