/*
 * The worker as a process: what main, warden, upstream and client see of it. The child runs with
 * its real filter of system calls, so a call that the filter forbids fails these tests too.
 */
#include "worker_world.h"

/* A world that serves good.example, and a client's socket in it. */
static int begin(struct world *world)
{
	world_begin(world);
	world_serve(world, "good.example\n");
	return client_socket(SOCK_DGRAM, world->udp_port);
}

/* A question that needs the upstream and the warden, to its answer. */
static void resolve(struct world *world, int client, uint16_t id)
{
	ask(client, "good.example", id);
	upstream_answers(world);
	acknowledge(world, ordered(world), NG_OK);
	assert_int_equal(reply(client).answers, 1);
}

static void end(struct world *world, int client)
{
	close(client);
	world_end(world);
}

static void denied_name_is_nxdomain_and_asks_nobody(void **state)
{
	struct world world;
	int client;
	struct heard heard;

	(void)state;
	world_begin(&world);
	world_serve(&world, "good.example\n");
	claimed(&world);
	client = client_socket(SOCK_DGRAM, world.udp_port);
	ask(client, "evil.example", 77);
	heard = reply(client);
	assert_int_equal(heard.id, 77);
	assert_int_equal(heard.rcode, NG_RCODE_NXDOMAIN);
	settle(&world);
	assert_true(silent(world.upstream));
	assert_true(silent(world.warden));
	end(&world, client);
}

static void address_comes_only_after_the_wardens_word(void **state)
{
	struct world world;
	int client;
	uint64_t number;
	struct heard heard;

	(void)state;
	client = begin(&world);
	ask(client, "good.example", 78);
	upstream_answers(&world);
	number = ordered(&world);
	settle(&world);
	assert_true(silent(client));
	acknowledge(&world, number, NG_OK);
	heard = reply(client);
	assert_int_equal(heard.id, 78);
	assert_int_equal(heard.rcode, NG_RCODE_NOERROR);
	assert_string_equal(heard.first, LEASE_IP);
	end(&world, client);
}

static void refused_lease_is_servfail(void **state)
{
	struct world world;
	int client;
	struct heard heard;

	(void)state;
	client = begin(&world);
	ask(client, "good.example", 79);
	upstream_answers(&world);
	acknowledge(&world, ordered(&world), NG_E_KERNEL);
	heard = reply(client);
	assert_int_equal(heard.rcode, NG_RCODE_SERVFAIL);
	assert_int_equal(heard.answers, 0);
	end(&world, client);
}

static void silent_warden_is_servfail(void **state)
{
	struct world world;
	int client;
	struct heard heard;

	(void)state;
	client = begin(&world);
	ask(client, "good.example", 80);
	upstream_answers(&world);
	(void)ordered(&world);
	heard = reply(client);
	assert_int_equal(heard.rcode, NG_RCODE_SERVFAIL);
	assert_int_equal(heard.answers, 0);
	end(&world, client);
}

static void lost_warden_fails_at_once_and_a_new_one_gets_the_leases(void **state)
{
	struct world world;
	int client;
	struct heard heard;

	(void)state;
	client = begin(&world);
	resolve(&world, client, 81);
	close(world.warden);
	settle(&world);
	ask(client, "good.example", 82);
	heard = reply(client);
	assert_int_equal(heard.rcode, NG_RCODE_SERVFAIL);
	give_warden(&world);
	acknowledge(&world, ordered(&world), NG_OK); /* first the orders, then the claim */
	claimed(&world);
	settle(&world);
	ask(client, "good.example", 83);
	assert_string_equal(reply(client).first, LEASE_IP);
	end(&world, client);
}

static void revocation_waits_for_the_next_warden(void **state)
{
	struct world world;
	struct wall_packet *packet;
	int client;

	(void)state;
	client = begin(&world);
	resolve(&world, client, 92);
	close(world.warden);
	settle(&world);
	give_policy(&world, "other.example\n");
	give_warden(&world);
	packet = hear(&world, world.warden, WALL_WORKER_TO_WARDEN);
	assert_int_equal(packet->head.kind, WALL_REVOKE);
	assert_int_equal(packet->head.count, 1);
	/* That warden dies before it has acted: the one after it is told again. */
	close(world.warden);
	settle(&world);
	give_warden(&world);
	packet = hear(&world, world.warden, WALL_WORKER_TO_WARDEN);
	assert_int_equal(packet->head.kind, WALL_REVOKE);
	/* What was opened again since is ordered, and nothing closes it before. */
	give_policy(&world, "good.example\n");
	ask(client, "good.example", 93);
	acknowledge(&world, ordered(&world), NG_OK);
	assert_int_equal(reply(client).answers, 1);
	close(world.warden);
	settle(&world);
	give_warden(&world);
	packet = hear(&world, world.warden, WALL_WORKER_TO_WARDEN);
	assert_int_equal(packet->head.kind, WALL_LEASE);
	end(&world, client);
}

