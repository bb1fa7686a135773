/*
 * Response Policy Zones, read as RPZ.md's table says. A record's owner is the trigger, its data the
 * action. Tables carry the standard: triggers by the last label of the owner, actions by the target
 * of the CNAME, overrides of the zone. What the standard has and a forwarder cannot do is warned of
 * with its place, because a rule that is passed over in silence reads as one that works.
 */
#include "policy/rpz.h"

#include "dns/zone.h"
#include "policy/rpz_address.h"
#include <namegate/message.h>
#include <string.h>

#define TTL_MAX 0x7fffffffu /* RFC 2181 8 */

#define EACH_MAX 8 /* warnings of one code with their places; the rest are counted */
#define CODES    8

enum stance { TAKEN = 0, REFUSED, WARNED };

struct rpz {
	struct builder *builder;
	struct {
		const char *code; /* static */
		size_t n;
	} warned[CODES];
	struct ng_name apex;
	enum ng_override override;
	struct ng_name target; /* of NG_OVERRIDE_CNAME */
};

/* A signed zone, or a feed of name servers, would drown every other finding. */
static bool too_many(struct rpz *rpz, const char *code)
{
	size_t i = 0;
	while (i < CODES && rpz->warned[i].code != NULL &&
	       strcmp(rpz->warned[i].code, code) != 0)
		i++;
	if (i == CODES)
		return false;
	rpz->warned[i].code = code;
	return ++rpz->warned[i].n > EACH_MAX;
}

static void tell_counts(struct rpz *rpz, const char *path)
{
	struct ng_place place = {path, 0, 0};
	for (size_t i = 0; i < CODES && rpz->warned[i].code != NULL; i++) {
		if (rpz->warned[i].n > EACH_MAX)
			ng_diag_add(rpz->builder->diags, NG_WARNING, &place,
				    rpz->warned[i].code, "the first of them tell what to do",
				    "%zu records of the zone have this finding, %d of them "
				    "are told",
				    rpz->warned[i].n, EACH_MAX);
	}
}

static void say(struct rpz *rpz, enum ng_severity severity, const struct ng_place *place,
		const char *code, const char *suggestion, const char *reason)
{
	if (severity == NG_WARNING && too_many(rpz, code))
		return;
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
	enum ng_trigger trigger;
	const char *code; /* of those that a forwarder cannot honour; NULL: it can */
} triggers[] = {
	{"rpz-ip", NG_TRIGGER_ANSWER, NULL},
	{"rpz-client-ip", NG_TRIGGER_CLIENT, NULL},
	{"rpz-nsdname", NG_TRIGGER_NAME, "rpz-nsdname"},
	{"rpz-nsip", NG_TRIGGER_NAME, "rpz-nsip"},
};
#define TRIGGERS (sizeof(triggers) / sizeof(triggers[0]))

static bool holds_asterisk(const struct ng_name *name)
{
	for (const uint8_t *label = name->wire; *label != 0; label += 1 + *label) {
		if (label_is(label, "*"))
			return true;
	}
	return false;
}

static enum stance trigger_address(struct rpz *rpz, const struct zone_record *record,
				   struct builder_rule *rule)
{
	const char *wrong = rpz_prefix_read(&rule->name, &rule->prefix);
	if (wrong == NULL)
		return TAKEN;
	ng_diag_add(rpz->builder->diags, NG_ERROR, &record->place, "rpz-address",
		    "write 24.0.2.0.192.rpz-ip for 192.0.2.0/24, 32.zz.db8.2001.rpz-ip for "
		    "2001:db8::/32",
		    "the trigger's address %s", wrong);
	return REFUSED;
}

/* By its last label a name is another trigger than a name. */
static enum stance trigger_by_label(struct rpz *rpz, const struct zone_record *record,
				    struct builder_rule *rule)
{
	const uint8_t *last = rule->name.wire;
	rule->trigger = NG_TRIGGER_NAME;
	while (last[1 + last[0]] != 0)
		last += 1 + last[0];
	for (size_t i = 0; i < TRIGGERS; i++) {
		if (!label_is(last, triggers[i].label))
			continue;
		rule->trigger = triggers[i].trigger;
		if (triggers[i].code == NULL)
			return trigger_address(rpz, record, rule);
		say(rpz, NG_WARNING, &record->place, triggers[i].code,
		    "name the names themselves",
		    "a forwarder never sees authoritative servers, so this rule never applies");
		return WARNED;
	}
	if (!label_begins(last, "rpz-"))
		return TAKEN;
	say(rpz, NG_ERROR, &record->place, "rpz-trigger",
	    "see the triggers of the RPZ standard",
	    "the owner ends in a trigger that does not exist");
	return REFUSED;
}

