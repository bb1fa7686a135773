/*
 * Giving up privileges, for good. Each process calls its own function once, after it has opened all
 * that it needs; afterwards there is no way back. Every failure is NG_E_PERM or NG_E_IO with one
 * line in `why` that names the privilege and how to give it, and the caller must exit.
 *
 * Capabilities belong to threads: call these before any thread is started (before the first work
 * for libuv's pool); with more than one thread they refuse. Threads may be started afterwards.
 */
#pragma once

#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CONFINE_WHY 256

/*
 * user: a name, a number, or "self" to stay who we are (user namespaces, where nobody else exists).
 * All set no-new-privileges, drop the bounding set as far as it is not needed, are not dumpable.
 */
/*
 * The worker's first half: its user and no capability, so that what it opens next (its store) is
 * opened as that user. confine_worker() follows, and does all of it where this was left out.
 */
int confine_user(const char *user, char why[static CONFINE_WHY]) NG_MUST_CHECK;
/* Worker: own user, no capability at all, seccomp: only what its loop needs. */
int confine_worker(const char *user, char why[static CONFINE_WHY]) NG_MUST_CHECK;
/* Warden: own user, CAP_NET_ADMIN alone, seccomp: netlink it has, its channels, time, memory. */
int confine_warden(const char *user, char why[static CONFINE_WHY]) NG_MUST_CHECK;
/* Main: keeps root's uid and only what starting the others again takes. */
int confine_main(char why[static CONFINE_WHY]) NG_MUST_CHECK;
/*
 * In main, around a call that hangs a program on a sandbox's cgroup: CAP_NET_ADMIN and CAP_BPF, as far
 * as main kept them, are effective, or are not any more. Of the calling thread alone.
 */
void confine_raise(bool raised);

/* Could all three do so? For main, before it touches anything. NG_E_PERM. */
int confine_possible(const char *worker, const char *warden,
		     char why[static CONFINE_WHY]) NG_MUST_CHECK;
/* Who that user is, for whoever makes folders for it. NG_E_PERM, as above. */
int confine_identity(const char *user, uid_t *uid, gid_t *gid,
		     char why[static CONFINE_WHY]) NG_MUST_CHECK;
