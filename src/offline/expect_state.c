/*
 * What facts are about: the policy, the sandbox, the world, and the time. A configuration is read
 * when the first fact needs it, and again when time passes the `until` of one of its rules, as the
 * daemon does; what was resolved before stays then. Another policy or world begins anew.
 */
#include "config.h"

#include "offline/expect_inside.h"

#include "conf/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 20                               /* findings that a message repeats */
#define TIME_MAX  (100 * 366 * 86400ull * 1000000) /* of invented time */

static uint64_t wall_s(const struct expect *expect)
{
	return expect->clock_s + expect->now_us / 1000000;
}

/* ---- forgetting ---- */

static void everything_forget(struct expect *expect)
{
	trial_free(expect->everything);
	free(expect->asked);
	expect->everything = NULL;
	expect->asked = NULL;
}

static void trees_forget(struct expect *expect)
{
	struct source_tree *tree, *next;
	HASH_ITER (hh, expect->trees, tree, next) {
		HASH_DEL(expect->trees, tree);
		below_free(tree->below);
		free(tree);
	}
}

void state_forget(struct expect *expect)
{
	struct resolved *resolved, *next;
	HASH_ITER (hh, expect->resolved, resolved, next) {
		HASH_DEL(expect->resolved, resolved);
		free(resolved->now.items);
		free(resolved->ever.items);
		free(resolved);
	}
	everything_forget(expect);
	trial_free(expect->trial);
	expect->trial = NULL;
}

static void policy_forget(struct expect *expect)
{
	state_forget(expect);
	trees_forget(expect);
	setup_free(expect->setup);
	expect->setup = NULL;
	expect->sandbox = NULL;
	expect->label[0] = '\0';
	for (size_t i = 0; i < expect->n_sources; i++)
		free(expect->sources[i]);
	free(expect->sources);
	free(expect->origin.raw);
	expect->sources = NULL;
	expect->n_sources = 0;
	expect->origin = (struct origin){0};
}

void state_finish(struct expect *expect)
{
	policy_forget(expect);
	world_free(expect->world);
}

/* ---- reading ---- */

static const char *errors_text(const struct ng_diags *diags, char *buf, size_t size)
{
	size_t used = 0, shown = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < diags->n && used + 2 < size; i++) {
		if (diags->items[i].severity != NG_ERROR || shown++ >= SHOWN_MAX)
			continue;
		memcpy(buf + used, "\n  ", 4);
		ng_diag_format(&diags->items[i], buf + used + 3, size - used - 3);
		used += strlen(buf + used);
	}
	if (shown > SHOWN_MAX)
		snprintf(buf + used, size - used, "\n  and %zu more errors", shown - SHOWN_MAX);
	return buf;
}

/* Tells it of the line that named the policy. */
static void policy_unusable(struct expect *expect, int code, const struct ng_diags *diags)
{
	char errors[EXPECT_MESSAGE_MAX / 2];
	const struct line here = expect->line;
	const struct word word = {.column = expect->origin.column};
	expect->line =
		(struct line){.number = expect->origin.number, .raw = expect->origin.raw};
	errors_text(diags, errors, sizeof(errors));
	expect_stop(expect, &word, "the %s cannot be used:%s%s",
		    expect->configured ? "configuration" : "policies",
		    errors[0] != '\0' ? "" : " ",
		    errors[0] != '\0' ? errors : ng_strerror(code));
	expect->line = here;
}

static uint64_t expiry_of(const struct setup *setup)
{
	const struct setup_source *source, *next;
	uint64_t first_s = 0;
	HASH_ITER (hh, setup->sources, source, next) {
		uint64_t end_s = ng_ruleset_expires(source->ruleset);
		if (end_s != 0 && (first_s == 0 || end_s < first_s))
			first_s = end_s;
	}
	return first_s;
}

static bool setup_load(struct expect *expect, struct setup **out)
{
	struct setup_wish wish = {.now_s = wall_s(expect), .folder = expect->folder};
	struct ng_diags diags;
	if (expect->configured) {
		wish.config = expect->sources[0];
	} else {
		wish.policies = (const char *const *)expect->sources;
		wish.n_policies = expect->n_sources;
	}
	ng_diags_init(&diags);
	int code = setup_read(&wish, &diags, out);
	if (code != NG_OK)
		policy_unusable(expect, code, &diags);
	else
		expect->expires_s = expiry_of(*out);
	ng_diags_finish(&diags);
	return code == NG_OK;
}

