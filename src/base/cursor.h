/*
 * Bounded reading and writing of octets with a sticky error: after the first short or bad step
 * every further one is void, and the caller checks `error` once at the end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *octets;
	size_t len, pos;
	int error; /* enum ng_error; NG_OK so far */
};
struct reader reader_make(const uint8_t *octets, size_t len);
uint8_t reader_u8(struct reader *reader);   /* 0 after an error, as the others */
uint16_t reader_u16(struct reader *reader); /* network order */
uint32_t reader_u32(struct reader *reader);
const uint8_t *reader_octets(struct reader *reader, size_t n); /* borrowed; NULL on error */
size_t reader_left(const struct reader *reader);

struct writer {
	uint8_t *octets;
	size_t room, pos;
	int error; /* NG_E_FULL once something did not fit; pos then stays */
};
struct writer writer_make(uint8_t *octets, size_t room);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_octets(struct writer *writer, const void *octets, size_t n);
void writer_u16_at(struct writer *writer, size_t pos,
		   uint16_t value); /* patch what is written */
