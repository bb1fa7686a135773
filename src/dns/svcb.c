/* See svcb.h. Parameters are key, length and value; keys rise strictly (RFC 9460 2.2). */
#include "dns/svcb.h"

#include "base/cursor.h"
#include <string.h>

enum key { KEY_MANDATORY = 0, KEY_IPV4HINT = 4, KEY_ECH = 5, KEY_IPV6HINT = 6 };

static bool taken_out(unsigned key)
{
	return key == KEY_IPV4HINT || key == KEY_ECH || key == KEY_IPV6HINT;
}

/* The keys that a client must understand; true when none of them was taken out. */
static int mandatory_check(const uint8_t *value, size_t len, bool *usable)
{
	if (len == 0 || len % 2)
		return NG_E_FORMAT;
	for (size_t i = 0; i < len; i += 2) {
		unsigned key = (unsigned)value[i] << 8 | value[i + 1];

		if (key == KEY_MANDATORY)
			return NG_E_FORMAT;
		if (taken_out(key))
			*usable = false;
	}
	return NG_OK;
}

static int param_take(struct reader *reader, struct writer *writer, long *before, bool *usable)
{
	unsigned key = reader_u16(reader);
	uint16_t len = reader_u16(reader);
	const uint8_t *value = reader_octets(reader, len);

	if (reader->error)
		return reader->error;
	if ((long)key <= *before)
		return NG_E_FORMAT;
	*before = (long)key;
	if (taken_out(key))
		return NG_OK;
	writer_u16(writer, (uint16_t)key);
	writer_u16(writer, len);
	writer_octets(writer, value, len);
	return key == KEY_MANDATORY ? mandatory_check(value, len, usable) : NG_OK;
}

int svcb_strip(const uint8_t *rdata, size_t len, uint8_t *out, struct svcb *svcb)
{
	struct reader reader = reader_make(rdata, len);
	struct writer writer = writer_make(out, len);
	struct svcb read = {.usable = true};
	long before = -1;
	int error = NG_OK;

	read.priority = reader_u16(&reader);
	if (reader.error)
		return reader.error;
	error = ng_name_from_wire(rdata + reader.pos, len - reader.pos, &read.target);
	if (error)
		return error;
	ng_name_lower(&read.target);
	reader.pos += read.target.len;
	writer_u16(&writer, read.priority);
	writer_octets(&writer, read.target.wire, read.target.len);
	while (!error && reader_left(&reader))
		error = param_take(&reader, &writer, &before, &read.usable);
	if (error || writer.error)
		return error ? error : NG_E_FORMAT;
	read.len = writer.pos;
	*svcb = read;
	return NG_OK;
}
