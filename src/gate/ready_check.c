/*
 * Both ways at once, for tests: what a ready answer would say is put down, the question goes the usual way,
 * and what that says must be the same, octet by octet and field by field.
 */
#include "gate/ready_parts.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_ports(const struct ng_record *a, const struct ng_record *b)
{
	bool same = a->n_ports == b->n_ports;

	for (size_t i = 0; same && i < a->n_ports; i++)
		same = a->ports[i].proto == b->ports[i].proto &&
		       a->ports[i].port == b->ports[i].port;
	return same;
}

static bool same_addrs(const struct ng_record *a, const struct ng_record *b)
{
	bool same = a->n_addrs == b->n_addrs;

	for (size_t i = 0; same && i < a->n_addrs; i++)
		same = ng_addr_equal(&a->addrs[i], &b->addrs[i]);
	return same;
}

/* All but who asked and when, which both have from the same place. */
static bool same_record(const struct ng_record *a, const struct ng_record *b)
{
	return a->event == b->event && a->verdict == b->verdict && a->observed == b->observed &&
	       a->rcode == b->rcode && a->ede == b->ede && same_text(a->reason, b->reason) &&
	       same_text(a->path, b->path) && a->line == b->line && same_addrs(a, b) &&
	       same_ports(a, b) && a->ttl_s == b->ttl_s &&
	       a->lease_until_us == b->lease_until_us &&
	       ng_addr_equal(&a->upstream, &b->upstream) && a->upstream_us == b->upstream_us &&
	       a->commit_us == b->commit_us && a->cached == b->cached;
}

void ready_expect(struct ng_gate *gate, const struct told *told, const struct ng_name *name,
		  struct expected *out)
{
	struct proof proof;

	out->octets = NULL;
	if (gate->ready.use != NG_READY_CHECKED || told->tcp ||
	    !ready_prove(gate, told, name, &proof))
		return;
	out->octets = ready_octets_make(gate, told, &proof, &out->len);
	out->record = (struct ng_record){.event = NG_EVENT_DECISION,
					 .ede = NG_EDE_NONE,
					 .mode = told->sandbox->spec.mode};
	ready_record(&proof, &out->record);
	out->at = gate->n_actions;
	gate->ready.held = out->octets != NULL;
}

void ready_compare(struct ng_gate *gate, const struct expected *expected)
{
	const struct ng_action *actions;
	const struct ng_reply *reply;

	if (!expected->octets) /* nothing else of it was written */
		return;
	actions = gate->actions + expected->at;
	reply = &actions->reply;
	gate->ready.held = false;
	if (gate->n_actions == expected->at + 2 && actions[0].kind == NG_REPLY &&
	    actions[1].kind == NG_RECORD && reply->len == expected->len &&
	    memcmp(reply->wire, expected->octets, expected->len) == 0 &&
	    same_record(&actions[1].record, &expected->record))
		gate->counters.ready_hits++;
	else
		gate->ready.faults++;
}
