/*
 * Half a day of new names, in invented time: every question is a miss, its addresses are leased and their
 * leases end, in the engine itself. What is looked at is the memory of this process meanwhile.
 *
 * `soak HOURS RATE ADDRESSES` prints one line of JSON: the resident memory in KiB every ten minutes of that
 * time, from the second hour's end on, by when cache and leases are as full as they get, and the holes between them
 * as many.
 */
#include "config.h"
#include "tests/bench/engine.h"

#include <unistd.h>

#define SECOND       1000000ull
#define WARM_S       7200u
#define SAMPLE_S     600u
#define SAMPLES_MAX  1024
#define TTL_LONGEST  300u
#define LEASES_SPARE 2 /* so many times what stands at once */

struct soak {
	struct engine engine;
	unsigned hours, rate, addresses;
	uint64_t asked, leased;
	unsigned n;
	long rss_kib[SAMPLES_MAX];
};

static long resident_kib(void)
{
	long size, resident = 0;
	FILE *statm = fopen("/proc/self/statm", "re");

	need(statm && fscanf(statm, "%ld %ld", &size, &resident) == 2, "no /proc/self/statm");
	fclose(statm);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void soak_make(struct soak *soak)
{
	static const char rules[] = "*.soak.example\n";
	const uint64_t at_once = (uint64_t)soak->rate * soak->addresses *
				 (TTL_LONGEST + NG_GRACE_S) * LEASES_SPARE;

	engine_rules(&soak->engine, rules, sizeof(rules) - 1);
	engine_make(&soak->engine,
		    &(struct ng_settings){.budget = NG_BUDGET_OFF,
					  .limits = {.leases = (uint32_t)at_once,
						     .leases_sandbox = (uint32_t)at_once}});
}

/*
 * Names and leases of many lengths, so that what is freed lies between what is kept; how many of which does not
 * change with the hours, as it would with a bare number that gets longer.
 */
static void soak_ask(struct soak *soak)
{
	static const char longest[] = "0123456789012345678901234567890123456789";
	static const uint32_t ttls[] = {1, 30, 60, 90, TTL_LONGEST};
	struct message asked, answer;
	char name[DNS_NAME_TEXT];

	snprintf(name, sizeof(name), "n%.*s.%llu.soak.example",
		 (int)((uint32_t)soak->asked * 2654435761u >> 16) % (int)sizeof(longest),
		 longest, (unsigned long long)soak->asked);
	message_make(name, (uint16_t)soak->asked, &asked);
	message_answer(&asked, soak->addresses, ttls[soak->asked % 5], &answer);
	soak->leased += engine_miss(&soak->engine, &asked, &answer);
	soak->asked++;
}

static void soak_second(struct soak *soak, uint64_t second)
{
	struct outcome ignored = {0};

	for (unsigned i = 0; i < soak->rate; i++) {
		soak->engine.now_us = second * SECOND + i * SECOND / soak->rate;
		if (ng_gate_deadline(soak->engine.gate) <= soak->engine.now_us) {
			ng_gate_tick(soak->engine.gate, soak->engine.now_us);
			engine_take(&soak->engine, &ignored);
		}
		soak_ask(soak);
	}
	if (second >= WARM_S && second % SAMPLE_S == 0 && soak->n < SAMPLES_MAX)
		soak->rss_kib[soak->n++] = resident_kib();
}

static void soak_report(const struct soak *soak)
{
	printf("{\"misses\":%llu,\"leases\":%llu,\"rss_kib\":[",
	       (unsigned long long)soak->asked, (unsigned long long)soak->leased);
	for (unsigned i = 0; i < soak->n; i++)
		printf("%s%ld", i ? "," : "", soak->rss_kib[i]);
	puts("]}");
}

int main(int argc, char **argv)
{
	static struct soak soak;

	if (argc == 4) {
		soak.hours = (unsigned)strtoul(argv[1], NULL, 10);
		soak.rate = (unsigned)strtoul(argv[2], NULL, 10);
		soak.addresses = (unsigned)strtoul(argv[3], NULL, 10);
	}
	if (soak.hours < 3 || !soak.rate || !soak.addresses || soak.addresses > 4) {
		fprintf(stderr, "usage: soak HOURS RATE ADDRESSES, of at least 3 hours\n");
		return 2;
	}
	soak_make(&soak);
	for (uint64_t second = 1; second <= soak.hours * 3600ull; second++)
		soak_second(&soak, second);
	soak_report(&soak);
	engine_finish(&soak.engine);
	return 0;
}
