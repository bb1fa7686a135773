/*
 * The life of main: open everything, give up what is not needed, start the others, serve the
 * control socket, and end.
 *
 * Stopping ends processes and nothing else: the table, its rules and the open addresses stay in
 * the kernel, and the next start adopts them.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/views.h"
#include "edge/confine.h"
#include "edge/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS         1000
#define STOP_MS         5000
#define WARDEN_NAME     "namegate-warden"
#define WARDEN_FD_LEAST 16 /* above those that a child is started with */

/* ---- readiness ---- */

static void tell_ready(struct daemon *daemon)
{
	char status[256];
	snprintf(status, sizeof status,
		 "READY=1\nSTATUS=serving %zu sandboxes, policy version %llu",
		 boxes_count(&daemon->boxes), (unsigned long long)daemon->version);
	notify_send(&daemon->notify, status);
	lastgood_notify(daemon);
	log_say(LOG_AS_INFO, "serving %zu sandboxes, policy version %llu, from %s",
		boxes_count(&daemon->boxes), (unsigned long long)daemon->version,
		daemon->conf->path ? daemon->conf->path : "the embedded defaults");
}

static void end_reload(struct daemon *daemon)
{
	json_t *notes = daemon->reload_notes;
	if (daemon->reloading)
		control_reply(daemon->reloading,
			      json_pack("{s:b, s:I, s:O}", "ok", 1, "policy_version",
					(json_int_t)daemon->version, "diagnostics", notes));
	json_decref(notes);
	daemon->reload_notes = NULL;
	daemon->reloading = NULL;
	daemon->reload_open = false;
	if (daemon->reload_again)
		load_again(daemon, NULL);
}

static void stop_step(struct daemon *daemon);

static bool seat_settled(const struct seat *seat)
{
	return seat->child.up && seat->connected && seat->generation_sent &&
	       !seat->generation_wanted && !seat->commits;
}

void daemon_settle(struct daemon *daemon)
{
	bool ready = daemon->warden_synced;
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		ready = ready && seat_settled(&daemon->seats[i]);
	if (daemon->stopping) {
		stop_step(daemon);
		return;
	}
	if (ready && (!daemon->ready || daemon->reload_open))
		tell_ready(daemon);
	else if (!ready && daemon->ready)
		notify_send(&daemon->notify, "STATUS=waiting for a process to come back");
	daemon->ready = ready;
	if (ready && !daemon->was_ready)
		holds_settle(daemon);
	daemon->was_ready = daemon->was_ready || ready;
	if (ready && daemon->reload_open)
		end_reload(daemon);
}

/* ---- stopping ---- */

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static bool is_alone(const struct daemon *daemon)
{
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		if (daemon->seats[i].child.life)
			return false;
	return !daemon->warden.life;
}

/* When all children are gone nothing but our own handles keeps the loop alive. */
static void stop_step(struct daemon *daemon)
{
	if (!is_alone(daemon))
		return;
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		child_finish(&daemon->seats[i].child);
	child_finish(&daemon->warden);
	registry_close(daemon->registry);
	daemon->registry = NULL;
	close_handle((uv_handle_t *)&daemon->tick, NULL);
	close_handle((uv_handle_t *)&daemon->watchdog, NULL);
	close_handle((uv_handle_t *)&daemon->own_timer, NULL);
	close_handle((uv_handle_t *)&daemon->stop_timer, NULL);
	links_stop(daemon);
	for (unsigned i = 0; i < daemon->n_signals; i++)
		close_handle((uv_handle_t *)&daemon->signals[i], NULL);
}

static void on_stop_timer(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		child_kill(&daemon->seats[i].child, "does not stop");
	child_kill(&daemon->warden, "does not stop");
}

