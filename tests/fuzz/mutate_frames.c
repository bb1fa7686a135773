/*
 * Changes to what comes in records and frames: packets of the walls, DNS over TCP in segments, and TLS.
 * Segments are taken out of their cuts, changed as one stream, and cut anew.
 */
#include "base/wall.h"
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_MAX 65536

/* ---- walls ---- */

/* Another kind or number of bodies, of the size that this has; what follows is what stood there, or 0. */
static void wall_resize(struct edit *edit)
{
	static const uint8_t nothing[sizeof(struct wall_packet)];
	struct wall_head head = {.kind = (uint16_t)roll(edit, WALL_KINDS), .count = 1};
	size_t size;

	if (!roll(edit, 3))
		head.count = (uint16_t)(1 + roll(edit, (uint32_t)wall_count_max(head.kind)));
	size = wall_packet_size(head.kind, head.count);
	if (size < sizeof(head) || size + 2 > edit->room || size > sizeof(nothing))
		return;
	if (edit->n > 2 + size)
		edit->n = 2 + size;
	edit_put(edit, edit->n, 0, nothing, 2 + size - edit->n);
	memcpy(edit->data + 2, &head, sizeof(head));
}

/* A field, as the machine has numbers. */
static void wall_field(struct edit *edit)
{
	static const uint64_t values[] = {0,  1,   2,    4,      6,          16,        32,
					  64, 128, 0xff, 0xffff, UINT32_MAX, UINT64_MAX};
	size_t size = (size_t)1 << roll(edit, 4);
	uint64_t value = roll(edit, 2) ? values[roll(edit, sizeof(values) / sizeof(values[0]))]
				       : odd_number(edit);
	size_t at = 2 + size * roll(edit, (uint32_t)((edit->n - 2) / size));

	if (at + size <= edit->n)
		memcpy(edit->data + at, &value, size);
}

/* Text without an end, or with one that comes early. */
static void wall_text(struct edit *edit)
{
	size_t at = 2 + roll(edit, (uint32_t)(edit->n - 2));
	size_t n = 1 + roll(edit, NG_NAME_MAX);

	n = n < edit->n - at ? n : edit->n - at;
	memset(edit->data + at, roll(edit, 4) ? 'a' + (int)roll(edit, 26) : 0, n);
}

/* A part of the packet once more in another place: addresses are wanted in many. */
static void wall_copy(struct edit *edit)
{
	static const uint8_t sizes[] = {4, 8, 17, 18, 20, 24};
	size_t n = sizes[roll(edit, sizeof(sizes))], from, to;

	if (edit->n < 2 + n)
		return;
	from = 2 + roll(edit, (uint32_t)(edit->n - 2 - n + 1));
	to = 2 + roll(edit, (uint32_t)(edit->n - 2 - n + 1));
	memmove(edit->data + to, edit->data + from, n);
}

static void wall_head(struct edit *edit)
{
	edit->data[roll(edit, 2)] = (uint8_t)roll(edit, 8);
}

void mutate_wall(struct edit *edit)
{
	static mutate_fn *const changes[] = {wall_resize, wall_field, wall_field, wall_field,
					     wall_text,   wall_copy,  wall_head};

	if (edit->n < 2 + sizeof(struct wall_head))
		wall_resize(edit);
	else
		changes[roll(edit, sizeof(changes) / sizeof(changes[0]))](edit);
}

/* ---- segments ---- */

struct frame {
	size_t at, head, len; /* head octets, then len octets */
};

/* A frame of the stream, any of them; `head` octets, the last two of them the length. */
static bool any_frame(struct edit *edit, size_t head, struct frame *out)
{
	uint32_t seen = 0;

	for (size_t at = 0; at + head <= edit->n;) {
		size_t len = edit_u16(edit, at + head - 2);

		len = len < edit->n - at - head ? len : edit->n - at - head;
		if (!roll(edit, ++seen)) /* each of them as likely */
			*out = (struct frame){at, head, len};
		at += head + len;
	}
	return seen > 0;
}

