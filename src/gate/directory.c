/* See directory.h. The hash of addresses is seeded: sandboxes choose which sources they forge. */
#include "gate/directory.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static unsigned addr_hash(const struct directory *directory, const struct ng_addr *addr)
{
	return (unsigned)hash_octets(addr, sizeof(*addr), directory->seed);
}

static struct source *exact_find(const struct directory *directory, const struct ng_addr *addr)
{
	struct source *found;

	HASH_FIND_BYHASHVALUE(hh, directory->exact, addr, sizeof(*addr),
			      addr_hash(directory, addr), found);
	return found;
}

static bool overlaps(const struct directory *directory, const struct ng_prefix *prefix)
{
	struct source *source, *spare;

	if (ng_prefix_is_host(prefix)) {
		if (exact_find(directory, &prefix->addr))
			return true;
	} else {
		HASH_ITER (hh, directory->exact, source, spare) {
			if (ng_prefix_contains(prefix, &source->prefix.addr))
				return true;
		}
	}
	DL_FOREACH (directory->wide, source) {
		if (ng_prefix_overlaps(prefix, &source->prefix))
			return true;
	}
	return false;
}

static void source_unlink(struct directory *directory, struct source *source)
{
	if (!source->sandbox)
		return;
	if (ng_prefix_is_host(&source->prefix))
		HASH_DEL(directory->exact, source);
	else
		DL_DELETE(directory->wide, source);
	source->sandbox = NULL;
}

static int source_link(struct directory *directory, struct sandbox *sandbox, size_t i)
{
	struct source *source = &sandbox->sources[i];

	source->prefix = sandbox->spec.sources[i];
	if (overlaps(directory, &source->prefix))
		return NG_E_EXISTS;
	if (!ng_prefix_is_host(&source->prefix)) {
		DL_APPEND(directory->wide, source);
	} else {
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, directory->exact, &source->prefix.addr,
					    sizeof(source->prefix.addr),
					    addr_hash(directory, &source->prefix.addr), source);
		if (!source->hh.tbl)
			return NG_E_NOMEM;
	}
	source->sandbox = sandbox;
	return NG_OK;
}

static bool spec_valid(const struct ng_sandbox *spec)
{
	if (!spec->id || !spec->n_sources || spec->n_sources > NG_SOURCES_MAX ||
	    spec->n_opened > NG_PRIVATE_MAX)
		return false;
	for (size_t i = 0; i < spec->n_sources; i++) {
		if (!ng_prefix_valid(&spec->sources[i]))
			return false;
	}
	return true;
}

static void sandbox_free(struct directory *directory, struct sandbox *sandbox)
{
	for (size_t i = 0; sandbox->sources && i < sandbox->spec.n_sources; i++)
		source_unlink(directory, &sandbox->sources[i]);
	free(sandbox->sources);
	idle_free(sandbox->idle);
	free(sandbox);
}

int directory_add(struct directory *directory, const struct ng_sandbox *spec,
		  struct sandbox **out)
{
	struct sandbox *sandbox;
	int error = NG_OK;

	if (!spec_valid(spec))
		return NG_E_RANGE;
	if (directory_by_id(directory, spec->id))
		return NG_E_EXISTS;
	sandbox = calloc(1, sizeof(*sandbox));
	if (!sandbox)
		return NG_E_NOMEM;
	sandbox->spec = *spec;
	sandbox->sources = calloc(spec->n_sources, sizeof(*sandbox->sources));
	if (!sandbox->sources)
		error = NG_E_NOMEM;
	for (size_t i = 0; !error && i < spec->n_sources; i++)
		error = source_link(directory, sandbox, i);
	if (!error) {
		HASH_ADD(hh, directory->by_id, spec.id, sizeof(sandbox->spec.id), sandbox);
		if (!sandbox->hh.tbl)
			error = NG_E_NOMEM;
	}
	if (error) {
		sandbox_free(directory, sandbox);
		return error;
	}
	directory->n++;
	*out = sandbox;
	return NG_OK;
}

void directory_remove(struct directory *directory, struct sandbox *sandbox)
{
	HASH_DEL(directory->by_id, sandbox);
	directory->n--;
	sandbox_free(directory, sandbox);
}

void directory_finish(struct directory *directory)
{
	struct sandbox *sandbox, *spare;

	HASH_ITER (hh, directory->by_id, sandbox, spare) {
		directory_remove(directory, sandbox);
	}
}

struct sandbox *directory_by_id(const struct directory *directory, uint32_t id)
{
	struct sandbox *found;

	HASH_FIND(hh, directory->by_id, &id, sizeof(id), found);
	return found;
}

static bool interface_fits(const struct sandbox *sandbox, const char *interface)
{
	return !interface || !sandbox->spec.interface[0] ||
	       strcmp(sandbox->spec.interface, interface) == 0;
}

struct sandbox *directory_by_source(const struct directory *directory,
				    const struct ng_addr *addr, const char *interface)
{
	struct source *source = exact_find(directory, addr);

	if (!source) {
		DL_FOREACH (directory->wide, source) {
			if (ng_prefix_contains(&source->prefix, addr))
				break;
		}
	}
	if (!source || !interface_fits(source->sandbox, interface))
		return NULL;
	return source->sandbox;
}

const struct source *sandbox_source(const struct sandbox *sandbox, const struct ng_addr *addr)
{
	for (size_t i = 0; i < sandbox->spec.n_sources; i++) {
		if (ng_prefix_contains(&sandbox->sources[i].prefix, addr))
			return &sandbox->sources[i];
	}
	return NULL;
}
