/*
 * Zone text: every record has a whole owner, a place in the text, and data that a message holds; and
 * what is read directly is what ldns would have read.
 */
#include "fuzz.h"

#include "../unit/zone_twice.h"

static void read_all(const char *text, size_t size, const char *origin)
{
	struct ng_diags diags;
	struct zone_reader *reader;
	struct zone_record record;
	int code;
	ng_diags_init(&diags);
	fuzz_must(zone_reader_create("fuzz", text, size, origin, &diags, &reader) == NG_OK);
	do {
		size_t errors = diags.errors;
		code = zone_next(reader, &record);
		fuzz_must((code == NG_E_SYNTAX) == (diags.errors > errors));
		if (code == NG_OK) {
			struct ng_name again;
			fuzz_must(record.place.line > 0 && record.place.column > 0);
			fuzz_must(ng_name_from_wire(record.owner.wire, record.owner.len,
						    &again) == NG_OK);
			fuzz_must(zone_origin(reader) != NULL);
			fuzz_must(ng_name_within(&record.owner, zone_origin(reader)));
		}
	} while (code == NG_OK || code == NG_E_SYNTAX);
	zone_reader_destroy(reader);
	ng_diags_finish(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_all((const char *)data, size, NULL);
	read_all((const char *)data, size, "rpz.example");
	fuzz_must(zone_twice((const char *)data, size, NULL) == NULL);
	fuzz_must(zone_twice((const char *)data, size, "rpz.example") == NULL);
	return 0;
}
