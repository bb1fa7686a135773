/*
 * What a sandbox may tell the world by the names that it asks for, and how often it may ask at all.
 *
 * Below a wildcard the labels of a name are the sandbox's to choose, and whoever serves the zone reads
 * them. So each question that leaves for such a name costs octets: those of its labels below the
 * wildcard's owner when the name is new, and KNOWN_COST when it is one of the names that the sandbox has
 * asked for before, since which of them comes next can still be a message. Every wildcard of every sandbox
 * has so many octets a minute, and a while's worth of them in store, for the beginning of an installation.
 *
 * What the cache answers costs nothing, nor does what is denied: nobody outside hears of it. But that a
 * name in use is asked for again before its answer ends is the sandbox's doing too, and costs KNOWN_COST;
 * where that is not left, nobody is asked, and nobody is told.
 *
 * A new name is what the table of known ones does not hold; being forgotten there makes a name dearer,
 * never cheaper. Both bounds are kept as one moment each: when all that was spent will have come back.
 *
 * That moment outlives the process and the sandbox: else a restart, or a registration under the same
 * name, would fill the store. The caller is told of it ahead, before the question leaves: a minute's worth
 * more than was spent, so that he hears of it once for many names, and a kill forgets nothing.
 */
#include "gate/engine.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

#define MINUTE_US   (60 * (uint64_t)SECOND_US)
#define SECOND_NS   UINT64_C(1000000000)
#define KNOWN_SLOTS 4096 /* pairs of two */
#define KNOWN_COST  2    /* octets that number the slots */
#define UNITS_MAX   256  /* of one sandbox; beyond them wildcards share one */
#define QUIET_US    MINUTE_US

struct unit {               /* a wildcard that a sandbox has asked below */
	uint64_t full_us;   /* when nothing of it will be spent any more */
	uint64_t kept_us;   /* and what the caller was told of that */
	uint64_t denied_us; /* last time that something was too much */
	struct ng_name owner;
	UT_hash_handle hh;
};

struct spending { /* of a sandbox; or of one that is gone, by its name */
	struct unit *units;
	uint64_t *known; /* hashes of names; 0: none. NULL for one that is gone */
	char name[NG_SANDBOX_NAME_MAX];
	UT_hash_handle hh;
};

/* ---- questions a second ---- */

bool rate_allows(struct ng_gate *gate, struct sandbox *sandbox)
{
	uint64_t now_ns = gate->now_us * 1000;
	uint64_t cost_ns = SECOND_NS / gate->settings.limits.queries_sandbox;
	uint64_t from_ns = sandbox->asked_ns > now_ns ? sandbox->asked_ns : now_ns;

	if (from_ns + cost_ns > now_ns + SECOND_NS) {
		gate->counters.over_rate++;
		limited(gate, sandbox, NG_LIMIT_RATE);
		return false;
	}
	sandbox->asked_ns = from_ns + cost_ns;
	return true;
}

/* ---- names ---- */

uint32_t budget_of(const struct ng_gate *gate, const struct sandbox *sandbox)
{
	return sandbox->spec.budget ? sandbox->spec.budget : gate->settings.budget;
}

/* The octets of name before its last n labels, the root not counted. */
static size_t octets_before(const struct ng_name *name, size_t n)
{
	size_t labels = 0, at = 0;

	for (size_t i = 0; name->wire[i]; i += 1u + name->wire[i])
		labels++;
	for (; labels > n; labels--)
		at += 1u + name->wire[at];
	return at;
}

/* A rule about who asks opens every name, as a wildcard at the root would. */
static size_t labels_of(const struct ng_decision *decision)
{
	return decision->matched && decision->match.trigger == NG_TRIGGER_NAME
		       ? decision->match.labels
		       : 0;
}

static struct unit *unit_add(struct ng_gate *gate, struct spending *spending,
			     const struct ng_name *owner)
{
	struct unit *unit = calloc(1, sizeof(*unit));

	if (!unit)
		return NULL;
	unit->owner = *owner;
	/* Whoever brings the worker down does not get a full store for it: it fills as this life grows. */
	if (gate->settings.resumed)
		unit->full_us = gate->born_us + (NG_BUDGET_MINUTES - 1) * MINUTE_US;
	HASH_ADD_KEYPTR(hh, spending->units, unit->owner.wire, unit->owner.len, unit);
	if (!unit->hh.tbl) {
		free(unit);
		return NULL;
	}
	return unit;
}

static void units_thin(const struct ng_gate *gate, struct spending *spending)
{
	struct unit *unit, *spare;

	HASH_ITER (hh, spending->units, unit, spare) {
		if (unit->full_us > gate->now_us)
			continue;
		HASH_DEL(spending->units, unit);
		free(unit);
	}
}

