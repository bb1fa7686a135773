/*
 * reach and no-reach: what a packet of the sandbox would meet. A name is resolved as the sandbox
 * would, through the engine, and what counts is whether the addresses stand open in the kernel then,
 * whoever opened them.
 */
#include "config.h"

#include "offline/expect_inside.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_OCTETS 2048

/* ---- resolving ---- */

static struct resolved *resolved_find(const struct expect *expect, const struct ng_name *name)
{
	struct resolved_key key;
	struct resolved *found;
	memset(&key, 0, sizeof(key));
	key.sandbox = expect->sandbox->spec->id;
	key.name.len = name->len;
	memcpy(key.name.wire, name->wire, name->len);
	HASH_FIND(hh, expect->resolved, &key, sizeof(key), found);
	return found;
}

static struct resolved *resolved_need(struct expect *expect, const struct ng_name *name)
{
	struct resolved *resolved = resolved_find(expect, name);
	if (resolved != NULL)
		return resolved;
	resolved = calloc(1, sizeof(*resolved));
	if (resolved == NULL)
		return NULL;
	resolved->key.sandbox = expect->sandbox->spec->id;
	resolved->key.name.len = name->len;
	memcpy(resolved->key.name.wire, name->wire, name->len);
	HASH_ADD(hh, expect->resolved, key, sizeof(resolved->key), resolved);
	if (resolved->hh.tbl == NULL) {
		free(resolved);
		return NULL;
	}
	return resolved;
}

static bool address_add(struct addresses *addresses, const struct ng_addr *addr)
{
	for (size_t i = 0; i < addresses->n; i++) {
		if (ng_addr_equal(&addresses->items[i], addr))
			return true;
	}
	struct ng_addr *more = reallocarray(addresses->items, addresses->n + 1, sizeof(*more));
	if (more == NULL)
		return false;
	addresses->items = more;
	more[addresses->n++] = *addr;
	return true;
}

static bool addresses_add(struct resolved *resolved, const struct trial_reply *reply)
{
	const struct ng_answer *answer = &reply->answer;
	for (size_t i = 0; !reply->dropped && i < answer->n; i++) {
		const struct ng_rr *rr = &answer->rrs[i];
		if (rr->type != NG_TYPE_A && rr->type != NG_TYPE_AAAA)
			continue;
		const struct ng_addr addr =
			ng_addr_make(rr->type == NG_TYPE_A ? NG_IPV4 : NG_IPV6, rr->rdata);
		if (!address_add(&resolved->now, &addr) || !address_add(&resolved->ever, &addr))
			return false;
	}
	return true;
}

/* Why a reply brought no address: rcode, reason, rule, and what the filter took out. */
static void say_reply(const struct trial_reply *reply, const char *type, char *buf, size_t size)
{
	const struct ng_record *record = &reply->record;
	char addr[NG_ADDR_TEXT];
	size_t used = (size_t)snprintf(buf, size, "\n  %s: %s", type,
				       reply->dropped ? "no reply"
						      : ng_rcode_text(reply->answer.rcode));
	if (record->reason != NULL && record->reason[0] != '\0')
		used += (size_t)snprintf(buf + used, size - used, ", %s", record->reason);
	if (record->path != NULL)
		used += (size_t)snprintf(buf + used, size - used, " (%s:%u)", record->path,
					 (unsigned)record->line);
	for (size_t i = 0; reply->rebind != NULL && i < reply->rebind->n_addrs && used < size;
	     i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
					 i > 0 ? ", " : ", taken out: ",
					 ng_addr_format(&reply->rebind->addrs[i], addr));
}

/* Asks for both families. why, unless NULL, gets what the replies say. NULL: told. */
static struct resolved *resolve(struct expect *expect, const struct word *word,
				const struct ng_name *name, char *why, size_t size)
{
	static const struct {
		uint16_t type;
		const char *name;
	} types[] = {{NG_TYPE_A, "A"}, {NG_TYPE_AAAA, "AAAA"}};
	struct resolved *resolved = resolved_need(expect, name);
	struct trial_reply reply;
	bool good = resolved != NULL;
	if (good)
		resolved->now.n = 0;
	for (size_t i = 0; i < 2 && good; i++) {
		good = trial_ask(expect->trial, expect->sandbox, name, types[i].type, &reply) ==
			       NG_OK &&
		       addresses_add(resolved, &reply);
		if (!good)
			break;
		if (i == 0)
			resolved->verdict = reply.record.verdict;
		resolved->failed |= !reply.dropped && reply.answer.rcode == NG_RCODE_SERVFAIL;
		if (why != NULL)
			say_reply(&reply, types[i].name, why + strlen(why), size - strlen(why));
	}
	if (!good)
		expect_stop(expect, word, "memory is out");
	return good ? resolved : NULL;
}

