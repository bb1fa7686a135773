/*
 * What the registry remembers of the past: versions of the policy, what changed in each, and the
 * compiled sources that they replaced; sandboxes that came and went; approvals given and taken
 * back. All of it is bounded, the oldest goes first.
 *
 * The shapes of the rows stand here for those who read the registry from outside
 * (offline/ledger.h).
 */
#pragma once

#include "edge/registry.h"

#define REGISTRY_TABLE_VERSIONS  "versions"    /* by number, big endian */
#define REGISTRY_TABLE_SOURCES   "sources"     /* by name: what the last version had */
#define REGISTRY_TABLE_IMAGES    "images"      /* by path: a registry_image_head, and octets */
#define REGISTRY_TABLE_PAST      "past-images" /* by digest: a registry_past_head, and octets */
#define REGISTRY_TABLE_SANDBOXES "sandbox-events"  /* by number, big endian */
#define REGISTRY_TABLE_APPROVALS "approval-events" /* the same */

#define REGISTRY_VERSIONS_MAX 1000
#define REGISTRY_EVENTS_MAX   10000       /* of sandboxes, and the same of approvals */
#define REGISTRY_CHANGES_MAX  (64u << 20) /* octets of all versions together */
#define REGISTRY_PAST_MAX     (64u << 20) /* octets of replaced sources together */
#define REGISTRY_PAST_ONE_MAX (8u << 20)  /* and of one; a larger one is not kept */

/* A version: a head, and the sources that it has other than the version before. */
struct registry_version_head {
	uint64_t at_s;
	uint32_t sources, changes;
};
struct registry_change {  /* its name follows */
	uint64_t was, is; /* digests; 0: none */
	uint64_t was_rules, rules;
	uint32_t name_len, pad;
};
struct registry_source_row {
	uint64_t digest, rules, version; /* version: since which it is so */
};
struct registry_image_head {
	uint64_t made_s, digest;
};
struct registry_past_head {
	uint64_t replaced; /* by which version */
};

enum registry_event {
	REGISTRY_ADDED = 1,
	REGISTRY_CHANGED,
	REGISTRY_REMOVED,
	REGISTRY_NOTED /* the text says all */
};
struct registry_event_head { /* the sandbox's name, or the note, follows */
	uint64_t at_s;
	uint32_t id;
	uint32_t what;
};

struct registry_source { /* one of the version that is to be remembered */
	const char *name;
	uint64_t digest, rules;
};
/*
 * Remembers a version with all its sources, in force from at_s on. To be called while the registry
 * still has the last good images of the version before: those that are replaced are kept.
 * NG_E_IO, NG_E_FULL, NG_E_NOMEM.
 */
int registry_version_put(struct registry *registry, uint64_t number, uint64_t at_s,
			 const struct registry_source *sources, size_t n) NG_MUST_CHECK;
/* One line of text on an approval: made, withdrawn, ended. NG_E_IO, NG_E_FULL. */
int registry_approval_note(struct registry *registry, const char *text) NG_MUST_CHECK;
