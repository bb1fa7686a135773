/* The list stands in zones/shared-hosting.txt; building the command makes a string of it. */
#include "config.h"

#include "cli/hosting.h"

static const char shared_hosting[] =
#include "cli/shared_hosting.inc"
	;

int hosting_create(struct ng_lint_hosting **out)
{
	return ng_lint_hosting_create(shared_hosting, sizeof(shared_hosting) - 1, out);
}