void daemon_stop(struct daemon *daemon, int status)
{
	if (daemon->stopping)
		return;
	daemon->stopping = true;
	daemon->status = status;
	notify_send(&daemon->notify, "STOPPING=1");
	if (status == 0)
		log_say(LOG_AS_INFO, "stopping; rules and open addresses stay in the kernel "
				     "(namegate teardown removes them)");
	control_close(daemon->control);
	daemon->control = NULL;
	uv_timer_start(&daemon->stop_timer, on_stop_timer, STOP_MS, 0);
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		child_stop(&daemon->seats[i].child);
	child_stop(&daemon->warden);
	if (is_alone(daemon))
		stop_step(daemon);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct daemon *daemon = signal->data;
	if (number == SIGHUP)
		load_again(daemon, NULL);
	else
		daemon_stop(daemon, 0);
}

/* ---- starting ---- */

static void on_tick(uv_timer_t *timer);

/* With the wall's seconds, which rules and approvals end on. */
static void arm_tick(struct daemon *daemon)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME_COARSE, &now); /* which time() reads */
	uv_update_time(&daemon->loop);
	uv_timer_start(&daemon->tick, on_tick,
		       TICK_MS - (uint64_t)now.tv_nsec / 1000000 % TICK_MS, 0);
}

static void on_tick(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	if (!daemon->stopping)
		arm_tick(daemon);
	sync_tick(timer->data);
	load_tick(timer->data);
	approvals_tick(timer->data);
	hosts_tick(timer->data);
	resolv_tick(timer->data);
}

static void on_watchdog(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	notify_send(&daemon->notify, "WATCHDOG=1");
}

static void start_handles(struct daemon *daemon)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	uv_timer_t *timers[] = {&daemon->tick, &daemon->watchdog, &daemon->own_timer,
				&daemon->stop_timer};
	for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
		uv_timer_init(&daemon->loop, timers[i]);
		timers[i]->data = daemon;
	}
	links_start(daemon);
	arm_tick(daemon);
	if (daemon->notify.watchdog_ms)
		uv_timer_start(&daemon->watchdog, on_watchdog, 0, daemon->notify.watchdog_ms);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uv_signal_init(&daemon->loop, &daemon->signals[i]);
		daemon->signals[i].data = daemon;
		uv_signal_start(&daemon->signals[i], on_signal, numbers[i]);
		daemon->n_signals++;
	}
}

/*
 * The file that was found is the one that every life of the warden runs, whatever is put in its place
 * meanwhile, as the worker runs ours: their records have no version, and new ones come with a new main.
 */
static int hold_warden(struct daemon *daemon)
{
	int fd = open(daemon->warden_path, O_PATH | O_CLOEXEC), high;
	if (fd < 0)
		return NG_E_IO;
	high = fcntl(fd, F_DUPFD_CLOEXEC, WARDEN_FD_LEAST);
	close(fd);
	if (high < 0)
		return NG_E_IO;
	snprintf(daemon->warden_path, sizeof daemon->warden_path, "/proc/self/fd/%d", high);
	return NG_OK;
}

