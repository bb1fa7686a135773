/*
 * Whose traffic is it? From an address, or from the name that a record gives, to a sandbox of a
 * set-up. Borrows the set-up.
 */
#pragma once

#include "offline/setup.h"
#include "offline/traffic.h"

struct who;

/* as: all traffic is that sandbox's; NULL: go by addresses and names. NG_E_NOMEM. */
int who_create(const struct setup *setup, const struct setup_sandbox *as,
	       struct who **out) NG_MUST_CHECK;
void who_destroy(struct who *who); /* takes NULL */
/* Takes addr for an address of that sandbox, whatever its sources. NG_E_EXISTS, NG_E_NOMEM. */
int who_map(struct who *who, const struct ng_addr *addr,
	    const struct setup_sandbox *sandbox) NG_MUST_CHECK;
/*
 * The sandbox that asked, or sent; NULL: none of the set-up. A flow whose first packet was not
 * seen, and that only makes sense the other way round, is turned round in *observation.
 */
const struct setup_sandbox *who_is(const struct who *who,
				   struct traffic_observation *observation);
