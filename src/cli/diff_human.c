/* The comparison as text for a terminal or a log: what opens first, then what closes, then why. */
#include "config.h"

#include "cli/diff.h"

#include <string.h>

#define SANDBOXES_SHOWN 8

static void print_summary(const struct diff_call *call)
{
	const struct diff *diff = call->diff;
	const struct {
		const char *what;
		const size_t *counts;
	} lines[] = {{"widens", diff->tally.widens},
		     {"narrows", diff->tally.narrows},
		     {"otherwise", diff->tally.other}};
	char counts[256];
	printf("old        %s\nnew        %s\n", call->words[DIFF_OLD], call->words[DIFF_NEW]);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (*diff_counts(lines[i].counts, counts) != '\0')
			printf("%-9s  %s\n", lines[i].what, counts);
	}
	if (diff->sense == 0)
		printf("no change  both decide alike\n");
	printf("judged     %zu %s, %zu %s\n", diff->tried, diff->tried == 1 ? "name" : "names",
	       diff->n_sandboxes, diff->n_sandboxes == 1 ? "sandbox" : "sandboxes");
}

static const char *or_none(const char *text)
{
	return text != NULL ? text : "none";
}

static void print_changes(const struct diff_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct diff_change *change = &list->items[i];
		printf("  %s %s: %s -> %s", diff_sign(change->sense), change->what,
		       or_none(change->texts[DIFF_OLD]), or_none(change->texts[DIFF_NEW]));
		for (int side = 0; side < DIFF_SIDES; side++) {
			if (change->paths[side] != NULL)
				printf("  %s:%u", change->paths[side],
				       (unsigned)change->lines[side]);
		}
		printf("\n");
	}
}

static void print_addresses(const struct diff_group *group)
{
	char prefix[NG_PREFIX_TEXT], says[DIFF_SAYS_MAX], place[DIFF_PLACE_MAX];
	for (size_t i = 0; i < group->n_addresses; i++) {
		const struct diff_address *address = &group->addresses[i];
		const struct ng_match *any =
			&address->matches[address->there[DIFF_OLD] ? DIFF_OLD : DIFF_NEW];
		printf("  %s %s %s", diff_sign(address->sense),
		       any->trigger == NG_TRIGGER_CLIENT ? "client" : "answer",
		       ng_prefix_format(&any->prefix, prefix));
		for (int side = 0; side < DIFF_SIDES; side++) {
			const struct ng_match *match = &address->matches[side];
			printf(side == DIFF_OLD ? ": " : " -> ");
			if (address->there[side])
				printf("%s by %s", diff_match_says(match, NULL, 0, says),
				       diff_match_place(match, address->scopes[side], place));
			else
				printf("no rule");
		}
		printf("\n");
	}
}

static void print_names(const struct diff_call *call, const struct diff_group *group)
{
	char name[DIFF_OWNER_MAX], says[DIFF_SIDES][DIFF_SAYS_MAX],
		places[DIFF_SIDES][DIFF_PLACE_MAX];
	for (size_t i = 0; i < group->n_names; i++) {
		struct diff_name_row row;
		diff_name_at(call->diff, group, i, &row);
		printf("  %s %-32s  %s -> %s  %s -> %s\n", diff_sign(row.sense),
		       diff_name_text(&row, name),
		       diff_view_says(&row.views[DIFF_OLD], says[0]),
		       diff_view_says(&row.views[DIFF_NEW], says[1]),
		       diff_view_place(&row.views[DIFF_OLD], places[0]),
		       diff_view_place(&row.views[DIFF_NEW], places[1]));
	}
}

static void print_rules(const struct diff_call *call, const struct diff_group *group)
{
	char owner[DIFF_OWNER_MAX], says[DIFF_SAYS_MAX], place[DIFF_PLACE_MAX];
	if (group->n_rules > 0)
		printf("  rules\n");
	for (size_t i = 0; i < group->n_rules; i++) {
		struct diff_rule_row row;
		diff_rule_at(call->diff, group, i, &row);
		const bool *there = row.there;
		printf("  %s %-7s  %s:", diff_sign(row.sense),
		       diff_fate(there[DIFF_OLD], there[DIFF_NEW],
				 row.scopes[DIFF_OLD] == row.scopes[DIFF_NEW]),
		       diff_rule_text(&row, owner));
		for (int side = 0; side < DIFF_SIDES; side++) {
			const struct ng_match *match = &row.matches[side];
			if (!there[side])
				continue;
			printf("%s %s by %s", side == DIFF_NEW && there[DIFF_OLD] ? " ->" : "",
			       diff_match_says(match, &row.bounds[side], row.until_s[side],
					       says),
			       diff_match_place(match, row.scopes[side], place));
		}
		printf("\n");
	}
}

static void print_group(const struct diff_call *call, const struct diff_group *group)
{
	size_t shown =
		group->n_sandboxes < SANDBOXES_SHOWN ? group->n_sandboxes : SANDBOXES_SHOWN;
	printf("\n");
	if (call->setups[DIFF_NEW]->conf != NULL) {
		printf(group->n_sandboxes == 1 ? "sandbox" : "sandboxes");
		for (size_t i = 0; i < shown; i++)
			printf("%s %s", i > 0 ? "," : "", group->sandboxes[i]);
		if (shown < group->n_sandboxes)
			printf(" and %zu more", group->n_sandboxes - shown);
		printf("\n");
	}
	print_changes(&group->changes);
	print_addresses(group);
	print_names(call, group);
	print_rules(call, group);
}

void diff_print_human(const struct diff_call *call)
{
	const struct diff *diff = call->diff;
	print_summary(call);
	if (diff->changes.n > 0)
		printf("\nfor all sandboxes\n");
	print_changes(&diff->changes);
	for (size_t i = 0; i < diff->n_groups; i++) {
		if (!diff->groups[i]->same)
			print_group(call, diff->groups[i]);
	}
}
