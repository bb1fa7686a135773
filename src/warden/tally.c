/*
 * The kernel's counters are the truth, read with one small request for each report. Where there is
 * no element for a source (more sources than the set takes), the packets heard of in the log stand
 * in. A counter that is lower than before belongs to a table that was built anew.
 */
#include "warden/tally.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TALKERS_MAX 65536u
#define AWAKE_US    3000000u
#define LOOK_US     1000000u

static enum set_id set_of(enum tally_kind kind, const struct ng_addr *source)
{
	return (kind == TALLY_REFUSED ? SET_REFUSED4 : SET_SEEN4) + (source->family == NG_IPV6);
}

static struct talker *find(const struct tally *tally, const struct ng_addr *source)
{
	struct talker *talker;

	HASH_FIND(hh, tally->by_source, source, sizeof(*source), talker);
	return talker;
}

static struct talker *make(struct tally *tally, const struct ng_addr *source)
{
	struct talker *talker = tally->n < TALKERS_MAX ? calloc(1, sizeof(*talker)) : NULL;

	if (!talker)
		return NULL;
	talker->source = *source;
	HASH_ADD(hh, tally->by_source, source, sizeof(talker->source), talker);
	if (!talker->hh.tbl) {
		free(talker);
		return NULL;
	}
	tally->n++;
	return talker;
}

void tally_finish(struct tally *tally)
{
	struct talker *talker, *next;

	if (!tally)
		return;
	HASH_ITER (hh, tally->by_source, talker, next) {
		HASH_DELETE(hh, tally->by_source, talker);
		free(talker);
	}
	*tally = (struct tally){0};
}

/* ---- before us ---- */

struct adoption {
	struct tally *tally;
	bool failed;
};

static void adopt_one(void *who, enum set_id set, const struct element *element)
{
	struct adoption *adoption = who;
	bool v6 = set == SET_REFUSED6 || set == SET_SEEN6;
	struct ng_addr source = ng_addr_make(v6 ? NG_IPV6 : NG_IPV4, element->key);
	struct talker *talker = find(adoption->tally, &source);

	if (!talker)
		talker = make(adoption->tally, &source);
	if (talker)
		talker->kinds[set >= SET_SEEN4].told = element->packets;
	adoption->failed |= !talker;
}

int tally_adopt(struct tally *tally, struct kernel *kernel, const char *table)
{
	struct adoption adoption = {.tally = tally};
	int code = NG_OK;

	for (int set = SET_REFUSED4; code == NG_OK && set <= SET_SEEN6; set++)
		code = set_dump(&kernel->netlink, table, (enum set_id)set, adopt_one,
				&adoption);
	return code == NG_OK && adoption.failed ? NG_E_NOMEM : code;
}

/* ---- hearing and looking ---- */

static void wake(struct tally *tally, struct talker *talker, uint64_t now_us)
{
	talker->awake_us = now_us + AWAKE_US;
	if (!talker->awake)
		DL_APPEND(tally->awake, talker);
	talker->awake = true;
}

void tally_hear(struct tally *tally, const struct wall_blocked *packet, uint64_t now_us)
{
	enum tally_kind kind = packet->observed ? TALLY_OBSERVED : TALLY_REFUSED;
	struct talker *talker = find(tally, &packet->from);

	if (!talker)
		talker = make(tally, &packet->from);
	if (!talker)
		return;
	talker->kinds[kind].last = *packet;
	talker->kinds[kind].heard++;
	talker->kinds[kind].due = true;
	wake(tally, talker, now_us);
}

/* How many packets are not told yet. */
static uint64_t untold(struct talker *talker, enum tally_kind kind, struct kernel *kernel,
		       uint64_t *counted)
{
	const struct ng_addr *source = &talker->source;
	int code = set_counter(&kernel->netlink, kernel->table.table, set_of(kind, source),
			       source->bytes, counted);

	if (code != NG_OK) {
		*counted = talker->kinds[kind].told;
		return talker->kinds[kind].heard;
	}
	if (*counted < talker->kinds[kind].told)
		talker->kinds[kind].told = 0;
	return *counted - talker->kinds[kind].told;
}

static void look_at(struct tally *tally, struct talker *talker, struct kernel *kernel,
		    uint64_t now_us)
{
	uint64_t counted;
	bool due = false;

	for (int kind = 0; kind < TALLY_KINDS; kind++) {
		if (talker->kinds[kind].last.from.family) /* it has talked in this way */
			talker->kinds[kind].due |= untold(talker, kind, kernel, &counted) > 0;
		due |= talker->kinds[kind].due;
	}
	if (due || now_us < talker->awake_us)
		return;
	DL_DELETE(tally->awake, talker);
	talker->awake = false;
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

/* ---- telling ---- */

bool tally_take(struct kernel *kernel, const struct sandboxes *sandboxes, struct talker *talker,
		enum tally_kind kind, struct wall_blocked *out)
{
	const struct sandbox *sandbox = sandboxes_owner(sandboxes, &talker->source);
	uint64_t counted, n;

	if (!talker->kinds[kind].due)
		return false;
	n = untold(talker, kind, kernel, &counted);
	talker->kinds[kind].told = counted;
	talker->kinds[kind].heard = 0;
	talker->kinds[kind].due = false;
	if (!n || !sandbox) /* told before its log came; or the sandbox is gone */
		return false;
	*out = talker->kinds[kind].last;
	out->sandbox = sandbox->is.id;
	out->count = n;
	return true;
}

void tally_give_back(struct talker *talker, enum tally_kind kind,
		     const struct wall_blocked *report)
{
	talker->kinds[kind].told -= report->count <= talker->kinds[kind].told
					    ? report->count
					    : talker->kinds[kind].told;
	talker->kinds[kind].due = true;
}
