/*
 * namegated's records: what record_format() writes is what is read here; and dnstap, in frames made
 * by hand, right and wrong.
 */
#include "traffic_maker.h"

#include "edge/record.h"

/* ---- records ---- */

static size_t decision(char line[4096], const char *name, enum ng_verdict verdict,
		       uint8_t rcode, int ede, const struct ng_addr *addrs, size_t n)
{
	struct ng_name asked = name_of(name);
	const struct ng_record record = {
		.event = NG_EVENT_DECISION,
		.sandbox = 7,
		.sandbox_name = "ci",
		.mode = NG_ENFORCE,
		.client = addr_of(CLIENT),
		.name = &asked,
		.type = NG_TYPE_A,
		.verdict = verdict,
		.rcode = rcode,
		.ede = ede,
		.addrs = addrs,
		.n_addrs = n,
		.ttl_s = 60,
		.path = "my.list",
		.line = 3,
	};
	size_t len = record_format(&record, 5, 1700000000123456, line, 4096);
	assert_true(len > 0);
	line[len] = '\0';
	return len;
}

static void what_the_gate_writes(void **state)
{
	struct world *world = world_begin();
	struct ng_addr addrs[] = {addr_of("192.0.2.1"), addr_of("192.0.2.2")};
	struct ng_addr private = addr_of("10.1.2.3");
	struct ng_name asked = name_of("a.example");
	const struct ng_record blocked = {
		.event = NG_EVENT_BLOCKED,
		.sandbox = 7,
		.sandbox_name = "ci",
		.client = addr_of(CLIENT),
		.name = &asked,
		.addrs = addrs,
		.n_addrs = 1,
		.proto = IPPROTO_TCP,
		.port = 25,
		.count = 9,
	};
	const struct ng_record rebind = {
		.event = NG_EVENT_REBIND,
		.sandbox = 7,
		.sandbox_name = "ci",
		.client = addr_of(CLIENT),
		.name = &asked,
		.type = NG_TYPE_A,
		.addrs = &private,
		.n_addrs = 1,
	};
	char text[16384], line[4096];
	size_t n = 0, len;
	(void)state;
	decision(line, "a.example", NG_ALLOW, NG_RCODE_NOERROR, NG_EDE_NONE, addrs, 2);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n", line);
	decision(line, "evil\\046.example", NG_DENY, NG_RCODE_NXDOMAIN, NG_EDE_BLOCKED, NULL,
		 0);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n", line);
	decision(line, "none.example", NG_ALLOW, NG_RCODE_NXDOMAIN, NG_EDE_NONE, NULL, 0);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n", line);
	decision(line, "dead.example", NG_ALLOW, NG_RCODE_SERVFAIL, 22, NULL, 0);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n", line);
	len = record_format(&blocked, 5, 1700000000123456, line, sizeof(line));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s\n", (int)len, line);
	len = record_format(&rebind, 5, 1700000000123456, line, sizeof(line));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s\n", (int)len, line);
	len = record_format_suppressed("ci", 12, 34, 1700000000123456, line, sizeof(line));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s\n", (int)len, line);
	assert_int_equal(world_read(world, text, n), NG_OK);
	expect_seen(world,
		    "[ci] answer " CLIENT " a.example A answered 192.0.2.1/60 192.0.2.2/60\n"
		    "[ci] answer " CLIENT " evil\\..example A denied by my.list:3\n"
		    "[ci] answer " CLIENT " none.example A empty\n"
		    "[ci] answer " CLIENT " dead.example A failed\n"
		    "[ci] flow " CLIENT ":0 > 192.0.2.1:25/6 9+0 blocked\n"
		    "[ci] removed " CLIENT " a.example A 10.1.2.3/0\n");
	assert_int_equal(counted(world, TRAFFIC_N_SUPPRESSED), 12);
	assert_int_equal(counted(world, TRAFFIC_N_BROKEN), 0);
	assert_int_equal(counted(world, TRAFFIC_N_LINES), 7);
	world_end(world);
}

