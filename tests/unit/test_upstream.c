/*
 * Questions to servers that lie, keep silent, answer late or not to the point. The servers are a
 * thread of this process on loopback; what they do is each test's script.
 */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/upstream.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 10
#define TIMEOUT_MS 50   /* of a try, where a test waits for it to end */
#define LONG_MS    8000 /* of a try that must not end by itself */

struct letter { /* one question as a server got it */
	uint8_t wire[512];
	size_t len;
	struct sockaddr_in from;
};

struct server {
	int udp, tcp, stream; /* tcp listens on the same port */
	uint16_t port;
};

struct world {
	uv_loop_t loop;
	struct upstream *upstream;
	struct server servers[2];
	pthread_t thread;
	void (*script)(struct world *world);
	struct letter seen[64];
	size_t n_seen;
	/* what came out */
	size_t answers, failures, wanted;
	uint64_t ask;
	enum ng_no_answer why;
	struct ng_addr from;
	uint8_t wire[4096];
	size_t len;
};

/* ---- the servers' side; runs in the thread, fails by doing nothing ---- */

static void patient(int fd)
{
	struct timeval limit = {.tv_sec = PATIENCE_S};

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static struct letter *take(struct world *world, size_t server)
{
	struct letter *letter = &world->seen[world->n_seen++ % 64];
	socklen_t len = sizeof(letter->from);
	ssize_t got = recvfrom(world->servers[server].udp, letter->wire, sizeof(letter->wire),
			       0, (struct sockaddr *)&letter->from, &len);

	letter->len = got > 0 ? (size_t)got : 0;
	return letter;
}

static void give(struct world *world, size_t server, const struct letter *to,
		 const uint8_t *wire, size_t len)
{
	(void)!sendto(world->servers[server].udp, wire, len, 0,
		      (const struct sockaddr *)&to->from, sizeof(to->from));
}

/* Reads one question from a fresh connection, which stays open as ->stream. */
static struct letter *take_stream(struct world *world, size_t server)
{
	struct letter *letter = &world->seen[world->n_seen++ % 64];
	struct server *at = &world->servers[server];
	uint8_t prefix[2];

	letter->len = 0;
	at->stream = accept(at->tcp, NULL, NULL);
	patient(at->stream);
	if (recv(at->stream, prefix, 2, MSG_WAITALL) != 2)
		return letter;
	letter->len = (size_t)prefix[0] << 8 | prefix[1];
	if (letter->len > sizeof(letter->wire) ||
	    recv(at->stream, letter->wire, letter->len, MSG_WAITALL) != (ssize_t)letter->len)
		letter->len = 0;
	return letter;
}

static void give_stream(struct world *world, size_t server, const uint8_t *wire, size_t len,
			size_t piece)
{
	uint8_t framed[2 + 1024] = {(uint8_t)(len >> 8), (uint8_t)len};
	struct server *at = &world->servers[server];

	memcpy(framed + 2, wire, len);
	for (size_t done = 0; done < len + 2; done += piece) {
		size_t left = len + 2 - done;
		(void)!send(at->stream, framed + done, left < piece ? left : piece,
			    MSG_NOSIGNAL);
	}
	close(at->stream);
}

static size_t question_end(const struct letter *letter)
{
	size_t at = NG_HEADER_LEN;

	while (at < letter->len && letter->wire[at])
		at += 1u + letter->wire[at];
	return at + 5;
}

/* A right answer: the question echoed and one address. */
static size_t right(const struct letter *letter, uint8_t *out)
{
	static const uint8_t record[] = {0xC0, 12, 0, 1, 0,   1,   0, 0,
					 1,    44, 0, 4, 151, 101, 0, 223};
	size_t end = question_end(letter);

	if (end > letter->len)
		return 0;
	memcpy(out, letter->wire, end);
	out[2] |= 0x80;
	out[3] = 0x80;
	out[7] = 1;
	memset(out + 8, 0, 4);
	memcpy(out + end, record, sizeof(record));
	return end + sizeof(record);
}

static void lower(uint8_t *wire, size_t end)
{
	for (size_t i = NG_HEADER_LEN; i < end - 4; i++)
		if (wire[i] >= 'A' && wire[i] <= 'Z')
			wire[i] |= 0x20;
}

/* ---- our side ---- */

static void on_answer(void *context, uint64_t ask, const struct ng_addr *server,
		      const uint8_t *wire, size_t len)
{
	struct world *world = context;

	world->answers++;
	world->ask = ask;
	world->from = *server;
	world->len = len < sizeof(world->wire) ? len : sizeof(world->wire);
	memcpy(world->wire, wire, world->len);
	if (world->answers + world->failures == world->wanted)
		uv_stop(&world->loop);
}

static void on_no_answer(void *context, uint64_t ask, enum ng_no_answer why)
{
	struct world *world = context;

	world->failures++;
	world->ask = ask;
	world->why = why;
	if (world->answers + world->failures == world->wanted)
		uv_stop(&world->loop);
}

static void server_open(struct server *server)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	/* The kernel picks the port for TCP; UDP has it free but in a rare race. */
	server->tcp = socket(AF_INET, SOCK_STREAM, 0);
	server->udp = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(server->tcp, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(server->tcp, 16), 0);
	assert_int_equal(getsockname(server->tcp, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(bind(server->udp, (struct sockaddr *)&at, sizeof(at)), 0);
	patient(server->tcp);
	patient(server->udp);
	server->port = ntohs(at.sin_port);
	server->stream = -1;
}

static struct upstream_route route_to(const struct world *world, uint8_t n, uint32_t timeout_ms)
{
	const uint8_t loopback[4] = {127, 0, 0, 1};
	struct upstream_route route = {.id = 3, .timeout_ms = timeout_ms, .n_servers = n};

	for (uint8_t i = 0; i < n; i++)
		route.servers[i] =
			(struct upstream_server){.addr = ng_addr_make(NG_IPV4, loopback),
						 .port = world->servers[i].port};
	return route;
}

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	const struct upstream_events events = {
		.context = world, .answer = on_answer, .no_answer = on_no_answer};

	assert_int_equal(uv_loop_init(&world->loop), 0);
	server_open(&world->servers[0]);
	server_open(&world->servers[1]);
	assert_int_equal(upstream_create(&world->loop, 4, &events, &world->upstream), NG_OK);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	upstream_destroy(world->upstream);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world->loop), 0);
	for (size_t i = 0; i < 2; i++) {
		close(world->servers[i].udp);
		close(world->servers[i].tcp);
	}
	free(world);
	return 0;
}

