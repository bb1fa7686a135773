/*
 * The kernel's counters are the truth, read with one small request where a report is due. Logged
 * packets are told where they went, a few places at a time. What was counted beyond them is told
 * twice a second at most, and not before the log has had the time to come: it may still say where
 * the last ones went.
 *
 * A counter that is lower than before was reset by another hand; what it had is kept in the base.
 */
#include "warden/tally.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TALKERS_MAX (NG_SANDBOXES_CEILING + 1u)
#define AWAKE_US    3000000u
#define LOOK_US     1000000u
#define LOG_US      500000u /* the kernel holds a logged packet back for a tenth of a second */

static struct talker *find(const struct tally *tally, uint32_t sandbox)
{
	struct talker *talker;

	HASH_FIND(hh, tally->by_sandbox, &sandbox, sizeof(sandbox), talker);
	return talker;
}

static struct talker *find_or_make(struct tally *tally, uint32_t sandbox)
{
	struct talker *talker = find(tally, sandbox);

	if (talker)
		return talker;
	talker = tally->n < TALKERS_MAX ? calloc(1, sizeof(*talker)) : NULL;
	if (!talker)
		return NULL;
	talker->sandbox = sandbox;
	HASH_ADD(hh, tally->by_sandbox, sandbox, sizeof(talker->sandbox), talker);
	if (!talker->hh.tbl) {
		free(talker);
		return NULL;
	}
	tally->n++;
	return talker;
}

static void fall_asleep(struct tally *tally, struct talker *talker)
{
	for (int kind = 0; kind < COUNT_KINDS; kind++) {
		free(talker->kinds[kind].talk);
		talker->kinds[kind].talk = NULL;
	}
	if (!talker->awake)
		return;
	DL_DELETE(tally->awake, talker);
	tally->n_awake--;
	talker->awake = false;
}

static void drop(struct tally *tally, struct talker *talker)
{
	fall_asleep(tally, talker);
	HASH_DELETE(hh, tally->by_sandbox, talker);
	tally->n--;
	free(talker);
}

void tally_finish(struct tally *tally)
{
	struct talker *talker, *next;

	if (!tally)
		return;
	HASH_ITER (hh, tally->by_sandbox, talker, next) {
		drop(tally, talker);
	}
	*tally = (struct tally){0};
}

static void wake(struct tally *tally, struct talker *talker, uint64_t now_us)
{
	talker->awake_us = now_us + AWAKE_US;
	if (talker->awake)
		return;
	DL_APPEND(tally->awake, talker);
	tally->n_awake++;
	talker->awake = true;
}

/* ---- numbers ---- */

uint64_t talker_counted(const struct talker *talker, enum count_kind kind)
{
	return talker->kinds[kind].base + talker->kinds[kind].kernel;
}

static uint64_t untold(const struct talker *talker, int kind)
{
	uint64_t counted = talker_counted(talker, (enum count_kind)kind);

	return counted > talker->kinds[kind].told ? counted - talker->kinds[kind].told : 0;
}

static void note(struct talker *talker, int kind, uint64_t packets)
{
	if (packets < talker->kinds[kind].kernel)
		talker->kinds[kind].base += talker->kinds[kind].kernel;
	talker->kinds[kind].kernel = packets;
}

/* One that cannot be read is as it was. */
static void read_counter(struct kernel *kernel, struct talker *talker, int kind)
{
	const struct count_name name = {.sandbox = talker->sandbox, .kind = (uint8_t)kind};
	uint64_t packets;

	if (counter_read(&kernel->netlink, kernel->table.table, &name, &packets) == NG_OK)
		note(talker, kind, packets);
}

/* ---- before us ---- */

struct adoption {
	struct tally *tally;
	bool failed;
};

static void adopt_one(void *who, const struct count_name *name, uint64_t packets)
{
	struct adoption *adoption = who;
	struct talker *talker = find_or_make(adoption->tally, name->sandbox);

	adoption->failed |= !talker;
	if (!talker)
		return;
	if (name->told)
		talker->kinds[name->kind].told = packets;
	else
		talker->kinds[name->kind].kernel = packets;
	talker->framed |= name->kind == COUNT_FRAMES && !name->told;
}

int tally_adopt(struct tally *tally, struct kernel *kernel, const char *table)
{
	struct adoption adoption = {.tally = tally};
	int code = counters_dump(&kernel->netlink, table, adopt_one, &adoption);

	return code == NG_OK && adoption.failed ? NG_E_NOMEM : code;
}

static void refresh_one(void *who, const struct count_name *name, uint64_t packets)
{
	struct talker *talker = find(who, name->sandbox);

	if (talker && !name->told)
		note(talker, name->kind, packets);
}

int tally_refresh(struct tally *tally, struct kernel *kernel)
{
	return counters_dump(&kernel->netlink, kernel->table.table, refresh_one, tally);
}

