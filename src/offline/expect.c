/*
 * The walk over an expectation file: a table of statements, each with one line.
 */
#include "config.h"

#include "offline/expect_inside.h"

#include "conf/files.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX  (64u << 20)
#define LINE_ROOM (1u << 20)

/* ---- telling ---- */

void expect_stop(struct expect *expect, const struct word *word, const char *format, ...)
{
	char text[EXPECT_MESSAGE_MAX];
	struct expect_fact fact = {.outcome = EXPECT_UNUSABLE,
				   .line = expect->line.number,
				   .column = word != NULL ? word->column : 1,
				   .text = expect->line.raw,
				   .message = text};
	va_list list;
	if (expect->stopped)
		return;
	expect->stopped = true;
	expect->outcome = EXPECT_UNUSABLE;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	expect->tell(expect->context, &fact);
}

void expect_tell(struct expect *expect, const struct word *verb, const struct word *word,
		 struct ng_port port, const char *message)
{
	char claim[2 * NG_NAME_TEXT_MAX], at[16];
	struct expect_fact fact = {.outcome = message != NULL ? EXPECT_FAILED : EXPECT_PASSED,
				   .line = expect->line.number,
				   .column = word->column,
				   .text = expect->line.raw,
				   .claim = claim,
				   .message = message,
				   .policy = expect->sources[0],
				   .after_s = expect->now_us / 1000000};
	snprintf(claim, sizeof(claim), "%s: %s %s%s%s", expect->label, verb->text, word->text,
		 port.proto != 0 ? " " : "", port.proto != 0 ? expect_port_text(port, at) : "");
	expect->count.facts++;
	if (message != NULL) {
		expect->count.failed++;
		expect->outcome = EXPECT_FAILED;
	}
	expect->tell(expect->context, &fact);
}

/* ---- facts ---- */

typedef void fact_fn(struct expect *expect, size_t verb);

static void verdicts(struct expect *expect, size_t verb, enum ng_verdict wanted)
{
	for (size_t i = verb + 1; i < expect->line.n && !expect->stopped; i++)
		fact_verdict(expect, &expect->line.words[verb], &expect->line.words[i], wanted);
}

static void allow(struct expect *expect, size_t verb)
{
	verdicts(expect, verb, NG_ALLOW);
}

static void ask(struct expect *expect, size_t verb)
{
	verdicts(expect, verb, NG_ASK);
}

static void deny(struct expect *expect, size_t verb)
{
	verdicts(expect, verb, NG_DENY);
}

/* The ports at the end of the line, which are about all that stands before them. Returns the end of that. */
static size_t ports_take(struct expect *expect, size_t verb, struct target *out)
{
	const struct line *line = &expect->line;
	size_t end = verb + 1;
	out->n_ports = 0;
	while (end < line->n && !expect_is_port(line->words[end].text))
		end++;
	for (size_t i = end; i < line->n && !expect->stopped; i++) {
		const struct word *word = &line->words[i];
		if (!expect_is_port(word->text))
			expect_stop(expect, word,
				    "ports stand at the end of a line; begin another for %s",
				    word->text);
		else if (out->n_ports == NG_PORTS_MAX)
			expect_stop(expect, word, "a line has at most %d ports", NG_PORTS_MAX);
		else if (!expect_port(word->text, &out->ports[out->n_ports++]))
			expect_stop(expect, word, "%s is no port; write tcp/443 or udp/443",
				    word->text);
	}
	if (end == verb + 1)
		expect_stop(expect, &line->words[verb], "a name or an address is missing");
	return end;
}

static bool destination_read(struct expect *expect, const struct word *word, struct target *out)
{
	if (!expect_target(expect, word, out))
		return false;
	if (out->address || !out->below)
		return true;
	expect_stop(expect, word,
		    "%s is many names; name one, whose addresses can be looked at, or a prefix",
		    word->text);
	return false;
}

typedef void reach_fn(struct expect *expect, const struct word *verb, const struct word *word,
		      const struct target *target, struct ng_port port);

/* One fact for each destination and each of its ports. */
static void destinations(struct expect *expect, size_t verb, reach_fn *judge)
{
	struct target common, target;
	size_t end = ports_take(expect, verb, &common);
	for (size_t i = verb + 1; i < end && !expect->stopped; i++) {
		const struct word *word = &expect->line.words[i];
		if (!destination_read(expect, word, &target))
			return;
		const struct target *ports = target.n_ports > 0 ? &target : &common;
		if (ports->n_ports == 0)
			judge(expect, &expect->line.words[verb], word, &target,
			      (struct ng_port){0});
		for (size_t j = 0; j < ports->n_ports && !expect->stopped; j++)
			judge(expect, &expect->line.words[verb], word, &target,
			      ports->ports[j]);
	}
}

