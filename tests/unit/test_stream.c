/* Clients of streams as they come: in pieces, in bunches, too many, too slow, gone. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/stream.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURNS       200
#define ASKED_MAX   256
#define LIMITED_MAX 16

struct world {
	uv_loop_t loop;
	struct streams *streams;
	int port;
	/* what was asked */
	size_t n;
	uint64_t handles[ASKED_MAX];
	size_t lens[ASKED_MAX];
	uint8_t first[ASKED_MAX];
	char interface[NG_IFNAME_MAX];
	struct ng_addr addr;
	uint32_t sandbox;
	struct ng_peer peer;
	uint16_t keepalive_ds;
	unsigned limited[LIMITED_MAX][NG_LIMITS];
	size_t n_sandboxes; /* that clients are of, by the last octet of their address; 0: none */
};

static void on_query(void *context, const struct ng_client *client, const uint8_t *wire,
		     size_t len)
{
	struct world *world = context;

	assert_true(world->n < ASKED_MAX);
	assert_true(client->tcp);
	world->handles[world->n] = client->handle;
	world->lens[world->n] = len;
	world->first[world->n] = len ? wire[0] : 0;
	world->addr = client->addr;
	strcpy(world->interface, client->interface ? client->interface : "");
	world->sandbox = client->sandbox;
	world->peer = client->peer;
	world->keepalive_ds = client->keepalive_ds;
	world->n++;
}

static uint32_t on_who(void *context, const struct ng_client *client)
{
	const struct world *world = context;

	if (client->sandbox)
		return client->sandbox;
	return world->n_sandboxes ? 1 + client->addr.bytes[3] % (uint32_t)world->n_sandboxes
				  : 0;
}

static void on_limited(void *context, uint32_t sandbox, enum ng_limit limit)
{
	struct world *world = context;

	assert_in_range(sandbox, 1, LIMITED_MAX - 1);
	world->limited[sandbox][limit]++;
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
	assert_int_equal(stream_create(&world->loop,
				       &(struct stream_calls){.context = world,
							      .query = on_query,
							      .sandbox = on_who,
							      .limited = on_limited},
				       &world->streams),
			 NG_OK);
	assert_int_equal(stream_listen(world->streams, fd, 0), NG_OK);
	stream_start(world->streams);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	stream_destroy(world->streams);
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

/* From 127.0.0.N. */
static int client_from(struct world *world, uint8_t n)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = (uint16_t)world->port,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in from = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(0x7f000000u + n)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	turn(world);
	return fd;
}

static int client(struct world *world)
{
	return client_from(world, 1);
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
		stream_drop(world->streams, world->handles[0]);
		stream_drop(world->streams, world->handles[1]);
		close(fd);
		turn(world);
	}
	assert_int_equal(stream_counters(world->streams).clients, 0);
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
	stream_reply(world->streams, world->handles[1], (const uint8_t *)"second", 6);
	stream_reply(world->streams, world->handles[0], (const uint8_t *)"one", 3);
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
	stream_reply(world->streams, old, (const uint8_t *)"late", 4);
	other = client(world);
	stream_reply(world->streams, old, (const uint8_t *)"late", 4);
	stream_drop(world->streams, old);
	stream_reply(world->streams, UINT64_MAX, (const uint8_t *)"late", 4);
	turn(world);
	assert_false(closed(other));
	assert_int_equal(stream_counters(world->streams).sent, 0);
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
	stream_reply(world->streams, world->handles[0], (const uint8_t *)"abc", 3);
	turn(world);
	assert_int_equal(recv(fd, got, 5, MSG_WAITALL), 5);
	assert_true(closed(fd));
	assert_int_equal(stream_counters(world->streams).clients, 0);
	close(fd);
}

static void message_too_long_for_a_query_ends_it(void **state)
{
	struct world *world = *state;
	int fd = client(world);

	say(world, fd, "\xff\xff", 2);
	assert_true(closed(fd));
	assert_int_equal(world->n, 0);
	assert_int_equal(stream_counters(world->streams).oversize, 1);
	close(fd);
	turn(world);
	assert_int_equal(stream_counters(world->streams).clients, 0);
}

/* Unread octets would have the kernel reset the connection, and the reply with it. */
static void nothing_is_reset_while_a_reply_is_on_its_way(void **state)
{
	struct world *world = *state;
	uint8_t got[6], junk[3000] = {0};
	int fd = client(world);

	say(world, fd, two, 5);
	memset(junk, 0xff, sizeof(junk));
	say(world, fd, junk, sizeof(junk));
	stream_reply(world->streams, world->handles[0], (const uint8_t *)"last", 4);
	turn(world);
	say(world, fd, junk, sizeof(junk));
	assert_int_equal(recv(fd, got, 6, MSG_WAITALL), 6);
	assert_memory_equal(got, "\0\4last", 6);
	assert_int_equal(recv(fd, got, 1, MSG_DONTWAIT), 0);
	assert_int_equal(world->n, 1);
	close(fd);
	turn(world);
	assert_int_equal(stream_counters(world->streams).clients, 0);
}

