/*
 * The facts about one name. The verdict is asked of the policy the way the engine asks it before
 * anything is sent; what follows from it (reply, route, filter, lease) is told for the answer that
 * upstream might give.
 */
#include "config.h"

#include "offline/explain_words.h"

#include "policy/idn.h"
#include "policy/ruleset.h"

#include <namegate/message.h>
#include <stdlib.h>
#include <string.h>

/* ---- the question ---- */

const char *explain_name(const char *written, struct ng_name *out)
{
	char ascii[NG_NAME_TEXT_MAX];
	struct ng_name name;
	if (strstr(written, "://") != NULL)
		return "it is a URL";
	const char *wrong = idn_to_ascii(written, strlen(written), ascii, sizeof(ascii));
	if (wrong != NULL)
		return wrong;
	int code = ng_name_from_text(ascii, strlen(ascii), &name);
	if (code != NG_OK)
		return code == NG_E_RANGE ? "a label has over 63 octets, or the name over 255"
					  : "it has an empty label or a character that no "
					    "name has";
	ng_name_lower(&name);
	*out = name;
	return NULL;
}

static bool has_source(const struct ng_sandbox *spec, const struct ng_addr *client)
{
	for (uint8_t i = 0; i < spec->n_sources; i++) {
		if (ng_prefix_contains(&spec->sources[i], client))
			return true;
	}
	return spec->n_sources == 0;
}

struct ng_addr explain_client(const struct ng_sandbox *spec)
{
	for (uint8_t i = 0; i < spec->n_sources; i++) {
		if (ng_prefix_is_host(&spec->sources[i]))
			return spec->sources[i].addr;
	}
	return (struct ng_addr){0};
}

bool explain_watches_clients(const struct ng_policy *policy)
{
	for (int scope = NG_SCOPE_GLOBAL; scope < NG_SCOPES; scope++) {
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
			if (ruleset_watches(policy->scopes[scope].sources[i],
					    NG_TRIGGER_CLIENT))
				return true;
		}
	}
	return false;
}

static int read_question(struct explained *explained, const struct explain_question *question)
{
	const struct ng_sandbox *spec = explained->sandbox->spec;
	explained->written = question->written;
	explained->type = question->type;
	if (explain_name(question->written, explained->names) != NULL)
		return NG_E_FORMAT;
	ng_name_to_text(explained->names, explained->text);
	if (question->client != NULL && !has_source(spec, question->client))
		return NG_E_RANGE;
	explained->client = question->client != NULL ? *question->client : explain_client(spec);
	explained->client_wanted =
		ng_addr_len(&explained->client) == 0 && explain_watches_clients(&spec->policy);
	explained->subject = (struct ng_subject){
		.names = explained->names,
		.n_names = 1,
		.client = ng_addr_len(&explained->client) > 0 ? &explained->client : NULL,
	};
	return NG_OK;
}

/* ---- the route, and what may be opened ---- */

static void find_route(struct explained *explained)
{
	const struct setup *setup = explained->setup;
	size_t index = setup_route_of(setup, explained->sandbox, explained->names);
	explained->route = &setup->routes[index];
	explained->route_conf = setup->conf != NULL ? &setup->conf->routes[index] : NULL;
	explain_open_sandbox(&explained->opened, setup, explained->sandbox);
	explain_open_route(&explained->opened, setup, index);
	size_t last = setup_route_of(setup, explained->sandbox,
				     &explained->names[explained->subject.n_names - 1]);
	if (last != index) /* it is the owner of an address whose zone counts */
		explain_open_route(&explained->opened, setup, last);
}

/* What the rules that speak open with `private=`. */
static void find_opened_rules(struct explained *explained)
{
	for (size_t i = 0; i < explained->why.n_candidates; i++) {
		const struct ng_candidate *item = &explained->why.candidates[i];
		struct explain_opened one = {
			.by = EXPLAIN_BY_RULE,
			.place = {item->match.path, item->match.line, item->match.column}};
		struct ng_bounds bounds;
		if (item->outcome > NG_OUTCOME_UNASKED || item->approval)
			continue;
		ng_match_bounds(&item->match, &bounds);
		for (uint8_t j = 0; j < bounds.n_opened; j++) {
			one.prefix = bounds.opened[j];
			explain_open(&explained->opened, &one);
		}
	}
}

