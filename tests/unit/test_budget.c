/*
 * The budget of names against what installers ask, and against tunnels. The policy is the worst one for the
 * installers, a rule for every name: then all that they ask below it shares one budget.
 */
#include <namegate/gate.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND     UINT64_C(1000000)
#define MINUTE     (60 * SECOND)
#define EVENTS_MAX 20000
#define ROWS_MAX   64
#define TTL        3 /* shorter than what any of the registries gives */

struct question {
	uint64_t at_us;
	struct ng_name name;
	uint16_t type;
};

static struct ng_gate *gate;
static struct ng_image image;
static struct ng_ruleset *rules;
static struct ng_sandbox boxes[2];
static uint64_t left, denied, told; /* questions upstream, over budget, and events */
static size_t octets;               /* of the names that left, as often as they did */

/* ---- what outlives the gate ---- */

struct row {
	char sandbox[NG_SANDBOX_NAME_MAX];
	struct ng_name owner;
	uint64_t until_us;
};

static struct row kept[ROWS_MAX];
static size_t n_kept, n_told; /* told: how often there was something to keep */

static void keep(const struct ng_spent *spent)
{
	size_t i = 0;

	while (i < n_kept && (strcmp(kept[i].sandbox, spent->sandbox_name) != 0 ||
			      !ng_name_equal(&kept[i].owner, spent->owner)))
		i++;
	assert_true(i < ROWS_MAX);
	n_kept += i == n_kept;
	n_told++;
	strcpy(kept[i].sandbox, spent->sandbox_name);
	kept[i].owner = *spent->owner;
	kept[i].until_us = spent->until_us;
}

static void adopt(uint64_t now_us)
{
	for (size_t i = 0; i < n_kept; i++) {
		const struct ng_spent spent = {kept[i].sandbox, &kept[i].owner,
					       kept[i].until_us};
		int code = ng_gate_spent_adopt(gate, now_us, &spent);

		assert_int_equal(code, kept[i].until_us > now_us ? NG_OK : NG_E_RANGE);
	}
}

/* ---- the gate ---- */

static void apply(struct ng_settings settings)
{
	const struct ng_route root = {.id = 1, .zone = {.len = 1}};
	const struct ng_generation generation = {
		.version = 1,
		.settings = settings,
		.routes = &root,
		.n_routes = 1,
		.sandboxes = boxes,
		.n_sandboxes = 2,
	};

	assert_int_equal(ng_gate_apply(gate, 0, &generation), NG_OK);
}

static int setup(void **state)
{
	static const char text[] =
		"$TTL 60\n@ SOA . . 1 1 1 1 1\n@ NS .\n* CNAME rpz-passthru.\n";
	struct ng_diags diags;
	const struct ng_source source = {.format = NG_FORMAT_RPZ,
					 .path = "all.rpz",
					 .origin = "all.rpz.",
					 .text = text,
					 .len = sizeof(text) - 1};
	(void)state;

	ng_diags_init(&diags);
	assert_int_equal(ng_compile(&source, &diags, &image), NG_OK);
	ng_diags_finish(&diags);
	assert_int_equal(ng_ruleset_open(image.octets, image.len, &rules), NG_OK);
	assert_int_equal(ng_gate_create(5, &gate), NG_OK);
	for (unsigned i = 0; i < 2; i++) {
		boxes[i] = (struct ng_sandbox){.id = i + 1, .mode = NG_ENFORCE, .n_sources = 1};
		snprintf(boxes[i].name, sizeof(boxes[i].name), "box%u", i);
		boxes[i].policy.scopes[NG_SCOPE_SANDBOX].sources[0] = rules;
		boxes[i].policy.scopes[NG_SCOPE_SANDBOX].n = 1;
	}
	assert_int_equal(ng_prefix_parse("10.0.0.2", &boxes[0].sources[0]), NG_OK);
	assert_int_equal(ng_prefix_parse("10.0.0.3", &boxes[1].sources[0]), NG_OK);
	apply((struct ng_settings){.prefetch = true});
	left = denied = told = octets = n_kept = n_told = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ng_gate_destroy(gate);
	ng_ruleset_close(rules);
	ng_image_finish(&image);
	return 0;
}

