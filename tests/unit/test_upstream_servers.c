/* Which server is asked: the fastest, now and then another, and one that is aside only to see. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/upstream_try_servers.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct server_route *route_of(struct servers *servers, uint8_t n)
{
	struct upstream_route route = {.id = 7, .timeout_ms = 1000, .n_servers = n};

	for (uint8_t i = 0; i < n; i++) {
		const uint8_t octets[4] = {192, 0, 2, (uint8_t)(i + 1)};
		route.servers[i] = (struct upstream_server){
			.addr = ng_addr_make(NG_IPV4, octets), .port = 53};
	}
	assert_int_equal(servers_replace(servers, &route, 1), NG_OK);
	return servers_route(servers, 7);
}

static struct server_turn pick(struct server_route *route, uint64_t now_ms, uint8_t dice)
{
	struct server_turn turn = {.now_ms = now_ms, .dice = dice};

	server_pick(route, &turn);
	return turn;
}

static void fastest_is_asked(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 3);

	(void)state;
	assert_int_equal(pick(route, 1, 255).index, 0);
	server_good(route, 0, WAY_DATAGRAM, 30000);
	assert_int_equal(pick(route, 2, 255).index, 1); /* not measured yet */
	server_good(route, 1, WAY_DATAGRAM, 5000);
	assert_int_equal(pick(route, 3, 255).index, 2);
	server_good(route, 2, WAY_DATAGRAM, 90000);
	assert_int_equal(pick(route, 4, 255).index, 1);
	/* One slow answer changes little, many change the choice. */
	server_good(route, 1, WAY_DATAGRAM, 100000);
	assert_int_equal(pick(route, 5, 255).index, 1);
	for (int i = 0; i < 10; i++)
		server_good(route, 1, WAY_DATAGRAM, 100000);
	assert_int_equal(pick(route, 6, 255).index, 0);
	servers_finish(&servers);
}

static void now_and_then_another(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 3);
	unsigned others = 0;

	(void)state;
	for (uint8_t i = 0; i < 3; i++)
		server_good(route, i, WAY_DATAGRAM, 1000u * (i + 1u));
	for (int dice = 0; dice < 256; dice++)
		others += pick(route, 1, (uint8_t)dice).index != 0;
	assert_in_range(others, 1, 8);
	servers_finish(&servers);
}

static void every_server_has_its_turn(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 3);
	struct server_turn turn = {.now_ms = 1, .dice = 255};
	uint8_t seen = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		server_pick(route, &turn);
		seen |= (uint8_t)(1u << turn.index);
	}
	assert_int_equal(seen, 7);
	server_pick(route, &turn); /* round again */
	servers_finish(&servers);
}

/* Three failures in a row put it aside; one question at a time looks, at intervals that double. */
static void aside_and_back(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 2);
	struct server_turn turn;
	uint64_t now_ms = 1000;

	(void)state;
	server_good(route, 0, WAY_DATAGRAM, 1000);
	server_good(route, 1, WAY_DATAGRAM, 50000);
	server_bad(route, 0, now_ms);
	server_bad(route, 0, now_ms);
	assert_int_equal(pick(route, now_ms, 255).index, 0);
	server_bad(route, 0, now_ms);
	assert_int_equal(pick(route, now_ms, 255).index, 1);
	assert_false(route_dead(route));
	for (uint64_t wait_ms = 1000; wait_ms <= 60000; wait_ms *= 2) {
		assert_int_equal(pick(route, now_ms + wait_ms - 1, 255).index, 1);
		now_ms += wait_ms;
		turn = pick(route, now_ms, 255);
		assert_int_equal(turn.index, 0);
		assert_true(turn.probe);
		turn = pick(route, now_ms, 255); /* the next does not look too */
		assert_int_equal(turn.index, 1);
		assert_false(turn.probe);
		route->servers[0].probed = false;
		server_bad(route, 0, now_ms);
	}
	now_ms += 60000;
	assert_true(pick(route, now_ms, 255).probe);
	route->servers[0].probed = false;
	server_good(route, 0, WAY_DATAGRAM, 1000);
	turn = pick(route, now_ms, 255);
	assert_int_equal(turn.index, 0);
	assert_false(turn.probe);
	servers_finish(&servers);
}

static void dead_zone_is_asked_all_the_same(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 2);
	struct server_turn turn = {.now_ms = 5, .dice = 255};

	(void)state;
	for (int i = 0; i < 3; i++) {
		server_bad(route, 0, 5);
		server_bad(route, 1, 5);
	}
	assert_true(route_dead(route));
	server_pick(route, &turn);
	assert_false(turn.probe);
	assert_false(server_beside(route, &turn));
	servers_finish(&servers);
}

