/*
 * The world around one worker: its main, its warden, its upstream and its client, all played by
 * the test. The worker is a child process behind real walls; everything else is sockets here.
 */
#pragma once

#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"
#include "daemon/worker.h"
#include "edge/channel.h"
#include <namegate/gate.h>
#include <namegate/message.h>
#include <namegate/policy.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 10000 /* a hang ends here; nothing is measured by it */
#define BOX         7u
#define LEASE_IP    "151.101.0.223"

struct world {
	char store[64], records[80];
	pid_t pid;
	int main, warden;       /* our ends of its channels */
	int upstream;           /* where its questions go */
	int udp_port, tcp_port; /* where it listens */
	uint32_t seq;
	struct wall_packet packet;
};

static inline void wait_for(int fd, short events)
{
	struct pollfd poller = {.fd = fd, .events = events};

	assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
}

static inline int bound_socket(int type, int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static inline int client_socket(int type, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* ---- as main ---- */

static inline uint32_t tell(struct world *world, enum wall_kind kind, int fd)
{
	world->packet.head =
		(struct wall_head){.kind = (uint16_t)kind, .count = 1, .seq = ++world->seq};
	assert_int_equal(channel_send(world->main, &world->packet, fd), NG_OK);
	return world->seq;
}

static inline struct wall_packet *hear(struct world *world, int channel, enum wall_way way)
{
	int fd;

	do {
		wait_for(channel, POLLIN);
		assert_int_equal(channel_receive(channel, way, &world->packet, &fd), NG_OK);
		assert_int_equal(fd, -1);
	} while (world->packet.head.kind == WALL_CLAIMED); /* see claimed() */
	return &world->packet;
}

static inline int32_t done(struct world *world, uint32_t seq)
{
	struct wall_packet *packet = hear(world, world->main, WALL_WORKER_TO_MAIN);

	assert_int_equal(packet->head.kind, WALL_DONE);
	assert_int_equal(packet->head.seq, seq);
	return packet->done.code;
}

/* Everything said before has been acted on when this returns. */
static inline void settle(struct world *world)
{
	memset(&world->packet.done, 0, sizeof(world->packet.done));
	uint32_t seq = tell(world, WALL_STATUS, -1);
	struct wall_packet *packet = hear(world, world->main, WALL_WORKER_TO_MAIN);

	assert_int_equal(packet->head.kind, WALL_COUNTERS);
	assert_int_equal(packet->head.seq, seq);
}

static inline int sealed_image(const struct ng_image *image)
{
	int fd = memfd_create("ruleset", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, image->octets, image->len), (ssize_t)image->len);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
	return fd;
}

static inline struct ng_image image_of(const char *text, uint64_t *id)
{
	const struct ng_source source = {.path = "box.list", .text = text, .len = strlen(text)};
	struct ng_diags diags;
	struct ng_image image;
	struct ng_ruleset *ruleset;

	ng_diags_init(&diags);
	assert_int_equal(ng_compile(&source, &diags, &image), NG_OK);
	ng_diags_finish(&diags);
	assert_int_equal(ng_ruleset_open(image.octets, image.len, &ruleset), NG_OK);
	*id = ng_ruleset_digest(ruleset);
	ng_ruleset_close(ruleset);
	return image;
}

static inline uint64_t give_list(struct world *world, const char *text)
{
	uint64_t id;
	struct ng_image image = image_of(text, &id);
	int fd = sealed_image(&image);

	world->packet.ruleset = (struct wall_ruleset){.id = id, .len = image.len};
	tell(world, WALL_RULESET, fd);
	close(fd);
	ng_image_finish(&image);
	return id;
}

static inline void give_begin(struct world *world)
{
	world->packet.begin = (struct wall_begin){.version = 1};
	tell(world, WALL_BEGIN, -1);
}

static inline void give_route(struct world *world)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	const uint8_t loopback[4] = {127, 0, 0, 1};

	assert_int_equal(getsockname(world->upstream, (struct sockaddr *)&at, &len), 0);
	memset(&world->packet.route, 0, sizeof(world->packet.route));
	world->packet.route.id = 1;
	world->packet.route.origin = 1;
	world->packet.route.zone_len = 1;
	world->packet.route.n_servers = 1;
	world->packet.route.servers[0].addr = ng_addr_make(NG_IPV4, loopback);
	world->packet.route.servers[0].port = ntohs(at.sin_port);
	world->packet.route.timeout_ms = 2000;
	tell(world, WALL_ROUTE, -1);
}

