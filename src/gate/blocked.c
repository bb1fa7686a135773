/*
 * Packets that the kernel refused, told in the words of the person who wrote the policy: which name
 * had that address, why it is not open, and what would open it. Decides nothing. The order of the
 * reasons is that of the kernel's rules, so that what is told is what has stopped the packet.
 */
#include "gate/engine.h"

#include "base/never.h"
#include <stdio.h>
#include <string.h>

#define PROTO_TCP  6
#define PROTO_UDP  17
#define PORTS_TEXT 96
#define PORTS_TOLD 5

const char *ng_why_word(enum ng_why why)
{
	static const char *const words[NG_WHYS] = {
		[NG_WHY_NONE] = "none",          [NG_WHY_UNRESOLVED] = "unresolved",
		[NG_WHY_ENDED] = "lease-ended",  [NG_WHY_PORT] = "port",
		[NG_WHY_NEVER] = "never-open",   [NG_WHY_PRIVATE_DNS] = "private-dns",
		[NG_WHY_PROTOCOL] = "protocol",  [NG_WHY_HOST] = "host-service",
		[NG_WHY_LOCKDOWN] = "lockdown",  [NG_WHY_SOURCE] = "spoofed-source",
		[NG_WHY_OPTIONS] = "ip-options", [NG_WHY_EXTENSION] = "extension-header",
		[NG_WHY_FRAGMENT] = "fragment",  [NG_WHY_STRAY] = "no-connection",
		[NG_WHY_FRAME] = "bridge-frame", [NG_WHY_FLOOD] = "flood",
		[NG_WHY_UNSEEN] = "unseen",
	};
	return (unsigned)why < NG_WHYS ? words[why] : words[NG_WHY_NONE];
}

struct account { /* of one report */
	const struct ng_blocked *blocked;
	const struct sandbox *sandbox; /* NULL: nobody that we know */
	struct ng_record *record;
	struct ng_name name; /* that has the address, or had it last */
};

static const char *tricked(enum ng_why why)
{
	static const char *const texts[NG_WHYS] = {
		[NG_WHY_SOURCE] =
			"spoofed source: no sandbox has this address on that interface; "
			"register it as a source if one should",
		[NG_WHY_OPTIONS] = "IP options: no packet with them is let through",
		[NG_WHY_EXTENSION] =
			"an IPv6 extension header: no packet with one is let through",
		[NG_WHY_FRAGMENT] = "a fragment that could not be put together with others",
		[NG_WHY_FRAME] =
			"a frame that a port of a bridge may not send: to a neighbour, "
			"under another's address, or of a kind that nobody needs",
		[NG_WHY_STRAY] = "of no connection that the kernel knows; a new one must begin "
				 "as its protocol has it",
		[NG_WHY_FLOOD] = "questions by UDP, more than twice what queries-sandbox "
				 "allows, or one longer than the gate takes",
	};
	return texts[why];
}

static bool is_own(const struct ng_gate *gate, const struct ng_addr *addr)
{
	for (size_t i = 0; i < gate->n_own; i++)
		if (ng_prefix_contains(&gate->own[i], addr))
			return true;
	return false;
}

static bool is_private_dns(const struct ng_blocked *blocked)
{
	for (size_t i = 0; i < NEVER_PORTS; i++)
		if (blocked->port == never_ports[i])
			return blocked->proto == PROTO_TCP || blocked->proto == PROTO_UDP;
	return false;
}

static bool is_closed(const struct account *account)
{
	const struct sandbox *sandbox = account->sandbox;

	if (sandbox)
		return !ng_addr_openable(&account->blocked->to, sandbox->spec.opened,
					 sandbox->spec.n_opened);
	return ng_addr_reach(&account->blocked->to) != NG_REACH_PUBLIC;
}

