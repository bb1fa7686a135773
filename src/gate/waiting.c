/*
 * Names that a rule says to ask about. They are denied until somebody approves; here stands what
 * there is to approve. Bounded in all and for each sandbox: when it is full, new names are denied
 * like the others and only not listed, so that a flood hides nothing that was there before it.
 */
#include "gate/engine.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

struct key {
	uint32_t sandbox;
	struct ng_name name;
};

static unsigned key_len(const struct ng_name *name)
{
	return (unsigned)(offsetof(struct key, name) + offsetof(struct ng_name, wire) +
			  name->len);
}

static unsigned key_hash(const struct ng_gate *gate, const void *key,
			 const struct ng_name *name)
{
	return (unsigned)hash_octets(key, key_len(name), gate->seed);
}

static struct waiting *waiting_find(const struct ng_gate *gate, uint32_t sandbox,
				    const struct ng_name *name)
{
	struct key key = {.sandbox = sandbox, .name = *name};
	struct waiting *found;

	ng_name_lower(&key.name);
	HASH_FIND_BYHASHVALUE(hh, gate->waiting, &key, key_len(name),
			      key_hash(gate, &key, name), found);
	return found;
}

static void waiting_tell(struct ng_gate *gate, struct waiting *waiting, bool gone)
{
	struct ng_waiting *told = &action_add(gate, NG_WAITING)->waiting;

	*told = waiting->shown;
	told->name = word_name(gate, &waiting->name);
	told->path = word_text(gate, waiting->path);
	told->gone = gone;
	waiting->untold = false;
}

static struct waiting *waiting_add(struct ng_gate *gate, struct sandbox *sandbox,
				   const struct ng_name *name, const char *path)
{
	struct waiting *waiting;

	if (sandbox->n_waiting >= NG_WAITING_SANDBOX_MAX ||
	    HASH_COUNT(gate->waiting) >= NG_WAITING_MAX) {
		limited(gate, sandbox, NG_LIMIT_WAITING);
		return NULL;
	}
	waiting = calloc(1, sizeof(*waiting));
	if (!waiting)
		return NULL;
	waiting->sandbox = sandbox->spec.id;
	waiting->name = *name;
	ng_name_lower(&waiting->name);
	strncpy(waiting->path, path, sizeof(waiting->path) - 1);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, gate->waiting, &waiting->sandbox, key_len(name),
				    key_hash(gate, &waiting->sandbox, name), waiting);
	if (!waiting->hh.tbl) {
		free(waiting);
		return NULL;
	}
	sandbox->n_waiting++;
	return waiting;
}

static uint64_t next_id(const struct ng_gate *gate)
{
	const uint64_t id = gate->last_waiting + 1,
		       of = gate->waiting_of ? gate->waiting_of : 1;

	return id + (gate->waiting_which + of - id % of) % of;
}

void waiting_note(struct ng_gate *gate, struct sandbox *sandbox, const struct ng_name *name,
		  const struct ng_decision *decision)
{
	struct waiting *waiting = waiting_find(gate, sandbox->spec.id, name);

	if (!waiting) {
		waiting = waiting_add(gate, sandbox, name, decision->match.path);
		if (!waiting)
			return;
		waiting->shown = (struct ng_waiting){
			.id = gate->last_waiting = next_id(gate),
			.sandbox = sandbox->spec.id,
			.name = &waiting->name,
			.path = waiting->path,
			.line = decision->match.line,
			.first_us = gate->now_us,
		};
	}
	waiting->shown.last_us = gate->now_us;
	waiting->untold = true;
	gate->waiting_untold = true;
	if (++waiting->shown.count == 1)
		waiting_tell(gate, waiting, false);
}

void ng_gate_waiting_tell(struct ng_gate *gate, uint64_t now_us)
{
	actions_begin(gate, now_us);
	if (!gate->waiting_untold)
		return;
	gate->waiting_untold = false;
	for (struct waiting *at = gate->waiting; at; at = at->hh.next) {
		if (at->untold)
			waiting_tell(gate, at, false);
	}
}

void ng_gate_waiting_from(struct ng_gate *gate, uint64_t last)
{
	if (last > gate->last_waiting)
		gate->last_waiting = last;
}

void ng_gate_waiting_share(struct ng_gate *gate, uint32_t which, uint32_t of)
{
	gate->waiting_which = of ? which % of : 0;
	gate->waiting_of = of;
}

int ng_gate_waiting_adopt(struct ng_gate *gate, uint64_t now_us, const struct ng_waiting *from)
{
	struct sandbox *sandbox = directory_by_id(&gate->directory, from->sandbox);
	struct waiting *waiting;
	struct ng_decision decision = {0};

	actions_begin(gate, now_us);
	if (sandbox)
		ng_policy_decide(&sandbox->spec.policy, from->name, &decision);
	if (decision.verdict != NG_ASK)
		return NG_E_NOTFOUND;
	if (waiting_find(gate, from->sandbox, from->name))
		return NG_OK;
	waiting = waiting_add(gate, sandbox, from->name, from->path);
	if (!waiting)
		return NG_E_FULL;
	waiting->shown = *from;
	waiting->shown.name = &waiting->name;
	waiting->shown.path = waiting->path;
	ng_gate_waiting_from(gate, from->id);
	return NG_OK;
}

static void waiting_drop(struct ng_gate *gate, struct waiting *waiting)
{
	struct sandbox *sandbox = directory_by_id(&gate->directory, waiting->sandbox);

	if (sandbox)
		sandbox->n_waiting--;
	waiting_tell(gate, waiting, true);
	HASH_DEL(gate->waiting, waiting);
	free(waiting);
}

void waiting_forget(struct ng_gate *gate, uint32_t sandbox)
{
	struct waiting *waiting, *spare;

	HASH_ITER (hh, gate->waiting, waiting, spare) {
		if (waiting->shown.sandbox == sandbox)
			waiting_drop(gate, waiting);
	}
}

void waiting_judge(struct ng_gate *gate)
{
	struct waiting *waiting, *spare;

	HASH_ITER (hh, gate->waiting, waiting, spare) {
		const struct sandbox *sandbox =
			directory_by_id(&gate->directory, waiting->shown.sandbox);
		struct ng_decision decision;

		if (sandbox)
			ng_policy_decide(&sandbox->spec.policy, &waiting->name, &decision);
		if (!sandbox || decision.verdict != NG_ASK)
			waiting_drop(gate, waiting);
	}
}

void waiting_finish(struct ng_gate *gate)
{
	while (gate->waiting)
		waiting_drop(gate, gate->waiting);
}

bool ng_gate_waiting_at(const struct ng_gate *gate, uint64_t *cursor, struct ng_waiting *out)
{
	for (const struct waiting *at = gate->waiting; at; at = at->hh.next) {
		if (at->shown.id <= *cursor)
			continue;
		*cursor = at->shown.id;
		*out = at->shown;
		return true;
	}
	return false;
}
