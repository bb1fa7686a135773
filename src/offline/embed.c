/*
 * What <namegate/namegate.h> offers, over the set-up and the explanations of the command. libconfuse
 * keeps its scanner in variables of the process, so configurations are parsed one at a time.
 */
#include "config.h"

#include "offline/explain_words.h"

#include <namegate/message.h>
#include <namegate/namegate.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct ng_setup {
	struct setup *setup;
};

struct ng_explained {
	struct explained *explained;
	char *written; /* what the explanation borrows */
};

/* ---- reading ---- */

static pthread_mutex_t parser = PTHREAD_MUTEX_INITIALIZER;

static int wrap(struct setup *setup, struct ng_setup **out)
{
	struct ng_setup *wrapped = malloc(sizeof(*wrapped));
	if (wrapped == NULL) {
		setup_free(setup);
		return NG_E_NOMEM;
	}
	wrapped->setup = setup;
	*out = wrapped;
	return NG_OK;
}

static int read_setup(const struct setup_wish *wish, struct ng_diags *diags,
		      struct ng_setup **out)
{
	struct setup *setup;
	int code = setup_read(wish, diags, &setup);
	return code == NG_OK ? wrap(setup, out) : code;
}

int ng_setup_conf(const char *path, struct ng_diags *diags, struct ng_setup **out)
{
	const struct setup_wish wish = {.config = path};
	pthread_mutex_lock(&parser);
	int code = read_setup(&wish, diags, out);
	pthread_mutex_unlock(&parser);
	return code;
}

int ng_setup_files(const char *const *paths, size_t n, struct ng_diags *diags,
		   struct ng_setup **out)
{
	const struct setup_wish wish = {.policies = paths, .n_policies = n};
	return read_setup(&wish, diags, out);
}

static int copy_texts(const struct ng_text *texts, size_t n, struct setup_text **out)
{
	struct setup_text *copies = calloc(n + 1, sizeof(*copies));
	if (copies == NULL)
		return NG_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		copies[i] = (struct setup_text){texts[i].name, texts[i].text, texts[i].len};
	*out = copies;
	return NG_OK;
}

int ng_setup_texts(const struct ng_text *texts, size_t n, struct ng_diags *diags,
		   struct ng_setup **out)
{
	struct setup_text *copies;
	int code = copy_texts(texts, n, &copies);
	if (code != NG_OK)
		return code;
	const struct setup_wish wish = {.texts = copies, .n_texts = n};
	code = read_setup(&wish, diags, out);
	free(copies);
	return code;
}

void ng_setup_free(struct ng_setup *setup)
{
	if (setup == NULL)
		return;
	setup_free(setup->setup);
	free(setup);
}

const char *ng_setup_sandbox(const struct ng_setup *setup, size_t i)
{
	return i < setup->setup->n_sandboxes ? setup->setup->specs[i].name : NULL;
}

/* ---- deciding ---- */

static void say_rule(const struct ng_sandbox *spec, const struct ng_decision *decision,
		     const struct ng_name *name, struct ng_ruling *ruling)
{
	char owner[EXPLAIN_OWNER] = "", reason[EXPLAIN_TEXT];
	if (decision->matched) {
		snprintf(ruling->path, sizeof(ruling->path), "%s", decision->match.path);
		ruling->line = decision->match.line;
		ruling->column = decision->match.column;
		ruling->scope = decision->scope;
		explain_owner(&decision->match, name, owner);
	}
	explain_reason(spec, decision, owner, reason);
	memcpy(ruling->reason, reason, strnlen(reason, sizeof(ruling->reason) - 1));
}

int ng_decide(const struct ng_setup *setup, const char *sandbox, const char *name,
	      struct ng_ruling *out)
{
	const struct setup_sandbox *found = setup_find(setup->setup, sandbox);
	struct ng_ruling ruling = {0};
	struct ng_decision decision;
	struct ng_name asked;
	if (found == NULL)
		return NG_E_NOTFOUND;
	if (explain_name(name, &asked) != NULL)
		return NG_E_FORMAT;
	const struct ng_sandbox *spec = found->spec;
	const struct ng_addr client = explain_client(spec);
	const struct ng_subject subject = {.names = &asked,
					   .n_names = 1,
					   .client = ng_addr_len(&client) > 0 ? &client : NULL};
	ng_policy_judge(&spec->policy, &subject, &decision);
	if (spec->mode == NG_LOCKDOWN)
		decision.verdict = NG_DENY;
	ruling.verdict = decision.verdict;
	ruling.passes = spec->mode == NG_OBSERVE || ruling.verdict == NG_ALLOW;
	ruling.matched = decision.matched;
	say_rule(spec, &decision, &asked, &ruling);
	*out = ruling;
	return NG_OK;
}

/* ---- explaining ---- */

int ng_explain_name(const struct ng_setup *setup, const char *sandbox, const char *name,
		    uint16_t type, struct ng_explained **out)
{
	const struct setup_sandbox *found = setup_find(setup->setup, sandbox);
	if (found == NULL)
		return NG_E_NOTFOUND;
	struct ng_explained *explained = calloc(1, sizeof(*explained));
	if (explained == NULL)
		return NG_E_NOMEM;
	explained->written = strdup(name);
	const struct explain_question question = {.written = explained->written,
						  .type = type != 0 ? type : NG_TYPE_A};
	int code = explained->written != NULL
			   ? explain_make(setup->setup, found, &question, &explained->explained)
			   : NG_E_NOMEM;
	if (code != NG_OK) {
		ng_explained_free(explained);
		return code;
	}
	*out = explained;
	return NG_OK;
}

void ng_explained_free(struct ng_explained *explained)
{
	if (explained == NULL)
		return;
	explain_free(explained->explained);
	free(explained->written);
	free(explained);
}

const struct ng_explanation *ng_explained_why(const struct ng_explained *explained)
{
	return &explained->explained->why;
}

char *ng_explained_text(const struct ng_explained *explained)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);
	if (stream == NULL)
		return NULL;
	explain_text(explained->explained, stream);
	bool failed = ferror(stream) != 0;
	if (fclose(stream) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

/* By the C library's own allocator, whatever jansson was told to use. */
char *ng_explained_json(const struct ng_explained *explained)
{
	json_t *object = explain_json(explained->explained);
	size_t len = object != NULL ? json_dumpb(object, NULL, 0, JSON_COMPACT) : 0;
	char *text = len > 0 ? malloc(len + 1) : NULL;
	if (text != NULL) {
		json_dumpb(object, text, len, JSON_COMPACT);
		text[len] = '\0';
	}
	json_decref(object);
	return text;
}
