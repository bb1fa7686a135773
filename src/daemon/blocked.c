/*
 * What was blocked, as an answer: each sandbox with the kernel's exact numbers, and the places that
 * the worker saw its packets go to. What the worker says is shown, and nothing rests on it.
 */
#include "config.h"
#include "daemon/daemon.h"

#include <netinet/in.h>
#include <stdio.h>

static json_t *proto_json(uint8_t proto)
{
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP)
		return json_string(proto == IPPROTO_TCP ? "tcp" : "udp");
	return json_integer(proto);
}

static json_t *place_json(const struct wall_target *row)
{
	char addr[NG_ADDR_TEXT], text[NG_NAME_TEXT_MAX];
	struct ng_name name;
	json_t *object = json_pack(
		"{s:s, s:o, s:i, s:I, s:I, s:s, s:s, s:b, s:o, s:o}", "address",
		ng_addr_format(&row->to, addr), "proto", proto_json(row->proto), "port",
		(int)row->port, "packets", (json_int_t)row->packets, "over",
		(json_int_t)row->over, "why", ng_why_word((enum ng_why)row->why), "reason",
		row->reason, "observed", (int)row->observed, "first",
		views_wall_time(row->first_us), "last", views_wall_time(row->last_us));
	if (!object) /* a reason that is no UTF-8 */
		return json_object();
	if (row->name_len && !ng_name_from_wire(row->name, row->name_len, &name))
		json_object_set_new(object, "name", json_string(ng_name_to_text(&name, text)));
	return object;
}

static json_t *empty_row(uint32_t id)
{
	return json_pack("{s:I, s:[], s:i}", "id", (json_int_t)id, "places", "unseen", 0);
}

/* Rows of one sandbox come one after another. */
void blocked_row(json_t *rows, uint32_t only, const struct wall_target *row)
{
	size_t n = json_array_size(rows);
	json_t *last = n ? json_array_get(rows, n - 1) : NULL;
	if (only && only != row->sandbox)
		return;
	if (!last || json_integer_value(json_object_get(last, "id")) != row->sandbox) {
		last = empty_row(row->sandbox);
		json_array_append_new(rows, last);
	}
	if (row->to.family == NG_NOFAMILY)
		json_object_set_new(last, "unseen", json_integer((json_int_t)row->packets));
	else
		json_array_append_new(json_object_get(last, "places"), place_json(row));
}

/* The rows by the ids of their sandboxes. */
static json_t *sorted(json_t *rows)
{
	char key[16];
	size_t i;
	json_t *row, *by_id = json_object();
	json_array_foreach(rows, i, row)
	{
		json_int_t id = json_integer_value(json_object_get(row, "id"));
		snprintf(key, sizeof key, "%u", (unsigned)id);
		json_object_set(by_id, key, row);
	}
	return by_id;
}

static json_t *row_of(const json_t *by_id, uint32_t id)
{
	char key[16];
	snprintf(key, sizeof key, "%u", id);
	json_t *row = json_object_get(by_id, key);
	return row ? json_incref(row) : empty_row(id);
}

/* Sandboxes of which nothing was blocked are left out, unless one was asked for. */
static void add_box(json_t *all, json_t *row, const char *name, const struct wall_tally *tally,
		    bool tallied, bool anyway)
{
	bool quiet = !tally->refused && !tally->observed && !tally->forged &&
		     !json_array_size(json_object_get(row, "places"));
	if (!row || (quiet && !anyway)) {
		json_decref(row);
		return;
	}
	json_object_set_new(row, "sandbox", name ? json_string(name) : json_null());
	verbs_add_packets(row, tally, tallied);
	json_array_append_new(all, row);
}

json_t *blocked_json(struct daemon *daemon, json_t *rows, uint32_t only, bool tallied,
		     uint64_t left_out, const struct wall_tally *nobody)
{
	struct box *box, *next;
	json_t *all = json_array(), *by_id = sorted(rows);
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		if (!only || only == box->id)
			add_box(all, row_of(by_id, box->id), box->conf.name, &box->tally,
				tallied, only != 0);
	if (!only)
		add_box(all, row_of(by_id, 0), NULL, nobody, tallied, false);
	json_decref(by_id);
	return json_pack("{s:b, s:o, s:I}", "ok", 1, "sandboxes", all, "left_out",
			 (json_int_t)left_out);
}
