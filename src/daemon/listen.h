/*
 * The sockets that sandboxes ask: opened by main, which keeps them, and read by the workers. Each worker
 * has one of its own for each address, UDP and TCP; a steering program chooses between them.
 */
#pragma once

#include "conf/conf.h"

#define LISTEN_WHY 256

struct listener {
	int fd;
	bool stream;
	uint32_t worker; /* whose it is, its index; of a Unix socket: its sandbox's */
	char sandbox[NG_SANDBOX_NAME_MAX]; /* whose it is, a Unix socket; "": TCP or UDP */
	char path[NG_SOCKET_MAX];          /* and where */
};

struct listeners {
	struct listener items[2 * NG_LISTENERS_MAX * NG_WORKERS_MAX + NG_SOCKETS_MAX];
	size_t n;
};

struct steer;
struct listen_plan {
	const struct conf_listen *at;
	size_t n;
	uint32_t workers;
	const struct steer *steer; /* of several workers, borrowed; else NULL */
};
/*
 * UDP and TCP for each address and worker. NG_E_IO and one line that says which and what to do. Any
 * other code: the sockets could not be steered, and none is open.
 */
int listeners_open(const struct listen_plan *plan, struct listeners *out,
		   char why[static LISTEN_WHY]) NG_MUST_CHECK;
/* Adds those of sandboxes. NG_E_IO, NG_E_NOTFOUND, NG_E_PERM, NG_E_EXISTS, with one line. */
int sockets_open(const struct conf *conf, uint32_t workers, struct listeners *to,
		 char why[static LISTEN_WHY]) NG_MUST_CHECK;
void listener_close(struct listener *listener); /* and removes what it stands for on the disk */
void listeners_close(struct listeners *listeners); /* takes NULL and the zero value */
