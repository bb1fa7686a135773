/*
 * What the engine put out, copied and worded as a scene would word it, so that a failure shows
 * what to write when the engine is right.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdlib.h>
#include <string.h>

static const char *const verdicts[] = {"deny", "ask", "allow"};

static char *name_copy(const struct ng_name *name)
{
	char text[NG_NAME_TEXT_MAX];

	if (!name)
		return NULL;
	ng_name_to_text(name, text);
	return scene_copy(text, strlen(text));
}

static const char *box_name(const struct box *box)
{
	return box ? box->spec.name : "nobody";
}

static void see_ask(struct scene *scene, struct seen *seen, const struct ng_action *action,
		    const struct line *line)
{
	struct pending_ask *pending = scene_alloc(sizeof(*pending));
	char route[SCENE_ROUTE_TEXT], type[16];
	struct ng_name lower = action->ask.question.name;

	seen->ask = pending->ask = action->ask;
	DL_APPEND(scene->asks, pending);
	seen->name = name_copy(&seen->ask.question.name);
	seen->text = scene_format("ask %s %s %s%s%s", route_text(scene, seen->ask.route, route),
				  seen->name, ng_type_text(seen->ask.question.type, type),
				  seen->ask.dnssec_ok ? " do" : "", seen->ask.cd ? " cd" : "");
	ng_name_lower(&lower);
	if (!ng_name_same(&lower, &seen->ask.question.name))
		scene_stop(scene, SCENE_FAILED, line, 1,
			   "the case of a client went into a question to an upstream: %s",
			   seen->name);
}

static void see_order(struct scene *scene, struct seen *seen, const struct ng_action *action,
		      const struct line *line)
{
	const struct ng_lease_order *order = &action->lease;
	char addr[NG_ADDR_TEXT], client[NG_ADDR_TEXT], port[16];
	bool wide = order->client.family != NG_NOFAMILY;

	seen->order = *order;
	seen->box = box_by_id(scene, order->sandbox);
	seen->name = name_copy(order->name);
	seen->rule = scene_copy(order->rule, strlen(order->rule));
	ng_addr_format(&order->addr, addr);
	port_text(order->port, port);
	if (wide)
		ng_addr_format(&order->client, client);
	if (action->kind != NG_LEASE) {
		seen->text = scene_format("%s %s %s%s",
					  action->kind == NG_EVICT ? "evict" : "revoke",
					  box_name(seen->box), addr, port);
		kernel_revoke(scene, order, line);
		return;
	}
	seen->text = scene_format("lease %s %s%s for %us grace %us%s%s name %s rule %s",
				  box_name(seen->box), addr, port, order->hold_s,
				  order->grace_s, wide ? " client " : "", wide ? client : "",
				  seen->name, seen->rule);
	kernel_order(scene, order);
}

static struct asker *told_to(struct scene *scene, uint64_t handle, const struct line *line)
{
	struct asker *asker;

	DL_FOREACH (scene->askers, asker) {
		if (asker->handle != handle)
			continue;
		if (asker->told)
			scene_stop(scene, SCENE_FAILED, line, 1, "a client was answered twice");
		asker->told = true;
		return asker;
	}
	scene_stop(scene, SCENE_FAILED, line, 1, "a reply to a client that does not exist");
	return NULL;
}

static void see_reply(struct scene *scene, struct seen *seen, const struct ng_action *action,
		      const struct line *line)
{
	const struct asker *asker = told_to(
		scene, action->kind == NG_DROP ? action->drop : action->reply.client, line);

	if (asker)
		seen->box = asker->box;
	if (action->kind == NG_DROP || !asker) {
		seen->text = scene_format("drop");
		return;
	}
	seen->reply = reply_read(scene, asker, action->reply.wire, action->reply.len, line);
	seen->text = reply_text(seen->reply, seen->box);
}

static const char *event_text(const struct ng_record *record)
{
	switch (record->event) {
	case NG_EVENT_DECISION:
		return verdicts[record->verdict];
	case NG_EVENT_REBIND:
		return "rebind";
	case NG_EVENT_BLOCKED:
		return "blocked";
	case NG_EVENT_LEASE_END:
		return "closed";
	case NG_EVENT_REVOKED:
		return "revoked";
	case NG_EVENT_LEASE_KEPT:
		return "kept";
	case NG_EVENT_EVICTED:
		return "evicted";
	case NG_EVENT_CROWDED:
		return "crowded";
	case NG_EVENT_TABLE_LOST:
		return "table-lost";
	case NG_EVENT_TABLE_BACK:
		return "table-back";
	case NG_EVENT_BUDGET:
		return "budget";
	default:
		return "malformed";
	}
}

static char *record_text(const struct seen *seen)
{
	char *text = NULL, addr[NG_ADDR_TEXT], port[16];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return scene_alloc(1);
	fprintf(out, "record %s", event_text(&seen->record));
	if (seen->rule)
		fprintf(out, " %s", seen->rule);
	for (size_t i = 0; i < seen->n_addrs; i++)
		fprintf(out, " %s", ng_addr_format(&seen->addrs[i], addr));
	for (size_t i = 0; i < seen->n_ports; i++)
		fputs(port_text(seen->ports[i], port), out);
	if (seen->record.observed)
		fputs(" observed", out);
	if (seen->name)
		fprintf(out, " name %s", seen->name);
	if (seen->reason)
		fprintf(out, " text \"%s\"", seen->reason);
	if (seen->box)
		fprintf(out, " for %s", seen->box->spec.name);
	fclose(out);
	return text;
}

/* The record beside a reply has the id that the client was told, and each has its own. */
static void event_check(struct scene *scene, const struct ng_record *record,
			const struct line *line)
{
	const struct seen *last = scene->seen ? scene->seen->prev : NULL;
	bool answers =
		record->event == NG_EVENT_DECISION || record->event == NG_EVENT_MALFORMED;

	if (answers != (record->id[0] != '\0'))
		scene_stop(scene, SCENE_FAILED, line, 1, "a record has no id, or needs none");
	else if (answers && last && last->reply && last->reply->event[0] &&
		 strcmp(last->reply->event, record->id) != 0)
		scene_stop(scene, SCENE_FAILED, line, 1,
			   "the client was told event %s, and its record is %s",
			   last->reply->event, record->id);
	else if (answers && strcmp(record->id, scene->event) == 0)
		scene_stop(scene, SCENE_FAILED, line, 1, "two events have the id %s",
			   record->id);
	if (answers)
		memcpy(scene->event, record->id, sizeof(scene->event));
}

