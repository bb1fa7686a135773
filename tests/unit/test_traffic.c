/* Captures: links, IP, UDP, fragments, and what breaks its form. TCP is in test_traffic_streams.c. */
#include "traffic_maker.h"

static const char exchange[] = "query " CLIENT " a.example A\n"
			       "answer " CLIENT " a.example A answered 192.0.2.1/60\n";

static void put_exchange(struct capture *capture, const char *client, const char *server)
{
	struct maker message;
	make_query(&message, "A.Example");
	capture_udp(capture, client, 4000, server, 53, message.octets, message.n);
	make_response(&message, "A.Example", "192.0.2.1");
	capture_udp(capture, server, 53, client, 4000, message.octets, message.n);
}

static void expect_capture(struct capture *capture, const char *lines)
{
	struct world *world = world_begin();
	assert_int_equal(world_read(world, capture->octets, capture->n), NG_OK);
	expect_seen(world, lines);
	assert_int_equal(world->diags.n, 0);
	world_end(world);
	capture_end(capture);
}

static void every_link(void **state)
{
	static const int links[] = {1, 113, 276, 101, 0};
	(void)state;
	for (size_t i = 0; i < COUNT(links); i++) {
		struct capture capture;
		capture_begin(&capture, links[i]);
		put_exchange(&capture, CLIENT, SERVER);
		expect_capture(&capture, exchange);
	}
}

static void vlan_tags(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture, 1);
	capture.before = "\x88\xa8\0\1\x81\0\0\2";
	capture.n_before = 8;
	put_exchange(&capture, CLIENT, SERVER);
	expect_capture(&capture, exchange);
}

static void tags_without_end(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	uint8_t frame[12 + 4 * 64];
	(void)state;
	memset(frame, 0, sizeof(frame));
	for (size_t at = 12; at < sizeof(frame); at += 4)
		frame[at] = 0x81;
	capture_begin(&capture, 1);
	capture_frame(&capture, frame, sizeof(frame));
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	assert_int_equal(counted(world, TRAFFIC_N_OTHER), 1);
	capture_end(&capture);
	world_end(world);
}

static void ipv6_extension_headers(void **state)
{
	struct capture capture;
	struct maker message, datagram, payload = {.n = 0};
	(void)state;
	capture_begin(&capture, 1);
	make_query(&message, "a.example");
	make_udp(&datagram, 4000, 53, message.octets, message.n);
	make_octets(&payload, "\x3c\0\0\0\0\0\0", 8); /* hop-by-hop, options next */
	make_octets(&payload, "\x2c\1\0\0\0\0\0\0\0\0\0\0\0\0\0", 16); /* fragment next */
	make_octets(&payload, "\x11\0\0\0\0\0\0\7", 8);                /* the only one */
	make_octets(&payload, datagram.octets, datagram.n);
	capture_packet(&capture, CLIENT_6, SERVER_6, IPPROTO_HOPOPTS, payload.octets,
		       payload.n);
	expect_capture(&capture, "query " CLIENT_6 " a.example A\n");
}

/* ---- answers ---- */

static void alias_chain(void **state)
{
	struct capture capture;
	struct maker message, target = {.n = 0}, last = {.n = 0};
	(void)state;
	capture_begin(&capture, 1);
	make_name(&target, "Mid.example");
	make_name(&last, "end.example");
	make_header(&message, 0x8180, 1, 4, 0, 0);
	make_question(&message, "a.example", NG_TYPE_A);
	make_rr(&message, "end.example", NG_TYPE_A, 30, "\xc0\0\2\1", 4);
	make_rr(&message, "other.example", NG_TYPE_A, 30, "\xc0\0\2\2", 4);
	make_rr(&message, "mid.example", NG_TYPE_CNAME, 30, last.octets, last.n);
	make_rr(&message, "a.example", NG_TYPE_CNAME, 30, target.octets, target.n);
	capture_udp(&capture, SERVER, 53, CLIENT, 4000, message.octets, message.n);
	expect_capture(&capture,
		       "answer " CLIENT
		       " a.example A answered mid.example end.example 192.0.2.1/30\n");
}

