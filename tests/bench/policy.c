/*
 * What a policy source costs: made from text, handed over, held, and asked.
 *
 * Two zones of one shape, a small and a large one, are compiled by the same code and asked in
 * turns, in three ways: for names that are not listed, which is the usual case for a deny list; for a
 * working set of listed names, which is as large for both zones; and for listed names drawn from
 * all there are. The questions of a turn are made before its clock starts and differ from turn to
 * turn, so that a large zone cannot be learned by heart. Every answer is compared with what the
 * zone's text says: a zone that is fast and wrong ends the run.
 *
 * Handing over is what main and a worker do: octets into sealed memory, mapped by the other side,
 * and proved there once more.
 */
#include "config.h"
#include "edge/sealed.h"
#include <namegate/policy.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TURN       512  /* questions */
#define WORKING    1000 /* rules that a working set asks for */
#define LINE_ROOM  80
#define SITE       20 /* rules that share a parent */
#define ROUNDS_MAX 64

struct options {
	unsigned small, large, rounds, turns;
};

struct zone {
	unsigned rules;
	char *text;
	size_t len;
	uint8_t *octets; /* mapped, as a worker has them */
	size_t image_len;
	struct ng_ruleset *ruleset;
	struct ng_policy policy;
};

enum way { MISSING = 0, WORKING_SET, UNIFORM, WAYS };

struct question {
	struct ng_name name;
	bool matched;
	enum ng_verdict verdict;
};

/* Processor time: nothing here waits, and other work on the machine does not count. */
static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Random enough for an order of questions, and the same in every run. */
static uint32_t draw(uint32_t below)
{
	static uint64_t state = 0x9e3779b97f4a7c15u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(((state >> 32) * below) >> 32);
}

/* ---- the zone ---- */

/* Owner names of 24 to 29 octets; a miss differs from them in its first letter alone. */
static int owner_print(char *out, size_t room, char first, uint32_t rule)
{
	static const char *const tails[] = {"", "a", "ab", "abc", "abcd", "abcde"};

	return snprintf(out, room, "%c%06x%s.s%05u.example", first,
			(rule * 2654435761u) & 0xffffffu, tails[rule % 6], rule / SITE);
}

static bool is_wildcard(uint32_t rule)
{
	return rule % 10 == 9;
}

static bool is_allowed(uint32_t rule)
{
	return rule % 2 == 0;
}

static bool zone_write(struct zone *zone)
{
	char line[LINE_ROOM];
	char *at = malloc((size_t)LINE_ROOM * (zone->rules + 1u) * 2);

	if (!at)
		return false;
	zone->text = at;
	at = stpcpy(at, "$TTL 60\n@ SOA localhost. hostmaster. 1 60 60 60 60\n");
	for (uint32_t rule = 0; rule < zone->rules; rule++) {
		owner_print(line, sizeof line, 'n', rule);
		at = stpcpy(at, is_wildcard(rule) ? "*." : "");
		at = stpcpy(at, line);
		at = stpcpy(at, is_allowed(rule) ? " CNAME rpz-passthru.\n" : " CNAME .\n");
	}
	zone->len = (size_t)(at - zone->text);
	return true;
}

/* ---- compiled, and handed over ---- */

static bool hand_over(struct zone *zone, const struct ng_image *image)
{
	int fd;

	if (sealed_make(image->octets, image->len, &fd))
		return false;
	zone->image_len = image->len;
	int code = sealed_map(fd, image->len, &zone->octets);
	close(fd);
	if (code)
		return false;
	return ng_ruleset_open(zone->octets, zone->image_len, &zone->ruleset) == NG_OK;
}

static void zone_close(struct zone *zone)
{
	ng_ruleset_close(zone->ruleset);
	sealed_unmap(zone->octets, zone->image_len);
	zone->ruleset = NULL;
	zone->octets = NULL;
}

/* Seconds of both parts; false after a line on stderr. */
static bool zone_load(struct zone *zone, double *compile_s, double *load_s)
{
	const struct ng_source source = {.format = NG_FORMAT_RPZ,
					 .path = "bench.rpz",
					 .text = zone->text,
					 .len = zone->len,
					 .origin = "bench.invalid"};
	struct ng_diags diags;
	struct ng_image image = {0};
	struct ng_ruleset *mains = NULL;
	ng_diags_init(&diags);
	double begun = now_s();
	int code = ng_compile(&source, &diags, &image);
	double compiled = now_s();
	bool good = code == NG_OK && ng_ruleset_open(image.octets, image.len, &mains) == 0 &&
		    hand_over(zone, &image);

	*load_s = now_s() - compiled;
	*compile_s = compiled - begun;
	if (!good)
		fprintf(stderr, "policy: the zone of %u rules could not be loaded: %s\n",
			zone->rules, diags.n ? diags.items[0].reason : ng_strerror(code));
	zone->policy.scopes[NG_SCOPE_SANDBOX].sources[0] = zone->ruleset;
	zone->policy.scopes[NG_SCOPE_SANDBOX].n = 1;
	ng_ruleset_close(mains);
	ng_image_finish(&image);
	ng_diags_finish(&diags);
	return good;
}

/* ---- asked ---- */

/*
 * The rule that a question is about. A working set lies as far apart as the zone allows, and is of
 * exact names and wildcards as the whole zone is.
 */
static uint32_t rule_drawn(const struct zone *zone, enum way way)
{
	uint32_t apart = way == WORKING_SET ? zone->rules / WORKING : 1;
	uint32_t one = draw(apart > 0 ? zone->rules / apart : zone->rules);

	return apart > 10 ? one * apart + one % 10 : one;
}

