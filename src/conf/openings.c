/*
 * The text is read as libconfuse's lexer does: words, strings in either quotes with escapes, three
 * kinds of comments. A brace opens a section when a word stands before it, or a word and a title; behind
 * an equals sign it opens a list.
 */
#include "conf/openings.h"

#include <stdlib.h>
#include <string.h>

struct token {
	const char *at; /* NULL: none yet, or nothing that names a section */
	size_t len;
	uint32_t line, column;
	bool assigns; /* it is the equals sign */
};

struct scan {
	struct openings *out;
	const char *at, *line_at;
	uint32_t line, depth;
	struct token last, before; /* tokens, the younger first */
	bool nomem;
};

static void step(struct scan *scan)
{
	if (*scan->at++ == '\n') {
		scan->line++;
		scan->line_at = scan->at;
	}
}

static void push(struct scan *scan, struct token token)
{
	scan->before = scan->last;
	scan->last = token;
}

static void keep(struct scan *scan, const struct token *kind, const struct token *title)
{
	struct openings *out = scan->out;
	if (out->n == out->room) {
		size_t room = out->room > 0 ? 2 * out->room : 16;
		struct opening *more = reallocarray(out->items, room, sizeof(*more));
		scan->nomem |= more == NULL;
		if (more == NULL)
			return;
		out->items = more;
		out->room = room;
	}
	out->items[out->n++] = (struct opening){.kind = kind->at,
						.kind_len = kind->len,
						.title = title != NULL ? title->at : NULL,
						.title_len = title != NULL ? title->len : 0,
						.line = kind->line,
						.column = kind->column,
						.depth = scan->depth};
}

/* What a brace opens counts as a depth either way: the one that closes it looks the same. */
static void brace(struct scan *scan)
{
	const struct token *last = &scan->last, *before = &scan->before;
	if (last->at != NULL && before->at != NULL)
		keep(scan, before, last);
	else if (last->at != NULL && !before->assigns)
		keep(scan, last, NULL);
	scan->depth++;
	scan->last = scan->before = (struct token){0};
	step(scan);
}

static void closing(struct scan *scan)
{
	scan->depth -= scan->depth > 0;
	scan->last = scan->before = (struct token){0};
	step(scan);
}

static struct token token_begin(const struct scan *scan, const char *at)
{
	return (struct token){.at = at,
			      .line = scan->line,
			      .column = (uint32_t)(scan->at - scan->line_at) + 1};
}

static void string(struct scan *scan)
{
	const char quote = *scan->at;
	struct token token = token_begin(scan, scan->at + 1);
	for (step(scan); *scan->at != '\0' && *scan->at != quote; step(scan)) {
		if (*scan->at == '\\' && scan->at[1] != '\0')
			step(scan);
	}
	token.len = (size_t)(scan->at - token.at);
	if (*scan->at != '\0')
		step(scan);
	push(scan, token);
}

static void comment(struct scan *scan)
{
	const bool lines = scan->at[0] == '/' && scan->at[1] == '*';
	for (; *scan->at != '\0' && (lines || *scan->at != '\n'); step(scan)) {
		if (!lines || strncmp(scan->at, "*/", 2) != 0)
			continue;
		scan->at += 2;
		return;
	}
}

static bool ends_word(const char *at)
{
	return strchr(" \t\r\n\"'{}()=+,#", *at) != NULL;
}

static void word(struct scan *scan)
{
	struct token token = token_begin(scan, scan->at);
	do
		step(scan);
	while (!ends_word(scan->at));
	token.len = (size_t)(scan->at - token.at);
	push(scan, token);
}

/* One token, or what stands between two; behind a value nothing is left that names a section. */
static void advance(struct scan *scan)
{
	const char *at = scan->at;
	if (*at == '#' || (*at == '/' && (at[1] == '/' || at[1] == '*'))) {
		comment(scan);
	} else if (*at == '"' || *at == '\'') {
		string(scan);
	} else if (*at == '{') {
		brace(scan);
	} else if (*at == '}') {
		closing(scan);
	} else if (*at == '=') {
		push(scan, (struct token){.assigns = true});
		step(scan);
	} else if (ends_word(at)) {
		step(scan);
	} else {
		word(scan);
	}
	if (scan->before.assigns && scan->last.at != NULL)
		scan->last = scan->before = (struct token){0};
}

int openings_read(const char *text, struct openings *out)
{
	struct scan scan = {.out = out, .at = text, .line_at = text, .line = 1};
	*out = (struct openings){0};
	while (*scan.at != '\0' && !scan.nomem)
		advance(&scan);
	return scan.nomem ? NG_E_NOMEM : NG_OK;
}

void openings_finish(struct openings *openings)
{
	if (openings == NULL)
		return;
	free(openings->items);
	*openings = (struct openings){0};
}

const struct opening *openings_next(const struct openings *openings, const char *kind,
				    uint32_t depth, size_t *at)
{
	while (*at < openings->n) {
		const struct opening *one = &openings->items[(*at)++];
		if (one->depth == depth && one->kind_len == strlen(kind) &&
		    memcmp(one->kind, kind, one->kind_len) == 0)
			return one;
	}
	return NULL;
}

static bool is_titled(const struct opening *one, const char *title, size_t len)
{
	return one->title != NULL && one->title_len == len &&
	       memcmp(one->title, title, len) == 0;
}

const struct opening *openings_twice(const struct openings *openings, const char *title,
				     uint32_t line, const struct opening **before)
{
	const struct opening *last = NULL;
	*before = NULL;
	for (size_t i = 0; i < openings->n && openings->items[i].line <= line; i++) {
		if (is_titled(&openings->items[i], title, strlen(title)))
			last = &openings->items[i];
	}
	for (const struct opening *one = last; one != NULL && one > openings->items;) {
		one--;
		if (one->depth < last->depth)
			break;
		if (one->depth != last->depth || one->kind_len != last->kind_len ||
		    memcmp(one->kind, last->kind, one->kind_len) != 0 ||
		    !is_titled(one, last->title, last->title_len))
			continue;
		*before = one;
		break;
	}
	return last;
}
