/* Length before content: each part is taken from the reader, and void when it was not all there. */
#include "dns/wire.h"

/* A name at the reader's place; out is untouched on error. */
static void name_read(struct reader *reader, struct ng_name *out)
{
	if (!reader->error)
		reader->error = ng_name_unpack(reader->octets, reader->len, &reader->pos, out);
}

void wire_question_read(struct reader *reader, struct ng_question *out)
{
	name_read(reader, &out->name);
	const uint8_t *at = reader_octets(reader, 4);
	out->type = at ? wire_u16(at) : 0;
	out->class = at ? wire_u16(at + 2) : 0;
}

void wire_record_read(struct reader *reader, struct wire_record *out)
{
	name_read(reader, &out->owner);
	wire_record_rest(reader, out);
}

void wire_record_rest(struct reader *reader, struct wire_record *out)
{
	out->type = reader_u16(reader);
	out->class = reader_u16(reader);
	out->ttl = reader_u32(reader);
	out->rdlen = reader_u16(reader);
	out->rdata = reader->pos;
	reader_octets(reader, out->rdlen);
}

/* RFC 7873 4: a client cookie of 8, alone or with a server cookie of 8 to 32 octets. */
static bool cookie_good(size_t len)
{
	return len == 8 || (len >= 16 && len <= 40);
}

static bool options_read(const uint8_t *message, const struct wire_record *record,
			 struct wire_opt *out)
{
	struct reader reader = reader_make(message + record->rdata, record->rdlen);
	while (reader_left(&reader)) {
		uint16_t code = reader_u16(&reader);
		uint16_t size = reader_u16(&reader);
		size_t at = record->rdata + reader.pos;
		reader_octets(&reader, size);
		if (code == NG_OPTION_COOKIE && !cookie_good(size))
			return false;
		if (code == NG_OPTION_COOKIE && !out->cookie_len) {
			out->cookie_len = (uint8_t)size;
			out->cookie = at;
		}
		out->keepalive |= code == NG_OPTION_KEEPALIVE && size == 0;
	}
	return reader.error == NG_OK;
}

int wire_opt_read(const struct wire_record *record, const uint8_t *message,
		  struct wire_opt *out)
{
	struct wire_opt opt = {
		.udp_size = record->class,
		.rcode_high = (uint8_t)(record->ttl >> 24),
		.version = (uint8_t)(record->ttl >> 16),
		.dnssec_ok = record->ttl & WIRE_DO,
	};
	if (record->owner.len != 1)
		return NG_E_FORMAT;
	if (opt.version == 0 && !options_read(message, record, &opt))
		return NG_E_FORMAT;
	*out = opt;
	return NG_OK;
}
