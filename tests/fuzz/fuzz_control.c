/*
 * A client of the control socket: segments, the first octet of each says how many follow; 0: what waits is
 * answered. The first of all says whether the client goes without waiting, and how many thousand blanks it
 * sends before. However it is cut, each line gets one answer, in order: what is no object is refused at
 * once, a sandbox that can be read waits, as one does that has yet to be committed. Only a line that is too
 * long ends it.
 */
#include "config.h"
#include "daemon/spec.h"
#include "edge/control.h"

#include "fuzz.h"
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BLANKS    1000
#define WAITS_MAX CONTROL_QUEUE_MAX
#define TURNS     1000

static struct {
	uv_loop_t loop;
	struct control *control;
	char path[64];
	struct control_request *waits[WAITS_MAX];
	size_t n_waits;
	uint64_t handled;
	int far;
	char *said, *heard; /* all that was sent and received */
	size_t n_said, n_heard, room_heard;
} world;

/* ---- the daemon's side ---- */

static bool plain(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.:@", text[i]))
			return false;
	return len < room;
}

static void spec_check(const struct spec *spec)
{
	const struct conf_sandbox *sandbox = &spec->sandbox;

	fuzz_must(sandbox->name[0] && plain(sandbox->name, sizeof(sandbox->name)));
	fuzz_must(plain(sandbox->interface, sizeof(sandbox->interface)));
	fuzz_must(plain(sandbox->bridge, sizeof(sandbox->bridge)));
	fuzz_must(sandbox->n_sources <= NG_SOURCES_MAX && sandbox->n_opened <= NG_PRIVATE_MAX);
	fuzz_must(sandbox->n_snat <= NG_SNAT_MAX && sandbox->n_policies < NG_RULESETS_MAX);
	fuzz_must(sandbox->mode <= NG_OBSERVE);
	for (size_t i = 0; i < sandbox->n_policies; i++)
		fuzz_must(sandbox->policies[i][0] == '/' || strchr(sandbox->policies[i], ':'));
}

static void answer_waiting(void)
{
	for (size_t i = world.n_waits; i; i--) /* not in the order in which they came */
		control_reply(world.waits[i - 1], json_pack("{s:b}", "ok", 1));
	world.n_waits = 0;
}

static void on_line(void *owner, struct control_request *request, json_t *object)
{
	char why[SPEC_WHY] = "";
	struct spec spec = {0};

	(void)owner;
	world.handled++;
	fuzz_must(json_is_object(object) && control_request_trusted(request));
	if (spec_parse(object, &spec, why)) {
		fuzz_must(why[0] && memchr(why, 0, sizeof(why)) && !strchr(why, '\n'));
		control_reply(request, json_pack("{s:b, s:s}", "ok", 0, "error", "spec"));
		return;
	}
	spec_check(&spec);
	spec_finish(&spec);
	if (world.n_waits == WAITS_MAX)
		answer_waiting();
	world.waits[world.n_waits++] = request;
}

/* ---- the client's side ---- */

static void world_make(void)
{
	char why[CONTROL_WHY];

	if (world.control)
		return;
	signal(SIGPIPE, SIG_IGN);
	snprintf(world.path, sizeof(world.path), "/tmp/namegate-fuzz-control.%ld",
		 (long)getpid());
	fuzz_must(uv_loop_init(&world.loop) == 0);
	fuzz_must(control_open(&world.loop, world.path, on_line, NULL, &world.control, why) ==
		  NG_OK);
}

static void turn(void)
{
	uv_run(&world.loop, UV_RUN_NOWAIT);
}

/* False: the other side has closed. */
static bool hear(void)
{
	for (;;) {
		ssize_t got;

		if (world.room_heard - world.n_heard < 4096) {
			world.room_heard = 2 * world.room_heard + 8192;
			world.heard = realloc(world.heard, world.room_heard);
			fuzz_must(world.heard != NULL);
		}
		got = recv(world.far, world.heard + world.n_heard,
			   world.room_heard - world.n_heard, MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN)
			return true;
		if (got <= 0) /* also reset, because not all was read */
			return false;
		world.n_heard += (size_t)got;
	}
}

