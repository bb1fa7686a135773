/*
 * What happens in a scene at a time: questions and answers, confirmations and refusals, the warden's
 * comings and goings, packets that the kernel refused. Between two lines the engine is woken at
 * every deadline that it names, as the daemon would.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdlib.h>
#include <string.h>

#define TICKS_MAX 100000u

void input_advance(struct scene *scene, uint64_t to_us)
{
	const struct line *line = &scene->lines[scene->next - 1];
	uint64_t due_us, before_us = UINT64_MAX;

	for (size_t ticks = 0; ticks < TICKS_MAX && !scene->stopped; ticks++) {
		due_us = ng_gate_deadline(scene->gate);
		if (due_us > to_us)
			break;
		if (due_us == before_us) {
			scene_stop(scene, SCENE_FAILED, line, 1,
				   "the engine was woken at its deadline and names it again");
			return;
		}
		before_us = due_us;
		if (due_us > scene->now_us)
			scene->now_us = due_us;
		ng_gate_tick(scene->gate, scene->now_us);
		seen_drain(scene, line);
	}
	scene->now_us = to_us;
}

/* ---- questions and answers ---- */

static void query(struct scene *scene, struct reader *reader)
{
	struct asker *asker = asker_make(scene, reader);
	struct ng_client client;
	const char *port = NULL;

	if (asker && asker->box && asker->box->spec.interface[0])
		port = asker->box->spec.interface;
	if (word_accept(reader, "port"))
		port = need_word(reader, "an interface");
	words_done(reader);
	if (!asker || scene->stopped) {
		asker_free(asker);
		return;
	}
	DL_APPEND(scene->askers, asker);
	client = (struct ng_client){.handle = asker->handle,
				    .addr = asker->addr,
				    .interface = port,
				    .port = asker->port,
				    .tcp = asker->tcp};
	ng_gate_query(scene->gate, scene->now_us, &client, asker->wire, asker->len);
}

static bool ask_meant(const struct pending_ask *pending, const struct ng_route *route,
		      const struct ng_name *name, uint16_t type)
{
	return (!route || pending->ask.route == route->id) &&
	       (!name->len || ng_name_equal(&pending->ask.question.name, name)) &&
	       (!type || pending->ask.question.type == type);
}

/* The open ask that "from ROUTE", "to NAME" and "type TYPE" single out; taken off the list. */
static struct pending_ask *need_ask(struct scene *scene, struct reader *reader)
{
	const struct ng_route *route = NULL;
	struct pending_ask *pending, *meant = NULL;
	struct ng_name name = {0};
	uint16_t type = 0;
	size_t n = 0;

	for (;;) {
		if (word_accept(reader, "from"))
			route = need_route(reader);
		else if (word_accept(reader, "to"))
			name = need_name(reader);
		else if (word_accept(reader, "type"))
			type = need_type(reader);
		else
			break;
	}
	DL_FOREACH (scene->asks, pending) {
		if (!ask_meant(pending, route, &name, type))
			continue;
		meant = meant ? meant : pending;
		n++;
	}
	if (n != 1) {
		word_bad(reader, n ? "several questions are open: say `from ROUTE`, `to NAME` "
				     "or `type TYPE`"
				   : "no such question is open to be answered");
		return NULL;
	}
	DL_DELETE(scene->asks, meant);
	return meant;
}

static void answer(struct scene *scene, struct reader *reader)
{
	static const struct ng_addr server = {NG_IPV4, {198, 51, 100, 53}};
	struct pending_ask *pending = need_ask(scene, reader);
	uint8_t *wire;
	size_t len;

	if (!pending)
		return;
	wire = answer_make(reader, &pending->ask, &len);
	fed_note(scene, &pending->ask, wire, len);
	if (!scene->stopped)
		ng_gate_answer(scene->gate, scene->now_us, pending->ask.id, &server, wire, len);
	free(wire);
	free(pending);
}

