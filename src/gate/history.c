/*
 * Which name an address last had in a sandbox, after its lease ended: so that a refused packet can
 * be told in the words of the person who wrote the policy. Of a lease at a
 * port it is known as soon as it is held. A bounded table, the one that got its name first out
 * first; it decides nothing.
 */
#include "gate/engine.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

#define HISTORY_MAX 16384

struct memory {
	struct lease_key key; /* client left out */
	UT_hash_handle hh;
	uint64_t at_us; /* when it was last known to be so */
	uint32_t watches;
	bool gone; /* out of the table, and kept for those who watch it */
	uint8_t len;
	uint8_t wire[]; /* of the name */
};

static struct lease_key history_key(uint32_t sandbox, const struct ng_addr *addr)
{
	struct lease_key key;

	memset(&key, 0, sizeof(key));
	key.sandbox = sandbox;
	key.addr = *addr;
	return key;
}

static struct memory *history_find(const struct ng_gate *gate, const struct lease_key *key)
{
	struct memory *found;

	HASH_FIND_BYHASHVALUE(hh, gate->history, key, sizeof(*key),
			      (unsigned)hash_octets(key, sizeof(*key), gate->seed), found);
	return found;
}

static void history_drop(struct ng_gate *gate, struct memory *memory)
{
	HASH_DEL(gate->history, memory);
	memory->gone = true;
	if (!memory->watches)
		free(memory);
}

void history_note(struct ng_gate *gate, const struct lease_key *of, const struct ng_name *name)
{
	struct lease_key key = history_key(of->sandbox, &of->addr);
	struct memory *memory = history_find(gate, &key);

	if (memory && memory->len == name->len &&
	    memcmp(memory->wire, name->wire, name->len) == 0) { /* as it is most of the time */
		memory->at_us = gate->now_us;
		return;
	}
	if (memory)
		history_drop(gate, memory);
	if (HASH_COUNT(gate->history) >= HISTORY_MAX)
		history_drop(gate, gate->history);
	memory = malloc(sizeof(*memory) + name->len);
	if (!memory)
		return;
	memory->key = key;
	memory->watches = 0;
	memory->gone = false;
	memory->at_us = gate->now_us;
	memory->len = name->len;
	memcpy(memory->wire, name->wire, name->len);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, gate->history, &memory->key, sizeof(memory->key),
				    (unsigned)hash_octets(&key, sizeof(key), gate->seed),
				    memory);
	if (!memory->hh.tbl)
		free(memory);
}

bool history_name(const struct ng_gate *gate, uint32_t sandbox, const struct ng_addr *addr,
		  struct ng_name *out, uint64_t *at_us)
{
	struct lease_key key = history_key(sandbox, addr);
	const struct memory *memory = history_find(gate, &key);

	if (!memory)
		return false;
	out->len = memory->len;
	memcpy(out->wire, memory->wire, memory->len);
	*at_us = memory->at_us;
	return true;
}

struct memory *history_watch(struct ng_gate *gate, uint32_t sandbox, const struct ng_addr *addr)
{
	const struct lease_key key = history_key(sandbox, addr);
	struct memory *memory = history_find(gate, &key);

	if (memory)
		memory->watches++;
	return memory;
}

void history_unwatch(struct memory *memory)
{
	if (memory && !--memory->watches && memory->gone)
		free(memory);
}

size_t history_size(const struct memory *memory)
{
	return sizeof(*memory) + memory->len;
}

/* Another name is another memory. */
bool history_stands(const struct memory *memory)
{
	return !memory->gone;
}

void history_again(const struct ng_gate *gate, struct memory *memory)
{
	memory->at_us = gate->now_us;
}

void history_finish(struct ng_gate *gate)
{
	while (gate->history)
		history_drop(gate, gate->history);
}
