/*
 * Main: the one struct that it is made of, and what its files offer each other.
 *
 * Main holds what is wanted (configuration, sandboxes, compiled policy) and brings the children to
 * it: the warden first, then the workers, so that nothing is answered that the kernel would not hold.
 * A child that dies comes back with nothing and is told all of it again.
 *
 * Each sandbox belongs to one worker, by its name (assign.h). That one alone is told of it, is sent
 * its packets (steering.c), and is believed about it, by the warden and here. So nothing that is kept of
 * a sandbox is shared between processes.
 */
#pragma once

#include "conf/conf.h"
#include "daemon/approvals.h"
#include "daemon/boxes.h"
#include "daemon/child.h"
#include "daemon/images.h"
#include "daemon/listen.h"
#include "daemon/own.h"
#include "daemon/routes.h"
#include "edge/control.h"
#include "edge/notify.h"
#include "edge/program_steer.h"
#include "edge/registry_history.h"

#include <jansson.h>
#include <uv.h>

#define DAEMON_WHY 512

struct views; /* status and lease questions under way (views.c) */

struct policy_set { /* what the configuration makes of the policy files */
	struct sources sources;
	struct image *globals[NG_RULESETS_MAX];
	size_t n_globals;
	bool closed; /* one of the global sources has no image: nothing is allowed */
};

#define SEAT_NAME 24
struct seat { /* one worker, in all its lives */
	struct child child;
	uint32_t index;
	char name[SEAT_NAME], share[SEAT_NAME];
	char *store;                   /* the folder that its own is in */
	bool connected;                /* it and the warden have their channel */
	bool generation_wanted;        /* it is to be sent everything */
	bool generation_sent;          /* it has been, so that single members may follow */
	unsigned commits;              /* generations that it has not confirmed yet */
	struct wall_counters counters; /* as it told last */
};

struct daemon {
	uv_loop_t loop;
	const char *conf_path; /* NULL: the embedded defaults */
	struct conf *conf;
	struct registry *registry;
	struct control *control;
	struct notify notify;
	int lock;      /* held on the store's folder */
	int record_fd; /* where the worker writes its records */
	int program_fds
		[2];  /* on interfaces: marks what comes in, drops what leaves; or -1 each */
	bool journal; /* which is the journal's socket */
	struct listeners listeners;
	struct own own;
	bool looping; /* a zone asks at one of them where we listen, which has been said */
	struct route_numbers numbers;
	struct images images;
	struct policy_set policies;
	struct boxes boxes;
	struct approvals approvals;
	uint64_t rule_ends_s; /* wall time; 0: no rule ends */
	uint64_t version;
	uint64_t started_ms;

	struct child warden;
	struct seat seats[NG_WORKERS_MAX];
	uint32_t n_seats;
	struct steer *steer;         /* NULL: there is one worker */
	char steer_why[PROGRAM_WHY]; /* why there is one, where more were wanted */
	char warden_path[4096];
	char *worker_user, *warden_user, *store; /* as at the start, whatever a reload says */
	uint32_t worker_uid;
	uint16_t hosts; /* kinds of sandboxes without an interface that the warden knows of */
	unsigned gates; /* answers of the warden that the next generation waits for */
	bool table_refused; /* the declared sets do not fit any more; asked again each second */
	uint32_t takes;     /* what they take (WALL_TAKES) */
	bool warden_synced; /* it has the table and every sandbox */
	bool ready, was_ready, stopping;
	struct control_request *reloading; /* who waits for the reload; NULL also for HUP */
	bool reload_open;
	uint64_t resolv_seen; /* what the followed files looked like */
	bool reload_again;    /* SIGHUP came meanwhile */
	json_t *reload_notes; /* warnings of the reload under way */
	struct views *views;
	uv_timer_t tick, watchdog, own_timer, stop_timer, links_timer;
	uv_poll_t links_poll;
	int links_fd; /* news of interfaces; -1: none */
	uv_signal_t signals[3];
	unsigned n_signals;
	int status; /* the exit status */
};

