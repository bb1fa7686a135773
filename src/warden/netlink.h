/*
 * One netfilter netlink socket: batches that either happen as a whole or not at all, dumps, and the
 * generation number of the rule set. The owner of the nftables table is the socket (its port
 * number), so all writes of the warden go through one struct netlink.
 */
#pragma once

#include <netinet/in.h> /* before the kernel's own, which then give way */

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Newer than Debian 12's kernel headers. */
#ifndef NFT_TABLE_F_PERSIST
#define NFT_TABLE_F_PERSIST 0x4
#endif
#define NFT_DESTROYSETELEM 30 /* NFT_MSG_DESTROYSETELEM, Linux 6.3 */

struct netlink {
	int fd;
	uint32_t port, seq;
	uint32_t commits; /* own ones that the kernel confirmed */
	bool acks_end;    /* the kernel acknowledges the end of a batch (as probed) */
	char *replies;    /* receive buffer, owned */
};

/* A non-blocking netfilter socket with large buffers. NG_E_IO, NG_E_PERM, NG_E_NOMEM; see errno. */
int netlink_open(struct netlink *out) NG_MUST_CHECK;
/* The same for interfaces and routing: for netlink_ask() alone. */
int netlink_open_route(struct netlink *out) NG_MUST_CHECK;
void netlink_close(struct netlink *netlink); /* takes NULL */

/* Messages in the making. Memory failure is sticky and shows in batch_commit(). */
struct batch {
	char *octets; /* owned */
	size_t len, room;
	struct nlmsghdr *open; /* the message that is being written */
	uint32_t first, last;  /* sequence numbers of begin and of the last real message */
	size_t messages;
	uint8_t family; /* of the next messages: NFPROTO_INET unless somebody sets another */
	bool failed;
};
int batch_init(struct batch *batch) NG_MUST_CHECK; /* NG_E_NOMEM */
void batch_finish(struct batch *batch);            /* takes NULL */
void batch_begin(struct batch *batch, struct netlink *netlink);
/* A new nftables message of that NFT_MSG_ type; good until the next one is asked for. */
struct nlmsghdr *batch_message(struct batch *batch, struct netlink *netlink, uint16_t type,
			       uint16_t flags);

/* Told of each message that the kernel refused; error is a positive errno. */
typedef void refused_fn(void *who, uint32_t seq, int error);
/*
 * Sends the batch and reads the kernel's word on it. NG_OK only when its end, or where the kernel
 * answers no end the last message, was acknowledged and nothing was refused; else nothing has happened and the code is NG_E_KERNEL,
 * NG_E_PERM or NG_E_NOMEM, and *system the first errno (0: no acknowledgement came).
 */
int batch_commit(struct batch *batch, struct netlink *netlink, refused_fn *refused, void *who,
		 int *system) NG_MUST_CHECK;

/* Sends one request outside of batches and hands each reply to each(); errno-like in *system. */
/*
 * Sends requests that stand one after another, as netlink_request() made them, many at a time, and
 * waits for the last of each lot. Returns the first errno that is not `harmless`, or 0.
 */
int netlink_tell(struct netlink *netlink, char *requests, size_t len,
		 int harmless) NG_MUST_CHECK;
int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t each, void *who,
		int *system) NG_MUST_CHECK;
/*
 * The same in pieces: sends the request (0, or an errno), and then takes one datagram at a time.
 * MNL_CB_OK: there is more, now or later (errno EAGAIN); MNL_CB_STOP: that was all, MNL_CB_ERROR.
 */
int netlink_begin(struct netlink *netlink, struct nlmsghdr *request) NG_MUST_CHECK;
int netlink_more(struct netlink *netlink, uint32_t seq, mnl_cb_t each, void *who) NG_MUST_CHECK;
/* Starts a request for that subsystem in buf (MNL_SOCKET_BUFFER_SIZE octets). */
struct nlmsghdr *netlink_request(struct netlink *netlink, char *buf, uint8_t subsystem,
				 uint8_t type, uint16_t flags, uint8_t family);
/* The generation of the rule set of this network namespace. NG_E_KERNEL. */
int netlink_generation(struct netlink *netlink, uint32_t *out) NG_MUST_CHECK;
