/*
 * The fewest lines. Names stand in the order of the tree, so what is below an owner is one range. Going
 * up from the leaves, a wildcard takes the place of what its subtree has come to wherever it may
 * stand and is fewer lines; so the subtrees below have the least already, and so has the whole.
 * On a tie the narrower stays.
 */
#include "config.h"
#include "offline/learn_inside.h"

#include "policy/list_entry.h"
#include "policy/suffix.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- where a wildcard may stand ---- */

static bool same_name(const struct ng_name *a, const struct ng_name *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

/* The range of names at or below owner. */
static void range_of(const struct learn_list *list, const struct ng_name *owner, size_t *begin,
		     size_t *end)
{
	*begin = tree_seek(&list->names->name, sizeof(*list->names), list->n_used, owner);
	*end = *begin;
	while (*end < list->n_used && ng_name_within(&list->names[*end].name, owner))
		++*end;
}

static bool covers_bar(const struct learn_list *list, const struct ng_name *owner)
{
	const struct learn *learn = list->wish->learn;

	return tree_has_below(list->bars, list->n_bars, owner) ||
	       tree_has_below(learn->bars, learn->n_bars, owner);
}

/* Every name of the range belongs to a domain that owner is, or is below. */
static bool is_owned(const struct learn_list *list, const struct ng_name *owner, size_t begin,
		     size_t end)
{
	for (size_t i = begin; i < end; i++) {
		uint8_t registered = list->names[i].registered;

		if (!registered || owner->len < registered)
			return false;
	}
	return true;
}

static bool may_stand(const struct learn_list *list, const struct ng_name *owner, size_t begin,
		      size_t end)
{
	const struct learn_line line = {.wildcard = true, .begin = begin, .end = end};
	const struct ng_lint_hosting *hosting = list->wish->hosting;
	struct learn_bounds bounds;
	struct ng_name taken;

	if (owner->len <= 1 || begin == end || list->bars_lost ||
	    !is_owned(list, owner, begin, end) || covers_bar(list, owner) ||
	    suffix_of_wildcard(owner, hosting, &taken) != SUFFIX_NONE ||
	    suffix_hosted(owner, hosting))
		return false;
	learn_line_bounds(list, &line, &bounds);
	return !bounds.types_cut;
}

/* ---- planning ---- */

/* A line for each name at most: there is room for all of them. */
static void line_add(struct learn_list *list, const struct ng_name *owner, bool wildcard,
		     size_t begin, size_t end)
{
	list->lines[list->n_lines++] = (struct learn_line){
		.owner = *owner,
		.wildcard = wildcard,
		.apex = wildcard && same_name(&list->names[begin].name, owner),
		.state = LEARN_TAKE,
		.begin = begin,
		.end = end,
	};
}

/* The name's ancestor of one label more than owner has, or itself. */
static struct ng_name child_of(const struct ng_name *name, const struct ng_name *owner)
{
	struct ng_name child = *name, up = *name;

	while (up.len > owner->len) {
		child = up;
		(void)ng_name_parent(&up);
	}
	return child;
}

/*
 * Down a chain without branches, to where it branches; but not to a name in use that others are below:
 * from one step above, it is itself among those that count for a wildcard.
 */
static struct ng_name deepest(const struct learn_list *list, struct ng_name owner, size_t begin,
			      size_t end)
{
	const struct ng_name *first = &list->names[begin].name;

	while (!same_name(first, &owner)) {
		struct ng_name child = child_of(first, &owner);

		if (!ng_name_within(&list->names[end - 1].name, &child) ||
		    (same_name(first, &child) && end - begin > 1))
			break;
		owner = child;
	}
	return owner;
}

static void plan(struct learn_list *list, const struct ng_name *owner, size_t begin, size_t end)
{
	const bool apex = same_name(&list->names[begin].name, owner);
	const size_t before = list->n_lines, least = list->wish->wildcard;

	if (apex)
		line_add(list, owner, false, begin, begin + 1);
	for (size_t at = begin + apex; at < end;) {
		const struct ng_name child = child_of(&list->names[at].name, owner);
		size_t next = at;
		struct ng_name top;

		while (next < end && ng_name_within(&list->names[next].name, &child))
			next++;
		top = deepest(list, child, at, next);
		plan(list, &top, at, next);
		at = next;
	}
	if (!least || end - begin - apex < least || list->n_lines - before < 2 ||
	    !may_stand(list, owner, begin, end))
		return;
	list->n_lines = before;
	line_add(list, owner, true, begin, end);
}

int lines_plan(struct learn_list *list)
{
	const struct ng_name root = {.len = 1};

	free(list->lines);
	list->n_lines = 0;
	list->lines = calloc(list->n_used + 1, sizeof(*list->lines));
	if (!list->lines)
		return NG_E_NOMEM;
	if (list->n_used)
		plan(list, &root, 0, list->n_used);
	return NG_OK;
}

/* ---- what a line says ---- */

static int by_port(const void *left, const void *right)
{
	const struct ng_port *a = left, *b = right;

	return a->port != b->port ? (int)a->port - (int)b->port : (int)a->proto - (int)b->proto;
}

/* Those of one name; false: a line that has them would close what was used. */
static bool ports_take(struct learn_bounds *out, const struct learn_evidence *evidence)
{
	if (evidence->unseen || evidence->ports_lost)
		return false;
	for (size_t i = 0; i < evidence->n_ports; i++) {
		const struct ng_port port = evidence->ports[i].port;
		size_t known = 0;

		if (!learn_port_used(&evidence->ports[i]))
			continue;
		while (known < out->n_ports && by_port(&out->ports[known], &port) != 0)
			known++;
		if (known == NG_PORTS_MAX)
			return false;
		if (known == out->n_ports)
			out->ports[out->n_ports++] = port;
	}
	return true;
}

static int by_type(const void *left, const void *right)
{
	const uint16_t *a = left, *b = right;

	return (int)*a - (int)*b;
}

static void type_take(struct learn_bounds *out, uint16_t type)
{
	for (size_t i = 0; i < out->n_types; i++) {
		if (out->types[i] == type)
			return;
	}
	if (out->n_types < NG_TYPES_MAX)
		out->types[out->n_types++] = type;
	else
		out->types_cut = true;
}

static bool is_address(uint16_t type)
{
	return type == NG_TYPE_A || type == NG_TYPE_AAAA;
}

/* A and AAAA come first, so that they are never cut; alone they need not be said. */
static void types_take(struct learn_bounds *out, const struct learn_list *list,
		       const struct learn_line *line)
{
	bool addressed = false, others = false;

	for (size_t i = line->begin; i < line->end; i++) {
		const struct learn_evidence *evidence = &list->names[i].evidence;

		out->types_cut |= evidence->types_lost;
		for (size_t k = 0; k < evidence->n_types; k++) {
			addressed |= is_address(evidence->types[k].type);
			others |= !is_address(evidence->types[k].type) &&
				  entry_type_fits(evidence->types[k].type);
		}
	}
	if (!others)
		return;
	if (addressed) {
		type_take(out, NG_TYPE_A);
		type_take(out, NG_TYPE_AAAA);
	}
	for (size_t i = line->begin; i < line->end; i++) {
		const struct learn_evidence *evidence = &list->names[i].evidence;

		for (size_t k = 0; k < evidence->n_types; k++) {
			if (entry_type_fits(evidence->types[k].type))
				type_take(out, evidence->types[k].type);
		}
	}
	qsort(out->types, out->n_types, sizeof(*out->types), by_type);
}

void learn_line_bounds(const struct learn_list *list, const struct learn_line *line,
		       struct learn_bounds *out)
{
	bool known = !line->portless;

	*out = (struct learn_bounds){.n_ports = 0};
	for (size_t i = line->begin; i < line->end && known; i++)
		known = ports_take(out, &list->names[i].evidence);
	if (!known)
		out->n_ports = 0;
	qsort(out->ports, out->n_ports, sizeof(*out->ports), by_port);
	types_take(out, list, line);
}

static uint32_t who_add(uint32_t who[static LEARN_WHO_MAX], uint32_t n, uint32_t person)
{
	for (uint32_t i = 0; i < n && i < LEARN_WHO_MAX; i++) {
		if (who[i] == person)
			return n;
	}
	if (n < LEARN_WHO_MAX)
		who[n++] = person;
	return n;
}

uint32_t learn_line_evidence(const struct learn_list *list, const struct learn_line *line,
			     struct learn_evidence *out, uint32_t who[static LEARN_WHO_MAX])
{
	uint32_t n = 0, most = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = line->begin; i < line->end; i++) {
		const struct learn_name *name = &list->names[i];

		evidence_merge(out, &name->evidence);
		for (uint32_t k = 0; k < name->n_who && k < LEARN_WHO_MAX; k++)
			n = who_add(who, n, name->who[k]);
		if (name->n_who > most)
			most = name->n_who;
	}
	return n > most ? n : most;
}

