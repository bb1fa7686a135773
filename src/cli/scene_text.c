/*
 * The text of a scene: lines, split into words that know their column, and what is said when
 * something is wrong with one. A word is anything between blanks; quotes keep blanks together; a
 * `#` at the beginning of a word starts a comment; `;` stands alone.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20)

void *scene_alloc(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	if (!memory) {
		fputs("namegate: out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

char *scene_copy(const char *text, size_t len)
{
	char *copy = scene_alloc(len + 1);

	memcpy(copy, text, len);
	return copy;
}

char *scene_format(const char *format, ...)
{
	char *text = NULL;
	va_list list;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		text = scene_alloc(1);
	va_end(list);
	return text;
}

static void show_line(FILE *out, const struct line *line, uint32_t column)
{
	fprintf(out, "    %s\n    ", line->raw);
	for (uint32_t i = 1; i < column && line->raw[i - 1]; i++)
		fputc(line->raw[i - 1] == '\t' ? '\t' : ' ', out);
	fputs("^\n", out);
}

void scene_stop(struct scene *scene, enum scene_outcome outcome, const struct line *line,
		uint32_t column, const char *format, ...)
{
	va_list list;

	if (scene->stopped)
		return;
	scene->stopped = true;
	scene->outcome = outcome;
	fputs(scene->path, scene->report);
	if (line)
		fprintf(scene->report, ":%u:%u", line->number, column);
	fputs(": ", scene->report);
	va_start(list, format);
	vfprintf(scene->report, format, list);
	va_end(list);
	fputc('\n', scene->report);
	if (line)
		show_line(scene->report, line, column);
}

/* ---- reading ---- */

static char *file_read(struct scene *scene)
{
	FILE *file = strcmp(scene->path, "-") == 0 ? stdin : fopen(scene->path, "re");
	char *text;
	size_t len;

	if (!file) {
		scene_stop(scene, SCENE_UNUSABLE, NULL, 0, "cannot be opened: %s",
			   strerror(errno));
		return NULL;
	}
	text = scene_alloc(FILE_MAX + 1);
	len = fread(text, 1, FILE_MAX, file);
	if (ferror(file))
		scene_stop(scene, SCENE_UNUSABLE, NULL, 0, "cannot be read: %s",
			   strerror(errno));
	else if (len == FILE_MAX)
		scene_stop(scene, SCENE_UNUSABLE, NULL, 0, "is larger than %u octets",
			   FILE_MAX);
	else if (memchr(text, 0, len))
		scene_stop(scene, SCENE_UNUSABLE, NULL, 0, "holds a NUL octet: it is no text");
	if (file != stdin)
		fclose(file);
	return text;
}

static const char *word_end(const char *at, bool quoted)
{
	if (quoted)
		return at + strcspn(at, "\"");
	return *at == ';' ? at + 1 : at + strcspn(at, " \t\r;");
}

static void line_split(struct line *line)
{
	const char *at = line->raw + strspn(line->raw, " \t\r");
	size_t room = 0;

	while (*at && *at != '#') {
		bool quoted = *at == '"';
		const char *begin = quoted ? at + 1 : at, *end = word_end(begin, quoted);

		if (line->n == room) {
			struct word *words = scene_alloc((room + 16) * sizeof(*words));

			if (room)
				memcpy(words, line->words, room * sizeof(*words));
			free(line->words);
			line->words = words;
			room += 16;
		}
		line->words[line->n++] = (struct word){
			.text = scene_copy(begin, (size_t)(end - begin)),
			.column = (uint32_t)(at - line->raw) + 1,
			.quoted = quoted,
		};
		at = quoted && *end ? end + 1 : end;
		at += strspn(at, " \t\r");
	}
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void title_take(struct scene *scene, const char *raw)
{
	const char *at = raw + strspn(raw, "# \t");

	if (!scene->title && raw[0] == '#' && *at)
		scene->title = scene_copy(at, strcspn(at, "\r"));
}

bool scene_load(struct scene *scene)
{
	char *text = file_read(scene), *at = text;

	if (scene->stopped) {
		free(text);
		return false;
	}
	scene->n_lines = count_lines(text);
	scene->lines = scene_alloc(scene->n_lines * sizeof(*scene->lines));
	for (size_t i = 0; i < scene->n_lines; i++) {
		struct line *line = &scene->lines[i];
		size_t len = strcspn(at, "\n");

		line->number = (uint32_t)i + 1;
		line->raw = scene_copy(at, len);
		line_split(line);
		title_take(scene, line->raw);
		at += len + (at[len] == '\n');
	}
	free(text);
	return true;
}

void scene_unload(struct scene *scene)
{
	for (size_t i = 0; i < scene->n_lines; i++) {
		for (size_t j = 0; j < scene->lines[i].n; j++)
			free(scene->lines[i].words[j].text);
		free(scene->lines[i].words);
		free(scene->lines[i].raw);
	}
	free(scene->lines);
}

char *scene_block(struct scene *scene, const struct line *opener)
{
	size_t first = scene->next, indent, len = 0;
	FILE *out;
	char *text = NULL;

	if (first >= scene->n_lines)
		goto open_end;
	out = open_memstream(&text, &len);
	if (!out)
		return scene_alloc(1);
	indent = strspn(scene->lines[first].raw, " \t");
	for (; scene->next < scene->n_lines; scene->next++) {
		const struct line *line = &scene->lines[scene->next];
		size_t blank = strspn(line->raw, " \t");

		if (line->n == 1 && strcmp(line->words[0].text, "end") == 0)
			break;
		fprintf(out, "%s\n", line->raw + (blank < indent ? blank : indent));
	}
	fclose(out);
	if (scene->next++ < scene->n_lines)
		return text;
	free(text);
open_end:
	scene_stop(scene, SCENE_UNUSABLE, opener, 1, "the text below has no line `end`");
	return scene_alloc(1);
}
