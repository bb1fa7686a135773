/*
 * Supervision: the waits between starts, and real children, played by this program itself, that
 * behave, die, or break the rules of the wall.
 */
#include "config.h"
#include "daemon/child.h"
#include "edge/channel.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void test_delays(void **state)
{
	(void)state;
	static const uint64_t expected[] = {0, 50, 100, 200, 400, 800, 1000, 1000};
	uint64_t delay = 0;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		delay = child_delay(delay, 5, i == 0);
		assert_int_equal(delay, expected[i]);
	}
	assert_int_equal(child_delay(1000, 60000, false), 0); /* a long life starts over */
}

/* ---- the child's side: argv[1] says which ---- */

static void say(enum wall_kind kind, uint32_t seq)
{
	static struct wall_packet packet;
	packet_clear(&packet, kind);
	packet.head.seq = seq;
	if (channel_send(WALL_FD, &packet, -1))
		_exit(1);
}

static int play(const char *part)
{
	static struct wall_packet packet;
	struct pollfd wait = {.fd = WALL_FD, .events = POLLIN};
	int fd;
	say(WALL_READY, 0);
	if (!strcmp(part, "unasked"))
		say(WALL_DONE, 99999);
	if (!strcmp(part, "wrong-way"))
		say(WALL_COMMIT, 0);
	if (!strcmp(part, "twice"))
		say(WALL_READY, 0);
	if (!strcmp(part, "dies"))
		_exit(7);
	for (;;) {
		if (!strcmp(part, "mute")) {
			pause();
			continue;
		}
		poll(&wait, 1, -1);
		int code = channel_receive(WALL_FD, WALL_MAIN_TO_WARDEN, &packet, &fd);
		if (code == NG_E_CLOSED)
			return 0;
		if (code == NG_OK)
			say(WALL_DONE, packet.head.seq);
	}
}

/* ---- the parent's side ---- */

struct stage {
	uv_loop_t loop;
	struct child child;
	int ups, downs, answers;
	uint32_t sandbox; /* of the last answer's waiter */
	int stop_after;   /* ups or answers */
	bool endless;
};

static void ask(struct child *child, uint32_t id)
{
	static struct wall_packet packet;
	packet_clear(&packet, WALL_SANDBOX_REMOVE);
	packet.id.id = id;
	child_send(child, &packet, -1,
		   (struct waiter){.what = CHILD_WAIT_REMOVE, .sandbox = id});
}

static void on_up(struct child *child)
{
	struct stage *stage = child->owner;
	stage->ups++;
	if (stage->endless) { /* as if rows had come for all that time */
		ask(child, 1);
		child->waiters->since_ms -= 299000;
		child_check(child);
		assert_non_null(child->life);
		child->waiters->since_ms -= 2000;
		child_check(child);
	}
	for (uint32_t id = 1; id <= 3000; id++) /* more than the channel holds */
		ask(child, id);
	if (stage->stop_after && stage->ups >= stage->stop_after)
		child_stop(child);
}

static void on_packet(struct child *child, const struct wall_packet *packet,
		      const struct waiter *waiter)
{
	struct stage *stage = child->owner;
	assert_int_equal(packet->head.kind, WALL_DONE);
	assert_int_equal(waiter->sandbox, stage->sandbox + 1); /* in the order of the asking */
	stage->sandbox = waiter->sandbox;
	if (++stage->answers == 3000)
		child_stop(child);
}

static void on_down(struct child *child)
{
	struct stage *stage = child->owner;
	stage->downs++;
	stage->sandbox = 0;
	stage->answers = 0;
	if (child->stopping)
		child_finish(child);
}

static void run(struct stage *stage, const char *part)
{
	static const struct child_calls calls = {on_up, on_packet, on_down};
	uv_loop_init(&stage->loop);
	stage->child = (struct child){
		.name = "player",
		.path = "/proc/self/exe",
		.args = {"player", part},
		.extra_fds = {-1, -1},
		.from = WALL_WARDEN_TO_MAIN,
		.calls = &calls,
		.owner = stage,
		.loop = &stage->loop,
	};
	child_start(&stage->child);
	uv_run(&stage->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&stage->loop), 0);
}

static void test_all_is_answered_in_order(void **state)
{
	struct stage stage = {0};
	(void)state;
	run(&stage, "good");
	assert_int_equal(stage.ups, 1);
	assert_int_equal(stage.downs, 1);
}

static void test_rule_breakers_are_started_again(void **state)
{
	static const char *const parts[] = {"unasked", "wrong-way", "twice", "dies"};
	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		struct stage stage = {.stop_after = 3};
		print_message("# %s\n", parts[i]);
		run(&stage, parts[i]);
		assert_int_equal(stage.ups, 3);
		assert_int_equal(stage.downs, 3);
	}
}

static void test_answer_without_end(void **state)
{
	struct stage stage = {.stop_after = 2, .endless = true};
	(void)state;
	run(&stage, "mute");
	assert_int_equal(stage.ups, 2);
	assert_int_equal(stage.answers, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_all_is_answered_in_order),
		cmocka_unit_test(test_answer_without_end),
		cmocka_unit_test(test_rule_breakers_are_started_again),
	};
	if (argc > 1)
		return play(argv[1]);
	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