static bool setup_need(struct expect *expect, const struct word *word)
{
	if (expect->setup != NULL)
		return true;
	if (expect->n_sources == 0) {
		expect_stop(
			expect, word,
			"no policy is named yet; write `config FILE` or `policies = FILE...` "
			"above");
		return false;
	}
	return setup_load(expect, &expect->setup);
}

/* The same files at another time; leases that their rules still justify stay. */
static void setup_again(struct expect *expect)
{
	struct setup *next;
	char name[NG_SANDBOX_NAME_MAX] = "";
	if (expect->setup == NULL || !setup_load(expect, &next))
		return;
	if (expect->sandbox != NULL)
		memcpy(name, expect->sandbox->spec->name, sizeof(name));
	int code = expect->trial != NULL ? trial_apply(expect->trial, next) : NG_OK;
	if (code != NG_OK) {
		setup_free(next);
		expect_stop(expect, NULL, "the engine does not take the policy again: %s",
			    ng_strerror(code));
		return;
	}
	everything_forget(expect);
	trees_forget(expect);
	setup_free(expect->setup);
	expect->setup = next;
	expect->sandbox = name[0] != '\0' ? setup_find(next, name) : NULL;
}

/* ---- statements ---- */

static bool source_keep(struct expect *expect, const char *name)
{
	char **more = reallocarray(expect->sources, expect->n_sources + 1, sizeof(*more));
	char *kept = expect->configured ? file_beside(name, expect->folder) : strdup(name);
	if (more != NULL)
		expect->sources = more;
	if (more == NULL || kept == NULL) {
		free(kept);
		return false;
	}
	more[expect->n_sources++] = kept;
	return true;
}

void state_config(struct expect *expect)
{
	const struct line *line = &expect->line;
	bool configured = strcmp(line->words[0].text, "config") == 0;
	if (line->n < 2 || (configured && line->n > 2)) {
		expect_stop(expect, &line->words[line->n > 2 ? 2 : 0],
			    configured ? "config takes one file"
				       : "policies takes at least one file or preset:NAME");
		return;
	}
	policy_forget(expect);
	expect->configured = configured;
	expect->origin = (struct origin){.number = line->number,
					 .column = line->words[1].column,
					 .raw = strdup(line->raw)};
	bool kept = expect->origin.raw != NULL;
	for (size_t i = 1; i < line->n && kept; i++)
		kept = source_keep(expect, line->words[i].text);
	if (!kept)
		expect_stop(expect, NULL, "memory is out");
}

static int world_read(struct expect *expect, const struct word *word, struct world *world,
		      struct ng_diags *diags)
{
	const struct ng_place place = {expect->path, expect->line.number, word->column};
	char *path = file_beside(word->text, expect->folder);
	int code = path != NULL ? world_add_file(world, path, &place, diags) : NG_E_NOMEM;
	free(path);
	return code;
}

void state_answers(struct expect *expect)
{
	const struct line *line = &expect->line;
	char errors[EXPECT_MESSAGE_MAX / 2];
	struct ng_diags diags;
	if (line->n < 2) {
		expect_stop(expect, &line->words[0], "answers takes at least one zone file");
		return;
	}
	state_forget(expect);
	world_free(expect->world);
	expect->world = NULL;
	ng_diags_init(&diags);
	int code = world_create(&expect->world);
	for (size_t i = 1; i < line->n && code == NG_OK; i++) {
		code = world_read(expect, &line->words[i], expect->world, &diags);
		errors_text(&diags, errors, sizeof(errors));
		if (code != NG_OK)
			expect_stop(expect, &line->words[i], "the answers cannot be used:%s%s",
				    errors[0] != '\0' ? "" : " ",
				    errors[0] != '\0' ? errors : ng_strerror(code));
	}
	if (code != NG_OK)
		expect_stop(expect, NULL, "memory is out");
	ng_diags_finish(&diags);
}

