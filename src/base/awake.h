/*
 * When a process that has nothing to do should look for more instead of going to sleep.
 *
 * Who sleeps has to be woken, and from another core that takes tens of microseconds of the one that
 * wakes and again of the one that is woken. So for a window after the last news it looks again and again,
 * and between two looks it gives way to whoever else is to run on its core. Where that takes long the core is
 * wanted by others: one that has given way is not woken by what comes, but waits for its turn, so
 * looking would make answers later instead of sooner. Then it sleeps as usual for a second.
 *
 * Times are microseconds of one monotonic clock, given by the caller. The zero value always sleeps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct awake {
	uint32_t window_us; /* 0: sleep at once, always */
	uint64_t until_us;
	uint64_t rest_us; /* until then others have wanted the core */
};

#define AWAKE_GIVEN_US 250 /* given away for longer than that, a core is wanted by others */
#define AWAKE_REST_US  1000000

/* Something has come. */
void awake_news(struct awake *awake, uint64_t now_us);
/* Is it still to look? */
bool awake_looks(const struct awake *awake, uint64_t now_us);
/* It gave way before a look, from then to then. */
void awake_gave_way(struct awake *awake, uint64_t from_us, uint64_t to_us);
