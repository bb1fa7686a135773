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

#include <namegate/addr.h>
#include <namegate/diag.h>
#include <namegate/name.h>

enum ng_verdict { NG_DENY = 0, NG_ASK, NG_ALLOW };

enum ng_rule_action {
	NG_ACTION_NXDOMAIN = 0, /* RPZ A1, and a list's "!name" */
	NG_ACTION_NODATA,       /* RPZ A2 */
	NG_ACTION_PASSTHRU,     /* RPZ A3, and a list's "name" */
	NG_ACTION_ASK,          /* a list's "?name": denied until somebody approves */
	NG_ACTION_DROP,         /* RPZ A4: no reply at all */
	NG_ACTION_TCP_ONLY,     /* RPZ A5: allowed, over TCP */
	NG_ACTION_LOCAL /* RPZ A6: the rule's own records; a type it has not is NODATA */
};

enum ng_trigger { /* what a rule looks at, in RPZ's order of precedence within a zone (P4) */
		  NG_TRIGGER_CLIENT = 0, /* T5 */
		  NG_TRIGGER_NAME,       /* T1, T2 */
		  NG_TRIGGER_ANSWER      /* T3, T4 */
};

enum ng_source_format { NG_FORMAT_LIST = 0, NG_FORMAT_RPZ };

/* What a zone's every rule does instead of what it says (RPZ.md O1). */
enum ng_override {
	NG_OVERRIDE_GIVEN = 0,
	NG_OVERRIDE_PASSTHRU,
	NG_OVERRIDE_DROP,
	NG_OVERRIDE_TCP_ONLY,
	NG_OVERRIDE_NXDOMAIN,
	NG_OVERRIDE_NODATA,
	NG_OVERRIDE_CNAME,
	NG_OVERRIDE_DISABLED
};

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
struct ng_source {
	enum ng_source_format format;
	const char *path; /* as the user names it */
	const char *text;
	size_t len;
	const char *origin; /* RPZ only; may be NULL */
	uint64_t now_s; /* wall time: rules whose `until` passed are left out with a warning */
	enum ng_override override;   /* RPZ only (O1) */
	const char *override_target; /* of NG_OVERRIDE_CNAME */
	/* what `@include` names, read beforehand by the caller: see ng_source_includes() */
	const struct ng_source *includes;
	size_t n_includes;
};
int ng_compile(const struct ng_source *source, struct ng_diags *diags,
	       struct ng_image *out) NG_MUST_CHECK;
/*
 * The paths of a list's `@include` lines, one at a time from *cursor (start with 0): the caller
 * reads them and hands them in. False at the end. path is written with its NUL.
 */
bool ng_source_includes(const char *text, size_t len, size_t *cursor,
			char path[static NG_PATH_MAX], struct ng_place *place);
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
/* 64-bit digest of all that the image says: the same sources compile to the same digest. */
uint64_t ng_ruleset_digest(const struct ng_ruleset *ruleset);

struct ng_match {
	enum ng_rule_action action;
	enum ng_trigger trigger;
	bool wildcard;
	uint8_t labels;          /* of the owner name, the asterisk not counted */
	struct ng_prefix prefix; /* of an address trigger */
	uint32_t line, column;   /* where the rule stands */
	const char *path;        /* borrowed from the ruleset */
	const struct ng_ruleset *ruleset;
	bool disabled;  /* O1: it only gets a record */
	uint32_t extra; /* bounds or local data in the image; 0 for none */
};
/* The rule of this source that decides name (lower-cased), if any. */
bool ng_ruleset_match(const struct ng_ruleset *ruleset, const struct ng_name *name,
		      struct ng_match *out);
/*
 * The rules with names, one at a time and in no order: the one behind *cursor (start with 0). owner
 * is without the asterisk. False at the end.
 */
bool ng_ruleset_rule(const struct ng_ruleset *ruleset, uint32_t *cursor, struct ng_name *owner,
		     struct ng_match *out);
/*
 * The rules with address triggers in the same way: trigger and prefix of out say of which kind and
 * what. False at the end.
 */
bool ng_ruleset_address(const struct ng_ruleset *ruleset, uint32_t *cursor,
			struct ng_match *out);
/* Do both say the same, and at the same places? */
bool ng_ruleset_equal(const struct ng_ruleset *a, const struct ng_ruleset *b);
/* Does some rule other than a deny stand strictly below name? (RFC 8020, `ancestor-answer`.) */
bool ng_ruleset_has_below(const struct ng_ruleset *ruleset, const struct ng_name *name);

/*
 * What an allow is bounded by, from a list's ports and options or from the port owners of an RPZ
 * zone. The zero value bounds nothing beyond the defaults: all ports, types A and AAAA.
 */
