/*
 * A host list has one entry a line: `name` is that name alone, `*.name` all names below it at any
 * depth, `.name` both; `!` before any of them denies, `?` asks somebody first. A colon and ports
 * bound the entry, options follow behind a blank. An address or prefix is opened as it stands. `#`
 * begins a comment, at the start of a line or after a blank.
 *
 * `@include PATH` puts another list in its place. The text comes from the caller; a list that is
 * included twice is read once, and one that includes itself is refused.
 */
#include "policy/list.h"

#include "policy/idn.h"
#include "policy/list_entry.h"

#include <stdio.h>
#include <string.h>

#define INCLUDE "@include"

struct list {
	struct builder *builder;
	uint64_t now_s;
	const struct ng_source
		*chain[NG_INCLUDE_DEPTH + 1]; /* the source, and what includes what */
	size_t depth;
	size_t included; /* include lines of the file so far */
	bool anything;
};

/* ---- what is taken ---- */

static bool all_capitals(const char *label, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (label[i] < 'A' || label[i] > 'Z')
			return false;
	}
	return n > 2;
}

/* SUBDOMAIN.example.com is a name like any other, but most likely not the one that was meant. */
static void warn_capitals(struct ng_diags *diags, const struct entry *entry)
{
	char text[LIST_SHOWN];
	size_t at = 0;
	bool small = false, capital = false;
	while (at < entry->len) {
		const char *dot = memchr(entry->text + at, '.', entry->len - at);
		size_t n = dot != NULL ? (size_t)(dot - entry->text) - at : entry->len - at;
		bool is_capital = all_capitals(entry->text + at, n);
		capital |= is_capital;
		small |= !is_capital && n > 1;
		at += n + 1;
	}
	if (small && capital) {
		ng_diag_add(diags, NG_WARNING, &entry->place, "list-capitals",
			    "put the name that is meant in its place",
			    "%s looks like it holds a placeholder; it is taken as written",
			    entry_shown(entry->text, entry->len, text));
	}
}

static struct builder_rule rule_of(const struct entry *entry)
{
	return (struct builder_rule){
		.trigger = NG_TRIGGER_NAME,
		.action = entry->action,
		.bounds = entry->bounds,
		.until_s = entry->until_s,
		.line = entry->place.line,
		.column = entry->place.column,
	};
}

static void take_everything(struct builder *builder, const struct entry *entry)
{
	struct builder_rule rule = rule_of(entry);
	rule.name.len = 1;
	rule.wildcard = true;
	if (entry->action == NG_ACTION_PASSTHRU) {
		ng_diag_add(builder->diags, NG_WARNING, &entry->place, "list-everything",
			    "name what is needed", "* permits every name there is");
	}
	builder_add(builder, &rule);
}

/* The name behind the first prefix octets of the entry, in A-labels. */
static bool read_name(struct ng_diags *diags, const struct entry *entry, size_t prefix,
		      struct ng_name *out)
{
	char ascii[NG_NAME_TEXT_MAX], reason[LIST_ADVICE], text[LIST_SHOWN];
	const char *name = entry->text + prefix;
	const char *wrong = idn_to_ascii(name, entry->len - prefix, ascii, sizeof(ascii));
	if (wrong != NULL) {
		snprintf(reason, sizeof(reason), "is no name that the DNS can hold: %s", wrong);
		entry_refuse(diags, entry, "list-unicode",
			     "check the characters, or write its labels in punycode (xn--...)",
			     reason);
		return false;
	}
	int code = ng_name_from_text(ascii, strlen(ascii), out);
	if (code != NG_OK || out->len == 1) {
		entry_refuse(diags, entry, "list-name",
			     code == NG_E_RANGE
				     ? "a label has at most 63 octets, a name at most 255"
				     : "write labels with one dot between them",
			     "is not a domain name");
		return false;
	}
	ng_name_lower(out);
	if (idn_is_mixed(ng_name_to_text(out, ascii)))
		ng_diag_add(diags, NG_WARNING, &entry->place, "list-mixed-script",
			    "compare it with the name that was meant",
			    "%s has letters of several scripts in one label, and may look like "
			    "another name; it is %s",
			    entry_shown(entry->text, entry->len, text), ascii);
	return true;
}

/* prefix: the octets of an entry that stand before the name itself. */
static void take(struct builder *builder, const struct entry *entry, size_t prefix, bool exact,
		 bool wildcard)
{
	struct builder_rule rule = rule_of(entry);
	if (!read_name(builder->diags, entry, prefix, &rule.name))
		return;
	warn_capitals(builder->diags, entry);
	if (exact)
		builder_add(builder, &rule);
	rule.wildcard = true;
	if (wildcard)
		builder_add(builder, &rule);
}

