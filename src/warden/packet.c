/*
 * IPv4 and IPv6 headers, as far as the report of a refused packet needs them.
 *
 * IPv6 extension headers are followed for a few steps only: a chain that is longer, or cut off by
 * the kernel's snapshot, is reported by the header where the reading stopped.
 */
#include "warden/packet.h"

#include "base/cursor.h"

#include <netinet/in.h>

#define EXTENSIONS_MAX 8

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

/* The second sixteen bits, the same in all of these; 0 when they are not there. */
static uint16_t read_port(struct reader *reader, uint8_t proto)
{
	uint16_t port;

	if (!has_ports(proto))
		return 0;
	(void)reader_u16(reader);
	port = reader_u16(reader);
	return reader->error ? 0 : port;
}

static int read4(const uint8_t *octets, size_t len, struct packet_head *out)
{
	struct reader reader = reader_make(octets, len);
	struct packet_head head = {0};
	size_t header_len = (size_t)(reader_u8(&reader) & 0x0f) * 4;
	const uint8_t *from, *to;
	uint16_t fragment;

	if (header_len < 20)
		return NG_E_FORMAT;
	(void)reader_octets(&reader, 5);
	fragment = reader_u16(&reader);
	(void)reader_u8(&reader);
	head.proto = reader_u8(&reader);
	(void)reader_u16(&reader);
	from = reader_octets(&reader, 4);
	to = reader_octets(&reader, 4);
	(void)reader_octets(&reader, header_len - 20);
	if (!from || !to || reader.error)
		return NG_E_SHORT;
	head.from = ng_addr_make(NG_IPV4, from);
	head.to = ng_addr_make(NG_IPV4, to);
	if ((fragment & 0x1fff) == 0)
		head.port = read_port(&reader, head.proto);
	if (header_len > 20)
		head.oddity = PACKET_OPTIONS;
	else if (fragment & 0x3fff)
		head.oddity = PACKET_FRAGMENT;
	*out = head;
	return NG_OK;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_DSTOPTS || next == IPPROTO_AH;
}

/* Octets of an extension header behind its first two. */
static size_t extension_rest(uint8_t kind, uint8_t len)
{
	if (kind == IPPROTO_FRAGMENT)
		return 6;
	if (kind == IPPROTO_AH)
		return ((size_t)len + 2) * 4 - 2;
	return ((size_t)len + 1) * 8 - 2;
}

/* Moves past the extension headers; false when no transport header follows. */
static bool skip_extensions(struct reader *reader, uint8_t *next)
{
	for (size_t i = 0; i < EXTENSIONS_MAX && is_extension(*next); i++) {
		uint8_t kind = *next, following = reader_u8(reader), len = reader_u8(reader);
		const uint8_t *rest = reader_octets(reader, extension_rest(kind, len));

		if (!rest)
			return false;
		if (kind == IPPROTO_FRAGMENT && ((rest[0] << 8 | rest[1]) & 0xfff8))
			return false;
		*next = following;
	}
	return !is_extension(*next);
}

static int read6(const uint8_t *octets, size_t len, struct packet_head *out)
{
	struct reader reader = reader_make(octets, len);
	struct packet_head head = {0};
	const uint8_t *from, *to;

	(void)reader_octets(&reader, 6);
	head.proto = reader_u8(&reader);
	(void)reader_u8(&reader);
	from = reader_octets(&reader, 16);
	to = reader_octets(&reader, 16);
	if (!from || !to || reader.error)
		return NG_E_SHORT;
	head.from = ng_addr_make(NG_IPV6, from);
	head.to = ng_addr_make(NG_IPV6, to);
	if (head.proto == IPPROTO_FRAGMENT)
		head.oddity = PACKET_FRAGMENT;
	else if (is_extension(head.proto))
		head.oddity = PACKET_EXTENSION;
	if (skip_extensions(&reader, &head.proto))
		head.port = read_port(&reader, head.proto);
	*out = head;
	return NG_OK;
}

int packet_read(const uint8_t *octets, size_t len, struct packet_head *out)
{
	if (len < 1)
		return NG_E_SHORT;
	if (octets[0] >> 4 == 4)
		return read4(octets, len, out);
	if (octets[0] >> 4 == 6)
		return read6(octets, len, out);
	return NG_E_FORMAT;
}
