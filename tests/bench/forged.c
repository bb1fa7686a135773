/*
 * Frames with invented IPv4 sources, as fast as one core sends them into an interface:
 *
 *     forged INTERFACE MAC COUNT     packets a second, on standard output
 *
 * A veth hands each over to the receiving side's rules before the call returns or soon after, so what
 * these rules cost shows in the rate.
 */
#include "config.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define AT_ONCE 64
#define FRAME   60

static uint8_t frames[AT_ONCE][FRAME];

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* UDP to 44.8.8.8 port 1024. */
static void fill(uint8_t *frame, const unsigned mac[static 6])
{
	uint8_t *ip = frame + 14;

	for (int i = 0; i < 6; i++)
		frame[i] = (uint8_t)mac[i];
	frame[6] = 2;
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, FRAME - 14);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 16, (const uint8_t[]){44, 8, 8, 8}, 4);
	put16(ip + 20, 40000);
	put16(ip + 22, 1024);
	put16(ip + 24, FRAME - 34);
}

static void invent(uint8_t *ip, uint32_t number)
{
	unsigned sum = 0;

	ip[12] = 11;
	ip[13] = (uint8_t)(number >> 24);
	put16(ip + 14, number >> 8 & 0xffff);
	put16(ip + 10, 0);
	for (int i = 0; i < 20; i += 2)
		sum += (unsigned)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)));
}

static int open_interface(const char *name)
{
	const int yes = 1;
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)) < 0) {
		perror(name);
		exit(1);
	}
	return fd;
}

static void flood(int fd, struct mmsghdr *messages, uint64_t count)
{
	uint32_t number = 1;

	for (uint64_t sent = 0; sent < count;) {
		int done;

		for (int i = 0; i < AT_ONCE; i++) {
			number = number * 1664525u + 1013904223u;
			invent(frames[i] + 14, number);
		}
		done = sendmmsg(fd, messages, AT_ONCE, 0);
		if (done > 0)
			sent += (unsigned)done;
	}
}

int main(int argc, char **argv)
{
	struct mmsghdr messages[AT_ONCE] = {0};
	struct iovec parts[AT_ONCE];
	struct timespec begin, end;
	unsigned mac[6];

	if (argc != 4 || sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2],
				&mac[3], &mac[4], &mac[5]) != 6) {
		fputs("usage: forged INTERFACE MAC COUNT\n", stderr);
		return 2;
	}
	for (int i = 0; i < AT_ONCE; i++) {
		fill(frames[i], mac);
		parts[i] = (struct iovec){frames[i], FRAME};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int fd = open_interface(argv[1]);
	uint64_t count = strtoull(argv[3], NULL, 10);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	flood(fd, messages, count);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.0f\n", (double)count / ((double)(end.tv_sec - begin.tv_sec) +
					  (double)(end.tv_nsec - begin.tv_nsec) / 1e9));
	return 0;
}
