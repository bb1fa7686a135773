/*
 * Status: what main knows, with the counts that warden and workers tell. What somebody who does not answer
 * would have told is left out, and who that is stands in a warning.
 */
#include "config.h"
#include "daemon/views.h"

#include <stdio.h>
#include <unistd.h>

/* The names of struct ng_counters, in its order. */
static const char *const counter_names[] = {
	"queries",       "denied",       "allowed",        "refused",         "servfail",
	"malformed",     "silent",       "cache_hits",     "stale_hits",      "prefetched",
	"failure_hits",  "asks",         "leases_ordered", "leases_refused",  "leases_ended",
	"revoked",       "rebinds",      "blocked",        "over_quota",      "over_rate",
	"over_budget",   "evicted",      "leases_kept",    "kept_to_ceiling", "flow_walks_late",
	"pending",       "leases",       "cache_entries",  "cache_octets",    "sandboxes",
	"lease_octets",  "trails",       "trail_octets",   "crowded",         "ready_hits",
	"ready_answers", "ready_octets",
};
_Static_assert(sizeof counter_names / sizeof counter_names[0] ==
		       sizeof(struct ng_counters) / sizeof(uint64_t),
	       "every counter has a name");

static json_t *child_json(const struct daemon *daemon, const struct child *child)
{
	const char *state = !child->up ? "down" : views_late(daemon, child) ? "late" : "up";
	return json_pack("{s:s, s:i, s:i}", "state", state, "pid", (int)child_pid(child),
			 "restarts", child->starts ? (int)child->starts - 1 : 0);
}

/* What namegate's own table would do beside its sets, and no ruleset is known to. */
static const char *const left_to_ruleset[] = {
	"which source an interface may use",
	"DNS that is sent to other servers",
	"ranges that are never open, ahead of the sets",
	"what happens while the ruleset is not loaded",
	"refused packets: reports, counts, observe",
	"the address that a sandbox leaves with",
};

/* Each with what it answers for. The last numbers that it told: asked for in the same breath. */
static json_t *seats_json(struct daemon *daemon, const struct view *view)
{
	json_t *all = json_array();
	for (uint32_t i = 0; i < daemon->n_seats; i++) {
		const struct seat *seat = &daemon->seats[i];
		json_t *object = child_json(daemon, &seat->child);
		json_int_t sandboxes = 0;
		struct box *box, *next;
		HASH_ITER (by_id, daemon->boxes.by_id, box, next)
			sandboxes += box->worker == i;
		json_object_set_new(object, "sandboxes", json_integer(sandboxes));
		json_object_set_new(object, "queries",
				    view->told[i]
					    ? json_integer((json_int_t)seat->counters.values[0])
					    : json_null());
		json_array_append_new(all, object);
	}
	return all;
}

/* The first one stands where the only one does, for who knows of one alone. */
static void put_seats(struct daemon *daemon, const struct view *view, json_t *status)
{
	json_object_set_new(status, "worker", child_json(daemon, &daemon->seats[0].child));
	json_object_set_new(status, "workers", seats_json(daemon, view));
	if (daemon->steer_why[0])
		json_object_set_new(status, "one_worker_because",
				    json_string(daemon->steer_why));
}

/* Instead of a table: the sets that are filled, and what is not ours in this mode. */
static void put_sets(const struct conf *conf, json_t *status)
{
	json_t *sets = json_array(), *left = json_array();
	for (size_t i = 0; i < conf->n_declared; i++)
		json_array_append_new(sets, json_sprintf("%s %s %s", conf->declared[i].family,
							 conf->declared[i].table,
							 conf->declared[i].name));
	for (size_t i = 0; i < sizeof left_to_ruleset / sizeof left_to_ruleset[0]; i++)
		json_array_append_new(left, json_string(left_to_ruleset[i]));
	json_object_set_new(status, "table", json_null());
	json_object_set_new(status, "sets", sets);
	json_object_set_new(status, "left_to_ruleset", left);
}

