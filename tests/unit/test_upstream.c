/* Questions to servers that lie, keep silent, answer late or not to the point. */
#include "config.h"
#include "upstream_world.h"

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- the tests ---- */

static void answer_well(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter = take(world, 0);

	give(world, 0, letter, out, right(letter, out));
}

static void right_answer_is_delivered(void **state)
{
	struct world *world = *state;
	char text[NG_ADDR_TEXT];

	routes(world, 1, LONG_MS);
	ask(world, 11);
	play(world, answer_well);
	assert_int_equal(world->answers, 1);
	assert_int_equal(world->ask, 11);
	assert_string_equal(ng_addr_format(&world->from, text), "127.0.0.1");
	assert_int_equal(counted(world).over_tcp, 0);
	assert_int_equal(counted(world).asking, 0);
}

static void lie_before_the_answer(struct world *world)
{
	uint8_t out[1024], bad[1024];
	struct letter *letter = take(world, 0);
	size_t len = right(letter, out);
	int stranger = socket(AF_INET, SOCK_DGRAM, 0);

	give(world, 0, letter, (const uint8_t *)"", 0);
	give(world, 0, letter, out, 5);
	memcpy(bad, out, len);
	bad[2] &= 0x7F; /* a query */
	give(world, 0, letter, bad, len);
	memcpy(bad, out, len);
	bad[NG_HEADER_LEN + 1] ^= 0x03; /* another name */
	give(world, 0, letter, bad, len);
	memcpy(bad, out, len);
	bad[question_end(letter) - 3] = 28; /* another type */
	give(world, 0, letter, bad, len);
	memcpy(bad, out, len);
	bad[len - 5] = 200; /* a length that leads out */
	give(world, 0, letter, bad, len);
	/* From another port, with another address in it: never seen by the connected socket. */
	memcpy(bad, out, len);
	bad[len - 1] = 66;
	(void)!sendto(stranger, bad, len, 0, (struct sockaddr *)&letter->from,
		      sizeof(letter->from));
	close(stranger);
	give(world, 0, letter, out, len);
}

static void lies_do_not_end_the_wait(void **state)
{
	struct world *world = *state;

	routes(world, 1, LONG_MS);
	ask(world, 12);
	play(world, lie_before_the_answer);
	assert_int_equal(world->answers, 1);
	assert_int_equal(world->wire[world->len - 1], 223);
	assert_int_equal(counted(world).over_tcp, 0);
	assert_int_equal(counted(world).strange, 6);
}

static void guess_the_id(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter = take(world, 0);
	size_t len = right(letter, out);

	out[0] ^= 1;
	out[len - 1] = 66;
	give(world, 0, letter, out, len);
	letter = take_stream(world, 0);
	give_stream(world, 0, out, right(letter, out), 1024);
}

static void wrong_id_moves_to_tcp(void **state)
{
	struct world *world = *state;

	routes(world, 1, LONG_MS);
	ask(world, 13);
	play(world, guess_the_id);
	assert_int_equal(world->answers, 1);
	assert_int_equal(world->wire[world->len - 1], 223);
	assert_int_equal(counted(world).over_tcp, 1);
	assert_int_not_equal(memcmp(world->seen[0].wire, world->seen[1].wire, 2), 0);
}

static void guess_without_tcp(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter;
	size_t len;

	for (int i = 0; i < 2; i++) {
		letter = take(world, 0);
		len = right(letter, out);
		out[0] ^= 1;
		out[len - 1] = 66;
		give(world, 0, letter, out, len);
		out[0] ^= 1;
		out[NG_HEADER_LEN + 1] ^= 0x20;
		give(world, 0, letter, out, len);
	}
	give(world, 0, letter, out, right(letter, out));
}

/* Who can make us try TCP with a server that has none must not be able to end the question. */
static void wrong_id_is_waited_past_where_there_is_no_tcp(void **state)
{
	struct world *world = *state;

	routes(world, 1, LONG_MS);
	close(world->servers[0].tcp);
	ask(world, 26);
	play(world, guess_without_tcp);
	assert_int_equal(world->answers, 1);
	assert_int_equal(world->wire[world->len - 1], 223);
	assert_int_equal(counted(world).over_tcp, 1);
	assert_int_equal(counted(world).tries, 2);
}

