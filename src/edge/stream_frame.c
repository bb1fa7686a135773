/*
 * One buffer, as long as the longest query: messages are read where they lie, and what is left of the
 * last one moves to the front before more is read. So a whole query always finds room.
 */
#include "edge/stream_frame.h"

#include <string.h>

uint8_t *stream_frame_room(struct stream_frame *frame, size_t *n)
{
	size_t left = (size_t)frame->have - frame->at;

	if (frame->at)
		memmove(frame->octets, frame->octets + frame->at, left);
	frame->at = 0;
	frame->have = (uint16_t)left;
	*n = sizeof(frame->octets) - left;
	return frame->octets + left;
}

void stream_frame_add(struct stream_frame *frame, size_t n)
{
	frame->have = (uint16_t)(frame->have + n);
}

enum stream_framed stream_frame_next(struct stream_frame *frame, const uint8_t **wire,
				     size_t *len)
{
	const uint8_t *octets = frame->octets + frame->at;
	size_t left = (size_t)frame->have - frame->at, size;

	if (left < 2)
		return STREAM_NOTHING;
	size = (size_t)octets[0] << 8 | octets[1];
	if (size > STREAM_QUERY_MAX)
		return STREAM_TOO_LONG;
	if (left < 2 + size)
		return STREAM_NOTHING;
	frame->at = (uint16_t)(frame->at + 2 + size);
	*wire = octets + 2;
	*len = size;
	return STREAM_MESSAGE;
}

bool stream_frame_partial(const struct stream_frame *frame)
{
	return frame->have > frame->at;
}
