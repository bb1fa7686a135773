/* Heads of refused packets: what a sandbox can write, cut off anywhere. */
#include "warden/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t tcp4[] = {0x45, 0,  0, 44, 0,  0, 0x40, 0, 64,   6,    0,    0,
			       10,   77, 1, 2,  44, 0, 0,    1, 0xc0, 0x01, 0x01, 0xbb};
static const uint8_t udp6[] = {
	0x60, 0, 0, 0,  0, 16, 44, 64,                         /* next: fragment */
	0xfd, 0, 0, 0,  0, 0,  0,  0,  0, 0, 0, 0, 0, 0, 0, 2, /* from */
	0x20, 1, 0, 0,  0, 0,  0,  0,  0, 0, 0, 0, 0, 0, 0, 1, /* to */
	60,   0, 0, 0,  0, 0,  0,  1,                          /* first fragment */
	17,   0, 1, 4,  0, 0,  0,  0,                          /* destination options */
	0xc0, 1, 0, 53,
};

static void reads_ipv4(void **state)
{
	struct packet_head head;
	char text[NG_ADDR_TEXT];

	(void)state;
	assert_int_equal(packet_read(tcp4, sizeof(tcp4), &head), NG_OK);
	assert_string_equal(ng_addr_format(&head.from, text), "10.77.1.2");
	assert_string_equal(ng_addr_format(&head.to, text), "44.0.0.1");
	assert_int_equal(head.proto, 6);
	assert_int_equal(head.port, 443);
}

static void reads_ipv6_behind_extensions(void **state)
{
	struct packet_head head;
	char text[NG_ADDR_TEXT];

	(void)state;
	assert_int_equal(packet_read(udp6, sizeof(udp6), &head), NG_OK);
	assert_string_equal(ng_addr_format(&head.from, text), "fd00::2");
	assert_string_equal(ng_addr_format(&head.to, text), "2001::1");
	assert_int_equal(head.proto, 17);
	assert_int_equal(head.port, 53);
}

static void a_later_fragment_has_no_port(void **state)
{
	uint8_t later4[sizeof(tcp4)], later6[sizeof(udp6)];
	struct packet_head head;

	(void)state;
	memcpy(later4, tcp4, sizeof(tcp4));
	later4[7] = 1;
	assert_int_equal(packet_read(later4, sizeof(later4), &head), NG_OK);
	assert_int_equal(head.port, 0);
	memcpy(later6, udp6, sizeof(udp6));
	later6[43] = 8;
	assert_int_equal(packet_read(later6, sizeof(later6), &head), NG_OK);
	assert_int_equal(head.proto, 44);
	assert_int_equal(head.port, 0);
}

static void icmp_has_no_port(void **state)
{
	uint8_t icmp[sizeof(tcp4)];
	struct packet_head head;

	(void)state;
	memcpy(icmp, tcp4, sizeof(tcp4));
	icmp[9] = 1;
	assert_int_equal(packet_read(icmp, sizeof(icmp), &head), NG_OK);
	assert_int_equal(head.port, 0);
}

/* Each prefix lies in memory of its own, so that a sanitizer sees one octet too many. */
static void survives_every_cut(void **state)
{
	static const struct {
		const uint8_t *octets;
		size_t len, least;
	} whole[] = {{tcp4, sizeof(tcp4), 20}, {udp6, sizeof(udp6), 40}};

	(void)state;
	for (size_t w = 0; w < 2; w++)
		for (size_t len = 0; len <= whole[w].len; len++) {
			uint8_t *cut = malloc(len ? len : 1);
			struct packet_head head;
			int code;

			assert_non_null(cut);
			memcpy(cut, whole[w].octets, len);
			code = packet_read(cut, len, &head);
			assert_int_equal(code == NG_OK, len >= whole[w].least);
			if (code == NG_OK && len < whole[w].len)
				assert_int_equal(head.port, 0);
			free(cut);
		}
}

static void refuses_nonsense(void **state)
{
	uint8_t short_header[sizeof(tcp4)], endless[8 + 32 + 20 * 8];
	const uint8_t other[40] = {0x50};
	struct packet_head head = {.port = 7};

	(void)state;
	memcpy(short_header, tcp4, sizeof(tcp4));
	short_header[0] = 0x44;
	assert_int_equal(packet_read(short_header, sizeof(short_header), &head), NG_E_FORMAT);
	assert_int_equal(packet_read(other, sizeof(other), &head), NG_E_FORMAT);
	assert_int_equal(head.port, 7);
	/* Extension headers without an end are followed for a few steps. */
	memset(endless, 0, sizeof(endless));
	endless[0] = 0x60;
	assert_int_equal(packet_read(endless, sizeof(endless), &head), NG_OK);
	assert_int_equal(head.port, 0);
}

static void tells_what_is_odd_about_a_header(void **state)
{
	uint8_t options[24 + 8] = {0}, odd[sizeof(udp6)];
	struct packet_head head;

	(void)state;
	assert_int_equal(packet_read(tcp4, sizeof(tcp4), &head), NG_OK);
	assert_int_equal(head.oddity, PACKET_PLAIN);
	memcpy(options, tcp4, 20);
	options[0] = 0x46;
	assert_int_equal(packet_read(options, sizeof(options), &head), NG_OK);
	assert_int_equal(head.oddity, PACKET_OPTIONS);
	memcpy(options, tcp4, 20);
	options[6] = 0x20; /* more fragments follow */
	assert_int_equal(packet_read(options, sizeof(options), &head), NG_OK);
	assert_int_equal(head.oddity, PACKET_FRAGMENT);
	assert_int_equal(packet_read(udp6, sizeof(udp6), &head), NG_OK);
	assert_int_equal(head.oddity, PACKET_FRAGMENT);
	memcpy(odd, udp6, sizeof(udp6));
	odd[6] = 60;
	assert_int_equal(packet_read(odd, sizeof(odd), &head), NG_OK);
	assert_int_equal(head.oddity, PACKET_EXTENSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_is_odd_about_a_header),
		cmocka_unit_test(reads_ipv4),
		cmocka_unit_test(reads_ipv6_behind_extensions),
		cmocka_unit_test(a_later_fragment_has_no_port),
		cmocka_unit_test(icmp_has_no_port),
		cmocka_unit_test(survives_every_cut),
		cmocka_unit_test(refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
