/*
 * A host list or zone as `namegate check` would take it: it compiles or says why not, and what was
 * compiled opens and answers for each of its own lines without harm.
 */
#include "fuzz.h"

#include <namegate/policy.h>
#include <string.h>

static void ask(const struct ng_ruleset *ruleset, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t n = end != NULL ? (size_t)(end - data) - at : size - at;
		struct ng_name name;
		struct ng_match match;
		if (ng_name_from_text((const char *)data + at, n, &name) == NG_OK) {
			ng_name_lower(&name);
			if (ng_ruleset_match(ruleset, &name, &match))
				fuzz_must(match.line > 0 && match.column > 0);
			ng_ruleset_has_below(ruleset, &name);
		}
		at += n + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct ng_diags diags;
	struct ng_image image = {0};
	struct ng_ruleset *ruleset = NULL;
	ng_diags_init(&diags);
	const struct ng_source source = {.format = ng_source_sniff(text, size),
					 .path = "fuzz",
					 .text = text,
					 .len = size};
	int code = ng_compile(&source, &diags, &image);
	fuzz_must((code == NG_OK) == (diags.errors == 0));
	if (code == NG_OK) {
		fuzz_must(ng_ruleset_open(image.octets, image.len, &ruleset) == NG_OK);
		ask(ruleset, data, size);
	}
	ng_ruleset_close(ruleset);
	ng_image_finish(&image);
	ng_diags_finish(&diags);
	return 0;
}
