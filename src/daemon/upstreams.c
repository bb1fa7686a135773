/*
 * The servers that were asked, for status. What workers say is shown, and nothing rests on it: of
 * more rows than the bound the rest is only counted. Several workers know a server each by its own
 * exchanges: counts are added up, and times and state are of the one that has asked it most.
 */
#include "config.h"
#include "daemon/daemon.h"

#include "edge/upstream.h"

#define UPSTREAMS_MOST 256

static const char *transport_word(uint8_t transport)
{
	static const char *const words[WALL_TRANSPORTS] = {
		[WALL_UDP] = "udp", [WALL_TCP] = "tcp", [WALL_TLS] = "tls"};
	return words[transport];
}

static json_int_t tries_of(const json_t *row)
{
	return json_integer_value(json_object_get(row, upstream_count_word(UPSTREAM_ASKED)));
}

static bool is_same(const json_t *one, const json_t *two)
{
	return one && two ? json_equal(one, two) : one == two;
}

/* The row about the same server, NULL: there is none. */
static json_t *find_row(json_t *rows, const json_t *wanted)
{
	static const char *const keys[] = {"zone",      "address", "port",
					   "transport", "sandbox", "group"};
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row)
	{
		bool same = true;
		for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
			same = same && is_same(json_object_get(row, keys[k]),
					       json_object_get(wanted, keys[k]));
		if (same)
			return row;
	}
	return NULL;
}

static void add_up(json_t *row, json_t *other)
{
	const bool busier = tries_of(other) > tries_of(row);
	for (int i = 0; i < UPSTREAM_COUNTS; i++) {
		const char *word = upstream_count_word((enum upstream_count)i);
		json_object_set_new(
			other, word,
			json_integer(json_integer_value(json_object_get(row, word)) +
				     json_integer_value(json_object_get(other, word))));
		if (!busier)
			json_object_set(row, word, json_object_get(other, word));
	}
	if (busier)
		json_object_update(row, other);
}

/* Of a zone that stands in a sandbox or group, which; nothing of one that all have. */
static void add_owner(const struct daemon *daemon, const struct wall_upstream *row,
		      json_t *object)
{
	const struct box *box =
		row->sandbox ? boxes_find_id(&daemon->boxes, row->sandbox) : NULL;
	if (row->sandbox)
		json_object_set_new(object, "sandbox", json_string(box ? box->conf.name : "?"));
	if (row->group)
		json_object_set_new(
			object, "group",
			json_string(row->group <= daemon->conf->n_groups
					    ? daemon->conf->groups[row->group - 1].name
					    : "?"));
}

bool upstreams_row(const struct daemon *daemon, json_t *rows, const struct wall_upstream *row,
		   bool first)
{
	char addr[NG_ADDR_TEXT], text[NG_NAME_TEXT_MAX];
	struct ng_name zone;
	json_t *object;
	if (ng_name_from_wire(row->zone, row->zone_len, &zone))
		return false;
	object = json_pack("{s:s, s:s, s:i, s:s, s:s, s:I, s:I, s:I}", "zone",
			   ng_name_to_text(&zone, text), "address",
			   ng_addr_format(&row->addr, addr), "port", (int)row->port,
			   "transport", transport_word(row->transport), "state",
			   upstream_state_word((enum upstream_state)row->state), "aside_ms",
			   (json_int_t)row->aside_ms, "srtt_us", (json_int_t)row->srtt_us,
			   "tcp_srtt_us", (json_int_t)row->tcp_us);
	add_owner(daemon, row, object);
	for (int i = 0; i < UPSTREAM_COUNTS; i++)
		json_object_set_new(object, upstream_count_word((enum upstream_count)i),
				    json_integer((json_int_t)row->counts[i]));
	json_t *known = first ? NULL : find_row(rows, object);
	const bool fits = known || json_array_size(rows) < UPSTREAMS_MOST;
	if (known)
		add_up(known, object);
	else if (fits)
		json_array_append(rows, object);
	json_decref(object);
	return fits;
}
