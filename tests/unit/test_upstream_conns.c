/* Many questions on one connection: reused, answered in any order, and asked again when it ends. */
#include "config.h"
#include "upstream_world.h"

#include <poll.h>

static void tcp_routes(struct world *world, uint8_t n, uint32_t timeout_ms)
{
	struct upstream_route route = route_to(world, n, timeout_ms);

	for (uint8_t i = 0; i < n; i++)
		route.servers[i].transport = WALL_TCP;
	assert_int_equal(upstream_routes(world->upstream, &route, 1), NG_OK);
}

/* The next question of the connection that is open already. */
static struct letter *take_next(struct world *world, size_t server)
{
	struct letter *letter = &world->seen[world->n_seen++ % 64];
	uint8_t prefix[2];

	letter->len = 0;
	if (recv(world->servers[server].stream, prefix, 2, MSG_WAITALL) != 2)
		return letter;
	letter->len = (size_t)prefix[0] << 8 | prefix[1];
	if (recv(world->servers[server].stream, letter->wire, letter->len, MSG_WAITALL) !=
	    (ssize_t)letter->len)
		letter->len = 0;
	return letter;
}

static void give_next(struct world *world, size_t server, const struct letter *to)
{
	uint8_t framed[2 + 1024];
	size_t len = right(to, framed + 2);

	framed[0] = (uint8_t)(len >> 8);
	framed[1] = (uint8_t)len;
	(void)!send(world->servers[server].stream, framed, len + 2, MSG_NOSIGNAL);
}

static void three_backwards(struct world *world)
{
	struct letter *first = take_stream(world, 0), *second = take_next(world, 0),
		      *third = take_next(world, 0);

	give_next(world, 0, third);
	give_next(world, 0, second);
	give_next(world, 0, first);
}

static void one_connection_answers_in_any_order(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 1, LONG_MS);
	for (uint64_t i = 31; i < 34; i++)
		ask(world, i);
	play(world, three_backwards);
	assert_int_equal(world->answers, 3);
	assert_int_equal(world->ask, 31); /* the last to be answered */
	assert_int_equal(counted(world).connections, 1);
	assert_int_equal(counted(world).over_tcp, 3);
	close(world->servers[0].stream);
}

static void two_in_turn(struct world *world)
{
	give_next(world, 0, take_stream(world, 0));
	give_next(world, 0, take_next(world, 0));
}

static void connection_is_used_again(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 1, LONG_MS);
	world->script = two_in_turn;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	for (uint64_t i = 41; i < 43; i++) {
		ask(world, i);
		uv_run(&world->loop, UV_RUN_DEFAULT);
	}
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers, 2);
	assert_int_equal(counted(world).connections, 1);
	close(world->servers[0].stream);
}

/* Answers the first of three, then hangs up; the other two come on a new connection. */
static void hang_up_midway(struct world *world)
{
	struct letter *first = take_stream(world, 0);

	(void)take_next(world, 0);
	(void)take_next(world, 0);
	give_next(world, 0, first);
	close(world->servers[0].stream);
	give_next(world, 0, take_stream(world, 0));
	give_next(world, 0, take_next(world, 0));
}

static void what_was_lost_is_asked_again(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 1, LONG_MS);
	for (uint64_t i = 51; i < 54; i++)
		ask(world, i);
	play(world, hang_up_midway);
	assert_int_equal(world->answers, 3);
	assert_int_equal(counted(world).connections, 2);
	assert_int_equal(counted(world).over_tcp, 5);
	assert_int_equal(counted(world).tries, 3);
	assert_int_equal(counted(world).timeouts, 0);
	close(world->servers[0].stream);
}

static void always_hang_up(struct world *world)
{
	for (int i = 0; i < 16; i++) {
		(void)take_stream(world, 0);
		close(world->servers[0].stream);
	}
}

/* Once on each try; then it is the server's failure, and the next server's turn. */
static void hanging_up_for_ever_ends(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 1, LONG_MS);
	ask(world, 61);
	play(world, always_hang_up);
	assert_int_equal(world->failures, 1);
	assert_int_equal(world->why, NG_NO_NETWORK);
	assert_int_equal(counted(world).connections, 16);
	assert_int_equal(counted(world).tries, 8);
}

static void lie_between(struct world *world)
{
	uint8_t framed[2 + 1024];
	struct letter *letter = take_stream(world, 0);
	size_t len = right(letter, framed + 2);

	framed[0] = (uint8_t)(len >> 8);
	framed[1] = (uint8_t)len;
	framed[2] ^= 0x55; /* an ID that nobody has */
	framed[len + 1] = 66;
	(void)!send(world->servers[0].stream, framed, len + 2, MSG_NOSIGNAL);
	framed[2] ^= 0x55;
	framed[2 + NG_HEADER_LEN + 1] ^= 0x03; /* the ID, and another name */
	(void)!send(world->servers[0].stream, framed, len + 2, MSG_NOSIGNAL);
	give_next(world, 0, letter);
}

static void strange_messages_are_passed_over(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 1, LONG_MS);
	ask(world, 71);
	play(world, lie_between);
	assert_int_equal(world->answers, 1);
	assert_int_equal(world->wire[world->len - 1], 223);
	assert_int_equal(counted(world).strange, 2);
	close(world->servers[0].stream);
}

