/*
 * Questions written by hand or by a script, one line for each name:
 *
 *     FROM[-TO/STEP] NAME [TYPE,...]       seconds since the section began, with up to six digits behind a dot
 *
 * Without a type it is A. [NAME] begins a section, which is that sandbox's where there is one of that name, when
 * the section before has ended. A line that cannot be read ends the reading: who wrote it can mend it.
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include <stdlib.h>
#include <string.h>

#define LINE_ROOM     1024
#define SECTION_ROOM  64
#define TYPES_MAX     16
#define QUESTIONS_MAX (1u << 20) /* of one section */
#define SECOND_US     UINT64_C(1000000)
#define SECONDS_MAX   UINT64_C(31622400) /* a year */

struct asking {
	uint64_t at_us;
	uint32_t order, name; /* of names */
	uint16_t type;
};

struct names {
	struct traffic *traffic;
	const char *path;
	uint32_t line;
	char section[SECTION_ROOM];
	struct ng_name *names;
	struct asking *askings;
	size_t n_names, room_names, n, room;
};

/* ---- a line ---- */

/* Seconds as microseconds; false when it is no such number. */
static bool seconds_take(const char **at, uint64_t *out)
{
	uint64_t whole = 0, part = 0, digit = SECOND_US;
	const char *text = *at;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9' && whole <= SECONDS_MAX; text++)
		whole = 10 * whole + (uint64_t)(*text - '0');
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9' && digit > 1; text++)
			part += (uint64_t)(*text - '0') * (digit /= 10);
	*at = text;
	*out = whole * SECOND_US + part;
	return whole <= SECONDS_MAX;
}

struct times {
	uint64_t from_us, to_us, step_us;
};

static bool times_take(const char *text, struct times *out)
{
	if (!seconds_take(&text, &out->from_us))
		return false;
	out->to_us = out->from_us;
	out->step_us = SECOND_US;
	if (!*text)
		return true;
	return *text++ == '-' && seconds_take(&text, &out->to_us) && *text++ == '/' &&
	       seconds_take(&text, &out->step_us) && !*text && out->step_us &&
	       out->to_us >= out->from_us;
}

static size_t types_take(char *text, uint16_t out[static TYPES_MAX])
{
	size_t n = 0;
	char *rest = NULL;

	if (!text) {
		out[0] = NG_TYPE_A;
		return 1;
	}
	for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (n == TYPES_MAX || ng_type_parse(word, &out[n]) != NG_OK)
			return 0;
		n++;
	}
	return n;
}

static bool asking_add(struct names *names, uint64_t at_us, uint16_t type)
{
	struct asking *more = names->askings;

	if (names->n == names->room) {
		names->room = names->room ? 2 * names->room : 1024;
		more = realloc(more, names->room * sizeof(*more));
		if (!more)
			return false;
		names->askings = more;
	}
	names->askings[names->n] = (struct asking){.at_us = at_us,
						   .order = (uint32_t)names->n,
						   .name = (uint32_t)names->n_names,
						   .type = type};
	names->n++;
	return true;
}

static bool name_add(struct names *names, const struct ng_name *name)
{
	struct ng_name *more = names->names;

	if (names->n_names == names->room_names) {
		names->room_names = names->room_names ? 2 * names->room_names : 256;
		more = realloc(more, names->room_names * sizeof(*more));
		if (!more)
			return false;
		names->names = more;
	}
	names->names[names->n_names++] = *name;
	return true;
}

/* What is wrong with the line; NULL: nothing. */
static const char *question_take(struct names *names, char *line)
{
	char *rest = NULL, *when = strtok_r(line, " \t", &rest);
	char *text = strtok_r(NULL, " \t", &rest), *kinds = strtok_r(NULL, " \t", &rest);
	uint16_t types[TYPES_MAX];
	struct times times;
	struct ng_name name;
	size_t n;

	if (!times_take(when, &times))
		return "the seconds cannot be read";
	if (!text || ng_name_from_text(text, strlen(text), &name) != NG_OK)
		return "there is no name that could be asked for";
	n = types_take(kinds, types);
	if (!n || strtok_r(NULL, " \t", &rest))
		return "the types cannot be read";
	if ((times.to_us - times.from_us) / times.step_us >= (QUESTIONS_MAX - names->n) / n)
		return "these are too many questions for one section";
	ng_name_lower(&name);
	for (uint64_t at_us = times.from_us; at_us <= times.to_us; at_us += times.step_us)
		for (size_t i = 0; i < n; i++)
			if (!asking_add(names, at_us, types[i]))
				return "memory is out";
	return name_add(names, &name) ? NULL : "memory is out";
}

/* ---- a section ---- */

static int by_time(const void *a, const void *b)
{
	const struct asking *one = a, *other = b;

	if (one->at_us != other->at_us)
		return one->at_us < other->at_us ? -1 : 1;
	return one->order < other->order ? -1 : 1;
}

static void section_tell(struct names *names)
{
	uint64_t begun_us = names->traffic->names_us;

	if (names->n)
		qsort(names->askings, names->n, sizeof(*names->askings), by_time);
	for (size_t i = 0; i < names->n; i++) {
		const struct asking *asking = &names->askings[i];
		const struct traffic_observation seen = {
			.kind = TRAFFIC_QUERY,
			.wall_us = begun_us + asking->at_us,
			.sandbox = names->section[0] ? names->section : NULL,
			.name = &names->names[asking->name],
			.type = asking->type};

		names->traffic->names_us = seen.wall_us;
		traffic_tell(names->traffic, &seen);
	}
	names->n = names->n_names = 0;
}

static const char *section_take(struct names *names, const char *line)
{
	size_t len = strlen(line);

	if (len < 3 || len - 2 >= SECTION_ROOM || line[len - 1] != ']')
		return "a section is [NAME]";
	section_tell(names);
	memcpy(names->section, line + 1, len - 2);
	names->section[len - 2] = '\0';
	return NULL;
}

static const char *line_take(struct names *names, char *line)
{
	size_t len = strcspn(line, "#\r\n");

	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	line[len] = '\0';
	line += strspn(line, " \t");
	if (!*line)
		return NULL;
	traffic_count(names->traffic, TRAFFIC_N_LINES);
	return *line == '[' ? section_take(names, line) : question_take(names, line);
}

int traffic_names(struct traffic *traffic, FILE *file, const char *path, struct ng_diags *diags)
{
	struct names names = {.traffic = traffic, .path = path};
	const char *wrong = NULL;
	char line[LINE_ROOM];

	while (!wrong && fgets(line, sizeof(line), file)) {
		size_t len = strlen(line);

		names.line++;
		traffic_read_octets(traffic, len);
		if (len + 1 == sizeof(line) && line[len - 1] != '\n')
			wrong = "the line is too long";
		else
			wrong = line_take(&names, line);
	}
	fclose(file);
	if (wrong)
		ng_diag_add(diags, NG_ERROR, &(struct ng_place){path, names.line, 1},
			    "traffic-names",
			    "write it as SECONDS NAME TYPE,... or FROM-TO/STEP NAME TYPE,...",
			    "%s", wrong);
	else
		section_tell(&names);
	free(names.names);
	free(names.askings);
	return wrong ? NG_E_FORMAT : NG_OK;
}
