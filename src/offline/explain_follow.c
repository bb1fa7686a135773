/*
 * Through to the addresses: the question is put to a gate on trial before a world, and what the
 * answer brought, aliases and addresses before the filter, is judged once more with all rules laid
 * out.
 */
#include "config.h"

#include "offline/explain_address.h"
#include "offline/explain_words.h"
#include "offline/explain_lines.h"
#include "offline/parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the answer brought ---- */

/* Records of that owner and type in what upstream said, one at a time. */
static const struct ng_rr *next_rr(const struct trial_reply *reply, const struct ng_name *owner,
				   uint16_t type, size_t *cursor)
{
	size_t at = 0;
	for (size_t i = 0; i < reply->n_asked; i++) {
		const struct trial_asked *asked = &reply->asked[i];
		for (size_t j = 0; asked->answered && j < asked->answer.n; j++) {
			const struct ng_rr *rr = &asked->answer.rrs[j];
			if (rr->type == type && ng_name_equal(rr->owner, owner) &&
			    at++ == *cursor) {
				++*cursor;
				return rr;
			}
		}
	}
	return NULL;
}

static bool follow_link(struct explained *explained)
{
	struct ng_subject *subject = &explained->subject;
	const struct ng_name *last = &explained->names[subject->n_names - 1];
	struct ng_name target;
	size_t cursor = 0;
	const struct ng_rr *rr = next_rr(&explained->result, last, NG_TYPE_CNAME, &cursor);
	if (rr == NULL || subject->n_names == NG_CHAIN_MAX + 1 ||
	    ng_name_from_wire(rr->rdata, rr->rdlen, &target) != NG_OK)
		return false;
	ng_name_lower(&target);
	explained->names[subject->n_names++] = target;
	return true;
}

static void take_addresses(struct explained *explained, uint16_t type)
{
	struct ng_subject *subject = &explained->subject;
	const struct ng_name *last = &explained->names[subject->n_names - 1];
	const struct ng_rr *rr;
	size_t cursor = 0;
	while (subject->n_addrs < NG_ADDRS_MAX &&
	       (rr = next_rr(&explained->result, last, type, &cursor)) != NULL)
		explained->addrs[subject->n_addrs++] =
			ng_addr_make(type == NG_TYPE_A ? NG_IPV4 : NG_IPV6, rr->rdata);
}

/* Where policy has records of its own for a name, nothing of what upstream says of it counts. */
static bool serves_last(const struct explained *explained)
{
	return explain_serves(explained, explained->subject.n_names);
}

static void extend(struct explained *explained)
{
	const struct trial_reply *reply = &explained->result;
	bool answered = false;
	for (size_t i = 0; i < reply->n_asked; i++)
		answered = reply->asked[i].answered;
	while (explained->type != NG_TYPE_CNAME && !serves_last(explained) &&
	       follow_link(explained))
		;
	if ((explained->type == NG_TYPE_A || explained->type == NG_TYPE_AAAA) &&
	    !serves_last(explained))
		take_addresses(explained, explained->type);
	explained->subject.addrs = explained->addrs;
	explained->subject.answered = answered;
}

int explain_follow(struct explained *explained, const struct world *world)
{
	const struct trial_wish wish = {.setup = explained->setup, .world = world};
	int code = trial_create(&wish, &explained->trial);
	if (code == NG_OK)
		code = trial_ask(explained->trial, explained->sandbox, explained->names,
				 explained->type, &explained->result);
	if (code != NG_OK)
		return code;
	if (explained->setup->conf != NULL) { /* as the one that asked */
		explained->client = explained->result.record.client;
		explained->client_wanted = false;
		explained->subject.client = &explained->client;
	}
	extend(explained);
	return NG_OK;
}

/* ---- telling ---- */

static const char *data_of(const struct ng_rr *rr, char out[static NG_NAME_TEXT_MAX])
{
	struct ng_name name;
	struct ng_addr addr = {0};
	if (rr->type == NG_TYPE_A || rr->type == NG_TYPE_AAAA)
		addr = ng_addr_make(rr->type == NG_TYPE_A ? NG_IPV4 : NG_IPV6, rr->rdata);
	if (ng_addr_len(&addr) > 0)
		return ng_addr_format(&addr, out);
	if (rr->type == NG_TYPE_CNAME && ng_name_from_wire(rr->rdata, rr->rdlen, &name) == 0)
		return ng_name_to_text(&name, out);
	return NULL;
}

