/*
 * A packet from the other side of a wall: the first octet is the way, the second the number of
 * descriptors, the rest the packet. Only packets of the exact size may pass.
 */
#include "base/wall.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size - 2 > sizeof(struct wall_packet))
		return 0;
	size_t len = size - 2;
	struct wall_packet *packet = malloc(len ? len : 1); /* exact, and aligned */
	if (!packet)
		return 0;
	memcpy(packet, data + 2, len);
	if (wall_check(data[0], packet, len, data[1]) == NG_OK) {
		enum wall_kind kind = packet->head.kind;
		fuzz_must(len == wall_packet_size(kind, packet->head.count));
		fuzz_must(packet->head.count <= wall_count_max(kind));
		fuzz_must(data[0] >= WALL_MAIN_TO_WARDEN && data[0] <= WALL_WARDEN_TO_WORKER);
		if (kind == WALL_MEMBER)
			fuzz_must(memchr(packet->member.name, 0, NG_SANDBOX_NAME_MAX));
	}
	free(packet);
	return 0;
}