/* No data, with an SOA of the root: remembered for ttl seconds, and nothing is leased. */
static void answer(uint64_t now_us, const struct ng_ask *ask, uint8_t ttl)
{
	const struct ng_addr server = {NG_IPV4, {192, 0, 2, 53}};
	const struct ng_name *name = &ask->question.name;
	const uint8_t soa[] = {0, 0, 6, 0, 1, 0, 0, 0, ttl, 0, 22, 0, 0, 0, 0, 0,  1,
			       0, 0, 0, 1, 0, 0, 0, 1, 0,   0, 0,  1, 0, 0, 0, ttl};
	uint8_t wire[512] = {0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 1, 0, 0};
	size_t len = 12;

	memcpy(wire + len, name->wire, name->len);
	len += name->len;
	wire[len++] = (uint8_t)(ask->question.type >> 8);
	wire[len++] = (uint8_t)ask->question.type;
	wire[len++] = 0;
	wire[len++] = 1;
	memcpy(wire + len, soa, sizeof(soa));
	ng_gate_answer(gate, now_us, ask->id, &server, wire, len + sizeof(soa));
}

/* Everything that comes of one question; false when it was too much. */
static bool carry(uint64_t now_us, uint8_t ttl)
{
	struct ng_action action;
	bool fits = true;

	while (ng_gate_next(gate, &action)) {
		if (action.kind == NG_ASK_UPSTREAM) {
			const struct ng_ask ask = action.ask;

			left++;
			octets += ask.question.name.len - 1u;
			answer(now_us, &ask, ttl);
		} else if (action.kind == NG_SPENT) {
			keep(&action.spent);
		} else if (action.kind == NG_RECORD) {
			const struct ng_record *record = &action.record;

			told += record->event == NG_EVENT_BUDGET;
			if (record->event == NG_EVENT_DECISION && record->verdict != NG_ALLOW) {
				assert_non_null(strstr(record->reason, "budget"));
				fits = false;
				denied++;
			}
		}
	}
	return fits;
}

static bool ask(unsigned box, uint64_t now_us, const struct ng_name *name, uint16_t type,
		uint8_t ttl)
{
	const struct ng_question question = {.name = *name, .type = type, .class = NG_CLASS_IN};
	const struct ng_client client = {.addr = {NG_IPV4, {10, 0, 0, (uint8_t)(box + 2)}}};
	uint8_t wire[512];

	ng_gate_query(gate, now_us, &client, wire,
		      ng_ask_build(&question, 1, false, false, wire));
	return carry(now_us, ttl);
}

static bool ask_text(unsigned box, uint64_t now_us, const char *text, uint8_t ttl)
{
	struct ng_name name;

	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	return ask(box, now_us, &name, NG_TYPE_A, ttl);
}

/* By a kill: what was told is all that there is. */
static void restart(uint64_t now_us)
{
	ng_gate_destroy(gate);
	assert_int_equal(ng_gate_create(6, &gate), NG_OK);
	apply((struct ng_settings){.prefetch = true});
	adopt(now_us);
}

/* ---- installers ---- */

static struct question questions[EVENTS_MAX];
static size_t n_questions;

static void add(uint64_t at_us, const char *text, const char *types)
{
	while (*types) {
		char word[16];
		size_t n = strcspn(types, ",");
		struct question *next = &questions[n_questions++];

		assert_true(n_questions < EVENTS_MAX && n < sizeof(word));
		memcpy(word, types, n);
		word[n] = '\0';
		next->at_us = at_us;
		assert_int_equal(ng_name_from_text(text, strlen(text), &next->name), NG_OK);
		assert_int_equal(ng_type_parse(word, &next->type), NG_OK);
		types += n + (types[n] == ',');
	}
}

