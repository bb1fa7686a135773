/* The verb `flush`: answers of upstream servers are forgotten, and asked for anew. */
#include "config.h"
#include "cli/control_client.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

static const char usage[] =
	"usage: namegate flush [--json] [--control SOCKET] NAME | --zone ZONE | --all\n"
	"\n"
	"Has namegated forget what upstream servers said of NAME, of ZONE and all names below\n"
	"it, or of all names. What is open stays open until its own end.\n"
	"Exit code: 0, 2 the name cannot be read, 3 namegated cannot be reached.\n";

static const struct option long_options[] = {{"zone", required_argument, NULL, 'z'},
					     {"all", no_argument, NULL, 'A'},
					     CLIENT_LONG_OPTIONS,
					     {NULL, 0, NULL, 0}};

static void print_flushed(const json_t *reply)
{
	printf("%lld forgotten\n",
	       (long long)json_integer_value(json_object_get(reply, "flushed")));
}

int verb_flush(int argc, char **argv)
{
	struct client_options options = {0};
	const char *name = NULL;
	bool all = false, below = false;
	int option, given;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'A')
			all = true;
		else if (option == 'z' && !below)
			below = (name = optarg) != NULL;
		else if (!client_option(&options, option))
			return client_usage(usage, option);
	}
	given = all + below + (argc - optind);
	if (given != 1)
		return output_usage("flush", "it takes one NAME, --zone ZONE or --all");
	if (optind < argc)
		name = argv[optind];
	return client_show(&options,
			   json_pack("{s:s, s:s*, s:b, s:b}", "verb", "flush", "name", name,
				     "below", below, "all", all),
			   print_flushed);
}
