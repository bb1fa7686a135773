/* Addresses in the owner names of a policy zone. */
#pragma once

#include <namegate/addr.h>
#include <namegate/name.h>

/*
 * The prefix that a lower-cased owner such as 24.0.2.0.192.rpz-ip encodes; its last label is not
 * looked at. NULL, or what is wrong with it.
 */
const char *rpz_prefix_read(const struct ng_name *owner, struct ng_prefix *out);
/* The other way: the labels of a prefix, with a final NUL and without the trigger's label. */
#define RPZ_PREFIX_TEXT 48
const char *rpz_prefix_write(const struct ng_prefix *prefix, char buf[static RPZ_PREFIX_TEXT]);
