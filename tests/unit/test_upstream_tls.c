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

static struct letter last; /* question */

/* The answer to the next question, with its length; 0: there came none. */
static size_t answer_next(SSL *ssl, uint8_t *out)
{
	uint8_t prefix[2];
	size_t len;

	if (!read_all(ssl, prefix, 2))
		return 0;
	last.len = (size_t)prefix[0] << 8 | prefix[1];
	if (last.len > sizeof(last.wire) || !read_all(ssl, last.wire, last.len))
		return 0;
	len = right(&last, out + 2);
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

/* An answer with padding as long as what it answers. */
static void pad(uint8_t *out, size_t *len)
{
	uint8_t opt[11 + 4 + 300] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 1, 48, 0, 12, 1, 44};

	memcpy(out + *len, opt, sizeof(opt));
	*len += sizeof(opt);
	out[2 + 11] = 1;
	out[0] = (uint8_t)((*len - 2) >> 8);
	out[1] = (uint8_t)(*len - 2);
}

static size_t asked_len;
static bool asked_padded;

static void look_at_the_length(struct world *world)
{
	SSL *ssl = take_tls(world);
	uint8_t out[2 + 2048];
	size_t len = ssl ? answer_next(ssl, out) : 0, opt = question_end(&last);

	if (!len)
		return;
	asked_len = last.len;
	/* The only option, and all zeros (RFC 7830 3). */
	asked_padded = last.wire[opt + 12] == NG_OPTION_PADDING;
	for (size_t i = opt + 15; i < last.len; i++)
		asked_padded &= !last.wire[i];
	pad(out, &len);
	(void)!SSL_write(ssl, out, (int)len);
	hang_up(world, ssl);
}

static void questions_are_padded(void **state)
{
	struct world *world = *state;
	struct ng_ask question = ask_of(1);
	/* With OPT and the head of an option: 49, 127, 128, 129 and 286 octets. */
	const uint8_t labels[] = {16, 93, 94, 95, 250};

	assert_int_equal(believe(world, &dns), NG_OK);
	tls_routes(world);
	for (size_t i = 0; i < sizeof(labels); i++) {
		uint8_t *at = question.question.name.wire, left = labels[i];

		while (left) {
			uint8_t n = left > 63 ? 63 : left;

			*at++ = n;
			memset(at, 'a', n);
			at += n;
			left = (uint8_t)(left - n);
		}
		*at++ = 0;
		question.question.name.len = (uint8_t)(at - question.question.name.wire);
		world->wanted++;
		asked_len = 1;
		assert_int_equal(upstream_ask(world->upstream, &question), NG_OK);
		play(world, look_at_the_length);
		assert_int_equal(world->answers, i + 1);
		assert_int_equal(asked_len % 128, 0);
		assert_true(asked_padded);
	}
}

/* ---- whom is believed ---- */

static void give_one(SSL *ssl)
{
	uint8_t out[2 + 1024];
	size_t len = answer_next(ssl, out);

	if (len)
		(void)!SSL_write(ssl, out, (int)len);
}

/* What comes on the first connection after that is told, and what the next handshake comes to. */
static size_t more_on_first;
static bool believed_again, resumed_again;

static void over_a_change(struct world *world)
{
	SSL *first = take_tls(world), *second;
	uint8_t out[2 + 1024];

	if (!first)
		return;
	give_one(first);
	more_on_first = answer_next(first, out); /* until it is closed */
	hang_up(world, first);
	second = take_tls(world);
	believed_again = second != NULL;
	if (!second)
		return;
	resumed_again = SSL_session_reused(second) == 1;
	give_one(second);
	hang_up(world, second);
}

static void first_answered(struct world *world)
{
	more_on_first = 0;
	believed_again = resumed_again = false;
	assert_int_equal(believe(world, &dns), NG_OK);
	tls_routes(world);
	world->script = over_a_change;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	ask(world, 1);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(world->answers, 1);
}

static void second_ended(struct world *world)
{
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers + world->failures, 2);
}

/* One question before and one after; at once, so that the connection of the first still stands. */
static void ask_over_a_change(struct world *world, int (*change)(struct world *world),
			      int wanted)
{
	first_answered(world);
	assert_int_equal(change(world), wanted);
	ask(world, 2);
	second_ended(world);
	assert_int_equal(more_on_first, 0);
}

static int to_another(struct world *world)
{
	return believe(world, &other);
}

static void who_was_believed_is_not_any_more(void **state)
{
	struct world *world = *state;

	ask_over_a_change(world, to_another, NG_OK);
	assert_false(believed_again);
	assert_int_equal(world->failures, 1);
	assert_int_equal(world->why, NG_NO_TRUST);
}

static int to_nonsense(struct world *world)
{
	return upstream_trust(world->upstream, "nonsense", 8);
}

