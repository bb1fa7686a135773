/*
 * How far sandboxes came to their limits: each question is asked of a second gate at the time at which it was
 * asked, with the quota of questions and the budget of names as the draft has them. What that gate asks upstream
 * is answered with nothing, for as long as the last answer of that name lasted that was seen, or, where none was,
 * for as long as the shortest of any registry: what is told is what they may have come to at most.
 */
#include "config.h"
#include "offline/replay_inside.h"

#include <stdlib.h>

#define TTL_UNSEEN_S 3
#define MINUTE_US    (UINT64_C(60) * SECOND_US)

static struct replay_limits *limits_of(struct replay *replay,
				       const struct setup_sandbox *sandbox)
{
	return &totals_of(replay, sandbox)->limits;
}

/* ---- the gate's world ---- */

/* There is no such data, said by the name itself. */
static size_t nothing_given(void *context, const struct ng_question *question,
			    uint8_t out[static NG_MESSAGE_MAX])
{
	const struct replay *replay = context;
	const struct ng_query query = {.has_question = true, .question = *question};
	uint8_t rdata[22] = {0};
	struct ng_name owner = question->name;
	const struct ng_rr soa = {.owner = &owner,
				  .type = NG_TYPE_SOA,
				  .ttl = replay->timed_ttl_s,
				  .rdlen = sizeof(rdata),
				  .rdata = rdata};

	for (size_t i = 0; i < 4; i++) /* MINIMUM */
		rdata[18 + i] = (uint8_t)(replay->timed_ttl_s >> (24 - 8 * i));
	ng_name_lower(&owner);
	return ng_reply_build(&(struct ng_reply_spec){.query = &query,
						      .negative_soa = true,
						      .soa = &soa,
						      .soa_ttl = replay->timed_ttl_s,
						      .ede = NG_EDE_NONE,
						      .limit = NG_MESSAGE_MAX},
			      out);
}

static void spent_seen(void *context, const struct ng_spent *spent)
{
	struct replay *replay = context;
	const struct setup_sandbox *sandbox = setup_find(replay->setup, spent->sandbox_name);
	uint64_t now_us = trial_now_us(replay->timed);
	struct replay_limits *limits;
	uint64_t out;

	if (!sandbox || spent->until_us <= now_us)
		return;
	limits = limits_of(replay, sandbox);
	out = ((spent->until_us - now_us) * limits->budget + MINUTE_US - 1) / MINUTE_US;
	if (out <= limits->out_most)
		return;
	limits->out_most = out;
	limits->owner = *spent->owner;
}

int limits_create(struct replay *replay)
{
	const struct trial_wish wish = {.setup = replay->setup,
					.upstream = nothing_given,
					.spent = spent_seen,
					.context = replay,
					.timed = true};

	for (size_t i = 0; i < replay->setup->n_sandboxes; i++) {
		const struct setup_sandbox *sandbox = &replay->setup->sandboxes[i];
		struct replay_limits *limits = limits_of(replay, sandbox);

		limits->queries = replay->settings.limits.queries_sandbox;
		limits->budget =
			sandbox->spec->budget ? sandbox->spec->budget : replay->settings.budget;
		limits->store = limits->budget == NG_BUDGET_OFF
					? 0
					: (uint64_t)limits->budget * NG_BUDGET_MINUTES;
	}
	replay->seconds = calloc(replay->setup->n_sandboxes + 1, sizeof(*replay->seconds));
	return replay->seconds ? trial_create(&wish, &replay->timed) : NG_E_NOMEM;
}

/* ---- questions ---- */

/* Seconds begin with the first question that is not in the one before. */
static void second_count(struct replay *replay, const struct setup_sandbox *sandbox,
			 uint64_t now_us)
{
	struct replay_second *second = &replay->seconds[sandbox->spec->id - 1];
	struct replay_limits *limits = limits_of(replay, sandbox);

	if (now_us - second->begun_us >= SECOND_US || !second->n) {
		second->begun_us = now_us;
		second->n = 0;
	}
	if (++second->n > limits->queries_most)
		limits->queries_most = second->n;
}

void limits_take(struct replay *replay, const struct asked *asked,
		 const struct traffic_observation *observation)
{
	struct trial_reply reply;
	uint64_t now_us, at_us;

	if (!replay->timed)
		return;
	if (!replay->timed_begun) {
		replay->timed_begun = true;
		replay->timed_from_us = observation->wall_us;
	}
	now_us = trial_now_us(replay->timed);
	at_us = observation->wall_us - replay->timed_from_us;
	if (observation->wall_us > replay->timed_from_us && at_us > now_us) {
		trial_advance(replay->timed, at_us);
		now_us = at_us;
	}
	replay->timed_ttl_s = asked->ttl_s ? asked->ttl_s : TTL_UNSEEN_S;
	second_count(replay, asked->sandbox, now_us);
	if (trial_ask(replay->timed, asked->sandbox, observation->name, observation->type,
		      &reply) != NG_OK)
		replay->failed = true;
}

void limits_end(struct replay *replay)
{
	for (size_t i = 0; replay->timed && i < replay->setup->n_sandboxes; i++) {
		const struct setup_sandbox *sandbox = &replay->setup->sandboxes[i];
		struct replay_limits *limits = limits_of(replay, sandbox);
		uint64_t refused[NG_LIMITS];

		trial_limits(replay->timed, sandbox, refused);
		limits->over_rate = refused[NG_LIMIT_RATE];
		limits->over_budget = refused[NG_LIMIT_BUDGET];
	}
}
