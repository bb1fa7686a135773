/* Writes DNS messages octet by octet, also wrong ones, for the tests of the readers. */
#pragma once

#include "unit.h"

#include <namegate/message.h>

struct maker {
	uint8_t octets[65536];
	size_t n;
};

static inline void make_octets(struct maker *maker, const void *octets, size_t n)
{
	assert_true(n <= sizeof(maker->octets) - maker->n);
	if (n == 0)
		return;
	memcpy(maker->octets + maker->n, octets, n);
	maker->n += n;
}

static inline void make_u16(struct maker *maker, unsigned int value)
{
	make_octets(maker, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static inline void make_u32(struct maker *maker, uint32_t value)
{
	make_u16(maker, value >> 16);
	make_u16(maker, value & 0xffff);
}

static inline struct ng_name name_of(const char *text)
{
	struct ng_name name = {0};
	if (ng_name_from_text(text, strlen(text), &name) != NG_OK)
		fail_msg("%s is no name", text);
	return name;
}

static inline void make_name(struct maker *maker, const char *text)
{
	struct ng_name name = name_of(text);
	make_octets(maker, name.wire, name.len);
}

/* Starts anew: a header with these flags and counts. */
static inline void make_header(struct maker *maker, unsigned int flags, unsigned int questions,
			       unsigned int answers, unsigned int authority,
			       unsigned int additional)
{
	maker->n = 0;
	make_u16(maker, 0x1234);
	make_u16(maker, flags);
	make_u16(maker, questions);
	make_u16(maker, answers);
	make_u16(maker, authority);
	make_u16(maker, additional);
}

static inline void make_question(struct maker *maker, const char *name, unsigned int type)
{
	make_name(maker, name);
	make_u16(maker, type);
	make_u16(maker, NG_CLASS_IN);
}

/* Owner "@" is a pointer to the question. */
static inline void make_rr(struct maker *maker, const char *owner, unsigned int type,
			   uint32_t ttl, const void *rdata, size_t rdlen)
{
	if (strcmp(owner, "@") == 0)
		make_u16(maker, 0xc000 | NG_HEADER_LEN);
	else
		make_name(maker, owner);
	make_u16(maker, type);
	make_u16(maker, NG_CLASS_IN);
	make_u32(maker, ttl);
	make_u16(maker, (unsigned int)rdlen);
	make_octets(maker, rdata, rdlen);
}

static inline void make_opt(struct maker *maker, unsigned int size, uint32_t ttl,
			    const void *options, size_t n)
{
	make_octets(maker, "", 1);
	make_u16(maker, NG_TYPE_OPT);
	make_u16(maker, size);
	make_u32(maker, ttl);
	make_u16(maker, (unsigned int)n);
	make_octets(maker, options, n);
}
