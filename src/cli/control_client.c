/*
 * The client's side of the control socket. A reply is one line of any length, since a table of
 * leases may be long; it comes from a process that we trust more than ourselves, but what it
 * prints may hold names that strangers chose, so texts are shown without control characters.
 */
#include "config.h"
#include "cli/control_client.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_DEFAULT RUNSTATEDIR "/namegate/control"
#define REPLY_MAX       ((size_t)256 << 20)

/* ---- options ---- */

bool client_option(struct client_options *options, int option)
{
	if (option == CLIENT_OPTION_CONTROL)
		options->control = optarg;
	else if (option == CLIENT_OPTION_JSON)
		options->json = true;
	else
		return false;
	return true;
}

int client_usage(const char *usage, int option)
{
	fputs(usage, option == CLIENT_OPTION_HELP ? stdout : stderr);
	return option == CLIENT_OPTION_HELP ? EXIT_DONE : EXIT_UNUSABLE;
}

const char *client_control(const struct client_options *options)
{
	const char *named = getenv("NAMEGATE_CONTROL");
	if (options->control)
		return options->control;
	return named && *named ? named : CONTROL_DEFAULT;
}

/* ---- failures ---- */

static int fail(const struct client_options *options, int code, const char *error,
		const char *advice)
{
	if (options->json)
		return output_json(
			json_pack("{s:b, s:s, s:s}", "ok", 0, "error", error, "advice", advice),
			code);
	fprintf(stderr, "namegate: %s; %s\n", error, advice);
	return code;
}

static int unreachable(const struct client_options *options, int error)
{
	char text[512];
	snprintf(text, sizeof text, "cannot reach namegated at %s: %s", client_control(options),
		 strerror(error));
	const char *advice =
		error == EACCES || error == EPERM
			? "only root and members of the socket's group may ask: use sudo"
		: error == ENOENT || error == ECONNREFUSED
			? "start it (systemctl start namegated), or name its socket with "
			  "--control"
			: "see whether it runs (systemctl status namegated)";
	return fail(options, EXIT_UNREACHABLE, text, advice);
}

static void show_diag(const json_t *diag)
{
	const char *path = json_string_value(json_object_get(diag, "path"));
	const char *suggestion = json_string_value(json_object_get(diag, "suggestion"));
	fprintf(stderr, "%s:%d:%d: %s: %s%s%s%s\n", path ? path : "-",
		(int)json_integer_value(json_object_get(diag, "line")),
		(int)json_integer_value(json_object_get(diag, "column")),
		json_string_value(json_object_get(diag, "severity")),
		json_string_value(json_object_get(diag, "reason")), suggestion ? " (" : "",
		suggestion ? suggestion : "", suggestion ? ")" : "");
}

void client_print_diags(const json_t *reply)
{
	size_t i;
	json_t *diag;
	json_array_foreach(json_object_get(reply, "diagnostics"), i, diag) show_diag(diag);
}

static int refused(const struct client_options *options, json_t *reply)
{
	if (options->json)
		return output_json(json_incref(reply), EXIT_DENIED);
	client_print_diags(reply);
	const char *error = json_string_value(json_object_get(reply, "error"));
	fprintf(stderr, "namegate: %s\n",
		error ? error : "namegated refused and gave no reason");
	return EXIT_DENIED;
}

/* ---- the socket ---- */

static int connect_to(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof to.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(to.sun_path, path);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	if (!connect(s, (const struct sockaddr *)&to, sizeof to))
		return s;
	int error = errno;
	close(s);
	errno = error;
	return -1;
}

int client_show(const struct client_options *options, json_t *request,
		void (*print)(const json_t *reply))
{
	json_t *reply;
	int code = client_ask(options, request, &reply);
	if (code)
		return code;
	if (options->json)
		return output_json(reply, EXIT_DONE);
	if (print)
		print(reply);
	json_decref(reply);
	return output_end(EXIT_DONE);
}

