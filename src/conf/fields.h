/*
 * The configuration's grammar as tables: what keys there are, where their values go, how a value is
 * read and printed. Parser, checker and printer all walk these tables.
 */
#pragma once

#include "conf/conf.h"

/* One value as it stands in the file. */
struct word {
	char *text;
	struct ng_place place;
};

struct field;

/* How values of one kind are read and printed; at is where the value lives. */
struct kind {
	size_t size; /* of one value */
	/* NULL, or what is wrong with the word; *advice says what to write, NULL: the field's bounds. */
	const char *(*read)(const struct field *field, const char *text, void *at,
			    const char **advice);
	void (*print)(const void *at, FILE *to);
	bool (*is_empty)(const void *at); /* then it is not printed; NULL: never */
};

struct field {
	const char *name;
	const struct kind *kind;
	size_t at;          /* offset in the struct that the table is about */
	size_t count;       /* lists: offset of the uint8_t that counts; else 0 */
	uint32_t items;     /* lists: how many at most; 0 for a single value */
	uint32_t low, high; /* numbers: bounds; endpoints: low is the default port */
};

enum {
	CONF_TOP = 0,
	CONF_LIMITS,
	CONF_INTEGRATE,
	CONF_FORWARD,
	CONF_ZONE,
	CONF_GROUP,
	CONF_SANDBOX,
	CONF_TABLES
};
struct table {
	const char *section; /* NULL for the top level */
	bool titled;
	const struct field *fields;
	size_t n;
};
extern const struct table conf_tables[CONF_TABLES];

extern const struct kind kind_endpoint, kind_prefix, kind_path, kind_string, kind_pattern,
	kind_interface, kind_bridge, kind_uid, kind_cgroup, kind_socket, kind_socket_owner,
	kind_octal, kind_group, kind_table, kind_set, kind_duration, kind_server, kind_pin,
	kind_address, kind_number, kind_size, kind_mode, kind_switch, kind_ancestor,
	kind_override, kind_budget, kind_toggle, kind_mark, kind_window;

/* A string with the quotes and escapes of the configuration's grammar. */
void print_quoted(const char *text, FILE *to);

/* The parsed file, for the places of its words. */
struct tree {
	const char *path;
	const struct conf *conf;
	void *root; /* of libconfuse */
};
/*
 * Where item of key stands: at the top level, or in the given section of a table (a forward is counted
 * as the configuration has its routes). Without that word the place is the file's.
 */
struct ng_place tree_place(const struct tree *tree, int table, size_t section, const char *key,
			   size_t item);
#define CONF_SOCKET_MODE 0660u
#define CONF_TIMEOUT_MS  1000 /* of one try, unless the zone says otherwise */
/* The numbers that hold unless the file says otherwise. */
void conf_defaults(struct conf *conf);
/*
 * All that is still open after the file was read: defaults, paths against its folder, the servers of
 * each resolv-conf. Findings go to diags; NG_E_NOMEM. routes has room for one more.
 */
int conf_fill(struct conf *conf, struct ng_diags *diags) NG_MUST_CHECK;
/* Is this where the gate itself listens? */
bool conf_listens(const struct conf *conf, const struct ng_addr *addr, uint16_t port);
/* Checks across values, once every single one is well-formed. */
void conf_check(const struct conf *conf, const struct tree *tree, struct ng_diags *diags);
