/*
 * What main is told: answers to what it asked, in the order in which it asked.
 *
 * A channel takes only so much at a time, and a listing of leases may be a hundred times that, and
 * one of waiting names or blocked places several times. So
 * what is owed stands in a ring, and a listing keeps its cursor: it goes on when the channel can
 * be written to again, and the loop never waits for main.
 */
#include "daemon/worker_parts.h"

#include "edge/channel.h"
#include <stdio.h>
#include <string.h>

bool report_owe(struct worker *worker, enum wall_kind kind, uint32_t seq, int code)
{
	struct report *report = &worker->report;

	if (report->n == OWED_MAX)
		return false;
	report->ring[(report->first + report->n++) % OWED_MAX] =
		(struct owed){.kind = kind, .seq = seq, .code = code};
	return true;
}

static int send_out(struct worker *worker, enum wall_kind kind, uint32_t seq)
{
	worker->out.head = (struct wall_head){.kind = (uint16_t)kind, .count = 1, .seq = seq};
	return channel_send(WALL_FD, &worker->out, -1);
}

/* The engine's counters, then the edges', in the order of this table. */
static void fill_counters(struct worker *worker, struct wall_counters *out)
{
	struct ng_counters gate;
	struct udp_counters udp = udp_counters(worker->udp);
	struct stream_counters tcp = stream_counters(worker->streams);
	struct upstream_counters up = upstream_counters(worker->upstream);
	struct record_counters records = record_counters(worker->records);
	const uint64_t edges[] = {
		udp.received, udp.sent,     udp.crowded,  udp.oversize,    udp.portless,
		udp.unsent,   tcp.clients,  tcp.received, tcp.refused,     tcp.gave_way,
		tcp.late,     up.tries,     up.strange,   up.over_tcp,     up.timeouts,
		up.crowded,   up.case_lost, up.asking,    records.written, records.suppressed,
	};

	_Static_assert(sizeof(gate) + sizeof(edges) <= sizeof(out->values),
		       "more counters than the wall carries");
	ng_gate_counters(worker->gate, &gate);
	memset(out, 0, sizeof(*out));
	memcpy(out->values, &gate, sizeof(gate));
	memcpy(out->values + sizeof(gate) / sizeof(uint64_t), edges, sizeof(edges));
}

static void fill_row(const struct ng_lease_view *lease, struct wall_lease_row *out)
{
	memset(out, 0, sizeof(*out));
	out->sandbox = lease->sandbox;
	out->client = lease->client;
	out->addr = lease->addr;
	out->proto = lease->port.proto;
	out->port = lease->port.port;
	out->confirmed = lease->confirmed;
	out->until_us = lease->until_us;
	out->kept_us = lease->kept_us;
	out->name_len = lease->name.len;
	memcpy(out->name, lease->name.wire, lease->name.len);
}

static int send_leases(struct worker *worker, uint32_t seq)
{
	struct report *report = &worker->report;
	uint64_t next = report->cursor;
	struct ng_lease_view lease;

	while (ng_gate_lease_at(worker->gate, &next, &lease)) {
		int code;

		fill_row(&lease, &worker->out.row);
		code = send_out(worker, WALL_LEASE_ROW, seq);
		if (code)
			return code;
		report->cursor = next;
	}
	worker->out.done = (struct wall_done){0};
	return send_out(worker, WALL_LEASES_END, seq);
}

/* A file's name may hold any octet, a record at the wall no control characters. */
static void fill_path(const char *path, char out[static NG_PATH_MAX])
{
	snprintf(out, NG_PATH_MAX, "%s", path ? path : "");
	for (; *out; out++)
		if ((uint8_t)*out < 0x20 || *out == 0x7f)
			*out = '?';
}

static void fill_waiting(const struct ng_waiting *waiting, struct wall_waiting_row *out)
{
	memset(out, 0, sizeof(*out));
	out->id = waiting->id;
	out->sandbox = waiting->sandbox;
	out->name_len = waiting->name->len;
	memcpy(out->name, waiting->name->wire, waiting->name->len);
	fill_path(waiting->path, out->path);
	out->line = waiting->line;
	out->first_us = waiting->first_us;
	out->last_us = waiting->last_us;
	out->count = waiting->count;
}