static void inside_the_journal(void **state)
{
	static const char journal[] = "{\"MESSAGE\":\"Started something\",\"_PID\":\"1\"}\n"
				      "{\"MESSAGE\":[123,34],\"_PID\":\"1\"}\n"
				      "{\"__CURSOR\":\"s=1\",\"MESSAGE\":\"{\\\"time\\\":"
				      "\\\"2023-11-14T22:13:20.000001Z\\\","
				      "\\\"event\\\":\\\"decision\\\",\\\"sandbox\\\":"
				      "\\\"ci\\\",\\\"name\\\":\\\"a.example\\\","
				      "\\\"type\\\":\\\"A\\\",\\\"verdict\\\":\\\"deny\\\","
				      "\\\"rcode\\\":\\\"NXDOMAIN\\\"}\"}\n";
	struct world *world = world_begin();
	(void)state;
	assert_int_equal(world_read(world, journal, strlen(journal)), NG_OK);
	expect_seen(world, "[ci] answer none a.example A denied\n");
	assert_int_equal(counted(world, TRAFFIC_N_OTHER), 2);
	world_end(world);
}

static void lines_that_are_no_records(void **state)
{
	static const char *const bad[] = {
		"{",
		"{\"event\":3}",
		"[]",
		"{\"event\":\"decision\"}",
		"{\"event\":\"unheard\"}",
		"{\"time\":\"2023-13-14T22:13:20.000001Z\",\"event\":\"rebind\"}",
		"{\"time\":\"2023-11-14T22:13:20.000001\",\"event\":\"rebind\"}",
		"{\"time\":\"2023-11-14T22:13:20.000001Z\",\"event\":\"blocked\",\"addrs\":[3]"
		"}",
		"{\"time\":\"2023-11-14T22:13:20.000001Z\",\"event\":\"decision\",\"name\":\"a."
		".b\","
		"\"type\":\"A\",\"rcode\":\"NOERROR\"}",
	};
	char line[4096], *text = malloc(1u << 20);
	struct world *world = world_begin();
	size_t n = 0;
	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < COUNT(bad); i++)
		n += (size_t)sprintf(text + n, "%s\n\n", bad[i]);
	text[n++] = '{';
	memset(text + n, 'x', 600000); /* longer than any record */
	n += 600000;
	text[n++] = '\n';
	decision(line, "a.example", NG_DENY, NG_RCODE_NXDOMAIN, NG_EDE_BLOCKED, NULL, 0);
	n += (size_t)sprintf(text + n, "%s", line); /* and the last has no end */
	assert_int_equal(world_read(world, text, n), NG_OK);
	expect_seen(world, "[ci] answer " CLIENT " a.example A denied by my.list:3\n");
	assert_int_equal(counted(world, TRAFFIC_N_BROKEN), COUNT(bad) + 1);
	free(text);
	world_end(world);
}

/* ---- dnstap ---- */

static void frame_word(struct maker *file, uint32_t word)
{
	make_u32(file, word);
}

static void file_start(struct maker *file, const char *type)
{
	size_t len = strlen(type);
	file->n = 0;
	frame_word(file, 0);
	frame_word(file, (uint32_t)(4 + 8 + len));
	frame_word(file, 2); /* START */
	frame_word(file, 1); /* content type */
	frame_word(file, (uint32_t)len);
	make_octets(file, type, len);
}

static void file_stop(struct maker *file)
{
	frame_word(file, 0);
	frame_word(file, 4);
	frame_word(file, 3);
}

static void put_number(struct maker *to, unsigned int field, uint64_t value)
{
	uint8_t key = (uint8_t)(field << 3);
	make_octets(to, &key, 1);
	do {
		uint8_t octet = (uint8_t)(value & 0x7f) | (value > 0x7f ? 0x80 : 0);
		make_octets(to, &octet, 1);
	} while (value >>= 7);
}

static void put_octets(struct maker *to, unsigned int field, const void *octets, size_t n)
{
	const uint8_t head[] = {(uint8_t)(field << 3 | 2),
				(uint8_t)(n & 0x7f) | (n > 0x7f ? 0x80 : 0), (uint8_t)(n >> 7)};
	make_octets(to, head, n > 0x7f ? 3 : 2);
	make_octets(to, octets, n);
}

static void put_message(struct maker *file, unsigned int type, const struct maker *dns)
{
	struct maker message = {.n = 0}, outer = {.n = 0};
	struct ng_addr client = addr_of(CLIENT), server = addr_of(SERVER);
	bool response = type % 2 == 0;
	put_number(&message, 1, type);
	put_number(&message, 2, 1);
	put_number(&message, 3, 1);
	put_octets(&message, 4, client.bytes, 4);
	put_octets(&message, 5, server.bytes, 4);
	put_number(&message, 6, 40000);
	put_number(&message, response ? 12 : 8, 1700000000);
	make_octets(&message, response ? "\x6d\0\0\0\0" : "\x4d\0\0\0\0", 5);
	put_octets(&message, response ? 14 : 10, dns->octets, dns->n);
	put_octets(&outer, 1, "resolver", 8);
	put_octets(&outer, 14, message.octets, message.n);
	put_number(&outer, 15, 1);
	frame_word(file, (uint32_t)outer.n);
	make_octets(file, outer.octets, outer.n);
}

