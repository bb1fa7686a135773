/*
 * Telling the service manager how we are: sd_notify(3) in a few lines of our own.
 *
 * Nothing is owned; without a manager every call is void.
 */
#pragma once

#include <stdint.h>

struct notify {
	int socket;           /* -1: nobody listens */
	uint64_t watchdog_ms; /* how often the manager wants WATCHDOG=1; 0: never */
};

/* Reads NOTIFY_SOCKET and WATCHDOG_USEC and takes them out of the environment of children. */
struct notify notify_open(void);
/* state is one or more NAME=VALUE lines: "READY=1\nSTATUS=serving". Never blocks, never fails. */
void notify_send(const struct notify *notify, const char *state);
void notify_close(struct notify *notify); /* takes NULL */
