/* One policy source in a test: compiled, opened, and asked in words. */
#pragma once

#include "unit.h"

#include <namegate/policy.h>

struct source {
	struct ng_diags diags;
	struct ng_image image;
	struct ng_ruleset *ruleset;
	int code;
	char said[4096]; /* "LINE:COLUMN code" of each finding, one after the other */
	char word[64], words[512];
};

static inline void source_tell(struct source *source)
{
	size_t n = 0;
	for (size_t i = 0; i < source->diags.n; i++) {
		const struct ng_diag *diag = &source->diags.items[i];
		n += (size_t)snprintf(source->said + n, sizeof(source->said) - n,
				      "%s%u:%u %s%s", n > 0 ? ", " : "", diag->line,
				      diag->column, diag->code,
				      diag->severity == NG_ERROR ? "" : "?");
		assert_true(n < sizeof(source->said));
	}
}

static inline void source_compile_from(struct source *source, const struct ng_source *from)
{
	*source = (struct source){0};
	ng_diags_init(&source->diags);
	source->code = ng_compile(from, &source->diags, &source->image);
	if (source->code == NG_OK)
		assert_int_equal(ng_ruleset_open(source->image.octets, source->image.len,
						 &source->ruleset),
				 NG_OK);
	source_tell(source);
}

/* The text is compiled from a block of its own length, so that a read past its end is seen. */
static inline void source_make_n(struct source *source, enum ng_source_format format,
				 const char *text, size_t len, const char *origin)
{
	char *copy = exact(text, len);
	const struct ng_source from = {
		.format = format, .path = "test", .text = copy, .len = len, .origin = origin};
	source_compile_from(source, &from);
	free(copy);
}

/* A list, read at that wall time. */
static inline void source_make_at(struct source *source, const char *text, uint64_t now_s)
{
	const struct ng_source from = {
		.path = "test", .text = text, .len = strlen(text), .now_s = now_s};
	source_compile_from(source, &from);
}

static inline void source_make(struct source *source, enum ng_source_format format,
			       const char *text)
{
	source_make_n(source, format, text, strlen(text), NULL);
}

static inline void source_finish(struct source *source)
{
	ng_ruleset_close(source->ruleset);
	ng_image_finish(&source->image);
	ng_diags_finish(&source->diags);
}

static inline struct ng_name name_of(const char *text)
{
	struct ng_name name;
	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	ng_name_lower(&name);
	return name;
}

/* "allow 2", "nxdomain *1": action, asterisk, labels; "none" when no rule decides. */
static inline const char *source_says(struct source *source, const char *text)
{
	static const char *const actions[] = {"nxdomain", "nodata", "allow", "ask",
					      "drop",     "tcp",    "local"};
	struct ng_name name = name_of(text);
	struct ng_match match;
	if (!ng_ruleset_match(source->ruleset, &name, &match))
		return "none";
	snprintf(source->word, sizeof(source->word), "%s %s%u", actions[match.action],
		 match.wildcard ? "*" : "", match.labels);
	return source->word;
}

/* The same, and what the rule is bounded by: "allow 2 6/443 type 65 lease 300". */
static inline const char *source_tells(struct source *source, const char *text)
{
	struct ng_name name = name_of(text);
	struct ng_match match;
	struct ng_bounds bounds;
	char prefix[NG_PREFIX_TEXT], *to = source->words;
	size_t room = sizeof(source->words),
	       n = (size_t)snprintf(to, room, "%s", source_says(source, text));
	if (!ng_ruleset_match(source->ruleset, &name, &match))
		return to;
	ng_match_bounds(&match, &bounds);
	for (uint8_t i = 0; i < bounds.n_ports; i++)
		n += (size_t)snprintf(to + n, room - n, " %u/%u", bounds.ports[i].proto,
				      bounds.ports[i].port);
	for (uint8_t i = 0; i < bounds.n_types; i++)
		n += (size_t)snprintf(to + n, room - n, " type %u", bounds.types[i]);
	for (uint8_t i = 0; i < bounds.n_opened; i++)
		n += (size_t)snprintf(to + n, room - n, " private %s",
				      ng_prefix_format(&bounds.opened[i], prefix));
	if (bounds.lease_max_s != 0)
		n += (size_t)snprintf(to + n, room - n, " lease %u", bounds.lease_max_s);
	if (bounds.strict)
		snprintf(to + n, room - n, " strict");
	return to;
}

static inline bool source_below(struct source *source, const char *text)
{
	struct ng_name name = name_of(text);
	return ng_ruleset_has_below(source->ruleset, &name);
}
