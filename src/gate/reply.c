/*
 * What a client is told, and the record of it: the one place where answers are worded.
 *
 * Every answer to a question passes through reply_send(), which counts it, queues the octets and
 * queues the DECISION record beside them.
 */
#include "gate/engine.h"

#include <string.h>

#define EVENT_END 8 /* "; event " */

static void count(struct ng_gate *gate, uint8_t rcode, enum ng_verdict verdict)
{
	if (rcode == NG_RCODE_REFUSED)
		gate->counters.refused++;
	else if (rcode == NG_RCODE_SERVFAIL)
		gate->counters.servfail++;
	else if (verdict == NG_ALLOW)
		gate->counters.allowed++;
	else
		gate->counters.denied++;
}

/* A disabled zone decides nothing, but it is there to be watched (RPZ.md O1). */
static void record_shadow(struct ng_gate *gate, struct ng_record *record,
			  const struct ng_match *match)
{
	bool denies = match->action == NG_ACTION_NXDOMAIN ||
		      match->action == NG_ACTION_NODATA || match->action == NG_ACTION_DROP;

	record->reason =
		word_format(gate, "%s%sdisabled policy %s:%u would have %s it",
			    record->reason ? record->reason : "", record->reason ? "; " : "",
			    match->path, match->line, denies ? "denied" : "permitted");
}

void record_rule(struct ng_gate *gate, struct ng_record *record,
		 const struct ng_decision *decision)
{
	if (decision->shadowed && record->event == NG_EVENT_DECISION)
		record_shadow(gate, record, &decision->shadow);
	if (!decision->matched)
		return;
	record->path = word_text(gate, decision->match.path);
	record->line = decision->match.line;
}

static struct ng_record *record_begin(struct ng_gate *gate, const struct told *told,
				      const char id[static NG_EVENT_ID])
{
	struct ng_record *record = &action_add(gate, NG_RECORD)->record;
	/* While its question is the input, neither that nor the sandbox can go. */
	const bool stays = told->asked == &gate->asked;

	record->event = NG_EVENT_DECISION;
	memcpy(record->id, id, sizeof(record->id));
	record->client = told->from;
	record->peer = told->peer;
	record->version = gate->version;
	record->sandbox_name = "";
	if (told->sandbox) {
		record->sandbox = told->sandbox->spec.id;
		record->mode = told->sandbox->spec.mode;
		record->sandbox_name = stays ? told->sandbox->spec.name
					     : word_text(gate, told->sandbox->spec.name);
	}
	if (told->asked->has_question) {
		record->name = stays ? &told->asked->question.name
				     : word_name(gate, &told->asked->question.name);
		record->type = told->asked->question.type;
	}
	return record;
}

static void queue(struct ng_gate *gate, const struct told *told, const uint8_t *wire,
		  size_t len)
{
	if (wire)
		action_add(gate, NG_REPLY)->reply =
			(struct ng_reply){.client = told->client, .wire = wire, .len = len};
	else
		action_add(gate, NG_DROP)->drop = told->client;
}

struct ng_record *reply_ready(struct ng_gate *gate, const struct told *told,
			      const uint8_t *wire, size_t len)
{
	char id[NG_EVENT_ID];

	event_id(gate, told->sandbox, id);
	queue(gate, told, wire, len);
	gate->counters.allowed++;
	return record_begin(gate, told, id);
}

/* The caller gives the text; the id of the event that it ends in is put here. */
struct ng_record *reply_send(struct ng_gate *gate, const struct told *told,
			     struct ng_reply_spec *spec, enum ng_verdict verdict)
{
	struct ng_record *record;
	char end[EVENT_END + NG_EVENT_ID] = "; event ", *id = end + EVENT_END;
	const uint8_t *wire;
	size_t len;

	event_id(gate, told->sandbox, id);
	spec->query = told->asked;
	spec->limit = told->tcp ? NG_MESSAGE_MAX : told->asked->udp_size;
	if (spec->ede != NG_EDE_NONE && told->asked->edns)
		spec->ede_end = end;
	spec->keepalive = told->tcp && told->asked->keepalive;
	spec->keepalive_ds = told->keepalive_ds;
	len = ng_reply_build(spec, gate->scratch);
	wire = len ? arena_copy(&gate->words, gate->scratch, len) : NULL;
	queue(gate, told, wire, len);
	count(gate, spec->rcode, verdict);
	record = record_begin(gate, told, id);
	record->verdict = verdict;
	record->rcode = spec->rcode;
	record->ede = spec->ede;
	record->reason = spec->ede_text;
	return record;
}