/* ---- comings and goings ---- */

bool tally_framed(const struct tally *tally, uint32_t sandbox)
{
	const struct talker *talker = find(tally, sandbox);

	return talker && talker->framed;
}

/* Is there a counter of that kind? */
static bool has_counter(const struct talker *talker, uint8_t kind)
{
	return talker->sandbox != COUNT_NOBODY && (kind != COUNT_FRAMES || talker->framed);
}

int tally_enrol(struct tally *tally, uint32_t sandbox, bool framed, uint64_t now_us,
		struct ops *ops)
{
	const struct count_name frames = {.sandbox = sandbox, .kind = COUNT_FRAMES};
	struct talker *talker = find_or_make(tally, sandbox);

	if (!talker)
		return NG_E_NOMEM;
	if (framed && !talker->framed && talker->claimed) /* it comes to a bridge now */
		op_counter(ops, &frames, talker_counted(talker, COUNT_FRAMES));
	talker->framed |= framed;
	if (talker->claimed)
		return NG_OK;
	talker->claimed = true;
	for (uint8_t kind = 0; kind < COUNT_KINDS; kind++) {
		const struct count_name name = {.sandbox = sandbox, .kind = kind};

		if (has_counter(talker, kind))
			op_counter(ops, &name, talker_counted(talker, kind));
		talker->kinds[kind].due = untold(talker, kind) > 0;
		if (talker->kinds[kind].due)
			wake(tally, talker, now_us);
	}
	return NG_OK;
}

static void remove_counters(const struct talker *talker, struct ops *ops, uint32_t tag)
{
	for (uint8_t kind = 0; kind < COUNT_KINDS; kind++) {
		struct count_name name = {.sandbox = talker->sandbox, .kind = kind};

		if (has_counter(talker, kind))
			op_counter_remove(ops, &name, tag);
		name.told = true;
		if (talker->kinds[kind].told) /* it was kept */
			op_counter_remove(ops, &name, tag);
	}
}

void tally_forget(struct tally *tally, uint32_t sandbox, struct ops *ops, uint32_t tag)
{
	struct talker *talker = find(tally, sandbox);

	if (!talker)
		return;
	remove_counters(talker, ops, tag);
	drop(tally, talker);
}

void tally_drop_unclaimed(struct tally *tally, struct ops *ops, uint32_t tag)
{
	struct talker *talker, *next;

	HASH_ITER (hh, tally->by_sandbox, talker, next) {
		if (talker->claimed || talker->sandbox == COUNT_NOBODY)
			continue;
		remove_counters(talker, ops, tag);
		drop(tally, talker);
	}
}

void tally_refill(struct tally *tally, struct kernel *kernel, struct ops *ops)
{
	struct talker *talker, *next;

	HASH_ITER (hh, tally->by_sandbox, talker, next) {
		for (uint8_t kind = 0; kind < COUNT_KINDS; kind++) {
			const struct count_name name = {.sandbox = talker->sandbox,
							.kind = kind};
			uint64_t counted = talker_counted(talker, kind);

			if (has_counter(talker, kind))
				op_counter(ops, &name, counted);
			else if (kind == COUNT_FORGED)
				kernel->nobodys = counted;
			if (talker->kinds[kind].told)
				talker_keep(talker, kind, ops);
		}
	}
}

void tally_rebuilt(struct tally *tally)
{
	struct talker *talker, *next;

	HASH_ITER (hh, tally->by_sandbox, talker, next) {
		for (int kind = 0; kind < COUNT_KINDS; kind++) {
			talker->kinds[kind].kernel += talker->kinds[kind].base;
			talker->kinds[kind].base = 0;
		}
	}
}

/* ---- hearing and looking ---- */

static bool same_place(const struct wall_blocked *a, const struct wall_blocked *b)
{
	return ng_addr_equal(&a->to, &b->to) && a->proto == b->proto && a->port == b->port &&
	       a->trick == b->trick;
}

/* Where a packet went when there are more places than samples is not told, only that it was. */
static void add_sample(struct talk *talk, const struct wall_blocked *packet)
{
	for (size_t i = 0; i < talk->n; i++) {
		if (!same_place(&talk->samples[i].packet, packet))
			continue;
		talk->samples[i].packet = *packet;
		talk->samples[i].heard++;
		return;
	}
	if (talk->n < SAMPLES_MAX)
		talk->samples[talk->n++] = (struct sample){.packet = *packet, .heard = 1};
}

void tally_hear(struct tally *tally, enum count_kind kind, const struct wall_blocked *packet,
		uint64_t now_us)
{
	struct talker *talker = find(tally, packet->sandbox);
	struct talk *talk;

	if (!talker)
		return;
	talk = talker->kinds[kind].talk;
	if (!talk) {
		talk = calloc(1, sizeof(*talk));
		if (!talk)
			return;
		talker->kinds[kind].talk = talk;
	}
	if (packet->to.family != NG_NOFAMILY)
		add_sample(talk, packet);
	talk->last = *packet;
	talker->kinds[kind].due = true;
	wake(tally, talker, now_us);
}