static void alias_loop(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	struct maker message, target = {.n = 0};
	(void)state;
	capture_begin(&capture, 1);
	make_name(&target, "a.example");
	make_header(&message, 0x8180, 1, 1, 0, 0);
	make_question(&message, "a.example", NG_TYPE_A);
	make_rr(&message, "@", NG_TYPE_CNAME, 30, target.octets, target.n);
	capture_udp(&capture, SERVER, 53, CLIENT, 4000, message.octets, message.n);
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	assert_int_equal(counted(world, TRAFFIC_N_RESPONSES), 1);
	assert_non_null(strstr(world->seen, " a.example A empty a.example"));
	capture_end(&capture);
	world_end(world);
}

static void fates(void **state)
{
	struct capture capture;
	struct maker message;
	(void)state;
	capture_begin(&capture, 1);
	make_header(&message, 0x8183, 1, 0, 0, 1); /* NXDOMAIN, EDE 15 */
	make_question(&message, "a.example", NG_TYPE_A);
	make_opt(&message, 1232, 0, "\0\17\0\2\0\17", 6);
	capture_udp(&capture, SERVER, 53, CLIENT, 4000, message.octets, message.n);
	make_header(&message, 0x8183, 1, 0, 0, 0);
	make_question(&message, "b.example", NG_TYPE_A);
	capture_udp(&capture, SERVER, 53, CLIENT, 4000, message.octets, message.n);
	make_header(&message, 0x8182, 1, 0, 0, 1); /* SERVFAIL, EDE 15: no denial */
	make_question(&message, "c.example", NG_TYPE_A);
	make_opt(&message, 1232, 0, "\0\17\0\2\0\17", 6);
	capture_udp(&capture, SERVER, 53, CLIENT, 4000, message.octets, message.n);
	make_header(&message, 0x8380, 1, 0, 0, 0); /* TC */
	make_question(&message, "d.example", NG_TYPE_A);
	capture_udp(&capture, SERVER, 53, CLIENT, 4000, message.octets, message.n);
	expect_capture(&capture, "answer " CLIENT " a.example A denied\n"
				 "answer " CLIENT " b.example A empty\n"
				 "answer " CLIENT " c.example A failed\n"
				 "answer " CLIENT " d.example A failed\n");
}

/* ---- fragments ---- */

#define PIECE 24u

/* Pieces of a query over UDP; returns how many, the last shorter. */
static size_t make_pieces(struct maker pieces[8], const char *from, const char *to)
{
	struct maker message, datagram;
	size_t n = 0;
	make_query(&message, "a-name-that-is-long-enough.for-some-pieces.a.example");
	make_udp(&datagram, 4000, 53, message.octets, message.n);
	for (size_t at = 0; at < datagram.n; at += PIECE, n++) {
		size_t len = datagram.n - at < PIECE ? datagram.n - at : PIECE;
		bool more = at + len < datagram.n;
		struct maker payload = {.n = 0};
		if (strchr(from, ':') != NULL) {
			make_octets(&payload, "\x11", 2);
			make_u16(&payload, (unsigned int)at | more);
			make_u32(&payload, 77);
		}
		make_octets(&payload, datagram.octets + at, len);
		make_ip(&pieces[n], from, to, payload.n > len ? IPPROTO_FRAGMENT : IPPROTO_UDP,
			77, (unsigned int)(at / 8 | (more ? 0x2000 : 0)), payload.octets,
			payload.n);
	}
	return n;
}

static const char whole[] = " a-name-that-is-long-enough.for-some-pieces.a.example A\n";

