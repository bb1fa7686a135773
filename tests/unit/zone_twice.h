/* One zone text read twice, as users read it and by ldns alone: both must say the same, word for word. */
#pragma once

#include "dns/zone.h"
#include <string.h>

static inline bool zone_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static inline bool zone_same_place(const struct ng_place *a, const struct ng_place *b)
{
	return a->line == b->line && a->column == b->column && zone_same_text(a->path, b->path);
}

static inline bool zone_same_record(const struct zone_record *a, const struct zone_record *b)
{
	return ng_name_same(&a->owner, &b->owner) && a->type == b->type &&
	       a->class == b->class && a->ttl == b->ttl &&
	       zone_same_place(&a->place, &b->place) && zone_same_place(&a->data, &b->data) &&
	       a->rdlen == b->rdlen && memcmp(a->rdata, b->rdata, a->rdlen) == 0;
}

static inline bool zone_same_diags(const struct ng_diags *a, const struct ng_diags *b)
{
	if (a->n != b->n || a->errors != b->errors)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct ng_diag *one = &a->items[i], *two = &b->items[i];
		if (one->severity != two->severity || one->line != two->line ||
		    one->column != two->column || !zone_same_text(one->path, two->path) ||
		    !zone_same_text(one->code, two->code) ||
		    !zone_same_text(one->reason, two->reason) ||
		    !zone_same_text(one->suggestion, two->suggestion))
			return false;
	}
	return true;
}

static inline bool zone_same_origin(const struct ng_name *a, const struct ng_name *b)
{
	return a == b || (a != NULL && b != NULL && ng_name_same(a, b));
}

/* NULL when both readings are the same from the first record to the end; else in what they differ. */
static inline const char *zone_twice(const char *text, size_t len, const char *origin)
{
	struct ng_diags diags[2];
	struct zone_reader *readers[2] = {NULL, NULL};
	struct zone_record records[2];
	const char *differ = NULL;
	int codes[2] = {NG_OK, NG_OK};
	for (size_t i = 0; i < 2; i++) {
		ng_diags_init(&diags[i]);
		if (zone_reader_create("z", text, len, origin, &diags[i], &readers[i]) != NG_OK)
			differ = "no reader";
	}
	if (differ == NULL)
		zone_reader_by_ldns(readers[1]);
	while (differ == NULL && (codes[0] == NG_OK || codes[0] == NG_E_SYNTAX)) {
		for (size_t i = 0; i < 2; i++)
			codes[i] = zone_next(readers[i], &records[i]);
		if (codes[0] != codes[1])
			differ = "one took what the other did not";
		else if (codes[0] == NG_OK && !zone_same_record(&records[0], &records[1]))
			differ = "another record";
		else if (!zone_same_diags(&diags[0], &diags[1]))
			differ = "other findings";
		else if (!zone_same_origin(zone_origin(readers[0]), zone_origin(readers[1])))
			differ = "another origin";
	}
	for (size_t i = 0; i < 2; i++) {
		zone_reader_destroy(readers[i]);
		ng_diags_finish(&diags[i]);
	}
	return differ;
}
