/*
 * What few names stand for, held against all names of four labels at most, over policies drawn at
 * random in which rules make holes in each other: a wildcard's verdict is that of every name below
 * it, and an address is out of reach when no name whatever opens it, in worlds drawn at random.
 */
#include "unit.h"

#include "folder.h"

#include "offline/expect.h"
#include "offline/trial.h"

#include <unistd.h>

#define ROUNDS 150
#define DEPTH  4

static const char *const labels[] = {"a", "b", "c", "z"}; /* no rule has the last one */

static uint32_t draw(uint32_t below)
{
	static uint32_t state = 20261121;
	state = state * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)state * below) >> 32);
}

static int make_folder(void **state)
{
	(void)state;
	if (folder_make() != 0)
		return -1;
	put("gate.conf", "forward \".\" { servers = {\"192.0.2.53\"} }\n"
			 "policies = {\"wide.list\"}\n"
			 "sandbox \"ci\" { sources = {\"10.77.1.2\"} interface = \"sb1\"\n"
			 "  policies = {\"first.list\", \"second.list\"} }\n");
	return 0;
}

/* A rule's owner in a form of its own in each list: said twice it would contradict itself. */
static void draw_list(const char *name, uint32_t allows)
{
	static const char *const marks[] = {"", "!", "?"};
	char text[4096] = "# drawn\n", owner[64];
	uint32_t seen[64] = {0}, n = draw(6);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t depth = 1 + draw(3), shape = 1 + draw(2), key = shape;
		owner[0] = '\0';
		for (uint32_t j = 0; j < depth; j++) {
			uint32_t label = draw(3);
			key = key * 4 + label + 1;
			sprintf(owner + strlen(owner), "%s%s", j > 0 ? "." : "", labels[label]);
		}
		bool again = false;
		for (uint32_t j = 0; j < i; j++)
			again |= seen[j] == key;
		seen[i] = key;
		if (!again)
			sprintf(text + strlen(text), "%s%s%s\n",
				draw(10) < allows ? "" : marks[1 + draw(4) / 3],
				shape == 1 ? "*." : "", owner);
	}
	put(name, text);
}

static bool holds(const struct setup_sandbox *sandbox, const char *text,
		  enum ng_verdict verdict)
{
	struct ng_decision decision;
	struct ng_name name;
	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	ng_policy_decide(&sandbox->spec->policy, &name, &decision);
	return decision.verdict == verdict;
}

static bool all_below(const struct setup_sandbox *sandbox, const char *owner, size_t depth,
		      enum ng_verdict verdict)
{
	char name[64];
	for (size_t i = 0; i < COUNT(labels) && depth > 0; i++) {
		snprintf(name, sizeof(name), "%s.%s", labels[i], owner);
		if (!holds(sandbox, name, verdict) ||
		    !all_below(sandbox, name, depth - 1, verdict))
			return false;
	}
	return true;
}

static void nothing(void *context, const struct expect_fact *fact)
{
	(void)context;
	(void)fact;
}

static enum expect_outcome play(const char *text)
{
	char path[96];
	struct expect_count count;
	snprintf(path, sizeof(path), "%s/it.expect", folder);
	return expect_play_text(path, text, strlen(text), nothing, NULL, &count);
}

static enum expect_outcome play_wildcard(const char *verb, const char *owner)
{
	char text[128];
	snprintf(text, sizeof(text), "config gate.conf\n%s *.%s\n", verb, owner);
	return play(text);
}

static struct setup *read_setup(void)
{
	char path[96];
	const struct setup_wish wish = {.config = path};
	struct setup *setup;
	struct ng_diags diags;
	snprintf(path, sizeof(path), "%s/gate.conf", folder);
	ng_diags_init(&diags);
	assert_int_equal(setup_read(&wish, &diags, &setup), NG_OK);
	ng_diags_finish(&diags);
	return setup;
}

static void wildcards_are_every_name_below(void **state)
{
	static const struct {
		const char *verb;
		enum ng_verdict verdict;
	} verbs[] = {{"allow", NG_ALLOW}, {"ask", NG_ASK}, {"deny", NG_DENY}};
	size_t held[3] = {0}, failed[3] = {0};
	(void)state;
	for (size_t round = 0; round < ROUNDS; round++) {
		draw_list("wide.list", round % 3 == 0 ? 0 : 9);
		draw_list("first.list", round % 2 == 0 ? 8 : 3);
		draw_list("second.list", 8);
		struct setup *setup = read_setup();
		for (size_t i = 0; i < COUNT(verbs); i++) {
			for (size_t j = 0; j < COUNT(labels); j++) {
				bool all = all_below(setup_find(setup, "ci"), labels[j], DEPTH,
						     verbs[i].verdict);
				assert_int_equal(play_wildcard(verbs[i].verb, labels[j]),
						 all ? EXPECT_PASSED : EXPECT_FAILED);
				held[i] += all;
				failed[i] += !all;
			}
		}
		setup_free(setup);
	}
	for (size_t i = 0; i < COUNT(verbs); i++) /* both happened, or nothing was shown */
		assert_true(held[i] > 3 && failed[i] > 3);
}

