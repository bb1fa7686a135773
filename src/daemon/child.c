/*
 * Supervision of one process.
 *
 * Each life is an allocation of its own: libuv gives its handles back late, and the next life may
 * have begun by then. The first restart comes at once, since a death must not be felt; when a
 * process keeps dying the wait doubles up to a second, which bounds the work without making an
 * outage longer than it is. A process that says what the wall does not allow is taken as hostile
 * and killed: it starts again with nothing that it had.
 */
#include "config.h"
#include "daemon/child.h"
#include "daemon/log.h"
#include "edge/channel.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DELAY_FIRST_MS 50
#define DELAY_MOST_MS  1000
#define STEADY_MS      10000  /* who lived this long starts again at once */
#define ANSWER_MS      30000  /* no answer within this: it hangs */
#define ROWS_MS        300000 /* nor is an answer longer than that, however many rows it has */
#define BATCH_MOST     256    /* packets taken before the loop sees to others */

struct packet_entry {
	struct packet_entry *next;
	int fd;
	size_t len;
	max_align_t packet[];
};

struct life {
	uv_process_t process;
	uv_poll_t poll;
	struct child *child; /* NULL: the child has left it behind */
	int channel;
	unsigned handles;
	bool exited;
};

uint64_t child_delay(uint64_t before_ms, uint64_t lived_ms, bool first)
{
	if (first || lived_ms >= STEADY_MS)
		return 0;
	uint64_t delay = before_ms ? before_ms * 2 : DELAY_FIRST_MS;
	return delay < DELAY_MOST_MS ? delay : DELAY_MOST_MS;
}

void packet_clear(struct wall_packet *packet, enum wall_kind kind)
{
	memset(packet, 0, wall_packet_size(kind, 1));
	packet->head.kind = (uint16_t)kind;
	packet->head.count = 1;
}

pid_t child_pid(const struct child *child)
{
	return child->life ? child->life->process.pid : 0;
}

/* ---- what waits ---- */

static void drop_waiters(struct child *child)
{
	struct waiter *waiter, *next;
	HASH_ITER (hh, child->waiters, waiter, next) {
		HASH_DELETE(hh, child->waiters, waiter);
		free(waiter);
	}
}

static void entry_free(struct packet_entry *entry)
{
	if (entry->fd >= 0)
		close(entry->fd);
	free(entry);
}

static void drop_queue(struct child *child)
{
	while (child->first) {
		struct packet_entry *next = child->first->next;
		entry_free(child->first);
		child->first = next;
	}
	child->last = NULL;
}

/* ---- the end of a life ---- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct life *life = handle->data;
	if (--life->handles > 0)
		return;
	close(life->channel);
	free(life);
}

static void on_again(uv_timer_t *timer)
{
	child_start(timer->data);
}

static void start_later(struct child *child, uint64_t lived_ms)
{
	child->delay_ms = child_delay(child->delay_ms, lived_ms, child->starts <= 1);
	if (!child->stopping)
		uv_timer_start(&child->again, on_again, child->delay_ms, 0);
}

static void life_end(struct life *life)
{
	struct child *child = life->child;
	life->child = NULL;
	uv_close((uv_handle_t *)&life->process, on_handle_closed);
	uv_close((uv_handle_t *)&life->poll, on_handle_closed);
	child->life = NULL;
	child->up = false;
	drop_waiters(child);
	drop_queue(child);
	child->calls->down(child);
	start_later(child, uv_now(child->loop) - child->started_ms);
}

static void on_ended(uv_process_t *process, int64_t status, int signal)
{
	struct life *life = process->data;
	struct child *child = life->child;
	life->exited = true;
	if (!child->stopping && signal)
		log_say(LOG_AS_ERROR,
			"the %s was ended by signal %d (%s); it is started again, and rules "
			"and "
			"open addresses stand meanwhile",
			child->name, signal, strsignal(signal));
	else if (!child->stopping)
		log_say(LOG_AS_ERROR,
			"the %s ended with status %d; its own lines above say why, and it is "
			"started again",
			child->name, (int)status);
	life_end(life);
}

void child_kill(struct child *child, const char *why)
{
	if (!child->life || child->life->exited)
		return;
	log_say(LOG_AS_ERROR, "the %s %s; it is ended and started again", child->name, why);
	uv_process_kill(&child->life->process, SIGKILL);
	uv_poll_stop(&child->life->poll);
	drop_queue(child);
}

void child_stop(struct child *child)
{
	child->stopping = true;
	uv_timer_stop(&child->again);
	if (child->life)
		uv_process_kill(&child->life->process, SIGTERM);
}

void child_check(struct child *child)
{
	if (child->up && child->waiters && uv_now(child->loop) - child->quiet_ms > ANSWER_MS)
		child_kill(child, "owes an answer for 30 seconds");
	else if (child->up && child->waiters && /* the oldest comes first */
		 uv_now(child->loop) - child->waiters->since_ms > ROWS_MS)
		child_kill(child, "has not come to the end of an answer for five minutes");
	else if (child->life && !child->up &&
		 uv_now(child->loop) - child->started_ms > ANSWER_MS)
		child_kill(child, "did not become ready within 30 seconds");
}

