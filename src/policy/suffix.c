/*
 * libpsl has the public suffix list built in: registries' part, and the part of those who give names
 * to their customers. Our own list completes the second. It is kept sorted by keys, so that what is
 * at or below a name is found in a step per doubling.
 */
#include "config.h"

#include "policy/suffix.h"

#include "base/grow.h"
#include "policy/lint_inside.h"

#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

/* ---- our own list ---- */

struct ng_lint_hosting {
	struct hosting_entry {
		struct ng_name name;
		struct lint_key key;
		uint8_t octets[LINT_KEY_MAX];
	} * entries;
	size_t n, room;
};

static int hosting_order(const void *left, const void *right)
{
	const struct hosting_entry *a = left, *b = right;
	return lint_key_order(a->key, b->key);
}

static int hosting_add(struct ng_lint_hosting *hosting, const char *text, size_t len)
{
	struct ng_name name;
	int code = ng_name_from_text(text, len, &name);
	if (code != NG_OK)
		return NG_E_FORMAT;
	if (!grow(&hosting->entries, &hosting->room, hosting->n + 1, sizeof(*hosting->entries)))
		return NG_E_NOMEM;
	ng_name_lower(&name);
	hosting->entries[hosting->n++].name = name;
	return NG_OK;
}

/* The blocks have their final place only now, and keys point into them. */
static void hosting_sort(struct ng_lint_hosting *hosting)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < hosting->n; i++) {
			struct hosting_entry *entry = &hosting->entries[i];
			entry->key = lint_key_of(&entry->name, entry->octets);
		}
		if (pass == 0 && hosting->n > 0)
			qsort(hosting->entries, hosting->n, sizeof(*hosting->entries),
			      hosting_order);
	}
}

int ng_lint_hosting_create(const char *text, size_t len, struct ng_lint_hosting **out)
{
	struct ng_lint_hosting *hosting = calloc(1, sizeof(*hosting));
	int code = hosting != NULL ? NG_OK : NG_E_NOMEM;
	for (size_t at = 0; at < len && code == NG_OK;) {
		const char *line = text + at, *end = memchr(line, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - line) : len - at, word = 0;
		while (word < n && strchr(" \t\r#", line[word]) == NULL)
			word++;
		if (word > 0)
			code = hosting_add(hosting, line, word);
		at += n + 1;
	}
	if (code != NG_OK) {
		ng_lint_hosting_destroy(hosting);
		return code;
	}
	hosting_sort(hosting);
	*out = hosting;
	return NG_OK;
}

void ng_lint_hosting_destroy(struct ng_lint_hosting *hosting)
{
	if (hosting == NULL)
		return;
	free(hosting->entries);
	free(hosting);
}

static bool hosting_find(const struct ng_lint_hosting *hosting, const struct ng_name *name,
			 struct ng_name *out)
{
	uint8_t octets[LINT_KEY_MAX];
	struct lint_key key = lint_key_of(name, octets);
	size_t low = 0, high = hosting != NULL ? hosting->n : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lint_key_order(hosting->entries[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (hosting == NULL || low == hosting->n ||
	    !lint_key_within(hosting->entries[low].key, key))
		return false;
	*out = hosting->entries[low].name;
	return true;
}

static bool hosting_has(const struct ng_lint_hosting *hosting, const struct ng_name *name)
{
	struct ng_name found;
	return hosting_find(hosting, name, &found) && ng_name_equal(&found, name);
}

/* ---- both lists ---- */

static bool is_suffix(const char *text, int type)
{
	const psl_ctx_t *psl = psl_builtin();
	return psl != NULL && psl_is_public_suffix2(psl, text, type | PSL_TYPE_NO_STAR_RULE);
}

enum suffix suffix_of_wildcard(const struct ng_name *owner,
			       const struct ng_lint_hosting *hosting, struct ng_name *taken)
{
	char text[NG_NAME_TEXT_MAX];
	if (owner->len <= 1)
		return SUFFIX_NONE;
	ng_name_to_text(owner, text);
	if (is_suffix(text, PSL_TYPE_ICANN)) {
		*taken = *owner;
		return SUFFIX_PUBLIC;
	}
	if (is_suffix(text, PSL_TYPE_PRIVATE)) {
		*taken = *owner;
		return SUFFIX_HOSTING;
	}
	return hosting_find(hosting, owner, taken) ? SUFFIX_HOSTING : SUFFIX_NONE;
}

bool suffix_hosted(const struct ng_name *name, const struct ng_lint_hosting *hosting)
{
	char text[NG_NAME_TEXT_MAX];
	struct ng_name at = *name;
	do {
		if (at.len > 1 && (hosting_has(hosting, &at) ||
				   is_suffix(ng_name_to_text(&at, text), PSL_TYPE_PRIVATE)))
			return true;
	} while (ng_name_parent(&at));
	return false;
}

bool suffix_registered(const struct ng_name *name, struct ng_name *out)
{
	char text[NG_NAME_TEXT_MAX];
	const char *domain = psl_registrable_domain(psl_builtin(), ng_name_to_text(name, text));
	return domain != NULL && ng_name_from_text(domain, strlen(domain), out) == NG_OK;
}