static void begin(size_t size)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	memcpy(at.sun_path, world.path, strlen(world.path) + 1);
	world.said = malloc(size + 128 * BLANKS);
	fuzz_must(world.said != NULL);
	world.n_said = world.n_heard = world.handled = 0;
	world.far = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fuzz_must(world.far >= 0);
	fuzz_must(!connect(world.far, (const struct sockaddr *)&at, sizeof(at)));
	turn();
}

/* All of it goes in; a client that is not read from has its answers given, and takes them. */
static bool say(const char *octets, size_t n)
{
	for (int i = 0; n && i < TURNS; i++) {
		ssize_t sent = send(world.far, octets, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent > 0) {
			memcpy(world.said + world.n_said, octets, (size_t)sent);
			world.n_said += (size_t)sent;
			octets += sent;
			n -= (size_t)sent;
		} else {
			answer_waiting();
		}
		turn();
		if (!hear())
			return false;
	}
	fuzz_must(!n);
	return true;
}

/* Answers are lines; n of them, and each says whether it was an object's. */
static void check_answers(void)
{
	const char *from = world.said, *end = world.said + world.n_said;
	const char *heard = world.heard, *heard_end = heard + world.n_heard;
	uint64_t objects = 0;

	for (const char *line; from < end && (line = memchr(from, '\n', (size_t)(end - from)));
	     from = line + 1) {
		json_t *object =
			json_loadb(from, (size_t)(line - from), JSON_REJECT_DUPLICATES, NULL);
		const char *answer_end = memchr(heard, '\n', (size_t)(heard_end - heard));
		json_t *answer;
		const char *error;

		fuzz_must(answer_end != NULL);
		answer = json_loadb(heard, (size_t)(answer_end - heard), 0, NULL);
		heard = answer_end + 1;
		fuzz_must(json_is_object(answer));
		error = json_string_value(json_object_get(answer, "error"));
		fuzz_must(json_is_object(object) == (!error || !strcmp(error, "spec")));
		objects += json_is_object(object);
		json_decref(object);
		json_decref(answer);
	}
	fuzz_must(heard == heard_end && world.handled == objects);
}

static void check_too_long(void)
{
	const char *from = world.said, *end = world.said + world.n_said;
	size_t longest = 0;

	while (from < end) {
		const char *line = memchr(from, '\n', (size_t)(end - from));
		size_t len = (size_t)((line ? line : end) - from);

		longest = len > longest ? len : longest;
		from = line ? line + 1 : end;
	}
	fuzz_must(longest >= CONTROL_LINE_MAX);
}

static void finish(bool at_once, bool whole)
{
	bool open = true;

	if (!at_once && whole) {
		shutdown(world.far, SHUT_WR);
		for (int i = 0; open && i < TURNS; i++) {
			turn();
			answer_waiting();
			open = hear();
		}
		fuzz_must(!open);
		check_answers();
	}
	if (!whole)
		check_too_long();
	close(world.far);
	turn();
	turn();
	answer_waiting(); /* also to one that has gone */
	turn();
	free(world.said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char blanks[BLANKS];
	bool whole = true;

	if (!size)
		return 0;
	world_make();
	begin(size);
	memset(blanks, ' ', sizeof(blanks));
	for (int i = data[0] / 2; whole && i; i--)
		whole = say(blanks, sizeof(blanks));
	for (size_t i = 1; whole && i < size;) {
		size_t len = data[i++];

		if (!len)
			answer_waiting();
		len = len < size - i ? len : size - i;
		whole = say((const char *)data + i, len);
		i += len;
	}
	finish(data[0] & 1, whole);
	return 0;
}

/* So that what is lost is found. */
__attribute__((destructor)) static void world_end(void)
{
	if (!world.control)
		return;
	control_close(world.control);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&world.loop);
	free(world.heard);
}
