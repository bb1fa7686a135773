/*
 * namegate-warden: the only process with CAP_NET_ADMIN.
 *
 * It is started by main with the channel on descriptor 3, opens its netlink sockets, gives up all
 * else, and serves records until main goes away. Ending, however it ends, leaves the table standing:
 * removing it is --teardown and nothing else.
 */
#include "warden/inbox.h"
#include "warden/teardown.h"
#include "warden/warden.h"

#include "edge/confine.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void say(const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	fprintf(stderr, "namegate-warden: %s\n", line);
}

uint64_t warden_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* ---- the loop ---- */

enum slot {
	SLOT_SIGNAL = 0,
	SLOT_MAIN,
	SLOT_NFLOG,
	SLOT_WATCH,
	SLOT_FLOWS,
	SLOT_FENCE,
	SLOT_LINKS,
	SLOT_WORKERS
};

/* In steps, so that ends close to each other share a batch; slowly when nothing is due. */
static int ends_wait_ms(const struct warden *warden)
{
	const struct lease *first = mirror_first(&warden->mirror);
	int next_ms = adopt_wait_ms(warden);
	uint64_t left_us;

	if (!warden->kernel.ready)
		return -1;
	if (warden->suspect || warden->kernel.doubted)
		return 0;
	if (next_ms >= 0 && next_ms < (int)TICK_US / 1000)
		return next_ms;
	if (warden->dirty || warden->tally.awake)
		return TICK_US / 1000;
	if (!first)
		return IDLE_TICK_MS;
	left_us = first->until_us > warden->now_us ? first->until_us - warden->now_us : 0;
	left_us = (left_us / TICK_US + 1) * TICK_US;
	return left_us > IDLE_TICK_MS * 1000u ? IDLE_TICK_MS : (int)(left_us / 1000);
}

