/* Words of explanations that stand in the text as in the JSON form. */
#include "config.h"

#include "offline/explain_words.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const explain_verdicts[] = {
	[NG_DENY] = "deny", [NG_ASK] = "ask", [NG_ALLOW] = "allow"};
const char *const explain_scopes[] = {[NG_SCOPE_GLOBAL] = "global",
				      [NG_SCOPE_GROUP] = "group",
				      [NG_SCOPE_SANDBOX] = "sandbox"};
const char *const explain_modes[] = {
	[NG_LOCKDOWN] = "lockdown", [NG_ENFORCE] = "enforce", [NG_OBSERVE] = "observe"};
const char *const explain_actions[] = {
	[NG_ACTION_NXDOMAIN] = "nxdomain", [NG_ACTION_NODATA] = "nodata",
	[NG_ACTION_PASSTHRU] = "passthru", [NG_ACTION_ASK] = "ask",
	[NG_ACTION_DROP] = "drop",         [NG_ACTION_TCP_ONLY] = "tcp-only",
	[NG_ACTION_LOCAL] = "local"};
const char *const explain_says[] = {
	[NG_ACTION_NXDOMAIN] = "deny",  [NG_ACTION_NODATA] = "no data",
	[NG_ACTION_PASSTHRU] = "allow", [NG_ACTION_ASK] = "ask",
	[NG_ACTION_DROP] = "drop",      [NG_ACTION_TCP_ONLY] = "over TCP",
	[NG_ACTION_LOCAL] = "own data"};
const char *const explain_triggers[] = {[NG_TRIGGER_CLIENT] = "client",
					[NG_TRIGGER_NAME] = "name",
					[NG_TRIGGER_ANSWER] = "answer"};
const char *const explain_openers[] = {[EXPLAIN_BY_SANDBOX] = "sandbox",
				       [EXPLAIN_BY_GROUP] = "group",
				       [EXPLAIN_BY_FORWARD] = "forward",
				       [EXPLAIN_BY_RULE] = "rule"};
const char *const explain_outcomes[] = {
	[NG_OUTCOME_DECIDES] = "decides",           [NG_OUTCOME_JOINS] = "joins",
	[NG_OUTCOME_OVERRULED] = "overruled",       [NG_OUTCOME_APPROVED] = "approved",
	[NG_OUTCOME_REFUSED] = "refused",           [NG_OUTCOME_UNASKED] = "unasked",
	[NG_OUTCOME_DISABLED] = "disabled",         [NG_OUTCOME_LATER_LINK] = "later-link",
	[NG_OUTCOME_LATER_SOURCE] = "later-source", [NG_OUTCOME_DENIED_FIRST] = "denied-first",
	[NG_OUTCOME_TRIGGER] = "trigger",           [NG_OUTCOME_LABELS] = "labels",
	[NG_OUTCOME_WILDCARD] = "wildcard",         [NG_OUTCOME_PREFIX] = "prefix"};
const char *const explain_replies[] = {[EXPLAIN_NXDOMAIN] = "NXDOMAIN",
				       [EXPLAIN_NODATA] = "NOERROR without data",
				       [EXPLAIN_SILENCE] = "none at all",
				       [EXPLAIN_LOOPBACK] = "its own loopback address",
				       [EXPLAIN_LOCAL] = "the rule's own records",
				       [EXPLAIN_REPLACED] =
					       "the rule's own records, once upstream "
					       "has answered",
				       [EXPLAIN_TCP] = "from upstream, over TCP only",
				       [EXPLAIN_UPSTREAM] = "from upstream"};

/* ---- rules ---- */

const char *explain_owner(const struct ng_match *match, const struct ng_name *name,
			  char out[static EXPLAIN_OWNER])
{
	char text[NG_NAME_TEXT_MAX];
	if (match->trigger != NG_TRIGGER_NAME) {
		snprintf(out, EXPLAIN_OWNER, "%s %s", explain_triggers[match->trigger],
			 ng_prefix_format(&match->prefix, text));
		return out;
	}
	struct ng_name owner = ng_match_owner(match, name);
	if (match->wildcard && owner.len == 1)
		snprintf(out, EXPLAIN_OWNER, "*");
	else
		snprintf(out, EXPLAIN_OWNER, "%s%s", match->wildcard ? "*." : "",
			 ng_name_to_text(&owner, text));
	return out;
}

const char *explain_decider(const struct explained *explained, char out[static EXPLAIN_OWNER])
{
	const struct ng_candidate *item = &explained->why.candidates[explained->why.decider];
	return explain_owner(&item->match, &explained->names[item->link], out);
}

static const char *does(const struct ng_match *match)
{
	switch (ng_action_verdict(match->action)) {
	case NG_DENY:
		return "denies it";
	case NG_ASK:
		return "says to ask";
	default:
		return match->action == NG_ACTION_PASSTHRU ? "allows it"
							   : "allows it another way";
	}
}

static const char *trigger_order(const struct ng_match *speaker)
{
	return speaker->trigger == NG_TRIGGER_CLIENT
		       ? "rules for clients come first in a zone"
		       : "rules for names come before those for answers in a zone";
}

