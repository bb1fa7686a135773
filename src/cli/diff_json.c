/*
 * The comparison as one JSON object. Names and rules may be millions, so they are written one at a
 * time instead of being gathered first.
 */
#include "config.h"

#include "cli/diff.h"
#include "cli/output.h"

#include <jansson.h>
#include <namegate/message.h>

struct stream { /* what is written in pieces; the first failure sticks */
	bool failed;
	const char *between;
};

static void put_item(struct stream *stream, json_t *item, size_t flags)
{
	fputs(stream->between, stdout);
	stream->failed |= item == NULL || json_dumpf(item, stdout, JSON_COMPACT | flags) != 0;
	json_decref(item);
	stream->between = ",";
}

static json_t *text(const char *value)
{
	json_t *string = value != NULL ? json_string(value) : json_null();
	return string != NULL ? string : json_string("(not UTF-8)");
}

static json_t *senses(unsigned sense)
{
	json_t *array = json_array();
	if ((sense & DIFF_WIDENS) != 0)
		json_array_append_new(array, json_string("widens"));
	if ((sense & DIFF_NARROWS) != 0)
		json_array_append_new(array, json_string("narrows"));
	if ((sense & DIFF_OTHER) != 0)
		json_array_append_new(array, json_string("other"));
	return array;
}

static json_t *counts(const size_t *n)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "names",
			 (json_int_t)n[DIFF_A_NAME], "rules", (json_int_t)n[DIFF_A_RULE],
			 "prefixes", (json_int_t)n[DIFF_A_PREFIX], "addresses",
			 (json_int_t)n[DIFF_AN_ADDRESS], "modes", (json_int_t)n[DIFF_A_MODE],
			 "sandboxes", (json_int_t)n[DIFF_A_SANDBOX], "zones",
			 (json_int_t)n[DIFF_A_ZONE], "settings", (json_int_t)n[DIFF_A_SETTING]);
}

/* ---- one row ---- */

static void add_bounds(json_t *object, const struct ng_bounds *bounds)
{
	char type[16], prefix[NG_PREFIX_TEXT];
	json_t *ports = json_array(), *types = json_array(), *opened = json_array();
	for (uint8_t i = 0; i < bounds->n_ports; i++)
		json_array_append_new(ports,
				      json_sprintf("%s/%u",
						   bounds->ports[i].proto == 17 ? "udp" : "tcp",
						   (unsigned)bounds->ports[i].port));
	for (uint8_t i = 0; i < bounds->n_types; i++)
		json_array_append_new(types, json_string(ng_type_text(bounds->types[i], type)));
	if (bounds->n_types == 0) {
		json_array_append_new(types, json_string("A"));
		json_array_append_new(types, json_string("AAAA"));
	}
	for (uint8_t i = 0; i < bounds->n_opened; i++)
		json_array_append_new(
			opened, json_string(ng_prefix_format(&bounds->opened[i], prefix)));
	json_object_set_new(object, "ports", bounds->n_ports > 0 ? ports : json_string("all"));
	if (bounds->n_ports == 0)
		json_decref(ports);
	json_object_set_new(object, "types", types);
	json_object_set_new(object, "private", opened);
	json_object_set_new(object, "lease_max_s",
			    bounds->lease_max_s != 0 ? json_integer(bounds->lease_max_s)
						     : json_null());
	json_object_set_new(object, "strict", json_boolean(bounds->strict));
}

static json_t *match_json(const struct ng_match *match, enum ng_scope scope)
{
	return json_pack("{s:s, s:o, s:i, s:i, s:s}", "action", diff_actions[match->action],
			 "path", text(match->path), "line", (int)match->line, "column",
			 (int)match->column, "scope", diff_scopes[scope]);
}

static json_t *view_json(const struct diff_view *view)
{
	json_t *object =
		json_pack("{s:s, s:b, s:o}", "verdict", diff_verdicts[view->verdict], "closed",
			  view->closed, "rule",
			  !view->closed && view->matched ? match_json(&view->match, view->scope)
							 : json_null());
	if (object != NULL && view->verdict != NG_DENY)
		add_bounds(object, &view->bounds);
	return object;
}

static json_t *name_json(const struct diff_name_row *row)
{
	char shown[DIFF_OWNER_MAX], judged[NG_NAME_TEXT_MAX];
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", diff_name_text(row, shown),
			 "judged", ng_name_to_text(&row->name, judged), "sense",
			 senses(row->sense), "old", view_json(&row->views[DIFF_OLD]), "new",
			 view_json(&row->views[DIFF_NEW]));
}

static json_t *rule_side(const struct diff_rule_row *row, int side)
{
	char until[32];
	if (!row->there[side])
		return json_null();
	json_t *object = match_json(&row->matches[side], row->scopes[side]);
	if (object == NULL)
		return NULL;
	add_bounds(object, &row->bounds[side]);
	json_object_set_new(object, "until",
			    row->until_s[side] != 0
				    ? json_string(diff_time_text(row->until_s[side], until))
				    : json_null());
	json_object_set_new(object, "disabled", json_boolean(row->matches[side].disabled));
	return object;
}

