/* The verb `blocked`: what the kernel did not let pass, how often, where to, and what would open it. */
#include "config.h"
#include "cli/control_client.h"
#include "cli/learn.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"usage: namegate blocked [--json] [--control SOCKET] [SANDBOX]\n"
	"\n"
	"Shows what was blocked of one sandbox, or of all that had anything blocked: the\n"
	"packets refused, those that were forged, and those that passed only because it is\n"
	"observed. These numbers are the kernel's own, to the packet. Below them stand the\n"
	"places that it tried most, from the packets that the kernel reported one by one,\n"
	"with the name that last had the address, and what to do.\n"
	"Exit code: 0, 1 there is no such sandbox, 2 wrong command line, 3 namegated cannot "
	"be\n"
	"reached.\n";

static const struct option long_options[] = {CLIENT_LONG_OPTIONS, {NULL, 0, NULL, 0}};

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static long long number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

/* "44.0.0.1 443/tcp", "44.0.0.1 protocol 47" */
static void print_place(const json_t *place)
{
	const json_t *proto = json_object_get(place, "proto");
	const char *name = text(place, "name");
	bool over = number(place, "over") != 0;

	printf("  %s%lld  %s ", over ? "at most " : "", number(place, "packets"),
	       text(place, "address"));
	if (json_is_string(proto))
		printf("%lld/%s", number(place, "port"), json_string_value(proto));
	else
		printf("protocol %lld", (long long)json_integer_value(proto));
	fputs(*name ? "  " : "", stdout);
	learn_print_plain(name, stdout);
	printf("  last %s%s\n      ", text(place, "last"),
	       json_is_true(json_object_get(place, "observed")) ? ", passed" : "");
	learn_print_plain(text(place, "reason"), stdout);
	putchar('\n');
}

static long long seen(const json_t *places)
{
	long long sum = 0;
	size_t i;
	json_t *place;
	json_array_foreach(places, i, place) sum +=
		number(place, "packets") - number(place, "over");
	return sum;
}

static void print_numbers(const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "sandbox"));

	printf("%s: ", name ? name : "of no single sandbox");
	if (json_is_null(json_object_get(row, "refused")))
		puts("the numbers are not known: the warden is down, or another ruleset "
		     "decides "
		     "what passes");
	else
		printf("%lld refused, %lld forged, %lld observed\n", number(row, "refused"),
		       number(row, "forged"), number(row, "observed"));
}

static void print_sandbox(const json_t *row)
{
	const json_t *places = json_object_get(row, "places");
	size_t i;
	json_t *place;

	print_numbers(row);
	json_array_foreach((json_t *)(uintptr_t)places, i, place) print_place(place);
	if (json_array_size(places) || number(row, "unseen"))
		printf("  (places from %lld packets seen one by one since the worker's start; "
		       "%lld more were only counted)\n",
		       seen(places), number(row, "unseen"));
}

static void print_blocked(const json_t *reply)
{
	const json_t *rows = json_object_get(reply, "sandboxes");
	size_t i;
	json_t *row;

	if (!json_array_size(rows))
		puts("nothing was blocked");
	json_array_foreach((json_t *)(uintptr_t)rows, i, row) print_sandbox(row);
	if (number(reply, "left_out"))
		fprintf(stderr, "namegate: %lld places are not shown; ask for one sandbox\n",
			number(reply, "left_out"));
}

int verb_blocked(int argc, char **argv)
{
	struct client_options options = {0};
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!client_option(&options, option))
			return client_usage(usage, option);
	if (argc - optind > 1)
		return output_usage("blocked", "it takes one SANDBOX at most");
	json_t *request = json_pack("{s:s}", "verb", "blocked");
	if (optind < argc)
		json_object_set_new(request, "sandbox", json_string(argv[optind]));
	return client_show(&options, request, print_blocked);
}