static void fragments_in_any_order(void **state)
{
	static const char *const ends[][2] = {{CLIENT, SERVER}, {CLIENT_6, SERVER_6}};
	(void)state;
	for (size_t family = 0; family < COUNT(ends); family++) {
		struct capture capture;
		struct maker pieces[8];
		char line[256];
		size_t n = make_pieces(pieces, ends[family][0], ends[family][1]);
		assert_int_equal(n, 4);
		capture_begin(&capture, 1);
		for (size_t i = n; i-- > 0;) {
			capture_ip(&capture, &pieces[i]);
			capture_ip(&capture, &pieces[i]); /* and once more */
		}
		snprintf(line, sizeof(line), "query %s%s", ends[family][0], whole);
		struct world *world = world_begin();
		assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
		/* The first piece comes again behind the whole: of that nothing else follows. */
		expect_seen(world, line);
		assert_int_equal(counted(world, TRAFFIC_N_UNFINISHED), 1);
		world_end(world);
		capture_end(&capture);
	}
}

static void fragments_that_overlap(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	struct maker pieces[8];
	(void)state;
	capture_begin(&capture, 1);
	make_pieces(pieces, CLIENT, SERVER);
	capture_ip(&capture, &pieces[0]);
	pieces[0].octets[20 + 12]++; /* the same place, other octets */
	capture_ip(&capture, &pieces[0]);
	for (size_t i = 1; i < 4; i++)
		capture_ip(&capture, &pieces[i]);
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	expect_seen(world, "");
	assert_int_equal(counted(world, TRAFFIC_N_BROKEN), 1);
	assert_int_equal(counted(world, TRAFFIC_N_UNFINISHED), 1); /* the rest of it */
	capture_end(&capture);
	world_end(world);
}

static void fragments_without_end(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	struct maker pieces[8];
	(void)state;
	capture_begin(&capture, 1);
	make_pieces(pieces, CLIENT, SERVER);
	for (unsigned int id = 0; id < 5000; id++) {
		pieces[0].octets[4] = (uint8_t)(id >> 8);
		pieces[0].octets[5] = (uint8_t)id;
		capture_ip(&capture, &pieces[0]);
	}
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	expect_seen(world, "");
	assert_int_equal(counted(world, TRAFFIC_N_UNFINISHED), 5000);
	capture_end(&capture);
	world_end(world);
}

/* Beyond what a datagram may hold, or a middle piece of an odd length. */
static void fragments_out_of_bounds(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	struct maker packet;
	(void)state;
	capture_begin(&capture, 1);
	make_ip(&packet, CLIENT, SERVER, IPPROTO_UDP, 1, 0x1fff, "sixteen octets..", 16);
	capture_ip(&capture, &packet);
	make_ip(&packet, CLIENT, SERVER, IPPROTO_UDP, 1, 0x2001, "odd", 3);
	capture_ip(&capture, &packet);
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	assert_int_equal(counted(world, TRAFFIC_N_BROKEN), 2);
	capture_end(&capture);
	world_end(world);
}

/* ---- what is broken ---- */

static void cut_short(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	(void)state;
	capture_begin(&capture, 101);
	capture.snap = 40;
	put_exchange(&capture, CLIENT, SERVER);
	capture.snap = 0;
	put_exchange(&capture, CLIENT, SERVER);
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	expect_seen(world, exchange);
	assert_int_equal(counted(world, TRAFFIC_N_CUT), 2);
	capture_end(&capture);
	world_end(world);
}

/* Each cut of a packet at each octet, and each with a length changed, leaves the rest readable. */
static void lengths_that_lie(void **state)
{
	struct capture capture;
	struct maker message, datagram, packet;
	struct world *world = world_begin();
	(void)state;
	capture_begin(&capture, 101);
	make_query(&message, "broken.example");
	make_udp(&datagram, 4000, 53, message.octets, message.n);
	for (size_t cut = 1; cut < 20 + datagram.n; cut++) {
		make_ip(&packet, CLIENT, SERVER, IPPROTO_UDP, 1, 0, datagram.octets,
			datagram.n);
		packet.n = cut;
		capture_ip(&capture, &packet);
	}
	make_ip(&packet, CLIENT, SERVER, IPPROTO_UDP, 1, 0, datagram.octets, datagram.n);
	packet.octets[0] = 0x44; /* a header of 16 octets */
	capture_ip(&capture, &packet);
	packet.octets[0] = 0x4f; /* one longer than the packet */
	packet.octets[2] = 0;
	packet.octets[3] = 40;
	capture_ip(&capture, &packet);
	make_ip(&packet, CLIENT, SERVER, IPPROTO_UDP, 1, 0, datagram.octets, datagram.n);
	packet.octets[25] = 200; /* UDP says more than IP */
	capture_ip(&capture, &packet);
	packet.octets[25] = 7; /* and less than its own header */
	capture_ip(&capture, &packet);
	put_exchange(&capture, CLIENT, SERVER);
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	expect_seen(world, exchange);
	assert_int_equal(counted(world, TRAFFIC_N_CUT), 20 + datagram.n - 1);
	assert_int_equal(counted(world, TRAFFIC_N_BROKEN), 4);
	capture_end(&capture);
	world_end(world);
}