static inline void fill_member(struct world *world, uint64_t ruleset)
{
	struct wall_member *member = &world->packet.member;

	memset(member, 0, sizeof(*member));
	member->id = BOX;
	snprintf(member->name, sizeof(member->name), "box");
	member->mode = NG_ENFORCE;
	member->n_sources = 1;
	assert_int_equal(ng_prefix_parse("127.0.0.1", &member->sources[0]), NG_OK);
	member->n_rulesets[NG_SCOPE_SANDBOX] = 1;
	member->rulesets[NG_SCOPE_SANDBOX * NG_RULESETS_MAX] = ruleset;
}

static inline uint32_t give_member(struct world *world, uint64_t ruleset)
{
	fill_member(world, ruleset);
	return tell(world, WALL_MEMBER, -1);
}

static inline uint32_t give_commit(struct world *world)
{
	memset(&world->packet.done, 0, sizeof(world->packet.done));
	return tell(world, WALL_COMMIT, -1);
}

static inline void give_policy(struct world *world, const char *list)
{
	give_begin(world);
	give_route(world);
	give_member(world, give_list(world, list));
	assert_int_equal(done(world, give_commit(world)), NG_OK);
}

static inline void give_listener(struct world *world, int type)
{
	int port, fd = bound_socket(type, &port);

	world->packet.listener = (struct wall_listener){.stream = type == SOCK_STREAM};
	tell(world, WALL_LISTENER, fd);
	close(fd);
	*(type == SOCK_STREAM ? &world->tcp_port : &world->udp_port) = port;
}

static inline void give_warden(struct world *world)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), NG_OK);
	world->packet.channel = (struct wall_channel_body){.worker = 1};
	tell(world, WALL_CHANNEL, ends[1]);
	close(ends[1]);
	world->warden = ends[0];
}

/* ---- the process ---- */

static inline void start_worker(struct world *world)
{
	int ends[2], records;

	assert_int_equal(channel_pair(ends), NG_OK);
	records = open(world->records, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(records >= 0);
	world->pid = fork();
	assert_true(world->pid >= 0);
	if (world->pid == 0) {
		struct worker_options options = {
			.user = "self", .store = world->store, .record_fd = 9};
		dup2(records, 9);
		dup2(ends[1], WALL_FD);
		close_range(WALL_FD + 1, 8, 0);
		close_range(10, ~0u, 0);
		_exit(worker_main(&options));
	}
	close(records);
	close(ends[1]);
	world->main = ends[0];
	assert_int_equal(hear(world, world->main, WALL_WORKER_TO_MAIN)->head.kind, WALL_READY);
}

static inline int end_of_worker(struct world *world)
{
	int status;

	assert_int_equal(waitpid(world->pid, &status, 0), world->pid);
	world->pid = 0;
	return status;
}

static inline void world_begin(struct world *world)
{
	int port;

	memset(world, 0, sizeof(*world));
	world->warden = -1;
	snprintf(world->store, sizeof(world->store), "/tmp/namegate-test-XXXXXX");
	assert_non_null(mkdtemp(world->store));
	snprintf(world->records, sizeof(world->records), "%s/records", world->store);
	world->upstream = bound_socket(SOCK_DGRAM, &port);
	start_worker(world);
}

static inline void world_end(struct world *world)
{
	char command[128];

	close(world->main);
	if (world->warden >= 0)
		close(world->warden);
	if (world->pid)
		assert_int_equal(end_of_worker(world), 0);
	close(world->upstream);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->store);
	assert_int_equal(system(command), 0);
}

/* The worker says that it has named all leases that it knows of. */
static inline void claimed(struct world *world)
{
	int fd;

	wait_for(world->warden, POLLIN);
	assert_int_equal(
		channel_receive(world->warden, WALL_WORKER_TO_WARDEN, &world->packet, &fd),
		NG_OK);
	assert_int_equal(world->packet.head.kind, WALL_CLAIMED);
}

