/* One UDP socket served in batches: the loop that the echo and the upstream share. */
#pragma once

#include "dns.h"

#define SERVE_BATCH 64

/* Writes the answer to message into out and returns its length; 0 for none. */
typedef size_t serve_answer(const void *settings, const uint8_t *message, size_t len,
			    uint8_t out[static DNS_PACKET]);

/* Serves until killed; returns an exit code when it cannot, after it has said why. */
int serve(const char *program, const char *endpoint, serve_answer *answer,
	  const void *settings);