static void look_at(struct tally *tally, struct talker *talker, struct kernel *kernel,
		    uint64_t now_us)
{
	bool due = false;

	for (int kind = 0; kind < COUNT_KINDS; kind++) {
		if (talker->kinds[kind].talk)
			read_counter(kernel, talker, kind);
		talker->kinds[kind].due |= untold(talker, kind) > 0;
		due |= talker->kinds[kind].due;
	}
	if (!due && now_us >= talker->awake_us)
		fall_asleep(tally, talker);
}

void tally_look(struct tally *tally, struct kernel *kernel, uint64_t now_us)
{
	struct talker *talker, *next;

	if (!tally->awake || now_us - tally->looked_us < LOOK_US)
		return;
	tally->looked_us = now_us;
	DL_FOREACH_SAFE (tally->awake, talker, next)
		look_at(tally, talker, kernel, now_us);
}

struct talker *tally_next(struct tally *tally)
{
	struct talker *talker = tally->awake;

	DL_DELETE(tally->awake, talker);
	DL_APPEND(tally->awake, talker);
	return talker;
}

/* ---- telling ---- */

/* The first samples, as far as there is room; returns how many, and what they come to in *packets. */
static size_t take_samples(struct talk *talk, struct wall_blocked *out, size_t room,
			   uint64_t left, uint64_t *packets)
{
	size_t n = 0, taken = 0;

	for (; talk && taken < talk->n && n < room; taken++) {
		const struct sample *sample = &talk->samples[taken];
		uint64_t count = sample->heard < left ? sample->heard : left;

		if (!count) /* told before its log came */
			continue;
		out[n] = sample->packet;
		out[n].count = count;
		out[n++].logged = (uint32_t)count;
		left -= count;
		*packets += count;
	}
	if (talk) {
		talk->n -= taken;
		memmove(talk->samples, talk->samples + taken, talk->n * sizeof(*talk->samples));
	}
	return n;
}

/*
 * How many of those that are left were counted so long ago that the log would have come. Which is
 * found out in two looks: what there is at the one is what is old at the other.
 */
static uint64_t rest_of(struct talk *talk, uint64_t counted, uint64_t left, uint64_t now_us)
{
	uint64_t since;

	if (!talk)
		return left;
	if (!talk->marked_us) {
		talk->mark = counted;
		talk->marked_us = now_us;
	}
	if (now_us < talk->marked_us + LOG_US)
		return 0;
	talk->marked_us = 0;
	since = counted - talk->mark;
	return left > since ? left - since : 0;
}

/* Packets that nobody saw go anywhere: like the last one that was seen, if one was. */
static void tell_rest(const struct talker *talker, enum count_kind kind, uint64_t packets,
		      struct wall_blocked *out)
{
	const struct talk *talk = talker->kinds[kind].talk;

	*out = talk ? talk->last : (struct wall_blocked){.sandbox = talker->sandbox};
	out->observed = kind == COUNT_OBSERVED;
	if (kind == COUNT_FORGED && !talk)
		out->trick = WALL_TRICK_SOURCE;
	else if (kind == COUNT_FRAMES)
		out->trick = WALL_TRICK_FRAME;
	out->count = packets;
	out->logged = 0;
}

size_t tally_take(struct kernel *kernel, struct talker *talker, enum count_kind kind,
		  uint64_t now_us, struct wall_blocked *out, size_t room, bool scarce)
{
	struct talk *talk = talker->kinds[kind].talk;
	uint64_t left, packets = 0;
	size_t n;

	if (!talker->kinds[kind].due)
		return 0;
	read_counter(kernel, talker, kind);
	left = untold(talker, kind);
	n = take_samples(talk, out, room, left, &packets);
	left -= packets;
	talker->kinds[kind].due = left > 0 || (talk && talk->n);
	if (left && n == room && scarce) { /* all that there is to tell is in the last one */
		talk->n = 0;
		out[n - 1].count += left;
		talker->kinds[kind].due = false;
		return n;
	}
	if (!left || n == room)
		return n;
	left = rest_of(talk, talker_counted(talker, kind), left, now_us);
	if (!left)
		return n;
	tell_rest(talker, kind, left, &out[n]);
	return n + 1;
}

void talker_told(struct talker *talker, enum count_kind kind, const struct wall_blocked *report)
{
	talker->kinds[kind].told += report->count;
}

void talker_keep(const struct talker *talker, enum count_kind kind, struct ops *ops)
{
	const struct count_name name = {
		.sandbox = talker->sandbox, .kind = (uint8_t)kind, .told = true};

	op_counter_set(ops, &name, talker->kinds[kind].told);
}
