/*
 * `namegate explain`: what would the gate decide, and why? From the files alone, with the same
 * compiler and the same decision as the daemon's, so that the two cannot disagree.
 *
 * A refusal by default has no rule to show. Then the rules nearby are asked: most refusals that
 * surprise come from an apex that its wildcard does not cover, or the other way round.
 */
#include "config.h"

#include "cli/output.h"
#include "cli/policies.h"
#include "cli/verbs.h"
#include "conf/conf.h"

#include <getopt.h>
#include <namegate/message.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: namegate explain [--json] [-c FILE] SANDBOX NAME [TYPE]\n"
	"       namegate explain [--json] --policy FILE... SANDBOX NAME [TYPE]\n\n"
	"Tells from the files alone what the gate would decide when SANDBOX asks for NAME: "
	"the\n"
	"verdict, the rule with its file and line, where the question would go, and why. TYPE "
	"is A\n"
	"when it is left out.\n\n"
	"  -c, --config FILE  the configuration; " CONF_PATH " when left out\n"
	"  -p, --policy FILE  judge by this list or zone instead of a configuration; SANDBOX "
	"may\n"
	"                     then be any name; may be given several times, the first speaks "
	"first\n"
	"      --json         one JSON object instead of text\n\n"
	"Exit codes: 0 allowed, 1 denied, 2 the files or the question cannot be used.\n";

static const char *const verdicts[] = {
	[NG_DENY] = "deny", [NG_ASK] = "ask", [NG_ALLOW] = "allow"};
static const char *const scopes[] = {[NG_SCOPE_GLOBAL] = "global",
				     [NG_SCOPE_GROUP] = "group",
				     [NG_SCOPE_SANDBOX] = "sandbox"};

#define WHY_MAX   (4 * NG_NAME_TEXT_MAX + NG_PATH_MAX + 128)
#define OWNER_MAX (NG_NAME_TEXT_MAX + 2)

struct explain {
	struct ng_diags diags;
	struct policies policies;
	struct conf *conf;
	const char *config, *sandbox;
	const char *given[NG_RULESETS_MAX];
	size_t n_given;
	bool json;
	/* the question */
	struct ng_name name;
	char text[NG_NAME_TEXT_MAX];
	uint16_t type;
	enum ng_mode mode;
	/* the answer */
	struct ng_decision decision;
	struct ng_bounds bounds; /* of an allow */
	const char *answer;
	char why[WHY_MAX], hint[WHY_MAX], owner[OWNER_MAX];
};

/* ---- reading ---- */

static int add_sources(struct explain *explain, enum ng_scope scope, char *const *paths,
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int code = policies_add(&explain->policies, scope, paths[i], explain->conf,
					&explain->diags);
		if (code != NG_OK)
			return code;
	}
	return NG_OK;
}

static const struct conf_sandbox *find_sandbox(const struct explain *explain)
{
	for (size_t i = 0; i < explain->conf->n_sandboxes; i++) {
		if (strcmp(explain->conf->sandboxes[i].name, explain->sandbox) == 0)
			return &explain->conf->sandboxes[i];
	}
	return NULL;
}

static int read_conf(struct explain *explain)
{
	struct ng_place place = {explain->config, 0, 0};
	int code = conf_load(explain->config, &explain->diags, &explain->conf);
	if (code != NG_OK)
		return code;
	const struct conf_sandbox *sandbox = find_sandbox(explain);
	if (sandbox == NULL) {
		ng_diag_add(&explain->diags, NG_ERROR, &place, "explain-sandbox",
			    "name one that it has, or judge a list with --policy",
			    "the configuration has no sandbox %s", explain->sandbox);
		return NG_E_NOTFOUND;
	}
	explain->mode = sandbox->mode;
	code = add_sources(explain, NG_SCOPE_GLOBAL, explain->conf->policies,
			   explain->conf->n_policies);
	const struct conf_group *group = conf_group_find(explain->conf, sandbox->group);
	if (code == NG_OK && group != NULL)
		code = add_sources(explain, NG_SCOPE_GROUP, group->policies, group->n_policies);
	return code != NG_OK ? code
			     : add_sources(explain, NG_SCOPE_SANDBOX, sandbox->policies,
					   sandbox->n_policies);
}

static int read_files(struct explain *explain)
{
	if (explain->n_given == 0)
		return read_conf(explain);
	explain->mode = NG_ENFORCE;
	for (size_t i = 0; i < explain->n_given; i++) {
		int code = policies_add(&explain->policies, NG_SCOPE_SANDBOX, explain->given[i],
					NULL, &explain->diags);
		if (code != NG_OK)
			return code;
	}
	return NG_OK;
}

