/*
 * A question is carried to its end before anything else happens: what the gate asks is answered from
 * the world, what it orders is confirmed, until nothing is left to do. No time passes meanwhile.
 */
#include "config.h"

#include "offline/trial_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED        1
#define WORDS_MAX   (64u << 20)
#define HANDLE      1
#define QUESTION_ID 0x4e47

/* Who asks in a set-up without sources: addresses that no answer has (RFC 7600, RFC 6666). */
static const struct ng_prefix nobody[] = {
	{{NG_IPV4, {192, 0, 0, 8}}, 32},
	{{NG_IPV6, {0x01, [15] = 1}}, 128},
};
static const struct ng_addr some_server = {NG_IPV4, {192, 0, 0, 9}};

/* ---- making ---- */

static struct ng_generation generation_of(struct trial *trial, const struct setup *setup)
{
	struct ng_generation generation = setup_generation(setup, ++trial->version);
	if (setup->conf == NULL) {
		trial->only = setup->specs[0];
		trial->only.n_sources = sizeof(nobody) / sizeof(nobody[0]);
		memcpy(trial->only.sources, nobody, sizeof(nobody));
		generation.sandboxes = &trial->only;
	}
	if (!trial->wish.timed) { /* no time passes: what a minute allows says nothing */
		generation.settings.budget = NG_BUDGET_OFF;
		generation.settings.limits.queries_sandbox = UINT32_MAX;
	}
	if (trial->wish.unbounded) {
		generation.settings.limits.leases = UINT32_MAX;
		generation.settings.limits.leases_sandbox = UINT32_MAX;
	}
	return generation;
}

const struct ng_sandbox *trial_spec(const struct trial *trial,
				    const struct setup_sandbox *sandbox)
{
	return trial->setup->conf == NULL ? &trial->only : sandbox->spec;
}

int trial_create(const struct trial_wish *wish, struct trial **out)
{
	struct trial *trial = calloc(1, sizeof(*trial));
	if (trial == NULL)
		return NG_E_NOMEM;
	trial->wish = *wish;
	arena_init(&trial->words, WORDS_MAX);
	trial->n_stands = wish->setup->n_sandboxes;
	trial->stands = calloc(trial->n_stands + 1, sizeof(*trial->stands));
	int code = trial->stands != NULL ? ng_gate_create(SEED, &trial->gate) : NG_E_NOMEM;
	if (code == NG_OK)
		code = trial_apply(trial, wish->setup);
	if (code != NG_OK) {
		trial_free(trial);
		return code;
	}
	*out = trial;
	return NG_OK;
}

void trial_free(struct trial *trial)
{
	if (trial == NULL)
		return;
	trial_sets_finish(trial);
	ng_gate_destroy(trial->gate);
	arena_finish(&trial->words);
	free(trial->stands);
	free(trial);
}

/* ---- what the gate gives out ---- */

static const char *keep_text(struct trial *trial, const char *text)
{
	return text != NULL ? arena_copy(&trial->words, text, strlen(text) + 1) : NULL;
}

static const struct ng_name *keep_name(struct trial *trial, const struct ng_name *name)
{
	return name != NULL ? arena_copy(&trial->words, name, sizeof(*name)) : NULL;
}

static void take_ask(struct trial *trial, const struct ng_ask *ask)
{
	struct asking *asking = arena_alloc(&trial->words, sizeof(*asking));
	if (asking == NULL)
		return;
	asking->ask = *ask;
	asking->shown = (struct trial_asked){
		.route = ask->route, .name = ask->question.name, .type = ask->question.type};
	DL_APPEND(trial->asks, asking);
	trial->n_asks++;
}

static void take_order(struct trial *trial, const struct ng_lease_order *order)
{
	struct ordering *ordering = arena_alloc(&trial->words, sizeof(*ordering));
	if (ordering == NULL)
		return;
	ordering->order = *order;
	ordering->order.name = keep_name(trial, order->name);
	ordering->order.rule = keep_text(trial, order->rule);
	DL_APPEND(trial->orders, ordering);
	trial->n_orders++;
}

static void take_reply(struct trial *trial, const struct ng_reply *reply)
{
	trial->reply.dropped = false;
	if (ng_answer_parse(reply->wire, reply->len, &trial->words, &trial->reply.answer) !=
	    NG_OK)
		trial->words.failed = true; /* the gate's own words are well-formed */
}

