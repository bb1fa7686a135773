/*
 * Single addresses are found in a hash; wider prefixes, of which there are few, in a list. Checks
 * of a wide prefix walk all single ones: that is rare, and exactness is worth it.
 *
 * Every order of a lease asks whether its address is a sandbox's, which is hardly ever so. Sandboxes share
 * few networks, of 16 bits in IPv4 and 64 in IPv6: an address in none of these needs no look at any.
 */
#include "warden/sandboxes.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define NET_BITS(family) ((family) == NG_IPV4 ? 16 : 64)

static size_t net_of(const struct ng_addr *addr)
{
	const uint64_t net = addr->family == NG_IPV4
				     ? (uint64_t)addr->bytes[0] << 8 | addr->bytes[1]
				     : hash_load8(addr->bytes);

	return hash_fold(net ^ HASH_K1, HASH_K0) % SANDBOX_NETS;
}

/* By one more, or one less. */
static void count_source(struct sandboxes *sandboxes, const struct ng_prefix *prefix,
			 uint32_t by)
{
	if (prefix->bits < NET_BITS(prefix->addr.family))
		sandboxes->broad += by;
	else
		sandboxes->nets[net_of(&prefix->addr)] += by;
}

static void unlink_sources(struct sandboxes *sandboxes, struct sandbox *sandbox)
{
	for (size_t i = 0; i < sandbox->is.n_sources; i++) {
		struct source *source = &sandbox->sources[i];

		if (!source->owner)
			continue;
		if (ng_prefix_is_host(&source->prefix))
			HASH_DELETE(hh, sandboxes->singles, source);
		else
			DL_DELETE(sandboxes->wides, source);
		count_source(sandboxes, &source->prefix, (uint32_t)-1);
	}
	free(sandbox->sources);
	sandbox->sources = NULL;
	sandbox->is.n_sources = 0;
}

/* ---- interfaces ---- */

static struct wire *find_wire(const struct sandboxes *sandboxes, const char *interface)
{
	struct wire *wire;

	HASH_FIND(hh, sandboxes->wires, interface, strnlen(interface, NG_IFNAME_MAX), wire);
	return wire;
}

static void unlink_wire(struct sandboxes *sandboxes, struct sandbox *sandbox)
{
	struct wire *wire = sandbox->wire;

	if (!wire)
		return;
	DL_DELETE(wire->members, sandbox);
	sandbox->wire = NULL;
	if (wire->members)
		return;
	HASH_DELETE(hh, sandboxes->wires, wire);
	free(wire);
}

static int link_wire(struct sandboxes *sandboxes, struct sandbox *sandbox)
{
	const char *interface = sandbox->is.interface;
	struct wire *wire = find_wire(sandboxes, interface);

	if (!interface[0])
		return NG_OK;
	if (!wire) {
		wire = calloc(1, sizeof(*wire));
		if (!wire)
			return NG_E_NOMEM;
		memcpy(wire->interface, interface, sizeof(wire->interface));
		HASH_ADD_KEYPTR(hh, sandboxes->wires, wire->interface,
				strnlen(interface, NG_IFNAME_MAX), wire);
		if (!wire->hh.tbl) {
			free(wire);
			return NG_E_NOMEM;
		}
	}
	DL_APPEND(wire->members, sandbox);
	sandbox->wire = wire;
	return NG_OK;
}

struct sandbox *sandboxes_alone(const struct sandboxes *sandboxes, const char *interface)
{
	const struct wire *wire = find_wire(sandboxes, interface);

	return wire && !wire->members->next ? wire->members : NULL;
}

/* ---- */

void sandboxes_remove(struct sandboxes *sandboxes, struct sandbox *sandbox)
{
	unlink_wire(sandboxes, sandbox);
	unlink_sources(sandboxes, sandbox);
	statics_finish(&sandbox->statics);
	HASH_DELETE(hh, sandboxes->by_id, sandbox);
	sandboxes->n--;
	free(sandbox);
}

void sandboxes_finish(struct sandboxes *sandboxes)
{
	struct sandbox *sandbox, *next;

	if (!sandboxes)
		return;
	HASH_ITER (hh, sandboxes->by_id, sandbox, next) {
		sandboxes_remove(sandboxes, sandbox);
	}
}

struct sandbox *sandboxes_find(const struct sandboxes *sandboxes, uint32_t id)
{
	struct sandbox *found;

	HASH_FIND(hh, sandboxes->by_id, &id, sizeof(id), found);
	return found;
}

struct sandbox *sandboxes_owner(const struct sandboxes *sandboxes, const struct ng_addr *addr)
{
	struct source *source;