static void reach(struct expect *expect, size_t verb)
{
	destinations(expect, verb, fact_reach);
}

static void no_reach(struct expect *expect, size_t verb)
{
	destinations(expect, verb, fact_no_reach);
}

static const struct {
	const char *name;
	fact_fn *judge;
} facts[] = {
	{"allow", allow}, {"ask", ask},           {"deny", deny},
	{"reach", reach}, {"no-reach", no_reach},
};

/* The fact that begins at that word; false: there is no such one. */
static bool fact_run(struct expect *expect, size_t verb)
{
	const struct word *word = &expect->line.words[verb];
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		if (strcmp(facts[i].name, word->text) != 0)
			continue;
		if (verb + 1 == expect->line.n)
			expect_stop(expect, word, "%s says nothing without a name behind it",
				    word->text);
		else if (state_ready(expect, word))
			facts[i].judge(expect, verb);
		return true;
	}
	return false;
}

/* ---- statements ---- */

static void after(struct expect *expect)
{
	const struct line *line = &expect->line;
	uint64_t us;
	if (line->n < 2 || !expect_time(line->words[1].text, &us)) {
		expect_stop(expect, &line->words[line->n > 1],
			    "a time is missing here, such as 90s, 5m or 1h30m");
		return;
	}
	state_pass(expect, us);
	if (line->n > 2 && !expect->stopped && !fact_run(expect, 2))
		expect_stop(expect, &line->words[2],
			    "%s is no fact; write allow, ask, deny, reach or no-reach",
			    line->words[2].text);
}

static const struct {
	const char *name;
	void (*run)(struct expect *expect);
} statements[] = {
	{"config", state_config},   {"policies", state_config}, {"answers", state_answers},
	{"sandbox", state_sandbox}, {"clock", state_clock},     {"after", after},
};

static void statement(struct expect *expect)
{
	const struct word *word = &expect->line.words[0];
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (strcmp(statements[i].name, word->text) == 0) {
			statements[i].run(expect);
			return;
		}
	}
	if (!fact_run(expect, 0))
		expect_stop(
			expect, word,
			"%s begins no line; write config, policies, sandbox, answers, clock, "
			"after, allow, ask, deny, reach or no-reach",
			word->text);
}

static void walk(struct expect *expect, const char *text, size_t len)
{
	size_t at = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	while (expect_line(expect, text, len, &at)) {
		if (expect->line.n > 0)
			statement(expect);
	}
	if (expect->count.facts == 0 && !expect->stopped) {
		expect->line = (struct line){.raw = NULL};
		expect_stop(expect, NULL,
			    "tests nothing: no line says what is expected; write `allow NAME`, "
			    "`deny NAME`, `reach NAME` or `no-reach ADDRESS`");
	}
}

enum expect_outcome expect_play_text(const char *path, const char *text, size_t len,
				     expect_fn *tell, void *context, struct expect_count *count)
{
	struct expect *expect = calloc(1, sizeof(*expect));
	enum expect_outcome outcome = EXPECT_UNUSABLE;
	*count = (struct expect_count){0};
	if (expect == NULL)
		return outcome;
	expect->path = path;
	expect->tell = tell;
	expect->context = context;
	expect->outcome = EXPECT_PASSED;
	expect->clock_s = (uint64_t)time(NULL);
	expect->folder = file_folder(path);
	arena_init(&expect->words, LINE_ROOM);
	if (expect->folder == NULL)
		expect_stop(expect, NULL, "memory is out");
	else
		walk(expect, text, len);
	outcome = expect->outcome;
	*count = expect->count;
	state_finish(expect);
	arena_finish(&expect->words);
	free(expect->folder);
	free(expect);
	return outcome;
}

enum expect_outcome expect_play(const char *path, expect_fn *tell, void *context,
				struct expect_count *count)
{
	const struct ng_place place = {path, 0, 0};
	struct expect_fact fact = {.outcome = EXPECT_UNUSABLE};
	enum expect_outcome outcome = EXPECT_UNUSABLE;
	struct ng_diags diags;
	char *text;
	size_t len;
	*count = (struct expect_count){0};
	ng_diags_init(&diags);
	if (file_read(path, FILE_MAX, &place, &diags, &text, &len) == NG_OK) {
		outcome = expect_play_text(path, text, len, tell, context, count);
		free(text);
	} else {
		fact.message = diags.n > 0 ? diags.items[0].reason : "memory is out";
		tell(context, &fact);
	}
	ng_diags_finish(&diags);
	return outcome;
}
