/*
 * What a server may say before and inside TLS. The first octet says who is expected, and how it speaks.
 * With RAW the rest are its octets, in segments behind an octet of length; else a real server is on the
 * other side, and the rest says how its octets are changed on the way: two octets of how far behind the
 * change before, and one that is put over what stands there. Nobody but the expected proves to be it, and
 * what is read is what the server said, or nothing.
 */
#include "config.h"
#include "edge/upstream_tls.h"

#include "fuzz.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

enum flag {
	RAW = 1,
	PINNED = 2,
	NAMED = 4,
	WRONG = 8, /* another key or name is expected */
	OLD = 16   /* TLS 1.2 */
};

#define SAID_MAX 3000
#define TURNS    16

static struct {
	struct tls_trust *trust;
	SSL_CTX *server;
	struct upstream_who right, wrong;
	uint8_t said[SAID_MAX];
} world;

/* ---- the server's key ---- */

static void names_add(X509 *certificate)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&context);
	extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, "DNS:ns.probe");
	fuzz_must(extension && X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
}

static X509 *certificate_make(EVP_PKEY *key)
{
	X509 *certificate = X509_new();

	fuzz_must(certificate && X509_set_version(certificate, X509_VERSION_3));
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
				   (const unsigned char *)"ns", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_set_pubkey(certificate, key);
	names_add(certificate);
	fuzz_must(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static void trust_make(X509 *certificate)
{
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;
	long len;

	fuzz_must(pem && PEM_write_bio_X509(pem, certificate));
	len = BIO_get_mem_data(pem, &text);
	fuzz_must(tls_trust_create(&world.trust) == NG_OK);
	fuzz_must(tls_trust_set(world.trust, text, (size_t)len) == NG_OK);
	BIO_free(pem);
}

static void world_make(void)
{
	EVP_PKEY *key;
	X509 *certificate;
	unsigned char *octets = NULL;
	int n;

	if (world.trust)
		return;
	key = EVP_EC_gen("P-256");
	fuzz_must(key != NULL);
	certificate = certificate_make(key);
	trust_make(certificate);
	world.server = SSL_CTX_new(TLS_server_method());
	fuzz_must(world.server && SSL_CTX_use_certificate(world.server, certificate) == 1);
	fuzz_must(SSL_CTX_use_PrivateKey(world.server, key) == 1);
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &octets);
	fuzz_must(EVP_Digest(octets, (size_t)n, world.right.pins[0], NULL, EVP_sha256(), NULL));
	strcpy(world.right.name, "ns.probe");
	strcpy(world.wrong.name, "ns.other.probe");
	world.wrong.pins[0][0] = (uint8_t)~world.right.pins[0][0];
	for (size_t i = 0; i < SAID_MAX; i++)
		world.said[i] = (uint8_t)(i * 7 + i / 256);
	OPENSSL_free(octets);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* ---- one connection ---- */

struct talk {
	struct tls *tls;
	int flags;
	SSL *server; /* NULL: RAW */
	const uint8_t *changes;
	size_t n_changes, wait; /* octets that pass before the next one */
	bool changed, said, proved, ended;
	size_t got;
};

static void tls_make(struct talk *talk)
{
	struct upstream_who who = talk->flags & WRONG ? world.wrong : world.right;

	if (!(talk->flags & NAMED))
		who.name[0] = '\0';
	who.n_pins = talk->flags & PINNED || !(talk->flags & NAMED);
	fuzz_must(tls_begin(world.trust, &who, (uint64_t)talk->flags & (PINNED | NAMED | WRONG),
			    &talk->tls) == NG_OK);
}

static void server_make(struct talk *talk)
{
	talk->server = SSL_new(world.server);
	fuzz_must(talk->server != NULL);
	SSL_set_bio(talk->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_accept_state(talk->server);
	if (talk->flags & OLD)
		fuzz_must(SSL_set_max_proto_version(talk->server, TLS1_2_VERSION));
}

/* Without a server's word only the end of a connection may be read. */
static void read_all(struct talk *talk)
{
	uint8_t octets[512];
	ssize_t n;

	while ((n = tls_read(talk->tls, octets, sizeof(octets))) > 0) {
		fuzz_must(talk->said && talk->got + (size_t)n <= SAID_MAX);
		fuzz_must(!memcmp(octets, world.said + talk->got, (size_t)n));
		talk->got += (size_t)n;
	}
	talk->ended = n == 0;
}

/* As the octets of a connection are taken. */
static void feed(struct talk *talk, const uint8_t *octets, size_t n)
{
	int code;

	if (talk->ended)
		return;
	fuzz_must(tls_feed(talk->tls, octets, n) == NG_OK);
	if (!talk->proved) {
		code = tls_shake(talk->tls);
		if (code == NG_E_NOTFOUND)
			return;
		talk->proved = code == NG_OK;
		talk->ended = !talk->proved;
		fuzz_must(talk->proved || tls_why(talk->tls)[0]);
		fuzz_must(!talk->proved || (talk->server && !(talk->flags & WRONG)));
	}
	if (talk->proved)
		read_all(talk);
}

static void changes_make(struct talk *talk, uint8_t *octets, size_t n)
{
	size_t at = 0;

	while (talk->n_changes >= 3) {
		if (talk->wait == SIZE_MAX)
			talk->wait = (size_t)talk->changes[0] << 8 | talk->changes[1];
		if (talk->wait >= n - at) {
			talk->wait -= n - at;
			return;
		}
		at += talk->wait;
		octets[at] ^= talk->changes[2];
		talk->changed |= talk->changes[2] != 0;
		talk->wait = SIZE_MAX;
		talk->changes += 3;
		talk->n_changes -= 3;
	}
}

/* What either has to say, over to the other. False: nothing is left. */
static bool carry(struct talk *talk)
{
	uint8_t octets[4096];
	size_t n = tls_pull(talk->tls, octets, sizeof(octets));
	bool any = n > 0;
	int got;

	if (n)
		fuzz_must(BIO_write(SSL_get_rbio(talk->server), octets, (int)n) == (int)n);
	if (!talk->said && SSL_do_handshake(talk->server) == 1) {
		talk->said = true;
		fuzz_must(SSL_write(talk->server, world.said, SAID_MAX) == SAID_MAX);
	}
	while ((got = BIO_read(SSL_get_wbio(talk->server), octets, sizeof(octets))) > 0) {
		changes_make(talk, octets, (size_t)got);
		feed(talk, octets, (size_t)got);
		any = true;
	}
	ERR_clear_error();
	return any;
}

static void talk_real(struct talk *talk, const uint8_t *data, size_t size)
{
	talk->changes = data;
	talk->n_changes = size;
	talk->wait = SIZE_MAX;
	server_make(talk);
	fuzz_must(tls_shake(talk->tls) == NG_E_NOTFOUND);
	for (int i = 0; i < TURNS && carry(talk); i++)
		;
	if (!talk->changed)
		fuzz_must(talk->flags & WRONG ? !talk->proved : talk->got == SAID_MAX);
	SSL_free(talk->server);
}

static void talk_raw(struct talk *talk, const uint8_t *data, size_t size)
{
	uint8_t octets[4096];

	fuzz_must(tls_shake(talk->tls) == NG_E_NOTFOUND);
	for (size_t i = 0; i < size;) {
		size_t len = data[i++];

		len = len < size - i ? len : size - i;
		feed(talk, data + i, len);
		while (tls_pull(talk->tls, octets, sizeof(octets)))
			;
		i += len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct talk talk = {0};

	if (!size)
		return 0;
	world_make();
	talk.flags = data[0];
	tls_make(&talk);
	if (talk.flags & RAW)
		talk_raw(&talk, data + 1, size - 1);
	else
		talk_real(&talk, data + 1, size - 1);
	tls_end(talk.tls);
	fuzz_must(ERR_peek_error() ==
		  0); /* one connection's errors would be another's reason */
	return 0;
}

__attribute__((destructor)) static void world_end(void)
{
	tls_trust_destroy(world.trust);
	SSL_CTX_free(world.server);
}
