/* Parts of messages: headers, records, and the option list of an OPT. */
#include "message_maker.h"

#include "dns/wire.h"

static void headers(void **state)
{
	(void)state;
	struct maker maker;
	make_header(&maker, 0x2dab, 1, 2, 3, 4);
	for (size_t n = 0; n <= NG_HEADER_LEN; n++) {
		uint8_t *copy = exact(maker.octets, n);
		struct reader reader = reader_make(copy, n);
		struct wire_header header = wire_header_read(&reader);
		assert_int_equal(reader.error, n < NG_HEADER_LEN ? NG_E_SHORT : NG_OK);
		if (n == NG_HEADER_LEN) {
			assert_int_equal(header.id, 0x1234);
			assert_int_equal(wire_opcode(&header), 5);
			assert_int_equal(header.counts[WIRE_QUESTION], 1);
			assert_int_equal(header.counts[WIRE_ADDITIONAL], 4);
		}
		free(copy);
	}
}

static void records_cut_anywhere(void **state)
{
	(void)state;
	struct maker maker = {.n = 12};
	make_rr(&maker, "a.example", 65280, 0x01020304, "data", 4);
	for (size_t n = 12; n <= maker.n; n++) {
		uint8_t *copy = exact(maker.octets, n);
		struct reader reader = reader_make(copy, n);
		struct wire_record record;
		reader.pos = 12;
		wire_record_read(&reader, &record);
		assert_int_equal(reader.error, n < maker.n ? NG_E_SHORT : NG_OK);
		if (n == maker.n) {
			assert_int_equal(record.type, 65280);
			assert_int_equal(record.ttl, 0x01020304);
			assert_int_equal(record.rdlen, 4);
			assert_memory_equal(copy + record.rdata, "data", 4);
		}
		free(copy);
	}
}

static int opt_read(uint32_t ttl, const void *options, size_t n, struct wire_opt *out)
{
	uint8_t *copy = exact(options, n);
	struct wire_record record = {.owner = {.len = 1},
				     .type = NG_TYPE_OPT,
				     .class = 1400,
				     .ttl = ttl,
				     .rdlen = (uint16_t)n};
	int error = wire_opt_read(&record, copy, out);
	free(copy);
	return error;
}

static void cookie_lengths(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 60; n++) { /* RFC 7873 4 */
		uint8_t options[64] = {0, 10, 0, (uint8_t)n};
		struct wire_opt opt;
		bool good = n == 8 || (n >= 16 && n <= 40);
		assert_int_equal(opt_read(0, options, 4 + n, &opt), good ? NG_OK : NG_E_FORMAT);
	}
}

static void options_must_fill_the_data(void **state)
{
	(void)state;
	struct wire_opt opt;
	const uint8_t options[] = {0, 3, 0, 2, 'i', 'd', 0xff, 0xff, 0, 0};
	for (size_t n = 0; n <= sizeof(options); n++) {
		bool good = n == 0 || n == 6 || n == 10;
		assert_int_equal(opt_read(0, options, n, &opt), good ? NG_OK : NG_E_FORMAT);
	}
	assert_int_equal(opt_read(0, "\0\3\xff\xff", 4, &opt), NG_E_FORMAT);
	/* What version 1 would put there is not ours to judge. */
	assert_int_equal(opt_read(0x10000, "?", 1, &opt), NG_OK);
	assert_int_equal(opt.version, 1);
}

static void hidden_fields(void **state)
{
	(void)state;
	struct wire_opt opt;
	assert_int_equal(opt_read(0xab008000, "", 0, &opt), NG_OK);
	assert_int_equal(opt.udp_size, 1400);
	assert_int_equal(opt.rcode_high, 0xab);
	assert_int_equal(opt.version, 0);
	assert_true(opt.dnssec_ok);
	assert_int_equal(opt_read(0x7fff, "", 0, &opt), NG_OK);
	assert_false(opt.dnssec_ok);
}

static void owner_is_the_root(void **state)
{
	(void)state;
	struct wire_record record = {.type = NG_TYPE_OPT};
	struct wire_opt opt = {.udp_size = 77};
	record.owner = name_of("x");
	assert_int_equal(wire_opt_read(&record, NULL, &opt), NG_E_FORMAT);
	assert_int_equal(opt.udp_size, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),        cmocka_unit_test(records_cut_anywhere),
		cmocka_unit_test(cookie_lengths), cmocka_unit_test(options_must_fill_the_data),
		cmocka_unit_test(hidden_fields),  cmocka_unit_test(owner_is_the_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
