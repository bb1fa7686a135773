/*
 * A server on a connection that is used again and again: first how many questions stand at the start,
 * then segments, each behind an octet that says how long it is; 0 asks one more. IDs and letter case are
 * the same in every run, so an input can hold answers. However they come, each question ends once, and
 * only by a message that was said, in order, and that belongs to it. When the connection ends there is no
 * other: the address to ask from is not ours.
 */
#include "config.h"
#include "edge/upstream_try.h"

#include "fuzz.h"
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASKS_MAX 16
#define TURNS    1000

struct asked {
	struct ng_query query; /* as the server got it */
	bool ended;
};

static struct {
	uv_loop_t loop;
	struct upstream *upstream;
	struct upstream_route route;
	struct asked asked[ASKS_MAX];
	size_t n_asked, n_ended;
	struct ng_query again[ASKS_MAX]; /* asked once more, in another form */
	size_t n_again;
	uint8_t *said;     /* all octets so far */
	size_t n_said, at; /* at: behind the last message that was an answer */
	int far;
} world;

/* ---- what comes out ---- */

static void end_of(uint64_t ask)
{
	fuzz_must(ask < world.n_asked && !world.asked[ask].ended);
	world.asked[ask].ended = true;
	world.n_ended++;
}

static bool was_said(const uint8_t *wire, size_t len)
{
	while (world.n_said - world.at >= 2) {
		const uint8_t *from = world.said + world.at;
		size_t n = (size_t)from[0] << 8 | from[1];

		if (world.n_said - world.at - 2 < n)
			return false;
		world.at += 2 + n;
		if (n == len && !memcmp(from + 2, wire, n))
			return true;
	}
	return false;
}

static bool is_of(const struct ng_answer *answer, const struct ng_query *query)
{
	return answer->id == query->id &&
	       ng_name_equal(&answer->question.name, &query->question.name) &&
	       answer->question.type == query->question.type;
}

static bool was_asked(uint64_t ask, const struct ng_answer *answer)
{
	const struct ng_query *first = &world.asked[ask].query;

	if (is_of(answer, first))
		return true;
	for (size_t i = 0; i < world.n_again; i++)
		if (is_of(answer, &world.again[i]) &&
		    ng_name_equal(&first->question.name, &world.again[i].question.name))
			return true;
	return false;
}

static void on_answer(void *context, uint64_t ask, const struct ng_addr *server,
		      const uint8_t *wire, size_t len)
{
	struct ng_answer answer;
	struct arena arena;

	(void)context;
	end_of(ask);
	fuzz_must(ng_addr_equal(server, &world.route.servers[0].addr));
	fuzz_must(was_said(wire, len));
	arena_init(&arena, 8 << 20);
	fuzz_must(ng_answer_parse(wire, len, &arena, &answer) == NG_OK);
	fuzz_must(!answer.truncated && answer.has_question && was_asked(ask, &answer));
	arena_finish(&arena);
}

static void on_no_answer(void *context, uint64_t ask, enum ng_no_answer why)
{
	(void)context;
	(void)why;
	end_of(ask);
}

/* ---- the start ---- */

static void world_make(void)
{
	const struct upstream_events events = {.answer = on_answer, .no_answer = on_no_answer};

	if (world.upstream)
		return;
	world.route = (struct upstream_route){.id = 3, .timeout_ms = 600000, .n_servers = 1};
	world.route.servers[0].port = 53;
	world.route.servers[0].transport = WALL_TCP;
	fuzz_must(!ng_addr_parse("192.0.2.53", &world.route.servers[0].addr));
	fuzz_must(!ng_addr_parse("192.0.2.9", &world.route.servers[0].source));
	fuzz_must(uv_loop_init(&world.loop) == 0);
	fuzz_must(upstream_create(&world.loop, ASKS_MAX, &events, &world.upstream) == NG_OK);
}