const char *learn_line_text(const struct learn_list *list, const struct learn_line *line,
			    char buf[static LEARN_LINE_TEXT])
{
	struct learn_bounds bounds;
	char *at = stpcpy(buf, !line->wildcard ? "" : line->apex ? "." : "*."), type[16];

	learn_line_bounds(list, line, &bounds);
	ng_name_to_text(&line->owner, at);
	at += strlen(at);
	for (size_t i = 0; i < bounds.n_ports; i++)
		at += sprintf(at, "%c%u%s", i > 0 ? ',' : ':', bounds.ports[i].port,
			      bounds.ports[i].proto == IPPROTO_UDP ? "/udp" : "");
	for (size_t i = 0; i < bounds.n_types; i++)
		at += sprintf(at, "%s%s",
			      i > 0 ? "," : " types=", ng_type_text(bounds.types[i], type));
	return buf;
}

/* ---- changing a line ---- */

/* One line for the range, in place of those that it covers. */
static size_t lines_join(struct learn_list *list, const struct ng_name *owner, size_t begin,
			 size_t end)
{
	size_t first = 0, past, n = list->n_lines;
	struct learn_line *lines = list->lines;

	while (lines[first].end <= begin)
		first++;
	for (past = first; past < n && lines[past].begin < end;)
		past++;
	memmove(lines + first + 1, lines + past, (n - past) * sizeof(*lines));
	list->n_lines = first;
	line_add(list, owner, true, begin, end);
	list->n_lines = n - (past - first) + 1;
	lines[first].state = LEARN_OPEN;
	return first;
}

static bool widen_to(struct learn_list *list, const struct ng_name *owner, size_t *i)
{
	size_t begin, end;

	range_of(list, owner, &begin, &end);
	if (!may_stand(list, owner, begin, end))
		return false;
	*i = lines_join(list, owner, begin, end);
	return true;
}

bool learn_widen(struct learn_list *list, size_t *i)
{
	const struct learn_line line = list->lines[*i];
	struct ng_name up = line.owner;

	return (ng_name_parent(&up) && widen_to(list, &up, i)) ||
	       (!line.wildcard && widen_to(list, &line.owner, i));
}

int learn_narrow(struct learn_list *list, size_t i)
{
	const struct learn_line line = list->lines[i];
	size_t n = list->n_lines, more = line.end - line.begin - 1;

	if (!line.wildcard)
		return NG_E_NOTFOUND;
	memmove(list->lines + i + 1 + more, list->lines + i + 1,
		(n - i - 1) * sizeof(*list->lines));
	list->n_lines = i;
	for (size_t at = line.begin; at < line.end; at++) {
		line_add(list, &list->names[at].name, false, at, at + 1);
		list->lines[list->n_lines - 1].state = LEARN_OPEN;
	}
	list->n_lines = n + more;
	return NG_OK;
}
