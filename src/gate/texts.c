/*
 * The texts, and how their places are filled.
 *
 * They are read by people and by programs, an agent that has to know why its download failed among
 * them. So each begins with one word for what happened: blocked, waiting, refused, failed, stale. After
 * "by policy" stands the rule that has it so; in brackets stands why. A rule that allows the name while
 * something else stops the answer is named in there. What goes to a client ends in the id of the event
 * (reply.c), by which the record of it is found.
 */
#include "gate/texts.h"

#include "gate/engine.h"

#include <string.h>

#define PATH_SHOWN 64  /* octets of a path: its end tells more than its beginning */
#define FILLED_MAX 512 /* the NUL among them */

static const struct {
	int ede;
	const char *form;
} texts[TEXTS] = {
	[TEXT_NONE] = {NG_EDE_NONE, NULL},
	[TEXT_LOCKDOWN] = {NG_EDE_BLOCKED, "blocked (sandbox {sandbox} is in lockdown)"},
	[TEXT_UNLISTED] = {NG_EDE_BLOCKED,
			   "blocked by policy (not on the allow list of sandbox {sandbox})"},
	[TEXT_DENIED] = {NG_EDE_BLOCKED, "blocked{by} (denied to sandbox {sandbox})"},
	[TEXT_ASK] = {NG_EDE_BLOCKED, "waiting for approval{by} (sandbox {sandbox})"},
	[TEXT_TYPE] = {NG_EDE_BLOCKED, "blocked (allowed{by}, but not for query type {type})"},
	[TEXT_AAAA_OFF] = {NG_EDE_BLOCKED,
			   "blocked (allowed{by}, but AAAA is off for sandbox {sandbox})"},
	[TEXT_BUDGET] = {NG_EDE_BLOCKED, "blocked (allowed{by}, but budget: new names below it "
					 "have used up {limit} octets a minute)"},
	[TEXT_ADDRESSES] = {NG_EDE_BLOCKED,
			    "blocked (allowed{by}, but every address is private "
			    "or the gate's own)"},
	[TEXT_NO_FAMILY] = {NG_EDE_BLOCKED,
			    "blocked (the sandbox has no source address of that family)"},
	[TEXT_NO_FAMILY_SET] = {NG_EDE_BLOCKED,
				"blocked (nothing could be leased in that family: no declared "
				"set takes it, or the sandbox has no source address of it)"},
	[TEXT_NO_DATA] = {NG_EDE_BLOCKED,
			  "blocked (answered{by}, which holds no data of type {type})"},
	[TEXT_ALIAS_RULE] = {NG_EDE_BLOCKED,
			     "blocked (allowed{by}, but alias without a rule for {name})"},
	[TEXT_ALIAS_PORT] = {NG_EDE_BLOCKED, "blocked (allowed{by}, but alias without a port "
					     "that is open for {name})"},
	[TEXT_ALIAS_TYPE] = {NG_EDE_BLOCKED, "blocked (allowed{by}, but alias, and query type "
					     "{type} is not opened for {name})"},
	[TEXT_ALIAS_DATA] = {NG_EDE_BLOCKED,
			     "blocked (allowed{by}, but a rule has another answer for {name})"},
	[TEXT_LOCALHOST] = {NG_EDE_BLOCKED, "blocked (localhost has nothing but addresses)"},
	[TEXT_RESOLVERS] = {NG_EDE_BLOCKED, "blocked (the name leads to other resolvers)"},
	[TEXT_TURNS_ON] = {NG_EDE_BLOCKED, "blocked (the name turns on other resolvers)"},
	[TEXT_STAYS] = {NG_EDE_BLOCKED, "blocked (a special-use name, asked of a forward zone "
					"of its own only)"},
	[TEXT_STRANGER] = {NG_EDE_PROHIBITED,
			   "refused (the asking address is not a known sandbox)"},
	[TEXT_NO_ADDRESS] = {NG_EDE_PROHIBITED,
			     "refused (the socket's sandbox is gone, or has no single address "
			     "to open anything for)"},
	[TEXT_RATE] = {NG_EDE_PROHIBITED,
		       "refused (sandbox {sandbox} asks more than {limit} questions a second)"},
	[TEXT_PENDING] = {NG_EDE_PROHIBITED, "refused (sandbox {sandbox} has as many questions "
					     "waiting as it may)"},
	[TEXT_LEASES] = {NG_EDE_PROHIBITED, "refused (sandbox {sandbox} holds as many open "
					    "addresses as it may)"},
	[TEXT_REMOVED] = {NG_EDE_PROHIBITED, "refused (sandbox {sandbox} was removed)"},
	[TEXT_GONE] = {NG_EDE_NOT_READY,
		       "failed (the address is no longer open; nothing is shown)"},
	[TEXT_SET_4] = {NG_EDE_NOT_READY, "failed (no declared set takes a lease of all ports; "
					  "one of type ipv4_addr . ipv4_addr would)"},
	[TEXT_SET_6] = {NG_EDE_NOT_READY, "failed (no declared set takes a lease of all ports; "
					  "one of type ipv6_addr . ipv6_addr would)"},
	[TEXT_SET_PORTS_4] = {NG_EDE_NOT_READY,
			      "failed (the rule bounds ports and no declared set has them; one "
			      "of type ipv4_addr . ipv4_addr . inet_proto . inet_service "
			      "would)"},
	[TEXT_SET_PORTS_6] = {NG_EDE_NOT_READY,
			      "failed (the rule bounds ports and no declared set has them; one "
			      "of type ipv6_addr . ipv6_addr . inet_proto . inet_service "
			      "would)"},
	[TEXT_FULL] = {NG_EDE_NOT_READY, "failed (the kernel set or a lease quota is full; "
					 "nothing was opened)"},
	[TEXT_WARDEN] = {NG_EDE_NOT_READY, "failed (the warden is not there to open the "
					   "address; it is being started again)"},
	[TEXT_KERNEL] = {NG_EDE_NOT_READY,
			 "failed (the kernel refused the address; nothing is shown)"},
	[TEXT_UNCONFIRMED] = {NG_EDE_NOT_READY, "failed (the kernel did not confirm the "
						"address in time; nothing was opened for this "
						"answer)"},
	[TEXT_MEMORY] = {NG_EDE_NOT_READY, "failed (out of memory)"},
	[TEXT_NO_ZONE] = {NG_EDE_NO_UPSTREAM, "failed (no forward zone covers the name)"},
	[TEXT_ASK_MEMORY] = {NG_EDE_NO_UPSTREAM, "failed (out of memory)"},
	[TEXT_UPSTREAM_FAILS] = {NG_EDE_NO_UPSTREAM,
				 "failed (the upstream server refused or failed)"},
	[TEXT_UPSTREAM_TIME] = {NG_EDE_NO_UPSTREAM,
				"failed (no upstream server answered in time)"},
	[TEXT_UPSTREAM_MATCH] = {NG_EDE_NO_UPSTREAM,
				 "failed (no upstream answer matched the question)"},
	[TEXT_UPSTREAM_TRUST] = {NG_EDE_NETWORK,
				 "failed (the upstream server did not prove by TLS "
				 "who it is)"},
	[TEXT_UPSTREAM_NONE] = {NG_EDE_NO_UPSTREAM,
				"failed (the forward zone has no server now)"},
	[TEXT_UPSTREAM_BUSY] = {NG_EDE_NO_UPSTREAM,
				"failed (no upstream server is free to be asked)"},
	[TEXT_UPSTREAM_NETWORK] = {NG_EDE_NETWORK,
				   "failed (the upstream servers cannot be reached)"},
	[TEXT_UPSTREAM_MARK] = {NG_EDE_NETWORK,
				"failed (the kernel does not set the mark of the forward zone; "
				"nothing was asked without it)"},
	[TEXT_UPSTREAM_FORM] = {NG_EDE_INVALID, "failed (the upstream answer is malformed)"},
	[TEXT_FAILED_BEFORE] =
		{NG_EDE_CACHED_ERROR,
		 "failed (a moment ago: {why}; asked again in {limit} s at the earliest)"},
	[TEXT_CHAIN] = {NG_EDE_INVALID,
			"failed (the alias chain is a loop, too long or inconsistent)"},
	[TEXT_LOCAL_ALIAS] = {NG_EDE_INVALID, "failed (the rule's alias cannot be followed)"},
	[TEXT_STALE] = {NG_EDE_STALE, "stale (the upstream servers do not answer; this is what "
				      "they said last)"},
	[TEXT_MALFORMED] = {NG_EDE_NONE, "malformed or unsupported query"},
	[TEXT_LOOPBACK] = {NG_EDE_NONE, "localhost is the sandbox itself"},
	[TEXT_OPENED] = {NG_EDE_NONE, "the address is open under this name"},
	[TEXT_TCP_RULE] = {NG_EDE_NONE, "the rule answers over TCP only"},
	[TEXT_TCP_SIZE] = {NG_EDE_NONE, "does not fit into UDP: asked again over TCP it is "
					"leased and answered"},
	[TEXT_TOO_LONG] = {NG_EDE_NONE, "the name does not fit before the rule's target"},
};

