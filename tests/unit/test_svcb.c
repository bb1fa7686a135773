/* SVCB and HTTPS: hints and ech are gone, the rest is as it was, and what lies is refused. */
#include "dns/svcb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define TARGET "\3CDN\7example" /* and the literal's NUL */

/* An exact-size copy, so that a sanitizer sees any octet read beyond. */
static int strip(const void *rdata, size_t len, uint8_t *out, struct svcb *svcb)
{
	uint8_t *copy = malloc(len ? len : 1);
	int error;

	assert_non_null(copy);
	memcpy(copy, rdata, len);
	error = svcb_strip(copy, len, out, svcb);
	free(copy);
	return error;
}

static void hints_and_ech_go(void **state)
{
	static const uint8_t rdata[] = "\0\1" TARGET "\0\0\1\0\3\2h2" /* alpn */
				       "\0\4\0\4\xc0\0\2\1"           /* ipv4hint */
				       "\0\5\0\2xx"                   /* ech */
				       "\0\6\0\20"
				       "0123456789abcdef" /* ipv6hint */
				       "\0\7\0\1/";       /* dohpath */
	static const uint8_t want[] = "\0\1\3cdn\7example\0\0\1\0\3\2h2\0\7\0\1/";
	uint8_t out[sizeof(rdata)];
	struct svcb svcb;

	(void)state;
	assert_int_equal(strip(rdata, sizeof(rdata) - 1, out, &svcb), NG_OK);
	assert_int_equal(svcb.len, sizeof(want) - 1);
	assert_memory_equal(out, want, svcb.len);
	assert_int_equal(svcb.priority, 1);
	assert_true(svcb.usable);
	for (size_t n = 0; n < sizeof(rdata) - 1; n++) {
		/* A cut is noticed, unless it falls between two parameters. */
		if (strip(rdata, n, out, &svcb) == NG_OK)
			assert_true(n == 15 || n == 22 || n == 30 || n == 36 || n == 56);
	}
}

static void mandatory(void **state)
{
	static const uint8_t needs_hint[] = "\0\1\0\0\0\0\2\0\4\0\4\0\4\xc0\0\2\1";
	static const uint8_t needs_alpn[] = "\0\1\0\0\0\0\2\0\1\0\1\0\3\2h2";
	static const uint8_t names_itself[] = "\0\1\0\0\0\0\2\0\0";
	static const uint8_t odd[] = "\0\1\0\0\0\0\1\0";
	uint8_t out[64];
	struct svcb svcb;

	(void)state;
	assert_int_equal(strip(needs_hint, sizeof(needs_hint) - 1, out, &svcb), NG_OK);
	assert_false(svcb.usable);
	assert_int_equal(strip(needs_alpn, sizeof(needs_alpn) - 1, out, &svcb), NG_OK);
	assert_true(svcb.usable);
	assert_int_equal(strip(names_itself, sizeof(names_itself) - 1, out, &svcb),
			 NG_E_FORMAT);
	assert_int_equal(strip(odd, sizeof(odd) - 1, out, &svcb), NG_E_FORMAT);
}

static void keys_rise(void **state)
{
	static const uint8_t twice[] = "\0\1\0\0\1\0\0\0\1\0\0";
	static const uint8_t falling[] = "\0\1\0\0\3\0\2\0\1\0\1\0\0";
	uint8_t out[64];
	struct svcb svcb = {.len = 77};

	(void)state;
	assert_int_equal(strip(twice, sizeof(twice) - 1, out, &svcb), NG_E_FORMAT);
	assert_int_equal(strip(falling, sizeof(falling) - 1, out, &svcb), NG_E_FORMAT);
	assert_int_equal(svcb.len, 77); /* untouched */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hints_and_ech_go),
		cmocka_unit_test(mandatory),
		cmocka_unit_test(keys_rise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
