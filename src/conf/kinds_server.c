/*
 * Servers of a forward zone: an address, how it is spoken to, and by what it proves who it is.
 *
 *     192.0.2.53   tcp://192.0.2.53   tls://192.0.2.53#dns.example   tls://[2001:db8::53]:853
 */
#include "conf/fields.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *scheme;
	enum wall_transport transport;
	uint16_t port;
} schemes[] = {{"", WALL_UDP, 53}, {"tcp://", WALL_TCP, 53}, {"tls://", WALL_TLS, 853}};
#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

/* The last is the one without a word, which fits always. */
static size_t scheme_of(const char *text)
{
	size_t i = SCHEMES - 1;
	while (i > 0 && strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
		i--;
	return i;
}

static const char *server_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	size_t scheme = scheme_of(text);
	struct conf_server server = {.transport = schemes[scheme].transport};
	struct field endpoint = {.name = field->name, .low = schemes[scheme].port};
	struct conf_listen where = {0};
	char address[NG_ADDR_TEXT + 16];
	const char *begin = text + strlen(schemes[scheme].scheme), *name = strchr(begin, '#');
	size_t n = name != NULL ? (size_t)(name - begin) : strlen(begin);
	const char *wrong = "this is not an address";
	*advice = "write 192.0.2.53, 192.0.2.53:5353, tcp://192.0.2.53 or "
		  "tls://192.0.2.53#dns.example";
	if (n >= sizeof(address))
		return wrong;
	memcpy(address, begin, n);
	address[n] = '\0';
	wrong = kind_endpoint.read(&endpoint, address, &where, advice);
	if (wrong != NULL)
		return wrong;
	server.addr = where.addr;
	server.port = where.port;
	if (name != NULL && server.transport != WALL_TLS) {
		*advice = "write tls:// before it, or leave the name out";
		return "only a server that is asked by TLS has a name";
	}
	if (name != NULL && !wall_host_good(name + 1)) {
		*advice = "write the name in its certificate, such as dns.example";
		return "this is not a host name";
	}
	if (name != NULL)
		strcpy(server.name, name + 1);
	memcpy(at, &server, sizeof(server));
	return NULL;
}

const char *conf_server_text(const struct conf_server *server,
			     char out[static CONF_SERVER_TEXT])
{
	char addr[NG_ADDR_TEXT];
	ng_addr_format(&server->addr, addr);
	snprintf(out, CONF_SERVER_TEXT,
		 server->addr.family == NG_IPV6 ? "%s[%s]:%u%s%s" : "%s%s:%u%s%s",
		 schemes[server->transport].scheme, addr, server->port,
		 server->name[0] != '\0' ? "#" : "", server->name);
	return out;
}

static void server_print(const void *at, FILE *to)
{
	char text[CONF_SERVER_TEXT];
	fprintf(to, "\"%s\"", conf_server_text(at, text));
}

/* ---- the digest of a public key, as RFC 7858 4.2 and openssl(1) write it ---- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const char *pin_read(const struct field *field, const char *text, void *at,
			    const char **advice)
{
	uint8_t pin[NG_PIN_LEN] = {0};
	uint32_t bits = 0, n_bits = 0;
	size_t n = 0;
	(void)field;
	*advice = "write the base64 of a SHA-256; see namegate.conf(5) for how to get it";
	if (strlen(text) != 44 || text[43] != '=')
		return "this is not the base64 of 32 octets";
	for (size_t i = 0; i < 43; i++) {
		const char *digit = strchr(base64, text[i]);
		if (digit == NULL)
			return "this is not the base64 of 32 octets";
		bits = bits << 6 | (uint32_t)(digit - base64);
		n_bits += 6;
		if (n_bits >= 8 && n < NG_PIN_LEN) {
			n_bits -= 8;
			pin[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	if (bits & 3)
		return "this is not the base64 of 32 octets";
	memcpy(at, pin, sizeof(pin));
	return NULL;
}

static void pin_print(const void *at, FILE *to)
{
	const uint8_t *pin = at;
	uint32_t bits = 0, n_bits = 0;
	putc('"', to);
	for (size_t i = 0; i < NG_PIN_LEN; i++) {
		bits = bits << 8 | pin[i];
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			putc(base64[bits >> (n_bits - 6) & 63], to);
	}
	putc(base64[bits << (6 - n_bits) & 63], to);
	fputs("=\"", to);
}

static const char *source_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	struct ng_addr addr;
	(void)field;
	*advice = "write an address of this machine, at most one of IPv4 and one of IPv6";
	if (ng_addr_parse(text, &addr) != NG_OK)
		return "this is not an address";
	memcpy(at, &addr, sizeof(addr));
	return NULL;
}

static void source_print(const void *at, FILE *to)
{
	char text[NG_ADDR_TEXT];
	fprintf(to, "\"%s\"", ng_addr_format(at, text));
}

/* Ours say to the kernel what has passed; nobody else's packets may. */
static bool mark_is_ours(unsigned long mark)
{
	return mark == WALL_MARK_CAME || mark == WALL_MARK_PASSED || mark == WALL_MARK_PORT;
}

static const char *mark_read(const struct field *field, const char *text, void *at,
			     const char **advice)
{
	const bool hex = strncmp(text, "0x", 2) == 0;
	const char *digits = hex ? text + 2 : text;
	char *end;
	(void)field;
	*advice = "write a number from 1 to 4294967295, such as 16 or 0x10";
	if (!isxdigit((unsigned char)digits[0]) || strlen(digits) > 10)
		return "this is not a packet mark";
	const unsigned long mark = strtoul(digits, &end, hex ? 16 : 10);
	if (*end != '\0' || mark == 0 || mark > UINT32_MAX)
		return "this is not a packet mark";
	*advice = "take another";
	if (mark_is_ours(mark))
		return "namegate itself marks packets of sandboxes with it";
	*(uint32_t *)at = (uint32_t)mark;
	return NULL;
}

static void mark_print(const void *at, FILE *to)
{
	fprintf(to, "0x%x", *(const uint32_t *)at);
}

static bool mark_is_empty(const void *at)
{
	return *(const uint32_t *)at == 0;
}

const struct kind kind_mark = {sizeof(uint32_t), mark_read, mark_print, mark_is_empty};
const struct kind kind_server = {sizeof(struct conf_server), server_read, server_print, NULL};
const struct kind kind_pin = {NG_PIN_LEN, pin_read, pin_print, NULL};
const struct kind kind_address = {sizeof(struct ng_addr), source_read, source_print, NULL};
