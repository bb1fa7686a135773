/* The Extended DNS Error of a message that somebody else sent (RFC 8914). */
#include "dns/wire.h"

/* The first of its options; the walk was checked by wire_opt_read(). */
static int options_find(const uint8_t *octets, size_t len)
{
	struct reader reader = reader_make(octets, len);

	while (reader_left(&reader)) {
		uint16_t code = reader_u16(&reader);
		uint16_t size = reader_u16(&reader);
		const uint8_t *value = reader_octets(&reader, size);

		if (value && code == NG_OPTION_EDE && size >= 2)
			return value[0] << 8 | value[1];
	}
	return NG_EDE_NONE;
}

int ng_ede_find(const uint8_t *wire, size_t len)
{
	struct reader reader = reader_make(wire, len);
	struct wire_header header = wire_header_read(&reader);
	struct ng_question question;
	unsigned int records = 0;

	for (unsigned int i = 0; i < header.counts[WIRE_QUESTION] && !reader.error; i++)
		wire_question_read(&reader, &question);
	for (int section = WIRE_ANSWER; section < WIRE_SECTIONS; section++)
		records += header.counts[section];
	for (unsigned int i = 0; i < records; i++) {
		struct wire_record record;
		struct wire_opt opt;

		wire_record_read(&reader, &record);
		if (reader.error)
			break;
		if (record.type == NG_TYPE_OPT && wire_opt_read(&record, wire, &opt) == NG_OK)
			return options_find(wire + record.rdata, record.rdlen);
	}
	return NG_EDE_NONE;
}