static void warden_that_breaks_the_rules_is_cut_off(void **state)
{
	struct world world;
	char octet;
	int client;

	(void)state;
	client = begin(&world);
	ask(client, "good.example", 93);
	upstream_answers(&world);
	(void)ordered(&world);
	assert_int_equal(send(world.warden, "garbage", 7, 0), 7);
	assert_int_equal(reply(client).rcode, NG_RCODE_SERVFAIL);
	wait_for(world.warden, POLLIN); /* its end */
	assert_int_equal(recv(world.warden, &octet, 1, MSG_DONTWAIT), 0);
	end(&world, client);
}

static void main_that_breaks_the_rules_ends_it(void **state)
{
	struct world world;
	int status;

	(void)state;
	world_begin(&world);
	assert_int_equal(send(world.main, "garbage", 7, 0), 7);
	status = end_of_worker(&world);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	world_end(&world);
}

static void killed_worker_adopts_what_it_had(void **state)
{
	struct world world;
	int client, status;

	(void)state;
	client = begin(&world);
	resolve(&world, client, 84);
	close(client);
	assert_int_equal(kill(world.pid, SIGKILL), 0);
	status = end_of_worker(&world);
	assert_true(WIFSIGNALED(status));
	close(world.main);
	close(world.warden);
	start_worker(&world);
	world_serve(&world, "good.example\n");
	(void)ordered(&world);
	world_end(&world);
}

static void adopted_lease_without_a_rule_is_revoked(void **state)
{
	struct world world;
	int client;
	struct wall_packet *packet;

	(void)state;
	client = begin(&world);
	resolve(&world, client, 85);
	close(client);
	close(world.main);
	close(world.warden);
	assert_int_equal(end_of_worker(&world), 0);
	start_worker(&world);
	world_serve(&world, "other.example\n");
	packet = hear(&world, world.warden, WALL_WORKER_TO_WARDEN);
	assert_int_equal(packet->head.kind, WALL_REVOKE);
	assert_int_equal(packet->lease[0].sandbox, BOX);
	world_end(&world);
}

static void generation_with_an_unknown_ruleset_changes_nothing(void **state)
{
	struct world world;
	int client;

	(void)state;
	world_begin(&world);
	world_serve(&world, "good.example\n");
	give_begin(&world);
	give_route(&world);
	give_member(&world, 12345);
	assert_int_equal(done(&world, give_commit(&world)), NG_E_NOTFOUND);
	client = client_socket(SOCK_DGRAM, world.udp_port);
	ask(client, "good.example", 86);
	upstream_answers(&world);
	(void)ordered(&world);
	end(&world, client);
}

