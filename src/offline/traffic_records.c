/*
 * namegated's own records, as src/edge/record_format.c writes them: one JSON object a line, or the
 * MESSAGE of an entry in journald's JSON. A line is read into a buffer of fixed size, and one
 * that is longer than any record is counted and left.
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_ROOM                                                                              \
	(256u << 10) /* a record has at most 16 KiB; the journal's entry adds its fields */

struct line {
	struct ng_name name;
	struct traffic_address addrs[NG_ADDRS_MAX];
	struct traffic_observation seen;
};

/* ---- fields ---- */

static const char *text_of(const json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

static uint64_t number_of(const json_t *record, const char *key, uint64_t most)
{
	json_int_t value = json_integer_value(json_object_get(record, key));

	return value < 0 ? 0 : (uint64_t)value < most ? (uint64_t)value : most;
}

/* RFC 3339 in UTC, with microseconds. */
static bool time_take(const json_t *record, uint64_t *wall_us)
{
	const char *text = text_of(record, "time");
	struct tm parts = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
	unsigned int us;
	char zone, behind;
	time_t seconds;

	if (!rest || sscanf(rest, ".%6u%c%c", &us, &zone, &behind) != 2 || zone != 'Z')
		return false;
	seconds = timegm(&parts);
	if (seconds < 0)
		return false;
	*wall_us = (uint64_t)seconds * 1000000u + us;
	return true;
}

static bool address_take(const json_t *value, struct ng_addr *out)
{
	const char *text = json_string_value(value);

	return text && ng_addr_parse(text, out) == NG_OK;
}

static bool name_take(const json_t *record, struct line *line)
{
	const char *text = text_of(record, "name");

	if (!text || ng_name_from_text(text, strlen(text), &line->name) != NG_OK)
		return false;
	ng_name_lower(&line->name);
	line->seen.name = &line->name;
	return true;
}

static bool addresses_take(const json_t *record, struct line *line)
{
	uint32_t ttl_s = (uint32_t)number_of(record, "ttl", UINT32_MAX);
	const json_t *value;
	size_t i;

	json_array_foreach(json_object_get(record, "addrs"), i, value)
	{
		if (i == NG_ADDRS_MAX || !address_take(value, &line->addrs[i].addr))
			return false;
		line->addrs[i].ttl_s = ttl_s;
		line->seen.n_addrs++;
	}
	line->seen.addrs = line->addrs;
	return true;
}

static bool rcode_take(const json_t *record, uint8_t *out)
{
	const char *text = text_of(record, "rcode");

	for (unsigned int rcode = 0; text && rcode <= UINT8_MAX; rcode++) {
		if (strcmp(ng_rcode_text((uint8_t)rcode), text) == 0) {
			*out = (uint8_t)rcode;
			return true;
		}
	}
	return false;
}

/* ---- events ---- */

static bool is_allowed(const json_t *record)
{
	const char *verdict = text_of(record, "verdict");

	return verdict && strcmp(verdict, "allow") == 0;
}

/*
 * A record says what was decided, and the addresses that were handed out. Of other data it says
 * only that there was no reason to refuse it.
 */
static enum traffic_fate fate_of(const json_t *record, const struct traffic_observation *seen)
{
	bool address = seen->type == NG_TYPE_A || seen->type == NG_TYPE_AAAA;

	if (!json_is_true(json_object_get(record, "observed")) &&
	    (!is_allowed(record) || number_of(record, "ede", INT32_MAX) == NG_EDE_BLOCKED))
		return TRAFFIC_DENIED;
	if (seen->rcode == NG_RCODE_NXDOMAIN)
		return TRAFFIC_EMPTY;
	if (seen->rcode != NG_RCODE_NOERROR)
		return TRAFFIC_FAILED;
	return address && !seen->n_addrs ? TRAFFIC_EMPTY : TRAFFIC_ANSWERED;
}

static bool decision_take(struct traffic *traffic, const json_t *record, struct line *line)
{
	struct traffic_observation *seen = &line->seen;
	const char *type = text_of(record, "type");

	seen->kind = TRAFFIC_RESPONSE;
	if (!type || ng_type_parse(type, &seen->type) != NG_OK || !name_take(record, line) ||
	    !rcode_take(record, &seen->rcode) || !addresses_take(record, line))
		return false;
	seen->fate = fate_of(record, seen);
	if (!is_allowed(record))
		seen->denied_by = text_of(record, "rule");
	traffic_tell(traffic, seen);
	return true;
}

/* Forged, or only counted: nothing that a policy could say more or less about. */
static bool of_no_place(const json_t *record)
{
	static const char *const whys[] = {
		"spoofed-source", "ip-options", "extension-header", "fragment", "no-connection",
		"bridge-frame",   "flood"};
	const char *why = text_of(record, "why");

	for (size_t i = 0; why && i < sizeof(whys) / sizeof(*whys); i++)
		if (!strcmp(why, whys[i]))
			return true;
	return why && !json_object_get(record, "addrs");
}

static bool blocked_take(struct traffic *traffic, const json_t *record, struct line *line)
{
	struct traffic_observation *seen = &line->seen;

	if (of_no_place(record))
		return true;
	seen->kind = TRAFFIC_FLOW;
	if (!address_take(json_array_get(json_object_get(record, "addrs"), 0), &seen->server))
		return false;
	(void)name_take(record, line);
	seen->proto = (uint8_t)number_of(record, "proto", UINT8_MAX);
	seen->port = (uint16_t)number_of(record, "port", UINT16_MAX);
	seen->packets = number_of(record, "count", INT64_MAX);
	seen->began = true;
	seen->blocked = !json_is_true(json_object_get(record, "observed"));
	traffic_tell(traffic, seen);
	return true;
}

static bool suppressed_take(struct traffic *traffic, const json_t *record, struct line *line)
{
	(void)line;
	traffic->counts.n[TRAFFIC_N_SUPPRESSED] += number_of(record, "count", INT64_MAX);
	return true;
}

static bool rebind_take(struct traffic *traffic, const json_t *record, struct line *line)
{
	const char *type = text_of(record, "type");

	line->seen.kind = TRAFFIC_REMOVED;
	if (!type || ng_type_parse(type, &line->seen.type) != NG_OK ||
	    !name_take(record, line) || !addresses_take(record, line))
		return false;
	traffic_tell(traffic, &line->seen);
	return true;
}

/* When a lease ended says nothing of what was used. */
static bool other_take(struct traffic *traffic, const json_t *record, struct line *line)
{
	(void)record;
	(void)line;
	traffic_count(traffic, TRAFFIC_N_OTHER);
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct traffic *traffic, const json_t *record, struct line *line);
} events[] = {
	{"decision", decision_take},     {"blocked", blocked_take},
	{"suppressed", suppressed_take}, {"rebind", rebind_take},
	{"lease-end", other_take},       {"revoked", other_take},
	{"evicted", other_take},         {"malformed", other_take},
	{"crowded", other_take},         {"sandbox-gone", other_take},
	{"sandbox-back", other_take},
};

