/* dnstap: frames, protobuf and messages. */
#include "traffic_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_traffic(data, size);
}