static inline void world_serve(struct world *world, const char *list)
{
	give_listener(world, SOCK_DGRAM);
	give_listener(world, SOCK_STREAM);
	give_warden(world);
	give_policy(world, list);
}

/* ---- as warden ---- */

/* The next order, which must be one lease of the address that upstream_answers() gives. */
static inline uint64_t ordered(struct world *world)
{
	struct wall_packet *packet = hear(world, world->warden, WALL_WORKER_TO_WARDEN);
	char text[NG_ADDR_TEXT];

	assert_int_equal(packet->head.kind, WALL_LEASE);
	assert_int_equal(packet->head.count, 1);
	assert_int_equal(packet->lease[0].sandbox, BOX);
	assert_string_equal(ng_addr_format(&packet->lease[0].addr, text), LEASE_IP);
	assert_true(packet->lease[0].until_us > 0);
	return packet->lease[0].number;
}

static inline void acknowledge(struct world *world, uint64_t number, int code)
{
	world->packet.leased[0] = (struct wall_leased){.number = number, .code = code};
	world->packet.head = (struct wall_head){.kind = WALL_LEASED, .count = 1};
	assert_int_equal(channel_send(world->warden, &world->packet, -1), NG_OK);
}

/* ---- as client and upstream ---- */

static inline size_t query_build(const char *name, uint16_t id, uint8_t out[static 512])
{
	struct ng_question question = {.type = NG_TYPE_A, .class = NG_CLASS_IN};

	assert_int_equal(ng_name_from_text(name, strlen(name), &question.name), NG_OK);
	return ng_ask_build(&question, id, false, false, out);
}

static inline void ask(int client, const char *name, uint16_t id)
{
	uint8_t wire[512];
	size_t len = query_build(name, id, wire);

	assert_int_equal(send(client, wire, len, 0), (ssize_t)len);
}

struct heard {
	uint16_t id;
	uint8_t rcode;
	size_t answers;
	char first[NG_ADDR_TEXT];
};

static inline struct heard reply_read(const uint8_t *wire, size_t len)
{
	struct arena arena;
	struct ng_answer answer;
	struct heard heard;

	arena_init(&arena, 1 << 20);
	assert_int_equal(ng_answer_parse(wire, len, &arena, &answer), NG_OK);
	heard = (struct heard){.id = answer.id, .rcode = answer.rcode, .answers = answer.n};
	if (answer.n && answer.rrs[0].type == NG_TYPE_A) {
		struct ng_addr addr = ng_addr_make(NG_IPV4, answer.rrs[0].rdata);
		ng_addr_format(&addr, heard.first);
	}
	arena_finish(&arena);
	return heard;
}

static inline struct heard reply(int client)
{
	uint8_t wire[4096];
	ssize_t len;

	wait_for(client, POLLIN);
	len = recv(client, wire, sizeof(wire), 0);
	assert_true(len > 0);
	return reply_read(wire, (size_t)len);
}

/* Echoes the question with one address of TTL 300. */
static inline size_t answer_build(const uint8_t *query, size_t len, uint8_t *out)
{
	static const uint8_t record[] = {0xC0, 12, 0, 1, 0,   1,   0, 0,
					 1,    44, 0, 4, 151, 101, 0, 223};
	size_t end = NG_HEADER_LEN;

	while (end < len && query[end])
		end += 1u + query[end];
	end += 5;
	assert_true(end <= len);
	memcpy(out, query, end);
	out[2] |= 0x80;
	out[3] = 0x80;
	out[7] = 1;            /* one answer */
	memset(out + 8, 0, 4); /* nothing else, no OPT */
	memcpy(out + end, record, sizeof(record));
	return end + sizeof(record);
}

static inline void upstream_answers(struct world *world)
{
	uint8_t query[512], answer[1024];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len;
	size_t n;

	wait_for(world->upstream, POLLIN);
	len = recvfrom(world->upstream, query, sizeof(query), 0, (struct sockaddr *)&from,
		       &from_len);
	assert_true(len > NG_HEADER_LEN);
	n = answer_build(query, (size_t)len, answer);
	assert_int_equal(
		sendto(world->upstream, answer, n, 0, (struct sockaddr *)&from, from_len),
		(ssize_t)n);
}

static inline bool silent(int fd)
{
	uint8_t octet;

	return recv(fd, &octet, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}
