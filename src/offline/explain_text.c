/* An explanation for people: what is decided, why, and what it leads to, a topic a line. */
#include "config.h"

#include "offline/explain_words.h"
#include "offline/explain_lines.h"

#include "base/wall.h"

#include <namegate/message.h>
#include <stdarg.h>
#include <string.h>

void explain_line(FILE *to, const char *topic, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(to, "%-8s ", topic);
	vfprintf(to, format, args);
	fputc('\n', to);
	va_end(args);
}

/* ---- the verdict ---- */

static void tell_question(const struct explained *explained, FILE *to)
{
	char buf[NG_ADDR_TEXT];
	bool same = strcmp(explained->text, explained->written) == 0;
	explain_line(to, "sandbox", "%s", explained->sandbox->spec->name);
	explain_line(to, "mode", "%s", explain_modes[explained->sandbox->spec->mode]);
	explain_line(to, "name", same ? "%s" : "%s, written %s", explained->text,
		     explained->written);
	explain_line(to, "type", "%s", ng_type_text(explained->type, buf));
	if (explained->client_wanted)
		explain_line(to, "client",
			     "not known, so rules for clients are not judged: see --client");
	else if (ng_addr_len(&explained->client) > 0)
		explain_line(to, "client", "%s", ng_addr_format(&explained->client, buf));
}

static void tell_verdict(const struct explained *explained, FILE *to)
{
	const struct ng_decision *decision = &explained->why.decision;
	char owner[EXPLAIN_OWNER];
	uint32_t octets;
	explain_line(to, "verdict", "%s", explain_verdicts[decision->verdict]);
	explain_line(to, "answer", "%s", explain_replies[explained->reply]);
	if (decision->matched)
		explain_line(to, "rule", "%s:%u:%u (%s scope): %s", decision->match.path,
			     decision->match.line, decision->match.column,
			     explain_scopes[decision->scope],
			     explain_decider(explained, owner));
	explain_line(to, "why", "%s", explained->reason);
	if (explained->hint[0] != '\0')
		explain_line(to, "note", "%s", explained->hint);
	if (explained->asks && explain_budget(explained, &octets))
		explain_line(to, "budget",
			     "new names below that wildcard carry out at most %u octets a "
			     "minute, %u at once",
			     octets, octets * NG_BUDGET_MINUTES);
	if (decision->open)
		explain_line(to, "open", "%s",
			     "the aliases and addresses of the answer are judged as well");
}

/* ---- the rules ---- */

struct widths {
	int place, owner;
};

static int candidate_place(const struct ng_candidate *item, char *out, size_t size)
{
	return snprintf(out, size, "%s:%u:%u", item->match.path, item->match.line,
			item->match.column);
}

static struct widths measure(const struct explained *explained)
{
	char text[EXPLAIN_TEXT];
	struct widths widths = {0};
	for (size_t i = 0; i < explained->why.n_candidates; i++) {
		const struct ng_candidate *item = &explained->why.candidates[i];
		int n = candidate_place(item, text, sizeof(text));
		widths.place = n > widths.place ? n : widths.place;
		n = (int)strlen(
			explain_owner(&item->match, &explained->names[item->link], text));
		widths.owner = n > widths.owner ? n : widths.owner;
	}
	return widths;
}

static void tell_candidate(const struct explained *explained, size_t i,
			   const struct widths *widths, FILE *to)
{
	const struct ng_candidate *item = &explained->why.candidates[i];
	char place[EXPLAIN_TEXT], owner[EXPLAIN_OWNER], fate[EXPLAIN_TEXT], until[32];
	candidate_place(item, place, sizeof(place));
	fprintf(to, "  %-8s  %-*s  %-*s  %-8s  %s%s\n",
		item->approval ? "approval" : explain_scopes[item->scope], widths->place, place,
		widths->owner,
		explain_owner(&item->match, &explained->names[item->link], owner),
		explain_says[item->match.action], explain_fate(explained, i, fate),
		explain_until(&item->match, until));
}