/* daemon.c: the life of main; prepare.c: what it opens before it gives up its privileges. */
/* Folders, lock, registry, records' descriptor; all failures are logged. */
int prepare(struct daemon *daemon) NG_MUST_CHECK;
/* The folder that the worker's own folder is in, of that index; to be freed. */
char *prepare_store(const struct daemon *daemon, uint32_t worker);
/* The folders of the workers, when it is known how many there are; failures are logged. */
int prepare_workers(const struct daemon *daemon) NG_MUST_CHECK;
void prepare_undo(struct daemon *daemon);
/* Returns the exit status, after one line on stderr when not 0. */
int daemon_run(const char *conf_path);
void daemon_stop(struct daemon *daemon, int status);
/* Has everything been confirmed? Tells the service manager when that changes. */
void daemon_settle(struct daemon *daemon);

/* Who answers the box's questions. */
struct seat *daemon_seat(struct daemon *daemon, const struct box *box);
bool daemon_connected(const struct daemon *daemon); /* has every worker its channel? */

/* reshare.c: stores, where there were another number of workers before. */
int reshare(struct daemon *daemon) NG_MUST_CHECK;

/* steering.c: what the kernel sends to whom. */
void steering_put(struct daemon *daemon, struct box *box); /* as it is now */
void steering_take(struct daemon *daemon, struct box *box);

/* sync.c: the children are brought to what is wanted. */
extern const struct child_calls sync_warden_calls, sync_worker_calls;
/* The box is new or has changed: the warden is told, then the worker, then who waits. */
void sync_box(struct daemon *daemon, struct box *box);
/*
 * The worker is told of the box as it is now. True when who waits for the box will hear of it;
 * false when nothing stands that could be changed now.
 */
bool sync_member(struct daemon *daemon, struct box *box);
/* The box is to go: worker, warden, who waits; then it is freed. */
void sync_remove(struct daemon *daemon, struct box *box);
/* The box is to go from worker and warden, but stays known as absent. */
void sync_withdraw(struct daemon *daemon, struct box *box);
/* It is not absent any more. */
void sync_return(struct daemon *daemon, struct box *box);
/* Everything may have changed: the table and changed boxes to the warden, a generation to the worker. */
void sync_all(struct daemon *daemon);
/* Our own addresses have changed, nothing else. */
void sync_generation(struct daemon *daemon);
/* Once a second: children that hang, and a channel that could not be made. */
void sync_tick(struct daemon *daemon);

/* links.c: interfaces that come and go. */
void links_start(struct daemon *daemon);
void links_stop(struct daemon *daemon);
void links_look_soon(struct daemon *daemon);
/* The number of its interface; 0 when there is none. */
unsigned links_index(const struct box *box);
/*
 * What the box stands on is gone, for which `what` has the words ("its interface sb1 is gone"): it is
 * unregistered, or, when the configuration has it, withdrawn until sync_return().
 */
void links_gone(struct daemon *daemon, struct box *box, const char *what);

/* feed.c: the packets themselves. */
void feed_table(struct daemon *daemon);
void feed_sandbox(struct daemon *daemon, struct box *box, bool gate);
void feed_member(struct daemon *daemon, struct box *box, bool alone);
void feed_forget_member(struct daemon *daemon, struct box *box);
void feed_generation(struct daemon *daemon, struct seat *seat);
void feed_listeners(struct daemon *daemon, struct seat *seat);
/* The worker has none of our images any more. */
void feed_forget_images(struct daemon *daemon, const struct seat *seat);
/* One member of that worker names it no longer. Takes NULL. */
void feed_forget_image(struct image *image, uint32_t worker);

/* policies.c: which images each sandbox has, and what they grant it. */
/*
 * Reads all policy files that conf and the run-time boxes name, and checks what they grant. With
 * fall_back, what cannot be compiled stands for its last good image or closes the sandboxes that
 * use it; its errors are in diags all the same. NG_E_SYNTAX, NG_E_NOMEM, NG_E_IO.
 */
