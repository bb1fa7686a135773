/*
 * What each sandbox of a configuration may do at most: octets that names carry out, questions, leases.
 * The figures are those of `report` (report_ceilings.c).
 */
#include "config.h"
#include "cli/report.h"

#include "cli/check.h"
#include <inttypes.h>

static json_t *row_of(const struct setup *setup, size_t i, const char *path)
{
	const struct report_ceiling ceiling = report_ceiling_of(setup, i);
	return json_pack("{s:s, s:s, s:I, s:I, s:b, s:I, s:I}", "configuration", path,
			 "sandbox", setup->specs[i].name, "wildcards",
			 (json_int_t)ceiling.wildcards, "octets_a_day",
			 (json_int_t)ceiling.octets_day, "budget", (int)ceiling.bounded,
			 "queries_a_second", (json_int_t)ceiling.queries_s, "leases",
			 (json_int_t)ceiling.leases);
}

/* What is wrong with the configuration has been said. */
void check_ceilings(struct check *check, const char *path)
{
	const struct setup_wish wish = {.config = path, .now_s = check->now_s};
	struct setup *setup = NULL;
	struct ng_diags diags;
	ng_diags_init(&diags);
	if (setup_read(&wish, &diags, &setup) == NG_OK) {
		for (size_t i = 0; i < setup->n_sandboxes; i++)
			json_array_append_new(check->ceilings, row_of(setup, i, path));
		setup_free(setup);
	}
	ng_diags_finish(&diags);
}

static long long number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

void check_ceilings_print(const struct check *check)
{
	size_t i;
	json_t *row;
	json_array_foreach(check->ceilings, i, row)
	{
		printf("%s: at most %lld octets a day by names below %lld wildcards%s, "
		       "%lld questions a second, %lld leases\n",
		       json_string_value(json_object_get(row, "sandbox")),
		       number(row, "octets_a_day"), number(row, "wildcards"),
		       json_is_true(json_object_get(row, "budget")) ? "" : " (no budget)",
		       number(row, "queries_a_second"), number(row, "leases"));
	}
}
