/*
 * What limits have refused each sandbox, or taken from it: counted exactly, and said once in a while.
 *
 * A flood may come to a hundred thousand refusals a second, and the log takes only so many of their
 * records. So these numbers have a record of their own, which holds sums and no steps: one that gets
 * lost loses nothing that the next does not say.
 */
#include "gate/engine.h"

#include <string.h>

const char *ng_limit_word(enum ng_limit limit)
{
	static const char *const words[NG_LIMITS] = {
		[NG_LIMIT_RATE] = "rate",
		[NG_LIMIT_PENDING] = "pending",
		[NG_LIMIT_BUDGET] = "budget",
		[NG_LIMIT_LEASES] = "leases",
		[NG_LIMIT_EVICTED] = "evicted",
		[NG_LIMIT_UPSTREAM] = "upstream",
		[NG_LIMIT_WAITING] = "waiting",
		[NG_LIMIT_CACHE] = "cache",
		[NG_LIMIT_CONNECTIONS] = "connections",
		[NG_LIMIT_CLOSED] = "closed",
	};

	return limit < NG_LIMITS ? words[limit] : "unknown";
}

void limited(struct ng_gate *gate, struct sandbox *sandbox, enum ng_limit limit)
{
	if (!sandbox)
		return;
	sandbox->limited[limit]++;
	sandbox->limits_untold = gate->limits_untold = true;
}

void ng_gate_limited(struct ng_gate *gate, uint32_t sandbox, enum ng_limit limit)
{
	if (limit < NG_LIMITS)
		limited(gate, directory_by_id(&gate->directory, sandbox), limit);
}

static void limits_record(struct ng_gate *gate, struct sandbox *sandbox)
{
	uint64_t *limits = arena_alloc(&gate->words, sizeof(sandbox->limited));
	struct ng_record *record;

	if (!limits)
		return;
	memcpy(limits, sandbox->limited, sizeof(sandbox->limited));
	sandbox->limits_untold = false;
	record = &action_add(gate, NG_RECORD)->record;
	record->event = NG_EVENT_LIMITS;
	record->sandbox = sandbox->spec.id;
	record->mode = sandbox->spec.mode;
	record->sandbox_name = word_text(gate, sandbox->spec.name);
	record->version = gate->version;
	record->limits = limits;
}

void ng_gate_limits_tell(struct ng_gate *gate, uint64_t now_us)
{
	struct sandbox *sandbox, *spare;

	actions_begin(gate, now_us);
	if (!gate->limits_untold)
		return;
	gate->limits_untold = false;
	HASH_ITER (hh, gate->directory.by_id, sandbox, spare) {
		if (sandbox->limits_untold)
			limits_record(gate, sandbox);
	}
}

/* When the sandbox behind the cursor is gone it begins anew: better twice than not at all. */
bool ng_gate_limits_at(const struct ng_gate *gate, uint64_t *cursor, uint32_t *sandbox,
		       uint64_t out[static NG_LIMITS])
{
	static const uint64_t nothing[NG_LIMITS];
	const struct sandbox *last = directory_by_id(&gate->directory, (uint32_t)*cursor);
	const struct sandbox *at = last ? last->hh.next : gate->directory.by_id;

	while (at && memcmp(at->limited, nothing, sizeof(nothing)) == 0)
		at = at->hh.next;
	if (!at)
		return false;
	*cursor = *sandbox = at->spec.id;
	memcpy(out, at->limited, sizeof(at->limited));
	return true;
}