static int send_waitings(struct worker *worker, uint32_t seq)
{
	struct report *report = &worker->report;
	uint64_t next = report->cursor;
	struct ng_waiting waiting;

	while (ng_gate_waiting_at(worker->gate, &next, &waiting)) {
		int code;

		fill_waiting(&waiting, &worker->out.waiting);
		code = send_out(worker, WALL_WAITING_ROW, seq);
		if (code)
			return code;
		report->cursor = next;
	}
	worker->out.done = (struct wall_done){0};
	return send_out(worker, WALL_WAITINGS_END, seq);
}

static int send_targets(struct worker *worker, uint32_t seq)
{
	struct report *report = &worker->report;
	uint64_t next = report->cursor;

	while (targets_at(&worker->targets, &next, &worker->out.target)) {
		int code = send_out(worker, WALL_TARGET_ROW, seq);

		if (code)
			return code;
		report->cursor = next;
	}
	worker->out.done = (struct wall_done){0};
	return send_out(worker, WALL_TARGETS_END, seq);
}

static int send_limits(struct worker *worker, uint32_t seq)
{
	struct report *report = &worker->report;
	struct wall_limit_row *row = &worker->out.limits;
	uint64_t next = report->cursor;

	_Static_assert(NG_LIMITS <= sizeof(row->values) / sizeof(*row->values),
		       "more limits than the wall carries");
	*row = (struct wall_limit_row){0};
	while (ng_gate_limits_at(worker->gate, &next, &row->sandbox, row->values)) {
		int code = send_out(worker, WALL_LIMIT_ROW, seq);

		if (code)
			return code;
		report->cursor = next;
	}
	worker->out.done = (struct wall_done){0};
	return send_out(worker, WALL_LIMITS_END, seq);
}

static void fill_upstream(const struct upstream_view *view, struct wall_upstream *out)
{
	memset(out, 0, sizeof(*out));
	out->addr = view->at.addr;
	out->transport = (uint8_t)view->at.transport;
	out->state = (uint8_t)view->state;
	out->port = view->at.port;
	out->aside_ms = view->aside_ms;
	out->srtt_us = view->srtt_us;
	out->tcp_us = view->tcp_us;
	out->sandbox = view->sandbox;
	out->group = view->group;
	out->zone_len = view->zone->len;
	memcpy(out->zone, view->zone->wire, view->zone->len);
	_Static_assert(UPSTREAM_COUNTS <= sizeof(out->counts) / sizeof(*out->counts),
		       "more counters than the wall carries");
	memcpy(out->counts, view->counts, UPSTREAM_COUNTS * sizeof(*out->counts));
}

static int send_upstreams(struct worker *worker, uint32_t seq)
{
	struct report *report = &worker->report;
	uint64_t next = report->cursor;
	struct upstream_view view;

	while (upstream_at(worker->upstream, &next, &view)) {
		int code;

		fill_upstream(&view, &worker->out.upstream);
		code = send_out(worker, WALL_UPSTREAM_ROW, seq);
		if (code)
			return code;
		report->cursor = next;
	}
	worker->out.done = (struct wall_done){0};
	return send_out(worker, WALL_UPSTREAMS_END, seq);
}

static int send_owed(struct worker *worker, const struct owed *owed)
{
	if (owed->kind == WALL_LEASES_END)
		return send_leases(worker, owed->seq);
	if (owed->kind == WALL_WAITINGS_END)
		return send_waitings(worker, owed->seq);
	if (owed->kind == WALL_TARGETS_END)
		return send_targets(worker, owed->seq);
	if (owed->kind == WALL_UPSTREAMS_END)
		return send_upstreams(worker, owed->seq);
	if (owed->kind == WALL_LIMITS_END)
		return send_limits(worker, owed->seq);
	if (owed->kind == WALL_COUNTERS)
		fill_counters(worker, &worker->out.counters);
	else if (owed->kind == WALL_FLUSHED)
		worker->out.flushed.entries = (uint64_t)owed->code;
	else
		worker->out.done = (struct wall_done){.code = owed->code};
	return send_out(worker, owed->kind, owed->seq);
}

bool report_flush(struct worker *worker)
{
	struct report *report = &worker->report;

	while (report->n) {
		int code = send_owed(worker, &report->ring[report->first]);
		if (code == NG_E_FULL)
			return true;
		if (code)
			return false;
		report->cursor = 0;
		report->first = (report->first + 1) % OWED_MAX;
		report->n--;
	}
	return true;
}
