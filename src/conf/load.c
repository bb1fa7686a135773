/*
 * From the file to the struct. libconfuse knows the syntax; every value is kept as a word with its
 * place, and the tables of conf.c say what the word means. Only so can each error name its line and
 * column, and two words that contradict each other both be named.
 *
 * libconfuse tells its callbacks the line but hands them no pointer of ours, so the load under way
 * stands in a thread-local for as long as the parser runs. The column is where the word's text is
 * found in its line.
 */
#include "config.h"

#include "base/token.h"
#include "conf/fields.h"
#include "conf/host.h"
#include "conf/files.h"
#include "conf/nearest.h"

#include <confuse.h>
#include <stdlib.h>
#include <string.h>

#define CONF_SIZE_MAX (64u << 20)
#define FIELDS_MAX    48
#define SAID                                                                                   \
	(1 << 24) /* our mark on an option that has a value; libconfuse uses the low bits */

struct loader {
	struct conf *conf;
	struct ng_diags *diags;
	char *text;
	uint32_t line;          /* where `at` begins */
	const char *at, *after; /* after: behind the last word found in this line */
	bool nomem;
	cfg_t *root;
};

static __thread struct loader *loading;

/* ---- places ---- */

static void seek_line(struct loader *loader, uint32_t line)
{
	if (line < loader->line) {
		loader->line = 1;
		loader->at = loader->after = loader->text;
	}
	while (loader->line < line) {
		const char *end = strchr(loader->at, '\n');
		if (end == NULL)
			break;
		loader->at = loader->after = end + 1;
		loader->line++;
	}
}

/* The column of a word in a line: behind the last one found there, else anywhere, else where the line begins. */
static struct ng_place find_word(struct loader *loader, int line, const char *word)
{
	seek_line(loader, line > 0 ? (uint32_t)line : 1);
	size_t n = strcspn(loader->at, "\n"), blank = strspn(loader->at, " \t");
	size_t behind = (size_t)(loader->after - loader->at), len = strlen(word);
	const char *found = memmem(loader->after, n - behind, word, len);
	if (found == NULL || len == 0)
		found = memmem(loader->at, n, word, len);
	if (found == NULL || len == 0)
		found = loader->at + blank;
	else
		loader->after = found + len;
	return (struct ng_place){loader->conf->path, (uint32_t)line,
				 (uint32_t)(found - loader->at) + 1};
}

static void report(struct loader *loader, const struct ng_place *place, const char *code,
		   const char *suggestion, const char *reason)
{
	ng_diag_add(loader->diags, NG_ERROR, place, code, suggestion, "%s", reason);
}

static const struct word *word_at(cfg_t *section, const char *key, size_t item)
{
	cfg_opt_t *option = section != NULL ? cfg_getopt(section, key) : NULL;
	if (option == NULL || item >= cfg_opt_size(option))
		return NULL;
	return cfg_opt_getnptr(option, (unsigned)item);
}

struct ng_place tree_place(const struct tree *tree, int table, size_t section, const char *key,
			   size_t item)
{
	const struct word *word = NULL;
	cfg_t *root = tree->root;
	if (root != NULL && conf_tables[table].section != NULL)
		root = cfg_getnsec(root, conf_tables[table].section, (unsigned)section);
	if (root != NULL)
		word = word_at(root, key, item);
	return word != NULL ? word->place : (struct ng_place){tree->path, 0, 0};
}

/* ---- what libconfuse calls ---- */

static void word_free(void *value)
{
	struct word *word = value;
	if (word != NULL)
		free(word->text);
	free(word);
}

/* A key that has a value already, and not from the list that is being read. */
static bool said_twice(cfg_opt_t *option)
{
	bool again = option->nvalues <= 1 && (option->flags & SAID) != 0;
	option->flags |= SAID;
	return again;
}

