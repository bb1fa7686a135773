/*
 * Octets of a stream in, messages out (RFC 1035 4.2.2, RFC 7766 8): two octets of length, then the
 * message, wherever the segments fall. Owns nothing but its buffer; the zero value is an empty one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_QUERY_MAX 4096 /* no query that is worth an answer is longer */

struct stream_frame {
	uint16_t at, have; /* taken out, and read in */
	uint8_t octets[2 + STREAM_QUERY_MAX];
};

enum stream_framed {
	STREAM_NOTHING = 0, /* no whole message is there */
	STREAM_MESSAGE,
	STREAM_TOO_LONG /* one is announced that no query is: what follows cannot be read */
};

/* Where octets may be read to, and how many; never none while STREAM_NOTHING was the last word. */
uint8_t *stream_frame_room(struct stream_frame *frame, size_t *n);
/* So many came; messages given before are void now. */
void stream_frame_add(struct stream_frame *frame, size_t n);
/* The next message, good until octets are added. */
enum stream_framed stream_frame_next(struct stream_frame *frame, const uint8_t **wire,
				     size_t *len);
/* Is there the beginning of a message that is not whole? */
bool stream_frame_partial(const struct stream_frame *frame);