/* ---- why ---- */

/* The owner name of a rule that matched name: its last labels, and the asterisk. */
static const char *owner_of(const struct ng_match *match, struct ng_name name,
			    char out[static OWNER_MAX])
{
	char text[NG_NAME_TEXT_MAX];
	while (ng_name_labels(&name) > match->labels && ng_name_parent(&name))
		;
	if (match->wildcard && name.len == 1)
		snprintf(out, OWNER_MAX, "*");
	else
		snprintf(out, OWNER_MAX, "%s%s", match->wildcard ? "*." : "",
			 ng_name_to_text(&name, text));
	return out;
}

static bool allows(const struct explain *explain, const struct ng_name *name,
		   struct ng_match *out)
{
	struct ng_decision decision;
	ng_policy_decide(&explain->policies.policy, name, &decision);
	if (decision.verdict != NG_ALLOW)
		return false;
	*out = decision.match;
	return true;
}

/* Does a wildcard stand at the name itself? Then any name one label below it matches by it. */
static bool hint_apex(struct explain *explain)
{
	struct ng_name below = {.len = (uint8_t)(explain->name.len + 2), .wire = {1, 'a'}};
	struct ng_match match;
	char owner[OWNER_MAX];
	if (explain->name.len > NG_NAME_MAX - 2)
		return false;
	memcpy(below.wire + 2, explain->name.wire, explain->name.len);
	if (!allows(explain, &below, &match) || !match.wildcard ||
	    match.labels != ng_name_labels(&explain->name))
		return false;
	snprintf(explain->hint, WHY_MAX,
		 "%s:%u has %s, which does not cover %s itself; write .%s for both", match.path,
		 match.line, owner_of(&match, below, owner), explain->text, explain->text);
	return true;
}

/* Is a name above it allowed, and alone? */
static bool hint_above(struct explain *explain)
{
	struct ng_name above = explain->name;
	struct ng_match match;
	char text[NG_NAME_TEXT_MAX];
	while (ng_name_parent(&above) && above.len > 1) {
		if (!allows(explain, &above, &match) || match.wildcard)
			continue;
		ng_name_to_text(&above, text);
		snprintf(explain->hint, WHY_MAX,
			 "%s:%u has %s, which covers that name alone; add %s, or *.%s for all "
			 "below it",
			 match.path, match.line, text, explain->text, text);
		return true;
	}
	return false;
}

static void explain_deny(struct explain *explain)
{
	const struct ng_policy *policy = &explain->policies.policy;
	bool nodata = explain->conf != NULL && explain->conf->settings.ancestor_nodata &&
		      ng_policy_has_below(policy, &explain->name);
	explain->answer = nodata ? "NOERROR without data" : "NXDOMAIN";
	if (explain->mode == NG_LOCKDOWN) {
		snprintf(explain->why, WHY_MAX, "sandbox %s is in lockdown: nothing is allowed",
			 explain->sandbox);
	} else if (explain->decision.verdict == NG_ASK) {
		explain->answer = "NXDOMAIN";
		snprintf(explain->why, WHY_MAX,
			 "the rule %s says to ask: it is denied until somebody approves it",
			 explain->owner);
	} else if (explain->decision.matched) {
		if (explain->decision.match.action == NG_ACTION_NODATA)
			explain->answer = "NOERROR without data";
		if (explain->decision.match.action == NG_ACTION_DROP)
			explain->answer = "none at all";
		snprintf(explain->why, WHY_MAX, "the rule %s denies it", explain->owner);
	} else {
		snprintf(explain->why, WHY_MAX, "no rule: default deny");
		if (!hint_apex(explain))
			hint_above(explain);
	}
}

static bool takes_type(const struct ng_bounds *bounds, uint16_t type)
{
	if (bounds->n_types == 0)
		return type == NG_TYPE_A || type == NG_TYPE_AAAA;
	for (uint8_t i = 0; i < bounds->n_types; i++)
		if (bounds->types[i] == type)
			return true;
	return false;
}