static int sooner(int a_ms, int b_ms)
{
	return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static int wait_ms(const struct warden *warden, const struct inbox *inbox)
{
	return sooner(sooner(ends_wait_ms(warden), flows_wait_ms(warden)),
		      inbox_wait_ms(warden, inbox));
}

static size_t fill_slots(const struct warden *warden, int signals, struct pollfd *slots)
{
	size_t n = SLOT_WORKERS;

	slots[SLOT_SIGNAL] = (struct pollfd){.fd = signals, .events = POLLIN};
	slots[SLOT_MAIN] = (struct pollfd){.fd = warden->main_fd, .events = POLLIN};
	slots[SLOT_NFLOG] = (struct pollfd){.fd = warden->nflog.netlink.fd, .events = POLLIN};
	slots[SLOT_WATCH] = (struct pollfd){.fd = warden->watch.netlink.fd, .events = POLLIN};
	slots[SLOT_FLOWS] = (struct pollfd){.fd = warden->flows.netlink.fd, .events = POLLIN};
	slots[SLOT_FENCE] = (struct pollfd){.fd = warden->fence.news.fd, .events = POLLIN};
	slots[SLOT_LINKS] =
		(struct pollfd){.fd = warden->ports.links.news.fd, .events = POLLIN};
	for (size_t i = 0; i < warden->workers.n; i++) {
		const struct worker *worker = &warden->workers.items[i];

		slots[n++] = (struct pollfd){
			.fd = worker->fd,
			.events = (short)((worker_reads(worker) ? POLLIN : 0) |
					  (worker_waits(worker) ? POLLOUT : 0))};
	}
	return n;
}

static int left_ms(int most_ms, uint64_t end_us)
{
	const uint64_t now_us = warden_clock_us();

	if (most_ms <= 0)
		return most_ms;
	return now_us < end_us ? (int)((end_us - now_us + 999) / 1000) : 0;
}

static bool ordered(const struct pollfd *slots, size_t n)
{
	for (size_t i = SLOT_WORKERS; i < n; i++)
		if (slots[i].revents & POLLIN)
			return true;
	return false;
}

/* Until something is there, it is time to sleep, or that time has come. */
static int look(struct awake *awake, struct pollfd *slots, size_t n, uint64_t end_us)
{
	uint64_t from_us = warden_clock_us();
	int ready = 0;

	while (ready == 0 && from_us < end_us && awake_looks(awake, from_us)) {
		(void)sched_yield();
		awake_gave_way(awake, from_us, warden_clock_us());
		ready = poll(slots, n, 0);
		from_us = warden_clock_us();
	}
	return ready;
}

/* Waits for something, but no longer than that; not asleep yet when an order has come not long ago. */
static int await(struct warden *warden, struct pollfd *slots, size_t n, int most_ms)
{
	struct awake *awake = &warden->awake;
	uint64_t end_us = UINT64_MAX;
	int ready;

	awake->window_us = warden->kernel.table.busy_us;
	if (!awake->window_us)
		return poll(slots, n, most_ms);
	if (most_ms >= 0)
		end_us = warden_clock_us() + (uint64_t)most_ms * 1000u;
	ready = look(awake, slots, n, end_us);
	if (ready == 0)
		ready = poll(slots, n, left_ms(most_ms, end_us));
	if (ready > 0 && ordered(slots, n))
		awake_news(awake, warden_clock_us());
	return ready;
}

static int turn(struct warden *warden, struct inbox *inbox, const struct pollfd *slots)
{
	int code = NG_OK;

	warden->now_us = warden_clock_us();
	setup_look(warden);
	if (slots[SLOT_FENCE].revents)
		fence_look(&warden->fence);
	if (slots[SLOT_MAIN].revents)
		code = inbox_serve(warden, inbox);
	if (code == NG_OK && inbox_due(warden, inbox))
		code = inbox_flush(warden, inbox);
	if (code != NG_OK)
		return code;
	bridge_watch(warden);
	leases_serve(warden);
	leases_end_due(warden);
	leases_look_at_room(warden);
	adopt_step(warden);
	flows_walk(warden);
	if (slots[SLOT_NFLOG].revents) {
		nflog_read(&warden->nflog, &warden->tally, &warden->sandboxes, warden->now_us);
		if (!warden->talk_us)
			warden->talk_us = warden->now_us + TALK_US;
	}
	reports_hand_out(warden);
	return NG_OK;
}

static int loop(struct warden *warden, int signals)
{
	struct pollfd slots[SLOT_WORKERS + WORKERS_MAX];
	struct inbox inbox;
	int code = inbox_open(&inbox);

	if (code == NG_OK)
		code = inbox_answer(warden, WALL_READY, 0, &(struct wall_done){0});
	while (code == NG_OK) {
		size_t n = fill_slots(warden, signals, slots);

		if (await(warden, slots, n, wait_ms(warden, &inbox)) < 0 && errno != EINTR) {
			code = NG_E_IO;
			break;
		}
		if (slots[SLOT_SIGNAL].revents)
			break;
		code = turn(warden, &inbox, slots);
		if (code == NG_OK && warden->over)
			code = NG_E_KERNEL;
	}
	inbox_close(&inbox);
	return code;
}

/* ---- beginning and end ---- */

static int open_all(struct warden *warden, const char *user, const int programs[FENCE_SIDES])
{
	char why[CONFINE_WHY > SAY_MAX ? CONFINE_WHY : SAY_MAX] = "";
	int code = kernel_open(&warden->kernel, why);

	if (code == NG_OK) {
		code = conntrack_open(&warden->conntrack);
		if (code == NG_OK)
			code = netlink_open(&warden->reader);
		if (code == NG_OK)
			code = netlink_open(&warden->flows.netlink);
		if (code == NG_OK)
			code = watch_open(&warden->watch, warden->kernel.netlink.port);
		if (code == NG_OK)
			code = fence_open(&warden->fence, programs);
		if (code == NG_OK)
			code = nflog_open(&warden->nflog);
		if (code == NG_OK)
			code = ports_open(&warden->ports);
		warden->kernel.log_group = warden->nflog.group;
		if (code != NG_OK)
			snprintf(why, sizeof(why),
				 "cannot open the netlink sockets for conntrack, changes, "
				 "routing, interfaces and NFLOG: %s; the kernel needs "
				 "nf_conntrack "
				 "and "
				 "nfnetlink_log, "
				 "and a free log group from 77 on",
				 strerror(errno));
	}
	if (code == NG_OK)
		code = confine_warden(user, why);
	if (code != NG_OK)
		say("%s", why);
	return code;
}

static void close_all(struct warden *warden)
{
	workers_finish(&warden->workers);
	leftovers_finish(&warden->leftovers);
	adopt_forget(warden);
	mirror_finish(&warden->mirror);
	declared_finish(&warden->declared);
	sandboxes_finish(&warden->sandboxes);
	ops_finish(&warden->ops);
	cuts_finish(&warden->cuts);
	free(warden->orders.items);
	tally_finish(&warden->tally);
	nflog_close(&warden->nflog);
	watch_close(&warden->watch);
	fence_close(&warden->fence);
	ports_close(&warden->ports);
	conntrack_close(&warden->conntrack);
	netlink_close(&warden->reader);
	netlink_close(&warden->flows.netlink);
	kernel_close(&warden->kernel);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	sigdelset(&set, SIGPIPE);
	sigdelset(&set, SIGHUP); /* reloads come as records */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool is_channel(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

static int serve(const char *user, const int programs[FENCE_SIDES])
{
	struct warden *warden = calloc(1, sizeof(*warden));
	int signals, code;
	uint64_t seed;

	if (!is_channel(WALL_FD)) {
		say("descriptor 3 is no channel; this program is started by namegated");
		free(warden);
		return EXIT_FAILURE;
	}
	if (!warden)
		return EXIT_FAILURE;
	warden->main_fd = WALL_FD;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
		say("no random number can be had: %s", strerror(errno));
		free(warden);
		return EXIT_FAILURE;
	}
	mirror_init(&warden->mirror, seed);
	warden->cuts.spare = flow_justified;
	warden->cuts.who = warden;
	warden->kernel.netlink.fd = warden->reader.fd = -1;
	warden->conntrack.list.fd = warden->conntrack.remove.fd = -1;
	warden->fence.ask.fd = warden->fence.news.fd = -1;
	warden->fence.programs[FENCE_IN] = warden->fence.programs[FENCE_OUT] = -1;
	warden->watch.netlink.fd = warden->nflog.netlink.fd = warden->flows.netlink.fd = -1;
	prctl(PR_SET_NAME, "namegate-warden"); /* it was started by a descriptor */
	warden->ports.links.ask.fd = warden->ports.links.news.fd = -1;
	signals = open_signals();
	code = signals < 0 ? NG_E_IO : open_all(warden, user, programs);
	if (code == NG_OK)
		code = loop(warden, signals);
	if (code == NG_E_CLOSED) {
		say("namegated is gone; leaving, the table stays");
		code = NG_OK;
	} else if (code != NG_OK) {
		say("leaving: %s; the table stays", ng_strerror(code));
	}
	close_all(warden);
	free(warden);
	return code == NG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"user", required_argument, NULL, 'u'},
						{"teardown", required_argument, NULL, 't'},
						{"teardown-sets", no_argument, NULL, 's'},
						{"program", no_argument, NULL, 'p'},
						{0}};
	const char *user = NULL, *table = NULL;
	bool sets = false, wrong = false;
	int option, programs[FENCE_SIDES] = {-1, -1};

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'u')
			user = optarg;
		else if (option == 't')
			table = optarg;
		else if (option == 's')
			sets = true;
		else if (option == 'p')
			programs[FENCE_OUT] = (programs[FENCE_IN] = WALL_FD + 1) + 1;
		else
			wrong = true;
	}
	if (wrong || sets == (optind == argc) || !!user + !!table + sets != 1) {
		fprintf(stderr,
			"usage: namegate-warden --user NAME [--program]   (started by "
			"namegated)\n"
			"       namegate-warden --teardown TABLE\n"
			"       namegate-warden --teardown-sets 'FAMILY TABLE SET'...\n");
		return 2;
	}
	if (sets)
		return teardown_sets(argv + optind);
	return table ? teardown_table(table) : serve(user, programs);
}
