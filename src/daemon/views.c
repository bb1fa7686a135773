/*
 * Looking in: counters, leases and names that wait for approval, asked of the worker on behalf of an administrator.
 *
 * One question is under way at a time, the others wait in line: a table of leases may be large,
 * and the rows of two would mix. The worker is not believed beyond the form of what it says: rows
 * beyond the bound are counted and dropped, so that it cannot fill main's memory.
 */
#include "config.h"
#include "daemon/daemon.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROWS_MOST 65536

enum view_kind { VIEW_STATUS = 0, VIEW_LEASES, VIEW_WAITINGS, VIEW_KINDS };

/* How each kind is asked and answered; status has no rows. */
static const struct {
	enum wall_kind ask, row, end;
	enum child_wait wait;
	const char *key;
} kinds[VIEW_KINDS] = {
	[VIEW_STATUS] = {WALL_STATUS, WALL_NONE, WALL_COUNTERS, CHILD_WAIT_STATUS, NULL},
	[VIEW_LEASES] = {WALL_LEASES, WALL_LEASE_ROW, WALL_LEASES_END, CHILD_WAIT_LEASES,
			 "leases"},
	[VIEW_WAITINGS] = {WALL_WAITINGS, WALL_WAITING_ROW, WALL_WAITINGS_END,
			   CHILD_WAIT_WAITINGS, "pending"},
};

struct view {
	struct view *next;
	struct control_request *request;
	enum view_kind kind;
	uint32_t sandbox; /* 0: all */
	json_t *rows;
	uint64_t left_out;
	struct wish wish;
	struct wall_waiting_row *found; /* of the wish; owned */
};

struct views {
	struct view *first, *last;
	bool asked;
};

/* The names of struct ng_counters, in its order. */
static const char *const counter_names[] = {
	"queries",  "denied",         "allowed",         "refused",
	"servfail", "malformed",      "silent",          "cache_hits",
	"asks",     "leases_ordered", "leases_refused",  "leases_ended",
	"revoked",  "rebinds",        "blocked",         "over_quota",
	"evicted",  "leases_kept",    "kept_to_ceiling", "pending",
	"leases",   "cache_entries",  "sandboxes",       "crowded",
};
_Static_assert(sizeof counter_names / sizeof counter_names[0] ==
		       sizeof(struct ng_counters) / sizeof(uint64_t),
	       "every counter has a name");

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static json_t *child_json(const struct child *child)
{
	return json_pack("{s:s, s:i, s:i}", "state", child->up ? "up" : "down", "pid",
			 (int)child_pid(child), "restarts",
			 child->starts ? (int)child->starts - 1 : 0);
}

/* What namegate's own table would do beside its sets, and no ruleset is known to. */
static const char *const left_to_ruleset[] = {
	"which source an interface may use",
	"DNS that is sent to other servers",
	"ranges that are never open, ahead of the sets",
	"what happens while the ruleset is not loaded",
	"refused packets: reports, counts, observe",
	"the address that a sandbox leaves with",
};

/* Instead of a table: the sets that are filled, and what is not ours in this mode. */
static void put_sets(const struct conf *conf, json_t *status)
{
	json_t *sets = json_array(), *left = json_array();
	for (size_t i = 0; i < conf->n_declared; i++)
		json_array_append_new(sets, json_sprintf("%s %s %s", conf->declared[i].family,
							 conf->declared[i].table,
							 conf->declared[i].name));
	for (size_t i = 0; i < sizeof left_to_ruleset / sizeof left_to_ruleset[0]; i++)
		json_array_append_new(left, json_string(left_to_ruleset[i]));
	json_object_set_new(status, "table", json_null());
	json_object_set_new(status, "sets", sets);
	json_object_set_new(status, "left_to_ruleset", left);
}

/* counters is borrowed; NULL when the worker could not be asked. */
static json_t *status_json(struct daemon *daemon, const struct wall_counters *counters)
{
	json_t *values = counters ? json_object() : json_null();
	size_t left_out = 0;
	json_t *policies = policies_json(daemon, &left_out);
	for (size_t i = 0; counters && i < sizeof counter_names / sizeof counter_names[0]; i++)
		json_object_set_new(values, counter_names[i],
				    json_integer((json_int_t)counters->values[i]));
	json_t *status = json_pack(
		"{s:b, s:s, s:i, s:I, s:I, s:b, s:o, s:o, s:I, s:s, s:s, s:I, s:o, s:o, s:o}",
		"ok", 1, "version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime_s",
		(json_int_t)((uv_now(&daemon->loop) - daemon->started_ms) / 1000),
		"policy_version", (json_int_t)daemon->version, "ready", (int)daemon->ready,
		"fallen_back", lastgood_json(daemon), "policies", policies, "policies_left_out",
		(json_int_t)left_out, "configuration",
		daemon->conf->path ? daemon->conf->path : "embedded defaults", "table",
		daemon->conf->table, "sandboxes", (json_int_t)boxes_count(&daemon->boxes),
		"warden", child_json(&daemon->warden), "worker", child_json(&daemon->worker),
		"counters", values);
	if (daemon->conf->n_declared)
		put_sets(daemon->conf, status);
	return status;
}

static void view_free(struct view *view)
{
	json_decref(view->rows);
	free(view->found);
	free(view);
}

static void view_end(struct daemon *daemon, struct view *view,
		     const struct wall_counters *counters)
{
	if (view->kind == VIEW_STATUS)
		control_reply(view->request, status_json(daemon, counters));
	else if (view->wish.id)
		approvals_wish(daemon, view->request, &view->wish, view->found);
	else
		control_reply(view->request,
			      json_pack("{s:b, s:O, s:I}", "ok", 1, kinds[view->kind].key,
					view->rows, "left_out", (json_int_t)view->left_out));
	view_free(view);
}

