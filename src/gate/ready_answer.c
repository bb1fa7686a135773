/*
 * A ready answer is sent: its octets with what differs between two questions and two moments, the record of
 * it, and the notes that the usual way would have left behind. See ready.h.
 */
#include "gate/ready_parts.h"

#include <string.h>

#define ID_AT    0
#define FLAGS_AT 2
#define COUNT_AT 11   /* the low octet of ARCOUNT: 1 with an OPT */
#define FLAG_RD  0x01 /* of the first octet of flags */
#define FLAG_CD  0x10 /* of the second */

static void put_u32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

uint8_t *ready_octets_make(struct ng_gate *gate, const struct told *told,
			   const struct proof *proof, size_t *len)
{
	const struct ready *ready = proof->ready;
	const struct ready_rr *rrs = ready_rrs(ready);
	const struct ng_query *asked = told->asked;
	uint8_t *out;

	*len = ready->len + (asked->edns ? READY_OPT_LEN : 0u);
	out = arena_copy(&gate->words, ready_octets(ready), *len);
	if (!out)
		return NULL;
	out[ID_AT] = (uint8_t)(asked->id >> 8);
	out[ID_AT + 1] = (uint8_t)asked->id;
	out[FLAGS_AT] |= asked->rd ? FLAG_RD : 0;
	out[FLAGS_AT + 1] |= asked->cd ? FLAG_CD : 0;
	out[COUNT_AT] = asked->edns;
	memcpy(out + NG_HEADER_LEN, asked->question.name.wire, asked->question.name.len);
	for (size_t i = 0; i < ready->n_rrs; i++)
		put_u32(out + rrs[i].at, proof->ttls[i]);
	return out;
}

void ready_record(const struct proof *proof, struct ng_record *record)
{
	const struct ready *ready = proof->ready;

	record->verdict = ready->verdict;
	record->rcode = ready->rcode;
	record->upstream = ready->entry->server;
	record->cached = true;
	record->observed = record->mode == NG_OBSERVE;
	record->path = ready->path;
	record->line = ready->line;
	if (!ready->n_addrs)
		return;
	record->lease_until_us = proof->sure_us;
	record->addrs = ready_addrs(ready);
	record->n_addrs = ready->n_addrs;
	record->ttl_s = proof->ttl_s;
	record->n_ports = ready->n_ports;
	record->ports = ready->n_ports ? ready_ports(ready) : NULL;
}

/* What lease_want() notes of leases that need no order, and cache_use() of the entry. */
static void use_note(struct ng_gate *gate, const struct proof *proof)
{
	const struct ready *ready = proof->ready;

	for (size_t i = 0; i < ready->n_leases; i++) {
		struct holder *holder = proof->holders[i];
		struct lease *lease = proof->leases[i];

		if (proof->until_us[i] > holder->until_us)
			holder->until_us = proof->until_us[i];
		if (proof->need_us[i] > holder->need_us)
			holder->need_us = proof->need_us[i];
		if (proof->need_us[i] > lease->promised_us)
			lease->promised_us = proof->need_us[i];
		if (ready->leases[i].memory)
			history_again(gate, ready->leases[i].memory);
	}
	gate->counters.cache_hits++;
	gate->counters.ready_hits++;
	cache_note(ready->entry, ready->id);
}

static void send(struct ng_gate *gate, const struct told *told, const struct proof *proof)
{
	size_t len;
	uint8_t *octets = ready_octets_make(gate, told, proof, &len);

	use_note(gate, proof);
	ready_record(proof, reply_ready(gate, told, octets, len));
}

bool ready_answer(struct ng_gate *gate, const struct told *told, const struct ng_name *name)
{
	struct proof proof;

	if (told->tcp || gate->ready.use != NG_READY_USED ||
	    !ready_prove(gate, told, name, &proof))
		return false;
	send(gate, told, &proof);
	return true;
}
