/*
 * Who was seen, and what they asked for. A name's entry is made by what is first seen of it, and
 * counts for one of three quotas of its sandbox: in use, denied by a rule, or neither. So no flood
 * of names that do not exist takes the room of those that are used, and a sandbox whose denials had no
 * room is known to be one, since no wildcard may be made for it then.
 */
#include "config.h"
#include "offline/learn_inside.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *text;
} whys[LEARN_WHYS] = {
	[LEARN_SILENT] = {"silent", "asked for, but no answer was recorded"},
	[LEARN_USED] = {"used", "used"},
	[LEARN_BARRED] = {"barred", "denied by a rule"},
	[LEARN_DENIED] = {"denied", "denied, and never answered"},
	[LEARN_EMPTY] = {"empty", "there is no such name or data"},
	[LEARN_FAILED] = {"failed", "the look-up failed"},
	[LEARN_PRIVATE] =
		{"private",
		 "all its addresses are private; if they are meant, take the line over"},
	[LEARN_KNOWN] = {"known", "allowed already"},
	[LEARN_REFUSED] = {"refused", "the baseline does not allow it"},
	[LEARN_UNCONNECTED] = {"unconnected", "resolved but never connected to"},
	[LEARN_UNWRITABLE] = {"unwritable", "no host list can hold this name"},
	[LEARN_ODD] = {"odd", "look at it first"},
};

const char *learn_why_name(enum learn_why why)
{
	return whys[why].name;
}

const char *learn_why_text(enum learn_why why)
{
	return whys[why].text;
}

/* ---- life ---- */

int learn_create(const struct who *who, const char *only, struct learn **out)
{
	struct learn *learn = calloc(1, sizeof(*learn));

	if (!learn)
		return NG_E_NOMEM;
	learn->who = who;
	learn->only = only;
	*out = learn;
	return NG_OK;
}

void learn_destroy(struct learn *learn)
{
	struct seen *seen, *next;

	if (!learn)
		return;
	learn_flows_finish(learn);
	people_finish(learn);
	free(learn->sorted);
	free(learn->bars);
	HASH_ITER (hh, learn->seen, seen, next) {
		HASH_DEL(learn->seen, seen);
		free(seen->rule);
		free(seen);
	}
	free(learn);
}

/* ---- names ---- */

static size_t key_len(const struct seen_key *key)
{
	return offsetof(struct seen_key, name.wire) + key->name.len;
}

static uint32_t *quota_of(struct learn_person *person, const struct seen *seen, uint32_t *most)
{
	*most = seen->rule                ? LEARN_ASIDE_MAX
		: seen->evidence.answered ? LEARN_NAMES_MAX
					  : LEARN_ASIDE_MAX;
	return seen->rule                ? &person->n_barred
	       : seen->evidence.answered ? &person->n_used
					 : &person->n_aside;
}

static struct seen *seen_find(const struct learn *learn, const struct seen_key *key)
{
	struct seen *seen;

	HASH_FIND(hh, learn->seen, key, key_len(key), seen);
	return seen;
}

static struct seen *seen_make(struct learn *learn, const struct seen_key *key)
{
	struct seen *seen;

	if (HASH_COUNT(learn->seen) >= LEARN_ALL_MAX)
		return NULL;
	seen = calloc(1, sizeof(*seen));
	if (seen) {
		memcpy(&seen->key, key, key_len(key));
		HASH_ADD_KEYPTR(hh, learn->seen, &seen->key, key_len(key), seen);
	}
	if (seen && seen->hh.tbl)
		return seen;
	free(seen);
	learn->failed = true;
	return NULL;
}

static void answer_count(struct learn_evidence *evidence,
			 const struct traffic_observation *observation)
{
	uint64_t *const counts[] = {
		[TRAFFIC_UNKNOWN] = &evidence->failed,    [TRAFFIC_DENIED] = &evidence->denied,
		[TRAFFIC_ANSWERED] = &evidence->answered, [TRAFFIC_EMPTY] = &evidence->empty,
		[TRAFFIC_FAILED] = &evidence->failed,
	};

	++*counts[observation->fate];
	/* A record says it, a message does not. */
	evidence->doubted |= observation->fate == TRAFFIC_DENIED && observation->proto;
	if (observation->fate == TRAFFIC_ANSWERED)
		evidence_type(evidence, observation->type, 1);
}

