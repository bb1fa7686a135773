/* The proposal for programs: every line and every name with its evidence. */
#include "config.h"

#include "cli/learn.h"
#include "cli/output.h"
#include "cli/when.h"

#include <netinet/in.h>

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static void put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* Text of elsewhere may be no UTF-8. */
static json_t *plain(const char *text)
{
	json_t *value = json_string(text);
	return value != NULL ? value : json_string("(not UTF-8)");
}

static json_t *name_text(const struct ng_name *name)
{
	char text[NG_NAME_TEXT_MAX];
	return json_string(ng_name_to_text(name, text));
}

static json_t *time_text(uint64_t wall_us)
{
	char text[WHEN_TEXT];
	return json_string(when_text(wall_us / 1000000, text));
}

static json_t *ports_json(const struct learn_evidence *evidence)
{
	json_t *list = json_array();
	for (size_t i = 0; i < evidence->n_ports; i++) {
		const struct learn_port *port = &evidence->ports[i];
		json_array_append_new(
			list,
			json_pack("{s:i, s:s, s:o, s:o, s:b}", "port", port->port.port, "proto",
				  port->port.proto == IPPROTO_UDP ? "udp" : "tcp", "flows",
				  number(port->count), "packets_back", number(port->back),
				  "used", learn_port_used(port)));
	}
	return list;
}

static json_t *types_json(const struct learn_evidence *evidence)
{
	json_t *object = json_object();
	char text[16];
	for (size_t i = 0; i < evidence->n_types; i++)
		put(object, ng_type_text(evidence->types[i].type, text),
		    number(evidence->types[i].count));
	return object;
}

static json_t *privates_json(const struct learn_evidence *evidence)
{
	json_t *list = json_array();
	char text[NG_ADDR_TEXT];
	for (size_t i = 0; i < evidence->n_privates; i++)
		json_array_append_new(
			list, json_string(ng_addr_format(&evidence->privates[i].addr, text)));
	return list;
}

static json_t *who_json(const struct learn_call *call, const uint32_t *who, uint32_t n)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < n && i < LEARN_WHO_MAX; i++)
		json_array_append_new(list, plain(learn_person(call->learn, who[i])->name));
	return json_pack("{s:i, s:o}", "count", (int)n, "names", list);
}

static json_t *evidence_json(const struct learn_call *call,
			     const struct learn_evidence *evidence, const uint32_t *who,
			     uint32_t n)
{
	json_t *object = json_object();
	put(object, "asked", number(evidence->asked));
	put(object, "answered", number(evidence->answered));
	put(object, "denied", number(evidence->denied));
	put(object, "empty", number(evidence->empty));
	put(object, "failed", number(evidence->failed));
	put(object, "blocked_packets", number(evidence->blocked));
	put(object, "first", time_text(evidence->first_us));
	put(object, "last", time_text(evidence->last_us));
	put(object, "sandboxes", who_json(call, who, n));
	put(object, "types", types_json(evidence));
	put(object, "ports", ports_json(evidence));
	put(object, "ports_complete", json_boolean(!evidence->unseen && !evidence->ports_lost));
	put(object, "private", privates_json(evidence));
	return object;
}

static json_t *line_json(const struct learn_call *call, const struct learn_list *list,
			 const struct learn_line *line)
{
	char text[LEARN_LINE_TEXT];
	struct learn_evidence evidence;
	uint32_t who[LEARN_WHO_MAX];
	uint32_t n = learn_line_evidence(list, line, &evidence, who);
	json_t *names = json_array();
	for (size_t i = line->begin; i < line->end; i++)
		json_array_append_new(names, name_text(&list->names[i].name));
	return json_pack("{s:s, s:b, s:b, s:o, s:o}", "line", learn_line_text(list, line, text),
			 "wildcard", line->wildcard, "taken", line->state == LEARN_TAKE,
			 "names", names, "evidence", evidence_json(call, &evidence, who, n));
}

static json_t *aside_json(const struct learn_call *call, const struct learn_name *name)
{
	json_t *object =
		json_pack("{s:o, s:s, s:s}", "name", name_text(&name->name), "why",
			  learn_why_name(name->why), "reason", learn_why_text(name->why));
	if (name->rule != NULL)
		put(object, "rule", plain(name->rule));
	put(object, "evidence", evidence_json(call, &name->evidence, name->who, name->n_who));
	return object;
}

static json_t *list_json(const struct learn_call *call, const struct learn_list *list)
{
	json_t *lines = json_array(), *aside = json_array(), *object = json_object();
	for (size_t i = 0; i < list->n_lines; i++)
		json_array_append_new(lines, line_json(call, list, &list->lines[i]));
	for (size_t i = list->n_used; i < list->n; i++)
		json_array_append_new(aside, aside_json(call, &list->names[i]));
	put(object, "sandbox",
	    list->wish->person != 0 ? plain(learn_person(call->learn, list->wish->person)->name)
				    : json_null());
	put(object, "lines", lines);
	put(object, "not_proposed", aside);
	return object;
}

static json_t *places_json(const struct learn_call *call)
{
	size_t n;
	const struct learn_place *const *places = learn_places(call->learn, &n);
	json_t *list = json_array();
	char text[NG_ADDR_TEXT];
	for (size_t i = 0; i < n; i++) {
		const struct learn_place *place = places[i];
		json_array_append_new(
			list,
			json_pack("{s:s, s:i, s:i, s:o, s:o, s:o, s:o}", "address",
				  ng_addr_format(&place->key.addr, text), "proto",
				  place->key.proto, "port", place->key.port, "sandbox",
				  plain(learn_person(call->learn, place->key.person)->name),
				  "flows", number(place->count), "packets_back",
				  number(place->back), "blocked_packets",
				  number(place->blocked)));
	}
	return list;
}

static json_t *left_out_json(const struct learn_call *call)
{
	json_t *people = json_object();
	for (uint32_t id = 1; id <= learn_people(call->learn); id++) {
		const struct learn_person *person = learn_person(call->learn, id);
		if (person->left_out > 0)
			put(people, person->name, number(person->left_out));
	}
	return json_pack("{s:o, s:o, s:o}", "names", people, "destinations",
			 number(learn_places_lost(call->learn)), "others",
			 number(learn_strangers(call->learn)));
}

static json_t *baselines_json(const struct learn_call *call)
{
	json_t *list = json_array();
	for (size_t i = 0; i < call->wish.n_baselines; i++)
		json_array_append_new(list, json_pack("{s:o, s:o}", "baseline",
						      plain(call->judged[i].title), "names",
						      number(call->judged[i].left_out)));
	return list;
}

json_t *learn_json(const struct learn_call *call)
{
	json_t *lists = json_array();
	for (size_t i = 0; i < call->n_lists; i++)
		json_array_append_new(lists, list_json(call, &call->lists[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "lists", lists, "allowed_already",
			 baselines_json(call), "destinations", places_json(call), "left_out",
			 left_out_json(call), "read",
			 captures_json(traffic_counts(call->traffic)), "findings",
			 output_diags_json(&call->diags));
}