static void cut_short(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter = take(world, 0);
	size_t len = right(letter, out);

	out[2] |= 0x02; /* TC */
	give(world, 0, letter, out, len);
	letter = take_stream(world, 0);
	give_stream(world, 0, out, right(letter, out), 1);
}

static void truncation_moves_to_tcp_and_pieces_are_joined(void **state)
{
	struct world *world = *state;

	routes(world, 1, LONG_MS);
	ask(world, 14);
	play(world, cut_short);
	assert_int_equal(world->answers, 1);
	assert_int_equal(counted(world).over_tcp, 1);
}

static void lose_the_case(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter = take(world, 0);
	size_t len = right(letter, out);

	lower(out, question_end(letter));
	give(world, 0, letter, out, len);
	for (int i = 0; i < 2; i++) {
		letter = take_stream(world, 0);
		len = right(letter, out);
		lower(out, question_end(letter));
		give_stream(world, 0, out, len, 1024);
	}
}

/* A server without case is used over TCP, and from then on over TCP at once. */
static void lost_case_moves_to_tcp_and_is_remembered(void **state)
{
	struct world *world = *state;
	struct ng_ask again = ask_of(16);

	routes(world, 1, LONG_MS);
	ask(world, 15);
	world->script = lose_the_case;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	world->wanted++;
	assert_int_equal(upstream_ask(world->upstream, &again), NG_OK);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers, 2);
	/* Three when the second went out on the first's connection before its end was seen. */
	assert_in_range(counted(world).over_tcp, 2, 3);
	assert_int_equal(counted(world).case_lost, 2);
	assert_int_equal(counted(world).tries, 2);
}

static void say_nothing(struct world *world)
{
	(void)world;
}

static void silence_ends_in_no_time(void **state)
{
	struct world *world = *state;

	routes(world, 2, TIMEOUT_MS);
	ask(world, 17);
	play(world, say_nothing);
	assert_int_equal(world->failures, 1);
	assert_int_equal(world->ask, 17);
	assert_int_equal(world->why, NG_NO_TIME);
	assert_true(counted(world).tries >= 2);
	assert_true(counted(world).tries <= 4);
	assert_int_equal(counted(world).asking, 0);
}

static void closed_port_is_only_silence(void **state)
{
	struct world *world = *state;

	routes(world, 1, TIMEOUT_MS);
	close(world->servers[0].udp);
	ask(world, 18);
	play(world, say_nothing);
	assert_int_equal(world->failures, 1);
	assert_int_equal(world->why, NG_NO_TIME);
	assert_true(counted(world).timeouts >= 1);
}

/* What our own kernel says needs no waiting: a broadcast address is not for us to send to. */
static void address_that_cannot_be_sent_to_is_no_network(void **state)
{
	struct world *world = *state;
	struct upstream_route route = route_to(world, 1, LONG_MS);

	memset(route.servers[0].addr.bytes, 255, 4);
	assert_int_equal(upstream_routes(world->upstream, &route, 1), NG_OK);
	ask(world, 25);
	assert_int_equal(world->failures, 0); /* never from inside the asking */
	play(world, say_nothing);
	assert_int_equal(world->failures, 1);
	assert_int_equal(world->why, NG_NO_NETWORK);
}

/* Nobody sets marks here: so nothing is sent, by datagram or on a connection. */
static void what_the_kernel_does_not_mark_is_not_sent(void **state)
{
	static const enum wall_transport ways[] = {WALL_UDP, WALL_TCP};
	struct world *world = *state;
	struct upstream_route route = route_to(world, 1, LONG_MS);
	char octet;

	route.servers[0].mark = 16;
	for (uint64_t i = 0; i < 2; i++) {
		route.servers[0].transport = ways[i];
		assert_int_equal(upstream_routes(world->upstream, &route, 1), NG_OK);
		ask(world, i);
		play(world, say_nothing);
		assert_int_equal(world->failures, i + 1);
		assert_int_equal(world->why, NG_NO_MARK);
	}
	assert_int_equal(recv(world->servers[0].udp, &octet, 1, MSG_DONTWAIT), -1);
	assert_int_equal(accept4(world->servers[0].tcp, NULL, NULL, SOCK_NONBLOCK), -1);
	assert_int_equal(counted(world).tries, 2);
}