static void see_record(struct scene *scene, struct seen *seen, const struct ng_action *action,
		       const struct line *line)
{
	const struct ng_record *record = &action->record;

	event_check(scene, record, line);

	seen->record = *record;
	seen->box = box_by_id(scene, record->sandbox);
	seen->name = name_copy(record->name);
	if (record->path)
		seen->rule = scene_format("%s:%u", record->path, record->line);
	if (record->reason)
		seen->reason = scene_copy(record->reason, strlen(record->reason));
	for (; seen->n_addrs < record->n_addrs && seen->n_addrs < NG_ADDRS_MAX; seen->n_addrs++)
		seen->addrs[seen->n_addrs] = record->addrs[seen->n_addrs];
	for (; seen->n_ports < record->n_ports && seen->n_ports < NG_PORTS_MAX; seen->n_ports++)
		seen->ports[seen->n_ports] = record->ports[seen->n_ports];
	seen->text = record_text(seen);
}

static void see(struct scene *scene, const struct ng_action *action, const struct line *line)
{
	struct seen *seen = scene_alloc(sizeof(*seen));
	char at[32];

	seen->kind = action->kind;
	seen->at_us = scene->now_us;
	switch (action->kind) {
	case NG_ASK_UPSTREAM:
		see_ask(scene, seen, action, line);
		break;
	case NG_LEASE:
	case NG_REVOKE:
	case NG_EVICT:
		see_order(scene, seen, action, line);
		break;
	case NG_REPLY:
	case NG_DROP:
		see_reply(scene, seen, action, line);
		break;
	case NG_RECORD:
		see_record(scene, seen, action, line);
		break;
	default:
		break;
	}
	DL_APPEND(scene->seen, seen);
	if (scene->trace)
		fprintf(scene->trace, "%8s  %s\n", time_text(scene->now_us, at), seen->text);
}

void seen_drain(struct scene *scene, const struct line *line)
{
	struct ng_action action;

	while (scene->gate && ng_gate_next(scene->gate, &action)) {
		/* What is only kept says nothing new; a clause looks at what waits itself. */
		if (action.kind < NG_WAITING)
			see(scene, &action, line);
	}
	if (scene->gate && ng_gate_ready_faults(scene->gate))
		scene_stop(scene, SCENE_FAILED, line, 0,
			   "namegate itself is wrong: an answer that the cache had ready is "
			   "not the one that the question has now; please report it");
	if (scene->prompt && scene->orders)
		kernel_settle(scene, line);
}

void seen_clear(struct scene *scene)
{
	struct seen *seen, *spare;

	DL_FOREACH_SAFE (scene->seen, seen, spare) {
		DL_DELETE(scene->seen, seen);
		reply_free(seen->reply);
		free(seen->name);
		free(seen->rule);
		free(seen->reason);
		free(seen->text);
		free(seen);
	}
}