static struct view *take_first(struct views *views)
{
	struct view *view = views->first;
	views->first = view->next;
	if (!views->first)
		views->last = NULL;
	views->asked = false;
	return view;
}

static void ask_next(struct daemon *daemon)
{
	struct views *views = daemon->views;
	struct wall_packet packet;
	if (!views->first || views->asked)
		return;
	views->asked = true;
	packet_clear(&packet, kinds[views->first->kind].ask);
	child_send(&daemon->worker, &packet, -1,
		   (struct waiter){.what = kinds[views->first->kind].wait});
}

static void view_add(struct daemon *daemon, const struct view *wanted)
{
	if (!daemon->views)
		daemon->views = calloc(1, sizeof *daemon->views);
	struct view *view = malloc(sizeof *view);
	json_t *rows = json_array();
	if (!daemon->views || !view || !rows) {
		json_decref(rows);
		free(view);
		control_reply(wanted->request, NULL);
		return;
	}
	*view = *wanted;
	view->rows = rows;
	if (daemon->views->last)
		daemon->views->last->next = view;
	else
		daemon->views->first = view;
	daemon->views->last = view;
	ask_next(daemon);
}

void views_status(struct daemon *daemon, struct control_request *request)
{
	if (daemon->worker.up)
		view_add(daemon, &(struct view){.request = request});
	else
		control_reply(request, status_json(daemon, NULL));
}

void views_leases(struct daemon *daemon, struct control_request *request, const char *sandbox)
{
	const struct box *box = sandbox ? boxes_find(&daemon->boxes, sandbox) : NULL;
	if (daemon->worker.up)
		view_add(daemon, &(struct view){.request = request,
						.kind = VIEW_LEASES,
						.sandbox = box ? box->id : 0});
	else
		verbs_fail(request, "the worker, which knows the leases, is down; it is being "
				    "started again");
}

void views_waitings(struct daemon *daemon, struct control_request *request, const char *sandbox,
		    const struct wish *wish)
{
	const struct box *box = sandbox ? boxes_find(&daemon->boxes, sandbox) : NULL;
	struct view view = {
		.request = request, .kind = VIEW_WAITINGS, .sandbox = box ? box->id : 0};
	if (wish)
		view.wish = *wish;
	if (daemon->worker.up)
		view_add(daemon, &view);
	else
		verbs_fail(request, "the worker, which knows the waiting names, is down; it is "
				    "being started again");
}

/* ---- rows ---- */

static void add_lease(struct daemon *daemon, struct view *view,
		      const struct wall_lease_row *row)
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

static json_t *wall_time(uint64_t at_us)
{
	char text[32];
	uint64_t now = now_us();
	time_t at = time(NULL) - (time_t)((now > at_us ? now - at_us : 0) / 1000000);
	struct tm parts;
	gmtime_r(&at, &parts);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return json_string(text);
}

static void find_wish(struct view *view, const struct wall_waiting_row *row)
{
	if (view->found || row->id != view->wish.id)
		return;
	view->found = malloc(sizeof *row);
	if (view->found)
		*view->found = *row;
}

static void add_waiting(struct daemon *daemon, struct view *view,
			const struct wall_waiting_row *row)
{
	char text[NG_NAME_TEXT_MAX] = "";
	struct ng_name name;
	const struct box *box = boxes_find_id(&daemon->boxes, row->sandbox);
	if (view->wish.id)
		find_wish(view, row);
	if (!box || (view->sandbox && view->sandbox != row->sandbox) ||
	    ng_name_from_wire(row->name, row->name_len, &name))
		return;
	ng_name_to_text(&name, text);
	if (approvals_cover(daemon, row->sandbox, text))
		return; /* decided, and the worker has not heard of it yet */
	json_array_append_new(
		view->rows,
		json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:I}", "id", (json_int_t)row->id,
			  "sandbox", box->conf.name, "name", text, "rule",
			  json_sprintf("%s:%u", row->path, (unsigned)row->line), "first",
			  wall_time(row->first_us), "last", wall_time(row->last_us), "count",
			  (json_int_t)row->count));
}

static void add_row(struct daemon *daemon, struct view *view, const struct wall_packet *packet)
{
	if (json_array_size(view->rows) >= ROWS_MOST)
		view->left_out++;
	else if (view->kind == VIEW_LEASES)
		add_lease(daemon, view, &packet->row);
	else
		add_waiting(daemon, view, &packet->waiting);
}

void views_packet(struct daemon *daemon, const struct wall_packet *packet)
{
	struct views *views = daemon->views;
	struct view *view = views && views->asked ? views->first : NULL;
	if (!view || (packet->head.kind != kinds[view->kind].row &&
		      packet->head.kind != kinds[view->kind].end)) {
		child_kill(&daemon->worker, "answered what nobody asked");
		return;
	}
	if (packet->head.kind == kinds[view->kind].row) {
		add_row(daemon, view, packet);
		return;
	}
	take_first(views);
	view_end(daemon, view, view->kind == VIEW_STATUS ? &packet->counters : NULL);
	ask_next(daemon);
}

void views_worker_down(struct daemon *daemon)
{
	struct views *views = daemon->views;
	while (views && views->first) {
		struct view *view = take_first(views);
		if (view->kind == VIEW_STATUS) {
			view_end(daemon, view, NULL);
			continue;
		}
		verbs_fail(view->request, "the worker died while it was asked; try again");
		view_free(view);
	}
}
