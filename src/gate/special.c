/*
 * What is said of special-use names, whatever policy's default is.
 *
 * A sandbox's localhost is the sandbox itself: it is answered here and opens nothing. Names by which
 * clients look for another resolver, to go around the one that they were given, have no data or
 * do not exist. Names that live inside some network, or nowhere, are not asked of the root's servers
 * (query.c): the public DNS has no answer, and the question would tell strangers what this network
 * calls its machines. A denial of policy, or its own data, comes first.
 */
#include "gate/engine.h"

#include <namegate/special.h>

static void answer_loopback(struct ng_gate *gate, const struct told *told,
			    const struct ng_name *name)
{
	static const uint8_t loopback[16] = {[15] = 1}, loopback4[4] = {127, 0, 0, 1};
	const struct negative nothing = {.verdict = NG_ALLOW, .text = TEXT_LOCALHOST};
	uint16_t type = told->asked->question.type;
	bool four = type == NG_TYPE_A;
	struct ng_rr rr = {
		.owner = (struct ng_name *)name,
		.type = type,
		.ttl = gate->settings.ttl_max_s,
		.rdata = (uint8_t *)(four ? loopback4 : loopback),
		.rdlen = four ? sizeof(loopback4) : sizeof(loopback),
	};
	struct ng_reply_spec spec = {.answers = &rr, .n = 1, .ede = NG_EDE_NONE};

	if (four || type == NG_TYPE_AAAA)
		reply_send(gate, told, &spec, NG_ALLOW)->reason =
			text_word(gate, TEXT_LOOPBACK, told);
	else
		reply_negative(gate, told, &nothing);
}

bool special_answer(struct ng_gate *gate, const struct told *told, const struct ng_name *name,
		    const struct ng_decision *decision)
{
	static const struct negative nodata = {.text = TEXT_RESOLVERS},
				     nxdomain = {.rcode = NG_RCODE_NXDOMAIN,
						 .text = TEXT_TURNS_ON};

	if (told->sandbox->spec.mode == NG_LOCKDOWN || serves_local(decision) ||
	    (decision->matched && !verdict_passes(told->sandbox, decision->verdict)))
		return false;
	if (told->asked->question.type == NG_TYPE_PTR && reverse_answer(gate, told, name))
		return true;
	switch (ng_special_of(name)) {
	case NG_SPECIAL_LOOPBACK:
		answer_loopback(gate, told, name);
		return true;
	case NG_SPECIAL_NODATA:
		reply_negative(gate, told, &nodata);
		return true;
	case NG_SPECIAL_NXDOMAIN:
		reply_negative(gate, told, &nxdomain);
		return true;
	default:
		return false;
	}
}