static void pointer_loops(void **state)
{
	struct capture capture;
	struct maker message;
	struct world *world = world_begin();
	(void)state;
	capture_begin(&capture, 1);
	make_header(&message, 0x0100, 1, 0, 0, 0);
	make_octets(&message, "\xc0\x0c\0\1\0\1", 6); /* a name that points to itself */
	capture_udp(&capture, CLIENT, 4000, SERVER, 53, message.octets, message.n);
	message.octets[2] = 0x81;
	capture_udp(&capture, SERVER, 53, CLIENT, 4000, message.octets, message.n);
	capture_udp(&capture, CLIENT, 4000, SERVER, 53, "short", 5);
	put_exchange(&capture, CLIENT, SERVER);
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	expect_seen(world, exchange);
	assert_int_equal(counted(world, TRAFFIC_N_MALFORMED), 3);
	capture_end(&capture);
	world_end(world);
}

static void a_file_that_breaks_off(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	(void)state;
	capture_begin(&capture, 1);
	put_exchange(&capture, CLIENT, SERVER);
	assert_int_equal(world_read(world, capture.octets, capture.n - 3), NG_OK);
	expect_seen(world, "query " CLIENT " a.example A\n");
	assert_int_equal(counted(world, TRAFFIC_N_FILES_CUT), 1);
	assert_int_equal(world->diags.warnings, 1);
	assert_int_equal(world->diags.errors, 0);
	capture_end(&capture);
	world_end(world);
}

static void files_that_are_something_else(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		const char *code;
	} files[] = {
		{"", 0, "traffic-format"},
		{"\x7f"
		 "ELF",
		 4, "traffic-format"},
		{"\x1f\x8b\x08\0", 4, "traffic-format"},
		{"\xd4\xc3\xb2", 3, "traffic-pcap"},
		{"\n\r\r\n", 4, "traffic-pcap"},
		{"\0\0\0\0", 4, "traffic-dnstap"},
		{"{}\n", 3, "traffic-records"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct world *world = world_begin();
		assert_int_equal(world_read(world, files[i].octets, files[i].n), NG_E_FORMAT);
		assert_int_equal(world->diags.errors, 1);
		assert_string_equal(world->diags.items[0].code, files[i].code);
		world_end(world);
	}
}

static void a_link_that_is_not_read(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	(void)state;
	capture_begin(&capture, 105); /* IEEE 802.11 */
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_E_FORMAT);
	assert_string_equal(world->diags.items[0].code, "traffic-link");
	capture_end(&capture);
	world_end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_link),
		cmocka_unit_test(vlan_tags),
		cmocka_unit_test(tags_without_end),
		cmocka_unit_test(ipv6_extension_headers),
		cmocka_unit_test(alias_chain),
		cmocka_unit_test(alias_loop),
		cmocka_unit_test(fates),
		cmocka_unit_test(fragments_in_any_order),
		cmocka_unit_test(fragments_that_overlap),
		cmocka_unit_test(fragments_without_end),
		cmocka_unit_test(fragments_out_of_bounds),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(lengths_that_lie),
		cmocka_unit_test(pointer_loops),
		cmocka_unit_test(a_file_that_breaks_off),
		cmocka_unit_test(files_that_are_something_else),
		cmocka_unit_test(a_link_that_is_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
