/*
 * Policy: text in, one immutable compiled image out, and the verdict on a name.
 *
 * A ruleset is the compiled form of one source (a host list or an RPZ zone). Its image is a flat,
 * position-independent block of octets: the compiler makes it, a descriptor or a store carries it,
 * any number of processes map it read-only. A policy is an ordered view over rulesets for one
 * sandbox; it owns nothing and allocates nothing.
 *
 * Precedence (RPZ.md): in a scope the source listed first wins; in a source the match with more
 * labels, exact before wildcard. Across scopes the most severe of deny > ask > allow wins, and no
 * rule at all is deny.
 */
#pragma once

#include <namegate/diag.h>
#include <namegate/name.h>

enum ng_verdict { NG_DENY = 0, NG_ASK, NG_ALLOW };

enum ng_rule_action {
	NG_ACTION_NXDOMAIN = 0, /* RPZ A1, and a list's "!name" */
	NG_ACTION_NODATA,       /* RPZ A2 */
	NG_ACTION_PASSTHRU      /* RPZ A3, and a list's "name" */
};

enum ng_source_format { NG_FORMAT_LIST = 0, NG_FORMAT_RPZ };

struct ng_image { /* a compiled ruleset as octets; owned by whoever compiled it */
	uint8_t *octets;
	size_t len;
};

/*
 * Compiles one source. path is how the user names it and what records will show. For RPZ, origin
 * is the zone's configured origin (NULL: the owner of its SOA, and without SOA an error).
 * NG_E_SYNTAX with at least one error in diags; NG_E_NOMEM. An empty or unreadable source is an
 * error, never an empty ruleset; a list of nothing but comments is one with a warning.
 */
int ng_compile(enum ng_source_format format, const char *path, const char *text, size_t len,
	       const char *origin, struct ng_diags *diags, struct ng_image *out) NG_MUST_CHECK;
void ng_image_finish(struct ng_image *image); /* takes NULL and the zero value */

/* What a file's text is: RPZ when it begins like a zone ($TTL, $ORIGIN, or an SOA), else a list. */
enum ng_source_format ng_source_sniff(const char *text, size_t len);

/* An image made ready to be asked. Borrowed octets: they must outlive the ruleset. */
struct ng_ruleset;
/* Checks every offset of a hostile image before use: NG_E_FORMAT, NG_E_NOMEM. */
int ng_ruleset_open(const uint8_t *octets, size_t len, struct ng_ruleset **out) NG_MUST_CHECK;
void ng_ruleset_close(struct ng_ruleset *ruleset); /* takes NULL */
const char *ng_ruleset_path(const struct ng_ruleset *ruleset);
size_t ng_ruleset_count(const struct ng_ruleset *ruleset); /* rules in it */
/* 64-bit digest of path and text: the same source compiles to the same digest. */
uint64_t ng_ruleset_digest(const struct ng_ruleset *ruleset);

struct ng_match {
	enum ng_rule_action action;
	bool wildcard;
	uint8_t labels;        /* of the owner name, the asterisk not counted */
	uint32_t line, column; /* where the rule stands */
	const char *path;      /* borrowed from the ruleset */
};
/* The rule of this source that decides name (lower-cased), if any. */
bool ng_ruleset_match(const struct ng_ruleset *ruleset, const struct ng_name *name,
		      struct ng_match *out);
/* Does some rule other than a deny stand strictly below name? (RFC 8020, `ancestor-answer`.) */
bool ng_ruleset_has_below(const struct ng_ruleset *ruleset, const struct ng_name *name);

enum ng_scope { NG_SCOPE_GLOBAL = 0, NG_SCOPE_GROUP, NG_SCOPE_SANDBOX, NG_SCOPES };

struct ng_policy {
	struct {
		const struct ng_ruleset *sources[NG_RULESETS_MAX];
		uint8_t n;
	} scopes[NG_SCOPES];
};

struct ng_decision {
	enum ng_verdict verdict;
	bool matched; /* false: no rule spoke, default deny; the next two are then unset */
	enum ng_scope scope;
	struct ng_match match;
};
/* The verdict on name (lower-cased). Never fails: what cannot be decided is denied. */
void ng_policy_decide(const struct ng_policy *policy, const struct ng_name *name,
		      struct ng_decision *out);
bool ng_policy_has_below(const struct ng_policy *policy, const struct ng_name *name);