/* As a connection is once it is open. */
static void stream_make(void)
{
	struct upstream *upstream = world.upstream;
	struct conn *stream = &upstream->streams[0];
	int ends[2];

	fuzz_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) ==
		  0);
	world.far = ends[1];
	stream->fd = ends[0];
	stream->server = world.route.servers[0];
	stream->open = stream->ready = true;
	stream->heard_ms = stream->idle_ms = uv_now(&world.loop);
	fuzz_must(upstream_watch(upstream, stream->fd, EPOLL_CTL_ADD, EPOLLIN,
				 (uint64_t)stream->generation << 32 |
					 (upstream->n_places * LEGS + stream->place)));
}

static void begin(size_t size)
{
	struct chance *chance = &world.upstream->chance;

	for (size_t i = 0; i < sizeof(chance->octets); i++)
		chance->octets[i] = (uint8_t)(i * 37 + 11);
	chance->left = sizeof(chance->octets);
	fuzz_must(upstream_routes(world.upstream, NULL, 0) == NG_OK); /* forgets its health */
	fuzz_must(upstream_routes(world.upstream, &world.route, 1) == NG_OK);
	world.said = malloc(size ? size : 1);
	fuzz_must(world.said != NULL);
	world.n_said = world.at = world.n_asked = world.n_ended = world.n_again = 0;
	stream_make();
}

/* ---- what goes in ---- */

static bool ask_read(struct ng_query *out)
{
	uint8_t octets[2 + ASK_MAX] = {0};
	ssize_t got = recv(world.far, octets, 2, 0);
	size_t len = (size_t)octets[0] << 8 | octets[1];

	memset(out, 0, sizeof(*out));
	if (got <= 0) /* there is no connection any more, or nothing on it */
		return false;
	fuzz_must(got == 2 && len <= ASK_MAX);
	fuzz_must(recv(world.far, octets, len, 0) == (ssize_t)len);
	fuzz_must(ng_query_parse(octets, len, out) == NG_FATE_ASKED);
	return true;
}

static void ask(void)
{
	static const char *const names[] = {"www.good.example", "a.example", "b.a.example"};
	const char *name = names[world.n_asked % 3];
	struct ng_ask ask = {.id = world.n_asked,
			     .route = 3,
			     .question = {.type = NG_TYPE_A, .class = NG_CLASS_IN}};

	if (world.n_asked == ASKS_MAX)
		return;
	fuzz_must(ng_name_from_text(name, strlen(name), &ask.question.name) == NG_OK);
	world.asked[world.n_asked].ended = false;
	if (upstream_ask(world.upstream, &ask) == NG_OK)
		(void)ask_read(&world.asked[world.n_asked++].query);
}

static void turn(void)
{
	uv_run(&world.loop, UV_RUN_NOWAIT);
}

static void say(const uint8_t *octets, size_t n)
{
	memcpy(world.said + world.n_said, octets, n);
	world.n_said += n;
	(void)!send(world.far, octets, n, MSG_NOSIGNAL);
	turn();
	while (world.n_again < ASKS_MAX && ask_read(&world.again[world.n_again]))
		fuzz_must(!world.again[world.n_again++].edns);
}

static void finish(void)
{
	const struct upstream *upstream = world.upstream;

	close(world.far);
	for (int i = 0; i < TURNS; i++)
		if (upstream->counters.asking || upstream->streams[0].fd >= 0)
			turn();
	fuzz_must(world.n_ended == world.n_asked && !upstream->counters.asking);
	for (uint32_t i = 0; i < upstream->n_streams; i++)
		fuzz_must(upstream->streams[i].fd < 0 && !upstream->streams[i].in &&
			  !upstream->streams[i].n_legs);
	free(world.said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	world_make();
	begin(size);
	for (size_t i = data[0] % ASKS_MAX; i; i--)
		ask();
	for (size_t i = 1; i < size;) {
		size_t len = data[i++];

		if (!len)
			ask();
		len = len < size - i ? len : size - i;
		say(data + i, len);
		i += len;
	}
	finish();
	return 0;
}

/* So that what is lost is found. */
__attribute__((destructor)) static void world_end(void)
{
	if (!world.upstream)
		return;
	upstream_destroy(world.upstream);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&world.loop);
}