static void only_the_second_answers(struct world *world)
{
	uint8_t out[1024];

	for (int i = 0; i < 2; i++) {
		struct letter *letter = take(world, 1);
		give(world, 1, letter, out, right(letter, out));
	}
}

static void silent_server_is_passed_over_and_the_good_one_preferred(void **state)
{
	struct world *world = *state;
	struct ng_ask again = ask_of(20);

	routes(world, 2, 4 * TIMEOUT_MS); /* once; the second has to be in time */
	ask(world, 19);
	world->script = only_the_second_answers;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(world->answers, 1);
	world->wanted++;
	assert_int_equal(upstream_ask(world->upstream, &again), NG_OK);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers, 2);
	assert_int_equal(counted(world).timeouts, 1);
}

static void first_refuses(struct world *world)
{
	uint8_t out[1024];
	struct pollfd at[] = {{.fd = world->servers[0].udp, .events = POLLIN},
			      {.fd = world->servers[1].udp, .events = POLLIN}};
	size_t first, len;
	struct letter *letter;

	(void)poll(at, 2, PATIENCE_S * 1000); /* now and then the second is asked first */
	first = at[1].revents ? 1 : 0;
	letter = take(world, first);
	len = right(letter, out);
	out[3] |= NG_RCODE_REFUSED;
	give(world, first, letter, out, len);
	letter = take(world, !first);
	give(world, !first, letter, out, right(letter, out));
}

static void refusal_asks_the_next(void **state)
{
	struct world *world = *state;

	routes(world, 2, LONG_MS);
	ask(world, 21);
	play(world, first_refuses);
	assert_int_equal(world->answers, 1);
	assert_int_equal(world->wire[3] & 0x0F, NG_RCODE_NOERROR);
}

static void lie_on_the_stream_too(struct world *world)
{
	uint8_t out[1024];

	for (int i = 0; i < 8; i++) {
		struct letter *letter = take(world, 0);
		size_t len = right(letter, out);

		out[2] |= 0x02;
		give(world, 0, letter, out, len);
		for (int j = 0; j < 2; j++) { /* a connection that ends is tried once more */
			letter = take_stream(world, 0);
			len = right(letter, out);
			out[1] ^= 1;
			give_stream(world, 0, out, len, 1024);
		}
	}
}

static void stream_that_lies_is_not_believed(void **state)
{
	struct world *world = *state;

	routes(world, 1, LONG_MS);
	ask(world, 22);
	play(world, lie_on_the_stream_too);
	assert_int_equal(world->failures, 1);
	assert_int_equal(world->why, NG_NO_MATCH);
}

static void what_cannot_be_asked_is_said_at_once(void **state)
{
	struct world *world = *state;
	struct ng_ask question = ask_of(23);

	assert_int_equal(upstream_ask(world->upstream, &question), NG_E_NOTFOUND);
	routes(world, 1, TIMEOUT_MS);
	question.route = 4;
	assert_int_equal(upstream_ask(world->upstream, &question), NG_E_NOTFOUND);
	for (uint64_t i = 0; i < 4; i++)
		ask(world, i);
	question.route = 3;
	assert_int_equal(upstream_ask(world->upstream, &question), NG_E_FULL);
	assert_int_equal(counted(world).crowded, 1);
	play(world, say_nothing);
	assert_int_equal(world->failures, 4);
	assert_int_equal(upstream_ask(world->upstream, &question), NG_OK);
}

/* After a reload the route's number may mean another zone: no new try goes there. */
static void reload_ends_the_tries(void **state)
{
	struct world *world = *state;

	routes(world, 1, TIMEOUT_MS);
	ask(world, 24);
	routes(world, 2, TIMEOUT_MS);
	play(world, say_nothing);
	assert_int_equal(world->failures, 1);
	assert_int_equal(counted(world).tries, 1);
}