static bool prints(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

static int word_read(cfg_t *section, cfg_opt_t *option, const char *value, void *result)
{
	struct loader *loader = loading;
	struct word *word = calloc(1, sizeof(*word));
	if (word == NULL || (word->text = strdup(value)) == NULL) {
		free(word);
		loader->nomem = true;
		return -1;
	}
	word->place = find_word(loader, section->line, value);
	if (!prints(value))
		report(loader, &word->place, "conf-character", "write printing characters",
		       "the value has a control character");
	if (said_twice(option))
		ng_diag_add(loader->diags, NG_ERROR, &word->place, "conf-repeat",
			    "keep one of them", "%s has a value already", option->name);
	*(void **)result = word;
	return 0;
}

/* The key that a message quotes, if any. */
static void quoted_word(const char *message, char *out, size_t room)
{
	const char *open = strchr(message, '\'');
	size_t n = open != NULL ? strcspn(open + 1, "'") : 0;
	if (n >= room)
		n = room - 1;
	if (n > 0)
		memcpy(out, open + 1, n);
	out[n] = '\0';
}

static struct ng_place find_section(struct loader *loader, const char *kind, const char *title,
				    uint32_t *from);

/* Two sections of one kind and title: at is in the line where the later one begins. */
static void title_repeated(struct loader *loader, const struct ng_place *at, const char *title)
{
	uint32_t from = 1;
	char kind[32];
	seek_line(loader, at->line);
	const char *word = loader->at + strspn(loader->at, " \t");
	size_t n = strcspn(word, " \t\"'\n");
	snprintf(kind, sizeof(kind), "%.*s", (int)n, word);
	struct ng_place first = find_section(loader, kind, title, &from), second = *at;
	if (at->line > first.line) {
		from = at->line;
		second = find_section(loader, kind, title, &from);
	}
	ng_diag_add(loader->diags, NG_ERROR, &second, "conf-repeat",
		    "give each a name of its own, or put both into one section",
		    "%s %s stands already at %s:%u:%u", kind, title, first.path, first.line,
		    first.column);
}

static void syntax_error(cfg_t *section, const char *format, va_list args)
{
	struct loader *loader = loading;
	char message[256], word[64], advice[128] = "see namegate.conf(5)";
	vsnprintf(message, sizeof(message), format, args);
	quoted_word(message, word, sizeof(word));
	struct ng_place place = find_word(loader, section->line, word);
	for (char *at = message; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	}
	if (strstr(message, "duplicate title") != NULL) {
		title_repeated(loader, &place, word);
		return;
	}
	if (strstr(message, "no such option") != NULL) {
		const char *near = nearest_key(word);
		if (near != NULL)
			snprintf(advice, sizeof(advice), "did you mean %s?", near);
	}
	report(loader, &place, "conf-syntax", advice, message);
}

/* ---- libconfuse's options from our tables ---- */

static void add_fields(const struct table *table, cfg_opt_t *options)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct field *field = &table->fields[i];
		cfg_opt_t one =
			CFG_PTR_CB(field->name, NULL, CFGF_NODEFAULT, word_read, word_free);
		cfg_opt_t many = CFG_PTR_LIST_CB(field->name, NULL, CFGF_NODEFAULT, word_read,
						 word_free);
		options[i] = field->items != 0 ? many : one;
	}
	options[table->n] = (cfg_opt_t)CFG_END();
}

static cfg_t *make_parser(void)
{
	cfg_opt_t options[CONF_TABLES][FIELDS_MAX];
	cfg_opt_t *top = options[CONF_TOP] + conf_tables[CONF_TOP].n;
	for (int i = CONF_TOP; i < CONF_TABLES; i++)
		add_fields(&conf_tables[i], options[i]);
	for (int i = CONF_TOP + 1; i < CONF_TABLES; i++) {
		int flags = conf_tables[i].titled
				    ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES
				    : CFGF_NONE;
		*top++ = (cfg_opt_t)CFG_SEC(conf_tables[i].section, options[i], flags);
	}
	*top = (cfg_opt_t)CFG_END();
	return cfg_init(options[CONF_TOP], CFGF_NONE);
}

/* ---- words into values ---- */

static void read_word(struct loader *loader, const struct field *field, const struct word *word,
		      void *at)
{
	char bounds[64];
	const char *advice = NULL, *wrong = field->kind->read(field, word->text, at, &advice);
	if (wrong == NULL)
		return;
	snprintf(bounds, sizeof(bounds), "choose a value from %u to %u", field->low,
		 field->high);
	ng_diag_add(loader->diags, NG_ERROR, &word->place, "conf-value",
		    advice != NULL ? advice : bounds, "%s: %s", field->name, wrong);
}

static void read_fields(struct loader *loader, const struct table *table, cfg_t *section,
			void *base)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct field *field = &table->fields[i];
		char *at = (char *)base + field->at;
		const struct word *word;
		for (size_t j = 0; (word = word_at(section, field->name, j)) != NULL; j++) {
			if (field->items != 0 && j == field->items) {
				ng_diag_add(loader->diags, NG_ERROR, &word->place, "conf-limit",
					    "leave some out", "%s has at most %u values",
					    field->name, field->items);
				break;
			}
			read_word(loader, field, word, at + j * field->kind->size);
			if (field->items != 0)
				*((uint8_t *)base + field->count) = (uint8_t)(j + 1);
		}
	}
}

/* Stands title in the rest of this line, as a whole? */
static bool line_names(const char *line, const char *title)
{
	static const char around[] = " \t\"'{";
	size_t len = strcspn(line, "\n"), n = strlen(title);
	const char *at = line;
	if (n == 0)
		return true;
	while ((at = memmem(at, len - (size_t)(at - line), title, n)) != NULL) {
		if (at > line && strchr(around, at[-1]) != NULL &&
		    (at + n == line + len || strchr(around, at[n]) != NULL))
			return true;
		at++;
	}
	return false;
}

