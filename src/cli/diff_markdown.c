/*
 * The comparison as a comment for a review: one line that says it all, tables of what opens, the
 * rest folded. Code hosts cut long comments off, so tables end after a number of rows and say how
 * many are left. What a policy names comes from strangers: nothing of it is markup here.
 */
#include "config.h"

#include "cli/diff.h"

#include <string.h>

#define ROWS_MAX      100 /* of one table */
#define SANDBOXES_MAX 20

/* As code. Only plain text may stand between backticks; what is left is written as entities. */
static void put_code(const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789 .,:;-_*/()=+[]@";
	if (text[strspn(text, plain)] == '\0' && text[0] != '\0') {
		printf("`%s`", text);
		return;
	}
	printf("<code>");
	for (const char *at = text; *at != '\0'; at++) {
		if (strchr(plain, *at) != NULL || (unsigned char)*at > 0x7f)
			putchar(*at);
		else
			printf("&#%u;", (unsigned)(unsigned char)*at);
	}
	printf("</code>");
}

static void put_cell(const char *text)
{
	printf(" | ");
	put_code(text);
}

static const char *sense_word(unsigned sense)
{
	bool opens = (sense & DIFF_WIDENS) != 0, closes = (sense & DIFF_NARROWS) != 0;
	return opens && closes ? "widens, narrows"
	       : opens         ? "widens"
	       : closes        ? "narrows"
	       : sense != 0    ? "other"
			       : "";
}

static void put_left(size_t n)
{
	if (n > ROWS_MAX)
		printf("\nand %zu more; `namegate diff --json` has all of them.\n",
		       n - ROWS_MAX);
}

/* ---- the line that says it all ---- */

static void put_summary(const struct diff_call *call)
{
	const struct diff *diff = call->diff;
	char counts[256];
	const char *between = "";
	printf("### namegate: ");
	if (diff->sense == 0)
		printf("no change");
	if (*diff_counts(diff->tally.widens, counts) != '\0') {
		printf("widens: %s", counts);
		between = "; ";
	}
	if (*diff_counts(diff->tally.narrows, counts) != '\0') {
		printf("%snarrows: %s", between, counts);
		between = "; ";
	}
	if (*diff_counts(diff->tally.other, counts) != '\0')
		printf("%sotherwise: %s", between, counts);
	printf("\n\n");
	put_code(call->words[DIFF_OLD]);
	printf(" → ");
	put_code(call->words[DIFF_NEW]);
	printf(", %zu names judged, %zu %s\n", diff->tried, diff->n_sandboxes,
	       diff->n_sandboxes == 1 ? "sandbox" : "sandboxes");
}

/* ---- tables ---- */

static void put_changes(const struct diff_list *list)
{
	if (list->n == 0)
		return;
	printf("\n| | what | before | after |\n|---|---|---|---|\n");
	for (size_t i = 0; i < list->n && i < ROWS_MAX; i++) {
		const struct diff_change *change = &list->items[i];
		printf("| %s", sense_word(change->sense));
		put_cell(change->what);
		for (int side = 0; side < DIFF_SIDES; side++)
			put_cell(change->texts[side] != NULL ? change->texts[side] : "none");
		printf(" |\n");
	}
	put_left(list->n);
}

static void put_addresses(const struct diff_group *group)
{
	char prefix[NG_PREFIX_TEXT], what[NG_PREFIX_TEXT + 16], says[DIFF_SAYS_MAX],
		place[DIFF_PLACE_MAX], cell[DIFF_SAYS_MAX + DIFF_PLACE_MAX];
	if (group->n_addresses == 0)
		return;
	printf("\n| | rule about | before | after |\n|---|---|---|---|\n");
	for (size_t i = 0; i < group->n_addresses && i < ROWS_MAX; i++) {
		const struct diff_address *address = &group->addresses[i];
		const struct ng_match *any =
			&address->matches[address->there[DIFF_OLD] ? DIFF_OLD : DIFF_NEW];
		snprintf(what, sizeof(what), "%s %s",
			 any->trigger == NG_TRIGGER_CLIENT ? "client" : "answer",
			 ng_prefix_format(&any->prefix, prefix));
		printf("| %s", sense_word(address->sense));
		put_cell(what);
		for (int side = 0; side < DIFF_SIDES; side++) {
			const struct ng_match *match = &address->matches[side];
			snprintf(cell, sizeof(cell), "%s", "no rule");
			if (address->there[side])
				snprintf(cell, sizeof(cell), "%s by %s",
					 diff_match_says(match, NULL, 0, says),
					 diff_match_place(match, address->scopes[side], place));
			put_cell(cell);
		}
		printf(" |\n");
	}
	put_left(group->n_addresses);
}