static const char dnstap_type[] = "protobuf:dnstap.Dnstap";

static void what_a_resolver_saw(void **state)
{
	struct world *world = world_begin();
	struct maker file, dns;
	(void)state;
	file_start(&file, dnstap_type);
	make_query(&dns, "a.example");
	put_message(&file, 5, &dns);
	put_message(&file, 3, &dns); /* and asked in turn */
	make_response(&dns, "a.example", "192.0.2.1");
	put_message(&file, 6, &dns);
	put_message(&file, 99, &dns);
	file_stop(&file);
	assert_int_equal(world_read(world, file.octets, file.n), NG_OK);
	expect_seen(world, "query " CLIENT " a.example A\n"
			   "answer " CLIENT " a.example A answered 192.0.2.1/60\n");
	assert_int_equal(counted(world, TRAFFIC_N_OTHER), 2);
	assert_int_equal(counted(world, TRAFFIC_N_FRAMES), 4);
	assert_int_equal(world->diags.n, 0);
	world_end(world);
}

static void frames_that_are_broken(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
	} bad[] = {
		{"\x72\x05\x08", 3},                                  /* shorter than it says */
		{"\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* far longer */
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		 12},                    /* a number without end */
		{"\x73", 1},             /* a group */
		{"\x72\x02\x0b\x0c", 4}, /* inside the message */
	};
	struct world *world = world_begin();
	struct maker file, dns;
	(void)state;
	file_start(&file, dnstap_type);
	for (size_t i = 0; i < COUNT(bad); i++) {
		frame_word(&file, (uint32_t)bad[i].n);
		make_octets(&file, bad[i].octets, bad[i].n);
	}
	make_query(&dns, "a.example");
	put_message(&file, 5, &dns);
	assert_int_equal(world_read(world, file.octets, file.n), NG_OK); /* without STOP */
	expect_seen(world, "query " CLIENT " a.example A\n");
	assert_int_equal(counted(world, TRAFFIC_N_BROKEN), COUNT(bad));
	assert_int_equal(counted(world, TRAFFIC_N_FILES_CUT), 1);
	world_end(world);
}

/* After any of these no frame can be told from another: what was read before stays, and that is all. */
static void frames_that_are_misplaced(void **state)
{
	static const struct {
		uint32_t words[4];
		size_t n;
	} odd[] = {
		{{0, 4, 1}, 3},       /* control frames in the middle of the data */
		{{0, 4, 2}, 3},       /* … */
		{{0, 4, 99}, 3},      /* … of no kind */
		{{0, 0}, 2},          /* … without one */
		{{0, 0x88888888}, 2}, /* … longer than any */
		{{0x88888888}, 1},    /* data longer than any */
		{{0, 8, 1, 7}, 4},    /* a field without its length */
	};
	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		struct world *world = world_begin();
		struct maker file, dns;
		file_start(&file, dnstap_type);
		make_query(&dns, "a.example");
		put_message(&file, 5, &dns);
		for (size_t word = 0; word < odd[i].n; word++)
			frame_word(&file, odd[i].words[word]);
		assert_int_equal(world_read(world, file.octets, file.n), NG_OK);
		expect_seen(world, "query " CLIENT " a.example A\n");
		assert_int_equal(counted(world, TRAFFIC_N_FILES_CUT), 1);
		assert_int_equal(counted(world, TRAFFIC_N_BROKEN), 0);
		world_end(world);
	}
}

static void frames_of_something_else(void **state)
{
	struct world *world = world_begin();
	struct maker file;
	(void)state;
	file_start(&file, "protobuf:other.Thing");
	file_stop(&file);
	assert_int_equal(world_read(world, file.octets, file.n), NG_E_FORMAT);
	assert_string_equal(world->diags.items[0].code, "traffic-dnstap");
	world_end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_gate_writes),
		cmocka_unit_test(inside_the_journal),
		cmocka_unit_test(lines_that_are_no_records),
		cmocka_unit_test(what_a_resolver_saw),
		cmocka_unit_test(frames_that_are_broken),
		cmocka_unit_test(frames_that_are_misplaced),
		cmocka_unit_test(frames_of_something_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
