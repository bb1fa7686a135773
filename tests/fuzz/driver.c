/*
 * Replays a target's seeds without libFuzzer: each file of tests/fuzz/seeds/X/ for the program
 * fuzz_X, whole, cut after every octet (of long ones, in steps), and changed by what knows its form; each in a
 * block of exactly its size, so that a sanitizer sees the first octet read behind the end. One TAP line; a
 * target that dies leaves its plan unfulfilled, and the note before it names the seed.
 */
#include "fuzz.h"
#include "mutate.h"

#include <dirent.h>
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

static void replay(const char *folder, const char *name, mutate_fn *mutate)
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
	size_t step = 1 + n / CUTS_MAX;
	for (size_t cut = 0; cut < n; cut += step)
		run(octets, cut);
	run(octets, n);
	if (mutate)
		changes_run(mutate, octets, n);
}

static int seed_filter(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *source = getenv("abs_top_srcdir");
	const char *mark = strstr(argv[0], "fuzz_");
	char folder[2048];
	for (const char *next = mark; next; next = strstr(next + 1, "fuzz_"))
		mark = next;
	const char *target = mark ? mark + strlen("fuzz_") : argv[0];
	if (argc > 1)
		snprintf(folder, sizeof(folder), "%s", argv[1]);
	else
		snprintf(folder, sizeof(folder), "%s/tests/fuzz/seeds/%s",
			 source ? source : ".", target);

	struct dirent **seeds;
	int n = scandir(folder, &seeds, seed_filter, alphasort);
	puts("1..1");
	for (int i = 0; i < n; i++) {
		replay(folder, seeds[i]->d_name, mutate_of(target));
		free(seeds[i]);
	}
	if (n >= 0)
		free(seeds);
	printf("%sok 1 - %s: %d seeds\n", n > 0 ? "" : "not ", target, n > 0 ? n : 0);
	return n <= 0;
}
