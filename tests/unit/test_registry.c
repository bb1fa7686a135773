/* The registry: what is put comes back, also in another life; ids and versions never repeat. */
#include "config.h"
#include "edge/registry.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

struct stage {
	char folder[64];
	uv_loop_t loop;
	struct registry *registry;
};

static void open_it(struct stage *stage)
{
	const char *why = "";
	assert_int_equal(registry_open(stage->folder, &stage->loop, &stage->registry, &why),
			 NG_OK);
}

static void close_it(struct stage *stage)
{
	registry_close(stage->registry);
	stage->registry = NULL;
	uv_run(&stage->loop, UV_RUN_DEFAULT); /* the flush under way ends first */
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof *stage);
	strcpy(stage->folder, "/tmp/namegate-registry-XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	uv_loop_init(&stage->loop);
	open_it(stage);
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;
	static const char *const files[] = {"data.mdb", "lock.mdb"};
	char path[128];
	close_it(stage);
	uv_loop_close(&stage->loop);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", stage->folder, files[i]);
		unlink(path);
	}
	rmdir(stage->folder);
	free(stage);
	return 0;
}

static void test_round_trip(void **state)
{
	struct stage *stage = *state;
	char *text = malloc(REGISTRY_VALUE_MAX + 1);
	uint32_t id = 0;
	size_t len = 0;
	assert_int_equal(registry_put(stage->registry, "a", 7, "{\"name\":\"a\"}", 12), NG_OK);
	assert_int_equal(registry_put(stage->registry, "b", 8, NULL, 0), NG_OK);
	close_it(stage);
	open_it(stage);
	assert_int_equal(registry_find(stage->registry, "a", &id), NG_OK);
	assert_int_equal(id, 7);
	assert_int_equal(registry_value(stage->registry, "a", text, &len), NG_OK);
	assert_int_equal(len, 12);
	assert_string_equal(text, "{\"name\":\"a\"}");
	assert_int_equal(registry_value(stage->registry, "b", text, &len), NG_OK);
	assert_int_equal(len, 0);
	assert_int_equal(registry_remove(stage->registry, "a"), NG_OK);
	assert_int_equal(registry_find(stage->registry, "a", &id), NG_E_NOTFOUND);
	assert_int_equal(registry_remove(stage->registry, "a"), NG_E_NOTFOUND);
	free(text);
}

static void test_bounds(void **state)
{
	struct stage *stage = *state;
	char *large = calloc(1, REGISTRY_VALUE_MAX + 1);
	assert_int_equal(registry_put(stage->registry, "a", 1, large, REGISTRY_VALUE_MAX + 1),
			 NG_E_RANGE);
	assert_int_equal(registry_put(stage->registry, "a", 1, large, REGISTRY_VALUE_MAX),
			 NG_OK);
	free(large);
}

static void test_numbers_never_repeat(void **state)
{
	struct stage *stage = *state;
	uint32_t first = 0, second = 0, third = 0;
	uint64_t before = 0, after = 0;
	assert_int_equal(registry_take_id(stage->registry, &first), NG_OK);
	assert_int_equal(registry_take_id(stage->registry, &second), NG_OK);
	assert_int_equal(registry_next_version(stage->registry, &before), NG_OK);
	close_it(stage);
	open_it(stage);
	assert_int_equal(registry_take_id(stage->registry, &third), NG_OK);
	assert_int_equal(registry_next_version(stage->registry, &after), NG_OK);
	assert_true(first != 0);
	assert_int_equal(second, first + 1);
	assert_int_equal(third, first + 2);
	assert_int_equal(before, 1);
	assert_int_equal(after, 2);
}

static void count(void *owner, const char *name, uint32_t id, const char *value, size_t len)
{
	char *seen = owner;
	(void)value;
	sprintf(seen + strlen(seen), "%s=%u/%zu ", name, id, len);
}

static void test_each(void **state)
{
	struct stage *stage = *state;
	char seen[128] = "";
	assert_int_equal(registry_put(stage->registry, "b", 2, "xy", 2), NG_OK);
	assert_int_equal(registry_put(stage->registry, "a", 1, NULL, 0), NG_OK);
	assert_int_equal(registry_each(stage->registry, count, seen), NG_OK);
	assert_string_equal(seen, "a=1/0 b=2/2 ");
}