/* ---- worlds ---- */

static void draw_name(char *out, uint32_t deepest)
{
	uint32_t depth = 1 + draw(deepest);
	out[0] = '\0';
	for (uint32_t i = 0; i < depth; i++)
		sprintf(out + strlen(out), "%s.", labels[draw(3)]);
}

/* One DNAME at most: what is asked below it is one deep. */
static void draw_world(void)
{
	char text[2048] = "$TTL 60\n", owner[64], target[64], owners[8][64];
	bool moved = false;
	for (uint32_t i = 0; i < COUNT(owners); i++) {
		uint32_t kind = draw(10);
		bool again = false;
		draw_name(target, 2);
		draw_name(owner, 2);
		if (draw(3) == 0) {
			memmove(owner + 2, owner, strlen(owner) + 1);
			memcpy(owner, "*.", 2);
		}
		for (uint32_t j = 0; j < i; j++)
			again |= strcmp(owners[j], owner) == 0;
		strcpy(owners[i], owner);
		if (again)
			continue;
		if (kind < 2)
			sprintf(text + strlen(text), "%s CNAME %s\n", owner, target);
		else if (kind == 2 && !moved && owner[0] != '*')
			sprintf(text + strlen(text), "%s DNAME %s\n", owner, target);
		else
			sprintf(text + strlen(text), "%s A 198.51.100.%u\n", owner, i);
		moved |= kind == 2;
	}
	put("drawn.zone", text);
}

/* By the plainest means: every name there is, asked. */
static void ask_all(struct trial *trial, const struct setup_sandbox *sandbox, const char *above,
		    size_t depth)
{
	struct trial_reply reply;
	struct ng_name asked;
	char name[64];
	for (size_t i = 0; i < COUNT(labels) && depth > 0; i++) {
		snprintf(name, sizeof(name), "%s.%s", labels[i], above);
		assert_int_equal(ng_name_from_text(name, strlen(name), &asked), NG_OK);
		assert_int_equal(trial_ask(trial, sandbox, &asked, NG_TYPE_A, &reply), NG_OK);
		ask_all(trial, sandbox, name, depth - 1);
	}
}

static struct world *read_world(void)
{
	struct world *world;
	struct ng_diags diags;
	char path[96];
	const struct ng_place place = {path, 0, 0};
	snprintf(path, sizeof(path), "%s/drawn.zone", folder);
	ng_diags_init(&diags);
	assert_int_equal(world_create(&world), NG_OK);
	assert_int_equal(world_add_file(world, path, &place, &diags), NG_OK);
	ng_diags_finish(&diags);
	return world;
}

static void out_of_reach_is_out_of_reach_of_every_name(void **state)
{
	size_t held = 0, failed = 0;
	(void)state;
	for (size_t round = 0; round < ROUNDS; round++) {
		struct trial *trial;
		draw_list("wide.list", 9);
		draw_list("first.list", 7);
		draw_list("second.list", 8);
		draw_world();
		struct setup *setup = read_setup();
		struct world *world = read_world();
		const struct trial_wish wish = {
			.setup = setup, .world = world, .unbounded = true};
		const struct setup_sandbox *sandbox = setup_find(setup, "ci");
		assert_int_equal(trial_create(&wish, &trial), NG_OK);
		ask_all(trial, sandbox, "", DEPTH);
		for (uint8_t i = 0; i < 8; i++) {
			const struct ng_addr addr = {NG_IPV4, {198, 51, 100, i}};
			struct trial_way way;
			char text[128];
			bool open =
				trial_reaches(trial, sandbox, &addr, (struct ng_port){0}, &way);
			snprintf(text, sizeof(text),
				 "config gate.conf\nanswers drawn.zone\nno-reach "
				 "198.51.100.%u\n",
				 i);
			assert_int_equal(play(text), open ? EXPECT_FAILED : EXPECT_PASSED);
			held += !open;
			failed += open;
		}
		trial_free(trial);
		world_free(world);
		setup_free(setup);
	}
	assert_true(held > 100 && failed > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards_are_every_name_below),
		cmocka_unit_test(out_of_reach_is_out_of_reach_of_every_name),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
