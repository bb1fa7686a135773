/*
 * Looking in: counters, leases, names that wait for approval, packets that were blocked, asked of
 * warden and worker on behalf of an administrator.
 *
 * One question is under way at a time, the others wait in line: a table of leases may be large,
 * and the rows of two would mix. Workers are asked one after the other, or where it is about one
 * sandbox that one's alone. A worker is not believed beyond the form of what it says: rows about
 * sandboxes of others are dropped, and rows beyond the bound are counted and dropped, so that it cannot
 * fill main's memory.
 */
#include "config.h"
#include "daemon/daemon.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROWS_MOST   65536
#define PATIENCE_MS 2000 /* with the warden, whose numbers can be left out */

enum question {
	ASK_NOTHING = 0,
	ASK_TALLIES,
	ASK_STATUS,
	ASK_LEASES,
	ASK_WAITINGS,
	ASK_TARGETS,
	ASK_LIMITS,
	ASK_UPSTREAMS,
	ASK_FLUSH
};

/* How each is asked and answered; status has no rows. */
static const struct {
	enum wall_kind ask, row, end;
	enum child_wait wait;
	bool warden; /* is asked, else the worker */
} questions[] = {
	[ASK_TALLIES] = {WALL_TALLIES, WALL_TALLY_ROW, WALL_TALLIES_END, CHILD_WAIT_TALLIES,
			 true},
	[ASK_STATUS] = {WALL_STATUS, WALL_NONE, WALL_COUNTERS, CHILD_WAIT_STATUS, false},
	[ASK_LEASES] = {WALL_LEASES, WALL_LEASE_ROW, WALL_LEASES_END, CHILD_WAIT_LEASES, false},
	[ASK_WAITINGS] = {WALL_WAITINGS, WALL_WAITING_ROW, WALL_WAITINGS_END,
			  CHILD_WAIT_WAITINGS, false},
	[ASK_TARGETS] = {WALL_TARGETS, WALL_TARGET_ROW, WALL_TARGETS_END, CHILD_WAIT_TARGETS,
			 false},
	[ASK_LIMITS] = {WALL_LIMITS, WALL_LIMIT_ROW, WALL_LIMITS_END, CHILD_WAIT_LIMITS, false},
	[ASK_UPSTREAMS] = {WALL_UPSTREAMS, WALL_UPSTREAM_ROW, WALL_UPSTREAMS_END,
			   CHILD_WAIT_UPSTREAMS, false},
	[ASK_FLUSH] = {WALL_FLUSH, WALL_NONE, WALL_FLUSHED, CHILD_WAIT_FLUSH, false},
};

enum view_kind {
	VIEW_STATUS = 0,
	VIEW_LEASES,
	VIEW_WAITINGS,
	VIEW_BOXES,
	VIEW_BLOCKED,
	VIEW_FLUSH,
	VIEW_KINDS
};

#define STEPS_MOST 4
/*
 * What each asks, one after the other, and under which key the rows stand. Without the warden the
 * kernel's numbers are left out; without the worker, status is what main knows, and the others fail.
 */
static const struct {
	enum question steps[STEPS_MOST]; /* ASK_NOTHING at the end */
	const char *key;
} kinds[VIEW_KINDS] = {
	[VIEW_STATUS] = {{ASK_TALLIES, ASK_LIMITS, ASK_UPSTREAMS, ASK_STATUS}, NULL},
	[VIEW_LEASES] = {{ASK_LEASES}, "leases"},
	[VIEW_WAITINGS] = {{ASK_WAITINGS}, "pending"},
	[VIEW_BOXES] = {{ASK_TALLIES}, "sandboxes"},
	[VIEW_BLOCKED] = {{ASK_TALLIES, ASK_TARGETS}, "sandboxes"},
	[VIEW_FLUSH] = {{ASK_FLUSH}, NULL},
};

struct view {
	struct view *next;
	struct control_request *request;
	enum view_kind kind;
	size_t step;
	uint32_t at;      /* the worker that is asked in this step */
	uint32_t sandbox; /* 0: all */
	bool tallied;     /* the boxes have the kernel's numbers of this moment */
	json_t *rows;
	json_t *upstreams; /* of status */
	size_t n_rows;     /* taken in, whatever they came to */
	uint64_t left_out, upstreams_left_out;
	struct wish wish;
	struct wall_waiting_row *found; /* of the wish; owned */
	struct wall_flush flush;
	uint64_t flushed;
	struct wall_counters counters; /* of all workers together */
};