static void gather(void *owner, uint64_t id, const char *value, size_t len)
{
	char *seen = owner;
	sprintf(seen + strlen(seen), "%llu=%.*s ", (unsigned long long)id, (int)len, value);
}

static void test_approvals(void **state)
{
	struct stage *stage = *state;
	uint64_t first = 0, second = 0;
	char seen[128] = "", large[8] = "";
	assert_int_equal(registry_take_approval(stage->registry, &first), NG_OK);
	assert_int_equal(first, 1);
	/* More than an octet of numbers: the order is that of numbers, not of little-endian octets. */
	assert_int_equal(registry_approval_put(stage->registry, 256, "late", 4), NG_OK);
	assert_int_equal(registry_approval_put(stage->registry, 1, "old", 3), NG_OK);
	assert_int_equal(registry_approval_put(stage->registry, 1, "early", 5), NG_OK);
	assert_int_equal(
		registry_approval_put(stage->registry, 2, large, REGISTRY_VALUE_MAX + 1),
		NG_E_RANGE);
	close_it(stage);
	open_it(stage);
	assert_int_equal(registry_approvals_each(stage->registry, gather, seen), NG_OK);
	assert_string_equal(seen, "1=early 256=late ");
	assert_int_equal(registry_approval_remove(stage->registry, 1), NG_OK);
	assert_int_equal(registry_approval_remove(stage->registry, 1), NG_E_NOTFOUND);
	seen[0] = '\0';
	assert_int_equal(registry_approvals_each(stage->registry, gather, seen), NG_OK);
	assert_string_equal(seen, "256=late ");
	assert_int_equal(registry_take_approval(stage->registry, &second), NG_OK);
	assert_int_equal(second, 2);
}

static bool only_b(void *owner, const char *path)
{
	(void)owner;
	return !strcmp(path, "/b.list");
}

static void test_images(void **state)
{
	struct stage *stage = *state;
	uint8_t octets[5] = {1, 0, 2, 0, 3};
	struct registry_image image = {1700000000, 77, octets, sizeof octets}, seen = {0};
	assert_int_equal(registry_image_get(stage->registry, "/a.list", &seen), NG_E_NOTFOUND);
	assert_int_equal(registry_image_put(stage->registry, "/a.list", &image), NG_OK);
	image.digest = 78;
	assert_int_equal(registry_image_put(stage->registry, "/b.list", &image), NG_OK);
	close_it(stage);
	open_it(stage);
	assert_int_equal(registry_image_get(stage->registry, "/a.list", &seen), NG_OK);
	assert_int_equal(seen.made_s, 1700000000);
	assert_int_equal(seen.digest, 77);
	assert_int_equal(seen.len, sizeof octets);
	assert_memory_equal(seen.octets, octets, sizeof octets);
	free(seen.octets);
	char *text = NULL;
	assert_int_equal(registry_texts_get(stage->registry, "/a.list", &text), NG_E_NOTFOUND);
	assert_int_equal(registry_texts_put(stage->registry, "/a.list", "one"), NG_OK);
	assert_int_equal(registry_texts_put(stage->registry, "/a.list", "three"), NG_OK);
	assert_int_equal(registry_texts_put(stage->registry, "/b.list", "two"), NG_OK);
	assert_int_equal(registry_texts_get(stage->registry, "/a.list", &text), NG_OK);
	assert_string_equal(text, "three");
	free(text);
	assert_int_equal(registry_images_prune(stage->registry, only_b, NULL), NG_OK);
	assert_int_equal(registry_texts_get(stage->registry, "/a.list", &text), NG_E_NOTFOUND);
	assert_int_equal(registry_texts_get(stage->registry, "/b.list", &text), NG_OK);
	assert_string_equal(text, "two");
	free(text);
	assert_int_equal(registry_image_look(stage->registry, "/a.list", &seen), NG_E_NOTFOUND);
	assert_int_equal(registry_image_look(stage->registry, "/b.list", &seen), NG_OK);
	assert_int_equal(seen.digest, 78);
	assert_null(seen.octets);
}