/* "_443" as a number; 0 when it is none, or no port. */
static uint32_t port_of(const uint8_t *label)
{
	uint32_t port = 0;
	for (size_t i = 2; i <= label[0] && port <= UINT16_MAX; i++)
		port = port * 10 + (uint32_t)(label[i] - '0');
	return port <= UINT16_MAX && label[2] != '0' ? port : 0;
}

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

/* Owner names such as _443._tcp.github.com bound the allow of github.com to a port (RFC 6698 3). */
static enum stance trigger_port(struct rpz *rpz, const struct zone_record *record,
				struct builder_rule *rule)
{
	uint32_t port = port_of(rule->name.wire);
	bool tcp = label_is(rule->name.wire + 1 + rule->name.wire[0], "_tcp");
	rule->bounds.ports[0] = (struct ng_port){tcp ? 6 : 17, (uint16_t)port};
	rule->bounds.n_ports = 1;
	if (port != 0 && ng_name_parent(&rule->name) && ng_name_parent(&rule->name) &&
	    rule->name.len > 1)
		return TAKEN;
	say(rpz, NG_ERROR, &record->place, "rpz-port", "write _443._tcp.NAME",
	    "the owner bounds a port that there is not, or no name");
	return REFUSED;
}

/* What a record's owner triggers on, below the zone's own name; not for the apex. */
static enum stance trigger_read(struct rpz *rpz, const struct zone_record *record,
				struct builder_rule *rule)
{
	struct ng_name *name = &rule->name;
	size_t n = (size_t)record->owner.len - rpz->apex.len;
	*name = record->owner;
	name->wire[n] = 0;
	name->len = (uint8_t)(n + 1);
	ng_name_lower(name);
	enum stance stance = trigger_by_label(rpz, record, rule);
	if (stance != TAKEN || rule->trigger != NG_TRIGGER_NAME)
		return stance;
	if (is_port_owner(name))
		stance = trigger_port(rpz, record, rule);
	if (stance != TAKEN)
		return stance;
	rule->wildcard = label_is(name->wire, "*");
	if (rule->wildcard && !ng_name_parent(name))
		return REFUSED;
	if (!holds_asterisk(name))
		return TAKEN;
	say(rpz, NG_ERROR, &record->place, "rpz-wildcard",
	    "put the asterisk first, or list the names",
	    "an asterisk is a wildcard only as the first label");
	return REFUSED;
}

/* ---- actions ---- */

