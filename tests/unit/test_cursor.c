/* Cursors: nothing is read or written beyond the end, and the first error voids all that follows. */
#include "unit.h"

#include "base/cursor.h"

#include <namegate/error.h>

static void reads_network_order(void **state)
{
	(void)state;
	const uint8_t octets[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct reader reader = reader_make(octets, sizeof(octets));
	assert_int_equal(reader_u8(&reader), 1);
	assert_int_equal(reader_u16(&reader), 0x0203);
	assert_int_equal(reader_u32(&reader), 0x04050607);
	assert_int_equal(reader_left(&reader), 2);
	assert_ptr_equal(reader_octets(&reader, 2), octets + 7);
	assert_int_equal(reader_left(&reader), 0);
	assert_int_equal(reader.error, NG_OK);
	assert_non_null(reader_octets(&reader, 0));
	assert_int_equal(reader.error, NG_OK);
}

static void reads_high_octets_unsigned(void **state)
{
	(void)state;
	const uint8_t octets[] = {0xff, 0xfe, 0xfd, 0xfc};
	struct reader reader = reader_make(octets, 4);
	assert_true(reader_u32(&reader) == 0xfffefdfcu);
}

static void short_read_sticks(void **state)
{
	(void)state;
	for (size_t len = 0; len < 4; len++) {
		uint8_t *octets = exact("\1\2\3", len);
		struct reader reader = reader_make(octets, len);
		assert_int_equal(reader_u32(&reader), 0);
		assert_int_equal(reader.error, NG_E_SHORT);
		assert_int_equal(reader.pos, 0);
		assert_int_equal(reader_u8(&reader), 0); /* even where one is left */
		assert_int_equal(reader_u16(&reader), 0);
		assert_null(reader_octets(&reader, 0));
		assert_int_equal(reader_left(&reader), 0);
		free(octets);
	}
}

static void huge_lengths_do_not_wrap(void **state)
{
	(void)state;
	uint8_t octets[8] = {0};
	struct reader reader = reader_make(octets, sizeof(octets));
	reader_u8(&reader);
	assert_null(reader_octets(&reader, SIZE_MAX));
	assert_int_equal(reader.error, NG_E_SHORT);
	struct writer writer = writer_make(octets, sizeof(octets));
	writer_u8(&writer, 1);
	writer_octets(&writer, octets, SIZE_MAX);
	assert_int_equal(writer.error, NG_E_FULL);
	assert_int_equal(writer.pos, 1);
}

static void what_is_written_reads_back(void **state)
{
	(void)state;
	uint8_t octets[16];
	struct writer writer = writer_make(octets, sizeof(octets));
	writer_u8(&writer, 0xab);
	writer_u16(&writer, 0xcdef);
	writer_u32(&writer, 0x89012345);
	writer_octets(&writer, "xy", 2);
	writer_u16_at(&writer, 1, 0x1234);
	assert_int_equal(writer.error, NG_OK);
	assert_int_equal(writer.pos, 9);
	assert_memory_equal(octets, "\xab\x12\x34\x89\x01\x23\x45xy", 9);
}

static void full_sticks_and_keeps_what_is_there(void **state)
{
	(void)state;
	uint8_t *octets = exact("....", 4);
	struct writer writer = writer_make(octets, 4);
	writer_u16(&writer, 0x4142);
	writer_u8(&writer, 'C');
	writer_u16(&writer, 0xffff);
	assert_int_equal(writer.error, NG_E_FULL);
	assert_int_equal(writer.pos, 3);
	writer_u8(&writer, 'D'); /* would fit */
	writer_u16_at(&writer, 0, 0);
	assert_int_equal(writer.pos, 3);
	assert_memory_equal(octets, "ABC.", 4);
	free(octets);
}

static void patches_only_what_is_written(void **state)
{
	(void)state;
	uint8_t octets[8] = {0};
	for (size_t pos = 0; pos < 8; pos++) {
		struct writer writer = writer_make(octets, sizeof(octets));
		writer_u32(&writer, 0);
		writer_u16_at(&writer, pos, 1);
		assert_int_equal(writer.error, pos <= 2 ? NG_OK : NG_E_FULL);
	}
}

static void empty_room(void **state)
{
	(void)state;
	struct writer writer = writer_make(NULL, 0);
	writer_octets(&writer, NULL, 0);
	assert_int_equal(writer.error, NG_OK);
	writer_u8(&writer, 0);
	assert_int_equal(writer.error, NG_E_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_network_order),
		cmocka_unit_test(reads_high_octets_unsigned),
		cmocka_unit_test(short_read_sticks),
		cmocka_unit_test(huge_lengths_do_not_wrap),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(full_sticks_and_keeps_what_is_there),
		cmocka_unit_test(patches_only_what_is_written),
		cmocka_unit_test(empty_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