static void take_name(struct builder *builder, const struct entry *entry)
{
	if (entry->len == 1 && entry->text[0] == '*')
		take_everything(builder, entry);
	else if (entry->len > 0 && entry->text[0] == '*')
		take(builder, entry, 2, false, true);
	else if (entry->len > 0 && entry->text[0] == '.')
		take(builder, entry, 1, true, true);
	else
		take(builder, entry, 0, true, false);
}

static void take_address(struct builder *builder, const struct entry *entry)
{
	struct ng_static item = {
		.prefix = entry->prefix,
		.line = entry->place.line,
		.column = entry->place.column,
	};
	for (uint8_t i = 0; i < entry->bounds.n_ports; i++) {
		item.port = entry->bounds.ports[i];
		builder_static(builder, &item, entry->until_s);
	}
	if (entry->bounds.n_ports == 0)
		builder_static(builder, &item, entry->until_s);
}

/* A rule whose time is over says nothing any more. */
static bool expired(struct list *list, const struct entry *entry)
{
	char text[LIST_SHOWN];
	if (entry->until_s == 0 || entry->until_s > list->now_s)
		return false;
	ng_diag_add(list->builder->diags, NG_WARNING, &entry->place, "list-expired",
		    "take the line out, or set a later until",
		    "%s is left out, because its time is over",
		    entry_shown(entry->text, entry->len, text));
	return true;
}

static void read_entry(struct list *list, struct entry *entry)
{
	struct ng_diags *diags = list->builder->diags;
	if (!entry_split(entry, diags))
		return;
	if (!entry->address && (entry_refused(entry, diags) || !entry_ports(entry, diags)))
		return;
	if (expired(list, entry))
		return;
	if (entry->address)
		take_address(list->builder, entry);
	else
		take_name(list->builder, entry);
}

/* ---- included lists ---- */

static void list_text(struct list *list, const struct ng_source *source);

static void refuse_include(struct list *list, const struct ng_place *place, const char *path,
			   const char *suggestion, const char *reason)
{
	char text[LIST_SHOWN];
	ng_diag_add(list->builder->diags, NG_ERROR, place, "list-include", suggestion, "%s %s",
		    entry_shown(path, strlen(path), text), reason);
}

static bool read_already(const struct list *list, const char *path)
{
	for (uint32_t i = 0; i < list->builder->n_files; i++) {
		if (strcmp(list->builder->files[i].path, path) == 0)
			return true;
	}
	return false;
}

static bool in_circle(const struct list *list, const char *path)
{
	for (size_t i = 0; i < list->depth; i++) {
		if (strcmp(list->chain[i]->path, path) == 0)
			return true;
	}
	return false;
}

/* The text that the caller has for this include line; NULL when it is refused, or was read already. */
static const struct ng_source *include_of(struct list *list, const struct ng_place *place,
					  const char *path)
{
	const struct ng_source *within = list->chain[list->depth - 1];
	size_t index = list->included++;
	if (index >= within->n_includes) {
		refuse_include(list, place, path, "put its lines into this list",
			       "cannot be included here");
		return NULL;
	}
	const struct ng_source *source = &within->includes[index];
	size_t len = strlen(source->path);
	if (in_circle(list, source->path)) {
		refuse_include(list, place, source->path, "take one of the lines out",
			       "includes itself, through this line");
	} else if (list->depth > NG_INCLUDE_DEPTH) {
		refuse_include(list, place, source->path, "include it from further up",
			       "is included through too many other lists");
	} else if (len == 0 || len >= NG_PATH_MAX) {
		refuse_include(list, place, path, "use a shorter path", "has too long a path");
	} else if (read_already(list, source->path)) {
		return NULL; /* all that it says is said */
	} else if (list->builder->n_files == IMAGE_FILES_MAX) {
		refuse_include(list, place, source->path, "put some of the lists together",
			       "is one list more than a source may include");
	} else if (source->format != NG_FORMAT_LIST) {
		refuse_include(list, place, source->path, "name the zone among the policies",
			       "is an RPZ zone; only lists can be included");
	} else if (source->text == NULL) {
		refuse_include(list, place, source->path, "put its lines into this list",
			       "cannot be included here");
	} else {
		return source;
	}
	return NULL;
}

