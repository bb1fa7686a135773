/*
 * allow, ask, deny: the verdict on an asked name, before any answer. It is that of the policy: an
 * observed sandbox has the verdicts that enforcing would give, as in its records, and one in lockdown
 * is denied everything.
 */
#include "config.h"

#include "offline/expect_inside.h"

#include <stdio.h>
#include <string.h>

static const char *const verdicts[] = {
	[NG_DENY] = "deny", [NG_ASK] = "ask", [NG_ALLOW] = "allow"};

struct check {
	struct expect *expect;
	enum ng_verdict wanted;
	const struct target *target;
	struct ng_addr clients[NG_SOURCES_MAX];
	size_t n_clients;
	bool failed;
	char message[4 * NG_NAME_TEXT_MAX + NG_PATH_MAX];
};

struct judged {
	struct ng_decision decision;
	enum ng_verdict verdict;
	struct ng_bounds bounds;
};

static void judge(const struct check *check, const struct ng_name *name,
		  const struct ng_addr *client, struct judged *out)
{
	const struct ng_sandbox *spec = check->expect->sandbox->spec;
	const struct ng_subject subject = {.names = name, .n_names = 1, .client = client};
	ng_policy_judge(&spec->policy, &subject, &out->decision);
	out->verdict = spec->mode == NG_LOCKDOWN ? NG_DENY : out->decision.verdict;
	out->bounds = (struct ng_bounds){0};
	if (out->verdict == NG_ALLOW && out->decision.bounded)
		ng_policy_bounds(&spec->policy, &subject, &out->bounds);
}

static bool opens(const struct ng_bounds *bounds, struct ng_port port)
{
	for (size_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port.proto && bounds->ports[i].port == port.port)
			return true;
	}
	return bounds->n_ports == 0;
}

/* With ports in the fact, a denial is of these alone. The first port that is otherwise, or n_ports. */
static size_t port_amiss(const struct check *check, const struct judged *judged)
{
	const struct target *target = check->target;
	size_t i = 0;
	while (i < target->n_ports &&
	       opens(&judged->bounds, target->ports[i]) == (check->wanted == NG_ALLOW))
		i++;
	return i;
}

static bool holds(const struct check *check, const struct judged *judged)
{
	if (check->target->n_ports > 0 && judged->verdict == NG_ALLOW)
		return port_amiss(check, judged) == check->target->n_ports;
	return judged->verdict == check->wanted;
}

/* ---- saying what is instead ---- */

static size_t say_expected(const struct check *check, char *buf, size_t size)
{
	const struct target *target = check->target;
	char owner[NG_NAME_TEXT_MAX];
	if (!target->below)
		return (size_t)snprintf(buf, size, "expected %s, but it",
					verdicts[check->wanted]);
	return (size_t)snprintf(buf, size, "expected %s for %severy name below %s, but ",
				verdicts[check->wanted], target->exact ? "the name and " : "",
				ng_name_to_text(&target->name, owner));
}

static size_t say_name(const struct check *check, const struct ng_name *name, bool spelled,
		       char *buf, size_t size)
{
	char text[NG_NAME_TEXT_MAX];
	struct ng_name owner = *name;
	if (!check->target->below)
		return 0;
	if (spelled)
		return (size_t)snprintf(buf, size, "%s", ng_name_to_text(name, text));
	ng_name_parent(&owner);
	return (size_t)snprintf(buf, size, "a name below %s that no rule spells",
				ng_name_to_text(&owner, text));
}

static void say_ports(const struct check *check, const struct judged *judged, char *buf,
		      size_t size)
{
	const struct ng_bounds *bounds = &judged->bounds;
	char text[16];
	size_t used = (size_t)snprintf(
		buf, size, " at %s",
		expect_port_text(check->target->ports[port_amiss(check, judged)], text));
	for (size_t i = 0; i < bounds->n_ports && used < size && check->wanted == NG_ALLOW; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
					 i > 0 ? ", " : ", where it is open only at ",
					 expect_port_text(bounds->ports[i], text));
}

static void fail(struct check *check, const struct ng_name *name, bool spelled,
		 const struct ng_addr *client, const struct judged *judged)
{
	char rule[NG_PATH_MAX + 64], addr[NG_ADDR_TEXT], ports[512] = "";
	char *buf = check->message;
	size_t size = sizeof(check->message), used = say_expected(check, buf, size);
	bool by_port = check->target->n_ports > 0 && judged->verdict == NG_ALLOW;
	check->failed = true;
	used += say_name(check, name, spelled, buf + used, size - used);
	if (by_port)
		say_ports(check, judged, ports, sizeof(ports));
	used += (size_t)snprintf(
		buf + used, size - used, " is %s%s",
		by_port && check->wanted == NG_ALLOW ? "not open" : verdicts[judged->verdict],
		ports);
	if (check->expect->sandbox->spec->mode == NG_LOCKDOWN)
		used += (size_t)snprintf(buf + used, size - used,
					 ": the sandbox is in lockdown");
	else
		used += (size_t)snprintf(
			buf + used, size - used, ": %s",
			expect_rule_text(&judged->decision, rule, sizeof(rule)));
	if (judged->decision.matched && judged->decision.match.trigger == NG_TRIGGER_CLIENT)
		snprintf(buf + used, size - used, ", for the client %s",
			 ng_addr_format(client, addr));
}

/* ---- judging ---- */

static bool check_name(void *context, const struct ng_name *name, bool spelled)
{
	struct check *check = context;
	struct judged judged;
	for (size_t i = 0; i < check->n_clients && !check->failed; i++) {
		judge(check, name, &check->clients[i], &judged);
		if (!holds(check, &judged))
			fail(check, name, spelled, &check->clients[i], &judged);
	}
	return !check->failed;
}

/* What makes no sense of this verdict; NULL when it does. */
static const char *senseless(const struct target *target, enum ng_verdict wanted)
{
	if (target->address)
		return "an address has no verdict; write reach or no-reach";
	if (wanted == NG_ASK && target->n_ports > 0)
		return "a name that waits for approval is open at no port; write it without";
	return NULL;
}

void fact_verdict(struct expect *expect, const struct word *verb, const struct word *word,
		  enum ng_verdict wanted)
{
	struct target target;
	struct check check = {.expect = expect, .wanted = wanted, .target = &target};
	if (!expect_target(expect, word, &target))
		return;
	const char *wrong = senseless(&target, wanted);
	if (wrong != NULL) {
		expect_stop(expect, word, "%s", wrong);
		return;
	}
	check.n_clients = trial_clients(expect->setup, expect->sandbox, check.clients);
	if (target.exact)
		check_name(&check, &target.name, true);
	if (target.below && !check.failed &&
	    !classes_visit(expect, &target.name, check_name, &check))
		expect_stop(expect, word, "memory is out");
	if (!expect->stopped)
		expect_tell(expect, verb, word, (struct ng_port){0},
			    check.failed ? check.message : NULL);
}
