/*
 * Orders to the warden, and what it says.
 *
 * All orders of one loop turn leave in as few packets as they fit in, in the order in which the
 * engine gave them. Their intents are on disk first (lease_store_commit() is called before
 * orders_flush()), so there is no open element that nobody can explain.
 *
 * A LEASE that cannot be sent is refused and its question fails. A REVOKE must not get lost: it
 * waits for the channel, also for the next one, and those of the last seconds are said again to a
 * new warden, since the old one may have died with them unread. The engine orders all live leases
 * again after that, so what was meanwhile allowed anew ends up open.
 */
#include "daemon/worker_parts.h"

#include "edge/channel.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEASES_MAX   (UINT64_C(1) << 20) /* a new warden is told of all at once */
#define REVOKES_MAX  (UINT64_C(1) << 20)
#define ROOM_FIRST   256u
#define ROOM_KEPT    4096u
#define SAY_AGAIN_US 10000000u
#define ROUNDS       64 /* packets taken from the warden before others get their turn */
#define UNSAID_MANY  256
#define GIVE_WAY_MS  1

/* ---- the ring ---- */

void orders_finish(struct orders *orders)
{
	if (!orders)
		return;
	free(orders->ring);
	*orders = (struct orders){0};
}

/* It is empty, and was that large for all leases at once. */
static void ring_drop(struct orders *orders)
{
	free(orders->ring);
	orders->ring = NULL;
	orders->room = orders->first = 0;
}

static struct order *order_at(const struct orders *orders, size_t i)
{
	return &orders->ring[(orders->first + i) % orders->room];
}

static int grow(struct orders *orders)
{
	size_t room = orders->room ? 2 * orders->room : ROOM_FIRST;
	struct order *ring = calloc(room, sizeof(*ring));

	if (!ring)
		return NG_E_NOMEM;
	for (size_t i = 0; i < orders->n; i++)
		ring[i] = *order_at(orders, i);
	free(orders->ring);
	orders->ring = ring;
	orders->room = room;
	orders->first = 0;
	return NG_OK;
}

static bool opens(const struct order *order)
{
	return order->kind == WALL_LEASE;
}

static int push(struct orders *orders, const struct order *order)
{
	int code = NG_OK;

	if (opens(order) ? orders->leases >= LEASES_MAX : orders->n >= REVOKES_MAX)
		return NG_E_FULL;
	if (orders->n == orders->room)
		code = grow(orders);
	if (code)
		return code;
	*order_at(orders, orders->n++) = *order;
	orders->leases += opens(order);
	return NG_OK;
}

static void shift(struct orders *orders, size_t n)
{
	for (size_t i = 0; i < n; i++)
		orders->leases -= opens(order_at(orders, i));
	orders->first = (orders->first + n) % orders->room;
	orders->n -= n;
}

/* The engine has given up the leases in flight; what was to be closed still is. */
static void drop_leases(struct orders *orders)
{
	size_t n = orders->n;

	for (size_t i = 0; i < n; i++) {
		struct order order = *order_at(orders, 0);
		shift(orders, 1);
		if (!opens(&order))
			(void)!push(orders, &order);
	}
}

int orders_add(struct worker *worker, const struct ng_lease_order *order, enum wall_kind kind)
{
	struct order wanted = {
		.kind = kind,
		.lease =
			{
				.number = order->number,
				.sandbox = order->sandbox,
				.client = order->client,
				.addr = order->addr,
				.proto = order->port.proto,
				.port = order->port.port,
				.until_us = kind == WALL_LEASE ? order->until_us : 0,
			},
	};

	if (opens(&wanted) && !worker->warden)
		return NG_E_CLOSED;
	return push(&worker->orders, &wanted);
}

void orders_claim(struct worker *worker)
{
	worker->orders.claim = true;
}

/* ---- out ---- */

static void note_sent(struct worker *worker, const struct order *order)
{
	struct orders *orders = &worker->orders;
	size_t at = orders->n_sent++ % SENT_REVOKES;

	orders->sent[at].order = *order;
	orders->sent[at].at_us = worker_clock_us(worker);
}

/* As many of one kind as stand first in the ring and fit in a packet. */
static size_t compose(struct worker *worker)
{
	struct orders *orders = &worker->orders;
	enum wall_kind kind = order_at(orders, 0)->kind;
	size_t most = wall_count_max(kind), n = 0;

	while (n < most && n < orders->n && order_at(orders, n)->kind == kind) {
		worker->out.lease[n] = order_at(orders, n)->lease;
		n++;
	}
	worker->out.head = (struct wall_head){.kind = (uint16_t)kind, .count = (uint16_t)n};
	return n;
}