static const char *asked_outcome(const struct trial_asked *asked)
{
	return asked->answered ? ng_rcode_text(asked->answer.rcode) : "no answer";
}

static void tell_asked(const struct explained *explained, FILE *to)
{
	const struct trial_reply *reply = &explained->result;
	char name[NG_NAME_TEXT_MAX], zone[CONF_ROUTE_TEXT], type[16];
	for (size_t i = 0; i < reply->n_asked; i++) {
		const struct trial_asked *asked = &reply->asked[i];
		explain_line(to, i > 0 ? "" : "asked", "%s %s of zone %s: %s",
			     ng_name_to_text(&asked->name, name),
			     ng_type_text(asked->type, type),
			     setup_route_text(explained->setup, asked->route - 1, zone),
			     asked_outcome(asked));
	}
}

static void tell_reply(const struct trial_reply *reply, FILE *to)
{
	char name[NG_NAME_TEXT_MAX], data[NG_NAME_TEXT_MAX], type[16];
	const char *reason = reply->record.reason;
	if (reply->dropped) {
		explain_line(to, "reply", "none at all");
		return;
	}
	explain_line(to, "reply", "%s%s%s%s", ng_rcode_text(reply->answer.rcode),
		     reply->tcp ? " over TCP" : "", reason != NULL ? ": " : "",
		     reason != NULL ? reason : "");
	for (size_t i = 0; i < reply->answer.n; i++) {
		const struct ng_rr *rr = &reply->answer.rrs[i];
		const char *words = data_of(rr, data);
		explain_line(to, "", "%s %u %s %s", ng_name_to_text(rr->owner, name), rr->ttl,
			     ng_type_text(rr->type, type), words != NULL ? words : "...");
	}
}

static void tell_leases(const struct trial_reply *reply, FILE *to)
{
	char addr[NG_ADDR_TEXT], port[16], name[NG_NAME_TEXT_MAX];
	for (size_t i = 0; reply->rebind != NULL && i < reply->rebind->n_addrs; i++)
		explain_line(to, i > 0 ? "" : "removed", "%s",
			     ng_addr_format(&reply->rebind->addrs[i], addr));
	for (size_t i = 0; i < reply->n_leases; i++) {
		const struct ng_lease_order *lease = &reply->leases[i];
		explain_line(
			to, i > 0 ? "" : "leases", "%s %s for %u s, %u of them grace: %s by %s",
			ng_addr_format(&lease->addr, addr),
			lease->port.proto != 0 ? explain_port(lease->port, port) : "all ports",
			(unsigned)(lease->until_us / 1000000), lease->grace_s,
			ng_name_to_text(lease->name, name), lease->rule);
	}
}

void explain_followed_text(const struct explained *explained, FILE *to)
{
	tell_asked(explained, to);
	tell_reply(&explained->result, to);
	tell_leases(&explained->result, to);
}

static json_t *asked_json(const struct explained *explained)
{
	char words[NG_NAME_TEXT_MAX];
	json_t *array = json_array();
	for (size_t i = 0; i < explained->result.n_asked; i++) {
		const struct trial_asked *asked = &explained->result.asked[i];
		const struct ng_route *route = &explained->setup->routes[asked->route - 1];
		json_t *object = json_object();
		part_put(&object, "name", part_text(ng_name_to_text(&asked->name, words)));
		part_put(&object, "type", part_text(ng_type_text(asked->type, words)));
		part_put(&object, "zone", part_text(ng_name_to_text(&route->zone, words)));
		part_put(&object, "rcode",
			 asked->answered ? part_text(ng_rcode_text(asked->answer.rcode))
					 : json_null());
		part_append(&array, object);
	}
	return array;
}

static json_t *records_json(const struct trial_reply *reply)
{
	char words[NG_NAME_TEXT_MAX];
	json_t *array = json_array();
	for (size_t i = 0; !reply->dropped && i < reply->answer.n; i++) {
		const struct ng_rr *rr = &reply->answer.rrs[i];
		json_t *object = json_object();
		part_put(&object, "name", part_text(ng_name_to_text(rr->owner, words)));
		part_put(&object, "ttl_s", json_integer(rr->ttl));
		part_put(&object, "type", part_text(ng_type_text(rr->type, words)));
		part_put(&object, "data", part_text(data_of(rr, words)));
		part_append(&array, object);
	}
	return array;
}

