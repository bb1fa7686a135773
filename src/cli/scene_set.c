/*
 * The clause that says all of what stands in the kernel's set for a sandbox: each element with
 * its port, its client and the time that it has left, and nothing beside them. Held against a set
 * that was read from a real kernel it needs some room in its times, and so around its ends.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdlib.h>
#include <string.h>

struct stood { /* one element that the clause names */
	struct ng_addr addr, client;
	struct ng_port port;
	uint64_t left_us;
	bool timed, found;
};

struct stood_all {
	struct stood *items;
	size_t n, room;
	uint64_t within_us;
};

static struct stood *stood_add(struct stood_all *all)
{
	if (all->n == all->room) {
		size_t room = all->room ? 2 * all->room : 16;
		struct stood *wider = scene_alloc(room * sizeof(*wider));

		if (all->n)
			memcpy(wider, all->items, all->n * sizeof(*wider));
		free(all->items);
		all->items = wider;
		all->room = room;
	}
	return &all->items[all->n++];
}

static void stood_read(struct reader *reader, struct stood_all *all)
{
	struct stood *stood = stood_add(all);

	stood->addr = need_addr(reader);
	stood->port = accept_port(reader);
	if (word_accept(reader, "client"))
		stood->client = need_addr(reader);
	if (word_accept(reader, "for")) {
		stood->timed = true;
		stood->left_us = need_time(reader);
	}
}

static bool same_element(const struct stood *stood, const struct element *element)
{
	return ng_addr_equal(&stood->addr, &element->addr) &&
	       ng_addr_equal(&stood->client, &element->client) &&
	       stood->port.proto == element->port.proto &&
	       stood->port.port == element->port.port;
}

static struct stood *stood_for(const struct stood_all *all, const struct element *element)
{
	for (size_t i = 0; i < all->n; i++) {
		if (!all->items[i].found && same_element(&all->items[i], element))
			return &all->items[i];
	}
	return NULL;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* Says which element it is about; the place is the clause. */
static void unlike(struct reader *reader, uint32_t column, const struct element *element,
		   const char *what)
{
	char addr[NG_ADDR_TEXT], port[16], until[32];

	scene_stop(reader->scene, SCENE_FAILED, reader->line, column,
		   "in the kernel's set %s%s until %s %s", ng_addr_format(&element->addr, addr),
		   port_text(element->port, port), time_text(element->until_us, until), what);
}

static void element_check(struct reader *reader, uint32_t column, struct stood_all *all,
			  const struct element *element)
{
	uint64_t left_us = element->until_us - reader->scene->now_us;
	struct stood *stood = stood_for(all, element);
	char text[32], what[64];

	if (!stood && left_us > all->within_us) {
		unlike(reader, column, element, "stands, and is not named");
	} else if (stood) {
		stood->found = true;
		if (!stood->timed || apart(left_us, stood->left_us) <= all->within_us)
			return;
		snprintf(what, sizeof(what), "has %s left", time_text(left_us, text));
		unlike(reader, column, element, what);
	}
}

/* Was it revoked so shortly before that it may still be seen? */
static bool just_revoked(const struct scene *scene, const struct box *box,
			 const struct stood *stood, uint64_t within_us)
{
	const struct element *element;

	DL_FOREACH (scene->elements, element) {
		if (element->revoked && element->sandbox == box->spec.id &&
		    same_element(stood, element) &&
		    scene->now_us - element->until_us < within_us)
			return true;
	}
	return false;
}

/* Named, and not there: unless its end was so near that it may have gone, or may still be seen. */
static void rest_check(struct reader *reader, uint32_t column, const struct stood_all *all,
		       const struct box *box)
{
	char addr[NG_ADDR_TEXT], port[16];

	for (size_t i = 0; i < all->n; i++) {
		const struct stood *stood = &all->items[i];

		if (stood->found || (stood->timed && stood->left_us <= all->within_us) ||
		    just_revoked(reader->scene, box, stood, all->within_us))
			continue;
		scene_stop(reader->scene, SCENE_FAILED, reader->line, column,
			   "in the kernel's set %s%s does not stand",
			   ng_addr_format(&stood->addr, addr), port_text(stood->port, port));
	}
}

void clause_set(struct reader *reader)
{
	struct scene *scene = reader->scene;
	uint32_t column = word_column(reader);
	const struct box *box = need_box(reader);
	const struct element *element;
	struct stood_all all = {0};

	while (word_peek(reader) && !scene->stopped) {
		if (word_accept(reader, "within"))
			all.within_us = need_time(reader);
		else
			stood_read(reader, &all);
	}
	DL_FOREACH (scene->elements, element) {
		if (box && !scene->stopped && element->sandbox == box->spec.id &&
		    element->until_us > scene->now_us)
			element_check(reader, column, &all, element);
	}
	if (!scene->stopped)
		rest_check(reader, column, &all, box);
	free(all.items);
}
