/*
 * The texts, and how their places are filled.
 *
 * They are read by people and by programs, an agent that has to know why its download failed among
 * them. So each begins with one word for what happened: blocked, waiting, refused, failed. After
 * "by policy" stands the rule that has it so; in brackets stands why. A rule that allows the name while
 * something else stops the answer is named in there. What goes to a client ends in the id of the event
 * (reply.c), by which the record of it is found.
 */
#include "gate/texts.h"

#include "gate/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATH_SHOWN 64 /* octets of a path: its end tells more than its beginning */
#define FILLED_MAX 512

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
	[TEXT_UPSTREAM_BUSY] = {NG_EDE_NO_UPSTREAM,
				"failed (no upstream server is free to be asked)"},
	[TEXT_UPSTREAM_NETWORK] = {NG_EDE_NETWORK,
				   "failed (the upstream servers cannot be reached)"},
	[TEXT_UPSTREAM_FORM] = {NG_EDE_INVALID, "failed (the upstream answer is malformed)"},
	[TEXT_FAILED_BEFORE] =
		{NG_EDE_CACHED_ERROR,
		 "failed (a moment ago: {why}; asked again in {limit} s at the earliest)"},
	[TEXT_CHAIN] = {NG_EDE_INVALID,
			"failed (the alias chain is a loop, too long or inconsistent)"},
	[TEXT_LOCAL_ALIAS] = {NG_EDE_INVALID, "failed (the rule's alias cannot be followed)"},
	[TEXT_MALFORMED] = {NG_EDE_NONE, "malformed or unsupported query"},
	[TEXT_LOOPBACK] = {NG_EDE_NONE, "localhost is the sandbox itself"},
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

/* The end of a path that is too long, from a whole character on. */
static const char *path_shown(const char *path, const char **before)
{
	size_t len = strlen(path);

	*before = "";
	if (len <= PATH_SHOWN)
		return path;
	*before = "...";
	path += len - PATH_SHOWN;
	while (((unsigned char)*path & 0xc0) == 0x80)
		path++;
	return path;
}

static void fill_by(const struct told *told, char *out, size_t room)
{
	const struct ng_match *match =
		told->decision && told->decision->matched ? &told->decision->match : NULL;
	const char *before;

	out[0] = '\0';
	if (!match)
		return;
	const char *path = path_shown(match->path, &before);
	snprintf(out, room, " by policy %s%s:%u", before, path, match->line);
}

static void fill_sandbox(const struct told *told, char *out, size_t room)
{
	snprintf(out, room, "%s", told->sandbox ? told->sandbox->spec.name : "?");
}

static void fill_type(const struct told *told, char *out, size_t room)
{
	char type[16];

	snprintf(out, room, "%s", ng_type_text(told->asked->question.type, type));
}

static void fill_name(const struct told *told, char *out, size_t room)
{
	char name[NG_NAME_TEXT_MAX];

	snprintf(out, room, "%s", told->about ? ng_name_to_text(told->about, name) : "?");
}

static void fill_limit(const struct told *told, char *out, size_t room)
{
	snprintf(out, room, "%" PRIu64, told->limit);
}

static void fill_why(const struct told *told, char *out, size_t room)
{
	const char *form = text_form(told->why), *open = form ? strchr(form, '(') : NULL;

	snprintf(out, room, "%.*s", open ? (int)strcspn(open + 1, ")") : 1,
		 open ? open + 1 : "?");
}

static const struct {
	const char *place;
	void (*fill)(const struct told *told, char *out, size_t room);
} places[] = {
	{"{sandbox}", fill_sandbox}, {"{by}", fill_by},       {"{type}", fill_type},
	{"{name}", fill_name},       {"{limit}", fill_limit}, {"{why}", fill_why},
};

/* What stands at `at`: octets written to out; *taken: octets of the form. */
static size_t step(const char *at, const struct told *told, char *out, size_t room,
		   size_t *taken)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t n = strlen(places[i].place);

		if (strncmp(at, places[i].place, n) != 0)
			continue;
		*taken = n;
		places[i].fill(told, out, room);
		return strlen(out);
	}
	*taken = 1;
	out[0] = *at;
	out[1] = '\0';
	return 1;
}

const char *text_word(struct ng_gate *gate, enum text text, const struct told *told)
{
	const char *at = text_form(text);
	char filled[FILLED_MAX];
	size_t len = 0, taken;

	if (!at)
		return NULL;
	for (; *at && len < sizeof(filled) - 2; at += taken)
		len += step(at, told, filled + len, sizeof(filled) - len, &taken);
	filled[len] = '\0';
	return word_text(gate, filled);
}
