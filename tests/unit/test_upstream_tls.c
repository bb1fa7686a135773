/* Servers asked by TLS: nothing of what they said stays lying, and belief ends with what it rests on. */
#include "config.h"
#include "upstream_world.h"

#include "edge/upstream_tls.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#define MANY 48 /* answers; more than the socket is read in one turn, all in one record */

struct owner { /* of a certificate that he signed himself */
	SSL_CTX *context;
	EVP_PKEY *key;
	X509 *certificate;
	BIO *pem;
};

static struct owner dns, other;

static void owner_begin(struct owner *owner, const char *name)
{
	X509_NAME *subject;

	owner->key = EVP_EC_gen("P-256");
	owner->certificate = X509_new();
	owner->pem = BIO_new(BIO_s_mem());
	owner->context = SSL_CTX_new(TLS_server_method());
	assert_true(owner->key && owner->certificate && owner->pem && owner->context);
	X509_set_version(owner->certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(owner->certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(owner->certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(owner->certificate), 86400);
	X509_set_pubkey(owner->certificate, owner->key);
	subject = X509_get_subject_name(owner->certificate);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1,
				   0);
	X509_set_issuer_name(owner->certificate, subject);
	assert_true(X509_sign(owner->certificate, owner->key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(owner->pem, owner->certificate), 1);
	assert_int_equal(SSL_CTX_use_certificate(owner->context, owner->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(owner->context, owner->key), 1);
}

static void owner_end(struct owner *owner)
{
	SSL_CTX_free(owner->context);
	X509_free(owner->certificate);
	EVP_PKEY_free(owner->key);
	BIO_free(owner->pem);
}

static const char *pem_of(const struct owner *owner, size_t *len)
{
	char *text;

	*len = (size_t)BIO_get_mem_data(owner->pem, &text);
	return text;
}

static int believe(struct world *world, const struct owner *owner)
{
	size_t len;
	const char *pem = pem_of(owner, &len);

	return upstream_trust(world->upstream, pem, len);
}

static void tls_routes(struct world *world)
{
	struct upstream_route route = route_to(world, 1, LONG_MS);

	route.servers[0].transport = WALL_TLS;
	route.servers[0].who = 1;
	strcpy(route.who[0].name, "dns.example");
	assert_int_equal(upstream_routes(world->upstream, &route, 1), NG_OK);
}

/* ---- the server's side ---- */

/* NULL: he is not believed. */
static SSL *take_tls(struct world *world)
{
	struct server *at = &world->servers[0];
	SSL *ssl = SSL_new(dns.context);

	at->stream = accept(at->tcp, NULL, NULL);
	patient(at->stream);
	SSL_set_fd(ssl, at->stream);
	if (SSL_accept(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	close(at->stream);
	return NULL;
}

static bool read_all(SSL *ssl, uint8_t *out, size_t n)
{
	for (size_t at = 0; at < n;) {
		int got = SSL_read(ssl, out + at, (int)(n - at));

		if (got <= 0)
			return false;
		at += (size_t)got;
	}
	return true;
}

/* The answer to the next question, with its length; 0: there came none. */
static size_t answer_next(SSL *ssl, uint8_t *out)
{
	struct letter letter;
	uint8_t prefix[2];
	size_t len;

	if (!read_all(ssl, prefix, 2))
		return 0;
	letter.len = (size_t)prefix[0] << 8 | prefix[1];
	if (letter.len > sizeof(letter.wire) || !read_all(ssl, letter.wire, letter.len))
		return 0;
	len = right(&letter, out + 2);
	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	return len + 2;
}

static void hang_up(struct world *world, SSL *ssl)
{
	SSL_free(ssl);
	close(world->servers[0].stream);
}

/* ---- what is said ---- */

static SSL *kept;

static void all_in_one_record(struct world *world)
{
	uint8_t out[MANY * 128];
	size_t len = 0;

	kept = take_tls(world);
	for (int i = 0; kept && i < MANY; i++)
		len += answer_next(kept, out + len);
	if (kept)
		(void)!SSL_write(kept, out, (int)len);
}

/* The socket is empty when the last of them are still held: no event will tell of those. */
static void answers_of_one_record_are_all_taken(void **state)
{
	struct world *world = *state;

	assert_int_equal(believe(world, &dns), NG_OK);
	tls_routes(world);
	for (uint64_t i = 1; i <= MANY; i++)
		ask(world, i);
	play(world, all_in_one_record);
	assert_int_equal(world->answers, MANY);
	assert_int_equal(counted(world).timeouts, 0);
	assert_int_equal(counted(world).connections, 1);
	hang_up(world, kept);
}

static int begin_many(void **state)
{
	return begin_with(state, 64);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_many, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_of_one_record_are_all_taken),
	};
	int failed;

	owner_begin(&dns, "dns.example");
	owner_begin(&other, "other.example");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	owner_end(&dns);
	owner_end(&other);
	return failed;
}
