/*
 * A policy source on disk. Each file is read whole, once, and must be a file: a source that cannot
 * be read is never an empty source. What a list includes is read with it, in the order in which the
 * compiler will come to it; a list that was read already, or that includes itself, is handed in
 * without its text, for the compiler to pass over or to refuse.
 */
#include "config.h"

#include "conf/sources.h"

#include "base/hash.h"
#include "conf/files.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PRESET    "preset:"
#define ZONE      "zone:"
#define FILES_MAX 256 /* of one source */

struct reading {
	struct ng_diags *diags;
	const char *base_dir;
	char *presets;               /* base_dir, when it is ours */
	const char *seen[FILES_MAX]; /* paths as shown; owned by the sources */
	size_t n_seen;
};

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool source_is_path(const char *name)
{
	return !begins(name, PRESET) && !begins(name, ZONE);
}

static void source_finish(struct ng_source *source)
{
	struct ng_source *includes = (struct ng_source *)(uintptr_t)source->includes;
	for (size_t i = 0; i < source->n_includes; i++)
		source_finish(&includes[i]);
	free(includes);
	free((char *)(uintptr_t)source->path);
	free((char *)(uintptr_t)source->text);
}

/* ---- one text ---- */

static int read_text(struct reading *reading, struct ng_source *source, const char *disk)
{
	struct ng_place place = {source->path, 0, 0};
	char *text;
	int code =
		file_read(disk, SOURCE_SIZE_MAX, &place, reading->diags, &text, &source->len);
	if (code != NG_OK)
		return code;
	source->text = text;
	source->format = ng_source_sniff(text, source->len);
	if (memchr(text, '\0', source->len) == NULL)
		return NG_OK;
	ng_diag_add(reading->diags, NG_ERROR, &place, "source-nul", "give a text file",
		    "the source has a NUL octet, so it is no text");
	return NG_E_SYNTAX;
}

/* ---- included lists ---- */

static int read_includes(struct reading *reading, struct ng_source *source, size_t depth);

static bool seen(const struct reading *reading, const char *path)
{
	for (size_t i = 0; i < reading->n_seen; i++) {
		if (strcmp(reading->seen[i], path) == 0)
			return true;
	}
	return false;
}

/* An included path as it is shown: beside the list that includes it. */
static char *shown_beside(const char *path, const char *lister)
{
	if (file_prefix(lister) == 0 && strchr(lister, '/') == NULL)
		return strdup(path);
	char *folder = file_folder(lister);
	char *whole = folder != NULL ? file_beside(path, folder) : NULL;
	free(folder);
	return whole;
}

static int read_included(struct reading *reading, struct ng_source *source,
			 const struct ng_place *line, size_t depth)
{
	source->format = NG_FORMAT_LIST;
	if (seen(reading, source->path) || reading->n_seen == FILES_MAX ||
	    depth > NG_INCLUDE_DEPTH + 1)
		return NG_OK; /* the compiler says what is to be said */
	reading->seen[reading->n_seen++] = source->path;
	char *disk = file_beside(source->path, reading->base_dir);
	if (disk == NULL)
		return NG_E_NOMEM;
	int code = read_text(reading, source, disk);
	free(disk);
	if (code == NG_OK)
		return read_includes(reading, source, depth);
	ng_diag_add(reading->diags, NG_ERROR, line, "list-include",
		    "check the path, which is read beside this list", "%s cannot be included",
		    source->path);
	return code;
}

static int add_include(struct ng_source *source, const char *path, struct ng_source **out)
{
	struct ng_source *grown = realloc((void *)(uintptr_t)source->includes,
					  (source->n_includes + 1) * sizeof(*grown));
	if (grown == NULL)
		return NG_E_NOMEM;
	source->includes = grown;
	grown[source->n_includes] =
		(struct ng_source){.path = shown_beside(path, source->path)};
	*out = &grown[source->n_includes];
	if ((*out)->path == NULL)
		return NG_E_NOMEM;
	source->n_includes++;
	return NG_OK;
}

