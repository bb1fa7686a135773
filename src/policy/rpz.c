/*
 * Response Policy Zones, read as RPZ.md's table says. A record's owner is the trigger, its data the
 * action. Two tables carry the standard: triggers by the last label of the owner, actions by the
 * target of the CNAME. What the standard has and this version has not yet is an error with its
 * place, because a rule that is passed over in silence reads as one that works.
 */
#include "policy/rpz.h"

#include "dns/zone.h"
#include <namegate/message.h>
#include <string.h>

enum stance { TAKEN = 0, REFUSED, WARNED };

struct rpz {
	struct builder *builder;
	struct ng_name apex;
};

static void say(struct rpz *rpz, enum ng_severity severity, const struct ng_place *place,
		const char *code, const char *suggestion, const char *reason)
{
	ng_diag_add(rpz->builder->diags, severity, place, code, suggestion, "%s", reason);
}

static bool label_is(const uint8_t *label, const char *text)
{
	size_t n = strlen(text);
	return label[0] == n && memcmp(label + 1, text, n) == 0;
}

static bool label_begins(const uint8_t *label, const char *text)
{
	size_t n = strlen(text);
	return label[0] >= n && memcmp(label + 1, text, n) == 0;
}

/* Is name this one label and nothing else? */
static bool single_label(const struct ng_name *name, const char *text)
{
	return ng_name_labels(name) == 1 && label_is(name->wire, text);
}

/* ---- triggers ---- */

static const struct {
	const char *label;
	enum stance stance;
	const char *code, *suggestion, *reason;
} triggers[] = {
	{"rpz-ip", REFUSED, "rpz-trigger", "take the rule out of this zone",
	 "answer address triggers (rpz-ip) are not supported yet by this version"},
	{"rpz-client-ip", REFUSED, "rpz-trigger", "give the sandbox policies of its own",
	 "client address triggers (rpz-client-ip) are not supported yet by this version"},
	{"rpz-nsdname", WARNED, "rpz-nsdname", "name the names themselves",
	 "a forwarder never sees authoritative servers, so this rule never applies"},
	{"rpz-nsip", WARNED, "rpz-nsip", "name the names themselves",
	 "a forwarder never sees authoritative servers, so this rule never applies"},
};

/* Owner names such as _443._tcp.github.com bound a rule to a port. */
static bool is_port_owner(const struct ng_name *name)
{
	const uint8_t *label = name->wire, *protocol = label + 1 + label[0];
	if (ng_name_labels(name) < 2 || label[0] < 2 || label[1] != '_')
		return false;
	for (size_t i = 2; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return false;
	}
	return label_is(protocol, "_tcp") || label_is(protocol, "_udp");
}

static bool holds_asterisk(const struct ng_name *name)
{
	for (const uint8_t *label = name->wire; *label != 0; label += 1 + *label) {
		if (label_is(label, "*"))
			return true;
	}
	return false;
}

static enum stance trigger_by_label(struct rpz *rpz, const struct zone_record *record,
				    const struct ng_name *trigger)
{
	const uint8_t *last = trigger->wire;
	while (last[1 + last[0]] != 0)
		last += 1 + last[0];
	for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
		if (!label_is(last, triggers[i].label))
			continue;
		say(rpz, triggers[i].stance == WARNED ? NG_WARNING : NG_ERROR, &record->place,
		    triggers[i].code, triggers[i].suggestion, triggers[i].reason);
		return triggers[i].stance;
	}
	if (!label_begins(last, "rpz-"))
		return TAKEN;
	say(rpz, NG_ERROR, &record->place, "rpz-trigger",
	    "see the triggers of the RPZ standard",
	    "the owner ends in a trigger that does not exist");
	return REFUSED;
}

