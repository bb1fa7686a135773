/* See directory.h. The hash of addresses is seeded: sandboxes choose which sources they forge. */
#include "gate/directory.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* As hash_octets(), of octets whose number is known: the seed is in each of the factors. */
static uint64_t addr_hash(const struct directory *directory, const struct ng_addr *addr)
{
	const uint64_t seed = hash_fold(directory->seed ^ HASH_K0, HASH_K1);
	const uint64_t state =
		hash_fold(hash_load8(addr->bytes) ^ seed,
			  hash_load8(addr->bytes + 8) ^ directory->seed ^ HASH_K2);

	return hash_fold(state ^ addr->family ^ HASH_K0, seed ^ HASH_K2);
}

static bool same_as(const void *of, uint32_t item, const void *key)
{
	const struct directory *directory = of;
	struct source *const *source = slab_at(&directory->numbers, item);

	return ng_addr_equal(&(*source)->prefix.addr, key);
}

void directory_init(struct directory *directory, uint64_t seed)
{
	*directory = (struct directory){
		.seed = seed,
		.numbers = {.size = sizeof(struct source *)},
		.by_addr = {.of = directory, .same = same_as},
	};
}

void directory_move(struct directory *from, struct directory *to)
{
	*to = *from;
	to->by_addr.of = to;
	directory_init(from, from->seed);
}

static struct source *exact_find(const struct directory *directory, const struct ng_addr *addr)
{
	uint32_t number;

	if (!index_find(&directory->by_addr, addr_hash(directory, addr), addr, &number))
		return NULL;
	return *(struct source **)slab_at(&directory->numbers, number);
}

static int exact_link(struct directory *directory, struct source *source)
{
	const uint64_t hash = addr_hash(directory, &source->prefix.addr);
	uint32_t number;
	struct source **place = slab_take(&directory->numbers, &number);

	if (!place)
		return NG_E_NOMEM;
	*place = source;
	if (index_put(&directory->by_addr, hash, number)) {
		slab_give(&directory->numbers, number);
		return NG_E_NOMEM;
	}
	DL_APPEND(directory->exact, source);
	return NG_OK;
}

static void exact_unlink(struct directory *directory, struct source *source)
{
	const struct ng_addr *addr = &source->prefix.addr;
	uint32_t number;

	if (index_take(&directory->by_addr, addr_hash(directory, addr), addr, &number))
		slab_give(&directory->numbers, number);
	DL_DELETE(directory->exact, source);
}

static bool overlaps(const struct directory *directory, const struct ng_prefix *prefix)
{
	struct source *source;

	if (ng_prefix_is_host(prefix)) {
		if (exact_find(directory, &prefix->addr))
			return true;
	} else {
		DL_FOREACH (directory->exact, source) {
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
		exact_unlink(directory, source);
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
	if (!ng_prefix_is_host(&source->prefix))
		DL_APPEND(directory->wide, source);
	else if (exact_link(directory, source))
		return NG_E_NOMEM;
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
	index_finish(&directory->by_addr);
	slab_finish(&directory->numbers);
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
