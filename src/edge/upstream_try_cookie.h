/*
 * DNS cookies towards servers (RFC 7873, RFC 9018): by ours a server shows that it saw the question,
 * by its own we show that we are where we say.
 */
#pragma once

#include "edge/upstream.h"
#include "edge/upstream_try_chance.h"

#include <openssl/types.h>

#define COOKIE_LEN    8
#define COOKIE_SERVER 32 /* at most */

struct cookies { /* what ours are made from */
	EVP_MAC_CTX *mac;
	uint8_t secret[16];
	uint64_t drawn_ms;
	uint32_t epoch; /* counts up with the secret; 0: none has been drawn */
};
int cookies_init(struct cookies *cookies) NG_MUST_CHECK; /* NG_E_NOMEM */
void cookies_finish(struct cookies *cookies);

struct cookie {                /* ours and theirs; the zero value knows none */
	struct ng_addr source; /* ours is for this address of our own alone */
	uint32_t epoch;
	uint8_t ours[COOKIE_LEN], theirs[COOKIE_SERVER];
	uint8_t theirs_len;
	bool expected; /* it has sent some: without one it is not believed any more */
};

struct cookie_moment {
	struct cookies *cookies;
	struct chance *chance;
	uint64_t now_ms;
};
/*
 * Has cookie hold what the server is sent from that source now. Another source, or a secret that has
 * grown old, is a new cookie, and theirs is forgotten with it. False: none can be made.
 */
bool cookie_for(const struct cookie_moment *moment, const struct upstream_server *server,
		const struct ng_addr *source, struct cookie *cookie) NG_MUST_CHECK;
/* Both, as they are sent; the length. */
size_t cookie_compose(const struct cookie *cookie,
		      uint8_t out[static COOKIE_LEN + COOKIE_SERVER]);
/* Theirs as an answer brought it that has brought ours. */
void cookie_learn(struct cookie *cookie, const uint8_t *theirs, size_t len);
