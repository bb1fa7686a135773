/*
 * The changes of mutate.c for AFL++: a shared object for AFL_CUSTOM_MUTATOR_LIBRARY, beside what AFL++ does by
 * itself. FUZZ_TARGET in the environment says whose inputs they are.
 */
#include "fuzz.h"
#include "mutate.h"

#include <string.h>

#define CHANGES 64

struct changer {
	mutate_fn *mutate; /* NULL: nothing knows the form of these inputs */
	uint32_t seed;
	uint8_t *octets;
	size_t room;
};

void *afl_custom_init(void *afl, unsigned int seed);
unsigned int afl_custom_fuzz_count(void *data, const uint8_t *octets, size_t n);
size_t afl_custom_fuzz(void *data, uint8_t *octets, size_t n, uint8_t **out, uint8_t *other,
		       size_t other_n, size_t room);
void afl_custom_deinit(void *data);

void *afl_custom_init(void *afl, unsigned int seed)
{
	struct changer *changer = calloc(1, sizeof(*changer));
	const char *target = getenv("FUZZ_TARGET");

	(void)afl;
	if (!changer)
		return NULL;
	changer->seed = seed;
	changer->mutate = target ? mutate_of(target) : NULL;
	return changer;
}

unsigned int afl_custom_fuzz_count(void *data, const uint8_t *octets, size_t n)
{
	const struct changer *changer = data;

	(void)octets;
	(void)n;
	return changer->mutate ? CHANGES : 0;
}

/* One to four changes on top of each other. */
size_t afl_custom_fuzz(void *data, uint8_t *octets, size_t n, uint8_t **out, uint8_t *other,
		       size_t other_n, size_t room)
{
	struct changer *changer = data;
	struct edit edit;

	(void)other;
	(void)other_n;
	if (changer->room < room) {
		uint8_t *more = realloc(changer->octets, room);

		if (!more)
			return 0;
		changer->octets = more;
		changer->room = room;
	}
	n = n < room ? n : room;
	memcpy(changer->octets, octets, n);
	edit = edit_make(changer->octets, n, room, changer->seed++);
	for (uint32_t times = 1 + roll(&edit, 4); times; times--)
		changer->mutate(&edit);
	*out = changer->octets;
	return edit.n;
}

void afl_custom_deinit(void *data)
{
	struct changer *changer = data;

	free(changer->octets);
	free(changer);
}