/* What comes behind our end is read for a while and no longer. */
static void client_that_talks_on_after_the_end_is_cut(void **state)
{
	struct world *world = *state;
	static uint8_t junk[60000];
	int fd = client(world);

	memset(junk, 0xff, sizeof(junk));
	for (int i = 0; i < 10 && stream_counters(world->streams).clients; i++) {
		(void)!send(fd, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT);
		turn(world);
	}
	assert_int_equal(stream_counters(world->streams).clients, 0);
	close(fd);
}

/* A second after our end, whether the client has said its own or not. */
static void client_that_never_closes_is_closed(void **state)
{
	struct world *world = *state;
	int fd = client(world);

	say(world, fd, "\xff\xff", 2);
	assert_int_equal(stream_counters(world->streams).clients, 1);
	for (int i = 0; i < 100 && stream_counters(world->streams).clients; i++) {
		usleep(50000);
		turn(world);
	}
	assert_int_equal(stream_counters(world->streams).clients, 0);
	close(fd);
}

static void sandbox_has_only_its_share(void **state)
{
	struct world *world = *state;
	int fds[4], other;

	world->n_sandboxes = 2;
	stream_limit(world->streams,
		     &(struct stream_limits){.clients = 10, .clients_sandbox = 2});
	fds[0] = client_from(world, 1);
	say(world, fds[0], two, 5);
	fds[1] = client_from(world, 3); /* of the same sandbox, by another address */
	fds[2] = client_from(world, 1);
	assert_false(closed(fds[0]));
	assert_true(closed(fds[1])); /* its own idle one gives way */
	assert_false(closed(fds[2]));
	say(world, fds[2], two, 5);
	fds[3] = client_from(world, 3);
	assert_true(closed(fds[3])); /* nobody does who has a question under way */
	other = client_from(world, 2);
	assert_false(closed(other));
	assert_int_equal(stream_counters(world->streams).refused, 1);
	assert_int_equal(stream_counters(world->streams).gave_way, 1);
	assert_int_equal(world->limited[2][NG_LIMIT_CONNECTIONS], 1);
	assert_int_equal(world->limited[2][NG_LIMIT_CLOSED], 1);
	assert_int_equal(world->limited[1][NG_LIMIT_CLOSED], 0);
	for (size_t i = 0; i < 4; i++)
		close(fds[i]);
	close(other);
}

/* A stranger is an address, not one of the many who share an interface. */
static void strangers_have_shares_of_their_own(void **state)
{
	struct world *world = *state;
	int one, other;

	stream_limit(world->streams,
		     &(struct stream_limits){.clients = 10, .clients_sandbox = 1});
	one = client_from(world, 1);
	other = client_from(world, 2);
	assert_false(closed(one));
	close(client_from(world, 1));
	turn(world);
	assert_true(closed(one));
	assert_false(closed(other));
	close(one);
	close(other);
}