/* Beside ourselves first, so that a build tree runs its own; then where make install puts it. */
static int find_warden(struct daemon *daemon)
{
	const size_t size = sizeof daemon->warden_path;
	ssize_t n = readlink("/proc/self/exe", daemon->warden_path, size - 1);
	daemon->warden_path[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(daemon->warden_path, '/');
	if (slash && (size_t)(slash + 1 - daemon->warden_path) + sizeof WARDEN_NAME <= size) {
		memcpy(slash + 1, WARDEN_NAME, sizeof WARDEN_NAME);
		if (!access(daemon->warden_path, X_OK))
			return hold_warden(daemon);
	}
	snprintf(daemon->warden_path, size, "%s", PKGLIBEXECDIR "/" WARDEN_NAME);
	if (!access(daemon->warden_path, X_OK))
		return hold_warden(daemon);
	log_say(LOG_AS_ERROR,
		"cannot find " WARDEN_NAME ", neither beside namegated nor as %s; install it",
		daemon->warden_path);
	return NG_E_NOTFOUND;
}

static void start_seat(struct daemon *daemon, struct seat *seat)
{
	seat->child = (struct child){
		.name = seat->name,
		.path = "/proc/self/exe",
		.args = {"namegated", "--worker", "--user", daemon->worker_user, "--store",
			 seat->store, "--records", daemon->journal ? "journal" : "lines",
			 "--share", seat->share},
		.extra_fds = {daemon->record_fd, -1},
		.from = WALL_WORKER_TO_MAIN,
		.calls = &sync_worker_calls,
		.owner = daemon,
		.loop = &daemon->loop,
	};
	child_start(&seat->child);
}

static void start_children(struct daemon *daemon)
{
	daemon->warden = (struct child){
		.name = "warden",
		.path = daemon->warden_path,
		.args = {WARDEN_NAME, "--user", daemon->warden_user,
			 daemon->program_fds[0] >= 0 ? "--program" : NULL},
		.extra_fds = {daemon->program_fds[0], daemon->program_fds[1]},
		.from = WALL_WARDEN_TO_MAIN,
		.calls = &sync_warden_calls,
		.owner = daemon,
		.loop = &daemon->loop,
	};
	child_start(&daemon->warden);
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		start_seat(daemon, &daemon->seats[i]);
}

static int load_conf(struct daemon *daemon)
{
	struct ng_diags diags;
	ng_diags_init(&diags);
	int code = conf_load(daemon->conf_path, &diags, &daemon->conf);
	log_diags(&diags);
	ng_diags_finish(&diags);
	if (code == NG_OK && !daemon->conf_path)
		log_say(LOG_AS_NOTICE,
			"there is no " CONF_PATH "; the embedded defaults are in "
			"force (namegated -t prints them)");
	return code;
}

static int load_rest(struct daemon *daemon)
{
	struct ng_diags diags;
	ng_diags_init(&diags);
	int code = load_start(daemon, &diags);
	log_diags(&diags);
	if (code && !diags.errors)
		log_say(LOG_AS_ERROR, "cannot load what is to be enforced: %s",
			ng_strerror(code));
	ng_diags_finish(&diags);
	return code;
}

/* A gate without it is a gate all the same. */
static void load_program(struct daemon *daemon)
{
	char why[PROGRAM_WHY];

	if (program_ingress(&daemon->program_fds[0], why) == NG_OK) {
		if (program_leaving(&daemon->program_fds[1], why) == NG_OK)
			return;
		close(daemon->program_fds[0]);
		daemon->program_fds[0] = -1;
	}
	log_say(LOG_AS_NOTICE,
		"%s; should somebody else take the nftables table away, routing does not "
		"refuse what sandboxes send until it is rebuilt",
		why);
}

/* Several workers without steering would each be asked about sandboxes of others: then there is one. */
static void be_alone(struct daemon *daemon, const char *why)
{
	steer_destroy(daemon->steer);
	daemon->steer = NULL;
	snprintf(daemon->steer_why, sizeof daemon->steer_why, "%s", why);
	daemon->n_seats = 1;
	log_say(LOG_AS_WARNING,
		"%s; so sandboxes cannot be shared out, and there is one worker instead of %u; "
		"\"workers = 1\" is without this line",
		why, (unsigned)daemon->conf->workers);
}

static int open_listeners(struct daemon *daemon, char why[static LISTEN_WHY])
{
	struct listen_plan plan = {.at = daemon->conf->listen, .n = daemon->conf->n_listen};
	int code;
	daemon->n_seats = daemon->conf->workers;
	if (daemon->n_seats > 1 && steer_create(&daemon->steer, why))
		be_alone(daemon, why);
	plan.workers = daemon->n_seats;
	plan.steer = daemon->steer;
	code = listeners_open(&plan, &daemon->listeners, why);
	if (code == NG_OK || code == NG_E_IO || plan.workers <= 1)
		return code;
	be_alone(daemon, why);
	plan.workers = 1;
	return listeners_open(&plan, &daemon->listeners, why);
}

static int open_doors(struct daemon *daemon)
{
	char why[LISTEN_WHY] = "";
	_Static_assert(LISTEN_WHY >= CONTROL_WHY && LISTEN_WHY >= CONFINE_WHY, "one for all");
	int code = open_listeners(daemon, why);
	if (code == NG_OK)
		code = prepare_workers(daemon);
	if (code == NG_OK)
		code = sockets_open(daemon->conf, daemon->n_seats, &daemon->listeners, why);
	if (code == NG_OK)
		code = control_open(&daemon->loop, daemon->conf->control, verbs_handle, daemon,
				    &daemon->control, why);
	if (code == NG_OK) {
		if (!daemon->conf->n_declared)
			load_program(daemon);
		code = confine_main(why);
	}
	if (code && *why)
		log_say(LOG_AS_ERROR, "%s", why);
	return code;
}

static int make_seats(struct daemon *daemon)
{
	daemon->boxes.workers = daemon->images.workers = daemon->n_seats;
	for (uint32_t i = 0; i < daemon->n_seats; i++) {
		struct seat *seat = &daemon->seats[i];
		seat->index = i;
		snprintf(seat->name, sizeof seat->name,
			 daemon->n_seats > 1 ? "worker %u" : "worker", (unsigned)i + 1);
		snprintf(seat->share, sizeof seat->share, "%u/%u", (unsigned)i + 1,
			 (unsigned)daemon->n_seats);
		seat->store = prepare_store(daemon, i);
		if (!seat->store)
			return NG_E_NOMEM;
	}
	return NG_OK;
}

static int start(struct daemon *daemon)
{
	int code = find_warden(daemon);
	if (code == NG_OK)
		code = load_conf(daemon);
	if (code == NG_OK)
		code = prepare(daemon);
	if (code == NG_OK)
		code = open_doors(daemon);
	/* Not earlier: policies are read with the rights that a reload will have, and the registry's
	 * first write starts a thread, which must start without capabilities. */
	if (code == NG_OK)
		code = make_seats(daemon);
	if (code == NG_OK)
		code = load_rest(daemon);
	if (code == NG_OK)
		code = reshare(daemon);
	if (code == NG_OK)
		start_children(daemon);
	return code;
}

static void finish(struct daemon *daemon)
{
	control_close(daemon->control);
	registry_close(daemon->registry);
	uv_walk(&daemon->loop, close_handle, NULL);
	uv_run(&daemon->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&daemon->loop);
	boxes_finish(&daemon->boxes, &daemon->images);
	approvals_finish(&daemon->approvals);
	policy_set_finish(&daemon->policies, &daemon->images);
	own_finish(&daemon->own);
	route_numbers_finish(&daemon->numbers);
	listeners_close(&daemon->listeners);
	steer_destroy(daemon->steer);
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		free(daemon->seats[i].store);
	notify_close(&daemon->notify);
	marks_finish();
	prepare_undo(daemon);
	json_decref(daemon->reload_notes);
	for (size_t i = 0; daemon->views && i < NG_WORKERS_MAX; i++)
		shown_finish(&daemon->views->shown[i]);
	free(daemon->views);
	conf_free(daemon->conf);
}

int daemon_run(const char *conf_path)
{
	static struct daemon daemon; /* one a process; too large for the stack */
	daemon = (struct daemon){
		.conf_path = conf_path, .lock = -1, .record_fd = -1, .program_fds = {-1, -1}};
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	daemon.notify = notify_open();
	if (uv_loop_init(&daemon.loop)) {
		log_say(LOG_AS_ERROR, "cannot start: out of memory or descriptors");
		return EXIT_FAILURE;
	}
	daemon.started_ms = uv_now(&daemon.loop);
	start_handles(&daemon);
	daemon.status = EXIT_FAILURE;
	if (start(&daemon) == NG_OK) {
		daemon.status = EXIT_SUCCESS;
		uv_run(&daemon.loop, UV_RUN_DEFAULT);
	}
	finish(&daemon);
	return daemon.status;
}
