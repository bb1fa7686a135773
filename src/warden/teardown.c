/* What is left in the kernel goes: the table with all its marks, or what stands in the sets of others. */
#include "warden/teardown.h"

#include "warden/warden.h"

#include "edge/program_pins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int teardown_table(const char *table)
{
	struct kernel kernel;
	char why[SAY_MAX] = "";
	int system = 0, code = kernel_open(&kernel, why);

	if (code == NG_OK)
		code = table_remove(&kernel, table, &system);
	if ((code == NG_OK || code == NG_E_NOTFOUND) && fence_remove(table, &system) != NG_OK)
		say("the marks on sandbox interfaces or the routing rules could not be "
		    "removed: %s; ip rule and tc filter show them",
		    strerror(system));
	if ((code == NG_OK || code == NG_E_NOTFOUND) && pins_remove(table) != NG_OK)
		say("the programs that hold this host's processes could not be removed: %s; rm "
		    "-r /sys/fs/bpf/namegate removes them",
		    strerror(errno));
	if (why[0])
		say("%s", why);
	else if (code == NG_E_NOTFOUND)
		say("there is no table \"%s\"; nothing was removed", table);
	else if (code != NG_OK)
		say("table \"%s\" could not be removed: %s%s", table, strerror(system),
		    system == EPERM ? "; stop namegated first, it owns the table" : "");
	kernel_close(&kernel);
	return code == NG_OK || code == NG_E_NOTFOUND ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int teardown_set(struct kernel *kernel, const char *text)
{
	struct wall_set set = {0};
	char rest;

	if (sscanf(text, "%7s %63s %63s %c", set.family, set.table, set.name, &rest) != 3 ||
	    !wall_set_family_good(set.family) || !wall_nft_name_good(set.table) ||
	    !wall_nft_name_good(set.name)) {
		say("\"%s\" is not family, table and set, as in \"inet filter allowed4\"",
		    text);
		return NG_E_SYNTAX;
	}
	return integrate_teardown(kernel, &set);
}

/* One that cannot be emptied keeps none of the others. */
int teardown_sets(char **texts)
{
	struct kernel kernel;
	char why[SAY_MAX] = "";
	int worst = kernel_open(&kernel, why);

	if (worst != NG_OK)
		say("%s", why);
	for (bool open = worst == NG_OK; open && *texts; texts++) {
		int code = teardown_set(&kernel, *texts);

		worst = code == NG_OK ? worst : code;
	}
	kernel_close(&kernel);
	return worst == NG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
