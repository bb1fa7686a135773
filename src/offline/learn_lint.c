/*
 * The lines, read as the gate would read them. What it refuses or warns of is for a person to look at, so
 * those names are taken out and the rest is planned anew, until nothing is told any more.
 */
#include "config.h"
#include "offline/learn_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 16 /* of reading the lines, before all foreign names are taken out */

static char *lines_text(const struct learn_list *list, size_t *len)
{
	char *text = NULL, line[LEARN_LINE_TEXT];
	FILE *to = open_memstream(&text, len);

	if (!to)
		return NULL;
	for (size_t i = 0; i < list->n_lines; i++)
		fprintf(to, "%s\n", learn_line_text(list, &list->lines[i], line));
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

static int lines_lint(const struct learn_list *list, struct ng_diags *diags)
{
	struct ng_source source = {.path = "proposal"};
	struct ng_ruleset *ruleset = NULL;
	struct ng_lint_table *table = NULL;
	struct ng_image image = {0};
	char *text = lines_text(list, &source.len);
	int code = text ? NG_OK : NG_E_NOMEM;

	source.text = text;
	if (!code)
		code = ng_compile(&source, diags, &image);
	if (!code)
		code = ng_ruleset_open(image.octets, image.len, &ruleset);
	if (!code)
		code = ng_lint_table_create(ruleset, &table);
	if (!code)
		code = ng_lint_source(table, list->wish->hosting, diags);
	ng_lint_table_destroy(table);
	ng_ruleset_close(ruleset);
	ng_image_finish(&image);
	free(text);
	return code == NG_E_SYNTAX ? NG_OK : code; /* the diagnostics say so */
}

static int set_aside(struct learn_list *list, const struct learn_line *line, const char *reason)
{
	for (size_t i = line->begin; i < line->end; i++) {
		struct learn_name *name = &list->names[i];

		if (name->why == LEARN_ODD)
			continue;
		name->why = LEARN_ODD;
		name->rule = strdup(reason);
		if (!name->rule)
			return NG_E_NOMEM;
	}
	return NG_OK;
}

static int set_aside_told(struct learn_list *list, const struct ng_diags *diags, size_t *n)
{
	int code = NG_OK;

	*n = 0;
	for (size_t i = 0; i < diags->n && !code; i++) {
		const struct ng_diag *diag = &diags->items[i];

		if (diag->severity == NG_NOTE || !diag->line || diag->line > list->n_lines)
			continue;
		code = set_aside(list, &list->lines[diag->line - 1], diag->reason);
		++*n;
	}
	return code;
}

/* Every warning that is left is about letters beyond ASCII. */
static int set_aside_foreign(struct learn_list *list)
{
	int code = NG_OK;

	for (size_t i = 0; i < list->n_lines && !code; i++) {
		const struct ng_name *owner = &list->lines[i].owner;

		if (memmem(owner->wire, owner->len, "xn--", 4))
			code = set_aside(list, &list->lines[i],
					 "it is one of many names that look like others");
	}
	return code;
}

int lines_make(struct learn_list *list)
{
	size_t told = 1;
	int code = lines_plan(list);

	for (int round = 0; told && list->n_lines && !code; round++) {
		struct ng_diags diags;

		ng_diags_init(&diags);
		code = lines_lint(list, &diags);
		if (!code)
			code = set_aside_told(list, &diags, &told);
		if (!code && told && round == ROUNDS)
			code = set_aside_foreign(list);
		ng_diags_finish(&diags);
		list_sort(list);
		if (!code && told)
			code = lines_plan(list);
	}
	return code;
}
