/*
 * Space-saving (Metwally, Agrawal, El Abbadi, 2005): a place that is new takes over the rarest one's
 * entry together with its number, which is noted as how far the entry may be too high. Whatever has
 * more than a sixteenth of the packets is always among the entries.
 *
 * The lists stand in an array as well, so that a listing that waits for the channel goes on where it
 * was; one that is removed has the last take its place.
 */
#include "daemon/worker_targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SLOTS (TARGETS_EACH + 1) /* the last one: packets that nobody saw go anywhere */

struct target {
	struct ng_addr to;
	uint8_t proto;
	bool observed;
	uint16_t port;
	enum ng_why why;
	uint64_t packets, over, first_us, last_us;
	struct ng_name *name; /* owned; NULL: none is known */
	char *reason;         /* owned; NULL: memory was out */
};

struct target_list {
	uint32_t sandbox;
	size_t place, n;
	struct target items[TARGETS_EACH]; /* the most frequent first */
	uint64_t unseen, first_us, last_us;
	UT_hash_handle hh;
};

static void target_clear(struct target *target)
{
	free(target->name);
	free(target->reason);
	*target = (struct target){0};
}

static struct target_list *find(const struct targets *targets, uint32_t sandbox)
{
	struct target_list *list;

	HASH_FIND(hh, targets->by_sandbox, &sandbox, sizeof(sandbox), list);
	return list;
}

static bool make_room(struct targets *targets)
{
	size_t room = targets->room ? 2 * targets->room : 16;
	struct target_list **wider;

	if (targets->n < targets->room)
		return true;
	if (targets->n > NG_SANDBOXES_CEILING)
		return false;
	wider = reallocarray(targets->all, room, sizeof(*wider));
	if (!wider)
		return false;
	targets->all = wider;
	targets->room = room;
	return true;
}

static struct target_list *find_or_make(struct targets *targets, uint64_t now_us,
					uint32_t sandbox)
{
	struct target_list *list = find(targets, sandbox);

	if (list || !make_room(targets))
		return list;
	list = calloc(1, sizeof(*list));
	if (!list)
		return NULL;
	list->sandbox = sandbox;
	list->place = targets->n;
	list->first_us = now_us;
	HASH_ADD(hh, targets->by_sandbox, sandbox, sizeof(list->sandbox), list);
	if (!list->hh.tbl) {
		free(list);
		return NULL;
	}
	targets->all[targets->n++] = list;
	return list;
}

static void drop(struct targets *targets, struct target_list *list)
{
	struct target_list *last = targets->all[--targets->n];

	targets->all[list->place] = last;
	last->place = list->place;
	HASH_DEL(targets->by_sandbox, list);
	for (size_t i = 0; i < list->n; i++)
		target_clear(&list->items[i]);
	free(list);
}

void targets_forget(struct targets *targets, uint32_t sandbox)
{
	struct target_list *list = find(targets, sandbox);

	if (list)
		drop(targets, list);
}

void targets_finish(struct targets *targets)
{
	if (!targets)
		return;
	while (targets->n)
		drop(targets, targets->all[targets->n - 1]);
	free(targets->all);
	*targets = (struct targets){0};
}

/* ---- noting ---- */

/* A forged packet is not the same as one that goes there in earnest. */
static bool is_same(const struct target *target, const struct ng_record *record)
{
	return ng_addr_equal(&target->to, &record->addrs[0]) &&
	       target->proto == record->proto && target->port == record->port &&
	       target->observed == record->observed &&
	       (target->why >= NG_WHY_SOURCE) == (record->why >= NG_WHY_SOURCE);
}

/* Index of its entry; the rarest one is taken over when all are in use. */
static size_t entry_of(struct target_list *list, uint64_t now_us,
		       const struct ng_record *record)
{
	size_t i = 0;
	uint64_t over = 0;

	while (i < list->n && !is_same(&list->items[i], record))
		i++;
	if (i < list->n)
		return i;
	if (list->n < TARGETS_EACH)
		list->n++;
	else
		over = list->items[--i].packets;
	target_clear(&list->items[i]);
	list->items[i] = (struct target){.to = record->addrs[0],
					 .proto = record->proto,
					 .port = record->port,
					 .observed = record->observed,
					 .packets = over,
					 .over = over,
					 .first_us = now_us};
	return i;
}

static void retell(struct target *target, const struct ng_record *record)
{
	target->why = record->why;
	free(target->reason);
	target->reason = record->reason ? strdup(record->reason) : NULL;
	if (!record->name)
		return;
	if (!target->name)
		target->name = malloc(sizeof(*target->name));
	if (target->name)
		*target->name = *record->name;
}

static void move_up(struct target_list *list, size_t i)
{
	for (; i > 0 && list->items[i - 1].packets < list->items[i].packets; i--) {
		struct target other = list->items[i - 1];

		list->items[i - 1] = list->items[i];
		list->items[i] = other;
	}
}

void targets_note(struct targets *targets, uint64_t now_us, const struct ng_record *record)
{
	struct target_list *list;
	size_t i;

	if (record->event != NG_EVENT_BLOCKED || (record->sandbox && !*record->sandbox_name))
		return; /* of a sandbox that is gone */
	list = find_or_make(targets, now_us, record->sandbox);
	if (!list)
		return;
	list->last_us = now_us;
	list->unseen += record->count - record->logged;
	if (!record->logged || !record->n_addrs)
		return;
	i = entry_of(list, now_us, record);
	list->items[i].packets += record->logged;
	list->items[i].last_us = now_us;
	retell(&list->items[i], record);
	move_up(list, i);
}

/* ---- telling ---- */

static void fill_target(const struct target *target, struct wall_target *out)
{
	out->to = target->to;
	out->proto = target->proto;
	out->port = target->port;
	out->observed = target->observed;
	out->why = (uint8_t)target->why;
	out->packets = target->packets;
	out->over = target->over;
	out->first_us = target->first_us;
	out->last_us = target->last_us;
	snprintf(out->reason, sizeof(out->reason), "%s", target->reason ? target->reason : "");
	for (char *at = out->reason; *at; at++)
		if ((uint8_t)*at < 0x20 || *at == 0x7f)
			*at = '?';
	if (!target->name)
		return;
	out->name_len = target->name->len;
	memcpy(out->name, target->name->wire, target->name->len);
}

/* False: there is nothing in that slot. */
static bool fill_slot(const struct target_list *list, size_t slot, struct wall_target *out)
{
	memset(out, 0, sizeof(*out));
	out->sandbox = list->sandbox;
	if (slot < list->n) {
		fill_target(&list->items[slot], out);
		return true;
	}
	if (slot != TARGETS_EACH || !list->unseen)
		return false;
	out->why = NG_WHY_UNSEEN;
	out->packets = list->unseen;
	out->first_us = list->first_us;
	out->last_us = list->last_us;
	return true;
}

bool targets_at(const struct targets *targets, uint64_t *cursor, struct wall_target *out)
{
	for (; *cursor / SLOTS < targets->n; ++*cursor) {
		const struct target_list *list = targets->all[*cursor / SLOTS];

		if (!fill_slot(list, *cursor % SLOTS, out))
			continue;
		++*cursor;
		return true;
	}
	return false;
}
