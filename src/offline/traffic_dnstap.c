/*
 * dnstap: what a resolver saw, as frames of Frame Streams that hold one protobuf message each.
 *
 * libfstrm reads the frames. The messages are read here and not by protobuf-c: of some thirty fields
 * nine matter, all of them numbers and octet strings, so a bounded cursor reads them where they lie,
 * while the library would need its compiler in the build and would copy every field of a
 * hostile file to the heap first. Field numbers are those of dnstap.proto.
 *
 * Only what programs asked of the server is taken. What a resolver asked in turn is its own affair.
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include "base/cursor.h"

#include <fstrm.h>
#include <netinet/in.h>
#include <string.h>

#define CONTENT_TYPE  "protobuf:dnstap.Dnstap"
#define FRAME_MAX     (128u << 10) /* two messages of 64 KiB never stand in one frame */
#define FIELD_MESSAGE 14           /* of the outer message */

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_OCTETS = 2, WIRE_32 = 5 };

enum message_field {
	MESSAGE_TYPE = 1,
	MESSAGE_PROTOCOL = 3,
	MESSAGE_QUERY_ADDRESS = 4,
	MESSAGE_RESPONSE_ADDRESS = 5,
	MESSAGE_QUERY_SEC = 8,
	MESSAGE_QUERY_NSEC = 9,
	MESSAGE_QUERY = 10,
	MESSAGE_RESPONSE_SEC = 12,
	MESSAGE_RESPONSE_NSEC = 13,
	MESSAGE_RESPONSE = 14
};
#define FIELDS_MAX 16 /* numbers beyond mean nothing to us */

struct field {
	uint64_t number;       /* of integers */
	const uint8_t *octets; /* of strings */
	size_t len;
};

/* ---- protobuf ---- */

static uint64_t varint_read(struct reader *reader)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		uint8_t octet = reader_u8(reader);

		value |= (uint64_t)(octet & 0x7f) << shift;
		if (!(octet & 0x80))
			return value;
	}
	reader->error = NG_E_FORMAT;
	return 0;
}

/* Fixed numbers are in little-endian order. */
static uint64_t fixed_read(struct reader *reader, unsigned int octets)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < octets; i++)
		value |= (uint64_t)reader_u8(reader) << (8 * i);
	return value;
}

static void value_read(struct reader *reader, unsigned int type, struct field *out)
{
	uint64_t len;

	switch (type) {
	case WIRE_VARINT:
		out->number = varint_read(reader);
		break;
	case WIRE_64:
		out->number = fixed_read(reader, 8);
		break;
	case WIRE_32:
		out->number = fixed_read(reader, 4);
		break;
	case WIRE_OCTETS:
		len = varint_read(reader);
		if (len > reader_left(reader))
			reader->error = NG_E_SHORT;
		out->len = (size_t)len;
		out->octets = reader_octets(reader, (size_t)len);
		break;
	default:
		reader->error = NG_E_FORMAT;
	}
}

/* All fields of a message; of one that is repeated the last counts. False when it is malformed. */
static bool fields_read(const uint8_t *octets, size_t len, struct field fields[FIELDS_MAX])
{
	struct reader reader = reader_make(octets, len);

	while (reader_left(&reader)) {
		uint64_t key = varint_read(&reader);
		struct field field = {0};

		value_read(&reader, (unsigned int)(key & 7), &field);
		if (reader.error)
			return false;
		if (key >> 3 < FIELDS_MAX)
			fields[key >> 3] = field;
	}
	return true;
}

/* ---- messages ---- */

/* Types come in pairs: odd numbers are queries, the next is the response. */
static bool is_from_program(uint64_t type)
{
	static const bool pairs[] = {
		[0] = true, /* AUTH: to an authoritative server */
		[2] = true, /* CLIENT: to a resolver */
		[4] = true, /* STUB */
		[5] = true, /* TOOL */
	};

	return type >= 1 && (type - 1) / 2 < sizeof(pairs) / sizeof(pairs[0]) &&
	       pairs[(type - 1) / 2];
}

static struct ng_addr address_of(const struct field *field)
{
	if (field->octets && field->len == 4)
		return ng_addr_make(NG_IPV4, field->octets);
	if (field->octets && field->len == 16)
		return ng_addr_make(NG_IPV6, field->octets);
	return (struct ng_addr){0};
}

