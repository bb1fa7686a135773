/*
 * `namegate convert`: a host list as an RPZ zone, and back. The source is compiled as the gate would
 * compile it, and what the image says is written in the other form; so nothing is converted that
 * was not understood. What the other form has no words for is named with its place, and left out.
 */
#include "config.h"

#include "cli/output.h"
#include "cli/verbs.h"
#include "conf/files.h"
#include "conf/sources.h"
#include "policy/image.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define ORIGIN "rpz.namegate"

static const char help[] =
	"usage: namegate convert FILE --to rpz|list [--origin NAME]\n\n"
	"Writes a host list as an RPZ zone, or a zone as a host list, to standard output. "
	"Lists "
	"that\n"
	"it includes become part of it. What the other form cannot say (options, ask, "
	"addresses; "
	"data,\n"
	"drop, tcp-only, address triggers) is named with its place on standard error and left "
	"out.\n\n"
	"  -t, --to FORM      rpz or list\n"
	"      --origin NAME  the zone's name; " ORIGIN " when left out\n\n"
	"Exit codes: 0 all of it was converted, 1 some was left out, 2 FILE cannot be used.\n";

struct entry { /* of the image, put in the order of its lines */
	struct image_rule rule;
	const uint8_t *name;
};

struct rule {
	struct image_rule image;
	struct ng_name name;
	struct ng_bounds bounds;
};

struct convert {
	const char *path, *origin;
	bool to_rpz;
	struct ng_diags diags;
	struct ng_image image;
	struct ng_ruleset *ruleset;
	struct image_view view;
};

/* ---- what the other form cannot say ---- */

static void left_out(struct convert *convert, uint32_t line, uint32_t column, const char *what)
{
	struct ng_place place = {.column = column};
	uint32_t file = image_file_of(&convert->view, &line);
	place.path = image_path(&convert->view, file);
	place.line = line;
	ng_diag_add(&convert->diags, NG_ERROR, &place, "convert-left-out",
		    "keep it in a source of the form that has it", "%s, and is left out", what);
}

/* NULL when a host list can say it. */
static const char *list_lacks(const struct rule *rule)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned action = (rule->image.kind & ~IMAGE_WILDCARD) - 1u;
	if (action != NG_ACTION_PASSTHRU && action != NG_ACTION_NXDOMAIN)
		return "a list has no words for this action";
	if (rule->name.len == 1 && !(rule->image.kind & IMAGE_WILDCARD))
		return "a list cannot name the root";
	for (const uint8_t *at = rule->name.wire; *at != 0; at += 1 + *at) {
		size_t digits = 0;
		while (digits < *at && at[1 + digits] >= '0' && at[1 + digits] <= '9')
			digits++;
		if (digits == *at && at[1 + *at] == 0)
			return "a list takes a name that ends in a number for an address";
		for (size_t i = 1; i <= *at; i++) {
			if (at[i] == 0 || strchr(letters, at[i]) == NULL)
				return "a list holds host names, and this name is none";
		}
	}
	return NULL;
}

static const char *rpz_lacks(const struct rule *rule)
{
	const struct ng_bounds *bounds = &rule->bounds;
	if ((rule->image.kind & ~IMAGE_WILDCARD) == NG_ACTION_ASK + 1)
		return "a zone cannot ask";
	if (bounds->n_types > 0 || bounds->n_opened > 0 || bounds->lease_max_s > 0 ||
	    bounds->strict)
		return "a zone has no options";
	return NULL;
}

/* Rules with a last day are those that the same text leaves out when all days are over. */
static int note_days(struct convert *convert)
{
	struct ng_diags ended;
	struct ng_image image = {0};
	ng_diags_init(&ended);
	int code = source_compile_at(convert->path, NULL, NULL, UINT64_MAX, &ended, &image);
	for (size_t i = 0; i < ended.n; i++) {
		const struct ng_diag *diag = &ended.items[i];
		struct ng_place place = {diag->path, diag->line, diag->column};
		if (strcmp(diag->code, "list-expired") == 0)
			ng_diag_add(&convert->diags, NG_ERROR, &place, "convert-left-out",
				    "give the zone an end by other means",
				    "a zone has no until=, so the rule has no end there");
	}
	ng_image_finish(&image);
	ng_diags_finish(&ended);
	return code;
}

