/*
 * TLS to servers: octets in, octets out, no socket. Nothing passes before the server has proved who
 * it is, by its name and a certificate that somebody trusted vouches for, by its public key, or by
 * both; there is no way to do without.
 */
#pragma once

#include "edge/upstream.h"

#include <sys/types.h>

struct tls_trust; /* who vouches, and the sessions that may be resumed */
struct tls;

int tls_trust_create(struct tls_trust **out) NG_MUST_CHECK; /* NG_E_NOMEM */
void tls_trust_destroy(struct tls_trust *trust);            /* takes NULL */
/* These certificates, as they stand here, are those that vouch now. */
bool tls_trust_is(const struct tls_trust *trust, const char *pem, size_t len);
/*
 * From now on these certificates vouch, and no others; no session of before is taken up again.
 * NG_E_FORMAT: none can be read; that and NG_E_NOMEM: from now on nobody vouches.
 */
int tls_trust_set(struct tls_trust *trust, const char *pem, size_t len) NG_MUST_CHECK;

/* key: of the server, for its sessions. NG_E_NOMEM. */
int tls_begin(struct tls_trust *trust, const struct upstream_who *who, uint64_t key,
	      struct tls **out) NG_MUST_CHECK;
void tls_end(struct tls *tls); /* takes NULL */

/* Octets that came. NG_E_NOMEM. */
int tls_feed(struct tls *tls, const uint8_t *octets, size_t n) NG_MUST_CHECK;
/* Octets to be sent: how many were put into out. */
size_t tls_pull(struct tls *tls, uint8_t *out, size_t room);
/* Goes on with the handshake. NG_OK: it is done; NG_E_NOTFOUND: more must come; else it failed. */
int tls_shake(struct tls *tls) NG_MUST_CHECK;
/* After the handshake alone. NG_E_CLOSED. */
int tls_write(struct tls *tls, const uint8_t *octets, size_t n) NG_MUST_CHECK;
/* How many were read; 0: the server has ended it, or broke it; -1: more must come. */
ssize_t tls_read(struct tls *tls, uint8_t *out, size_t room);
bool tls_resumed(const struct tls *tls);
/* Why the handshake failed, in words. */
const char *tls_why(const struct tls *tls);