static void no_answer(struct scene *scene, struct reader *reader)
{
	static const struct {
		const char *name;
		enum ng_no_answer why;
	} whys[] = {
		{"timeout", NG_NO_TIME},  {"network", NG_NO_NETWORK}, {"mismatch", NG_NO_MATCH},
		{"server", NG_NO_SERVER}, {"trust", NG_NO_TRUST},     {"none", NG_NO_LISTED},
		{"mark", NG_NO_MARK},
	};
	enum ng_no_answer why = 0;
	struct pending_ask *pending;

	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]) && !why; i++) {
		if (word_accept(reader, whys[i].name))
			why = whys[i].why;
	}
	if (!why) {
		word_bad(reader, "no answer why: timeout, network, mismatch, server, trust, "
				 "none or mark");
		return;
	}
	pending = need_ask(scene, reader);
	words_done(reader);
	if (pending && !scene->stopped)
		ng_gate_no_answer(scene->gate, scene->now_us, pending->ask.id, why);
	free(pending);
}

/* ---- the kernel ---- */

static bool named(const struct ng_addr *addr, const struct ng_addr *addrs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ng_addr_equal(addr, &addrs[i]))
			return true;
	}
	return !n;
}

static size_t addrs_read(struct reader *reader, struct ng_addr *addrs)
{
	size_t n = 0, more;

	while (n < NG_ADDRS_MAX && (more = accept_addrs(reader, addrs + n, NG_ADDRS_MAX - n)))
		n += more;
	return n;
}

/* Confirms or refuses what is ordered: all of it, or the addresses that the line names. */
static void resolve(struct scene *scene, struct reader *reader, int code)
{
	struct ng_addr addrs[NG_ADDRS_MAX];
	const struct box *box = NULL;
	struct pending_order *order, *spare, *before = scene->orders;
	struct ng_port port;
	size_t n, resolved = 0;

	if (word_accept(reader, "for"))
		box = need_box(reader);
	n = addrs_read(reader, addrs);
	port = accept_port(reader);
	words_done(reader);
	scene->orders = NULL; /* what these set off waits for a line of its own */
	DL_FOREACH_SAFE (before, order, spare) {
		DL_DELETE(before, order);
		if (scene->stopped || !named(&order->addr, addrs, n) ||
		    (port.proto &&
		     (port.proto != order->port.proto || port.port != order->port.port)) ||
		    (box && box->spec.id != order->sandbox)) {
			DL_APPEND(scene->orders, order);
			continue;
		}
		if (!code)
			kernel_put(scene, order);
		ng_gate_lease_result(scene->gate, scene->now_us, order->number, code);
		seen_drain(scene, reader->line);
		free(order);
		resolved++;
	}
	if (!resolved)
		word_bad(reader, "nothing of the kind is ordered");
}

static void committed(struct scene *scene, struct reader *reader)
{
	resolve(scene, reader, NG_OK);
}

static void refused(struct scene *scene, struct reader *reader)
{
	resolve(scene, reader, word_accept(reader, "full") ? NG_E_FULL : NG_E_KERNEL);
}

static void warden(struct scene *scene, struct reader *reader)
{
	struct pending_order *order, *spare;

	if (word_accept(reader, "back")) {
		ng_gate_warden_back(scene->gate, scene->now_us);
	} else if (word_accept(reader, "lost")) {
		DL_FOREACH_SAFE (scene->orders, order, spare) {
			DL_DELETE(scene->orders, order);
			free(order);
		}
		ng_gate_warden_lost(scene->gate, scene->now_us);
	} else {
		word_bad(reader, "the warden is `lost` or `back`");
	}
	words_done(reader);
}

static void table(struct scene *scene, struct reader *reader)
{
	if (word_accept(reader, "back"))
		ng_gate_table_back(scene->gate, scene->now_us, 0, 0);
	else if (word_accept(reader, "lost"))
		ng_gate_table_lost(scene->gate, scene->now_us);
	else
		word_bad(reader, "the table is `lost` or `back`");
	words_done(reader);
}

