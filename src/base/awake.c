/* When to look again instead of sleeping: see awake.h. */
#include "base/awake.h"

void awake_news(struct awake *awake, uint64_t now_us)
{
	if (awake->window_us && now_us >= awake->rest_us)
		awake->until_us = now_us + awake->window_us;
}

bool awake_looks(const struct awake *awake, uint64_t now_us)
{
	return awake->window_us && now_us < awake->until_us;
}

void awake_gave_way(struct awake *awake, uint64_t from_us, uint64_t to_us)
{
	if (to_us - from_us <= AWAKE_GIVEN_US)
		return;
	awake->until_us = 0;
	awake->rest_us = to_us + AWAKE_REST_US;
}
