/* Presets in a test: read from the source tree, compiled, and read again line by line. */
#pragma once

#include "unit.h"

#include <namegate/policy.h>

#define ENTRIES_MAX  512
#define SUFFIXES_MAX 512

struct findings {
	size_t n;
	char text[4096]; /* one after the other; what does not fit is counted only */
};

static inline void __attribute__((format(printf, 2, 3)))
found(struct findings *findings, const char *format, ...)
{
	size_t len = strlen(findings->text);
	va_list args;
	va_start(args, format);
	vsnprintf(findings->text + len, sizeof(findings->text) - len, format, args);
	va_end(args);
	len = strlen(findings->text);
	snprintf(findings->text + len, sizeof(findings->text) - len, "; ");
	findings->n++;
}

static inline void findings_none(const char *what, const struct findings *findings)
{
	if (findings->n > 0)
		fail_msg("%s: %s", what, findings->text);
}

static inline const char *top(void)
{
	const char *folder = getenv("abs_top_srcdir");
	return folder != NULL ? folder : "../..";
}

static inline char *text_of(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 1u << 18);
	if (file == NULL || text == NULL) {
		fprintf(stderr, "%s cannot be read\n", path);
		abort();
	}
	if (fread(text, 1, (1u << 18) - 1, file) == 0)
		abort();
	fclose(file);
	return text;
}

static inline char *file_text(const char *name) /* in the source tree */
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", top(), name);
	return text_of(path);
}

struct preset {
	char name[64];
	char *text;
	struct ng_diags diags;
	struct ng_image image;
	struct ng_ruleset *ruleset;
	int code;
	bool judged; /* the table has a section for it alone */
};

static inline void preset_compile(struct preset *preset, const char *path)
{
	ng_diags_init(&preset->diags);
	struct ng_source source = {
		.format = NG_FORMAT_LIST,
		.path = path,
		.text = preset->text,
		.len = strlen(preset->text),
	};
	preset->code = ng_compile(&source, &preset->diags, &preset->image);
	if (preset->code == NG_OK)
		preset->code = ng_ruleset_open(preset->image.octets, preset->image.len,
					       &preset->ruleset);
}

static inline void preset_load(struct preset *preset, const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	snprintf(preset->name, sizeof(preset->name), "%.*s",
		 (int)(strlen(base) - strlen(".list")), base);
	preset->text = text_of(path);
	preset_compile(preset, base);
}

static inline void preset_finish(struct preset *preset)
{
	ng_ruleset_close(preset->ruleset);
	ng_image_finish(&preset->image);
	ng_diags_finish(&preset->diags);
	free(preset->text);
}

/* A template with the marks taken away from all its lines to fill in, as a source of its own. */
static inline void preset_fill(struct preset *filled, const struct preset *template)
{
	const char *line = strstr(template->text, "\n# Date: ");
	size_t n = 0;
	*filled = (struct preset){.text = calloc(1, strlen(template->text) + 1)};
	while (line != NULL && (line = strstr(line, "\n#   ")) != NULL) {
		line += strlen("\n#   ");
		size_t len = strcspn(line, "\n") + 1;
		memcpy(filled->text + n, line, len);
		n += len;
		line += len - 1;
	}
	preset_compile(filled, template->name);
}

struct section { /* of the table: presets side by side, and how many names they were judged by */
	struct ng_policy policy;
	struct preset *only; /* NULL: several */
	bool denies;
	size_t judged[2]; /* allow or pass, deny */
};

struct entry { /* a line as a reader sees it, without the compiler's help */
	struct ng_name name;
	bool deny, exact, wildcard;
	char ports[32];
	bool reasoned; /* a comment stands beside it */
	unsigned line;
};
struct entries {
	struct entry items[ENTRIES_MAX];
	size_t n;
};

static inline void entry_read(struct entry *entry, const char *line, unsigned number)
{
	*entry = (struct entry){.exact = true, .line = number};
	entry->deny = *line == '!';
	line += entry->deny;
	if (*line == '*' || *line == '.') {
		entry->wildcard = true;
		entry->exact = *line == '.';
		line += *line == '*' ? 2 : 1;
	}
	size_t len = strcspn(line, ": \t\n");
	assert_int_equal(ng_name_from_text(line, len, &entry->name), NG_OK);
	ng_name_lower(&entry->name);
	snprintf(entry->ports, sizeof(entry->ports), "%.*s", (int)strcspn(line + len, " \t\n"),
		 line + len);
	entry->reasoned = line[len + strcspn(line + len, "#\n")] == '#';
}

static inline void entries_read(const char *text, struct entries *entries)
{
	unsigned number = 1;
	entries->n = 0;
	for (; *text != '\0'; number++) {
		if (*text != '#' && *text != '\n') {
			assert_true(entries->n < ENTRIES_MAX);
			entry_read(&entries->items[entries->n++], text, number);
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

struct suffixes {
	struct ng_name names[SUFFIXES_MAX];
	size_t n, unnamed; /* unnamed: without a provider */
};

static inline void suffixes_load(struct suffixes *suffixes)
{
	struct entries *entries = calloc(1, sizeof(*entries));
	char *text = file_text("zones/shared-hosting.txt");
	if (entries == NULL)
		abort();
	entries_read(text, entries);
	for (size_t i = 0; i < entries->n; i++) {
		suffixes->names[suffixes->n++] = entries->items[i].name;
		suffixes->unnamed += !entries->items[i].reasoned;
	}
	free(entries);
	free(text);
}