/* ---- receiving ---- */

/* One of many that answer together; the end of the rows is what a waiter waits for. */
static bool is_row(const struct wall_packet *packet)
{
	return packet->head.kind == WALL_LEASE_ROW || packet->head.kind == WALL_WAITING_ROW ||
	       packet->head.kind == WALL_TALLY_ROW || packet->head.kind == WALL_TARGET_ROW ||
	       packet->head.kind == WALL_LIMIT_ROW || packet->head.kind == WALL_UPSTREAM_ROW;
}

static struct waiter *take_waiter(struct child *child, const struct wall_packet *packet)
{
	struct waiter *waiter = NULL;
	uint32_t seq = packet->head.seq;
	if (is_row(packet))
		return NULL;
	HASH_FIND(hh, child->waiters, &seq, sizeof seq, waiter);
	if (waiter)
		HASH_DELETE(hh, child->waiters, waiter);
	return waiter;
}

/* Only the right kind of packet answers what a waiter stands for. */
static bool answers(enum wall_kind kind, enum child_wait what)
{
	switch (what) {
	case CHILD_WAIT_STATUS:
		return kind == WALL_COUNTERS;
	case CHILD_WAIT_LEASES:
		return kind == WALL_LEASES_END;
	case CHILD_WAIT_WAITINGS:
		return kind == WALL_WAITINGS_END;
	case CHILD_WAIT_TALLIES:
		return kind == WALL_TALLIES_END;
	case CHILD_WAIT_TARGETS:
		return kind == WALL_TARGETS_END;
	case CHILD_WAIT_UPSTREAMS:
		return kind == WALL_UPSTREAMS_END;
	case CHILD_WAIT_LIMITS:
		return kind == WALL_LIMITS_END;
	case CHILD_WAIT_FLUSH:
		return kind == WALL_FLUSHED;
	default:
		return kind == WALL_DONE;
	}
}

static void take_packet(struct child *child, const struct wall_packet *packet)
{
	child->quiet_ms = uv_now(child->loop);
	if (packet->head.kind == WALL_READY) {
		bool first = !child->up;
		child->up = true;
		if (first)
			child->calls->up(child);
		else
			child_kill(child, "said twice that it is ready");
		return;
	}
	struct waiter *waiter = take_waiter(child, packet);
	if (!child->up ||
	    (!is_row(packet) && (!waiter || !answers(packet->head.kind, waiter->what))))
		child_kill(child, "answered what nobody asked");
	else
		child->calls->packet(child, packet, waiter);
	free(waiter);
}

static void receive(struct life *life)
{
	static struct wall_packet packet; /* one loop, one thread: too large for the stack */
	for (int i = 0; i < BATCH_MOST && life->child && !life->exited; i++) {
		int fd = -1;
		int code = channel_receive(life->channel, life->child->from, &packet, &fd);
		if (fd >= 0)
			close(fd); /* no kind that comes our way carries one */
		if (code == NG_E_NOTFOUND)
			return;
		if (code == NG_E_CLOSED) { /* its exit follows */
			uv_poll_stop(&life->poll);
			uv_process_kill(&life->process, SIGKILL);
			return;
		}
		if (code) {
			child_kill(life->child, "broke the rules of the wall");
			return;
		}
		take_packet(life->child, &packet);
	}
}

/* ---- sending ---- */

static void on_event(uv_poll_t *poll, int status, int events);

static void listen_on(struct life *life, bool full)
{
	uv_poll_start(&life->poll, UV_READABLE | (full ? UV_WRITABLE : 0), on_event);
}

static void flush_queue(struct life *life)
{
	struct child *child = life->child;
	while (child->first) {
		struct packet_entry *entry = child->first;
		int code = channel_send(life->channel,
					(const struct wall_packet *)entry->packet, entry->fd);
		if (code == NG_E_FULL)
			return;
		child->first = entry->next;
		if (!child->first)
			child->last = NULL;
		entry_free(entry);
		if (code == NG_E_IO)
			child_kill(child, "cannot be written to");
	}
	listen_on(life, false);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct life *life = poll->data;
	if (status < 0 || (events & UV_READABLE))
		receive(life);
	if (life->child && !life->exited && (events & UV_WRITABLE))
		flush_queue(life);
}