/* NULL: memory is out. */
static struct unit *unit_of(struct ng_gate *gate, struct spending *spending,
			    const struct ng_name *owner)
{
	static const struct ng_name root = {.len = 1};
	struct unit *unit;

	HASH_FIND(hh, spending->units, owner->wire, owner->len, unit);
	if (unit)
		return unit;
	if (HASH_COUNT(spending->units) >= UNITS_MAX)
		units_thin(gate, spending);
	if (HASH_COUNT(spending->units) < UNITS_MAX || owner->len == 1)
		return unit_add(gate, spending, owner);
	return unit_of(gate, spending, &root);
}

/* Two places for each name; the newer of a pair stands first. */
static bool known(const struct ng_gate *gate, struct spending *spending,
		  const struct ng_name *name, bool note)
{
	uint64_t hash = hash_octets(name->wire, name->len, gate->seed) | 1;
	uint64_t *pair = &spending->known[(hash >> 32) % (KNOWN_SLOTS / 2) * 2];

	if (pair[0] == hash || pair[1] == hash)
		return true;
	if (note) {
		pair[1] = pair[0];
		pair[0] = hash;
	}
	return false;
}

static void unit_keep(struct ng_gate *gate, const struct sandbox *sandbox, struct unit *unit,
		      uint64_t until_us)
{
	struct ng_spent *spent = &action_add(gate, NG_SPENT)->spent;

	unit->kept_us = until_us;
	spent->sandbox_name = word_text(gate, sandbox->spec.name);
	spent->owner = word_name(gate, &unit->owner);
	spent->until_us = until_us;
}

/* Takes so much out; false when there is not that much. */
static bool spend(struct ng_gate *gate, const struct sandbox *sandbox, struct unit *unit,
		  size_t octets)
{
	const uint32_t budget = budget_of(gate, sandbox);
	uint64_t from_us = unit->full_us > gate->now_us ? unit->full_us : gate->now_us;
	uint64_t until_us = from_us + octets * MINUTE_US / budget;

	if (until_us > gate->now_us + NG_BUDGET_MINUTES * MINUTE_US)
		return false;
	unit->full_us = until_us;
	if (until_us > unit->kept_us)
		unit_keep(gate, sandbox, unit, until_us + MINUTE_US);
	return true;
}

static void tell(struct ng_gate *gate, const struct query *query, struct unit *unit)
{
	bool said = unit->denied_us && gate->now_us - unit->denied_us < QUIET_US;
	struct ng_record *record;

	unit->denied_us = gate->now_us;
	gate->counters.over_budget++;
	limited(gate, query->sandbox, NG_LIMIT_BUDGET);
	if (said)
		return;
	record = &action_add(gate, NG_RECORD)->record;
	record->event = NG_EVENT_BUDGET;
	record->sandbox = query->sandbox->spec.id;
	record->mode = query->sandbox->spec.mode;
	record->sandbox_name = word_text(gate, query->sandbox->spec.name);
	record->client = query->from;
	record->name = word_name(gate, &unit->owner);
	record->version = gate->version;
	record->reason = "new names below this one have come to more octets a minute than the "
			 "sandbox may send out by them; said once until a minute has passed "
			 "without";
	record_rule(gate, record, &query->decision);
}

static bool pays(const struct ng_gate *gate, const struct query *query)
{
	return budget_of(gate, query->sandbox) != NG_BUDGET_OFF &&
	       query->sandbox->spec.mode != NG_OBSERVE && !query->paid &&
	       ng_decision_wild(&query->decision);
}

/* With what a sandbox of that name has spent before. NULL: memory is out. */
static struct spending *spending_begin(struct ng_gate *gate, const char *name)
{
	uint64_t *known = calloc(KNOWN_SLOTS, sizeof(*known));
	struct spending *spending = NULL;

	if (!known)
		return NULL;
	HASH_FIND_STR(gate->gone, name, spending);
	if (spending)
		HASH_DEL(gate->gone, spending);
	else
		spending = calloc(1, sizeof(*spending));
	if (!spending) {
		free(known);
		return NULL;
	}
	spending->known = known;
	return spending;
}

/* Of the wildcard whose owner it tells. NULL: memory is out. */
static struct unit *unit_paying(struct ng_gate *gate, const struct query *query,
				struct ng_name *owner)
{
	struct sandbox *sandbox = query->sandbox;
	size_t octets = octets_before(&query->name, labels_of(&query->decision));

	if (!sandbox->spending)
		sandbox->spending = spending_begin(gate, sandbox->spec.name);
	owner->len = (uint8_t)(query->name.len - octets);
	memcpy(owner->wire, query->name.wire + octets, owner->len);
	return sandbox->spending ? unit_of(gate, sandbox->spending, owner) : NULL;
}

