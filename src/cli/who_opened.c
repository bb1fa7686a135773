/*
 * `namegate who-opened`: by which name, rule and question an address was open, for whom and when.
 *
 * From the store, which is read beside a running namegated: leases that stand and the history of
 * those that ended. Static rules open without a question, so they are in no store; they are told
 * when a configuration says what they are.
 */
#include "config.h"

#include "base/text.h"
#include "cli/control_client.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/when.h"
#include "offline/history.h"
#include "offline/setup.h"

#include <getopt.h>
#include <namegate/message.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: namegate who-opened [--json] [-c FILE] [--store FOLDER] [--sandbox NAME]\n"
	"                           [--at TIME] ADDRESS [PORT]\n\n"
	"Tells which names opened ADDRESS: for which sandbox, by which rule, asked when and\n"
	"with which type, until when and why it ended. From the store of leases, which\n"
	"remembers the last 100000 that ended; namegated may be running. PORT is a number,\n"
	"or one with its protocol: 443/udp.\n\n"
	"      --at TIME       only what was open then: 2026-11-21T09:30Z, 2026-11-21, "
	"@SECONDS\n"
	"      --sandbox NAME  only for that sandbox\n"
	"      --store FOLDER  the store; else that of the configuration, else\n"
	"                      " LOCALSTATEDIR "/lib/namegate\n"
	"  -c, --config FILE   tell the static rules of this configuration as well, as they "
	"are now\n"
	"      --json          one JSON object instead of text\n\n"
	"Root may read the store, and the user that the worker runs as.\n"
	"Exit codes: 0 something opened it, 1 nothing that is remembered did, 2 the store, "
	"the\n"
	"files or the question cannot be used.\n";

struct wish {
	const char *config, *store, *sandbox;
	bool json, at_given, port_given;
	uint64_t at_s;
	struct ng_addr addr;
	struct ng_port port; /* proto 0: of both */
};

struct answer {
	struct client_table table;
	json_t *rows;
	size_t found;
	bool gap; /* what one of the workers has stored is missing */
};

/* ---- what fits ---- */

static bool port_fits(const struct wish *wish, struct ng_port port)
{
	if (!wish->port_given || port.proto == 0)
		return true;
	return port.port == wish->port.port &&
	       (wish->port.proto == 0 || port.proto == wish->port.proto);
}

static bool row_fits(const struct wish *wish, const struct lease_row *row)
{
	return ng_addr_equal(&row->addr, &wish->addr) && port_fits(wish, row->port) &&
	       (wish->sandbox == NULL || strcmp(wish->sandbox, row->sandbox_name) == 0) &&
	       (!wish->at_given || (row->first_s <= wish->at_s && wish->at_s <= row->until_s));
}

/* ---- rows ---- */

static const char *port_text(struct ng_port port, char buf[static 16])
{
	if (port.proto == 0)
		snprintf(buf, 16, "all");
	else
		snprintf(buf, 16, "%u/%s", port.port,
			 port.proto == IPPROTO_UDP ? "udp" : "tcp");
	return buf;
}

static void add(struct answer *answer, json_t *object, const char *const *cells, bool found)
{
	client_table_row(&answer->table, cells);
	json_array_append_new(answer->rows, object);
	answer->found += found;
}

/* A rule's path may hold any octet. */
static json_t *text_json(const char *text)
{
	json_t *value = json_string(text);
	return value != NULL ? value : json_string("(not UTF-8)");
}