int text_ede(enum text text)
{
	return (unsigned)text < TEXTS && texts[text].form ? texts[text].ede : NG_EDE_NONE;
}

const char *text_form(enum text text)
{
	return (unsigned)text < TEXTS ? texts[text].form : NULL;
}

/* ---- what stands in the places ---- */

struct filled {
	char octets[FILLED_MAX];
	size_t len;
	bool same; /* whatever else is told, by this rule it says the same to this sandbox */
};

static void add(struct filled *to, const char *from, size_t n)
{
	if (n > sizeof(to->octets) - 1 - to->len)
		n = sizeof(to->octets) - 1 - to->len;
	memcpy(to->octets + to->len, from, n);
	to->len += n;
}

static void add_text(struct filled *to, const char *text)
{
	add(to, text, strlen(text));
}

static void add_number(struct filled *to, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	add(to, digits + at, sizeof(digits) - at);
}

/* Of a path that is too long its end, from a whole character on. */
static void add_path(struct filled *to, const char *path)
{
	size_t len = strlen(path);

	if (len > PATH_SHOWN) {
		add_text(to, "...");
		path += len - PATH_SHOWN;
		while (((unsigned char)*path & 0xc0) == 0x80)
			path++;
	}
	add_text(to, path);
}

static void fill_by(const struct told *told, struct filled *to)
{
	const struct ng_decision *decision = told->decision;

	if (!decision || !decision->matched)
		return;
	add_text(to, " by policy ");
	add_path(to, decision->match.path);
	add_text(to, ":");
	add_number(to, decision->match.line);
}