/* Where the section with that title begins, looking from *from on; libconfuse remembers only where it ends. */
static struct ng_place find_section(struct loader *loader, const char *kind, const char *title,
				    uint32_t *from)
{
	size_t n = strlen(kind);
	for (seek_line(loader, *from); *loader->at != '\0';
	     seek_line(loader, loader->line + 1)) {
		uint32_t line = loader->line;
		const char *word = loader->at + strspn(loader->at, " \t");
		if (strncmp(word, kind, n) == 0 && strchr(" \t\"'", word[n]) != NULL &&
		    line_names(word + n, title)) {
			*from = line + 1;
			return (struct ng_place){loader->conf->path, line,
						 (uint32_t)(word - loader->at) + 1};
		}
		if (strchr(loader->at, '\n') == NULL)
			break;
	}
	return (struct ng_place){loader->conf->path, *from, 1};
}

static void read_route_zone(struct loader *loader, const char *title, struct conf_route *route)
{
	if (ng_name_from_text(title, strlen(title), &route->zone) == NG_OK) {
		ng_name_lower(&route->zone);
		return;
	}
	ng_diag_add(loader->diags, NG_ERROR, &route->place, "conf-zone",
		    "write a domain name, \".\" for all names", "%s is not a zone", title);
}

/* The title of a section that others refer to. */
static void read_name(struct loader *loader, const char *kind, const char *title,
		      const struct ng_place *place, char name[static NG_SANDBOX_NAME_MAX])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t n = strlen(title);
	if (n > 0 && n < NG_SANDBOX_NAME_MAX && strspn(title, allowed) == n) {
		memcpy(name, title, n + 1);
		return;
	}
	ng_diag_add(loader->diags, NG_ERROR, place, "conf-name",
		    "use letters, digits, dots, hyphens and underscores, 63 at most",
		    "%s is no name for a %s", n > 0 ? title : "the empty text", kind);
}

static void read_routes(struct loader *loader)
{
	struct conf *conf = loader->conf;
	uint32_t from = 1;
	size_t n = cfg_size(loader->root, "forward");
	conf->routes = calloc(n + 1, sizeof(*conf->routes)); /* one more: the default */
	if (conf->routes == NULL) {
		loader->nomem = true;
		return;
	}
	for (conf->n_routes = 0; conf->n_routes < n; conf->n_routes++) {
		struct conf_route *route = &conf->routes[conf->n_routes];
		cfg_t *section = cfg_getnsec(loader->root, "forward", (unsigned)conf->n_routes);
		route->timeout_ms = CONF_TIMEOUT_MS;
		route->place = find_section(loader, "forward", cfg_title(section), &from);
		read_route_zone(loader, cfg_title(section), route);
		read_fields(loader, &conf_tables[CONF_FORWARD], section, route);
	}
}

static void read_zones(struct loader *loader)
{
	struct conf *conf = loader->conf;
	uint32_t from = 1;
	size_t n = cfg_size(loader->root, "zone");
	conf->zones = n > 0 ? calloc(n, sizeof(*conf->zones)) : NULL;
	if (n > 0 && conf->zones == NULL) {
		loader->nomem = true;
		return;
	}
	for (conf->n_zones = 0; conf->n_zones < n; conf->n_zones++) {
		struct conf_zone *zone = &conf->zones[conf->n_zones];
		cfg_t *section = cfg_getnsec(loader->root, "zone", (unsigned)conf->n_zones);
		zone->place = find_section(loader, "zone", cfg_title(section), &from);
		read_name(loader, "zone", cfg_title(section), &zone->place, zone->name);
		read_fields(loader, &conf_tables[CONF_ZONE], section, zone);
	}
}

static void read_groups(struct loader *loader)
{
	struct conf *conf = loader->conf;
	uint32_t from = 1;
	size_t n = cfg_size(loader->root, "group");
	conf->groups = n > 0 ? calloc(n, sizeof(*conf->groups)) : NULL;
	if (n > 0 && conf->groups == NULL) {
		loader->nomem = true;
		return;
	}
	for (conf->n_groups = 0; conf->n_groups < n; conf->n_groups++) {
		struct conf_group *group = &conf->groups[conf->n_groups];
		cfg_t *section = cfg_getnsec(loader->root, "group", (unsigned)conf->n_groups);
		group->place = find_section(loader, "group", cfg_title(section), &from);
		read_name(loader, "group", cfg_title(section), &group->place, group->name);
		read_fields(loader, &conf_tables[CONF_GROUP], section, group);
	}
}