static void copy_record(struct trial *trial, const struct ng_record *from, struct ng_record *to)
{
	*to = *from;
	to->sandbox_name = keep_text(trial, from->sandbox_name);
	to->name = keep_name(trial, from->name);
	to->reason = keep_text(trial, from->reason);
	to->path = keep_text(trial, from->path);
	to->addrs = arena_copy(&trial->words, from->addrs, from->n_addrs * sizeof(*to->addrs));
	to->ports = arena_copy(&trial->words, from->ports, from->n_ports * sizeof(*to->ports));
}

static void take_record(struct trial *trial, const struct ng_record *record)
{
	if (record->event == NG_EVENT_DECISION) {
		copy_record(trial, record, &trial->reply.record);
	} else if (record->event == NG_EVENT_REBIND) {
		struct ng_record *rebind = arena_alloc(&trial->words, sizeof(*rebind));
		if (rebind != NULL)
			copy_record(trial, record, rebind);
		trial->reply.rebind = rebind;
	}
}

static void drain(struct trial *trial)
{
	struct ng_action action;
	while (ng_gate_next(trial->gate, &action)) {
		switch (action.kind) {
		case NG_ASK_UPSTREAM:
			take_ask(trial, &action.ask);
			break;
		case NG_LEASE:
			take_order(trial, &action.lease);
			break;
		case NG_REVOKE:
		case NG_EVICT:
			trial_sets_remove(trial, &action.lease);
			break;
		case NG_REPLY:
			take_reply(trial, &action.reply);
			break;
		case NG_DROP:
			trial->reply.dropped = true;
			break;
		case NG_RECORD:
			take_record(trial, &action.record);
			break;
		case NG_WAITING:
		case NG_HOLD:
		case NG_RELEASE:
			break;
		case NG_SPENT:
			if (trial->telling)
				trial->wish.spent(trial->wish.context, &action.spent);
			break;
		}
	}
}

/* ---- what the gate is given ---- */

static struct ng_addr server_of(const struct trial *trial, uint32_t route)
{
	const struct conf *conf = trial->setup->conf;
	if (conf == NULL || conf->routes[route - 1].n_servers == 0)
		return some_server;
	return conf->routes[route - 1].servers[0].addr;
}

static void give_answer(struct trial *trial, struct asking *asking)
{
	struct trial_asked *shown = &asking->shown;
	if (trial->wish.world == NULL && trial->wish.upstream == NULL) {
		ng_gate_no_answer(trial->gate, trial->now_us, asking->ask.id, NG_NO_SERVER);
		return;
	}
	const struct ng_addr server = server_of(trial, asking->ask.route);
	size_t len =
		trial->wish.world != NULL
			? world_answer(trial->wish.world, &asking->ask.question, trial->wire)
			: trial->wish.upstream(trial->wish.context, &asking->ask.question,
					       trial->wire);
	shown->answered =
		ng_answer_parse(trial->wire, len, &trial->words, &shown->answer) == NG_OK;
	ng_gate_answer(trial->gate, trial->now_us, asking->ask.id, &server, trial->wire, len);
}

/* Carries on until nothing is left to be answered or confirmed. */
static void settle(struct trial *trial)
{
	struct asking *ask = NULL, *next_ask = trial->asks;
	struct ordering *order = NULL, *next_order = trial->orders;
	for (;;) {
		if (next_order != NULL) {
			order = next_order;
			int code = trial_sets_put(trial, &order->order);
			ng_gate_lease_result(trial->gate, trial->now_us, order->order.number,
					     code);
		} else if (next_ask != NULL) {
			ask = next_ask;
			give_answer(trial, ask);
		} else {
			return;
		}
		drain(trial);
		next_order = order != NULL ? order->next : trial->orders;
		next_ask = ask != NULL ? ask->next : trial->asks;
	}
}

/* Not what it says of itself, which is a minute's worth ahead. */
static void spent_tell(struct trial *trial)
{
	if (trial->wish.spent == NULL)
		return;
	ng_gate_spent_tell(trial->gate, trial->now_us);
	trial->telling = true;
	drain(trial);
	trial->telling = false;
}

static void begin(struct trial *trial)
{
	arena_reset(&trial->words);
	trial->asks = NULL;
	trial->orders = NULL;
	trial->n_asks = trial->n_orders = 0;
	trial->reply = (struct trial_reply){0};
}

/* ---- time and reloads ---- */

int trial_apply(struct trial *trial, const struct setup *setup)
{
	if (setup->n_sandboxes != trial->n_stands)
		return NG_E_RANGE;
	struct ng_generation generation = generation_of(trial, setup);
	begin(trial);
	int code = ng_gate_apply(trial->gate, trial->now_us, &generation);
	if (code != NG_OK)
		return code;
	trial->setup = setup;
	drain(trial);
	settle(trial);
	return NG_OK;
}

