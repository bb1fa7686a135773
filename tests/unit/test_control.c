/*
 * The control socket, over a real one: order, pipelining, pieces of lines, rubbish, lines that are
 * too long, clients that go. The owner here answers {"n": N} with the same number, "late" ones only
 * when the next "now" comes.
 */
#include "config.h"
#include "edge/control.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

struct stage {
	char folder[64], path[96];
	uv_loop_t loop;
	struct control *control;
	struct control_request *late[CONTROL_QUEUE_MAX + 64];
	json_int_t late_numbers[CONTROL_QUEUE_MAX + 64];
	size_t n_late, handled;
};

static void answer(struct control_request *request, json_int_t n)
{
	control_reply(request, json_pack("{s:I}", "n", n));
}

static void handle(void *owner, struct control_request *request, json_t *object)
{
	struct stage *stage = owner;
	json_int_t n = json_integer_value(json_object_get(object, "n"));
	stage->handled++;
	if (json_object_get(object, "late")) {
		stage->late_numbers[stage->n_late] = n;
		stage->late[stage->n_late++] = request;
		return;
	}
	answer(request, n);
	while (stage->n_late) { /* the last one first: the order must come from the control */
		stage->n_late--;
		answer(stage->late[stage->n_late], stage->late_numbers[stage->n_late]);
	}
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof *stage);
	char why[CONTROL_WHY] = "";
	strcpy(stage->folder, "/tmp/namegate-control-XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	snprintf(stage->path, sizeof stage->path, "%s/control", stage->folder);
	uv_loop_init(&stage->loop);
	assert_int_equal(
		control_open(&stage->loop, stage->path, handle, stage, &stage->control, why),
		NG_OK);
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;
	control_close(stage->control);
	uv_run(&stage->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&stage->loop), 0);
	assert_int_equal(access(stage->path, F_OK), -1); /* the socket went with it */
	rmdir(stage->folder);
	free(stage);
	return 0;
}

static int dial(const struct stage *stage)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	strcpy(to.sun_path, stage->path);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(s, (const struct sockaddr *)&to, sizeof to), 0);
	return s;
}

static void turn(struct stage *stage)
{
	for (int i = 0; i < 20; i++)
		uv_run(&stage->loop, UV_RUN_NOWAIT);
}

static void say(struct stage *stage, int s, const char *text)
{
	assert_int_equal(write(s, text, strlen(text)), (ssize_t)strlen(text));
	turn(stage);
}

static void expect(int s, const char *text)
{
	char got[4096] = "";
	ssize_t n = read(s, got, sizeof got - 1);
	got[n > 0 ? n : 0] = '\0';
	assert_string_equal(got, text);
}

static void test_pieces(void **state)
{
	struct stage *stage = *state;
	int s = dial(stage);
	say(stage, s, "{\"n\"");
	expect(s, "");
	say(stage, s, ":1}\n{\"n\":2}\n{\"n");
	expect(s, "{\"n\":1}\n{\"n\":2}\n");
	say(stage, s, "\":3}\n");
	expect(s, "{\"n\":3}\n");
	close(s);
	turn(stage);
}

