/*
 * Sending and receiving wall packets on a SOCK_SEQPACKET descriptor. Non-blocking; the caller polls.
 * An edge, not core: it makes system calls. The warden links it too.
 */
#pragma once

#include "base/wall.h"

/* A pair of non-blocking, close-on-exec SOCK_SEQPACKET ends with large buffers. NG_E_IO. */
int channel_pair(int ends[static 2]) NG_MUST_CHECK;
/* Sends packet with its head filled in; fd is -1 for none. NG_E_FULL (would block), NG_E_CLOSED, NG_E_IO. */
int channel_send(int channel, const struct wall_packet *packet, int fd) NG_MUST_CHECK;
/*
 * Receives one packet and checks it. NG_E_NOTFOUND when there is none now, NG_E_CLOSED when the
 * peer is gone, NG_E_FORMAT when it broke the rules (a descriptor that came along is closed).
 * *fd is the descriptor that came with it, or -1; then the caller owns it.
 */
int channel_receive(int channel, enum wall_way way, struct wall_packet *packet,
		    int *fd) NG_MUST_CHECK;