static void unsealed_ruleset_is_refused(void **state)
{
	struct world world;
	uint64_t id;
	struct ng_image image = image_of("good.example\n", &id);
	int fd = memfd_create("ruleset", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	world_begin(&world);
	assert_int_equal(write(fd, image.octets, image.len), (ssize_t)image.len);
	give_begin(&world);
	give_route(&world);
	world.packet.ruleset = (struct wall_ruleset){.id = id, .len = image.len};
	tell(&world, WALL_RULESET, fd);
	close(fd);
	give_member(&world, id);
	assert_int_equal(done(&world, give_commit(&world)), NG_E_FORMAT);
	ng_image_finish(&image);
	world_end(&world);
}

static void single_member_is_added_and_removed(void **state)
{
	struct world world;
	int client;

	(void)state;
	world_begin(&world);
	give_listener(&world, SOCK_DGRAM);
	give_warden(&world);
	give_begin(&world);
	give_route(&world);
	assert_int_equal(done(&world, give_commit(&world)), NG_OK);
	client = client_socket(SOCK_DGRAM, world.udp_port);
	ask(client, "good.example", 87);
	assert_int_equal(reply(client).rcode, NG_RCODE_REFUSED);
	assert_int_equal(done(&world, give_member(&world, give_list(&world, "good.example\n"))),
			 NG_OK);
	ask(client, "evil.example", 88);
	assert_int_equal(reply(client).rcode, NG_RCODE_NXDOMAIN);
	world.packet.id.id = BOX;
	assert_int_equal(done(&world, tell(&world, WALL_SANDBOX_REMOVE, -1)), NG_OK);
	ask(client, "evil.example", 89);
	assert_int_equal(reply(client).rcode, NG_RCODE_REFUSED);
	end(&world, client);
}

static void leases_are_listed(void **state)
{
	struct world world;
	struct wall_packet *packet;
	uint32_t seq;
	int client;

	(void)state;
	client = begin(&world);
	resolve(&world, client, 90);
	memset(&world.packet.done, 0, sizeof(world.packet.done));
	seq = tell(&world, WALL_LEASES, -1);
	packet = hear(&world, world.main, WALL_WORKER_TO_MAIN);
	assert_int_equal(packet->head.kind, WALL_LEASE_ROW);
	assert_int_equal(packet->head.seq, seq);
	assert_int_equal(packet->row.sandbox, BOX);
	assert_int_equal(packet->row.confirmed, 1);
	packet = hear(&world, world.main, WALL_WORKER_TO_MAIN);
	assert_int_equal(packet->head.kind, WALL_LEASES_END);
	end(&world, client);
}

static void ports_of_a_rule_reach_the_warden_and_the_listing(void **state)
{
	struct world world;
	struct wall_packet *packet;
	int client, status;

	(void)state;
	world_begin(&world);
	world_serve(&world, "good.example:443\n");
	client = client_socket(SOCK_DGRAM, world.udp_port);
	ask(client, "good.example", 94);
	upstream_answers(&world);
	acknowledge(&world, ordered(&world), NG_OK);
	assert_int_equal(world.packet.head.kind, WALL_LEASED);
	assert_int_equal(reply(client).answers, 1);
	memset(&world.packet.done, 0, sizeof(world.packet.done));
	tell(&world, WALL_LEASES, -1);
	packet = hear(&world, world.main, WALL_WORKER_TO_MAIN);
	assert_int_equal(packet->head.kind, WALL_LEASE_ROW);
	assert_int_equal(packet->row.proto, 6);
	assert_int_equal(packet->row.port, 443);
	hear(&world, world.main, WALL_WORKER_TO_MAIN);
	/* A successor finds the port in the store, and orders the same again. */
	close(client);
	assert_int_equal(kill(world.pid, SIGKILL), 0);
	status = end_of_worker(&world);
	assert_true(WIFSIGNALED(status));
	close(world.main);
	close(world.warden);
	start_worker(&world);
	world_serve(&world, "good.example:443\n");
	(void)ordered(&world);
	assert_int_equal(world.packet.lease[0].proto, 6);
	assert_int_equal(world.packet.lease[0].port, 443);
	world_end(&world);
}

static void waiting_names_are_listed(void **state)
{
	struct world world;
	struct wall_packet *packet;
	char text[4096] = "";
	uint32_t seq;
	int client, fd;

	(void)state;
	world_begin(&world);
	world_serve(&world, "?*.good.example\n");
	client = client_socket(SOCK_DGRAM, world.udp_port);
	for (uint16_t i = 0; i < 3; i++) {
		ask(client, i ? "b.good.example" : "a.good.example", i);
		assert_int_equal(reply(client).rcode, NG_RCODE_NXDOMAIN);
	}
	memset(&world.packet.done, 0, sizeof(world.packet.done));
	seq = tell(&world, WALL_WAITINGS, -1);
	packet = hear(&world, world.main, WALL_WORKER_TO_MAIN);
	assert_int_equal(packet->head.kind, WALL_WAITING_ROW);
	assert_int_equal(packet->head.seq, seq);
	assert_int_equal(packet->waiting.sandbox, BOX);
	assert_int_equal(packet->waiting.count, 1);
	assert_int_equal(packet->waiting.line, 1);
	assert_string_equal(packet->waiting.path, "box.list");
	assert_memory_equal(packet->waiting.name, "\1a\4good\7example", 16);
	packet = hear(&world, world.main, WALL_WORKER_TO_MAIN);
	assert_int_equal(packet->head.kind, WALL_WAITING_ROW);
	assert_int_equal(packet->waiting.count, 2);
	packet = hear(&world, world.main, WALL_WORKER_TO_MAIN);
	assert_int_equal(packet->head.kind, WALL_WAITINGS_END);
	assert_int_equal(packet->head.seq, seq);
	settle(&world);
	fd = open(world.records, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "\"verdict\":\"ask\""));
	close(fd);
	end(&world, client);
}

