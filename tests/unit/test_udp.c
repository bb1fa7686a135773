/* UDP clients: many at once, on several addresses, answered late or twice. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/udp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TURNS 50
#define MANY  500

struct world {
	uv_loop_t loop;
	struct udp *udp;
	int port;
	size_t n;
	uint64_t handles[MANY];
	struct ng_addr addr;
	char interface[NG_IFNAME_MAX];
	bool echo;
	unsigned batches;
	uint16_t port_from;
	size_t len;
	int fd; /* the gate's */
};

static void on_batch(void *context)
{
	struct world *world = context;

	world->batches++;
}

static void on_query(void *context, const struct ng_client *client, const uint8_t *wire,
		     size_t len)
{
	struct world *world = context;

	assert_false(client->tcp);
	assert_int_equal(client->handle >> 63, 0);
	assert_true(world->batches > 0);
	world->addr = client->addr;
	world->port_from = client->port;
	world->len = len;
	strcpy(world->interface, client->interface ? client->interface : "");
	world->handles[world->n++ % MANY] = client->handle;
	if (world->echo)
		udp_reply(world->udp, client->handle, wire, len);
}

/* Bound to every address, as a listener on a wildcard is: replies must find their way back. */
static int begin_with(void **state, int family)
{
	struct world *world = calloc(1, sizeof(*world));
	struct sockaddr_in6 at = {.sin6_family = (sa_family_t)family};
	socklen_t len = sizeof(at);
	int fd = socket(family, SOCK_DGRAM, 0);
	struct udp_calls calls;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at,
			   family == AF_INET ? sizeof(struct sockaddr_in) : len)) {
		free(world);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	world->port = at.sin6_port;
	world->fd = fd;
	assert_int_equal(uv_loop_init(&world->loop), 0);
	calls = (struct udp_calls){.context = world, .batch = on_batch, .query = on_query};
	assert_int_equal(udp_create(&world->loop, &calls, &world->udp), NG_OK);
	assert_int_equal(udp_listen(world->udp, fd), NG_OK);
	*state = world;
	return 0;
}

static int begin(void **state)
{
	return begin_with(state, AF_INET);
}

static int begin6(void **state)
{
	return begin_with(state, AF_INET6);
}

static int end(void **state)
{
	struct world *world = *state;

	udp_destroy(world->udp);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world->loop), 0);
	free(world);
	return 0;
}

static void turn(struct world *world)
{
	for (int i = 0; i < TURNS; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		udp_flush(world->udp);
	}
}

static int client_of(const struct world *world, const char *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = (in_port_t)world->port};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = (in_port_t)world->port};
	bool is4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	int fd = socket(is4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (!is4)
		assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	assert_int_equal(connect(fd, is4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
				 is4 ? sizeof(v4) : sizeof(v6)),
			 0);
	return fd;
}

/* A connected client hears only the address that it asked. */
static void comes_back(struct world *world, const char *address)
{
	char got[16] = "";
	int fd = client_of(world, address);

	assert_int_equal(send(fd, "hello", 5, 0), 5);
	turn(world);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 5);
	assert_string_equal(got, "hello");
	close(fd);
}

static void nothing_is_read_before_the_start(void **state)
{
	struct world *world = *state;
	int fd = client_of(world, "127.0.0.1");

	assert_int_equal(send(fd, "hello", 5, 0), 5);
	turn(world);
	assert_int_equal(world->n, 0);
	udp_start(world->udp);
	turn(world);
	assert_int_equal(world->n, 1);
	assert_string_equal(world->interface, "lo");
	close(fd);
}

static void reply_leaves_from_the_address_that_was_asked(void **state)
{
	struct world *world = *state;

	world->echo = true;
	udp_start(world->udp);
	comes_back(world, "127.0.0.1");
	comes_back(world, "127.0.0.2");
	comes_back(world, "127.9.8.7");
}

static void the_same_over_ipv6(void **state)
{
	struct world *world = *state;
	char text[NG_ADDR_TEXT];

	world->echo = true;
	udp_start(world->udp);
	comes_back(world, "127.0.0.2");
	assert_string_equal(ng_addr_format(&world->addr, text), "127.0.0.1");
	comes_back(world, "::1");
	assert_string_equal(ng_addr_format(&world->addr, text), "::1");
	assert_string_equal(world->interface, "lo");
}

static void all_of_a_burst_are_answered(void **state)
{
	struct world *world = *state;
	size_t answered = 0;
	char got[16];
	int fd = client_of(world, "127.0.0.1");

	world->echo = true;
	udp_start(world->udp);
	for (int burst = 0; burst < 3; burst++) {
		for (int i = 0; i < 100; i++)
			assert_int_equal(send(fd, "hello", 5, 0), 5);
		turn(world);
		while (recv(fd, got, sizeof(got), 0) == 5)
			answered++;
	}
	assert_int_equal(world->n, 300);
	assert_int_equal(answered, 300);
	assert_int_equal(udp_counters(world->udp).sent, 300);
	close(fd);
}

/* What is asked beyond a batch waits in the socket until what the batch has brought about was looked at. */
static void one_batch_is_taken_in_a_turn(void **state)
{
	struct world *world = *state;
	int fd = client_of(world, "127.0.0.1");

	udp_start(world->udp);
	for (int i = 0; i < 150; i++)
		assert_int_equal(send(fd, "hello", 5, 0), 5);
	for (size_t taken = 64; taken < 192; taken += 64) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		assert_int_equal(world->n, taken);
		udp_flush(world->udp);
	}
	turn(world);
	assert_int_equal(world->n, 150);
	close(fd);
}

