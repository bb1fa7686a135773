/* Records: what a line says, how many lines a sandbox gets, and that none is lost uncounted. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/record.h"
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW_US  UINT64_C(5000000)
#define WALL_US UINT64_C(1700000000123456) /* 2023-11-14T22:13:20.123456Z */

static struct ng_record decision(struct ng_name *name)
{
	assert_int_equal(ng_name_from_text("www.good.example", 16, name), NG_OK);
	return (struct ng_record){
		.event = NG_EVENT_DECISION,
		.sandbox = 7,
		.sandbox_name = "box",
		.mode = NG_ENFORCE,
		.name = name,
		.type = NG_TYPE_A,
		.verdict = NG_ALLOW,
		.ede = NG_EDE_NONE,
		.path = "box.list",
		.line = 3,
		.version = 9,
	};
}

static json_t *formatted(const struct ng_record *record)
{
	char line[16384];
	size_t len = record_format(record, NOW_US, WALL_US, line, sizeof(line));
	json_t *object;

	assert_true(len > 0);
	assert_null(memchr(line, '\n', len));
	object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	return object;
}

static void text_is(const json_t *object, const char *key, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(object, key)), text);
}

static void number_is(const json_t *object, const char *key, json_int_t number)
{
	assert_true(json_is_integer(json_object_get(object, key)));
	assert_int_equal(json_integer_value(json_object_get(object, key)), number);
}

static void allowed_answer_says_everything(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	struct ng_addr addrs[2];
	json_t *line;

	(void)state;
	assert_int_equal(ng_addr_parse("151.101.0.223", &addrs[0]), NG_OK);
	assert_int_equal(ng_addr_parse("2a04:4e42::223", &addrs[1]), NG_OK);
	assert_int_equal(ng_addr_parse("10.0.0.2", &record.client), NG_OK);
	assert_int_equal(ng_addr_parse("9.9.9.9", &record.upstream), NG_OK);
	record.addrs = addrs;
	record.n_addrs = 2;
	record.ttl_s = 30;
	record.lease_until_us = NOW_US + 90 * 1000000;
	record.upstream_us = 1234;
	record.commit_us = 56;
	line = formatted(&record);
	text_is(line, "time", "2023-11-14T22:13:20.123456Z");
	text_is(line, "event", "decision");
	text_is(line, "sandbox", "box");
	text_is(line, "mode", "enforce");
	text_is(line, "client", "10.0.0.2");
	text_is(line, "name", "www.good.example");
	text_is(line, "type", "A");
	text_is(line, "verdict", "allow");
	text_is(line, "rcode", "NOERROR");
	text_is(line, "rule", "box.list:3");
	text_is(line, "upstream", "9.9.9.9");
	text_is(line, "lease_until", "2023-11-14T22:14:50.123456Z");
	number_is(line, "version", 9);
	number_is(line, "ttl", 30);
	number_is(line, "upstream_us", 1234);
	number_is(line, "commit_us", 56);
	assert_int_equal(json_array_size(json_object_get(line, "addrs")), 2);
	assert_true(json_is_false(json_object_get(line, "cached")));
	assert_null(json_object_get(line, "ede"));
	assert_null(json_object_get(line, "ports"));
	assert_null(json_object_get(line, "observed"));
	json_decref(line);
}

static void ports_of_the_lease_are_named(void **state)
{
	const struct ng_port ports[] = {{6, 443}, {17, 8443}};
	struct ng_name name;
	struct ng_record record = decision(&name);
	json_t *line, *list;

	(void)state;
	record.ports = ports;
	record.n_ports = 2;
	line = formatted(&record);
	list = json_object_get(line, "ports");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_array_get(list, 0)), "443/tcp");
	assert_string_equal(json_string_value(json_array_get(list, 1)), "8443/udp");
	json_decref(line);
}

static void observed_answer_says_what_enforce_would_have_done(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	json_t *line;

	(void)state;
	record.verdict = NG_ASK;
	record.mode = NG_OBSERVE;
	record.observed = true;
	line = formatted(&record);
	text_is(line, "verdict", "ask");
	text_is(line, "rcode", "NOERROR");
	text_is(line, "mode", "observe");
	assert_true(json_is_true(json_object_get(line, "observed")));
	json_decref(line);
}

static void peer_of_a_unix_socket_is_named(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	json_t *line;

	(void)state;
	line = formatted(&record);
	assert_null(json_object_get(line, "peer_uid"));
	json_decref(line);
	record.peer = (struct ng_peer){.known = true, .uid = 0, .gid = 33};
	line = formatted(&record);
	number_is(line, "peer_uid", 0);
	number_is(line, "peer_gid", 33);
	assert_null(json_object_get(line, "peer_pid"));
	json_decref(line);
	record.peer.pid = 4711;
	line = formatted(&record);
	number_is(line, "peer_pid", 4711);
	json_decref(line);
}