static void adopt(struct scene *scene, struct reader *reader)
{
	const struct box *box = need_box(reader);
	struct pending_order stands = {.addr = need_addr(reader), .port = accept_port(reader)};
	struct ng_name names[NG_CHAIN_MAX + 1] = {need_name(reader)};
	struct ng_trail trail = {.names = names, .n_names = 1};
	uint64_t ends_us = 0;
	int error;

	while (word_accept(reader, "cname")) {
		struct ng_name target = need_name(reader);

		if (trail.n_names <= NG_CHAIN_MAX)
			names[trail.n_names++] = target;
	}
	if (word_accept(reader, "client"))
		stands.client = need_addr(reader);
	if (word_accept(reader, "until"))
		stands.until_us = need_time(reader);
	else
		word_bad(reader, "`until TIME` is missing here");
	if (word_accept(reader, "kept-from"))
		ends_us = need_time(reader);
	words_done(reader);
	if (scene->stopped)
		return;
	stands.sandbox = box->spec.id;
	kernel_put(scene, &stands);
	error = ng_gate_adopt(scene->gate, scene->now_us, box->spec.id, &stands.client,
			      &stands.addr, &stands.port, &trail, stands.until_us, ends_us);
	if (error)
		word_bad(reader, "the engine does not adopt it: %s", ng_strerror(error));
	else
		ng_gate_adopted(scene->gate, scene->now_us);
}

static void flow(struct scene *scene, struct reader *reader)
{
	const struct box *box = need_box(reader);
	struct ng_flow seen = {.addr = need_addr(reader), .port = accept_port(reader)};

	if (word_accept(reader, "client"))
		seen.client = need_addr(reader);
	words_done(reader);
	if (scene->stopped)
		return;
	seen.sandbox = box->spec.id;
	ng_gate_flow(scene->gate, scene->now_us, &seen);
}

static void blocked(struct scene *scene, struct reader *reader)
{
	static const struct {
		const char *name;
		uint8_t number;
	} protocols[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}};
	const struct box *box = need_box(reader);
	struct ng_blocked packet = {.to = need_addr(reader), .count = 1};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (word_accept(reader, protocols[i].name))
			packet.proto = protocols[i].number;
	}
	packet.observed = word_accept(reader, "observed");
	if (word_peek(reader))
		packet.port = (uint16_t)need_number(reader, "a port");
	packet.observed |= word_accept(reader, "observed");
	words_done(reader);
	if (scene->stopped)
		return;
	packet.sandbox = box->spec.id;
	for (size_t i = 0; i < box->spec.n_sources; i++) {
		if (box->spec.sources[i].addr.family == packet.to.family)
			packet.from = box->spec.sources[i].addr;
	}
	ng_gate_blocked(scene->gate, scene->now_us, &packet);
}

static const struct {
	const char *name;
	void (*run)(struct scene *, struct reader *);
} inputs[] = {
	{"query", query},         {"answer", answer},   {"no-answer", no_answer},
	{"committed", committed}, {"refused", refused}, {"warden", warden},
	{"table", table},         {"adopt", adopt},     {"blocked", blocked},
	{"flow", flow},
};

void input_run(struct scene *scene, struct reader *reader)
{
	if (scene->gathering && !world_declares(reader)) {
		word_bad(reader, "a change is being gathered: `apply` is missing before this");
		return;
	}
	if (world_declares(reader)) {
		world_change(scene, reader);
		seen_drain(scene, reader->line);
		return;
	}
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		if (!word_accept(reader, inputs[i].name))
			continue;
		inputs[i].run(scene, reader);
		if (scene->gate)
			seen_drain(scene, reader->line);
		return;
	}
	if (word_peek(reader))
		word_bad(reader, "`%s` is nothing that can happen; see namegate-scene(5)",
			 word_peek(reader)->text);
	else
		ng_gate_tick(scene->gate, scene->now_us);
	seen_drain(scene, reader->line);
}