/* ---- the reply ---- */

static bool takes_type(const struct ng_bounds *bounds, uint16_t type)
{
	if (bounds->n_types == 0)
		return type == NG_TYPE_A || type == NG_TYPE_AAAA;
	for (uint8_t i = 0; i < bounds->n_types; i++)
		if (bounds->types[i] == type)
			return true;
	return false;
}

/* The same order as the engine's: lockdown, the rule's action, names above allowed ones. */
static enum explain_reply denial_of(const struct explained *explained)
{
	const struct ng_decision *decision = &explained->why.decision;
	const struct ng_sandbox *spec = explained->sandbox->spec;
	if (spec->mode == NG_LOCKDOWN)
		return EXPLAIN_NXDOMAIN;
	if (decision->matched)
		return decision->match.action == NG_ACTION_NODATA ? EXPLAIN_NODATA
		       : decision->match.action == NG_ACTION_DROP ? EXPLAIN_SILENCE
								  : EXPLAIN_NXDOMAIN;
	return explained->settings.ancestor_nodata &&
			       ng_policy_has_below(&spec->policy, explained->names)
		       ? EXPLAIN_NODATA
		       : EXPLAIN_NXDOMAIN;
}

bool explain_serves(const struct explained *explained, size_t n_names)
{
	const struct ng_subject subject = {.names = explained->names,
					   .n_names = n_names,
					   .client = explained->subject.client};
	struct ng_decision decision;
	ng_policy_judge(&explained->sandbox->spec->policy, &subject, &decision);
	return decision.verdict == NG_ALLOW && decision.match.action == NG_ACTION_LOCAL;
}

static enum explain_reply passing_of(const struct explained *explained)
{
	const struct ng_decision *decision = &explained->why.decision;
	enum ng_rule_action action =
		decision->verdict == NG_ALLOW ? decision->match.action : NG_ACTION_PASSTHRU;
	if (explained->sandbox->spec->no_aaaa && explained->type == NG_TYPE_AAAA)
		return EXPLAIN_NODATA;
	if (action == NG_ACTION_LOCAL && explain_serves(explained, 1))
		return EXPLAIN_LOCAL;
	if (!takes_type(&explained->why.bounds, explained->type))
		return EXPLAIN_NODATA;
	if (action == NG_ACTION_LOCAL)
		return EXPLAIN_REPLACED;
	return action == NG_ACTION_TCP_ONLY ? EXPLAIN_TCP : EXPLAIN_UPSTREAM;
}

/* The rule's own record is an alias, whose target is asked for. */
static bool leads_on(const struct explained *explained)
{
	struct ng_local local;
	if (explained->reply != EXPLAIN_LOCAL || explained->type == NG_TYPE_CNAME)
		return false;
	for (uint32_t cursor = 0;
	     ng_match_local(&explained->why.decision.match, &cursor, &local);) {
		if (local.type == NG_TYPE_CNAME)
			return true;
	}
	return false;
}

/* A name that is special, unless policy itself denies it or has its data, as the gate has it. */
static enum ng_special special_of(const struct explained *explained)
{
	const struct setup *setup = explained->setup;
	const struct ng_name *name = explained->names;
	const struct ng_name *zone =
		&setup->routes[setup_route_of(setup, explained->sandbox, name)].zone;
	enum ng_special special = ng_special_of(name);
	if (explained->sandbox->spec->mode == NG_LOCKDOWN ||
	    explained->reply == EXPLAIN_LOCAL ||
	    (explained->why.decision.matched && !explained->passes))
		return NG_SPECIAL_NONE;
	if (special != NG_SPECIAL_INSIDE)
		return special;
	return explained->reply > EXPLAIN_LOCAL && ng_special_stays(name, zone)
		       ? special
		       : NG_SPECIAL_NONE;
}

