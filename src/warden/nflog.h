/*
 * Reports of refused packets: read from the kernel's log group, counted for the sandbox that owns
 * the source address, handed to a worker at a bounded rate. What is not handed out one by one is
 * in the count of that sandbox's next report.
 */
#pragma once

#include "warden/netlink.h"
#include "warden/sandboxes.h"
#include "warden/workers.h"

struct nflog {
	struct netlink netlink;
	uint16_t group; /* the kernel gives each to one reader */
	uint32_t rate_per_s;
	uint64_t tokens_at_us; /* when the last token was added */
	uint32_t tokens;
	uint64_t lost; /* times the kernel said that reports were dropped */
};

/* Binds the first group that nobody else reads. NG_E_IO, NG_E_KERNEL, NG_E_PERM. */
int nflog_open(struct nflog *nflog) NG_MUST_CHECK;
void nflog_close(struct nflog *nflog); /* takes NULL */
/* Reads what is there and counts it. */
void nflog_read(struct nflog *nflog, struct sandboxes *sandboxes);
/* Hands out what the rate allows. */
void nflog_report(struct nflog *nflog, struct sandboxes *sandboxes, struct workers *workers,
		  uint64_t now_us);
