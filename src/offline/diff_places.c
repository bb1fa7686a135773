/*
 * Prefixes on both sides: static addresses, opened ranges, source addresses. What counts is the
 * addresses and not how they are written: a prefix that others cover between them is not news.
 */
#include "config.h"

#include "offline/diff_inside.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool diff_prefix_within(const struct ng_prefix *inner, const struct ng_prefix *outer)
{
	return inner->bits >= outer->bits && ng_prefix_contains(outer, &inner->addr);
}

/* Cut in halves as long as something covers a part: no deeper than the longest of them. */
bool diff_covered(const struct ng_prefix *prefix, const struct ng_prefix *by, size_t n)
{
	bool part = false;
	for (size_t i = 0; i < n; i++) {
		if (diff_prefix_within(prefix, &by[i]))
			return true;
		part |= diff_prefix_within(&by[i], prefix);
	}
	if (!part)
		return false;
	struct ng_prefix half = *prefix;
	half.bits++;
	if (!diff_covered(&half, by, n))
		return false;
	half.addr.bytes[prefix->bits / 8] |= (uint8_t)(0x80u >> (prefix->bits % 8));
	return diff_covered(&half, by, n);
}

/* ---- changes ---- */

int diff_change_add(struct diff_list *list, struct diff_change *change)
{
	if (change->what != NULL &&
	    grow(&list->items, &list->room, list->n + 1, sizeof(*change))) {
		list->items[list->n++] = *change;
		return NG_OK;
	}
	free(change->what);
	for (int side = 0; side < DIFF_SIDES; side++)
		free(change->texts[side]);
	return NG_E_NOMEM;
}

void diff_list_finish(struct diff_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].what);
		for (int side = 0; side < DIFF_SIDES; side++)
			free(list->items[i].texts[side]);
	}
	free(list->items);
}

static int add_prefix(struct diff_list *list, enum diff_noun noun, const char *what, int side,
		      const struct ng_prefix *prefix)
{
	char text[NG_PREFIX_TEXT];
	struct diff_change change = {
		.noun = noun,
		.sense = side == DIFF_NEW ? DIFF_WIDENS : DIFF_NARROWS,
		.what = strdup(what),
	};
	change.texts[side] = strdup(ng_prefix_format(prefix, text));
	if (change.texts[side] == NULL) {
		free(change.what);
		return NG_E_NOMEM;
	}
	return diff_change_add(list, &change);
}

int diff_prefixes(struct diff_list *list, enum diff_noun noun, const char *what,
		  const struct ng_prefix *old, size_t n_old, const struct ng_prefix *new,
		  size_t n_new)
{
	int code = NG_OK;
	for (size_t i = 0; i < n_old && code == NG_OK; i++) {
		if (!diff_covered(&old[i], new, n_new))
			code = add_prefix(list, noun, what, DIFF_OLD, &old[i]);
	}
	for (size_t i = 0; i < n_new && code == NG_OK; i++) {
		if (!diff_covered(&new[i], old, n_old))
			code = add_prefix(list, noun, what, DIFF_NEW, &new[i]);
	}
	return code;
}

/* ---- static addresses ---- */

struct statics {
	struct ng_static *items;
	size_t n, room;
};

/* None in lockdown, in which nothing is open. */
static int gather(const struct diff_group *group, int side, struct statics *out)
{
	const struct setup_sandbox *sandbox = group->sides[side];
	if (sandbox == NULL || sandbox->spec->mode == NG_LOCKDOWN)
		return NG_OK;
	const struct ng_policy *policy = &sandbox->spec->policy;
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
			struct ng_static item;
			uint32_t cursor = 0;
			while (ng_ruleset_static(policy->scopes[scope].sources[i], &cursor,
						 &item)) {
				if (!grow(&out->items, &out->room, out->n + 1, sizeof(item)))
					return NG_E_NOMEM;
				out->items[out->n++] = item;
			}
		}
	}
	return NG_OK;
}

/* Those prefixes that are open at least at the ports and for the time of one. */
static bool static_covered(const struct ng_static *one, const struct statics *by,
			   struct ng_prefix *room)
{
	size_t n = 0;
	for (size_t i = 0; i < by->n; i++) {
		const struct ng_static *other = &by->items[i];
		bool port = other->port.proto == 0 || (other->port.proto == one->port.proto &&
						       other->port.port == one->port.port);
		if (port && other->until_s - 1 >= one->until_s - 1)
			room[n++] = other->prefix;
	}
	return diff_covered(&one->prefix, room, n);
}

static char *static_text(const struct ng_static *item)
{
	char prefix[NG_PREFIX_TEXT], day[32] = "", *out;
	time_t end = (time_t)item->until_s;
	struct tm tm;
	ng_prefix_format(&item->prefix, prefix);
	if (item->until_s != 0 && gmtime_r(&end, &tm) != NULL)
		strftime(day, sizeof(day), " until %Y-%m-%dT%H:%MZ", &tm);
	if (item->port.proto == 0)
		return asprintf(&out, "%s%s", prefix, day) < 0 ? NULL : out;
	return asprintf(&out, "%s port %u/%s%s", prefix, (unsigned)item->port.port,
			item->port.proto == 17 ? "udp" : "tcp", day) < 0
		       ? NULL
		       : out;
}

static int add_static(struct diff_list *list, int side, const struct ng_static *item)
{
	struct diff_change change = {
		.noun = DIFF_AN_ADDRESS,
		.sense = side == DIFF_NEW ? DIFF_WIDENS : DIFF_NARROWS,
		.what = strdup("static address"),
	};
	change.texts[side] = static_text(item);
	change.paths[side] = item->path;
	change.lines[side] = item->line;
	if (change.texts[side] == NULL) {
		free(change.what);
		return NG_E_NOMEM;
	}
	return diff_change_add(list, &change);
}

static int hold_against(struct diff_list *list, int side, const struct statics *ours,
			const struct statics *theirs)
{
	struct ng_prefix *room = calloc(theirs->n + 1, sizeof(*room));
	int code = room != NULL ? NG_OK : NG_E_NOMEM;
	for (size_t i = 0; i < ours->n && code == NG_OK; i++) {
		if (!static_covered(&ours->items[i], theirs, room))
			code = add_static(list, side, &ours->items[i]);
	}
	free(room);
	return code;
}

int diff_statics(struct diff_list *list, const struct diff_group *group)
{
	struct statics statics[DIFF_SIDES] = {0};
	int code = gather(group, DIFF_OLD, &statics[DIFF_OLD]);
	if (code == NG_OK)
		code = gather(group, DIFF_NEW, &statics[DIFF_NEW]);
	if (code == NG_OK)
		code = hold_against(list, DIFF_OLD, &statics[DIFF_OLD], &statics[DIFF_NEW]);
	if (code == NG_OK)
		code = hold_against(list, DIFF_NEW, &statics[DIFF_NEW], &statics[DIFF_OLD]);
	for (int side = 0; side < DIFF_SIDES; side++)
		free(statics[side].items);
	return code;
}
