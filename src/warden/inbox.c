/* What main asks of the warden: sandboxes come and go in batches, the rest at once. See inbox.h. */
#include "warden/inbox.h"

#include "edge/channel.h"

#include <poll.h>
#include <stdlib.h>

#define GATHER_SHARE  3 /* newcomers wait so many times what cutting for the last ones took */
#define GATHER_MAX_US 50000u
#define MAIN_WAIT_MS  5000

int inbox_open(struct inbox *inbox)
{
	/* One more: the last one may wait alone for its statics. */
	*inbox = (struct inbox){.changes = calloc(INBOX_MAX + 1, sizeof(struct change))};
	return inbox->changes ? NG_OK : NG_E_NOMEM;
}

void inbox_close(struct inbox *inbox)
{
	for (size_t i = 0; i < inbox->n; i++)
		statics_finish(&inbox->changes[i].statics);
	free(inbox->changes);
}

/* main reads its channel; when it does not for seconds, it is as good as gone. */
static int tell_main(struct warden *warden, struct wall_packet *packet)
{
	struct pollfd wait = {.fd = warden->main_fd, .events = POLLOUT};
	int sent;

	do
		sent = channel_send(warden->main_fd, packet, -1);
	while (sent == NG_E_FULL && poll(&wait, 1, MAIN_WAIT_MS) > 0);
	return sent;
}

int inbox_answer(struct warden *warden, enum wall_kind kind, uint32_t seq,
		 const struct wall_done *done)
{
	struct wall_packet *packet = &warden->workers.packet;

	packet->head = (struct wall_head){.kind = (uint16_t)kind, .count = 1, .seq = seq};
	packet->done = *done;
	return tell_main(warden, packet);
}

static int take_tallies(struct warden *warden, const struct wall_packet *packet)
{
	uint32_t seq = packet->head.seq;
	int code = reports_tell_numbers(warden, tell_main);

	return code == NG_OK
		       ? inbox_answer(warden, WALL_TALLIES_END, seq, &(struct wall_done){0})
		       : code;
}

/*
 * The flows of newcomers are cut by a walk through the whole connection tracking table, so many are
 * to share one. Who registers sandboxes one by one, each after the last was confirmed, waits for
 * nobody.
 */
static void gather(const struct warden *warden, struct inbox *inbox, size_t n)
{
	uint64_t cutting_us =
		warden->cutting_us * (n - 1 < GATHER_SHARE ? n - 1 : GATHER_SHARE);

	inbox->gather_us =
		warden_clock_us() + (cutting_us < GATHER_MAX_US ? cutting_us : GATHER_MAX_US);
}

int inbox_flush(struct warden *warden, struct inbox *inbox)
{
	size_t n = inbox->n - (inbox->missing > 0);
	int code = NG_OK;

	if (!n)
		return NG_OK;
	enrol(warden, inbox->changes, n);
	gather(warden, inbox, n);
	for (size_t i = 0; code == NG_OK && i < n; i++)
		code = inbox_answer(warden, WALL_DONE, inbox->changes[i].seq,
				    &(struct wall_done){.code = inbox->changes[i].code,
							.held = inbox->changes[i].held});
	inbox->changes[0] = inbox->changes[n]; /* the one that is not whole yet, if any */
	inbox->n -= n;
	inbox->urgent = inbox->n > 0;
	return code;
}

bool inbox_due(const struct warden *warden, const struct inbox *inbox)
{
	return inbox->urgent || warden->now_us >= inbox->gather_us;
}

/* Two changes of one sandbox are not committed together. */
static int flush_before(struct warden *warden, struct inbox *inbox, uint32_t id)
{
	for (size_t i = 0; i < inbox->n; i++)
		if (inbox->changes[i].wanted.id == id)
			return inbox_flush(warden, inbox);
	return NG_OK;
}

