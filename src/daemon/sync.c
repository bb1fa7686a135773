/*
 * Bringing the children to what is wanted.
 *
 * Each box notes what stands at the warden and at the worker, and every answer moves it one step:
 * the warden first, the worker when the warden has confirmed, the administrator when both have.
 * Removal goes the other way round. A child that dies has nothing, so all its notes go back to
 * "absent", and when it is up again it is told everything; what was under way when it died is
 * finished by that, and whoever waits is told then.
 *
 * A generation (everything at once, swapped in as one) is sent only when the warden has confirmed
 * all that it depends on: those answers are the gates.
 */
#include "config.h"
#include "conf/host.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "edge/channel.h"

#include <stddef.h>
#include <string.h>

#define STARTS_MOST 5 /* deaths of a child before we were ever ready */

/* Who waits for the box is told what there is to tell. */
static void box_answered(struct box *box)
{
	struct control_request *request = box->waiting;
	json_t *answer = box->answer;
	box->waiting = NULL;
	box->answer = NULL;
	if (request && answer)
		control_reply(request, answer);
	else {
		json_decref(answer);
		verbs_ok(request);
	}
}

struct seat *daemon_seat(struct daemon *daemon, const struct box *box)
{
	return &daemon->seats[box->worker];
}

bool daemon_connected(const struct daemon *daemon)
{
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		if (!daemon->seats[i].connected)
			return false;
	return true;
}

/* ---- removal ---- */

static void ask_removal(struct child *child, struct box *box, enum side *side)
{
	struct wall_packet packet;
	packet_clear(&packet, WALL_SANDBOX_REMOVE);
	packet.id.id = box->id;
	*side = SIDE_REMOVING;
	child_send(child, &packet, -1,
		   (struct waiter){.what = CHILD_WAIT_REMOVE, .sandbox = box->id});
}

static void remove_step(struct daemon *daemon, struct box *box)
{
	if (box->at_worker == SIDE_REMOVING)
		return;
	if (box->at_worker != SIDE_ABSENT) {
		feed_forget_member(daemon, box);
		ask_removal(&daemon_seat(daemon, box)->child, box, &box->at_worker);
		return;
	}
	if (box->at_warden == SIDE_REMOVING)
		return;
	if (box->at_warden != SIDE_ABSENT) {
		ask_removal(&daemon->warden, box, &box->at_warden);
		return;
	}
	holds_take(daemon, box);
	steering_take(daemon, box);
	box_answered(box);
	if (box->absent) { /* withdrawn; what it stands on may be back already */
		box->removing = false;
		links_look_soon(daemon);
		return;
	}
	boxes_remove(&daemon->boxes, &daemon->images, box);
}

void sync_withdraw(struct daemon *daemon, struct box *box)
{
	box->removing = box->absent = true;
	remove_step(daemon, box);
}

void sync_remove(struct daemon *daemon, struct box *box)
{
	box->removing = true;
	box->absent = false;
	remove_step(daemon, box);
}

/* ---- forward ---- */

static void box_stands(struct box *box)
{
	box->at_worker = SIDE_PRESENT;
	box->changed = false;
	box_answered(box);
}

/* What to do about it, where the code alone does not say. */
static void say_cure(const struct box *box, const struct wall_done *done, char cure[static 160])
{
	*cure = '\0';
	if (box->at_warden == SIDE_SHUT)
		snprintf(cure, 160,
			 "; its processes are shut out until a reload takes it in or it is "
			 "removed");
	else if (conf_who(&box->conf) != WALL_BY_INTERFACE && box->at_warden == SIDE_ABSENT)
		snprintf(cure, 160, "; its processes are not held by anything");
	else if (box->conf.bridge[0] && done->code == NG_E_NOTFOUND)
		snprintf(cure, 160,
			 "; its interface %s is no port of bridge %s: ip link set %s master %s",
			 box->conf.interface, box->conf.bridge, box->conf.interface,
			 box->conf.bridge);
}

/*
 * The box was refused by child. What was never there goes again; what stood before stays. So do
 * processes of the host that are told apart by now: to forget them would set them free.
 */
static void box_refused(struct daemon *daemon, struct box *box, const char *who,
			const struct wall_done *done)
{
	const char *system = done->system ? strerror((int)done->system) : "";
	char cure[160];
	say_cure(box, done, cure);
	log_say(LOG_AS_ERROR, "sandbox %s: the %s refused it: %s%s%s%s", box->conf.name, who,
		ng_strerror(done->code), *system ? ", " : "", system, cure);
	bool kept = box->at_warden == SIDE_SHUT || (box->at_warden == SIDE_PRESENT &&
						    conf_who(&box->conf) != WALL_BY_INTERFACE);
	bool registration = box->runtime && box->waiting && !box->changed && !kept;
	verbs_fail(box->waiting, "sandbox %s: the %s refused it: %s%s%s%s", box->conf.name, who,
		   ng_strerror(done->code), *system ? ", " : "", system, cure);
	box->waiting = NULL;
	json_decref(box->answer);
	box->answer = NULL;
	box->changed = false;
	if (!registration)
		return;
	if (registry_remove(daemon->registry, box->conf.name))
		log_say(LOG_AS_ERROR, "sandbox %s: cannot be taken out of the registry",
			box->conf.name);
	approvals_forget(daemon, box->id);
	sync_remove(daemon, box);
}