static void newcomer_takes_the_place_of_the_idle_only(void **state)
{
	struct world *world = *state;
	int busy, idle, late, last;

	stream_limit(world->streams,
		     &(struct stream_limits){.clients = 2, .clients_sandbox = 10});
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

static void the_greediest_gives_way_by_its_longest_idle(void **state)
{
	struct world *world = *state;
	int modest, greedy[3], late[2];

	world->n_sandboxes = 200;
	stream_limit(world->streams,
		     &(struct stream_limits){.clients = 4, .clients_sandbox = 10});
	modest = client_from(world, 1); /* idle for longest */
	for (size_t i = 0; i < 3; i++)
		greedy[i] = client_from(world, 2);
	say(world, greedy[0], two, 5);
	late[0] = client_from(world, 3);
	assert_false(closed(modest));
	assert_false(closed(greedy[0]));
	assert_true(closed(greedy[1]));
	assert_false(closed(greedy[2]));
	/* Its second one may be had from who has two, and not from who has one. */
	late[1] = client_from(world, 3);
	assert_true(closed(greedy[2]));
	assert_false(closed(modest));
	close(client_from(world, 3));
	turn(world);
	assert_false(closed(modest));
	assert_false(closed(greedy[0]));
	close(modest);
	for (size_t i = 0; i < 3; i++)
		close(greedy[i]);
	close(late[0]);
	close(late[1]);
}

static void clients_are_told_how_long_they_may_idle(void **state)
{
	struct world *world = *state;
	int fds[2];

	stream_limit(world->streams,
		     &(struct stream_limits){.clients = 10, .clients_sandbox = 2});
	fds[0] = client(world);
	say(world, fds[0], two, 5);
	assert_int_equal(world->keepalive_ds, 100);
	fds[1] = client(world); /* the last of its share: it is to close soon */
	say(world, fds[1], two, 5);
	assert_int_equal(world->keepalive_ds, 0);
	close(fds[0]);
	close(fds[1]);
}

/* Nothing is asked on behalf of a client that does not read what it was told. */
static void client_that_does_not_read_is_not_read(void **state)
{
	struct world *world = *state;
	static uint8_t large[60000];
	int fd = client(world), small = 4096;
	uint64_t asked;
	size_t left = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (asked = 0; asked < 400; asked = stream_counters(world->streams).received) {
		world->n = 0;
		if (send(fd, two, 5, MSG_NOSIGNAL | MSG_DONTWAIT) != 5)
			break;
		turn(world);
		if (!world->n)
			break;
		stream_reply(world->streams, world->handles[0], large, sizeof(large));
	}
	assert_true(asked < 400);
	assert_int_equal(stream_counters(world->streams).clients, 1);
	small = 1 << 20;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	/* It reads: every reply is there, and the question that waited is asked. */
	left = asked * (2 + sizeof(large));
	while (left) {
		ssize_t got = recv(fd, large, left < sizeof(large) ? left : sizeof(large),
				   MSG_DONTWAIT);
		assert_true(got > 0 || errno == EAGAIN);
		if (got > 0)
			left -= (size_t)got;
		turn(world);
	}
	assert_int_equal(stream_counters(world->streams).received, asked + 1);
	assert_int_equal(stream_counters(world->streams).late, 0);
	close(fd);
}

/* Questions that were under way already may fill a bounded queue, and no more. */
static void client_that_leaves_too_much_unread_is_cut(void **state)
{
	struct world *world = *state;
	static uint8_t large[60000];
	int fd = client(world), small = 4096;
	uint8_t many[ASKED_MAX * 5];

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (size_t i = 0; i < ASKED_MAX; i++)
		memcpy(many + 5 * i, two, 5);
	say(world, fd, many, sizeof(many));
	assert_int_equal(world->n, ASKED_MAX);
	for (size_t i = 0; i < ASKED_MAX; i++)
		stream_reply(world->streams, world->handles[i], large, sizeof(large));
	turn(world);
	assert_int_equal(stream_counters(world->streams).clients, 0);
	assert_int_equal(stream_counters(world->streams).late, 1);
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
	assert_int_equal(stream_counters(world->streams).refused, 2);
	third = client(world);
	say(world, third, two, 5);
	assert_int_equal(world->n, 1);
	stream_drop(world->streams, world->handles[0]);
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
	assert_int_equal(stream_counters(world->streams).clients, 1);
	close(last);
	turn(world);
}

static int unix_listener(char path[static 64])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(path, 64, "/tmp/test_stream.%d", (int)getpid());
	strcpy(at.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void unix_socket_is_one_sandbox(void **state)
{
	struct world *world = *state;
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char path[64];
	uint8_t got[5];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(stream_listen(world->streams, unix_listener(path), 7), NG_OK);
	strcpy(to.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	unlink(path);
	turn(world);
	say(world, fd, two, 5);
	assert_int_equal(world->n, 1);
	assert_int_equal(world->sandbox, 7);
	assert_true(world->peer.known);
	assert_int_equal(world->peer.pid, getpid());
	assert_int_equal(world->peer.uid, geteuid());
	assert_int_equal(world->peer.gid, getegid());
	assert_int_equal(world->addr.family, NG_NOFAMILY);
	stream_reply(world->streams, world->handles[0], (const uint8_t *)"abc", 3);
	assert_int_equal(recv(fd, got, 5, MSG_WAITALL), 5);
	close(fd);
	turn(world);
	assert_int_equal(stream_counters(world->streams).clients, 0);
}

static void other_descriptors_are_refused(void **state)
{
	struct world *world = *state;
	char path[64];
	int fd = unix_listener(path);

	unlink(path);
	assert_int_equal(stream_listen(world->streams, socket(AF_INET, SOCK_DGRAM, 0), 0),
			 NG_E_FORMAT);
	assert_int_equal(stream_listen(world->streams, socket(AF_UNIX, SOCK_DGRAM, 0), 7),
			 NG_E_FORMAT);
	/* Whose would it be? */
	assert_int_equal(stream_listen(world->streams, fd, 0), NG_E_FORMAT);
	assert_int_equal(stream_listen(world->streams, socket(AF_INET, SOCK_STREAM, 0), 7),
			 NG_E_FORMAT);
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
		TEST(nothing_is_reset_while_a_reply_is_on_its_way),
		TEST(client_that_talks_on_after_the_end_is_cut),
		TEST(client_that_never_closes_is_closed),
		TEST(sandbox_has_only_its_share),
		TEST(strangers_have_shares_of_their_own),
		TEST(newcomer_takes_the_place_of_the_idle_only),
		TEST(the_greediest_gives_way_by_its_longest_idle),
		TEST(clients_are_told_how_long_they_may_idle),
		TEST(client_that_does_not_read_is_not_read),
		TEST(client_that_leaves_too_much_unread_is_cut),
		TEST(listener_outlives_the_want_of_memory),
		TEST(crowd_is_turned_away_one_by_one),
		TEST(unix_socket_is_one_sandbox),
		TEST(other_descriptors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
