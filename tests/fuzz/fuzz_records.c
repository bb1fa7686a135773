/* namegated's records, and the journal's entries around them. */
#include "traffic_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_traffic(data, size);
}