static void seen_count(struct learn *learn, struct seen *seen,
		       const struct traffic_observation *observation)
{
	evidence_time(&seen->evidence, observation->wall_us);
	if (observation->kind == TRAFFIC_QUERY)
		seen->evidence.asked++;
	if (observation->kind == TRAFFIC_RESPONSE)
		answer_count(&seen->evidence, observation);
	for (size_t i = 0; i < observation->n_addrs; i++)
		evidence_addr(&seen->evidence, &observation->addrs[i].addr);
	if (observation->denied_by && !seen->rule) {
		seen->rule = strdup(observation->denied_by);
		if (!seen->rule)
			learn->failed = true;
	}
}

/* The entry as it is after this observation must fit its quota, or what was seen is left out. */
static void message_take(struct learn *learn, uint32_t id,
			 const struct traffic_observation *observation)
{
	struct learn_person *person = person_at(learn, id);
	struct seen like = {.rule = NULL}, *seen;
	uint32_t most, *quota, *before = NULL;
	const bool fresh_data = observation->fate == TRAFFIC_ANSWERED;

	like.key.person = id;
	like.key.name.len = observation->name->len;
	memcpy(like.key.name.wire, observation->name->wire, observation->name->len);
	seen = seen_find(learn, &like.key);
	if (seen) {
		before = quota_of(person, seen, &most);
		like.rule = seen->rule;
		like.evidence.answered = seen->evidence.answered;
	}
	like.evidence.answered += fresh_data;
	if (!like.rule)
		like.rule = (char *)observation->denied_by; /* looked at, not kept */
	quota = quota_of(person, &like, &most);
	if (quota != before && *quota < most && !seen)
		seen = seen_make(learn, &like.key);
	if (!seen || (quota != before && *quota >= most)) {
		person->left_out++;
		person->bars_lost |= like.rule != NULL;
		return;
	}
	if (quota != before) {
		++*quota;
		if (before)
			--*before;
	}
	seen_count(learn, seen, observation);
	if (fresh_data && !seen->rule)
		learn_given(learn, id, seen, observation);
}

static struct seen *seen_named(const struct learn *learn, uint32_t person,
			       const struct ng_name *name)
{
	struct seen_key key = {.person = person};

	if (!name)
		return NULL;
	key.name.len = name->len;
	memcpy(key.name.wire, name->wire, name->len);
	return seen_find(learn, &key);
}

void learn_take(void *context, const struct traffic_observation *given)
{
	struct traffic_observation observation = *given;
	struct learn *learn = context;
	uint32_t person = person_of(learn, &observation);

	if (!person)
		return;
	if (observation.kind == TRAFFIC_FLOW)
		learn_flow(learn, person, seen_named(learn, person, observation.name),
			   &observation);
	else
		message_take(learn, person, &observation);
}

static int by_person(const void *left, const void *right)
{
	const struct seen *const *a = left, *const *b = right;

	if ((*a)->key.person != (*b)->key.person)
		return (*a)->key.person < (*b)->key.person ? -1 : 1;
	return tree_order(&(*a)->key.name, &(*b)->key.name);
}

static void seen_sort(struct learn *learn)
{
	const struct seen *seen;

	free(learn->sorted);
	free(learn->bars);
	learn->n_sorted = learn->n_bars = 0;
	learn->sorted = calloc(HASH_COUNT(learn->seen) + 1, sizeof(*learn->sorted));
	learn->bars = calloc(HASH_COUNT(learn->seen) + 1, sizeof(*learn->bars));
	if (!learn->sorted || !learn->bars) {
		learn->failed = true;
		return;
	}
	for (seen = learn->seen; seen; seen = seen->hh.next) {
		learn->sorted[learn->n_sorted++] = seen;
		if (seen->rule)
			learn->bars[learn->n_bars++] = seen->key.name;
	}
	qsort(learn->sorted, learn->n_sorted, sizeof(*learn->sorted), by_person);
	tree_sort(learn->bars, learn->n_bars);
}

int learn_end(struct learn *learn)
{
	learn_rank(learn);
	seen_sort(learn);
	return learn->failed ? NG_E_NOMEM : NG_OK;
}

/* ---- looking in ---- */

uint32_t learn_people(const struct learn *learn)
{
	return learn->n_people;
}

const struct learn_person *learn_person(const struct learn *learn, uint32_t id)
{
	return person_at(learn, id);
}

const struct learn_place *const *learn_places(const struct learn *learn, size_t *n)
{
	*n = HASH_COUNT(learn->places);
	return learn->ranked;
}

uint64_t learn_places_lost(const struct learn *learn)
{
	return learn->places_lost;
}

uint64_t learn_strangers(const struct learn *learn)
{
	return learn->strangers;
}

size_t learn_stranger_addrs(const struct learn *learn, const struct ng_addr **out)
{
	*out = learn->stranger_addrs;
	return learn->n_stranger_addrs;
}