static json_t *rule_json(const struct diff_rule_row *row)
{
	char owner[DIFF_OWNER_MAX];
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "owner", diff_rule_text(row, owner),
			 "fate",
			 diff_fate(row->there[DIFF_OLD], row->there[DIFF_NEW],
				   row->scopes[DIFF_OLD] == row->scopes[DIFF_NEW]),
			 "sense", senses(row->sense), "old", rule_side(row, DIFF_OLD), "new",
			 rule_side(row, DIFF_NEW));
}

static json_t *address_side(const struct diff_address *address, int side)
{
	return address->there[side] ? match_json(&address->matches[side], address->scopes[side])
				    : json_null();
}

static json_t *address_json(const struct diff_address *address)
{
	char prefix[NG_PREFIX_TEXT];
	const struct ng_match *any =
		&address->matches[address->there[DIFF_OLD] ? DIFF_OLD : DIFF_NEW];
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "trigger",
			 any->trigger == NG_TRIGGER_CLIENT ? "client" : "answer", "prefix",
			 ng_prefix_format(&any->prefix, prefix), "sense",
			 senses(address->sense), "old", address_side(address, DIFF_OLD), "new",
			 address_side(address, DIFF_NEW));
}

static json_t *change_json(const struct diff_change *change)
{
	json_t *object = json_pack("{s:o, s:o, s:o, s:o}", "what", text(change->what), "sense",
				   senses(change->sense), "old", text(change->texts[DIFF_OLD]),
				   "new", text(change->texts[DIFF_NEW]));
	for (int side = 0; object != NULL && side < DIFF_SIDES; side++) {
		if (change->paths[side] != NULL)
			json_object_set_new(object, side == DIFF_OLD ? "old_at" : "new_at",
					    json_pack("{s:o, s:i}", "path",
						      text(change->paths[side]), "line",
						      (int)change->lines[side]));
	}
	return object;
}

static json_t *changes_json(const struct diff_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(array, change_json(&list->items[i]));
	return array;
}

/* ---- the whole ---- */

static json_t *group_head(const struct diff_group *group)
{
	json_t *names = json_array(), *addresses = json_array();
	for (size_t i = 0; i < group->n_sandboxes; i++)
		json_array_append_new(names, text(group->sandboxes[i]));
	for (size_t i = 0; i < group->n_addresses; i++)
		json_array_append_new(addresses, address_json(&group->addresses[i]));
	return json_pack("{s:o, s:o, s:o, s:o}", "sandboxes", names, "sense",
			 senses(group->sense), "changes", changes_json(&group->changes),
			 "addresses", addresses);
}

static void put_group(struct stream *stream, const struct diff_call *call,
		      const struct diff_group *group)
{
	printf("%s{", stream->between);
	stream->between = "";
	put_item(stream, group_head(group), JSON_EMBED);
	printf(",\"names\":[");
	stream->between = "";
	for (size_t i = 0; i < group->n_names && !stream->failed; i++) {
		struct diff_name_row row;
		diff_name_at(call->diff, group, i, &row);
		put_item(stream, name_json(&row), 0);
	}
	printf("],\"rules\":[");
	stream->between = "";
	for (size_t i = 0; i < group->n_rules && !stream->failed; i++) {
		struct diff_rule_row row;
		diff_rule_at(call->diff, group, i, &row);
		put_item(stream, rule_json(&row), 0);
	}
	printf("]}");
	stream->between = ",";
}

static json_t *head(const struct diff_call *call)
{
	const struct diff *diff = call->diff;
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "old",
		text(call->words[DIFF_OLD]), "new", text(call->words[DIFF_NEW]), "sense",
		senses(diff->sense), "widens", counts(diff->tally.widens), "narrows",
		counts(diff->tally.narrows), "other", counts(diff->tally.other), "judged",
		(json_int_t)diff->tried, "sandboxes", (json_int_t)diff->n_sandboxes, "changes",
		changes_json(&diff->changes), "findings", output_diags_json(&call->diags));
}

int diff_print_json(const struct diff_call *call, int exit_code)
{
	const struct diff *diff = call->diff;
	struct stream stream = {.between = ""};
	putchar('{');
	put_item(&stream, head(call), JSON_EMBED);
	printf(",\"groups\":[");
	stream.between = "";
	for (size_t i = 0; i < diff->n_groups && !stream.failed; i++) {
		if (!diff->groups[i]->same)
			put_group(&stream, call, diff->groups[i]);
	}
	printf("]}\n");
	if (!stream.failed)
		return output_end(exit_code);
	return output_json(NULL, exit_code);
}