uint64_t trial_now_us(const struct trial *trial)
{
	return trial->now_us;
}

void trial_advance(struct trial *trial, uint64_t to_us)
{
	begin(trial);
	while (trial->now_us < to_us) {
		uint64_t due_us = ng_gate_deadline(trial->gate);
		if (due_us <= trial->now_us)
			due_us = trial->now_us + 1;
		trial->now_us = due_us < to_us ? due_us : to_us;
		ng_gate_tick(trial->gate, trial->now_us);
		drain(trial);
		settle(trial);
	}
	trial_sets_expire(trial);
}

void trial_limits(const struct trial *trial, const struct setup_sandbox *sandbox,
		  uint64_t out[static NG_LIMITS])
{
	uint64_t cursor = 0, seen[NG_LIMITS];
	uint32_t id;
	memset(out, 0, NG_LIMITS * sizeof(*out));
	while (ng_gate_limits_at(trial->gate, &cursor, &id, seen)) {
		if (id == sandbox->spec->id)
			memcpy(out, seen, sizeof(seen));
	}
}

/* ---- asking ---- */

/* An address of a source: itself, or the one after the prefix's own. */
static struct ng_addr client_of(const struct ng_prefix *source)
{
	struct ng_addr addr = source->addr;
	if (!ng_prefix_is_host(source))
		addr.bytes[ng_addr_len(&addr) - 1] |= 1;
	return addr;
}

size_t trial_clients(const struct setup *setup, const struct setup_sandbox *sandbox,
		     struct ng_addr out[static NG_SOURCES_MAX])
{
	bool conf = setup->conf != NULL;
	const struct ng_prefix *sources = conf ? sandbox->spec->sources : nobody;
	size_t n = conf ? sandbox->spec->n_sources : sizeof(nobody) / sizeof(nobody[0]);
	for (size_t i = 0; i < n; i++)
		out[i] = client_of(&sources[i]);
	return n;
}

static struct ng_addr asker(const struct ng_sandbox *spec, uint16_t type)
{
	uint8_t family = type == NG_TYPE_AAAA ? NG_IPV6 : NG_IPV4;
	for (size_t i = 0; i < spec->n_sources; i++) {
		if (spec->sources[i].addr.family == family)
			return client_of(&spec->sources[i]);
	}
	return client_of(&spec->sources[0]);
}

static void question(struct trial *trial, const struct ng_sandbox *spec,
		     const struct ng_question *question, bool tcp)
{
	uint8_t wire[512];
	const struct ng_client client = {
		.handle = HANDLE,
		.addr = asker(spec, question->type),
		.interface = spec->interface[0] != '\0' ? spec->interface : NULL,
		.tcp = tcp};
	size_t len = ng_ask_build(question, QUESTION_ID, false, false, wire);
	trial->reply.tcp = tcp;
	ng_gate_query(trial->gate, trial->now_us, &client, wire, len);
	drain(trial);
	settle(trial);
}

/* What happened, as arrays. */
static void gather(struct trial *trial)
{
	struct trial_reply *reply = &trial->reply;
	struct asking *ask;
	struct ordering *order;
	reply->asked = arena_alloc(&trial->words, (trial->n_asks + 1) * sizeof(*reply->asked));
	reply->leases =
		arena_alloc(&trial->words, (trial->n_orders + 1) * sizeof(*reply->leases));
	if (trial->words.failed)
		return;
	DL_FOREACH (trial->asks, ask) {
		reply->asked[reply->n_asked++] = ask->shown;
	}
	DL_FOREACH (trial->orders, order) {
		reply->leases[reply->n_leases++] = order->order;
	}
}

int trial_ask(struct trial *trial, const struct setup_sandbox *sandbox,
	      const struct ng_name *name, uint16_t type, struct trial_reply *out)
{
	const struct ng_sandbox *spec = trial_spec(trial, sandbox);
	const struct ng_question asked = {.name = *name, .type = type, .class = NG_CLASS_IN};
	begin(trial);
	question(trial, spec, &asked, false);
	if (!trial->reply.dropped && trial->reply.answer.truncated)
		question(trial, spec, &asked, true);
	spent_tell(trial);
	gather(trial);
	if (trial->words.failed)
		return NG_E_NOMEM;
	*out = trial->reply;
	return NG_OK;
}
