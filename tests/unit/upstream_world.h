/*
 * Upstream servers for the tests of that edge: a thread of this process on loopback; what they do is
 * each test's script.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/upstream.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 10
#define TIMEOUT_MS 250  /* of a try, where a test waits for it to end */
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
	uint16_t ports[4096]; /* that questions came from, where a script notes them */
	/* what came out */
	size_t answers, failures, wanted;
	uint64_t ask;
	enum ng_no_answer why;
	struct ng_addr from;
	uint8_t wire[4096];
	size_t len;
};

/*
 * A few questions in a thousand go to another server than the fastest: those with a low die. These
 * tests are of the fastest, so the kernel's octets (--wrap=getrandom) are all high here.
 */
ssize_t __real_getrandom(void *out, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
	ssize_t got = __real_getrandom(out, n, flags);

	for (ssize_t i = 0; i < got; i++)
		((uint8_t *)out)[i] |= 0x80;
	return got;
}

/* ---- the servers' side; runs in the thread, fails by doing nothing ---- */

static inline void patient(int fd)
{
	struct timeval limit = {.tv_sec = PATIENCE_S};

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static inline struct letter *take(struct world *world, size_t server)
{
	struct letter *letter = &world->seen[world->n_seen++ % 64];
	socklen_t len = sizeof(letter->from);
	ssize_t got = recvfrom(world->servers[server].udp, letter->wire, sizeof(letter->wire),
			       0, (struct sockaddr *)&letter->from, &len);

	letter->len = got > 0 ? (size_t)got : 0;
	return letter;
}

static inline void give(struct world *world, size_t server, const struct letter *to,
			const uint8_t *wire, size_t len)
{
	(void)!sendto(world->servers[server].udp, wire, len, 0,
		      (const struct sockaddr *)&to->from, sizeof(to->from));
}

/* Reads one question from a fresh connection, which stays open as ->stream. */
static inline struct letter *take_stream(struct world *world, size_t server)
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

static inline void give_stream(struct world *world, size_t server, const uint8_t *wire,
			       size_t len, size_t piece)
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

static inline size_t question_end(const struct letter *letter)
{
	size_t at = NG_HEADER_LEN;

	while (at < letter->len && letter->wire[at])
		at += 1u + letter->wire[at];
	return at + 5;
}

/* A right answer: the question echoed and one address. */
static inline size_t right(const struct letter *letter, uint8_t *out)
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

static inline void lower(uint8_t *wire, size_t end)
{
	for (size_t i = NG_HEADER_LEN; i < end - 4; i++)
		if (wire[i] >= 'A' && wire[i] <= 'Z')
			wire[i] |= 0x20;
}

/* ---- our side ---- */

static inline void on_answer(void *context, uint64_t ask, const struct ng_addr *server,
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

static inline void on_no_answer(void *context, uint64_t ask, enum ng_no_answer why)
{
	struct world *world = context;

	world->failures++;
	world->ask = ask;
	world->why = why;
	if (world->answers + world->failures == world->wanted)
		uv_stop(&world->loop);
}

static inline void server_open(struct server *server)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	/* The kernel picks the port for TCP; where somebody has that of UDP, another. */
	server->udp = socket(AF_INET, SOCK_DGRAM, 0);
	for (;;) {
		at.sin_port = 0;
		server->tcp = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(bind(server->tcp, (struct sockaddr *)&at, sizeof(at)), 0);
		assert_int_equal(getsockname(server->tcp, (struct sockaddr *)&at, &len), 0);
		if (!bind(server->udp, (struct sockaddr *)&at, sizeof(at)))
			break;
		assert_int_equal(errno, EADDRINUSE);
		close(server->tcp);
	}
	assert_int_equal(listen(server->tcp, 16), 0);
	patient(server->tcp);
	patient(server->udp);
	server->port = ntohs(at.sin_port);
	server->stream = -1;
}

static inline struct upstream_route route_to(const struct world *world, uint8_t n,
					     uint32_t timeout_ms)
{
	const uint8_t loopback[4] = {127, 0, 0, 1};
	struct upstream_route route = {.id = 3, .timeout_ms = timeout_ms, .n_servers = n};

	for (uint8_t i = 0; i < n; i++)
		route.servers[i] =
			(struct upstream_server){.addr = ng_addr_make(NG_IPV4, loopback),
						 .port = world->servers[i].port};
	return route;
}

static inline int begin_with(void **state, uint32_t places)
{
	struct world *world = calloc(1, sizeof(*world));
	const struct upstream_events events = {
		.context = world, .answer = on_answer, .no_answer = on_no_answer};

	assert_int_equal(uv_loop_init(&world->loop), 0);
	server_open(&world->servers[0]);
	server_open(&world->servers[1]);
	assert_int_equal(upstream_create(&world->loop, places, &events, &world->upstream),
			 NG_OK);
	*state = world;
	return 0;
}

static inline int begin(void **state)
{
	return begin_with(state, 4);
}

static inline int end(void **state)
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

static inline void routes(struct world *world, uint8_t n, uint32_t timeout_ms)
{
	struct upstream_route route = route_to(world, n, timeout_ms);

	assert_int_equal(upstream_routes(world->upstream, &route, 1), NG_OK);
}

static inline struct ng_ask ask_of(uint64_t id)
{
	struct ng_ask ask = {
		.id = id, .route = 3, .question = {.type = NG_TYPE_A, .class = NG_CLASS_IN}};

	assert_int_equal(ng_name_from_text("www.good.example", 16, &ask.question.name), NG_OK);
	return ask;
}

static inline void ask(struct world *world, uint64_t id)
{
	struct ng_ask question = ask_of(id);

	world->wanted++;
	assert_int_equal(upstream_ask(world->upstream, &question), NG_OK);
}

static inline void *run_script(void *context)
{
	struct world *world = context;

	world->script(world);
	return NULL;
}

/* The servers play their script while the loop runs until each question has come to its end. */
static inline void play(struct world *world, void (*script)(struct world *world))
{
	world->script = script;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	uv_update_time(&world->loop);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers + world->failures, world->wanted);
}

static inline struct upstream_counters counted(const struct world *world)
{
	return upstream_counters(world->upstream);
}