static void add_lease(struct answer *answer, const struct lease_row *row)
{
	char port[16], name[NG_NAME_TEXT_MAX], number[16], first[WHEN_TEXT], last[WHEN_TEXT],
		until[WHEN_TEXT], end[WHEN_TEXT + 32], client[NG_ADDR_TEXT] = "";
	const char *why = row->refused ? "refused by the kernel" : history_end_text(row->ended);
	ng_name_to_text(row->name, name);
	const char *type = row->type != 0 ? ng_type_text(row->type, number) : "-";
	when_text(row->until_s, until);
	if (row->ended == LEASE_STANDS && !row->refused)
		snprintf(end, sizeof(end), "open until %s", until);
	else
		snprintf(end, sizeof(end), "%s %s", until, why);
	if (row->client.family != NG_NOFAMILY)
		ng_addr_format(&row->client, client);
	json_t *object = json_pack(
		"{s:s, s:o, s:I, s:s?, s:s?, s:s, s:s?, s:o, s:s, s:s, s:s, s:s, s:b}", "kind",
		"lease", "sandbox", text_json(row->sandbox_name), "sandbox_id",
		(json_int_t)row->sandbox, "client", client[0] ? client : NULL, "port",
		row->port.proto ? port_text(row->port, port) : NULL, "name", name, "type",
		row->type ? type : NULL, "rule", text_json(row->rule), "first_asked",
		when_text(row->first_s, first), "last_refreshed", when_text(row->last_s, last),
		"end", until, "state", history_end_text(row->ended), "confirmed",
		(int)!row->refused);
	add(answer, object,
	    (const char *const[]){row->sandbox_name, port_text(row->port, port), name, type,
				  first, last, end, row->rule},
	    !row->refused);
}

static void add_static(struct answer *answer, const char *sandbox, const char *path,
		       const struct ng_static *item)
{
	char port[16], prefix[NG_PREFIX_TEXT], rule[NG_PATH_MAX + 16], cell[96];
	ng_prefix_format(&item->prefix, prefix);
	snprintf(rule, sizeof(rule), "%s:%u", path, item->line);
	snprintf(cell, sizeof(cell), "(static %s)", prefix);
	json_t *object = json_pack("{s:s, s:o, s:s, s:s?, s:o}", "kind", "static", "sandbox",
				   text_json(sandbox), "prefix", prefix, "port",
				   item->port.proto ? port_text(item->port, port) : NULL,
				   "rule", text_json(rule));
	add(answer, object,
	    (const char *const[]){sandbox, port_text(item->port, port), cell, "-", "-", "-",
				  "while the rule stands", rule},
	    true);
}

static void add_statics(const struct wish *wish, const struct ng_sandbox *spec,
			const struct ng_ruleset *ruleset, struct answer *answer)
{
	struct ng_static item;
	uint32_t cursor = 0;
	while (ng_ruleset_static(ruleset, &cursor, &item)) {
		if (ng_prefix_contains(&item.prefix, &wish->addr) && port_fits(wish, item.port))
			add_static(answer, spec->name, ng_ruleset_path(ruleset), &item);
	}
}

/* ---- sources ---- */

static void tell_setup(const struct wish *wish, const struct setup *setup,
		       struct answer *answer)
{
	for (size_t i = 0; i < setup->n_sandboxes; i++) {
		const struct ng_sandbox *spec = &setup->specs[i];
		if (wish->sandbox != NULL && strcmp(wish->sandbox, spec->name) != 0)
			continue;
		for (size_t scope = 0; scope < NG_SCOPES; scope++)
			for (uint8_t j = 0; j < spec->policy.scopes[scope].n; j++)
				add_statics(wish, spec, spec->policy.scopes[scope].sources[j],
					    answer);
	}
}

static int tell_config(struct wish *wish, char store[static NG_PATH_MAX], struct answer *answer)
{
	const struct setup_wish wanted = {.config = wish->config};
	struct setup *setup = NULL;
	struct ng_diags diags;
	ng_diags_init(&diags);
	int code = setup_read(&wanted, &diags, &setup);
	if (code == NG_OK) {
		tell_setup(wish, setup, answer);
		if (wish->store == NULL) {
			snprintf(store, NG_PATH_MAX, "%s", setup->conf->store);
			wish->store = store;
		}
	} else {
		output_diags(&diags, stderr);
		if (diags.n == 0)
			fprintf(stderr, "namegate who-opened: %s: %s\n", wish->config,
				ng_strerror(code));
	}
	ng_diags_finish(&diags);
	setup_free(setup);
	return code == NG_OK ? EXIT_DONE : EXIT_UNUSABLE;
}

static int tell_store(const struct wish *wish, struct answer *answer)
{
	const char *store = wish->store != NULL ? wish->store : LOCALSTATEDIR "/lib/namegate";
	struct history *history = NULL;
	struct history_cursor cursor = {0};
	struct lease_row row;
	char why[HISTORY_WHY];
	if (history_read(store, &history, why) != NG_OK) {
		fprintf(stderr, "namegate who-opened: %s\n", why);
		return EXIT_UNUSABLE;
	}
	while (history_next(history, &cursor, &row)) {
		if (row_fits(wish, &row))
			add_lease(answer, &row);
	}
	answer->gap = history_gap(history) != NULL;
	if (answer->gap)
		fprintf(stderr,
			"namegate who-opened: %s; what this worker opened is missing here\n",
			history_gap(history));
	history_free(history);
	return EXIT_DONE;
}