static void handle_works_once(void **state)
{
	struct world *world = *state;
	char got[16];
	int fd = client_of(world, "127.0.0.1");

	udp_start(world->udp);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send(fd, "hello", 5, 0), 5);
	turn(world);
	assert_int_equal(world->n, 3);
	udp_reply(world->udp, world->handles[2], (const uint8_t *)"two", 3);
	udp_reply(world->udp, world->handles[2], (const uint8_t *)"two", 3);
	udp_drop(world->udp, world->handles[1]);
	udp_reply(world->udp, world->handles[1], (const uint8_t *)"one", 3);
	udp_reply(world->udp, UINT64_MAX, (const uint8_t *)"no", 2);
	turn(world);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 3);
	assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
	/* A place given back is used again; the handle it had before stays dead. */
	assert_int_equal(send(fd, "hello", 5, 0), 5);
	turn(world);
	udp_reply(world->udp, world->handles[1], (const uint8_t *)"one", 3);
	turn(world);
	assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
	udp_reply(world->udp, world->handles[3], (const uint8_t *)"last", 4);
	turn(world);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 4);
	close(fd);
}

static void what_no_query_can_be_is_dropped(void **state)
{
	struct world *world = *state;
	static char large[8000];
	int fd = client_of(world, "127.0.0.1");

	udp_start(world->udp);
	assert_int_equal(send(fd, large, sizeof(large), 0), sizeof(large));
	turn(world);
	assert_int_equal(world->n, 0);
	assert_int_equal(udp_counters(world->udp).oversize, 1);
	close(fd);
}

static int gluing_client(struct world *world, const char *to, int piece)
{
	const int on = 1;
	int fd = client_of(world, to);

	assert_int_equal(setsockopt(world->fd, SOL_UDP, UDP_GRO, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &piece, sizeof(piece)), 0);
	udp_start(world->udp);
	return fd;
}

/* A client's burst, as its own kernel or a network device puts it together. */
static void glued_datagrams_are_taken_apart(void **state)
{
	static const struct {
		size_t sent, n, last;
	} rows[] = {{40, 1, 40}, {41, 2, 1}, {79, 2, 39},
		    {80, 2, 40}, {81, 3, 1}, {399, 10, 39}};
	struct world *world = *state;
	char glued[400] = "";
	int fd = gluing_client(world, "127.0.0.1", 40);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world->n = 0;
		assert_int_equal(send(fd, glued, rows[i].sent, 0), rows[i].sent);
		turn(world);
		assert_int_equal(world->n, rows[i].n);
		assert_int_equal(world->len, rows[i].last);
		assert_string_equal(world->interface, "lo");
	}
	close(fd);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Packets are what is limited on the way: who glues without end gets two out of each, and a few more. */
static void a_flood_of_glued_datagrams_is_bounded(void **state)
{
	enum { PACKETS = 60, PIECES = 60, AT_ONCE = 1024 };
	struct world *world = *state;
	char glued[PIECES] = "";
	int fd = gluing_client(world, "127.0.0.1", 1);
	const uint64_t began_ms = now_ms();

	for (size_t i = 0; i < PACKETS; i++) {
		assert_int_equal(send(fd, glued, sizeof(glued), 0), sizeof(glued));
		turn(world);
	}
	assert_in_range(world->n, 2 * PACKETS + AT_ONCE,
			2 * PACKETS + AT_ONCE + (now_ms() - began_ms) + 1);
	assert_int_equal(world->len, 1);
	assert_int_equal(udp_counters(world->udp).received, PACKETS * PIECES);
	assert_int_equal(udp_counters(world->udp).crowded, PACKETS * PIECES - world->n);
	close(fd);
}

/* The gate answers nothing from there (RFC 5452 10): it is told where a question came from. */
static void the_gate_is_told_the_port(void **state)
{
	struct world *world = *state;
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(53)};
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = (in_port_t)world->port,
				       .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(from);
	int server = socket(AF_INET, SOCK_DGRAM, 0);
	int fd = client_of(world, "127.0.0.1");

	assert_int_equal(inet_pton(AF_INET, "127.53.53.53", &from.sin_addr), 1);
	if (bind(server, (const struct sockaddr *)&from, sizeof(from)) != 0) {
		print_message("# no socket on port 53 is to be had: %s\n", strerror(errno));
		close(server);
		close(fd);
		skip();
	}
	udp_start(world->udp);
	assert_int_equal(sendto(server, "abcd", 4, 0, (const struct sockaddr *)&to, sizeof(to)),
			 4);
	turn(world);
	assert_int_equal(world->n, 1);
	assert_int_equal(world->port_from, 53);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&from, &len), 0);
	assert_int_equal(send(fd, "efgh", 4, 0), 4);
	turn(world);
	assert_int_equal(world->n, 2);
	assert_int_equal(world->port_from, ntohs(from.sin_port));
	close(server);
	close(fd);
}

static void other_descriptors_are_refused(void **state)
{
	struct world *world = *state;
	int ends[2];

	assert_int_equal(udp_listen(world->udp, socket(AF_INET, SOCK_STREAM, 0)), NG_E_FORMAT);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	assert_int_equal(udp_listen(world->udp, ends[0]), NG_E_FORMAT);
	close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_read_before_the_start),
		TEST(reply_leaves_from_the_address_that_was_asked),
		cmocka_unit_test_setup_teardown(the_same_over_ipv6, begin6, end),
		TEST(all_of_a_burst_are_answered),
		TEST(one_batch_is_taken_in_a_turn),
		TEST(handle_works_once),
		TEST(what_no_query_can_be_is_dropped),
		TEST(glued_datagrams_are_taken_apart),
		TEST(a_flood_of_glued_datagrams_is_bounded),
		TEST(the_gate_is_told_the_port),
		TEST(other_descriptors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