/* With certificates that cannot be read nobody is believed: not by those of before either. */
static void nobody_is_believed_by_what_cannot_be_read(void **state)
{
	struct world *world = *state;

	ask_over_a_change(world, to_nonsense, NG_E_FORMAT);
	assert_false(believed_again);
	assert_int_equal(world->why, NG_NO_TRUST);
	assert_int_equal(believe(world, &dns), NG_OK);
}

static int to_both(struct world *world)
{
	char both[8192];
	size_t len, len_other;
	const char *pem = pem_of(&dns, &len), *pem_other = pem_of(&other, &len_other);

	assert_true(len + len_other <= sizeof(both));
	memcpy(both, pem, len);
	memcpy(both + len, pem_other, len_other);
	return upstream_trust(world->upstream, both, len + len_other);
}

static void who_is_still_believed_proves_it_anew(void **state)
{
	struct world *world = *state;

	ask_over_a_change(world, to_both, NG_OK);
	assert_true(believed_again);
	assert_false(resumed_again);
	assert_int_equal(world->answers, 2);
}

static void who_waits_is_asked_again(void **state)
{
	struct world *world = *state;

	first_answered(world);
	ask(world, 2); /* on the connection of the first */
	assert_int_equal(to_both(world), NG_OK);
	second_ended(world);
	assert_int_equal(world->answers, 2);
	assert_int_equal(counted(world).connections, 2);
}

static void before_and_after(struct world *world)
{
	SSL *ssl = take_tls(world);

	if (!ssl)
		return;
	give_one(ssl);
	give_one(ssl);
	hang_up(world, ssl);
}

/* A reload tells the same certificates again. */
static void the_same_certificates_change_nothing(void **state)
{
	struct world *world = *state;

	assert_int_equal(believe(world, &dns), NG_OK);
	tls_routes(world);
	world->script = before_and_after;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	for (uint64_t i = 1; i <= 2; i++) {
		ask(world, i);
		uv_run(&world->loop, UV_RUN_DEFAULT);
		assert_int_equal(believe(world, &dns), NG_OK);
	}
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers, 2);
	assert_int_equal(counted(world).connections, 1);
}

/* ---- tickets ---- */

/* All that the one side has said goes to the other. */
static void carry(struct tls *tls, SSL *server)
{
	uint8_t octets[16384];
	size_t len = tls_pull(tls, octets, sizeof(octets));

	assert_int_equal(BIO_write(SSL_get_rbio(server), octets, (int)len), (int)len);
}

static void carry_back(struct tls *tls, SSL *server)
{
	uint8_t octets[16384];
	int len = BIO_read(SSL_get_wbio(server), octets, sizeof(octets));

	assert_int_equal(tls_feed(tls, octets, len > 0 ? (size_t)len : 0), NG_OK);
}

static struct tls *shaken(struct tls_trust *trust, SSL **server)
{
	struct upstream_who who = {.name = "dns.example"};
	struct tls *tls;
	int code = NG_E_NOTFOUND;

	*server = SSL_new(dns.context);
	SSL_set_bio(*server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_accept_state(*server);
	assert_int_equal(tls_begin(trust, &who, 1, &tls), NG_OK);
	for (int i = 0; i < 4 && code == NG_E_NOTFOUND; i++) {
		code = tls_shake(tls);
		carry(tls, *server);
		(void)SSL_do_handshake(*server);
		if (code == NG_E_NOTFOUND)
			carry_back(tls, *server);
	}
	assert_int_equal(code, NG_OK);
	return tls;
}

/* Whether a connection after one whose ticket came when it came would be resumed. */
static bool resumed_after(bool changed)
{
	struct tls_trust *trust;
	struct tls *first, *second;
	SSL *one, *two;
	uint8_t none[16];
	size_t len;
	const char *pem = pem_of(&dns, &len);
	bool resumed;

	assert_int_equal(tls_trust_create(&trust), NG_OK);
	assert_int_equal(tls_trust_set(trust, pem, len), NG_OK);
	first = shaken(trust, &one);
	if (changed)
		assert_int_equal(tls_trust_set(trust, pem, len), NG_OK);
	carry_back(first, one); /* the tickets */
	assert_int_equal(tls_read(first, none, sizeof(none)), -1);
	second = shaken(trust, &two);
	resumed = tls_resumed(second);
	tls_end(first);
	tls_end(second);
	SSL_free(one);
	SSL_free(two);
	tls_trust_destroy(trust);
	return resumed;
}

static void ticket_of_an_older_trust_is_dropped(void **state)
{
	(void)state;
	assert_true(resumed_after(false));
	assert_false(resumed_after(true));
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
		TEST(questions_are_padded),
		TEST(who_was_believed_is_not_any_more),
		TEST(nobody_is_believed_by_what_cannot_be_read),
		TEST(who_is_still_believed_proves_it_anew),
		TEST(who_waits_is_asked_again),
		TEST(the_same_certificates_change_nothing),
		cmocka_unit_test(ticket_of_an_older_trust_is_dropped),
	};
	int failed;

	owner_begin(&dns, "dns.example");
	owner_begin(&other, "other.example");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	owner_end(&dns);
	owner_end(&other);
	return failed;
}