static void note_addresses(struct convert *convert)
{
	const struct image_head *head = &convert->view.head;
	for (uint32_t i = 0; i < head->statics; i++) {
		struct image_static item;
		image_item(convert->view.statics, i, &item, sizeof(item));
		left_out(convert, item.line, item.column, "a zone opens no addresses");
	}
	for (size_t section = 0; section < IMAGE_PREFIXES; section++) {
		for (uint32_t i = 0; i < head->prefixes[section]; i++) {
			struct image_prefix item;
			image_item(convert->view.prefixes[section], i, &item, sizeof(item));
			left_out(convert, item.line, item.column,
				 "a list has no rules about clients and answers");
		}
	}
}

/* ---- writing ---- */

static void write_list(const struct rule *rule)
{
	char name[NG_NAME_TEXT_MAX];
	bool deny = (rule->image.kind & ~IMAGE_WILDCARD) == NG_ACTION_NXDOMAIN + 1;
	bool star = (rule->image.kind & IMAGE_WILDCARD) != 0;
	printf("%s%s%s", deny ? "!" : "", star ? "*" : "",
	       star && rule->name.len > 1 ? "." : "");
	if (rule->name.len > 1)
		fputs(ng_name_to_text(&rule->name, name), stdout);
	for (uint8_t i = 0; i < rule->bounds.n_ports; i++)
		printf("%c%u%s", i == 0 ? ':' : ',', rule->bounds.ports[i].port,
		       rule->bounds.ports[i].proto == 17 ? "/udp" : "");
	putchar('\n');
}

static void write_rpz(const struct rule *rule)
{
	char name[NG_NAME_TEXT_MAX], owner[NG_NAME_TEXT_MAX + 4];
	bool star = (rule->image.kind & IMAGE_WILDCARD) != 0;
	ng_name_to_text(&rule->name, name);
	if (rule->name.len == 1)
		snprintf(owner, sizeof(owner), "*");
	else
		snprintf(owner, sizeof(owner), "%s%s", star ? "*." : "", name);
	if ((rule->image.kind & ~IMAGE_WILDCARD) == NG_ACTION_NXDOMAIN + 1) {
		printf("%s CNAME .\n", owner);
		return;
	}
	printf("%s CNAME rpz-passthru.\n", owner);
	for (uint8_t i = 0; i < rule->bounds.n_ports; i++)
		printf("_%u._%s.%s CNAME rpz-passthru.\n", rule->bounds.ports[i].port,
		       rule->bounds.ports[i].proto == 17 ? "udp" : "tcp", owner);
}

/* With the zone's name and a port's labels behind and before it, the owner must still be a name. */
static bool fits_zone(const struct convert *convert, const struct rule *rule)
{
	return rule->name.len + strlen(convert->origin) + strlen("_65535._tcp.*.") + 2 <=
	       NG_NAME_MAX;
}

static void convert_rule(struct convert *convert, const struct rule *rule)
{
	const char *lacks = convert->to_rpz ? rpz_lacks(rule) : list_lacks(rule);
	if (lacks == NULL && convert->to_rpz && !fits_zone(convert, rule))
		lacks = "the name is too long to stand before the zone's";
	if (lacks != NULL)
		left_out(convert, rule->image.line, rule->image.column, lacks);
	else if (convert->to_rpz)
		write_rpz(rule);
	else
		write_list(rule);
}

static int entry_order(const void *a, const void *b)
{
	const struct image_rule *one = &((const struct entry *)a)->rule;
	const struct image_rule *two = &((const struct entry *)b)->rule;
	if (one->line != two->line)
		return one->line < two->line ? -1 : 1;
	if (one->column != two->column)
		return (int)one->column - two->column;
	return (int)(one->kind & IMAGE_WILDCARD) - (two->kind & IMAGE_WILDCARD);
}

