/* The inside of the stream edge, shared by the files stream*.c and by nobody else. */
#pragma once

#include "edge/stream.h"
#include "edge/stream_frame.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define STREAM_IDLE_MS     10000
#define STREAM_WHOLE_MS    5000         /* from the first octet of a message to its last */
#define STREAM_UNREAD_MS   10000        /* for one reply to be taken */
#define STREAM_ANSWER_MS   60000        /* longer than any question may take */
#define STREAM_LINGER_MS   1000         /* between our end of a connection and the client's */
#define STREAM_LINGER_MAX  (256u << 10) /* octets that are read and thrown away meanwhile */
#define STREAM_FULL        (64u << 10)  /* octets of unread replies: no more is read then */
#define STREAM_QUEUE_MAX   (256u << 10) /* and what one client may leave unread at most */
#define STREAM_CLIENTS_MAX 65535        /* the handle's width */
#define STREAM_HANDLE      (UINT64_C(1) << 63)

union stream_handle {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct share_key { /* of one sandbox; or of a stranger: an interface and an address */
	uint32_t sandbox, ifindex;
	uint8_t family, bytes[8]; /* of IPv6 the first 64 bits: the rest is free to choose */
	uint8_t pad[3];
};

struct share {
	struct share_key key;
	uint32_t n;
	struct stream_client *clients; /* by last activity, the oldest first */
	UT_hash_handle hh;
};

struct stream_client {
	union stream_handle uv;
	struct streams *streams;
	struct share *share;               /* NULL: not admitted */
	struct stream_client *prev, *next; /* of the share */
	uint32_t sandbox;                  /* whose Unix socket it came in by; 0: TCP */
	struct ng_peer peer;
	struct ng_addr addr;
	uint32_t ifindex;
	char interface[NG_IFNAME_MAX];
	uint64_t
		active_ms; /* accepted, or last reply; a question that is answered by none is no activity */
	uint64_t begun_ms; /* first octet of a partial message */
	uint64_t stuck_ms; /* since then no reply that waits was taken as a whole */
	uint64_t left_ms;  /* our end was said */
	uint32_t outstanding, generation, thrown;
	uint16_t index;
	bool full;    /* it is to read before more is read from it */
	bool ended;   /* nothing more is taken from it: it said so, or cannot be read */
	bool hung_up; /* it said so */
	bool leaving, closing;
	uv_shutdown_t farewell;
	struct stream_frame frame;
};

struct stream_listener {
	union stream_handle uv;
	struct streams *streams;
	uint32_t sandbox;
	bool unix_socket;
	bool listening;
	bool refused; /* somebody at the door, and no memory for a client */
};

struct streams {
	uv_loop_t *loop;
	struct stream_calls calls;
	uv_timer_t sweep;
	union stream_handle
		turned_away; /* takes a connection that there is no memory for, to end it */
	bool turning_away;
	struct stream_listener *listeners[NG_LISTENERS_MAX + NG_SOCKETS_MAX];
	uint32_t n_listeners;
	bool started, ended;
	uint32_t handles; /* open libuv handles: the last one to close frees everything */
	struct stream_limits limits;
	struct share *shares;          /* table */
	struct stream_client **places; /* by index */
	uint32_t n_places, next_place, generation;
	struct stream_counters counters;
};

/* stream.c: a handle has closed. */
void streams_released(struct streams *streams);
/* There is a client: from now on overdue ones are looked for. */
void streams_watch(struct streams *streams);

/* stream_places.c: who may have a place. */
/* Finds it one, if need be another's; false: it is to go. */
bool place_take(struct stream_client *client, const struct share_key *key);
void place_leave(struct stream_client *client);
/* It has been of use: the last of its share to give way. */
void place_touch(struct stream_client *client);
/* NULL: it is gone, or has no question under way. Takes one from the count of those. */
struct stream_client *place_of(const struct streams *streams, uint64_t handle);
/* Is there no room for one more of its share? */
bool place_scarce(const struct stream_client *client);

/* stream_client.c: one connection. */
/* Reads from an accepted one that has its place. */
void client_begin(struct stream_client *client);
void client_close(struct stream_client *client); /* at once */
/* Ends it for being idle, dribbling or not reading, if it is by now. */
void client_overdue(struct stream_client *client, uint64_t now_ms);
/* Closes it when all is said. */
void client_settle(struct stream_client *client);

/* stream_listen.c */
void stream_doors_open(struct streams *streams);
void stream_doors_close(struct streams *streams);