/* ---- saying ---- */

static const char *const hows[] = {
	[TRIAL_SHUT] = "no lease and no static rule opens it",
	[TRIAL_NEVER] = "it is in a range that is never open",
	[TRIAL_DNS] = "port 53 leads to the gate, whatever the address",
	[TRIAL_HIDDEN] = "it is a port of encrypted DNS, closed to all",
	[TRIAL_LOCKDOWN] = "the sandbox is in lockdown",
	[TRIAL_FAMILY] = "the sandbox has no source address of that family",
	[TRIAL_OBSERVED] =
		"the sandbox is only observed, so every packet passes but to what is "
		"never open",
};

static void say_lease(const struct trial *trial, const struct trial_way *way, char *buf,
		      size_t size)
{
	const struct trial_element *element = way->element;
	char name[NG_NAME_TEXT_MAX], port[16];
	uint64_t left_us = element->until_us - trial_now_us(trial);
	snprintf(buf, size, " at %s by the name %s (%s), for another %llu s",
		 expect_port_text(element->port, port), ng_name_to_text(&element->name, name),
		 element->rule, (unsigned long long)(left_us / 1000000));
}

static void say_static(const struct trial_way *way, char *buf, size_t size)
{
	const struct ng_port port = {.proto = way->fixed->proto, .port = way->fixed->port};
	char at[16];
	snprintf(buf, size, " at %s by the static rule %s:%u:%u", expect_port_text(port, at),
		 way->rule.path, (unsigned)way->rule.line, (unsigned)way->rule.column);
}

/* What opens the way, or closes it, behind "is open" and "is not open". */
static const char *how_text(const struct trial *trial, const struct trial_way *way, char *buf,
			    size_t size)
{
	if (way->how == TRIAL_LEASED)
		say_lease(trial, way, buf, size);
	else if (way->how == TRIAL_STATIC)
		say_static(way, buf, size);
	else
		snprintf(buf, size, ": %s", hows[way->how]);
	return buf;
}

static void fail_way(struct expect *expect, const struct trial *trial, const struct word *verb,
		     const struct word *word, struct ng_port port, bool wanted,
		     const struct trial_way *way)
{
	char how[LINE_MAX_OCTETS], addr[NG_ADDR_TEXT];
	snprintf(expect->message, sizeof(expect->message), "%s is %sopen%s",
		 ng_addr_format(&way->addr, addr), wanted ? "not " : "",
		 how_text(trial, way, how, sizeof(how)));
	expect_tell(expect, verb, word, port, expect->message);
}

/* ---- reach ---- */

static void reach_name(struct expect *expect, const struct word *verb, const struct word *word,
		       const struct ng_name *name, struct ng_port port)
{
	char why[LINE_MAX_OCTETS] = "";
	struct trial_way way;
	const struct resolved *resolved = resolve(expect, word, name, why, sizeof(why));
	if (resolved == NULL)
		return;
	for (size_t i = 0; i < resolved->now.n; i++) {
		if (!trial_reaches(expect->trial, expect->sandbox, &resolved->now.items[i],
				   port, &way)) {
			fail_way(expect, expect->trial, verb, word, port, true, &way);
			return;
		}
	}
	snprintf(expect->message, sizeof(expect->message),
		 "the sandbox gets no address for it:%s", why);
	expect_tell(expect, verb, word, port, resolved->now.n > 0 ? NULL : expect->message);
}

static void reach_prefix(struct expect *expect, const struct word *verb,
			 const struct word *word, const struct ng_prefix *prefix,
			 struct ng_port port)
{
	char how[LINE_MAX_OCTETS];
	struct trial_way way;
	if (trial_reaches_all(expect->trial, expect->sandbox, prefix, port, &way)) {
		expect_tell(expect, verb, word, port, NULL);
		return;
	}
	snprintf(expect->message, sizeof(expect->message), "not all of it is open%s",
		 way.how == TRIAL_NEVER  ? ": a range that is never open overlaps it"
		 : way.how == TRIAL_SHUT ? ": no static rule opens the whole of it"
					 : how_text(expect->trial, &way, how, sizeof(how)));
	expect_tell(expect, verb, word, port, expect->message);
}