static void sandbox_missing(struct expect *expect, const struct word *word, const char *what)
{
	const struct setup *setup = expect->setup;
	char names[512];
	size_t used = 0;
	names[0] = '\0';
	for (size_t i = 0; i < setup->n_sandboxes && used + 80 < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
					 i > 0 ? ", " : "", setup->specs[i].name);
	expect_stop(expect, word, "%s; the configuration has %s%s", what,
		    setup->n_sandboxes > 0 ? names : "no sandbox at all",
		    used + 80 >= sizeof(names) ? " ..." : "");
}

static void sandbox_choose(struct expect *expect, const struct setup_sandbox *sandbox,
			   const char *label)
{
	expect->sandbox = sandbox;
	snprintf(expect->label, sizeof(expect->label), "%s", label);
}

void state_sandbox(struct expect *expect)
{
	const struct line *line = &expect->line;
	const struct word *word = &line->words[line->n > 1];
	if (line->n != 2) {
		expect_stop(expect, word, "sandbox takes one name");
		return;
	}
	if (!setup_need(expect, word))
		return;
	if (!expect->configured) {
		if (expect->label[0] != '\0' && strcmp(expect->label, word->text) != 0)
			expect_stop(
				expect, word,
				"policies make one sandbox, and it is called %s already; for "
				"several, name a configuration",
				expect->label);
		else
			sandbox_choose(expect, &expect->setup->sandboxes[0], word->text);
		return;
	}
	const struct setup_sandbox *sandbox = setup_find(expect->setup, word->text);
	if (sandbox == NULL)
		sandbox_missing(expect, word, "there is no such sandbox");
	else
		sandbox_choose(expect, sandbox, word->text);
}

bool state_ready(struct expect *expect, const struct word *word)
{
	if (!setup_need(expect, word))
		return false;
	if (expect->sandbox != NULL)
		return true;
	if (expect->setup->n_sandboxes != 1) {
		sandbox_missing(expect, word,
				"no sandbox is named yet; write `sandbox NAME` above");
		return false;
	}
	sandbox_choose(expect, &expect->setup->sandboxes[0], expect->setup->specs[0].name);
	return true;
}

void state_clock(struct expect *expect)
{
	const struct line *line = &expect->line;
	uint64_t passed_s = expect->now_us / 1000000, s;
	if (line->n != 2 || !expect_clock(line->words[1].text, &s) || s < passed_s) {
		expect_stop(expect, &line->words[line->n > 1],
			    "clock takes a time of UTC, such as 2026-12-31 or "
			    "2026-12-31T18:00Z, or seconds since 1970");
		return;
	}
	expect->clock_s = s - passed_s;
	setup_again(expect);
}

void state_pass(struct expect *expect, uint64_t us)
{
	if (us > TIME_MAX || expect->now_us + us > TIME_MAX) {
		expect_stop(expect, &expect->line.words[1],
			    "that is more than a hundred years");
		return;
	}
	expect->now_us += us;
	if (expect->trial != NULL)
		trial_advance(expect->trial, expect->now_us);
	if (expect->expires_s != 0 && wall_s(expect) >= expect->expires_s)
		setup_again(expect);
}

/* ---- on demand ---- */

bool state_trial(struct expect *expect)
{
	const struct trial_wish wish = {.setup = expect->setup, .world = expect->world};
	if (expect->trial != NULL)
		return true;
	int code = trial_create(&wish, &expect->trial);
	if (code != NG_OK)
		expect_stop(expect, NULL, "the engine does not take the policy: %s",
			    ng_strerror(code));
	else
		trial_advance(expect->trial, expect->now_us);
	return code == NG_OK;
}

const struct below *state_tree(struct expect *expect, const struct ng_ruleset *ruleset)
{
	struct source_tree *tree;
	HASH_FIND_PTR(expect->trees, &ruleset, tree);
	if (tree != NULL)
		return tree->below;
	tree = calloc(1, sizeof(*tree));
	if (tree == NULL || below_create(ruleset, &tree->below) != NG_OK) {
		free(tree);
		return NULL;
	}
	tree->ruleset = ruleset;
	HASH_ADD_PTR(expect->trees, ruleset, tree);
	if (tree->hh.tbl == NULL) {
		below_free(tree->below);
		free(tree);
		return NULL;
	}
	return tree->below;
}
