/*
 * The kernel's log of refused packets: read, and passed on to the tally. Its rate is limited, for
 * each source and in all; the tally knows the numbers.
 */
#pragma once

#include "warden/netlink.h"
#include "warden/sandboxes.h"
#include "warden/tally.h"

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
/* Reads what is there. */
void nflog_read(struct nflog *nflog, struct tally *tally, const struct sandboxes *sandboxes,
		uint64_t now_us);