static const char *closed_text(const struct account *account)
{
	if (ng_addr_reach(&account->blocked->to) == NG_REACH_PRIVATE)
		return "a private range that is never opened unless the sandbox opts in: list "
		       "it "
		       "under \"private\"";
	return "an address that is never opened: nothing in the policy can";
}

/* ---- a name has it ---- */

static bool may_use(const struct lease *lease, const struct ng_blocked *blocked)
{
	const struct ng_addr addr = lease_addr(lease), alone = lease_alone(lease);

	return ng_addr_equal(&addr, &blocked->to) &&
	       (alone.family == NG_NOFAMILY || ng_addr_equal(&alone, &blocked->from));
}

/* "443, 853/udp"; returns how many leases of the address there are, one a port. */
static size_t open_ports(const struct ng_gate *gate, const struct account *account,
			 const struct lease **first, char text[static PORTS_TEXT])
{
	const struct lease *lease = NULL;
	size_t n = 0, len = 0;

	text[0] = '\0';
	while ((lease = lease_after(gate, account->sandbox, lease))) {
		const struct ng_port port = lease_port(lease);

		if (!may_use(lease, account->blocked))
			continue;
		if (!n++)
			*first = lease;
		if (n <= PORTS_TOLD && port.proto)
			len += (size_t)snprintf(text + len, PORTS_TEXT - len, "%s%u%s",
						len ? ", " : "", port.port,
						port.proto == PROTO_UDP ? "/udp" : "");
	}
	if (n > PORTS_TOLD)
		snprintf(text + len, PORTS_TEXT - len, " and others");
	return n;
}

/* The rule that opens the name is told along. */
static void note_rule(struct ng_gate *gate, struct account *account, const struct lease *lease)
{
	struct trail_view view;
	struct ng_decision decision;

	trail_read(lease_longest(lease)->trail, &view);
	account->name = trail_name(lease_longest(lease)->trail);
	trail_decide(account->sandbox, &view.trail, &account->name, &account->blocked->from,
		     &decision);
	record_rule(gate, account->record, &decision);
}

static const char *port_text(struct ng_gate *gate, struct account *account)
{
	char ports[PORTS_TEXT], name[NG_NAME_TEXT_MAX];
	const struct lease *lease = NULL;

	if (!account->sandbox || !open_ports(gate, account, &lease, ports))
		return NULL;
	note_rule(gate, account, lease);
	ng_name_to_text(&account->name, name);
	if (!ports[0])
		return word_format(gate, "%s is open, but was not yet when the packet came",
				   name);
	return word_format(gate, "%s is open on port %s only; allow %s:%u%s in %s", name, ports,
			   name, account->blocked->port,
			   account->blocked->proto == PROTO_UDP ? "/udp" : "",
			   account->record->path ? account->record->path : "its list");
}

/* ---- a name had it ---- */

static const char *ended_text(struct ng_gate *gate, struct account *account)
{
	const struct ng_blocked *blocked = account->blocked;
	char name[NG_NAME_TEXT_MAX];
	uint64_t at_us, ago_s;

	if (!history_name(gate, blocked->sandbox, &blocked->to, &account->name, &at_us))
		return NULL;
	ng_name_to_text(&account->name, name);
	ago_s = (gate->now_us - at_us) / SECOND_US;
	if (account->sandbox && !name_allowed(account->sandbox, &blocked->from, &account->name))
		return word_format(
			gate,
			"the lease of %s ended %llu s ago, and no rule allows the name "
			"any more",
			name, (unsigned long long)ago_s);
	return word_format(gate, "the lease of %s ended %llu s ago: it must be resolved again",
			   name, (unsigned long long)ago_s);
}

static const char *unresolved_text(struct ng_gate *gate, const struct ng_blocked *blocked)
{
	char to[NG_ADDR_TEXT];
	bool v6 = blocked->to.family == NG_IPV6;

	return word_format(gate,
			   "never resolved by a permitted name: look it up by one, or allow "
			   "%s%s%s:%u%s in a list",
			   v6 ? "[" : "", ng_addr_format(&blocked->to, to), v6 ? "]" : "",
			   blocked->port, blocked->proto == PROTO_UDP ? "/udp" : "");
}