/* What follows "PATH:LINE " when that rule had precedence. */
static const char *fate_by(const struct ng_candidate *item, const struct ng_match *speaker)
{
	switch (item->outcome) {
	case NG_OUTCOME_LATER_LINK:
		return "speaks: its name comes earlier in the alias chain";
	case NG_OUTCOME_LATER_SOURCE:
		return "speaks: its source is listed first";
	case NG_OUTCOME_DENIED_FIRST:
		return "denies the name, before any address is looked at";
	case NG_OUTCOME_TRIGGER:
		return trigger_order(speaker);
	case NG_OUTCOME_LABELS:
		return "speaks: it has more labels";
	case NG_OUTCOME_WILDCARD:
		return "speaks: the exact name comes before wildcards";
	case NG_OUTCOME_PREFIX:
		return "speaks: its prefix is longer, or its address smaller";
	default:
		return "";
	}
}

static const char *fate_alone(enum ng_outcome outcome)
{
	switch (outcome) {
	case NG_OUTCOME_DECIDES:
		return "decides";
	case NG_OUTCOME_DISABLED:
		return "its zone is disabled: it only leaves a record";
	default:
		return "speaks of an alias or an address, and no rule lets the name be asked";
	}
}

static void fate_beside(const struct explained *explained, const struct ng_candidate *item,
			const struct ng_candidate *by, char *out)
{
	bool allowed = explained->why.decision.verdict == NG_ALLOW;
	if (item->outcome == NG_OUTCOME_APPROVED)
		snprintf(out, EXPLAIN_TEXT, "an approval answers what it asks");
	else if (item->outcome == NG_OUTCOME_REFUSED)
		snprintf(out, EXPLAIN_TEXT, "a refusal answers what it asks");
	else if (item->outcome == NG_OUTCOME_JOINS)
		snprintf(out, EXPLAIN_TEXT, "%s:%u of the %s scope says the same%s",
			 by->match.path, by->match.line, explain_scopes[by->scope],
			 allowed ? ", and the bounds of both count" : "");
	else
		snprintf(out, EXPLAIN_TEXT, "overruled: %s:%u of the %s scope %s",
			 by->match.path, by->match.line, explain_scopes[by->scope],
			 does(&by->match));
}

const char *explain_fate(const struct explained *explained, size_t candidate,
			 char out[static EXPLAIN_TEXT])
{
	const struct ng_candidate *item = &explained->why.candidates[candidate];
	const struct ng_candidate *by = &explained->why.candidates[item->by];
	if (by == item)
		snprintf(out, EXPLAIN_TEXT, "%s", fate_alone(item->outcome));
	else if (item->outcome < NG_OUTCOME_UNASKED)
		fate_beside(explained, item, by, out);
	else
		snprintf(out, EXPLAIN_TEXT, "%s:%u %s", by->match.path, by->match.line,
			 fate_by(item, &by->match));
	return out;
}

const char *explain_until(const struct ng_match *match, char out[static 32])
{
	time_t until = (time_t)ng_match_until(match);
	struct tm when;
	out[0] = '\0';
	if (until != 0 && gmtime_r(&until, &when) != NULL)
		strftime(out, 32, "; it ends %Y-%m-%dT%H:%MZ", &when);
	return out;
}

/* ---- ports and servers ---- */

const char *explain_port(struct ng_port port, char out[static 16])
{
	snprintf(out, 16, "%s/%u", port.proto == 17 ? "udp" : "tcp", (unsigned)port.port);
	return out;
}

/* ---- what is opened ---- */

const char *explain_opener(const struct explain_opened *opened, char out[static EXPLAIN_TEXT])
{
	char zone[NG_NAME_TEXT_MAX];
	const char *by = explain_openers[opened->by];
	if (opened->by == EXPLAIN_BY_RULE)
		snprintf(out, EXPLAIN_TEXT, "%s %s:%u", by, opened->place.path,
			 opened->place.line);
	else
		snprintf(out, EXPLAIN_TEXT, "%s %s (%s:%u)", by,
			 opened->zone != NULL ? ng_name_to_text(opened->zone, zone)
					      : opened->name,
			 opened->place.path, opened->place.line);
	return out;
}

void explain_open(struct explain_openeds *openeds, const struct explain_opened *one)
{
	struct explain_opened *grown =
		realloc(openeds->items, (openeds->n + 1) * sizeof(*grown));
	openeds->failed |= grown == NULL;
	if (grown == NULL)
		return;
	openeds->items = grown;
	openeds->items[openeds->n++] = *one;
}

static void open_all(struct explain_openeds *openeds, struct explain_opened one,
		     const struct ng_prefix *prefixes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		one.prefix = prefixes[i];
		explain_open(openeds, &one);
	}
}

void explain_open_sandbox(struct explain_openeds *openeds, const struct setup *setup,
			  const struct setup_sandbox *sandbox)
{
	const struct conf_sandbox *conf = sandbox->conf;
	if (conf == NULL)
		return;
	open_all(openeds,
		 (struct explain_opened){
			 .by = EXPLAIN_BY_SANDBOX, .name = conf->name, .place = conf->place},
		 conf->opened, conf->n_opened);
	const struct conf_group *group = conf_group_find(setup->conf, conf->group);
	if (group != NULL)
		open_all(openeds,
			 (struct explain_opened){.by = EXPLAIN_BY_GROUP,
						 .name = group->name,
						 .place = group->place},
			 group->opened, group->n_opened);
}

void explain_open_route(struct explain_openeds *openeds, const struct setup *setup,
			size_t route)
{
	if (setup->conf == NULL)
		return;
	const struct conf_route *conf = &setup->conf->routes[route];
	open_all(openeds,
		 (struct explain_opened){
			 .by = EXPLAIN_BY_FORWARD, .zone = &conf->zone, .place = conf->place},
		 conf->opened, conf->n_opened);
}