/* AD in a question asks for AD in the answer (RFC 6840 5.7); nobody else is asked what is not believed. */
static void who_is_trusted_is_asked_whether_it_validates(void **state)
{
	struct world *world = *state;
	struct upstream_route route = route_to(world, 1, LONG_MS);

	for (size_t i = 0; i < 2; i++) {
		route.trust_ad = i;
		assert_int_equal(upstream_routes(world->upstream, &route, 1), NG_OK);
		ask(world, i);
		play(world, answer_well);
		assert_int_equal(world->answers, i + 1);
		assert_int_equal(world->seen[i].wire[3] & 0x20, i ? 0x20 : 0);
	}
}

static void answer_many(struct world *world)
{
	for (int i = 0; i < 32; i++)
		answer_well(world);
}

/* Each question in its turn; the script answers them all. */
static void ask_each(struct world *world, uint64_t n, void (*script)(struct world *world))
{
	world->script = script;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	for (uint64_t i = 0; i < n; i++) {
		ask(world, i);
		uv_run(&world->loop, UV_RUN_DEFAULT);
	}
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers, world->wanted);
}

static void nothing_about_a_question_can_be_foreseen(void **state)
{
	struct world *world = *state;
	size_t same_port = 0, same_id = 0, same_case = 0;

	routes(world, 1, LONG_MS);
	ask_each(world, 32, answer_many);
	for (size_t i = 1; i < 32; i++) {
		const struct letter *a = &world->seen[i - 1], *b = &world->seen[i];
		same_port += a->from.sin_port == b->from.sin_port;
		same_id += !memcmp(a->wire, b->wire, 2);
		same_case += !memcmp(a->wire + 12, b->wire + 12, 18);
	}
	/* 31 pairs; chance gives each of these once in a thousand runs at the very most. */
	assert_in_range(same_port, 0, 2);
	assert_in_range(same_id, 0, 2);
	assert_in_range(same_case, 0, 3);
}

/* ---- sockets that ask again ---- */

#define FDS 1024

/* What tells the sockets of this process from any others. */
static uint64_t sockets(void)
{
	uint64_t sum = 0;
	struct stat info;

	for (int fd = 0; fd < FDS; fd++)
		if (!fstat(fd, &info) && S_ISSOCK(info.st_mode))
			sum += info.st_ino * (uint64_t)(fd + 1);
	return sum;
}

static void answer_one(struct world *world)
{
	answer_well(world);
}

static void one_socket_asks_again_and_again(void **state)
{
	struct world *world = *state;
	uint64_t first;

	routes(world, 1, LONG_MS);
	ask_each(world, 1, answer_one);
	first = sockets();
	ask_each(world, 32, answer_many);
	assert_int_equal(sockets(), first);
	assert_int_equal(counted(world).tries, 33);
}

static bool mark_all(uint32_t mark)
{
	bool done = true;
	int type;

	for (int fd = 0; fd < FDS; fd++) {
		socklen_t len = sizeof(type);

		if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_DGRAM)
			done &= !setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	}
	return done;
}

/* As the kernel does while main knows of a mark that the worker has not been told of yet. */
static void mark_that_nobody_asked_for_is_kept_by_no_socket(void **state)
{
	struct world *world = *state;
	uint64_t first;

	routes(world, 1, LONG_MS);
	ask_each(world, 1, answer_one);
	first = sockets();
	if (!mark_all(16)) {
		print_message("# skipped: only root sets marks\n");
		skip();
	}
	ask_each(world, 32, answer_many);
	assert_int_not_equal(sockets(), first);
	assert_int_equal(counted(world).tries, 33);
}

/* At once, and again to where the question before came from. */
static void answer_over_and_over(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter, *before = NULL;

	for (int i = 0; i < 32; i++) {
		letter = take(world, 0);
		if (before && before->from.sin_port != letter->from.sin_port)
			give(world, 0, before, out, right(before, out));
		for (int copy = 0; copy < 3; copy++)
			give(world, 0, letter, out, right(letter, out));
		before = letter;
	}
}

static void what_comes_after_the_answer_reaches_no_other_question(void **state)
{
	struct world *world = *state;

	routes(world, 1, LONG_MS);
	ask_each(world, 32, answer_over_and_over);
	assert_int_equal(counted(world).strange, 0);
	assert_int_equal(counted(world).over_tcp, 0);
	assert_int_equal(counted(world).tries, 32);
}

#define DRAWS 4096
#define PARTS 16

