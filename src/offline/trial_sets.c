/*
 * The kernel's sets in a trial: elements from their confirmation to their end.
 *
 * They are found by address, and by prefix. For the latter an order by address is made at the second
 * look at a sandbox whose elements have not changed meanwhile: facts about prefixes come in rows, and
 * before that a plain walk is cheaper.
 */
#include "config.h"

#include "offline/trial_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct spot_key key_of(uint32_t sandbox, const struct ng_addr *addr)
{
	struct spot_key key;
	memset(&key, 0, sizeof(key));
	key.sandbox = sandbox;
	key.addr = *addr;
	return key;
}

struct spot *trial_sets_find(const struct trial *trial, uint32_t sandbox,
			     const struct ng_addr *addr)
{
	const struct spot_key key = key_of(sandbox, addr);
	struct spot *spot;
	HASH_FIND(hh, trial->spots, &key, sizeof(key), spot);
	return spot;
}

static struct standing *standing_find(const struct trial *trial,
				      const struct ng_lease_order *order)
{
	const struct spot *spot = trial_sets_find(trial, order->sandbox, &order->addr);
	struct standing *standing = NULL;
	if (spot == NULL)
		return NULL;
	DL_FOREACH2(spot->standing, standing, spot_next)
	{
		if (ng_addr_equal(&standing->shown.client, &order->client) &&
		    standing->shown.port.proto == order->port.proto &&
		    standing->shown.port.port == order->port.port)
			break;
	}
	return standing;
}

static struct spot *spot_need(struct trial *trial, uint32_t sandbox, const struct ng_addr *addr)
{
	struct spot *spot = trial_sets_find(trial, sandbox, addr);
	if (spot != NULL)
		return spot;
	spot = calloc(1, sizeof(*spot));
	if (spot == NULL)
		return NULL;
	spot->key = key_of(sandbox, addr);
	HASH_ADD(hh, trial->spots, key, sizeof(spot->key), spot);
	if (spot->hh.tbl == NULL) {
		free(spot);
		return NULL;
	}
	return spot;
}

static void stand_changed(struct stand *stand)
{
	free(stand->sorted);
	stand->sorted = NULL;
	stand->looked = false;
}

static struct standing *standing_make(struct trial *trial, const struct ng_lease_order *order)
{
	struct standing *standing = calloc(1, sizeof(*standing));
	if (standing == NULL)
		return NULL;
	standing->spot = spot_need(trial, order->sandbox, &order->addr);
	if (standing->spot == NULL) {
		free(standing);
		return NULL;
	}
	standing->shown = (struct trial_element){.sandbox = order->sandbox,
						 .client = order->client,
						 .addr = order->addr,
						 .port = order->port};
	DL_APPEND2(standing->spot->standing, standing, spot_prev, spot_next);
	struct stand *stand = &trial->stands[order->sandbox - 1];
	DL_APPEND(stand->list, standing);
	stand->n++;
	stand_changed(stand);
	return standing;
}

int trial_sets_put(struct trial *trial, const struct ng_lease_order *order)
{
	struct standing *standing = standing_find(trial, order);
	if (standing == NULL)
		standing = standing_make(trial, order);
	if (standing == NULL)
		return NG_E_NOMEM;
	struct trial_element *element = &standing->shown;
	if (order->until_us <= element->until_us)
		return NG_OK;
	element->until_us = order->until_us;
	if (order->name != NULL)
		element->name = *order->name;
	snprintf(element->rule, sizeof(element->rule), "%s",
		 order->rule != NULL ? order->rule : "");
	return NG_OK;
}

static void standing_drop(struct trial *trial, struct standing *standing)
{
	struct spot *spot = standing->spot;
	DL_DELETE2(spot->standing, standing, spot_prev, spot_next);
	struct stand *stand = &trial->stands[standing->shown.sandbox - 1];
	DL_DELETE(stand->list, standing);
	stand->n--;
	stand_changed(stand);
	free(standing);
	if (spot->standing != NULL)
		return;
	HASH_DEL(trial->spots, spot);
	free(spot);
}

void trial_sets_remove(struct trial *trial, const struct ng_lease_order *order)
{
	struct standing *standing = standing_find(trial, order);
	if (standing != NULL)
		standing_drop(trial, standing);
}

static void drop_until(struct trial *trial, uint64_t until_us)
{
	struct standing *standing, *next;
	for (size_t i = 0; i < trial->n_stands; i++) {
		DL_FOREACH_SAFE (trial->stands[i].list, standing, next) {
			if (standing->shown.until_us <= until_us)
				standing_drop(trial, standing);
		}
	}
}

void trial_sets_expire(struct trial *trial)
{
	drop_until(trial, trial->now_us);
}

void trial_sets_finish(struct trial *trial)
{
	if (trial->stands == NULL)
		return;
	drop_until(trial, UINT64_MAX);
	for (size_t i = 0; i < trial->n_stands; i++)
		free(trial->stands[i].sorted);
}

const struct trial_element *trial_element(const struct trial *trial,
					  const struct setup_sandbox *sandbox,
					  const struct trial_element *after)
{
	const struct standing *standing = after == NULL
						  ? trial->stands[sandbox->spec->id - 1].list
						  : ((const struct standing *)after)->next;
	return standing != NULL ? &standing->shown : NULL;
}

/* ---- by prefix ---- */

static int address_order(const struct ng_addr *a, const struct ng_addr *b)
{
	return a->family != b->family ? (a->family < b->family ? -1 : 1)
				      : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare(const void *left, const void *right)
{
	const struct standing *const *a = left, *const *b = right;
	return address_order(&(*a)->shown.addr, &(*b)->shown.addr);
}

/* Without memory for the order the walk stays a plain one. */
static void stand_sort(struct stand *stand)
{
	struct standing *standing;
	size_t n = 0;
	stand->sorted = calloc(stand->n + 1, sizeof(struct standing *));
	if (stand->sorted == NULL)
		return;
	DL_FOREACH (stand->list, standing) {
		stand->sorted[n++] = standing;
	}
	qsort(stand->sorted, stand->n, sizeof(struct standing *), compare);
}

/* The place of the first element that is not before the address. */
static size_t lower_bound(const struct stand *stand, const struct ng_addr *addr)
{
	size_t low = 0, high = stand->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_order(&stand->sorted[middle]->shown.addr, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void within_begin(struct trial_within *within)
{
	struct stand *stand = within->stand;
	if (stand->sorted == NULL && stand->looked)
		stand_sort(stand);
	stand->looked = true;
	within->begun = true;
	within->next = stand->list;
	if (stand->sorted != NULL)
		within->at = lower_bound(stand, &within->prefix->addr);
}

const struct standing *trial_sets_within(struct trial_within *within)
{
	const struct stand *stand = within->stand;
	if (!within->begun)
		within_begin(within);
	if (stand->sorted != NULL) {
		if (within->at == stand->n)
			return NULL;
		const struct standing *found = stand->sorted[within->at++];
		return ng_prefix_contains(within->prefix, &found->shown.addr) ? found : NULL;
	}
	while (within->next != NULL) {
		const struct standing *found = within->next;
		within->next = found->next;
		if (ng_prefix_contains(within->prefix, &found->shown.addr))
			return found;
	}
	return NULL;
}