static void health_outlives_a_reload(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 2);

	(void)state;
	server_good(route, 1, WAY_DATAGRAM, 10);
	for (int i = 0; i < 3; i++)
		server_bad(route, 0, 5);
	route->servers[0].probed = true;
	route = route_of(&servers, 2);
	assert_int_equal(route->servers[0].failures, 3);
	assert_false(route->servers[0].probed);
	assert_int_equal(route->servers[1].srtt_us[WAY_DATAGRAM], 10);
	servers_finish(&servers);
}

/* What a zone's servers did is that zone's, though another has the same ones. */
static void counts_stay_with_their_zone(void **state)
{
	const uint8_t octets[4] = {192, 0, 2, 1};
	const struct upstream_server same = {.addr = ng_addr_make(NG_IPV4, octets), .port = 53};
	struct upstream_route routes[3];
	struct servers servers = {0};

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		routes[i] = (struct upstream_route){
			.id = 7 + i, .timeout_ms = 1000, .n_servers = 1, .servers = {same}};
	assert_int_equal(servers_replace(&servers, routes, 2), NG_OK);
	servers_route(&servers, 7)->servers[0].counts[UPSTREAM_ASKED] = 4;
	servers_route(&servers, 8)->servers[0].counts[UPSTREAM_ASKED] = 9;
	server_good(servers_route(&servers, 8), 0, WAY_DATAGRAM, 10);
	assert_int_equal(servers_replace(&servers, routes, 3), NG_OK);
	assert_int_equal(servers_route(&servers, 7)->servers[0].counts[UPSTREAM_ASKED], 4);
	assert_int_equal(servers_route(&servers, 8)->servers[0].counts[UPSTREAM_ASKED], 9);
	assert_int_equal(servers_route(&servers, 8)->servers[0].srtt_us[WAY_DATAGRAM], 10);
	assert_int_equal(servers_route(&servers, 9)->servers[0].counts[UPSTREAM_ASKED], 0);
	/* How the server is doing is of use to a new zone as well. */
	assert_int_equal(servers_replace(&servers, routes + 1, 1), NG_OK);
	assert_int_equal(servers_replace(&servers, routes, 1), NG_OK);
	assert_int_equal(servers_route(&servers, 7)->servers[0].srtt_us[WAY_DATAGRAM], 10);
	assert_int_equal(servers_route(&servers, 7)->servers[0].counts[UPSTREAM_ASKED], 0);
	servers_finish(&servers);
}

static void many_servers(struct upstream_route *routes, uint16_t port)
{
	for (uint32_t i = 0; i < NG_ROUTES_MAX; i++) {
		routes[i] = (struct upstream_route){.id = port * NG_ROUTES_MAX + i,
						    .n_servers = NG_SERVERS_MAX};
		for (uint32_t j = 0; j < NG_SERVERS_MAX; j++) {
			const uint32_t at = i * NG_SERVERS_MAX + j;
			const uint8_t octets[4] = {198, 18, (uint8_t)(at >> 8), (uint8_t)at};

			routes[i].servers[j] =
				(struct upstream_server){.addr = ng_addr_make(NG_IPV4, octets),
							 .port = (uint16_t)(port + (at >> 16))};
		}
	}
}

/* Nothing is answered while a reload goes on: as many as there may be take no seconds of it. */
static void as_many_as_may_be(void **state)
{
	struct upstream_route *routes = calloc(NG_ROUTES_MAX, sizeof(*routes));
	struct servers servers = {0};
	const clock_t begun = clock();

	(void)state;
	assert_non_null(routes);
	for (uint16_t port = 53; port < 55; port++) {
		many_servers(routes, port);
		assert_int_equal(servers_replace(&servers, routes, NG_ROUTES_MAX), NG_OK);
		assert_int_equal(servers_replace(&servers, routes, NG_ROUTES_MAX), NG_OK);
	}
	assert_true(clock() - begun < 5 * CLOCKS_PER_SEC);
	servers_finish(&servers);
	free(routes);
}

/* Beyond the 95th percentile, and for one question in twenty at most. */
static void second_query_is_bounded(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 2);
	unsigned spent = 0;

	(void)state;
	assert_int_equal(route_patience_ms(route, false), 0);
	for (uint32_t i = 0; i < 100; i++)
		route_sample(route, i % 10 ? 20000 : 300000);
	assert_int_equal(route_patience_ms(route, false), 301);
	assert_int_equal(route_patience_ms(route, true), 100);
	for (uint32_t i = 0; i < 64; i++)
		route_sample(route, 20000);
	assert_int_equal(route_patience_ms(route, false), 21);
	for (int i = 0; i < 1000; i++) {
		route_save(route);
		spent += route_spend(route);
	}
	assert_int_equal(spent, 50);
	for (int i = 0; i < 10000; i++)
		route_save(route);
	for (spent = 0; route_spend(route); spent++)
		;
	assert_in_range(spent, 1, 10);
	servers_finish(&servers);
}