static void frame_message(struct traffic *traffic, const struct field *fields)
{
	bool response = fields[MESSAGE_TYPE].number % 2 == 0;
	const struct field *message = &fields[response ? MESSAGE_RESPONSE : MESSAGE_QUERY];
	const struct field *sec = &fields[response ? MESSAGE_RESPONSE_SEC : MESSAGE_QUERY_SEC];
	const struct field *nsec =
		&fields[response ? MESSAGE_RESPONSE_NSEC : MESSAGE_QUERY_NSEC];
	struct ng_addr client = address_of(&fields[MESSAGE_QUERY_ADDRESS]);
	struct ng_addr server = address_of(&fields[MESSAGE_RESPONSE_ADDRESS]);
	const struct packet of = {
		.wall_us = sec->number * 1000000u + nsec->number / 1000u,
		.from = response ? server : client,
		.to = response ? client : server,
		.proto = fields[MESSAGE_PROTOCOL].number == 1 ? IPPROTO_UDP : IPPROTO_TCP,
	};

	if (message->octets)
		message_take(traffic, &of, message->octets, message->len);
	else
		traffic_count(traffic, TRAFFIC_N_OTHER);
}

static void frame_take(struct traffic *traffic, const uint8_t *octets, size_t len)
{
	struct field outer[FIELDS_MAX] = {0}, fields[FIELDS_MAX] = {0};
	const struct field *message = &outer[FIELD_MESSAGE];

	traffic_count(traffic, TRAFFIC_N_FRAMES);
	traffic_read_octets(traffic, len);
	if (!fields_read(octets, len, outer) ||
	    !fields_read(message->octets, message->octets ? message->len : 0, fields))
		traffic_count(traffic, TRAFFIC_N_BROKEN);
	else if (!is_from_program(fields[MESSAGE_TYPE].number))
		traffic_count(traffic, TRAFFIC_N_OTHER);
	else
		frame_message(traffic, fields);
}

/* ---- frames ---- */

static fstrm_res file_open(void *file)
{
	return file ? fstrm_res_success : fstrm_res_failure;
}

/* Whether a reader that did not come to its end closes is its own affair, so it never does. */
static fstrm_res file_close(void *file)
{
	return file_open(file);
}

static fstrm_res file_read(void *file, void *octets, size_t n)
{
	return fread(octets, 1, n, file) == n ? fstrm_res_success : fstrm_res_failure;
}

static struct fstrm_reader *frames_open(FILE *file)
{
	struct fstrm_rdwr *rdwr = fstrm_rdwr_init(file);
	struct fstrm_reader_options *options = fstrm_reader_options_init();
	struct fstrm_reader *reader = NULL;

	if (rdwr && options) {
		fstrm_rdwr_set_open(rdwr, file_open);
		fstrm_rdwr_set_close(rdwr, file_close);
		fstrm_rdwr_set_read(rdwr, file_read);
		fstrm_reader_options_set_max_frame_size(options, FRAME_MAX);
		fstrm_reader_options_add_content_type(options, CONTENT_TYPE,
						      strlen(CONTENT_TYPE));
		reader = fstrm_reader_init(options, &rdwr);
	}
	fstrm_reader_options_destroy(&options);
	fstrm_rdwr_destroy(&rdwr);
	return reader;
}

static int read_frames(struct traffic *traffic, struct fstrm_reader *reader, const char *path,
		       struct ng_diags *diags)
{
	const struct ng_place place = {path, 0, 0};
	const uint8_t *octets;
	size_t len;
	fstrm_res got;

	if (fstrm_reader_open(reader) != fstrm_res_success) {
		ng_diag_add(diags, NG_ERROR, &place, "traffic-dnstap",
			    "give a file as a resolver writes its dnstap",
			    "it begins like Frame Streams and holds no " CONTENT_TYPE);
		return NG_E_FORMAT;
	}
	do { /* libfstrm says success to a frame that is too long, and gives none */
		octets = NULL;
		got = fstrm_reader_read(reader, &octets, &len);
		if (got == fstrm_res_success && octets)
			frame_take(traffic, octets, len);
	} while (got == fstrm_res_success && octets);
	if (got == fstrm_res_success)
		traffic_file_cut(traffic, path, "a frame is longer than any message", diags);
	else if (got != fstrm_res_stop)
		traffic_file_cut(traffic, path, "the stream breaks off without its STOP frame",
				 diags);
	return NG_OK;
}

int traffic_dnstap(struct traffic *traffic, FILE *file, const char *path,
		   struct ng_diags *diags)
{
	struct fstrm_reader *reader = frames_open(file);
	int code = reader ? read_frames(traffic, reader, path, diags) : NG_E_NOMEM;

	fstrm_reader_destroy(&reader);
	fclose(file);
	return code;
}