struct views {
	struct view *first, *last;
	bool asked;
	uint64_t asked_ms;
	bool behind;              /* the warden owes an answer that nobody waits for any more */
	struct wall_tally nobody; /* packets of no sandbox */
};

/* The names of struct ng_counters, in its order. */
static const char *const counter_names[] = {
	"queries",       "denied",       "allowed",        "refused",         "servfail",
	"malformed",     "silent",       "cache_hits",     "stale_hits",      "prefetched",
	"failure_hits",  "asks",         "leases_ordered", "leases_refused",  "leases_ended",
	"revoked",       "rebinds",      "blocked",        "over_quota",      "over_rate",
	"over_budget",   "evicted",      "leases_kept",    "kept_to_ceiling", "flow_walks_late",
	"pending",       "leases",       "cache_entries",  "cache_octets",    "sandboxes",
	"lease_octets",  "trails",       "trail_octets",   "crowded",         "ready_hits",
	"ready_answers", "ready_octets",
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

/* Each with what it answers for. The last numbers that it told: asked for in the same breath. */
static json_t *seats_json(struct daemon *daemon)
{
	json_t *all = json_array();
	for (uint32_t i = 0; i < daemon->n_seats; i++) {
		const struct seat *seat = &daemon->seats[i];
		json_t *object = child_json(&seat->child);
		json_int_t sandboxes = 0;
		struct box *box, *next;
		HASH_ITER (by_id, daemon->boxes.by_id, box, next)
			sandboxes += box->worker == i;
		json_object_set_new(object, "sandboxes", json_integer(sandboxes));
		json_object_set_new(object, "queries",
				    seat->child.up
					    ? json_integer((json_int_t)seat->counters.values[0])
					    : json_null());
		json_array_append_new(all, object);
	}
	return all;
}

/* The first one stands where the only one does, for who knows of one alone. */
static void put_seats(struct daemon *daemon, json_t *status)
{
	json_object_set_new(status, "worker", child_json(&daemon->seats[0].child));
	json_object_set_new(status, "workers", seats_json(daemon));
	if (daemon->steer_why[0])
		json_object_set_new(status, "one_worker_because",
				    json_string(daemon->steer_why));
}

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

/* The sum over all sandboxes; null when the warden could not be asked. */
static json_t *packets_json(struct daemon *daemon, bool tallied)
{
	struct wall_tally sum = {0};
	struct box *box, *next;
	if (!tallied)
		return json_null();
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		sum.refused += box->tally.refused;
		sum.observed += box->tally.observed;
		sum.forged += box->tally.forged;
	}
	return json_pack("{s:I, s:I, s:I, s:I}", "refused", (json_int_t)sum.refused, "observed",
			 (json_int_t)sum.observed, "forged", (json_int_t)sum.forged,
			 "forged_of_nobody", (json_int_t)daemon->views->nobody.forged);
}

/* The compiled policies, which main and worker map together. */
static json_t *images_json(const struct daemon *daemon)
{
	json_int_t n = 0, octets = 0;
	const struct image *image, *next;
	HASH_ITER (hh, daemon->images.by_digest, image, next) {
		n++;
		octets += (json_int_t)image->octets.len;
	}
	return json_pack("{s:I, s:I}", "images", n, "octets", octets);
}

/* counters is borrowed; NULL when the worker could not be asked. */
static json_t *status_json(struct daemon *daemon, const struct view *view,
			   const struct wall_counters *counters)
{
	json_t *values = counters ? json_object() : json_null();
	size_t left_out = 0;
	json_t *policies = policies_json(daemon, &left_out);
	for (size_t i = 0; counters && i < sizeof counter_names / sizeof counter_names[0]; i++)
		json_object_set_new(values, counter_names[i],
				    json_integer((json_int_t)counters->values[i]));
	json_t *status = json_pack(
		"{s:b, s:s, s:i, s:I, s:I, s:b, s:o, s:o, s:I, s:s, s:s, s:I, s:o, s:o, s:o, "
		"s:o, s:O, s:I, s:O, s:I}",
		"ok", 1, "version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime_s",
		(json_int_t)((uv_now(&daemon->loop) - daemon->started_ms) / 1000),
		"policy_version", (json_int_t)daemon->version, "ready", (int)daemon->ready,
		"fallen_back", lastgood_json(daemon), "policies", policies, "policies_left_out",
		(json_int_t)left_out, "configuration",
		daemon->conf->path ? daemon->conf->path : "embedded defaults", "table",
		daemon->conf->table, "sandboxes", (json_int_t)boxes_count(&daemon->boxes),
		"warden", child_json(&daemon->warden), "counters", values, "packets",
		packets_json(daemon, view->tallied), "compiled", images_json(daemon), "limits",
		counters ? view->rows : json_null(), "limits_left_out",
		(json_int_t)view->left_out, "upstreams",
		counters ? view->upstreams : json_null(), "upstreams_left_out",
		(json_int_t)view->upstreams_left_out);
	put_seats(daemon, status);
	if (daemon->conf->n_declared)
		put_sets(daemon->conf, status);
	return status;
}