bool budget_allows_ahead(struct ng_gate *gate, const struct query *query)
{
	struct ng_name owner;
	struct unit *unit;

	if (!pays(gate, query))
		return true;
	unit = unit_paying(gate, query, &owner);
	return unit && spend(gate, query->sandbox, unit, KNOWN_COST);
}

bool budget_allows(struct ng_gate *gate, struct query *query, struct ng_name *owner)
{
	struct sandbox *sandbox = query->sandbox;
	struct unit *unit;
	size_t octets;

	if (!pays(gate, query))
		return true;
	query->paid = true;
	unit = unit_paying(gate, query, owner);
	if (!unit)
		return false;
	octets = known(gate, sandbox->spending, &query->name, false)
			 ? KNOWN_COST
			 : (size_t)(query->name.len - owner->len);
	if (!spend(gate, sandbox, unit, octets)) {
		tell(gate, query, unit);
		return false;
	}
	(void)known(gate, sandbox->spending, &query->name, true);
	return true;
}

static void spending_free(struct spending *spending)
{
	struct unit *unit, *spare;

	HASH_ITER (hh, spending->units, unit, spare) {
		HASH_DEL(spending->units, unit);
		free(unit);
	}
	free(spending->known);
	free(spending);
}

/* ---- beyond a sandbox's life, and the gate's ---- */

/* Those that have all of it back. */
static void gone_thin(struct ng_gate *gate)
{
	struct spending *spending, *spare;

	HASH_ITER (hh, gate->gone, spending, spare) {
		units_thin(gate, spending);
		if (spending->units)
			continue;
		HASH_DEL(gate->gone, spending);
		spending_free(spending);
	}
}

/* Without memory it is forgotten. */
static struct spending *gone_add(struct ng_gate *gate, struct spending *spending,
				 const char *name)
{
	strncpy(spending->name, name, sizeof(spending->name) - 1);
	HASH_ADD_STR(gate->gone, name, spending);
	if (spending->hh.tbl)
		return spending;
	spending_free(spending);
	return NULL;
}

void spending_leave(struct ng_gate *gate, struct sandbox *sandbox)
{
	struct spending *spending = sandbox->spending, *other;

	sandbox->spending = NULL;
	if (!spending)
		return;
	free(spending->known);
	spending->known = NULL;
	gone_thin(gate);
	units_thin(gate, spending);
	HASH_FIND_STR(gate->gone, sandbox->spec.name, other);
	if (other || !spending->units || HASH_COUNT(gate->gone) >= NG_SANDBOXES_CEILING)
		spending_free(spending);
	else
		(void)gone_add(gate, spending, sandbox->spec.name);
}

void spending_finish(struct ng_gate *gate)
{
	struct spending *spending, *spare;

	HASH_ITER (hh, gate->gone, spending, spare) {
		HASH_DEL(gate->gone, spending);
		spending_free(spending);
	}
}

int ng_gate_spent_adopt(struct ng_gate *gate, uint64_t now_us, const struct ng_spent *spent)
{
	const uint64_t most_us = now_us + NG_BUDGET_MINUTES * MINUTE_US;
	const uint64_t until_us = spent->until_us < most_us ? spent->until_us : most_us;
	struct spending *spending;
	struct unit *unit;

	actions_begin(gate, now_us);
	if (until_us <= now_us)
		return NG_E_RANGE;
	HASH_FIND_STR(gate->gone, spent->sandbox_name, spending);
	if (!spending && HASH_COUNT(gate->gone) >= NG_SANDBOXES_CEILING)
		return NG_E_FULL;
	if (!spending)
		spending = calloc(1, sizeof(*spending));
	if (spending && !spending->hh.tbl)
		spending = gone_add(gate, spending, spent->sandbox_name);
	unit = spending ? unit_of(gate, spending, spent->owner) : NULL;
	if (!unit)
		return NG_E_NOMEM;
	if (until_us > unit->full_us)
		unit->full_us = unit->kept_us = until_us;
	return NG_OK;
}

void ng_gate_spent_tell(struct ng_gate *gate, uint64_t now_us)
{
	struct sandbox *sandbox, *spare;

	actions_begin(gate, now_us);
	HASH_ITER (hh, gate->directory.by_id, sandbox, spare) {
		struct unit *unit = sandbox->spending ? sandbox->spending->units : NULL;

		for (; unit; unit = unit->hh.next) {
			if (unit->kept_us != unit->full_us)
				unit_keep(gate, sandbox, unit, unit->full_us);
		}
	}
}