static bool takes_members(const struct seat *seat)
{
	return seat->child.up && seat->generation_sent && !seat->generation_wanted;
}

static bool wants_member(const struct box *box)
{
	return box->at_warden == SIDE_PRESENT && !box->removing && !box->stale &&
	       (box->at_worker == SIDE_ABSENT || box->changed);
}

bool sync_member(struct daemon *daemon, struct box *box)
{
	if (!takes_members(daemon_seat(daemon, box)) || box->at_warden != SIDE_PRESENT ||
	    box->removing || box->stale)
		return false; /* it goes along with whatever is sent next */
	box->changed = true;
	feed_member(daemon, box, true);
	return true;
}

/* The warden drops the channel that the worker's last life had. */
static void connect_seat(struct daemon *daemon, struct seat *seat)
{
	int ends[2];
	struct wall_packet packet;
	if (channel_pair(ends)) {
		log_say(LOG_AS_ERROR, "cannot connect worker and warden: no descriptors left");
		return; /* tried again at the next tick */
	}
	packet_clear(&packet, WALL_CHANNEL);
	packet.channel.worker = seat->index + 1;
	child_send(&daemon->warden, &packet, ends[0], (struct waiter){0});
	packet_clear(&packet, WALL_CHANNEL);
	packet.channel.worker = seat->index + 1;
	child_send(&seat->child, &packet, ends[1], (struct waiter){0});
	seat->connected = true;
}

static void push_members(struct daemon *daemon, const struct seat *seat)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		if (box->worker == seat->index && wants_member(box))
			feed_member(daemon, box, true);
}

/* Whatever the state of things allows now. */
static void seat_go(struct daemon *daemon, struct seat *seat)
{
	if (!daemon->warden_synced || !seat->child.up || daemon->stopping)
		return;
	if (!seat->connected)
		connect_seat(daemon, seat);
	if (!seat->generation_wanted) {
		push_members(daemon, seat);
		return;
	}
	seat->generation_wanted = false;
	seat->generation_sent = true;
	feed_generation(daemon, seat);
}

static void sync_go(struct daemon *daemon)
{
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		seat_go(daemon, &daemon->seats[i]);
}

static void want_generation(struct daemon *daemon)
{
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		daemon->seats[i].generation_wanted = true;
}

void sync_generation(struct daemon *daemon)
{
	want_generation(daemon);
	sync_go(daemon);
}

void sync_tick(struct daemon *daemon)
{
	if (daemon->table_refused && daemon->warden.up && !daemon->gates)
		feed_table(daemon);
	child_check(&daemon->warden);
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		child_check(&daemon->seats[i].child);
	if (!daemon_connected(daemon))
		sync_go(daemon);
}

void sync_box(struct daemon *daemon, struct box *box)
{
	hosts_tell(daemon);
	if (daemon->warden.up)
		feed_sandbox(daemon, box, false);
}

void sync_return(struct daemon *daemon, struct box *box)
{
	box->absent = false;
	sync_box(daemon, box);
}

static void feed_boxes(struct daemon *daemon)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		if ((box->at_warden == SIDE_ABSENT || box->at_warden == SIDE_SHUT) &&
		    !box->removing && !box->stale && !box->absent)
			feed_sandbox(daemon, box, true);
}

void sync_all(struct daemon *daemon)
{
	want_generation(daemon);
	if (!daemon->warden.up)
		return;
	daemon->warden_synced = false;
	feed_table(daemon);
	if (!daemon->conf->n_declared)
		feed_boxes(daemon);
}

static void gate_passed(struct daemon *daemon, const struct waiter *waiter)
{
	if (!waiter->gate || !daemon->gates || --daemon->gates > 0)
		return;
	daemon->warden_synced = true;
	sync_go(daemon);
	daemon_settle(daemon);
}

/* ---- the warden ---- */

/* Whether declared sets fit is known only then; a table of our own is refused once in a lifetime. */
static void warden_up(struct child *child)
{
	struct daemon *daemon = child->owner;
	feed_table(daemon);
	if (!daemon->conf->n_declared)
		feed_boxes(daemon);
}