struct ng_record *reply_error(struct ng_gate *gate, const struct told *told, uint8_t rcode,
			      enum text text)
{
	struct ng_reply_spec spec = {
		.rcode = rcode,
		.ede = text_ede(text),
		.ede_text = text_word(gate, text, told),
	};

	return reply_send(gate, told, &spec, NG_DENY);
}

/* What there is to say besides the text: no answer, but our SOA. */
static struct ng_record *negative_send(struct ng_gate *gate, const struct told *told,
				       const struct negative *negative, uint32_t soa_ttl)
{
	struct ng_reply_spec spec = {
		.rcode = negative->rcode,
		.answers = negative->aliases,
		.n = negative->n,
		.negative_soa = true,
		.soa_ttl = soa_ttl,
		.serial = (uint32_t)gate->version,
		.ede = text_ede(negative->text),
		.ede_text = text_word(gate, negative->text, told),
	};

	return reply_send(gate, told, &spec, negative->verdict);
}

struct ng_record *reply_negative(struct ng_gate *gate, const struct told *told,
				 const struct negative *negative)
{
	return negative_send(gate, told, negative, gate->settings.deny_ttl_s);
}

static enum text denied_text(const struct ng_sandbox *sandbox,
			     const struct ng_decision *decision)
{
	if (sandbox->mode == NG_LOCKDOWN)
		return TEXT_LOCKDOWN;
	if (!decision->matched)
		return TEXT_UNLISTED;
	return decision->verdict == NG_ASK ? TEXT_ASK : TEXT_DENIED;
}

static uint8_t denied_rcode(const struct ng_gate *gate, const struct ng_sandbox *sandbox,
			    const struct ng_name *asked, const struct ng_decision *decision)
{
	struct ng_name name;

	if (sandbox->mode == NG_LOCKDOWN)
		return NG_RCODE_NXDOMAIN;
	if (decision->matched)
		return decision->match.action == NG_ACTION_NODATA ? NG_RCODE_NOERROR
								  : NG_RCODE_NXDOMAIN;
	if (!gate->settings.ancestor_nodata)
		return NG_RCODE_NXDOMAIN;
	ng_name_lowered(asked, &name);
	return ng_policy_has_below(&sandbox->policy, &name) ? NG_RCODE_NOERROR
							    : NG_RCODE_NXDOMAIN;
}

/* RPZ O2: a zone's rule has the TTL that it was written with, but no more than the setting's. */
static uint32_t denied_ttl(const struct ng_gate *gate, const struct ng_sandbox *sandbox,
			   const struct ng_decision *decision)
{
	uint32_t most = gate->settings.deny_ttl_s, said;

	if (sandbox->mode == NG_LOCKDOWN || !decision->matched)
		return most;
	said = ng_match_denial_ttl(&decision->match, most);
	return said < most ? said : most;
}

/* RPZ A4: no reply at all. The record says so. */
static struct ng_record *reply_dropped(struct ng_gate *gate, const struct told *told,
				       const struct negative *negative)
{
	struct ng_record *record;
	char id[NG_EVENT_ID];

	event_id(gate, told->sandbox, id);
	action_add(gate, NG_DROP)->drop = told->client;
	gate->counters.denied++;
	record = record_begin(gate, told, id);
	record->rcode = negative->rcode;
	record->reason = text_word(gate, negative->text, told);
	return record;
}

void reply_denied(struct ng_gate *gate, const struct told *told,
		  const struct ng_decision *decision)
{
	const struct ng_sandbox *sandbox = &told->sandbox->spec;
	const struct ng_name *asked = &told->asked->question.name;
	bool lockdown = sandbox->mode == NG_LOCKDOWN;
	const struct negative denied = {
		.rcode = denied_rcode(gate, sandbox, asked, decision),
		.text = denied_text(sandbox, decision),
	};
	struct ng_record *record;

	if (!lockdown && decision->matched && decision->match.action == NG_ACTION_DROP)
		record = reply_dropped(gate, told, &denied);
	else
		record =
			negative_send(gate, told, &denied, denied_ttl(gate, sandbox, decision));
	record->verdict = lockdown ? NG_DENY : decision->verdict;
	record_rule(gate, record, decision);
	if (!lockdown && decision->verdict == NG_ASK)
		waiting_note(gate, told->sandbox, asked, decision);
}
