/*
 * What a client asks. The fate is decided in the order of what may be trusted: without a header,
 * or with QR=1, an answer could feed a loop, so there is silence; an operation that we do not do is
 * refused before its sections are read, since they mean something else there; then form; and last
 * whether this well-formed question is one for us.
 *
 * Nothing is allocated and nothing is written beyond *out. Transaction signatures and other records in the
 * additional section are checked for form and otherwise ignored.
 */
#include "dns/wire.h"

#define OPT_LEN 11 /* without options */

static enum ng_fate query_fail(struct ng_query *query, enum ng_rcode rcode)
{
	query->rcode = (uint8_t)rcode;
	return NG_FATE_ERROR;
}

/* The question, when there is exactly one and it can be read. */
static bool question_take(struct reader *reader, const struct wire_header *header,
			  struct ng_query *out)
{
	if (header->counts[WIRE_QUESTION] != 1)
		return false;
	wire_question_read(reader, &out->question);
	out->has_question = reader->error == NG_OK;
	return out->has_question;
}

static uint16_t udp_size_clamp(uint16_t size)
{
	if (size < NG_UDP_FLOOR)
		return NG_UDP_FLOOR;
	return size > NG_UDP_ADVERTISED ? NG_UDP_ADVERTISED : size;
}

/* One additional record; false when it makes the message malformed. */
static bool additional_take(struct reader *reader, struct ng_query *out, uint8_t *version)
{
	struct wire_record record;
	wire_record_read(reader, &record);
	if (reader->error)
		return false;
	if (record.type != NG_TYPE_OPT)
		return true;
	struct wire_opt opt;
	bool second = out->edns;
	out->edns = true; /* also when it is malformed: the error goes back in an OPT */
	if (second || wire_opt_read(&record, reader->octets, &opt) != NG_OK)
		return false;
	out->udp_size = udp_size_clamp(opt.udp_size);
	out->dnssec_ok = opt.dnssec_ok;
	out->keepalive = opt.keepalive;
	*version = opt.version;
	return true;
}

/* Everything behind the question. */
static enum ng_rcode rest_judge(struct reader *reader, const struct wire_header *header,
				struct ng_query *out)
{
	uint8_t version = 0;
	if (header->counts[WIRE_ANSWER] || header->counts[WIRE_AUTHORITY])
		return NG_RCODE_FORMERR;
	for (unsigned int i = 0; i < header->counts[WIRE_ADDITIONAL]; i++)
		if (!additional_take(reader, out, &version))
			return NG_RCODE_FORMERR;
	if (reader_left(reader))
		return NG_RCODE_FORMERR;
	if (version > 0)
		return NG_RCODE_BADVERS;
	return out->question.class == NG_CLASS_IN ? NG_RCODE_NOERROR : NG_RCODE_REFUSED;
}

/*
 * A refusal goes back in an OPT when the request had one (RFC 6891 6.1.1), whatever its operation;
 * in all of them the sections hold records. What cannot be read is taken as no OPT.
 */
static void opt_look_for(struct reader reader, const struct wire_header *header,
			 struct ng_query *out)
{
	unsigned int skip =
		(unsigned int)header->counts[WIRE_ANSWER] + header->counts[WIRE_AUTHORITY];
	struct wire_record record;
	uint8_t version;

	for (unsigned int i = 0; i < skip && !reader.error; i++)
		wire_record_read(&reader, &record);
	for (unsigned int i = 0; i < header->counts[WIRE_ADDITIONAL] && !reader.error; i++) {
		if (!additional_take(&reader, out, &version))
			return;
	}
}

enum ng_fate ng_query_parse(const uint8_t *wire, size_t len, struct ng_query *out)
{
	struct reader reader = reader_make(wire, len);
	struct wire_header header = wire_header_read(&reader);
	if (reader.error || header.flags & WIRE_QR)
		return NG_FATE_SILENCE;

	/* Field by field: clearing the name too would cost more than reading it. */
	out->id = header.id;
	out->rd = header.flags & WIRE_RD;
	out->cd = header.flags & WIRE_CD;
	out->ad = header.flags & WIRE_AD;
	out->edns = out->dnssec_ok = out->keepalive = out->has_question = false;
	out->opcode = (uint8_t)wire_opcode(&header);
	out->rcode = NG_RCODE_NOERROR;
	out->udp_size = NG_UDP_FLOOR;
	out->question.name.len = 0;
	out->question.type = out->question.class = 0;

	bool asked = question_take(&reader, &header, out);
	/* Before the form of the rest: an IXFR carries a record in authority (RFC 1995 3). */
	bool transfer = asked && (out->question.type == NG_TYPE_AXFR ||
				  out->question.type == NG_TYPE_IXFR);
	if (asked && (transfer || out->opcode != WIRE_OPCODE_QUERY))
		opt_look_for(reader, &header, out);
	if (out->opcode != WIRE_OPCODE_QUERY)
		return query_fail(out, out->opcode == WIRE_OPCODE_UPDATE ? NG_RCODE_REFUSED
									 : NG_RCODE_NOTIMP);
	if (!asked)
		return query_fail(out, NG_RCODE_FORMERR);
	if (transfer)
		return query_fail(out, NG_RCODE_REFUSED);
	enum ng_rcode rcode = rest_judge(&reader, &header, out);
	return rcode == NG_RCODE_NOERROR ? NG_FATE_ASKED : query_fail(out, rcode);
}

size_t ng_ask_build(const struct ng_question *question, uint16_t id, bool dnssec_ok, bool cd,
		    uint8_t out[static 512])
{
	struct writer writer = writer_make(out, 512);
	writer_u16(&writer, id);
	writer_u16(&writer, (uint16_t)(WIRE_RD | (cd ? WIRE_CD : 0)));
	writer_u16(&writer, 1); /* one question, and in additional one OPT */
	writer_u32(&writer, 0);
	writer_u16(&writer, 1);
	writer_octets(&writer, question->name.wire, question->name.len);
	writer_u16(&writer, question->type);
	writer_u16(&writer, question->class);
	writer_u8(&writer, 0);
	writer_u16(&writer, NG_TYPE_OPT);
	writer_u16(&writer, NG_UDP_ADVERTISED);
	writer_u32(&writer, dnssec_ok ? WIRE_DO : 0);
	writer_u16(&writer, 0);
	return writer.pos;
}

/* OPT is the last record, and an option the last of its data, so that only its length is behind. */
size_t ng_ask_option(uint8_t query[static 512], size_t len, uint16_t code, const uint8_t *data,
		     uint16_t n)
{
	struct reader reader = reader_make(query, len);
	struct ng_question question;
	struct writer writer = writer_make(query, 512);

	(void)wire_header_read(&reader);
	wire_question_read(&reader, &question);
	reader_octets(&reader, OPT_LEN - 2);
	if (reader.error || len + 4 + n > 512)
		return len;
	writer.pos = len;
	writer_u16_at(&writer, reader.pos, (uint16_t)(len - reader.pos - 2 + 4 + n));
	writer_u16(&writer, code);
	writer_u16(&writer, n);
	for (uint16_t i = 0; i < n; i++)
		writer_u8(&writer, data ? data[i] : 0);
	return writer.pos;
}

size_t ng_ask_plain(uint8_t query[static 512], size_t len)
{
	query[NG_HEADER_LEN - 1] = 0; /* ARCOUNT */
	return len - OPT_LEN;
}

void ng_ask_ad(uint8_t query[static 512])
{
	query[3] |= WIRE_AD;
}
