/*
 * In the registry the texts of a source are a JSON array; what comes back is read with suspicion.
 */
#include "config.h"
#include "daemon/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *now_json(const struct source_texts *texts)
{
	char digest[17];
	json_t *all = json_array();
	for (size_t i = 0; i < texts->n; i++) {
		snprintf(digest, sizeof digest, "%016llx",
			 (unsigned long long)texts->items[i].digest);
		json_array_append_new(all, json_pack("{s:s, s:s}", "path", texts->items[i].path,
						     "digest", digest));
	}
	return all;
}

static json_t *kept_json(struct registry *registry, const char *path)
{
	char *text = NULL;
	json_t *all = NULL;
	if (registry_texts_get(registry, path, &text) == NG_OK)
		all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	return json_is_array(all) ? all : (json_decref(all), json_array());
}

int texts_keep(struct registry *registry, const struct source *source)
{
	json_t *now = now_json(&source->texts), *kept = kept_json(registry, source->path);
	char *text = json_equal(now, kept) ? NULL : json_dumps(now, JSON_COMPACT);
	int code = text ? registry_texts_put(registry, source->path, text) : NG_OK;
	free(text);
	json_decref(now);
	json_decref(kept);
	return code;
}

static const struct {
	const char *state, *words;
} states[] = {{"same", NULL},
	      {"changed", "has changed"},
	      {"unreadable", "cannot be read"},
	      {"not included", "is not included any more"}};

/* How a text that is kept compares with what this load read. */
static size_t state_of(const struct source_texts *texts, const char *path, const char *digest)
{
	const struct source_text *now = source_texts_find(texts, path);
	if (!now)
		return 3;
	if (now->unread)
		return 2;
	return strtoull(digest, NULL, 16) != now->digest;
}

json_t *texts_json(struct registry *registry, const struct source *source)
{
	if (!source->why)
		return now_json(&source->texts);
	json_t *all = kept_json(registry, source->path), *one;
	size_t i;
	json_array_foreach(all, i, one)
	{
		const char *path = json_string_value(json_object_get(one, "path"));
		const char *digest = json_string_value(json_object_get(one, "digest"));
		if (path && digest)
			json_object_set_new(
				one, "state",
				json_string(
					states[state_of(&source->texts, path, digest)].state));
	}
	return all;
}

void texts_differ(struct registry *registry, const struct source *source, char *text,
		  size_t size)
{
	json_t *all = texts_json(registry, source), *one;
	size_t i, n = 0;
	*text = '\0';
	json_array_foreach(all, i, one)
	{
		const char *path = json_string_value(json_object_get(one, "path"));
		const char *state = json_string_value(json_object_get(one, "state"));
		for (size_t j = 1; path && state && j < sizeof states / sizeof states[0]; j++)
			if (!strcmp(state, states[j].state) && n < size)
				n += (size_t)snprintf(text + n, size - n, "%s%s %s",
						      n ? ", " : "", path, states[j].words);
	}
	json_decref(all);
}