static void count_ports(struct world *world)
{
	uint8_t out[1024];

	for (size_t i = 0; i < DRAWS; i++) {
		struct letter *letter = take(world, 0);

		world->ports[i] = ntohs(letter->from.sin_port);
		give(world, 0, letter, out, right(letter, out));
	}
}

static void port_range(unsigned *low, unsigned *high)
{
	FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");

	assert_non_null(range);
	assert_int_equal(fscanf(range, "%u %u", low, high), 2);
	fclose(range);
	assert_true(*high - *low >= PARTS);
}

/* Chi squared of 15 degrees: chance gives more than 100 once in 10 to the 14 runs. */
static void ports_are_drawn_evenly(void **state)
{
	struct world *world = *state;
	double seen[PARTS] = {0}, chi = 0;
	unsigned low, high;

	port_range(&low, &high);
	routes(world, 1, LONG_MS);
	ask_each(world, DRAWS, count_ports);
	for (size_t i = 0; i < DRAWS; i++) {
		assert_in_range(world->ports[i], low, high);
		seen[(world->ports[i] - low) * PARTS / (high - low + 1)]++;
	}
	for (size_t i = 0; i < PARTS; i++)
		chi += (seen[i] - (double)DRAWS / PARTS) * (seen[i] - (double)DRAWS / PARTS) *
		       PARTS / DRAWS;
	assert_true(chi < 100);
}

static int begin_wide(void **state)
{
	return begin_with(state, 512);
}

/* As many as a turn brings questions, and more: else questions under way would heap up by themselves. */
static void answers_that_wait_are_taken_in_one_turn(void **state)
{
	struct world *world = *state;

	routes(world, 1, LONG_MS);
	for (uint64_t i = 0; i < 200; i++)
		ask(world, i);
	for (uint64_t i = 0; i < 200; i++)
		answer_well(world);
	uv_run(&world->loop, UV_RUN_NOWAIT);
	assert_int_equal(world->answers, 200);
}

static void ask_at_once(struct world *world, uint64_t n)
{
	const uint64_t lot = 50; /* what the server's socket holds for sure */

	for (uint64_t i = 0; i < n; i += lot) {
		for (uint64_t j = 0; j < lot; j++)
			ask(world, i + j);
		for (uint64_t j = 0; j < lot; j++)
			answer_well(world);
	}
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(world->answers, world->wanted);
}

/* Of a crowd of questions too; else each costs more the more there are, and they heap up. */
static void many_sockets_ask_again_and_again(void **state)
{
	struct world *world = *state;
	uint64_t first;

	routes(world, 1, LONG_MS);
	ask_at_once(world, 400);
	first = sockets();
	ask_at_once(world, 400);
	assert_int_equal(sockets(), first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(right_answer_is_delivered),
		TEST(lies_do_not_end_the_wait),
		TEST(wrong_id_moves_to_tcp),
		TEST(wrong_id_is_waited_past_where_there_is_no_tcp),
		TEST(truncation_moves_to_tcp_and_pieces_are_joined),
		TEST(lost_case_moves_to_tcp_and_is_remembered),
		TEST(silence_ends_in_no_time),
		TEST(closed_port_is_only_silence),
		TEST(address_that_cannot_be_sent_to_is_no_network),
		TEST(what_the_kernel_does_not_mark_is_not_sent),
		TEST(silent_server_is_passed_over_and_the_good_one_preferred),
		TEST(refusal_asks_the_next),
		TEST(stream_that_lies_is_not_believed),
		TEST(what_cannot_be_asked_is_said_at_once),
		TEST(reload_ends_the_tries),
		TEST(who_is_trusted_is_asked_whether_it_validates),
		TEST(nothing_about_a_question_can_be_foreseen),
		TEST(one_socket_asks_again_and_again),
		TEST(mark_that_nobody_asked_for_is_kept_by_no_socket),
		TEST(what_comes_after_the_answer_reaches_no_other_question),
		TEST(ports_are_drawn_evenly),
		cmocka_unit_test_setup_teardown(answers_that_wait_are_taken_in_one_turn,
						begin_wide, end),
		cmocka_unit_test_setup_teardown(many_sockets_ask_again_and_again, begin_wide,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
