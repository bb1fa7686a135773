/* The registry's memory of versions and events, as others read it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "offline/ledger.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct stage {
	char store[64], folder[80];
	uv_loop_t loop;
	struct registry *registry;
	struct ledger *ledger;
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
	uv_run(&stage->loop, UV_RUN_DEFAULT);
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	snprintf(stage->store, sizeof(stage->store), "/tmp/namegate-ledger-XXXXXX");
	assert_non_null(mkdtemp(stage->store));
	snprintf(stage->folder, sizeof(stage->folder), "%s/main", stage->store);
	assert_int_equal(mkdir(stage->folder, 0700), 0);
	uv_loop_init(&stage->loop);
	open_it(stage);
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;
	char command[128];
	close_it(stage);
	uv_loop_close(&stage->loop);
	ledger_free(stage->ledger);
	snprintf(command, sizeof(command), "rm -rf '%s'", stage->store);
	free(stage);
	return system(command);
}

/* The registry may stay open: it is read as beside a running namegated. */
static void read_it(struct stage *stage)
{
	char why[LEDGER_WHY] = "";
	ledger_free(stage->ledger);
	stage->ledger = NULL;
	if (ledger_read(stage->store, &stage->ledger, why) != NG_OK)
		fail_msg("%s", why);
}

/* ---- versions ---- */

static struct ledger_version version_at(const struct stage *stage, size_t place)
{
	struct ledger_version version = {0};
	size_t cursor = 0;
	for (size_t i = 0; i <= place; i++)
		assert_true(ledger_version(stage->ledger, &cursor, &version));
	return version;
}

/* "name was>is", one behind the other. */
static const char *changes(const struct ledger_version *version)
{
	static char text[512];
	struct ledger_change change;
	size_t cursor = 0;
	text[0] = '\0';
	while (ledger_change(version, &cursor, &change))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %u>%u (%u>%u);",
			 change.name, (unsigned)change.was, (unsigned)change.is,
			 (unsigned)change.was_rules, (unsigned)change.rules);
	return text;
}

static void put(struct stage *stage, uint64_t number, const struct registry_source *sources,
		size_t n)
{
	assert_int_equal(
		registry_version_put(stage->registry, number, 1000 + number, sources, n),
		NG_OK);
}

static void a_version_says_what_it_changed(void **state)
{
	struct stage *stage = *state;
	const struct registry_source first[] = {{"a.list", 1, 10}, {"b.list", 2, 20}};
	const struct registry_source second[] = {{"a.list", 3, 11}, {"c.list", 2, 20}};
	struct ledger_version version;
	struct ledger_source source;
	size_t cursor = 0;

	put(stage, 1, first, 2);
	put(stage, 2, first, 2);
	close_it(stage);
	open_it(stage);
	put(stage, 3, second, 2);
	read_it(stage);
	version = version_at(stage, 0);
	assert_int_equal(version.number, 1);
	assert_int_equal(version.at_s, 1001);
	assert_int_equal(version.sources, 2);
	assert_string_equal(changes(&version), "a.list 0>1 (0>10);b.list 0>2 (0>20);");
	version = version_at(stage, 1);
	assert_int_equal(version.changes, 0);
	version = version_at(stage, 2);
	assert_int_equal(version.changes, 3);
	assert_string_equal(changes(&version),
			    "a.list 1>3 (10>11);c.list 0>2 (0>20);b.list 2>0 (20>0);");
	assert_true(ledger_source(stage->ledger, &cursor, &source));
	assert_string_equal(source.name, "a.list");
	assert_int_equal(source.version, 3);
	assert_int_equal(source.rules, 11);
	assert_true(ledger_source(stage->ledger, &cursor, &source));
	assert_string_equal(source.name, "c.list");
	assert_false(ledger_source(stage->ledger, &cursor, &source));
}

static void oldest_versions_go(void **state)
{
	struct stage *stage = *state;
	struct ledger_version version;
	size_t cursor = 0, n = 0;

	for (uint64_t number = 1; number <= REGISTRY_VERSIONS_MAX + 50; number++) {
		const struct registry_source one = {"a.list", number, 1};
		put(stage, number, &one, 1);
	}
	read_it(stage);
	assert_int_equal(version_at(stage, 0).number, 51);
	while (ledger_version(stage->ledger, &cursor, &version))
		n++;
	assert_int_equal(n, REGISTRY_VERSIONS_MAX);
}

/* ---- compiled sources ---- */

static uint64_t compile(struct stage *stage, const char *text, struct ng_image *image)
{
	const struct ng_source source = {
		.path = "a.list", .text = text, .len = strlen(text), .now_s = 1};
	struct ng_ruleset *ruleset;
	struct ng_diags diags;
	ng_diags_init(&diags);
	assert_int_equal(ng_compile(&source, &diags, image), NG_OK);
	ng_diags_finish(&diags);
	assert_int_equal(ng_ruleset_open(image->octets, image->len, &ruleset), NG_OK);
	uint64_t digest = ng_ruleset_digest(ruleset);
	ng_ruleset_close(ruleset);
	(void)stage;
	return digest;
}