static void frame_resize(struct edit *edit, const struct frame *frame)
{
	edit_u16_set(edit, frame->at + frame->head - 2,
		     roll(edit, 3) ? odd_number(edit) : roll(edit, 20));
}

static void frame_copy(struct edit *edit, const struct frame *frame)
{
	static uint8_t octets[STREAM_MAX];
	size_t n = frame->head + frame->len;

	if (n > sizeof(octets))
		return;
	memcpy(octets, edit->data + frame->at, n);
	edit_put(edit, roll(edit, 2) ? frame->at : edit->n, 0, octets, n);
}

static void frame_drop(struct edit *edit, const struct frame *frame)
{
	edit_put(edit, frame->at, frame->head + frame->len, NULL, 0);
}

/* What is in it changes, and its length with it. */
static void frame_message(struct edit *edit, const struct frame *frame)
{
	static uint8_t octets[STREAM_MAX];
	struct edit inside;

	if (frame->len > sizeof(octets) / 2)
		return;
	memcpy(octets, edit->data + frame->at + frame->head, frame->len);
	inside = edit_make(octets, frame->len, sizeof(octets), roll(edit, UINT32_MAX));
	mutate_message(&inside);
	if (edit_put(edit, frame->at + frame->head, frame->len, octets, inside.n))
		edit_u16_set(edit, frame->at + frame->head - 2, (unsigned int)inside.n);
}

static void change_dns(struct edit *edit)
{
	static void (*const changes[])(struct edit *, const struct frame *) = {
		frame_resize,  frame_copy,    frame_drop,
		frame_message, frame_message, frame_message};
	static const uint8_t start[2 + 12] = {0, 12};
	struct frame frame;

	if (any_frame(edit, 2, &frame))
		changes[roll(edit, sizeof(changes) / sizeof(changes[0]))](edit, &frame);
	else
		edit_put(edit, edit->n, 0, start, sizeof(start));
}

/* Type, version, length, or the head of a handshake's message. */
static void record_change(struct edit *edit, const struct frame *frame)
{
	static const uint8_t types[] = {0, 20, 21, 22, 23, 24, 255};
	static const uint8_t shakes[] = {0, 1, 2, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 24, 254};

	switch (roll(edit, 4)) {
	case 0:
		edit->data[frame->at] = types[roll(edit, sizeof(types))];
		break;
	case 1:
		edit_u16_set(edit, frame->at + 1, 0x0300 + roll(edit, 6));
		break;
	case 2:
		if (frame->len)
			edit->data[frame->at + 5] = shakes[roll(edit, sizeof(shakes))];
		break;
	default:
		if (frame->len >= 4)
			edit_u16_set(edit, frame->at + 5 + roll(edit, (uint32_t)frame->len - 1),
				     odd_number(edit));
	}
}

static void change_tls(struct edit *edit)
{
	static void (*const changes[])(struct edit *, const struct frame *) = {
		frame_resize,  frame_copy,    frame_drop,
		record_change, record_change, record_change};
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 40};
	struct frame frame;

	if (any_frame(edit, 5, &frame))
		changes[roll(edit, sizeof(changes) / sizeof(changes[0]))](edit, &frame);
	else
		edit_put(edit, edit->n, 0, alert, sizeof(alert));
}

/* The octets of all segments behind `skip`, without their cuts. */
static size_t join(const struct edit *edit, size_t skip, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = skip; i < edit->n;) {
		size_t len = edit->data[i++];

		len = len < edit->n - i ? len : edit->n - i;
		memcpy(out + n, edit->data + i, len);
		n += len;
		i += len;
	}
	return n;
}

/* Cut where frames end, or anywhere, or in single octets; an empty segment here and there. */
static void split(struct edit *edit, size_t skip, const uint8_t *octets, size_t n)
{
	uint32_t longest = roll(edit, 3) ? 255 : 1 + roll(edit, 40);

	edit->n = skip;
	for (size_t at = 0; at < n;) {
		uint8_t head = (uint8_t)(roll(edit, 4) ? longest : roll(edit, longest + 1));

		head = head < n - at ? head : (uint8_t)(n - at);
		if (!edit_put(edit, edit->n, 0, &head, 1) ||
		    !edit_put(edit, edit->n, 0, octets + at, head))
			return;
		at += head;
	}
}

