/*
 * namegated as it is built, with workers that were taken over: what they say to main is what
 * NAMEGATE_TAKEN wants, everything else is real. The linker puts this function before the one that
 * they call (-Wl,--wrap).
 *
 * NAMEGATE_TAKEN=N       all names that wait, wait under N
 * NAMEGATE_TAKEN=swap    a name that waits is told once, and from then on as what.allowed.example
 * NAMEGATE_TAKEN=floodN  the same, of flood.allowed.example, and N other numbers come before it
 * NAMEGATE_TAKEN=drip    what limits have refused is told a row a second, without end
 */
#include "edge/channel.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int __real_channel_send(int channel, const struct wall_packet *packet, int fd);
int __wrap_channel_send(int channel, const struct wall_packet *packet, int fd);

static int drip(int channel, const struct wall_packet *end)
{
	static struct wall_packet row;
	int code;

	memset(&row, 0, wall_packet_size(WALL_LIMIT_ROW, 1));
	row.head = end->head;
	row.head.kind = WALL_LIMIT_ROW;
	row.limits.sandbox = UINT32_MAX;
	code = __real_channel_send(channel, &row, -1);
	sleep(1);
	return code == NG_OK ? NG_E_FULL : code;
}

/* Was this one told before? */
static bool told(uint64_t id)
{
	static uint64_t ids[64];
	size_t i = 0;

	while (i < sizeof ids / sizeof ids[0] - 1 && ids[i] && ids[i] != id)
		i++;
	if (ids[i] == id)
		return true;
	ids[i] = id;
	return false;
}

static int swap(int channel, const struct wall_packet *row)
{
	static const uint8_t another[] = "\4what\7allowed\7example";
	static struct wall_packet other;

	memcpy(&other, row, wall_packet_size(WALL_WAITING_ROW, 1));
	if (told(row->waiting.id)) {
		other.waiting.name_len = sizeof another;
		memcpy(other.waiting.name, another, sizeof another);
	}
	return __real_channel_send(channel, &other, -1);
}

/* A full channel has the same row sent again later. */
static int flood(int channel, const struct wall_packet *row, uint64_t n)
{
	static const uint8_t begin[] = "\5flood";
	static uint64_t sent, shown;
	static struct wall_packet other;
	int code = NG_OK;

	if (memcmp(row->waiting.name, begin, sizeof begin - 1))
		return __real_channel_send(channel, row, -1);
	if (shown != row->waiting.id) {
		code = swap(channel, row);
		shown = code ? 0 : row->waiting.id;
		return code;
	}
	memcpy(&other, row, wall_packet_size(WALL_WAITING_ROW, 1));
	for (; sent < n && !code; sent += !code) {
		other.waiting.id =
			row->waiting.id + sent + (UINT64_C(1) << 40); /* nobody gives these */
		code = __real_channel_send(channel, &other, -1);
	}
	if (!code)
		code = swap(channel, row);
	if (!code)
		sent = 0;
	return code;
}

int __wrap_channel_send(int channel, const struct wall_packet *packet, int fd)
{
	static struct wall_packet other;
	const char *what = getenv("NAMEGATE_TAKEN");

	if (what && !strcmp(what, "drip") && packet->head.kind == WALL_LIMITS_END)
		return drip(channel, packet);
	if (!what || packet->head.kind != WALL_WAITING_ROW)
		return __real_channel_send(channel, packet, fd);
	if (!strcmp(what, "swap"))
		return swap(channel, packet);
	if (!strncmp(what, "flood", 5))
		return flood(channel, packet, strtoull(what + 5, NULL, 10));
	memcpy(&other, packet, wall_packet_size(WALL_WAITING_ROW, 1));
	other.waiting.id = strtoull(what, NULL, 10);
	return __real_channel_send(channel, &other, fd);
}
