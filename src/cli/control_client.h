/*
 * Talking to a running namegated: one JSON object a line to its control socket, one back.
 *
 * The verbs that do so share their options and the way they show a failure.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct client_options {
	const char *control; /* the socket's path; NULL: NAMEGATE_CONTROL, else the default */
	bool json;
};

/* Long options that each of these verbs takes, for getopt_long(); they come back as these codes. */
enum { CLIENT_OPTION_CONTROL = 512, CLIENT_OPTION_JSON, CLIENT_OPTION_HELP };
#define CLIENT_LONG_OPTIONS                                                                    \
	{"control", required_argument, NULL, CLIENT_OPTION_CONTROL},                           \
		{"json", no_argument, NULL, CLIENT_OPTION_JSON},                               \
	{                                                                                      \
		"help", no_argument, NULL, CLIENT_OPTION_HELP                                  \
	}
/*
 * Takes option when it is one of them. False when it is not: the caller's own, or "?" after
 * getopt has said what is wrong.
 */
bool client_option(struct client_options *options, int option);
/* Prints usage to stdout or, for a wrong command line, to stderr, and returns the exit code. */
int client_usage(const char *usage, int option);

/*
 * Sends request (the reference is taken) and reads the reply. EXIT_DONE: *reply is the caller's
 * and says "ok": true. Otherwise what went wrong has been shown: on stderr for people, as JSON on
 * stdout with --json.
 */
int client_ask(const struct client_options *options, json_t *request, json_t **reply);
/* The same to the end: what comes is shown by print (NULL: by nothing), or as JSON. Returns the exit code. */
int client_show(const struct client_options *options, json_t *request,
		void (*print)(const json_t *reply));
/* Is somebody serving there? */
bool client_reachable(const struct client_options *options);
const char *client_control(const struct client_options *options);

/* Shows the "diagnostics" of a reply on stderr, one a line. */
void client_print_diags(const json_t *reply);
/* A table for people: columns as wide as their widest cell, the last one not padded. */
#define CLIENT_COLUMNS 8
struct client_table {
	const char *heads[CLIENT_COLUMNS]; /* NULL at the end */
	char *(*rows)[CLIENT_COLUMNS];     /* owned cells */
	size_t n, room;
};
/* Adds a row with copies of cells, one for each head. Memory that is out ends the program. */
void client_table_row(struct client_table *table, const char *const *cells);
void client_table_print(const struct client_table *table);
void client_table_finish(struct client_table *table);
