/*
 * The policy sources of a scene: host lists and response policy zones, as text below a line or in
 * a file. A list belongs to the sandboxes that name it; one that nobody names holds for all. What a
 * source must not say is a scene as well: `refuse` wants the compiler to refuse it, and why.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list *list_find(const struct scene *scene, const char *name)
{
	struct list *list;

	DL_FOREACH (scene->lists, list) {
		if (strcmp(list->name, name) == 0)
			return list;
	}
	return NULL;
}

void list_free(struct list *list)
{
	if (!list)
		return;
	ng_ruleset_close(list->rules);
	ng_image_finish(&list->image);
	free(list->name);
	free(list->text);
	free(list->origin);
	free(list->target);
	free(list);
}

static struct list *list_make(const char *name)
{
	struct list *list = scene_alloc(sizeof(*list));

	list->name = scene_copy(name, strlen(name));
	return list;
}

/* ---- compiling ---- */

static void diags_show(struct scene *scene, const struct ng_diags *diags)
{
	char text[1024];

	for (size_t i = 0; i < diags->n; i++)
		fprintf(scene->report, "    %s\n",
			ng_diag_format(&diags->items[i], text, sizeof(text)));
}

static int list_compile(const struct scene *scene, struct list *list, struct ng_diags *diags)
{
	list->source.path = list->name;
	list->source.text = list->text;
	list->source.len = strlen(list->text);
	list->source.origin = list->origin;
	list->source.override_target = list->target;
	list->source.now_s = scene->clock_s ? scene->clock_s + scene->now_us / 1000000u : 0;
	return ng_compile(&list->source, diags, &list->image);
}

static bool diags_hold(const struct ng_diags *diags, enum ng_severity severity,
		       const char *code)
{
	for (size_t i = 0; i < diags->n; i++) {
		if (diags->items[i].severity == severity &&
		    strcmp(diags->items[i].code, code) == 0)
			return true;
	}
	return false;
}

/* warned: the code of a warning that must come; NULL: none need. */
static bool list_open(struct reader *reader, struct list *list, const char *warned)
{
	struct scene *scene = reader->scene;
	struct ng_diags diags;
	int error;

	ng_diags_init(&diags);
	error = list_compile(scene, list, &diags);
	if (!error)
		error = ng_ruleset_open(list->image.octets, list->image.len, &list->rules);
	if (error) {
		word_bad(reader, "the policy `%s` cannot be used: %s", list->name,
			 ng_strerror(error));
		diags_show(scene, &diags);
	} else if (warned && !diags_hold(&diags, NG_WARNING, warned)) {
		scene_stop(scene, SCENE_FAILED, reader->line, 1,
			   "the policy `%s` loads without the warning [%s]", list->name,
			   warned);
		diags_show(scene, &diags);
	}
	ng_diags_finish(&diags);
	return !error;
}

/* ---- reading ---- */

static const struct {
	const char *name;
	enum ng_override override;
} overrides[] = {
	{"given", NG_OVERRIDE_GIVEN},       {"passthru", NG_OVERRIDE_PASSTHRU},
	{"drop", NG_OVERRIDE_DROP},         {"tcp-only", NG_OVERRIDE_TCP_ONLY},
	{"nxdomain", NG_OVERRIDE_NXDOMAIN}, {"nodata", NG_OVERRIDE_NODATA},
	{"disabled", NG_OVERRIDE_DISABLED}, {"cname", NG_OVERRIDE_CNAME},
};

static void override_read(struct reader *reader, struct list *list)
{
	const char *word = need_word(reader, "an override");

	for (size_t i = 0; i < sizeof(overrides) / sizeof(overrides[0]); i++) {
		if (strcmp(word, overrides[i].name) != 0)
			continue;
		list->source.override = overrides[i].override;
		if (overrides[i].override != NG_OVERRIDE_CNAME)
			return;
		word = need_word(reader, "the target of the override");
		list->target = scene_copy(word, strlen(word));
		return;
	}
	word_bad(reader, "there is no such override");
}

/* A zone's own name is NAME, unless `origin` says otherwise. */
static void rpz_options(struct reader *reader, struct list *list)
{
	const char *origin = list->name;

	list->source.format = NG_FORMAT_RPZ;
	for (;;) {
		if (word_accept(reader, "override"))
			override_read(reader, list);
		else if (word_accept(reader, "origin"))
			origin = need_word(reader, "the name of the zone");
		else
			break;
	}
	list->origin = scene_copy(origin, strlen(origin));
}

