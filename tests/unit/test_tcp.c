/* TCP clients as they come: in pieces, in bunches, too many, too slow, gone. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/tcp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 200

struct world {
	uv_loop_t loop;
	struct tcp *tcp;
	int port;
	/* what was asked */
	size_t n;
	uint64_t handles[64];
	size_t lens[64];
	uint8_t first[64];
	char interface[NG_IFNAME_MAX];
	struct ng_addr addr;
};

static void on_query(void *context, const struct ng_client *client, const uint8_t *wire,
		     size_t len)
{
	struct world *world = context;

	assert_true(world->n < 64);
	assert_true(client->tcp);
	world->handles[world->n] = client->handle;
	world->lens[world->n] = len;
	world->first[world->n] = len ? wire[0] : 0;
	world->addr = client->addr;
	strcpy(world->interface, client->interface ? client->interface : "");
	world->n++;
}

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(uv_loop_init(&world->loop), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	world->port = at.sin_port;
	assert_int_equal(tcp_create(&world->loop, on_query, world, &world->tcp), NG_OK);
	assert_int_equal(tcp_listen(world->tcp, fd), NG_OK);
	tcp_start(world->tcp);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	tcp_destroy(world->tcp);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world->loop), 0);
	free(world);
	return 0;
}

static void turn(struct world *world)
{
	for (int i = 0; i < TURNS; i++)
		uv_run(&world->loop, UV_RUN_NOWAIT);
}

static int client(struct world *world)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = (uint16_t)world->port,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	turn(world);
	return fd;
}

static void say(struct world *world, int fd, const void *octets, size_t n)
{
	assert_int_equal(send(fd, octets, n, MSG_NOSIGNAL), (ssize_t)n);
	turn(world);
}

static bool closed(int fd)
{
	char octet;
	ssize_t got = recv(fd, &octet, 1, MSG_DONTWAIT);

	return got == 0 || (got < 0 && errno == ECONNRESET);
}

static const uint8_t two[] = {0, 3, 'a', 'b', 'c', 0, 2, 'd', 'e'};

static void messages_do_not_care_for_segments(void **state)
{
	struct world *world = *state;

	for (size_t cut = 0; cut <= sizeof(two); cut++) {
		int fd = client(world);

		world->n = 0;
		if (cut)
			say(world, fd, two, cut);
		if (cut < sizeof(two))
			say(world, fd, two + cut, sizeof(two) - cut);
		assert_int_equal(world->n, 2);
		assert_int_equal(world->lens[0], 3);
		assert_int_equal(world->first[0], 'a');
		assert_int_equal(world->lens[1], 2);
		assert_int_equal(world->first[1], 'd');
		tcp_drop(world->tcp, world->handles[0]);
		tcp_drop(world->tcp, world->handles[1]);
		close(fd);
		turn(world);
	}
	assert_int_equal(tcp_counters(world->tcp).clients, 0);
}

static void single_octets_make_messages_too(void **state)
{
	struct world *world = *state;
	const uint8_t octets[] = {0, 0, 0, 1, 'x', 0, 2, 'y', 'z'};
	int fd = client(world);

	for (size_t i = 0; i < sizeof(octets); i++)
		say(world, fd, octets + i, 1);
	assert_int_equal(world->n, 3);
	assert_int_equal(world->lens[0], 0);
	assert_int_equal(world->lens[1], 1);
	assert_int_equal(world->lens[2], 2);
	assert_int_equal(world->first[2], 'y');
	close(fd);
}

static void client_is_known_by_address_and_interface(void **state)
{
	struct world *world = *state;
	char text[NG_ADDR_TEXT];
	int fd = client(world);

	say(world, fd, two, sizeof(two));
	assert_string_equal(ng_addr_format(&world->addr, text), "127.0.0.1");
	assert_string_equal(world->interface, "lo");
	close(fd);
}

static void replies_go_in_any_order(void **state)
{
	struct world *world = *state;
	uint8_t got[16];
	int fd = client(world);

	say(world, fd, two, sizeof(two));
	tcp_reply(world->tcp, world->handles[1], (const uint8_t *)"second", 6);
	tcp_reply(world->tcp, world->handles[0], (const uint8_t *)"one", 3);
	assert_int_equal(recv(fd, got, 13, MSG_WAITALL), 13);
	assert_memory_equal(got, "\0\6second\0\3one", 13);
	close(fd);
}

static void reply_to_nobody_is_harmless(void **state)
{
	struct world *world = *state;
	const struct linger at_once = {.l_onoff = 1};
	int fd = client(world), other;
	uint64_t old;

	say(world, fd, two, sizeof(two));
	old = world->handles[0];
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(fd);
	turn(world);
	tcp_reply(world->tcp, old, (const uint8_t *)"late", 4);
	other = client(world);
	tcp_reply(world->tcp, old, (const uint8_t *)"late", 4);
	tcp_drop(world->tcp, old);
	tcp_reply(world->tcp, UINT64_MAX, (const uint8_t *)"late", 4);
	turn(world);
	assert_false(closed(other));
	assert_int_equal(tcp_counters(world->tcp).sent, 0);
	close(other);
}