int policies_load(struct daemon *daemon, const struct conf *conf, bool fall_back,
		  struct ng_diags *diags, struct policy_set *out) NG_MUST_CHECK;
void policy_set_finish(struct policy_set *set, struct images *images);
/* Points the box at its images in set; what changed for the warden goes over again. */
int policies_point(struct daemon *daemon, const struct policy_set *set, struct box *box,
		   struct ng_diags *diags) NG_MUST_CHECK;
/* The same for all that are not stale. */
int policies_point_all(struct daemon *daemon, const struct policy_set *set,
		       struct ng_diags *diags) NG_MUST_CHECK;
/* For a new box: loads what the set in force has not, and points. */
int policies_add(struct daemon *daemon, struct box *box, struct ng_diags *diags) NG_MUST_CHECK;
/* Looks when the next rule ends. */
void policies_note_end(struct daemon *daemon);

/* lastgood.c: compiled sources in the registry. */
int lastgood_find(void *owner, const char *path, struct ng_image *out,
		  uint64_t *made_s) NG_MUST_CHECK; /* for struct sources; owner is the daemon */
/* Keeps what is in force and forgets the rest; with a box only what that one brought. */
void lastgood_keep(struct daemon *daemon, const struct box *box);
/* Log lines for the sources that stand for their last good form, or for nothing. */
void lastgood_say(const struct daemon *daemon);
void lastgood_text(const struct source *source, char *text, size_t size);
/* The service manager's status line becomes the first of them. */
void lastgood_notify(const struct daemon *daemon);
json_t *lastgood_json(const struct daemon *daemon);
#define POLICIES_SHOWN 256
/* The sources in force, with the digests of what they were made of; those beyond the bound are counted. */
json_t *policies_json(const struct daemon *daemon, size_t *left_out);

/* load.c: configuration and policy from the disk. */
/* Boxes for what the configuration names, with the ids they had before. */
int load_conf_boxes(struct daemon *daemon, const struct conf *conf,
		    struct ng_diags *diags) NG_MUST_CHECK;
/* Boxes for what the registry remembers; what cannot be brought back is logged and left out. */
void load_registry(struct daemon *daemon);
/* All of the configuration at a start; what is wrong is in diags. */
int load_start(struct daemon *daemon, struct ng_diags *diags) NG_MUST_CHECK;
/* Once a second: rules whose time is over go. */
void load_tick(struct daemon *daemon);
/* Everything anew. request may be NULL; it is answered now on failure, else when all stands. */
void load_again(struct daemon *daemon, struct control_request *request);

/* resolv.c: files that servers are taken from. */
void resolv_note(struct daemon *daemon); /* as they are now */
/* Once a second: one that changed is read anew. */
void resolv_tick(struct daemon *daemon);

/* hosts.c: sandboxes without an interface. */
uint16_t hosts_kinds(const struct daemon *daemon); /* WALL_HOST_, of all that stand or are to */
/* The warden is told of kinds that are new, or gone. */
void hosts_tell(struct daemon *daemon);
/* Once a second: a sandbox whose cgroup is gone is gone too, see links_gone(). */
void hosts_tick(struct daemon *daemon);

/* holds.c: what holds them while the table is gone. Failure is said. */
void holds_put(struct daemon *daemon, struct box *box); /* the warden has it, as it is now */
void holds_take(struct daemon *daemon, struct box *box);
void holds_settle(struct daemon *daemon); /* all stand that are wanted: what is left goes */

/* marks.c: marks of forward zones. Has the kernel set those of the configuration; failure is said. */
void marks_settle(struct daemon *daemon);
void marks_finish(void);

