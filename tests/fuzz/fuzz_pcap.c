/* Captures: links, IP, fragments, TCP and messages, whatever the octets. */
#include "traffic_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_traffic(data, size);
}
