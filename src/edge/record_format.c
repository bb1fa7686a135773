/*
 * What a record looks like: one flat JSON object, keys in the order in which people read them.
 * A key stands only where it says something. Monotonic times leave as wall time (RFC 3339, UTC).
 */
#include "config.h"
#include "edge/record.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIME_TEXT 40
#define TEXT_MAX  1024

static const char *const events[] = {
	[NG_EVENT_DECISION] = "decision",     [NG_EVENT_REBIND] = "rebind",
	[NG_EVENT_BLOCKED] = "blocked",       [NG_EVENT_LEASE_END] = "lease-end",
	[NG_EVENT_REVOKED] = "revoked",       [NG_EVENT_MALFORMED] = "malformed",
	[NG_EVENT_LEASE_KEPT] = "lease-kept", [NG_EVENT_EVICTED] = "evicted",
	[NG_EVENT_CROWDED] = "crowded",       [NG_EVENT_TABLE_LOST] = "table-lost",
	[NG_EVENT_TABLE_BACK] = "table-back", [NG_EVENT_BUDGET] = "budget",
	[NG_EVENT_LIMITS] = "limits",
};
static const char *const verdicts[] = {
	[NG_DENY] = "deny", [NG_ASK] = "ask", [NG_ALLOW] = "allow"};