/* ---- which of them ---- */

static enum ng_why plain_why(const struct ng_gate *gate, const struct account *account)
{
	const struct ng_blocked *blocked = account->blocked;

	if (is_own(gate, &blocked->to))
		return NG_WHY_HOST;
	if (is_private_dns(blocked))
		return NG_WHY_PRIVATE_DNS;
	if (is_closed(account))
		return NG_WHY_NEVER;
	if (account->sandbox && account->sandbox->spec.mode == NG_LOCKDOWN)
		return NG_WHY_LOCKDOWN;
	if (blocked->proto != PROTO_TCP && blocked->proto != PROTO_UDP)
		return NG_WHY_PROTOCOL;
	return NG_WHY_NONE;
}

static const char *plain_text(enum ng_why why, const struct account *account)
{
	switch (why) {
	case NG_WHY_HOST:
		return "an address of the gate's host: it takes DNS and echo requests, and "
		       "nothing opens more";
	case NG_WHY_PRIVATE_DNS:
		return "encrypted DNS, which the gate cannot see into: use the nameserver that "
		       "the sandbox was given";
	case NG_WHY_LOCKDOWN:
		return "the sandbox is in lockdown; namegate sandbox mode ends that";
	case NG_WHY_PROTOCOL:
		return "a protocol that no lease opens: names and addresses are opened to TCP "
		       "and UDP alone";
	default:
		return closed_text(account);
	}
}

/* Says why, in the order of what stopped it. */
static const char *explain(struct ng_gate *gate, struct account *account, enum ng_why *why)
{
	const struct ng_blocked *blocked = account->blocked;
	const char *text;

	*why = blocked->trick;
	if (*why)
		return tricked(*why);
	*why = plain_why(gate, account);
	if (*why)
		return plain_text(*why, account);
	*why = NG_WHY_PORT;
	text = port_text(gate, account);
	if (text)
		return text;
	*why = NG_WHY_ENDED;
	text = ended_text(gate, account);
	if (text)
		return text;
	*why = NG_WHY_UNRESOLVED;
	return unresolved_text(gate, blocked);
}

void ng_gate_blocked(struct ng_gate *gate, uint64_t now_us, const struct ng_blocked *blocked)
{
	struct account account = {.blocked = blocked,
				  .sandbox =
					  directory_by_id(&gate->directory, blocked->sandbox)};
	bool seen = blocked->to.family != NG_NOFAMILY;
	struct ng_record *record;
	struct ng_addr *to;

	actions_begin(gate, now_us);
	gate->counters.blocked += blocked->count;
	record = account.record = &action_add(gate, NG_RECORD)->record;
	to = seen ? arena_copy(&gate->words, &blocked->to, sizeof(*to)) : NULL;
	record->event = NG_EVENT_BLOCKED;
	record->sandbox = blocked->sandbox;
	record->mode = account.sandbox ? account.sandbox->spec.mode : NG_LOCKDOWN;
	record->sandbox_name =
		account.sandbox ? word_text(gate, account.sandbox->spec.name) : "";
	record->client = blocked->from;
	record->why = blocked->trick ? blocked->trick : NG_WHY_UNSEEN;
	record->reason =
		"more packets than the kernel reports one by one, or while nobody read "
		"its reports: only counted";
	if (seen)
		record->reason = explain(gate, &account, &record->why);
	record->name = account.name.len ? word_name(gate, &account.name) : NULL;
	record->version = gate->version;
	record->addrs = to;
	record->n_addrs = to ? 1 : 0;
	record->proto = blocked->proto;
	record->port = blocked->port;
	record->count = blocked->count;
	record->logged = blocked->logged;
	record->observed = blocked->observed;
}
