/*
 * The id of an event: what a client is told and what stands in its record, so that the one leads to the other.
 *
 * 26 characters that sort by time, in the form of a ULID: ten for milliseconds, sixteen for who and
 * how often. Each sandbox counts for itself: a count that all share would tell one sandbox what its
 * neighbours do. The engine has no clock: the caller says once what wall time its clock's zero was.
 */
#include "gate/engine.h"

#include "base/hash.h"

#define TIME_CHARS  10
#define COUNT_BITS  32
#define CHAR_BITS   5
#define WHO_BITS    48
#define WHO_CHARS   8 /* the first forty bits of who; the rest stands before the count */
#define COUNT_CHARS 8

void ng_gate_events(struct ng_gate *gate, uint64_t zero_ms, uint64_t nonce)
{
	gate->zero_ms = zero_ms;
	gate->nonce = nonce;
}

/* The lowest n characters of value, the highest first. */
static char *put(char *out, uint64_t value, unsigned n)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

	for (unsigned i = n; i-- > 0;)
		*out++ = digits[value >> (CHAR_BITS * i) & 31];
	return out;
}

void event_id(struct ng_gate *gate, struct sandbox *sandbox, char out[static NG_EVENT_ID])
{
	const uint32_t who = sandbox ? sandbox->spec.id : 0;
	uint32_t *count = sandbox ? &sandbox->n_events : &gate->n_events;
	uint64_t mark = hash_octets(&who, sizeof(who), gate->nonce) >> (64 - WHO_BITS);
	uint64_t low = (mark & 0xff) << COUNT_BITS | ++*count;

	out = put(out, gate->zero_ms + gate->now_us / 1000, TIME_CHARS);
	out = put(out, mark >> 8, WHO_CHARS);
	*put(out, low, COUNT_CHARS) = '\0';
}
