/* The verb `status`: is the gate serving, by which policy, and what has it counted. */
#include "config.h"
#include "cli/control_client.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <getopt.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>

static const char usage[] =
	"usage: namegate status [SANDBOX] [--memory] [--strict] [--json] [--control SOCKET]\n"
	"\n"
	"Shows whether namegated serves, by which policy version, and its counters. A policy\n"
	"file that could not be read at the last load is shown with what stands for it.\n"
	"With SANDBOX, what limits have refused that one, or taken from it.\n"
	"\n"
	"  --memory            show instead what memory is used for, in octets\n"
	"  --strict            exit with 1 also when a policy is not the one on disk\n"
	"\n"
	"Exit code: 0 it serves, 1 it runs but does not serve, 3 it cannot be reached.\n";

static const struct option long_options[] = {CLIENT_LONG_OPTIONS,
					     {"memory", no_argument, NULL, 'm'},
					     {"strict", no_argument, NULL, 's'},
					     {NULL, 0, NULL, 0}};

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "-";
}

static void print_child(const char *name, const json_t *child)
{
	printf("%-16s%s, pid %lld, restarts %lld", name, text(child, "state"),
	       (long long)number(child, "pid"), (long long)number(child, "restarts"));
}

/* Several of them with what each of them has to do. */
static void print_workers(const json_t *reply)
{
	const json_t *workers = json_object_get(reply, "workers");
	const json_t *because = json_object_get(reply, "one_worker_because");
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const json_t *worker = json_array_get(workers, i);
		char name[32];
		if (json_array_size(workers) == 1) {
			print_child("worker", worker);
		} else {
			snprintf(name, sizeof name, "worker %zu", i + 1);
			print_child(name, worker);
			printf(", sandboxes %lld", (long long)number(worker, "sandboxes"));
			if (json_is_integer(json_object_get(worker, "queries")))
				printf(", queries %lld", (long long)number(worker, "queries"));
		}
		putchar('\n');
	}
	if (because)
		printf("%-16sthere is one, because %s\n", "", json_string_value(because));
}

static void print_counters(const json_t *counters)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)counters, key,
			    value) if (json_is_integer(value))
		printf("%-16s%lld\n", key, (long long)json_integer_value(value));
}

/* The table, or the sets of another ruleset and what is left to that. */
static void print_place(const json_t *reply)
{
	size_t i;
	json_t *item;
	if (!json_object_get(reply, "sets"))
		printf("%-16sinet %s\n", "table", text(reply, "table"));
	json_array_foreach(json_object_get(reply, "sets"), i, item)
		printf("%-16s%s\n", "set", json_string_value(item));
	json_array_foreach(json_object_get(reply, "left_to_ruleset"), i, item)
		printf("%-16s%s\n", "not guarded", json_string_value(item));
}

/* By the kernel's counters; a line that says nothing is left out. */
static void print_packets(const json_t *packets)
{
	if (!json_is_object(packets))
		return;
	printf("%-16s%lld refused, %lld forged, %lld observed", "packets",
	       (long long)number(packets, "refused"), (long long)number(packets, "forged"),
	       (long long)number(packets, "observed"));
	if (number(packets, "forged_of_nobody"))
		printf("; %lld forged of no single sandbox",
		       (long long)number(packets, "forged_of_nobody"));
	putchar('\n');
}

/* What limits have refused each sandbox: a line each, or one of them whole. */
static void print_limits(const json_t *limits)
{
	size_t i;
	json_t *row, *value;
	const char *key;
	json_array_foreach(limits, i, row)
	{
		printf("%-16s%s:", i ? "" : "limited", text(row, "sandbox"));
		json_object_foreach(row, key, value) if (json_integer_value(value))
			printf(" %s %lld", key, (long long)json_integer_value(value));
		putchar('\n');
	}
}

/* A line for each server that was asked; of its counters those that have counted anything. */
static void print_upstreams(const json_t *upstreams)
{
	size_t i;
	json_t *row, *value;
	const char *key;
	json_array_foreach(upstreams, i, row)
	{
		printf("%-16s%s", i ? "" : "upstream", text(row, "zone"));
		if (json_object_get(row, "sandbox"))
			printf(" of sandbox %s", text(row, "sandbox"));
		if (json_object_get(row, "group"))
			printf(" of group %s", text(row, "group"));
		printf(" %s:%lld %s: %s", text(row, "address"), (long long)number(row, "port"),
		       text(row, "transport"), text(row, "state"));
		json_object_foreach(row, key, value) if (json_integer_value(value) &&
							 strcmp(key, "port") != 0)
			printf(", %s %lld", key, (long long)json_integer_value(value));
		putchar('\n');
	}
}

static void print_left_out(json_int_t n)
{
	if (n > 0)
		printf("%-16sand %lld more\n", "", (long long)n);
}

static void print_limited(const json_t *reply)
{
	const json_t *row = json_array_get(json_object_get(reply, "limits"), 0);
	printf("%-16s%s\n", "sandbox",
	       row ? text(row, "sandbox") : "the worker does not answer");
	print_counters(row);
}

