/*
 * TLS by OpenSSL, over memory: it reads no file, opens no socket and takes nothing from its own
 * configuration, so that a confined worker can use it.
 *
 * A session is resumed only with the very server that it was made with, named and pinned as it was
 * then, and never after the trusted certificates changed: what it rests on is the first handshake.
 */
#include "config.h"
#include "edge/upstream_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 64 /* one a server; beyond that handshakes are whole again */
#define WHY_MAX  160

struct session {
	uint64_t key;
	SSL_SESSION *session; /* NULL: none */
};

struct tls_trust {
	SSL_CTX *context;
	X509_STORE *nobody; /* what there is to go back to: it vouches for nobody */
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len; /* of the certificates as they were given; 0: of none */
	uint32_t epoch;          /* counts up with them */
	struct session sessions[SESSIONS];
	size_t next;
};

struct tls {
	struct tls_trust *trust;
	struct upstream_who who;
	uint64_t key;
	uint32_t epoch; /* of the trust when it began */
	SSL *ssl;
	BIO *in, *out; /* of ssl */
	bool proved;   /* it is who it should be */
	char why[WHY_MAX];
};

/* ---- sessions ---- */

static struct session *session_of(struct tls_trust *trust, uint64_t key)
{
	for (size_t i = 0; i < SESSIONS; i++)
		if (trust->sessions[i].session && trust->sessions[i].key == key)
			return &trust->sessions[i];
	return NULL;
}

static void sessions_forget(struct tls_trust *trust)
{
	for (size_t i = 0; i < SESSIONS; i++) {
		SSL_SESSION_free(trust->sessions[i].session);
		trust->sessions[i].session = NULL;
	}
}

/* OpenSSL's reference becomes ours when this returns 1. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *tls = SSL_get_app_data(ssl);
	struct tls_trust *trust = tls->trust;
	struct session *place;

	if (tls->epoch != trust->epoch)
		return 0;
	place = session_of(trust, tls->key);
	if (!place)
		place = &trust->sessions[trust->next++ % SESSIONS];
	SSL_SESSION_free(place->session);
	*place = (struct session){.key = tls->key, .session = session};
	return 1;
}

/* ---- trust ---- */

static SSL_CTX *make_context(void)
{
	static const unsigned char dot[] = {3, 'd', 'o', 't'};
	SSL_CTX *context;

	if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
		return NULL;
	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return NULL;
	if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ||
	    SSL_CTX_set_alpn_protos(context, dot, sizeof(dot))) {
		SSL_CTX_free(context);
		return NULL;
	}
	/* Nobody becomes somebody else in the middle of a connection. */
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_session_cache_mode(context,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_session);
	return context;
}

int tls_trust_create(struct tls_trust **out)
{
	struct tls_trust *trust = calloc(1, sizeof(*trust));

	if (!trust)
		return NG_E_NOMEM;
	trust->context = make_context();
	if (!trust->context) {
		free(trust);
		return NG_E_NOMEM;
	}
	trust->nobody = SSL_CTX_get_cert_store(trust->context);
	X509_STORE_up_ref(trust->nobody);
	*out = trust;
	return NG_OK;
}

void tls_trust_destroy(struct tls_trust *trust)
{
	if (!trust)
		return;
	sessions_forget(trust);
	X509_STORE_free(trust->nobody);
	SSL_CTX_free(trust->context);
	free(trust);
}

/* How many certificates were added. */
static size_t add_certificates(X509_STORE *store, BIO *pem)
{
	size_t n = 0;
	X509 *one;

	while ((one = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
		n += X509_STORE_add_cert(store, one) == 1;
		X509_free(one);
	}
	ERR_clear_error(); /* the end of the text is one */
	return n;
}

bool tls_trust_is(const struct tls_trust *trust, const char *pem, size_t len)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int n;

	return trust->digest_len && EVP_Digest(pem, len, digest, &n, EVP_sha256(), NULL) &&
	       n == trust->digest_len && memcmp(digest, trust->digest, n) == 0;
}

int tls_trust_set(struct tls_trust *trust, const char *pem, size_t len)
{
	X509_STORE *store = X509_STORE_new();
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	size_t n = store && bio ? add_certificates(store, bio) : 0;
	int code = !store || !bio ? NG_E_NOMEM : n ? NG_OK : NG_E_FORMAT;

	BIO_free(bio);
	trust->epoch++;
	trust->digest_len = 0;
	sessions_forget(trust);
	if (code) {
		X509_STORE_free(store);
		SSL_CTX_set1_cert_store(trust->context, trust->nobody);
		return code;
	}
	SSL_CTX_set_cert_store(trust->context, store);
	if (!EVP_Digest(pem, len, trust->digest, &trust->digest_len, EVP_sha256(), NULL))
		trust->digest_len = 0;
	return NG_OK;
}