static void read_sandboxes(struct loader *loader)
{
	struct conf *conf = loader->conf;
	uint32_t from = 1;
	size_t n = cfg_size(loader->root, "sandbox");
	conf->sandboxes = n > 0 ? calloc(n, sizeof(*conf->sandboxes)) : NULL;
	if (n > 0 && conf->sandboxes == NULL) {
		loader->nomem = true;
		return;
	}
	for (conf->n_sandboxes = 0; conf->n_sandboxes < n; conf->n_sandboxes++) {
		struct conf_sandbox *sandbox = &conf->sandboxes[conf->n_sandboxes];
		cfg_t *section =
			cfg_getnsec(loader->root, "sandbox", (unsigned)conf->n_sandboxes);
		sandbox->mode = NG_ENFORCE;
		sandbox->place = find_section(loader, "sandbox", cfg_title(section), &from);
		read_name(loader, "sandbox", cfg_title(section), &sandbox->place,
			  sandbox->name);
		read_fields(loader, &conf_tables[CONF_SANDBOX], section, sandbox);
	}
}

/* ---- the whole ---- */

/* libconfuse refuses some texts (a key that is an empty string) without a word; then we say it. */
static int parse(struct loader *loader)
{
	size_t errors = loader->diags->errors;
	loading = loader;
	int status = cfg_parse_buf(loader->root, loader->text);
	loading = NULL;
	if (loader->nomem)
		return NG_E_NOMEM;
	if (status != CFG_SUCCESS && loader->diags->errors == errors) {
		struct ng_place place = find_word(loader, loader->root->line, "");
		report(loader, &place, "conf-syntax", "see namegate.conf(5)",
		       "this is neither a key nor a section");
	}
	return status == CFG_SUCCESS ? NG_OK : NG_E_SYNTAX;
}

static int build(struct loader *loader)
{
	struct conf *conf = loader->conf;
	conf_defaults(conf);
	read_fields(loader, &conf_tables[CONF_TOP], loader->root, conf);
	read_fields(loader, &conf_tables[CONF_LIMITS], cfg_getsec(loader->root, "limits"),
		    conf);
	read_fields(loader, &conf_tables[CONF_INTEGRATE], cfg_getsec(loader->root, "integrate"),
		    conf);
	read_routes(loader);
	read_zones(loader);
	read_groups(loader);
	read_sandboxes(loader);
	return loader->nomem ? NG_E_NOMEM : conf_fill(conf, loader->diags);
}

/* From the root on, so that what is printed means the same wherever it is read again. */
static char *whole_folder(const char *path)
{
	char *folder = file_folder(path), *whole = NULL;
	if (folder != NULL && file_prefix(folder) == 0)
		whole = realpath(folder, NULL);
	if (whole == NULL)
		return folder;
	free(folder);
	return whole;
}

/* Who looks at the sources needs some; namegated puts the real tokens there, by the ids it gives. */
static void stand_in(struct conf *conf)
{
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		struct conf_sandbox *sandbox = &conf->sandboxes[i];
		if (conf_who(sandbox) == WALL_BY_INTERFACE)
			continue;
		token_sources((uint32_t)i + 1, sandbox->sources);
		sandbox->n_sources = 2;
	}
}

static int load(struct loader *loader, const char *path)
{
	struct ng_place place = {path, 0, 0};
	size_t len, errors = loader->diags->errors;
	int code = NG_OK;
	loader->conf = calloc(1, sizeof(*loader->conf));
	loader->root = make_parser();
	if (loader->conf == NULL || loader->root == NULL)
		return NG_E_NOMEM;
	cfg_set_error_function(loader->root, syntax_error);
	if (path != NULL) {
		loader->conf->path = strdup(path);
		loader->conf->folder = whole_folder(path);
		if (loader->conf->path == NULL || loader->conf->folder == NULL)
			return NG_E_NOMEM;
		code = file_read(path, CONF_SIZE_MAX, &place, loader->diags, &loader->text,
				 &len);
		loader->line = 1;
		loader->at = loader->after = loader->text;
		if (code == NG_OK)
			code = parse(loader);
	}
	if (code == NG_OK)
		code = build(loader);
	if (code == NG_OK && loader->diags->errors == errors) {
		struct tree tree = {loader->conf->path, loader->root};
		conf_check(loader->conf, &tree, loader->diags);
		stand_in(loader->conf);
	}
	return code == NG_OK && loader->diags->errors > errors ? NG_E_SYNTAX : code;
}

int conf_load(const char *path, struct ng_diags *diags, struct conf **out)
{
	struct loader loader = {.diags = diags};
	int code = load(&loader, path);
	if (loader.root != NULL)
		cfg_free(loader.root);
	free(loader.text);
	if (code == NG_OK)
		*out = loader.conf;
	else
		conf_free(loader.conf);
	return code;
}