/* The name that a record's owner triggers on, below the zone's own; not for the apex. */
static enum stance trigger_read(struct rpz *rpz, const struct zone_record *record,
				struct builder_rule *rule)
{
	struct ng_name *name = &rule->name;
	size_t n = (size_t)record->owner.len - rpz->apex.len;
	*name = record->owner;
	name->wire[n] = 0;
	name->len = (uint8_t)(n + 1);
	ng_name_lower(name);
	enum stance stance = trigger_by_label(rpz, record, name);
	if (stance != TAKEN)
		return stance;
	rule->wildcard = label_is(name->wire, "*");
	if (rule->wildcard && !ng_name_parent(name))
		return REFUSED;
	if (holds_asterisk(name)) {
		say(rpz, NG_ERROR, &record->place, "rpz-wildcard",
		    "put the asterisk first, or list the names",
		    "an asterisk is a wildcard only as the first label");
		return REFUSED;
	}
	if (is_port_owner(name)) {
		say(rpz, NG_ERROR, &record->place, "rpz-port", "name the host without the port",
		    "rules for ports are not supported yet by this version");
		return REFUSED;
	}
	return TAKEN;
}

/* ---- actions ---- */

static const struct {
	const char *label; /* of a target that has no other */
	enum stance stance;
	enum ng_rule_action action;
	const char *code, *suggestion, *reason;
} actions[] = {
	{"*", TAKEN, NG_ACTION_NODATA, NULL, NULL, NULL},
	{"rpz-passthru", TAKEN, NG_ACTION_PASSTHRU, NULL, NULL, NULL},
	{"rpz-drop", REFUSED, 0, "rpz-action", "write CNAME . to answer NXDOMAIN",
	 "rpz-drop is not supported yet by this version"},
	{"rpz-tcp-only", REFUSED, 0, "rpz-action",
	 "write CNAME rpz-passthru. to permit the name",
	 "rpz-tcp-only is not supported yet by this version"},
};

/* What a CNAME's target says, when it is one of the words of the standard. */
static enum stance action_by_word(struct rpz *rpz, const struct zone_record *record,
				  const struct ng_name *target, struct builder_rule *rule,
				  bool *spoken)
{
	*spoken = true;
	if (target->len == 1) {
		rule->action = NG_ACTION_NXDOMAIN;
		return TAKEN;
	}
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (!single_label(target, actions[i].label))
			continue;
		rule->action = actions[i].action;
		if (actions[i].stance != TAKEN)
			say(rpz, NG_ERROR, &record->data, actions[i].code,
			    actions[i].suggestion, actions[i].reason);
		return actions[i].stance;
	}
	if (ng_name_labels(target) == 1 && label_begins(target->wire, "rpz-")) {
		say(rpz, NG_WARNING, &record->data, "rpz-unknown",
		    "write CNAME . or CNAME rpz-passthru.",
		    "no action has this name; the rule is ignored");
		return WARNED;
	}
	*spoken = false;
	return TAKEN;
}

/* The trigger with its asterisk, as the owner shows it. */
static bool target_is_owner(const struct ng_name *target, const struct zone_record *record,
			    const struct ng_name *apex)
{
	size_t n = (size_t)record->owner.len - apex->len;
	struct ng_name relative = record->owner;
	relative.wire[n] = 0;
	relative.len = (uint8_t)(n + 1);
	return ng_name_equal(target, &relative) || ng_name_equal(target, &record->owner);
}

static enum stance action_read(struct rpz *rpz, const struct zone_record *record,
			       struct builder_rule *rule)
{
	struct ng_name target;
	bool spoken;
	if (ng_name_from_wire(record->rdata, record->rdlen, &target) != NG_OK)
		return REFUSED;
	ng_name_lower(&target);
	enum stance stance = action_by_word(rpz, record, &target, rule, &spoken);
	if (spoken)
		return stance;
	if (target_is_owner(&target, record, &rpz->apex))
		say(rpz, NG_ERROR, &record->data, "rpz-old-passthru",
		    "write CNAME rpz-passthru.",
		    "a CNAME to the owner itself is the old way to permit a name");
	else if (label_is(target.wire, "*"))
		say(rpz, NG_ERROR, &record->data, "rpz-action", "write CNAME . or CNAME *.",
		    "a wildcard target is not supported yet by this version");
	else
		say(rpz, NG_ERROR, &record->data, "rpz-action", "write CNAME . or CNAME *.",
		    "local data (a CNAME to another name) is not supported yet by this "
		    "version");
	return REFUSED;
}