static void tell_candidates(const struct explained *explained, FILE *to)
{
	struct widths widths = measure(explained);
	if (explained->why.n_candidates == 0) {
		explain_line(to, "rules", "none matches");
		return;
	}
	explain_line(to, "rules", "in the order in which they are heard");
	for (size_t i = 0; i < explained->why.n_candidates; i++)
		tell_candidate(explained, i, &widths, to);
}

/* ---- what is sent ---- */

static void tell_route(const struct explained *explained, FILE *to)
{
	const struct conf_route *route = explained->route_conf;
	char zone[CONF_ROUTE_TEXT], server[CONF_SERVER_TEXT];
	if (route == NULL)
		return;
	fprintf(to, "%-8s zone %s by", "route", conf_route_text(route, zone));
	for (uint8_t i = 0; i < route->n_servers; i++)
		fprintf(to, "%s %s", i > 0 ? "," : "",
			conf_server_text(&route->servers[i], server));
	if (route->resolv_conf != NULL)
		fprintf(to, " (of %s)", route->resolv_conf);
	fputc('\n', to);
}

static void tell_types(const struct ng_bounds *bounds, FILE *to)
{
	char type[16];
	fprintf(to, "%-8s", "types");
	if (bounds->n_types == 0)
		fputs(" A AAAA", to);
	for (uint8_t i = 0; i < bounds->n_types; i++)
		fprintf(to, " %s", ng_type_text(bounds->types[i], type));
	fputc('\n', to);
}

static void tell_sent(const struct explained *explained, FILE *to)
{
	const struct ng_bounds *bounds = &explained->why.bounds;
	char type[16];
	if (!explained->asks) {
		explain_line(to, "sends", "nothing");
		return;
	}
	if (explained->reply == EXPLAIN_LOCAL) {
		explain_line(
			to, "sends",
			"nothing for %s, and a question for the target of the rule's alias",
			explained->text);
		return;
	}
	tell_route(explained, to);
	explain_line(to, "sends",
		     "%s %s, and a question for each alias whose target the answer leaves out: "
		     "at most %d",
		     explained->text, ng_type_text(explained->type, type), NG_CHAIN_MAX + 1);
	tell_types(bounds, to);
	explain_line(to, "aliases", "%s",
		     bounds->strict ? "every target needs a rule of its own"
				    : "the rule covers them; one that leads into another "
				      "forward zone needs a rule of its own");
}

/* ---- what is opened ---- */

static enum ng_family family_of(const struct explained *explained)
{
	return explained->type == NG_TYPE_A      ? NG_IPV4
	       : explained->type == NG_TYPE_AAAA ? NG_IPV6
						 : NG_NOFAMILY;
}

void explain_ranges(FILE *to, enum ng_family family, enum ng_reach wanted)
{
	char text[NG_PREFIX_TEXT];
	struct ng_prefix range;
	enum ng_reach reach;
	for (uint32_t cursor = 0; ng_reach_range(&cursor, &range, &reach);) {
		if (reach == wanted && range.addr.family == family)
			fprintf(to, " %s", ng_prefix_format(&range, text));
	}
}

static void tell_filter(const struct explained *explained, FILE *to)
{
	char prefix[NG_PREFIX_TEXT], by[EXPLAIN_TEXT];
	enum ng_family family = family_of(explained);
	size_t told = 0;
	fprintf(to, "%-8s never", "filter");
	explain_ranges(to, family, NG_REACH_NEVER);
	fprintf(to, "\n%-8s unless opened", "");
	explain_ranges(to, family, NG_REACH_PRIVATE);
	fputc('\n', to);
	explain_line(to, "",
		     "never the addresses of this host, of upstream servers, of other "
		     "sandboxes");
	for (size_t i = 0; i < explained->opened.n; i++) {
		const struct explain_opened *one = &explained->opened.items[i];
		if (one->prefix.addr.family != family)
			continue;
		explain_line(to, told++ > 0 ? "" : "opened", "%s by %s",
			     ng_prefix_format(&one->prefix, prefix), explain_opener(one, by));
	}
	if (told == 0)
		explain_line(to, "opened", "nothing beyond public addresses");
}