static void fill_sandbox(const struct told *told, struct filled *to)
{
	add_text(to, told->sandbox ? told->sandbox->spec.name : "?");
}

static void fill_type(const struct told *told, struct filled *to)
{
	char type[16];

	add_text(to, ng_type_text(told->asked->question.type, type));
}

static void fill_name(const struct told *told, struct filled *to)
{
	char name[NG_NAME_TEXT_MAX];

	add_text(to, told->about ? ng_name_to_text(told->about, name) : "?");
}

static void fill_limit(const struct told *told, struct filled *to)
{
	add_number(to, told->limit);
}

static void fill_why(const struct told *told, struct filled *to)
{
	const char *form = text_form(told->why), *open = form ? strchr(form, '(') : NULL;

	add(to, open ? open + 1 : "?", open ? strcspn(open + 1, ")") : 1);
}

static const struct {
	const char *place;
	void (*fill)(const struct told *told, struct filled *to);
	bool same;
} places[] = {
	{"sandbox}", fill_sandbox, true}, {"by}", fill_by, true},
	{"type}", fill_type, false},      {"name}", fill_name, false},
	{"limit}", fill_limit, false},    {"why}", fill_why, false},
};

/* at: behind the bracket. Returns what comes behind the place. */
static const char *fill(const char *at, const struct told *told, struct filled *to)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t n = strlen(places[i].place);

		if (strncmp(at, places[i].place, n) != 0)
			continue;
		places[i].fill(told, to);
		to->same = to->same && places[i].same;
		return at + n;
	}
	return at;
}

/* octets end in a NUL that len does not count. */
static const char *word_of(struct ng_gate *gate, const char *octets, size_t len)
{
	const char *word = arena_copy(&gate->words, octets, len + 1);

	return word ? word : "";
}

/* ---- what was said before ---- */

static const struct ng_match *rule_of(const struct told *told)
{
	return told->decision && told->decision->matched ? &told->decision->match : NULL;
}

static bool said_before(const struct told *told, enum text text)
{
	const struct phrase *said = &told->sandbox->phrase;
	const struct ng_match *rule = rule_of(told);

	return said->text == (int)text &&
	       (rule ? said->path == rule->path && said->line == rule->line : !said->path);
}

static void say(const struct told *told, enum text text, const struct filled *filled)
{
	struct phrase *said = &told->sandbox->phrase;
	const struct ng_match *rule = rule_of(told);

	if (!filled->same || filled->len >= sizeof(said->octets))
		return;
	said->text = (int)text;
	said->path = rule ? rule->path : NULL;
	said->line = rule ? rule->line : 0;
	said->len = (uint16_t)filled->len;
	memcpy(said->octets, filled->octets, filled->len + 1);
}

const char *text_word(struct ng_gate *gate, enum text text, const struct told *told)
{
	const char *at = text_form(text);
	struct filled filled;

	if (!at)
		return NULL;
	if (told->sandbox && said_before(told, text))
		return word_of(gate, told->sandbox->phrase.octets, told->sandbox->phrase.len);
	filled.len = 0;
	filled.same = true;
	while (*at) {
		const size_t n = strcspn(at, "{");

		add(&filled, at, n);
		at = at[n] ? fill(at + n + 1, told, &filled) : at + n;
	}
	filled.octets[filled.len] = '\0';
	if (told->sandbox)
		say(told, text, &filled);
	return word_of(gate, filled.octets, filled.len);
}
