/*
 * Forward zones of a scene: everybody's, a sandbox's, a group's. Whose one is, is known by name until the
 * world is put together, so that sandboxes may be described behind their zones.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdio.h>
#include <string.h>

/* "corp.internal", "default", "box1/corp.internal" */
static void route_name(const struct scene *scene, size_t i, char buf[static SCENE_ROUTE_TEXT])
{
	const char *owner = scene->route_of[i];
	const size_t at = (size_t)sprintf(buf, "%s%s", owner, *owner ? "/" : "");

	ng_name_to_text(&scene->routes[i].zone, buf + at);
	if (strcmp(buf + at, ".") == 0)
		strcpy(buf + at, "default");
}

const char *route_text(const struct scene *scene, uint32_t id,
		       char buf[static SCENE_ROUTE_TEXT])
{
	strcpy(buf, "nowhere");
	for (size_t i = 0; i < scene->n_routes; i++) {
		if (scene->routes[i].id == id)
			route_name(scene, i, buf);
	}
	return buf;
}

/* By its zone or by the first label of it, behind the name of who has it alone. */
const struct ng_route *need_route(struct reader *reader)
{
	const struct scene *scene = reader->scene;
	const char *name = need_word(reader, "a forward zone");
	char text[SCENE_ROUTE_TEXT];

	for (size_t i = 0; i < scene->n_routes; i++) {
		size_t len = strlen(name);

		route_name(scene, i, text);
		if (strncmp(text, name, len) == 0 && (!text[len] || text[len] == '.'))
			return &scene->routes[i];
	}
	if (!scene->stopped) {
		reader->at--;
		word_bad(reader, "there is no forward zone `%s` here", name);
	}
	return NULL;
}

void opened_read(struct reader *reader, struct ng_prefix *opened, uint8_t *n)
{
	if (*n == NG_PRIVATE_MAX)
		word_bad(reader, "at most %u private ranges can be opened", NG_PRIVATE_MAX);
	else
		opened[(*n)++] = need_prefix(reader);
}

void route_read(struct scene *scene, struct reader *reader)
{
	struct ng_route *route;

	if (scene->n_routes == sizeof(scene->routes) / sizeof(scene->routes[0])) {
		word_bad(reader, "a scene has at most 15 forward zones beside `.`");
		return;
	}
	route = &scene->routes[scene->n_routes];
	*route = (struct ng_route){.id = ++scene->last_route, .zone = need_name(reader)};
	snprintf(scene->route_of[scene->n_routes++], sizeof(scene->route_of[0]), "%s",
		 word_accept(reader, "of") ? need_word(reader, "a sandbox or group") : "");
	while (word_accept(reader, "private") && !scene->stopped)
		opened_read(reader, route->opened, &route->n_opened);
	route->trust_ad = word_accept(reader, "trust-ad");
}

void route_end(struct scene *scene, struct reader *reader)
{
	const struct ng_route *route = need_route(reader);
	size_t i;

	if (!route)
		return;
	i = (size_t)(route - scene->routes);
	scene->n_routes--;
	memmove(&scene->routes[i], &scene->routes[i + 1],
		(scene->n_routes - i) * sizeof(scene->routes[0]));
	memmove(scene->route_of[i], scene->route_of[i + 1],
		(scene->n_routes - i) * sizeof(scene->route_of[0]));
}

/* A group is known by the first of the routes that it has. */
uint32_t route_group(const struct scene *scene, const char *name)
{
	for (size_t i = 0; *name && i < scene->n_routes; i++) {
		if (strcmp(scene->route_of[i], name) == 0)
			return scene->routes[i].id;
	}
	return 0;
}

/* Whose each route is, now that all sandboxes have their ids. */
void routes_own(struct scene *scene)
{
	for (size_t i = 0; i < scene->n_routes; i++) {
		const char *name = scene->route_of[i];
		const struct box *box = box_by_name(scene, name);

		scene->routes[i].sandbox = box ? box->spec.id : 0;
		scene->routes[i].group = box ? 0 : route_group(scene, name);
	}
}
