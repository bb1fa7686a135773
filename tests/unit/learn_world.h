/* Somebody who learns from observations that a test makes, and the list that comes of them. */
#pragma once

#include "unit.h"

#include "offline/learn_list.h"

#include <netinet/in.h>

#define START_US 1700000000000000u

static const char hosting_text[] = "pages.test\ncloud.test\nblob.core.cloud.test\n";

struct world {
	struct learn *learn;
	struct ng_lint_hosting *hosting;
	struct learn_wish wish;
	struct learn_list list;
	uint64_t now_us;
	const char *client, *sandbox;
	struct ng_image image;
	struct ng_ruleset *ruleset;
};

static inline void begin(struct world *world)
{
	*world = (struct world){.now_us = START_US, .client = "10.77.1.2"};
	assert_int_equal(learn_create(NULL, NULL, &world->learn), NG_OK);
	assert_int_equal(
		ng_lint_hosting_create(hosting_text, strlen(hosting_text), &world->hosting),
		NG_OK);
	world->wish = (struct learn_wish){
		.learn = world->learn, .wildcard = 3, .hosting = world->hosting};
}

static inline void forget(struct world *world)
{
	learn_list_finish(&world->list);
	ng_ruleset_close(world->ruleset);
	ng_image_finish(&world->image);
	world->ruleset = NULL;
	world->image = (struct ng_image){0};
}

static inline void finish(struct world *world)
{
	forget(world);
	learn_destroy(world->learn);
	ng_lint_hosting_destroy(world->hosting);
}

/* ---- what is observed ---- */

static inline struct ng_addr addr_of(const char *text)
{
	struct ng_addr addr = {0};
	if (text != NULL && ng_addr_parse(text, &addr) != NG_OK)
		fail_msg("%s is no address", text);
	return addr;
}

static inline struct ng_name name_of(const char *text)
{
	struct ng_name name;
	if (ng_name_from_text(text, strlen(text), &name) != NG_OK)
		fail_msg("%s is no name", text);
	return name;
}

static inline void see(struct world *world, struct traffic_observation *seen)
{
	seen->wall_us = world->now_us;
	seen->client = addr_of(world->client);
	seen->sandbox = world->sandbox;
	learn_take(world->learn, seen);
}

static inline void see_name(struct world *world, const struct ng_name *name, uint16_t type,
			    enum traffic_fate fate, const char *addr, const char *denied_by)
{
	struct traffic_address given = {addr_of(addr), 60};
	struct traffic_observation seen = {
		.kind = TRAFFIC_RESPONSE,
		.name = name,
		.type = type,
		.fate = fate,
		.addrs = &given,
		.n_addrs = addr != NULL,
		.denied_by = denied_by,
		.proto = world->sandbox == NULL ? IPPROTO_UDP : 0,
	};
	see(world, &seen);
}

/* ---- what is proposed ---- */

static inline const char *lines_of(const struct learn_list *list)
{
	static char text[65536];
	char line[LEARN_LINE_TEXT];
	size_t at = 0;
	text[0] = '\0';
	for (size_t i = 0; i < list->n_lines; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\n",
				       learn_line_text(list, &list->lines[i], line));
	return text;
}

static inline void propose(struct world *world)
{
	forget(world);
	assert_int_equal(learn_end(world->learn), NG_OK);
	assert_int_equal(learn_list_make(&world->wish, &world->list), NG_OK);
}