static void explain_allow(struct explain *explain)
{
	const struct ng_subject subject = {.names = &explain->name, .n_names = 1};
	enum ng_rule_action action = explain->decision.match.action;
	ng_policy_bounds(&explain->policies.policy, &subject, &explain->bounds);
	snprintf(explain->why, WHY_MAX, "the rule %s allows it", explain->owner);
	explain->answer = action == NG_ACTION_TCP_ONLY ? "from upstream, over TCP only"
			  : action == NG_ACTION_LOCAL  ? "the rule's own records"
						       : "from upstream";
	if (action == NG_ACTION_LOCAL || takes_type(&explain->bounds, explain->type))
		return;
	explain->answer = "NOERROR without data";
	snprintf(explain->hint, WHY_MAX, "%s",
		 explain->bounds.n_types == 0
			 ? "only questions for A and AAAA are forwarded, so this one is not"
			 : "the rule forwards other types, not this one");
}

static void decide(struct explain *explain)
{
	ng_policy_decide(&explain->policies.policy, &explain->name, &explain->decision);
	if (explain->decision.matched)
		owner_of(&explain->decision.match, explain->name, explain->owner);
	if (explain->mode == NG_LOCKDOWN)
		explain->decision.verdict = NG_DENY;
	if (explain->decision.verdict != NG_ALLOW) {
		explain_deny(explain);
		return;
	}
	explain_allow(explain);
}

/* ---- telling ---- */

static json_t *ports_json(const struct ng_bounds *bounds)
{
	json_t *ports = json_array();
	for (uint8_t i = 0; ports != NULL && i < bounds->n_ports; i++)
		json_array_append_new(ports,
				      json_sprintf("%s/%u",
						   bounds->ports[i].proto == 17 ? "udp" : "tcp",
						   (unsigned)bounds->ports[i].port));
	return ports;
}

/* No line for an allow of all ports: that is what an allow is. */
static void print_bounds(const struct explain *explain)
{
	const struct ng_bounds *bounds = &explain->bounds;
	if (bounds->n_ports > 0)
		printf("ports   ");
	for (uint8_t i = 0; i < bounds->n_ports; i++)
		printf(" %s/%u", bounds->ports[i].proto == 17 ? "udp" : "tcp",
		       (unsigned)bounds->ports[i].port);
	if (bounds->n_ports > 0)
		printf("\n");
	if (bounds->lease_max_s > 0)
		printf("lease    at most %u s\n", (unsigned)bounds->lease_max_s);
	if (bounds->strict)
		printf("aliases  every target needs a rule of its own\n");
}

static void server_text(const struct conf_listen *server, char *out, size_t size)
{
	char addr[NG_ADDR_TEXT];
	ng_addr_format(&server->addr, addr);
	snprintf(out, size, server->addr.family == NG_IPV6 ? "[%s]:%u" : "%s:%u", addr,
		 server->port);
}

static json_t *route_json(const struct explain *explain)
{
	char zone[NG_NAME_TEXT_MAX], server[NG_ADDR_TEXT + 8];
	if (explain->conf == NULL || explain->decision.verdict != NG_ALLOW)
		return json_null();
	const struct conf_route *route =
		&explain->conf->routes[conf_route_of(explain->conf, &explain->name)];
	json_t *servers = json_array();
	for (uint8_t i = 0; servers != NULL && i < route->n_servers; i++) {
		server_text(&route->servers[i], server, sizeof(server));
		json_array_append_new(servers, json_string(server));
	}
	return json_pack("{s:s, s:o, s:s?}", "zone", ng_name_to_text(&route->zone, zone),
			 "servers", servers, "resolv_conf", route->resolv_conf);
}

static json_t *explain_json(const struct explain *explain)
{
	const struct ng_decision *decision = &explain->decision;
	char type[16], rule[NG_PATH_MAX + 16];
	json_t *object =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "sandbox", explain->sandbox,
			  "name", explain->text, "type", ng_type_text(explain->type, type),
			  "verdict", verdicts[decision->verdict], "answer", explain->answer,
			  "why", explain->why, "route", route_json(explain));
	if (object == NULL || !decision->matched)
		goto out;
	snprintf(rule, sizeof(rule), "%s:%u", decision->match.path, decision->match.line);
	json_object_set_new(object, "rule", json_string(rule));
	json_object_set_new(object, "column", json_integer(decision->match.column));
	json_object_set_new(object, "owner", json_string(explain->owner));
	json_object_set_new(object, "scope", json_string(scopes[decision->scope]));
	if (explain->bounds.n_ports > 0)
		json_object_set_new(object, "ports", ports_json(&explain->bounds));
	if (explain->bounds.lease_max_s > 0)
		json_object_set_new(object, "lease_max_s",
				    json_integer(explain->bounds.lease_max_s));
out:
	if (object != NULL && explain->hint[0] != '\0')
		json_object_set_new(object, "hint", json_string(explain->hint));
	return object;
}

