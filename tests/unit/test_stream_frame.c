/* Octets in, messages out, wherever the segments fall. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/stream_frame.h"
#include <stdlib.h>
#include <string.h>

/* Puts in as much as there is room for. */
static size_t put(struct stream_frame *frame, const uint8_t *octets, size_t n)
{
	size_t room;
	uint8_t *at = stream_frame_room(frame, &room);

	if (n > room)
		n = room;
	memcpy(at, octets, n);
	stream_frame_add(frame, n);
	return n;
}

static void nothing_comes_of_nothing(void **state)
{
	struct stream_frame frame = {0};
	const uint8_t *wire;
	size_t len;

	(void)state;
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_NOTHING);
	assert_false(stream_frame_partial(&frame));
	put(&frame, (const uint8_t *)"", 1);
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_NOTHING);
	assert_true(stream_frame_partial(&frame));
	put(&frame, (const uint8_t *)"", 1); /* a message of no octets is one */
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_MESSAGE);
	assert_int_equal(len, 0);
	assert_false(stream_frame_partial(&frame));
}

static void the_longest_query_fits_and_one_octet_more_does_not(void **state)
{
	struct stream_frame frame = {0};
	static uint8_t octets[2 + STREAM_QUERY_MAX] = {STREAM_QUERY_MAX >> 8,
						       STREAM_QUERY_MAX & 0xff};
	const uint8_t over[] = {STREAM_QUERY_MAX >> 8, (STREAM_QUERY_MAX & 0xff) + 1};
	const uint8_t *wire;
	size_t len;

	(void)state;
	assert_int_equal(put(&frame, octets, sizeof(octets)), sizeof(octets));
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_MESSAGE);
	assert_int_equal(len, STREAM_QUERY_MAX);
	put(&frame, over, sizeof(over));
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_TOO_LONG);
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_TOO_LONG);
}

/* Some hundred messages, cut at random: each comes out once, whole and in order. */
static void cut_at_random(unsigned seed)
{
	static uint8_t stream[400 * 600];
	struct stream_frame frame = {0};
	size_t lens[400], n = 0, done = 0, at = 0, start = 0;

	srandom(seed);
	for (size_t i = 0; i < 400; i++) {
		lens[i] = (size_t)random() % (i % 40 ? 60 : 598);
		stream[n] = (uint8_t)(lens[i] >> 8);
		stream[n + 1] = (uint8_t)lens[i];
		for (size_t j = 0; j < lens[i]; j++)
			stream[n + 2 + j] = (uint8_t)random();
		n += 2 + lens[i];
	}
	while (at < n) {
		size_t most = (size_t)random() % (random() % 8 ? 40 : 5000) + 1;
		const uint8_t *wire;
		size_t len;

		at += put(&frame, stream + at, most < n - at ? most : n - at);
		while (stream_frame_next(&frame, &wire, &len) == STREAM_MESSAGE) {
			assert_true(done < 400);
			assert_int_equal(len, lens[done]);
			assert_memory_equal(wire, stream + start + 2, len);
			start += 2 + len;
			done++;
		}
	}
	assert_int_equal(done, 400);
	assert_false(stream_frame_partial(&frame));
}

static void messages_do_not_care_for_cuts(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++)
		cut_at_random(seed);
}

/* While messages wait in the buffer, what is left of the last one is not lost. */
static void unread_messages_stay(void **state)
{
	const uint8_t three[] = {0, 1, 'a', 0, 1, 'b', 0, 2, 'c'};
	struct stream_frame frame = {0};
	const uint8_t *wire;
	size_t len;

	(void)state;
	put(&frame, three, sizeof(three));
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_MESSAGE);
	assert_int_equal(wire[0], 'a');
	put(&frame, (const uint8_t *)"d", 1);
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_MESSAGE);
	assert_int_equal(wire[0], 'b');
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_MESSAGE);
	assert_memory_equal(wire, "cd", 2);
	assert_int_equal(stream_frame_next(&frame, &wire, &len), STREAM_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_comes_of_nothing),
		cmocka_unit_test(the_longest_query_fits_and_one_octet_more_does_not),
		cmocka_unit_test(messages_do_not_care_for_cuts),
		cmocka_unit_test(unread_messages_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
