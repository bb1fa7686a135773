/*
 * Which of a sandbox's leases nobody was promised for longest: kept from the moment that the sandbox
 * has as many as it may, since before that nobody asks. It knows each lease by a last use that it once
 * had; uses only grow, so the one at the top is to be brought up to date until the top is.
 */
#pragma once

#include <namegate/error.h>
#include <stdbool.h>
#include <stdint.h>

struct idle;

int idle_make(struct idle **out) NG_MUST_CHECK;                                /* NG_E_NOMEM */
void idle_free(struct idle *idle);                                             /* takes NULL */
int idle_put(struct idle *idle, uint32_t lease, uint64_t at_us) NG_MUST_CHECK; /* NG_E_NOMEM */
void idle_take(struct idle *idle, uint32_t lease); /* void without idle */
/* The lease with the earliest use, as it was last known; false when there is none. */
bool idle_top(const struct idle *idle, uint32_t *lease, uint64_t *at_us);
void idle_renew(struct idle *idle, uint64_t at_us); /* the one at the top */
