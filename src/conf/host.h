/*
 * Sandboxes that have no interface, as the configuration and a registration describe them: processes
 * of this host by their user or their cgroup, and the sidecar's namespace. What a user or a cgroup is
 * on this machine is none of this floor's business.
 */
#pragma once

#include "base/wall.h"
#include "conf/conf.h"

/* How its packets are told from others. */
enum wall_who conf_who(const struct conf_sandbox *sandbox);
/* What is wrong with the text as a user's name or number, or as a cgroup's path; NULL: nothing. */
const char *conf_uid_wrong(const char *text);
const char *conf_cgroup_wrong(const char *text);
/* What is wrong with how the sandbox says who it is, and what to do; NULL: nothing. */
const char *conf_who_wrong(const struct conf *conf, const struct conf_sandbox *sandbox,
			   const char **advice);
/* Would both be told by the same? The numbers are compared where they have been looked up. */
bool conf_same_host(const struct conf_sandbox *a, const struct conf_sandbox *b);
/* Reports those before the one of that index that are told by the same. */
void conf_report_same(const struct conf *conf, size_t i, struct ng_diags *diags);