static json_t *leases_json(const struct trial_reply *reply)
{
	char words[NG_NAME_TEXT_MAX];
	json_t *array = json_array();
	for (size_t i = 0; i < reply->n_leases; i++) {
		const struct ng_lease_order *lease = &reply->leases[i];
		json_t *object = json_object();
		part_put(&object, "address", part_addr(&lease->addr));
		part_put(&object, "port",
			 lease->port.proto != 0 ? part_text(explain_port(lease->port, words))
						: json_null());
		part_put(&object, "stands_s",
			 json_integer((json_int_t)(lease->until_us / 1000000)));
		part_put(&object, "name", part_text(ng_name_to_text(lease->name, words)));
		part_put(&object, "rule", part_words(lease->rule));
		part_append(&array, object);
	}
	return array;
}

json_t *explain_followed_json(const struct explained *explained)
{
	const struct trial_reply *reply = &explained->result;
	json_t *object = json_object(), *removed = json_array();
	for (size_t i = 0; reply->rebind != NULL && i < reply->rebind->n_addrs; i++)
		part_append(&removed, part_addr(&reply->rebind->addrs[i]));
	part_put(&object, "asked", asked_json(explained));
	part_put(&object, "rcode",
		 reply->dropped ? json_null() : part_text(ng_rcode_text(reply->answer.rcode)));
	part_put(&object, "tcp", json_boolean(reply->tcp));
	part_put(&object, "reason", part_text(reply->record.reason));
	part_put(&object, "records", records_json(reply));
	part_put(&object, "removed", removed);
	part_put(&object, "leases", leases_json(reply));
	return object;
}

/* ---- the names of the world that have an address ---- */

static bool has_address(const struct world *world, const struct ng_name *name,
			const struct ng_addr *addr)
{
	struct ng_addr addrs[NG_ADDRS_MAX];
	size_t n = world_addresses(world, name, addrs);
	for (size_t i = 0; i < n; i++) {
		if (ng_addr_equal(&addrs[i], addr))
			return true;
	}
	return false;
}

static const struct ng_lease_order *lease_of(const struct trial_reply *reply,
					     const struct ng_addr *addr)
{
	for (size_t i = 0; i < reply->n_leases; i++) {
		if (ng_addr_equal(&reply->leases[i].addr, addr))
			return &reply->leases[i];
	}
	return NULL;
}

static int add_resolved(struct explained_address *explained, const struct ng_name *name,
			const struct ng_place *place, const struct trial_reply *reply)
{
	const struct ng_lease_order *lease = lease_of(reply, &explained->addr);
	const char *why = lease != NULL ? lease->rule : reply->record.reason;
	struct explain_resolved *grown =
		realloc(explained->resolved, (explained->n_resolved + 1) * sizeof(*grown));
	char *reason = strdup(why != NULL ? why : "it was not in the reply");
	if (grown != NULL)
		explained->resolved = grown;
	if (grown == NULL || reason == NULL) {
		free(reason);
		return NG_E_NOMEM;
	}
	explained->resolved[explained->n_resolved++] = (struct explain_resolved){
		.name = *name, .place = *place, .opens = lease != NULL, .reason = reason};
	return NG_OK;
}

static int resolve(struct explained_address *explained, const struct world *world,
		   const struct ng_name *name, const struct ng_place *place)
{
	const struct trial_wish wish = {.setup = explained->setup, .world = world};
	uint16_t type = explained->addr.family == NG_IPV4 ? NG_TYPE_A : NG_TYPE_AAAA;
	struct trial_reply reply;
	struct trial *trial = NULL;
	/* Each name before a gate that has seen nothing: what stands already is not ordered again. */
	int code = trial_create(&wish, &trial);
	if (code == NG_OK)
		code = trial_ask(trial, explained->sandbox, name, type, &reply);
	if (code == NG_OK)
		code = add_resolved(explained, name, place, &reply);
	trial_free(trial);
	return code;
}

static bool is_wildcard(const struct ng_name *name)
{
	return name->len > 2 && name->wire[0] == 1 && name->wire[1] == '*';
}

int explain_address_follow(struct explained_address *explained, const struct world *world)
{
	const struct ng_name *name;
	struct ng_place place;
	int code = NG_OK;
	explained->followed = true;
	for (size_t cursor = 0; code == NG_OK && world_name(world, &cursor, &name, &place);) {
		if (!is_wildcard(name) && has_address(world, name, &explained->addr))
			code = resolve(explained, world, name, &place);
	}
	return code;
}