bool client_reachable(const struct client_options *options)
{
	int s = connect_to(client_control(options));
	if (s >= 0)
		close(s);
	return s >= 0;
}

static int send_all(int s, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(s, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return -1;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int send_request(int s, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!text) {
		errno = ENOMEM;
		return -1;
	}
	int code = send_all(s, text, strlen(text));
	free(text);
	return code ? code : send_all(s, "\n", 1);
}

/* One line without its end; NULL with errno. */
static char *read_line(int s)
{
	size_t used = 0, room = 0;
	char *line = NULL;
	for (;;) {
		if (used == room) {
			room = room ? 2 * room : 65536;
			char *more = room <= REPLY_MAX ? realloc(line, room) : NULL;
			if (!more)
				break;
			line = more;
		}
		ssize_t n = read(s, line + used, room - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : ECONNRESET;
			break;
		}
		used += (size_t)n;
		if (line[used - 1] ==
		    '\n') { /* one request, so one line and nothing behind it */
			line[used - 1] = '\0';
			return line;
		}
	}
	free(line);
	return NULL;
}

int client_ask(const struct client_options *options, json_t *request, json_t **reply)
{
	int s = connect_to(client_control(options));
	if (s < 0) {
		json_decref(request);
		return unreachable(options, errno);
	}
	char *line = send_request(s, request) ? NULL : read_line(s);
	int error = errno;
	close(s);
	if (!line)
		return unreachable(options, error);
	json_t *object = json_loads(line, 0, NULL);
	free(line);
	if (!json_is_object(object)) {
		json_decref(object);
		return fail(options, EXIT_DENIED, "namegated answered what is no JSON object",
			    "see whether something else listens at the control socket");
	}
	if (!json_is_true(json_object_get(object, "ok"))) {
		int code = refused(options, object);
		json_decref(object);
		return code;
	}
	const char *warning = json_string_value(json_object_get(object, "warning"));
	if (warning && !options->json)
		fprintf(stderr, "namegate: %s\n", warning);
	*reply = object;
	return EXIT_DONE;
}

/* ---- tables ---- */

static void out_of_memory(void)
{
	fputs("namegate: out of memory\n", stderr);
	exit(EXIT_DENIED);
}

static char *cell_copy(const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		out_of_memory();
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return copy;
}

void client_table_row(struct client_table *table, const char *const *cells)
{
	if (table->n == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		void *more = realloc(table->rows, table->room * sizeof *table->rows);
		if (!more)
			out_of_memory();
		table->rows = more;
	}
	memset(table->rows[table->n], 0, sizeof table->rows[0]);
	for (size_t i = 0; i < CLIENT_COLUMNS && table->heads[i]; i++)
		table->rows[table->n][i] = cell_copy(cells[i] ? cells[i] : "");
	table->n++;
}

static void print_row(const struct client_table *table, const char *const *cells,
		      const size_t *widths)
{
	for (size_t i = 0; i < CLIENT_COLUMNS && table->heads[i]; i++) {
		if (i + 1 == CLIENT_COLUMNS || !table->heads[i + 1])
			puts(cells[i]);
		else
			printf("%-*s  ", (int)widths[i], cells[i]);
	}
}

void client_table_print(const struct client_table *table)
{
	size_t widths[CLIENT_COLUMNS] = {0};
	for (size_t i = 0; i < CLIENT_COLUMNS && table->heads[i]; i++) {
		widths[i] = strlen(table->heads[i]);
		for (size_t row = 0; row < table->n; row++)
			if (strlen(table->rows[row][i]) > widths[i])
				widths[i] = strlen(table->rows[row][i]);
	}
	print_row(table, table->heads, widths);
	for (size_t row = 0; row < table->n; row++)
		print_row(table, (const char *const *)table->rows[row], widths);
}

void client_table_finish(struct client_table *table)
{
	for (size_t row = 0; row < table->n; row++)
		for (size_t i = 0; i < CLIENT_COLUMNS; i++)
			free(table->rows[row][i]);
	free(table->rows);
	*table = (struct client_table){.n = 0};
}