static void include(struct list *list, const struct ng_place *place, const char *path)
{
	struct builder *builder = list->builder;
	const struct ng_source *source = include_of(list, place, path);
	uint32_t file = builder->file;
	size_t included = list->included;
	if (source == NULL)
		return;
	list->chain[list->depth++] = source;
	list_text(list, source);
	list->depth--;
	list->included = included;
	builder->file = file;
}

/* ---- lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The octets of a line before its comment. */
static size_t before_comment(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (line[i] == '#' && (i == 0 || is_blank(line[i - 1])))
			return i;
	}
	return len;
}

/* A line without comment and outer blanks. */
struct line {
	const char *text;
	size_t len;
	uint32_t column; /* of its first octet */
};

static struct line line_of(const char *text, size_t len)
{
	size_t start = 0;
	len = before_comment(text, len);
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	while (start < len && is_blank(text[start]))
		start++;
	return (struct line){text + start, len - start, (uint32_t)start + 1};
}

/* The path of an include line, written with its NUL. False: the line is none. */
static bool include_path(const struct line *line, char path[static NG_PATH_MAX])
{
	size_t n = strlen(INCLUDE);
	if (line->len < n || memcmp(line->text, INCLUDE, n) != 0 ||
	    (line->len > n && !is_blank(line->text[n])))
		return false;
	while (n < line->len && is_blank(line->text[n]))
		n++;
	size_t len = line->len - n;
	if (len >= NG_PATH_MAX || memchr(line->text + n, '\0', len) != NULL)
		len = 0; /* no path that could be read */
	memcpy(path, line->text + n, len);
	path[len] = '\0';
	return true;
}

static void read_line(struct list *list, const char *text, size_t len, uint32_t number)
{
	struct line line = line_of(text, len);
	struct ng_place place = {builder_path(list->builder), number, line.column};
	char path[NG_PATH_MAX];
	size_t end = 0;
	if (line.len == 0)
		return;
	if (include_path(&line, path)) {
		include(list, &place, path);
		return;
	}
	while (end < line.len && !is_blank(line.text[end]))
		end++;
	struct entry entry = {.text = line.text, .len = end, .place = place};
	while (end < line.len && is_blank(line.text[end]))
		end++;
	if (entry_options(&entry, line.text + end, line.len - end, line.column + (uint32_t)end,
			  list->builder->diags))
		read_entry(list, &entry);
}

/* Each line of a text in turn; a mark of its encoding is not part of the first. */
static bool next_line(const char *text, size_t len, size_t *at, const char **line, size_t *n)
{
	if (*at == 0 && len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		*at = 3;
	if (*at >= len)
		return false;
	const char *end = memchr(text + *at, '\n', len - *at);
	*line = text + *at;
	*n = end != NULL ? (size_t)(end - *line) : len - *at;
	*at += *n + 1;
	return true;
}

static void list_text(struct list *list, const struct ng_source *source)
{
	const char *line;
	size_t n;
	uint32_t number = 1;
	if (!builder_file(list->builder, source->path, source->text, source->len))
		return;
	list->included = 0;
	for (size_t at = 0; next_line(source->text, source->len, &at, &line, &n); number++) {
		for (size_t i = 0; i < n && !list->anything; i++)
			list->anything = !is_blank(line[i]);
		read_line(list, line, n, number);
	}
}

void list_read(struct builder *builder, const struct ng_source *source)
{
	struct ng_place start = {source->path, 1, 1};
	struct list list = {
		.builder = builder, .now_s = source->now_s, .chain = {source}, .depth = 1};
	size_t errors = builder->diags->errors;
	list_text(&list, source);
	if (!list.anything) {
		ng_diag_add(builder->diags, NG_ERROR, &start, "source-empty",
			    "put a comment in if nothing is to be permitted",
			    "the source is empty");
	} else if (builder_count(builder) == 0 && builder->diags->errors == errors) {
		ng_diag_add(builder->diags, NG_WARNING, &start, "list-no-rule",
			    "add a name, or take the source out",
			    "the list holds no rule, so it permits nothing");
	}
}

bool ng_source_includes(const char *text, size_t len, size_t *cursor,
			char path[static NG_PATH_MAX], struct ng_place *place)
{
	const char *line;
	size_t n;
	while (next_line(text, len, cursor, &line, &n)) {
		struct line inner = line_of(line, n);
		if (!include_path(&inner, path))
			continue;
		place->line = 1;
		for (const char *at = text; at < line; at++)
			place->line += *at == '\n';
		place->column = inner.column;
		return true;
	}
	return false;
}
