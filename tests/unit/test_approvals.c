/* Approvals: what they mean as lines of a list, and which names cannot be approved at all. */
#include "config.h"
#include "daemon/approvals.h"

#include <namegate/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void put(struct approvals *approvals, uint64_t id, uint32_t sandbox, bool refused,
		const char *name)
{
	struct approval one = {.id = id, .sandbox = sandbox, .refused = refused}, *old = NULL;
	strcpy(one.name, name);
	assert_int_equal(approvals_put(approvals, &one, &old), NG_OK);
	free(old);
}

static void assert_lines(const struct approvals *approvals, uint32_t sandbox, const char *want)
{
	size_t n = 99;
	char *lines = approvals_lines(approvals, sandbox, &n);
	assert_non_null(lines);
	assert_string_equal(lines, want);
	free(lines);
}

static void test_lines(void **state)
{
	(void)state;
	struct approvals approvals = {0};
	assert_lines(&approvals, 1, "");
	put(&approvals, 1, 1, false, "one.example");
	put(&approvals, 2, 2, false, "two.example");
	put(&approvals, 3, 0, false, "all.example");
	assert_lines(&approvals, 1, "one.example\nall.example\n");
	assert_lines(&approvals, 2, "two.example\nall.example\n");
	assert_lines(&approvals, 3, "all.example\n");
	approvals_finish(&approvals);
}

/* Whichever scope it stands in: a narrower approval does not reopen, a wider one does not either. */
static void test_refusal_wins(void **state)
{
	(void)state;
	struct approvals approvals = {0};
	put(&approvals, 1, 1, false, "a.example");
	put(&approvals, 2, 0, true, "a.example");
	put(&approvals, 3, 1, true, "b.example");
	put(&approvals, 4, 0, false, "b.example");
	assert_lines(&approvals, 1, "!a.example\n!b.example\n");
	assert_lines(&approvals, 2, "!a.example\nb.example\n");
	approvals_finish(&approvals);
}

static void test_later_replaces(void **state)
{
	(void)state;
	struct approvals approvals = {0};
	put(&approvals, 1, 1, true, "a.example");
	put(&approvals, 2, 1, false, "a.example");
	assert_lines(&approvals, 1, "a.example\n");
	put(&approvals, 3, 0, false, "a.example");
	assert_lines(&approvals, 1, "a.example\n");
	assert_int_equal(HASH_COUNT(approvals.by_id), 2);
	approvals_finish(&approvals);
}

static void test_bounded(void **state)
{
	(void)state;
	struct approvals approvals = {0};
	struct approval one = {.id = APPROVALS_MAX + 1, .name = "more.example"}, *old = NULL;
	char name[32];
	for (uint64_t i = 1; i <= APPROVALS_MAX; i++) {
		one.id = i;
		snprintf(one.name, sizeof one.name, "n%u.example", (unsigned)i);
		assert_int_equal(approvals_put(&approvals, &one, &old), NG_OK);
		assert_null(old);
	}
	one.id = APPROVALS_MAX + 1;
	strcpy(one.name, "more.example");
	assert_int_equal(approvals_put(&approvals, &one, &old), NG_E_FULL);
	snprintf(name, sizeof name, "n%u.example", 7u);
	strcpy(one.name, name);
	assert_int_equal(approvals_put(&approvals, &one, &old),
			 NG_OK); /* in place of its like */
	assert_non_null(old);
	assert_int_equal(old->id, 7);
	free(old);
	approvals_finish(&approvals);
}

/* What a sandbox may ask for as a name, and what it must not become as a line. */
static void test_expressible(void **state)
{
	(void)state;
	static const char *const good[] = {"a.example.", "x-1.example", "_dmarc.example.com",
					   "xn--bcher-kva.example"};
	static const char *const bad[] = {"",
					  "*.example.com",
					  "!a.example",
					  "?a.example",
					  ".example",
					  "10.0.0.1",
					  "a.example:443",
					  "@include x",
					  "#a.example",
					  "a.example types=TXT",
					  "a.ex\nb.ex",
					  "2001:db8::1",
					  "10.0.0.0/8",
					  "a.example\tb"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (!approval_expressible(good[i]))
			fail_msg("%s cannot be approved", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (approval_expressible(bad[i]))
			fail_msg("\"%s\" can be approved", bad[i]);
}

static void test_registry_text(void **state)
{
	(void)state;
	const struct approval one = {.id = 5,
				     .sandbox = 4000000000,
				     .refused = true,
				     .name = "a.example",
				     .made_s = 1700000000,
				     .until_s = 1700003600,
				     .uid = 1000};
	struct approval back = {0};
	char *text = approval_text(&one);
	assert_non_null(text);
	assert_true(approval_read(5, text, strlen(text), &back));
	assert_int_equal(back.id, 5);
	assert_int_equal(back.sandbox, 4000000000);
	assert_true(back.refused);
	assert_string_equal(back.name, "a.example");
	assert_int_equal(back.made_s, 1700000000);
	assert_int_equal(back.until_s, 1700003600);
	assert_int_equal(back.uid, 1000);
	assert_false(approval_read(5, text, strlen(text) - 1, &back));
	free(text);
}

static void test_hostile_registry(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		/* a wildcard in place of the name */
		"{\"sandbox\":1,\"refused\":false,\"name\":\"*.a\",\"made\":1,\"until\":0,"
		"\"uid\":0}",
		/* a second line */
		"{\"sandbox\":1,\"refused\":false,\"name\":\"a\\n*.b\",\"made\":1,\"until\":0,"
		"\"uid\":0}",
		/* a sandbox that is none */
		"{\"sandbox\":-1,\"refused\":false,\"name\":\"a.b\",\"made\":1,\"until\":0,"
		"\"uid\":0}",
		/* one key too many */
		"{\"sandbox\":1,\"refused\":false,\"name\":\"a.b\",\"made\":1,\"until\":0,"
		"\"uid\":0,\"x\":1}",
		/* no end, or never? */
		"{\"sandbox\":1,\"refused\":false,\"name\":\"a.b\",\"made\":1,\"uid\":0}",
	};
	struct approval out;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (approval_read(1, texts[i], strlen(texts[i]), &out))
			fail_msg("taken: %s", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refusal_wins),
		cmocka_unit_test(test_later_replaces),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_expressible),
		cmocka_unit_test(test_registry_text),
		cmocka_unit_test(test_hostile_registry),
	};
	return cmocka_run_group_tests_name("approvals", tests, NULL, NULL);
}