static char *policy_file(struct scene *scene, struct reader *reader, const char *name)
{
	const char *slash = strrchr(scene->path, '/');
	char *path = name[0] == '/' || !slash
			     ? scene_copy(name, strlen(name))
			     : scene_format("%.*s/%s", (int)(slash - scene->path), scene->path,
					    name);
	FILE *file = fopen(path, "re"), *out;
	char buffer[4096], *text = NULL;
	size_t n, len;

	out = open_memstream(&text, &len);
	if (!file || !out)
		word_bad(reader, "%s cannot be opened: %s", path, strerror(errno));
	while (file && out && (n = fread(buffer, 1, sizeof(buffer), file)))
		fwrite(buffer, 1, n, out);
	if (file)
		fclose(file);
	if (out)
		fclose(out);
	free(path);
	return text ? text : scene_alloc(1);
}

/* The new source takes the place of one of the same name, which is returned. */
static struct list *list_put(struct scene *scene, struct list *list)
{
	struct list *old = list_find(scene, list->name);

	if (old) {
		DL_REPLACE_ELEM(scene->lists, old, list);
		old->next = NULL;
		old->prev = old;
	} else {
		DL_APPEND(scene->lists, list);
	}
	return old;
}

/* Name, options, and the text below. */
static struct list *source_read(struct reader *reader, const char *kind)
{
	struct scene *scene = reader->scene;
	struct list *list = list_make(need_word(reader, "the name of a policy"));

	if (strcmp(kind, "rpz") == 0)
		rpz_options(reader, list);
	return scene->stopped ? (list_free(list), NULL) : list;
}

struct list *policy_read(struct reader *reader, const char *kind)
{
	struct scene *scene = reader->scene;
	struct list *list = source_read(reader, kind);
	const char *warned = NULL;

	if (!list)
		return NULL;
	if (word_accept(reader, "warns"))
		warned = need_word(reader, "the code of a warning");
	words_done(reader);
	if (!scene->stopped)
		list->text = strcmp(kind, "file") == 0 ? policy_file(scene, reader, list->name)
						       : scene_block(scene, reader->line);
	if (list->text && strcmp(kind, "rpz") != 0)
		list->source.format = ng_source_sniff(list->text, strlen(list->text));
	if (!scene->stopped && list_open(reader, list, warned))
		return list_put(scene, list);
	list_free(list);
	return NULL;
}

void policy_refuse(struct reader *reader)
{
	struct scene *scene = reader->scene;
	const char *kind = need_word(reader, "`list` or `rpz`"), *code;
	struct list *list = source_read(reader, kind);
	struct ng_diags diags;

	if (!list)
		return;
	code = need_word(reader, "the code of an error");
	words_done(reader);
	list->text = scene_block(scene, reader->line);
	ng_diags_init(&diags);
	if (!scene->stopped &&
	    (!list_compile(scene, list, &diags) || !diags_hold(&diags, NG_ERROR, code))) {
		scene_stop(scene, SCENE_FAILED, reader->line, 1,
			   "the policy `%s` is not refused with [%s]", list->name, code);
		diags_show(scene, &diags);
	}
	ng_diags_finish(&diags);
	list_free(list);
	scene->n_checks++;
}

struct list *policy_reload(struct reader *reader)
{
	struct scene *scene = reader->scene;
	struct list *old = scene->lists, *from;

	scene->lists = NULL;
	DL_FOREACH (old, from) {
		struct list *list = list_make(from->name);

		list->source = from->source;
		list->text = scene_copy(from->text, strlen(from->text));
		list->origin =
			from->origin ? scene_copy(from->origin, strlen(from->origin)) : NULL;
		list->target =
			from->target ? scene_copy(from->target, strlen(from->target)) : NULL;
		DL_APPEND(scene->lists, list);
		if (!list_open(reader, list, NULL))
			break;
	}
	return old;
}

/* ---- approvals ---- */

/* The lines of text but for that one, and with it at the end when it is to be there. */
static char *text_with(const char *text, const char *line, bool add)
{
	char *out_text = NULL, *copy = scene_copy(text, strlen(text)), *rest = copy, *at;
	size_t len;
	FILE *out = open_memstream(&out_text, &len);

	while (out && (at = strsep(&rest, "\n"))) {
		if (*at && strcmp(at, line) != 0)
			fprintf(out, "%s\n", at);
	}
	if (out && add)
		fprintf(out, "%s\n", line);
	if (out)
		fclose(out);
	free(copy);
	return out_text ? out_text : scene_alloc(1);
}

struct list *approvals_change(struct reader *reader, struct box *box, bool add)
{
	struct ng_name name = need_name(reader);
	struct list *old = box->approvals, *list;
	char line[NG_NAME_TEXT_MAX], path[NG_PATH_MAX];

	snprintf(path, sizeof(path), "approvals of %s", box->spec.name); /* as the daemon's */
	list = list_make(path);
	ng_name_to_text(&name, line);
	list->text = text_with(old ? old->text : "", line, add);
	box->approvals = NULL;
	if (reader->scene->stopped || !*list->text || !list_open(reader, list, NULL))
		list_free(list);
	else
		box->approvals = list;
	return old;
}
