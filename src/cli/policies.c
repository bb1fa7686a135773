/* Sources become rulesets in the order they are named: inside a scope the first one speaks. */
#include "cli/policies.h"

#include "conf/sources.h"

void policies_init(struct policies *policies)
{
	*policies = (struct policies){0};
}

void policies_finish(struct policies *policies)
{
	if (policies == NULL)
		return;
	for (size_t i = 0; i < policies->n; i++) {
		ng_ruleset_close(policies->rulesets[i]);
		ng_image_finish(&policies->images[i]);
	}
}

int policies_add(struct policies *policies, enum ng_scope scope, const char *path,
		 const struct conf *conf, struct ng_diags *diags)
{
	struct ng_image *image = &policies->images[policies->n];
	struct ng_ruleset **ruleset = &policies->rulesets[policies->n];
	uint8_t *n = &policies->policy.scopes[scope].n;
	if (*n == NG_RULESETS_MAX)
		return NG_E_FULL;
	int code = source_compile(path, NULL, conf, diags, image);
	if (code != NG_OK)
		return code;
	policies->n++;
	code = ng_ruleset_open(image->octets, image->len, ruleset);
	if (code != NG_OK)
		return code;
	policies->policy.scopes[scope].sources[(*n)++] = *ruleset;
	return NG_OK;
}