static void on_warden(uv_poll_t *poll, int status, int events);

/* Reports are about sandboxes, so nothing is read before we know any. */
static void watch_start(struct warden *warden)
{
	uv_poll_start(&warden->poll,
		      (warden->worker->committed ? UV_READABLE : 0) |
			      (warden->writable ? UV_WRITABLE : 0),
		      on_warden);
}

static void watch(struct warden *warden, bool writable)
{
	if (warden->writable == writable)
		return;
	warden->writable = writable;
	watch_start(warden);
}

void warden_listen(struct worker *worker)
{
	if (worker->warden)
		watch_start(worker->warden);
}

/* Sends what was composed. False when it has to wait, or there is no warden any more. */
static bool send_out(struct worker *worker)
{
	int code = channel_send(worker->warden->fd, &worker->out, -1);

	if (code == NG_E_FULL)
		watch(worker->warden, true);
	else if (code)
		warden_close(worker);
	return code == NG_OK;
}

static void send_claim(struct worker *worker)
{
	worker->out.head = (struct wall_head){.kind = WALL_CLAIMED, .count = 1};
	worker->out.done = (struct wall_done){0};
	if (send_out(worker))
		worker->orders.claim = false;
}

void orders_flush(struct worker *worker)
{
	struct orders *orders = &worker->orders;

	while (orders->n && worker->warden) {
		size_t n = compose(worker);

		if (!send_out(worker))
			return;
		if (opens(order_at(orders, 0)))
			worker->warden->unsaid += n;
		else
			for (size_t i = 0; i < n; i++)
				note_sent(worker, order_at(orders, i));
		shift(orders, n);
	}
	if (!orders->n && orders->room > ROOM_KEPT)
		ring_drop(orders);
	if (orders->claim && worker->warden)
		send_claim(worker);
}

void orders_give_way(struct worker *worker)
{
	struct warden *warden = worker->warden;
	struct pollfd wait = {.events = POLLIN};

	if (!warden || warden->unsaid < UNSAID_MANY || warden->slow)
		return;
	wait.fd = warden->fd;
	warden->slow = poll(&wait, 1, GIVE_WAY_MS) == 0;
}

/* ---- in ---- */

/* A refused intent stays: whether the kernel has it is not known for sure. */
static void note_refused(struct worker *worker, uint64_t number)
{
	struct ng_lease_order order;
	struct ng_name name;

	if (ng_gate_order(worker->gate, number, &name, &order))
		lease_store_refused(worker->store, &(struct lease_row){
							   .sandbox = order.sandbox,
							   .client = order.client,
							   .addr = order.addr,
							   .port = order.port,
							   .name = order.name,
							   .way = order.way,
						   });
}

static void take_leased(struct worker *worker, const struct wall_leased *leased)
{
	if (leased->code != NG_OK)
		note_refused(worker, leased->number);
	ng_gate_lease_result(worker->gate, worker_clock_us(worker), leased->number,
			     leased->code);
	busy_news(worker);
	worker_drain(worker);
}

static void take_blocked(struct worker *worker, const struct wall_blocked *blocked)
{
	static const enum ng_why tricks[WALL_TRICKS] = {
		[WALL_TRICK_SOURCE] = NG_WHY_SOURCE,
		[WALL_TRICK_OPTIONS] = NG_WHY_OPTIONS,
		[WALL_TRICK_EXTENSION] = NG_WHY_EXTENSION,
		[WALL_TRICK_FRAGMENT] = NG_WHY_FRAGMENT,
		[WALL_TRICK_STRAY] = NG_WHY_STRAY,
		[WALL_TRICK_FRAME] = NG_WHY_FRAME,
		[WALL_TRICK_FLOOD] = NG_WHY_FLOOD,
	};
	struct ng_blocked seen = {
		.sandbox = blocked->sandbox,
		.trick = tricks[blocked->trick],
		.logged = blocked->logged,
		.from = blocked->from,
		.to = blocked->to,
		.proto = blocked->proto,
		.port = blocked->port,
		.observed = blocked->observed,
		.count = blocked->count,
	};

	ng_gate_blocked(worker->gate, worker_clock_us(worker), &seen);
	worker_drain(worker);
}

