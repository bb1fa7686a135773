/*
 * The registry's history, read from outside. Rows that are none are passed over: what is printed
 * for auditors must not depend on a disk's good will.
 */
#include "config.h"
#include "offline/ledger.h"

#include "edge/dump.h"

#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum table { VERSIONS, SOURCES, SANDBOXES, APPROVALS, PAST, IMAGES, N_TABLES };

static const char *const tables[N_TABLES] = {
	[VERSIONS] = REGISTRY_TABLE_VERSIONS,   [SOURCES] = REGISTRY_TABLE_SOURCES,
	[SANDBOXES] = REGISTRY_TABLE_SANDBOXES, [APPROVALS] = REGISTRY_TABLE_APPROVALS,
	[PAST] = REGISTRY_TABLE_PAST,           [IMAGES] = REGISTRY_TABLE_IMAGES};

struct ledger {
	struct dump dump;
};

int ledger_read(const char *store, struct ledger **out, char why[static LEDGER_WHY])
{
	char folder[PATH_MAX];
	const struct dump_wish wish = {
		.folder = folder, .tables = tables, .n_tables = N_TABLES};
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	_Static_assert(LEDGER_WHY == DUMP_WHY, "the reason is passed on");
	if (ledger == NULL) {
		snprintf(why, LEDGER_WHY, "out of memory");
		return NG_E_NOMEM;
	}
	snprintf(folder, sizeof(folder), "%s/main", store);
	int code = dump_read(&wish, &ledger->dump, why);
	if (code != NG_OK) {
		ledger_free(ledger);
		return code;
	}
	*out = ledger;
	return NG_OK;
}

void ledger_free(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	dump_finish(&ledger->dump);
	free(ledger);
}

/* The next row of those tables. */
static bool next_row(const struct ledger *ledger, size_t *cursor, enum table first,
		     enum table last, struct dump_row *out)
{
	while (dump_next(&ledger->dump, cursor, out)) {
		if (out->table >= first && out->table <= last)
			return true;
	}
	return false;
}

static bool take_name(const void *octets, size_t len, char out[static NG_PATH_MAX])
{
	if (len == 0 || len >= NG_PATH_MAX || memchr(octets, '\0', len) != NULL)
		return false;
	memcpy(out, octets, len);
	out[len] = '\0';
	return true;
}

/* ---- versions ---- */

static bool read_version(const struct dump_row *row, struct ledger_version *out)
{
	struct registry_version_head head;
	uint64_t big;
	if (row->key_len != sizeof(big) || row->value_len < sizeof(head))
		return false;
	memcpy(&big, row->key, sizeof(big));
	memcpy(&head, row->value, sizeof(head));
	*out = (struct ledger_version){
		.number = be64toh(big),
		.at_s = head.at_s,
		.sources = head.sources,
		.changes = head.changes,
		.rows = row->value + sizeof(head),
		.len = row->value_len - sizeof(head),
	};
	return true;
}

bool ledger_version(const struct ledger *ledger, size_t *cursor, struct ledger_version *out)
{
	struct dump_row row;
	while (next_row(ledger, cursor, VERSIONS, VERSIONS, &row)) {
		if (read_version(&row, out))
			return true;
	}
	return false;
}

bool ledger_change(const struct ledger_version *version, size_t *cursor,
		   struct ledger_change *out)
{
	struct registry_change change;
	struct ledger_change read = {0};
	if (*cursor > version->len || version->len - *cursor < sizeof(change))
		return false;
	memcpy(&change, version->rows + *cursor, sizeof(change));
	const uint8_t *name = version->rows + *cursor + sizeof(change);
	if (change.name_len > version->len - *cursor - sizeof(change) ||
	    !take_name(name, change.name_len, read.name))
		return false;
	read.was = change.was;
	read.is = change.is;
	read.was_rules = change.was_rules;
	read.rules = change.rules;
	*cursor += sizeof(change) + change.name_len;
	*out = read;
	return true;
}

bool ledger_source(const struct ledger *ledger, size_t *cursor, struct ledger_source *out)
{
	struct registry_source_row read;
	struct dump_row row;
	while (next_row(ledger, cursor, SOURCES, SOURCES, &row)) {
		if (row.value_len != sizeof(read) ||
		    !take_name(row.key, row.key_len, out->name))
			continue;
		memcpy(&read, row.value, sizeof(read));
		out->digest = read.digest;
		out->rules = read.rules;
		out->version = read.version;
		return true;
	}
	return false;
}

/* ---- events ---- */

bool ledger_event(const struct ledger *ledger, size_t *cursor, struct ledger_event *out)
{
	struct registry_event_head head;
	struct dump_row row;
	while (next_row(ledger, cursor, SANDBOXES, APPROVALS, &row)) {
		if (row.value_len < sizeof(head))
			continue;
		memcpy(&head, row.value, sizeof(head));
		if (head.what < REGISTRY_ADDED || head.what > REGISTRY_NOTED)
			continue;
		*out = (struct ledger_event){
			.at_s = head.at_s,
			.what = (enum registry_event)head.what,
			.sandbox = head.id,
			.text = (const char *)row.value + sizeof(head),
			.len = row.value_len - sizeof(head),
		};
		return true;
	}
	return false;
}

/* ---- compiled sources ---- */

static bool has_digest(const struct dump_row *row, uint64_t digest, size_t *head_len)
{
	struct registry_image_head head;
	uint64_t key;
	if (row->table == PAST) {
		*head_len = sizeof(struct registry_past_head);
		if (row->key_len != sizeof(key) || row->value_len <= *head_len)
			return false;
		memcpy(&key, row->key, sizeof(key));
		return key == digest;
	}
	*head_len = sizeof(head);
	if (row->value_len <= sizeof(head))
		return false;
	memcpy(&head, row->value, sizeof(head));
	return head.digest == digest;
}

int ledger_ruleset(const struct ledger *ledger, uint64_t digest, struct ng_ruleset **out)
{
	struct ng_ruleset *ruleset;
	struct dump_row row;
	size_t cursor = 0, head;
	while (next_row(ledger, &cursor, PAST, IMAGES, &row)) {
		if (!has_digest(&row, digest, &head))
			continue;
		int code = ng_ruleset_open(row.value + head, row.value_len - head, &ruleset);
		if (code != NG_OK)
			return code;
		if (ng_ruleset_digest(ruleset) != digest) {
			ng_ruleset_close(ruleset);
			return NG_E_FORMAT;
		}
		*out = ruleset;
		return NG_OK;
	}
	return NG_E_NOTFOUND;
}