static void find_special(struct explained *explained)
{
	bool addresses = explained->type == NG_TYPE_A || explained->type == NG_TYPE_AAAA;
	explained->special = special_of(explained);
	if (explained->special == NG_SPECIAL_LOOPBACK)
		explained->reply = addresses ? EXPLAIN_LOOPBACK : EXPLAIN_NODATA;
	else if (explained->special != NG_SPECIAL_NONE)
		explained->reply = explained->special == NG_SPECIAL_NODATA ? EXPLAIN_NODATA
									   : EXPLAIN_NXDOMAIN;
}

static void find_reply(struct explained *explained)
{
	enum ng_mode mode = explained->sandbox->spec->mode;
	enum ng_verdict verdict = explained->why.decision.verdict;
	if (mode == NG_LOCKDOWN) {
		explained->why.decision.verdict = NG_DENY;
		explained->why.bounds = (struct ng_bounds){0};
	}
	explained->passes = mode == NG_OBSERVE || (mode == NG_ENFORCE && verdict == NG_ALLOW);
	explained->reply = explained->passes ? passing_of(explained) : denial_of(explained);
	find_special(explained);
	explained->asks = explained->reply > EXPLAIN_LOCAL || leads_on(explained);
}

/* ---- why, in a sentence ---- */

static void hint_near(struct explained *explained)
{
	struct ng_near near;
	char owner[NG_NAME_TEXT_MAX];
	if (!ng_explain_near(&explained->sandbox->spec->policy, explained->names, &near))
		return;
	ng_name_to_text(&near.owner, owner);
	if (near.kind == NG_NEAR_APEX)
		snprintf(explained->hint, EXPLAIN_TEXT,
			 "%s:%u has *.%s, which does not cover %s itself; write .%s for both",
			 near.match.path, near.match.line, owner, owner, owner);
	else
		snprintf(explained->hint, EXPLAIN_TEXT,
			 "%s:%u has %s, which covers that name alone; add %s, or *.%s for all "
			 "below it",
			 near.match.path, near.match.line, owner, explained->text, owner);
}

static void hint_type(struct explained *explained)
{
	if (explained->passes && explained->sandbox->spec->no_aaaa &&
	    explained->type == NG_TYPE_AAAA) {
		snprintf(explained->hint, EXPLAIN_TEXT, "AAAA is off for sandbox %s",
			 explained->sandbox->spec->name);
		return;
	}
	if (explained->passes && explained->reply == EXPLAIN_NODATA &&
	    explained->special == NG_SPECIAL_NONE)
		snprintf(explained->hint, EXPLAIN_TEXT, "%s",
			 explained->why.bounds.n_types == 0
				 ? "only questions for A and AAAA are forwarded, so this one "
				   "is not"
				 : "the rule forwards other types, not this one");
}

void explain_reason(const struct ng_sandbox *spec, const struct ng_decision *decision,
		    const char *owner, char out[static EXPLAIN_TEXT])
{
	const char *observed = spec->mode == NG_OBSERVE && decision->verdict != NG_ALLOW
				       ? "; the sandbox is only observed, so it is answered "
					 "and recorded"
				       : "";
	if (spec->mode == NG_LOCKDOWN)
		snprintf(out, EXPLAIN_TEXT, "sandbox %s is in lockdown: nothing is allowed",
			 spec->name);
	else if (!decision->matched)
		snprintf(out, EXPLAIN_TEXT, "no rule: default deny%s", observed);
	else if (decision->verdict == NG_ALLOW)
		snprintf(out, EXPLAIN_TEXT, "the rule %s allows it", owner);
	else if (decision->verdict == NG_ASK)
		snprintf(out, EXPLAIN_TEXT,
			 "the rule %s says to ask: it is denied until somebody approves it%s",
			 owner, observed);
	else
		snprintf(out, EXPLAIN_TEXT, "the rule %s denies it%s", owner, observed);
}

bool explain_budget(const struct explained *explained, uint32_t *out)
{
	const struct ng_sandbox *spec = explained->sandbox->spec;
	const struct ng_decision *decision = &explained->why.decision;
	uint32_t octets = spec->budget != 0 ? spec->budget : explained->settings.budget;
	if (octets == NG_BUDGET_OFF || spec->mode == NG_OBSERVE || !ng_decision_wild(decision))
		return false;
	*out = octets;
	return true;
}