static void approval_opens_what_a_rule_asks_about(void **state)
{
	struct world world;
	uint64_t list, approvals;
	int client;

	(void)state;
	world_begin(&world);
	world_serve(&world, "?good.example\n");
	list = give_list(&world, "?good.example\n");
	approvals = give_list(&world, "good.example\n");
	fill_member(&world, list);
	world.packet.member.approvals = approvals;
	assert_int_equal(done(&world, tell(&world, WALL_MEMBER, -1)), NG_OK);
	client = client_socket(SOCK_DGRAM, world.udp_port);
	resolve(&world, client, 95);
	end(&world, client);
}

static void generation_with_unknown_approvals_changes_nothing(void **state)
{
	struct world world;
	int client;

	(void)state;
	world_begin(&world);
	world_serve(&world, "good.example\n");
	give_begin(&world);
	give_route(&world);
	fill_member(&world, give_list(&world, "other.example\n"));
	world.packet.member.approvals = 12345;
	tell(&world, WALL_MEMBER, -1);
	assert_int_equal(done(&world, give_commit(&world)), NG_E_NOTFOUND);
	client = client_socket(SOCK_DGRAM, world.udp_port);
	ask(client, "good.example", 96);
	upstream_answers(&world);
	(void)ordered(&world);
	end(&world, client);
}

static void blocked_and_observed_packets_are_records(void **state)
{
	struct world world;
	char text[4096] = "";
	int fd;

	(void)state;
	world_begin(&world);
	world_serve(&world, "good.example\n");
	for (uint16_t i = 0; i < 2; i++) {
		memset(&world.packet.blocked[i], 0, sizeof(world.packet.blocked[i]));
		world.packet.blocked[i].sandbox = BOX;
		assert_int_equal(ng_addr_parse("127.0.0.1", &world.packet.blocked[i].from),
				 NG_OK);
		assert_int_equal(ng_addr_parse("44.0.0.1", &world.packet.blocked[i].to), NG_OK);
		world.packet.blocked[i].proto = 6;
		world.packet.blocked[i].port = 443;
		world.packet.blocked[i].observed = (uint8_t)i;
		world.packet.blocked[i].count = 1;
	}
	world.packet.head = (struct wall_head){.kind = WALL_BLOCKED, .count = 2};
	assert_int_equal(channel_send(world.warden, &world.packet, -1), NG_OK);
	settle(&world);
	settle(&world);
	fd = open(world.records, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_non_null(strstr(text, "\"event\":\"blocked\""));
	assert_non_null(strstr(text, "\"observed\":true"));
	assert_null(strstr(strstr(text, "\"observed\":true") + 1, "\"observed\":true"));
	world_end(&world);
}

static void its_name_is_not_mains(void **state)
{
	struct world world;
	char path[40], name[32] = "";
	int fd;

	(void)state;
	world_begin(&world);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)world.pid);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, name, sizeof(name) - 1) > 0);
	close(fd);
	assert_string_equal(name, "namegated-work\n");
	world_end(&world);
}

static void tcp_answers_pipelined_queries(void **state)
{
	struct world world;
	uint8_t out[2 * 514], in[4096];
	size_t len = 0, have = 0;
	int client;

	(void)state;
	world_begin(&world);
	world_serve(&world, "good.example\n");
	client = client_socket(SOCK_STREAM, world.tcp_port);
	for (uint16_t id = 1; id <= 2; id++) {
		size_t n = query_build(id == 1 ? "good.example" : "evil.example", id,
				       out + len + 2);
		out[len] = (uint8_t)(n >> 8);
		out[len + 1] = (uint8_t)n;
		len += 2 + n;
	}
	assert_int_equal(send(client, out, len, 0), (ssize_t)len);
	while (have < 2 || have < 2u + (size_t)(in[0] << 8 | in[1])) {
		wait_for(client, POLLIN);
		ssize_t got = recv(client, in + have, sizeof(in) - have, 0);
		assert_true(got > 0);
		have += (size_t)got;
	}
	/* The first still waits for its upstream; the second overtakes it. */
	assert_int_equal(reply_read(in + 2, have - 2).id, 2);
	upstream_answers(&world);
	acknowledge(&world, ordered(&world), NG_OK);
	wait_for(client, POLLIN);
	have = (size_t)recv(client, in, sizeof(in), 0);
	assert_int_equal(reply_read(in + 2, have - 2).id, 1);
	end(&world, client);
}

static void decision_is_recorded(void **state)
{
	struct world world;
	char text[4096] = "";
	int client, fd;

	(void)state;
	client = begin(&world);
	ask(client, "evil.example", 91);
	(void)reply(client);
	settle(&world);
	fd = open(world.records, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "\"sandbox\":\"box\""));
	assert_non_null(strstr(text, "\"name\":\"evil.example\""));
	assert_non_null(strstr(text, "\"verdict\":\"deny\""));
	close(fd);
	end(&world, client);
}

