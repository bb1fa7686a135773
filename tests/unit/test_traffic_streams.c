/* TCP: DNS in segments that are lost, repeated and out of order; and flows of everything else. */
#include "traffic_maker.h"

struct talk { /* what a client sends on one connection, cut into segments */
	struct capture capture;
	struct maker stream;
	uint32_t seq;
};

static void talk_begin(struct talk *talk, uint32_t seq)
{
	capture_begin(&talk->capture, 1);
	talk->seq = seq;
	talk->stream.n = 0;
	capture_tcp(&talk->capture, CLIENT, 4000, SERVER, 53, TCP_SYN, seq - 1, "", 0);
}

/* Further questions "q0.example", "q1.example"… behind those that are there. */
static void talk_ask(struct talk *talk, unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++) {
		struct maker message;
		char name[32];
		snprintf(name, sizeof(name), "q%u.example", i);
		make_query(&message, name);
		make_framed(&talk->stream, &message);
	}
}

static void talk_send(struct talk *talk, size_t at, size_t len)
{
	assert_true(at + len <= talk->stream.n);
	capture_tcp(&talk->capture, CLIENT, 4000, SERVER, 53, TCP_ACK, talk->seq + (uint32_t)at,
		    talk->stream.octets + at, len);
}

#define ONE             30u /* octets of such a question with its length */
#define ONE_OF_HUNDREDS 32u /* the same with a number of three digits */

static struct world *talk_end(struct talk *talk, const char *lines)
{
	struct world *world = world_begin();
	assert_int_equal(world_read(world, talk->capture.octets, talk->capture.n), NG_OK);
	expect_seen(world, lines);
	capture_end(&talk->capture);
	return world;
}

#define Q(n) "query " CLIENT " q" n ".example A\n"

static void octet_by_octet(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, UINT32_MAX - 20); /* over the end of the numbers */
	talk_ask(&talk, 0, 2);
	assert_int_equal(talk.stream.n, 2 * ONE);
	for (size_t at = 0; at < talk.stream.n; at++)
		talk_send(&talk, at, 1);
	world_end(talk_end(&talk, Q("0") Q("1")));
}

static void all_in_one(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 0, 4);
	talk_send(&talk, 0, talk.stream.n);
	world_end(talk_end(&talk, Q("0") Q("1") Q("2") Q("3")));
}

static void out_of_order(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 0, 4);
	for (size_t at = 12; at-- > 0;)
		talk_send(&talk, at * 10, 10);
	struct world *world = talk_end(&talk, Q("0") Q("1") Q("2") Q("3"));
	assert_int_equal(counted(world, TRAFFIC_N_GAPS), 0);
	world_end(world);
}

static void repeated_and_overlapping(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 0, 4);
	talk_send(&talk, 0, 50);
	talk_send(&talk, 0, 50);
	talk_send(&talk, 20, 10);
	talk_send(&talk, 70, 50);
	talk_send(&talk, 65, 20);
	talk_send(&talk, 30, 70);
	talk_send(&talk, 0, 120);
	struct world *world = talk_end(&talk, Q("0") Q("1") Q("2") Q("3"));
	assert_int_equal(counted(world, TRAFFIC_N_GAPS), 0);
	world_end(world);
}

/* The length of q1 came, a part of it did not: q2 begins where q1 must have ended. */
static void gap_inside_a_message(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 0, 4);
	talk_send(&talk, 0, ONE + 10);
	talk_send(&talk, ONE + 20, 3 * ONE - 20);
	struct world *world = talk_end(&talk, Q("0") Q("2") Q("3"));
	assert_int_equal(counted(world, TRAFFIC_N_GAPS), 1);
	assert_int_equal(counted(world, TRAFFIC_N_GIVEN_UP), 0);
	world_end(world);
}

/* The gap ends in the middle of q2, of which nothing is known: q3 begins a segment. */
static void gap_over_messages(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 0, 5);
	talk_send(&talk, 0, ONE + 10);
	talk_send(&talk, 2 * ONE + 7, ONE - 7);
	talk_send(&talk, 3 * ONE, 2 * ONE);
	struct world *world = talk_end(&talk, Q("0") Q("3") Q("4"));
	assert_int_equal(counted(world, TRAFFIC_N_GAPS), 1);
	world_end(world);
}

static void gap_and_never_a_beginning(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 100, 40);
	talk_send(&talk, 0, ONE_OF_HUNDREDS);
	for (size_t i = 2; i < 38; i++)
		talk_send(&talk, i * ONE_OF_HUNDREDS + 7, ONE_OF_HUNDREDS);
	struct world *world = talk_end(&talk, Q("100"));
	assert_int_equal(counted(world, TRAFFIC_N_GIVEN_UP), 1);
	world_end(world);
}

