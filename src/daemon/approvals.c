/*
 * The table of approvals, as text and as the lines of a list.
 */
#include "daemon/approvals.h"

#include <jansson.h>
#include <namegate/policy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the registry's text ---- */

char *approval_text(const struct approval *approval)
{
	json_t *object =
		json_pack("{s:I, s:b, s:s, s:I, s:I, s:I}", "sandbox",
			  (json_int_t)approval->sandbox, "refused", (int)approval->refused,
			  "name", approval->name, "made", (json_int_t)approval->made_s, "until",
			  (json_int_t)approval->until_s, "uid", (json_int_t)approval->uid);
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	return text;
}

bool approval_read(uint64_t id, const char *text, size_t len, struct approval *out)
{
	json_int_t sandbox = -1, made = -1, until = -1, uid = -1;
	int refused = 1;
	const char *name = NULL;
	json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	bool good = object &&
		    !json_unpack(object, "{s:I, s:b, s:s, s:I, s:I, s:I!}", "sandbox", &sandbox,
				 "refused", &refused, "name", &name, "made", &made, "until",
				 &until, "uid", &uid) &&
		    sandbox >= 0 && sandbox <= UINT32_MAX && made >= 0 && until >= 0 &&
		    uid >= 0 && uid <= UINT32_MAX && strlen(name) < sizeof out->name &&
		    approval_expressible(name);
	if (good) {
		*out = (struct approval){.id = id,
					 .sandbox = (uint32_t)sandbox,
					 .refused = refused != 0,
					 .made_s = (uint64_t)made,
					 .until_s = (uint64_t)until,
					 .uid = (uint32_t)uid};
		strcpy(out->name, name);
	}
	json_decref(object);
	return good;
}

/* ---- lines ---- */

static bool means(const struct ng_ruleset *ruleset, const struct ng_name *name)
{
	struct ng_match match;
	struct ng_static fixed;
	uint32_t cursor = 0;
	return ng_ruleset_count(ruleset) == 1 && !ng_ruleset_static(ruleset, &cursor, &fixed) &&
	       ng_ruleset_match(ruleset, name, &match) && !match.wildcard &&
	       match.action == NG_ACTION_PASSTHRU;
}

bool approval_expressible(const char *text)
{
	struct ng_name name;
	struct ng_image image = {0};
	struct ng_ruleset *ruleset = NULL;
	struct ng_diags diags;
	const struct ng_source source = {.format = NG_FORMAT_LIST,
					 .path = "approval",
					 .text = text,
					 .len = strlen(text)};
	if (!*text || strpbrk(text, "\r\n\t #@") ||
	    ng_name_from_text(text, strlen(text), &name))
		return false;
	ng_name_lower(&name);
	ng_diags_init(&diags);
	bool good = ng_compile(&source, &diags, &image) == NG_OK &&
		    ng_ruleset_open(image.octets, image.len, &ruleset) == NG_OK &&
		    means(ruleset, &name);
	ng_ruleset_close(ruleset);
	ng_image_finish(&image);
	ng_diags_finish(&diags);
	return good;
}

static bool concerns(const struct approval *approval, uint32_t sandbox)
{
	return !approval->sandbox || approval->sandbox == sandbox;
}

/* Is this the one that speaks for its name? Refusals first, then the first one that came. */
static bool speaks(const struct approvals *approvals, const struct approval *one,
		   uint32_t sandbox)
{
	for (const struct approval *at = approvals->by_id; at; at = at->hh.next) {
		if (at == one || !concerns(at, sandbox) || strcmp(at->name, one->name))
			continue;
		if (at->refused != one->refused ? at->refused : at->id < one->id)
			return false;
	}
	return true;
}

char *approvals_lines(const struct approvals *approvals, uint32_t sandbox, size_t *n)
{
	size_t room = 1, lines = 0;
	for (const struct approval *at = approvals->by_id; at; at = at->hh.next)
		room += concerns(at, sandbox) ? strlen(at->name) + 2 : 0;
	char *text = malloc(room), *to = text;
	if (!text)
		return NULL;
	*to = '\0';
	for (const struct approval *at = approvals->by_id; at; at = at->hh.next) {
		if (!concerns(at, sandbox) || !speaks(approvals, at, sandbox))
			continue;
		to += sprintf(to, "%s%s\n", at->refused ? "!" : "", at->name);
		lines++;
	}
	*n = lines;
	return text;
}

/* ---- the table ---- */

static struct approval *same_subject(const struct approvals *approvals,
				     const struct approval *wanted)
{
	struct approval *at = approvals->by_id;
	while (at && (at->sandbox != wanted->sandbox || strcmp(at->name, wanted->name)))
		at = at->hh.next;
	return at;
}

int approvals_put(struct approvals *approvals, const struct approval *wanted,
		  struct approval **old)
{
	struct approval *before = same_subject(approvals, wanted);
	if (!before && HASH_COUNT(approvals->by_id) >= APPROVALS_MAX)
		return NG_E_FULL;
	struct approval *copy = malloc(sizeof *copy);
	if (!copy)
		return NG_E_NOMEM;
	*copy = *wanted;
	if (before)
		HASH_DELETE(hh, approvals->by_id, before);
	HASH_ADD(hh, approvals->by_id, id, sizeof copy->id, copy);
	*old = before;
	return NG_OK;
}

void approvals_finish(struct approvals *approvals)
{
	struct approval *one, *next;
	HASH_ITER (hh, approvals->by_id, one, next) {
		HASH_DELETE(hh, approvals->by_id, one);
		free(one);
	}
}
