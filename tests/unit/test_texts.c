/* The texts that clients are told, their info codes, and that the manual shows each of them and no other. */
#include "gate/texts.h"

#include "gate/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANUAL_MAX (1u << 16)

static char *manual_read(void)
{
	const char *top = getenv("abs_top_srcdir");
	char path[4096], *text = calloc(1, MANUAL_MAX);
	FILE *file;

	snprintf(path, sizeof(path), "%s/man/namegate-answers.7", top ? top : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(text);
	assert_in_range(fread(text, 1, MANUAL_MAX - 1, file), 1000, MANUAL_MAX - 2);
	fclose(file);
	return text;
}

static void line_of(enum text text, char *out, size_t room)
{
	if (text_ede(text) == NG_EDE_NONE)
		snprintf(out, room, "\n -  %s\n", text_form(text));
	else
		snprintf(out, room, "\n%2d  %s\n", text_ede(text), text_form(text));
}

static void manual_shows_every_text(void **state)
{
	char *manual = manual_read(), line[600];
	(void)state;

	for (enum text text = TEXT_NONE + 1; text < TEXTS; text++) {
		line_of(text, line, sizeof(line));
		if (!strstr(manual, line))
			fail_msg("namegate-answers(7) lacks the line:%s", line);
	}
	free(manual);
}

static void manual_shows_no_other(void **state)
{
	char *manual = manual_read(), *save, line[600];
	bool literal = false;
	(void)state;

	for (char *at = strtok_r(manual, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		bool known = false;

		if (*at == '.') {
			literal = strncmp(at, ".Bd -literal -compact", 21) == 0;
			continue;
		}
		for (enum text text = TEXT_NONE + 1; literal && text < TEXTS && !known;
		     text++) {
			line_of(text, line, sizeof(line));
			known = strncmp(line + 1, at, strlen(at)) == 0 &&
				line[strlen(at) + 1] == '\n';
		}
		if (literal && !known)
			fail_msg("namegate-answers(7) has a text that there is not: %s", at);
	}
	free(manual);
}

static void texts_are_whole(void **state)
{
	(void)state;
	assert_null(text_form(TEXT_NONE));
	assert_null(text_form(TEXTS));
	assert_int_equal(text_ede(TEXTS), NG_EDE_NONE);
	for (enum text text = TEXT_NONE + 1; text < TEXTS; text++) {
		const char *form = text_form(text);

		assert_non_null(form);
		assert_true(strlen(form) < 200);
		if (text_ede(text) == NG_EDE_NONE)
			continue;
		if (strncmp(form, "blocked", 7) && strncmp(form, "waiting", 7) &&
		    strncmp(form, "refused", 7) && strncmp(form, "failed", 6) &&
		    strncmp(form, "stale", 5))
			fail_msg("begins with no word that programs know: %s", form);
		assert_non_null(strchr(form, '('));
		assert_int_equal(form[strlen(form) - 1], ')');
	}
}

/* ---- places ---- */

static struct ng_gate *gate;
static struct sandbox sandbox = {.spec = {.id = 7, .name = "ci"}};
static struct ng_query asked = {.question = {.type = NG_TYPE_TXT}};

static void places_are_filled(void **state)
{
	static char path[200] = "base.list";
	struct ng_name name;
	struct ng_decision decision = {.matched = true};
	struct told told = {.asked = &asked, .sandbox = &sandbox, .decision = &decision};
	(void)state;

	assert_int_equal(ng_name_from_text("db.corp", 7, &name), NG_OK);
	told.about = &name;
	decision.match.path = path;
	decision.match.line = 12;
	assert_string_equal(text_word(gate, TEXT_DENIED, &told),
			    "blocked by policy base.list:12 (denied to sandbox ci)");
	assert_string_equal(
		text_word(gate, TEXT_ALIAS_TYPE, &told),
		"blocked (allowed by policy base.list:12, but alias, and query type TXT is "
		"not opened for db.corp)");
	decision.matched = false;
	assert_string_equal(text_word(gate, TEXT_DENIED, &told),
			    "blocked (denied to sandbox ci)");
	assert_null(text_word(gate, TEXT_NONE, &told));
	/* The end of a long path is shown, and never half a character of it. */
	decision.matched = true;
	memset(path, 'p', 199);
	memcpy(path + 199 - 65, "\xe2\x82\xac", 3);
	assert_non_null(
		strstr(text_word(gate, TEXT_DENIED, &told), "blocked by policy ...ppp"));
	/* Nor does the longest of everything run over. */
	memset(sandbox.spec.name, 's', sizeof(sandbox.spec.name) - 1);
	told.about = NULL;
	for (enum text text = TEXT_NONE + 1; text < TEXTS; text++)
		assert_true(strlen(text_word(gate, text, &told)) < 512);
	memcpy(sandbox.spec.name, "ci", 3);
	memcpy(path, "base.list", 10);
}

/* What was said last is said again only where it says the same. */
static void texts_follow_the_rule(void **state)
{
	static const char *const paths[] = {"base.list", "more.list"};
	struct sandbox first = {.spec = {.id = 1, .name = "one"}},
		       second = {.spec = {.id = 2, .name = "two"}};
	struct ng_decision decision = {.matched = true};
	struct told told = {.asked = &asked, .decision = &decision};
	char expected[300];
	(void)state;

	for (unsigned i = 0; i < 256; i++) {
		told.sandbox = i & 1 ? &first : &second;
		decision.matched = (i & 2) == 0;
		decision.match.path = paths[i >> 2 & 1];
		decision.match.line = 3 + (i >> 3 & 1);
		told.limit = i >> 4;
		snprintf(expected, sizeof(expected), "%s%s%s%s (denied to sandbox %s)",
			 "blocked", decision.matched ? " by policy " : "",
			 decision.matched ? decision.match.path : "",
			 !decision.matched          ? ""
			 : decision.match.line == 3 ? ":3"
						    : ":4",
			 told.sandbox->spec.name);
		for (unsigned again = 0; again < 1 + (i >> 5 & 1); again++)
			assert_string_equal(text_word(gate, TEXT_DENIED, &told), expected);
		snprintf(expected, sizeof(expected),
			 "refused (sandbox %s asks more than %u questions a second)",
			 told.sandbox->spec.name, i >> 4);
		if (i & 64)
			assert_string_equal(text_word(gate, TEXT_RATE, &told), expected);
	}
}

/* ---- ids ---- */

/* As the form has it, a character at a time. */
static void spelt(uint64_t value, unsigned n, char *out)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

	while (n-- > 0)
		*out++ = digits[value >> 5 * n & 31];
	*out = '\0';
}

static void ids_are_spelt_as_ulids(void **state)
{
	char id[NG_EVENT_ID], time[NG_EVENT_ID], count[NG_EVENT_ID];
	uint64_t ms = 0x1d3, step = 1;
	(void)state;

	for (unsigned i = 0; i < 3000; i++) {
		struct sandbox counts = {.spec = {.id = 9}, .n_events = (uint32_t)(ms * 77)};

		gate->zero_ms = ms - gate->now_us / 1000;
		event_id(gate, &counts, id);
		spelt(ms, 10, time);
		spelt(counts.n_events, 6, count);
		assert_memory_equal(id, time, 10);
		assert_memory_equal(id + 20, count, 6);
		step = step * UINT64_C(6364136223846793005) + 1;
		ms = i % 3 ? ms + 1 : step >> 14; /* fifty bits of it */
	}
}

static void ids_sort_and_differ(void **state)
{
	struct sandbox other = {.spec = {.id = 8}};
	char before[NG_EVENT_ID], id[NG_EVENT_ID], hers[NG_EVENT_ID], stranger[NG_EVENT_ID];
	(void)state;

	ng_gate_events(gate, 1792000000000, 99);
	event_id(gate, &sandbox, before);
	assert_int_equal(strlen(before), NG_EVENT_ID - 1);
	assert_memory_equal(before, "01M4XRC000", 10); /* the time, as ULIDs have it */
	for (int i = 0; i < 100; i++) {
		if (i % 10 == 0)
			gate->now_us += 1000;
		event_id(gate, &sandbox, id);
		assert_true(strcmp(before, id) < 0);
		memcpy(before, id, sizeof(before));
	}
	event_id(gate, &other, hers);
	event_id(gate, NULL, stranger);
	assert_string_not_equal(hers, id);
	assert_string_not_equal(stranger, hers);
	/* What others do is not to be read from one's own ids. */
	event_id(gate, &sandbox, before);
	for (int i = 0; i < 1000; i++)
		event_id(gate, &other, hers);
	event_id(gate, &sandbox, id);
	assert_memory_equal(before, id, NG_EVENT_ID - 2);
	assert_int_not_equal(before[NG_EVENT_ID - 2], id[NG_EVENT_ID - 2]);
}

static int setup(void **state)
{
	(void)state;
	return ng_gate_create(1, &gate);
}

static int teardown(void **state)
{
	(void)state;
	ng_gate_destroy(gate);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manual_shows_every_text),
		cmocka_unit_test(manual_shows_no_other),
		cmocka_unit_test(texts_are_whole),
		cmocka_unit_test(places_are_filled),
		cmocka_unit_test(texts_follow_the_rule),
		cmocka_unit_test(ids_are_spelt_as_ulids),
		cmocka_unit_test(ids_sort_and_differ),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
