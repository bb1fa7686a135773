/* Every step asks first whether there is room, and takes nothing when there is none. */
#include "base/cursor.h"

#include <string.h>

struct writer writer_make(uint8_t *octets, size_t room)
{
	return (struct writer){.octets = octets, .room = room};
}

/* Where the next n octets go, or NULL when they do not fit. */
static uint8_t *writer_take(struct writer *writer, size_t n)
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

static void put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void writer_u8(struct writer *writer, uint8_t value)
{
	uint8_t *at = writer_take(writer, 1);
	if (at)
		at[0] = value;
}

void writer_u16(struct writer *writer, uint16_t value)
{
	uint8_t *at = writer_take(writer, 2);
	if (at)
		put_u16(at, value);
}

void writer_u32(struct writer *writer, uint32_t value)
{
	uint8_t *at = writer_take(writer, 4);
	if (!at)
		return;
	put_u16(at, (uint16_t)(value >> 16));
	put_u16(at + 2, (uint16_t)value);
}

void writer_octets(struct writer *writer, const void *octets, size_t n)
{
	uint8_t *at = n ? writer_take(writer, n) : NULL;
	if (at)
		memcpy(at, octets, n);
}

void writer_u16_at(struct writer *writer, size_t pos, uint16_t value)
{
	if (writer->error)
		return;
	if (pos > writer->pos || writer->pos - pos < 2) {
		writer->error = NG_E_FULL;
		return;
	}
	put_u16(writer->octets + pos, value);
}