void fact_reach(struct expect *expect, const struct word *verb, const struct word *word,
		const struct target *target, struct ng_port port)
{
	struct trial_way way;
	if (!state_trial(expect))
		return;
	if (!target->address) {
		if (expect->world == NULL)
			expect_stop(expect, word,
				    "nothing says what upstream answers; name a zone file with "
				    "`answers FILE` above");
		else
			reach_name(expect, verb, word, &target->name, port);
	} else if (!ng_prefix_is_host(&target->prefix)) {
		reach_prefix(expect, verb, word, &target->prefix, port);
	} else if (trial_reaches(expect->trial, expect->sandbox, &target->prefix.addr, port,
				 &way)) {
		expect_tell(expect, verb, word, port, NULL);
	} else {
		fail_way(expect, expect->trial, verb, word, port, true, &way);
	}
}

/* ---- no-reach ---- */

/* The addresses that upstream has for the name, and those that the sandbox was ever given for it. */
static bool all_addresses(const struct expect *expect, struct resolved *resolved)
{
	struct ng_addr addrs[NG_ADDRS_MAX];
	size_t n = expect->world != NULL
			   ? world_addresses(expect->world, &resolved->key.name, addrs)
			   : 0;
	for (size_t i = 0; i < n; i++) {
		if (!address_add(&resolved->ever, &addrs[i]))
			return false;
	}
	return true;
}

/* Nothing was open, because nothing is known: that would pass whatever the policy says. */
static bool is_hollow(const struct expect *expect, const struct resolved *resolved)
{
	const struct ng_sandbox *spec = expect->sandbox->spec;
	bool passes = spec->mode == NG_OBSERVE ||
		      (spec->mode == NG_ENFORCE && resolved->verdict == NG_ALLOW);
	return resolved->ever.n == 0 && passes;
}

static void no_reach_name(struct expect *expect, const struct word *verb,
			  const struct word *word, const struct ng_name *name,
			  struct ng_port port)
{
	struct resolved *resolved = resolved_find(expect, name);
	struct trial_way way;
	if (resolved == NULL)
		resolved = resolve(expect, word, name, NULL, 0);
	if (resolved == NULL)
		return;
	if (!all_addresses(expect, resolved)) {
		expect_stop(expect, word, "memory is out");
		return;
	}
	if (is_hollow(expect, resolved)) {
		expect_tell(
			expect, verb, word, port,
			expect->world == NULL
				? "the sandbox may ask for it, and no `answers` say what it "
				  "would get"
				: "the sandbox may ask for it, and the answers hold no address "
				  "of it, so this shows nothing");
		return;
	}
	for (size_t i = 0; i < resolved->ever.n; i++) {
		if (trial_reaches(expect->trial, expect->sandbox, &resolved->ever.items[i],
				  port, &way)) {
			fail_way(expect, expect->trial, verb, word, port, false, &way);
			return;
		}
	}
	expect_tell(expect, verb, word, port, NULL);
}

/* Is no address in there public? A block that is not has to hold all of it. */
static bool is_private(const struct ng_prefix *prefix)
{
	enum ng_reach reach;
	struct ng_prefix block;
	for (uint32_t cursor = 0; ng_reach_range(&cursor, &block, &reach);) {
		if (reach != NG_REACH_PUBLIC && block.bits <= prefix->bits &&
		    ng_prefix_contains(&block, &prefix->addr))
			return true;
	}
	return false;
}

/* No answer, whatever it says, may open anything in there. */
static bool is_unopenable(const struct expect *expect, const struct ng_prefix *prefix)
{
	const struct grants *grants = &expect->sandbox->grants;
	if (!is_private(prefix))
		return false;
	for (size_t i = 0; i < grants->n_opened; i++) {
		if (ng_prefix_overlaps(&grants->opened[i], prefix))
			return false;
	}
	return true;
}

void fact_no_reach(struct expect *expect, const struct word *verb, const struct word *word,
		   const struct target *target, struct ng_port port)
{
	const struct ng_prefix *prefix = &target->prefix;
	const struct trial *trial;
	struct trial_way way;
	if (!state_trial(expect))
		return;
	if (!target->address) {
		no_reach_name(expect, verb, word, &target->name, port);
		return;
	}
	trial = expect->trial;
	bool open = trial_reaches_within(trial, expect->sandbox, prefix, port, &way);
	if (!open && way.how == TRIAL_SHUT && !is_unopenable(expect, prefix)) {
		if (!everything_asked(expect, word))
			return;
		trial = expect->everything;
		open = trial_reaches_within(trial, expect->sandbox, prefix, port, &way);
	}
	if (open)
		fail_way(expect, trial, verb, word, port, false, &way);
	else
		expect_tell(expect, verb, word, port, NULL);
}
