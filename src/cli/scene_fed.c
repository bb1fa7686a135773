/*
 * What upstreams were made to say, read by ldns: which addresses stood at which name. A reply does
 * not show all that a rule for answers' addresses saw: the filter took some out before.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

/* May one answer of an upstream have served both? */
static bool same_question(const struct ng_ask *a, const struct ng_ask *b)
{
	return a->route == b->route && a->question.type == b->question.type &&
	       a->dnssec_ok == b->dnssec_ok && a->cd == b->cd &&
	       ng_name_equal(&a->question.name, &b->question.name);
}

/* The set of this answer that stands at owner; NULL when it says nothing of an owner so named. */
static struct fed *fed_at(struct scene *scene, struct fed *first, const struct ng_ask *ask,
			  const ldns_rdf *owner)
{
	struct ng_name name;
	struct fed *fed;

	if (ng_name_from_wire(ldns_rdf_data(owner), ldns_rdf_size(owner), &name))
		return NULL;
	ng_name_lower(&name);
	DL_FOREACH (first, fed) {
		if (ng_name_same(&fed->owner, &name))
			return fed;
	}
	fed = scene_alloc(sizeof(*fed));
	fed->ask = *ask;
	fed->owner = name;
	DL_APPEND(scene->fed, fed);
	return fed;
}

void fed_note(struct scene *scene, const struct ng_ask *ask, const uint8_t *wire, size_t len)
{
	struct fed *before = scene->fed ? scene->fed->prev : NULL;
	ldns_pkt *packet;

	if (ldns_wire2pkt(&packet, wire, len) != LDNS_STATUS_OK)
		return;
	for (size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_answer(packet)); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_answer(packet), i);
		const ldns_rdf *rdf = ldns_rr_rdf(rr, 0);
		unsigned int type = (unsigned int)ldns_rr_get_type(rr);
		struct fed *fed;

		if (type != ask->question.type || (type != NG_TYPE_A && type != NG_TYPE_AAAA))
			continue;
		fed = fed_at(scene, before ? before->next : scene->fed, ask, ldns_rr_owner(rr));
		if (fed && fed->n < NG_ADDRS_MAX)
			fed->addrs[fed->n++] = ng_addr_make(
				type == NG_TYPE_A ? NG_IPV4 : NG_IPV6, ldns_rdf_data(rdf));
	}
	ldns_pkt_free(packet);
}

static bool holds(const struct fed *fed, const struct ng_addr *addr)
{
	for (size_t i = 0; i < fed->n; i++) {
		if (ng_addr_equal(&fed->addrs[i], addr))
			return true;
	}
	return false;
}

/* Could a reply with these addresses of that name have been made of it? */
static bool could_serve(const struct fed *fed, const struct ng_name *owner,
			const struct reply_view *view)
{
	for (size_t i = 0; i < view->n_addrs; i++) {
		if (!holds(fed, &view->addrs[i]))
			return false;
	}
	return ng_name_equal(&fed->owner, owner);
}

static bool newer_known(const struct way *way, const struct fed *fed)
{
	for (size_t i = 0; i < way->n_fed; i++) {
		if (same_question(&way->fed[i]->ask, &fed->ask))
			return true;
	}
	return false;
}

void fed_find(const struct scene *scene, const struct reply_view *view, struct way *way)
{
	const struct ng_name *owner = &way->names[way->n_names - 1];

	for (const struct fed *fed = scene->fed ? scene->fed->prev : NULL; fed;
	     fed = fed == scene->fed ? NULL : fed->prev) {
		if (way->n_fed < WAY_FED_MAX && could_serve(fed, owner, view) &&
		    !newer_known(way, fed))
			way->fed[way->n_fed++] = fed;
	}
}

void fed_finish(struct scene *scene)
{
	struct fed *fed, *spare;

	DL_FOREACH_SAFE (scene->fed, fed, spare) {
		free(fed);
	}
}
