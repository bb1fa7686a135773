/*
 * What the three targets on recorded traffic share: the input as a file, read to its end; and what
 * every observation must be.
 */
#pragma once

#include "fuzz.h"

#include "offline/traffic.h"

static inline void fuzz_name(const struct ng_name *name)
{
	struct ng_name again;
	fuzz_must(ng_name_from_wire(name->wire, name->len, &again) == NG_OK);
	fuzz_must(again.len == name->len);
	ng_name_lower(&again);
	fuzz_must(ng_name_same(&again, name));
}

static inline void fuzz_take(void *context, const struct traffic_observation *seen)
{
	uint64_t *n = context;
	++*n;
	fuzz_must(seen->kind >= TRAFFIC_QUERY && seen->kind <= TRAFFIC_REMOVED);
	fuzz_must(seen->kind == TRAFFIC_FLOW || seen->name != NULL);
	fuzz_must(seen->n_addrs <= NG_ANSWER_RRS_MAX && seen->n_aliases <= NG_CHAIN_MAX);
	if (seen->name != NULL)
		fuzz_name(seen->name);
	for (size_t i = 0; i < seen->n_aliases; i++)
		fuzz_name(&seen->aliases[i]);
	for (size_t i = 0; i < seen->n_addrs; i++)
		fuzz_must(seen->addrs[i].addr.family != NG_NOFAMILY);
	if (seen->kind == TRAFFIC_FLOW)
		fuzz_must(seen->server.family != NG_NOFAMILY);
}

static inline int fuzz_traffic(const uint8_t *data, size_t size)
{
	static struct traffic
		*traffic; /* of all inputs: its tables are what takes time to make */
	static uint64_t n;
	const struct traffic_wish wish = {.take = fuzz_take, .context = &n};
	struct ng_diags diags;
	FILE *file = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
	if (file == NULL)
		return 0;
	if (traffic == NULL)
		fuzz_must(traffic_create(&wish, &traffic) == NG_OK);
	ng_diags_init(&diags);
	int code = traffic_read_from(traffic, file, "fuzz", &diags);
	fuzz_must((code == NG_OK) == (diags.errors == 0));
	traffic_end(traffic);
	const uint64_t *counts = traffic_counts(traffic)->n;
	fuzz_must(counts[TRAFFIC_N_QUERIES] + counts[TRAFFIC_N_RESPONSES] +
			  counts[TRAFFIC_N_FLOWS] <=
		  n);
	ng_diags_finish(&diags);
	return 0;
}