static void client_that_has_finished_still_gets_its_answer(void **state)
{
	struct world *world = *state;
	uint8_t got[5];
	int fd = client(world);

	say(world, fd, two, 5);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	turn(world);
	tcp_reply(world->tcp, world->handles[0], (const uint8_t *)"abc", 3);
	turn(world);
	assert_int_equal(recv(fd, got, 5, MSG_WAITALL), 5);
	assert_true(closed(fd));
	assert_int_equal(tcp_counters(world->tcp).clients, 0);
	close(fd);
}

static void message_too_long_for_a_query_ends_it(void **state)
{
	struct world *world = *state;
	int fd = client(world);

	say(world, fd, "\xff\xff", 2);
	say(world, fd, "x", 1);
	assert_true(closed(fd));
	assert_int_equal(world->n, 0);
	assert_int_equal(tcp_counters(world->tcp).oversize, 1);
	close(fd);
}

static void source_has_only_its_share(void **state)
{
	struct world *world = *state;
	int fds[3];

	tcp_limit(world->tcp, &(struct tcp_limits){.clients = 10, .clients_source = 2});
	for (size_t i = 0; i < 3; i++)
		fds[i] = client(world);
	assert_false(closed(fds[0]));
	assert_false(closed(fds[1]));
	assert_true(closed(fds[2]));
	assert_int_equal(tcp_counters(world->tcp).refused, 1);
	close(fds[0]);
	turn(world);
	close(fds[2]);
	fds[2] = client(world);
	assert_false(closed(fds[2]));
	close(fds[1]);
	close(fds[2]);
}

static void newcomer_takes_the_place_of_the_idle_only(void **state)
{
	struct world *world = *state;
	int busy, idle, late, last;

	tcp_limit(world->tcp, &(struct tcp_limits){.clients = 2, .clients_source = 10});
	busy = client(world);
	say(world, busy, two, sizeof(two));
	idle = client(world);
	late = client(world);
	assert_true(closed(idle));
	assert_false(closed(busy));
	assert_false(closed(late));
	say(world, late, two, sizeof(two));
	last = client(world);
	assert_true(closed(last));
	close(busy);
	close(idle);
	close(late);
	close(last);
}

static void client_that_does_not_read_is_cut(void **state)
{
	struct world *world = *state;
	static uint8_t large[60000];
	int fd = client(world), small = 4096;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (int i = 0; i < 32; i++)
		say(world, fd, two, 5);
	for (size_t i = 0; i < world->n; i++)
		tcp_reply(world->tcp, world->handles[i], large, sizeof(large));
	for (size_t round = 0; round < 10 && tcp_counters(world->tcp).clients; round++) {
		world->n = 0;
		for (int i = 0; i < 32; i++)
			(void)!send(fd, two, 5, MSG_NOSIGNAL);
		turn(world);
		for (size_t i = 0; i < world->n; i++)
			tcp_reply(world->tcp, world->handles[i], large, sizeof(large));
	}
	turn(world);
	assert_int_equal(tcp_counters(world->tcp).clients, 0);
	assert_int_equal(tcp_counters(world->tcp).late, 1);
	close(fd);
}

/* The linker puts this in the place of calloc() for the edge; libuv keeps its own. */
static size_t callocs_to_fail;
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	if (!callocs_to_fail)
		return __real_calloc(n, size);
	callocs_to_fail--;
	return NULL;
}

static void listener_outlives_the_want_of_memory(void **state)
{
	struct world *world = *state;
	int first, second, third;

	callocs_to_fail = 2;
	first = client(world);
	second = client(world);
	assert_int_equal(callocs_to_fail, 0);
	assert_true(closed(first));
	assert_true(closed(second));
	assert_int_equal(tcp_counters(world->tcp).refused, 2);
	third = client(world);
	say(world, third, two, 5);
	assert_int_equal(world->n, 1);
	tcp_drop(world->tcp, world->handles[0]);
	close(first);
	close(second);
	close(third);
	turn(world);
}

/* Several at the door at once: each is ended, the last one as well. */
static void crowd_is_turned_away_one_by_one(void **state)
{
	struct world *world = *state;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = (uint16_t)world->port,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fds[8], last;

	callocs_to_fail = 8;
	for (size_t i = 0; i < 8; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof(to)), 0);
	}
	turn(world);
	assert_int_equal(callocs_to_fail, 0);
	for (size_t i = 0; i < 8; i++) {
		assert_true(closed(fds[i]));
		close(fds[i]);
	}
	last = client(world);
	assert_int_equal(tcp_counters(world->tcp).clients, 1);
	close(last);
	turn(world);
}

static void other_descriptors_are_refused(void **state)
{
	struct world *world = *state;
	int ends[2];

	assert_int_equal(tcp_listen(world->tcp, socket(AF_INET, SOCK_DGRAM, 0)), NG_E_FORMAT);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(tcp_listen(world->tcp, ends[0]), NG_E_FORMAT);
	close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_do_not_care_for_segments),
		TEST(single_octets_make_messages_too),
		TEST(client_is_known_by_address_and_interface),
		TEST(replies_go_in_any_order),
		TEST(reply_to_nobody_is_harmless),
		TEST(client_that_has_finished_still_gets_its_answer),
		TEST(message_too_long_for_a_query_ends_it),
		TEST(source_has_only_its_share),
		TEST(newcomer_takes_the_place_of_the_idle_only),
		TEST(client_that_does_not_read_is_cut),
		TEST(listener_outlives_the_want_of_memory),
		TEST(crowd_is_turned_away_one_by_one),
		TEST(other_descriptors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
