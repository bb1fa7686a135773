/*
 * Bounded reading and writing of octets with a sticky error: after the first short or bad step
 * every further one is void, and the caller checks `error` once at the end. The small steps are
 * inline: every packet is made of many. Positions never pass the length, so `len - pos` cannot wrap.
 */
#pragma once

#include <namegate/error.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *octets;
	size_t len, pos;
	int error; /* enum ng_error; NG_OK so far */
};
static inline struct reader reader_make(const uint8_t *octets, size_t len)
{
	return (struct reader){.octets = octets, .len = len};
}

static inline size_t reader_left(const struct reader *reader)
{
	return reader->error ? 0 : reader->len - reader->pos;
}

/* Borrowed; NULL on error. */
static inline const uint8_t *reader_octets(struct reader *reader, size_t n)
{
	if (reader->error)
		return NULL;
	if (n > reader->len - reader->pos) {
		reader->error = NG_E_SHORT;
		return NULL;
	}
	const uint8_t *at = reader->octets + reader->pos;
	reader->pos += n;
	return at;
}

/* 0 after an error, as the others; all in network order. */
static inline uint8_t reader_u8(struct reader *reader)
{
	const uint8_t *at = reader_octets(reader, 1);
	return at ? at[0] : 0;
}

static inline uint16_t reader_u16(struct reader *reader)
{
	const uint8_t *at = reader_octets(reader, 2);
	return at ? (uint16_t)(at[0] << 8 | at[1]) : 0;
}

static inline uint32_t reader_u32(struct reader *reader)
{
	const uint8_t *at = reader_octets(reader, 4);
	return at ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
		  : 0;
}

struct writer {
	uint8_t *octets;
	size_t room, pos;
	int error; /* NG_E_FULL once something did not fit; pos then stays */
};
struct writer writer_make(uint8_t *octets, size_t room);

/* Where the next n octets go, or NULL when they do not fit. */
static inline uint8_t *writer_take(struct writer *writer, size_t n)
{
	if (writer->error)
		return NULL;
	if (n > writer->room - writer->pos) {
		writer->error = NG_E_FULL;
		return NULL;
	}
	uint8_t *at = writer->octets + writer->pos;
	writer->pos += n;
	return at;
}

static inline void writer_set_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void writer_u8(struct writer *writer, uint8_t value)
{
	uint8_t *at = writer_take(writer, 1);
	if (at)
		at[0] = value;
}

static inline void writer_u16(struct writer *writer, uint16_t value)
{
	uint8_t *at = writer_take(writer, 2);
	if (at)
		writer_set_u16(at, value);
}

static inline void writer_u32(struct writer *writer, uint32_t value)
{
	uint8_t *at = writer_take(writer, 4);
	if (!at)
		return;
	writer_set_u16(at, (uint16_t)(value >> 16));
	writer_set_u16(at + 2, (uint16_t)value);
}

void writer_octets(struct writer *writer, const void *octets, size_t n);
void writer_u16_at(struct writer *writer, size_t pos,
		   uint16_t value); /* patch what is written */
