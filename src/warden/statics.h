/*
 * Static rules: destinations that policy opens for a sandbox by address, for as long as it is there.
 *
 * A list owns its items and is kept without duplicates and without what another item covers: the
 * kernel's interval sets refuse ranges that overlap. Knows nothing of the kernel.
 */
#pragma once

#include "base/wall.h"

struct statics { /* the zero value is none */
	struct wall_static *items;
	size_t n;
};

void statics_finish(struct statics *statics); /* takes NULL */
/* NG_E_RANGE for what is never opened, and nothing has changed; else takes out what is covered. */
int statics_settle(struct statics *statics) NG_MUST_CHECK;
bool statics_has(const struct statics *statics, const struct wall_static *item);
/* Does one of them open this destination? */
bool statics_open(const struct statics *statics, const struct ng_addr *to, uint8_t proto,
		  uint16_t port);