static void term_ends_it_well(void **state)
{
	struct world world;

	(void)state;
	world_begin(&world);
	world_serve(&world, "good.example\n");
	assert_int_equal(kill(world.pid, SIGTERM), 0);
	assert_int_equal(end_of_worker(&world), 0);
	world_end(&world);
}

/* One question to its order, for an address of its own; its name too. */
static void order_one(struct world *world, int client, uint16_t i)
{
	char name[32];
	uint8_t query[512], answer[1024];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len;
	size_t n;

	snprintf(name, sizeof(name), "n%u.good.example", (unsigned)i);
	ask(client, name, i);
	wait_for(world->upstream, POLLIN);
	len = recvfrom(world->upstream, query, sizeof(query), 0, (struct sockaddr *)&from,
		       &from_len);
	assert_true(len > NG_HEADER_LEN);
	n = answer_build(query, (size_t)len, answer);
	answer[n - 2] = (uint8_t)(i >> 8);
	answer[n - 1] = (uint8_t)i;
	assert_int_equal(
		sendto(world->upstream, answer, n, 0, (struct sockaddr *)&from, from_len), n);
}

static void hear_orders(struct world *world, uint64_t *numbers, size_t wanted)
{
	for (size_t n = 0; n < wanted;) {
		struct wall_packet *packet = hear(world, world->warden, WALL_WORKER_TO_WARDEN);

		assert_int_equal(packet->head.kind, WALL_LEASE);
		assert_true(packet->head.count <= wanted - n);
		for (size_t i = 0; i < packet->head.count; i++)
			numbers[n++] = packet->lease[i].number;
	}
}

#define CROWD 400 /* more than it orders before it gives the warden a turn */

/* It gives way to a warden that has much to do, but not for long, and not again to one that says nothing. */
static void warden_that_says_nothing_keeps_nobody_waiting(void **state)
{
	uint64_t numbers[CROWD];
	struct world world;
	int client, other;

	(void)state;
	world_begin(&world);
	world_serve(&world, ".good.example\n");
	claimed(&world);
	client = client_socket(SOCK_DGRAM, world.udp_port);
	other = client_socket(SOCK_DGRAM, world.udp_port);
	for (uint16_t i = 0; i < CROWD; i++)
		order_one(&world, client, i);
	hear_orders(&world, numbers, CROWD);
	ask(other, "evil.example", 94);
	assert_int_equal(reply(other).rcode, NG_RCODE_NXDOMAIN);
	for (size_t i = 0; i < CROWD; i++)
		acknowledge(&world, numbers[i], NG_OK);
	order_one(&world, other, CROWD);
	hear_orders(&world, numbers, 1);
	acknowledge(&world, numbers[0], NG_OK);
	assert_int_equal(reply(other).answers, 1);
	close(other);
	end(&world, client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(denied_name_is_nxdomain_and_asks_nobody),
		cmocka_unit_test(address_comes_only_after_the_wardens_word),
		cmocka_unit_test(refused_lease_is_servfail),
		cmocka_unit_test(silent_warden_is_servfail),
		cmocka_unit_test(warden_that_says_nothing_keeps_nobody_waiting),
		cmocka_unit_test(lost_warden_fails_at_once_and_a_new_one_gets_the_leases),
		cmocka_unit_test(revocation_waits_for_the_next_warden),
		cmocka_unit_test(warden_that_breaks_the_rules_is_cut_off),
		cmocka_unit_test(main_that_breaks_the_rules_ends_it),
		cmocka_unit_test(killed_worker_adopts_what_it_had),
		cmocka_unit_test(adopted_lease_without_a_rule_is_revoked),
		cmocka_unit_test(generation_with_an_unknown_ruleset_changes_nothing),
		cmocka_unit_test(unsealed_ruleset_is_refused),
		cmocka_unit_test(single_member_is_added_and_removed),
		cmocka_unit_test(leases_are_listed),
		cmocka_unit_test(ports_of_a_rule_reach_the_warden_and_the_listing),
		cmocka_unit_test(waiting_names_are_listed),
		cmocka_unit_test(approval_opens_what_a_rule_asks_about),
		cmocka_unit_test(generation_with_unknown_approvals_changes_nothing),
		cmocka_unit_test(blocked_and_observed_packets_are_records),
		cmocka_unit_test(its_name_is_not_mains),
		cmocka_unit_test(tcp_answers_pipelined_queries),
		cmocka_unit_test(decision_is_recorded),
		cmocka_unit_test(term_ends_it_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
