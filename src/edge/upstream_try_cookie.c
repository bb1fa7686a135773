/*
 * The cookie that a server is sent is a keyed hash of both addresses: without the secret nobody knows
 * it who has not seen a question, and two servers, or one that is asked from two addresses, have nothing
 * in common by which to tell that it is the same gate (RFC 9018 3). The secret lives a day (RFC 7873 7.1).
 */
#include "edge/upstream_try_cookie.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define SECRET_MS UINT64_C(86400000)

int cookies_init(struct cookies *cookies)
{
	size_t size = COOKIE_LEN;
	const OSSL_PARAM shape[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
				    OSSL_PARAM_construct_end()};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);

	cookies->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	return cookies->mac && EVP_MAC_CTX_set_params(cookies->mac, shape) ? NG_OK : NG_E_NOMEM;
}

void cookies_finish(struct cookies *cookies)
{
	EVP_MAC_CTX_free(cookies->mac);
	OPENSSL_cleanse(cookies, sizeof(*cookies));
}

static bool secret_renew(const struct cookie_moment *moment)
{
	struct cookies *cookies = moment->cookies;

	if (cookies->epoch && moment->now_ms < cookies->drawn_ms + SECRET_MS)
		return true;
	if (!chance_draw(moment->chance, cookies->secret, sizeof(cookies->secret)))
		return false;
	cookies->drawn_ms = moment->now_ms;
	cookies->epoch++;
	return true;
}

static bool add(EVP_MAC_CTX *mac, const struct ng_addr *addr)
{
	return EVP_MAC_update(mac, &addr->family, sizeof(addr->family)) &&
	       EVP_MAC_update(mac, addr->bytes, sizeof(addr->bytes));
}

static bool make(struct cookies *cookies, const struct upstream_server *server,
		 const struct ng_addr *source, uint8_t out[static COOKIE_LEN])
{
	const uint8_t port[2] = {(uint8_t)(server->port >> 8), (uint8_t)server->port};
	size_t n = 0;

	return EVP_MAC_init(cookies->mac, cookies->secret, sizeof(cookies->secret), NULL) &&
	       add(cookies->mac, source) && add(cookies->mac, &server->addr) &&
	       EVP_MAC_update(cookies->mac, port, sizeof(port)) &&
	       EVP_MAC_final(cookies->mac, out, &n, COOKIE_LEN) && n == COOKIE_LEN;
}

bool cookie_for(const struct cookie_moment *moment, const struct upstream_server *server,
		const struct ng_addr *source, struct cookie *cookie)
{
	uint8_t ours[COOKIE_LEN];

	if (!secret_renew(moment))
		return false;
	if (cookie->epoch == moment->cookies->epoch && ng_addr_equal(&cookie->source, source))
		return true;
	if (!make(moment->cookies, server, source, ours))
		return false;
	memcpy(cookie->ours, ours, sizeof(ours));
	cookie->source = *source;
	cookie->epoch = moment->cookies->epoch;
	cookie->theirs_len = 0;
	return true;
}

size_t cookie_compose(const struct cookie *cookie,
		      uint8_t out[static COOKIE_LEN + COOKIE_SERVER])
{
	memcpy(out, cookie->ours, COOKIE_LEN);
	memcpy(out + COOKIE_LEN, cookie->theirs, cookie->theirs_len);
	return COOKIE_LEN + (size_t)cookie->theirs_len;
}

void cookie_learn(struct cookie *cookie, const uint8_t *theirs, size_t len)
{
	if (!len || len > COOKIE_SERVER)
		return; /* ours alone, as one sends it who gives back whatever comes */
	memcpy(cookie->theirs, theirs, len);
	cookie->theirs_len = (uint8_t)len;
	cookie->expected = true;
}
