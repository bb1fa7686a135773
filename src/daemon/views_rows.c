/*
 * Rows of workers and warden, as administrators are shown them.
 */
#include "config.h"
#include "daemon/views.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void rows_lease(struct daemon *daemon, struct view *view, const struct wall_lease_row *row)
{
	char addr[NG_ADDR_TEXT], client[NG_ADDR_TEXT], text[NG_NAME_TEXT_MAX] = "";
	struct ng_name name;
	const struct box *box = boxes_find_id(&daemon->boxes, row->sandbox);
	uint64_t now = now_us();
	if (view->sandbox && view->sandbox != row->sandbox)
		return;
	if (row->name_len && !ng_name_from_wire(row->name, row->name_len, &name))
		ng_name_to_text(&name, text);
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:b, s:f}", "sandbox", box ? box->conf.name : "?", "address",
		ng_addr_format(&row->addr, addr), "name", text, "confirmed",
		(int)row->confirmed, "left_s",
		row->until_us > now ? (double)((row->until_us - now) / 1000) / 1000 : 0.0);
	if (row->kept_us)
		json_object_set_new(object, "kept_open_by_a_flow", json_true());
	if (row->client.family)
		json_object_set_new(object, "client",
				    json_string(ng_addr_format(&row->client, client)));
	if (row->proto)
		json_object_set_new(object, "port",
				    json_sprintf("%s/%u",
						 row->proto == IPPROTO_UDP ? "udp" : "tcp",
						 (unsigned)row->port));
	json_array_append_new(view->rows, object);
}

json_t *views_wall_time(uint64_t at_us)
{
	char text[32];
	uint64_t now = now_us();
	time_t at = time(NULL) - (time_t)((now > at_us ? now - at_us : 0) / 1000000);
	struct tm parts;
	gmtime_r(&at, &parts);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return json_string(text);
}

/* Workers give numbers that no other gives, unless one that was taken over wants its own name approved. */
void rows_wish(struct daemon *daemon, struct view *view, const struct wall_waiting_row *row)
{
	if (row->id != view->wish.id)
		return;
	const enum shown_as as = shown_as(&daemon->views->shown[view->at], row);
	view->changed |= as == SHOWN_OTHERWISE;
	view->forgotten |= as == SHOWN_FORGOTTEN;
	view->disputed |= view->found != NULL;
	if (view->found)
		return;
	view->found = malloc(sizeof *row);
	if (view->found)
		*view->found = *row;
}

void rows_waiting(struct daemon *daemon, struct view *view, const struct wall_waiting_row *row)
{
	char text[NG_NAME_TEXT_MAX] = "";
	struct ng_name name;
	const struct box *box = boxes_find_id(&daemon->boxes, row->sandbox);
	if (!box || (view->sandbox && view->sandbox != row->sandbox) ||
	    ng_name_from_wire(row->name, row->name_len, &name))
		return;
	ng_name_to_text(&name, text);
	if (approvals_cover(daemon, row->sandbox, text))
		return; /* decided, and the worker has not heard of it yet */
	shown_note(&daemon->views->shown[view->at], row);
	json_array_append_new(
		view->rows,
		json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:I}", "id", (json_int_t)row->id,
			  "sandbox", box->conf.name, "name", text, "rule",
			  json_sprintf("%s:%u", row->path, (unsigned)row->line), "first",
			  views_wall_time(row->first_us), "last", views_wall_time(row->last_us),
			  "count", (json_int_t)row->count));
}

void rows_tallies(struct daemon *daemon, const struct wall_packet *packet)
{
	for (uint16_t i = 0; i < packet->head.count; i++) {
		const struct wall_tally *row = &packet->tally[i];
		struct box *box = boxes_find_id(&daemon->boxes, row->sandbox);
		if (box)
			box->tally = *row;
		else if (!row->sandbox)
			daemon->views->nobody = *row;
	}
}
