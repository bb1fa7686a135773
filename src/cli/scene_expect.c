/*
 * What a scene expects, against what came out. Each clause takes the first action that fits it;
 * the order does not matter. What came out and no clause took is a failure, but for records:
 * these are looked at only when asked for.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool misfit(struct reader *reader, const char *format, ...)
{
	struct scene *scene = reader->scene;
	va_list list;

	va_start(list, format);
	vsnprintf(scene->misfit_text, sizeof(scene->misfit_text), format, list);
	va_end(list);
	scene->misfit = scene->misfit_text;
	return false;
}

/* ---- one kind of clause each ---- */

/* The name may be left out when the line itself asks for it. */
static bool ask_name_fits(struct reader *reader, const struct seen *seen)
{
	const struct ng_name *name = reader->scene->asked;
	struct ng_name given;

	if (word_peek(reader)) {
		given = need_name(reader);
		name = &given;
	}
	if (!name) {
		word_bad(reader, "the name that is asked is missing here");
		return false;
	}
	return ng_name_equal(name, &seen->ask.question.name) ||
	       misfit(reader, "it asks for %s", seen->name);
}

static bool ask_fits(struct reader *reader, const struct seen *seen)
{
	const struct ng_route *route = need_route(reader);
	const struct word *word;
	char text[16];

	if (!route || route->id != seen->ask.route)
		return misfit(reader, "it goes by another route");
	if (!ask_name_fits(reader, seen))
		return false;
	word = word_peek(reader);
	if (word && strcmp(word->text, "do") != 0 && strcmp(word->text, "cd") != 0 &&
	    need_type(reader) != seen->ask.question.type)
		return misfit(reader, "its type is %s",
			      ng_type_text(seen->ask.question.type, text));
	if (word_accept(reader, "do") != seen->ask.dnssec_ok)
		return misfit(reader, "DO is %s", seen->ask.dnssec_ok ? "set" : "not set");
	if (word_accept(reader, "cd") != seen->ask.cd)
		return misfit(reader, "CD is %s", seen->ask.cd ? "set" : "not set");
	return true;
}

static bool port_fits(struct reader *reader, struct ng_port of)
{
	struct ng_port port = accept_port(reader);
	char text[16];

	return (port.proto == of.proto && port.port == of.port) ||
	       misfit(reader, "its port is%s", of.proto ? port_text(of, text) : " any");
}

static bool place_fits(struct reader *reader, const struct seen *seen, const struct ng_addr *at)
{
	const struct box *box = need_box(reader);
	struct ng_addr addr = need_addr(reader);
	char text[NG_ADDR_TEXT];

	if (box != seen->box)
		return misfit(reader, "it is for %s",
			      seen->box ? seen->box->spec.name : "nobody");
	return ng_addr_equal(&addr, at) ||
	       misfit(reader, "its address is %s", ng_addr_format(at, text));
}

static bool lease_detail_fits(struct reader *reader, const struct seen *seen)
{
	const struct ng_lease_order *order = &seen->order;
	struct ng_addr client;

	if (word_accept(reader, "for"))
		return need_seconds(reader) == order->hold_s ||
		       misfit(reader, "it is for %us", order->hold_s);
	if (word_accept(reader, "grace"))
		return need_seconds(reader) == order->grace_s ||
		       misfit(reader, "its grace is %us", order->grace_s);
	if (word_accept(reader, "name"))
		return strcasecmp(need_word(reader, "a name"), seen->name) == 0 ||
		       misfit(reader, "its name is %s", seen->name);
	if (word_accept(reader, "rule"))
		return strcmp(need_word(reader, "a rule"), seen->rule) == 0 ||
		       misfit(reader, "its rule is %s", seen->rule);
	if (word_accept(reader, "client")) {
		client = need_addr(reader);
		return ng_addr_equal(&client, &order->client) ||
		       misfit(reader, "it is for another client");
	}
	words_done(reader);
	return false;
}

static bool lease_fits(struct reader *reader, const struct seen *seen)
{
	if (!place_fits(reader, seen, &seen->order.addr) ||
	    !port_fits(reader, seen->order.port))
		return false;
	while (word_peek(reader)) {
		if (!lease_detail_fits(reader, seen))
			return false;
	}
	return true;
}

