/* Stores of several workers that are shared out anew: what moves, and what a hostile one leaves there. */
#include "config.h"

#include "edge/lease_store.h"

#include "unit.h"

#include <unistd.h>

#define STORES 4
#define US     UINT64_C(1000000)

struct world {
	char folder[64];
	struct lease_store *stores[STORES];
};

static void open_all(struct world *world)
{
	char folder[96], command[128], why[LEASE_STORE_WHY] = "";

	for (unsigned i = 0; i < STORES; i++) {
		lease_store_close(world->stores[i]);
		world->stores[i] = NULL;
		snprintf(folder, sizeof folder, "%s/%u", world->folder, i);
		snprintf(command, sizeof command, "mkdir -p %s", folder);
		assert_int_equal(system(command), 0);
		assert_int_equal(lease_store_open(folder, 1000, &world->stores[i], why), NG_OK);
	}
}

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	snprintf(world->folder, sizeof(world->folder), "/tmp/namegate-share-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	open_all(world);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;
	char command[128];

	for (unsigned i = 0; i < STORES; i++)
		lease_store_close(world->stores[i]);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
	free(world);
	return system(command);
}

/* ---- what stands in the stores ---- */

static void put(const struct world *world, unsigned store, uint32_t sandbox,
		const char *address, const char *name)
{
	struct ng_name owner;
	struct lease_row row = {
		.sandbox = sandbox,
		.name = &owner,
		.trail = {.names = &owner, .n_names = 1},
		.until_us = 900 * US,
		.sandbox_name = "box",
		.type = 1,
		.last_s = 5000,
		.until_s = 5900,
		.rule = "box.list:3",
	};

	assert_int_equal(ng_addr_parse(address, &row.addr), NG_OK);
	assert_int_equal(ng_name_from_text(name, strlen(name), &owner), NG_OK);
	lease_store_put(world->stores[store], &row);
	lease_store_commit(world->stores[store]);
}

static void spend(const struct world *world, unsigned store, const char *sandbox,
		  uint64_t until_us)
{
	const struct ng_name owner = {.len = 1};
	const struct ng_spent spent = {sandbox, &owner, until_us};

	lease_store_spent(world->stores[store], &spent, US, 100);
}

static void await(const struct world *world, unsigned store, uint64_t id, uint32_t sandbox,
		  const char *name)
{
	struct ng_name asked;
	const struct ng_waiting waiting = {.id = id,
					   .sandbox = sandbox,
					   .name = &asked,
					   .path = "box.list",
					   .line = 3,
					   .first_us = US,
					   .last_us = US,
					   .count = 1};

	assert_int_equal(ng_name_from_text(name, strlen(name), &asked), NG_OK);
	lease_store_waiting(world->stores[store], &waiting, US, 100);
	lease_store_commit(world->stores[store]);
}

struct said {
	char text[512];
};

static void say(struct said *said, const char *what, const char *name, uint64_t number)
{
	const size_t n = strlen(said->text);

	snprintf(said->text + n, sizeof(said->text) - n, "%s %s %llu;", what, name,
		 (unsigned long long)number);
}

static bool say_lease(void *context, const struct lease_row *row)
{
	char text[NG_NAME_TEXT_MAX];

	say(context, "lease", ng_name_to_text(row->name, text), row->sandbox);
	return true;
}

static void say_spent(void *context, const struct ng_spent *spent)
{
	say(context, "spent", spent->sandbox_name, spent->until_us / US);
}

static bool say_waiting(void *context, const struct ng_waiting *waiting)
{
	char text[NG_NAME_TEXT_MAX];

	say(context, "waits", ng_name_to_text(waiting->name, text), waiting->sandbox);
	return true;
}

static void is(struct world *world, unsigned store, const char *wanted)
{
	struct said said = {""};

	lease_store_each(world->stores[store], 10 * US, 6000, say_lease, &said);
	lease_store_spents(world->stores[store], 10 * US, say_spent, &said);
	lease_store_waitings(world->stores[store], 10 * US, 6000, say_waiting, &said);
	assert_string_equal(said.text, wanted);
}

/* ---- whose they are: sandbox N was of store N / 10 and is of store N % 10 ---- */

static bool by_id(const void *who, uint32_t sandbox, struct lease_owner *out)
{
	const bool *sift = who;

	*out = (struct lease_owner){sandbox / 10, *sift ? sandbox / 10 : sandbox % 10};
	return sandbox < 40;
}

static bool by_name(const void *who, const char *sandbox, struct lease_owner *out)
{
	return by_id(who, (uint32_t)strtoul(sandbox, NULL, 10), out);
}

static int go(struct world *world, bool sift)
{
	const struct lease_sharing how = {.stores = world->stores,
					  .n_stores = STORES,
					  .now_us = 10 * US,
					  .who = &sift,
					  .by_id = by_id,
					  .by_name = by_name};

	return sift ? lease_store_sift(&how) : lease_store_share(&how);
}

/* ---- tests ---- */

static void rows_follow_their_sandbox(void **state)
{
	struct world *world = *state;

	put(world, 1, 12, "44.0.0.1", "mine.example");
	put(world, 1, 11, "44.0.0.1", "stays.example");
	put(world, 3, 77, "44.0.0.1", "nobody.example");
	spend(world, 1, "12", 500 * US);
	await(world, 1, 5, 12, "asked.example");
	assert_int_equal(go(world, true), NG_OK);
	assert_int_equal(go(world, false), NG_OK);
	open_all(world);
	is(world, 0, "");
	is(world, 1, "lease stays.example 11;");
	is(world, 2, "lease mine.example 12;spent 12 500;waits asked.example 12;");
	is(world, 3, "lease nobody.example 77;");
	/* A start that ended before it could say that all is done does it again. */
	assert_int_equal(go(world, false), NG_OK);
	is(world, 2, "lease mine.example 12;spent 12 500;waits asked.example 12;");
}

/* Worker 2 has been taken over, and sandbox 12 comes to be its own. */
static void what_a_hostile_worker_left_is_not_believed(void **state)
{
	struct world *world = *state;

	put(world, 1, 12, "44.0.0.1", "mine.example");
	spend(world, 1, "12", 500 * US);
	await(world, 1, 5, 12, "asked.example");
	put(world, 2, 12, "44.0.0.66", "forged.example");
	spend(world, 2, "12", 11 * US);
	spend(world, 3, "13", 11 * US);
	await(world, 2, 5, 12, "forged.example");
	await(world, 2, 7, 12, "evil.example");
	assert_int_equal(go(world, true), NG_OK);
	assert_int_equal(go(world, false), NG_OK);
	open_all(world);
	is(world, 1, "");
	is(world, 2, "lease mine.example 12;spent 12 500;waits asked.example 12;");
	is(world, 3, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_follow_their_sandbox, begin, end),
		cmocka_unit_test_setup_teardown(what_a_hostile_worker_left_is_not_believed,
						begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
