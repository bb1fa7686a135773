/*
 * Replays a target's seeds without libFuzzer: each file of tests/fuzz/seeds/X/ for the program
 * fuzz_X, whole and cut after every octet (of long ones, in steps), each in a block of exactly its size, so that
 * a sanitizer sees the first octet read behind the end. One TAP line; a target that dies leaves its
 * plan unfulfilled, and the note before it names the seed.
 */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

#define SEED_MAX (1u << 20)
#define CUTS_MAX 600u

static void run(const uint8_t *octets, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);
	if (!exact)
		abort();
	memcpy(exact, octets, n);
	LLVMFuzzerTestOneInput(n ? exact : exact + 1, n);
	free(exact);
}

static void replay(const char *folder, const char *name)
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
		replay(folder, seeds[i]->d_name);
		free(seeds[i]);
	}
	if (n >= 0)
		free(seeds);
	printf("%sok 1 - %s: %d seeds\n", n > 0 ? "" : "not ", target, n > 0 ? n : 0);
	return n <= 0;
}
