/*
 * Looking in: counters, leases, names that wait for approval, packets that were blocked, asked of
 * warden and worker on behalf of an administrator.
 *
 * One question is under way at a time, the others wait in line: a table of leases may be large,
 * and the rows of two would mix. Workers are asked one after the other, or where it is about one
 * sandbox that one's alone. A worker is not believed beyond the form of what it says: rows about
 * sandboxes of others are dropped, and rows beyond its share of the bound are counted and dropped, so that it can
 * neither fill main's memory nor have the rows of others left out.
 */
#include "config.h"
#include "daemon/views.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ROWS_MOST 65536
#define PATIENCES 8 /* so often somebody may still say something before the end of an answer */

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

#define STEPS_MOST 4
/*
 * What each asks, one after the other, and under which key the rows stand. Who is down or does not answer is
 * done without: then the kernel's numbers are left out, and of status what that worker would have told; the
 * others fail. Lists may be long in coming, and are asked for again where they fail.
 */
static const struct {
	enum question steps[STEPS_MOST]; /* ASK_NOTHING at the end */
	const char *key;
	uint64_t patience_ms; /* with somebody from whom nothing comes */
} kinds[VIEW_KINDS] = {
	[VIEW_STATUS] = {{ASK_TALLIES, ASK_LIMITS, ASK_UPSTREAMS, ASK_STATUS}, NULL, 2000},
	[VIEW_LEASES] = {{ASK_LEASES}, "leases", 5000},
	[VIEW_WAITINGS] = {{ASK_WAITINGS}, "pending", 5000},
	[VIEW_BOXES] = {{ASK_TALLIES}, "sandboxes", 2000},
	[VIEW_BLOCKED] = {{ASK_TALLIES, ASK_TARGETS}, "sandboxes", 5000},
	[VIEW_FLUSH] = {{ASK_FLUSH}, NULL, 5000},
};

/* ---- who does not answer ---- */

static size_t slot_of(const struct daemon *daemon, const struct child *child)
{
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		if (child == &daemon->seats[i].child)
			return 1 + i;
	return 0;
}

bool views_late(const struct daemon *daemon, const struct child *child)
{
	return daemon->views && daemon->views->owed[slot_of(daemon, child)];
}

/* What was not waited for. */
static bool take_late(struct daemon *daemon, const struct child *child,
		      const struct wall_packet *packet)
{
	enum question *owed =
		daemon->views ? &daemon->views->owed[slot_of(daemon, child)] : NULL;
	const enum question question = owed ? *owed : ASK_NOTHING;
	if (!question)
		return false;
	if (packet->head.kind == questions[question].end)
		*owed = ASK_NOTHING;
	return !*owed || packet->head.kind == questions[question].row;
}

/* ---- one view ---- */

static void view_free(struct view *view)
{
	json_decref(view->rows);
	json_decref(view->upstreams);
	free(view->found);
	free(view);
}

/* What only somebody knows who is down or hangs. */
static void view_fail(const struct daemon *daemon, const struct view *view)
{
	const char *name = view->missing->name;
	if (views_late(daemon, view->missing))
		verbs_fail(view->request,
			   "the %s, which knows that, does not answer; if it hangs it is "
			   "started again after 30 seconds",
			   name);
	else
		verbs_fail(view->request,
			   "the %s, which knows that, is down; it is being started again",
			   name);
}

