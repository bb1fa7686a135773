/* Findings: copies are owned, the bound holds, and no error is ever forgotten. */
#include "unit.h"

#include <namegate/diag.h>

static void keeps_copies_in_order(void **state)
{
	(void)state;
	struct ng_diags diags;
	char path[] = "a.list", advice[] = "write a name";
	struct ng_place place = {path, 3, 7};
	ng_diags_init(&diags);
	ng_diag_add(&diags, NG_ERROR, &place, "list-url", advice, "%s is a URL", "http://x");
	ng_diag_add(&diags, NG_WARNING, &place, "list-twice", NULL, "again");
	path[0] = advice[0] = '!';
	assert_int_equal(diags.n, 2);
	assert_int_equal(diags.errors, 1);
	assert_int_equal(diags.warnings, 1);
	assert_string_equal(diags.items[0].path, "a.list");
	assert_int_equal(diags.items[0].line, 3);
	assert_int_equal(diags.items[0].column, 7);
	assert_string_equal(diags.items[0].reason, "http://x is a URL");
	assert_string_equal(diags.items[0].suggestion, "write a name");
	assert_string_equal(diags.items[1].code, "list-twice");
	assert_null(diags.items[1].suggestion);
	ng_diags_finish(&diags);
	assert_int_equal(diags.n, 0);
}

static void beyond_the_bound_errors_still_count(void **state)
{
	(void)state;
	struct ng_diags diags;
	struct ng_place place = {"x", 1, 1};
	ng_diags_init(&diags);
	for (int i = 0; i < NG_DIAGS_MAX; i++)
		ng_diag_add(&diags, NG_NOTE, &place, "note", NULL, "%d", i);
	assert_int_equal(diags.dropped, 0);
	ng_diag_add(&diags, NG_ERROR, &place, "late", NULL, "too late");
	ng_diag_add(&diags, NG_WARNING, &place, "late", NULL, "too late");
	assert_int_equal(diags.n, NG_DIAGS_MAX);
	assert_int_equal(diags.dropped, 2);
	assert_int_equal(diags.errors, 1);
	assert_int_equal(diags.warnings, 1);
	assert_string_equal(diags.items[NG_DIAGS_MAX - 1].reason, "255");
	ng_diags_finish(&diags);
}

static const char *format(const struct ng_place *place, enum ng_severity severity,
			  const char *suggestion)
{
	static char buf[256];
	struct ng_diags diags;
	ng_diags_init(&diags);
	ng_diag_add(&diags, severity, place, "code", suggestion, "reason");
	ng_diag_format(&diags.items[0], buf, sizeof(buf));
	ng_diags_finish(&diags);
	return buf;
}

static void formats_every_shape_of_place(void **state)
{
	(void)state;
	assert_string_equal(format(&(struct ng_place){"f", 2, 3}, NG_ERROR, "advice"),
			    "f:2:3: error: reason (advice) [code]");
	assert_string_equal(format(&(struct ng_place){"f", 2, 0}, NG_WARNING, NULL),
			    "f:2: warning: reason [code]");
	assert_string_equal(format(&(struct ng_place){"f", 0, 0}, NG_NOTE, NULL),
			    "f: note: reason [code]");
	assert_string_equal(format(&(struct ng_place){0}, NG_ERROR, NULL),
			    "error: reason [code]");
	assert_string_equal(format(NULL, NG_ERROR, NULL), "error: reason [code]");
}

static void long_findings_are_cut(void **state)
{
	(void)state;
	struct ng_diags diags;
	char *small = malloc(20);
	ng_diags_init(&diags);
	ng_diag_add(&diags, NG_ERROR, NULL, "code", NULL, "%2000s", "x");
	assert_in_range(strlen(diags.items[0].reason), 100, 2000);
	ng_diag_format(&diags.items[0], small, 20);
	assert_int_equal(strlen(small), 19);
	free(small);
	ng_diags_finish(&diags);
}

static void enders_take_null(void **state)
{
	(void)state;
	struct ng_diags diags;
	ng_diags_finish(NULL);
	ng_diags_init(&diags);
	ng_diags_finish(&diags);
	assert_null(diags.items);
}

static void nothing_in_a_finding_moves_a_cursor(void **state)
{
	(void)state;
	struct ng_diag diag = {
		.severity = NG_ERROR,
		.path = (char *)"a\n.list",
		.line = 3,
		.code = "list-words",
		.reason = (char *)"\x1b[31m b\xc3\xbc \xff \xc2\x9b \xe2\x80\xae \x7f"};
	char line[128];
	assert_string_equal(ng_diag_format(&diag, line, sizeof(line)),
			    "a?.list:3: error: ?[31m b\xc3\xbc ? ?? ??? ? [list-words]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_copies_in_order),
		cmocka_unit_test(beyond_the_bound_errors_still_count),
		cmocka_unit_test(formats_every_shape_of_place),
		cmocka_unit_test(long_findings_are_cut),
		cmocka_unit_test(nothing_in_a_finding_moves_a_cursor),
		cmocka_unit_test(enders_take_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