/* A path that no source can have must not come near the keys, whose length LMDB bounds. */
static void test_image_paths(void **state)
{
	struct stage *stage = *state;
	uint8_t octet = 1;
	char path[NG_PATH_MAX + 1];
	struct registry_image image = {1, 2, &octet, 1};
	memset(path, 'p', NG_PATH_MAX);
	path[NG_PATH_MAX] = '\0';
	assert_int_equal(registry_image_put(stage->registry, path, &image), NG_E_RANGE);
	assert_int_equal(registry_image_put(stage->registry, "", &image), NG_E_RANGE);
	assert_int_equal(registry_image_put(stage->registry, path + 1, &image), NG_OK);
	assert_int_equal(registry_image_look(stage->registry, path + 1, &image), NG_OK);
}

static void test_broken_is_said(void **state)
{
	struct stage *stage = *state;
	char path[128], rubbish[8192];
	const char *why = "";
	close_it(stage);
	snprintf(path, sizeof path, "%s/data.mdb", stage->folder);
	memset(rubbish, 0x55, sizeof rubbish);
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, rubbish, sizeof rubbish), sizeof rubbish);
	close(fd);
	assert_int_equal(registry_open(stage->folder, &stage->loop, &stage->registry, &why),
			 NG_E_FORMAT);
	assert_true(*why);
	unlink(path);
	open_it(stage);
}

/* Pages that LMDB itself would stumble over, and end the process. */
static void test_damage_is_said(void **state)
{
	struct stage *stage = *state;
	char path[128], rubbish[8192];
	const char *why = "";
	struct stat info;
	for (uint32_t i = 1; i < 200; i++)
		assert_int_equal(registry_put(stage->registry,
					      (char[]){'a' + i % 26, 'a' + i / 26, 0}, i,
					      "some text", 9),
				 NG_OK);
	close_it(stage);
	snprintf(path, sizeof path, "%s/data.mdb", stage->folder);
	assert_int_equal(stat(path, &info), 0);
	assert_true(info.st_size > 12288);
	assert_int_equal(truncate(path, 9000), 0);
	assert_int_equal(registry_open(stage->folder, &stage->loop, &stage->registry, &why),
			 NG_E_FORMAT);
	assert_true(*why);
	memset(rubbish, 0x55, sizeof rubbish);
	int fd = open(path, O_WRONLY);
	for (off_t at = 8192; at < info.st_size; at += (off_t)sizeof rubbish)
		assert_int_equal(pwrite(fd, rubbish, sizeof rubbish, at), sizeof rubbish);
	close(fd);
	assert_int_equal(registry_open(stage->folder, &stage->loop, &stage->registry, &why),
			 NG_E_FORMAT);
	unlink(path);
	open_it(stage);
}

/* Ends the first other child that this process has. Exit code 0: it did. */
static pid_t start_killer(void)
{
	char path[64], word[64];
	pid_t parent = getpid(), killer = fork();
	assert_true(killer >= 0);
	if (killer > 0)
		return killer;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
	alarm(60);
	for (;;) {
		FILE *file = fopen(path, "r");
		while (file && fscanf(file, "%63s", word) == 1) {
			pid_t pid = (pid_t)strtol(word, NULL, 10);
			if (pid != getpid() && !kill(pid, SIGKILL))
				_exit(0);
		}
		if (file)
			fclose(file);
	}
}

/* Somebody ends the one that looks ahead, as out of memory would: that is no damage. */
static void test_look_is_killed(void **state)
{
	struct stage *stage = *state;
	size_t len = 4u << 20;
	uint8_t *octets = calloc(1, len);
	struct registry_image image = {1700000000, 77, octets, len};
	int status = 0;
	uint32_t id;
	assert_non_null(octets);
	assert_int_equal(registry_put(stage->registry, "box", 7, "some text", 9), NG_OK);
	for (int i = 0; i < 16; i++) /* much to look at */
		assert_int_equal(registry_image_put(stage->registry,
						    (char[]){'/', (char)('a' + i), 0}, &image),
				 NG_OK);
	/* A killer that this machine let run too late is sent again. */
	for (int round = 0; round < 50; round++) {
		close_it(stage);
		pid_t killer = start_killer();
		open_it(stage);
		kill(killer, SIGTERM);
		assert_int_equal(waitpid(killer, &status, 0), killer);
		if (WIFEXITED(status))
			break;
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(registry_find(stage->registry, "box", &id), NG_OK);
	assert_int_equal(id, 7);
	free(octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers_never_repeat, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_approvals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_images, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_image_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_look_is_killed, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
