/*
 * The tables of a replay. A name is judged when it is first seen; its entry then counts what became of
 * it, and holds a note for each kind of finding.
 */
#include "config.h"
#include "offline/replay_inside.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

int replay_create(struct setup *setup, const struct who *who, bool limits, struct replay **out)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	struct trial_wish wish = {
		.setup = setup, .upstream = answer_given, .context = replay, .unbounded = true};
	int code;

	if (!replay)
		return NG_E_NOMEM;
	replay->setup = setup;
	replay->who = who;
	replay->settings = ng_settings_full(&setup->settings);
	for (size_t i = 0; i < setup->n_sandboxes; i++) {
		if (setup->specs[i].mode == NG_OBSERVE)
			setup->specs[i].mode = NG_ENFORCE;
	}
	replay->totals = calloc(setup->n_sandboxes + 1, sizeof(*replay->totals));
	code = replay->totals ? trial_create(&wish, &replay->trial) : NG_E_NOMEM;
	if (code == NG_OK && limits)
		code = limits_create(replay);
	if (code) {
		replay_destroy(replay);
		return code;
	}
	*out = replay;
	return NG_OK;
}

static void asked_clear(struct asked *asked)
{
	for (size_t kind = 0; kind < REPLAY_KINDS; kind++) {
		if (asked->notes[kind])
			note_finish(asked->notes[kind]);
		free(asked->notes[kind]);
		asked->notes[kind] = NULL;
	}
}

void replay_destroy(struct replay *replay)
{
	struct asked *asked, *next;

	if (!replay)
		return;
	exchanges_finish(replay);
	flows_finish(replay);
	HASH_ITER (hh, replay->asked, asked, next) {
		HASH_DEL(replay->asked, asked);
		asked_clear(asked);
		free(asked);
	}
	asked_clear(&replay->spare);
	trial_free(replay->trial);
	trial_free(replay->timed);
	free(replay->seconds);
	free(replay->totals);
	free(replay->findings);
	free(replay);
}

/* ---- notes ---- */

struct note *note_take(struct replay *replay, struct asked *asked, enum replay_kind kind)
{
	if (!asked->notes[kind])
		asked->notes[kind] = calloc(1, sizeof(*asked->notes[kind]));
	if (!asked->notes[kind])
		replay->failed = true;
	return asked->notes[kind];
}

/* The first words stay. False when memory is out. */
bool note_say(struct note *note, const char *path, uint32_t line, const char *reason)
{
	if (path && !note->path) {
		note->path = strdup(path);
		note->line = line;
	}
	if (reason && !note->reason)
		note->reason = strdup(reason);
	return (!path || note->path) && (!reason || note->reason);
}

void note_finish(struct note *note)
{
	free(note->path);
	free(note->reason);
}

/* ---- names ---- */

struct place_key place_key_make(const struct setup_sandbox *sandbox, const struct ng_addr *addr,
				uint8_t proto, uint16_t port)
{
	struct place_key key;

	memset(&key, 0, sizeof(key)); /* hashed whole */
	key.sandbox = sandbox->spec->id;
	key.addr = *addr;
	key.proto = proto;
	key.port = port;
	return key;
}

static size_t key_len(const struct asked_key *key)
{
	return offsetof(struct asked_key, name.wire) + key->name.len;
}

static void asked_judge(struct asked *asked, const struct setup_sandbox *sandbox)
{
	asked->sandbox = sandbox;
	ng_policy_decide(&sandbox->spec->policy, &asked->key.name, &asked->decision);
	if (sandbox->spec->mode == NG_LOCKDOWN)
		asked->decision = (struct ng_decision){.verdict = NG_DENY};
}

/* The entry of a name for which the table has no room: good until the next one. */
static struct asked *asked_spare(struct replay *replay, const struct setup_sandbox *sandbox,
				 const struct ng_name *name)
{
	asked_clear(&replay->spare);
	replay->spare = (struct asked){.key = {.sandbox = sandbox->spec->id, .name = *name}};
	asked_judge(&replay->spare, sandbox);
	return &replay->spare;
}