static void say_why(struct explained *explained)
{
	static const char *const specials[] = {
		[NG_SPECIAL_LOOPBACK] = "localhost is the sandbox itself, whatever policy says",
		[NG_SPECIAL_INSIDE] =
			"a special-use name: it is asked of a forward zone of its "
			"own only, and there is none",
		[NG_SPECIAL_NODATA] = "the name leads to other resolvers, so it never has data",
		[NG_SPECIAL_NXDOMAIN] =
			"the name turns on other resolvers, so it never exists"};
	const struct ng_sandbox *spec = explained->sandbox->spec;
	const struct ng_decision *decision = &explained->why.decision;
	char owner[EXPLAIN_OWNER] = "";
	if (explained->special != NG_SPECIAL_NONE) {
		snprintf(explained->reason, EXPLAIN_TEXT, "%s", specials[explained->special]);
		return;
	}
	if (decision->matched)
		explain_decider(explained, owner);
	explain_reason(spec, decision, owner, explained->reason);
	if (!decision->matched && spec->mode != NG_LOCKDOWN)
		hint_near(explained);
}

/* What is allowed may still come to nothing: an alias without a rule, say. */
static void hear_trial(struct explained *explained)
{
	const struct ng_record *record = &explained->result.record;
	explained->allowed = explained->special == NG_SPECIAL_LOOPBACK ||
			     (explained->why.decision.verdict == NG_ALLOW &&
			      explained->special == NG_SPECIAL_NONE);
	explained->asks |= explained->trial != NULL && explained->result.n_asked > 0;
	if (!explained->allowed || explained->trial == NULL || record->verdict == NG_ALLOW)
		return;
	explained->allowed = false;
	if (record->reason != NULL)
		snprintf(explained->hint, EXPLAIN_TEXT, "%s", record->reason);
}

/* Who holds which addresses is known to a running gate alone. */
static void hint_reverse(struct explained *explained)
{
	struct ng_addr addr;
	char text[NG_NAME_TEXT_MAX];
	if (explained->type != NG_TYPE_PTR || explained->reply == EXPLAIN_LOCAL ||
	    explained->sandbox->spec->mode == NG_LOCKDOWN ||
	    (explained->why.decision.matched && !explained->passes) ||
	    !ng_reverse_addr(explained->names, &addr))
		return;
	snprintf(explained->hint, EXPLAIN_TEXT,
		 "while the sandbox has %s open, the answer is the name that opened it",
		 ng_addr_format(&addr, text));
}

/* Everything that follows from the verdict. */
static void conclude(struct explained *explained)
{
	find_reply(explained);
	find_route(explained);
	find_opened_rules(explained);
	say_why(explained);
	hint_type(explained);
	hint_reverse(explained);
	hear_trial(explained);
}

static int make(struct explained *explained, const struct explain_question *question)
{
	int code = read_question(explained, question);
	if (code == NG_OK && question->world != NULL)
		code = explain_follow(explained, question->world);
	if (code == NG_OK)
		code = ng_explain(&explained->sandbox->spec->policy, &explained->subject,
				  &explained->why);
	if (code != NG_OK)
		return code;
	explained->settings = ng_settings_full(&explained->setup->settings);
	conclude(explained);
	return explained->opened.failed ? NG_E_NOMEM : NG_OK;
}

int explain_make(const struct setup *setup, const struct setup_sandbox *sandbox,
		 const struct explain_question *question, struct explained **out)
{
	struct explained *explained = calloc(1, sizeof(*explained));
	if (explained == NULL)
		return NG_E_NOMEM;
	explained->setup = setup;
	explained->sandbox = sandbox;
	int code = make(explained, question);
	if (code != NG_OK) {
		explain_free(explained);
		return code;
	}
	*out = explained;
	return NG_OK;
}

void explain_free(struct explained *explained)
{
	if (explained == NULL)
		return;
	ng_explanation_finish(&explained->why);
	free(explained->opened.items);
	trial_free(explained->trial);
	free(explained);
}
