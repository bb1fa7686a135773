/*
 * Which names are proposed. What one sandbox or all of them asked for is put together by name and
 * judged: by what came of it, by whether a host list can hold it, and by the baselines.
 */
#include "config.h"
#include "offline/learn_inside.h"

#include "policy/suffix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- gathering ---- */

struct gathered { /* of one name, by all who are asked about */
	const struct seen **seen;
	size_t n;
};

static int by_name(const void *left, const void *right)
{
	const struct seen *const *a = left, *const *b = right;
	int order = tree_order(&(*a)->key.name, &(*b)->key.name);

	return order ? order : (int)(*a)->key.person - (int)(*b)->key.person;
}

/* Where those of the person begin. */
static size_t person_seek(const struct learn *learn, uint32_t person)
{
	size_t low = 0, high = learn->n_sorted;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (learn->sorted[middle]->key.person < person)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int gather(const struct learn *learn, uint32_t person, struct gathered *out)
{
	size_t begin = person ? person_seek(learn, person) : 0;
	size_t end = person ? person_seek(learn, person + 1) : learn->n_sorted;

	out->n = end - begin;
	out->seen = calloc(out->n + 1, sizeof(*out->seen));
	if (!out->seen)
		return NG_E_NOMEM;
	memcpy(out->seen, learn->sorted + begin, out->n * sizeof(*out->seen));
	if (!person)
		qsort(out->seen, out->n, sizeof(*out->seen), by_name);
	return NG_OK;
}

/* How many from the first on are of one name. */
static size_t same_names(const struct seen *const *seen, size_t n)
{
	size_t same = 1;

	while (same < n && tree_order(&seen[0]->key.name, &seen[same]->key.name) == 0)
		same++;
	return same;
}

static int merge(const struct learn *learn, const struct seen *const *seen, size_t n,
		 struct learn_name *out)
{
	struct ng_name registered;

	memset(out, 0, sizeof(*out));
	out->name = seen[0]->key.name;
	for (size_t i = 0; i < n; i++) {
		evidence_merge(&out->evidence, &seen[i]->evidence);
		out->evidence.unseen |= seen[i]->evidence.addressed &&
					!person_at(learn, seen[i]->key.person)->visible;
		if (out->n_who++ < LEARN_WHO_MAX)
			out->who[out->n_who - 1] = seen[i]->key.person;
		if (seen[i]->rule && !out->rule) {
			out->rule = strdup(seen[i]->rule);
			if (!out->rule)
				return NG_E_NOMEM;
		}
	}
	if (suffix_registered(&out->name, &registered))
		out->registered = registered.len;
	return NG_OK;
}

/* ---- judging ---- */

/* What a host list takes for a name, and for nothing else: no asterisk, nothing that reads as an address. */
static bool is_writable(const struct ng_name *name)
{
	static const char octets[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	bool number = true;

	for (const uint8_t *label = name->wire; *label; label += 1 + *label) {
		number = true;
		for (size_t i = 1; i <= *label; i++) {
			if (!label[i] || !strchr(octets, label[i]))
				return false;
			number &= label[i] >= '0' && label[i] <= '9';
		}
	}
	return name->len > 1 && !number;
}

/* Records of service bindings need no rule: clients that get none ask for addresses. */
static bool types_allowed(const struct ng_bounds *bounds, const struct learn_evidence *evidence)
{
	for (size_t i = 0; i < evidence->n_types; i++) {
		uint16_t type = evidence->types[i].type;
		bool allowed =
			type == NG_TYPE_HTTPS || type == NG_TYPE_SVCB ||
			(!bounds->n_types && (type == NG_TYPE_A || type == NG_TYPE_AAAA));

		for (size_t k = 0; k < bounds->n_types && !allowed; k++)
			allowed = bounds->types[k] == type;
		if (!allowed)
			return false;
	}
	return true;
}

static bool ports_allowed(const struct ng_bounds *bounds, const struct learn_evidence *evidence)
{
	for (size_t i = 0; i < evidence->n_ports && bounds->n_ports; i++) {
		const struct learn_port *port = &evidence->ports[i];
		bool allowed = !learn_port_used(port);

		for (size_t k = 0; k < bounds->n_ports && !allowed; k++)
			allowed = bounds->ports[k].proto == port->port.proto &&
				  bounds->ports[k].port == port->port.port;
		if (!allowed)
			return false;
	}
	return true;
}

static bool allows(const struct ng_policy *policy, const struct learn_name *name)
{
	const struct ng_subject subject = {.names = &name->name, .n_names = 1};
	struct ng_bounds bounds;

	memset(&bounds, 0, sizeof(bounds));
	ng_policy_bounds(policy, &subject, &bounds);
	return types_allowed(&bounds, &name->evidence) &&
	       ports_allowed(&bounds, &name->evidence);
}

/* What one policy says of the name: LEARN_KNOWN, LEARN_REFUSED, or LEARN_USED when it says nothing. */
static enum learn_why policy_judge(const struct ng_policy *policy, struct learn_name *name)
{
	struct ng_decision decision;

	ng_policy_decide(policy, &name->name, &decision);
	if (decision.verdict == NG_ALLOW)
		return allows(policy, name) ? LEARN_KNOWN : LEARN_USED;
	if (!decision.matched)
		return LEARN_USED;
	if (asprintf(&name->rule, "%s:%u", decision.match.path, decision.match.line) < 0)
		name->rule = NULL;
	return LEARN_REFUSED;
}

/* With each sandbox's own policy: known when all of them allow it, refused when one of them refuses. */
static enum learn_why baseline_judge(const struct learn *learn,
				     const struct learn_baseline *baseline,
				     const struct seen *const *seen, size_t n,
				     struct learn_name *name)
{
	enum learn_why all = LEARN_KNOWN;

	if (baseline->policy)
		return policy_judge(baseline->policy, name);
	for (size_t i = 0; i < n; i++) {
		const struct setup_sandbox *sandbox =
			person_at(learn, seen[i]->key.person)->sandbox;
		enum learn_why why =
			sandbox ? policy_judge(&sandbox->spec->policy, name) : LEARN_USED;

		if (why == LEARN_REFUSED)
			return why;
		if (why == LEARN_USED)
			all = why;
	}
	return all;
}

static enum learn_why baselines_judge(struct learn_wish *wish, const struct seen *const *seen,
				      size_t n, struct learn_name *name)
{
	for (size_t i = 0; i < wish->n_baselines; i++) {
		struct learn_baseline *baseline = &wish->baselines[i];
		enum learn_why why = baseline_judge(wish->learn, baseline, seen, n, name);

		baseline->left_out += why == LEARN_KNOWN;
		if (why != LEARN_USED)
			return why;
	}
	return LEARN_USED;
}

static bool is_connected(const struct learn_evidence *evidence)
{
	for (size_t i = 0; i < evidence->n_ports; i++) {
		if (learn_port_used(&evidence->ports[i]))
			return true;
	}
	return false;
}

static enum learn_why judge(struct learn_wish *wish, const struct seen *const *seen, size_t n,
			    struct learn_name *name)
{
	const struct learn_evidence *evidence = &name->evidence;
	enum learn_why why;

	if (name->rule)
		return LEARN_BARRED;
	if (!evidence->answered)
		return evidence->n_privates && is_writable(&name->name) ? LEARN_PRIVATE
		       : evidence->denied                               ? LEARN_DENIED
		       : evidence->empty                                ? LEARN_EMPTY
		       : evidence->failed                               ? LEARN_FAILED
									: LEARN_SILENT;
	if (!is_writable(&name->name))
		return LEARN_UNWRITABLE;
	why = baselines_judge(wish, seen, n, name);
	if (why == LEARN_USED && wish->strict && evidence->addressed && !is_connected(evidence))
		return LEARN_UNCONNECTED;
	return why;
}

/*
 * What its baselines deny; and what was denied without a word on the rule, as captures show it: it may
 * have been one.
 */
static bool is_bar(const struct learn_name *name)
{
	return name->why == LEARN_REFUSED ||
	       (name->why == LEARN_DENIED && name->evidence.doubted);
}

/* ---- the list ---- */

static int by_rank(const void *left, const void *right)
{
	const struct learn_name *a = left, *b = right;
	enum learn_why of_a = a->why, of_b = b->why;

	if ((of_a == LEARN_USED) != (of_b == LEARN_USED))
		return of_a == LEARN_USED ? -1 : 1;
	return of_a != of_b ? (int)of_a - (int)of_b : tree_order(&a->name, &b->name);
}

void list_sort(struct learn_list *list)
{
	qsort(list->names, list->n, sizeof(*list->names), by_rank);
	list->n_used = 0;
	while (list->n_used < list->n && list->names[list->n_used].why == LEARN_USED)
		list->n_used++;
}

static int names_fill(struct learn_wish *wish, struct learn_list *list)
{
	struct gathered all;
	int code = gather(wish->learn, wish->person, &all);

	list->names = code ? NULL : calloc(all.n + 1, sizeof(*list->names));
	if (!list->names)
		code = NG_E_NOMEM;
	for (size_t at = 0; at < all.n && !code;) {
		const struct seen *const *from = (const struct seen *const *)all.seen + at;
		size_t n = same_names(from, all.n - at);
		struct learn_name *name = &list->names[list->n++];

		code = merge(wish->learn, from, n, name);
		if (!code)
			name->why = judge(wish, from, n, name);
		at += n;
	}
	free(all.seen);
	return code;
}

/*
 * Lists of several sandboxes may stand in one file, so what rules denied to one of them bars wildcards
 * in all. Whoever lost some of what was denied bars them altogether.
 */
static int bars_fill(const struct learn_wish *wish, struct learn_list *list)
{
	list->bars = calloc(list->n + 1, sizeof(*list->bars));
	if (!list->bars)
		return NG_E_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		if (is_bar(&list->names[i]))
			list->bars[list->n_bars++] = list->names[i].name;
	}
	tree_sort(list->bars, list->n_bars);
	for (uint32_t i = 0; i < wish->learn->n_people; i++)
		list->bars_lost |= wish->learn->people[i]->bars_lost;
	return NG_OK;
}

int learn_list_make(struct learn_wish *wish, struct learn_list *out)
{
	int code;

	*out = (struct learn_list){.wish = wish};
	code = names_fill(wish, out);
	list_sort(out);
	if (!code)
		code = bars_fill(wish, out);
	if (!code)
		code = lines_make(out);
	if (code)
		learn_list_finish(out);
	return code;
}

void learn_list_finish(struct learn_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->names[i].rule);
	free(list->names);
	free(list->bars);
	free(list->lines);
	*list = (struct learn_list){.wish = NULL};
}