/* ---- the verb ---- */

static bool read_port(const char *text, struct wish *wish)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || number == 0 || number > UINT16_MAX)
		return false;
	wish->port.port = (uint16_t)number;
	wish->port_given = true;
	if (strcmp(end, "/tcp") == 0)
		wish->port.proto = IPPROTO_TCP;
	else if (strcmp(end, "/udp") == 0)
		wish->port.proto = IPPROTO_UDP;
	else
		return *end == '\0';
	return true;
}

static int bad(const char *what, const char *text, const char *wanted)
{
	char shown[256];
	snprintf(shown, sizeof(shown), "%s", text);
	fprintf(stderr, "namegate who-opened: \"%s\" is no %s; write %s\n",
		text_clean(shown, ""), what, wanted);
	return EXIT_UNUSABLE;
}

/* EXIT_DONE, or what to end with: -1 after the help. */
static int read_options(int argc, char **argv, struct wish *wish)
{
	static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
						     {"store", required_argument, NULL, 's'},
						     {"sandbox", required_argument, NULL, 'b'},
						     {"at", required_argument, NULL, 'a'},
						     {"json", no_argument, NULL, 'j'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	int option;
	optind = 1;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
		if (option == 'c')
			wish->config = optarg;
		else if (option == 's')
			wish->store = optarg;
		else if (option == 'b')
			wish->sandbox = optarg;
		else if (option == 'j')
			wish->json = true;
		else if (option == 'h')
			return fputs(help, stdout), -1;
		else if (option != 'a')
			return output_usage("who-opened", "the options cannot be used");
		else if (!when_parse(optarg, &wish->at_s))
			return bad("time", optarg, "2026-11-21T09:30Z, 2026-11-21 or @SECONDS");
		wish->at_given |= option == 'a';
	}
	if (argc - optind < 1 || argc - optind > 2)
		return output_usage("who-opened", "one ADDRESS, and a PORT if you like");
	if (ng_addr_parse(argv[optind], &wish->addr) != NG_OK)
		return bad("address", argv[optind], "one like 192.0.2.7 or 2001:db8::7");
	if (argc - optind == 2 && !read_port(argv[optind + 1], wish))
		return bad("port", argv[optind + 1], "one like 443, 443/tcp or 443/udp");
	return EXIT_DONE;
}

static int print(const struct wish *wish, struct answer *answer)
{
	char addr[NG_ADDR_TEXT];
	int exit_code = answer->gap          ? EXIT_UNUSABLE
			: answer->found != 0 ? EXIT_DONE
					     : EXIT_DENIED;
	ng_addr_format(&wish->addr, addr);
	if (wish->json)
		return output_json(json_pack("{s:s, s:b, s:b, s:O}", "address", addr, "opened",
					     (int)(answer->found != 0), "whole",
					     (int)!answer->gap, "rows", answer->rows),
				   exit_code);
	if (answer->table.n != 0)
		client_table_print(&answer->table);
	if (answer->found == 0)
		printf("nothing that is remembered%s opened %s%s\n",
		       answer->gap ? " and can be read" : "", addr,
		       wish->at_given ? " at that time" : "");
	return output_end(exit_code);
}

int verb_who_opened(int argc, char **argv)
{
	struct answer answer = {.table = {.heads = {"SANDBOX", "PORT", "NAME", "TYPE", "FIRST",
						    "LAST", "END", "RULE"}}};
	char store[NG_PATH_MAX];
	struct wish wish = {0};
	int code = read_options(argc, argv, &wish);
	if (code != EXIT_DONE)
		return code < 0 ? output_end(EXIT_DONE) : code;
	answer.rows = json_array();
	if (wish.config != NULL)
		code = tell_config(&wish, store, &answer);
	if (code == EXIT_DONE)
		code = tell_store(&wish, &answer);
	if (code == EXIT_DONE)
		code = print(&wish, &answer);
	json_decref(answer.rows);
	client_table_finish(&answer.table);
	return code;
}