/* The installer of that name, or all of them; each begins when the one before has ended, or at once. */
static void read_installs(const char *wanted, bool together)
{
	const char *top = getenv("abs_top_srcdir");
	char path[4096], line[512], name[256], types[64], section[32] = "";
	uint64_t begun = 0, last = 0;
	unsigned from, to, step;
	FILE *file;

	n_questions = 0;
	snprintf(path, sizeof(path), "%s/contrib/installs.names", top ? top : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "[%31[a-z]]", section) == 1)
			begun = together ? 0 : last;
		if (sscanf(line, "%u-%u/%u %255s %63s", &from, &to, &step, name, types) != 5 ||
		    (wanted && strcmp(wanted, section) != 0))
			continue;
		for (unsigned at = from; at <= to; at += step) {
			uint64_t at_us = begun + at * SECOND;

			add(at_us, name, types);
			last = at_us > last ? at_us : last;
		}
	}
	fclose(file);
	assert_true(n_questions > 50);
}

static int by_time(const void *a, const void *b)
{
	const struct question *one = a, *other = b;

	return one->at_us < other->at_us ? -1 : one->at_us > other->at_us;
}

static void install(const char *wanted, bool together, uint64_t from_us)
{
	read_installs(wanted, together);
	qsort(questions, n_questions, sizeof(questions[0]), by_time);
	for (size_t i = 0; i < n_questions; i++)
		ask(0, from_us + questions[i].at_us, &questions[i].name, questions[i].type,
		    TTL);
	print_message("# %s: %zu questions, %llu left the gate, %llu over budget\n",
		      wanted     ? wanted
		      : together ? "all at once"
				 : "one after the other",
		      n_questions, (unsigned long long)left, (unsigned long long)denied);
	assert_int_equal(denied, 0);
	assert_true(left > 20);
}

/* Whose names are new to each life, and who pays a minute's worth ahead in each. */
static void installers_outlive_restarts(void **state)
{
	uint64_t due_us = 2 * MINUTE, n = 0;
	(void)state;

	read_installs(NULL, false);
	qsort(questions, n_questions, sizeof(questions[0]), by_time);
	for (size_t i = 0; i < n_questions; i++) {
		const struct question *next = &questions[i];

		for (; next->at_us >= due_us; due_us += 2 * MINUTE, n++)
			restart(due_us);
		ask(0, next->at_us, &next->name, next->type, TTL);
	}
	print_message("# %zu questions, %llu restarts, %llu over budget\n", n_questions,
		      (unsigned long long)n, (unsigned long long)denied);
	assert_true(n >= 2);
	assert_int_equal(denied, 0);
}

static void each_installer(void **state)
{
	static const char *const names[] = {"pip", "npm", "apt", "cargo", "go", "docker"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		teardown(state);
		setup(state);
		install(names[i], false, 0);
	}
}

static void all_of_them_in_a_row(void **state)
{
	(void)state;
	install(NULL, false, 0);
}

/* ---- tunnels ---- */

/* So many octets of what nobody has seen before, in labels of 60. */
static bool tunnel(unsigned box, uint64_t now_us, unsigned labels, uint32_t *counter)
{
	char text[300] = "";

	for (unsigned i = 0; i < labels; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%060x.",
			 ++*counter * 2654435761u);
	strcat(text, "t.evil.probe");
	return ask_text(box, now_us, text, 0);
}

static void stream(unsigned labels, unsigned per_s, unsigned minutes)
{
	const size_t most = NG_BUDGET_DEFAULT * (NG_BUDGET_MINUTES + minutes);
	uint32_t counter = 0;

	for (uint64_t at = 0; at < minutes * MINUTE; at += SECOND / per_s)
		tunnel(0, at, labels, &counter);
	print_message(
		"# %u labels, %u a second, %u minutes: %llu questions and %zu octets left of "
		"%llu; told %llu times\n",
		labels, per_s, minutes, (unsigned long long)left, octets,
		(unsigned long long)(left + denied), (unsigned long long)told);
	assert_true(octets <= most);
	assert_true(octets > most - 260);
	assert_int_equal(told, 1);
	/* The neighbour has what it had. */
	assert_true(ask_text(1, minutes * MINUTE, "www.example.probe", 5));
}