static bool revoke_fits(struct reader *reader, const struct seen *seen)
{
	return place_fits(reader, seen, &seen->order.addr) &&
	       port_fits(reader, seen->order.port);
}

static bool drop_fits(struct reader *reader, const struct seen *seen)
{
	return !word_accept(reader, "to") || need_box(reader) == seen->box ||
	       misfit(reader, "it is another's");
}

static bool closed_fits(struct reader *reader, const struct seen *seen)
{
	return seen->record.event == NG_EVENT_LEASE_END && seen->n_addrs == 1 &&
	       place_fits(reader, seen, &seen->addrs[0]);
}

static bool revoked_fits(struct reader *reader, const struct seen *seen)
{
	return seen->record.event == NG_EVENT_REVOKED && seen->n_addrs == 1 &&
	       place_fits(reader, seen, &seen->addrs[0]);
}

static bool evicted_fits(struct reader *reader, const struct seen *seen)
{
	return seen->record.event == NG_EVENT_EVICTED && seen->n_addrs == 1 &&
	       place_fits(reader, seen, &seen->addrs[0]);
}

/* ---- records ---- */

static bool event_fits(struct reader *reader, const struct ng_record *record)
{
	static const struct {
		const char *name;
		enum ng_event event;
		enum ng_verdict verdict;
	} events[] = {
		{"deny", NG_EVENT_DECISION, NG_DENY},
		{"allow", NG_EVENT_DECISION, NG_ALLOW},
		{"ask", NG_EVENT_DECISION, NG_ASK},
		{"rebind", NG_EVENT_REBIND, NG_DENY},
		{"blocked", NG_EVENT_BLOCKED, NG_DENY},
		{"malformed", NG_EVENT_MALFORMED, NG_DENY},
		{"crowded", NG_EVENT_CROWDED, NG_DENY},
		{"kept", NG_EVENT_LEASE_KEPT, NG_DENY},
		{"table-lost", NG_EVENT_TABLE_LOST, NG_DENY},
		{"table-back", NG_EVENT_TABLE_BACK, NG_DENY},
		{"budget", NG_EVENT_BUDGET, NG_DENY},
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!word_accept(reader, events[i].name))
			continue;
		return record->event == events[i].event &&
		       (record->event != NG_EVENT_DECISION ||
			record->verdict == events[i].verdict);
	}
	word_bad(reader, "a record of what? deny, ask, allow, rebind, blocked, malformed, "
			 "kept, crowded, "
			 "table-lost or table-back");
	return false;
}

static bool record_holds(const struct seen *seen, const struct ng_addr *addr)
{
	for (size_t i = 0; i < seen->n_addrs; i++) {
		if (ng_addr_equal(addr, &seen->addrs[i]))
			return true;
	}
	return false;
}

static bool record_mode_fits(struct reader *reader, const struct seen *seen)
{
	static const char *const modes[] = {"lockdown", "enforce", "observe"};

	return strcmp(need_word(reader, "a mode"), modes[seen->record.mode]) == 0 ||
	       misfit(reader, "its mode is %s", modes[seen->record.mode]);
}

static bool record_port_fits(struct reader *reader, const struct seen *seen,
			     struct ng_port port)
{
	for (size_t i = 0; i < seen->n_ports; i++) {
		if (seen->ports[i].proto == port.proto && seen->ports[i].port == port.port)
			return true;
	}
	return misfit(reader, "a port is not in it");
}