static void sets_refused(struct daemon *daemon, const struct wall_done *done)
{
	daemon->gates = 0;
	verbs_fail(daemon->reloading,
		   "the sets of integrate cannot be filled; the log says which "
		   "and why, and nothing is answered until they can");
	daemon->reloading = NULL; /* the reload itself ends when they can */
	if (daemon->table_refused)
		return;
	log_say(LOG_AS_ERROR,
		"the sets of integrate cannot be filled: %s%s%s; the lines above say which and "
		"how to declare them%s",
		ng_strerror(done->code), done->system ? ", " : "",
		done->system ? strerror((int)done->system) : "",
		daemon->was_ready ? "; nothing is answered until they are there" : "");
	if (daemon->was_ready)
		daemon->table_refused = true;
	else
		daemon_stop(daemon, 1);
}

/* Which look-ups will fail or be empty, before the first one is. */
static void say_what_is_not_taken(uint32_t takes)
{
	static const struct {
		enum ng_family family;
		const char *name, *address;
	} rows[] = {{NG_IPV4, "IPv4", "ipv4_addr"}, {NG_IPV6, "IPv6", "ipv6_addr"}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool all = takes & WALL_TAKES(rows[i].family, false);
		bool ports = takes & WALL_TAKES(rows[i].family, true);
		if (!all && !ports)
			log_say(LOG_AS_NOTICE,
				"none of the sets of integrate takes %s: answers of that "
				"family are empty; add one of type %s . %s to have them",
				rows[i].name, rows[i].address, rows[i].address);
		else if (!ports)
			log_say(LOG_AS_WARNING,
				"none of the sets of integrate takes %s with ports: names "
				"whose "
				"rule bounds ports are answered with SERVFAIL; add one of type "
				"%s . %s . inet_proto . inet_service if there are any",
				rows[i].name, rows[i].address, rows[i].address);
		else if (!all)
			log_say(LOG_AS_WARNING,
				"none of the sets of integrate takes %s without ports: names "
				"whose rule bounds no ports are answered with SERVFAIL; add "
				"one "
				"of type %s . %s if there are any",
				rows[i].name, rows[i].address, rows[i].address);
	}
}

static void sets_taken(struct daemon *daemon, const struct wall_done *done)
{
	if (daemon->takes != done->takes)
		say_what_is_not_taken(done->takes);
	if (daemon->table_refused)
		log_say(LOG_AS_NOTICE, "the sets of integrate are there again");
	daemon->table_refused = false;
	if (daemon->takes != done->takes)
		want_generation(daemon);
	daemon->takes = done->takes;
	feed_boxes(daemon);
}

static void table_done(struct daemon *daemon, const struct wall_done *done)
{
	if (daemon->conf->n_declared) {
		(done->code == NG_OK ? sets_taken : sets_refused)(daemon, done);
		return;
	}
	if (done->code == NG_OK)
		return;
	log_say(LOG_AS_ERROR,
		"the kernel refused the nftables table \"%s\": %s%s%s; nothing is answered "
		"until it stands",
		daemon->conf->table, ng_strerror(done->code), done->system ? ", " : "",
		done->system ? strerror((int)done->system) : "");
	if (daemon->was_ready)
		child_kill(&daemon->warden, "has no table");
	else
		daemon_stop(daemon, 1);
}

static void warden_added(struct daemon *daemon, struct box *box, const struct wall_done *done)
{
	if (!box || box->removing)
		return;
	if (done->code) {
		box->at_warden = done->held     ? SIDE_SHUT
				 : box->changed ? SIDE_PRESENT
						: SIDE_ABSENT;
		if (box->at_warden == SIDE_SHUT)
			holds_put(daemon, box);
		box_refused(daemon, box, "warden", done);
		return;
	}
	box->at_warden = SIDE_PRESENT;
	holds_put(daemon, box);
	if (takes_members(daemon_seat(daemon, box)) && wants_member(box))
		feed_member(daemon, box, true);
}

static void warden_packet(struct child *child, const struct wall_packet *packet,
			  const struct waiter *waiter)
{
	struct daemon *daemon = child->owner;
	if (!waiter || waiter->what == CHILD_WAIT_TALLIES) {
		views_packet(daemon, child, packet);
		return;
	}
	struct box *box = boxes_find_id(&daemon->boxes, waiter->sandbox);
	switch (waiter->what) {
	case CHILD_WAIT_TABLE:
		table_done(daemon, &packet->done);
		if (packet->done.code)
			return;
		break;
	case CHILD_WAIT_ADD:
		warden_added(daemon, box, &packet->done);
		break;
	case CHILD_WAIT_REMOVE:
		if (packet->done.code && packet->done.code != NG_E_NOTFOUND)
			log_say(LOG_AS_ERROR, "sandbox %s: the warden could not remove it: %s",
				box ? box->conf.name : "?", ng_strerror(packet->done.code));
		if (box) {
			box->at_warden = SIDE_ABSENT;
			remove_step(daemon, box);
			hosts_tell(daemon);
		}
		break;
	default:
		child_kill(child, "answered what a warden is not asked");
	}
	gate_passed(daemon, waiter);
}

