/* Every step asks first whether there is room, and takes nothing when there is none. */
#include "base/cursor.h"

#include <string.h>

struct writer writer_make(uint8_t *octets, size_t room)
{
	return (struct writer){.octets = octets, .room = room};
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
	writer_set_u16(writer->octets + pos, value);
}
