/*
 * What it means that an owner is named again. In a host list ports add up, and a name with and
 * without ports is open on all of them; in an RPZ zone ports bound what is also said without them,
 * since that is how a zone speaks to readers that know no ports. Records of local data add up.
 * Everything else is a repeat, which is warned of, or a contradiction, which is refused with both
 * places: which of the two was meant is not for a machine to guess.
 */
#include "policy/builder.h"

#include <namegate/message.h>
#include <stdlib.h>
#include <string.h>

static const char *owner_text(const struct builder_rule *rule, char text[NG_NAME_TEXT_MAX])
{
	return ng_name_to_text(&rule->name, text);
}

static void report(struct builder *builder, const struct draft *draft,
		   const struct builder_rule *rule, enum ng_severity severity, const char *code,
		   const char *suggestion, const char *reason, const char *of)
{
	char text[NG_NAME_TEXT_MAX];
	struct ng_place place = {builder_path(builder), rule->line, rule->column};
	struct ng_place first = builder_place(builder, draft->rule.line, draft->rule.column);
	ng_diag_add(builder->diags, severity, &place, code, suggestion, "%s%s %s %s:%u:%u%s",
		    rule->wildcard ? "*." : "", owner_text(rule, text), reason, first.path,
		    first.line, first.column, of);
}

static void repeat(struct builder *builder, const struct draft *draft,
		   const struct builder_rule *rule)
{
	if (!builder->overridden)
		report(builder, draft, rule, NG_WARNING, "rule-repeat", "remove one of the two",
		       "is said already at", "");
}

static void contradict(struct builder *builder, const struct draft *draft,
		       const struct builder_rule *rule, const char *suggestion,
		       const char *reason)
{
	report(builder, draft, rule, NG_ERROR, "rule-contradiction", suggestion, reason, "");
}

/* ---- local data ---- */

static bool local_is(const struct ng_local *a, const struct ng_local *b)
{
	return a->type == b->type && a->rdlen == b->rdlen &&
	       memcmp(a->rdata, b->rdata, a->rdlen) == 0;
}

static void merge_local(struct builder *builder, struct draft *draft,
			const struct builder_rule *rule)
{
	const struct builder_local *locals = builder->locals.items;
	uint32_t n = 0;
	bool alias = rule->local.type == NG_TYPE_CNAME;
	for (uint32_t i = draft->local; i != 0; i = locals[i - 1].before, n++) {
		if (local_is(&locals[i - 1].local, &rule->local)) {
			repeat(builder, draft, rule);
			return;
		}
		alias |= locals[i - 1].local.type == NG_TYPE_CNAME;
	}
	if (alias)
		contradict(builder, draft, rule, "keep the alias or the other data",
			   "has an alias and other data beside it, see");
	else if (n == IMAGE_LOCALS_MAX)
		contradict(builder, draft, rule, "leave some out",
			   "has more records than a rule may have, the first at");
	else if (!builder_local(builder, draft, &rule->local))
		builder->error = NG_E_NOMEM;
}

/* ---- bounds ---- */

static bool same_options(const struct ng_bounds *a, const struct ng_bounds *b)
{
	return a->n_types == b->n_types && a->n_opened == b->n_opened &&
	       a->lease_max_s == b->lease_max_s && a->strict == b->strict &&
	       memcmp(a->types, b->types, sizeof(a->types)) == 0 &&
	       memcmp(a->opened, b->opened, sizeof(a->opened)) == 0;
}

/* The bounds of a draft to write to; made when there are none yet. */
static struct ng_bounds *bounds_writable(struct builder *builder, struct draft *draft)
{
	struct builder_bounds none = {0}, *bounds;
	if (draft->bounds == 0) {
		if (shelf_add(&builder->bounds, &none, sizeof(none)) == NULL) {
			builder->error = NG_E_NOMEM;
			return NULL;
		}
		draft->bounds = (uint32_t)builder->bounds.n;
	}
	bounds = builder->bounds.items;
	return &bounds[draft->bounds - 1].bounds;
}

static bool port_in(const struct ng_bounds *bounds, const struct ng_port *port)
{
	for (uint8_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port->proto &&
		    bounds->ports[i].port == port->port)
			return true;
	}
	return false;
}

static void add_ports(struct builder *builder, struct draft *draft,
		      const struct builder_rule *rule)
{
	struct ng_bounds *bounds = bounds_writable(builder, draft);
	bool news = false;
	if (bounds == NULL)
		return;
	for (uint8_t i = 0; i < rule->bounds.n_ports; i++) {
		if (port_in(bounds, &rule->bounds.ports[i]))
			continue;
		if (bounds->n_ports == NG_PORTS_MAX) {
			contradict(builder, draft, rule, "leave some out, or open all ports",
				   "has more ports than a rule may have, the first at");
			return;
		}
		bounds->ports[bounds->n_ports++] = rule->bounds.ports[i];
		news = true;
	}
	if (!news)
		repeat(builder, draft, rule);
}

/* One of the two has ports and the other has none. */
static void merge_plain(struct builder *builder, struct draft *draft,
			const struct builder_rule *rule)
{
	if (builder->ports_bound) {
		if (rule->bounds.n_ports > 0)
			add_ports(builder, draft, rule);
		else if (draft->plain)
			repeat(builder, draft, rule);
	} else {
		struct ng_bounds *bounds = bounds_writable(builder, draft);
		if (bounds == NULL)
			return;
		bounds->n_ports = 0;
		memset(bounds->ports, 0, sizeof(bounds->ports));
		report(builder, draft, rule, NG_WARNING, "rule-all-ports",
		       "leave out the line with ports, or the one without",
		       "is open on all ports, with and without them said, see", "");
	}
	draft->plain |= rule->bounds.n_ports == 0;
}

void builder_merge(struct builder *builder, struct draft *draft,
		   const struct builder_rule *rule)
{
	static const struct ng_bounds none;
	const struct ng_bounds *bounds = builder_bounds_of(builder, draft);
	const struct builder_bounds *all = builder->bounds.items;
	uint64_t until_s = draft->bounds == 0 ? 0 : all[draft->bounds - 1].until_s;
	if (bounds == NULL)
		bounds = &none;
	if ((draft->rule.kind & ~IMAGE_WILDCARD) != rule->action + 1u)
		report(builder, draft, rule, NG_ERROR, "rule-contradiction",
		       "keep the one that is meant", "contradicts what", " says of it");
	else if (rule->action == NG_ACTION_LOCAL)
		merge_local(builder, draft, rule);
	else if (!same_options(bounds, &rule->bounds) || until_s != rule->until_s)
		contradict(builder, draft, rule, "give both the same options, or keep one",
			   "has other options than at");
	else if ((bounds->n_ports == 0) != (rule->bounds.n_ports == 0))
		merge_plain(builder, draft, rule);
	else if (bounds->n_ports > 0)
		add_ports(builder, draft, rule);
	else
		repeat(builder, draft, rule);
}
