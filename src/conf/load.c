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
#include "conf/openings.h"

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
	struct openings openings;
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

/* NULL: the file does not have it. */
static cfg_t *forward_section(cfg_t *root, const struct conf_route *route)
{
	static const int tables[] = {
		[NG_SCOPE_GROUP] = CONF_GROUP, [NG_SCOPE_SANDBOX] = CONF_SANDBOX};
	cfg_t *around = route->scope == NG_SCOPE_GLOBAL
				? root
				: cfg_getnsec(root, conf_tables[tables[route->scope]].section,
					      (unsigned)route->outer);
	return cfg_getnsec(around, conf_tables[CONF_FORWARD].section, (unsigned)route->inner);
}

struct ng_place tree_place(const struct tree *tree, int table, size_t section, const char *key,
			   size_t item)
{
	const struct word *word = NULL;
	cfg_t *root = tree->root;
	if (root != NULL && table == CONF_FORWARD)
		root = forward_section(root, &tree->conf->routes[section]);
	else if (root != NULL && conf_tables[table].section != NULL)
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

static struct ng_place place_of(const struct loader *loader, const struct opening *opening)
{
	struct ng_place place = {loader->conf->path, 1, 1};
	if (opening != NULL) {
		place.line = opening->line;
		place.column = opening->column;
	}
	return place;
}

/* Two sections of one kind and title in one place: at is in the line where the later one begins. */
static void title_repeated(struct loader *loader, const struct ng_place *at, const char *title)
{
	const struct opening *before,
		*later = openings_twice(&loader->openings, title, at->line, &before);
	struct ng_place first = place_of(loader, before), second = place_of(loader, later);
	ng_diag_add(loader->diags, NG_ERROR, &second, "conf-repeat",
		    "give each a name of its own, or put both into one section",
		    "%.*s %s stands already at %s:%u:%u",
		    later != NULL ? (int)later->kind_len : 0, later != NULL ? later->kind : "",
		    title, first.path, first.line, first.column);
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

/* At the end of a section's options. */
static void add_section(cfg_opt_t *at, int table, cfg_opt_t (*options)[FIELDS_MAX])
{
	int flags = conf_tables[table].titled ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES
					      : CFGF_NONE;
	at[0] = (cfg_opt_t)CFG_SEC(conf_tables[table].section, options[table], flags);
	at[1] = (cfg_opt_t)CFG_END();
}

static cfg_t *make_parser(void)
{
	cfg_opt_t options[CONF_TABLES][FIELDS_MAX];
	cfg_opt_t *top = options[CONF_TOP] + conf_tables[CONF_TOP].n;
	for (int i = CONF_TOP; i < CONF_TABLES; i++)
		add_fields(&conf_tables[i], options[i]);
	add_section(options[CONF_GROUP] + conf_tables[CONF_GROUP].n, CONF_FORWARD, options);
	add_section(options[CONF_SANDBOX] + conf_tables[CONF_SANDBOX].n, CONF_FORWARD, options);
	for (int i = CONF_TOP + 1; i < CONF_TABLES; i++)
		add_section(top++, i, options);
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

/* Where the next section of that kind begins; *at: behind the last one that was found. */
static struct ng_place find_section(const struct loader *loader, const char *kind,
				    uint32_t depth, size_t *at)
{
	return place_of(loader, openings_next(&loader->openings, kind, depth, at));
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

/* The forwards of one section, whose opening is before `at`, or of the file. */
static void read_routes(struct loader *loader, cfg_t *around, const struct conf_route *whose,
			size_t at)
{
	struct conf *conf = loader->conf;
	size_t n = cfg_size(around, "forward");
	for (size_t i = 0; i < n; i++) {
		struct conf_route *route = &conf->routes[conf->n_routes++];
		cfg_t *section = cfg_getnsec(around, "forward", (unsigned)i);
		*route = *whose;
		route->inner = i;
		route->timeout_ms = CONF_TIMEOUT_MS;
		route->place = find_section(loader, "forward", around != loader->root, &at);
		read_route_zone(loader, cfg_title(section), route);
		read_fields(loader, &conf_tables[CONF_FORWARD], section, route);
	}
}

static size_t count_routes(cfg_t *root, const char *kind)
{
	size_t n = 0;
	for (unsigned i = 0; i < cfg_size(root, kind); i++)
		n += cfg_size(cfg_getnsec(root, kind, i), "forward");
	return n;
}

/* Those of the file; there is room for those of its sections as well, and for the default. */
static void read_all_routes(struct loader *loader)
{
	const struct conf_route nobodys = {.scope = NG_SCOPE_GLOBAL};
	size_t n = cfg_size(loader->root, "forward") + count_routes(loader->root, "group") +
		   count_routes(loader->root, "sandbox");
	loader->conf->routes = calloc(n + 1, sizeof(*loader->conf->routes));
	if (loader->conf->routes == NULL)
		loader->nomem = true;
	else
		read_routes(loader, loader->root, &nobodys, 0);
}

static void read_inner_routes(struct loader *loader, cfg_t *section, struct conf_route *whose,
			      const char *owner, size_t at)
{
	strcpy(whose->owner, owner);
	if (loader->conf->routes != NULL)
		read_routes(loader, section, whose, at);
}

static void read_zones(struct loader *loader)
{
	struct conf *conf = loader->conf;
	size_t from = 0;
	size_t n = cfg_size(loader->root, "zone");
	conf->zones = n > 0 ? calloc(n, sizeof(*conf->zones)) : NULL;
	if (n > 0 && conf->zones == NULL) {
		loader->nomem = true;
		return;
	}
	for (conf->n_zones = 0; conf->n_zones < n; conf->n_zones++) {
		struct conf_zone *zone = &conf->zones[conf->n_zones];
		cfg_t *section = cfg_getnsec(loader->root, "zone", (unsigned)conf->n_zones);
		zone->place = find_section(loader, "zone", 0, &from);
		read_name(loader, "zone", cfg_title(section), &zone->place, zone->name);
		read_fields(loader, &conf_tables[CONF_ZONE], section, zone);
	}
}

static void read_groups(struct loader *loader)
{
	struct conf *conf = loader->conf;
	size_t from = 0;
	size_t n = cfg_size(loader->root, "group");
	conf->groups = n > 0 ? calloc(n, sizeof(*conf->groups)) : NULL;
	if (n > 0 && conf->groups == NULL) {
		loader->nomem = true;
		return;
	}
	for (conf->n_groups = 0; conf->n_groups < n; conf->n_groups++) {
		struct conf_group *group = &conf->groups[conf->n_groups];
		cfg_t *section = cfg_getnsec(loader->root, "group", (unsigned)conf->n_groups);
		group->place = find_section(loader, "group", 0, &from);
		read_name(loader, "group", cfg_title(section), &group->place, group->name);
		read_fields(loader, &conf_tables[CONF_GROUP], section, group);
		struct conf_route whose = {.scope = NG_SCOPE_GROUP, .outer = conf->n_groups};
		read_inner_routes(loader, section, &whose, group->name, from);
	}
}

static void read_sandboxes(struct loader *loader)
{
	struct conf *conf = loader->conf;
	size_t from = 0;
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
		sandbox->place = find_section(loader, "sandbox", 0, &from);
		read_name(loader, "sandbox", cfg_title(section), &sandbox->place,
			  sandbox->name);
		read_fields(loader, &conf_tables[CONF_SANDBOX], section, sandbox);
		struct conf_route whose = {.scope = NG_SCOPE_SANDBOX,
					   .outer = conf->n_sandboxes};
		read_inner_routes(loader, section, &whose, sandbox->name, from);
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
	read_all_routes(loader);
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
			code = openings_read(loader->text, &loader->openings);
		if (code == NG_OK)
			code = parse(loader);
	}
	if (code == NG_OK)
		code = build(loader);
	if (code == NG_OK && loader->diags->errors == errors) {
		struct tree tree = {loader->conf->path, loader->conf, loader->root};
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
	openings_finish(&loader.openings);
	free(loader.text);
	if (code == NG_OK)
		*out = loader.conf;
	else
		conf_free(loader.conf);
	return code;
}
