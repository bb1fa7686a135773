/*
 * Whose traffic is it? With a set-up, of one of its sandboxes; else of whom a record names, and what it
 * says of an address holds for captures too; else the address is all that is known.
 */
#include "config.h"
#include "offline/learn_inside.h"

#include <stdlib.h>
#include <string.h>

#define ALIASES_MAX 65536

struct learn_person *person_at(const struct learn *learn, uint32_t id)
{
	return learn->people[id - 1];
}

static struct learn_person *person_make(const char *name)
{
	struct learn_person *person = calloc(1, sizeof(*person));

	if (person)
		person->name = strdup(name);
	if (person && person->name)
		return person;
	free(person);
	return NULL;
}

/* 0: there is no room. */
static uint32_t person_named(struct learn *learn, const char *name)
{
	struct learn_person *person;

	HASH_FIND_STR(learn->by_name, name, person);
	if (!person && learn->n_people < LEARN_PEOPLE_MAX) {
		person = person_make(name);
		if (person)
			HASH_ADD_KEYPTR(hh, learn->by_name, person->name, strlen(person->name),
					person);
		if (!person || !person->hh.tbl) {
			if (person)
				free(person->name);
			free(person);
			learn->failed = true;
			return 0;
		}
		learn->people[learn->n_people++] = person;
		person->id = learn->n_people;
	}
	return person ? person->id : 0;
}

static struct alias *alias_find(const struct learn *learn, const struct ng_addr *addr)
{
	struct alias *alias;

	HASH_FIND(hh, learn->aliases, addr, sizeof(*addr), alias);
	return alias;
}

static void alias_set(struct learn *learn, const struct ng_addr *addr, uint32_t person)
{
	struct alias *alias = alias_find(learn, addr);

	if (alias) {
		alias->person = person;
		return;
	}
	if (!person || HASH_COUNT(learn->aliases) >= ALIASES_MAX)
		return;
	alias = calloc(1, sizeof(*alias));
	if (alias) {
		alias->addr = *addr;
		alias->person = person;
		HASH_ADD(hh, learn->aliases, addr, sizeof(alias->addr), alias);
	}
	if (!alias || !alias->hh.tbl) {
		free(alias);
		learn->failed = true;
	}
}

/* Without a set-up: a record says whose an address is, and then it is so in captures as well. */
static uint32_t by_record(struct learn *learn, const struct traffic_observation *observation)
{
	char text[NG_ADDR_TEXT];
	const bool known = observation->client.family != NG_NOFAMILY;
	const struct alias *alias = known ? alias_find(learn, &observation->client) : NULL;
	uint32_t person;

	if (!observation->sandbox && alias)
		return alias->person;
	person = person_named(learn, observation->sandbox ? observation->sandbox
				     : known ? ng_addr_format(&observation->client, text)
					     : "unknown");
	if (known)
		alias_set(learn, &observation->client, person);
	return person;
}

/* A record names another one; its address may be that of the one asked for by now. */
static bool is_others(const struct learn *learn, const struct traffic_observation *observation)
{
	return learn->only && observation->sandbox &&
	       strcmp(observation->sandbox, learn->only) != 0;
}

static uint32_t by_setup(struct learn *learn, struct traffic_observation *observation)
{
	const struct setup_sandbox *sandbox = who_is(learn->who, observation);
	uint32_t person = sandbox && !is_others(learn, observation)
				  ? person_named(learn, sandbox->spec->name)
				  : 0;

	if (person)
		person_at(learn, person)->sandbox = sandbox;
	return person;
}

static void stranger_take(struct learn *learn, const struct ng_addr *addr)
{
	learn->strangers++;
	for (size_t i = 0; i < learn->n_stranger_addrs; i++) {
		if (ng_addr_equal(&learn->stranger_addrs[i], addr))
			return;
	}
	if (addr->family != NG_NOFAMILY &&
	    learn->n_stranger_addrs <
		    sizeof(learn->stranger_addrs) / sizeof(learn->stranger_addrs[0]))
		learn->stranger_addrs[learn->n_stranger_addrs++] = *addr;
}

uint32_t person_of(struct learn *learn, struct traffic_observation *observation)
{
	uint32_t person =
		learn->who ? by_setup(learn, observation) : by_record(learn, observation);

	if (person &&
	    (!learn->only || strcmp(person_at(learn, person)->name, learn->only) == 0))
		return person;
	stranger_take(learn, &observation->client);
	return 0;
}

void people_finish(struct learn *learn)
{
	struct alias *alias, *next;

	HASH_ITER (hh, learn->aliases, alias, next) {
		HASH_DEL(learn->aliases, alias);
		free(alias);
	}
	HASH_CLEAR(hh, learn->by_name);
	for (uint32_t i = 0; i < learn->n_people; i++) {
		free(learn->people[i]->name);
		free(learn->people[i]);
	}
}
