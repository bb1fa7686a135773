/* Words, and lists of opened prefixes, that all explanations share; for the files explain*.c. */
#pragma once

#include "offline/explain.h"

json_t *explain_opened_json(const struct explain_openeds *openeds);
json_t *explain_ports_json(const struct ng_bounds *bounds);

extern const char *const explain_verdicts[],
	*const explain_scopes[],
		*const explain_modes[],
			*const explain_actions[],
				*const explain_says[],
					*const explain_triggers[],
						*const explain_openers[],
							*const explain_outcomes[],
								*const explain_replies[];
/* The address that asks unless another is named; no family: which of many is not known. */
struct ng_addr explain_client(const struct ng_sandbox *spec);
/* Does any of its rules look at who asks? */
bool explain_watches_clients(const struct ng_policy *policy);
/* "*.example.com", "answer 192.0.2.0/24"; name is the one that a name rule matched. */
const char *explain_owner(const struct ng_match *match, const struct ng_name *name,
			  char out[static EXPLAIN_OWNER]);
/* The owner name of the rule that decides; there must be one. */
const char *explain_decider(const struct explained *explained, char out[static EXPLAIN_OWNER]);
/* Why it is so, in a sentence; owner is that of the rule that decides, if one does. */
void explain_reason(const struct ng_sandbox *spec, const struct ng_decision *decision,
		    const char *owner, char out[static EXPLAIN_TEXT]);
/* One clause: what became of that candidate, and by which rule. */
const char *explain_fate(const struct explained *explained, size_t candidate,
			 char out[static EXPLAIN_TEXT]);
/* "; it ends 2027-01-31T00:00Z", or "" */
const char *explain_until(const struct ng_match *match, char out[static 32]);
/* "tcp/443" */
const char *explain_port(struct ng_port port, char out[static 16]);
/* "forward corp.internal", "rule build.list:1" */
const char *explain_opener(const struct explain_opened *opened, char out[static EXPLAIN_TEXT]);
void explain_open(struct explain_openeds *openeds, const struct explain_opened *one);
/* Everything that opens prefixes for the sandbox whatever the name: itself and its group. */
void explain_open_sandbox(struct explain_openeds *openeds, const struct setup *setup,
			  const struct setup_sandbox *sandbox);
/* And the route with that index. */
void explain_open_route(struct explain_openeds *openeds, const struct setup *setup,
			size_t route);