/* The sum over all sandboxes; null when the warden could not be asked. */
static json_t *packets_json(struct daemon *daemon, bool tallied)
{
	struct wall_tally sum = {0};
	struct box *box, *next;
	if (!tallied)
		return json_null();
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		sum.refused += box->tally.refused;
		sum.observed += box->tally.observed;
		sum.forged += box->tally.forged;
	}
	return json_pack("{s:I, s:I, s:I, s:I}", "refused", (json_int_t)sum.refused, "observed",
			 (json_int_t)sum.observed, "forged", (json_int_t)sum.forged,
			 "forged_of_nobody", (json_int_t)daemon->views->nobody.forged);
}

/* The compiled policies, which main and worker map together. */
static json_t *images_json(const struct daemon *daemon)
{
	json_int_t n = 0, octets = 0;
	const struct image *image, *next;
	HASH_ITER (hh, daemon->images.by_digest, image, next) {
		n++;
		octets += (json_int_t)image->octets.len;
	}
	return json_pack("{s:I, s:I}", "images", n, "octets", octets);
}

static json_t *counters_json(const struct view *view)
{
	json_t *values = json_object();
	for (size_t i = 0; i < sizeof counter_names / sizeof counter_names[0]; i++)
		json_object_set_new(values, counter_names[i],
				    json_integer((json_int_t)view->counters.values[i]));
	return values;
}

json_t *status_json(struct daemon *daemon, const struct view *view)
{
	const bool told = view->any_told;
	size_t left_out = 0;
	json_t *policies = policies_json(daemon, &left_out);
	json_t *status = json_pack(
		"{s:b, s:s, s:i, s:I, s:I, s:b, s:o, s:o, s:I, s:s, s:s, s:I, s:o, s:o, s:o, "
		"s:o, s:O, s:I, s:O, s:I}",
		"ok", 1, "version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime_s",
		(json_int_t)((uv_now(&daemon->loop) - daemon->started_ms) / 1000),
		"policy_version", (json_int_t)daemon->version, "ready", (int)daemon->ready,
		"fallen_back", lastgood_json(daemon), "policies", policies, "policies_left_out",
		(json_int_t)left_out, "configuration",
		daemon->conf->path ? daemon->conf->path : "embedded defaults", "table",
		daemon->conf->table, "sandboxes", (json_int_t)boxes_count(&daemon->boxes),
		"warden", child_json(daemon, &daemon->warden), "counters",
		told ? counters_json(view) : json_null(), "packets",
		packets_json(daemon, view->tallied), "compiled", images_json(daemon), "limits",
		told && !view->unlimited ? view->rows : json_null(), "limits_left_out",
		(json_int_t)view->left_out, "upstreams", told ? view->upstreams : json_null(),
		"upstreams_left_out", (json_int_t)view->upstreams_left_out);
	put_seats(daemon, view, status);
	if (daemon->conf->n_declared)
		put_sets(daemon->conf, status);
	return status;
}

#define WARNING_MAX 1024
/* Behind what it has so far. */
static void warn(char text[static WARNING_MAX], const char *who, const char *what)
{
	const size_t len = strlen(text);
	snprintf(text + len, WARNING_MAX - len, "%sthe %s does not answer; %s is left out",
		 len ? "; " : "", who, what);
}

json_t *status_warned(const struct daemon *daemon, const struct view *view, json_t *reply)
{
	char text[WARNING_MAX] = "";
	if (!view->tallied && views_late(daemon, &daemon->warden))
		warn(text, daemon->warden.name, "what the kernel has counted");
	for (uint32_t i = 0; view->kind == VIEW_STATUS && i < daemon->n_seats; i++)
		if (!view->told[i] && views_late(daemon, &daemon->seats[i].child))
			warn(text, daemon->seats[i].name, "what it alone knows");
	if (*text)
		json_object_set_new(reply, "warning", json_string(text));
	return reply;
}

void status_limits(struct daemon *daemon, struct view *view, const struct wall_limit_row *row)
{
	const struct box *box = boxes_find_id(&daemon->boxes, row->sandbox);
	json_t *object;
	if (!box || (view->sandbox && view->sandbox != row->sandbox))
		return;
	object = json_pack("{s:s}", "sandbox", box->conf.name);
	for (int i = 0; i < NG_LIMITS; i++)
		json_object_set_new(object, ng_limit_word((enum ng_limit)i),
				    json_integer((json_int_t)row->values[i]));
	json_array_append_new(view->rows, object);
}
