/*
 * As much DNS as a benchmark needs. Both sides here are ours or the servers under test, so this
 * checks what it reads to measure honestly, not to survive an attack.
 */
#include "dns.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_A   1
#define CLASS_IN 1
#define RR_LEN   16 /* of an A record whose owner is a pointer */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint8_t *put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value & 0xffff);
}

uint16_t dns_id(const uint8_t *message)
{
	return get16(message);
}

uint8_t dns_rcode(const uint8_t *message)
{
	return message[3] & 0x0f;
}

size_t dns_query(const char *name, uint16_t id, uint8_t out[static DNS_PACKET])
{
	uint8_t *at = out + DNS_HEADER_LEN;

	if (strlen(name) >= DNS_NAME_TEXT)
		return 0;
	memset(out, 0, DNS_HEADER_LEN);
	put16(out, id);
	out[2] = 0x01; /* RD */
	out[5] = 1;
	while (*name) {
		size_t label = strcspn(name, ".");

		if (label == 0 || label > 63)
			return 0;
		*at++ = (uint8_t)label;
		memcpy(at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	*at++ = 0;
	at = put16(put16(at, TYPE_A), CLASS_IN);
	return (size_t)(at - out);
}

/* Behind the name at pos, pointers taken as its end; 0 when it does not end in the message. */
static size_t skip_name(const uint8_t *message, size_t len, size_t pos)
{
	while (pos < len) {
		if (message[pos] == 0)
			return pos + 1;
		if (message[pos] >= 0xc0)
			return pos + 2;
		pos += 1u + message[pos];
	}
	return 0;
}

size_t dns_question_len(const uint8_t *message, size_t len)
{
	size_t end;

	if (len < DNS_HEADER_LEN || get16(message + 4) != 1)
		return 0;
	end = skip_name(message, len, DNS_HEADER_LEN);
	return end && end + 4 <= len ? end + 4 - DNS_HEADER_LEN : 0;
}

/* FNV-1a and a final mix (of MurmurHash3): near names get far addresses. */
static uint32_t name_hash(const uint8_t *wire)
{
	uint32_t hash = 2166136261u;

	for (; *wire; wire += 1u + *wire)
		for (unsigned i = 0; i <= *wire; i++)
			hash = (hash ^ (uint32_t)tolower(wire[i])) * 16777619u;
	hash = (hash ^ hash >> 16) * 0x85ebca6bu;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
	return hash ^ hash >> 16;
}

static uint32_t nth_address(uint32_t hash, unsigned i)
{
	uint32_t place = (hash & 0x07ffffffu) << 3 | (i & 7);

	return (20u << 24) + place;
}

uint32_t dns_address(const uint8_t *wire, unsigned i)
{
	return nth_address(name_hash(wire), i);
}

size_t dns_answer(const uint8_t *query, size_t len, unsigned n, uint32_t ttl_s,
		  uint8_t out[static DNS_PACKET])
{
	size_t question = dns_question_len(query, len);
	uint8_t *at = out + DNS_HEADER_LEN + question;
	uint32_t hash;

	if (!question || query[2] & 0x80 || n > DNS_ADDRESSES ||
	    DNS_HEADER_LEN + question + n * RR_LEN > DNS_PACKET)
		return 0;
	memcpy(out, query, DNS_HEADER_LEN + question);
	if (get16(at - 4) != TYPE_A)
		n = 0;
	out[2] |= 0x84; /* QR, AA */
	out[3] = 0x80;  /* RA */
	put16(put16(put16(out + 6, n), 0), 0);
	hash = name_hash(query + DNS_HEADER_LEN);
	for (unsigned i = 0; i < n; i++) {
		at = put16(put16(put16(at, 0xc000 | DNS_HEADER_LEN), TYPE_A), CLASS_IN);
		at = put16(put32(at, ttl_s), 4);
		at = put32(at, nth_address(hash, i));
	}
	return (size_t)(at - out);
}

/* The bits of the i that the address is the i-th of; 0 when it is no address of that name. */
static unsigned address_bit(uint32_t hash, unsigned n, uint32_t address)
{
	for (unsigned i = 0; i < n; i++)
		if (address == nth_address(hash, i))
			return 1u << i;
	return 0;
}

static const char *addresses_mismatch(const uint8_t *answer, size_t len, size_t pos, unsigned n)
{
	uint32_t hash = name_hash(answer + DNS_HEADER_LEN);
	unsigned seen = 0;

	for (unsigned left = get16(answer + 6); left; left--) {
		unsigned bit;

		pos = skip_name(answer, len, pos);
		if (!pos || pos + 10 > len || pos + 10 + get16(answer + pos + 8) > len)
			return "a record that does not end";
		if (get16(answer + pos) != TYPE_A || get16(answer + pos + 8) != 4)
			return "a record that is no address";
		bit = address_bit(hash, n,
				  (uint32_t)get16(answer + pos + 10) << 16 |
					  get16(answer + pos + 12));
		if (!bit || seen & bit)
			return "an address that is not the name's, or twice";
		seen |= bit;
		pos += 14;
	}
	return seen + 1 == 1u << n ? NULL : "another number of addresses";
}

const char *dns_mismatch(const uint8_t *query, size_t query_len, const uint8_t *answer,
			 size_t len, uint8_t rcode, unsigned n)
{
	size_t question = dns_question_len(answer, len);

	if (len < DNS_HEADER_LEN || !(answer[2] & 0x80))
		return "no answer";
	if (dns_rcode(answer) != rcode)
		return "another rcode";
	if (answer[2] & 0x02)
		return "a truncated answer";
	if (question + DNS_HEADER_LEN != query_len ||
	    memcmp(answer + DNS_HEADER_LEN, query + DNS_HEADER_LEN, question))
		return "another question";
	return addresses_mismatch(answer, len, DNS_HEADER_LEN + question, n);
}

bool dns_endpoint(const char *text, struct sockaddr_in *out)
{
	struct sockaddr_in made = {.sin_family = AF_INET};
	char host[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	char *end;
	unsigned long port;

	if (!colon || (size_t)(colon - text) >= sizeof host)
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (*end || end == colon + 1 || port > 65535 ||
	    inet_pton(AF_INET, host, &made.sin_addr) != 1)
		return false;
	made.sin_port = htons((uint16_t)port);
	*out = made;
	return true;
}