static void strangers_have_no_mode(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	json_t *line;

	(void)state;
	record.sandbox = 0;
	line = formatted(&record);
	assert_true(json_is_null(json_object_get(line, "sandbox")));
	assert_null(json_object_get(line, "mode"));
	json_decref(line);
}

static void denial_says_why(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	json_t *line;

	(void)state;
	record.verdict = NG_DENY;
	record.rcode = NG_RCODE_NXDOMAIN;
	record.ede = NG_EDE_BLOCKED;
	record.reason = "no rule allows it";
	record.path = NULL;
	line = formatted(&record);
	text_is(line, "verdict", "deny");
	text_is(line, "rcode", "NXDOMAIN");
	text_is(line, "reason", "no rule allows it");
	number_is(line, "ede", 15);
	assert_null(json_object_get(line, "rule"));
	assert_null(json_object_get(line, "addrs"));
	json_decref(line);
}

static void blocked_packet_is_a_record(void **state)
{
	struct ng_addr to;
	struct ng_record record = {
		.event = NG_EVENT_BLOCKED,
		.sandbox = 7,
		.sandbox_name = "box",
		.ede = NG_EDE_NONE,
		.addrs = &to,
		.n_addrs = 1,
		.proto = 6,
		.port = 443,
		.count = 12,
		.reason = "never resolved",
	};
	json_t *line;

	(void)state;
	assert_int_equal(ng_addr_parse("1.2.3.4", &to), NG_OK);
	line = formatted(&record);
	text_is(line, "event", "blocked");
	number_is(line, "proto", 6);
	number_is(line, "port", 443);
	number_is(line, "count", 12);
	assert_null(json_object_get(line, "verdict"));
	assert_null(json_object_get(line, "name"));
	json_decref(line);
}

static void hostile_text_stays_one_line_of_json(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	const uint8_t wire[] = {6, 'a', '"', '\n', 0xFF, '.', 0, 0};
	json_t *line;

	(void)state;
	assert_int_equal(ng_name_from_wire(wire, sizeof(wire), &name), NG_OK);
	record.path = "a\xff\"\n.list";
	line = formatted(&record);
	assert_non_null(json_object_get(line, "name"));
	text_is(line, "rule", "a?\"\n.list:3");
	json_decref(line);
}

/* ---- the log ---- */

static size_t lines_in(int fd, const char *word)
{
	static char text[1 << 20];
	size_t n = 0;
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(got >= 0);
	text[got] = '\0';
	for (const char *at = text; (at = strstr(at, word)); at++)
		n++;
	return n;
}

static struct record_log *log_to_file(int *view)
{
	char path[] = "/tmp/namegate-record-XXXXXX";
	struct record_log *log;

	*view = mkstemp(path);
	assert_true(*view >= 0);
	assert_int_equal(record_create(open(path, O_WRONLY | O_APPEND), RECORD_LINES, &log),
			 NG_OK);
	unlink(path);
	return log;
}

static void packets_of_records_that_were_left_out_are_counted(void **state)
{
	struct ng_addr to = ng_addr_make(NG_IPV4, (const uint8_t[]){203, 0, 113, 9});
	struct ng_record record = {.event = NG_EVENT_BLOCKED,
				   .sandbox = 7,
				   .sandbox_name = "box",
				   .addrs = &to,
				   .n_addrs = 1,
				   .why = NG_WHY_UNRESOLVED,
				   .count = 3,
				   .logged = 1};
	struct record_log *log;
	int view;

	(void)state;
	log = log_to_file(&view);
	record_limit(log, 2);
	for (int i = 0; i < 7; i++)
		record_put(log, NOW_US, &record);
	record_second(log, NOW_US + 1000000);
	assert_int_equal(lines_in(view, "\"count\":3,\"logged\":1,\"why\":\"unresolved\""), 2);
	assert_int_equal(lines_in(view, "\"event\":\"suppressed\",\"sandbox\":\"box\","
					"\"count\":5,\"packets\":15}"),
			 1);
	record_destroy(log);
	close(view);
}