static void take_flow(struct worker *worker, const struct wall_flow *flow)
{
	struct ng_flow seen = {
		.sandbox = flow->sandbox,
		.client = flow->client,
		.addr = flow->addr,
		.port = {.proto = flow->proto, .port = flow->port},
	};

	ng_gate_flow(worker->gate, worker_clock_us(worker), &seen);
	worker_drain(worker);
}

static void take_table_back(struct worker *worker, const struct wall_rebuilt *rebuilt)
{
	ng_gate_table_back(worker->gate, worker_clock_us(worker), rebuilt->elements,
			   rebuilt->took_us);
	worker_drain(worker);
}

static void take_table_lost(struct worker *worker)
{
	ng_gate_table_lost(worker->gate, worker_clock_us(worker));
	worker_drain(worker);
}

static void take_one(struct worker *worker, const struct wall_packet *packet, uint16_t i)
{
	switch (packet->head.kind) {
	case WALL_LEASED:
		take_leased(worker, &packet->leased[i]);
		break;
	case WALL_FLOW:
		take_flow(worker, &packet->flow[i]);
		break;
	case WALL_FLOWS_LATE:
		ng_gate_flows_late(worker->gate, packet->late.count);
		break;
	case WALL_TABLE_LOST:
		take_table_lost(worker);
		break;
	case WALL_TABLE_BACK:
		take_table_back(worker, &packet->rebuilt);
		break;
	default:
		take_blocked(worker, &packet->blocked[i]);
	}
}

static int take_packet(struct worker *worker)
{
	struct wall_packet *packet = &worker->in;
	struct warden *warden = worker->warden;
	int fd, code = channel_receive(warden->fd, WALL_WARDEN_TO_WORKER, packet, &fd);

	if (code)
		return code;
	warden->slow = false;
	if (packet->head.kind == WALL_LEASED)
		warden->unsaid -= packet->head.count < warden->unsaid ? packet->head.count
								      : warden->unsaid;
	for (uint16_t i = 0; i < packet->head.count; i++)
		take_one(worker, packet, i);
	return NG_OK;
}

static void on_warden(uv_poll_t *poll, int status, int events)
{
	struct warden *warden = poll->data;
	struct worker *worker = warden->worker;
	int code = status < 0 ? NG_E_CLOSED : NG_OK;

	if (!code && events & UV_WRITABLE) {
		watch(warden, false);
		orders_flush(worker);
	}
	for (int i = 0; i < ROUNDS && !code && worker->warden == warden; i++)
		code = take_packet(worker);
	if (code && code != NG_E_NOTFOUND && worker->warden == warden)
		warden_close(worker);
}

/* ---- comings and goings ---- */

static void warden_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void warden_close(struct worker *worker)
{
	struct warden *warden = worker->warden;

	if (!warden)
		return;
	worker->warden = NULL;
	worker->orders.claim = false;
	uv_close((uv_handle_t *)&warden->poll, warden_closed);
	close(warden->fd);
	drop_leases(&worker->orders);
	ng_gate_warden_lost(worker->gate, worker_clock_us(worker));
	worker_drain(worker);
}

/* What was opened again since is not to be closed: the engine orders it anew. */
static bool stays_closed(const struct worker *worker, const struct wall_lease *lease)
{
	const struct ng_lease_order about = {
		.sandbox = lease->sandbox,
		.client = lease->client,
		.addr = lease->addr,
		.port = {.proto = lease->proto, .port = lease->port},
	};

	return !ng_gate_holds(worker->gate, &about);
}

static void revoke_again(struct worker *worker)
{
	struct orders *orders = &worker->orders;
	size_t n = orders->n_sent < SENT_REVOKES ? orders->n_sent : SENT_REVOKES;
	uint64_t now_us = worker_clock_us(worker);

	for (size_t i = 0; i < n; i++) {
		const struct order again = orders->sent[i].order; /* the ring may move */

		if (now_us < orders->sent[i].at_us + SAY_AGAIN_US &&
		    stays_closed(worker, &again.lease))
			(void)!push(orders, &again);
	}
}

void warden_connect(struct worker *worker, int fd)
{
	struct warden *warden = calloc(1, sizeof(*warden));

	warden_close(worker);
	if (!warden || uv_poll_init(&worker->loop, &warden->poll, fd)) {
		free(warden);
		close(fd); /* the warden sees the end, main gives both a new channel */
		return;
	}
	warden->worker = worker;
	warden->fd = fd;
	warden->poll.data = warden;
	worker->warden = warden;
	warden_listen(worker);
	revoke_again(worker);
	worker_ready(worker);
}
