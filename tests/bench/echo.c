/*
 * The floor: what a UDP server costs that does nothing. Every message goes back as it came, through
 * the same batches that a fast server would use.
 */
#include "serve.h"

#include <stdio.h>
#include <string.h>

static size_t same(const void *settings, const uint8_t *message, size_t len,
		   uint8_t out[static DNS_PACKET])
{
	(void)settings;
	memcpy(out, message, len);
	return len;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: echo ADDRESS:PORT\n");
		return 2;
	}
	return serve("echo", argv[1], same, NULL);
}
