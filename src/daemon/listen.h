/* The sockets that sandboxes ask: opened by main, which keeps them, and read by the worker. */
#pragma once

#include "conf/conf.h"

#define LISTEN_WHY 256

struct listener {
	int fd;
	bool tcp;
};

struct listeners {
	struct listener items[2 * NG_LISTENERS_MAX];
	size_t n;
};

/* UDP and TCP for each address. NG_E_IO and one line that says which and what to do. */
int listeners_open(const struct conf_listen *at, size_t n, struct listeners *out,
		   char why[static LISTEN_WHY]) NG_MUST_CHECK;
void listeners_close(struct listeners *listeners); /* takes NULL and the zero value */