/* As main does: the version first, then the last good image. */
static uint64_t take(struct stage *stage, uint64_t number, const char *text)
{
	struct ng_image image;
	uint64_t digest = compile(stage, text, &image);
	const struct registry_source one = {"a.list", digest, 1};
	const struct registry_image kept = {
		.made_s = 1, .digest = digest, .octets = image.octets, .len = image.len};
	put(stage, number, &one, 1);
	assert_int_equal(registry_image_put(stage->registry, "a.list", &kept), NG_OK);
	ng_image_finish(&image);
	return digest;
}

static size_t rules_of(struct stage *stage, uint64_t digest)
{
	struct ng_ruleset *ruleset;
	int code = ledger_ruleset(stage->ledger, digest, &ruleset);
	if (code == NG_E_NOTFOUND)
		return 0;
	assert_int_equal(code, NG_OK);
	size_t n = ng_ruleset_count(ruleset);
	ng_ruleset_close(ruleset);
	return n;
}

static void replaced_sources_are_kept(void **state)
{
	struct stage *stage = *state;
	uint64_t first = take(stage, 1, "a.example\n");
	uint64_t second = take(stage, 2, "a.example\nb.example\n");
	uint64_t third = take(stage, 3, "a.example\nb.example\nc.example\n");

	read_it(stage);
	assert_int_equal(rules_of(stage, first), 1);
	assert_int_equal(rules_of(stage, second), 2);
	assert_int_equal(rules_of(stage, third), 3);
	assert_int_equal(rules_of(stage, first + 1), 0);
	/* the versions that named them go, and so do they */
	for (uint64_t number = 4; number <= REGISTRY_VERSIONS_MAX + 2; number++) {
		const struct registry_source one = {"a.list", third, 1};
		put(stage, number, &one, 1);
	}
	read_it(stage);
	assert_int_equal(version_at(stage, 0).number, 3);
	assert_int_equal(rules_of(stage, first), 0);
	assert_int_equal(rules_of(stage, second), 2);
	assert_int_equal(rules_of(stage, third), 3);
}

/* ---- events ---- */

static void sandboxes_and_approvals_leave_a_trace(void **state)
{
	struct stage *stage = *state;
	const enum registry_event wanted[] = {REGISTRY_ADDED, REGISTRY_CHANGED,
					      REGISTRY_REMOVED, REGISTRY_NOTED};
	struct ledger_event event;
	uint64_t now_s = (uint64_t)time(NULL);
	size_t cursor = 0;

	assert_int_equal(registry_put(stage->registry, "ci-7", 7, NULL, 0), NG_OK);
	assert_int_equal(registry_put(stage->registry, "ci-7", 7, "{}", 2), NG_OK);
	assert_int_equal(registry_approval_note(stage->registry, "{\"id\":1}"), NG_OK);
	assert_int_equal(registry_remove(stage->registry, "ci-7"), NG_OK);
	assert_int_equal(registry_remove(stage->registry, "ci-7"), NG_E_NOTFOUND);
	read_it(stage);
	for (size_t i = 0; i < 4; i++) {
		const char *text = i < 3 ? "ci-7" : "{\"id\":1}";
		assert_true(ledger_event(stage->ledger, &cursor, &event));
		assert_int_equal(event.what, wanted[i]);
		assert_int_equal(event.len, strlen(text));
		assert_memory_equal(event.text, text, event.len);
		assert_int_equal(event.sandbox, i < 3 ? 7 : 0);
		assert_true(event.at_s >= now_s && event.at_s <= now_s + 60);
	}
	assert_false(ledger_event(stage->ledger, &cursor, &event));
}

/* Registrations by the thousand push out their own kind, no approval. */
static void events_are_bounded(void **state)
{
	struct stage *stage = *state;
	struct ledger_event event = {0};
	size_t cursor = 0, n = 0;

	assert_int_equal(registry_approval_note(stage->registry, "{\"id\":1}"), NG_OK);
	for (uint32_t i = 0; i < REGISTRY_EVENTS_MAX + 100; i++)
		assert_int_equal(registry_put(stage->registry, "ci", i + 1, NULL, 0), NG_OK);
	read_it(stage);
	while (ledger_event(stage->ledger, &cursor, &event)) {
		if (n == 0)
			assert_int_equal(event.sandbox, 101);
		n++;
	}
	assert_int_equal(n, REGISTRY_EVENTS_MAX + 1);
	assert_int_equal(event.what, REGISTRY_NOTED);
}

static void what_is_not_there_is_said(void **state)
{
	struct stage *stage = *state;
	struct ledger *ledger = NULL;
	char why[LEDGER_WHY] = "", command[200];

	assert_int_equal(ledger_read("/nonexistent", &ledger, why), NG_E_NOTFOUND);
	assert_non_null(strstr(why, "/nonexistent"));
	close_it(stage);
	snprintf(command, sizeof(command), "yes garbage | head -c 20000 >%s/data.mdb",
		 stage->folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(ledger_read(stage->store, &ledger, why), NG_E_FORMAT);
	assert_non_null(strstr(why, "damaged"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_version_says_what_it_changed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(oldest_versions_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(replaced_sources_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sandboxes_and_approvals_leave_a_trace, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(events_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_said, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
