/* Which forward zone a name belongs to: held against looking at all of them, one after the other. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "gate/engine.h"
#include <stdio.h>
#include <stdlib.h>

#define ZONES        NG_ROUTES_MAX
#define ROUNDS       40
#define NAMES        300
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t dice = 88172645463325252; /* xorshift: the same ones each time */

static uint32_t below(uint32_t n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)((dice >> 16) % n);
}

/* Of few labels, so that zones lie in one another and names come upon them. */
static struct ng_name name_make(uint32_t labels, bool upper)
{
	static const char *const words[] = {"a", "b", "ab", "corp", "a-rather-long-label"};
	char text[128] = "";
	struct ng_name name;
	size_t len = 0;

	for (uint32_t i = 0; i < labels; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s.",
					words[below(COUNT(words))]);
	if (!labels)
		text[len++] = '.';
	assert_int_equal(ng_name_from_text(text, len, &name), NG_OK);
	for (size_t i = 0; upper && i < name.len; i++)
		if (name.wire[i] == 'a')
			name.wire[i] = 'A';
	return name;
}

static bool known(const struct ng_route *routes, size_t n, const struct ng_route *route)
{
	for (size_t i = 0; i < n; i++)
		if (routes[i].sandbox == route->sandbox && routes[i].group == route->group &&
		    ng_name_equal(&routes[i].zone, &route->zone))
			return true;
	return false;
}

static size_t routes_make(struct ng_route *routes, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < most; i++) {
		const uint32_t place = below(4);
		const struct ng_route route = {
			.id = (uint32_t)(7 + i * (1 + below(5))),
			.origin = dice,
			.sandbox = place == 0 ? 1 + below(3) : 0,
			.group = place == 1 ? 1 + below(3) : 0,
			.zone = name_make(below(5), below(2)),
		};
		bool twice = known(routes, n, &route);

		for (size_t j = 0; j < n && !twice; j++)
			twice = routes[j].id == route.id;
		if (!twice)
			routes[n++] = route;
	}
	return n;
}

/* The closest place first, and there the zone with the most labels. */
static uint32_t expected(const struct ng_route *routes, size_t n, const struct ng_sandbox *spec,
			 const struct ng_name *name)
{
	for (int place = 0; place < 3; place++) {
		const struct ng_route *best = NULL;

		for (size_t i = 0; i < n; i++) {
			const struct ng_route *at = &routes[i];
			const bool here = place == 0   ? at->sandbox == spec->id
					  : place == 1 ? spec->group && at->group == spec->group
						       : !at->sandbox && !at->group;

			if (here && ng_name_within(name, &at->zone) &&
			    (!best || at->zone.len > best->zone.len))
				best = at;
		}
		if (best)
			return best->id;
	}
	return 0;
}

static void names_check(const struct route *routes, const struct ng_route *given, size_t n)
{
	for (int i = 0; i < NAMES; i++) {
		struct sandbox sandbox = {.spec = {.id = 1 + below(4), .group = below(4)}};
		const struct ng_name name = name_make(below(6), false);
		const struct route *found;

		routes_bind(routes, n, &sandbox);
		found = route_of(&sandbox, &name);
		assert_int_equal(found ? found->spec.id : 0,
				 expected(given, n, &sandbox.spec, &name));
	}
}

static void the_right_one_is_found(void **state)
{
	static struct ng_route given[200];

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		const size_t n = routes_make(given, round * 5);
		const struct ng_generation generation = {.routes = given, .n_routes = n};
		struct ng_gate gate = {.n_routes = n};

		assert_int_equal(routes_build(&generation, &gate.routes), NG_OK);
		names_check(gate.routes, given, n);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(route_by_id(&gate, given[i].id)->spec.id, given[i].id);
			assert_int_equal(route_by_origin(&gate, given[i].origin)->spec.id,
					 given[i].id);
		}
		assert_null(route_by_id(&gate, 3));
		assert_null(route_by_origin(&gate, 3));
		free(gate.routes);
	}
}

static void no_two_have_one_id(void **state)
{
	struct ng_route given[] = {
		{.id = 4, .zone = {.len = 1}}, {.id = 9, .group = 1}, {.id = 4, .sandbox = 1}};
	const struct ng_generation generation = {.routes = given, .n_routes = COUNT(given)};
	struct route *routes;

	(void)state;
	given[1].zone = given[2].zone = name_make(2, false);
	assert_int_equal(routes_build(&generation, &routes), NG_E_RANGE);
	given[2].id = 5;
	assert_int_equal(routes_build(&generation, &routes), NG_OK);
	free(routes);
}

/* As the daemon numbers them, none shares its place in the table with another. */
static void of_thousands_none_is_in_the_way(void **state)
{
	struct ng_route *given = calloc(ZONES, sizeof(*given));
	const struct ng_generation generation = {.routes = given, .n_routes = ZONES};
	struct ng_gate gate = {.n_routes = ZONES};
	struct sandbox sandbox = {.spec = {.id = 1}};
	size_t longest = 0;

	(void)state;
	for (uint32_t i = 0; i < ZONES; i++) {
		char text[32];
		const int len = snprintf(text, sizeof(text), "z%u.corp", i);

		given[i].id = i + 1;
		assert_int_equal(ng_name_from_text(text, (size_t)len, &given[i].zone), NG_OK);
	}
	assert_int_equal(routes_build(&generation, &gate.routes), NG_OK);
	routes_bind(gate.routes, ZONES, &sandbox);
	for (uint32_t i = 0; i < ZONES; i++) {
		const struct route *route = &gate.routes[i];
		size_t chain = 1;

		assert_int_equal(route->by[ROUTE_ID].next, 0);
		assert_ptr_equal(route_of(&sandbox, &route->spec.zone), route);
		for (; route->by[ROUTE_ZONE].next; chain++)
			route = &gate.routes[route->by[ROUTE_ZONE].next - 1];
		longest = chain > longest ? chain : longest;
	}
	assert_in_range(longest, 1, 12);
	free(gate.routes);
	free(given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_one_is_found),
		cmocka_unit_test(no_two_have_one_id),
		cmocka_unit_test(of_thousands_none_is_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
