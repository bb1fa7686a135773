/*
 * A table by number, in the order in which rows came; the first ones make room.
 */
#include "config.h"
#include "daemon/shown.h"

#include <stdlib.h>
#include <string.h>
/* What has no room in the table is not remembered. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct shown {
	uint64_t id;
	uint32_t sandbox;
	uint8_t name_len;
	UT_hash_handle hh;
	uint8_t name[];
};

static struct shown *find(const struct shown *all, uint64_t id)
{
	struct shown *one = NULL;
	HASH_FIND(hh, all, &id, sizeof id, one);
	return one;
}

void shown_note(struct shown **all, const struct wall_waiting_row *row)
{
	struct shown *one = find(*all, row->id) ? NULL : malloc(sizeof *one + row->name_len);
	if (!one)
		return;
	*one = (struct shown){
		.id = row->id, .sandbox = row->sandbox, .name_len = row->name_len};
	memcpy(one->name, row->name, row->name_len);
	HASH_ADD(hh, *all, id, sizeof one->id, one);
	if (!one->hh.tbl) {
		free(one);
		return;
	}
	if (HASH_COUNT(*all) <= SHOWN_MAX)
		return;
	one = *all; /* the first that was added */
	HASH_DELETE(hh, *all, one);
	free(one);
}

bool shown_otherwise(const struct shown *all, const struct wall_waiting_row *row)
{
	const struct shown *one = find(all, row->id);
	return one && (one->sandbox != row->sandbox || one->name_len != row->name_len ||
		       memcmp(one->name, row->name, row->name_len));
}

void shown_finish(struct shown **all)
{
	struct shown *one, *next;
	HASH_ITER (hh, *all, one, next) {
		HASH_DELETE(hh, *all, one);
		free(one);
	}
}
