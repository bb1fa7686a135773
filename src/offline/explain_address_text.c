/* What could open an address, for people. A list that is long is cut, and says so. */
#include "config.h"

#include "offline/explain_address.h"
#include "offline/explain_words.h"
#include "offline/explain_lines.h"
#include "offline/trial.h"

#include <string.h>

#define RULES_SHOWN 20

static const char *const reaches[] = {
	[NG_REACH_NEVER] = "never: no setting opens it",
	[NG_REACH_PRIVATE] = "private: only an opened prefix lets it through",
	[NG_REACH_PUBLIC] = "public: an allowed name may open it"};

static void tell_way(const struct explain_way *way, FILE *to)
{
	const struct ng_match *match = &way->match;
	char owner[EXPLAIN_OWNER], port[16];
	struct ng_bounds bounds;
	fprintf(to, "  %-8s  %s:%u:%u  %s  %s", explain_scopes[way->scope], match->path,
		match->line, match->column, explain_owner(match, &way->owner, owner),
		explain_says[match->action]);
	ng_match_bounds(match, &bounds);
	for (uint8_t i = 0; i < bounds.n_ports; i++)
		fprintf(to, " %s", explain_port(bounds.ports[i], port));
	fputs(match->disabled ? "  its zone is disabled: it only leaves a record\n" : "\n", to);
}

static void tell_ways(const char *topic, const char *what, const struct explain_ways *ways,
		      FILE *to)
{
	if (ways->n == 0)
		return;
	explain_line(to, topic, "%s", what);
	for (size_t i = 0; i < ways->n && i < RULES_SHOWN; i++)
		tell_way(&ways->items[i], to);
	if (ways->n > RULES_SHOWN)
		fprintf(to, "  and %zu more\n", ways->n - RULES_SHOWN);
}

static void tell_statics(const struct explained_address *explained, FILE *to)
{
	char prefix[NG_PREFIX_TEXT], port[16];
	for (size_t i = 0; i < explained->statics.n; i++) {
		const struct explain_static *one = &explained->statics.items[i];
		explain_line(to, i > 0 ? "" : "static", "%s:%u:%u (%s scope): %s %s",
			     one->item.path, one->item.line, one->item.column,
			     explain_scopes[one->scope],
			     ng_prefix_format(&one->item.prefix, prefix),
			     one->item.port.proto != 0 ? explain_port(one->item.port, port)
						       : "all ports");
	}
}

static void tell_opened(const struct explained_address *explained, FILE *to)
{
	char prefix[NG_PREFIX_TEXT], by[EXPLAIN_TEXT];
	for (size_t i = 0; i < explained->opened.n; i++) {
		const struct explain_opened *one = &explained->opened.items[i];
		explain_line(to, i > 0 ? "" : "opened", "%s by %s",
			     ng_prefix_format(&one->prefix, prefix), explain_opener(one, by));
	}
}

static void tell_resolved(const struct explained_address *explained, FILE *to)
{
	char name[NG_NAME_TEXT_MAX];
	if (explained->followed && explained->n_resolved == 0)
		explain_line(to, "names", "none of the answers has it");
	for (size_t i = 0; i < explained->n_resolved; i++) {
		const struct explain_resolved *one = &explained->resolved[i];
		explain_line(to, i > 0 ? "" : "names", "%s (%s:%u) %s: %s",
			     ng_name_to_text(&one->name, name), one->place.path,
			     one->place.line, one->opens ? "opens it" : "does not open it",
			     one->reason);
	}
}

/* Open at which ports, when it is not at all. */
static void tell_verdict(const struct explained_address *explained, FILE *to)
{
	char port[16];
	bool all = explained->sandbox->spec->mode == NG_OBSERVE;
	if (!explained->open) {
		explain_line(to, "verdict", "%s",
			     explained->may ? "may be opened" : "stays closed");
		return;
	}
	for (size_t i = 0; i < explained->statics.n; i++)
		all |= explained->statics.items[i].item.port.proto == 0;
	fprintf(to, "verdict  is open%s", all ? "" : " at");
	for (size_t i = 0; i < explained->statics.n && !all; i++) {
		const struct ng_port *at = &explained->statics.items[i].item.port;
		if (trial_port_how(*at) == TRIAL_OPEN)
			fprintf(to, " %s", explain_port(*at, port));
	}
	fputs(all || explained->rules.n == 0 ? "\n" : ", may be opened at others\n", to);
}

void explain_address_text(const struct explained_address *explained, FILE *to)
{
	char addr[NG_ADDR_TEXT];
	explain_line(to, "sandbox", "%s", explained->sandbox->spec->name);
	explain_line(to, "mode", "%s", explain_modes[explained->sandbox->spec->mode]);
	explain_line(to, "address", "%s", ng_addr_format(&explained->addr, addr));
	explain_line(to, "reach", "%s", reaches[explained->reach]);
	if (explained->own[0] != '\0')
		explain_line(to, "owner", "%s", explained->own);
	tell_verdict(explained, to);
	explain_line(to, "why", "%s", explained->reason);
	tell_opened(explained, to);
	tell_statics(explained, to);
	tell_ways("judged", "by rules about addresses, as they are heard", &explained->judged,
		  to);
	tell_resolved(explained, to);
	tell_ways("rules", "whose names may have it", &explained->rules, to);
}
