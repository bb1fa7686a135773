/*
 * A stream cut into segments: the first octet of each says how many follow. However it is cut, the
 * messages are those of the whole, in order, up to the first that is too long.
 */
#include "edge/stream_frame.h"
#include "fuzz.h"

#include <string.h>

/* The message at *at of the whole; false: there is none, or it is too long. */
static bool reference(const uint8_t *whole, size_t n, size_t *at, size_t *len)
{
	if (n - *at < 2)
		return false;
	*len = (size_t)whole[*at] << 8 | whole[*at + 1];
	if (*len > STREAM_QUERY_MAX || n - *at - 2 < *len)
		return false;
	*at += 2 + *len;
	return true;
}

/* Puts one segment in, as often as there is room; false when the stream cannot be read on. */
static bool segment(struct stream_frame *frame, const uint8_t *octets, size_t n,
		    const uint8_t *whole, size_t size, size_t *at)
{
	while (n) {
		size_t room, len, expected;
		const uint8_t *wire;
		enum stream_framed framed;
		uint8_t *to = stream_frame_room(frame, &room);

		fuzz_must(room > 0);
		room = room < n ? room : n;
		memcpy(to, octets, room);
		stream_frame_add(frame, room);
		octets += room;
		n -= room;
		while ((framed = stream_frame_next(frame, &wire, &len)) == STREAM_MESSAGE) {
			fuzz_must(reference(whole, size, at, &expected) && len == expected);
			fuzz_must(memcmp(wire, whole + *at - len, len) == 0);
		}
		if (framed == STREAM_TOO_LONG)
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream_frame *frame = calloc(1, sizeof(*frame));
	uint8_t *whole = malloc(size ? size : 1);
	size_t n = 0, at = 0, left;

	for (size_t i = 0; whole && i < size;) {
		size_t len = data[i++];

		len = len < size - i ? len : size - i;
		memcpy(whole + n, data + i, len);
		n += len;
		i += len;
	}
	for (size_t i = 0, done = 0; frame && whole && i < size;) {
		size_t len = data[i++];

		len = len < size - i ? len : size - i;
		if (!segment(frame, whole + done, len, whole, n, &at))
			break;
		done += len;
		i += len;
		if (i >= size) { /* all is in: nothing whole is left */
			fuzz_must(!reference(whole, n, &at, &left));
			fuzz_must(stream_frame_partial(frame) == (at < n));
		}
	}
	free(whole);
	free(frame);
	return 0;
}
