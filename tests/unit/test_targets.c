/* The places that a sandbox tries most, in memory that does not grow with what it tries. */
#include "daemon/worker_targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct ng_addr place; /* of the record at hand */

static struct ng_record record_of(uint32_t sandbox, uint32_t to, uint64_t count,
				  uint64_t logged)
{
	uint8_t octets[4] = {44, (uint8_t)(to >> 16), (uint8_t)(to >> 8), (uint8_t)to};

	place = ng_addr_make(NG_IPV4, octets);
	return (struct ng_record){.event = NG_EVENT_BLOCKED,
				  .sandbox = sandbox,
				  .sandbox_name = sandbox ? "box" : "",
				  .addrs = &place,
				  .n_addrs = 1,
				  .proto = 6,
				  .port = 443,
				  .why = NG_WHY_UNRESOLVED,
				  .reason = "never resolved",
				  .count = count,
				  .logged = logged};
}

static void note(struct targets *targets, uint64_t now_us, uint32_t sandbox, uint32_t to,
		 uint64_t count, uint64_t logged)
{
	struct ng_record record = record_of(sandbox, to, count, logged);

	targets_note(targets, now_us, &record);
}

static size_t rows(const struct targets *targets, struct wall_target *out, size_t room)
{
	uint64_t cursor = 0;
	size_t n = 0;

	while (n < room && targets_at(targets, &cursor, &out[n]))
		n++;
	return n;
}

static void most_frequent_first(void **state)
{
	struct targets targets = {0};
	struct wall_target out[64];

	(void)state;
	note(&targets, 10, 1, 1, 1, 1);
	note(&targets, 20, 1, 2, 5, 5);
	note(&targets, 30, 1, 1, 1, 1);
	assert_int_equal(rows(&targets, out, 64), 2);
	assert_int_equal(out[0].to.bytes[3], 2);
	assert_int_equal(out[0].packets, 5);
	assert_int_equal(out[1].packets, 2);
	assert_int_equal(out[1].first_us, 10);
	assert_int_equal(out[1].last_us, 30);
	assert_string_equal(out[1].reason, "never resolved");
	targets_finish(&targets);
}

/* A scan over a hundred thousand addresses, and one place that it comes back to. */
static void a_scan_does_not_drive_out_what_is_frequent(void **state)
{
	struct targets targets = {0};
	struct wall_target out[64];

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		note(&targets, i, 1, 1000 + i, 1, 1);
		if (i % 5 == 0)
			note(&targets, i, 1, 7, 1, 1);
	}
	assert_int_equal(rows(&targets, out, 64), TARGETS_EACH);
	assert_int_equal(out[0].to.bytes[3], 7);
	assert_true(out[0].packets >= 20000 && out[0].packets - out[0].over <= 20000);
	targets_finish(&targets);
}

static void what_nobody_saw_is_a_number(void **state)
{
	struct targets targets = {0};
	struct wall_target out[64];
	struct ng_record unseen = {
		.event = NG_EVENT_BLOCKED, .sandbox = 1, .sandbox_name = "box", .count = 50};

	(void)state;
	note(&targets, 1, 1, 1, 100, 3);
	targets_note(&targets, 2, &unseen);
	assert_int_equal(rows(&targets, out, 64), 2);
	assert_int_equal(out[0].packets, 3);
	assert_int_equal(out[1].to.family, NG_NOFAMILY);
	assert_int_equal(out[1].packets, 147);
	targets_finish(&targets);
}

static void forged_packets_are_apart(void **state)
{
	struct targets targets = {0};
	struct wall_target out[64];
	struct ng_record forged = record_of(1, 1, 1, 1);

	(void)state;
	targets_note(&targets, 1, &forged);
	forged.why = NG_WHY_SOURCE;
	targets_note(&targets, 2, &forged);
	forged.event = NG_EVENT_DECISION;
	targets_note(&targets, 3, &forged);
	assert_int_equal(rows(&targets, out, 64), 2);
	targets_finish(&targets);
}

static void sandboxes_go(void **state)
{
	struct targets targets = {0};
	struct wall_target out[64];
	struct ng_record gone = record_of(9, 1, 1, 1);

	(void)state;
	for (uint32_t sandbox = 0; sandbox < 20; sandbox++)
		note(&targets, sandbox, sandbox, sandbox, 1, 1);
	gone.sandbox_name = ""; /* of a sandbox that the engine knows no more */
	targets_forget(&targets, 9);
	targets_note(&targets, 30, &gone);
	targets_forget(&targets, 0);
	targets_forget(&targets, 77);
	assert_int_equal(rows(&targets, out, 64), 18);
	for (size_t i = 0; i < 18; i++)
		assert_true(out[i].sandbox != 9 && out[i].sandbox != 0);
	targets_finish(&targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_frequent_first),
		cmocka_unit_test(a_scan_does_not_drive_out_what_is_frequent),
		cmocka_unit_test(what_nobody_saw_is_a_number),
		cmocka_unit_test(forged_packets_are_apart),
		cmocka_unit_test(sandboxes_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