static void print_status(const json_t *reply)
{
	bool ready = json_is_true(json_object_get(reply, "ready"));
	printf("%-16s%s\n", "state", ready ? "serving" : "not serving");
	printf("%-16snamegated %s, pid %lld, up %lld s\n", "daemon", text(reply, "version"),
	       (long long)number(reply, "pid"), (long long)number(reply, "uptime_s"));
	print_workers(reply);
	print_child("warden", json_object_get(reply, "warden"));
	putchar('\n');
	printf("%-16s%s\n", "configuration", text(reply, "configuration"));
	print_place(reply);
	printf("%-16s%lld\n", "policy version", (long long)number(reply, "policy_version"));
	size_t i;
	json_t *fallen;
	json_array_foreach(json_object_get(reply, "fallen_back"), i, fallen)
		printf("%-16s%s\n", "policy", text(fallen, "text"));
	printf("%-16s%lld\n", "sandboxes", (long long)number(reply, "sandboxes"));
	if (number(json_object_get(reply, "counters"), "crowded"))
		printf("%-16s%s\n", "alarm",
		       "80 of 100 elements are in use; namegate leases shows whose, limits "
		       "{ leases } raises the number");
	print_packets(json_object_get(reply, "packets"));
	print_limits(json_object_get(reply, "limits"));
	print_left_out(number(reply, "limits_left_out"));
	print_upstreams(json_object_get(reply, "upstreams"));
	print_left_out(number(reply, "upstreams_left_out"));
	putchar('\n');
	print_counters(json_object_get(reply, "counters"));
}

/* ---- memory ---- */

static void print_use(const char *what, json_int_t n, json_int_t octets)
{
	printf("%-24s%12lld%16lld", what, (long long)n, (long long)octets);
	if (n > 0)
		printf("%12.1f", (double)octets / (double)n);
	putchar('\n');
}

/* Resident, as the kernel counts it; pages that processes share count for each. */
static void print_process(const char *name, json_int_t pid)
{
	char path[64], line[128];
	long long kib = -1;
	snprintf(path, sizeof path, "/proc/%lld/status", (long long)pid);
	FILE *file = pid > 0 ? fopen(path, "re") : NULL;
	while (file && kib < 0 && fgets(line, sizeof line, file))
		if (sscanf(line, "VmRSS: %lld kB", &kib) != 1)
			kib = -1;
	if (file)
		fclose(file);
	if (kib < 0)
		printf("%-24s%12s%16s\n", name, "", "not known");
	else
		printf("%-24s%12s%16lld\n", name, "", kib * 1024);
}

static void print_memory(const json_t *reply)
{
	const json_t *counters = json_object_get(reply, "counters");
	const json_t *compiled = json_object_get(reply, "compiled");
	printf("%-24s%12s%16s%12s\n", "", "number", "octets", "each");
	print_use("leases", number(counters, "leases"), number(counters, "lease_octets"));
	print_use("ways that led to them", number(counters, "trails"),
		  number(counters, "trail_octets"));
	print_use("cached answers", number(counters, "cache_entries"),
		  number(counters, "cache_octets"));
	print_use("of them ready to send", number(counters, "ready_answers"),
		  number(counters, "ready_octets"));
	print_use("compiled policies", number(compiled, "images"), number(compiled, "octets"));
	print_process("namegated", number(reply, "pid"));
	const json_t *workers = json_object_get(reply, "workers");
	for (size_t i = 0; i < json_array_size(workers); i++) {
		char name[32];
		snprintf(name, sizeof name,
			 json_array_size(workers) > 1 ? "worker %zu" : "worker", i + 1);
		print_process(name, number(json_array_get(workers, i), "pid"));
	}
	print_process("warden", number(json_object_get(reply, "warden"), "pid"));
}

int verb_status(int argc, char **argv)
{
	struct client_options options = {0};
	json_t *reply;
	bool strict = false, memory = false;
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		strict = strict || option == 's';
		memory = memory || option == 'm';
		if (option != 's' && option != 'm' && !client_option(&options, option))
			return client_usage(usage, option);
	}
	if (argc - optind > 1 || (memory && optind != argc))
		return output_usage("status",
				    "it takes one sandbox at most, and none with --memory");
	json_t *request = json_pack("{s:s, s:s*}", "verb", "status", "sandbox", argv[optind]);
	int code = client_ask(&options, request, &reply);
	if (code)
		return code;
	code = json_is_true(json_object_get(reply, "ready")) ? EXIT_DONE : EXIT_DENIED;
	if (strict && json_array_size(json_object_get(reply, "fallen_back")))
		code = EXIT_DENIED;
	if (options.json)
		return output_json(reply, code);
	if (argv[optind])
		print_limited(reply);
	else
		(memory ? print_memory : print_status)(reply);
	json_decref(reply);
	return output_end(code);
}