static bool record_detail_fits(struct reader *reader, const struct seen *seen)
{
	struct ng_addr addr[NG_ADDRS_MAX];
	size_t n = accept_addrs(reader, addr, NG_ADDRS_MAX);
	struct ng_port port;
	const char *word;

	for (size_t i = 0; i < n; i++) {
		if (!record_holds(seen, &addr[i]))
			return misfit(reader, "an address is not in it");
	}
	if (n)
		return true;
	port = accept_port(reader);
	if (port.proto)
		return record_port_fits(reader, seen, port);
	if (word_accept(reader, "observed"))
		return seen->record.observed || misfit(reader, "it is not observed");
	if (word_accept(reader, "mode"))
		return record_mode_fits(reader, seen);
	if (word_accept(reader, "name"))
		return (seen->name && !strcasecmp(need_word(reader, "a name"), seen->name)) ||
		       misfit(reader, "its name is %s", seen->name ? seen->name : "none");
	if (word_accept(reader, "text"))
		return (seen->reason && strstr(seen->reason, need_word(reader, "a text"))) ||
		       misfit(reader, "its reason is \"%s\"", seen->reason ? seen->reason : "");
	if (word_accept(reader, "version"))
		return need_number(reader, "a version") == seen->record.version ||
		       misfit(reader, "its version is %llu",
			      (unsigned long long)seen->record.version);
	if (word_accept(reader, "for"))
		return need_box(reader) == seen->box || misfit(reader, "it is another's");
	if (word_accept(reader, "cached"))
		return seen->record.cached || misfit(reader, "it is not from the cache");
	word = need_word(reader, "a rule as file:line");
	return (seen->rule && strcmp(word, seen->rule) == 0) ||
	       misfit(reader, "its rule is %s", seen->rule ? seen->rule : "none");
}

static bool record_fits(struct reader *reader, const struct seen *seen)
{
	if (!event_fits(reader, &seen->record))
		return misfit(reader, "it is another kind of record");
	while (word_peek(reader) && !reader->scene->stopped) {
		if (!record_detail_fits(reader, seen))
			return false;
	}
	return true;
}

/* ---- clauses that ask the kernel's set, or for silence ---- */

static void clause_open(struct reader *reader, bool wanted)
{
	struct scene *scene = reader->scene;
	uint32_t column = word_column(reader);
	const struct box *box = need_box(reader);
	struct ng_addr addr = need_addr(reader);
	struct ng_port port = accept_port(reader);

	words_done(reader);
	if (!scene->stopped && kernel_open(scene, box->spec.id, &addr, port) != wanted)
		scene_stop(scene, SCENE_FAILED, reader->line, column,
			   "the address is %s in the kernel's set for %s",
			   wanted ? "not" : "still", box->spec.name);
}

static bool waiting_find(const struct scene *scene, const struct box *box,
			 const struct ng_name *name, struct ng_waiting *out)
{
	uint64_t cursor = 0;

	while (ng_gate_waiting_at(scene->gate, &cursor, out)) {
		if (out->sandbox == box->spec.id && ng_name_equal(out->name, name))
			return true;
	}
	return false;
}

/* "waiting SANDBOX NAME [count N]", or with `not` before it. */
static void clause_waiting(struct reader *reader, bool wanted)
{
	struct scene *scene = reader->scene;
	uint32_t column = word_column(reader), count = 0;
	const struct box *box = need_box(reader);
	struct ng_name name = need_name(reader);
	struct ng_waiting waiting = {0};
	bool found;

	if (word_accept(reader, "count"))
		count = need_number(reader, "a number");
	words_done(reader);
	if (scene->stopped)
		return;
	found = waiting_find(scene, box, &name, &waiting);
	if (found != wanted)
		scene_stop(scene, SCENE_FAILED, reader->line, column,
			   "the name %s for approval in %s",
			   wanted ? "does not wait" : "still waits", box->spec.name);
	else if (found && count && count != waiting.count)
		scene_stop(scene, SCENE_FAILED, reader->line, column,
			   "it was asked for %llu times", (unsigned long long)waiting.count);
}

static const struct {
	const char *name;
	enum ng_action_kind kind;
	bool (*fits)(struct reader *, const struct seen *);
} clauses_known[] = {
	{"ask", NG_ASK_UPSTREAM, ask_fits},   {"lease", NG_LEASE, lease_fits},
	{"revoke", NG_REVOKE, revoke_fits},   {"reply", NG_REPLY, reply_fits},
	{"drop", NG_DROP, drop_fits},         {"closed", NG_RECORD, closed_fits},
	{"evict", NG_EVICT, revoke_fits},     {"evicted", NG_RECORD, evicted_fits},
	{"revoked", NG_RECORD, revoked_fits}, {"record", NG_RECORD, record_fits},
};
#define N_CLAUSES (sizeof(clauses_known) / sizeof(clauses_known[0]))