/* ---- one connection ---- */

/* A key that is known needs nobody to vouch for it; it is looked at when all is said. */
static int any_certificate(int good, X509_STORE_CTX *context)
{
	(void)good;
	(void)context;
	return 1;
}

static bool expect(struct tls *tls)
{
	if (!tls->who.name[0]) {
		SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, any_certificate);
		return tls->who.n_pins > 0;
	}
	SSL_set_hostflags(tls->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(tls->ssl, tls->who.name) &&
	       SSL_set_tlsext_host_name(tls->ssl, tls->who.name);
}

static bool attach(struct tls *tls)
{
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (!tls->in || !tls->out) {
		BIO_free(tls->in);
		BIO_free(tls->out);
		return false;
	}
	BIO_set_mem_eof_return(tls->in, -1); /* empty is not the end */
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_connect_state(tls->ssl);
	return expect(tls);
}

int tls_begin(struct tls_trust *trust, const struct upstream_who *who, uint64_t key,
	      struct tls **out)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	struct session *known = session_of(trust, key);

	if (!tls)
		return NG_E_NOMEM;
	tls->trust = trust;
	tls->who = *who;
	tls->key = key;
	tls->epoch = trust->epoch;
	tls->ssl = SSL_new(trust->context);
	if (!tls->ssl || !attach(tls)) {
		tls_end(tls);
		return NG_E_NOMEM;
	}
	if (known)
		(void)SSL_set_session(tls->ssl, known->session);
	*out = tls;
	return NG_OK;
}

void tls_end(struct tls *tls)
{
	if (!tls)
		return;
	/* A session that is dropped without this counts as broken, and is not taken up again. */
	if (tls->proved)
		SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN);
	SSL_free(tls->ssl);
	free(tls);
}

int tls_feed(struct tls *tls, const uint8_t *octets, size_t n)
{
	return BIO_write(tls->in, octets, (int)n) == (int)n ? NG_OK : NG_E_NOMEM;
}

size_t tls_pull(struct tls *tls, uint8_t *out, size_t room)
{
	int got = BIO_read(tls->out, out, (int)room);

	return got > 0 ? (size_t)got : 0;
}

/* ---- who is it ---- */

static bool is_pinned(const struct tls *tls)
{
	X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
	unsigned char digest[NG_PIN_LEN], *key = NULL;
	unsigned int len = 0;
	int n = certificate ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key) : -1;
	bool good = n > 0 && EVP_Digest(key, (size_t)n, digest, &len, EVP_sha256(), NULL) &&
		    len == NG_PIN_LEN;

	OPENSSL_free(key);
	for (size_t i = 0; good && i < tls->who.n_pins; i++)
		if (memcmp(tls->who.pins[i], digest, NG_PIN_LEN) == 0)
			return true;
	return false;
}

static int refused(struct tls *tls)
{
	long verified = SSL_get_verify_result(tls->ssl);
	unsigned long error = ERR_peek_last_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (tls->who.name[0] && verified != X509_V_OK)
		reason = X509_verify_cert_error_string(verified);
	snprintf(tls->why, sizeof(tls->why), "%s",
		 reason ? reason : "the server ended the handshake");
	ERR_clear_error();
	return NG_E_PERM;
}

int tls_shake(struct tls *tls)
{
	int done = SSL_do_handshake(tls->ssl);

	if (done != 1 && SSL_get_error(tls->ssl, done) == SSL_ERROR_WANT_READ)
		return NG_E_NOTFOUND;
	if (done != 1)
		return refused(tls);
	if (tls->who.name[0] && SSL_get_verify_result(tls->ssl) != X509_V_OK)
		return refused(tls);
	if (tls->who.n_pins && !is_pinned(tls)) {
		snprintf(tls->why, sizeof(tls->why),
			 "its public key is none of those of pin-sha256");
		return NG_E_PERM;
	}
	tls->proved = true;
	return NG_OK;
}

/* ---- what is said ---- */

int tls_write(struct tls *tls, const uint8_t *octets, size_t n)
{
	if (SSL_write(tls->ssl, octets, (int)n) == (int)n)
		return NG_OK;
	ERR_clear_error();
	return NG_E_CLOSED;
}

ssize_t tls_read(struct tls *tls, uint8_t *out, size_t room)
{
	int got = SSL_read(tls->ssl, out, (int)room);

	if (got > 0)
		return got;
	got = SSL_get_error(tls->ssl, got);
	ERR_clear_error();
	return got == SSL_ERROR_WANT_READ ? -1 : 0;
}

bool tls_resumed(const struct tls *tls)
{
	return SSL_session_reused(tls->ssl);
}

const char *tls_why(const struct tls *tls)
{
	return tls->why;
}
