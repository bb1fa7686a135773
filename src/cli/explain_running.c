/*
 * The gate answers with tables; of these what concerns one sandbox is taken over as the gate itself has it:
 * a refusal speaks before an approval of the same name, whether they are of the sandbox or of all.
 */
#include "config.h"
#include "cli/explain_running.h"

#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_NAME "(approvals)" /* as no file is called */

static const char *text(const json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));
	return value != NULL ? value : "";
}

static bool concerns(const json_t *row, const char *sandbox)
{
	return strcmp(text(row, "scope"), "global") == 0 ||
	       strcmp(text(row, "sandbox"), sandbox) == 0;
}

static bool is_refused(const json_t *row)
{
	return strcmp(text(row, "decision"), "refused") == 0;
}

/* Refusals first, then the first one that came. */
static bool speaks(const json_t *rows, size_t at, const char *sandbox)
{
	const json_t *one = json_array_get(rows, at), *other;
	size_t i;
	json_array_foreach(rows, i, other)
	{
		if (i == at || !concerns(other, sandbox) ||
		    strcmp(text(other, "name"), text(one, "name")) != 0)
			continue;
		if (is_refused(other) != is_refused(one) ? is_refused(other) : i < at)
			return false;
	}
	return true;
}

static char *lines_of(const json_t *rows, const char *sandbox, struct running *running)
{
	size_t i, len = 0;
	const json_t *row;
	char *lines = NULL;
	FILE *to = open_memstream(&lines, &len);
	if (to == NULL)
		return NULL;
	json_array_foreach(rows, i, row)
	{
		if (!concerns(row, sandbox) || !speaks(rows, i, sandbox))
			continue;
		fprintf(to, "%s%s\n", is_refused(row) ? "!" : "", text(row, "name"));
		running->refused += is_refused(row);
		running->approved += !is_refused(row);
	}
	if (fclose(to) == 0)
		return lines;
	free(lines);
	return NULL;
}

static int take_approvals(struct running *running, struct setup *setup,
			  const struct setup_sandbox *sandbox, struct ng_diags *diags)
{
	const json_t *rows = json_object_get(running->approvals, "approvals");
	char *lines = lines_of(rows, sandbox->spec->name, running);
	if (lines == NULL)
		return NG_E_NOMEM;
	const struct setup_text list = {LINES_NAME, lines, strlen(lines)};
	int code = list.len > 0 ? setup_approve(setup, sandbox, &list, diags) : NG_OK;
	free(lines);
	return code;
}

static const json_t *row_of(const json_t *reply, const char *sandbox)
{
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(reply, "sandboxes"), i, row)
	{
		if (strcmp(text(row, "name"), sandbox) == 0)
			return row;
	}
	return NULL;
}

static bool mode_take(const char *word, struct ng_sandbox *spec)
{
	static const char *const words[] = {
		[NG_LOCKDOWN] = "lockdown", [NG_ENFORCE] = "enforce", [NG_OBSERVE] = "observe"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		spec->mode = (enum ng_mode)i;
		return true;
	}
	return false;
}

int running_take(struct running *running, struct setup *setup,
		 const struct setup_sandbox *sandbox, struct ng_diags *diags)
{
	const struct ng_place place = {running->control, 0, 0};
	const json_t *row = row_of(running->boxes, sandbox->spec->name);
	if (row == NULL || !mode_take(text(row, "mode"), sandbox->spec)) {
		ng_diag_add(diags, NG_ERROR, &place, "running-sandbox",
			    "see namegate sandbox list; namegate reload has it read its files "
			    "again",
			    "the running gate has no sandbox %s", sandbox->spec->name);
		return NG_E_NOTFOUND;
	}
	snprintf(running->mode, sizeof(running->mode), "%s", text(row, "mode"));
	snprintf(running->state, sizeof(running->state), "%s", text(row, "state"));
	return take_approvals(running, setup, sandbox, diags);
}

/* ---- asking and telling ---- */

int running_ask(const struct client_options *options, struct running *out)
{
	int code = client_ask(options, json_pack("{s:s}", "verb", "sandbox-list"), &out->boxes);
	if (code == EXIT_DONE)
		code = client_ask(options, json_pack("{s:s}", "verb", "approvals"),
				  &out->approvals);
	out->control = client_control(options);
	return code;
}

void running_finish(struct running *running)
{
	json_decref(running->boxes);
	json_decref(running->approvals);
}

void running_text(const struct running *running)
{
	if (running->control == NULL)
		printf("left out what only a running gate knows: names approved or refused, "
		       "and a "
		       "mode set since; see --control\n");
	else
		printf("running  as of %s: mode %s, %s; names approved %zu, refused %zu\n",
		       running->control, running->mode, running->state, running->approved,
		       running->refused);
}

json_t *running_json(const struct running *running)
{
	if (running->control == NULL)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "control", running->control, "mode",
			 running->mode, "state", running->state, "approved",
			 (json_int_t)running->approved, "refused",
			 (json_int_t)running->refused);
}