static void mutate_segments(struct edit *edit, size_t skip, mutate_fn *change)
{
	static uint8_t octets[2 * STREAM_MAX];
	struct edit whole;

	if (edit->n > STREAM_MAX || edit->n < skip)
		return;
	whole = edit_make(octets, join(edit, skip, octets), sizeof(octets),
			  roll(edit, UINT32_MAX));
	if (roll(edit, 4))
		change(&whole);
	split(edit, skip, octets, whole.n);
}

void mutate_stream(struct edit *edit)
{
	mutate_segments(edit, 0, change_dns);
}

void mutate_upstream(struct edit *edit)
{
	if (edit->n && !roll(edit, 8))
		edit->data[0] = (uint8_t)roll(edit, 17);
	mutate_segments(edit, 1, change_dns);
}

/* A word of the socket's, a piece of JSON, or a line's end, somewhere; or a piece is gone, or there twice. */
static void change_lines(struct edit *edit)
{
	static const char *const words[] = {"{\"name\":\"a\",\"sources\":[\"10.0.0.1\"]}\n",
					    ",\"interface\":\"v0\"",
					    ",\"private\":[\"10.0.0.0/8\"]",
					    ",\"policies\":[\"/a\",\"preset:b\",\"zone:c\"]",
					    ",\"allow\":[\"a.b\",\"*.c\"]",
					    ",\"snat\":[\"192.0.2.1\"]",
					    ",\"mode\":\"observe\"",
					    ",\"uid\":1",
					    ",\"cgroup\":\"/a\"",
					    ",\"sidecar\":true",
					    ",\"bridge\":\"br0\"",
					    ",\"budget\":64",
					    ",\"budget\":\"off\"",
					    ",\"aaaa\":false",
					    ",\"group\":\"g\"",
					    ",\"masquerade\":true",
					    "{",
					    "}",
					    "[",
					    "]",
					    "\"",
					    "\\u0000",
					    "\\ud800",
					    ",",
					    ":",
					    "\n",
					    "null",
					    "-1",
					    "1e999",
					    "fd00::/64",
					    "18446744073709551616"};
	const char *word = words[roll(edit, sizeof(words) / sizeof(words[0]))];
	size_t at = roll(edit, (uint32_t)edit->n + 1), n = roll(edit, 24);
	uint8_t piece[24];

	n = n < edit->n - at ? n : edit->n - at;
	switch (roll(edit, 4)) {
	case 0:
		edit_put(edit, at, n, NULL, 0);
		break;
	case 1:
		memcpy(piece, edit->data + at, n);
		edit_put(edit, at, 0, piece, n);
		break;
	default:
		edit_put(edit, at, roll(edit, 2) ? n : 0, word, strlen(word));
	}
}

void mutate_control(struct edit *edit)
{
	if (edit->n && !roll(edit, 16))
		edit->data[0] = (uint8_t)(roll(edit, 2) ? roll(edit, 2) : roll(edit, 256));
	mutate_segments(edit, 1, change_lines);
}

void mutate_tls(struct edit *edit)
{
	static const uint8_t change[3] = {0, 40, 1};
	size_t at;

	if (edit->n && !roll(edit, 8))
		edit->data[0] ^= (uint8_t)(1u << roll(edit, 5));
	if (edit->n && edit->data[0] & 1) {
		mutate_segments(edit, 1, change_tls);
		return;
	}
	if (edit->n < 4 || !roll(edit, 4)) {
		edit_put(edit, edit->n, 0, change, edit->n ? 3 : 1);
		return;
	}
	at = 1 + 3 * roll(edit, (uint32_t)((edit->n - 1) / 3));
	if (roll(edit, 2))
		edit_u16_set(edit, at, roll(edit, 2) ? roll(edit, 600) : odd_number(edit));
	else if (at + 2 < edit->n)
		edit->data[at + 2] = (uint8_t)(1u << roll(edit, 8));
}