static int read_includes(struct reading *reading, struct ng_source *source, size_t depth)
{
	char path[NG_PATH_MAX];
	struct ng_place line = {.path = source->path};
	int worst = NG_OK;
	for (size_t cursor = 0;
	     source->format == NG_FORMAT_LIST &&
	     ng_source_includes(source->text, source->len, &cursor, path, &line);) {
		struct ng_source *include;
		int code = add_include(source, path, &include);
		if (code == NG_OK)
			code = read_included(reading, include, &line, depth + 1);
		worst = code != NG_OK ? code : worst;
		if (code == NG_E_NOMEM)
			break;
	}
	return worst;
}

/* ---- what a name stands for ---- */

static int refuse(struct ng_diags *diags, const char *name, const char *code,
		  const char *suggestion, const char *reason, const char *what)
{
	struct ng_place place = {name, 0, 0};
	ng_diag_add(diags, NG_ERROR, &place, code, suggestion, "%s %s", reason, what);
	return NG_E_SYNTAX;
}

/*
 * Where presets stand: where the environment says, where they were installed, or, for a program that
 * runs from its build, in the source beside the build. The last is as much ours as the program is.
 */
static char *preset_folder(const char *word)
{
	const char *given = getenv(SOURCE_PRESETS_ENV);
	char program[PATH_MAX], *beside = NULL;
	if (given != NULL && given[0] != '\0')
		return strdup(given);
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	program[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(program, '/'), *file = NULL;
	if (slash != NULL)
		*slash = '\0';
	if (slash != NULL && asprintf(&beside, "%s/../zones", program) < 0)
		return NULL;
	if (asprintf(&file, SOURCE_PRESETS "/%s.list", word) < 0)
		file = NULL;
	bool installed = beside == NULL || (file != NULL && access(file, F_OK) == 0) ||
			 access(beside, F_OK) != 0;
	free(file);
	if (!installed)
		return beside;
	free(beside);
	return strdup(SOURCE_PRESETS);
}

/* The folder of presets becomes the base of what they include. */
static int find_preset(struct reading *reading, const char *name, char **disk)
{
	const char *word = name + strlen(PRESET);
	size_t n = strlen(word);
	char *path = NULL;
	if (n == 0 || strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return refuse(reading->diags, name, "preset-name",
			      "see namegate-presets(7) for those that ship",
			      "no preset has such a name:", word);
	reading->base_dir = reading->presets = preset_folder(word);
	if (reading->presets == NULL ||
	    asprintf(&path, "%s/%s.list", reading->presets, word) < 0)
		return NG_E_NOMEM;
	if (access(path, F_OK) == 0) {
		*disk = path;
		return NG_OK;
	}
	free(path);
	return refuse(reading->diags, name, "preset-name",
		      "see namegate-presets(7) for those that ship; " SOURCE_PRESETS_ENV
		      " names another folder",
		      "no such preset in", reading->presets);
}

static int find_zone(struct reading *reading, const char *name, const struct conf *conf,
		     struct ng_source *source, char **disk)
{
	const char *word = name + strlen(ZONE);
	for (size_t i = 0; conf != NULL && i < conf->n_zones; i++) {
		const struct conf_zone *zone = &conf->zones[i];
		if (strcmp(zone->name, word) != 0)
			continue;
		source->path = strdup(zone->file);
		source->format = NG_FORMAT_RPZ;
		source->origin = zone->origin;
		source->override = zone->override;
		source->override_target = zone->cname;
		*disk = file_beside(zone->file, reading->base_dir);
		return source->path == NULL || *disk == NULL ? NG_E_NOMEM : NG_OK;
	}
	return refuse(reading->diags, name, "zone-unknown",
		      "add zone \"NAME\" { file = \"...\" } to the configuration",
		      "the configuration has no zone", word);
}

static int find_source(struct reading *reading, const char *name, const struct conf *conf,
		       struct ng_source *source, char **disk)
{
	if (begins(name, ZONE))
		return find_zone(reading, name, conf, source, disk);
	source->path = strdup(name);
	if (source->path == NULL)
		return NG_E_NOMEM;
	if (begins(name, PRESET))
		return find_preset(reading, name, disk);
	*disk = file_beside(name, reading->base_dir);
	return *disk == NULL ? NG_E_NOMEM : NG_OK;
}

/* A zone section is about a zone, whatever its file looks like at its beginning. */
static int read_source(struct reading *reading, struct ng_source *source, const char *disk)
{
	bool zone = source->format == NG_FORMAT_RPZ;
	int code = read_text(reading, source, disk);
	if (zone)
		source->format = NG_FORMAT_RPZ;
	reading->seen[reading->n_seen++] = source->path;
	return code == NG_OK ? read_includes(reading, source, 1) : code;
}

/* ---- what was read ---- */

const struct source_text *source_texts_find(const struct source_texts *texts, const char *path)
{
	for (size_t i = 0; i < texts->n; i++) {
		if (strcmp(texts->items[i].path, path) == 0)
			return &texts->items[i];
	}
	return NULL;
}

void source_texts_finish(struct source_texts *texts)
{
	if (texts == NULL)
		return;
	free(texts->items);
	*texts = (struct source_texts){0};
}

static int note_text(struct source_texts *texts, const struct ng_source *source)
{
	struct source_text *more;
	if (source->path == NULL || source_texts_find(texts, source->path) != NULL)
		return NG_OK; /* an included list is read once */
	more = realloc(texts->items, (texts->n + 1) * sizeof(*more));
	if (more == NULL)
		return NG_E_NOMEM;
	texts->items = more;
	more += texts->n++;
	*more = (struct source_text){.unread = source->text == NULL};
	snprintf(more->path, sizeof(more->path), "%s", source->path);
	if (source->text != NULL)
		more->digest = hash_octets(source->text, source->len, 0);
	return NG_OK;
}

static int note_texts(struct source_texts *texts, const struct ng_source *source)
{
	int code = note_text(texts, source);
	for (size_t i = 0; i < source->n_includes && code == NG_OK; i++)
		code = note_texts(texts, &source->includes[i]);
	return code;
}

/* ---- the whole ---- */

static int compile(const char *name, const char *base_dir, const struct conf *conf,
		   uint64_t now_s, struct ng_diags *diags, struct source_texts *texts,
		   struct ng_image *out)
{
	struct ng_source source = {.now_s = now_s};
	struct reading reading = {.diags = diags, .base_dir = base_dir};
	char *disk = NULL;
	if (base_dir == NULL && conf != NULL)
		reading.base_dir = conf->folder;
	int code = find_source(&reading, name, conf, &source, &disk);
	if (code == NG_OK)
		code = read_source(&reading, &source, disk);
	int noted = texts != NULL ? note_texts(texts, &source) : NG_OK;
	if (code == NG_OK)
		code = noted;
	if (code == NG_OK)
		code = ng_compile(&source, diags, out);
	source_finish(&source);
	free(disk);
	free(reading.presets);
	return code;
}

int source_compile(const char *name, const char *base_dir, const struct conf *conf,
		   struct ng_diags *diags, struct ng_image *out)
{
	return compile(name, base_dir, conf, (uint64_t)time(NULL), diags, NULL, out);
}

int source_compile_at(const char *name, const char *base_dir, const struct conf *conf,
		      uint64_t now_s, struct ng_diags *diags, struct ng_image *out)
{
	return compile(name, base_dir, conf, now_s, diags, NULL, out);
}

int source_compile_noting(const char *name, const char *base_dir, const struct conf *conf,
			  struct ng_diags *diags, struct source_texts *texts,
			  struct ng_image *out)
{
	return compile(name, base_dir, conf, (uint64_t)time(NULL), diags, texts, out);
}