/* approve.c: approvals from administrators to registry, record and worker. */
/* From the registry, at a start, when the boxes are there. */
void approvals_load(struct daemon *daemon);
/* Once a second: those whose time is over go. */
void approvals_tick(struct daemon *daemon);
/* For a new box: those that concern all sandboxes. */
void approvals_point(struct daemon *daemon, struct box *box);
/* The sandbox is gone for good. */
void approvals_forget(struct daemon *daemon, uint32_t sandbox);
/* One line of JSON into the record; false when that cannot be. The wall time, as records have it. */
bool approvals_record(const struct daemon *daemon, const char *text);
json_t *approvals_when(void);
/* Does one of them speak for this name already? */
bool approvals_cover(const struct daemon *daemon, uint32_t sandbox, const char *name);
struct wish {        /* what an administrator wants done about a waiting name */
	uint64_t id; /* of the waiting name, as shown; 0: nothing, only list them */
	bool refuse, global;
	uint64_t for_s; /* 0: without end */
};
/* row: the waiting name, NULL when there is none of that id. Answers the request, now or later. */
void approvals_wish(struct daemon *daemon, struct control_request *request,
		    const struct wish *wish, const struct wall_waiting_row *row);
void approvals_withdraw(struct daemon *daemon, struct control_request *request, uint64_t id);
json_t *approvals_json(const struct daemon *daemon);

/* verbs.c: what administrators ask. */
void verbs_handle(void *owner, struct control_request *request, json_t *object);
json_t *verbs_diags(const struct ng_diags *diags);
void verbs_ok(struct control_request *request); /* takes NULL, as the next does */
void verbs_fail(struct control_request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void verbs_fail_diags(struct control_request *request, const struct ng_diags *diags,
		      const char *error);

/* verbs_sandbox.c: sandboxes that come, go and change while the gate runs. */
void verbs_sandbox_add(struct daemon *daemon, struct control_request *request, json_t *object);
void verbs_sandbox_remove(struct daemon *daemon, struct control_request *request,
			  json_t *object);
void verbs_sandbox_mode(struct daemon *daemon, struct control_request *request, json_t *object);

/* verbs_boxes.c: sandboxes as the control socket shows them. */
/* Of one box: its packets by the kernel, or null each when they are not known. */
void verbs_add_packets(json_t *object, const struct wall_tally *tally, bool tallied);
json_t *verbs_boxes_json(struct daemon *daemon, bool tallied);

/* upstreams.c: adds what a row says; rows of other workers than the first add to those that are there.
 * False: there are too many, and it is left out. */
bool upstreams_row(const struct daemon *daemon, json_t *rows, const struct wall_upstream *row,
		   bool first);

/* views.c: what the kernel counts, and what the worker counts and leases. */
/* sandbox: NULL: all; also of those below. */
void views_status(struct daemon *daemon, struct control_request *request, const char *sandbox);
/* Names that wait for approval: of one sandbox, of all (NULL), or the one that wish names. */
void views_waitings(struct daemon *daemon, struct control_request *request, const char *sandbox,
		    const struct wish *wish);
void views_leases(struct daemon *daemon, struct control_request *request, const char *sandbox);
/* All sandboxes with the kernel's numbers. */
void views_boxes(struct daemon *daemon, struct control_request *request);
/* What was blocked: of one sandbox, or of all (NULL). */
void views_blocked(struct daemon *daemon, struct control_request *request, const char *sandbox);
/* Has the worker forget what upstreams said of name (and of names below it), or of all: NULL. */
void views_flush(struct daemon *daemon, struct control_request *request,
		 const struct ng_name *name, bool below);
void views_packet(struct daemon *daemon, struct child *child, const struct wall_packet *packet);
void views_child_down(struct daemon *daemon, struct child *child);
json_t *views_wall_time(uint64_t at_us); /* of a moment of CLOCK_MONOTONIC */

/* blocked.c: rows and answer of views_blocked(). */
void blocked_row(json_t *rows, uint32_t only, const struct wall_target *row);
json_t *blocked_json(struct daemon *daemon, json_t *rows, uint32_t only, bool tallied,
		     uint64_t left_out, const struct wall_tally *nobody);