static int convert_rules(struct convert *convert)
{
	const struct image_view *view = &convert->view;
	size_t n = 0;
	uint32_t at = 0;
	struct entry *entries = calloc(view->head.rules + 1u, sizeof(*entries));
	if (entries == NULL)
		return NG_E_NOMEM;
	while (n < view->head.rules &&
	       image_rule(view, &at, view->head.rules_len, &entries[n].rule, &entries[n].name))
		n++;
	qsort(entries, n, sizeof(*entries), entry_order);
	int code = NG_OK;
	for (size_t i = 0; i < n && code == NG_OK; i++) {
		struct rule rule = {.image = entries[i].rule};
		code = ng_name_from_wire(entries[i].name, rule.image.len, &rule.name);
		if (rule.image.extra != 0 &&
		    !image_bounds(view, rule.image.extra, &rule.bounds))
			code = NG_E_FORMAT;
		if (code == NG_OK)
			convert_rule(convert, &rule);
	}
	free(entries);
	return code;
}

/* ---- the call ---- */

/* A source that has the wanted form already has nothing to be converted. */
static int read_form(struct convert *convert)
{
	struct ng_place place = {convert->path, 0, 0};
	char *text;
	size_t len;
	int code =
		file_read(convert->path, SOURCE_SIZE_MAX, &place, &convert->diags, &text, &len);
	if (code != NG_OK)
		return code;
	bool rpz = ng_source_sniff(text, len) == NG_FORMAT_RPZ;
	free(text);
	if (rpz != convert->to_rpz)
		return NG_OK;
	ng_diag_add(&convert->diags, NG_ERROR, &place, "convert-form", "ask for the other form",
		    "this is %s already", rpz ? "a zone" : "a list");
	return NG_E_SYNTAX;
}

static int open_source(struct convert *convert)
{
	int code = read_form(convert);
	if (code == NG_OK)
		code = source_compile(convert->path, NULL, NULL, &convert->diags,
				      &convert->image);
	if (code == NG_OK)
		code = ng_ruleset_open(convert->image.octets, convert->image.len,
				       &convert->ruleset);
	return code == NG_OK
		       ? image_view(convert->image.octets, convert->image.len, &convert->view)
		       : code;
}

static int run(struct convert *convert)
{
	int code = open_source(convert);
	if (code == NG_OK && convert->to_rpz) {
		printf("$TTL 300\n$ORIGIN %s.\n@ SOA localhost. root.localhost. 1 3600 600 "
		       "86400 300\n@ NS localhost.\n",
		       convert->origin);
		code = note_days(convert);
	}
	if (code == NG_OK)
		code = convert_rules(convert);
	if (code == NG_OK)
		note_addresses(convert);
	output_diags(&convert->diags, stderr);
	if (code != NG_OK)
		return output_end(EXIT_UNUSABLE);
	return output_end(convert->diags.errors > 0 ? EXIT_DENIED : EXIT_DONE);
}

static const struct option options[] = {
	{"to", required_argument, NULL, 't'},
	{"origin", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* A whole name with or without its final dot; it is written with one. */
static bool origin_fits(const char *origin)
{
	struct ng_name name;
	return ng_name_from_text(origin, strlen(origin), &name) == NG_OK && name.len > 1 &&
	       origin[strlen(origin) - 1] != '.';
}

int verb_convert(int argc, char **argv)
{
	struct convert convert = {.origin = ORIGIN};
	const char *to = "";
	for (int c; (c = getopt_long(argc, argv, "t:h", options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(help, stdout);
			return output_end(EXIT_DONE);
		}
		if (c == '?')
			return output_usage("convert", "that is not an option of it");
		*(c == 't' ? &to : &convert.origin) = optarg;
	}
	convert.to_rpz = strcmp(to, "rpz") == 0;
	if (!convert.to_rpz && strcmp(to, "list") != 0)
		return output_usage("convert", "say --to rpz or --to list");
	if (optind + 1 != argc)
		return output_usage("convert", "it takes one FILE");
	if (!origin_fits(convert.origin))
		return output_usage("convert", "--origin is a domain name without a final dot");
	convert.path = argv[optind];
	ng_diags_init(&convert.diags);
	int code = run(&convert);
	ng_ruleset_close(convert.ruleset);
	ng_image_finish(&convert.image);
	ng_diags_finish(&convert.diags);
	return code;
}