static void print_route(const struct explain *explain)
{
	char zone[NG_NAME_TEXT_MAX], server[NG_ADDR_TEXT + 8];
	if (explain->conf == NULL || explain->decision.verdict != NG_ALLOW)
		return;
	const struct conf_route *route =
		&explain->conf->routes[conf_route_of(explain->conf, &explain->name)];
	printf("route    zone %s by", ng_name_to_text(&route->zone, zone));
	for (uint8_t i = 0; i < route->n_servers; i++) {
		server_text(&route->servers[i], server, sizeof(server));
		printf("%s %s", i > 0 ? "," : "", server);
	}
	printf(route->resolv_conf != NULL ? " (of %s)\n" : "%s\n",
	       route->resolv_conf != NULL ? route->resolv_conf : "");
}

static void print_text(const struct explain *explain)
{
	const struct ng_decision *decision = &explain->decision;
	char type[16];
	printf("sandbox  %s\nname     %s\ntype     %s\nverdict  %s\nanswer   %s\n",
	       explain->sandbox, explain->text, ng_type_text(explain->type, type),
	       verdicts[decision->verdict], explain->answer);
	if (decision->matched)
		printf("rule     %s:%u:%u (%s scope): %s\n", decision->match.path,
		       decision->match.line, decision->match.column, scopes[decision->scope],
		       explain->owner);
	print_bounds(explain);
	print_route(explain);
	printf("why      %s\n", explain->why);
	if (explain->hint[0] != '\0')
		printf("note     %s\n", explain->hint);
}

/* ---- the call ---- */

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"policy", required_argument, NULL, 'p'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* EXIT_DONE to go on; -1 when help was all that was wanted. */
static int read_options(struct explain *explain, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "c:p:h", options, NULL)) != -1;) {
		if (c == 'h')
			return -1;
		if (c == '?')
			return output_usage("explain", "that is not an option of it");
		explain->json |= c == 'j';
		if (c == 'c')
			explain->config = optarg;
		if (c == 'p' && explain->n_given == NG_RULESETS_MAX)
			return output_usage("explain", "that is too many policies");
		if (c == 'p')
			explain->given[explain->n_given++] = optarg;
	}
	if (explain->config != NULL && explain->n_given > 0)
		return output_usage("explain", "give a configuration or policies, not both");
	if (explain->config == NULL)
		explain->config = CONF_PATH;
	return EXIT_DONE;
}

static int read_question(struct explain *explain, int argc, char **argv)
{
	if (argc < 2 || argc > 3)
		return output_usage("explain", "it takes SANDBOX NAME [TYPE]");
	explain->sandbox = argv[0];
	explain->type = NG_TYPE_A;
	if (ng_name_from_text(argv[1], strlen(argv[1]), &explain->name) != NG_OK)
		return output_usage("explain", "NAME is not a domain name");
	if (argc == 3 && ng_type_parse(argv[2], &explain->type) != NG_OK)
		return output_usage("explain", "there is no such TYPE");
	ng_name_lower(&explain->name);
	ng_name_to_text(&explain->name, explain->text);
	return EXIT_DONE;
}

static int tell_unusable(const struct explain *explain)
{
	if (explain->json)
		return output_json(json_pack("{s:s, s:o}", "error", "the files cannot be used",
					     "findings", output_diags_json(&explain->diags)),
				   EXIT_UNUSABLE);
	output_diags(&explain->diags, stderr);
	return EXIT_UNUSABLE;
}

static int run(struct explain *explain, int argc, char **argv)
{
	int code = read_options(explain, argc, argv);
	if (code < 0) {
		fputs(help, stdout);
		return output_end(EXIT_DONE);
	}
	if (code == EXIT_DONE)
		code = read_question(explain, argc - optind, argv + optind);
	if (code != EXIT_DONE)
		return code;
	if (read_files(explain) != NG_OK)
		return tell_unusable(explain);
	decide(explain);
	code = explain->decision.verdict == NG_ALLOW ? EXIT_DONE : EXIT_DENIED;
	if (explain->json)
		return output_json(explain_json(explain), code);
	print_text(explain);
	return output_end(code);
}

int verb_explain(int argc, char **argv)
{
	struct explain *explain = calloc(1, sizeof(*explain));
	if (explain == NULL)
		return EXIT_UNUSABLE;
	ng_diags_init(&explain->diags);
	policies_init(&explain->policies);
	int code = run(explain, argc, argv);
	policies_finish(&explain->policies);
	conf_free(explain->conf);
	ng_diags_finish(&explain->diags);
	free(explain);
	return code;
}