static void view_free(struct view *view)
{
	json_decref(view->rows);
	json_decref(view->upstreams);
	free(view->found);
	free(view);
}

static void add_limits(struct daemon *daemon, struct view *view,
		       const struct wall_limit_row *row)
{
	const struct box *box = boxes_find_id(&daemon->boxes, row->sandbox);
	json_t *object;
	if (!box || (view->sandbox && view->sandbox != row->sandbox))
		return;
	object = json_pack("{s:s}", "sandbox", box->conf.name);
	for (int i = 0; i < NG_LIMITS; i++)
		json_object_set_new(object, ng_limit_word((enum ng_limit)i),
				    json_integer((json_int_t)row->values[i]));
	json_array_append_new(view->rows, object);
}

static json_t *warned(const struct daemon *daemon, const struct view *view, json_t *reply)
{
	if (!view->tallied && daemon->views->behind)
		json_object_set_new(
			reply, "warning",
			json_string("the warden does not answer; what the kernel has counted "
				    "is left out"));
	return reply;
}

/* counters: of status, when the worker has told them. */
static void view_end(struct daemon *daemon, struct view *view,
		     const struct wall_counters *counters)
{
	if (view->kind == VIEW_STATUS && view->sandbox && !json_array_size(view->rows))
		add_limits(daemon, view, &(struct wall_limit_row){.sandbox = view->sandbox});
	if (view->kind == VIEW_STATUS)
		control_reply(view->request,
			      warned(daemon, view, status_json(daemon, view, counters)));
	else if (view->kind == VIEW_BOXES)
		control_reply(view->request,
			      warned(daemon, view, verbs_boxes_json(daemon, view->tallied)));
	else if (view->kind == VIEW_BLOCKED)
		control_reply(view->request,
			      blocked_json(daemon, view->rows, view->sandbox, view->tallied,
					   view->left_out, &daemon->views->nobody));
	else if (view->kind == VIEW_FLUSH)
		control_reply(view->request, json_pack("{s:b, s:I}", "ok", 1, "flushed",
						       (json_int_t)view->flushed));
	else if (view->wish.id)
		approvals_wish(daemon, view->request, &view->wish, view->found);
	else
		control_reply(view->request,
			      json_pack("{s:b, s:O, s:I}", "ok", 1, kinds[view->kind].key,
					view->rows, "left_out", (json_int_t)view->left_out));
	view_free(view);
}

static enum question question_of(const struct view *view)
{
	return view->step < STEPS_MOST ? kinds[view->kind].steps[view->step] : ASK_NOTHING;
}

static struct child *asked_child(struct daemon *daemon, enum question question)
{
	return questions[question].warden ? &daemon->warden
					  : &daemon->seats[daemon->views->first->at].child;
}

/* The only worker that has something to say, when it is about one sandbox and not about workers. */
static const struct box *only_box(const struct daemon *daemon, const struct view *view,
				  enum question question)
{
	bool rows = question == ASK_LEASES || question == ASK_WAITINGS ||
		    question == ASK_TARGETS || question == ASK_LIMITS;
	return view->sandbox && rows ? boxes_find_id(&daemon->boxes, view->sandbox) : NULL;
}

/* To the step's next worker, or to the next step. */
static void step_on(const struct daemon *daemon, struct view *view)
{
	const enum question question = question_of(view);
	if (!questions[question].warden && !only_box(daemon, view, question) &&
	    ++view->at < daemon->n_seats)
		return;
	view->step++;
	view->at = 0;
}

/* Before a step: where it begins. */
static void step_begin(const struct daemon *daemon, struct view *view)
{
	const struct box *box = only_box(daemon, view, question_of(view));
	if (box)
		view->at = box->worker;
}

