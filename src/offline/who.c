/*
 * What was said on the command line comes first, then the name in the record, then the sources of
 * the set-up, as the gate's own directory finds them.
 */
#include "config.h"
#include "gate/directory.h" /* first: it says how uthash.h is to fail */
#include "offline/who.h"

#include <stdlib.h>
#include <string.h>

struct named {
	const struct setup_sandbox *sandbox; /* its name is the key */
	UT_hash_handle hh;
};

struct mapped {
	struct ng_addr addr;
	const struct setup_sandbox *sandbox;
	UT_hash_handle hh;
};

struct who {
	const struct setup *setup;
	const struct setup_sandbox *as;
	struct named *named;
	struct mapped *mapped;
	struct directory directory;
};

static int name_add(struct who *who, const struct setup_sandbox *sandbox)
{
	struct named *named = calloc(1, sizeof(*named));
	const char *name = sandbox->spec->name;

	if (!named)
		return NG_E_NOMEM;
	named->sandbox = sandbox;
	HASH_ADD_KEYPTR(hh, who->named, name, strlen(name), named);
	if (named->hh.tbl)
		return NG_OK;
	free(named);
	return NG_E_NOMEM;
}

static int sandbox_add(struct who *who, const struct setup_sandbox *sandbox)
{
	struct sandbox *out;
	int code = name_add(who, sandbox);

	if (code || !sandbox->spec->n_sources)
		return code;
	return directory_add(&who->directory, sandbox->spec, &out);
}

int who_create(const struct setup *setup, const struct setup_sandbox *as, struct who **out)
{
	struct who *who = calloc(1, sizeof(*who));
	int code = who ? NG_OK : NG_E_NOMEM;

	if (!who)
		return code;
	who->setup = setup;
	who->as = as;
	directory_init(&who->directory, 0);
	for (size_t i = 0; i < setup->n_sandboxes && !code; i++)
		code = sandbox_add(who, &setup->sandboxes[i]);
	if (code) {
		who_destroy(who);
		return code;
	}
	*out = who;
	return NG_OK;
}

void who_destroy(struct who *who)
{
	struct named *named, *next_named;
	struct mapped *mapped, *next_mapped;

	if (!who)
		return;
	HASH_ITER (hh, who->named, named, next_named) {
		HASH_DEL(who->named, named);
		free(named);
	}
	HASH_ITER (hh, who->mapped, mapped, next_mapped) {
		HASH_DEL(who->mapped, mapped);
		free(mapped);
	}
	directory_finish(&who->directory);
	free(who);
}

static struct mapped *mapped_find(const struct who *who, const struct ng_addr *addr)
{
	struct mapped *mapped;

	HASH_FIND(hh, who->mapped, addr, sizeof(*addr), mapped);
	return mapped;
}

int who_map(struct who *who, const struct ng_addr *addr, const struct setup_sandbox *sandbox)
{
	struct mapped *mapped = mapped_find(who, addr);

	if (mapped)
		return mapped->sandbox == sandbox ? NG_OK : NG_E_EXISTS;
	mapped = calloc(1, sizeof(*mapped));
	if (!mapped)
		return NG_E_NOMEM;
	mapped->addr = *addr;
	mapped->sandbox = sandbox;
	HASH_ADD(hh, who->mapped, addr, sizeof(mapped->addr), mapped);
	if (mapped->hh.tbl)
		return NG_OK;
	free(mapped);
	return NG_E_NOMEM;
}

static const struct setup_sandbox *by_address(const struct who *who, const struct ng_addr *addr)
{
	const struct mapped *mapped = mapped_find(who, addr);
	const struct sandbox *sandbox;

	if (mapped)
		return mapped->sandbox;
	sandbox = directory_by_source(&who->directory, addr, NULL);
	return sandbox ? &who->setup->sandboxes[sandbox->spec.id - 1] : NULL;
}

static const struct setup_sandbox *by_name(const struct who *who, const char *name)
{
	struct named *named;

	HASH_FIND_STR(who->named, name, named);
	return named ? named->sandbox : NULL;
}

static void turn_round(struct traffic_observation *flow)
{
	const struct traffic_observation was = *flow;

	flow->client = was.server;
	flow->server = was.client;
	flow->client_port = was.port;
	flow->port = was.client_port;
	flow->packets = was.back;
	flow->back = was.packets;
}

const struct setup_sandbox *who_is(const struct who *who,
				   struct traffic_observation *observation)
{
	const struct setup_sandbox *sandbox = who->as;

	if (!sandbox && observation->sandbox)
		sandbox = by_name(who, observation->sandbox);
	if (!sandbox)
		sandbox = by_address(who, &observation->client);
	if (sandbox || observation->kind != TRAFFIC_FLOW || observation->began)
		return sandbox;
	sandbox = by_address(who, &observation->server);
	if (sandbox)
		turn_round(observation);
	return sandbox;
}