/* In lower case, with those bits of the header. */
static void give_lower(struct world *world, size_t server, const struct letter *to,
		       uint8_t flags, uint8_t rcode)
{
	uint8_t framed[2 + 1024] = {0};
	size_t len = right(to, framed + 2);

	framed[0] = (uint8_t)(len >> 8);
	framed[1] = (uint8_t)len;
	framed[4] |= flags;
	framed[5] |= rcode;
	lower(framed + 2, question_end(to));
	(void)!send(world->servers[server].stream, framed, len + 2, MSG_NOSIGNAL);
}

static void cut_in_lower_case(struct world *world)
{
	struct letter *letter = take_stream(world, 0);

	give_lower(world, 0, letter, 0x02, 0);
	give_next(world, 0, letter);
}

static void lower_case_excuses_no_truncation(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 1, LONG_MS);
	ask(world, 72);
	play(world, cut_in_lower_case);
	assert_int_equal(world->answers, 1);
	assert_int_equal(world->wire[2] & 0x02, 0);
	assert_int_equal(counted(world).strange, 1);
	close(world->servers[0].stream);
}

/* Now and then another than the fastest is asked first. */
static size_t asked_first(const struct world *world)
{
	struct pollfd at[] = {{.fd = world->servers[0].tcp, .events = POLLIN},
			      {.fd = world->servers[1].tcp, .events = POLLIN}};

	(void)poll(at, 2, PATIENCE_S * 1000);
	return at[1].revents ? 1 : 0;
}

static void refuse_in_lower_case(struct world *world)
{
	size_t first = asked_first(world);

	give_lower(world, first, take_stream(world, first), 0, NG_RCODE_REFUSED);
	give_next(world, !first, take_stream(world, !first));
}

static void lower_case_excuses_no_refusal(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 2, LONG_MS);
	ask(world, 73);
	play(world, refuse_in_lower_case);
	assert_int_equal(world->answers, 1);
	assert_int_equal(world->wire[3] & 0x0f, NG_RCODE_NOERROR);
	close(world->servers[0].stream);
	close(world->servers[1].stream);
}

static void lie_for_ever(struct world *world)
{
	const uint8_t nothing[2 + NG_HEADER_LEN] = {0, NG_HEADER_LEN, 0, 0, 0x80};

	for (int c = 0; c < 2; c++) {
		(void)take_stream(world, 0);
		for (int i = 0; i < 64; i++)
			(void)!send(world->servers[0].stream, nothing, sizeof(nothing),
				    MSG_NOSIGNAL);
		close(world->servers[0].stream);
	}
	close(world->servers[0].tcp);
	world->servers[0].tcp = -1;
}

static void who_only_lies_is_hung_up_on(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 1, 4 * TIMEOUT_MS);
	ask(world, 81);
	play(world, lie_for_ever);
	assert_int_equal(world->failures, 1);
	assert_true(counted(world).strange >= 2);
	assert_true(counted(world).strange <= 2 * 16);
}

static void say_nothing(struct world *world)
{
	(void)world;
}

/* One that keeps silent is given up with the question that waited for it, and another opened. */
static void silent_connection_is_not_kept(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 1, TIMEOUT_MS);
	ask(world, 91);
	play(world, say_nothing);
	assert_int_equal(world->failures, 1);
	assert_int_equal(world->why, NG_NO_TIME);
	assert_int_equal(counted(world).connections, counted(world).tries);
	assert_true(counted(world).tries >= 2);
}

/* A zone whose servers are dead keeps few places; the other zone has the rest. */
static void dead_zone_leaves_places(void **state)
{
	struct world *world = *state;
	struct upstream_route both[2] = {route_to(world, 1, TIMEOUT_MS),
					 route_to(world, 1, LONG_MS)};
	struct ng_ask dead = ask_of(1);
	int taken = 0;

	both[1].id = 4;
	both[1].servers[0].port = world->servers[1].port;
	assert_int_equal(upstream_routes(world->upstream, both, 2), NG_OK);
	for (int i = 0; i < 3; i++) {
		ask(world, 1);
		play(world, say_nothing);
	}
	while (upstream_ask(world->upstream, &dead) == NG_OK)
		taken++;
	assert_in_range(taken, 1, 2);
	world->wanted += (size_t)taken;
	dead.route = 4;
	assert_int_equal(upstream_ask(world->upstream, &dead), NG_OK);
}

static int begin_wide(void **state)
{
	return begin_with(state, 2048);
}

/* More than two sandboxes may have waiting; who comes next still finds a place. */
static void a_slow_server_is_not_full(void **state)
{
	struct world *world = *state;

	tcp_routes(world, 1, LONG_MS);
	for (uint64_t i = 1; i <= 1100; i++)
		ask(world, i);
	uv_run(&world->loop, UV_RUN_NOWAIT);
	assert_int_equal(counted(world).over_tcp, 1100);
	assert_int_equal(world->failures, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_connection_answers_in_any_order),
		TEST(connection_is_used_again),
		TEST(what_was_lost_is_asked_again),
		TEST(hanging_up_for_ever_ends),
		TEST(strange_messages_are_passed_over),
		TEST(who_only_lies_is_hung_up_on),
		TEST(silent_connection_is_not_kept),
		TEST(dead_zone_leaves_places),
		TEST(lower_case_excuses_no_truncation),
		TEST(lower_case_excuses_no_refusal),
		cmocka_unit_test_setup_teardown(a_slow_server_is_not_full, begin_wide, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
