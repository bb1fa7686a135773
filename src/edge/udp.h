/*
 * The UDP side of the listeners: queries come in by the batch, replies leave by the batch.
 *
 * main binds the sockets; this edge owns the descriptors it is given. A query gets a handle, which
 * stays good until it is answered or dropped; handles of this edge have bit 63 clear. Nothing is
 * allocated per packet. Replies wait in the listener's batch until udp_flush(), once a loop turn.
 */
#pragma once

#include <namegate/gate.h>
#include <uv.h>

struct udp;

struct udp_calls {
	void *context;
	void (*batch)(void *context); /* ahead of the queries that were taken together */
	/* client and wire are good during the call; client->interface is "" when the kernel does not know it. */
	void (*query)(void *context, const struct ng_client *client, const uint8_t *wire,
		      size_t len);
};

struct udp_counters {
	uint64_t received, sent;
	uint64_t crowded;  /* queries dropped: all handles in use, or too many glued together */
	uint64_t oversize; /* queries dropped: longer than any query we read */
	uint64_t portless; /* queries dropped: from port 0 */
	uint64_t unsent;   /* replies dropped: the kernel took them not, or not in time */
};

int udp_create(uv_loop_t *loop, const struct udp_calls *calls, struct udp **out) NG_MUST_CHECK;
/* Closes the listeners; takes NULL. The loop must run once more before it is closed itself. */
void udp_destroy(struct udp *udp);

/* Takes a bound socket over, also on failure. NG_E_FULL, NG_E_FORMAT (no UDP socket), NG_E_NOMEM, NG_E_IO. */
int udp_listen(struct udp *udp, int fd) NG_MUST_CHECK;
/* Nothing is read before this: the gate must be able to answer. */
void udp_start(struct udp *udp);

void udp_reply(struct udp *udp, uint64_t handle, const uint8_t *wire, size_t len);
void udp_drop(struct udp *udp, uint64_t handle);
void udp_flush(struct udp *udp);
struct udp_counters udp_counters(const struct udp *udp);
