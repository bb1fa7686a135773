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
	assert_int_equal(source_compile("s", folder, &diags, &image), expected);
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
		assert_int_equal(source_compile(paths[i], "/elsewhere", &diags, &image),
				 NG_E_IO);
		assert_int_equal(diags.errors, 1);
		assert_string_equal(diags.items[0].code, "file-read");
		ng_diags_finish(&diags);
	}
	unlink(fifo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_beside_the_folder),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(what_is_no_file_is_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