	if (!sandboxes->broad && !sandboxes->nets[net_of(addr)])
		return NULL;
	HASH_FIND(hh, sandboxes->singles, addr, sizeof(*addr), source);
	if (source)
		return source->owner;
	DL_FOREACH (sandboxes->wides, source) {
		if (ng_prefix_contains(&source->prefix, addr))
			return source->owner;
	}
	return NULL;
}

static bool overlaps_single(const struct sandboxes *sandboxes, const struct ng_prefix *prefix,
			    uint32_t id)
{
	struct source *source, *next;

	HASH_ITER (hh, sandboxes->singles, source, next) {
		if (source->owner->is.id != id && ng_prefix_overlaps(&source->prefix, prefix))
			return true;
	}
	return false;
}

static bool overlaps_other(const struct sandboxes *sandboxes, const struct ng_prefix *prefix,
			   uint32_t id)
{
	struct source *source;

	DL_FOREACH (sandboxes->wides, source) {
		if (source->owner->is.id != id && ng_prefix_overlaps(&source->prefix, prefix))
			return true;
	}
	if (!ng_prefix_is_host(prefix))
		return overlaps_single(sandboxes, prefix, id);
	HASH_FIND(hh, sandboxes->singles, &prefix->addr, sizeof(prefix->addr), source);
	return source && source->owner->is.id != id;
}

int sandboxes_check(const struct sandboxes *sandboxes, const struct wall_sandbox *wanted)
{
	for (size_t i = 0; i < wanted->n_sources; i++) {
		if (overlaps_other(sandboxes, &wanted->sources[i], wanted->id))
			return NG_E_EXISTS;
		for (size_t k = 0; k < i; k++)
			if (ng_prefix_overlaps(&wanted->sources[i], &wanted->sources[k]))
				return NG_E_EXISTS;
	}
	return NG_OK;
}

static int link_sources(struct sandboxes *sandboxes, struct sandbox *sandbox)
{
	if (!sandbox->is.n_sources)
		return NG_OK;
	sandbox->sources = calloc(sandbox->is.n_sources, sizeof(*sandbox->sources));
	if (!sandbox->sources) {
		sandbox->is.n_sources = 0;
		return NG_E_NOMEM;
	}
	for (size_t i = 0; i < sandbox->is.n_sources; i++) {
		struct source *source = &sandbox->sources[i];

		*source = (struct source){.prefix = sandbox->is.sources[i], .owner = sandbox};
		if (!ng_prefix_is_host(&source->prefix)) {
			DL_APPEND(sandboxes->wides, source);
			count_source(sandboxes, &source->prefix, 1);
			continue;
		}
		HASH_ADD(hh, sandboxes->singles, prefix.addr, sizeof(source->prefix.addr),
			 source);
		if (!source->hh.tbl) {
			source->owner = NULL;
			return NG_E_NOMEM;
		}
		count_source(sandboxes, &source->prefix, 1);
	}
	return NG_OK;
}

static struct sandbox *make(struct sandboxes *sandboxes, uint32_t id)
{
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));

	if (!sandbox)
		return NULL;
	sandbox->is.id = id;
	HASH_ADD(hh, sandboxes->by_id, is.id, sizeof(sandbox->is.id), sandbox);
	if (!sandbox->hh.tbl) {
		free(sandbox);
		return NULL;
	}
	sandboxes->n++;
	return sandbox;
}

int sandboxes_put(struct sandboxes *sandboxes, const struct wall_sandbox *wanted,
		  struct sandbox **out)
{
	struct sandbox *sandbox = sandboxes_find(sandboxes, wanted->id);

	if (!sandbox && sandboxes->n >= NG_SANDBOXES_CEILING)
		return NG_E_FULL;
	if (!sandbox)
		sandbox = make(sandboxes, wanted->id);
	if (!sandbox)
		return NG_E_NOMEM;
	unlink_wire(sandboxes, sandbox);
	unlink_sources(sandboxes, sandbox);
	sandbox->is = *wanted;
	if (link_sources(sandboxes, sandbox) != NG_OK ||
	    link_wire(sandboxes, sandbox) != NG_OK) {
		unlink_sources(sandboxes, sandbox); /* nobody's addresses: fail closed */
		return NG_E_NOMEM;
	}
	*out = sandbox;
	return NG_OK;
}

bool sandbox_has(const struct wall_sandbox *sandbox, const struct ng_addr *addr, bool wide_only)
{
	for (size_t i = 0; i < sandbox->n_sources; i++)
		if (!(wide_only && ng_prefix_is_host(&sandbox->sources[i])) &&
		    ng_prefix_contains(&sandbox->sources[i], addr))
			return true;
	return false;
}
