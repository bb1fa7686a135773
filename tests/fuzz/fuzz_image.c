/* Octets that claim to be a compiled ruleset: refused, or harmless to ask. */
#include "fuzz.h"

#include <namegate/policy.h>
#include <string.h>

static void ask_match(const struct ng_match *match)
{
	struct ng_bounds bounds;
	struct ng_local local;
	uint32_t cursor = 0;
	ng_match_bounds(match, &bounds);
	fuzz_must(bounds.n_ports <= NG_PORTS_MAX && bounds.n_types <= NG_TYPES_MAX);
	while (ng_match_local(match, &cursor, &local)) {
		uint8_t copy[UINT16_MAX];
		memcpy(copy, local.rdata, local.rdlen);
		fuzz_must(local.type != 1 || local.rdlen == 4);
	}
}

/* Addresses of clients and answers, and what the ruleset opens by itself. */
static void ask_rest(const struct ng_ruleset *ruleset)
{
	static const char *const addrs[] = {"192.0.2.1", "10.1.2.3", "2001:db8::1"};
	const struct ng_policy policy = {.scopes = {{.sources = {ruleset}, .n = 1}}};
	const struct ng_name name = {.len = 6, .wire = "\4test"};
	struct ng_static item;
	struct ng_prefix opened;
	uint32_t cursor = 0;
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		struct ng_addr addr;
		struct ng_decision decision;
		fuzz_must(ng_addr_parse(addrs[i], &addr) == NG_OK);
		const struct ng_subject subject = {&name, 1, &addr, &addr, 1, true};
		ng_policy_judge(&policy, &subject, &decision);
		if (decision.matched)
			ask_match(&decision.match);
	}
	while (ng_ruleset_static(ruleset, &cursor, &item))
		fuzz_must(ng_addr_reach(&item.prefix.addr) != NG_REACH_NEVER);
	cursor = 0;
	while (ng_ruleset_opened(ruleset, &cursor, &opened))
		fuzz_must(ng_prefix_valid(&opened));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		".", "a.example", "x.b.example", "x.d.c.example", "two.three.example", "only"};
	struct ng_ruleset *ruleset;
	if (ng_ruleset_open(data, size, &ruleset) != NG_OK)
		return 0;
	fuzz_must(strlen(ng_ruleset_path(ruleset)) < NG_PATH_MAX);
	fuzz_must(ng_ruleset_count(ruleset) < size);
	ask_rest(ruleset);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ng_name name;
		struct ng_match match;
		fuzz_must(ng_name_from_text(names[i], strlen(names[i]), &name) == NG_OK);
		if (ng_ruleset_match(ruleset, &name, &match)) {
			fuzz_must(match.labels <= ng_name_labels(&name));
			ask_match(&match);
		}
		ng_ruleset_has_below(ruleset, &name);
	}
	ng_ruleset_close(ruleset);
	return 0;
}