/* What stands below a wildcard is asked by a name there. */
static bool question_make(const struct zone *zone, enum way way, struct question *out)
{
	char text[LINE_ROOM];
	uint32_t rule = rule_drawn(zone, way);
	int n = is_wildcard(rule) ? snprintf(text, sizeof text, "x.") : 0;

	n += owner_print(text + n, sizeof text - (size_t)n, way == MISSING ? 'm' : 'n', rule);
	out->matched = way != MISSING;
	out->verdict = out->matched && is_allowed(rule) ? NG_ALLOW : NG_DENY;
	return ng_name_from_text(text, (size_t)n, &out->name) == NG_OK;
}

/* Nanoseconds of one turn; below 0 when an answer was wrong. */
static double turn(const struct zone *zone, enum way way,
		   struct question questions[static TURN])
{
	struct ng_decision decision;
	unsigned right = 0;
	double begun;

	for (unsigned i = 0; i < TURN; i++)
		if (!question_make(zone, way, &questions[i]))
			return -1;
	begun = now_s();
	for (unsigned i = 0; i < TURN; i++) {
		ng_policy_decide(&zone->policy, &questions[i].name, &decision);
		right += decision.matched == questions[i].matched &&
			 decision.verdict == questions[i].verdict;
	}
	return right == TURN ? (now_s() - begun) * 1e9 : -1;
}

/* One round: nanoseconds a look-up in each zone, the turns of both interleaved. */
static bool ask(const struct zone zones[static 2], enum way way, unsigned turns,
		double out[static 2])
{
	static struct question questions[TURN];
	double sums[2] = {0};

	for (unsigned i = 0; i < turns * 2; i++) {
		double ns = turn(&zones[i % 2], way, questions);
		if (ns < 0) {
			fprintf(stderr, "policy: the zone of %u rules gave a wrong verdict\n",
				zones[i % 2].rules);
			return false;
		}
		sums[i % 2] += ns;
	}
	for (unsigned i = 0; i < 2; i++)
		out[i] = sums[i] / turns / TURN;
	return true;
}

/* ---- the run ---- */

static void print_array(const char *name, const double *values, unsigned n)
{
	printf("\"%s\":[", name);
	for (unsigned i = 0; i < n; i++)
		printf("%s%.6g", i ? "," : "", values[i]);
	printf("],");
}

struct figures {
	double compile[ROUNDS_MAX], load[ROUNDS_MAX];
	double asked[WAYS][2][ROUNDS_MAX]; /* of the small zone and the large one */
};

static bool run_round(const struct options *set, struct zone zones[static 2], unsigned turn,
		      struct figures *figures)
{
	double ns[2];

	zone_close(&zones[1]);
	if (!zone_load(&zones[1], &figures->compile[turn], &figures->load[turn]))
		return false;
	for (enum way way = 0; way < WAYS; way++) {
		if (!ask(zones, way, set->turns, ns))
			return false;
		for (unsigned i = 0; i < 2; i++)
			figures->asked[way][i][turn] = ns[i];
	}
	return true;
}

static bool run(const struct options *set, struct zone zones[static 2])
{
	static const char *const names[WAYS][2] = {
		[MISSING] = {"missing_small_ns", "missing_large_ns"},
		[WORKING_SET] = {"working_small_ns", "working_large_ns"},
		[UNIFORM] = {"uniform_small_ns", "uniform_large_ns"},
	};
	static struct figures figures;
	double ignored[2];

	if (!zone_write(&zones[0]) || !zone_write(&zones[1]) ||
	    !zone_load(&zones[0], &ignored[0], &ignored[1]))
		return false;
	for (unsigned i = 0; i < set->rounds; i++) {
		if (!run_round(set, zones, i, &figures))
			return false;
	}
	printf("{");
	print_array("compile_s", figures.compile, set->rounds);
	print_array("load_s", figures.load, set->rounds);
	for (size_t i = 0; i < WAYS * 2; i++)
		print_array(names[i / 2][i % 2], figures.asked[i / 2][i % 2], set->rounds);
	printf("\"rules\":%zu,\"image\":%zu}\n", ng_ruleset_count(zones[1].ruleset),
	       zones[1].image_len);
	return true;
}

static bool read_options(int argc, char **argv, struct options *set)
{
	static const struct option longs[] = {{"small", 1, NULL, 's'},
					      {"large", 1, NULL, 'l'},
					      {"rounds", 1, NULL, 'r'},
					      {"turns", 1, NULL, 't'},
					      {NULL, 0, NULL, 0}};
	int option;

	*set = (struct options){WORKING, 1000000, 5, 500};
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		unsigned value = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
		if (option == 's')
			set->small = value;
		else if (option == 'l')
			set->large = value;
		else if (option == 'r')
			set->rounds = value;
		else if (option == 't')
			set->turns = value;
		else
			return false;
	}
	return optind == argc && set->small && set->large && set->large <= 1000000 &&
	       set->small <= set->large && set->turns && set->rounds &&
	       set->rounds <= ROUNDS_MAX;
}

int main(int argc, char **argv)
{
	struct options set;
	struct zone zones[2] = {0};

	if (!read_options(argc, argv, &set)) {
		fputs("usage: policy [--small RULES] [--large RULES] [--rounds N] [--turns N]\n"
		      "at most 1000000 rules and 64 rounds; a turn asks each zone 512 times\n",
		      stderr);
		return 2;
	}
	zones[0].rules = set.small;
	zones[1].rules = set.large;
	bool good = run(&set, zones);
	for (size_t i = 0; i < 2; i++) {
		zone_close(&zones[i]);
		free(zones[i].text);
	}
	return !good;
}
