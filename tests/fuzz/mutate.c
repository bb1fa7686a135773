/* The tools of the changes, which target has which, and libFuzzer's way to ask for one. */
#include "fuzz.h"
#include "mutate.h"

#include <string.h>

struct edit edit_make(uint8_t *data, size_t n, size_t room, uint32_t seed)
{
	/* Seeds that follow each other must not begin alike. */
	return (struct edit){data, n, room, (seed ^ 0x9e3779b9u) * 2654435761u | 1};
}

uint32_t roll(struct edit *edit, uint32_t n)
{
	edit->dice ^= edit->dice << 13;
	edit->dice ^= edit->dice >> 17;
	edit->dice ^= edit->dice << 5;
	return n ? (edit->dice >> 8) % n : 0;
}

bool edit_put(struct edit *edit, size_t at, size_t cut, const void *with, size_t n)
{
	if (at > edit->n || cut > edit->n - at || edit->n - cut + n > edit->room)
		return false;
	memmove(edit->data + at + n, edit->data + at + cut, edit->n - at - cut);
	if (n)
		memcpy(edit->data + at, with, n);
	edit->n += n - cut;
	return true;
}

unsigned int edit_u16(const struct edit *edit, size_t at)
{
	return at + 2 <= edit->n ? (unsigned int)edit->data[at] << 8 | edit->data[at + 1] : 0;
}

void edit_u16_set(struct edit *edit, size_t at, unsigned int value)
{
	if (at + 2 > edit->n)
		return;
	edit->data[at] = (uint8_t)(value >> 8);
	edit->data[at + 1] = (uint8_t)value;
}

uint16_t odd_number(struct edit *edit)
{
	static const uint16_t odd[] = {0,      1,      2,      3,      4,      7,     8,
				       9,      16,     40,     41,     63,     64,    127,
				       128,    255,    256,    511,    512,    513,   0x3fff,
				       0x4000, 0x7fff, 0x8000, 0xc000, 0xc00c, 0xffff};
	const uint32_t n = sizeof(odd) / sizeof(odd[0]);
	uint32_t which = roll(edit, n + 8);

	return which < n ? odd[which] : (uint16_t)roll(edit, 65536);
}

mutate_fn *mutate_of(const char *target)
{
	static const struct {
		const char *target;
		mutate_fn *mutate;
	} known[] = {{"query", mutate_message},  {"answer", mutate_message},
		     {"name", mutate_message},   {"wall", mutate_wall},
		     {"stream", mutate_stream},  {"upstream", mutate_upstream},
		     {"tls", mutate_tls},        {"edns", mutate_edns},
		     {"control", mutate_control}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(target, known[i].target))
			return known[i].mutate;
	return NULL;
}

/* ---- libFuzzer ---- */

static mutate_fn *mutate_mine;

/* Programs are fuzz/TARGET. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *slash = strrchr((*argv)[0], '/');

	(void)argc;
	mutate_mine = mutate_of(slash ? slash + 1 : (*argv)[0]);
	return 0;
}

/* Its own changes, which know nothing, find what ours do not think of. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
	struct edit edit = edit_make(data, size, room, seed);

	if (!mutate_mine || !roll(&edit, 3))
		return LLVMFuzzerMutate(data, size, room);
	mutate_mine(&edit);
	return edit.n;
}