static void show_seen(struct scene *scene)
{
	const struct seen *seen;
	char at[32];

	fputs("  seen:\n", scene->report);
	if (!scene->seen)
		fputs("    nothing\n", scene->report);
	DL_FOREACH (scene->seen, seen) {
		fprintf(scene->report, "    %s %s%s\n", time_text(seen->at_us, at), seen->text,
			seen->named ? "   (as expected)" : "");
	}
}

static void clause_missed(struct reader *clause, uint32_t column)
{
	struct scene *scene = clause->scene;

	scene_stop(scene, SCENE_FAILED, clause->line, column,
		   scene->misfit ? "expected this, but what came differs: %s%s"
				 : "expected this, but nothing of the kind came%s%s",
		   scene->misfit ? scene->misfit : "", "");
	show_seen(scene);
}

/* Looks for an action that fits; leaves the clause read when one does. */
static void clause_find(struct reader *clause, size_t known, uint32_t column)
{
	struct scene *scene = clause->scene;
	struct seen *seen;

	scene->misfit = NULL;
	DL_FOREACH (scene->seen, seen) {
		struct reader attempt = *clause;

		if (seen->kind != clauses_known[known].kind || seen->named)
			continue;
		if (clauses_known[known].fits(&attempt, seen)) {
			words_done(&attempt);
			seen->named = true;
			return;
		}
		if (scene->stopped)
			return;
	}
	clause_missed(clause, column);
}

static void clause_check(struct reader *clause)
{
	uint32_t column = word_column(clause);

	if (word_accept(clause, "nothing")) {
		words_done(clause);
		return;
	}
	if (word_accept(clause, "open") || word_accept(clause, "shut")) {
		clause_open(clause, clause->line->words[clause->at - 1].text[0] == 'o');
		return;
	}
	if (word_accept(clause, "set")) {
		clause_set(clause);
		return;
	}
	if (word_accept(clause, "waiting")) {
		clause_waiting(clause, !word_accept(clause, "not"));
		return;
	}
	for (size_t i = 0; i < N_CLAUSES; i++) {
		if (!word_accept(clause, clauses_known[i].name))
			continue;
		clause_find(clause, i, column);
		return;
	}
	word_bad(clause, "`%s` is nothing that can be expected; see namegate-scene(5)",
		 word_peek(clause) ? word_peek(clause)->text : "");
}

/* Splits the rest of a line at `;` and checks each part. */
static void clauses_check(struct reader *rest)
{
	struct scene *scene = rest->scene;

	do {
		struct reader clause = *rest;

		while (word_peek(rest) && strcmp(word_peek(rest)->text, ";") != 0)
			rest->at++;
		clause.end = rest->at;
		if (clause.at == clause.end)
			word_bad(&clause, "something that is expected is missing here");
		else
			clause_check(&clause);
		scene->n_checks++;
	} while (word_accept(rest, ";") && !scene->stopped);
}

/* The arrow on the line itself, then lines that begin with one. */
static bool next_arrow(struct reader *rest)
{
	struct scene *scene = rest->scene;
	size_t i = scene->next;

	while (i < scene->n_lines && !scene->lines[i].n)
		i++;
	if (i == scene->n_lines || strcmp(scene->lines[i].words[0].text, "->") != 0)
		return false;
	scene->next = i + 1;
	rest->line = &scene->lines[i];
	rest->at = 1;
	rest->end = rest->line->n;
	return true;
}

/* Leases are at the scene's choice where the kernel needs no word of it. */
static bool must_be_named(const struct scene *scene, const struct seen *seen)
{
	if (seen->kind == NG_LEASE || seen->kind == NG_REVOKE || seen->kind == NG_EVICT)
		return !scene->prompt;
	return seen->kind != NG_RECORD;
}

void expect_check(struct scene *scene, struct reader *rest)
{
	const struct line *line = rest->line;
	const struct seen *seen;

	if (word_accept(rest, "->"))
		clauses_check(rest);
	while (!scene->stopped && next_arrow(rest))
		clauses_check(rest);
	DL_FOREACH (scene->seen, seen) {
		if (scene->stopped || seen->named || !must_be_named(scene, seen))
			continue;
		scene_stop(scene, SCENE_FAILED, line, 1, "this came and was not expected: %s",
			   seen->text);
		show_seen(scene);
	}
}
