/*
 * The id of an event: what a client is told and what stands in its record, so that the one leads to the other.
 *
 * 26 characters that sort by time, in the form of a ULID: ten for milliseconds, sixteen for who and
 * how often. Each sandbox counts for itself: a count that all share would tell one sandbox what its
 * neighbours do. The engine has no clock: the caller says once what wall time its clock's zero was.
 */
#include "gate/engine.h"

#include "base/hash.h"
#include <string.h>

#define TIME_CHARS 10
#define MARK_CHARS 16
#define PART_CHARS 8 /* that are made at once */
#define CHAR_BITS  5
#define PART_BITS  (PART_CHARS * CHAR_BITS)
#define WHO_BITS   48 /* the first forty stand alone, the rest before the count */

void ng_gate_events(struct ng_gate *gate, uint64_t zero_ms, uint64_t nonce)
{
	gate->zero_ms = zero_ms;
	gate->nonce = nonce;
}

static const char digits[32] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* 1 in every octet that is at least n; all are below 128. */
static uint64_t reaches(uint64_t octets, unsigned n)
{
	return (octets + EACH(128u - n)) >> 7 & EACH(1u);
}

/*
 * The lowest eight characters of value, the highest first: the bits are drawn apart into an octet each,
 * and every octet that has passed a digit, or one of the letters that are left out, is moved on.
 */
static void put(char out[static PART_CHARS], uint64_t value)
{
	uint64_t x = (value & 0xfffff) | (value >> 20 & 0xfffff) << 32;

	x = (x & UINT64_C(0x000003ff000003ff)) | (x & UINT64_C(0x000ffc00000ffc00)) << 6;
	x = (x & UINT64_C(0x001f001f001f001f)) | (x & UINT64_C(0x03e003e003e003e0)) << 3;
	x += EACH('0') + reaches(x, 10) * ('A' - '9' - 1) + reaches(x, 18) + reaches(x, 20) +
	     reaches(x, 22) + reaches(x, 27);
	for (unsigned i = 0; i < PART_CHARS; i++)
		out[i] = (char)(x >> 8 * (PART_CHARS - 1 - i));
}

/* Of 50 bits; the same for all questions of a millisecond. */
static void put_time(struct ng_gate *gate, char out[static TIME_CHARS])
{
	uint64_t ms = gate->zero_ms + gate->now_us / 1000;
	char high[PART_CHARS];

	if (!gate->event_time[0] || gate->event_ms != ms) {
		put(high, ms >> PART_BITS);
		memcpy(gate->event_time, high + (2 * PART_CHARS - TIME_CHARS),
		       TIME_CHARS - PART_CHARS);
		put(gate->event_time + TIME_CHARS - PART_CHARS, ms);
		gate->event_ms = ms;
	}
	memcpy(out, gate->event_time, TIME_CHARS);
}

/* Who asks, and how often: anew when the last character has gone round. */
static void put_count(const struct ng_gate *gate, uint32_t id, uint32_t count,
		      char text[static MARK_CHARS])
{
	uint64_t mark = hash_octets(&id, sizeof(id), gate->nonce) >> (64 - WHO_BITS);
	uint64_t rest = mark & ((1u << (WHO_BITS - PART_BITS)) - 1);

	put(text, mark >> (WHO_BITS - PART_BITS));
	put(text + PART_CHARS, rest << 32 | count);
}

void event_id(struct ng_gate *gate, struct sandbox *sandbox, char out[static NG_EVENT_ID])
{
	uint32_t count = sandbox ? ++sandbox->n_events : ++gate->n_events;
	char *mark = sandbox ? sandbox->mark : gate->mark;

	if (!mark[0] || count % sizeof(digits) == 0)
		put_count(gate, sandbox ? sandbox->spec.id : 0, count, mark);
	mark[MARK_CHARS - 1] = digits[count % sizeof(digits)];
	put_time(gate, out);
	memcpy(out + TIME_CHARS, mark, MARK_CHARS);
	out[TIME_CHARS + MARK_CHARS] = '\0';
}
