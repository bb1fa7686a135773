/*
 * What readers of queries and of answers share: the header, the question, a record's fixed part,
 * the options of an OPT. Private to this floor; all work on a reader with its sticky error.
 */
#pragma once

#include "base/cursor.h"

#include <namegate/message.h>

#define WIRE_QR           0x8000u
#define WIRE_TC           0x0200u
#define WIRE_RD           0x0100u
#define WIRE_RA           0x0080u
#define WIRE_AD           0x0020u
#define WIRE_CD           0x0010u
#define WIRE_OPCODE_SHIFT 11
#define WIRE_POINTER      0xc0u /* both top bits of an octet where a label's length would be */
#define WIRE_DO           0x8000u /* in the TTL field of OPT, RFC 6891 6.1.3 */

enum { WIRE_OPCODE_QUERY = 0, WIRE_OPCODE_UPDATE = 5 };

enum wire_section {
	WIRE_QUESTION,
	WIRE_ANSWER,
	WIRE_AUTHORITY,
	WIRE_ADDITIONAL,
	WIRE_SECTIONS
};

struct wire_header {
	uint16_t id, flags;
	uint16_t counts[WIRE_SECTIONS];
};
static inline uint16_t wire_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline struct wire_header wire_header_read(struct reader *reader)
{
	const uint8_t *at = reader_octets(reader, NG_HEADER_LEN);
	struct wire_header header = {0};
	if (!at)
		return header;
	header.id = wire_u16(at);
	header.flags = wire_u16(at + 2);
	for (int i = 0; i < WIRE_SECTIONS; i++)
		header.counts[i] = wire_u16(at + 4 + 2 * i);
	return header;
}

static inline unsigned int wire_opcode(const struct wire_header *header)
{
	return header->flags >> WIRE_OPCODE_SHIFT & 0x0f;
}

void wire_question_read(struct reader *reader, struct ng_question *out);

struct wire_record { /* one resource record; its data stays in the message */
	struct ng_name owner;
	uint16_t type, class, rdlen;
	uint32_t ttl;
	size_t rdata; /* position in the message */
};
void wire_record_read(struct reader *reader, struct wire_record *out);
void wire_record_rest(struct reader *reader, struct wire_record *out); /* behind its owner */

/* The fields that EDNS 0 hides in an OPT's class and TTL (RFC 6891 6.1.3). */
struct wire_opt {
	uint16_t udp_size;
	uint8_t rcode_high, version;
	bool dnssec_ok;
	bool keepalive;     /* RFC 7828, as a client sends it: without a time */
	uint8_t cookie_len; /* of the first COOKIE option (RFC 7873 5.3); 0: there is none */
	size_t cookie;      /* its position in the message */
};
/*
 * Takes an OPT record apart. NG_E_FORMAT when its owner is not the root, or when, in version 0, an
 * option is malformed.
 */
int wire_opt_read(const struct wire_record *record, const uint8_t *message,
		  struct wire_opt *out) NG_MUST_CHECK;