/* Given up, but the next connection of the same ports is another one. */
static void a_new_syn_begins_anew(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 100, 40);
	for (size_t i = 2; i < 38; i++)
		talk_send(&talk, i * ONE_OF_HUNDREDS + 7, ONE_OF_HUNDREDS);
	talk.seq = 700000;
	capture_tcp(&talk.capture, CLIENT, 4000, SERVER, 53, TCP_SYN, talk.seq - 1, "", 0);
	talk_send(&talk, 0, ONE_OF_HUNDREDS);
	world_end(talk_end(&talk, Q("100")));
}

static void begun_before_the_capture(void **state)
{
	struct talk talk;
	(void)state;
	capture_begin(&talk.capture, 1);
	talk.stream.n = 0;
	talk.seq = 4711;
	talk_ask(&talk, 0, 3);
	talk_send(&talk, 5, ONE - 5);
	talk_send(&talk, ONE, 2 * ONE);
	world_end(talk_end(&talk, Q("1") Q("2")));
}

static void ends_in_the_middle(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 0, 2);
	talk_send(&talk, 0, ONE + 5);
	capture_tcp(&talk.capture, CLIENT, 4000, SERVER, 53, TCP_FIN | TCP_ACK, 1 + ONE + 5, "",
		    0);
	struct world *world = talk_end(&talk, Q("0"));
	assert_int_equal(counted(world, TRAFFIC_N_UNFINISHED), 1);
	world_end(world);
}

/* The end overtakes what comes before it. */
static void ends_out_of_order(void **state)
{
	struct talk talk;
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 0, 5);
	capture_tcp(&talk.capture, CLIENT, 4000, SERVER, 53, TCP_FIN | TCP_ACK, 1 + 4 * ONE,
		    talk.stream.octets + 4 * ONE, ONE);
	talk_send(&talk, 0, 4 * ONE);
	struct world *world = talk_end(&talk, Q("0") Q("1") Q("2") Q("3") Q("4"));
	assert_int_equal(counted(world, TRAFFIC_N_GAPS), 0);
	world_end(world);
}

static void both_directions(void **state)
{
	struct talk talk;
	struct maker message, framed = {.n = 0};
	(void)state;
	talk_begin(&talk, 1);
	talk_ask(&talk, 0, 1);
	capture_tcp(&talk.capture, SERVER, 53, CLIENT, 4000, TCP_SYN | TCP_ACK, 99, "", 0);
	talk_send(&talk, 0, ONE);
	make_response(&message, "q0.example", "192.0.2.1");
	make_framed(&framed, &message);
	capture_tcp(&talk.capture, SERVER, 53, CLIENT, 4000, TCP_ACK, 100 + 20,
		    framed.octets + 20, framed.n - 20);
	capture_tcp(&talk.capture, SERVER, 53, CLIENT, 4000, TCP_ACK, 100, framed.octets, 20);
	world_end(talk_end(&talk,
			   Q("0") "answer " CLIENT " q0.example A answered 192.0.2.1/60\n"));
}

/* More connections than the table holds, each with half a message: memory and time stay small. */
static void connections_without_end(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	(void)state;
	capture_begin(&capture, 1);
	for (unsigned int port = 1024; port < 21024; port++) {
		capture_tcp(&capture, CLIENT, port, SERVER, 53, TCP_SYN, 0, "", 0);
		capture_tcp(&capture, CLIENT, port, SERVER, 53, TCP_ACK, 1, "\xff\xff..", 4);
	}
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	expect_seen(world, "");
	assert_int_equal(counted(world, TRAFFIC_N_UNFINISHED), 20000);
	capture_end(&capture);
	world_end(world);
}

/* ---- flows ---- */

#define WEB "192.0.2.1"

static void expect_flows(struct capture *capture, const char *lines)
{
	struct world *world = world_begin();
	assert_int_equal(world_read(world, capture->octets, capture->n), NG_OK);
	expect_seen(world, lines);
	world_end(world);
	capture_end(capture);
}

static void tcp_flow(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture, 1);
	capture_tcp(&capture, CLIENT, 4000, WEB, 443, TCP_SYN, 0, "", 0);
	capture_tcp(&capture, WEB, 443, CLIENT, 4000, TCP_SYN | TCP_ACK, 0, "", 0);
	capture_tcp(&capture, CLIENT, 4000, WEB, 443, TCP_ACK, 1, "data", 4);
	capture_tcp(&capture, WEB, 443, CLIENT, 4000, TCP_ACK, 1, "data", 4);
	expect_flows(&capture, "flow " CLIENT ":4000 > " WEB ":443/6 1+0\n"
			       "more " CLIENT ":4000 > " WEB ":443/6 1+2\n");
}

