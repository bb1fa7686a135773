/*
 * Users and cgroups of this machine, for sandboxes that have no interface.
 */
#pragma once

#include "conf/host.h"

#define HOST_WHY 256

/*
 * Looks up what the sandbox's user or cgroup is here and fills in sandbox->host. NG_E_NOTFOUND: there
 * is no such user or cgroup; NG_E_RANGE: it must not be a sandbox; NG_E_IO. why says it, and what
 * to do. Users of the configuration's worker and warden are refused.
 */
int host_look_up(const struct conf *conf, struct conf_sandbox *sandbox,
		 char why[static HOST_WHY]) NG_MUST_CHECK;
/*
 * A sandbox by its user, which /etc/subuid gives other uids: those are not the sandbox's. why says it
 * and what to do.
 */
bool host_subordinate(const struct conf_sandbox *sandbox, char why[static HOST_WHY]);
/* All of a configuration's, and whether two of them turn out to be one. NG_E_SYNTAX; see diags. */
int host_look_up_all(struct conf *conf, struct ng_diags *diags) NG_MUST_CHECK;
/* Is its cgroup still the one that was looked up? True for those that are told otherwise. */
bool host_stands(const struct conf_sandbox *sandbox);
/*
 * Opens the folder of its cgroup, or for a user's that of the root of all, to be closed by the caller.
 * NG_E_NOTFOUND: the cgroup is not the one that was looked up; NG_E_IO. why says it.
 */
int host_open(const struct conf_sandbox *sandbox, int *out,
	      char why[static HOST_WHY]) NG_MUST_CHECK;
/* The root of all cgroups that we see: whatever we start is below it. NG_E_NOTFOUND, NG_E_IO. */
int host_open_all(int *out, char why[static HOST_WHY]) NG_MUST_CHECK;
/* Gives a sandbox without an interface its token as sources. */
void host_sources(struct conf_sandbox *sandbox, uint32_t id);
/* What WALL_TABLE must know of it: WALL_HOST_, 0 for one with an interface. */
uint16_t host_kind(const struct conf_sandbox *sandbox);
