/*
 * The servers that were asked, for status. What the worker says is shown, and nothing rests on it: of
 * more rows than the bound the rest is dropped.
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

void upstreams_row(json_t *rows, const struct wall_upstream *row)
{
	char addr[NG_ADDR_TEXT], text[NG_NAME_TEXT_MAX];
	struct ng_name zone;
	json_t *object;
	if (json_array_size(rows) >= UPSTREAMS_MOST ||
	    ng_name_from_wire(row->zone, row->zone_len, &zone))
		return;
	object = json_pack("{s:s, s:s, s:i, s:s, s:s, s:I, s:I, s:I}", "zone",
			   ng_name_to_text(&zone, text), "address",
			   ng_addr_format(&row->addr, addr), "port", (int)row->port,
			   "transport", transport_word(row->transport), "state",
			   upstream_state_word((enum upstream_state)row->state), "aside_ms",
			   (json_int_t)row->aside_ms, "srtt_us", (json_int_t)row->srtt_us,
			   "tcp_srtt_us", (json_int_t)row->tcp_us);
	for (int i = 0; i < UPSTREAM_COUNTS; i++)
		json_object_set_new(object, upstream_count_word((enum upstream_count)i),
				    json_integer((json_int_t)row->counts[i]));
	json_array_append_new(rows, object);
}
