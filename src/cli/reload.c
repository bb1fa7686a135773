/* The verb `reload`: everything anew, or nothing and the places where it fails. */
#include "config.h"
#include "cli/control_client.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <getopt.h>

static const char usage[] =
	"usage: namegate reload [--json] [--control SOCKET]\n"
	"\n"
	"Has namegated read its configuration and all policies anew. When anything is wrong, "
	"all\n"
	"stays as it was, and file, line and column are shown.\n"
	"Exit code: 0, 1 nothing has changed, 3 namegated cannot be reached.\n";

static const struct option long_options[] = {CLIENT_LONG_OPTIONS, {NULL, 0, NULL, 0}};

int verb_reload(int argc, char **argv)
{
	struct client_options options = {0};
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!client_option(&options, option))
			return client_usage(usage, option);
	if (optind != argc)
		return output_usage("reload", "it takes no argument");
	return client_show(&options, json_pack("{s:s}", "verb", "reload"), client_print_diags);
}
