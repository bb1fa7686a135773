/*
 * Playing a scene: the walk over its lines. `at TIME INPUT -> CLAUSES` is one step: the engine is
 * woken at what falls due until TIME, the input is given, and everything that came out since the
 * step before is held against the clauses.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdlib.h>
#include <string.h>

static size_t arrow_of(const struct line *line)
{
	size_t i = 0;

	while (i < line->n && (line->words[i].quoted || strcmp(line->words[i].text, "->") != 0))
		i++;
	return i;
}

static void step(struct scene *scene, struct reader *reader)
{
	struct reader rest = *reader;
	uint64_t at_us;

	reader->end = rest.at = arrow_of(reader->line);
	at_us = need_time(reader);
	if (at_us < scene->now_us) {
		reader->at--;
		word_bad(reader, "time does not run backwards");
	}
	if (!scene->gate)
		world_begin(scene);
	scene->asked = NULL;
	if (!scene->stopped)
		input_advance(scene, at_us);
	if (!scene->stopped)
		input_run(scene, reader);
	if (!scene->stopped)
		expect_check(scene, &rest);
	seen_clear(scene);
}

static void statement(struct scene *scene, const struct line *line)
{
	struct reader reader = {.scene = scene, .line = line, .end = line->n};

	if (word_accept(&reader, "at"))
		step(scene, &reader);
	else if (scene->gate)
		word_bad(&reader,
			 "after the first `at`, the world changes at a time: write "
			 "`at TIME %s …`",
			 line->words[0].text);
	else
		world_declare(scene, &reader);
}

static void scene_finish(struct scene *scene)
{
	struct asker *asker, *next_asker;
	struct pending_ask *pending, *next_ask;

	seen_clear(scene);
	promises_finish(scene);
	fed_finish(scene);
	kernel_finish(scene);
	world_finish(scene);
	DL_FOREACH_SAFE (scene->askers, asker, next_asker) {
		asker_free(asker);
	}
	DL_FOREACH_SAFE (scene->asks, pending, next_ask) {
		free(pending);
	}
	scene_unload(scene);
}

enum scene_outcome scene_play(const char *path, FILE *report, FILE *trace, char **title)
{
	struct scene *scene = scene_alloc(sizeof(*scene));
	enum scene_outcome outcome;

	scene->path = path;
	scene->report = report;
	scene->trace = trace;
	if (scene_load(scene)) {
		while (scene->next < scene->n_lines && !scene->stopped) {
			const struct line *line = &scene->lines[scene->next++];

			if (line->n)
				statement(scene, line);
		}
		if (!scene->n_checks)
			scene_stop(scene, SCENE_UNUSABLE, NULL, 0,
				   "tests nothing: no line says what is expected; write `at "
				   "TIME INPUT -> WHAT COMES`");
		if (scene->gathering)
			scene_stop(scene, SCENE_UNUSABLE, NULL, 0,
				   "what was gathered after `begin` never takes effect; write "
				   "`at TIME apply`");
		if (!scene->stopped)
			scene->outcome = SCENE_PASSED;
	}
	outcome = scene->outcome;
	*title = scene->title;
	scene_finish(scene);
	free(scene);
	return outcome;
}