static void test_order(void **state)
{
	struct stage *stage = *state;
	int s = dial(stage);
	say(stage, s, "{\"n\":1,\"late\":1}\n{\"n\":2,\"late\":1}\n");
	expect(s, "");
	say(stage, s, "{\"n\":3}\n");
	expect(s, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
	close(s);
	turn(stage);
}

static void test_rubbish(void **state)
{
	struct stage *stage = *state;
	char got[4096] = "";
	int s = dial(stage);
	say(stage, s, "[]\nx\n{\"n\":1,\"n\":2}\n{\"n\":4}\n");
	assert_true(read(s, got, sizeof got - 1) > 0);
	assert_int_equal(stage->handled, 1);
	assert_non_null(strstr(got, "another type"));
	assert_non_null(strstr(got, "duplicate"));
	assert_non_null(strstr(got, "\n{\"n\":4}\n"));
	close(s);
	turn(stage);
}

static void test_too_long(void **state)
{
	struct stage *stage = *state;
	char *line = malloc(CONTROL_LINE_MAX);
	char got[256] = "";
	int s = dial(stage);
	memset(line, ' ', CONTROL_LINE_MAX);
	for (size_t sent = 0; sent < CONTROL_LINE_MAX;) {
		ssize_t n = write(s, line + sent, CONTROL_LINE_MAX - sent);
		sent += n > 0 ? (size_t)n : 0;
		turn(stage);
	}
	assert_true(read(s, got, sizeof got - 1) > 0);
	assert_non_null(strstr(got, "longer than"));
	assert_int_equal(read(s, got, sizeof got), 0); /* and the connection is closed */
	free(line);
	close(s);
}

static void test_longest(void **state)
{
	struct stage *stage = *state;
	char *line = malloc(CONTROL_LINE_MAX);
	int s = dial(stage);
	memset(line, ' ', CONTROL_LINE_MAX);
	memcpy(line, "{\"n\":5}", 7);
	line[CONTROL_LINE_MAX - 1] = '\n';
	for (size_t sent = 0; sent < CONTROL_LINE_MAX;) {
		ssize_t n = write(s, line + sent, CONTROL_LINE_MAX - sent);
		sent += n > 0 ? (size_t)n : 0;
		turn(stage);
	}
	expect(s, "{\"n\":5}\n");
	free(line);
	close(s);
	turn(stage);
}

/* Whoever left is answered into nothing; nobody else notices. */
static void test_gone(void **state)
{
	struct stage *stage = *state;
	int gone = dial(stage), s = dial(stage);
	say(stage, gone, "{\"n\":1,\"late\":1}\n");
	close(gone);
	turn(stage);
	say(stage, s, "{\"n\":2}\n");
	expect(s, "{\"n\":2}\n");
	assert_int_equal(stage->n_late, 0);
	close(s);
	turn(stage);
}

/* A client that sends and shuts its side down still gets its answers. */
static void test_shut(void **state)
{
	struct stage *stage = *state;
	char got[8];
	int s = dial(stage);
	say(stage, s, "{\"n\":1}\n{\"n\":2}\n");
	shutdown(s, SHUT_WR);
	turn(stage);
	expect(s, "{\"n\":1}\n{\"n\":2}\n");
	assert_int_equal(read(s, got, sizeof got), 0);
	close(s);
}

/* Lines beyond the bound wait, and are taken up when earlier ones have been answered. */
static void test_queue_bound(void **state)
{
	struct stage *stage = *state;
	size_t seen = 0;
	char got[4096];
	int s = dial(stage);
	for (int i = 0; i < CONTROL_QUEUE_MAX + 10; i++)
		say(stage, s, "{\"n\":1,\"late\":1}\n");
	assert_int_equal(stage->handled, CONTROL_QUEUE_MAX);
	while (stage->n_late) {
		stage->n_late--;
		answer(stage->late[stage->n_late], 1);
	}
	turn(stage);
	assert_int_equal(stage->handled, CONTROL_QUEUE_MAX + 10);
	while (stage->n_late) {
		stage->n_late--;
		answer(stage->late[stage->n_late], 1);
	}
	turn(stage);
	for (ssize_t n; (n = read(s, got, sizeof got)) > 0; turn(stage))
		seen += (size_t)n;
	assert_int_equal(seen, (CONTROL_QUEUE_MAX + 10) * 8);
	close(s);
	turn(stage);
}

static void test_mode_and_second(void **state)
{
	struct stage *stage = *state;
	struct control *second = NULL;
	struct stat status;
	char why[CONTROL_WHY] = "";
	assert_int_equal(stat(stage->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	assert_int_equal(control_open(&stage->loop, stage->path, handle, stage, &second, why),
			 NG_E_EXISTS);
	assert_non_null(strstr(why, "another namegated"));
	turn(stage);
}

/* Only what a killed daemon left behind is replaced: no file, and no link to one. */
static void test_only_a_stale_socket_is_replaced(void **state)
{
	(void)state;
	char path[64], link[80], why[CONTROL_WHY] = "";
	struct stat status;
	int s = -1, again = -1;
	snprintf(path, sizeof path, "/tmp/test_control.%d.file", (int)getpid());
	snprintf(link, sizeof link, "%s.link", path);
	int file = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(file >= 0 && write(file, "kept", 4) == 4);
	close(file);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(control_bind(path, 0660, "socket", &s, why), NG_E_IO);
	assert_non_null(strstr(why, "\"socket\""));
	assert_int_equal(control_bind(link, 0660, "socket", &s, why), NG_E_IO);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 4);
	unlink(link);
	unlink(path);
	assert_int_equal(control_bind(path, 0604, "socket", &s, why), NG_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0604);
	close(s);
	assert_int_equal(control_bind(path, 0660, "socket", &again, why), NG_OK);
	close(again);
	unlink(path);
}

/* Who has said half a line, or nothing, keeps no place from others; who waits for an answer keeps his. */
static void test_half_lines_keep_nobody_out(void **state)
{
	struct stage *stage = *state;
	int waiting = dial(stage), halves[2 * CONTROL_CLIENTS_MAX], fresh;
	char octet;
	turn(stage);
	say(stage, waiting, "{\"n\": 1, \"late\": 1}\n");
	for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
		halves[i] = dial(stage);
		turn(stage);
		if (i % 2)
			say(stage, halves[i], "{\"n\":");
	}
	assert_int_equal(read(halves[0], &octet, 1), 0); /* the quietest went first */
	fresh = dial(stage);
	turn(stage);
	say(stage, fresh, "{\"n\": 2}\n");
	expect(fresh, "{\"n\":2}\n");
	expect(waiting, "{\"n\":1}\n");
	for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++)
		close(halves[i]);
	close(waiting);
	close(fresh);
	turn(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_a_stale_socket_is_replaced),
		cmocka_unit_test_setup_teardown(test_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_half_lines_keep_nobody_out, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rubbish, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_longest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_queue_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mode_and_second, set_up, tear_down),
	};
	signal(SIGPIPE, SIG_IGN); /* as main does: a client may go before its answer */
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