static void take_first(struct views *views)
{
	views->first = views->first->next;
	if (!views->first)
		views->last = NULL;
}

/* The first view goes on without an answer from that child, or ends. */
static void do_without(struct daemon *daemon, struct child *child)
{
	struct view *view = daemon->views->first;
	if (question_of(view) == ASK_TALLIES) {
		step_on(daemon, view);
		return;
	}
	take_first(daemon->views);
	if (view->kind == VIEW_STATUS) {
		view_end(daemon, view, NULL);
		return;
	}
	verbs_fail(view->request,
		   "the %s, which knows that, is down; it is being started again", child->name);
	view_free(view);
}

static void ask(struct daemon *daemon, enum question question)
{
	struct wall_packet packet;
	daemon->views->asked = true;
	daemon->views->asked_ms = uv_now(&daemon->loop);
	packet_clear(&packet, questions[question].ask);
	if (question == ASK_FLUSH)
		packet.flush = daemon->views->first->flush;
	child_send(asked_child(daemon, question), &packet, -1,
		   (struct waiter){.what = questions[question].wait});
}

static void go_on(struct daemon *daemon)
{
	struct views *views = daemon->views;
	while (views->first && !views->asked) {
		struct view *view = views->first;
		enum question question = question_of(view);
		step_begin(daemon, view);
		if (question == ASK_NOTHING) {
			take_first(views);
			view_end(daemon, view,
				 view->kind == VIEW_STATUS ? &view->counters : NULL);
		} else if (!asked_child(daemon, question)->up ||
			   (question == ASK_TALLIES && views->behind)) {
			do_without(daemon, asked_child(daemon, question));
		} else {
			ask(daemon, question);
		}
	}
}

/* It may hang, or have a large table to write: administrators are told what is known without it. */
void views_tick(struct daemon *daemon)
{
	struct views *views = daemon->views;
	if (!views || !views->asked || question_of(views->first) != ASK_TALLIES ||
	    uv_now(&daemon->loop) < views->asked_ms + PATIENCE_MS)
		return;
	views->asked = false;
	views->behind = true;
	do_without(daemon, &daemon->warden);
	go_on(daemon);
}

/* What was not waited for. */
static bool take_late(struct daemon *daemon, const struct child *child,
		      const struct wall_packet *packet)
{
	struct views *views = daemon->views;
	if (!views || !views->behind || child != &daemon->warden)
		return false;
	views->behind = packet->head.kind != WALL_TALLIES_END;
	return packet->head.kind == WALL_TALLY_ROW || !views->behind;
}

static void view_add(struct daemon *daemon, const struct view *wanted)
{
	if (!daemon->views)
		daemon->views = calloc(1, sizeof *daemon->views);
	struct view *view = malloc(sizeof *view);
	json_t *rows = json_array();
	json_t *upstreams = json_array();
	if (!daemon->views || !view || !rows || !upstreams) {
		json_decref(rows);
		json_decref(upstreams);
		free(view);
		control_reply(wanted->request, NULL);
		return;
	}
	*view = *wanted;
	view->rows = rows;
	view->upstreams = upstreams;
	if (daemon->views->last)
		daemon->views->last->next = view;
	else
		daemon->views->first = view;
	daemon->views->last = view;
	go_on(daemon);
}

static uint32_t id_of(const struct daemon *daemon, const char *sandbox)
{
	const struct box *box = sandbox ? boxes_find(&daemon->boxes, sandbox) : NULL;
	return box ? box->id : 0;
}

void views_status(struct daemon *daemon, struct control_request *request, const char *sandbox)
{
	view_add(daemon, &(struct view){.request = request, .sandbox = id_of(daemon, sandbox)});
}

void views_boxes(struct daemon *daemon, struct control_request *request)
{
	view_add(daemon, &(struct view){.request = request, .kind = VIEW_BOXES});
}

void views_blocked(struct daemon *daemon, struct control_request *request, const char *sandbox)
{
	view_add(daemon, &(struct view){.request = request,
					.kind = VIEW_BLOCKED,
					.sandbox = id_of(daemon, sandbox)});
}

void views_leases(struct daemon *daemon, struct control_request *request, const char *sandbox)
{
	view_add(daemon, &(struct view){.request = request,
					.kind = VIEW_LEASES,
					.sandbox = id_of(daemon, sandbox)});
}

