/*
 * Replays a target's seeds without libFuzzer: each file of tests/fuzz/seeds/X/ for the program
 * fuzz_X, whole, cut after every octet (of long ones, in steps), and changed by what knows its form; each in a
 * block of exactly its size, so that a sanitizer sees the first octet read behind the end. What fuzzing learned,
 * tests/fuzz/corpus/X/, is replayed as it is. One TAP line; a target that dies leaves its plan unfulfilled, and
 * the note before it names the input.
 */
#include "fuzz.h"
#include "mutate.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>

#define SEED_MAX (1u << 20)
#define CUTS_MAX 600u
#define CHANGES  300u  /* of each seed */
#define ROOM     8192u /* for what they add */

static void run(const uint8_t *octets, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);
	if (!exact)
		abort();
	memcpy(exact, octets, n);
	LLVMFuzzerTestOneInput(n ? exact : exact + 1, n);
	free(exact);
}

/* One to four changes on top of each other; the same ones in each run. */
static void changes_run(mutate_fn *mutate, const uint8_t *octets, size_t n)
{
	uint8_t *changed = malloc(n + ROOM);

	if (!changed)
		abort();
	for (uint32_t i = 0; i < CHANGES; i++) {
		struct edit edit = edit_make(changed, n, n + ROOM, i);

		memcpy(changed, octets, n);
		for (uint32_t times = 1 + i % 4; times; times--)
			mutate(&edit);
		run(changed, edit.n);
	}
	free(changed);
}

/* Whole alone, or in all ways. */
static void replay(const char *folder, const char *name, bool whole, mutate_fn *mutate)
{
	static uint8_t octets[SEED_MAX];
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (!file) {
		printf("Bail out! cannot open %s\n", path);
		exit(1);
	}
	size_t n = fread(octets, 1, sizeof(octets), file);
	fclose(file);

	printf("# %s\n", name);
	fflush(stdout);
	run(octets, n);
	if (whole)
		return;
	size_t step = 1 + n / CUTS_MAX;
	for (size_t cut = 0; cut < n; cut += step)
		run(octets, cut);
	if (mutate)
		changes_run(mutate, octets, n);
}

static int seed_filter(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* How many inputs there were. */
static int replay_all(const char *folder, const char *target, bool whole)
{
	struct dirent **names;
	int n = scandir(folder, &names, seed_filter, alphasort);

	for (int i = 0; i < n; i++) {
		replay(folder, names[i]->d_name, whole, mutate_of(target));
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return n > 0 ? n : 0;
}

int main(int argc, char **argv)
{
	const char *source = getenv("abs_top_srcdir");
	const char *mark = strstr(argv[0], "fuzz_");
	char seeds[2048], corpus[2048];
	for (const char *next = mark; next; next = strstr(next + 1, "fuzz_"))
		mark = next;
	const char *target = mark ? mark + strlen("fuzz_") : argv[0];
	snprintf(seeds, sizeof(seeds), "%s/tests/fuzz/seeds/%s", source ? source : ".", target);
	snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", source ? source : ".",
		 target);

	puts("1..1");
	int n = replay_all(argc > 1 ? argv[1] : seeds, target, false);
	int learned = argc > 1 ? 0 : replay_all(corpus, target, true);
	printf("%sok 1 - %s: %d seeds, and %d inputs that were learned\n", n ? "" : "not ",
	       target, n, learned);
	return !n;
}