static void routes(struct world *world, uint8_t n, uint32_t timeout_ms)
{
	struct upstream_route route = route_to(world, n, timeout_ms);

	assert_int_equal(upstream_routes(world->upstream, &route, 1), NG_OK);
}

static struct ng_ask ask_of(uint64_t id)
{
	struct ng_ask ask = {
		.id = id, .route = 3, .question = {.type = NG_TYPE_A, .class = NG_CLASS_IN}};

	assert_int_equal(ng_name_from_text("www.good.example", 16, &ask.question.name), NG_OK);
	return ask;
}

static void ask(struct world *world, uint64_t id)
{
	struct ng_ask question = ask_of(id);

	world->wanted++;
	assert_int_equal(upstream_ask(world->upstream, &question), NG_OK);
}

static void *run_script(void *context)
{
	struct world *world = context;

	world->script(world);
	return NULL;
}

/* The servers play their script while the loop runs until each question has come to its end. */
static void play(struct world *world, void (*script)(struct world *world))
{
	world->script = script;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	uv_update_time(&world->loop);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers + world->failures, world->wanted);
}

static struct upstream_counters counted(const struct world *world)
{
	return upstream_counters(world->upstream);
}

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
	assert_int_equal(counted(world).over_tcp, 2);
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

	routes(world, 2, TIMEOUT_MS);
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
	struct letter *letter = take(world, 0);
	size_t len = right(letter, out);

	out[3] |= NG_RCODE_REFUSED;
	give(world, 0, letter, out, len);
	letter = take(world, 1);
	give(world, 1, letter, out, right(letter, out));
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
		letter = take_stream(world, 0);
		len = right(letter, out);
		out[1] ^= 1;
		give_stream(world, 0, out, len, 1024);
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

static void answer_many(struct world *world)
{
	for (int i = 0; i < 32; i++)
		answer_well(world);
}

static void nothing_about_a_question_can_be_foreseen(void **state)
{
	struct world *world = *state;
	size_t same_port = 0, same_id = 0, same_case = 0;

	routes(world, 1, LONG_MS);
	world->script = answer_many;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	for (uint64_t i = 0; i < 32; i++) {
		ask(world, i);
		uv_run(&world->loop, UV_RUN_DEFAULT);
	}
	assert_int_equal(pthread_join(world->thread, NULL), 0);
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
		TEST(silent_server_is_passed_over_and_the_good_one_preferred),
		TEST(refusal_asks_the_next),
		TEST(stream_that_lies_is_not_believed),
		TEST(what_cannot_be_asked_is_said_at_once),
		TEST(reload_ends_the_tries),
		TEST(nothing_about_a_question_can_be_foreseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