static const char *const modes[] = {
	[NG_LOCKDOWN] = "lockdown", [NG_ENFORCE] = "enforce", [NG_OBSERVE] = "observe"};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const char *time_text(uint64_t wall_us, char buf[static TIME_TEXT])
{
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm parts;
	size_t len;

	gmtime_r(&seconds, &parts);
	len = strftime(buf, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(buf + len, TIME_TEXT - len, ".%06uZ", (unsigned)(wall_us % 1000000));
	return buf;
}

/* A path may hold any octet; JSON takes UTF-8 only. */
static json_t *text_value(const char *text)
{
	char plain[TEXT_MAX];
	json_t *value = json_string(text);
	size_t n = 0;

	if (value)
		return value;
	for (; text[n] && n < sizeof(plain) - 1; n++)
		plain[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
	plain[n] = '\0';
	return json_string(plain);
}

static void add_text(json_t *line, const char *key, const char *text)
{
	json_object_set_new(line, key, text_value(text));
}

static void add_number(json_t *line, const char *key, uint64_t value)
{
	json_object_set_new(line, key, json_integer((json_int_t)value));
}

static void add_address(json_t *line, const char *key, const struct ng_addr *addr)
{
	char text[NG_ADDR_TEXT];

	if (addr->family != NG_NOFAMILY)
		add_text(line, key, ng_addr_format(addr, text));
}

static void add_addresses(json_t *line, const struct ng_record *record)
{
	json_t *list = json_array();
	char text[NG_ADDR_TEXT];

	for (size_t i = 0; i < record->n_addrs; i++)
		json_array_append_new(list,
				      json_string(ng_addr_format(&record->addrs[i], text)));
	json_object_set_new(line, "addrs", list);
}

/* As a list writes them: "443/tcp". */
static void add_ports(json_t *line, const struct ng_record *record)
{
	json_t *list = json_array();

	for (size_t i = 0; i < record->n_ports; i++)
		json_array_append_new(
			list,
			json_sprintf("%u/%s", record->ports[i].port,
				     record->ports[i].proto == IPPROTO_UDP ? "udp" : "tcp"));
	json_object_set_new(line, "ports", list);
}

static void add_who(json_t *line, const struct ng_record *record)
{
	char name[NG_NAME_TEXT_MAX], type[16];

	json_object_set_new(line, "sandbox",
			    record->sandbox ? text_value(record->sandbox_name) : json_null());
	add_address(line, "client", &record->client);
	if (record->peer.known) {
		add_number(line, "peer_uid", record->peer.uid);
		add_number(line, "peer_gid", record->peer.gid);
		if (record->peer.pid)
			add_number(line, "peer_pid", record->peer.pid);
	}
	if (record->name)
		add_text(line, "name", ng_name_to_text(record->name, name));
	if (record->type)
		add_text(line, "type", ng_type_text(record->type, type));
	if (record->sandbox && *record->sandbox_name && (unsigned)record->mode < COUNT(modes))
		add_text(line, "mode", modes[record->mode]);
}

static void add_rule(json_t *line, const struct ng_record *record)
{
	char rule[NG_PATH_MAX + 16];

	if (!record->path)
		return;
	snprintf(rule, sizeof(rule), "%s:%u", record->path, (unsigned)record->line);
	add_text(line, "rule", rule);
}

static void add_answer(json_t *line, const struct ng_record *record)
{
	add_text(line, "verdict",
		 record->verdict <= NG_ALLOW ? verdicts[record->verdict] : "deny");
	add_text(line, "rcode", ng_rcode_text(record->rcode));
	if (record->ede != NG_EDE_NONE)
		json_object_set_new(line, "ede", json_integer(record->ede));
	add_rule(line, record);
	add_number(line, "version", record->version);
	json_object_set_new(line, "cached", json_boolean(record->cached));
	add_address(line, "upstream", &record->upstream);
	if (record->upstream.family != NG_NOFAMILY || record->upstream_us)
		add_number(line, "upstream_us", record->upstream_us);
	if (record->n_addrs) {
		add_number(line, "ttl", record->ttl_s);
		add_number(line, "commit_us", record->commit_us);
	}
}

static void add_packet(json_t *line, const struct ng_record *record)
{
	add_number(line, "proto", record->proto);
	add_number(line, "port", record->port);
	add_number(line, "count", record->count);
	if (record->logged < record->count)
		add_number(line, "logged", record->logged);
	add_text(line, "why", ng_why_word(record->why));
}

static void add_limits(json_t *line, const struct ng_record *record)
{
	for (int i = 0; i < NG_LIMITS; i++)
		if (record->limits[i])
			add_number(line, ng_limit_word((enum ng_limit)i), record->limits[i]);
}

/* Without memory json_dumpb() has nothing to write and says 0, as for a line that does not fit. */
static size_t write_out(json_t *line, char *out, size_t room)
{
	size_t len = json_dumpb(line, out, room, JSON_COMPACT);

	json_decref(line);
	return len <= room ? len : 0;
}

size_t record_format(const struct ng_record *record, uint64_t now_us, uint64_t wall_us,
		     char *out, size_t room)
{
	bool known = (unsigned)record->event < COUNT(events) && events[record->event];
	char when[TIME_TEXT];
	json_t *line = json_object();

	add_text(line, "time", time_text(wall_us, when));
	add_text(line, "event", known ? events[record->event] : "unknown");
	if (record->id[0])
		add_text(line, "id", record->id);
	add_who(line, record);
	if (record->event == NG_EVENT_DECISION)
		add_answer(line, record);
	else
		add_rule(line, record);
	if (record->observed) /* the mode let pass what the verdict, or the gate, would not */
		json_object_set_new(line, "observed", json_true());
	if (record->event == NG_EVENT_BLOCKED)
		add_packet(line, record);
	if (record->event == NG_EVENT_LIMITS)
		add_limits(line, record);
	if (record->n_addrs)
		add_addresses(line, record);
	if (record->n_ports)
		add_ports(line, record);
	if (record->lease_until_us)
		add_text(line, "lease_until",
			 time_text(wall_us + record->lease_until_us - now_us, when));
	if (record->reason && *record->reason)
		add_text(line, "reason", record->reason);
	return write_out(line, out, room);
}

size_t record_format_suppressed(const char *sandbox, uint64_t count, uint64_t packets,
				uint64_t wall_us, char *out, size_t room)
{
	char when[TIME_TEXT];
	json_t *line = json_object();

	add_text(line, "time", time_text(wall_us, when));
	add_text(line, "event", "suppressed");
	json_object_set_new(line, "sandbox", sandbox ? text_value(sandbox) : json_null());
	add_number(line, "count", count);
	if (packets)
		add_number(line, "packets", packets);
	return write_out(line, out, room);
}