void views_waitings(struct daemon *daemon, struct control_request *request, const char *sandbox,
		    const struct wish *wish)
{
	struct view view = {
		.request = request, .kind = VIEW_WAITINGS, .sandbox = id_of(daemon, sandbox)};
	if (wish)
		view.wish = *wish;
	view_add(daemon, &view);
}

void views_flush(struct daemon *daemon, struct control_request *request,
		 const struct ng_name *name, bool below)
{
	struct view view = {.request = request, .kind = VIEW_FLUSH};
	if (name) {
		view.flush.name_len = name->len;
		memcpy(view.flush.name, name->wire, name->len);
	}
	view.flush.below = below;
	view_add(daemon, &view);
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
			  views_wall_time(row->first_us), "last", views_wall_time(row->last_us),
			  "count", (json_int_t)row->count));
}

static void take_tallies(struct daemon *daemon, const struct wall_packet *packet)
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

/* The sandbox that a worker's row is about; 0: none, such as a stranger's. */
static uint32_t row_sandbox(const struct wall_packet *packet)
{
	switch (packet->head.kind) {
	case WALL_LEASE_ROW:
		return packet->row.sandbox;
	case WALL_WAITING_ROW:
		return packet->waiting.sandbox;
	case WALL_TARGET_ROW:
		return packet->target.sandbox;
	case WALL_LIMIT_ROW:
		return packet->limits.sandbox;
	default:
		return 0;
	}
}

static bool is_foreign(const struct daemon *daemon, const struct view *view,
		       const struct wall_packet *packet)
{
	const struct box *box = boxes_find_id(&daemon->boxes, row_sandbox(packet));
	return box && box->worker != view->at;
}

static void add_row(struct daemon *daemon, struct view *view, const struct wall_packet *packet)
{
	if (is_foreign(daemon, view, packet))
		return;
	if (question_of(view) == ASK_TALLIES)
		take_tallies(daemon, packet);
	else if (question_of(view) == ASK_UPSTREAMS)
		view->upstreams_left_out += !upstreams_row(daemon, view->upstreams,
							   &packet->upstream, view->at == 0);
	else if (view->n_rows++ >= ROWS_MOST)
		view->left_out++;
	else if (view->kind == VIEW_LEASES)
		add_lease(daemon, view, &packet->row);
	else if (view->kind == VIEW_STATUS)
		add_limits(daemon, view, &packet->limits);
	else if (view->kind == VIEW_BLOCKED)
		blocked_row(view->rows, view->sandbox, &packet->target);
	else
		add_waiting(daemon, view, &packet->waiting);
}

static void add_counters(struct daemon *daemon, struct view *view,
			 const struct wall_counters *counters)
{
	daemon->seats[view->at].counters = *counters;
	for (size_t i = 0; i < sizeof counters->values / sizeof counters->values[0]; i++)
		view->counters.values[i] += counters->values[i];
}

static void answered(struct daemon *daemon, struct view *view, const struct wall_packet *packet)
{
	enum question question = question_of(view);
	daemon->views->asked = false;
	/* In sets of another ruleset nothing is counted. */
	view->tallied |= question == ASK_TALLIES && !daemon->conf->n_declared;
	if (question == ASK_FLUSH)
		view->flushed += packet->flushed.entries;
	if (question == ASK_STATUS)
		add_counters(daemon, view, &packet->counters);
	step_on(daemon, view);
	go_on(daemon);
}

void views_packet(struct daemon *daemon, struct child *child, const struct wall_packet *packet)
{
	struct views *views = daemon->views;
	struct view *view = views && views->asked ? views->first : NULL;
	if (take_late(daemon, child, packet))
		return;
	enum question question = view ? question_of(view) : ASK_NOTHING;
	if (!question || asked_child(daemon, question) != child ||
	    (packet->head.kind != questions[question].row &&
	     packet->head.kind != questions[question].end)) {
		child_kill(child, "answered what nobody asked");
		return;
	}
	if (packet->head.kind == questions[question].row)
		add_row(daemon, view, packet);
	else
		answered(daemon, view, packet);
}

void views_child_down(struct daemon *daemon, struct child *child)
{
	struct views *views = daemon->views;
	if (!views)
		return;
	if (child == &daemon->warden)
		views->behind = false;
	if (views->asked && asked_child(daemon, question_of(views->first)) == child) {
		views->asked = false;
		do_without(daemon, child);
	}
	go_on(daemon);
}