static void enqueue(struct child *child, const struct wall_packet *packet, int fd)
{
	size_t len = wall_packet_size(packet->head.kind, packet->head.count);
	struct packet_entry *entry = malloc(sizeof *entry + len);
	if (!entry) {
		if (fd >= 0)
			close(fd);
		child_kill(child, "cannot be told all it needs, memory is out");
		return;
	}
	*entry = (struct packet_entry){.fd = fd, .len = len};
	memcpy(entry->packet, packet, len);
	if (child->last)
		child->last->next = entry;
	else
		child->first = entry;
	child->last = entry;
	listen_on(child->life, true);
}

static bool leave_waiter(struct child *child, struct waiter what)
{
	if (what.what == CHILD_NO_WAIT)
		return true;
	struct waiter *waiter = malloc(sizeof *waiter);
	if (!waiter)
		return false;
	if (!child->waiters)
		child->quiet_ms = uv_now(child->loop);
	*waiter = what;
	waiter->seq = child->seq;
	waiter->since_ms = uv_now(child->loop);
	HASH_ADD(hh, child->waiters, seq, sizeof waiter->seq, waiter);
	return true;
}

static void send_numbered(struct child *child, struct wall_packet *packet, int fd,
			  struct waiter what)
{
	int code = NG_E_CLOSED;
	packet->head.seq = child->seq;
	if (child->life && !child->life->exited) {
		if (!leave_waiter(child, what)) {
			child_kill(child, "cannot be asked, memory is out");
		} else if (child->first) {
			enqueue(child, packet, fd);
			return;
		} else {
			code = channel_send(child->life->channel, packet, fd);
		}
	}
	if (code == NG_E_FULL) {
		enqueue(child, packet, fd);
		return;
	}
	if (code == NG_E_IO)
		child_kill(child, "cannot be written to");
	if (fd >= 0)
		close(fd);
}

void child_send(struct child *child, struct wall_packet *packet, int fd, struct waiter what)
{
	child->seq++;
	send_numbered(child, packet, fd, what);
}

void child_send_more(struct child *child, struct wall_packet *packet)
{
	send_numbered(child, packet, -1, (struct waiter){0});
}

/* ---- the start of a life ---- */

/* Our end stays here, the other end and the extra descriptors become 3, 4 and 5 of the child. */
static int spawn(struct child *child, struct life *life, int theirs)
{
	uv_stdio_container_t stdio[WALL_FD + 3] = {
		[0] = {.flags = UV_IGNORE},
		[1] = {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		[2] = {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		[WALL_FD] = {.flags = UV_INHERIT_FD, .data.fd = theirs},
		[WALL_FD + 1] = {.flags = UV_INHERIT_FD, .data.fd = child->extra_fds[0]},
		[WALL_FD + 2] = {.flags = UV_INHERIT_FD, .data.fd = child->extra_fds[1]},
	};
	uv_process_options_t options = {
		.exit_cb = on_ended,
		.file = child->path,
		.args = (char **)(uintptr_t)child->args,
		.stdio = stdio,
		.stdio_count =
			WALL_FD + 1 + (child->extra_fds[0] >= 0) + (child->extra_fds[1] >= 0),
	};
	return uv_spawn(child->loop, &life->process, &options);
}

static void start_failed(struct child *child, struct life *life, int ends[2], int error)
{
	log_say(LOG_AS_ERROR, "cannot start the %s (%s): %s", child->name, child->path,
		uv_strerror(error));
	close(ends[1]);
	life->channel = ends[0];
	life->handles = 1;
	uv_close((uv_handle_t *)&life->process, on_handle_closed);
	start_later(child, 0);
}

void child_start(struct child *child)
{
	int ends[2];
	if (!child->starts) {
		uv_timer_init(child->loop, &child->again);
		child->again.data = child;
	}
	child->starts++;
	child->started_ms = uv_now(child->loop);
	struct life *life = calloc(1, sizeof *life);
	if (!life || channel_pair(ends)) {
		log_say(LOG_AS_ERROR, "cannot start the %s: no memory or descriptors left",
			child->name);
		free(life);
		start_later(child, 0);
		return;
	}
	life->process.data = life;
	int error = spawn(child, life, ends[1]);
	if (error) {
		start_failed(child, life, ends, error);
		return;
	}
	close(ends[1]);
	life->channel = ends[0];
	life->child = child;
	life->handles = 2;
	life->poll.data = life;
	uv_poll_init(child->loop, &life->poll, life->channel);
	child->life = life;
	listen_on(life, false);
}

void child_finish(struct child *child)
{
	if (!child)
		return;
	drop_waiters(child);
	drop_queue(child);
	if (child->starts && !uv_is_closing((uv_handle_t *)&child->again))
		uv_close((uv_handle_t *)&child->again, NULL);
}