/* ---- records ---- */

/* What DNSSEC adds to a zone is no rule (RPZ.md A10). */
static bool is_dnssec(uint16_t type)
{
	static const uint16_t types[] = {43, 46, 47, 48, 50, 51, 59, 60, 63};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

/* A record that is not a rule: furniture passes, the rest is said. True when that is all about it. */
static bool aside(struct rpz *rpz, const struct zone_record *record)
{
	bool apex = ng_name_equal(&record->owner, &rpz->apex);
	if (record->type == NG_TYPE_SOA || (apex && record->type == NG_TYPE_NS))
		return true;
	if (is_dnssec(record->type)) {
		say(rpz, NG_WARNING, &record->place, "rpz-dnssec", "leave the zone unsigned",
		    "DNSSEC records are no rules; this one is ignored");
		return true;
	}
	if (apex) {
		say(rpz, record->type == NG_TYPE_CNAME ? NG_ERROR : NG_WARNING, &record->place,
		    "rpz-apex", "put the name that is meant before the zone's own",
		    "a record at the zone's own name triggers on nothing");
		return true;
	}
	if (record->type == NG_TYPE_CNAME)
		return false;
	bool no_action = record->type == NG_TYPE_DNAME || record->type == NG_TYPE_NS;
	say(rpz, NG_ERROR, &record->place, "rpz-action", "write CNAME . or CNAME rpz-passthru.",
	    no_action ? "DNAME and NS records are no actions"
		      : "local data is not supported yet by this version");
	return true;
}

static void record_read(struct rpz *rpz, const struct zone_record *record)
{
	struct builder_rule rule = {.trigger = NG_TRIGGER_NAME,
				    .line = record->place.line,
				    .column = record->place.column};
	if (aside(rpz, record) || trigger_read(rpz, record, &rule) != TAKEN ||
	    action_read(rpz, record, &rule) != TAKEN)
		return;
	if (rule.name.len == 1 && rule.action == NG_ACTION_PASSTHRU)
		say(rpz, NG_WARNING, &record->place, "rpz-everything", "name what is needed",
		    "the rule permits every name there is");
	builder_add(rpz->builder, &rule);
}

void rpz_read(struct builder *builder, const struct ng_source *source)
{
	struct rpz rpz = {.builder = builder};
	struct ng_place start = {source->path, 1, 1};
	struct zone_reader *reader;
	struct zone_record record;
	size_t errors = builder->diags->errors;
	if (!builder_file(builder, source->path, source->text, source->len))
		return;
	int code = zone_reader_create(source->path, source->text, source->len, source->origin,
				      builder->diags, &reader);
	if (code != NG_OK) {
		builder->error = code;
		return;
	}
	while ((code = zone_next(reader, &record)) == NG_OK || code == NG_E_SYNTAX) {
		if (code != NG_OK)
			continue;
		rpz.apex = *zone_origin(reader);
		record_read(&rpz, &record);
	}
	if (code != NG_E_NOTFOUND)
		builder->error = code;
	else if (zone_origin(reader) == NULL && builder->diags->errors == errors)
		say(&rpz, NG_ERROR, &start, "source-empty", "write an SOA record, then rules",
		    "the zone holds no record");
	else if (builder->n == 0 && builder->diags->errors == errors)
		say(&rpz, NG_WARNING, &start, "rpz-no-rule", "add a rule, or take the zone out",
		    "the zone holds no rule, so it permits nothing");
	zone_reader_destroy(reader);
}