static void view_end(struct daemon *daemon, struct view *view)
{
	struct control_request *request = view->request;
	if (view->kind == VIEW_STATUS && view->sandbox && !json_array_size(view->rows))
		status_limits(daemon, view, &(struct wall_limit_row){.sandbox = view->sandbox});
	if (view->kind == VIEW_STATUS)
		control_reply(request, status_warned(daemon, view, status_json(daemon, view)));
	else if (view->kind == VIEW_BOXES)
		control_reply(request, status_warned(daemon, view,
						     verbs_boxes_json(daemon, view->tallied)));
	else if (view->missing)
		view_fail(daemon, view);
	else if (view->kind == VIEW_BLOCKED)
		control_reply(request,
			      blocked_json(daemon, view->rows, view->sandbox, view->tallied,
					   view->left_out, &daemon->views->nobody));
	else if (view->kind == VIEW_FLUSH)
		control_reply(request, json_pack("{s:b, s:I}", "ok", 1, "flushed",
						 (json_int_t)view->flushed));
	else if (view->disputed)
		verbs_fail(request,
			   "two names wait under %llu, which is not done in good faith, so "
			   "nothing is decided; namegate pending shows whose they are, and a "
			   "list of the sandbox's own can let one in",
			   (unsigned long long)view->wish.id);
	else if (view->changed)
		verbs_fail(
			request,
			"what waits under %llu is not what namegate pending has shown, which "
			"is not done in good faith, so nothing is decided; a list of the "
			"sandbox's own can let a name in",
			(unsigned long long)view->wish.id);
	else if (view->forgotten)
		verbs_fail(
			request,
			"so many names were shown since that what namegate pending had under "
			"%llu is not remembered, and it may have been another name than the "
			"one "
			"that waits there now, so nothing is decided by that number; a list of "
			"the sandbox's own can let the name in",
			(unsigned long long)view->wish.id);
	else if (view->wish.id)
		approvals_wish(daemon, request, &view->wish, view->found);
	else
		control_reply(request,
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

/* The first view goes on without an answer from that child. */
static void do_without(struct daemon *daemon, const struct child *child)
{
	struct view *view = daemon->views->first;
	const enum question question = question_of(view);
	if (!questions[question].warden)
		view->missing = child;
	view->unlimited |= question == ASK_LIMITS && view->sandbox;
	step_on(daemon, view);
}

static void on_patience(uv_timer_t *timer);

static void wait_for(struct daemon *daemon, uint64_t ms)
{
	uv_timer_start(&daemon->views->patience, on_patience, ms, 0);
}

/* What those before it have left over is shared evenly with those that come after it. */
static void share_rows(const struct daemon *daemon, struct view *view, enum question question)
{
	size_t left = ROWS_MOST - view->n_rows;
	if (!questions[question].warden && !only_box(daemon, view, question))
		left /= daemon->n_seats - view->at;
	view->rows_end = view->n_rows + left;
}

static void ask(struct daemon *daemon, enum question question)
{
	struct views *views = daemon->views;
	struct wall_packet packet;
	views->asked = true;
	views->second_look = false;
	views->asked_ms = uv_now(&daemon->loop);
	share_rows(daemon, views->first, question);
	wait_for(daemon, kinds[views->first->kind].patience_ms);
	packet_clear(&packet, questions[question].ask);
	if (question == ASK_FLUSH)
		packet.flush = views->first->flush;
	child_send(asked_child(daemon, question), &packet, -1,
		   (struct waiter){.what = questions[question].wait});
}

/* Nothing is waited for any more. */
static void asked_end(struct views *views)
{
	views->asked = false;
	uv_timer_stop(&views->patience);
}

static void go_on(struct daemon *daemon)
{
	struct views *views = daemon->views;
	while (views->first && !views->asked) {
		struct view *view = views->first;
		enum question question = question_of(view);
		const struct child *child;
		step_begin(daemon, view);
		if (question == ASK_NOTHING) {
			take_first(views);
			view_end(daemon, view);
			continue;
		}
		child = asked_child(daemon, question);
		if (!child->up || views_late(daemon, child))
			do_without(daemon, child);
		else
			ask(daemon, question);
	}
}

/*
 * It may hang, or have a large table to write: administrators are told what is known without it. Where main
 * itself was busy, what came meanwhile is read first.
 */
static void on_patience(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	struct views *views = daemon->views;
	const enum question question = question_of(views->first);
	const struct child *child = asked_child(daemon, question);
	const uint64_t patience_ms = kinds[views->first->kind].patience_ms;
	const uint64_t since_ms =
		child->quiet_ms > views->asked_ms ? child->quiet_ms : views->asked_ms;
	const uint64_t whole_ms = views->asked_ms + PATIENCES * patience_ms;
	const uint64_t until_ms =
		since_ms + patience_ms < whole_ms ? since_ms + patience_ms : whole_ms;
	if (uv_now(&daemon->loop) < until_ms) {
		wait_for(daemon, until_ms - uv_now(&daemon->loop));
		return;
	}
	if (!views->second_look) {
		views->second_look = true;
		wait_for(daemon, 1);
		return;
	}
	asked_end(views);
	views->owed[slot_of(daemon, child)] = question;
	do_without(daemon, child);
	go_on(daemon);
}

static struct views *views_create(struct daemon *daemon)
{
	struct views *views = calloc(1, sizeof *views);
	if (!views)
		return NULL;
	uv_timer_init(&daemon->loop, &views->patience);
	uv_unref((uv_handle_t *)&views->patience);
	views->patience.data = daemon;
	for (size_t i = 0; i < NG_WORKERS_MAX; i++)
		(void)!getrandom(&views->shown[i].seed, sizeof views->shown[i].seed,
				 GRND_NONBLOCK);
	return views;
}

static void view_add(struct daemon *daemon, const struct view *wanted)
{
	if (!daemon->views)
		daemon->views = views_create(daemon);
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

/* ---- what comes back ---- */

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

static void take_row(struct daemon *daemon, struct view *view, const struct wall_packet *packet)
{
	view->n_rows++;
	if (view->kind == VIEW_LEASES)
		rows_lease(daemon, view, &packet->row);
	else if (view->kind == VIEW_STATUS)
		status_limits(daemon, view, &packet->limits);
	else if (view->kind == VIEW_BLOCKED)
		blocked_row(view->rows, view->sandbox, &packet->target);
	else
		rows_waiting(daemon, view, &packet->waiting);
}

static void add_row(struct daemon *daemon, struct view *view, const struct wall_packet *packet)
{
	if (is_foreign(daemon, view, packet))
		return;
	if (question_of(view) == ASK_TALLIES)
		rows_tallies(daemon, packet);
	else if (question_of(view) == ASK_UPSTREAMS)
		view->upstreams_left_out += !upstreams_row(daemon, view->upstreams,
							   &packet->upstream, view->at == 0);
	else if (view->wish.id)
		rows_wish(daemon, view, &packet->waiting);
	else if (view->n_rows == view->rows_end)
		view->left_out++;
	else
		take_row(daemon, view, packet);
}

static void add_counters(struct daemon *daemon, struct view *view,
			 const struct wall_counters *counters)
{
	daemon->seats[view->at].counters = *counters;
	view->told[view->at] = view->any_told = true;
	for (size_t i = 0; i < sizeof counters->values / sizeof counters->values[0]; i++)
		view->counters.values[i] += counters->values[i];
}

static void answered(struct daemon *daemon, struct view *view, const struct wall_packet *packet)
{
	enum question question = question_of(view);
	asked_end(daemon->views);
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
	views->owed[slot_of(daemon, child)] = ASK_NOTHING;
	if (views->asked && asked_child(daemon, question_of(views->first)) == child) {
		asked_end(views);
		do_without(daemon, child);
	}
	go_on(daemon);
}