static void flood_is_counted_exactly_and_spares_the_neighbour(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	struct record_log *log;
	int view;

	(void)state;
	log = log_to_file(&view);
	record_limit(log, 10);
	for (int i = 0; i < 1000; i++)
		record_put(log, NOW_US, &record);
	record.sandbox = 8;
	record.sandbox_name = "neighbour";
	record_put(log, NOW_US, &record);
	record_second(log, NOW_US + 1000000);
	assert_int_equal(lines_in(view, "\"sandbox\":\"box\",\"name\""), 10);
	assert_int_equal(lines_in(view, "\"sandbox\":\"neighbour\""), 1);
	assert_int_equal(lines_in(view, "\"event\":\"suppressed\",\"sandbox\":\"box\","
					"\"count\":990}"),
			 1);
	assert_int_equal(record_counters(log).suppressed, 990);
	record_second(log, NOW_US + 2000000);
	assert_int_equal(lines_in(view, "suppressed"), 1);
	record_destroy(log);
	close(view);
}

static void tokens_come_back_with_time(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	struct record_log *log;
	int view;

	(void)state;
	log = log_to_file(&view);
	record_limit(log, 10);
	for (int i = 0; i < 20; i++)
		record_put(log, NOW_US, &record);
	for (int i = 0; i < 20; i++)
		record_put(log, NOW_US + 500000, &record);
	record_flush(log);
	assert_int_equal(lines_in(view, "decision"), 15);
	record_destroy(log);
	close(view);
}

static void reader_that_stopped_costs_records_and_no_waiting(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	struct record_log *log;
	struct record_counters counters;
	int ends[2], n = 20000;
	char sink[65536];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(record_create(ends[1], RECORD_LINES, &log), NG_OK);
	record_limit(log, 1000000);
	for (int i = 0; i < n; i++) {
		record_put(log, NOW_US, &record);
		record_flush(log);
	}
	counters = record_counters(log);
	assert_true(counters.suppressed > 0);
	assert_int_equal(counters.written + counters.suppressed, n);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
		while (read(ends[0], sink, sizeof(sink)) > 0)
			;
		record_flush(log);
	}
	record_second(log, NOW_US);
	assert_true(read(ends[0], sink, sizeof(sink) - 1) > 0);
	record_destroy(log);
	close(ends[0]);
}

/* Of two that write to one pipe in turns, with a reader that is slow, no line is cut. */
static void writers_of_one_pipe_leave_lines_whole(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	struct record_log *logs[2];
	static char taken[64 << 20];
	size_t n = 0, lines = 0;
	ssize_t got = 1;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(record_create(dup(ends[1]), RECORD_LINES, &logs[i]), NG_OK);
		record_limit(logs[i], 1000000);
	}
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 2; i++) {
			for (int put = 0; put < 150 + 31 * i; put++)
				record_put(logs[i], NOW_US, &record);
			record_flush(logs[i]);
		}
		got = read(ends[0], taken + n, 10007);
		n += got > 0 ? (size_t)got : 0;
	}
	for (; got > 0; n += got > 0 ? (size_t)got : 0) {
		got = read(ends[0], taken + n, sizeof(taken) - 1 - n);
		record_flush(logs[0]);
		record_flush(logs[1]);
	}
	for (char *line = strtok(taken, "\n"); line; line = strtok(NULL, "\n"), lines++) {
		json_t *object = json_loads(line, 0, NULL);
		assert_non_null(object);
		json_decref(object);
	}
	assert_true(lines > 500);
	for (int i = 0; i < 2; i++)
		record_destroy(logs[i]);
	close(ends[0]);
	close(ends[1]);
}

static void journal_gets_a_datagram_of_fields(void **state)
{
	struct ng_name name;
	struct ng_record record = decision(&name);
	struct record_log *log;
	char text[4096] = "";
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	assert_int_equal(record_create(ends[1], RECORD_JOURNAL, &log), NG_OK);
	record_put(log, NOW_US, &record);
	assert_true(recv(ends[0], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_non_null(strstr(text, "MESSAGE={\"time\":"));
	assert_non_null(strstr(text, "SYSLOG_IDENTIFIER=namegated\n"));
	record_destroy(log);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_answer_says_everything),
		cmocka_unit_test(ports_of_the_lease_are_named),
		cmocka_unit_test(observed_answer_says_what_enforce_would_have_done),
		cmocka_unit_test(peer_of_a_unix_socket_is_named),
		cmocka_unit_test(strangers_have_no_mode),
		cmocka_unit_test(denial_says_why),
		cmocka_unit_test(blocked_packet_is_a_record),
		cmocka_unit_test(hostile_text_stays_one_line_of_json),
		cmocka_unit_test(packets_of_records_that_were_left_out_are_counted),
		cmocka_unit_test(flood_is_counted_exactly_and_spares_the_neighbour),
		cmocka_unit_test(tokens_come_back_with_time),
		cmocka_unit_test(reader_that_stopped_costs_records_and_no_waiting),
		cmocka_unit_test(writers_of_one_pipe_leave_lines_whole),
		cmocka_unit_test(journal_gets_a_datagram_of_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