static void tcp_flow_refused(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture, 1);
	capture_tcp(&capture, CLIENT, 4000, WEB, 443, TCP_SYN, 0, "", 0);
	capture_tcp(&capture, CLIENT, 4000, WEB, 443, TCP_SYN, 0, "", 0);
	capture_tcp(&capture, WEB, 443, CLIENT, 4000, TCP_RST | TCP_ACK, 0, "", 0);
	expect_flows(&capture, "flow " CLIENT ":4000 > " WEB ":443/6 1+0\n"
			       "more " CLIENT ":4000 > " WEB ":443/6 1+0\n");
}

static void tcp_flow_begun_before(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture, 1);
	capture_tcp(&capture, WEB, 443, CLIENT, 4000, TCP_ACK, 1, "data", 4);
	capture_tcp(&capture, CLIENT, 4000, WEB, 443, TCP_SYN, 9, "", 0); /* and a new one */
	expect_flows(&capture, "flow " CLIENT ":4000 > " WEB ":443/6 0+1 begun before\n"
			       "flow " CLIENT ":4000 > " WEB ":443/6 1+0\n");
}

/* Tracking forgets UDP after two minutes of silence, and so the gate is asked again. */
static void udp_flow(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture, 1);
	capture_udp(&capture, CLIENT, 4000, WEB, 123, "time", 4);
	capture_udp(&capture, WEB, 123, CLIENT, 4000, "time", 4);
	capture.now_us += 60000000;
	capture_udp(&capture, CLIENT, 4000, WEB, 123, "time", 4);
	capture.now_us += 121000000;
	capture_udp(&capture, CLIENT, 4000, WEB, 123, "time", 4);
	expect_flows(&capture, "flow " CLIENT ":4000 > " WEB ":123/17 1+0\n"
			       "more " CLIENT ":4000 > " WEB ":123/17 1+1\n"
			       "flow " CLIENT ":4000 > " WEB ":123/17 1+0\n");
}

static void other_protocols(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture, 1);
	capture_packet(&capture, CLIENT, WEB, IPPROTO_ICMP, "\10\0......", 8);
	capture_packet(&capture, WEB, CLIENT, IPPROTO_ICMP, "\0\0......", 8);
	capture_packet(&capture, CLIENT, WEB, IPPROTO_GRE, "\0\0\10\0", 4);
	capture_packet(&capture, CLIENT_6, SERVER_6, IPPROTO_ICMPV6, "\x87\0......", 8);
	expect_flows(&capture, "flow " CLIENT ":0 > " WEB ":0/1 1+0\n"
			       "flow " CLIENT ":0 > " WEB ":0/47 1+0\n");
}

/* More flows than the table holds: each is told once, and no packet is lost. */
static void flows_without_end(void **state)
{
	struct capture capture;
	struct world *world = world_begin();
	(void)state;
	capture_begin(&capture, 1);
	for (unsigned int turn = 0; turn < 2; turn++) {
		for (unsigned int i = 0; i < 90000; i++)
			capture_udp(&capture, CLIENT, 1024 + i % 60000, WEB,
				    i < 60000 ? 443 : 444, "", 0);
	}
	assert_int_equal(world_read(world, capture.octets, capture.n), NG_OK);
	traffic_end(world->traffic);
	assert_int_equal(counted(world, TRAFFIC_N_PACKETS), 180000);
	assert_in_range(counted(world, TRAFFIC_N_FLOWS), 90000, 180000);
	capture_end(&capture);
	world_end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octet_by_octet),
		cmocka_unit_test(all_in_one),
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(repeated_and_overlapping),
		cmocka_unit_test(gap_inside_a_message),
		cmocka_unit_test(gap_over_messages),
		cmocka_unit_test(gap_and_never_a_beginning),
		cmocka_unit_test(a_new_syn_begins_anew),
		cmocka_unit_test(begun_before_the_capture),
		cmocka_unit_test(ends_in_the_middle),
		cmocka_unit_test(ends_out_of_order),
		cmocka_unit_test(both_directions),
		cmocka_unit_test(connections_without_end),
		cmocka_unit_test(tcp_flow),
		cmocka_unit_test(tcp_flow_refused),
		cmocka_unit_test(tcp_flow_begun_before),
		cmocka_unit_test(udp_flow),
		cmocka_unit_test(other_protocols),
		cmocka_unit_test(flows_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
