/* The verb `leases`: which addresses are open for whom, by which name, and for how long. */
#include "config.h"
#include "cli/control_client.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <getopt.h>
#include <stdio.h>

static const char usage[] =
	"usage: namegate leases [--json] [--control SOCKET] [SANDBOX]\n"
	"\n"
	"Shows the open addresses of one sandbox, or of all: the protocol and port\n"
	"where not all are open, the name that opened each, and the seconds until it closes.\n"
	"Exit code: 0, 1 there is no such sandbox, 3 namegated cannot be reached.\n";

static const struct option long_options[] = {CLIENT_LONG_OPTIONS, {NULL, 0, NULL, 0}};

static void print_leases(const json_t *reply)
{
	struct client_table table = {.heads = {"SANDBOX", "ADDRESS", "PORT", "LEFT", "NAME"}};
	size_t i;
	json_t *row;
	json_int_t left_out = json_integer_value(json_object_get(reply, "left_out"));
	json_array_foreach(json_object_get(reply, "leases"), i, row)
	{
		char left[64];
		const char *port = json_string_value(json_object_get(row, "port"));
		bool confirmed = json_is_true(json_object_get(row, "confirmed"));
		bool kept = json_is_true(json_object_get(row, "kept_open_by_a_flow"));
		snprintf(left, sizeof left, confirmed ? "%.0f s%s" : "pending",
			 json_real_value(json_object_get(row, "left_s")),
			 kept ? ", kept open by a flow" : "");
		client_table_row(&table,
				 (const char *const[]){
					 json_string_value(json_object_get(row, "sandbox")),
					 json_string_value(json_object_get(row, "address")),
					 port ? port : "all", left,
					 json_string_value(json_object_get(row, "name"))});
	}
	client_table_print(&table);
	client_table_finish(&table);
	if (left_out)
		fprintf(stderr, "namegate: %lld more are not shown; ask for one sandbox\n",
			(long long)left_out);
}

int verb_leases(int argc, char **argv)
{
	struct client_options options = {0};
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!client_option(&options, option))
			return client_usage(usage, option);
	if (argc - optind > 1)
		return output_usage("leases", "it takes one SANDBOX at most");
	json_t *request = json_pack("{s:s}", "verb", "leases");
	if (optind < argc)
		json_object_set_new(request, "sandbox", json_string(argv[optind]));
	return client_show(&options, request, print_leases);
}
