/*
 * One input read three ways: as presentation text, as an uncompressed name, and as a message with a
 * compressed name behind its header. Each name that comes out goes round through the other forms.
 */
#include "fuzz.h"

#include <namegate/message.h>
#include <string.h>

static void name_check(const struct ng_name *name)
{
	char text[NG_NAME_TEXT_MAX];
	struct ng_name again, walk = *name, lower = *name;
	fuzz_must(name->len >= 1 && name->wire[name->len - 1] == 0);
	ng_name_to_text(name, text);
	fuzz_must(strlen(text) < sizeof(text));
	fuzz_must(ng_name_from_text(text, strlen(text), &again) == NG_OK);
	fuzz_must(ng_name_same(name, &again));
	fuzz_must(ng_name_from_wire(name->wire, name->len, &again) == NG_OK);
	fuzz_must(ng_name_same(name, &again));

	ng_name_lower(&lower);
	fuzz_must(ng_name_equal(name, &lower));
	unsigned int labels = 0;
	for (; ng_name_parent(&walk); labels++)
		fuzz_must(ng_name_within(name, &walk) && !ng_name_within(&walk, name));
	fuzz_must(labels == ng_name_labels(name) && walk.len == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ng_name name;
	size_t pos = NG_HEADER_LEN;
	uint16_t type;
	char buf[16], text[64];

	if (ng_name_from_text((const char *)data, size, &name) == NG_OK)
		name_check(&name);
	if (ng_name_from_wire(data, size, &name) == NG_OK)
		name_check(&name);
	if (ng_name_unpack(data, size, &pos, &name) == NG_OK) {
		fuzz_must(pos > NG_HEADER_LEN && pos <= size);
		name_check(&name);
	} else {
		fuzz_must(pos == NG_HEADER_LEN);
	}
	if (size < sizeof(text)) {
		memcpy(text, data, size);
		text[size] = '\0';
		if (ng_type_parse(text, &type) == NG_OK) {
			uint16_t again = 0;
			fuzz_must(ng_type_parse(ng_type_text(type, buf), &again) == NG_OK);
			fuzz_must(again == type);
		}
	}
	return 0;
}