static void put_name(const struct diff_name_row *row)
{
	char name[DIFF_OWNER_MAX], says[DIFF_SAYS_MAX], place[DIFF_PLACE_MAX];
	printf("| %s", sense_word(row->sense));
	put_cell(diff_name_text(row, name));
	for (int side = 0; side < DIFF_SIDES; side++)
		put_cell(diff_view_says(&row->views[side], says));
	for (int side = 0; side < DIFF_SIDES; side++)
		put_cell(diff_view_place(&row->views[side], place));
	printf(" |\n");
}

/* Those that open stand first: names up to the index that is returned. */
static size_t opening(const struct diff_call *call, const struct diff_group *group)
{
	size_t low = 0, high = group->n_names;
	while (low < high) {
		struct diff_name_row row;
		size_t middle = low + (high - low) / 2;
		diff_name_at(call->diff, group, middle, &row);
		if ((row.sense & DIFF_WIDENS) != 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void put_names(const struct diff_call *call, const struct diff_group *group, size_t from,
		      size_t to)
{
	if (from == to)
		return;
	printf("\n| | name | before | after | rule before | rule after "
	       "|\n|---|---|---|---|---|---|\n");
	for (size_t i = from; i < to && i - from < ROWS_MAX; i++) {
		struct diff_name_row row;
		diff_name_at(call->diff, group, i, &row);
		put_name(&row);
	}
	put_left(to - from);
}

static void put_rules(const struct diff_call *call, const struct diff_group *group)
{
	char owner[DIFF_OWNER_MAX], says[DIFF_SAYS_MAX], place[DIFF_PLACE_MAX],
		cell[DIFF_SAYS_MAX + DIFF_PLACE_MAX];
	printf("\n| | rule | before | after |\n|---|---|---|---|\n");
	for (size_t i = 0; i < group->n_rules && i < ROWS_MAX; i++) {
		struct diff_rule_row row;
		diff_rule_at(call->diff, group, i, &row);
		printf("| %s%s%s",
		       diff_fate(row.there[DIFF_OLD], row.there[DIFF_NEW],
				 row.scopes[DIFF_OLD] == row.scopes[DIFF_NEW]),
		       row.sense != 0 ? ", " : "", sense_word(row.sense));
		put_cell(diff_rule_text(&row, owner));
		for (int side = 0; side < DIFF_SIDES; side++) {
			const struct ng_match *match = &row.matches[side];
			snprintf(cell, sizeof(cell), "%s", "none");
			if (row.there[side])
				snprintf(cell, sizeof(cell), "%s by %s",
					 diff_match_says(match, &row.bounds[side],
							 row.until_s[side], says),
					 diff_match_place(match, row.scopes[side], place));
			put_cell(cell);
		}
		printf(" |\n");
	}
	put_left(group->n_rules);
}

static void fold(const char *what, size_t n)
{
	printf("\n<details><summary>%s: %zu</summary>\n", what, n);
}

static void put_group(const struct diff_call *call, const struct diff_group *group)
{
	size_t opens = opening(call, group);
	if (call->setups[DIFF_NEW]->conf != NULL) {
		printf("\n**%s**", group->n_sandboxes == 1 ? "sandbox" : "sandboxes");
		for (size_t i = 0; i < group->n_sandboxes && i < SANDBOXES_MAX; i++) {
			printf(i > 0 ? ", " : " ");
			put_code(group->sandboxes[i]);
		}
		if (group->n_sandboxes > SANDBOXES_MAX)
			printf(" and %zu more", group->n_sandboxes - SANDBOXES_MAX);
		printf("\n");
	}
	put_changes(&group->changes);
	put_addresses(group);
	put_names(call, group, 0, opens);
	if (opens < group->n_names) {
		fold("names that are narrowed or answered otherwise", group->n_names - opens);
		put_names(call, group, opens, group->n_names);
		printf("\n</details>\n");
	}
	if (group->n_rules > 0) {
		fold("rules", group->n_rules);
		put_rules(call, group);
		printf("\n</details>\n");
	}
}

void diff_print_markdown(const struct diff_call *call)
{
	const struct diff *diff = call->diff;
	put_summary(call);
	if (diff->changes.n > 0)
		printf("\n**all sandboxes**\n");
	put_changes(&diff->changes);
	for (size_t i = 0; i < diff->n_groups; i++) {
		if (!diff->groups[i]->same)
			put_group(call, diff->groups[i]);
	}
}