static int take_sandbox(struct warden *warden, struct inbox *inbox,
			const struct wall_packet *packet)
{
	const struct wall_sandbox *wanted = &packet->sandbox;
	int code = flush_before(warden, inbox, wanted->id);
	struct change *change = &inbox->changes[inbox->n];

	if (code != NG_OK)
		return code;
	*change = (struct change){.seq = packet->head.seq, .wanted = *wanted};
	if (wanted->n_statics) {
		change->statics.items = calloc(wanted->n_statics, sizeof(struct wall_static));
		if (!change->statics.items)
			return NG_E_NOMEM;
	}
	inbox->missing = wanted->n_statics;
	inbox->urgent |= sandboxes_find(&warden->sandboxes, wanted->id) != NULL;
	inbox->n++;
	return NG_OK;
}

static int take_removal(struct warden *warden, struct inbox *inbox,
			const struct wall_packet *packet)
{
	int code = flush_before(warden, inbox, packet->id.id);

	if (code != NG_OK)
		return code;
	inbox->changes[inbox->n] = (struct change){.seq = packet->head.seq, .remove = true};
	inbox->changes[inbox->n++].wanted.id = packet->id.id;
	inbox->urgent = true;
	return NG_OK;
}

/* NG_E_FORMAT: not what was announced. */
static int take_statics(struct inbox *inbox, const struct wall_packet *packet)
{
	struct change *change;

	if (packet->head.count > inbox->missing)
		return NG_E_FORMAT;
	change = &inbox->changes[inbox->n - 1];
	if (packet->head.seq != change->seq)
		return NG_E_FORMAT;
	for (size_t i = 0; i < packet->head.count; i++) {
		if (packet->statics[i].sandbox != change->wanted.id)
			return NG_E_FORMAT;
		change->statics.items[change->statics.n++] = packet->statics[i];
	}
	inbox->missing -= packet->head.count;
	return NG_OK;
}

static int take_table(struct warden *warden, const struct wall_packet *packet)
{
	struct wall_done done = {0};

	done.code = setup_table(warden, &packet->table, &done.system, &done.takes);
	return inbox_answer(warden, WALL_DONE, packet->head.seq, &done);
}

static int take_main(struct warden *warden, struct inbox *inbox,
		     const struct wall_packet *packet, int fd)
{
	int code = NG_OK;

	if (inbox->missing && packet->head.kind != WALL_STATIC)
		return NG_E_FORMAT;
	switch (packet->head.kind) {
	case WALL_SANDBOX_ADD:
		code = take_sandbox(warden, inbox, packet);
		break;
	case WALL_STATIC:
		code = take_statics(inbox, packet);
		break;
	case WALL_SANDBOX_REMOVE:
		code = take_removal(warden, inbox, packet);
		break;
	case WALL_TABLE:
		code = inbox_flush(warden, inbox);
		return code == NG_OK ? take_table(warden, packet) : code;
	case WALL_TALLIES:
		code = inbox_flush(warden, inbox);
		return code == NG_OK ? take_tallies(warden, packet) : code;
	case WALL_CHANNEL:
		if (workers_add(&warden->workers, packet->channel.worker, fd) != NG_OK)
			say("worker %u refused: there are %u already", packet->channel.worker,
			    WORKERS_MAX);
		leases_unclaim(warden, packet->channel.worker);
		break;
	}
	if (code == NG_OK && inbox->n == INBOX_MAX)
		code = inbox_flush(warden, inbox);
	return code;
}

int inbox_serve(struct warden *warden, struct inbox *inbox)
{
	int code = NG_OK, fd = -1;

	while (code == NG_OK) {
		code = channel_receive(warden->main_fd, WALL_MAIN_TO_WARDEN, &warden->packet,
				       &fd);
		if (code == NG_OK)
			code = take_main(warden, inbox, &warden->packet, fd);
	}
	if (code == NG_E_NOTFOUND)
		return NG_OK;
	(void)inbox_flush(warden, inbox);
	return code;
}

int inbox_wait_ms(const struct warden *warden, const struct inbox *inbox)
{
	if (inbox->n == (inbox->missing > 0))
		return -1;
	return inbox_due(warden, inbox) ? 0
					: (int)((inbox->gather_us - warden->now_us) / 1000) + 1;
}