/* Some do not even answer a question with a cookie; one that has sent cookies is only slow. */
static void form_that_is_answered(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 1);
	struct server *server = &route->servers[0];

	(void)state;
	server_unheard(route, 0);
	assert_int_equal(server_form(server, 1000), FORM_COOKIE);
	server_unheard(route, 0);
	assert_int_equal(server_form(server, 1000), FORM_EDNS);
	assert_true(server_formed(route, 0, FORM_EDNS, 1000));
	assert_int_equal(server_form(server, 1001), FORM_EDNS);
	assert_false(server_formed(route, 0, FORM_PLAIN, 2000));
	assert_int_equal(server_form(server, 2000), FORM_PLAIN);
	/* What it does not take today it may take tomorrow. */
	assert_int_equal(server_form(server, 2000 + 600000), FORM_COOKIE);
	servers_finish(&servers);
}

/* However long ago that was: whoever forges answers has time to wait. */
static void one_that_sent_cookies_is_asked_with_them_for_good(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 1);
	struct server *server = &route->servers[0];

	(void)state;
	cookie_learn(&server->cookie, (const uint8_t *)"sixteen octets..", 16);
	server_unheard(route, 0);
	server_unheard(route, 0);
	assert_int_equal(server_form(server, 1000), FORM_COOKIE);
	assert_int_equal(server_form(server, UINT64_MAX), FORM_COOKIE);
	/* Not even when it is said to take none. */
	(void)server_formed(route, 0, FORM_EDNS, 1000);
	assert_int_equal(server_form(server, 1001), FORM_COOKIE);
	/* A reload knows it as well. */
	route = route_of(&servers, 2);
	assert_int_equal(server_form(&route->servers[0], UINT64_MAX), FORM_COOKIE);
	servers_finish(&servers);
}

/* One packet may be lost, and one name slow. */
static void deaf_only_when_it_is_so_again(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 1);

	(void)state;
	cookie_learn(&route->servers[0].cookie, (const uint8_t *)"sixteen octets..", 16);
	assert_false(server_deaf(route, 0));
	(void)server_formed(route, 0, FORM_COOKIE, 1000);
	assert_false(server_deaf(route, 0));
	assert_true(server_deaf(route, 0));
	assert_true(server_deaf(route, 0));
	servers_finish(&servers);
}

/* Only those that were asked, with what is known of them. */
static void what_is_shown(void **state)
{
	struct servers servers = {0};
	struct server_route *route = route_of(&servers, 3);
	struct upstream_view view;
	uint64_t cursor = 0;

	(void)state;
	assert_false(servers_at(&servers, 5, &cursor, &view));
	route->servers[1].counts[UPSTREAM_ASKED] = 4;
	route->servers[2].counts[UPSTREAM_ASKED] = 2;
	server_good(route, 2, WAY_STREAM, 700);
	for (int i = 0; i < 3; i++)
		server_bad(route, 1, 5);
	cursor = 0;
	assert_true(servers_at(&servers, 105, &cursor, &view));
	assert_int_equal(view.at.addr.bytes[3], 2);
	assert_int_equal(view.counts[UPSTREAM_ASKED], 4);
	assert_int_equal(view.state, UPSTREAM_ASIDE);
	assert_int_equal(view.aside_ms, 900);
	route->servers[1].probed = true;
	assert_true(servers_at(&servers, 105, &cursor, &view));
	assert_int_equal(view.state, UPSTREAM_GOOD);
	assert_int_equal(view.tcp_us, 700);
	assert_int_equal(view.srtt_us, 0);
	assert_int_equal(view.aside_ms, 0);
	assert_false(servers_at(&servers, 105, &cursor, &view));
	cursor = 0;
	assert_true(servers_at(&servers, 105, &cursor, &view));
	assert_int_equal(view.state, UPSTREAM_PROBED);
	for (int i = 0; i < UPSTREAM_COUNTS; i++)
		assert_true(upstream_count_word((enum upstream_count)i)[0]);
	servers_finish(&servers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fastest_is_asked),
		cmocka_unit_test(now_and_then_another),
		cmocka_unit_test(every_server_has_its_turn),
		cmocka_unit_test(aside_and_back),
		cmocka_unit_test(dead_zone_is_asked_all_the_same),
		cmocka_unit_test(health_outlives_a_reload),
		cmocka_unit_test(counts_stay_with_their_zone),
		cmocka_unit_test(as_many_as_may_be),
		cmocka_unit_test(second_query_is_bounded),
		cmocka_unit_test(form_that_is_answered),
		cmocka_unit_test(one_that_sent_cookies_is_asked_with_them_for_good),
		cmocka_unit_test(deaf_only_when_it_is_so_again),
		cmocka_unit_test(what_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