static struct asked *asked_make(struct replay *replay, const struct setup_sandbox *sandbox,
				const struct ng_name *name)
{
	struct asked *asked = NULL;

	if (HASH_COUNT(replay->asked) < REPLAY_NAMES_MAX)
		asked = calloc(1, sizeof(*asked));
	if (!asked)
		return asked_spare(replay, sandbox, name);
	asked->key.sandbox = sandbox->spec->id;
	asked->key.name = *name;
	HASH_ADD_KEYPTR(hh, replay->asked, &asked->key, key_len(&asked->key), asked);
	if (!asked->hh.tbl) {
		free(asked);
		return asked_spare(replay, sandbox, name);
	}
	totals_of(replay, sandbox)->names++;
	asked_judge(asked, sandbox);
	return asked;
}

static struct asked *asked_of(struct replay *replay, const struct setup_sandbox *sandbox,
			      const struct ng_name *name)
{
	struct asked_key key = {.sandbox = sandbox->spec->id};
	struct asked *asked;

	key.name.len = name->len;
	memcpy(key.name.wire, name->wire, name->len);
	HASH_FIND(hh, replay->asked, &key, key_len(&key), asked);
	return asked ? asked : asked_make(replay, sandbox, name);
}

/* ---- observations ---- */

static void response_take(struct replay *replay, struct asked *asked,
			  const struct traffic_observation *observation)
{
	asked->responses++;
	asked->denied += observation->fate == TRAFFIC_DENIED;
	if (observation->fate != TRAFFIC_ANSWERED)
		return;
	asked->answered++;
	if (asked->decision.verdict == NG_ALLOW) {
		answer_take(replay, asked, observation);
		return;
	}
	openings_refuse(replay, asked, false, observation);
	if (asked == &replay->spare)
		totals_of(replay, asked->sandbox)->unlisted++;
}

static void message_take(struct replay *replay, const struct setup_sandbox *sandbox,
			 const struct traffic_observation *observation)
{
	struct asked *asked = asked_of(replay, sandbox, observation->name);

	if (observation->kind == TRAFFIC_QUERY) {
		totals_of(replay, sandbox)->questions++;
		asked->queries++;
		limits_take(replay, asked, observation);
	} else {
		totals_of(replay, sandbox)->answers++;
		if (asked->responses >= asked->queries) /* its question was not seen */
			limits_take(replay, asked, observation);
		asked->ttl_s = observation->n_addrs ? observation->addrs[0].ttl_s : 0;
		response_take(replay, asked, observation);
	}
}

static void stranger_take(struct replay *replay, const struct ng_addr *addr)
{
	replay->strangers++;
	for (size_t i = 0; i < replay->n_stranger_addrs; i++) {
		if (ng_addr_equal(&replay->stranger_addrs[i], addr))
			return;
	}
	if (replay->n_stranger_addrs <
	    sizeof(replay->stranger_addrs) / sizeof(replay->stranger_addrs[0]))
		replay->stranger_addrs[replay->n_stranger_addrs++] = *addr;
}

void replay_take(void *context, const struct traffic_observation *given)
{
	struct replay *replay = context;
	struct traffic_observation observation = *given;
	const struct setup_sandbox *sandbox = who_is(replay->who, &observation);

	if (observation.kind == TRAFFIC_REMOVED)
		return;
	if (!sandbox)
		stranger_take(replay, &observation.client);
	else if (observation.kind == TRAFFIC_FLOW)
		flow_take(replay, sandbox, &observation);
	else
		message_take(replay, sandbox, &observation);
}

int replay_end(struct replay *replay)
{
	int code = findings_make(replay);

	limits_end(replay);

	return replay->failed ? NG_E_NOMEM : code;
}

/* ---- looking in ---- */

const struct replay_totals *replay_totals(const struct replay *replay,
					  const struct setup_sandbox *sandbox)
{
	return &replay->totals[sandbox->spec->id - 1];
}

uint64_t replay_strangers(const struct replay *replay)
{
	return replay->strangers;
}

size_t replay_stranger_addrs(const struct replay *replay, const struct ng_addr **out)
{
	*out = replay->stranger_addrs;
	return replay->n_stranger_addrs;
}