static void tell_terms(const struct explained *explained, FILE *to)
{
	static const uint32_t examples[] = {30, 300, 86400};
	const struct ng_settings *settings = &explained->settings;
	uint32_t most = explained->why.bounds.lease_max_s;
	fprintf(to, "%-8s at least %u s, and %u s of grace; TTLs at most %u s", "lease",
		settings->lease_min_s, settings->grace_s, settings->ttl_max_s);
	if (most > 0)
		fprintf(to, "; by the rule at most %u s", most);
	fputc('\n', to);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct ng_terms terms = ng_terms_of(settings, most, examples[i]);
		explain_line(to, "",
			     "an answer with TTL %u is handed out as %u and its lease stands "
			     "%u + %u s",
			     examples[i], terms.ttl_s, terms.hold_s + terms.slack_s,
			     terms.grace_s);
	}
	if (settings->flow_lease_s == 0)
		return;
	if (most > 0)
		explain_line(to, "", "the rule bounds it in time, so no flow keeps it open");
	else
		explain_line(to, "",
			     "while a flow to the address lasts, new ones may begin for up to "
			     "%u s more",
			     settings->flow_lease_s);
}

static void tell_ports(const struct ng_bounds *bounds, FILE *to)
{
	char port[16];
	fprintf(to, "%-8s", "ports");
	if (bounds->n_ports == 0)
		fputs(" all", to);
	for (uint8_t i = 0; i < bounds->n_ports; i++)
		fprintf(to, " %s", explain_port(bounds->ports[i], port));
	fputc('\n', to);
}

static void tell_element(const struct explained *explained, const struct ng_prefix *source,
			 size_t nth, FILE *to)
{
	char text[NG_PREFIX_TEXT];
	bool ports = explained->why.bounds.n_ports > 0, host = ng_prefix_is_host(source);
	explain_line(to, nth > 0 ? "" : "kernel",
		     "set %s, key saddr . daddr%s: %s%s . each address%s; times out %d s after "
		     "the lease",
		     wall_lease_set(source->addr.family, ports),
		     ports ? " . proto . dport" : "", host ? "" : "the asking client of ",
		     host ? ng_addr_format(&source->addr, text)
			  : ng_prefix_format(source, text),
		     ports ? " . each port" : "", NG_BACKSTOP_S);
}

static void tell_kernel(const struct explained *explained, FILE *to)
{
	const struct ng_sandbox *spec = explained->sandbox->spec;
	enum ng_family family = family_of(explained);
	size_t told = 0;
	for (uint8_t i = 0; i < spec->n_sources; i++) {
		if (spec->sources[i].addr.family == family)
			tell_element(explained, &spec->sources[i], told++, to);
	}
	if (told == 0 && spec->n_sources > 0)
		explain_line(to, "kernel",
			     "nothing: the sandbox has no source address of that family");
}

static void tell_opened(const struct explained *explained, FILE *to)
{
	if (explained->reply < EXPLAIN_LOCAL)
		return;
	if (family_of(explained) == NG_NOFAMILY) {
		explain_line(to, "opened", "nothing: such an answer has no addresses to open");
		return;
	}
	tell_filter(explained, to);
	tell_terms(explained, to);
	tell_ports(&explained->why.bounds, to);
	tell_kernel(explained, to);
}

void explain_text(const struct explained *explained, FILE *to)
{
	tell_question(explained, to);
	tell_verdict(explained, to);
	tell_candidates(explained, to);
	tell_sent(explained, to);
	tell_opened(explained, to);
	if (explained->trial != NULL)
		explain_followed_text(explained, to);
}