/* Before the first readiness a child that keeps dying means that we cannot serve here at all. */
static void give_up(struct daemon *daemon, const struct child *child)
{
	if (daemon->was_ready || daemon->stopping || child->starts < STARTS_MOST)
		return;
	log_say(LOG_AS_ERROR, "the %s does not start; its lines above say why", child->name);
	daemon_stop(daemon, 1);
}

static void warden_down(struct child *child)
{
	struct daemon *daemon = child->owner;
	struct box *box, *next;
	daemon->warden_synced = false;
	for (uint32_t i = 0; i < daemon->n_seats; i++)
		daemon->seats[i].connected = false;
	daemon->gates = 0;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		box->at_warden = SIDE_ABSENT;
		if (box->removing)
			remove_step(daemon, box);
	}
	views_child_down(daemon, child);
	give_up(daemon, child);
	daemon_settle(daemon);
}

const struct child_calls sync_warden_calls = {
	.up = warden_up, .packet = warden_packet, .down = warden_down};

/* ---- the workers ---- */

static struct seat *seat_of(struct child *child)
{
	return (struct seat *)(void *)((char *)child - offsetof(struct seat, child));
}

static void worker_up(struct child *child)
{
	struct daemon *daemon = child->owner;
	struct seat *seat = seat_of(child);
	feed_listeners(daemon, seat);
	seat->generation_wanted = true;
	seat_go(daemon, seat);
}

static void worker_member_done(struct daemon *daemon, struct box *box,
			       const struct wall_done *done)
{
	if (!box)
		return;
	box->asked = false;
	if (box->removing)
		return;
	if (done->code)
		box_refused(daemon, box, "worker", done);
	else
		box_stands(box);
}

static void worker_removed(struct daemon *daemon, struct box *box)
{
	if (!box)
		return;
	box->at_worker = SIDE_ABSENT;
	remove_step(daemon, box);
}

/* What a reload left out is gone from the worker now; the kernel lets go of it next. */
static void worker_committed(struct daemon *daemon, struct seat *seat,
			     const struct wall_done *done)
{
	struct box *box, *next;
	if (done->code) {
		log_say(LOG_AS_ERROR, "the worker refused the configuration: %s",
			ng_strerror(done->code));
		child_kill(&seat->child, "has no configuration");
		return;
	}
	seat->commits -= seat->commits > 0;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		if (box->worker != seat->index)
			continue;
		if (box->stale && !box->removing)
			sync_remove(daemon, box);
		else if (box->at_worker == SIDE_SENT && !box->asked && !box->removing)
			box_stands(box);
	}
	daemon_settle(daemon);
}

static void worker_packet(struct child *child, const struct wall_packet *packet,
			  const struct waiter *waiter)
{
	struct daemon *daemon = child->owner;
	struct box *box = waiter ? boxes_find_id(&daemon->boxes, waiter->sandbox) : NULL;
	switch (waiter ? waiter->what : CHILD_WAIT_LEASES) {
	case CHILD_WAIT_MEMBER:
		worker_member_done(daemon, box, &packet->done);
		return;
	case CHILD_WAIT_REMOVE:
		worker_removed(daemon, box);
		return;
	case CHILD_WAIT_COMMIT:
		worker_committed(daemon, seat_of(child), &packet->done);
		return;
	case CHILD_WAIT_STATUS:
	case CHILD_WAIT_LEASES:
	case CHILD_WAIT_WAITINGS:
	case CHILD_WAIT_TARGETS:
	case CHILD_WAIT_LIMITS:
	case CHILD_WAIT_UPSTREAMS:
	case CHILD_WAIT_FLUSH:
		views_packet(daemon, child, packet);
		return;
	default:
		child_kill(child, "answered what a worker is not asked");
	}
}

static void worker_down(struct child *child)
{
	struct daemon *daemon = child->owner;
	struct seat *seat = seat_of(child);
	struct box *box, *next;
	seat->connected = false;
	seat->generation_sent = false;
	seat->commits = 0;
	feed_forget_images(daemon, seat);
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		if (box->worker != seat->index)
			continue;
		box->at_worker = SIDE_ABSENT;
		box->asked = false;
		if (box->removing)
			remove_step(daemon, box);
	}
	views_child_down(daemon, child);
	give_up(daemon, child);
	daemon_settle(daemon);
}

const struct child_calls sync_worker_calls = {
	.up = worker_up, .packet = worker_packet, .down = worker_down};