struct ng_port {
	uint8_t proto; /* IP protocol: 6 or 17 */
	uint16_t port;
};
struct ng_bounds {
	struct ng_port ports[NG_PORTS_MAX];
	uint8_t n_ports;
	uint16_t types[NG_TYPES_MAX];
	uint8_t n_types;
	uint32_t lease_max_s; /* 0: none */
	struct ng_prefix opened[NG_RULE_PRIVATE_MAX];
	uint8_t n_opened;
	bool strict; /* every alias target needs a rule as well */
};
void ng_match_bounds(const struct ng_match *match, struct ng_bounds *out);

/* Wall time (seconds since 1970) at which the rule ends by its `until`; 0: none. */
uint64_t ng_match_until(const struct ng_match *match);

/* The TTL that a zone's denying rule was written with (RPZ.md O2); of any other rule `otherwise`. */
uint32_t ng_match_denial_ttl(const struct ng_match *match, uint32_t otherwise);

/* One record of a rule's local data; rdata is borrowed from the ruleset. */
struct ng_local {
	uint16_t type;
	uint32_t ttl;
	const uint8_t *rdata; /* a CNAME's target may begin with an asterisk label (A7) */
	uint16_t rdlen;
};
/* The record behind *cursor (start with 0); false at the end. */
bool ng_match_local(const struct ng_match *match, uint32_t *cursor, struct ng_local *out);

/* A static address or prefix that a list opens: "10.20.0.0/16:5432". */
struct ng_static {
	struct ng_prefix prefix;
	struct ng_port port; /* proto 0: all */
	uint32_t line, column;
	const char *path; /* borrowed from the ruleset */
	uint64_t until_s; /* wall time at which it ends; 0: none */
};
bool ng_ruleset_static(const struct ng_ruleset *ruleset, uint32_t *cursor,
		       struct ng_static *out);

/* The prefixes that rules of this source open with `private=`; false at the end. */
bool ng_ruleset_opened(const struct ng_ruleset *ruleset, uint32_t *cursor,
		       struct ng_prefix *out);

/* Wall time (seconds since 1970) at which the next `until` of this source passes; 0: none. */
uint64_t ng_ruleset_expires(const struct ng_ruleset *ruleset);

enum ng_scope { NG_SCOPE_GLOBAL = 0, NG_SCOPE_GROUP, NG_SCOPE_SANDBOX, NG_SCOPES };

struct ng_policy {
	struct {
		const struct ng_ruleset *sources[NG_RULESETS_MAX];
		uint8_t n;
	} scopes[NG_SCOPES];
	const struct ng_ruleset
		*approvals; /* names that an "ask" was approved or refused for; or NULL */
};

/* What is judged: a question, or a question with its answer. */
struct ng_subject {
	const struct ng_name *names; /* lower-cased: the asked name, then its alias targets */
	size_t n_names;
	const struct ng_addr *client; /* NULL: not known, client triggers are silent */
	const struct ng_addr *addrs;  /* of the answer */
	size_t n_addrs;
	bool answered; /* names and addrs are complete */
};

struct ng_decision {
	enum ng_verdict verdict;
	bool matched; /* false: no rule spoke, default deny; the next two are then unset */
	bool open;    /* not answered yet, and the answer may still change an allow */
	bool bounded; /* an allow with bounds: see ng_policy_bounds() */
	enum ng_scope scope;
	struct ng_match match;
	bool shadowed; /* a rule of a disabled zone would have decided: */
	struct ng_match shadow;
};
/* Does it cover names that its author did not write out: by a wildcard, a client or an answer? */
bool ng_decision_wild(const struct ng_decision *decision);
/*
 * The verdict. Never fails: what cannot be decided is denied. In each scope the first link of the
 * alias chain that some source matches decides (P1), sources in order (P2), in a source client,
 * name, answer (P4). An unanswered subject whose verdict is a denial is final (O4); an allow with
 * `open` set must be judged again with the answer.
 */
void ng_policy_judge(const struct ng_policy *policy, const struct ng_subject *subject,
		     struct ng_decision *out);
/* The same for a name alone, before any answer. */
void ng_policy_decide(const struct ng_policy *policy, const struct ng_name *name,
		      struct ng_decision *out);
/*
 * What this allow is bounded by: ports and types are the union of what the allowing scopes say (a rule
 * without ports opens all), opened prefixes the union, lease_max_s the least, strict if any is.
 */
void ng_policy_bounds(const struct ng_policy *policy, const struct ng_subject *subject,
		      struct ng_bounds *out);
bool ng_policy_has_below(const struct ng_policy *policy, const struct ng_name *name);
