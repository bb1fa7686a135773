/* Octets that claim to be a compiled ruleset: refused, or harmless to ask. */
#include "fuzz.h"

#include <namegate/policy.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		".", "a.example", "x.b.example", "x.d.c.example", "two.three.example", "only"};
	struct ng_ruleset *ruleset;
	if (ng_ruleset_open(data, size, &ruleset) != NG_OK)
		return 0;
	fuzz_must(strlen(ng_ruleset_path(ruleset)) < NG_PATH_MAX);
	fuzz_must(ng_ruleset_count(ruleset) < size);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ng_name name;
		struct ng_match match;
		fuzz_must(ng_name_from_text(names[i], strlen(names[i]), &name) == NG_OK);
		if (ng_ruleset_match(ruleset, &name, &match))
			fuzz_must(match.labels <= ng_name_labels(&name));
		ng_ruleset_has_below(ruleset, &name);
	}
	ng_ruleset_close(ruleset);
	return 0;
}