static bool record_take(struct traffic *traffic, const json_t *record)
{
	const char *event = text_of(record, "event");
	struct line line;

	line.seen = (struct traffic_observation){.sandbox = text_of(record, "sandbox")};
	for (size_t i = 0; event && i < sizeof(events) / sizeof(events[0]); i++) {
		if (strcmp(events[i].name, event) != 0)
			continue;
		(void)address_take(json_object_get(record, "client"), &line.seen.client);
		return time_take(record, &line.seen.wall_us) &&
		       events[i].take(traffic, record, &line);
	}
	return false;
}

/* ---- lines ---- */

/* An entry of the journal holds the record as text; entries of other programs hold other text. */
static void entry_take(struct traffic *traffic, const json_t *message)
{
	const char *text = json_string_value(message); /* NULL: octets that are no text */
	json_t *record = text ? json_loads(text, 0, NULL) : NULL;

	if (!json_is_object(record) || !record_take(traffic, record))
		traffic_count(traffic, TRAFFIC_N_OTHER);
	json_decref(record);
}

static bool line_take(struct traffic *traffic, const char *text, size_t len)
{
	json_t *object = json_loadb(text, len, 0, NULL);
	const json_t *message = json_object_get(object, "MESSAGE");
	bool good = json_is_object(object);

	if (message)
		entry_take(traffic, message);
	else if (good)
		good = record_take(traffic, object);
	json_decref(object);
	return good;
}

static void rest_skip(FILE *file)
{
	int c;

	do
		c = getc_unlocked(file);
	while (c != EOF && c != '\n');
}

static bool is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

static void lines_read(struct traffic *traffic, FILE *file, char *text)
{
	while (fgets(text, LINE_ROOM, file)) {
		size_t len = strlen(text); /* a line with a NUL breaks there, and is no JSON */
		bool whole = len < LINE_ROOM - 1 || text[len - 1] == '\n';

		if (!whole)
			rest_skip(file);
		traffic_read_octets(traffic, len);
		if (whole && is_blank(text))
			continue;
		traffic_count(traffic, TRAFFIC_N_LINES);
		if (!whole || !line_take(traffic, text, len))
			traffic_count(traffic, TRAFFIC_N_BROKEN);
	}
}

/* A file of which no line is a record is not what it was taken for. */
int traffic_records(struct traffic *traffic, FILE *file, const char *path,
		    struct ng_diags *diags)
{
	const struct ng_place place = {path, 1, 0};
	const uint64_t *n = traffic->counts.n;
	uint64_t lines = n[TRAFFIC_N_LINES], broken = n[TRAFFIC_N_BROKEN];
	char *text = malloc(LINE_ROOM);

	if (!text) {
		fclose(file);
		return NG_E_NOMEM;
	}
	lines_read(traffic, file, text);
	free(text);
	if (ferror(file))
		traffic_file_cut(traffic, path, strerror(errno), diags);
	fclose(file);
	if (n[TRAFFIC_N_LINES] - lines > n[TRAFFIC_N_BROKEN] - broken)
		return NG_OK;
	ng_diag_add(diags, NG_ERROR, &place, "traffic-records",
		    "give what namegated writes, or journalctl -o json of it",
		    "no line of it is a record");
	return NG_E_FORMAT;
}