static void dnscat_is_stopped(void **state)
{
	(void)state;
	stream(2, 50, 10);
}

static void iodine_is_stopped(void **state)
{
	(void)state;
	stream(3, 200, 10);
}

/* Names that were paid for can still be asked in an order that says something. */
static void an_order_of_known_names_is_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 60000; i++)
		ask_text(0, i * SECOND / 100, i % 3 % 2 ? "a.evil.probe" : "b.evil.probe", 0);
	assert_true(left <= NG_BUDGET_DEFAULT * (NG_BUDGET_MINUTES + 10) / 2);
	assert_true(left > NG_BUDGET_DEFAULT * (NG_BUDGET_MINUTES + 10) / 2 - 20);
}

/* So many names, each of them so often. */
static void ask_all(uint64_t now_us, unsigned names, unsigned times)
{
	char text[32];

	for (unsigned i = 0; i < names * times; i++) {
		snprintf(text, sizeof(text), "%u.evil.probe", i % names);
		ask_text(0, now_us, text, 10);
	}
}

/* And by which of them, in the last tenth of their TTL, are asked for ahead. */
static void what_is_asked_ahead_is_bounded(void **state)
{
	const size_t most = NG_BUDGET_DEFAULT * (NG_BUDGET_MINUTES + 10);
	size_t spent;
	(void)state;

	ask_all(0, 200, 1);
	spent = octets;
	left = 0;
	for (uint64_t at = 0; at < 10 * MINUTE; at += 9 * SECOND + SECOND / 2) {
		ask_all(at, 200, 3);
		if (at + 9 * SECOND < 10 * MINUTE)
			ask_all(at + 9 * SECOND, 200, 1);
	}
	print_message("# 200 names: %zu octets to begin with; %llu questions in ten minutes\n",
		      spent, (unsigned long long)left);
	spent += 2 * left;
	assert_true(spent <= most);
	assert_true(spent > most - 20);
	assert_int_equal(told, 1);
}

static void a_worker_that_died_brings_no_new_store(void **state)
{
	uint32_t counter = 0;
	(void)state;

	apply((struct ng_settings){.resumed = true});
	for (unsigned i = 0; i < 100; i++)
		tunnel(0, 0, 2, &counter);
	assert_true(octets <= NG_BUDGET_DEFAULT);
	assert_true(left > 0);
}

/* It is the new life that has little in store at first, not every wildcard that it meets. */
static void long_after_a_worker_died_the_store_is_full(void **state)
{
	(void)state;
	apply((struct ng_settings){.resumed = true});
	install(NULL, false, 24 * 60 * MINUTE);
}

/* A stream of new names, killed so many times on the way: octets that left. */
static size_t stream_through(unsigned restarts, bool in_order)
{
	const uint64_t end = 20 * MINUTE;
	uint32_t counter = 0;
	unsigned killed = 0;

	octets = 0;
	for (uint64_t at = 0; at < end; at += SECOND / 20) {
		if (killed < restarts && at >= (killed + 1) * end / (restarts + 1)) {
			killed++;
			if (in_order) {
				ng_gate_spent_tell(gate, at);
				carry(at, 0);
			}
			restart(at);
		}
		tunnel(0, at, 2, &counter);
	}
	return octets;
}

