/*
 * A table by number, in the order in which rows were last shown; the first ones make room.
 */
#include "config.h"
#include "daemon/shown.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
/* What has no room in the table counts as forgotten. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct shown_row {
	uint64_t id;
	uint32_t sandbox;
	uint8_t name_len;
	UT_hash_handle hh;
	uint8_t name[];
};

static unsigned hash_of(const struct shown *shown, uint64_t id)
{
	return (unsigned)hash_octets(&id, sizeof id, shown->seed);
}

static struct shown_row *find(const struct shown *shown, uint64_t id)
{
	struct shown_row *row = NULL;
	HASH_FIND_BYHASHVALUE(hh, shown->rows, &id, sizeof id, hash_of(shown, id), row);
	return row;
}

#define WORD_BITS 64

/* Two bits of the picture stand for a number. */
static uint64_t bits_of(const struct shown *shown, uint64_t id)
{
	return hash_octets(&id, sizeof id, ~shown->seed);
}

static uint64_t *word_at(const struct shown *shown, uint32_t bit)
{
	return &shown->blur[bit % SHOWN_BLUR_BITS / WORD_BITS];
}

static uint64_t in_word(uint32_t bit)
{
	return UINT64_C(1) << bit % WORD_BITS;
}

static void forget(struct shown *shown, uint64_t id)
{
	const uint64_t bits = bits_of(shown, id);
	const uint32_t pair[] = {(uint32_t)bits, (uint32_t)(bits >> 32)};
	if (!shown->forgotten && !shown->blur) /* later it would lack what went before */
		shown->blur = calloc(SHOWN_BLUR_BITS / WORD_BITS, sizeof *shown->blur);
	if (id > shown->forgotten)
		shown->forgotten = id;
	for (size_t i = 0; shown->blur && i < 2; i++)
		*word_at(shown, pair[i]) |= in_word(pair[i]);
}

static bool may_be_forgotten(const struct shown *shown, uint64_t id)
{
	const uint64_t bits = bits_of(shown, id);
	const uint32_t one = (uint32_t)bits, other = (uint32_t)(bits >> 32);
	if (id > shown->forgotten || !shown->blur)
		return id <= shown->forgotten;
	return (*word_at(shown, one) & in_word(one)) &&
	       (*word_at(shown, other) & in_word(other));
}

/* As the last one; without memory it is gone. */
static void add(struct shown *shown, struct shown_row *row)
{
	HASH_ADD_BYHASHVALUE(hh, shown->rows, id, sizeof row->id, hash_of(shown, row->id), row);
	if (row->hh.tbl)
		return;
	forget(shown, row->id);
	free(row);
}

static struct shown_row *make(const struct wall_waiting_row *from)
{
	struct shown_row *row = malloc(sizeof *row + from->name_len);
	if (!row)
		return NULL;
	*row = (struct shown_row){
		.id = from->id, .sandbox = from->sandbox, .name_len = from->name_len};
	memcpy(row->name, from->name, from->name_len);
	return row;
}

void shown_note(struct shown *shown, const struct wall_waiting_row *row)
{
	struct shown_row *one = find(shown, row->id);
	if (!one && may_be_forgotten(shown, row->id))
		return;
	if (one)
		HASH_DELETE(hh, shown->rows, one);
	else
		one = make(row);
	if (!one) {
		forget(shown, row->id);
		return;
	}
	add(shown, one);
	if (HASH_COUNT(shown->rows) <= SHOWN_MAX)
		return;
	one = shown->rows;
	HASH_DELETE(hh, shown->rows, one);
	forget(shown, one->id);
	free(one);
}

enum shown_as shown_as(const struct shown *shown, const struct wall_waiting_row *row)
{
	const struct shown_row *one = find(shown, row->id);
	if (!one)
		return may_be_forgotten(shown, row->id) ? SHOWN_FORGOTTEN : SHOWN_SO;
	if (one->sandbox != row->sandbox || one->name_len != row->name_len ||
	    memcmp(one->name, row->name, row->name_len))
		return SHOWN_OTHERWISE;
	return SHOWN_SO;
}

void shown_finish(struct shown *shown)
{
	struct shown_row *one, *next;
	HASH_ITER (hh, shown->rows, one, next) {
		HASH_DELETE(hh, shown->rows, one);
		free(one);
	}
	free(shown->blur);
	shown->blur = NULL;
}
