/*
 * Latencies as counts in steps of a tenth of a microsecond, up to a tenth of a second, and beyond that of a tenth of a
 * millisecond, up to ten seconds; what takes longer counts as that. Exact enough for medians, and as cheap
 * as one increment.
 */
#pragma once

#include <stdint.h>

#define LATENCY_STEP_NS 100
#define LATENCY_STEPS   1000000
#define LATENCY_SLOW_NS 100000
#define LATENCY_SLOW    100000

struct latency {
	uint64_t n;
	uint32_t steps[LATENCY_STEPS];
	uint32_t slow[LATENCY_SLOW];
};

static inline void latency_add(struct latency *latency, uint64_t ns)
{
	uint64_t step = ns / LATENCY_STEP_NS, slow = ns / LATENCY_SLOW_NS;

	if (step < LATENCY_STEPS)
		latency->steps[step]++;
	else
		latency->slow[slow < LATENCY_SLOW ? slow : LATENCY_SLOW - 1]++;
	latency->n++;
}

/* The latency that this part of all stayed within; 0 when there were none. */
static inline double latency_us(const struct latency *latency, double part)
{
	uint64_t wanted = (uint64_t)((double)latency->n * part), seen = 0;

	for (unsigned step = 0; step < LATENCY_STEPS; step++) {
		seen += latency->steps[step];
		if (seen > wanted)
			return step * (LATENCY_STEP_NS / 1000.0);
	}
	for (unsigned step = 0; step < LATENCY_SLOW; step++) {
		seen += latency->slow[step];
		if (seen > wanted)
			return step * (LATENCY_SLOW_NS / 1000.0);
	}
	return 0;
}