static const struct {
	const char *label; /* of a target that has no other */
	enum ng_rule_action action;
} actions[] = {
	{"*", NG_ACTION_NODATA},
	{"rpz-passthru", NG_ACTION_PASSTHRU},
	{"rpz-drop", NG_ACTION_DROP},
	{"rpz-tcp-only", NG_ACTION_TCP_ONLY},
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
		return TAKEN;
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

static void local_of(const struct zone_record *record, struct builder_rule *rule)
{
	rule->action = NG_ACTION_LOCAL;
	rule->local =
		(struct ng_local){record->type, record->ttl, record->rdata, record->rdlen};
}

/* A CNAME to any other name is local data: an alias, or with an asterisk a garden (A7). */
static enum stance action_alias(struct rpz *rpz, const struct zone_record *record,
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
	if (target_is_owner(&target, record, &rpz->apex)) {
		say(rpz, NG_ERROR, &record->data, "rpz-old-passthru",
		    "write CNAME rpz-passthru.",
		    "a CNAME to the owner itself is the old way to permit a name");
		return REFUSED;
	}
	local_of(record, rule);
	return TAKEN;
}

/* Queries for it, transfers, signatures of messages: nothing that an answer holds. */
static bool is_meta(uint16_t type)
{
	return type == 0 || type == NG_TYPE_OPT || (type >= 128 && type <= 255);
}

static void warn_never(struct rpz *rpz, const struct zone_record *record)
{
	bool a = record->type == NG_TYPE_A && record->rdlen == 4;
	bool aaaa = record->type == NG_TYPE_AAAA && record->rdlen == 16;
	struct ng_addr addr = {0};
	if (!a && !aaaa)
		return;
	addr = ng_addr_make(a ? NG_IPV4 : NG_IPV6, record->rdata);
	if (ng_addr_reach(&addr) == NG_REACH_NEVER)
		say(rpz, NG_WARNING, &record->data, "rpz-never", "write CNAME *. for no data",
		    "this address is never opened, so the answer comes without it");
}

static enum stance action_data(struct rpz *rpz, const struct zone_record *record,
			       struct builder_rule *rule)
{
	const char *wrong = NULL;
	if (record->type == NG_TYPE_DNAME || record->type == NG_TYPE_NS)
		wrong = "DNAME and NS records are no actions";
	else if (record->type == NG_TYPE_SVCB || record->type == NG_TYPE_HTTPS)
		wrong = "local data of a type that carries addresses beside A and AAAA cannot "
			"be leased";
	else if (is_meta(record->type))
		wrong = "the record is of a type that no answer holds";
	if (wrong != NULL) {
		say(rpz, NG_ERROR, &record->place, "rpz-action",
		    "write CNAME . or CNAME rpz-passthru.", wrong);
		return REFUSED;
	}
	warn_never(rpz, record);
	local_of(record, rule);
	return TAKEN;
}

static bool permits(enum ng_rule_action action)
{
	return action == NG_ACTION_PASSTHRU || action == NG_ACTION_TCP_ONLY;
}

static enum stance action_read(struct rpz *rpz, const struct zone_record *record,
			       struct builder_rule *rule)
{
	enum stance stance = record->type == NG_TYPE_CNAME ? action_alias(rpz, record, rule)
							   : action_data(rpz, record, rule);
	if (stance != TAKEN || rule->bounds.n_ports == 0 || permits(rule->action))
		return stance;
	say(rpz, NG_ERROR, &record->data, "rpz-port",
	    "write CNAME rpz-passthru., or name the host without the port",
	    "a port bounds what is permitted, and this action permits nothing");
	return REFUSED;
}

/* ---- overrides ---- */

static const enum ng_rule_action overrides[] = {
	[NG_OVERRIDE_PASSTHRU] = NG_ACTION_PASSTHRU,
	[NG_OVERRIDE_DROP] = NG_ACTION_DROP,
	[NG_OVERRIDE_TCP_ONLY] = NG_ACTION_TCP_ONLY,
	[NG_OVERRIDE_NXDOMAIN] = NG_ACTION_NXDOMAIN,
	[NG_OVERRIDE_NODATA] = NG_ACTION_NODATA,
	[NG_OVERRIDE_CNAME] = NG_ACTION_LOCAL,
};

/* What the zone is configured to say instead of what it says (O1). */
static void override_rule(const struct rpz *rpz, const struct zone_record *record,
			  struct builder_rule *rule)
{
	if (rpz->override == NG_OVERRIDE_GIVEN || rpz->override == NG_OVERRIDE_DISABLED)
		return;
	rule->action = overrides[rpz->override];
	if (!permits(rule->action))
		rule->bounds = (struct ng_bounds){0};
	if (rule->action == NG_ACTION_LOCAL)
		rule->local = (struct ng_local){NG_TYPE_CNAME, record->ttl, rpz->target.wire,
						rpz->target.len};
}

static bool override_read(struct rpz *rpz, const struct ng_source *source)
{
	struct ng_place place = {source->path, 0, 0};
	const char *target = source->override_target;
	rpz->override = source->override;
	rpz->builder->ports_bound = true;
	rpz->builder->disabled = source->override == NG_OVERRIDE_DISABLED;
	rpz->builder->overridden =
		source->override != NG_OVERRIDE_GIVEN && !rpz->builder->disabled;
	if (source->override != NG_OVERRIDE_CNAME ||
	    (target != NULL &&
	     ng_name_from_text(target, strlen(target), &rpz->target) == NG_OK &&
	     rpz->target.len > 1))
		return true;
	say(rpz, NG_ERROR, &place, "rpz-override", "name the target, such as garden.example.",
	    "the override cname needs the name of its target");
	return false;
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
	return false;
}

static void record_read(struct rpz *rpz, const struct zone_record *record)
{
	struct builder_rule rule = {.trigger = NG_TRIGGER_NAME,
				    .line = record->place.line,
				    .column = record->place.column};
	if (aside(rpz, record) || trigger_read(rpz, record, &rule) != TAKEN ||
	    action_read(rpz, record, &rule) != TAKEN)
		return;
	override_rule(rpz, record, &rule);
	if (!permits(rule.action) && rule.action != NG_ACTION_LOCAL)
		rule.denial_ttl = (record->ttl < TTL_MAX ? record->ttl : TTL_MAX) + 1;
	if (rule.trigger == NG_TRIGGER_NAME && rule.name.len == 1 &&
	    rule.action == NG_ACTION_PASSTHRU)
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
	size_t errors = builder->diags->errors, records = 0;
	if (!builder_file(builder, source->path, source->text, source->len) ||
	    !override_read(&rpz, source))
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
		records++;
		rpz.apex = *zone_origin(reader);
		record_read(&rpz, &record);
	}
	if (code != NG_E_NOTFOUND)
		builder->error = code;
	else if (records == 0 && builder->diags->errors == errors)
		say(&rpz, NG_ERROR, &start, "source-empty", "write an SOA record, then rules",
		    "the zone holds no record");
	else if (builder->n == 0 && builder->diags->errors == errors)
		say(&rpz, NG_WARNING, &start, "rpz-no-rule", "add a rule, or take the zone out",
		    "the zone holds no rule, so it permits nothing");
	tell_counts(&rpz, source->path);
	zone_reader_destroy(reader);
}