static void restarts_give_nothing_back(void **state)
{
	size_t without = stream_through(0, false), with, in_order;

	teardown(state);
	setup(state);
	with = stream_through(5, false);
	print_message("# %zu octets without a restart, %zu with 5 kills\n", without, with);
	assert_true(with <= without);
	assert_true(with + 6 * NG_BUDGET_DEFAULT > without);
	/* A few times for each minute's worth, and not for each name. */
	assert_true(n_told * NG_BUDGET_DEFAULT / 2 <= with);
	teardown(state);
	setup(state);
	in_order = stream_through(5, true);
	print_message("# %zu with 5 restarts in order\n", in_order);
	assert_true(in_order <= without);
	assert_true(in_order + 5 * 130 > without);
}

/* A kill in the very input after the first name: even that is known. */
static void nothing_is_spent_untold(void **state)
{
	uint32_t counter = 0;
	size_t most = 0;
	(void)state;

	for (unsigned i = 0; i < 40; i++) {
		octets = 0;
		tunnel(0, 0, 2, &counter);
		most += octets;
		restart(0);
	}
	assert_true(most <= NG_BUDGET_DEFAULT * NG_BUDGET_MINUTES);
	assert_true(most > 0);
}

/* Under another number, or under the same: it is the same sandbox. */
static void registering_again_gives_nothing_back(void **state)
{
	uint32_t counter = 0;
	(void)state;

	while (tunnel(0, 0, 2, &counter))
		;
	for (unsigned id = 7; id < 10; id++) {
		ng_gate_sandbox_remove(gate, 0, boxes[0].id);
		boxes[0].id = id;
		assert_int_equal(ng_gate_sandbox_put(gate, 0, &boxes[0]), NG_OK);
		assert_false(tunnel(0, 0, 2, &counter));
	}
	/* Another one has nothing to do with it, and in time all is there again. */
	ng_gate_sandbox_remove(gate, 0, 9);
	strcpy(boxes[0].name, "other");
	assert_int_equal(ng_gate_sandbox_put(gate, 0, &boxes[0]), NG_OK);
	assert_true(tunnel(0, 0, 2, &counter));
	ng_gate_sandbox_remove(gate, 0, 9);
	strcpy(boxes[0].name, "box0");
	assert_int_equal(ng_gate_sandbox_put(gate, 0, &boxes[0]), NG_OK);
	octets = 0;
	while (tunnel(0, 17 * MINUTE, 2, &counter))
		;
	assert_true(octets > NG_BUDGET_DEFAULT * NG_BUDGET_MINUTES - 260);
}

/* What a disk says of the far future is no more than could have been spent. */
static void no_row_starves_for_long(void **state)
{
	uint32_t counter = 0;
	(void)state;

	n_kept = 1;
	strcpy(kept[0].sandbox, "box0");
	kept[0].owner = (struct ng_name){.len = 1};
	kept[0].until_us = UINT64_MAX;
	adopt(MINUTE);
	assert_false(tunnel(0, MINUTE, 2, &counter));
	assert_true(tunnel(0, 2 * MINUTE, 2, &counter));
}

/* A reload gives nothing back. */
static void a_reload_keeps_what_is_spent(void **state)
{
	uint32_t counter = 0;
	(void)state;

	while (tunnel(0, 0, 2, &counter))
		;
	apply((struct ng_settings){0});
	left = 0;
	tunnel(0, 0, 2, &counter);
	assert_int_equal(left, 0);
}

#define WITH_GATE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GATE(each_installer),
		WITH_GATE(all_of_them_in_a_row),
		WITH_GATE(dnscat_is_stopped),
		WITH_GATE(iodine_is_stopped),
		WITH_GATE(an_order_of_known_names_is_bounded),
		WITH_GATE(what_is_asked_ahead_is_bounded),
		WITH_GATE(a_worker_that_died_brings_no_new_store),
		WITH_GATE(long_after_a_worker_died_the_store_is_full),
		WITH_GATE(installers_outlive_restarts),
		WITH_GATE(restarts_give_nothing_back),
		WITH_GATE(nothing_is_spent_untold),
		WITH_GATE(registering_again_gives_nothing_back),
		WITH_GATE(no_row_starves_for_long),
		WITH_GATE(a_reload_keeps_what_is_spent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
